# SPDX-License-Identifier: BSD-2-Clause

# Consumers while workers are killed, stopped and told to leave, and while the
# set is changed a hundred times: whoever lives serves a whole set, and the
# file is loaded by somebody.

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

# workers that have the file open: the one that loads it

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

# Writes a large set and stops ($signal: or kills) the worker that loads it, in
# the middle.  A test that waits for the CPU can miss the load: it starts again
# from the first set.  $told: how many loads were complete then.

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


# --- who loads is killed

start(workers => 3);
$server->allow('exited on signal 9');

for my $version (2, 3) {
    my $before = $version == 2 ? 1 : 2;
    my $killed = caught('KILL', $version);
    ok($killed, 'a worker loads the file, and is killed');
    ok(becomes($version), 'another one, or its heir, loads it');
    is(answers(60), "$version:60", 'for all of them');
    ok(full_house(3, $killed), 'and the killed one has an heir');
    is(scalar(told($server, $read)), $told + 1, 'it was read to its end once');
    is(scalar(loaders()), 0, 'and nobody has it open');
}
is(CORE::join('', told($server, $bad)), '', 'nothing above notice by us');
$server->stop;

# where there is only one

start(workers => 1);
$server->allow('exited on signal 9');
ok(caught('KILL', 2), 'the only worker is killed while it loads');
ok(becomes(2), 'its heir loads the file');
is(answers(20), '2:20', 'and serves it');
$server->stop;

# a worker looks at the file when it starts, and not again for an hour

start(workers => 3, watch => '1h');
$server->allow('exited on signal 9');
write_set($large{2});
my @first = $server->workers;
kill 'KILL', @first[0, 1];
ok(full_house(3, @first[0, 1]), 'two workers are killed after a change');
ok(becomes(2), 'one of their heirs loads the file as it starts');
is(answers(60), '2:60', 'for all');
is(scalar(told($server, $read)), 1, 'and the other one does not');
is(scalar(loaders()), 0, 'nobody has it open');
$server->stop;


# --- who loads is stopped

start(workers => 3, server => undef);
my $stopped = caught('STOP', 2);
ok($stopped, 'a worker loads the file, and is stopped');

# connections that wait in its own queue are not answered: ask the others

my (%seen, @said);
my $end = time + 1;
while (time < $end || (keys %seen < 2 && time < $end + 20)) {
    my ($status, $head) = $server->get('/', timeout => 0.1, headers =>
                                       [ 'X-API-Key: ' . api_key('acme') ]);
    next if !$status;
    push @said, $head =~ /^X-Is: plan-(\d+)/m;
    $seen{$1} = 1 if $head =~ /^X-Worker: (\d+)/m;
}
is(scalar(keys %seen), 2, 'the two others answer');
is(CORE::join(' ', grep { $_ ne '1' } @said), '', 'by the old set');
is(scalar(told($server, $read)), $told, 'and take over nothing while it lives');
is_deeply([ loaders() ], [ $stopped ], 'it alone has the file open');

kill 'CONT', $stopped;
ok(becomes(2), 'it goes on, and completes');
is(answers(60), '2:60', 'for all');
is(scalar(told($server, $read)), $told + 1, 'once');

# and is killed where it stands

$server->allow('exited on signal 9');
$stopped = caught('STOP', 3);
ok($stopped, 'another one is stopped');
sleep 0.2;
kill 'KILL', $stopped;
ok(full_house(3, $stopped), 'and killed');
ok(becomes(3), 'another one loads the file');
is(answers(60), '3:60', 'for all');

# and its pid is another process's, when a reload has put others in its place

SKIP: {
    my $held = caught('STOP', 2);
    ok($held, 'one is stopped again');
    $server->reload(undef, wait => 0);
    ok(wait_until(sub { 4 == $server->workers }, 10) , 'a reload');
    kill 'KILL', $held;
    my $heir = Test::Gateway::Server::successor($held)
        // skip('the pid is not to be had', 2);
    ok(becomes(2), 'killed, and another process has its pid: others load');
    is(answers(60), '2:60', 'for all');
    kill 'KILL', $heir;
    waitpid $heir, 0;
}
$server->stop;


# --- who loads is told to leave

start(workers => 2);
ok(caught(0, 2), 'a worker loads the file');
write_set(version_of(5));
ok($server->reload, 'a reload while a worker loads');
is(answers(40), '5:40', 'the set of the reload serves');
sleep 0.3;
is(answers(40), '5:40', 'and nobody loads what the old worker had begun');
is(scalar(told($server, $read)), $told, 'which was left');
is(CORE::join('', told($server, $bad)), '', 'nothing above notice');

my $leaving = caught('QUIT', 3);
ok(full_house(2, $leaving), 'one that loads is told to leave, alone');
ok(becomes(3), 'another one loads the file');
is(answers(40), '3:40', 'for all');
$server->stop;

# stopped over a reload, of workers of another user as well

SKIP: {
    skip 'only root has workers of another user', 9 if $> != 0;

    my %user = map { my ($name, $group) = (getpwnam $_)[0, 3];
                     $_ => "user $name " . getgrgid($group) . ";\n" }
               qw( nobody daemon );

    start(workers => 1, main => $user{nobody});
    my $stopped = caught('STOP', 2);
    ok($stopped, 'who loads is stopped');
    write_set(version_of(6));
    $server->reload(swap_conf(port => $port, zone => 'c:32m', workers => 1,
                              main => $user{daemon}), wait => 0);
    ok(wait_until(sub { told($server, qr/a worker is writing to the zone/) }),
       'a reload cannot publish its set, and says so');
    ok(wait_until(sub { 2 == $server->workers }), 'workers of another user');

    sleep 0.5;
    is(scalar(told($server, $read)), $told, 'do not take the lease from it');
    is_deeply([ loaders() ], [ $stopped ], 'it still has it');
    kill 'CONT', $stopped;
    ok(becomes(6), 'it goes on, and leaves: the new set is in force');
    is(answers(20), '6:20', 'for all');
    cmp_ok(scalar(told($server, $read)), '<=', $told + 1,
           'as the master has read it, or by another look at the file');
    ok(full_house(1, $stopped), 'the old worker is gone');
    $server->stop;
}


# and where no worker would look at the file again

start(workers => 2);
$stopped = caught('STOP', 2);
ok($stopped, 'who loads is stopped');
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
ok(becomes(7), 'publish it when the zone is free');
ok(full_house(2, $stopped), 'when the old worker has gone');
is(answers(40), '7:40', 'and all serve it');
is(scalar(told($server, $read)), $told, 'without reading the file again');
kill 'KILL', ($server->workers)[0];
sleep 0.3;
is(answers(40), '7:40', 'also one that is born later');
$server->stop;


# --- any worker is killed while the set changes

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
ok(becomes(99), 'workers are killed while the set changes: the last one comes');
is(answers(60), '99:60', 'to all');
my %count = $load->end;

# a killed worker answers nothing to what it had in its hands
my $lost = delete $count{0} // 0;
cmp_ok($lost, '<=', 2 * 10, "a client loses at most what a kill has cut ($lost)");
is(CORE::join(', ', grep { !/\A\d+\z/ || $_ == 401 || $_ == 500 } keys %count),
   '', 'every answer is by a whole set');
$server->stop;


# --- a hundred swaps under load

# of the zone's mapping, in kB

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
   'no request failed, and every answer is by one whole set ('
   . sum0(values %count) . ' of them)');
cmp_ok(sum0(values %count), '>=', 200, 'there was load');
cmp_ok($count{1}, '>=', 20, 'by the one');
cmp_ok($count{2}, '>=', 20, 'and the other');
is_deeply([ $server->workers ], \@workers, 'the workers are the same');
is_deeply([ map { fds($_) } @workers ], \@fds, 'with no descriptor more');
SKIP: {
    skip 'a sanitizer keeps what was freed', 1
        if Test::Gateway::Server::slurp("/proc/$workers[0]/maps") =~ /libasan/;
    cmp_ok(max(map { field($workers[$_], 'RssAnon') - $rss[$_] } 0, 1),
           '<=', 1024, 'and no heap that grows');
}

# what a worker has touched of it; both halves of 500 consumers are in it

cmp_ok(max(map { zone_rss($workers[$_]) } 0, 1), '<=', max(@zone) + 256,
       'the zone does not grow');
is(scalar(told($server, $read)), $told, 'each swap was told once');
is(CORE::join('', told($server, $bad)), '', 'and nothing above notice');
$server->stop;

done_testing();
