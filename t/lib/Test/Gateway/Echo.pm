# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Echo;

# An upstream server that returns the request that it received, without the
# lines that nginx itself adds.  $TEST_NGINX_ECHO_PORT is its port, $Pass the
# proxy_pass to it.

use v5.28;
use warnings;

use Exporter qw( import );
use IO::Socket::INET;
use POSIX ();

our @EXPORT = qw( $Pass );

our $Pass = 'proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;';

my $echo = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
    or die "listen: $!";
$ENV{TEST_NGINX_ECHO_PORT} = $echo->sockport;

my $test = $$;
defined(my $pid = fork) or die "fork: $!";
if (!$pid) { serve(); POSIX::_exit(0) }
close $echo;
END { if ($$ == $test) { local $?; kill 'KILL', $pid; waitpid $pid, 0 } }

sub serve {
    while (my $client = $echo->accept) {
        my $head = '';
        while ($head !~ /\r\n\r\n/ && sysread $client, my $more, 65536) {
            $head .= $more;
        }
        # since 1.29.7, nginx uses HTTP/1.1 by default
        $head =~ s{ HTTP/1\.1\r\n}{ HTTP/1.0\r\n};

        my $body = join '', map { "$_\n" }
                   grep { !/^(?:Host|Connection): / } split /\r\n/, $head;
        print $client "HTTP/1.1 200 OK\r\nContent-Length: "
                      . length($body) . "\r\nConnection: close\r\n\r\n$body";
        close $client;
    }
}

1;
