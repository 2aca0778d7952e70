# SPDX-License-Identifier: BSD-2-Clause

# The clock is set while nginx runs, forwards and back: counts and durations are
# not affected, the history goes on, and what is wrong has begun in the past.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use List::Util qw( max sum0 );
use Test::Gateway::Samples qw( document history );
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep );

my ($lib) = grep { -e } glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
plan skip_all => 'no libfaketime here' if !$lib;

# a sanitizer's runtime must be the first library
my $binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
plan skip_all => 'this nginx does not start with libfaketime'
    if `LD_PRELOAD=$lib $binary -v 2>&1` !~ /nginx version/;

my $clock = File::Temp->new;
my $shift;

sub clock_is {
    $shift = $_[0];
    write_file("$clock", sprintf "%+d\n", $shift);
    chmod 0644, "$clock";
    return;
}
clock_is(0);

my ($port, $dead) = map { free_port() } 1 .. 2;
my $kept = join '', map { "env $_;\n" }
           qw( FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE DONT_FAKE_MONOTONIC );

my $server = do {
    local @ENV{qw( LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE
                   DONT_FAKE_MONOTONIC )} = ($lib, "$clock", 1, 1);
    start_nginx(port => $port, conf => http_conf(
        port => $port, workers => 2, main => $kept,
        http => <<"END", server => <<'END'));
    gateway_metrics_zone zone=m:8m;
    upstream dead {
        zone dead 64k;
        server 127.0.0.1:$dead max_fails=1 fail_timeout=1000h;
        server 127.0.0.2:$dead max_fails=1 fail_timeout=1000h;
    }
END
    server_name s;
    location /a { return 204; }
    location /dead { proxy_pass http://dead; }
    location /gateway/ { gateway_metrics_page from=127.0.0.1; }
END
};
$server->allow(qr/no live upstreams|connect\(\) failed/);

sub sample {
    my ($family, %labels) = @_;

    return grep {
        my $has = $_->{labels};
        !grep { ($has->{$_} // '') ne $labels{$_} } keys %labels
    } @{ document($server)->{families}{$family}{series} };
}

# the newest point of the history of all requests that has events

sub point {
    my $history = document($server, '/history');
    my $all = history($history, 'all') or return (0, $history->{time});
    my ($step) = grep { $_->{step} == 10 } @{ $all->{steps} };
    my $rate = $step->{rate};
    my ($i) = grep { $rate->[$_] } reverse 0 .. $#$rate;
    return (defined $i ? $step->{start} + 10 * $i : 0, $history->{time});
}

my $sent = 0;

# requests, until the history shows them at the present time

sub goes_on {
    my ($name) = @_;

    my ($at, $time) = (0, 0);
    ok(wait_until(sub {
        sleep 0.2;
        $server->get('/a'), $sent++;
        ($at, $time) = point();
        abs($at - time - $shift) < 30 && abs($time - time - $shift) < 5;
    }, 45), "$name: the history goes on")
        or diag "point $at, document $time, clock ", time + $shift;

    my ($count) = sample('http_requests_total', route => '/a');
    is($count->{value}, $sent, "$name: requests are exact");
    my ($duration) = sample('http_request_duration_seconds', route => '/a');
    is($duration->{count}, $sent, "$name: and durations");
    cmp_ok($duration->{sum}, '<', $sent, "$name: which are those of requests");
    return;
}

sub since {
    my ($down) = grep { $_->{alert} eq 'GatewayPeerDown' }
                 @{ document($server)->{problems} };
    return $down ? time + $shift - $down->{since} : undef;
}

$server->get('/dead');
goes_on('at first');
ok(wait_until(sub { defined since() }, 30), 'a server is down');

for my $case ([ 'two hours ahead', 7200 ], [ 'a day back', -86400 ],
              [ 'right again', 0 ]) {
    my ($name, $seconds) = @$case;

    clock_is($seconds);
    goes_on($name);
    my $ago;
    ok(wait_until(sub {
        sleep 0.2;
        $ago = since();
        defined $ago && $ago >= 0;
    }, 30), "$name: what is wrong began in the past") or diag $ago // 'nothing';
}

# workers are not busy
my $cpu = sub { sum0(map { my @f = split ' ', Test::Gateway::Server::slurp(
                           "/proc/$_/stat") =~ s/.*\)//r; $f[11] + $f[12] }
                     $server->workers) };
my $before = $cpu->();
sleep 3;
cmp_ok($cpu->() - $before, '<', 60, 'no worker is busy');
$server->stop;

done_testing();
