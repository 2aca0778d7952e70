# SPDX-License-Identifier: BSD-2-Clause

# If one method refuses a request and another one grants it, the refusal is
# dropped, also for whatever ends the request later.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

our $Consumers = consumers(consumer('acme'));
our $T = token(claims => { sub => 'alice', scope => 'read' });
our $Forged = edited($T, signature => sub { reverse $_[0] });

our $Key = 'X-API-Key: ' . api_key('acme');
our $Bearer = "Authorization: Bearer $T";
our $Bad = "Authorization: Bearer $Forged";

our $Zones = <<'END';
gateway_limit_zone $arg_k zone=z:1m rate=1r/d;
gateway_limit_zone $arg_k zone=slow:1m rate=20r/s;
END

our $Any = <<'END';
satisfy any;
gateway_jwt r;
gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
gateway_api_key k;
add_header X-Is "$gateway_auth_method/$gateway_auth_reason" always;
END

no_root_location();
run_tests();

__DATA__

=== TEST 1: a 429 after a grant: the other method's refusal is not its reason
--- jwks: es256
--- consumers eval: $::Consumers
--- http_config eval: $::Zones
--- config eval
"$::Any location /t { gateway_limit zone=z; empty_gif; }"
--- request eval
[ "GET /t?k=1", "GET /t?k=1", "GET /t?k=2", "GET /t?k=2", "GET /t?k=3",
  "GET /t?k=3", "GET /t?k=3" ]
--- more_headers eval
[ $::Key, $::Key, "$::Key\n$::Bad", "$::Key\n$::Bad", $::Bearer, $::Bearer, '' ]
--- error_code eval: [ 200, 429, 200, 429, 200, 429, 401 ]
--- response_headers eval
[ ('X-Is: api_key/') x 4, ('X-Is: jwt/') x 2, 'X-Is: /missing' ]
--- response_body_like eval
[ qr//, '"reason":"rate_exceeded"', qr//, '"reason":"rate_exceeded"', qr//,
  '"reason":"rate_exceeded"', '"reason":"missing"' ]



=== TEST 2: after a delay, after try_files, and in the error page of the 429
--- jwks: es256
--- consumers eval: $::Consumers
--- http_config eval: $::Zones
--- user_files
>>> page
busy
--- config eval
"$::Any
 location /slow { gateway_limit zone=slow burst=5; gateway_limit zone=z;
                  empty_gif; }
 location /try { gateway_limit off; try_files /none /slow?\$args; }
 location /paged { gateway_limit zone=z; error_page 429 /page; empty_gif; }
 location = /page { gateway_limit off; root html; }"
--- request eval
[ "GET /slow?k=1", "GET /slow?k=1", "GET /try?k=2", "GET /try?k=2",
  "GET /paged?k=3", "GET /paged?k=3" ]
--- more_headers eval: [ ($::Key) x 6 ]
--- error_code eval: [ 200, 429, 200, 429, 200, 429 ]
--- response_headers eval: [ ('X-Is: api_key/') x 6 ]
--- response_body_like eval
[ qr//, '"reason":"rate_exceeded"', qr//, '"reason":"rate_exceeded"', qr//,
  'busy' ]



=== TEST 3: a rule's 403 after a grant has its own reason, and only its challenge
--- jwks: es256
--- consumers eval: $::Consumers
--- http_config eval: $::Zones
--- config eval
"$::Any location /t { gateway_require_scope read; gateway_limit zone=z;
                      empty_gif; }"
--- request eval: [ ("GET /t?k=1") x 3 ]
--- more_headers eval: [ $::Key, $::Bearer, $::Bearer ]
--- error_code eval: [ 403, 200, 429 ]
--- response_headers eval
[ 'X-Is: api_key/insufficient_scope', 'X-Is: jwt/', 'X-Is: jwt/' ]

