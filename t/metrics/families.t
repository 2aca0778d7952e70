# SPDX-License-Identifier: BSD-2-Clause

# The table of families in the README: each is there, with this type and these
# labels, and there is no other.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Certificate;
use Test::Gateway::Consumer;
use Test::Gateway::FakeRedis;
use Test::Gateway::Gate qw( read_file );
use Test::Gateway::Samples qw( page );
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

my ($port, $tls, $origin) = map { free_port() } 1 .. 3;
my $passed = [ integers => 1, time * 1_000_000, 5, 86_400_000_000, 0 ];
my $redis = fake_redis(actions => [ $passed ]);

my $dir = certificate_dir();
certificate('own');

my $server = start_nginx(
    port => $port, workers => 1,
    files => { 'consumers.json' => consumers(consumer('acme', plan => 'gold')),
               'keys.json' => jwks('a') },
    http => <<"HTTP", server => <<"SERVER");
    gateway_metrics_zone zone=m:16m;
    gateway_consumers zone=c:1m file=consumers.json watch=100ms;
    gateway_cache_zone zone=c:8m;
    proxy_cache_path cache keys_zone=cached:1m;
    gateway_redis fleet { server 127.0.0.1:@{[ $redis->port ]}; }
    gateway_limit_zone \$arg_k zone=far:1m rate=1r/d burst=99 redis=fleet;
    gateway_limit_zone \$arg_k zone=near:1m rate=1000r/s burst=1000;
    upstream group { zone group 256k; server 127.0.0.1:$origin; }
    server { listen 127.0.0.1:$origin; location = /jwks { alias keys.json; }
             location = /private { add_header Cache-Control private; return 200 x; }
             location / { add_header Cache-Control max-age=60; return 200 x; } }
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $dir/own.crt;
        ssl_certificate_key $dir/own.key;
    }
HTTP
    location = /key { gateway_api_key api; gateway_limit zone=near; empty_gif; }
    location = /far { gateway_limit zone=far; empty_gif; }
    location = /jwt {
        gateway_jwt api;
        gateway_jwt_key_file keys.json watch=100ms;
        gateway_jwt_key_request /jwks;
        empty_gif;
    }
    location = /jwks { internal; proxy_pass http://127.0.0.1:$origin; }
    location = /group { proxy_pass http://group; }
    location = /cached { gateway_cache c; proxy_pass http://group; }
    location = /private { gateway_cache c; proxy_pass http://group; }
    location = /proxy { proxy_cache cached; proxy_pass http://group; }
    location = /log { gateway_log access.json; empty_gif; }
    location = /metrics { gateway_metrics_page from=127.0.0.1; }
SERVER

my $token = token(key => 'a', claims => { sub => 'alice' });
for (1 .. 16) {
    $server->get('/key', headers => [ 'X-API-Key: ' . api_key('acme') ]);
    $server->get('/jwt', headers => [ "Authorization: Bearer $token" ]);
    $server->get("$_?k=1") for qw( /far /group /cached /private /proxy
                                       /log );
}

# families of the README: name => [ kind, labels ]

my %wanted;
my $readme = read_file('modules/metrics/README.md');
while ($readme =~ /^\| (h )?`((?:<name>_)?[a-z_]+)` \| ([a-z<>, ]*?) ?\| /mg) {
    my ($histogram, $name, $labels) = ($1, $2, $3);
    my $type = $histogram ? 'histogram' : $name =~ /_total$/ ? 'counter' : 'gauge';
    for my $top ($name =~ /^<name>/ ? qw( consumer plan ) : '') {
        my $own = $name =~ s/<name>/$top/r;
        $wanted{$own} = [ $type, join ' ', sort map { $_ eq 'name' && $top ? $top : $_ }
                                           split /, /, $labels ];
    }
}
cmp_ok(scalar keys %wanted, '>', 50, 'the README has a table');

my (%type, %labels);
wait_until(sub {
    my $text = (page($server))[1] // '';
    %type = $text =~ /^# TYPE nginx_gateway_(\w+) (\w+)$/mg;
    %labels = ();
    while ($text =~ /^nginx_gateway_(\w+?)(?:\{(.*)\})? \S+$/mg) {
        my ($name, $found) = ($1, $2 // '');
        $name =~ s/_(?:bucket|sum|count)$// if !exists $type{$name};
        $labels{$name} = join ' ', sort grep { $_ ne 'le' } $found =~ /(\w+)="(?:[^"\\]|\\.)*"/g;
    }
    return $text =~ /jwt_key_fetches_total\{[^}]*\} [1-9]/;
}, 20);

is(join(' ', grep { !$type{$_} } sort keys %wanted), '', 'each family of it is there');
is(join(' ', grep { !$wanted{$_} } sort keys %type), '', 'and no other');
for my $name (sort grep { $type{$_} } keys %wanted) {
    is($type{$name}, $wanted{$name}[0], "$name: type");
    is($labels{$name}, $wanted{$name}[1], "$name: labels") if exists $labels{$name};
}

is(join(' ', sort grep { !exists $labels{$_} } keys %wanted), '',
   'each has samples');

$server->stop;
$redis->stop;
done_testing;
