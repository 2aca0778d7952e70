# SPDX-License-Identifier: BSD-2-Clause

# The limitations in modules/cache/README.md: Vary, tags, header sizes,
# subrequests, and clients behind a proxy on the same machine.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my ($port, $proxied) = (free_port(), free_port());
my $origin = origin();
my $to = "proxy_pass http://127.0.0.1:@{[ $origin->port ]}";
my $realip = qx(@{[ Test::Gateway::Server::binary() ]} -V 2>&1)
             =~ /http_realip_module/;

# nginx uses the address that a local proxy states only with the realip module

my $admin = 'gateway_cache_admin zone=z from=127.0.0.1;';
my $stated = $realip ? 'set_real_ip_from 127.0.0.1;'
                       . ' real_ip_header X-Forwarded-For;' : '';

my $nginx = start_nginx(port => $port, http => <<"HTTP", server => <<"SERVER");
    gateway_cache_zone zone=z:16m;
    large_client_header_buffers 4 64k;
    proxy_buffer_size 128k;
    proxy_buffers 4 128k;
    proxy_busy_buffers_size 256k;
    server {
        listen 127.0.0.1:$proxied;
        location / {
            proxy_set_header X-Forwarded-For \$remote_addr;
            proxy_pass http://127.0.0.1:$port;
        }
    }
HTTP
    listen 127.0.0.2:$port;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    gateway_cache z;

    location / { $to; }
    location /ignore/ { $to; gateway_cache_cookie ignore; }
    location /list/ {
        $to;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
    }
    location /tags/ { $to; gateway_cache_tags Surrogate-Key Cache-Tag; }
    location /strip/ { $to; gateway_cache_tags Surrogate-Key strip; }

    location = /auth { internal; $to/auth; }
    location /shared/ { auth_request /auth; $to; }
    location /key/ {
        auth_request /auth;
        auth_request_set \$user \$upstream_http_x_user;
        gateway_cache_key scheme host path args \$user;
        $to;
    }
    location /partition/ {
        auth_request /auth;
        auth_request_set \$user \$upstream_http_x_user;
        gateway_cache_partition \$user;
        $to;
    }
    location = /copy { internal; $to/copy; }
    location /mirror/ { mirror /copy; $to; }

    location = /_cache { $admin }
    location = /_stated { $admin $stated }
SERVER

my @fresh = ('Cache-Control: max-age=60');

sub status {
    my ($path, @lines) = @_;
    my (undef, $head) = http_get($nginx, $path, headers => [ @lines ]);
    my ($reason) = $head =~ /^X-Reason: (\S+)/m;
    return join ' ', $head =~ /^X-Status: (\w+)/m, $reason // ();
}

# the status of the second request for a response with these fields

sub again {
    my ($path, $lines, @sent) = @_;
    $origin->answer($path, head => [ @fresh, @$lines ]);
    status($path, @sent);
    return status($path, @sent);
}

# --- Vary

for my $case ([ 32, 'HIT' ], [ 33, 'MISS vary-too-long' ]) {
    my ($n, $then) = @$case;
    my @names = map { "X-$_" } 1 .. $n;
    is(again("/vary/$n", [ 'Vary: ' . join ', ', @names ]), $then,
       "Vary with $n names");
    is(again("/vary/lines/$n", [ map { "Vary: $_" } @names ]), $then,
       "$n lines of Vary");
}
is(again('/vary/same', [ 'Vary: ' . join ', ', ('X-A', 'x-a') x 20 ]), 'HIT',
   'Vary: equal names count once');

my $allow = 'Access-Control-Allow-Origin: ';
my $paths = 0;
my @most = map { "X-$_" } 1 .. 32;
for my $case ([ 31, 'https://a', 'HIT' ], [ 32, '*', 'HIT' ],
              [ 32, 'https://a', 'MISS vary-too-long' ]) {
    my ($n, $origin, $then) = @$case;
    my $vary = 'Vary: ' . join ',', @most[ 0 .. $n - 1 ];
    is(again("/cors/" . ++$paths, [ $vary, $allow . $origin ]), $then,
       "$n names, $allow$origin");
}

for my $case ([ 512, 'HIT' ], [ 513, 'MISS vary-too-long' ]) {
    my ($n, $then) = @$case;
    my @names = map { $_ x 170 } 'a' .. 'c';
    $names[0] .= 'a' x ($n - 512);
    is(length join(',', @names), $n, "$n bytes with commas");
    is(again("/bytes/$n", [ 'Vary: ' . join ', ', @names ]), $then,
       "Vary with $n bytes of names");
}

# names, values and 8 bytes for each field: at most 4096 bytes

for my $case ([ 4085, 'HIT', 'HIT' ],
              [ 4086, 'MISS variant-too-long', 'BYPASS variant-too-long' ]) {
    my ($n, $then, $beside) = @$case;
    my ($path, $line) = ("/value/$n", 'X-A: ' . 'v' x $n);
    is(again($path, [ 'Vary: X-A' ], $line), $then, "a value of $n bytes");
    is(status($path, 'X-A: a'), $_, "another variant: $_") for qw( MISS HIT );
    is(status($path, $line), $beside, 'the long value, after another variant');
    is(status($path, 'X-A: a'), 'HIT', 'the other variant stays');
}

is(again("$_/cookie", [ 'Vary: Cookie' ]), 'MISS vary-cookie',
   "$_: Vary: Cookie") for '', '/ignore';
is(again("/any", [ 'Vary: *' ]), 'MISS vary-any', 'Vary: *');

# --- tags

for my $case ([ 255, 'HIT' ], [ 256, 'MISS too-many-tags' ]) {
    my ($n, $then) = @$case;
    my @tags = map { "t$_" } 1 .. $n;
    is(again("/tags/$n", [ 'Surrogate-Key: ' . join ' ', @tags ]), $then,
       "$n tags");
    is(again("/tags/both/$n", [ "Surrogate-Key: $tags[0]",
       'Cache-Tag: ' . join ',', @tags[ 1 .. $n - 1 ] ]), $then,
       "$n tags in two fields");
    is(again("/tags/same/$n", [ 'Surrogate-Key: ' . 'a ' x $n ]), $then,
       "$n equal tags");
}

for my $case ([ 't255', 2 ], [ 't1', 0 ], [ 'a', 1 ]) {
    my ($tag, $n) = @$case;
    my (undef, undef, $body) = http_get($nginx, '/_cache', method => 'POST',
        headers => [ 'Content-Type: application/json' ],
        body => qq({"purge":[{"tag":"$tag"}]}));
    like($body, qr/^\{"purged": ?$n\}/, "$n responses have the tag $tag");
}

# the length of a tag is limited by that of the header

for my $case ([ 64_000, 'HIT' ], [ 65_600, 'MISS header-too-large' ]) {
    my ($n, $then) = @$case;
    is(again("$_/$n", [ 'Surrogate-Key: ' . 'a' x $n ]), $then,
       "$_: a tag of $n bytes") for '/tags', '/strip';
    is(again("/header/$n", [ 'X-A: ' . 'a' x $n ]), $then, 'another field');
}

# --- the stored header, which includes the key and the path

sub large { again("/large/$_[0]/$_[1]", [ 'X-A: ' . 'a' x $_[1], @_[2 .. $#_] ]) }

for my $case ([ qw( a b ) ], [ 'c', 'd', 'Vary: X-V' ]) {
    my ($search, $path, @with) = @$case;
    my ($least, $most) = (64_000, 65_600);
    while ($most - $least > 1) {
        my $n = int(($least + $most) / 2);
        (large($search, $n, @with) eq 'HIT' ? $least : $most) = $n;
    }
    is(large($path, $least, @with), 'HIT', "a field of $least bytes, @with");
    is(large($path, $most, @with), 'MISS header-too-large', 'one byte more');
}
is(large('two', 33_000, 'X-B: ' . 'b' x 33_000), 'MISS header-too-large',
   'two long fields');
is(large('two', 31_000, 'X-B: ' . 'b' x 33_000), 'HIT', 'two shorter fields');
is(again('/large/' . 'p' x 34_000, []), 'MISS header-too-large',
   'a long path, which is also part of the key');
is(again('/large/' . 'p' x 31_000, []), 'HIT', 'a shorter path');

# a 304 makes the header too large: the stored response is sent, and removed

for my $case ([ 32_000, 'HIT' ], [ 34_000, 'MISS' ]) {
    my ($n, $then) = @$case;
    my @old = ('Cache-Control: max-age=0', 'ETag: "1"', 'X-A: ' . 'a' x 32_000);
    my $new = 'X-B: ' . 'b' x $n;
    $origin->answer("/304/$n", { head => \@old },
                    { status => 304, head => [ @fresh, 'ETag: "1"', $new ] },
                    { head => [ @fresh ] });
    is(status("/304/$n"), 'MISS', "a 304 with $n bytes more");
    is(status("/304/$n"),
       $then eq 'HIT' ? 'REVALIDATED' : 'REVALIDATED header-too-large',
       'the status of the 304');
    is(status("/304/$n"), $then, 'the next request');
}

# --- lists of fields in Cache-Control and Connection

for my $case ([ 32, 'HIT' ], [ 33, 'MISS too-many-fields' ]) {
    my ($n, $then) = @$case;
    my $list = join ', ', map { "X-$_" } 1 .. $n;
    is(again("/list/$_/$n", [ "Cache-Control: $_=\"$list\"" ]), $then, "$_: $n names")
        for qw( no-cache private );
    is(again("/list/$n", [ "Connection: $list" ]), $then, "Connection: $n names");
}

# --- subrequests

for my $case ([ '/shared/', 'MISS', 'HIT', 'HIT' ],
              [ '/key/', 'MISS', 'HIT', 'MISS' ],
              [ '/partition/', 'MISS', 'HIT', 'MISS' ]) {
    my ($path, @then) = @$case;
    $origin->answer('/auth', map { { head => [ @fresh, "X-User: $_" ] } }
                             qw( a a b ));
    $origin->answer($path, head => [ @fresh ]);
    my $count = $origin->count('/auth');
    is(status($path), $_, "$path: $_") for @then;
    is($origin->count('/auth') - $count, 3, 'each request is authenticated');
}

is(again('/x-api-key', [], 'X-API-Key: a'), 'HIT', 'an API key of the origin');
is(status('/x-api-key', 'X-API-Key: b'), 'HIT',
   'an API key of the origin is no credential');

$origin->answer($_, head => [ @fresh ]) for '/mirror/', '/copy';
is(status('/mirror/'), 'MISS', 'a miss');
is(wait_until(sub { $origin->count('/copy') == 1 }), 1, 'a miss is mirrored');
is(status('/mirror/'), 'HIT', 'a hit');
is(status('/mirror/?a'), 'MISS', 'another miss');
wait_until(sub { $origin->count('/copy') >= 2 });
is($origin->count('/copy'), 2, 'a hit is not mirrored');

# --- from=

# the status of a request from the address $from

sub asked_by {
    my ($from, $to, $path) = @_;
    my $socket = IO::Socket::INET->new(LocalAddr => $from, PeerAddr => $to)
        or die $!;
    print $socket "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";
    $socket->flush;
    return scalar(<$socket>) =~ m{^HTTP/1\.1 (\d+)} && $1;
}

is(asked_by('127.0.0.1', "127.0.0.2:$port", '/_cache'), 200, 'allowed address');
is(asked_by('127.0.0.2', "127.0.0.2:$port", '/_cache'), 403, 'another address');
is(asked_by('127.0.0.2', "127.0.0.1:$proxied", '/_cache'), 200,
   'another address, through a local proxy');

SKIP: {
    skip 'nginx has no realip module', 2 if !$realip;

    is(asked_by('127.0.0.2', "127.0.0.1:$proxied", '/_stated'), 403,
       'another address, which the proxy states');
    is(asked_by('127.0.0.1', "127.0.0.1:$proxied", '/_stated'), 200,
       'an allowed address, which the proxy states');
}

done_testing();
