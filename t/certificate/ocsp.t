# SPDX-License-Identifier: BSD-2-Clause

# gateway_client_certificate with ssl_ocsp: a certificate that is revoked, or
# whose status is unknown, does not count.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Certificate;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

my $responder = free_port();
my $port = free_port();

authority('a');
certificate('server', ca => 'a', san => 'DNS:localhost');
certificate($_, ca => 'a') for qw( good revoked unknown );


# --- a responder that knows two certificates

my $index = certificate_dir() . '/ocsp.index';
my $until = '480101000000Z';

Test::Gateway::Certificate::write_new($index, join '', map { "$_\n" }
    "V\t$until\t\t" . certificate_serial('good') . "\tunknown\t/CN=good",
    "R\t$until\t260101000000Z\t" . certificate_serial('revoked')
    . "\tunknown\t/CN=revoked");
Test::Gateway::Certificate::write_new("$index.attr", "unique_subject = no\n");

defined(my $pid = fork) or die "fork: $!";

if (!$pid) {
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', certificate_dir() . '/ocsp.log';
    exec qw( openssl ocsp -index ), $index, '-port', $responder,
         '-CA', certificate_file('a'), '-rsigner', certificate_file('a'),
         '-rkey', certificate_key('a');
    die "openssl: $!";
}

END { kill 'TERM', $pid if $pid }

# do not test with a connection: one without a request confuses it
wait_until(sub {
    -e certificate_dir() . '/ocsp.log'
    && Test::Gateway::Server::slurp(certificate_dir() . '/ocsp.log')
       =~ /waiting for/i
}) or die 'no responder';

my @names = qw( good revoked unknown );

my $server = start_nginx(
    port  => $port,
    files => {
        certificate_files(),
        'consumers.json' => json({ consumers => [
            map { { id => $_, certificates => [
                    { sha256 => certificate_sha256($_) } ] } } @names ] }),
    },
    conf  => http_conf(
        http   => 'gateway_consumers zone=c:1m file=consumers.json;',
        server => <<"END"),
        listen 127.0.0.1:$port ssl;
        server_name ocsp.example;
        ssl_certificate server.crt;
        ssl_certificate_key server.key;
        ssl_client_certificate a.crt;
        ssl_verify_client optional;
        ssl_ocsp leaf;
        ssl_ocsp_responder http://127.0.0.1:$responder/;
        gateway_client_certificate on;
        add_header X-Verify \$ssl_client_verify always;
        add_header X-Who "\$gateway_consumer|\$gateway_auth_reason" always;
        location / { empty_gif; }
    }
    server {
        listen 127.0.0.1:$port ssl;
        server_name open.example;
        ssl_certificate server.crt;
        ssl_certificate_key server.key;
        gateway_client_certificate on;
        add_header X-Verify \$ssl_client_verify always;
        add_header X-Who "\$gateway_consumer|\$gateway_auth_reason" always;
        location / { empty_gif; }
END
);

sub asked {
    my ($cert, $host) = @_;

    my $answer = tls($server, cert => $cert, host => $host // 'ocsp.example',
                     sni => 'ocsp.example');
    my ($verify) = $answer->{head} =~ /^X-Verify: (.*)$/m;
    my ($who) = $answer->{head} =~ /^X-Who: (.*)$/m;
    return join ' ', $answer->{status}, $who // '', $verify // '';
}

is(asked('good'), '200 good| SUCCESS', 'good');
is(asked('good'), '200 good| SUCCESS', 'good, again');
is(asked(undef), '403 |certificate_missing NONE', 'no certificate');

# nginx itself rejects these in a server that verifies
is(asked('revoked'), '400 | FAILED:certificate revoked', 'revoked');
is(asked('unknown'), '400 | FAILED:certificate status unknown',
   'a state that is unknown');
is(asked('revoked', 'open.example'),
   '403 |certificate_missing FAILED:certificate revoked',
   'revoked, and Host of a server that does not verify');

{
    my $gone = $pid;
    $pid = 0;
    kill 'TERM', $gone;
    waitpid $gone, 0;
}

is(asked('good'), '400 | FAILED:certificate status request failed',
   'no responder any more');

$server->stop('the log contains no alert');
done_testing;
