# SPDX-License-Identifier: BSD-2-Clause

# The sources of a key: a header, Authorization, an argument, a cookie; alone
# and together.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::KeyCases;

our $acme = api_key('acme');
our $beta = api_key('beta');

# every character as %XX, in upper and in lower case
our $escaped = $acme =~ s/(.)/sprintf '%%%02X', ord $1/egr;
our $lower = $acme =~ s/(.)/sprintf '%%%02x', ord $1/egr;

# keys of other formats: any bytes that a client can send
our %odd = (base64 => 'YWJj+/x==', colon => 'user:pass word', long => 'k' x 300,
            utf8 => "gr\xc3\xbcn", comma => 'a,b', quote => 'a"b');
$Consumers = consumers(consumer('acme'), consumer('beta'),
                       map { consumer($_, keys => [ entry($_,
                                                    key => $odd{$_}) ]) }
                           grep { $_ ne 'utf8' } sort keys %odd);

our $commas = nginx_before(1, 29, 6);

sub sent { get('/t', @_) }
sub bearer { "Authorization: Bearer $_[0]" }

our @bad = (scheme => 'Bearer');

$Test::Gateway::More = 1;
run_tests();


# --- spaces before a value, which Test::Nginx would remove

my $server = start_nginx(
    files  => { 'consumers.json' => $Consumers },
    http   => 'gateway_consumers zone=consumers:1m file=consumers.json;',
    server => <<'END',
        add_header X-Who "<$gateway_consumer|$gateway_auth_reason>" always;
        gateway_api_key r header=X-K bearer;
        gateway_api_key_mode optional;
        location / { empty_gif; }
END
);

sub judged {
    my ($line, $code, $outcome) = @_;

    my ($status, $head) = $server->get('/', headers => [ $line ]);
    my ($said) = $head =~ /^X-Who: <(\S*)>/m;
    is("$status $said", "$code $outcome", $line =~ s/[^ -~]/
       sprintf '\\x%02x', ord $&/egr =~ s/\Q$acme\E/KEY/r);
}

judged("X-K:   $acme  ", 200, 'acme|');
judged("Authorization:   Bearer $acme  ", 200, 'acme|');

for my $blank ("\t", " \t ", "\t\t", "\x0b") {
    judged("X-K:$blank$acme", 401, '|unknown_key');
    judged("X-K:$blank", 401, '|unknown_key');
    judged("Authorization:${blank}Bearer $acme", 401, '|malformed_key');
    judged("Authorization:${blank}Bearer\tx", 401, '|malformed_key');
    judged("Authorization:${blank}Basic x", 200, '|');
}

$server->stop;
done_testing();

__DATA__

=== TEST 1: by default a header, X-API-Key
--- cases
sent(with('acme'))                                  => granted('acme'),
sent("x-api-key: $::acme")                         => granted('acme'),
sent("X-API-KEY:   $::acme  ")                     => granted('acme'),
sent(with('beta'))                                  => granted('beta'),
sent()                                             => refused('missing'),
sent('X-API-Key:')                                 => refused('missing'),
sent('X-API-Key: x')                               => refused('unknown_key'),
sent("X-API-Key: $::acme x")                       => refused('unknown_key'),
sent("X-API-Key: \"$::acme\"")                     => refused('unknown_key'),
sent("X-API-Keys: $::acme", "XX-API-Key: $::acme") => refused('missing'),



=== TEST 2: another place is not read
--- cases
get("/t?key=$::acme&X-API-Key=$::acme&apikey=$::acme", "Key: $::acme",
    "Cookie: X-API-Key=$::acme; key=$::acme", bearer($::acme),
    "Proxy-Authorization: Bearer $::acme")         => refused('missing'),
get("/t?key=x", 'Cookie: key=x', bearer('x'), with('acme'))
                                                   => granted('acme'),



=== TEST 3: a header: two are a duplicate, equal or not, also in a list
--- cases
sent(with('acme'), with('acme'))          => refused('duplicate_credential'),
sent(with('acme'), with('beta'))          => refused('duplicate_credential'),
sent(with('acme'), "x-api-key: $::acme") => refused('duplicate_credential'),
sent(with('acme'), 'X-API-Key:')         => refused('duplicate_credential'),
sent('X-API-Key:', with('acme'))         => refused('duplicate_credential'),
sent('X-API-Key:', 'X-API-Key:')        => refused('duplicate_credential'),
sent("X-API-Key: $::acme, $::acme")     => refused('unknown_key'),
sent("X-API-Key: $::acme,$::beta")      => refused('unknown_key'),
sent(with('acme'), "X-API-Keys: $::beta") => granted('acme'),
sent(with('acme'), "X_API_Key: $::beta") => granted('acme'),



=== TEST 4: with underscores_in_headers both spellings are one name
--- http_config
underscores_in_headers on;
--- cases
sent("X_API_Key: $::acme")              => granted('acme'),
sent("X_API-KEY: $::acme")              => granted('acme'),
sent(with('acme'), "X_API_Key: $::acme") => refused('duplicate_credential'),



=== TEST 5: without it nginx drops the header, and there is no key
--- cases
sent("X_API_Key: $::acme")              => refused('missing'),



=== TEST 6: a header of another name
--- config
gateway_api_key r header=X_Partner-Key;
--- cases
sent("X-Partner-Key: $::acme")          => granted('acme'),
sent("x-partner-KEY: $::acme")          => granted('acme'),
sent(with('acme'))                       => refused('missing'),
sent("X-Partner-Key: $::acme", with('beta')) => granted('acme'),



=== TEST 7: Authorization: Bearer
--- config
gateway_api_key r bearer;
--- cases
sent(bearer($::acme))                     => granted('acme'),
sent("authorization: bEARER    $::acme  ") => granted('acme'),
sent()                                    => refused('missing', @::bad),
sent(with('acme'))                         => refused('missing', @::bad),
sent('Authorization: Bearer')             => refused('malformed_key', @::bad),
sent('Authorization: Bearer   ')          => refused('malformed_key', @::bad),
sent(bearer('x'))                         => refused('unknown_key', @::bad),
sent(bearer("$::acme x"))                 => refused('unknown_key', @::bad),
sent(bearer("$::acme,"))                  => refused('unknown_key', @::bad),



=== TEST 8: Authorization: another scheme is no key
--- config
gateway_api_key r bearer;
--- cases
sent('Authorization:')                    => refused('missing', @::bad),
sent('Authorization: Beare')              => refused('missing', @::bad),
sent("Authorization: Basic $::acme")      => refused('missing', @::bad),
sent("Authorization: Key $::acme")        => refused('missing', @::bad),
sent("Authorization: Bearer:$::acme")     => refused('missing', @::bad),
sent("Authorization: Bearers $::acme")    => refused('missing', @::bad),
sent("Authorization: $::acme")            => refused('missing', @::bad),



=== TEST 9: Authorization: spaces and tabs that upstreams accept
--- config
gateway_api_key r bearer;
--- cases
sent("Authorization: Bearer $::acme\t")       => refused('unknown_key', @::bad),
sent("Authorization: Bearer\t$::acme")       => refused('malformed_key', @::bad),
sent("Authorization: Bearer\x0b$::acme")     => refused('malformed_key', @::bad),
sent("Authorization: Bearer\xa0$::acme")     => refused('malformed_key', @::bad),
sent("Authorization: Key x, Bearer $::acme") => refused('malformed_key', @::bad),
sent("Authorization: Key Bearer:$::acme")    => refused('missing', @::bad),



=== TEST 10: a repeated Authorization is nginx's own 400
--- consumers eval: $Test::Gateway::KeyCases::Consumers
--- config
gateway_api_key r bearer;
--- request eval: [ ("GET /t") x 2 ]
--- more_headers eval
[ ::bearer($::acme) . "\n" . ::bearer($::acme),
  "Authorization: Basic x\n" . ::bearer($::acme) ]
--- error_code eval: [ 400, 400 ]
--- response_headers eval: [ ('!WWW-Authenticate') x 2 ]



=== TEST 11: an argument, between others
--- config
gateway_api_key r query=key;
--- cases
get("/t?key=$::acme")                           => granted('acme'),
get("/t?a=b&key=$::acme&c=d")                   => granted('acme'),
get("/t?KEY=$::acme")                           => granted('acme'),
get("/t?akey=$::beta&key=$::acme&keys=$::beta") => granted('acme'),
get("/t?a=key=$::beta&key=$::acme")             => granted('acme'),
get("/t?&&key=$::acme&")                        => granted('acme'),
get("/t?key&key=$::acme")                       => granted('acme'),
get('/t')                                       => refused('missing'),
get('/t?')                                      => refused('missing'),
get('/t?key')                                   => refused('missing'),
get('/t?key=')                                  => refused('missing'),
get("/t?a=b;key=$::acme")                       => refused('malformed_key'),
get("/t?akey=$::acme&keys=$::acme")             => refused('missing'),
get('/t?key=x')                                 => refused('unknown_key'),
get("/t?key==$::acme")                          => refused('unknown_key'),
get('/t', with('acme'))                          => refused('missing'),



=== TEST 12: an argument's value may be percent-encoded, its name may not
--- config
gateway_api_key r query=key;
--- cases
get("/t?key=$::escaped")              => granted('acme'),
get("/t?key=$::lower")                => granted('acme'),
get('/t?key=' . $::acme =~ s/_/%5F/r) => granted('acme'),
get('/t?key=' . $::acme =~ s/_/%5f/r) => granted('acme'),
get("/t?key=$::acme%20")              => refused('unknown_key'),
get("/t?key=$::acme%00")              => refused('unknown_key'),
get("/t?key=$::acme+")                => refused('unknown_key'),
get("/t?%6Bey=$::acme")               => refused('malformed_key'),
get("/t?key=$::acme&k%65y=$::beta")   => refused('duplicate_credential'),
get("/t?key[]=$::acme")               => refused('malformed_key'),
get("/t?+key=$::acme")                => refused('malformed_key'),
get("/t?key#?key=$::acme")            => refused('missing'),
get("/t?a#&key=$::acme")              => refused('malformed_key'),
get("/t?key=$::acme&key.x=1&k[ey]=1") => granted('acme'),
get('/t?key=YWJj%2B%2Fx%3D%3D')       => granted('base64'),
get('/t?key=YWJj+/x==')               => granted('base64'),
get('/t?key=YWJj%20/x==')             => refused('unknown_key'),
get('/t?key=user:pass%20word')        => granted('colon'),
get('/t?key=user%3apass+word')        => refused('unknown_key'),
get('/t?key=%2525')                   => refused('unknown_key'),
get('/t?key=%zz')                     => refused('unknown_key'),



=== TEST 13: an argument that is empty when decoded
--- config
gateway_api_key r query=key;
--- cases
get('/t?key=%')                       => refused('malformed_key'),
get('/t?key=%4')                      => refused('malformed_key'),



=== TEST 14: an argument: two are a duplicate, equal or not
--- config
gateway_api_key r query=key;
--- cases
get("/t?key=$::acme&key=$::acme")     => refused('duplicate_credential'),
get("/t?key=$::acme&a=b&KEY=$::beta") => refused('duplicate_credential'),
get("/t?key=$::acme&key=$::escaped")  => refused('duplicate_credential'),
get("/t?key=&key=$::acme")            => refused('duplicate_credential'),
get("/t?key=$::acme&key=")            => refused('duplicate_credential'),
get("/t?key=$::acme&key")             => granted('acme'),



=== TEST 15: a cookie, between others
--- config
gateway_api_key r cookie=key;
--- cases
sent("Cookie: key=$::acme")                         => granted('acme'),
sent("Cookie: a=b; key=$::acme; c=d")               => granted('acme'),
sent("Cookie: a=b;KEY=$::acme;c=d")                 => granted('acme'),
sent('Cookie: a=b', "Cookie: key=$::acme")          => granted('acme'),
sent("Cookie: xkey=$::beta; key=$::acme; keys=$::beta") => granted('acme'),
sent("Cookie: key = $::acme; a=b")                  => granted('acme'),
sent("Cookie: a=\"x, y\"; key=$::acme")             => granted('acme'),
sent()                                              => refused('missing'),
sent('Cookie: a=b; key=; key')                      => refused('missing'),
sent("Cookie: xkey=$::acme; keys=$::acme")          => refused('missing'),
sent("Cookie: key=\"$::acme\"")                     => refused('unknown_key'),
sent("Cookie: key=$::acme, a=b")                    => refused('unknown_key'),
sent("Cookie: key=$::acme ; a=b")                   => refused('unknown_key'),
sent("Cookie: key=$::escaped")                      => refused('unknown_key'),
sent("Cookie: a=1, key=$::acme")
    => $::commas ? granted('acme') : refused('malformed_key'),
sent("Cookie: a=1;\tkey=$::acme")                   => refused('malformed_key'),
sent("Cookie: a=1; key\t=$::acme")                  => refused('malformed_key'),
sent("Cookie: a=1 key=$::acme")                     => refused('malformed_key'),
sent("Cookie: k%65y=$::acme")                       => refused('malformed_key'),
sent("Cookie: key=$::acme; key[]=$::beta")   => refused('duplicate_credential'),
sent("Cookie: key=$::acme;\tkey=$::beta")    => refused('duplicate_credential'),



=== TEST 16: a cookie: two are a duplicate, in one header or in two
--- config
gateway_api_key r cookie=key;
--- cases
sent("Cookie: key=$::acme; key=$::acme") => refused('duplicate_credential'),
sent("Cookie: key=$::acme; KEY=$::beta") => refused('duplicate_credential'),
sent("Cookie: key=$::acme", "Cookie: key=$::acme")
                                         => refused('duplicate_credential'),
sent("Cookie: key=; key=$::acme")        => refused('duplicate_credential'),
sent("Cookie: key=$::acme; key")         => granted('acme'),



=== TEST 17: several sources: any of them, but only one of them
--- config
gateway_api_key r header=X-K bearer query=key cookie=key;
--- cases
sent("X-K: $::acme")                            => granted('acme'),
sent(bearer($::acme))                           => granted('acme'),
get("/t?key=$::acme")                           => granted('acme'),
sent("Cookie: key=$::acme")                     => granted('acme'),
sent('Authorization: Basic x', "X-K: $::acme")  => granted('acme'),
get('/t?key=', 'X-K:', "Cookie: key=$::acme")   => granted('acme'),
sent()                                          => refused('missing', @::bad),
sent("X-K: $::acme", bearer($::acme)) => refused('duplicate_credential', @::bad),
sent("X-K: $::acme", bearer($::beta)) => refused('duplicate_credential', @::bad),
get("/t?key=$::acme", "X-K: $::acme") => refused('duplicate_credential', @::bad),
get("/t?key=$::acme", 'X-K: x')       => refused('duplicate_credential', @::bad),
get('/t?key=x', "X-K: $::acme")       => refused('duplicate_credential', @::bad),
get("/t?key=$::acme", "Cookie: key=$::acme")
                                      => refused('duplicate_credential', @::bad),
sent("X-K: $::acme", 'Authorization: Bearer')
                                      => refused('duplicate_credential', @::bad),
get('/t?key=%', "X-K: $::acme")       => refused('duplicate_credential', @::bad),
sent("Cookie: key=$::acme; key=$::acme", "X-K: $::acme")
                                      => refused('duplicate_credential', @::bad),
sent('X-K: a', 'X-K: b')              => refused('duplicate_credential', @::bad),



=== TEST 18: an explicit source replaces the default one
--- config
gateway_api_key r query=key;
location /cookie {
    gateway_api_key s cookie=key;
}
location /inherited {
}
location /default {
    gateway_api_key d;
}
location /off {
    gateway_api_key off;
}
--- cases
sent(with('acme'))                           => refused('missing'),
get('/cookie', "Cookie: key=$::acme")       => granted('acme'),
get("/cookie?key=$::acme")                  => refused('missing', realm => 's'),
get("/inherited?key=$::acme")               => granted('acme'),
get('/default', with('acme'))                => granted('acme'),
get("/default?key=$::acme")                 => refused('missing', realm => 'd'),
get('/off', 'X-API-Key: x')                 => granted(''),



=== TEST 19: keys of other formats, byte for byte
--- cases
sent("X-API-Key: $::odd{base64}")           => granted('base64'),
sent("X-API-Key: $::odd{colon}")            => granted('colon'),
sent("X-API-Key: $::odd{long}")             => granted('long'),
sent("X-API-Key: $::odd{comma}")            => granted('comma'),
sent("X-API-Key: $::odd{quote}")            => granted('quote'),
sent("X-API-Key: $::odd{utf8}")             => refused('unknown_key'),
sent('X-API-Key: ' . uc $::odd{base64})     => refused('unknown_key'),
sent('X-API-Key: ' . substr($::odd{long}, 1)) => refused('unknown_key'),



=== TEST 20: HTTP/1.0
--- consumers eval: $Test::Gateway::KeyCases::Consumers
--- config
location /t { gateway_api_key r; empty_gif; }
--- raw_request eval: "GET /t HTTP/1.0\r\nX-API-Key: $::acme\r\n\r\n"
--- error_code: 200



=== TEST 21: HTTP/0.9 has an argument and no headers
--- consumers eval: $Test::Gateway::KeyCases::Consumers
--- user_files
>>> t
granted
--- config
location /t { gateway_api_key r query=key; }
--- raw_request eval: "GET /t?key=$::acme\r\n"
--- http09
--- response_body
granted



=== TEST 22: HTTP/0.9 without a key
--- consumers eval: $Test::Gateway::KeyCases::Consumers
--- config
location /t { gateway_api_key r header=X-K bearer query=key cookie=key; }
--- raw_request eval: "GET /t\r\n"
--- http09
--- response_body
{"type":"about:blank","title":"Unauthorized","status":401,"detail":"no credential was presented","reason":"missing"}



=== TEST 23: a header: white space that nginx does not strip
--- cases
sent("X-API-Key: $::acme  ")            => granted('acme'),
sent("X-API-Key: $::acme \t ")          => refused('unknown_key'),
sent("X-API-Key: $::acme\xa0")          => refused('unknown_key'),



=== TEST 24: optional: a key in another spelling is not anonymous
--- config
gateway_api_key r header=X-K bearer query=key cookie=key;
gateway_api_key_mode optional;
--- cases
sent()                                  => granted(''),
sent('Authorization: Basic YTpi')       => granted(''),
get("/t?a=key=$::acme&xkey=$::acme", "Cookie: a=key=$::acme; xkey=1")
                                        => granted(''),
map({ sent("Authorization: $_")         => refused('malformed_key', @::bad) }
    "Bearer\tx", "\xa0Bearer x", 'Key Bearer x'),
map({ get("/t?a=1&$_=x")                => refused('malformed_key', @::bad) }
    'k%65y', '+key', 'key[]', '[key]', 'a;key', 'a#&key'),
map({ sent("Cookie: a=1;$_=x")          => refused('malformed_key', @::bad) }
    "\tkey", "key\t", 'k%65y', 'key[0]', 'b=1 key'),
