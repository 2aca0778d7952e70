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
