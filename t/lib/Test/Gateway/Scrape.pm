# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Scrape;

# Counters, gauges and histograms of a server that has $Metrics{http} in http {}
# and $Metrics{server} in a server.
#
#   scrape($server)             { name => [ [ { label => value }, number ] ] };
#                               names without "nginx_gateway_"
#   family($server, $name, @labels)
#                               { 'value value' => number } by these labels
#   counted($server, $name, [ @labels ], \%expected, $title)
#                               asserts the whole family; waits for it, since
#                               some counters follow the response
#   value($server, $name, %labels)
#                               the number of one sample; undef: there is none

use v5.28;
use warnings;

use Exporter qw( import );
use Test::Gateway::Samples ();
use Test::Gateway::Server;
use Test::More ();

our @EXPORT = qw( scrape family counted value %Metrics );

our %Metrics = (
    http => 'gateway_metrics_zone zone=metrics:32m;',
    server => 'location = /metrics { gateway_metrics_page from=127.0.0.1; }',
);


sub scrape {
    my ($server) = @_;

    my ($status, $text) = Test::Gateway::Samples::page($server);
    die "no metrics: $status" if $status != 200 || !defined $text;

    my %sample;
    for my $line (grep { !/^#/ } split /\n/, $text) {
        my ($name, $labels, $number)
            = $line =~ /^nginx_gateway_(\w+)(?:\{(.*)\})? (\S+)/
            or die "not a sample: $line";
        my %label = ($labels // '') =~ /(\w+)="((?:[^"\\]|\\.)*)"/g;
        push @{ $sample{$name} }, [ \%label, $number ];
    }
    return \%sample;
}


sub family {
    my ($server, $name, @labels) = @_;

    my %found;
    for my $sample (@{ scrape($server)->{$name} // [] }) {
        my $key = join ' ', map { $_ // '' } @{ $sample->[0] }{@labels};
        die "$name: two samples of $key" if exists $found{$key};
        $found{$key} = $sample->[1] + 0;
    }
    return \%found;
}


sub counted {
    my ($server, $name, $labels, $expected, $title) = @_;

    my $found;
    my $text = sub { join ', ', map { "$_:$_[0]{$_}" } sort keys %{ $_[0] } };

    wait_until(sub {
        $found = family($server, $name, @$labels);
        return $text->($found) eq $text->($expected);
    }, 10);

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is($text->($found), $text->($expected), $title);
}


sub value {
    my ($server, $name, %labels) = @_;

    my @found = grep {
        my $sample = $_;
        !grep { ($sample->[0]{$_} // '') ne $labels{$_} } keys %labels;
    } @{ scrape($server)->{$name} // [] };

    return @found == 1 ? $found[0][1] + 0 : undef;
}

1;
