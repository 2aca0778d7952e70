# SPDX-License-Identifier: BSD-2-Clause

# Many different tokens at once: how many are asked about, in which order, and
# what becomes of tokens that are known.

use v5.28;
use warnings;
use lib 't/lib';

use POSIX ();
use Test::Gateway::Endpoint;
use Test::Gateway::Flood qw( during );
use Test::Gateway::Load;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep time );

my $random = 10_000;

my $as = endpoint();

sub start {
    my (%arg) = @_;

    my $port = free_port();
    my $conf = http_conf(workers => $arg{workers} // 1, port => $port,
                         main => $arg{main},
                         http => 'gateway_jwt_key_fetch timeout='
                                 . ($arg{timeout} // '3s') . ';',
                         server => ($arg{server} // '')
                                   . $as->location('/ask') . <<'END');
    location = /api {
        gateway_jwt api token=$arg_token;
        gateway_jwt_introspect /ask cache=60s;
        empty_gif;
    }
END
    my $connections = $arg{connections} // 2048;
    $conf =~ s/worker_connections \K\d+/$connections/ or die;
    return start_nginx(conf => $conf, port => $port);
}

my $id = 0;
sub fresh { join '~', 'u' . ++$id, @_ }
sub ask { [ $_[0]->port, "/api?token=$_[1]" ] }


# --- 64 at once, the others in order

my $server = start();

my @hang = map { fresh('hang') } 1 .. 100;
my $pid = fork // die "fork: $!";
if (!$pid) {
    http_many([ map { ask($server, $_) } @hang ], timeout => 10);
    POSIX::_exit(0);
}
ok(wait_until(sub { $as->held == 64 }, 2), '64 of 100 tokens are asked about');
sleep 0.3;
is($as->held, 64, 'and no more');
is(status($server, fresh()), 200,
   'a later token is asked about once these have timed out');
waitpid $pid, 0;
ok(wait_until(sub { $as->held == 0 }, 5), 'no request to the endpoint remains');
is(status($server, fresh()), 200, 'the next one is');

# the places become free one after the other
{
    my $before = $as->total;
    my @first = map { fresh('delay:' . ($_ > 15 ? 2.7 : 0.9 + 0.12 * $_)) } 1 .. 64;
    my $busy = fork // die "fork: $!";
    if (!$busy) {
        http_many([ map { ask($server, $_) } @first ], timeout => 10);
        POSIX::_exit(0);
    }
    ok(wait_until(sub { $as->total == $before + 64 }, 5), '64 tokens are asked about');
    my @later = map { "later$_" } 1 .. 15;
    is(answers(http_many([ map { ask($server, $_) } @later ], rate => 50,
                         timeout => 20)), '200:15', 'others wait for them');
    is(join(' ', grep { /^later/ } $as->order), "@later",
       'and are asked about in the order in which they came');
    waitpid $busy, 0;
}

sub status { (http_get($_[0], "/api?token=$_[1]", timeout => 10))[0] }

my $asked = $as->total;
my @slow = map { fresh('delay:0.1') } 1 .. 300;
is(answers(http_many([ map { ask($server, $_) } @slow ])), '200:300',
   '300 tokens at once, 0.1 s each');
is($as->total - $asked, 300, 'one request for each');
cmp_ok($as->most, '<=', 64, 'at most 64 at once: ' . $as->most);
cmp_ok($as->most, '>=', 60, 'and about as many');
$server->stop;


# --- a quarter of worker_connections waits; the rest gets 503 at once

$server = start(connections => 512, timeout => '2s');
@slow = map { fresh('hang') } 1 .. 240;
my @many = http_many([ map { ask($server, $_) } @slow ], timeout => 10);
is(answers(@many), '503:240', '240 tokens without an answer');
my @early = grep { $_->{seconds} < 1 } @many;
is(scalar @early, 240 - 64 - 128, '64 are asked, 128 wait, the rest does not');
is(scalar(grep { header($_, 'Retry-After') ne '1' } @many), 0,
   'all have Retry-After');
is(status($server, fresh()), 200, 'afterwards there is room again');
$server->stop;


# --- random tokens evict no verified one

$server = start(workers => 1);
my @known = map { fresh() } 1 .. 200;
is(answers(http_many([ map { ask($server, $_) } @known ])), '200:200',
   '200 active tokens');

my ($refused, $checked, $began) = (0, 0, time);
my $number = 0;
my %flood = during($server->port,
                   sub { "/api?token=f$$-" . ++$number . '~no~delay:0.05' },
                   $random, sub {
    my ($running) = @_;
    while ($running->()) {
        my @again = http_many([ map { ask($server,
                                          $known[($checked + $_) % 200]) }
                                1 .. 5 ]);
        $checked += @again;
        $refused += grep { $_->{status} != 200 } @again;
        sleep 0.01;
    }
}, connections => 40, depth => 2);
is_deeply(\%flood, { 401 => $random }, "$random inactive tokens");
note(sprintf '%.0f/s, from 80 connections', $random / (time - $began));
is($refused, 0, "no remembered token was refused meanwhile, $checked times");
cmp_ok($checked, '>', 200, 'each was used');
is($as->asked($_), 1, 'and none was asked about again')
    for grep { $as->asked($_) != 1 } @known;
cmp_ok($as->most, '<=', 64, 'at most 64 at once');
$server->stop;


# --- clients that leave free their places

$server = start(timeout => '60s');
for my $round (1 .. 5) {
    my @gone = http_many([ map { ask($server, fresh('hang')) } 1 .. 200 ],
                         abort => 0.3);
    is(scalar(grep { $_->{aborted} } @gone), 200, "200 clients leave, $round");
    ok(wait_until(sub { $as->held == 0 }, 5), 'nothing is asked any more');
}
is(status($server, fresh()), 200, 'the next token is asked about');
$server->stop;


# --- an endpoint that does not answer leaves room for others

my $second = endpoint();

$server = start(timeout => '4s', server => $second->location('/second')
                                           . <<'END');
    location = /second-api {
        gateway_jwt api token=$arg_token;
        gateway_jwt_introspect /second;
        empty_gif;
    }
END
if (!($pid = fork // die "fork: $!")) {
    http_many([ map { ask($server, fresh('hang')) } 1 .. 90 ], timeout => 10);
    POSIX::_exit(0);
}
ok(wait_until(sub { $as->held == 48 }, 3), 'one of two: 48 of 90 are asked');
my @others = http_many([ map { [ $server->port, '/second-api?token=' . fresh() ] }
                         1 .. 40 ]);
is(answers(@others), '200:40', 'meanwhile 40 tokens at the other one');
is(scalar(grep { $_->{seconds} > 2 } @others), 0, 'do not wait for the first');
is($as->held, 48, 'which still does not answer');
waitpid $pid, 0;
$server->stop;


# --- the log says when a request has waited for others

$server = start(timeout => '4s');
@many = http_many([ map { ask($server, fresh('delay:2.5')) } 1 .. 74 ],
                  timeout => 15);
is(answers(@many), '200:64 503:10', '64 are answered, 10 began too late');
my $waited = qr/no response within \ds, of which the request waited \d+ms for /;
like($server->log, qr/"\/ask": ${waited}others to end, tokens cannot /,
     'the reason');
$server->stop;

my $debug = `${\ Test::Gateway::Server::binary()} -V 2>&1` =~ /--with-debug/;
my $log = 'error_log logs/error.log debug;';

SKIP: {
    skip 'nginx without --with-debug', 1 if !$debug;

    $server = start(timeout => '1s', main => $log);
    http_many([ map { ask($server, fresh('hang')) } 1 .. 74 ], timeout => 10);
    my $unsent = qr/the request was not sent within 1s, too many others wait /;
    my $late;
    wait_until(sub {
        $late = () = $server->log
                     =~ /question has ended: -5, "(?:$waited|$unsent)/g;
        return $late == 10;
    }, 3);

    # some may get a place in the last milliseconds
    ok($late > 0 && $late <= 10, "$late of 74 waited too long");
    $server->stop;
}


# --- several workers: one request for a token in each

$server = start(workers => 2);
my $token = fresh('delay:0.3');
is(answers(http_many([ map { ask($server, $token) } 1 .. 200 ])), '200:200',
   '200 requests with one token, two workers');
cmp_ok($as->asked($token), '<=', 2, 'at most one request for each worker');
$server->stop;

done_testing;
