# SPDX-License-Identifier: BSD-2-Clause

# The variables of a token and of its consumer, and when they are set.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

sub bearers {
    [ map { $_ ? "Authorization: Bearer $_\n" : '' } @_ ]
}

# a location that returns the values of variables in a header

sub say_in {
    my ($uri, $text, @lines) = @_;
    return "location $uri { empty_gif; add_header X-Say '<$text>' always; "
           . "@lines }\n";
}

sub each_in {
    my ($values, @rest) = @_;
    return CORE::join '', map { my $v = $_; say_in(map { s{\*}{$v}gr } @rest) }
                              @$values;
}

sub said { [ map { "X-Say: <$_>" } @_ ] }

our $Jwt = 'gateway_jwt r; gateway_jwt_key_file '
           . '$TEST_NGINX_HTML_DIR/jwks.json;';

our $Alice = token(claims => { sub => 'alice' });
our $Forged = edited($Alice, signature => sub { reverse $_[0] });
our $Expired = token(claims => { sub => 'alice', exp => time - 60 });

our $Exp = time + 3600;

# JSON text, which is signed byte for byte

our $Values = token(claims => <<"END");
{ "exp": $Exp, "sub": "alice", "tenantId": "camel", "tenantid2": "low",
  "t": true, "f": false, "n": null, "e": "", "i": 7, "neg": -5,
  "tenth": 0.1, "huge": 1e300, "long": 12345678901234567, "small": 5e-324,
  "real": 1.50, "sum": 0.30000000000000004, "max": 9223372036854775807,
  "list": ["a", "b,c", 1, true, null, ["x"], {"k": "v"}], "none": [],
  "obj": {"b": 1, "a": [2, 3]}, "quote": "a\\"b",
  "a.b": "dot", "a-b": "dash", "https://example.com/role": "url",
  "realm_access": {"roles": ["admin", "dev"], "deep": {"x": 1}} }
END

our $Roles = token(claims => {
    sub => 'alice', realm_access => { roles => [ 'admin', 'dev' ] },
    azp => 'app', n => 42, act => { sub => 'bob' }, list => [ 'a' ],
    yes => JSON::PP::true(),
});

sub issued {
    my ($key, $iss, $sub) = @_;
    return token(key => $key, claims => { iss => $iss, sub => $sub });
}

run_tests();

__DATA__

=== TEST 1: a claim variable is the top-level claim of its lower-case name
--- jwks: es256
--- config eval
::say_in('/t', '$gateway_jwt_claim_sub|$gateway_jwt_claim_tenantId|'
               . '$gateway_jwt_claim_tenantid|$gateway_jwt_claim_tenantid2|'
               . '$gateway_jwt_claim_TENANTID2|$gateway_jwt_claim_nothing',
         $::Jwt)
--- request
GET /t
--- more_headers eval: ::bearers($::Values)->[0]
--- response_headers eval: ::said('alice|||low|low|')->[0]



=== TEST 2: any JSON value has a text, arrays are joined by commas
--- jwks: es256
--- config eval
::each_in([ qw( t f n e i neg list none obj quote ) ],
          '/*', '$gateway_jwt_claim_*', $::Jwt)
--- request eval
[ map { "GET /$_" } qw( t f n e i neg list none obj quote ) ]
--- more_headers eval: ::bearers(($::Values) x 10)
--- response_headers eval
::said('true', 'false', '', '', '7', '-5', 'a,b,c,1,true,null,["x"],{"k":"v"}',
       '', '{"b":1,"a":[2,3]}', 'a"b')



=== TEST 3: numbers in the shortest form that reads back the same
--- jwks: es256
--- config eval
::say_in('/t', '$gateway_jwt_claim_tenth|$gateway_jwt_claim_huge|'
               . '$gateway_jwt_claim_long|$gateway_jwt_claim_small|'
               . '$gateway_jwt_claim_real|$gateway_jwt_claim_sum|'
               . '$gateway_jwt_claim_max', $::Jwt)
--- request
GET /t
--- more_headers eval: ::bearers($::Values)->[0]
--- response_headers eval
::said('0.1|1e300|12345678901234567|5e-324|1.5|0.30000000000000004|'
       . '9223372036854775807')->[0]



=== TEST 4: claim_set and header_set: exact names, one for each level
--- jwks: es256
--- http_config
gateway_jwt_claim_set $tenant tenantId;
gateway_jwt_claim_set $dot a.b;
gateway_jwt_claim_set $dash a-b;
gateway_jwt_claim_set $url https://example.com/role;
gateway_jwt_claim_set $roles realm_access roles;
gateway_jwt_claim_set $deep realm_access deep x;
gateway_jwt_claim_set $object realm_access deep;
gateway_jwt_claim_set $astray sub deep x;
gateway_jwt_claim_set $absent realm_access nothing;
--- config eval
::say_in('/t', '$tenant|$dot|$dash|$url|$roles|$deep|$object|$astray|$absent',
         $::Jwt)
--- request
GET /t
--- more_headers eval: ::bearers($::Values)->[0]
--- response_headers eval
::said('camel|dot|dash|url|admin,dev|1|{"x":1}||')->[0]



=== TEST 5: variables of the token's header
--- jwks: es256
--- http_config
gateway_jwt_header_set $type typ;
gateway_jwt_header_set $nested x y;
gateway_jwt_header_set $list list;
--- config eval
::say_in('/t', '$gateway_jwt_header_alg|$gateway_jwt_header_kid|$type|'
               . '$nested|$list|$gateway_jwt_header_sub|$gateway_jwt_claim_alg',
         $::Jwt)
--- request
GET /t
--- more_headers eval
::bearers(::token(claims => { sub => 'alice' },
                  header => { typ => 'at+jwt', x => { y => 2 },
                              list => [ 'a', 'b' ] }))->[0]
--- response_headers eval: ::said('ES256|es256|at+jwt|2|a,b||')->[0]



=== TEST 6: the payload is what was signed, byte for byte
--- jwks: es256
--- config eval: ::say_in('/t', '$gateway_jwt_payload', $::Jwt)
--- request
GET /t
--- more_headers eval
::bearers(::token(claims => "{ \"exp\":$::Exp,  \"a\":1.00 }"))->[0]
--- response_headers eval: ::said("{ \"exp\":$::Exp,  \"a\":1.00 }")->[0]



=== TEST 7: all variables are empty if the token is not verified
--- jwks: es256
--- http_config
gateway_jwt_claim_set $who sub;
gateway_jwt_header_set $alg alg;
--- config eval
my $all = '$gateway_jwt_claim_sub|$who|$gateway_jwt_header_alg|$alg|'
          . '$gateway_jwt_payload|$gateway_consumer|$gateway_auth_method';
::say_in('/t', $all, $::Jwt)
. ::say_in('/any', $all, $::Jwt, 'satisfy any; allow all;')
. ::say_in('/dry', $all, $::Jwt, 'gateway_jwt_mode dry_run;')
--- request eval: [ map { ("GET /$_") x 3 } qw( t any dry ) ]
--- more_headers eval: ::bearers(($::Forged, $::Expired, '') x 3)
--- error_code eval: [ (401) x 3, (200) x 6 ]
--- response_headers eval: ::said(('||||||') x 9)



=== TEST 8: the consumer is sub, or what gateway_jwt_consumer names
--- jwks: es256
--- config eval
::say_in('/sub', '$gateway_consumer|$gateway_auth_method', $::Jwt)
. ::each_in([ qw( azp n act.sub nothing list act yes list[0] ) ],
            '/*', '$gateway_consumer|$gateway_auth_method', $::Jwt,
            'gateway_jwt_consumer *;')
--- request eval
[ map { "GET /$_" } qw( sub azp n act.sub nothing list act yes list[0] ) ]
--- more_headers eval: ::bearers(($::Roles) x 9)
--- response_headers eval
::said('alice|jwt', 'app|jwt', '42|jwt', 'bob|jwt', '|jwt', '|jwt', '|jwt',
       'true|jwt', 'a|jwt')



=== TEST 9: with several issuers the consumer is iss#sub
--- user_files eval
[ [ 'a.json', ::jwks('a') ], [ 'b.json', ::jwks('b') ] ]
--- config eval
my $file = 'gateway_jwt_key_file $TEST_NGINX_HTML_DIR';
my $both = 'gateway_jwt r; gateway_jwt_issuer https://a https://b; '
           . "$file/a.json issuer=https://a; $file/b.json issuer=https://b;";
::say_in('/both', '$gateway_consumer', $both)
. ::say_in('/named', '$gateway_consumer', $both, 'gateway_jwt_consumer sub;')
. ::say_in('/one', '$gateway_consumer',
           'gateway_jwt r; gateway_jwt_issuer https://a; '
           . 'gateway_jwt_key_file $TEST_NGINX_HTML_DIR/a.json;')
--- request eval
[ "GET /both", "GET /both", "GET /named", "GET /named", "GET /one",
  "GET /both", "GET /both" ]
--- more_headers eval
my ($a, $b) = (::issued('a', 'https://a', 'alice'),
               ::issued('b', 'https://b', 'alice'));
::bearers($a, $b, $a, $b, $a,
          ::issued('a', 'https://b', 'alice'),
          ::issued('a', 'https://a', undef))
--- error_code eval: [ (200) x 5, 401, 200 ]
--- response_headers eval
::said('https://a#alice', 'https://b#alice', 'alice', 'alice', 'alice', '', '')



=== TEST 10: scopes: the first of scope and scp that is present, string or array
--- jwks: es256
--- config eval
::say_in('/t', '$gateway_scopes', $::Jwt)
. ::say_in('/own', '$gateway_scopes', $::Jwt, 'gateway_jwt_scope x.y scp;')
--- request eval: [ ("GET /t") x 6, ("GET /own") x 3 ]
--- more_headers eval
::bearers(map { ::token(claims => $_) }
    { scope => 'read write' }, { scp => 'read write' },
    { scp => [ 'read', 'write' ] }, { scope => 'a', scp => 'b' },
    { scope => undef, scp => 'b' }, {},
    { x => { y => [ 'p', 'q' ] }, scp => 'b' }, { scp => 'b' },
    { scope => 'a' })
--- response_headers eval
::said('read write', 'read write', 'read write', 'a', 'b', '', 'p q', 'b', '')



=== TEST 11: groups: none without a path, joined by commas, never split
--- jwks: es256
--- config eval
::say_in('/t', '$gateway_groups', $::Jwt)
. ::say_in('/g', '$gateway_groups', $::Jwt,
           'gateway_jwt_group realm_access.roles groups;')
--- request eval: [ "GET /t", ("GET /g") x 5 ]
--- more_headers eval
::bearers(map { ::token(claims => $_) }
    ({ realm_access => { roles => [ 'admin', 'dev' ] } }) x 2,
    { groups => [ 'a', 'b' ] }, { groups => 'one' },
    { groups => [ 'a', 'admin,root', 'b' ] }, { sub => 'x' })
--- response_headers eval
::said('', 'admin,dev', 'a,b', 'one', 'a,b', '')



=== TEST 12: set and if read them too early; later they have their values
--- jwks: es256
--- http_config
gateway_jwt_claim_set $who sub;
log_format say '<$early|$branch|$gateway_consumer|$gateway_jwt_claim_sub|$who>';
--- config eval
::say_in('/t', '$early|$branch|$gateway_consumer|$gateway_jwt_claim_sub|$who',
         $::Jwt, <<'END')
    set $early "$gateway_consumer$gateway_jwt_claim_sub$who";
    set $branch no;
    if ($gateway_consumer) { set $branch yes; }
    if ($gateway_jwt_claim_sub = alice) { set $branch yes; }
    access_log logs/access.log say;
END
--- request eval: [ ("GET /t") x 2 ]
--- more_headers eval: ::bearers($::Alice, $::Forged)
--- error_code eval: [ 200, 401 ]
--- response_headers eval: ::said('|no|alice|alice|alice', '|no|||')
--- access_log
<|no|alice|alice|alice>



=== TEST 13: a map that something read too early needs volatile
--- jwks: es256
--- http_config
map $gateway_consumer $kept { default other; "" nobody; alice known; }
map $gateway_consumer $asked {
    volatile; default other; "" nobody; alice known;
}
map $gateway_consumer $late { default other; "" nobody; alice known; }
log_format say '<$kept|$asked|$late|$gateway_consumer>';
--- config eval
::say_in('/t', '$kept|$asked|$late|$gateway_consumer', $::Jwt, <<'END')
    set $early "$kept$asked";
    access_log logs/access.log say;
END
--- request eval: [ ("GET /t") x 2 ]
--- more_headers eval: ::bearers($::Alice, '')
--- error_code eval: [ 200, 401 ]
--- response_headers eval
::said('nobody|known|known|alice', 'nobody|nobody|nobody|')
--- access_log
<nobody|known|known|alice>



=== TEST 14: limit_req reads its key before a token is verified
--- jwks: es256
--- http_config
limit_req_zone $gateway_consumer zone=z:1m rate=1r/m;
log_format say '<$gateway_consumer|$limit_req_status>';
--- config eval
::say_in('/t', '$gateway_consumer|$limit_req_status', $::Jwt, <<'END')
    limit_req zone=z;
    access_log logs/access.log say;
END
--- request eval: [ ("GET /t") x 3 ]
--- more_headers eval: ::bearers($::Alice, $::Alice, '')
--- error_code eval: [ 200, 200, 401 ]
--- response_headers eval: ::said('alice|', 'alice|', '|')
--- access_log
<alice|->



=== TEST 15: a key of proxy_set_header and of the log is read after ACCESS
--- jwks: es256
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { add_header X-Got "<$http_x_user|$http_x_scope>"; return 204; }
}
--- config eval
'location /t { ' . $::Jwt . <<'END'
    set $early "$gateway_consumer";
    proxy_set_header X-User $gateway_consumer;
    proxy_set_header X-Scope $gateway_scopes;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
END
--- request eval: [ ("GET /t") x 2 ]
--- more_headers eval
::bearers(::token(claims => { sub => 'alice', scope => 'a b' }),
          ::token(claims => { sub => 'bob' }))
--- error_code eval: [ 204, 204 ]
--- response_headers eval: [ "X-Got: <alice|a b>", "X-Got: <bob|>" ]



=== TEST 16: off token=: claim variables are set without a key, identity is not
--- config eval
::say_in('/t', '$gateway_jwt_claim_sub|$gateway_jwt_header_alg|'
               . '$gateway_jwt_status|$gateway_consumer|$gateway_scopes|'
               . '$gateway_groups|$gateway_auth_method|$gateway_auth_reason',
         'gateway_jwt off token=$arg_t; gateway_jwt_group roles;')
--- request eval
my $t = ::token(claims => { sub => 'alice', scope => 'read', roles => [ 'a' ],
                            exp => 1 });
[ "GET /t?t=$t", 'GET /t?t=' . ::edited($t, signature => sub { 'x' x 64 }),
  "GET /t", "GET /t?t=garbage", "GET /t?t=a&t=b" ]
--- response_headers eval
::said(('alice|ES256|unverified|||||') x 2, '||absent|||||',
       '||malformed_header|||||', '||duplicate_credential|||||')



=== TEST 17: verify off: all but the signature is checked, identity is set
--- suppress_stderr
--- config eval
::say_in('/t', '$gateway_jwt_claim_sub|$gateway_jwt_status|$gateway_consumer|'
               . '$gateway_auth_method',
         'gateway_jwt r; gateway_jwt_verify off; gateway_jwt_audience me;')
--- request eval: [ ("GET /t") x 5 ]
--- more_headers eval
my %good = (sub => 'alice', aud => 'me');
::bearers(::token(claims => \%good),
          ::edited(::token(claims => \%good),
                   signature => sub { 'x' x 64 }),
          ::token(claims => { %good, exp => 1 }),
          ::token(claims => { %good, aud => 'you' }), '')
--- error_code eval: [ 200, 200, 401, 401, 401 ]
--- response_headers eval
::said(('alice|unverified|alice|jwt') x 2, '|expired||', '|audience||',
       '|absent||')



=== TEST 18: values are those of the location in force
--- jwks: es256
--- config eval
"location /first { $::Jwt gateway_jwt_consumer azp; try_files /none /second; }"
. ::say_in('/second', '$gateway_consumer', $::Jwt)
. "location /third { $::Jwt gateway_jwt_consumer azp; try_files /none /off; }"
. ::say_in('/off', '$gateway_consumer')
--- request eval: [ "GET /first", "GET /third", "GET /off" ]
--- more_headers eval: ::bearers(($::Roles) x 3)
--- response_headers eval: ::said('alice', 'app', '')



=== TEST 19: the log has the final values
--- jwks: es256
--- http_config
gateway_jwt_claim_set $who sub;
log_format say '<$gateway_consumer|$gateway_jwt_claim_sub|$who|'
               '$gateway_auth_method|$gateway_jwt_status|$gateway_auth_reason>';
--- config eval
my $early = 'set $early "$gateway_consumer$gateway_jwt_claim_sub$who'
            . '$gateway_auth_method$gateway_jwt_status$gateway_auth_reason"; '
            . 'access_log logs/access.log say;';
"location /t { $early $::Jwt empty_gif; }\n"
--- request
GET /t
--- more_headers eval: ::bearers($::Alice)->[0]
--- access_log
<alice|alice|alice|jwt|verified|->



=== TEST 20: the log has the values of the location in force
--- jwks: es256
--- http_config
gateway_jwt_claim_set $who sub;
log_format say '<$gateway_consumer|$gateway_jwt_claim_sub|$who|'
               '$gateway_auth_method|$gateway_jwt_status|$gateway_auth_reason>';
--- config eval
my $early = 'set $early "$gateway_consumer$gateway_jwt_claim_sub$who'
            . '$gateway_auth_method$gateway_jwt_status$gateway_auth_reason"; '
            . 'access_log logs/access.log say;';
"location /two { $early $::Jwt gateway_jwt_consumer azp;\n"
. "    try_files /none /behind; }\n"
. "location /behind { $early $::Jwt empty_gif; }\n"
--- request
GET /two
--- more_headers eval: ::bearers($::Roles)->[0]
--- access_log
<alice|alice|alice|jwt|verified|->



=== TEST 21: a payload with line breaks is written as one line of the same JSON
--- jwks: es256
--- config eval: ::say_in('/t', '$gateway_jwt_payload', $::Jwt)
--- request eval: [ ("GET /t") x 4 ]
--- more_headers eval
::bearers(map { ::token(claims => $_ =~ s/EXP/$::Exp/r) }
          qq({\n  "exp": EXP,\n  "z": [1, 2.50, null],\n  "a": {"b": "\\n"}\n}\n),
          qq({"exp":EXP,\r\n"n":9007199254740993}), qq({"exp":EXP,\r"e":""}),
          qq({\t"exp":EXP, "a" : 1.00 }))
--- response_headers eval
::said(map { s/EXP/$::Exp/r }
       '{"exp":EXP,"z":[1,2.5,null],"a":{"b":"\u000a"}}',
       '{"exp":EXP,"n":9007199254740993}', '{"exp":EXP,"e":""}',
       qq({\t"exp":EXP, "a" : 1.00 }))



=== TEST 22: a consumer with control characters is a malformed payload
--- jwks: es256
--- config eval
my $say = '$gateway_consumer|$gateway_auth_method|$gateway_jwt_status';
::say_in('/t', $say, $::Jwt)
. ::say_in('/azp', $say, $::Jwt, 'gateway_jwt_consumer azp;')
. ::say_in('/optional', $say, $::Jwt, 'gateway_jwt_mode optional;')
. ::say_in('/dry', $say, $::Jwt, 'gateway_jwt_mode dry_run;')
. ::say_in('/any', $say, $::Jwt, 'satisfy any; allow all;')
--- request eval
[ ("GET /t") x 5, "GET /azp", "GET /azp", "GET /optional", "GET /dry",
  "GET /any" ]
--- more_headers eval
my $evil = "a\r\nX-Role: admin";
::bearers(map { ::token(claims => $_) }
          map({ { sub => $_ } } $evil, "a\nb", "a\x7f", "a\tb", 'alice'),
          { sub => $evil, azp => 'app' }, { sub => 'alice', azp => $evil },
          ({ sub => $evil }) x 3)
--- error_code eval: [ 401, 401, 401, 200, 200, 200, 401, 401, 200, 200 ]
--- response_headers eval
my $malformed = '||malformed_payload';
::said(($malformed) x 3, "a\tb|jwt|verified", 'alice|jwt|verified',
       'app|jwt|verified', ($malformed) x 4)
--- response_body_like eval
[ ('"reason":"malformed_payload"') x 3, ('GIF') x 3,
  ('"reason":"malformed_payload"') x 2, ('GIF') x 2 ]



=== TEST 23: keys of several issuers make iss#sub, without gateway_jwt_issuer
--- user_files eval
[ [ 'a.json', ::jwks('a') ], [ 'b.json', ::jwks('b') ] ]
--- config eval
my $key = sub {
    my ($name, $issuer) = @_;
    return "gateway_jwt_key_file \$TEST_NGINX_HTML_DIR/$name.json"
           . ($issuer ? " issuer=$issuer;" : ';');
};
my $say = sub { ::say_in($_[0], '$gateway_consumer', 'gateway_jwt r;',
                         @_[1 .. $#_]) };
$say->('/two', $key->('a', 'https://a'), $key->('b', 'https://b'))
. $say->('/one', $key->('a', 'https://a'))
. $say->('/same', $key->('a', 'https://a'), $key->('b', 'https://a'))
. $say->('/free', $key->('a'), $key->('b'))
. $say->('/half', $key->('a', 'https://a'), $key->('b'))
. $say->('/named', $key->('a', 'https://a'), $key->('b', 'https://b'),
         'gateway_jwt_consumer sub;')
. $say->('/issuer', $key->('a', 'https://a'), $key->('b', 'https://b'),
         'gateway_jwt_issuer https://a;')
--- request eval
[ "GET /two", "GET /two", "GET /two", "GET /one", "GET /one", "GET /same",
  "GET /free", "GET /half", "GET /half", "GET /named", "GET /named",
  "GET /issuer", "GET /issuer" ]
--- more_headers eval
my ($a, $b) = (::issued('a', 'https://a', 'alice'),
               ::issued('b', 'https://b', 'alice'));
::bearers($a, $b, ::issued('a', 'https://b', 'alice'), $a, $b, $a, $a, $a, $b,
          $a, $b, $a, $b)
--- error_code eval
[ 200, 200, 401, 200, 401, (200) x 7, 401 ]
--- response_headers eval
::said('https://a#alice', 'https://b#alice', '', 'alice', '', 'alice', 'alice',
       'https://a#alice', 'https://b#alice', 'alice', 'alice', 'alice', '')
