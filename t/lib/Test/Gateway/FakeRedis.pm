# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::FakeRedis;

# A Redis server controlled by a test.  It answers the client's handshake like a
# real server, and each EVALSHA with the next action of a list; the last action
# is repeated.  It runs in a child process, on 127.0.0.1.
#
#   fake_redis(actions => [ 'reply', ":1\r\n" ], ...)
#
# An action is an array reference or a single word:
#
#   [ reply => bytes ]              these bytes
#   [ integers => 1, 2, 3 ]         an array of integers
#   [ error => 'LOADING ...' ]      an error reply
#   'silence'                       no reply
#   [ delay => seconds, action ]    the action, after a delay; the others wait
#   [ hold => action ]              the action, and all that follow it on this
#                                   connection, at the next ->release; one by
#                                   one with ->release(1)
#   [ split => n, seconds, bytes ]  a pause after each n bytes
#   [ cut => n, bytes ]             the first n bytes, and closes
#   'close'                         closes
#   'endless'                       a string without an end
#
# handshake => { role => action } sets the reply to a command of the handshake,
# in lower case: "auth", "select", "client", "role", "script", "ping".

use v5.28;
use warnings;

use Digest::SHA qw( sha1_hex );
use Exporter qw( import );
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw( SOL_SOCKET SO_LINGER );
use Time::HiRes qw( sleep time );

use Test::Gateway::Server qw( free_port wait_until );

our @EXPORT = qw( fake_redis );

my %running;
my $main = $$;

# Makes this process, a child, end the processes that it starts from now on.

sub adopt { $main = $$; %running = (); return }


sub fake_redis {
    my (%arg) = @_;

    my $self = bless {
        port => $arg{port} // free_port(),
        actions => $arg{actions} // [ [ integers => 1 ] ],
        handshake => $arg{handshake} // {},
        record => File::Temp->new(TEMPLATE => 'nginx-gateway-XXXXXX',
                                  TMPDIR => 1),
    }, __PACKAGE__;

    return $self->start;
}


sub start {
    my ($self) = @_;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       LocalPort => $self->{port},
                                       Listen => 64, ReuseAddr => 1)
        or die "listen on $self->{port}: $!";

    pipe my $told, my $tell or die "pipe: $!";

    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        $SIG{PIPE} = 'IGNORE';

        # after a lost connection, no new one is accepted
        $SIG{TERM} = sub { close $listen; POSIX::_exit(0) };

        close $tell;
        $self->{told} = $told;
        eval { $self->serve($listen); 1 } or warn "FakeRedis: $@";
        POSIX::_exit(0);
    }

    close $listen;
    close $told;
    $self->{tell} = $tell;
    $self->{pid} = $pid;
    $running{$self} = $self;
    return $self;
}


sub port { $_[0]{port} }


# Ends it; its connections are closed by the system.

sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;
    delete $running{$self};
    kill 'TERM', $pid;
    wait_until(sub { waitpid($pid, POSIX::WNOHANG()) != 0 }, 10) and return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return;
}


# Continues held actions: all of them, or the next $n.

sub release {
    my ($self, $n) = @_;

    syswrite $self->{tell}, $n ? 'o' x $n : 'r';
    return;
}


# The received commands, in order, as array references of words; with a name in
# lower case, only these commands.

sub commands { my $self = shift; return map { $_->{words} } $self->record(@_) }


# The times of these commands, in seconds.

sub times { my $self = shift; return map { $_->{time} } $self->record(@_) }

sub record {
    my ($self, $name) = @_;

    open my $in, '<:raw', $self->{record}->filename or die $!;
    my @all = map {
        chomp;
        my ($time, @words) = split / /, $_, -1;
        { time => $time, words => [ map { pack 'H*', $_ } @words ] };
    } <$in>;
    return defined $name ? grep { lc $_->{words}[0] eq $name } @all
                         : grep { $_->{words}[0] !~ / answered$/ } @all;
}

sub calls { scalar $_[0]->commands($_[1] // 'evalsha') }


# The number of connections; each begins with CLIENT SETNAME.

sub connects { scalar $_[0]->commands('client') }


# Waits until there are $n commands of a name, and those of a handshake have
# been answered: a worker then sees the reply before any later request.

sub wait_for {
    my ($self, $name, $n, $seconds) = @_;

    my $what = $name eq 'evalsha' ? $name : "$name answered";
    return wait_until(sub { $self->calls($what) >= $n }, $seconds // 20);
}


# --- in the child

sub serve {
    my ($self, $listen) = @_;

    open $self->{out}, '>>:raw', $self->{record}->filename or die $!;
    $self->{out}->autoflush(1);

    my $select = IO::Select->new($listen, $self->{told});
    my %input;

    while (my @ready = $select->can_read) {
        for my $socket (@ready) {

            if ($socket == $self->{told}) {
                sysread $socket, my $word, 1 or return;
                $self->let_go($word eq 'o');
                next;
            }

            if ($socket == $listen) {
                my $client = $listen->accept or next;
                $client->autoflush(1);
                $select->add($client);
                $input{$client} = '';
                next;
            }

            my $n = sysread $socket, $input{$socket}, 65536,
                            length $input{$socket};
            my $goes_on = $n;

            while ($goes_on && defined(my $c = command(\$input{$socket}))) {
                $goes_on = $self->answer($socket, @$c);
            }

            if (!$goes_on) {
                $select->remove($socket);
                delete $input{$socket};
                close $socket;
            }
        }
    }
    return;
}


# Replies after a held one are kept in order.

sub let_go {
    my ($self, $one) = @_;

    my @held = @{ delete $self->{held} // [] };
    my @now = splice @held, 0, $one ? 1 : scalar @held;

    for (grep { $_->[0]->opened } @now) {
        shutdown $_->[0], 2 if !$self->act(@$_);
    }
    $self->{held} = \@held if @held;
    return;
}


# Removes a complete command from the front of $$in.

sub command {
    my ($in) = @_;

    $$in =~ /\G\*(\d+)\r\n/gc or return;
    my ($n, @words) = ($1);

    for (1 .. $n) {
        $$in =~ /\G\$(\d+)\r\n/gc or return reset_pos($in);
        my $at = pos $$in;
        return reset_pos($in) if length $$in < $at + $1 + 2;
        push @words, substr $$in, $at, $1;
        pos($$in) = $at + $1 + 2;
    }

    substr $$in, 0, pos $$in, '';
    return \@words;
}

sub reset_pos { my ($in) = @_; pos($$in) = 0; return }


# Returns false when the connection is to be closed.

sub answer {
    my ($self, $socket, @words) = @_;

    my $name = lc $words[0];
    $self->note_down(@words);

    if ($name eq 'evalsha') {
        my $action = @{ $self->{actions} } > 1 ? shift @{ $self->{actions} }
                                               : $self->{actions}[0];
        return $self->act($socket, $action);
    }

    my $reply = $name eq 'role'   ? "*3\r\n\$6\r\nmaster\r\n:42\r\n*0\r\n"
              : $name eq 'ping'   ? "+PONG\r\n"
              : $name eq 'script' ? "\$40\r\n" . sha1_hex($words[2]) . "\r\n"
              : $name =~ /^(?:auth|select|client)\z/ ? "+OK\r\n"
              : "-ERR unknown command\r\n";

    my $goes_on = $self->act($socket, $self->{handshake}{$name}
                                      // [ reply => $reply ]);
    $self->note_down("$name answered");
    return $goes_on;
}


sub note_down {
    my ($self, @words) = @_;

    print { $self->{out} } join(' ', time, map { unpack 'H*', $_ } @words), "\n";
    return;
}


sub act {
    my ($self, $socket, $action) = @_;

    my ($what, @with) = ref $action ? @$action : $action;

    if ($what eq 'hold') {
        push @{ $self->{held} }, [ $socket, $with[0] ];

    } elsif (grep { $_->[0] == $socket } @{ $self->{held} // [] }) {
        push @{ $self->{held} }, [ $socket, $action ];

    } elsif ($what eq 'reply') {
        print $socket $with[0];

    } elsif ($what eq 'integers') {
        print $socket '*' . @with . "\r\n", map { ":$_\r\n" } @with;

    } elsif ($what eq 'error') {
        print $socket "-$with[0]\r\n";

    } elsif ($what eq 'silence') {
        # nothing

    } elsif ($what eq 'delay') {
        sleep $with[0];
        return $self->act($socket, $with[1]);

    } elsif ($what eq 'split') {
        my ($n, $seconds, $bytes) = @with;
        while (length $bytes) {
            print $socket substr $bytes, 0, $n, '';
            sleep $seconds if length $bytes;
        }

    } elsif ($what eq 'cut') {
        print $socket substr $with[1], 0, $with[0];
        return 0;

    } elsif ($what eq 'close') {
        return 0;

    } elsif ($what eq 'endless') {
        print $socket "\$1000000000\r\n";
        for (1 .. 1000) {
            print $socket 'x' x 65536 or last;
        }

    } else {
        die "no such action: $what";
    }
    return 1;
}


END {
    if ($$ == $main) {
        local $?;
        $_->stop for values %running;
    }
}

1;
