# SPDX-License-Identifier: BSD-2-Clause

# limit_...: decisions by result and source, and what the zones count.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::FakeRedis;
use Test::Gateway::Load;
use Test::Gateway::Scrape;
use Test::Gateway::Server;
use Test::More;

my @labels = qw( zone result source );

my $fake = fake_redis(actions => [ 'silence' ]);

my $server = start_nginx(http => <<"END", server => <<"END");
    $Metrics{http}
    gateway_redis fleet {
        server 127.0.0.1:@{[ $fake->port ]};
        timeout 200ms; breaker failures=1000;
    }
    gateway_redis gone { server 127.0.0.1:1; }
    gateway_limit_zone \$arg_k zone=one:1m rate=1r/d burst=2;
    gateway_limit_zone \$arg_k zone=two:1m rate=1r/d burst=9;
    gateway_limit_zone \$arg_k zone=slow:1m rate=20r/s;
    gateway_limit_zone \$arg_k zone=quiet:1m rate=20r/s;
    gateway_limit_zone \$arg_k zone=dry:1m rate=1r/d dry_run;
    gateway_limit_zone \$arg_k zone=tiny:64k rate=1r/d burst=99;
    gateway_limit_zone \$arg_k zone=local:1m rate=1r/d burst=9 redis=fleet;
    gateway_limit_zone \$arg_k zone=open:1m rate=1r/d redis=gone on_error=open;
    gateway_limit_zone \$arg_k zone=closed:1m rate=1r/d redis=gone
                       on_error=closed;
    gateway_limit_zone \$arg_k zone=idle:1m rate=1r/d;
END
    $Metrics{server}
    location = /one { gateway_limit zone=one; empty_gif; }
    location = /both { gateway_limit zone=two; gateway_limit zone=one;
                       empty_gif; }
    location = /slow { gateway_limit zone=slow burst=5; empty_gif; }
    location = /quiet { gateway_limit zone=quiet burst=5 dry_run; empty_gif; }
    location = /dry { gateway_limit zone=dry; empty_gif; }
    location = /tiny { gateway_limit zone=tiny; empty_gif; }
    location = /local { gateway_limit zone=local; empty_gif; }
    location = /open { gateway_limit zone=open; empty_gif; }
    location = /closed { gateway_limit zone=closed; empty_gif; }
    location = /exempt { gateway_limit zone=one;
                         gateway_limit_exempt \$arg_x; empty_gif; }
END

$server->allow(qr/connect\(\) failed/);

sub get {
    my ($path, $n) = @_;

    my %status;
    $status{ (http_get($server, $path))[0] }++ for 1 .. $n;
    return join ' ', map { "$_:$status{$_}" } sort keys %status;
}

is(get('/one?k=a', 5), '200:3 429:2', 'three pass, two do not');
is(get('/both?k=a', 2), '429:2', 'one of two limits refuses');
is(get('/slow?k=a', 2), '200:2', 'the second request is delayed');
is(get('/quiet?k=a', 2), '200:2', 'or would be');
is(get('/dry?k=a', 3), '200:3', 'two of three would be refused');
is(get('/exempt?k=b&x=1', 2), '200:2', 'two are exempt');
is(get('/one', 2), '200:2', 'two have no key');
is(get('/open?k=a', 2), '200:2', 'without Redis, requests pass');
is(get('/closed?k=a', 2), '503:2', 'or fail');

my %expected = (
    'one PASSED shm' => 3,
    'one REJECTED shm' => 2 + 2,
    'two PASSED shm' => 2,
    'slow PASSED shm' => 1,
    'slow DELAYED shm' => 1,
    'quiet PASSED shm' => 1,
    'quiet DELAYED_DRY_RUN shm' => 1,
    'dry PASSED shm' => 1,
    'dry REJECTED_DRY_RUN shm' => 2,
    'open PASSED open' => 2,
    'closed ERROR closed' => 2,
);

counted($server, 'limit_decisions_total', \@labels, \%expected,
        'each decision is counted once');

is(get('/local?k=a', 2), '200:2', 'Redis is silent: the worker decides');
$expected{'local PASSED local'} = 2;
counted($server, 'limit_decisions_total', \@labels, \%expected,
        'the source is counted');


# --- what zones count

counted($server, 'limit_unsettled_total', [ 'zone' ],
        { local => 0, open => 0, closed => 0 },
        'zones in Redis count unconfirmed charges');
counted($server, 'limit_unreturned_total', [ 'zone' ],
        { local => 0, open => 0, closed => 0 }, 'and refunds');

is(value($server, 'limit_evicted_keys_total', zone => 'one'), 0,
   'no key was evicted');
is(value($server, 'limit_used_ratio', zone => 'idle'), 0, 'a zone is empty');
get('/tiny?k=0', 1);
cmp_ok(value($server, 'limit_used_ratio', zone => 'tiny'), '<', 0.1,
       'another one has few keys');

http_many([ map { [ $server->port, "/tiny?k=$_" ] } 1 .. 2000 ],
          at_once => 50);

cmp_ok(value($server, 'limit_evicted_keys_total', zone => 'tiny'), '>', 0,
       'a full zone evicts keys');
cmp_ok(value($server, 'limit_used_ratio', zone => 'tiny'), '>', 0.9,
       'and is full');

ok($server->reload, 'a reload');
cmp_ok(value($server, 'limit_evicted_keys_total', zone => 'tiny'), '>', 0,
       'its count stays');

$server->stop;
$fake->stop;

done_testing();
