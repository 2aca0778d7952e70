# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Load;

# Many concurrent requests from one process.
#
#   http_many([ [ $port, '/path' ], [ $port, '/path', $body ], ... ], %arg)
#
# returns for each request, in their order, { status, head, body, seconds, path
# }; "seconds" is the duration; "status" is 0 without a response.  A body is
# sent by POST, its second half some milliseconds after the first.
#
#   at_once   the number of concurrent requests; default: all of them, after all
#             connections were established
#   timeout   seconds for all requests together, default 30
#   abort     each request is aborted by a reset so many seconds after it was
#             sent; a sub is called for each one, and returns undef for never
#   rate      so many requests are sent in a second, each at its time, however
#             many wait for their responses
#   before    a sub, called before each request with its index
#   while     a sub, called before each request: the list is repeated as long as
#             it returns true
#
#   answers(@many)     "200:3 429:1"
#   header($answer, 'X-Name')

use v5.28;
use warnings;

use Exporter qw( import );
use IO::Poll qw( POLLIN POLLOUT POLLERR POLLHUP );
use IO::Socket::INET;
use Socket qw( SOL_SOCKET SO_LINGER );
use Time::HiRes qw( sleep time );

our @EXPORT = qw( http_many answers header );


sub http_many {
    my ($requests, %arg) = @_;

    my $at_once = $arg{rate} ? 0 : $arg{at_once} // @$requests;
    my $end = time + ($arg{timeout} // 30);
    my $next = 0;
    my (@answers, %flight);
    my $poll = IO::Poll->new;

    my $more = sub {
        return $next < @$requests if !$arg{while};
        return time < $end && $arg{while}->();
    };

    my $open = sub {
        my $i = $next++;
        my ($port, $path, $body) = @{ $requests->[$i % @$requests] };

        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $port, Timeout => 5);
        $answers[$i] = { status => 0, head => '', body => '', seconds => 0,
                         began => time, path => $path };
        return if !$socket;

        my $abort = ref $arg{abort} ? $arg{abort}->($path) : $arg{abort};

        $flight{fileno $socket} = { socket => $socket, i => $i, in => '',
                                    abort => $abort,
                                    out => request($path, $body) };
        return $flight{fileno $socket};
    };

    my $send = sub {
        my ($f) = @_;
        local $SIG{PIPE} = 'IGNORE';
        $arg{before}->($f->{i}) if $arg{before};
        $answers[$f->{i}]{began} = time;
        syswrite $f->{socket}, $f->{out}[0];
        $poll->mask($f->{socket} => POLLIN);
    };

    my $send_rest = sub {
        local $SIG{PIPE} = 'IGNORE';
        my $now = time;
        for my $f (grep { $_->{out}[1] } values %flight) {
            syswrite $f->{socket}, pop @{ $f->{out} }
                if $now - $answers[$f->{i}]{began} > 0.003;
        }
    };

    my $close = sub {
        my ($f) = @_;
        my $answer = $answers[$f->{i}];
        my ($head, $body) = split /\r\n\r\n/, $f->{in}, 2;
        $answer->{head} = $head // '';
        $answer->{body} = $body // '';
        $answer->{status} = $1 if $answer->{head} =~ m{^HTTP/1\.\d (\d+)};
        $answer->{seconds} = time - $answer->{began};
        $poll->remove($f->{socket});
        delete $flight{fileno $f->{socket}};
        close $f->{socket};
    };

    my $start = time;
    my $due = sub {
        return $arg{rate} ? $next < (time - $start) * $arg{rate}
                          : keys %flight < $at_once;
    };

    my @first = map { $open->() // () } 1 .. ($at_once < @$requests
                                              ? $at_once : @$requests);
    $send->($_) for @first;

    while (%flight || $more->()) {
        last if time > $end;

        while ($due->() && $more->()) {
            my $f = $open->() or next;
            $send->($f);
        }
        if (!%flight) {
            sleep 0.001 if $arg{rate};
            next;
        }

        $poll->poll($arg{rate} ? 0.005 : defined $arg{abort} ? 0.0005 : 0.05);
        $send_rest->();

        for my $socket ($poll->handles(POLLIN | POLLERR | POLLHUP)) {
            my $f = $flight{fileno $socket} or next;
            my $n = sysread $socket, $f->{in}, 65536, length $f->{in};
            $close->($f) if !$n;
        }

        next if !defined $arg{abort};
        my $now = time;
        for my $f (values %flight) {
            next if !defined $f->{abort}
                    || $now - $answers[$f->{i}]{began} < $f->{abort};
            setsockopt $f->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
            $answers[$f->{i}]{aborted} = 1;
            $close->($f);
        }
    }

    $close->($_) for values %flight;
    return @answers;
}


# the parts that are sent first and later

sub request {
    my ($path, $body) = @_;

    my $head = "Host: localhost\r\nConnection: close\r\n";
    return [ "GET $path HTTP/1.1\r\n$head\r\n" ] if !defined $body;

    my $half = int length($body) / 2;
    return [ "POST $path HTTP/1.1\r\n${head}Content-Length: " . length($body)
             . "\r\n\r\n" . substr($body, 0, $half), substr $body, $half ];
}


sub answers {
    my %count;
    $count{ $_->{status} }++ for @_;
    return join ' ', map { "$_:$count{$_}" } sort { $a <=> $b } keys %count;
}


sub header {
    my ($answer, $name) = @_;

    my $head = ref $answer ? $answer->{head} : $answer;
    return $head =~ /^\Q$name\E: ?([^\r\n]*)/mi ? $1 : undef;
}

1;
