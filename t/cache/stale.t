# SPDX-License-Identifier: BSD-2-Clause

# Stale responses are validated, refreshed in the background, sent during an
# update, and sent in place of errors, even where an error page is configured.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( time );

my ($port, $closed) = (free_port(), free_port());
my $origin = origin();
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";

my $nginx = start_nginx(port => $port, conf => http_conf(workers => 1,
    http => 'gateway_cache_zone zone=z:16m;', port => $port,
    server => <<"END"));
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    location / { $up }
    location /errors/ { $up gateway_cache_stale error 5xx;
        gateway_cache_bypass \$http_x_bypass;
        gateway_cache_no_store \$http_x_no_store; }
    location /errors/ttl/ { $up gateway_cache_stale 5xx; gateway_cache_ttl 10s; }
    location /errors/listed/ { $up gateway_cache_stale 5xx http_404; }
    location /background/errors/ { $up gateway_cache_stale 5xx background;
        gateway_cache_bypass \$http_x_bypass;
        gateway_cache_no_store \$http_x_no_store; }
    location /hide/ { $up proxy_hide_header X-Secret; }
    location /wide/ { $up proxy_buffer_size 128k; proxy_buffers 4 128k; }
    location /background/ { $up gateway_cache_stale background; }
    location /updating/ { $up gateway_cache_stale updating; }
    location /never/ { $up gateway_cache_stale off; }
    location /5xx/ { $up gateway_cache_stale 5xx;
        error_page 503 = /page; proxy_intercept_errors on; }
    location /503/ { $up error_page 503 = /page; proxy_intercept_errors on; }
    location /variable/ {
        proxy_pass http://[::ffff:127.0.0.1]:@{[ $origin->port ]}\$request_uri;
        error_page 502 = /page; }
    location /fallback/ { $up error_page 503 = \@fallback;
        proxy_intercept_errors on; recursive_error_pages on; }
    location \@fallback { rewrite ^ /other break; $up }
    location /gone/ { $up error_page 502 504 = /page; }
    location = /page { return 200 page; }
END

sub get { http_get($nginx, @_) }
sub status { $_[0] =~ /^X-Status: (\w*)/m && $1 }

# a response that is already stale when it is stored, and may be sent stale

my @stale = ('Cache-Control: max-age=10', 'Age: 20');

sub stored {
    my ($path, %more) = @_;
    $origin->answer($path, { head => [ @stale, 'ETag: "1"' ], body => 'old' },
                    { head => [ 'Cache-Control: max-age=10' ], body => 'new',
                      %more });
    my ($code, $head, $body) = get($path);
    is("$code $body " . status($head), '200 old MISS', "$path is stored");
}

# --- validated

$origin->answer('/304', head => [ @stale, 'X-A: 1' ], etag => '"1"',
                body => 'old',
                not_modified => [ 'Cache-Control: max-age=60', 'X-B: 2',
                                  'ETag: "1"' ]);
get('/304');
my ($code, $head, $body) = get('/304');
is("$code $body " . status($head), '200 old REVALIDATED', 'a 304');
like($head, qr/^X-A: 1/m, 'the stored fields are sent');
like($head, qr/^X-B: 2/m, 'the fields of the 304 are sent');
my ($last) = reverse $origin->requests('/304');
is(field($last, 'If-None-Match'), '"1"', 'the origin receives the validator');
($code, $head, $body) = get('/304');
is("$code $body " . status($head), '200 old HIT', 'the response is fresh');
is($origin->count('/304'), 2, 'the origin receives two requests');

$origin->answer('/hide/', head => [ @stale, 'X-Secret: 1' ], etag => '"1"',
                body => 'old',
                not_modified => [ 'Cache-Control: max-age=60', 'X-Secret: 2',
                                  'X-B: 2', 'ETag: "1"' ]);
for my $status (qw( MISS REVALIDATED HIT )) {
    ($code, $head, $body) = get('/hide/');
    is(status($head), $status, "a hidden field: $status");
    unlike($head, qr/^X-Secret/m, "$status: the hidden field is not sent");
}
like($head, qr/^X-B: 2/m, 'another field of the 304 is sent');

# fields of a 304 that are too large together with the stored ones, or alone

sub lines { my ($name, $n) = @_; return map { "$name-$_: " . 'x' x 1000 } 1 .. $n }

for my $case ([ 'fits', 10, 'HIT', lines('X-B', 10) ],
              [ 'sum', 40, 'MISS', lines('X-B', 40) ],
              [ 'line', 10, 'MISS', 'X-B-1: ' . 'x' x 70_000 ]) {
    my ($name, $n, $then, @more) = @$case;
    $origin->answer("/wide/$name", head => [ @stale, lines('X-A', $n) ],
                    etag => '"1"', body => 'old', not_modified =>
                    [ 'Cache-Control: max-age=60', 'ETag: "1"', @more ]);
    get("/wide/$name");
    ($code, $head, $body) = get("/wide/$name");
    is("$code $body " . status($head), '200 old REVALIDATED',
       "a wide 304: $name");
    is(scalar(() = $head =~ /^X-A-/mg), $n, 'with the stored fields');
    ($code, $head, $body) = get("/wide/$name");
    is("$code $body " . status($head), "200 old $then", 'the next request');
}

stored('/changed');
($code, $head, $body) = get('/changed');
is("$code $body " . status($head), '200 new EXPIRED', 'a new response');
($code, $head, $body) = get('/changed');
is("$code $body " . status($head), '200 new HIT', 'the new response is stored');

# --- conditional requests of clients, for responses that are fetched

stored('/client');
($code, $head, $body) = get('/client', headers => [ 'If-None-Match: "1"' ]);
is("$code $body", '200 new', 'the client has another response: 200');
$origin->answer('/client2', head => [ 'Cache-Control: max-age=9' ], body => 'x',
                etag => '"2"');
($code, $head, $body) = get('/client2', headers => [ 'If-None-Match: "2"' ]);
is("$code $body", '304 ', 'the client has this response: 304');
($code, $head, $body) = get('/client2');
is("$code $body " . status($head), '200 x HIT', 'the whole response is stored');
($code, $head, $body) = get('/client2', headers => [ 'If-None-Match: "2"' ]);
is("$code $body " . status($head), '304  HIT', 'a hit with 304');
($code, $head, $body) = get('/client2', headers => [ 'Range: bytes=0-0' ]);
is("$code $body " . status($head), '206 x HIT', 'a hit with 206');

# --- in the background

stored('/background/', hold => 1);
my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                   PeerPort => $port) or die $!;
sub keep {
    my ($path) = @_;
    print $socket "GET $path HTTP/1.1\r\nHost: localhost\r\n\r\n";
    $socket->flush;
    my $text = '';
    while ($text !~ /\r\n\r\n.../s) {
        sysread $socket, $text, 4096, length $text or last;
    }
    return $text;
}
my $began = time;
like(keep('/background/'), qr/^X-Status: STALE.*old$/ms,
     'the stale response is sent');
wait_until(sub { $origin->held('/background/') == 1 });
like(keep('/background/'), qr/^X-Status: STALE.*old$/ms,
     'also during the refresh');
cmp_ok(time - $began, '<', 2, 'the client does not wait for the origin');
is($origin->count('/background/'), 2, 'one request refreshes it');
$origin->release('/background/');
ok(wait_until(sub { keep('/background/') =~ /X-Status: HIT.*new$/s }),
   'it is refreshed');
is($origin->count('/background/'), 2, 'the origin receives no further request');

# --- during the update by another request

stored('/updating/', hold => 1);
my $first = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $port) or die $!;
print $first "GET /updating/ HTTP/1.0\r\nHost: localhost\r\n\r\n";
$first->flush;
wait_until(sub { $origin->held('/updating/') == 1 });
($code, $head, $body) = get('/updating/');
is("$code $body " . status($head), '200 old UPDATING', 'others do not wait');
$origin->release('/updating/');
my $text = do { local $/; <$first> };
like($text, qr/EXPIRED.*new$/s, 'the first request receives the new response');

# --- errors

stored('/5xx/', status => 503);
($code, $head, $body) = get('/5xx/');
is("$code $body " . status($head), '200 old STALE',
   'a listed 503: the stale response, not the error page');
stored('/503/', status => 503);
($code, $head, $body) = get('/503/');
is("$code $body", '200 page', 'a 503 that is not listed: the error page');

# --- a 304 that forbids storing

$origin->answer('/forbids', { head => [ @stale, 'ETag: "1"' ], body => 'old' },
                { status => 304, framing => 'none', body => '',
                  head => [ 'Cache-Control: no-store', 'ETag: "1"' ] },
                { head => [ 'Cache-Control: max-age=9' ], body => 'new' });
get('/forbids');
($code, $head, $body) = get('/forbids');
is("$code $body", '200 old', 'a 304 with no-store: the response is sent');
($code, $head, $body) = get('/forbids');
is("$code $body " . status($head), '200 new MISS', 'then it is removed');
($code, $head, $body) = get('/forbids');
is("$code $body " . status($head), '200 new HIT',
   'the next response is stored');

# --- HEAD

$origin->answer('/head', { head => [ @stale, 'ETag: "1"' ], body => 'old' },
                { head => [ 'Cache-Control: max-age=60', 'ETag: "1"' ],
                  body => 'old' });
get('/head');
get('/head', method => 'HEAD');
($code, $head, $body) = get('/head');
is("$code $body " . status($head), '200 old HIT',
   'HEAD updates the stored response');
is($origin->count('/head'), 2, 'the origin receives two requests');
$origin->answer('/head2', { head => [ @stale, 'ETag: "1"' ], body => 'old' },
                { head => [ 'Cache-Control: max-age=60', 'ETag: "2"' ],
                  body => 'newer' });
get('/head2');
get('/head2', method => 'HEAD');
($code, $head, $body) = get('/head2');
is("$code $body " . status($head), '200 newer MISS',
   'HEAD with another tag removes the stored response');

# --- responses of error pages are not stored

$origin->answer('/fallback/', status => 503, head => [ 'Cache-Control: max-age=0' ]);
$origin->answer('/other', head => [ 'Cache-Control: max-age=60' ], body => 'o');
for (1 .. 2) {
    ($code, $head, $body) = get('/fallback/');
    is("$code $body " . status($head), '200 o MISS', 'an error page');
}
is($origin->count('/fallback/'), 2, 'the error page is not stored');

# --- invalidation

$origin->answer('/u', head => [ 'Cache-Control: max-age=60' ]);
$origin->answer('/u?q', head => [ 'Cache-Control: max-age=60' ]);
get('/u'); get('/u?q');
get('/u', method => 'DELETE');
($code, $head) = get('/u');
is(status($head), 'MISS', 'an unsafe method invalidates its target');
($code, $head) = get('/u?q');
is(status($head), 'HIT', 'it invalidates no other URL');

# --- a newer response that is not stored removes the stored one, so that it is
# not sent if the origin fails later; a status about the request does not

my @no = ('Cache-Control: no-store');
my @later = ({ status => 503 });

sub renewed {
    my ($what, $path, $then, $left, %more) = @_;

    $path .= $what =~ s/\W+/-/gr;
    $origin->answer($path, { head => [ @stale, 'ETag: "1"',
                               @{ $more{first} // [] } ],
                             body => 'old' }, $then, @later);
    get($path);
    get($path, method => $more{method} // 'GET',
        headers => $more{headers} // []);
    wait_until(sub { $origin->count($path) >= 2 });
    if ($path =~ /background/ && !$left) {
        ok(wait_until(sub { (get($path))[2] ne 'old' }), "$what: removed");
    }
    my ($code, $head, $body) = get($path);
    is($body eq 'old' ? 'old' : $code, $left ? 'old' : 503,
       "$path: " . ($left ? 'stays' : 'is removed'));
}

for my $where ('/errors/', '/background/errors/') {
    renewed('private', $where, { head => [ 'Cache-Control: private' ] }, 0);
    renewed('no-store', $where, { head => [ @no ] }, 0);
    renewed('no lifetime', $where, {}, 0);
    renewed('Set-Cookie', $where,
            { head => [ 'Cache-Control: max-age=9', 'Set-Cookie: a=b' ] }, 0);
    renewed('Vary any', $where,
            { head => [ 'Cache-Control: max-age=9', 'Vary: *' ] }, 0);
    renewed('event stream', $where, { head => [ 'Cache-Control: max-age=9',
            'Content-Type: text/event-stream' ] }, 0);
    renewed('too large', $where, { head => [ 'Cache-Control: max-age=9' ],
                                   size => 2_000_000 }, 0);
    renewed('too large, chunked', $where, { framing => 'chunked',
            head => [ 'Cache-Control: max-age=9' ], size => 2_000_000 }, 0);
    renewed("status $_", $where, { status => $_, head => [ @no ] }, 0)
        for 203, 204, 302, 403, 404, 405, 410, 451;
    renewed("status $_", $where, { status => $_, head => [ @no ] }, 1)
        for 400, 401, 408, 413, 414, 416, 421, 425, 429, 431,
            500, 501, 502, 503, 504, 599;
    renewed('truncated', $where, { head => [ 'Cache-Control: max-age=9' ],
                                   size => 1000, truncate => 500 }, 1);
    renewed('the request, no-store', $where, { head => [ @no ] }, 1,
            headers => [ 'Cache-Control: no-store' ]);
    renewed('no_store', $where, { head => [ @no ] }, 1,
            headers => [ 'X-No-Store: 1' ]);
    renewed('credentials', $where, { head => [ @no ] }, 1,
            headers => [ 'Authorization: Basic YTpi' ]);
    renewed('public, credentials', $where, {}, 1, first => [ 'Cache-Control: public' ],
            headers => [ 'Authorization: Basic YTpi' ]);
    renewed('bypass', $where, { head => [ @no ] }, 1,
            headers => [ 'X-Bypass: 1' ]);
}

my $where = '/errors/';
renewed('HEAD', $where, { status => 404, head => [ @no ] }, 0, method => 'HEAD');
renewed('Range', $where, { status => 206, head => [ 'Cache-Control: max-age=9',
                           'Content-Range: bytes 0-0/3' ], body => 'n' }, 1,
        headers => [ 'Range: bytes=0-0' ]);
renewed('cookie', '/errors/ttl/', {}, 1, headers => [ 'Cookie: a=b' ]);
renewed('cookie, private', '/errors/ttl/',
        { head => [ 'Cache-Control: private' ] }, 0,
        headers => [ 'Cookie: a=b' ]);
renewed('404 as listed', '/errors/listed/', { status => 404, head => [ @no ] }, 1);

# --- the origin is down

stored($_) for '/gone/', '/variable/';

$origin->answer('/gone/must', head => [ 'Cache-Control: max-age=10,'
    . ' must-revalidate', 'Age: 20', 'ETag: "1"' ], body => 'old');
get('/gone/must');

$origin->answer('/never/', head => [ @stale, 'ETag: "1"' ], body => 'old');
get('/never/');

$origin->stop;

for my $path ('/gone/', '/variable/') {
    ($code, $head, $body) = get($path);
    is("$code $body " . status($head), '200 old STALE',
       "$path: connection refused");
}

($code, $head, $body) = get('/gone/must');
is("$code $body " . status($head), '504  ERROR', 'must-revalidate: 504');

($code) = get('/never/');
is($code, 502, 'gateway_cache_stale off: 502');

($code, $head, $body) = get('/gone/other');
is("$code $body", '200 page', 'nothing is stored: the error page');

done_testing();
