# SPDX-License-Identifier: BSD-2-Clause

# A key with a token, and with each of nginx's own access methods: both accept
# or reject, under "satisfy all" and "satisfy any", with the challenges.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use MIME::Base64 qw( encode_base64 );

my $iss = 'https://id.example';

our $Consumers = consumers(
    consumer('acme', groups => [ 'partners' ], plan => 'gold',
             keys => [ entry('acme'), entry('poor', scopes => [ 'b', 'c' ]) ],
             jwt => [ { iss => $iss, sub => 'alice' } ]),
    consumer('beta', groups => [ 'others' ],
             jwt => [ { iss => $iss, sub => 'bob' } ]),
    consumer('gone', disabled => \1,
             jwt => [ { iss => $iss, sub => 'carol' } ]),
);

our %T = map { $_ => token(claims => { iss => $iss, sub => $_,
                                       scope => 'a b' }) }
             qw( alice bob carol dave acme beta );
our $Forged = edited($T{alice}, signature => sub { reverse $_[0] });

# a token, a key and a password, each or none
sub with {
    my ($token, $key, $password) = @_;

    my $text = '';
    $text .= 'X-Token: ' . ($T{$token} // $Forged) . "\n" if $token;
    $text .= 'X-API-Key: ' . api_key($key) . "\n" if $key;
    $text .= 'Authorization: Basic '
             . encode_base64("u:$password", '') . "\n" if $password;
    return $text;
}

our $Htpasswd = [ [ 'htpasswd', "u:{PLAIN}right\n" ] ];

our $None = '!WWW-Authenticate';
our $Basic = 'WWW-Authenticate: Basic realm="b"';
our $Key = 'WWW-Authenticate: Key realm="k"';
our $Bearer = 'WWW-Authenticate: Bearer realm="j"';
our $Invalid = $Bearer . ', error="invalid_token", error_description='
               . '"the signature of the token is not valid"';

sub also { my ($first, $second) = @_; $second =~ s/.*?: //; "$first, $second" }

our $Jwt = 'gateway_jwt j token=$http_x_token;'
           . ' gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;';
our $ApiKey = 'gateway_api_key k;';
our $Say = 'add_header X-Who "$gateway_consumer|$gateway_auth_method|'
           . '$gateway_credential|$gateway_scopes|$gateway_groups|'
           . '$gateway_plan|$gateway_auth_reason" always;';
our $BasicConf = 'auth_basic b;'
                 . ' auth_basic_user_file $TEST_NGINX_HTML_DIR/htpasswd;';

sub location { my ($uri, @lines) = @_; "location $uri { empty_gif; $Say @lines }\n" }

no_root_location();
run_tests();

__DATA__

=== TEST 1: satisfy all: a key and a token of the same consumer
--- jwks: es256
--- consumers eval: $::Consumers
--- config eval: ::location('/', $::Jwt, $::ApiKey)
--- request eval: [ ('GET /') x 3 ]
--- more_headers eval
[ ::with('alice', 'acme'), ::with('alice', 'poor'), ::with('dave', 'poor') ]
--- error_code eval: [ 200, 200, 200 ]
--- response_headers eval
[ 'X-Who: acme|jwt|acme|a b|partners|gold|',
  'X-Who: acme|jwt|poor|b|partners|gold|',
  'X-Who: acme|api_key|poor|b|partners|gold|' ]



=== TEST 2: satisfy all: different consumers get 403 without a challenge
--- jwks: es256
--- consumers eval: $::Consumers
--- config eval: ::location('/', $::Jwt, $::ApiKey)
--- request
GET /
--- more_headers eval: ::with('bob', 'acme')
--- error_code: 403
--- response_headers
!WWW-Authenticate
Content-Type: application/problem+json
X-Who: beta|jwt||a b|others||consumer_conflict
--- response_body
{"type":"about:blank","title":"Forbidden","status":403,"detail":"the credentials name different consumers","reason":"consumer_conflict"}
--- error_log
gateway_api_key: refused with 403, reason "consumer_conflict", key "acme"



=== TEST 3: satisfy all: one of the two is not enough
--- jwks: es256
--- consumers eval: $::Consumers
--- config eval: ::location('/', $::Jwt, $::ApiKey)
--- request eval: [ ('GET /') x 6 ]
--- more_headers eval
[ ::with(), ::with('alice'), ::with('', 'acme'), ::with('forged', 'acme'),
  ::with('alice', 'stranger'), ::with('carol', 'acme') ]
--- error_code eval: [ (401) x 5, 403 ]
--- response_headers eval
[ "$::Bearer\nX-Who: ||||||missing",
  "$::Key\nX-Who: acme|jwt||a b|partners|gold|missing",
  "$::Bearer\nX-Who: ||||||missing", "$::Invalid\nX-Who: ||||||bad_signature",
  "$::Key\nX-Who: acme|jwt||a b|partners|gold|unknown_key",
  "$::None\nX-Who: ||||||disabled" ]



=== TEST 4: satisfy any: one of the two is enough, and the challenges of both
--- jwks: es256
--- consumers eval: $::Consumers
--- config eval: ::location('/', 'satisfy any;', $::Jwt, $::ApiKey)
--- request eval: [ ('GET /') x 9 ]
--- more_headers eval
[ ::with('alice'), ::with('', 'acme'), ::with('alice', 'stranger'),
  ::with('forged', 'poor'), ::with('carol', 'acme'), ::with('bob', 'acme'),
  ::with(), ::with('forged', ''), ::with('', 'stranger') ]
--- error_code eval: [ (200) x 6, (401) x 3 ]
--- response_headers eval
[ "$::None\nX-Who: acme|jwt||a b|partners|gold|",
  "$::None\nX-Who: acme|api_key|acme||partners|gold|",
  "$::None\nX-Who: acme|jwt||a b|partners|gold|",
  "$::None\nX-Who: acme|api_key|poor|b c|partners|gold|",
  "$::None\nX-Who: acme|api_key|acme||partners|gold|",
  "$::None\nX-Who: beta|jwt||a b|others||",
  ::also($::Key, $::Bearer), ::also($::Key, $::Invalid),
  ::also($::Key, $::Bearer) ]



=== TEST 5: a token whose sub equals the id of a consumer is not that consumer
--- jwks: es256
--- consumers eval: $::Consumers
--- config eval
::location('/', $::Jwt) . ::location('/named', $::Jwt,
                                     'gateway_jwt_consumer sub;')
. ::location('/both', $::Jwt, $::ApiKey)
--- request eval: [ 'GET /', 'GET /named', 'GET /named', 'GET /both' ]
--- more_headers eval
[ ::with('acme'), ::with('acme'), ::with('beta'), ::with('acme', 'acme') ]
--- error_code eval: [ 403, 200, 200, 403 ]
--- response_headers eval
[ 'X-Who: ||||||consumer_conflict', 'X-Who: acme|jwt||a b|partners|gold|',
  'X-Who: beta|jwt||a b|others||', 'X-Who: ||||||consumer_conflict' ]



=== TEST 6: auth_basic: all and any
--- consumers eval: $::Consumers
--- user_files eval: $::Htpasswd
--- config eval
::location('/all', 'satisfy all;', $::BasicConf, $::ApiKey)
. ::location('/any', 'satisfy any;', $::BasicConf, $::ApiKey)
--- request eval: [ map { ("GET /$_") x 6 } qw( all any ) ]
--- more_headers eval
[ (::with('', 'acme', 'right'), ::with('', 'acme', 'wrong'),
   ::with('', 'acme'), ::with('', 'stranger', 'right'),
   ::with('', '', 'right'), ::with('', 'stranger', 'wrong')) x 2 ]
--- error_code eval: [ 200, (401) x 5,  (200) x 5, 401 ]
--- response_headers eval
[ $::None, $::Basic, $::Basic, $::Key, $::Key, $::Key,
  ($::None) x 5, ::also($::Basic, $::Key) ]



=== TEST 7: Basic is no key if Bearer is a source
--- consumers eval: $::Consumers
--- user_files eval: $::Htpasswd
--- config eval
::location('/', 'satisfy any;', $::BasicConf, 'gateway_api_key k bearer;')
--- request eval: [ ('GET /') x 3 ]
--- more_headers eval
[ ::with('', '', 'right'), 'Authorization: Bearer ' . ::api_key('acme'),
  ::with('', '', 'wrong') ]
--- error_code eval: [ 200, 200, 401 ]
--- response_headers eval
[ "$::None\nX-Who: ||||||", "$::None\nX-Who: acme|api_key|acme||partners|gold|",
  ::also($::Basic, 'WWW-Authenticate: Bearer realm="k"') ]



=== TEST 8: allow and deny: all and any
--- consumers eval: $::Consumers
--- config eval
::location('/all/in', 'satisfy all; allow 127.0.0.1; deny all;', $::ApiKey)
. ::location('/all/out', 'satisfy all; deny all;', $::ApiKey)
. ::location('/any/in', 'satisfy any; allow 127.0.0.1; deny all;', $::ApiKey)
. ::location('/any/out', 'satisfy any; deny all;', $::ApiKey)
--- request eval
[ map { ("GET /$_") x 3 } qw( all/in all/out any/in any/out ) ]
--- more_headers eval
[ (::with('', 'acme'), ::with(), ::with('', 'stranger')) x 4 ]
--- error_code eval
[ 200, 401, 401,  403, 401, 401,  200, 200, 200,  200, 401, 401 ]
--- response_headers eval
my $acme = 'X-Who: acme|api_key|acme||partners|gold|';
[ $acme, $::Key, $::Key,  $::None, $::Key, $::Key,
  $acme, ('X-Who: ||||||') x 2,  $acme, $::Key, $::Key ]



=== TEST 9: auth_request: all and any
--- consumers eval: $::Consumers
--- config eval
"location = /yes { internal; return 204; }\n"
. "location = /no { internal; return 401; }\n"
. ::location('/all/yes', 'satisfy all; auth_request /yes;', $::ApiKey)
. ::location('/all/no', 'satisfy all; auth_request /no;', $::ApiKey)
. ::location('/any/yes', 'satisfy any; auth_request /yes;', $::ApiKey)
. ::location('/any/no', 'satisfy any; auth_request /no;', $::ApiKey)
--- request eval
[ map { ("GET /$_") x 3 } qw( all/yes all/no any/yes any/no ) ]
--- more_headers eval
[ (::with('', 'acme'), ::with(), ::with('', 'stranger')) x 4 ]
--- error_code eval
[ 200, 401, 401,  401, 401, 401,  200, 200, 200,  200, 401, 401 ]



=== TEST 10: optional and dry_run do not evade another method
--- consumers eval: $::Consumers
--- config eval
my @lines = ($::ApiKey, 'deny all; gateway_api_key_mode');
join '', map { my $way = $_; map {
    ::location("/$way/$_", "satisfy $way;", @lines, "$_;")
} qw( optional dry_run ) } qw( all any )
--- request eval
[ map { my $way = $_; map { ("GET /$way/$_") x 3 } qw( optional dry_run ) }
  qw( all any ) ]
--- more_headers eval
[ (::with(), ::with('', 'acme'), ::with('', 'stranger')) x 4 ]
--- error_code eval
[ 403, 403, 401,  403, 403, 403,  403, 200, 401,  403, 403, 403 ]



=== TEST 11: off grants nothing
--- consumers eval: $::Consumers
--- config eval
::location('/', 'satisfy any; deny all; gateway_api_key off;')
--- request eval: [ ('GET /') x 2 ]
--- more_headers eval: [ ::with(), ::with('', 'acme') ]
--- error_code eval: [ 403, 403 ]



=== TEST 12: a key in dry_run with a required token, and the other way round
--- jwks: es256
--- consumers eval: $::Consumers
--- config eval
::location('/key', $::Jwt, $::ApiKey, 'gateway_api_key_mode dry_run;')
. ::location('/token', $::Jwt, $::ApiKey, 'gateway_jwt_mode dry_run;')
--- request eval: [ ('GET /key') x 3, ('GET /token') x 3 ]
--- more_headers eval
[ ::with('alice', 'stranger'), ::with('bob', 'acme'), ::with('', 'acme'),
  ::with('forged', 'acme'), ::with('bob', 'acme'), ::with('alice', '') ]
--- error_code eval: [ 200, 200, 401,  200, 200, 401 ]
--- response_headers eval
[ 'X-Who: acme|jwt||a b|partners|gold|unknown_key',
  'X-Who: beta|jwt||a b|others||', $::Bearer,
  'X-Who: acme|api_key|acme||partners|gold|bad_signature',
  'X-Who: acme|api_key|acme||partners|gold|', $::Key ]



=== TEST 13: a token grants access, a rule rejects: the key is hidden
--- jwks: es256
--- consumers eval: $::Consumers
--- config eval
::location('/', 'satisfy any; gateway_require_scope x;', $::Jwt,
           'gateway_api_key k query=k;', 'add_header X-Uri $request_uri always;',
           'add_header X-Request "$request" always;')
--- request eval: [ ('GET /?k=' . api_key('acme') . '&a=1') x 2 ]
--- more_headers eval: [ ::with('alice'), ::with('forged') ]
--- error_code eval: [ 403, 403 ]
--- response_headers eval
[ ("X-Uri: /?a=1\nX-Request: GET /?a=1 HTTP/1.1") x 2 ]
--- no_error_log eval: substr main::api_key('acme'), -49
