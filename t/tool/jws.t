# SPDX-License-Identifier: BSD-2-Clause

# nginx-gateway jws: signs any bytes, and prints them unchanged.

use v5.28;
use warnings;
use lib qw( t/lib t/tool );

use File::Temp ();
use Test::More;
use Tool;

my %key = map { $_ => generate($_, '--kid', lc) } grep { offered($_) }
          @algorithms;
my %path = map { $_ => key_file($key{$_}) } keys %key;

my $bad = "bad_signature: the signature of the token is not valid\n";


# signs $payload with a key of each type, and verifies

sub round_trip {
    my ($name, $alg, $payload, @options) = @_;

    my %got = says("$name: signs", [ qw( jws sign --key ), $path{$alg},
                                     @options, file($payload) ],
                   out => qr/\A[\w-]+\.[\w-]*\.[\w-]+\n\z/);
    my $token = $got{out} =~ s/\n\z//r;

    is((parts($token))[1], $payload, "$name: the payload is in the token");
    says("$name: verifies", [ qw( jws verify --max-size 10000000 --keys ),
                              $path{$alg}, '-' ],
         in => $got{out}, out => $payload);
    return $token;
}


for my $alg (@algorithms) {
    SKIP: {
        skip "this OpenSSL does not offer $alg", 1 if !$key{$alg};

        my $token = round_trip($alg, $alg, "\0any\nbytes\xff");
        my $kid = lc $alg;
        is((parts($token))[0], qq({"alg":"$alg","kid":"$kid"}),
           "$alg: header");

        my ($head, undef, $signature) = split /\./, $token;
        says("$alg: another payload", [ qw( jws verify --keys ), $path{$alg},
                                        "$head.AAAA.$signature" ],
             code => 1, err => $bad);
    }
}


# --- payloads

for ([ 'empty', '' ], [ 'one NUL', "\0" ], [ 'a newline', "\n" ],
     [ 'every byte', join '', map { chr } 0 .. 255 ],
     [ 'claims that are expired', '{"exp":1}' ],
     [ 'claims that are malformed', '{"exp":"1","exp":2' ],
     [ 'a token', 'e30.e30.AAAA' ], [ 'a length of 3n', 'abc' ],
     [ 'a length of 3n + 1', 'abcd' ], [ 'a length of 3n + 2', 'abcde' ],
     [ '4095 bytes', "\x80" x 4095 ], [ '4096 bytes', "\x80" x 4096 ],
     [ '1 MB', "\x80\n" x 500_000 ])
{
    round_trip($_->[0], 'ES256', $_->[1]);
}

{
    my $big = file('');
    truncate $big, 8 * 1024 * 1024 + 1 or die $!;
    says('a payload of more than 8 MB', [ qw( jws sign --key ), $path{ES256},
                                          $big ], code => 3,
         err => "nginx-gateway: $big: cannot be read, or is larger than"
                . " 8 MB\n");
    truncate $big, 8 * 1024 * 1024 or die $!;
    says('a payload of 8 MB', [ qw( jws sign --key ), $path{HS256}, $big ],
         out => qr/\A[\w-]+\.A+\.[\w-]+\n\z/);
}

{
    my %got = says('standard input', [ qw( jws sign --key ), $path{EdDSA},
                                       '-' ],
                   in => "a\0b\n", out => qr/./);
    my %file = run('', qw( jws sign --key ), $path{EdDSA}, file("a\0b\n"));
    is($got{out}, $file{out}, 'standard input and a file give one token');

    my $token = $got{out} =~ s/\n\z//r;
    says('the token as an argument', [ qw( jws verify --keys ), $path{EdDSA},
                                       $token ], out => "a\0b\n");
    says('the key on standard input', [ qw( jws sign --key - ),
                                        file("a\0b\n") ],
         in => json($key{EdDSA}), out => $got{out});
}


# --- headers

for my $header ('{"alg":"ES256","kid":"es256","more":[1]}',
                ' {"kid" : "es256",  "alg":"ES256" } ',
                '{"alg":"ES256","kid":"es256","jwk":{},"jku":"x","x5c":[]}')
{
    my $token = round_trip("--header $header", 'ES256', 'x', '--header',
                           $header);
    is((parts($token))[0], $header, "--header $header: byte for byte");
}

for my $header ('', 'x', '{"alg":"none"}', '{"alg":"ES256","crit":["x"]}',
                "{\"alg\":\"\xff\"}")
{
    my %got = says("--header \"$header\" is not looked at",
                   [ qw( jws sign --key ), $path{ES256}, '--header', $header,
                     '-' ], in => 'x', out => qr/./);
    is((parts($got{out}))[0], $header, 'and stands there');

    my $why = $header =~ /none/
              ? 'algorithm_not_allowed: the algorithm of the token is not'
                . ' allowed'
              : 'malformed_header: the token is not a signed token with a'
                . ' well-formed header: the header '
                . ($header =~ /crit/ ? 'has crit, which is not supported'
                   : $header =~ /alg/ ? 'has a malformed string'
                                      : 'is not a JSON object');
    says("--header \"$header\" is refused", [ qw( jws verify --keys ),
         $path{ES256}, '-' ], in => $got{out}, code => 1,
         err => "$why\n");
}


# --- --alg: any of the key's type, also where the key names another

{
    my %got = says('--alg of the type', [ qw( jws sign --key ), $path{RS256},
                                          qw( --alg PS256 - ) ],
                   in => 'x', out => qr/./);
    my $token = $got{out} =~ s/\n\z//r;
    my ($input) = $token =~ /\A(.*)\./;

    is((parts($token))[0], '{"alg":"PS256","kid":"rs256"}',
       '--alg of the type: header');
    ok(openssl('PS256', $key{RS256}, $input, (parts($token))[2]),
       '--alg of the type: openssl agrees');
    says('a key with the alg RS256 cannot be used with PS256',
         [ qw( jws verify --keys ), $path{RS256}, $token ], code => 1,
         err => 'key_mismatch: the key of the token does not match its '
                . "algorithm\n");
}

says('--alg of another type', [ qw( jws sign --key ), $path{ES256},
                                qw( --alg ES384 - ) ], code => 2,
     err => "nginx-gateway: the key cannot be used with ES384\n");

for ([ 'RSA', 'RS256', 'RS256' ], [ 'EC', 'ES384', 'ES384' ],
     [ 'OKP', 'Ed448', 'EdDSA' ], [ 'oct', 'HS512', 'HS256' ])
{
    my ($type, $alg, $default) = @$_;
    my %key = %{ $key{$alg} };
    delete $key{alg};
    my $file = key_file(\%key);
    my %got = says("a key without alg, $type", [ qw( jws sign --key ), $file,
                                                 '-' ], out => qr/./);
    is((parts($got{out}))[0], qq({"alg":"$default","kid":"$key{kid}"}),
       "a key without alg, $type: its default");
}


# --- what openssl(1) signs

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);

sub openssl_signs {
    my ($alg, $size, @genpkey) = @_;

    my $input = join '.', b64u(json({ alg => $alg })), b64u("any\0bytes");
    my $text = file($input);
    my ($bits) = $alg =~ /S(\d+)/;
    my @sign = $bits ? ('dgst', "-sha$bits", '-sign', "$dir/key", '-out',
                        "$dir/signature", $text)
             : (qw( pkeyutl -sign -rawin -inkey ), "$dir/key", '-out',
                "$dir/signature", '-in', $text);

    for ([ 'genpkey', @genpkey, '-out', "$dir/key" ],
         [ qw( pkey -pubout -in ), "$dir/key", '-out', "$dir/public" ],
         [ @sign ],
         [ qw( req -x509 -new -subj /CN=test -key ), "$dir/key", '-out',
           "$dir/certificate" ])
    {
        system("openssl @$_ > '$dir/said' 2>&1") == 0
            or die "openssl @$_: " . Tool::slurp("$dir/said");
    }

    my $signature = Tool::slurp("$dir/signature");
    $signature = raw_signature($signature, $size) if $size;
    return "$input." . b64u($signature);
}


for ([ RS256 => 0, qw( -algorithm RSA -pkeyopt rsa_keygen_bits:2048 ) ],
     [ ES256 => 32, qw( -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ) ],
     [ ES384 => 48, qw( -algorithm EC -pkeyopt ec_paramgen_curve:P-384 ) ],
     [ EdDSA => 0, qw( -algorithm ED25519 ) ])
{
    my ($alg, @how) = @$_;
    my $token = openssl_signs($alg, @how);

    for my $pem (qw( public certificate )) {
        says("$alg of openssl, --pem $pem",
             [ qw( jws verify --pem ), "$dir/$pem", $token ],
             out => "any\0bytes");
    }

    says("$alg of openssl, another key", [ qw( jws verify --pem ),
         file(pem(generate($alg))), $token ], code => 1, err => $bad);
    says("$alg of openssl, --pem of a private key",
         [ qw( jws verify --pem ), "$dir/key", $token ], code => 3,
         err => "nginx-gateway: $dir/key: contains a private key, use its"
                . " public key instead\n");
}


# --- verify: only the signature, and where the token comes from

{
    my %got = run('{"exp":1,"nbf":99999999999,"iss":"x"}',
                  qw( jws sign --key ), $path{ES256}, '-');
    my $token = $got{out} =~ s/\n\z//r;

    says('times and issuer are not judged', [ qw( jws verify --keys ),
                                              $path{ES256}, $token ],
         out => '{"exp":1,"nbf":99999999999,"iss":"x"}');
    says('--algorithms', [ qw( jws verify --algorithms RS256 --keys ),
                           $path{ES256}, $token ], code => 1,
         err => "algorithm_not_allowed: the algorithm of the token is not"
                . " allowed\n");
    says('--max-size', [ qw( jws verify --max-size 10 --keys ), $path{ES256},
                         $token ], code => 1,
         err => "too_large: the token is too large\n");
    says('no key of the name', [ qw( jws verify --keys ), $path{ES384},
                                 $token ], code => 1,
         err => "unknown_key: the key of the token is unknown\n");
    says('HS256, mixed files', [ qw( jws verify --keys ), $path{HS256},
                                 '--keys', $path{ES256}, do {
             my %hs = run('x', qw( jws sign --key ), $path{HS256}, '-');
             $hs{out} =~ s/\n\z//r } ], code => 1,
         err => "algorithm_not_allowed: the algorithm of the token is not"
                . " allowed\n");
    says('no payload is printed of a token that is refused',
         [ qw( jws verify --keys ), $path{ES256}, '-' ],
         in => substr($token, 0, -2) . "AA\n", code => 1,
         err => qr/\A(?:bad|malformed)_signature: /);
}

no_secrets();
done_testing;
