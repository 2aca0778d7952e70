# SPDX-License-Identifier: BSD-2-Clause

# What keeps one client's answer from another: credentials, partitions,
# cookies, fields that poison caches, and what modules add to a response.

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
is(status('/auth'), 'MISS', 'nor served');
is(status('/auth'), 'HIT', 'without it');
is(status('/auth', 'Authorization: Basic eDp5'), 'BYPASS credentials',
   'what others have received is not used for it');

is(status('/key/a', $alice), 'MISS credentials', 'an identity: not stored');
is(status('/key/a', $alice), 'MISS credentials', 'neither for itself');
is(status('/key/public', $alice), 'MISS', 'public');
is(status('/key/public', $bob), 'HIT', 'is for everybody');

is(status('/partition/a', $alice), 'MISS', 'a partition');
is(status('/partition/a', $alice), 'HIT', 'is of one consumer');
is(status('/partition/a', $bob), 'MISS', 'and of no other');
my (undef, undef, $one) = get('/partition/a', $alice);
my (undef, undef, $two) = get('/partition/a', $bob);
isnt($one, $two, 'each has his own answer');
my ($code) = get('/partition/a');
is($code, 401, 'nobody has none');

# --- what modules add is not stored

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
isnt($id, $other, 'each has its own request id');
($id, $other) = map { /^X-RateLimit-Remaining: (\S+)/m } $first, $second;
isnt($id, $other, 'and what remains of its own limit');

# --- cookies

is(status('/cookie/a', 'Cookie: a=b'), 'MISS no-lifetime',
   'a lifetime of "ttl" is not for a request with a cookie')
    if $origin->answer('/cookie/a') || 1;
is(status('/cookie/a'), 'MISS', 'others');
is(status('/cookie/a'), 'HIT', 'have it');
is(status('/cookie/a', 'Cookie: a=b'), 'BYPASS cookie', 'but not this one');
$origin->answer('/ignore/a');
is(status('/ignore/a', 'Cookie: a=b'), 'MISS', 'cookies are ignored');
is(status('/ignore/a', 'Cookie: c=d'), 'HIT', 'where it says so');
$origin->answer('/set', head => [ @fresh, 'Set-Cookie: a=b' ]);
is(status('/set'), 'MISS set-cookie', 'Set-Cookie');

# --- the guard

is(status('/p', 'X-Forwarded-Host: evil'), 'MISS', 'a field that poisons');
is(status('/p'), 'MISS', 'is part of the key');
my $hits = grep { status('/p', 'X-Forwarded-Host: lb') eq 'HIT' } 1 .. 100;
is($hits, 99, '100 requests with one value: 99 hits');
is(status('/p', 'X-HTTP-Method-Override: DELETE'), 'BYPASS guard', 'override');
for my $name (map { ($_, tr/-/_/r, lc) } qw( X-HTTP-Method-Override
                                            X-HTTP-Method X-Method-Override )) {
    is(status("$_/$name", "$name: DELETE"), 'BYPASS guard', "$_, $name")
        for '/method', '/off', '/strip';
    is(status("/method/$name"), 'MISS', 'is not what others receive');
    is(field(($origin->requests("/method/$name"))[0], $name), 'DELETE',
       'but passed on');
    is(field(($origin->requests("/strip/$name"))[0], $name), undef,
       'unless it is removed');
}
status('/method');
is(status('/method', "$_: DELETE"), 'HIT', "$_ is another field")
    for qw( X-HTTP-Methods X-HTTP-Metho X-Method-Overrid XX-HTTP-Method );
is(status('/bypass/a', 'X-Host: evil'), 'BYPASS guard', 'bypass');
is(status('/off/a', 'X-Host: evil'), 'MISS', 'off');
is(status('/off/a'), 'HIT', 'has no guard');
is(status('/strip/a', 'X-Host: evil'), 'MISS', 'strip');
my ($last) = reverse $origin->requests('/strip/a');
is(field($last, 'X-Host'), undef, 'the origin does not receive it');
is(status('/strip/a'), 'HIT', 'nor does it matter');

# --- values

is(status('/value/a'), 'MISS', 'a value that is empty');
is(status('/value/a'), 'HIT', 'does nothing');
is(status('/value/a?nocache=1'), 'BYPASS bypass', 'one that is set');
is(status('/nostore/a?nostore=1'), 'MISS not-wanted', 'not stored');
is(status('/nostore/a?nostore=1'), 'MISS not-wanted', 'again');

# --- what the location adds to requests

is(status("/$_/x"), 'MISS', "what tenant $_ receives") for 'a', 'b';
is(status("/$_/x"), 'HIT', "is for tenant $_") for 'a', 'b';
is(join(' ', map { field($_, 'X-Tenant') } $origin->requests('/tenant/x')), 'a b',
   'whom the origin knows by a field of its location');
status('/id/x');
is(status('/id/x'), 'HIT', 'a field of each request is not part of the key');

# --- Vary, of what the origin receives

sub varies { my ($path, $vary, @head) = @_;
             $origin->answer($path, head => [ @head ? @head : @fresh,
                                              "Vary: $vary" ]); }
my ($en, $de, $none) = map { "Cookie: lang=$_" } qw( en de fr );

varies('/vary/key/a', 'X-Tenant', 'Cache-Control: public, max-age=60');
for my $who ($alice, $bob) {
    is(status('/vary/key/a', $who), 'MISS', 'a tenant, by proxy_set_header');
    is(status('/vary/key/a', $who), 'HIT', 'has its own response');
    is(status('/vary/key/a', $who, 'X-Tenant: bob'), 'HIT',
       "the client's own field is not sent");
}
varies("/vary/$_", $_), varies("/vary/${_}s", "accept, $_, X-Fixed")
    for qw( X-Lang x_under );
for my $path (map { ($_, "${_}s") } '/vary/X-Lang', '/vary/x_under') {
    for my $cookie ($en, $de, $none) {
        is(status($path, $cookie), 'MISS', "$path, $cookie");
        is(status($path, $cookie), 'HIT', 'again');
    }
    is(status($path), 'HIT', 'no cookie: the same empty field');
    is(status($path, 'X-Lang: en', 'X_Under: en', 'X-Fixed: 2'), 'HIT',
       "the client's fields make no difference");
}
varies('/vary/under', 'X-Under');
for my $value ('X-Under: a', 'X-Under: b') {
    is(status('/vary/under', $en, $value), 'MISS', "$value is sent, beside X_Under");
    is(status('/vary/under', $de, $value), 'HIT', 'which is another field');
}
varies('/vary/client/a', 'X-Lang');
is(status('/vary/client/a', $_), 'MISS', "$_: not set here")
    for 'X-Lang: en', 'X-Lang: de';
is(status('/vary/client/a', $en), 'MISS', 'and absent');
is(status('/vary/client/a', $de), 'HIT', 'whatever else is set');
varies('/vary/host/a', 'Host');
is(status('/vary/host/a'), $_, 'the Host that nginx sends by itself')
    for 'MISS', 'HIT';
varies('/named/a', 'X-Lang');
is(status('/named/a', $_), 'MISS', "a variable names the server, $_") for $en, $de;
is(status('/named/a', $_), 'HIT', 'again') for $en, $de;

# a refresh in the background

varies('/vary/old', 'X-Lang', 'Cache-Control: max-age=0', 'ETag: "1"');
status('/vary/old', $_) for $en, $de;
varies('/vary/old', 'X-Lang');
is(status('/vary/old', $en), 'STALE', 'a variant');
is(wait_until(sub { status('/vary/old', $en) eq 'HIT' }) ? 1 : 0, 1,
   'is refreshed');
is(status('/vary/old', $de), 'STALE', 'and no other');

# --- what is granted by another method

$origin->answer('/any/x', status => 403, body => 'no',
                head => [ 'Cache-Control: public, max-age=60' ]);
my ($status, $head, $body) = get('/any/x', 'X-API-Key: wrong');
is("$status $body", '403 no', 'a 403 of the origin');
($status, $head, $body) = get('/any/x');
is("$status $body", '403 no', 'a hit');
like($head, qr/^X-Status: HIT/m, 'says so') or diag $head;
($status, $head, $body) = get('/any/x', 'X-API-Key: wrong');
is("$status $body", '403 no', 'with a refused key: the body of the origin');
like($head, qr/^X-Status: HIT/m, 'a hit');
unlike($head, qr/WWW-Authenticate|problem/i, 'no challenge');

done_testing();
