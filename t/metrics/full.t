# SPDX-License-Identifier: BSD-2-Clause

# A zone that is full: new series are counted as "__other__", totals are exact,
# and this is logged once a minute.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use List::Util qw( sum0 );
use Test::Gateway::Samples qw( scrape document );
use Test::Gateway::Server;
use Test::More;

my $port = free_port();
my @codes = (200 .. 207, 300 .. 304, 307, 308, 400 .. 407, 409 .. 417, 421 .. 426, 428, 429, 431,
             451, 500 .. 505, 507, 508, 511);
my @methods = qw( GET POST PUT DELETE OPTIONS PATCH QUERY TRACEROUTE );

my $conf = http_conf(port => $port, workers => 2,
    http => 'gateway_metrics_zone zone=m:1m; keepalive_requests 100000;',
    server => join '', "server_name s;\nlocation /c {\n",
        map({ "if (\$arg_c = $_) { return $_; }\n" } @codes), <<'END');
    }
    location = /metrics { gateway_metrics_page from=any; }
    location /gateway/ { gateway_metrics_page from=any; }
END

# the smallest zone

my ($low, $high) = (0, 640);
while ($high - $low > 1) {
    my $size = int(($low + $high) / 2);
    my $sized = $conf =~ s/m:1m/sprintf 'm:%dk', 16 * $size/er;
    ((nginx_t($sized))[0] == 0 ? $high : $low) = $size;
}
my $k = 16 * $high;
my $server = start_nginx(port => $port, conf => $conf =~ s/m:1m/m:${k}k/r);

my ($sent, $socket) = (0);

sub ask {
    my ($method, $code) = @_;

    $socket //= IO::Socket::INET->new("127.0.0.1:$port") or die "connect: $!";
    print $socket "$method /c?c=$code HTTP/1.1\r\nHost: s\r\nContent-Length: 0\r\n\r\n";
    my $text = '';
    while ($text !~ /\r\n\r\n/ || $text =~ /Content-Length: (\d+).*?\r\n\r\n(.*)/s
                                   && length $2 < $1)
    {
        sysread $socket, $text, 65536, length $text
            or die "closed after: $method $code: $text";
    }
    $socket = undef if $text =~ /^Connection: close/mi;
    $sent++;
}

for my $round (1 .. 3) {
    for my $method (@methods) {
        ask($method, $_) for @codes;
    }
}

my ($at, @series);
ok(wait_until(sub {
    $at = scrape($server);
    @series = grep { /^http_requests_total\{/ } keys %$at;
    sum0(@$at{@series}) == $sent;
}), "$k KB: all series together are $sent requests")
    or diag sum0(@$at{@series});

my $pairs = @codes * @methods;
cmp_ok(scalar @series, '<', $pairs, 'of ' . @series . " series, less than $pairs");
cmp_ok(scalar @series, '>', 10, 'but some');

my $other = 'http_requests_total{server="__other__",route="__other__",'
            . 'method="__other__",code="__other__"}';
cmp_ok($at->{$other} // 0, '>', 0, 'there is one for all others');
is($at->{'metrics_overflow_total{family="nginx_gateway_http_requests_total"}'}, $at->{$other},
   'whose requests are counted as folded');
is($at->{'http_request_duration_seconds_count{server="s",route="/c"}'}, $sent,
   'durations have a series of their own');
is(scalar(() = $server->log =~ /\[warn\].*__other__/g), 1, 'one line is logged')
    or diag $server->log;

my $sentence = 'The zone of the metrics: in the last 5 minutes it was full, new series of '
               . 'nginx_gateway_http_requests_total were counted as __other__.';
my @texts;
ok(wait_until(sub {
    for my $method (@methods) {
        ask($method, $_) for @codes;
    }
    @texts = map { $_->{text} } grep { $_->{alert} eq 'GatewaySeriesFolded' }
             @{ document($server)->{problems} };
    return grep { $_ eq $sentence } @texts;
}, 40), 'the page says so') or diag join "\n", @texts;
$server->stop;

done_testing;
