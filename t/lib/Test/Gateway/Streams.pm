# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Streams;

# An HTTP/2 connection whose streams have no window until the test opens it:
# until then, nginx sends only the header of a response and keeps the request.
#
#   my $h2 = Test::Gateway::Streams->new($port);
#   my $stream = $h2->request('GET', '/path', $body);   # body: optional
#   $h2->wait(sub { $h2->status($stream) }, $seconds);  # false after that time
#   $h2->open_window($stream, ...);
#   $h2->reset($stream, ...);
#   $h2->close;
#
#   my $stream = $h2->begin('POST', '/path', @fields);  # the body follows
#   $h2->data($stream, $bytes, $end);
#
# status, body and ended describe the part of a stream's response received so
# far; frames lists its frames: "HEADERS+", with "+" for END_STREAM, "DATA",
# "RST_STREAM" and its code.  dead is true if the connection has ended.

use v5.28;
use warnings;

use IO::Socket::INET;
use Test::Gateway::Bypass::Client;
use Time::HiRes qw( time );

*frame = \&Test::Gateway::Bypass::Client::frame;
*hpack = \&Test::Gateway::Bypass::Client::hpack;


sub new {
    my ($class, $port) = @_;

    my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die "connect: $!";
    my $self = bless { socket => $socket, last => -1, said => '' }, $class;

    # SETTINGS_INITIAL_WINDOW_SIZE 0, and a large window of the connection
    $self->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                . frame(4, 0, 0, pack 'nN', 4, 0)
                . frame(8, 0, 0, pack 'N', 1 << 30));
    return $self;
}


sub send {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes) {
        my $sent = syswrite $self->{socket}, $bytes or return $self->{dead} = 1;
        substr $bytes, 0, $sent, '';
    }
    return;
}


sub request {
    my ($self, $method, $path, $body, @fields) = @_;

    return $self->start(defined $body ? 4 : 5, $body, $method, $path, @fields);
}


sub begin {
    my ($self, $method, $path, @fields) = @_;

    return $self->start(4, undef, $method, $path, @fields);
}


sub start {
    my ($self, $flags, $body, $method, $path, @fields) = @_;

    my $stream = $self->{last} += 2;
    my $bytes = frame(1, $flags, $stream,
        hpack([ ':method', $method ], [ ':scheme', 'http' ], [ ':path', $path ],
              [ ':authority', 'localhost' ], @fields));
    $bytes .= frame(0, 1, $stream, $body) if defined $body;
    $self->send($bytes);
    return $stream;
}


sub data {
    my ($self, $stream, $bytes, $end) = @_;

    return $self->send(frame(0, $end ? 1 : 0, $stream, $bytes));
}



sub status { $_[0]{status}{$_[1]} }
sub body   { $_[0]{body}{$_[1]} // '' }
sub ended  { $_[0]{ended}{$_[1]} }
sub frames { join ' ', @{ $_[0]{frames}{$_[1]} // [] } }
sub dead   { $_[0]{dead} }

sub open_window {
    my ($self, @streams) = @_;
    return $self->send(join '', map { frame(8, 0, $_, pack 'N', 1 << 20) } @streams);
}

sub reset {
    my ($self, @streams) = @_;
    return $self->send(join '', map { frame(3, 0, $_, pack 'N', 8) } @streams);
}

sub close { CORE::close $_[0]{socket} }


# reads until $code is true

sub wait {
    my ($self, $code, $seconds) = @_;

    my $end = time + ($seconds // 10);
    while (!$code->()) {
        my $left = $end - time;
        vec(my $bits = '', fileno $self->{socket}, 1) = 1;
        return 0 if $left <= 0 || !select $bits, undef, undef, $left;

        if (!sysread $self->{socket}, $self->{said}, 65536, length $self->{said}) {
            $self->{dead} = 1;
            return 0;
        }
        1 while $self->take_frame;
    }
    return 1;
}


sub take_frame {
    my ($self) = @_;

    return 0 if length $self->{said} < 9;
    my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $self->{said};
    my $size = $high << 16 | $low;
    return 0 if length $self->{said} < 9 + $size;
    my $payload = substr substr($self->{said}, 0, 9 + $size, ''), 9;

    if ($type == 0) {
        $self->{body}{$stream} .= $payload;

    } elsif ($type == 1) {
        $self->{status}{$stream} = Test::Gateway::Bypass::Client::status_of($payload);

    } elsif ($type == 3) {
        $self->{status}{$stream} //= 'reset';

    } elsif ($type == 4 && !($flags & 1)) {
        $self->send(frame(4, 1, 0, ''));
    }

    my %name = (0 => 'DATA', 1 => 'HEADERS', 3 => 'RST_STREAM');
    push @{ $self->{frames}{$stream} },
         $name{$type} . ($type == 3 ? unpack 'N', $payload : $flags & 1 ? '+' : '')
        if $name{$type};

    $self->{ended}{$stream} = 1 if $type == 3 || $type < 2 && $flags & 1;
    return 1;
}

1;
