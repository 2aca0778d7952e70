# SPDX-License-Identifier: BSD-2-Clause

# Reloads: a new rate applies at once to units already counted, another algorithm
# or size starts again, and nothing is lost or counted twice.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use POSIX ();

$Test::Gateway::More = 1;

no_root_location();
run_tests();

my $port = free_port();

# zones: name => parameters; a location for each
sub conf {
    my (%zone) = @_;

    return http_conf(
        port => $port, workers => 2,
        http => CORE::join('', map { "gateway_limit_zone \$arg_k zone=$_:1m "
                                     . "$zone{$_};\n" } sort keys %zone),
        server => CORE::join('', map { "location = /$_ { gateway_limit zone=$_; "
                                       . "empty_gif; }\n" } sort keys %zone));
}

my $server;
sub begin { $server = start_nginx(conf => conf(@_), port => $port) }
sub again { $server->reload(conf(@_)) or die "the old workers stay: " . $server->log }

# the number of $n requests that pass
sub passing {
    my ($zone, $n, $k) = @_;
    $k //= 'a';
    return scalar grep { $_ == 200 } map { ($server->get("/$zone?k=$k"))[0] } 1 .. $n;
}


# --- limit values

begin(g => 'rate=1r/d burst=4', f => 'rate=5r/d algorithm=fixed_window',
      s => 'rate=5r/d algorithm=sliding_window', q => 'quota=5/month',
      c => 'concurrency=0', dry => 'rate=1r/d');
is(passing($_, 3), 3, "$_: three of five") for qw( g f s q );
is(passing('c', 2), 0, 'concurrency=0');
is(passing('dry', 3), 1, 'no dry_run');

again(g => 'rate=1r/d burst=9', f => 'rate=10r/d algorithm=fixed_window',
      s => 'rate=10r/d algorithm=sliding_window', q => 'quota=10/month',
      c => 'concurrency=1', dry => 'rate=1r/d dry_run');
is(passing($_, 12), 7, "$_: ten of which three are used") for qw( g f s q );
is(passing('c', 3), 3, 'concurrency=1');
is(passing('dry', 3), 3, 'dry_run');

again(g => 'rate=1r/d burst=4', f => 'rate=5r/d algorithm=fixed_window',
      s => 'rate=5r/d algorithm=sliding_window', q => 'quota=5/month',
      c => 'concurrency=0', dry => 'rate=1r/d');
is(passing($_, 3), 0, "$_: five of which ten are used") for qw( g f s q );
is(passing('c', 2), 0, 'concurrency=0 again');
is(passing('dry', 2), 0, 'no dry_run again');

again(g => 'rate=1r/d burst=11', f => 'rate=12r/d algorithm=fixed_window',
      s => 'rate=12r/d algorithm=sliding_window', q => 'quota=12/month');
is(passing($_, 4), 2, "$_: rejected requests were not charged") for qw( g f s q );


# --- another rate of GCRA: the state is a time, which is kept

again(g => 'rate=2r/d burst=30', q => 'quota=12/month');
is(passing('g', 12), 7, 'twice the rate: twelve days are 24 of 31');
again(g => 'rate=1r/h burst=5', q => 'quota=12/day');
is(passing('g', 3), 0, 'a higher rate: a debt is still one');
# up to twice the time of an idle key: six hours of twelve for one unit
my ($wait) = ($server->get('/g?k=a'))[1] =~ /^Retry-After: (\d+)/m;
cmp_ok($wait, '<=', 7 * 3600, 'but limited by the new rate');
cmp_ok($wait, '>', 6 * 3600, '    and not less');
is(passing('q', 13), 12, 'a quota of another unit is another count');
again(g => 'rate=0r/d', q => 'quota=12/month');
is(passing('g', 3), 0, 'rate=0');
is(passing('g', 3, 'b'), 0, 'rate=0 for a new key');
again(g => 'rate=1r/d burst=2');
is(passing('g', 5, 'b'), 3, 'and a rate again');


# --- another algorithm, another size, another zone

again(g => 'rate=3r/d algorithm=fixed_window');
is(passing('g', 5, 'b'), 3, 'another algorithm starts again');
again(g => 'rate=3r/d algorithm=sliding_window');
is(passing('g', 5, 'b'), 3, 'and another one');
again(g => 'quota=3/month');
is(passing('g', 5, 'b'), 3, 'a quota');
again(g => 'concurrency=1');
is(passing('g', 3, 'b'), 3, 'concurrency');
again(g => 'rate=1r/d burst=2');
is(passing('g', 5, 'b'), 3, 'GCRA');
again(g => 'rate=1r/d burst=2');
is(passing('g', 5, 'b'), 0, 'the same again');

$server->reload(conf(g => 'rate=1r/d burst=2') =~ s/zone=g:1m/zone=g:2m/r);
is(passing('g', 5, 'b'), 3, 'another size starts again');
$server->reload(conf(g => 'rate=1r/d burst=2') =~ s/zone=g:1m/zone=g:2m/r);
is(passing('g', 5, 'b'), 0, 'the same size does not');

again(other => 'rate=1r/d burst=2');
is(passing('other', 5, 'b'), 3, 'another name');
is(($server->get('/g?k=b'))[0], 404, 'the location is gone');
again(other => 'rate=1r/d burst=2', g => 'rate=1r/d burst=2');
is(passing('other', 5, 'b'), 0, 'a zone that stays');
is(passing('g', 5, 'b'), 3, 'a zone that was removed and added');

# a reload that fails changes nothing

$server->allow('unknown zone "none"');
$server->reload(conf(other => 'rate=1r/d burst=5', g => 'rate=1r/d burst=5')
                =~ s/gateway_limit zone=g;/gateway_limit zone=none;/r, wait => 0);
Test::Gateway::Server::wait_until(sub { $server->log =~ /\[emerg\]/ }, 10);
is(passing('other', 3, 'b') . passing('g', 3, 'b'), '00', 'a reload that fails');

# http {} is removed and added

$server->reload(qq{load_module "$ENV{GATEWAY_MODULE}";\nevents { }\n});
again(g => 'rate=1r/d burst=2');
is(passing('g', 5, 'b'), 3, 'http {} went and came');
is(CORE::join('', grep { /\[(?:warn|error|crit|alert|emerg)\]/
                         && !/unknown zone "none"| open\(\) ".*?" failed/ }
                  split /^/, $server->log), '', 'nothing above notice');
$server->stop;


# --- twenty reloads under requests: exact counts

{
    my %zone = (g => 'rate=1r/d burst=399', f => 'rate=400r/d algorithm=fixed_window',
                s => 'rate=400r/d algorithm=sliding_window', q => 'quota=400/month');
    begin(%zone);

    pipe my $until, my $end or die "pipe: $!";
    my @clients;
    for my $zone (sort keys %zone) {
        pipe my $in, my $out or die "pipe: $!";
        defined(my $pid = fork) or die "fork: $!";
        if (!$pid) {
            close $end;
            my ($bits, %n) = ('');
            vec($bits, fileno $until, 1) = 1;
            $n{ ($server->get("/$zone?k=a"))[0] }++
                while !select my $ready = $bits, undef, undef, 0.005;
            syswrite $out, json(\%n);
            POSIX::_exit(0);
        }
        close $out;
        push @clients, [ $zone, $pid, $in ];
    }

    my $reloads = grep { $server->reload } 1 .. 20;
    close $end;
    is($reloads, 20, 'twenty complete reloads');

    for (@clients) {
        my ($zone, $pid, $in) = @$_;
        my $n = JSON::PP::decode_json(CORE::join '', <$in>);
        waitpid $pid, 0;
        my $before = $n->{200} // 0;
        delete @$n{200, 429};
        is(json($n), '{}', "$zone: every request got a response");
        Test::More::cmp_ok($before, '>=', 20, "$zone: $before passed meanwhile");
        is($before + passing($zone, 402 - $before), 400, "$zone: 400 pass, not 401");
    }
    $server->stop;
}


# --- a delayed request

{
    # two seconds, so that the reload ends first: the old worker waits
    my $delayed = conf(g => 'rate=30r/m')
                  =~ s/gateway_limit zone=g;/gateway_limit zone=g burst=1;/r;
    $server = start_nginx(conf => $delayed, port => $port);
    is(passing('g', 1), 1, 'one passes');

    my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die "connect: $!";
    print $socket "GET /g?k=a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    Test::More::ok(Test::Gateway::Server::wait_until(
        sub { $server->log =~ /gateway_limit: delayed by \d+ms/ }, 10), 'one waits');

    my @old = $server->workers;
    $server->reload($delayed, wait => 0);
    Test::More::ok(Test::Gateway::Server::wait_until(
        sub { 2 <= (() = $server->log =~ /gracefully shutting down/g) }, 10),
        'a reload meanwhile');
    is(($server->get('/g?k=a'))[0], 429, 'the new workers count it');

    my ($status) = CORE::join('', <$socket>) =~ m{^HTTP/1\.1 (\d+)};
    is($status, 200, 'the old worker responds');
    Test::More::ok(Test::Gateway::Server::wait_until(
        sub { !grep { Test::Gateway::Server::alive($_) } @old }, 10), 'and exits');
    $server->stop;
}

Test::More::done_testing();

__DATA__

=== TEST 1: one worker and one process
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=1;
--- config
location /t { gateway_limit zone=z; empty_gif; }
--- request eval: [ ('GET /t?k=1') x 3 ]
--- error_code eval: [ 200, 200, 429 ]
