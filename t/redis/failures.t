# SPDX-License-Identifier: BSD-2-Clause

# The failure table of modules/redis/README.md: the response to the request, the
# later calls to Redis, and the log.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::FakeRedis;
use Test::Gateway::Load;
use Test::Gateway::Parts;
use Test::Gateway::Redis;

use Fcntl ();
use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw( sleep time );

BEGIN { $Test::Gateway::More = 1 }



# Starts nginx with a Redis on a port; %arg: timeout, connect, breaker, more
# (further lines of the block), workers, files, gone (/back has a limit in another
# Redis, which is down), location (a further location).

sub gateway {
    my ($port, %arg) = @_;

    my $timeout = $arg{timeout} // '10s';
    my $connect = $arg{connect} // '10s';
    my $breaker = $arg{breaker} // 'failures=1000000 retry=1h';
    my $more = $arg{more} // '';
    my ($gone, $back) = $arg{gone} ? (<<'END', <<'END') : ('', '');
    gateway_redis gone { server 127.0.0.1:1; }
    gateway_limit_zone $arg_k zone=gone:1m rate=1r/d redis=gone
                       on_error=closed;
END
    location /back   { gateway_limit zone=local cost=3;
                       gateway_limit zone=gone; empty_gif; }
END

    return start_nginx(
        workers => $arg{workers} // 1, files => $arg{files} // {},
        http => <<"END", server => $back . ($arg{location} // '') . <<'END');
    gateway_redis fleet {
        server 127.0.0.1:$port;
        timeout $timeout;
        connect_timeout $connect;
        breaker $breaker;
        $more
    }
    gateway_limit_zone \$arg_k zone=local:1m rate=1r/d burst=9 redis=fleet;
    gateway_limit_zone \$arg_k zone=half:1m rate=1r/d burst=9 redis=fleet
                       on_error=local=0.5;
    gateway_limit_zone \$arg_k zone=open:1m rate=1r/d burst=9 redis=fleet
                       on_error=open;
    gateway_limit_zone \$arg_k zone=closed:1m rate=1r/d burst=9 redis=fleet
                       on_error=closed;
    gateway_limit_zone \$arg_k zone=quota:1m quota=10/month redis=fleet;
    gateway_limit_zone \$arg_k zone=slide:1m rate=10r/d redis=fleet
                       algorithm=sliding_window;
    gateway_limit_zone \$arg_k zone=shm:1m rate=1r/d burst=9;
    $gone
    add_header X-Is "\$gateway_limit_status|\$gateway_limit_source" always;
    add_header X-Left "\$gateway_limit_limit|\$gateway_limit_remaining" always;
END
    location /local  { gateway_limit zone=local;  empty_gif; }
    location /half   { gateway_limit zone=half;   empty_gif; }
    location /open   { gateway_limit zone=open;   empty_gif; }
    location /closed { gateway_limit zone=closed; empty_gif; }
    location /quota  { gateway_limit zone=quota;  empty_gif; }
    location /slide  { gateway_limit zone=slide;  empty_gif; }
    location /both   { gateway_limit zone=shm; gateway_limit zone=closed;
                       empty_gif; }
    location /shm    { gateway_limit zone=shm;    empty_gif; }
    location /other  { gateway_limit zone=local; gateway_limit zone=open;
                       empty_gif; }
    location /three  { gateway_limit zone=local; gateway_limit zone=quota;
                       gateway_limit zone=slide; empty_gif; }
    location /401 { gateway_limit_status 401; gateway_limit zone=closed;
                    empty_gif; }
    location /settle { gateway_limit zone=local cost=3 settle; empty_gif; }
    location /penalty { gateway_limit zone=shm cost=99;
                        gateway_limit zone=local cost=3 penalty; empty_gif; }
    location = /limits { gateway_limit_admin zone=local from=any; }
    location = /status { stub_status; }
END
}

my $server;

sub ask {
    my ($path) = @_;

    my $began = time;
    my ($status, $head, $body) = $server->get($path, timeout => 30);
    return { status => $status, head => $head, body => $body,
             seconds => time - $began };
}

# with a new key, so that no remembered rejection applies

my $new = 0;
sub ask_new { return ask("$_[0]?k=new" . $new++) }

sub is_now {
    my ($path) = @_;
    my $answer = ask($path);
    return "$answer->{status} " . (header($answer, 'X-Is') // '');
}

# the end of a failure is logged at the same level
sub errors {
    grep { /\[error\]/ && !/answers again|connected to/ }
        split /^/, $server->log;
}

sub opened { $server->log =~ /failures=\d+ reached, breaker open, retry in/ }

sub answers_again { scalar grep { /\[error\].* answers again/ }
                    split /^/, $server->log }

# a reply of the script for one limit
sub good {
    my ($left) = @_;
    return [ integers => 1, int(time * 1e6), $left, 86_400_000_000, 0 ];
}

sub bytes {
    my ($what, @n) = @{ $_[0] };
    return '*' . @n . "\r\n" . CORE::join('', map { ":$_\r\n" } @n);
}

my $local = '200 PASSED|local';
my $redis = '200 PASSED|redis';
my $closed = '503 ERROR|';


# --- replies to a call: connection kept or closed, failure counted or not

my $wrapped = 'ERR Error running script (call to f_0123): @user_script:12: ';

my @rows = (
    # name, action, log, connection is kept, counts
    [ 'LOADING', [ error => 'LOADING Redis is loading the dataset in memory' ],
      'answered "LOADING Redis is loading the dataset in memory"', 1, 1 ],
    [ 'BUSY', [ error => 'BUSY Redis is busy running a script.' ],
      'answered "BUSY Redis is busy running a script."', 1, 1 ],
    [ 'MASTERDOWN', [ error => 'MASTERDOWN Link with MASTER is down' ],
      'answered "MASTERDOWN Link with MASTER is down"', 1, 1 ],
    [ 'TRYAGAIN', [ error => 'TRYAGAIN Multiple keys request' ],
      'answered "TRYAGAIN Multiple keys request"', 1, 1 ],
    [ 'CLUSTERDOWN', [ error => 'CLUSTERDOWN Hash slot not served' ],
      'answered "CLUSTERDOWN Hash slot not served"', 1, 1 ],
    [ 'READONLY', [ error => "READONLY You can't write against a read only" ],
      'answered "READONLY You can\'t write against a read only"', 0, 1 ],
    [ 'READONLY in a script',
      [ error => "$wrapped\@user_script: 12: -READONLY You can't write" ],
      'answered "ERR Error running script (call to f_0123): @user_script:12: '
      . '@user_script: 12: -READONLY You can\'t write"', 0, 1 ],
    [ 'NOSCRIPT again and again', [ error => 'NOSCRIPT No matching script.' ],
      'answered "NOSCRIPT No matching script."', 1, 1 ],
    [ 'OOM', [ error => 'OOM command not allowed when used memory' ],
      'answered "OOM command not allowed when used memory"', 1, 1 ],
    [ 'OOM in a script', [ error => "$wrapped-OOM command not allowed" ],
      "answered \"$wrapped-OOM command not allowed\"", 1, 1 ],
    [ 'another error', [ error => 'ERR value is not an integer `secret`' ],
      'answered "ERR value is not an integer"', 1, 1 ],
    [ 'NOAUTH', [ error => 'NOAUTH Authentication required.' ],
      'answered "NOAUTH Authentication required."', 0, 0 ],
    [ 'NOPERM', [ error => 'NOPERM this user has no permissions' ],
      'answered "NOPERM this user has no permissions"', 1, 0 ],
    [ 'MOVED', [ error => 'MOVED 3999 127.0.0.1:6381' ],
      'answered "MOVED 3999 127.0.0.1:6381"', 1, 0 ],
    [ 'ASK', [ error => 'ASK 3999 127.0.0.1:6381' ],
      'answered "ASK 3999 127.0.0.1:6381"', 1, 0 ],
    [ 'CROSSSLOT', [ error => "CROSSSLOT Keys don't hash to the same slot" ],
      'answered "CROSSSLOT Keys don\'t hash to the same slot"', 1, 0 ],

    [ 'closes', 'close', 'has closed the connection', 0, 1 ],
    [ 'is cut in a reply', [ cut => 9, bytes(good(7)) ],
      'has closed the connection', 0, 1 ],
    [ 'sends garbage', [ reply => "!garbage\r\n" ], 'malformed reply from', 0, 1 ],
    [ 'sends HTTP', [ reply => "HTTP/1.1 400 Bad Request\r\n\r\n" ],
      'malformed reply from', 0, 1 ],
    [ 'sends a number too large', [ reply => ":99999999999999999999\r\n" ],
      'malformed reply from', 0, 1 ],
    [ 'sends a size below zero', [ reply => "*-5\r\n" ], 'malformed reply from',
      0, 1 ],
    [ 'sends a huge array', [ reply => "*1000000000\r\n" ],
      'malformed reply from', 0, 1 ],
    [ 'sends RESP3', [ reply => "%1\r\n+a\r\n:1\r\n" ], 'malformed reply from',
      0, 1 ],
    [ 'sends a deep reply', [ reply => "*1\r\n" x 100 . ":1\r\n" ],
      'malformed reply from', 0, 1 ],
    [ 'sends 100 KB', [ reply => "\$100000\r\n" . 'x' x 100_000 . "\r\n" ],
      qr/(?:too long a|malformed) reply from/, 0, 1 ],
    [ 'has no end', 'endless', qr/(?:too long a|malformed) reply from/, 0, 1 ],
    [ 'sends a line that has no end', [ reply => '+' . 'x' x 200_000 ],
      qr/(?:too long a|malformed) reply from/, 0, 1 ],
);

for my $row (@rows) {
    part(sub {
        my ($name, $action, $log, $kept, $counts) = @$row;

        my $fake = fake_redis(actions => [ $action ]);
        $server = gateway($fake->port, breaker => 'failures=4 retry=1h');
        $fake->wait_for('script', 2);

        # there are no good replies: the first four calls fail one after the other,
        # each as soon as nginx has reconnected
        my $open = ask('/open?k=a');
        is("$open->{status} " . header($open, 'X-Is'), '200 PASSED|open',
           "$name: on_error=open admits");
        is(header($open, 'X-RateLimit-Limit'), undef, '    has no limit header fields');

        my $down = ask('/closed?k=a');
        is("$down->{status} " . header($down, 'X-Is'), $closed,
           '    on_error=closed rejects with 503');
        like($down->{body}, qr/"reason":"limit_unavailable"/,
             '    with a reason of its own');
        is(header($down, 'Retry-After'), 1, '    with Retry-After');
        is(header($down, 'X-RateLimit-Limit'), undef, '    has no limit header fields');
        is(is_now('/401?k=a'), $closed, '    whatever gateway_limit_status is');

        my $first = ask('/local?k=a');
        is("$first->{status} " . header($first, 'X-Is'), $local,
           '    on_error=local admits what the node has left');
        is(header($first, 'X-RateLimit-Remaining'), 9, '    with limit header fields');

        my $pattern = ref $log ? $log : qr/\Q$log\E/;
        my @lines = grep { /$pattern/ } errors();
        cmp_ok(scalar(@lines), '>=', 1, '    the reason is logged')
            or diag(CORE::join '', errors());
        like($lines[0] // '', qr/gateway_redis "fleet": /, '    with the name');

        if ($counts) {
            my $ok = wait_until(sub { ask('/local?k=b') if !opened(); opened() }, 20);
            ok($ok, '    four of them open the breaker');
            my $calls = $fake->calls;
            is(is_now('/local?k=c'), $local, '    Redis is not used');
            is(is_now('/closed?k=c'), $closed, '    or refused');
            is($fake->calls, $calls, '    and Redis is not called');
            is(scalar(grep { /failures=4 reached, breaker open, retry in 3600000ms/ }
                      errors()), 1,
               '    which is logged once');
            cmp_ok(scalar(errors()), '<=', 3, '    with few lines');

        } else {
            ask('/local?k=b') for 1 .. 8;
            ok(!opened(), '    it opens no breaker');
            cmp_ok(scalar(errors()), '<=', 1, '    and is logged once');
        }

        if ($kept) {
            is($fake->connects, 1, '    the connection is kept');

        } elsif ($name eq 'NOAUTH') {
            sleep 0.5;
            is($fake->connects, 1, '    and is not made again at once');

        } else {
            cmp_ok($fake->connects, '>', 1, '    another connection was made');
        }

        unlike($server->log, qr/secret/, '    nothing is quoted');
        $server->stop("$name: nothing went wrong unannounced");
        $fake->stop;
    });
}


# --- replies that the script cannot return: the connection is closed

my @shapes = (":1\r\n", "+OK\r\n", "\$-1\r\n", "*-1\r\n", "*0\r\n",
               "*3\r\n:1\r\n:0\r\n:1\r\n",
               "*5\r\n:1\r\n:1\r\n:7\r\n\$1\r\n0\r\n:0\r\n",
               "*6\r\n" . ":0\r\n" x 6, "*200\r\n" . ":1\r\n" x 200,
               "*2\r\n:1\r\n*5\r\n" . ":1\r\n" x 5);

for my $reply (@shapes) {
    part(sub {
        my $fake = fake_redis(actions => [ [ reply => $reply ], good(5) ]);
        $server = gateway($fake->port);
        $fake->wait_for('script', 2);
        my $text = substr $reply =~ s/\r\n/ /gr, 0, 30;
        is(is_now('/local?k=a'), $local, "$text: decided without Redis");
        ok(wait_until(sub { is_now('/local?k=a') eq $redis }, 5), '    later ones succeed');
        is($fake->connects, 2, '    on another connection');
        like(CORE::join('', errors()), qr/unexpected reply to a script from/,
             '    the reason is logged');
        $server->stop;
        $fake->stop;
    });
}

part(sub {
    my $fake = fake_redis(actions => [ [ reply => "+OK\r\n" ] ]);
    $server = gateway($fake->port, breaker => 'failures=4 retry=1h');
    $fake->wait_for('script', 2);
    ok(wait_until(sub { ask('/local?k=b') if !opened(); opened() }, 20),
       'four of them open the breaker');
    is($fake->calls('evalsha'), 4, '    and no further calls are made');
    $server->stop;
    $fake->stop;
});


# --- NOSCRIPT once: the script is loaded, the call sent again, no failure

part(sub {
    my $fake = fake_redis(actions => [ [ error => 'NOSCRIPT No matching script.' ],
                                       good(3), good(2) ]);
    $server = gateway($fake->port, breaker => 'failures=1 retry=1h');
    $fake->wait_for('script', 2);

    my $answer = ask('/local?k=a');
    is("$answer->{status} " . header($answer, 'X-Is'), $redis,
       'NOSCRIPT: the request is decided by Redis');
    is(header($answer, 'X-RateLimit-Remaining'), 3, '    from the second reply');
    is($fake->calls, 2, '    the call was sent twice');
    is($fake->calls('script'), 3, '    one script was loaded again');
    my @order = map { lc $_->[0] } $fake->commands;
    is(CORE::join(' ', @order[-3 .. -1]), 'evalsha script evalsha',
       '    in between');
    is($fake->connects, 1, '    on the same connection');
    is(header(ask('/local?k=a'), 'X-RateLimit-Remaining'), 2, '    later ones succeed');
    is(CORE::join('', errors()), '', '    this is not a failure');
    $server->stop;
    $fake->stop;
});


# --- replies in pieces, late, too many: each goes to its own call or is dropped

part(sub {
    my $fake = fake_redis(actions => [
        [ split => 1, 0.002, bytes(good(4)) ],
        [ split => 7, 0.01, bytes(good(6)) ],
        good(1) ]);
    $server = gateway($fake->port);
    is(header(ask("/local?k=a"), 'X-RateLimit-Remaining'), $_,
       "a reply in pieces: $_") for 4, 6, 1;
    $server->stop;
    $fake->stop;

    # slower than the timeout: the reply is dropped, the next call gets its own
    $fake = fake_redis(actions => [ [ hold => good(7) ], good(3), good(2) ]);
    $server = gateway($fake->port, timeout => '1s');
    $fake->wait_for('script', 2);
    my $late = ask('/local?k=a');
    is("$late->{status} " . header($late, 'X-Is'), $local,
       'a slow reply: decided without Redis');
    is(header($late, 'X-RateLimit-Remaining'), 9, '    by this node');
    cmp_ok($late->{seconds}, '>=', 0.99, '    after the timeout');
    is($fake->calls, 1, '    and before the reply');
    $fake->release;
    my $next = ask('/local?k=b');
    is(header($next, 'X-Is'), 'PASSED|redis', '    the next request has a reply');
    is(header($next, 'X-RateLimit-Remaining'), 3, '    its own');
    is(header(ask('/local?k=c'), 'X-RateLimit-Remaining'), 2, '    another one too');
    is($fake->connects, 1, '    the connection is kept');
    like(CORE::join('', errors()),
         qr/no reply from \S+ in 1000ms, deciding without Redis/,
         '    the reason is logged');
    $server->stop;
    $fake->stop;

    # two replies to one call
    $fake = fake_redis(actions => [
        [ reply => bytes(good(8)) . bytes(good(7)) ],
        [ reply => bytes(good(5)) ], good(4) ]);
    $server = gateway($fake->port);
    $fake->wait_for('script', 2);
    is(header(ask('/local?k=a'), 'X-RateLimit-Remaining'), 8,
       'two replies: the first belongs to the call');
    is(wait_until(sub { $fake->connects == 2 }, 5), 1,
       '    the second closes the connection');
    is(wait_until(sub { my $answer = ask('/local?k=b');
                        header($answer, 'X-Is') eq 'PASSED|redis'
                        && header($answer, 'X-RateLimit-Remaining') }, 5), 5,
       '    and is dropped');
    like(CORE::join('', errors()), qr/unexpected reply from/, '    the reason is logged');
    $server->stop;
    $fake->stop;

    # a reply without a call
    $fake = fake_redis(actions => [ [ reply => bytes(good(8)) ] ],
                       handshake => { script => [ reply =>
                                      ('$40' . "\r\n" . 'f' x 40 . "\r\n") x 2 ] });
    $server = gateway($fake->port);
    is(is_now('/local?k=a'), $local, 'a script with another digest');
    like(CORE::join('', errors()), qr/has another digest of script "decide"/,
         '    the reason is logged');
    $server->stop;
    $fake->stop;
});


# --- silence: timeouts, and the breaker

part(sub {
    my $fake = fake_redis(actions => [ 'silence' ]);
    $server = gateway($fake->port, timeout => '2s',
                      breaker => 'failures=5 retry=1h');
    $fake->wait_for('script', 2);

    # simultaneous requests wait one timeout, not one after the other
    my @many = http_many([ map { [ $server->port, "/local?k=$_" ] } 1 .. 8 ]);
    is(answers(@many), '200:8', 'silence: decided without Redis');
    my @seconds = sort { $a <=> $b } map { $_->{seconds} } @many;
    cmp_ok($seconds[0], '>=', 1.99, '    after the timeout');
    cmp_ok($seconds[-1], '<', 12, '    only once');
    ok(opened(), '    it opens the breaker');
    my $calls = $fake->calls;
    @many = http_many([ map { [ $server->port, "/local?k=$_" ] } 1 .. 50 ],
                      at_once => 5);
    is(answers(@many), '200:50', '    and later requests do not wait');
    @seconds = sort { $a <=> $b } map { $_->{seconds} } @many;
    cmp_ok($seconds[-1], '<', 1.9, '    no request waits');
    is($fake->calls, $calls, '    or asks');
    is(scalar(errors()), 2, '    two lines: the first, and the breaker')
        or diag(CORE::join '', errors());
    $server->stop;
    $fake->stop;

    # one after the other: a call without a reply delays no other request
    $fake = fake_redis(actions => [ 'silence' ]);
    $server = gateway($fake->port, timeout => '1s');
    $fake->wait_for('script', 2);
    for my $n (1 .. 3) {
        my $seconds = ask("/local?k=$n")->{seconds};
        cmp_ok($seconds, '>=', 0.99, "request $n waits the timeout");
        cmp_ok($seconds, '<', 1.99, '    and not longer');
    }
    $server->stop;
    $fake->stop;

    # a connection without any reply is closed and made again
    $fake = fake_redis(actions => [ 'silence' ]);
    $server = gateway($fake->port, timeout => '100ms');
    $fake->wait_for('script', 2);
    my $answer = ask('/local?k=a');
    cmp_ok($answer->{seconds}, '>=', 0.09, 'timeout 100ms: a request waits this long');
    cmp_ok($answer->{seconds}, '<', 5, '    and not much longer');
    ok(wait_until(sub { $fake->connects == 2 }, 5),
       '    after five timeouts the connection is made again');
    like(CORE::join('', errors(), $server->log),
         qr/\S+ has not answered for 500ms/, '    the reason is logged');
    $server->stop;
    $fake->stop;
});


# --- a worker that is busy for long: Redis was not late

part(sub {
    my $fifo = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    my $path = "$fifo/log";
    POSIX::mkfifo($path, 0666) or die "mkfifo: $!";
    sysopen my $pipe, $path, Fcntl::O_RDWR() | Fcntl::O_NONBLOCK() or die $!;

    my $real = start_redis();
    $server = gateway($real->port, timeout => '1s',
                      breaker => 'failures=1 retry=1h',
                      location => "location = /block { access_log $path; "
                                  . 'empty_gif; }');
    is(is_now('/local?k=a'), $redis, 'a real Redis');

    # a log that blocks the worker in the turn that makes the calls
    1 while syswrite $pipe, 'x' x 4096;

    my ($worker) = $server->workers;
    my $stat = "/proc/$worker/stat";
    my $request = sub {
        my ($uri, @sockets) = @_;
        syswrite $_, "GET $uri HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            for @sockets;
    };
    my $is_in = sub {
        my ($state) = @_;
        return wait_until(sub {
            Test::Gateway::Server::slurp($stat) =~ /\) $state / }, 5);
    };

    for my $round (1 .. 3) {
        my @sockets = map { IO::Socket::INET->new('127.0.0.1:' . $server->port)
                            // die "connect: $!" } 1 .. 24;
        wait_until(sub { ask('/status')->{body} =~ /Active connections: 25\b/ }, 10);
        my ($block, @asked) = splice @sockets, 0, 4;

        kill 'STOP', $worker;
        $is_in->('T');
        $request->("/local?k=r$round", @asked);
        $request->('/block', $block);
        kill 'CONT', $worker;
        $is_in->('S');
        sleep 1.5;
        $request->('/shm?k=s', @sockets);
        sysread $pipe, my $lines, 65536;
        my $passed = grep { CORE::join('', <$_>) =~ /^X-Is: PASSED\|redis/m }
                     @asked;
        is($passed, 3, 'the calls of a turn of 1.5 s are decided by Redis');
        for (@sockets, $block) { my @rest = <$_> }
        sysread $pipe, $lines, 65536;
        1 while syswrite $pipe, 'x' x 4096;
    }
    is(CORE::join('', errors()), '', '    and are not failures');
    sysread $pipe, my $rest, 1 << 20;
    $server->stop;
    $real->stop;

    # an unused connection may be dead: the probe makes a new one
    my $dead = fake_redis(actions => [ [ error => 'OOM not allowed' ], good(5) ]);
    $server = gateway($dead->port, breaker => 'failures=1 retry=1s');
    is(is_now('/local?k=a'), $local, 'an error opens the breaker');
    is($dead->connects, 1, '    on the one connection');
    ok(wait_until(sub { is_now('/local?k=a') eq $redis }, 5), '    it is closed');
    is($dead->connects, 2, '    a new connection is used');
    $server->stop;
    $dead->stop;

    # if all workers lose a good connection at once, one line is logged
    $dead = fake_redis(actions => [ 'silence' ]);
    $server = gateway($dead->port, more => 'connections 4;');
    ok($dead->wait_for('script', 8), 'four connections');
    sleep 5.5;
    my @waiting = map { IO::Socket::INET->new('127.0.0.1:' . $server->port)
                        // die "connect: $!" } 1 .. 8;
    $request->("/local?k=$_", $waiting[$_ - 1]) for 1 .. 8;
    ok($dead->wait_for('evalsha', 8), '    on which eight requests wait');
    $dead->stop;
    is(scalar(grep { CORE::join('', <$_>) =~ /^X-Is: PASSED\|local/m } @waiting),
       8, '    when it is lost, they are decided without Redis');
    is(scalar(grep { !/ connect\(\) / } errors()), 1, '    one line')
        or diag(CORE::join '', errors());
    $server->stop;

    # requests that wait for the first connection do not count as failures
    my $fake = fake_redis(actions => [ good(5) ],
                          handshake => { auth => [ hold =>
                                                   [ reply => "+OK\r\n" ] ] });
    $server = gateway($fake->port, timeout => '1s',
                      breaker => 'failures=3 retry=1h',
                      more => 'password_file pass;',
                      files => { pass => "secret\n" });
    my @many = http_many([ map { [ $server->port, "/local?k=$_" ] } 1 .. 8 ]);
    is(answers(@many), '200:8', 'a handshake that takes longer than timeout');
    ok(!opened(), '    opens no breaker');
    $fake->release;
    ok($fake->wait_for('script', 2), '    is completed');
    ok(wait_until(sub { is_now('/local?k=a') eq $redis }, 5), '    and used');
    $server->stop;
    $fake->stop;
});


# --- one write: the handshake, and all calls of a turn

part(sub { SKIP: {
    my $more = 'password_file pass; user gateway; database 3;';
    my $fake = fake_redis(handshake => { map { $_ => 'silence' }
                                         qw( auth select client role script ) });
    $server = gateway($fake->port, more => $more, files => { pass => "secret\n" });
    ok($fake->wait_for('script', 2), 'a handshake waits for no reply');
    is(CORE::join(' ', map { lc $_->[0] } $fake->commands),
       'auth select client role script script', '    and is complete');
    $server->stop;
    $fake->stop;

    my $real = start_redis(password => 'secret');
    my $reads = $real->reads_from_now or skip('it does not count its reads', 7);
    $server = gateway($real->port, more => 'password_file pass; database 3;',
                      files => { pass => "secret\n" });
    is(is_now('/local?k=a'), $redis, 'a real Redis');
    is($reads->(), 2, '    reads the handshake at once, and a call');
    is($real->calls('script|load') || $real->calls('script'), 2,
       '    with both scripts');

    # the worker is stopped until all requests are sent, and handles them in one turn
    my ($worker) = $server->workers;
    my @sockets = map { IO::Socket::INET->new('127.0.0.1:' . $server->port)
                        // die "connect: $!" } 1 .. 30;
    wait_until(sub { ask('/status')->{body} =~ /Active connections: 31\b/ }, 10);
    my $calls = $real->calls('evalsha');
    $reads = $real->reads_from_now;
    kill 'STOP', $worker;
    my $stat = "/proc/$worker/stat";
    wait_until(sub { Test::Gateway::Server::slurp($stat) =~ /\) T / }, 5);
    for my $socket (@sockets) {
        syswrite $socket, "GET /local?k=turn HTTP/1.1\r\nHost: a\r\n"
                          . "Connection: close\r\n\r\n";
    }
    kill 'CONT', $worker;
    my %answers;
    for my $socket (@sockets) {
        my $text = CORE::join '', <$socket>;
        $answers{ $text =~ m{^HTTP/1.1 (\d+)} ? $1 : 0 }++;
    }
    is($reads->(), 1, 'thirty calls of a turn are read at once');
    is($real->calls('evalsha') - $calls, 30, '    all of them');
    is(CORE::join(' ', map { "$_:$answers{$_}" } sort keys %answers),
       '200:10 429:20', '    and each is answered');
    $server->stop;
} });


# --- a charge after the response: without a reply, the node makes it

for my $case ([ 'is silent' => 'silence' ], [ 'closes' => 'close' ],
              [ 'is out of memory' => [ error => 'OOM not allowed' ] ])
{
    part(sub {
        my ($name, $action) = @$case;

        my $fake = fake_redis(actions => [ good(5), $action ]);
        $server = gateway($fake->port, timeout => '2s',
                          breaker => 'failures=1 retry=1h');
        $fake->wait_for('script', 2);
        is(is_now('/settle?k=a'), $redis, "a charge after the response: Redis $name");
        ok(wait_until(sub { opened() }, 5), '    which opens the breaker');
        my $next = ask('/local?k=a');
        is(header($next, 'X-Is'), 'PASSED|local', '    the node decides');
        is(header($next, 'X-Left'), '10|6', '    and has charged three');
        like(ask('/limits?zone=local&key=a')->{body}, qr/"unsettled":1\b/,
             '    which is counted as unsettled');
        is($fake->calls, 2, '    and not sent again');
        $server->stop;
        $fake->stop;
    });
}


# --- charges after a rejection: a penalty, and refunds

for my $case ([ 'is silent' => 'silence' ], [ 'closes' => 'close' ],
              [ 'is out of memory' => [ error => 'OOM not allowed' ] ])
{
    part(sub {
        my ($name, $action) = @$case;
        my %breaker = (timeout => '2s', breaker => 'failures=1 retry=1h');

        my $fake = fake_redis(actions => [ $action ]);
        $server = gateway($fake->port, %breaker);
        $fake->wait_for('script', 2);
        is(is_now('/penalty?k=a'), '429 REJECTED|shm', "a penalty: Redis $name");
        ok(wait_until(sub { opened() }, 5), '    which opens the breaker');
        is(header(ask('/local?k=a'), 'X-Left'), '10|6',
           '    the node charges the penalty');
        my $state = ask('/limits?zone=local&key=a')->{body};
        like($state, qr/"unsettled":1\b/, '    which is counted as unsettled');
        unlike($state, qr/unreturned/, '    and nothing else is counted');
        is($fake->calls, 1, '    and not sent again');
        $server->stop;
        $fake->stop;

        $fake = fake_redis(actions => [ good(5), $action ]);
        $server = gateway($fake->port, %breaker, gone => 1);
        $fake->wait_for('script', 2);
        is(ask('/back?k=a')->{status}, 503, "a refund: Redis $name");
        ok(wait_until(sub { $server->log =~ /"fleet".* failures=1 reached/ }, 5),
           '    which opens the breaker');
        $state = ask('/limits?zone=local&key=a')->{body};
        like($state, qr/"unreturned":1\b/, '    it is counted');
        unlike($state, qr/unsettled/, '    and nothing else is counted');
        is(header(ask('/local?k=a'), 'X-Left'), '10|9',
           '    the node has charged nothing');
        is($fake->calls, 2, '    and not sent again');
        $server->stop;
        $fake->stop;
    });
}


# --- a handshake that fails

my $pass = { password_file => 'top-secret-word' };

for my $case (
    [ 'a replica', { role => [ reply => "*5\r\n\$5\r\nslave\r\n\$9\r\n127.0.0.1"
                               . "\r\n:6380\r\n\$9\r\nconnected\r\n:1\r\n" ] },
      'is not a master', 1 ],
    [ 'a sentinel', { role => [ reply => "*2\r\n\$8\r\nsentinel\r\n*0\r\n" ] },
      'is not a master', 1 ],
    [ 'LOADING', { client => [ error => 'LOADING Redis is loading' ] },
      'refused CLIENT SETNAME: "LOADING Redis is loading"', 1 ],
    [ 'max number of clients',
      { client => [ error => 'ERR max number of clients reached' ] },
      'refused CLIENT SETNAME: "ERR max number of clients reached"', 1 ],
    [ 'garbage', { client => [ reply => "what?\r\n" ] }, 'malformed reply', 1 ],
    [ 'SELECT out of range', { select => [ error => 'ERR DB index is out of range' ] },
      'refused SELECT: "ERR DB index is out of range"', 1 ],
    [ 'closed', { client => 'close' }, 'has closed the connection', 1 ],
    [ 'silence', { script => 'silence' }, 'timed out', 1 ],
    [ 'WRONGPASS', { auth => [ error => 'WRONGPASS invalid username-password'
                                        . ' pair or user is disabled.' ] },
      'refused AUTH: "WRONGPASS invalid username-password pair', 0 ],
    [ 'of Redis 5', { auth => [ error => 'ERR invalid password' ] },
      'refused AUTH: "ERR invalid password"', 0 ],
    [ 'no password there', { auth => [ error => 'ERR Client sent AUTH, but no '
                                                . 'password is set' ] },
      'refused AUTH: "ERR Client sent AUTH, but no password is set"', 0 ],
    [ 'AUTH unknown', { auth => [ error => 'ERR unknown command `AUTH`, with '
                                           . 'args beginning with: `top-secret-word`' ] },
      'refused AUTH: "ERR unknown command"', 1 ],
    [ 'SCRIPT denied', { script => [ error => 'NOPERM this user has no '
                                              . "permissions to run 'script|load'" ] },
      'refused SCRIPT LOAD: "NOPERM this user has no permissions to run"', 0 ])
{
    part(sub {
        my ($name, $handshake, $log, $counts) = @$case;

        my $fake = fake_redis(actions => [ good(5) ], handshake => $handshake);
        $server = gateway($fake->port, breaker => 'failures=3 retry=1h',
                          connect => $name eq 'silence' ? '300ms' : '10s',
                          files => { pass => 'top-secret-word' },
                          more => "password_file pass; database 7;");
        chmod 0600, $server->dir . '/pass';

        my $answer = ask('/local?k=a');
        is("$answer->{status} " . header($answer, 'X-Is'), $local,
           "handshake: $name: decided without Redis");
        is(is_now('/closed?k=a'), $closed, '    or refused');

        if ($counts) {
            ok(wait_until(sub { opened() }, 20), '    three of them open the breaker');
        } else {
            my $auths = $fake->calls('auth');
            for (1 .. 10) { ask('/local?k=b'); sleep 0.05 }
            ok(!opened(), '    it opens no breaker');
            is($fake->calls('auth'), $auths, '    and is not retried soon');
        }
        like(CORE::join('', errors()), qr/\Q$log\E/, '    the reason is logged');
        is($fake->calls, 0, '    no call was ever made');
        unlike($server->log, qr/top-secret-word/, '    no password is in the log');
        $server->allow(qr/can be read by everybody/);
        $server->stop;
        $fake->stop;
    });
}

# optional commands

part(sub {
    my $fake = fake_redis(actions => [ good(5) ], handshake => {
        client => [ error => 'NOPERM no permissions' ],
        role => [ error => 'NOPERM no permissions' ] });
    $server = gateway($fake->port);
    is(is_now('/local?k=a'), $redis, 'CLIENT and ROLE are denied: calls succeed');
    my @warn = grep { /\[warn\]/ } split /^/, $server->log;
    is(scalar(@warn), 2, '    a line for each');
    for my $command ('CLIENT SETNAME', 'ROLE') {
        is(scalar(grep { /refused $command: "NOPERM no permissions", ignored/ }
                  @warn), 1, "    $command");
    }
    $server->stop;
    $fake->stop;
});


# messages with the command or the reason

for my $row (
    [ 'protected mode', { client => [ error => 'DENIED Redis is running in protected '
                                               . 'mode because no password is set' ] },
      'refused CLIENT SETNAME: "DENIED Redis is running in protected mode because '
      . 'no password is set"' ],
    [ 'a proxy that closes on CLIENT', { client => 'close' },
      'has closed the connection instead of answering CLIENT SETNAME' ],
    [ 'a proxy that closes on ROLE', { role => 'close' },
      'has closed the connection instead of answering ROLE' ],
    [ 'a proxy that closes on SCRIPT', { script => 'close' },
      'has closed the connection instead of answering SCRIPT LOAD' ],
    [ 'a proxy that refuses SCRIPT',
      { script => [ error => "ERR unknown command 'SCRIPT'" ] },
      'refused SCRIPT LOAD: "ERR unknown command"' ])
{
    part(sub {
        my ($name, $handshake, $log) = @$row;

        my $fake = fake_redis(handshake => $handshake);
        $server = gateway($fake->port, timeout => '200ms', connect => '5s');
        is(is_now('/local?k=a'), $local, "$name: decided locally");
        ok(wait_until(sub { errors() }, 10), '    and logged');
        like(CORE::join('', errors()), qr/\Q$log\E/, '    with the name of the command');
        unlike($server->log, qr/", ignored/, '    nothing is ignored');
        $_->stop for $server, $fake;
    });
}

part(sub {
    my $plain = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1')
        or die "listen: $!";
    my $port = $plain->sockport;
    $server = gateway($port, timeout => '200ms', connect => '300ms',
                      more => 'ssl on; ssl_name redis.example;');
    is(is_now('/local?k=a'), $local, 'TLS to a plain port');
    ok(wait_until(sub { grep { /TLS handshake/ } errors() }, 10),
       '    is logged');
    like(CORE::join('', errors()),
         qr/the TLS handshake with 127\.0\.0\.1:$port timed out, the port may not use TLS/,
         '    with a possible cause');
    $server->stop;

    $server = gateway($port, timeout => '200ms', connect => '300ms');
    is(is_now('/local?k=a'), $local, 'a server that is silent without TLS');
    ok(wait_until(sub { errors() }, 10), '    is logged');
    unlike($server->log, qr/TLS/, '    as such');
    $server->stop;
});

# the end of a failure is logged at the same level, and not more often

part(sub {
    my $fake = fake_redis(actions => [ good(5) ]);
    $server = gateway($fake->port, timeout => '300ms');
    is(is_now('/local?k=a'), $redis, 'a good connection is lost');
    my $port = $fake->port;
    $fake->stop;
    ok(wait_until(sub { ask_new('/local'); errors() }, 20), '    is lost');
    my $ended = sub { grep { / connected to / } split /^/, $server->log };
    is(scalar($ended->()), 0, '    and is not yet back');

    for my $more (1 .. 4) {
        $fake = fake_redis(port => $port, actions => [ good(5) ]);
        ok(wait_until(sub { ask_new('/local')->{head} =~ /X-Is: PASSED\|redis/ }, 30),
           '    it is back');
        my @lines = $ended->();
        cmp_ok(scalar(@lines), '<=', scalar(grep { /reconnecting/ } errors()),
               '    which is logged once for each line of a failure');
        like($lines[0], qr/\[error\]/, '    at the same level');
        $fake->stop;
        wait_until(sub { ask_new('/local')->{head} =~ /\|local/ }, 20);
    }
    $server->stop;
});


# --- no server

part(sub {
    my $port = free_port();
    $server = gateway($port, breaker => 'failures=3 retry=1h', workers => 2);
    my @many = http_many([ map { [ $server->port, "/local?k=a" ] } 1 .. 30 ]);
    is(answers(@many), '200:10 429:20', 'refused: the node admits its ten');
    cmp_ok((sort { $a <=> $b } map { $_->{seconds} } @many)[-1], '<', 5,
           '    at once, not after its timeout of ten seconds');
    my @half = http_many([ map { [ $server->port, "/half?k=a" ] } 1 .. 30 ]);
    is(answers(@half), '200:5 429:25', 'local=0.5: half of them');
    is(header($half[0], 'X-RateLimit-Limit'), 5, '    as the headers say');
    is(answers(http_many([ map { [ $server->port, "/open?k=a" ] } 1 .. 30 ])),
       '200:30', 'open: all');
    is(answers(http_many([ map { [ $server->port, "/closed?k=a" ] } 1 .. 30 ])),
       '503:30', 'closed: none');
    is(answers(http_many([ map { [ $server->port, "/quota?k=a" ] } 1 .. 30 ])),
       '200:10 429:20', 'a quota: ten');
    is(answers(http_many([ map { [ $server->port, "/slide?k=a" ] } 1 .. 30 ])),
       '200:10 429:20', 'a sliding window: ten');

    my $refused = (grep { $_->{status} == 429 } @many)[0];
    is(header($refused, 'X-Is'), 'REJECTED|local', 'a rejection names its source');
    like($refused->{body}, qr/"reason":"rate_exceeded"/, '    and why');

    # charges in shared memory are refunded
    is(is_now('/both?k=b'), $closed, 'shared memory and closed: 503');
    is(header(ask('/shm?k=b'), 'X-RateLimit-Remaining'), 9, '    nothing was charged');

    # several limits with different on_error
    like(is_now('/other?k=o'), qr/^200 PASSED\|(?:local|open)$/,
         'local and open: both pass');

    ok(wait_until(sub { opened() }, 10), 'the breaker opens');
    my ($status, undef, $body) = $server->get('/limits?zone=local&key=a');
    is($status, 503, 'gateway_limit_admin: 503');
    like($body, qr/"detail":"breaker open"/, '    and why');
    my @lines = errors();
    cmp_ok(scalar(@lines), '<=', 3, 'few lines are logged');
    like($lines[0], qr/connect\(\) to 127\.0\.0\.1:$port failed \(111: /,
         '    with the reasons');
    $server->stop;
});


# --- the number of attempts to connect

for my $case ([ 'failures=3 retry=500ms', 60 ], [ 'failures=1000000', 120 ]) {
    part(sub {
        my ($breaker, $most) = @$case;

        my $fake = fake_redis(handshake => { client => 'close' });
        $server = gateway($fake->port, workers => 4, breaker => $breaker);

        my $end = time + 3;
        my @many = http_many([ [ $server->port, '/open?k=a' ] ], at_once => 8,
                             while => sub { sleep 0.001; time < $end });
        is(answers(@many), '200:' . @many, "$breaker: all of " . @many
           . ' requests pass');
        my $n = $fake->connects;
        cmp_ok($n, '>=', 4, "    $n attempts in three seconds");
        cmp_ok($n, '<=', $most, '    and no more');
        cmp_ok(scalar(errors()), '<=', 4, '    few lines');
        $server->stop;
        $fake->stop;

        # a server that accepts calls and closes after each
        $fake = fake_redis(actions => [ 'close' ]);
        $server = gateway($fake->port, workers => 4, breaker => $breaker);
        $end = time + 3;
        @many = http_many([ [ $server->port, '/open?k=a' ] ], at_once => 8,
                          while => sub { sleep 0.001; time < $end });
        is(answers(@many), '200:' . @many, '    the same if each call is cut off');
        $n = $fake->connects;
        cmp_ok($n, '>=', 4, "    $n attempts");
        cmp_ok($n, '<=', $most, '    and no more');
        $server->stop;
        $fake->stop;
    });
}


# Workers connect at random times within 100 ms: the probability that eight of
# them connect within 10 ms is one in a million.  A fake server that was not
# scheduled meanwhile sees them all at once; such a measurement is discarded.

part(sub {
    my ($fake, $spread);
    for (1 .. 5) {
        $_->stop for grep { defined } $server, $fake;
        $fake = fake_redis(actions => [ good(5) ]);
        $server = gateway($fake->port, workers => 8,
                          breaker => 'failures=1 retry=200ms');
        wait_until(sub { $fake->connects == 8 }, 10);
        my @times = sort { $a <=> $b } $fake->times('client');
        $spread = $times[-1] - $times[0];
        last if $spread >= 0.01;
    }
    is($fake->connects, 8, 'eight workers connect');
    cmp_ok($spread, '>=', 0.01, '    not at the same moment');

    my $port = $fake->port;
    $fake->stop;
    ok(wait_until(sub { ask('/open?k=a'); opened() }, 10), 'it goes');
    $fake = fake_redis(port => $port, actions => [ good(5) ]);
    ok(wait_until(sub { $fake->connects == 8 }, 20), '    Redis starts: all connect');
    is($fake->calls('ping'), 1, '    after one probe');
    $server->stop;
    $fake->stop;
});


# --- failures that are not in a row: more than one in five opens the breaker

part(sub {
    my $late = [ hold => good(5) ];
    my $fake = fake_redis(actions => [ ($late, good(5)) x 5, good(5) ]);
    $server = gateway($fake->port, timeout => '1s',
                      breaker => 'failures=4 retry=1h');
    $fake->wait_for('script', 2);
    my @is = map { my $is = is_now("/local?k=$_"); $fake->release; $is } 1 .. 9;
    is(CORE::join(' ', @is), CORE::join(' ', ($local, $redis) x 4, $local),
       'slow every other time: every other request is decided without Redis');
    ok(opened(), '    the fifth opens the breaker');
    is($fake->calls, 9, '    after nine calls');
    is(is_now('/closed?k=a'), $closed, '    and requests do not wait');
    is($fake->calls, 9, '    or asks');
    $server->stop;
    $fake->stop;

    # it closes after each probe and opens again: logged once, without a recovery
    $fake = fake_redis(actions => [ ([ error => 'LOADING it' ], good(5)) x 50 ]);
    $server = gateway($fake->port, breaker => 'failures=2 retry=2s');
    $fake->wait_for('script', 2);
    ok(wait_until(sub { ask('/local?k=a') for 1 .. 10; $fake->calls('ping') >= 4 },
                  60), 'good every other time: four probes close it');
    is(scalar(errors()), 2, '    the reason and the opening are logged')
        or diag(CORE::join '', errors());
    is(answers_again(), 0, '    no recovery is logged');
    $server->stop;
    $fake->stop;

    my @seldom = ([ error => 'LOADING it' ], (good(5)) x 4);
    $fake = fake_redis(actions => [ (@seldom) x 20, good(5) ]);
    $server = gateway($fake->port, breaker => 'failures=2 retry=1h');
    $fake->wait_for('script', 2);
    my @many = map { is_now("/local?k=$_") } 1 .. 101;
    is(scalar(grep { $_ eq $local } @many), 20, 'each fifth call fails');
    ok(!opened(), '    which does not open a breaker with failures=2');
    is($fake->calls, 101, '    all calls were made');
    $server->stop;
    $fake->stop;
});


# --- real Redis servers

# one that hangs with its connections open, and continues

part(sub {
    my $real = start_redis();
    $server = gateway($real->port, timeout => '2s', connect => '2s', workers => 4,
                      breaker => 'failures=5 retry=300ms');
    wait_until(sub { $real->connections == 4 }, 10);
    is(is_now('/local?k=a'), $redis, 'a real Redis: called');
    is(header(ask('/local?k=a'), 'X-RateLimit-Remaining'), 8, '    and charged');

    $real->pause;
    my @many = http_many([ map { [ $server->port, '/local?k=b' ] } 1 .. 40 ]);
    is(answers(@many), '200:10 429:30', 'SIGSTOP: the node admits ten');
    my @seconds = sort { $a <=> $b } map { $_->{seconds} } @many;
    cmp_ok($seconds[-1], '<', 10, '    after one timeout');
    ok(opened(), '    the breaker opens');
    @many = http_many([ map { [ $server->port, "/local?k=c$_" ] } 1 .. 40 ],
                      at_once => 4);
    @seconds = sort { $a <=> $b } map { $_->{seconds} } @many;
    cmp_ok($seconds[-1], '<', 1.9, '    and requests do not wait');
    is(answers(@many), '200:40', '    for a reply');

    # longer than the limit for hung connections
    ok(wait_until(sub { $server->log =~ /still unreachable, retrying every 300ms/
                      }, 15), '    a probe fails');
    $real->resume;
    ok(wait_until(sub { is_now('/local?k=d') =~ /redis/ }, 15),
       'SIGCONT: called again');
    ok(wait_until(sub { ask_new('/local'); answers_again() }, 10),
       '    which is logged');
    is(answers_again(), 1, '    by one worker');
    ok(wait_until(sub { $real->connections == 4 }, 10),
       '    and all four have a connection');
    is(header(ask('/local?k=a'), 'X-RateLimit-Remaining'), 7,
       '    earlier charges are kept');
    $server->stop;
});

# one that is killed and started again

part(sub {
    my $real = start_redis();
    $server = gateway($real->port, workers => 2,
                      breaker => 'failures=5 retry=200ms');
    wait_until(sub { $real->connections == 2 }, 10);
    is(is_now('/closed?k=a'), $redis, 'another real Redis: called');
    $real->kill;
    ok(wait_until(sub { is_now('/closed?k=a') eq $closed }, 5), 'Redis is killed: 503');
    ok(wait_until(sub { is_now('/closed?k=a') eq $closed && opened() }, 10),
       '    the breaker opens');
    $real->start;
    ok(wait_until(sub { is_now('/closed?k=a') eq $redis }, 10),
       'started: called, and it has the scripts');
    ok(wait_until(sub { $real->connections == 2 }, 10), '    by both workers');
    unlike(CORE::join('', errors()), qr/NOSCRIPT/, '    they are loaded at once');
    ok(wait_until(sub { ask_new('/closed'); answers_again() }, 10),
       '    the reason is logged');
    $server->stop;
});

# BUSY: a script of another client

part(sub {
    my $real = start_redis(config => [ 'lua-time-limit 50' ]);
    $server = gateway($real->port);
    wait_until(sub { $real->connections == 1 }, 10);
    is(is_now('/local?k=a'), $redis, 'before a busy script');
    my ($id) = $real->cli('CLIENT', 'LIST') =~ /id=(\d+) .*nginx-gateway/;

    my $busy = IO::Socket::INET->new('127.0.0.1:' . $real->port);
    resp_write($busy, 'EVAL', 'while true do end', 0);
    ok(wait_until(sub { eval { $real->cli('PING'); 0 } || $@ =~ /^BUSY/ }, 5),
       'a script that does not end');
    ok(wait_until(sub { is_now('/local?k=b') eq $local }, 5), '    without it');
    is(is_now('/closed?k=b'), $closed, '    or not at all');
    like(CORE::join('', errors()), qr/answered "BUSY /, '    the reason is logged');
    $real->cli('SCRIPT', 'KILL');
    ok(wait_until(sub { is_now('/local?k=a') eq $redis }, 5), 'SCRIPT KILL: by Redis');
    like($real->cli('CLIENT', 'LIST'), qr/id=$id .*nginx-gateway/,
         '    on the same connection');
    $server->stop;
});

# READONLY: it becomes a replica, and a master again

part(sub {
    my $real = start_redis();
    $server = gateway($real->port, breaker => 'failures=1000000');
    wait_until(sub { $real->connections == 1 }, 10);
    is(is_now('/local?k=a'), $redis, 'a master');
    $real->cli('REPLICAOF', '127.0.0.1', free_port());
    ok(wait_until(sub { is_now('/local?k=b') eq $local }, 5), 'a replica now');
    is(is_now('/closed?k=b'), $closed, '    is not called');
    # Redis 7 returns READONLY, Redis 6 wraps it in the error of the script
    like(CORE::join('', errors()), qr/READONLY|is not a master/, '    the reason is logged');
    ok(wait_until(sub { $real->calls('role') >= 2 }, 20), '    ROLE is sent again');
    $real->cli('REPLICAOF', 'NO', 'ONE');
    ok(wait_until(sub { is_now('/local?k=c') eq $redis }, 15), 'a master again');
    $server->stop;
});

# OOM: full, without eviction

part(sub {
    my $real = start_redis(config => [ 'maxmemory-policy noeviction' ]);
    $server = gateway($real->port);
    wait_until(sub { $real->connections == 1 }, 10);
    is(is_now('/local?k=a'), $redis, 'memory enough');
    $real->cli('CONFIG', 'SET', 'maxmemory', 1);
    is(is_now('/local?k=b'), $local, 'out of memory');
    is(is_now('/closed?k=b'), $closed, '    or refused');
    like(CORE::join('', errors()), qr/OOM command/, '    the reason is logged');
    is(scalar(errors()), 1, '    once');
    $real->cli('CONFIG', 'SET', 'maxmemory', 0);
    is(is_now('/local?k=c'), $redis, 'memory enough again');
    is($real->connections, 1, '    the connection was kept');
    is($real->calls('role'), 1, '    the same connection');
    $server->stop;

    # PING still succeeds: the breaker opens again and again
    for my $failures (1, 3) {
        $real->cli('FLUSHALL');
        $real->cli('CONFIG', 'RESETSTAT');
        $server = gateway($real->port, workers => 2,
                          breaker => "failures=$failures retry=20ms");
        is(is_now('/local?k=a'), $redis, "memory enough, failures=$failures");
        $real->cli('CONFIG', 'SET', 'maxmemory', 1);
        ok(wait_until(sub { is_now('/local?k=f');
                            $real->calls('ping') >= 10 }, 20),
           'out of memory for a while: the breaker opens ten times');
        my @lines = errors();
        is(scalar(@lines), $failures > 1 ? 2 : 1, '    and is logged once')
            or diag(@lines);
        like($lines[0], qr/OOM command/, '    with the reason');
        like($lines[-1], qr/OOM .*failures=$failures reached, breaker open, retry in 20ms/,
             '    and what happens next');
        is(answers_again(), 0, '    no recovery is logged');
        $real->cli('CONFIG', 'SET', 'maxmemory', 0);
        ok(wait_until(sub { is_now('/local?k=c') eq $redis }, 15),
           'memory enough again');
        ok(wait_until(sub { ask_new('/local'); answers_again() }, 10),
           '    which is logged');
        is(is_now('/local?k=e'), $redis, '    and lasts');
        is(answers_again(), 1, '    once');
        is(scalar(errors()), scalar(@lines), '    there is no further line');
        $server->stop;
    }
});

# passwords: five seconds between attempts

part(sub {
    my $real = start_redis();
    $server = gateway($real->port);
    wait_until(sub { $real->connections == 1 }, 10);
    is(is_now('/local?k=a'), $redis, 'no password');
    $real->cli('CONFIG', 'SET', 'requirepass', 'p1');
    $real->{password} = 'p1';
    $real->cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    ok(wait_until(sub { is_now('/local?k=b') eq $local }, 5), 'NOAUTH: without Redis');
    ok(wait_until(sub { errors() }, 5), '    with a log line');
    like(CORE::join('', errors()), qr/NOAUTH/, '    says it');

    my $wrong = start_redis(password => 'right');
    my $first = $server;
    $server = gateway($wrong->port, files => { pass => "wrong\n" },
                      more => 'password_file pass;');
    is(is_now('/local?k=a'), $local, 'WRONGPASS: decided without Redis');
    like(CORE::join('', errors()),
         qr/refused AUTH: "(?:WRONGPASS |ERR invalid password)/, '    with a log line');

    $real->cli('CONFIG', 'SET', 'requirepass', '');
    $wrong->cli('CONFIG', 'SET', 'requirepass', 'wrong');
    delete $real->{password};
    my $began = time;
    my $second = $server;
    for ($first, $second) {
        $server = $_;
        ok(wait_until(sub { sleep 0.05; is_now('/local?k=c') eq $redis }, 15),
           'corrected in Redis: called again');
    }
    cmp_ok(time - $began, '<', 10, '    within about five seconds');
    unlike($second->log, qr/wrong\b/, 'no password is in the log');
    $_->stop for $first, $second;
});

# a cluster: first no node has the slots, then this one has all of them

part(sub {
    # it also listens on the port + 10,000, which must not belong to another
    # test or to the kernel's range
    my $port = free_port(21_992, 22_764);
    my $real = start_redis(port => $port, config => [ 'cluster-enabled yes' ]);
    $server = gateway($real->port);
    wait_until(sub { $real->connections == 1 }, 10);
    is(is_now('/local?k=a'), $local, 'a cluster without slots: decided without Redis');
    like(CORE::join('', errors()), qr/answered "CLUSTERDOWN Hash slot not served"/,
         '    the reason is logged');
    $real->cli('CLUSTER', 'ADDSLOTS', 0 .. 16383);
    ok(wait_until(sub { is_now('/local?k=a') eq $redis }, 15), 'with all: asked');
    is(is_now('/three?k=tagged'), $redis, '    three limits of a key are one slot');
    is($real->connections, 1, '    on the same connection');
    $server->stop;
});

# two Redis are called at the same time

part(sub {
    my @fakes = map { fake_redis(actions => [ [ hold => good(5) ] ]) } 1, 2;
    $server = start_nginx(workers => 1, http => <<"END", server => <<'END');
        gateway_redis a { server 127.0.0.1:@{[ $fakes[0]->port ]}; timeout 10s; }
        gateway_redis b { server 127.0.0.1:@{[ $fakes[1]->port ]}; timeout 10s; }
        gateway_limit_zone \$arg_k zone=a:1m rate=1r/d burst=9 redis=a;
        gateway_limit_zone \$arg_k zone=b:1m rate=1r/d burst=9 redis=b;
END
        location / { gateway_limit zone=a; gateway_limit zone=b; empty_gif; }
END
    $_->wait_for('script', 2) for @fakes;
    my $socket = IO::Socket::INET->new('127.0.0.1:' . $server->port) or die;
    print $socket "GET /?k=a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    is($_->wait_for('evalsha', 1), 1, 'two Redis are called at the same time')
        for @fakes;
    $_->release for @fakes;
    like(CORE::join('', <$socket>), qr{^HTTP/1.1 200 }, '    and answer');
    $server->stop;
    $_->stop for @fakes;
});

# if the fallback rejects, shared memory and the fallback refund

part(sub {
    my $nobody = free_port();
    $server = start_nginx(workers => 1, http => <<"END", server => <<'END');
        gateway_redis none { server 127.0.0.1:$nobody; breaker failures=1 retry=1h; }
        gateway_limit_zone \$arg_k zone=m:1m rate=1r/d burst=9;
        gateway_limit_zone \$arg_k zone=x:1m rate=1r/d burst=9 redis=none;
        gateway_limit_zone \$arg_k zone=p:1m rate=1r/d burst=9 redis=none;
        gateway_limit_zone \$arg_k zone=y:1m rate=1r/d redis=none;
END
        location /t { gateway_limit zone=m; gateway_limit zone=x;
                      gateway_limit zone=p penalty; gateway_limit zone=y; empty_gif; }
        location /m { gateway_limit zone=m cost=0; empty_gif; }
        location /x { gateway_limit zone=x cost=0; empty_gif; }
        location /p { gateway_limit zone=p cost=0; empty_gif; }
END
    is(CORE::join(' ', map { ask('/t?k=a')->{status} } 1 .. 3), '200 429 429',
       'the fallback rejects');
    is(CORE::join(' ', map { header(ask("/$_?k=a"), 'X-RateLimit-Remaining') }
                           qw( m x p )), '9 9 7',
       '    other charges are refunded, except a penalty');
    $server->stop;
});

# too many clients

part(sub {
    my $real = start_redis(config => [ 'maxclients 1' ]);
    wait_until(sub { eval { $real->cli('PING') } }, 5);
    my $held = IO::Socket::INET->new('127.0.0.1:' . $real->port);
    resp_write($held, 'PING');
    resp_read($held);
    $server = gateway($real->port, breaker => 'failures=1000000');
    is(is_now('/local?k=a'), $local, 'max number of clients: decided without Redis');
    like(CORE::join('', errors()), qr/max number of clients reached/,
         '    the reason is logged');
    close $held;
    ok(wait_until(sub { is_now('/local?k=b') eq $redis }, 15), '    until there is room');
    $server->stop;
});


# --- max_pending: further requests do not wait

part(sub {
    my $fake = fake_redis(actions => [ 'silence' ]);
    $server = gateway($fake->port, timeout => '3s', more => 'max_pending 5;');
    $fake->wait_for('script', 2);
    my @many = http_many([ map { [ $server->port, "/local?k=$_" ] } 1 .. 20 ]);
    is(scalar(grep { $_->{seconds} > 2.9 } @many), 5, 'max_pending 5: five wait');
    is(scalar(grep { $_->{seconds} < 2.8 } @many), 15, '    fifteen do not');
    is($fake->calls, 5, '    five calls were made');
    like(CORE::join('', errors()),
         qr/max_pending reached \(5 calls in flight\), limiting locally/,
         '    the reason is logged');
    $server->stop;
    $fake->stop;
});

parts_done();
done_testing();
