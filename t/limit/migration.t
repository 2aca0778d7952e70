# SPDX-License-Identifier: BSD-2-Clause

# modules/limit/MIGRATION.md: how limits of nginx, Spring Cloud Gateway and Envoy
# are written.  A bucket of 20 tokens admits 20 requests at once, and so does
# burst=19.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Server;
use Test::More;

my $manual = Test::Gateway::Server::slurp('modules/limit/MIGRATION.md');
my $nginx;

# limit_req and limit_conn: nginx's status, and no header fields

start('From limit_req and limit_conn',
      sub { $_[0] =~ s{rate=10r/s}{rate=1r/d}r =~ s{burst=20 delay=10}{burst=2 delay=2}r });
is_deeply(at_once('/download', 5), { 200 => 3, 503 => 2 }, 'burst=2: 3 at once');
unlike(($nginx->get('/download'))[1], qr/RateLimit|Retry-After/, 'no header fields');
$nginx->stop;

# as they are written: the units of an idle key

start('From Spring Cloud Gateway');
is(limit('/'), '20/19', 'burstCapacity=20 is burst=19: an idle key has 20');
is(limit('/report'), '60/0', 'requestedTokens=60 of 60');
is(code('/report'), 429, 'and the next one has to wait');
$nginx->stop;

# the same without units that come back during the test

start('From Spring Cloud Gateway', sub { $_[0] =~ s{rate=\d+r/s}{rate=1r/d}gr });
is_deeply(at_once('/', 25), { 200 => 20, 429 => 5 }, 'burst=19: 20 at once');
is_deeply(at_once('/report', 5), { 200 => 1, 429 => 4 }, 'one of cost 60');
$nginx->stop;

for my $burst (0, 4, 9, 20) {
    start('From Spring Cloud Gateway',
          sub { $_[0] =~ s{rate=10r/s burst=19}{rate=1r/d burst=$burst}r });
    my $n = $burst + 1;
    is_deeply(at_once('/', $n + 3), { 200 => $n, 429 => 3 },
              "burst=$burst: $n at once");
    $nginx->stop;
}

# tokens come back at the rate: replenishRate and tokens_per_fill

start('From Spring Cloud Gateway', sub { $_[0] =~ s{rate=1r/s}{rate=60r/m}r });
my ($status, $head) = $nginx->get('/report');
($status, $head) = $nginx->get('/report');
my ($wait) = $head =~ /^Retry-After: (\d+)/m;
ok($wait >= 58 && $wait <= 60, "$status: 60 tokens come back in 60 s ($wait)");
$nginx->stop;

start('From Envoy', sub { $_[0] =~ s{gateway_limit zone=tenants;}{}r });
is(limit('/'), '20/19', 'max_tokens=20 is burst=19');
$nginx->stop;

start('From Envoy', sub { $_[0] =~ s{rate=10r/s}{rate=1r/d}r });
is_deeply(at_once('/', 22, 'X-Tenant: a'), { 200 => 20, 429 => 2 },
          'one bucket for all');
$nginx->stop;

start('From Envoy', sub { $_[0] =~ s{burst=19}{burst=1000}r
                          =~ s{rate=100r/m}{rate=3r/d}r });
is_deeply(at_once('/', 5, 'X-Tenant: a'), { 200 => 3, 429 => 2 },
          'descriptors: a tenant and a method');
is_deeply(at_once('/', 4, 'X-Tenant: b'), { 200 => 3, 429 => 1 },
          'another tenant');
my ($head_status) = $nginx->get('/', method => 'HEAD',
                                headers => [ 'X-Tenant: a' ]);
is($head_status, 200, 'another method');
$nginx->stop;

done_testing;


# Starts nginx with the configuration of a section; $change gets it.

sub start {
    my ($section, $change) = @_;

    my ($text) = $manual =~ /^## \Q$section\E\n(.*?)(?=^## |\z)/ms
        or die "no section $section";
    my ($conf) = $text =~ /^```nginx\n(.*?)^```/ms
        or die "no configuration in $section";
    $conf = $change->($conf) if $change;

    my $http = '';
    $http .= $1 while $conf =~ s/^(gateway_limit_zone .*?;\n)//ms;
    $conf =~ s/^(location .*\{)$/$1 empty_gif;/mg;
    $nginx = start_nginx(workers => 2, http => $http, server => $conf);
    return;
}


sub code { return ($nginx->get($_[0]))[0] }


# "limit/remaining" of one request

sub limit {
    my (undef, $head) = $nginx->get($_[0]);
    return join '/', map { $head =~ /^X-RateLimit-$_: (\d+)/m }
                     qw( Limit Remaining );
}


# statuses of so many requests

sub at_once {
    my ($path, $n, @headers) = @_;

    my %seen;
    $seen{ ($nginx->get($path, headers => \@headers))[0] }++ for 1 .. $n;
    return \%seen;
}
