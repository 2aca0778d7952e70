# SPDX-License-Identifier: BSD-2-Clause

# The complete output of nginx -t for more than a hundred configurations that a
# newcomer may write.  Each message says what is wrong, what is allowed and where;
# a configuration that works as it seems to causes no message.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Server;
use Test::More;

my %files = files();
my $port = free_port();
my %seen;

local $/;
for (split /^=== /m, <DATA>) {
    my ($name, $conf, $expected) = /^(.*?)\n(.*?)^---\n(.*?)\s*\z/ms or next;

    ok(!$seen{$name}++, "$name: once");

    # nginx -t binds its ports: not port 80 of all addresses
    $conf =~ s/^server \{\K(?! listen)/ listen 127.0.0.1:$port;/mg;

    # these are outside of http
    my $main = $conf =~ s/^main\n//;
    my ($code, $said) = nginx_t(<<"END", { %files, 'case.conf' => $conf });
load_module $ENV{GATEWAY_MODULE};
events {}
@{[ $main ? 'include case.conf; http {}' : 'http { include case.conf; }' ]}
END
    my @said = map { /(\[\w+\]) (?:\d+#\d+: )?(.*)/ ? "$1 $2" : () }
               split /\n/, $said;
    is(join("\n", @said), $expected, $name);
    is($code, $expected =~ /\[emerg\]/ ? 1 : 0, "$name: the exit code");
}

cmp_ok(scalar keys %seen, '>=', 100, 'as many as that');
done_testing();


# files next to the configuration

sub files {
    my ($private, $certificate) = pair();
    my ($one, $two) = map { my $n = $_; join '', map { sprintf '%02x', 
                      ($n * 37 + $_ * 101) % 251 } 1 .. 32 } 1, 2;
    my $key = qq("keys":[{"id":"k","sha256":"$one"}]);

    return (
        'keys.json'       => jwks('es256'),
        'openid.json'     => "{\n  \"issuer\": \"https://id.example\",\n"
                             . '  "jwks_uri": "https://id.example/jwks.json" }',
        'page.html'       => "<!DOCTYPE html>\n<html></html>\n",
        'empty.json'      => '',
        'secret.txt'      => "s3cr3t\n",
        'private.pem'     => $private,
        'certificate.pem' => $certificate,
        'short.json'      => '{"keys":[{"kty":"oct","kid":"a","alg":"HS256",'
                             . '"k":"c2VjcmV0"}]}',
        'comma.json'      => qq({"keys": [\n  {"kty": "oct"},\n] }\n),
        'named.json'      => '{"key-1":"-----BEGIN PUBLIC KEY-----"}',
        'consumers.json'  => qq({"consumers":[{"id":"acme",$key}]}),
        'consumers.yaml'  => "consumers:\n  - id: acme\n    keys: []\n",
        'array.json'      => '[{"id":"acme"}]',
        'twice.json'      => qq({"consumers":[{"id":"a",$key},\n)
                             . qq({"id":"b",$key}]}),
        'plain.json'      => '{"consumers":[{"id":"a","keys":[{"id":"k",'
                             . '"key":"my-secret-key"}]}]}',
        'misspelt.json'   => qq({"consumers":[{"id":"a","key":[{"id":"k",)
                             . qq("sha256":"$one"}]}]}),
        'time.json'       => qq({"consumers":[{"id":"a","keys":[{"id":"k",)
                             . qq("sha256":"$two","expires":"2027-01-01"}]}]}),
    );
}


sub pair {
    my $dir = File::Temp->newdir;
    system("openssl req -x509 -newkey rsa:2048 -nodes -keyout $dir/key"
           . " -out $dir/crt -subj /CN=a -days 30 2>/dev/null") == 0
        or die "openssl: $?";
    return map { Test::Gateway::Server::slurp("$dir/$_") } 'key', 'crt';
}

__DATA__
=== the realm is forgotten
server { location / { gateway_jwt; } }
---
[emerg] invalid number of arguments in "gateway_jwt" directive in DIR/case.conf:1

=== no keys
server { location / { gateway_jwt api; } }
---
[emerg] "gateway_jwt" is on and no "gateway_jwt_key_file", "gateway_jwt_key_request" or "gateway_jwt_introspect" is given, write one, or "gateway_jwt_verify off" to accept any signature, for the block in DIR/case.conf:1

=== a file that is not there
server { location / { gateway_jwt api; gateway_jwt_key_file no-such.json; } }
---
[emerg] gateway_jwt_key_file "DIR/no-such.json": open() failed (2: No such file or directory) in DIR/case.conf:1

=== the address of a JWKS
server { location / { gateway_jwt api; gateway_jwt_key_file https://id.example/jwks.json; } }
---
[emerg] invalid file name "https://id.example/jwks.json" in "gateway_jwt_key_file", it is a URL: write a location that passes to it, and "gateway_jwt_key_request" with the location's URI in DIR/case.conf:1

=== the discovery document
server { location / { gateway_jwt api; gateway_jwt_key_file openid.json; } }
---
[emerg] gateway_jwt_key_file "DIR/openid.json": is neither a JWK nor a JWK Set, it is an OpenID configuration: save what its "jwks_uri" returns in DIR/case.conf:1

=== a page of HTML
server { location / { gateway_jwt api; gateway_jwt_key_file page.html; } }
---
[emerg] gateway_jwt_key_file "DIR/page.html": is HTML or XML, it must be a JWK or a JWK Set in DIR/case.conf:1

=== an empty file
server { location / { gateway_jwt api; gateway_jwt_key_file empty.json; } }
---
[emerg] gateway_jwt_key_file "DIR/empty.json": is empty, it must be a JWK or a JWK Set in DIR/case.conf:1

=== a secret in plain text
server { location / { gateway_jwt api; gateway_jwt_key_file secret.txt; } }
---
[emerg] gateway_jwt_key_file "DIR/secret.txt": contains no JSON object, it must be a JWK or a JWK Set, such as "nginx-gateway jwk import" makes of a secret in DIR/case.conf:1

=== a private key
server { location / { gateway_jwt api; gateway_jwt_key_file private.pem; } }
---
[emerg] gateway_jwt_key_file "DIR/private.pem": is PEM, add the parameter "pem" in DIR/case.conf:1

=== a certificate in place of its key
server { location / { gateway_jwt api; gateway_jwt_key_file certificate.pem; } }
---
[emerg] gateway_jwt_key_file "DIR/certificate.pem": is PEM, add the parameter "pem" in DIR/case.conf:1

=== a directory
server { location / { gateway_jwt api; gateway_jwt_key_file html; } }
---
[emerg] gateway_jwt_key_file "DIR/html": is not a regular file in DIR/case.conf:1

=== a short secret
server { location / { gateway_jwt api; gateway_jwt_key_file short.json; } }
---
[notice] gateway_jwt_key_file "DIR/short.json": key 0, kid "a": is an HMAC key of 6 bytes, its hash needs 32: write a longer one, or "gateway_jwt_key_policy compat", left out
[emerg] gateway_jwt_key_file "DIR/short.json": contains no usable key: it is an HMAC key of 6 bytes, its hash needs 32: write a longer one, or "gateway_jwt_key_policy compat" in DIR/case.conf:1

=== a comma too many
server { location / { gateway_jwt api; gateway_jwt_key_file comma.json; } }
---
[emerg] gateway_jwt_key_file "DIR/comma.json": is not well-formed JSON, a comma must not precede a closing bracket (line 3, column 1) in DIR/case.conf:1

=== the keys of a name in place of an array
server { location / { gateway_jwt api; gateway_jwt_key_file named.json; } }
---
[emerg] gateway_jwt_key_file "DIR/named.json": is neither a JWK nor a JWK Set, it maps names to PEM: save the JWK Set of the issuer, or each PEM in a file of its own with "pem" in DIR/case.conf:1

=== a key file twice
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json;
    gateway_jwt_key_file keys.json; } }
---

=== watch= without a unit of its own
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json watch=0; } }
---

=== a word for watch=
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json watch=on; } }
---
[emerg] invalid value "on" in parameter "watch=", it must be a time such as 5s, 500ms or 1h in DIR/case.conf:1

=== an unknown parameter of a key file
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json refresh=1m; } }
---
[emerg] invalid parameter "refresh=1m" in "gateway_jwt_key_file", allowed are "jwks", "pem", "watch=", "issuer=" in DIR/case.conf:1

=== keys outside of http
main
gateway_jwt_key_file keys.json;
---
[emerg] "gateway_jwt_key_file" directive is not allowed here in DIR/case.conf:1

=== the directive of NGINX Plus
server { location / { auth_jwt api; } }
---
[emerg] unknown directive "auth_jwt" in DIR/case.conf:1

=== the key file of NGINX Plus
server { location / { gateway_jwt api; auth_jwt_key_file keys.json; } }
---
[emerg] unknown directive "auth_jwt_key_file" in DIR/case.conf:1

=== a token from a variable without its sign
server { location / { gateway_jwt api token=cookie_auth; gateway_jwt_key_file keys.json; } }
---
[emerg] invalid value "cookie_auth" in "token=", it must be one variable such as $cookie_token in DIR/case.conf:1

=== a token from a header by its name
server { location / { gateway_jwt api token=X-Token; gateway_jwt_key_file keys.json; } }
---
[emerg] invalid value "X-Token" in "token=", it must be one variable such as $cookie_token in DIR/case.conf:1

=== a token from a variable that nobody sets
server { location / { gateway_jwt api token=$my_token; gateway_jwt_key_file keys.json; } }
---
[emerg] unknown variable "$my_token" in "gateway_jwt" in DIR/case.conf:1

=== an algorithm with a dash
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_algorithms RS-256; } }
---
[emerg] unknown algorithm "RS-256" in "gateway_jwt_algorithms", allowed are HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, ES256K, EdDSA, Ed25519, Ed448, ML-DSA-44, ML-DSA-65, ML-DSA-87 in DIR/case.conf:1

=== the algorithm none
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_algorithms none; } }
---
[emerg] unknown algorithm "none" in "gateway_jwt_algorithms", allowed are HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, ES256K, EdDSA, Ed25519, Ed448, ML-DSA-44, ML-DSA-65, ML-DSA-87 in DIR/case.conf:1

=== algorithms with commas
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_algorithms RS256,ES256; } }
---
[emerg] unknown algorithm "RS256,ES256" in "gateway_jwt_algorithms", allowed are HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, ES256K, EdDSA, Ed25519, Ed448, ML-DSA-44, ML-DSA-65, ML-DSA-87 in DIR/case.conf:1

=== an algorithm that no key serves
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_algorithms RS256; } }
---
[warn] no key of "gateway_jwt_key_file" serves an algorithm of "gateway_jwt_algorithms", every token is refused, in the block in DIR/case.conf:1

=== a negative leeway
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_leeway -5s; } }
---
[emerg] invalid value "-5s" in "gateway_jwt_leeway", it must be a time such as 10s, 5m or 1d in DIR/case.conf:1

=== a leeway of two words
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_leeway 5 minutes; } }
---
[emerg] invalid number of arguments in "gateway_jwt_leeway" directive in DIR/case.conf:1

=== a leeway of a year
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_leeway 1y; } }
---

=== an age of 0
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_max_age 0; } }
---

=== a size without number
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_max_size big; } }
---
[emerg] invalid value "big" in "gateway_jwt_max_size", it must be a size such as 512, 16k or 1m in DIR/case.conf:1

=== a mode that does not exist
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_mode monitor; } }
---
[emerg] invalid value "monitor" in "gateway_jwt_mode", allowed are "required", "optional", "dry_run" in DIR/case.conf:1

=== a flag that is not on or off
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_hide yes; } }
---
[emerg] invalid value "yes" in "gateway_jwt_hide" directive, it must be "on" or "off" in DIR/case.conf:1

=== the type of a token
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_type encrypted; } }
---
[emerg] type "encrypted" in "gateway_jwt_type" is not supported, it must be "signed" in DIR/case.conf:1

=== an operator of programmers
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_require_claim role == admin; } }
---
[emerg] invalid operator "==" in "gateway_jwt_require_claim", allowed are eq, ne, gt, ge, lt, le, any, all, none, match, exists, absent in DIR/case.conf:1

=== a rule without value
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_require_claim role eq; } }
---
[emerg] operator "eq" in "gateway_jwt_require_claim" takes one value, found 0 in DIR/case.conf:1

=== a rule of a claim alone
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_require_claim role; } }
---
[emerg] invalid number of arguments in "gateway_jwt_require_claim" directive in DIR/case.conf:1

=== a path of JSON Pointer
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_require_claim /realm_access/roles any admin; } }
---
[emerg] path "/realm_access/roles" in "gateway_jwt_require_claim" begins with "/", write "realm_access.roles", or '"/realm_access/roles"' for a claim of this name in DIR/case.conf:1

=== a path of JSONPath
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_require_claim $.role eq admin; } }
---
[emerg] path "$.role" in "gateway_jwt_require_claim" begins with "$.", write "role", or '"$.role"' for a claim of this name in DIR/case.conf:1

=== a number that is none
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_require_claim level ge high; } }
---

=== a regular expression that is not closed
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_require_claim email match (.*@example; } }
---
[emerg] pcre2_compile() failed: missing closing parenthesis in "(.*@example" in DIR/case.conf:1

=== a rule without gateway_jwt
server { location / { gateway_jwt_key_file keys.json; gateway_jwt_require_claim role eq admin; } }
---
[emerg] "gateway_jwt_require_claim" has no effect, "gateway_jwt" is on neither in its block nor in an inner one, add "gateway_jwt realm" to protect the block, or "gateway_jwt off" to leave it open in DIR/case.conf:1

=== an issuer that a file excludes
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json issuer=https://a; gateway_jwt_issuer https://b; } }
---
[warn] "gateway_jwt_issuer" does not accept "issuer=https://a" of "gateway_jwt_key_file", its keys are never used in DIR/case.conf:1

=== a header with a colon
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_claim_header X-Role: role; } }
---
[emerg] invalid header name "X-Role:", it must consist of letters, digits and - in DIR/case.conf:1

=== a claim header in the wrong order
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_claim_header email; } }
---
[emerg] invalid number of arguments in "gateway_jwt_claim_header" directive in DIR/case.conf:1

=== a variable without sign
gateway_jwt_claim_set role realm_access.roles;
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; } }
---
[emerg] invalid variable name "role" in "gateway_jwt_claim_set", it must be "$" and a name, such as $jwt_sub in DIR/case.conf:1

=== a variable of the suite that does not exist
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; add_header X-User $gateway_user; } }
---
[emerg] unknown "gateway_user" variable

=== keys from an address, without a location that passes to it
server { location / { gateway_jwt api; gateway_jwt_key_request https://id.example/jwks; } }
---
[emerg] invalid URI "https://id.example/jwks" in "gateway_jwt_key_request", it is a URL: write a location that passes to it, and the location's URI in DIR/case.conf:1

=== keys from a location that is not there
server { location = /api { gateway_jwt api; gateway_jwt_key_request /jwks; } }
---
[emerg] no location for "gateway_jwt_key_request" "/jwks" in its server, in DIR/case.conf:1

=== if over a claim
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json;
    if ($gateway_jwt_claim_suspended = true) { return 403; } } }
---

=== return below gateway_jwt
server { gateway_jwt api; gateway_jwt_key_file keys.json; location / { return 200 ok; } }
---
[warn] "return" answers without authentication, add "gateway_jwt off" if this is intended in DIR/case.conf:1

=== keys without consumers
server { location / { gateway_api_key api; } }
---
[emerg] "gateway_api_key" requires "gateway_consumers", add "gateway_consumers zone=consumers:1m file=consumers.json;" at the http level, for the block in DIR/case.conf:1

=== a header of API keys without realm
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_api_key header=X-API-Key; } }
---
[emerg] the argument before "header=X-API-Key" in "gateway_api_key" is missing in DIR/case.conf:2

=== a header with underscores
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_api_key api header=X_API_Key; } }
---

=== an unknown place for a key
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_api_key api argument=key; } }
---
[emerg] invalid parameter "argument=key" in "gateway_api_key", allowed are "header=", "bearer", "query=", "cookie=" in DIR/case.conf:2

=== the names of Kong
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_api_key api key_names=apikey; } }
---
[emerg] invalid parameter "key_names=apikey" in "gateway_api_key", allowed are "header=", "bearer", "query=", "cookie=" in DIR/case.conf:2

=== a place twice
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_api_key api header=X-Key header=X-Key; } }
---
[emerg] duplicate parameter "header=X-Key" in "gateway_api_key" in DIR/case.conf:2

=== a mode of API keys
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_api_key api; gateway_api_key_mode anonymous; } }
---
[emerg] invalid value "anonymous" in "gateway_api_key_mode", allowed are "required", "optional", "dry_run" in DIR/case.conf:2

=== a short pepper
gateway_api_key_pepper secret.txt;
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_api_key api; } }
---
[emerg] gateway_api_key_pepper "DIR/secret.txt": is shorter than 16 bytes, write a random one, such as "openssl rand -hex 32" prints in DIR/case.conf:1

=== a pepper that is not there
gateway_api_key_pepper no-such.txt;
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_api_key api; } }
---
[emerg] gateway_api_key_pepper "DIR/no-such.txt": open() failed (2: No such file or directory) in DIR/case.conf:1

=== consumers without zone
gateway_consumers consumers.json;
server { location / { gateway_api_key api; } }
---
[emerg] invalid parameter "consumers.json" in "gateway_consumers", allowed are "zone=", "file=", "watch=" in DIR/case.conf:1

=== consumers without zone, with file=
gateway_consumers file=consumers.json;
server { location / { gateway_api_key api; } }
---
[emerg] "gateway_consumers" must have "zone=name:size" in DIR/case.conf:1

=== consumers without file
gateway_consumers zone=c:1m;
server { location / { gateway_api_key api; } }
---
[emerg] "gateway_consumers" must have "file=path" in DIR/case.conf:1

=== consumers without anything
gateway_consumers;
server { location / { gateway_api_key api; } }
---
[emerg] "gateway_consumers" must have "zone=name:size" and "file=path" in DIR/case.conf:1

=== consumers with a parameter too many
gateway_consumers zone=c:1m file=consumers.json watch=5s size=1m;
server { location / { gateway_api_key api; } }
---
[emerg] invalid parameter "size=1m" in "gateway_consumers", allowed are "zone=", "file=", "watch=" in DIR/case.conf:1

=== a zone of consumers without size
gateway_consumers zone=consumers file=consumers.json;
server { location / { gateway_api_key api; } }
---
[emerg] invalid value "consumers" in parameter "zone=", it must be a name and a size such as "one:10m" in DIR/case.conf:1

=== a zone of consumers that is too small
gateway_consumers zone=c:1k file=consumers.json;
server { location / { gateway_api_key api; } }
---
[emerg] zone "c:1k" is too small, it must have at least 1024k in DIR/case.conf:1

=== consumers that are not there
gateway_consumers zone=c:1m file=no-such.json;
server { location / { gateway_api_key api; } }
---
[emerg] gateway_consumers "DIR/no-such.json": open() failed (2: No such file or directory) in DIR/case.conf:1

=== consumers in YAML
gateway_consumers zone=c:1m file=consumers.yaml;
server { location / { gateway_api_key api; } }
---
[emerg] gateway_consumers "DIR/consumers.yaml": the file must begin with { "consumers": [, it is YAML (line 1) in DIR/case.conf:1

=== consumers as an array
gateway_consumers zone=c:1m file=array.json;
server { location / { gateway_api_key api; } }
---
[emerg] gateway_consumers "DIR/array.json": the file must begin with { "consumers": [, it is a JSON array (line 1) in DIR/case.conf:1

=== a key of two consumers
gateway_consumers zone=c:1m file=twice.json;
server { location / { gateway_api_key api; } }
---
[emerg] gateway_consumers "DIR/twice.json": consumers[1].keys[0].id: "k" is already used by a key of consumers[0] (line 2) in DIR/case.conf:1
[emerg] gateway_consumers "DIR/twice.json": consumers[1].keys[0].sha256: is already used by consumers[0] (line 2) in DIR/case.conf:1

=== a key in plain text
gateway_consumers zone=c:1m file=plain.json;
server { location / { gateway_api_key api; } }
---
[emerg] gateway_consumers "DIR/plain.json": consumers[0].keys[0].key: is not allowed, a key must have sha256 or hmac_sha256 instead (line 1) in DIR/case.conf:1
[emerg] gateway_consumers "DIR/plain.json": consumers[0].keys[0]: must have sha256 or hmac_sha256 (line 1) in DIR/case.conf:1

=== a member that is misspelt
gateway_consumers zone=c:1m file=misspelt.json;
server { location / { gateway_api_key api; } }
---
[emerg] gateway_consumers "DIR/misspelt.json": consumers[0].key: is unknown, allowed are id, groups, plan, metadata, disabled, keys, jwt, certificates (line 1) in DIR/case.conf:1

=== a time without zone
gateway_consumers zone=c:1m file=time.json;
server { location / { gateway_api_key api; } }
---
[emerg] gateway_consumers "DIR/time.json": consumers[0].keys[0].expires: "2027-01-01" is not a date, write for example 2027-01-31T00:00:00Z (line 1) in DIR/case.conf:1

=== consumers twice
gateway_consumers zone=c:1m file=consumers.json;
gateway_consumers zone=d:1m file=consumers.json;
server { location / { gateway_api_key api; } }
---
[emerg] "gateway_consumers" directive is duplicate in DIR/case.conf:2

=== consumers in a server
server { gateway_consumers zone=c:1m file=consumers.json; location / { gateway_api_key api; } }
---
[emerg] "gateway_consumers" directive is not allowed here in DIR/case.conf:1

=== a rule without any method
server { location / { gateway_require_scope orders:read; } }
---
[emerg] "gateway_require_scope" has nothing to check, no method of authentication is on in its block or in an inner one, add one such as "gateway_jwt" or "gateway_api_key" in DIR/case.conf:1

=== groups without a source
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_deny_group banned; } }
---
[emerg] "gateway_deny_group" has nothing to check, no method of its block or of an inner one provides groups, add "gateway_jwt_group" or "gateway_consumers" in DIR/case.conf:1

=== scopes with commas
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_require_scope orders:read,orders:write; } }
---
[warn] "orders:read,orders:write" in "gateway_require_scope" is one scope with a comma, scopes are separated by blanks in DIR/case.conf:1

=== a scope by a method that does not exist
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_require_scope orders:read methods=GTE; } }
---
[warn] "methods=GTE" in "gateway_require_scope" is the name of a scope, write "method=" to apply the rule to some methods only in DIR/case.conf:1

=== a pattern of scopes
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_require_scope orders:*; } }
---
[warn] patterns are not supported in "gateway_require_scope", "orders:*" is the name of a scope in DIR/case.conf:1

=== a consumer that the file does not know
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_api_key api; gateway_require_consumer acmee; } }
---
[warn] "gateway_require_consumer" lists no consumer of the "gateway_consumers" file, every request fails the rule in DIR/case.conf:2

=== identity headers with a strange word
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_identity_headers yes; } }
---
[emerg] invalid value "yes" in "gateway_identity_headers", allowed are "on", "off" in DIR/case.conf:1

=== an identity header with a variable
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_identity_headers on consumer=$remote_user; } }
---
[emerg] invalid header name "$remote_user", it must consist of letters, digits and - in DIR/case.conf:1

=== a certificate without ssl_verify_client
gateway_consumers zone=c:1m file=consumers.json;
server { listen 127.0.0.1:1 ssl; ssl_certificate certificate.pem; ssl_certificate_key private.pem;
    location / { gateway_client_certificate on; } }
---
[warn] "gateway_client_certificate" rejects every request: "ssl_verify_client" is off in this server, or it has no "ssl_certificate", for the block in DIR/case.conf:3

=== a certificate without TLS
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_client_certificate on; } }
---
[warn] "gateway_client_certificate" rejects every request: "ssl_verify_client" is off in this server, or it has no "ssl_certificate", for the block in DIR/case.conf:2

=== a rate without unit
gateway_limit_zone $remote_addr zone=z:1m rate=10;
server { location / { gateway_limit zone=z; } }
---
[emerg] invalid value "10" in parameter "rate=", it must be a rate such as 10r/s, 100r/m, 1000r/h or 5000r/d in DIR/case.conf:1

=== a rate by day
gateway_limit_zone $remote_addr zone=z:1m rate=10r/d;
server { location / { gateway_limit zone=z; } }
---

=== a rate in other words
gateway_limit_zone $remote_addr zone=z:1m rate=10/second;
server { location / { gateway_limit zone=z; } }
---
[emerg] invalid value "10/second" in parameter "rate=", it must be a rate such as 10r/s, 100r/m, 1000r/h or 5000r/d in DIR/case.conf:1

=== a rate of 0
gateway_limit_zone $remote_addr zone=z:1m rate=0r/s;
server { location / { gateway_limit zone=z; } }
---

=== a zone without key
gateway_limit_zone zone=z:1m rate=10r/s;
server { location / { gateway_limit zone=z; } }
---
[emerg] the argument before "zone=z:1m" in "gateway_limit_zone" is missing in DIR/case.conf:1

=== a key without its sign
gateway_limit_zone remote_addr zone=z:1m rate=10r/s;
server { location / { gateway_limit zone=z; } }
---
[emerg] the key "remote_addr" is the same for all requests, it must contain a variable such as $gateway_client in DIR/case.conf:1

=== a zone without any figure
gateway_limit_zone $remote_addr zone=z:1m;
server { location / { gateway_limit zone=z; } }
---
[emerg] zone "z" of "gateway_limit_zone": must have one of "rate=", "quota=" and "concurrency=" in DIR/case.conf:1

=== a zone of limits without size
gateway_limit_zone $remote_addr zone=z rate=10r/s;
server { location / { gateway_limit zone=z; } }
---
[emerg] invalid value "z" in parameter "zone=", it must be a name and a size such as "one:10m" in DIR/case.conf:1

=== a zone of limits that is too small
gateway_limit_zone $remote_addr zone=z:1k rate=10r/s;
server { location / { gateway_limit zone=z; } }
---
[emerg] zone "z:1k" is too small, it must have at least 64k in DIR/case.conf:1

=== a limit without "zone="
gateway_limit_zone $remote_addr zone=z:1m rate=10r/s;
server { location / { gateway_limit z; } }
---
[emerg] invalid parameter "z" in "gateway_limit", allowed are "zone=", "burst=", "nodelay", "delay=", "cost=", "min=", "settle", "reserve=", "penalty", "dry_run" in DIR/case.conf:2

=== a zone that is misspelt
gateway_limit_zone $remote_addr zone=one:1m rate=10r/s;
server { location / { gateway_limit zone=on; } }
---
[emerg] unknown zone "on" in "gateway_limit", there is no "gateway_limit_zone" of this name in DIR/case.conf:2

=== burst at the limit
gateway_limit_zone $remote_addr zone=z:1m rate=10r/s;
server { location / { gateway_limit zone=z burst=20; } }
---

=== the words of limit_req
gateway_limit_zone $remote_addr zone=z:1m rate=10r/s;
server { location / { gateway_limit zone=z nodelay; } }
---
[emerg] "gateway_limit": "nodelay" and "delay=" require "burst=" in DIR/case.conf:2

=== a burst that is no number
gateway_limit_zone $remote_addr zone=z:1m rate=10r/s burst=many;
server { location / { gateway_limit zone=z; } }
---
[emerg] invalid value "many" in parameter "burst=", it must be a number in DIR/case.conf:1

=== a quota without period
gateway_limit_zone $gateway_client zone=z:1m quota=1000;
server { location / { gateway_limit zone=z; } }
---
[emerg] invalid value "1000" in parameter "quota=", it must be a quota such as 1000/month, with minute, hour, day, week or month in DIR/case.conf:1

=== a quota by the year
gateway_limit_zone $gateway_client zone=z:1m quota=1000/year;
server { location / { gateway_limit zone=z; } }
---
[emerg] invalid value "1000/year" in parameter "quota=", it must be a quota such as 1000/month, with minute, hour, day, week or month in DIR/case.conf:1

=== a time zone that does not exist
gateway_limit_zone $gateway_client zone=z:1m quota=1000/day timezone=Europe/Berln;
server { location / { gateway_limit zone=z; } }
---
[emerg] unknown time zone "Europe/Berln", "/usr/share/zoneinfo/Europe/Berln": open() failed (2: No such file or directory) (is tzdata installed?) in DIR/case.conf:1

=== rate and quota in one zone
gateway_limit_zone $gateway_client zone=z:1m rate=1r/s quota=1000/day;
server { location / { gateway_limit zone=z; } }
---
[emerg] zone "z" of "gateway_limit_zone": must have one of "rate=", "quota=" and "concurrency=" in DIR/case.conf:1

=== an algorithm that is misspelt
gateway_limit_zone $gateway_client zone=z:1m rate=1r/s algorithm=leaky_bucket;
server { location / { gateway_limit zone=z; } }
---
[emerg] invalid value "leaky_bucket" in "algorithm=", allowed are "gcra", "sliding_window", "fixed_window" in DIR/case.conf:1

=== Redis that is not defined
gateway_limit_zone $gateway_client zone=z:1m rate=1r/s redis=shared;
server { location / { gateway_limit zone=z; } }
---
[emerg] unknown redis "shared" in "gateway_limit_zone", there is no "gateway_redis" of this name in DIR/case.conf:1

=== a limit by a hidden key
gateway_consumers zone=c:1m file=consumers.json;
gateway_limit_zone $http_x_api_key zone=z:1m rate=1r/s;
server { location / { gateway_api_key api header=X-API-Key; gateway_limit zone=z; } }
---
[emerg] zone "z" counts by $http_x_api_key, which is hidden after authentication by the block in DIR/case.conf:3, use $gateway_credential or stage=early, in DIR/case.conf:3

=== nginx's own limit by consumer
gateway_consumers zone=c:1m file=consumers.json;
limit_req_zone $gateway_consumer zone=z:1m rate=1r/s;
server { location / { gateway_api_key api; limit_req zone=z; } }
---
[warn] zone "z" of "limit_req_zone" counts by "$gateway_consumer" before authentication, when the client is not known yet, use "gateway_limit_zone"

=== an inner limit
gateway_limit_zone $remote_addr zone=a:1m rate=1r/s;
gateway_limit_zone $remote_addr zone=b:1m rate=1r/s;
server { gateway_limit zone=a; location / { gateway_limit zone=b; } }
---
[warn] "gateway_limit" in DIR/case.conf:3 drops the limit of zone "a" that is inherited from DIR/case.conf:3, repeat it, or write "gateway_limit_inherit merge"

=== a status for refusals
gateway_limit_zone $remote_addr zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; gateway_limit_status 200; } }
---
[emerg] invalid value "200" in "gateway_limit_status", it must be a number from 400 to 599 in DIR/case.conf:2

=== headers of limits
gateway_limit_zone $remote_addr zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; gateway_limit_headers on; } }
---
[emerg] invalid value "on" in "gateway_limit_headers", allowed are "off", "legacy", "ietf" in DIR/case.conf:2

=== an endpoint that is open to all
gateway_limit_zone $remote_addr zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; } location = /limits { gateway_limit_admin zone=z; } }
---
[emerg] "gateway_limit_admin" directive requires "zone=", and "from=" with the client addresses to allow in DIR/case.conf:2

=== Redis without server
gateway_redis shared { timeout 100ms; }
server { location / { } }
---
[emerg] "gateway_redis shared" must have "server" in DIR/case.conf:1

=== Redis in one line
gateway_redis 127.0.0.1:6379;
server { location / { } }
---
[emerg] directive "gateway_redis" has no opening "{" in DIR/case.conf:1

=== a wrong port of Redis
gateway_redis shared { server 127.0.0.1:99999; }
server { location / { } }
---
[emerg] invalid port in "server 127.0.0.1:99999", it must be an address such as "10.0.0.5:6379", "[::1]:6379", "redis.example:6379" or "unix:/path" in DIR/case.conf:1

=== the address of Redis as a URL
gateway_redis shared { server redis://127.0.0.1:6379; }
server { location / { } }
---
[emerg] invalid host in "server redis://127.0.0.1:6379", it must be an address such as "10.0.0.5:6379", "[::1]:6379", "redis.example:6379" or "unix:/path" in DIR/case.conf:1

=== a password of Redis in the configuration
gateway_redis shared { server 127.0.0.1:6379; password secret; }
server { location / { } }
---
[emerg] unknown directive "password" in "gateway_redis", allowed are "server", "user", "password_file", "database", "ssl", "ssl_trusted_certificate", "ssl_name", "ssl_certificate", "ssl_certificate_key", "prefix", "connect_timeout", "timeout", "connections", "max_pending", "breaker" in DIR/case.conf:1

=== a timeout of Redis in seconds
gateway_redis shared { server 127.0.0.1:6379; timeout 50; }
server { location / { } }
---
[warn] "timeout" of gateway_redis "shared" is 50000ms: requests wait for Redis for this long, 50 ms is usual; a time without a unit is in seconds, in the block in DIR/case.conf:1
[warn] "gateway_redis shared" is not used by any "gateway_limit_zone" in DIR/case.conf:1

=== a format of records that does not exist
server { location / { gateway_log a.json json; } }
---
[emerg] unknown gateway_log_format "json", it must be declared before, or be native, ecs, otel or gcp in DIR/case.conf:1

=== a log in a folder that is not there
server { location / { gateway_log no/such/folder/a.json; } }
---
[emerg] open() "DIR/no/such/folder/a.json" failed (2: No such file or directory)

=== a collector without port
server { location / { gateway_log syslog:server=127.0.0.1; } }
---
[emerg] unknown syslog "server=127.0.0.1" in "gateway_log", there is no "gateway_log_syslog" of this name in DIR/case.conf:1

=== a trace without format
server { location / { gateway_trace otel; } }
---
[emerg] "gateway_trace" directive is not allowed here in DIR/case.conf:1

=== request ids with a strange word
server { location / { gateway_request_id uuid; } }
---
[emerg] "gateway_request_id" directive is not allowed here in DIR/case.conf:1

=== trust for everybody
gateway_trust all;
server { location / { gateway_request_id on; } }
---
[emerg] invalid parameter "all" in "gateway_trust", allowed are "from=" in DIR/case.conf:1

=== a cache without zone
server { location / { gateway_cache on; proxy_pass http://127.0.0.1:1; } }
---
[emerg] unknown zone "on" in "gateway_cache", there is no "gateway_cache_zone" of this name in DIR/case.conf:1

=== a zone of the cache in nginx's words
gateway_cache_zone z:10m;
server { location / { gateway_cache z; proxy_pass http://127.0.0.1:1; } }
---
[emerg] invalid parameter "z:10m" in "gateway_cache_zone", allowed are "zone=", "max_object=" in DIR/case.conf:1

=== a time of the cache in seconds
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; gateway_cache_ttl 5 minutes; proxy_pass http://127.0.0.1:1; } }
---
[emerg] invalid parameter "minutes" in "gateway_cache_ttl", allowed are "any=", "min=", "max=", "override", "override=all" in DIR/case.conf:2

=== a status of proxy_cache_valid
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; gateway_cache_ttl 200 5m; proxy_pass http://127.0.0.1:1; } }
---
[emerg] "200" in "gateway_cache_ttl" is a time, use "200=5m" for the time of a status in DIR/case.conf:2

=== two caches
proxy_cache_path cache keys_zone=p:1m;
gateway_cache_zone zone=z:1m;
server { location / { proxy_cache p; gateway_cache z; proxy_pass http://127.0.0.1:1; } }
---
[emerg] "gateway_cache" and "proxy_cache" are both on, one of them must be off, in the block in DIR/case.conf:3

=== a key of the cache in proxy_cache's words
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; gateway_cache_key $scheme$host$request_uri; proxy_pass http://127.0.0.1:1; } }
---

=== a cache per consumer
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; gateway_cache_partition user; proxy_pass http://127.0.0.1:1; } }
---
[emerg] invalid parameter "user" in "gateway_cache_partition", allowed are "none", "consumer" and variables in DIR/case.conf:2

=== stale responses
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; gateway_cache_stale on; proxy_pass http://127.0.0.1:1; } }
---
[emerg] invalid parameter "on" in "gateway_cache_stale", allowed are "error", "timeout", "invalid_header", "http_500", "http_502", "http_503", "http_504", "5xx", "http_403", "http_404", "http_429", "updating", "background", "for=" in DIR/case.conf:2

=== a method that is never stored
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; gateway_cache_methods GET PUT; proxy_pass http://127.0.0.1:1; } }
---
[emerg] invalid value "PUT" in "gateway_cache_methods", allowed are "GET", "HEAD", "POST" in DIR/case.conf:2

=== settings without the cache
server { location / { gateway_cache_ttl 1m; proxy_pass http://127.0.0.1:1; } }
---
[warn] "gateway_cache_ttl" has no effect, "gateway_cache" is on neither in its block nor in an inner one in DIR/case.conf:1

=== an endpoint of the cache without addresses
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; proxy_pass http://127.0.0.1:1; } location = /c { gateway_cache_admin zone=z; } }
---
[emerg] "gateway_cache_admin" directive requires "zone=", and "from=" with the client addresses to allow in DIR/case.conf:2

=== a format of errors
server { location / { gateway_error_format xml; } }
---
[emerg] invalid value "xml" in "gateway_error_format", allowed are "problem", "off" in DIR/case.conf:1

=== a module that is loaded twice
main
load_module modules/ngx_http_gateway_module.so;
---
[emerg] "load_module" directive is specified too late in DIR/case.conf:1

=== a directive in an if
server { location / { gateway_jwt_key_file keys.json; if ($arg_a) { gateway_jwt api; } } }
---
[emerg] "gateway_jwt" directive is not allowed here in DIR/case.conf:1

=== a directive of the suite that does not exist
server { location / { gateway_rate_limit 10r/s; } }
---
[emerg] unknown directive "gateway_rate_limit" in DIR/case.conf:1

=== satisfy any with addresses and no method
server { location / { satisfy any; allow 127.0.0.1; deny all; gateway_require_group staff; } }
---
[emerg] "gateway_require_group" has nothing to check, no method of authentication is on in its block or in an inner one, add one such as "gateway_jwt" or "gateway_api_key" in DIR/case.conf:1

=== two methods and the wrong satisfy
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_api_key api; satisfy either; } }
---
[emerg] invalid value "either" in DIR/case.conf:2

=== a token in an argument
server { location / { gateway_jwt api token=$arg_access_token token=$arg_access_token; gateway_jwt_key_file keys.json; } }
---
[emerg] duplicate value "$arg_access_token" in "token=" in DIR/case.conf:1

=== claims with a comma
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_require_group staff,admins; gateway_jwt_group groups; } }
---
[emerg] invalid group "staff,admins" in "gateway_require_group", it must not contain a comma or a control character in DIR/case.conf:1

=== an audience as a pattern
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_audience *; } }
---
[warn] patterns are not supported in "gateway_jwt_audience", "*" is taken literally in DIR/case.conf:1

=== an issuer from a variable
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_issuer https://$host; } }
---
[warn] variables are not supported in "gateway_jwt_issuer", "https://$host" is taken literally in DIR/case.conf:1

=== limits for Redis that is never used
gateway_redis shared { server 127.0.0.1:6379; }
gateway_limit_zone $gateway_client zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; } }
---
[warn] "gateway_redis shared" is not used by any "gateway_limit_zone" in DIR/case.conf:1

=== a failure policy without Redis
gateway_limit_zone $gateway_client zone=z:1m rate=1r/s on_error=open;
server { location / { gateway_limit zone=z; } }
---
[emerg] zone "z" of "gateway_limit_zone": "on_error=" requires "redis=" in DIR/case.conf:1

=== a failure policy that does not exist
gateway_redis shared { server 127.0.0.1:6379; }
gateway_limit_zone $gateway_client zone=z:1m rate=1r/s redis=shared on_error=allow;
server { location / { gateway_limit zone=z; } }
---
[emerg] invalid value "allow" in parameter "on_error=", it must be "local", "local=" with a share from 0.001 to 1, "open" or "closed" in DIR/case.conf:2

=== a field of records that does not exist
gateway_log_format f native { user $gateway_user; }
server { location / { gateway_log a.json f; } }
---
[emerg] invalid parameter "native" in "gateway_log_format", allowed are "preset=", "project=" in DIR/case.conf:1

=== an exemption that is off and on
gateway_limit_zone $gateway_client zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; gateway_limit_exempt off $arg_x; } }
---
[emerg] "off" takes no other parameters in "gateway_limit_exempt" in DIR/case.conf:2

=== a cost that is no number
gateway_limit_zone $gateway_client zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z cost=cheap; } }
---
[emerg] invalid value "cheap" in parameter "cost=", it must be a number in DIR/case.conf:2

=== a network that is none
gateway_limit_zone $remote_addr zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; } location = /limits { gateway_limit_admin zone=z from=10.0.0.0/33; } }
---
[emerg] invalid value "10.0.0.0/33" in parameter "from=", it must be an address, a range such as 10.0.0.0/8, "unix:" or "any" in DIR/case.conf:2

=== a guard for one field
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; gateway_cache_guard X-Forwarded-Host; proxy_pass http://127.0.0.1:1; } }
---
[emerg] invalid parameter "X-Forwarded-Host" in "gateway_cache_guard", allowed are "key", "bypass", "strip" and "off" in DIR/case.conf:2

=== a vary that nobody can normalise
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; gateway_cache_vary Accept-Encoding; proxy_pass http://127.0.0.1:1; } }
---
[emerg] invalid parameter "Accept-Encoding" in "gateway_cache_vary", allowed are "normalize=" in DIR/case.conf:2

=== a lock without time
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; gateway_cache_lock on timeout; proxy_pass http://127.0.0.1:1; } }
---
[emerg] invalid parameter "timeout" in "gateway_cache_lock", allowed are "timeout=" in DIR/case.conf:2

=== a zone of the cache that is too small
gateway_cache_zone zone=z:64k;
server { location / { gateway_cache z; proxy_pass http://127.0.0.1:1; } }
---
[emerg] zone "z:64k" is too small, it must have at least 512k in DIR/case.conf:1

=== an object above the shard
gateway_cache_zone zone=z:1m max_object=1m;
server { location / { gateway_cache z; proxy_pass http://127.0.0.1:1; } }
---
[warn] "max_object=" of zone "z" is reduced to 262144 bytes, a quarter of one of its 1 shards in DIR/case.conf:1

=== override of everything
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; gateway_cache_ttl 1m override=all; proxy_pass http://127.0.0.1:1; } }
---
[warn] "override=all" in "gateway_cache_ttl" also stores responses with "no-store", "private" or "no-cache" in DIR/case.conf:2

=== an unknown variable in gateway_limit_zone
gateway_limit_zone $my_key zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; } }
---
[emerg] unknown variable "$my_key" in "gateway_limit_zone" in DIR/case.conf:1

=== an unknown variable in gateway_limit_zone, rate=
gateway_limit_zone $remote_addr zone=z:1m rate=$my_rate|1r/s;
server { location / { gateway_limit zone=z; } }
---
[emerg] unknown variable "$my_rate" in "gateway_limit_zone" in DIR/case.conf:1

=== an unknown variable in gateway_limit_zone, burst=
gateway_limit_zone $remote_addr zone=z:1m rate=1r/s burst=$my_burst|2;
server { location / { gateway_limit zone=z; } }
---
[emerg] unknown variable "$my_burst" in "gateway_limit_zone" in DIR/case.conf:1

=== an unknown variable in gateway_limit_zone, quota=
gateway_limit_zone $remote_addr zone=z:1m quota=$my_quota|5/day;
server { location / { gateway_limit zone=z; } }
---
[emerg] unknown variable "$my_quota" in "gateway_limit_zone" in DIR/case.conf:1

=== an unknown variable in gateway_limit_zone, concurrency=
gateway_limit_zone $remote_addr zone=z:1m concurrency=$my_conc|5;
server { location / { gateway_limit zone=z; } }
---
[emerg] unknown variable "$my_conc" in "gateway_limit_zone" in DIR/case.conf:1

=== an unknown variable in gateway_limit
gateway_limit_zone $remote_addr zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z cost=$my_cost min=1; } }
---
[emerg] unknown variable "$my_cost" in "gateway_limit" in DIR/case.conf:2

=== an unknown variable in gateway_limit_exempt
gateway_limit_zone $remote_addr zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z;
    gateway_limit_exempt $my_friends; } }
---
[emerg] unknown variable "$my_friends" in "gateway_limit_exempt" in DIR/case.conf:3

=== an unknown variable in gateway_cache_key
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; proxy_pass http://127.0.0.1:1;
    gateway_cache_key $scheme$my_host path; } }
---
[emerg] unknown variable "$my_host" in "gateway_cache_key" in DIR/case.conf:3

=== an unknown variable in gateway_cache_partition
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; proxy_pass http://127.0.0.1:1;
    gateway_cache_partition $my_tenant; } }
---
[emerg] unknown variable "$my_tenant" in "gateway_cache_partition" in DIR/case.conf:3

=== an unknown variable in gateway_cache_bypass
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; proxy_pass http://127.0.0.1:1;
    gateway_cache_bypass $arg_a $my_flag; } }
---
[emerg] unknown variable "$my_flag" in "gateway_cache_bypass" in DIR/case.conf:3

=== an unknown variable in gateway_cache_no_store
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; proxy_pass http://127.0.0.1:1;
    gateway_cache_no_store $my_flag; } }
---
[emerg] unknown variable "$my_flag" in "gateway_cache_no_store" in DIR/case.conf:3

=== an unknown variable in gateway_cache_purge
gateway_cache_zone zone=z:1m;
server { location / { gateway_cache z; proxy_pass http://127.0.0.1:1;
    gateway_cache_purge $my_purge; } }
---
[emerg] unknown variable "$my_purge" in "gateway_cache_purge" in DIR/case.conf:3

=== an unknown variable in field
gateway_log_format f {
    field a $host;
    field b "x $my_field y";
}
server { location / { gateway_log a.json f; } }
---
[emerg] unknown variable "$my_field" in "field" in DIR/case.conf:3

=== an unknown variable in gateway_log
server { location / { gateway_log a.json if=$my_errors; } }
---
[emerg] unknown variable "$my_errors" in "gateway_log" in DIR/case.conf:1

=== an unknown variable in gateway_jwt, the realm
server { location / { gateway_jwt $my_realm; gateway_jwt_key_file keys.json;
    gateway_jwt_hide on; } }
---
[emerg] unknown variable "$my_realm" in "gateway_jwt" in DIR/case.conf:1

=== an unknown variable in gateway_jwt, token=
server { location / { gateway_jwt api token=$arg_t token=$my_token; gateway_jwt_key_file keys.json;
    gateway_jwt_hide off; } }
---
[emerg] unknown variable "$my_token" in "gateway_jwt" in DIR/case.conf:1

=== an unknown variable in gateway_jwt_require
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json;
    gateway_jwt_require $my_claim; } }
---
[emerg] unknown variable "$my_claim" in "gateway_jwt_require" in DIR/case.conf:2

=== an unknown variable in gateway_jwt_require_claim
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json;
    gateway_jwt_require_claim sub eq $my_user; } }
---
[emerg] unknown variable "$my_user" in "gateway_jwt_require_claim" in DIR/case.conf:2

=== an unknown variable in gateway_jwt_challenge
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json;
    gateway_jwt_challenge resource_metadata=https://$my_host/; } }
---
[emerg] unknown variable "$my_host" in "gateway_jwt_challenge" in DIR/case.conf:2

=== an unknown variable in gateway_api_key
gateway_consumers zone=c:1m file=consumers.json;
server { location / { gateway_api_key $my_realm; } }
---
[emerg] unknown variable "$my_realm" in "gateway_api_key" in DIR/case.conf:2

=== a variable that a map further down defines
server { location / { gateway_jwt api token=$my_token; gateway_jwt_key_file keys.json; } }
map $arg_t $my_token { default $arg_t; }
---

=== a trace by a variable
gateway_trace $my_trace;
---
[emerg] invalid value "$my_trace" in "gateway_trace", allowed are "off", "propagate", "restart" in DIR/case.conf:1

=== a scope by a variable
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_require_scope $my_scope; } }
---
[warn] variables are not supported in "gateway_require_scope", "$my_scope" is the name of a scope in DIR/case.conf:1

=== a Redis by a variable
gateway_redis r { server $my_redis:6379; }
---
[emerg] invalid host in "server $my_redis:6379", it must be an address such as "10.0.0.5:6379", "[::1]:6379", "redis.example:6379" or "unix:/path" in DIR/case.conf:1

=== a dollar in place of a variable
server { location / { gateway_jwt api; gateway_jwt_key_file keys.json; gateway_jwt_require $; } }
---
[emerg] invalid value "$" in "gateway_jwt_require", it must begin with "$" and a name, such as $jwt_admin in DIR/case.conf:1

=== API keys that are off and on
server { location / { gateway_api_key off header=X-API-Key; } }
---
[emerg] "off" takes no other parameters in "gateway_api_key" in DIR/case.conf:1

=== a limit that is off and on
gateway_limit_zone $remote_addr zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; gateway_limit off; } }
---
[emerg] "gateway_limit off" conflicts with another "gateway_limit" at the same level in DIR/case.conf:2

=== a limit by a hidden token in an argument, one of several places
gateway_limit_zone $arg_t zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; gateway_jwt api token=$arg_a token=$arg_t token=$cookie_b;
    gateway_jwt_key_file keys.json; gateway_jwt_hide on; } }
---
[emerg] zone "z" counts by $arg_t, which is hidden after authentication by the block in DIR/case.conf:2, use $gateway_credential or stage=early, in DIR/case.conf:2

=== a limit by a hidden token in a cookie, one of several places
gateway_limit_zone $cookie_t zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; gateway_jwt api token=$arg_a token=$cookie_t token=$cookie_b;
    gateway_jwt_key_file keys.json; gateway_jwt_hide on; } }
---
[emerg] zone "z" counts by $cookie_t, which is hidden after authentication by the block in DIR/case.conf:2, use $gateway_credential or stage=early, in DIR/case.conf:2

=== a limit by a hidden token in a header, one of several places
gateway_limit_zone $http_x_token zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; gateway_jwt api token=$arg_a token=$http_x_token token=$cookie_b;
    gateway_jwt_key_file keys.json; gateway_jwt_hide on; } }
---
[emerg] zone "z" counts by $http_x_token, which is hidden after authentication by the block in DIR/case.conf:2, use $gateway_credential or stage=early, in DIR/case.conf:2

=== a limit by a hidden token in Authorization, one of several places
gateway_limit_zone $http_authorization zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; gateway_jwt api token=$arg_a token=$http_authorization token=$cookie_b;
    gateway_jwt_key_file keys.json; gateway_jwt_hide on; } }
---
[emerg] zone "z" counts by $http_authorization, which is hidden after authentication by the block in DIR/case.conf:2, use $gateway_credential or stage=early, in DIR/case.conf:2

=== a limit by a token that is not hidden
gateway_limit_zone $arg_t zone=z:1m rate=1r/s;
server { location / { gateway_limit zone=z; gateway_jwt api token=$arg_t; gateway_jwt_key_file keys.json; } }
---

=== an early limit by a hidden token
gateway_limit_zone $arg_t zone=z:1m rate=1r/s stage=early;
server { location / { gateway_limit zone=z; gateway_jwt api token=$arg_t;
    gateway_jwt_key_file keys.json; gateway_jwt_hide on; } }
---
