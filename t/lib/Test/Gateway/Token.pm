# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Token;

# Keys and tokens for tests, valid and broken in all ways.
#
#   key('es256')                     path of a private JWK, made at first use
#   key('a', 'RS256')                the same for a name that is not an algorithm
#   key('hs256')                     an octet key; its bytes: secret('hs256')
#   jwks('es256', 'a')               the public set, JSON text
#   public_jwk('a') private_jwk('a') one key, a hash
#   token(key => 'a')                a signed token with exp in an hour
#   token(key => 'a', claims => { sub => 'alice' }, header => { typ => 'x' })
#   token(key => 'a', payload => $bytes, header => $json_text)
#   signed($jwk, 'PS256', {}, $text) by any key and algorithm of its type
#   hmac_token($secret, claims => ..., alg => 'HS256')
#   compact($header_bytes, $payload_bytes, $signature_bytes)
#   unsigned(claims => ...)          alg none, no signature
#   edited($token, header | payload | signature => sub { new bytes from $_ })
#   parts($token)                    header, payload and signature bytes
#   b64u($bytes) b64u_decode($text)  base64url without padding
#   json($data)                      JSON text with sorted members
#
# claims is a hash, to which exp is added if it is missing (exp => undef omits
# it), or JSON text, which is signed byte for byte.  header is a hash, which
# adds to or replaces alg, kid and typ (undef omits one), or JSON text.  A
# process creates each key once.

use v5.28;
use warnings;

use Digest::SHA ();
use Exporter qw( import );
use File::Temp ();
use IPC::Open2 qw( open2 );
use JSON::PP ();
use MIME::Base64 ();

our @EXPORT = qw( key jwks public_jwk private_jwk secret token signed
                  hmac_token compact unsigned edited parts b64u b64u_decode
                  json tool claims_json );

my %algorithms = map { lc $_ => $_ } qw(
    HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512
    ES256K EdDSA Ed25519 Ed448 ML-DSA-44 ML-DSA-65 ML-DSA-87 );

my $json = JSON::PP->new->canonical->utf8->allow_nonref;
my (%keys, %public, %tokens);
my $dir;


sub b64u {
    my ($bytes) = @_;

    my $text = MIME::Base64::encode_base64($bytes, '');
    $text =~ tr{+/=}{-_}d;
    return $text;
}


sub b64u_decode {
    my ($text) = @_;

    $text =~ tr{-_}{+/};
    return MIME::Base64::decode_base64($text);
}


sub json { $json->encode($_[0]) }


# --- the tool

# tool($stdin, @arguments): what nginx-gateway prints; dies if it fails

sub tool {
    my ($in, @arguments) = @_;

    my $binary = $ENV{GATEWAY_TOOL}
                 // ($Test::Gateway::Objs // $ENV{GATEWAY_OBJS} // 'objs')
                    . '/nginx-gateway';

    my $pid = open2(my $out, my $to, $binary, @arguments);
    binmode $_ for $out, $to;
    print $to $in;
    close $to;

    local $/;
    my $said = <$out> // '';
    waitpid $pid, 0;
    die "nginx-gateway @arguments: exit code " . ($? >> 8) . "\n" if $?;
    return $said;
}


# --- keys

sub key {
    my ($name, $alg) = @_;

    return $keys{$name}{path} if $keys{$name};

    $alg //= $algorithms{lc $name} // 'ES256';
    $dir //= File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);

    my $jwk = $json->decode(tool('', qw( jwk generate --alg ), $alg));
    $jwk->{kid} = $name;

    my $path = "$dir/" . scalar(keys %keys) . '.jwk';
    open my $out, '>', $path or die "$path: $!";
    print $out json($jwk);
    close $out;

    $keys{$name} = { path => $path, alg => $alg, jwk => $jwk };
    return $path;
}


sub public_jwk {
    my ($name) = @_;

    my $path = key($name);
    return $keys{$name}{jwk} if $keys{$name}{jwk}{kty} eq 'oct';

    $public{$name} //= $json->decode(tool('', 'jwk', 'public', $path));
    my $jwk = $public{$name};
    return $jwk->{keys} ? $jwk->{keys}[0] : $jwk;
}


sub jwks { json({ keys => [ map { public_jwk($_) } @_ ] }) }


sub private_jwk { key($_[0]); return { %{ $keys{$_[0]}{jwk} } } }

sub secret { key($_[0]); return b64u_decode($keys{$_[0]}{jwk}{k}) }


# --- tokens

sub claims_json {
    my ($claims) = @_;

    return $claims if defined $claims && !ref $claims;

    my %all = (exp => time + 3600, %{ $claims // {} });
    delete $all{exp} if !defined $all{exp};
    return json(\%all);
}


sub header_json {
    my ($header, %default) = @_;

    return $header if defined $header && !ref $header;

    my %all = (%default, %{ $header // {} });
    delete $all{$_} for grep { !defined $all{$_} } keys %all;
    return json(\%all);
}


# Signs with a given JWK and an algorithm, which may differ from its alg.
sub signed {
    my ($jwk, $alg, $header, $payload) = @_;

    my %key = %$jwk;
    delete @key{qw( alg use key_ops )};

    my $file = File::Temp->new;
    print $file json(\%key);
    close $file;

    my $text = tool($payload // claims_json(), qw( jws sign --key ),
                    "$file", '--alg', $alg, '--header',
                    json({ alg => $alg, %$header }), '-');
    $text =~ s/\s+\z//;
    return $text;
}

sub compact { join '.', map { b64u($_) } @_ }


sub token {
    my (%arg) = @_;

    my $name = $arg{key} // 'es256';
    my $path = key($name);
    my $alg = $arg{alg} // $keys{$name}{alg};
    my $payload = $arg{payload} // claims_json($arg{claims});
    my $header = header_json($arg{header}, alg => $alg, typ => 'JWT',
                             kid => $name);

    return $tokens{join "\0", $name, $alg, $header, $payload}
           //= sign($name, $alg, $header, $payload);
}


sub sign {
    my ($name, $alg, $header, $payload) = @_;

    if ($keys{$name}{jwk}{kty} eq 'oct') {
        return hmac_sign(secret($name), $alg, $header, $payload);
    }

    my $text = tool($payload, qw( jws sign --key ), $keys{$name}{path},
                    '--alg', $alg, '--header', $header, '-');
    $text =~ s/\s+\z//;
    return $text;
}


sub hmac_sign {
    my ($secret, $alg, $header, $payload) = @_;

    my ($bits) = $alg =~ /\AHS(256|384|512)\z/ or die "\"$alg\" is no HMAC";
    my $hmac = Digest::SHA->can("hmac_sha$bits");
    my $input = compact($header, $payload);
    return "$input." . b64u($hmac->($input, $secret));
}


# Signed with any bytes as the secret, for example a public key in an attack.
# alg is the algorithm used; the header can name another one.

sub hmac_token {
    my ($secret, %arg) = @_;

    my $alg = $arg{alg} // 'HS256';
    return hmac_sign($secret, $alg,
                     header_json($arg{header}, alg => $alg, typ => 'JWT'),
                     $arg{payload} // claims_json($arg{claims}));
}


sub unsigned {
    my (%arg) = @_;

    return compact(header_json($arg{header}, alg => 'none', typ => 'JWT'),
                   $arg{payload} // claims_json($arg{claims}), '');
}


sub parts { map { b64u_decode($_) } split /\./, $_[0], -1 }


sub edited {
    my ($token, %edit) = @_;

    my @parts = split /\./, $token, -1;
    my %index = (header => 0, payload => 1, signature => 2);

    for my $which (keys %edit) {
        for ($parts[$index{$which}]) {
            local $_ = b64u_decode($_);
            my $bytes = $edit{$which}->($_);
            $parts[$index{$which}] = b64u($bytes);
        }
    }
    return join '.', @parts;
}

1;
