# A log format with the status of the cache has the gateway's, also for hits.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $port = free_port();
my $origin = origin();

my $nginx = start_nginx(port => $port, conf => http_conf(
    http => 'gateway_cache_zone zone=z:1m;'
            . ' gateway_log logs/access.json gcp flush=0;', port => $port,
    server => <<"END"));
    gateway_cache z;
    location / { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
END

$origin->answer('/a', head => [ 'Cache-Control: max-age=60' ]);
http_get($nginx, '/a') for 1 .. 2;

sub records {
    open my $in, '<', $nginx->dir . '/logs/access.json' or return;
    return <$in>;
}
wait_until(sub { scalar(() = records()) == 2 });
my @records = records();
like($records[0], qr/"cacheLookup":true/, 'a miss was looked up');
like($records[0], qr/"cacheHit":false/, 'and is no hit');
like($records[1], qr/"cacheHit":true/, 'a hit is one');

done_testing();
