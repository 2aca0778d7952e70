# SPDX-License-Identifier: BSD-2-Clause

# Two nodes of two workers with one Redis: of 2,000 simultaneous requests exactly as
# many pass as there are units.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Load;
use Test::Gateway::Redis;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

my $redis = start_redis();
my $budget = 100;

# timeouts that even a busy machine meets
my $http = <<"END";
    gateway_redis fleet {
        server 127.0.0.1:@{[ $redis->port ]};
        connect_timeout 20s;
        timeout 20s;
    }
    gateway_limit_zone \$arg_k zone=gcra:1m rate=1r/d burst=99 redis=fleet;
    gateway_limit_zone \$arg_k zone=month:1m quota=100/month redis=fleet;
    gateway_limit_zone \$arg_k zone=slide:1m rate=100r/d redis=fleet
                       algorithm=sliding_window;
    gateway_limit_zone \$arg_k zone=wide:1m rate=1r/d burst=149 redis=fleet;
    gateway_limit_zone \$arg_k zone=other:1m quota=120/month redis=fleet;
    gateway_limit_zone \$arg_k zone=node:1m rate=1r/d burst=1999;
    add_header X-Source \$gateway_limit_source always;
END

my $server = <<'END';
    location /gcra  { gateway_limit zone=gcra;  empty_gif; }
    location /month { gateway_limit zone=month; empty_gif; }
    location /slide { gateway_limit zone=slide; empty_gif; }
    location /three { gateway_limit zone=wide; gateway_limit zone=other;
                      gateway_limit zone=slide; empty_gif; }
    location /mixed { gateway_limit zone=node; gateway_limit zone=gcra;
                      empty_gif; }
    location /wide  { gateway_limit zone=wide;  empty_gif; }
    location /other { gateway_limit zone=other; empty_gif; }
    location /node  { gateway_limit zone=node;  empty_gif; }
END

# both accept the connections of all clients
my @nodes = map {
    my $port = free_port();
    start_nginx(port => $port,
                conf => http_conf(http => $http, server => $server,
                                  port => $port, workers => 2)
                        =~ s/worker_connections 256/worker_connections 4096/r);
} 1, 2;

is(wait_until(sub { $redis->connections == 4 }, 10), 1,
   'each of the four workers has one connection');


sub crowd {
    my ($path, $n) = @_;

    return http_many([ map { [ $nodes[$_ % 2]->port, $path ] } 1 .. $n ],
                     timeout => 60);
}

sub exactly {
    my ($path, $what) = @_;

    my @answers = crowd($path, 2000);
    is(answers(@answers), "200:$budget 429:" . (2000 - $budget),
       "$what: of 2,000 requests exactly $budget pass");

    for my $n (0, 1) {
        my $asked = grep { header($answers[$_], 'X-Source') eq 'redis'
                           && $_ % 2 == $n } 0 .. $#answers;
        cmp_ok($asked, '>', 0, 'both nodes have called');
    }

    my %source;
    $source{ header($_, 'X-Source') }++ for @answers;

    # responses describe the limit with the smallest share left, and a node
    # holds units during calls; all may be called before the first rejection
    delete $source{shm} if $path =~ /mixed/;
    delete $source{deny_cache};
    is(CORE::join(' ', sort keys %source), 'redis',
       'Redis, or a remembered rejection, has decided all');

    # each unit is given once: all admitted requests have different remainders
    return CORE::join ' ', sort { $a <=> $b }
           map { header($_, 'X-RateLimit-Remaining') }
           grep { $_->{status} == 200 } @answers;
}

for (1 .. 2) {
    my $all = CORE::join ' ', 0 .. 99;
    is(exactly("/gcra?k=g$_", 'gcra'), $all, 'each unit is given once');
    is(exactly("/month?k=q$_", 'quota a month'), $all, 'each unit is given once');
    is(exactly("/slide?k=s$_", 'sliding window'), $all,
       'each unit is given once');
}


# --- three limits: the larger ones are charged for admitted requests

exactly('/three?k=t', 'three limits at once');

is(answers(crowd('/wide?k=t', 200)), '200:50 429:150',
   'of the 150 of one 100 are charged');
is(answers(crowd('/other?k=t', 200)), '200:20 429:180',
   'and of the 120 of another');


# --- a limit of each node and one of both nodes

exactly('/mixed?k=m', 'one limit in shared memory and one in Redis');

my $passed = 0;
for my $node (@nodes) {
    my @left = http_many([ ([ $node->port, '/node?k=m' ]) x 2000 ],
                         timeout => 60);
    $passed += grep { $_->{status} == 200 } @left;
}
is(4000 - $passed, $budget,
   'rejections by Redis were refunded in shared memory of both nodes');

is($redis->connections, 4, 'and four connections have carried all of it');
$_->stop for @nodes;


# --- a node with a wrong clock: the windows are those of Redis

my ($lib) = grep { -e } glob '/usr/lib/*/faketime/libfaketimeMT.so.1';

SKIP: {
    skip('libfaketime is not available', 1) if !$lib;

    # the runtime of a sanitizer must be the first library
    my $binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
    skip('this nginx does not start with libfaketime', 1)
        if `LD_PRELOAD=$lib $binary -v 2>&1` !~ /nginx version/;

    my %zones = (rate => 'rate=3r/d algorithm=fixed_window', day => 'quota=3/day',
                 second => 'rate=5r/s algorithm=fixed_window',
                 map({ $_ => "quota=3/$_" } qw( minute hour week month )));
    my @parts = (
        http => <<"END" . CORE::join('', map { <<"END" } sort keys %zones),
    gateway_redis fleet {
        server 127.0.0.1:@{[ $redis->port ]}; connect_timeout 20s; timeout 20s;
    }
END
    gateway_limit_zone \$arg_k zone=$_:1m $zones{$_} redis=fleet;
END
        server => CORE::join('', map { <<"END" } sort keys %zones));
    location /$_/ { gateway_limit zone=$_; empty_gif; }
    location /$_/settle { gateway_limit zone=$_ cost=1 settle reserve=2;
                          empty_gif; }
    location /$_/used { gateway_limit_admin zone=$_ from=any; }
END

    my $right = start_nginx(workers => 1, @parts);

    # the minute by the clock of Redis
    my $minute = sub { int(($redis->cli('TIME') // [])->[0] / 60) };

    # seconds: slightly wrong, and wrong by an hour, days, weeks and months
    for my $by (-5, 2.5, 3600, 40 * 86_400,
                map { 3600 * $_ } 49, 60, 24 * 80, -1, -36, -60, -24 * 80) {
        local @ENV{qw( LD_PRELOAD FAKETIME DONT_FAKE_MONOTONIC )}
            = ($lib, sprintf('%+.1f', $by), 1);
        my $wrong = start_nginx(workers => 1, @parts);
        delete local @ENV{qw( LD_PRELOAD FAKETIME )};

        for my $zone (grep { $_ ne 'second' } sort keys %zones) {
            for my $first (0, 1) {
                my ($said, $n);

                # again if the window ended meanwhile
                for (1 .. 5) {
                    my $began = $minute->();
                    my $key = "k=$zone$by$first$_";
                    $said = CORE::join ' ', map {
                        (($_ % 2 == $first ? $right : $wrong)
                         ->get("/$zone/?$key"))[0] } 1 .. 8;
                    last if $minute->() == $began;
                }
                is($said, '200 200 200 429 429 429 429 429',
                   "$by s, $zone: one count for both");
            }

            my $key = "k=$zone${by}s";
            is(($wrong->get("/$zone/settle?$key"))[0], 200, '    reserves');
            next if $zone eq 'minute';
            my $used = "/$zone/used?zone=$zone&$key" =~ s/&k=/&key=/r;
            ok(wait_until(sub {
                   ($right->get($used))[2] =~ /"used":1\b/
               }, 10), '    and settles');
        }

        # windows of a second, by the clock of Redis
        my ($began, %passed) = $redis->cli('TIME')->[0];
        my $now = $began;
        for (my $i = 0; $now < $began + 3; $i++) {
            $passed{$i % 2}++
                if (($i % 2 ? $right : $wrong)->get("/second/?k=$by"))[0] == 200;
            $now = $redis->cli('TIME')->[0];
        }
        my $all = ($passed{0} // 0) + ($passed{1} // 0);
        cmp_ok($all, '<=', 5 * ($now - $began + 1), "$by s: not more in a second");
        cmp_ok($all, '>=', 10, '    and not less, in the two whole ones');
        $wrong->stop;
    }
    $right->stop;
}
done_testing();
