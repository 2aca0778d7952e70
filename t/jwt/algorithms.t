# SPDX-License-Identifier: BSD-2-Clause

# Every signature algorithm, granted and refused, and which are allowed: by a
# list, and by default.
#
# both passes: workers verify with what OpenSSL has fetched in the master

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP ();
use Math::BigInt ();
use Test::Gateway;
use Test::Gateway::Cases;


# --- keys and tokens

# a key that does not name the algorithm it is for
sub unpinned {
    my %jwk = %{ public_jwk($_[0]) };
    delete $jwk{alg};
    return \%jwk;
}

sub unpinned_set { json({ keys => [ map { unpinned($_) } @_ ] }) }

# one bit of the signature is flipped
sub altered {
    my ($token) = @_;
    return edited($token, signature => sub {
        my $at = int(length($_) / 2);
        return substr($_, 0, $at) . chr(ord(substr $_, $at) ^ 4)
               . substr $_, $at + 1;
    });
}

# the same signature with other claims
sub forged {
    edited($_[0], payload => sub { claims_json({ sub => 'root' }) });
}

# all tests of one algorithm
sub both_sides {
    my (@names) = @_;
    return map { my $token = token(key => $_);
                 ($token => 'verified', altered($token) => 'bad_signature',
                  forged($token) => 'bad_signature') } @names;
}

# The other signature of the same token: (r, n - s) for (r, s), n being the order
# of the curve.  Signers take either, so that half of all signatures have the
# larger s.
our %order = (
    es256  => 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    es256k => 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
    es384  => 'f' x 48 . 'c7634d81f4372ddf581a0db248b0a77aecec196accc52973',
    es512  => '01' . 'f' x 64 . 'fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47'
              . 'aebb6fb71e91386409',
);

sub other_s {
    my ($name, $token) = @_;
    return edited($token, signature => sub {
        my $size = length($_) / 2;
        my $n = Math::BigInt->from_hex($order{$name});
        my $s = $n - Math::BigInt->from_hex(unpack 'H*', substr $_, $size);
        my $hex = $s->as_hex =~ s/^0x//r;
        return substr($_, 0, $size) . pack 'H*', '0' x (2 * $size - length $hex)
                                                . $hex;
    });
}

# RFC 9964 came with OpenSSL 3.5
sub offers_ml_dsa {
    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
    my ($major, $minor) = `$nginx -V 2>&1`
        =~ /OpenSSL (\d+)\.(\d+)(?!.*OpenSSL \d)/s
        or die 'no version of OpenSSL';
    return $major > 3 || $major == 3 && $minor >= 5;
}

our @ml_dsa = offers_ml_dsa() ? qw( ml-dsa-44 ml-dsa-65 ml-dsa-87 ) : ();


$Test::Gateway::More = 1;
run_tests();

for my $name (qw( ML-DSA-44 ML-DSA-65 ML-DSA-87 )) {
    my ($code, $said) = nginx_t(http_conf(server => <<"CONF"),
gateway_jwt r;
gateway_jwt_key_file keys.json;
gateway_jwt_algorithms ES256 $name;
CONF
                                { 'keys.json' => jwks('es256') });
    my ($line) = $said =~ /\[emerg\] \S+ (.*) in DIR/;

    is($line // 'accepted', @ml_dsa ? 'accepted'
           : qq(algorithm "$name" in "gateway_jwt_algorithms" needs OpenSSL )
         . '3.5 or later',
       "$name in the allow-list: where OpenSSL offers it");
    is($code, @ml_dsa ? 0 : 1, "$name in the allow-list: exit code");
}

my %akp = (kty => 'AKP', kid => 'akp', alg => 'ML-DSA-44',
           pub => b64u('p' x 1312));
my ($code, $said) = nginx_t(http_conf(server => <<'CONF'),
gateway_jwt r;
gateway_jwt_key_file keys.json;
CONF
                            { 'keys.json' => json({ keys =>
                                [ \%akp, public_jwk('es256') ] }) });
my ($line) = $said =~ /(gateway_jwt_key_file "DIR.*)/;

is($code, 0, 'a key of ML-DSA is no reason not to start');
is($line // 'taken', @ml_dsa ? 'taken'
   : 'gateway_jwt_key_file "DIR/keys.json": key 0, kid "akp": is no valid key '
     . 'of its type, or OpenSSL does not offer it, left out',
   'a key of ML-DSA is left out where OpenSSL does not offer it');

done_testing();

__DATA__

=== TEST 1: HS256, HS384, HS512
--- jwks: hs256 hs384 hs512
--- cases
both_sides(qw( hs256 hs384 hs512 ))



=== TEST 2: RS256, RS384, RS512
--- jwks: rs256 rs384 rs512
--- cases
both_sides(qw( rs256 rs384 rs512 ))



=== TEST 3: PS256, PS384, PS512
--- jwks: ps256 ps384 ps512
--- cases
both_sides(qw( ps256 ps384 ps512 ))



=== TEST 4: PS256, PS384, PS512: the hash belongs to the name
--- files
'jwks.json' => unpinned_set('ps256'),
--- cases
map { my $ps = $_;
      my $token = signed(private_jwk('ps256'), $ps, { kid => 'ps256' });
      ($token => 'verified',
       map { my $other = $_;
             (edited($token, header => sub { s/$ps/$other/r }) =>
                  'bad_signature') }
           grep { $_ ne $ps } qw( PS256 PS384 PS512 RS256 )) }
    qw( PS256 PS384 PS512 )



=== TEST 5: ES256, ES384, ES512
--- jwks: es256 es384 es512
--- cases
both_sides(qw( es256 es384 es512 ))



=== TEST 6: ES256K
--- jwks: es256k
--- cases
both_sides('es256k')



=== TEST 7: EdDSA with Ed25519 and with Ed448
--- files
'jwks.json' => json({ keys => [ public_jwk('eddsa'), unpinned('ed25519'),
                                unpinned('ed448') ] }),
--- cases
both_sides('eddsa'),
map { my $token = signed(private_jwk($_), 'EdDSA', { kid => $_ });
      ($token => 'verified', altered($token) => 'bad_signature',
       forged($token) => 'bad_signature') } qw( ed25519 ed448 )



=== TEST 8: Ed25519 and Ed448, the names of RFC 9864
--- jwks: ed25519 ed448
--- cases
both_sides(qw( ed25519 ed448 ))



=== TEST 9: Ed25519 and Ed448 name one curve, EdDSA both; a key that names one of them serves it alone
--- files
'jwks.json' => json({ keys => [ { %{ public_jwk('eddsa') }, kid => 'pinned' },
                                { %{ unpinned('eddsa') }, kid => 'free' },
                                unpinned('ed448') ] }),
--- cases
signed(private_jwk('eddsa'), 'EdDSA', { kid => 'pinned' })   => 'verified',
signed(private_jwk('eddsa'), 'Ed25519', { kid => 'pinned' }) => 'key_mismatch',
signed(private_jwk('eddsa'), 'EdDSA', { kid => 'free' })     => 'verified',
signed(private_jwk('eddsa'), 'Ed25519', { kid => 'free' })   => 'verified',
signed(private_jwk('ed448'), 'Ed448', { kid => 'ed448' })    => 'verified',
signed(private_jwk('eddsa'), 'EdDSA', { kid => 'free', alg => 'Ed448' }) =>
    'key_mismatch',
signed(private_jwk('eddsa'), 'EdDSA', { kid => 'ed448' })    => 'bad_signature',



=== TEST 10: ML-DSA-44, ML-DSA-65, ML-DSA-87, where OpenSSL offers them
--- files
'jwks.json' => jwks('es256', @::ml_dsa),
--- cases
token()                                                      => 'verified',
compact('{"alg":"ML-DSA-44","kid":"other"}', claims_json(), 's' x 2420) =>
    'unknown_key',
compact('{"alg":"ML-DSA-44","kid":"es256"}', claims_json(), 's' x 2420) =>
    'key_mismatch',
both_sides(@::ml_dsa)



=== TEST 11: gateway_jwt_algorithms: no other algorithm is accepted
--- jwks: es256 es384 rs256 eddsa
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_algorithms ES256 EdDSA;
--- cases
token(key => 'es256')                             => 'verified',
token(key => 'eddsa')                             => 'verified',
token(key => 'es384')                             => 'algorithm_not_allowed',
token(key => 'rs256')                             => 'algorithm_not_allowed',
token(key => 'eddsa', header => { alg => 'Ed25519' }) =>
    'algorithm_not_allowed',
token(key => 'es256', header => { alg => 'XS256' }) => 'algorithm_not_allowed',



=== TEST 12: gateway_jwt_algorithms: a location's list replaces the server's
--- jwks: es256 rs256 hs256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_algorithms ES256;
location /t { }
location /rsa { gateway_jwt_algorithms RS256; }
location /all { gateway_jwt_algorithms RS256 ES256 HS256; }
--- cases
map { my ($path, %outcome) = @$_;
      map { (get("/$path", bearer(token(key => $_))) =>
                 $outcome{$_} ? 'verified' : 'algorithm_not_allowed') }
          qw( es256 rs256 hs256 ) }
    ([ 't',   es256 => 1 ],
     [ 'rsa', rs256 => 1 ],
     [ 'all', es256 => 1, rs256 => 1, hs256 => 1 ])



=== TEST 13: gateway_jwt_algorithms: the list is checked before keys and claims
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_algorithms ES256;
--- cases
token(key => 'rs256', claims => { exp => 1 })     => 'algorithm_not_allowed',
token(key => 'es256', claims => { exp => 1 })     => 'expired',



=== TEST 14: by default HS* is allowed if all keys are oct
--- jwks: hs256 hs512
--- cases
token(key => 'hs256')                             => 'verified',
token(key => 'hs512')                             => 'verified',
token(key => 'es256')                             => 'unknown_key',



=== TEST 15: by default HS* is not allowed beside a key of another kind
--- jwks: hs256 es256
--- cases
token(key => 'hs256')                             => 'algorithm_not_allowed',
token(key => 'es256')                             => 'verified',



=== TEST 16: by default HS* is not allowed beside a key of another kind in another file
--- files
'oct.json' => jwks('hs256'),
'ec.json' => jwks('es256'),
--- config
location /t {
    gateway_jwt r;
    gateway_jwt_key_file ../html/oct.json;
    gateway_jwt_key_file ../html/ec.json;
}
location /oct {
    gateway_jwt r;
    gateway_jwt_key_file ../html/oct.json;
    gateway_jwt_key_file ../html/oct.json watch=0;
}
--- cases
token(key => 'hs256')                             => 'algorithm_not_allowed',
token(key => 'es256')                             => 'verified',
get('/oct', bearer(token(key => 'hs256')))        => 'verified',



=== TEST 17: by default HS* is not allowed beside a key of another kind that is left out
--- files
'jwks.json' => json({ keys => [ public_jwk('hs256'),
                                { %{ public_jwk('rs256') }, use => 'enc' } ] }),
--- cases
token(key => 'hs256')                             => 'algorithm_not_allowed',



=== TEST 18: by default HS* is allowed beside an oct key that is left out
--- files
'jwks.json' => json({ keys => [ public_jwk('hs256'),
                                { kty => 'oct', k => 'c2hvcnQ' } ] }),
--- cases
token(key => 'hs256')                             => 'verified',



=== TEST 19: HS* beside a key of another kind, allowed by the list
--- jwks: hs256 es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_algorithms HS256 ES256;
--- cases
token(key => 'hs256')                             => 'verified',
token(key => 'es256')                             => 'verified',
hmac_token(secret('hs256'), alg => 'HS384', header => { kid => 'hs256' }) =>
    'algorithm_not_allowed',



=== TEST 20: of an ECDSA signature both forms are valid (RFC 7518)
--- jwks: es256 es256k es384 es512
--- cases
map { my $token = token(key => $_);
      my $other = other_s($_, $token);
      ($token                => 'verified',
       $other                => 'verified',
       other_s($_, $other)   => 'verified',
       altered($other)       => 'bad_signature',
       forged($other)        => 'bad_signature') } sort keys %::order
