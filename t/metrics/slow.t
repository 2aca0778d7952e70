# SPDX-License-Identifier: BSD-2-Clause

# GatewaySlow: more than one request in 100 takes longer than 1 s, exactly.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Load;
use Test::Gateway::Origin;
use Test::Gateway::Samples qw( document history events );
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

# whether it is slow, at the check that follows all requests

sub slow_after {
    my ($slow, $fast) = @_;

    my $server = start();
    my @list = (map({ [ $server->port, '/slow' ] } 1 .. $slow),
                map({ [ $server->port, '/fast' ] } 1 .. $fast));
    my @answers = http_many(\@list, at_once => 20);
    is(answers(@answers), $slow ? "200:$slow 204:$fast" : "204:$fast",
       "$slow of " . ($slow + $fast));

    my $counted = sub {
        events(history(document($server, '/history'), 'all'), 'rate');
    };
    wait_until(sub { sleep 0.2; $counted->() == $slow + $fast }, 30);
    is($counted->(), $slow + $fast, 'the history has all of them');

    # problems are found after the history is written
    my $found;
    wait_until(sub {
        ($found) = grep { $_->{alert} eq 'GatewaySlow' }
                   @{ document($server)->{problems} };
        $found || !sleep 0.2;
    }, 3);
    $server->stop;
    return $found ? $found->{text} : '';
}

is(slow_after(4, 396), '', 'one in 100 is not too many');
is(slow_after(5, 395), 'More than one request in 100 takes longer than 1 s.',
   'one more is');

done_testing();
