# SPDX-License-Identifier: BSD-2-Clause

# Fields with one value in an identity of several valid credentials: they come
# from the winner, or else from the first method in the order jwt, api_key,
# client_certificate whose credential names the same consumer.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Certificate;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

authority('a');
certificate('server', ca => 'a', san => 'DNS:localhost');
certificate($_, ca => 'a') for qw( acme other );

my $iss = 'https://id.example';
my %token = (
    acme   => token(claims => { iss => $iss, sub => 'acme-app' }),
    other  => token(claims => { iss => $iss, sub => 'other-app' }),
    nobody => token(claims => { iss => $iss, sub => 'alice' }),
);

my %cert = map { $_ => certificate_sha256($_) } qw( acme other );

my $file = consumers(map { consumer($_,
    keys => [ entry("$_-key") ], plan => "plan-$_",
    metadata => { tier => "tier-$_" },
    jwt => [ { iss => $iss, sub => "$_-app" } ],
    certificates => [ { sha256 => $cert{$_} } ]) } qw( acme other ));

my ($port, $upstream) = (free_port(), free_port());
my $who = CORE::join '|', qw( $gateway_consumer $gateway_auth_method
                              $gateway_credential $gateway_plan
                              $gateway_consumer_tier );

# a location for each set of methods, under "all" and "any"

sub locations {
    my %on = (j => 'gateway_jwt r;', k => 'gateway_api_key k;',
              c => 'gateway_client_certificate on;',
              J => 'gateway_jwt r; gateway_jwt_mode dry_run;',
              K => 'gateway_api_key k; gateway_api_key_mode dry_run;');

    return CORE::join '', map {
        my $set = $_;
        my $methods = CORE::join ' ', map { $on{$_} } split //, $set;
        map { "location /$_/$set { satisfy $_; $methods "
              . "proxy_pass http://127.0.0.1:$upstream; }\n" } qw( all any )
    } qw( j k c jk jc kc jkc jK Jk Jkc jKc JK JKc );
}

my $server = start_nginx(
    port  => $port,
    files => { 'consumers.json' => $file, 'jwks.json' => jwks('es256'),
               certificate_files() },
    conf  => http_conf(
        http   => <<"END",
    gateway_consumers zone=c:1m file=consumers.json;
    log_format ids "\$request_uri \$gateway_credential";
    server {
        listen 127.0.0.1:$upstream;
        location / {
            add_header X-Sent "\$http_x_credential_id|\$http_x_consumer_plan";
            return 200;
        }
    }
END
        server => <<"END" . locations()),
        listen 127.0.0.1:$port ssl;
        ssl_certificate server.crt;
        ssl_certificate_key server.key;
        ssl_client_certificate a.crt;
        ssl_verify_client optional;

        gateway_jwt_key_file jwks.json;
        gateway_jwt_issuer $iss;
        gateway_identity_headers on plan=X-Consumer-Plan;
        access_log logs/ids.log ids;
        add_header X-Who "$who" always;
END
);


# "status who|sent" of a request with the credentials of these names

sub asked {
    my ($path, %of) = @_;

    my $answer = tls($server, path => $path, cert => $of{c}, headers =>
                     [ $of{j} ? "Authorization: Bearer $token{$of{j}}" : (),
                       $of{k} ? 'X-API-Key: ' . api_key("$of{k}-key") : () ]);
    my ($who) = $answer->{head} =~ /^X-Who: (.*)$/m;
    my ($sent) = $answer->{head} =~ /^X-Sent: (.*)$/m;
    return "$answer->{status} $who > " . ($sent // '-');
}

sub granted {
    my ($consumer, $method, $credential) = @_;

    return "200 $consumer|$method|$credential|plan-$consumer|tier-$consumer"
           . " > $credential|plan-$consumer";
}

my %acme = (j => 'acme', k => 'acme', c => 'acme');


# --- satisfy all: one method, all pairs, all three

is(asked('/all/j', %acme), granted('acme', 'jwt', ''),
   'all: a token alone has no id');
is(asked('/all/k', %acme), granted('acme', 'api_key', 'acme-key'),
   'all: a key alone');
is(asked('/all/c', %acme),
   granted('acme', 'client_certificate', $cert{acme}),
   'all: a certificate alone');
is(asked('/all/jk', %acme), granted('acme', 'jwt', 'acme-key'),
   'all: a token and a key');
is(asked('/all/jc', %acme), granted('acme', 'jwt', $cert{acme}),
   'all: a token and a certificate');
is(asked('/all/kc', %acme), granted('acme', 'api_key', 'acme-key'),
   'all: a key and a certificate: the key wins');
is(asked('/all/jkc', %acme), granted('acme', 'jwt', 'acme-key'),
   'all: all three: the key precedes the certificate');


# --- another consumer, and a subject that is not in the file

is(asked('/all/jk', %acme, j => 'nobody'),
   granted('acme', 'api_key', 'acme-key'),
   'all: the subject of the token is not in the file, the key wins');
is(asked('/all/jkc', %acme, j => 'nobody'),
   granted('acme', 'api_key', 'acme-key'), 'all: likewise with three credentials');
is(asked('/all/jc', %acme, j => 'nobody'),
   granted('acme', 'client_certificate', $cert{acme}),
   'all: likewise, the certificate wins');
is(asked('/all/jk', %acme, k => 'other'),
   '403 acme|jwt||plan-acme|tier-acme > -',
   'all: a key of another consumer adds nothing to a token');
is(asked('/all/jc', %acme, c => 'other'),
   '403 acme|jwt||plan-acme|tier-acme > -',
   'all: nor does a certificate');
is(asked('/all/kc', %acme, c => 'other'),
   '403 acme|api_key|acme-key|plan-acme|tier-acme > -',
   'all: nor to a key');
is(asked('/all/jkc', %acme, c => 'other'),
   '403 acme|jwt|acme-key|plan-acme|tier-acme > -',
   'all: the certificate of another one, the key of the same');


# --- satisfy any: the first method that grants; the others are not called

is(asked('/any/jk', %acme), granted('acme', 'jwt', ''),
   'any: the key is not evaluated');
is(asked('/any/jkc', %acme, j => undef),
   granted('acme', 'api_key', 'acme-key'), 'any: without a token the key');
is(asked('/any/kc', %acme, k => undef),
   granted('acme', 'client_certificate', $cert{acme}),
   'any: without a key the certificate');
is(asked('/any/jk', %acme, k => 'other'), granted('acme', 'jwt', ''),
   'any: the key of another consumer is not evaluated');
is(asked('/any/jkc', j => 'other', k => 'acme', c => 'acme'),
   granted('other', 'jwt', ''), 'any: nor is a third credential');


# --- dry_run: its identity counts only if no other method has succeeded

is(asked('/all/jK', %acme), granted('acme', 'jwt', ''),
   'dry_run: a key adds nothing to a valid token');
is(asked('/all/jKc', %acme), granted('acme', 'jwt', $cert{acme}),
   'dry_run: a key is skipped, the certificate adds its id');
is(asked('/all/Jk', %acme), granted('acme', 'api_key', 'acme-key'),
   'dry_run: a token adds nothing to a key');
is(asked('/all/Jkc', %acme, j => 'other'),
   granted('acme', 'api_key', 'acme-key'),
   'dry_run: a token of another consumer is in no conflict');
is(asked('/all/JK', %acme), granted('acme', 'jwt', 'acme-key'),
   'dry_run: both, if no other method has succeeded');
is(asked('/any/JKc', %acme),
   granted('acme', 'client_certificate', $cert{acme}),
   'any: a certificate, with a token and a key in dry_run');
is(asked('/all/JKc', %acme, k => 'other'),
   granted('acme', 'client_certificate', $cert{acme}),
   'dry_run: conflicts are none of a certificate');

my $log = Test::Gateway::Server::slurp($server->dir . '/logs/ids.log');

is(scalar(() = $log =~ m{^/all/jk acme-key$}mg), 2,
   'the access log names the key, and not that of another consumer');

$server->stop('the log contains no alert');
done_testing;
