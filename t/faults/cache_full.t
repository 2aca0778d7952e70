# SPDX-License-Identifier: BSD-2-Clause

# A zone that is full and fragmented: responses of random sizes, and clients
# that read stored responses slowly.  There are misses, never errors, and each
# byte is right.
#
# Environment: SEED repeats the requests; CACHE_SECONDS (8) is the duration.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP qw( decode_json );
use Test::Gateway::Cache::Clients;
use Test::Gateway::Cache::Model;
use Test::Gateway::Cache::Origin;
use Test::Gateway::Cache::Requests;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep );

my $seed = $ENV{SEED} // int rand 1_000_000;
my $seconds = $ENV{CACHE_SECONDS} // 8;
my %classes = classes();
diag("SEED=$seed");
$SIG{ALRM} = sub { die "a request has no answer\n" };
alarm 4 * $seconds + 300;

my ($port, $h2) = (free_port(), free_port());
my $origin = cache_origin();
my $most = 256 << 10;
my $nginx = start_nginx(port => $port, files => cache_files(),
    conf => cache_conf($port, $h2, $origin->port, big => '1m max_object=256k',
                       small => '512k max_object=64k'));

sub zones { decode_json((http_get($nginx, '/_cache'))[2])->{zones} }


# A random request: more keys than the zone has room for, some of them frequent.

sub request {
    my $class = pick(qw( open flow part ));
    my $key = rand() < 0.5 ? int rand 10 : int rand 400;
    my $size = int rand pick(100, 3000, 30_000, $most, $most + 1000);
    my %request = (method => 'GET', host => 'a', consumer => '',
                   target => "/$class/$key");

    if ($class ne 'open') {
        $request{consumer} = pick(qw( alice bob ));
        push @{ $request{fields} }, [ 'X-API-Key',
            Test::Gateway::Consumer::api_key($request{consumer}) ];
    }
    push @{ $request{fields} }, [ 'X-V', int rand 3 ], [ 'X-Plan', join '|',
        "size=$size", 'line=Cache-Control: max-age=60',
        rand() < 0.3 ? 'vary=X-V' : (), 'framing=' . pick(qw( length chunked )),
        rand() < 0.1 ? 'pause=' . rand 0.2 : () ];
    $request{slow} = 0.2 + rand 1 if rand() < 0.15;
    $request{leave} = 1 if rand() < 0.03;
    return \%request;
}

$classes{open}{most} = $classes{part}{most} = $most;
my $clients = clients(port => $port, h2 => $h2, seed => $seed, n => 12, n2 => 2,
                      request => \&request);
my $fullest = 0;
my $readers = 0;
for (1 .. 10 * $seconds) {
    sleep 0.1;
    my $zone = zones()->{big};
    my $share = $zone->{bytes} / $zone->{size};
    $fullest = $share if $share > $fullest;
    $readers = $zone->{readers} if $zone->{readers} > $readers;
}
my @records = $clients->stop;

my @truth = truth($origin);
my ($faults, $seen) = judge(truth => \@truth, records => \@records,
                            purges => [], classes => \%classes);
is(scalar @$faults, 0, 'no request fails or receives a wrong response');
my %told;
diag("SEED=$seed $_") for grep { /^([^:]+)/ && $told{$1}++ < 3 } @$faults;

my $zones = zones();
note(join ', ', map { "$_: $seen->{$_}" } sort keys %$seen);
note(sprintf 'at most %.1f %% full, %d readers, %d evictions, %d stores',
     100 * $fullest, $readers, map { $zones->{big}{$_} } qw( evictions stores ));
cmp_ok($fullest, '>', 0.9, 'the zone was full');
cmp_ok($readers, '>', 1, 'some responses were pinned');
for my $name (qw( big small )) {
    cmp_ok($zones->{$name}{evictions}, '>', 10, "$name: responses were evicted");
    cmp_ok($zones->{$name}{requests}{HIT}, '>', 10, "$name: there were hits");
}
is(join(' ', sort grep { /^status/ && !/ 200$/ } keys %$seen), 'status 0',
   'each status is 200, except for clients that left')
    if $seen->{'status 0'};
is(scalar(grep { $_->{status} == 0 && !$_->{leave} } @records), 0,
   'each client that stays receives a response');

# no reader pins memory afterwards

ok(wait_until(sub { my $zones = zones();
                    !$zones->{big}{readers} && !$zones->{small}{readers} }, 30),
   'no readers remain');
$nginx->stop;

done_testing();
