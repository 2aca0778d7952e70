# SPDX-License-Identifier: BSD-2-Clause

# gateway_client_certificate beside gateway_jwt and nginx's own methods, under
# "satisfy all" and "satisfy any": all credentials must name the same consumer.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Certificate;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

authority('a');
certificate('server', ca => 'a', san => 'DNS:localhost');
certificate('acme', ca => 'a');
certificate('unknown', ca => 'a');

my %claims = (iss => 'https://id.example', scope => 'read write');
my $same = token(claims => { %claims, sub => 'acme-app' });
my $other = token(claims => { %claims, sub => 'other-app' });
my $nobody = token(claims => { %claims, sub => 'alice', roles => [ 'r' ] });
my $forged = edited($same, signature => sub { reverse $_[0] });

my $file = json({ consumers => [
    { id => 'acme', groups => [ 'partners' ], plan => 'gold',
      jwt => [ { iss => 'https://id.example', sub => 'acme-app' } ],
      certificates => [ { sha256 => certificate_sha256('acme') } ] },
    { id => 'other', jwt => [ { iss => 'https://id.example',
                                sub => 'other-app' } ] },
] });

my $who = CORE::join '|', qw( $gateway_consumer $gateway_auth_method
                              $gateway_groups $gateway_plan $gateway_scopes
                              $gateway_auth_reason );
my $port = free_port();

my $server = start_nginx(
    port  => $port,
    files => { 'consumers.json' => $file, 'jwks.json' => jwks('es256'),
               certificate_files() },
    conf  => http_conf(
        http   => 'gateway_consumers zone=c:1m file=consumers.json;',
        server => <<"END"),
        listen 127.0.0.1:$port ssl;
        ssl_certificate server.crt;
        ssl_certificate_key server.key;
        ssl_client_certificate a.crt;
        ssl_verify_client optional;

        gateway_client_certificate on;
        gateway_jwt r;
        gateway_jwt_key_file jwks.json;
        gateway_jwt_issuer https://id.example;
        gateway_jwt_group roles;
        add_header X-Who "$who" always;

        location /all { satisfy all; empty_gif; }
        location /any { satisfy any; empty_gif; }
        location /optional { gateway_jwt_mode optional; empty_gif; }
        location /dry_run { gateway_jwt_mode dry_run; empty_gif; }
        location /any/optional { satisfy any; gateway_jwt_mode optional;
                                 empty_gif; }
        location /deny/any { satisfy any; gateway_jwt off; deny all;
                             empty_gif; }
        location /deny/all { satisfy all; gateway_jwt off; deny all;
                             empty_gif; }
        location /weak { gateway_client_certificate off; try_files /none /to; }
        location /to { gateway_jwt off; empty_gif; }
        location /page { satisfy all; error_page 403 /to/page; }
END
);

sub asked {
    my ($path, $cert, $token) = @_;

    my $answer = tls($server, path => $path, cert => $cert, headers =>
                     [ $token ? "Authorization: Bearer $token" : () ]);
    my ($who) = $answer->{head} =~ /^X-Who: (.*)$/m;
    my ($challenge) = $answer->{head} =~ /^WWW-Authenticate: (\w+)/m;
    return "$answer->{status} $who" . ($challenge ? " $challenge" : '');
}


# --- satisfy all: both, and of one consumer

is(asked('/all', 'acme', $same), '200 acme|jwt|partners|gold|read write|',
   'all: both name the same consumer');
is(asked('/all', 'acme', $other),
   '403 other|jwt|||read write|consumer_conflict',
   'all: each names another one');
is(asked('/all', 'acme', $nobody),
   '200 acme|client_certificate|partners|gold|read write|',
   'all: a token without a consumer, the certificate has one');
is(asked('/all', 'acme'), '401 |||||missing Bearer',
   'all: no token');
is(asked('/all', 'acme', $forged), '401 |||||bad_signature Bearer',
   'all: a bad token');
is(asked('/all', undef, $same),
   '403 acme|jwt|partners|gold|read write|certificate_missing',
   'all: no certificate');
is(asked('/all', 'unknown', $same),
   '403 acme|jwt|partners|gold|read write|unknown_certificate',
   'all: an unknown certificate');
is(asked('/all'), '401 |||||missing Bearer', 'all: nothing');

my ($line) = $server->log
    =~ /(gateway_client_certificate: .*"consumer_conflict".*?), client/;
is($line, 'gateway_client_certificate: refused with 403, reason '
          . '"consumer_conflict", credential "'
          . certificate_sha256('acme') . '"', 'the log of a conflict');


# --- satisfy any: one is enough

is(asked('/any', 'acme', $same), '200 acme|jwt|partners|gold|read write|',
   'any: a valid token is enough, the certificate is not checked');
is(asked('/any', 'acme', $other), '200 other|jwt|||read write|',
   'any: so that nothing is in conflict');
is(asked('/any', 'acme'), '200 acme|client_certificate|partners|gold||',
   'any: a certificate alone');
is(asked('/any', 'acme', $forged),
   '200 acme|client_certificate|partners|gold||',
   'any: a certificate beside a bad token leaves no reason');
is(asked('/any', 'unknown', $same), '200 acme|jwt|partners|gold|read write|',
   'any: a token beside an unknown certificate');
is(asked('/any'), '401 |||||certificate_missing Bearer',
   'any: nothing; 401 before 403, with the challenge of the token');
is(asked('/any', 'unknown', $forged), '401 |||||unknown_certificate Bearer',
   'any: neither');


# --- modes of the token

is(asked('/optional', 'acme'), '200 acme|client_certificate|partners|gold||',
   'optional: a certificate without a token');
is(asked('/optional'), '403 |||||certificate_missing',
   'optional: no certificate');
is(asked('/any/optional'), '403 |||||certificate_missing',
   'optional, any: neither');
is(asked('/dry_run', 'acme', $forged),
   '200 acme|client_certificate|partners|gold||bad_signature',
   'dry_run: an invalid token rejects nothing, its reason is logged');
is(asked('/dry_run', 'acme', $other),
   '200 acme|client_certificate|partners|gold||',
   'dry_run: a token proves nothing, so nothing is in conflict');


# --- nginx's own

is(asked('/deny/any', 'acme'), '200 acme|client_certificate|partners|gold||',
   'any: a certificate opens what deny closes');
is(asked('/deny/any'), '403 |||||certificate_missing', 'any: neither');
is(asked('/deny/all', 'acme'), '403 acme|client_certificate|partners|gold||',
   'all: deny refuses whom the certificate names');

is(asked('/weak', undef, $same), '403 |||||certificate_missing',
   'a location without it does not vouch for one with it');
is(asked('/weak', 'acme', $same),
   '200 acme|client_certificate|partners|gold||',
   'its location checks the certificate again');

is(asked('/page', 'acme', $other),
   '403 acme|client_certificate|partners|gold||consumer_conflict',
   'the error page of a conflict, which checks the certificate alone');
is(asked('/page', undef, $same),
   '403 |||||certificate_missing',
   'an error page that refuses, too');

$server->stop('the log contains no alert');
done_testing;
