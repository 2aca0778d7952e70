# SPDX-License-Identifier: BSD-2-Clause

# Files and pipes: each lost record is counted, and lines are whole, while files
# are rotated, workers are killed and disks are full.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Handle;
use POSIX ();
use Test::Gateway::Flood qw( flood during );
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep time );

my $requests = $ENV{REQUESTS} // 6_000;


my $location = 'keepalive_requests 1000000; location / { empty_gif; }';

# made = written + dropped, for all reasons
sub balanced {
    my ($name, %count) = @_;

    is($count{written} + $count{dropped}, $count{made},
       "$name: written and dropped are all that were made")
        or diag(map { "$_ $count{$_} " } sort keys %count);
    is($count{bytes}, 0, "$name: nothing is left in a buffer");
}


# --- rotation and reloads under load

{
    my $nginx = start_nginx(http => 'gateway_log a.json;', server => $location
                            . ' access_log beside.log combined buffer=32k;');
    my $files = 0;

    # nginx logs this if the next rename is between its open() and stat()
    $nginx->allow(qr/stat\(\) ".*\/a\.json" failed/);

    my %ended = during($nginx->port, '/', $requests, sub {
        for my $i (1 .. 10) {
            rename $nginx->dir . '/a.json', $nginx->dir . '/a.json.' . ++$files;
            $nginx->signal('USR1');
            wait_until(sub { -e $nginx->dir . '/a.json' });
            $nginx->reload if $i % 5 == 0;
        }
    }, connections => 4);

    $nginx->stop;

    my @lines = map { lines_of($nginx, $_) }
                'a.json', map { "a.json.$_" } 1 .. $files;
    is(scalar(grep { eval { json_of($_) } } @lines), scalar @lines,
       'rotation: each line is a record');
    is(scalar @lines, $ended{200}, 'rotation: a record for each response');
    is(scalar(my @beside = lines_of($nginx, 'beside.log')), $ended{200},
       'rotation: access_log works beside it');

    my %count = counters($nginx, 'a.json');
    balanced('rotation', %count);
    is($count{made}, $ended{200}, 'rotation: records made');
    is($count{dropped}, 0, 'rotation: no record is dropped');
}


# --- killed workers

{
    my $nginx = start_nginx(http => 'gateway_log a.json;', server => $location);
    $nginx->allow(qr/exited on signal 9/);
    my $kills = 5;

    my %ended = during($nginx->port, '/', $requests, sub {
        for (1 .. $kills) {
            sleep 0.02;
            my @workers = $nginx->workers;
            kill 'KILL', $workers[0] if @workers;
            wait_until(sub { my @now = $nginx->workers;
                             @now == 2 && $now[0] != ($workers[0] // 0) });
        }
    }, connections => 4, depth => 1);

    $nginx->stop;

    my @lines = lines_of($nginx, 'a.json');
    my $whole = grep { eval { json_of($_) } } @lines;

    # a kill can end a write of several pages in the middle (t/log/kills.t)
    cmp_ok(@lines - $whole, '<=', $kills,
           'kill: each line is a record, but one for each kill');

    my %count = counters($nginx, 'a.json');
    balanced('kill', %count);
    is($count{full} + $count{size} + $count{exit}, 0, 'kill: only killed workers lose records');

    # a kill can be between the count and the write, or a response and its record
    cmp_ok($count{written} - $whole, '>=', 0, 'kill: each line is counted');
    cmp_ok($count{written} - $whole, '<=', 250 * $kills,
           'kill: the lines are those that were written');
    cmp_ok(abs($count{made} - $ended{200}), '<=', 8 * $kills,
           'kill: a record for each response, but one of each connection');
}


# --- a full disk

SKIP: {
    my $nginx = start_nginx(workers => 2, server => $location,
        http => 'gateway_log small/a.json buffer=32k flush=10ms;',
        files => { 'small/x' => '' });
    my $dir = $nginx->dir . '/small';

    if (system("mount -t tmpfs -o size=128k none '$dir' 2>/dev/null") != 0) {
        $nginx->stop;
        skip 'no tmpfs', 1;
    }

    $nginx->signal('USR1');
    wait_until(sub { -e "$dir/a.json" });

    my %ended = flood($nginx->port, '/', 3000);
    wait_until(sub { $nginx->log =~ /records? lost/ }) or diag($nginx->log);

    like($nginx->log, qr{\[error\].*gateway_log\ ".*/small/a\.json":\ \d+
                         \ records?\ lost\ since\ the\ last\ report,
                         \ the\ buffer\ is\ full}x, 'full: losses are logged');

    # with more room, the buffers are written
    system('mount', '-o', 'remount,size=4m', $dir) == 0 or die;
    my $size = -s "$dir/a.json";
    wait_until(sub { -s "$dir/a.json" > $size }, 10);
    flood($nginx->port, '/', 100);

    my @said = $nginx->log =~ /records? lost/g;
    is(scalar @said, 1, 'full: losses are logged once a minute');

    $nginx->stop;
    my %count = counters($nginx, 'a.json');
    my @lines = lines_of($nginx, 'small/a.json');
    my @whole = grep { eval { json_of($_) } } @lines;

    balanced('full', %count);
    is($count{made}, 3100, 'full: all records are counted as made');
    cmp_ok($count{full}, '>', 0, 'full: records are dropped');
    is(scalar @whole, $count{written}, 'full: written records are in the file');
    cmp_ok(@lines - @whole, '<=', 2, 'full: at most one fragment for each worker');

    system('umount', $dir);
}


# the file ends with a fragment when nginx is reloaded

SKIP: {
    my $nginx = start_nginx(workers => 1, server => $location,
        http => 'gateway_log small/a.json buffer=32k flush=10ms;',
        files => { 'small/x' => '' });
    my $dir = $nginx->dir . '/small';

    if (system("mount -t tmpfs -o size=64k none '$dir' 2>/dev/null") != 0) {
        $nginx->stop;
        skip 'no tmpfs', 1;
    }

    $nginx->signal('USR1');
    wait_until(sub { -e "$dir/a.json" });
    flood($nginx->port, '/', 1000);
    wait_until(sub { $nginx->log =~ /records? lost/ });
    unlike((Test::Gateway::Server::slurp("$dir/a.json")), qr/\n\z/,
           'fragment: there is one');

    $nginx->reload;
    system('mount', '-o', 'remount,size=4m', $dir) == 0 or die;
    flood($nginx->port, '/', 100);
    $nginx->stop;

    my %count = counters($nginx, 'a.json');
    my @lines = lines_of($nginx, 'small/a.json');
    my @whole = grep { eval { json_of($_) } } @lines;

    balanced('fragment', %count);
    is($count{made}, 1100, 'fragment: all records are counted as made');
    is(@lines - @whole, 1, 'fragment: the only line that is not a record');

    is(scalar @whole, $count{written},
       'fragment: those written are in the file');

    system('umount', $dir);
}


# --- pipes

{
    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    chmod 0777, "$dir";
    POSIX::mkfifo("$dir/pipe", 0666) or die "mkfifo: $!";

    my $conf = "gateway_log $dir/pipe buffer=32k flush=10ms;";
    my $start = time;
    my ($code) = nginx_t(http_conf(http => $conf));
    is($code, 0, 'pipe: nginx -t needs no reader');

    my $nginx = start_nginx(http => $conf, server => $location);
    cmp_ok(time - $start, '<', 5, 'pipe: nginx starts without a reader');

    my %ended = flood($nginx->port, '/', 5000);
    is($ended{200}, 5000, 'pipe: requests do not wait for a reader');
    $nginx->signal('USR1');

    # a record of more than 4096 bytes is shortened
    $nginx->get('/?' . 'x' x 6000);

    open my $pipe, '<', "$dir/pipe" or die "open: $!";
    my $text = '';
    my $reader = sub {
        my $bits = '';
        vec($bits, fileno $pipe, 1) = 1;
        while (select my $ready = $bits, undef, undef, 1.5) {
            sysread $pipe, $text, 65536, length $text or last;
        }
    };
    $reader->();
    $nginx->get('/?' . 'y' x 6000);
    $reader->();
    $nginx->stop;
    $reader->();

    my @lines = split /\n/, $text;
    my %count = counters($nginx, 'pipe');
    balanced('pipe', %count);
    is($count{made}, 5002, 'pipe: all records are counted as made');
    cmp_ok($count{full}, '>', 0, 'pipe: records are dropped without a reader');
    is(scalar(grep { eval { json_of($_) } } @lines), $count{written},
       'pipe: and all else is whole');
    is(scalar @lines, $count{written}, 'pipe: written records are read');

    my $last = json_of($lines[-1]);
    cmp_ok(length $lines[-1], '<', 4096, 'pipe: a record fits one write');
    ok($last->{truncated}, 'pipe: it has truncated');
    like($last->{query}, qr/^y+$/, 'pipe: the longest string is cut');
    is($last->{status}, 200, 'pipe: no other member is');
}


# nginx writes to a full pipe again soon after it was read

{
    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    chmod 0777, "$dir";
    POSIX::mkfifo("$dir/pipe", 0666) or die "mkfifo: $!";

    my $nginx = start_nginx(workers => 1, server => $location,
        http => "gateway_log_format padded { field pad @{[ 'x' x 700 ]}; }"
                . " gateway_log $dir/pipe padded buffer=32m flush=10ms;");
    sysopen my $pipe, "$dir/pipe", POSIX::O_RDONLY() | POSIX::O_NONBLOCK()
        or die "open: $!";

    # more than ten times the capacity of a pipe
    my %ended = flood($nginx->port, '/', 12_000);

    my ($lines, $start) = (0, time);
    while ($lines < $ended{200} && time - $start < 30) {
        my $text;
        if (sysread $pipe, $text, 1048576) {
            $lines += $text =~ tr/\n//;
        } else {
            sleep 0.001;
        }
    }
    is($lines, 12_000, 'slow reader: all records are read');
    cmp_ok(time - $start, '<', 5, 'slow reader: within 5 s');

    $nginx->stop;
    my %count = counters($nginx, 'pipe');
    balanced('slow reader', %count);
    is($count{dropped}, 0, 'slow reader: nothing is lost');
}


# a reader that is fast enough for a burst, but does not run all the time

{
    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    chmod 0777, "$dir";
    POSIX::mkfifo("$dir/pipe", 0666) or die "mkfifo: $!";

    my $nginx = start_nginx(workers => 1, server => $location,
        http => "gateway_log $dir/pipe;");
    my $reader = fork() // die "fork: $!";
    if ($reader == 0) {
        open STDIN, '<', "$dir/pipe";
        exec 'cat >/dev/null';
    }
    my %ended = flood($nginx->port, '/', 20_000);
    $nginx->stop;
    kill TERM => $reader;
    waitpid $reader, 0;

    my %count = counters($nginx, 'pipe');
    balanced('burst', %count);
    is($count{made}, 20_000, 'burst: all records are counted as made');
    cmp_ok($count{dropped}, '<', 2000, 'burst: few records are lost');
}


# a failure is logged with its reason, before records are lost; losses since the
# last report are logged at exit

{
    my $nginx = start_nginx(workers => 1, server => $location,
        http => 'gateway_log /dev/full buffer=32k flush=10ms;');
    $nginx->get('/');
    ok(wait_until(sub {
        $nginx->log =~ m{\[error\].*gateway_log\ "/dev/full":\ write\(\)\ failed,
                         \ records\ are\ kept\ while\ the\ buffer\ has\ room
                         \ \(28:\ No\ space}x;
    }), 'failure: its reason is logged') or diag($nginx->log);
    unlike($nginx->log, qr/records? lost/, 'failure: no record is lost yet');

    flood($nginx->port, '/', 3000);
    $nginx->stop;
    my %count = counters($nginx, 'full');
    balanced('failure', %count);
    my $said = 0;
    $said += $_ for $nginx->log =~ /: (\d+) records? lost since/g;
    is($said, 3001, 'failure: all losses are logged');
    is(scalar(() = $nginx->log =~ /write\(\) failed/g), 1,
       'failure: logged once a minute');
}


# nginx does not wait for a full pipe without a reader

{
    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    chmod 0777, "$dir";
    POSIX::mkfifo("$dir/pipe", 0666) or die "mkfifo: $!";

    my $conf = "gateway_log $dir/pipe flush=0; gateway_log a.json flush=0;";
    my $nginx = start_nginx(http => $conf, server => $location);
    flood($nginx->port, '/', 1000);

    my $start = time;
    my ($code) = nginx_t(http_conf(http => $conf));
    is($code, 0, 'no reader: nginx -t');

    rename $nginx->dir . '/a.json', $nginx->dir . '/b.json';
    $nginx->signal('USR1');
    ok(wait_until(sub { -e $nginx->dir . '/a.json' }), 'no reader: USR1');
    is(($nginx->get('/', timeout => 2))[0], 200, 'no reader: a request');
    is(scalar(records($nginx, 'a.json', 1)), 1, 'no reader: its record');
    ok($nginx->reload, 'no reader: a reload');
    is(($nginx->get('/', timeout => 2))[0], 200, 'no reader: a request');
    $nginx->stop('no reader: QUIT');
    cmp_ok(time - $start, '<', 10, 'no reader: nothing waits');

    my %count = counters($nginx, 'pipe');
    balanced('no reader', %count);
    is($count{made}, 1002, 'no reader: all records are counted as made');
}


# reloads, each of which opens the pipe again

{
    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    chmod 0777, "$dir";
    POSIX::mkfifo("$dir/pipe", 0666) or die "mkfifo: $!";

    my $nginx = start_nginx(http => "gateway_log $dir/pipe;",
                            server => $location);
    sysopen my $pipe, "$dir/pipe", POSIX::O_RDONLY()|POSIX::O_NONBLOCK()
        or die "open: $!";

    for (1 .. 3) {
        $nginx->get('/') for 1 .. 4;
        $nginx->reload;
    }
    $nginx->stop;

    sysread $pipe, my $text, 65536;
    is(scalar(map { json_of($_) } split /\n/, $text), 12,
       'pipe: old workers write all that they have');
    my %count = counters($nginx, 'pipe');
    balanced('pipe over reloads', %count);
    is($count{written}, 12, 'pipe over reloads: records written');
}


# --- one process without a master

{
    my $port = free_port();
    my $nginx = start_nginx(port => $port, conf => http_conf(
        main => 'master_process off;', port => $port,
        http => 'gateway_log a.json;', server => $location));

    $nginx->get('/') for 1 .. 5;
    $nginx->signal('USR1');
    wait_until(sub { lines_of($nginx, 'a.json') == 5 });
    $nginx->get('/');
    $nginx->stop;
    my %count = counters($nginx, 'a.json');
    balanced('single', %count);
    is($count{written}, 6, 'single: records written');
    is(scalar(my @lines = lines_of($nginx, 'a.json')), 6, 'single: lines of the file');
}

# a reload of a single process closes the files of the old configuration

{
    my $port = free_port();
    my $nginx = start_nginx(port => $port, conf => http_conf(
        main => 'master_process off;', port => $port,
        http => 'gateway_log a.json; gateway_log b.json flush=1h;',
        server => $location));

    $nginx->get('/') for 1 .. 3;
    $nginx->signal('HUP');
    is(scalar(records($nginx, 'b.json', 3)), 3, 'single: a reload writes all');
    sleep 1.2;      # the time of a flush
    $nginx->stop;

    for my $file ('a.json', 'b.json') {
        my %count = counters($nginx, $file);
        balanced("single, reload: $file", %count);
        is(scalar(my @lines = lines_of($nginx, $file)), 3, "single: $file");
    }
}


# --- sizes

{
    my $nginx = start_nginx(workers => 1, http => <<'END', server => $location);
    large_client_header_buffers 8 32k;
    client_header_buffer_size 1k;
    gateway_log_format f { header request x-*; field end_of_it $arg_z;
                           field two "$http_two-$arg_z"; }
    gateway_log a.json f flush=0;
END
    my @big = map { "X-H$_: " . 'h' x 9000 } 1 .. 3;

    $nginx->get('/?' . 'a' x 8192);
    $nginx->get('/?' . 'a' x 8193);
    $nginx->get('/?' . '%22' x 3000 . '&z=1');
    $nginx->get('/', headers => [ @big ]);
    $nginx->get('/', headers => [ @big, 'X-H4: ' . 'h' x 9000,
                                  "User-Agent: " . "\x01\xff" x 4000 ]);
    $nginx->get('/', headers => [ 'User-Agent: ' . "\xff" x 8000,
                                  'Referer: ' . "\xff" x 8000 ]);
    $nginx->get('/?z=1', headers => [ 'Two: ' . 'a' x 8191 . '"' ]);
    $nginx->get('/', headers => [ 'X-L: ' . 'a' x 5000, 'X-M: 1',
                                  'X-L: ' . 'b' x 5000, 'X-L: c', 'X-M: 2' ]);
    $nginx->get('/', headers => [ 'X-L: ' . 'a' x 8190 . '"', 'X-L: b' ]);
    my @records = records($nginx, 'a.json', 9);
    my @lines = lines_of($nginx, 'a.json');
    is(scalar @records, 9, 'sizes: each request has a record');

    is(length $records[0]{query}, 8192, 'sizes: a string of 8 KB');
    ok(!$records[0]{truncated}, 'sizes: is not cut');
    is(length $records[1]{query}, 8192, 'sizes: a longer string has 8 KB');
    ok($records[1]{truncated}, 'sizes: and truncated');
    is($records[2]{end_of_it}, 1, 'sizes: other members are whole');
    is(length $records[3]{request_header_x_h3}, 8192, 'sizes: a header has 8 KB');
    ok($records[3]{truncated}, 'sizes: a header: truncated');
    ok(!exists $records[4]{request_header_x_h1},
       'sizes: headers are left out where the record is too long');
    ok($records[4]{truncated}, 'sizes: truncated');
    is($records[7]{request_header_x_l}, 'a' x 5000 . ', ' . 'b' x 3190,
       'sizes: 8 KB of all lines of a header');
    ok($records[7]{truncated}, 'sizes: several lines: truncated');
    is($records[7]{request_header_x_m}, '1, 2', 'sizes: other headers are whole');
    is($records[8]{request_header_x_l}, 'a' x 8190 . '"',
       'sizes: no line follows, where there is no room for it');
    ok($records[8]{truncated}, 'sizes: truncated');
    is($records[6]{two}, 'a' x 8191, 'sizes: no piece follows one that was cut');
    cmp_ok(length $_, '<', 32768, 'sizes: a record has at most 32 KB') for @lines;
    $nginx->stop;
}

# a record that cannot be made short enough for a pipe

{
    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    POSIX::mkfifo("$dir/pipe", 0666) or die "mkfifo: $!";
    my @numbers = map { "field number_$_ 1 int;" } 1 .. 300;

    my $nginx = start_nginx(workers => 1, http => <<END, server => $location);
    gateway_log_format f { @numbers }
    gateway_log $dir/pipe f flush=0;
    gateway_log a.json f flush=0;
END
    $nginx->get('/?' . 'x' x 100);
    my ($record) = records($nginx, 'a.json', 1);
    is($record->{number_300}, 1, 'too long for a pipe: written to a file');
    ok(!$record->{truncated}, 'too long for a pipe: whole in the file');
    $nginx->stop;

    my %count = counters($nginx, 'pipe');
    balanced('too long for a pipe', %count);
    is($count{size}, 1, 'too long for a pipe: dropped, and counted');
}

done_testing;
