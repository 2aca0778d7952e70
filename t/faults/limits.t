# SPDX-License-Identifier: BSD-2-Clause

# Limits in shared memory are exact with four workers, during reloads, and when
# workers are killed at any point.
#
# Environment: REQUESTS (100000) for each algorithm, KILLS (30).

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Flood;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::More;
use Time::HiRes qw( sleep time );

my $requests = $ENV{REQUESTS} || 100_000;
my $kills = $ENV{KILLS} || 30;
my $budget = int $requests / 3;
my $some = $budget - 1;

my $zones = <<END;
    gateway_limit_zone \$server_port zone=gcra:1m rate=1r/d burst=1000;
    gateway_limit_zone \$server_port zone=sliding:1m rate=${budget}r/d
                       algorithm=sliding_window;
    gateway_limit_zone \$server_port zone=fixed:1m rate=${budget}r/d
                       algorithm=fixed_window;
    gateway_limit_zone \$server_port zone=month:1m quota=$budget/month;
    gateway_limit_zone \$server_port zone=once:1m rate=1r/s burst=$some;
    gateway_limit_zone \$server_port zone=refill:1m rate=1000r/s burst=99;
    gateway_limit_zone \$arg_k       zone=tiny:64k rate=1r/d burst=9;
END

sub locations {
    return join "\n", 'keepalive_requests 1000000;',
        map({ "location = /$_ { gateway_limit zone=$_; empty_gif; }" }
            qw( gcra sliding fixed month once refill tiny )),
        'location = /all { ' . join(' ', map { "gateway_limit zone=$_;" }
            qw( sliding fixed month )) . ' empty_gif; }',
        'location = /limits { gateway_limit_admin from=127.0.0.1 '
        . join(' ', map { "zone=$_" } qw( gcra sliding fixed month once tiny ))
        . '; }';
}

my $log = 'worker_shutdown_timeout 5s;';

sub conf {
    my ($port, $more) = @_;

    return http_conf(main => $log, http => $zones, workers => 4,
                     port => $port, server => locations() . ($more // ''));
}

sub used {
    my ($nginx, $zone, $key) = @_;

    my (undef, undef, $body) = $nginx->get("/limits?zone=$zone&key=$key");
    return $body =~ /"used":(\d+)/ ? $1 : "none: $body";
}

sub start {
    my $port = free_port();
    my $nginx = start_nginx(conf => conf($port), port => $port);
    wait_until(sub { $nginx->workers == 4 });
    return $nginx;
}


# --- four workers

{
    my $nginx = start();
    my $port = $nginx->port;

    for my $zone (qw( sliding fixed month )) {
        my %count = flood($port, "/$zone", $requests);
        is($count{200}, $budget, "$zone: $budget of $requests are admitted");
        is($count{429}, $requests - $budget, "$zone: all others are rejected");
        is(used($nginx, $zone, $port), $budget, "$zone: \"used\" is exact");
    }

    my %count = flood($port, '/gcra', 20_000);
    is($count{200}, 1001, 'gcra: burst + 1 of 20000 are admitted');
    is($count{429}, 18_999, 'gcra: all others are rejected');

    # under load no more requests than the burst and the refilled units
    my $start = time;
    %count = flood($port, '/refill', $requests);
    my $most = 100 + 1000 * (time - $start);
    cmp_ok($count{200}, '<=', $most, 'refill: the rate is not exceeded');
    cmp_ok($count{200}, '>=', 100, 'refill: the burst is admitted');
    is($count{200} + $count{429}, $requests, 'refill: no other status');

    # three exhausted limits: none is charged for a request that another rejects
    %count = flood($port, '/all', 2000);
    is($count{429}, 2000, 'exhausted limits reject all requests');
    is(used($nginx, $_, $port), $budget, "$_: not charged for rejections")
        for qw( sliding fixed month );

    $nginx->stop;
}


# --- twenty reloads under load

{
    my $nginx = start();
    my $port = $nginx->port;
    my $more = '';
    my $pid = fork // die $!;

    if ($pid == 0) {
        for my $i (1 .. 20) {
            $nginx->reload(conf($port, "\n# $i"), wait => 0);
            sleep 0.1;
        }
        require POSIX;
        POSIX::_exit(0);
    }

    my %count = flood($port, '/month', $requests, depth => 10);
    waitpid $pid, 0;
    wait_until(sub { $nginx->workers == 4 }, 15);

    is($count{200}, $budget, "during 20 reloads $budget are admitted")
        or diag("@{[ %count ]}");
    is(used($nginx, 'month', $port), $budget, 'reloads: "used" is exact');
    $nginx->stop;
}


# --- workers that are killed

for my $case ([ fixed => $budget ], [ sliding => $budget ], [ gcra => 1001 ]) {
    my ($zone, $most) = @$case;
    my $nginx = start();
    $nginx->allow(qr/exited on signal 9|open socket .* left/);
    my $port = $nginx->port;
    my $pid = fork // die $!;

    if ($pid == 0) {
        for my $i (1 .. $kills) {
            my @workers = $nginx->workers;
            kill 'KILL', $workers[$i % @workers] if @workers;
            sleep 0.05;
        }
        require POSIX;
        POSIX::_exit(0);
    }

    # one request at a time on a connection, so a kill loses at most one each
    my %count = flood($port, "/$zone", $requests, depth => 1);
    waitpid $pid, 0;
    my $lost = $count{lost} // 0;

    cmp_ok($count{200}, '<=', $most,
           "$zone: with $kills killed workers at most $most are admitted");
    cmp_ok($count{200} + $lost, '>=', $most,
           "$zone: at least as many, with $lost lost responses");
    is(used($nginx, $zone, $port), $most, "$zone: \"used\" is exact");

    # the other zones still admit requests
    for my $other (grep { $_ ne $zone } qw( fixed sliding month gcra )) {
        my ($status) = $nginx->get("/$other");
        is($status, 200, "$other: a request is admitted");
    }
    $nginx->stop;
}


# --- concurrency: no slot is lost when workers are killed while they take and
# release slots

{
    my ($port, $streams) = (free_port(), free_port());
    my $listen = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$streams http2;"
                                        : "listen 127.0.0.1:$streams; http2 on;";
    my $nginx = start_nginx(port => $port, conf => http_conf(
        main => $log, workers => 4, port => $port,
        http => 'gateway_limit_zone $arg_k zone=slots:64k concurrency=300;',
        server => "$listen http2_max_concurrent_streams 4096;"
                  . ' keepalive_requests 1000000;'
                  . ' location = /slots { gateway_limit zone=slots; empty_gif; }'));
    $nginx->allow(qr/exited on signal 9|open socket .* left/);
    wait_until(sub { $nginx->workers == 4 });
    my $pid = fork // die $!;

    if ($pid == 0) {
        for my $i (1 .. $kills) {
            my @workers = $nginx->workers;
            kill 'KILL', $workers[$i % @workers] if @workers;
            sleep 0.05;
        }
        require POSIX;
        POSIX::_exit(0);
    }

    my %count = flood($port, '/slots?k=a', $requests, depth => 1);
    waitpid $pid, 0;
    is($count{429} // 0, 0, 'slots: no request is rejected');
    is($count{200} + ($count{lost} // 0), $requests,
       "slots: all are admitted or lost by $kills killed workers");
    wait_until(sub { $nginx->workers == 4 });

    # a stream without a window holds its slot until it is reset
    my $h2 = Test::Gateway::Streams->new($streams);
    my %status;
    my @all = map { $h2->request('GET', '/slots?k=' . int $_ / 200) } 1 .. 1400;
    $h2->wait(sub { @all == grep { $h2->status($_) } @all }, 20);
    $status{$h2->status($_) // ''}++ for @all;
    is_deeply(\%status, { 200 => 1354, 429 => 46 },
              'slots: all are free afterwards');
    $h2->close;
    $nginx->stop;
}


# --- a zone that is much too small

{
    my $nginx = start();
    my $port = $nginx->port;
    my $refused = 0;
    my %status;

    is((flood($port, "/tiny?k=hot", 10))[1], 10, 'a key is admitted ten times');

    # more keys than the zone has room for, and requests with the hot key
    my $start = time;
    for my $i (1 .. 40) {
        my %hot = flood($port, '/tiny?k=hot', 5, processes => 1,
                       connections => 1);
        $refused += $hot{429} // 0;
        many($port, $i);
    }
    my $seconds = time - $start;

    is($refused, 200, 'a key in use is not evicted');
    my @lines = $nginx->log =~ /zone "tiny" is full/g;
    cmp_ok(scalar @lines, '>', 0, 'nginx logs that the zone is full');
    cmp_ok(scalar @lines, '<=', 4 * ($seconds + 2),
           'at most once a second in each worker');
    $nginx->stop;
}

# 200 requests with new keys

sub many {
    my ($port, $i) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    print $socket map { "GET /tiny?k=$i-$_ HTTP/1.1\r\nHost: x\r\n"
                        . ($_ == 200 ? "Connection: close\r\n" : '')
                        . "\r\n" } 1 .. 200;
    my $said = do { local $/; <$socket> };
    my @ok = $said =~ m{HTTP/1\.1 200 }g;
    is(scalar @ok, 200, "round $i: 200 new keys are admitted") if @ok != 200;
}

done_testing;
