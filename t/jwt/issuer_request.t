# SPDX-License-Identifier: BSD-2-Clause

# What an issuer receives when nginx fetches its keys: nothing of a client, and
# nothing that the location inherits from its server.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Issuer;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep );

my %token = map { $_ => token(key => $_, claims => { sub => 'alice' }) }
            qw( a b );

my $app = origin();
my $to_app = 'proxy_pass http://127.0.0.1:' . $app->port . ';';

sub start {
    my ($server, $http) = @_;

    return start_nginx(workers => 1, http => $http,
                       files => { 'jwks.json' => jwks('other') },
                       server => <<"END");
    $Reason
    proxy_http_version 1.0;
    location /api/ { gateway_jwt api; gateway_jwt_key_request /keys; $to_app }
    $server
END
}

# the bytes of all requests of an issuer

sub bytes {
    return map { of_any_version($_->{head} . $_->{body}) } $_[0]->requests;
}

# without what depends on the version of nginx: HTTP/1.1 is the default of
# proxy_http_version since 1.29.7

sub of_any_version {
    return $_[0] =~ s{HTTP/1\.[01]\r\n}{HTTP/1.x\r\n}r
                 =~ s{^Connection: close\r\n}{}mr;
}

sub exact {
    my ($issuer, @more) = @_;

    return join "\r\n", 'GET /jwks HTTP/1.x', @more,
                'Host: 127.0.0.1:' . $issuer->port,
                'Accept: application/json', '', '';
}


# --- nothing of the client that causes the fetch

my $issuer = issuer('a');
my $server = start('gateway_jwt_key_fetch min=1s;'
                   . $issuer->location('/keys'));

is(reason($server, '/api/', $token{a}), '200', 'a key of the issuer');
is($issuer->fetches, 1, 'one fetch');

my @client = ('Cookie: session=1', 'Range: bytes=0-1', 'If-Range: "x"',
              'If-None-Match: "x"', 'If-Match: "y"',
              'If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT',
              'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT',
              'Accept-Encoding: gzip', 'Accept: text/html', 'TE: trailers',
              'Content-Type: application/x-www-form-urlencoded',
              'X-Forwarded-For: 192.0.2.1', 'User-Agent: test', 'X-Any: 1');

$issuer->keys('a', 'b');
sleep 1.1;      # min
is(reason($server, '/api/x?y=1', $token{b}, method => 'POST', body => 'b=1',
          headers => \@client),
   '200', 'a new key, asked for by a POST with a body and fields');
is($issuer->fetches, 2, 'a second fetch');

is_deeply([ bytes($issuer) ], [ (exact($issuer)) x 2 ],
          'the bytes are the same and contain nothing of the client');
like($app->requests && ($app->requests)[-1]{head},
     qr{^POST /api/x\?y=1 .*^Cookie: session=1\r\n.*^If-Range}ms,
     'the application receives the request');
is(($app->requests)[-1]{body}, 'b=1', 'with its body');
is(status($server, '/keys', undef), 404, 'clients do not reach the location');
is(scalar $issuer->requests, 2, 'and no request is sent for them');

$server->stop('requests of clients');


# --- what the location adds

$issuer = issuer('a');
$server = start($issuer->location('/keys', more => <<"END"));
        proxy_set_header X-Added "\$scheme \$remote_addr \$request_method";
        proxy_set_header Accept-Language de;
END

is(reason($server, '/api/', $token{a}), '200', 'a location with fields');
is_deeply([ bytes($issuer) ],
          [ exact($issuer, 'X-Added: http unix: GET', 'Accept-Language: de') ],
          'which the issuer receives');
$server->stop('a location with fields');


# --- inherited from the server

$issuer = issuer('a');
$issuer->answers(head => [ 'Cache-Control: no-cache, max-age=600', 'ETag: "1"' ]);
$server = start(<<"END", 'gateway_cache_zone zone=c:8m;');
    gateway_jwt api;
    gateway_jwt_key_file jwks.json;
    gateway_jwt_key_fetch interval=1s min=1s;
    gateway_cache c;
    @{[ $issuer->location('/keys') ]}
END

is(reason($server, '/api/', $token{a}), '200',
   'a location that inherits gateway_jwt and gateway_cache');
ok($issuer->fetched(3, 10), 'each interval');
is_deeply([ (bytes($issuer))[0 .. 2] ], [ (exact($issuer)) x 3 ],
          'the issuer receives a whole request');
$server->stop('a location that inherits');

done_testing;
