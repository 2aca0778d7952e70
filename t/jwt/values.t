# SPDX-License-Identifier: BSD-2-Clause

# The number of values in an unverified token, on both sides of the limit; values
# that nothing reads are checked as strictly as the others.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

# a payload of n values, two of which are exp and the array

sub payload {
    my ($n, $name, $value) = @_;
    return '{"exp":9999999999,"' . ($name // 'x') . '":['
           . CORE::join(',', ($value // 0) x ($n - 2)) . ']}';
}

sub bearer { "Authorization: Bearer $_[0]\n" }

sub signed_of { bearer(token(payload => payload(@_))) }

# a header of n values, three of which are alg, kid and the array

sub header_of {
    my ($n, $value) = @_;
    return bearer(token(header => '{"alg":"ES256","kid":"es256","x":['
                        . CORE::join(',', ($value // '{}') x ($n - 3)) . ']}'));
}

# a payload of n members, of which iss is the one at the place

sub members_of {
    my ($n, $place) = @_;
    return '{"exp":9999999999,'
           . CORE::join(',', map { $_ == $place ? '"iss":"https://a"'
                                                : "\"m$_\":1" } 1 .. $n - 1)
           . '}';
}

our $Jwt = 'gateway_jwt r; gateway_jwt_key_file '
           . '$TEST_NGINX_HTML_DIR/jwks.json;';

our $Read = 'gateway_jwt_require_claim read absent;';

our @Roles = map { sprintf 'realm-role-%03d', $_ } 0 .. 999;

run_tests();

__DATA__

=== TEST 1: a header of 64 values passes, one of 65 does not
--- jwks: es256
--- config eval
"location /t { $::Jwt empty_gif; } "
. "location /read { $::Jwt empty_gif; add_header X-Say \$gateway_jwt_header_x; }"
--- request eval: [ ("GET /t") x 4, "GET /read", "GET /read" ]
--- more_headers eval
[ (map { ::header_of($_) } 64, 65), ::header_of(64, '-1e-310'),
  ::header_of(65, '[]'), ::header_of(64, '1'), ::header_of(65, '1') ]
--- error_code eval: [ 200, 401, 200, 401, 200, 401 ]
--- response_headers eval
[ ('!X-Say') x 4, 'X-Say: ' . CORE::join(',', (1) x 61), '!X-Say' ]



=== TEST 2: a payload of max_size / 8 values, and of 1,024 at least
--- jwks: es256
--- http_config
large_client_header_buffers 4 32k;
--- config eval
"location /default { $::Jwt $::Read empty_gif; } "
. "location /4k { $::Jwt gateway_jwt_max_size 4k; $::Read empty_gif; } "
. "location /32k { $::Jwt gateway_jwt_max_size 32k; $::Read empty_gif; } "
--- request eval
[ map { ("GET $_") x 4 } qw( /default /4k /32k ) ]
--- more_headers eval
[ map { (::signed_of($_), ::signed_of($_ + 1),
         ::signed_of($_, 'readable'), ::signed_of($_ + 1, 'readable')) }
      2048, 1024, 4096 ]
--- error_code eval: [ (200, 401) x 6 ]
--- response_body_like eval
[ ('GIF', '"reason":"malformed_payload"') x 6 ]



=== TEST 3: the limit in all locations, and in claims that something reads
--- jwks: es256
--- http_config
large_client_header_buffers 4 32k;
--- suppress_stderr
--- config eval
"location /key { $::Jwt empty_gif; add_header X-Say \$gateway_jwt_claim_read; } "
. 'location /issuer { gateway_jwt r; gateway_jwt_key_file '
. '$TEST_NGINX_HTML_DIR/jwks.json issuer=https://a; empty_gif; } '
. 'location /unverified { gateway_jwt r; gateway_jwt_verify off; empty_gif; } '
. 'location /decoded { gateway_jwt off token=$http_t; empty_gif; '
. 'add_header X-Status $gateway_jwt_status always; }'
--- request eval
[ map { ("GET $_") x 2 } qw( /key /issuer /unverified /decoded ) ]
--- more_headers eval
my @payload = map { ::payload($_, 'read', '{}') } 2048, 2049;
my @iss = map { ::payload($_, 'read', '{}') =~ s/\A\{/{"iss":"https:\/\/a",/r }
          2047, 2048;
[ (map { ::bearer(::token(payload => $_)) } @payload, @iss, @payload),
  (map { 'T: ' . ::token(payload => $_) . "\n" } @payload) ]
--- error_code eval: [ (200, 401) x 3, 200, 200 ]
--- response_headers eval
[ ('!X-Status') x 6, 'X-Status: unverified', 'X-Status: malformed_payload' ]



=== TEST 4: a thousand roles pass
--- jwks: es256
--- http_config
large_client_header_buffers 4 32k;
--- config eval
my $size = 'gateway_jwt_max_size 32k;';
"location /last { $::Jwt $size gateway_jwt_require_claim realm_access.roles "
. "all realm-role-000 realm-role-999; empty_gif; } "
. "location /none { $::Jwt $size gateway_jwt_require_claim realm_access.roles "
. "any realm-role-1000; empty_gif; } "
. "location /unread { $::Jwt $size empty_gif; }"
--- request eval: [ "GET /last", "GET /none", "GET /unread" ]
--- more_headers eval
[ (::bearer(::token(claims => { realm_access => { roles => \@::Roles } }))) x 3 ]
--- error_code eval: [ 200, 401, 200 ]
--- response_body_like eval: [ 'GIF', '"reason":"claim"', 'GIF' ]



=== TEST 5: malformed claims that nothing reads are refused
--- jwks: es256
--- config eval: "location /t { $::Jwt empty_gif; }"
--- request eval: [ ("GET /t") x 14 ]
--- more_headers eval
[ map { ::bearer(::token(payload => "{\"exp\":9999999999,$_}")) }
  '"x":1,"y":[1e308,-1e-310,"\u0061\/"]', '"x":1,"\u0078":2', '"\u0065xp":1',
  '"x":{"y":1,"\u0079":2}', '"x":{"y":1,"z":2}', '"x":[1e400]',
  '"x":[99999999999999999999]', '"x":["\ud800"]', qq("x":"\xff"),
  '"x":[01]', '"x":[1,]', '"x":' . '[' x 16 . ']' x 16,
  '"x":' . '[' x 15 . ']' x 15, '"x":["\u0000"]' ]
--- error_code eval
[ 200, 401, 401, 401, 200, (401) x 7, 200, 401 ]



=== TEST 6: alg, kid and typ can have escapes, and may occur only once
--- jwks: es256
--- config eval
"location /t { $::Jwt gateway_jwt_typ 'application/at+jwt'; empty_gif; }"
--- request eval: [ ("GET /t") x 7 ]
--- more_headers eval
[ map { ::bearer(::token(header => $_)) }
  '{"alg":"ES256","kid":"es256","typ":"application\/at+jwt"}',
  '{"\u0061lg":"\u0045S256","k\u0069d":"es\u0032\u003556","t\u0079p":"at+jwt"}',
  '{"\u0061lg":"\u0045S256","k\u0069d":"es\u0032\u00356","t\u0079p":"at+jwt"}',
  '{"alg":"ES256","kid":"es256","typ":"at+jwt","\u0061lg":"none"}',
  '{"alg":"ES256","kid":"es256","typ":"at+jwt","x":1,"\u0078":1}',
  '{"alg":"ES256","kid":"es256","typ":"at+jwt","cr\u0069t":[]}',
  '{"alg":"ES256","kid":"es256","typ":"at+jwt","b\u00364":true}' ]
--- error_code eval: [ 200, 401, 200, 401, 401, 401, 401 ]



=== TEST 7: 256 members pass also before the signature, wherever iss is
--- jwks: es256
--- config eval
"location /t { gateway_jwt r; gateway_jwt_key_file "
. '$TEST_NGINX_HTML_DIR/jwks.json issuer=https://a; empty_gif; }'
--- request eval: [ ("GET /t") x 8 ]
--- more_headers eval
[ map { ::bearer(::token(payload => ::members_of(@$_))) }
  [256, 1], [256, 254], [256, 255], [257, 1], [257, 255], [257, 256],
  [300, 255], [500, 255] ]
--- error_code eval: [ 200, 200, 200, (401) x 5 ]
