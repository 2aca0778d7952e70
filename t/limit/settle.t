# SPDX-License-Identifier: BSD-2-Clause

# gateway_limit ... settle: the decision charges nothing, and the end of the request
# charges the cost that the response reports.
#
# both passes: a worker settles, and another one finds it in the zone

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

our $Zones = <<'END';
gateway_limit_zone $arg_k zone=g:1m rate=1r/d burst=9;
gateway_limit_zone $arg_k zone=f:1m rate=10r/d algorithm=fixed_window;
gateway_limit_zone $arg_k zone=s:1m rate=10r/d algorithm=sliding_window;
gateway_limit_zone $arg_k zone=q:1m quota=10/month;
server {
    listen unix:$TEST_NGINX_HTML_DIR/o;
    location / { add_header X-Cost $arg_c always; return 200 ok; }
    location /status { add_header X-Cost $arg_c always; return 500; }
}
END

our @All = qw( g f s q );

# for each zone: a request that settles, one with another fallback value, and one
# of cost 0
our $Locations = CORE::join '', map { <<"END" } @All;
    location /$_/ { gateway_limit zone=$_ cost=\$sent_http_x_cost settle;
                    proxy_pass http://unix:\$TEST_NGINX_HTML_DIR/o:/; }
    location /$_/status { gateway_limit zone=$_ cost=\$sent_http_x_cost settle;
                    proxy_pass http://unix:\$TEST_NGINX_HTML_DIR/o:/status; }
    location /free/$_/ { gateway_limit zone=$_ cost=\$sent_http_x_cost|0 settle;
                    proxy_pass http://unix:\$TEST_NGINX_HTML_DIR/o:/; }
    location /plain/$_/ { gateway_limit zone=$_ settle; empty_gif; }
    location /fixed/$_/ { gateway_limit zone=$_ cost=4 settle; empty_gif; }
    location /now/$_/ { gateway_limit zone=$_; empty_gif; }
    location = /look/$_ { gateway_limit zone=$_ cost=0; empty_gif; }
END

sub left { 'X-RateLimit-Remaining: ' . $_[0] }

no_root_location();
run_tests();

__DATA__

=== TEST 1: the cost that the response reports counts for the next request
--- http_config eval: $::Zones
--- config eval: $::Locations
--- request eval
[ map { my $z = $_; map { "GET $_" } "/$z/?k=1&c=3", "/look/$z?k=1", "/$z/?k=1&c=6",
        "/look/$z?k=1", "/$z/?k=1&c=1", "/$z/?k=1&c=1", "/look/$z?k=1",
        "/now/$z/?k=1", "/$z/?k=2&c=1" } @::All ]
--- error_code eval: [ (200, 200, 200, 200, 200, 429, 200, 429, 200) x 4 ]
--- response_headers eval
[ (map { ::left($_) } 10, 7, 7, 1, 1, 0, 0, 0, 10) x 4 ]



=== TEST 2: a missing or invalid cost charges 1, or the fallback value
--- http_config eval: $::Zones
--- config eval: $::Locations
--- request eval
[ map { my $z = $_; map { "GET $_" } "/$z/?k=1", "/look/$z?k=1", "/$z/?k=1&c=x",
        "/look/$z?k=1", "/$z/?k=1&c=-5", "/$z/?k=1&c=1.5", "/look/$z?k=1",
        "/free/$z/?k=1", "/free/$z/?k=1&c=x", "/look/$z?k=1", "/free/$z/?k=1&c=2",
        "/look/$z?k=1", "/$z/?k=1&c=0", "/look/$z?k=1" } @::All ]
--- error_code eval: [ (200) x 56 ]
--- response_headers eval
[ (map { ::left($_) } 10, 9, 9, 8, 8, 7, 6, 6, 6, 6, 6, 4, 4, 4) x 4 ]



=== TEST 3: without cost= it is 1; a number is charged as it is
--- http_config eval: $::Zones
--- config eval: $::Locations
--- request eval
[ map { my $z = $_; map { "GET $_" } "/plain/$z/?k=1", "/look/$z?k=1",
        "/fixed/$z/?k=1", "/look/$z?k=1", "/fixed/$z/?k=1", "/look/$z?k=1",
        "/fixed/$z/?k=1", "/fixed/$z/?k=1", "/look/$z?k=1" } @::All ]
--- error_code eval: [ (200, 200, 200, 200, 200, 200, 200, 429, 429) x 4 ]
--- response_headers eval
[ (map { ::left($_) } 10, 9, 9, 5, 5, 1, 1, 0, 0) x 4 ]



=== TEST 4: an error response costs as well
--- http_config eval: $::Zones
--- config eval: $::Locations
--- request eval: [ map { ("GET /$_/status?k=1&c=4", "GET /look/$_?k=1") } @::All ]
--- error_code eval: [ (500, 200) x 4 ]
--- response_headers eval: [ (::left(10), ::left(6)) x 4 ]



=== TEST 5: a request that another module rejects charges nothing
--- consumers eval: ::consumers(::consumer('acme', groups => [ 'a' ]), ::consumer('beta'))
--- http_config eval
$::Zones . 'gateway_limit_zone $arg_k zone=none:1m rate=0r/d;
gateway_limit_zone $arg_k zone=early:1m rate=1r/d burst=9 stage=early;
limit_req_zone $arg_k zone=core:1m rate=1r/m; limit_req_log_level info;'
--- config eval
$::Locations . '
location /limit { gateway_limit zone=g cost=5 settle; gateway_limit zone=none; empty_gif; }
location /first { gateway_limit zone=none; gateway_limit zone=g cost=5 settle; empty_gif; }
location /early { gateway_limit zone=early cost=5 settle; gateway_limit zone=none; empty_gif; }
location /page { gateway_limit zone=g cost=5 settle; gateway_limit zone=none; error_page 429 /ok?k=$arg_k; empty_gif; }
location /ok { empty_gif; }
location /key { gateway_api_key r; gateway_limit zone=early cost=5 settle; gateway_limit zone=g cost=5 settle; empty_gif; }
location /group { gateway_api_key r; gateway_require_group a; gateway_limit zone=early cost=5 settle; gateway_limit zone=g cost=5 settle; empty_gif; }
location /core { limit_req zone=core; gateway_limit zone=g cost=1 settle; empty_gif; }
location /deny { gateway_limit zone=g cost=5 settle; deny all; }
location /look/early { gateway_limit zone=early cost=0; empty_gif; }'
--- request eval
[ map { "GET /$_?k=1" } qw( limit limit first early page key group look/early look/g
                            key look/early look/g core core look/g deny look/g ) ]
--- more_headers eval
[ ('') x 5, 'X-API-Key: no', 'X-API-Key: ' . ::api_key('beta'), '', '',
  'X-API-Key: ' . ::api_key('acme'), ('') x 7 ]
--- error_code eval
[ (429) x 5, 401, 403, 200, 200, 200, 200, 200, 200, 503, 200, 403, 200 ]
--- response_headers eval
[ ('') x 7, ::left(10), ::left(10), '', ::left(5), ::left(5), '', '', ::left(4), '', ::left(4) ]



=== TEST 6: an early limit charges nothing either if other modules reject
--- http_config
gateway_limit_zone $arg_k zone=early:1m rate=1r/d burst=9 stage=early;
--- config
location /deny { gateway_limit zone=early cost=5 settle; deny all; }
location /basic { gateway_limit zone=early cost=5 settle; auth_basic b;
                  auth_basic_user_file $TEST_NGINX_HTML_DIR/htpasswd; empty_gif; }
location /auth { gateway_limit zone=early cost=5 settle; auth_request /no; empty_gif; }
location /no { return 403; }
location /look { gateway_limit zone=early cost=0; empty_gif; }
--- user_files
>>> htpasswd
u:{PLAIN}p
--- request eval: [ 'GET /deny?k=1', 'GET /look?k=1', 'GET /basic?k=2', 'GET /look?k=2', 'GET /auth?k=3', 'GET /look?k=3' ]
--- error_code eval: [ 403, 200, 401, 200, 403, 200 ]
--- response_headers eval: [ ('', ::left(10)) x 3 ]



=== TEST 7: a debt goes down to one capacity below zero
--- http_config eval
'gateway_limit_headers legacy ietf;' . $::Zones
--- config eval
$::Locations . join '', map { "location = /admin$_ { gateway_limit_admin zone=$_ from=any; }\n" } @::All
--- request eval
[ map { my $z = $_; map { "GET $_" } "/$z/?k=1&c=1000", "/admin$z?zone=$z&key=1",
        "/look/$z?k=1", "/$z/?k=1&c=1", "/$z/?k=2&c=1000000000000",
        "/admin$z?zone=$z&key=2", "/$z/?k=3&c=15", "/admin$z?zone=$z&key=3",
        "/$z/?k=4&c=10", "/look/$z?k=4", "/$z/?k=4&c=10" } @::All ]
--- error_code eval: [ (200, 200, 429, 429, 200, 200, 200, 200, 200, 200, 429) x 4 ]
--- response_body_like eval
[ ('^ok', '"used":20,"remaining":0', 'rate|quota', 'exceeded', '^ok',
   '"used":20,"remaining":0', '^ok', '"used":15,"remaining":0', '^ok', '^GIF',
   'exceeded') x 4 ]



=== TEST 8: a debt of GCRA: the time until it is repaid
--- http_config eval: $::Zones
--- config eval: $::Locations
--- request eval: [ 'GET /g/?k=1&c=1000', 'GET /now/g/?k=1', 'GET /g/?k=2&c=12', 'GET /now/g/?k=2' ]
--- error_code eval: [ 200, 429, 200, 429 ]
--- response_headers eval
[ '', 'X-RateLimit-Remaining: 0', '', 'X-RateLimit-Remaining: 0' ]
--- raw_response_headers_like eval
[ '', '(?s)X-RateLimit-Reset: (?:1728000|1727\d\d\d)\r\n.*Retry-After: (?:950400|950[34]\d\d)\r\n',
  '', '(?s)Retry-After: (?:259200|259[12]\d\d)\r\n' ]



=== TEST 9: several that settle, and one that does not
--- http_config eval: $::Zones
--- config eval
$::Locations . 'location /all { gateway_limit zone=g cost=$sent_http_x_cost settle;
gateway_limit zone=q cost=$sent_http_x_other|2 settle; gateway_limit zone=f;
proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:/; }'
--- request eval: [ 'GET /all?k=1&c=3', map { "GET /look/$_?k=1" } qw( g q f ) ]
--- error_code eval: [ (200) x 4 ]
--- response_headers eval: [ '', ::left(7), ::left(8), ::left(9) ]



=== TEST 10: an internal redirect: once, with the cost of the last response
--- http_config eval
$::Zones . 'server { listen unix:$TEST_NGINX_HTML_DIR/x; location / {
add_header X-Cost 7; add_header X-Accel-Redirect /end?k=1; return 200; } }'
--- config eval
$::Locations . 'location /accel { gateway_limit zone=g cost=$sent_http_x_cost settle;
proxy_pass http://unix:$TEST_NGINX_HTML_DIR/x:/; }
location /try { gateway_limit zone=g cost=$sent_http_x_cost settle; try_files /none /end?k=$arg_k; }
location /end { gateway_limit zone=g cost=$sent_http_x_cost settle; add_header X-Cost 2; empty_gif; }'
--- request eval: [ 'GET /accel?k=1', 'GET /look/g?k=1', 'GET /try?k=2', 'GET /look/g?k=2' ]
--- error_code eval: [ (200) x 4 ]
--- response_headers eval: [ '', ::left(8), '', ::left(8) ]



=== TEST 11: settle with dry_run counts, and rejects nothing
--- http_config eval: $::Zones
--- config eval
$::Locations . 'location /dry { gateway_limit zone=g cost=6 settle dry_run; empty_gif; }'
--- request eval: [ 'GET /dry?k=1', 'GET /look/g?k=1', 'GET /dry?k=1', 'GET /look/g?k=1', 'GET /dry?k=1' ]
--- error_code eval: [ 200, 200, 200, 429, 200 ]
--- response_headers eval: [ '', ::left(4), '', ::left(0), '' ]



=== TEST 12: once, also where subrequests are logged
--- http_config eval: $::Zones
--- config eval
$::Locations . 'log_subrequest on; location /ssi { ssi on; ssi_types *; default_type text/html;
gateway_limit zone=g cost=2 settle; proxy_pass http://127.0.0.1:$server_port/page; }
location /page { default_type text/html; return 200 "<!--# include virtual=\"/part\" --><!--# include virtual=\"/part\" -->"; }
location /part { return 200 part; }'
--- request eval: [ 'GET /ssi?k=1', 'GET /look/g?k=1' ]
--- error_code eval: [ 200, 200 ]
--- response_body_like eval: [ '^partpart', '^GIF' ]
--- response_headers eval: [ '', ::left(8) ]



=== TEST 13: an anonymous request is charged, although it gets an error page
--- consumers eval: ::consumers(::consumer('acme', groups => [ 'a' ]), ::consumer('beta'))
--- http_config eval: $::Zones
--- config eval
$::Locations . 'location /t { gateway_api_key r; gateway_api_key_mode optional; gateway_limit zone=g cost=3 settle;
proxy_intercept_errors on; error_page 500 /page; proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:/status; }
location /page { gateway_api_key r; gateway_api_key_mode optional; gateway_limit off; empty_gif; }
location /must { gateway_api_key r; gateway_limit zone=g cost=3 settle; error_page 401 /page; empty_gif; }'
--- request eval: [ 'GET /t?k=1', 'GET /look/g?k=1', 'GET /must?k=1', 'GET /look/g?k=1' ]
--- error_code eval: [ 500, 200, 401, 200 ]
--- response_headers eval: [ '', ::left(7), '', ::left(7) ]
