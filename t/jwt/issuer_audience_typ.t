# SPDX-License-Identifier: BSD-2-Clause

# gateway_jwt_issuer, gateway_jwt_audience and gateway_jwt_typ.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP ();
use Test::Gateway;
use Test::Gateway::Cases;


sub iss { token(claims => { iss => $_[0] }) }

sub aud { token(claims => { aud => $_[0] }) }

sub typ { token(header => { typ => $_[0] }) }

run_tests();

__DATA__

=== TEST 1: without the directives iss, aud and typ may be anything, or absent
--- jwks: es256
--- cases
iss('https://a')                                     => 'verified',
iss([1])                                             => 'verified',
aud({ a => 1 })                                      => 'verified',
typ('whatever')                                      => 'verified',
typ(undef)                                           => 'verified',
token()                                              => 'verified',



=== TEST 2: gateway_jwt_issuer: one of the values, byte for byte
--- jwks: es256
--- config
gateway_jwt_issuer https://a;
location /t {
    gateway_jwt r;
    gateway_jwt_key_file ../html/jwks.json;
}
--- cases
iss('https://a')                                     => 'verified',
iss('https://a/')                                    => 'issuer',
iss('https://A')                                     => 'issuer',
iss('https://')                                      => 'issuer',
iss('https://a b')                                   => 'issuer',
iss('')                                              => 'issuer',
iss(['https://a'])                                   => 'issuer',
iss({ 'https://a' => 1 })                            => 'issuer',
iss(JSON::PP::true())                                => 'issuer',
token(payload => '{"exp":9999999999,"iss":null}')    => 'issuer',
token()                                              => 'issuer',



=== TEST 3: gateway_jwt_issuer: several values, on one line or on several
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json issuer=https://a;
gateway_jwt_key_file ../html/jwks.json issuer=https://b;
gateway_jwt_key_file ../html/jwks.json issuer=https://c;
gateway_jwt_key_file ../html/jwks.json issuer=https://d;
gateway_jwt_issuer https://a https://b;
gateway_jwt_issuer https://c;
--- cases
iss('https://a')                                     => 'verified',
iss('https://b')                                     => 'verified',
iss('https://c')                                     => 'verified',
iss('https://d')                                     => 'issuer',
iss('https://a https://b')                           => 'issuer',



=== TEST 4: gateway_jwt_issuer: a location's values replace the server's
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_issuer https://a;
location /own {
    gateway_jwt_issuer https://b;
}
--- cases
get('/t', bearer(iss('https://a')))                  => 'verified',
get('/t', bearer(iss('https://b')))                  => 'issuer',
get('/own', bearer(iss('https://b')))                => 'verified',
get('/own', bearer(iss('https://a')))                => 'issuer',



=== TEST 5: gateway_jwt_audience: one of its values is one of the token's
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_audience api https://api;
gateway_jwt_audience third;
--- cases
aud('api')                                           => 'verified',
aud('https://api')                                   => 'verified',
aud('third')                                         => 'verified',
aud(['api'])                                         => 'verified',
aud([ 'x', 'third', 'y' ])                           => 'verified',
aud([ 'api', 'third' ])                              => 'verified',
aud('API')                                           => 'audience',
aud('api third')                                     => 'audience',
aud('ap')                                            => 'audience',
aud('apis')                                          => 'audience',
aud([ 'x', 'y' ])                                    => 'audience',
aud([])                                              => 'audience',
aud('')                                              => 'audience',
token()                                              => 'audience',



=== TEST 6: gateway_jwt_audience: an array with anything but strings matches nothing
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_audience api 1;
--- cases
aud([ 'api', '1' ])                                  => 'verified',
aud([ 'api', 1 ])                                    => 'audience',
aud([ 1, 'api' ])                                    => 'audience',
aud([ 'api', ['api'] ])                              => 'audience',
aud([ 'api', {} ])                                   => 'audience',
aud([ 'api', JSON::PP::true() ])                     => 'audience',
aud([ 'api', undef ])                                => 'audience',
aud(1)                                               => 'audience',
aud({ api => 'api' })                                => 'audience',
token(payload => '{"exp":9999999999,"aud":null}')    => 'audience',



=== TEST 7: gateway_jwt_audience: a location's values replace the server's
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_audience a;
location /own {
    gateway_jwt_audience b;
}
--- cases
get('/t', bearer(aud('a')))                          => 'verified',
get('/t', bearer(aud('b')))                          => 'audience',
get('/own', bearer(aud('b')))                        => 'verified',
get('/own', bearer(aud('a')))                        => 'audience',



=== TEST 8: gateway_jwt_typ: case and "application/" are ignored
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_typ at+jwt;
--- cases
typ('at+jwt')                                        => 'verified',
typ('AT+JWT')                                        => 'verified',
typ('application/at+jwt')                            => 'verified',
typ('Application/At+Jwt')                            => 'verified',
typ('JWT')                                           => 'typ',
typ('at+jwt2')                                       => 'typ',
typ('at')                                            => 'typ',
typ('text/at+jwt')                                   => 'typ',
typ('application/application/at+jwt')                => 'typ',
typ('application/at+jwt/x')                          => 'typ',
typ('application/')                                  => 'typ',
typ('')                                              => 'typ',
typ(undef)                                           => 'typ',
typ(1)                                               => 'malformed_header',



=== TEST 9: gateway_jwt_typ: any one of several, with "application/" or without
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_typ application/at+jwt JWT;
location /own {
    gateway_jwt_typ dpop+jwt;
}
--- cases
typ('at+jwt')                                        => 'verified',
typ('application/at+jwt')                            => 'verified',
typ('jwt')                                           => 'verified',
typ('dpop+jwt')                                      => 'typ',
get('/own', bearer(typ('dpop+jwt')))                 => 'verified',
get('/own', bearer(typ('jwt')))                      => 'typ',



=== TEST 10: typ, exp, iss and aud are judged in this order
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_typ at+jwt;
gateway_jwt_issuer https://a;
gateway_jwt_audience api;
--- cases
token(header => { typ => 'x' }, claims => { exp => 1 })        => 'typ',
token(header => { typ => 'at+jwt' }, claims => { exp => 1 })   => 'expired',
token(header => { typ => 'at+jwt' }, claims => { aud => 'x' }) => 'issuer',
token(header => { typ => 'at+jwt' },
      claims => { iss => 'https://a', aud => 'x' })            => 'audience',
token(header => { typ => 'at+jwt' },
      claims => { iss => 'https://a', aud => 'api' })          => 'verified',
