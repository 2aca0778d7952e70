# SPDX-License-Identifier: BSD-2-Clause

# The data that core keeps of each request (route, duration, how it ended, the
# results of limits), and counters during reloads and killed workers.  A module
# that is added to a copy of the project logs both.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use POSIX ();
use Test::Gateway::Probe ();
use Test::Gateway::Redis;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::More;
use Time::HiRes qw( sleep time );

Test::Gateway::Probe::build_probe();


# --- the upstream server: the path selects what it does

my $origin = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
    or die "listen: $!";
my $test = $$;
defined(my $upstream = fork) or die "fork: $!";
if (!$upstream) { serve(); POSIX::_exit(0) }
END { if ($$ == $test && $upstream) {
          local $?; kill 'KILL', $upstream; waitpid $upstream, 0 } }

sub serve {
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{CHLD} = 'IGNORE';

    while (my $client = $origin->accept) {
        my $child = fork // next;
        if ($child) { close $client; next }

        my $head = '';
        while ($head !~ /\r\n\r\n/ && sysread $client, my $more, 65536) {
            $head .= $more;
        }
        my ($what) = $head =~ m{^\w+ /([\w-]*)};
        my $ok = "HTTP/1.1 200 OK\r\nConnection: close\r\n";

        $client->syswrite("${ok}Content-Length: 10\r\n\r\n01234")
            if $what eq 'cut';
        $client->syswrite("${ok}Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n")
            if $what eq 'cut-chunked';
        $client->syswrite("${ok}X-Cost: 2\r\nContent-Length: 2\r\n\r\nok")
            if $what =~ /^(?:ok|slow|cost)/ && ($what ne 'slow' || sleep 0.3);
        $client->syswrite("${ok}X-Accel-Redirect: /end\r\n"
                          . "Content-Length: 0\r\n\r\n")
            if $what eq 'accel';
        if ($what eq 'silent') {
            sysread $client, my $end, 1;
        }
        if ($what eq 'much') {
            $client->syswrite("$ok\r\n");
            1 while $client->syswrite('x' x 65536);
        }
        POSIX::_exit(0);
    }
}

my $h2_port = free_port();
my $old_h2 = nginx_before(1, 25, 1);
my $listen = $old_h2 ? "listen 127.0.0.1:$h2_port http2;"
                     : "listen 127.0.0.1:$h2_port; http2 on;";

my $to = 'proxy_pass http://127.0.0.1:' . $origin->sockport;
my $nobody = free_port();
my $redis = start_redis();


# --- requests

my $conf = sub {
    my ($observer, %arg) = @_;
    return http_conf(
        %arg, main => $arg{main} // '',
        http => <<"END" . ($observer ? "gateway_observer $observer;" : ''),
    gateway_limit_zone \$arg_k zone=ten:1m rate=10r/d burst=9;
    gateway_limit_zone \$arg_k zone=one:1m rate=1r/d;
    gateway_limit_zone \$arg_k zone=slow:1m rate=20r/s;
    gateway_limit_zone \$arg_k zone=cost:1m quota=100/day;
    gateway_redis there {
        server 127.0.0.1:@{[ $redis->port ]};
        connect_timeout 10s; timeout 10s;
    }
    gateway_redis gone { server 127.0.0.1:$nobody; }
    gateway_limit_zone \$arg_k zone=far:1m quota=100/day redis=there;
    gateway_limit_zone \$arg_k zone=open:1m quota=100/day redis=gone
                       on_error=open;
    gateway_limit_zone \$arg_k zone=closed:1m quota=100/day redis=gone
                       on_error=closed;
    gateway_limit_zone \$arg_k zone=own:1m quota=100/day redis=gone
                       on_error=local;
    proxy_cache_path cache keys_zone=cache:1m;
END
        server => <<"END");
    root html;
    $listen
    client_header_timeout 2s;
    proxy_http_version 1.1;
    proxy_read_timeout 10s;

    location /ok { $to/ok; }
    location /local { return 200 x; }
    location /slow { $to/slow; }
    location /head { $to/ok; }
    location /cut { $to/cut; }
    location /cut-flush { proxy_buffering off; $to/cut; }
    location /cut-chunked { $to/cut-chunked; }
    location /cut-chunked-flush { proxy_buffering off; $to/cut-chunked; }
    location /none { $to/none; }
    location /refused { proxy_pass http://127.0.0.1:$nobody; }
    location /page { error_page 502 =200 /local;
                     proxy_pass http://127.0.0.1:$nobody; }
    location /fallback { error_page 502 = /ok;
                         proxy_pass http://127.0.0.1:$nobody; }
    location /silent { proxy_read_timeout 100ms; $to/silent; }
    location /wait { $to/silent; }
    location /accel { $to/accel; }
    location /end { return 200 end; }
    location /stale {
        proxy_cache cache; proxy_cache_key \$arg_k; proxy_cache_valid 200 1s;
        proxy_cache_use_stale error;
        if (\$arg_x) { proxy_pass http://127.0.0.1:$nobody; }
        $to/ok;
    }
    location /much { send_timeout 200ms; $to/much; }
    location /body { client_body_timeout 100ms; $to/ok; }
    location = /closed { return 444; }
    location /not-found { }

    location /ten { gateway_limit zone=ten; empty_gif; }
    location /one { gateway_limit zone=one; empty_gif; }
    location /both { gateway_limit zone=ten; gateway_limit zone=one;
                     empty_gif; }
    location /would { gateway_limit zone=one dry_run;
                      gateway_limit zone=ten; empty_gif; }
    location /delayed { gateway_limit zone=slow burst=5; empty_gif; }
    location /cost {
        gateway_limit zone=cost cost=\$upstream_http_x_cost settle reserve=5;
        $to/cost;
    }
    location /far {
        gateway_limit zone=far cost=\$upstream_http_x_cost settle reserve=5;
        $to/cost;
    }
    location /far-debt {
        gateway_limit zone=far cost=\$upstream_http_x_cost settle;
        $to/cost;
    }
    location /both-far { gateway_limit zone=one; gateway_limit zone=far;
                         empty_gif; }
    location /open { gateway_limit zone=open; empty_gif; }
    location /closed-redis { gateway_limit zone=closed; empty_gif; }
    location /own {
        gateway_limit zone=own cost=\$upstream_http_x_cost settle reserve=5;
        $to/cost;
    }
    location /debt {
        gateway_limit zone=cost cost=\$upstream_http_x_cost settle;
        $to/cost;
    }
END
};

my $port = free_port();
my $nginx = start_nginx(port => $port,
                        conf => $conf->('a', port => $port, workers => 1,
                                        main => 'worker_shutdown_timeout 1s;'));

# the records of a path, each as a hash
sub records {
    my ($path) = @_;
    return map { { %$_ } }
           map { my %r; @r{qw( uri route end incomplete us again results )}
                     = split /\|/, $_, -1;
                 $r{results} =~ s/^ //; \%r }
           grep { /^\Q$path\E(?:\?[^|]*)?\|/ }
           $nginx->log =~ /observed (.*)\|/g;
}

# sends a request and waits for its record, which it returns
sub record {
    my ($path, $code) = @_;

    my ($plain) = $path =~ /^([^?]*)/;
    my $before = () = records($plain);
    $code ? $code->($path) : http_get($port, $path);
    wait_until(sub { $before < (() = records($plain)) }, 10);

    my @records = records($plain);
    is(scalar @records, $before + 1, "$path: one record");
    return $records[-1] // {};
}

sub ends {
    my ($path, $end, $incomplete, $name, $code) = @_;

    my $record = record($path, $code);
    is("$record->{end} $record->{incomplete}", "$end $incomplete",
       "$path: $name");
    return $record;
}

sub open_request {
    my ($text) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    $socket->autoflush;
    print $socket $text;
    return $socket;
}

sub ask { open_request("GET $_[0] HTTP/1.1\r\nHost: x\r\n\r\n") }

sub reset_by {
    my ($socket) = @_;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $socket;
}


ends('/local', complete => 0, 'a response of nginx');
ends('/ok', complete => 0, 'a response of an upstream server');
ends('/head', complete => 0, 'HEAD',
     sub { http_get($port, $_[0], method => 'HEAD') });
ends('/not-found', complete => 0, 'a 404');
ends('/accel', complete => 0, 'X-Accel-Redirect');
ends('/fallback', complete => 0, 'another upstream server responds');

ends('/refused', upstream => 0, 'connection refused');
ends('/none', upstream => 0, 'the upstream server closes the connection');
ends('/silent', upstream => 0, 'a timeout of the upstream server');
ends('/page', upstream => 0, 'an error page in place of a 502');
ends($_, upstream => 1, 'the upstream server truncates its response')
    for qw( /cut /cut-flush /cut-chunked /cut-chunked-flush );

ends('/wait', client_closed => 1, 'the client leaves',
     sub { my $s = ask($_[0]); sleep 0.1; reset_by($s) });
ends('/much', client_closed => 1, 'the client leaves during the response',
     sub { my $s = ask($_[0]); sysread $s, my $x, 1000; reset_by($s) });
ends('/much', timeout => 1, 'the client reads nothing',
     sub { my $s = ask($_[0]);
           wait_until(sub { 1 < (() = records('/much')) }, 10) });
ends('/body', timeout => 1, 'the client does not send its body',
     sub { my $s = open_request("POST /body HTTP/1.1\r\nHost: x\r\n"
                                . "Content-Length: 5\r\n\r\n");
           wait_until(sub { records('/body') }, 10) });
ends('/closed', closed => 1, 'return 444');

ends('/stale?k=1', complete => 0, 'a response that proxy_cache stores');
sleep 2.1;
ends('/stale?k=1&x=1', complete => 0, 'a stale response in place of an error');

ends('/half', client_closed => 1, 'the client leaves during its request header',
     sub { my $s = open_request("GET $_[0] HTTP/1.1\r\n"); sleep 0.1;
           close $s });
is(ends('/half', timeout => 1, 'the client does not complete its header',
        sub { my $s = open_request("GET $_[0] HTTP/1.1\r\n");
              wait_until(sub { 1 < (() = records('/half')) }, 10) })->{route},
   '', '/half: no route');

# HTTP/2: without a window, nginx cannot complete a response

{
    my $h2 = Test::Gateway::Streams->new($h2_port);
    ends('/ok', complete => 0, 'HTTP/2', sub {
        my $stream = $h2->request('GET', $_[0]);
        $h2->open_window($stream);
        $h2->wait(sub { $h2->ended($stream) });
    });
    ends('/ok', client_closed => 1, 'a stream that is reset', sub {
        my $stream = $h2->request('GET', $_[0]);
        $h2->wait(sub { $h2->status($stream) });
        $h2->reset($stream);
    });
    ends('/wait', client_closed => 1, 'a reset before the response', sub {
        my $stream = $h2->request('GET', $_[0]);
        sleep 0.1;
        $h2->reset($stream);
    });
    ends('/ok', client_closed => 1, 'the connection is closed', sub {
        my $stream = $h2->request('GET', $_[0]);
        $h2->wait(sub { $h2->status($stream) });
        $h2->close;
    });
}

is(ends('/bad', complete => 0, 'a 400',
        sub { my $s = open_request("GET /bad HTTP/1.1\r\n\r\n");
              local $/; <$s> })->{route}, '', '/bad: no route');
is(record('/ok')->{route}, '/ok', '/ok: a route');
is(record('/fallback')->{route}, '/fallback',
   '/fallback: the route is that before the error page');


# --- durations

my $fast = record('/local');
cmp_ok($fast->{us}, '>', 0, "a fast request: $fast->{us} us");
cmp_ok($fast->{us}, '<', 1e6, 'less than a second');

my $slow = record('/slow');
cmp_ok($slow->{us}, '>=', 300_000, "a slow upstream server: $slow->{us} us");
is($slow->{again}, 0, 'a second call returns the same duration');

my $head = record('/local', sub {
    my $s = open_request("GET $_[0] HTTP/1.1\r\n");
    sleep 0.3;
    print $s "Host: x\r\nConnection: close\r\n\r\n";
    local $/;
    <$s>;
});
cmp_ok($head->{us}, '>=', 200_000, "a slow client: $head->{us} us");

$head = record('/bad', sub {
    my $s = open_request("GET $_[0] HTTP/1.1\r\n");
    sleep 0.3;
    print $s "\r\n";
    local $/;
    <$s>;
});
cmp_ok($head->{us}, '>=', 200_000,
       "a slow client, rejected before the REWRITE phase: $head->{us} us");


# --- results

sub results { record(@_)->{results} }

is(results('/local'), '', 'no limit');
is(results('/ten?k=a'), 'ten:PASSED:9', 'a limit passes a request');
is(results('/ten?k=a'), 'ten:PASSED:8', 'a limit passes another request');
is(results('/one?k=a'), 'one:PASSED:0', 'another limit passes a request');
is(results('/one?k=a'), 'one:REJECTED:0', 'a limit rejects a request');
is(results('/both?k=b'), 'ten:PASSED:9 one:PASSED:0', 'two limits pass');
is(results('/both?k=b'), 'ten:PASSED:9 one:REJECTED:0',
   'one limit rejects, the charge of the other is refunded');
is(results('/would?k=c'), 'one:PASSED:0 ten:PASSED:9', 'dry_run passes');
is(results('/would?k=c'), 'one:REJECTED_DRY_RUN:0 ten:PASSED:8',
   'dry_run would reject');

my @sockets = map { ask('/delayed?k=d') } 1 .. 3;
wait_until(sub { 3 <= (() = records('/delayed')) }, 10);
is(join(' ', sort map { $_->{results} =~ s/:\d+$//r } records('/delayed')),
   'slow:DELAYED slow:DELAYED slow:PASSED', 'a limit delays requests');

is(results('/cost?k=e'), 'cost:PASSED:98', 'settle: 5 reserved, 2 charged');
is(results('/cost?k=e'), 'cost:PASSED:96', 'settle: the same, again');
is(results('/debt?k=e'), 'cost:PASSED:94', 'settle: nothing reserved');

# the same with Redis, whose reply to "settle" is too late for the record

is(results('/far?k=e'), 'far:PASSED:98', 'Redis: 5 reserved, 2 charged');
is(results('/far?k=e'), 'far:PASSED:96', 'Redis: the same, again');
is(results('/far-debt?k=e'), 'far:PASSED:94', 'Redis: nothing reserved');
is(results('/far-debt?k=e'), 'far:PASSED:92', 'Redis: nothing reserved, again');
is(results('/both-far?k=g'), 'one:PASSED:0 far:PASSED:99',
   'a local limit and one in Redis pass');
is(results('/both-far?k=g'), 'one:REJECTED:0',
   'the local limit rejects, without a call to Redis');
is(results('/open?k=e'), 'open:PASSED:-', 'Redis is down: on_error=open');
is(results('/closed-redis?k=e'), 'closed:ERROR:-',
   'Redis is down: on_error=closed');
is(results('/own?k=e'), 'own:PASSED:98', 'Redis is down: on_error=local');


# --- a worker shuts down

my $held = ask('/wait');
my $h2 = Test::Gateway::Streams->new($h2_port);
$h2->request('GET', '/wait');
sleep 0.1;
my $before = () = records('/wait');
$nginx->reload($conf->('a', port => $port, workers => 1));
wait_until(sub { $before + 1 < (() = records('/wait')) }, 10);
is((records('/wait'))[$_]{end}, 'shutdown', 'worker_shutdown_timeout')
    for -1, -2;
$h2->close;
close $held;
$nginx->allow('open socket');
$nginx->stop;


# --- counters

$port = free_port();
$nginx = start_nginx(port => $port, conf => $conf->('a b w', port => $port));

my %made = (requests => 0, held => 0);

sub load {
    my ($n, $query) = @_;
    for (1 .. $n) {
        my ($status) = http_get($port, "/local$query");
        $made{$query ? 'held' : 'requests'}++ if $status == 200;
    }
}

# kills all workers, and waits for new ones
sub killed {
    my @old = $nginx->workers;
    $nginx->allow(map { "process $_ exited on signal 9" } @old);
    kill 'KILL', @old;
    wait_until(sub {
        my %now = map { $_ => 1 } $nginx->workers;
        return keys %now >= @old && !grep { $now{$_} } @old;
    }, 10);
}

# the counters that the last worker logged on exit, and its requests by label
sub counted {
    my $log = $nginx->log;
    my ($pid, @records) = $log =~ /.*(?<=\s)(\d+) counted made (\d+), written (\d+), lost (\d+)/s;
    my %requests = $log =~ /\b$pid counted \w+\{(\w+)\}: (\d+)/g;
    return (\@records, \%requests);
}

load(50, '');
load(7, '?hold');
killed();
load(30, '');
killed();
load(5, '?hold');
load(20, '');
$nginx->reload($conf->('c w a', port => $port, workers => 20));
wait_until(sub { $nginx->workers == 20 });
load(60, '');
load(4, '?hold');
killed();
load(60, '');
my $with_b = 112;
$nginx->reload($conf->('a b w c', port => $port));
load(9, '');

# another request, which ends in a worker of an old configuration
my $old = ask('/slow');
sleep 0.1;
$nginx->reload($conf->('b a w', port => $port));
close $old;

$nginx->stop('a server with killed workers and reloads');

my ($records, $requests) = counted();
my $all = $made{requests} + $made{held} + 1;
is($made{requests} + $made{held}, 245, 'all requests are answered');
is_deeply($requests, { a => $all, b => $with_b + 9 + 1, w => $all },
          'exact totals, also of a counter that was removed for some time');
is($records->[0], $all, 'made');
is($records->[1], $made{requests} + 1, 'written');
is($records->[2], $made{held}, 'records that killed workers held are lost');


# --- more counters than the zone has room for

$port = free_port();
$nginx = start_nginx(port => $port,
    conf => $conf->(join(' ', map { "n$_" } 1 .. 2049), port => $port,
                    workers => 1));
like($nginx->log, qr/\[warn\] .*requests_total\{n2049\} is not counted, this /,
     'nginx warns of one counter too many');
is(() = $nginx->log =~ /is not counted/g, 1, 'it is the only warning');
load(1, '');
$nginx->stop('too many counters');

($records, $requests) = counted();
is_deeply([ @$requests{qw( n1 n2048 n2049 )} ], [ 1, 1, 0 ],
          'the other counters are counted');

# a word is required: without room for it, the configuration is rejected

for my $n (2047, 2048) {
    my ($code, $said) = nginx_t($conf->(join ' ', (map { "n$_" } 1 .. $n), 'w'));
    is($code, $n == 2047 ? 0 : 1, "$n counters and a word") or diag($said);
    like($said, qr/\[emerg\] .*no room for word\{w\}, this .* than 2048 counters/,
         'the word is rejected') if $n == 2048;
}


# --- master_process off

$port = free_port();
$nginx = start_nginx(port => $port,
    conf => $conf->('a', port => $port, main => 'master_process off;'));
load(3, '?hold');
load(2, '');
$nginx->stop('one process');

($records, $requests) = counted();
is_deeply([ $records, $requests ], [ [ 5, 2, 0 ], { a => 5 } ],
          'a single process: the held records are not lost');

done_testing;
