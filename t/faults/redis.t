# SPDX-License-Identifier: BSD-2-Clause

# Clients that leave while their requests wait for Redis, and a Redis that stops
# and restarts: afterwards no connection or call is left, limits are exact, and
# no request received the reply to another.
#
#   ABORTS=200000 prove -It/lib t/faults/redis.t
#
# sets the number of requests (4000), about half of which clients abort.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Certificate;
use Test::Gateway::FakeRedis;
use Test::Gateway::Load;
use Test::Gateway::Redis;

use IO::Socket::INET;
use POSIX ();
use Socket qw( SOL_SOCKET SO_LINGER );
use Test::More;
use Time::HiRes qw( sleep time );

BEGIN { $Test::Gateway::More = 1 }

my $aborts = $ENV{ABORTS} // 4000;

$SIG{ALRM} = sub { die "this takes too long\n" };
alarm 300 + $aborts / 20;

# the third uses TLS
authority('ca');
certificate('redis', ca => 'ca', san => 'IP:127.0.0.1');
my @redis = ((map { start_redis() } 1, 2),
             start_redis(tls => { cert => certificate_file('redis'),
                                  key => certificate_key('redis') }));

# max_pending: calls that never complete would exceed it
my $http = <<"END";
    gateway_redis one {
        server 127.0.0.1:@{[ $redis[0]->port ]};
        timeout 20s; connect_timeout 20s; max_pending 300;
        breaker failures=1000000 retry=1h;
    }
    gateway_redis two {
        server 127.0.0.1:@{[ $redis[1]->port ]};
        timeout 20s; connect_timeout 20s; max_pending 300;
        breaker failures=1000000 retry=1h;
    }
    gateway_redis three {
        server 127.0.0.1:@{[ $redis[2]->tls_port ]};
        ssl on; ssl_trusted_certificate @{[ certificate_file('ca') ]};
        timeout 20s; connect_timeout 20s; max_pending 300;
        breaker failures=1000000 retry=1h;
    }
    gateway_limit_zone \$arg_k zone=z:4m rate=1r/d burst=9 redis=one;
    gateway_limit_zone \$arg_k zone=tls:4m rate=1r/d burst=29999 redis=three;
    gateway_limit_zone \$arg_k zone=big:4m rate=1r/d burst=29999 redis=one;
    gateway_limit_zone \$arg_k zone=q:4m quota=100000/month redis=two;
    gateway_limit_zone \$arg_k zone=wait:4m rate=5r/s redis=one;
    gateway_limit_zone \$arg_k zone=early:4m rate=1r/d burst=29999 redis=one
                       stage=early;
    gateway_limit_zone \$arg_k zone=slots:4m concurrency=100000;
    gateway_limit_zone \$arg_k zone=shm:4m rate=1r/d burst=29999;
    add_header X-Source \$gateway_limit_source always;
END

my $locations = <<"END";
    location = /z { gateway_limit zone=z; empty_gif; }
    location = /big { gateway_limit zone=big cost=\$arg_cost|1; empty_gif; }
    location = /tls { gateway_limit zone=tls cost=\$arg_cost|1; empty_gif; }
    location = /q { gateway_limit zone=q cost=\$arg_cost|1; empty_gif; }
    location = /both { gateway_limit zone=slots; gateway_limit zone=shm;
                       gateway_limit zone=big cost=\$arg_cost|1;
                       gateway_limit zone=q cost=\$arg_cost|1; empty_gif; }
    location = /refused { gateway_limit zone=shm; gateway_limit zone=z;
                          gateway_limit zone=q; empty_gif; }
    location = /delay { gateway_limit zone=slots;
                        gateway_limit zone=wait burst=50; empty_gif; }
    location = /early { gateway_limit zone=early; gateway_limit zone=slots;
                        gateway_limit zone=q; empty_gif; }
    location = /settle { gateway_limit zone=big cost=3 settle; empty_gif; }
    location = /slots { gateway_limit_headers legacy; gateway_limit zone=slots;
                        empty_gif; }
    location = /shm { gateway_limit zone=shm cost=0; empty_gif; }
    location = /limits { gateway_limit_admin zone=z zone=big zone=q zone=wait
                                             zone=tls from=any; }
    location = /status { stub_status; }
END

my $port = free_port();
my $server = start_nginx(port => $port,
    conf => http_conf(http => $http, server => $locations, port => $port)
            =~ s/worker_connections 256/worker_connections 2048/r);
ok(wait_until(sub { !grep { $_->connections != 2 } @redis }, 10),
   'two workers, three Redis');

sub ask {
    my ($path) = @_;
    my ($status, $head, $body) = $server->get($path, timeout => 60);
    return { status => $status, head => $head, body => $body };
}

sub used {
    my ($zone, $key) = @_;
    return ask("/limits?zone=$zone&key=$key")->{body} =~ /"used":(\d+)/ ? $1 : 0;
}

# a child process that pauses and resumes Redis, and closes its connections

sub disturb {
    my (@what) = @_;

    my $pid = fork // die "fork: $!";
    return $pid if $pid;

    my $going = 1;
    local $SIG{TERM} = sub { $going = 0 };
    while ($going) {
        for my $what (@what) {
            $what->();
        }
    }
    $_->resume for @redis;
    POSIX::_exit(0);
}

sub calm {
    my ($pid) = @_;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    $_->resume for @redis;
}

my $stop_one = sub { $redis[0]->pause; sleep 0.02; $redis[0]->resume; sleep 0.004 };
my $stop_two = sub { $redis[1]->pause; sleep 0.01; $redis[1]->resume; sleep 0.002 };
my $stop_tls = sub { $redis[2]->pause; sleep 0.02; $redis[2]->resume; sleep 0.004 };
my $cut = sub {
    my $n = 0;
    return sub {
        return if $n++ % 10;
        eval { $_->cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes') }
            for @redis;
    };
}->();

# checks that no call is in flight, and that limits are exact

my $round = 0;

sub in_order {
    my ($name) = @_;

    $round++;
    my $active;
    wait_until(sub { ($active) = ask('/status')->{body}
                                 =~ /Active connections: (\d+)/;
                     $active == 1 }, 30);
    is($active, 1, "$name: no client connection is left");
    my @there;
    wait_until(sub { @there = map { $_->connections } @redis;
                     "@there" eq '2 2 2' }, 10);
    is("@there", '2 2 2', '    each Redis has two connections');

    my $slots = ask("/slots?k=a");
    is(header($slots, 'X-RateLimit-Remaining'), 99_999,
       '    no slot of a concurrency limit is held');

    # max_pending is 300: a lost call would leave room for fewer
    my @many = http_many([ map { [ $port, "/z?k=r$round" ] } 1 .. 300 ],
                         timeout => 60);
    is(answers(@many), '200:10 429:290',
       '    exactly ten of 300 concurrent requests pass');
    my %source;
    $source{ header($_, 'X-Source') // '' }++ for @many;
    is(CORE::join(' ', grep { $_ ne 'redis' && $_ ne 'deny_cache' } keys %source),
       '', '    Redis decides all of them');

    # a different cost for each key, so that the remaining units are different
    my @keys = map { [ $port, "/both?k=own$round-$_&cost=$_" ] } 1 .. 200;
    my @own = http_many([ @keys, @keys ], at_once => 100, timeout => 60);
    my @wrong;
    my %seen;
    for my $answer (@own) {
        my ($n) = $answer->{path} =~ /cost=(\d+)/;
        my $is = header($answer, 'X-RateLimit-Remaining') // 'nothing';
        push @wrong, "$n: $answer->{status} $is"
            if $answer->{status} != 200
               || ($is != 30_000 - $n && $is != 30_000 - 2 * $n)
               || $seen{"$n $is"}++;
    }
    is(CORE::join(', ', @wrong), '',
       '    each response has the remaining units of its key');
}

in_order('before');


# --- clients that leave while their requests wait for Redis

sub leave {
    my ($name, $n, $paths, $longest, @disturb) = @_;

    my $pid = @disturb ? disturb(@disturb) : 0;
    my $i = 0;
    my @requests = map { my $path = $paths->[$_ % @$paths] =~ s/KEY/$i++/er;
                         my ($target, $body) = split / /, $path;
                         [ $port, $target, $body ] } 1 .. $n;

    # one client in eight stays, and must receive the response for its key
    my @answers = http_many(\@requests, at_once => 64, timeout => 120 + $n / 50,
        abort => sub { $_[0] =~ /stay/ ? undef : rand $longest });
    calm($pid) if $pid;

    my $left = grep { $_->{aborted} } @answers;
    cmp_ok($left, '>', $n / 20, "$name: $left of $n leave");

    my (@wrong, $stayed);
    for my $answer (grep { $_->{path} =~ /stay/ } @answers) {
        my ($key, $cost) = $answer->{path} =~ /k=stay(\d+)&cost=(\d+)/;
        $stayed++;
        my $is = header($answer, 'X-RateLimit-Remaining') // 'nothing';
        push @wrong, "$answer->{path}: $answer->{status} $is"
            if $answer->{status} != 200 || $is ne 30_000 - $cost;
    }
    is(CORE::join(', ', @wrong[0 .. ($#wrong < 5 ? $#wrong : 5)]), '',
       "    $stayed clients that stay receive their own responses") if $stayed;
    return @answers;
}

# a key for each client that stays, and a cost different from that of neighbours
my $serial = 0;
sub stays {
    my ($path) = @_;
    return map { $serial++; "$path?k=stay$serial&cost=" . ($serial % 997 + 2) }
           1 .. $_[1];
}

my $n = int($aborts / 10) || 1;

# only existing keys can be changed
ask("/$_?k=changed") for qw( big tls z );

for my $case (
    [ 'waiting for a reply', [ '/big?k=gone', '/z?k=goneKEY', '/both?k=gone' ],
      0.015, $stop_one, $stop_two ],
    [ 'waiting for two replies', [ '/both?k=gone2', '/refused?k=full',
                                   '/q?k=gone2' ],
      0.015, $stop_one, $stop_two ],
    [ 'waiting, with connections cut', [ '/big?k=gone3', '/both?k=gone3' ],
      0.015, $stop_one, $cut ],
    [ 'waiting for an early and a late limit', [ '/early?k=gone7' ], 0.015,
      $stop_one, $stop_two ],
    [ 'a limit with settle', [ '/settle?k=gone4' ], 0.015, $stop_one ],
    [ 'gateway_limit_admin, GET', [ '/limits?zone=big&key=gone',
                                    '/limits?zone=q&key=gone' ],
      0.015, $stop_one, $stop_two ],
    [ 'gateway_limit_admin, POST',
      [ '/limits {"zone":"big","key":"changed","set":5}',
        '/limits {"zone":"z","key":"changed","reset":true}',
        '/limits {"zone":"tls","key":"changed","set":7}' ],
      0.015, $stop_one, $stop_tls ],
    [ 'waiting over TLS', [ '/tls?k=gone9', '/tls?k=goneKEY' ], 0.015,
      $stop_tls ],
    [ 'waiting over TLS, with connections cut', [ '/tls?k=gone10' ], 0.015,
      $stop_tls, $cut ],
    [ 'leaving at once', [ '/big?k=gone5', '/both?k=gone5' ], 0.001 ],
    # so many keys that most requests are delayed, by at most ten seconds
    [ 'waiting while delayed', [ map { "/delay?k=late$_" } 1 .. 200 ], 0.2,
      $stop_one ])
{
    my ($name, $paths, $longest, @disturb) = @$case;

    # where connections are cut, clients that stay may get no decision of Redis
    my $path = $name =~ /TLS/ ? '/tls' : '/big';
    my @stay = $name =~ /cut|delayed/ ? () : stays($path, int($n / 8) + 1);
    my @all;
    for my $i (1 .. $n) {
        push @all, $paths->[$i % @$paths];
        push @all, pop @stay if @stay && $i % 8 == 0;
    }
    leave($name, scalar(@all), \@all, $longest, @disturb);
    in_order($name);
}

# a request whose client leaves is charged at most once

cmp_ok(used('big', 'gone2'), '<=', $n, 'requests are charged at most once');
is(used('tls', 'changed'), 7, 'a change through TLS applies');
is(used('big', 'changed'), 5, 'a change without TLS applies');

# two limits: a request is charged by both or by none, even if its client leaves
{
    $_->cli('FLUSHALL') for @redis;
    my $pid = disturb($stop_one, $stop_two);
    my @answers = http_many([ map { [ $port, '/both?k=pair' ] } 1 .. $n ],
                            at_once => 64, timeout => 120 + $n / 50,
                            abort => sub { rand() < 0.5 ? undef : rand 0.03 });
    calm($pid);
    in_order('pairs');
    my $passed = grep { $_->{status} == 200 } @answers;
    my ($big, $q) = (used('big', 'pair'), used('q', 'pair'));
    is($big, $q, "both Redis have charged the same: $big");
    cmp_ok($big, '>=', $passed, '    at least the requests that passed');
    cmp_ok($big, '<=', $n, '    at most all requests');
}

is(scalar(grep { /\[(?:alert|crit|emerg)\]/ } split /^/, $server->log), 0,
   'no message of level crit, alert or emerg');
ok($server->reload, 'a reload');
in_order('after a reload');
$server->stop;
ok(wait_until(sub { !grep { $_->connections } @redis }, 10),
   'no connection to Redis is left');


# --- clients that leave while a worker connects to Redis and loses connections

{
    my $fake = fake_redis(handshake => { role => [ delay => 0.05,
        [ reply => "*3\r\n\$6\r\nmaster\r\n:42\r\n*0\r\n" ] ] },
        actions => [ 'close' ]);
    $server = start_nginx(port => $port = free_port(), workers => 1,
        http => <<"END", server => <<'END');
    gateway_redis one {
        server 127.0.0.1:@{[ $fake->port ]};
        timeout 5s; connect_timeout 5s;
        breaker failures=1000000 retry=1h;
    }
    gateway_limit_zone \$arg_k zone=z:4m rate=1r/d burst=29999 redis=one;
    add_header X-Source \$gateway_limit_source always;
END
    location / { gateway_limit zone=z; empty_gif; }
    location = /status { stub_status; }
END
    my @answers = http_many([ map { [ $port, "/?k=$_" ] } 1 .. ($n < 500 ? $n : 500) ],
                            at_once => 16, timeout => 60,
                            abort => sub { rand() < 0.2 ? undef : rand 0.1 });
    my $active;
    wait_until(sub { ($active) = ask('/status')->{body} =~ /connections: (\d+)/;
                     $active == 1 }, 20);
    is($active, 1, 'connecting and closing: no client connection is left');
    my @stayed = grep { !$_->{aborted} } @answers;
    is(answers(@stayed), '200:' . @stayed,
       '    each client that stays receives a response');
    $server->stop;
    $fake->stop;
}


# --- a client that leaves before its request waits: no further event reports it

for my $signal (qw( reset end )) {
    my $real = start_redis();
    $server = start_nginx(port => $port = free_port(), workers => 1,
        http => <<"END", server => <<'END');
    gateway_redis one {
        server 127.0.0.1:@{[ $real->port ]};
        timeout 60s; connect_timeout 60s;
    }
    gateway_limit_zone \$arg_k zone=r:1m rate=1r/m redis=one;
    gateway_limit_zone \$arg_k zone=s:1m rate=1r/m;
END
    location /redis { gateway_limit zone=r; empty_gif; }
    location /delay { gateway_limit zone=s burst=5; empty_gif; }
    location = /status { stub_status; }
END
    wait_until(sub { $real->connections == 1 }, 10);
    my ($worker) = $server->workers;
    ask('/delay?k=a');

    for my $path ('/delay?k=a', '/redis?k=a') {
        $real->pause if $path =~ /redis/;
        kill 'STOP', $worker;
        my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die;
        print $socket "GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n";
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
            if $signal eq 'reset';
        close $socket;
        kill 'CONT', $worker;
        my $active;
        my $alone = sub { ($active) = ask('/status')->{body}
                                      =~ /connections: (\d+)/;
                          $active == 1 };

        # after an end of file the client may still wait for a response
        if ($signal eq 'end' && $path =~ /redis/) {
            $alone->();
            is($active, 2, "$path: after an end of file the request waits");
            $real->resume;
        }
        wait_until($alone, 10);
        is($active, 1, "$path: the connection is closed after $signal");
    }
    $real->resume;
    is(ask('/redis?k=b')->{status}, 200, '    further requests pass');
    $server->stop;
}


# --- a worker that has no connection left for Redis for some time

{
    my $real = start_redis();
    my $conf = http_conf(port => $port = free_port(), workers => 1,
        http => <<"END", server => <<'END') =~ s/worker_connections 256/worker_connections 20/r;
    gateway_redis one {
        server 127.0.0.1:@{[ $real->port ]};
        timeout 2s; connect_timeout 2s; breaker failures=1000000 retry=1h;
    }
    gateway_limit_zone \$arg_k zone=z:4m rate=1r/d burst=9 redis=one;
    add_header X-Source \$gateway_limit_source always;
END
    location / { gateway_limit zone=z; empty_gif; }
    location /hold { client_body_timeout 60s; proxy_pass http://127.0.0.1:1; }
END
    $server = start_nginx(port => $port, conf => $conf);
    $server->allow(qr/worker_connections are not enough/);
    wait_until(sub { $real->connections == 1 }, 10);

    my @held = map {
        my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die;
        print $socket "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n";
        sleep 0.01;
        $socket;
    } 1 .. 30;
    $real->cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    ok(wait_until(sub { $server->log =~ /worker_connections are not enough/ }, 10),
       'clients use all connections of the worker');
    close $_ for @held;
    ok(wait_until(sub { (header(ask('/?k=' . int rand 1e6), 'X-Source') // '')
                        eq 'redis' }, 20), '    later Redis decides again');
    is(wait_until(sub { $real->connections }, 5), 1, '    one connection');
    is(answers(http_many([ map { [ $port, '/?k=full' ] } 1 .. 100 ], at_once => 5)),
       '200:10 429:90', '    the limit is exact');
    $server->stop;
}


# --- Redis is killed and started again under load

# The minimum for a key is what Redis or this node alone admits.  The maximum is
# what Redis before the kill, this node, and Redis after the kill, which has
# lost all counts, admit together.

for my $case ([ local => '', 10, 30 ],
              [ 'local=0.5' => 'on_error=local=0.5', 5, 25 ],
              [ closed => 'on_error=closed', 0, 20 ],
              [ open => 'on_error=open' ])
{
    my ($name, $error, $least, $most) = @$case;

    my $real = start_redis();
    $server = start_nginx(port => $port = free_port(), workers => 2,
        http => <<"END", server => <<'END');
    gateway_redis one {
        server 127.0.0.1:@{[ $real->port ]};
        timeout 2s; connect_timeout 2s; breaker failures=5 retry=200ms;
    }
    gateway_limit_zone \$arg_k zone=z:4m rate=1r/d burst=9 redis=one $error;
    add_header X-Source \$gateway_limit_source always;
END
    location / { gateway_limit zone=z; empty_gif; }
END
    wait_until(sub { $real->connections == 2 }, 10);

    # 40 requests for each key: workers cache which keys are at their limit, and
    # call Redis for new keys
    my ($killed, $started, $back, $looked, $on) = (0, 0, 0, 0, 1);
    my $began = time;
    my @all = http_many([ map { [ $port, '/?k=' . int $_ / 40 ] } 1 .. 200_000 ],
                        at_once => 16, timeout => 60, while => sub {
        return $on if time < $looked + 0.02;
        $looked = time;
        if (!$killed && time > $began + 0.5) {
            $real->kill;
            $killed = time;
        }
        if ($killed && !$started && time > $killed + 0.7) {
            $real->start;
            $started = time;
        }
        return 1 if !$started;
        $back ||= time if $server->log =~ /answers again|connected to/;
        return $on = !$back ? time < $started + 20 : time < $back + 1;
    });

    my %status;
    my (%passed, %source);
    for (@all) {
        $status{ $_->{status} }++;
        $source{ header($_, 'X-Source') // '' }++;
        $passed{ $_->{path} }++ if $_->{status} == 200;
    }
    my $allowed = { closed => '200 429 503', open => '200 429' }->{$name}
                  // '200 429';
    is(CORE::join(' ', sort keys %status), $allowed,
       "killed and started, on_error=$name: of " . @all . ' requests each is '
       . $allowed);
    if (defined $most) {
        my ($last) = $all[-1]{path} =~ /(\d+)/;
        my @wrong = grep { !/=(?:0|$last)$/
                           && ($passed{$_} < $least || $passed{$_} > $most) }
                    sort keys %passed;
        is(CORE::join(' ', map { "$_:$passed{$_}" } @wrong), '',
           "    each key is admitted $least to $most times");
    }
    ok($source{redis}, '    Redis decided some requests');
    ok($source{local} || $source{open} || $status{503},
       '    other requests were decided without Redis');
    my ($slowest) = sort { $b <=> $a } map { $_->{seconds} } @all;
    cmp_ok($slowest, '<', 4, '    no request waited for 4 s');

    my @many;
    wait_until(sub { @many = http_many([ [ $port, '/?k=ready' . int rand 1e6 ] ]);
                     (header($many[0], 'X-Source') // '') eq 'redis'
                     && $real->connections == 2 }, 10);
    @many = http_many([ map { [ $port, '/?k=after' ] } 1 .. 200 ]);
    is(answers(@many), '200:10 429:190', '    afterwards exactly ten pass');
    is($real->connections, 2, '    two connections to Redis');
    $server->stop;
}

alarm 0;
done_testing();
