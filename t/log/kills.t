# SPDX-License-Identifier: BSD-2-Clause

# A worker that is killed during a write leaves a fragment of a record, which the
# next worker closes.  A preloaded library kills the worker at a chosen point.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0777, "$dir";
my $lib = "$dir/kill.so";

# a record whose write finds one of the files part, whole and none is the last
library($lib, <<"END")
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

ssize_t
write(int fd, const void *buf, size_t n)
{
    ssize_t  (*next)(int, const void *, size_t);
    size_t   taken;

    next = (ssize_t (*)(int, const void *, size_t)) dlsym(RTLD_NEXT, "write");

    if (n < 8 || memcmp(buf, "{\\"time\\"", 7) != 0) {
        return next(fd, buf, n);
    }

    if (unlink("$dir/part") == 0) {
        taken = n / 2;

    } else if (unlink("$dir/whole") == 0) {
        taken = n;

    } else if (unlink("$dir/none") == 0) {
        taken = 0;

    } else {
        return next(fd, buf, n);
    }

    if (taken) {
        (void) next(fd, buf, taken);
    }

    (void) kill(getpid(), SIGKILL);

    return -1;
}
END
    or plan skip_all => 'nginx does not start with a library';

sub start {
    my (%arg) = @_;

    local $ENV{LD_PRELOAD} = $lib;
    my $nginx = start_nginx(workers => 1, server => 'location / { empty_gif; }',
                            http => 'gateway_log a.json flush=0;', %arg);
    $nginx->allow(qr/exited on signal 9/);
    return $nginx;
}

# a request whose worker is killed while it writes the record
sub killed {
    my ($nginx, $point) = @_;

    my ($old) = $nginx->workers;
    write_file("$dir/$point", '');
    chmod 0666, "$dir/$point";
    $nginx->get("/$point");
    ok(wait_until(sub { my @now = $nginx->workers;
                        @now && $now[0] != $old && !-e "$dir/$point" }),
       "$point: the worker was killed");
}

# the paths of records in order; "..." for a fragment
sub paths {
    map { my $record = eval { json_of($_) };
          $record ? $record->{path} : length ? '...' : 'empty' } lines_of(@_);
}

sub balanced {
    my ($name, $nginx, $file, $made) = @_;

    my %count = counters($nginx, $file);
    is("@count{qw( made written dropped bytes )}", "$made $made 0 0",
       "$name: written are those that were to be");
}


# --- a file

{
    my $nginx = start();

    $nginx->get('/1');
    killed($nginx, 'part');
    $nginx->get('/2');
    killed($nginx, 'whole');
    $nginx->get('/3');
    killed($nginx, 'none');
    $nginx->get('/4');
    killed($nginx, 'part');
    $nginx->reload;
    $nginx->get('/5');
    $nginx->get('/6');
    $nginx->stop;
    is(join(' ', paths($nginx, 'a.json')),
       '/1 ... /2 /whole /3 /4 ... /5 /6',
       'a file: the fragment is closed, and no line is empty');
    balanced('a file', $nginx, 'a.json', 10);
}


# --- a fragment stays in its file

{
    my $nginx = start();
    my $rotate = sub {
        my ($to) = @_;
        rename $nginx->dir . '/a.json', $nginx->dir . "/$to";
        $nginx->signal('USR1');
        wait_until(sub { -e $nginx->dir . '/a.json' });
        wait_until(sub { my ($worker) = $nginx->workers;
                         grep { (readlink($_) // '') =~ m{/a\.json\z} }
                              glob "/proc/$worker/fd/*" });
    };

    $nginx->get('/1');
    killed($nginx, 'part');
    $rotate->('b.json');
    $nginx->get('/2');
    killed($nginx, 'part');
    $nginx->get('/3');
    $nginx->stop;
    is(join(' ', paths($nginx, 'b.json')), '/1 ...', 'a renamed file');
    is(join(' ', paths($nginx, 'a.json')), '/2 ... /3', 'and the next one');
    balanced('a renamed file', $nginx, 'a.json', 5);
}


# --- the standard output

{
    my $nginx = start(http => 'gateway_log stdout flush=0;');

    $nginx->get('/1');
    killed($nginx, 'part');
    $nginx->get('/2');
    killed($nginx, 'whole');
    $nginx->get('/3');
    $nginx->stop;
    is(join(' ', paths($nginx, 'logs/stdout')), '/1 ... /2 /whole /3',
       'stdout: a file, too');
    balanced('stdout', $nginx, 'stdout', 5);
}


# --- a file that the worker can only write to: a line may be empty

SKIP: {
    skip 'not root', 1 if $> != 0;
    my $group = getgrgid((getpwnam 'nobody')[3]);
    my $nginx = start(main => "user nobody $group;");

    chmod 0200, $nginx->dir . '/a.json';
    $nginx->get('/1');
    killed($nginx, 'part');
    $nginx->get('/2');
    killed($nginx, 'whole');
    $nginx->get('/3');
    $nginx->stop;
    is(join(' ', paths($nginx, 'a.json')), '/1 ... /2 /whole empty /3',
       'not readable: the fragment is closed');
    balanced('not readable', $nginx, 'a.json', 5);
}

done_testing;
