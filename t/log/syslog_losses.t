# SPDX-License-Identifier: BSD-2-Clause

# Syslog: each record that does not arrive is counted, whatever happens to the
# server, the network or the worker, and no request waits.

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

# all records were written or dropped, and the written ones received or
# unconfirmed
sub balanced {
    my ($name, $nginx, $s, $made) = @_;

    my %count = counters($nginx, 'syslog:central');
    my $received = $s->messages;
    is($count{made}, $made, "$name: records made") if defined $made;
    is($count{written} + $count{dropped}, $count{made},
       "$name: made is the sum of written and dropped")
        or diag(map { "$_ $count{$_} " } sort keys %count);
    is($count{bytes}, 0, "$name: the queues are empty");
    is($received + $count{dropped} + $count{unconfirmed}, $count{made},
       "$name: made is the sum of received, dropped and unconfirmed")
        or diag("received $received ", map { "$_ $count{$_} " }
                                       sort keys %count);
    is_deeply([ $s->wrong ], [], "$name: each message is whole");
    return %count;
}

sub texts { map { json_of($_->{text})->{query} } $_[0]->messages }

# reads until nginx has exited and all connections have ended
sub read_to_the_end {
    my ($s, $pid) = @_;

    wait_until(sub { $s->step(0.05);
                     !Test::Gateway::Server::alive($pid)
                     && !%{ $s->{connections} } }, 12);
    1 while $s->step(0.05);
    return;
}

# nginx with four records for a server that does not answer is told to quit; a
# process measures how long it takes to exit, while other tests run
sub quitting {
    my ($main) = @_;

    my $s = receiver('tcp');
    $s->down;
    my $nginx = start_nginx(workers => 1, server => $location, main => $main,
                            http => syslog($s));
    $nginx->get("/?$_") for 1 .. 4;

    my $pid = $nginx->pid;
    pipe my $out, my $in or die "pipe: $!";
    my $start = time;
    $nginx->signal('QUIT');

    my $child = fork // die "fork: $!";
    if ($child == 0) {
        wait_until(sub { !Test::Gateway::Server::alive($pid) }, 15);
        syswrite $in, time - $start;
        POSIX::_exit(0);
    }
    close $in;

    return sub {
        my $took = <$out>;
        waitpid $child, 0;
        return ($took, $nginx, $s);
    };
}

my $ten_seconds = quitting('');


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
    is_deeply([ texts($s) ], [ 1 .. 6 ], "$kind: records wait for a server that returns");

    my @said = $nginx->log =~ /\[error\].*connecting again/g;
    is(scalar @said, 1, "$kind: the failure is logged once a minute");
    is(scalar(@said = $nginx->log =~ /\[notice\].*: connected to/g),
       $kind eq 'unix' ? 0 : 1, "$kind: the new connection is logged");
    $nginx->stop;
    my %count = balanced($kind, $nginx, $s, 6);
    is($count{dropped} + $count{unconfirmed}, 0, "$kind: nothing was lost");
}


# over UDP, losses are unknown unless an error is returned

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
    cmp_ok($count{unconfirmed}, '>=', 1, 'udp: an error counts a record as unconfirmed');
    cmp_ok($count{unconfirmed}, '<=', 6, 'udp: not more than were sent');
}


# --- a server that stalls, and whose connection breaks: no request waits, and the
# oldest records are dropped

for my $kind (qw( tcp tls )) {
    my $s = receiver($kind, @tls, rcvbuf => 65536);
    my $nginx = start_nginx(workers => 1, server => $location,
                            http => syslog($s, 'queue 256k;'));
    $nginx->get('/?0');
    $s->pump(1);

    # more than all buffers of the connection hold
    my $n = 30_000;
    my $start = time;
    my %ended = flood($nginx->port, '/', $n);
    is($ended{204}, $n, "$kind stalls: all requests are answered");
    like($nginx->log, qr/\[error\].*\ gateway_log\ "syslog:central":\ \d+
                         \ records?\ lost\ or\ unconfirmed\ since\ the\ last\ report,
                         \ the\ queue\ is\ full/x, "$kind stalls: losses are logged");
    my @said = $nginx->log =~ /records? lost/g;
    is(scalar @said, 1, "$kind stalls: losses are logged once a minute");

    # these are the last records in the queue
    $nginx->get("/?last$_") for 1 .. 5;
    $kind eq 'tcp' ? $s->cut : $s->drop;
    delete $s->{rcvbuf};
    $s->up;
    wait_until(sub { $s->step(0.1); ((texts($s))[-1] // '') eq 'last5' }, 10);
    is((texts($s))[-1], 'last5', "$kind stalls: the newest records are kept");
    $nginx->stop;
    $s->listen_for(0.2);

    if ($kind eq 'tcp') {
        my %count = balanced("$kind cut", $nginx, $s, $n + 6);
        cmp_ok($count{full}, '>', 0, "$kind cut: records are dropped");
        cmp_ok($count{unconfirmed}, '>', 0, "$kind cut: records are unconfirmed");
        cmp_ok($count{written}, '>', 1000, "$kind cut: records are written");
        is($count{exit}, 0, "$kind cut: no record is dropped at exit");

    } else {

        # records that the server's kernel had acknowledged, and the server did not
        # read, are lost without being counted
        my %count = counters($nginx, 'syslog:central');
        is($count{written} + $count{dropped}, $count{made}, "$kind: balanced");
        cmp_ok($count{full}, '>', 0, "$kind: records are dropped");
        cmp_ok($count{unconfirmed}, '>', 0, "$kind: records are unconfirmed");
        is($s->{accepted}, 2, "$kind: another connection");
        is_deeply([ $s->wrong ], [], "$kind: each message is whole");
    }
}


# log records in a TLS record that the server has only in part are unconfirmed;
# those in whole TLS records have arrived

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
    cmp_ok($count{unconfirmed}, '>', 0, 'tls cut: records are unconfirmed');
}


# nginx closes the connection to a server that sends data without end

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
    }), "$kind sends: nginx closes the connection") or diag($nginx->log);
    cmp_ok($sent, '>', 65536, "$kind sends: after more than 64 KB");
    $s->drop;
    $s->up;
    $nginx->get('/?1');
    wait_until(sub { $s->step(0.1); ((texts($s))[-1] // '') eq '1' }, 10);
    is((texts($s))[-1], '1', "$kind sends: records are sent on a new connection");
    $nginx->stop;
}


# a server that refuses TLS after the handshake has acknowledged records without
# reading them: they are unconfirmed, whether nginx reads the alert or a write
# fails first

{
    my $s = receiver('tls', @tls, ssl => { SSL_verify_mode => 3,
                                           SSL_ca_file => certificate_file('ca') });
    my $nginx = start_nginx(workers => 1, server => $location,
                            main => 'worker_shutdown_timeout 100ms;',
                            http => syslog($s));
    for (1 .. 6) {
        during($nginx->port, '/', 10_000, sub {
            my ($working) = @_;
            my $end = time + 0.3;
            $s->step(0.02) while $working->() || time < $end;
        });
    }
    $nginx->stop;
    my %count = balanced('refused', $nginx, $s, 60_000);
    is($s->messages, 0, 'refused: nothing was received');
    cmp_ok($count{unconfirmed}, '>', 0, 'refused: records sent are unconfirmed');
    unlike($nginx->log, qr/SSL_write\(\) failed/,
           'refused: the reason is the alert of the server');
}


# a server that stalls and goes on: all records arrive that were not dropped

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
    my $pid = $nginx->pid;
    $nginx->signal('QUIT');
    read_to_the_end($s, $pid);
    my %count = balanced("$kind goes on", $nginx, $s,
                         $n + ($kind eq 'unix' ? 0 : 1));
    cmp_ok($count{full}, '>', 0, "$kind goes on: records are dropped");
    is($count{unconfirmed} + $count{exit}, 0, "$kind goes on: no other record is lost");
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
    is($count{lost_worker}, 7, 'kill: the records in the queue are lost');
}


# the same under load, with a server that reads

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
       'kill under load: made is the sum of written and dropped');
    is($count{bytes}, 0, 'kill under load: the queues are empty');
    is($count{full} + $count{size} + $count{exit}, 0,
       'kill under load: only killed workers lose records');

    # a kill can be between the count and the write, of up to 256 records
    my $received = $s->messages;
    cmp_ok($received, '<=', $count{written},
           'kill under load: not more arrive than were counted');
    cmp_ok($count{written} - $received, '<=', 256 * $kills,
           'kill under load: written records arrive');
    is_deeply([ $s->wrong ], [], 'kill under load: each message is whole');
}


# --- the exit of a worker

# a server that comes back in time receives everything

{
    my @cases = map {
        my $s = receiver('tcp');
        $s->down;
        my $nginx = start_nginx(workers => 2, server => $location,
                                http => syslog($s));
        $nginx->get("/?$_") for 1 .. 10;
        my @old = $nginx->workers;
        $_ eq 'quit' ? $nginx->signal('QUIT')
                     : $nginx->reload(undef, wait => 0);
        [ $_, $s, $nginx, @old ];
    } qw( quit reload );
    sleep 1;

    for my $case (@cases) {
        my ($how, $s, $nginx, @old) = @$case;
        ok(scalar(grep({ Test::Gateway::Server::alive($_) } @old)) > 0,
           "$how: a worker waits for its queue");
        $s->up;
        ok($s->pump(10, 9), "$how: the worker sends its queue");
        ok(wait_until(sub {
            !grep { Test::Gateway::Server::alive($_) } @old;
        }, 3), "$how: then the worker exits");
        $how eq 'quit'
            ? wait_until(sub { !Test::Gateway::Server::alive($nginx->pid) })
            : $nginx->stop;
        my %count = balanced($how, $nginx, $s, 10);
        is($count{dropped} + $count{unconfirmed}, 0, "$how: nothing is lost");
    }
}

# so does a server that stalls, also when no record is left in the queue

{
    my @cases = map {
        my $s = receiver($_, @tls, rcvbuf => 4096);
        my $nginx = start_nginx(workers => 1, server => $location,
                                http => syslog($s));
        $nginx->get('/?0');
        $s->pump(1);
        $nginx->get("/?$_") for 1 .. 50;
        [ $_, $s, $nginx, $nginx->workers ];
    } qw( tcp tls );

    sleep 0.3;      # no timer of the queue is left
    $_->[2]->signal('QUIT') for @cases;
    sleep 1;

    for my $case (@cases) {
        my ($kind, $s, $nginx, $worker) = @$case;
        ok(Test::Gateway::Server::alive($worker),
           "$kind unconfirmed: a worker waits for its last records");
        ok($s->pump(51, 9), "$kind unconfirmed: its last records arrive");
        $s->listen_for(0.2);
        wait_until(sub { !Test::Gateway::Server::alive($nginx->pid) });
        my %count = balanced("$kind unconfirmed", $nginx, $s, 51);
        is($count{dropped} + $count{unconfirmed}, 0,
           "$kind unconfirmed: nothing is lost");
    }
}

# a worker waits 10 s for a server that does not come back, or as long as
# worker_shutdown_timeout allows

for my $case ([ 'ten seconds', $ten_seconds, 9, 12 ],
              [ 'worker_shutdown_timeout',
                quitting('worker_shutdown_timeout 500ms;'), 0.4, 3 ])
{
    my ($name, $measured, $least, $most) = @$case;
    my ($took, $nginx, $s) = $measured->();
    cmp_ok($took, '>=', $least, "$name: the worker waits");
    cmp_ok($took, '<=', $most, "$name: not longer");
    my %count = balanced($name, $nginx, $s, 4);
    is($count{exit}, 4, "$name: the records are dropped");
}

# a worker with an empty queue exits at once

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
