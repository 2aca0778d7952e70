# SPDX-License-Identifier: BSD-2-Clause

# What a request that waits for keys may do meanwhile: send its body, the next
# request or other streams; and that it is counted by limits once.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Socket qw( SOL_SOCKET SO_LINGER );
use Test::Gateway::Issuer;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep time );

my $issuer = issuer('a');
my $upstream = origin();
my ($port, $h2_port) = map { free_port() } 1 .. 2;
my $h2 = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$h2_port http2;"
                                : "listen 127.0.0.1:$h2_port; http2 on;";
my $proxy = 'proxy_http_version 1.1; proxy_pass http://127.0.0.1:'
            . $upstream->port . ';';

my $server = start_nginx(port => $port, conf => http_conf(
    port => $port, workers => 1,
    http => <<'HTTP', server => $issuer->location('/keys') . <<"END"));
    limit_conn_zone $server_port zone=conn:1m;
    gateway_limit_zone $server_port zone=both:1m concurrency=2 stage=early;
    gateway_limit_zone $server_port zone=quota:1m quota=3/day stage=early;
HTTP
    $h2
    client_max_body_size 1m;
    gateway_jwt api;
    gateway_jwt_key_request /keys;
    gateway_jwt_key_fetch interval=1h min=1ms timeout=10s;
    location / { $proxy }
    location /unbuffered { proxy_request_buffering off; $proxy }
    location /conn { limit_conn conn 2; empty_gif; }
    location /both { gateway_limit zone=both; empty_gif; }
    location /quota { gateway_limit zone=quota; empty_gif; }
END

is(status($server, '/', token(key => 'a')), 200, 'the keys are fetched');


# The issuer changes to a new key, and hangs; returns a token of this key.

my $n = 0;

sub rotate {
    my $key = 'key' . ++$n;
    $issuer->keys($key);
    $issuer->hang;
    return token(key => $key);
}

sub ask {
    my ($text, $token, @lines) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    $socket->autoflush;
    print $socket join "\r\n", "$text HTTP/1.1", 'Host: x',
                               "Authorization: Bearer $token", @lines, '', '';
    return $socket;
}

# the status of the next response, or "nothing"

sub got {
    my ($socket, $seconds) = @_;

    my $bits = '';
    vec($bits, fileno $socket, 1) = 1;
    select $bits, undef, undef, $seconds // 10 or return 'nothing';
    sysread $socket, my $text, 65536 or return 'closed';
    return join ' ', $text =~ m{^HTTP/1.1 (\d+)}mg;
}

sub waits {
    my ($socket, $name) = @_;
    return is(got($socket, 0.1), 'nothing', $name);
}


# --- a body

my $body = join '', map { chr 65 + $_ % 26 } 1 .. 300_000;

for my $path ('/buffered', '/unbuffered') {
    my $token = rotate();
    my $socket = ask("POST $path", $token, 'Content-Length: 300000');
    print $socket substr $body, 0, 1000;
    waits($socket, "$path: a request with a part of its body");

    # as much as the sockets take
    my $sent = 1000;
    $socket->blocking(0);
    while (my $more = syswrite $socket, $body, 10_000, $sent) { $sent += $more }
    $socket->blocking(1);

    $issuer->go;
    print $socket substr $body, $sent;
    is(got($socket), 200, "$path: the keys have come");

    my ($request) = grep { $_->{path} eq $path } $upstream->requests;
    ok($request->{body} eq $body, "$path: the whole body");

    print $socket "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";
    is(got($socket), 401, "$path: the next request");
}

{
    my $socket = ask('POST /expect', rotate(), 'Content-Length: 5',
                     'Expect: 100-continue');
    waits($socket, '"Expect": no 100 before the verdict');
    $issuer->go;
    is(got($socket), 100, 'then');
    print $socket 'hello';
    is(got($socket), 200, 'and the response');

    rotate();
    $socket = ask('POST /expect', token(key => 'unknown'), 'Content-Length: 5',
                  'Expect: 100-continue');
    waits($socket, '"Expect", and a key that does not come');
    $issuer->go;
    is(got($socket), 401, 'no 100');
}


# --- the next request on the connection

{
    my $socket = ask('GET /one', rotate());
    print $socket "GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    waits($socket, 'a pipelined request does not overtake');
    $issuer->go;
    my @status;
    while ((my $status = got($socket)) ne 'closed') { push @status, $status }
    is("@status", '200 401', 'each has its own verdict');
}


# --- streams of one connection

{
    my $token = rotate();
    my $client = Test::Gateway::Streams->new($h2_port);
    my @streams = map {
        $client->request('GET', "/stream$_",
                         headers => [ authorization => "Bearer $token" ])
    } 1 .. 20;
    my $other = $client->request('GET', '/anonymous');
    $client->open_window($_) for @streams, $other;
    $client->wait(sub { $client->ended($other) });
    ok($client->ended($other), 'a stream without a token does not wait');
    is(scalar(grep { $client->ended($_) } @streams), 0, 'the others do');

    $issuer->go;
    $client->wait(sub { !grep { !$client->ended($_) } @streams });
    is(join(' ', map { $client->status($_) } @streams), join(' ', (200) x 20),
       'all streams are answered');
}


# --- limits that come before authentication

{
    my $token = rotate();
    my @clients;

    for my $case ([ '/conn', 503 ], [ '/both', 429 ]) {
        my ($path, $refused) = @$case;
        my ($first, $second) = map { ask("GET $path", $token) } 1 .. 2;
        waits($_, "$path: two wait") for $first, $second;
        is(got(ask("GET $path", $token)), $refused, "$path: and are counted");

        setsockopt $first, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        close $first;
        ok(wait_until(sub {
            my $third = ask("GET $path", $token);
            return got($third, 0.1) eq 'nothing' && push @clients, $third;
        }), "$path: until one leaves");
        push @clients, $second;
    }

    my @waiting = map { ask('GET /quota', $token) } 1 .. 3;
    waits($waiting[-1], '/quota: three wait');
    is(got(ask('GET /quota', $token)), 429, '/quota: no more');

    $issuer->go;
    is(join(' ', map { got($_) } @clients, @waiting),
       join(' ', (200) x 7), 'all are served');
    is(got(ask('GET /quota', $token)), 429, '/quota: each counts once');
    is(join(' ', map { status($server, '/both', $token) } 1 .. 4),
       '200 200 200 200', '/both: nothing is left behind');
}

$server->stop;

done_testing;
