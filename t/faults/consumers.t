# SPDX-License-Identifier: BSD-2-Clause

# Consumers while workers are killed, stopped and shut down, and while the file
# changes a hundred times: each remaining worker uses a complete set, and some
# worker loads the changed file.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Consumer;
use Test::Gateway::Swap;

use List::Util qw( max sum0 );
use Test::More;
use Time::HiRes qw( sleep time );

BEGIN { $Test::Gateway::More = 1 }

# so many that loading them takes hundreds of turns of the event loop
my $many = 30_000;
my %large = map { $_ => version_of($_, $many) } 2 .. 4;

my ($server, $dir, $port);

sub start {
    my (%part) = @_;

    $port = free_port();
    $server = start_nginx(conf => swap_conf(port => $port, zone => 'c:32m',
                                            %part),
                          port => $port,
                          files => { 'consumers.json' => version_of(1) });
    $dir = $server->dir;
}

sub write_set { write_file("$dir/consumers.json", $_[0]) }

sub answers {
    my ($n) = @_;

    my %count;
    $count{ ask($server) }++ for 1 .. $n;
    return CORE::join ' ', map { "$_:$count{$_}" } sort keys %count;
}

sub becomes {
    my ($version, $seconds) = @_;
    return wait_until(sub { ask($server) eq $version }, $seconds // 20);
}

# the workers that have the file open: only the one that loads it

sub loaders {
    my ($path) = @_;

    $path //= "$dir/consumers.json";
    my @found;
    for my $pid ($server->workers) {
        push @found, $pid
            if grep { (readlink // '') =~ /^\Q$path\E(?: \(deleted\))?$/ }
               glob "/proc/$pid/fd/*";
    }
    return @found;
}

# Writes a large set and sends $signal to the worker that loads it, in the
# middle of the load.  On a busy machine the test can miss the load, then it
# starts again with the first set.  $told: the number of complete loads until
# then.

my $read = qr/\[notice\] .*gateway_consumers .*has changed and was read/;
my $told;

sub caught {
    my ($signal, $version) = @_;

    for (1 .. 10) {
        $told = told($server, $read);
        write_set($large{$version});

        my $loader = wait_until(sub {
            return (loaders())[0] // ($told < told($server, $read) && 'none');
        }) or return;

        if ($loader ne 'none') {
            sleep 0.05;
            kill $signal, $loader;
            return $loader if $told == told($server, $read);
            kill 'CONT', $loader if $signal eq 'STOP';
        }

        write_set(version_of(1));
        becomes(1);
    }
    return;
}

sub full_house {
    my ($n, @gone) = @_;
    return wait_until(sub {
        my %now = map { $_ => 1 } $server->workers;
        return keys %now == $n && !grep { $now{$_} } @gone;
    }, 10);
}

sub field {
    my ($pid, $name) = @_;
    open my $in, '<', "/proc/$pid/status" or return 0;
    my ($value) = CORE::join('', <$in>) =~ /^$name:\s+(\d+)/m;
    return $value // 0;
}

my $bad = qr/\[(?:warn|error)\]/;


# --- the loading worker is killed

start(workers => 3);
$server->allow('exited on signal 9');

for my $version (2, 3) {
    my $before = $version == 2 ? 1 : 2;
    my $killed = caught('KILL', $version);
    ok($killed, 'the worker that loads the file is killed');
    ok(becomes($version), 'another worker loads the file');
    is(answers(60), "$version:60", 'all workers use the new set');
    ok(full_house(3, $killed), 'a new worker replaces the killed one');
    is(scalar(told($server, $read)), $told + 1, 'one load is complete');
    is(scalar(loaders()), 0, 'no worker has the file open');
}
is(CORE::join('', told($server, $bad)), '', 'no message above level notice');
$server->stop;

# the only worker

start(workers => 1);
$server->allow('exited on signal 9');
ok(caught('KILL', 2), 'the only worker is killed while it loads');
ok(becomes(2), 'the new worker loads the file');
is(answers(20), '2:20', 'the new worker uses the new set');
$server->stop;

# watch=1h: a worker checks the file when it starts, and again after an hour

start(workers => 3, watch => '1h');
$server->allow('exited on signal 9');
write_set($large{2});
my @first = $server->workers;
kill 'KILL', @first[0, 1];
ok(full_house(3, @first[0, 1]), 'two workers are killed after a change');
ok(becomes(2), 'one of the new workers loads the file when it starts');
is(answers(60), '2:60', 'all workers use the new set');
is(scalar(told($server, $read)), 1, 'the other new worker does not load it');
is(scalar(loaders()), 0, 'no worker has the file open');
$server->stop;


# --- the loading worker is stopped

start(workers => 3, server => undef);
my $stopped = caught('STOP', 2);
ok($stopped, 'the worker that loads the file is stopped');

# The stopped worker does not answer the connections in its own queue: the test
# repeats requests until both other workers have responded.

my (%seen, @said);
my $end = time + 1;
while (time < $end || (keys %seen < 2 && time < $end + 20)) {
    my ($status, $head) = $server->get('/', timeout => 0.1, headers =>
                                       [ 'X-API-Key: ' . api_key('acme') ]);
    next if !$status;
    push @said, $head =~ /^X-Is: plan-(\d+)/m;
    $seen{$1} = 1 if $head =~ /^X-Worker: (\d+)/m;
}
is(scalar(keys %seen), 2, 'the two other workers respond');
is(CORE::join(' ', grep { $_ ne '1' } @said), '', 'they use the old set');
is(scalar(told($server, $read)), $told,
   'they do not take the load over while the stopped worker lives');
is_deeply([ loaders() ], [ $stopped ], 'only that worker has the file open');

kill 'CONT', $stopped;
ok(becomes(2), 'the worker continues and completes the load');
is(answers(60), '2:60', 'all workers use the new set, after a stop');
is(scalar(told($server, $read)), $told + 1, 'it is the only complete load');

# the stopped worker is killed

$server->allow('exited on signal 9');
$stopped = caught('STOP', 3);
ok($stopped, 'the worker that loads the next set is stopped');
sleep 0.2;
kill 'KILL', $stopped;
ok(full_house(3, $stopped), 'the stopped worker is killed');
ok(becomes(3), 'another worker loads the file');
is(answers(60), '3:60', 'all workers use its set');

# the stopped worker is killed after a reload, and another process has its pid

SKIP: {
    my $held = caught('STOP', 2);
    ok($held, 'a loading worker is stopped before a reload');
    $server->reload(undef, wait => 0);
    ok(wait_until(sub { 4 == $server->workers }, 10) , 'a reload');
    kill 'KILL', $held;
    my $heir = Test::Gateway::Server::successor($held)
        // skip('no process could get the pid', 2);
    ok(becomes(2), 'another process has its pid: a new worker loads the file');
    is(answers(60), '2:60', 'all new workers use the set');
    kill 'KILL', $heir;
    waitpid $heir, 0;
}
$server->stop;


# --- the loading worker shuts down

start(workers => 2);
ok(caught(0, 2), 'a worker loads the file');
write_set(version_of(5));
ok($server->reload, 'a reload while a worker loads');
is(answers(40), '5:40', 'all workers use the set of the reload');
sleep 0.3;
is(answers(40), '5:40', 'the unfinished load does not replace it later');
is(scalar(told($server, $read)), $told, 'the old worker abandoned its load');
is(CORE::join('', told($server, $bad)), '',
   'a reload: no message above level notice');

my $leaving = caught('QUIT', 3);
ok(full_house(2, $leaving), 'only the loading worker shuts down');
ok(becomes(3), 'another worker loads the file after that');
is(answers(40), '3:40', 'all workers use the set of this load');
$server->stop;

# a loading worker is stopped during a reload, and new workers have another user

SKIP: {
    skip 'only root has workers of another user', 9 if $> != 0;

    my %user = map { my ($name, $group) = (getpwnam $_)[0, 3];
                     $_ => "user $name " . getgrgid($group) . ";\n" }
               qw( nobody daemon );

    start(workers => 1, main => $user{nobody});
    my $stopped = caught('STOP', 2);
    ok($stopped, 'the loading worker is stopped before the user changes');
    write_set(version_of(6));
    $server->reload(swap_conf(port => $port, zone => 'c:32m', workers => 1,
                              main => $user{daemon}), wait => 0);
    ok(wait_until(sub { told($server, qr/a worker is writing to the zone/) }),
       'a reload cannot publish its set, and says so');
    ok(wait_until(sub { 2 == $server->workers }), 'workers of another user');

    sleep 0.5;
    is(scalar(told($server, $read)), $told,
       'the new worker does not take over the lease');
    is_deeply([ loaders() ], [ $stopped ], 'the stopped worker keeps it');
    kill 'CONT', $stopped;
    ok(becomes(6), 'it continues and exits: the new set applies');
    is(answers(20), '6:20', 'all requests use the new set');
    cmp_ok(scalar(told($server, $read)), '<=', $told + 1,
           'the set of the master is published, or the file is loaded once');
    ok(full_house(1, $stopped), 'the old worker has exited');
    $server->stop;
}


# the new configuration does not watch the file

start(workers => 2);
$stopped = caught('STOP', 2);
ok($stopped, 'the loading worker is stopped before watch=0');
write_set(version_of(7));
$server->reload(swap_conf(port => $port, zone => 'c:32m', watch => 0),
                wait => 0);
ok(wait_until(sub { told($server, qr/a worker is writing to the zone/) }),
   'a reload that turns watching off cannot publish its set');
ok(wait_until(sub { 3 <= $server->workers }), 'new workers');
sleep 0.3;
my ($heir) = grep { $_ != $stopped } $server->workers;
$server->allow('exited on signal 9');
kill 'KILL', $heir;
kill 'CONT', $stopped;
ok(becomes(7), 'a new worker publishes the set when the zone is free');
ok(full_house(2, $stopped), 'the old worker has exited');
is(answers(40), '7:40', 'all workers use the published set');
is(scalar(told($server, $read)), $told, 'no worker reads the file again');
kill 'KILL', ($server->workers)[0];
sleep 0.3;
is(answers(40), '7:40', 'a worker that starts later uses it, too');
$server->stop;


# --- random workers are killed while the set changes

start(workers => 3);
$server->allow('exited on signal 9');
my $load = load($server, 2);
my $version = 10;

for my $round (1 .. 10) {
    write_set(version_of(++$version));
    sleep 0.02 * ($round % 5);
    my @now = $server->workers;
    kill 'KILL', $now[ $round % @now ];
    full_house(3, $now[ $round % @now ]);
}
write_set(version_of(99));
ok(becomes(99), 'killed workers while the set changes: the last set applies');
is(answers(60), '99:60', 'all workers use the last set');
my %count = $load->end;

# a killed worker does not answer its open requests
my $lost = delete $count{0} // 0;
cmp_ok($lost, '<=', 2 * 10, "only requests of killed workers fail ($lost)");
is(CORE::join(', ', grep { !/\A\d+\z/ || $_ == 401 || $_ == 500 } keys %count),
   '', 'each response is by a complete set');
$server->stop;


# --- a hundred swaps under load

# the resident memory of the zone in a worker, in kB

sub zone_rss {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/smaps" or die "smaps: $!";
    my ($inside, $rss) = (0, 0);
    no warnings 'portable';
    while (my $line = <$in>) {
        if ($line =~ /^([0-9a-f]+)-([0-9a-f]+) (\S+)/) {
            $inside = $3 eq 'rw-s' && hex($2) - hex($1) == 8 * 1024 * 1024;
        }
        $rss += $1 if $inside && $line =~ /^Rss:\s+(\d+) kB/;
    }
    return $rss;
}

sub fds { my @fds = glob "/proc/$_[0]/fd/*"; scalar @fds }

my %set = map { $_ => version_of($_, 500) } 1, 2;

start(workers => 2, zone => 'c:8m', watch => '20ms');
$told = 0;

sub swap {
    my ($version) = @_;

    write_set($set{$version});
    $told++;
    return wait_until(sub { $told <= told($server, $read) }, 10);
}

swap($_) for 2, 1, 2, 1;
answers(200);
my @workers = $server->workers;
my @zone = map { zone_rss($_) } @workers;
my @fds = map { fds($_) } @workers;
my @rss = map { field($_, 'RssAnon') } @workers;

$load = load($server, 2);
my $began = time;
my $swapped = grep { swap($_ % 2 + 1) } 1 .. 100;
my $took = time - $began;
%count = $load->end;

is($swapped, 100, sprintf 'a hundred swaps under load, in %.1f s', $took);
is(CORE::join(' ', sort keys %count), '1 2',
   'no request fails, and each response is by a complete set ('
   . sum0(values %count) . ' responses)');
cmp_ok(sum0(values %count), '>=', 200, 'there was load');
cmp_ok($count{1}, '>=', 20, 'responses by the first set');
cmp_ok($count{2}, '>=', 20, 'responses by the second set');
is_deeply([ $server->workers ], \@workers, 'no worker was replaced');
is_deeply([ map { fds($_) } @workers ], \@fds, 'no file descriptor leaks');
SKIP: {
    skip 'a sanitizer keeps what was freed', 1
        if Test::Gateway::Server::slurp("/proc/$workers[0]/maps") =~ /libasan/;
    cmp_ok(max(map { field($workers[$_], 'RssAnon') - $rss[$_] } 0, 1),
           '<=', 1024, 'the heap does not grow');
}

# the resident part of the zone, which includes both halves of 500 consumers

cmp_ok(max(map { zone_rss($workers[$_]) } 0, 1), '<=', max(@zone) + 256,
       'the zone does not grow');
is(scalar(told($server, $read)), $told, 'each swap is logged once');
is(CORE::join('', told($server, $bad)), '',
   'swaps: no message above level notice');
$server->stop;

done_testing();
