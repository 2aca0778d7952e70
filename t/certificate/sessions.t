# SPDX-License-Identifier: BSD-2-Clause

# gateway_client_certificate and resumed TLS sessions: a session is resumed only
# by a server that accepts the same certificates.  Any other server makes a full
# handshake, in which it requests the certificate again.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway;
use Test::Gateway::Certificate;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

authority($_) for qw( a b );
authority('other');
certificate('server', ca => 'a', san => 'DNS:localhost');
certificate('second', ca => 'a', san => 'DNS:localhost');
certificate($_, ca => 'a') for qw( alice bob );

my %port = map { $_ => free_port() } 'a' .. 'n';

# a server, named after what distinguishes it from the first one

sub server {
    my ($ports, $names, %is) = @_;

    my %set = (certificate => 'server.crt', certificate_key => 'server.key',
               client_certificate => 'a.crt', verify_client => 'on',
               verify_depth => 1, %is);
    my $listen = CORE::join "\n", map {
        my ($letter, $default) = split /:/;
        "listen 127.0.0.1:$port{$letter} ssl" . ($default ? " $default;" : ';')
    } split ' ', $ports;
    my $ssl = CORE::join "\n", map { "ssl_$_ $set{$_};" }
              grep { defined $set{$_} } sort keys %set;

    return "server { $listen server_name $names; $ssl\n"
           . "location / { empty_gif; } }\n";
}

my @crl = (crl => 'bob.crl');

my $servers = CORE::join '',

    # two ports of one name, each with one server
    server('a', 'x.example', @crl), server('b', 'x.example'),

    # the same with one default server, for each form of server_name
    server('c:default_server d:default_server', 'default.example',
           verify_client => 'off'),
    server('c', 'x.example *.wild.example ~^re[0-9]+\.example$', @crl),
    server('d', 'x.example *.wild.example ~^re[0-9]+\.example$'),

    # the default server has the settings of another one
    server('e:default_server f:default_server', 'default.example', @crl),
    server('e', 'x.example'), server('f', 'x.example', @crl),
    server('e f', 'open.example', verify_client => 'off'),

    # other settings that distinguish a server
    server('g', 'x.example'),
    server('h', 'x.example', verify_depth => 2),
    server('i', 'x.example', trusted_certificate => 'b.crt'),
    server('j', 'x.example', verify_client => 'optional'),
    server('k', 'x.example', certificate => 'second.crt',
           certificate_key => 'second.key'),

    # and settings that do not
    server('l', 'x.example', crl => undef),

    # a certificate that a variable selects
    server('m', 'x.example', certificate => '$cert.crt',
           certificate_key => '$cert.key'),
    server('n', 'x.example', certificate => '$cert.crt',
           certificate_key => '$cert.key', @crl);

my $sockets = File::Temp->newdir;

sub conf {
    my (%is) = @_;

    return http_conf(http => <<"END" . $servers, server => <<"END2");
    gateway_consumers zone=c:1m file=consumers.json;
    gateway_client_certificate on;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:1m;
    ssl_session_ticket_key ticket.key;
    ssl_session_tickets $is{tickets};
    map \$host \$cert { default server; }
    add_header X-Who "\$gateway_consumer|\$gateway_auth_reason" always;
END
        listen unix:$sockets/unused;
        gateway_client_certificate off;
        location / { return 204; }
END2
}

my %files = (
    certificate_files(),
    'bob.crl' => crl('a', 'bob'),
    'ticket.key' => CORE::join('', map { chr } 1 .. 80),
    'consumers.json' => json({ consumers => [
        map { { id => $_, certificates => [
                { sha256 => certificate_sha256($_) } ] } } qw( alice bob ) ] }),
);

my $server;

# status, whether the session was resumed, and the consumer

sub asked {
    my ($letter, %arg) = @_;

    my $answer = tls($server, port => $port{$letter}, %arg);
    my ($who) = $answer->{head} =~ /^X-Who: (.*)\|/m;

    return "$answer->{status} $answer->{reused} " . ($who // '');
}

# a session of one server, resumed in another

sub moved {
    my ($name, $from, $to, $alice, $bob, %arg) = @_;

    for my $who ([ alice => $alice ], [ bob => $bob ]) {
        my ($client, $expected) = @$who;

        is(asked($from, cert => $client, save => 's', %arg),
           "200 0 $client", "$name: $client has a session of \"$from\"");
        is(asked($to, cert => $client, resume => 's', %arg), $expected,
           "$name: $client comes to \"$to\"");
    }
}

for my $tickets (qw( on off )) {
    $server = start_nginx(conf => conf(tickets => $tickets), files => \%files,
                          port => $port{a});

    for my $version (qw( TLSv1.2 TLSv1.3 )) {
        my $how = "$version, tickets $tickets";
        my @is = (version => $version);
        my @full = ('200 0 alice', '400 0 ');
        my @same = ('200 1 alice', '200 1 bob');

        # within one server, and only the session has the certificate
        for my $sni (undef, 'x.example', 'unknown.example') {
            my @sni = (sni => $sni, host => 'x.example');
            my $name = "$how, " . ($sni // 'no SNI');

            moved("$name: one server", 'b', 'b', @same, @is, @sni);
            asked('b', cert => 'alice', save => 's', @is, @sni);
            is(asked('b', resume => 's', @is, @sni), '200 1 alice',
               "$name: one server, without the certificate");
            moved("$name: two ports", 'b', 'a', @full, @is, @sni);
            moved("$name: equal servers of two ports", 'b', 'l', @same,
                  @is, @sni);
        }

        # a server that is not the default one
        for my $sni (qw( x.example X.Example a.wild.example re7.example )) {
            my @sni = (sni => $sni, host => lc $sni);

            moved("$how, $sni: one server", 'd', 'd', @same, @is, @sni);
            moved("$how, $sni: two ports", 'd', 'c', @full, @is, @sni);
        }

        moved("$how: the default server has another list", 'e', 'f', @full,
              @is, sni => 'x.example');
        moved("$how: as before, one server", 'e', 'e', @same, @is,
              sni => 'x.example');

        # of another server of the same port
        asked('e', cert => 'alice', save => 's', @is, sni => 'x.example');
        is(asked('e', cert => 'alice', resume => 's', @is,
                 sni => 'default.example'), '200 0 alice',
           "$how: another name of one port");
        is(asked('e', cert => 'alice', resume => 's', @is,
                 host => 'default.example'), '200 0 alice',
           "$how: no name on that port");
        asked('e', cert => 'bob', save => 's', @is, sni => 'x.example');
        is(asked('e', cert => 'bob', resume => 's', @is,
                 sni => 'default.example'), '400 0 ',
           "$how: another name of one port, and it has revoked the client");

        # of a server that does not verify
        asked('e', cert => 'alice', save => 's', @is, sni => 'open.example');
        is(asked('e', cert => 'alice', resume => 's', @is,
                 sni => 'x.example'), '200 0 alice',
           "$how: a session of a server that does not verify");

        for my $to ([ h => 'depth' ], [ i => 'authorities' ],
                    [ j => 'verification' ], [ k => 'certificate' ])
        {
            is(asked('g', cert => 'alice', save => 's', @is,
                     sni => 'x.example'), '200 0 alice', "$how: a session");
            is(asked($to->[0], cert => 'alice', resume => 's', @is,
                     sni => 'x.example'), '200 0 alice',
               "$how: another $to->[1]");
        }

        moved("$how: a certificate of a variable, one server", 'm', 'm',
              @same, @is, sni => 'x.example');
        moved("$how: a certificate of a variable, two ports", 'm', 'n',
              @full, @is, sni => 'x.example');
    }

    # a reload: with the same files, and with another ssl_crl
    for my $version (qw( TLSv1.2 TLSv1.3 )) {
        for my $sni (undef, 'x.example') {
            my @is = (version => $version, sni => $sni, host => 'x.example');
            my $name = "$version, tickets $tickets, " . ($sni // 'no SNI');

            for my $letter (qw( a c )) {
                next if $letter eq 'c' && !$sni;

                write_file($server->dir . '/bob.crl', crl('a'));
                $server->reload;
                is(asked($letter, cert => $_, save => "old-$_", @is),
                   "200 0 $_", "$name: $_ has a session of \"$letter\"")
                    for qw( alice bob );

                $server->reload;
                is(asked($letter, cert => $_, resume => "old-$_", @is),
                   "200 1 $_", "$name: $_ after a reload") for qw( alice bob );

                write_file($server->dir . '/bob.crl', crl('a', 'bob'));
                $server->reload;
                is(asked($letter, cert => 'alice', resume => 'old-alice', @is),
                   '200 0 alice', "$name: a new list, a good client");
                is(asked($letter, cert => 'bob', resume => 'old-bob', @is),
                   '400 0 ', "$name: a new list, a revoked client");
            }
        }
    }

    $server->stop("tickets $tickets: nothing went wrong unannounced");
}

done_testing;
