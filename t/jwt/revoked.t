# SPDX-License-Identifier: BSD-2-Clause

# gateway_jwt_revoked: which tokens a list revokes, where, and what the rest of
# a location makes of it.  Lists that change: revoked_watch.t.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Cases;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

my $issuer = 'https://id.example';

sub claims { return token(claims => {@_}) }

sub raw { return token(payload => '{"exp":' . (time + 3600) . ",$_[0]}") }

run_tests();


# --- inheritance, modes and other methods

my %lists = (
    alice  => "sub alice\n",
    bob    => "# bob\nsub bob\n",
    mixed  => "jti 7\nsid s1\n",
    mapped => "sub mapped\n",
    empty  => '',
);

sub revoked { return CORE::join ' ', map { "gateway_jwt_revoked $_;" } @_ }

my %locations = (
    '/inherited' => '',
    '/replaced'  => revoked('bob'),
    '/empty'     => revoked('empty'),
    '/both'      => revoked(qw( alice bob )),
    '/three'     => revoked(qw( alice bob mixed )),
    '/issuer'    => "gateway_jwt_revoked alice issuer=$issuer;",
    '/issuers'   => "gateway_jwt_revoked alice issuer=$issuer;"
                    . ' gateway_jwt_revoked bob issuer=https://b.example;',
    '/except'    => revoked('empty') . ' limit_except GET { '
                    . revoked('bob') . ' }',
    '/optional'  => 'gateway_jwt_mode optional;',
    '/dry'       => 'gateway_jwt_mode dry_run;',
    '/unsigned'  => 'gateway_jwt_verify off;',
    '/decoded'   => 'gateway_jwt off token=$http_authorization;',
    '/any'       => 'satisfy any; allow all;',
    '/any-not'   => 'satisfy any; deny all;',
    '/any-key'   => 'satisfy any; gateway_api_key k;',
    '/rule'      => 'gateway_jwt_require_claim role eq admin error=403;',
    '/audience'  => 'gateway_jwt_audience me;',
    '/mapped'    => revoked('mapped'),
    '/redirect'  => revoked('empty') . ' try_files /missing /inherited;',
    '/back'      => 'try_files /missing /empty;',
    '/page'      => 'error_page 401 = /off;',
    '/off'       => 'gateway_jwt off;',
);

my $upstream = free_port();
my $locations = CORE::join '', map {
    "location = $_ { $locations{$_} proxy_pass http://127.0.0.1:$upstream; }\n"
    } sort keys %locations;

my $key = api_key('partner');
my $server = start_nginx(
    files => { %lists, 'jwks.json' => jwks('es256'),
               'c.json' => consumers(
                   consumer('acme', jwt => [
                       map { { iss => $issuer, sub => $_ } } qw( mapped other )
                   ]),
                   consumer('partner', keys => [ entry('partner') ])) },
    http => <<"END", server => <<"END2" . $locations);
    gateway_consumers zone=c:1m file=c.json;
    log_format said '\$uri <\$gateway_jwt_claim_sub|\$gateway_jwt_payload'
                    '|\$gateway_jwt_refused_claim_sub>';
    server {
        listen 127.0.0.1:$upstream;
        add_header X-Got "\$http_x_user|";
        location / { return 200; }
    }
END
    access_log logs/said said;
    gateway_jwt r;
    gateway_jwt_key_file jwks.json issuer=$issuer;
    gateway_jwt_key_file jwks.json issuer=https://b.example;
    gateway_jwt_claim_header X-User sub;
    gateway_jwt_revoked alice;
    add_header X-Status "\$gateway_jwt_status|\$gateway_auth_reason" always;
    add_header X-Consumer "\$gateway_consumer" always;
END2

# status, $gateway_jwt_status, $gateway_auth_reason and the claim header

sub answer {
    my ($uri, $claims, %arg) = @_;

    my @headers = @{ $arg{headers} // [] };
    push @headers, 'Authorization: Bearer '
                   . token(claims => { iss => $issuer, %$claims }) if $claims;
    my ($status, $head) = $server->get($uri, method => $arg{method},
                                       headers => \@headers);

    my ($said) = $head =~ /^X-Status: (\S*)/m;
    my ($got) = $head =~ /^X-Got: (\S*)/m;
    return CORE::join ' ', $status, $said // 'none', $got // 'none';
}

sub passes {
    my ($uri, $claims, %arg) = @_;
    is(answer($uri, $claims, %arg), "200 verified| $claims->{sub}|",
       "$uri " . json($claims) . ' ' . ($arg{method} // ''));
}

sub refuses {
    my ($uri, $claims, %arg) = @_;
    is(answer($uri, $claims, %arg), '401 revoked|revoked none',
       "$uri " . json($claims) . ' ' . ($arg{method} // ''));
}

my $alice = { sub => 'alice' };
my $bob = { sub => 'bob' };
my $other = { iss => 'https://b.example' };

refuses('/inherited', $alice);
passes('/inherited', $bob);

# a directive at a level replaces those of the outer one; all of a level count

passes('/replaced', $alice);
refuses('/replaced', $bob);
passes('/empty', $_) for $alice, $bob;
refuses('/both', $_) for $alice, $bob;
passes('/both', { sub => 'carol' });
refuses('/three', $_) for $alice, $bob, { sub => 'c', jti => '7' },
                          { sub => 'c', sid => 's1' };
passes('/three', { sub => 'c', sid => '7', jti => 's1' });

# issuer=

refuses('/issuer', $alice);
passes('/issuer', { %$alice, %$other });
refuses('/issuers', $_) for $alice, { %$bob, %$other };
passes('/issuers', $_) for $bob, { %$alice, %$other };
refuses('/inherited', { %$alice, %$other });

# limit_except

passes('/except', $bob);
refuses('/except', $bob, method => 'POST');
passes('/except', $alice, method => 'POST');

# modes

refuses('/optional', $alice);
is(answer('/optional'), '200 absent| |', 'optional, without a token');
is(answer('/dry', $alice), '200 revoked|revoked |', 'dry_run passes');
passes('/dry', $bob);
refuses('/unsigned', $alice);
is(answer('/unsigned', $bob), '200 unverified| bob|', 'without a signature');
is(answer('/decoded', $alice), '200 unverified| |', 'only decoded');

# other methods

is(answer('/any', $alice), '200 revoked| |', 'satisfy any: another one grants');
is(answer('/any-not', $alice), '401 revoked|revoked none',
   'satisfy any: none grants');
is(answer('/any-key', $alice, headers => [ "X-API-Key: $key" ]),
   '200 revoked| |', 'satisfy any: an API key grants');
is(answer('/any-key', $alice), '401 revoked|missing none',
   'satisfy any: there is no API key');

# the order of reasons

is(answer('/audience', $alice), '401 audience|audience none', 'before it: aud');
refuses('/rule', $alice);
is(answer('/rule', $bob), '403 claim|claim none', 'after it: rules');

# a consumer of the file

refuses('/mapped', { sub => 'mapped' });
passes('/mapped', { sub => 'other' });

# internal redirects: each location decides

refuses('/redirect', $alice);
passes('/redirect', $bob);
refuses('/back', $alice);
like(answer('/page', $alice), qr/^200 /, 'an error page');

# the variables, in the log

my @log = map { /^(\S+ <.*>)/ } grep { m{^/(?:inherited|dry|any|off) } }
          split /\n/, do {
              local (@ARGV, $/) = $server->dir . '/logs/said';
              <>;
          };
is_deeply([ map { s/\{.*\}/{}/r } @log ],
          [ '/inherited <-|-|alice>', '/inherited <bob|{}|->',
            '/inherited <-|-|alice>', '/dry <-|-|->', '/dry <bob|{}|->',
            '/any <-|-|alice>', '/inherited <-|-|alice>',
            '/inherited <bob|{}|->', '/off <-|-|alice>' ],
          'variables of a revoked token are empty');

my @refused = grep { /gateway_jwt: / } split /\n/, $server->log;
like($refused[0], qr/\[info\] .*\ gateway_jwt:\ refused\ with\ 401,\ reason
                     \ "revoked",\ kid\ "es256",/x,
     'a line for a refused request');
is(scalar(grep { /alice/ } @refused), 0, 'no line has a claim');
$server->stop;


# --- configuration

my %files = (%lists, 'jwks.json' => jwks('es256'),
             'ok' => "jti a\n" x 100_000, 'large' => "jti a\n" x 699_050 . "# x\n",
             'bad' => "jti a\n# x\nsub secret-value tomorrow\n",
             'novalue' => "jti a\nsecret-value\n",
             'bom' => "\xef\xbb\xbfjti a\n",
             'folder/x' => '');
is(length $files{large}, 4 * 1024 * 1024, 'a file of 4 MB');

sub said {
    my ($directives, %arg) = @_;
    my $jwt = $arg{jwt} // 'gateway_jwt r; gateway_jwt_key_file jwks.json;';
    my ($code, $text) = nginx_t(http_conf(server =>
        "location / { $jwt\n$directives }"), { %files, %{ $arg{files} // {} } });
    return ($code, map { / \d+#\d+: (.*)/ ? $1 =~ s/:\d+$/:N/r : () }
                   grep { /\[(?:emerg|warn)\]/ } split /\n/, $text);
}

sub fails {
    my ($directives, $message, %arg) = @_;
    is_deeply([ said($directives, %arg) ],
              [ 1, "$message in DIR/nginx.conf:N" ], $message);
}

sub warns {
    my ($directives, $message, %arg) = @_;
    is_deeply([ said($directives, %arg) ],
              [ 0, "$message in DIR/nginx.conf:N" ], $message);
}

sub starts { is_deeply([ said(@_) ], [ 0 ], $_[0]) }

my $date = 'the time is not a date, write for example 2027-01-31T00:00:00Z';

starts('gateway_jwt_revoked alice;');
starts('gateway_jwt_revoked alice watch=1m issuer=https://a;');
starts("gateway_jwt_revoked $_;") for qw( empty ok large );
fails('gateway_jwt_revoked bad;',
      qq(gateway_jwt_revoked "DIR/bad": line 3: $date));
fails('gateway_jwt_revoked novalue;',
      'gateway_jwt_revoked "DIR/novalue": line 2: has no value, write the claim and its value');
warns('gateway_jwt_revoked dotted;', 'gateway_jwt_revoked "DIR/dotted": claim '
      . '"realm.sid" is a name, not a path: only claims of the top level can be '
      . 'listed,', files => { dotted => "realm.sid a\nhttps://e.com/x a\n" });
warns('gateway_jwt_issuer https://a; gateway_jwt_revoked alice issuer=https://b;',
      '"gateway_jwt_issuer" does not accept "issuer=https://b" of '
      . '"gateway_jwt_revoked", the list is never used');
starts('gateway_jwt_issuer https://a https://b;'
       . ' gateway_jwt_revoked alice issuer=https://b;',
       jwt => 'gateway_jwt r; gateway_jwt_key_file jwks.json issuer=https://b;');
starts('gateway_jwt_issuer https://a; gateway_jwt_revoked alice issuer=https://b;'
       . ' location /b { gateway_jwt_issuer https://b; }');
fails('gateway_jwt_revoked bom;', 'gateway_jwt_revoked "DIR/bom": begins with'
      . ' a byte order mark, save it as UTF-8 without one');
fails('gateway_jwt_revoked missing;', 'gateway_jwt_revoked "DIR/missing":'
      . ' open() failed (2: No such file or directory)');
fails('gateway_jwt_revoked folder;',
      'gateway_jwt_revoked "DIR/folder": is not a regular file');
fails('gateway_jwt_revoked large;', 'gateway_jwt_revoked "DIR/large": is larger'
      . ' than 4194304 bytes', files => { large => "$files{large}\n" });
fails('gateway_jwt_revoked "";', 'empty file name in "gateway_jwt_revoked"');
fails('gateway_jwt_revoked /lists/$host;', 'variables are not supported in the'
      . ' file name "/lists/$host", write one "gateway_jwt_revoked" for each'
      . ' file');
fails('gateway_jwt_revoked alice watch=soon;', 'invalid value "soon" in'
      . ' parameter "watch=", it must be a time such as 5s, 500ms or 1h');
fails('gateway_jwt_revoked alice issuer=;',
      'parameter "issuer=" must have a value');
fails('gateway_jwt_revoked alice bob;', 'invalid parameter "bob" in'
      . ' "gateway_jwt_revoked", allowed are "watch=", "issuer="');
fails('gateway_jwt_revoked alice;' x 33, 'too many "gateway_jwt_revoked"'
      . ' directives, allowed are 32');
starts('gateway_jwt_revoked alice;' x 32);
is_deeply([ said('gateway_jwt_revoked alice issuer=https://*;') ],
          [ 0, 'patterns are not supported in "gateway_jwt_revoked",'
               . ' "https://*" is taken literally in DIR/nginx.conf:N' ],
          'a pattern');

done_testing();

__DATA__

=== TEST 1: forms of a line
--- jwks: es256
--- files
revoked => <<'END',
# a comment, and an empty line

jti a1
	jti	a2	
jti "a 3"
jti "\"a\u0034\""
sub 42
admin true
old alice 2027-01-31T00:00:00Z
old bob 2027-01-31T01:00:00.5+01:00
END
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_revoked ../html/revoked;
--- cases
claims(jti => 'a1')                                  => 'revoked',
claims(jti => 'a2')                                  => 'revoked',
claims(jti => 'a 3')                                 => 'revoked',
claims(jti => '"a4"')                                => 'revoked',
claims(jti => 'a4')                                  => 'verified',
claims(jti => 'a')                                   => 'verified',
claims(jti => 'A1')                                  => 'verified',
claims(sub => 'a1')                                  => 'verified',
claims(sub => '42')                                  => 'revoked',
raw('"sub":42')                                      => 'revoked',
raw('"sub":43')                                      => 'verified',
raw('"admin":true')                                  => 'revoked',
raw('"admin":false')                                 => 'verified',
raw('"jti":["a1"]')                                  => 'verified',
raw('"jti":{"a1":"a1"}')                             => 'verified',
raw('"x":{"jti":"a1"}')                              => 'verified',
raw('"old":"alice","iat":1801353599')                => 'revoked',
raw('"old":"alice","iat":1801353600')                => 'verified',
raw('"old":"alice"')                                 => 'revoked',
raw('"old":"bob","iat":1801353600')                  => 'revoked',
raw('"old":"bob","iat":1801353601')                  => 'verified',
claims()                                             => 'verified',
token(key => 'a', claims => { jti => 'a1' })         => 'unknown_key',
claims(jti => 'a1', exp => 1)                        => 'expired',



=== TEST 2: lines that end with CR LF, and a last one without an end
--- jwks: es256
--- files
revoked => "jti a\r\n\r\n# x\r\njti \"b\"\r\njti c 2027-01-31T00:00:00Z\r\njti d",
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_revoked ../html/revoked;
--- cases
claims(jti => 'a')                                   => 'revoked',
claims(jti => 'b')                                   => 'revoked',
raw('"jti":"c","iat":1801353599')                    => 'revoked',
raw('"jti":"c","iat":1801353600')                    => 'verified',
claims(jti => 'd')                                   => 'revoked',
claims(jti => "a\r")                                 => 'verified',
