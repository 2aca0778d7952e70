# SPDX-License-Identifier: BSD-2-Clause

# Keys by request: the errors and warnings of nginx -t, as whole lines, with
# file and line, each beside a configuration that passes.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway;
use Test::Gateway::Certificate;
use Test::Gateway::Issuer;
use Test::Gateway::Said;

my $issuer = issuer('es256');
my $pass = $issuer->location('/keys') =~ s/\n/ /gr;
my %files = ('keys.json' => jwks('es256'), 'secrets.json' => jwks('hs256'));
$Test::Gateway::Said::Files = \%files;

# a location with these lines, beside that of the keys
sub jwt {
    my ($lines, $server) = @_;
    $server //= '';
    return { server => "$pass $server\nlocation / { gateway_jwt realm;\n"
                       . "$lines\n}\n" };
}

# gateway_jwt_key_fetch in a server whose location has keys
sub fetch {
    my ($fetch, $location) = @_;
    $location //= '';
    return jwt("gateway_jwt_key_request /keys; $location", $fetch);
}


# --- what is valid

accepted(jwt($_), $_) for
    'gateway_jwt_key_request /keys;',
    'gateway_jwt_key_request /keys issuer=https://a;',
    'gateway_jwt_key_request /keys; gateway_jwt_key_file keys.json;',
    'gateway_jwt_key_request /keys; gateway_jwt_algorithms HS256;',
    'gateway_jwt_key_request /keys; gateway_jwt_key_cache 1h;';
accepted(fetch($_), $_) for
    'gateway_jwt_key_fetch;', 'gateway_jwt_key_fetch insecure;',
    'gateway_jwt_key_fetch interval=5m min=1s stale=1h timeout=2s max_size=64k '
    . 'insecure;';
accepted({ http => 'gateway_jwt realm; gateway_jwt_key_request /keys;'
                   . ' gateway_jwt_key_fetch interval=1m;',
           server => "$pass location / { }" }, 'all of it at the http level');
my $unused = 'has no effect, neither "gateway_jwt_key_request" nor '
             . '"gateway_jwt_introspect" is used in its block or in an inner one';
warned(jwt('gateway_jwt_key_file keys.json;',
           "gateway_jwt_key_fetch insecure;  #!\n"),
       qq("gateway_jwt_key_fetch" $unused), 'gateway_jwt_key_fetch, a file');
warned(jwt("gateway_jwt_key_file keys.json;\ngateway_jwt_key_cache 1h;  #!"),
       qq("gateway_jwt_key_cache" $unused), 'gateway_jwt_key_cache, a file');
warned({ http => "gateway_jwt_key_request /keys;  #!\n", server => '' },
       '"gateway_jwt_key_request" has no effect, "gateway_jwt" is on neither '
       . 'in its block nor in an inner one',
       'a URI without location where the method is off');
accepted({ server => "$pass location / { gateway_jwt realm;"
                     . ' gateway_jwt_verify on;'
                     . ' limit_except GET { gateway_jwt_key_request /keys; }'
                     . ' gateway_jwt_key_file keys.json; }' }, 'limit_except');


# --- the URI

refused(jwt(qq(gateway_jwt_key_request "";  #!)),
        'empty URI in "gateway_jwt_key_request"', 'an empty URI');
refused(jwt("gateway_jwt_key_request $_;  #!"),
        qq(invalid URI "$_" in "gateway_jwt_key_request", it must begin with )
        . '"/"', "a URI without /: $_")
    for 'keys', '@keys', 'unix:/keys';
refused(jwt("gateway_jwt_key_request $_;  #!"),
        qq(invalid URI "$_" in "gateway_jwt_key_request", it is a URL: write a )
        . 'location that passes to it, and the location\'s URI', "a URL: $_")
    for 'https://e.com/keys', 'HTTP://e.com/$host';
refused(jwt("gateway_jwt_key_request $_;  #!"),
        qq(variables are not supported in the URI "$_", write one )
        . '"gateway_jwt_key_request" for each URI, with "issuer=" where keys '
        . 'belong to an issuer', "a URI with variables: $_")
    for '/keys/$host', '$uri';
refused(jwt('gateway_jwt_key_request /keys?a=b;  #!'),
        'invalid URI "/keys?a=b" in "gateway_jwt_key_request", it must have no '
        . 'arguments, write them in the location', 'a URI with arguments');
refused(jwt('gateway_jwt_key_request issuer=https://a;  #!'),
        'invalid URI "issuer=https://a" in "gateway_jwt_key_request", it must '
        . 'begin with "/"', 'no URI');


# --- its parameters

refused(jwt("gateway_jwt_key_request /keys $_;  #!"),
        qq(invalid parameter "$_" in "gateway_jwt_key_request", allowed are )
        . '"issuer="', "a parameter of others: $_")
    for 'jwks', 'keyval', 'pem', 'watch=5s';
refused(jwt('gateway_jwt_key_request /keys issuer=;  #!'),
        'parameter "issuer=" must have a value', 'issuer= without a value');
warned(jwt('gateway_jwt_key_request /keys issuer=https://$host;  #!'),
       'variables are not supported in "gateway_jwt_key_request", '
       . '"https://$host" is taken literally',
       'issuer= with a variable');

my $both = "gateway_jwt_key_file keys.json;\n" x 16;
accepted(jwt($both . "gateway_jwt_key_request /keys;\n" x 16),
         '16 files and 16 requests');
refused(jwt($both . "gateway_jwt_key_request /keys;\n" x 16
            . 'gateway_jwt_key_request /keys;  #!'),
        'too many key files and key requests in this block, at most 32 are '
        . 'allowed',
        '16 files and 17 requests');


# --- gateway_jwt_key_fetch

for my $bounds ([ 'interval=', '1s', '999ms' ], [ 'min=', '1ms', '0' ],
                [ 'timeout=', '1ms', '0' ])
{
    my ($name, $least, $less) = @$bounds;
    accepted(fetch("gateway_jwt_key_fetch $name$least;"), "$name$least");
    my $unit = $name eq 'interval=' ? '1s' : '1ms';
    refused(fetch("gateway_jwt_key_fetch $name$_;  #!"),
            qq(invalid value "$_" in "$name", it must be a time of at least )
            . "$unit, such as 5s, 10m or 1h", "$name$_")
        for $less, '', 'soon', '-1';
}
accepted(fetch("gateway_jwt_key_fetch max_size=$_;"), "max_size=$_")
    for '1', '1m', '1048576';
refused(fetch("gateway_jwt_key_fetch max_size=$_;  #!"),
        qq(invalid value "$_" in "max_size=", it must be a size from 1 to 1m),
        "max_size=$_")
    for '0', '1048577', '2m', 'big', '';

accepted(fetch("gateway_jwt_key_fetch $_;"), $_)
    for 'min=10m', 'min=1m interval=1m', 'stale=10m', 'interval=2s stale=2s',
        'interval=48h';
refused(fetch("gateway_jwt_key_fetch $_->[0];  #!"),
        qq("$_->[1]" of "gateway_jwt_key_fetch" is $_->[2]), $_->[0])
    for [ 'min=20m', 'min=20m', 'larger than "interval=10m"' ],
        [ 'interval=1m min=61s', 'min=61s', 'larger than "interval=1m"' ],
        [ 'stale=9m', 'stale=9m', 'smaller than "interval=10m"' ],
        [ 'stale=1h interval=61m', 'stale=1h', 'smaller than "interval=61m"' ];
refused(fetch('gateway_jwt_key_fetch secure;  #!'),
        'invalid parameter "secure" in "gateway_jwt_key_fetch", allowed are '
        . '"interval=", "min=", "stale=", "timeout=", "max_size=", "insecure"',
        'an unknown parameter');
refused(fetch('gateway_jwt_key_fetch min=1s min=1s;  #!'),
        'duplicate parameter "min=1s" in "gateway_jwt_key_fetch"',
        'a parameter twice');
refused(fetch("gateway_jwt_key_fetch;\ngateway_jwt_key_fetch;  #!"),
        '"gateway_jwt_key_fetch" directive is duplicate', 'two of them');
accepted({ %{ fetch('gateway_jwt_key_fetch min=1s;') },
           http => 'gateway_jwt_key_fetch interval=5s;' }, 'two levels');
refused({ server => "$pass\nlocation / {\ngateway_jwt_key_fetch;  #!\n}" },
        '"gateway_jwt_key_fetch" directive is not allowed here', 'a location');


# --- gateway_jwt_key_cache

refused(fetch("gateway_jwt_key_cache $_;  #!"),
        qq(invalid value "$_" in "gateway_jwt_key_cache", it must be a time )
        . 'such as 10m or 1h', "gateway_jwt_key_cache $_")
    for 'off', '-1';
warned(fetch("gateway_jwt_key_cache $_;  #!"),
       qq("gateway_jwt_key_cache $_" has no effect, keys are always kept),
       "gateway_jwt_key_cache $_")
    for '0', '999ms';
accepted(fetch('gateway_jwt_key_cache 1s;'), 'gateway_jwt_key_cache 1s');
refused(fetch("gateway_jwt_key_cache 1h;\ngateway_jwt_key_cache 2h;  #!"),
        '"gateway_jwt_key_cache" directive is duplicate', 'two of them');

my $conflict = '"gateway_jwt_key_cache" conflicts with "interval=" of '
               . '"gateway_jwt_key_fetch"';
refused(fetch("$_->[0]\n$_->[1]  #!"), $conflict, "$_->[0] $_->[1]")
    for [ 'gateway_jwt_key_cache 1h;', 'gateway_jwt_key_fetch interval=1h;' ],
        [ 'gateway_jwt_key_fetch interval=1h;', 'gateway_jwt_key_cache 1h;' ];
accepted(fetch('gateway_jwt_key_cache 1h; gateway_jwt_key_fetch min=5s;'),
         'gateway_jwt_key_cache beside another parameter');
accepted(fetch('gateway_jwt_key_fetch interval=1h;',
               'gateway_jwt_key_cache 1h;'), 'in an inner block');

refused(fetch('gateway_jwt_key_fetch interval=1m stale=1h;',
              "#!\ngateway_jwt_key_cache 61m;"),
        '"gateway_jwt_key_cache" is larger than "stale=" of '
        . '"gateway_jwt_key_fetch", for "gateway_jwt_key_request" "/keys"',
        'more than stale=');
accepted(fetch('gateway_jwt_key_fetch interval=1m stale=1h;',
               'gateway_jwt_key_cache 60m;'), 'no more than stale=');


# --- the location

sub location {
    my ($location, $uri) = @_;
    $uri //= '/keys';
    return { server => "$location\nlocation = /api { gateway_jwt realm;\n"
                       . "gateway_jwt_key_request $uri;  #!\n}\n" };
}

my $to = 'proxy_pass http://127.0.0.1:' . $issuer->port . ';';

refused(location(''), 'no location for "gateway_jwt_key_request" "/keys" in its '
        . 'server,', 'no location');
refused(location("location = /keys { internal; $to }", '/Keys'),
        'no location for "gateway_jwt_key_request" "/Keys" in its server,',
        'a location with another name');
refused({ http => "server { server_name other;\n$pass }",
          %{ location('') } },
        'no location for "gateway_jwt_key_request" "/keys" in its server,',
        'a location in another server');
accepted(location("location $_ { internal; $to }"), "location $_")
    for '= /keys', '/keys', '/', '~ ^/k';
warned(location("location = /keys { $to }"),
       'location "/keys" of "gateway_jwt_key_request" "/keys" is not '
       . '"internal", clients can request it,', 'a location that is open');

my $cache = 'proxy_cache_path cache keys_zone=c:1m;';
warned({ http => $cache,
         %{ location("location = /keys { internal; proxy_cache c; $to }") } },
       '"proxy_cache" in the location of "gateway_jwt_key_request" "/keys" '
       . 'delays the withdrawal of keys,', 'a cache');
warned({ http => "$cache proxy_cache c;", %{ location($pass) } },
       '"proxy_cache" in the location of "gateway_jwt_key_request" "/keys" '
       . 'delays the withdrawal of keys,', 'a cache that is inherited');
accepted({ http => "$cache proxy_cache c;",
           %{ location("location = /keys { internal; proxy_cache off; $to }") } },
         'a cache that is off');

sub passes {
    my ($pass, $more) = @_;
    return location("location = /keys { internal; proxy_pass $pass; }\n$more");
}

warned(passes($_, ''),
       'location "/keys" of "gateway_jwt_key_request" "/keys" cannot use the '
       . 'keys of a server that is not verified, write "proxy_ssl_verify on",',
       "another machine, $_")
    for 'https://192.0.2.1', 'https://192.0.2.1:8443/keys', 'http://192.0.2.1';
accepted(passes($_, ''), "this machine, $_")
    for 'http://127.0.0.1', 'https://localhost', 'https://[::1]:8443',
        'http://unix:/tmp/keys.sock';
# names that the system resolves: a preloaded library knows their addresses

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0755, "$dir";

SKIP: {
    library("$dir/names.so", <<'END') or skip 'no library', 5;
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

static const char  *names[][3] = {
    { "localhost.far.example", "192.0.2.1", NULL },
    { "127.far.example", "192.0.2.1", NULL },
    { "both.example", "127.0.0.1", "192.0.2.1" },
    { "near.example", "127.0.0.1", "127.0.0.2" }
};

int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *hints, struct addrinfo **list)
{
    int     (*next)(const char *, const char *, const struct addrinfo *,
                    struct addrinfo **), rc;
    size_t  i;

    *(void **) &next = dlsym(RTLD_NEXT, "getaddrinfo");

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (name && strcmp(name, names[i][0]) == 0) {
            rc = next(names[i][1], service, hints, list);

            return (rc == 0 && names[i][2])
                   ? next(names[i][2], service, hints, &(*list)->ai_next) : rc;
        }
    }

    return next(name, service, hints, list);
}
END
    local $ENV{LD_PRELOAD} = "$dir/names.so";

    warned(passes("https://$_", ''),
           'location "/keys" of "gateway_jwt_key_request" "/keys" cannot use '
           . 'the keys of a server that is not verified, write '
           . '"proxy_ssl_verify on",', "another machine, $_")
        for qw( localhost.far.example 127.far.example:8443 both.example );
    accepted(passes("https://$_", ''), "this machine, $_")
        for qw( near.example LOCALHOST );
}

accepted(passes('https://192.0.2.1', $_), $_)
    for 'gateway_jwt_key_fetch insecure;',
        'proxy_ssl_verify on; proxy_ssl_trusted_certificate '
        . certificate_file(authority('ca')) . ';';


# --- keys, algorithms, issuers

refused({ server => "location / { gateway_jwt realm; }  #!\n" },
        '"gateway_jwt" is on and no "gateway_jwt_key_file", '
        . '"gateway_jwt_key_request" or "gateway_jwt_introspect" is '
        . 'given, write one, or '
        . '"gateway_jwt_verify off" to accept any signature, for the block',
        'neither a file nor a request');

warned({ server => "location / {  #!\ngateway_jwt realm;"
                   . ' gateway_jwt_key_file secrets.json;'
                   . ' gateway_jwt_algorithms ES256; }' },
       'no key of "gateway_jwt_key_file" serves an algorithm of '
       . '"gateway_jwt_algorithms", every token is refused, in the block',
       'a file without the algorithm');
accepted(jwt('gateway_jwt_key_file secrets.json; gateway_jwt_key_request /keys;'
             . ' gateway_jwt_algorithms ES256;'),
         'the same beside a request, whose algorithms are not known');

refused(jwt("gateway_jwt_issuer https://a https://b;\n"
            . "gateway_jwt_key_request /keys;  #!"),
        '"gateway_jwt_issuer" has several values and "gateway_jwt_key_request" '
        . '"/keys" is bound to none, add "issuer=" to it',
        'a request bound to no issuer beside two issuers');
accepted(jwt('gateway_jwt_issuer https://a https://b;'
             . ' gateway_jwt_key_request /keys issuer=https://a;'),
         'the same with issuer=');

my $useless = '"gateway_jwt_issuer" does not accept "issuer=https://b" of '
              . '"gateway_jwt_key_request", its keys are never used';
warned(jwt("gateway_jwt_issuer https://a;\n"
           . 'gateway_jwt_key_request /keys issuer=https://b;  #!'),
       $useless, 'issuer= that is not accepted');

# one directive for two servers: one of them that accepts the issuer is enough
sub two_servers {
    my ($first, $second) = @_;
    return { http => "gateway_jwt realm;\n"
                     . "gateway_jwt_key_request /keys issuer=https://b;  #!\n"
                     . "server { server_name other;"
                     . " $pass gateway_jwt_issuer $second; location / { } }",
             server => "$pass gateway_jwt_issuer $first; location / { }" };
}

warned(two_servers('https://a', 'https://a'), $useless,
       'neither server accepts it, which is said once');
accepted(two_servers('https://a', 'https://b'), 'the second server accepts it');
accepted(two_servers('https://b', 'https://a'), 'the first server accepts it');


# --- the only source of keys

# consumers are named by "iss" and "sub"
sub named {
    my ($server, $http) = @_;
    $http //= '';
    return { http => 'gateway_consumers zone=c:1m file=consumers.json;' . $http,
             server => "$pass $server" };
}

$files{'consumers.json'}
    = consumers({ id => 'a', jwt => [ { iss => 'https://a', sub => 'b' } ] });

my $request = 'gateway_jwt realm; gateway_jwt_key_request /keys';
my $unbound = '"gateway_consumers" names consumers by "iss" and "sub", and '
              . '"gateway_jwt_key_request" "/keys" is bound to no issuer and is '
              . 'not the only source of keys, add "issuer=" to it, or one '
              . '"gateway_jwt_issuer" to its block,';

accepted(named("location / { $request; }"), 'one request');
accepted(named("location / { $request; } location /b { $request; }"),
         'one request, written twice');
refused(named("location / {\n$request;  #!\ngateway_jwt_key_file keys.json; }"),
        $unbound, 'a request beside a file');
accepted(named("location / { $request issuer=https://a;\n"
               . 'gateway_jwt_key_file keys.json issuer=https://b; }'),
         'both are bound');

my $other = " server { server_name other; $pass location / { %s } }";
accepted(named('location / { gateway_jwt realm; }',
               'gateway_jwt_key_request /keys;' . sprintf $other, ''),
         'a request that a second server inherits and does not use');
refused(named('location / { gateway_jwt realm; }',
              "\ngateway_jwt_key_request /keys;  #!\n"
              . sprintf $other, 'gateway_jwt realm;'),
        $unbound, 'a request that two servers use: a set for each');


# --- nothing of this has requested anything

is($issuer->fetches + $issuer->posts, 0, 'nginx -t requests nothing');

done_testing();
