# SPDX-License-Identifier: BSD-2-Clause

# Clients and origins that leave, stop or fail while a response is being stored:
# nobody waits for them, and nothing that is sent or stored is mixed up.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Socket qw( SOL_SOCKET SO_LINGER SO_RCVBUF );
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::More;
use Time::HiRes qw( time );

my ($port, $h2) = (free_port(), free_port());
my $origin = origin();
my $up = "proxy_http_version 1.1;"
         . "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";
my ($listen, $http2) = nginx_before(1, 25, 1) ? (' http2', '')
                                              : ('', 'http2 on;');
my $big = origin_body(8_000_000);

# the answer begins before the request's body is there

my $early = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1')
    or die $!;

sub early {
    while (my $client = $early->accept) {
        my ($text, $size) = ('');
        while ($text !~ /\r\n\r\n/) {
            sysread $client, $text, 65536, length $text or last;
        }
        ($size) = $text =~ /^Content-Length: (\d+)/mi;
        my ($path) = $text =~ /^\w+ (\S+)/;
        syswrite $client, join "\r\n", 'HTTP/1.1 200 OK', 'Content-Length: 2',
            'Cache-Control: max-age=60', "Content-Location: $path", '', '';
        $text =~ s/.*?\r\n\r\n//s;
        while (length $text < $size) {
            sysread $client, $text, 65536, length $text or last;
        }
        syswrite $client, length $text == $size ? 'ok' : 'no';
        close $client;
    }
    return;
}

my $pid = fork // die $!;
if (!$pid) { early(); POSIX::_exit(0) }

my $nginx = start_nginx(port => $port, 
    files => { 'big' => $big, 'trickle' => origin_body(1_000_000) },
    conf => http_conf(workers => 1, http => <<"HTTP", server => <<"SERVER"));
    gateway_cache_zone zone=z:32m max_object=2m;
    server {
        listen 127.0.0.1:$h2$listen sndbuf=32k;
        $http2
        location = /big { root .; }
        location /short/ { $up gateway_cache z;
            gateway_cache_lock on timeout=2s; }
        location / {
            gateway_cache z;
            gateway_cache_lock on timeout=60s;
            proxy_max_temp_file_size 0;
            $up
        }
    }
HTTP
    listen 127.0.0.1:$port sndbuf=32k;
    gateway_cache z;
    gateway_cache_lock on timeout=60s;
    gateway_cache_methods GET HEAD POST;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    location / { $up }
    location /unbuffered/ { $up proxy_buffering off; }
    location /short/ { $up gateway_cache_lock on timeout=2s; }
    location /short/unbuffered/ { $up gateway_cache_lock on timeout=2s;
        proxy_buffering off; }
    location = /trickle { gateway_cache off; root .; limit_rate 20k; }
    location /short/trickle {
        proxy_pass http://127.0.0.1:$port/trickle;
        gateway_cache_lock on timeout=2s;
        gateway_cache_ttl 1h;
    }
    location /short/ignore/ { $up gateway_cache_lock on timeout=1s;
        proxy_ignore_client_abort on; }
    location /short/store/ { $up gateway_cache_lock on timeout=1s;
        root .; proxy_store on; }
    location = /admin { gateway_cache_admin zone=z from=127.0.0.1; }
    location /early/ {
        proxy_http_version 1.1;
        proxy_request_buffering off;
        proxy_buffering off;
        proxy_pass http://127.0.0.1:@{[ $early->sockport ]};
    }
SERVER

my @fresh = ('Cache-Control: max-age=60');

# a client with a small window, which reads when it is told to

sub client {
    my ($text) = @_;

    my $socket = IO::Socket::INET->new(Proto => 'tcp') or die $!;
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', 8192;
    connect $socket, Socket::pack_sockaddr_in($port, "\x7f\0\0\1") or die $!;
    $socket->autoflush;
    print $socket $text =~ m{^/} ? "GET $text HTTP/1.0\r\nHost: localhost\r\n\r\n"
                                 : $text;
    return $socket;
}

# reads until the text is as wanted; the text

sub reads {
    my ($socket, $enough, $seconds) = @_;

    my ($text, $end) = ('', time + ($seconds // 10));
    while (time < $end) {
        next if !IO::Select->new($socket)->can_read(0.2);
        sysread $socket, $text, 65536, length $text or last;
        local $_ = $text;
        last if $enough->();
    }
    return $text;
}

sub reset_client {
    my ($socket) = @_;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $socket;
    return;
}

for my $where ('', '/unbuffered') {

    # --- nobody reads what is not stored

    my $path = "$where/abort";
    $origin->answer($path, head => [ @fresh ], size => 30_000_000,
                    framing => 'close', after => 1_000_000, pause => 0.5);
    my $socket = client($path);
    sysread $socket, my $byte, 1;
    reset_client($socket);
    wait_until(sub { my ($r) = $origin->requests($path);
                     $r && ($r->{aborted} || $r->{done}) });
    my ($request) = $origin->requests($path);
    ok($request->{aborted} && !$request->{done},
       "$path: a client leaves, and too much comes to store it");

    # --- nor for one that has its 304, and sends its next request

    $path = "$where/known";
    $origin->answer($path, head => [ @fresh, 'ETag: "1"' ], framing => 'close',
                    size => 30_000_000, after => 1_000_000, pause => 0.2);
    $origin->answer("$where/next", head => [ @fresh ], body => '<next>');
    $socket = client(join "\r\n", "GET $path HTTP/1.1", 'Host: localhost',
                     'If-None-Match: "1"', '', "GET $where/next HTTP/1.1",
                     'Host: localhost', 'Connection: close', '', '');
    like(reads($socket, sub { 0 }), qr/^HTTP\/1.1 304 .*HTTP\/1.1 200 .*<next>$/s,
         "$path: a 304, and the next response on the connection");
    wait_until(sub { my ($r) = $origin->requests($path);
                     $r->{aborted} || $r->{done} });
    ok(($origin->requests($path))[0]{aborted}, 'the rest is not read');

    # --- what a slow client has not read is sent while the origin pauses

    $path = "$where/pause";
    $origin->answer($path, head => [ @fresh ], size => 6_000_000,
                    framing => 'close', after => 2_110_000, pause => 15);
    $socket = client($path);
    wait_until(sub { $origin->count($path) == 1 });
    my $text = reads($socket, sub { length >= 2_097_153 });
    cmp_ok(length $text, '>=', 2_097_153, "$path: all that has arrived is sent");
    reset_client($socket);

    # --- a body that is cut, and a client that does not read

    $path = "$where/cut";
    $origin->answer($path, { head => [ @fresh ], size => 1_900_000,
                             framing => 'chunked', truncate => 1_800_000 },
                           { head => [ @fresh ], body => 'whole' });
    $socket = client($path);
    wait_until(sub { $origin->count($path) == 1 });
    my (undef, $head, $body) = http_get($nginx, $path);
    is($body, 'whole', "$path: a client that does not read holds up nobody");
    is($origin->count($path), 2, 'the waiter has asked');
    reset_client($socket);
}

# --- the rest of a request's body is sent while its answer is stored

for my $path ('/early/stored') {
    my $socket = client(join "\r\n", "POST $path HTTP/1.1", 'Host: localhost',
                        'Connection: close', 'Content-Length: 10', '', '12345');
    my $text = reads($socket, sub { /\r\n\r\n/ });
    like($text, qr/^HTTP\/1.1 200 /, 'an answer before the body of the request');
    print $socket '67890';
    $text .= reads($socket, sub { /ok$/ });
    like($text, qr/ok$/, 'the origin has the rest of the body');
    my (undef, $head, $body) = http_get($nginx, $path);
    like($head, qr/^X-Status: HIT/m, 'and the answer is stored');
}

# --- HTTP/2: another stream of the connection has filled it

my $client = Test::Gateway::Streams->new($h2);
setsockopt $client->{socket}, SOL_SOCKET, SO_RCVBUF, pack 'i', 8192;
my $first = $client->request('GET', '/big');
$client->open_window(($first) x 8);
$origin->answer('/h2', head => [ @fresh ], body => 'x' x 100_000);
select undef, undef, undef, 0.3;
my $second = $client->request('GET', '/h2');
wait_until(sub { $origin->count('/h2') == 1 });
my (undef, $head, $body) = http_get($nginx, '/h2');
is(length $body, 100_000, 'a connection that is full holds up nobody');
is($origin->count('/h2'), 1, 'the origin was asked once');
$client->close;

# --- a response whose client has left is stored for as long as others would
# wait for it, and no longer

sub fills {
    my (undef, undef, $body) = http_get($nginx, '/admin');
    return decode_json($body)->{zones}{z}{fills};
}

my %leave = (close => sub { close $_[0] }, reset => \&reset_client,
             half => sub { shutdown $_[0], 1 });

# a client that leaves once its response is being stored

sub abandoned {
    my ($path, $how) = @_;

    my $client = client($path);
    reads($client, sub { /\r\n\r\n./s });
    ok(wait_until(sub { fills() == 1 }), "$path: its client leaves, $how");
    $leave{$how}->($client);
    return $client;
}

my %stalled = (head => [ @fresh ], size => 100_000, pause => 60);

for my $how (sort keys %leave) {
    for my $where ('/short', '/short/unbuffered') {
        my $path = "$where/stalled-$how";
        $origin->answer($path, { %stalled }, { head => [ @fresh ], body => 'x' });
        my $began = time;
        my $kept = abandoned($path, $how);
        my $waiter = client($path);
        ok(wait_until(sub { ($origin->requests($path))[0]{aborted} }, 20),
           'a stalled one ends');
        cmp_ok(time - $began, '>', 1.5, 'when the time of the lock is over');
        like(reads($waiter, sub { /\nx$/ }, 20), qr/\nx$/, 'a waiter asks');
        my (undef, $head) = http_get($nginx, $path);
        like($head, qr/^X-Status: HIT/m, 'and its answer is stored');
        ok(wait_until(sub { fills() == 0 }), 'nothing is left behind');

        $path = "$where/in-time-$how";
        $origin->answer($path, %stalled, pause => 0.5);
        $kept = abandoned($path, $how);
        ok(wait_until(sub { fills() == 0 }), 'one that ends in time');
        (undef, $head) = http_get($nginx, $path);
        like($head, qr/^X-Status: HIT/m, 'is stored');
        is($origin->count($path), 1, 'asked once');
    }
}

{
    my $kept = abandoned('/short/trickle', 'close');
    ok(wait_until(sub { fills() == 0 }, 20), 'one that trickles ends');
}

{
    my $path = '/short/half';
    $origin->answer($path, %stalled, pause => 0.5);
    my $kept = abandoned($path, 'half');
    like(reads($kept, sub { 0 }), qr/\Q@{[ substr origin_body(100_000), -100 ]}\E$/,
         'a client that has closed its half receives what ends in time');
}

for my $how ('ignore', 'store') {
    my $path = "/short/$how/x";
    $origin->answer($path, %stalled, pause => 3);
    my $kept = abandoned($path, 'close');
    ok(wait_until(sub { fills() == 0 }), "$path goes on as without the cache");
    is(-s $nginx->dir . $path, 100_000, 'and its file is there')
        if $how eq 'store';
    my (undef, $head) = http_get($nginx, $path);
    like($head, qr/^X-Status: HIT/m, 'and has no such limit');
}

# HTTP/2: a stream, or the connection

for my $how (qw( reset close )) {
    $client = Test::Gateway::Streams->new($h2);
    $origin->answer("/short/h2-$how", %stalled);
    my $stream = $client->request('GET', "/short/h2-$how");
    wait_until(sub { fills() == 1 });
    $how eq 'reset' ? $client->reset($stream) : $client->close;
    ok(wait_until(sub { fills() == 0 }, 20), "HTTP/2, $how: it ends");
}

# a worker that quits does not wait for it

for my $how (sort keys %leave) {
    $origin->answer("/quit-$how", { %stalled }, { head => [ @fresh ] });
    my $kept = abandoned("/quit-$how", $how);
    $nginx->reload(undef, timeout => 30);
    ok(wait_until(sub { ($origin->requests("/quit-$how"))[0]{aborted} }, 20),
       "a reload, $how: the old worker ends");
    is(fills(), 0, 'and what it has stored');
}

kill 'KILL', $pid;
waitpid $pid, 0;

done_testing();
