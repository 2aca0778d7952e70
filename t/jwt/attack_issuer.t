# SPDX-License-Identifier: BSD-2-Clause

# Tokens that are swapped between servers, issuers and locations, altered, or
# put together of two others: a table of verified tokens, whether it has room
# for all of them or for a few, changes no answer.  ATTACK_SEED repeats a run.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Issuer;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( time );

my $seed = $ENV{ATTACK_SEED} // int time;
note "ATTACK_SEED=$seed";
srand $seed;

sub any { return $_[rand @_] }


# --- two servers whose issuers use the same names for other keys

sub set_of {
    my (%kid) = @_;
    return json({ keys => [ map { { %{ public_jwk($_) }, kid => $kid{$_} } }
                            sort keys %kid ] });
}

my @issuers = map { issuer('es256') } 1, 2;
$issuers[0]->answers(body => set_of(a1 => 'k1', rs256 => 'k2'));
$issuers[1]->answers(body => set_of(b1 => 'k1', b2 => 'k3'));

my %location = (
    '/own'    => 'gateway_jwt_key_request /one;',
    '/other'  => 'gateway_jwt_key_request /two;',
    '/both'   => 'gateway_jwt_key_request /one; gateway_jwt_key_request /two;',
    '/file'   => 'gateway_jwt_key_file f.json;',
    '/more'   => 'gateway_jwt_key_file f.json; gateway_jwt_key_request /one;',
    '/bound'  => 'gateway_jwt_key_request /one-a issuer=https://a;'
                 . ' gateway_jwt_key_request /two-b issuer=https://b;'
                 . ' gateway_jwt_issuer https://a https://b;',
    '/rs'     => 'gateway_jwt_key_request /one; gateway_jwt_algorithms RS256;',
    '/aud'    => 'gateway_jwt_key_request /one; gateway_jwt_audience api;',
    '/typ'    => 'gateway_jwt_key_request /one; gateway_jwt_typ at+jwt;',
    '/age'    => 'gateway_jwt_key_request /one; gateway_jwt_max_age 1h;',
    '/forever' => 'gateway_jwt_key_request /one; gateway_jwt_require_exp off;',
    '/late'   => 'gateway_jwt_key_request /one; gateway_jwt_leeway 1h;',
    '/small'  => 'gateway_jwt_key_request /one; gateway_jwt_max_size 300;',
    '/revoked' => 'gateway_jwt_key_request /one; gateway_jwt_revoked list;',
    '/rule'   => 'gateway_jwt_key_request /one;'
                 . ' gateway_jwt_require_claim deep.role any admin error=403;',
    '/dry'    => 'gateway_jwt_key_request /one; gateway_jwt_mode dry_run;',
    '/off'    => 'gateway_jwt_verify off;',
);

my $seen = join '|', map { "\$gateway_$_" }
           qw( jwt_status auth_reason consumer scopes jwt_claim_sub
               jwt_claim_iss jwt_header_kid jwt_refused_claim_sub jwt_payload );

# the text of a server: its own issuer, the other one

sub server {
    my ($own, $other) = @_;

    return "add_header X-Seen '$seen' always;\n"
           . 'gateway_jwt_key_fetch min=1h interval=1h;'
           . join('', map { $own->location($_) } qw( /one /one-a ))
           . join('', map { $other->location($_) } qw( /two /two-b ))
           . join('', map {
                 "location = $_ { gateway_jwt r; $location{$_} empty_gif; }\n"
                 . "location = /to$_ { gateway_jwt r;"
                 . " gateway_jwt_key_request /one; try_files /none $_; }\n"
             } sort keys %location);
}

sub start {
    my ($cache) = @_;

    my $port = free_port();
    return start_nginx(
        port => $port, workers => 1, server => 'server_name a.test;'
                                               . server(@issuers),
        files => { 'f.json' => jwks('f'), list => "jti bad\nsub mallory\n" },
        http => "gateway_jwt_token_cache $cache; server {"
                . " listen 127.0.0.1:$port; server_name b.test;"
                . server(reverse @issuers) . '}');
}

my %server = map { $_ => start($_) } qw( off 64k 4m );

# servers fetch four sets each; those with a table must have them, too

$_->fetched(12) for @issuers;


# --- tokens

my $now = int time;
my %claims = (sub => 'alice', iss => 'https://c', aud => 'api', jti => 'good',
              iat => $now - 60, exp => $now + 3600, scope => 'a b',
              deep => { role => [ 'admin' ] });
my %kid = (a1 => 'k1', rs256 => 'k2', b1 => 'k1', b2 => 'k3', f => 'f',
           foreign => 'k1');

my @tokens;
for my $key (sort keys %kid) {
    push @tokens, map {
        token(key => $key, claims => { %claims, %$_ },
              header => { kid => $kid{$key},
                          typ => $_->{sub} ? 'at+jwt' : 'JWT' })
    } {}, { iss => 'https://a' }, { iss => 'https://b' }, { jti => 'bad' },
      { sub => 'mallory' }, { aud => 'x' }, { exp => undef },
      { exp => $now - 60 }, { nbf => $now + 3600 }, { iat => $now - 7200 },
      { deep => 1 }, { pad => 'x' x 400 };
}

my @base64 = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');

# a token, altered or put together of two

sub altered {
    my ($token) = @_;

    my @part = split /\./, $token;
    my @other = split /\./, any(@tokens);
    my $i = int rand 3;
    my $at = any(0, -1, int rand length $token);

    return any(
        sub { substr $token, $at, 1, any(@base64); $token },
        sub { substr(any(@tokens), 0, -32) . substr $token, -32 },
        sub { substr($token, 0, 32) . substr any(@tokens), 32 },
        sub { $part[$i] = $other[$i]; join '.', @part },
        sub { $token . any('=', '.', 'A', ' x') },
        sub { substr $token, 0, -1 },
        sub {
            edited($token, header => sub {
                s/"(?:ES|RS)256"/any('"none"', '"HS256"', '"RS256"',
                                     '"ES256"', '"EdDSA"')/er })
        },
        sub { edited($token, payload => sub { s/alice|mallory/admin/r }) },
    )->();
}


# --- the same requests at each server

sub answer {
    my ($cache, $host, $uri, $token) = @_;

    my ($status, $head) = http_get($server{$cache}, $uri, host => $host,
                                   headers => [ "Authorization: Bearer $token" ]);
    return join ' ', $status, $head =~ /^(X-Seen: .*|WWW-.*)/mg;
}

my (@recent, @differ, %status, $accepted);
my @uris = map { ($_, "/to$_") } sort keys %location;

for (1 .. 1500) {
    my $token = @recent && rand > 0.5 ? any(@recent) : any(@tokens);
    my $whole = rand > 0.4;
    $token = altered($token) if !$whole;
    my @request = (any(qw( a.test b.test )), any(@uris), $token);

    my ($cold, @warm) = map { answer($_, @request) } qw( off 64k 4m );
    push @differ, "@request\n$cold\n@warm" if grep { $_ ne $cold } @warm;

    $status{ substr $cold, 0, 3 }++;
    $accepted++ if $cold =~ /^200 X-Seen: verified/;

    push @recent, $token if $whole;
    shift @recent if @recent > 20;
}

is(join("\n", @differ[0 .. ($#differ > 4 ? 4 : $#differ)]), '',
   'the same answers');
cmp_ok($status{401}, '>', 500, 'many are refused');
cmp_ok($accepted, '>', 50, 'many are accepted');
is(join(' ', grep { !/^(?:200|401|403)$/ } sort keys %status), '',
   'the issuers have been up');

$server{$_}->stop("cache $_") for sort keys %server;


# --- conditions of the server for clients, which the request for keys is not

my $issuer = issuer('es256');
my $conditional = start_nginx(server => $issuer->location('/keys') . <<'END');
    if ($http_x_client = '') { return 301 https://$host/; }
    location / {
        gateway_jwt api;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
END

my @client = (headers => [ 'X-Client: 1' ]);
is(status($conditional, '/', token(key => 'es256'), @client), 503, 'no keys');
like($conditional->log, qr/"\/keys": status 301 from nginx itself, no keys/,
     'the log says who has answered');
is($issuer->fetches, 0, 'and not the issuer');
$conditional->stop('conditions');

# a location that closes the connection instead of responding

for my $code (408, 444, 499) {
    my $closed = start_nginx(server => <<"END");
    location = /keys { internal; return $code; }
    location / {
        gateway_jwt api;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
END

    is(status($closed, '/', token(key => 'es256')), 503, "return $code");
    is(scalar(() = $closed->log =~ m{"/keys":\ the\ location\ closed\ the
           \ connection,\ as\ "return\ 444"\ does,\ no\ keys,\ }gx),
       1, 'the log says so');
    $closed->stop("return $code");
}

$issuer->answers(status => 301);
my $moved = start_nginx(server => $issuer->location('/keys') . <<'END');
    location / {
        gateway_jwt api;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
END
is(status($moved, '/', token(key => 'es256')), 503, 'a redirect of the issuer');
like($moved->log, qr/"\/keys": status 301, redirects are not followed, no keys/,
     'is called that');
$moved->stop('a redirect');

done_testing;
