# SPDX-License-Identifier: BSD-2-Clause

# Responses that a client must not receive from the cache: those of protected
# locations, error pages and other upstream servers, and those that a later 304
# restricts.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Consumer;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

my ($port, $second) = (free_port(), free_port());
my ($origin, $beta) = (origin(), origin());
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";
my $other = "proxy_pass http://127.0.0.1:@{[ $beta->port ]};";

my $nginx = start_nginx(port => $port,
    files => { 'consumers.json' => consumers(consumer('alice'),
                                             consumer('bob')),
               'keys.json' => jwks('es256'), users => "u:{PLAIN}p\n",
               'html/index/on' => '' },
    conf => http_conf(http => <<'END', port => $port, server => <<"END2"));
    gateway_cache_zone zone=z:16m;
    gateway_consumers zone=c:1m file=consumers.json;
    gateway_limit_zone $gateway_consumer zone=l:1m rate=1r/m burst=2;
    underscores_in_headers on;
END
    listen 127.0.0.1:$second;
    gateway_cache z;
    gateway_cache_ttl 60s;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    location / { $up }

    # access is checked in the location that a redirect leads to
    location /try/ { try_files /none \@protected; }
    location \@protected { gateway_api_key api; $up }
    location /part/ { gateway_cache_partition consumer;
                      try_files /none \@protected; }
    location /allow/ { try_files /none \@allowed; }
    location \@allowed { if (\$arg_deny) { return 403; } $up }
    location /address/ { try_files /none \@address; }
    location \@address { allow 127.0.0.1; deny all; gateway_cache off; $up }
    location /closed/ { try_files /none \@closed; }
    location \@closed { gateway_api_key api; error_page 401 = /login; $up }
    location = /login { $up }
    location /index/ { index on; }
    location = /index/on { gateway_api_key api; $up }
    location /both/ { try_files /none \@protected; $up }
    location /refresh/ { gateway_cache_stale background for=1h;
                         try_files /none \@plain; }
    location /plain/ { try_files /none \@plain; }
    location \@plain { $up }

    # responses of error pages
    location /page/ { $up proxy_intercept_errors on; error_page 404 = /made; }
    location = /made { return 404 "made here"; }
    location /accel/ { $up }
    location = /given { return 200 "given away"; }

    # upstream servers
    location /two/ { if (\$http_x_beta) { $other } $up }
    location /shared/ { gateway_cache_key scheme path args;
        if (\$http_x_beta) { $other } $up }

    location /port/ { $up proxy_set_header host \$host:\$server_port; }
    location /tenant/ { $up proxy_set_header Host \$http_x_tenant; }
    location /fixed/ { $up proxy_set_header Host a; }
    location /known/ { $up proxy_set_header Host \$host; }

    location /strip/ { gateway_cache_guard strip; $up }
    location /all/ { gateway_cache_ttl 60s override=all; $up }
    location /nostore/ {
        gateway_cache_no_store \$upstream_http_x_secret; $up }
    location /key/ { gateway_api_key api; $up }
    location /user/ { gateway_api_key api; gateway_jwt r;
        gateway_jwt_key_file keys.json; gateway_cache_partition consumer; $up }
    location /scope/ { gateway_jwt r; gateway_jwt_key_file keys.json;
        gateway_require_scope read; $up }
    location /limit/ { gateway_jwt r; gateway_jwt_key_file keys.json;
        gateway_limit zone=l; $up }
    location /named/ { gateway_api_key api; gateway_identity_headers on; $up }
    location /basic/ { try_files /none \@basic; }
    location \@basic { auth_basic r; auth_basic_user_file users; $up }
END2

sub get { http_get($nginx, $_[0], headers => [ @_[1 .. $#_] ]) }

sub told {
    my ($code, $head) = @_;
    my ($status) = $head =~ /^X-Status: (\w*)/m;
    my ($reason) = $head =~ /^X-Reason: (\S+)/m;
    return join ' ', $code, grep { length } $status // 'none', $reason // '';
}

my @fresh = ('Cache-Control: max-age=60');
my @public = ('Cache-Control: public, max-age=60');
$_->answer('*', head => [ @public ]) for $origin, $beta;

my ($alice, $bob) = map { 'X-API-Key: ' . api_key($_) } qw( alice bob );


sub status { return told(get(@_)) }


# --- after a redirect, access is checked before a stored response is sent

is(status('/plain/a'), '200 MISS', 'try_files: a miss');
is(status('/plain/a'), '200 HIT', 'try_files: a hit');

for my $place ('/try/', '/both/') {
    is((get("${place}a"))[0], 401, "$place without a key");
    like(status("${place}a", $alice), qr/^200 /, 'with a key');
    like(status("${place}a", $alice), qr/^200 /, 'again');
    is((get("${place}a"))[0], 401, 'a stored response, without a key');
}
is(status('/try/a', $bob), '200 HIT', 'a public response, with another key');
is((get('/index/'))[0], 401, 'index: without a key');
is(status('/index/', $alice), '200 MISS', 'index: with a key');
is(status('/index/', $bob), '200 HIT', 'index: with another key');
is((get('/index/'))[0], 401, 'index: a stored response, without a key');

$origin->answer('/try/own', head => [ @fresh ]);
is(status('/try/own', $alice), '200 MISS credentials',
   'an identity that the target of the redirect checks: a miss');
is(status('/try/own', $alice), '200 MISS credentials', 'it is not stored');
is(status('/part/a', $alice), '200 MISS',
   'a partition by such an identity: a miss');
is(status('/part/a', $alice), '200 HIT', 'it is stored for this consumer');
is(status('/part/a', $bob), '200 MISS', 'it is not sent to another consumer');

is(status('/address/a'), '200 MISS', 'a redirect to a location with cache off');
is(status('/address/a'), '200 HIT', 'the settings of the first location apply');
is(status('/allow/a'), '200 MISS', 'access allowed');
is((get('/allow/a?deny=1'))[0], 403, 'access denied');

like((get('/closed/a'))[2], qr{/login}, 'access denied: the login page');
my (undef, $head, $body) = get('/closed/a', $alice);
unlike($head, qr/^X-Status: HIT/m, 'the login page is not stored');

$origin->answer('/refresh/a', { head => [ 'Cache-Control: max-age=0',
                                          'ETag: "1"' ] },
                              { body => 'new', head => [ @fresh ] });
is(status('/refresh/a'), '200 MISS', 'after a redirect: a miss');
is(status('/refresh/a'), '200 STALE', 'the stale response is sent');
ok(wait_until(sub { (get('/refresh/a'))[2] eq 'new' }),
   'it is refreshed in the background');
is(status('/refresh/a'), '200 HIT', 'the new response is sent');
is($origin->count('/refresh/a'), 2, 'one request refreshes it');


# --- responses that nginx makes itself are not stored

$origin->answer('/page/a', status => 404, head => [ @public ]);
is(join(' ', (get('/page/a'))[0, 2]), '404 made here', 'an error page');
is(join(' ', (get('/page/a'))[0, 2]), '404 made here', 'an error page, again');
is($origin->count('/page/a'), 2, 'an error page is not stored');
$origin->answer('/accel/a', head => [ @public, 'X-Accel-Redirect: /given' ]);
is((get('/accel/a'))[2], 'given away', 'X-Accel-Redirect');
is((get('/accel/a'))[2], 'given away', 'X-Accel-Redirect, again');
is($origin->count('/accel/a'), 2, 'X-Accel-Redirect is not stored');


# --- each upstream server has its own responses

my (undef, undef, $one) = get('/two/a');
my (undef, undef, $two) = get('/two/a', 'X-Beta: 1');
is($origin->count('/two/a') . $beta->count('/two/a'), '11',
   'each upstream server receives a request');
is(status('/two/a'), '200 HIT', 'the response of the one is stored');
is(status('/two/a', 'X-Beta: 1'), '200 HIT', 'that of the other is stored');
get('/shared/a');
is(status('/shared/a', 'X-Beta: 1'), '200 HIT', 'one key without host');

for my $place ('/', '/known/', '/fixed/') {
    is(status("${place}p"), '200 MISS', "$place: the first port of nginx");
    is(told(http_get($second, "${place}p")), '200 HIT', 'the second: shared');
}
is(status('/port/p'), '200 MISS', 'the port is sent to the origin: a miss');
is(told(http_get($second, '/port/p')), '200 MISS', 'the second port: a miss');
is(status('/port/p'), '200 HIT', 'the first port: a hit');
is(told(http_get($second, '/port/p')), '200 HIT', 'the second port: a hit');
is(join(' ', map { field($_, 'Host') } $origin->requests('/port/p')),
   "localhost:$port localhost:$second", 'the origin receives both ports');
for my $tenant (qw( a b )) {
    is(status('/tenant/a', "X-Tenant: $tenant"), '200 MISS',
       "Host $tenant: a miss");
    is(status('/tenant/a', "X-Tenant: $tenant"), '200 HIT',
       "Host $tenant: a hit");
}


# --- "public", "must-revalidate" and "s-maxage" permit storing for a request
# with credentials, unless X-Accel-Expires or override=all makes the cache
# ignore a directive such as "private"

my @held = ('private', 'no-store', 'no-cache', 'private="X-A"',
            'no-cache="X-A"');
my $n = 0;
for my $path ('/accel/', '/all/') {
    my @accel = $path eq '/all/' ? () : 'X-Accel-Expires: 60';
    for my $allows (qw( public must-revalidate s-maxage=60 )) {
        for my $held (@held) {
            my $target = $path . ++$n;
            $origin->answer($target, head => [ @accel, 'X-A: 1',
                            "Cache-Control: $held, $allows" ]);
            is(status($target, 'Authorization: Basic eDp5'),
               '200 MISS credentials', "$path $held, $allows: credentials");
            is(status($target), '200 MISS', 'nothing is stored');
            is(status($target), '200 HIT', 'without credentials it is stored');
            isnt(status($target, 'Authorization: Basic eDp5'), '200 HIT',
                 'it is not sent to a client with credentials');
        }
        my $target = $path . ++$n;
        $origin->answer($target, head => [ @accel, "Cache-Control: $allows" ]);
        is(status($target, 'Authorization: Basic eDp5'), '200 MISS',
           "$path $allows alone");
        is(status($target), '200 HIT', "$path $allows alone: stored");
    }
}


# --- a 304 or a response to HEAD can restrict the stored response

my @etag = (etag => '"1"', head => [ 'Cache-Control: max-age=0' ]);
my @renewed = ('ETag: "1"', 'Cache-Control: max-age=60');
my %later = (
    'Vary: Accept' => 0, 'Vary: Cookie' => 0, 'Vary: *' => 0, 'Vary: Origin' => 0,
    'Access-Control-Allow-Origin: https://evil' => 0,
    'Access-Control-Allow-Origin: null' => 0,
    'Access-Control-Allow-Origin: *' => 1, 'X-Other: 1' => 1,
);
for my $line (sort keys %later) {
    my $target = '/' . ++$n;
    $origin->answer($target, @etag, not_modified => [ @renewed, $line ]);
    is(status($target), '200 MISS', "a 304 with $line");
    is((get($target, 'Origin: https://evil', 'Accept: a'))[0], 200,
       'the response is validated');
    my ($code, $head) = get($target, 'Accept: b');
    ($later{$line} ? \&like : \&unlike)->($head, qr/^X-Status: HIT/m,
        $later{$line} ? 'others receive it' : 'others do not receive it');
}

my $target = '/' . ++$n;
$origin->answer($target, etag => '"1"',
    head => [ 'Cache-Control: max-age=0', 'Vary: Accept' ],
    not_modified => [ @renewed, 'Vary: accept' ]);
status($target);
status($target);
is(status($target), '200 HIT', 'a 304 with the same Vary: a hit');

$target = '/' . ++$n;
$origin->answer($target, etag => '"1"',
    head => [ 'Cache-Control: max-age=0', 'Vary: Accept' ],
    not_modified => [ @renewed ]);
status($target);
status($target);
is(status($target), '200 HIT', 'a 304 without Vary: a hit');
is(status($target, 'Accept: x'), '200 MISS', 'only for the same variant');

sub head_request {
    my ($target, @headers) = @_;
    return http_get($nginx, $target, method => 'HEAD', headers => [ @headers ]);
}

$target = '/' . ++$n;
my @length = (size => 5, etag => '"1"');
$origin->answer($target, @length, head => [ 'Cache-Control: max-age=0' ]);
status($target);
$origin->answer($target, @length, head => [ 'Cache-Control: max-age=60',
                'Access-Control-Allow-Origin: https://evil' ]);
head_request($target, 'Origin: https://evil');
is(status($target), '200 MISS', 'HEAD with Access-Control-Allow-Origin');

for my $field ('Authorization: Basic eDp5', 'If-Match: "2"') {
    $target = '/' . ++$n;
    $origin->answer($target, { @length, head => [ @fresh ] },
                    { @length, etag => '"2"', head => [ @fresh ] });
    status($target);
    head_request($target, $field);
    is(status($target), '200 HIT', "HEAD with $field has no effect");
}

# --- gateway_cache_no_store also applies to a 304

$target = '/nostore/' . ++$n;
$origin->answer($target, etag => '"1"',
    head => [ 'Cache-Control: max-age=0' ],
    not_modified => [ @renewed, 'X-Secret: 1' ]);
status($target);
is(status($target), '200 REVALIDATED not-wanted', 'no_store for a 304');
is(status($target), '200 REVALIDATED not-wanted', 'the 304 is not stored');


# --- fields that poison caches

for my $field ('X-Host', 'X_Host', 'x-forwarded_host') {
    $target = '/strip/' . ++$n;
    status($target, "$field: evil", 'X-HTTP-Method-Override: PUT');
    http_get($nginx, $target, method => 'PUT', headers => [ "$field: evil" ]);
    my @found = grep { defined field($_, $field) } $origin->requests($target);
    is(scalar @found, 0, "strip: $field is not sent to the origin");

    status("/$n", "$field: evil");
    is(status("/$n"), '200 MISS', "$field is part of the key");
}


# --- identities

my %token = map { $_ => 'Authorization: Bearer '
                        . token(key => 'es256',
                                claims => { sub => $_, scope => 'read' }) }
            qw( ann ben );
my $none = 'Authorization: Bearer ' . token(key => 'es256',
                                            claims => { sub => 'cy' });

for my $user (qw( ann ben )) {
    is(status('/user/a', $alice, $token{$user}), '200 MISS',
       "the key of an application and the token of $user");
    is(status('/user/a', $alice, $token{$user}), '200 HIT', 'the same, again');
}
is(status('/user/a', $bob, $token{ann}), '200 MISS', 'another application');
is((get('/user/a', $alice))[0], 401, 'a key without a token');

is(status('/scope/a', $token{ann}), '200 MISS', 'a token with the scope');
is(status('/scope/a', $token{ben}), '200 HIT', 'another token with the scope');
is((get('/scope/a', $none))[0], 403, 'a token without the scope');
is((get('/scope/a'))[0], 401, 'no token');

is(status('/limit/a', $token{ann}), '200 MISS', 'a limit: the first request');
is(status('/limit/a', $token{ann}), '200 HIT', 'a limit: a hit');
is(status('/limit/a', $token{ann}), '200 HIT', 'a limit: another hit');
is((get('/limit/a', $token{ann}))[0], 429, 'a limit: hits are limited');

$origin->answer('/named/a', head => [ @public, 'Vary: X-Consumer-ID' ]);
is(status('/named/a', $_), '200 MISS', 'Vary: X-Consumer-ID')
    for $alice, $bob;
is(status('/named/a', $_), '200 HIT', 'each consumer has a variant')
    for $alice, $bob;
is(status('/named/a', $bob, 'X-Consumer-ID: alice'), '200 HIT',
   'a field of the client has no effect');
isnt((get('/named/a', $alice))[2],
     (get('/named/a', $bob, 'X-Consumer-ID: alice'))[2],
     'the variants are different');

is(status('/basic/a', 'Authorization: Basic dTpw'), '200 MISS',
   'auth_basic: a miss');
is(status('/basic/a', 'Authorization: Basic dTpw'), '200 HIT',
   'auth_basic: a hit');
is((get('/basic/a'))[0], 401, 'auth_basic: no password');

done_testing();
