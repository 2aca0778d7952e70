# SPDX-License-Identifier: BSD-2-Clause

# nginx-gateway jwk: generates, imports and publishes keys.

use v5.28;
use warnings;
use lib qw( t/lib t/tool );

use Digest::SHA qw( sha256 );
use MIME::Base64 qw( encode_base64 );
use Test::More;
use Tool;

my @common = qw( alg kid kty use );

# the members of a key of each algorithm, and their sizes in bytes

my @rsa = qw( d dp dq e n p q qi );
my %made = (
    (map { ("HS$_" => { kty => 'oct', size => { k => $_ / 8 } }) }
     256, 384, 512),
    (map { ($_ => { kty => 'RSA', members => \@rsa, size => { n => 256 } }) }
     qw( RS256 RS384 RS512 PS256 PS384 PS512 )),
    (map { ($_->[0] => { kty => 'EC', crv => $_->[1],
                         size => { map { $_ => 1 } qw( d x y ) },
                         each => $_->[2] }) }
     [ 'ES256', 'P-256', 32 ], [ 'ES384', 'P-384', 48 ],
     [ 'ES512', 'P-521', 66 ], [ 'ES256K', 'secp256k1', 32 ]),
    (map { ($_->[0] => { kty => 'OKP', crv => $_->[1],
                         size => { d => 1, x => 1 }, each => $_->[2] }) }
     [ 'EdDSA', 'Ed25519', 32 ], [ 'Ed25519', 'Ed25519', 32 ],
     [ 'Ed448', 'Ed448', 57 ]),
    (map { ($_->[0] => { kty => 'AKP', size => { priv => 32,
                                                 pub => $_->[1] } }) }
     [ 'ML-DSA-44', 1312 ], [ 'ML-DSA-65', 1952 ], [ 'ML-DSA-87', 2592 ]),
);

# RFC 7638, 3.2; RFC 8037, 2; RFC 9964, 4

my %required = ( EC => [qw( crv kty x y )], RSA => [qw( e kty n )],
                 oct => [qw( k kty )], OKP => [qw( crv kty x )],
                 AKP => [qw( alg kty pub )] );

sub thumbprint {
    my ($jwk) = @_;

    my $text = join ',', map { qq{"$_":"$jwk->{$_}"} }
                         @{ $required{$jwk->{kty}} };
    return b64u(sha256("{$text}"));
}

is(thumbprint({ kty => 'RSA', e => 'AQAB', n => join '', qw(
       0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aP
       FFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl9
       3lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA
       ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3
       XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw ) }),
   'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
   'this test computes the thumbprint of RFC 7638, 3.1');

my %key;


# --- generate

for my $alg (@algorithms) {
    if (!offered($alg)) {
        says("$alg: refused by an OpenSSL that lacks it",
             [ qw( jwk generate --alg ), $alg ], code => 3,
             err => "nginx-gateway: this OpenSSL does not offer $alg\n");
        next;
    }

    my %got = says("$alg: one line on stdout",
                   [ qw( jwk generate --alg ), $alg ],
                   out => qr/\A\{[^\n]*\}\n\z/);
    my $jwk = $key{$alg} = decode($got{out});
    my $made = $made{$alg};
    my %size = %{ $made->{size} };

    @size{keys %size} = ($made->{each}) x keys %size if $made->{each};

    is_deeply([ sort keys %$jwk ],
              [ sort @common, $made->{crv} ? 'crv' : (),
                @{ $made->{members} // [ keys %size ] } ],
              "$alg: its members and no other");
    is_deeply([ @$jwk{qw( kty alg use crv )} ],
              [ $made->{kty}, $alg, 'sig', $made->{crv} ],
              "$alg: kty, alg, use and crv");
    is_deeply({ map { $_ => length b64u_decode($jwk->{$_}) } keys %size },
              \%size, "$alg: sizes");
    is($jwk->{kid}, thumbprint($jwk), "$alg: kid is the thumbprint");
    unlike($jwk->{$_}, qr/[^A-Za-z0-9_-]/, "$alg: $_ is base64url")
        for sort keys %size;
}

is($key{RS256}{e}, 'AQAB', 'the exponent of RSA is 65537');
like(b64u_decode($key{RS256}{n}), qr/\A[\x80-\xff]/,
     'the modulus has its full size');

for my $alg (qw( HS256 ES256 EdDSA )) {
    isnt(generate($alg)->{kid}, $key{$alg}{kid}, "$alg: two keys differ");
}

is(generate('ES256', '--kid', 'a "b" é')->{kid}, "a \"b\" \x{e9}", '--kid');
is(generate('ES256', '--kid=x=y')->{kid}, 'x=y', '--kid=');
is(generate('ES256', qw( --kid a --kid b ))->{kid}, 'b', '--kid twice');

says('--kid is UTF-8', [ qw( jwk generate --alg ES256 --kid ), "\xff" ],
     code => 2, err => "nginx-gateway: --kid is not UTF-8\n");

is(generate('ES256', '--kid', 'k' x 256)->{kid}, 'k' x 256,
   '--kid of 256 bytes');

for ([ '257 bytes', 'k' x 257 ], [ '129 letters of 2 bytes', "\xc3\xa9" x 129 ])
{
    says("--kid of $_->[0]", [ qw( jwk generate --alg ES256 --kid ), $_->[1] ],
         code => 2, err => "nginx-gateway: --kid is longer than 256 bytes\n");
}

for ([ RS256 => 3072, 'n', 384 ], [ PS512 => 2056, 'n', 257 ],
     [ HS256 => 512, 'k', 64 ], [ HS512 => 8192, 'k', 1024 ],
     [ HS384 => 384, 'k', 48 ])
{
    my ($alg, $bits, $member, $size) = @$_;
    is(length b64u_decode(generate($alg, '--bits', $bits)->{$member}), $size,
       "$alg: --bits $bits");
}

my $hmac = 'must have --bits that are a multiple of 8, from the size of its'
           . ' hash to 8192';
my $rsa = 'must have --bits from 2048 to 16384';
my $fixed = 'has a fixed size, --bits is not allowed';

for ([ RS256 => 2047, $rsa ], [ PS256 => 16385, $rsa ],
     [ HS256 => 248, $hmac ], [ HS256 => 257, $hmac ],
     [ HS512 => 256, $hmac ], [ HS256 => 8200, $hmac ],
     [ ES256 => 256, $fixed ], [ EdDSA => 256, $fixed ])
{
    my ($alg, $bits, $why) = @$_;
    says("$alg: --bits $bits is refused",
         [ qw( jwk generate --alg ), $alg, '--bits', $bits ], code => 2,
         err => "nginx-gateway: a key for $alg $why\n");
}

for my $bits ('', 0, -2048, '+2048', ' 2048', '2048x', '02048', 1000001,
              '18446744073709553664')
{
    says("--bits \"$bits\" is invalid",
         [ qw( jwk generate --alg RS256 --bits ), $bits ], code => 2,
         err => "nginx-gateway: invalid --bits \"$bits\", it must be a number"
                . " from 1 to 1000000\n");
}

for my $alg ('none', 'es256', 'ES256 ', '', 'RSA') {
    says("no algorithm \"$alg\"", [ qw( jwk generate --alg ), $alg ],
         code => 2, err => "nginx-gateway: unknown algorithm \"$alg\"\n");
}

says('--alg is required', [qw( jwk generate )], code => 2,
     err => "nginx-gateway: --alg is required\n");


# --- public

sub without_private {
    my %public = %{ $_[0] };
    delete @public{@private};
    return \%public;
}

sub public_of {
    my ($name, $paths, %more) = @_;

    my %got = says($name, [ qw( jwk public ), @$paths ],
                   out => qr/\A\{"keys":\[.*\]\}\n\z/, %more);
    return eval { decode($got{out})->{keys} };
}

my @public = grep { $key{$_} && $key{$_}{kty} ne 'oct' } @algorithms;

for my $alg (@public) {
    is_deeply(public_of("$alg: one line", [ key_file($key{$alg}) ]),
              [ without_private($key{$alg}) ],
              "$alg: the public members, all of them and no other");
}

my @some = @key{qw( ES256 RS256 EdDSA )};
my @expected = map { without_private($_) } @some;

is_deeply(public_of('several files', [ map { key_file($_) } @some ]),
          \@expected, 'several files: one set in their order');
is_deeply(public_of('a set', [ file(json({ keys => \@some })) ]),
          \@expected, 'a set: its keys in their order');
is_deeply(public_of('a set and a key', [ file(json(
              { keys => [ @some[0, 1] ], more => 1 })), key_file($some[2]) ]),
          \@expected, 'a set and a key: one set');
is_deeply(public_of('standard input', ['-'], in => json($some[0])),
          [ $expected[0] ], 'standard input');
is_deeply(public_of('again', [ public_file(@some) ]), \@expected,
          'a public key is printed as it is');

for ([ [qw( sign )], [qw( verify )] ], [ [qw( sign verify )], [qw( verify )] ],
     [ [qw( decrypt )], [] ])
{
    my ($ops, $left) = @$_;
    my $key = { %{ $key{ES256} }, key_ops => $ops };
    is_deeply(public_of("key_ops @$ops", [ key_file($key) ])->[0]{key_ops},
              $left, "key_ops @$ops");
}

is_deeply(public_of('oth', [ key_file({ %{ $key{RS256} },
              oth => [ { r => 'AQ', d => 'AQ', t => 'AQ' } ], x5c => ['AA'] })
          ]), [ { %{ without_private($key{RS256}) }, x5c => ['AA'] } ],
          'oth is private, x5c is not');

# only listed members are published

my @certificates = (x5u => 'https://a', x5c => ['AA'], x5t => 'AA',
                    'x5t#S256' => 'AA');

for my $alg (@public) {
    my $key = { %{ $key{$alg} }, @certificates };
    is_deeply(public_of("$alg: members that are not known",
                        [ key_file({ %$key, secret => 'AA', password => {},
                                     k => 'AA', seed => 'AA', D => 'AA',
                                     key_ops => ['sign'] }) ]),
              [ { %{ without_private($key) }, key_ops => ['verify'] } ],
              "$alg: members that are not known are left out");
}

is_deeply(public_of('members of other types', [ key_file({
              %{ $key{EdDSA} }, n => 'AA', e => 'AA', y => 'AA', pub => 'AA'
          }) ]), [ without_private($key{EdDSA}) ],
          'members of other types are left out');

sub unknown_kty {
    qq(a key has an unknown "kty": "$_[0]", allowed are RSA, EC, OKP, AKP)
}

for ([ { kty => 'XYZ', x => 'AA', d => 'AA' }, unknown_kty('XYZ') ],
     [ { %{ $key{ES256} }, kty => 'ec' }, unknown_kty('ec') ],
     [ { %{ $key{ES256} }, kty => '' }, unknown_kty('') ],
     [ { %{ $key{ES256} }, kty => 'K' x 40 },
       unknown_kty('K' x 32 . '...') ],
     (map { my ($alg, $member) = @$_;
            map { [ { %{ $key{$alg} }, $member => $_ },
                    "a key of type $key{$alg}{kty} must have the string"
                    . qq( "$member") ] }
                undef, { d => 'AA' } }
      [ 'RS256', 'n' ], [ 'RS256', 'e' ], [ 'ES256', 'crv' ], [ 'ES256', 'x' ],
      [ 'ES256', 'y' ], [ 'EdDSA', 'crv' ], [ 'EdDSA', 'x' ]),
     [ { kty => 'AKP', alg => 'ML-DSA-44', priv => 'AA' },
       'a key of type AKP must have the string "pub"' ])
{
    my ($key, $why) = @$_;

    for my $file (key_file($key), file(json({ keys => [ $key{ES256}, $key ] })))
    {
        says("public of a key of kty \"$key->{kty}\": $why",
             [ qw( jwk public ), $file ], code => 3,
             err => "nginx-gateway: $file: $why\n");
    }
}

my $oct = key_file(my $secret = generate('HS256'));
my $shared = 'an HMAC key is a secret, it has no public key';

says('oct is refused', [ qw( jwk public ), $oct ], code => 3,
     err => "nginx-gateway: $oct: $shared\n");

my $mixed = file(json({ keys => [ $key{ES256}, $secret ] }));
says('oct in a set is refused, with the whole set',
     [ qw( jwk public ), $mixed ], code => 3,
     err => "nginx-gateway: $mixed: $shared\n");
says('oct after a good file is refused, with both',
     [ qw( jwk public ), key_file($key{ES256}), $oct ], code => 3,
     err => "nginx-gateway: $oct: $shared\n");

my $neither = 'is neither a JWK nor a JWK Set';
my $no_array = qq($neither, its "keys" must be an array);

for ([ '{}', qq($neither, it must have "keys" or "kty") ],
     [ '{"jwks_uri":"https://id.example/jwks"}',
       qq($neither, it is an OpenID configuration: save what its "jwks_uri")
       . ' returns' ],
     [ '{"keys":[1]}', 'a key is not an object' ],
     [ '{"keys":[{}]}', 'a key has no "kty"' ],
     [ '{"kty":1}', 'a key has a "kty" that is not a string' ],
     [ '{"keys":5}', $no_array ],
     [ '{"keys":null}', $no_array ],
     [ '{"keys":{}}', $no_array ],
     [ '{"keys":[]}', 'contains no key' ],
     [ '[]', 'is a JSON array, it must be a JSON object' ],
     [ '', 'is empty, it must be a JSON object' ],
     [ '{"kty":"EC","kty":"EC"}', 'has two members of one name', 'any' ],
     [ '{"kty":"EC"} x', 'has bytes after its end (line 1, column 14)' ],
     [ '{"kty":"EC"',
       'is not well-formed JSON, it ends too early (line 1, column 12)' ])
{
    my ($text, $why, $any) = @$_;
    says("public of $text", [qw( jwk public - )], in => $text, code => 3,
         err => $any ? qr/\Anginx-gateway: -: [^\n]*\n\z/
                     : "nginx-gateway: -: $why\n");
}

no_secrets();

# --- import

my $bytes = "a secret of 32 bytes, or longer\xff";

sub imported {
    my ($name, $file, $expected, @options) = @_;

    my %got = says($name, [ qw( jwk import --kid k --secret-file ),
                            file($file), @options ], out => qr/\A\{.*\}\n\z/);
    is_deeply(decode($got{out}), { kty => 'oct', use => 'sig', kid => 'k',
                                   k => b64u($expected) }, "$name: the JWK");
}

sub base64 { encode_base64($_[0], '') }

imported('bytes', $bytes, $bytes);
imported('a line feed at the end', "$bytes\n", $bytes);
imported('CR LF at the end', "$bytes\r\n", $bytes);
imported('two line feeds', "$bytes\n\n", "$bytes\n");
imported('a secret that is base64 itself', base64($bytes), base64($bytes));
imported('base64', base64($bytes) . "\n", $bytes, '--base64');
imported('base64 without padding', base64($bytes) =~ s/=//gr, $bytes,
         '--base64');
imported('base64url', b64u($bytes . "\xfb\xff\xbf"), "$bytes\xfb\xff\xbf",
         '--base64');
imported('base64 with + and /', base64("$bytes\xfb\xff\xbf"),
         "$bytes\xfb\xff\xbf", '--base64');
imported('base64 in lines', encode_base64($bytes x 4), $bytes x 4,
         '--base64');

my @import = (qw( jwk import --kid k --secret-file ));

says('31 bytes: printed, with a warning', [ @import, file('x' x 31) ],
     out => qr/\A\{.*\}\n\z/,
     err => 'nginx-gateway: the secret has 31 bytes and HS256 needs 32, nginx '
            . "ignores the key without \"gateway_jwt_key_policy compat\"\n");

for ([ 'empty', '', 'is empty' ], [ 'a line feed', "\n", 'is empty' ],
     [ 'empty base64', "\n", 'is empty', '--base64' ],
     [ 'no base64', 'a*b=', 'is not base64', '--base64' ],
     [ 'padding in the middle', 'YQ==YQ==', 'is not base64', '--base64' ],
     [ 'too much padding', 'YWJj====', 'is not base64', '--base64' ])
{
    my ($name, $content, $why, @options) = @$_;
    says($name, [ @import, file($content), @options ], code => 3,
         err => "nginx-gateway: the file of the secret: $why\n");
}

says('a file that is missing', [ @import, '/nonexistent' ], code => 3,
     err => "nginx-gateway: the file of the secret: No such file or "
            . "directory\n");
says('without --kid', [ qw( jwk import --secret-file ), file($bytes) ],
     code => 2, err => "nginx-gateway: --kid is required\n");
says('without --secret-file', [ qw( jwk import --kid k ) ],
     code => 2, err => "nginx-gateway: --secret-file is required\n");

{
    my %jwk = says('for a token', [ @import, file($bytes) ],
                   out => qr/./);
    my $key = file($jwk{out});
    my %token = run('', qw( jwt sign --expires 1h --key ), $key);

    says('a token of the imported secret', [ qw( jwt verify --keys ), $key,
         $token{out} =~ s/\n\z//r ], out => qr/\A\{/);
}


done_testing;
