# SPDX-License-Identifier: BSD-2-Clause

# Concurrent misses: the origin receives one request, the others wait for its
# response.  A response that is not stored, or a client that leaves, does not
# delay them.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Select;
use IO::Socket::INET;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep time );

my $port = free_port();
my $origin = origin();
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";

my $nginx = start_nginx(port => $port, conf => http_conf(workers => 2,
    http => 'gateway_cache_zone zone=z:16m;'
            . ' gateway_cache_zone zone=small:1m max_object=64k;',
    port => $port, server => <<"END"));
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    location / { $up }
    location /updating/ { $up gateway_cache_stale 5xx updating; }
    location /one/ {
        $up
        gateway_cache small;
        gateway_cache_lock on timeout=1m;
        gateway_cache_stale 5xx timeout;
        location /one/timeout { $up proxy_read_timeout 500ms; }
        location /one/page { $up proxy_intercept_errors on;
                             error_page 503 = /page; }
    }
    location /page { internal; return 200 page; }
    location /short/ { $up gateway_cache_lock on timeout=200ms; }
    location /off/ { $up gateway_cache_lock off; }
END

sub ask {
    my ($path, @lines) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    print $socket join "\r\n", "GET $path HTTP/1.1", 'Host: x',
                  'Connection: close', @lines, '', '';
    $socket->flush;
    return $socket;
}

# reads whole responses for up to 10 s; returns the time of the last, and all

sub answers {
    my (@sockets) = @_;

    my $select = IO::Select->new(@sockets);
    my %text = map { $_ => '' } @sockets;
    my ($end, $last) = (time + 10, time);

    while ($select->count && time < $end) {
        for my $socket ($select->can_read(0.5)) {
            next if sysread $socket, $text{$socket}, 65536,
                    length $text{$socket};
            $select->remove($socket);
            $last = time;
        }
    }
    return ($last, @text{@sockets});
}

my $fresh = [ 'Cache-Control: max-age=60' ];

# --- 200 concurrent requests

$origin->answer('/many', head => $fresh, body => 'once', hold => 1);
my @clients = map { ask('/many') } 1 .. 200;
wait_until(sub { $origin->held('/many') == 1 });
$origin->release('/many');
my (undef, @texts) = answers(@clients);
is(scalar(grep { /^HTTP\/1.1 200 .*\r\n\r\nonce$/s } @texts), 200,
   '200 clients receive the response');
is($origin->count('/many'), 1, 'the origin receives one request');
is(scalar(grep { /^X-Status: COLLAPSED/m } @texts)
   + scalar(grep { /^X-Status: HIT/m } @texts), 199, '199 are from the cache');
is(scalar(grep { /^X-Status: COLLAPSED/m } @texts),
   scalar(grep { /^Cache-Status: nginx-gateway; fwd=uri-miss; ttl=\d+; collapsed\r/m }
          @texts), 'those that waited have "collapsed" in Cache-Status');

# --- responses that cannot be stored

$origin->answer('/private', head => [ 'Cache-Control: private' ], hold => 1);
@clients = map { ask('/private') } 1 .. 20;
wait_until(sub { $origin->held('/private') >= 1 });
$origin->release('/private');
(undef, @texts) = answers(@clients);
is(scalar(grep { /^HTTP\/1.1 200 /s } @texts), 20, 'not stored: 20 responses');
is($origin->count('/private'), 20, 'each request is sent to the origin');
my %bodies = map { /\r\n\r\n(.*)/s => 1 } @texts;
is(scalar keys %bodies, 20, 'all responses are different');

# --- a response that is not stored for any reason: after it, all waiting
# requests are sent at the same time, although each response takes 2 s

my @age = ('Cache-Control: max-age=10', 'Age: 20');
my @not_stored = (
    [ 'private', pause => 20, body => 'x' x 20,
      head => [ 'Cache-Control: private' ] ],
    [ 'status', status => 503 ],
    [ 'page', status => 503 ],
    [ 'large', head => $fresh, size => 70_000 ],
    [ 'grows', head => $fresh, size => 99_000, framing => 'chunked',
      pause => 20, after => 90_000 ],
    [ 'cut', head => $fresh, size => 1000, truncate => 500 ],
    [ 'variant', head => [ @$fresh, 'Vary: X-V' ], size => 1000,
      truncate => 500 ],
    [ 'timeout', delay => 60 ],
    [ 'invalid', head => [ 'X: ' . 'x' x 20_000 ] ],
    [ 'internal', head => [ @$fresh, 'X-Accel-Redirect: /page' ] ],
    [ 'stale', status => 503 ]);

$origin->answer('/one/stale', head => \@age);
answers(ask('/one/stale'));
$origin->forget;
@clients = ();

for my $case (@not_stored) {
    my ($name, %answer) = @$case;
    $origin->answer("/one/$name", { delay => 1, %answer },
                    { delay => 2, %answer });
    push @clients, map { ask("/one/$name") } 1 .. 6;
}

for my $case (@not_stored) {
    my $path = "/one/$case->[0]";
    ok(wait_until(sub { $origin->count($path) == 6 }, 30),
       "$case->[0]: each request is sent");
    my @at = map { $_->{at} } $origin->requests($path);
    cmp_ok($at[5] - $at[1], '<', 1.5, 'none waits for another one');
}

# --- gateway_cache_stale updating: a stale response during an update

$origin->answer('/updating/', { head => [ @age, 'ETag: "1"' ], body => 'old' },
                { status => 503, hold => 1 });
answers(ask('/updating/'));

for my $n (2, 3) {
    my $asks = ask('/updating/');
    wait_until(sub { $origin->held('/updating/') == 1 });
    (undef, @texts) = answers(map { ask('/updating/') } 1 .. 5);
    is(scalar(grep { /^X-Status: UPDATING.*old$/ms } @texts), 5,
       'five stale responses during an update');
    is($origin->count('/updating/'), $n, 'one request is sent to the origin');
    $origin->release('/updating/');
    (undef, $_) = answers($asks);
    like($_, qr/^X-Status: STALE.*old$/ms,
         'it fails, and its client receives the stale response');
    $origin->answer('/updating/', status => 503, hold => 1);
}

# --- for 5 s after a response that is not stored, no request for its key waits

$origin->answer('/remember', { head => [ 'Cache-Control: private' ] },
                { head => $fresh, body => 'now', hold => 1 });
answers(ask('/remember'));
@clients = map { ask('/remember') } 1 .. 5;
ok(wait_until(sub { $origin->held('/remember') == 5 }), 'no request waits');
$origin->release('/remember');
answers(@clients);
$origin->answer('/forgotten', { head => [ 'Cache-Control: private' ] },
                { head => $fresh, body => 'now', hold => 1 });
answers(ask('/forgotten'));
my $forgotten = time;       # continued below, 5 s later

# --- the client of the request that the origin has received leaves

$origin->answer('/leave', head => $fresh, body => 'later', hold => 1);
my $first = ask('/leave');
wait_until(sub { $origin->held('/leave') == 1 });
my @others = map { ask('/leave') } 1 .. 10;
close $first;
wait_until(sub { $origin->count('/leave') == 2 });
$origin->release('/leave');
(undef, @texts) = answers(@others);
is(scalar(grep { /later$/ } @texts), 10, 'a client leaves: 10 responses');
is($origin->count('/leave'), 2, 'one waiting request is sent');

# --- the timeout of the lock

$origin->answer('/short/', { head => $fresh, body => 'slow', hold => 1 });
$first = ask('/short/');
wait_until(sub { $origin->held('/short/') == 1 });
my $second = ask('/short/');
wait_until(sub { $origin->held('/short/') == 2 });
$origin->release('/short/');
(undef, @texts) = answers($first, $second);
is(scalar(grep { /slow$/ } @texts), 2,
   'after the timeout a waiting request is sent');

# --- without a lock

$origin->answer('/off/', { head => $fresh, body => 'off', hold => 1 });
@clients = map { ask('/off/') } 1 .. 5;
wait_until(sub { $origin->held('/off/') == 5 });
$origin->release('/off/');
(undef, @texts) = answers(@clients);
is(scalar(grep { /off$/ } @texts), 5, 'without a lock each request is sent');

# --- variants

$origin->answer('/vary', head => [ @$fresh, 'Vary: X-V' ], hold => 1);
my @a = map { ask('/vary', 'X-V: a') } 1 .. 5;
wait_until(sub { $origin->held('/vary') == 1 });
my @b = map { ask('/vary', 'X-V: b') } 1 .. 5;
$origin->release('/vary');
(undef, @texts) = answers(@a, @b);
my %count;
$count{ /\r\n\r\n(.*)/s ? $1 : '' }++ for @texts;
is(join(' ', sort values %count), '5 5', 'two variants');
is($origin->count('/vary'), 2, 'each is fetched once');

# once the names in Vary are known, requests wait only for their own variant

$origin->answer('/vary', { head => [ @$fresh, 'Vary: X-V' ], body => 'c',
                           hold => 1 },
                { head => [ @$fresh, 'Vary: X-V' ], body => 'd', hold => 1 });
my $before = $origin->count('/vary');
@a = (ask('/vary', 'X-V: c'));
wait_until(sub { $origin->held('/vary') == 1 });
@b = (ask('/vary', 'X-V: d'));
ok(wait_until(sub { $origin->held('/vary') == 2 }),
   'one variant does not wait for another');
push @a, map { ask('/vary', 'X-V: c') } 1 .. 5;
push @b, map { ask('/vary', 'X-V: d') } 1 .. 5;
$origin->release('/vary');
(undef, @texts) = answers(@a, @b);
is(join('', map { /\r\n\r\n(.*)/s ? $1 : '-' } @texts), 'c' x 6 . 'd' x 6,
   'each request receives its variant');
is($origin->count('/vary') - $before, 2, 'each variant is fetched once');

# --- a slow client

my $big = 'x' x 900_000;
$origin->answer('/slow', head => $fresh, body => $big);
my $slow = ask('/slow');
wait_until(sub { $origin->count('/slow') == 1 });
my ($last, $text) = answers(ask('/slow'));
cmp_ok(length $text, '>', 900_000, 'a slow client delays no other client');
is($origin->count('/slow'), 1, 'the origin receives one request');
(undef, $text) = answers($slow);
ok($text =~ /\r\n\r\n(x+)$/ && length $1 == 900_000,
   'the slow client receives the whole response');

# --- 5 s after a response that was not stored

sleep 0.1 while time < $forgotten + 5.1;
@clients = map { ask('/forgotten') } 1 .. 5;
wait_until(sub { $origin->held('/forgotten') >= 1 });
$origin->release('/forgotten');
(undef, @texts) = answers(@clients);
is(scalar(grep { /now$/ } @texts), 5, 'after 5 s requests wait again');
is($origin->count('/forgotten'), 2, 'one of them is sent to the origin');

done_testing();
