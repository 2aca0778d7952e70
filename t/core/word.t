# SPDX-License-Identifier: BSD-2-Clause

# Requests that wait for a word in shared memory: what resumes them and when, and
# that no timer runs while no request waits.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Probe;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::More;
use Time::HiRes qw( sleep time );

build_probe();

my ($port, $h2_port) = map { free_port() } 1 .. 2;
my $h2 = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$h2_port http2;"
                                : "listen 127.0.0.1:$h2_port; http2 on;";

sub conf {
    my ($workers, %arg) = @_;
    return http_conf(port => $port, workers => $workers,
                     http => "gateway_probe_zone;\nkeepalive_timeout 60s;",
                     server => <<"END", %arg);
    $h2
    location /wait { gateway_probe_wait; }
    location /set { gateway_probe_set; }
END
}

my $server = start_nginx(port => $port, conf => conf(1));
my ($worker) = $server->workers;

sub ask {
    my ($path, $socket) = @_;

    $socket //= IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $port) or die $!;
    $socket->autoflush;
    print $socket "GET $path HTTP/1.1\r\nHost: x\r\n\r\n";
    return $socket;
}

# the word in the response to a request, and the pid of the worker

sub answer {
    my ($socket, $seconds) = @_;

    my $bits = '';
    vec($bits, fileno $socket, 1) = 1;
    select $bits, undef, undef, $seconds // 10 or return 'nothing';
    sysread $socket, my $text, 65536 or return 'closed';
    return $text =~ /\r\n\r\n(\w+) (\d+)$/ && wantarray ? ($1, $2) : $1;
}

sub set { (http_get($server, "/set?$_[0]"))[2] =~ /^set/ or die }

# how often the worker goes to sleep in an interval

sub turns {
    my ($seconds) = @_;

    my $slept = sub {
        open my $in, '<', "/proc/$worker/status" or die $!;
        return join('', <$in>) =~ /^voluntary_ctxt_switches:\s+(\d+)/m && $1;
    };
    my $before = $slept->();
    sleep $seconds;
    return $slept->() - $before;
}

sub idle { wait_until(sub { turns(0.2) <= 2 }) }

sub reset_by {
    my ($socket) = @_;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $socket;
    return;
}


# --- one worker

is(scalar answer(ask('/wait?other=1')), 'other', 'a word that is another by now');
ok(idle(), 'no request waits: no timer');

my $began = time;
is(scalar answer(ask('/wait?timeout=200')), 'timeout', 'the word is not changed');
cmp_ok(time - $began, '>=', 0.2, 'after its time');
ok(idle(), 'and no timer after that');

my $client = ask('/wait');
is(scalar answer($client, 0.1), 'nothing', 'it waits');
my $one = turns(0.3);
cmp_ok($one, '>=', 10, "a timer runs: $one turns");
set('');
is(scalar answer($client), 'changed', 'the timer sees a change');
ok(idle(), 'and ends');

# the first looks are after a 25th of the interval, and after twice that

$client = ask('/wait?interval=10000&timeout=60000');
is(scalar answer($client, 0.1), 'nothing', 'an interval of 10 s');
set('');
$began = time;
is(scalar answer($client, 3), 'changed', 'a change soon after the start');
cmp_ok(time - $began, '<', 1, 'is seen after 0.4 s');
ok(idle(), 'no timer');

$client = ask('/wait?interval=60000&timeout=60000');
is(scalar answer($client, 0.1), 'nothing', 'an interval of a minute');
set('');
is(scalar answer($client, 0.2), 'nothing', 'a change is not seen yet');
set('wake=1&word=1');
is(scalar answer($client, 0.2), 'nothing', 'nor when another word is woken');
set('wake=1&add=0');
is(scalar answer($client, 0.2), 'changed', 'until it is woken');

$client = ask('/wait?interval=60000&timeout=60000&word=2');
my $other = ask('/wait?interval=60000&timeout=60000&word=3');
is(scalar answer($_, 0.1), 'nothing', 'two words') for $client, $other;
$began = time;
set('wake=1&word=2');
is(scalar answer($client), 'changed', 'it is woken');
cmp_ok(time - $began, '<', 5, 'at once');
is(scalar answer($other, 0.2), 'nothing', 'and the other is not');
set('wake=1&word=3&add=0');
is(scalar answer($other), 'changed', 'woken without a change');
ok(idle(), 'no timer is left');

{
    my @clients = map { ask('/wait') } 1 .. 150;
    is(scalar answer($clients[-1], 0.2), 'nothing', '150 wait');
    my $turns = turns(0.3);
    cmp_ok($turns, '<=', 100, "by one timer: $turns turns in 300 ms");
    my @slow = map { ask('/wait?interval=50&word=4') } 1 .. 20;
    is(scalar answer($slow[-1], 0.2), 'nothing', 'and 20 of another interval');
    set('wake=1');
    is(scalar(grep { answer($_) eq 'changed' } @clients), 150,
       'all are resumed');
    set('word=4');
    is(scalar(grep { answer($_) eq 'changed' } @slow), 20, 'the others, too');
    ok(idle(), 'both timers end');
}

$client = ask('/wait?timeout=60000');
is(scalar answer($client, 0.1), 'nothing', 'a client waits');
reset_by($client);
ok(idle(), 'and leaves: no timer');

{
    my $stay = ask('/wait');
    my @leave = map { ask('/wait') } 1 .. 20;
    is(scalar answer($leave[-1], 0.2), 'nothing', 'some wait');
    reset_by($_) for @leave;
    set('wake=1');
    is(scalar answer($stay), 'changed', 'those that leave are forgotten');

    my $streams = Test::Gateway::Streams->new($h2_port);
    my $stream = $streams->request('GET', '/wait?timeout=60000');
    my $second = $streams->request('GET', '/wait?timeout=60000');
    sleep 0.1;
    $streams->reset($stream);
    set('wake=1');
    $streams->open_window($second);
    $streams->wait(sub { $streams->ended($second) });
    like($streams->body($second), qr/^changed /, 'a stream, while another one is reset');
    $streams->close;
    ok(idle(), 'no timer is left');
}

# a worker that shuts down answers them

$client = ask('/wait?timeout=700');
is(scalar answer($client, 0.1), 'nothing', 'one waits for a worker that leaves');
$server->reload(undef, wait => 0);
wait_until(sub { 1 < $server->workers });
is(scalar answer($client), 'timeout', 'and has its answer');
ok(wait_until(sub { !grep { $_ == $worker } $server->workers }, 10),
   'the worker leaves');

ask('/wait?timeout=60000');
kill 'TERM', $server->pid;
ok(wait_until(sub { !Test::Gateway::Server::alive($server->pid) }, 10),
   'TERM ends one that waits');
is("@{[ $server->wrong_lines ]}", '', 'without complaint');


# --- two workers

$server = start_nginx(port => $port, conf => conf(2));

# connections to both workers: a connection stays with its worker

my %of;
wait_until(sub {
    my $socket = ask('/set?word=9');
    my (undef, $pid) = answer($socket);
    $of{$pid} //= $socket;
    return keys %of == 2;
});
my ($first, $second) = values %of;

my ($redone, @took) = 0;
for (1 .. 20) {
    ask('/wait?interval=5', $first);

    # a change before the request waits does not concern it; a change at the
    # moment when it begins to wait is seen at once
    my $answer;
    do {
        ask('/set?wake=1', $second);
        answer($second) eq 'set' or die;
        $began = time;
        $answer = answer($first, 0.5);
    } while ($answer eq 'nothing');

    redo if $answer eq 'other' && $redone++ < 20;
    is($answer, 'changed', 'a change by another worker is seen');
    push @took, time - $began;
}
@took = sort { $a <=> $b } @took;
cmp_ok($took[10], '<', 0.5, sprintf 'soon: %.1f ms', 1000 * $took[10]);
$server->stop('two workers');


# --- one process

$server = start_nginx(port => $port,
                      conf => conf(1, main => 'master_process off;'));
$client = ask('/wait');
is(scalar answer($client, 0.1), 'nothing', 'one process');
set('wake=1');
is(scalar answer($client), 'changed', 'wakes');
$server->stop('one process');

done_testing;
