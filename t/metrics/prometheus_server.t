# SPDX-License-Identifier: BSD-2-Clause

# A real Prometheus, configured by conf.examples/prometheus: it scrapes
# OpenMetrics with exemplars, loads the rules, and each query of the dashboard
# returns data.  It scrapes each second instead of each 15.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use IO::Socket::INET;
use JSON::PP;
use Test::Gateway::Certificate;
use Test::Gateway::Consumer;
use Test::Gateway::Redis;
use Test::Gateway::Server;
use Test::More;

sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$file>;
}

certificate('a');
my $redis = start_redis();
my ($port, $tls, $up) = map { free_port() } 1 .. 3;

my $server = start_nginx(port => $port, workers => 2,
    files => { certificate_files(),
               'consumers.json' => consumers(consumer('acme')) },
    http => <<"END", server => <<'END');
    gateway_metrics_zone zone=m:16m;
    gateway_trust from=127.0.0.1;
    gateway_trace propagate sample=1;
    gateway_log log.json;
    gateway_consumers zone=c:1m file=consumers.json;
    gateway_redis fleet { server 127.0.0.1:@{[ $redis->port ]}; }
    gateway_limit_zone \$gateway_consumer zone=z:1m rate=1000r/s redis=fleet;
    gateway_cache_zone zone=cache:2m;
    upstream up { zone up 64k; server 127.0.0.1:$up; }
    server { listen 127.0.0.1:$up; return 200 up; }
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate a.crt;
        ssl_certificate_key a.key;
    }
END
    location /gateway/ { gateway_metrics_page from=127.0.0.1; }
    location / {
        gateway_api_key api;
        gateway_limit zone=z;
        gateway_cache cache;
        proxy_pass http://up;
    }
    location /fails { return 503; }
END


# --- Prometheus

my $home = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
my $web = free_port();
my $examples = 'conf.examples/prometheus';

my $conf = slurp("$examples/prometheus.yml");
$conf =~ s/127\.0\.0\.1:8080/127.0.0.1:$port/ or die 'no target';
$conf =~ s/_interval: 15s/_interval: 1s/g;
write_file("$home/prometheus.yml", $conf);
write_file("$home/alerts.yml", slurp("$examples/alerts.yml"));

my $pid = fork // die "fork: $!";
if (!$pid) {
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', "$home/log";
    open STDERR, '>&', \*STDOUT;
    exec 'prometheus', "--config.file=$home/prometheus.yml",
         "--storage.tsdb.path=$home/data", "--web.listen-address=127.0.0.1:$web",
         '--enable-feature=exemplar-storage' or POSIX::_exit(1);
}
my $main = $$;

END {
    if ($pid && $main == $$) {
        local $?;
        kill 'KILL', $pid;
        waitpid $pid, 0;
    }
}

sub api {
    my ($path, %query) = @_;

    my $query = join '&', map {
        "$_=" . $query{$_} =~ s/([^A-Za-z0-9_.-])/sprintf '%%%02X', ord $1/ger
    } sort keys %query;
    my $text = qx(curl -s --max-time 20 'http://127.0.0.1:$web/api/v1/$path?$query');
    my $answer = eval { decode_json($text) } // {};
    return $answer->{data} if ($answer->{status} // '') eq 'success';
    return;
}

sub requests {
    $server->get('/' . ++(state $n), headers => [ 'X-API-Key: '
                                                  . api_key('acme') ]);
    $server->get('/1', headers => [ 'X-API-Key: ' . api_key('acme') ]);
    $server->get('/');
    $server->get('/fails');
    return;
}

sub scrapes {
    my $data = api('query', query => 'sum(nginx_gateway_build_info)') // return 0;
    my $range = api('query', query => 'count_over_time(nginx_gateway_workers[1m])');
    return $data->{result}[0] && $range->{result}[0]
           ? $range->{result}[0]{value}[1] : 0;
}

ok(wait_until(sub { requests(); scrapes() >= 8 }, 60), 'there are scrapes')
    or diag slurp("$home/log");

my $target = api('targets')->{activeTargets}[0];
is("$target->{health} $target->{lastError}", 'up ', 'without an error');

my $groups = api('rules')->{groups};
my @rules = map { @{ $_->{rules} } } @$groups;
cmp_ok(scalar @rules, '>=', 12, 'the rules are loaded');
is_deeply([ map { $_->{health} eq 'ok' ? () : "$_->{name}: $_->{lastError}" }
            @rules ], [], 'and can be evaluated');

my $exemplars = api('query_exemplars', start => time - 60, end => time,
    query => 'nginx_gateway_http_request_duration_seconds_bucket');
my @traces = map { $_->{labels}{trace_id} }
             map { @{ $_->{exemplars} } } @$exemplars;
cmp_ok(scalar @traces, '>', 0, 'there are exemplars');
is(scalar(grep { !/^[0-9a-f]{32}$/ } @traces), 0, 'each with a trace');


# --- the dashboard

my $dashboard = decode_json(slurp("$examples/grafana.json"));

my @queries = map { map { $_->{expr} } @{ $_->{targets} } }
              @{ $dashboard->{panels} };
cmp_ok(scalar @queries, '>=', 20, 'queries of the dashboard');

for my $query (@queries) {
    my $real = $query =~ s/\$__rate_interval/10s/gr =~ s/\$instance/.*/gr;
    my $data = api('query', query => $real);
    my @values = map { $_->{value}[1] } @{ ($data // {})->{result} };
    ok(scalar(grep { $_ ne 'NaN' } @values), $query) or diag "@values";
}

my @complaints = grep { /level=(?:warn|error)/ } split /\n/, slurp("$home/log");
is(join("\n", @complaints), '', 'Prometheus has no complaint');

kill 'TERM', $pid;
waitpid $pid, 0;
undef $pid;
$redis->stop;
$server->stop;

done_testing();
