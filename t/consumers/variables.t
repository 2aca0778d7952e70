# SPDX-License-Identifier: BSD-2-Clause

# The variables of a consumer: their values, in which phases they are set, and for
# which location.
#
# both passes: workers read consumers from shared memory

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Consumer;

our $File = consumers(
    consumer('acme', groups => [qw( partners beta )], plan => 'gold',
             metadata => { tenant => '42', region_2 => 'eu west', none => '',
                           plan => 'of metadata' },
             keys => [ entry('acme', scopes => [qw( read write )]) ]),
    consumer('plain'));

our $Acme = 'X-API-Key: ' . api_key('acme') . "\n";
our $Plain = 'X-API-Key: ' . api_key('plain') . "\n";
our $Wrong = 'X-API-Key: ' . api_key('nobody') . "\n";
our $T = token(claims => { sub => 'alice' });
our $Bearer = "Authorization: Bearer $T\n";

# all variables in one line, with their names

our $All = 'consumer=$gateway_consumer credential=$gateway_credential '
           . 'groups=$gateway_groups scopes=$gateway_scopes '
           . 'plan=$gateway_plan method=$gateway_auth_method '
           . 'tenant=$gateway_consumer_tenant '
           . 'region=$gateway_consumer_region_2 none=$gateway_consumer_none '
           . 'unknown=$gateway_consumer_unknown '
           . 'mplan=$gateway_consumer_plan';

our $Full = 'consumer=acme credential=acme groups=partners,beta '
            . 'scopes=read write plan=gold method=api_key tenant=42 '
            . 'region=eu west none= unknown= mplan=of metadata';
our $PlainFull = 'consumer=plain credential=plain groups= scopes= plan= '
                 . 'method=api_key tenant= region= none= unknown= mplan=';
our $Empty = 'consumer= credential= groups= scopes= plan= method= tenant= '
             . 'region= none= unknown= mplan=';

# as in the log: an empty value is "-"

sub logged { $_[0] =~ s/=(?= |\z)/=-/gr }

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('consumers', $File) if !defined $block->no_consumers;
    $block->set_value('config', $block->config =~ s/\bALL\b/$All/gr);
    $block->set_value('http_config', ($block->http_config // '')
                      . "log_format all '$All';\n");
});

run_tests();

__DATA__

=== TEST 1: every variable, in a header, in the log and towards the upstream
--- config
location = /t {
    gateway_api_key r;
    proxy_set_header X-All "ALL";
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/back;
}
location = /back { add_header X-Got $http_x_all always; return 204; }
--- request eval: [ ("GET /t") x 3 ]
--- more_headers eval: [ $::Acme, $::Plain, $::Wrong ]
--- error_code eval: [ 204, 204, 401 ]
--- response_headers eval
[ "X-Got: $::Full", "X-Got: $::PlainFull", '!X-Got' ]



=== TEST 2: the log has them, and nothing of a refused key
--- config
location = /t { gateway_api_key r; access_log $TEST_NGINX_HTML_DIR/log.txt all; empty_gif; }
location = /log.txt { root $TEST_NGINX_HTML_DIR; }
--- request eval: [ "GET /t", "GET /t", "GET /t", "GET /log.txt" ]
--- more_headers eval: [ $::Acme, $::Plain, $::Wrong, '' ]
--- error_code eval: [ 200, 200, 401, 200 ]
--- response_body_like eval
[ 'GIF', 'GIF', 'invalid_key',
  '^' . CORE::join('', map { quotemeta(main::logged($_)) . '\n' }
                       $::Full, $::PlainFull, $::Empty) . '$' ]



=== TEST 3: a "set" before ACCESS is empty, what is asked behind it is not
--- config
location = /t {
    gateway_api_key r;
    set $early "<$gateway_consumer|$gateway_plan|$gateway_consumer_tenant>";
    add_header X-Early $early;
    add_header X-Late "<$gateway_consumer|$gateway_plan|$gateway_consumer_tenant>";
    empty_gif;
}
--- request
GET /t
--- more_headers eval: $::Acme
--- response_headers
X-Early: <||>
X-Late: <acme|gold|42>



=== TEST 4: an "if" before ACCESS sees nobody, and spoils nothing
--- config
location = /t {
    gateway_api_key r;
    if ($gateway_plan = gold) { return 500; }
    if ($gateway_consumer_tenant) { return 500; }
    add_header X-Late "<$gateway_plan|$gateway_consumer_tenant>";
    empty_gif;
}
--- request
GET /t
--- more_headers eval: $::Acme
--- response_headers
X-Late: <gold|42>



=== TEST 5: a map that is asked too early keeps what it said, a volatile one does not
--- http_config
map $gateway_plan $kept { default other; gold yes; '' nobody; }
map $gateway_plan $asked { volatile; default other; gold yes; '' nobody; }
map $gateway_consumer_tenant $late { default other; 42 yes; '' nobody; }
--- config
location = /t {
    gateway_api_key r;
    set $early "$kept $asked";
    add_header X-Early $early;
    add_header X-Late "$kept $asked $late";
    empty_gif;
}
--- request eval: [ "GET /t", "GET /t" ]
--- more_headers eval: [ $::Acme, $::Plain ]
--- response_headers eval
[ "X-Early: nobody nobody\nX-Late: nobody yes yes",
  "X-Early: nobody nobody\nX-Late: nobody nobody nobody" ]



=== TEST 6: nginx lower-cases the names of variables
--- config
location = /t {
    gateway_api_key r;
    add_header X-Is "$Gateway_Consumer_TENANT|$GATEWAY_PLAN";
    empty_gif;
}
--- request
GET /t
--- more_headers eval: $::Acme
--- response_headers
X-Is: 42|gold



=== TEST 7: without a consumer of the file there is no metadata
--- jwks: es256
--- config
location = /t {
    gateway_jwt r;
    gateway_jwt_key_file ../html/jwks.json;
    add_header X-All "ALL";
    empty_gif;
}
location = /off { add_header X-All "ALL"; empty_gif; }
--- request eval: [ "GET /t", "GET /off" ]
--- more_headers eval: [ $::Bearer, $::Acme ]
--- response_headers eval
[ "X-All: consumer=alice credential= groups= scopes= plan= method=jwt tenant= "
  . "region= none= unknown= mplan=",
  "X-All: $::Empty" ]



=== TEST 8: a location where another method judges forgets who it was
--- jwks: es256
--- config
add_header X-Is "<$gateway_consumer|$gateway_plan|$gateway_consumer_tenant|$gateway_credential|$gateway_auth_method>" always;
location = /key {
    gateway_api_key r;
    try_files /none /token;
}
location = /named {
    gateway_api_key r;
    try_files /none @token;
}
location = /error {
    gateway_api_key r;
    error_page 404 = /token;
    root $TEST_NGINX_HTML_DIR;
}
location = /token {
    gateway_jwt r;
    gateway_jwt_key_file ../html/jwks.json;
    empty_gif;
}
location @token {
    gateway_jwt r;
    gateway_jwt_key_file ../html/jwks.json;
    empty_gif;
}
location = /back {
    gateway_jwt r;
    gateway_jwt_key_file ../html/jwks.json;
    try_files /none /behind;
}
location = /behind { gateway_api_key r; empty_gif; }
--- request eval
[ map { ("GET $_") x 2 } qw( /key /named /error /back ) ]
--- more_headers eval
[ ($::Acme . $::Bearer, $::Acme) x 3, $::Bearer . $::Acme, $::Bearer ]
--- error_code eval: [ (200, 401) x 4 ]
--- response_headers eval
[ ('X-Is: <alice||||jwt>', 'X-Is: <||||>') x 3,
  'X-Is: <acme|gold|42|acme|api_key>', 'X-Is: <||||>' ]



=== TEST 9: a location where nothing judges keeps who it was
--- config
add_header X-Is "<$gateway_consumer|$gateway_plan|$gateway_consumer_tenant|$gateway_credential>" always;
location = /key {
    gateway_api_key r;
    try_files /none /off;
}
location = /named {
    gateway_api_key r;
    try_files /none @off;
}
location = /off { empty_gif; }
location @off { gateway_api_key off; empty_gif; }
--- request eval: [ "GET /key", "GET /named", "GET /key", "GET /off" ]
--- more_headers eval: [ $::Acme, $::Acme, $::Wrong, $::Acme ]
--- error_code eval: [ 200, 200, 401, 200 ]
--- response_headers eval
[ ('X-Is: <acme|gold|42|acme>') x 2, ('X-Is: <|||>') x 2 ]



=== TEST 10: the same key is judged again behind a redirect
--- config
add_header X-Is "<$gateway_consumer|$gateway_credential>" always;
location = /open { gateway_api_key r; gateway_api_key_mode optional; try_files /none /closed; }
location = /closed { gateway_api_key r; empty_gif; }
--- request eval: [ ("GET /open") x 3 ]
--- more_headers eval: [ $::Acme, $::Wrong, '' ]
--- error_code eval: [ 200, 401, 401 ]
--- response_headers eval
[ 'X-Is: <acme|acme>', 'X-Is: <|>', 'X-Is: <|>' ]



=== TEST 11: subrequests read what the request is
--- config
location = /t {
    gateway_api_key r;
    add_header X-Sub $sub;
    auth_request /sub;
    auth_request_set $sub $upstream_http_x_is;
    empty_gif;
}
location = /sub {
    proxy_set_header X-Is "$gateway_consumer|$gateway_plan|$gateway_consumer_tenant";
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo;
}
location = /echo { add_header X-Is $http_x_is; return 204; }
--- request
GET /t
--- more_headers eval: $::Acme
--- response_headers
X-Sub: acme|gold|42



=== TEST 12: a metadata variable cannot be set
--- no_consumers
--- config
location = /t {
    set $gateway_plan gold;
    empty_gif;
}
--- must_die
--- error_log
the duplicate "gateway_plan" variable



=== TEST 13: without gateway_consumers every variable is there, and empty
--- no_consumers
--- config
location = /t { add_header X-All "ALL"; empty_gif; }
--- request
GET /t
--- more_headers eval: $::Acme
--- response_headers eval: "X-All: $::Empty"
