# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Record;

# Records of gateway_log, parsed strictly.

use v5.28;
use warnings;

use Encode ();
use Exporter qw( import );
use IO::Socket::INET;
use JSON::PP ();
use Test::Gateway::Server;

our @EXPORT = qw( records lines_of counters raw json_of );

my $json = JSON::PP->new->allow_nonref;


# the lines of a file of the server, without line breaks

sub lines_of {
    my ($server, $file) = @_;

    open my $in, '<:raw', $server->dir . "/$file" or return ();
    my @lines = <$in>;
    chomp @lines;
    return @lines;
}


# A line as strict UTF-8 and JSON; dies if it is not.

sub json_of {
    my ($line) = @_;

    my $copy = $line;
    return $json->decode(Encode::decode('UTF-8', $copy, Encode::FB_CROAK));
}


# The records of a file, after waiting for $n of them for at most 5 seconds.

sub records {
    my ($server, $file, $n) = @_;

    wait_until(sub { lines_of($server, $file) >= $n });
    return map { json_of($_) } lines_of($server, $file);
}


# The counters that a server logged when it exited: name => value.

sub counters {
    my ($server, $file) = @_;

    my ($line) = $server->log
        =~ /\[notice\].*gateway_log "[^"]*\Q$file\E": (made .*)/ or return ();
    return $line =~ /([a-z_]+) (\d+)/g;
}


# Sends bytes on a new connection and returns all that is received until it is
# closed.

sub raw {
    my ($server, $bytes, %arg) = @_;

    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1:' . ($arg{port} // $server->port)) or return;
    local $SIG{PIPE} = 'IGNORE';
    print $socket $bytes;
    $socket->flush;
    return if $arg{close};

    my $answer = '';
    my $bits = '';
    vec($bits, fileno $socket, 1) = 1;
    while (select my $ready = $bits, undef, undef, 5) {
        last if !sysread $socket, $answer, 65536, length $answer;
    }
    return $answer;
}

1;
