# SPDX-License-Identifier: BSD-2-Clause

# gateway_jwt_hide removes the token, and nothing else, from the request to the
# upstream and from logs.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway;
use Test::Gateway::Echo;

our $Key = 'gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;';

our $T = token(claims => { sub => 'alice' });
our $Forged = edited($T, signature => sub { reverse $_[0] });

our $Commas = nginx_before(1, 29, 6);
our @Commas = ('a=1, t=T; b=2', 'a=1,t=T; b=2', 'a=1, t=T', 'a=1, t=x; t=T',
               'a, t=T; b');

sub location { my ($uri, @lines) = @_; "location $uri { $Key @lines }\n" }

# what the upstream received for GET /: the request line and these lines

sub got { [ map { "GET / HTTP/1.0\n$_" } @_ ] }

# a location for each place of a token; "*" is its name

our @Sources = ([ 'bearer', '' ], [ 'header', 'token=$http_x_token' ],
                [ 'cookie', 'token=$cookie_t' ], [ 'arg', 'token=$arg_t' ]);

sub for_sources {
    my ($uri, @lines) = @_;

    my $text = '';
    for (@Sources) {
        my ($name, $source) = @$_;
        $text .= location(map { s/\*/$name/gr }
                          $uri, "gateway_jwt r $source;", @lines);
    }
    return $text;
}

# and for a URI

sub got_uri { [ map { "GET $_ HTTP/1.0\n" } @_ ] }

$Test::Gateway::More = 1;

no_root_location();
run_tests();


# --- everything that is logged

my $server = start_nginx(
    files  => { 'jwks.json' => jwks('es256') },
    http   => q{log_format all '$request|$request_uri|$status';},
    server => <<'END',
        access_log logs/access.log combined;
        access_log logs/all.log all;
        gateway_jwt_key_file jwks.json;
        gateway_jwt_max_size 1k;
        location / { gateway_jwt r token=$arg_t; gateway_jwt_hide on; empty_gif; }
END
);

my $secret = 'very.secret.thing';

$server->get($_) for "/good?a=1&t=$T&b=%20", "/forged?a=1&t=$Forged",
                     "/twice?t=$T&a=1&t=$T", "/garbage?t=$secret",
                     '/large?a=1&t=' . $secret x 100, '/none?a=1';

$server->stop;

my $all = Test::Gateway::Server::slurp($server->dir . '/logs/all.log');
my $combined = Test::Gateway::Server::slurp($server->dir . '/logs/access.log');

Test::More::is($all, <<'END', 'the log of a refused request is clean, too');
GET /good?a=1&b=%20 HTTP/1.1|/good?a=1&b=%20|200
GET /forged?a=1 HTTP/1.1|/forged?a=1|401
GET /twice?a=1 HTTP/1.1|/twice?a=1|401
GET /garbage HTTP/1.1|/garbage|401
GET /large?a=1 HTTP/1.1|/large?a=1|401
GET /none?a=1 HTTP/1.1|/none?a=1|401
END

my ($signature) = $T =~ /([^.]+)$/;
my ($forged) = $Forged =~ /([^.]+)$/;

Test::More::unlike($combined . $server->log,
                   qr/\Q$signature\E|\Q$forged\E|\Q$secret\E/,
                   'neither "combined" nor the error log holds a token');
Test::More::is(scalar(() = $server->log =~ /gateway_jwt: refused with 401/g), 5,
               'and it has its lines about what was refused');

# A verdict that fails: a preloaded library has no memory, once, for a token of
# this length.  The error page is in a location that hides nothing.

my $long = 20_000;
my $preload = File::Temp->newdir;
chmod 0777, "$preload";

if (Test::Gateway::Server::library("$preload/full.so", <<"END")) {
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);

void *
malloc(size_t size)
{
    if (size > $long && size < $long + 500 && unlink("$preload/full") == 0) {
        errno = ENOMEM;
        return NULL;
    }

    return __libc_malloc(size);
}
END
    local $ENV{LD_PRELOAD} = "$preload/full.so";

    $server = start_nginx(
        files  => { 'jwks.json' => jwks('es256') },
        http   => q{log_format all '$request|$request_uri|$status';}
                  . ' large_client_header_buffers 4 64k;',
        server => <<'END',
        access_log logs/all.log all;
        gateway_jwt_key_file jwks.json;
        gateway_jwt_max_size 32k;
        error_page 401 500 /error;
        location / { gateway_jwt r token=$arg_t; gateway_jwt_hide on; empty_gif; }
        location = /error { return 200; }
END
    );
    $server->allow('malloc(');

    my $uri = 'a=1&t=' . 'x' x $long . '&b=2';

    $server->get("/memory?$uri");
    Test::Gateway::Server::write_file("$preload/full", '');
    $server->get("/none?$uri");
    Test::More::ok(!-e "$preload/full", 'a token for which there is no memory');
    $server->stop;

    Test::More::is(Test::Gateway::Server::slurp($server->dir . '/logs/all.log'),
                   <<'END', 'is hidden like one for which there is');
GET /memory?a=1&b=2 HTTP/1.1|/memory?a=1&b=2|401
GET /none?a=1&b=2 HTTP/1.1|/none?a=1&b=2|500
END
} else {
    Test::More::pass('no memory # skip nginx does not start with a library');
}

# a server whose locations have the keys has none itself

$server = start_nginx(
    files  => { 'jwks.json' => jwks('es256') },
    http   => q{log_format all '$request|$request_uri|$status';},
    server => <<'END',
        access_log logs/all.log all;
        gateway_jwt r token=$arg_t;
        gateway_jwt_hide on;
        rewrite ^/x/(.*)$ $1 last;
        location / { gateway_jwt_key_file jwks.json; empty_gif; }
END
);

$server->get($_) for "/good?a=1&t=$T", "/x/foo?a=1&t=$T";
$server->stop;

Test::More::is(Test::Gateway::Server::slurp($server->dir . '/logs/all.log'),
               <<'END', 'nor does the log of a server without keys');
GET /good?a=1 HTTP/1.1|/good?a=1|200
GET /x/foo?a=1 HTTP/1.1|/x/foo?a=1|401
END
done_testing();

__DATA__

=== TEST 1: by default the upstream receives the credential
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt r;')
. ::location('/arg', $::Pass, 'gateway_jwt r token=$arg_t;')
. ::location('/cookie', $::Pass, 'gateway_jwt r token=$cookie_t;')
--- request eval: [ "GET /", "GET /arg?t=$::T", "GET /cookie" ]
--- more_headers eval
[ "Authorization: Bearer $::T\n", '', "Cookie: a=1; t=$::T; b=2\n" ]
--- response_body eval
[ "GET / HTTP/1.0\nAuthorization: Bearer $::T\n",
  "GET /arg?t=$::T HTTP/1.0\n",
  "GET /cookie HTTP/1.0\nCookie: a=1; t=$::T; b=2\n" ]



=== TEST 2: Authorization is removed, in any case of letters, and no other line
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt r; gateway_jwt_hide on;')
--- request eval: [ ("GET /") x 3 ]
--- more_headers eval
[ "Authorization: Bearer $::T\n", "X-A: 1\nauthorization: bEARER  $::T\nX-B: 2\n",
  "Authorization: Bearer $::T\nProxy-Authorization: Bearer x\nCookie: a=1\n" ]
--- response_body eval
::got('', "X-A: 1\nX-B: 2\n", "Proxy-Authorization: Bearer x\nCookie: a=1\n")



=== TEST 3: an Authorization of another scheme is not removed
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt r; gateway_jwt_hide on;',
           'gateway_jwt_mode optional;')
--- request eval: [ ("GET /") x 3 ]
--- more_headers eval
[ "Authorization: Basic YTpi\n", "Authorization: Bearerx y\n", '' ]
--- response_body eval
::got("Authorization: Basic YTpi\n", "Authorization: Bearerx y\n", '')



=== TEST 4: a header of token= is removed, and no other line
--- jwks: es256
--- http_config
underscores_in_headers on;
--- config eval
::location('/', $::Pass, 'gateway_jwt r token=$http_x_token;',
           'gateway_jwt_hide on;')
--- request eval: [ ("GET /") x 3 ]
--- more_headers eval
[ "X-A: 1\nx-token: $::T\nX-Token-2: 3\nAuthorization: Bearer x\n",
  "X_Token: $::T\nX-Tok: 1\n", "X-TOKEN: $::T\n" ]
--- response_body eval
::got("X-A: 1\nX-Token-2: 3\nAuthorization: Bearer x\n", "X-Tok: 1\n", '')



=== TEST 5: a cookie: first, middle, last, alone, names like it, several lines
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt r token=$cookie_t;',
           'gateway_jwt_hide on;')
--- request eval: [ ("GET /") x 14 ]
--- more_headers eval
[ map { s/T/$::T/r }
  "Cookie: t=T; a=1; b=2\n", "Cookie: a=1; t=T; b=2\n",
  "Cookie: a=1; b=2; t=T\n", "Cookie: t=T\n", "X-A: 1\nCookie: t=T\nX-B: 2\n",
  "Cookie: at=1; t=T; t2=2; tt=3; t; a=t=5\n", "Cookie: a=1;t=T;b=2\n",
  "Cookie: a=1;b=2;t=T\n", "Cookie: a=1\nCookie: t=T\nCookie: b=2\n",
  "Cookie: a=1\nCookie: b=2\nCookie: c=3; t=T\n",
  "Cookie: t=T\nCookie: b=2\n", "Cookie: b=2\nCookie: t=T\n",
  "Cookie: a=\"x y\";  t=T; b=%20\n", "Cookie: t=T;\n" ]
--- response_body eval
::got("Cookie: a=1; b=2\n", "Cookie: a=1; b=2\n", "Cookie: a=1; b=2\n", '',
      "X-A: 1\nX-B: 2\n", "Cookie: at=1; t2=2; tt=3; t; a=t=5\n",
      "Cookie: a=1;b=2\n", "Cookie: a=1;b=2\n", "Cookie: a=1\nCookie: b=2\n",
      "Cookie: a=1\nCookie: b=2\nCookie: c=3\n", "Cookie: b=2\n",
      "Cookie: b=2\n", "Cookie: a=\"x y\"; b=%20\n", '')



=== TEST 6: an argument: the rest of the URI is unchanged
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt r token=$arg_t;',
           'gateway_jwt_hide on;')
--- request eval
[ map { 'GET ' . s/T/$::T/r } '/p?t=T', '/p?t=T&a=1', '/p?a=1&t=T',
  '/p?a=1&t=T&b=2', '/a%2Fb//c?a=1&t=T&x=%20z', '/a%2fb/./c/../d//?t=T',
  '/%7Ealice%20x?a=%26&t=T', '/p?at=1&t=T&t2=2&tt=3&t', '/p?a&t=T&&b=&=c',
  '/p?a=t=1&t=T', '/p?a=?t=2&t=T&b=/?', '/?t=T', '/p?a=b%3Dc+d&t=T&e' ]
--- response_body eval
::got_uri('/p', '/p?a=1', '/p?a=1', '/p?a=1&b=2', '/a%2Fb//c?a=1&x=%20z',
          '/a%2fb/./c/../d//', '/%7Ealice%20x?a=%26',
          '/p?at=1&t2=2&tt=3&t', '/p?a&&b=&=c', '/p?a=t=1',
          '/p?a=?t=2&b=/?', '/', '/p?a=b%3Dc+d&e')



=== TEST 7: an argument, if proxy_pass changes the URI
--- jwks: es256
--- config eval
my @hide = ('gateway_jwt r token=$arg_t; gateway_jwt_hide on;');
my $to = 'proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT';
::location('/part/', "$to/new/;", @hide)
. ::location('/uri/', $to . '$request_uri;', @hide)
. ::location('/args/', $to . '/x$is_args$args;', @hide)
. ::location('/cut/', 'rewrite ^/cut(/.*) $1 break;', "$to;", @hide)
. ::location('/more/', 'rewrite ^/more(/.*) $1?m=1 break;', "$to;", @hide)
--- request eval
[ map { 'GET ' . s/T/$::T/r } '/part/a%20b?a=1&t=T', '/part/a?t=T',
  '/uri/a%2Fb?t=T&a=1', '/uri/a?t=T', '/args/?a=1&t=T', '/args/?t=T',
  '/cut/a?t=T&a=1', '/cut/a?t=T', '/more/a?t=T&a=1' ]
--- response_body eval
::got_uri('/new/a%20b?a=1', '/new/a', '/uri/a%2Fb?a=1', '/uri/a', '/x?a=1',
          '/x', '/a?a=1', '/a', '/a?m=1&a=1')



=== TEST 8: variables do not see what is hidden
--- jwks: es256
--- config eval
my $say = 'add_header X-Say "<$http_authorization|$http_x_token|$cookie_t|'
          . '$http_cookie|$arg_t|$args|$query_string|$request_uri>" always;';
::for_sources('/*', $::Pass, $say, 'gateway_jwt_hide on;')
--- request eval
[ "GET /bearer", "GET /header", "GET /cookie", "GET /arg?a=1&t=$::T" ]
--- more_headers eval
[ "Authorization: Bearer $::T\n", "X-Token: $::T\n", "Cookie: t=$::T; a=1\n",
  '' ]
--- response_headers eval
[ 'X-Say: <|||||||/bearer>', 'X-Say: <|||||||/header>',
  'X-Say: <|||a=1||||/cookie>', 'X-Say: <|||||a=1|a=1|/arg?a=1>' ]



=== TEST 9: two values are refused, and none is logged or sent
--- jwks: es256
--- http_config
underscores_in_headers on;
--- config eval
my @hide = ('gateway_jwt_hide on;', 'gateway_jwt_mode dry_run;', $::Pass,
            'add_header X-Status $gateway_jwt_status;');
::location('/header', 'gateway_jwt r token=$http_x_token;', @hide)
. ::location('/cookie', 'gateway_jwt r token=$cookie_t;', @hide)
. ::location('/arg', 'gateway_jwt r token=$arg_t;', @hide)
--- request eval
[ "GET /header", "GET /header", "GET /cookie", "GET /cookie",
  "GET /arg?t=$::T&a=1&t=b", "GET /arg?t=$::T&t=$::T", "GET /arg?T=1&t=2&a" ]
--- more_headers eval
[ "X-Token: $::T\nX-A: 1\nX-Token: b\n", "X-Token: $::T\nx_token: $::T\n",
  "Cookie: t=$::T; a=1; t=b\n", "Cookie: t=$::T\nCookie: a=1; T=b; b=2\n",
  '', '', '' ]
--- response_headers eval: [ ('X-Status: duplicate_credential') x 7 ]
--- response_body eval
[ "GET /header HTTP/1.0\nX-A: 1\n", "GET /header HTTP/1.0\n",
  "GET /cookie HTTP/1.0\nCookie: a=1\n",
  "GET /cookie HTTP/1.0\nCookie: a=1; b=2\n",
  "GET /arg?a=1 HTTP/1.0\n", "GET /arg HTTP/1.0\n", "GET /arg?a HTTP/1.0\n" ]



=== TEST 10: later locations still find a hidden token
--- jwks: es256
--- config eval
my @hide = ('gateway_jwt_hide on;', 'root $TEST_NGINX_HTML_DIR;');
::for_sources('/*/try', @hide, 'try_files /none /*/on;')
. ::for_sources('/*/off', @hide, 'try_files /none /*/no;')
. ::for_sources('/*/named', @hide, 'try_files /none @*;')
. ::for_sources('/*/error', @hide, 'error_page 404 = @*;')
. ::for_sources('/*/on', @hide, $::Pass)
. ::for_sources('/*/no', $::Pass)
. ::for_sources('@*', @hide, $::Pass)
--- request eval
[ map { my $name = $_; map { "GET /$name/$_" . ($name eq 'arg'
                                                ? "?t=$::T&a=1" : '') }
                           qw( try off named error ) }
      qw( bearer header cookie arg ) ]
--- more_headers eval
[ ("Authorization: Bearer $::T\n") x 4, ("X-Token: $::T\n") x 4,
  ("Cookie: t=$::T; a=1\n") x 4, ('') x 4 ]
--- error_code eval: [ (200) x 16 ]
--- response_body_unlike eval: [ ("t=\Q$::T\E|Bearer|X-Token") x 16 ]



=== TEST 11: a location with another token= does not find a hidden token
--- jwks: es256
--- config eval
my @first = ('root $TEST_NGINX_HTML_DIR;', 'gateway_jwt r token=$arg_t;',
             'gateway_jwt_hide on;');
::location('/first', @first, 'try_files /none /second?a=1;')
. ::location('/other', @first, 'try_files /none /third;')
. ::location('/second', $::Pass, 'gateway_jwt r;')
. ::location('/third', $::Pass, 'gateway_jwt r token=$arg_u;')
--- request eval
[ "GET /first?t=$::T", "GET /other?t=$::T", "GET /first?t=$::T" ]
--- more_headers eval: [ '', '', "Authorization: Bearer $::T\n" ]
--- error_code eval: [ 401, 401, 200 ]



=== TEST 12: off token= hides, too; a location without gateway_jwt_hide sends it on
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt off token=$arg_t; gateway_jwt_hide on;')
. ::location('/off', $::Pass, 'gateway_jwt off; gateway_jwt_hide on;')
--- request eval: [ "GET /?t=$::T&a=1", "GET /off?t=$::T&a=1" ]
--- response_body eval: ::got_uri('/?a=1', "/off?t=$::T&a=1")



=== TEST 13: HTTP/1.0 and HTTP/0.9
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt r token=$arg_t; gateway_jwt_hide on;')
--- raw_request eval: "GET /a//b?t=$::T&a=1\r\n"
--- http09
--- response_body
GET /a//b?a=1 HTTP/1.0
--- access_log
"GET /a//b?a=1"



=== TEST 14: other methods see the credential, the upstream does not
--- jwks: es256
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / {
        add_header X-Seen "<$http_authorization|$http_x_token|$http_cookie|$http_x_uri>";
        return 204;
    }
}
--- config eval
my @ask = ('gateway_jwt_hide on;', 'auth_request /auth;', $::Pass, <<'END');
    auth_request_set $seen $upstream_http_x_seen;
    add_header X-Auth-Saw $seen;
    add_header X-Status $gateway_jwt_status;
END
::location('= /auth', 'internal;', <<'END')
    proxy_set_header X-Uri $request_uri;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
END
. ::for_sources('/all/*', 'satisfy all;', @ask)
. ::for_sources('/any/*', 'satisfy any;', @ask)
--- request eval
[ map { my ($way, $t) = @$_; map { "GET /$way/$_" . ($_ eq 'arg'
                                                   ? "?t=$t&a=1" : '') }
                             qw( bearer header cookie arg ) }
      [ 'all', $::T ], [ 'any', $::Forged ] ]
--- more_headers eval
[ map { ("Authorization: Bearer $_\n", "X-Token: $_\n", "Cookie: t=$_; a=1\n",
         '') } $::T, $::Forged ]
--- response_headers eval
[ map { my ($way, $status, $t) = @$_;
        map { "X-Auth-Saw: <$_>\nX-Status: $status" }
            "Bearer $t|||/$way/bearer", "|$t||/$way/header",
            "||t=$t; a=1|/$way/cookie", "|||/$way/arg?a=1" }
      [ 'all', 'verified', $::T ], [ 'any', 'bad_signature', $::Forged ] ]
--- response_body eval
[ map { ("GET /$_/bearer HTTP/1.0\n", "GET /$_/header HTTP/1.0\n",
         "GET /$_/cookie HTTP/1.0\nCookie: a=1\n",
         "GET /$_/arg?a=1 HTTP/1.0\n") } qw( all any ) ]



=== TEST 15: an argument is removed in ACCESS, also if the token is refused
--- jwks: es256
--- config eval
my $say = 'add_header X-Say "<$arg_t|$args|$request_uri|$request>" always;';
::location('/', $::Pass, $say, 'gateway_jwt r token=$arg_t;',
           'gateway_jwt_hide on;')
. ::location('/shown', $::Pass, $say, 'gateway_jwt r token=$arg_t;')
--- request eval
[ "GET /?t=$::T&a=1", "GET /?t=$::Forged&a=1", "GET /?a=1&t=x&t=y",
  "GET /shown?t=x" ]
--- error_code eval: [ 200, 401, 401, 401 ]
--- response_headers eval
[ ('X-Say: <|a=1|/?a=1|GET /?a=1 HTTP/1.1>') x 3,
  'X-Say: <x|t=x|/shown?t=x|GET /shown?t=x HTTP/1.1>' ]



=== TEST 16: two hidden credentials, each found again by its method
--- jwks: es256
--- config eval
my $say = 'add_header X-Say $gateway_consumer;';
my $hop = sub {
    my ($uri, $source, $to) = @_;
    return ::location($uri, "gateway_jwt r $source;", 'gateway_jwt_hide on;',
                      'root $TEST_NGINX_HTML_DIR;',
                      "try_files /none $to\$is_args\$args;");
};
my $end = sub {
    my ($uri, $source) = @_;
    return ::location($uri, "gateway_jwt r $source;", 'gateway_jwt_hide on;',
                      $say, $::Pass);
};
$hop->('/1', '', '/2') . $hop->('/2', 'token=$arg_t', '/3')
. $end->('/3', '')
. $hop->('/4', '', '/5') . $hop->('/5', 'token=$arg_t', '/6')
. $hop->('/6', '', '/7') . $end->('/7', 'token=$arg_t')
. $hop->('/8', 'token=$cookie_t', '/9') . $hop->('/9', '', '/10')
. $end->('/10', 'token=$cookie_t')
. $hop->('/11', '', '/12') . $end->('/12', 'token=$cookie_t')
--- request eval
my $bob = ::token(claims => { sub => 'bob' });
[ "GET /1?t=$bob&a=1", "GET /4?t=$bob&a=1", "GET /8?a=1", "GET /11?t=$bob" ]
--- more_headers eval
my $bob = ::token(claims => { sub => 'bob' });
[ map { "Authorization: Bearer $::T\n$_" } '', '', "Cookie: t=$bob; b=1\n", '' ]
--- error_code eval: [ 200, 200, 200, 401 ]
--- response_headers eval
[ 'X-Say: alice', 'X-Say: bob', 'X-Say: bob', '!X-Say' ]
--- response_body_like eval
[ '\AGET /3\?a=1 HTTP/1.0\n\z', '\AGET /7\?a=1 HTTP/1.0\n\z',
  '\AGET /10\?a=1 HTTP/1.0\nCookie: b=1\n\z', '"reason":"missing"' ]



=== TEST 17: X-Accel-Redirect with a new argument: that token is judged
--- jwks: es256
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / {
        add_header X-Accel-Redirect "/behind?$http_x_to";
        return 200;
    }
}
--- config eval
my @hide = ('gateway_jwt r token=$arg_t;', 'gateway_jwt_hide on;',
            'add_header X-Say "$gateway_consumer|$gateway_jwt_status" always;');
::location('/', @hide, 'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;')
. ::location('/behind', 'internal;', @hide, $::Pass,
             'proxy_set_header X-To "";')
--- request eval: [ ("GET /?t=$::T") x 5 ]
--- more_headers eval
my $bob = ::token(claims => { sub => 'bob' });
[ map { "X-To: $_\n" } 'a=1', "t=$bob&a=1", "t=$::Forged&a=1",
  "t=$bob&t=$::T", 't=&a=1' ]
--- error_code eval: [ 200, 200, 401, 401, 200 ]
--- response_headers eval
[ 'X-Say: alice|verified', 'X-Say: bob|verified', 'X-Say: |bad_signature',
  'X-Say: |duplicate_credential', 'X-Say: alice|verified' ]
--- response_body_like eval
[ ('\AGET /behind\?a=1 HTTP/1.0\n\z') x 2, '"bad_signature"',
  '"duplicate_credential"', '\AGET /behind\?' ]



=== TEST 18: a cookie is removed where nginx reads it
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt off token=$cookie_t;',
           'gateway_jwt_hide on;', 'add_header X-Status $gateway_jwt_status;')
--- request eval: [ ("GET /") x 7 ]
--- more_headers eval
[ map { 'Cookie: ' . s/T/$::T/r . "\n" }
  't =T; a=1', 'a=1; t = T; b=2', 't=  T; a=1', 't =x; t=T; a',
  't=T, a=1; b=2', '  a=1 ;  t=T ; b=2', 'a=1; tt=2, t2=3; t ; b' ]
--- response_headers eval
[ map { "X-Status: $_" } ('unverified') x 3, 'duplicate_credential',
  'malformed_signature', 'malformed_signature', 'absent' ]
--- response_body eval
::got(map { s/(.+)/Cookie: $1\n/r }
      'a=1', 'a=1; b=2', 'a=1', 'a', 'b=2', 'a=1 ; b=2',
      'a=1; tt=2, t2=3; t ; b')



=== TEST 19: a cookie after a comma, which nginx reads before 1.29.6 only
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt off token=$cookie_t;',
           'gateway_jwt_hide on;', 'add_header X-Status $gateway_jwt_status;')
--- request eval: [ ("GET /") x 5 ]
--- more_headers eval
[ map { 'Cookie: ' . s/T/$::T/r . "\n" } @::Commas ]
--- response_headers eval
[ map { "X-Status: $_" } $::Commas
  ? (('unverified') x 3, 'duplicate_credential', 'unverified')
  : (('malformed_header') x 3, 'duplicate_credential', 'malformed_header') ]
--- response_body eval
::got(map { s/(.+)/Cookie: $1\n/r } $::Commas
      ? ('a=1, b=2', 'a=1, b=2', 'a=1,', 'a=1,', 'a, b')
      : ('a=1; b=2', 'a=1; b=2', 'a=1', 'a=1', 'a; b'))



=== TEST 20: mirror does not see it either
--- jwks: es256
--- http_config
log_format seen '<$request_uri|$http_authorization|$http_cookie>';
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    access_log logs/access.log seen;
    location / { return 204; }
}
--- config eval
"access_log off;\n"
. ::location('= /copy', 'internal;',
             'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1$request_uri;')
. ::location('/hidden', $::Pass, 'mirror /copy; gateway_jwt r token=$cookie_t;',
             'gateway_jwt_hide on;')
--- request
GET /hidden
--- more_headers eval: "Authorization: Basic YTpi\nCookie: a=1; t=$::T\n"
--- wait: 0.1
--- access_log
</hidden|Basic YTpi|a=1>
--- response_body
GET /hidden HTTP/1.0
Authorization: Basic YTpi
Cookie: a=1



=== TEST 21: an error page hides by its own location
--- jwks: es256
--- config eval
my @hide = ('gateway_jwt_hide on;', 'error_page 401 /page/*;');
::for_sources('/on/*', @hide, $::Pass)
. ::location('= /page/bearer', $::Pass, 'gateway_jwt off; gateway_jwt_hide on;')
. ::location('= /page/header', $::Pass, 'gateway_jwt off; gateway_jwt_hide on;')
. ::location('= /page/cookie', $::Pass, 'gateway_jwt off;')
. ::location('= /page/arg', $::Pass =~ s/;/\$request_uri;/r, 'gateway_jwt off;')
--- request eval
[ "GET /on/bearer", "GET /on/header", "GET /on/cookie",
  "GET /on/arg?t=$::Forged&a=1" ]
--- more_headers eval
[ "Authorization: Bearer $::Forged\n", "X-Token: $::Forged\nX-A: 1\n",
  "Cookie: t=$::Forged; a=1\n", '' ]
--- error_code eval: [ (401) x 4 ]
--- response_body eval
[ "GET /page/bearer HTTP/1.0\n", "GET /page/header HTTP/1.0\nX-A: 1\n",
  "GET /page/cookie HTTP/1.0\nCookie: t=$::Forged; a=1\n",
  "GET /on/arg?a=1 HTTP/1.0\n" ]



=== TEST 22: spellings that only upstreams read are removed, too
--- jwks: es256
--- config eval
my @hide = ('gateway_jwt_hide on;', 'gateway_jwt_mode dry_run;', $::Pass,
            'add_header X-Status $gateway_jwt_status;');
::location('/bearer', 'gateway_jwt r;', @hide)
. ::location('/cookie', 'gateway_jwt r token=$cookie_a_t;', @hide)
. ::location('/arg', 'gateway_jwt r token=$arg_a_t;', @hide)
--- request eval
[ ('GET /bearer') x 3, ('GET /cookie') x 8,
  map { 'GET ' . s/T/$::T/r } '/arg?x=1&a%5ft=T&y=2', '/arg?+a_t=T',
  '/arg?a_t[]=T&x', '/arg?x=1;a_t=T;y=2&z', '/arg?a_t=1&x=%20&a.t=T',
  '/arg?x=1#&a_t=T', '/arg#?a_t=T', '/arg?xa_t=T&a_t.x=1' ]
--- more_headers eval
[ map({ "Authorization: $_\nX-A: 1\n" } "Bearer\t$::T", "Basic x, Bearer $::T",
      'Basic x'),
  map({ 'Cookie: ' . s/T/$::T/r . "\n" }
      "x=1;\ta_t=T; y=2", "a_t\t=T", 'x=1; %61_t=T', 'x=1 a_t=T; y=2',
      'a_t=1; x=2; a_t[]=T', 'a.t=T; a t=T; x=1', "x=1; a_t=T\nCookie: =a_t=T",
      'xa_t=T; a_t.x=1'), ('') x 8 ]
--- response_headers eval
[ map { "X-Status: $_" } ('malformed_header') x 2, 'absent',
  ('malformed_header') x 4, ('duplicate_credential') x 3, 'absent',
  ('malformed_header') x 4, 'duplicate_credential', ('malformed_header') x 2,
  'absent' ]
--- response_body eval
[ map({ "GET /bearer HTTP/1.0\n$_" } ("X-A: 1\n") x 2,
      "Authorization: Basic x\nX-A: 1\n"),
  map({ "GET /cookie HTTP/1.0\n$_" }
      "Cookie: x=1; y=2\n", '', "Cookie: x=1\n", "Cookie: x=1; y=2\n",
      "Cookie: x=2\n", "Cookie: x=1\n", "Cookie: x=1\n",
      "Cookie: xa_t=$::T; a_t.x=1\n"),
  map({ "GET $_ HTTP/1.0\n" } '/arg?x=1&y=2', '/arg', '/arg?x',
      '/arg?x=1&z', '/arg?x=%20', '/arg?x=1#', '/arg#',
      "/arg?xa_t=$::T&a_t.x=1") ]
