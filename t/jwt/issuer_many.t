# SPDX-License-Identifier: BSD-2-Clause

# A directive of the http level means a set of keys for each server: hundreds of
# them are fetched with few connections, at start and after a reload.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Issuer;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep time );

my $n = 200;
my $issuer = issuer('a');
my $port = free_port();
my $token = token(key => 'a');

my $location = $issuer->location('/keys') . 'location / { empty_gif; }';
my $servers = join "\n", map {
    "server { listen 127.0.0.1:$port; server_name s$_.test; $location }"
} 1 .. $n - 1;

my $conf = http_conf(port => $port, workers => 2, server => $location,
                     http => <<"END");
    server_names_hash_max_size 4096;
    gateway_jwt api;
    gateway_jwt_key_request /keys;
    gateway_jwt_key_fetch interval=1h min=1s;
    $servers
END
$conf =~ s/worker_connections \K256/100/ or die;

my $server = start_nginx(port => $port, conf => $conf);

# the last set is not due yet

is((http_get($server, '/', host => 's' . ($n - 1) . '.test',
             headers => [ "Authorization: Bearer $token" ]))[0], 200,
   'a request fetches its set');
ok($issuer->fetched($n, 20), 'all sets are fetched');
sleep 0.2;
is($issuer->fetches, $n, 'once');

is_deeply([ grep { $_ != 200 }
            map { (http_get($server, '/', host => "s$_.test",
                            headers => [ "Authorization: Bearer $token" ]))[0]
            } 1 .. $n - 1 ], [], 'all serve');

ok($server->reload, 'a reload');
ok($issuer->fetched(2 * $n, 20), 'all sets are fetched again');
sleep 0.2;
is($issuer->fetches, 2 * $n, 'once');
unlike($server->log, qr/\[error\]/, 'none has failed');

$server->stop;

done_testing;
