# SPDX-License-Identifier: BSD-2-Clause

# gateway_jwt_challenge: parameters of Bearer challenges, or no challenge; and a
# challenge that an error page sets itself.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

BEGIN { $Test::Gateway::More = 1 }

our $Poor = token(claims => { sub => 'alice', scope => 'x' });
our $Consumers = consumers(consumer('acme'));

our $Jwt = <<'END';
    gateway_jwt r;
    gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
END

our $Meta = 'resource_metadata="https://a.example/meta"';
our $Set = "gateway_jwt_challenge $Meta;";
our $Bearer = 'WWW-Authenticate: Bearer realm="r"';
our $With = "$Bearer, $Meta";
our $None = '!WWW-Authenticate';
our $Scope = 'error="insufficient_scope", error_description="';

sub location { my ($uri, @lines) = @_; "location $uri { @lines }\n" }

no_root_location();
run_tests();

# --- errors of the configuration

for my $case (
    [ 'realm=x', 'invalid parameter "realm=x" in "gateway_jwt_challenge", the '
                 . 'module sets it itself' ],
    [ 'Error=x', 'invalid parameter "Error=x" in "gateway_jwt_challenge", the '
                 . 'module sets it itself' ],
    [ 'error_description=x', 'the module sets it itself' ],
    [ 'scope=x', 'the module sets it itself' ],
    [ 'a=1 A=2', 'invalid parameter "A=2" in "gateway_jwt_challenge", it is '
                 . 'duplicate' ],
    [ 'a', 'it must be "off" alone or "name=value"' ],
    [ 'off a=1', 'invalid parameter "off" in "gateway_jwt_challenge", it must '
                 . 'be "off" alone or "name=value"' ],
    [ 'a=', 'its value is empty' ], [ 'a=""', 'its value is empty' ],
    [ '=a', 'its name must be a token' ],
    [ '"a b=c"', 'its name must be a token' ],
    [ "\"a=b\tc\"", undef ],
    [ "\"a=b\x01c\"", 'its value has control characters' ],
    [ "\"a=b\nc\"", 'its value has control characters' ],
    [ 'a=$nothing_known', 'unknown variable "$nothing_known" in '
                          . '"gateway_jwt_challenge"' ],
    [ 'a="b c"', 'invalid parameter "a="b" in "gateway_jwt_challenge", its '
                 . 'closing quote is missing, a value with blanks is written as '
                 . q(in 'name="a b"') ],
    [ 'a="', 'its closing quote is missing' ],
    [ 'a="b"c', 'its closing quote is missing' ],
    [ q('a="b c"'), undef ], [ q("a=b c"), undef ], [ 'a=b"', undef ],
    [ CORE::join(' ', map { "a$_=1" } 1 .. 17), 'has more than 16 parameters' ],
    [ CORE::join(' ', map { "a$_=1" } 1 .. 16), undef ],
    [ 'a=1; gateway_jwt_challenge b=2', 'is duplicate' ],
) {
    my ($text, $message) = @$case;
    my ($code, $said) = nginx_t(
        http_conf(port => 1, server => 'gateway_jwt r; gateway_jwt_key_file '
                  . "jwks.json; gateway_jwt_challenge $text;"),
        { 'jwks.json' => jwks('es256') });
    Test::More::ok(defined $message ? $code && index($said, $message) >= 0
                                    : !$code, "nginx -t: $text")
        or Test::More::diag($said);
}

done_testing();

__DATA__

=== TEST 1: parameters, inheritance and off
--- jwks: es256
--- config eval
"$::Jwt $::Set\n"
. ::location('/t', 'empty_gif;')
. ::location('/other', 'gateway_jwt_challenge a=b c=d; empty_gif;')
. ::location('/off', 'gateway_jwt_challenge off; empty_gif; '
             . 'location /off/on { gateway_jwt_challenge x=y; empty_gif; }')
--- request eval: [ map { "GET /$_" } qw( t other off off/on ) ]
--- error_code eval: [ (401) x 4 ]
--- response_headers eval
[ $::With, "$::Bearer, a=\"b\", c=\"d\"", $::None, "$::Bearer, x=\"y\"" ]



=== TEST 2: with an error, and with 403 for a scope, of either directive
--- jwks: es256
--- config eval
"$::Jwt $::Set\n"
. ::location('/bad', 'empty_gif;')
. ::location('/claim', 'gateway_jwt_require_claim scope any read error=403;',
             'empty_gif;')
. ::location('/rule', 'gateway_require_scope read; empty_gif;')
. ::location('/off/claim', 'gateway_jwt_challenge off;',
             'gateway_jwt_require_claim scope any read error=403; empty_gif;')
. ::location('/off/rule', 'gateway_jwt_challenge off;',
             'gateway_require_scope read; empty_gif;')
--- request eval: [ map { "GET /$_" } qw( bad claim rule off/claim off/rule ) ]
--- more_headers eval
[ "Authorization: Bearer x", map { "Authorization: Bearer $::Poor" } 1 .. 4 ]
--- error_code eval: [ 401, (403) x 4 ]
--- response_headers eval
[ "$::Bearer, error=\"invalid_token\", error_description=\"the token is not a "
  . "signed token with a well-formed header\", $::Meta",
  "$::Bearer, $::Scope" . "the claims of the token do not allow this request\""
  . ", scope=\"read\", $::Meta",
  "WWW-Authenticate: Bearer $::Scope" . 'the credential lacks a scope that '
  . "this request requires\", scope=\"read\", $::Meta", $::None, $::None ]



=== TEST 3: a variable cannot leave its quotes, and an empty one is left out
--- jwks: es256
--- config eval
"$::Jwt gateway_jwt_challenge m=https://\$host/meta a=\$arg_a;"
. ::location('/t', 'empty_gif;')
--- request eval
[ 'GET /t?a=b', 'GET /t', 'GET /t?a=b"c\\d,', 'GET /t?a=b"' ]
--- error_code eval: [ (401) x 4 ]
--- response_headers eval
my $host = "$::Bearer, m=\"https://localhost/meta\"";
[ "$host, a=\"b\"", $host, $host . ', a="b\\"c\\\\d,"', $host . ', a="b\\""' ]



=== TEST 4: beside the challenge of a key, and off
--- jwks: es256
--- consumers eval: $::Consumers
--- config eval
"$::Jwt gateway_api_key k; satisfy any;"
. ::location('/t', $::Set, 'empty_gif;')
. ::location('/off', 'gateway_jwt_challenge off; empty_gif;')
--- request eval: [ 'GET /t', 'GET /off' ]
--- error_code eval: [ 401, 401 ]
--- response_headers eval
[ 'WWW-Authenticate: Key realm="k", Bearer realm="r", ' . $::Meta,
  'WWW-Authenticate: Key realm="k"' ]



=== TEST 5: an error page that sets a challenge of its own
--- jwks: es256
--- consumers eval: $::Consumers
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / {
            add_header WWW-Authenticate 'Bearer realm="up"' always;
            return 401;
        }
    }
--- config eval
"$::Jwt $::Set gateway_api_key k; satisfy any;"
. ::location('/own', 'error_page 401 @own; empty_gif;')
. ::location('/proxied', 'error_page 401 @proxied; empty_gif;')
. ::location('/basic', 'error_page 401 @basic; empty_gif;')
. ::location('/list', 'error_page 401 @list; empty_gif;')
. ::location('/quoted', 'error_page 401 @quoted; empty_gif;')
. ::location('/here', q{add_header WWW-Authenticate 'bearer a="b"' always;},
             'empty_gif;')
. ::location('@own', q{add_header WWW-Authenticate 'Bearer x="y"' always;},
             'return 401;')
. ::location('@proxied', 'gateway_jwt off; gateway_api_key off;',
             'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;')
. ::location('@basic', q{add_header WWW-Authenticate 'Basic realm="b"' always;},
             'return 401;')
. ::location('@list', q{add_header WWW-Authenticate
             'Basic realm="b", BEARER x="y", Key realm="z"' always;},
             'return 401;')
. ::location('@quoted', q{add_header WWW-Authenticate
             'Basic realm="b, Bearer "' always;}, 'return 401;')
--- request eval
[ map { "GET /$_" } qw( own proxied basic list quoted here ) ]
--- error_code eval: [ (401) x 6 ]
--- response_headers eval
my $key = 'Key realm="k"';
my $ours = "$key, Bearer realm=\"r\", $::Meta";
[ "WWW-Authenticate: Bearer x=\"y\", $key",
  "WWW-Authenticate: Bearer realm=\"up\", $key",
  "WWW-Authenticate: Basic realm=\"b\", $ours",
  'WWW-Authenticate: Basic realm="b", BEARER x="y", Key realm="z"',
  "WWW-Authenticate: Basic realm=\"b, Bearer \", $ours",
  "WWW-Authenticate: bearer a=\"b\", $key" ]
