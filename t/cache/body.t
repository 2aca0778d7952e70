# SPDX-License-Identifier: BSD-2-Clause

# Bodies: sizes, framings, truncated bodies, and clients that are slow or leave
# while a body is stored.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( time sleep );

my $port = free_port();
my $origin = origin();
my $up = "proxy_http_version 1.1;"
         . "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";

my $nginx = start_nginx(port => $port, conf => http_conf(workers => 2,
    http => 'gateway_cache_zone zone=z:32m max_object=2m;', port => $port,
    server => <<"END"));
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    location / { $up }
    location /unbuffered/ { $up proxy_buffering off; }
    location /nofile/ { $up proxy_max_temp_file_size 0; }
    @{[ nginx_before(1, 27, 2) ? ''
        : "location /late/ { $up proxy_pass_trailers on; }" ]}
    location /gzip/ { $up gzip on; gzip_min_length 1; gzip_types *; }
END

sub get { http_get($nginx, @_) }
sub status {
    my ($status) = $_[0] =~ /^X-Status: (\w*)/m;
    my ($reason) = $_[0] =~ /^X-Reason: (\S+)/m;
    return join ' ', grep { length } $status // 'none', $reason // '';
}

my @fresh = ('Cache-Control: max-age=60');

sub body { my ($size) = @_; return substr 'abcdefghij' x ($size / 10 + 1), 0, $size }

sub same {
    my ($got, $want, $what) = @_;
    ok($got eq $want, $what) or diag length($got) . ' bytes';
}

for my $size (0, 1, 100, 4096, 16_384, 65_537, 1_000_000, 2_097_152) {
    for my $framing (qw( length chunked close )) {
        for my $where ('', '/unbuffered') {
            my $path = "$where/$framing/$size";
            $origin->answer($path, head => [ @fresh ], framing => $framing,
                            body => body($size));
            my (undef, $head, $body) = get($path, headers => [ 'TE: trailers' ]);
            $body =~ s/^[0-9a-f]+\r\n// if 0;
            is(status($head), 'MISS', "$path: fetched");
            ($_, $head, $body) = get($path);
            is(status($head), 'HIT', 'stored');
            same($body, body($size), 'the same body');
        }
    }
}

$origin->answer('/large', head => [ @fresh ], body => body(2_097_153));
get('/large');
my (undef, $head, $body) = get('/large');
is(status($head), 'MISS too-large', 'above max_object: not stored');
same($body, body(2_097_153), 'above max_object: sent to the client');
$origin->answer('/large2', head => [ @fresh ], body => body(2_097_153),
                framing => 'chunked');
get('/large2');
(undef, $head, $body) = get('/large2');
like(status($head), qr/^MISS/, 'above max_object, no length: not stored');
cmp_ok(length $body, '>', 2_097_153, 'the client receives all of it');

# --- truncated bodies and trailers

for my $framing (qw( length chunked )) {
    $origin->answer("/cut/$framing", { head => [ @fresh ], framing => $framing,
        body => body(5000), truncate => 2000 });
    get("/cut/$framing");
    (undef, $head) = get("/cut/$framing");
    is(status($head), 'MISS', "$framing: a truncated body is not stored");
}

$origin->answer('/trailers', head => [ @fresh ], framing => 'chunked',
                trailers => [ 'X-T: 1' ], body => 'x');
for my $case ([ '/sse', 'Content-Type: text/event-stream', 'event-stream' ],
              [ '/accel', 'X-Accel-Buffering: no', 'not-buffered' ],
              [ '/trailer', 'Trailer: X-T', 'trailers' ]) {
    $origin->answer($case->[0], head => [ @fresh, $case->[1] ]);
    get($case->[0]);
    (undef, $head) = get($case->[0]);
    is(status($head), "MISS $case->[2]", $case->[1]);
}

(undef, $head) = get('/trailers', headers => [ 'TE: trailers' ]);
is(status($head), 'MISS', 'unannounced trailers, which nginx does not pass on');
(undef, $head, $body) = get('/trailers', headers => [ 'TE: trailers' ]);
is(status($head), 'HIT', 'they do not prevent storing');
is($body, 'x', 'they are dropped');

SKIP: {
    skip 'this nginx does not pass trailers on', 2 if nginx_before(1, 27, 2);

    for my $case ([ '/late/without', [], 'HIT' ],
                  [ '/late/with', [ 'X-T: 1' ], 'MISS' ]) {
        my ($path, $trailers, $then) = @$case;
        $origin->answer($path, head => [ @fresh ], framing => 'chunked',
                        trailers => $trailers, body => 'x');
        get($path, headers => [ 'TE: trailers' ]);
        (undef, $head) = get($path, headers => [ 'TE: trailers' ]);
        is(status($head), $then, "trailers passed on, without Trailer: $path");
    }
}

# --- ranges and HEAD

$origin->answer('/part', head => [ @fresh ], body => 'abcdef');
(undef, $head) = get('/part', headers => [ 'Range: bytes=1-2' ]);
is(status($head), 'MISS range', 'a range is not stored');
(undef, $head) = get('/part', method => 'HEAD');
is(status($head), 'MISS method', 'a response to HEAD is not stored');
get('/part');
my ($code, $range);
for my $case ([ 'bytes=1-2', '206 bc' ], [ 'bytes=-2', '206 ef' ],
              [ 'bytes=4-', '206 ef' ], [ 'bytes=6-', '416 ' ],
              [ 'bytes=0-0,2-3', '200 abcdef' ]) {
    ($code, $head, $body) = get('/part', headers => [ "Range: $case->[0]" ]);
    is("$code $body", $case->[1], $case->[0]);
}
($code, $head, $body) = get('/part', method => 'HEAD');
is("$code $body " . status($head), '200  HIT', 'HEAD of a stored response');
like($head, qr/^Content-Length: 6/m, 'HEAD: Content-Length of the stored body');

# --- gzip of a hit

$origin->answer('/gzip/a', head => [ @fresh ], body => body(1000));
get('/gzip/a');
($code, $head, $body) = get('/gzip/a', headers => [ 'Accept-Encoding: gzip' ]);
like($head, qr/^Content-Encoding: gzip/m, 'gzip compresses a hit');
($code, $head, $body) = get('/gzip/a');
same($body, body(1000), 'the stored body is not compressed');

# --- slow clients, and clients that leave

sub slow {
    my ($path, $left) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', 65_536;
    print $socket "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";
    $socket->flush;
    return $socket;
}

for my $where ('', '/unbuffered', '/nofile') {
    my $path = "$where/slow";
    $origin->answer($path, head => [ @fresh ], body => body(2_000_000),
                    pause => 0.2);
    my $slow = slow($path);
    wait_until(sub { $origin->count($path) == 1 });
    my ($first) = $origin->requests($path);
    (undef, $head, $body) = get($path);
    same($body, body(2_000_000), "$path: a waiting client receives all of it");
    is(status($head), 'COLLAPSED', 'it waited for the slow client\'s request');
    is($origin->count($path), 1, 'the origin receives one request');
    my $text = do { local $/; <$slow> };
    same($text =~ s/.*?\r\n\r\n//sr, body(2_000_000),
         'the slow client receives all of it');

    $path = "$where/leaves";
    $origin->answer($path, head => [ @fresh ], body => body(2_000_000),
                    pause => 0.3);
    $slow = slow($path);
    sysread $slow, $text, 1000;
    setsockopt $slow, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $slow;
    (undef, $head, $body) = get($path);
    same($body, body(2_000_000), "$path: stored after its client has left");
    is($origin->count($path), 1, 'the origin receives one request');
}

done_testing();
