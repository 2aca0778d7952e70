# SPDX-License-Identifier: BSD-2-Clause

# overhead_seconds: the time of the gateway's handlers in one request of eight,
# with waiting for other servers and without pauses.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Consumer;
use Test::Gateway::FakeRedis;
use Test::Gateway::Load;
use Test::Gateway::Origin;
use Test::Gateway::Scrape;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

my $origin = origin();
$origin->answer('*', head => [ 'Cache-Control: max-age=60' ], delay => 1);

my $fake = fake_redis(actions => [ [ delay => 0.4,
               [ integers => 1, time * 1_000_000, 5, 86_400_000_000, 0 ] ] ]);

sub start {
    return start_nginx(workers => 1, files => { 'jwks.json' => jwks('a') },
                       http => <<"END", server => <<"END");
    $Metrics{http}
    gateway_jwt_key_file jwks.json;
    gateway_redis fleet {
        server 127.0.0.1:@{[ $fake->port ]};
        connect_timeout 5s; timeout 5s;
    }
    gateway_limit_zone \$arg_k zone=one:1m rate=1000r/s;
    gateway_limit_zone \$arg_k zone=early:1m rate=1000r/s stage=early;
    gateway_limit_zone \$arg_k zone=wait:1m rate=1000r/s redis=fleet;
    gateway_limit_zone \$arg_k zone=slow:1m rate=1r/s;
    gateway_cache_zone zone=z:1m;
END
    $Metrics{server}
    location = /plain { empty_gif; }
    location = /jwt { gateway_jwt api; empty_gif; }
    location = /limit { gateway_limit zone=one; empty_gif; }
    location = /all { gateway_jwt api; gateway_limit zone=one;
                      gateway_limit zone=early; gateway_cache z;
                      proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
    location = /wait { gateway_limit zone=wait; empty_gif; }
    location = /slow { gateway_limit zone=slow burst=9; empty_gif; }
    location = /cache { gateway_cache z;
                        proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
END
}

my $server = start();
my $good = 'Authorization: Bearer ' . token(key => 'a',
                                            claims => { sub => 'alice' });

sub get {
    my ($path, $n) = @_;
    http_get($server, $path, headers => [ $good ]) for 1 .. $n;
    return;
}

sub measured {
    my ($expected, $title) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return counted($server, 'overhead_seconds_count', [ 'part' ],
                   { auth => 0, limit => 0, cache => 0, all => 0, %$expected },
                   $title);
}

sub seconds { value($server, 'overhead_seconds_sum', part => $_[0]) }

get('/plain', 20);
measured({}, 'nothing is measured where no part is on');

get('/jwt', 1);
measured({ auth => 1, all => 1 }, 'the first request is measured');
get('/jwt', 7);
measured({ auth => 1, all => 1 }, 'seven more are not');
get('/limit', 8);
measured({ auth => 1, limit => 1, all => 2 }, 'of eight, one is');
get('/jwt', 80);
measured({ auth => 11, limit => 1, all => 12 }, 'of eighty, ten are');

my ($auth, $limit, $all) = map { seconds($_) } qw( auth limit all );
cmp_ok($auth, '>', 0, 'authentication takes some time');
cmp_ok($auth, '<', 1, 'but not much');
cmp_ok(abs($all - $auth - $limit), '<', 1e-6, '"all" is the sum');

get('/all', 8);
measured({ auth => 12, limit => 2, cache => 1, all => 13 },
         'a request has several parts');
$server->stop;


# --- waiting: only the first of eight requests is measured

$server = start();
ok($fake->wait_for('script', 1), 'Redis is connected');
get('/wait?k=a', 1);
measured({ limit => 1, all => 1 }, 'a request that waits for Redis');
cmp_ok(seconds('limit'), '>=', 0.3, '    the wait is measured');
$server->stop;

$server = start();
http_many([ map { [ $server->port, '/slow?k=a' ] } 1 ]);
get('/jwt', 7);
get('/slow?k=a', 1);
measured({ auth => 0, limit => 2, all => 2 }, 'a request that is delayed');
cmp_ok(seconds('limit'), '<', 0.3, '    the delay is not measured');
$server->stop;

# the request that fills the cache is the eighth of the first eight, so that
# the one that waits for it is measured

$server = start();
get('/limit', 7);
my $first = IO::Socket::INET->new('127.0.0.1:' . $server->port) or die;
print $first "GET /cache HTTP/1.0\r\nHost: localhost\r\n\r\n";
ok(wait_until(sub { $origin->count('/cache') }, 10), 'a request to the origin');
http_get($server, '/cache');
ok(wait_until(sub { value($server, 'cache_requests_total', zone => 'z',
                          status => 'COLLAPSED') }, 10),
   'another one waits for it');
measured({ limit => 1, cache => 1, all => 2 }, '    and is measured');
cmp_ok(seconds('cache'), '<', 0.3, '    without the wait');
$server->stop;

$fake->stop;
$origin->stop;

done_testing();
