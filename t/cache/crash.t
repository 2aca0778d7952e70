# SPDX-License-Identifier: BSD-2-Clause

# Workers that are killed while they store or send a response: no key stays
# locked, no response stays pinned, no byte is wrong.  Reloads keep stored
# responses.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use JSON::PP qw( decode_json );
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( time sleep );

my $port = free_port();
my $origin = origin();

my $conf = http_conf(workers => 2,
    http => 'gateway_cache_zone zone=z:16m;', port => $port,
    server => <<"END");
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    location / { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
    location = /_cache { gateway_cache_admin zone=z from=127.0.0.1; }
    location = /_pid { return 200 \$pid; }
END
my $nginx = start_nginx(port => $port, conf => $conf);
$nginx->allow(qr/exited on signal 9/);

my @fresh = ('Cache-Control: max-age=600');

sub ask {
    my ($path) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    print $socket "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";
    $socket->flush;
    return $socket;
}

sub zone { decode_json((http_get($nginx, '/_cache'))[2])->{zones}{z} }
sub status { (http_get($nginx, $_[0]))[1] =~ /^X-Status: (\w*)/m && $1 }

# --- killed while they store a response

for my $n (1 .. 10) {
    $origin->answer("/fill/$n", { head => [ @fresh ], hold => 1, body => 'x' },
                    { head => [ @fresh ], body => 'y' });
    my $socket = ask("/fill/$n");
    wait_until(sub { $origin->held("/fill/$n") });
    my @old = $nginx->workers;
    kill 'KILL', @old;
    wait_until(sub { my @new = $nginx->workers;
                     @new == 2 && !grep { my $p = $_; grep { $_ == $p } @old }
                                   @new });
    my ($code, undef, $body) = http_get($nginx, "/fill/$n");
    is("$code $body", '200 y', "killed while they wait for the origin: $n");
    $origin->release("/fill/$n");
}
is(status('/fill/1'), 'HIT', 'stored by the next request');
is(zone()->{fills}, 0, 'no key is locked');

# --- killed while they send a stored response

my $big = join '', map { sprintf "%07d\n", $_ } 1 .. 120_000;
$origin->answer('/big', head => [ @fresh ], body => $big);
http_get($nginx, '/big');
for my $n (1 .. 10) {
    my @sockets = map { ask('/big') } 1 .. 4;
    sysread $_, my $text, 1000 for @sockets;
    my @old = $nginx->workers;
    kill 'KILL', $old[0];
    wait_until(sub { my @new = $nginx->workers;
                     @new == 2 && !grep { $_ == $old[0] } @new });
    close $_ for @sockets;
    my (undef, undef, $body) = http_get($nginx, '/big');
    ok($body eq $big, "killed while a worker sends: $n");
}
is($origin->count('/big'), 1, 'the origin receives one request');
ok(wait_until(sub { zone()->{readers} == 0 }, 15), 'no response is pinned')
    or diag zone()->{readers};

# --- reloads

for (1 .. 50) {
    $nginx->reload;
}
is(status('/big'), 'HIT', '50 reloads keep stored responses');
$nginx->stop;

done_testing();
