# SPDX-License-Identifier: BSD-2-Clause

# conf.examples/ecommerce.conf does what its comments say.  The shop is an
# origin of the test.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP ();
use Test::Gateway::Consumer;
use Test::Gateway::Origin;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

my $origin = origin();
my $port = free_port();
my $conf = Test::Gateway::Server::slurp('conf.examples/ecommerce.conf');

my $temp = join ' ', map { "${_}_temp_path tmp/$_;" }
                     qw( client_body proxy fastcgi uwsgi scgi );
$conf =~ s{modules/ngx_http_gateway_module\.so}{"$ENV{GATEWAY_MODULE}"};
$conf =~ s{^http \{\K}{ access_log off; $temp}m;
$conf =~ s{/var/log/nginx/}{logs/}g;
$conf =~ s{127\.0\.0\.1:8080;}{127.0.0.1:$port;};
$conf =~ s{127\.0\.0\.1:9000}{'127.0.0.1:' . $origin->port}e;
$conf = "user root;\n$conf" if $> == 0;

my $nginx = start_nginx(port => $port, conf => $conf,
    files => { 'consumers.json' => consumers(consumer('acme'),
                                             consumer('initech')) });

# (the status and what the cache did, the body, the header)

sub ask {
    my ($path, %more) = @_;

    my ($status, $head, $body) = http_get($nginx, $path, %more);
    my ($did) = $head =~ /^Cache-Status: [^;]+; *(.*?)\r?$/m;
    $did = !defined $did ? 'none' : $did =~ /^hit/ ? 'hit' : 'asked';
    return wantarray ? ("$status $did", $body, $head) : "$status $did";
}

sub purge {
    my ($json) = @_;

    my ($status, undef, $body) = http_get($nginx, '/_cache', method => 'POST',
        headers => [ 'Content-Type: application/json' ], body => $json);
    return "$status $body";
}

sub zone { JSON::PP::decode_json((http_get($nginx, '/_cache'))[2])
               ->{zones}{shop} }

# --- the catalogue

my @session = ('Set-Cookie: session=1');
$origin->answer('/catalogue/42', head => [ @session, 'Surrogate-Key: product-42' ]);
$origin->answer('/catalogue/', head => [ 'Surrogate-Key: product-42 product-43' ]);
$origin->answer('/catalogue/44', head => [ 'Surrogate-Key: product-44' ]);

for my $path (qw( /catalogue/42 /catalogue/ /catalogue/44 )) {
    is(scalar ask($path), '200 asked', "$path: fetched from the shop");
    my ($said, undef, $head) = ask("$path?utm_source=mail&gclid=1",
                                   headers => [ 'Cookie: session=2' ]);
    is($said, '200 hit', 'a hit, with any cookie and advertising arguments');
    unlike($head, qr/^Surrogate-Key/mi, 'the client does not receive tags');
    unlike($head, qr/^Set-Cookie/mi,
           'the client does not receive the cookie of another client');
}
is(scalar ask('/catalogue/44?page=2'), '200 asked',
   'other arguments select another page');

$origin->answer('/catalogue/none', status => 404);
is(scalar ask('/catalogue/none'), '404 asked', 'a 404 is fetched');
is(scalar ask('/catalogue/none'), '404 hit', 'a 404 is stored');

# --- purged by tag

like(purge('{"purge":[{"tag":"product-42"}]}'), qr/^200 \{"purged": ?2\}/,
     'a purge by tag');
is(scalar ask('/catalogue/42'), '200 asked', 'the product is fetched again');
is(scalar ask('/catalogue/'), '200 asked', 'so is the list with the product');
is(scalar ask('/catalogue/44'), '200 hit', 'other pages stay');

# --- prices

my @cookie = map { [ headers => [ "Cookie: currency=$_" ] ] } qw( EUR USD XXX );
$origin->answer('/prices/42', { body => 'euro' }, { body => 'dollar' },
                { body => 'wrong' });
my @prices = map { (ask('/prices/42', @$_))[1] } @cookie, @cookie;
is("@prices", 'euro dollar euro euro dollar euro', 'a price in each currency');
is($origin->count('/prices/42'), 2, 'each currency is fetched once');
is(join(' ', map { field($_, 'X-Currency') } $origin->requests('/prices/42')),
   'EUR USD', 'the shop receives the currency');

my ($acme, $initech) = map { [ headers => [ 'X-API-Key: ' . api_key($_) ] ] }
                       qw( acme initech );
$origin->answer('/partners/42', { body => 'for acme' }, { body => 'for initech' },
                { body => 'wrong' });
is(scalar ask('/partners/42'), '401 none', 'no key');
for my $case ([ $acme, 'asked for acme' ], [ $initech, 'asked for initech' ],
              [ $acme, 'hit for acme' ], [ $initech, 'hit for initech' ])
{
    my ($key, $expected) = @$case;
    my ($said, $body) = ask('/partners/42', @$key);
    is("$said $body", "200 $expected", 'a partner receives its own price');
}
is(scalar ask('/partners/42'), '401 none', 'no key: the hit is not sent');
is(join(' ', map { field($_, 'X-Consumer-ID') }
             $origin->requests('/partners/42')), 'acme initech',
   'the shop receives the consumer');

# --- pages of one visitor

for my $path (qw( /basket/ /account/orders )) {
    $origin->answer($path, head => [ 'Cache-Control: public, max-age=600' ]);
    is(scalar ask($path), '200 none', "$path, try $_") for 1 .. 2;
    is($origin->count($path), 2, "$path: each request is sent to the shop");
}
is(scalar ask('/basket/', method => 'POST', body => 'a=1'), '200 none',
   'a POST to the basket');

# --- elsewhere the shop states the lifetime

$origin->answer('/stated', head => [ 'Cache-Control: max-age=600' ]);
is(join(' ', map { scalar ask('/stated') } 1 .. 2), '200 asked 200 hit',
   'a stated lifetime');
is(join(' ', map { scalar ask('/unstated') } 1 .. 2), '200 asked 200 asked',
   'no stated lifetime');

# --- refreshed in the background, after a soft purge

$origin->answer('/catalogue/', body => 'new', hold => 1,
                head => [ 'Surrogate-Key: product-42 product-43' ]);
like(purge('{"purge":[{"tag":"product-43"}],"soft":true}'),
     qr/"purged": ?1/, 'a soft purge');
my ($said, $body) = ask('/catalogue/');
is($said, '200 hit', 'a request after a soft purge is a hit');
unlike($body, qr/new/, '    with the old page');
ok(wait_until(sub { $origin->held('/catalogue/') == 1 }),
   'nginx fetches the page in the background');
is(scalar ask('/catalogue/'), '200 hit', 'no client waits for it');
$origin->release('/catalogue/');
ok(wait_until(sub { (ask('/catalogue/'))[1] eq 'new' }),
   'the new page replaces the old one');
is($origin->count('/catalogue/'), 3, 'the page is fetched once');

# --- counters

my $zone = zone();
cmp_ok($zone->{requests}{HIT}, '>', 5, 'hits are counted');
cmp_ok($zone->{entries}, '>', 5, 'stored responses are counted');
is($zone->{reasons}{'no-lifetime'}, 2, 'reasons for not storing are counted');

# --- the cost of requests

sub left { (ask('/partners/42', @$acme))[2]
               =~ /^X-RateLimit-Remaining: (\d+)/m && $1 }

my $all = left();
cmp_ok($all, '>=', 995, 'requests so far cost almost nothing');
left() for 1 .. 20;
cmp_ok(left(), '>=', $all, 'hits cost nothing');
$origin->answer("/partners/$_", head => [ 'X-Cost: 400' ]) for 1 .. 3;
is(scalar ask('/partners/1', @$acme), '200 asked', 'a request that costs 400');
ok(wait_until(sub { left() <= $all - 350 }), 'its cost is charged');
is(scalar ask('/partners/2', @$acme), '200 asked', 'a second one');
is(scalar ask('/partners/3', @$acme), '200 asked', 'a third one, at the limit');
my ($status, undef, $head) = ask('/partners/42', @$acme);
is((split ' ', $status)[0], 429, 'the next request is rejected');
like($head, qr/^Retry-After: \d+/m, 'with Retry-After');
is((split ' ', ask('/partners/42', @$initech))[0], 200,
   'another partner has its own limit');


# --- the log

my @records = grep { $_->{url}{path} eq '/catalogue/44' }
              records($nginx, 'logs/shop.json', 20);
is($records[0]{gateway}{cache_status}, 'MISS', 'the log: a miss');
is($records[1]{gateway}{cache_status}, 'HIT', 'the log: a hit');
like($records[1]{gateway}{cache_age} // '', qr/^\d+$/, 'the log: an age');
my ($not) = grep { $_->{url}{path} eq '/unstated' }
            records($nginx, 'logs/shop.json', 20);
is($not->{gateway}{cache_reason}, 'no-lifetime',
   'the log: the reason for not storing');

# --- the shop is down

$origin->stop;
like(purge('{"purge":[{"tag":"product-44"}],"soft":true}'), qr/"purged": ?2/,
     'a soft purge');
($said, $body) = ask('/catalogue/44');
like("$said $body", qr{^200 hit 1 /catalogue/44}, 'the stored page is sent');
is((split ' ', ask('/basket/'))[0], 502, 'where nothing is stored: 502');
$nginx->stop;

done_testing;
