# SPDX-License-Identifier: BSD-2-Clause

# The shared memory of zones: the number of shards, and what a reload keeps.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Server;
use Test::More;

my $port = free_port();

sub conf {
    my ($size, $other) = @_;

    my $zones = "gateway_cache_zone zone=a:$size;";
    my $server = 'gateway_cache a; location / { return 200 $gateway_cache_key; }';

    if ($other) {
        $zones .= " gateway_cache_zone zone=b:$other;";
        $server .= ' location /b { gateway_cache b;'
                   . ' return 200 $gateway_cache_key; }';
    }
    return http_conf(port => $port, http => $zones, server => $server);
}

# The number of shared memory zones: nginx rejects another use of a zone's name.

sub shards {
    my ($size) = @_;

    return scalar grep {
        my ($code, $said) = nginx_t(http_conf(
            http => "gateway_cache_zone zone=a:$size; gateway_cache a;"
                    . " upstream u { zone gateway_cache:a#$_ 64k;"
                    . ' server 127.0.0.1:1; }'));
        $code && $said =~ /"gateway_cache:a#$_" is already declared/;
    } 0 .. 17;
}

is(shards($_->[0]), $_->[1], "$_->[0]: $_->[1] shards")
    for [ '512k', 1 ], [ '16m', 1 ], [ '31m', 1 ], [ '32m', 2 ], [ '47m', 2 ],
        [ '48m', 3 ], [ '255m', 15 ], [ '256m', 16 ], [ '300m', 16 ];

my $nginx = start_nginx(conf => conf('1m'), port => $port);

sub key { return ($nginx->get($_[0] // '/'))[2] }

my %keys = map { key() => 1 } 1 .. 20;
is(scalar keys %keys, 1, 'all workers have the same secret');
my ($first) = keys %keys;
like($first, qr/\A[0-9a-f]{32}\z/, 'a key');

for (1 .. 3) {
    $nginx->reload;
    is(key(), $first, "the same key after reload $_");
}

$nginx->reload(conf('2m'));
my $second = key();
isnt($second, $first, 'another size: a new zone with a new secret');
$nginx->reload(conf('2m', '1m'));
is(key(), $second, 'a second zone has no effect on the first');
like(key('/b'), qr/\A[0-9a-f]{32}\z/, 'a key in the second zone');

# the shards of a zone share one secret

$nginx->reload(conf('48m'));
my $third = key();
isnt($third, $second, 'a zone of several shards has a new secret');
$nginx->reload;
is(key(), $third, 'the same key after a reload');

# the secret survives a killed worker

my ($old) = $nginx->workers;
kill 'KILL', $old;
wait_until(sub { !grep({ $_ == $old } $nginx->workers) && $nginx->workers == 2 });
is(key(), $third, 'the same key after a worker is killed');
$nginx->allow(qr/exited on signal 9/);
$nginx->stop;

done_testing;
