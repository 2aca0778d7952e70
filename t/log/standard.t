# SPDX-License-Identifier: BSD-2-Clause

# The standard output and error of nginx, as a file, a pipe and a socket: of a
# daemon, too, over two reloads and a binary upgrade.

use v5.28;
use warnings;
use lib 't/lib';

use POSIX ();
use Socket;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

my @servers;
END { local $?; Test::Gateway::Server::quit($_->pid, 5) for @servers }

# a daemon whose output the shell redirects
sub start {
    my ($log, $shell, %arg) = @_;

    my $port = $arg{port} // free_port();
    my $dir = Test::Gateway::Server::folder(
        http_conf(port => $port, http => $log, server =>
                  'location / { empty_gif; }', workers => 2, %arg));
    my $self = bless { dir => $dir, port => $port, allow => [] },
                     'Test::Gateway::Server';

    # a binary upgrade executes argv[0]
    my ($binary) = grep { -x } map { ("$_/" . Test::Gateway::Server::binary()) }
                   split /:/, $ENV{PATH};
    $binary = Test::Gateway::Server::binary()
        if Test::Gateway::Server::binary() =~ m{/};

    my $nginx = "'" . $binary . "' -p '$dir/'"
                . " -e '$dir/logs/error.log' -c '$dir/nginx.conf'";
    system(sprintf($shell, $nginx) =~ s/DIR/$dir/gr) == 0
        or die 'nginx did not start: ' . $self->log;
    wait_until(sub { $self->pid && $self->workers == ($arg{workers} // 2) });
    push @servers, $self;
    return $self;
}

sub end {
    my ($self, $name) = @_;

    ok(Test::Gateway::Server::quit($self->pid, 15), "$name: nginx leaves");
    @servers = grep { $_ != $self } @servers;
    is_deeply([ $self->wrong_lines ], [], "$name: nothing went wrong");
}


# --- files: each record is in both

{
    my $nginx = start('gateway_log stdout flush=0; gateway_log stderr ecs flush=0;',
                      '%s >>DIR/out 2>>DIR/err');
    my $n = 0;

    for my $round (0 .. 2) {
        $nginx->reload if $round;
        $nginx->get("/$_"), $n++ for 1 .. 4;
        is(scalar(records($nginx, 'out', $n)), $n,
           "stdout: $n records after $round reloads");
        is(scalar(records($nginx, 'err', $n)), $n, 'stderr: all records');
    }
    unlike($nginx->log, qr/gateway_log writes nothing/, 'no warning');

    # a binary upgrade: fd 1 is /dev/null, fd 2 the error log
    my $old = $nginx->pid;
    $nginx->signal('USR2');
    ok(wait_until(sub { delete $nginx->{pid};
                        ($nginx->pid // $old) != $old
                        && $nginx->workers == 2 }, 30), 'USR2: a new master');
    Test::Gateway::Server::quit($old, 10);
    $nginx->get('/new');

    my $log = $nginx->log;
    like($log, qr/\[warn\].*gateway_log writes nothing, stdout is \/dev\/null/,
         'USR2: a warning for stdout');
    like($log, qr/\[warn\].*gateway_log writes nothing, stderr is the error log/,
         'USR2: and for stderr');
    unlike($log, qr/"path":"/, 'USR2: no record in the error log');
    is(scalar(lines_of($nginx, 'out')), $n, 'USR2: no record is written');
    end($nginx, 'files');
}


# --- reloads to a configuration without stdout and stderr, and back

{
    my $port = free_port();
    my $conf = sub { http_conf(port => $port, workers => 2, http => $_[0],
                               server => 'location / { empty_gif; }') };
    my $nginx = start('gateway_log stdout flush=0;', '%s >>DIR/out 2>>DIR/err',
                      port => $port);
    my $line = qr/\[warn\].*gateway_log writes nothing, (\w+ is [\w\/ ]+?) in /;

    $nginx->get('/');
    $nginx->reload($conf->('gateway_log a.json flush=0;'));
    $nginx->get('/');
    $nginx->reload($conf->('gateway_log stdout flush=0;'));
    $nginx->get('/');
    is(scalar(records($nginx, 'out', 2)), 2, 'again: stdout is written again');
    is(scalar(lines_of($nginx, 'a.json')), 1, 'again: the others are in a file');
    is_deeply([ $nginx->log =~ /$line/g ], [], 'again: no warning');

    # stderr, which the first configuration has not opened, cannot be used
    $nginx->reload($conf->('gateway_log stderr flush=0;'
                           . ' gateway_log b.json flush=0;'));
    $nginx->get('/');
    is(scalar(records($nginx, 'b.json', 1)), 1, 'too late: a file is written');
    is_deeply([ $nginx->log =~ /$line/g ], [ 'stderr is the error log' ],
              'too late: a warning for stderr');
    end($nginx, 'again');

    my %count = counters($nginx, 'stderr');
    is($count{made}, 0, 'too late: no record is made');
    is(scalar(lines_of($nginx, 'err')), 0, 'too late: stderr is empty');
    unlike($nginx->log, qr/"path":"/, 'too late: no record in the error log');
}

{
    my $port = free_port();
    my $conf = sub { http_conf(port => $port, workers => 2, http => $_[0],
                               server => 'location / { empty_gif; }') };
    my $nginx = start('', '%s >>DIR/out 2>>DIR/err', port => $port);

    $nginx->reload($conf->('gateway_log stdout flush=0;'));
    $nginx->get('/');
    like($nginx->log,
         qr/\[warn\].*gateway_log writes nothing, stdout is \/dev\/null/,
         'a daemon: a warning for stdout');
    end($nginx, 'a daemon');
    my %count = counters($nginx, 'stdout');
    is($count{made}, 0, 'a daemon: no record is made');
    is(scalar(lines_of($nginx, 'out')), 0, 'a daemon: stdout is empty');
}


# --- a pipe: lines of many workers are not mixed

{
    my $nginx = start('gateway_log stdout flush=0;', '(%s | cat >>DIR/out) &');
    $nginx->get('/?' . 'x' x 3000) for 1 .. 20;
    $nginx->get('/?' . 'x' x 6000);
    my @records = records($nginx, 'out', 21);
    is(scalar @records, 21, 'pipe: all records');
    ok($records[-1]{truncated}, 'pipe: a long record is shortened');
    $nginx->reload;
    $nginx->get('/');
    is(scalar(records($nginx, 'out', 22)), 22, 'pipe: also after a reload');
    end($nginx, 'pipe');
    my %count = counters($nginx, 'stdout');
    is($count{written}, 22, 'pipe: records written');
}


# --- a socket, as with systemd

# starts nginx with a socket as stdout; returns nginx and the other end
sub start_on_socket {
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die $!;
    open my $saved, '>&', \*STDOUT or die $!;
    open STDOUT, '>&', $theirs or die $!;
    my $nginx = eval { start(@_) };
    open STDOUT, '>&', $saved or die $!;
    ok($nginx, 'socket: nginx starts') or diag($@);
    return $nginx, $ours;
}

# reads until $done returns true, or no more data comes
sub read_until {
    my ($socket, $done) = @_;

    my $text = '';
    my $bits = '';
    vec($bits, fileno $socket, 1) = 1;
    while (!$done->($text)) {
        select(my $ready = $bits, undef, undef, 3) or last;
        sysread $socket, $text, 65536, length $text or last;
    }
    return $text;
}

{
    my ($nginx, $ours) = start_on_socket('gateway_log stdout flush=0;', '%s');

    $nginx->get("/$_") for 1 .. 3;
    my $text = read_until($ours, sub { $_[0] =~ tr/\n// == 3 });
    is(scalar(map { json_of($_) } split /\n/, $text), 3, 'socket: all records');
    end($nginx, 'socket');
}

# a reader that pauses: the fragment of a record is closed without waiting

{
    my ($nginx, $ours) = start_on_socket(
        'gateway_log stdout buffer=1m flush=100ms;', '%s', workers => 1);
    my $n = 200;

    $nginx->get('/?' . 'x' x 3000) for 1 .. $n;
    sleep 2;
    my ($status) = $nginx->get('/last', timeout => 3);
    is($status, 200, 'socket: no request waits for a reader');

    my $text = read_until($ours, sub { $_[0] =~ m{"path":"/last".*\n}
                                       && $_[0] =~ tr/\n// > $n });
    my @lines = split /\n/, $text;
    my @whole = grep { eval { json_of($_) } } @lines;
    is(scalar @whole, $n + 1, 'socket: all records are read');
    cmp_ok(scalar @lines, '>', scalar @whole, 'socket: and fragments');
    end($nginx, 'a reader that rests');
}

done_testing;
