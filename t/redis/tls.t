# SPDX-License-Identifier: BSD-2-Clause

# TLS to Redis: the right name, and certificates that must be rejected; a client
# certificate; and other parameters of a connection: a UNIX socket, a database, a
# prefix, a name that is resolved.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Certificate;
use Test::Gateway::Dns;
use Test::Gateway::FakeRedis;
use Test::Gateway::Load;
use Test::Gateway::Redis;

use IO::Socket::INET;
use IPC::Open3 qw( open3 );
use POSIX ();
use Test::More;
use Time::HiRes qw( sleep time );

BEGIN { $Test::Gateway::More = 1 }

$SIG{ALRM} = sub { die "this takes too long\n" };
alarm 180;

authority($_) for qw( ca foreign );
certificate('name', ca => 'ca', san => 'DNS:redis.example');
certificate('wild', ca => 'ca', san => 'DNS:*.redis.example');
certificate('address', ca => 'ca', san => 'IP:127.0.0.1');
certificate('six', ca => 'ca', san => 'IP:::1');
# CN=127.0.0.1.example is not an address, and a name is not an address
certificate('text', ca => 'ca', san => 'DNS:127.0.0.1');
certificate('old', ca => 'ca', san => 'DNS:redis.example',
            from => '20200101000000Z', to => '20200201000000Z');
certificate('foreign_name', ca => 'foreign', san => 'DNS:redis.example');
certificate('gw', ca => 'ca');
certificate('stranger', ca => 'foreign');

sub real {
    my ($name, %arg) = @_;

    return start_redis(tls => { cert => certificate_file($name),
                                key => certificate_key($name),
                                ca => certificate_file('ca') }, %arg);
}

my $server;

sub gateway {
    my ($address, $more, %arg) = @_;

    return $server = start_nginx(
        workers => $arg{workers} // 1,
        files => { certificate_files(), %{ $arg{files} // {} } },
        http => <<"END", server => <<'END');
    gateway_redis fleet {
        server $address;
        timeout 10s;
        connect_timeout @{[ $arg{connect} // '10s' ]};
        breaker failures=1000000 retry=1h;
        $more
    }
    @{[ $arg{http} // '' ]}
    gateway_limit_zone \$arg_k zone=z:1m rate=1r/d burst=9 redis=fleet
                       on_error=closed;
    add_header X-Is "\$gateway_limit_status|\$gateway_limit_source" always;
END
    location /z { gateway_limit zone=z; empty_gif; }
END
}

sub is_now {
    my ($path) = @_;
    my ($status, $head) = $server->get($path // '/z?k=a', timeout => 30);
    return "$status " . (header($head, 'X-Is') // '');
}

my $good = '200 PASSED|redis';
my $bad = '503 ERROR|';

sub works {
    my ($name) = @_;
    is(is_now(), $good, $name);
    is(CORE::join('', grep { /\[(?:error|warn)\]/ } split /^/, $server->log), '',
       '    without a log line');
    $server->stop;
}

sub fails {
    my ($name, $log) = @_;
    is(is_now(), $bad, $name);
    like($server->log, qr/\[error\] .*gateway_redis "fleet": .*$log/,
         '    the reason is logged')
        or diag(grep { /\[error\]/ } split /^/, $server->log);
    $server->stop;
}

my $ca = 'ssl on; ssl_trusted_certificate ca.crt;';


# --- names

{
    my $redis = real('name');
    my $address = '127.0.0.1:' . $redis->tls_port;

    gateway($address, "$ca ssl_name redis.example;");
    works('the right name');
    is($redis->calls('auth'), 0, '    AUTH was not sent');
    like($redis->log, qr/^(?!.*error)/is, '    Redis logs no error');

    gateway($address, "$ca ssl_name REDIS.Example;");
    works('in other letters');
    gateway($address, "$ca ssl_name other.example;");
    fails('another name', "the certificate of $address is not for "
                          . '"other.example", reconnecting in \d+ms');
    gateway($address, "$ca ssl_name example;");
    fails('a part of the name', 'is not for "example"');
    gateway($address, $ca);
    fails('the address, which is not in it', 'is not for "127.0.0.1"');

    gateway($address, 'ssl on; ssl_name redis.example;');
    fails('an authority that the system does not know',
          'is not valid \(\d+:');
    gateway($address, 'ssl on; ssl_trusted_certificate foreign.crt; '
                      . 'ssl_name redis.example;');
    fails('another authority', 'is not valid \(\d+:');

    # TLS on one side only
    # Redis waits for the end of what it reads as a line
    gateway('127.0.0.1:' . $redis->port, "$ca ssl_name redis.example;",
            connect => '500ms');
    fails('TLS to a port without', "127.0.0.1:@{[ $redis->port ]} timed out");
    gateway($address, '');
    fails('no TLS to a port with it', '127.0.0.1:\d+');
}

# a server of another protocol, which responds at once

{
    my $other = free_port();
    gateway("127.0.0.1:$other", "$ca ssl_name redis.example;",
            http => "server { listen 127.0.0.1:$other; return 200 here; }");
    fails('TLS to a server of HTTP', "TLS with 127.0.0.1:$other failed: .+");
}

# close_notify is also sent to a server that is rejected

{
    my $port = free_port();
    my $pid = open3(my $in, my $out, undef, qw( openssl s_server -state -accept ),
                    "127.0.0.1:$port", '-cert', certificate_file('name'),
                    '-key', certificate_key('name'));
    my $said = '';
    $said .= <$out> // die 'openssl s_server' until $said =~ /ACCEPT/;
    gateway("127.0.0.1:$port", "$ca ssl_name redis.example;", connect => '1s');
    fails('a server that says nothing', "connecting to 127.0.0.1:$port timed out");
    $said .= <$out> // die 'openssl s_server' until $said =~ /DONE|ERROR/;
    like($said, qr/^SSL3 alert read:warning:close notify$/m, '    close_notify');
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

# TLS errors of this connection do not affect the TLS connections of clients

{
    my $redis = real('foreign_name');
    my $https = free_port();
    certificate('site', ca => 'ca', san => 'DNS:localhost');
    gateway('127.0.0.1:' . $redis->tls_port, "$ca ssl_name redis.example;", http =>
            "server { listen 127.0.0.1:$https ssl; ssl_certificate site.crt;"
            . ' ssl_certificate_key site.key; location / { gateway_limit zone=z;'
            . ' empty_gif; } }');
    my %status;
    for my $i (1 .. 20) {
        $status{ tls($server, port => $https, path => [ "/?k=$i", "/?k=$i" ],
                     sni => 'localhost')->{status} }++;
        sleep 0.02;
    }
    is(CORE::join(' ', %status), '503 20', 'a client over TLS, Redis of a stranger');
    unlike($server->log, qr/stale|\[crit\]/, '    no TLS error is left for others');
    $server->stop;
}

{
    my $redis = real('wild');
    gateway('127.0.0.1:' . $redis->tls_port, "$ca ssl_name a.redis.example;");
    works('a wildcard');
    gateway('127.0.0.1:' . $redis->tls_port, "$ca ssl_name a.b.redis.example;");
    fails('which is one label', 'is not for "a.b.redis.example"');
    gateway('127.0.0.1:' . $redis->tls_port, "$ca ssl_name redis.example;");
    fails('and not none', 'is not for "redis.example"');
}

{
    my $redis = real('address');
    my $address = '127.0.0.1:' . $redis->tls_port;
    gateway($address, $ca);
    works('an address of the certificate');
    gateway($address, "$ca ssl_name 127.0.0.1;");
    works('given as ssl_name');
    gateway($address, "$ca ssl_name 127.0.0.2;");
    fails('another address', 'is not for "127.0.0.2"');
    gateway($address, "$ca ssl_name ::1;");
    fails('one of another family', 'is not for "::1"');
    gateway($address, "$ca ssl_name redis.example;");
    fails('a name', 'is not for "redis.example"');
}

{
    my $redis = real('six');
    my $address = '127.0.0.1:' . $redis->tls_port;
    gateway($address, "$ca ssl_name $_;"), works("IPv6: $_")
        for '::1', '[::1]', '0:0:0:0:0:0:0:1';
    gateway($address, "$ca ssl_name ::2;");
    fails('another one', 'is not for "::2"');
}

for my $case ([ 'text', '', 'is not for "127.0.0.1"',
                'an address that is written as a name' ],
              [ 'old', 'ssl_name redis.example;',
                'is not valid \(\d+:certificate has expired\)', 'it has expired' ],
              [ 'foreign_name', 'ssl_name redis.example;', 'is not valid \(\d+:',
                'by another authority' ])
{
    my ($cert, $more, $log, $name) = @$case;
    my $redis = real($cert);
    gateway('127.0.0.1:' . $redis->tls_port, "$ca $more");
    fails($name, $log);
    is($redis->calls('client|setname'), 0, '    no command was sent');
}

# the password is sent to trusted servers only

{
    my $redis = real('foreign_name', password => 'top-secret');
    gateway('127.0.0.1:' . $redis->tls_port,
            "$ca ssl_name redis.example; password_file pass;",
            files => { pass => 'top-secret' });
    is(is_now(), $bad, 'a password');
    is($redis->calls('role'), 0, '    is not sent to an untrusted server');
    # this connection is made by the test itself
    is($redis->calls('auth'), 2 + $redis->calls('ping'), '    not even AUTH');
    unlike($server->log, qr/top-secret/, '    and is not logged');
    $server->stop;
}


# --- a client certificate, which Redis requires by default

{
    my $redis = real('name', config => []);
    $redis->cli('CONFIG', 'SET', 'tls-auth-clients', 'yes');
    my $address = '127.0.0.1:' . $redis->tls_port;

    gateway($address, "$ca ssl_name redis.example; ssl_certificate gw.crt; "
                      . 'ssl_certificate_key gw.key;');
    works('tls-auth-clients yes, and a certificate');
    gateway($address, "$ca ssl_name redis.example;");
    fails('none', '127.0.0.1:\d+');
    gateway($address, "$ca ssl_name redis.example; ssl_certificate "
                      . 'stranger.crt; ssl_certificate_key stranger.key;');
    fails('one of another authority', '127.0.0.1:\d+');
}


# --- many requests over TLS, and a reload

{
    my $redis = real('name');
    gateway('127.0.0.1:' . $redis->tls_port, "$ca ssl_name redis.example;",
            workers => 2);
    my @many = http_many([ map { [ $server->port, '/z?k=many' ] } 1 .. 200 ]);
    is(answers(@many), '200:10 429:190', 'of 200 at once ten pass');
    @many = http_many([ map { [ $server->port, "/z?k=k$_" ] } 1 .. 200 ],
                      at_once => 50);
    is(answers(@many), '200:200', '200 keys pass once each');
    ok($server->reload, 'a reload');
    is(is_now('/z?k=many'), '429 REJECTED|deny_cache', 'the state is kept');
    is(is_now('/z?k=more'), $good, '    with new connections');
    ok(wait_until(sub { $redis->connections == 2 }, 5), '    and no old ones');

    $redis->kill;
    ok(wait_until(sub { is_now('/z?k=b') eq $bad }, 10), 'Redis is killed: 503');
    $redis->start;
    ok(wait_until(sub { is_now('/z?k=b') eq $good }, 15), 'Redis is started: called');
    $server->stop;
}


# --- a socket, a database, a prefix

{
    my $redis = start_redis(unix => 1, config => [ 'databases 16' ]);
    gateway('unix:' . $redis->unix, 'database 7; prefix shop;');
    is(is_now(), $good, 'a socket');
    my ($line) = grep { / name=nginx-gateway / }
                 split /\n/, $redis->cli('CLIENT', 'LIST');
    like($line, qr/ db=7 /, '    database 7');
    like($redis->cli('INFO', 'keyspace'), qr/^db7:keys=1,/m,
         '    and no other');
    unlike($redis->cli('INFO', 'keyspace'), qr/^db[0-689]/m, '    at all');

    my $socket = IO::Socket::INET->new('127.0.0.1:' . $redis->port);
    resp_write($socket, 'SELECT', 7);
    resp_read($socket);
    resp_write($socket, 'KEYS', '*');
    like(resp_read($socket)->[0], qr/^shop:\{[0-9a-f]{32}\}:z:g$/, '    prefix shop');
    $server->stop;

    # out of range, and back
    gateway('unix:' . $redis->unix, 'database 16;');
    fails('a database that is not there', 'refused SELECT: "ERR ');

    $redis->kill;
    gateway('unix:' . $redis->unix, '');
    fails('a socket without a listener',
          'connect\(\) to unix:\S+ failed \(111: Connection refused\)');
    $redis->start;
    gateway('unix:' . $redis->unix, '');
    works('a socket, again');

    gateway('unix:/nowhere/redis.sock', '');
    fails('a socket that is not there',
          'connect\(\) to unix:/nowhere/redis.sock failed \(2: No such file');
}

# two fleets on one Redis do not count together

{
    my $redis = start_redis();
    my $address = '127.0.0.1:' . $redis->port;
    for my $prefix (qw( one two )) {
        gateway($address, "prefix $prefix;");
        my @many = http_many([ map { [ $server->port, '/z?k=a' ] } 1 .. 15 ]);
        is(answers(@many), '200:10 429:5', "prefix $prefix: ten");
        $server->stop;
    }
    is($redis->cli('DBSIZE'), 2, 'two keys');

    # connections: the number for each worker
    gateway($address, 'connections 3;', workers => 2);
    ok(wait_until(sub { $redis->connections == 6 }, 10),
       'connections 3, two workers: six');
    my @many = http_many([ map { [ $server->port, '/z?k=b' ] } 1 .. 100 ]);
    is(answers(@many), '200:10 429:90', '    which count together');
    is($redis->connections, 6, '    and are kept');
    $server->stop;
    ok(wait_until(sub { $redis->connections == 0 }, 5), '    until nginx exits');
}


# --- a name, resolved by a server of this test

{
    my $dns = dns('127.0.0.1');

    my $redis = real('name');
    my $http = "resolver 127.0.0.1:@{[ $dns->port ]} valid=1s ipv6=off;"
               . ' resolver_timeout 5s;';

    gateway('redis.example:' . $redis->port, '', http => $http);
    works('a name');
    gateway('redis.example:' . $redis->tls_port, $ca, http => $http);
    works('a name, and the certificate for it');
    gateway('other.example:' . $redis->tls_port, $ca, http => $http);
    fails('another name, and the same certificate', 'is not for "other.example"');

    $dns->forgets;
    gateway('redis.example:' . $redis->port, '', http => $http);
    is(is_now(), $bad, 'a name that cannot be resolved');
    like($server->log, qr/redis\.example could not be resolved \(3: Host not found\)/,
         '    this is logged');
    $dns->moves('127.0.0.1');
    ok(wait_until(sub { is_now() eq $good }, 20), '    until it can be resolved');
    $server->stop;
}

# the address changes, the port does not

{
    my $dns = dns('127.0.0.1');
    my $folder = File::Temp->newdir;

    my $replica = start_redis();
    my $port = $replica->port;
    my $master = fork // die "fork: $!";
    if (!$master) {
        open STDOUT, '>', '/dev/null';
        exec 'redis-server', '--port', $port, '--bind', '127.0.0.2', '--save', '',
             '--dir', "$folder" or POSIX::_exit(127);
    }
    ok(wait_until(sub { IO::Socket::INET->new("127.0.0.2:$port") }, 10),
       'two servers, one port, two addresses');

    gateway("redis.example:$port", '', http =>
            "resolver 127.0.0.1:@{[ $dns->port ]} valid=1s ipv6=off;");
    is(is_now(), $good, 'the first server is used');
    is($replica->connections, 1, '    it has the connection');
    $dns->moves('127.0.0.2');
    $replica->cli('REPLICAOF', '127.0.0.2', $port);

    # a refused connection resolves the name again; an answer is valid for 1 s
    ok(wait_until(sub { is_now('/z?k=moved') eq $good }, 20),
       'it is a replica now, and the name has moved: the second is asked');
    is($replica->connections, 0, '    the first server has no connection');
    like($server->log, qr/\[error\] .*READONLY|\[error\] .*is not a master/,
         '    the reason is logged');
    $server->stop;

    kill 'KILL', $master;
    waitpid $master, 0;
}

alarm 0;
done_testing();
