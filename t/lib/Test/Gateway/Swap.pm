# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Swap;

# Successive sets of consumers, for tests that change them while nginx runs.
# Each set has a version, which is in the plan, the metadata and the groups of
# its consumer "acme": a response shows the set that it is from, and whether the
# set is complete.
#
#   version_of(7)               the file, JSON text; more consumers: (7, 30_000)
#   swap_conf(%part)            a configuration, as http_conf(); watch ("": without
#                               the parameter), zone, file and server (its text, ""
#                               for the usual)
#   ask($server)                "7", "401", "0", or "torn: ..." for data of
#                               several sets
#   worker_of($server)          pid of the worker that answered, and ask()
#   load($server, $clients)     clients that send requests until $load->end,
#                               which returns the number of each answer
#   told($server, $pattern)     lines of the log

use v5.28;
use warnings;

use Exporter qw( import );
use JSON::PP ();
use POSIX ();
use Test::Gateway::Consumer;
use Test::Gateway::Server;

our @EXPORT = qw( version_of swap_conf ask worker_of load told );


sub version_of {
    my ($version, $others) = @_;

    return consumers(
        consumer('acme', plan => "plan-$version",
                 metadata => { version => "$version" },
                 groups => [ "group-$version" ]),
        map { { id => "c$_", groups => ['partners'], plan => 'gold',
                metadata => { tenant => "$_" },
                jwt => [ { iss => 'https://id.example', sub => "s$_" } ],
                certificates => [ { san => "uri:spiffe://example/$_" } ] } }
            1 .. $others // 0);
}


sub swap_conf {
    my (%part) = @_;

    my $watch = length($part{watch} // 1) ? 'watch=' . ($part{watch} // '50ms')
                                          : '';
    my $file = $part{file} // 'consumers.json';
    my $zone = $part{zone} // 'c:1m';
    my $port = $part{port} // die 'a port is wanted';

    return http_conf(
        main => $part{main}, workers => $part{workers},
        http => "gateway_consumers zone=$zone file=$file $watch;\n",
        server => $part{server} // <<"END");
        listen 127.0.0.1:$port reuseport;
        location / {
            gateway_api_key r;
            add_header X-Is
                \$gateway_plan|\$gateway_consumer_version|\$gateway_groups always;
            add_header X-Worker \$pid always;
            empty_gif;
        }
END
}


sub worker_of {
    my ($server) = @_;

    state $key = 'X-API-Key: ' . api_key('acme');
    my ($status, $head) = $server->get('/', headers => [ $key ]);

    my ($worker) = $head =~ /^X-Worker: (\d+)/m;
    my ($is) = $head =~ /^X-Is: ([^\r\n]*)/m;
    $is //= '';

    my $said = $status != 200 ? $status
               : $is =~ /\Aplan-(\w+)\|(\w+)\|group-(\w+)\z/
                 && $1 eq $2 && $2 eq $3 ? $1 : "torn: $is";
    return ($worker, $said);
}

sub ask { (worker_of(@_))[1] }


sub load {
    my ($server, $clients) = @_;

    pipe my $until, my $end or die "pipe: $!";
    my @clients;

    for (1 .. $clients // 1) {
        pipe my $result, my $report or die "pipe: $!";
        defined(my $pid = fork) or die "fork: $!";

        if ($pid == 0) {
            close $end;
            my ($bits, %count) = ('');
            vec($bits, fileno $until, 1) = 1;
            $count{ ask($server) }++
                while !select my $ready = $bits, undef, undef, 0;
            syswrite $report, JSON::PP::encode_json(\%count);
            POSIX::_exit(0);
        }
        push @clients, [ $pid, $result ];
    }
    return bless { end => $end, clients => \@clients }, __PACKAGE__;
}


sub end {
    my ($self) = @_;

    close delete $self->{end};
    my %sum;
    for (@{ $self->{clients} }) {
        my ($pid, $result) = @$_;
        my $count = JSON::PP::decode_json(join '', <$result>);
        $sum{$_} += $count->{$_} for keys %$count;
        waitpid $pid, 0;
    }
    return %sum;
}


sub told {
    my ($server, $pattern) = @_;
    return grep { /$pattern/ } split /^/, $server->log;
}

1;
