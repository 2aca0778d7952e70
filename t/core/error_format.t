# SPDX-License-Identifier: BSD-2-Clause

# What a refused client receives: the problem document, nginx's page or
# error_page, always with the challenge, with each version of HTTP and on
# keepalive connections.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use IO::Socket::INET;
use IO::Uncompress::Gunzip ();
use Time::HiRes qw( time );

$Test::Gateway::More = 1;

sub bearer { "Authorization: Bearer $_[0]\n" }

our $T = token(claims => { sub => 'alice', scope => 'read' });
our $Poor = token(claims => { sub => 'alice', scope => 'x' });
our $Forged = edited($T, signature => sub { reverse $_[0] });

sub problem {
    my ($status, $title, $detail, $reason) = @_;
    return qq({"type":"about:blank","title":"$title","status":$status,)
           . qq("detail":"$detail","reason":"$reason"}\n);
}

our $Missing = problem(401, 'Unauthorized', 'no credential was presented',
                       'missing');
our $Invalid = problem(401, 'Unauthorized',
                       'the signature of the token is not valid',
                       'bad_signature');
our $Claim = problem(403, 'Forbidden', 'the claims of the token do not allow '
                     . 'this request', 'claim');

our $Bearer = 'WWW-Authenticate: Bearer realm="r"';
our $Json = 'Content-Type: application/problem+json';

our $Jwt = <<'END';
    gateway_jwt r;
    gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
    gateway_jwt_require_claim scope any read error=403;
    root $TEST_NGINX_HTML_DIR;
END

sub location { my ($uri, @lines) = @_; "location $uri { @lines }\n" }

# error pages that allow everybody: /in/* keeps the status, /ok/* sends 200

sub open_pages {
    my ($jwt, $say) = @_;

    my %page = (optional => "$jwt gateway_jwt_mode optional;",
                dry_run => "$jwt gateway_jwt_mode dry_run;",
                decode => 'gateway_jwt off token=$http_x_token;',
                off => 'gateway_jwt off;', plain => '');

    return CORE::join '', map {
        location("/in/$_", $jwt, "error_page 401 /page/$_;")
        . location("/ok/$_", $jwt, "error_page 401 =200 /page/$_;")
        . location("/page/$_", $page{$_}, $say, 'try_files /page =404;')
    } sort keys %page;
}

our @Open = qw( dry_run decode off plain );

no_root_location();
run_tests();


# --- on separate connections

my ($http1, $http2) = (free_port(), free_port());
my $text = http_conf(port => $http1, http =>
                     'log_format line "$request_method $request_uri $status";',
                     server => <<"END");
        listen 127.0.0.1:$http2 http2;
        access_log logs/access.log line;
        root html;
        gzip on;
        gzip_min_length 1;
        gzip_types application/problem+json;
        location / {
            gateway_jwt r;
            gateway_jwt_key_file jwks.json;
            gateway_jwt_require_claim scope any read error=403;
            empty_gif;
        }
        location /open { empty_gif; }
        location /page { error_page 401 /open; gateway_jwt r;
                         gateway_jwt_key_file jwks.json; }
END

my $server = start_nginx(conf => $text, port => $http1,
                         files => { 'jwks.json' => jwks('es256') });


# Sends texts, each after the response to the previous one; returns the responses
# [status, head, body], read until the server closes the connection.

sub talk {
    my (@texts) = @_;

    my $socket = IO::Socket::INET->new("127.0.0.1:$http1") or die "connect: $!";
    my ($answer, $end) = ('', time + 5);

    for my $i (0 .. $#texts) {
        print $socket $texts[$i];
        my $before = responses($answer);
        while (time < $end) {
            last if $i < $#texts && responses($answer) > $before;
            my $bits = '';
            vec($bits, fileno $socket, 1) = 1;
            next if !select $bits, undef, undef, 0.5;
            last if !sysread $socket, $answer, 65536, length $answer;
        }
    }
    return responses($answer);
}

sub responses {
    my ($text) = @_;

    my @found;
    while ($text =~ s{\A(HTTP/1\.1\ (\d+).*?\r\n\r\n)}{}s) {
        my ($head, $status) = ($1, $2);
        my ($length) = $head =~ /^Content-Length: (\d+)/m;
        last if length $text < ($length // 0);
        push @found, [ $status, $head, substr $text, 0, $length // 0, '' ];
    }
    push @found, [ 'rest', $text ] if length $text;
    return @found;
}

sub statuses { CORE::join ' ', map { $_->[0] } @_ }

sub logged {
    return Test::Gateway::Server::slurp($server->dir . '/logs/access.log');
}

my $host = "Host: localhost\r\n";
my $close = "Connection: close\r\n";
my $auth = "Authorization: Bearer $T\r\n";
my $last = "GET /open/last HTTP/1.1\r\n$host$close\r\n";
my $evil = "GET /open/evil HTTP/1.1\r\n$host\r\n";
my $size = length $evil;

{
    my @got = talk("GET /a HTTP/1.1\r\n$host\r\n"
                   . "GET /b HTTP/1.1\r\n$host$auth\r\n"
                   . "GET /c HTTP/1.1\r\n$host\r\n" . $last);
    Test::More::is(statuses(@got), '401 200 401 200',
                   'pipelined requests are judged each for itself');
    Test::More::is($got[0][2] . $got[2][2], $Missing . $Missing,
                   'and each refusal has its body');
}

Test::More::is(statuses(talk("POST /t HTTP/1.1\r\n${host}Content-Length: $size"
                             . "\r\n\r\n$evil$last")),
               '401 200', 'a body that came with the refused request is passed');

Test::More::is(statuses(talk("POST /t HTTP/1.1\r\n${host}Content-Length: $size"
                             . "\r\n\r\n", $evil . $last)),
               '401 200', 'a body that comes after the answer is passed');

Test::More::is(statuses(talk("POST /t HTTP/1.1\r\n${host}Content-Length: "
                             . 200 * $size . "\r\n\r\n" . $evil x 20,
                             $evil x 180 . $last)),
               '401 200', 'a long body that comes in halves is passed');

my $chunk = sprintf "%x\r\n%s\r\n0\r\n\r\n", $size, $evil;

Test::More::is(statuses(talk("POST /t HTTP/1.1\r\n${host}Transfer-Encoding: "
                             . "chunked\r\n\r\n$chunk$last")),
               '401 200', 'a chunked body that came along is passed');

Test::More::is(statuses(talk("POST /t HTTP/1.1\r\n${host}Transfer-Encoding: "
                             . "chunked\r\n\r\n", $chunk . $last)),
               '401 200', 'a chunked body that comes after is passed');

{
    my @got = talk("POST /t HTTP/1.1\r\n${host}Content-Length: $size\r\n"
                   . "Expect: 100-continue\r\n\r\n", $evil . $last);
    Test::More::is(statuses(@got), '401 200',
                   'Expect: 100-continue is answered with 401 alone');
    Test::More::is($got[0][2], $Missing, 'with its body');
}

{
    my @got = talk("POST /page HTTP/1.1\r\n${host}Content-Length: $size\r\n\r\n",
                   $evil . $last);
    Test::More::is(statuses(@got), '401 200',
                   'a body is passed where error_page answers');
}

{
    my @got = talk("GET /t HTTP/1.0\r\n\r\n");
    Test::More::is(statuses(@got), '401', 'HTTP/1.0 is refused');
    Test::More::is($got[0][2], $Missing, 'with the body');
    Test::More::like($got[0][1], qr/^Connection: close\r$/m, 'and closed');
}

Test::More::is((talk("GET /t\r\n"))[0][1], $Missing,
               'HTTP/0.9 receives the body alone');

Test::More::unlike(logged(), qr/evil/,
                   'no byte of a body ever became a request');


# --- gzip, which nginx applies to 200, 403 and 404

{
    my ($status, $head, $body) = $server->get('/t', headers =>
        [ "Authorization: Bearer $Poor", 'Accept-Encoding: gzip' ]);
    $body =~ s/\A[0-9a-f]+\r\n(.*)\r\n0\r\n\r\n\z/$1/s;
    IO::Uncompress::Gunzip::gunzip(\$body, \my $plain);
    Test::More::is("$status $plain", "403 $Claim", 'a body can be compressed');
    Test::More::like($head, qr/^Content-Encoding: gzip\r?$/m, 'and says so');

    ($status, $head, $body) = $server->get('/t', headers =>
                                           [ 'Accept-Encoding: gzip' ]);
    Test::More::is("$status $body", "401 $Missing", 'a 401 is not, as in nginx');
    Test::More::unlike($head, qr/Content-Encoding/, 'and does not say so');
}


# --- HTTP/2

sub http2 {
    my ($uri, @options) = @_;

    my (undef, $said) = Test::Gateway::Server::command(
        'curl', '-s', '-i', '--max-time', 5, '--http2-prior-knowledge',
        @options, "http://127.0.0.1:$http2$uri");
    my ($head, $body) = split /\r\n\r\n/, $said, 2;
    return ($head // '', $body // '');
}

SKIP: {
    Test::More::skip('curl without HTTP/2', 9)
        if !grep { /\bHTTP2\b/ } `curl -V 2>&1`;

    my ($head, $body) = http2('/t');
    my $length = length $Missing;
    Test::More::like($head, qr{\AHTTP/2 401}, 'HTTP/2: refused');
    Test::More::is($body, $Missing, 'HTTP/2: with the body');
    Test::More::like($head, qr{^content-type: application/problem\+json\r$}m,
                     'HTTP/2: of its type');
    Test::More::like($head, qr{^content-length: $length\r$}m,
                     'HTTP/2: of its length');
    Test::More::is(scalar(() = $head =~ /^www-authenticate:/mg), 1,
                   'HTTP/2: with one challenge');

    ($head) = http2('/t', '-H', "Authorization: Bearer $T");
    Test::More::like($head, qr{\AHTTP/2 200}, 'HTTP/2: a good token passes');

    ($head, $body) = http2('/t', '-I');
    Test::More::like($head, qr{^content-length: $length(?:\r|\z)}m,
                     'HTTP/2: HEAD has the same lines');

    # curl may drop a response that arrives before the body is sent: check the log
    http2('/h2-body', '-d', $evil x 50);
    Test::More::ok(Test::Gateway::Server::wait_until(
                       sub { logged() =~ m{^POST /h2-body 401$}m }),
                   'HTTP/2: a body is not waited for');
    Test::More::unlike(logged(), qr/evil/, 'HTTP/2: nor is it a request');
}

$server->stop;


# --- the reason is logged with any page

$server = start_nginx(
    files  => { 'jwks.json' => jwks('es256'), 'html/page' => "the page\n" },
    http   => 'log_format say "$request_uri $status $gateway_auth_reason";',
    server => 'access_log logs/access.log say; root html;'
              . open_pages('gateway_jwt r; gateway_jwt_key_file jwks.json;', ''),
);

for my $page (@Open) {
    $server->get("/$_/$page") for qw( in ok );
    $server->get("/$_/$page", headers =>
                 [ "X-Token: $Forged", "Authorization: Bearer $Forged" ])
        for qw( in ok );
}
$server->get("/$_/optional") for qw( in ok );
$server->stop;

Test::More::is(logged(), CORE::join('', map({ my $page = $_;
    map { my $reason = $_; ("/in/$page 401 $reason\n",
                            "/ok/$page 200 $reason\n") }
        'missing', 'bad_signature' } @Open),
    "/in/optional 401 missing\n/ok/optional 200 missing\n"),
    'the log has the reason, whatever page was sent');

done_testing();

__DATA__

=== TEST 1: a refusal is a problem document of RFC 9457, byte for byte
--- jwks: es256
--- config eval: ::location('/', $::Jwt, 'empty_gif;')
--- request eval: [ ("GET /") x 4 ]
--- more_headers eval
[ '', ::bearer($::Forged), ::bearer($::Poor), ::bearer($::T) ]
--- error_code eval: [ 401, 401, 403, 200 ]
--- response_headers eval
my $scope = ', error="insufficient_scope", error_description="the claims of '
            . 'the token do not allow this request", scope="read"';
my $invalid = ', error="invalid_token", error_description="the signature of '
              . 'the token is not valid"';
[ "$::Json\nContent-Length: " . length($::Missing) . "\n$::Bearer",
  "$::Json\nContent-Length: " . length($::Invalid) . "\n$::Bearer$invalid",
  "$::Json\nContent-Length: " . length($::Claim) . "\n$::Bearer$scope",
  "Content-Type: image/gif\n!WWW-Authenticate" ]
--- response_body_like eval
[ map { "\\A$_\\z" } quotemeta $::Missing, quotemeta $::Invalid,
                     quotemeta $::Claim, 'GIF.*' ]



=== TEST 2: HEAD has the same lines and no body
--- jwks: es256
--- config eval: ::location('/', $::Jwt, 'empty_gif;')
--- request eval: [ "HEAD /", "HEAD /" ]
--- more_headers eval: [ '', ::bearer($::Poor) ]
--- error_code eval: [ 401, 403 ]
--- response_headers eval
[ "$::Json\nContent-Length: " . length($::Missing) . "\n$::Bearer",
  "$::Json\nContent-Length: " . length($::Claim) ]
--- response_body eval: [ '', '' ]



=== TEST 3: off sends nginx's page with the challenge; an inner block sets problem
--- jwks: es256
--- config eval
"gateway_error_format off;\n"
. ::location('/', $::Jwt, 'empty_gif;')
. ::location('/said', $::Jwt, 'gateway_error_format problem; empty_gif;')
. ::location('/limited', $::Jwt, 'empty_gif; limit_except GET { '
             . 'gateway_error_format problem; }')
--- request eval: [ "GET /", "GET /said", "GET /limited", "PUT /limited" ]
--- error_code eval: [ (401) x 4 ]
--- response_headers eval
[ "Content-Type: text/html\n$::Bearer", "$::Json\n$::Bearer",
  "Content-Type: text/html\n$::Bearer", "$::Json\n$::Bearer" ]
--- response_body_like eval
[ '<h1>401 Authorization Required</h1>', '"missing"',
  '<h1>401 Authorization Required</h1>', '"missing"' ]



=== TEST 4: error_page replaces the body, and a 401 keeps its challenge
--- jwks: es256
--- user_files
>>> login.html
please log in
--- config eval
::location('= /login.html', 'root $TEST_NGINX_HTML_DIR;')
. ::location('@login', 'root $TEST_NGINX_HTML_DIR;',
             'try_files /login.html =500;')
. ::location('@said', 'return 401 "by return";')
. ::location('/uri', $::Jwt, 'error_page 401 403 /login.html;')
. ::location('/named', $::Jwt, 'error_page 401 403 @login;')
. ::location('/return', $::Jwt, 'error_page 401 403 = @said;')
--- request eval: [ map { ("GET /$_") x 2 } qw( uri named return ) ]
--- more_headers eval: [ ('', ::bearer($::Poor)) x 3 ]
--- error_code eval: [ 401, 403, 401, 403, 401, 401 ]
--- response_headers eval
my $page = "Content-Type: text/html\nContent-Length: 14";
[ ("$page\n$::Bearer", $page) x 2,
  "Content-Length: 9\n$::Bearer", "Content-Length: 9" ]
--- response_body eval
[ ("please log in\n") x 4, ("by return") x 2 ]



=== TEST 5: error_page of another status has neither body nor challenge of ours
--- jwks: es256
--- user_files
>>> login.html
please log in
--- config eval
::location('= /login.html', 'root $TEST_NGINX_HTML_DIR;')
. ::location('/zero', $::Jwt, 'error_page 401 403 =200 /login.html;')
. ::location('/away', $::Jwt, 'error_page 401 403 https://login.example/;')
. ::location('/other', $::Jwt, 'error_page 401 403 =404 @gone;')
. ::location('@gone', 'return 404 gone;')
--- request eval: [ map { "GET /$_" } qw( zero away other ) ]
--- error_code eval: [ 200, 302, 404 ]
--- response_headers eval
[ "!WWW-Authenticate\nContent-Type: text/html",
  "!WWW-Authenticate\nLocation: https://login.example/\nContent-Type: text/html",
  "!WWW-Authenticate\nContent-Type: text/plain" ]
--- response_body_like eval
[ '^please log in$', '302 Found', '^gone$' ]



=== TEST 6: an error page that is protected itself: one refusal, one challenge
--- jwks: es256
--- config eval
"error_page 401 /in/login;\n"
. ::location('/in/', $::Jwt) . ::location('/', $::Jwt)
--- request eval: [ "GET /t", "GET /in/login" ]
--- error_code eval: [ 401, 401 ]
--- response_headers eval: [ ("$::Json\n$::Bearer") x 2 ]
--- response_body eval: [ $::Missing, $::Missing ]



=== TEST 7: an error page of another status that leads to a protected location
--- jwks: es256
--- config eval
::location('/front', 'root $TEST_NGINX_HTML_DIR; error_page 404 /back;')
. ::location('/back', $::Jwt)
--- request
GET /front/none
--- error_code: 401
--- response_headers eval: "$::Json\n$::Bearer"
--- response_body eval: $::Missing



=== TEST 8: no other filter or request header changes the body
--- jwks: es256
--- config eval
"charset utf-8; msie_padding on; server_tokens off; etag on; ssi on;\n"
. ::location('/', $::Jwt, 'empty_gif;')
--- request eval: [ ("GET /") x 4 ]
--- more_headers eval
[ "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)\n", "Range: bytes=0-3\n",
  "If-None-Match: *\n", "Accept: text/html\n" ]
--- error_code eval: [ (401) x 4 ]
--- response_headers eval
[ ("$::Json\nContent-Length: " . length($::Missing) . "\n!Content-Range") x 4 ]
--- response_body eval: [ ($::Missing) x 4 ]



=== TEST 9: nginx's own refusals keep nginx's page
--- jwks: es256
--- user_files
>>> dir/file
--- config eval
::location('/', $::Jwt) . ::location('/deny', $::Jwt, 'deny all;')
. ::location('/none', 'deny all;')
--- request eval: [ map { "GET /$_" } qw( dir/ deny none nothing ) ]
--- more_headers eval: [ (::bearer($::T)) x 4 ]
--- error_code eval: [ 403, 403, 403, 404 ]
--- response_headers eval
[ ("Content-Type: text/html\n!WWW-Authenticate") x 4 ]



=== TEST 10: realm can contain variables, and special characters are quoted
--- jwks: es256
--- config eval
::location('/', $::Jwt =~ s/gateway_jwt r;/gateway_jwt "\$arg_r";/r,
           'empty_gif;')
--- request eval: [ 'GET /?r=shop', 'GET /?r=a"b\\c', 'GET /' ]
--- error_code eval: [ (401) x 3 ]
--- response_headers eval
[ 'WWW-Authenticate: Bearer realm="shop"',
  'WWW-Authenticate: Bearer realm="a\\"b\\\\c"', 'WWW-Authenticate: Bearer' ]



=== TEST 11: an error page open to everybody keeps the challenge of its 401
--- jwks: es256
--- user_files
>>> page
the page
--- config eval
'root $TEST_NGINX_HTML_DIR;'
. ::open_pages($::Jwt, 'add_header X-Reason "<$gateway_auth_reason>" always;')
--- request eval
[ map { my $page = $_; map { "GET /$_/$page" } qw( in ok page ) }
      'optional', @::Open ]
--- error_code eval: [ (401, 200, 200) x 5 ]
--- response_headers eval
my $none = "!WWW-Authenticate\nContent-Length: 9\nX-Reason: ";
[ map { ("$::Bearer\nContent-Length: 9\nX-Reason: <missing>",
         "$none<missing>", "$none<$_>") } '', 'missing', '', '', '' ]
--- response_body eval: [ ("the page\n") x 15 ]



=== TEST 12: likewise for a bad token, unless the page itself refuses it
--- jwks: es256
--- user_files
>>> page
the page
--- config eval
'root $TEST_NGINX_HTML_DIR;'
. ::open_pages($::Jwt, 'add_header X-Reason "<$gateway_auth_reason>" always;')
--- request eval
[ (map { ("GET /in/$_", "GET /ok/$_") } @::Open),
  "GET /in/optional", "GET /ok/optional" ]
--- more_headers eval
[ ("X-Token: $::Forged\n" . ::bearer($::Forged)) x 10 ]
--- error_code eval: [ (401, 200) x 4, 401, 401 ]
--- response_headers eval
my $invalid = $::Bearer . ', error="invalid_token", error_description="the '
              . 'signature of the token is not valid"';
my $reason = "\nX-Reason: <bad_signature>";
[ ("Content-Length: 9\n$invalid$reason", "!WWW-Authenticate$reason") x 4,
  ("$::Json\n$invalid$reason") x 2 ]
--- response_body eval: [ ("the page\n") x 8, ($::Invalid) x 2 ]
