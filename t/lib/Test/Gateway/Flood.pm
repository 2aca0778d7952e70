# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Flood;

# Very many pipelined requests of one kind, and their results, bounded in count
# and time.  For many concurrent requests, use Test::Gateway::Load.

use v5.28;
use warnings;

use Exporter qw( import );
use IO::Select ();
use IO::Socket::INET;
use POSIX ();
use Test::Gateway::Server ();
use Time::HiRes qw( time );

our @EXPORT = qw( flood );
our @EXPORT_OK = qw( during );


# flood($port, $path, $n, %arg): sends $n requests on keepalive connections;
# returns a hash with the number of each status.  "lost" counts requests without
# a response on closed connections, which are not sent again.  $path may be a
# sub, which returns the path of each request.  %arg:
#
#   processes    (2) share the requests
#   connections  (8) of each process
#   depth        (50) requests sent at once on a connection
#   seconds      (120) at most

sub flood {
    my ($port, $path, $n, %arg) = @_;

    my $processes = $arg{processes} // 2;
    my (@pids, @pipes);

    for my $i (0 .. $processes - 1) {
        my $share = int($n / $processes) + ($i < $n % $processes ? 1 : 0);
        pipe my $out, my $in or die "pipe: $!";
        my $pid = fork // die "fork: $!";
        if ($pid == 0) {
            my %count = work($port, $path, $share, %arg);
            print $in join(' ', %count), "\n";
            close $in;
            POSIX::_exit(0);
        }
        close $in;
        push @pids, $pid;
        push @pipes, $out;
    }

    my %sum;
    for my $pipe (@pipes) {
        my %count = split ' ', <$pipe> // '';
        $sum{$_} += $count{$_} for keys %count;
    }
    waitpid $_, 0 for @pids;
    return %sum;
}


# during($port, $path, $n, $code, %arg): runs $code during flood() and returns
# the hash of flood().  $code receives a function that returns whether flood()
# is still running.

sub during {
    my ($port, $path, $n, $code, %arg) = @_;

    pipe my $out, my $in or die "pipe: $!";
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        Test::Gateway::Server::adopt();
        my %count = flood($port, $path, $n, %arg);
        syswrite $in, join ' ', %count;
        POSIX::_exit(0);
    }
    close $in;

    $code->(sub { waitpid($pid, POSIX::WNOHANG()) == 0 });

    local $/;
    my %count = split ' ', scalar <$out>;
    waitpid $pid, 0;
    return %count;
}


sub work {
    my ($port, $path, $n, %arg) = @_;

    local $SIG{PIPE} = 'IGNORE';

    my $depth = $arg{depth} // 50;
    my $end = time + ($arg{seconds} // 120);
    my $requests = sub {
        my ($k) = @_;
        return join '', map { "GET $_ HTTP/1.1\r\nHost: localhost\r\n\r\n" }
                        map { ref $path ? $path->() : $path } 1 .. $k;
    };
    my $select = IO::Select->new;
    my (%count, %owed, %buffer);
    my ($left, $errors) = ($n, 0);

    my $send = sub {
        my ($socket) = @_;

        my $k = $left < $depth ? $left : $depth;
        return if $k == 0;
        $left -= $k;
        $owed{$socket} = $k;
        $buffer{$socket} = '';
        syswrite $socket, $requests->($k);
    };

    my $open = sub {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $port, Timeout => 5);
        if (!$socket) {
            $errors++;
            select undef, undef, undef, 0.01;
            return;
        }
        $select->add($socket);
        $send->($socket);
    };

    my $drop = sub {
        my ($socket) = @_;

        $select->remove($socket);
        my $owed = delete $owed{$socket};
        delete $buffer{$socket};
        close $socket;
        return $owed // 0;
    };

    $open->() for 1 .. ($arg{connections} // 8);

    while (time < $end && $errors < 1000) {
        last if !$left && !grep { $_ } values %owed;

        $open->() if $left && $select->count < ($arg{connections} // 8);

        for my $socket ($select->can_read(0.5)) {
            my $got = sysread $socket, $buffer{$socket}, 262144,
                              length($buffer{$socket} // '');

            if (!$got) {
                $count{lost} += $drop->($socket);
                next;
            }

            if (answers($socket, \%buffer, \%owed, \%count)) {

                # requests sent after this one were not processed
                $left += $drop->($socket);
                next;
            }
            $send->($socket) if !$owed{$socket};
        }
    }

    $count{lost} += $_ for grep { $_ } values %owed;
    $count{unsent} = $left if $left;
    return %count;
}


# Removes complete responses from the buffer; true if one closes the connection.

sub answers {
    my ($socket, $buffer, $owed, $count) = @_;

    my $closes = 0;
    pos($buffer->{$socket}) = 0;

    while ($buffer->{$socket} =~ m{\GHTTP/1\.1 (\d+) .*?\r\n\r\n}gcs) {
        my ($status, $head) = ($1, $&);
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        my $start = pos $buffer->{$socket};

        if (length($buffer->{$socket}) < $start + ($length // 0)) {
            pos($buffer->{$socket}) = $start - length $head;
            last;
        }
        pos($buffer->{$socket}) = $start + ($length // 0);
        $count->{$status}++;
        $owed->{$socket}--;
        $closes = 1 if $head =~ /^Connection: close/mi;
    }

    substr($buffer->{$socket}, 0, pos($buffer->{$socket}) // 0) = '';
    return $closes;
}

1;
