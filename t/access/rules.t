# SPDX-License-Identifier: BSD-2-Clause

# gateway_require_scope, gateway_require_group, gateway_deny_group and
# gateway_require_consumer: accepted requests, and responses to rejected ones.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use IO::Socket::INET;

$Test::Gateway::More = 1;

our $Jwt = 'gateway_jwt r; gateway_jwt_key_file '
           . '$TEST_NGINX_HTML_DIR/jwks.json; gateway_jwt_group groups;';

sub location { my ($uri, @lines) = @_; "location $uri { empty_gif; @lines }\n" }

sub bearer { 'Authorization: Bearer ' . token(claims => $_[0]) . "\n" }
sub scoped { bearer({ sub => 'acme', scope => $_[0] }) }
sub in_groups { bearer({ sub => 'acme', groups => [ @_ ] }) }
sub named { bearer({ sub => $_[0] }) }

our %Sentence = (
    insufficient_scope => 'the credential lacks a scope that this request '
                          . 'requires',
    group_not_allowed => 'the consumer is in none of the allowed groups',
    group_denied => 'the consumer is in a denied group',
    consumer_not_allowed => 'the consumer is not allowed here',
);

sub body {
    my ($reason, $scope) = @_;

    return qq({"type":"about:blank","title":"Forbidden","status":403,)
           . qq("detail":"$Sentence{$reason}","reason":"$reason")
           . (defined $scope ? qq(,"scope":"$scope") : '') . "}\n";
}

sub challenge {
    my ($scope) = @_;

    return 'WWW-Authenticate: Bearer error="insufficient_scope", '
           . qq(error_description="$Sentence{insufficient_scope}", )
           . qq(scope="$scope");
}

# RFC 6749, 3.3: every byte that a scope can contain

sub alphabet {
    return CORE::join "", map { chr } 0x21, 0x23 .. 0x5b, 0x5d .. 0x7e;
}

# for a single-quoted string of nginx

sub quoted_alphabet { return alphabet() =~ s/'/\\'/r }

run_tests();


# --- the log: one line for each rejected request, with the directive

my $server = start_nginx(
    files  => { 'jwks.json' => jwks('es256') },
    server => "gateway_jwt r; gateway_jwt_key_file jwks.json;\n"
              . "gateway_jwt_group groups; gateway_jwt_mode optional;\n"
              . location('/scope', 'gateway_require_scope read;')
              . location('/method', 'gateway_require_scope method=PUT read;')
              . location('/group', 'gateway_require_group g;')
              . location('/deny', 'gateway_deny_group bad;')
              . location('/consumer', 'gateway_require_consumer other;')
              . location('/open', 'gateway_require_scope off;'),
);

my $bad = { sub => 'acme', groups => [ 'bad' ] };

for my $where (qw( scope method group deny consumer open )) {
    $server->get("/$where",
                 headers => [ "Authorization: Bearer "
                              . token(claims => $bad) ]);
}
$server->get($_) for '/deny', '/open';
$server->get('/consumer', headers => [ 'Authorization: Bearer '
    . token(claims => { sub => "a\"b\x{e9}" }) ]);

my @said = $server->log =~ /^.*?(\[\w+\]) .*? (gateway\w*: .*?), client:/mg;
my $refused = 'refused with 403, reason';

Test::More::is_deeply(\@said, [
    map({ ('[info]', $_) }
        qq(gateway_require_scope: $refused "insufficient_scope", )
        . 'consumer "acme"',
        qq(gateway_require_scope: $refused "method_not_allowed", )
        . 'consumer "acme"',
        qq(gateway_require_group: $refused "group_not_allowed", )
        . 'consumer "acme"',
        qq(gateway_deny_group: $refused "group_denied", consumer "acme"),
        qq(gateway_require_consumer: $refused "consumer_not_allowed", )
        . 'consumer "acme"',
        'gateway_deny_group: refused with 401, reason "missing", consumer ""',
        qq(gateway_require_consumer: $refused "consumer_not_allowed", )
        . 'consumer "(unprintable)"'),
], 'one line at info for a refusal, none for what passes');


# --- HTTP/1.0 and 0.9, and a body that is not read

sub raw {
    my ($request) = @_;

    my $socket = IO::Socket::INET->new('127.0.0.1:' . $server->port) or die $!;
    local $SIG{PIPE} = 'IGNORE';
    print $socket $request =~ s/\n/\r\n/gr;
    local $/;
    return <$socket> // '';
}

Test::More::is_deeply(
    [ map { raw("GET /scope HTTP/1.0\n$_\n") =~ m{^HTTP/1\.1 (\d+)}mg }
          scoped('read'), scoped('x'), '' ], [ 200, 403, 401 ], 'HTTP/1.0');
Test::More::like(raw("GET /scope\n"), qr/\A\{.*"reason":"missing"\}\n\z/,
                 'HTTP/0.9: the body alone');
Test::More::like(raw("GET /open\n"), qr/\AGIF89a/, 'HTTP/0.9: what is open');

my $smuggled = "GET /open HTTP/1.1\nHost: a\n\n";
my $answers = raw("POST /scope HTTP/1.1\nHost: a\n" . bearer($bad)
                  . 'Content-Length: ' . length($smuggled =~ s/\n/\r\n/gr)
                  . "\n\n$smuggled"
                  . "GET /deny HTTP/1.1\nHost: a\nConnection: close\n\n");
Test::More::is_deeply([ $answers =~ m{^HTTP/1.1 (\d+)}mg ], [ 403, 401 ],
                      'the body of a refused request is not the next one');

$server->stop;
done_testing();

__DATA__

=== TEST 1: a rule requires each of its scopes
--- jwks: es256
--- config eval
$::Jwt . ::location('/t', 'gateway_require_scope read write;')
--- request eval: [ ("GET /t") x 8 ]
--- more_headers eval
[ map { ::scoped($_) } 'read write', 'write other read', 'read', 'write', '',
                       'reads write', 'Read write', 'read,write' ]
--- error_code eval: [ 200, 200, (403) x 6 ]
--- response_headers eval
[ ('!WWW-Authenticate') x 2,
  map { ::challenge($_) } 'write', 'read', 'read write', 'read', 'read',
                          'read write' ]



=== TEST 2: the body contains the reason and the missing scopes
--- jwks: es256
--- config eval
$::Jwt . ::location('/t', 'gateway_require_scope orders:read orders:write;')
--- request eval: [ ("GET /t") x 3 ]
--- more_headers eval
[ map { ::scoped($_) } 'orders:read', 'x', 'x orders:write' ]
--- error_code eval: [ (403) x 3 ]
--- response_headers eval
[ ('Content-Type: application/problem+json') x 3 ]
--- response_body eval
[ map { ::body('insufficient_scope', $_) }
      'orders:write', 'orders:read orders:write', 'orders:read' ]



=== TEST 3: all rules of a level must be met; each missing scope is listed once
--- jwks: es256
--- config eval
$::Jwt . ::location('/t', <<'END')
    gateway_require_scope a b;
    gateway_require_scope b c;
END
--- request eval: [ ("GET /t") x 5 ]
--- more_headers eval
[ map { ::scoped($_) } 'a b c', 'a b', 'c', 'b', '' ]
--- error_code eval: [ 200, (403) x 4 ]
--- response_headers eval
[ '!WWW-Authenticate',
  map { ::challenge($_) } 'c', 'a b', 'a c', 'a b c' ]



=== TEST 4: all characters of scopes are sent unchanged
--- jwks: es256
--- config eval
my $all = ::quoted_alphabet();
$::Jwt . ::location('/t', "gateway_require_scope '$all';")
--- request eval: [ "GET /t", "GET /t" ]
--- more_headers eval: [ ::scoped(::alphabet()), ::scoped('x') ]
--- error_code eval: [ 200, 403 ]
--- response_headers eval
[ '!WWW-Authenticate', ::challenge(::alphabet()) ]
--- response_body_like eval
[ qr//, '"scope":"' . quotemeta(::alphabet()) . '"' ]



=== TEST 5: one of the groups is enough
--- jwks: es256
--- config eval
$::Jwt . ::location('/t', 'gateway_require_group admin "night shift";')
--- request eval: [ ("GET /t") x 8 ]
--- more_headers eval
[ ::in_groups('admin'), ::in_groups('x', 'night shift'),
  ::in_groups('admin', 'night shift'), ::in_groups('x'), ::in_groups(),
  ::in_groups('night'), ::in_groups('Admin'), ::named('admin') ]
--- error_code eval: [ (200) x 3, (403) x 5 ]
--- response_headers eval: [ ('!WWW-Authenticate') x 8 ]
--- response_body_like eval
[ (qr//) x 3, ('\A' . quotemeta(::body('group_not_allowed')) . '\z') x 5 ]



=== TEST 6: several rules: one group of each
--- jwks: es256
--- config eval
$::Jwt . ::location('/t', <<'END')
    gateway_require_group a b;
    gateway_require_group b c;
END
--- request eval: [ ("GET /t") x 5 ]
--- more_headers eval
[ ::in_groups('b'), ::in_groups('a', 'c'), ::in_groups('a'), ::in_groups('c'),
  ::in_groups('d') ]
--- error_code eval: [ 200, 200, 403, 403, 403 ]



=== TEST 7: none of the denied groups
--- jwks: es256
--- config eval
$::Jwt . ::location('/t', <<'END')
    gateway_deny_group suspended trial;
    gateway_deny_group fraud;
END
--- request eval: [ ("GET /t") x 7 ]
--- more_headers eval
[ ::in_groups('x'), ::in_groups(), ::in_groups('suspendeds'),
  ::in_groups('suspended'), ::in_groups('x', 'trial'), ::in_groups('fraud'),
  ::in_groups('fraud', 'x', 'suspended') ]
--- error_code eval: [ (200) x 3, (403) x 4 ]
--- response_body_like eval
[ (qr//) x 3, ('\A' . quotemeta(::body('group_denied')) . '\z') x 4 ]



=== TEST 8: consumers, byte for byte, whatever characters they contain
--- jwks: es256
--- config eval
$::Jwt . ::location('/t', 'gateway_require_consumer acme "a,b c" $x;')
--- request eval: [ ("GET /t") x 9 ]
--- more_headers eval
[ map { ::named($_) } 'acme', 'a,b c', '$x', 'Acme', 'acm', 'a', 'b c', '',
                      'acme,x' ]
--- error_code eval: [ (200) x 3, (403) x 6 ]
--- response_headers eval: [ ('!WWW-Authenticate') x 9 ]
--- response_body_like eval
[ (qr//) x 3, ('\A' . quotemeta(::body('consumer_not_allowed')) . '\z') x 6 ]
--- suppress_stderr



=== TEST 9: all kinds must be met, and the first that fails gives the reason
--- jwks: es256
--- config eval
$::Jwt . ::location('/t', <<'END')
    gateway_require_consumer acme;
    gateway_deny_group bad;
    gateway_require_group good;
    gateway_require_scope read;
END
--- request eval: [ ("GET /t") x 5 ]
--- more_headers eval
[ map { ::bearer({ sub => $_->[0], groups => $_->[1], scope => $_->[2] }) }
      [ 'acme', [ 'good' ], 'read' ], [ 'x', [ 'bad' ], '' ],
      [ 'x', [ 'bad' ], 'read' ], [ 'x', [ 'bad', 'good' ], 'read' ],
      [ 'x', [ 'good' ], 'read' ] ]
--- error_code eval: [ 200, (403) x 4 ]
--- response_body_like eval
[ qr//, map { qr/"reason":"$_"/ } qw( insufficient_scope group_not_allowed
                                      group_denied consumer_not_allowed ) ]



=== TEST 10: anonymous: every rule answers 401, with the challenge of the method
--- jwks: es256
--- config eval
"$::Jwt gateway_jwt_mode optional;\n"
. ::location('/scope', 'gateway_require_scope read;')
. ::location('/method', 'gateway_require_scope method=PUT read;')
. ::location('/group', 'gateway_require_group g;')
. ::location('/deny', 'gateway_deny_group g;')
. ::location('/consumer', 'gateway_require_consumer acme;')
. ::location('/open', '')
--- request eval
[ map { "GET /$_" } qw( scope method group deny consumer open ) ]
--- error_code eval: [ (401) x 5, 200 ]
--- response_headers eval
[ ('WWW-Authenticate: Bearer realm="r"') x 5, '!WWW-Authenticate' ]
--- response_body_like eval
[ ('\A\{"type":"about:blank","title":"Unauthorized","status":401,"detail":'
   . '"no credential was presented","reason":"missing"\}\n\z') x 5, qr// ]



=== TEST 11: anonymous, and no method is on: 401 without a challenge
--- config eval: ::location('/t', 'gateway_jwt off; gateway_require_scope read;')
--- request
GET /t
--- error_code: 401
--- response_headers
!WWW-Authenticate
--- response_body_like: "reason":"missing"



=== TEST 12: the variables of a rejected request
--- jwks: es256
--- config eval
"$::Jwt gateway_jwt_mode optional;\n"
. ::location('/t', <<'END')
    gateway_require_scope read;
    add_header X-Auth '$gateway_auth_reason|$gateway_consumer' always;
END
--- request eval: [ ("GET /t") x 3 ]
--- more_headers eval: [ ::scoped('read'), ::scoped('x'), '' ]
--- error_code eval: [ 200, 403, 401 ]
--- response_headers eval
[ 'X-Auth: |acme', 'X-Auth: insufficient_scope|acme', 'X-Auth: missing|' ]



=== TEST 13: gateway_error_format off leaves nginx's page, and the challenge
--- jwks: es256
--- config eval
$::Jwt . ::location('/t',
                    'gateway_error_format off; gateway_require_scope read;')
--- request
GET /t
--- more_headers eval: ::scoped('x')
--- error_code: 403
--- response_headers eval: ::challenge('read')
--- response_body_like: <h1>403 Forbidden</h1>

