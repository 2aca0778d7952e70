# SPDX-License-Identifier: BSD-2-Clause

# gateway_jwt_mode required, optional and dry_run: which requests pass, and what
# variables and the log have.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

$Test::Gateway::More = 1;

our $Good = token(claims => { sub => 'alice', scope => 'read' });
our $Poor = token(claims => { sub => 'alice', scope => 'none' });
our $Forged = edited($Good, signature => sub { reverse $_[0] });
our $Expired = token(claims => { sub => 'alice', exp => time - 60 });

sub bearers {
    [ map { $_ ? "Authorization: Bearer $_\n" : '' } @_ ]
}

# status and reason of the token, the method that granted, and the consumer

sub say_it {
    my ($status, $reason, $method, $consumer) = @_;
    return "X-Auth: $status|$reason|$method|$consumer";
}

our $Add = 'add_header X-Auth "$gateway_jwt_status|$gateway_auth_reason|'
           . '$gateway_auth_method|$gateway_consumer" always;';

our $Keys = 'gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json;';

sub location {
    my ($uri, @lines) = @_;
    return "location $uri { empty_gif; $Add @lines }\n";
}

run_tests();


# --- the log, with everything that is logged

my %line = (
    required => 'refused with 401',
    optional => 'refused with 401',
    dry_run  => 'would be refused with 401',
);

my $server = start_nginx(
    files  => { 'jwks.json' => jwks('es256') },
    server => "gateway_jwt r; gateway_jwt_key_file jwks.json;\n"
              . CORE::join('', map {
                  location("/$_", "gateway_jwt_mode $_;")
              } sort keys %line),
);

for my $mode (sort keys %line) {
    my $before = length $server->log;

    $server->get("/$mode", headers => [ "Authorization: Bearer $_" ])
        for $Forged, $Expired, $Good;
    $server->get("/$mode", headers => [ 'Authorization: Bearer a.b' ]);
    $server->get("/$mode");

    my $log = substr $server->log, $before;
    my @ours = $log =~ /^.*?(\[\w+\]) .*? (gateway\w*: .*?), client:/mg;

    my @missing = ('[info]', qq{gateway_jwt: $line{$mode}, }
                             . qq{reason "missing", kid ""});

    Test::More::is_deeply(\@ours, [
        '[info]', qq{gateway_jwt: $line{$mode}, reason "bad_signature", }
                  . qq{kid "es256"},
        '[info]', qq{gateway_jwt: $line{$mode}, reason "expired", }
                  . qq{kid "es256"},
        '[info]', qq{gateway_jwt: $line{$mode}, reason "malformed_header", }
                  . qq{kid "", 2 parts, a token has 3},
        $mode eq 'optional' ? () : @missing,
    ], "$mode: one line at info for a refusal, none for what passes");

    my @levels = $log =~ /\[(warn|error|crit|alert|emerg)\]/g;
    Test::More::is("@levels", '', "$mode: nothing above notice");

    my ($claim) = $log =~ /(alice|\Q$Forged\E)/;
    Test::More::is($claim, undef, "$mode: neither token nor claim is logged");
}

$server->stop;


# --- a token that is not parsed has no kid in the log

$server = start_nginx(
    files  => { 'jwks.json' => jwks('es256') },
    server => 'gateway_jwt r; gateway_jwt_key_file jwks.json; root html;'
              . "\n" . CORE::join('', map {
                  "location /to/$_ { gateway_jwt_mode dry_run; "
                  . "try_files /none /$_; }\n" } qw( size two none bad ))
              . "location /size { gateway_jwt_max_size 10; }\n"
              . "location /two { gateway_jwt r token=\$cookie_t; }\n"
              . "location /none { gateway_jwt r token=\$cookie_u; }\n"
              . "location /bad { gateway_jwt_require_claim scope eq x; }\n",
);

$server->get("/to/$_", headers => [ "Authorization: Bearer $Good",
                                    "Cookie: t=$Good; t=$Good" ])
    for qw( size two none bad );

Test::More::is_deeply([ $server->log =~ /(reason ".*?", kid ".*?")/g ], [
    'reason "too_large", kid ""', 'reason "duplicate_credential", kid ""',
    'reason "missing", kid ""', 'reason "claim", kid "es256"',
], 'no line names the kid of a token of before');

$server->stop;
done_testing();

__DATA__

=== TEST 1: required: a verified token passes, everything else is 401
--- jwks: es256
--- config eval
::location('/t', 'gateway_jwt r;', $::Keys)
. ::location('/said', 'gateway_jwt r; gateway_jwt_mode required;', $::Keys)
--- request eval: [ ("GET /t") x 4, ("GET /said") x 2 ]
--- more_headers eval
::bearers($::Good, '', $::Forged, $::Expired, $::Good, '')
--- error_code eval: [ 200, 401, 401, 401, 200, 401 ]
--- response_headers eval
[ ::say_it('verified', '', 'jwt', 'alice'),
  ::say_it('absent', 'missing', '', ''),
  ::say_it('bad_signature', 'bad_signature', '', ''),
  ::say_it('expired', 'expired', '', ''),
  ::say_it('verified', '', 'jwt', 'alice'),
  ::say_it('absent', 'missing', '', '') ]



=== TEST 2: optional: no token passes as anonymous, a bad one is refused
--- jwks: es256
--- config eval
::location('/t', 'gateway_jwt r; gateway_jwt_mode optional;', $::Keys)
--- request eval: [ ("GET /t") x 4 ]
--- more_headers eval: ::bearers($::Good, '', $::Forged, $::Expired)
--- error_code eval: [ 200, 200, 401, 401 ]
--- response_headers eval
my $none = "\n!WWW-Authenticate";
my $error = "\nWWW-Authenticate: Bearer realm=\"r\", error=\"invalid_token\", "
            . 'error_description="the ';
[ ::say_it('verified', '', 'jwt', 'alice') . $none,
  ::say_it('absent', '', '', '') . $none,
  ::say_it('bad_signature', 'bad_signature', '', '')
  . $error . 'signature of the token is not valid"',
  ::say_it('expired', 'expired', '', '')
  . $error . 'token has expired"' ]



=== TEST 3: optional: rules are for requests with a token
--- jwks: es256
--- config eval
my $optional = "gateway_jwt r; gateway_jwt_mode optional; $::Keys";
::location('/claim', $optional, 'gateway_jwt_require_claim scope any read;')
. ::location('/absent', $optional, 'gateway_jwt_require_claim scope absent;')
. ::location('/require', $optional, 'gateway_jwt_require $arg_ok;')
--- request eval
[ ("GET /claim") x 3, ("GET /absent") x 2,
  "GET /require", "GET /require", "GET /require?ok=1" ]
--- more_headers eval
::bearers($::Good, $::Poor, '',  $::Good, '',  $::Good, '', $::Good)
--- error_code eval: [ 200, 401, 200,  401, 200,  401, 200, 200 ]



=== TEST 4: optional: another scheme is no token, Bearer without a token is refused
--- jwks: es256
--- config eval
::location('/t', 'gateway_jwt r; gateway_jwt_mode optional;', $::Keys)
--- request eval: [ ("GET /t") x 6 ]
--- more_headers eval
[ map { "Authorization: $_\n" } 'Basic YTpi', 'Bearerx a', 'Bea',
                                'Bearer', 'Bearer a.b', 'bEARER a.b' ]
--- error_code eval: [ 200, 200, 200, 401, 401, 401 ]
--- response_headers eval
[ (::say_it('absent', '', '', '')) x 3,
  (::say_it('malformed_header', 'malformed_header', '', '')) x 3 ]



=== TEST 5: dry_run: everything passes and is recorded
--- jwks: es256
--- config eval
::location('/t', 'gateway_jwt r; gateway_jwt_mode dry_run;', $::Keys)
--- request eval: [ ("GET /t") x 4 ]
--- more_headers eval: ::bearers($::Good, '', $::Forged, $::Expired)
--- error_code eval: [ (200) x 4 ]
--- response_headers eval
my $none = "\n!WWW-Authenticate";
[ ::say_it('verified', '', 'jwt', 'alice') . $none,
  ::say_it('absent', 'missing', '', '') . $none,
  ::say_it('bad_signature', 'bad_signature', '', '') . $none,
  ::say_it('expired', 'expired', '', '') . $none ]



=== TEST 6: dry_run: a claim that would be refused gives no identity
--- jwks: es256
--- config eval
::location('/t', 'gateway_jwt r; gateway_jwt_mode dry_run;', $::Keys,
           'gateway_jwt_require_claim scope any read error=403;')
--- request eval: [ ("GET /t") x 2 ]
--- more_headers eval: ::bearers($::Good, $::Poor)
--- error_code eval: [ 200, 200 ]
--- response_headers eval
[ ::say_it('verified', '', 'jwt', 'alice'),
  ::say_it('claim', 'claim', '', '') ]



=== TEST 7: a token that a rule refused gives no identity if another method grants
--- jwks: es256
--- config eval
::location('/t', 'gateway_jwt r; satisfy any; allow all;', $::Keys,
           'gateway_jwt_require_claim scope any read error=403;')
--- request eval: [ ("GET /t") x 3 ]
--- more_headers eval: ::bearers($::Good, $::Poor, $::Forged)
--- error_code eval: [ 200, 200, 200 ]
--- response_headers eval
[ ::say_it('verified', '', 'jwt', 'alice'),
  ::say_it('claim', '', '', ''),
  ::say_it('bad_signature', '', '', '') ]



=== TEST 8: off: nothing is checked, and nothing is logged
--- jwks: es256
--- config eval: ::location('/t', 'gateway_jwt off;')
--- request eval: [ ("GET /t") x 3 ]
--- more_headers eval: ::bearers($::Good, '', $::Forged)
--- error_code eval: [ (200) x 3 ]
--- response_headers eval: [ (::say_it('', '', '', '')) x 3 ]



=== TEST 9: modes are inherited, and replaced at inner levels
--- jwks: es256
--- config eval
"gateway_jwt r; gateway_jwt_mode optional; $::Keys\n"
. ::location('/inherited', '')
. ::location('/required', 'gateway_jwt_mode required;')
. ::location('/off', 'gateway_jwt off;')
--- request eval
[ map { ("GET /$_") x 2 } qw( inherited required off ) ]
--- more_headers eval: ::bearers(('', $::Forged) x 3)
--- error_code eval: [ 200, 401,  401, 401,  200, 200 ]



=== TEST 10: no method passes by itself: OPTIONS is 401 like any other
--- jwks: es256
--- config eval: ::location('/t', 'gateway_jwt r;', $::Keys)
--- request eval
[ map { "$_ /t" } qw( OPTIONS HEAD GET POST PUT DELETE PATCH PROPFIND X ) ]
--- more_headers eval
[ "Origin: http://a\nAccess-Control-Request-Method: PUT\n", ('') x 8 ]
--- error_code eval: [ (401) x 9 ]
--- response_headers eval: [ ('WWW-Authenticate: Bearer realm="r"') x 9 ]



=== TEST 11: a preflight request that return answers before ACCESS
--- jwks: es256
--- config eval
::location('/t', 'gateway_jwt r;', $::Keys, <<'END')
    if ($request_method = OPTIONS) {
        add_header Access-Control-Allow-Origin https://app.example always;
        add_header Access-Control-Allow-Headers Authorization always;
        return 204;
    }
END
--- request eval: [ "OPTIONS /t", "GET /t", "POST /t", "GET /t" ]
--- more_headers eval: ::bearers('', '', '', $::Good)
--- error_code eval: [ 204, 401, 401, 200 ]
--- response_headers eval
[ "Access-Control-Allow-Origin: https://app.example\n"
  . "Access-Control-Allow-Headers: Authorization\n!WWW-Authenticate",
  ('WWW-Authenticate: Bearer realm="r"') x 2,
  '!WWW-Authenticate' ]
