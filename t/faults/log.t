# Records over very many reloads, rotations and kills, in which all that a log
# counts must be exact.
#
#   RELOADS=200 ROTATIONS=100 KILLS=50 prove -It/lib t/faults/log.t
#
# are how many there are; defaults are 200, 100 and 20.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Flood;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep time );

my $reloads = $ENV{RELOADS} // 200;
my $rotations = $ENV{ROTATIONS} // 100;
my $kills = $ENV{KILLS} // 20;

$SIG{ALRM} = sub { die "this takes too long\n" };
alarm 240 + 2 * ($reloads + $rotations + $kills);


# --- paths that change with each reload, more of them than there is room for

{
    my $port = free_port();
    my $paths = 2500 / $reloads;        # with 7 counters each: 292 fit
    my (%of, @asked);

    # all requests are in a.json, and those of a round in the files of the round
    my $conf = sub {
        my ($round) = @_;

        return http_conf(port => $port, workers => 2,
            http => 'gateway_log a.json buffer=32k flush=10s;',
            server => 'location / { empty_gif; } ' . join "\n", map {
                "location = /$_ { gateway_log a.json buffer=32k flush=10s;"
                . " gateway_log $round-$_.json buffer=32k flush=10s;"
                . ' empty_gif; }' } 1 .. $paths);
    };

    my $nginx = start_nginx(port => $port, conf => $conf->(0));
    my ($all, $killed, $now) = (0, 0, 0);

    my $ask = sub {
        my ($path) = @_;
        my ($status) = $nginx->get($path);
        $all++ if $status == 200;
        return $status == 200;
    };

    for my $round (0 .. $reloads) {
        if ($round) {
            $nginx->reload($conf->($round)) or die $nginx->log;
        }
        $now = 0;
        $ask->('/') for 1 .. 3;
        $ask->('/1') && $now++ for 1 .. 5;
        $of{$round} = $now;

        # in between a worker is killed with what it has in its buffers
        if ($round % 10 == 5) {
            my @old = $nginx->workers;
            $nginx->allow("process $old[0] exited on signal 9");
            kill 'KILL', $old[0];
            wait_until(sub { my @now = $nginx->workers;
                             @now == 2 && $now[0] != $old[0]
                                       && $now[1] != $old[0] });
            $killed++;
            $of{$round} = -1;       # not known
            $ask->('/') for 1 .. 2;
        }
    }

    # in the last round one is killed, too
    my @old = $nginx->workers;
    $nginx->allow("process $old[0] exited on signal 9");
    kill 'KILL', $old[0];
    wait_until(sub { my @now = $nginx->workers;
                     @now == 2 && !grep { $_ == $old[0] } @now });
    $ask->('/1') && $now++ for 1 .. 5;
    $nginx->stop;

    unlike($nginx->log, qr/no room for|is not counted/, 'paths: all have room');

    my %count = counters($nginx, '/a.json');
    is($count{made}, $all, 'paths: all records are counted');
    is($count{written} + $count{dropped}, $count{made},
       'paths: written and dropped are all');
    is($count{dropped}, $count{lost_worker}, 'paths: only workers lose');
    cmp_ok($count{dropped}, '>', 0, 'paths: which they do');
    is($count{bytes}, 0, 'paths: nothing is left');
    is(scalar(my @lines = lines_of($nginx, 'a.json')), $count{written},
       'paths: all that were written are in the file');

    my @wrong = grep { my $n = lines_of($nginx, "$_-1.json");
                       $of{$_} >= 0 && $n != $of{$_} } 0 .. $reloads - 1;
    is("@wrong", '', "paths: those of $reloads reloads have their records");

    %count = counters($nginx, "/$reloads-1.json");
    is($count{made}, $now, 'paths: a new path begins with 0');
    is($count{written} + $count{lost_worker}, $now, 'paths: and is exact');
    is($count{bytes}, 0, 'paths: here, too');

    my %other = map { my %c = counters($nginx, "/$reloads-$_.json");
                      join(' ', @c{qw( made written dropped bytes )}) => 1 }
                2 .. $paths;
    is(join(', ', keys %other), '0 0 0 0', 'paths: without a request it is 0');
}

done_testing;
