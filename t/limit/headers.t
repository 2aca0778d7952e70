# SPDX-License-Identifier: BSD-2-Clause

# Responses and the log: header fields, Retry-After, the problem document, the
# status, the level of the log line, and the variables.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

$Test::Gateway::More = 1;

our $Type = 'https://iana.org/assignments/http-problem-types#quota-exceeded';
our $Title = 'Request cannot be satisfied as assigned quota has been exceeded';

our %Detail = (rate_exceeded => 'the rate limit is exceeded',
               quota_exceeded => 'the quota is used up',
               concurrency_exceeded => 'too many concurrent requests');

sub problem {
    my ($status, $reason, @zones) = @_;
    return qq({"type":"$Type","title":"$Title","status":$status,"detail":)
           . qq("$Detail{$reason}","reason":"$reason","violated-policies":[)
           . CORE::join(',', map { qq("$_") } @zones) . "]}\n";
}

our $None = CORE::join "\n", map { "!$_" } qw( X-RateLimit-Limit
    X-RateLimit-Remaining X-RateLimit-Reset RateLimit-Policy RateLimit );

no_root_location();
run_tests();

logged();
variables();
done_testing();


# --- lines of the error log

sub logged {
    my $server = start_nginx(
        http => 'gateway_limit_zone $arg_k zone=z:1m rate=1r/d;'
                . ' gateway_limit_zone $arg_k zone=q:1m quota=1/month;'
                . ' gateway_limit_zone $arg_k zone=c:1m concurrency=0;'
                . ' gateway_limit_zone $arg_k zone=dry:1m rate=0r/d dry_run;',
        server => <<'END' . CORE::join '', map {
        location /z { gateway_limit zone=z; empty_gif; }
        location /q { gateway_limit zone=q; gateway_limit_status 403; empty_gif; }
        location /c { gateway_limit zone=c; gateway_limit_status 503; empty_gif; }
        location /dry { gateway_limit zone=dry; empty_gif; }
END
            "location /log_$_ { gateway_limit_log_level $_;"
            . " gateway_limit zone=z; empty_gif; }\n"
        } qw( info notice warn error ));

    my $said = sub {
        my $before = length $server->log;
        $server->get("/$_[0]");
        return [ substr($server->log, $before)
                 =~ /(\[\w+\]) .*?(gateway_limit: .*?), client:/ ];
    };

    Test::More::is_deeply($said->('z?k=secret'), [], 'what passes is not logged');
    Test::More::is_deeply($said->('z?k=secret'), [ '[info]', 'gateway_limit: '
        . 'refused with 429 by zone "z", reason "rate_exceeded"' ],
        'a refusal is, at info');
    $said->('q?k=secret');
    Test::More::is_deeply($said->('q?k=secret'), [ '[info]', 'gateway_limit: '
        . 'refused with 403 by zone "q", reason "quota_exceeded"' ], 'a quota');
    Test::More::is_deeply($said->('c?k=secret'), [ '[info]', 'gateway_limit: '
        . 'refused with 503 by zone "c", reason "concurrency_exceeded"' ],
        'concurrency');

    for (qw( info notice warn error )) {
        Test::More::is_deeply($said->("log_$_?k=secret"), [ "[$_]",
            'gateway_limit: refused with 429 by zone "z", reason '
            . '"rate_exceeded"' ], "gateway_limit_log_level $_");
    }
    my ($status) = $server->get('/dry?k=secret');
    Test::More::is($status, 200, 'dry_run passes');
    Test::More::is_deeply($said->('dry?k=secret'), [ '[info]', 'gateway_limit: '
        . 'would be refused by zone "dry", reason "rate_exceeded", dry run' ],
        'and says what it would refuse');
    Test::More::unlike($server->log =~ s/, request: .*//gr, qr/secret/,
                       'the key is in no line but for the request line');
    $server->stop;
}


# --- variables in an access log, an added field, a request to an upstream

sub variables {
    my $port = free_port();
    my $vars = CORE::join '|', map { "\$gateway_limit_$_" }
               qw( status source zone limit remaining reset retry_after );

    my $server = start_nginx(
        http => 'gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=1;'
                . ' gateway_limit_zone $arg_k zone=early:1m rate=1r/h burst=5'
                . ' stage=early; gateway_limit_zone $arg_k zone=never:1m rate=0r/d;'
                . " log_format vars '$vars';",
        server => <<"END");
        access_log logs/vars.log vars;
        add_header X-Vars '$vars' always;
        location /z { gateway_limit zone=z; proxy_set_header X-Vars '$vars';
                      proxy_pass http://127.0.0.1:$port; }
        location /e { gateway_limit zone=early; empty_gif; }
        location /never { gateway_limit zone=never; empty_gif; }
        location /off { gateway_limit_headers off; gateway_limit zone=z; empty_gif; }
        location /none { empty_gif; }
        location /set { set \$before \$gateway_limit_status; gateway_limit zone=z;
                        add_header X-Before "[\$before] \$gateway_limit_status" always;
                        empty_gif; }
        location /main { gateway_limit zone=z; default_type text/html; ssi on;
                         alias html/ssi; }
        location /sub { proxy_pass http://127.0.0.1:$port; }
    }
    server {
        listen 127.0.0.1:$port;
        location / { return 200 "\$http_x_vars"; }
END
    Test::Gateway::Server::write_file($server->dir . '/html/ssi',
        '<!--# echo var="gateway_limit_remaining" -->');

    my $same = sub {
        my ($path, $want, $name) = @_;
        my $length = -s $server->dir . '/logs/vars.log' // 0;
        my ($status, $head, $body) = $server->get($path);
        my ($shown) = $head =~ /^X-Vars: ([^\r\n]*)/m;
        my $logged = substr Test::Gateway::Server::slurp(
                                $server->dir . '/logs/vars.log'), $length;
        chomp $logged;
        $logged =~ s/^-\|/|/;
        $logged =~ s/\|-(?=\||\z)/|/g;
        Test::More::like($shown, $want, "$name: a field");
        Test::More::is($logged, $shown, "$name: the log");
        return $body;
    };

    my $body = $same->('/z?k=1', qr/^PASSED\|shm\|z\|2\|1\|86400\|$/, 'passed');
    Test::More::is($body, 'PASSED|shm|z|2|1|86400|', 'and the upstream');
    $same->('/z?k=1', qr/^PASSED\|shm\|z\|2\|0\|172\d\d\d\|$/, 'the last');
    $same->('/z?k=1', qr/^REJECTED\|shm\|z\|2\|0\|172\d\d\d\|86[34]\d\d$/, 'refused');
    $same->('/e?k=1', qr/^PASSED\|shm\|early\|6\|5\|3600\|$/, 'early');
    $same->('/never?k=1', qr/^REJECTED\|shm\|never\|0\|0\|0\|$/, 'never');
    $same->('/off?k=2', qr/^PASSED\|shm\|z\|2\|1\|86400\|$/, 'without fields');
    $same->('/none?k=2', qr/^\|\|\|\|\|\|$/, 'no limit');
    $same->('/z', qr/^\|\|\|\|\|\|$/, 'no key');

    my ($status, $head) = $server->get('/set?k=3');
    Test::More::like($head, qr/^X-Before: \[\] PASSED\r?$/m,
                     'read before it is known: empty, and known afterwards');
    ($status, $head, $body) = $server->get('/main?k=4');
    Test::More::like($body, qr/\b1\b/, 'in an SSI page');
    $server->stop;
}

__DATA__

=== TEST 1: gateway_limit_headers: legacy by default, ietf, both, off
--- http_config
gateway_limit_zone $arg_k zone=api:1m rate=1r/d burst=4;
--- config eval
my %is = (default => '', legacy => 'legacy', ietf => 'ietf', both => 'legacy ietf',
          other => 'ietf legacy', off => 'off');
join '', map { "location /$_ { " . ($is{$_} && "gateway_limit_headers $is{$_};")
               . " gateway_limit zone=api cost=5; empty_gif; }\n" } sort keys %is
--- request eval: [ map { ("GET /$_?k=$_") x 2 } qw( default legacy ietf both other off ) ]
--- error_code eval: [ (200, 429) x 6 ]
--- response_headers eval
my $legacy = "X-RateLimit-Limit: 5\nX-RateLimit-Remaining: 0\n";
my $ietf = "RateLimit-Policy: \"api\";q=5;w=432000\n";
my $noietf = "!RateLimit-Policy\n!RateLimit\n";
my $nolegacy = "!X-RateLimit-Limit\n!X-RateLimit-Remaining\n!X-RateLimit-Reset\n";
[ (("${legacy}${noietf}X-RateLimit-Reset: 432000\n!Retry-After", "$legacy$noietf") x 2),
  "${nolegacy}${ietf}RateLimit: \"api\";r=0;t=432000\n!Retry-After", "$nolegacy$ietf",
  (("${legacy}${ietf}X-RateLimit-Reset: 432000\n!Retry-After", "$legacy$ietf") x 2),
  ("$::None\n!Retry-After") x 2 ]
--- raw_response_headers_like eval
my $retry = '(?s)Retry-After: 43(?:2000|1[89]\d\d)\r\n';
[ ('', $retry) x 5, '', '' ]



=== TEST 2: ietf lists all limits, beginning with the one that rejected
--- http_config
gateway_limit_headers ietf;
gateway_limit_zone $arg_k zone=one:1m rate=1r/d burst=9;
gateway_limit_zone $arg_k zone=two:1m rate=1r/d burst=0;
gateway_limit_zone $arg_k zone=three:1m rate=1r/h burst=4;
gateway_limit_zone $arg_k zone=e:1m rate=1r/h burst=4 stage=early;
gateway_limit_zone $arg_k zone=dry:1m rate=1r/h burst=4 dry_run;
gateway_limit_zone $arg_x zone=empty:1m rate=1r/h burst=4;
--- config
location /t { gateway_limit zone=one; gateway_limit zone=two; gateway_limit zone=three;
              gateway_limit zone=dry; gateway_limit zone=empty; empty_gif; }
location /e { gateway_limit zone=e; gateway_limit zone=one; empty_gif; }
--- request eval: [ 'GET /t?k=1', 'GET /t?k=1', 'GET /e?k=2' ]
--- error_code eval: [ 200, 429, 200 ]
--- response_headers eval
[ "RateLimit-Policy: \"one\";q=10;w=864000, \"two\";q=1;w=86400, \"three\";q=5;w=18000\n"
  . "RateLimit: \"one\";r=9;t=86400, \"two\";r=0;t=86400, \"three\";r=4;t=3600",
  'RateLimit-Policy: "two";q=1;w=86400, "one";q=10;w=864000, "three";q=5;w=18000',
  "RateLimit-Policy: \"one\";q=10;w=864000, \"e\";q=5;w=18000\n"
  . "RateLimit: \"one\";r=9;t=86400, \"e\";r=4;t=3600" ]
--- raw_response_headers_like eval
[ '', 'RateLimit: "two";r=0;t=8\d+, "one";r=9;t=\d+, "three";r=4;t=3[56]\d\d\r\n', '' ]



=== TEST 3: legacy has the limit that rejected first, else the smallest share left
--- http_config
gateway_limit_zone $arg_k zone=a:1m rate=1r/d burst=9;
gateway_limit_zone $arg_k zone=b:1m rate=1r/d burst=3;
gateway_limit_zone $arg_k zone=c:1m rate=1r/d burst=19;
--- config
add_header X-Zone $gateway_limit_zone always;
location /abc { gateway_limit zone=a cost=3; gateway_limit zone=b; gateway_limit zone=c; empty_gif; }
location /c { gateway_limit zone=c cost=20; empty_gif; }
location /same { gateway_limit zone=c cost=10; gateway_limit zone=b cost=2; empty_gif; }
--- request eval
[ ('GET /abc?k=1') x 4, 'GET /c?k=2', 'GET /abc?k=2', 'GET /same?k=3' ]
--- error_code eval: [ 200, 200, 200, 429, 200, 429, 200 ]
--- response_headers eval
[ "X-Zone: a\nX-RateLimit-Limit: 10\nX-RateLimit-Remaining: 7",
  "X-Zone: a\nX-RateLimit-Remaining: 4", "X-Zone: a\nX-RateLimit-Remaining: 1",
  "X-Zone: a\nX-RateLimit-Remaining: 1", "X-Zone: c\nX-RateLimit-Remaining: 0",
  "X-Zone: c\nX-RateLimit-Limit: 20\nX-RateLimit-Remaining: 0",
  "X-Zone: c\nX-RateLimit-Remaining: 10" ]



=== TEST 4: fields of an upstream server with these names are replaced
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=4;
server {
    listen unix:$TEST_NGINX_HTML_DIR/o;
    add_header X-RateLimit-Limit 1000 always;
    add_header x-ratelimit-remaining 999 always;
    add_header X-RateLimit-Reset 1 always;
    add_header RateLimit '"theirs";r=1' always;
    add_header RateLimit-Policy '"theirs";q=1' always;
    add_header X-RateLimit-Other kept always;
    location / { return 200 ok; }
    location /busy { add_header Retry-After 7 always; return 429; }
}
--- config
location /z { gateway_limit zone=z; proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:/; }
location /both { gateway_limit_headers legacy ietf; gateway_limit zone=z; proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:/; }
location /off { gateway_limit_headers off; gateway_limit zone=z; proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:/; }
location /none { proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:/; }
location /busy { gateway_limit zone=z; proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:/busy; }
--- request eval: [ map { "GET /$_?k=$_" } qw( z both off none busy ) ]
--- error_code eval: [ 200, 200, 200, 200, 429 ]
--- response_headers eval
my $theirs = "X-RateLimit-Limit: 1000\nX-RateLimit-Remaining: 999\nX-RateLimit-Reset: 1\n"
             . "RateLimit: \"theirs\";r=1\nRateLimit-Policy: \"theirs\";q=1\nX-RateLimit-Other: kept";
my $ours = "X-RateLimit-Limit: 5\nX-RateLimit-Remaining: 4\nX-RateLimit-Reset: 86400";
[ "$ours\n!RateLimit\n!RateLimit-Policy\nX-RateLimit-Other: kept",
  "$ours\nRateLimit: \"z\";r=4;t=86400\nRateLimit-Policy: \"z\";q=5;w=432000",
  $theirs, $theirs, "Retry-After: 7\nContent-Type: text/html" ]



=== TEST 5: the body of a rejection, for each kind and method
--- http_config
gateway_limit_zone $arg_k zone=rate:1m rate=0r/s;
gateway_limit_zone $arg_k zone=fixed:1m rate=0r/s algorithm=fixed_window;
gateway_limit_zone $arg_k zone=a_quota.of-1:1m quota=0/month;
gateway_limit_zone $arg_k zone=conc:1m concurrency=0;
--- config eval
join '', map { "location /$_ { gateway_limit zone=$_; empty_gif; }\n" }
         qw( rate fixed a_quota.of-1 conc )
--- request eval
[ (map { "GET /$_?k=1" } qw( rate fixed a_quota.of-1 conc )), 'POST /rate?k=1',
  'DELETE /rate?k=1', 'OPTIONS /rate?k=1' ]
--- error_code eval: [ (429) x 7 ]
--- response_headers eval
[ (map { "Content-Type: application/problem+json\nContent-Length: " . length $_ }
   ::problem(429, 'rate_exceeded', 'rate'), ::problem(429, 'rate_exceeded', 'fixed'),
   ::problem(429, 'quota_exceeded', 'a_quota.of-1'),
   ::problem(429, 'concurrency_exceeded', 'conc')), ('') x 3 ]
--- response_body eval
[ ::problem(429, 'rate_exceeded', 'rate'), ::problem(429, 'rate_exceeded', 'fixed'),
  ::problem(429, 'quota_exceeded', 'a_quota.of-1'),
  ::problem(429, 'concurrency_exceeded', 'conc'),
  (::problem(429, 'rate_exceeded', 'rate')) x 3 ]



=== TEST 6: HEAD: header fields without a body
--- http_config
gateway_limit_zone $arg_k zone=rate:1m rate=0r/s;
--- config
location /t { gateway_limit zone=rate; empty_gif; }
--- request
HEAD /t?k=1
--- error_code: 429
--- response_headers
Content-Type: application/problem+json
X-RateLimit-Limit: 0
--- response_body



=== TEST 7: violated-policies: all limits that reject, in order, without dry_run
--- http_config
gateway_limit_zone $arg_k zone=fine:1m rate=1r/d burst=9;
gateway_limit_zone $arg_k zone=one:1m rate=0r/s;
gateway_limit_zone $arg_k zone=two:1m quota=0/day;
gateway_limit_zone $arg_k zone=dry:1m rate=0r/s dry_run;
gateway_limit_zone $arg_k zone=conc:1m concurrency=0;
--- config
location /a { gateway_limit zone=dry; gateway_limit zone=fine; gateway_limit zone=one;
              gateway_limit zone=two; gateway_limit zone=conc; empty_gif; }
location /b { gateway_limit zone=two; gateway_limit zone=one; gateway_limit zone=fine; empty_gif; }
--- request eval: [ 'GET /a?k=1', 'GET /b?k=1' ]
--- error_code eval: [ 429, 429 ]
--- response_body eval
[ ::problem(429, 'rate_exceeded', 'one', 'two', 'conc'),
  ::problem(429, 'quota_exceeded', 'two', 'one') ]



=== TEST 8: gateway_limit_status
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d;
gateway_limit_status 503;
--- config
location /http { gateway_limit zone=z; empty_gif; }
location /own { gateway_limit_status 420; gateway_limit zone=z; empty_gif; }
location /min { gateway_limit_status 400; gateway_limit zone=z; empty_gif; }
location /max { gateway_limit_status 599; gateway_limit zone=z; empty_gif; }
location /again { gateway_limit_status 429; gateway_limit zone=z; empty_gif; }
--- request eval: [ map { ("GET /$_?k=$_") x 2 } qw( http own min max again ) ]
--- error_code eval: [ map { (200, $_) } 503, 420, 400, 599, 429 ]
--- response_body_like eval
[ map { ('^GIF', '^' . quotemeta(::problem($_, 'rate_exceeded', 'z')) . '\z') } 503, 420, 400, 599, 429 ]
--- raw_response_headers_like eval
[ ('', 'Retry-After: 86[34]\d\d\r\n') x 5 ]



=== TEST 9: gateway_error_format off: nginx's page, with the fields
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=0r/d;
gateway_limit_zone $arg_k zone=o:1m rate=1r/d;
gateway_error_format off;
--- config
location /t { gateway_limit zone=z; empty_gif; }
location /o { gateway_limit zone=o; empty_gif; }
--- request eval: [ 'GET /t?k=1', 'GET /o?k=1', 'GET /o?k=1' ]
--- error_code eval: [ 429, 200, 429 ]
--- response_headers eval
[ "Content-Type: text/html\nX-RateLimit-Limit: 0\n!Retry-After", '',
  "Content-Type: text/html\nX-RateLimit-Limit: 1" ]
--- response_body_like eval: [ '<h1>429 Too Many Requests</h1>', '^GIF', '<h1>429 Too Many Requests</h1>' ]
--- raw_response_headers_like eval: [ '', '', 'Retry-After: 86[34]\d\d\r\n' ]



=== TEST 10: the fields appear once, on every kind of response
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=9;
--- config
location /gif { gateway_limit zone=z; empty_gif; }
location /missing { gateway_limit zone=z; root $TEST_NGINX_HTML_DIR; }
location /down { gateway_limit zone=z; proxy_pass http://127.0.0.1:1; }
location /page.html { gateway_limit zone=z; root $TEST_NGINX_HTML_DIR; }
--- user_files
>>> page.html
0123456789
--- request eval: [ map { "GET /$_?k=$_" } qw( gif missing page.html page.html down ) ]
--- more_headers eval: [ '', '', 'Range: bytes=2-3', 'If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT', '' ]
--- error_code eval: [ 200, 404, 206, 200, 502 ]
--- raw_response_headers_like eval
[ map { "X-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: $_\r\nX-RateLimit-Reset: " }
  9, 9, 9, 8, 9 ]
--- raw_response_headers_unlike eval
[ ('(?s)X-RateLimit-Limit.*X-RateLimit-Limit') x 5 ]



=== TEST 11: Retry-After if an upstream server was used before the rejection
--- http_config eval
'gateway_limit_zone $arg_k zone=z:1m rate=1r/d;
server { listen unix:$TEST_NGINX_HTML_DIR/o;
location /accel { add_header X-Accel-Redirect /in?k=$arg_k; return 200; }
location /fail { return 502; } }'
--- config
location /accel { proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:; }
location /in { internal; gateway_limit zone=z; empty_gif; }
location /fail { proxy_intercept_errors on; error_page 502 = @backup; proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:; }
location @backup { gateway_limit zone=z; empty_gif; }
--- request eval: [ map { ("GET /$_?k=$_") x 2 } qw( accel fail ) ]
--- error_code eval: [ (200, 429) x 2 ]
--- raw_response_headers_like eval
[ ('', '(?s)X-RateLimit-Limit: 1\r\n.*Retry-After: 86[34]\d\d\r\n') x 2 ]



=== TEST 12: an error page that rejects has its own reason
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=0r/d;
gateway_limit_zone $arg_k zone=q:1m quota=0/month;
gateway_limit_zone $arg_k zone=c:1m concurrency=0;
--- config
location /one { gateway_limit zone=z; error_page 429 /quota?k=1; empty_gif; }
location /two { gateway_limit zone=z; error_page 429 /both?k=1; empty_gif; }
location /three { gateway_limit zone=c; gateway_limit zone=z; error_page 429 /quota?k=1; empty_gif; }
location /quota { gateway_limit_status 503; gateway_limit zone=q; empty_gif; }
location /both { gateway_limit zone=q; gateway_limit zone=c; empty_gif; }
--- request eval: [ map { "GET /$_?k=1" } qw( one two three ) ]
--- error_code eval: [ 503, 429, 503 ]
--- response_body eval
[ ::problem(503, 'quota_exceeded', 'q'), ::problem(429, 'quota_exceeded', 'q', 'c'),
  ::problem(503, 'quota_exceeded', 'q') ]



=== TEST 13: Retry-After if an error page changes the status
--- http_config eval
'gateway_limit_zone $arg_k zone=z:1m rate=1r/d;
gateway_limit_zone $arg_k zone=never:1m rate=0r/d;
gateway_limit_zone $arg_k zone=c:1m concurrency=0;
server { listen unix:$TEST_NGINX_HTML_DIR/o;
location /plain { return 200 busy; }
location /own { add_header Retry-After 7 always; return 503; } }'
--- config
location /to503 { gateway_limit zone=z; error_page 429 =503 /busy; empty_gif; }
location /to200 { gateway_limit zone=z; error_page 429 =200 @named; empty_gif; }
location /as { gateway_limit zone=z; error_page 429 = @named; empty_gif; }
location /asuri { gateway_limit zone=z; error_page 429 = /busy; empty_gif; }
location /same { gateway_limit zone=z; error_page 429 /busy; empty_gif; }
location /to302 { gateway_limit zone=z; error_page 429 =302 http://a/; empty_gif; }
location /up { gateway_limit zone=z; error_page 429 = @plain; empty_gif; }
location /own { gateway_limit zone=z; error_page 429 = @own; empty_gif; }
location /none { gateway_limit zone=never; error_page 429 =503 /busy; empty_gif; }
location /off { gateway_limit_headers off; gateway_limit zone=z; error_page 429 =503 /busy; empty_gif; }
location /status { gateway_limit_status 503; gateway_limit zone=z; error_page 503 =500 /busy; empty_gif; }
location /again { gateway_limit zone=z; error_page 429 = /never?k=1; empty_gif; }
location /never { gateway_limit zone=never; empty_gif; }
location = /busy { return 200 busy; }
location @named { return 200 busy; }
location @plain { rewrite ^ /plain break; proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:; }
location @own { rewrite ^ /own break; proxy_pass http://unix:$TEST_NGINX_HTML_DIR/o:; }
--- request eval
[ map { ("GET /$_?k=$_") x 2 } qw( to503 to200 as asuri same to302 up own none off status again ) ]
--- error_code eval
[ 200, 503, 200, 200, 200, 200, 200, 200, 200, 429, 200, 302, 200, 200, 200, 503,
  503, 503, 200, 503, 200, 500, 200, 429 ]
--- raw_response_headers_like eval
my $ours = '(?s)Retry-After: 86[34]\d\d\r\n';
[ map({ ('', $ours) } 1 .. 7), '', 'Retry-After: 7\r\n', ('') x 4, '', $ours, ('') x 2 ]
--- raw_response_headers_unlike eval
my $twice = '(?s)Retry-After.*Retry-After';
[ map({ ('Retry-After', $twice) } 1 .. 8), ('Retry-After') x 4, 'Retry-After', $twice,
  ('Retry-After') x 2 ]
