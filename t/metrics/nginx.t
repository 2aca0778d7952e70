# SPDX-License-Identifier: BSD-2-Clause

# What nginx itself counts and knows: connections, zones, its cache, workers,
# configurations, versions.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Gate qw( read_file );
use Test::Gateway::Samples;
use Test::Gateway::Server;
use Test::More;

my ($port, $origin) = map { free_port() } 1 .. 2;

sub conf {
    my (%arg) = @_;
    return http_conf(port => $port, workers => 2, http => <<"HTTP",
    gateway_metrics_zone zone=metrics:8m;
    limit_req_zone \$binary_remote_addr zone=req:512k rate=100r/s;
    proxy_cache_path cache keys_zone=cached:1m;
    upstream a { zone a 256k; server 127.0.0.1:$origin; }
    server {
        listen 127.0.0.1:$origin;
        add_header Cache-Control max-age=\$arg_age;
        return 200 "x";
    }
HTTP
    server => <<"SERVER");
    @{[ $arg{more} // '' ]}
    server_name www.example;
    location = /metrics { gateway_metrics_page from=127.0.0.1; }
    location /cache {
        proxy_cache cached;
        proxy_cache_bypass \$arg_bypass;
        proxy_pass http://a;
    }
    location /off {
        gateway_metrics off;
        proxy_cache cached;
        proxy_pass http://a;
    }
SERVER
}

my $begin = time;
my $server = start_nginx(port => $port, conf => conf());
my $at = scrape($server);


# --- versions

my ($suite) = read_file('tools/gw_tool.h') =~ /GW_TOOL_VERSION\s+"(.*)"/;
my ($nginx) = qx(@{[ Test::Gateway::Server::binary() ]} -v 2>&1)
              =~ m{/(\d+\.\d+\.\d+)};
is($at->{qq(build_info{version="$suite",nginx="$nginx"})}, 1, 'versions');


# --- connections

SKIP: {
    skip 'nginx was built without stub_status', 5
        if !exists $at->{'connections{state="active"}'};

    my @idle = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $port) or die $! }
               1 .. 5;
    for my $client (@idle) {
        print $client "GET /none HTTP/1.1\r\nHost: x\r\n\r\n";
        my $text = '';
        1 while $text !~ /<\/html>/ && sysread $client, $text, 4096,
                                               length $text;
    }

    ok(wait_until(sub { scrape($server)->{'connections{state="waiting"}'}
                        == 5 }), 'idle connections');
    $at = scrape($server);
    is($at->{'connections{state="active"}'}, 6, 'active ones');
    is($at->{'connections{state="writing"}'}, 1, 'the scrape is writing');
    is($at->{'connections{state="reading"}'}, 0, 'no other is reading');

    my ($accepted, $handled) = map { "connections_${_}_total" }
                               qw( accepted handled );
    my $more = scrape($server);
    is_deeply([ map { $more->{$_} - $at->{$_} } $accepted, $handled ],
              [ 1, 1 ], 'each scrape is a connection');
}


# --- zones

is($at->{'zone_size_bytes{zone="req"}'}, 512 * 1024, 'the size of a zone');
is($at->{'zone_size_bytes{zone="a"}'}, 256 * 1024, 'of an upstream block');
is($at->{'zone_size_bytes{zone="cached"}'}, 1024 * 1024, 'of a cache');
is($at->{'zone_size_bytes{zone="gateway_metrics:metrics"}'}, 8 * 1024 * 1024,
   'of the suite');
cmp_ok($at->{'zone_free_bytes{zone="req"}'}, '>', 400 * 1024, 'free pages');
cmp_ok($at->{'zone_free_bytes{zone="req"}'}, '<', 512 * 1024, 'not all');
is($at->{'zone_free_bytes{zone="req"}'} % 4096, 0, 'whole pages');
is_deeply([ grep { /^zone_free_bytes\{zone="gateway/ } keys %$at ], [],
          'zones of the suite have none by design');


# --- nginx's cache

my $cached = sub { qq(proxy_cache_requests_total{server="www.example",)
                   . qq(status="$_[0]"}) };
counts($server, sub { http_get($server, '/cache?age=100') for 1 .. 3 },
       qr/^proxy_cache/, { $cached->('MISS') => 1, $cached->('HIT') => 2 },
       'one miss, two hits');
counts($server, sub { http_get($server, '/cache?age=100&bypass=1') },
       qr/^proxy_cache/, { $cached->('BYPASS') => 1 }, 'a bypass');
counts($server, sub { http_get($server, '/cache?age=0') for 1 .. 2 },
       qr/^proxy_cache/, { $cached->('MISS') => 2 }, 'not stored');
counts($server, sub { http_get($server, '/off?age=0');
                      http_get($server, '/none') },
       qr/^proxy_cache/, {}, 'without metrics, or without a cache');
counts($server, sub { http_get($server, '/cache?age=100') },
       qr/^upstream_tries/, {}, 'a hit tries no server');


# --- configurations

is($at->{config_loads_total}, 1, 'the first configuration');
my $first = $at->{config_last_load_timestamp_seconds};
cmp_ok($first, '>=', $begin, 'when it was loaded');
cmp_ok($first, '<=', time, 'until now');

wait_until(sub { time > $first });
ok($server->reload, 'a reload');
$at = scrape($server);
is($at->{config_loads_total}, 2, 'the second configuration');
cmp_ok($at->{config_last_load_timestamp_seconds}, '>', $first, 'is newer');

my $second = $at->{config_last_load_timestamp_seconds};
$server->allow('unknown directive "wrong"');
$server->reload(conf(more => 'wrong;'), wait => 0);
ok(wait_until(sub { $server->log =~ /unknown directive "wrong"/ }),
   'a reload that fails');
$at = scrape($server);
is($at->{config_loads_total}, 2, 'is not counted');
is($at->{config_last_load_timestamp_seconds}, $second, 'and has no time');
ok($server->reload(conf()), 'another reload');
is(scrape($server)->{config_loads_total}, 3, 'is counted');


# --- workers

is(scrape($server)->{workers}, 2, 'workers');
is(scrape($server)->{worker_losses_total}, 0, 'that leave are not lost');

# without the processes of nginx's cache

sub workers {
    return grep {
        open my $in, '<', "/proc/$_/cmdline";
        $in && (<$in> // '') =~ /worker process/;
    } $server->workers;
}

for my $n (1 .. 2) {
    my ($pid) = workers();
    $server->allow("worker process $pid exited on signal 9");
    kill 'KILL', $pid;
    ok(wait_until(sub {
        my @now = workers();
        return @now == 2 && !grep { $_ == $pid } @now;
    }), 'a worker is killed');
    ok(wait_until(sub { scrape($server)->{worker_losses_total} == $n }),
       'which is a loss');
    is(scrape($server)->{workers}, 2, 'there are two again');
}

# an old worker that still has a request

{
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    print $client "GET /none HTTP/1.1\r\n";
    ok(wait_until(sub {
        my $at = scrape($server);
        return ($at->{'connections{state="reading"}'} // 1) >= 1;
    }), 'a request is being sent');
    $server->reload(undef, wait => 0);
    ok(wait_until(sub { scrape($server)->{config_loads_total} == 4 }),
       'a reload meanwhile');
    ok(wait_until(sub { scrape($server)->{workers} == 3 }),
       'workers that are shutting down are included');
    close $client;
    ok(wait_until(sub { scrape($server)->{workers} == 2 }), 'until they end');
    is(scrape($server)->{worker_losses_total}, 2, 'which is no loss');
}

$server->stop;


# --- one process

my $single = start_nginx(port => $port, conf => conf()
                         =~ s/^worker_processes/master_process off;\n$&/mr);
$at = scrape($single);
is($at->{workers}, 1, 'a single process is a worker');
is($at->{config_loads_total}, 1, 'with a configuration');
$single->stop;

done_testing;
