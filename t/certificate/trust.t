# SPDX-License-Identifier: BSD-2-Clause

# gateway_client_certificate: which certificates count.  Where
# $ssl_client_verify is SUCCESS because of another server, the test shows that
# first, and then the 403.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway;
use Test::Gateway::Certificate;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

authority($_) for qw( a b );
certificate('server', ca => 'a', san => 'DNS:localhost');
certificate('alice', ca => 'a');
certificate('bob', ca => 'b');
certificate('self');
certificate('old', ca => 'a', from => '20200101000000Z',
            to => '20200201000000Z');
certificate('future', ca => 'a', from => '20480101000000Z',
            to => '20480201000000Z');

my $port = free_port();
my $other = free_port();

# the file has all certificates: those that are rejected were not verified

my @names = qw( alice bob self old future );

my $http = <<"END";
    gateway_consumers zone=c:1m file=consumers.json;
    ssl_certificate server.crt;
    ssl_certificate_key server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:1m;
    gateway_client_certificate on;

    add_header X-Verify \$ssl_client_verify always;
    add_header X-Server \$server_name always;
    add_header X-Who "\$gateway_consumer|\$gateway_auth_reason" always;

    server {
        listen 127.0.0.1:$port ssl default_server;
        server_name default.example;
        ssl_verify_client optional;
        ssl_client_certificate a.crt;
        location / { empty_gif; }
    }
    server {
        listen 127.0.0.1:$port ssl;
        server_name b.example;
        ssl_verify_client optional;
        ssl_client_certificate b.crt;
        location / { empty_gif; }
    }
    server {
        listen 127.0.0.1:$port ssl;
        server_name on.example;
        ssl_verify_client on;
        ssl_client_certificate a.crt;
        location / { empty_gif; }
    }
    server {
        listen 127.0.0.1:$port ssl;
        server_name no-ca.example;
        ssl_verify_client optional_no_ca;
        ssl_client_certificate a.crt;
        location / { empty_gif; }
    }
    server {
        listen 127.0.0.1:$port ssl;
        server_name off.example;
        location / { empty_gif; }
    }
    server {
        listen 127.0.0.1:$other ssl;
        server_name b.example;
        ssl_verify_client optional;
        ssl_client_certificate b.crt;
        location / { empty_gif; }
    }
END

my $sockets = File::Temp->newdir;

my $server = start_nginx(
    port  => $port,
    files => {
        certificate_files(),
        'consumers.json' => json({ consumers => [
            map { { id => $_, certificates => [
                    { sha256 => certificate_sha256($_) } ] } } @names ] }),
    },
    conf  => http_conf(http => $http, server => "listen unix:$sockets/unused;\n"
                                                . 'location / { return 204; }'
                                                . 'gateway_client_certificate '
                                                . 'off;'),
);

sub line { $_[0]{head} =~ /^$_[1]: (.*)$/m ? $1 : '' }

# status, consumer, $ssl_client_verify, and the server

sub asked {
    my (%arg) = @_;

    my $answer = tls($server, %arg);
    return join ' ', $answer->{status}, map { line($answer, "X-$_") }
                     qw( Who Verify Server );
}

my $missing = '403 |certificate_missing';


# --- verified certificates, and others

is(asked(sni => 'default.example', cert => 'alice'),
   '200 alice| SUCCESS default.example', 'verified by its authority');
is(asked(sni => 'on.example', cert => 'alice'),
   '200 alice| SUCCESS on.example', 'ssl_verify_client on');
is(asked(sni => 'b.example', cert => 'bob'),
   '200 bob| SUCCESS b.example', 'another server, another authority');
is(asked(cert => 'alice', host => 'default.example'),
   '200 alice| SUCCESS default.example', 'no SNI: the default server');
is(asked(cert => 'alice', host => 'unknown.example', sni => 'other.example'),
   '200 alice| SUCCESS default.example', 'a name that no server has');
is(asked(sni => 'default.example'), "$missing NONE default.example",
   'no certificate');
is(asked(sni => 'no-ca.example', cert => 'alice'),
   '200 alice| SUCCESS no-ca.example',
   'optional_no_ca: a certificate of its authority');

for my $name (qw( bob self old future )) {
    my $answer = asked(sni => 'no-ca.example', cert => $name);

    if ($name =~ /old|future/) {
        # nginx itself accepts only unknown authorities
        like($answer, qr/^400 \|/, "optional_no_ca: $name is nginx's 400");
        next;
    }
    like($answer, qr/^\Q$missing\E FAILED:.* no-ca\.example\z/,
         "optional_no_ca: $name, which stands in the file");
}

for my $name (qw( bob self old future )) {
    like(asked(sni => 'default.example', cert => $name), qr/^400 \|/,
         "optional: $name is nginx's 400");
}


# --- SUCCESS because of another server

is(asked(cert => 'alice', host => 'b.example'),
   "$missing SUCCESS b.example",
   'no SNI: verified by the authority of the default server, not by this one');
is(asked(cert => 'alice', sni => 'default.example', host => 'off.example'),
   "$missing SUCCESS off.example",
   'a server that verifies nothing repeats what the one of SNI has said');

# nginx itself rejects a Host of a server that verifies if SNI differs
is((split ' ', asked(cert => 'alice', sni => 'default.example',
                     host => 'b.example'))[0], 421,
   'SNI of one server and Host of another that verifies');

is(asked(cert => 'bob', sni => 'b.example', host => 'b.example'),
   '200 bob| SUCCESS b.example', 'and the neighbour that passes');
is(asked(sni => 'off.example', cert => 'alice'), "$missing NONE off.example",
   'a server that does not ask for a certificate');


# --- sessions

for my $version (qw( TLSv1.2 TLSv1.3 )) {
    for my $sni ('default.example', 'b.example', 'on.example', undef) {
        my %who = (cert => ($sni // '') eq 'b.example' ? 'bob' : 'alice',
                   sni => $sni, host => $sni // 'default.example',
                   version => $version);
        my $name = "$version, " . ($sni // 'no SNI');

        my $first = tls($server, %who, save => 's');
        is("$first->{status} $first->{reused} $first->{version}",
           "200 0 $version", "$name: a new session");

        # the certificate is in the session: the client presents none
        my $second = tls($server, %who, resume => 's', cert => undef);
        is(join(' ', $second->{reused}, $second->{status},
                line($second, 'X-Who')),
           "1 200 $who{cert}|", "$name: resumed, it keeps its certificate");
    }

    my $first = tls($server, sni => 'default.example', save => 's',
                    version => $version);
    my $second = tls($server, sni => 'default.example', resume => 's',
                     version => $version, cert => 'alice');
    is(join(' ', $second->{reused}, $second->{status}), '1 403',
       "$version: a session without a certificate gets none");
}


# --- sessions of one server in another one are never accepted

for my $version (qw( TLSv1.2 TLSv1.3 )) {
    for ([ undef, 'b.example' ], [ 'default.example', 'b.example' ],
         [ 'other.example', 'b.example' ], [ 'on.example', 'b.example' ],
         [ 'default.example', 'off.example' ])
    {
        my ($from, $to) = @$_;
        my $name = "$version, a session of " . ($from // 'no SNI');

        tls($server, cert => 'alice', sni => $from, version => $version,
            host => $from // 'default.example', save => 's');

        for my $port ($server->port, $other) {
            my $answer = tls($server, port => $port, sni => $to,
                             version => $version, resume => 's');
            isnt($answer->{status}, 200, "$name in the server of $to");
            note("$answer->{status} reused $answer->{reused}, "
                 . line($answer, 'X-Verify') . ' ' . line($answer, 'X-Server'));
        }
    }
}

$server->stop('the log contains no alert');
done_testing;
