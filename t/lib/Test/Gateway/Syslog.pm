# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Syslog;

# A syslog server inside the test, which reads only on request and parses
# strictly by RFC 5424 and RFC 6587.
#
#   my $s = receiver('tcp', rcvbuf => 65536);     tcp, tls, udp or unix
#   $s->server          the value of "server" in the block: "tcp:127.0.0.1:5140"
#   $s->pump($n)        reads until there are $n messages, or for 5 seconds
#   $s->messages        the messages read so far: hashes of pri, time, host, tag,
#                       pid, msgid and text
#   $s->down            stops listening, and closes all connections
#   $s->cut             the same, without reading data that the kernel has
#                       acknowledged; its messages are recorded
#   $s->up              listens again, at the same address

use v5.28;
use warnings;

use Exporter qw( import );
use File::Temp ();
use IO::Select ();
use IO::Socket::INET;
use IO::Socket::SSL;
use IO::Socket::UNIX;
use Socket qw( :all );
use Test::Gateway::Server;
use Time::HiRes qw( time );

our @EXPORT = qw( receiver message_of );

# of TLS, after the other end has closed
$SIG{PIPE} = q(IGNORE);


sub receiver {
    my ($kind, %arg) = @_;

    my $self = bless { kind => $kind, %arg, messages => [], wrong => [],
                       connections => {} }, __PACKAGE__;

    if ($kind eq 'unix') {
        $self->{dir} = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
        chmod 0777, "$self->{dir}";
    } else {
        $self->{port} //= free_port();
    }
    return $self->up;
}


sub server {
    my ($self) = @_;

    return "unix:$self->{dir}/log" if $self->{kind} eq 'unix';
    return ($self->{kind} eq 'udp' ? 'udp' : 'tcp')
           . ":127.0.0.1:$self->{port}";
}


sub is_stream { $_[0]{kind} =~ /^t/ }

sub up {
    my ($self) = @_;

    if ($self->{kind} eq 'unix') {
        unlink "$self->{dir}/log";
        $self->{socket} = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
                                                Local => "$self->{dir}/log");
        chmod 0777, "$self->{dir}/log";
    } else {
        socket $self->{socket}, PF_INET,
               $self->is_stream ? SOCK_STREAM : SOCK_DGRAM, 0
            or die "socket: $!";
        setsockopt $self->{socket}, SOL_SOCKET, SO_REUSEADDR, 1;
        setsockopt $self->{socket}, SOL_SOCKET, SO_RCVBUF, $self->{rcvbuf}
            if $self->{rcvbuf};
        bind $self->{socket}, pack_sockaddr_in($self->{port}, INADDR_LOOPBACK)
            or die "bind: $!";
        listen $self->{socket}, 16 if $self->is_stream;
    }
    die "no socket: $!" if !$self->{socket};
    $self->{socket}->blocking(0);
    return $self;
}


sub messages { @{ $_[0]{messages} } }

# errors in received data

sub wrong { @{ $_[0]{wrong} } }


# the subset of RFC 5424 that gateway_log sends: no structured data, no BOM

sub message_of {
    my ($bytes) = @_;

    $bytes =~ /\A<(0|[1-9]\d{0,2})>1[ ]
               (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)[ ]
               ([\x21-\x7e]{1,255})[ ]([\x21-\x7e]{1,48})[ ]
               ([\x21-\x7e]{1,128})[ ]([\x21-\x7e]{1,32})[ ]-[ ]
               (\{.*\})\z/xs or return;
    return { pri => $1, time => $2, host => $3, tag => $4, pid => $5,
             msgid => $6, text => $7, bytes => $bytes };
}


sub take {
    my ($self, $bytes) = @_;

    my $message = message_of($bytes);
    push @{ $self->{ $message ? 'messages' : 'wrong' } }, $message // $bytes;
    return;
}


# removes complete frames from a buffer

sub frames {
    my ($self, $buffer) = @_;

    while ($$buffer =~ /\A([1-9]\d{0,5}) /) {
        my $head = 1 + length $1;
        last if length $$buffer < $head + $1;
        $self->take(substr $$buffer, $head, $1);
        substr $$buffer, 0, $head + $1, '';
    }
    push @{ $self->{wrong} }, $$buffer and $$buffer = ''
        if $$buffer !~ /\A(?:[1-9]\d{0,5}(?: |\z)|\z)/;
    return;
}


# reads available data once; returns whether there was any

sub step {
    my ($self, $wait) = @_;

    my @sockets = map { $_->{socket} } values %{ $self->{connections} };
    my $pending = grep { $self->{kind} eq 'tls' && $_->pending } @sockets;
    my @ready = IO::Select->new(grep { $_ } $self->{socket}, @sockets)
                    ->can_read($pending ? 0 : $wait);
    push @ready, grep { $self->{kind} eq 'tls' && $_->pending } @sockets;

    for my $socket (@ready) {
        if ($self->{socket} && $socket == $self->{socket}) {
            $self->is_stream ? $self->welcome : $self->datagram;
        } else {
            $self->stream($socket);
        }
    }
    return scalar @ready;
}


sub welcome {
    my ($self) = @_;

    accept my $socket, $self->{socket} or return;
    if ($self->{kind} eq 'tls') {
        $socket = IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
            Timeout => 5, SSL_cert_file => $self->{cert},
            SSL_key_file => $self->{key}, %{ $self->{ssl} // {} });
        $self->{tls_error} = $IO::Socket::SSL::SSL_ERROR if !$socket;
        return if !$socket;
    }
    $socket->blocking(0);
    $self->{connections}{$socket} = { socket => $socket, buffer => '' };
    $self->{accepted}++;
    return;
}


sub datagram {
    my ($self) = @_;

    defined recv $self->{socket}, my $bytes, 70000, 0 or return;
    return $self->take($bytes);
}


sub stream {
    my ($self, $socket) = @_;

    my $connection = $self->{connections}{$socket} or return;
    my $n = sysread $socket, $connection->{buffer}, 65536,
                    length $connection->{buffer};
    $self->frames(\$connection->{buffer});
    return if $n || (!defined $n && $!{EAGAIN});

    $self->{fragments}++ if length $connection->{buffer};
    delete $self->{connections}{$socket};
    return;
}


sub pump {
    my ($self, $n, $seconds) = @_;

    my $end = time + ($seconds // 5);
    while ($self->messages < $n && time < $end) {
        $self->step($end - time < 0.1 ? $end - time : 0.1);
    }
    return $self->messages >= $n;
}


# reads for some time

sub listen_for { $_[0]->pump(1e9, $_[1]) }


sub down {
    my ($self) = @_;

    1 while $self->step(0);
    $self->drop;
    return;
}

sub drop {
    my ($self) = @_;

    close $self->{socket};
    undef $self->{socket};
    close $_->{socket} for values %{ $self->{connections} };
    $self->{connections} = {};
    return;
}


# The kernel has acknowledged all unread bytes.  They are peeked at, which makes
# no room for others, until no more arrive.

sub unread {
    my ($self, $connection) = @_;

    my ($bytes, $length) = ('', -1);

    while (length $bytes != $length) {
        $length = length $bytes;
        select undef, undef, undef, 0.3;
        defined recv $connection->{socket}, $bytes, 64 << 20, MSG_PEEK
            or $bytes = '';
    }
    return $bytes;
}


# records the unread data; then the connection is reset

sub cut {
    my ($self) = @_;

    for my $connection (values %{ $self->{connections} }) {
        my $buffer = $connection->{buffer} . $self->unread($connection);
        $self->frames(\$buffer);
    }
    return $self->drop;
}


# calls $end when the only connection, a TLS one, has stalled, and reads the
# data that had arrived before: complete TLS records

sub arrived {
    my ($self, $end) = @_;

    my ($connection) = values %{ $self->{connections} };
    my $bytes = $self->unread($connection);
    my $records = 0;

    while (length $bytes >= 5 + (unpack 'x3n', $bytes . "\0" x 5)[0]) {
        substr $bytes, 0, 5 + unpack('x3n', $bytes), '';
        $records++;
    }
    $end->();
    $self->stream($connection->{socket}) for 1 .. $records;
    return;
}

1;
