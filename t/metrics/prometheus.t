# SPDX-License-Identifier: BSD-2-Clause

# conf.examples/prometheus: promtool accepts the rules and their tests; each alert
# is a problem of the page and has a case in which it fires and one in which it
# does not; alerts and dashboard use families that exist.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP;
use File::Temp ();
use Test::Gateway::Server;
use Test::More;

sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$file>;
}

my $dir = 'conf.examples/prometheus';

sub run_in {
    my ($folder, @command) = @_;
    my $output = `cd '$folder' && @command 2>&1`;
    return ($? >> 8, $output);
}

my ($status, $output) = run_in($dir, 'promtool check config prometheus.yml');
is($status, 0, 'promtool check config') or diag $output;

($status, $output) = run_in($dir, 'promtool check rules alerts.yml');
is($status, 0, 'promtool check rules') or diag $output;

($status, $output) = run_in($dir, 'promtool test rules tests.yml');
is($status, 0, 'promtool test rules') or diag $output;


# a rule that can never fire makes the tests fail

my $text = slurp("$dir/alerts.yml");
my $broken = $text =~ s/upstream_peer_up == 0/upstream_peer_up == 2/r;
my $copy = File::Temp->newdir;
write_file("$copy/alerts.yml", $broken);
write_file("$copy/tests.yml", slurp("$dir/tests.yml"));
isnt((run_in("$copy", 'promtool test rules tests.yml'))[0], 0,
     'the tests notice a rule that does not fire');


# the alerts are the problems of the page

my @alerts = $text =~ /^ +- alert: (\w+)$/mg;
my @problems = slurp('modules/metrics/ngx_http_gateway_metrics_problem.c')
               =~ /ngx_string\("(Gateway\w+)"\)/g;
my @documented = slurp('modules/metrics/README.md') =~ /^\| `(Gateway\w+)`/mg;

cmp_ok(scalar @alerts, '>=', 12, 'there are alerts');
is_deeply([ sort @alerts ], [ sort @problems ], 'each is a problem of the page');
is_deeply([ sort @alerts ], [ sort @documented ], 'each is documented');

my $tests = slurp("$dir/tests.yml");
for my $alert (@alerts) {
    like($tests, qr/name: $alert fires$/m, "$alert: a case in which it fires");
    like($tests, qr/name: $alert does not fire$/m,
         '    and one in which it does not');
}


# families, which t/metrics/formats.t compares with the output

my %family = map { $_ => 1 }
    slurp('modules/metrics/README.md') =~ /^\| (?:h )?`(\w+)` \|/mg;
$family{"consumer_$_"} = 1 for qw( requests_total response_bytes_total );

for my $file ('alerts.yml', 'grafana.json') {
    my %used = map { s/_(?:bucket|count|sum)$//r => 1 }
               slurp("$dir/$file") =~ /nginx_gateway_(\w+)/g;
    cmp_ok(scalar keys %used, '>=', 12, "$file: families");
    is_deeply([ grep { !$family{$_} } sort keys %used ], [],
              '    all are documented');
}

my $dashboard = decode_json(slurp("$dir/grafana.json"));
is_deeply([ grep { !@{ $_->{targets} } } @{ $dashboard->{panels} } ], [],
          'each panel of the dashboard has a query');

done_testing;
