# SPDX-License-Identifier: BSD-2-Clause

# An early limit logs before the methods of authentication run, and nginx adds the
# request line: it contains no key and no token.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

our $K = api_key('acme');
our $Consumers = consumers(consumer('acme'));

our $Http = <<'END';
gateway_redis gone { server 127.0.0.1:1; }
gateway_limit_zone $uri zone=none:1m rate=0r/d stage=early;
gateway_limit_zone $uri zone=slow:1m rate=10r/s stage=early;
gateway_limit_zone $uri zone=gone:1m rate=1r/d stage=early redis=gone;
gateway_limit_zone $uri zone=bad:1m rate=$arg_r|1r/s stage=early;
gateway_limit_zone $uri zone=reserve:1m rate=$arg_r|9r/s stage=early;
END

no_root_location();
run_tests();

__DATA__

=== TEST 1: rejected
--- consumers eval: $::Consumers
--- http_config eval: $::Http
--- config
location /t { gateway_api_key r query=k; gateway_limit zone=none; empty_gif; }
--- request eval: "GET /t?k=$::K&a=1"
--- error_code: 429
--- response_body_like: "reason":"rate_exceeded"
--- error_log eval
[ 'gateway_limit: refused with 429', 'request: "GET /t?a=1 HTTP/1.1"' ]
--- no_error_log eval: [ $::K, '?k=' ]



=== TEST 2: would be rejected
--- consumers eval: $::Consumers
--- http_config eval: $::Http
--- config
location /t { gateway_api_key r query=k; gateway_limit zone=none dry_run; empty_gif; }
--- request eval: "GET /t?k=$::K&a=1"
--- error_code: 200
--- error_log eval
[ 'gateway_limit: would be refused by zone "none"',
  'request: "GET /t?a=1 HTTP/1.1"' ]
--- no_error_log eval: [ $::K, '?k=' ]



=== TEST 3: delayed
--- consumers eval: $::Consumers
--- http_config eval: $::Http
--- config
location /t { gateway_api_key r query=k; empty_gif;
              gateway_limit zone=slow burst=5 delay=0 cost=3; }
--- request eval: "GET /t?k=$::K&a=1"
--- error_code: 200
--- error_log eval
[ 'gateway_limit: delayed by', 'request: "GET /t?a=1 HTTP/1.1"' ]
--- no_error_log eval: [ $::K, '?k=' ]



=== TEST 4: decided without Redis
--- consumers eval: $::Consumers
--- http_config eval: $::Http
--- config
location /t { gateway_api_key r query=k; gateway_limit zone=gone; empty_gif; }
--- request eval: "GET /t?k=$::K&a=1"
--- error_code: 200
--- error_log eval
[ 'is decided without redis "gone"', 'request: "GET /t?a=1 HTTP/1.1"' ]
--- no_error_log eval: [ $::K, '?k=' ]



=== TEST 5: invalid values
--- consumers eval: $::Consumers
--- http_config eval: $::Http
--- config
location /t { gateway_api_key r query=k; gateway_limit zone=bad;
              gateway_limit zone=reserve settle reserve=$arg_v|1; empty_gif; }
--- request eval: "GET /t?k=$::K&r=x&v=99"
--- error_code: 429
--- error_log eval
[ qr/zone "bad": the value of .* is invalid/,
  'zone "reserve": the value of "reserve=$arg_v|1" exceeds' ]
--- no_error_log eval: [ $::K, '?k=' ]



=== TEST 6: a token
--- http_config eval: $::Http
--- config
location /t { gateway_jwt r token=$arg_k; 
              gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
              gateway_jwt_hide on; gateway_limit zone=none; empty_gif; }
--- jwks: es256
--- request: GET /t?k=a.b.c&a=1
--- error_code: 429
--- error_log: request: "GET /t?a=1 HTTP/1.1"
--- no_error_log: a.b.c



=== TEST 7: a key that is not hidden is shown
--- consumers eval: $::Consumers
--- http_config eval: $::Http
--- config
location /t { gateway_api_key r query=k; gateway_api_key_hide off;
              gateway_limit zone=none; empty_gif; }
--- request: GET /t?k=none&a=1
--- error_code: 429
--- error_log: "GET /t?k=none&a=1 HTTP/1.1"



=== TEST 8: the request keeps its key: a limit that passes it, and logs
--- consumers eval: $::Consumers
--- http_config eval: $::Http
--- config
location /t { gateway_api_key r query=k; gateway_limit zone=none dry_run;
              add_header X-Is $gateway_consumer; empty_gif; }
--- request eval: "GET /t?k=$::K"
--- error_code: 200
--- response_headers: X-Is: acme
