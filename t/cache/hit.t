# SPDX-License-Identifier: BSD-2-Clause

# A response is stored on a miss and sent on a hit: its body, its header fields,
# and the number of requests that the origin receives.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $port = free_port();
my $origin = origin();
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";

my $nginx = start_nginx(port => $port, conf => http_conf(
    main => 'error_log logs/error.log debug;',
    http => 'gateway_cache_zone zone=z:1m;', port => $port, server => <<"END"));
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    add_header X-Age "\$gateway_cache_age/\$gateway_cache_ttl" always;
    location / { $up }
    location /unbuffered/ { $up proxy_buffering off; }
    location /store/ { $up proxy_store on; root stored; }
    location /slice/ { slice 4; proxy_set_header Range \$slice_range; $up }
    location /app { try_files /none \@app; }
    location \@app { $up }
END

# the head and the body of a response

sub get {
    my ($path, @fields) = @_;
    my ($status, $head, $body) = http_get($nginx, $path, @fields);
    return ($status, $head, $body);
}

my $fresh = [ 'Cache-Control: max-age=60' ];

for my $path ('/a', '/unbuffered/a', '/store/a', '/app') {
    $origin->answer($path, head => [ @$fresh, 'X-Origin: 1', 'ETag: "e"' ],
                    body => 'hello');

    my ($status, $head, $body) = get($path);
    is("$status $body", '200 hello', "$path: a miss");
    like($head, qr/^X-Status: MISS\r?$/m, 'the status MISS');

    ($status, $head, $body) = get($path);
    is("$status $body", '200 hello', 'a hit');
    like($head, qr/^X-Status: HIT\r?$/m, 'the status HIT');
    like($head, qr/^X-Origin: 1\r?$/m, 'a hit has the fields of the origin');
    like($head, qr/^Age: \d+\r?$/m, 'a hit has an Age');
    like($head, qr/^Content-Length: 5\r?$/m, 'a hit has a Content-Length');
    is($origin->count($path), 1, 'the origin receives one request');
}

# with directives of nginx that store or slice responses

is(Test::Gateway::Server::slurp($nginx->dir . '/stored/store/a'), 'hello',
   'proxy_store writes the response to its file');
$origin->answer('/slice/a', head => $fresh, body => 'hello', etag => '"e"',
                ranges => 1);
for (1 .. 2) {
    my ($status, $head, $body) = get('/slice/a');
    is("$status $body", '200 hello', 'a response in slices');
    like($head, qr/^X-Reason: status\r?$/m, 'slices are not stored');
}

$origin->answer('/age', head => [ 'Cache-Control: max-age=60', 'Age: 20' ]);
my (undef, $head) = get('/age');
like($head, qr{^X-Age: /40\r?$}m, 'a miss: a lifetime, no age');
(undef, $head) = get('/age');
like($head, qr{^X-Age: 2\d/[34]\d\r?$}m, 'a hit: a lifetime and an age');
like($head, qr/^Age: 2\d\r?$/m, 'the client receives the age');

done_testing();
