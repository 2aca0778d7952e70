# SPDX-License-Identifier: BSD-2-Clause

# Keys by request: what the settings of a block and of its server do to the keys
# that are fetched: algorithms, policy, issuers, intervals.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Issuer;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

my @claims = (claims => { sub => 'alice' });
my $issuer = issuer(qw( es256 hs256 ));
my $other = issuer('rs256');
my $es256 = token(key => 'es256', @claims);
my $hs256 = token(key => 'hs256', @claims);
my $rs256 = token(key => 'rs256', @claims);

# a server with these locations, once those of "ready" have keys

sub start {
    my ($lines, %arg) = @_;

    my $server = start_nginx(
        workers => 1, http => $arg{http},
        server => $Reason . $issuer->location('/keys')
                  . $other->location('/other') . $lines);
    wait_until(sub { status($server, $_, $es256) != 503 })
        for @{ $arg{ready} // [ '/' ] };
    return $server;
}

sub stop {
    my ($server) = @_;
    return $server->stop('nothing went wrong unannounced');
}


# --- algorithms

my $server = start(<<'CONF', ready => [ '/', '/named', '/both' ]);
gateway_jwt_key_request /keys;
location /      { gateway_jwt api; empty_gif; }
location /named { gateway_jwt api; gateway_jwt_algorithms HS256; empty_gif; }
location /both  { gateway_jwt api; gateway_jwt_algorithms HS256 ES256;
                  empty_gif; }
CONF

is(reason($server, '/', $es256), '200', 'a key of the issuer');
is(reason($server, '/', $rs256), '401 unknown_key', 'another key');
is(reason($server, '/', undef), '401 missing', 'no token');
is(reason($server, '/', $hs256), '401 algorithm_not_allowed',
   'a secret of the issuer, whose algorithm is not named');
is(reason($server, '/named', $hs256), '200', 'which is named');
is(reason($server, '/named', $es256), '401 algorithm_not_allowed',
   'another algorithm is not');
is(reason($server, '/both', $_->[0]), '200', "$_->[1] of both")
    for [ $hs256, 'one' ], [ $es256, 'the other' ];
is($issuer->fetches, 1, 'one fetch for all blocks of a server');
stop($server);

# secrets only, which would be accepted from a file

$issuer->keys('hs256');
my %secrets = ('secrets.json' => jwks('hs256'));
$server = start_nginx(workers => 1, files => \%secrets, server => $Reason
                      . $issuer->location('/keys') . <<'CONF');
location /file    { gateway_jwt api; gateway_jwt_key_file secrets.json;
                    empty_gif; }
location /request { gateway_jwt api; gateway_jwt_key_request /keys; empty_gif; }
location /both    { gateway_jwt api; gateway_jwt_key_file secrets.json;
                    gateway_jwt_key_request /keys; empty_gif; }
CONF
is(reason($server, '/file', $hs256), '200', 'a secret in a file');
is(reason($server, $_, $hs256), '401 algorithm_not_allowed',
   "not without its algorithm: $_")
    for '/request', '/both';
stop($server);
$issuer->keys(qw( es256 hs256 ));


# --- issuers

sub of {
    my ($key, $iss) = @_;
    return token(key => $key, claims => { sub => 'alice',
                                          iss => "https://$iss" });
}

$server = start(<<'CONF', ready => [ '/bound', '/open' ]);
location /bound { gateway_jwt api;
                  gateway_jwt_key_request /keys  issuer=https://a;
                  gateway_jwt_key_request /other issuer=https://b; empty_gif; }
location /open  { gateway_jwt api;
                  gateway_jwt_key_request /keys; empty_gif; }
location /other-open { gateway_jwt api;
                  gateway_jwt_key_request /other; empty_gif; }
location /one   { gateway_jwt api; gateway_jwt_issuer https://c;
                  gateway_jwt_key_request /keys; empty_gif; }
CONF

wait_until(sub { reason($server, '/bound', of('rs256', 'b')) eq '200' });
is(reason($server, '/bound', of('es256', 'a')), '200', 'issuer= of the key');
is(reason($server, '/bound', of('rs256', 'b')), '200', 'and of the other');
is(reason($server, '/bound', of('es256', 'b')), '401 unknown_key',
   'the key of another issuer');
is(reason($server, '/bound', of('es256', 'd')), '401 issuer',
   'an issuer without keys');
is(reason($server, '/open', of('es256', 'd')), '200',
   'without issuer=, an issuer that has no other source');
is(reason($server, '/open', of('es256', 'a')), '200', 'or this one');
is(reason($server, '/open', of('es256', 'b')), '401 issuer',
   'but none that another source is bound to');
is(reason($server, '/other-open', of('rs256', 'c')), '401 issuer',
   'also by gateway_jwt_issuer');
is(reason($server, '/one', of('es256', 'c')), '200', 'whose source it serves');
stop($server);

# the level of http, for a server that inherits it and one that does not

my $bound = 'gateway_jwt_key_request /keys issuer=https://a;';
$server = start('gateway_jwt_key_request /other; '
                . 'location / { gateway_jwt api; empty_gif; }', http => $bound);
wait_until(sub { reason($server, '/', $rs256) eq '200' });
is(reason($server, '/', $rs256), '200', 'a server with its own keys');
is(reason($server, '/', of('rs256', 'a')), '401 issuer',
   'do not serve an issuer that is bound where no server inherits it');
stop($server);


# --- policy: short secrets

$issuer->answers(body => json({ keys => [ { kty => 'oct', alg => 'HS256',
                                            k => 'c2hvcnQ', kid => 's' },
                                          public_jwk('es256') ] }));
my $short = hmac_token('short', header => { kid => 's' }, @claims);
my $before = $issuer->fetches;
$server = start(<<'CONF', ready => [ '/', '/old' ]);
gateway_jwt_algorithms HS256 ES256;
gateway_jwt_key_request /keys;
location /    { gateway_jwt api; empty_gif; }
location /old { gateway_jwt api; gateway_jwt_key_policy compat; empty_gif; }
CONF
is(reason($server, '/', $es256), '200', 'a key');
is(reason($server, '/', $short), '401 unknown_key', 'a short secret');
is(reason($server, '/old', $short), '200', 'which compat accepts');
is($issuer->fetches - $before, 2, 'a set for each policy');
stop($server);
$issuer->keys('es256');


# --- the interval: of the block that asks for the shortest one

sub fetches_in {
    my ($seconds, $fetch, $location) = @_;

    my $server = start("$fetch gateway_jwt_key_request /keys;"
                       . " location / { gateway_jwt api; empty_gif; }"
                       . " location /cache { gateway_jwt api; $location"
                       . ' empty_gif; }');
    my $from = $issuer->fetches;
    my $came = $issuer->fetched($from + 2, $seconds);
    stop($server);
    return $came ? 'again' : $issuer->fetches - $from;
}

is(fetches_in(4, 'gateway_jwt_key_fetch interval=1s;', ''), 'again',
   'interval=1s');
is(fetches_in(4, 'gateway_jwt_key_cache 1s;', ''), 'again',
   'gateway_jwt_key_cache 1s');
is(fetches_in(4, '', 'gateway_jwt_key_cache 1s;'), 'again',
   'in one of the locations');
is(fetches_in(4, 'gateway_jwt_key_fetch interval=1s;',
              'gateway_jwt_key_cache 1h;'), 'again',
   'a longer one in one of the locations');
is(fetches_in(2, 'gateway_jwt_key_fetch interval=1h;', ''), 0, 'interval=1h');
is(fetches_in(2, 'gateway_jwt_key_cache 1h;', ''), 0,
   'gateway_jwt_key_cache 1h');

# at the levels of http and server, the inner one applies

sub levels {
    my ($http, $inner) = @_;

    my $server = start("$inner gateway_jwt_key_request /keys;"
                       . ' location / { gateway_jwt api; empty_gif; }',
                       http => $http);
    my $from = $issuer->fetches;
    my $came = $issuer->fetched($from + 1, 2);
    stop($server);
    return $came ? 1 : 0;
}

is(levels('gateway_jwt_key_cache 1s;', ''), 1, 'inherited');
is(levels('gateway_jwt_key_cache 1s;', 'gateway_jwt_key_fetch interval=1h;'), 0,
   'interval= of the server');
is(levels('gateway_jwt_key_cache 1s;', 'gateway_jwt_key_fetch min=1s;'), 1,
   'a server that sets another parameter');
is(levels('gateway_jwt_key_fetch interval=1s;', 'gateway_jwt_key_cache 1h;'), 0,
   'gateway_jwt_key_cache of the server');
is(levels('gateway_jwt_key_fetch interval=1s;', 'gateway_jwt_key_fetch;'), 0,
   'gateway_jwt_key_fetch is inherited as a whole');

done_testing;
