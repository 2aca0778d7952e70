# SPDX-License-Identifier: BSD-2-Clause

# The places of tokens: Authorization, a header, a cookie, an argument, another
# variable; what is a token there, and its maximum size.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Cases;


our $token = token(claims => { exp => 4102444800 });
our $other = token(claims => { exp => 4102444800, sub => 'other' });
our $size = length $token;

sub sent { get('/t', @_) }

# the cookie "token", as the module reads it and as nginx does

our $as_nginx = <<'END';
gateway_jwt_key_file ../html/jwks.json;
location /t {
    gateway_jwt r token=$cookie_token;
}
location /nginx {
    set $read $cookie_token;
    gateway_jwt r token=$read;
}
END

# until 1.29.6 nginx looked for a cookie behind a comma, too
our $commas = nginx_before(1, 29, 6);

our @behind = $commas ? ('verified') : ('malformed_header', 'missing');
our @twice = ('duplicate_credential',
              $commas ? 'malformed_header' : 'verified');

sub both {
    my ($cookies, $outcome, $of_nginx) = @_;

    my $line = 'Cookie: ' . $cookies =~ s/\bT\b/$token/r;
    return (sent($line) => $outcome,
            get('/nginx', $line) => $of_nginx // $outcome);
}

$Test::Gateway::More = 1;
run_tests();


# --- blanks before a value, which Test::Nginx would remove

my $server = start_nginx(
    files  => { 'jwks.json' => jwks('es256') },
    server => <<'END',
        gateway_jwt_key_file jwks.json;
        gateway_jwt_mode optional;
        add_header X-Status $gateway_jwt_status always;
        location /t { gateway_jwt r; empty_gif; }
        location /header { gateway_jwt r token=$http_x_token; empty_gif; }
END
);

sub judged {
    my ($path, $line, $code, $outcome) = @_;

    my ($status, $head) = $server->get($path, headers => [ $line ]);
    my ($said) = $head =~ /^X-Status: (\S+)/m;
    is("$status $said", "$code $outcome", $line =~ s/[^ -~]/
       sprintf '\\x%02x', ord $&/egr =~ s/\Q$token\E/TOKEN/r);
}

judged('/t', "Authorization:   Bearer $token  ", 200, 'verified');
judged('/header', "X-Token:   $token  ", 200, 'verified');
judged('/header', 'X-Token:   ', 200, 'absent');

for my $blank ("\t", " \t ", "\x0b", "\xa0") {
    judged('/header', "X-Token:$blank$token", 401, 'malformed_header');
    judged('/header', "X-Token:$token$blank", 401, 'malformed_signature');
    judged('/header', "X-Token:$blank", 401, 'malformed_header');
    judged('/t', "Authorization:$blank", 200, 'absent');
}

for my $byte ("\t", " \t ", "\t\t", "\x0b", " \x0c", "\x1f", "\xa0", "\xc2\x85", "\x7f", 'x') {
    judged('/t', "Authorization:${byte}Bearer $token", 401,
           'malformed_header');
    judged('/t', "Authorization:${byte}Basic $token", 200, 'absent');
}

$server->stop;
done_testing();

__DATA__

=== TEST 1: Authorization: the scheme is case-insensitive
--- jwks: es256
--- cases
sent("Authorization: Bearer $::token")                 => 'verified',
sent("Authorization: bearer $::token")                 => 'verified',
sent("Authorization: BEARER $::token")                 => 'verified',
sent("Authorization: bEaReR $::token")                 => 'verified',
sent("authorization: Bearer $::token")                 => 'verified',



=== TEST 2: Authorization: blanks after the scheme and after the token
--- jwks: es256
--- cases
sent("Authorization: Bearer    $::token")              => 'verified',
sent("Authorization: Bearer $::token   ")              => 'verified',
sent("Authorization: Bearer $::token \t ")             => 'malformed_signature',
sent("Authorization: Bearer\t$::token")                => 'malformed_header',
sent("Authorization: Bearer\xa0$::token")              => 'malformed_header',
sent("Authorization: \xa0Bearer $::token")             => 'malformed_header',
sent("Authorization: Bearer\x0c$::token")              => 'malformed_header',
sent("Authorization: Bearer \t$::token")               => 'malformed_header',
sent("Authorization: Bearer $::token x")               => 'malformed_signature',
sent("Authorization: Bearer x $::token")               => 'malformed_header',
sent("Authorization: Bearer $::token,")                => 'malformed_signature',



=== TEST 3: Authorization: shorter than the scheme, and just as long
--- jwks: es256
--- cases
sent()                                               => 'missing',
sent('Authorization:')                               => 'missing',
sent('Authorization: B')                             => 'missing',
sent('Authorization: Beare')                         => 'missing',
sent('Authorization: Bearer')                        => 'malformed_header',
sent('Authorization: bearer')                        => 'malformed_header',
sent('Authorization: Bearer ')                       => 'malformed_header',
sent('Authorization: Bearer .')                      => 'malformed_header',
sent('Authorization: Bearer x')                      => 'malformed_header',



=== TEST 4: Authorization: another scheme is no token
--- jwks: es256
--- cases
sent("Authorization: Bearer $::token")                 => 'verified',
sent('Authorization: Basic YWxpY2U6c2VjcmV0')        => 'missing',
sent("Authorization: JWT $::token")                    => 'missing',
sent("Authorization: Bearer$::token")                  => 'missing',
sent("Authorization: Bearer:$::token")                 => 'missing',
sent("Authorization: Bearers $::token")                => 'missing',
sent("Authorization: $::token")                        => 'missing',



=== TEST 5: Authorization: Bearer after other text
--- jwks: es256
--- cases
sent("Authorization: Basic x, Bearer $::token")        => 'malformed_header',
sent("Authorization: Basic x bearer\t$::token")        => 'malformed_header',
sent("Authorization: XBearer $::token")                => 'malformed_header',
sent('Authorization: Basic Bearer')                    => 'missing',
sent('Authorization: Digest username="bearer"')        => 'missing',
sent("Authorization: Basic Bearer:$::token")           => 'missing',



=== TEST 6: Authorization: other places are ignored
--- jwks: es256
--- cases
get("/t?token=$::token&access_token=$::token", "Cookie: token=$::token",
    "X-Token: $::token", "Proxy-Authorization: Bearer $::token") => 'missing',
get("/t?token=x", "Cookie: token=x", "Authorization: Bearer $::token")
                                                     => 'verified',



=== TEST 7: Authorization: a second line is nginx's 400
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
--- request eval
[ "GET /t\n", "GET /t\n", "GET /t\n" ]
--- more_headers eval
[ "Authorization: Bearer $::token\nAuthorization: Bearer $::token",
  "Authorization: Bearer $::token\nAuthorization: Basic x",
  "Authorization: Basic x\nauthorization: Bearer $::token" ]
--- error_code eval
[ 400, 400, 400 ]
--- response_headers eval
[ map { "!WWW-Authenticate\n!X-Status" } 1 .. 3 ]
--- response_body_like eval
[ map { qr/400 Bad Request/ } 1 .. 3 ]



=== TEST 8: a cookie, among others
--- jwks: es256
--- config
gateway_jwt r token=$cookie_tok;
gateway_jwt_key_file ../html/jwks.json;
--- cases
sent("Cookie: tok=$::token")                           => 'verified',
sent("Cookie: a=b; tok=$::token; c=d")                 => 'verified',
sent("Cookie: a=b;tok=$::token;c=d")                   => 'verified',
sent("Cookie: a=b", "Cookie: tok=$::token")            => 'verified',
sent("Cookie: xtok=$::other; tok=$::token; toks=$::other") => 'verified',
sent("Cookie: a=tok=$::other; tok=$::token")             => 'verified',
sent()                                               => 'missing',
sent('Cookie: a=b')                                  => 'missing',
sent("Cookie: xtok=$::token")                          => 'missing',
sent("Cookie: toks=$::token")                          => 'missing',
sent('Cookie: tok=')                                 => 'missing',
sent('Cookie: tok')                                  => 'missing',
sent('Cookie: ;;; =;')                               => 'missing',
sent("Cookie: tok=Bearer $::token")                    => 'malformed_header',
sent(qq(Cookie: tok="$::token"))                       => 'malformed_header',



=== TEST 9: a cookie: two are a duplicate, equal or not, in one line or two
--- jwks: es256
--- config
gateway_jwt r token=$cookie_tok;
gateway_jwt_key_file ../html/jwks.json;
--- cases
sent("Cookie: tok=$::token; tok=$::other")               => 'duplicate_credential',
sent("Cookie: tok=$::token; tok=$::token")               => 'duplicate_credential',
sent("Cookie: tok=$::token; TOK=$::other")               => 'duplicate_credential',
sent("Cookie: tok=$::token", "Cookie: tok=$::other")     => 'duplicate_credential',
sent("Cookie: tok=$::token; tok=")                     => 'duplicate_credential',
sent("Cookie: tok=; tok=$::token")                     => 'duplicate_credential',
sent("Cookie: tok=$::token; tok")                      => 'verified',
sent("Cookie: tok=$::token", "Authorization: Bearer $::other") => 'verified',
get("/t?tok=$::other", "Cookie: tok=$::token")           => 'verified',



=== TEST 10: a cookie: other places are ignored
--- jwks: es256
--- config
gateway_jwt r token=$cookie_tok;
gateway_jwt_key_file ../html/jwks.json;
--- cases
sent("Authorization: Bearer $::token")                 => 'missing',
get("/t?tok=$::token", "tok: $::token")                  => 'missing',
sent("Cookie: tok=$::token")                           => 'verified',



=== TEST 11: an argument, among others
--- jwks: es256
--- config
gateway_jwt r token=$arg_tok;
gateway_jwt_key_file ../html/jwks.json;
--- cases
get("/t?tok=$::token")                                 => 'verified',
get("/t?a=b&tok=$::token&c=d")                         => 'verified',
get("/t?atok=$::other&tok=$::token&toks=$::other")         => 'verified',
get("/t?TOK=$::token")                                 => 'verified',
get('/t')                                            => 'missing',
get('/t?')                                           => 'missing',
get('/t?tok')                                        => 'missing',
get('/t?tok=')                                       => 'missing',
get("/t?atok=$::token")                                => 'missing',
get("/t?a=b;tok=$::token")                             => 'malformed_header',
get("/t?xtok=$::token&tok.x=$::token&tok-x=$::token")  => 'missing',
get("/t?a=tok=$::token&b=1,tok=$::token&x[tok]=$::token") => 'missing',
get('/t?tok=' . $::token =~ s/\./%2E/gr)               => 'malformed_header',
get('/t?%74ok=' . $::token)                            => 'malformed_header',
get('/t', "Authorization: Bearer $::token")            => 'missing',



=== TEST 12: an argument: two are a duplicate, equal or not
--- jwks: es256
--- config
gateway_jwt r token=$arg_tok;
gateway_jwt_key_file ../html/jwks.json;
--- cases
get("/t?tok=$::token&tok=$::other")                      => 'duplicate_credential',
get("/t?tok=$::token&tok=$::token")                      => 'duplicate_credential',
get("/t?tok=$::token&Tok=$::token")                      => 'duplicate_credential',
get("/t?tok=&a=b&tok=$::token")                        => 'duplicate_credential',
get("/t?tok=$::token&tok=")                            => 'duplicate_credential',
get("/t?tok=$::token&tok")                             => 'verified',
get("/t?tok=$::token", "Authorization: Bearer $::other") => 'verified',



=== TEST 13: a header
--- jwks: es256
--- config
gateway_jwt r token=$http_x_token;
gateway_jwt_key_file ../html/jwks.json;
--- cases
sent("X-Token: $::token")                              => 'verified',
sent("x-token: $::token")                              => 'verified',
sent("X-Token:   $::token")                            => 'verified',
sent()                                               => 'missing',
sent('X-Token:')                                     => 'missing',
sent("X-Tokens: $::token", "XX-Token: $::token")         => 'missing',
sent("Authorization: Bearer $::token")                 => 'missing',
sent("X-Token: Bearer $::token")                       => 'verified',



=== TEST 14: a header: two are a duplicate, equal or not
--- jwks: es256
--- config
gateway_jwt r token=$http_x_token;
gateway_jwt_key_file ../html/jwks.json;
--- cases
sent("X-Token: $::token", "X-Token: $::other")           => 'duplicate_credential',
sent("X-Token: $::token", "x-token: $::token")           => 'duplicate_credential',
sent("X-Token: $::token", 'X-Token:')                  => 'duplicate_credential',
sent('X-Token:', "X-Token: $::token")                  => 'duplicate_credential',
sent("X-Token: $::token", "X-Tokens: $::other")          => 'verified',
sent("X-Token: $::token", "X_Token: $::other")           => 'verified',



=== TEST 15: a header: with underscores_in_headers both spellings are one name
--- jwks: es256
--- http_config
underscores_in_headers on;
--- config
gateway_jwt r token=$http_x_token;
gateway_jwt_key_file ../html/jwks.json;
--- cases
sent("X-Token: $::token")                              => 'verified',
sent("X_Token: $::token")                              => 'verified',
sent("X-Token: $::token", "X_Token: $::other")           => 'duplicate_credential',



=== TEST 16: any other variable has one value
--- jwks: es256
--- http_config
map $http_x_a $mapped {
    ""      $arg_tok;
    default $http_x_a;
}
--- config
gateway_jwt_key_file ../html/jwks.json;
location /t {
    gateway_jwt r token=$mapped;
}
location /set {
    set $tok $http_x_a;
    gateway_jwt r token=$tok;
}
--- cases
sent("X-A: $::token")                                  => 'verified',
get("/t?tok=$::token")                                 => 'verified',
get("/t?tok=$::other", "X-A: $::token")                  => 'verified',
sent()                                               => 'missing',
sent("Authorization: Bearer $::token")                 => 'missing',
sent('X-A: x')                                       => 'malformed_header',
get('/set', "X-A: $::token")                           => 'verified',
get('/set')                                          => 'missing',



=== TEST 17: a location's source replaces the server's
--- jwks: es256
--- config
gateway_jwt r token=$cookie_tok;
gateway_jwt_key_file ../html/jwks.json;
location /bearer {
    gateway_jwt r;
}
location /arg {
    gateway_jwt r token=$arg_tok;
}
--- cases
sent("Cookie: tok=$::token", "Authorization: Bearer x") => 'verified',
sent("Authorization: Bearer $::token")                 => 'missing',
get('/bearer', "Authorization: Bearer $::token", 'Cookie: tok=x') => 'verified',
get('/bearer', "Cookie: tok=$::token")                 => 'missing',
get("/arg?tok=$::token", 'Cookie: tok=x')              => 'verified',
get('/arg', "Cookie: tok=$::token")                    => 'missing',



=== TEST 18: gateway_jwt_max_size: the largest token that is accepted
--- jwks: es256
--- config eval
<<"CONF"
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt r;
location /exact { gateway_jwt_max_size $::size; }
location /less { gateway_jwt_max_size @{[ $::size - 1 ]}; }
location /cookie {
    gateway_jwt r token=\$cookie_tok;
    gateway_jwt_max_size $::size;
}
CONF
--- cases
get('/exact', "Authorization: Bearer $::token")        => 'verified',
get('/exact', "Authorization: Bearer   $::token")      => 'verified',
get('/exact', "Authorization: Bearer $::token" . "A")     => 'too_large',
get('/less', "Authorization: Bearer $::token")         => 'too_large',
get('/cookie', "Cookie: tok=$::token; a=" . 'b' x 500) => 'verified',
get('/cookie', "Cookie: tok=$::token" . "A")              => 'too_large',



=== TEST 19: gateway_jwt_max_size: 16k by default, before any decoding
--- jwks: es256
--- config
large_client_header_buffers 4 32k;
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
location /more {
    gateway_jwt_max_size 20k;
}
--- cases
token(claims => { pad => 'x' x 12000 })              => 'verified',
token(claims => { pad => 'x' x 12300 })              => 'too_large',
'x' x 16384                                          => 'malformed_header',
'x' x 16385                                          => 'too_large',
get('/more', bearer(token(claims => { pad => 'x' x 12300 }))) => 'verified',
get('/more', bearer('x' x 20480))                    => 'malformed_header',
get('/more', bearer('x' x 20481))                    => 'too_large',



=== TEST 20: a cookie as nginx reads it: blanks around the name, and commas
--- jwks: es256
--- config eval: $::as_nginx
--- cases
both('token= T', 'verified'),
both('token   =   T', 'verified'),
both('token =T; a=1', 'verified'),
both('a=1, token=T', @::behind),
both('a=1,token=T; b=2', @::behind),
both('a, token=T', @::behind),
both('a=1, tokens=x; token=T', 'verified'),
both('a=1 token=x; token=T', 'duplicate_credential', 'verified'),
both('token=T, a=1', 'malformed_signature'),
both('token=T ; a=1', 'malformed_signature'),
both('a=1 token=T', 'malformed_header', 'missing'),
both('tok en=T', 'missing'),
both('token, a=T', 'missing'),
both("a=1;\ttoken=T", 'malformed_header', 'missing'),



=== TEST 21: a cookie that nginx would read first is a duplicate of another
--- jwks: es256
--- config eval: $::as_nginx
--- cases
both('a=1, token=EVIL; token=T', @::twice),
both('token =EVIL; token=T', 'duplicate_credential', 'malformed_header'),
both('token= EVIL; token=T', 'duplicate_credential', 'malformed_header'),
both('a,token=EVIL;token=T', @::twice),
both('a=1; b=2, TOKEN = EVIL; token=T', @::twice),
both('a=1, token=T; token=EVIL', 'duplicate_credential',
     $::commas ? 'verified' : 'malformed_header'),



=== TEST 22: a cookie: a spelling that only upstreams read
--- jwks: es256
--- config
gateway_jwt r token=$cookie_a_tok;
gateway_jwt_key_file ../html/jwks.json;
--- cases
sent("Cookie: a_tok=$::token")                => 'verified',
map({ sent("Cookie: x=1;$_=$::token")         => 'malformed_header' }
    "\ta_tok", "a_tok\t", "\x0ba_tok", "a_tok\xa0", "\xc2\xa0a_tok",
    "\x1ca_tok", 'a_t%6fk', '%61_tok', 'A_T%4FK', '+a_tok', '%20a_tok',
    'a_tok[]', 'a_tok[0]', '[a_tok]', 'a.tok', 'a tok', 'a[tok', 'a_tok%00x',
    'y=1 a_tok', "y=1\ta_tok", '=a_tok'),
map({ sent("Cookie: a_tok=$::token;$_=$::other") => 'duplicate_credential',
      sent("Cookie: $_=$::other; a_tok=$::token") => 'duplicate_credential',
      sent("Cookie: a_tok=$::token", "Cookie: $_=$::other")
                                              => 'duplicate_credential' }
    "\ta_tok", "a_tok\t", 'a_t%6fk', 'a_tok[]', 'y=1 a_tok'),
map({ sent("Cookie: a_tok=$::token; $_=$::other") => 'verified' }
    'a-tok', 'xa_tok', 'a_toks', 'a_tok.x', '"a_tok"', 'y=a_tok', '$a_tok',
    "\xc3\xa9ta_tok", 'y=1&a_tok'),



=== TEST 23: an argument: a spelling that only upstreams read
--- jwks: es256
--- config
gateway_jwt r token=$arg_a_tok;
gateway_jwt_key_file ../html/jwks.json;
--- cases
get("/t?a_tok=$::token")                      => 'verified',
map({ get("/t?x=1&$_=$::token")               => 'malformed_header' }
    'a_t%6fk', '%61_tok', 'A_T%4fK', 'a%5Ftok', '+a_tok', '%20a_tok',
    '%09a_tok', 'a_tok+', 'a_tok%20', 'a_tok[]', 'a_tok[0]', 'a_tok%5b%5d',
    '[a_tok]', '%5Ba_tok%5D', 'a_tok]', 'a.tok', 'a%2etok', 'a+tok', 'a%20tok',
    'a[tok', 'a_tok%00', 'a_tok%00x', 'y=1;a_tok', 'y;a_tok'),
map({ get("/t?a_tok=$::token&$_=$::other")    => 'duplicate_credential',
      get("/t?$_=$::other&a_tok=$::token")    => 'duplicate_credential' }
    'a_t%6fk', '+a_tok', 'a_tok[]', 'a.tok', '[a_tok]', 'x;a_tok'),
map({ get("/t?a_tok=$::token&$_=$::other")    => 'verified' }
    'a-tok', 'xa_tok', 'a_toks', 'a_tok.x', 'a_tok-x', 'a[tok]', 'x[a_tok]',
    'y=a_tok', 'y=1,a_tok', '%2561_tok', 'a_tok%3D', 'y%26a_tok', 'a_tok%zz'),



=== TEST 24: an argument behind a fragment, which nginx sends on
--- jwks: es256
--- config
gateway_jwt r token=$arg_tok;
gateway_jwt_key_file ../html/jwks.json;
--- cases
get("/t?x=1#&tok=$::token")                   => 'malformed_header',
get("/t#?tok=$::token")                       => 'malformed_header',
get("/t?tok=#$::token")                       => 'malformed_header',
get("/t?tok=$::token#&tok=$::other")          => 'duplicate_credential',
get("/t?tok=$::token#;t%6fk=$::other")        => 'duplicate_credential',
get("/t?tok=$::token#tok=$::other")           => 'verified',
get("/t?tok=$::token#x?tok=$::other")         => 'verified',
get("/t#&tok=$::token")                       => 'missing',



=== TEST 25: a header: blanks that nginx does not remove
--- jwks: es256
--- config
gateway_jwt r token=$http_x_token;
gateway_jwt_key_file ../html/jwks.json;
--- cases
sent("X-Token:   $::token  ")                 => 'verified',
sent("X-Token: $::token \t ")                 => 'malformed_signature',
sent("X-Token: \xa0$::token")                 => 'malformed_header',
sent("X-Token: $::token\t$::token")           => 'malformed_header',



=== TEST 26: a header: names that CGI, PHP and Apache make equal
--- jwks: es256
--- http_config
ignore_invalid_headers off;
--- config
gateway_jwt r token=$http_x_token;
gateway_jwt_key_file ../html/jwks.json;
--- cases
sent("X_Token: $::token")                     => 'verified',
sent("X-Token: $::token", "X_Token: $::other") => 'duplicate_credential',
sent("X-Token: $::token", "X.Token: $::other") => 'duplicate_credential',
sent("X-Token: $::token", "X~Token: $::other") => 'duplicate_credential',
sent("X-Token: $::token", "X0Token: $::other") => 'verified',
sent("X-Token: $::token", "X-Token.: $::other") => 'verified',



=== TEST 27: optional: a credential in another spelling is not anonymous
--- jwks: es256
--- config
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_mode optional;
location /t { gateway_jwt r; }
location /cookie { gateway_jwt r token=$cookie_a_tok; }
location /arg { gateway_jwt r token=$arg_a_tok; }
location /header { gateway_jwt r token=$http_x_token; }
--- cases
sent()                                        => granted('absent'),
sent('Authorization: Basic YTpi')             => granted('absent'),
sent("Authorization: Bearer:$::token")        => granted('absent'),
map({ sent("Authorization: $_")               => 'malformed_header' }
    "Bearer\t$::other", "\xa0Bearer $::other", "Bearer\xc2\xa0$::other",
    "x Bearer $::other", 'Bearer'),
get('/cookie', 'Cookie: x=1')                 => granted('absent'),
get('/cookie', "Cookie: a-tok=$::other")      => granted('absent'),
map({ get('/cookie', "Cookie: x=1;$_=$::other") => 'malformed_header' }
    "\ta_tok", "a_tok\t", 'a_t%6fk', 'a_tok[]', 'a.tok', 'y=1 a_tok'),
get('/arg?x=1')                               => granted('absent'),
get("/arg?a_tok.x=$::other")                  => granted('absent'),
map({ get("/arg?x=1&$_=$::other")             => 'malformed_header' }
    'a_t%6fk', '+a_tok', 'a_tok[]', 'a.tok', '[a_tok]', 'x;a_tok', 'x#&a_tok'),
