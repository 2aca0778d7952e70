# SPDX-License-Identifier: BSD-2-Clause

# The values of "method" and "code" of http_requests_total: listed ones are shown
# as they are, others as OTHER or as their class.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Samples;
use Test::Gateway::Server;
use Test::More;

my $origin = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16)
    or die "listen: $!";
my $port = $origin->sockport;

my $server = start_nginx(
    http => 'gateway_metrics_zone zone=m:8m;', server => <<"END");
    server_name s;
    location / { proxy_pass http://127.0.0.1:$port; }
    location /upgrade {
        proxy_http_version 1.1;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection upgrade;
        proxy_pass http://127.0.0.1:$port;
    }
    location /dav { return 204; }
    location = /metrics { gateway_metrics_page from=127.0.0.1; }
END

sub request {
    my ($method, $path) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $server->port, Timeout => 5)
        or die "connect: $!";
    print $socket "$method $path HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n";
    return $socket;
}

# the origin answers one request with this status
sub answer {
    my ($status) = @_;
    my $socket = $origin->accept or die "accept: $!";
    my $line = '';
    1 while sysread($socket, $line, 4096, length $line) && $line !~ /\r\n\r\n/;
    print $socket "HTTP/1.1 $status X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    close $socket;
}

my @methods = qw( GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY );
my @codes = (200 .. 207, 300 .. 304, 307, 308, 400 .. 417, 421 .. 426, 428, 429,
             431, 444, 451, 494 .. 497, 499 .. 505, 507, 508, 511);

counts($server, sub {
    for my $method (@methods, qw( PROPFIND MKCOL BREW )) {
        my $socket = request($method, '/dav');
        1 while <$socket>;
    }
}, qr/^http_requests_total.*route="\/dav"/,
{ map({ (qq(http_requests_total{server="s",route="/dav",method="$_",code="204"}) => 1) }
      grep { !/CONNECT|TRACE/ } @methods),
  'http_requests_total{server="s",route="/dav",method="OTHER",code="204"}' => 3 },
'methods, of which nginx refuses CONNECT and TRACE');

# nginx 1.30 refuses the URI of CONNECT with 400, others refuse the method

my %refused;

counts($server, sub {
    for my $method (qw( CONNECT TRACE )) {
        my $socket = request($method, '/dav');
        my ($line) = my @response = <$socket>;
        my ($code) = ($line // '') =~ m{^HTTP/1\.1 (40[05]) };
        $code //= 'none';
        $refused{qq(http_requests_total{server="s",route="",method="$method",code="$code"})} = 1;
    }
}, qr/^http_requests_total/, \%refused,
'CONNECT and TRACE, which are refused without a route');

counts($server, sub {
    for my $status (@codes, 226, 299, 305, 399, 418, 498, 599) {
        next if $status == 499 || $status == 444;
        my $socket = request('GET', '/code');
        answer($status);
        1 while <$socket>;
    }
}, qr/^http_requests_total/,
{ map({ (qq(http_requests_total{server="s",route="/",method="GET",code="$_"}) => 1) }
      grep { $_ != 499 && $_ != 444 } @codes),
  map { my ($class, $n) = @$_;
        (qq(http_requests_total{server="s",route="/",method="GET",code="$class"}) => $n) }
      [ '2xx', 2 ], [ '3xx', 2 ], [ '4xx', 2 ], [ '5xx', 1 ] },
'codes, and classes of others');

counts($server, sub {
    my $socket = request('GET', '/code');
    answer(999);
    1 while <$socket>;
}, qr/^http_requests_total/,
{ 'http_requests_total{server="s",route="/",method="GET",code="9xx"}' => 1 },
'a code that is none');

# the client leaves before the response
counts($server, sub {
    my $socket = request('GET', '/code');
    my $held = $origin->accept;
    close $socket;
    wait_until(sub { scrape($server)->{'http_requests_total{server="s",route="/",method="GET",code="499"}'} });
}, qr/^http_requests_total/,
{ 'http_requests_total{server="s",route="/",method="GET",code="499"}' => 1 },
'a client that leaves: 499');

# an upgraded connection has no duration
counts($server, sub {
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $server->port, Timeout => 5);
    print $client "GET /upgrade HTTP/1.1\r\nHost: s\r\nUpgrade: x\r\n"
                  . "Connection: upgrade\r\n\r\n";
    my $socket = $origin->accept or die "accept: $!";
    my $line = '';
    1 while sysread($socket, $line, 4096, length $line) && $line !~ /\r\n\r\n/;
    print $socket "HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    1 while sysread($client, $line, 4096, length $line) && $line !~ /101.*\r\n\r\n/s;
    close $socket;
    1 while <$client>;
}, qr/^http_request(?:s_total|_duration)/,
{ 'http_requests_total{server="s",route="/upgrade",method="GET",code="101"}' => 1 },
'101, without a duration');

$server->stop;
done_testing();
