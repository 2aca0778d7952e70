# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Probe;

# Tests of what core offers to modules: three modules of the tests in a copy of
# the project, and an origin controlled by the path.
#
#   build_probe()                builds core, some modules and these three, unless
#                                another test has done so
#   my $origin = origin();       { port }; its requests are in a file
#   $origin->requests('/path')   the text of each request for this path (or of all)
#
# The module logs "probe ID: ..." for the end of each detached request:
#
#   ends($server, 'ID')          the text of these lines, in order
#   ended($server, 'ID', n)      the same, after waiting for n of them

use v5.28;
use warnings;

use Cwd qw( abs_path );
use Exporter qw( import );
use Fcntl qw( LOCK_EX );
use File::Path qw( make_path remove_tree );
use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use Test::Gateway::Gate;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep );

our @EXPORT = qw( build_probe origin ends ended );

my ($origin, $test);

# by folder in modules/: the file, and the module that follows in config
my %probe = (
    probe    => [ 't/core/probe.c', 'certificate' ],
    peers    => [ 't/core/group.c', 'certificate' ],
    observer => [ 't/faults/observer.c', 'log' ],
);


# One build serves all tests of a run, which may be at the same time.

sub build_probe {
    my $objs = ($ENV{GATEWAY_OBJS} // 'objs') . '/probe';
    make_path($objs);
    $objs = abs_path($objs);

    $ENV{$_} = abs_path($ENV{$_})
        for grep { ($ENV{$_} // '') =~ m{/} }
            qw( NGINX_SRC NGINX_BINARY TEST_NGINX_BINARY );
    delete @ENV{qw( MODULES LDFLAGS MAKEFLAGS MFLAGS MAKELEVEL )};

    # t/asan: with sanitizers, like nginx
    local $ENV{CFLAGS} = $ENV{GATEWAY_CFLAGS} // '-O0 -g';
    local $ENV{LDFLAGS} = $ENV{GATEWAY_LDFLAGS} // '';
    local $ENV{OBJS} = $objs;
    $ENV{GATEWAY_MODULE} = "$objs/ngx_http_gateway_module.so";

    open my $lock, '>>', "$objs.lock" or die "$objs.lock: $!";
    flock $lock, LOCK_EX or die "flock: $!";

    my $built = inputs();
    if (!-e $ENV{GATEWAY_MODULE} || !-e "$objs/built"
        || read_file("$objs/built") ne $built)
    {
        remove_tree($objs, { keep_root => 1 });
        compile();
        write_file("$objs/built", $built);
    }
    ok(-e "$objs/built", 'the module is built');
    return;
}

# what the build depends on

sub inputs {
    my @files = sort map({ $_->[0] } values %probe), split /\n/, qx(find config Makefile modules tools -type f);
    return join "\n", map({ "$_=" . ($ENV{$_} // '') }
                          qw( CFLAGS LDFLAGS NGINX_SRC NGINX_BINARY
                              TEST_NGINX_BINARY )),
                      qx(nginx -v 2>&1),
                      map { join ' ', $_, (stat)[7, 9] } @files;
}

sub compile {
    my $copy = copy_of(qw( config Makefile modules tools ));

    my $config = read_file("$copy/config");
    for my $name (sort keys %probe) {
        my ($file, $next) = @{ $probe{$name} };
        mkdir "$copy/modules/$name" or die "mkdir: $!";
        write_file("$copy/modules/$name/ngx_http_gateway_${name}_module.c",
                   read_file($file));
        $config =~ s/(?= $next )/ $name/ or die "no $next in config\n";
    }
    write_file("$copy/config", $config);

    my $names = join ' ', qw( jwt limit log trace ), sort keys %probe;
    my $said = qx(cd '$copy' && MODULES='$names' tools/build 2>&1);
    die $said if $? != 0;
    return;
}


# --- the origin

sub origin {
    my $listen = IO::Socket::INET->new(Listen => 256, LocalAddr => '127.0.0.1')
        or die "listen: $!";
    my $file = File::Temp->new;

    $test = $$;
    defined($origin = fork) or die "fork: $!";
    if (!$origin) {
        serve($listen, "$file");
        POSIX::_exit(0);
    }
    return bless { port => $listen->sockport, file => $file }, __PACKAGE__;
}

END {
    if ($origin && $$ == $test) {
        local $?;
        kill 'KILL', $origin;
        waitpid $origin, 0;
    }
}

sub port { $_[0]{port} }

sub requests {
    my ($self, $path) = @_;

    return grep { !defined $path || m{^\w+ \Q$path\E[ ?]} }
           split /\0/, read_file("$self->{file}");
}


sub serve {
    my ($listen, $file) = @_;

    local $SIG{PIPE} = 'IGNORE';
    local $SIG{CHLD} = 'IGNORE';

    while (my $client = $listen->accept) {
        my $child = fork // next;
        if (!$child) {
            answer($client, $file);
            POSIX::_exit(0);
        }
        close $client;
    }
    return;
}

sub answer {
    my ($client, $file) = @_;

    my $text = '';
    while ($text !~ /\r\n\r\n/ && sysread $client, my $more, 65536) {
        $text .= $more;
    }
    return if $text !~ /\r\n\r\n/;

    my ($length) = $text =~ /^Content-Length: (\d+)/mi;
    while (length($text =~ s/.*?\r\n\r\n//sr) < ($length // 0)
           && sysread $client, my $more, 65536)
    {
        $text .= $more;
    }

    # one write for each request: they come from several processes
    open my $out, '>>', $file or die $!;
    syswrite $out, "$text\0";
    close $out;

    my ($method, $what) = $text =~ m{^(\w+) /([\w-]*)};
    my $ok = "HTTP/1.1 200 OK\r\nConnection: close\r\n";

    if ($what =~ /^hang/) {
        sysread $client, my $end, 1;

    } elsif ($what =~ /^cut/) {
        $client->syswrite("${ok}Content-Length: 10\r\n\r\n01234");

    } elsif ($what =~ /^half/) {
        $client->syswrite("${ok}Content-Length: 10\r\n\r\n01234");
        sysread $client, my $end, 1;

    } elsif ($what =~ /^big/) {
        $client->syswrite("${ok}Content-Length: 104857600\r\n\r\n");
        $client->syswrite('x' x 65536) for 1 .. 1600;

    } elsif ($what =~ /^endless/) {
        $client->syswrite("$ok\r\n");
        1 while $client->syswrite('x' x 65536);

    } elsif ($what =~ /^accel/) {
        $client->syswrite("${ok}X-Accel-Redirect: /inner\r\n"
                          . "Content-Length: 0\r\n\r\n");

    } elsif ($what =~ /^none/) {
        # closed without a response

    } elsif ($what =~ /^status-(\d+)/) {
        $client->syswrite("HTTP/1.1 $1 X\r\nConnection: close\r\n"
                          . "Content-Length: 0\r\n\r\n");

    } else {
        sleep 0.3 if $what =~ /^slow/;
        my $body = $method eq 'HEAD' ? '' : "hello $what";
        $client->syswrite("${ok}Content-Length: " . length("hello $what")
                          . "\r\n\r\n$body");
    }
    return;
}


# --- the module's log lines

sub ends {
    my ($server, $id) = @_;

    my @ends = $server->log =~ /probe \Q$id\E: ([^|]*)\|/g;
    return @ends;
}

sub ended {
    my ($server, $id, $n) = @_;

    $n //= 1;
    wait_until(sub { $n <= (() = ends($server, $id)) }, 15);
    return ends($server, $id);
}

1;
