# SPDX-License-Identifier: BSD-2-Clause

# The memory of a refused request while its client does not read the response.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Server;
use Test::Gateway::Held;
use Test::Gateway::Token;
use Test::More;

plan skip_all => 'the sanitizer keeps what is freed'
    if ($ENV{TEST_NGINX_BINARY} // '') =~ m{/asan/};

my $key = 'gateway_jwt r; gateway_jwt_key_file jwks.json;';

my $http = 'log_format said "$gateway_jwt_refused_claim_sub";';

my $server = <<"END";
    location /plain { return 401; }
    location /jwt { $key empty_gif; }
    location /issuer {
        gateway_jwt r;
        gateway_jwt_key_file jwks.json issuer=https://a;
        gateway_jwt_require_claim x exists;
        empty_gif;
    }
    location /rule {
        $key
        gateway_jwt_require_claim x any none;
        empty_gif;
    }
    location /logged {
        $key
        gateway_jwt_require_claim x any none;
        access_log logs/said.log said;
        empty_gif;
    }
    location /unverified {
        gateway_jwt r; gateway_jwt_verify off;
        gateway_jwt_require_claim x any none;
        empty_gif;
    }
    location /decoded {
        gateway_jwt off token=\$http_t; deny all;
        empty_gif;
    }
END

# about 7,900 bytes each, as nginx accepts them by default: values that take
# most memory for their bytes

sub filled {
    my ($n, $value) = @_;
    return '[' . join(',', ($value) x $n) . ']';
}

my $now = time + 3600;
my %payload = (
    objects  => qq({"exp":$now,"x":) . filled(1900, '{}') . '}',
    reals    => qq({"exp":$now,"x":) . filled(690, '-1e-310') . '}',
    escaped  => qq({"exp":$now,"x":) . filled(620, '"\u0061"') . '}',
    issuer   => qq({"exp":$now,"iss":) . filled(1900, '{}') . '}',
);
my %forged = map {
    $_ => compact('{"alg":"ES256","kid":"es256"}', $payload{$_}, 'x' x 64)
} keys %payload;
my %signed = map { $_ => token(payload => $payload{$_}) } keys %payload;

my $bomb = compact('{"alg":"ES256","kid":"es256","x":' . filled(1900, '{}')
                   . '}', '{}', 'x' x 64);
my $bounded = compact('{"alg":"ES256","kid":"es256","x":' . filled(61, '{}')
                      . '}', '{}', 'x' x 64);

# the same in the header: what is allowed, and more
my %header = map { $_ => compact('{"alg":"ES256","kid":"es256","x":'
                                 . filled($_, '{}') . '}', '{}', 'x' x 64) }
             61, 62, 1900;

my $pair = token(claims => { sub => 'x' x 766, x => [ 1 .. 1000 ] });

sub held {
    my ($path, $name, $value) = @_;

    my ($bytes, $status) = held_by(server => $server, path => $path,
                                   http => $http, headers => [ [ $name, $value ] ],
                                   files => { 'jwks.json' => jwks('es256') });
    note(sprintf '%s, %d bytes of %s: %d %.0f bytes a stream', $path,
         length $value, $name, $status, $bytes);
    return ($bytes, $status);
}

# What a location holds for a request without a token, whose other field is as
# long as the token that it is compared with.

my %without;

sub without {
    my ($path, $n) = @_;

    $without{$path}{$n} //= [ held($path, 'x-pad', 'x' x $n) ];
    return @{ $without{$path}{$n} };
}

# at most 1 kB more than without a token; for short and for long ones

sub is_released {
    my ($path, $field, $token, $status, $name) = @_;

    my $value = $field eq 't' ? $token : "Bearer $token";
    my ($bytes, $got) = held($path, $field, $value);
    my ($bare) = without($path, length $value);

    is($got, $status, "$name: refused");
    cmp_ok($bytes - $bare, '<=', 1024, '    and no more than 1 kB is held');
}

for my $n (400, 3000, 7700) {
    my ($plain, $refused) = without('/plain', $n);
    is($refused, 401, "return 401, beside $n bytes");

    for my $path (qw( /jwt /issuer /rule /unverified )) {
        my ($bytes, $status) = without($path, $n);
        is($status, 401, "$path without a token");
        cmp_ok($bytes - $plain, '<=', 8192, '    holds two pools more at most');
    }
}

is_released('/jwt', 'authorization', $header{$_}, 401, "a header of $_ objects")
    for sort keys %header;

for my $what (sort keys %payload) {
    is_released('/jwt', 'authorization', $forged{$what}, 401,
                "a bad signature, $what");
    is_released('/issuer', 'authorization', $forged{$what}, 401,
                "an issuer's keys, $what");
    is_released('/rule', 'authorization', $signed{$what}, 401,
                "a good signature and a rule, $what");
    is_released('/unverified', 'authorization', $forged{$what}, 401,
                "no signature and a rule, $what");
    is_released('/decoded', 't', $forged{$what}, 403,
                "a token that is only decoded, $what");
}

is_released('/logged', 'authorization', $pair, 401, 'claims for the log');

done_testing;
