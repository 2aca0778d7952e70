# SPDX-License-Identifier: BSD-2-Clause

# An issuer replaces all of its keys at once, under load: requests with tokens
# of the new keys wait for one fetch, and none of them is refused.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Issuer;
use Test::Gateway::Load;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep time );

my $rate = 1000;
my $keys = 20;

my %set = map { my $set = $_; $set => [ map { "$set$_" } 1 .. $keys ] }
          qw( a b c d );
my %path = map {
    my $set = $_;
    $set => [ map { [ 0, '/?token=' . token(key => $_) ] } @{ $set{$set} } ]
} keys %set;

# $n requests with tokens of a set, in turn

sub requests {
    my ($port, $set, $n) = @_;
    return map { [ $port, $path{$set}[$_ % $keys][1] ] } 0 .. $n - 1;
}

for my $workers (1, 4) {
    my $issuer = issuer(@{ $set{a} });
    my $port = free_port();
    my $conf = http_conf(
        port => $port, workers => $workers,
        main => 'worker_rlimit_nofile 20000;',
        server => $issuer->location('/keys') . <<'END');
    gateway_jwt_key_fetch interval=1h min=1s timeout=10s;
    location / {
        gateway_jwt api token=$arg_token;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
END
    $conf =~ s/worker_connections \K256/16384/ or die;
    my $server = start_nginx(port => $port, conf => $conf);

    ok($issuer->fetched(1), 'the keys are fetched');
    is(answers(http_many([ requests($port, 'a', $keys) ])), "200:$keys",
       "$workers: tokens of the first keys");

    # Each rotation comes later than "min" after the fetch before it.  During
    # the last one nginx is reloaded: requests wait in old and in new workers,
    # and the new ones fetch once more after "min".

    my $last = 'a';
    for my $set (qw( b c d )) {
        my $before = $issuer->fetches;
        my $fetches = $set eq 'd' ? 2 : 1;
        my $rotated;
        sleep 1.1;

        my @many = http_many([ requests($port, $last, $rate),
                               requests($port, $set, 3 * $rate) ],
            rate => $rate, timeout => 60,
            before => sub {
                my ($i) = @_;
                if ($i == $rate) {
                    $issuer->keys(@{ $set{$set} });
                    $issuer->answers(delay => 0.5);
                    $rotated = time;
                }
                $server->reload(undef, wait => 0)
                    if $set eq 'd' && $i == 1.2 * $rate;
            });

        is(answers(@many), '200:' . 4 * $rate,
           "$workers: no request is refused");
        is($issuer->fetches, $before + $fetches, "$workers: fetches");

        my @waited = grep { $_->{began} >= $rotated && $_->{seconds} > 0.3 }
                     @many;
        cmp_ok(scalar @waited, '>', 0, "$workers: requests have waited for it");
        note scalar(@waited), ' requests have waited, at most ',
             (sort { $b <=> $a } map { $_->{seconds} } @many)[0], ' s';

        is(answers(http_many([ requests($port, $last, $keys) ])),
           "401:$keys", "$workers: tokens of the old keys are refused");
        is($issuer->fetches, $before + $fetches + 1,
           "$workers: after another fetch");
        $last = $set;
    }

    $server->stop("$workers workers");
}

done_testing;
