# SPDX-License-Identifier: BSD-2-Clause

# http_requests_in_flight: requests of a route that are not complete, those of a
# killed worker are none, and "rewrite" moves a request to its new route.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Samples;
use Test::Gateway::Server;
use Test::More;

my $origin = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
    or die "listen: $!";
my $port = $origin->sockport;

my %conf = (http => <<"END",
    gateway_metrics_zone zone=m:8m;
    upstream origin { server 127.0.0.1:$port; }
END
    server => <<"END");
    server_name s;
    location /hold { proxy_pass http://origin; }
    location /old { rewrite ^/old(.*) /hold\$1 last; }
    location /error {
        error_page 404 = \@held;
        return 404;
    }
    location \@held { proxy_pass http://origin; }
    location /off { gateway_metrics off; proxy_pass http://origin; }
    location /server { gateway_metrics server; proxy_pass http://origin; }
    location /quick { return 204; }
    location = /metrics { gateway_metrics_page from=127.0.0.1; }
END

my $server = start_nginx(%conf);

sub send_to {
    my ($path) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $server->port, Timeout => 5)
        or die "connect: $!";
    print $socket "GET $path HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n";
    return $socket;
}

sub held {
    my %at = %{ scrape($server) };
    return { map { /^http_requests_in_flight\{server="s",route="(.*)"\}/ && $at{$_}
                   ? ($1 => $at{$_}) : () } keys %at };
}

sub is_held {
    my ($expected, $name) = @_;
    my $now;
    wait_until(sub { $now = held(); eq_hash($now, $expected) }, 10);
    is_deeply($now, $expected, $name);
}

# accepts and answers all requests that wait
sub release {
    my ($n) = @_;
    for (1 .. $n) {
        my $socket = $origin->accept or die "accept: $!";
        my $line = '';
        1 while sysread($socket, $line, 4096, length $line)
                && $line !~ /\r\n\r\n/;
        print $socket "HTTP/1.1 204 X\r\nConnection: close\r\n\r\n";
        close $socket;
    }
}

sub finish { for my $socket (@_) { 1 while <$socket>; close $socket } }

is_held({}, 'none at first');

my @sockets = map { send_to('/hold') } 1 .. 5;
is_held({ '/hold' => 5 }, 'five requests');
push @sockets, send_to('/old/x');
is_held({ '/hold' => 6 }, 'rewrite moves a request to its new route');
push @sockets, send_to('/error');
is_held({ '/hold' => 6, '/error' => 1 }, 'error_page does not');
push @sockets, send_to('/server'), send_to('/off');
is_held({ '/hold' => 6, '/error' => 1, '' => 1 },
        'gateway_metrics server and off');

release(9);
finish(@sockets);
is_held({}, 'none after the responses');

# a client that leaves
@sockets = map { send_to('/hold') } 1 .. 3;
is_held({ '/hold' => 3 }, 'three');
close shift @sockets;
is_held({ '/hold' => 2 }, 'the client of one has left');
release(3);
finish(@sockets);
is_held({}, 'and the others are answered');

# a killed worker
@sockets = map { send_to('/hold') } 1 .. 20;
is_held({ '/hold' => 20 }, 'twenty in two workers');
my $seen = scrape($server);
my @workers = $server->workers;
for my $pid (@workers) {
    $server->allow("process $pid exited on signal 9");
    kill 'KILL', $pid;
}
wait_until(sub { my %now = map { $_ => 1 } $server->workers;
                 2 == grep { !$now{$_} } @workers }, 10);
is_held({}, 'none after both were killed');
my $now = scrape($server);
is($now->{'http_requests_total{server="s",route="/hold",method="GET",code="204"}'},
   $seen->{'http_requests_total{server="s",route="/hold",method="GET",code="204"}'},
   'while their counts stay');

# through a reload: the old workers hold requests
$origin->blocking(0);
while (my $socket = $origin->accept) { close $socket }
$origin->blocking(1);
@sockets = map { send_to('/hold') } 1 .. 4;
is_held({ '/hold' => 4 }, 'four before a reload');
$server->reload(http_conf(%conf, port => $server->port), wait => 0);
wait_until(sub { $server->workers == 4 || $server->log =~ /gracefully/ }, 10);
push @sockets, send_to('/hold');
is_held({ '/hold' => 5 }, 'old and new workers together');
release(5);
finish(@sockets);
is_held({}, 'none when all are answered');

# nothing is counted below 0: a request without a route
for (1 .. 3) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $server->port);
    print $socket "BAD\r\n\r\n";
    finish($socket);
}
$server->get('/quick');
is_held({}, 'requests that end before REWRITE');

$server->stop;
done_testing();
