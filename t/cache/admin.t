# SPDX-License-Identifier: BSD-2-Clause

# Purges by selector and by request, and the counters of zones.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP qw( decode_json );
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $port = free_port();
my $origin = origin();
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";

my $nginx = start_nginx(port => $port, conf => http_conf(
    http => 'gateway_cache_zone zone=z:16m; gateway_cache_zone zone=idle:1m;'
            . ' map $request_method $purge { PURGE 1; default 0; }', port => $port,
    server => <<"END"));
    gateway_cache z;
    gateway_cache_tags Surrogate-Key Cache-Tag strip;
    add_header X-Status \$gateway_cache_status always;
    location / { $up gateway_cache_purge \$purge; }
    location /path/ { $up gateway_cache_key path; }
    location = /idle { $up gateway_cache idle; }
    location = /_cache { gateway_cache_admin zone=z zone=idle from=127.0.0.1; }
    location = /_other { gateway_cache_admin zone=z from=10.0.0.1; }
END

sub status {
    my ($path, @lines) = @_;
    my (undef, $head) = http_get($nginx, $path, headers => [ @lines ]);
    return $head =~ /^X-Status: (\w*)/m && $1;
}

sub purge {
    my ($json, $path) = @_;
    my ($code, undef, $body) = http_get($nginx, $path // '/_cache',
        method => 'POST', body => $json,
        headers => [ 'Content-Type: application/json' ]);
    return "$code $body";
}

my @fresh = ('Cache-Control: max-age=60', 'ETag: "1"');
$origin->answer('*', head => [ @fresh ]);
$origin->answer('/tag/1', head => [ @fresh, 'Surrogate-Key: a b' ]);
$origin->answer('/tag/2', head => [ @fresh, 'Cache-Tag: b,c' ]);
$origin->answer('/vary', head => [ @fresh, 'Vary: X-V' ]);

my @paths = ('/a', '/a?q', '/a/b', '/c/d', '/c/e', '/tag/1', '/tag/2', '/path/x');

sub fill { status($_), is(status($_), 'HIT', "$_ is stored") for @paths }
sub gone {
    my ($what, @gone) = @_;
    my %gone = map { $_ => 1 } @gone;
    is(status($_), $gone{$_} ? 'MISS' : 'HIT', "$what: $_") for @paths;
}

fill();
like(purge('{"purge":[{"url":"http://localhost/a?q"}]}'),
     qr/^200 \{"purged": ?1\}/, 'a URL with a query');
gone('a URL', '/a?q');
like(purge('{"purge":[{"url":"http://LOCALHOST/a"}]}'),
     qr/^200 \{"purged": ?2\}/, 'a URL without a query matches every query');
gone('a URL', '/a', '/a?q');
like(purge('{"purge":[{"prefix":"http://localhost/c/"}]}'),
     qr/^200 \{"purged": ?2\}/, 'a prefix');
gone('a prefix', '/c/d', '/c/e');
like(purge('{"purge":[{"tag":"b"}]}'), qr/^200 \{"purged": ?2\}/, 'a tag');
gone('a tag', '/tag/1', '/tag/2');
like(purge('{"purge":[{"tag":"a"},{"tag":"c"}]}'), qr/"purged": ?2/, 'two tags');
gone('two tags', '/tag/1', '/tag/2');
like(purge('{"purge":[{"url":"https://example.com/path/x?y"}]}'),
     qr/"purged": ?1/, 'parts of the URL that the key lacks are not compared');
gone('a URL of another scheme and host', '/path/x');
like(purge('{"purge":[{"host":"localhost"}]}'), qr/"purged": ?8/, 'a host');
gone('a host', @paths);
like(purge('{"purge":[{"all":true}]}'), qr/"purged": ?8/, 'all');
gone('all', @paths);

my (undef, $head) = http_get($nginx, '/tag/1');
unlike($head, qr/Surrogate-Key/, 'tags are stripped');

# soft purges

like(purge('{"purge":[{"url":"http://localhost/a"}],"soft":true}'),
     qr/"purged": ?2/, 'a soft purge');
is(status('/a'), 'EXPIRED', 'the response is fetched again');
is(status('/a'), 'HIT', 'the response is fresh again');

# all variants

status('/vary', "X-V: $_") for 1 .. 3;
is(status('/vary', 'X-V: 2'), 'HIT', 'variants are stored');
like(purge('{"purge":[{"url":"http://localhost/vary"}]}'),
     qr/"purged": ?3/, 'a purge of all variants');
is(status('/vary', 'X-V: 2'), 'MISS', 'the variants are removed');

# gateway_cache_purge

my ($code) = http_get($nginx, '/a', method => 'PURGE');
is($code, 204, 'a PURGE request');
is(status('/a'), 'MISS', 'its target is removed');
is(status('/a?q'), 'EXPIRED', 'no other response is removed');

# invalid purges

for my $case (
    [ '{"purge":[{"uri":"x"}]}', qr/a selector must be/ ],
    [ '{"purge":[{"url":"/a"}]}', qr/must begin with http/ ],
    [ '{"purge":[{"url":"http://h"}]}', qr/host and a path/ ],
    [ '{"purge":[{"prefix":"http://h/a"}]}', qr/must end in/ ],
    [ '{"purge":[{"all":false}]}', qr/must be true/ ],
    [ '{"purge":[{"tag":"a","url":"b"}]}', qr/one member/ ],
    [ '{"purge":[{"tag":""}]}', qr/not empty/ ],
    [ '{"purge":[]}', qr/array of selectors/ ],
    [ '{}', qr/is missing/ ],
    [ '{"purge":[{"all":true}],"soft":1}', qr/true or false/ ],
    [ '{"purge":[{"all":true}],"hard":true}', qr/unknown member/ ],
    [ '{"purge":[{"tag":"b"},{"uri":"x"}]}', qr/"index": ?1/ ],
) {
    like(purge($case->[0]), qr/^400 .*$case->[1]/s, "rejected: $case->[0]");
}
is(status('/tag/1'), 'HIT', 'a rejected purge removes nothing');
like(purge('{"purge":[{"all":true}]}', '/_other'), qr/^403/,
     'a purge from another address');

# body sizes, with and without Content-Length; methods; client addresses

sub padded {
    my ($size) = @_;
    my $json = '{"purge":[{"tag":"x"}]}';
    return $json . ' ' x ($size - length $json);
}

for my $case ([ 65_536, 200 ], [ 65_537, 413 ]) {
    my ($size, $then) = @$case;
    like(purge(padded($size)), qr/^$then/, "a body of $size bytes");

    my $chunked = sprintf "%x\r\n%s\r\n0\r\n\r\n", $size, padded($size);
    my ($code) = http_get($nginx, '/_cache', method => 'POST', body => $chunked,
        headers => [ 'Content-Type: application/json',
                     'Transfer-Encoding: chunked' ]);
    is($code, $then, 'the same body in chunks');
}
like(purge(padded(65_537), '/_other'), qr/^403/, 'the address is checked first');

for my $method (qw( PUT DELETE OPTIONS PURGE )) {
    my ($code, $head) = http_get($nginx, '/_cache', method => $method);
    is($code, 405, $method);
    like($head, qr/^Allow: GET, HEAD, POST\r?$/m, "$method: allowed methods");
    ($code) = http_get($nginx, '/_other', method => $method);
    is($code, 403, "$method from another address");
}
is((http_get($nginx, '/_cache', method => 'HEAD'))[0], 200, 'HEAD');
is((http_get($nginx, '/_other'))[0], 403, 'the counters from another address');

my $long = join ',', map { sprintf '{"tag":"%060d"}', $_ } 1 .. 800;
like(purge("{\"purge\":[$long]}"), qr/^200/, 'a body of 56 KB');

($code, undef, my $body) = http_get($nginx, '/_cache');
my $zone = decode_json($body)->{zones}{z};
is($code, 200, 'the counters');
cmp_ok($zone->{requests}{HIT}, '>', 20, 'hits');
cmp_ok($zone->{requests}{MISS}, '>', 20, 'misses');
cmp_ok($zone->{stores}, '>', 20, 'stores');
cmp_ok($zone->{entries}, '>', 5, 'entries');
is($zone->{fills}, 0, 'no fills');


# --- "entries" and "stores" count responses, not the lists of names in Vary

sub counters { decode_json((http_get($nginx, '/_cache'))[2])->{zones}{idle} }

is(counters()->{$_}, 0, "an idle zone: $_")
    for qw( entries bytes stores evictions readers fills );
$origin->answer('/idle', head => [ @fresh, 'Vary: X-V' ]);
for my $n (1 .. 3) {
    http_get($nginx, '/idle', headers => [ "X-V: $n" ]) for 1, 2;
    is(counters()->{entries}, $n, "variant $n of a URL");
    is(counters()->{stores}, $n, "    $n stores");
}
cmp_ok(counters()->{bytes}, '>', 3 * 256, '    bytes in use');
like(purge('{"purge":[{"all":true}]}'), qr/^200 \{"purged": ?\d+\}/, 'a purge');
ok(wait_until(sub { counters()->{bytes} == 0 }, 60), '    frees the memory');
is(counters()->{entries}, 0, '    no entries');

done_testing();
