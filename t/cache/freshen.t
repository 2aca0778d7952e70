# SPDX-License-Identifier: BSD-2-Clause

# A 304 updates the stored response: it can change the fields that select the
# response, and its fields also reach a client that forbids storing.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $port = free_port();
my $origin = origin();

my $nginx = start_nginx(port => $port, conf => http_conf(workers => 2,
    http => 'gateway_cache_zone zone=z:16m;', port => $port,
    server => <<"END"));
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    location / { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
END

sub get {
    my ($path, @lines) = @_;
    my ($code, $head, $body) = http_get($nginx, $path, headers => [ @lines ]);
    my ($status) = $head =~ /^X-Status: (\w*)/m;
    return ("$code $status", $head, $body);
}

sub status { (get(@_))[0] }

my @stale = ('Cache-Control: max-age=0');
my @fresh = ('Cache-Control: max-age=60');
my $n = 0;


# Stores a response that a 304 then makes fresh; returns the status of the next
# request.

sub renewed {
    my ($old, $new, @lines) = @_;

    my $path = '/' . $n++;
    $origin->answer($path, { head => [ @stale, @$old ], etag => '"1"' },
        { head => [ @stale, @$old ], not_modified => [ @fresh, @$new ],
          etag => '"1"' });
    is(status($path, 'X-A: 1', 'Origin: http://a'), '200 MISS', "$path: stored");
    is(status($path, 'X-A: 1', 'Origin: http://a'), '200 REVALIDATED',
       "$path: a 304");
    return status($path, @lines);
}

my @cors = ('Access-Control-Allow-Origin: http://a');

for my $case ([ [], [], 'HIT', 'X-A: 2' ],
              [ [ 'Vary: X-A' ], [], 'HIT', 'X-A: 1' ],
              [ [ 'Vary: X-A' ], [ 'Vary: X-A' ], 'HIT', 'X-A: 1' ],
              [ [ 'Vary: X-A' ], [ 'Vary: x-a, X-A' ], 'HIT', 'X-A: 1' ],
              [ [ 'Vary: X-A' ], [ 'Vary: X-A' ], 'MISS', 'X-A: 2' ],
              [ [], [ 'Vary: X-A' ], 'MISS', 'X-A: 2' ],
              [ [ 'Vary: X-B' ], [ 'Vary: X-A' ], 'MISS', 'X-A: 2' ],
              [ [ 'Vary: X-B' ], [ 'Vary: X-A, X-B' ], 'MISS', 'X-A: 2' ],
              [ [], [ 'Vary: *' ], 'MISS', 'X-A: 1' ],
              [ [], [ 'Vary: Cookie' ], 'MISS', 'X-A: 1' ],
              [ [], [ @cors ], 'MISS', 'Origin: http://b' ],
              [ [], [ 'Access-Control-Allow-Origin: *' ], 'HIT',
                'Origin: http://b' ],
              [ [ @cors ], [ @cors ], 'HIT', 'Origin: http://a' ],
              [ [ @cors ], [ @cors ], 'MISS', 'Origin: http://b' ])
{
    my ($old, $new, $next, $line) = @$case;
    my $what = join ', ', "@$old", "304 @$new", "request $line";
    is(renewed($old, $new, $line), "200 $next", "$what: $next");
}

# --- a request with no-store: the fields of the 304 are sent, and not stored

$origin->answer('/no', { head => [ @stale, 'X-Line: 1', 'Age: 500' ],
                         etag => '"1"' },
    { head => [], not_modified => [ @fresh, 'X-Line: 2' ], etag => '"1"' });
get('/no');
my ($status, $head, $body) = get('/no', 'Cache-Control: no-store');
is($status, '200 REVALIDATED', 'no-store: validated');
is($body, "1 /no\n", 'no-store: the stored body');
like($head, qr/^X-Line: 2\r?$/m, 'no-store: the fields of the 304');
like($head, qr/^Cache-Control: max-age=60\r?$/m,
     'no-store: Cache-Control of the 304');
unlike($head, qr/^Age: 5\d\d/m, 'no-store: the age of the 304');
is(status('/no'), '200 REVALIDATED', 'no-store: nothing is stored');
is(status('/no'), '200 HIT', 'a 304 for a request without no-store is stored');

$nginx->stop;
done_testing();
