# SPDX-License-Identifier: BSD-2-Clause

# A zone that is too small for its keys: a key at its limit is not evicted, and
# no request is rejected because of other keys.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Server;
use Test::More;

my %zone = (
    quota => '64k quota=10/day', gcra => '64k rate=10r/d burst=9',
    sliding => '64k rate=10r/d algorithm=sliding_window',
    large => '1m quota=10/day',
);

my $port = free_port();
my $nginx = start_nginx(
    workers => 2, port => $port,
    http => join('', map { "gateway_limit_zone \$arg_k zone=$_:$zone{$_};\n" }
                         sort keys %zone),
    server => join '', map { "location = /$_ { gateway_limit zone=$_; "
                             . "empty_gif; }\n" } sort keys %zone);


# sends one request for each key; returns status => number of responses

sub ask {
    my ($zone, @keys) = @_;
    my %status;

    while (my @some = splice @keys, 0, 500) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $port) or die $!;
        print $socket map({ "GET /$zone?k=$_ HTTP/1.1\r\nHost: x\r\n\r\n" }
                          @some[0 .. $#some - 1]),
                      "GET /$zone?k=$some[-1] HTTP/1.1\r\nHost: x\r\n"
                      . "Connection: close\r\n\r\n";
        my $said = do { local $/; <$socket> };
        $status{$_}++ for $said =~ m{HTTP/1\.1 (\d+)}g;
    }
    return \%status;
}


# About 26 keys for each bucket: if the least recently used key were evicted,
# they would evict each other key in turn.

for my $zone (sort keys %zone) {
    my @victims = map { "victim$_" } 1 .. 20;
    my $places = ($zone{$zone} =~ /^64k/ ? 104 : 2031) * 16;
    $places = $zone eq 'sliding' ? 83 * 16 : $places;
    my @others = map { "other$_" } 1 .. $places * 1.6;

    my $status = ask($zone, map { ($_) x 11 } @victims);
    is_deeply($status, { 200 => 200, 429 => 20 },
              "$zone: each key is admitted ten times");

    for my $round (1, 2) {
        is_deeply(ask($zone, @others), { 200 => scalar @others },
                  "$zone: " . @others . ' others are admitted');
        is_deeply(ask($zone, @victims), { 429 => 20 },
                  "$zone: the keys are still at their limit");
    }

    ok($nginx->log =~ /zone "$zone" is full, evicting keys in use/,
       "$zone: nginx logs that the zone is full");
}

$nginx->stop;
done_testing;
