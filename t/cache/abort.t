# SPDX-License-Identifier: BSD-2-Clause

# Clients and origins that disconnect, stall or fail while a response is stored:
# other requests are not delayed, and no response is mixed with another.

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

# an upstream server that responds before the request body is complete

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

# a client with a small receive buffer; the test decides when it reads

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

# reads until $enough returns true, at most $seconds; returns the text

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

    # --- a response that cannot be stored is not read after its client has left

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
       "$path: the client leaves, a response above max_object is aborted");

    # --- the same after its client has received a 304 and sends a next request

    $path = "$where/known";
    $origin->answer($path, head => [ @fresh, 'ETag: "1"' ], framing => 'close',
                    size => 30_000_000, after => 1_000_000, pause => 0.2);
    $origin->answer("$where/next", head => [ @fresh ], body => '<next>');
    $socket = client(join "\r\n", "GET $path HTTP/1.1", 'Host: localhost',
                     'If-None-Match: "1"', '', "GET $where/next HTTP/1.1",
                     'Host: localhost', 'Connection: close', '', '');
    like(reads($socket, sub { 0 }), qr/^HTTP\/1.1 304 .*HTTP\/1.1 200 .*<next>$/s,
         "$path: a 304, then the next response on the connection");
    wait_until(sub { my ($r) = $origin->requests($path);
                     $r->{aborted} || $r->{done} });
    ok(($origin->requests($path))[0]{aborted},
       'the rest of the first response is not read');

    # --- while the origin pauses, a slow client receives all that has arrived

    $path = "$where/pause";
    $origin->answer($path, head => [ @fresh ], size => 6_000_000,
                    framing => 'close', after => 2_110_000, pause => 15);
    $socket = client($path);
    wait_until(sub { $origin->count($path) == 1 });
    my $text = reads($socket, sub { length >= 2_097_153 });
    cmp_ok(length $text, '>=', 2_097_153,
           "$path: the client receives all that has arrived");
    reset_client($socket);

    # --- a truncated body, and a client that does not read

    $path = "$where/cut";
    $origin->answer($path, { head => [ @fresh ], size => 1_900_000,
                             framing => 'chunked', truncate => 1_800_000 },
                           { head => [ @fresh ], body => 'whole' });
    $socket = client($path);
    wait_until(sub { $origin->count($path) == 1 });
    my (undef, $head, $body) = http_get($nginx, $path);
    is($body, 'whole', "$path: a client that does not read delays no other");
    is($origin->count($path), 2, 'the waiting request is sent to the origin');
    reset_client($socket);
}

# --- the rest of a request body is sent while the response is stored

for my $path ('/early/stored') {
    my $socket = client(join "\r\n", "POST $path HTTP/1.1", 'Host: localhost',
                        'Connection: close', 'Content-Length: 10', '', '12345');
    my $text = reads($socket, sub { /\r\n\r\n/ });
    like($text, qr/^HTTP\/1.1 200 /, 'a response before the request body ends');
    print $socket '67890';
    $text .= reads($socket, sub { /ok$/ });
    like($text, qr/ok$/, 'the origin receives the rest of the request body');
    my (undef, $head, $body) = http_get($nginx, $path);
    like($head, qr/^X-Status: HIT/m, 'the response is stored');
}

# --- HTTP/2: another stream has filled the send buffer of the connection

my $full = Test::Gateway::Streams->new($h2);
setsockopt $full->{socket}, SOL_SOCKET, SO_RCVBUF, pack 'i', 8192;
my $first = $full->request('GET', '/big');
$full->open_window(($first) x 8);
$origin->answer('/h2', head => [ @fresh ], body => 'x' x 100_000);
select undef, undef, undef, 0.3;
my $second = $full->request('GET', '/h2');
wait_until(sub { $origin->count('/h2') == 1 });
my (undef, $head, $body) = http_get($nginx, '/h2');
is(length $body, 100_000, 'a full send buffer delays no other client');
is($origin->count('/h2'), 1, 'the origin receives one request');
$full->close;

# --- gateway_cache_lock: its timeout limits how long a response is stored after
# its client has left

sub fills {
    my (undef, undef, $body) = http_get($nginx, '/admin');
    return decode_json($body)->{zones}{z}{fills};
}

my %leave = (close => sub { close $_[0] }, reset => \&reset_client,
             half => sub { shutdown $_[0], 1 });
my @places = ('/short', '/short/unbuffered');
my @body = (head => [ @fresh ], size => 100_000);

# sends requests, waits until their responses and $others more are being stored;
# returns path => socket

sub storing {
    my ($others, @paths) = @_;

    my %client = map { $_ => client($_) } @paths;
    reads($_, sub { /\r\n\r\n./s }) for values %client;
    my $all = $others + @paths;
    ok(wait_until(sub { fills() == $all }), "$all responses are being stored");
    return \%client;
}

sub is_hit {
    my ($path, $name) = @_;

    my (undef, $head) = http_get($nginx, $path);
    like($head, qr/^X-Status: HIT/m, $name);
    return;
}

# The origin stalls or is very slow: nginx stops storing after the timeout of
# the lock, and sends a waiting request.  All clients leave at the same time.

my %stalled = map { my $how = $_; map { ("$_/stalled-$how" => $how) } @places }
              keys %leave;
my %h2 = map { $_ => Test::Gateway::Streams->new($h2) } qw( reset close );
my %stream;

$origin->answer($_, { @body, pause => 60 }, { head => [ @fresh ], body => 'x' })
    for keys %stalled;
for my $how (sort keys %h2) {
    $origin->answer("/short/h2-$how", @body, pause => 60);
    $stream{$how} = $h2{$how}->request('GET', "/short/h2-$how");
    ok($h2{$how}->wait(sub { $h2{$how}->status($stream{$how}) }),
       "HTTP/2, $how: the client receives the header");
}
my $client = storing(2, '/short/trickle', sort keys %stalled);

my $began = time;
$leave{$stalled{$_}}->($client->{$_}) for keys %stalled;
close $client->{'/short/trickle'};
$h2{reset}->reset($stream{reset});
$h2{close}->close;
my %waiter = map { $_ => client($_) } keys %stalled;

for my $path ((map { "/short/h2-$_" } sort keys %h2), sort keys %stalled) {
    ok(wait_until(sub { ($origin->requests($path))[0]{aborted} }, 20),
       "$path: a stalled response is aborted");
    cmp_ok(time - $began, '>', 1.5, 'after the timeout of the lock');
}
for my $path (sort keys %stalled) {
    like(reads($waiter{$path}, sub { /\nx$/ }, 20), qr/\nx$/,
         "$path: a waiting request is sent");
    is_hit($path, 'its response is stored');
}
ok(wait_until(sub { fills() == 0 }, 20),
   'a trickling response is aborted, no fill is left');

# Responses that end before the timeout, and locations without a limit

my %in_time = map { my $how = $_; map { ("$_/in-time-$how" => $how) } @places }
              keys %leave;
my %unlimited = map { $_ => "/short/$_/x" } qw( ignore store );

$origin->answer($_, @body, pause => 1) for '/short/half', keys %in_time;
$origin->answer($_, @body, pause => 2.5) for values %unlimited;
$client = storing(0, '/short/half', sort keys %in_time, sort values %unlimited);

$leave{$in_time{$_}}->($client->{$_}) for keys %in_time;
$leave{half}->($client->{'/short/half'});
close $client->{$_} for values %unlimited;

like(reads($client->{'/short/half'}, sub { 0 }),
     qr/\Q@{[ substr origin_body(100_000), -100 ]}\E$/,
     'a half-closed client receives a response that ends in time');
ok(wait_until(sub { fills() == 0 }), 'all fills end');
for my $path (sort keys %in_time) {
    is_hit($path, "$path: a response that ends in time is stored");
    is($origin->count($path), 1, 'the origin receives one request');
}
is_hit($unlimited{$_}, "$unlimited{$_}: no limit, as without the cache")
    for sort keys %unlimited;
is(-s $nginx->dir . $unlimited{store}, 100_000, 'proxy_store writes its file');
$client = undef;     # closes the half-closed connections
%h2 = ();

# a worker that exits does not wait for such a response

for my $how (sort keys %leave) {
    my $path = "/quit-$how";
    $origin->answer($path, { @body, pause => 60 }, { head => [ @fresh ] });
    my $client = storing(0, $path);
    $leave{$how}->($client->{$path});
    $nginx->reload(undef, timeout => 30);
    ok(wait_until(sub { ($origin->requests($path))[0]{aborted} }, 20),
       "a reload, $how: the old worker aborts the request");
    is(fills(), 0, 'no fill is left');
}

kill 'KILL', $pid;
waitpid $pid, 0;

done_testing();
