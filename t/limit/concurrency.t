# SPDX-License-Identifier: BSD-2-Clause

# gateway_limit_zone concurrency=: exactly as many requests of a key at once, and
# slots are released however a request ends.  The origin is this test, which
# controls when it responds.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use Test::Gateway::Streams;
use Time::HiRes ();

$Test::Gateway::More = 1;

no_root_location();
run_tests();

# a test that waits for a response too many must not hang
$SIG{ALRM} = sub { die "a request has no answer\n" };
alarm 300;

my $origin = IO::Socket::INET->new(Listen => 128, LocalAddr => '127.0.0.1',
                                   ReuseAddr => 1,
                                   LocalPort => my $port = free_port())
    or die "listen: $!";

my $zone = 'gateway_limit_zone $arg_k zone=c:1m concurrency=3;';
my $common = <<"END";
    proxy_http_version 1.1;
    location /hold  { gateway_limit zone=c; proxy_pass http://127.0.0.1:$port; }
    location /quick { gateway_limit zone=c; empty_gif; }
END


# --- a client and an origin that wait

# sends a request without waiting for the response
sub ask {
    my ($server, $path) = @_;

    my $socket = IO::Socket::INET->new('127.0.0.1:' . $server->port)
        or die "connect: $!";
    print $socket "GET $path HTTP/1.1\r\nHost: localhost\r\n"
                  . "Connection: close\r\n\r\n";
    return $socket;
}

# accepts a request at the origin; undef: there was none for some seconds, or the
# client has its response
sub arrived {
    my ($timeout) = @_;

    my $client = ref $timeout ? $timeout : undef;
    my $bits = '';
    vec($bits, fileno $_, 1) = 1 for $origin, $client // ();
    select $bits, undef, undef, $client ? 10 : $timeout // 10;
    return if !vec $bits, fileno $origin, 1;
    my $c = $origin->accept or return;
    my $head = '';
    while ($head !~ /\r\n\r\n/) { sysread $c, $head, 4096, length $head or last }
    return $c;
}

# $n requests that reach the origin and stay there; the slot of a request that has
# just ended may be released a moment later
sub hold {
    my ($server, $path, $n) = @_;

    my @held;
    my $end = Time::HiRes::time() + 10;
    while (@held < ($n // 1)) {
        my $client = ask($server, $path);
        my $there = arrived($client);
        push @held, { client => $client, origin => $there } if $there;
        die 'a request has not arrived: ' . $server->log
            if !$there && Time::HiRes::time() > $end;
    }
    return @held;
}

sub release {
    my ($held, $head) = @_;

    my $there = delete $held->{origin};
    $head //= "HTTP/1.1 200 OK\r\nContent-Length: 2";
    print $there "$head\r\n\r\nok" if $head;
    close $there;
    return answer($held->{client});
}

sub answer {
    my ($client) = @_;
    my $text = CORE::join '', <$client>;
    my ($status) = $text =~ m{^HTTP/1\.1 (\d+)};
    return $status // 0;
}

sub quick { my ($server, $k) = @_; ($server->get('/quick?k=' . ($k // 'a')))[0] }

sub soon { Test::Gateway::Server::wait_until($_[0], 10) }

# exactly this many more pass, and are ended again
sub room {
    my ($server, $n, $name, $path) = @_;

    $path //= '/hold?k=a';
    my @held = hold($server, $path, $n);
    my ($status) = $server->get($path);
    release($_) for @held;
    Test::More::is($status, 429, "$name: $n and not " . ($n + 1));
}


# --- one more than the limit

my $server = start_nginx(http => $zone, server => <<"END");
$common
    location /next { return 200; }
    location /page {
        gateway_limit zone=c; proxy_pass http://127.0.0.1:$port;
        error_page 502 504 /sorry;
    }
    location /sorry { gateway_limit zone=c; empty_gif; }
    location /accel { gateway_limit zone=c; proxy_pass http://127.0.0.1:$port; }
    location /moved { internal; gateway_limit zone=c; empty_gif; }
    location /again { internal; gateway_limit zone=c; proxy_pass http://127.0.0.1:$port; }
    location /slow  { gateway_limit zone=c; limit_rate 1k; proxy_pass http://127.0.0.1:$port; }
    location /patient { gateway_limit zone=c; proxy_ignore_client_abort on;
                        proxy_pass http://127.0.0.1:$port; }
END

sub fresh { start_nginx(http => $zone, server => $common, @_) }

{
    my @held = hold($server, '/hold?k=a', 3);
    my ($status, $head, $body) = $server->get('/hold?k=a');
    Test::More::is($status, 429, 'the fourth at once is rejected');
    Test::More::like($head, qr/^$_\r?$/m, $_)
        for 'Retry-After: 1', 'X-RateLimit-Limit: 3',
            'X-RateLimit-Remaining: 0', 'Content-Type: application/problem\+json';
    Test::More::is($body, '{"type":"https://iana.org/assignments/http-problem-types'
        . '#quota-exceeded","title":"Request cannot be satisfied as assigned '
        . 'quota has been exceeded","status":429,"detail":"too many '
        . 'concurrent requests","reason":"concurrency_exceeded",'
        . '"violated-policies":["c"]}' . "\n", 'with the reason');

    Test::More::is(quick($server, 'b'), 200, 'another key passes');
    Test::More::is(quick($server), 429, 'wherever the key is counted');
    Test::More::is(release(pop @held), 200, 'one of them ends');
    Test::More::is(quick($server), 200, 'and another one passes');
    Test::More::is(quick($server), 200, 'and one after it');
    push @held, hold($server, '/hold?k=a');
    Test::More::is(quick($server), 429, 'until there are three again');
    Test::More::is(CORE::join(' ', map { release($_) } @held), '200 200 200',
                   'all end');
    room($server, 3, 'normal ends');
}


# --- how a request may end

{
    my @held = hold($server, '/hold?k=a', 3);
    close $_->{client} for @held[0, 1];
    Test::More::ok(soon(sub { quick($server) == 200 }),
                   'clients that leave release slots');
    release($held[2]);
    close $_->{origin} for @held[0, 1];
    room($server, 3, 'client aborts');
}

{
    my @held = hold($server, '/patient?k=a', 3);
    close $_->{client} for @held;
    Test::More::is(quick($server), 429, 'proxy_ignore_client_abort: the work '
                                        . 'continues, and counts');
    for (@held) {
        print { $_->{origin} } "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        close $_->{origin};
    }
    Test::More::ok(soon(sub { quick($server) == 200 }), 'until it is done');
    room($server, 3, 'aborts that are ignored');
}

{
    my @held = hold($server, '/hold?k=a', 3);
    Test::More::is(CORE::join(' ', map { release($_, '') } @held), '502 502 502',
                   'an upstream that fails');
    room($server, 3, 'failed upstreams');

    @held = hold($server, '/page?k=a', 3);
    Test::More::is(quick($server), 429, 'with an error page: no slot left');
    Test::More::is(CORE::join(' ', map { release($_, '') } @held), '502 502 502',
                   'the page, in which the zone counts as well, passes');
    room($server, 3, 'error pages');
}

{
    my $accel = sub { "HTTP/1.1 200 OK\r\nX-Accel-Redirect: $_[0]?k=a\r\n"
                      . 'Content-Length: 2' };
    my @held = hold($server, '/accel?k=a', 3);
    Test::More::is(CORE::join(' ', map { release($_, $accel->('/moved')) } @held),
                   '200 200 200', 'X-Accel-Redirect to where the zone counts');
    room($server, 3, 'internal redirects');

    # it is counted once, until the whole request ends
    @held = hold($server, '/accel?k=a', 3);
    for (@held) {
        my $there = $_->{origin};
        print $there $accel->('/again') . "\r\n\r\nok";
        close $there;
        $_->{origin} = arrived();
    }
    Test::More::is(quick($server), 429, 'redirected, and still served: no slot left');
    Test::More::is(CORE::join(' ', map { release($_) } @held), '200 200 200',
                   'all pass');
    room($server, 3, 'redirected');
}

{
    my @held = hold($server, '/slow?k=a', 3);
    for (@held) {
        print { $_->{origin} } "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"
                               . 'x' x 60000;
        close $_->{origin};
        my $c = $_->{client};
        sysread $c, my $some, 100;
        $_->{some} = $some;
    }
    Test::More::is(CORE::join(' ', map { substr $_->{some}, 9, 3 } @held),
                   '200 200 200', 'responses that are being sent slowly');
    Test::More::is(quick($server), 429, 'count until their end');
    close $_->{client} for @held;
    soon(sub { 3 <= (() = $server->log =~ m{client prematurely.*?/slow}g) });
    Test::More::ok(soon(sub { quick($server) == 200 }), 'or until the client leaves');
    room($server, 3, 'slow responses');
}

{
    # keep-alive: the request ends, but not the connection
    my $socket = IO::Socket::INET->new('127.0.0.1:' . $server->port);
    my @said;
    for (1 .. 5) {
        print $socket "GET /quick?k=a HTTP/1.1\r\nHost: a\r\n\r\n";
        my $text = '';
        while ($text !~ /\r\n\r\n.{43}/s) {
            sysread $socket, $text, 4096, length $text or last;
        }
        push @said, $text =~ m{^HTTP/1\.1 (\d+)};
    }
    Test::More::is("@said", '200 200 200 200 200', 'five on one connection');
    room($server, 3, 'with a connection that is kept alive');
    close $socket;
}
$server->stop;


# --- another limit rejects: the slot is released

$server = fresh(http => $zone . ' gateway_limit_zone $arg_k zone=none:1m rate=0r/s;'
                        . ' gateway_limit_zone $arg_k zone=zero:1m concurrency=0;'
                        . ' gateway_limit_zone $arg_k zone=dry:1m concurrency=1'
                        . ' dry_run;'
                        . ' gateway_limit_zone $arg_k zone=early:1m concurrency=2'
                        . ' stage=early;',
                server => <<"END");
$common
    location /rate { gateway_limit zone=c; gateway_limit zone=none; empty_gif; }
    location /zero { gateway_limit zone=zero; empty_gif; }
    location /dry { gateway_limit zone=dry; proxy_pass http://127.0.0.1:$port;
                    add_header X-Is \$gateway_limit_status; }
    location /early { gateway_limit zone=early; proxy_pass http://127.0.0.1:$port; }
    location /closed { gateway_limit zone=early; deny all; }
END

Test::More::is(CORE::join(' ', map { ($server->get('/rate?k=a'))[0] } 1 .. 5),
               '429 429 429 429 429', 'refused by another limit');
room($server, 3, 'beside a refusal');

{
    my ($status, $head) = $server->get('/zero?k=a');
    Test::More::is($status, 429, 'concurrency=0 rejects everything');
    Test::More::unlike($head, qr/Retry-After/, 'with X-RateLimit-Reset 0');
}

{
    my @held = hold($server, '/dry?k=a', 3);
    my @is;
    for (@held) {
        print { $_->{origin} } "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        close $_->{origin};
        my $client = $_->{client};
        push @is, (CORE::join '', <$client>) =~ /^X-Is: (\w+)/m;
    }
    Test::More::is("@is", 'PASSED REJECTED_DRY_RUN REJECTED_DRY_RUN',
                   'dry_run: all pass, and the variable has the result');
}

{
    Test::More::is(CORE::join(' ', map { ($server->get('/closed?k=a'))[0] } 1 .. 5),
                   '403 403 403 403 403', 'an early limit, if access rejects');
    room($server, 2, 'stage=early', '/early?k=a');
}
$server->stop;


# --- many at once

$server = fresh(workers => 4, http => 'gateway_limit_zone $arg_k zone=c:1m '
                                      . 'concurrency=7;');
for my $round (1 .. 5) {
    my @clients = map { ask($server, '/hold?k=a') } 1 .. 24;
    my @there = grep { defined } map { arrived(10) } 1 .. 7;
    my @refused;
    my $bits = '';
    vec($bits, fileno $_, 1) = 1 for @clients;

    # requests with a response were rejected
    my %waiting = map { fileno $_ => $_ } @clients;
    my $end = time + 10;
    while (keys %waiting > 7 && time < $end) {
        select my $ready = $bits, undef, undef, 1;
        for (grep { vec $ready, $_, 1 } keys %waiting) {
            push @refused, answer(delete $waiting{$_});
            vec($bits, $_, 1) = 0;
        }
    }
    my $more = arrived(0.05);
    Test::More::is(CORE::join(' ', scalar @there, scalar(grep { $_ == 429 } @refused),
                              $more ? 'and more' : 'no more'), '7 17 no more',
                   "of 24 at once 7 are served, round $round");
    for (@there) {
        print $_ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        close $_;
    }
    Test::More::is(CORE::join(' ', map { answer($_) } values %waiting),
                   CORE::join(' ', (200) x 7), 'which get responses');
}
room($server, 7, 'after all of them');
$server->stop;


# --- a worker that is killed

$server = fresh(workers => 2, http => 'gateway_limit_zone $arg_k zone=c:1m '
                                      . 'concurrency=8;');
$server->allow(qr/exited on signal 9/);
my $killed = 0;
for my $round (1 .. 3) {
    my @held = hold($server, '/hold?k=a', 8);
    Test::More::is(quick($server), 429, "round $round: eight are served");
    my @workers = $server->workers;
    kill 'KILL', $workers[$round % 2];

    # clients of the killed worker have lost their connections
    soon(sub { !Test::Gateway::Server::alive($workers[$round % 2]) });
    my (@lost, @left);
    for (@held) {
        my $bits = '';
        vec($bits, fileno $_->{client}, 1) = 1;
        push @{ select($bits, undef, undef, 0.05) ? \@lost : \@left }, $_;
    }
    $killed += @lost;
    Test::More::note(@lost . ' are lost with their worker');

    my $room = sub {
        my @new;
        while (@new < @lost) {
            my $client = ask($server, '/hold?k=a');
            my $there = arrived(0.3);
            if (!$there) { answer($client); last }
            push @new, { client => $client, origin => $there };
        }
        my $full = @new == @lost && quick($server) == 429;
        release($_) for @new;
        return $full;
    };
    Test::More::ok(soon($room), 'their slots are released, and no others');
    Test::More::is(CORE::join(' ', map { release($_) } @left),
                   CORE::join(' ', (200) x @left), 'the others get responses');
    room($server, 8, "round $round");
}
Test::More::cmp_ok($killed, '>', 0, "$killed were served by workers that were killed");

# all workers, ten times
for (1 .. 10) {
    my @held = hold($server, '/hold?k=a', 5);
    my @workers = $server->workers;
    kill 'KILL', @workers;
    soon(sub { !grep { Test::Gateway::Server::alive($_) } @workers });
    soon(sub { 2 == $server->workers });
}
Test::More::ok(soon(sub { quick($server) == 200 }), 'all killed, ten times');
room($server, 8, 'after that');
$server->stop;


# --- reloads

$server = fresh(workers => 2);
my $conf = Test::Gateway::Server::slurp($server->dir . '/nginx.conf')
           =~ s/\A(?:(?:error_log|pid).*\n)*//r;
{
    my @held = hold($server, '/hold?k=a', 3);
    my @old = $server->workers;
    my $begun = sub {
        soon(sub { my %o = map { $_ => 1 } @old;
                   2 == grep { !$o{$_} } $server->workers });
        # the old ones no longer listen
        soon(sub { (() = $server->log =~ /gracefully shutting down/g) >= 2 });
    };

    $server->reload($conf, wait => 0);
    $begun->();
    Test::More::is(quick($server), 429, 'after a reload the old requests count');
    release(pop @held);
    Test::More::is(quick($server), 200, 'until they end');
    Test::More::is(CORE::join(' ', map { release($_) } @held), '200 200',
                   'which they do in the old workers');
    soon(sub { 2 == $server->workers });
    room($server, 3, 'after a reload');

    @held = hold($server, '/hold?k=a', 3);
    $server->reload($conf =~ s/concurrency=3/concurrency=5/r, wait => 0);
    soon(sub { (() = $server->log =~ /gracefully shutting down/g) >= 4 });
    Test::More::ok(soon(sub { quick($server) == 200 }), 'concurrency=5 by a reload');
    my @more = hold($server, '/hold?k=a', 2);
    Test::More::is(quick($server), 429, 'applies at once, with earlier requests');
    release($_) for @held, @more;
    soon(sub { 2 == $server->workers });
    room($server, 5, 'afterwards');
}

# an old worker that is killed while it drains: no worker replaces it

{
    my @held = hold($server, '/hold?k=a', 5);
    my @old = $server->workers;
    $server->reload(undef, wait => 0);
    soon(sub { my %o = map { $_ => 1 } @old;
               2 == grep { !$o{$_} } $server->workers });
    soon(sub { (() = $server->log =~ /gracefully shutting down/g) >= 6 });
    Test::More::is(quick($server), 429, 'an old worker drains: no slot left');
    $server->allow(qr/exited on signal 9/);
    kill 'KILL', @old;
    Test::More::ok(soon(sub { quick($server) == 200 }),
                   'it is killed: its slots are released');
    room($server, 5, 'after that');
}

# and its pid now belongs to another process

SKIP: {
    my @held = hold($server, '/hold?k=a', 5);
    my @old = $server->workers;
    $server->reload(undef, wait => 0);
    soon(sub { (() = $server->log =~ /gracefully shutting down/g) >= 8 });
    kill 'KILL', @old;
    my @heirs = map { Test::Gateway::Server::successor($_) } @old;
    if (@heirs != @old) {
        kill 'KILL', @heirs;
        waitpid $_, 0 for @heirs;
        skip('the pid is not available', 2);
    }
    Test::More::ok(soon(sub { quick($server) == 200 }),
                   'killed, and its pid is given to another process: '
                   . 'its slots are released');
    room($server, 5, 'after that, too');
    kill 'KILL', @heirs;
    waitpid $_, 0 for @heirs;
}
$server->stop;


# --- more requests than the zone has slots for: 1354 in 64k.  They are streams
# without a flow-control window, which the test ends.

my $slots = 1354;
my $streams_port = free_port();
my $listen = Test::Gateway::Server::nginx_before(1, 25, 1)
             ? "listen 127.0.0.1:$streams_port http2;"
             : "listen 127.0.0.1:$streams_port; http2 on;";

sub many {
    my ($http, %arg) = @_;
    my $server = <<"END";
$listen
http2_max_concurrent_streams 4096;
keepalive_requests 100000;
add_header X-Is "\$gateway_limit_status \$gateway_limit_source \$gateway_limit_retry_after" always;
location /one { gateway_limit zone=c; empty_gif; }
location /other { gateway_limit zone=c; gateway_limit_status 503; empty_gif; }
location /rate { gateway_limit zone=r; gateway_limit zone=c; empty_gif; }
location /behind { gateway_limit zone=c; gateway_limit zone=d; empty_gif; }
location /dry { gateway_limit zone=c dry_run; empty_gif; }
location /early { gateway_limit zone=early; empty_gif; }
location /free { empty_gif; }
END
    return start_nginx(http => <<"END", server => $server, workers => 1, %arg);
        $http
        gateway_limit_zone \$arg_k zone=r:64k rate=5r/d algorithm=fixed_window;
        gateway_limit_zone \$arg_k zone=d:64k concurrency=1;
        gateway_limit_zone \$arg_k zone=early:64k concurrency=20 stage=early;
END
}

# streams of keys with ten each; all have a response that is not complete
sub fill {
    my ($h2, $n, $path, $keys) = @_;

    my @streams = map { my $k = $keys ? $keys->[$_ % @$keys] : int $_ / 10;
                        $h2->request('GET', "$path?k=$k") } 0 .. $n - 1;
    $h2->wait(sub { $n == grep { $h2->status($_) } @streams }, 60)
        or die "a stream has no answer: " . $server->log;
    return @streams;
}

sub statuses {
    my ($h2, @streams) = @_;
    my %n;
    $n{$h2->status($_)}++ for @streams;
    return CORE::join ' ', map { "$_:$n{$_}" } sort keys %n;
}

sub one {
    my ($path) = @_;
    return ($server->get($path))[0];
}

my $c = 'gateway_limit_zone $arg_k zone=c:64k concurrency=20;';

$server = many($c);
{
    my $h2 = Test::Gateway::Streams->new($streams_port);
    my @streams = fill($h2, $slots, '/one');
    Test::More::is(statuses($h2, @streams), "200:$slots", 'as many as there are slots');

    my @more = fill($h2, 125, '/one', [ 'new' ]);
    Test::More::is(statuses($h2, @more), '429:125', 'no further one of a new key');
    @more = fill($h2, 125, '/one', [ 0 .. 99 ]);
    Test::More::is(statuses($h2, @more), '429:125', 'nor of known keys');

    my ($status, $head, $body) = $server->get('/one?k=0');
    Test::More::is($status, 429, 'a request too many');
    Test::More::like($head, qr/^$_\r?$/m, "    $_")
        for 'Retry-After: 1', 'Content-Type: application/problem\+json',
            'X-Is: REJECTED shm 1';
    Test::More::unlike($head, qr/^X-RateLimit/m, '    without limit header fields');
    Test::More::is($body, '{"type":"about:blank","title":"Too Many Requests",'
        . '"status":429,"detail":"the rate limit service is '
        . 'unavailable","reason":"limit_unavailable"}' . "\n", '    with the reason');
    Test::More::is(one('/other?k=0'), 503, 'by gateway_limit_status');
    Test::More::is(one('/free'), 200, 'a location without limits');

    # another limit is charged for requests that pass only
    Test::More::is(one('/rate?k=a'), 429, 'beside another limit') for 1 .. 9;
    Test::More::is(one('/behind?k=a'), 429, 'before another limit');

    ($status, $head) = $server->get('/dry?k=0');
    Test::More::is($status, 200, 'dry_run: passes');
    Test::More::like($head, qr/^X-Is: REJECTED_DRY_RUN shm 1\r?$/m, 'and has the status');
    Test::More::like($server->log, qr/would be refused by zone "c", reason "limit_unavailable", dry run/,
                     'in the log, too');
    Test::More::is(one('/early?k=a'), 200, 'another zone');

    # the first request after one has ended passes, in the same second
    my (@first, @second);
    for (1 .. 50) {
        $h2->reset(shift @streams);
        my @two = (fill($h2, 1, '/one', [ "n$_" ]), fill($h2, 1, '/one', [ "m$_" ]));
        push @first, $two[0];
        push @second, $two[1];
    }
    Test::More::is(statuses($h2, @first) . ' ' . statuses($h2, @second), '200:50 429:50',
                   'fifty times one ends: one passes, and not two');
    $h2->open_window(@first);
    $h2->wait(sub { @first == grep { $h2->ended($_) } @first });
    Test::More::is(one('/rate?k=a'), 200, 'not charged for rejected requests') for 1 .. 5;
    Test::More::is(one('/rate?k=a'), 429, 'but for admitted ones');

    my @lines = $server->log =~ /^.*memory for.*$/mg;
    Test::More::is(scalar @lines, 1, 'one line in the log');
    Test::More::like($lines[0], qr/\[error\].*gateway_limit_zone: zone "c" has memory for 1354 concurrent requests, all in use, refusing more; increase its size of 65536 bytes$/,
                     'says so');

    # a key at its limit is rejected by the limit itself
    my @own = fill($h2, 20, '/one', [ 'own' ]);
    ($status, $head, $body) = $server->get('/one?k=own');
    Test::More::is(statuses($h2, @own), '200:20', 'twenty of one key');
    Test::More::like($body, qr/"concurrency_exceeded","violated-policies":\["c"\]/,
                     'reach its limit');

    # all end, and all slots are free again
    $h2->close;
    my $again = Test::Gateway::Streams->new($streams_port);
    Test::More::ok(soon(sub {
        my @all = fill($again, $slots, '/one');
        my $said = statuses($again, @all);
        $again->reset(@all) if $said ne "200:$slots";
        $said eq "200:$slots";
    }), 'a client that leaves releases all of them');
    Test::More::is(one('/behind?k=a'), 429, 'and there are no more');
    Test::More::is(one('/one?k=a'), 429, 'likewise');
    $again->close;
    Test::More::ok(soon(sub { one('/behind?k=a') == 200 }),
                   'a further limit was not held');
    Test::More::is(one('/behind?k=a'), 200, 'nor is it now');
}
$server->stop;

# dry_run alone: nothing is rejected, and a request without a slot holds none

$server = many('gateway_limit_zone $arg_k zone=c:64k concurrency=20 dry_run;');
{
    my $h2 = Test::Gateway::Streams->new($streams_port);
    my @streams = fill($h2, $slots + 40, '/one');
    Test::More::is(statuses($h2, @streams), '200:' . ($slots + 40),
                   'dry_run: more than there are slots');
    Test::More::like($server->log, qr/memory for 1354 concurrent requests, all in use, not counting more;/,
                     'is logged');
    $h2->close;
    my $held = Test::Gateway::Streams->new($streams_port);
    Test::More::ok(soon(sub {
        my @all = fill($held, 20, '/one', [ 'k' ]);
        $held->reset(@all);
        my $is = ($server->get('/one?k=k'))[1];
        $is =~ /^X-Is: PASSED/m;
    }), 'and holds no slot afterwards');
    $held->close;
}
$server->stop;

# early limits, with a status that access modules use as well

$server = many('gateway_limit_zone $arg_k zone=c:64k concurrency=20 stage=early;'
               . ' gateway_limit_status 403;');
{
    my $h2 = Test::Gateway::Streams->new($streams_port);
    my @streams = fill($h2, $slots + 5, '/one');
    Test::More::is(statuses($h2, @streams), "200:$slots 403:5", 'stage=early');
    $h2->close;
}
$server->stop;

# a killed worker holds all slots; the worker that replaces it releases them

$server = many($c, workers => 2);
$server->allow(qr/exited on signal 9/);
for my $round (1 .. 3) {
    my @h2 = map { Test::Gateway::Streams->new($streams_port) } 1 .. 4;
    my @streams = map { my $i = $_; [ fill($h2[$i], 338, '/one', [ map { "$i-$_" } 1 .. 34 ]) ] }
                  0 .. $#h2;
    my $passed = 0;
    for my $i (0 .. $#h2) {
        $passed += grep { $h2[$i]->status($_) eq '200' } @{ $streams[$i] };
    }
    my @rest = fill($h2[0], 10, '/one', [ 'rest' ]);
    Test::More::is($passed . ' ' . statuses($h2[0], @rest), '1352 200:2 429:8',
                   "round $round: two workers have all slots");

    my @workers = $server->workers;
    kill 'KILL', $workers[$round % 2];
    soon(sub { !Test::Gateway::Server::alive($workers[$round % 2]) });

    # slots of the other worker are still in use
    my (@gone, @left);
    for my $i (0 .. $#h2) {
        $h2[$i]->wait(sub { 0 }, 0.05);
        push @{ $h2[$i]->dead ? \@gone : \@left }, $i;
    }
    my $lost = 338 * @gone + 2 * grep { $_ == 0 } @gone;
    my $new = Test::Gateway::Streams->new($streams_port);
    my $n = 0;
    soon(sub {
        while ($n < $lost) {
            my $got = grep { $new->status($_) eq '200' } fill($new, 10, '/one', [ "n$n" ]);
            $n += $got;
            last if $got < 10;
        }
        return $n >= $lost;
    });
    $n += grep { $new->status($_) eq '200' } fill($new, 20, '/one', [ 'm1', 'm2' ]);
    Test::More::is($n, $lost, "the $lost of a killed worker are released, and no others");
    $_->close for $new, map { $h2[$_] } @left;

    # a connection is closed after its streams
    soon(sub { Test::Gateway::Server::connections($streams_port) == 0 });
}
$server->stop;

# a reload with another size: new memory with new slots

$server = many($c, workers => 1);
{
    my $h2 = Test::Gateway::Streams->new($streams_port);
    my @streams = fill($h2, $slots + 1, '/one');
    Test::More::is(statuses($h2, @streams), "200:$slots 429:1", 'before a reload: no slot left');

    my $conf = Test::Gateway::Server::slurp($server->dir . '/nginx.conf')
               =~ s/\A(?:(?:error_log|pid).*\n)*//r;
    $server->reload($conf =~ s/zone=c:64k/zone=c:128k/r, wait => 0);
    my $new;
    soon(sub { (() = $server->log =~ /gracefully shutting down/g) >= 1 });
    soon(sub { one('/one?k=0') == 200 });
    $new = Test::Gateway::Streams->new($streams_port);
    my @new = fill($new, 2714, '/one');
    Test::More::is(statuses($new, @new), '200:2712 429:2', 'a larger zone: all of its slots');
    $h2->reset($streams[0]);
    Test::More::is(one('/one?k=new'), 429, 'a request of the old memory ends: no effect');
    $new->reset($new[0]);
    $new->close;
    $h2->close;
    soon(sub { 1 == $server->workers });
    Test::More::is(one('/one?k=0'), 200, 'without an error');
}
$server->stop;

alarm 0;
done_testing();

__DATA__

=== TEST 1: requests one after the other are never more than one
--- http_config
gateway_limit_zone $arg_k zone=c:1m concurrency=1;
--- config
add_header X-Is "$gateway_limit_status $gateway_limit_remaining" always;
location /c { gateway_limit zone=c; empty_gif; }
--- request eval: [ ('GET /c?k=1') x 6 ]
--- error_code eval: [ (200) x 6 ]
--- response_headers eval: [ ("X-Is: PASSED 0\nX-RateLimit-Limit: 1") x 6 ]



=== TEST 2: pipelined: each ends before the next one begins
--- http_config
gateway_limit_zone $arg_k zone=c:1m concurrency=1;
--- config
location /c { gateway_limit zone=c; empty_gif; }
--- pipelined_requests eval: [ ('GET /c?k=1') x 4 ]
--- error_code eval: [ (200) x 4 ]



=== TEST 3: ietf: the unit is concurrent requests
--- http_config
gateway_limit_headers ietf;
gateway_limit_zone $arg_k zone=c:1m concurrency=2;
--- config
location /c { gateway_limit zone=c; empty_gif; }
--- request
GET /c?k=1
--- response_headers
RateLimit-Policy: "c";q=2;qu="concurrent-requests"
RateLimit: "c";r=1
!X-RateLimit-Limit
