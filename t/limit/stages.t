# SPDX-License-Identifier: BSD-2-Clause

# When limits are decided: early ones before authentication, late ones after it,
# once for a zone however often a request changes its location, and not for
# subrequests.  Also the unread body of a rejected request.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

$Test::Gateway::More = 1;

our $Consumers = consumers(consumer('acme', groups => [ 'partners' ]),
                           consumer('beta'));
our $T = token(claims => { sub => 'alice' });
our $Forged = edited($T, signature => sub { reverse $_[0] });

sub with { 'X-API-Key: ' . api_key($_[0]) }

our $BadKey = 'X-API-Key: nonsense';

our $Zones = <<'END';
gateway_limit_zone $arg_k zone=late:1m rate=1r/d burst=2;
gateway_limit_zone $arg_k zone=early:1m rate=1r/d burst=2 stage=early;
add_header X-Is "$gateway_limit_status $gateway_limit_zone $gateway_limit_remaining" always;
END

our $Look = <<'END';
location = /look/late { gateway_limit zone=late cost=0; empty_gif; }
location = /look/early { gateway_limit zone=early cost=0; empty_gif; }
END

sub left { 'X-RateLimit-Remaining: ' . $_[0] }

no_root_location();
run_tests();

bodies();
old_versions();
proxied();
nobody();
done_testing();


# --- unread bodies

sub raw {
    my ($server, @parts) = @_;

    my $socket = IO::Socket::INET->new('127.0.0.1:' . $server->port)
        or die "connect: $!";
    local $SIG{PIPE} = 'IGNORE';
    for (@parts) {
        syswrite $socket, $_;
        select undef, undef, undef, 0.05 if @parts > 1;
    }

    # the last request has "close"; if it is lost, the test must not hang
    local $SIG{ALRM} = sub { die "no answer\n" };
    alarm 10;
    my $text = eval { CORE::join '', <$socket> } // 'no answer';
    alarm 0;
    return $text;
}

sub statuses { CORE::join ' ', $_[0] =~ m{^HTTP/1\.1 (\d+)}mg }

sub bodies {
    my $server = start_nginx(
        http => 'gateway_limit_zone $arg_k zone=early:1m rate=0r/d stage=early;'
                . ' gateway_limit_zone $arg_k zone=late:1m rate=0r/d;'
                . ' log_format uri "$request_uri"; lingering_timeout 1s;',
        server => <<'END');
        access_log logs/uris.log uri;
        client_header_buffer_size 1k;
        location /early { gateway_limit zone=early; empty_gif; }
        location /late  { gateway_limit zone=late; empty_gif; }
        location /fine  { return 200 fine; }
END

    my $body = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    my $fine = "GET /fine HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    my $chunked = sprintf "%x\r\n%s\r\n0\r\n\r\n", length $body, $body;
    my $seen = 0;

    for my $stage (qw( early late )) {
        my $post = "POST /$stage?k=1 HTTP/1.1\r\nHost: a\r\n";
        my $length = $post . 'Content-Length: ' . length($body) . "\r\n";

        my %case = (
            'in one write'      => [ "$length\r\n$body$fine" ],
            'the body later'    => [ "$length\r\n", "$body$fine" ],
            'cut in the body'   => [ "$length\r\n" . substr($body, 0, 9),
                                     substr($body, 9) . $fine ],
            'chunked'           => [ "${post}Transfer-Encoding: chunked\r\n\r\n"
                                     . "$chunked$fine" ],
            'chunked, cut'      => [ "${post}Transfer-Encoding: chunked\r\n\r\n"
                                     . substr($chunked, 0, 12),
                                     substr($chunked, 12) . $fine ],
            'large'             => [ $post . 'Content-Length: '
                                     . 3000 * length($body) . "\r\n\r\n",
                                     $body x 3000 . $fine ],
            'two, pipelined'    => [ ("$length\r\n$body") x 2 . $fine ],
        );

        for (sort keys %case) {
            my $want = /two/ ? '429 429 200' : '429 200';
            my $text = raw($server, @{ $case{$_} });
            Test::More::is(statuses($text), $want, "$stage: a body, $_");
            Test::More::unlike($text, qr/404/, "$stage: $_: the body is not a request");
        }

        my $text = raw($server, "${length}Expect: 100-continue\r\n\r\n",
                       "$body$fine");
        Test::More::like(statuses($text), qr/^(?:100 )?429 200$/,
                         "$stage: Expect: 100-continue");

        # a client that does not send the announced body
        $text = raw($server, "${post}Content-Length: 5\r\n"
                             . "Connection: close\r\n\r\n");
        Test::More::is(statuses($text), '429', "$stage: a body that is not sent");
    }

    my $log = Test::Gateway::Server::slurp($server->dir . '/logs/uris.log');
    Test::More::unlike($log, qr/smuggled/, 'no body was read as a request');
    $server->stop;
}


# --- HTTP/1.0 and 0.9

sub old_versions {
    my $server = start_nginx(
        http => 'gateway_limit_zone $arg_k zone=early:1m rate=1r/d stage=early;'
                . ' gateway_limit_zone $arg_k zone=late:1m rate=1r/d;',
        server => <<'END');
        location /early { gateway_limit zone=early; error_page 404 /; }
        location /late  { gateway_limit zone=late; alias logs/../nginx.conf; }
END

    for my $stage (qw( early late )) {
        my @text = map { raw($server, "GET /$stage?k=1 HTTP/1.0\r\n\r\n") } 1, 2;
        my @status = map { m{^HTTP/1\.1 (\d+)} } @text;
        Test::More::is($status[1], 429, "$stage: HTTP/1.0");
        Test::More::isnt($status[0], 429, "$stage: HTTP/1.0, the one before");
        Test::More::like($text[1], qr/^Retry-After: \d+\r$/m, 'with its fields');
        Test::More::like($text[1], qr/^Connection: close\r$/m, 'and closed');

        @text = map { raw($server, "GET /$stage?k=2\r\n") } 1, 2;
        Test::More::unlike($text[0], qr/rate_exceeded/, "$stage: HTTP/0.9");
        Test::More::is($text[1], '{"type":"https://iana.org/assignments/'
            . 'http-problem-types#quota-exceeded","title":"Request cannot be '
            . 'satisfied as assigned quota has been exceeded","status":429,'
            . '"detail":"the rate limit is exceeded",'
            . '"reason":"rate_exceeded","violated-policies":["' . $stage
            . '"]}' . "\n", 'rejected, with the body only');
    }
    $server->stop;
}


# --- rejected requests do not reach the origin

sub proxied {
    my $port = free_port();
    my $server = start_nginx(
        http => 'gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=2;'
                . ' gateway_limit_zone $arg_k zone=e:1m rate=1r/d burst=2'
                . ' stage=early; log_format uri "$request_uri";',
        server => <<"END");
        location /z { gateway_limit zone=z; proxy_pass http://127.0.0.1:$port; }
        location /e { gateway_limit zone=e; proxy_pass http://127.0.0.1:$port; }
    }
    server {
        listen 127.0.0.1:$port;
        access_log logs/origin.log uri;
        location / { return 200 ok; }
END

    my @said = map { my $path = $_; map { ($server->get("/$path?k=1"))[0] } 1 .. 6 }
               qw( z e );
    Test::More::is("@said", CORE::join(' ', ((200) x 3, (429) x 3) x 2),
                   'three of six pass');
    Test::More::is(Test::Gateway::Server::slurp($server->dir . '/logs/origin.log'),
                   "/z?k=1\n" x 3 . "/e?k=1\n" x 3, 'and reach the origin');
    $server->stop;
}


# --- a request without a credential that passes beside two methods is not limited by
# $gateway_consumer: the configuration does not show this, so a request logs it

sub nobody {
    my $server = start_nginx(
        workers => 1,
        files => { 'consumers.json' => $Consumers, 'keys.json' => jwks('es256') },
        http => <<'END', server => <<'END');
        gateway_consumers zone=c:1m file=consumers.json;
        gateway_limit_zone $gateway_consumer zone=who:1m rate=1r/d;
        gateway_limit_zone $gateway_jwt_claim_sub zone=claim:1m rate=1r/d;
END
        location /any {
            satisfy any; allow 127.0.0.1; deny all;
            gateway_api_key r; gateway_jwt r; gateway_jwt_key_file keys.json;
            gateway_limit zone=who; empty_gif;
        }
        location /no {
            satisfy any; deny all;
            gateway_api_key r; gateway_jwt r; gateway_jwt_key_file keys.json;
            gateway_limit zone=who; empty_gif;
        }
        location /told { gateway_limit zone=who; empty_gif; }
        location /claim {
            gateway_api_key r; gateway_limit zone=claim; empty_gif;
        }
END

    my $warnings = sub { grep { /\[warn\].*is empty for a request/ }
                         split /^/, $server->log };

    my @said = map { ($server->get('/no', headers => $_))[0] }
               [], [ with('acme') ], [ with('acme') ];
    Test::More::is("@said", '401 200 429', 'two methods and nothing else');
    $server->get('/told') for 1, 2;
    Test::More::is(scalar($warnings->()), 0, 'nothing to log, or logged before');

    @said = map { ($server->get('/any'))[0] } 1 .. 3;
    Test::More::is("@said", '200 200 200', 'two methods, and an address');
    my @lines = $warnings->();
    Test::More::is(scalar(@lines), 1, 'logged once');
    my $said = 'which is empty for a request that the block in \S+nginx\.conf:\d+ admits';
    Test::More::like($lines[0], qr/zone "who" counts by \$gateway_consumer, $said/,
        'with the place');

    @said = map { ($server->get('/claim', headers => [ with('acme') ]))[0] } 1 .. 3;
    Test::More::is("@said", '200 200 200', 'a claim where no token is read');
    @lines = $warnings->();
    Test::More::is(scalar(@lines), 2, 'logged once');
    Test::More::like($lines[1],
        qr/zone "claim" counts by \$gateway_jwt_claim_sub, $said/, 'likewise');
    $server->stop;
}

__DATA__

=== TEST 1: satisfy all: invalid keys are charged early, and then rejected with 429
--- consumers eval: $::Consumers
--- http_config eval: $::Zones
--- config eval
$::Look . 'location /t { gateway_api_key r; gateway_limit zone=early; gateway_limit zone=late; empty_gif; }'
--- request eval: [ ('GET /t?k=1') x 5, 'GET /look/early?k=1', 'GET /look/late?k=1' ]
--- more_headers eval: [ ($::BadKey) x 4, ::with('acme'), '', '' ]
--- error_code eval: [ 401, 401, 401, 429, 429, 200, 200 ]
--- response_headers eval
[ (map { "X-Is: PASSED early $_\nWWW-Authenticate: Key realm=\"r\"" } 2, 1, 0),
  ("X-Is: REJECTED early 0\n!WWW-Authenticate") x 2, ::left(0), ::left(3) ]



=== TEST 2: forged tokens likewise
--- jwks: es256
--- http_config eval: $::Zones
--- config eval
$::Look . 'location /t { gateway_jwt r; gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;
gateway_limit zone=early; gateway_limit zone=late; empty_gif; }'
--- request eval: [ ('GET /t?k=1') x 5, 'GET /look/late?k=1' ]
--- more_headers eval: [ "Authorization: Bearer $::T", (("Authorization: Bearer $::Forged") x 3), "Authorization: Bearer $::T", '' ]
--- error_code eval: [ 200, 401, 401, 429, 429, 200 ]
--- response_headers eval: [ ('X-RateLimit-Limit: 3') x 5, ::left(2) ]



=== TEST 3: satisfy any: invalid keys and passwords are charged early
--- consumers eval: $::Consumers
--- http_config eval: $::Zones
--- config eval
$::Look . 'location /t { satisfy any; allow 10.0.0.0/8; deny all; gateway_api_key r;
auth_basic b; auth_basic_user_file $TEST_NGINX_HTML_DIR/htpasswd;
gateway_limit zone=early; gateway_limit zone=late; empty_gif; }
location /open { satisfy any; allow all; gateway_api_key r; gateway_limit zone=early; empty_gif; }'
--- user_files
>>> htpasswd
u:{PLAIN}p
--- request eval
[ ('GET /t?k=1') x 5, 'GET /look/late?k=1', ('GET /open?k=2') x 5, 'GET /t?k=3', 'GET /t?k=3' ]
--- more_headers eval
[ $::BadKey, 'Authorization: Basic eDp5', ::with('acme'), ::with('acme'),
  'Authorization: Basic dTpw', '', $::BadKey, $::BadKey, '', '', ::with('acme'),
  'Authorization: Basic dTpw', ::with('beta') ]
--- error_code eval
[ 401, 401, 200, 429, 429, 200, 200, 200, 200, 429, 429, 200, 200 ]
--- response_headers eval
[ ('X-RateLimit-Limit: 3') x 5, ::left(2), ('X-RateLimit-Limit: 3') x 7 ]



=== TEST 4: satisfy any: a rejection with 403 or 401 is final
--- consumers eval: $::Consumers
--- http_config eval: $::Zones
--- config eval
join '', map { "location /s$_ { satisfy any; allow all; gateway_api_key r;
auth_basic b; auth_basic_user_file \$TEST_NGINX_HTML_DIR/htpasswd;
gateway_limit_status $_; gateway_limit zone=early; empty_gif; }\n" } 403, 401, 429
--- user_files
>>> htpasswd
u:{PLAIN}p
--- request eval: [ map { my $s = $_; ("GET /s$s?k=$s") x 6 } 403, 401, 429 ]
--- more_headers eval
[ ('', '', '', '', ::with('acme'), 'Authorization: Basic dTpw') x 3 ]
--- error_code eval: [ map { (200, 200, 200, $_, $_, $_) } 403, 401, 429 ]
--- response_headers eval
[ (("X-RateLimit-Limit: 3\n!Retry-After") x 3,
   ("Content-Type: application/problem+json\nX-Is: REJECTED early 0") x 3) x 3 ]



=== TEST 5: satisfy all: the same with 403 and 401
--- consumers eval: $::Consumers
--- http_config eval: $::Zones
--- config eval
join '', map { "location /s$_ { gateway_api_key r; gateway_limit_status $_;
gateway_limit zone=early; empty_gif; }\n" } 403, 401
--- request eval: [ map { my $s = $_; ("GET /s$s?k=$s") x 5 } 403, 401 ]
--- more_headers eval: [ (::with('acme')) x 10 ]
--- error_code eval: [ map { (200, 200, 200, $_, $_) } 403, 401 ]



=== TEST 6: a late limit is not charged if authentication rejects
--- jwks: es256
--- consumers eval: $::Consumers
--- http_config eval: $::Zones
--- config eval
$::Look . '
location /key { gateway_api_key r; gateway_limit zone=late; empty_gif; }
location /group { gateway_api_key r; gateway_require_group partners; gateway_limit zone=late; empty_gif; }
location /jwt { gateway_jwt r; gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json; gateway_limit zone=late; empty_gif; }
location /deny { deny all; gateway_limit zone=late; empty_gif; }
location /basic { auth_basic b; auth_basic_user_file /dev/null; gateway_limit zone=late; empty_gif; }
location /auth { auth_request /no; gateway_limit zone=late; empty_gif; }
location /no { return 403; }
location /return { gateway_limit zone=late; gateway_limit zone=early; return 204; }'
--- request eval
[ (map { ("GET /$_?k=1") x 4 } qw( key group jwt deny basic auth return )),
  'GET /look/late?k=1', 'GET /look/early?k=1', ('GET /group?k=1') x 4 ]
--- more_headers eval
[ ($::BadKey) x 4, (::with('beta')) x 4, ("Authorization: Bearer $::Forged") x 4,
  ('') x 16, '', '', (::with('acme')) x 4 ]
--- error_code eval
[ (401) x 4, (403) x 4, (401) x 4, (403) x 4, (401) x 4, (403) x 4, (204) x 4,
  200, 200, 200, 200, 200, 429 ]
--- response_headers eval
[ ('!X-RateLimit-Limit') x 28, ::left(3), ::left(3), ::left(2), ::left(1),
  ::left(0), ::left(0) ]



=== TEST 7: realip of a location: the address that an early limit counts by
--- http_config
gateway_limit_zone $binary_remote_addr zone=e:1m rate=1r/d stage=early;
gateway_limit_zone $remote_addr zone=text:1m rate=1r/d stage=early;
--- config
location /e { set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP; gateway_limit zone=e; empty_gif; }
location /text { set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP; gateway_limit zone=text; empty_gif; }
location /not { gateway_limit zone=e; empty_gif; }
--- request eval: [ (map { ("GET /$_") x 4 } qw( e text not )) ]
--- more_headers eval: [ (map { "X-Real-IP: $_" } qw( 10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.3 )) x 3 ]
--- error_code eval: [ (200, 200, 429, 200) x 2, 200, 429, 429, 429 ]



=== TEST 8: try_files: once
--- http_config eval: $::Zones
--- config eval
$::Look . '
location /try { gateway_limit zone=late; gateway_limit zone=early; try_files /none /also/none /end?k=$arg_k; }
location /end { gateway_limit zone=late; gateway_limit zone=early; empty_gif; }
location /named { gateway_limit zone=late; gateway_limit zone=early; try_files /none @end; }
location @end { gateway_limit zone=late; gateway_limit zone=early; empty_gif; }'
--- request eval
[ ('GET /try?k=1') x 4, ('GET /named?k=2') x 4, ('GET /look/late?k=1'), 'GET /look/early?k=1' ]
--- error_code eval: [ (200, 200, 200, 429) x 2, 200, 200 ]
--- response_headers eval
[ ((map { ::left($_) } 2, 1, 0, 0) x 2), ::left(0), ::left(0) ]



=== TEST 9: index, a rewrite and an error page: once
--- http_config eval: $::Zones
--- config eval
$::Look . '
gateway_limit zone=late; gateway_limit zone=early;
location /i/ { alias $TEST_NGINX_HTML_DIR/; index page.html; }
location /r { rewrite ^ /i/page.html last; }
location /e { error_page 404 /i/page.html?k=$arg_k; }
location /n { error_page 404 @n; }
location @n { empty_gif; }'
--- user_files
>>> page.html
page
--- request eval
[ map { my $path = $_; map { "GET $path?k=$path" } 1 .. 4 } qw( /i/ /r /e /n ) ]
--- error_code eval
[ (200, 200, 200, 429) x 2, (404, 404, 404, 429) x 2 ]
--- response_headers eval
[ (map { ::left($_) } 2, 1, 0, 0) x 4 ]



=== TEST 10: X-Accel-Redirect: once
--- http_config eval
$::Zones . 'server { listen unix:$TEST_NGINX_HTML_DIR/o;
location / { add_header X-Accel-Redirect /in?k=$arg_k; return 200; } }'
--- config eval
'gateway_limit zone=late; gateway_limit zone=early;
location /x { proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:; }
location /in { internal; empty_gif; }'
--- request eval: [ ('GET /x?k=1') x 4 ]
--- error_code eval: [ 200, 200, 200, 429 ]
--- response_headers eval: [ map { ::left($_) } 2, 1, 0, 0 ]



=== TEST 11: the error page of a rejection passes, and keeps the fields
--- http_config eval: $::Zones
--- config eval
'gateway_limit zone=late; gateway_limit zone=early;
location /l { error_page 429 /sorry?k=$arg_k; empty_gif; }
location /n { error_page 429 @sorry; empty_gif; }
location /s { error_page 429 =503 /sorry?k=$arg_k; empty_gif; }
location = /sorry { default_type text/plain; alias $TEST_NGINX_HTML_DIR/sorry; }
location @sorry { default_type text/plain; root $TEST_NGINX_HTML_DIR; rewrite ^ /sorry break; }'
--- user_files
>>> sorry
come back later
--- request eval: [ ('GET /l?k=1') x 5, ('GET /n?k=2') x 4, ('GET /s?k=3') x 4 ]
--- error_code eval: [ 200, 200, 200, 429, 429, 200, 200, 200, 429, 200, 200, 200, 503 ]
--- response_body_like eval
[ ('^GIF') x 3, ("^come back later\n\\z") x 2, ('^GIF') x 3, "^come back later\n\\z",
  ('^GIF') x 3, "^come back later\n\\z" ]
--- response_headers eval
[ ('!Retry-After') x 3, ("Content-Type: text/plain\nX-Is: REJECTED early 0\nX-RateLimit-Limit: 3") x 2,
  ('!Retry-After') x 3, "Content-Type: text/plain\nX-Is: REJECTED early 0\nX-RateLimit-Limit: 3",
  ('!Retry-After') x 3, "X-Is: REJECTED early 0" ]
--- raw_response_headers_like eval
[ ('') x 3, ('Retry-After: (?:86400|863\d\d)\r\n') x 2, ('') x 3,
  'Retry-After: (?:86400|863\d\d)\r\n', ('') x 3, 'Retry-After: (?:86400|863\d\d)\r\n' ]



=== TEST 12: a zone that only the second location has is charged there
--- http_config eval: $::Zones
--- config eval
$::Look . '
location /try { gateway_limit zone=late; try_files /none /end?k=$arg_k; }
location /end { gateway_limit zone=early; gateway_limit zone=late cost=3; empty_gif; }'
--- request eval: [ 'GET /try?k=1', 'GET /look/late?k=1', 'GET /look/early?k=1' ]
--- error_code eval: [ 200, 200, 200 ]
--- response_headers eval: [ '', ::left(2), ::left(2) ]



=== TEST 13: auth_request: its subrequest is not charged, the request once
--- http_config eval: $::Zones
--- config eval
'gateway_limit zone=late; gateway_limit zone=early;
location /t { auth_request /auth; empty_gif; }
location /auth { internal; return 204; }
location /twice { auth_request /auth/file; empty_gif; }
location /auth/file { internal; alias $TEST_NGINX_HTML_DIR/page.html; }'
--- user_files
>>> page.html
page
--- request eval: [ ('GET /t?k=1') x 4, ('GET /twice?k=2') x 4 ]
--- error_code eval: [ (200, 200, 200, 429) x 2 ]



=== TEST 14: SSI and mirror: subrequests are not charged
--- http_config eval: $::Zones
--- config eval
'gateway_limit zone=late; gateway_limit zone=early;
location /ssi { ssi on; default_type text/html; alias $TEST_NGINX_HTML_DIR/ssi.html; }
location /part { alias $TEST_NGINX_HTML_DIR/part; }
location /mirror { mirror /copy; empty_gif; }
location /copy { internal; empty_gif; }'
--- user_files
>>> ssi.html
<!--#include virtual="/part?k=1" --><!--#include virtual="/part?k=1" --><!--#include virtual="/part?k=1" -->.
>>> part
x
--- request eval: [ ('GET /ssi?k=1') x 4, ('GET /mirror?k=2') x 4 ]
--- error_code eval: [ (200, 200, 200, 429) x 2 ]
--- response_body_like eval
[ ("^x\nx\nx\n.\n\\z") x 3, 'quota-exceeded', ('^GIF') x 3, 'quota-exceeded' ]



=== TEST 15: "return" responds before both stages
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=0r/d;
gateway_limit_zone $arg_k zone=e:1m rate=0r/d stage=early;
--- config
location /r { gateway_limit zone=z; gateway_limit zone=e; return 200 r; }
location /if { gateway_limit zone=z; if ($arg_x) { return 204; } empty_gif; }
location /limit { gateway_limit zone=z; limit_except GET { deny all; } empty_gif; }
--- request eval: [ 'GET /r?k=1', 'GET /if?k=1&x=1', 'GET /if?k=1', 'GET /limit?k=1', 'POST /limit?k=1' ]
--- error_code eval: [ 200, 204, 429, 429, 403 ]



=== TEST 16: if limit_req of nginx rejects, late and early limits are not charged
--- http_config eval
$::Zones . 'limit_req_zone $arg_k zone=late:1m rate=1r/m; limit_req_status 420;
limit_req_log_level info;'
--- config eval
$::Look . 'location /t { limit_req zone=late; gateway_limit zone=late; gateway_limit zone=early; empty_gif; }
location /u { limit_req zone=late burst=9 nodelay; gateway_limit zone=late; empty_gif; }'
--- request eval: [ ('GET /t?k=1') x 3, 'GET /look/late?k=1', 'GET /look/early?k=1', ('GET /u?k=2') x 5 ]
--- error_code eval: [ 200, 420, 420, 200, 200, 200, 200, 200, 429, 429 ]
--- response_headers eval: [ ::left(2), ('!X-RateLimit-Limit') x 2, ::left(2), ::left(2), ::left(2), ::left(1), ::left(0), ('X-RateLimit-Remaining: 0') x 2 ]



=== TEST 17: a location that charged nothing does not exempt later ones
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=1;
--- config
location /dry { gateway_limit zone=z dry_run; try_files /none @strict; }
location /free { gateway_limit zone=z cost=0; try_files /none @strict; }
location @strict { gateway_limit zone=z; proxy_pass http://127.0.0.1:$server_port/end; }
location /end { return 204; }
--- request eval
[ ('GET /dry?k=1') x 3, ('GET /free?k=2') x 3 ]
--- error_code eval: [ 204, 204, 429, 204, 204, 429 ]
--- response_headers eval
[ 'X-RateLimit-Remaining: 1', 'X-RateLimit-Remaining: 0', 'X-RateLimit-Remaining: 0',
  'X-RateLimit-Remaining: 1', 'X-RateLimit-Remaining: 0', 'X-RateLimit-Remaining: 0' ]



=== TEST 18: an error page with limits of its own is limited by them
--- http_config
gateway_limit_zone $arg_k zone=fast:1m rate=1r/d;
gateway_limit_zone $arg_k zone=slow:1m rate=1r/d burst=1;
--- config
location /t { gateway_limit zone=fast; error_page 429 = @slow; empty_gif; }
location @slow { gateway_limit zone=slow; proxy_pass http://127.0.0.1:$server_port/end; }
location /end { return 204; }
--- request eval: [ ('GET /t?k=1') x 4 ]
--- error_code eval: [ 200, 204, 204, 429 ]



=== TEST 19: a refunded limit is charged by the error page if it has that limit
--- http_config
gateway_limit_zone $arg_k zone=quota:1m quota=9/month;
gateway_limit_zone $arg_k zone=fast:1m rate=1r/d;
gateway_limit_zone $arg_k zone=slow:1m rate=1r/d burst=9;
gateway_limit_zone $arg_k zone=told:1m quota=9/month;
gateway_limit_zone $arg_k zone=paid:1m rate=1r/d burst=9;
--- config
location /t { gateway_limit zone=quota; gateway_limit zone=fast; gateway_limit zone=told settle cost=2;
              gateway_limit zone=paid penalty; error_page 429 = @slow; empty_gif; }
location @slow { gateway_limit zone=quota; gateway_limit zone=slow; gateway_limit zone=told settle cost=3;
                 gateway_limit zone=paid; proxy_pass http://127.0.0.1:$server_port/end; }
location /end { return 204; }
location /quota { gateway_limit zone=quota cost=0; empty_gif; }
location /told { gateway_limit zone=told cost=0; empty_gif; }
location /paid { gateway_limit zone=paid cost=0; empty_gif; }
--- request eval: [ ('GET /t?k=1') x 3, 'GET /quota?k=1', 'GET /told?k=1', 'GET /paid?k=1' ]
--- error_code eval: [ 200, 204, 204, 200, 200, 200 ]
--- response_headers eval
[ ('') x 3, ::left(6), ::left(1), ::left(7) ]



=== TEST 20: charges of an earlier location remain if a later one rejects
--- http_config eval
$::Zones . '
gateway_limit_zone $arg_k zone=full:1m rate=1r/d;
gateway_limit_zone $arg_k zone=paid:1m rate=1r/d burst=9;'
--- config eval
$::Look . '
location /t { gateway_limit zone=late; gateway_limit zone=early; gateway_limit zone=paid penalty;
              try_files /none @b; }
location @b { gateway_limit zone=late; gateway_limit zone=full; proxy_pass http://127.0.0.1:$server_port/end; }
location /end { return 204; }
location /paid { gateway_limit zone=paid cost=0; empty_gif; }'
--- request eval: [ ('GET /t?k=1') x 3, 'GET /look/late?k=1', 'GET /look/early?k=1', 'GET /paid?k=1' ]
--- error_code eval: [ 204, 429, 429, 200, 200, 200 ]
--- response_headers eval
[ ('') x 3, ::left(0), ::left(0), ::left(7) ]
