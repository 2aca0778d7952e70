# SPDX-License-Identifier: BSD-2-Clause

# jwt_... and detached_requests_total: fetches of keys, their age, the keys of
# files, and the token cache.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Issuer;
use Test::Gateway::Scrape;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep );

my $issuer = issuer('a');

my $server = start_nginx(workers => 1,
                         files => { 'two.json' => jwks('b', 'c'),
                                    'one.json' => jwks('d') },
                         http => $Metrics{http}, server => <<"END");
    $Metrics{server}
    $Reason
    gateway_jwt_key_fetch interval=1h min=1s;
    @{[ $issuer->location('/keys') ]}
    location = /fetched {
        gateway_jwt api; gateway_jwt_key_request /keys; empty_gif;
    }
    location = /two {
        gateway_jwt api; gateway_jwt_key_file two.json watch=50ms; empty_gif;
    }
    location = /one {
        gateway_jwt api; gateway_jwt_key_file one.json; empty_gif;
    }
END

my @labels = qw( source result );
my $now = time;
my %token = map { $_ => token(key => $_, claims => { sub => 'alice',
                                                     exp => $now + 3600 }) }
            qw( a b c d );

ok($issuer->fetched(1), 'the keys are fetched');
counted($server, 'jwt_key_fetches_total', \@labels,
        { '/keys success' => 1, '/keys failure' => 0, '/keys aborted' => 0 },
        'one fetch is counted');
counted($server, 'detached_requests_total', [ qw( user result ) ],
        { 'keys complete' => 1 }, 'as one request of the gateway');

my $age = value($server, 'jwt_key_age_seconds', source => '/keys');
cmp_ok($age, '>=', 0, 'the age of the keys is known');
cmp_ok($age, '<', 60, 'and is that of the fetch');
sleep 0.3;
cmp_ok(value($server, 'jwt_key_age_seconds', source => '/keys'), '>=',
       $age + 0.25, 'it grows');

my $dir = $server->dir;
counted($server, 'jwt_keys', [ 'file' ],
        { "$dir/two.json" => 2, "$dir/one.json" => 1 },
        'the keys of files are counted');
write_file("$dir/two.json", jwks('b'));
counted($server, 'jwt_keys', [ 'file' ],
        { "$dir/two.json" => 1, "$dir/one.json" => 1 },
        'also after a change');


# --- the token cache

is(reason($server, '/fetched', $token{a}), '200', "token $_") for 1 .. 3;
is(reason($server, '/two', $token{b}), '200', 'another token');
counted($server, 'jwt_token_cache_requests_total', [ 'result' ],
        { hit => 2, miss => 2 }, 'a token is verified once');
is(reason($server, '/one', $token{c}), '401 unknown_key', 'an invalid one')
    for 1 .. 2;
counted($server, 'jwt_token_cache_requests_total', [ 'result' ],
        { hit => 2, miss => 4 }, 'or each time, if it is invalid');
status($server, '/one');
status($server, '/one', 'no.token');
counted($server, 'jwt_token_cache_requests_total', [ 'result' ],
        { hit => 2, miss => 4 }, 'only tokens with a signature are counted');


# --- failures

$issuer->answers(status => 500, body => '');
ok(wait_until(sub {
    status($server, '/fetched', token(key => 'e', claims => { sub => 'x' }));
    return $issuer->fetches >= 2;
}, 20), 'an unknown key is fetched');
counted($server, 'jwt_key_fetches_total', \@labels,
        { '/keys success' => 1, '/keys failure' => $issuer->fetches - 1,
          '/keys aborted' => 0 },
        'a failure is counted');

$issuer->hang;
my $before = $issuer->fetches;
ok(wait_until(sub {
    my $client = IO::Socket::INET->new('127.0.0.1:' . $server->port) or die;
    print $client "GET /fetched HTTP/1.0\r\nAuthorization: Bearer "
                  . token(key => 'e', claims => { sub => rand }) . "\r\n\r\n";
    sleep 0.2;
    return $issuer->fetches > $before;
}, 20), 'a fetch hangs');
$server->stop;
$issuer->down;


# --- off

$server = start_nginx(workers => 1, files => { 'one.json' => jwks('d') },
                      http => "$Metrics{http} gateway_jwt_token_cache off;",
                      server => <<"END");
    $Metrics{server}
    location = /one {
        gateway_jwt api; gateway_jwt_key_file one.json; empty_gif;
    }
END
is(status($server, '/one', $token{d}), 200, 'a token') for 1 .. 2;
counted($server, 'jwt_token_cache_requests_total', [ 'result' ], {},
        'without a token cache nothing is counted');
$server->stop;

done_testing();
