# SPDX-License-Identifier: BSD-2-Clause

# gateway_limit burst=, nodelay and delay= beside limit_req with the same
# parameters: as many requests pass, with the same delays.  Also what can happen to
# a delayed request: the client leaves, a body, another limit.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use Time::HiRes ();

$Test::Gateway::More = 1;

no_root_location();
run_tests();

# one request every quarter of a second
my %limit = (
    plain   => 'burst=3',
    nodelay => 'burst=3 nodelay',
    delay   => 'burst=4 delay=2',
    most    => 'burst=3 delay=3',
    none    => 'burst=0',
    zero    => 'burst=3 delay=0',
);
# the delays in steps of a quarter of a second; the others are rejected
my %waits = (
    plain => [ 0, 1, 2, 3 ], nodelay => [ 0, 0, 0, 0 ], delay => [ 0, 0, 0, 1, 2 ],
    most => [ 0, 0, 0, 0 ], none => [ 0 ], zero => [ 0, 1, 2, 3 ],
);

# limit_req does not accept 0
my %core = map { $_ => $limit{$_} =~ s/ ?(?:burst|delay)=0//gr } keys %limit;

my $port = free_port();
my $server = start_nginx(
    http => <<"ORIGIN" . <<'END' . CORE::join('', map { <<"ZONE" } sort keys %limit),
    log_format origin '\$request_uri \$content_length';
    server {
        listen 127.0.0.1:$port;
        access_log logs/origin.log origin;
        location / { return 200 ok; }
    }
ORIGIN
    limit_req_status 429;
    limit_req_log_level info;
    gateway_limit_zone $arg_k zone=early:1m rate=4r/s stage=early;
    gateway_limit_zone $arg_k zone=slow:1m rate=2r/s;
    gateway_limit_zone $arg_k zone=fast:1m rate=10r/s;
    gateway_limit_zone $arg_k zone=never:1m rate=0r/d;
    gateway_limit_zone $arg_k zone=big:1m rate=1r/d burst=9;
    gateway_limit_zone $arg_k zone=second:1m rate=1r/s;
END
    limit_req_zone \$arg_k zone=$_:1m rate=4r/s;
    gateway_limit_zone \$arg_k zone=$_:1m rate=4r/s;
ZONE
    server => <<"END" . CORE::join '', map { <<"ZONE" } sort keys %limit);
    add_header X-Core \$limit_req_status always;
    add_header X-Ours \$gateway_limit_status always;
    location /early { gateway_limit zone=early burst=3; empty_gif; }
    location /both { gateway_limit zone=fast burst=3; gateway_limit zone=slow burst=3;
                     empty_gif; }
    location /refused { gateway_limit zone=slow burst=3; gateway_limit zone=never;
                        empty_gif; }
    location /slow { gateway_limit zone=slow burst=3 nodelay; empty_gif; }
    location /dry { gateway_limit zone=slow burst=2 dry_run; empty_gif; }
    location /zone { gateway_limit zone=big; empty_gif; }
    location /late { gateway_limit zone=second burst=5; empty_gif; }
    location /proxy { gateway_limit zone=second burst=5;
                      proxy_pass http://127.0.0.1:$port; }
    location /gate { gateway_limit zone=second burst=5; auth_request /auth; empty_gif; }
    location = /auth { return 204; }
END
    location /core/$_ { limit_req zone=$_ $core{$_}; empty_gif; }
    location /ours/$_ { gateway_limit zone=$_ $limit{$_}; empty_gif; }
ZONE

# $n requests at once: for each its status, the variable, and the time it took.
# They are sent in less than a tenth of a second, so that no unit comes back
# meanwhile; if that fails, again with another key.

sub at_once {
    my ($path, $n, $field) = @_;

    state $k = 0;
    for (1 .. 20) {
        $k++;
        my @sockets = map { IO::Socket::INET->new('127.0.0.1:' . $server->port)
                            or die "connect: $!" } 1 .. $n;
        my $start = Time::HiRes::time();
        syswrite $_, "GET $path?k=$k HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            for @sockets;
        my $sent = Time::HiRes::time() - $start;

        my (@said, %open);
        $open{ fileno $_ } = $_ for @sockets;
        while (%open) {
            my $bits = '';
            vec($bits, $_, 1) = 1 for keys %open;
            select $bits, undef, undef, 10 or die "$path: no answer";
            for (grep { vec $bits, $_, 1 } keys %open) {
                my $took = Time::HiRes::time() - $start;
                my $text = CORE::join '', readline delete $open{$_};
                my ($status) = $text =~ m{^HTTP/1\.1 (\d+)};
                my ($is) = $text =~ /^$field: (\w+)/m;
                push @said, [ $status, $is // '', $took ];
            }
        }
        next if $sent > 0.1;
        @said = sort { $a->[0] <=> $b->[0] || $a->[2] <=> $b->[2] } @said;
        return ($k, @said);
    }
    die 'this machine is too slow';
}

# at least this long, except for rounding, and at most what a busy machine adds
sub waited {
    my ($said, $step, $steps) = @_;
    return CORE::join ' ', map {
        my $want = $step * ($steps->[$_] // 0);
        my $took = $said->[$_][2];
        $took < $want - 0.02 - ($want && 0.1) ? "$took is less than $want"
        : $took > $want + 0.6 ? "$took is more than $want" : 'well'
    } 0 .. $#$said;
}

for my $name (sort keys %limit) {
    my @steps = @{ $waits{$name} };
    my (%passed, %status);

    for my $who (qw( core ours )) {
        my ($k, @said) = at_once("/$who/$name", 8, $who eq 'core' ? 'X-Core' : 'X-Ours');
        my @good = grep { $_->[0] == 200 } @said;
        $passed{$who} = @good;
        $status{$who} = CORE::join ' ', map { $_->[1] } @said;

        Test::More::is(scalar @good, scalar @steps, "$who $limit{$name}: of eight pass");
        Test::More::is(waited(\@good, 0.25, \@steps), CORE::join(' ', ('well') x @good),
                       "$who $limit{$name}: those that wait, wait so long");
        Test::More::is(waited([ grep { $_->[0] == 429 } @said ], 0, []),
                       CORE::join(' ', ('well') x (8 - @good)),
                       "$who $limit{$name}: the others are refused at once");
    }
    Test::More::is($passed{ours}, $passed{core}, "$limit{$name}: as many as limit_req");
    Test::More::is($status{ours}, $status{core}, "$limit{$name}: with the same status");
}


# --- without burst, the burst of the zone applies, and no request is delayed

{
    my ($k, @said) = at_once('/zone', 12, 'X-Ours');
    Test::More::is(CORE::join(' ', map { $_->[0] } @said),
                   CORE::join(' ', (200) x 10, 429, 429), "the zone's burst");
    Test::More::is(waited(\@said, 0, []), CORE::join(' ', ('well') x 12),
                   'and none is delayed');
    Test::More::is(CORE::join(' ', map { $_->[1] } @said),
                   CORE::join(' ', ('PASSED') x 10, ('REJECTED') x 2), 'as it says');
}


# --- early, and several

{
    my ($k, @said) = at_once('/early', 6, 'X-Ours');
    my @good = grep { $_->[0] == 200 } @said;
    Test::More::is(scalar @good, 4, 'stage=early: four of six');
    Test::More::is(waited(\@good, 0.25, [ 0 .. 3 ]), 'well well well well',
                   'stage=early: they wait');
    Test::More::is(CORE::join(' ', map { $_->[1] } @said),
                   'PASSED DELAYED DELAYED DELAYED REJECTED REJECTED', 'as it says');

    ($k, @said) = at_once('/both', 3, 'X-Ours');
    # of two workers each may be the first in one of the zones, as in limit_req
    Test::More::like(CORE::join(' ', map { "$_->[0] $_->[1]" } @said),
                     qr/^200 (?:PASSED|DELAYED) 200 DELAYED 200 DELAYED\z/,
                     'two limits delay');
    Test::More::is(waited(\@said, 0.5, [ 0 .. 2 ]), 'well well well',
                   'the longer delay counts') if $said[0][1] eq 'PASSED';
}


# --- a rejection by another limit: at once, and charges are refunded

{
    my ($k, @said) = at_once('/refused', 5, 'X-Ours');
    Test::More::is(CORE::join(' ', map { "$_->[0] $_->[1]" } @said),
                   CORE::join(' ', ('429 REJECTED') x 5), 'another limit refuses');
    Test::More::is(waited(\@said, 0, []), 'well well well well well', 'none is delayed');
    Test::More::is(($server->get("/slow?k=$k"))[0], 200, 'nothing was charged')
        for 1 .. 4;
}


# --- dry_run

{
    my ($k, @said) = at_once('/dry', 5, 'X-Ours');
    Test::More::is(CORE::join(' ', sort map { "$_->[0] $_->[1]" } @said),
                   '200 DELAYED_DRY_RUN 200 DELAYED_DRY_RUN 200 PASSED '
                   . '200 REJECTED_DRY_RUN 200 REJECTED_DRY_RUN', 'dry_run');
    Test::More::is(waited(\@said, 0, []), 'well well well well well', 'none is delayed');
}


# --- events during a delay

sub ask {
    my ($request) = @_;
    my $socket = IO::Socket::INET->new('127.0.0.1:' . $server->port)
        or die "connect: $!";
    syswrite $socket, $request;
    return $socket;
}

sub delayed { scalar(() = $server->log =~ /gateway_limit: delayed by \d+ms/g) }
sub origin { Test::Gateway::Server::slurp($server->dir . '/logs/origin.log') }
sub soon { Test::Gateway::Server::wait_until($_[0], 10) }

{
    Test::More::is(($server->get('/proxy?k=a'))[0], 200, 'one passes');
    my $before = delayed();
    my $socket = ask("GET /proxy?k=a&gone HTTP/1.1\r\nHost: a\r\n\r\n");
    Test::More::ok(soon(sub { delayed() > $before }), 'one waits');
    close $socket;
    Test::More::ok(soon(sub { $server->log =~ /client prematurely closed/ }),
                   'its client leaves, which nginx detects');
    my ($status) = $server->get('/proxy?k=a&left');
    Test::More::is($status, 200, 'the next request waits');
    soon(sub { origin() =~ /left/ });
    Test::More::is(CORE::join(' ', origin() =~ /^(\S+)/mg), '/proxy?k=a /proxy?k=a&left',
                   'and does not reach the origin');
}

{
    $server->get('/proxy?k=b');
    my $body = 'x' x 20000;
    my $before = delayed();
    my $socket = ask("POST /proxy?k=b HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n"
                     . substr $body, 0, 5000);
    Test::More::ok(soon(sub { delayed() > $before }), 'a POST waits');
    syswrite $socket, substr($body, 5000)
                      . "GET /core/plain?k=b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    my $text = CORE::join '', <$socket>;
    Test::More::is(CORE::join(' ', $text =~ m{HTTP/1\.1 (\d+) }g), '200 200',
                   'and is served, as is the next request');
    Test::More::ok(soon(sub { origin() =~ m{^/proxy\?k=b 20000$}m }),
                   'the origin gets its body');
}

{
    $server->get('/gate?k=c');
    my $before = delayed();
    my $socket = ask("GET /gate?k=c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    Test::More::like(CORE::join('', <$socket>), qr{^HTTP/1\.1 200 .*^X-Ours: DELAYED}ms,
                     'with auth_request');
    Test::More::is(delayed(), $before + 1, 'it waits once');
}

$server->stop;
Test::More::done_testing();

__DATA__

=== TEST 1: a delay that ends at once: the request continues
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1000r/s;
--- config
location /t { gateway_limit zone=z burst=100; empty_gif; }
--- request eval: [ ('GET /t?k=1') x 8 ]
--- error_code eval: [ (200) x 8 ]
