# SPDX-License-Identifier: BSD-2-Clause

# Responses that a client must not receive: what another location protects,
# what an error page has made, what one upstream server has sent in place of
# another, and what the origin has said later about a stored response.

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

    # access is checked where a redirect leads
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

    # what an error page makes
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


# --- access is checked where a redirect leads, before a stored response is sent

is(status('/plain/a'), '200 MISS', 'try_files: a miss');
is(status('/plain/a'), '200 HIT', 'and a hit');

for my $place ('/try/', '/both/') {
    is((get("${place}a"))[0], 401, "$place without a key");
    like(status("${place}a", $alice), qr/^200 /, 'with a key');
    like(status("${place}a", $alice), qr/^200 /, 'again');
    is((get("${place}a"))[0], 401, 'and nothing without one');
}
is(status('/try/a', $bob), '200 HIT', 'what is public is for all with a key');
is((get('/index/'))[0], 401, 'index: without a key');
is(status('/index/', $alice), '200 MISS', 'with a key');
is(status('/index/', $bob), '200 HIT', 'another one');
is((get('/index/'))[0], 401, 'and nothing without one');

$origin->answer('/try/own', head => [ @fresh ]);
is(status('/try/own', $alice), '200 MISS credentials',
   'who the client is becomes known behind the redirect');
is(status('/try/own', $alice), '200 MISS credentials', 'nothing is stored');
is(status('/part/a', $alice), '200 MISS', 'so does the partition');
is(status('/part/a', $alice), '200 HIT', 'which has it');
is(status('/part/a', $bob), '200 MISS', 'and another one has not');

is(status('/address/a'), '200 MISS', 'a location with the cache off');
is(status('/address/a'), '200 HIT', 'the first one decides');
is(status('/allow/a'), '200 MISS', 'allowed');
is((get('/allow/a?deny=1'))[0], 403, 'and not');

like((get('/closed/a'))[2], qr{/login}, 'refused: the login page');
my (undef, $head, $body) = get('/closed/a', $alice);
unlike($head, qr/^X-Status: HIT/m, 'is not what others receive');

$origin->answer('/refresh/a', { head => [ 'Cache-Control: max-age=0',
                                          'ETag: "1"' ] },
                              { body => 'new', head => [ @fresh ] });
is(status('/refresh/a'), '200 MISS', 'a refresh in the background');
is(status('/refresh/a'), '200 STALE', 'begins');
ok(wait_until(sub { (get('/refresh/a'))[2] eq 'new' }), 'and ends');
is(status('/refresh/a'), '200 HIT', 'behind a redirect, too');
is($origin->count('/refresh/a'), 2, 'with one request');


# --- what nginx makes is not the answer of an upstream server

$origin->answer('/page/a', status => 404, head => [ @public ]);
is(join(' ', (get('/page/a'))[0, 2]), '404 made here', 'an error page');
is(join(' ', (get('/page/a'))[0, 2]), '404 made here', 'again');
is($origin->count('/page/a'), 2, 'is not stored');
$origin->answer('/accel/a', head => [ @public, 'X-Accel-Redirect: /given' ]);
is((get('/accel/a'))[2], 'given away', 'X-Accel-Redirect');
is((get('/accel/a'))[2], 'given away', 'again');
is($origin->count('/accel/a'), 2, 'is not stored');


# --- each upstream server has its own responses

my (undef, undef, $one) = get('/two/a');
my (undef, undef, $two) = get('/two/a', 'X-Beta: 1');
is($origin->count('/two/a') . $beta->count('/two/a'), '11', 'each was asked');
is(status('/two/a'), '200 HIT', 'and has its own responses');
is(status('/two/a', 'X-Beta: 1'), '200 HIT', 'both');
get('/shared/a');
is(status('/shared/a', 'X-Beta: 1'), '200 HIT', 'not where the key has no host');

for my $place ('/', '/known/', '/fixed/') {
    is(status("${place}p"), '200 MISS', "$place one port");
    is(told(http_get($second, "${place}p")), '200 HIT', 'shares with another');
}
is(status('/port/p'), '200 MISS', 'where the origin receives the port');
is(told(http_get($second, '/port/p')), '200 MISS', 'each has its own');
is(status('/port/p'), '200 HIT', 'the one');
is(told(http_get($second, '/port/p')), '200 HIT', 'and the other');
is(join(' ', map { field($_, 'Host') } $origin->requests('/port/p')),
   "localhost:$port localhost:$second", 'as the origin has been told');
for my $tenant (qw( a b )) {
    is(status('/tenant/a', "X-Tenant: $tenant"), '200 MISS', "Host $tenant");
    is(status('/tenant/a', "X-Tenant: $tenant"), '200 HIT', 'again');
}


# --- a permission under a condition that is not met is none

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
            is(status($target), '200 MISS', 'nothing was stored');
            is(status($target), '200 HIT', 'others share it');
            isnt(status($target, 'Authorization: Basic eDp5'), '200 HIT',
                 'and nobody with credentials');
        }
        my $target = $path . ++$n;
        $origin->answer($target, head => [ @accel, "Cache-Control: $allows" ]);
        is(status($target, 'Authorization: Basic eDp5'), '200 MISS',
           "$path $allows alone");
        is(status($target), '200 HIT', 'is one');
    }
}


# --- a 304, or a response to HEAD, says what the stored response depends on

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
    is((get($target, 'Origin: https://evil', 'Accept: a'))[0], 200, 'arrives');
    my ($code, $head) = get($target, 'Accept: b');
    ($later{$line} ? \&like : \&unlike)->($head, qr/^X-Status: HIT/m,
        $later{$line} ? 'and is stored' : 'and is not what others receive');
}

my $target = '/' . ++$n;
$origin->answer($target, etag => '"1"',
    head => [ 'Cache-Control: max-age=0', 'Vary: Accept' ],
    not_modified => [ @renewed, 'Vary: accept' ]);
status($target);
status($target);
is(status($target), '200 HIT', 'a 304 with the same Vary');

$target = '/' . ++$n;
$origin->answer($target, etag => '"1"',
    head => [ 'Cache-Control: max-age=0', 'Vary: Accept' ],
    not_modified => [ @renewed ]);
status($target);
status($target);
is(status($target), '200 HIT', 'or without it');
is(status($target, 'Accept: x'), '200 MISS', 'is one of the variant');

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
is(status($target), '200 MISS', 'nor does HEAD change what others receive');

for my $field ('Authorization: Basic eDp5', 'If-Match: "2"') {
    $target = '/' . ++$n;
    $origin->answer($target, { @length, head => [ @fresh ] },
                    { @length, etag => '"2"', head => [ @fresh ] });
    status($target);
    head_request($target, $field);
    is(status($target), '200 HIT', "HEAD with $field is about another response");
}

# --- gateway_cache_no_store is for a 304, too

$target = '/nostore/' . ++$n;
$origin->answer($target, etag => '"1"',
    head => [ 'Cache-Control: max-age=0' ],
    not_modified => [ @renewed, 'X-Secret: 1' ]);
status($target);
is(status($target), '200 REVALIDATED not-wanted', 'a 304 that is not wanted');
is(status($target), '200 REVALIDATED not-wanted', 'is not stored');


# --- fields that poison caches

for my $field ('X-Host', 'X_Host', 'x-forwarded_host') {
    $target = '/strip/' . ++$n;
    status($target, "$field: evil", 'X-HTTP-Method-Override: PUT');
    http_get($nginx, $target, method => 'PUT', headers => [ "$field: evil" ]);
    my @found = grep { defined field($_, $field) } $origin->requests($target);
    is(scalar @found, 0, "strip: no request has $field");

    status("/$n", "$field: evil");
    is(status("/$n"), '200 MISS', "$field belongs to the key");
}


# --- who the client is

my %token = map { $_ => 'Authorization: Bearer '
                        . token(key => 'es256',
                                claims => { sub => $_, scope => 'read' }) }
            qw( ann ben );
my $none = 'Authorization: Bearer ' . token(key => 'es256',
                                            claims => { sub => 'cy' });

for my $user (qw( ann ben )) {
    is(status('/user/a', $alice, $token{$user}), '200 MISS',
       "the key of an application and the token of $user");
    is(status('/user/a', $alice, $token{$user}), '200 HIT', 'again');
}
is(status('/user/a', $bob, $token{ann}), '200 MISS', 'another application');
is((get('/user/a', $alice))[0], 401, 'a key alone');

is(status('/scope/a', $token{ann}), '200 MISS', 'a token with the scope');
is(status('/scope/a', $token{ben}), '200 HIT', 'another one');
is((get('/scope/a', $none))[0], 403, 'without it: no hit');
is((get('/scope/a'))[0], 401, 'without a token, neither');

is(status('/limit/a', $token{ann}), '200 MISS', 'a limit: the first request');
is(status('/limit/a', $token{ann}), '200 HIT', 'a hit');
is(status('/limit/a', $token{ann}), '200 HIT', 'another hit');
is((get('/limit/a', $token{ann}))[0], 429, 'no more than the limit');

$origin->answer('/named/a', head => [ @public, 'Vary: X-Consumer-ID' ]);
is(status('/named/a', $_), '200 MISS', 'Vary: X-Consumer-ID')
    for $alice, $bob;
is(status('/named/a', $_), '200 HIT', 'has a variant for each')
    for $alice, $bob;
is(status('/named/a', $bob, 'X-Consumer-ID: alice'), '200 HIT',
   'whatever the client has sent');
isnt((get('/named/a', $alice))[2],
     (get('/named/a', $bob, 'X-Consumer-ID: alice'))[2], 'of its own');

is(status('/basic/a', 'Authorization: Basic dTpw'), '200 MISS', 'auth_basic');
is(status('/basic/a', 'Authorization: Basic dTpw'), '200 HIT', 'a hit');
is((get('/basic/a'))[0], 401, 'not without a password');

done_testing();
