# SPDX-License-Identifier: BSD-2-Clause

# A full zone causes misses, never errors.  Responses for rewritten URIs are
# stored, those with X-Accel-Redirect are not.  With master_process off the
# cache works, and nginx survives reloads that change or remove the zone.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep );
use Time::Piece ();

my $port = free_port();
my $origin = origin();

sub conf {
    my (%more) = @_;
    return http_conf(http => 'gateway_cache_zone zone=z:512k;', port => $port,
                     server => <<"END", %more);
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    location / { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
    location /file { gateway_cache off; root files; }
    location /from/ { rewrite ^/from/(.*) /to/\$1 last; }
    location /accel/ { gateway_cache_profile rfc9111; proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
END
}

my $nginx = start_nginx(port => $port, conf => conf(),
                        files => { 'files/file' => 'file' });
$origin->answer('*', head => [ 'Cache-Control: max-age=60' ], size => 60_000);

my $good = 0;
for my $n (1 .. 200) {
    my ($code, undef, $body) = http_get($nginx, "/$n");
    $good++ if $code == 200 && length $body == 60_000;
}
is($good, 200, '12 MB of responses with a zone of 512 KB');
my $hits = grep { (http_get($nginx, '/200'))[1] =~ /X-Status: HIT/ } 1 .. 3;
cmp_ok($hits, '>=', 2, 'the last response is stored');

http_get($nginx, '/from/a');
like((http_get($nginx, '/from/a'))[1], qr/X-Status: HIT/, 'a rewritten URI');

$origin->answer('/accel/a', head => [ 'Cache-Control: max-age=60',
                                      'X-Accel-Redirect: /target' ]);
for (1 .. 2) {
    my ($code, $head) = http_get($nginx, '/accel/a');
    is($code, 200, 'X-Accel-Redirect is followed');
    unlike($head, qr/X-Status: HIT/, 'X-Accel-Redirect is not stored');
}
is($origin->count('/accel/a'), 2, 'each request is sent to the origin');

# the validator that the cache adds to a request is no condition of the client

my $file = $nginx->dir . '/files/file';
my $modified = Time::Piece::gmtime((stat $file)[9])->strftime('%a, %d %b %Y %H:%M:%S GMT');

for my $n (1, 2) {
    $origin->answer("/accel/$n", { head => [ 'Cache-Control: max-age=60',
                                   "Last-Modified: $modified" ] },
                                 { head => [ 'X-Accel-Redirect: /file' ] });
    http_get($nginx, "/accel/$n");
}
my @no_cache = ('Cache-Control: no-cache');
my ($code, undef, $body) = http_get($nginx, '/accel/1',
                                    headers => [ @no_cache ]);
is("$code $body", '200 file', 'X-Accel-Redirect in response to a validation');
($code) = http_get($nginx, '/accel/2', headers => [ @no_cache,
                   "If-Modified-Since: $modified" ]);
is($code, 304, 'a condition of the client: 304');
is(field(($origin->requests("/accel/$_"))[1], 'If-Modified-Since'), $modified,
   'the origin receives the validator') for 1, 2;
$nginx->stop;

$nginx = start_nginx(port => $port,
                     conf => conf(main => 'master_process off;'));
http_get($nginx, '/a');
like((http_get($nginx, '/a'))[1], qr/X-Status: HIT/, 'master_process off');
$nginx->stop;

# without a master, nginx serves no request after a reload, but timers of the
# old configuration still run: one sweeps the zone eight times a second

my $main = 'master_process off;';
my %zone = map { $_ => "gateway_cache_zone zone=z:$_;" } qw( 64m 128m );

for my $to ([ 'removed', http_conf(main => $main, server => 'location / { }') ],
            [ 'of another size', conf(main => $main, http => $zone{'64m'}) ],
            [ 'kept', conf(main => $main, http => $zone{'128m'}) ],
            [ 'removed with http', http_conf(main => $main) =~ s/^http .*//msr ],
            [ 'removed with the module', http_conf(main => $main)
              =~ s/^http .*//msr =~ s/^load_module .*?;$//mgr ])
{
    my ($name, $conf) = @$to;
    $nginx = start_nginx(port => $port,
                         conf => conf(main => $main, http => $zone{'128m'}));
    http_get($nginx, '/a');
    like((http_get($nginx, '/a'))[1], qr/X-Status: HIT/, "zone $name: a hit");
    $nginx->reload($conf, wait => 0);
    ok(wait_until(sub { $nginx->log =~ /reconfiguring$/m }, 10), '    a reload');
    sleep 0.5;      # four sweeps
    ok(Test::Gateway::Server::alive($nginx->pid), '    nginx still runs');
    $nginx->stop;
}

done_testing();
