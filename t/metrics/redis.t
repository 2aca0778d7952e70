# SPDX-License-Identifier: BSD-2-Clause

# redis_...: calls by status, their durations, connections, the breaker.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::FakeRedis;
use Test::Gateway::Scrape;
use Test::Gateway::Server;
use Test::More;

my @labels = qw( redis node status );

# what limit's script returns for a request that passes
my $passed = [ integers => 1, time * 1_000_000, 5, 86_400_000_000, 0 ];

sub start {
    my ($fake, %arg) = @_;

    my $more = $arg{more} // '';
    return start_nginx(workers => $arg{workers} // 1, http => <<"END",
    $Metrics{http}
    gateway_redis fleet {
        server 127.0.0.1:@{[ $fake->port ]};
        connect_timeout 5s; timeout 10s; $more
    }
    gateway_limit_zone \$arg_k zone=z:1m rate=1r/d burst=99 redis=fleet;
END
        server => "$Metrics{server}\n"
                  . 'location / { gateway_limit zone=z; empty_gif; }');
}

sub get { return map { (http_get($_[0], '/?k=' . $_))[0] } 1 .. $_[1] }

# the statuses that have occurred

sub statuses {
    my ($server, $fake, %expected) = @_;

    my $node = '127.0.0.1:' . $fake->port;
    my %all = map { ("fleet $node $_" => $expected{$_} // 0) }
              qw( ok breaker_open not_connected too_many_calls timeout
                  connection_lost error_reply malformed_reply );
    return \%all;
}

sub connected {
    my ($server, $n) = @_;
    return wait_until(sub { (value($server, 'redis_connections',
                                   redis => 'fleet') // -1) == $n }, 10);
}


# --- replies

my $fake = fake_redis(actions => [ $passed ]);
my $server = start($fake, workers => 2, more => 'connections 3;');

ok(connected($server, 6), 'two workers have three connections each');
get($server, 5);
counted($server, 'redis_calls_total', \@labels,
        statuses($server, $fake, ok => 5), 'each call is counted once');
is(value($server, 'redis_call_duration_seconds_count', redis => 'fleet'), 5,
   'and each reply has a duration');
cmp_ok(value($server, 'redis_call_duration_seconds_sum', redis => 'fleet'),
       '<', 5, 'which is short');
is(value($server, 'redis_breaker_open', redis => 'fleet'), 0,
   'the breaker is closed');

ok($server->reload, 'a reload');
ok(connected($server, 6), 'connections of workers that exit do not count');
get($server, 2);
counted($server, 'redis_calls_total', \@labels,
        statuses($server, $fake, ok => 7), 'calls are added up');

my ($worker) = $server->workers;
$server->allow(qr/exited on signal 9/);
kill 'KILL', $worker;
ok(wait_until(sub { !grep { $_ == $worker } $server->workers }, 10),
   'a worker is killed');
ok(connected($server, 6), 'its connections do not count');
counted($server, 'redis_calls_total', \@labels,
        statuses($server, $fake, ok => 7), 'its calls do');

$server->stop;
$fake->stop;


# --- other ends of a call

for my $case ([ error_reply => [ error => 'ERR wrong' ], 1 ],
              [ malformed_reply => [ reply => "+OK\r\n" ], 1 ],
              [ connection_lost => 'close', 0 ]) {
    my ($status, $action, $reply) = @$case;

    my $fake = fake_redis(actions => [ $action ]);
    my $server = start($fake, more => 'breaker failures=1000;');
    ok(connected($server, 1), "$status: connected");
    get($server, 1);
    counted($server, 'redis_calls_total', \@labels,
            statuses($server, $fake, $status => 1), '    the call is counted');
    $server->stop;
    $fake->stop;
}

$fake = fake_redis(actions => [ [ delay => 0.5, $passed ] ]);
$server = start($fake);
ok(connected($server, 1), 'a slow server');
get($server, 1);
cmp_ok(value($server, 'redis_call_duration_seconds_sum', redis => 'fleet'),
       '>=', 0.45, 'the duration of a call is that of its reply');
$server->stop;
$fake->stop;

$fake = fake_redis(actions => [ 'silence' ]);
$server = start_nginx(workers => 1, http => <<"END", server =>
    $Metrics{http}
    gateway_redis fleet {
        server 127.0.0.1:@{[ $fake->port ]};
        connect_timeout 5s; timeout 100ms; breaker failures=2 retry=1h;
    }
    gateway_limit_zone \$arg_k zone=z:1m rate=1r/d burst=99 redis=fleet;
END
    "$Metrics{server}\nlocation / { gateway_limit zone=z; empty_gif; }");
ok(connected($server, 1), 'a silent server');
get($server, 2);
is(value($server, 'redis_breaker_open', redis => 'fleet'), 1,
   'two failures open the breaker');
get($server, 3);
counted($server, 'redis_calls_total', \@labels,
        statuses($server, $fake, timeout => 2, breaker_open => 3),
        'calls that are not sent are counted');
is(value($server, 'redis_call_duration_seconds_count', redis => 'fleet'), 0,
   'and have no duration');
$server->stop;
$fake->stop;

$server = start_nginx(workers => 1, http => <<"END", server =>
    $Metrics{http}
    gateway_redis fleet { server 127.0.0.1:1; breaker failures=1000; }
    gateway_limit_zone \$arg_k zone=z:1m rate=1r/d burst=99 redis=fleet;
END
    "$Metrics{server}\nlocation / { gateway_limit zone=z; empty_gif; }");
get($server, 2);
is(value($server, 'redis_calls_total', status => 'not_connected'), 2,
   'calls without a connection are counted');
is(value($server, 'redis_connections', redis => 'fleet'), 0,
   'and there is none');
$server->stop;

done_testing();
