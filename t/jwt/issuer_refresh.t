# SPDX-License-Identifier: BSD-2-Clause

# Keys by request are refreshed by one worker: how often, what other workers do,
# and what serves while the issuer is down.

use v5.28;
use warnings;
use lib 't/lib';

use List::Util qw( max min );
use Test::Gateway::Issuer;
use Test::Gateway::Parts;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep time );

my %token = map { $_ => token(key => $_, claims => { sub => 'alice' }) }
            qw( a b file );

sub conf {
    my ($issuer, $fetch, %arg) = @_;

    my $more = $arg{more} // '';
    return http_conf(%arg, server => <<"END");
    $Reason
    add_header X-Worker \$pid always;
    gateway_jwt_key_fetch $fetch;
    @{[ $issuer->location('/keys') ]}
    location / {
        gateway_jwt api;
        gateway_jwt_key_request /keys;
        $more
        empty_gif;
    }
END
}

sub start {
    my ($issuer, $fetch, %arg) = @_;

    my $port = free_port();
    return start_nginx(port => $port, files => { 'jwks.json' => jwks('file') },
                       conf => conf($issuer, $fetch, port => $port, %arg));
}

# the times between requests of an issuer

sub gaps {
    my @at = map { $_->{at} } $_[0]->requests;
    return map { $at[$_] - $at[$_ - 1] } 1 .. $#at;
}

# the answers to a token of so many workers, one each

sub of_workers {
    my ($server, $n, $token) = @_;

    my %answer;
    wait_until(sub {
        my ($status, $head) = http_get($server, '/', headers =>
                                       [ "Authorization: Bearer $token" ]);
        my ($worker) = $head =~ /^X-Worker: (\d+)/m;
        my ($reason) = $head =~ /^X-Reason: (\S+)/m;
        $answer{ $worker // 'none' } //= join ' ', $status, $reason // ();
        return keys %answer >= $n;
    }, 20);
    return join ', ', map { $answer{$_} } sort keys %answer;
}

sub lines {
    my ($server, $pattern) = @_;
    return scalar grep { /$pattern/ } split /\n/, $server->log;
}


# --- one worker refreshes, each 90 to 100 % of the interval

sub interval {
    my $issuer = issuer('a');
    local $ENV{TEST_NGINX_LOG_LEVEL} = 'debug';
    my $server = start($issuer, 'interval=1s', workers => 4);

    is(of_workers($server, 4, $token{a}), '200, 200, 200, 200', 'four workers');
    my $parsed = 'parsing the keys of "/keys"';
    my $before = lines($server, $parsed);
    my $said = lines($server, 'the set has changed');

    ok($issuer->fetched(11, 20), '10 intervals');
    my @gaps = (gaps($issuer))[0 .. 9];
    cmp_ok(min(@gaps), '>=', 0.85, 'one fetch in each');
    cmp_ok($gaps[0] + $gaps[1] + $gaps[2], '<', 10, 'not less often');

    is(of_workers($server, 4, $token{a}), '200, 200, 200, 200', 'as before');
    is(lines($server, $parsed), $before, 'the same bytes are not parsed again');
    is(lines($server, 'the set has changed'), $said, 'and are no change');
    is($said, 1, 'only the first set is one');
    $server->stop('an interval');
}


# --- a change

sub change {
    my $issuer = issuer('a');
    my $server = start($issuer, 'interval=1s timeout=1s', workers => 4);

    is(of_workers($server, 4, $token{a}), '200, 200, 200, 200', 'a key');
    $issuer->keys('b');
    my $n = $issuer->fetches;
    ok($issuer->fetched($n + 1, 10), 'which the issuer replaces');
    wait_until(sub { lines($server, 'the set has changed') == 2 });

    is(of_workers($server, 4, $token{b}), '200, 200, 200, 200',
       'the new key serves in the next request of each worker');
    is(of_workers($server, 4, $token{a}), join(', ', ('401 unknown_key') x 4),
       'and the old one does not');
    is(lines($server, qr/\[notice\] .*"\/keys": the set has changed, 1 key$/),
       2, 'one line for each set');

    $issuer->keys('a', 'b');
    wait_until(sub { lines($server, 'the set has changed') == 3 });
    is(lines($server, qr/the set has changed, 2 keys$/), 1,
       'the number of keys');
    is(of_workers($server, 4, $token{a}), '200, 200, 200, 200',
       'a key returns');
    $server->stop('a change');
}

# the time until a withdrawn key is refused, while requests come

sub withdrawn {
    my $issuer = issuer('a', 'b');
    my $server = start($issuer, 'interval=2s timeout=1s', workers => 2);

    is(reason($server, '/', $token{a}), '200', 'a key that will be withdrawn');
    $issuer->keys('b');
    my $began = time;
    my $last = $began;
    wait_until(sub {
        my $answer = reason($server, '/', $token{a});
        $last = time if $answer eq '200';
        return $answer eq '401 unknown_key';
    }, 20);
    cmp_ok($last - $began, '<', 2 + 1, 'interval and timeout at most');
    is(reason($server, '/', $token{$_->[0]}), $_->[1], "then $_->[0]")
        for [ a => '401 unknown_key' ], [ b => '200' ];
    $server->stop('a withdrawn key');
}


# --- the issuer is down

sub stale {
    my $issuer = issuer('a');
    my $server = start($issuer, 'interval=1s min=1s stale=3s', workers => 2);

    is(of_workers($server, 2, $token{a}), '200, 200', 'an issuer');
    my $fetched = max(map { $_->{at} } $issuer->requests);
    $issuer->down;

    my $lasted = $fetched;
    wait_until(sub {
        my $answer = reason($server, '/', $token{a});
        $lasted = time if $answer eq '200';
        return $answer ne '200';
    }, 20);
    cmp_ok($lasted - $fetched, '>', 2, 'is down: the keys serve');
    cmp_ok($lasted - $fetched, '<', 5.5, 'for "stale"');
    is(of_workers($server, 2, $token{a}),
       '503 keys_unavailable, 503 keys_unavailable', 'and not any longer');
    is(of_workers($server, 2, $token{b}),
       '503 keys_unavailable, 503 keys_unavailable', 'for any token');

    $issuer->up;
    ok(wait_until(sub { reason($server, '/', $token{a}) eq '200' }, 10),
       'the same bytes serve when the issuer is up again');
    is(of_workers($server, 2, $token{a}), '200, 200', 'in all workers');
    is(lines($server, 'the set has changed'), 1, 'without a change');
    is(lines($server, qr/\[error\] .*keys were fetched, after a failure since/),
       1, 'but with a line');
    $server->stop('stale');
}

# a key file serves whether or not there are keys of the issuer

sub beside {
    my $issuer = issuer('a');
    $issuer->down;
    my $server = start($issuer, 'interval=1s min=1s', workers => 2,
                       more => 'gateway_jwt_key_file jwks.json;');

    is(of_workers($server, 2, $token{file}), '200, 200',
       'a key file beside an issuer that is down');
    is(of_workers($server, 2, $token{a}),
       '503 keys_unavailable, 503 keys_unavailable', 'another key');

    $issuer->up;
    ok(wait_until(sub { reason($server, '/', $token{a}) eq '200' }, 10),
       'and one that is up');
    is(of_workers($server, 2, $token{file}), '200, 200', 'has keys, too');
    is(of_workers($server, 2, $token{b}),
       '401 unknown_key, 401 unknown_key', 'another key');
    $server->stop('a key file beside');
}


# --- failures: from "min" to "interval"

sub failures {
    my $issuer = issuer('a');
    $issuer->answers(status => 500);
    my $server = start($issuer, 'interval=3s min=1s', workers => 4);

    ok($issuer->fetched(6, 30), 'failures');
    my @gaps = gaps($issuer);
    my @least = (1, 2, 2.7, 2.7, 2.7);
    cmp_ok($gaps[$_], '>=', $least[$_] - 0.02, "pause $_") for 0 .. 4;
    cmp_ok($gaps[$_], '<', $least[$_] * 1.25 + 1.5, "pause $_, no longer")
        for 0 .. 4;
    is(lines($server, qr/\[error\] .*"\/keys": status 500, no keys/), 1,
       'one line');
    is(of_workers($server, 4, $token{a}),
       join(', ', ('503 keys_unavailable') x 4), 'in all workers');
    $server->stop('failures');
}


# --- two sets of one server do not disturb each other

sub two {
    my ($a, $b) = (issuer('a'), issuer('b'));
    $a->hang;
    my $server = start($b, 'interval=1s timeout=20s', workers => 2,
                       more => 'gateway_jwt_key_request /slow; empty_gif; } '
                               . $a->location('/slow') . 'location /x {');

    ok($b->fetched(4, 20), 'a set');
    is($a->fetches, 1, 'beside one whose issuer does not answer');
    is(of_workers($server, 2, $token{b}), '200, 200', 'serves');
    $a->go;
    ok(wait_until(sub { reason($server, '/', $token{a}) eq '200' }, 10),
       'until that issuer answers');
    $server->stop('two sets');
}

part($_) for \&interval, \&change, \&withdrawn, \&stale, \&beside, \&failures,
             \&two;
parts_done();

done_testing;
