# SPDX-License-Identifier: BSD-2-Clause

# gateway_jwt_require: no value may be empty or "0", as in auth_jwt_require of
# NGINX Plus.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Cases;


sub admin { token(claims => { role => 'admin' }) }

sub guest { token(claims => { role => 'guest' }) }

run_tests();

__DATA__

=== TEST 1: a value passes unless it is empty or "0"
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $arg_a;
--- cases
get('/t?a=1', bearer(token()))                       => 'verified',
get('/t?a=x', bearer(token()))                       => 'verified',
get('/t?a=00', bearer(token()))                      => 'verified',
get('/t?a=0.0', bearer(token()))                     => 'verified',
get('/t?a=-', bearer(token()))                       => 'verified',
get('/t?a=0', bearer(token()))                       => 'claim',
get('/t?a=', bearer(token()))                        => 'claim',
get('/t', bearer(token()))                           => 'claim',



=== TEST 2: all values must pass, on one line and on several
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $arg_a $arg_b;
gateway_jwt_require $arg_c;
--- cases
get('/t?a=1&b=1&c=1', bearer(token()))               => 'verified',
get('/t?a=0&b=1&c=1', bearer(token()))               => 'claim',
get('/t?a=1&b=0&c=1', bearer(token()))               => 'claim',
get('/t?a=1&b=1&c=0', bearer(token()))               => 'claim',
get('/t?a=1&b=1', bearer(token()))                   => 'claim',



=== TEST 3: a map of a claim
--- http_config
map $gateway_jwt_claim_role $is_admin {
    default 0;
    admin 1;
}
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $is_admin;
--- cases
admin()                                              => 'verified',
guest()                                              => 'claim',
token()                                              => 'claim',



=== TEST 4: variables of claims: nested, a number, a boolean
--- http_config
gateway_jwt_claim_set $level account level;
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $level;
--- cases
token(claims => { account => { level => 3 } })       => 'verified',
token(claims => { account => { level => 'x' } })     => 'verified',
token(claims => { account => { level => ['x'] } })   => 'verified',
token(payload => '{"exp":9999999999,"account":{"level":false}}') => 'verified',
token(claims => { account => { level => 0 } })       => 'claim',
token(claims => { account => { level => '0' } })     => 'claim',
token(claims => { account => { level => '' } })      => 'claim',
token(claims => { account => { level => [] } })      => 'claim',
token(claims => { account => { level => undef } })   => 'claim',
token(claims => { account => [] })                   => 'claim',
token()                                              => 'claim',



=== TEST 5: a value may be text of several variables
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
location /two {
    gateway_jwt_require $arg_a$arg_b;
}
location /text {
    gateway_jwt_require "$arg_a text";
}
--- cases
get('/two?a=1', bearer(token()))                     => 'verified',
get('/two?b=1', bearer(token()))                     => 'verified',
get('/two?a=0&b=0', bearer(token()))                 => 'verified',
get('/two?a=0', bearer(token()))                     => 'claim',
get('/two', bearer(token()))                         => 'claim',
get('/text', bearer(token()))                        => 'verified',



=== TEST 6: error=: 401 by default, 403 without a challenge
--- jwks: es256
--- config
gateway_jwt_key_file ../html/jwks.json;
location /default {
    gateway_jwt r;
    gateway_jwt_require $arg_a;
}
location /401 {
    gateway_jwt r;
    gateway_jwt_require $arg_a error=401;
}
location /403 {
    gateway_jwt r;
    gateway_jwt_require $arg_a error=403;
}
location /both {
    gateway_jwt r;
    gateway_jwt_require $arg_a error=403;
    gateway_jwt_require $arg_b;
}
--- cases
(map { my ($path, $outcome) = @$_;
       (get("$path?a=1", bearer(token()))            => 'verified',
        get($path, bearer(token()))                  => $outcome,
        get("$path?a=1")                             => 'missing') }
     ([ '/default', 'claim' ], [ '/401', 'claim' ],
      [ '/403', refused('claim', code => 403) ])),
get('/both?a=1&b=1', bearer(token()))                => 'verified',
get('/both?b=1', bearer(token()))                    => refused('claim', code => 403),
get('/both?a=1', bearer(token()))                    => 'claim',



=== TEST 7: a location's conditions replace the server's
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $arg_a;
location /own {
    gateway_jwt_require $arg_b;
}
--- cases
get('/t?a=1', bearer(token()))                       => 'verified',
get('/t?b=1', bearer(token()))                       => 'claim',
get('/own?b=1', bearer(token()))                     => 'verified',
get('/own?a=1', bearer(token()))                     => 'claim',



=== TEST 8: optional: not checked without a token, and only then
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_mode optional;
gateway_jwt_require $gateway_jwt_claim_role;
--- cases
get('/t')                                            => granted('absent'),
admin()                                              => 'verified',
token()                                              => 'claim',
token(claims => { exp => 1 })                        => 'expired',



=== TEST 9: checked after the token and after gateway_jwt_require_claim
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $gateway_jwt_claim_role;
gateway_jwt_require_claim sub eq alice error=403;
--- cases
token(claims => { role => 'x', sub => 'alice' })     => 'verified',
token(claims => { sub => 'alice' })                  => 'claim',
token(claims => { sub => 'bob' })                    => refused('claim', code => 403),
token(claims => { exp => 1 })                        => 'expired',
edited(guest(), payload => sub { claims_json({ role => 'x', sub => 'alice' }) })
                                                     => 'bad_signature',



=== TEST 10: gateway_jwt_status is verified while the values are read
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
set $before "$gateway_jwt_status$gateway_consumer";
add_header X-Before "[$before]" always;
gateway_jwt_require $gateway_consumer;
--- cases
token(claims => { sub => 'alice' }) => granted('verified', 'X-Before: []'),
token()                             => 'claim',
