# SPDX-License-Identifier: BSD-2-Clause

# The text formats, as promtool and a strict OpenMetrics parser read them, and
# exemplars.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Server;
use Test::More;

my $open = 'application/openmetrics-text';

my $server = start_nginx(
    workers => 2,
    http => <<'END',
    gateway_trust from=127.0.0.1;
    gateway_trace propagate sample=0;
    gateway_metrics_zone zone=metrics:32m buckets=0.25,0.5,1,2.5,1000;
END
    server => <<'END');
    server_name a.example;
    location /gateway/ { gateway_metrics_page from=127.0.0.1; }
    location /now { return 204; }
    location /other { return 204; }
    location ~ "[\"\\\\]\.php$" { return 200 x; }
    location /off { gateway_metrics off; return 204; }
END

sub fetch {
    my ($accept) = @_;

    my $port = $server->port;
    return scalar qx(curl -s --max-time 20 -H 'Accept: $accept' http://127.0.0.1:$port/gateway/metrics);
}

# what a program says about a text

sub said {
    my ($program, $text) = @_;

    write_file($server->dir . '/text', $text);
    my $dir = $server->dir;
    my $said = qx($program < '$dir/text' 2>&1);
    return ($? >> 8) . " $said";
}

my $strict = q(/usr/bin/python3 -c 'import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as old
text = sys.stdin.read()
read = text_string_to_metric_families if "# EOF" in text else old
print(sum(len(family.samples) for family in read(text)))');

sub samples { my ($text) = @_; return scalar(() = $text =~ /^[^#\n]/mg) }

sub traceparent { sprintf 'traceparent: 00-%032x-%016x-%02x', @_ }

# the exemplar of each bucket of a route: trace id, value, time

sub exemplars {
    my ($text, $route) = @_;

    my %found;
    while ($text =~ /^nginx_gateway_(\w+)\{[^}]*route="\Q$route\E",le="(.*?)"\}
                     \ \d+\ \#\ \{trace_id="(.*?)",span_id="(.*?)"\}
                     \ (\S+)\ (\S+)$/mgx)
    {
        is($1, 'http_request_duration_seconds_bucket', 'of a duration');
        $found{$2} = [ $3, $4, $5, $6 ];
    }
    return \%found;
}


# --- before and after requests, in both formats

for my $requests (0, 3) {
    for my $n (1 .. $requests) {
        $server->get($_) for '/now', '/a"\\.php', '/off', '/missing';
    }

    ok(wait_until(sub { fetch('*/*') =~ /route="\/now",method="GET",
                                         code="204"\}\ 3$/mx }),
       'requests are counted') if $requests;

    for my $accept ('text/plain', $open) {
        my $text = fetch($accept);
        my $n = samples($text);

        is(said($strict, $text), "0 $n\n", "$accept: $n samples are read");
        unlike($text, qr/_created/, 'none of them is a time of creation');
        unlike($text, qr/^$/m, 'there are no empty lines');

        my %le = map { $_ => 1 }
                 $text =~ /duration_seconds_bucket\{.*le="(.*?)"\}/g;
        is_deeply([ sort keys %le ],
                  [ sort qw( 0.25 0.5 1.0 2.5 1000.0 +Inf ) ], 'bounds')
            or next;

        # one reading of each histogram
        my ($lines, $wrong) = (0, 0);
        my %inf;
        while ($text =~ /^(\w+)_bucket\{(.*?),?le="\+Inf"\} (\d+)/mg) {
            $inf{"$1\{$2}"} = $3;
        }
        while ($text =~ /^(\w+)_count(?:\{(.*)\})? (\d+)$/mg) {
            my $labels = $2 // '';
            $lines++;
            $wrong++ if ($inf{"$1\{$labels}"} // -1) != $3;
        }
        cmp_ok($lines, '>', 0, 'histograms');
        is($wrong, 0, 'have their count in +Inf');

        # families are not interleaved
        my (%seen, $last);
        my $twice = grep { my $new = $_ ne ($last // ''); $last = $_;
                           $new && $seen{$_}++ }
                    $text =~ /^# TYPE (\S+)/mg;
        is($twice, 0, 'a family is there once');
    }
}

my $text = fetch('text/plain');
is(said('promtool check metrics', $text), '0 ', 'promtool has no complaints');
unlike($text, qr/# \{/, 'no exemplars in this format');

my $other = fetch($open) =~ s/^# .*\n//mgr =~ s/ # \{.*//gr;
$text =~ s/^# .*\n//mg;
sub stable { return grep { /route="\/other"|a\.example.*php/ } split /\n/, $_[0] }
is_deeply([ stable($other) ], [ stable($text) ], 'the same numbers in both');
like($text, qr/route="~ \[\\"\\\\\\\\\]\\\\\.php\$",method="GET",code="200"\} 3$/m,
     'special characters are escaped once');
unlike($text, qr{route="/off"}, 'off');


# --- exemplars

is_deeply(exemplars(fetch($open), '/now'), {}, 'no trace, no exemplar');

$server->get('/now', headers => [ traceparent(1, 2, 0) ]);
$server->get('/now', headers => [ traceparent(3, 4, 1) ]);
my $found;
wait_until(sub { $found = exemplars(fetch($open), '/now'); %$found });
is_deeply([ keys %$found ], [ '0.25' ], 'a sampled trace, in its bucket only');
is($found->{0.25}[0], sprintf('%032x', 3), 'its id');
like($found->{0.25}[1], qr/^[0-9a-f]{16}$/, 'the id of its span');
cmp_ok($found->{0.25}[2], '<=', 0.25, 'its duration');
cmp_ok(abs($found->{0.25}[3] - time), '<', 60, 'its time');
is_deeply(exemplars(fetch($open), '/other'), {}, 'of its route only');

# a later one replaces it, in either worker
my $id = 100;
ok(wait_until(sub {
    $server->get('/now', headers => [ traceparent(++$id, 4, 1) ]);
    $found = exemplars(fetch($open), '/now');
    return $found->{0.25}[0] ne sprintf '%032x', 3;
}), 'a newer one replaces it');

my ($changes, $last, %times) = (0, '');
for (1 .. 60) {
    $server->get('/now', headers => [ traceparent(++$id, 4, 1) ]);
    $found = exemplars(fetch($open), '/now');
    $times{ int $found->{0.25}[3] }++ if $found->{0.25}[0] ne $last;
    $last = $found->{0.25}[0];
}
is((scalar grep { $_ > 1 } values %times), 0, 'at most one a second');
my $n = samples($text = fetch($open));
is(said($strict, $text), "0 $n\n", 'exemplars are read, too');

ok($server->reload, 'a reload');
is(exemplars(fetch($open), '/now')->{0.25}[0], $last, 'keeps exemplars');

$server->stop;

done_testing;
