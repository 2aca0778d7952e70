# SPDX-License-Identifier: BSD-2-Clause

# The format of a scrape by the request's Accept fields.  t/unit has all cases.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Server;
use Test::More;

my $open = 'application/openmetrics-text';

my $server = start_nginx(
    workers => 1,
    http => "gateway_metrics_zone zone=metrics:32m;\n",
    server => 'location /gateway/ { gateway_metrics_page from=127.0.0.1; }');

sub type {
    my ($path, @headers) = @_;

    my ($status, $head, $body) = $server->get($path, headers => \@headers);
    is($status, 200, "$path: " . (join ' | ', @headers));
    my ($type) = $head =~ /^Content-Type: (.*?)\r?$/m;
    my $end = $body =~ /^# EOF\r?$/m ? 'EOF' : 'no EOF';
    my ($vary) = $head =~ /^Vary: (.*?)\r?$/m;
    return "$type, $end, " . ($vary // 'no Vary');
}

my $text_is = 'text/plain; version=0.0.4; charset=utf-8, no EOF, Accept';
my $open_is = "$open; version=1.0.0; charset=utf-8, EOF, Accept";

is(type('/gateway/metrics', @$_[1 .. $#$_]), $_->[0], 'has its format')
    for [ $text_is ],
        [ $text_is, 'Accept:' ],
        [ $text_is, 'Accept: */*' ],
        [ $text_is, 'Accept: text/plain' ],
        [ $text_is, 'Accept: text/html' ],
        [ $open_is, "Accept: $open" ],
        [ $open_is, "accept: $open; version=1.0.0" ],
        [ $text_is, "Accept: $open; version=0.0.1" ],
        [ $text_is, "Accept: $open;q=0.5, text/plain;q=0.6" ],
        [ $open_is, "Accept: $open;q=0.6, text/plain;q=0.5" ],
        [ $text_is, "Accept: $open;q=0" ],

        # Prometheus 2.42
        [ $open_is, "Accept: $open;version=1.0.0,$open;version=0.0.1;q=0.75,"
                    . 'text/plain;version=0.0.4;q=0.5,*/*;q=0.1' ],

        # two fields are one list
        [ $open_is, 'Accept: text/plain;q=0.5', "Accept: $open" ],
        [ $text_is, "Accept: $open;q=0.5", 'Accept: text/plain' ];

is(type('/gateway/api/v1', "Accept: $open"),
   'application/json, no EOF, no Vary', 'JSON has an address of its own');
is(type('/gateway/api/v1/history', 'Accept: text/plain'),
   'application/json, no EOF, no Vary', 'and the history');

$server->stop;

done_testing;
