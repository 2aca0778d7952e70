# SPDX-License-Identifier: BSD-2-Clause

# A client that closes its sending side while its request waits for Redis gets the
# response; a reset of the connection ends the request.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Bypass::Client;
use Test::Gateway::Certificate;
use Test::Gateway::FakeRedis;
use Test::Gateway::Load qw( header );
use Test::Gateway::Parts;

use IO::Socket::INET;
use IO::Socket::SSL ();
use Socket qw( SOL_SOCKET SO_LINGER SHUT_WR );
use Test::More;
use Time::HiRes qw( sleep time );

BEGIN { $Test::Gateway::More = 1 }

authority('ca');
certificate('server', ca => 'ca', san => 'DNS:localhost');

my ($server, $fake, $tls, $h2);

sub good { return [ integers => 1, int(time * 1e6), 5, 86_400_000_000, 0 ] }

sub gateway {
    my ($method, $timeout, @actions) = @_;

    $fake = fake_redis(actions => \@actions);
    my $port = free_port();
    ($tls, $h2) = (free_port(), free_port());
    my $http2 = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$h2 http2;"
                                       : "listen 127.0.0.1:$h2; http2 on;";
    my $locations = <<"END";
    ssl_certificate     @{[ certificate_file('server') ]};
    ssl_certificate_key @{[ certificate_key('server') ]};
    location /redis { gateway_limit zone=r; empty_gif; }
    location /both  { gateway_limit zone=e; gateway_limit zone=r; empty_gif; }
    location /proxy { gateway_limit zone=r; proxy_ignore_client_abort on;
                      proxy_hide_header X-Is; proxy_pass http://127.0.0.1:$port/none; }
    location /none  { empty_gif; }
    location /delay { gateway_limit zone=s burst=5; empty_gif; }
    location = /limits { gateway_limit_admin zone=r from=any; }
    location = /status { stub_status; }
END
    my $conf = http_conf(workers => 1, port => $port, server => $locations,
                         http => <<"END");
    gateway_redis fleet {
        server 127.0.0.1:@{[ $fake->port ]};
        timeout $timeout; connect_timeout 20s; breaker failures=1000000;
    }
    gateway_limit_zone \$arg_k zone=r:1m rate=1r/d burst=9 redis=fleet
                       on_error=closed;
    gateway_limit_zone \$arg_k zone=e:1m rate=1r/d burst=9 redis=fleet stage=early
                       on_error=closed;
    gateway_limit_zone \$arg_k zone=s:1m rate=1r/s;
    add_header X-Is "\$gateway_limit_status|\$gateway_limit_source" always;
    server { listen 127.0.0.1:$tls ssl; $locations }
    server { $http2 $locations }
END
    $conf =~ s/events \{/events { use $method;/;
    $server = start_nginx(conf => $conf, port => $port);
    return $fake->wait_for('script', 2);
}

sub stop { $server->stop; $fake->stop; return }

# the number of client connections without the one that reads it; when it has a
# response, nginx has read what was sent before
sub clients {
    my (undef, undef, $body) = $server->get('/status', timeout => 20);
    return $body =~ /Active connections: (\d+)/ ? $1 - 1 : -1;
}

# A client: plain, or over TLS.

sub client {
    my ($kind) = @_;

    my $port = $kind eq 'tls' ? $tls : $kind eq 'http2' ? $h2 : $server->port;
    my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die "connect: $!";
    return $socket if $kind ne 'tls';

    return IO::Socket::SSL->start_SSL($socket, SSL_verify_mode => 0)
           || die 'TLS: ' . IO::Socket::SSL::errstr();
}

sub ask {
    my ($client, $path, $more) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my $close = $more ? '' : "Connection: close\r\n";
    print $client "GET $path HTTP/1.1\r\nHost: localhost\r\n$close\r\n";
    return;
}

# the end of file of TCP, behind TLS too
sub finish { CORE::shutdown($_[0], SHUT_WR) or die "shutdown: $!"; return }

sub reset_it {
    my ($client) = @_;

    setsockopt $client, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    ref($client) =~ /SSL/ ? $client->close(SSL_no_shutdown => 1) : close $client;
    return;
}

# all responses until the end: "200 PASSED|redis" each
sub said {
    my ($client) = @_;

    my $text = '';
    eval {
        local $SIG{ALRM} = sub { die "timeout\n" };
        alarm 30;
        1 while sysread $client, $text, 65536, length $text;
        alarm 0;
    };
    alarm 0;
    return CORE::join ', ', map { /^(\d+)/ ? "$1 " . (header($_, 'X-Is') // '')
                                           : () } split m{HTTP/1\.1 }, $text;
}

# CPU time of the worker, in ticks
sub ticks {
    my ($worker) = $server->workers;
    my @stat = split ' ', Test::Gateway::Server::slurp("/proc/$worker/stat")
                          =~ s/.*\)//r;
    return $stat[11] + $stat[12];
}

my $redis = '200 PASSED|redis';


# nginx of Debian has only epoll
my @methods = grep { (nginx_t("events { use $_; }\nhttp {}"))[0] == 0 }
              qw( epoll poll select );
note("events by @methods");

for my $method (@methods) {

    # --- an end of file during the call

    for my $kind (qw( plain tls )) {
        for my $path (qw( /redis /both /proxy )) {
            part(sub {
                ok(gateway($method, '20s', map { [ hold => good() ] } 1, 2),
                   "$method, $kind, $path");
                my $client = client($kind);
                ask($client, "$path?k=a");
                ok($fake->wait_for('evalsha', 1), '    a call is under way');
                finish($client);
                is(clients(), 1, '    an end of file changes nothing');
                my $ticks = ticks();
                sleep 0.5;
                cmp_ok(ticks() - $ticks, '<', 20, '    the worker does not spin');
                $fake->release;
                if ($path eq '/both') {
                    ok($fake->wait_for('evalsha', 2), '    nor to the second one');
                    is(clients(), 1, '    that follows');
                    $fake->release;
                }
                is(said($client), $redis, '    there is a response');
                ok(wait_until(sub { clients() == 0 }), '    and then no connection');
                unlike($server->log, qr/prematurely/, '    no client has left by the log');
                stop();
            });
        }
    }

    # --- an end of file before the call

    part(sub {
        ok(gateway($method, '20s', [ hold => good() ]), "$method, all at once");
        my ($worker) = $server->workers;
        my $client = client('plain');
        is(clients(), 1, '    a client');
        kill 'STOP', $worker;
        ask($client, '/redis?k=a');
        finish($client);
        kill 'CONT', $worker;
        ok($fake->wait_for('evalsha', 1), '    a call is under way');
        is(clients(), 1, '    an end of file changes nothing');
        $fake->release;
        is(said($client), $redis, '    there is a response');
        stop();
    });

    # --- keepalive, and requests behind it

    for my $more (0, 2) {
        part(sub {
            ok(gateway($method, '20s', [ hold => good() ], good()),
               "$method, keepalive, $more requests behind it");
            my $client = client('plain');
            ask($client, "/redis?k=$_", 'keepalive') for 0 .. $more;
            ok($fake->wait_for('evalsha', 1), '    a call is under way');
            finish($client);
            is(clients(), 1, '    an end of file changes nothing');
            my $ticks = ticks();
            sleep 0.5;
            cmp_ok(ticks() - $ticks, '<', 20, '    the worker does not spin');
            $fake->release;
            is(said($client), CORE::join(', ', ($redis) x ($more + 1)),
               '    each has its response');
            is($fake->calls, $more + 1, '    and its call');
            stop();
        });
    }

    # --- TLS: close_notify without an end of file

    part(sub {
        ok(gateway($method, '20s', [ hold => good() ]), "$method, close_notify");
        my $client = client('tls');
        ask($client, '/redis?k=a');
        ok($fake->wait_for('evalsha', 1), '    a call is under way');
        Net::SSLeay::shutdown($client->_get_ssl_object);
        is(clients(), 1, '    it changes nothing');
        $fake->release;
        is(said($client), $redis, '    there is a response');
        stop();
    });

    # --- not longer than a request waits

    part(sub {
        ok(gateway($method, '1s', 'silence'), "$method, Redis is silent");
        my $client = client('plain');
        my $began = time;
        ask($client, '/redis?k=a');
        $fake->wait_for('evalsha', 1);
        finish($client);
        is(said($client), '503 ERROR|', '    the request fails');
        cmp_ok(time - $began, '>=', 0.99, '    after the timeout');
        stop();
    });

    # --- gateway_limit_admin

    part(sub {
        ok(gateway($method, '20s',
                   [ hold => [ integers => 5, 1e9, 0, 1, 5, 1 ] ]),
           "$method, gateway_limit_admin");
        my $client = client('plain');
        ask($client, '/limits?zone=r&key=a');
        ok($fake->wait_for('evalsha', 1), '    a call is under way');
        finish($client);
        is(clients(), 1, '    an end of file changes nothing');
        $fake->release;
        like(said($client), qr/^(?:200|404|503) /, '    there is a response');
        stop();
    });

    # --- a reset ends the request

    for my $case ([ plain => 0, 0 ], [ plain => 1, 0 ], [ plain => 0, 1 ],
                  [ plain => 1, 1 ], [ tls => 0, 0 ], [ tls => 1, 0 ])
    {
        my ($kind, $finished, $behind) = @$case;
        part(sub {
            ok(gateway($method, '60s', [ hold => good() ], good()),
               "$method, $kind, a reset" . ($finished ? ' behind the end' : '')
               . ($behind ? ', with a request behind it' : ''));
            my $client = client($kind);
            ask($client, "/redis?k=$_", $behind) for 0 .. $behind;
            ok($fake->wait_for('evalsha', 1), '    a call is under way');
            finish($client) if $finished;
            is(clients(), 1, '    a client waits');
            reset_it($client);
            ok(wait_until(sub { clients() == 0 }, 20), '    and no longer');
            like($server->log, qr/\[info\].* client prematurely closed/,
                 '    the log says it');
            $fake->release;
            my ($status) = $server->get('/redis?k=b', timeout => 20);
            is($status, 200, '    another one is served');
            stop();
        });
    }

    # --- HTTP/2: a stream is reset, a connection is closed

    for my $what (qw( stream reset end )) {
        part(sub {
            ok(gateway($method, '60s', [ hold => good() ], good()),
               "$method, HTTP/2, $what");
            my $frame = \&Test::Gateway::Bypass::Client::frame;
            my $client = client('http2');
            syswrite $client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                . $frame->(4, 0, 0, '')
                . $frame->(1, 5, 1, "\x82\x86\x04\x0a/redis?k=a\x41\x01a");
            ok($fake->wait_for('evalsha', 1), '    a call is under way');
            is(clients(), 1, '    a client waits');

            if ($what eq 'stream') {
                syswrite $client, $frame->(3, 0, 1, pack 'N', 8);
            } elsif ($what eq 'reset') {
                reset_it($client);
            } else {
                finish($client);
            }
            ok(wait_until(sub { $server->log =~ /client prematurely closed|client closed connection|client terminated stream|client canceled stream/ }, 20),
               '    it ends');
            ok(wait_until(sub { clients() == ($what eq 'stream' ? 1 : 0) }, 20),
               '    at once');
            $fake->release;
            my ($status) = $server->get('/redis?k=b', timeout => 20);
            is($status, 200, '    another one is served');
            stop();
        });
    }

    # --- a delay: an end of file ends it, as in nginx

    part(sub {
        ok(gateway($method, '20s', good()), "$method, a delay");
        my ($status) = $server->get('/delay?k=a');
        is($status, 200, '    of the second');
        my $client = client('plain');
        ask($client, '/delay?k=a');
        ok(wait_until(sub { $server->log =~ /delayed by/ }), '    which waits');
        finish($client);
        is(said($client), '', '    and has no response');
        stop();
    });
}

parts_done();
done_testing();
