# SPDX-License-Identifier: BSD-2-Clause

# GatewaySlow: more than one request in 100 takes longer than 1 s, exactly.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP;
use Test::Gateway::Load;
use Test::Gateway::Origin;
use Test::Gateway::Samples qw( page );
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep );

my $origin = origin();
$origin->answer('/slow', delay => 1.2, body => 'slow');

sub start {
    my $port = free_port();
    return start_nginx(port => $port, workers => 1,
        http => 'gateway_metrics_zone zone=m:8m;', server => <<"END");
    location /fast { return 204; }
    location /slow { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
    location /gateway/ { gateway_metrics_page from=127.0.0.1; }
END
}

sub document {
    my ($server) = @_;
    my ($status, $text) = page($server, '/gateway/api/v1');
    die "$status\n" if $status != 200 || !defined $text;
    return decode_json($text);
}

# whether it is slow, at the check that follows all requests

sub slow_after {
    my ($slow, $fast) = @_;

    my $server = start();
    my @list = (map({ [ $server->port, '/slow' ] } 1 .. $slow),
                map({ [ $server->port, '/fast' ] } 1 .. $fast));
    my @answers = http_many(\@list, at_once => 20);
    is(answers(@answers), $slow ? "200:$slow 204:$fast" : "204:$fast",
       "$slow of " . ($slow + $fast));

    my $history = sub {
        my ($status, $text) = page($server, '/gateway/api/v1/history');
        my ($all) = grep { $_->{kind} eq 'all' }
                    @{ decode_json($text)->{series} };
        my $sum = 0;
        $sum += 10 * ($_ // 0) for map { @{ $_->{rate} } }
                                   grep { $_->{step} == 10 } @{ $all->{steps} };
        return sprintf '%.0f', $sum;
    };
    wait_until(sub { sleep 0.2; $history->() == $slow + $fast }, 30);
    is($history->(), $slow + $fast, 'the history has all of them');

    # problems are found after the history is written
    my ($found) = grep { $_->{alert} eq 'GatewaySlow' }
                  map { @{ document($server)->{problems} } } 1;
    wait_until(sub {
        sleep 0.2;
        ($found) = grep { $_->{alert} eq 'GatewaySlow' }
                   @{ document($server)->{problems} };
        $found;
    }, 3) if !$found;
    $server->stop;
    return $found ? $found->{text} : '';
}

is(slow_after(4, 396), '', 'one in 100 is not too many');
is(slow_after(5, 395), 'More than one request in 100 takes longer than 1 s.',
   'one more is');

done_testing();
