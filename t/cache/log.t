# SPDX-License-Identifier: BSD-2-Clause

# Log records contain the cache status of a request, its reason and age: in each
# preset, and by variables.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Origin;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

my @formats = qw( native ecs otel gcp );
my $origin = origin();
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";
my $zone = 'gateway_cache_zone zone=z:1m;';
my $server = "gateway_cache z; location / { $up }"
             . " location /off { gateway_cache off; $up }";
my $own = 'gateway_log_format own preset=none { field status $gateway_cache_status;'
          . ' field reason $gateway_cache_reason; field age $gateway_cache_age int;'
          . ' field ttl $gateway_cache_ttl int; }';

my @stale = ('Cache-Control: max-age=10', 'Age: 20');
$origin->answer('/a', head => [ 'Cache-Control: max-age=600', 'Age: 100' ]);
$origin->answer('/private', head => [ 'Cache-Control: private' ]);
$origin->answer('/stale', { head => [ @stale, 'ETag: "1"' ] }, { status => 503 });
$origin->answer('/304', head => \@stale, etag => '"1"',
                not_modified => [ 'Cache-Control: max-age=60', 'ETag: "1"' ]);

my $port = free_port();
my $nginx = start_nginx(port => $port, conf => http_conf(
    main => 'error_log logs/error.log debug;', port => $port,
    http => "$zone $own gateway_log own.json own flush=0;"
            . join('', map { " gateway_log $_.json $_ flush=0;" } @formats),
    server => "$server gateway_cache_stale http_503;"));

# method, path; the status and reason in the record, whether it has an age; for
# gcp: whether the cache was looked up, hit, and validated

my @cases = (
    [ GET => '/a', 'MISS', undef, 0, 1, 0, 0 ],
    [ GET => '/a', 'HIT', undef, 1, 1, 1, 0 ],
    [ GET => '/private', 'MISS', 'private', 0, 1, 0, 0 ],
    [ PUT => '/a', 'BYPASS', 'method', 0, 1, 0, 0 ],
    [ GET => '/stale', 'MISS', undef, 0, 1, 0, 0 ],
    [ GET => '/stale', 'STALE', 'origin-failed', 1, 1, 1, 0 ],
    [ GET => '/304', 'MISS', undef, 0, 1, 0, 0 ],
    [ GET => '/304', 'REVALIDATED', undef, 1, 1, 1, 1 ],
    [ GET => '/off', undef, undef, 0, undef, undef, undef ],
);
http_get($nginx, $_->[1], method => $_->[0]) for @cases;
my %records = map { $_ => [ records($nginx, "$_.json", scalar @cases) ] }
              @formats, 'own';

# the status, reason and age in a record

sub told {
    my ($format, $record) = @_;

    return map { $record->{"gateway.$_"} } qw( cache_status cache_reason cache_age )
        if $format eq 'otel';
    return @$record{qw( status reason age )} if $format eq 'own';
    my $of = $format eq 'native' ? $record : $record->{gateway} // {};
    return @$of{qw( cache_status cache_reason cache_age )};
}

for my $i (0 .. $#cases) {
    my ($method, $path, $status, $reason, $aged, @gcp) = @{ $cases[$i] };

    for my $format (@formats, 'own') {
        my ($is, $why, $age) = told($format, $records{$format}[$i]);
        is_deeply([ $is, $why ], [ $status, $reason ],
                  "$format: $method $path " . ($status // 'off'));
        ok($aged ? defined $age && $age =~ /^\d+$/ : !defined $age,
           '    the age') or diag $age // 'none';
    }
    is_deeply([ map { defined ? ($_ ? 1 : 0) : undef }
                @{ $records{gcp}[$i]{httpRequest} }
                    {qw( cacheLookup cacheHit cacheValidatedWithOriginServer )} ],
              \@gcp, "gcp: httpRequest of $method $path");
}
cmp_ok($records{native}[1]{cache_age}, '>=', 100,
       'the age includes that of the origin');
cmp_ok($records{own}[1]{ttl}, '<=', 500, 'the remaining lifetime');
cmp_ok($records{own}[5]{ttl}, '<=', -10, 'a stale response: it is negative');

# nginx records it only where a preset uses it

SKIP: {
    skip 'nginx has no debug log', 2 if $nginx->log !~ /\[debug\]/;

    my $recorded = qr/gateway cache: recorded/;
    is(scalar(() = $nginx->log =~ /$recorded/g), @cases - 1,
       'a request that uses the cache has a recorded status');
    $nginx->stop;

    $port = free_port();
    $nginx = start_nginx(port => $port, conf => http_conf(
        main => 'error_log logs/error.log debug;', port => $port,
        http => "$zone $own gateway_log own.json own flush=0;",
        server => $server));
    http_get($nginx, '/a');
    is((told('own', (records($nginx, 'own.json', 1))[0]))[0], 'MISS',
       'variables are set');
    unlike($nginx->log, $recorded, 'variables alone do not record it');
}
$nginx->stop;

done_testing();
