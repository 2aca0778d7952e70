# SPDX-License-Identifier: BSD-2-Clause

# Known attacks on signed tokens and key files: each is refused for the right
# reason, beside a similar token or file that passes.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP ();
use Math::BigInt;
use Test::Gateway;
use Test::Gateway::Cases;


# --- tokens and keys that an attacker makes

# the public key of an RSA JWK of 2048 bits as PEM
sub rsa_pem {
    my ($jwk) = @_;

    my $der = pack('H*', '30820122300d06092a864886f70d010101050003'
                         . '82010f003082010a0282010100')
              . b64u_decode($jwk->{n}) . pack('H*', '0203010001');
    my $text = MIME::Base64::encode_base64($der, '');
    $text =~ s/(.{64})(?=.)/$1\n/g;
    return "-----BEGIN PUBLIC KEY-----\n$text\n-----END PUBLIC KEY-----\n";
}

sub der_signature {
    my ($raw) = @_;

    my $body = '';
    for my $n (substr($raw, 0, 32), substr($raw, 32)) {
        $n =~ s/^\0+//;
        $n = "\0$n" if ord($n) & 0x80;
        $body .= pack('CC', 2, length $n) . $n;
    }
    return pack('CC', 0x30, length $body) . $body;
}

# S + L: the same point, but not the number that RFC 8032 asks for
sub ed25519_plus_order {
    my ($raw) = @_;

    my $order = Math::BigInt->new(2)->bpow(252)->badd(
                    '27742317777372353535851937790883648493');
    my $s = Math::BigInt->from_bytes(scalar reverse substr $raw, 32);
    my $sum = $s->badd($order)->to_bytes;
    $sum = ("\0" x (32 - length $sum)) . $sum;
    return substr($raw, 0, 32) . scalar reverse $sum;
}

our $order = pack 'H*', 'ffffffff00000000ffffffffffffffff'
                        . 'bce6faada7179e84f3b9cac2fc632551';

sub nested {
    my ($arrays) = @_;
    return '{"exp":' . (time + 3600) . ',"a":' . '[' x $arrays . ']' x $arrays
           . '}';
}

sub members {
    my ($n) = @_;
    return json({ exp => time + 3600, map { ("m$_" => 1) } 1 .. $n - 1 });
}

sub conflict { refused('consumer_conflict', code => 403) }

sub claims_text { '{"exp":' . (time + 3600) . ",$_[0]}" }

sub swap {
    my ($token, $index, $part) = @_;
    my @parts = split /\./, $token, -1;
    $parts[$index] = $part->($parts[$index]);
    return join '.', @parts;
}

# the last character with one more of the bits that carry nothing
sub unused_bit {
    my ($text) = @_;
    my $alphabet = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_';
    my $value = index $alphabet, substr $text, -1;
    die 'no unused bits' if length($text) % 4 == 0;
    return substr($text, 0, -1) . substr $alphabet, $value ^ 1, 1;
}


# --- files of keys, as nginx -t judges them

sub judged {
    my (@keys) = @_;

    my ($code, $said) = nginx_t(http_conf(server => <<'CONF'),
gateway_jwt r;
gateway_jwt_key_file keys.json;
CONF
                                { 'keys.json' => ref $keys[0]
                                                 ? json({ keys => \@keys })
                                                 : $keys[0] });
    my ($line) = $said =~ /(gateway_jwt_key_file "DIR.*)/;
    return $code == 0 ? $line // 'accepted' : "refused: $line";
}

# beside a good key: the bad one is left out, and a notice says why
sub left_out {
    my ($jwk, $why, $name) = @_;

    my $kid = $jwk->{kid} // '';
    is(judged($jwk, public_jwk('es256')),
       qq{gateway_jwt_key_file "DIR/keys.json": key 0, kid "$kid": $why, }
       . 'left out', $name);
}

# alone: the configuration is refused
sub unusable {
    my ($text, $why, $name) = @_;

    my ($refused) = judged($text) =~ /^refused: (.*)/;
    $why = qr/\Q$why/ if !ref $why;
    like($refused =~ s/ in DIR.*//r,
         qr{^gateway_jwt_key_file "DIR/keys\.json": $why\z}, $name);
}

sub accepted { my ($jwk, $name) = @_; is(judged($jwk), 'accepted', $name) }

sub rsa {
    my (%change) = @_;
    return { %{ public_jwk('rs256') }, kid => 'rsa', %change };
}

sub modulus { b64u($_[0]->to_bytes) }

# a modulus as the generator of CVE-2017-15361 makes it: a power of 65537,
# here the zeroth, modulo every small prime
sub roca_modulus {
    my $product = Math::BigInt->new(2);
    my @primes = grep { my $n = $_; !grep { $n % $_ == 0 } 2 .. sqrt $n }
                 3 .. 167;
    $product->bmul($_) for @primes;

    my $times = Math::BigInt->new(2)->bpow(2047)->bdiv($product)->badd(1);
    return modulus($product->copy->bmul($times)->badd(1));
}

$Test::Gateway::More = 1;
run_tests();

my $rsa = b64u_decode(public_jwk('rs256')->{n});
my $small = Math::BigInt->new(2)->bpow(2046)->badd(1);
my $large = Math::BigInt->new(2)->bpow(16384)->badd(1);
my $row = 'RSA<2048, e=1/even, n even, huge n/e';

accepted(rsa(), "$row: a sane key is taken");
left_out(rsa(n => modulus($small)),
         'is an RSA key of less than 2048 bits', "$row: 2047 bits");
accepted(rsa(n => modulus(Math::BigInt->new(2)->bpow(2047)->badd(1))),
         "$row: 2048 bits are enough");
left_out(rsa(n => modulus($large)),
         'is an RSA key of more than 16384 bits', "$row: 16385 bits");
accepted(rsa(n => modulus(Math::BigInt->new(2)->bpow(16383)->badd(1))),
         "$row: 16384 bits are few enough");
left_out(rsa(n => b64u(substr($rsa, 0, -1) . chr(ord(substr $rsa, -1) & 254))),
         'has an even RSA modulus', "$row: n even");

for my $e ([ 0, "\0" ], [ 1, "\1" ], [ 2, "\2" ], [ 65536, "\1\0\0" ],
           [ '2^33 + 1', "\2\0\0\0\1" ], [ '2^40 + 1', "\1\0\0\0\0\1" ])
{
    left_out(rsa(e => b64u($e->[1])),
             'has an RSA exponent that is even, below 3 or above 2^33',
             "$row: e is $e->[0]");
}
accepted(rsa(e => b64u("\3")), "$row: e is 3");
accepted(rsa(e => b64u("\1\377\377\377\377")), "$row: e is 2^33 - 1");
left_out(rsa(n => roca_modulus()),
         'is an RSA key that can be factored (CVE-2017-15361)',
         "$row: the fingerprint of ROCA");

for my $hmac ([ HS256 => 32 ], [ HS384 => 48 ], [ HS512 => 64 ]) {
    my ($alg, $size) = @$hmac;
    my %jwk = (kty => 'oct', kid => 'h', alg => $alg);

    left_out({ %jwk, k => b64u('k' x ($size - 1)) },
             'is an HMAC key of ' . ($size - 1) . " bytes, its hash needs $size: "
             . 'write a longer one, or "gateway_jwt_key_policy compat"',
             "short HMAC key: one byte too few for $alg");
    accepted({ %jwk, k => b64u('k' x $size) },
             "short HMAC key: just long enough for $alg");
}

unusable('{"keys":[],"keys":[]}',
         'has a duplicate member "keys" (line 1, column 12)',
         'duplicate JSON members: in a set of keys');
unusable(json(public_jwk('es256')) =~ s/\{/{"kty":"oct",/r,
         qr/has a duplicate member "kty" \(line 1, column \d+\)/,
         'duplicate JSON members: in a key');
unusable(json(public_jwk('es256')) . '{}',
         qr/has bytes after its end \(line 1, column \d+\)/,
         'invalid UTF-8, NUL, trailing data: behind a key');

done_testing();

__DATA__

=== TEST 1: alg none: no spelling of it is accepted
--- jwks: es256
--- cases
token()                                           => 'verified',
unsigned()                                        => 'algorithm_not_allowed',
unsigned(header => { alg => 'None' })             => 'algorithm_not_allowed',
unsigned(header => { alg => 'NoNe' })             => 'algorithm_not_allowed',
unsigned(header => { alg => 'NONE' })             => 'algorithm_not_allowed',
unsigned(header => { alg => '' })                 => 'algorithm_not_allowed',
unsigned(header => { alg => 'none', kid => 'es256' }) =>
    'algorithm_not_allowed',
compact('{"alg":"none"}', claims_json(), 'x' x 64) => 'algorithm_not_allowed',



=== TEST 2: alg none: a name is compared byte for byte
--- jwks: es256
--- cases
token(header => { alg => 'ES256' })               => 'verified',
token(header => { alg => 'es256' })               => 'algorithm_not_allowed',
token(header => { alg => 'ES256 ' })              => 'algorithm_not_allowed',
token(header => { alg => 'ES2567' })              => 'algorithm_not_allowed',
token(header => '{"alg":"ES256\u0000","kid":"es256"}') => 'malformed_header',



=== TEST 3: alg missing, or not a string
--- jwks: es256
--- cases
token()                                           => 'verified',
token(header => { alg => undef })                 => 'malformed_header',
token(header => '{"alg":null,"kid":"es256"}')     => 'malformed_header',
token(header => { alg => 256 })                   => 'malformed_header',
token(header => { alg => ['ES256'] })             => 'malformed_header',
token(header => '[]')                             => 'malformed_header',
token(header => '""')                             => 'malformed_header',



=== TEST 4: alg none: one such token does not switch verification off for later ones
--- jwks: es256
--- single
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_algorithms RS256 ES256;
--- cases
unsigned()                                        => 'algorithm_not_allowed',
edited(token(), payload => sub { claims_json({ sub => 'root' }) }) =>
    'bad_signature',
unsigned()                                        => 'algorithm_not_allowed',
token()                                           => 'verified',



=== TEST 5: the token never chooses between JWS and JWE: "enc" in a signed token changes nothing
--- jwks: es256
--- cases
token(header => { enc => 'A128GCM' })             => 'verified',
edited(token(header => { enc => 'A128GCM' }),
       payload => sub { claims_json({ sub => 'root' }) }) => 'bad_signature',
compact('{"alg":"dir","enc":"A128GCM"}', claims_json(), 'x' x 64) =>
    'algorithm_not_allowed',



=== TEST 6: the token never chooses between JWS and JWE: a five-part token is malformed_header
--- jwks: es256
--- cases
token()                                           => 'verified',
compact('{"alg":"dir","enc":"A128GCM"}', '', 'i' x 12, 'c' x 20, 't' x 16) =>
    'malformed_header',
compact('{"alg":"RSA-OAEP","enc":"A128GCM"}', 'k' x 256, 'i' x 12, 'c' x 20,
        't' x 16)                                 => 'malformed_header',
token() . '.AAAA.AAAA'                            => 'malformed_header',



=== TEST 7: JSON serialization is no token
--- jwks: es256
--- cases
token()                                           => 'verified',
do { my ($h, $p, $s) = split /\./, token();
     qq({"protected":"$h","payload":"$p","signature":"$s"}) } =>
    'malformed_header',



=== TEST 8: HS/RS confusion: a public key as the secret, by default
--- jwks: rs256
--- cases
token(key => 'rs256')                             => 'verified',
hmac_token(rsa_pem(public_jwk('rs256')), header => { kid => 'rs256' }) =>
    'algorithm_not_allowed',
hmac_token(rsa_pem(public_jwk('rs256')))          => 'algorithm_not_allowed',



=== TEST 9: HS/RS confusion: also where HS256 is allowed
--- jwks: rs256 hs256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_algorithms HS256 RS256;
--- cases
token(key => 'rs256')                             => 'verified',
token(key => 'hs256')                             => 'verified',
hmac_token(rsa_pem(public_jwk('rs256')), header => { kid => 'rs256' }) =>
    'key_mismatch',
hmac_token(b64u_decode(public_jwk('rs256')->{n}), header => { kid => 'rs256' })
    => 'key_mismatch',
hmac_token(json(public_jwk('rs256')), header => { kid => 'rs256' }) =>
    'key_mismatch',
hmac_token(jwks('rs256'), header => { kid => 'hs256' }) => 'bad_signature',



=== TEST 10: HS/RS confusion: PEM is never a secret
--- files
'key.pem' => rsa_pem(public_jwk('rs256')),
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/key.pem pem;
gateway_jwt_algorithms HS256 HS384 HS512 RS256;
--- cases
token(key => 'rs256')                             => 'verified',
hmac_token(rsa_pem(public_jwk('rs256')))          => 'key_mismatch',
hmac_token(rsa_pem(public_jwk('rs256')) =~ s/\n\z//r) => 'key_mismatch',
hmac_token(rsa_pem(public_jwk('rs256')), alg => 'HS512') => 'key_mismatch',



=== TEST 11: alg vs key alg/use/key_ops/crv: a key with alg serves no other
--- jwks: rs256
--- cases
token(key => 'rs256')                             => 'verified',
signed(private_jwk('rs256'), 'PS256', { kid => 'rs256' }) => 'key_mismatch',
signed(private_jwk('rs256'), 'RS512', { kid => 'rs256' }) => 'key_mismatch',



=== TEST 12: alg vs key alg/use/key_ops/crv: without alg it serves its family
--- files
'jwks.json' => json({ keys => [ do { my %key = %{ public_jwk('rs256') };
                                     delete $key{alg}; \%key } ] }),
--- cases
token(key => 'rs256')                             => 'verified',
signed(private_jwk('rs256'), 'PS256', { kid => 'rs256' }) => 'verified',
signed(private_jwk('rs256'), 'RS512', { kid => 'rs256' }) => 'verified',
edited(token(key => 'rs256'),
       header => sub { '{"alg":"PS256","kid":"rs256"}' }) => 'bad_signature',
token(key => 'es256', header => { kid => 'rs256' }) => 'key_mismatch',



=== TEST 13: alg vs key alg/use/key_ops/crv: a key for another use serves no token
--- files
'jwks.json' => json({ keys => [
    { %{ public_jwk('es256') }, use => 'sig' },
    { %{ public_jwk('enc') }, use => 'enc' },
    { %{ public_jwk('ops') }, key_ops => ['sign'] },
    { %{ public_jwk('verify') }, key_ops => [ 'verify', 'encrypt' ] } ] }),
--- cases
token()                                           => 'verified',
token(key => 'verify')                            => 'verified',
token(key => 'enc')                               => 'unknown_key',
token(key => 'ops')                               => 'unknown_key',



=== TEST 14: alg vs key alg/use/key_ops/crv: the algorithm fixes the curve
--- files
'jwks.json' => json({ keys => [ map { my %key = %{ public_jwk($_) };
    delete $key{alg}; \%key } qw( es256 es384 es256k ed25519 ed448 ) ] }),
--- cases
token(key => 'es256')                             => 'verified',
token(key => 'es256k')                            => 'verified',
token(key => 'ed448')                             => 'verified',
token(key => 'es256', header => { kid => 'es256k' }) => 'key_mismatch',
token(key => 'es256', header => { alg => 'ES256K' }) => 'key_mismatch',
token(key => 'es256', header => { alg => 'ES384' })  => 'key_mismatch',
token(key => 'es384', header => { alg => 'ES256' })  => 'key_mismatch',
token(key => 'es256', header => { alg => 'EdDSA' })  => 'key_mismatch',
token(key => 'ed25519', header => { alg => 'Ed448' }) => 'key_mismatch',
token(key => 'ed448', header => { alg => 'Ed25519' }) => 'key_mismatch',



=== TEST 15: jwk / jku / x5u / x5c header: the key in a token is never used
--- jwks: es256
--- cases
token(header => { jwk => public_jwk('mallory') }) => 'verified',
token(key => 'mallory', header => { jwk => public_jwk('mallory') }) =>
    'unknown_key',
token(key => 'mallory', header => { jwk => public_jwk('mallory'),
                                    kid => undef })   => 'bad_signature',
token(key => 'mallory', header => { jwk => public_jwk('mallory'),
                                    kid => 'es256' }) => 'bad_signature',
token(key => 'mallory', header => { x5c => ['MIIB'], kid => 'es256' }) =>
    'bad_signature',



=== TEST 16: jwk / jku / x5u / x5c header: nothing is fetched
--- jwks: es256
--- files
'mallory.json' => jwks('mallory'),
--- config
gateway_jwt_key_file ../html/jwks.json;
location /t {
    gateway_jwt r;
}
location /mallory.json {
    access_log logs/error.log;
}
--- cases
(map { my $url = 'http://127.0.0.1:' . server_port() . '/mallory.json';
       (token(header => { $_ => $url })           => 'verified',
        token(key => 'mallory', header => { $_ => $url }) => 'unknown_key') }
     qw( jku x5u )),
--- no_error_log
GET /mallory.json



=== TEST 17: kid injection, traversal, SQL/Redis: a kid is bytes to compare
--- files
'jwks.json' => json({ keys => [
    public_jwk('hs256'),
    { %{ public_jwk('hs384') }, kid => '../../../../dev/null' },
    { %{ public_jwk('hs512') }, kid => "' OR 1=1 --\r\nGET x\r\n" } ] }),
--- cases
token(key => 'hs256')                             => 'verified',
token(key => 'hs384', header => { kid => '../../../../dev/null' }) =>
    'verified',
token(key => 'hs512', header => { kid => "' OR 1=1 --\r\nGET x\r\n" }) =>
    'verified',
hmac_token('', header => { kid => '../../../../dev/null', alg => 'HS384' },
           alg => 'HS384')                        => 'bad_signature',
hmac_token('', header => { kid => '/dev/null' })  => 'unknown_key',
hmac_token('', header => { kid => '../html/t' })  => 'unknown_key',
token(key => 'hs256', header => { kid => 'hs256 ' }) => 'unknown_key',
token(key => 'hs256', header => { kid => "' OR '1'='1" }) => 'unknown_key',
token(key => 'hs256', header => { kid => '*' })   => 'unknown_key',
token(key => 'hs256', header => { kid => '' })    => 'unknown_key',
token(key => 'hs256', header => { kid => 1 })     => 'malformed_header',



=== TEST 18: kid injection, traversal, SQL/Redis: a kid does not spoil the log
--- jwks: es256
--- cases
token(header => { kid => "x\"\n2026 [alert] forged" }) => 'unknown_key',
--- error_log
reason "unknown_key", kid "(unprintable)"
--- no_error_log
forged



=== TEST 19: kid injection, traversal, SQL/Redis: at most 256 bytes
--- files
'jwks.json' => json({ keys => [ { %{ public_jwk('es256') }, kid => 'k' x 256 },
                                { %{ public_jwk('b') }, kid => 'k' x 257 } ] }),
--- cases
token(header => { kid => 'k' x 256 })             => 'verified',
token(key => 'b', header => { kid => 'k' x 257 }) => 'unknown_key',



=== TEST 20: crit: refused, whatever it contains
--- jwks: es256
--- cases
token(header => { 'not-crit' => ['exp'] })        => 'verified',
token(header => { crit => ['exp'], exp => 1 })    => 'malformed_header',
token(header => { crit => ['b64'], b64 => JSON::PP::true }) =>
    'malformed_header',
token(header => { crit => [] })                   => 'malformed_header',
token(header => { crit => 'exp' })                => 'malformed_header',
token(header => '{"alg":"ES256","kid":"es256","crit":null}') =>
    'malformed_header',



=== TEST 21: b64=false (RFC 7797): with crit and without
--- jwks: es256
--- cases
token(header => { b65 => JSON::PP::false })       => 'verified',
token(header => { b64 => JSON::PP::false })       => 'malformed_header',
token(header => { b64 => JSON::PP::true })        => 'malformed_header',
token(header => { b64 => JSON::PP::false, crit => ['b64'] }) =>
    'malformed_header',



=== TEST 22: duplicate JSON members: in the header
--- jwks: es256
--- cases
token(header => '{"alg":"ES256","kid":"es256","a":{"b":1},"b":1}') =>
    'verified',
token(header => '{"alg":"none","alg":"ES256","kid":"es256"}') =>
    'malformed_header',
token(header => '{"alg":"ES256","kid":"x","kid":"es256"}') =>
    'malformed_header',
token(header => '{"alg":"ES256","kid":"es256","\u006bid":"es256"}') =>
    'malformed_header',



=== TEST 23: duplicate JSON members: in the claims, at any depth, in any spelling
--- jwks: es256
--- cases
token(payload => claims_text('"sub":"a","a":{"sub":"b"}')) => 'verified',
token(payload => claims_text('"sub":"a","sub":"b"'))    => 'malformed_payload',
token(payload => claims_text('"sub":"a","s\u0075b":"b"')) =>
    'malformed_payload',
token(payload => claims_text('"a":[{"sub":1,"sub":1}]')) => 'malformed_payload',
token(payload => '{"exp":1,' . substr claims_text('"a":1'), 1) =>
    'malformed_payload',



=== TEST 24: invalid UTF-8, NUL, trailing data: in the claims
--- jwks: es256
--- cases
token(payload => claims_text(qq("sub":"\xc3\xa9")))     => 'verified',
token(payload => claims_text('"sub":"\u00e9\ud83d\ude00"')) => 'verified',
token(payload => claims_text('"sub":"a"') . " \r\n\t")  => 'verified',
token(payload => claims_text(qq("sub":"\xe9")))         => 'malformed_payload',
token(payload => claims_text(qq("sub":"\xc0\xaf")))     => 'malformed_payload',
token(payload => claims_text(qq("sub":"\xed\xa0\x80"))) => 'malformed_payload',
token(payload => claims_text('"sub":"\ud83d"'))         => 'malformed_payload',
token(payload => claims_text('"sub":"a\u0000b"'))       => 'malformed_payload',
token(payload => claims_text(qq("sub":"a\0b")))         => 'malformed_payload',
token(payload => claims_text('"sub":"a"') . '{}')       => 'malformed_payload',
token(payload => claims_text('"sub":"a"') . "\0")       => 'malformed_payload',
token(payload => "\xef\xbb\xbf" . claims_text('"a":1')) => 'malformed_payload',



=== TEST 25: invalid UTF-8, NUL, trailing data: in the header
--- jwks: es256
--- cases
token(header => qq({"alg":"ES256","kid":"es256","x":"\xc3\xa9"}\n)) =>
    'verified',
token(header => qq({"alg":"ES256","kid":"es256","x":"\xe9"})) =>
    'malformed_header',
token(header => '{"alg":"ES256","kid":"es256\u0000"}')  => 'malformed_header',
token(header => '{"alg":"ES256","kid":"es256"}x')       => 'malformed_header',
token(header => '{"alg":"ES256","kid":"es256"')         => 'malformed_header',
token(header => '')                                     => 'malformed_header',



=== TEST 26: invalid UTF-8, NUL, trailing data: claims are an object
--- jwks: es256
--- cases
token(payload => claims_text('"a":1'))                  => 'verified',
token(payload => '[' . claims_text('"a":1') . ']')      => 'malformed_payload',
token(payload => '"exp"')                               => 'malformed_payload',
token(payload => 'null')                                => 'malformed_payload',
token(payload => '')                                    => 'malformed_payload',
token(payload => 'Live long and prosper.')              => 'malformed_payload',



=== TEST 27: deep / huge JSON, many dots: 16 levels, 256 members
--- jwks: es256
--- cases
token(payload => nested(15))                            => 'verified',
token(payload => nested(16))                            => 'malformed_payload',
token(payload => members(256))                          => 'verified',
token(payload => members(257))                          => 'malformed_payload',
token(payload => claims_text('"a":' . '[' x 5000))      => 'malformed_payload',
token(header => '{"alg":"ES256","kid":"es256","a":' . '[' x 15 . ']' x 15
                . '}')                                  => 'verified',
token(header => '{"alg":"ES256","kid":"es256","a":' . '[' x 16 . ']' x 16
                . '}')                                  => 'malformed_header',



=== TEST 28: deep / huge JSON, many dots: exactly two dots
--- jwks: es256
--- cases
token()                                                 => 'verified',
join('.', (split /\./, token())[0, 1])                  => 'malformed_header',
token() . '.'                                           => 'malformed_header',
'.' . token()                                           => 'malformed_header',
token() . '.AAAA'                                       => 'malformed_header',
'.' x 1000                                              => 'malformed_header',
'..'                                                    => 'malformed_header',
'.'                                                     => 'malformed_header',
'x'                                                     => 'malformed_header',
swap(token(), 2, sub { '' })                         => 'malformed_signature',



=== TEST 29: base64url malleability: one spelling of a signature
--- jwks: es256
--- cases
token()                                              => 'verified',
swap(token(), 2, \&unused_bit)                       => 'malformed_signature',
swap(token(), 2, sub { "$_[0]=" })                   => 'malformed_signature',
swap(token(), 2, sub { "$_[0]==" })                  => 'malformed_signature',
swap(token(), 2, sub { "$_[0]=anything" })           => 'malformed_signature',
swap(token(), 2, sub { substr($_[0], 0, 40) . '=' . substr $_[0], 40 }) =>
    'malformed_signature',
swap(token(), 2, sub { substr($_[0], 0, 40) . ' ' . substr $_[0], 40 }) =>
    'malformed_signature',
swap(token(), 2, sub { substr($_[0], 0, 40) . '+' . substr $_[0], 41 }) =>
    'malformed_signature',
swap(token(), 2, sub { substr($_[0], 0, 40) . '/' . substr $_[0], 41 }) =>
    'malformed_signature',
swap(token(), 2, sub { "$_[0]AAA" })                 => 'malformed_signature',
swap(token(), 2, sub { substr $_[0], 0, -1 })        => 'malformed_signature',
swap(token(), 2, sub { substr($_[0], 0, 40) . "\x80" . substr $_[0], 41 }) =>
    'malformed_signature',



=== TEST 30: base64url malleability: one spelling of a header and of claims
--- jwks: es256
--- cases
token(payload => claims_text('"a":1')  . ' ' x 3)    => 'verified',
swap(token(), 0, sub { "$_[0]=" })                   => 'malformed_header',
swap(token(header => '{"alg":"ES256","kid":"es256"  }'), 0, \&unused_bit) =>
    'malformed_header',
swap(token(), 0, sub { substr $_[0], 0, 41 })        => 'malformed_header',
swap(token(), 1, sub { "$_[0]=" })                   => 'malformed_payload',
swap(token(), 1, sub { substr($_[0], 0, 4) . "\t" . substr $_[0], 4 }) =>
    'malformed_payload',
swap(token(), 1, sub { substr $_[0], 0, 17 })        => 'malformed_payload',



=== TEST 31: psychic signature r/s=0, >=n: out of range is never valid
--- jwks: es256
--- cases
token()                                              => 'verified',
edited(token(), signature => sub { "\0" x 64 })      => 'bad_signature',
edited(token(), signature => sub { "\0" x 32 . substr $_, 32 }) =>
    'bad_signature',
edited(token(), signature => sub { substr($_, 0, 32) . "\0" x 32 }) =>
    'bad_signature',
edited(token(), signature => sub { $::order . substr $_, 32 }) =>
    'bad_signature',
edited(token(), signature => sub { substr($_, 0, 32) . $::order }) =>
    'bad_signature',
edited(token(), signature => sub { $::order . $::order })  => 'bad_signature',
edited(token(), signature => sub { "\xff" x 64 })    => 'bad_signature',



=== TEST 32: psychic signature r/s=0, >=n: raw R and S of fixed length, no DER
--- jwks: es256 es512
--- cases
token()                                              => 'verified',
token(key => 'es512')                                => 'verified',
edited(token(), signature => \&der_signature)        => 'malformed_signature',
edited(token(), signature => sub { "\0$_" })         => 'malformed_signature',
edited(token(), signature => sub { "$_\0" })         => 'malformed_signature',
edited(token(), signature => sub { substr $_, 1 })   => 'malformed_signature',
edited(token(), signature => sub { "\0\0" . substr($_, 0, 32) . "\0\0"
                                   . substr $_, 32 }) => 'malformed_signature',
edited(token(key => 'es512'), signature => sub { substr $_, 2 }) =>
    'malformed_signature',



=== TEST 33: psychic signature: S of Ed25519 is below the order of the group
--- jwks: ed25519
--- cases
token(key => 'ed25519')                              => 'verified',
edited(token(key => 'ed25519'), signature => \&ed25519_plus_order) =>
    'bad_signature',
edited(token(key => 'ed25519'), signature => sub { "\0" x 64 }) =>
    'bad_signature',
edited(token(key => 'ed25519'), signature => sub { "$_\0" }) =>
    'malformed_signature',



=== TEST 34: RSA signature: as long as the modulus
--- jwks: rs256
--- cases
token(key => 'rs256')                                => 'verified',
edited(token(key => 'rs256'), signature => sub { "\0$_" })  => 'bad_signature',
edited(token(key => 'rs256'), signature => sub { substr $_, 1 }) =>
    'bad_signature',
edited(token(key => 'rs256'), signature => sub { "\0" x 255 . "\1" }) =>
    'bad_signature',
edited(token(key => 'rs256'), signature => sub { "\xff" x 256 }) =>
    'bad_signature',



=== TEST 35: exp as string/float/huge/negative/1e400: a number, or malformed
--- jwks: es256
--- cases
token(claims => { exp => time + 60 })                => 'verified',
token(payload => '{"exp":' . (time + 60) . '.5}')    => 'verified',
token(payload => '{"exp":1e300}')                    => 'verified',
token(payload => '{"exp":9223372036854775807}')      => 'verified',
token(payload => '{"exp":9223372036854775808}')      => 'malformed_payload',
token(payload => '{"exp":1e400}')                    => 'malformed_payload',
token(payload => '{"exp":-9223372036854775808}')     => 'expired',
token(payload => '{"exp":-1}')                       => 'expired',
token(payload => '{"exp":"' . (time + 60) . '"}')    => 'malformed_payload',
token(payload => '{"exp":null}')                     => 'malformed_payload',
token(payload => '{"exp":[' . (time + 60) . ']}')    => 'malformed_payload',



=== TEST 36: aud "" / [] / mixed types: match nothing
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_audience api;
--- cases
token(claims => { aud => 'api' })                    => 'verified',
token(claims => { aud => [ 'other', 'api' ] })       => 'verified',
token(claims => { aud => '' })                       => 'audience',
token(claims => { aud => [] })                       => 'audience',
token(claims => { aud => [''] })                     => 'audience',
token(claims => { aud => [ 'api', 1 ] })             => 'audience',
token(claims => { aud => [ 'api', undef ] })         => 'audience',
token(claims => { aud => [ ['api'] ] })              => 'audience',
token(claims => { aud => { api => 1 } })             => 'audience',
token(claims => { aud => 1 })                        => 'audience',
token()                                              => 'audience',



=== TEST 37: zip bomb: nothing is ever unpacked
--- jwks: es256
--- cases
token(header => { zap => 'DEF' })                    => 'verified',
token(header => { zip => 'DEF' })                    => 'malformed_header',
token(header => { zip => 'none' })                   => 'malformed_header',
token(header => '{"alg":"ES256","kid":"es256","zip":null}') =>
    'malformed_header',



=== TEST 38: timing: all bytes of a MAC are compared
--- jwks: hs256
--- cases
token(key => 'hs256')                                => 'verified',
edited(token(key => 'hs256'),
       signature => sub { chr(ord($_) ^ 1) . substr $_, 1 }) =>
    'bad_signature',
edited(token(key => 'hs256'),
       signature => sub { substr($_, 0, 31) . chr(ord(substr $_, 31) ^ 1) }) =>
    'bad_signature',
edited(token(key => 'hs256'), signature => sub { substr $_, 0, 1 }) =>
    'malformed_signature',
edited(token(key => 'hs256'), signature => sub { $_ . "\0" }) =>
    'malformed_signature',



=== TEST 39: header smuggling of claims: the client's line is removed, also if the claim is missing
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    return 200 "user=$http_x_user open=$http_x_open\n";
}
--- jwks: es256
--- config
location /jwt {
    gateway_jwt r;
    gateway_jwt_key_file ../html/jwks.json;
    gateway_jwt_claim_header X-User name;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
location /none {
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request eval
["GET /jwt\n", "GET /jwt\n", "GET /jwt\n", "GET /none\n"]
--- more_headers eval
my $spoof = "X-User: root\nx_user: root\nX-USER: root\nX-Open: yes";
[ map { $_ ? main::bearer(main::token(claims => $_)) . "\n$spoof" : $spoof }
      { name => 'alice' }, {}, { name => "a\r\nX-Open: forged" }, undef ]
--- error_code eval
[200, 200, 200, 200]
--- response_body eval
["user=alice open=yes\n", "user= open=yes\n", "user= open=yes\n",
 "user= open=yes\n"]



=== TEST 40: OPTIONS bypass: no method passes by itself
--- jwks: es256
--- request eval
[ map { "$_ /t\n" } qw( OPTIONS HEAD POST TRACE_ ) ]
--- more_headers eval
["Origin: https://a.example\nAccess-Control-Request-Method: GET",
 "", "Content-Length: 0", ""]
--- error_code eval
[401, 401, 401, 401]
--- response_headers eval
[ map { 'WWW-Authenticate: Bearer realm="r"' } 1 .. 4 ]



=== TEST 41: OPTIONS bypass: each method passes with a token
--- jwks: es256
--- files
't' => 'granted',
--- request eval
[ "OPTIONS /t\n", "HEAD /t\n" ]
--- more_headers eval
[ map { main::bearer(main::token()) } 1 .. 2 ]
--- error_code eval
[405, 200]
--- response_headers eval
[ map { '!WWW-Authenticate' } 1 .. 2 ]



=== TEST 42: cross-tenant key reuse: a key vouches for its own issuer only
--- files
'a.json' => jwks('a'),
'b.json' => jwks('b'),
--- config
gateway_jwt r;
gateway_jwt_issuer https://a https://b;
gateway_jwt_key_file ../html/a.json issuer=https://a;
gateway_jwt_key_file ../html/b.json issuer=https://b;
--- cases
token(key => 'a', claims => { iss => 'https://a' })  => 'verified',
token(key => 'b', claims => { iss => 'https://b' })  => 'verified',
token(key => 'b', claims => { iss => 'https://a' })  => 'unknown_key',
token(key => 'a', claims => { iss => 'https://b' })  => 'unknown_key',
token(key => 'a', claims => { iss => 'https://c' })  => 'issuer',
token(key => 'a')                                    => 'issuer',



=== TEST 43: token in query logged: hidden from the upstream and from the access log
--- http_config
log_format request '[$request] [$args] [$arg_t]';
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    return 200 "$request_uri\n";
}
--- jwks: es256
--- config
access_log logs/error.log request;
gateway_jwt r token=$arg_t;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_hide on;
location /up {
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request eval
'GET /up?a=1&t=' . main::token() . "&b=2\n"
--- response_body
/up?a=1&b=2
--- error_log
[GET /up?a=1&b=2 HTTP/1.1] [a=1&b=2] [-]
--- no_error_log
eyJ



=== TEST 44: token in query logged: a refused one is hidden from both logs
--- http_config
log_format request '[$request] [$args] [$arg_t]';
--- jwks: es256
--- config
access_log logs/error.log request;
gateway_jwt r token=$arg_t;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_hide on;
--- request eval
'GET /up?a=1&t=' . main::token(claims => { exp => 1 }) . "&b=2\n"
--- error_code: 401
--- response_body_like: "reason":"expired"
--- error_log
[GET /up?a=1&b=2 HTTP/1.1] [a=1&b=2] [-]
gateway_jwt: refused with 401, reason "expired", kid "es256"
--- no_error_log
eyJ



=== TEST 45: cross-tenant key reuse: no sub that reads as another issuer's iss#sub
--- files
'a.json' => jwks('a'),
'b.json' => jwks('b'),
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/a.json issuer=https://a;
gateway_jwt_key_file ../html/b.json;
location /one {
    gateway_jwt_key_file ../html/b.json;
}
location /claim {
    gateway_jwt_consumer sub;
}
--- cases
token(key => 'a', claims => { iss => 'https://a', sub => 'x' })       => 'verified',
token(key => 'a', claims => { iss => 'https://a', sub => 'https://a#x' })
                                                                => 'verified',
token(key => 'b', claims => { sub => 'x' })                     => 'verified',
token(key => 'b', claims => { sub => 'https://a#x' }) => conflict(),
token(key => 'b', claims => { sub => 'https://a#' }) => conflict(),
token(key => 'b', claims => { sub => 'https://a' })             => 'verified',
token(key => 'b', claims => { sub => 'https://b#x' })           => 'verified',
token(key => 'b', claims => { iss => ['https://a'], sub => '#x' })    => 'verified',
token(key => 'b', claims => { iss => 'https://a#x', sub => 'y' }) => conflict(),
get('/one', bearer(token(key => 'b', claims => { sub => 'https://a#x' }))) => conflict(),
get('/claim', bearer(token(key => 'b', claims => { sub => 'https://a#x' })))
                                                                => 'verified',
