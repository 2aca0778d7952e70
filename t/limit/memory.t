# SPDX-License-Identifier: BSD-2-Clause

# A limit zone uses memory as keys are added: nginx -t with a large zone is as fast
# as without one, and the pages of an unused zone are not resident.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use Time::HiRes qw( time );

$Test::Gateway::More = 1;

no_root_location();
run_tests();

my $asan = ($ENV{GATEWAY_LDFLAGS} // '') =~ /sanitize/;
my $size = 500;     # MB

my %zone = (
    rate => 'rate=1r/s', windows => 'rate=1r/s algorithm=sliding_window',
    quota => 'quota=1/day', concurrency => 'concurrency=1',
    redis => 'rate=1r/s redis=fleet',
);

# kB of shared memory that the workers of a server have used

sub resident {
    my ($server) = @_;

    my $kb = 0;
    for my $pid ($server->pid, $server->workers) {
        open my $in, '<', "/proc/$pid/status" or die "status: $!";
        while (<$in>) { $kb += $1 if /^RssShmem:\s+(\d+) kB/ }
    }
    return $kb;
}

sub conf {
    my ($of, $mb) = @_;

    return (http => 'gateway_redis fleet { server 127.0.0.1:1; timeout 20ms; }'
                    . "\ngateway_limit_zone \$arg_k zone=z:${mb}m $zone{$of};",
            server => "location = /t { gateway_limit zone=z; empty_gif; }\n");
}

# the shortest of three runs, in seconds
sub seconds {
    my ($of, $mb) = @_;

    my $best;
    for (1 .. 3) {
        my $began = time;
        Test::More::is((nginx_t(http_conf(conf($of, $mb))))[0], 0, "$of, ${mb}m: nginx -t");
        my $took = time - $began;
        $best = $took if !defined $best || $took < $best;
    }
    return $best;
}

SKIP: {
    Test::More::skip('this nginx fills what it allocates', 1) if $asan;

    for my $of (sort keys %zone) {
        my $small = start_nginx(conf($of, 1));
        my $large = start_nginx(conf($of, $size));

        for ($small, $large) {
            Test::More::is(CORE::join(' ', map { ($_->get('/t?k=a'))[0] } $_), 200,
               "$of: a request passes");
        }

        # what nginx writes for each page, and the bits of slots
        my $most = $of eq 'concurrency' ? 24_000 : 16_000;
        Test::More::cmp_ok(resident($large) - resident($small), '<', $most,
               "$of: ${size} MB more of a zone are not resident");
        $_->stop for $small, $large;
    }

    # clearing the memory would take a second or more
    Test::More::cmp_ok(seconds('rate', $size), '<', seconds('rate', 1) + 0.3,
           "${size} MB take no time");
}


# a second zone, and one that is created again with another size

my $server = start_nginx(conf('rate', 2));
Test::More::is(($server->get('/t?k=a'))[0], 200, 'a key of a new zone is idle');
Test::More::is(($server->get('/t?k=a'))[0], 429, 'and is counted');

Test::More::done_testing();
