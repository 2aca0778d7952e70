# SPDX-License-Identifier: BSD-2-Clause

# The size of the zone: the table of the README, and 1,000 routes in 32 MB that
# two workers use through reloads, with history.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use List::Util qw( sum0 );
use Test::Gateway::Samples qw( page document events );
use Test::Gateway::Server;
use Test::More;

# the size that is accepted, in steps of 16 KB

sub smallest {
    my ($conf) = @_;

    my ($least) = (nginx_t($conf))[1] =~ /at least (\d+)m is needed/;
    my ($low, $high) = (0, 64 * ($least // 100));

    while ($high - $low > 1) {
        my $size = int(($low + $high) / 2);
        my $sized = $conf =~ s/m:1m/sprintf 'm:%dk', 16 * $size/er;
        ((nginx_t($sized))[0] == 0 ? $high : $low) = $size;
    }
    return 16 * $high;
}

sub routes { join "\n", map { "location = /r$_ { return 204; }" } 1 .. $_[0] }


# --- the table

my @rows;
{
    open my $in, '<', 'modules/metrics/README.md' or die $!;
    @rows = map { /^\| (\d+) \| (\d+)m \| (\d+)m \| (\d+)m \|$/
                  ? [ $1, $2, $3, $4 ] : () } <$in>;
}
is(scalar @rows, 3, 'rows of the table');

my @workers = (2, 16, 64);

for my $row (@rows) {
    my ($routes, @size) = @$row;
    for my $i (0 .. $#workers) {
        my @codes = map {
            (nginx_t(http_conf(workers => $workers[$i], port => free_port(),
                               http => "gateway_metrics_zone zone=m:${_}m;",
                               server => routes($routes))))[0]
        } $size[$i] - 1, $size[$i];
        is("@codes", '1 0',
           "$routes routes, $workers[$i] workers: $size[$i]m, not less");
    }
}


# --- tops have their place in the smallest zone, too

{
    my $conf = http_conf(workers => 2, port => free_port(),
        http => 'gateway_metrics_zone zone=m:1m;'
                . join('', map { "gateway_metrics_top $_ \$arg_$_ max=1000;" }
                               qw( a b )),
        server => routes(20)
                  . "\nlocation /gateway/ { gateway_metrics_page from=any; }");
    my ($least) = (nginx_t($conf))[1] =~ /at least (\d+)m is needed/;

    my $k = smallest($conf);
    note "$k KB are accepted, at least ${least}m is the advice";
    cmp_ok($k, '>', 1024 * ($least - 2), 'the advice is not too large');

    my $port = free_port();
    my $server = start_nginx(port => $port, conf => $conf
        =~ s/m:1m/m:${k}k/r =~ s/listen 127\.0\.0\.1:\d+/listen 127.0.0.1:$port/r);
    $server->get("/r1?a=x$_&b=y$_") for 1 .. 30;
    my $text = (page($server, '/gateway/metrics'))[1];
    for my $name (qw( a b )) {
        is(scalar(() = $text =~ /^nginx_gateway_${name}_requests_total\{$name="[xy]\d+",class="2xx"\} 1$/mg),
           30, "$k KB: $name has a series for each value");
    }
    $server->stop;
}


# --- a zone that is kept has room for other workers, but not for more routes

{
    my $port = free_port();
    my $conf = sub {
        my ($workers, $routes, $size) = @_;
        return http_conf(workers => $workers, port => $port,
            http => "gateway_metrics_zone zone=m:$size;",
            server => routes($routes)
                      . "\nlocation /gateway/ { gateway_metrics_page from=any; }");
    };
    my $k = smallest($conf->(1, 300, '1m')) . 'k';
    my $server = start_nginx(port => $port, conf => $conf->(1, 300, $k));
    my $text = sub { (page($server, '/gateway/metrics'))[1] // '' };
    $server->get('/r1') for 1 .. 7;

    ok($server->reload($conf->(8, 300, $k)), "$k: a reload with 8 workers");
    ok(wait_until(sub { $text->() =~ /^nginx_gateway_workers 8$/m }),
       'which are there');
    $server->get("/r$_") for 1 .. 300;
    ok(wait_until(sub {
        my $is = $text->();
        300 == (() = $is =~ /^nginx_gateway_http_requests_total\{.*code="204"\} [18]$/mg);
    }), 'each route is counted, with what was counted before')
        or diag $text->();
    is(scalar(() = $text->() =~ /^nginx_gateway_metrics_overflow_total.* [1-9]/mg),
       0, 'nothing is folded');

    $server->allow('is too small for 2000 routes');
    $server->reload($conf->(8, 2000, $k), wait => 0);
    ok(wait_until(sub { $server->log =~ /"m" of "gateway_metrics_zone" is too small for 2000 routes/ }),
       'a reload with more routes is refused');
    is(($server->get('/r300'))[0], 204, 'and the old configuration serves');
    $server->stop;
}


# --- 1,000 routes in use

my $port = free_port();
my $server = start_nginx(port => $port, conf => http_conf(
    port => $port, workers => 2,
    http => 'gateway_metrics_zone zone=m:32m; keepalive_requests 10000;',
    server => routes(1000) . <<'END'));

    location = /pid { gateway_metrics off; return 200 $pid; }
    location /gateway/ { gateway_metrics_page from=127.0.0.1; }
END

my $sent = 0;

# requests of all routes, by each worker

sub round {
    my %left;
    wait_until(sub { %left = map { $_ => 1 } $server->workers; keys %left == 2 });

    for (1 .. 200) {
        my $socket = IO::Socket::INET->new("127.0.0.1:$port")
            or die "connect: $!";
        my $ask = sub {
            my ($method, $path) = @_;
            print $socket "$method $path HTTP/1.1\r\nHost: x\r\n"
                          . "Content-Length: 0\r\n\r\n";
            my $text = '';
            while ($text !~ /\r\n\r\n/
                   || $text =~ /Content-Length: (\d+).*?\r\n\r\n(.*)/s
                      && length $2 < $1)
            {
                sysread $socket, $text, 4096, length $text
                    or die "closed: $text";
            }
            return $text =~ /\r\n\r\n(\d+)/ ? $1 : $text;
        };
        delete $left{ $ask->('GET', '/pid') } or next;
        for my $i (1 .. 1000) {
            $ask->($_, "/r$i"), $sent++ for qw( GET POST );
        }
        last if !%left;
    }
    return !%left;
}

sub samples { (page($server, '/gateway/metrics'))[1] // '' }

sub total {
    my ($text, $family) = @_;
    return sum0($text =~ /^nginx_gateway_\Q$family\E\{[^}]*\} (\S+)$/mg);
}

for my $n (1 .. 3) {
    ok(round(), "both workers count all routes, $n");
    ok(wait_until(sub { total(samples(), 'http_requests_total') == $sent }, 20),
       "each request is counted: $sent") or diag total(samples(),
                                                       'http_requests_total');
    $server->reload if $n < 3;
}

my $text = samples();
is(total($text, 'metrics_overflow_total'), 0, 'no series is folded');
unlike($text, qr/route="__other__"/, 'each has labels of its own');
is(scalar(() = $text =~ /^nginx_gateway_http_requests_total\{[^}]*"\} 6$/mg),
   2000, 'of each route and method') or do {
    my %of;
    $of{$1}++ while $text =~ /^nginx_gateway_http_requests_total\{[^}]*"\} (\S+)$/mg;
    diag length($text) . ' bytes; ' . join ', ', map { "$of{$_} of $_" } sort keys %of;
};

sub histories {
    return scalar grep { $_->{kind} eq 'route' && events($_, 'rate') }
                  @{ document($server, '/history')->{series} };
}

ok(wait_until(sub { histories() >= 1000 }, 40), 'each route has a history')
    or diag histories();
$server->stop;

done_testing();
