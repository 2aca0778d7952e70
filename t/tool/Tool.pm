# SPDX-License-Identifier: BSD-2-Clause

package Tool;

# nginx-gateway on the command line, for the tests in this folder.
#
#   run($stdin, @arguments)          code, stdout and stderr, in a hash
#   says($name, \@arguments, ...)    one test: in => stdin (''), code => (0),
#                                    out => (''), err => (''), bytes or a
#                                    regex; returns what run() returned
#   file($bytes)                     path of a file with these bytes
#   generate($alg, @options)         a new private JWK, a hash
#   key_file($jwk)                   the path of a file with it
#   public_file(@jwks)               the path of a set of their public keys
#   offered($alg)                    whether this OpenSSL has it
#   pem($jwk)                        the public key as SubjectPublicKeyInfo
#   openssl($alg, $jwk, $input, $signature)
#                                    whether openssl(1) accepts the signature
#   der_signature($raw) raw_signature($der, $size)
#   secret(@texts)                   further secrets that must not be printed
#   no_secrets()                     one test: stderr never contained a secret of
#                                    a key that was made here
#
# b64u(), b64u_decode(), parts() and json() are those of Test::Gateway::Token.

use v5.28;
use warnings;

use Exporter qw( import );
use File::Temp ();
use JSON::PP ();
use MIME::Base64 ();
use Test::Gateway::Token qw( b64u b64u_decode json parts );
use Test::More;

our @EXPORT = qw( run says file generate key_file public_file offered pem
                  openssl der_signature raw_signature secret no_secrets b64u
                  b64u_decode json parts decode @algorithms @private );

our @algorithms = qw( HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512
                      ES256 ES384 ES512 ES256K EdDSA Ed25519 Ed448
                      ML-DSA-44 ML-DSA-65 ML-DSA-87 );

our @private = qw( k d p q dp dq qi oth priv );

our $binary = $ENV{GATEWAY_TOOL}
             // ($ENV{GATEWAY_OBJS} // 'objs') . '/nginx-gateway';
my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
my $files = 0;
my (@errors, %secrets, %offered);


sub decode { JSON::PP->new->utf8->decode($_[0]) }


# --- running things

sub slurp {
    my ($path) = @_;

    open my $in, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$in> // '';
}


# A file each for stdin, stdout and stderr: nothing can block.

sub command {
    my ($in, @command) = @_;

    my $stdin = file($in);
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', $stdin or die;
        open STDOUT, '>', "$dir/out" or die;
        open STDERR, '>', "$dir/err" or die;
        exec @command or print STDERR "$command[0]: $!";
        require POSIX;
        POSIX::_exit(127);
    }

    waitpid $pid, 0;
    unlink $stdin;
    my $code = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
    return (code => $code, out => slurp("$dir/out"), err => slurp("$dir/err"));
}


sub run {
    my ($in, @arguments) = @_;

    my %got = command($in, $binary, @arguments);
    push @errors, $got{err};
    return %got;
}


sub says {
    my ($name, $arguments, %expected) = @_;

    my %got = run($expected{in} // '', @$arguments);
    my @wrong;

    for my $what (qw( code out err )) {
        my $want = $expected{$what} // ($what eq 'code' ? 0 : '');
        next if ref $want ? $got{$what} =~ $want : $got{$what} eq $want;
        push @wrong, "$what is: $got{$what}\nexpected: $want";
    }

    # what is shown is text, and a name is one line of it
    s/([^\n\x20-\x7e])/sprintf '\x%02x', ord $1/ge for $name, @wrong;
    $name =~ s/\n/\\n/g;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(!@wrong, $name) or diag(join "\n", @wrong);
    return %got;
}


sub file {
    my ($bytes) = @_;

    my $path = "$dir/" . ++$files;
    open my $out, '>:raw', $path or die "$path: $!";
    print $out $bytes;
    close $out or die "$path: $!";
    return $path;
}


# --- keys

sub generate {
    my ($alg, @options) = @_;

    my %got = run('', qw( jwk generate --alg ), $alg, @options);
    die "no key for $alg: $got{err}" if $got{code} ne '0';

    my $jwk = decode($got{out});
    $secrets{$_} = 1 for grep { defined } @$jwk{@private};
    return $jwk;
}


sub key_file { file(json($_[0])) }


sub public_file {
    my @keys;

    for my $jwk (@_) {
        my %public = %$jwk;
        delete @public{@private};
        push @keys, \%public;
    }
    return file(json({ keys => \@keys }));
}


# ML-DSA alone may be absent: with an OpenSSL before 3.5

sub offered {
    my ($alg) = @_;

    return 1 if $alg !~ /\AML-DSA/;
    %offered = command('', qw( openssl list -signature-algorithms ))
        if !%offered;
    return $offered{out} =~ /\b\Q$alg\E\b/;
}


# --- openssl(1), which knows no JWK

sub der {
    my ($tag, @parts) = @_;

    my $bytes = join '', @parts;
    my $len = length $bytes;
    my $size = $len < 128 ? chr $len
             : $len < 256 ? pack('C2', 0x81, $len) : pack('Cn', 0x82, $len);
    return chr($tag) . $size . $bytes;
}


sub der_integer {
    my ($bytes) = @_;

    $bytes =~ s/\A\0+(?=.)//s;
    return der(0x02, ord $bytes > 127 ? "\0$bytes" : $bytes);
}


sub oid { der(0x06, pack 'H*', $_[0]) }

my %oids = (
    'P-256'     => '2a8648ce3d030107',   'P-384'     => '2b81040022',
    'P-521'     => '2b81040023',         'secp256k1' => '2b8104000a',
    'Ed25519'   => '2b6570',             'Ed448'     => '2b6571',
    'ML-DSA-44' => '608648016503040311', 'ML-DSA-65' => '608648016503040312',
    'ML-DSA-87' => '608648016503040313',
);


sub spki {
    my ($jwk) = @_;

    my %member = map { $_ => b64u_decode($jwk->{$_}) }
                 grep { defined $jwk->{$_} } qw( n e x y pub );
    my ($id, $key);

    if ($jwk->{kty} eq 'RSA') {
        $id = oid('2a864886f70d010101') . der(0x05);
        $key = der(0x30, map { der_integer($_) } @member{qw( n e )});
    }
    elsif ($jwk->{kty} eq 'EC') {
        $id = oid('2a8648ce3d0201') . oid($oids{$jwk->{crv}});
        $key = "\4$member{x}$member{y}";
    }
    else {
        $id = oid($oids{$jwk->{crv} // $jwk->{alg}});
        $key = $member{x} // $member{pub};
    }
    return der(0x30, der(0x30, $id), der(0x03, "\0", $key));
}


sub pem {
    my ($jwk) = @_;

    return "-----BEGIN PUBLIC KEY-----\n"
           . MIME::Base64::encode_base64(spki($jwk))
           . "-----END PUBLIC KEY-----\n";
}


# ECDSA: r and s side by side in a token, SEQUENCE { r, s } in openssl

sub der_signature {
    my ($raw) = @_;

    my $size = length($raw) / 2;
    return der(0x30, map { der_integer($_) } unpack "(a$size)2", $raw);
}


sub raw_signature {
    my ($der, $size) = @_;

    my ($r, $s) = $der =~ /\A\x30(?:[\0-\x7f]|\x81.)\x02(.+)\z/s
                  ? unpack 'C/a x C/a', $1 : die 'no signature of ECDSA';
    return join '', map { substr "\0" x $size . $_, -$size } $r, $s;
}


sub openssl {
    my ($alg, $jwk, $input, $signature) = @_;

    my ($hash) = $alg =~ /\A[RPE]S(256|384|512)/;
    my $key = file(pem($jwk));
    my $said;

    $signature = der_signature($signature) if $alg =~ /\AES/;
    my @files = (file($signature), file($input));

    if ($hash) {
        my @pss = map { (-sigopt => $_) }
                  qw( rsa_padding_mode:pss rsa_pss_saltlen:digest );
        $said = { command('', qw( openssl dgst ), "-sha$hash",
                          '-verify', $key, $alg =~ /\AP/ ? @pss : (),
                          '-signature', @files) };
        return $said->{out} eq "Verified OK\n" && $said->{code} eq '0';
    }

    $said = { command('', qw( openssl pkeyutl -verify -rawin -pubin -inkey ),
                      $key, '-sigfile', $files[0], '-in', $files[1]) };
    return $said->{out} =~ /\ASignature Verified Successfully\n/
           && $said->{code} eq '0';
}


# --- what must not be seen

sub secret { @secrets{@_} = (1) x @_ }


sub no_secrets {
    my %told;

    for my $secret (keys %secrets) {
        $told{$_} = 1 for grep { index($_, $secret) >= 0 } @errors;
    }

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok(%secrets && @errors && !%told, 'no secret on stderr')
        or diag(join '', keys %told);
}

1;
