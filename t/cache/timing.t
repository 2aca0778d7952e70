# SPDX-License-Identifier: BSD-2-Clause

# How long requests wait for the response to another request, for a client that
# is slow or leaves while its response is stored, and for a refresh in the
# background.  Each time is compared with a control, and is the shortest of
# several tries.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use POSIX ();
use Socket qw( inet_aton pack_sockaddr_in IPPROTO_TCP SOL_SOCKET SO_LINGER
               SO_RCVBUF TCP_NODELAY );
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::More;
use Time::HiRes qw( sleep time );

my ($port, $h2_port) = map { free_port() } 1 .. 2;
my $h2 = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$h2_port http2;"
                                : "listen 127.0.0.1:$h2_port; http2 on;";

# a small send buffer, so that the kernel holds little of a response
my $small = "listen 127.0.0.1:$port sndbuf=16k;";

my $origin = origin();
my $listen = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1')
    or die "listen: $!";
my $fastcgi = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
    or die "listen: $!";

my $to = 'proxy_pass http://127.0.0.1:';
my $up = 'proxy_http_version 1.1; ' . $to . $origin->port . ';';
my $fcgi = 'fastcgi_pass 127.0.0.1:' . $fastcgi->sockport
           . '; fastcgi_param REQUEST_URI $request_uri;';
my $ignore = 'proxy_ignore_client_abort on;';

my @places = (
    [ buffered   => $up ],
    [ unbuffered => "$up proxy_buffering off;" ],
    [ small      => "$up proxy_buffer_size 4k; proxy_buffers 2 4k;"
                    . ' proxy_busy_buffers_size 4k;' ],
    [ no_file    => "$up proxy_max_temp_file_size 0;" ],
    [ ignored    => "$up $ignore" ],
    [ ignored_unbuffered => "$up $ignore proxy_buffering off;" ],
    [ fastcgi    => $fcgi ],
    [ fastcgi_unbuffered => "$fcgi fastcgi_buffering off;" ]);

my $nginx = start_nginx(port => $port, conf => http_conf(workers => 2,
    http => 'gateway_cache_zone zone=z:64m;',
    server => join "\n", $small, $h2, <<"END2",
    gateway_cache z;
    gateway_cache_lock on timeout=1m;
    add_header X-Status \$gateway_cache_status always;
    location / { $up }
    location /burst/ { $to@{[ $listen->sockport ]}; }
    location = /status { gateway_cache off; stub_status; }
    location /timeout/ { $up proxy_buffering off; send_timeout 1s; }
    location /background/ { $up gateway_cache_stale background; }
END2
        map { "location /$_->[0]/ { $_->[1] }" } @places));

my $fresh = [ 'Cache-Control: max-age=60' ];

sub connection {
    my (%arg) = @_;

    my $socket = IO::Socket::INET->new(Proto => 'tcp') or die "socket: $!";
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', $arg{buffer}
        if $arg{buffer};
    connect $socket, pack_sockaddr_in($port, inet_aton('127.0.0.1'))
        or die "connect: $!";
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    $socket->blocking(0);
    return $socket;
}

sub ask {
    my ($socket, $path) = @_;

    syswrite $socket, "GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n";
    return $socket;
}

# the number of active requests

sub served {
    my (undef, undef, $text) = http_get($nginx, '/status');
    return $text =~ /Writing: (\d+)/ ? $1 - 1 : 0;
}

sub drop {
    my ($socket) = @_;

    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $socket;
    return;
}

# Reads one response from each connection until the header and $size bytes of
# the body have arrived, and calls $meanwhile every 100 ms.  Returns the time
# when the last response is complete, and all responses.

sub answers {
    my ($size, $meanwhile, @sockets) = @_;

    my %open = map { fileno $_ => $_ } @sockets;
    my %text = map { $_ => '' } keys %open;
    my ($end, $last, $next) = (time + 20, time, time);

    while (%open && time < $end) {
        my $bits = '';
        vec($bits, $_, 1) = 1 for keys %open;
        select $bits, undef, undef, 0.1;

        for my $fd (grep { vec $bits, $_, 1 } keys %open) {
            my $n = sysread $open{$fd}, $text{$fd}, 1 << 20, length $text{$fd};
            my $head = index $text{$fd}, "\r\n\r\n";
            next if $n && ($head < 0 || length $text{$fd} < $head + 4 + $size);
            delete $open{$fd};
            $last = time;
        }
        next if !$meanwhile || time < $next;
        $meanwhile->();
        $next = time + 0.1;
    }
    return ($last, @text{ map { fileno $_ } @sockets });
}

sub ms { sprintf '%.1f ms', 1000 * $_[0] }

# the lowest result of several tries; stops at the first that is at most $limit

sub least {
    my ($limit, $try, $tries) = @_;

    my $least;
    for (1 .. $tries // 8) {
        my $figure = $try->();
        $least = $figure if !defined $least || $figure < $least;
        last if $least <= $limit;
    }
    return $least;
}

# --- 200 concurrent misses; this process is the origin

for my $kind ('kept connections', 'new connections', 'kept, and a variant') {
    my ($n, $right, $once, @kept) = (0, 0, 0);
    @kept = map { connection() } 1 .. 200 if $kind =~ /kept/;
    my $vary = $kind =~ /variant/ ? "Vary: X-V\r\n" : '';

    my $later = least(0.010, sub {
        my $path = '/burst/' . $kind =~ tr/a-z//cdr . $n++;
        my @clients = @kept ? @kept : map { connection() } 1 .. 200;
        ask($_, $path) for @clients;
        my $asked = $listen->accept or die "accept: $!";
        sysread $asked, my $request, 4096;
        wait_until(sub { served() == 200 }) or diag 'not 200 requests';
        my $began = time;
        syswrite $asked, "HTTP/1.1 200 OK\r\n$fresh->[0]\r\n$vary"
                         . "Content-Length: 4\r\n\r\nonce";
        my ($last, @texts) = answers(4, undef, @clients);
        close $asked;
        my $miss = $last - $began;
        $right += grep { /^HTTP\/1.1 200 .*\r\n\r\nonce$/s } @texts;
        $listen->blocking(0);
        $once += !$listen->accept;
        $listen->blocking(1);

        @clients = map { connection() } 1 .. 200 if !@kept;
        $began = time;
        ask($_, $path) for @clients;
        ($last) = answers(4, undef, @clients);
        note "$kind: misses ", ms($miss), ', hits ', ms($last - $began);
        return $miss - ($last - $began);
    });

    is($right, 200 * $n, "$kind: each of 200 clients receives the response");
    is($once, $n, 'the origin receives one request');
    cmp_ok($later, '<=', 0.010, '200 misses take at most 10 ms longer than'
                                . ' 200 hits');
}

# --- the client of a fill does not slow it down

my $size = 1 << 20;
my $pause = 0.1;
my $body = origin_body($size);

# FastCGI: half of the body, a pause, the rest

defined(my $application = fork) or die "fork: $!";
if (!$application) {
    $SIG{CHLD} = 'IGNORE';
    while (my $client = $fastcgi->accept) {
        next if fork;
        my $request = '';
        1 while $request !~ /REQUEST_URI.*\0\0\0\0\z/s
                && sysread $client, $request, 65536, length $request;
        my $record = sub {
            my ($type, $text) = @_;
            print $client pack('CCnnCC', 1, $type, 1, length $text, 0, 0)
                          . $text;
        };
        my $half = $size / 2;
        $record->(6, "$fresh->[0]\r\nContent-Length: $size\r\n\r\n");
        $record->(6, substr $body, $_ * 32768, 32768) for 0 .. 15;
        $client->flush;
        sleep $pause;
        $record->(6, substr $body, $_ * 32768, 32768) for 16 .. 31;
        $record->(6, '');
        $record->(3, "\0" x 8);
        close $client;
        POSIX::_exit(0);
    }
    POSIX::_exit(0);
}

# What the first client does: each function sends a request for the path, and
# returns a function to call repeatedly while another client waits, if any.

sub first {
    my ($path, %arg) = @_;
    my $socket = ask(connection(%arg), $path);
    wait_until(sub { sysread $socket, my $text, 1024 });
    return $socket;
}

my %client = (
    'reads 1 KB at a time' => sub {
        my $socket = first($_[0], buffer => 4096);
        return sub { sysread $socket, my $text, 100 };
    },
    'leaves' => sub { close first($_[0]); return },
    'is reset' => sub { drop(first($_[0])); return },
    'is slow, then leaves' => sub {
        my $socket = first($_[0], buffer => 4096);
        return sub { drop($socket) if $socket; undef $socket };
    },
    'has no window' => sub {
        my $h2 = Test::Gateway::Streams->new($h2_port);
        my $stream = $h2->request('GET', $_[0]);
        $h2->wait(sub { $h2->status($stream) });
        return sub { $h2->status($stream) };
    },
    'resets its stream' => sub {
        my $h2 = Test::Gateway::Streams->new($h2_port);
        my $stream = $h2->request('GET', $_[0]);
        $h2->wait(sub { $h2->status($stream) });
        $h2->reset($stream);
        return sub { $h2->status($stream) };
    },
    'leaves with its streams' => sub {
        my $h2 = Test::Gateway::Streams->new($h2_port);
        my $stream = $h2->request('GET', $_[0]);
        $h2->wait(sub { $h2->status($stream) });
        $h2->close;
        return;
    });

# the time from the first request to the end of another client's response

my ($serial, %wrong) = (0);

sub filled {
    my ($place, $client) = @_;

    my $path = "/$place/" . $serial++;
    $origin->answer($path, head => $fresh, size => $size, pause => $pause)
        if $place !~ /fastcgi/;
    my $began = time;
    my $meanwhile = $client->($path);
    my ($end, $text) = answers($size, $meanwhile, ask(connection(), $path));
    $wrong{$place}++ if $text !~ s/.*?^X-Status: [HC].*?\r\n\r\n//ms
                        || $text ne $body
                        || $place !~ /fastcgi/ && $origin->count($path) != 1;
    return $end - $began;
}

# The same with a fast client.  It is measured again after each try that takes
# longer, since the machine can have become slower.

sub control {
    my ($place) = @_;

    return least($pause, sub {
        filled($place, sub { answers($size, undef, ask(connection(), $_[0]));
                             return })
    }, 2);
}

for my $place (map { $_->[0] } @places) {
    my $control = control($place);
    for my $what (sort keys %client) {
        my $delay = least(0.1, sub {
            my $later = filled($place, $client{$what}) - $control;
            $control = control($place) if $later > 0.1;
            return $later;
        }, 20);
        cmp_ok($delay, '<=', 0.1,
               "$place: a client that $what delays no other");
    }
    is($wrong{$place} // 0, 0,
       "$place: one request to the origin, the whole body to the client");
}

# --- a client that leaves before the header: one waiting request is sent

my %leaves = (
    'close' => sub { my $socket = ask(connection(), $_[0]);
                     return sub { close $socket } },
    'reset' => sub { my $socket = ask(connection(), $_[0]);
                     return sub { drop($socket) } },
    'a reset of a stream' => sub {
        my $h2 = Test::Gateway::Streams->new($h2_port);
        my $stream = $h2->request('GET', $_[0]);
        return sub { $h2->reset($stream) };
    },
    'the end of HTTP/2' => sub {
        my $h2 = Test::Gateway::Streams->new($h2_port);
        $h2->request('GET', $_[0]);
        return sub { $h2->close };
    });

for my $place (qw( buffered unbuffered ignored )) {
    for my $how (sort keys %leaves) {
        my $path = "/$place/header/" . $serial++;
        my $times = $place eq 'ignored' ? 1 : 2;
        $origin->answer($path, head => $fresh, body => 'late', hold => 1);
        my $leave = $leaves{$how}->($path);
        wait_until(sub { $origin->held($path) == 1 });
        my $before = served();
        my @waiting = map { ask(connection(), $path) } 1 .. 10;
        wait_until(sub { served() == $before + 10 });
        $leave->();
        wait_until(sub { $origin->count($path) == 2 }) if $times == 2;
        $origin->release($path);
        my (undef, @texts) = answers(4, undef, @waiting);
        is(scalar(grep { /late$/ } @texts), 10, "$place, $how: 10 responses");
        is($origin->count($path), $times,
           "the origin receives requests: $times");
    }
}

# --- a truncated body: a waiting request is sent, although the first client is
# slow

$origin->answer('/cut', head => $fresh, size => $size, truncate => $size - 1,
                pause => $pause);
my $slow = first('/cut', buffer => 4096);
my $second = ask(connection(), '/cut');
ok(wait_until(sub { $origin->count('/cut') == 2 }),
   'a slow client of a truncated body delays no other');
drop($_) for $slow, $second;

# --- send_timeout of a slow client starts when the response is stored, even if
# the origin pauses

my ($text, $end) = ('', time + 20);
$origin->answer('/timeout/', head => $fresh, size => $size, pause => 2,
                after => $size - 9);
$slow = ask(connection(buffer => 4096), '/timeout/');
while (time < $end) {
    my $n = sysread $slow, $text, 4096, length $text;
    last if defined $n && !$n || substr($text, -9) eq substr $body, -9;
    sleep 0.005;
}
ok($text =~ s/.*?\r\n\r\n//s && $text eq $body,
   'a slow client receives the whole response')
    or diag length $text;

# --- a refresh in the background delays no other request of the connection

my @stale = ('Cache-Control: max-age=10', 'Age: 20', 'ETag: "1"');
$origin->answer('/other', head => $fresh, body => 'other');
http_get($nginx, '/other');

for my $how ('next', 'pipelined', 'HTTP/2') {
    my $path = "/background/$how" =~ s{HTTP/}{h}r;
    $origin->answer($path, { head => \@stale, body => 'stale' },
                    { head => $fresh, body => 'fresh', hold => 1 });
    http_get($nginx, $path);
    my ($socket, $h2) = (connection());
    my ($said, @streams) = ('');

    if ($how eq 'HTTP/2') {
        $h2 = Test::Gateway::Streams->new($h2_port);
        @streams = map { $h2->request('GET', $_) } $path, '/other';
        $h2->open_window(@streams);
        $h2->wait(sub { @streams == grep { $h2->ended($_) } @streams });
        $said = join ' ', map { $h2->body($_) } @streams;

    } else {
        ask($socket, $_) for $path, $how eq 'pipelined' ? '/other' : ();
        my $reads = sub {
            my ($body) = @_;
            wait_until(sub { sysread $socket, $said, 65536, length $said;
                             $said =~ /\r\n\r\n$body(?!.*\r\n\r\n)/s });
        };
        if ($how eq 'next') {
            $reads->('stale');
            ask($socket, '/other');
        }
        $reads->('other');
        $said = join ' ', $said =~ /\r\n\r\n(stale|other)/g;
    }

    is($said, 'stale other', "$how: a stale response, and the next one");
    ok(wait_until(sub { $origin->held($path) == 1 }),
       'the refresh is still waiting for the origin');
    $origin->release($path);
    ok(wait_until(sub { (http_get($nginx, $path))[2] eq 'fresh' }),
       'the response is refreshed');

    is($origin->count($path), 2, "$how: one request refreshes it");
}

$nginx->stop;
kill 'TERM', $application;
waitpid $application, 0;
done_testing();
