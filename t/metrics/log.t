# SPDX-License-Identifier: BSD-2-Clause

# log_records_total: records that were written, or why they were lost.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Scrape;
use Test::Gateway::Server;
use Test::More;

my @labels = qw( sink result );

sub sinks {
    my ($server, %expected) = @_;

    my $dir = $server->dir;
    my %all = map { my $sink = $_;
                    map { ("$dir/$sink $_" => $expected{"$sink $_"} // 0) }
                    qw( written full size exit lost_worker ) }
              qw( a.json b.json );
    return \%all;
}

my $server = start_nginx(http => $Metrics{http}, server => <<"END");
    $Metrics{server}
    location / { gateway_log a.json buffer=32k flush=1h; empty_gif; }
    location /both { gateway_log a.json buffer=32k flush=1h;
                     gateway_log b.json flush=10ms; empty_gif; }
END
$server->allow(qr/exited on signal 9/);

sub get { my ($path, $n) = @_; http_get($server, $path) for 1 .. $n; return }

counted($server, 'log_records_total', \@labels, sinks($server),
        'nothing was logged');
get('/both', 3);
counted($server, 'log_records_total', \@labels,
        sinks($server, 'b.json written' => 3),
        'records in buffers are not counted yet');
$server->signal('USR1');
counted($server, 'log_records_total', \@labels,
        sinks($server, 'b.json written' => 3, 'a.json written' => 3),
        'but as soon as they are written');

get('/', 4);
my @workers = $server->workers;
kill 'KILL', @workers;
ok(wait_until(sub {
    my %now = map { $_ => 1 } $server->workers;
    return %now && !grep { $now{$_} } @workers;
}, 10), 'the workers are killed');
counted($server, 'log_records_total', \@labels,
        sinks($server, 'b.json written' => 3, 'a.json written' => 3,
              'a.json lost_worker' => 4),
        'records in their buffers are lost');

get('/', 2);
ok($server->reload, 'a reload');
counted($server, 'log_records_total', \@labels,
        sinks($server, 'b.json written' => 3, 'a.json written' => 5,
              'a.json lost_worker' => 4),
        'workers that exit write theirs');

$server->stop;

done_testing();
