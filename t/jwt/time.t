# SPDX-License-Identifier: BSD-2-Clause

# When a token is valid: exp, nbf and iat, on both sides of each boundary, and
# values that are not times.
#
# Time passes between the creation of a token and its verdict.  One side of a
# boundary is therefore tested exactly, the other one with a margin of half a
# minute.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Cases;


# claims as JSON text, with times as they are written
sub claims { token(payload => "{$_[0]}") }

sub exp_and { my $rest = join ',', @_; claims('"exp":' . (time + 3600) . ",$rest") }

run_tests();

__DATA__

=== TEST 1: exp: on or after it the token has expired
--- jwks: es256
--- cases
token(claims => { exp => time + 30 })                => 'verified',
token(claims => { exp => time })                     => 'expired',
token(claims => { exp => time - 1 })                 => 'expired',
token(claims => { exp => 0 })                        => 'expired',
token(claims => { exp => -1 })                       => 'expired',



=== TEST 2: nbf: before it the token is not valid yet
--- jwks: es256
--- cases
token(claims => { nbf => time })                     => 'verified',
token(claims => { nbf => 0 })                        => 'verified',
token(claims => { nbf => -1 })                       => 'verified',
token(claims => { nbf => time + 30 })                => 'not_yet_valid',
token(claims => { nbf => time + 86400 })             => 'not_yet_valid',



=== TEST 3: iat is not checked without gateway_jwt_max_age
--- jwks: es256
--- cases
token(claims => { iat => time - 1e9 })               => 'verified',
token(claims => { iat => time + 1e9 })               => 'verified',
token()                                              => 'verified',



=== TEST 4: gateway_jwt_leeway: for exp
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_leeway 60s;
--- cases
token(claims => { exp => time - 30 })                => 'verified',
token(claims => { exp => time - 60 })                => 'expired',
token(claims => { exp => time - 61 })                => 'expired',



=== TEST 5: gateway_jwt_leeway: for nbf
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_leeway 1m;
--- cases
token(claims => { nbf => time + 60 })                => 'verified',
token(claims => { nbf => time + 90 })                => 'not_yet_valid',



=== TEST 6: gateway_jwt_leeway: a location's value replaces the server's
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_leeway 60s;
location /own {
    gateway_jwt_leeway 0;
}
--- cases
get('/t', bearer(token(claims => { exp => time - 20 })))   => 'verified',
get('/own', bearer(token(claims => { exp => time - 20 }))) => 'expired',
get('/own', bearer(token()))                               => 'verified',



=== TEST 7: a token without exp is refused
--- jwks: es256
--- cases
token()                                              => 'verified',
token(claims => { exp => undef })                    => 'no_expiry',
token(claims => { exp => undef, EXP => time + 60 })  => 'no_expiry',
claims('')                                           => 'no_expiry',



=== TEST 8: gateway_jwt_require_exp off: it is accepted, but exp is checked
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require_exp off;
location /on {
    gateway_jwt_require_exp on;
}
--- cases
token(claims => { exp => undef })                    => 'verified',
token(claims => { exp => time + 30 })                => 'verified',
token(claims => { exp => time })                     => 'expired',
claims('"exp":null')                                 => 'malformed_payload',
get('/on', bearer(token(claims => { exp => undef })))  => 'no_expiry',



=== TEST 9: gateway_jwt_max_age: requires an iat, neither too old nor in the future
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_max_age 60s;
--- cases
token(claims => { iat => time })                     => 'verified',
token(claims => { iat => time - 30 })                => 'verified',
token(claims => { iat => time - 61 })                => 'too_old',
token(claims => { iat => 0 })                        => 'too_old',
token(claims => { iat => time + 30 })                => 'not_yet_valid',
token()                                              => 'too_old',



=== TEST 10: gateway_jwt_max_age: with leeway on both sides
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_max_age 1m;
gateway_jwt_leeway 1m;
--- cases
token(claims => { iat => time + 60 })                => 'verified',
token(claims => { iat => time + 90 })                => 'not_yet_valid',
token(claims => { iat => time - 90 })                => 'verified',
token(claims => { iat => time - 121 })               => 'too_old',



=== TEST 11: gateway_jwt_max_age does not replace exp
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_max_age 1h;
--- cases
token(claims => { iat => time })                     => 'verified',
token(claims => { iat => time, exp => time })        => 'expired',
token(claims => { iat => time, exp => undef })       => 'no_expiry',



=== TEST 12: real numbers are times
--- jwks: es256
--- cases
claims('"exp":' . (time + 30) . '.999')              => 'verified',
claims('"exp":' . (time - 1) . '.999')               => 'expired',
claims('"exp":1e10')                                 => 'verified',
claims('"exp":1.5e9')                                => 'expired',
claims('"exp":1e308')                                => 'verified',
claims('"exp":-1e308')                               => 'expired',
claims('"exp":0.1')                                  => 'expired',
exp_and('"nbf":' . (time - 1) . '.999')              => 'verified',
exp_and('"nbf":' . (time + 30) . '.001')             => 'not_yet_valid',
exp_and('"nbf":1e308')                               => 'not_yet_valid',
exp_and('"nbf":-1e308')                              => 'verified',



=== TEST 13: real numbers as iat
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_max_age 60s;
--- cases
exp_and('"iat":' . (time - 30) . '.5')               => 'verified',
exp_and('"iat":' . (time - 62) . '.999')             => 'too_old',
exp_and('"iat":' . (time + 30) . '.5')               => 'not_yet_valid',
exp_and('"iat":1e308')                               => 'not_yet_valid',
exp_and('"iat":-1e308')                              => 'too_old',



=== TEST 14: no sum overflows at the ends of 64 bits
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
location /t { }
location /leeway {
    gateway_jwt_leeway 2147483647s;
}
location /age {
    gateway_jwt_leeway 2147483647s;
    gateway_jwt_max_age 2147483647s;
}
--- cases
map { my ($path, $claims, $outcome) = @$_;
      (get($path, bearer(claims($claims)))           => $outcome) }
    ([ '/t',      '"exp":9223372036854775807',        'verified' ],
     [ '/t',      '"exp":-9223372036854775808',       'expired' ],
     [ '/leeway', '"exp":9223372036854775807',        'verified' ],
     [ '/leeway', '"exp":-9223372036854775808',       'expired' ],
     [ '/leeway', '"exp":1e10,"nbf":9223372036854775807', 'not_yet_valid' ],
     [ '/leeway', '"exp":1e10,"nbf":-9223372036854775808', 'verified' ],
     [ '/age',    '"exp":1e10,"iat":9223372036854775807', 'not_yet_valid' ],
     [ '/age',    '"exp":1e10,"iat":-9223372036854775808', 'too_old' ],
     [ '/age',    '"exp":1e10,"iat":0',               'verified' ])



=== TEST 15: exp, nbf and iat that are not numbers are malformed, not missing
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require_exp off;
--- cases
claims('"exp":9999999999,"nbf":0,"iat":0')           => 'verified',
map { my $claim = $_;
      map { (claims(qq("$claim":$_))                 => 'malformed_payload') }
          '"9999999999"', '""', 'null', 'true', 'false', '[9999999999]', '{}' }
    qw( exp nbf iat )



=== TEST 16: numbers beyond 64 bits or a double are malformed
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require_exp off;
--- cases
map { my $claim = $_;
      map { (claims(qq("$claim":$_))                 => 'malformed_payload') }
          qw( 9223372036854775808 -9223372036854775809 1e400 -1e400
              99999999999999999999999999999999999999 ) }
    qw( exp nbf iat other )



=== TEST 17: numbers that JSON does not have are malformed
--- jwks: es256
--- cases
claims('"exp":9999999999')                           => 'verified',
map { (claims(qq("exp":$_))                          => 'malformed_payload') }
    qw( +9999999999 09999999999 0x9999999999 .5e11 9999999999. NaN Infinity
        -Infinity 9e 9_999_999_999 )



=== TEST 18: times are checked after the signature
--- jwks: es256
--- cases
token(claims => { exp => 1 })                        => 'expired',
edited(token(claims => { exp => 1 }),
       signature => sub { scalar reverse $_ })       => 'bad_signature',
edited(token(claims => { exp => 1 }),
       payload => sub { claims_json() })             => 'bad_signature',
