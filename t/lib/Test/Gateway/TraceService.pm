# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::TraceService;

# The service that the W3C's trace-context suite tests: it reads an array of {
# "url": ..., "arguments": [...] } and sends each "arguments" to its "url", with
# the received traceparent and tracestate, through a proxy that accepts requests
# for any host.  It handles one request at a time.
#
#   serve($socket, $proxy);       # a listening socket; "http://host:port"

use v5.28;
use warnings;

use Exporter qw( import );
use HTTP::Tiny;
use JSON::PP ();

our @EXPORT_OK = qw( serve );

my $json = JSON::PP->new->utf8;


sub serve {
    my ($socket, $proxy) = @_;

    while (my $client = $socket->accept) {
        my ($head, $body) = request_of($client) or next;
        my $ok = eval { call_back($head, $json->decode($body), $proxy); 1 };
        warn $@ if !$ok;

        my $status = $ok ? '200 OK' : '500 Internal Server Error';
        print $client "HTTP/1.1 $status\r\nContent-Type: application/json\r\n"
                      . "Content-Length: 2\r\nConnection: close\r\n\r\n[]";
        close $client;
    }
    return;
}


# head and body of a request; nothing if the client leaves before its end

sub request_of {
    my ($client) = @_;

    my $text = '';
    while ($text !~ /\r\n\r\n/) {
        sysread $client, $text, 65536, length $text or return;
    }
    my ($head, $body) = split /\r\n\r\n/, $text, 2;

    my ($length) = $head =~ /^Content-Length: *(\d+)/mi;
    while (length $body < ($length // 0)) {
        sysread $client, $body, 65536, length $body or return;
    }
    return ($head, $body);
}


sub call_back {
    my ($head, $calls, $proxy) = @_;

    my %headers = ('Content-Type' => 'application/json');
    for my $name (qw( traceparent tracestate )) {
        my @values = $head =~ /^$name: *(.*?) *\r?$/mgi;
        $headers{$name} = \@values if @values;
    }

    my $http = HTTP::Tiny->new(proxy => $proxy, no_proxy => [], timeout => 3,
                               keep_alive => 0);
    for my $call (@$calls) {
        my $answer = $http->post($call->{url}, {
            headers => \%headers,
            content => $json->encode($call->{arguments} // []) });
        die "$call->{url}: $answer->{status} $answer->{content}\n"
            if !$answer->{success};
    }
    return;
}

1;
