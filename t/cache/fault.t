# A full zone gives misses, never errors; master_process off, no http block and
# an nginx without requests start and stop; a redirect looks up once.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $port = free_port();
my $origin = origin();

sub conf {
    my (%more) = @_;
    return http_conf(http => 'gateway_cache_zone zone=z:512k;', port => $port,
                     server => <<"END", %more);
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    location / { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
    location /from/ { rewrite ^/from/(.*) /to/\$1 last; }
    location /accel/ { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
END
}

my $nginx = start_nginx(port => $port, conf => conf());
$origin->answer('*', head => [ 'Cache-Control: max-age=60' ], size => 60_000);

my $good = 0;
for my $n (1 .. 200) {
    my ($code, undef, $body) = http_get($nginx, "/$n");
    $good++ if $code == 200 && length $body == 60_000;
}
is($good, 200, '12 MB through a zone of 512 KB');
my $hits = grep { (http_get($nginx, '/200'))[1] =~ /X-Status: HIT/ } 1 .. 3;
cmp_ok($hits, '>=', 2, 'the last response is stored');

http_get($nginx, '/from/a');
like((http_get($nginx, '/from/a'))[1], qr/X-Status: HIT/, 'a rewritten URI');

$origin->answer('/accel/a', head => [ 'Cache-Control: max-age=60',
                                      'X-Accel-Redirect: /target' ]);
for (1 .. 2) {
    my ($code, $head) = http_get($nginx, '/accel/a');
    is($code, 200, 'X-Accel-Redirect');
    unlike($head, qr/X-Status: HIT/, 'is not stored');
}
is($origin->count('/accel/a'), 2, 'each is asked for');
$nginx->stop;

$nginx = start_nginx(port => $port,
                     conf => conf(main => 'master_process off;'));
http_get($nginx, '/a');
like((http_get($nginx, '/a'))[1], qr/X-Status: HIT/, 'master_process off');
$nginx->stop;

done_testing();
