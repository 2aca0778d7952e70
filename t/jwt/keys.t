# SPDX-License-Identifier: BSD-2-Clause

# Which keys of gateway_jwt_key_file are used, which of them serves a token, and
# what is logged of the others.
#
# both passes: the master reads the keys, the workers use them

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP ();
use MIME::Base64 qw( encode_base64 );
use Test::Gateway;
use Test::Gateway::Cases;


# --- keys and tokens

# a public key with other members; undef takes one away
sub jwk {
    my ($name, %change) = @_;
    my %jwk = (%{ public_jwk($name) }, %change);
    delete $jwk{$_} for grep { !defined $jwk{$_} } keys %jwk;
    return \%jwk;
}

sub set { json({ keys => \@_ }) }

sub anonymous { map { jwk($_, kid => undef) } @_ }

# a token without kid
sub nameless { token(key => $_[0], header => { kid => undef }) }

sub pem_block {
    my ($name, $der) = @_;
    return "-----BEGIN $name-----\n" . encode_base64($der)
           . "-----END $name-----\n";
}

# SubjectPublicKeyInfo of a key on P-256, of Ed25519 or of RSA with 2048 bits
sub pem {
    my ($jwk) = map { public_jwk($_) } @_;
    my %member = map { $_ => b64u_decode($jwk->{$_}) }
                 grep { defined $jwk->{$_} } qw( x y n e );

    my $der = $jwk->{kty} eq 'EC'
        ? pack('H*', '3059301306072a8648ce3d020106082a8648ce3d030107034200'
                     . '04') . $member{x} . $member{y}
        : $jwk->{kty} eq 'OKP'
        ? pack('H*', '302a300506032b6570032100') . $member{x}
        : pack('H*', '30820122300d06092a864886f70d010101050003'
                     . '82010f003082010a0282010100')
          . $member{n} . pack('H*', '0203010001');
    return pem_block('PUBLIC KEY', $der);
}

# valid in 2019 only, issued by nobody that is known
our $certificate = <<'PEM';
-----BEGIN CERTIFICATE-----
MIIBEDCBtqADAgECAgEBMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB3Vua25vd24w
HhcNMTkwMTAxMDAwMDAwWhcNMjAwMTAxMDAwMDAwWjARMQ8wDQYDVQQDDAZzaWdu
ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASG5JoM9nGU0KAGTNmLOTRDcpfJ
t7f7BiwaNIjbP6vOY6bNIr9hZRmPiQNeT87/Hy7Td0zX4lrOKhfC2Icl388MMAoG
CCqGSM49BAMCA0kAMEYCIQDjWH7t79mA/QRYSPdsXxyrpfjKK/xb2wDGkX+Q5DW5
TwIhAPD0+XKIDF5lgvngjrRXRVZhDnoG2FP2BIT88DcprjHT
-----END CERTIFICATE-----
PEM

our %certified = (kty => 'EC', crv => 'P-256',
                  d => 'QeJi_XPBJukIEO6KXj_f71aAn9s_z3X_oELzcmvibUw',
                  x => 'huSaDPZxlNCgBkzZizk0Q3KXybe3-wYsGjSI2z-rzmM',
                  y => 'ps0iv2FlGY-JA15Pzv8fLtN3TNfiWs4qF8LYhyXfzww');


# the same key of RSA as PKCS#1, and as id-RSASSA-PSS without parameters

our ($pkcs1, $pss) = do {
    my ($jwk) = public_jwk('rs256');
    my $key = pack('H*', '3082010a0282010100') . b64u_decode($jwk->{n})
              . pack('H*', '0203010001');
    (pem_block('RSA PUBLIC KEY', $key),
     pem_block('PUBLIC KEY', pack('H*', '30820120300b06092a864886f70d01010a'
                                        . '0382010f00') . $key));
};


# --- files of keys, as nginx -t judges them

# the lines about the file, without their common part
sub judged {
    my ($text, %arg) = @_;

    my $policy = $arg{policy} ? "gateway_jwt_key_policy $arg{policy};" : '';
    my ($code, $said) = nginx_t(http_conf(server => <<"CONF"),
gateway_jwt r;
gateway_jwt_key_file keys @{[ $arg{format} // 'jwks' ]};
$policy
CONF
                                { keys => $text });

    my @lines = $said =~ /\[(\w+)\] \S+ gateway_jwt_key_file "DIR\/keys": (.*)/g;
    my @said;
    while (my ($level, $line) = splice @lines, 0, 2) {
        push @said, "[$level] " . $line =~ s/ in DIR\S+//r;
    }
    return $code == 0 ? @said : ('refused', @said);
}

sub short_key {
    my ($length, $needed) = @_;
    return "is an HMAC key of $length bytes, its hash needs $needed: write a "
           . 'longer one, or "gateway_jwt_key_policy compat"';
}

sub misfit {
    return qq(has an "alg" that does not fit the key: "$_[0]", allowed are )
           . 'ES256';
}

# beside a good key a bad one is left out, and a notice says why
sub left_out {
    my ($jwk, $why, $name) = @_;

    my $kid = ref $jwk eq 'HASH' && !ref $jwk->{kid} ? $jwk->{kid} // '' : '';
    is_deeply([ judged(set(public_jwk('es256'), $jwk)) ],
              [ qq([notice] key 1, kid "$kid": $why, left out) ],
              "left out: $name");
}

sub taken {
    my ($jwk, $name) = @_;
    is_deeply([ judged(set(public_jwk('es256'), $jwk)) ], [], "taken: $name");
}

# a file that cannot be used is an error of the configuration
sub unusable {
    my ($text, $why, $name, %arg) = @_;
    my @said = judged($text, %arg);
    is_deeply([ @said[0, -1] ], [ 'refused', "[emerg] $why" ],
              "unusable: $name");
}


$Test::Gateway::More = 1;
run_tests();

taken(jwk('a'), 'a key with "use" and "alg"');
taken(jwk('a', use => undef, alg => undef, kid => undef), 'without any of it');
taken(jwk('a', key_ops => ['verify']), '"key_ops" of a public key');
taken(jwk('a', key_ops => [ 'sign', 'verify' ]), '"key_ops" of a pair');
taken(jwk('a', x5c => ['?'], 'x5t#S256' => '?', other => { a => 1 }),
      'members that are not read');

left_out(jwk('a', use => 'enc'), 'has a "use" other than "sig"', 'use enc');
left_out(jwk('a', use => 'SIG'), 'has a "use" other than "sig"', 'use SIG');
left_out(jwk('a', use => ['sig']), 'has a "use" other than "sig"',
         'use that is no string');
left_out(jwk('a', key_ops => ['sign']), 'has "key_ops" without "verify"',
         'key_ops sign');
left_out(jwk('a', key_ops => []), 'has "key_ops" without "verify"',
         'no key_ops');
left_out(jwk('a', key_ops => 'verify'), 'has "key_ops" without "verify"',
         'key_ops that are no array');
left_out(jwk('a', alg => 'ES384'), misfit('ES384'),
         'alg of another curve');
left_out(jwk('a', alg => 'HS256'), misfit('HS256'),
         'alg of another family');
left_out(jwk('a', alg => 'ECDH-ES'), misfit('ECDH-ES'),
         'alg of encryption');
left_out(jwk('a', alg => 'none'), misfit('none'),
         'alg none');
left_out(jwk('a', alg => 256), 'has an "alg" that is not a string',
         'alg that is no string');
left_out(jwk('a', kty => undef), 'has no "kty"', 'no kty');
left_out(jwk('a', kty => 'ec'), 'has an unknown "kty": "ec", allowed are oct,'
         . ' RSA, EC, OKP, AKP', 'kty in lower case');
my $curves = 'allowed are P-256, P-384, P-521, secp256k1';
left_out(jwk('a', crv => undef), qq(has no "crv", $curves), 'no crv');
left_out(jwk('a', crv => 'P-512'), qq(has an unknown "crv": "P-512", $curves),
         'unknown crv');
left_out(jwk('ed25519', crv => 'X25519', alg => undef),
         'has an unknown "crv": "X25519", allowed are Ed25519, Ed448',
         'crv of key agreement');
left_out(jwk('a', crv => 'P-384', alg => undef),
         'has an "x" of 32 bytes, its type needs 48',
         'crv of another length');
left_out(jwk('a', crv => 'secp256k1', alg => undef),
         'is no valid key of its type, or OpenSSL does not offer it',
         'crv of the same length');
left_out(jwk('a', y => jwk('a')->{x}),
         'is no valid key of its type, or OpenSSL does not offer it',
         'a point beside its curve');
left_out(jwk('a', y => undef),
         'has no "y"', 'no y');
left_out(jwk('a', x => jwk('a')->{x} . '='),
         'has an "x" that is padded, it must be base64url without "="',
         'x with padding');
left_out(jwk('a', x => b64u("\0" . b64u_decode(jwk('a')->{x}))),
         'has an "x" of 33 bytes, its type needs 32',
         'x with a zero before it');
left_out(jwk('ed25519', x => b64u('x' x 31)),
         'has an "x" of 31 bytes, its type needs 32',
         'Ed25519 of 31 bytes');
left_out(jwk('rs256', e => undef), 'has no "e"', 'no e');
left_out(jwk('rs256', n => jwk('rs256')->{n} . '=='),
         'has an "n" that is padded, it must be base64url without "="',
         'n with padding');
left_out(jwk('rs256', n => 'n+/='),
         'has an "n" in base64, it must be base64url, with "-" for "+" and "_" '
         . 'for "/"',
         'n in the other base64');
left_out(jwk('hs256', k => undef), 'has no "k"', 'no k');
left_out(jwk('hs256', k => ''), 'has an empty "k"', 'an empty k');
left_out(jwk('hs256', k => b64u('k' x 31)),
         short_key(31, 32), 'HS256 with 31 bytes');
left_out(jwk('hs256', alg => undef, k => b64u('k' x 31)),
         short_key(31, 32), '31 bytes for any HS');
left_out(jwk('hs256', alg => 'HS512', k => b64u('k' x 63)),
         short_key(63, 64), 'HS512 with 63 bytes');
left_out(jwk('a', kid => [1]), 'has a "kid" that is not a string',
         'kid that is no string');
left_out('key', 'is not an object', 'a string');
left_out(jwk('a', kid => 'es256'),
         'has the "kid" and the type of a key before it', 'duplicate kid');
taken(jwk('rs256', kid => 'es256'), 'the same kid of another type');

is_deeply([ judged(set(jwk('a', kid => 'k' x 256), jwk('b', kid => 'k' x 257)))
            ],
          [ '[notice] key 1, kid "' . 'k' x 256 . '": has a "kid" of more than '
            . '256 bytes, left out' ], 'left out: kid of 257 bytes');
is_deeply([ judged(set(public_jwk('es256'),
                       jwk('a', kid => "a\"\r\n[emerg] \xe9", alg => 'x'))) ],
          [ '[notice] key 1, kid "a???[emerg] ??": ' . misfit('x')
            . ', left out' ],
          'left out: a kid that would spoil the log is made printable');
is_deeply([ judged(set(jwk('a', alg => 'x'), jwk('b', use => 'enc'),
                       public_jwk('es256'))) ],
          [ '[notice] key 0, kid "a": ' . misfit('x') . ', left out',
            '[notice] key 1, kid "b": has a "use" other than "sig", left out' ],
          'left out: a notice for each');

is_deeply([ judged(set(jwk('hs256', k => b64u('k' x 12))), policy => 'compat') ],
          [ '[warn] key 0, kid "hs256": is shorter than its hash, used '
            . 'nevertheless' ], 'gateway_jwt_key_policy compat: used with a warning');
is_deeply([ judged(set(jwk('hs256', k => b64u('k' x 32))), policy => 'compat') ],
          [], 'gateway_jwt_key_policy compat: no warning of a long one');
unusable(set(jwk('hs256', k => b64u('k' x 12))),
         'contains no usable key: it ' . short_key(12, 32),
         'gateway_jwt_key_policy strict', policy => 'strict');

unusable(set(), 'contains no key', 'an empty set');
my $private = 'contains a private key, use its public key instead, as '
              . '"nginx-gateway jwk public" prints it';
unusable(json(private_jwk($_)), $private, "a private JWK, $_")
    for qw( a rs256 ed25519 );
unusable(set(public_jwk('es256'), private_jwk('a')), $private,
         'a private JWK beside a public one');
unusable(set(public_jwk('es256'), jwk('a', use => 'enc', d => 'x')), $private,
         'a private JWK that would be left out');
unusable(set(jwk('rs256', $_ => 'AQAB')), $private, "the member $_ of a key")
    for qw( d p q dp dq qi oth priv );
is_deeply([ judged(set(private_jwk('hs256'))) ], [], 'taken: a secret of HMAC');

unusable(json(jwk('a', use => 'enc')),
         'contains no usable key: it has a "use" other than "sig"',
         'one bad key');
unusable(set(jwk('a', use => 'enc'), jwk('b', kty => 'x')),
         'contains no usable key: the first has a "use" other than "sig"',
         'two bad keys');
left_out(jwk('a', alg => "x\n\"" . 'y' x 40),
         misfit('x\x0a\x22' . 'y' x 29 . '...'), 'alg that would spoil the log');

# what a file contains when the module is used for the first time

my $wanted = 'it must be a JWK or a JWK Set';
my $neither = 'is neither a JWK nor a JWK Set';

unusable('{}', qq($neither, it must have "keys" or "kty"), 'an object');
unusable('{"keys":{}}', qq($neither, its "keys" must be an array),
         'keys is no array');
unusable('{"issuer":"https://e.com","jwks_uri":"https://e.com/jwks"}',
         qq($neither, it is an OpenID configuration: save what its "jwks_uri" )
         . 'returns', 'an OpenID configuration');
unusable(json({ a => pem('es256') }),
         qq($neither, it maps names to PEM: save the JWK Set of the issuer, or )
         . 'each PEM in a file of its own with "pem"', 'PEM by kid');
unusable(' ', "is empty, $wanted", 'an empty file');
unusable('[' . json(public_jwk('es256')) . ']', "is a JSON array, $wanted",
         'an array');
unusable("<!doctype html>\n", "is HTML or XML, $wanted", 'HTML');
unusable("\xef\xbb\xbf" . set(public_jwk('es256')),
         'begins with a byte order mark, save it as UTF-8 without one', 'a BOM');
unusable("\xff\xfe{\0}\0", 'is UTF-16, save it as UTF-8', 'UTF-16');
unusable("keys:\n- kty: EC\n", "is YAML, $wanted", 'YAML');
unusable("https://e.com/jwks\n",
         'contains a URL, save what it returns in the file', 'a URL');
unusable(token(), "contains a token, $wanted", 'a token');
unusable('correct horse battery staple',
         "contains no JSON object, $wanted, such as \"nginx-gateway jwk import\" makes of "
         . 'a secret', 'a secret');
unusable(qq({\n  "keys": [\n    {"kty": "EC",}\n  ]\n}\n),
         'is not well-formed JSON, a comma must not precede a closing bracket '
         . '(line 3, column 18)', 'a comma too many');
unusable(qq({\n"keys": []\n), 'is not well-formed JSON, it ends too early '
         . '(line 3, column 1)', 'a file that is cut off');
unusable(qq({\n 'keys': []}\n), 'is not well-formed JSON (line 2, column 2)',
         'single quotes');
unusable(pem('es256'), 'is PEM, add the parameter "pem"', 'PEM where JWKS is said');

unusable('', 'contains no public key or certificate, it is empty',
         'an empty file of PEM',
         format => 'pem');
unusable(set(public_jwk('es256')), 'is JSON, remove the parameter "pem"',
         'JWKS where PEM is said', format => 'pem');
unusable(pem('es256') . pem_block('PRIVATE KEY', 'x' x 40),
         'contains a private key, use its public key instead',
         'PEM with a private key', format => 'pem');
unusable(pem('es256') =~ s/-----END.*//sr, 'is malformed PEM',
         'PEM that is cut off', format => 'pem');
unusable(pem_block('PUBLIC KEY', 'x' x 40),
         'contains no usable key: the first is no public key or certificate that '
         . 'OpenSSL can read', 'PEM of no key', format => 'pem');
is_deeply([ judged(pem_block('X509 CRL', 'x' x 40) . pem('es256'),
                   format => 'pem') ],
          [ '[notice] key 0, kid "": is no public key or certificate that '
            . 'OpenSSL can read, left out' ], 'left out: PEM of another kind');

done_testing();

__DATA__

=== TEST 1: a key with a kid serves tokens with that kid, or without any
--- jwks: a b
--- cases
token(key => 'a')                                   => 'verified',
token(key => 'b')                                   => 'verified',
token(key => 'a', header => { kid => 'b' })         => 'bad_signature',
token(key => 'a', header => { kid => 'c' })         => 'unknown_key',
token(key => 'a', header => { kid => 'A' })         => 'unknown_key',
token(key => 'a', header => { kid => 'aa' })        => 'unknown_key',
token(key => 'a', header => { kid => '' })          => 'unknown_key',
nameless('a')                                       => 'verified',
nameless('b')                                       => 'verified',
nameless('k1')                                      => 'bad_signature',
nameless('es384')                                   => 'key_mismatch',



=== TEST 2: a key without a kid serves any token
--- files
'jwks.json' => set(anonymous('a')),
--- cases
nameless('a')                                       => 'verified',
token(key => 'a')                                   => 'verified',
token(key => 'a', header => { kid => 'x' })         => 'verified',
token(key => 'b')                                   => 'bad_signature',
nameless('b')                                       => 'bad_signature',
token(key => 'es384')                               => 'key_mismatch',



=== TEST 3: keys with the kid are tried first, then those without one
--- files
'jwks.json' => set(anonymous('a'), public_jwk('b')),
--- cases
token(key => 'b')                                   => 'verified',
token(key => 'a')                                   => 'verified',
token(key => 'a', header => { kid => 'b' })         => 'verified',
nameless('a')                                       => 'verified',
nameless('b')                                       => 'verified',
token(key => 'b', header => { kid => 'x' })         => 'bad_signature',



=== TEST 4: a token without kid is tried with four keys that fit
--- files
'jwks.json' => set(anonymous(qw( rs256 k1 k2 ed25519 k3 k4 )), public_jwk('k5')),
--- cases
(map { (nameless($_) => 'verified') } qw( k1 k2 k3 k4 rs256 ed25519 )),
nameless('k5')                                      => 'unknown_key',
nameless('es384')                                   => 'key_mismatch',



=== TEST 5: with more than four that fit it is unknown_key
--- files
'jwks.json' => set(anonymous(qw( k1 k2 k3 k4 k5 )), public_jwk('k6')),
--- cases
(map { (nameless($_) => 'verified') } qw( k1 k2 k3 k4 )),
nameless('k5')                                      => 'unknown_key',
token(key => 'k6')                                  => 'verified',
token(key => 'k5')                                  => 'unknown_key',



=== TEST 6: the four are counted over all files
--- files
'one.json' => set(anonymous(qw( k1 k2 k3 ))),
'two.json' => set(anonymous(qw( k4 k5 ))),
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/one.json;
gateway_jwt_key_file ../html/two.json;
--- cases
nameless('k3')                                      => 'verified',
nameless('k4')                                      => 'verified',
nameless('k5')                                      => 'unknown_key',



=== TEST 7: keys with one kid and different types serve each its own
--- files
'jwks.json' => set(jwk('a', kid => 'x'), jwk('rs256', kid => 'x'),
                   jwk('es384', kid => 'x')),
--- cases
token(key => 'a', header => { kid => 'x' })         => 'verified',
token(key => 'rs256', header => { kid => 'x' })     => 'verified',
token(key => 'es384', header => { kid => 'x' })     => 'verified',
token(key => 'ed25519', header => { kid => 'x' })   => 'key_mismatch',
token(key => 'b', header => { kid => 'x' })         => 'bad_signature',



=== TEST 8: of two keys with one kid and one type the first serves
--- files
'jwks.json' => set(jwk('a', kid => 'x'), jwk('b', kid => 'x')),
--- cases
token(key => 'a', header => { kid => 'x' })         => 'verified',
token(key => 'b', header => { kid => 'x' })         => 'bad_signature',



=== TEST 9: a bad key is left out, and the other keys serve
--- files
'jwks.json' => set(jwk('a', use => 'enc'), public_jwk('b'), 'no key',
                   jwk('c', key_ops => ['encrypt'])),
--- cases
token(key => 'b')                                   => 'verified',
token(key => 'a')                                   => 'unknown_key',
token(key => 'c')                                   => 'unknown_key',



=== TEST 10: a file may hold one JWK
--- files
'jwks.json' => json(public_jwk('a')),
--- cases
token(key => 'a')                                   => 'verified',
nameless('a')                                       => 'verified',
nameless('b')                                       => 'bad_signature',
token(key => 'b')                                   => 'unknown_key',



=== TEST 11: a file may hold one JWK of kty oct
--- files
'jwks.json' => json(private_jwk('hs256')),
--- cases
token(key => 'hs256')                               => 'verified',
hmac_token('k' x 32, header => { kid => 'hs256' })   => 'bad_signature',



=== TEST 12: jwks is the default format, and can be written
--- jwks: a
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json jwks;
--- cases
token(key => 'a')                                   => 'verified',
token(key => 'b')                                   => 'unknown_key',



=== TEST 13: keys in PEM have no kid: they serve any token
--- files
'keys.pem' => "comment\n" . join "\n", map { pem($_) } qw( a rs256 ed25519 ),
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/keys.pem pem;
--- cases
token(key => 'a')                                   => 'verified',
nameless('a')                                       => 'verified',
token(key => 'rs256')                               => 'verified',
token(key => 'rs256', header => { alg => 'PS256' }) => 'bad_signature',
token(key => 'ed25519')                             => 'verified',
token(key => 'b')                                   => 'bad_signature',
token(key => 'es384')                               => 'key_mismatch',



=== TEST 14: a certificate is a key: its dates and its chain are not checked
--- files
'keys.pem' => $::certificate . pem('a'),
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/keys.pem pem;
--- cases
signed(\%::certified, 'ES256', {})                  => 'verified',
signed(\%::certified, 'ES256', { kid => 'signer' }) => 'verified',
token(key => 'a')                                   => 'verified',
token(key => 'b')                                   => 'bad_signature',



=== TEST 15: several files are one set, in whatever format
--- files
'a.json' => jwks('a'),
'b.json' => jwks('b'),
'c.pem' => pem('c'),
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/a.json;
gateway_jwt_key_file ../html/b.json;
gateway_jwt_key_file ../html/c.pem pem;
location /a {
    gateway_jwt_key_file ../html/a.json;
}
--- cases
(map { (token(key => $_) => 'verified') } qw( a b c )),
token(key => 'd')                                   => 'bad_signature',
get('/a', bearer(token(key => 'a')))                => 'verified',
get('/a', bearer(token(key => 'b')))                => 'unknown_key',
get('/a', bearer(token(key => 'c')))                => 'unknown_key',



=== TEST 16: gateway_jwt_key_policy compat: a short HMAC key serves
--- suppress_stderr
--- files
'jwks.json' => set({ kty => 'oct', kid => 'short', k => b64u('fantasticjwt') }),
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_key_policy compat;
--- cases
hmac_token('fantasticjwt', header => { kid => 'short' })  => 'verified',
hmac_token('fantasticjwt', alg => 'HS512', header => { kid => 'short' }) =>
    'verified',
hmac_token('fantasticjws', header => { kid => 'short' })  => 'bad_signature',



=== TEST 17: gateway_jwt_key_policy: one file, loaded with both policies
--- suppress_stderr
--- files
'jwks.json' => set({ kty => 'oct', kid => 'short', k => b64u('fantasticjwt') },
                   public_jwk('hs256')),
--- config
gateway_jwt_key_file ../html/jwks.json;
location /strict {
    gateway_jwt r;
}
location /compat {
    gateway_jwt r;
    gateway_jwt_key_policy compat;
}
--- cases
map { my ($path, $short) = @$_;
      (get($path, bearer(token(key => 'hs256')))    => 'verified',
       get($path, bearer(hmac_token('fantasticjwt',
                                    header => { kid => 'short' }))) => $short) }
    ([ '/strict', 'unknown_key' ], [ '/compat', 'verified' ])



=== TEST 18: an HMAC key without alg serves the hashes that it is long enough for
--- files
'jwks.json' => set(map { { kty => 'oct', kid => "$_", k => b64u('k' x $_) } }
                       32, 48, 64),
--- cases
map { my ($size, %good) = @$_;
      map { (hmac_token('k' x $size, alg => "HS$_", header => { kid => "$size" })
                 => $good{$_} ? 'verified' : 'key_mismatch') } 256, 384, 512 }
    ([ 32, 256 => 1 ],
     [ 48, 256 => 1, 384 => 1 ],
     [ 64, 256 => 1, 384 => 1, 512 => 1 ])



=== TEST 19: issuer=: keys serve tokens of that iss only
--- files
'a.json' => jwks('a'),
'b.json' => jwks('b'),
'c.json' => jwks('c'),
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/a.json issuer=https://a;
gateway_jwt_key_file ../html/b.json issuer=https://b;
gateway_jwt_key_file ../html/c.json;
location /bound {
    gateway_jwt_key_file ../html/a.json issuer=https://a;
}
--- cases
token(key => 'a', claims => { iss => 'https://a' })  => 'verified',
token(key => 'b', claims => { iss => 'https://b' })  => 'verified',
token(key => 'a', claims => { iss => 'https://b' })  => 'unknown_key',
token(key => 'b', claims => { iss => 'https://a' })  => 'unknown_key',
token(key => 'a', claims => { iss => 'https://a/' }) => 'unknown_key',
token(key => 'a')                                    => 'unknown_key',
token(key => 'a', claims => { iss => ['https://a'] }) => 'unknown_key',
token(key => 'c', claims => { iss => 'https://a' })  => 'unknown_key',
token(key => 'c', claims => { iss => 'https://b' })  => 'unknown_key',
token(key => 'c', claims => { iss => 'https://x' })  => 'verified',
token(key => 'c', claims => { iss => ['https://a'] }) => 'verified',
token(key => 'c')                                    => 'verified',
get('/bound', bearer(token(key => 'a', claims => { iss => 'https://a' }))) =>
    'verified',
get('/bound', bearer(token(key => 'a', claims => { iss => 'https://b' }))) =>
    'issuer',
get('/bound', bearer(token(key => 'a')))             => 'issuer',



=== TEST 20: issuer=: one file may be bound to several
--- jwks: a
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json issuer=https://a;
gateway_jwt_key_file ../html/jwks.json issuer=https://b;
--- cases
token(key => 'a', claims => { iss => 'https://a' })  => 'verified',
token(key => 'a', claims => { iss => 'https://b' })  => 'verified',
token(key => 'a', claims => { iss => 'https://c' })  => 'issuer',



=== TEST 21: issuer= does not replace gateway_jwt_issuer
--- files
'a.json' => jwks('a'),
'b.json' => jwks('b'),
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/a.json issuer=https://a;
gateway_jwt_key_file ../html/b.json issuer=https://b;
location /a {
    gateway_jwt_issuer https://a;
}
location /both {
    gateway_jwt_issuer https://a https://b;
}
--- cases
map { my ($path, $key, $iss, $outcome) = @$_;
      (get($path, bearer(token(key => $key, claims => { iss => $iss })))
           => $outcome) }
    ([ '/a',    'a', 'https://a', 'verified' ],
     [ '/a',    'b', 'https://b', 'issuer' ],
     [ '/a',    'b', 'https://a', 'unknown_key' ],
     [ '/both', 'a', 'https://a', 'verified' ],
     [ '/both', 'b', 'https://b', 'verified' ],
     [ '/both', 'a', 'https://b', 'unknown_key' ])



=== TEST 22: a token of an issuer of another location is refused
--- files
'a.json' => jwks('a'),
'b.json' => jwks('b'),
--- config
location /a {
    gateway_jwt r;
    gateway_jwt_key_file ../html/a.json;
}
location /b {
    gateway_jwt r;
    gateway_jwt_key_file ../html/b.json;
}
--- cases
get('/a', bearer(token(key => 'a')))                 => 'verified',
get('/b', bearer(token(key => 'a')))                 => 'unknown_key',
get('/b', bearer(token(key => 'b')))                 => 'verified',
get('/a', bearer(token(key => 'b')))                 => 'unknown_key',



=== TEST 23: issuer= in one location applies to the keys of all others
--- files
map { ("$_.json" => jwks($_)) } qw( a b c d ),
--- http_config
server {
    listen unix:$TEST_NGINX_HTML_DIR/unused.sock;
    gateway_jwt_key_file ../html/d.json issuer=https://d;
    location / { gateway_jwt off; return 204; }
}
--- config
location /a {
    gateway_jwt r;
    gateway_jwt_key_file ../html/a.json issuer=https://a;
}
location /b {
    gateway_jwt r;
    gateway_jwt_key_file ../html/b.json;
}
location /same {
    gateway_jwt r;
    gateway_jwt_key_file ../html/a.json;
    gateway_jwt_key_file ../html/b.json;
}
location /off {
    gateway_jwt off;
    gateway_jwt_key_file ../html/c.json issuer=https://c;
    return 204;
}
location /decode {
    gateway_jwt off token=$arg_t;
}
--- cases
map { my ($path, $key, $iss, $outcome) = @$_;
      (get($path, bearer(token(key => $key, claims => {
               defined $iss ? (iss => $iss) : () }))) => $outcome) }
    ([ '/a',    'a', 'https://a',   'verified' ],
     [ '/b',    'b', 'https://a',   'issuer' ],
     [ '/b',    'b', 'https://c',   'issuer' ],
     [ '/b',    'b', 'https://d',   'issuer' ],
     [ '/b',    'b', 'https://b',   'verified' ],
     [ '/b',    'b', 'https://a/',  'verified' ],
     [ '/b',    'b', 'https://',    'verified' ],
     [ '/b',    'b', 'https://A',   'verified' ],
     [ '/b',    'b', ['https://a'], 'verified' ],
     [ '/b',    'b', '',            'verified' ],
     [ '/b',    'b', undef,         'verified' ],
     [ '/b',    'a', 'https://a',   'issuer' ],
     [ '/b',    'a', 'https://b',   'unknown_key' ],
     [ '/same', 'a', 'https://a',   'verified' ],
     [ '/same', 'a', 'https://x',   'verified' ],
     [ '/same', 'a', 'https://c',   'issuer' ],
     [ '/same', 'b', 'https://a',   'unknown_key' ],
     [ '/same', 'b', 'https://x',   'verified' ],
     [ '/same', 'b', undef,         'verified' ])



=== TEST 24: one gateway_jwt_issuer binds the keys of its location, for all others
--- files
'a.json' => jwks('a'),
'b.json' => jwks('b'),
'c.json' => jwks('c'),
--- config
location /one {
    gateway_jwt r;
    gateway_jwt_issuer https://a;
    gateway_jwt_key_file ../html/a.json;
    gateway_jwt_key_file ../html/c.json;
}
location /mixed {
    gateway_jwt r;
    gateway_jwt_issuer https://a;
    gateway_jwt_key_file ../html/a.json issuer=https://a;
    gateway_jwt_key_file ../html/c.json;
}
location /free {
    gateway_jwt r;
    gateway_jwt_key_file ../html/b.json;
    gateway_jwt_key_file ../html/c.json;
}
--- cases
map { my ($path, $key, $iss, $outcome) = @$_;
      (get($path, bearer(token(key => $key, claims => {
               defined $iss ? (iss => $iss) : () }))) => $outcome) }
    ([ '/one',   'a', 'https://a', 'verified' ],
     [ '/one',   'c', 'https://a', 'verified' ],
     [ '/one',   'c', 'https://x', 'issuer' ],
     [ '/one',   'c', undef,       'issuer' ],
     [ '/mixed', 'a', 'https://a', 'verified' ],
     [ '/mixed', 'c', 'https://a', 'verified' ],
     [ '/mixed', 'c', 'https://x', 'issuer' ],
     [ '/mixed', 'c', undef,       'issuer' ],
     [ '/free',  'b', 'https://a', 'unknown_key' ],
     [ '/free',  'c', 'https://a', 'verified' ],
     [ '/free',  'b', 'https://x', 'verified' ],
     [ '/free',  'b', undef,       'verified' ])



=== TEST 25: PEM of PKCS#1 serves as any RSA key
--- files
'rsa.pem' => $::pkcs1,
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/rsa.pem pem;
--- cases
token(key => 'rs256')                                 => 'verified',
signed(private_jwk('rs256'), 'PS256', { kid => 'x' }) => 'verified',
token(key => 'a')                                     => 'key_mismatch',



=== TEST 26: a key of id-RSASSA-PSS serves PS algorithms only
--- files
'rsa.pem' => $::pss,
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/rsa.pem pem;
--- cases
token(key => 'rs256')                                 => 'key_mismatch',
(map { (signed(private_jwk('rs256'), $_, { kid => 'x' }) => 'verified') }
     qw( PS256 PS384 PS512 )),
edited(signed(private_jwk('rs256'), 'PS256', {}), payload => sub { claims_json({ sub => 'x' }) }) =>
    'bad_signature',
