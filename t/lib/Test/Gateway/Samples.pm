# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Samples;

# What a server counts.
#
#   my $at = scrape($server);    samples of its "location = /metrics", by their
#                                text: 'workers' or 'connections{state="active"}',
#                                without "nginx_gateway_"
#   document($server, '/history')
#                                a JSON document of its "location /gateway/"
#   history($document, 'route', route => '/a')
#                                a series of the history, by kind and labels;
#                                undef: there is none
#   points($series, 'rate')      its points of 10 s
#   events($series, 'rate')      the sum of events of these points
#   counts($server, sub { ... }, qr/^upstream_/, { ... }, 'a request');
#                                runs the code and checks by how much samples
#                                that match grow; others do not.  Waits for them,
#                                because nginx counts after the response
#
# Buckets of histograms are left out; "..._sum" too in counts().

use v5.28;
use warnings;

use Exporter qw( import );
use JSON::PP qw( decode_json );
use List::Util qw( sum0 );
use Test::Gateway::Server ();
use Test::More ();

our @EXPORT = qw( scrape counts );
our @EXPORT_OK = qw( page document history points events );


# The response to a scrape, without the framing of chunks: (status, text); the
# text is undef if it is incomplete.

sub page {
    my ($server, $path) = @_;

    my ($status, $head, $rest) = Test::Gateway::Server::http_get($server,
        $path // '/metrics', timeout => 10);
    return ($status, $rest) if $head !~ /^Transfer-Encoding: chunked/mi;

    my $text = '';
    while ($rest =~ s/\A([0-9a-f]+)\r\n//) {
        my $size = hex $1;
        return ($status, $text) if $size == 0;
        last if length $rest < $size + 2;
        $text .= substr $rest, 0, $size, '';
        substr($rest, 0, 2) = '';
    }
    return ($status, undef);
}


sub document {
    my ($server, $path) = @_;

    $path = '/gateway/api/v1' . ($path // '');
    my ($status, $text) = page($server, $path);
    die "$path: $status ", $text // '', "\n"
        if $status != 200 || !defined $text;
    return decode_json($text);
}


sub history {
    my ($document, $kind, %labels) = @_;

    my ($series) = grep {
        my $has = $_->{labels};
        $_->{kind} eq $kind && !grep { ($has->{$_} // '') ne $labels{$_} }
                                     keys %labels
    } @{ $document->{series} };
    return $series;
}


sub points {
    my ($series, $row) = @_;

    my ($step) = grep { $_->{step} == 10 } @{ $series->{steps} };
    return @{ $step->{$row} };
}


sub events {
    my ($series, $row) = @_;

    return 0 if !$series;
    return sprintf '%.0f', 10 * sum0(map { $_ // 0 } points($series, $row));
}


sub scrape {
    my ($server) = @_;

    my ($status, $text) = page($server);
    die "no metrics: $status ", $text // '', "\n"
        if $status != 200 || !defined $text;

    my %at;
    for (split /\n/, $text) {
        next if /^#/ || /_bucket\{/;
        my ($name, $value) = /^nginx_gateway_(.+) (\S+)$/
            or Test::More::diag("not a sample: $_");
        Test::More::fail("$name is there once") if exists $at{$name};
        $at{$name} = $value;
    }
    return \%at;
}


sub counts {
    my ($server, $code, $which, $expected, $name) = @_;

    my $before = scrape($server);
    $code->();

    my %grown;
    Test::Gateway::Server::wait_until(sub {
        my $after = scrape($server);
        %grown = map { $_ => $after->{$_} - ($before->{$_} // 0) }
                 grep { /$which/ && !/_sum\b/
                        && $after->{$_} != ($before->{$_} // 0) }
                 keys %$after;
        return Test::More::eq_hash(\%grown, $expected);
    }, 5);
    return Test::More::is_deeply(\%grown, $expected, $name)
        || Test::More::diag(join "\n", map { "$_ $grown{$_}" }
                                       sort keys %grown);
}

1;
