# SPDX-License-Identifier: BSD-2-Clause

# A worker that makes more calls than Redis can answer in time: clients take turns,
# late calls are decided by the local share, and Redis has not failed.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Bypass::Client;
use Test::Gateway::FakeRedis;
use Test::Gateway::Load;
use Test::Gateway::Parts;
use Test::Gateway::Redis;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw( sleep time );

BEGIN { $Test::Gateway::More = 1 }

# calls in flight, and the number of calls that Redis must answer in time
my $window = 512;
my $short = 64;


# --- a gateway with one worker, HTTP/1.1 and HTTP/2; %arg: timeout, more

my ($server, $h2);

sub gateway {
    my ($port, %arg) = @_;

    my $http1 = free_port();
    $h2 = free_port();
    my $listen = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$h2 http2;"
                                        : "listen 127.0.0.1:$h2; http2 on;";
    my $timeout = $arg{timeout} ? "timeout $arg{timeout};" : '';
    my $breaker = $arg{breaker} // 'failures=5 retry=1h';
    my $locations = <<'END';
    location /closed { gateway_limit zone=closed; empty_gif; }
    location /open   { gateway_limit zone=open;   empty_gif; }
    location /half   { gateway_limit zone=half;   empty_gif; }
    location /ten    { gateway_limit zone=ten;    empty_gif; }
END
    $locations .= <<"END" for qw( closed open half );
    location /settle/$_ { gateway_limit zone=$_ cost=4 settle; empty_gif; }
    location /look/$_   { gateway_limit zone=$_ cost=0; empty_gif; }
END
    my $conf = http_conf(workers => 1, port => $http1, server => $locations,
                         main => 'error_log logs/error.log '
                                 . ($arg{log} // 'info') . ';', http => <<"END");
    gateway_redis fleet {
        server 127.0.0.1:$port; connect_timeout 10s; breaker $breaker;
        $timeout
        @{[ $arg{more} // '' ]}
    }
    gateway_limit_zone \$arg_k zone=closed:8m rate=1r/d burst=9 redis=fleet
                       on_error=closed;
    gateway_limit_zone \$arg_k zone=open:8m rate=1r/d burst=9 redis=fleet
                       on_error=open;
    gateway_limit_zone \$arg_k zone=half:8m rate=1r/d burst=9 redis=fleet
                       on_error=local=0.5;
    gateway_limit_zone \$arg_k zone=ten:8m quota=10/month redis=fleet
                       on_error=open;
    http2_max_concurrent_streams 1000;
    add_header X-Is "\$gateway_limit_status|\$gateway_limit_source" always;
    log_format source \$uri:\$status:\$gateway_limit_source;
    access_log logs/source.log source buffer=64k flush=100ms;
    server {
        $listen
        $locations
    }
END
    $conf =~ s/^    access_log off;\n//m;
    $conf =~ s/worker_connections 256/worker_connections 4096/;
    return $server = start_nginx(conf => $conf, port => $http1);
}

sub errors { grep { /\[error\]/ } split /^/, $server->log }

sub sources {
    my %count;
    open my $in, '<', $server->dir . '/logs/source.log' or return %count;
    while (<$in>) { chomp; $count{$_}++ }
    return %count;
}

sub is_of {
    my %count;
    $count{ "$_->{status} " . (header($_, 'X-Is') // '') }++ for @_;
    return CORE::join ', ', map { "$_: $count{$_}" } sort keys %count;
}

sub good { return [ integers => 1, int(time * 1e6), $_[0], 86_400_000_000, 0 ] }


# --- clients

# HTTP/1.1 connections that have sent one request each
sub http1 {
    return map {
        my $socket = IO::Socket::INET->new('127.0.0.1:' . $server->port)
            or die "connect: $!";
        print $socket "GET $_ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        $socket;
    } @_;
}

sub response {
    my $text = CORE::join '', readline $_[0];
    my ($head) = split /\r\n\r\n/, $text;
    return { status => $text =~ m{^HTTP/1.1 (\d+)} ? $1 : 0, head => $head };
}

# an HTTP/2 connection that has sent requests of about 26 bytes each
sub http2 {
    my (@paths) = @_;

    my $frame = \&Test::Gateway::Bypass::Client::frame;
    my $length = \&Test::Gateway::Bypass::Client::hpack_length;
    my $socket = IO::Socket::INET->new("127.0.0.1:$h2") or die "connect: $!";
    my $bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                . $frame->(4, 0, 0, pack 'nN', 4, 1 << 20)
                . $frame->(8, 0, 0, pack 'N', (1 << 31) - 65536);
    my $stream = 1;
    for (@paths) {
        # :method GET, :scheme http, :path, :authority, indexed but for the path
        $bytes .= $frame->(1, 5, $stream, "\x82\x86\x04" . $length->(length $_)
                                  . $_ . ($stream == 1 ? "\x41\x01a" : "\xbe"));
        $stream += 2;
    }
    return { socket => $socket, out => $bytes, in => '', left => scalar @paths };
}

# sends and receives until all requests have responses, or for some seconds
sub talk {
    my ($seconds, @clients) = @_;

    my $end = time + $seconds;
    my %of = map { fileno $_->{socket} => $_ } @clients;
    $_->{socket}->blocking(0) for @clients;
    local $SIG{PIPE} = 'IGNORE';

    while (time < $end && grep { $_->{left} > 0 } values %of) {
        my $read = IO::Select->new(map { $_->{socket} } values %of);
        my $write = IO::Select->new(map { $_->{socket} }
                                    grep { length $_->{out} } values %of);
        my ($r, $w) = IO::Select->select($read, $write, undef, 0.2);
        for (map { $of{fileno $_} } @{ $w // [] }) {
            my $n = syswrite $_->{socket}, $_->{out};
            substr $_->{out}, 0, $n // 0, '';
        }
        for (map { $of{fileno $_} } @{ $r // [] }) {
            my $n = sysread $_->{socket}, $_->{in}, 65536, length $_->{in};
            delete $of{fileno $_->{socket}} if defined $n && !$n;
            frames($_);
        }
    }
    return;
}

sub frames {
    my ($client) = @_;

    while (length $client->{in} >= 9) {
        my ($high, $low, $type, $flags) = unpack 'CnCC', $client->{in};
        my $length = $high << 16 | $low;
        last if length $client->{in} < 9 + $length;
        my $payload = substr $client->{in}, 0, 9 + $length, '';
        my $status = $type == 1
            ? Test::Gateway::Bypass::Client::status_of(substr $payload, 9) : '';
        $client->{status}{$status}++ if $status;
        $client->{left}-- if $type == 3 || $type <= 1 && $flags & 1;
        $client->{out} .= Test::Gateway::Bypass::Client::frame(4, 1, 0, '')
            if $type == 4 && !($flags & 1);
    }
    return;
}


# --- a full window of calls, then turns

part(sub {
    my $fake = fake_redis(actions => [ [ hold => good(5) ], good(5) ]);
    gateway($fake->port, timeout => '20s');
    $fake->wait_for('script', 2);

    my $many = http2(map { "/closed?k=m$_" } 1 .. 900);
    talk(0.5, $many);
    ok($fake->wait_for('evalsha', $window), 'one client: a window of its calls');
    my @others = http1(map { "/closed?k=o$_" } 1 .. 3);
    sleep 0.5;
    is($fake->calls, $window, '    is what Redis has, and no more');

    $fake->release;
    talk(20, $many);
    is($many->{status}{200}, 900, '    then all are answered');
    is(is_of(map { response($_) } @others), '200 PASSED|redis: 3',
       '    and those of others');

    my @order = map { $_->[3] } $fake->commands('evalsha');
    is(scalar(@order), 903, '    by Redis');
    my %m = map { $_ => 1 } @order[0 .. $window - 1];
    my @first = @order[$window .. $window + 3];
    is(scalar(grep { !$m{$_} } @first), 4, '    which is then asked for new ones');

    # keys of zone "closed" are recognized by their calls
    my %asked = map { $order[$_] => $_ } 0 .. $#order;
    my @places = sort { $a <=> $b }
                 map { $asked{ redis_key("closed", "o$_") } // 1e9 } 1 .. 3;
    cmp_ok($places[-1], '<', $window + 6, "    in turn: others had $window in "
           . "front of them, and not 900 (@places)");
    is(CORE::join('', errors()), '', '    nothing has failed');
    $server->stop;
    $fake->stop;
});

sub redis_key {
    my ($zone, $key) = @_;
    require Digest::SHA;
    return 'gateway:{' . substr(Digest::SHA::sha256_hex($key), 0, 32)
           . "}:$zone:g";
}


# --- late calls while Redis answers: the node decides, the breaker stays closed

# the results of $n calls if Redis answers one of them every 150 ms
sub slowly {
    my ($zone, $n) = @_;

    my $fake = fake_redis(actions => [ [ hold => good(5) ], good(5) ]);
    gateway($fake->port, timeout => '2s', breaker => 'failures=1000 retry=1h');
    $fake->wait_for('script', 2);

    my @clients = http1(map { "/$zone?k=$_" } 1 .. $n);
    ok($fake->wait_for('evalsha', $n > $window ? $window : $n), "$zone: $n calls");
    my $answered = 0;
    my $end = time + 2.6;
    while (time < $end) {
        $fake->release(1);
        $answered++;
        sleep 0.15;
    }

    my %got;
    $got{"$_->{status} " . header($_, 'X-Is')}++ for map { response($_) } @clients;
    my $by_redis = delete $got{'200 PASSED|redis'} // 0;
    cmp_ok($by_redis, '>=', 1, "    $by_redis are answered in time");
    cmp_ok($by_redis, '<=', $answered, '    of those that were');
    $fake->stop;
    return ($n - $by_redis, %got);
}

for my $zone (qw( closed open half )) {
    part(sub {
        my ($late, %got) = slowly($zone, $window + 88);
        is(CORE::join(' ', %got), "200 PASSED|local $late",
           '    other requests are late because of earlier ones');
        like(CORE::join('', errors()),
             qr/backlog of calls to Redis \(\d+ calls in flight\), limiting locally/,
             '    the reason is logged');
        unlike($server->log, qr/no reply from/, '    no failure of Redis is logged');
        unlike($server->log, qr/breaker open/, '    the breaker is closed');
        $server->stop;
    });
}

# with few calls, a late reply is a failure of Redis

part(sub {
    my ($late, %got) = slowly('closed', $short - 1);
    is(CORE::join(' ', %got), "503 ERROR| $late", '    others are late by Redis');
    like($server->log, qr/no reply from/, '    which has failed');
    $server->stop;
});

# a silent Redis has failed for all calls

for my $case ([ closed => '503 ERROR|: 600' ], [ open => '200 PASSED|open: 600' ],
              [ half => '200 PASSED|local: 600' ])
{
    part(sub {
        my ($zone, $all) = @$case;
        my $fake = fake_redis(actions => [ 'silence' ]);
        gateway($fake->port, timeout => '2s');
        $fake->wait_for('script', 2);
        my @clients = http1(map { "/$zone?k=$_" } 1 .. 600);
        is(is_of(map { response($_) } @clients), $all,
           "$zone, a silent Redis: all calls are late by it");
        like($server->log, qr/failures=5 reached, breaker open, retry in/,
             '    which opens the breaker');
        $server->stop;
        $fake->stop;
    });
}


# --- max_pending: the node decides further requests at once

for my $case ([ closed => 10 ], [ open => 10 ], [ half => 5 ]) {
    part(sub {
        my ($zone, $share) = @$case;

        my $fake = fake_redis(actions => [ [ hold => good(5) ], good(5) ]);
        gateway($fake->port, timeout => '20s', more => 'max_pending 20;');
        $fake->wait_for('script', 2);

        my @asked = http1(map { "/$zone?k=w$_" } 1 .. 20);
        ok($fake->wait_for('evalsha', 20), "$zone, max_pending 20: all are taken");
        my @many = http_many([ map { [ $server->port, "/$zone?k=x" ] } 1 .. 30 ]);
        is(is_of(@many), "200 PASSED|local: $share, 429 REJECTED|local: "
                         . (30 - $share), '    the rest uses the local share');
        is(header($many[0], 'X-RateLimit-Limit'), $share, '    as the headers say');
        is($fake->calls, 20, '    Redis is not called');
        is(scalar(grep { /max_pending reached \(20 calls in flight\), limiting / }
                  errors()),
           1, '    this is logged once');
        $fake->release;
        is(is_of(map { response($_) } @asked), '200 PASSED|redis: 20',
           '    the first have their answers');
        is(is_of(http_many([ [ $server->port, "/$zone?k=y" ] ])),
           '200 PASSED|redis: 1', '    then it is asked again');
        $server->stop;
        $fake->stop;
    });
}

# a cost that is known later is charged where the request was decided

for my $case ([ closed => 10 ], [ open => 10 ], [ half => 5 ]) {
    part(sub {
        my ($zone, $share) = @$case;

        my $fake = fake_redis(actions => [ [ hold => good(5) ], good(5) ]);
        gateway($fake->port, timeout => '20s', more => 'max_pending 1;');
        $fake->wait_for('script', 2);

        my ($asked) = http1("/$zone?k=w");
        ok($fake->wait_for('evalsha', 1), "$zone, max_pending 1: settle");
        for my $left ($share, $share - 4) {
            my ($is) = http_many([ [ $server->port, "/look/$zone?k=x" ] ]);
            is(header($is, 'X-RateLimit-Remaining'), $left, "    $left are left");
            http_many([ [ $server->port, "/settle/$zone?k=x" ] ]) if $left == $share;
        }
        $fake->release;
        is(is_of(response($asked)), '200 PASSED|redis: 1', '    of this node');
        $server->stop;
        $fake->stop;
    });
}

# one client cannot take the last places

part(sub {
    my $fake = fake_redis(actions => [ [ hold => good(5) ], good(5) ]);
    gateway($fake->port, timeout => '20s', more => 'max_pending 80;');
    $fake->wait_for('script', 2);

    my $many = http2(map { "/closed?k=m$_" } 1 .. 200);
    talk(1, $many);
    ok($fake->wait_for('evalsha', 70), 'one client has seven of eight places');
    is($many->{status}{200}, 130, '    others of its calls are decided here');
    my @others = http1(map { "/closed?k=o$_" } 1 .. 10);
    ok($fake->wait_for('evalsha', 80), '    the last are for other clients');
    is(is_of(http_many([ [ $server->port, '/closed?k=x' ] ])),
       '200 PASSED|local: 1', '    until they are taken');
    $fake->release;
    is(is_of(map { response($_) } @others), '200 PASSED|redis: 10',
       '    which Redis answers');
    talk(20, $many);
    is($many->{status}{200}, 200, '    and the first client');
    $server->stop;
    $fake->stop;
});


# --- a real Redis: a burst of one client every second, and other clients

for my $case ([ closed => 60, '' ], [ open => 120, '' ], [ closed => 120, '500ms' ],
              [ open => 60, 'max_pending 4096' ])
{
    part(sub {
        my ($zone, $connections, $more) = @$case;
        my $real = start_redis();

        # a timeout that a busy machine can meet
        gateway($real->port, log => 'error',
                timeout => $more =~ /ms/ ? $more : '1s',
                more => $more =~ /pending/ ? "$more;" : '');
        wait_until(sub { $real->connections == 1 }, 10);

        my ($n, $rounds) = ($connections * 128, 3);
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            for my $round (1 .. $rounds) {
                my $began = time;
                talk(30, map {
                    my $c = "$round-$_";
                    http2((map { "/$zone?k=$c-$_" } 1 .. 118),
                          ("/ten?k=one") x 10);
                } 1 .. $connections);
                my $rest = $began + 1 - time;
                sleep $rest if $rest > 0;
            }
            POSIX::_exit(0);
        }

        my $i = 0;
        my $over = 0;
        my @others = http_many([ map { [ $server->port, "/$zone?k=other$_" ] }
                                 1 .. 100_000 ], at_once => 4, timeout => 110,
            while => sub {
                $over ||= waitpid($pid, POSIX::WNOHANG()) == $pid;
                sleep 0.002;
                return !$over;
            });
        my %is;
        $is{"$_->{status} " . (header($_, 'X-Is') // '')}++ for @others;
        my $all = @others;
        my ($redis, $local) = map { delete $is{"200 PASSED|$_"} // 0 }
                              qw( redis local );
        cmp_ok($all, '>', 20, "$zone $more: $rounds bursts of $n, and $all others");
        is(CORE::join(' ', %is), '', '    of which none is refused or uncounted');
        is($redis + $local, $all, "    Redis has decided $redis, and the node $local");

        my %of;
        wait_until(sub { %of = sources(); my $sum = 0; $sum += $_ for values %of;
                         $sum >= $n * $rounds + $all }, 10);
        my $sum = 0;
        $sum += $of{$_} for grep { m{^/\w+:(?:200|429):(?:redis|local|deny_cache)$} }
                            keys %of;
        is($sum, $n * $rounds + $all, '    all of the bursts are counted as well');
        my $by_node = 0;
        $by_node += $of{$_} for grep { /:local$/ } keys %of;
        note("$zone $more: $by_node of $sum decided locally");
        cmp_ok($of{'/ten:200:redis'} // 0, '<=', 10, '    of one key Redis admits ten');
        cmp_ok($of{'/ten:200:local'} // 0, '<=', 10, '    and the node ten');
        unlike($server->log, qr/breaker open/, '    the breaker is closed');
        $server->stop;
    });
}

parts_done();
done_testing();
