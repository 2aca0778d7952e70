# SPDX-License-Identifier: BSD-2-Clause

# Start, reload and exit with a running, an absent and a silent Redis: every request
# gets a response without an unnecessary wait, and no connection is left open.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::FakeRedis;
use Test::Gateway::Load;
use Test::Gateway::Redis;

use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw( sleep time );

BEGIN { $Test::Gateway::More = 1 }

$SIG{ALRM} = sub { die "this takes too long\n" };
alarm 400;

my $origin = free_port();

sub http {
    my ($port, %arg) = @_;

    my $timeout = $arg{timeout} // '10s';
    my $connect = $arg{connect} // '10s';
    my $breaker = $arg{breaker} // 'failures=1000000 retry=1h';
    my $address = $arg{address} // "127.0.0.1:$port";
    return <<"END";
    @{[ $arg{http} // '' ]}
    gateway_redis fleet {
        server $address;
        timeout $timeout;
        connect_timeout $connect;
        breaker $breaker;
    }
    gateway_limit_zone \$arg_k zone=z:1m rate=1r/d burst=9 redis=fleet;
    gateway_limit_zone \$arg_k zone=c:1m rate=1r/d burst=9 redis=fleet
                       on_error=closed;
    gateway_limit_zone \$arg_k zone=q:1m quota=1000000/month redis=fleet
                       on_error=closed;
    add_header X-Is "\$gateway_limit_status|\$gateway_limit_source" always;
    add_header X-Pid \$pid always;
END
}

my $locations = <<"END";
    location /z { gateway_limit zone=z; empty_gif; }
    location /c { gateway_limit zone=c; empty_gif; }
    location /q { gateway_limit zone=q; empty_gif; }
    location /settle { gateway_limit zone=q cost=7 settle; empty_gif; }
    location /slow { gateway_limit zone=q cost=7 settle;
                     proxy_pass http://127.0.0.1:$origin; }
    location /none { empty_gif; }
    location = /limits { gateway_limit_admin zone=z zone=c zone=q from=any; }
END

my $server;

sub start {
    my ($port, %arg) = @_;

    my $listen = free_port();
    return $server = start_nginx(port => $listen, conf =>
        http_conf(http => http($port, %arg), server => $locations,
                  port => $listen, workers => $arg{workers} // 2,
                  main => $arg{main})
            =~ s/worker_connections 256/worker_connections 1024/r);
}

# the configuration with these parameters
sub conf {
    my ($port, %arg) = @_;
    return http_conf(http => http($port, %arg), server => $locations,
                     port => $server->port, workers => $arg{workers} // 2,
                     main => $arg{main})
           =~ s/worker_connections 256/worker_connections 1024/r;
}

sub is_now {
    my ($path) = @_;
    my ($status, $head) = $server->get($path, timeout => 30);
    return "$status " . (header($head, 'X-Is') // '');
}

sub used {
    my ($zone, $key) = @_;
    my (undef, undef, $body) = $server->get("/limits?zone=$zone&key=$key");
    return $body =~ /"used":(\d+)/ ? $1 : 0;
}

# a request that is sent, and read later
sub send_one {
    my ($path) = @_;
    my $socket = IO::Socket::INET->new('127.0.0.1:' . $server->port) or die;
    print $socket "GET $path HTTP/1.1\r\nHost: localhost\r\n"
                  . "Connection: close\r\n\r\n";
    return $socket;
}

sub receive {
    my ($socket) = @_;
    my $answer = CORE::join '', <$socket>;
    my ($status) = $answer =~ m{^HTTP/1.1 (\d+)};
    return ($status // 0) . ' ' . (header($answer, 'X-Is') // '');
}

sub shutting_down { my $n = () = $server->log =~ /gracefully shutting down/g; $n }

my $redis = '200 PASSED|redis';
my $local = '200 PASSED|local';


# --- Redis is absent

{
    my $port = free_port();
    my $began = time;
    my ($code, $said) = nginx_t(http_conf(http => http($port)));
    is($code, 0, 'nginx -t');
    like($said, qr/test is successful/, '    is content');
    unlike($said =~ s/^.*is never used in.*\n//mgr, qr/\[(?:error|warn)\]/,
           '    and connects to nothing');

    ($code, $said) = nginx_t(http_conf(http => http($port,
        address => 'redis.example:6379', http => 'resolver 127.0.0.1:9;')));
    is($code, 0, 'nginx -t, a name that cannot be resolved');
    cmp_ok(time - $began, '<', 8, '    and does not wait');

    start($port);
    is(is_now('/none'), '200 |', 'start: other locations are served');
    is(is_now('/z?k=a'), $local, '    and this one is decided by the node');
    ok($server->reload, 'a reload');
    is(is_now('/z?k=a'), $local, '    requests are served');
    is(is_now('/c?k=a'), '503 ERROR|', '    so does 503');
    unlike($server->log, qr/\[(?:alert|crit|emerg|warn)\]/, '    quietly');

    my $real = start_redis(port => $port);
    ok(wait_until(sub { is_now('/z?k=b') eq $redis }, 20), 'Redis starts: it is called');
    ok(wait_until(sub { $real->connections == 2 }, 10), '    by both workers');
    $server->stop;
    ok(wait_until(sub { $real->connections == 0 }, 5), 'nginx exits: no connections');

    # with the default breaker
    $real->kill;
    start($port, timeout => '50ms', connect => '200ms',
          breaker => 'failures=5 retry=1s');
    my @many = http_many([ map { [ $server->port, '/z?k=c' ] } 1 .. 100 ]);
    is(answers(@many), '200:10 429:90', 'by default: the node admits ten');
    ok($server->reload, '    a reload');
    is(is_now('/z?k=c'), '429 REJECTED|local', '    forgets nothing');
    $server->stop;
}


# --- an unused connection that the network has dropped is detected

{
    my $redis = start_redis();
    my $server = start_nginx(workers => 1, http => <<"END", server => <<'FIN');
        gateway_redis r { server 127.0.0.1:@{[ $redis->port ]}; timeout 5s; }
        gateway_limit_zone \$arg_k zone=g:1m rate=1r/d burst=9 redis=r;
END
        location / { gateway_limit zone=g; empty_gif; }
FIN
    is(($server->get('/?k=a'))[0], 200, 'a connection to Redis');
    my $port = sprintf '%04X', $redis->port;
    my @timers = map { / 01 \S+ (\d\d):([0-9A-F]{8}) / ? "$1 " . (hex($2) / 100)
                                                         : () }
                 grep { /^\s*\d+: \S+ 0100007F:$port / }
                 split /^/, Test::Gateway::Server::slurp('/proc/net/tcp');
    cmp_ok(scalar(@timers), '>', 0, 'the system has the connection');
    for (@timers) {
        my ($kind, $seconds) = split ' ';
        is($kind, '02', 'with keepalive');
        cmp_ok($seconds, '<=', 31, "in $seconds s");
    }
    $server->stop;
    $redis->stop;
}


# --- a silent Redis, and a request that waits for it

for my $case ([ 'HUP', 'a reload' ], [ 'QUIT', 'the end' ]) {
    my ($signal, $name) = @$case;

    my $fake = fake_redis(actions => [ 'silence' ]);
    start($fake->port, timeout => '2s', workers => 1);
    $fake->wait_for('script', 2);
    my ($old) = $server->workers;

    my $began = time;
    my @waiting = map { send_one($_) } '/z?k=a', '/c?k=a', '/limits?zone=z&key=b',
                                       '/settle?k=a';
    ok($fake->wait_for('evalsha', 4), "$name while requests wait");
    $server->signal($signal);
    ok(wait_until(sub { shutting_down() }, 5), '    the worker exits');

    is(receive($waiting[0]), $local, '    local: decided by the node');
    is(receive($waiting[1]), '503 ERROR|', '    closed: 503');
    like(receive($waiting[2]), qr/^503 /, '    admin: 503');
    is(receive($waiting[3]), '503 ERROR|', '    settle and closed: 503');
    cmp_ok(time - $began, '>=', 1.9, '    after the timeout');
    ok(wait_until(sub { !Test::Gateway::Server::alive($old) }, 5),
       '    the worker has exited');
    cmp_ok(time - $began, '<', 8, '    soon');
    unlike($server->log, qr/open socket|\[alert\]/, '    without an alert');

    if ($signal eq 'HUP') {
        $server->stop;
    } else {
        ok(wait_until(sub { !Test::Gateway::Server::alive($server->pid) }, 5),
           '    like nginx');
        is(CORE::join('', $server->wrong_lines), '', '    without an error');
    }
    $fake->stop;
}

# a reply that arrives while the worker exits

{
    my $fake = fake_redis(actions => [
        [ delay => 1, [ integers => 1, int(time * 1e6), 4, 1e9, 0 ] ] ]);
    start($fake->port, workers => 1);
    $fake->wait_for('script', 2);
    my ($old) = $server->workers;
    my $waiting = send_one('/z?k=a');
    $fake->wait_for('evalsha', 1);
    $server->signal('HUP');
    is(receive($waiting), $redis, 'a reply that arrives meanwhile is used');
    ok(wait_until(sub { !Test::Gateway::Server::alive($old) }, 5), '    and the worker exits');
    $server->stop;
    $fake->stop;
}

# a server that is silent during a step of connecting, while a request waits

{
    my $port = free_port();
    my $deaf = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1',
                                     ReuseAddr => 1, LocalPort => $port);
    my $dns = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp');
    my $resolver = 'resolver 127.0.0.1:' . $dns->sockport . ';';

    for my $case ([ 'a connection', address => "127.0.0.1:$port" ],
                  [ 'TLS', address => "127.0.0.1:$port; ssl on" ],
                  [ 'a name', address => 'redis.example', http => $resolver ])
    {
        my ($name, @how) = @$case;

        start($port, @how, timeout => '2s', connect => '5s', workers => 1);
        my ($old) = $server->workers;
        my $waiting = send_one('/z?k=a');
        sleep 0.3;
        $server->signal('HUP');
        is(receive($waiting), $local, "a reload while a request waits for $name");
        ok(wait_until(sub { !Test::Gateway::Server::alive($old) }, 10),
           '    the worker has exited');
        unlike($server->log, qr/\[alert\]/, '    without an alert');
        $server->stop;

        # nginx closes connections; resolving a name has none

        next if $name eq 'a name';

        start($port, @how, timeout => '30s', connect => '30s', workers => 1,
              main => 'worker_shutdown_timeout 300ms;');
        ($old) = $server->workers;
        $waiting = send_one('/z?k=a');
        sleep 0.3;
        $server->signal('HUP');
        ok(wait_until(sub { !Test::Gateway::Server::alive($old) }, 10),
           '    or when worker_shutdown_timeout has passed');
        unlike($server->log, qr/\[alert\]/, '    without an alert');
        $server->stop;
    }
}

# a real Redis that hangs

{
    my $real = start_redis();
    start($real->port, timeout => '1s', connect => '1s');
    wait_until(sub { $real->connections == 2 }, 10);
    my @old = $server->workers;
    $real->pause;
    my @waiting = map { send_one("/z?k=$_") } 1 .. 20;
    sleep 0.2;
    $server->signal('HUP');
    is(scalar(grep { receive($_) eq $local } @waiting), 20,
       'SIGSTOP, reload: twenty requests have a response');
    ok(wait_until(sub { !grep { Test::Gateway::Server::alive($_) } @old }, 10),
       '    old workers exit');
    $real->resume;
    ok(wait_until(sub { is_now('/z?k=new') eq $redis }, 15), '    new workers call Redis');
    ok(wait_until(sub { $real->connections == 2 }, 10), '    on two connections');
    $server->stop;
}


# --- charges that no request waits for are made before a worker exits

{
    my $real = start_redis();
    start($real->port, workers => 1);
    wait_until(sub { $real->connections == 1 }, 10);
    my $pid = $server->pid;
    $real->pause;
    my $waiting = send_one('/settle?k=s');
    sleep 0.1;
    $real->resume;
    is(receive($waiting), $redis, 'settle: the request passes');
    $server->signal('QUIT');
    ok(wait_until(sub { !Test::Gateway::Server::alive($pid) }, 10), '    nginx ends');
    my ($key) = @{ $real->cli('KEYS', '*') };
    like($real->cli('GET', $key // 'none') // '', qr/^\d+:7$/,
         '    and seven were charged');
    is(CORE::join('', $server->wrong_lines), '', '    without an error');
}


# --- an old worker that keeps running: it closes its idle connection, and
# connects again if its requests need Redis

{
    my $upstream = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1',
                                         ReuseAddr => 1, LocalPort => $origin);
    my $real = start_redis();
    start($real->port, workers => 1);
    wait_until(sub { $real->connections == 1 }, 10);
    my ($id) = $real->cli('CLIENT', 'LIST') =~ /id=(\d+) .*nginx-gateway/;
    my ($old) = $server->workers;

    my $waiting = send_one('/slow?k=slow');
    my $there = $upstream->accept;
    $server->signal('HUP');
    ok(wait_until(sub { my @ids = $real->cli('CLIENT', 'LIST')
                                  =~ /id=(\d+) .*nginx-gateway/g;
                        @ids == 1 && $ids[0] != $id }, 10),
       'an old worker keeps no idle connection');
    ok(Test::Gateway::Server::alive($old), '    although it is still running');
    is(used('q', 'slow'), 0, '    nothing was charged yet');

    print $there "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
    close $there;
    is(receive($waiting), $redis, '    its request ends');
    ok(wait_until(sub { used('q', 'slow') == 7 }, 5), '    and is charged')
        or diag($server->log);
    ok(wait_until(sub { !Test::Gateway::Server::alive($old) }, 10), '    it leaves');
    ok(wait_until(sub { $real->connections == 1 }, 5), '    one connection');
    $server->stop;
}


# --- twenty reloads under load

{
    my $real = start_redis();
    start($real->port, workers => 2);
    wait_until(sub { $real->connections == 2 }, 10);

    pipe my $in, my $out or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $going = 1;
        local $SIG{TERM} = sub { $going = 0 };
        my @all = http_many([ map { [ $server->port, $_ ] } '/q?k=all', '/z?k=z',
                              '/c?k=c' ], at_once => 8, timeout => 120,
                            while => sub { $going });
        my %count;
        $count{ (split /\?/, $_->{path})[0] . " $_->{status} "
                . (header($_, 'X-Is') // '') }++ for @all;
        syswrite $out, CORE::join ',', map { "$_=$count{$_}" } sort keys %count;
        POSIX::_exit(0);
    }
    close $out;

    my $reloads = 0;
    for (1 .. 20) {
        $reloads++ if $server->reload;
    }
    kill 'TERM', $pid;
    my $said = <$in> // '';
    waitpid $pid, 0;
    my %count = map { /(.*)=(\d+)/ } split /,/, $said;

    is($reloads, 20, 'twenty reloads under load');
    my $all = delete $count{"/q $redis"} // 0;
    cmp_ok($all, '>', 100, "    $all requests");
    is(delete $count{"/$_ $redis"}, 10, "    of $_ ten pass") for 'z', 'c';
    delete @count{ map { ("/$_ 429 REJECTED|redis", "/$_ 429 REJECTED|deny_cache")
                       } 'z', 'c' };
    is(CORE::join(', ', %count), '', '    no request is lost, or decided elsewhere');
    is(used('q', 'all'), $all, '    each is charged once');
    ok(wait_until(sub { $real->connections == 2 }, 5),
       '    the old workers\' connections are gone');
    is(scalar(grep { /\[(?:error|warn)\]/ } split /^/, $server->log), 0,
       '    not a line about it');
    $server->stop;
    ok(wait_until(sub { $real->connections == 0 }, 5), '    at the end all are');
}


# --- workers that are killed

{
    my $real = start_redis();
    start($real->port, workers => 2);
    $server->allow(qr/exited on signal 9/);
    wait_until(sub { $real->connections == 2 }, 10);
    for my $round (1 .. 10) {
        my @old = $server->workers;
        kill 'KILL', $old[$round % 2];
        wait_until(sub { my @now = $server->workers;
                         @now == 2 && "@now" ne "@old" }, 10);
    }
    ok(wait_until(sub { $real->connections == 2 }, 10),
       'ten killed workers: two connections');
    my @many = http_many([ map { [ $server->port, '/z?k=killed' ] } 1 .. 100 ]);
    is(answers(@many), '200:10 429:90', '    and ten of a hundred pass');
    $server->stop;

    # the worker that probes: another one takes over
    my $port = free_port();
    start($port, workers => 2, breaker => 'failures=2 retry=200ms',
          timeout => '200ms', connect => '200ms');
    $server->allow(qr/exited on signal 9/);
    ok(wait_until(sub { is_now('/z?k=a'); $server->log =~ /reached, breaker open/ }, 10),
       'a breaker that is open');
    for (1 .. 5) {
        kill 'KILL', $server->workers;
        wait_until(sub { 2 == $server->workers }, 5);
        sleep 0.1;
    }
    my $late = start_redis(port => $port);
    ok(wait_until(sub { is_now('/z?k=b') eq $redis }, 20),
       '    whichever worker is killed, another one probes');
    $server->stop;
}


# --- the breaker and a reload

{
    my $fake = fake_redis(actions => [ 'silence' ]);
    start($fake->port, timeout => '100ms', breaker => 'failures=2 retry=1h');
    ok(wait_until(sub { is_now('/z?k=a'); $server->log =~ /reached, breaker open/ }, 10),
       'an open breaker');
    $server->reload;
    my $calls = $fake->calls;
    is(is_now('/z?k=b'), $local, '    is one after a reload');
    is($fake->calls, $calls, '    Redis is not called');
    $fake->stop;

    my $real = start_redis(port => $fake->port);
    $server->reload(conf($fake->port, breaker => 'failures=2 retry=100ms'));
    ok(wait_until(sub { is_now('/z?k=c') eq $redis }, 15),
       '    a shorter retry= applies to it');
    $server->stop;
}


# --- the block is added and removed

{
    my $real = start_redis();
    my $port = $real->port;

    my $listen = free_port();
    my $plain = http_conf(server => 'location /none { empty_gif; }',
                          port => $listen, workers => 2);
    my $unused = http_conf(http => "gateway_redis a { server 127.0.0.1:$port; }",
                           server => 'location /none { empty_gif; }',
                           port => $listen, workers => 2);
    $server = start_nginx(conf => $plain, port => $listen);
    is(is_now('/none'), '200 ', 'without gateway_redis');
    is($real->connections, 0, '    no worker connects');

    ok($server->reload(conf($port)), 'a reload adds one');
    is(is_now('/z?k=a'), $redis, '    which is asked');
    ok($server->reload($unused), 'a reload that leaves an unused block');
    is(is_now('/none'), '200 ', '    requests are served');
    ok($server->reload($plain), 'a reload takes it away');
    is(is_now('/none'), '200 ', '    requests are served');
    ok(wait_until(sub { $real->connections == 0 }, 5), '    without connections');
    ok($server->reload(conf($port)), 'and back');
    is(is_now('/z?k=a'), $redis, '    asked again');

    my ($main) = $plain =~ /\A(.*?)^http /ms;
    ok($server->reload($main), 'a reload without http');
    ok(wait_until(sub { $real->connections == 0 }, 5), '    without connections');
    ok($server->reload(conf($port)), 'and back');
    is(is_now('/z?k=a'), $redis, '    asked again');
    is(used('z', 'a'), 3, '    three were charged');

    # another server, with the same name
    my $other = start_redis();
    ok($server->reload(conf($other->port)), 'another server');
    is(is_now('/z?k=a'), $redis, '    is asked');
    is(used('z', 'a'), 1, '    and knows nothing');
    ok(wait_until(sub { $real->connections == 0 }, 5), '    nor has the first');

    # an invalid configuration changes nothing
    my @old = $server->workers;
    $server->allow(qr/\[emerg\]/);
    $server->reload(conf($port) =~ s/timeout 10s/timeout never/r, wait => 0);
    ok(wait_until(sub { $server->log =~ /invalid value "never" in "timeout"/ }, 5),
       'a wrong configuration');
    is("@{[ $server->workers ]}", "@old", '    has no workers');
    is(is_now('/z?k=a'), $redis, '    the valid configuration stays');
    is(used('z', 'a'), 2, '    with the other server');
    $server->stop;
}


# --- one process

{
    my $real = start_redis();
    start($real->port, main => "master_process off;\n");
    is(is_now('/z?k=a'), $redis, 'master_process off: asked');
    ok(wait_until(sub { $real->connections == 1 }, 5), '    by one connection');
    my @many = http_many([ map { [ $server->port, '/z?k=b' ] } 1 .. 50 ]);
    is(answers(@many), '200:10 429:40', '    ten of fifty pass');
    $real->pause;
    my $waiting = send_one('/z?k=w');
    sleep 0.1;
    $real->resume;
    is(receive($waiting), $redis, '    a request waits');

    # nginx serves nothing after a reload without a master
    $server->signal('HUP');
    ok(wait_until(sub { $server->log =~ /reconfiguring$/m }, 5), '    a reload');
    sleep 0.3;
    ok(Test::Gateway::Server::alive($server->pid), '    is survived');
    $server->stop;
    ok(wait_until(sub { $real->connections == 0 }, 5), '    and none is left');
}

alarm 0;
done_testing();
