# SPDX-License-Identifier: BSD-2-Clause

# What is wrong, in words: Redis, limits, files, zones, logs and certificates that
# fail, each as in a real failure, and the history of what has no duration.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Certificate;
use Test::Gateway::Consumer;
use Test::Gateway::Load;
use Test::Gateway::Origin;
use Test::Gateway::Samples qw( document history events );
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep );

my ($port, $tls, $redis) = map { free_port() } 1 .. 3;

my $origin = origin();
$origin->answer('/cached', head => [ 'Cache-Control: max-age=600' ]);

my $dir = certificate_dir();
for (my %days = (ends => 13, lasts => 15); my ($name, $days) = each %days; ) {
    my $said = qx(openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=$name -days $days \\
        -keyout $dir/$name.key -out $dir/$name.crt 2>&1);
    is($?, 0, "a certificate for $days days") or die $said;
}

sub tls_server {
    my ($name) = @_;
    return "server { listen 127.0.0.1:$tls ssl; server_name $name.example;\n"
           . "ssl_certificate $dir/$name.crt; ssl_certificate_key $dir/$name.key; }\n";
}

my $server = start_nginx(
    port => $port, workers => 2,
    files => { 'consumers.json' => consumers(consumer('acme')) },
    http => <<"END" . tls_server("ends") . tls_server("lasts"), server => <<'END' =~ s/ORIGIN/$origin->port/er);
    gateway_metrics_zone zone=m:16m;
    gateway_consumers zone=c:1m file=consumers.json watch=100ms;
    gateway_cache_zone zone=c:8m;
    gateway_redis fleet { server 127.0.0.1:$redis; connect_timeout 200ms; timeout 200ms; }
    gateway_limit_zone \$arg_k zone=far:1m rate=1000r/s burst=1000 redis=fleet;
    gateway_limit_zone \$arg_k zone=tiny:64k rate=1r/d burst=99;
    gateway_limit_zone \$arg_one zone=one:1m rate=1r/d;
    limit_req_zone \$arg_k zone=req:32k rate=100r/s;
END
    location = /key { gateway_api_key api; empty_gif; }
    location = /far { gateway_limit zone=far; empty_gif; }
    location = /tiny { gateway_limit zone=tiny; empty_gif; }
    location = /one { gateway_limit zone=one; empty_gif; }
    location = /req { limit_req zone=req burst=1000 nodelay; empty_gif; }
    location = /cached { gateway_cache c; proxy_pass http://127.0.0.1:ORIGIN; }
    location = /log { gateway_log lost.json buffer=32k flush=1h; empty_gif; }
    location /gateway/ { gateway_metrics_page from=127.0.0.1; }
END
$server->allow(qr/exited on signal 9|could not allocate node/);

sub texts {
    my %found;
    $found{$_->{alert}}{$_->{text}} = $_ for @{ document($server)->{problems} };
    return \%found;
}

# a certificate, and Redis, to which workers connect when they start

ok(wait_until(sub { sleep 0.2; texts()->{GatewayCertificateEnds} }, 25),
   'what is wrong from the start is found');
is_deeply([ grep { $_ ne 'GatewayRedisNotAsked' } sort keys %{ texts() } ],
          [ 'GatewayCertificateEnds' ], 'besides Redis, nothing else is');
is_deeply([ sort keys %{ texts()->{GatewayCertificateEnds} } ],
          [ 'Server ends.example: its certificate ends in less than 14 days.' ],
          'the certificate that ends in 13 days, not that of 15');
ok(wait_until(sub { sleep 0.2; history(document($server, '/history'), 'all') }, 25),
   'the history has begun');


# --- everything fails

my $key = api_key('acme');
is(scalar(grep { ($server->get('/key', headers => [ "X-API-Key: $key" ]))[0] == 200 }
               1 .. 20), 20, 'requests of a consumer');
http_many([ map { [ $port, "/tiny?k=$_" ] } 1 .. 2000 ], at_once => 50);
http_many([ map { [ $port, "/req?k=" . $_ x 20 ] } 1 .. 2000 ], at_once => 50);
http_many([ map { [ $port, "/far?k=$_" ] } 1 .. 100 ], at_once => 20);
is(answers(http_many([ map { [ $port, '/one?one=a' ] } 1 .. 10 ], at_once => 1)),
   '200:1 429:9', 'a limit');
is(answers(http_many([ map { [ $port, '/cached' ] } 1 .. 30 ], at_once => 1)),
   '200:30', 'the cache');
http_many([ map { [ $port, '/log' ] } 1 .. 20 ]);
write_file($server->dir . '/consumers.json', 'not JSON');
sleep 0.5;

my %old = map { $_ => 1 } $server->workers;
kill 'KILL', keys %old;
ok(wait_until(sub { my @now = $server->workers;
                    @now == 2 && !grep { $old{$_} } @now }, 10),
   'the workers are killed');

# each new worker must see for itself that Redis is away
my $far = 0;
my %expected = (
    GatewayRedisNotAsked => qr/^Redis fleet: not asked for .+, limits count here\.$/,
    GatewayLimitKeysForgotten =>
        qr/^Limit zone tiny: in the last 5 minutes it was full and forgot keys in use\.$/,
    GatewayFileStale =>
        qr{^File \S+/consumers\.json: in the last 5 minutes it could not be loaded; until it can, its last content is in force\.$},
    GatewayWorkerLost => qr/^A worker process was killed or has crashed\.$/,
    GatewayZoneFull => qr/^Zone req: it is full\.$/,
    GatewayLogRecordsLost =>
        qr{^Log \S+/lost\.json: in the last 5 minutes, records were lost \(lost_worker\)\.$},
    GatewayCertificateEnds => qr/^Server ends\.example: its certificate ends/,
);

ok(wait_until(sub {
    http_many([ map { [ $port, '/far?k=' . $far++ ] } 1 .. 20 ], at_once => 10);
    my $found = texts();
    sleep 0.2;
    return !grep { !$found->{$_} } keys %expected;
}, 45), 'all of it is found') or diag join ' ', sort keys %{ texts() };

my $found = texts();
for my $alert (sort keys %expected) {
    my @texts = keys %{ $found->{$alert} // {} };
    is(scalar(grep { $_ !~ $expected{$alert} } @texts), 0, "$alert, in words")
        or diag join "\n", @texts;
    my ($since) = map { $_->{since} } values %{ $found->{$alert} // {} };
    ok(abs(($since // 0) - time) < 120, '    and since when');
}
is_deeply([ sort keys %$found ], [ sort keys %expected ], 'and nothing else');

# what Prometheus would be told is the same
my $families = document($server)->{families};
my ($open) = grep { $_->{value} > 0 } @{ $families->{redis_breaker_open}{series} };
is($open->{labels}{redis}, 'fleet', 'redis_breaker_open');


# --- the history of each kind

my %kinds = (consumer => [ { consumer => 'acme' }, 20, 0 ],
             limit => [ { zone => 'one' }, 10, 9 ],
             cache => [ { zone => 'c' }, 30, undef ]);
for my $kind (sort keys %kinds) {
    my ($labels, $events, $errors) = @{ $kinds{$kind} };
    my $series;
    ok(wait_until(sub {
        sleep 0.2;
        $series = history(document($server, '/history'), $kind, %$labels);
        events($series, 'rate') == $events;
    }, 30), "$kind: $events events") or diag events($series, 'rate');
    is(events($series, 'errors'), $errors, "$kind: $errors errors") if defined $errors;
}
my $redis_series = history(document($server, '/history'), 'redis');
cmp_ok(events($redis_series, 'errors'), '>', 0, 'redis: calls that fail');

$server->stop;
done_testing;
