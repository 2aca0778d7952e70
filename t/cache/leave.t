# SPDX-License-Identifier: BSD-2-Clause

# Clients that leave at different points of a request and in different ways: no
# lock and no reader remains, and other clients receive the response.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use JSON::PP;
use Socket qw( SOL_SOCKET SO_LINGER SO_RCVBUF );
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::More;

my ($port, $h2) = (free_port(), free_port());
my $origin = origin();
my ($listen, $http2) = nginx_before(1, 25, 1) ? (' http2', '')
                                              : ('', 'http2 on;');

sub conf {
    my (%more) = @_;

    my $zone = $more{cache} // 'gateway_cache z;';
    my $up = 'proxy_http_version 1.1; proxy_set_header Connection "";'
             . 'proxy_pass http://up;';
    my $servers = join '', map { <<"END" } "listen 127.0.0.1:$port sndbuf=32k;",
    server {
        $_
        $zone
        add_header X-Status \$gateway_cache_status always;
        location / { $up }
        location /ignore/ { $up proxy_ignore_client_abort on; }
        location /unbuffered/ { $up proxy_buffering off; }
        location /again/ { $up gateway_cache_profile rfc9111; }
    }
END
        "listen 127.0.0.1:$h2$listen sndbuf=32k; $http2";

    return http_conf(workers => 1, http => <<"END", server => <<"END2", %more);
    gateway_cache_zone zone=z:16m;
    upstream up {
        server 127.0.0.1:@{[ $origin->port ]};
        keepalive 64;
    }
    $servers
END
    listen 127.0.0.1:$more{admin};
    location /admin { gateway_cache_admin zone=z from=127.0.0.1; }
END2
}

my $admin = free_port();
my $nginx = start_nginx(port => $admin, conf => conf(admin => $admin));

sub stat_of {
    my (undef, undef, $body) = http_get($nginx, '/admin');
    return decode_json($body)->{zones}{z};
}

# HTTP/1.1: a socket; HTTP/2: a stream

sub begin {
    my ($version, $path, @lines) = @_;

    if ($version == 2) {
        my $client = Test::Gateway::Streams->new($h2);
        return { h2 => $client, stream => $client->request('GET', $path) };
    }

    my $socket = IO::Socket::INET->new(Proto => 'tcp') or die $!;
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', 8192;
    connect $socket, Socket::pack_sockaddr_in($port, "\x7f\0\0\1") or die $!;
    $socket->autoflush;
    print $socket join "\r\n", "GET $path HTTP/1.1", 'Host: localhost', @lines,
                  '', '';
    return { socket => $socket };
}

my %leave = (
    1 => {
        close => sub { close $_[0]{socket} },
        reset => sub {
            setsockopt $_[0]{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
            close $_[0]{socket};
        },
    },
    2 => {
        RST_STREAM => sub { $_[0]{h2}->reset($_[0]{stream}) },
        close => sub { $_[0]{h2}->close },
        GOAWAY => sub {
            $_[0]{h2}->send(Test::Gateway::Streams::frame(7, 0, 0,
                                                   pack 'NN', 0, 0));
            $_[0]{h2}->close;
        },
    },
);

my @fresh = ('Cache-Control: max-age=60');
my $size = 400_000;

# the points; each function returns the connections that stay open

my %point = (
    asking => sub {
        my ($version, $leave, $path) = @_;
        $origin->answer($path, { head => [ @fresh ], size => $size, hold => 1 });
        my $first = begin($version, $path);
        wait_until(sub { $origin->held($path) == 1 });
        $leave->($first);
        wait_until(sub { stat_of()->{fills} == 0 }) if $path !~ /ignore/;
        $origin->release($path);
        return $first;
    },
    waiting => sub {
        my ($version, $leave, $path) = @_;
        $origin->answer($path, { head => [ @fresh ], size => $size, hold => 1 });
        my $first = begin(1, $path);
        wait_until(sub { $origin->held($path) == 1 });
        my @waiting = map { begin($version, $path) } 1 .. 3;
        $leave->($_) for @waiting;
        $origin->release($path);
        return $first, @waiting;
    },
    storing => sub {
        my ($version, $leave, $path) = @_;
        $origin->answer($path, { head => [ @fresh ], size => $size,
                                 pause => 0.3 });
        my $first = begin($version, $path);
        wait_until(sub { $origin->count($path) == 1 });
        $leave->($first);
        return $first;
    },
    receiving => sub {
        my ($version, $leave, $path) = @_;
        $origin->answer($path, head => [ @fresh ], size => $size);
        my $first = begin($version, $path);
        wait_until(sub { $origin->count($path) == 1 });
        my $second = begin($version, $path);
        wait_until(sub { stat_of()->{readers} >= 1 });
        $leave->($second);
        return $first, $second;
    },
);

my $n = 0;

for my $where ('', '/unbuffered', '/ignore') {
    for my $point (sort keys %point) {
        for my $version (1, 2) {
            for my $how (sort keys %{ $leave{$version} }) {
                my $path = "$where/$point/" . $n++;
                my @kept = $point{$point}->($version, $leave{$version}{$how},
                                            $path);
                my ($code, undef, $body) = http_get($port, $path);
                ok($code == 200 && $body eq origin_body($size),
                   "$path, HTTP/$version, $how: others receive the response")
                    or diag "$code, " . length $body;
                undef @kept;
                ok(wait_until(sub {
                    my $stat = stat_of();
                    $stat->{fills} == 0 && $stat->{readers} == 0;
                }), 'no fill and no reader is left') or diag explain stat_of();
            }
        }
    }
}

# an end of file is no reset: a half-closed client can still receive a response

$origin->answer('/half', head => [ @fresh ], body => 'half', hold => 1);
my $first = begin(1, '/half', 'Connection: close');
wait_until(sub { $origin->held('/half') == 1 });
my $second = begin(1, '/half', 'Connection: close');
shutdown $second->{socket}, 1;
wait_until(sub { stat_of()->{fills} == 1 });
$origin->release('/half');
my $text = do { local $/; readline $second->{socket} };
like($text, qr/^X-Status: COLLAPSED.*half$/ms,
     'a waiting half-closed client receives the response');

# pipelined requests behind a waiting request

$origin->answer('/behind', head => [ @fresh ], body => '<first>', hold => 1);
$origin->answer('/other', head => [ @fresh ], body => '<other>');
$first = begin(1, '/behind');
wait_until(sub { $origin->held('/behind') == 1 });
my $pipe = begin(1, '/behind');
$pipe->{socket}->print(map { "GET $_ HTTP/1.1\r\nHost: localhost\r\n"
                             . "Connection: close\r\n\r\n" } '/other');
$origin->release('/behind');
$text = do { local $/; readline $pipe->{socket} };
like($text, qr/<first>.*<other>$/s, 'pipelined requests keep their order');

# --- a reload that turns the cache off: the old worker completes its responses

$origin->answer('/reload', head => [ @fresh ], size => $size, pause => 1);
$first = begin(1, '/reload', 'Connection: close');
wait_until(sub { $origin->count('/reload') == 1 });
my @waiting = map { begin(1, '/reload', 'Connection: close') } 1 .. 3;
$nginx->reload(conf(admin => $admin, cache => 'gateway_cache off;'), wait => 0);
for my $client ($first, @waiting) {
    $text = do { local $/; readline $client->{socket} };
    ok($text =~ /\r\n\r\n(.*)/s && $1 eq origin_body($size),
       'a reload while a response is stored: the whole response')
        or diag length $text;
}
is($origin->count('/reload'), 1, 'the origin receives one request');

done_testing();
