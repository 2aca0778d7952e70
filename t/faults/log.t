# SPDX-License-Identifier: BSD-2-Clause

# The counters of a log are exact during many reloads, rotations and killed
# workers.
#
#   PATHS=200 ROTATIONS=100 RELOADS=50 KILLS=20 prove -It/lib t/faults/log.t
#
# sets the number of paths, rotations, reloads and kills to their defaults.

use v5.28;
use warnings;
use lib 't/lib';

use POSIX ();
use Test::Gateway::Flood qw( flood during );
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep time );

my $paths = $ENV{PATHS} // 200;
my $rotations = $ENV{ROTATIONS} // 100;
my $reloads = $ENV{RELOADS} // 50;
my $kills = $ENV{KILLS} // 20;

$SIG{ALRM} = sub { die "this takes too long\n" };
alarm 240 + 2 * ($paths + $reloads + $rotations + $kills);

my $location = 'keepalive_requests 1000000; location / { empty_gif; }';



sub balanced {
    my ($name, %count) = @_;

    is($count{written} + $count{dropped}, $count{made},
       "$name: all records are either written or dropped")
        or diag(map { "$_ $count{$_} " } sort keys %count);
    is($count{bytes}, 0, "$name: the buffers are empty");
}

# kills a worker, and waits for the new one
sub kill_one {
    my ($nginx) = @_;

    my ($pid, @rest) = $nginx->workers;
    $nginx->allow("process $pid exited on signal 9");
    kill 'KILL', $pid;
    wait_until(sub { my @now = $nginx->workers;
                     @now == 2 && !grep { $_ == $pid } @now }, 10);
}

# the number of lines that are valid records
sub whole { scalar grep { eval { json_of($_) } } @_ }

# reads from a pipe until nothing arrives for 1.5 s
sub drain {
    my ($pipe, $text) = @_;

    my $bits = '';
    vec($bits, fileno $pipe, 1) = 1;
    while (select my $ready = $bits, undef, undef, 1.5) {
        sysread $pipe, $$text, 65536, length $$text or last;
    }
}


# --- two workers lose records, and one of them reports the losses at most once
# a minute: the end of this file checks the second report

my $pipes = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0777, "$pipes";
POSIX::mkfifo("$pipes/pipe", 0666) or die "mkfifo: $!";
my $lossy = start_nginx(server => $location,
                        http => "gateway_log $pipes/pipe buffer=32k flush=10ms;");
flood($lossy->port, '/', 4000);
my $lost = time;


# --- rotation and reloads under load

{
    my $nginx = start_nginx(http => 'gateway_log a.json;', server => $location);
    my ($files, $reloaded) = (0, 0);

    # nginx logs this if the next rename happens between its open() and stat()
    $nginx->allow(qr/stat\(\) ".*\/a\.json" failed/);

    my %ended = during($nginx->port, '/', 1000 * ($rotations + $reloads), sub {
        my ($works) = @_;

        while ($works->() || $files < $rotations || $reloaded < $reloads) {
            if ($files < $rotations) {
                rename $nginx->dir . '/a.json',
                       $nginx->dir . '/a.json.' . ++$files;
                $nginx->signal('USR1');
                wait_until(sub { -e $nginx->dir . '/a.json' });
            }
            if ($reloaded < $reloads) {
                $nginx->reload or die 'no reload';
                $reloaded++;
            }
            sleep 0.01;
        }
    });

    $nginx->stop;
    my @lines = map { lines_of($nginx, $_) }
                'a.json', map { "a.json.$_" } 1 .. $files;
    is(whole(@lines), scalar @lines, 'rotation: each line is a record');
    is(scalar @lines, $ended{200},
       "rotation: one record for each of $ended{200} responses");

    my %count = counters($nginx, '/a.json');
    balanced('rotation', %count);
    is($count{made}, $ended{200}, 'rotation: all records are counted');
    is($count{dropped}, 0, 'rotation: no record is dropped');
}


# --- killed workers: each connection has one request at a time

{
    my $nginx = start_nginx(server => $location,
                            http => 'gateway_log a.json buffer=32k flush=10s;');
    my $killed = 0;

    my %ended = during($nginx->port, '/', 2000 * $kills, sub {
        my ($works) = @_;

        for (1 .. $kills) {
            sleep 0.05;
            last if !$works->();
            kill_one($nginx);
            $killed++;
        }
    }, depth => 1, connections => 4);

    $nginx->stop;
    cmp_ok($killed, '>=', $kills / 4, "kill: $killed workers were killed");

    my @lines = lines_of($nginx, 'a.json');
    my $whole = whole(@lines);

    # a kill can end a write of several pages in the middle (t/log/kills.t)
    cmp_ok(@lines - $whole, '<=', $killed,
           'kill: at most one incomplete line for each kill');

    my %count = counters($nginx, '/a.json');
    balanced('kill', %count);
    is($count{dropped}, $count{lost_worker},
       'kill: records are lost only with workers');
    cmp_ok($count{lost_worker}, '>', 0, 'kill: some records are lost');

    # a kill can lose a response or its record on each connection
    cmp_ok(abs($count{made} - $ended{200}), '<=', 8 * $killed,
           "kill: $count{made} records of $ended{200} responses");

    # records of a write() that a kill prevented
    cmp_ok($count{written} - $whole, '>=', 0, 'kill: each line is counted');
    cmp_ok($count{written} - $whole, '<=', 200 * $killed,
           'kill: at most one write for each kill is counted and missing');
}


# --- a pipe that stalls, while workers are killed and the server is reloaded

{
    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    chmod 0777, "$dir";
    POSIX::mkfifo("$dir/pipe", 0666) or die "mkfifo: $!";
    my $nginx = start_nginx(server => $location,
        http => "gateway_log $dir/pipe buffer=32k flush=10ms;");
    my $n = 20_000;

    my %ended = during($nginx->port, '/', $n, sub {
        for my $i (1 .. 10) {
            sleep 0.02;
            $i % 5 ? kill_one($nginx) : $nginx->reload;
        }
    }, depth => 1);
    cmp_ok($ended{200}, '>=', $n - 16 * 10, 'stalled: requests do not wait');

    sysopen my $pipe, "$dir/pipe", POSIX::O_RDONLY()|POSIX::O_NONBLOCK()
        or die "open: $!";
    my $text = '';
    drain($pipe, \$text);
    $nginx->get('/');
    drain($pipe, \$text);
    $nginx->stop;
    drain($pipe, \$text);

    my @lines = split /\n/, $text;
    my %count = counters($nginx, '/pipe');
    balanced('stalled', %count);
    cmp_ok($count{full}, '>', 0, 'stalled: records are dropped');
    is(whole(@lines), scalar @lines, 'stalled: each line is a record');
    cmp_ok(abs($count{made} - 1 - $ended{200}), '<=', 16 * 8,
           'stalled: all records are counted');
    cmp_ok($count{written} - @lines, '>=', 0,
           'stalled: each line is counted');
    cmp_ok($count{written} - @lines, '<=', 20 * 8,
           'stalled: at most one write for each kill is counted and missing');
}


# --- a disk that is full, while workers are killed and the server is reloaded

SKIP: {
    my $nginx = start_nginx(server => $location,
        http => 'gateway_log small/a.json buffer=32k flush=10ms;',
        files => { 'small/x' => '' });
    my $dir = $nginx->dir . '/small';

    if (system("mount -t tmpfs -o size=256k none '$dir' 2>/dev/null") != 0) {
        $nginx->stop;
        skip 'no tmpfs', 1;
    }

    $nginx->signal('USR1');
    wait_until(sub { -e "$dir/a.json" });

    my %ended = during($nginx->port, '/', 20_000, sub {
        for my $i (1 .. 10) {
            sleep 0.02;
            $i % 5 ? kill_one($nginx) : $nginx->reload;
        }
    }, depth => 1);

    system('mount', '-o', 'remount,size=16m', $dir) == 0 or die;
    my $size = -s "$dir/a.json";
    wait_until(sub { -s "$dir/a.json" > $size }, 10);
    flood($nginx->port, '/', 1000);
    $nginx->stop;

    my %count = counters($nginx, '/a.json');
    my @lines = lines_of($nginx, 'small/a.json');
    balanced('full', %count);
    cmp_ok($count{full}, '>', 0, 'full: some records are dropped');
    cmp_ok(abs($count{made} - 1000 - $ended{200}), '<=', 16 * 8,
           'full: all records are counted');
    cmp_ok($count{written} - whole(@lines), '>=', 0,
           'full: each record in the file is counted');
    cmp_ok($count{written} - whole(@lines), '<=', 200 * 8,
           'full: at most one write for each kill is counted and missing');
    cmp_ok(@lines - whole(@lines), '<=', 2 + 2 + 8,
           'full: at most one incomplete line for each worker');

    system('umount', $dir);
}


# --- paths that change with each reload, in total more than there is room for

{
    my $port = free_port();
    my $each = 2500 / $paths;           # 256 fit, each with 8 counters
    my (%of, @asked);

    # a.json has all requests, the files of a round only those of the round
    my $conf = sub {
        my ($round) = @_;

        return http_conf(port => $port, workers => 2,
            http => 'gateway_log a.json buffer=32k flush=10s;',
            server => 'location / { empty_gif; } ' . join "\n", map {
                "location = /$_ { gateway_log a.json buffer=32k flush=10s;"
                . " gateway_log $round-$_.json buffer=32k flush=10s;"
                . ' empty_gif; }' } 1 .. $each);
    };

    my $nginx = start_nginx(port => $port, conf => $conf->(0));
    my ($all, $killed, $now) = (0, 0, 0);

    my $ask = sub {
        my ($path) = @_;
        my ($status) = $nginx->get($path);
        $all++ if $status == 200;
        return $status == 200;
    };

    for my $round (0 .. $paths) {
        if ($round) {
            $nginx->reload($conf->($round)) or die $nginx->log;
        }
        $now = 0;
        $ask->('/') for 1 .. 3;
        $ask->('/1') && $now++ for 1 .. 5;
        $of{$round} = $now;

        # in some rounds a worker is killed with records in its buffers
        if ($round % 10 == 5) {
            my @old = $nginx->workers;
            $nginx->allow("process $old[0] exited on signal 9");
            kill 'KILL', $old[0];
            wait_until(sub { my @now = $nginx->workers;
                             @now == 2 && $now[0] != $old[0]
                                       && $now[1] != $old[0] });
            $killed++;
            $of{$round} = -1;       # unknown
            $ask->('/') for 1 .. 2;
        }
    }

    unlike($nginx->log, qr/no room for|is not counted/,
           'paths: all have counters');

    # a configuration with too many paths is rejected, and changes nothing
    $nginx->allow('no room for');
    $nginx->reload(http_conf(port => $port, http => join ' ',
                             map { "gateway_log too-many-$_.json;" } 1 .. 400),
                   wait => 0);
    wait_until(sub { $nginx->log =~ /no room for/ });
    $ask->('/1') && $now++ for 1 .. 5;

    # a worker is killed in the last round
    my @old = $nginx->workers;
    $nginx->allow("process $old[0] exited on signal 9");
    kill 'KILL', $old[0];
    wait_until(sub { my @now = $nginx->workers;
                     @now == 2 && !grep { $_ == $old[0] } @now });
    $ask->('/1') && $now++ for 1 .. 5;
    $nginx->stop;

    my %count = counters($nginx, '/a.json');
    is($count{made}, $all, 'paths: all records are counted');
    is($count{written} + $count{dropped}, $count{made},
       'paths: all records are either written or dropped');
    is($count{dropped}, $count{lost_worker},
       'paths: records are lost only with workers');
    cmp_ok($count{dropped}, '>', 0, 'paths: some records are lost');
    is($count{bytes}, 0, 'paths: the buffers are empty');
    is(scalar(my @lines = lines_of($nginx, 'a.json')), $count{written},
       'paths: all written records are in the file');

    my @wrong = grep { my $n = lines_of($nginx, "$_-1.json");
                       $of{$_} >= 0 && $n != $of{$_} } 0 .. $paths - 1;
    is("@wrong", '', "paths: the files of $paths reloads have all records");

    %count = counters($nginx, "/$paths-1.json");
    is($count{made}, $now, 'paths: the counters of a new path start at 0');
    is($count{written} + $count{lost_worker}, $now,
       'paths: the counters of a new path are exact');
    is($count{bytes}, 0, 'paths: the buffers of a new path are empty');

    my %other = map { my %c = counters($nginx, "/$paths-$_.json");
                      join(' ', @c{qw( made written dropped bytes )}) => 1 }
                2 .. $each;
    is(join(', ', keys %other), '0 0 0 0',
       'paths: without requests all counters are 0');
}



# --- the report of losses, a minute later

{
    sleep 1 while time < $lost + 61;
    is(scalar(() = $lossy->log =~ /records? lost/g), 1,
       'report: at most one a minute');
    flood($lossy->port, '/', 1, processes => 1, connections => 1);
    wait_until(sub { 2 == (() = $lossy->log =~ /records? lost/g) });

    sysopen my $pipe, "$pipes/pipe", POSIX::O_RDONLY()|POSIX::O_NONBLOCK()
        or die "open: $!";
    my $text = '';
    drain($pipe, \$text);
    $lossy->stop;

    my %count = counters($lossy, '/pipe');
    balanced('report', %count);

    my @said = $lossy->log =~ /: (\d+) records? lost since the last report/g;
    is(scalar @said, 2, 'report: another one after a minute');

    is($said[0] + $said[1], $count{dropped},
       'report: the sum is the number of lost records');
}

done_testing;
