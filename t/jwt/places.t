# SPDX-License-Identifier: BSD-2-Clause

# A token in one of several places: "token=" written several times, tokens with
# their scheme in a header, duplicates, hiding.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Cases;
use Test::Gateway::Echo;

our $token = token(claims => { exp => 4102444800 });
our $other = token(claims => { exp => 4102444800, sub => 'other' });
our $forged = edited($token, signature => sub { reverse $_[0] });

our $Keys = 'gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;';

# Authorization, a header, a cookie and an argument
our $Places = 'token=$http_authorization token=$http_x_token '
              . 'token=$cookie_tok token=$arg_tok';

sub location { my ($uri, @lines) = @_; "location $uri { $Keys @lines }\n" }

# a request that carries these values in these places

sub sent {
    my ($path, %in) = @_;

    my @lines;
    push @lines, "Authorization: $in{bearer}" if defined $in{bearer};
    push @lines, "X-Token: $in{header}" if defined $in{header};
    push @lines, "Cookie: a=1; tok=$in{cookie}; b=2" if defined $in{cookie};
    return get($path . (defined $in{arg} ? "?a=1&tok=$in{arg}&b=2" : ''),
               @lines);
}

sub one_of {
    my ($path, $value) = @_;
    return map { sent($path, $_ => $_ eq 'bearer' ? "Bearer $value" : $value) }
               qw( bearer header cookie arg );
}

# each two of the four places, the one with $first and the other with $second

sub two_of {
    my ($path, $first, $second) = @_;

    my @places = qw( bearer header cookie arg );
    my @found;
    for my $one (@places) {
        for my $two (grep { $_ ne $one } @places) {
            my %in = ($one => $first, $two => $second);
            $in{bearer} = "Bearer $in{bearer}" if defined $in{bearer};
            push @found, sent($path, %in);
        }
    }
    return @found;
}

$Test::Gateway::More = 1;
run_tests();


# --- what is logged of a request that is refused

my $server = start_nginx(
    files  => { 'jwks.json' => jwks('es256') },
    http   => q{log_format all '$request|$http_authorization|$http_x_token|}
              . q{$http_cookie|$status';},
    server => <<"END",
        access_log logs/all.log all;
        gateway_jwt_key_file jwks.json;
        gateway_jwt r $Places;
        gateway_jwt_hide on;
        location / { empty_gif; }
        location /deny { deny all; empty_gif; }
END
);

my %lines = (bearer => "Authorization: Bearer $forged",
             header => "X-Token: Bearer $forged",
             cookie => "Cookie: a=1; tok=$forged");

$server->get('/none');
$server->get("/arg?a=1&tok=$forged");
$server->get("/$_", headers => [ $lines{$_} ]) for qw( bearer header cookie );
$server->get("/all?tok=$forged&a=1",
             headers => [ @lines{qw( bearer header cookie )} ]);
$server->get("/good?a=1", headers => [ "Cookie: tok=$token; a=1" ]);
$server->get("/deny?tok=$token&a=1");
$server->get("/deny?a=1", headers => [ "X-Token: Bearer $token" ]);

# blanks before a value, which Test::Nginx would remove
my ($blank) = $server->get('/blank', headers => [ "X-Token:\tBearer $token" ]);
my ($blanks) = $server->get('/blanks', headers => [ "X-Token:   $token  " ]);
$server->stop;

Test::More::is("$blank $blanks", '401 200', 'a tab is a byte of the value');
Test::More::is(Test::Gateway::Server::slurp($server->dir . '/logs/all.log'),
               <<'END', 'each place is hidden from the log');
GET /none HTTP/1.1|-|-|-|401
GET /arg?a=1 HTTP/1.1|-|-|-|401
GET /bearer HTTP/1.1|-|-|-|401
GET /header HTTP/1.1|-|-|-|401
GET /cookie HTTP/1.1|-|-|a=1|401
GET /all?a=1 HTTP/1.1|-|-|a=1|401
GET /good?a=1 HTTP/1.1|-|-|a=1|200
GET /deny?a=1 HTTP/1.1|-|-|-|403
GET /deny?a=1 HTTP/1.1|-|-|-|403
GET /blank HTTP/1.1|-|-|-|401
GET /blanks HTTP/1.1|-|-|-|200
END
Test::More::is(join("\n", $server->log =~ /reason "(\w+)"/g), <<'END' =~ s/\n\z//r,
missing
bad_signature
bad_signature
bad_signature
bad_signature
duplicate_credential
malformed_header
END
               'and the error log says why');
done_testing();

__DATA__

=== TEST 1: one of four places
--- jwks: es256
--- config eval
"gateway_jwt r $::Places; $::Keys"
--- cases
get('/t')                                     => 'missing',
map({ ($_ => 'verified') } one_of('/t', $::token)),
map({ ($_ => 'bad_signature') } one_of('/t', $::forged)),
map({ ($_ => 'malformed_header') } one_of('/t', 'x')),
get("/t?token=$::token", "Cookie: token=$::token", "X-Tok: $::token",
    "Proxy-Authorization: Bearer $::token")   => 'missing',



=== TEST 2: two tokens are a duplicate: equal or not, good or not
--- jwks: es256
--- config eval
"gateway_jwt r $::Places; $::Keys"
--- cases
map({ ($_ => 'duplicate_credential') } two_of('/t', $::token, $::token)),
map({ ($_ => 'duplicate_credential') } two_of('/t', $::token, $::other)),
map({ ($_ => 'duplicate_credential') } two_of('/t', $::token, 'x')),
map({ ($_ => 'duplicate_credential') } two_of('/t', $::forged, 'x')),
sent('/t', bearer => "Bearer\t$::other", cookie => $::token)
                                              => 'duplicate_credential',
sent('/t', header => 'Basic YTpi', cookie => $::token)
                                              => 'duplicate_credential',
get("/t?t%6fk=$::other", "Cookie: tok=$::token") => 'duplicate_credential',
get("/t?tok=$::token", "Cookie: tok[]=$::other") => 'duplicate_credential',
get("/t?tok=$::token&tok=$::token")           => 'duplicate_credential',
get('/t', "X-Token: $::token", "X-Token: $::token") => 'duplicate_credential',
sent('/t', bearer => "Bearer $::token", header => $::token,
     cookie => $::token, arg => $::token)     => 'duplicate_credential',



=== TEST 3: a place without a value holds no token
--- jwks: es256
--- config eval
"gateway_jwt r $::Places; $::Keys"
--- cases
sent('/t', header => '', cookie => $::token)  => 'verified',
sent('/t', header => $::token, cookie => '')  => 'verified',
sent('/t', bearer => '', arg => $::token)     => 'verified',
sent('/t', bearer => 'Basic YTpi', cookie => $::token) => 'verified',
sent('/t', bearer => "Bearer $::token", arg => '') => 'verified',
sent('/t', header => '', cookie => '', arg => '') => 'missing',
sent('/t', bearer => 'Bearer', cookie => $::token) => 'duplicate_credential',



=== TEST 4: token=$http_authorization is the default place
--- jwks: es256
--- config
gateway_jwt r token=$http_authorization;
gateway_jwt_key_file ../html/jwks.json;
location /upper { gateway_jwt r token=$HTTP_Authorization; }
--- cases
sent('/t', bearer => "Bearer $::token")       => 'verified',
sent('/t', bearer => "bEARER   $::token")     => 'verified',
sent('/t', bearer => "$::token")              => 'missing',
sent('/t', bearer => "Basic $::token")        => 'missing',
sent('/t', bearer => 'Bearer')                => 'malformed_header',
sent('/t', bearer => "Bearer\t$::token")      => 'malformed_header',
sent('/t', bearer => "Bearer x $::token")     => 'malformed_header',
sent('/upper', bearer => "Bearer $::token")   => 'verified',
sent('/upper', bearer => "Bearer $::forged")  => 'bad_signature',



=== TEST 5: a header: a token as it is, or behind its scheme
--- jwks: es256
--- config
gateway_jwt r token=$http_x_token;
gateway_jwt_key_file ../html/jwks.json;
--- cases
sent('/t', header => $::token)                => 'verified',
map({ (sent('/t', header => "$_$::token")     => 'verified') }
    'Bearer ', 'bearer ', 'BEARER ', 'bEaReR ', 'Bearer    '),
map({ (sent('/t', header => "$_$::token")     => 'malformed_header') }
    "Bearer\t", "Bearer \t", "Bearer\xa0", "Bearer\x0c", 'Bearer:', 'Bearer',
    'Bearers ', 'Basic ', 'DPoP ', 'JWT ', 'Token ', 'XBearer ', 'x Bearer ',
    'Bearer Bearer ', 'Bearer x ', 'Basic x, Bearer ', '"', ','),
map({ (sent('/t', header => $_)               => 'malformed_header') }
    'Bearer', 'Bearer ', 'Bearer x', 'Basic YTpi', 'Negotiate'),
sent('/t', header => "Bearer $::forged")      => 'bad_signature',
sent('/t', header => "Bearer $::token,")      => 'malformed_signature',
sent('/t', header => "Bearer $::token, Bearer $::token")
                                              => 'malformed_header',
sent('/t', header => "$::token, $::other")    => 'malformed_header',
sent('/t', header => "Bearer $::token x")     => 'malformed_signature',
get('/t', "X-Token: Bearer $::token", "X-Token: Bearer $::token")
                                              => 'duplicate_credential',
get('/t', "X-Token: Bearer $::token", 'X-Token:') => 'duplicate_credential',



=== TEST 6: as proxies with an identity of their own send it
--- jwks: es256
--- config
gateway_jwt r token=$http_x_forwarded_authorization;
gateway_jwt_key_file ../html/jwks.json;
--- cases
get('/t', "X-Forwarded-Authorization: Bearer $::token")  => 'verified',
get('/t', "X-Forwarded-Authorization: Bearer $::forged") => 'bad_signature',
get('/t', "X-Forwarded-Authorization: Basic YTpi") => 'malformed_header',
get('/t', "Authorization: Bearer $::token")   => 'missing',



=== TEST 7: cookies, arguments and other variables have no scheme
--- jwks: es256
--- http_config
map $http_x_a $mapped { default $http_x_a; }
--- config eval
"gateway_jwt r token=\$cookie_tok token=\$arg_tok token=\$mapped; $::Keys"
--- cases
get('/t', "X-A: $::token")                    => 'verified',
get('/t', "X-A: Bearer $::token")             => 'malformed_header',
sent('/t', cookie => "Bearer $::token")       => 'malformed_header',
sent('/t', arg => "Bearer+$::token")          => 'malformed_header',
sent('/t', arg => "Bearer%20$::token")        => 'malformed_header',
get("/t?tok=$::token", "X-A: $::token")       => 'duplicate_credential',
get("/t?tok=$::token", 'X-A: x')              => 'duplicate_credential',



=== TEST 8: optional: a malformed credential is not anonymous
--- jwks: es256
--- config eval
"gateway_jwt r $::Places; gateway_jwt_mode optional; $::Keys"
--- cases
get('/t')                                     => granted('absent'),
sent('/t', bearer => 'Basic YTpi')            => granted('absent'),
sent('/t', header => '')                      => granted('absent'),
map({ (sent('/t', header => $_)               => 'malformed_header') }
    'Basic YTpi', 'Bearer', "Bearer\t$::token", 'x Bearer x', 'x',
    "Bearer\xa0$::token"),
map({ (sent('/t', header => "Bearer ", cookie => $_)
                                              => 'duplicate_credential') }
    $::token, 'x'),
sent('/t', cookie => $::token, arg => $::token) => 'duplicate_credential',
map({ ($_ => 'verified') } one_of('/t', $::token)),



=== TEST 9: satisfy any: a duplicate opens nothing, another method does
--- jwks: es256
--- config eval
"gateway_jwt r $::Places; satisfy any; $::Keys
location /deny { deny all; }
location /allow { allow all; }"
--- cases
map({ ($_ => 'verified') } one_of('/deny', $::token)),
map({ ($_ => 'duplicate_credential') } two_of('/deny', $::token, $::other)),
get('/deny')                                  => 'missing',
map({ ($_ => granted('duplicate_credential')) }
    (two_of('/allow', $::token, $::token))[0, 5, 11]),



=== TEST 10: a location's places replace the server's
--- jwks: es256
--- config eval
"gateway_jwt r token=\$cookie_tok token=\$arg_tok; $::Keys
location /inner { gateway_jwt_max_size 8k; }
location /bearer { gateway_jwt r; }
location /other { gateway_jwt r token=\$http_x_token token=\$cookie_tok; }"
--- cases
sent('/inner', cookie => $::token)            => 'verified',
sent('/inner', arg => $::token)               => 'verified',
sent('/inner', cookie => $::token, arg => 'x') => 'duplicate_credential',
sent('/inner', header => $::token)            => 'missing',
sent('/bearer', bearer => "Bearer $::token", cookie => 'x', arg => 'x')
                                              => 'verified',
sent('/bearer', cookie => $::token)           => 'missing',
sent('/other', cookie => $::token, arg => 'x') => 'verified',
sent('/other', header => "Bearer $::token")   => 'verified',
sent('/other', arg => $::token)               => 'missing',



=== TEST 11: eight places
--- jwks: es256
--- config eval
'gateway_jwt r ' . join(' ', map { "token=\$cookie_t$_" } 1 .. 8) . ";$::Keys"
--- cases
map({ (get('/t', "Cookie: t$_=$::token")      => 'verified') } 1 .. 8),
get('/t', "Cookie: t9=$::token")              => 'missing',
get('/t', "Cookie: t1=$::token; t8=$::token") => 'duplicate_credential',
get('/t', "Cookie: t7=$::token; t8=x")        => 'duplicate_credential',



=== TEST 12: hiding: each place, and nothing else
--- jwks: es256
--- config eval
::location('/h', $::Pass, "gateway_jwt r $::Places;", 'gateway_jwt_hide on;')
--- request eval
[ 'GET /h', 'GET /h', 'GET /h', "GET /h?a=1&tok=$::token&b=2" ]
--- more_headers eval
[ "Authorization: Bearer $::token\nX-Token:\nX-A: 1\n",
  "X-Token: Bearer $::token\nAuthorization: Basic YTpi\n",
  "Cookie: a=1; tok=$::token; b=2\n", "Cookie: a=1\n" ]
--- response_body eval
[ "GET /h HTTP/1.0\nX-Token: \nX-A: 1\n",
  "GET /h HTTP/1.0\nAuthorization: Basic YTpi\n",
  "GET /h HTTP/1.0\nCookie: a=1; b=2\n",
  "GET /h?a=1&b=2 HTTP/1.0\nCookie: a=1\n" ]



=== TEST 13: hiding: all places of a request that has it in all of them
--- jwks: es256
--- config eval
::location('/h', $::Pass, "gateway_jwt r $::Places;", 'gateway_jwt_hide on;',
           'gateway_jwt_mode dry_run;',
           'add_header X-Status $gateway_jwt_status;')
. ::location('/off', $::Pass, "gateway_jwt off $::Places;",
             'gateway_jwt_hide on;',
             'add_header X-Status $gateway_jwt_status;')
. ::location('/shown', $::Pass, "gateway_jwt r $::Places;",
             'gateway_jwt_mode dry_run;',
             'add_header X-Status $gateway_jwt_status;')
--- request eval
[ "GET /h?a=1&tok=$::token", "GET /h?t%6fk=$::token", "GET /off?tok=$::token&a",
  "GET /off?tok=$::token&a", 'GET /shown?tok=x' ]
--- more_headers eval
[ "Authorization: Bearer $::token\nX-Token: $::token\nX-A: 1\n"
  . "Cookie: a=1; tok=$::other\n",
  "Cookie: t%6fk=$::token\nAuthorization: Bearer\t$::token\n",
  "X-Token: $::other\n", '', "Cookie: tok=x\n" ]
--- response_headers eval
[ ('X-Status: duplicate_credential') x 3, 'X-Status: unverified',
  'X-Status: duplicate_credential' ]
--- response_body eval
[ "GET /h?a=1 HTTP/1.0\nX-A: 1\nCookie: a=1\n", "GET /h HTTP/1.0\n",
  "GET /off?a HTTP/1.0\n", "GET /off?a HTTP/1.0\n",
  "GET /shown?tok=x HTTP/1.0\nCookie: tok=x\n" ]



=== TEST 14: later locations still find a hidden token in its place
--- jwks: es256
--- config eval
my @hide = ('gateway_jwt_hide on;', 'root $TEST_NGINX_HTML_DIR;');
::location('/try', @hide, "gateway_jwt r $::Places;", 'try_files /none /on;')
. ::location('/less', @hide, "gateway_jwt r $::Places;",
             'try_files /none /only;')
. ::location('/on', @hide, $::Pass, "gateway_jwt r $::Places;")
. ::location('/only', @hide, $::Pass,
             'gateway_jwt r token=$cookie_tok token=$http_x_token;')
--- request eval
[ ('GET /try') x 3, "GET /try?tok=$::token", ('GET /less') x 3,
  "GET /less?tok=$::token" ]
--- more_headers eval
[ ("Authorization: Bearer $::token\n", "X-Token: Bearer $::token\n",
   "Cookie: tok=$::token\n", '') x 2 ]
--- error_code eval: [ (200) x 4, 401, 200, 200, 401 ]
--- response_body_unlike eval: [ ("tok=\Q$::token\E|Bearer ey|X-Token") x 8 ]
