# SPDX-License-Identifier: BSD-2-Clause

# A miss is stored and served: the bytes, the lines, and how often the origin
# is asked.

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
    like($head, qr/^X-Status: MISS\r?$/m, 'says so');

    ($status, $head, $body) = get($path);
    is("$status $body", '200 hello', 'a hit');
    like($head, qr/^X-Status: HIT\r?$/m, 'says so');
    like($head, qr/^X-Origin: 1\r?$/m, 'has the lines of the origin');
    like($head, qr/^Age: \d+\r?$/m, 'and an age');
    like($head, qr/^Content-Length: 5\r?$/m, 'and a length');
    is($origin->count($path), 1, 'the origin was asked once');
}

# beside directives of nginx that write or cut responses

is(Test::Gateway::Server::slurp($nginx->dir . '/stored/store/a'), 'hello',
   'proxy_store has stored it, too');
$origin->answer('/slice/a', head => $fresh, body => 'hello', etag => '"e"',
                ranges => 1);
for (1 .. 2) {
    my ($status, $head, $body) = get('/slice/a');
    is("$status $body", '200 hello', 'slices of a response');
    like($head, qr/^X-Reason: status\r?$/m, 'are not stored');
}

$origin->answer('/age', head => [ 'Cache-Control: max-age=60', 'Age: 20' ]);
my (undef, $head) = get('/age');
like($head, qr{^X-Age: /40\r?$}m, 'a response that is stored has a lifetime');
(undef, $head) = get('/age');
like($head, qr{^X-Age: 2\d/[34]\d\r?$}m, 'a stored one an age, too');
like($head, qr/^Age: 2\d\r?$/m, 'which the client is told');

done_testing();
