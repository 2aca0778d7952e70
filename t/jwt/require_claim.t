# SPDX-License-Identifier: BSD-2-Clause

# gateway_jwt_require_claim: every operator on every type, met and not met.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Cases;


# --- rules
#
# A section "rules" holds Perl: a rule, claims that meet it, claims that do
# not; both are hashes or JSON text without exp, and each may stand beside a
# query string.  A location is made for each rule.

sub judged_by {
    my ($path, $claims, $outcome) = @_;

    my ($query, $these) = ref $claims eq 'ARRAY' ? @$claims : ('', $claims);
    my $payload = ref $these ? claims_json($these)
                : '{"exp":' . (time + 3600) . ($these && ",$these") . '}';
    return (get("$path$query", bearer(token(payload => $payload))), $outcome);
}

add_block_preprocessor(sub {
    my ($block) = @_;
    my @rules = perl($block, 'rules') or return;

    my $config = "gateway_jwt r;\ngateway_jwt_key_file ../html/jwks.json;\n";
    my @cases;
    for (my $n = 1; my ($rule, $met, $unmet) = splice @rules, 0, 3; $n++) {
        $config .= "location /rule$n { gateway_jwt_require_claim $rule; }\n";
        push @cases, map { judged_by("/rule$n", $_, 'verified') } @$met;
        push @cases, map { judged_by("/rule$n", $_, 'claim') } @$unmet;
    }
    $block->set_value('config', $config . ($block->config // ''));
    $block->set_value('cases', \@cases);
});

sub scope { token(claims => { scope => $_[0] }) }

sub insufficient {
    return refused('claim', code => 403, error => 'insufficient_scope',
                   scope => $_[0]);
}

$Test::Gateway::More = 1;
run_tests();


# --- a limit that is reached is logged once a minute for each rule

{
    my $server = start_nginx(
        files  => { 'jwks.json' => jwks('es256') },
        server => <<'END',
            gateway_jwt r;
            gateway_jwt_key_file jwks.json;
            location /nested {
                gateway_jwt_require_claim a.name match '^(a+)+$';
            }
            location /other {
                gateway_jwt_require_claim sub match '^(a|a?)+$';
            }
END
    );

    for my $path (('/nested') x 9, ('/other') x 9) {
        my $claims = { a => { name => 'a' x 28 . 'b' }, sub => 'a' x 30 . 'b' };
        my ($code) = $server->get($path, headers =>
                                  [ bearer(token(claims => $claims)) ]);
        is($code, 401, "$path: the limit is reached");
    }

    my %said;
    $said{$_}++ for $server->log
        =~ /\[error\] .*?gateway_jwt_require_claim: (.*?) \(/g;
    is_deeply([ sort keys %said ],
              [ map { qq("match" on the claim "$_" reached its limit) }
                qw( a.name sub ) ], 'the path of each rule is logged');
    ok(!(grep { $_ > $server->workers } values %said),
       'each worker logs a rule once');
}

done_testing();

__DATA__

=== TEST 1: eq: a string by its bytes
--- jwks: es256
--- rules
'sub eq alice',
    [ { sub => 'alice' } ],
    [ { sub => 'Alice' }, { sub => 'alic' }, { sub => 'alicea' }, { sub => '' },
      { sub => ['alice'] }, { sub => { alice => 1 } }, '"sub":null', '' ],
'sub eq "a b"',
    [ { sub => 'a b' } ],
    [ { sub => 'a' }, { sub => 'b' } ],
'sub eq 1',
    [ '"sub":"1"' ],
    [ '"sub":"1.0"', '"sub":"01"', '"sub":"1 1"' ],
"sub eq \xc3\xa9",
    [ '"sub":"\u00e9"', qq("sub":"\xc3\xa9") ],
    [ '"sub":"e\u0301"' ],



=== TEST 2: eq: a number by its value
--- jwks: es256
--- rules
'n eq 1',
    [ '"n":1', '"n":1.0', '"n":1e0', '"n":0.1e1' ],
    [ '"n":2', '"n":-1', '"n":1.0000001', '"n":true', '"n":[1]', '"n":null', '' ],
'n eq 1.50',
    [ '"n":1.5', '"n":15e-1' ],
    [ '"n":1', '"n":2', '"n":"1.5"' ],
'n eq -1e3',
    [ '"n":-1000', '"n":-1e+3' ],
    [ '"n":1000' ],
'n eq 0',
    [ '"n":0', '"n":-0', '"n":0.0' ],
    [ '"n":false', '"n":""', '"n":1e-300' ],



=== TEST 3: eq: 64-bit integers are exact, also beside reals
--- jwks: es256
--- rules
'n eq 9223372036854775807',
    [ '"n":9223372036854775807' ],
    [ '"n":9223372036854775806', '"n":9223372036854775807.0' ],
'n eq -9223372036854775808',
    [ '"n":-9223372036854775808', '"n":-9223372036854775808.0' ],
    [ '"n":-9223372036854775807' ],
'n eq 9007199254740993',
    [ '"n":9007199254740993' ],
    [ '"n":9007199254740992', '"n":9007199254740992.0' ],



=== TEST 4: eq: a text that is not a JSON number matches no number
--- jwks: es256
--- rules
map { ("n eq $_", [ qq("n":"$_") ], [ '"n":1', '"n":16', '"n":0' ]) }
    qw( 01 +1 1. .1 0x10 1e one 1_0 NaN )



=== TEST 5: eq and ne: true and false
--- jwks: es256
--- rules
'b eq true',
    [ '"b":true', '"b":"true"' ],
    [ '"b":false', '"b":1', '"b":"True"', '"b":[true]', '"b":null', '' ],
'b eq false',
    [ '"b":false' ],
    [ '"b":true', '"b":0', '"b":null', '' ],
'b ne true',
    [ '"b":false', '"b":"x"' ],
    [ '"b":true', '"b":0', '"b":null', '' ],
'b eq 1',
    [ '"b":1' ],
    [ '"b":true', '"b":false' ],
'b ne 1',
    [ '"b":2' ],
    [ '"b":true', '"b":false' ],



=== TEST 6: gt, ge, lt, le: booleans have no order
--- jwks: es256
--- rules
map { ("b $_ false", [], [ '"b":true', '"b":false' ]) } qw( gt ge lt le )



=== TEST 7: ne: met by another value of the same type only
--- jwks: es256
--- rules
'sub ne alice',
    [ { sub => 'bob' }, { sub => '' } ],
    [ { sub => 'alice' }, '"sub":1', '"sub":true', '"sub":["bob"]',
      '"sub":{"a":1}', '"sub":null', '' ],
'n ne 1',
    [ '"n":2', '"n":1.5', '"n":"x"' ],
    [ '"n":1', '"n":1.0', '"n":true', '"n":[2]', '"n":null', '' ],
'n ne one',
    [ '"n":"two"' ],
    [ '"n":2', '"n":"one"' ],



=== TEST 8: gt, ge, lt, le: numbers
--- jwks: es256
--- rules
'n gt 18', [ '"n":19', '"n":18.001', '"n":1e300' ],
           [ '"n":18', '"n":18.0', '"n":17', '"n":-19', '"n":null', '' ],
'n ge 18', [ '"n":18', '"n":18.0', '"n":19' ],
           [ '"n":17', '"n":17.999', '' ],
'n lt 18', [ '"n":17', '"n":17.999', '"n":-19', '"n":-1e300' ],
           [ '"n":18', '"n":18.0', '"n":19', '"n":null', '' ],
'n le 18', [ '"n":18', '"n":18.0', '"n":17' ],
           [ '"n":19', '"n":18.001', '' ],



=== TEST 9: gt, ge, lt, le: 64-bit integers are exact
--- jwks: es256
--- rules
'n gt 9007199254740992',    [ '"n":9007199254740993' ],
                            [ '"n":9007199254740992' ],
'n lt 9223372036854775807', [ '"n":9223372036854775806' ],
                            [ '"n":9223372036854775807', '"n":1e19' ],
'n ge -9223372036854775807', [ '"n":-9223372036854775807' ],
                            [ '"n":-9223372036854775808' ],
'n gt 9223372036854775807', [ '"n":9223372036854775808.0' ],
                            [ '"n":9223372036854775807' ],



=== TEST 10: gt, ge, lt, le: strings by their bytes
--- jwks: es256
--- rules
's gt b',  [ '"s":"c"', '"s":"ba"', '"s":"\u00e9"' ], [ '"s":"b"', '"s":"B"', '"s":""' ],
's ge b',  [ '"s":"b"', '"s":"ba"' ], [ '"s":"a"', '"s":"az"' ],
's lt b',  [ '"s":"a"', '"s":"az"', '"s":""' ], [ '"s":"b"', '"s":"ba"' ],
's le b',  [ '"s":"b"', '"s":"a"' ], [ '"s":"ba"' ],
's gt 10', [ '"s":"9"', '"s":11' ], [ '"s":"10"', '"s":9', '"s":["9"]', '' ],
'n gt x',  [ '"n":"y"' ], [ '"n":1', '"n":true', '' ],



=== TEST 11: any: the claim has one of the values
--- jwks: es256
--- rules
'roles any admin ops',
    [ { roles => ['ops'] }, { roles => [ 'x', 'admin' ] },
      { roles => [ 1, undef, 'ops' ] }, { roles => 'x ops' },
      { roles => 'admin' }, { roles => '  admin  ' } ],
    [ { roles => [] }, { roles => ['x'] }, { roles => ['Admin'] },
      { roles => ['admin ops'] }, { roles => [ ['admin'] ] },
      { roles => 'admin,ops' }, { roles => 'administrator' }, { roles => '' },
      { roles => { admin => 1 } }, '"roles":null', '' ],
'n any 1 2.0 x',
    [ '"n":1', '"n":2', '"n":[3,2]', '"n":"x"', '"n":[3,"x"]', '"n":"7 2.0"' ],
    [ '"n":3', '"n":"2"', '"n":true', '"n":[]' ],
'b any true',
    [ '"b":true', '"b":[false,true]' ],
    [ '"b":false', '"b":[false]', '"b":1' ],



=== TEST 12: all: the claim has each of the values
--- jwks: es256
--- rules
'scope all read write',
    [ { scope => 'write read' }, { scope => 'read x write' },
      { scope => [ 'write', 'read' ] } ],
    [ { scope => 'read' }, { scope => 'write' }, { scope => ['read'] },
      { scope => 'readwrite' }, { scope => 'read,write' },
      { scope => ['read write'] }, { scope => '' }, { scope => [] },
      { scope => { read => 1, write => 1 } }, '"scope":null', '' ],
'n all 1',
    [ '"n":1', '"n":[1,2]' ],
    [ '"n":2', '"n":[2]' ],
'n all 1 2',
    [ '"n":[2,1]' ],
    [ '"n":1', '"n":[1,3]' ],



=== TEST 13: none: the claim has none of the values; not met without a claim
--- jwks: es256
--- rules
'roles none banned guest',
    [ { roles => ['user'] }, { roles => [] }, { roles => 'user admin' },
      { roles => 'banned,guest' } ],
    [ { roles => ['banned'] }, { roles => [ 'user', 'guest' ] },
      { roles => 'user guest' }, { roles => 'banned' },
      { roles => { user => 1 } }, '"roles":null', '' ],
'roles none banned',
    [ { roles => ['x'] } ],
    [ '"roles":1', '"roles":[1]', '"roles":["x",1]', '"roles":["x",null]',
      '"roles":[["x"]]', '"roles":[{}]', '"roles":true' ],
'n none 1 2',
    [ '"n":3', '"n":[3,4]', '"n":"3"' ],
    [ '"n":1', '"n":2.0', '"n":[3,2]', '"n":true' ],



=== TEST 14: match: a regular expression, not anchored
--- jwks: es256
--- rules
'sub match lic',
    [ { sub => 'alice' }, { sub => 'lic' } ],
    [ { sub => 'ALICE' }, { sub => '' }, { sub => ['alice'] },
      { sub => { lic => 1 } }, '"sub":null', '' ],
'sub match ^(alice|bob)$',
    [ { sub => 'alice' }, { sub => 'bob' } ],
    [ { sub => 'alice2' }, { sub => 'malice' }, { sub => 'bobalice' } ],
'name match "(?i)^a.{3}e\z"',
    [ { name => 'ALICE' } ],
    [ { name => 'ALIICE' }, { name => "alice\n" } ],
'name match ^admin$',
    [ { name => 'admin' } ],
    [ { name => "admin\n" }, { name => "admin\n\n" }, { name => "\nadmin" },
      { name => "admin\nx" } ],
'name match .',
    [ { name => 'x' }, { name => "x\ny" }, { name => "\nx" } ],
    [ { name => "x\n" }, { name => "\n" }, { name => '' } ],
'n match 1',
    [ '"n":"1"' ],
    [ '"n":1', '"n":true', '"n":[1]' ],
'sub match .*',
    [ { sub => '' } ],
    [ '"sub":null', '' ],



=== TEST 15: exists and absent: null is missing
--- jwks: es256
--- rules
'a exists',
    [ '"a":"x"', '"a":""', '"a":0', '"a":false', '"a":[]', '"a":{}' ],
    [ '"a":null', '', '"A":1' ],
'a absent',
    [ '"a":null', '', '"A":1' ],
    [ '"a":"x"', '"a":""', '"a":0', '"a":false', '"a":[]', '"a":{}' ],
'a.b absent',
    [ '', '"a":null', '"a":1', '"a":{}', '"a":{"b":null}', '"a":[{"b":1}]' ],
    [ '"a":{"b":1}' ],



=== TEST 16: a path leads into objects and arrays
--- jwks: es256
--- rules
'realm_access.roles any admin',
    [ { realm_access => { roles => [ 'x', 'admin' ] } } ],
    [ { realm_access => { roles => ['x'] } }, { realm_access => ['admin'] },
      { 'realm_access.roles' => 'admin' }, { realm_access => 'admin' }, '' ],
'a.b[1].c eq x',
    [ { a => { b => [ 0, { c => 'x' } ] } } ],
    [ { a => { b => [ { c => 'x' } ] } }, { a => { b => { 1 => { c => 'x' } } } },
      { a => { b => [ 0, [ 'x' ] ] } } ],
'a[0][1] eq x',
    [ { a => [ [ 0, 'x' ] ] } ],
    [ { a => [ 'x', 'x' ] }, { a => [] } ],



=== TEST 17: a name with dots, brackets or quotes is quoted
--- jwks: es256
--- rules
q('"https://example.com/roles"' any admin),
    [ { 'https://example.com/roles' => ['admin'] } ],
    [ { 'https://example' => { 'com/roles' => ['admin'] } } ],
q('"https://example.com/roles"[1]' eq admin),
    [ { 'https://example.com/roles' => [ 'x', 'admin' ] } ],
    [ { 'https://example.com/roles' => [ 'admin', 'x' ] } ],
q('a."b.c".d' eq x),
    [ { a => { 'b.c' => { d => 'x' } } } ],
    [ { a => { b => { c => { d => 'x' } } } } ],
q('"a[0]"' eq x),
    [ { 'a[0]' => 'x' } ],
    [ { a => ['x'] } ],
q('"a\\\\\\"b\\\\\\\\c"' eq x),
    [ { 'a"b\\c' => 'x' } ],
    [ { 'ab\\c' => 'x' } ],
q('"a\\\\"b"' eq x),
    [ { 'a"b' => 'x' } ],
    [ { 'a\\"b' => 'x' } ],
q('""' eq x),
    [ { '' => 'x' } ],
    [ { a => 'x' } ],
q('tenantId' eq x),
    [ { tenantId => 'x' } ],
    [ { tenantid => 'x' } ],



=== TEST 18: values can contain variables
--- jwks: es256
--- rules
'sub eq $arg_user',
    [ [ '?user=alice', { sub => 'alice' } ], [ '?user=bob', { sub => 'bob' } ] ],
    [ [ '?user=bob', { sub => 'alice' } ], [ '?user=$arg_user', { sub => 'x' } ] ],
'sub eq user-$arg_id@$arg_realm',
    [ [ '?id=7&realm=a', { sub => 'user-7@a' } ] ],
    [ [ '?id=8&realm=a', { sub => 'user-7@a' } ] ],
'level ge $arg_level',
    [ [ '?level=3', { level => 3 } ], [ '?level=2.5', { level => 3 } ] ],
    [ [ '?level=4', { level => 3 } ], [ '?level=x', { level => 3 } ] ],
'roles any $arg_a $arg_b',
    [ [ '?a=x&b=y', { roles => ['y'] } ] ],
    [ [ '?a=x&b=y', { roles => ['z'] } ] ],
'sub eq $gateway_jwt_claim_owner',
    [ { sub => 'a', owner => 'a' } ],
    [ { sub => 'a', owner => 'b' }, { sub => 'a' } ],
'sub eq $gateway_consumer',
    [ { sub => 'a' } ],
    [ {} ],



=== TEST 19: an empty value fails the rule
--- jwks: es256
--- rules
'sub eq $arg_user',       [], [ { sub => '' }, { sub => 'alice' } ],
'sub ne $arg_user',       [ [ '?user=bob', { sub => 'alice' } ] ],
                          [ { sub => 'alice' }, [ '?user=', { sub => 'alice' } ] ],
'sub ge $arg_user',       [], [ { sub => 'alice' } ],
'roles any admin $arg_a', [ [ '?a=x', { roles => ['admin'] } ] ],
                          [ { roles => ['admin'] } ],
'roles none $arg_a',      [ [ '?a=x', { roles => ['y'] } ] ],
                          [ { roles => ['y'] }, { roles => [] } ],
'sub eq ""',              [], [ { sub => '' } ],



=== TEST 20: all rules of a location must be met
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require_claim sub eq alice;
gateway_jwt_require_claim level ge 3 error=403;
--- cases
token(claims => { sub => 'alice', level => 3 })      => 'verified',
token(claims => { sub => 'bob', level => 3 })        => 'claim',
token(claims => { sub => 'alice', level => 2 })      => refused('claim', code => 403),
token(claims => { sub => 'bob', level => 2 })        => 'claim',
token()                                              => 'claim',



=== TEST 21: a location's rules replace the server's
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require_claim sub eq alice;
location /own {
    gateway_jwt_require_claim level ge 3;
}
--- cases
get('/t', bearer(token(claims => { sub => 'alice' })))   => 'verified',
get('/t', bearer(token(claims => { level => 3 })))       => 'claim',
get('/own', bearer(token(claims => { level => 3 })))     => 'verified',
get('/own', bearer(token(claims => { sub => 'alice' }))) => 'claim',



=== TEST 22: error=: 401 by default, 403 without a challenge
--- jwks: es256
--- config
gateway_jwt_key_file ../html/jwks.json;
location /default {
    gateway_jwt r;
    gateway_jwt_require_claim sub eq alice;
}
location /401 {
    gateway_jwt r;
    gateway_jwt_require_claim sub eq alice error=401;
}
location /403 {
    gateway_jwt r;
    gateway_jwt_require_claim sub eq alice error=403;
}
--- cases
map { my ($path, $outcome) = @$_;
      (get($path, bearer(token(claims => { sub => 'alice' })))  => 'verified',
       get($path, bearer(token(claims => { sub => 'bob' })))    => $outcome,
       get($path, bearer(token(claims => { exp => 1 })))        => 'expired',
       get($path)                                               => 'missing') }
    ([ '/default', 'claim' ], [ '/401', 'claim' ],
     [ '/403', refused('claim', code => 403) ])



=== TEST 23: error=403 on scopes is insufficient_scope, and names them
--- jwks: es256
--- config
gateway_jwt_key_file ../html/jwks.json;
location /all {
    gateway_jwt r;
    gateway_jwt_require_claim scope all read write error=403;
}
location /any {
    gateway_jwt r;
    gateway_jwt_require_claim scope any read write error=403;
}
location /eq {
    gateway_jwt r;
    gateway_jwt_require_claim scope eq read error=403;
}
location /scp {
    gateway_jwt r;
    gateway_jwt_require_claim scp any $arg_scope error=403;
}
--- cases
get('/all', bearer(scope('write read')))             => 'verified',
get('/all', bearer(scope('read')))                   => insufficient('read write'),
get('/all', bearer(token()))                         => insufficient('read write'),
get('/any', bearer(scope('write')))                  => 'verified',
get('/any', bearer(scope('x')))                      => insufficient('read write'),
get('/eq', bearer(scope('read')))                    => 'verified',
get('/eq', bearer(scope('read write')))              => insufficient('read'),
get('/scp?scope=a', bearer(token(claims => { scp => ['a'] }))) => 'verified',
get('/scp?scope=b', bearer(token(claims => { scp => ['a'] }))) => insufficient('b'),
get('/scp?scope=a"b\c', bearer(token(claims => { scp => ['a'] }))) =>
    insufficient('a\"b\\\\c'),



=== TEST 24: insufficient_scope is for scopes with 403 only
--- jwks: es256
--- config
gateway_jwt_key_file ../html/jwks.json;
location /401 {
    gateway_jwt r;
    gateway_jwt_require_claim scope any read;
}
location /none {
    gateway_jwt r;
    gateway_jwt_require_claim scope none read error=403;
}
location /other {
    gateway_jwt r;
    gateway_jwt_require_claim roles any read error=403;
}
location /renamed {
    gateway_jwt r;
    gateway_jwt_scope roles;
    gateway_jwt_require_claim roles any read error=403;
    gateway_jwt_require_claim scope any write error=403;
}
--- cases
get('/401', bearer(scope('read')))                   => 'verified',
get('/401', bearer(scope('x')))                      => 'claim',
get('/none', bearer(scope('x')))                     => 'verified',
get('/none', bearer(scope('read')))                  =>
    refused('claim', code => 403, error => 'insufficient_scope'),
get('/other', bearer(scope('read')))                 => refused('claim', code => 403),
get('/renamed', bearer(scope('write')))              => insufficient('read'),
get('/renamed', bearer(token(claims => { roles => 'read' }))) =>
    refused('claim', code => 403),
get('/renamed', bearer(token(claims => { roles => 'read', scope => 'write' })))
    => 'verified',



=== TEST 25: optional: rules are not checked without a token, and only then
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_mode optional;
gateway_jwt_require_claim sub eq alice;
gateway_jwt_require_claim banned absent error=403;
--- cases
get('/t')                                            => granted('absent'),
token(claims => { sub => 'alice' })                  => 'verified',
token(claims => { sub => 'bob' })                    => 'claim',
token(claims => { sub => 'alice', banned => 1 })     => refused('claim', code => 403),
token(claims => { sub => 'alice', exp => 1 })        => 'expired',



=== TEST 26: rules are checked after the signature and the times
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require_claim sub eq alice;
--- cases
token(claims => { sub => 'alice' })                  => 'verified',
edited(token(claims => { sub => 'bob' }),
       payload => sub { claims_json({ sub => 'alice' }) }) => 'bad_signature',
token(claims => { sub => 'bob', exp => 1 })          => 'expired',



=== TEST 27: fractions compare as doubles
--- jwks: es256
--- rules
'n eq 0.1',   [ '"n":0.1', '"n":0.10', '"n":1e-1', '"n":100e-3' ],
              [ '"n":0.2', '"n":0.09999999999999999', '"n":0.10000000000000002',
                '"n":0', '"n":1', '"n":"0.10"' ],
'n ne 0.1',   [ '"n":0.2', '"n":0' ],
              [ '"n":0.1', '"n":10e-2' ],
'n gt 0.1',   [ '"n":0.10000000000000002', '"n":0.2', '"n":1' ],
              [ '"n":0.1', '"n":0.09999999999999999', '"n":0', '"n":-0.2' ],
'n ge 0.1',   [ '"n":0.1', '"n":0.10000000000000002' ],
              [ '"n":0.09999999999999999' ],
'n lt 0.1',   [ '"n":0.09999999999999999', '"n":0', '"n":-0.2' ],
              [ '"n":0.1', '"n":0.10000000000000002', '"n":1' ],
'n le 0.1',   [ '"n":0.1', '"n":0.09999999999999999' ],
              [ '"n":0.10000000000000002' ],
'n eq 19.99', [ '"n":19.99', '"n":1999e-2' ],
              [ '"n":19.989999999999995', '"n":19.990000000000002', '"n":20' ],
'n gt 19.99', [ '"n":19.990000000000002', '"n":20' ],
              [ '"n":19.99', '"n":19.989999999999995', '"n":19' ],
'n lt 19.99', [ '"n":19.989999999999995', '"n":19' ],
              [ '"n":19.99', '"n":19.990000000000002', '"n":20' ],
'n eq 2.3',   [ '"n":2.3', '"n":0.23e1' ],
              [ '"n":2.2999999999999994', '"n":2.3000000000000003', '"n":2' ],
'n gt 2.3',   [ '"n":2.3000000000000003', '"n":3' ],
              [ '"n":2.3', '"n":2.2999999999999994', '"n":2' ],
'n lt 2.3',   [ '"n":2.2999999999999994', '"n":2' ],
              [ '"n":2.3', '"n":2.3000000000000003', '"n":3' ],
'n any 0.1 2.3',  [ '"n":2.3', '"n":[1,0.1]' ], [ '"n":2', '"n":[1,0.2]' ],
'n none 0.1 2.3', [ '"n":[2,0.2]' ], [ '"n":0.1', '"n":[1,2.3]' ],
'n eq $arg_n',    [ [ '?n=0.1', '"n":0.1' ], [ '?n=19.99', '"n":19.99' ] ],
                  [ [ '?n=0.1', '"n":0.2' ], [ '?n=19.99', '"n":20' ] ],



=== TEST 28: integers beside fractions stay exact
--- jwks: es256
--- rules
'n gt 9007199254740992.5', [ '"n":9007199254740993' ],
                           [ '"n":9007199254740992' ],
'n lt 9007199254740992.5', [ '"n":9007199254740992' ],
                           [ '"n":9007199254740993' ],
'n eq 9007199254740993.0', [ '"n":9007199254740993' ],
                           [ '"n":9007199254740992', '"n":9007199254740994' ],
'n eq 9223372036854775807.0', [ '"n":9223372036854775807' ],
                           [ '"n":9223372036854775806' ],
'n lt 1.5',                [ '"n":1', '"n":1.4' ], [ '"n":2', '"n":1.5' ],



=== TEST 29: insufficient_scope for every rule on a scope
--- jwks: es256
--- config
gateway_jwt_key_file ../html/jwks.json;
location /match {
    gateway_jwt r;
    gateway_jwt_require_claim scope match ^read error=403;
}
location /exists {
    gateway_jwt r;
    gateway_jwt_require_claim scp exists error=403;
}
location /absent {
    gateway_jwt r;
    gateway_jwt_require_claim scope absent error=403;
}
location /none {
    gateway_jwt r;
    gateway_jwt_require_claim scope none write error=403;
}
location /ne {
    gateway_jwt r;
    gateway_jwt_require_claim scope ne write error=403;
}
location /other {
    gateway_jwt r;
    gateway_jwt_require_claim sub match ^read error=403;
}
--- cases
map({ (get("/$_", bearer(scope('read'))) => 'verified',
       get("/$_", bearer(scope('write'))) =>
           refused('claim', code => 403, error => 'insufficient_scope')) }
    qw( match none ne )),
get('/exists', bearer(token(claims => { scp => 'a' }))) => 'verified',
get('/exists', bearer(scope('a')))                   =>
    refused('claim', code => 403, error => 'insufficient_scope'),
get('/absent', bearer(token()))                      => 'verified',
get('/absent', bearer(scope('a')))                   =>
    refused('claim', code => 403, error => 'insufficient_scope'),
get('/other', bearer(scope('read')))                 => refused('claim', code => 403),



=== TEST 30: a path of gateway_jwt_scope, however it is quoted
--- jwks: es256
--- config
gateway_jwt_key_file ../html/jwks.json;
location /quoted {
    gateway_jwt r;
    gateway_jwt_require_claim '"scope"' any read write error=403;
}
location /nested {
    gateway_jwt r;
    gateway_jwt_scope a."b"[0];
    gateway_jwt_require_claim '"a".b[00]' eq read error=403;
}
location /dotted {
    gateway_jwt r;
    gateway_jwt_scope a.b;
    gateway_jwt_require_claim '"a.b"' eq read error=403;
}
--- cases
get('/quoted', bearer(scope('read')))                => 'verified',
get('/quoted', bearer(scope('x')))                   => insufficient('read write'),
get('/nested', bearer(token(claims => { a => { b => ['read'] } }))) => 'verified',
get('/nested', bearer(token(claims => { a => { b => ['x'] } }))) =>
    insufficient('read'),
get('/dotted', bearer(token(claims => { 'a.b' => 'read' }))) => 'verified',
get('/dotted', bearer(token(claims => { 'a.b' => 'x' }))) =>
    refused('claim', code => 403),



=== TEST 31: a path with "://" is one name
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
location /rule {
    gateway_jwt_require_claim https://e.com/roles any admin error=403;
}
location /group {
    gateway_jwt_group https://e.com/groups;
    gateway_jwt_require $gateway_groups error=403;
}
location /quoted {
    gateway_jwt_require_claim a."https://e.com/x"[1] eq b error=403;
}
location /begins {
    gateway_jwt_require_claim '"/roles"' any admin error=403;
}
--- cases
get('/rule', bearer(token(claims => { 'https://e.com/roles' => 'admin' }))) =>
    'verified',
get('/rule', bearer(token(claims => { 'https://e' => { 'com/roles' => 'admin' } }))) =>
    refused('claim', code => 403),
get('/group', bearer(token(claims => { 'https://e.com/groups' => ['x'] }))) =>
    'verified',
get('/group', bearer(token(claims => { 'https://e' => { 'com/groups' => 'x' } }))) =>
    refused('claim', code => 403),
get('/quoted', bearer(token(claims => { a => { 'https://e.com/x' => ['a', 'b'] } }))) =>
    'verified',
get('/quoted', bearer(token(claims => { a => { 'https://e.com/x' => ['b', 'a'] } }))) =>
    refused('claim', code => 403),
get('/begins', bearer(token(claims => { '/roles' => 'admin' }))) => 'verified',
get('/begins', bearer(token(claims => { roles => 'admin' }))) =>
    refused('claim', code => 403),



=== TEST 32: any, all, none: also the whole string
--- jwks: es256
--- rules
'name any "John Doe"',
    [ { name => 'John Doe' }, { name => ['John Doe'] } ],
    [ { name => 'John' }, { name => 'John Doe Jr' }, { name => 'john doe' },
      { name => ['John', 'Doe'] } ],
'name all "John Doe" John',
    [ { name => 'John Doe' }, { name => ['John', 'John Doe'] } ],
    [ { name => 'Johnny Doe' }, { name => ['John Doe'] } ],
'name none "John Doe"',
    [ { name => 'John' }, { name => 'Jane Doe' }, { name => 'John Doe Jr' },
      { name => ['John', 'Doe'] } ],
    [ { name => 'John Doe' }, { name => ['John Doe'] } ],
'name none $arg_a',
    [ [ '?a=x', { name => 'John Doe' } ] ],
    [ [ '?a=John', { name => 'John Doe' } ], [ '', { name => 'John Doe' } ] ],



=== TEST 33: match: a rule that reaches the limit of steps is not met
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
location /nested {
    gateway_jwt_require_claim a.name match '^(a+)+$';
}
location /other {
    gateway_jwt_require_claim sub match '^(a|a?)+$';
}
location /plain {
    gateway_jwt_require_claim sub match '^a+$';
}
--- cases
get('/nested', bearer(token(claims => { a => { name => 'a' x 22 } })))       => 'verified',
(map { get('/nested', bearer(token(claims => { a => { name => 'a' x $_ . 'b' } })))
       => 'claim' } 8, 28, 29),
get('/other', bearer(token(claims => { sub => 'a' x 30 . 'b' })))  => 'claim',
get('/plain', bearer(token(claims => { sub => 'a' x 2000 })))      => 'verified',
get('/plain', bearer(token(claims => { sub => 'a' x 2000 . 'b' }))) => 'claim',
