# SPDX-License-Identifier: BSD-2-Clause

# Workers that are killed under load while they store and send: no client
# receives a wrong byte or the response of another, no key stays locked, no
# response stays pinned, and all memory is freed.
#
# Environment: SEED repeats the requests; CACHE_KILLS (100) is the number of
# kills.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP qw( decode_json );
use Test::Gateway::Cache::Clients;
use Test::Gateway::Cache::Model;
use Test::Gateway::Cache::Origin;
use Test::Gateway::Cache::Requests;
use Test::Gateway::Consumer;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep time );

my $seed = $ENV{SEED} // int rand 1_000_000;
my $kills = $ENV{CACHE_KILLS} // 100;
diag("SEED=$seed");
$SIG{ALRM} = sub { die "a request has no answer\n" };
alarm 3 * $kills + 300;

my ($port, $h2) = (free_port(), free_port());
my $origin = cache_origin();
my $nginx = start_nginx(port => $port, files => cache_files(),
    conf => cache_conf($port, $h2, $origin->port));
$nginx->allow(qr/exited on signal 9/);

sub zones { decode_json((http_get($nginx, '/_cache'))[2])->{zones} }

# the sum over both zones
sub sum {
    my ($name) = @_;
    my $zones = eval { zones() } // return 'unknown';
    return $zones->{big}{$name} + $zones->{small}{$name};
}

sub purge {
    return http_get($nginx, '/_cache', method => 'POST',
        body => $_[0] // '{"purge":[{"all":true}]}',
        headers => [ 'Content-Type: application/json' ]);
}

is(sum('bytes'), 0, 'no memory is in use');


# --- the load

sub request {
    my $request = random_request();
    for my $field (@{ $request->{fields} }) {
        $field->[1] .= '|pause=' . rand 0.1
            if $field->[0] eq 'X-Plan' && rand() < 0.3;
    }
    return $request;
}

my $clients = clients(port => $port, h2 => $h2, seed => $seed, n => 8, n2 => 2,
                      request => \&request);
my @purges;
srand $seed;

for my $n (1 .. $kills) {
    sleep rand 0.06;
    my @old = $nginx->workers;
    my $victim = $old[rand @old];
    kill 'KILL', $victim;
    wait_until(sub { my @now = $nginx->workers;
                     @now == 2 && !grep { $_ == $victim } @now }, 20)
        or die "no worker has started\n";
    next if $n % 10;

    my %purge = (by => 'prefix', value => 'http://a/part/', t0 => time);
    my ($status) = purge('{"purge":[{"prefix":"http://a/part/"}]}');
    push @purges, { %purge, t1 => time } if $status == 200;
}

my @records = $clients->stop;
my @truth = truth($origin);
my %classes = classes();
my ($faults, $seen) = judge(truth => \@truth, records => \@records, cuts => 1,
                            purges => \@purges, classes => \%classes);

is(scalar @$faults, 0, 'no response differs from the model');
my %told;
diag("SEED=$seed $_") for grep { /^([^:]+)/ && $told{$1}++ < 3 } @$faults;
note(join ', ', map { "$_: $seen->{$_}" } sort keys %$seen);

my %asked = map { $_->{rid} => 1 } @truth;
ok(scalar(grep { !$_->{status} && $asked{$_->{rid}} } @records),
   'some workers were killed before a response header');
ok($seen->{'cut by a kill'}, 'some workers were killed while they sent a body');
ok($seen->{reused}, 'some requests were hits');


# --- afterwards: each key has a response, which can be stored again

my %keys = map { my $r = $_;
    (join(' ', @$r{qw( host target consumer )}) => $r) } @records;
my $slowest = 0;

sub ask_key {
    my ($r) = @_;

    my $began = time;
    my ($status, $head, $body) = http_get($nginx, $r->{target}, headers => [
        $r->{consumer} ? 'X-API-Key: ' . api_key($r->{consumer}) : (),
        'X-Plan: size=3000|line=Cache-Control: public, max-age=600',
        'X-V: 0' ], timeout => 20);
    $slowest = time - $began if time - $began > $slowest;
    my ($stamp) = $head =~ /^X-Stamp: (\d+)/m;
    my ($n) = $head =~ /^X-Body: (\d+)/m;
    return ($status =~ /^(?:200|404|50[03])$/ && defined $n
            && $body eq body_of($n, length $body), $stamp);
}

is(join(' ', grep { !(ask_key($keys{$_}))[0] } sort keys %keys), '',
   'each key has a response');
cmp_ok($slowest, '<', 4, 'none waits for the timeout of the lock');
is((purge())[0], 200, 'a purge');

my @wrong = grep {
    my ($good, $first) = ask_key($keys{$_});
    my ($again, $second) = ask_key($keys{$_});
    !$good || !$again || $first != $second;
} sort keys %keys;
is("@wrong", '', 'the second request for each key is a hit');

cmp_ok(sum('bytes'), '>', 0, 'memory is in use');
purge();
my $began = time;
for my $what ([ fills => 0, 30 ], [ readers => 0, 30 ], [ entries => 0, 60 ],
              [ bytes => 0, 60 ])
{
    my ($name, $n, $most) = @$what;
    ok(wait_until(sub { sleep 0.1; sum($name) eq $n },
                  $began + $most - time), "$name: $n again")
        or diag sum($name);
}
note(sprintf 'memory was free after %.1f s', time - $began);

$nginx->stop;
done_testing();
