# SPDX-License-Identifier: BSD-2-Clause

# Reloads, a stop and a binary upgrade under load: stored responses survive a
# reload with the same size of the zone.  No request fails.
#
# Environment: SEED repeats the requests; CACHE_RELOADS (50) is the number of
# reloads.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Socket qw( SOL_SOCKET SO_RCVBUF inet_aton pack_sockaddr_in );
use Test::Gateway::Cache::Clients;
use Test::Gateway::Cache::Model;
use Test::Gateway::Cache::Origin;
use Test::Gateway::Cache::Requests;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep time );

my $seed = $ENV{SEED} // int rand 1_000_000;
my $reloads = $ENV{CACHE_RELOADS} // 50;
my %classes = classes();
diag("SEED=$seed");
$SIG{ALRM} = sub { die "a request has no answer\n" };
alarm 10 * $reloads + 300;

# nginx starts a new binary with its own argv[0], which must be an absolute path
$ENV{TEST_NGINX_BINARY} ||= (grep { -x } map { "$_/nginx" }
                             split /:/, $ENV{PATH})[0];

my ($port, $h2) = (free_port(), free_port());
my $origin = cache_origin();

# responses that must be kept are in a zone where no others evict them
sub conf {
    return cache_conf($port, $h2, $origin->port,
        http => 'gateway_cache_zone zone=kept:4m;',
        server => 'location /kept/ { gateway_cache kept;'
                  . " proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }", @_);
}

my $nginx = start_nginx(port => $port, files => cache_files(), conf => conf());


# --- one request; returns (the number of the response, the length of its body
# or "bad" with the status)

sub fetch {
    my ($path, $plan, %arg) = @_;

    my ($status, $head, $body) = http_get($nginx, $path, timeout => 30,
        headers => [ 'X-Plan: ' . join '|', 'line=Cache-Control: max-age=600',
                     $plan // () ], %arg);
    my ($n) = $head =~ /^X-Body: (\d+)/m;
    return ($n // -1, $status == 200 && defined $n
                      && $body eq body_of($n, length $body) ? length $body
                                                            : "bad $status");
}

# a request whose response is read only later, except for the first bytes

sub slow {
    my ($path) = @_;

    socket my $socket, Socket::PF_INET(), Socket::SOCK_STREAM(), 0 or die $!;
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, 4096;
    connect $socket, pack_sockaddr_in($port, inet_aton('127.0.0.1')) or die $!;
    syswrite $socket, "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";
    sysread $socket, my $head, 200;
    return { socket => $socket, in => $head };
}

sub rest {
    my ($slow) = @_;

    my $socket = $slow->{socket};
    1 while sysread $socket, $slow->{in}, 65536, length $slow->{in};
    my ($head, $body) = split /\r\n\r\n/, $slow->{in}, 2;
    my ($n) = $head =~ /^X-Body: (\d+)/m;
    return $body eq body_of($n, length $body) ? length $body : 'bad';
}


# a reload that waits for the new workers, not for the old ones to exit

sub reload_now {
    my %old = map { $_ => 1 } $nginx->workers;
    $nginx->reload(undef, wait => 0);
    return wait_until(sub { 2 == grep { !$old{$_} } $nginx->workers }, 30);
}


# --- reloads with the same sizes, under load

my @kept = map { "/kept/$_" } 1 .. 20;
my %first = map { $_ => (fetch($_, 'size=' . int rand 100_000))[0] } @kept;

my $clients = clients(port => $port, h2 => $h2, seed => $seed, n => 5,
                      request => \&random_request);
my $lost = 0;
for (1 .. $reloads) {
    reload_now();
    my $path = pick(@kept);
    my ($n, $good) = fetch($path);
    $lost++ if $n != $first{$path} || $good =~ /bad/;
}
my @records = $clients->stop;
ok(wait_until(sub { $nginx->workers == 2 }, 30), 'all old workers exit');
is($lost, 0, "$reloads reloads keep stored responses");
is(scalar(grep { my ($n, $good) = fetch($_);
                 $n == $first{$_} && $good !~ /bad/ } @kept), scalar @kept,
   'all of them');

my @truth = truth($origin);
my ($faults, $seen) = judge(truth => \@truth, records => \@records,
                            purges => [], classes => \%classes);
is(scalar @$faults, 0, 'no request fails or receives a wrong response');
my %told;
diag("SEED=$seed $_") for grep { /^([^:]+)/ && $told{$1}++ < 3 } @$faults;
ok($seen->{reused}, 'some requests were hits');


# --- a zone with another size is empty

sub loses {
    my ($what, $lost, $big, $slow) = @_;

    my ($n) = fetch('/open/lost', 'size=1000');
    my @old = $nginx->workers;
    $nginx->reload(conf(big => $big), wait => !$slow, timeout => 30);
    my $again = $n;
    wait_until(sub { ($again) = fetch('/open/lost', 'size=1000'); $again != $n },
               $lost ? 20 : 0);
    isnt($again, -1, "$what: a response");
    is($again == $n ? 'kept' : 'lost', $lost ? 'lost' : 'kept',
       "$what: the stored response");
    return;
}

fetch('/open/large', 'size=3000000');
my $slow = slow('/open/large');
loses('a smaller size', 1, '15m', 1);
is(rest($slow), 3_000_000, 'an old worker completes its response');
loses('the first size', 1, '31m max_object=4m');
loses('the same sizes', 0, '31m max_object=4m');

# a new max_object applies to responses that are stored after the reload

my $limited = sub {
    my ($path) = @_;
    my @n = map { (fetch($path, 'size=2000000|framing=' . $_))[0] } @_[1, 1];
    return $n[0] == $n[1] ? 'stored' : 'not stored';
};
is($limited->("/open/limit/$_", $_), 'stored', "below max_object, $_")
    for qw( length chunked );
loses('a smaller max_object', 0, '31m max_object=1m');
is($limited->("/open/less/$_", $_), 'not stored', "above a smaller one, $_")
    for qw( length chunked );
is($limited->("/open/limit/$_", $_), 'stored', "stored before the reload, $_")
    for qw( length chunked );
loses('a larger max_object', 0, '31m max_object=4m');
is($limited->("/open/more/$_", $_), 'stored', "below a larger one, $_")
    for qw( length chunked );

# from the default of max_object, which is smaller than the zone allows

$nginx->reload(conf(big => '30m'), timeout => 30);
is($limited->('/open/first/length', 'length'), 'not stored',
   'the default max_object');
$nginx->reload(conf(big => '30m max_object=4m'), timeout => 30);
is($limited->('/open/second/length', 'length'), 'stored',
   'a max_object above that of the first configuration');
$nginx->reload(conf(), timeout => 30);

# the zone is removed and added again

my $without = conf() =~ s/gateway_cache_zone zone=small.*\n//r
                     =~ s/gateway_cache small;//gr =~ s/zone=small//r;
fetch('/open/between', 'size=700');
$nginx->reload($without, timeout => 30);
is((fetch('/open/between'))[1], 700, 'the other zone is removed: a hit');
$nginx->reload(conf(), timeout => 30);
is((fetch('/open/between'))[1], 700, 'the other zone is added again: a hit');
my $off = conf() =~ s/gateway_cache[a-z_]* [^;]*;//gr;
$nginx->reload($off, timeout => 30);
is((fetch('/open/between', 'size=800'))[1], 800, 'without a cache: no hit');
$nginx->reload(conf(), timeout => 30);
is((fetch('/open/between', 'size=900'))[1], 900, 'with a cache again: a miss');
is((fetch('/open/between'))[1], 900, 'with a cache again: a hit');


# --- old workers that still send, and new workers

my ($large) = fetch('/open/slow', 'size=3000000');
my @slow = map { slow('/open/slow') } 1 .. 4;
my @old = $nginx->workers;
reload_now();
is((fetch('/open/slow'))[0], $large, 'new workers send the stored response');
http_get($nginx, '/_cache', method => 'POST', body => '{"purge":[{"all":true}]}',
         headers => [ 'Content-Type: application/json' ]);
my ($second) = fetch('/open/slow', 'size=2500000');
isnt($second, $large, 'a new worker purges it');
is(join(' ', map { rest($_) } @slow), join(' ', (3_000_000) x 4),
   'old workers complete their responses');
ok(wait_until(sub { my %now = map { $_ => 1 } $nginx->workers;
                    !grep { $now{$_} } @old }, 20), 'old workers exit');


# --- a binary upgrade while a response is sent

SKIP: {
    skip 'the sanitized nginx is started by a script', 5
        if $ENV{GATEWAY_CFLAGS};

    my ($n) = fetch('/open/upgrade', 'size=2000000');
    my $reader = slow('/open/upgrade');
    my $master = $nginx->pid;
    $nginx->signal('USR2');
    my $new = wait_until(sub { delete $nginx->{pid};
                               ($nginx->pid // $master) != $master
                               && $nginx->workers == 2 }, 20);
    ok($new, 'a new master');

    my $bad = grep { (fetch('/open/upgrade'))[1] =~ /bad/ } 1 .. 20;
    is($bad, 0, 'both masters serve requests');
    kill 'QUIT', $master;
    is(rest($reader), 2_000_000, 'the old worker completes its response');
    ok(wait_until(sub { !Test::Gateway::Server::alive($master) }, 20),
       'the old master exits');
    fetch('/open/upgrade', 'size=20');
    like((fetch('/open/upgrade'))[1], qr/^(?:20|100|2000000)$/,
         'the new master serves requests');
}


# --- a stop while requests wait for the response to another one

my @waiting = map { my $socket = IO::Socket::INET->new("127.0.0.1:$port");
    print $socket "GET /open/last HTTP/1.0\r\nHost: localhost\r\n"
        . "X-Plan: delay=1|size=5000|line=Cache-Control: max-age=60\r\n\r\n";
    $socket->flush;
    { socket => $socket, in => '' } } 1 .. 20;
wait_until(sub { grep { $_->{path} eq '/open/last' } truth($origin) });
$nginx->stop('a stop');
is(join(' ', map { rest($_) } @waiting), join(' ', (5000) x 20),
   'a stop: all waiting requests receive the response');
is(scalar(grep { $_->{path} eq '/open/last' } truth($origin)), 1,
   'the origin receives one request');

done_testing();
