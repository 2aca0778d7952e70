# SPDX-License-Identifier: BSD-2-Clause

# gateway_api_key_hide: the key, and nothing but the key, is removed from what
# the upstream server receives and from the logs, also if it is rejected.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Echo;

our $K = api_key('acme');
our $Wrong = api_key('nobody');
our $Consumers = consumers(consumer('acme'), consumer('beta'));

sub location { my ($uri, @lines) = @_; "location $uri { @lines }\n" }

# what the upstream server received for GET /: the request line and headers

sub got { [ map { "GET / HTTP/1.0\n$_" } @_ ] }
sub got_uri { [ map { "GET $_ HTTP/1.0\n" } @_ ] }

# a location for each source of a key; "*" is its name

our @Names = qw( header bearer query cookie );
our %Source = (header => 'header=X-K', bearer => 'bearer',
               query => 'query=k', cookie => 'cookie=k');
our %Line = (header => "X-K: KEY\n", bearer => "Authorization: Bearer KEY\n",
             query => '', cookie => "Cookie: a=1; k=KEY\n");

sub for_sources {
    my ($uri, @lines) = @_;

    return CORE::join '', map {
        my $name = $_;
        location(map { s/\*/$name/gr }
                 $uri, "gateway_api_key r $Source{$name};", @lines);
    } @Names;
}

# requests for them, in the order of @Names, and their headers

sub uris {
    my ($key, @uris) = @_;
    return map { my $uri = $_; map {
        'GET ' . $uri =~ s/\*/$_/gr . ($_ eq 'query' ? "?k=$key&a=1" : '')
    } @Names } @uris;
}

sub lines { my ($key) = @_; map { $Line{$_} =~ s/KEY/$key/r } @Names }

$Test::Gateway::More = 1;

no_root_location();
run_tests();


# --- all files that nginx writes, for each way to send a key

my $secret = substr $K, -49;
my $other = substr $Wrong, -49;
my $odd = 'very.secret+thing/==';
my %escaped = map { $_ => $_ =~ s/(.)/sprintf '%%%02X', ord $1/egr } $K, $Wrong;

my ($port, $h2) = (free_port(), free_port());

my $server = start_nginx(
    files  => { 'consumers.json' => $Consumers },
    http   => <<"END",
        log_format all '\$request|\$request_uri|\$args|\$query_string|\$is_args'
                       '|\$arg_k|\$cookie_k|\$http_cookie|\$http_x_k'
                       '|\$http_authorization|\$status|\$gateway_credential';
        gateway_consumers zone=consumers:1m file=consumers.json;
        proxy_cache_path cache keys_zone=cache:1m;
        server {
            listen 127.0.0.1:$port;
            access_log logs/upstream.log all;
            location / { return 200 "\$request_uri|\$http_x_k|\$http_cookie\\n"; }
            location /gone { return 444; }
            location /page { return 404; }
        }
        server {
            listen 127.0.0.1:$h2 http2;
            access_log logs/access.log combined;
            access_log logs/all.log all;
            gateway_api_key r header=X-K bearer query=k cookie=k;
            location / { proxy_pass http://127.0.0.1:$port; }
        }
END
    server => <<"END",
        access_log logs/access.log combined;
        access_log logs/all.log all;
        gateway_api_key r header=X-K bearer query=k cookie=k;
        location / { proxy_pass http://127.0.0.1:$port; }
        location /cache {
            proxy_cache cache;
            proxy_cache_valid 200 1m;
            add_header X-Cache \$upstream_cache_status;
            proxy_pass http://127.0.0.1:$port;
        }
        location /gone { proxy_pass http://127.0.0.1:$port; }
        location /files/ { alias html/; }
        location /gw { gateway_api_key_format gw; empty_gif; }
        location /dry { gateway_api_key_mode dry_run;
                        proxy_pass http://127.0.0.1:$port; }
        location /page { proxy_intercept_errors on;
                         error_page 404 /none\$request_uri;
                         proxy_pass http://127.0.0.1:$port; }
END
);

for my $uri ('/good', '/gone', '/files/none', '/gw', '/dry', '/page', '/cache',
             '/p//a%2Fb')
{
    for my $k ($K, $Wrong, $odd, $escaped{$K}, $escaped{$Wrong}) {
        $server->get("$uri?a=%20&k=$k&b=?");
        $server->get("$uri?k=$k&K=$k&k=x");
    }
    for my $k ($K, $Wrong, $odd) {
        $server->get($uri, headers => [ $_ ])
            for "X-K: $k", "Authorization: Bearer $k", "Cookie: a=1; k=$k; b";
        $server->get("$uri?k=$k", headers => [ "X-K: $k", "Cookie: k=$k",
                                               "Authorization: Bearer $k" ]);
    }
}

my @h2 = map { `curl -s --max-time 5 --http2-prior-knowledge -H 'X-A: 1' '$_'` }
         "http://127.0.0.1:$h2/h2?a=1&k=$K&b", "http://127.0.0.1:$h2/h2?k=$Wrong";
my @cached = map { ($server->get($_))[1] =~ /X-Cache: (\w+)/ ? $1 : '-' }
             "/cache/x?k=$K&a=1", "/cache/x?a=1&k=$K",
             '/cache/x?a=1&k=' . api_key('beta');

$server->stop;

# the output of nginx -V and the configuration are not checked
sub files_under {
    my ($dir) = @_;
    return map { -d $_ ? files_under($_) : $_ } glob "$dir/{.[!.],}*";
}

my %read = map { $_ => Test::Gateway::Server::slurp($_) }
           grep { -f && !/consumers\.json$/ } files_under($server->dir);

my @holding = grep {
    my $text = $read{$_};
    grep { index($text, $_) >= 0 } $secret, $other, $odd, values %escaped;
} sort keys %read;

Test::More::is_deeply(\@holding, [], 'no file contains a key');
Test::More::cmp_ok(scalar(() = $server->log =~ /gateway_api_key: refused/g),
                   '>', 80, 'nor does the error log, which was read as well');

my ($all) = map { $read{$_} } grep { /all\.log$/ } keys %read;
my ($combined) = map { $read{$_} } grep { /access\.log$/ } keys %read;
my ($upstream) = map { $read{$_} } grep { /upstream\.log$/ } keys %read;

Test::More::cmp_ok(scalar(() = $combined =~ /\n/g), '>', 150,
                   'all requests were logged');
Test::More::is($all =~ m{^(GET /good\?a=%20&b=\? .*\|401\|-)$}m && $1,
               'GET /good?a=%20&b=? HTTP/1.1|/good?a=%20&b=?|a=%20&b=?'
               . '|a=%20&b=?|?|-|-|-|-|-|401|-', 'a refused key, in the log');
Test::More::like($all, qr{^GET\ /p//a%2Fb\?a=%20&b=\?\ HTTP/1\.1\|
                          /p//a%2Fb\?a=%20&b=\?\|.*\|200\|acme$}mx,
                 'and one that was granted');
Test::More::like($upstream, qr{^GET /p//a%2Fb\?a=%20&b=\? HTTP}m,
                 'the upstream receives the rest as it was');
Test::More::like($h2[0], qr{^/h2\?a=1&b\|\|$}m, 'HTTP/2: the upstream');
Test::More::like($all, qr{^GET /h2\?a=1&b HTTP/2\.0\|}m, 'HTTP/2: the log');
Test::More::like($h2[1], qr/"invalid_key"/, 'HTTP/2: a refused key');
Test::More::is_deeply(\@cached, [ qw( MISS HIT HIT ) ],
                      'the key is no part of the cache key');

my ($cache) = map { $read{$_} =~ /^KEY: (.*)$/m ? $1 : () }
              grep { m{/cache/} && $read{$_} =~ m{cache/x} } keys %read;
Test::More::is($cache, "http://127.0.0.1:$port/cache/x?a=1",
               'the file in the cache contains the same');

done_testing();

__DATA__

=== TEST 1: by default the upstream receives no key
--- consumers eval: $::Consumers
--- config eval: ::for_sources('/*', $::Pass)
--- request eval: [ ::uris($::K, '/*') ]
--- more_headers eval: [ ::lines($::K) ]
--- response_body eval
[ "GET /header HTTP/1.0\n", "GET /bearer HTTP/1.0\n",
  "GET /query?a=1 HTTP/1.0\n", "GET /cookie HTTP/1.0\nCookie: a=1\n" ]



=== TEST 2: off: it receives the key
--- consumers eval: $::Consumers
--- config eval: ::for_sources('/*', $::Pass, 'gateway_api_key_hide off;')
--- request eval: [ ::uris($::K, '/*') ]
--- more_headers eval: [ ::lines($::K) ]
--- response_body eval
[ "GET /header HTTP/1.0\nX-K: $::K\n",
  "GET /bearer HTTP/1.0\nAuthorization: Bearer $::K\n",
  "GET /query?k=$::K&a=1 HTTP/1.0\n",
  "GET /cookie HTTP/1.0\nCookie: a=1; k=$::K\n" ]



=== TEST 3: off in a location, on in an inner one
--- consumers eval: $::Consumers
--- config eval
'gateway_api_key r query=k; gateway_api_key_hide off;'
. ::location('/off', $::Pass) . ::location('/on', $::Pass,
                                           'gateway_api_key_hide on;')
--- request eval: [ "GET /off?k=$::K", "GET /on?k=$::K" ]
--- response_body eval: ::got_uri("/off?k=$::K", '/on')



=== TEST 4: a header is removed, in any case of letters, others remain
--- consumers eval: $::Consumers
--- http_config
underscores_in_headers on;
--- config eval: ::location('/', $::Pass, 'gateway_api_key r;')
--- request eval: [ ("GET /") x 3 ]
--- more_headers eval
[ "X-A: 1\nx-api-KEY:  $::K \nX-B: 2\nX-API-Keys: 3\n",
  "X_API_Key: $::K\nAuthorization: Bearer x\n",
  "X-API-Key: $::K\nCookie: X-API-Key=1\n" ]
--- response_body eval
::got("X-A: 1\nX-B: 2\nX-API-Keys: 3\n", "Authorization: Bearer x\n",
      "Cookie: X-API-Key=1\n")



=== TEST 5: an Authorization other than Bearer remains
--- consumers eval: $::Consumers
--- config eval
::location('/', $::Pass, 'gateway_api_key r header=X-K bearer;')
--- request eval: [ ("GET /") x 2 ]
--- more_headers eval
[ "X-K: $::K\nAuthorization: Basic YTpi\n",
  "Proxy-Authorization: Bearer x\nauthorization: BEARER $::K\nX-A: 1\n" ]
--- response_body eval
::got("Authorization: Basic YTpi\n", "Proxy-Authorization: Bearer x\nX-A: 1\n")



=== TEST 6: a cookie: first, middle, last, alone, names like it, several lines
--- consumers eval: $::Consumers
--- config eval: ::location('/', $::Pass, 'gateway_api_key r cookie=k;')
--- request eval: [ ("GET /") x 16 ]
--- more_headers eval
[ map { s/KEY/$::K/r }
  "Cookie: k=KEY; a=1; b=2\n", "Cookie: a=1; k=KEY; b=2\n",
  "Cookie: a=1; b=2; k=KEY\n", "Cookie: k=KEY\n",
  "X-A: 1\nCookie: k=KEY\nX-B: 2\n",
  "Cookie: ak=1; k=KEY; k2=2; kk=3; k; a=k=5\n", "Cookie: a=1;k=KEY;b=2\n",
  "Cookie: a=1;b=2;k=KEY\n", "Cookie: a=1\nCookie: k=KEY\nCookie: b=2\n",
  "Cookie: a=1\nCookie: b=2\nCookie: c=3; k=KEY\n",
  "Cookie: k=KEY\nCookie: b=2\n", "Cookie: a=\"x, y\";  k=KEY; b=%20\n",
  "Cookie: a=\"q;k=KEY; b\"\n", "Cookie: k=KEY;\n", "Cookie: a=1; K = KEY; b\n",
  "Cookie: a=b,c=d; k=KEY\n" ]
--- response_body eval
::got("Cookie: a=1; b=2\n", "Cookie: a=1; b=2\n", "Cookie: a=1; b=2\n", '',
      "X-A: 1\nX-B: 2\n", "Cookie: ak=1; k2=2; kk=3; k; a=k=5\n",
      "Cookie: a=1;b=2\n", "Cookie: a=1;b=2\n", "Cookie: a=1\nCookie: b=2\n",
      "Cookie: a=1\nCookie: b=2\nCookie: c=3\n", "Cookie: b=2\n",
      "Cookie: a=\"x, y\"; b=%20\n", "Cookie: a=\"q; b\"\n", '',
      "Cookie: a=1; b\n", "Cookie: a=b,c=d\n")



=== TEST 7: an argument: the rest of the URI remains as the client sent it
--- consumers eval: $::Consumers
--- config eval: ::location('/', $::Pass, 'gateway_api_key r query=k;')
--- request eval
[ map { 'GET ' . s/KEY/$::K/r } '/p?k=KEY', '/p?k=KEY&a=1', '/p?a=1&k=KEY',
  '/p?a=1&k=KEY&b=2', '/a%2Fb//c?a=1&k=KEY&x=%20z', '/a%2fb/./c/../d//?k=KEY',
  '/%7Ealice%20x?a=%26&k=KEY', '/p?ak=1&k=KEY&k2=2&kk=3&k', '/p?a&k=KEY&&b=&=c',
  '/p?a=k=1&k=KEY', '/p?a=?k=2&k=KEY&b=/?', '/?k=KEY', '/p?a=b%3Dc+d&k=KEY&e',
  '/p?&&k=KEY&&', '/p?k=KEY&', '/p?a=1&k=KEY&', '/p?a;b=1&K=KEY&%6ba=1',
  '/p?a=%zz&k=KEY&%', '/p?a?k=1&k=KEY', '/p?a=http://h/?b&k=KEY', '//p?k=KEY' ]
--- response_body eval
::got_uri('/p', '/p?a=1', '/p?a=1', '/p?a=1&b=2', '/a%2Fb//c?a=1&x=%20z',
          '/a%2fb/./c/../d//', '/%7Ealice%20x?a=%26',
          '/p?ak=1&k2=2&kk=3&k', '/p?a&&b=&=c', '/p?a=k=1',
          '/p?a=?k=2&b=/?', '/', '/p?a=b%3Dc+d&e', '/p?&&&', '/p', '/p?a=1&',
          '/p?a;b=1&%6ba=1', '/p?a=%zz&%', '/p?a?k=1', '/p?a=http://h/?b', '//p')



=== TEST 8: an argument that is no key remains, and so does an empty one
--- consumers eval: $::Consumers
--- config eval
::location('/', $::Pass, 'gateway_api_key r query=k;',
           'gateway_api_key_mode dry_run;')
--- request eval
[ map { "GET $_" } '/p?', '/p?k', '/p?k=', '/p?a=1&&', '/p?kk=1' ]
--- response_body eval: ::got_uri('/p?', '/p?k', '/p?k=', '/p?a=1&&', '/p?kk=1')



=== TEST 9: an absolute URI
--- consumers eval: $::Consumers
--- config eval
::location('/', $::Pass, 'gateway_api_key r query=k;',
           'add_header X-Say "<$request|$request_uri|$args>";')
--- raw_request eval
"GET http://localhost/a//b?x=1&k=$::K HTTP/1.1\r\nHost: localhost\r\n"
. "Connection: close\r\n\r\n"
--- response_headers
X-Say: <GET http://localhost/a//b?x=1 HTTP/1.1|/a//b?x=1|x=1>
--- response_body
GET /a//b?x=1 HTTP/1.0



=== TEST 10: an argument, where proxy_pass makes the URI
--- consumers eval: $::Consumers
--- config eval
my @hide = ('gateway_api_key r query=k;');
my $to = 'proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT';
::location('/part/', "$to/new/;", @hide)
. ::location('/uri/', $to . '$request_uri;', @hide)
. ::location('/args/', $to . '/x$is_args$args;', @hide)
. ::location('/cut/', 'rewrite ^/cut(/.*) $1 break;', "$to;", @hide)
. ::location('/more/', 'rewrite ^/more(/.*) $1?m=1 break;', "$to;", @hide)
--- request eval
[ map { 'GET ' . s/KEY/$::K/r } '/part/a%20b?a=1&k=KEY', '/part/a?k=KEY',
  '/uri/a%2Fb?k=KEY&a=1', '/uri/a?k=KEY', '/args/?a=1&k=KEY', '/args/?k=KEY',
  '/cut/a?k=KEY&a=1', '/cut/a?k=KEY', '/more/a?k=KEY&a=1' ]
--- response_body eval
::got_uri('/new/a%20b?a=1', '/new/a', '/uri/a%2Fb?a=1', '/uri/a', '/x?a=1',
          '/x', '/a?a=1', '/a', '/a?m=1&a=1')



=== TEST 11: variables do not contain a hidden key, even if they were read before
--- consumers eval: $::Consumers
--- http_config
map $request_uri $seen { volatile; default $request_uri; }
--- config eval
my $say = 'add_header X-Say "<$http_authorization|$http_x_k|$cookie_k|'
          . '$http_cookie|$arg_k|$args|$query_string|$request_uri|$request|'
          . '$seen>" always;';
my @early = ('if ($request_uri = a) { } if ($request = a) { }',
             'if ($http_x_k = a) { } if ($http_cookie = a) { }',
             'if ($cookie_k = a) { } if ($http_authorization = a) { }',
             'if ($args = a) { } if ($arg_k = a) { } if ($seen = a) { }');
::for_sources('/*', $::Pass, $say) . ::for_sources('/e/*', @early, $::Pass, $say)
--- request eval: [ ::uris($::K, '/*', '/e/*'), ::uris($::Wrong, '/e/*') ]
--- more_headers eval: [ (::lines($::K)) x 2, ::lines($::Wrong) ]
--- error_code eval: [ (200) x 8, (401) x 4 ]
--- response_headers eval
[ map { my $way = $_; map {
      my ($name, $seen, $args) = @$_;
      my $uri = "/$way$name" . ($args && "?$args");
      "X-Say: <|||$seen||$args|$args|$uri|GET $uri HTTP/1.1|$uri>"
  } [ 'header', '', '' ], [ 'bearer', '', '' ], [ 'query', '', 'a=1' ],
    [ 'cookie', 'a=1', '' ] } '', 'e/', 'e/' ]



=== TEST 12: a value captured before ACCESS contains the key
--- consumers eval: $::Consumers
--- http_config
map $arg_k $mapped { default $arg_k; }
--- config eval
::location('/', $::Pass, 'gateway_api_key r query=k;', 'set $copy $arg_k;',
           'set $ask $mapped; rewrite ^ /x break;',
           'add_header X-Say "<$copy|$mapped|$http_referer>";')
--- request eval: "GET /?k=$::K&a=1"
--- more_headers eval: "Referer: http://h/?k=$::K\n"
--- response_headers eval: "X-Say: <$::K|$::K|http://h/?k=$::K>"
--- response_body eval: "GET /x?a=1 HTTP/1.0\nReferer: http://h/?k=$::K\n"



=== TEST 13: rejected keys are hidden, too: dry_run shows what the upstream receives
--- consumers eval: $::Consumers
--- http_config
underscores_in_headers on;
--- config eval
my @say = ($::Pass, 'gateway_api_key_mode dry_run;',
           'add_header X-Reason <$gateway_auth_reason>;');
::for_sources('/*', @say)
. ::location('/all', 'gateway_api_key r header=X-K bearer query=k cookie=k;', @say)
--- request eval
[ ::uris($::Wrong, '/*'), ::uris($::K, '/*'),
  "GET /query?k=$::K&a=1&k=b", "GET /query?k=1&K=2&a", 'GET /header',
  'GET /header', 'GET /cookie', 'GET /cookie', 'GET /bearer',
  "GET /all?k=$::Wrong&a=1" ]
--- more_headers eval
[ ::lines($::Wrong), ::lines($::K), '', '', "X-K: $::K\nX-A: 1\nX-K: b\n",
  "X-K: $::K\nx_k: $::K\n", "Cookie: k=$::K; a=1; k=b\n",
  "Cookie: k=$::K\nCookie: a=1; K=b; b=2\n", "Authorization: Bearer\n",
  "X-K: $::K\nAuthorization: Bearer x\nCookie: k=1; b=2\n" ]
--- response_headers eval
[ map { "X-Reason: <$_>" } ('unknown_key') x 4, ('') x 4,
  ('duplicate_credential') x 6, 'malformed_key', 'duplicate_credential' ]
--- response_body eval
[ ("GET /header HTTP/1.0\n", "GET /bearer HTTP/1.0\n",
   "GET /query?a=1 HTTP/1.0\n", "GET /cookie HTTP/1.0\nCookie: a=1\n") x 2,
  "GET /query?a=1 HTTP/1.0\n", "GET /query?a HTTP/1.0\n",
  "GET /header HTTP/1.0\nX-A: 1\n", "GET /header HTTP/1.0\n",
  "GET /cookie HTTP/1.0\nCookie: a=1\n",
  "GET /cookie HTTP/1.0\nCookie: a=1; b=2\n", "GET /bearer HTTP/1.0\n",
  "GET /all?a=1 HTTP/1.0\nCookie: b=2\n" ]



=== TEST 14: auth_request and mirror do not see the key
--- consumers eval: $::Consumers
--- http_config
log_format seen escape=none '<$uri|$http_x_uri|$http_x_k|$http_cookie>';
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    access_log logs/access.log seen;
    add_header X-Seen
               "<$http_x_uri|$http_x_k|$http_authorization|$http_cookie>";
    location / { return 204; }
}
--- config eval
my $to = 'proxy_set_header X-Uri $request_uri; '
         . 'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/*;';
"access_log off;\n"
. ::location('= /auth', 'internal;', $to =~ s/\*/auth/r)
. ::location('= /copy', 'internal;', $to =~ s/\*/copy/r)
. ::for_sources('/*', 'auth_request /auth; mirror /copy;', $::Pass, <<'END')
    auth_request_set $seen $upstream_http_x_seen;
    add_header X-Auth-Saw $seen;
END
--- request eval: [ ::uris($::K, '/*'), "GET /query?k=$::K&a=1" ]
--- more_headers eval: [ ::lines($::K), '' ]
--- error_code eval: [ (200) x 5 ]
--- response_headers eval
[ map { "X-Auth-Saw: <$_>" } '/header|||', '/bearer|||', '/query?a=1|||',
                             '/cookie|||a=1', '/query?a=1|||' ]



=== TEST 15: the request that mirror sends
--- consumers eval: $::Consumers
--- http_config
log_format seen escape=none '<$uri|$http_x_uri|$http_x_k|$http_cookie>';
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    access_log logs/access.log seen;
    location / { return 204; }
}
--- config eval
"access_log off;\n"
. ::location('= /copy', 'internal;', 'proxy_set_header X-Uri $request_uri;'
             . 'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;')
. ::location('/t', 'gateway_api_key r header=X-K query=k cookie=k;',
             'gateway_api_key_mode dry_run; mirror /copy;', $::Pass)
--- request eval: "GET /t?a=1&k=$::K&b"
--- more_headers eval: "X-K: $::K\nCookie: a=1; k=$::K\n"
--- wait: 0.1
--- access_log
</copy|/t?a=1&b||a=1>
--- response_body
GET /t?a=1&b HTTP/1.0
Cookie: a=1



=== TEST 16: satisfy any: the key is hidden if a token grants access
--- jwks: es256
--- consumers eval: $::Consumers
--- config eval
my @any = ('satisfy any; gateway_jwt j token=$http_x_token;',
           'gateway_jwt_key_file ../html/jwks.json; gateway_jwt_hide on;',
           $::Pass, 'add_header X-By "$gateway_auth_method" always;');
::for_sources('/*', @any)
. ::location('/off', 'gateway_api_key r query=k; gateway_api_key_hide off;', @any)
--- request eval
[ ::uris($::Wrong, '/*'), ::uris($::K, '/*'), "GET /off?k=$::Wrong" ]
--- more_headers eval
my $token = 'X-Token: ' . ::token(claims => { sub => 'x' }) . "\n";
[ map { $_ . $token } ::lines($::Wrong), ::lines($::K), '' ]
--- error_code eval: [ (200) x 9 ]
--- response_headers eval: [ ('X-By: jwt') x 9 ]
--- response_body eval
[ ("GET /header HTTP/1.0\n", "GET /bearer HTTP/1.0\n",
   "GET /query?a=1 HTTP/1.0\n", "GET /cookie HTTP/1.0\nCookie: a=1\n") x 2,
  "GET /off?k=$::Wrong HTTP/1.0\n" ]



=== TEST 17: a token in the place of the key is hidden by both
--- jwks: es256
--- consumers eval: $::Consumers
--- config eval
::location('/', 'satisfy any; gateway_jwt j; gateway_api_key r bearer;',
           'gateway_jwt_key_file ../html/jwks.json;', $::Pass,
           'add_header X-By "$gateway_auth_method|$gateway_consumer" always;')
--- request eval: [ ('GET /') x 3 ]
--- more_headers eval
[ map { "Authorization: Bearer $_\n" }
  ::token(claims => { sub => 'x' }), $::K, $::Wrong ]
--- error_code eval: [ 200, 200, 401 ]
--- response_headers eval: [ map { "X-By: $_" } 'jwt|x', 'api_key|acme', '|' ]
--- response_body_like eval
[ ('\AGET / HTTP/1.0\n\z') x 2, '"reason"' ]



=== TEST 18: HTTP/0.9
--- consumers eval: $::Consumers
--- config eval: ::location('/', $::Pass, 'gateway_api_key r query=k;')
--- raw_request eval: "GET /a//b?k=$::K&a=1\r\n"
--- http09
--- response_body
GET /a//b?a=1 HTTP/1.0
--- access_log
"GET /a//b?a=1"



=== TEST 19: a redirect by nginx after ACCESS does not repeat the key
--- consumers eval: $::Consumers
--- user_files
>>> dir/file
x
--- config eval
::location('/', 'root $TEST_NGINX_HTML_DIR; absolute_redirect off;',
           'gateway_api_key r query=k;')
--- request eval: "GET /dir?a=1&k=$::K"
--- error_code: 301
--- response_headers
Location: /dir/?a=1



=== TEST 20: a body, a HEAD and pipelined requests
--- consumers eval: $::Consumers
--- config eval
::location('/', $::Pass, 'gateway_api_key r query=k;')
--- pipelined_requests eval
[ "GET /a?k=$::K", "POST /b?k=$::Wrong\nbody", "GET /c?x=1&k=$::K" ]
--- error_code eval: [ 200, 401, 200 ]
--- response_body_like eval
[ '\AGET /a HTTP', '"invalid_key"', '\AGET /c\?x=1 HTTP' ]



=== TEST 21: another spelling that an upstream reads is hidden, too
--- consumers eval: $::Consumers
--- config eval
my $say = 'add_header X-Say "<$request|$request_uri|$args|$http_cookie|'
          . '$http_authorization|$http_x_k>" always;';
::for_sources('/*', $::Pass, $say)
--- request eval
[ map { 'GET ' . s/KEY/$::K/r }
  '/query?a=1&%6b=KEY', '/query?k[]=KEY', '/query?+k=KEY&a=1',
  '/query?a=1;k=KEY', '/query?a=1#&k=KEY', '/query?k=KEY&a=1&K[0]=x',
  ('/cookie') x 4, ('/bearer') x 2, '/header' ]
--- more_headers eval
[ ('') x 6,
  map({ 'Cookie: ' . s/KEY/$::K/r . "\n" } "a=1;\tk=KEY", 'a=1; %6b=KEY',
      'a=1 k=KEY', 'a=1; k=KEY; k[]=x'),
  map({ "Authorization: $_$::K\n" } "Bearer\t", "\xa0Bearer "),
  "X-K: $::K\nX-K: x\n" ]
--- error_code eval: [ (401) x 13 ]
--- response_headers eval
[ map({ "X-Say: <GET $_ HTTP/1.1|$_|" . (/\?(.*?)(?:#|\z)/ ? $1 : '') . '|||>' }
      '/query?a=1', '/query', '/query?a=1', '/query?a=1', '/query?a=1#',
      '/query?a=1'),
  ('X-Say: <GET /cookie HTTP/1.1|/cookie||a=1||>') x 4,
  ('X-Say: <GET /bearer HTTP/1.1|/bearer||||>') x 2,
  'X-Say: <GET /header HTTP/1.1|/header||||>' ]
