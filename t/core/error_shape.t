# SPDX-License-Identifier: BSD-2-Clause

# Custom error pages: the members of the problem document are available as
# variables, for each module that refuses requests.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

our $Poor = 'Authorization: Bearer '
            . token(claims => { sub => 'alice', scope => 'x' });
our $Consumers = consumers(consumer('acme'));

our $Conf = <<'END';
    gateway_error_format off;
    error_page 401 403 429 @error;
    location @error {
        return 200 "$gateway_problem_title|$gateway_problem_detail|$gateway_problem_reason|$gateway_problem_scope|$gateway_limit_zone|$gateway_limit_retry_after";
    }
    location /jwt { gateway_jwt r;
                    gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
                    gateway_require_scope read write; empty_gif; }
    location /key { gateway_api_key k; empty_gif; }
    location /limit { gateway_limit zone=z; empty_gif; }
    location /open { return 200 "<$gateway_problem_reason>"; }
END

no_root_location();
run_tests();

__DATA__

=== TEST 1: title, detail, reason, scope; the zone and the time of a limit
--- jwks: es256
--- consumers eval: $::Consumers
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/m;
--- config eval: $::Conf
--- request eval
[ "GET /jwt", "GET /jwt", "GET /key", "GET /limit?k=1", "GET /limit?k=1",
  "GET /open" ]
--- more_headers eval
[ '', $::Poor, 'X-API-Key: x', '', '', '' ]
--- error_code eval: [ 401, 403, 401, 200, 429, 200 ]
--- response_body_like eval
[ '\AUnauthorized\|no credential was presented\|missing\|\|\|\z',
  '\AForbidden\|the credential lacks a scope that this request requires'
  . '\|insufficient_scope\|read write\|\|\z',
  '\AUnauthorized\|the API key is not valid\|invalid_key\|\|\|\z', 'GIF',
  '\ARequest cannot be satisfied as assigned quota has been exceeded\|the rate '
  . 'limit is exceeded\|rate_exceeded\|\|z\|(?:59|60)\z', '\A<>\z' ]



=== TEST 2: a proxied page, with a status of its own
--- jwks: es256
--- consumers eval: $::Consumers
--- http_config
gateway_limit_zone $arg_k zone=never:1m rate=0r/d;
--- config
    error_page 401 403 429 = @error;
    location @error {
        gateway_limit off;
        proxy_set_header X-Is "$gateway_problem_reason|$gateway_problem_scope|$gateway_auth_reason";
        rewrite ^ /app break;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT;
    }
    location = /app { return 200 "app $http_x_is"; }
    location /jwt { gateway_jwt r;
                    gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
                    gateway_require_scope read; empty_gif; }
    location /any { satisfy any; deny all; gateway_jwt r;
                    gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
                    empty_gif; }
    location /never { gateway_limit zone=never; empty_gif; }
    location /deny { deny all; empty_gif; }
    location /granted {
        satisfy any; allow all; gateway_jwt r;
        gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
        error_page 404 = @error; root html/none; }
--- request eval: [ map "GET /$_", qw( jwt jwt any never?k=1 deny granted ) ]
--- more_headers eval: [ '', $::Poor, ('') x 4 ]
--- error_code eval: [ (200) x 6 ]
--- response_body eval
[ 'app missing||missing', 'app insufficient_scope|read|insufficient_scope',
  'app missing||missing', 'app rate_exceeded||', 'app ||', 'app ||' ]



=== TEST 3: a page whose location grants: the earlier refusal is dropped
--- jwks: es256
--- consumers eval: $::Consumers
--- config
    location /jwt { gateway_jwt r;
                    gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
                    error_page 401 = @key; empty_gif; }
    location @key { gateway_api_key k;
        proxy_set_header X-Is "$gateway_problem_reason|$gateway_auth_reason";
        rewrite ^ /app break;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT; }
    location = /app { add_header WWW-Authenticate Upstream always;
                      return 401 "app $http_x_is"; }
--- request eval: [ "GET /jwt", "GET /jwt" ]
--- more_headers eval: [ 'X-API-Key: ' . api_key('acme'), '' ]
--- error_code eval: [ 401, 401 ]
--- response_headers eval
[ 'WWW-Authenticate: Upstream',
  'WWW-Authenticate: Key realm="k", Bearer realm="r"' ]
--- response_body_like eval: [ '\Aapp \|\z', '"reason":"missing"' ]



=== TEST 4: a page in the location that has refused
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/m;
gateway_limit_zone $arg_k zone=never:1m rate=0r/d;
--- user_files
>>> own/busy.html
busy
>>> own/never.html
never
--- config
    location /own/ { gateway_limit zone=z; error_page 429 /own/busy.html; }
    location /own/never.html {
        gateway_limit zone=never; gateway_limit_headers off;
        add_header X-Is $gateway_problem_reason always;
        error_page 429 /own/never.html; }
--- request eval
[ "GET /own/busy.html?k=1", "GET /own/busy.html?k=1",
  "POST /own/busy.html?k=1\nx", "GET /own/never.html?k=1" ]
--- more_headers eval: [ '', '', 'Content-Type: application/grpc', '' ]
--- error_code eval: [ 200, 429, 429, 429 ]
--- response_headers eval
[ 'grpc-status: ', 'Content-Type: text/html', 'grpc-status: ',
  'X-Is: rate_exceeded' ]
--- response_body eval: [ "busy\n", "busy\n", "busy\n", "never\n" ]
