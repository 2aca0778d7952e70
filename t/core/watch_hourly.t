# SPDX-License-Identifier: BSD-2-Clause

# A watched file that cannot be read again: one of the workers logs an error when
# the failure begins, once an hour while it lasts, and when it ends.  The test
# sets the clock.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Consumer;
use Test::Gateway::Swap;

use Test::More;

BEGIN { $Test::Gateway::More = 1 }

my ($lib) = grep { -e } glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
plan skip_all => 'no libfaketime here' if !$lib;

# a sanitizer's runtime must be the first library
my $binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
plan skip_all => 'this nginx does not start with libfaketime'
    if `LD_PRELOAD=$lib $binary -v 2>&1` !~ /nginx version/;

my $clock = File::Temp->new;
chmod 0644, "$clock";
my ($server, $dir);

# what nginx leaves in its environment
my $kept = CORE::join '', map { "env $_;\n" }
           qw( FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE DONT_FAKE_MONOTONIC );

sub clock_is { write_file("$clock", "+$_[0]\n"); chmod 0644, "$clock"; return }

sub start {
    my (%arg) = @_;

    clock_is(0);
    local @ENV{qw( LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE
                   DONT_FAKE_MONOTONIC )}
        = ($lib, "$clock", 1, $arg{monotonic} ? 0 : 1);
    $server = start_nginx(%arg);
    delete local @ENV{qw( LD_PRELOAD FAKETIME_TIMESTAMP_FILE )};
    $dir = $server->dir;
    return;
}

sub lines { grep { /$_[0]/ } split /^/, $server->log }

# Waits until the workers have checked all files after this moment: the worker
# that logs changes of keys has seen one, and so have workers that check the
# consumers as often.

sub looked {
    for (1 .. 3) {
        my $before = lines(qr/control\.json.*has changed/);
        write_file("$dir/control.json", jwks('a'));
        wait_until(sub { lines(qr/control\.json.*has changed/) > $before })
            or fail('no worker looks');
    }
    return;
}

my @watched = (jwt => 'k.json', consumers => 'consumers.json');
my %watched = @watched;

# how many lines a failure has so far, for both kinds

sub counts { CORE::join ' ', map { scalar lines(qr/\[error\].*\Q$_\E/) }
                             @watched[1, 3] }

sub counts_are {
    my ($expected, $when) = @_;

    wait_until(sub { counts() eq $expected });
    looked();
    is(counts(), $expected, $when);
    return;
}


# --- four workers, each file for a reason of its own

my $port = free_port();
start(port => $port, files => { map({ $_ => jwks('a') } qw( k.json control.json )),
                                'consumers.json' => version_of(1) },
      conf => http_conf(port => $port, workers => 4, main => $kept,
          http => 'gateway_consumers zone=c:1m file=consumers.json watch=50ms;',
          server => <<'END'));
    location / { gateway_jwt r; gateway_jwt_key_file k.json watch=50ms; empty_gif; }
    location /control { gateway_jwt r; empty_gif;
                        gateway_jwt_key_file control.json watch=50ms; }
END

looked();
is(counts(), '0 0', 'no failure');
clock_is(4000);
looked();
is(counts(), '0 0', 'and nothing is logged after an hour');
like($server->log, qr/control\.json.*has changed and was read$/m, 'nor is a change');

clock_is(0);
write_file("$dir/k.json", '{');
unlink "$dir/consumers.json" or die $!;
counts_are('1 1', 'a broken file and one that is gone: an error each');

my %since;
for my $file (values %watched) {
    ($since{$file}) = map { m{^(\S+ \S+) } } lines(qr/\[error\].*\Q$file\E/);
}

clock_is(3500);
looked();
is(counts(), '1 1', 'not again before an hour has passed');

for my $hour (1 .. 3) {
    clock_is(3620 * $hour);
    counts_are(CORE::join(' ', ($hour + 1) x 2),
               "hour $hour: once more, by one of four");
}

for my $kind (qw( jwt consumers )) {
    my $file = $watched{$kind};
    my @lines = lines(qr/\[error\].*\Q$file\E/);
    my $first = $lines[0] =~ s/^.*?(?=gateway_)//r;
    my $since = $since{$file};
    is_deeply([ map { s/^.*?(?=gateway_)//r } @lines[1 .. 3] ],
              [ ($first =~ s/, keeping/, since $since, keeping/r) x 3 ],
              "$kind: the same reason, and since when");
}
is(($server->get('/', headers => [ 'Authorization: Bearer '
    . token(key => 'a', claims => { sub => 'a', exp => time + 86_400 }) ]))[0], 200,
   'the keys of before serve all the time');

# another error is logged at once, and the hour starts again

my $then = 3620 * 3;
clock_is($then + 1800);
write_file("$dir/k.json", '[');
counts_are('5 4', 'another mistake: at once');
unlike((lines(qr/\[error\].*k\.json/))[4], qr/since/, 'as the first time');
clock_is($then + 3620);
counts_are('5 5', 'an hour after the other file was named');
clock_is($then + 1800 + 3620);
counts_are('6 5', 'and an hour after the mistake');
like((lines(qr/\[error\].*k\.json/))[5], qr/, since \Q$since{'k.json'}\E, keeping/,
     'since the first one');

# a clock that is set back does not suppress the line forever

clock_is(0);
counts_are('7 6', 'the clock is set back by hours');

# the end

write_file("$dir/k.json", jwks('a'));
write_file("$dir/consumers.json", version_of(2));
counts_are('8 7', 'the end is an error, too');
for my $file (values %watched) {
    like((lines(qr/\[error\].*\Q$file\E/))[-1],
         qr/has changed and was read.*, after a failure since \Q$since{$file}\E$/,
         "$file: since when it lasted");
}
clock_is(3700);
looked();
is(counts(), '8 7', 'and nothing is logged afterwards');

# good files

write_file("$dir/k.json", jwks('b'));
write_file("$dir/consumers.json", version_of(3));
looked();
is(counts(), '8 7', 'a change without a failure before it is none');

# the reasons exchanged

unlink "$dir/k.json" or die $!;
write_file("$dir/consumers.json", '{ "consumers": [');
counts_are('9 8', 'a file that is gone and a broken one');
clock_is(3700 + 3620);
counts_are('10 9', 'once more after an hour');
is(scalar(lines(qr/\[error\].*\Q$_\E.*, since [\d\/]+ [\d:]+, keeping/)),
   6, "$_: with the time when it began") for sort values %watched;

# the workers of a reload start again

write_file("$dir/k.json", jwks('a'));
write_file("$dir/consumers.json", version_of(4));
counts_are('11 10', 'the end');
ok($server->reload, 'a reload');
looked();
is(counts(), '11 10', 'logs nothing');
$server->stop;


# --- watched less often than hourly: a respawned worker

$port = free_port();
start(port => $port, monotonic => 1, files => { 'k.json' => jwks('a') },
      conf => http_conf(port => $port, workers => 1, main => $kept, server => <<'END'));
    location / { gateway_jwt r; gateway_jwt_key_file k.json watch=1d; empty_gif; }
END
$server->allow('exited on signal 9');
write_file("$dir/k.json", '{');
my ($killed) = $server->workers;
kill 'KILL', $killed;
ok(wait_until(sub { 1 == lines(qr/\[error\]/) }), 'a worker is born again');

# a request wakes it up, and then its timers have expired

sub awake { $server->get('/') for 1 .. 20; return scalar lines(qr/\[error\]/) }

is(awake(), 1, 'watch=1d: one error');
clock_is(3500);
is(awake(), 1, 'not again before an hour has passed');
clock_is(3700);
ok(wait_until(sub { awake() == 2 }), 'and once more after it');
is(awake(), 2, 'once');
write_file("$dir/k.json", jwks('a'));
clock_is(7400);
ok(wait_until(sub { awake() == 3 }), 'the end is seen an hour later');
write_file("$dir/k.json", jwks('b'));
clock_is(7400 + 80_000);
awake();
clock_is(7400 + 85_000);
is(awake(), 3, 'and then it is watched each day again');
is(scalar(lines(qr/has changed/)), 1, 'not before the day has passed');
clock_is(7400 + 90_000);
ok(wait_until(sub { awake(); 2 == lines(qr/has changed/) }), 'but after it');
$server->stop;

done_testing();
