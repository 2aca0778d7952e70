# SPDX-License-Identifier: BSD-2-Clause

# api/v1/history and what is wrong: one worker writes them every 10 s, another
# one goes on when it is killed, and through reloads.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP ();
use Test::Gateway::Samples qw( document history events );
use Test::Gateway::Server;
use Test::More;

my $dead = free_port();
my $workers = 2;

my $server = start_nginx(
    workers => $workers,
    http => <<"END",
    gateway_metrics_zone zone=m:8m;
    upstream dead {
        zone dead 64k;
        server 127.0.0.1:$dead max_fails=1 fail_timeout=1h;
        server 127.0.0.2:$dead max_fails=1 fail_timeout=1h;
    }
END
    server => <<"END");
    server_name s;
    location /a { return 204; }
    location /fails { return 503; }
    location /dead { proxy_pass http://dead; }
    location /gateway/ { gateway_metrics_page from=127.0.0.1; }
END

$server->allow(qr/no live upstreams|connect\(\) failed/);

sub series { history(document($server, '/history'), @_) }

sub problems {
    return map { $_->{alert} => $_ } @{ document($server)->{problems} };
}

$server->get('/a') for 1 .. 240;
$server->get('/fails') for 1 .. 97;
$server->get('/dead') for 1 .. 3;

ok(wait_until(sub { events(series('all'), 'rate') >= 340 }, 25),
   'after 10 s there is a point');

is(events(series('all'), 'rate'), 340, 'of all requests');
is(events(series('all'), 'errors'), 100, 'and of all errors');
is(events(series('route', server => 's', route => '/a'), 'rate'), 240,
   'of a route');
is(events(series('route', server => 's', route => '/a'), 'errors'), 0,
   'without errors');
is(events(series('route', server => 's', route => '/fails'), 'errors'), 97,
   'of a route with errors');
is(events(series('upstream', upstream => 'dead'), 'errors'), 2,
   'of an upstream: a try of each server, then none');

my %found = problems();

is_deeply([ sort map { $_->{text} } grep { $_->{alert} eq 'GatewayPeerDown' }
                 @{ document($server)->{problems} } ],
          [ map { "Upstream dead: server 127.0.0.$_:$dead is down." } 1, 2 ],
          'both servers are down');
is($found{GatewayPeerDown}{labels}{upstream}, 'dead', 'with labels');
is($found{GatewayNoPeer}{text},
   'Upstream dead: in the last 5 minutes, requests found no live server.',
   'and no other is there');
is($found{GatewayErrors}{text}, '29.4 % of all requests fail with 5xx.',
   'too many requests fail');
ok(abs($found{GatewayPeerDown}{since} - time) < 60, 'and since when');
ok(!$found{GatewayWorkerLost}, 'no worker is lost');

# each worker is killed once: one of them has written

$server->allow(qr/exited on signal 9/);

for (1 .. $workers) {
    my %before = map { $_ => 1 } $server->workers;
    my ($pid) = sort { $a <=> $b } keys %before;
    kill KILL => $pid;
    ok(wait_until(sub {
        my @now = $server->workers;
        @now == $workers && !grep { $_ == $pid } @now;
    }, 10), 'a worker is killed, and a new one is there');
}

$server->get('/a') for 1 .. 20;

ok(wait_until(sub {
    events(series('route', server => 's', route => '/a'), 'rate') >= 260;
}, 35), 'another worker goes on');
is(events(series('route', server => 's', route => '/a'), 'rate'), 260,
   'no request is lost or counted twice');

%found = problems();
is($found{GatewayWorkerLost}{text}, 'A worker process was killed or has crashed.',
   'lost workers are a problem');

$server->reload;
$server->get('/a') for 1 .. 10;

ok(wait_until(sub {
    events(series('route', server => 's', route => '/a'), 'rate') >= 270;
}, 35), 'the workers of a reload go on');
is(events(series('route', server => 's', route => '/a'), 'rate'), 270,
   'with the points of before');

# both documents follow their schemas, with points and problems

for my $what ([ api => '' ], [ history => '/history' ]) {
    my ($schema, $path) = @$what;
    write_file($server->dir . '/document.json',
               JSON::PP->new->utf8->encode(document($server, $path)));
    my $said = qx(/usr/bin/python3 -c '
import json, jsonschema, sys
jsonschema.Draft7Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))
' modules/metrics/$schema.schema.json '@{[ $server->dir ]}/document.json' 2>&1);
    is($? . $said, '0', "$schema.schema.json");
}

my $now = time;
my $all = history(document($server, "/history?since=$now"), 'all');
is_deeply([ map { scalar @{ $_->{rate} } } @{ $all->{steps} } ], [ 0, 0 ],
          'since: no points of before');

$server->stop;
done_testing;
