# SPDX-License-Identifier: BSD-2-Clause

# Internal redirects, implicit locations and subrequests: the location in force
# decides by its own keys and rules, whatever another has decided.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

sub bearers {
    [ map { $_ ? "Authorization: Bearer $_\n" : '' } @_ ]
}

our $Root = 'root $TEST_NGINX_HTML_DIR;';

# a location that returns its name and the identity in X-At

sub at {
    my ($uri, @lines) = @_;
    return "location $uri { $Root add_header X-At '$uri"
           . '|$gateway_jwt_status|$gateway_consumer|$gateway_auth_reason'
           . "' always; @lines }\n";
}

sub key_file { "gateway_jwt_key_file \$TEST_NGINX_HTML_DIR/$_[0].json;" }

our $Jwt = 'gateway_jwt r; ' . key_file('jwks');
our $Optional = "$Jwt gateway_jwt_mode optional;";

our $T = token(claims => { sub => 'alice', scope => 'read' });
our $Forged = edited($T, signature => sub { reverse $_[0] });

# the same name for another key

sub renamed {
    my ($name, $kid) = @_;
    return json({ keys => [ { %{ public_jwk($name) }, kid => $kid } ] });
}

# ways that lead from a location in front to one behind it

our @Ways = qw( try named index error accel rewrite error_named );

sub ways {
    my ($front, $behind) = @_;

    my $accel = 'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;';
    return at('/try', $front, 'try_files /none /behind;')
           . at('/named', $front, 'try_files /none @behind;')
           . at('/index/', $front, 'index behind;')
           . at('= /index/behind', $behind, 'try_files /page =404;')
           . at('/error', $front, 'error_page 404 = /behind;')
           . at('/error_named', $front, 'error_page 404 = @behind;')
           . at('/accel', $front, $accel)
           . at('/rewrite', $front, 'rewrite ^ /behind last;')
           . at('/behind', $behind, 'try_files /page =404;')
           . at('@behind', $behind, 'try_files /page =404;');
}

# /name, which accepts any token, before a location with a rule

sub in_front_of {
    my (%rule) = @_;

    my $text = '';
    for (sort keys %rule) {
        $text .= at("/$_", $Jwt, "try_files /none /$_-behind;")
                 . at("/$_-behind", $Jwt, $rule{$_}, 'empty_gif;');
    }
    return $text;
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

=== TEST 1: optional in front of required: anonymous stops at required
--- jwks: es256
--- user_files eval: $::Files
--- http_config eval: $::Accel
--- config eval: ::ways($::Optional, $::Jwt)
--- request eval: ::all_ways()
--- error_code eval: [ (401) x 7 ]
--- response_headers eval: [ ('WWW-Authenticate: Bearer realm="r"') x 7 ]



=== TEST 2: optional in front of required: a good token passes both
--- jwks: es256
--- user_files eval: $::Files
--- http_config eval: $::Accel
--- config eval: ::ways($::Optional, $::Jwt)
--- request eval: ::all_ways()
--- more_headers eval: ::bearers(($::T) x 7)
--- error_code eval: [ (200) x 7 ]
--- response_headers eval
[ ('X-At: /behind|verified|alice|', 'X-At: @behind|verified|alice|',
   'X-At: = /index/behind|verified|alice|',
   ('X-At: /behind|verified|alice|') x 3, 'X-At: @behind|verified|alice|') ]



=== TEST 3: dry_run, decoding and verify off prove nothing to the next location
--- jwks: es256
--- suppress_stderr
--- config eval
::at('/dry', "$::Jwt gateway_jwt_mode dry_run;", 'try_files /none /behind;')
. ::at('/decode', 'gateway_jwt off token=$http_x_token;',
       'try_files /none /behind;')
. ::at('/verify', 'gateway_jwt r; gateway_jwt_verify off;',
       'try_files /none /behind;')
. ::at('/off', 'gateway_jwt off;', 'try_files /none /behind;')
. ::at('/behind', $::Jwt, 'empty_gif;')
--- request eval: [ map { ("GET /$_") x 2 } qw( dry decode verify off ) ]
--- more_headers eval
[ map { "Authorization: Bearer $_\nX-Token: $_\n" } ($::Forged, $::T) x 4 ]
--- error_code eval: [ (401, 200) x 4 ]
--- response_headers eval
[ ("X-At: /behind|bad_signature||bad_signature",
   "X-At: /behind|verified|alice|") x 4 ]



=== TEST 4: issuer A in front of issuer B: each is judged by its own location
--- user_files eval: [ [ 'a.json', ::jwks('a') ], [ 'b.json', ::jwks('b') ] ]
--- config eval
my $a = 'gateway_jwt a; gateway_jwt_issuer https://a; ' . ::key_file('a');
my $b = 'gateway_jwt b; gateway_jwt_issuer https://b; ' . ::key_file('b');
::at('/a', $a, 'try_files /none /b;') . ::at('/b', $b, 'empty_gif;')
. ::at('/b2', $b, 'try_files /none @a;') . ::at('@a', $a, 'empty_gif;')
. ::at('/a-only', $a, 'empty_gif;')
--- request eval
[ "GET /a", "GET /b", "GET /a", "GET /b2", "GET /b2", "GET /a-only" ]
--- more_headers eval
my $a = ::token(key => 'a', claims => { iss => 'https://a', sub => 'x' });
my $b = ::token(key => 'b', claims => { iss => 'https://b', sub => 'x' });
::bearers($a, $b, $b, $b, $a, $a)
--- error_code eval: [ 401, 200, 401, 401, 401, 200 ]
--- response_headers eval
[ 'X-At: /b|unknown_key||unknown_key', 'X-At: /b|verified|x|',
  'X-At: /a|unknown_key||unknown_key', 'X-At: @a|unknown_key||unknown_key',
  'X-At: /b2|unknown_key||unknown_key', 'X-At: /a-only|verified|x|' ]



=== TEST 5: a signature is valid for the keys that verified it, not for equal kids
--- user_files eval
[ [ 'a.json', ::jwks('a') ], [ 'same.json', ::jwks('a') ],
  [ 'b.json', ::renamed('b', 'a') ] ]
--- config eval
::at('/a', 'gateway_jwt r;', ::key_file('a'), 'try_files /none /b;')
. ::at('/b', 'gateway_jwt r;', ::key_file('b'), 'empty_gif;')
. ::at('/a2', 'gateway_jwt r;', ::key_file('a'), 'try_files /none /same;')
. ::at('/same', 'gateway_jwt r;', ::key_file('same'), 'empty_gif;')
--- request eval: [ "GET /a", "GET /a2" ]
--- more_headers eval
::bearers((::token(key => 'a', claims => { sub => 'x' })) x 2)
--- error_code eval: [ 401, 200 ]
--- response_headers eval
[ 'X-At: /b|bad_signature||bad_signature', 'X-At: /same|verified|x|' ]



=== TEST 6: claims are judged again by the rules of the location in force
--- jwks: es256
--- config eval
::in_front_of(aud => 'gateway_jwt_audience me;',
              claim => 'gateway_jwt_require_claim scope any write error=403;',
              fits => 'gateway_jwt_require_claim scope any read error=403;',
              alg => 'gateway_jwt_algorithms RS256;',
              typ => 'gateway_jwt_typ x;', size => 'gateway_jwt_max_size 10;',
              require => 'gateway_jwt_require $gateway_jwt_claim_nothing;')
--- request eval
[ map { "GET /$_" } qw( aud claim fits alg typ size require ) ]
--- more_headers eval: ::bearers(($::T) x 7)
--- error_code eval: [ 401, 403, 200, 401, 401, 401, 401 ]



=== TEST 7: a location with gateway_jwt off keeps the identity
--- jwks: es256
--- config eval
::at('/on', $::Jwt, 'try_files /none /off;')
. ::at('/named', $::Jwt, 'try_files /none @off;')
. ::at('/off', 'gateway_jwt off;', 'empty_gif;')
. ::at('@off', 'empty_gif;')
--- request eval: [ "GET /on", "GET /named", "GET /off", "GET /on" ]
--- more_headers eval: ::bearers($::T, $::T, $::T, '')
--- error_code eval: [ 200, 200, 200, 401 ]
--- response_headers eval
[ 'X-At: /off|verified|alice|', 'X-At: @off|verified|alice|',
  'X-At: /off|||', 'X-At: /on|absent||missing' ]



=== TEST 8: a public location does not open a protected error page
--- jwks: es256
--- config eval
::at('/open', 'error_page 404 /page;')
. ::at('/page', $::Jwt, 'empty_gif;')
. ::at('/zero', 'error_page 404 =200 /page;')
--- request eval: [ "GET /open", "GET /open", "GET /zero", "GET /zero" ]
--- more_headers eval: ::bearers('', $::T, '', $::T)
--- error_code eval: [ 401, 404, 401, 200 ]
--- response_headers eval
[ 'WWW-Authenticate: Bearer realm="r"', '!WWW-Authenticate',
  'WWW-Authenticate: Bearer realm="r"', '!WWW-Authenticate' ]



=== TEST 9: rewrite runs before ACCESS: only the new location decides
--- jwks: es256
--- config eval
::at('/closed', $::Jwt, 'rewrite ^ /open last;')
. ::at('/open', 'rewrite ^/open/x /strict last;', 'empty_gif;')
. ::at('/strict', $::Jwt, 'empty_gif;')
. ::at('/break', $::Jwt, 'rewrite ^ /open break;', 'empty_gif;')
--- request eval
[ "GET /closed", "GET /open/x", "GET /open/x", "GET /break", "GET /break" ]
--- more_headers eval: ::bearers('', '', $::T, '', $::T)
--- error_code eval: [ 200, 401, 200, 401, 200 ]



=== TEST 10: if is a location, and inherits everything
--- jwks: es256
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / {
        return 200 "$request_uri|$http_x_user|$http_authorization";
    }
}
--- config eval
my $pass = 'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;';
::at('/t', $::Jwt, $pass, 'set $y 1;', <<'END', "if (\$arg_p) { $pass }")
    gateway_jwt_consumer scope;
    gateway_jwt_hide on;
    gateway_jwt_claim_header X-User sub;
    gateway_jwt_require_claim scope eq read error=403;
    if ($arg_if) { set $y 2; }
    if ($arg_h) { add_header X-At "if|$gateway_jwt_status|$gateway_consumer|"; }
END
--- request eval
[ "GET /t", "GET /t?if=1", "GET /t?h=1", "GET /t?p=1",
  ("GET /t?if=1", "GET /t?h=1", "GET /t?p=1") x 3 ]
--- more_headers eval
my $poor = ::token(claims => { sub => 'alice', scope => 'x' });
::bearers(($::T) x 4, ('') x 3, ($::Forged) x 3, ($poor) x 3)
--- error_code eval: [ (200) x 4, (401) x 6, (403) x 3 ]
--- response_body_like eval
[ '/t\|alice\|$', '/t\?if=1\|alice\|$', '/t\?h=1\|alice\|$',
  '/t\?p=1\|alice\|$', ('"missing"') x 3, ('"bad_signature"') x 3,
  ('"claim"') x 3 ]



=== TEST 11: limit_except is a location, inherits, and can replace
--- jwks: es256
--- config eval
::at('/deny', $::Jwt, 'empty_gif; limit_except GET { deny all; }')
. ::at('/mode', $::Jwt, 'empty_gif; limit_except GET { '
       . 'gateway_jwt_mode optional; }')
. ::at('/only', 'empty_gif; limit_except GET {', $::Jwt, '}')
. ::at('/off', $::Jwt, 'empty_gif; limit_except GET { gateway_jwt off; }')
. ::at('/rule', $::Jwt, 'empty_gif; limit_except GET { '
       . 'gateway_jwt_require_claim scope any write error=403; }')
--- request eval
[ "GET /deny", "GET /deny", "PUT /deny", "PUT /deny",
  "GET /mode", "PUT /mode", "GET /only", "PUT /only", "PUT /only",
  "GET /off", "PUT /off", "GET /rule", "PUT /rule" ]
--- more_headers eval
::bearers($::T, '', $::T, '',  '', '',  '', '', $::T,  '', '',  $::T, $::T)
--- error_code eval
[ 200, 401, 403, 401,  401, 405,  200, 401, 405,  401, 405,  200, 403 ]



=== TEST 12: subrequests run no ACCESS, as in nginx
--- jwks: es256
--- user_files
>>> ssi.html
[<!--# include virtual="/protected/part" -->]
>>> protected/part
secret
>>> page
page
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 204; }
}
--- config eval
::at('/protected', $::Jwt)
. ::at('/ssi.html', 'ssi on; ssi_types text/plain;')
. ::at('/page', 'add_before_body /protected/part; addition_types *;')
. ::at('/asks', 'auth_request /auth; try_files /protected/part =404;')
. ::at('/auth', $::Jwt, 'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;')
--- request eval
[ "GET /ssi.html", "GET /page", "GET /asks", "GET /protected/part", "GET /auth" ]
--- error_code eval: [ 200, 200, 200, 401, 401 ]
--- response_body_like eval
[ '\[secret\n\]', 'secret\npage\n', 'secret\n', '"missing"', '"missing"' ]



=== TEST 13: mirror runs no ACCESS, and is not sent for refused requests
--- jwks: es256
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    access_log logs/access.log combined;
    location / { return 204; }
}
--- config eval
::at('/open', 'mirror /copy; empty_gif; access_log off;')
. ::at('/closed', 'mirror /copy; empty_gif; access_log off;', $::Jwt)
. ::at('/copy', 'internal;', $::Jwt, 'access_log off;',
       'proxy_http_version 1.0;',
       'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/copied$request_uri;')
--- request eval
[ "GET /open", "GET /closed?refused", "GET /closed?good" ]
--- more_headers eval: ::bearers('', '', $::T)
--- error_code eval: [ 200, 401, 200 ]
--- access_log
GET /copied/open HTTP/1.0
--- no_access_log
refused



=== TEST 14: a subrequest sees the identity of its main request
--- jwks: es256
--- user_files
>>> ssi.html
[<!--# include virtual="/part" -->]
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$http_x_user"; }
}
--- config eval
::at('/ssi.html', 'ssi on; ssi_types text/plain;', $::Jwt)
. ::at('/part', 'proxy_set_header X-User $gateway_consumer;',
       'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;')
--- request
GET /ssi.html
--- more_headers eval: ::bearers($::T)->[0]
--- response_body_like: ^\[alice\]



=== TEST 15: a URI without "/" is processed by the server: without keys it is refused
--- jwks: es256
--- config eval
"gateway_jwt api; rewrite ^/x/(.*)\$ \$1 last;\n"
. ::at('/', ::key_file('jwks'), 'empty_gif;')
--- request eval: [ ("GET /x/foo", "GET /") x 3 ]
--- more_headers eval: ::bearers($::T, $::T, $::Forged, $::Forged, '', '')
--- error_code eval: [ 401, 200, 401, 401, 401, 401 ]
--- response_headers eval
my $challenge = 'WWW-Authenticate: Bearer realm="api"';
my $error = ', error="invalid_token", error_description="the ';
my $unknown = $challenge . $error . 'key of the token is unknown"';
[ $unknown, '!WWW-Authenticate', $unknown,
  $challenge . $error . 'signature of the token is not valid"',
  $unknown, $challenge ]
--- response_body_like eval
[ '"unknown_key"', 'GIF', '"unknown_key"', '"bad_signature"', '"unknown_key"',
  '"missing"' ]



=== TEST 16: a URI without "/": refused also with keys that two issuers share
--- jwks: es256
--- config eval
"gateway_jwt api; rewrite ^/x/(.*)\$ \$1 last;\n"
. 'gateway_jwt_issuer https://a https://b; ' . ::key_file('jwks') . "\n"
. ::at('/', ::key_file('jwks') =~ s/;/ issuer=https:\/\/a;/r, 'empty_gif;')
--- request eval: [ ("GET /x/foo", "GET /") x 2 ]
--- more_headers eval
::bearers((::token(claims => { sub => 'x', iss => 'https://a' })) x 2,
          (::token(claims => { sub => 'x', iss => 'https://b' })) x 2)
--- error_code eval: [ 401, 200, 401, 401 ]
--- response_body_like eval
[ '"unknown_key"', 'GIF', '"unknown_key"', '"issuer"' ]



=== TEST 17: a URI without "/": anonymous requests are refused, also in optional
--- jwks: es256
--- config eval
"gateway_jwt api; gateway_jwt_mode optional; rewrite ^/x/(.*)\$ \$1 last;\n"
. ::at('/', ::key_file('jwks'), 'empty_gif;')
--- request eval: [ ("GET /x/foo", "GET /") x 2 ]
--- more_headers eval: ::bearers('', '', $::T, $::T)
--- error_code eval: [ 401, 200, 401, 200 ]
--- response_body_like eval
[ '"unknown_key"', 'GIF', '"unknown_key"', 'GIF' ]



=== TEST 18: an error page keeps the challenge, also if its location grants
--- jwks: es256
--- config eval
'gateway_jwt api; ' . ::key_file('jwks') . "\n"
. ::at('/t', 'gateway_jwt_require_claim scope any read error=403;'
             . ' error_page 403 /e;')
. ::at('/e', 'empty_gif;')
--- request
GET /t
--- token eval: ::token(claims => { sub => 'a', scope => 'x' })
--- error_code: 403
--- response_headers_like
WWW-Authenticate: Bearer realm="api", error="insufficient_scope".*scope="read"
