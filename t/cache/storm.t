# SPDX-License-Identifier: BSD-2-Clause

# Many keys stale at once: each client has its answer at once, and the origin no
# more refreshes than a worker makes; also where no connection is left for them.

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

# also while a refresh has the last connection

sub stat_of {
    my $body;
    wait_until(sub { (undef, undef, $body) = http_get($port, '/admin'); $body })
        or die "no answer of the endpoint\n";
    return decode_json($body)->{zones}{z};
}

my @stale = ('Cache-Control: max-age=10', 'Age: 20', 'ETag: "1"');
my $nginx = start_nginx(port => $port, conf => conf());

# a worker makes 32 at once, and 256 wait for their turn

my $keys = 320;
$origin->answer("/$_", { head => [ @stale ], body => 'old' },
                       { head => [ 'Cache-Control: max-age=60' ],
                         body => 'new', hold => 1 }) for 1 .. $keys;
http_get($port, "/$_") for 1 .. $keys;

my $count = $origin->count;
is(stat_of()->{stores}, $keys, 'as many keys are stored') or BAIL_OUT('no keys');
my $old = grep {
    my (undef, $head, $body) = http_get($port, "/$_");
    $head =~ /X-Status: STALE/ && $body eq 'old'
} 1 .. $keys;
is($old, $keys, 'each client has the stale response');
wait_until(sub { $origin->count - $count >= 32 });
is($origin->count - $count, 32, '32 refreshes at once');
is(stat_of()->{fills}, 32 + 256, 'and 256 that wait');

$origin->release("/$_") for 1 .. $keys;
ok(wait_until(sub { stat_of()->{fills} == 0 }), 'they are made in turn');
is($origin->count - $count, 32 + 256, 'each once');

my %now;
for (1 .. $keys) {
    my (undef, $head, $body) = http_get($port, "/$_");
    my ($status) = $head =~ /X-Status: (\w+)/;
    $now{"$status $body"}++;
}
is($now{'HIT new'}, 288, 'whose responses are fresh now');
is($now{'STALE old'}, $keys - 288, 'the others are refreshed now');
ok(wait_until(sub { stat_of()->{fills} == 0 && stat_of()->{readers} == 0 }),
   'nothing is left');
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

# a client may find that a refresh has the last one

delete $answer{'0 '};
is(join(',', sort keys %answer), '200 old',
   'without a connection for a refresh: the stale response');
like($nginx->log, qr/worker_connections are not enough/, 'there was none');
is(stat_of()->{fills}, 2, 'no lock is left but of those that are held');
$origin->release("/held$_") for 1, 2;
ok(wait_until(sub { (http_get($port, '/few'))[2] eq 'new' }),
   'with one it is refreshed');

done_testing();
