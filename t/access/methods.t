# SPDX-License-Identifier: BSD-2-Clause

# gateway_require_scope method=: which rules apply to a request, and that a
# method that no rule lists is rejected.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

our $Jwt = 'gateway_jwt r; gateway_jwt_key_file '
           . '$TEST_NGINX_HTML_DIR/jwks.json;';

# an upstream server that accepts all methods; static files accept only GET

our $Upstream = <<'END';
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / { return 200 "$request_method\n"; }
    }
END

sub location {
    my ($uri, @lines) = @_;
    return "location $uri { proxy_pass http://127.0.0.1:"
           . '$TEST_NGINX_RAND_PORT_1;' . " @lines }\n";
}

sub scoped {
    'Authorization: Bearer '
    . token(claims => { sub => 'acme', scope => $_[0] }) . "\n"
}

our $Refused = '"reason":"method_not_allowed"}';

our $Split = <<'END';
    gateway_require_scope method=GET read;
    gateway_require_scope method=POST,PUT write;
END

our $Both = <<'END';
    gateway_require_scope any;
    gateway_require_scope method=DELETE,POST write;
END

run_tests();

__DATA__

=== TEST 1: a rule applies to the methods that it lists
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval: $::Jwt . ::location('/t', $::Split)
--- request eval
[ map { ("$_ /t") x 2 } qw( GET POST PUT ) ]
--- more_headers eval
[ map { ::scoped($_) } qw( read write  write read  write read ) ]
--- error_code eval: [ 200, 403, 200, 403, 200, 403 ]
--- response_body_like eval
[ '\AGET\n\z', '"scope":"read"', '\APOST\n\z', '"scope":"write"',
  '\APUT\n\z', '"scope":"write"' ]



=== TEST 2: HEAD counts as GET, if a rule lists GET, HEAD or both
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
$::Jwt . ::location('/get', 'gateway_require_scope method=GET read;')
. ::location('/head', 'gateway_require_scope method=HEAD read;')
. ::location('/both', 'gateway_require_scope method=HEAD,GET read;')
. ::location('/post', 'gateway_require_scope method=POST read;')
--- request eval
[ map { ("GET /$_", "HEAD /$_", "HEAD /$_") } qw( get head both post ) ]
--- more_headers eval
[ (map { ::scoped($_) } qw( read read write )) x 4 ]
--- error_code eval: [ (200, 200, 403) x 3, (403) x 3 ]
--- response_headers eval
[ ('!WWW-Authenticate', '!WWW-Authenticate',
   'WWW-Authenticate: Bearer error="insufficient_scope", error_description='
   . '"the credential lacks a scope that this request requires", '
   . 'scope="read"') x 3,
  ('!WWW-Authenticate') x 3 ]



=== TEST 3: a method that no rule lists is rejected, without a challenge
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval: $::Jwt . ::location('/t', $::Split)
--- request eval
[ map { "$_ /t" } qw( DELETE OPTIONS PATCH PROPFIND X GETS GE POST ) ]
--- more_headers eval: ::scoped('read write')
--- error_code eval: [ (403) x 7, 200 ]
--- response_headers eval: [ ('!WWW-Authenticate') x 8 ]
--- response_body_like eval: [ ($::Refused) x 7, 'POST' ]



=== TEST 4: one rule without methods allows every method that has its scopes
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval: $::Jwt . ::location('/t', $::Both)
--- request eval
[ map { "$_ /t" } qw( GET PATCH OPTIONS DELETE POST DELETE POST GET ) ]
--- more_headers eval
[ map { ::scoped($_) } 'any', 'any', 'any', 'any', 'any', 'any write', 'write',
                       'write' ]
--- error_code eval: [ 200, 200, 200, 403, 403, 200, 403, 403 ]
--- response_body_like eval
[ 'GET', 'PATCH', 'OPTIONS', '"scope":"write"', '"scope":"write"', 'DELETE',
  '"scope":"any"', '"scope":"any"' ]



=== TEST 5: missing scopes are those of rules for the request's method
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
$::Jwt . ::location('/t', <<'END')
    gateway_require_scope method=GET a;
    gateway_require_scope method=POST b;
    gateway_require_scope method=GET,POST c;
END
--- request eval: [ "GET /t", "POST /t", "POST /t" ]
--- more_headers eval: [ map { ::scoped($_) } 'x', 'x', 'b' ]
--- error_code eval: [ (403) x 3 ]
--- response_body_like eval
[ '"scope":"a c"', '"scope":"b c"', '"scope":"c"' ]



=== TEST 6: methods that nginx has no number for, and M-SEARCH
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
$::Jwt . ::location('/t', 'gateway_require_scope method=M-SEARCH,PURGE_ALL a;')
--- request eval
[ map { "$_ /t" } qw( M-SEARCH PURGE_ALL PURGE M-SEARCHES ) ]
--- more_headers eval: ::scoped('a')
--- error_code eval: [ 200, 200, 403, 403 ]



=== TEST 7: an anonymous request gets 401, whatever the method
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
"$::Jwt gateway_jwt_mode optional;\n" . ::location('/t', $::Split)
--- request eval: [ map { "$_ /t" } qw( GET DELETE OPTIONS ) ]
--- error_code eval: [ (401) x 3 ]



=== TEST 8: a rule for one method, and a limit_except
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
$::Jwt . ::location('/t', <<'END')
    limit_except GET { gateway_require_scope write; }
END
--- request eval
[ map { "$_ /t" } qw( GET HEAD POST DELETE POST DELETE ) ]
--- more_headers eval
[ map { ::scoped($_) } ('x') x 4, ('write') x 2 ]
--- error_code eval: [ 200, 200, 403, 403, 200, 200 ]
