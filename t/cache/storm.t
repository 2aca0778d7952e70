# SPDX-License-Identifier: BSD-2-Clause

# Many stale keys at the same time: each client receives the stale response at
# once, and a worker limits the number of concurrent refreshes.  The same where
# no connection is left for a refresh.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use JSON::PP;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my ($port, $admin) = (free_port(), free_port());
my $origin = origin();

sub conf {
    my (%more) = @_;
    my $text = http_conf(workers => 1, port => $port,
        http => 'gateway_cache_zone zone=z:16m;', server => <<"END", %more);
    listen 127.0.0.1:$admin;
    gateway_cache z;
    gateway_cache_stale background;
    add_header X-Status \$gateway_cache_status always;
    location / { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
    location /admin { gateway_cache_admin zone=z from=127.0.0.1; }
END
    $text =~ s/worker_connections \d+/worker_connections $more{connections}/
        if $more{connections};
    return $text;
}

# the counters; retries while a refresh uses the last connection

sub stat_of {
    my $body;
    wait_until(sub { (undef, undef, $body) = http_get($port, '/admin'); $body })
        or die "no answer of the endpoint\n";
    return decode_json($body)->{zones}{z};
}

my @stale = ('Cache-Control: max-age=10', 'Age: 20', 'ETag: "1"');
my $nginx = start_nginx(port => $port, conf => conf());

# a worker makes 32 refreshes at the same time, and queues 256 more

my $keys = 320;
$origin->answer("/$_", { head => [ @stale ], body => 'old' },
                       { head => [ 'Cache-Control: max-age=60' ],
                         body => 'new', hold => 1 }) for 1 .. $keys;
http_get($port, "/$_") for 1 .. $keys;

my $count = $origin->count;
is(stat_of()->{stores}, $keys, 'all keys are stored') or die "no keys\n";
my $old = grep {
    my (undef, $head, $body) = http_get($port, "/$_");
    $head =~ /X-Status: STALE/ && $body eq 'old'
} 1 .. $keys;
is($old, $keys, 'each client receives the stale response');
wait_until(sub { $origin->count - $count >= 32 });
is($origin->count - $count, 32, '32 concurrent refreshes');
is(stat_of()->{fills}, 32 + 256, '256 refreshes in the queue');

$origin->release("/$_") for 1 .. $keys;
ok(wait_until(sub { stat_of()->{fills} == 0 }), 'all refreshes complete');
is($origin->count - $count, 32 + 256, 'each key is refreshed once');

my %now;
for (1 .. $keys) {
    my (undef, $head, $body) = http_get($port, "/$_");
    my ($status) = $head =~ /X-Status: (\w+)/;
    $now{"$status $body"}++;
}
is($now{'HIT new'}, 288, 'refreshed keys are hits');
is($now{'STALE old'}, $keys - 288, 'the other keys are stale');
ok(wait_until(sub { stat_of()->{fills} == 0 && stat_of()->{readers} == 0 }),
   'no fill and no reader is left');
$nginx->stop;

# --- no connection for a refresh

$nginx = start_nginx(port => $port, conf => conf(connections => 8));
$nginx->allow(qr/worker_connections are not enough/);
$origin->forget;
$origin->answer('/few', { head => [ @stale ], body => 'old' },
                        { head => [ @stale ], body => 'new' });
http_get($port, '/few');

# 8 connections: 2 that listen, the master's, and 2 for each request that is
# held leave one for a client

$origin->answer('*', hold => 1, body => 'held');
my @held = map {
    my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die $!;
    print $socket "GET /held$_ HTTP/1.0\r\n\r\n";
    $socket->flush;
    wait_until(sub { $origin->held("/held$_") == 1 });
    $socket;
} 1, 2;
my %answer;
for (1 .. 20) {
    my ($code, undef, $body) = http_get($port, '/few', timeout => 1);
    $answer{"$code $body"}++;
}

# a refresh may use the last connection when a client connects

delete $answer{'0 '};
is(join(',', sort keys %answer), '200 old',
   'no connection for a refresh: the stale response is sent');
like($nginx->log, qr/worker_connections are not enough/,
     'nginx logs the lack of connections');
is(stat_of()->{fills}, 2, 'only the two held requests hold locks');
$origin->release("/held$_") for 1, 2;
ok(wait_until(sub { (http_get($port, '/few'))[2] eq 'new' }),
   'with free connections the response is refreshed');

done_testing();
