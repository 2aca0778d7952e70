# An error page with a shape of its own: what the problem document shows is in
# variables, of every module that refuses.

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
  '\ARequest cannot be satisfied as assigned quota has been exceeded\|requests '
  . 'come faster than is allowed\|rate_exceeded\|\|z\|(?:59|60)\z', '\A<>\z' ]
