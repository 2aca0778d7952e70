# SPDX-License-Identifier: BSD-2-Clause

# Syslog: what does not arrive is counted, whatever the server, the network or
# the worker does, and no request waits.

use v5.28;
use warnings;
use lib 't/lib';

use POSIX ();
use Test::Gateway::Certificate;
use Test::Gateway::Flood qw( during flood );
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::Gateway::Syslog;
use Test::More;
use Time::HiRes qw( sleep time );

my $location = 'keepalive_requests 1000000; location / { return 204; }';

authority('ca');
certificate('server', ca => 'ca', san => 'IP:127.0.0.1');
my @tls = (cert => certificate_file('server'), key => certificate_key('server'));

sub syslog {
    my ($s, $more) = @_;

    my $tls = $s->{kind} eq 'tls'
              ? 'ssl on; ssl_trusted_certificate ' . certificate_file('ca') . ';'
              : '';
    my $pad = 'x' x 200;
    return "gateway_log_format padded { field pad $pad; }"
           . ' gateway_log syslog:central padded;'
           . ' gateway_log_syslog central { server ' . $s->server . "; $tls " . ($more // '') . ' }';
}

# what was made has been written or dropped; and where it is
sub balanced {
    my ($name, $nginx, $s, $made) = @_;

    my %count = counters($nginx, 'syslog:central');
    my $received = $s->messages;
    is($count{made}, $made, "$name: all are counted") if defined $made;
    is($count{written} + $count{dropped}, $count{made},
       "$name: written and dropped are all that were made")
        or diag(map { "$_ $count{$_} " } sort keys %count);
    is($count{bytes}, 0, "$name: nothing is left in a queue");
    is($received + $count{dropped} + $count{unconfirmed}, $count{made},
       "$name: received, dropped and unconfirmed, too")
        or diag("received $received ", map { "$_ $count{$_} " }
                                       sort keys %count);
    is_deeply([ $s->wrong ], [], "$name: each message is whole");
    return %count;
}

sub texts { map { json_of($_->{text})->{query} } $_[0]->messages }


# --- a server that is not there at first, and a restart: nothing is lost

for my $kind (qw( tcp tls unix )) {
    my $s = receiver($kind, @tls);
    $s->down;
    my $nginx = start_nginx(workers => 1, server => $location,
                            http => syslog($s));
    $nginx->get("/?$_") for 1 .. 3;
    wait_until(sub { $nginx->log =~ /connecting again/ });
    $s->up;
    ok($s->pump(3), "$kind: records wait for a server");

    $s->down;
    $nginx->get("/?$_") for 4 .. 6;
    wait_until(sub { $nginx->log =~ /connecting again.*connecting again/s });
    $s->up;
    $s->pump(6);
    is_deeply([ texts($s) ], [ 1 .. 6 ], "$kind: also for one that returns");

    my @said = $nginx->log =~ /\[error\].*connecting again/g;
    is(scalar @said, 1, "$kind: it is said once a minute");
    is(scalar(@said = $nginx->log =~ /\[notice\].*: connected to/g),
       $kind eq 'unix' ? 0 : 1, "$kind: and when it is over");
    $nginx->stop;
    my %count = balanced($kind, $nginx, $s, 6);
    is($count{dropped} + $count{unconfirmed}, 0, "$kind: nothing was lost");
}


# over UDP nobody knows what was lost, but when an error comes back

{
    my $s = receiver('udp');
    my $nginx = start_nginx(workers => 1, server => $location,
                            http => syslog($s));
    $nginx->get("/?$_") for 1 .. 3;
    $s->pump(3);
    $s->down;
    $nginx->get("/?$_") for 4 .. 6;
    wait_until(sub { $nginx->log =~ /connecting again/ });
    $s->up;
    $nginx->get("/?$_") for 7 .. 9;
    wait_until(sub { $s->step(0.1); (texts($s))[-1] == 9 });
    $nginx->stop;
    $s->listen_for(0.1);
    my %count = balanced('udp', $nginx, $s, 9);
    cmp_ok($count{unconfirmed}, '>=', 1, 'udp: an error tells of one');
    cmp_ok($count{unconfirmed}, '<=', 6, 'udp: no more than were sent');
}


# --- a server that stalls, and is cut off: no request waits, the oldest go

for my $kind (qw( tcp tls )) {
    my $s = receiver($kind, @tls, rcvbuf => 65536);
    my $nginx = start_nginx(workers => 1, server => $location,
                            http => syslog($s, 'queue 256k;'));
    $nginx->get('/?0');
    $s->pump(1);

    # more than all buffers on the way hold
    my $n = 30_000;
    my $start = time;
    my %ended = flood($nginx->port, '/', $n);
    is($ended{204}, $n, "$kind stalls: all requests are answered");
    like($nginx->log, qr/\[error\].*\ gateway_log\ "syslog:central":\ \d+
                         \ records?\ lost\ or\ unconfirmed\ since\ the\ last\ report,
                         \ the\ queue\ is\ full/x, "$kind stalls: it is said");
    my @said = $nginx->log =~ /records? lost/g;
    is(scalar @said, 1, "$kind stalls: once a minute");

    # those that wait now are the last ones
    $nginx->get("/?last$_") for 1 .. 5;
    $kind eq 'tcp' ? $s->cut : $s->drop;
    $s->up;
    wait_until(sub { $s->step(0.1); ((texts($s))[-1] // '') eq 'last5' }, 10);
    is((texts($s))[-1], 'last5', "$kind stalls: the newest are kept");
    $nginx->stop;
    $s->listen_for(0.2);

    if ($kind eq 'tcp') {
        my %count = balanced("$kind cut", $nginx, $s, $n + 6);
        cmp_ok($count{full}, '>', 0, "$kind cut: some were dropped");
        cmp_ok($count{unconfirmed}, '>', 0, "$kind cut: some are unconfirmed");
        cmp_ok($count{written}, '>', 1000, "$kind cut: some were written");
        is($count{exit}, 0, "$kind cut: and the others are sent");

    } else {

        # what the kernel had acknowledged, and nobody read, is lost in secret
        my %count = counters($nginx, 'syslog:central');
        is($count{written} + $count{dropped}, $count{made}, "$kind: balanced");
        cmp_ok($count{full}, '>', 0, "$kind: some were dropped");
        cmp_ok($count{unconfirmed}, '>', 0, "$kind: some are unconfirmed");
        is($s->{accepted}, 2, "$kind: another connection");
        is_deeply([ $s->wrong ], [], "$kind: each message is whole");
    }
}


# a record of TLS that the server has in part holds nothing that has arrived,
# and takes nothing from those before it

{
    my $s = receiver('tls', @tls, rcvbuf => 65536);
    my $nginx = start_nginx(workers => 1, server => $location,
                            http => syslog($s, 'queue 256k;'));
    $nginx->get('/?0');
    $s->pump(1);
    flood($nginx->port, '/', 30_000);
    $s->arrived(sub {
        $nginx->signal('TERM');
        wait_until(sub { !Test::Gateway::Server::alive($nginx->pid) });
    });
    my %count = balanced('tls cut', $nginx, $s, 30_001);
    cmp_ok($count{unconfirmed}, '>', 0, 'tls cut: some are unconfirmed');
}


# one that sends data without an end is left: no worker reads it for ever

for my $kind (qw( tcp tls )) {
    my $s = receiver($kind, @tls);
    my $nginx = start_nginx(workers => 1, server => $location, http => syslog($s));
    $nginx->get('/?0');
    $s->pump(1);
    my ($socket) = map { $_->{socket} } values %{ $s->{connections} };
    my ($sent, $until) = (0, time + 10);
    while (time < $until && $nginx->log !~ /sends data/) {
        my $n = syswrite $socket, 'x' x 8192;
        $sent += $n // 0;
        last if !defined $n && !$!{EAGAIN};
    }
    ok(wait_until(sub {
        $nginx->log =~ /\[error\].*"syslog:central": \S+ sends data, which a syslog server does not/;
    }), "$kind sends: it is left") or diag($nginx->log);
    cmp_ok($sent, '>', 65536, "$kind sends: more than a little");
    $s->drop;
    $s->up;
    $nginx->get('/?1');
    wait_until(sub { $s->step(0.1); ((texts($s))[-1] // '') eq '1' }, 10);
    is((texts($s))[-1], '1', "$kind sends: records go on");
    $nginx->stop;
}


# one that refuses TLS after the handshake has acknowledged records, and reads
# none: they are unconfirmed, whether nginx reads why or fails to send first

{
    my $s = receiver('tls', @tls, ssl => { SSL_verify_mode => 3,
                                           SSL_ca_file => certificate_file('ca') });
    my $nginx = start_nginx(workers => 1, server => $location,
                            main => 'worker_shutdown_timeout 100ms;',
                            http => syslog($s));
    during($nginx->port, '/', 10_000, sub { $s->listen_for(1) }) for 1 .. 6;
    $nginx->stop;
    my %count = balanced('refused', $nginx, $s, 60_000);
    is($s->messages, 0, 'refused: nothing was received');
    cmp_ok($count{unconfirmed}, '>', 0, 'refused: what was sent is unconfirmed');
    unlike($nginx->log, qr/SSL_write\(\) failed/,
           'refused: the server says why');
}


# a server that stalls and goes on: all but the dropped ones arrive

for my $kind (qw( tcp tls unix )) {
    my $s = receiver($kind, @tls, rcvbuf => 65536);
    my $nginx = start_nginx(workers => 2, server => $location,
                            http => syslog($s, 'queue 256k;'));
    my $n = 30_000;

    if ($kind ne 'unix') {
        $nginx->get('/');
        $s->pump(1);
    }
    my %ended = flood($nginx->port, '/', $n);
    is($ended{204}, $n, "$kind goes on: all requests are answered");
    1 while $s->step(0.3);
    my $port = $nginx->port;
    $nginx->signal('QUIT');
    1 while $s->step(0.5);
    $s->listen_for(0.5);
    wait_until(sub { !Test::Gateway::Server::alive($nginx->pid) }, 12);
    my %count = balanced("$kind goes on", $nginx, $s,
                         $n + ($kind eq 'unix' ? 0 : 1));
    cmp_ok($count{full}, '>', 0, "$kind goes on: some were dropped");
    is($count{unconfirmed} + $count{exit}, 0, "$kind goes on: no others");
}


# --- killed workers

{
    my $s = receiver('tcp');
    $s->down;
    my $nginx = start_nginx(workers => 1, server => $location,
                            http => syslog($s));
    $nginx->allow(qr/exited on signal 9/);
    $nginx->get("/?$_") for 1 .. 7;
    my ($worker) = $nginx->workers;
    kill 'KILL', $worker;
    wait_until(sub { my @now = $nginx->workers; @now && $now[0] != $worker });
    $s->up;
    is(($nginx->get('/?8'))[0], 204, 'kill: the next worker answers');
    ok($s->pump(1), 'kill: the next worker sends');
    $nginx->stop;
    my %count = balanced('kill', $nginx, $s, 8);
    is($count{lost_worker}, 7, 'kill: what was in the queue is lost');
}


# and under load, with a server that reads

{
    my $s = receiver('tcp');
    my $nginx = start_nginx(workers => 2, server => $location,
                            http => syslog($s));
    $nginx->allow(qr/exited on signal 9/);
    my ($kills, $n) = (5, 20_000);

    my $child = fork // die "fork: $!";
    if (!$child) {
        Test::Gateway::Server::adopt();
        flood($nginx->port, '/', $n, connections => 4);
        POSIX::_exit(0);
    }
    for (1 .. $kills) {
        my @workers = $nginx->workers;
        $s->pump(1 + $s->messages + 500, 2);
        kill 'KILL', $workers[0];
        wait_until(sub { $s->step(0.01); my @now = $nginx->workers;
                         @now == 2 && $now[0] != $workers[0] });
    }
    wait_until(sub { $s->step(0.1); waitpid($child, POSIX::WNOHANG()) }, 60);
    1 while $s->step(0.3);
    $nginx->stop;
    $s->listen_for(0.2);

    my %count = counters($nginx, 'syslog:central');
    is($count{written} + $count{dropped}, $count{made},
       'kill under load: written and dropped are all that were made');
    is($count{bytes}, 0, 'kill under load: nothing is left in a queue');
    is($count{full} + $count{size} + $count{exit}, 0,
       'kill under load: only workers lose');

    # a kill between the count and the send: as many as are sent at once
    my $received = $s->messages;
    cmp_ok($received, '<=', $count{written},
           'kill under load: no more arrive than were counted');
    cmp_ok($count{written} - $received, '<=', 256 * $kills,
           'kill under load: those that were written arrive');
    is_deeply([ $s->wrong ], [], 'kill under load: each message is whole');
}


# --- the end of a worker

# a server that comes back in time receives everything

for my $how (qw( quit reload )) {
    my $s = receiver('tcp');
    $s->down;
    my $nginx = start_nginx(workers => 2, server => $location,
                            http => syslog($s));
    $nginx->get("/?$_") for 1 .. 10;
    my @old = $nginx->workers;
    $how eq 'quit' ? $nginx->signal('QUIT') : $nginx->reload(undef, wait => 0);
    sleep 1;
    ok(scalar(grep({ Test::Gateway::Server::alive($_) } @old)) > 0,
       "$how: a worker waits for its queue");
    $s->up;
    ok($s->pump(10, 9), "$how: and sends it");
    ok(wait_until(sub { !grep { Test::Gateway::Server::alive($_) } @old }, 3),
       "$how: and leaves");
    $how eq 'quit'
        ? wait_until(sub { !Test::Gateway::Server::alive($nginx->pid) })
        : $nginx->stop;
    my %count = balanced($how, $nginx, $s, 10);
    is($count{dropped} + $count{unconfirmed}, 0, "$how: nothing is lost");
}

# so does one that stalls, also when no record is left in the queue

for my $kind (qw( tcp tls )) {
    my $s = receiver($kind, @tls, rcvbuf => 4096);
    my $nginx = start_nginx(workers => 1, server => $location,
                            http => syslog($s));
    $nginx->get('/?0');
    $s->pump(1);
    $nginx->get("/?$_") for 1 .. 50;
    my ($worker) = $nginx->workers;
    sleep 0.3;      # no timer of the queue is left
    $nginx->signal('QUIT');
    sleep 1;
    ok(Test::Gateway::Server::alive($worker),
       "$kind unconfirmed: a worker waits for its last records");
    ok($s->pump(51, 9), "$kind unconfirmed: which arrive");
    $s->listen_for(0.2);
    wait_until(sub { !Test::Gateway::Server::alive($nginx->pid) });
    my %count = balanced("$kind unconfirmed", $nginx, $s, 51);
    is($count{dropped} + $count{unconfirmed}, 0,
       "$kind unconfirmed: nothing is lost");
}

# one that does not costs 10 s, or what worker_shutdown_timeout says

for my $case ([ 'ten seconds', '', 9, 12 ],
              [ 'worker_shutdown_timeout', 'worker_shutdown_timeout 500ms;',
                0.4, 3 ])
{
    my ($name, $main, $least, $most) = @$case;
    my $s = receiver('tcp');
    $s->down;
    my $nginx = start_nginx(workers => 1, server => $location, main => $main,
                            http => syslog($s));
    $nginx->get("/?$_") for 1 .. 4;
    my $start = time;
    $nginx->signal('QUIT');
    wait_until(sub { !Test::Gateway::Server::alive($nginx->pid) }, 15);
    my $took = time - $start;
    cmp_ok($took, '>=', $least, "$name: the queue has it");
    cmp_ok($took, '<=', $most, "$name: and no more");
    my %count = balanced($name, $nginx, $s, 4);
    is($count{exit}, 4, "$name: the rest is dropped");
}

# an empty queue keeps nobody

{
    my $s = receiver('tcp');
    my $nginx = start_nginx(workers => 2, server => $location,
                            http => syslog($s));
    $nginx->get("/?$_") for 1 .. 4;
    $s->pump(4);
    my $start = time;
    $nginx->stop;
    cmp_ok(time - $start, '<', 3, 'an empty queue: nginx exits at once');
    balanced('an empty queue', $nginx, $s, 4);
}

done_testing;
