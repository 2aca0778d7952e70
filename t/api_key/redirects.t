# SPDX-License-Identifier: BSD-2-Clause

# Internal redirects, error pages and named locations: each location checks the
# key from its own sources, and finds one that an earlier location has hidden.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Echo;

our $Consumers = consumers(
    consumer('acme', keys => [ entry('acme'),
                               entry('past', expires => date(-2)) ]),
    consumer('beta'));
our $K = api_key('acme');

our $Root = 'root $TEST_NGINX_HTML_DIR;';

sub at {
    my ($uri, @lines) = @_;
    return "location $uri { $Root add_header X-At '$uri|\$gateway_consumer|"
           . "\$gateway_auth_reason' always; @lines }\n";
}

our %Source = (header => 'header=X-K', bearer => 'bearer',
               query => 'query=k', cookie => 'cookie=k');
our %Line = (header => "X-K: KEY\n", bearer => "Authorization: Bearer KEY\n",
             query => '', cookie => "Cookie: k=KEY\n");
our @Names = qw( header bearer query cookie );

# "*" is the name of a source
sub for_sources {
    my ($uri, @lines) = @_;
    return CORE::join '', map {
        my $name = $_;
        at(map { s/\*/$name/gr } $uri, "gateway_api_key r $Source{$name};",
           @lines);
    } @Names;
}

sub uris {
    my ($key, @uris) = @_;
    return map { my $uri = $_; map {
        'GET ' . $uri =~ s/\*/$_/gr . ($_ eq 'query' ? "?k=$key" : '')
    } @Names } @uris;
}

sub lines { my ($key) = @_; map { $Line{$_} =~ s/KEY/$key/r } @Names }

sub ways {
    my ($front, $behind) = @_;
    return for_sources('/*/try', $front, 'try_files /none /*/behind;')
           . for_sources('/*/named', $front, 'try_files /none @*;')
           . for_sources('/*/error', $front, 'error_page 404 = @*;')
           . for_sources('/*/index/', $front, 'index x;')
           . for_sources('= /*/index/x', $behind, 'try_files /page =404;')
           . CORE::join('', map { at("/$_/off", $front, 'gateway_api_key off;',
                               "try_files /none /$_/behind;") } @Names)
           . for_sources('/*/behind', $behind, 'try_files /page =404;')
           . for_sources('@*', $behind, 'try_files /page =404;');
}

our $Files = join '', ">>> page\npage\n",
                      map { ">>> $_/index/x\nindex\n" } @Names;

no_root_location();
run_tests();

__DATA__

=== TEST 1: the next location finds a hidden key, after any kind of redirect
--- consumers eval: $::Consumers
--- user_files eval: $::Files
--- config eval: ::ways('', '')
--- request eval
[ ::uris($::K, map { "/*/$_" } qw( try named error index/ )) ]
--- more_headers eval: [ (::lines($::K)) x 4 ]
--- error_code eval: [ (200) x 16 ]
--- response_headers eval
[ map { my $at = $_; map { 'X-At: ' . $at =~ s/\*/$_/r . '|acme|' } @::Names }
  '/*/behind', '@*', '@*', '= /*/index/x' ]



=== TEST 2: and rejects an invalid one
--- consumers eval: $::Consumers
--- user_files eval: $::Files
--- config eval: ::ways('gateway_api_key_mode dry_run;', '')
--- request eval
my $past = ::api_key('past');
[ ::uris($past, map { "/*/$_" } qw( try named error index/ )) ]
--- more_headers eval: [ (::lines(::api_key('past'))) x 4 ]
--- error_code eval: [ (401) x 16 ]
--- response_headers eval
[ map { my $at = $_; map { 'X-At: ' . $at =~ s/\*/$_/r . '||expired' } @::Names }
  '/*/behind', '@*', '@*', '= /*/index/x' ]



=== TEST 3: optional, then required: an anonymous request is rejected
--- consumers eval: $::Consumers
--- user_files eval: $::Files
--- config eval: ::ways('gateway_api_key_mode optional;', '')
--- request eval: [ map { "GET /header/$_" } qw( try named error off ) ]
--- error_code eval: [ (401) x 4 ]
--- response_headers eval: [ ('WWW-Authenticate: Key realm="r"') x 4 ]



=== TEST 4: X-Accel-Redirect, with the same key and with a new one
--- consumers eval: $::Consumers
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / {
        add_header X-Accel-Redirect "/behind?$http_x_to";
        return 200;
    }
}
--- config eval
my $key = 'gateway_api_key r query=k;';
::at('/', $key, 'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;')
. ::at('/behind', 'internal;', $key, $::Pass, 'proxy_set_header X-To "";')
--- request eval: [ ("GET /?k=$::K") x 5 ]
--- more_headers eval
my $beta = ::api_key('beta');
[ map { "X-To: $_\n" } 'a=1', "k=$beta&a=1", 'k=x', "k=$beta&k=$::K", 'k=&a=1' ]
--- error_code eval: [ 200, 200, 401, 401, 200 ]
--- response_headers eval
[ 'X-At: /behind|acme|', 'X-At: /behind|beta|', 'X-At: /behind||unknown_key',
  'X-At: /behind||duplicate_credential', 'X-At: /behind|acme|' ]
--- response_body_like eval
[ ('\AGET /behind\?a=1 HTTP/1.0\n\z') x 2, '"invalid_key"',
  '"duplicate_credential"', '\AGET /behind\?a=1 ' ]



=== TEST 5: a location with other sources does not find it
--- consumers eval: $::Consumers
--- config eval
my $first = 'gateway_api_key r query=k;';
::at('/first', $first, 'try_files /none /header;')
. ::at('/second', $first, 'try_files /none /query;')
. ::at('/header', 'gateway_api_key r;', 'empty_gif;')
. ::at('/query', 'gateway_api_key r query=other;', 'empty_gif;')
--- request eval: [ "GET /first?k=$::K", "GET /second?k=$::K", "GET /first?k=$::K" ]
--- more_headers eval: [ '', '', "X-API-Key: $::K\n" ]
--- error_code eval: [ 401, 401, 200 ]
--- response_headers eval
[ 'X-At: /header||missing', 'X-At: /query||missing', 'X-At: /header|acme|' ]



=== TEST 6: two keys hidden by two locations are two keys in a third one
--- consumers eval: $::Consumers
--- config eval
::at('/1', 'gateway_api_key r query=k;', 'try_files /none /2;')
. ::at('/2', 'gateway_api_key r;', 'try_files /none /3;')
. ::at('/3', 'gateway_api_key r header=X-API-Key query=k;', 'empty_gif;')
--- request eval: [ "GET /1?k=$::K", "GET /3?k=$::K" ]
--- more_headers eval: [ 'X-API-Key: ' . ::api_key('beta') . "\n", '' ]
--- error_code eval: [ 401, 200 ]
--- response_headers eval
[ 'X-At: /3||duplicate_credential', 'X-At: /3|acme|' ]



=== TEST 7: a location without the directive keeps the identity
--- consumers eval: $::Consumers
--- config eval
::at('/on', 'gateway_api_key r query=k;', 'try_files /none /off;')
. ::at('/named', 'gateway_api_key r query=k;', 'try_files /none @off;')
. ::at('/off', $::Pass) . ::at('@off', $::Pass)
--- request eval: [ "GET /on?a=1&k=$::K", "GET /named?a=1&k=$::K", 'GET /on' ]
--- error_code eval: [ 200, 200, 401 ]
--- response_headers eval
[ 'X-At: /off|acme|', 'X-At: @off|acme|', 'X-At: /on||missing' ]
--- response_body_like eval
[ '\AGET /off HTTP', '\AGET /named\?a=1 HTTP', '"missing"' ]



=== TEST 8: error_page: the page is checked, too, and what reaches it
--- consumers eval: $::Consumers
--- config eval
my $key = 'gateway_api_key r query=k;';
::at('/open', $key, 'error_page 401 /open/page;')
. ::at('/open/page', $::Pass =~ s/;/\$request_uri;/r)
. ::at('/same', $key, 'error_page 401 /same/page;')
. ::at('/same/page', $key, 'empty_gif;')
. ::at('/login', $key, 'error_page 401 =302 https://id.example/;')
. ::at('/ok', $key, 'error_page 401 =200 /open/page;')
--- request eval
[ map { ("GET /$_?a=1&k=x", "GET /$_?a=1") } qw( open same login ok ) ]
--- error_code eval: [ (401) x 4, 302, 302, 200, 200 ]
--- response_headers eval
my $key = 'WWW-Authenticate: Key realm="r"';
[ "$key\nX-At: /open/page||unknown_key", "$key\nX-At: /open/page||missing",
  $key, $key, ('!WWW-Authenticate') x 4 ]
--- response_body_like eval
[ ('\AGET /open\?a=1 HTTP') x 2, '"invalid_key"', '"missing"', '302', '302',
  ('\AGET /ok\?a=1 HTTP') x 2 ]



=== TEST 9: rewrite comes first: only the new location is checked
--- consumers eval: $::Consumers
--- config eval
::at('/closed', 'gateway_api_key r query=k;', 'rewrite ^ /open last;')
. ::at('/open', $::Pass)
. ::at('/in', 'rewrite ^ /strict last;')
. ::at('/strict', 'gateway_api_key r query=k;', 'empty_gif;')
--- request eval: [ "GET /closed?k=x", 'GET /in', "GET /in?k=$::K" ]
--- error_code eval: [ 200, 401, 200 ]



=== TEST 10: subrequests run no ACCESS, as in nginx
--- consumers eval: $::Consumers
--- user_files
>>> ssi.html
[<!--# include virtual="/protected/part" -->]
>>> protected/part
secret
--- config eval
::at('/protected', 'gateway_api_key r;')
. ::at('/ssi.html', 'ssi on; ssi_types text/plain;')
. ::at('/asks', 'auth_request /protected/part; empty_gif;')
--- request eval: [ 'GET /ssi.html', 'GET /asks', 'GET /protected/part' ]
--- error_code eval: [ 200, 200, 401 ]



=== TEST 11: a source name in other case is the same source, as in nginx
--- consumers eval: $::Consumers
--- user_files
>>> page
page
--- config eval
::at('/query', 'gateway_api_key r query=K;', 'try_files /none /lower/query;')
. ::at('/lower/query', 'gateway_api_key r query=k;', 'try_files /page =404;')
. ::at('/cookie', 'gateway_api_key r cookie=K;',
       'try_files /none /lower/cookie;')
. ::at('/lower/cookie', 'gateway_api_key r cookie=k;', 'try_files /page =404;')
--- request eval: [ "GET /query?k=$::K", 'GET /cookie' ]
--- more_headers eval: [ '', "Cookie: k=$::K\n" ]
--- error_code eval: [ 200, 200 ]
--- response_headers eval
[ 'X-At: /lower/query|acme|', 'X-At: /lower/cookie|acme|' ]
