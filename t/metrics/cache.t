# SPDX-License-Identifier: BSD-2-Clause

# cache_...: what a zone counts, and refreshes in the background.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP ();
use Test::Gateway::Origin;
use Test::Gateway::Scrape;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep );

my $origin = origin();
my $port = free_port();
my $server = start_nginx(port => $port, http => <<"END", server => <<"END");
    $Metrics{http}
    gateway_cache_zone zone=z:1m;
    gateway_cache_zone zone=empty:1m;
END
    $Metrics{server}
    location = /state { gateway_cache_admin zone=z from=127.0.0.1; }
    location = /other { gateway_cache empty;
                        proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
    location / { gateway_cache z;
                 proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
END

sub get { return map { (http_get($server, $_[0]))[0] } 1 .. ($_[1] // 1) }

sub requests {
    my (%expected) = @_;

    my %all = map { my $zone = $_;
                    map { ("$zone $_" => $zone eq 'z' && $expected{$_} || 0) }
                    qw( HIT MISS EXPIRED STALE UPDATING REVALIDATED BYPASS
                        COLLAPSED ERROR ) } qw( z empty );
    return \%all;
}

$origin->answer('/kept', head => [ 'Cache-Control: max-age=60' ]);
$origin->answer('/private', head => [ 'Cache-Control: private' ]);

get('/kept', 4);
get('/private', 2);
http_get($server, '/kept', method => 'POST');

counted($server, 'cache_requests_total', [ qw( zone status ) ],
        requests(HIT => 3, MISS => 3, BYPASS => 1),
        'requests are counted by status');
counted($server, 'cache_not_stored_total', [ qw( zone reason ) ],
        { 'z private' => 2, 'z method' => 1 },
        'and by the reason why nothing is stored');
counted($server, 'cache_entries', [ 'zone' ], { z => 0, empty => 0 },
        'the POST has removed the response');
get("/kept?$_") for 1 .. 3;
counted($server, 'cache_entries', [ 'zone' ], { z => 3, empty => 0 },
        'stored responses are counted');

my $state = JSON::PP::decode_json((http_get($server, '/state'))[2]);
is(value($server, 'cache_bytes', zone => 'z'), $state->{zones}{z}{bytes},
   'so are their bytes');
is(value($server, 'cache_bytes', zone => 'empty'), 0, 'there may be none');
is(value($server, 'cache_evicted_total', zone => 'z'), 0,
   'nothing was evicted');

$origin->answer('*', head => [ 'Cache-Control: max-age=60' ], size => 100_000);
get("/large?$_") for 1 .. 30;
cmp_ok(value($server, 'cache_evicted_total', zone => 'z'), '>', 0,
       'a full zone evicts responses');

my $evicted = value($server, 'cache_evicted_total', zone => 'z');
ok($server->reload, 'a reload');
is(value($server, 'cache_evicted_total', zone => 'z'), $evicted,
   'which does not change the counts');


# --- a refresh

$origin->answer('/old', head => [ 'Cache-Control: max-age=1, '
                                  . 'stale-while-revalidate=60' ]);
get('/old');
ok(wait_until(sub {
    get('/old');
    return $origin->count('/old') >= 2;
}, 20), 'a stale response is refreshed in the background');
my $refreshes = $origin->count('/old') - 1;
counted($server, 'detached_requests_total', [ qw( user result ) ],
        { 'cache complete' => $refreshes }, 'refreshes are counted');

$server->stop;
$origin->stop;

done_testing();
