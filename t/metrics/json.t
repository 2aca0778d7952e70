# SPDX-License-Identifier: BSD-2-Clause

# The JSON documents and their schemas.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP ();
use Test::Gateway::Server;
use Test::More;

my $server = start_nginx(
    workers => 1,
    http => "gateway_metrics_zone zone=metrics.1:32m buckets=0.1,1,20;\n",
    server => <<'END');
    server_name a.example;
    location /gateway/ { gateway_metrics_page from=127.0.0.1; }
    location /json { return 204; }
    location ~ "[\"\\\\]\.php$" { return 200 x; }
END

sub fetch {
    my ($path) = @_;

    my $port = $server->port;
    my $text = qx(curl -s --max-time 20 'http://127.0.0.1:$port$path');
    write_file($server->dir . '/document.json', $text);
    return JSON::PP->new->utf8->decode($text);
}

# whether the last document follows a schema

sub follows {
    my ($schema, $name) = @_;

    my $dir = $server->dir;
    my $said = qx(/usr/bin/python3 -c '
import json, jsonschema, sys
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
jsonschema.Draft7Validator(schema).validate(json.load(open(sys.argv[2])))
' modules/metrics/$schema.schema.json '$dir/document.json' 2>&1);
    return is($? . $said, '0', $name);
}

sub series {
    my ($document, $family, %labels) = @_;

    return grep {
        my $has = $_->{labels};
        !grep { ($has->{$_} // '') ne $labels{$_} } keys %labels
    } @{ $document->{families}{$family}{series} };
}

my $first = fetch('/gateway/api/v1');
follows('api', 'the document follows its schema');
is($first->{version}, 1, 'its version');
cmp_ok(abs($first->{time} - time), '<', 60, 'its time');
is_deeply($first->{zone}, { name => 'metrics.1', size => 32 << 20 }, 'the zone');

my ($unused) = series($first, 'http_request_duration_seconds',
                      server => 'a.example', route => '/json');
is_deeply({ %$unused{qw( count p50 p90 p99 p999 )} },
          { count => 0, map { $_ => undef } qw( p50 p90 p99 p999 ) },
          'without requests there are no percentiles');
is_deeply($unused->{buckets},
          [ [ '0.1', 0 ], [ '1.0', 0 ], [ '20.0', 0 ], [ '+Inf', 0 ] ],
          'but all buckets');

$server->get('/json') for 1 .. 12;
$server->get('/a"\\.php');

my ($document, $count);
wait_until(sub {
    $document = fetch('/gateway/api/v1');
    ($count) = series($document, 'http_requests_total', route => '/json');
    return $count && $count->{value} == 12
           && series($document, 'http_requests_total', code => 200);
});
follows('api', 'after requests, too');
is_deeply($count, { labels => { server => 'a.example', route => '/json',
                                method => 'GET', code => '204' },
                    value => 12 }, 'a counter');

my ($duration) = series($document, 'http_request_duration_seconds',
                        route => '/json');
is($duration->{count}, 12, 'a histogram');
is_deeply($duration->{buckets}[-1], [ '+Inf', 12 ], 'has all in +Inf');
cmp_ok($duration->{sum}, '>', 0, 'a sum');
ok($duration->{$_} > 0 && $duration->{$_} < 20, "$_: $duration->{$_}")
    for qw( p50 p90 p99 p999 );
ok($duration->{p50} <= $duration->{p90} && $duration->{p90} <= $duration->{p99}
   && $duration->{p99} <= $duration->{p999}, 'in order');

my ($size) = series($document, 'http_response_size_bytes', route => '/json');
is($size->{buckets}[0][0], '64.0', 'sizes have a first bucket');
is($size->{buckets}[-2][0], '1.073741824e+09', 'and a last one');

my ($regex) = series($document, 'http_requests_total', code => 200);
is($regex->{labels}{route}, '~ ["\\\\]\\.php$', 'special characters');

# the same numbers as in the text
my $port = $server->port;
my $text = qx(curl -s http://127.0.0.1:$port/gateway/metrics);
for my $family (sort keys %{ $document->{families} }) {
    my $type = $document->{families}{$family}{type};
    ok($text =~ /^# TYPE nginx_gateway_$family $type$/m, "$family: $type");
}
my %family = map { $_ => 1 } $text =~ /^# TYPE nginx_gateway_(\S+)/mg;
is_deeply([ sort keys %family ], [ sort keys %{ $document->{families} } ],
          'all families are in both');

fetch('/gateway/api/v1/history?since=0');
follows('history', 'the history follows its schema');

$server->stop;

done_testing;
