# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Certificate;

# Authorities, certificates and a TLS client for tests, using openssl(1).
#
#   authority('a')               a CA with the subject /CN=a
#   certificate('alice', ca => 'a', san => 'URI:spiffe://x', days => 30)
#                                issued by a CA, or self-signed; "from" and "to"
#                                are dates such as 20200101000000Z
#   crl('a', 'alice', ...)       text of a CRL of a CA with these certificates
#   certificate_file('alice')    path of the PEM; certificate_key('alice')
#   certificate_pem('alice')     its text; key_pem('alice')
#   certificate_sha256('alice')  hex of the DER's digest
#   certificate_serial('alice')  hex
#   certificate_dir()            the folder of all files
#   certificate_files()          name.crt and name.key of all, as files of a server
#
# A process creates each certificate once, by its name.
#
#   tls($server, path => '/', sni => 'a.example', host => 'b.example',
#       cert => 'alice', version => 'TLSv1.2', headers => [ ... ],
#       save => 'file', resume => 'file', port => n)
#
# is one connection: { status, head, body, reused, version, answers, said }.
# "path" can be a list: requests that are sent one after the other; answers
# contains all responses, the other members are of the last one.  "save" and
# "resume" store and use a session.

use v5.28;
use warnings;

use Exporter qw( import );
use File::Temp ();
use IPC::Open3 qw( open3 );

our @EXPORT = qw( authority certificate crl certificate_file certificate_key
                  certificate_pem key_pem certificate_sha256
                  certificate_serial certificate_dir certificate_files tls );

my $dir;
my %made;
my $serial = 100;


sub certificate_dir {
    return $dir //= File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
}

sub certificate_file { return certificate_dir() . "/$_[0].crt" }
sub certificate_key { return certificate_dir() . "/$_[0].key" }
sub certificate_pem { return slurp(certificate_file($_[0])) }
sub key_pem { return slurp(certificate_key($_[0])) }

sub certificate_files {
    return map { ("$_.crt" => certificate_pem($_), "$_.key" => key_pem($_)) }
           sort keys %made;
}

sub certificate_sha256 {
    my ($name) = @_;

    my $said = openssl('x509', '-in', certificate_file($name), '-noout',
                       '-sha256', '-fingerprint');
    my ($hex) = $said =~ /=([0-9A-F:]+)/ or die "no fingerprint: $said";
    return lc $hex =~ tr/://dr;
}

sub certificate_serial {
    my ($name) = @_;

    return openssl('x509', '-in', certificate_file($name), '-noout',
                   '-serial') =~ /=(\w+)/ ? $1 : die "no serial";
}


sub authority {
    my ($name) = @_;

    return certificate($name, extensions =>
        "basicConstraints=critical,CA:TRUE\n"
        . "keyUsage=critical,keyCertSign,cRLSign,digitalSignature\n");
}


sub certificate {
    my ($name, %arg) = @_;

    return $name if $made{$name}++;

    my ($crt, $key) = (certificate_file($name), certificate_key($name));
    my $csr = certificate_dir() . "/$name.csr";
    my $conf = certificate_dir() . "/$name.cnf";
    my $ca = $arg{ca} // $name;

    openssl(qw( req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes ),
            '-subj', "/CN=$name", '-keyout', $key, '-out', $csr);

    my $extensions = $arg{extensions} // "basicConstraints=CA:FALSE\n";
    $extensions .= "subjectAltName=$arg{san}\n" if defined $arg{san};
    $extensions .= "authorityInfoAccess=$arg{aia}\n" if defined $arg{aia};

    # openssl ca, the only command that accepts arbitrary dates
    my $base = certificate_dir() . "/$ca.ca";
    write_new("$base.txt", '');
    write_new("$base.serial", sprintf "%04X\n", ++$serial);
    write_new($conf, <<"END" . $extensions);
[ca]
default_ca = ca
[ca]
default_ca = the_ca
[the_ca]
database = $base.txt
serial = $base.serial
new_certs_dir = @{[ certificate_dir() ]}
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[ext]
END

    openssl(qw( ca -batch -notext -config ), $conf, '-in', $csr, '-out', $crt,
            $arg{ca} ? ('-cert', certificate_file($ca)) : '-selfsign',
            '-keyfile', certificate_key($ca), '-extensions', 'ext',
            $arg{from} ? ('-startdate', $arg{from}) : (),
            $arg{to} ? ('-enddate', $arg{to})
                     : ('-days', $arg{days} // 30));
    return $name;
}


sub crl {
    my ($ca, @revoked) = @_;

    my $base = certificate_dir() . '/' . ++$serial;
    write_new("$base.txt", '');
    write_new("$base.cnf", <<"END");
[ca]
default_ca = the_ca
[the_ca]
database = $base.txt
default_md = sha256
default_crl_days = 30
END

    my @by = (qw( ca -config ), "$base.cnf", '-cert', certificate_file($ca),
              '-keyfile', certificate_key($ca));

    openssl(@by, '-revoke', certificate_file($_)) for @revoked;
    openssl(@by, '-gencrl', '-out', "$base.crl");

    return slurp("$base.crl");
}


# --- the client

sub tls {
    my ($server, %arg) = @_;

    my $port = $arg{port} // (ref $server ? $server->port : $server);
    my @command = ('openssl', 's_client', '-ign_eof', '-connect',
                   "127.0.0.1:$port");

    push @command, defined $arg{sni} ? ('-servername', $arg{sni})
                                     : '-noservername';
    push @command, '-cert', certificate_file($arg{cert}),
                   '-key', certificate_key($arg{cert}) if defined $arg{cert};
    push @command, '-sess_out', certificate_dir() . "/$arg{save}.session"
        if defined $arg{save};
    push @command, '-sess_in', certificate_dir() . "/$arg{resume}.session"
        if defined $arg{resume};
    push @command, '-' . lc($arg{version}) =~ tr/v//dr =~ tr/./_/r
        if defined $arg{version};

    my @paths = ref $arg{path} ? @{ $arg{path} } : $arg{path} // '/';
    my $request = '';

    for my $i (0 .. $#paths) {
        $request .= join "\r\n", "GET $paths[$i] HTTP/1.1",
                         'Host: ' . ($arg{host} // $arg{sni} // 'localhost'),
                         $i == $#paths ? 'Connection: close' : (),
                         @{ $arg{headers} // [] }, '', '';
    }

    return answer(run(\@command, $request));
}


sub answer {
    my ($said) = @_;

    my @answers;
    for (split m{(?=HTTP/1\.1 \d{3} )}, $said) {
        next if !m{\AHTTP/1\.1 (\d+)};
        my $status = $1;
        my ($head, $body) = split /\r\n\r\n/, $_, 2;

        # without what the client prints after the body, such as tickets
        my ($length) = $head =~ /^Content-Length: (\d+)/m;
        push @answers, { status => $status, head => $head =~ s/\r//gr,
                         body => substr $body // '', 0, $length // 0 };
    }

    my %last = @answers ? %{ $answers[-1] }
                        : (status => 0, head => '', body => '');
    my ($new, $version) = $said =~ /^(New|Reused), (TLSv[\d.]+)/m;

    return { %last, answers => \@answers, said => $said,
             reused => ($new // '') eq 'Reused' ? 1 : 0,
             version => $version // '' };
}


# --- helpers

sub openssl {
    my (@arguments) = @_;

    my ($said, $code) = run([ 'openssl', @arguments ], '');
    die "openssl @arguments: $said" if $code;
    return $said;
}

sub run {
    my ($command, $input) = @_;

    my $pid = open3(my $in, my $out, undef, @$command);
    {
        local $SIG{PIPE} = 'IGNORE';
        print $in $input;
        close $in;
    }
    local $/;
    my $said = <$out> // '';
    waitpid $pid, 0;
    return wantarray ? ($said, $? >> 8) : $said;
}

sub write_new {
    my ($path, $text) = @_;

    open my $out, '>:raw', $path or die "$path: $!";
    print $out $text;
    close $out or die "$path: $!";
}

sub slurp {
    open my $in, '<:raw', $_[0] or die "$_[0]: $!";
    local $/;
    return scalar <$in>;
}

1;
