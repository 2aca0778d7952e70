# SPDX-License-Identifier: BSD-2-Clause

# A token beside nginx's own access methods: each pair granting and refusing,
# under "satisfy all" and "satisfy any", with the exact challenges.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use MIME::Base64 qw( encode_base64 );

our $Good = token(claims => { sub => 'alice', scope => 'read' });
our $Poor = token(claims => { sub => 'alice', scope => 'none' });
our $Forged = edited($Good, signature => sub { reverse $_[0] });

# sent in another header: Authorization is for auth_basic

sub with {
    my ($token, $password) = @_;

    my $text = '';
    $text .= "X-Token: $token\n" if $token;
    $text .= 'Authorization: Basic '
             . encode_base64("alice:$password", '') . "\n" if $password;
    return $text;
}

our $Htpasswd = ">>> htpasswd\nalice:{PLAIN}right\n";

our $None = '!WWW-Authenticate';
our $Basic = 'WWW-Authenticate: Basic realm="b"';
our $Bearer = 'WWW-Authenticate: Bearer realm="r"';
our $Invalid = $Bearer . ', error="invalid_token", error_description='
               . '"the signature of the token is not valid"';
our $Scope = $Bearer . ', error="insufficient_scope", error_description='
             . '"the claims of the token do not allow this request", '
             . 'scope="read"';

sub also { my ($first, $second) = @_; $second =~ s/.*?: //; "$first, $second" }

our $Jwt = <<'END';
    gateway_jwt r token=$http_x_token;
    gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
    gateway_jwt_require_claim scope any read error=403;
END

our $BasicConf = <<'END';
    auth_basic b;
    auth_basic_user_file $TEST_NGINX_HTML_DIR/htpasswd;
END

# an authorization server, and an upstream that refuses by itself

our $Upstream = <<'END';
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;

        location /auth/204 { return 204; }
        location /auth/401 {
            add_header WWW-Authenticate 'Custom realm="a"' always;
            return 401;
        }
        location /auth/403 { return 403; }

        location /own/401 {
            add_header WWW-Authenticate 'Own realm="u"' always;
            return 401 "the upstream's own 401";
        }
        location /own/403 { return 403 "the upstream's own 403"; }
    }
END

our $AuthServer = <<'END';
    location /auth/ {
        internal;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
END

sub location { my ($uri, @lines) = @_; "location $uri { empty_gif; @lines }\n" }

# one for each value, which stands for "*" in the URI and in the lines

sub locations {
    my ($values, $uri, @lines) = @_;
    my $text = location($uri, @lines);
    return CORE::join q(), map { $text =~ s{\*}{$_}gr } @$values;
}

run_tests();

__DATA__

=== TEST 1: auth_basic, satisfy all: both must grant, the first refusal is sent
--- jwks: es256
--- user_files eval: $::Htpasswd
--- config eval: ::location('/t', "satisfy all;\n", $::Jwt, $::BasicConf)
--- request eval: [ ("GET /t") x 8 ]
--- more_headers eval
[ ::with($::Good, 'right'), ::with($::Good, 'wrong'), ::with($::Good, ''),
  ::with($::Forged, 'right'), ::with('', 'right'), ::with('', ''),
  ::with($::Poor, 'right'), ::with($::Poor, 'wrong') ]
--- error_code eval: [ 200, 401, 401, 401, 401, 401, 403, 403 ]
--- response_headers eval
[ $::None, $::Basic, $::Basic, $::Invalid, $::Bearer, $::Bearer, $::Scope,
  $::Scope ]



=== TEST 2: auth_basic, satisfy any: one is enough, and a 200 has no challenge
--- jwks: es256
--- user_files eval: $::Htpasswd
--- config eval: ::location('/t', "satisfy any;\n", $::Jwt, $::BasicConf)
--- request eval: [ ("GET /t") x 9 ]
--- more_headers eval
[ ::with($::Good, 'right'), ::with($::Good, 'wrong'), ::with($::Good, ''),
  ::with($::Forged, 'right'), ::with('', 'right'), ::with($::Poor, 'right'),
  ::with('', ''), ::with($::Forged, 'wrong'), ::with($::Poor, 'wrong') ]
--- error_code eval: [ 200, 200, 200, 200, 200, 200, 401, 401, 401 ]
--- response_headers eval
[ ($::None) x 6, ::also($::Basic, $::Bearer), ::also($::Basic, $::Invalid),
  $::Basic ]



=== TEST 3: the order of directives does not matter
--- jwks: es256
--- user_files eval: $::Htpasswd
--- config eval: ::location('/t', $::BasicConf, "satisfy any;\n", $::Jwt)
--- request eval: [ ("GET /t") x 4 ]
--- more_headers eval
[ ::with($::Good, ''), ::with('', 'right'), ::with('', ''),
  ::with($::Forged, 'wrong') ]
--- error_code eval: [ 200, 200, 401, 401 ]
--- response_headers eval
[ $::None, $::None, ::also($::Basic, $::Bearer),
  ::also($::Basic, $::Invalid) ]



=== TEST 4: allow and deny, satisfy all: both must grant
--- jwks: es256
--- config eval
::location('/in', "satisfy all; allow 127.0.0.1; deny all;\n", $::Jwt)
. ::location('/out', "satisfy all; deny 127.0.0.1; allow all;\n", $::Jwt)
--- request eval: [ ("GET /in") x 4, ("GET /out") x 4 ]
--- more_headers eval
[ (::with($::Good), ::with(), ::with($::Forged), ::with($::Poor)) x 2 ]
--- error_code eval: [ 200, 401, 401, 403,  403, 401, 401, 403 ]
--- response_headers eval
[ $::None, $::Bearer, $::Invalid, $::Scope,
  $::None, $::Bearer, $::Invalid, $::Scope ]
--- response_body_like eval
[ 'GIF', '"missing"', '"bad_signature"', '"claim"',
  '<h1>403 Forbidden</h1>', '"missing"', '"bad_signature"', '"claim"' ]



=== TEST 5: allow and deny, satisfy any: one is enough
--- jwks: es256
--- config eval
::location('/in', "satisfy any; allow 127.0.0.1; deny all;\n", $::Jwt)
. ::location('/out', "satisfy any; deny 127.0.0.1; allow all;\n", $::Jwt)
--- request eval: [ ("GET /in") x 4, ("GET /out") x 4 ]
--- more_headers eval
[ (::with($::Good), ::with(), ::with($::Forged), ::with($::Poor)) x 2 ]
--- error_code eval: [ 200, 200, 200, 200,  200, 401, 401, 403 ]
--- response_headers eval
[ ($::None) x 4,  $::None, $::Bearer, $::Invalid, $::Scope ]
--- response_body_like eval
[ ('GIF') x 4,  'GIF', '"missing"', '"bad_signature"', '"claim"' ]



=== TEST 6: auth_request, satisfy all: both must grant, its challenge is its own
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
$::AuthServer
. ::locations([ 204, 401, 403 ], '/*', "satisfy all; auth_request /auth/*;\n",
              $::Jwt)
--- request eval
[ map { my $uri = $_; ("GET /$uri") x 4 } 204, 401, 403 ]
--- more_headers eval
[ (::with($::Good), ::with(), ::with($::Forged), ::with($::Poor)) x 3 ]
--- error_code eval
[ 200, 401, 401, 403,  401, 401, 401, 403,  403, 401, 401, 403 ]
--- response_headers eval
[ $::None, $::Bearer, $::Invalid, $::Scope,
  'WWW-Authenticate: Custom realm="a"', $::Bearer, $::Invalid, $::Scope,
  $::None, $::Bearer, $::Invalid, $::Scope ]



=== TEST 7: auth_request, satisfy any: one is enough
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
$::AuthServer
. ::locations([ 204, 401, 403 ], '/*', "satisfy any; auth_request /auth/*;\n",
              $::Jwt)
--- request eval
[ map { my $uri = $_; ("GET /$uri") x 4 } 204, 401, 403 ]
--- more_headers eval
[ (::with($::Good), ::with(), ::with($::Forged), ::with($::Poor)) x 3 ]
--- error_code eval
[ 200, 200, 200, 200,  200, 401, 401, 401,  200, 401, 401, 403 ]
--- response_headers eval
my $custom = 'WWW-Authenticate: Custom realm="a"';
[ ($::None) x 4,
  $::None, ::also($custom, $::Bearer), ::also($custom, $::Invalid), $custom,
  $::None, $::Bearer, $::Invalid, $::Scope ]



=== TEST 8: optional: an anonymous request passes no other method
--- jwks: es256
--- user_files eval: $::Htpasswd
--- config eval
my @mode = ("satisfy *;\n", $::Jwt, "gateway_jwt_mode optional;\n");
::locations([ 'all', 'any' ], '/*/deny', "deny all;\n", @mode)
. ::locations([ 'all', 'any' ], '/*/basic', $::BasicConf, @mode)
. ::locations([ 'all', 'any' ], '/*/alone', @mode)
--- request eval
[ map({ ("GET /$_/deny") x 3 } qw( all any )),
  map({ ("GET /$_/basic") x 3 } qw( all any )),
  map({ ("GET /$_/alone") x 3 } qw( all any )) ]
--- more_headers eval
[ (::with(), ::with($::Good), ::with($::Forged)) x 6 ]
--- error_code eval
[ 403, 403, 401,  403, 200, 401,
  401, 401, 401,  401, 200, 401,
  200, 200, 401,  200, 200, 401 ]
--- response_headers eval
[ $::None, $::None, $::Invalid,    $::None, $::None, $::Invalid,
  $::Basic, $::Basic, $::Invalid,  $::Basic, $::None,
                                   ::also($::Basic, $::Invalid),
  ($::None, $::None, $::Invalid) x 2 ]



=== TEST 9: dry_run: nothing passes another method, nothing is refused
--- jwks: es256
--- user_files eval: $::Htpasswd
--- config eval
my @mode = ("satisfy *;\n", $::Jwt, "gateway_jwt_mode dry_run;\n");
::locations([ 'all', 'any' ], '/*/deny', "deny all;\n", @mode)
. ::locations([ 'all', 'any' ], '/*/basic', $::BasicConf, @mode)
. ::locations([ 'all', 'any' ], '/*/alone', @mode)
--- request eval
[ map({ ("GET /$_/deny") x 3 } qw( all any )),
  map({ ("GET /$_/basic") x 3 } qw( all any )),
  map({ ("GET /$_/alone") x 3 } qw( all any )) ]
--- more_headers eval
[ (::with(), ::with($::Good), ::with($::Forged)) x 6 ]
--- error_code eval
[ (403) x 6, (401) x 6, (200) x 6 ]
--- response_headers eval
[ ($::None) x 6, ($::Basic) x 6, ($::None) x 6 ]



=== TEST 10: off grants nothing, also with a token to decode
--- jwks: es256
--- user_files eval: $::Htpasswd
--- config eval
my $decode = 'gateway_jwt off token=$http_x_token;';
::location('/off', "satisfy any; gateway_jwt off; deny all;\n")
. ::location('/decode', "satisfy any; $decode deny all;\n")
. ::location('/basic', "satisfy any; $decode\n", $::BasicConf)
--- request eval: [ map { ("GET /$_") x 2 } qw( off decode basic ) ]
--- more_headers eval: [ (::with(), ::with($::Good)) x 3 ]
--- error_code eval: [ 403, 403, 403, 403, 401, 401 ]
--- response_headers eval: [ ($::None) x 4, ($::Basic) x 2 ]



=== TEST 11: the upstream's own refusal is unchanged if another method granted
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
"location /own/ { satisfy any; allow all; $::Jwt "
. 'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }'
--- request eval: [ ("GET /own/401") x 4, ("GET /own/403") x 4 ]
--- more_headers eval
[ (::with(), ::with($::Forged), ::with($::Poor), ::with($::Good)) x 2 ]
--- error_code eval: [ (401) x 4, (403) x 4 ]
--- response_headers eval
[ ('WWW-Authenticate: Own realm="u"') x 4, ($::None) x 4 ]
--- response_body eval
[ ("the upstream's own 401") x 4, ("the upstream's own 403") x 4 ]



=== TEST 12: nginx's 403 is nginx's page if another method granted
--- jwks: es256
--- user_files
>>> dir/file
--- config eval
'location /dir/ { root $TEST_NGINX_HTML_DIR; satisfy any; allow all; '
. $::Jwt . '}'
--- request eval: [ ("GET /dir/") x 2, "GET /dir/file" ]
--- more_headers eval: [ ::with($::Poor), ::with(), ::with($::Poor) ]
--- error_code eval: [ 403, 403, 200 ]
--- response_headers eval: [ ("$::None\nContent-Type: text/html") x 2, $::None ]
--- response_body_like eval: [ ('<h1>403 Forbidden</h1>') x 2, '^$' ]



=== TEST 13: the error page of an upstream's 401 gets no challenge
--- jwks: es256
--- user_files eval: "$::Htpasswd>>> err/401.html\nplease log in\n"
--- http_config eval: $::Upstream
--- config eval
<<'END' . $::Jwt . $::BasicConf
    satisfy any;
    proxy_intercept_errors on;
    error_page 401 403 /err/401.html;
    location /own/ { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location /err/ { root $TEST_NGINX_HTML_DIR; }
    location /all/ {
        satisfy all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/own/;
    }
    location /kept/ {
        error_page 401 /open/err/401.html;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/own/;
    }
    location /open/ {
        alias $TEST_NGINX_HTML_DIR/;
        gateway_jwt off;
        auth_basic off;
    }
END
--- request eval
[ ("GET /own/401") x 5, ("GET /own/403") x 2, "GET /all/401",
  ("GET /kept/401") x 3 ]
--- more_headers eval
[ ::with('', 'right'), ::with($::Forged, 'right'), ::with($::Poor, 'right'),
  ::with($::Good, 'wrong'), ::with($::Good, 'right'),
  ::with('', 'right'), ::with($::Good, ''), ::with($::Good, 'right'),
  ::with($::Forged, 'right'), ::with($::Good, ''), ::with($::Forged, '') ]
--- error_code eval: [ (401) x 5, (403) x 2, (401) x 4 ]
--- response_headers eval
my $page = "Content-Type: text/html\nContent-Length: 14\n";
[ ($page . $::None) x 8, ($page . 'WWW-Authenticate: Own realm="u"') x 2,
  $page . ::also($::Basic, $::Invalid) ]
--- response_body eval: [ ("please log in\n") x 11 ]



=== TEST 14: no reason if another method granted
--- jwks: es256
--- user_files eval: $::Htpasswd
--- http_config eval: $::Upstream
--- config eval
my $say = 'add_header X-Reason "<$gateway_auth_reason>" always;' . "\n";
$::AuthServer
. ::location('/any/basic', "satisfy any;\n", $::Jwt, $::BasicConf, $say)
. ::location('/any/ask', "satisfy any; auth_request /auth/204;\n", $::Jwt, $say)
. ::location('/any/deny', "satisfy any; deny all;\n", $::Jwt, $say)
. ::location('/all/basic', "satisfy all;\n", $::Jwt, $::BasicConf, $say)
--- request eval
[ map { ("GET /$_") x 4 } qw( any/basic any/ask any/deny all/basic ) ]
--- more_headers eval
[ (::with('', 'right'), ::with($::Forged, 'right'), ::with($::Poor, 'right'),
   ::with($::Good, 'right')) x 4 ]
--- error_code eval
[ (200) x 8, 401, 401, 403, 200, 401, 401, 403, 200 ]
--- response_headers eval
[ ('X-Reason: <>') x 8,
  (map { "X-Reason: <$_>" } 'missing', 'bad_signature', 'claim', '') x 2 ]
