# SPDX-License-Identifier: BSD-2-Clause

# The cache compared with a simple model: random requests of two consumers, over
# HTTP/1.1 and HTTP/2, to two workers, with concurrent purges.  No client
# receives a response that is for another client, too old, mixed, wrong or
# truncated.
#
# Environment: SEED repeats a run; CACHE_SECONDS (10) is the duration.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP qw( encode_json );
use Test::Gateway::Cache::Clients;
use Test::Gateway::Cache::Model;
use Test::Gateway::Cache::Origin;
use Test::Gateway::Cache::Requests;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep time );

my $seed = $ENV{SEED} // int rand 1_000_000;
my $seconds = $ENV{CACHE_SECONDS} // 10;
my %classes = classes();
diag("SEED=$seed");
$SIG{ALRM} = sub { die "a request has no answer\n" };
alarm 4 * $seconds + 300;


# purges at random until $end; returns the purges

sub purge_until {
    my ($port, $end) = @_;

    my @purges;
    while (time < $end) {
        my ($by, $value) = @{ pick(
            (map { [ url => "http://$_" ] } 'a/part/1', 'a/none/2?q=1',
             'a/open/0', 'b/rfc/1', 'a/flow/2'),
            (map { [ prefix => "http://$_" ] } 'a/part/', 'b/', 'a/open/'),
            [ host => 'b' ], [ consumer => 'alice' ], [ consumer => 'bob' ],
            [ tag => 't1' ], [ tag => 't2' ], [ all => JSON::PP::true ]) };
        my %purge = (by => $by, value => $value, soft => rand() < 0.3 ? 1 : 0,
                     t0 => time);
        my ($status) = http_get($port, '/_cache', method => 'POST', body =>
            encode_json({ purge => [ { $by => $value } ],
                          $purge{soft} ? (soft => JSON::PP::true) : () }),
            headers => [ 'Content-Type: application/json' ], timeout => 20);
        $purge{t1} = time if $status == 200;
        push @purges, \%purge;
        sleep rand 0.4;
    }
    return @purges;
}


# runs the load: (the server, faults, what was seen, the data that were judged)

sub run {
    my ($length, $request, %arg) = @_;

    my ($port, $h2) = (free_port(), free_port());
    my $origin = cache_origin();
    my $nginx = start_nginx(port => $port, files => cache_files(),
        conf => cache_conf($port, $h2, $origin->port, %arg));
    my $clients = clients(port => $port, h2 => $h2, seed => $seed, n => 8,
                          n2 => 2, request => $request);

    srand $seed;
    my @purges = purge_until($port, time + $length);
    my @records = $clients->stop;
    my @truth = truth($origin);
    my ($faults, $seen) = judge(truth => \@truth, records => \@records,
                                purges => \@purges, classes => \%classes);
    $seen->{purge} = grep { $_->{t1} } @purges;
    return ($nginx, $faults, $seen, { truth => \@truth, purges => \@purges,
                                      records => \@records });
}

sub by_kind {
    my %n;
    $n{ /^([^:]+)/ ? $1 : '' }++ for @_;
    return \%n;
}


# --- the cache

my ($nginx, $faults, $seen, $run) = run($seconds, \&random_request);
is(scalar @$faults, 0, 'no response differs from the model');
my %told;
diag("SEED=$seed $_") for grep { /^([^:]+)/ && $told{$1}++ < 3 } @$faults;

note(join ', ', map { "$_: $seen->{$_}" } sort keys %$seen);
ok($seen->{$_}, "seen: $_") for 'reused by HTTP/1', 'reused by HTTP/2',
    'reused with 200', 'reused with 206', 'reused with 304',
    (map { "reused by $_" } sort keys %classes), 'reused slowly',
    'reused stale', 'revalidated', 'cut by the origin', 'purge', 'POST',
    'PUT', 'DELETE', 'HEAD';
$nginx->stop;


# --- the model detects faults: the same records with a purge and unsafe
# requests that were not sent, and with another variant than the origin received

# a time between the storing of a response and a hit

my ($half) = map {
    my $t = $run->{truth}[ $_->{head}{'x-stamp'} // 0 ];
    my $stored = $run->{truth}[ $t->{n} ]{at};
    $_->{status} == 200 && $t->{rid} ne $_->{rid} && $_->{t0} > $stored
        && $_->{target} =~ /part/ ? ($_->{t0} + $stored) / 2 : ();
} @{ $run->{records} };
my %all = (t0 => $half, t1 => $half);
my @unsafe = map { { %$_, %all, method => 'PUT', status => 204 } }
             @{ $run->{records} };
my @other = map { { %$_, fields => { %{ $_->{fields} }, 'x-v' => 2 } } }
            @{ $run->{truth} };

for my $lie ([ purged => purges => [ { %all, by => 'all', value => 1 } ] ],
             [ invalidated => records => [ @unsafe, @{ $run->{records} } ] ],
             [ variant => truth => \@other ])
{
    my ($kind, %wrong) = @$lie;
    ($faults) = judge(classes => \%classes, %$run, %wrong);
    ok(by_kind(@$faults)->{$kind}, "the model detects: $kind");
}


# --- the model detects faults: the same load with wrong settings, and an origin
# that sends wrong responses

my %lies = (
    part => 'gateway_cache_key scheme host args; gateway_cache_ttl'
            . ' override=all 60s;',
    flow => 'gateway_cache_guard off;',
    none => 'gateway_cache_key scheme host path; gateway_cache_partition $host;',
    open => 'gateway_cache_set_cookie store; gateway_cache_ttl 9s override;',
    rfc  => 'gateway_cache_request_control none;',
);

sub lying_request {
    my $request = random_request();
    for my $more ([ 'X-Forwarded-Host', pick(qw( x y )) ],
                  [ 'Cache-Control', 'no-cache' ])
    {
        push @{ $request->{fields} }, $more
            if rand() < 0.3 && !grep { $_->[0] eq $more->[0] }
                                @{ $request->{fields} };
    }
    for my $field (@{ $request->{fields} }) {
        $field->[1] .= '|lie=' . pick(qw( byte head cut ))
            if $field->[0] eq 'X-Plan' && rand() < 0.1;
    }
    return $request;
}

($nginx, $faults, $seen) = run(6, \&lying_request, lies => \%lies);
my $kinds = by_kind(@$faults);
note(join ', ', map { "$_: $kinds->{$_}" } sort keys %$kinds);
ok($kinds->{$_}, "the model detects: $_") for 'URL', 'consumer', 'guard',
    'too old', 'not to be stored', 'not to be used', 'wrong byte', 'header',
    'truncated';
$nginx->stop;

done_testing();
