# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Server;

# Real servers, for tests that Test::Nginx's blocks do not support: nginx -t on
# a text, and a master with workers that a test reloads, signals and sends
# requests to.

use v5.28;
use warnings;

use Exporter qw( import );
use Fcntl qw( :flock );
use File::Spec ();
use File::Path qw( make_path );
use File::Temp ();
use IO::Socket::INET;
use IPC::Open3 qw( open3 );
use POSIX ();
use Test::More ();
use Time::HiRes qw( sleep time );

our @EXPORT = qw( nginx_t debian_nginx_t nginx_before start_nginx http_conf
                  free_port library write_file wait_until http_get );

my %running;
my @locks;
my $main = $$;

# Makes this process, a child, end the processes that it starts from now on.

sub adopt { $main = $$; %running = (); return }

# /usr/sbin is not in each user's PATH
$ENV{PATH} .= ':/usr/sbin:/usr/local/sbin';
$ENV{GATEWAY_MODULE} = File::Spec->rel2abs($ENV{GATEWAY_MODULE}
    // ($ENV{GATEWAY_OBJS} // 'objs') . '/ngx_http_gateway_module.so');


# --- processes

# A zombie process counts as gone.

sub alive {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/stat" or return 0;
    my $stat = <$in> // '';
    close $in;
    return $stat =~ /\)\s+(\w)/ && $1 !~ /[ZX]/ ? 1 : 0;
}


sub children {
    my ($pid) = @_;

    my @found;
    for my $file (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $file or next;
        my $stat = <$in> // '';
        close $in;
        push @found, $1 if $stat =~ /^(\d+)\s.*\)\s+\w\s+$pid\s/s;
    }
    @found = sort { $a <=> $b } @found;
    return @found;
}


# Waits until $code returns true, at most $seconds (15); returns its result.

sub wait_until {
    my ($code, $seconds) = @_;

    my $end = time + ($seconds // 15);
    while (1) {
        my $value = $code->();
        return $value if $value || time > $end;
        sleep 0.005;
    }
}


# The number of connections to these ports of 127.0.0.1 that nginx has not
# closed, whether or not the client has.

sub connections {
    my (@ports) = @_;

    my $here = join '|', map { sprintf '0100007F:%04X', $_ } @ports;
    return scalar grep { /^\s*\d+: (?:$here) \S+ (?:01|08) / }
           split /^/, slurp('/proc/net/tcp');
}


# Ends nginx's process $pid gracefully, or by SIGKILL after $seconds.  Returns
# true if SIGKILL was not needed, and false if there is no pid.
#
# Without a master, nginx notices a signal that arrives during a reload only at
# its next event: SIGQUIT is sent again.

sub quit {
    my ($pid, $seconds) = @_;

    # kill() with 0 would end the test and all that started it
    return 0 if !$pid;

    my $end = time + $seconds;
    while (time < $end) {
        kill 'QUIT', $pid;
        return 1 if wait_until(sub { !alive($pid) },
                               children($pid) ? $end - time : 1);
    }

    my @workers = children($pid);
    kill 'KILL', $pid, @workers;
    wait_until(sub { !alive($pid) }, 2);
    return 0;
}


# Starts a process with the pid of one that is gone; the caller must kill it.
# Returns nothing if the system does not permit it.

sub successor {
    my ($pid) = @_;

    wait_until(sub { !-e "/proc/$pid" }) or return;

    for (1 .. 100) {
        open my $last, '>', '/proc/sys/kernel/ns_last_pid' or return;
        print $last $pid - 1;
        close $last or return;

        my $child = fork // die "fork: $!";
        if ($child == 0) {
            sleep 60;
            POSIX::_exit(0);
        }
        return $child if $child == $pid;
        kill 'KILL', $child;
        waitpid $child, 0;
    }
    return;
}


# --- configurations

# A free port, from a range if one is given.  Ports above 32767 are not used,
# since the kernel assigns them to connections; a process gets each port only
# once; and other tests are excluded by the files with which Test::Nginx locks
# blocks of four ports.

sub free_port {
    my ($from, $to) = @_ ? @_ : (9988, 31988);
    my $locks = File::Spec->tmpdir . "/test-nginx-port-locks-$<";
    make_path($locks) if !-d $locks;

    for (1 .. 1000) {
        my $port = $from + 4 * int rand(($to - $from) / 4);

        sysopen my $lock, "$locks/port-$port.lock",
                Fcntl::O_CREAT() | Fcntl::O_RDWR(), 0600 or next;
        next if !flock $lock, Fcntl::LOCK_EX() | Fcntl::LOCK_NB();
        next if !IO::Socket::INET->new(Listen => 1, ReuseAddr => 1,
                                       LocalAddr => '127.0.0.1',
                                       LocalPort => $port);
        push @locks, $lock;
        return $port;
    }
    die "no port is free\n";
}


sub write_file {
    my ($path, $bytes) = @_;

    make_path($1) if $path =~ m{(.+)/} && !-d $1;

    # by a rename: a watcher never sees a partial file
    open my $out, '>:raw', "$path.new" or die "$path.new: $!";
    print $out $bytes;
    close $out or die "$path.new: $!";
    rename "$path.new", $path or die "$path: $!";
    return $path;
}


# The text of a whole configuration; %part: main, http, server, port, workers.

sub http_conf {
    my (%part) = @_;

    $_ //= '' for @part{qw( main http server )};
    my $workers = $part{workers} // 2;
    my $listen = defined $part{port} ? "listen 127.0.0.1:$part{port};" : '';
    my $user = $> == 0 && $part{main} !~ /^\s*user\s/m ? 'user root;' : '';

    return <<END;
load_module "$ENV{GATEWAY_MODULE}";
worker_processes $workers;
$user
$part{main}
events { worker_connections 256; accept_mutex off; }
http {
    access_log off;
    default_type text/plain;
    client_body_temp_path tmp/body;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;
    $part{http}
    server {
        $listen
        $part{server}
    }
}
END
}


sub binary { $ENV{TEST_NGINX_BINARY} || 'nginx' }

# Whether the nginx under test is older than a version.

sub nginx_before {
    my (@version) = @_;

    my ($said) = do { open my $in, '-|', binary() . ' -v 2>&1' or die $!; <$in> };
    my @is = $said =~ m{/(\d+)\.(\d+)\.(\d+)} or die "no version: $said";

    for my $i (0 .. 2) {
        return $is[$i] < $version[$i] if $is[$i] != $version[$i];
    }
    return 0;
}


# Compiles a library for LD_PRELOAD.  Returns 0 if the nginx under test does not
# start with it: a sanitizer's runtime must be the first library.

sub library {
    my ($path, $source) = @_;

    open my $cc, '|-', qw( cc -shared -fPIC -xc - -ldl -o ), $path
        or die "cc: $!";
    print $cc $source;
    close $cc or die "cc: $?";

    my $binary = binary();
    return `LD_PRELOAD=$path $binary -v 2>&1` =~ /nginx version/ ? 1 : 0;
}


# A folder for a server, with the configuration $conf; relative paths are in
# this folder.

sub folder {
    my ($conf, $files) = @_;

    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    chmod 0755, "$dir";
    make_path("$dir/$_") for qw( logs tmp html );
    write_file("$dir/$_", $files->{$_}) for sort keys %{ $files // {} };

    my $level = $ENV{TEST_NGINX_LOG_LEVEL} // 'info';
    $conf = "pid $dir/nginx.pid;\n$conf" if $conf !~ /^\s*pid\s/m;
    $conf = "error_log $dir/logs/error.log $level;\n$conf"
        if $conf !~ /^\s*error_log\s/m;
    write_file("$dir/nginx.conf", $conf);
    return $dir;
}


sub command {
    my @command = @_;

    my $pid = open3(my $in, my $out, undef, @command);
    close $in;
    local $/;
    my $said = <$out> // '';
    waitpid $pid, 0;
    return ($? >> 8, $said, $? & 127);
}


# The same for a program that starts a daemon, which may keep the output open:
# the output goes to a file.

sub command_to {
    my ($file, @command) = @_;

    open my $out, '>', $file or die "$file: $!";
    my $pid = open3(my $in, '>&' . fileno $out, undef, @command);
    close $in;
    waitpid $pid, 0;
    return ($? >> 8, slurp($file));
}


# nginx -t on a configuration: (exit code, output).  $files: path => bytes,
# written next to it.  The output contains DIR instead of the folder's path.

sub nginx_t {
    my ($conf, $files) = @_;

    return tested(folder("error_log stderr notice;\n$conf", $files), 'logs');
}


# The same as on Debian, where the prefix has no folder "logs" and logs are in
# /var/log/nginx, which is replaced by a folder of this test.

sub debian_nginx_t {
    my ($conf, $files) = @_;

    $conf =~ s{/var/log/nginx/}{var-log/}g;
    my $dir = folder("error_log stderr notice;\n$conf", $files);
    make_path("$dir/var-log");
    rmdir "$dir/logs" or die "$dir/logs: $!";
    return tested($dir, 'var-log');
}


sub tested {
    my ($dir, $logs) = @_;

    local $ENV{GATEWAY_REPORTS} = "$dir/$logs";
    my ($code, $said, $signal) = command(binary(), '-t', '-p', "$dir/",
                                         '-e', 'stderr',
                                         '-c', "$dir/nginx.conf");
    $said .= slurp($_) for glob "$dir/$logs/report.*";
    $said =~ s/\Q$dir\E/DIR/g;
    return ($signal ? 128 + $signal : $code, $said);
}


# --- a running server

# start_nginx(conf => text, files => { path => bytes }, port => n)
#
# Starts a master with workers.  Without conf, one is made of main, http and
# server (see http_conf).  Its standard output is the file logs/stdout.  Dies
# with nginx's message if it does not start.

sub start_nginx {
    my (%arg) = @_;

    my $port = $arg{port} // free_port();
    my $conf = $arg{conf} // http_conf(%arg, port => $port);
    my $dir = folder($conf, $arg{files});

    my $self = bless { dir => $dir, port => $port, allow => [] }, __PACKAGE__;
    local $ENV{GATEWAY_REPORTS} = "$dir/logs";
    my ($code, $said) = command_to("$dir/logs/stdout", binary(), '-p', "$dir/",
                                   '-e', "$dir/logs/error.log", '-c',
                                   "$dir/nginx.conf", '-g', 'daemon on;');
    die "nginx did not start: $said" . $self->log if $code != 0;

    wait_until(sub { $self->pid }) or die 'nginx has no pid: ' . $self->log;
    $running{$self} = $self;
    $conf =~ /^\s*master_process\s+off/m or wait_until(sub { $self->workers })
        or die 'nginx has no workers: ' . $self->log;
    return $self;
}


sub dir  { "$_[0]{dir}" }
sub port { $_[0]{port} }

sub pid {
    my ($self) = @_;

    return $self->{pid} if $self->{pid};
    open my $in, '<', "$self->{dir}/nginx.pid" or return;
    my $pid = <$in> // '';
    return $self->{pid} = $1 if $pid =~ /^(\d+)/;
    return;
}


# pids of the workers, including those that are shutting down

sub workers { children($_[0]->pid) }


sub log {
    my ($self) = @_;

    open my $in, '<', "$self->{dir}/logs/error.log" or return '';
    local $/;
    return scalar <$in> // '';
}


# Announces lines of [alert], [crit] or [emerg], like allow_log in a block.

sub allow { my ($self, @patterns) = @_; push @{ $self->{allow} }, @patterns }


sub signal {
    my ($self, $name) = @_;
    return kill $name, $self->pid // die "nginx has no pid\n";
}


# Makes nginx reload its configuration ($conf, if given), and waits until all
# old workers are gone, unless wait => 0.

sub reload {
    my ($self, $conf, %arg) = @_;

    if (defined $conf) {
        my $dir = $self->dir;
        my ($head) = slurp("$dir/nginx.conf") =~ /\A((?:error_log|pid).*\n)*/
                     ? $& : '';
        write_file("$dir/nginx.conf", $head . $conf);
    }

    my @old = $self->workers;
    $self->signal('HUP');
    return if exists $arg{wait} && !$arg{wait};

    return wait_until(sub {
        my %now = map { $_ => 1 } $self->workers;
        return %now && !grep { $now{$_} } @old;
    }, $arg{timeout} // 10);
}


sub slurp {
    open my $in, '<:raw', $_[0] or die "$_[0]: $!";
    local $/;
    return scalar <$in> // '';
}


# Stops the server and checks its log: one test.

sub stop {
    my ($self, $name) = @_;

    delete $running{$self} or return;
    my @wrong;

    if (!alive($self->pid)) {
        push @wrong, 'nginx had ended without being told to';

    } elsif (!quit($self->pid, 15)) {
        push @wrong, 'nginx did not leave when told to, and was killed';
    }

    push @wrong, $self->wrong_lines;
    Test::More::ok(!@wrong, $name // 'nothing went wrong unannounced');
    Test::More::diag($_) for @wrong;
    return !@wrong;
}


sub wrong_lines {
    my ($self) = @_;

    my $log = $self->log;
    my @lines = grep { /\[(?:alert|crit|emerg)\]|Sanitizer|runtime error:/ }
                split /^/, $log;
    for my $p (@{ $self->{allow} }) {
        @lines = grep { ref $p ? $_ !~ $p : index($_, $p) < 0 } @lines;
    }

    # a worker that may be killed may hold a lock at that moment
    my %killed = map { $_ => 1 } $log =~ /process (\d+) exited on signal 9/g;
    delete @killed{map { /process (\d+) exited on signal 9/ } @lines};
    @lines = grep { !/memory zone "[^"]*" was locked by (\d+)$/
                    || !$killed{$1} } @lines;

    return (@lines, map { slurp($_) } glob $self->dir . '/logs/report.*');
}


# Stops servers left running by a test that died.

END {
    if ($$ == $main) {
        local $?;
        quit($_->pid, 5) for values %running;
    }
}


# --- a client

# One request on a new connection: (status, headers, body).  %arg: port
# (or a server first), method, host, headers (list of "Name: value"), body,
# timeout.
# Status is 0 if the connection failed or was closed without a response.

sub http_get {
    my ($server, $path, %arg) = @_;

    my $port = ref $server ? $server->port : $server;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port,
                                       Timeout => $arg{timeout} // 5)
        or return (0, "connect: $!", '');

    my $body = $arg{body} // '';
    my @headers = ('Host: ' . ($arg{host} // 'localhost'), 'Connection: close',
                   @{ $arg{headers} // [] });
    push @headers, 'Content-Length: ' . length $body
        if length $body && !grep { /^Transfer-Encoding:/i } @headers;

    local $SIG{PIPE} = 'IGNORE';
    print $socket join "\r\n", ($arg{method} // 'GET') . " $path HTTP/1.1",
                                @headers, '', $body;

    my ($answer, $end) = ('', time + ($arg{timeout} // 5));
    while (time < $end) {
        my $bits = '';
        vec($bits, fileno $socket, 1) = 1;
        next if !select $bits, undef, undef, $end - time;
        last if !sysread $socket, $answer, 65536, length $answer;
    }

    my ($head, $rest) = split /\r\n\r\n/, $answer, 2;
    my ($status) = ($head // '') =~ m{^HTTP/1\.\d (\d+)};
    return ($status // 0, $head // '', $rest // '');
}

sub get { my $self = shift; return http_get($self, @_) }

1;
