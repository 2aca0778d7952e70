# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Redis;

# A real Redis with its own folder and port, on 127.0.0.1, and a small client.
# Each server is ended by its own pid.

use v5.28;
use warnings;

use Exporter qw( import );
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw( sleep time );

use Test::Gateway::Server qw( free_port wait_until write_file );

our @EXPORT = qw( start_redis resp_read resp_write );

my %running;
my $main = $$;

# Makes this process, a child, end the processes that it starts from now on.

sub adopt { $main = $$; %running = (); return }


# start_redis(%arg)
#
#   server    default: redis-server; dies if there is none
#   port      default: a free one; the same one again after a ->kill
#   unix      true: also listens on a UNIX-domain socket, ->unix
#   password  requirepass
#   acl       list of lines such as "user gateway on >secret ~* +@all"
#   tls       { cert => path, key => path, ca => path }: ->tls_port
#   config    list of further lines of redis.conf
#
# Waits until the server answers.  Dies if it does not.

sub start_redis {
    my (%arg) = @_;

    my $self = bless {
        dir => File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1),
        port => $arg{port} // free_port(),
        server => $arg{server} // 'redis-server',
        password => $arg{password},
    }, __PACKAGE__;
    my $dir = $self->dir;
    chmod 0755, $dir;

    my @lines = ('bind 127.0.0.1', "port $self->{port}", "dir $dir",
                 'save ""', 'appendonly no', 'daemonize no',
                 "logfile $dir/redis.log", @{ $arg{config} // [] });

    if ($arg{unix}) {
        $self->{unix} = "$dir/redis.sock";
        push @lines, "unixsocket $self->{unix}", 'unixsocketperm 777';
    }

    if (my $tls = $arg{tls}) {
        $self->{tls_port} = free_port();
        push @lines, "tls-port $self->{tls_port}", "tls-cert-file $tls->{cert}",
                     "tls-key-file $tls->{key}",
                     'tls-auth-clients ' . ($tls->{ca} ? 'optional' : 'no');
        push @lines, "tls-ca-cert-file $tls->{ca}" if $tls->{ca};
    }

    push @lines, "requirepass $arg{password}" if defined $arg{password};
    push @lines, @{ $arg{acl} } if $arg{acl};
    write_file("$dir/redis.conf", join "\n", @lines, '');

    return $self->start;
}


# Starts it again, with the same configuration and no data.

sub start {
    my ($self) = @_;

    my $dir = $self->dir;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>>', "$dir/output";
        open STDERR, '>&', \*STDOUT;
        exec $self->{server}, "$dir/redis.conf" or POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    $running{$self} = $self;

    wait_until(sub {
        my $gone = waitpid($pid, POSIX::WNOHANG());
        die "redis-server did not start: " . $self->log if $gone == $pid;
        return eval { ($self->cli('PING') // '') eq 'PONG' };
    }, 10) or die 'redis-server does not answer: ' . $self->log;

    return $self;
}


sub dir      { "$_[0]{dir}" }
sub port     { $_[0]{port} }
sub tls_port { $_[0]{tls_port} }
sub unix     { $_[0]{unix} }
sub pid      { $_[0]{pid} }

sub log {
    my ($self) = @_;

    my $all = '';
    for my $file (map { $self->dir . "/$_" } qw( redis.log output )) {
        open my $in, '<', $file or next;
        local $/;
        $all .= <$in> // '';
    }
    return $all;
}


# ->stop shuts it down, ->kill uses kill -9; ->pause stops it, with its
# connections open, until ->resume.

sub stop   { $_[0]->end('TERM') }
sub kill   { $_[0]->end('KILL') }
sub pause  { CORE::kill 'STOP', $_[0]{pid} }
sub resume { CORE::kill 'CONT', $_[0]{pid} }

sub end {
    my ($self, $signal) = @_;

    my $pid = delete $self->{pid} or return;
    delete $running{$self};

    CORE::kill $signal, $pid;
    CORE::kill 'CONT', $pid;
    wait_until(sub { waitpid($pid, POSIX::WNOHANG()) != 0 }, 5) and return;
    CORE::kill 'KILL', $pid;
    waitpid $pid, 0;
    return;
}


# Sends a command, as the default user with the password, on a new connection.
# Arrays are references, nil is undef; an error reply dies with its text.

sub cli {
    my ($self, @command) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', Timeout => 2,
                                       PeerPort => $self->{port})
        or die "connect: $!\n";

    if (defined $self->{password}) {
        resp_write($socket, 'AUTH', $self->{password});
        resp_read($socket);
    }

    resp_write($socket, @command);
    return resp_read($socket);
}


# The number of executed commands of a kind; default: EVALSHA.

sub calls {
    my ($self, $command) = @_;

    $command //= 'evalsha';
    return $self->cli('INFO', 'commandstats')
           =~ /^cmdstat_\Q$command\E:calls=(\d+)/m ? $1 : 0;
}


# Counts the writes of other clients between two moments by Redis's reads: data
# that is written at once is read at once, if it is less than 16 KB.  Returns a
# sub to call at the second moment; it returns nothing with Redis 5, which does
# not count reads.

sub reads_from_now {
    my ($self) = @_;

    my $reads = sub {
        return $self->cli('INFO', 'stats') =~ /^total_reads_processed:(\d+)/m
               ? $1 : undef;
    };

    # the reads of these commands
    my @own = map { $reads->() // return } 1, 2;

    return sub { $reads->() - $own[1] - ($own[1] - $own[0]) };
}


# The connections of nginx, found by their name.

sub connections {
    my ($self) = @_;

    return scalar grep { / name=nginx-gateway / }
                  split /\n/, $self->cli('CLIENT', 'LIST');
}


# --- RESP2

sub resp_write {
    my ($socket, @command) = @_;

    local $SIG{PIPE} = 'IGNORE';
    print $socket join '', '*' . @command . "\r\n",
                           map { '$' . length($_) . "\r\n$_\r\n" } @command;
    $socket->flush;
    return;
}


sub resp_read {
    my ($socket) = @_;

    local $/ = "\r\n";
    my $line = readline $socket;
    die "connection closed\n" if !defined $line;
    chomp $line;

    my ($type, $rest) = $line =~ /^([-+:\$*])(.*)$/s
        or die "no RESP: $line\n";

    die "$rest\n" if $type eq '-';
    return $rest if $type eq '+' || $type eq ':';
    return undef if $rest < 0;

    return [ map { resp_read($socket) } 1 .. $rest ] if $type eq '*';

    my $bytes = '';
    while (length $bytes < $rest + 2) {
        read($socket, $bytes, $rest + 2 - length $bytes, length $bytes)
            or die "connection closed\n";
    }
    return substr $bytes, 0, $rest;
}


END {
    if ($$ == $main) {
        local $?;
        $_->end('KILL') for values %running;
    }
}

1;
