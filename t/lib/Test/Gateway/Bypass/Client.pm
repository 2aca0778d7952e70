# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Bypass::Client;

# Sends requests as bytes to a server on a UNIX-domain socket.  It does not
# normalize paths, join header lines or reject invalid requests.
#
#   my $client = Test::Gateway::Bypass::Client->new(
#       socket => path, protocol => '1.1', tls => undef | { options })
#   $client->ask(\@requests)    fills {status} of each
#
# A request is a hash: method, path (as on the wire, with the arguments),
# authority (h2: of :authority; undef: none), headers ([ name, value ], or in
# HTTP/1.x [ line ]), alone (no request follows on its connection).  status is a
# number, "reset" for an HTTP/2 stream that was reset, or "closed" without a
# response.

use v5.28;
use warnings;

use IO::Socket::UNIX;

my $BATCH = 48;


sub new {
    my ($class, %arg) = @_;
    return bless { %arg }, $class;
}


sub ask {
    my ($self, $requests) = @_;

    local $SIG{PIPE} = 'IGNORE';
    return $self->ask_old($requests) if $self->{protocol} eq '0.9';

    my @waiting = grep { !$_->{alone} } @$requests;
    my $way = $self->{protocol} eq '2' ? 'ask_h2' : 'ask_h1';

    while (@waiting) {
        my @batch = splice @waiting, 0, $BATCH;
        my $n = $self->$way(\@batch);

        # the connection was closed early: unanswered requests are sent alone
        for my $request (@batch[$n .. $#batch]) {
            $self->ask_alone($way, $request);
        }
    }

    $self->ask_alone($way, $_) for grep { $_->{alone} } @$requests;
    return;
}


sub ask_alone {
    my ($self, $way, $request) = @_;

    # an idle connection may have been closed meanwhile, but not a new one
    $self->hang_up if $self->{served};
    $self->$way([ $request ]);
    $request->{status} //= 'closed';
    return $self->hang_up;
}


# --- connections

sub connection {
    my ($self) = @_;

    return $self->{connection} if $self->{connection};

    my $socket = IO::Socket::UNIX->new(Peer => $self->{socket})
        or die "$self->{socket}: $!";

    if ($self->{tls}) {
        IO::Socket::SSL->start_SSL($socket, SSL_hostname => '',
                                   SSL_reuse_ctx => $self->context)
            or die "$self->{socket}: TLS: " . IO::Socket::SSL::errstr();
    }

    $self->{buffer} = '';
    $self->{served} = 0;
    return $self->{connection} = $socket;
}


# Created once: it reads the system's certificates, although it verifies none.

sub context {
    my ($self) = @_;

    require IO::Socket::SSL;
    return $self->{context} //= IO::Socket::SSL::SSL_Context->new(
        SSL_verify_mode => 0, %{ $self->{tls} },
        $self->{protocol} eq '2' ? (SSL_alpn_protocols => [ 'h2' ]) : ());
}


sub hang_up {
    my ($self) = @_;

    my $socket = delete $self->{connection} or return;
    close $socket;
    $self->{served} = 0;
    delete $self->{stream};
    return;
}


sub send_all {
    my ($self, $bytes) = @_;

    my $socket = $self->connection;
    my $sent = 0;
    while ($sent < length $bytes) {
        my $n = syswrite $socket, $bytes, 65536, $sent;
        return 0 if !$n;
        $sent += $n;
    }
    return 1;
}


# false at the end, or if nothing is received for ten seconds

sub more {
    my ($self) = @_;

    my $n = eval {
        local $SIG{ALRM} = sub { die "timeout\n" };
        alarm 10;
        my $got = sysread $self->{connection}, $self->{buffer}, 65536,
                          length $self->{buffer};
        alarm 0;
        $got;
    };
    alarm 0;
    return $n;
}


# --- HTTP/0.9: the response ends with the connection, and only the body shows its
# status

sub ask_old {
    my ($self, $requests) = @_;

    for my $request (@$requests) {
        $self->send_all("$request->{method} $request->{path}\r\n");
        1 while $self->more;

        for ($self->{buffer}) {
            $request->{status} = /"status":\s*(\d+)/     ? $1
                               : /<title>(\d+)/          ? $1
                               : /\A(?:reached|page|GIF)/ ? 200
                               : /\AHTTP\S* (\d+)/       ? $1
                               :                           'closed';
        }
        $self->hang_up;
    }
    return;
}


# --- HTTP/1.0 and 1.1, pipelined

sub ask_h1 {
    my ($self, $requests) = @_;

    my $bytes = '';
    for my $request (@$requests) {
        $bytes .= join "\r\n", "$request->{method} $request->{path}"
                               . " HTTP/$self->{protocol}",
                               map({ @$_ == 1 ? @$_ : "$_->[0]: $_->[1]" }
                                   @{ $request->{headers} }), '', '';
    }

    $self->connection;
    $self->send_all($bytes);

    my $n = 0;
    while ($n < @$requests) {
        my $took = $self->take_h1($requests->[$n]);

        if ($took) {
            $n++;
            $self->{served}++;
            next;
        }
        next if defined $took && $self->more;

        # the end of the connection may be the end of the response
        $n += $self->take_h1($requests->[$n], 1) ? 1 : 0;
        $self->hang_up;
        last;
    }
    return $n;
}


# 1: complete; 0: more is needed

sub take_h1 {
    my ($self, $request, $at_end) = @_;

    my $buffer = \$self->{buffer};
    my $end = index $$buffer, "\r\n\r\n";
    return 0 if $end < 0;

    my $head = substr $$buffer, 0, $end + 2;
    my ($status) = $head =~ m{\AHTTP/1\.\d (\d+)} or return 0;
    my $body = $end + 4;

    if ($request->{method} eq 'HEAD' || $status == 204) {
        # no body

    } elsif ($head =~ /\r\nContent-Length: (\d+)/i) {
        $body += $1;
        return 0 if length $$buffer < $body;

    } elsif ($head =~ /\r\nTransfer-Encoding: chunked/i) {
        while (1) {
            pos($$buffer) = $body;
            $$buffer =~ /\G([0-9a-f]+)\r\n/gci or return 0;
            $body = pos($$buffer) + hex($1) + 2;
            return 0 if length $$buffer < $body;
            last if hex $1 == 0;
        }

    } else {
        return 0 if !$at_end;
        $body = length $$buffer;
    }

    $request->{status} = $status;
    substr $$buffer, 0, $body, '';
    return 1;
}


# --- HTTP/2 (RFC 9113), HPACK without tables (RFC 7541, 6.2.2)

sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}


sub hpack_length {
    my ($n) = @_;

    return chr $n if $n < 127;
    my $bytes = chr 127;
    for ($n -= 127; $n >= 128; $n >>= 7) {
        $bytes .= chr($n & 127 | 128);
    }
    return $bytes . chr $n;
}


sub hpack {
    return join '', map { "\0" . hpack_length(length $_->[0]) . $_->[0]
                          . hpack_length(length $_->[1]) . $_->[1] } @_;
}


sub ask_h2 {
    my ($self, $requests) = @_;

    my $bytes = '';
    if (!$self->{connection}) {
        $self->connection;
        $self->{stream} = 1;

        # no limits on received data
        $bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                 . frame(4, 0, 0, pack 'nN', 4, 1 << 20)
                 . frame(8, 0, 0, pack 'N', (1 << 31) - 65536);
    }

    my %open;
    for my $request (@$requests) {
        my @fields = ([ ':method', $request->{method} ],
                      [ ':scheme', $self->{tls} ? 'https' : 'http' ],
                      [ ':path', $request->{path} ]);
        push @fields, [ ':authority', $request->{authority} ]
            if defined $request->{authority};

        $bytes .= frame(1, 5, $self->{stream},
                        hpack(@fields, map { [ lc $_->[0], $_->[1] ] }
                                       @{ $request->{headers} }));
        $open{$self->{stream}} = $request;
        $self->{stream} += 2;
    }

    $self->send_all($bytes);

    while (%open) {
        if (!defined $self->take_h2(\%open)) {
            next if $self->more;
            $self->hang_up;
            last;
        }
    }

    $self->{served} += @$requests;

    # those with a response first
    my @left = grep { !defined $_->{status} } @$requests;
    @$requests = ((grep { defined $_->{status} } @$requests), @left);
    return @$requests - @left;
}


# Takes one frame; undef: more is needed.

sub take_h2 {
    my ($self, $open) = @_;

    my $buffer = \$self->{buffer};
    return if length $$buffer < 9;
    my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $$buffer;
    my $length = $high << 16 | $low;
    return if length $$buffer < 9 + $length;

    my $payload = substr $$buffer, 9, $length;
    substr $$buffer, 0, 9 + $length, '';

    if ($type == 4 && !($flags & 1)) {
        $self->send_all(frame(4, 1, 0, ''));

    } elsif ($type == 3 && $open->{$stream}) {
        my $request = delete $open->{$stream};

        # REFUSED_STREAM: the request was not processed, and is sent again
        $request->{status} //= 'reset' if unpack('N', $payload) != 7;

    } elsif ($type == 1 && $open->{$stream}) {
        $open->{$stream}{status} = status_of($payload);
    }

    delete $open->{$stream} if $type <= 1 && $flags & 1;
    return 1;
}


# nginx sends :status first, possibly after an update of the table size:
# indexed, or as a literal with its name (index 8) without Huffman coding.

my @static = (200, 204, 206, 304, 400, 404, 500);

sub status_of {
    my ($block) = @_;

    $block =~ s/\A\x20//;
    my $first = ord $block;
    return $static[$first - 0x88] if $first >= 0x88 && $first <= 0x8e;
    return $1 if $block =~ /\A[\x48\x08\x18]\x03(\d{3})/;
    return 'unreadable';
}

1;
