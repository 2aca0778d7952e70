# SPDX-License-Identifier: BSD-2-Clause

# A response to a request that did not lock its key is stored when it arrives,
# unless a purge or an unsafe request has invalidated the key in the meantime.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $port = free_port();
my $origin = origin();
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";

my $nginx = start_nginx(port => $port, conf => http_conf(workers => 2,
    http => 'gateway_cache_zone zone=z:16m;', port => $port,
    server => <<"END"));
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    location /bypass/ { $up gateway_cache_bypass \$http_x_bypass; }
    location /post/ { $up gateway_cache_profile rfc9111; }
    location = /_cache { gateway_cache_admin zone=z from=127.0.0.1; }
END

sub ask {
    my ($path, @lines) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    print $socket join "\r\n", "GET $path HTTP/1.1", 'Host: localhost',
                  'Connection: close', @lines, '', '';
    $socket->flush;
    return $socket;
}

sub answer { my ($socket) = @_; local $/; return scalar <$socket> }

sub status {
    my ($path, %arg) = @_;
    my (undef, $head) = http_get($nginx, $path, %arg);
    return $head =~ /^X-Status: (\w*)/m && $1;
}

sub purge {
    my ($selector) = @_;
    my ($code) = http_get($nginx, '/_cache', method => 'POST',
        body => "{\"purge\":[{$selector}]}",
        headers => [ 'Content-Type: application/json' ]);
    return $code;
}

my @fresh = ('Cache-Control: max-age=60');


# what happens while the origin delays the response to a request without the
# lock, and the status of the next request

my %between = (
    'nothing'          => [ sub { 1 }, 'HIT' ],
    'another URL'      => [ sub { purge("\"url\":\"http://localhost/x$_[0]\"") },
                            'HIT' ],
    'its URL'          => [ sub { purge("\"url\":\"http://localhost$_[0]\"") },
                            'MISS' ],
    'a prefix'         => [ sub { my ($folder) = $_[0] =~ m{^(/\w+/)};
                                  purge("\"prefix\":\"http://localhost$folder\"")
                                }, 'MISS' ],
    'its host'         => [ sub { purge('"host":"localhost"') }, 'MISS' ],
    'all'              => [ sub { purge('"all":true') }, 'MISS' ],
    'a PUT'            => [ sub { http_get($nginx, $_[0], method => 'PUT',
                                           body => 'x') }, 'MISS' ],
    'a PUT elsewhere'  => [ sub { http_get($nginx, "$_[0]/x", method => 'PUT',
                                           body => 'x') }, 'HIT' ],
);

my $n = 0;

# sends a request with a bypass; returns its status and that of the next request

sub bypass {
    my ($do) = @_;

    my $path = '/bypass/' . $n++;
    $origin->answer($path, { head => [ @fresh ], hold => 1 },
                    { head => [ @fresh ] });
    my $socket = ask($path, 'X-Bypass: 1');
    wait_until(sub { $origin->held($path) });
    $do->($path);
    $origin->release($path);
    my ($status) = answer($socket) =~ /^X-Status: (\w+)/m;
    return "$status " . status($path);
}

# URLs share slots in the table of purges: a purge of another URL prevents
# storing with a probability of 1/128, so these cases have several tries.

for my $what (sort keys %between) {
    my ($do, $next) = @{ $between{$what} };

    my $found = '';
    for (1 .. ($next eq 'HIT' ? 5 : 1)) {
        $found = bypass($do);
        last if $found eq "BYPASS $next";
    }
    is($found, "BYPASS $next", "$what: then $next");
}

# a response to POST removes the stored response, and is stored itself

$origin->answer('/post/1', head => [ @fresh, 'Content-Location: /post/1' ]);
is(status('/post/1'), 'MISS', 'GET: a miss');
is(status('/post/1'), 'HIT', 'GET: a hit');
http_get($nginx, '/post/1', method => 'POST', body => 'x');
my (undef, $head, $body) = http_get($nginx, '/post/1');
like($head, qr/^X-Status: HIT/m, 'after a POST: a hit');
like($body, qr/^2 /, 'after a POST: its response');

$nginx->stop;
done_testing();
