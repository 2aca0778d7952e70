# SPDX-License-Identifier: BSD-2-Clause

# Rules and nginx's own access methods: rules are checked after all of them, and
# an allowed address or a password does not meet them.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use MIME::Base64 qw( encode_base64 );

our $Good = token(claims => { sub => 'acme', scope => 'read' });
our $Poor = token(claims => { sub => 'acme', scope => 'x' });
our $Forged = edited($Good, signature => sub { reverse $_[0] });

sub with {
    my ($token, $password) = @_;

    my $text = '';
    $text .= "X-Token: $token\n" if $token;
    $text .= 'Authorization: Basic '
             . encode_base64("alice:$password", '') . "\n" if $password;
    return $text;
}

our $Htpasswd = ">>> htpasswd\nalice:{PLAIN}right\n";

our $Jwt = <<'END';
    gateway_jwt r token=$http_x_token;
    gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
    gateway_require_scope read;
END

our $Basic = <<'END';
    auth_basic b;
    auth_basic_user_file $TEST_NGINX_HTML_DIR/htpasswd;
END

our $None = '!WWW-Authenticate';
our $Bearer = 'WWW-Authenticate: Bearer realm="r"';
our $Invalid = "$Bearer, error=\"invalid_token\", error_description="
               . '"the signature of the token is not valid"';
our $Scope = 'WWW-Authenticate: Bearer error="insufficient_scope", '
             . 'error_description="the credential lacks a scope that this '
             . 'request requires", scope="read"';

run_tests();

__DATA__

=== TEST 1: satisfy any with an address: it grants access, the rule still applies
--- jwks: es256
--- config eval
"satisfy any; allow 127.0.0.1; deny all; $::Jwt"
. "location /t { empty_gif; }"
--- request eval: [ ("GET /t") x 4 ]
--- more_headers eval
[ map { ::with($_) } $::Good, $::Poor, '', $::Forged ]
--- error_code eval: [ 200, 403, 401, 401 ]
--- response_headers eval: [ $::None, $::Scope, $::Bearer, $::Invalid ]
--- response_body_like eval
[ qr//, '"reason":"insufficient_scope"', ('"reason":"missing"') x 2 ]



=== TEST 2: satisfy any with a denied address
--- jwks: es256
--- config eval
"satisfy any; deny all; $::Jwt location /t { empty_gif; }"
--- request eval: [ ("GET /t") x 3 ]
--- more_headers eval
[ map { ::with($_) } $::Good, $::Poor, '' ]
--- error_code eval: [ 200, 403, 401 ]
--- response_headers eval: [ $::None, $::Scope, $::Bearer ]
--- response_body_like eval
[ qr//, '"reason":"insufficient_scope"', '"reason":"missing"' ]



=== TEST 3: satisfy any with a password, which gives no identity
--- jwks: es256
--- user_files eval: $::Htpasswd
--- config eval
"satisfy any; $::Basic $::Jwt location /t { empty_gif; }"
--- request eval: [ ("GET /t") x 5 ]
--- more_headers eval
[ map { ::with(@$_) } [ $::Good ], [ $::Poor, 'right' ], [ '', 'right' ],
                      [ $::Good, 'wrong' ], [ '', 'wrong' ] ]
--- error_code eval: [ 200, 403, 401, 200, 401 ]
--- response_headers eval
[ $::None, $::Scope, $::Bearer, $::None,
  "WWW-Authenticate: Basic realm=\"b\", Bearer realm=\"r\"" ]



=== TEST 4: satisfy all: a request that ACCESS rejects is not checked for scopes
--- jwks: es256
--- user_files eval: $::Htpasswd
--- config eval
"$::Basic $::Jwt location /t { empty_gif; }
 location /denied { deny all; empty_gif; }"
--- request eval: [ ("GET /t") x 4, "GET /denied" ]
--- more_headers eval
[ map { ::with(@$_) } [ $::Good, 'right' ], [ $::Poor, 'right' ],
                      [ $::Poor, 'wrong' ], [ '', 'right' ],
                      [ $::Poor, 'right' ] ]
--- error_code eval: [ 200, 403, 401, 401, 403 ]
--- response_headers eval
[ $::None, $::Scope, 'WWW-Authenticate: Basic realm="b"', $::Bearer, $::None ]
--- response_body_like eval
[ qr//, '"scope":"read"', '<h1>401', '"reason":"missing"', '<h1>403' ]
--- suppress_stderr



=== TEST 5: auth_request comes first, and its response is final
--- jwks: es256
--- config eval
"$::Jwt
 location /t { auth_request /auth; empty_gif; }
 location = /auth { gateway_require_scope off; return 204; }
 location /refused { auth_request /403; empty_gif; }
 location = /403 { gateway_require_scope off; return 403; }"
--- request eval: [ ("GET /t") x 3, "GET /refused" ]
--- more_headers eval
[ map { ::with($_) } $::Good, $::Poor, '', $::Poor ]
--- error_code eval: [ 200, 403, 401, 403 ]
--- response_headers eval: [ $::None, $::Scope, $::Bearer, $::None ]



=== TEST 6: optional under satisfy any: an allowed address, and an anonymous request
--- jwks: es256
--- config eval
"satisfy any; allow all; $::Jwt gateway_jwt_mode optional;
 location /t { empty_gif; }"
--- request eval: [ ("GET /t") x 3 ]
--- more_headers eval: [ map { ::with($_) } $::Good, $::Poor, '' ]
--- error_code eval: [ 200, 403, 401 ]
--- response_headers eval: [ $::None, $::Scope, $::Bearer ]
