# SPDX-License-Identifier: BSD-2-Clause

# Internal redirects, implicit locations and subrequests: the rules of each
# location are checked.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

our $Jwt = 'gateway_jwt r; gateway_jwt_key_file '
           . '$TEST_NGINX_HTML_DIR/jwks.json;';
our $Optional = "$Jwt gateway_jwt_mode optional;";
our $Root = 'root $TEST_NGINX_HTML_DIR;';

sub at {
    my ($uri, @lines) = @_;
    return "location $uri { $Root add_header X-At "
           . "'$uri|\$gateway_auth_reason' always; @lines }\n";
}

sub scoped {
    'Authorization: Bearer '
    . token(claims => { sub => 'acme', scope => $_[0] }) . "\n"
}

our $Bearer = 'WWW-Authenticate: Bearer realm="r"';
our $None = '!WWW-Authenticate';

sub challenge {
    return 'WWW-Authenticate: Bearer error="insufficient_scope", '
           . 'error_description="the credential lacks a scope that this '
           . qq(request requires", scope="$_[0]");
}

# internal redirects from one location ("front") to another ("behind")

our @Ways = qw( try named index error accel rewrite error_named );

sub ways {
    my ($front, $behind) = @_;

    return at('/try', $front, 'try_files /none /behind;')
           . at('/named', $front, 'try_files /none @behind;')
           . at('/index/', $front, 'index behind;')
           . at('= /index/behind', $behind, 'try_files /page =404;')
           . at('/error', $front, 'error_page 404 = /behind;')
           . at('/error_named', $front, 'error_page 404 = @behind;')
           . at('/accel', $front,
                'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;')
           . at('/rewrite', $front, 'rewrite ^ /behind last;')
           . at('/behind', $behind, 'try_files /page =404;')
           . at('@behind', $behind, 'try_files /page =404;');
}

our $Accel = <<'END';
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        add_header X-Accel-Redirect /behind;
        location / { return 200; }
    }
END

our $Files = ">>> page\npage\n>>> index/behind\nindex\n";

sub all_ways { [ map { "GET /$_" . ($_ eq 'index' ? '/' : '') } @Ways ] }

no_root_location();
run_tests();

__DATA__

=== TEST 1: no rule in the first location: the rule of the second one decides
--- jwks: es256
--- user_files eval: $::Files
--- http_config eval: $::Accel
--- config eval: $::Jwt . ::ways('', 'gateway_require_scope read;')
--- request eval: ::all_ways()
--- more_headers eval: ::scoped('x')
--- error_code eval: [ (403) x 7 ]
--- response_headers eval: [ (::challenge('read')) x 7 ]



=== TEST 2: and allows a client that has the scope
--- jwks: es256
--- user_files eval: $::Files
--- http_config eval: $::Accel
--- config eval: $::Jwt . ::ways('', 'gateway_require_scope read;')
--- request eval: ::all_ways()
--- more_headers eval: ::scoped('read')
--- error_code eval: [ (200) x 7 ]
--- response_headers eval: [ ($::None) x 7 ]



=== TEST 3: meeting the rule of the first location does not grant the second one
--- jwks: es256
--- user_files eval: $::Files
--- http_config eval: $::Accel
--- config eval
$::Jwt . ::ways('gateway_require_scope read;', 'gateway_require_scope write;')
--- request eval: ::all_ways()
--- more_headers eval: ::scoped('read')
--- error_code eval: [ (403) x 7 ]
--- response_headers eval: [ (::challenge('write')) x 7 ]



=== TEST 4: the rule of the first location rejects, except after a rewrite
--- jwks: es256
--- user_files eval: $::Files
--- http_config eval: $::Accel
--- config eval
$::Jwt . ::ways('gateway_require_scope read;', 'gateway_require_scope write;')
--- request eval: ::all_ways()
--- more_headers eval: ::scoped('write')
--- error_code eval: [ (403) x 5, 200, 403 ]



=== TEST 5: an anonymous request, redirected to a location with a rule
--- jwks: es256
--- user_files eval: $::Files
--- http_config eval: $::Accel
--- config eval
$::Optional . 'gateway_jwt_group groups;' . ::ways('', 'gateway_deny_group bad;')
--- request eval: ::all_ways()
--- error_code eval: [ (401) x 7 ]
--- response_headers eval: [ ($::Bearer) x 7 ]



=== TEST 6: authentication is off in the second location: the first identity is checked
--- jwks: es256
--- user_files eval: $::Files
--- http_config eval: $::Accel
--- config eval
::ways($::Jwt, 'gateway_jwt off; gateway_require_scope read;')
--- request eval: ::all_ways()
--- more_headers eval: ::scoped('read')
--- error_code eval: [ (200) x 5, 401, 200 ]



=== TEST 7: an error page keeps the challenge, also in a location with the same rule
--- jwks: es256
--- config eval
$::Optional . ::at('/t', 'gateway_require_scope read; error_page 401 403 /e;')
. ::at('/same', 'gateway_require_scope read; error_page 401 403 /s;')
. ::at('/named', 'gateway_require_scope read; error_page 401 403 @n;')
. ::at('/e', 'empty_gif;')
. ::at('/s', 'gateway_require_scope read; empty_gif;')
. ::at('@n', 'empty_gif;')
--- request eval
[ ("GET /t") x 3, ("GET /same") x 3, ("GET /named") x 3 ]
--- more_headers eval: [ ('', ::scoped('x'), ::scoped('read')) x 3 ]
--- error_code eval: [ (401, 403, 404) x 3 ]
--- response_headers eval
[ "X-At: /e|missing\nContent-Type: image/gif\n$::Bearer",
  "X-At: /e|insufficient_scope\nContent-Type: image/gif\n"
  . ::challenge('read'),
  "X-At: /t|\n$::None",
  "X-At: /s|missing\nContent-Type: application/problem+json\n$::Bearer",
  "X-At: /s|insufficient_scope\nContent-Type: application/problem+json\n"
  . ::challenge('read'),
  "X-At: /same|\n$::None",
  "X-At: \@n|missing\nContent-Type: image/gif\n$::Bearer",
  "X-At: \@n|insufficient_scope\nContent-Type: image/gif\n"
  . ::challenge('read'),
  "X-At: /named|\n$::None" ]



=== TEST 8: an error page with another status has no challenge
--- jwks: es256
--- config eval
$::Jwt . ::at('/t', 'gateway_require_scope read; error_page 403 =200 /e;')
. ::at('/moved', 'gateway_require_scope read; error_page 403 = @moved;')
. ::at('/e', 'empty_gif;')
. ::at('@moved', 'return 302 http://localhost/login;')
--- request eval: [ "GET /t", "GET /moved" ]
--- more_headers eval: ::scoped('x')
--- error_code eval: [ 200, 302 ]
--- response_headers eval: [ $::None, $::None ]



=== TEST 9: the upstream's own 403, after rules were met
--- jwks: es256
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 403 "the upstream's own\n"; }
}
--- config eval
$::Jwt . ::at('/t', 'gateway_require_scope read;'
              . 'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;')
. ::at('/fallback', 'gateway_require_scope write; error_page 403 = @own;')
. ::at('@own', 'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;')
--- request eval: [ "GET /t", "GET /fallback" ]
--- more_headers eval: ::scoped('read')
--- error_code eval: [ 403, 403 ]
--- response_headers eval: [ $::None, $::None ]
--- response_body eval: [ ("the upstream's own\n") x 2 ]



=== TEST 10: rules check the method that the redirected request has
--- jwks: es256
--- user_files eval: $::Files
--- config eval
$::Jwt . ::at('/t', 'gateway_require_scope method=POST write; '
              . 'error_page 404 =200 /get;')
. ::at('/get', 'gateway_require_scope method=GET read; try_files /page =404;')
. ::at('/named', 'gateway_require_scope method=POST write; '
       . 'error_page 404 =200 @post;')
. ::at('@post', 'gateway_require_scope method=POST write; '
       . 'rewrite ^ /open break; '
       . 'proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT;')
. ::at('/open', 'gateway_jwt off; return 200;')
--- request eval: [ ("POST /t") x 2, "POST /named" ]
--- more_headers eval
[ ::scoped('write read'), ::scoped('write'), ::scoped('write') ]
--- error_code eval: [ 200, 403, 200 ]



=== TEST 11: rules do not apply to subrequests
--- jwks: es256
--- user_files
>>> page.shtml
<!--#include virtual="/part" -->
>>> part
the part
--- config eval
$::Jwt . ::at('= /page.shtml', 'gateway_require_scope read; ssi on; '
              . 'ssi_types *;')
. ::at('= /part', 'gateway_require_scope write;')
--- request eval: [ "GET /page.shtml", "GET /page.shtml", "GET /part" ]
--- more_headers eval
[ ::scoped('read'), ::scoped('write'), ::scoped('read') ]
--- error_code eval: [ 200, 403, 403 ]
--- response_body_like eval
[ 'the part', '"scope":"read"', '"scope":"write"' ]



=== TEST 12: return and rewrite act before the rules
--- jwks: es256
--- suppress_stderr
--- config eval
$::Jwt . ::at('/open', 'gateway_require_scope read; return 200 open;')
. ::at('/t', 'gateway_require_scope read; empty_gif;')
--- request eval: [ "GET /open", "GET /t" ]
--- more_headers eval: [ '', ::scoped('x') ]
--- error_code eval: [ 200, 403 ]



=== TEST 13: an error page that is rejected for another reason has that reason alone
--- jwks: es256
--- config eval
$::Jwt . 'gateway_jwt_group groups;'
. ::at('/group', 'gateway_require_scope read; error_page 403 /g;')
. ::at('/g', 'gateway_require_group g; empty_gif;')
. ::at('/nobody', 'gateway_require_scope read; error_page 403 /n;')
. ::at('/n', 'gateway_jwt n token=$cookie_t; gateway_jwt_mode optional; '
             . 'gateway_require_scope read; empty_gif;')
--- request eval: [ "GET /group", "GET /nobody" ]
--- more_headers eval: ::scoped('x')
--- error_code eval: [ 403, 401 ]
--- response_headers eval
[ "X-At: /g|group_not_allowed\n$::None",
  "X-At: /n|missing\nWWW-Authenticate: Bearer realm=\"n\"" ]
--- response_body_like eval
[ '"reason":"group_not_allowed"\}\n\z', '"reason":"missing"\}\n\z' ]
