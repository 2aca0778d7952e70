# SPDX-License-Identifier: BSD-2-Clause

# No client receives the response of another: credentials, partitions, cookies,
# header fields that poison caches, and fields that modules add to a response.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Consumer;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $port = free_port();
my $origin = origin();
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";

my $nginx = start_nginx(port => $port,
    files => { 'consumers.json' => consumers(consumer('alice'),
                                             consumer('bob')) },
    conf => http_conf(http => <<'END', port => $port, server => <<"END2"));
    gateway_cache_zone zone=z:16m;
    gateway_consumers zone=c:1m file=consumers.json;
    gateway_limit_zone $gateway_consumer zone=l:1m rate=60r/m burst=99;
    gateway_request_id X-Request-ID response;
    map $cookie_lang $lang { en en; de de; }
    underscores_in_headers on;
END
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    location / { $up }
    location /key/ { gateway_api_key api; $up }
    location /partition/ { gateway_api_key api;
        gateway_limit zone=l; gateway_cache_partition consumer; $up }
    location /bypass/ { gateway_cache_guard bypass; $up }
    location /strip/ { gateway_cache_guard strip; $up }
    location /shared/ { gateway_api_key api; gateway_limit zone=l; $up }
    location /off/ { gateway_cache_guard off; $up }
    location /value/ { gateway_cache_bypass \$arg_nocache; $up }
    location /nostore/ { gateway_cache_no_store \$arg_nostore; $up }
    location /cookie/ { gateway_cache_ttl 60s; $up }
    location /ignore/ { gateway_cache_ttl 60s; gateway_cache_cookie ignore; $up }
    location /a/ { rewrite ^/a(/.*) /tenant\$1 break;
        proxy_set_header X-Tenant a; $up }
    location /b/ { rewrite ^/b(/.*) /tenant\$1 break;
        proxy_set_header X-Tenant b; $up }
    location /id/ { proxy_set_header X-Request-ID \$request_id; $up }
    location /vary/ { gateway_cache_stale background for=1h;
        proxy_set_header X-Lang \$lang; proxy_set_header X-Fixed 1;
        proxy_set_header X_Under \$lang; $up
        location /vary/key/ { gateway_api_key api;
            proxy_set_header X-Tenant \$gateway_consumer; $up }
        location /vary/client/ { proxy_set_header X-Other \$lang; $up }
        location /vary/host/ { proxy_set_header Host \$proxy_host; $up } }
    location /named/ { proxy_set_header X-Lang \$lang;
        set \$up 127.0.0.1:@{[ $origin->port ]}; proxy_pass http://\$up; }
    location /any/ { satisfy any; gateway_api_key api; allow 127.0.0.1; deny all;
        $up }
END2

sub get { http_get($nginx, $_[0], headers => [ @_[1 .. $#_] ]) }

sub status {
    my (undef, $head) = get(@_);
    my ($status) = $head =~ /^X-Status: (\w*)/m;
    my ($reason) = $head =~ /^X-Reason: (\S+)/m;
    return join ' ', grep { length } $status // 'none', $reason // '';
}

my @fresh = ('Cache-Control: max-age=60');
$origin->answer('*', head => [ @fresh ]);
$origin->answer('/key/public', head => [ 'Cache-Control: max-age=60, public' ]);

my ($alice, $bob) = map { 'X-API-Key: ' . api_key($_) } qw( alice bob );

is(status('/auth', 'Authorization: Basic eDp5'), 'MISS credentials',
   'Authorization: not stored');
is(status('/auth'), 'MISS', 'without Authorization: nothing was stored');
is(status('/auth'), 'HIT', 'without Authorization: a hit');
is(status('/auth', 'Authorization: Basic eDp5'), 'BYPASS credentials',
   'Authorization: the stored response is not sent');

is(status('/key/a', $alice), 'MISS credentials', 'an identity: not stored');
is(status('/key/a', $alice), 'MISS credentials', 'an identity: a miss');
is(status('/key/public', $alice), 'MISS', 'a public response is stored');
is(status('/key/public', $bob), 'HIT', 'a public response is shared');

is(status('/partition/a', $alice), 'MISS', 'a partition: a miss');
is(status('/partition/a', $alice), 'HIT', 'a partition: a hit');
is(status('/partition/a', $bob), 'MISS', 'another consumer, another partition');
my (undef, undef, $one) = get('/partition/a', $alice);
my (undef, undef, $two) = get('/partition/a', $bob);
isnt($one, $two, 'each consumer receives its own response');
my ($code) = get('/partition/a');
is($code, 401, 'an anonymous request is rejected');

# --- header fields that modules add are not stored

$origin->answer('/shared/a', head => [ 'Cache-Control: public, max-age=60',
                                       'X-Origin: 1' ]);
get('/shared/a', $alice);
my (undef, $first) = get('/shared/a', $alice);
my (undef, $second) = get('/shared/a', $bob);
for my $head ($first, $second) {
    like($head, qr/^X-Status: HIT/m, 'a hit');
    is(scalar(() = $head =~ /^$_:/mg), 1, "one $_")
        for qw( X-Request-ID X-RateLimit-Remaining X-Origin X-Status
                Cache-Status Date Age );
}
my ($id, $other) = map { /^X-Request-ID: (\S+)/m } $first, $second;
isnt($id, $other, 'each hit has its own request id');
($id, $other) = map { /^X-RateLimit-Remaining: (\S+)/m } $first, $second;
isnt($id, $other, 'each hit has the remaining units of its consumer');

# --- cookies

is(status('/cookie/a', 'Cookie: a=b'), 'MISS no-lifetime',
   'gateway_cache_ttl does not apply to a request with a cookie')
    if $origin->answer('/cookie/a') || 1;
is(status('/cookie/a'), 'MISS', 'it applies to a request without a cookie');
is(status('/cookie/a'), 'HIT', 'such a response is stored');
is(status('/cookie/a', 'Cookie: a=b'), 'BYPASS cookie',
   'a request with a cookie does not receive this response');
$origin->answer('/ignore/a');
is(status('/ignore/a', 'Cookie: a=b'), 'MISS', 'gateway_cache_cookie ignore');
is(status('/ignore/a', 'Cookie: c=d'), 'HIT', 'another cookie: a hit');
$origin->answer('/set', head => [ @fresh, 'Set-Cookie: a=b' ]);
is(status('/set'), 'MISS set-cookie', 'Set-Cookie');

# --- the guard

is(status('/p', 'X-Forwarded-Host: evil'), 'MISS', 'a guarded field');
is(status('/p'), 'MISS', 'a guarded field is part of the key');
my $hits = grep { status('/p', 'X-Forwarded-Host: lb') eq 'HIT' } 1 .. 100;
is($hits, 99, '100 requests with one value: 99 hits');
is(status('/p', 'X-HTTP-Method-Override: DELETE'), 'BYPASS guard',
   'a method override');
for my $name (map { ($_, tr/-/_/r, lc) } qw( X-HTTP-Method-Override
                                            X-HTTP-Method X-Method-Override )) {
    is(status("$_/$name", "$name: DELETE"), 'BYPASS guard', "$_, $name")
        for '/method', '/off', '/strip';
    is(status("/method/$name"), 'MISS', "$name: its response is not stored");
    is(field(($origin->requests("/method/$name"))[0], $name), 'DELETE',
       "$name: sent to the origin");
    is(field(($origin->requests("/strip/$name"))[0], $name), undef,
       "$name: not sent with gateway_cache_guard strip");
}
status('/method');
is(status('/method', "$_: DELETE"), 'HIT', "$_ is another field")
    for qw( X-HTTP-Methods X-HTTP-Metho X-Method-Overrid XX-HTTP-Method );
is(status('/bypass/a', 'X-Host: evil'), 'BYPASS guard', 'guard bypass');
is(status('/off/a', 'X-Host: evil'), 'MISS', 'guard off: a miss');
is(status('/off/a'), 'HIT', 'guard off: the field is not in the key');
is(status('/strip/a', 'X-Host: evil'), 'MISS', 'guard strip: a miss');
my ($last) = reverse $origin->requests('/strip/a');
is(field($last, 'X-Host'), undef, 'guard strip: the origin gets no such field');
is(status('/strip/a'), 'HIT', 'guard strip: the field is not in the key');

# --- gateway_cache_bypass and gateway_cache_no_store

is(status('/value/a'), 'MISS', 'an empty value has no effect');
is(status('/value/a'), 'HIT', 'the response is stored');
is(status('/value/a?nocache=1'), 'BYPASS bypass', 'a value bypasses the cache');
is(status('/nostore/a?nostore=1'), 'MISS not-wanted', 'no_store: a miss');
is(status('/nostore/a?nostore=1'), 'MISS not-wanted', 'no_store: not stored');

# --- header fields that the location sends

is(status("/$_/x"), 'MISS', "location of tenant $_: a miss") for 'a', 'b';
is(status("/$_/x"), 'HIT', "location of tenant $_: a hit") for 'a', 'b';
is(join(' ', map { field($_, 'X-Tenant') } $origin->requests('/tenant/x')), 'a b',
   'the origin receives the tenant of each location');
status('/id/x');
is(status('/id/x'), 'HIT', 'a field with a request id is not in the key');

# --- Vary selects by the fields that the origin receives

sub varies { my ($path, $vary, @head) = @_;
             $origin->answer($path, head => [ @head ? @head : @fresh,
                                              "Vary: $vary" ]); }
my ($en, $de, $none) = map { "Cookie: lang=$_" } qw( en de fr );

varies('/vary/key/a', 'X-Tenant', 'Cache-Control: public, max-age=60');
for my $who ($alice, $bob) {
    is(status('/vary/key/a', $who), 'MISS', 'a tenant in proxy_set_header');
    is(status('/vary/key/a', $who), 'HIT', 'each tenant has a variant');
    is(status('/vary/key/a', $who, 'X-Tenant: bob'), 'HIT',
       "a field that the client sends has no effect");
}
varies("/vary/$_", $_), varies("/vary/${_}s", "accept, $_, X-Fixed")
    for qw( X-Lang x_under );
for my $path (map { ($_, "${_}s") } '/vary/X-Lang', '/vary/x_under') {
    for my $cookie ($en, $de, $none) {
        is(status($path, $cookie), 'MISS', "$path, $cookie");
        is(status($path, $cookie), 'HIT', "$path, $cookie, again");
    }
    is(status($path), 'HIT', 'no cookie: the same empty field');
    is(status($path, 'X-Lang: en', 'X_Under: en', 'X-Fixed: 2'), 'HIT',
       "$path: fields that the client sends have no effect");
}
varies('/vary/under', 'X-Under');
for my $value ('X-Under: a', 'X-Under: b') {
    is(status('/vary/under', $en, $value), 'MISS', "$value, X_Under: a miss");
    is(status('/vary/under', $de, $value), 'HIT', 'X_Under is another field');
}
varies('/vary/client/a', 'X-Lang');
is(status('/vary/client/a', $_), 'MISS', "not set by the location: $_")
    for 'X-Lang: en', 'X-Lang: de';
is(status('/vary/client/a', $en), 'MISS', 'not set by the location: absent');
is(status('/vary/client/a', $de), 'HIT', 'fields that Vary does not name');
varies('/vary/host/a', 'Host');
is(status('/vary/host/a'), $_, 'Vary: Host, where nginx sends $proxy_host')
    for 'MISS', 'HIT';
varies('/named/a', 'X-Lang');
is(status('/named/a', $_), 'MISS', "a variable names the server, $_") for $en, $de;
is(status('/named/a', $_), 'HIT', "again, $_") for $en, $de;

# a refresh in the background

varies('/vary/old', 'X-Lang', 'Cache-Control: max-age=0', 'ETag: "1"');
status('/vary/old', $_) for $en, $de;
varies('/vary/old', 'X-Lang');
is(status('/vary/old', $en), 'STALE', 'a variant is stale');
is(wait_until(sub { status('/vary/old', $en) eq 'HIT' }) ? 1 : 0, 1,
   'this variant is refreshed');
is(status('/vary/old', $de), 'STALE', 'the other variant is not');

# --- satisfy any: requests that another method grants

$origin->answer('/any/x', status => 403, body => 'no',
                head => [ 'Cache-Control: public, max-age=60' ]);
my ($status, $head, $body) = get('/any/x', 'X-API-Key: wrong');
is("$status $body", '403 no', 'a 403 of the origin');
($status, $head, $body) = get('/any/x');
is("$status $body", '403 no', 'a hit');
like($head, qr/^X-Status: HIT/m, 'the status HIT') or diag $head;
($status, $head, $body) = get('/any/x', 'X-API-Key: wrong');
is("$status $body", '403 no', 'with an invalid key: the body of the origin');
like($head, qr/^X-Status: HIT/m, 'with an invalid key: a hit');
unlike($head, qr/WWW-Authenticate|problem/i, 'an invalid key: no challenge');

done_testing();
