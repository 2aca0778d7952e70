# SPDX-License-Identifier: BSD-2-Clause

# Rules where requests may be anonymous: optional, dry_run, decoding, and
# gateway_jwt off.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

our $Jwt = 'gateway_jwt r; gateway_jwt_group groups; gateway_jwt_key_file '
           . '$TEST_NGINX_HTML_DIR/jwks.json;';

our $Good = token(claims => { sub => 'acme', scope => 'read',
                              groups => [ 'staff' ] });
our $Poor = token(claims => { sub => 'acme' });
our $Forged = edited($Good, signature => sub { reverse $_[0] });

sub location { my ($uri, @lines) = @_; "location $uri { empty_gif; @lines }\n" }
sub bearers { [ map { $_ ? "Authorization: Bearer $_\n" : '' } @_ ] }

our $Bearer = 'WWW-Authenticate: Bearer realm="r"';
our $None = '!WWW-Authenticate';

run_tests();

__DATA__

=== TEST 1: optional: an anonymous request is rejected, with the challenge of the method
--- jwks: es256
--- config eval
"$::Jwt gateway_jwt_mode optional;\n"
. ::location('/t', 'gateway_require_scope read;')
. ::location('/open', '')
--- request eval: [ ("GET /t") x 4, ("GET /open") x 2 ]
--- more_headers eval
::bearers('', $::Poor, $::Good, $::Forged, '', $::Poor)
--- error_code eval: [ 401, 403, 200, 401, 200, 200 ]
--- response_headers eval
[ $::Bearer,
  'WWW-Authenticate: Bearer error="insufficient_scope", error_description='
  . '"the credential lacks a scope that this request requires", scope="read"',
  $::None,
  "$::Bearer, error=\"invalid_token\", error_description="
  . '"the signature of the token is not valid"',
  $::None, $::None ]



=== TEST 2: optional: omitting the token does not evade a deny list
--- jwks: es256
--- config eval
"$::Jwt gateway_jwt_mode optional;\n"
. ::location('/t', 'gateway_deny_group staff;')
--- request eval: [ ("GET /t") x 3 ]
--- more_headers eval: ::bearers('', $::Good, $::Poor)
--- error_code eval: [ 401, 403, 200 ]
--- response_headers eval: [ $::Bearer, $::None, $::None ]
--- response_body_like eval
[ '"reason":"missing"', '"reason":"group_denied"', qr// ]



=== TEST 3: dry_run: a valid token is checked by rules, an invalid one is anonymous
--- jwks: es256
--- config eval
"$::Jwt gateway_jwt_mode dry_run;\n"
. ::location('/t', 'gateway_require_scope read;')
--- request eval: [ ("GET /t") x 4 ]
--- more_headers eval: ::bearers($::Good, $::Poor, $::Forged, '')
--- error_code eval: [ 200, 403, 401, 401 ]
--- response_headers_like eval
[ '', 'WWW-Authenticate: Bearer error="insufficient_scope".*', '', '' ]
--- response_body_like eval
[ qr//, '"reason":"insufficient_scope"', ('"reason":"missing"') x 2 ]



=== TEST 4: off and decoding give no identity
--- jwks: es256
--- config eval
::location('/off', 'gateway_jwt off; gateway_require_scope read;')
. ::location('/decode', 'gateway_jwt off token=$http_x_token;',
             'gateway_require_scope read;')
--- request eval: [ "GET /off", "GET /decode" ]
--- more_headers eval
my $both = "Authorization: Bearer $::Good\nX-Token: $::Good\n";
[ $both, $both ]
--- error_code eval: [ 401, 401 ]
--- response_headers eval: [ $::None, $::None ]



=== TEST 5: a token without a consumer is an identity without a consumer
--- jwks: es256
--- config eval
$::Jwt . ::location('/scope', 'gateway_require_scope read;')
. ::location('/consumer', 'gateway_require_consumer acme;')
. ::location('/deny', 'gateway_deny_group staff;')
--- request eval: [ map { "GET /$_" } qw( scope consumer deny ) ]
--- more_headers eval
::bearers((::token(claims => { scope => 'read' })) x 3)
--- error_code eval: [ 200, 403, 200 ]
