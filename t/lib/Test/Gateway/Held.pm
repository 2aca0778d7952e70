# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Held;

# Memory that a worker holds for requests whose responses the client does not
# read.
#
#   held_by(server => $text, http => $text, files => {}, path => '/x',
#           headers => [ [ name, value ] ], streams => 500)
#
# Each call starts its own nginx with one worker, so that the heap contains no
# data of earlier requests.  Over HTTP/2 with a window of 0, nginx sends the
# head of each response and keeps the request.  Returns the bytes held for each
# stream, and the statuses of the responses.

use v5.28;
use warnings;

use Exporter qw( import );
use IO::Socket::INET;
use Test::Gateway::Bypass::Client;
use Test::Gateway::Server;

our @EXPORT = qw( held_by );


sub anonymous {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/smaps_rollup" or die "smaps_rollup: $!";
    my ($kb) = map { /^Anonymous:\s+(\d+) kB/ ? $1 : () } <$in>;
    return 1024 * $kb;
}


sub held_by {
    my (%arg) = @_;

    my $port = free_port();
    my $old = nginx_before(1, 25, 1);
    my $listen = "listen 127.0.0.1:$port" . ($old ? ' http2;' : '; http2 on;');
    my $streams = $arg{streams} // 500;

    my $nginx = start_nginx(workers => 1, files => $arg{files}, http => <<"END");
    @{[ $arg{http} // '' ]}
    large_client_header_buffers 4 16k;
    http2_max_concurrent_streams 1024;
    server {
        $listen
        $arg{server}
    }
END
    my ($worker) = $nginx->workers;

    # allocations made once for a connection, or for the first request
    my $first = ask($port, 1, %arg);
    my $before = anonymous($worker);

    my $socket = ask($port, $streams, %arg);
    my $held = anonymous($worker) - $before;
    my @statuses = sort keys %{ $socket->{statuses} };

    close $_->{socket} for $first, $socket;
    $nginx->stop;

    return ($held / $streams, "@statuses");
}


sub ask {
    my ($port, $streams, %arg) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        or die "connect: $!";
    my $client = bless { connection => $socket, buffer => '' },
                       'Test::Gateway::Bypass::Client';

    my $block = Test::Gateway::Bypass::Client::hpack(
        [ ':method', 'GET' ], [ ':scheme', 'http' ], [ ':path', $arg{path} ],
        [ ':authority', 'localhost' ], @{ $arg{headers} // [] });

    $client->send_all("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                      . frame(4, 0, 0, pack 'nN', 4, 0));

    my %open = map { 2 * $_ - 1 => {} } 1 .. $streams;
    my %waiting = %open;

    for my $stream (sort { $a <=> $b } keys %open) {
        $client->send_all(frame(1, 5, $stream, $block));
    }

    # the head of each response; take_h2() forgets a stream that has ended
    while (grep { !defined $_->{status} } values %open) {
        next if defined $client->take_h2(\%waiting);
        $client->more or die "nginx closed the connection";
    }

    my %statuses = map { $_->{status} => 1 } values %open;
    return { socket => $socket, statuses => \%statuses };
}


sub frame { Test::Gateway::Bypass::Client::frame(@_) }

1;
