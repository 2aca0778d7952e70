# SPDX-License-Identifier: BSD-2-Clause

# Samples of requests by trace id, request id, or at random; keep= and slow=; the
# ids in records.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Flood;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

my $nginx = start_nginx(workers => 2, http => <<'END', server => <<'END2');
    gateway_log_format o preset=otel { }
    gateway_log_format g preset=gcp project=p1 { }
    gateway_log_format none preset=gcp { }
    gateway_trust from=127.0.0.1;
    gateway_request_id X-Request-ID;
    gateway_trace propagate;
    keepalive_requests 100000;
END
    location = /none { gateway_log none.json sample=0 flush=0; empty_gif; }
    location = /kept { gateway_log kept.json sample=0 keep=404,denied flush=0;
                       if ($arg_c = 403) { return 403; }
                       if ($arg_c = 404) { return 404; }
                       if ($arg_c = 410) { return 410; }
                       if ($arg_c = 500) { return 500; }
                       empty_gif; }
    location = /default { gateway_log default.json sample=0 flush=0;
                       if ($arg_c = 404) { return 404; }
                       if ($arg_c = 500) { return 500; }
                       empty_gif; }
    location = /half { gateway_log half.json sample=0.5; empty_gif; }
    location = /slow { gateway_log slow.json sample=0 slow=100ms flush=0;
                       proxy_pass http://127.0.0.1:$server_port/$arg_p; }
    location = /any { gateway_log any.json sample=0 slow=0 flush=0; empty_gif; }
    location = /wait { limit_rate 100; limit_rate_after 1;
                       return 200 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"; }
    location /trace/ {
        gateway_log a.json sample=0.5 flush=0;
        gateway_log b.json o sample=0.5 flush=0;
        gateway_log all.json flush=0;
        gateway_log c.json ecs flush=0;
        gateway_log d.json g flush=0;
        gateway_log e.json none flush=0;
        empty_gif;
    }
END2


sub count { scalar(my @lines = lines_of($nginx, $_[0])) }


# --- keep= and slow=

$nginx->get('/none') for 1 .. 5;
is(count('none.json'), 0, 'sample=0: none');

$nginx->get("/kept?c=$_") for 200, 403, 404, 410, 500;
is_deeply([ map { $_->{status} } records($nginx, 'kept.json', 2) ], [ 403, 404 ],
          'keep=404,denied');
my ($kept) = records($nginx, 'kept.json', 2);
like((lines_of($nginx, 'kept.json'))[0], qr/"sample_rate":0[,}]/,
     'a record that keep= adds has sample_rate, too');

$nginx->get("/default?c=$_") for 200, 404, 500;
is_deeply([ map { $_->{status} } records($nginx, 'default.json', 1) ], [ 500 ],
          'keep= is 5xx by default');

$nginx->get('/slow?p=none');
$nginx->get('/slow?p=wait');
my @slow = records($nginx, 'slow.json', 1);
is_deeply([ map { $_->{query} } @slow ], [ 'p=wait' ], 'slow=');
cmp_ok($slow[0]{duration_ms}, '>=', 100, 'slow=: the duration');

$nginx->get('/any');
is(scalar(records($nginx, 'any.json', 1)), 1, 'slow=0: all requests');


# --- by the trace id: all sinks decide the same

my ($low, $high) = ('7' . 'f' x 13, '8' . '0' x 13);
for my $end ($low, $high) {
    my $id = '1' x 18 . $end;
    $nginx->get("/trace/$end", headers => [
        "traceparent: 00-$id-00f067aa0ba902b7-01", 'X-Request-ID: r-1' ]);
}
my @all = records($nginx, 'all.json', 2);
is(scalar @all, 2, 'without sample=: all requests');
is_deeply([ map { $_->{path} } records($nginx, 'a.json', 1) ],
          [ "/trace/$high" ], 'sample=0.5: not below the threshold');
is_deeply([ map { $_->{'url.path'} } records($nginx, 'b.json', 1) ],
          [ "/trace/$high" ], 'the same decision for another sink and format');
like((lines_of($nginx, 'a.json'))[0], qr/"sample_rate":0\.5[,}]/, 'sample_rate');
ok(!exists $all[0]{sample_rate}, 'no sample_rate without sample=');


# --- ids

is($all[1]{trace_id}, '1' x 18 . $high, 'trace_id');
like($all[1]{span_id}, qr/^[0-9a-f]{16}$/, 'span_id');
is($all[1]{parent_id}, '00f067aa0ba902b7', 'parent_id');
is($all[1]{request_id}, 'r-1', 'request_id');
like((lines_of($nginx, 'all.json'))[1], qr/"trace_sampled":true/,
     'trace_sampled is a boolean');

my ($b) = records($nginx, 'b.json', 1);
is($b->{trace_flags}, '01', 'otel: trace_flags');
is($b->{span_id}, $all[1]{span_id}, 'otel: span_id');
my $c = (records($nginx, 'c.json', 2))[1];
is_deeply([ $c->{trace}, $c->{span}, $c->{http}{request}{id} ],
          [ { id => $all[1]{trace_id} }, { id => $all[1]{span_id} }, 'r-1' ],
          'ecs: trace, span and request');
my $d = (records($nginx, 'd.json', 2))[1];
is($d->{'logging.googleapis.com/trace'},
   "projects/p1/traces/$all[1]{trace_id}", 'gcp: the name of the trace');
is($d->{'logging.googleapis.com/spanId'}, $all[1]{span_id}, 'gcp: spanId');
my $e = (records($nginx, 'e.json', 2))[1];
ok(!exists $e->{'logging.googleapis.com/trace'}, 'gcp: no trace name without a project');
is($e->{gateway}{trace_id}, $all[1]{trace_id}, 'gcp: trace_id in gateway');


# --- many

my %ended = flood($nginx->port, '/half', 4000);
$nginx->stop;
is($ended{200}, 4000, 'many requests');
my $half = count('half.json');
ok($half > 1700 && $half < 2300, "about half of them: $half");


# --- a JSON number has no leading zeros

{
    my $nginx = start_nginx(workers => 1, http => <<'END', server => '');
        gateway_log a.json sample=000.5 keep=404 flush=0;
        gateway_log b.json sample=00 keep=404 flush=0;
END
    $nginx->allow(qr/No such file/);
    $nginx->get('/none');
    is((records($nginx, 'a.json', 1))[0]{sample_rate}, 0.5, 'sample=000.5');
    is((records($nginx, 'b.json', 1))[0]{sample_rate}, 0, 'sample=00');
    $nginx->stop;
}


# --- a reload that fails changes nothing for workers that start after it

{
    my $port = free_port();
    my $ids = 'gateway_request_id X-Request-ID;';
    my $log = 'gateway_log a.json sample=0.5 flush=0;';
    my $conf = http_conf(port => $port, workers => 1, server => '',
                         http => "$ids $log");
    my $nginx = start_nginx(conf => $conf, port => $port);
    $nginx->allow(qr/exited on signal 9|unknown directive|No such file/);
    my $variables = join ' ', map { "map \$uri \$v$_ { default 1; }
                                     log_format l$_ \$v$_;" } 1 .. 300;

    $nginx->reload(http_conf(port => $port, workers => 1, server => '',
                             http => "$variables $log $ids")
                   . "\nwrong;\n", wait => 0);
    wait_until(sub { $nginx->log =~ /unknown directive "wrong"/ });

    my ($worker) = $nginx->workers;
    kill 'KILL', $worker;
    wait_until(sub { my @now = $nginx->workers;
                     @now == 1 && $now[0] != $worker });
    $nginx->get('/') for 1 .. 20;
    $nginx->stop;
    unlike($nginx->log, qr/unknown variable index/,
           'a failed reload: variables of the active configuration');
}

done_testing;
