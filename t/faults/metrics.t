# SPDX-License-Identifier: BSD-2-Clause

# Requests are counted exactly during 100 killed workers and 20 reloads: their
# number differs from the lines of an unbuffered access log by at most one a kill,
# and no counter falls.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Flood qw( during );
use Test::Gateway::Samples;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep time );

my ($kills, $reloads) = (100, 20);

$SIG{ALRM} = sub { die "this takes too long\n" };
alarm 120 + 6 * ($kills + $reloads);

my %conf = (
    http => <<'END', server => <<'OWN');
    gateway_metrics_zone zone=m:16m;
    gateway_metrics_top path $arg_p max=10;
END
    keepalive_requests 1000000;
    location /t { access_log access.log; empty_gif; }
    location /u { access_log access.log; return 404; }
    location = /metrics { gateway_metrics_page from=127.0.0.1; }
OWN

my $server = start_nginx(%conf);
my $conf = http_conf(%conf, port => $server->port);

sub lines {
    open my $in, '<', $server->dir . '/access.log' or return 0;
    my $n = 0;
    $n++ while <$in>;
    return $n;
}

sub total {
    my ($at, $which) = @_;
    my $sum = 0;
    $sum += $at->{$_} for grep { /$which/ } keys %$at;
    return $sum;
}

my (%last, @falls, @torn);
my $histograms = 0;

# a worker that is killed while it answers a scrape sends half of it
sub look {
    my ($status, $text) = Test::Gateway::Samples::page($server);
    return if $status != 200 || !defined $text;

    # a histogram is read once, also while it is counted
    my %inf;
    while ($text =~ /^(\w+)_bucket\{(.*?),?le="\+Inf"\} (\S+)$/mg) {
        $inf{"$1_count" . (length $2 ? "{$2}" : '')} = $3;
    }

    for (split /\n/, $text) {
        next if /^#/;
        if (/^(\w+_count\S*) (\S+)$/ && exists $inf{$1}) {
            $histograms++;
            push @torn, "$1: $2, +Inf $inf{$1}" if $inf{$1} != $2;
        }
        my ($name, $value) = /^nginx_gateway_(.+) (\S+)$/ or next;
        next if $name !~ /^\w+_(?:total|count|sum|bucket)\b/;
        push @falls, "$name: $last{$name} to $value"
            if defined $last{$name} && $value < $last{$name};
        $last{$name} = $value;
    }
}

sub kill_one {
    my ($pid) = $server->workers;
    $server->allow("process $pid exited on signal 9");
    kill 'KILL', $pid;
    wait_until(sub { my @now = $server->workers;
                     @now >= 2 && !grep { $_ == $pid } @now }, 10);
}

my $i = 0;
my ($killed, $reloaded, $begun) = (0, 0, time);

my %ended = during($server->port,
                   sub { $i++; $i % 3 ? "/t?p=" . $i % 20 : '/u' },
                   2000 * ($kills + $reloads), sub {
    my ($works) = @_;

    while ($works->() || $killed < $kills || $reloaded < $reloads) {
        last if time - $begun > 100 + 5 * ($kills + $reloads);
        if ($killed < $kills) {
            kill_one();
            $killed++;
        }
        look();
        if ($reloaded < $reloads && $reloaded * $kills <= $killed * $reloads) {
            $server->reload($conf) or die 'no reload';
            $reloaded++;
        }
        look();
        sleep 0.01;
    }
}, seconds => 100 + 5 * ($kills + $reloads));

is("$killed $reloaded", "$kills $reloads", 'all kills and reloads were made');
cmp_ok($ended{200} // 0, '>', 0, 'with answers meanwhile');
is_deeply(\@falls, [], 'no counter falls');
is_deeply(\@torn, [], 'the last bucket of a histogram is its count');
cmp_ok($histograms, '>', 100, "of $histograms");

my ($at, $requests);
wait_until(sub {
    $at = scrape($server);
    $requests = total($at, qr/^http_requests_total/);
    abs($requests - lines()) <= $kills;
}, 10);
cmp_ok(abs($requests - lines()), '<=', $kills,
       'requests and lines of the log differ by at most one a kill')
    or diag("$requests requests, " . lines() . ' lines');
cmp_ok(abs(total($at, qr/^http_request_duration_seconds_count/) - $requests),
       '<=', $kills, 'as do durations');
is(total($at, qr/^http_requests_in_flight/), 0, 'nothing is in flight');
note("$requests requests, ", lines(), ' lines');

# without kills the counts are exact
my $before = lines();
my %more = during($server->port, '/t?p=1', 2000, sub { });
is($more{200}, 2000, 'and 2000 more');
wait_until(sub { total(scrape($server), qr/^http_requests_total/)
                 == $requests + 2000 }, 10);
is(total(scrape($server), qr/^http_requests_total/), $requests + 2000,
   'are exactly 2000 more');
is(lines() - $before, 2000, 'as in the log');

$server->stop;
done_testing();
