# SPDX-License-Identifier: BSD-2-Clause

# The examples of README.md for collectors, rotation and migration: records have
# the members that they name, in the form that a collector expects, and logrotate
# with the example loses no record under load.

use v5.28;
use warnings;
use lib 't/lib';

use POSIX ();
use Test::Gateway::Flood;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

my $requests = $ENV{REQUESTS} || 20_000;

my $readme = Test::Gateway::Server::slurp('modules/log/README.md');

# the text of a section, up to the next one of its level or above
sub section {
    my ($title) = @_;

    my ($level, $text)
        = $readme =~ /^(#+) \Q$title\E\n(.*?)(?=^#{1,3} |\z)/ms
        or die "no section $title";
    return $text;
}

# its only block of code
sub block {
    my ($title) = @_;

    my ($code) = section($title) =~ /^```\w*\n(.*?)^```$/ms;
    return $code // '';
}


# --- records of the formats

my $nginx = start_nginx(
    http => 'gateway_trace restart; gateway_request_id X-Request-ID;',
    server => join('', map { "gateway_log logs/$_.json $_ buffer=64k flush=0;" }
                       qw( native ecs otel gcp ))
              . 'location / { empty_gif; }');

is((http_get($nginx, '/a?b=1'))[0], 200, 'a request');
my %record = map { $_ => (records($nginx, "logs/$_.json", 1))[0] }
             qw( native ecs otel gcp );
$nginx->stop('nothing went wrong unannounced');

my $rfc3339 = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/;


# --- Filebeat

like($record{ecs}{'@timestamp'}, $rfc3339, 'filebeat: the time');
my $filebeat = block('Filebeat');
like($filebeat, qr/^ +$_$/m, "filebeat: $_")
    for 'target: ""', 'overwrite_keys: true', 'add_error_key: true';


# --- Vector: the members that it reads

my $vector = block('Vector');
my @read = $vector =~ /del\(\.(\w+)\)/g;
is_deeply(\@read, [ 'time' ], 'vector: the member with the time');
like($record{native}{$_}, $rfc3339, "vector: $_ is one of RFC 3339") for @read;


# --- Fluent Bit: the time by its format

my $fluent = block('Fluent Bit');
my ($key) = $fluent =~ /time_key: (\w+)/;
my ($format) = $fluent =~ /time_format: '(.*?)'/;
my %digits = (Y => 4, L => 3);
my $pattern = CORE::join '', map { /^%(\w)/ ? '\d{' . ($digits{$1} // 2) . '}'
                                            : quotemeta }
                             $format =~ /(%\w|.)/g;
like($record{native}{$key}, qr/\A$pattern\z/, 'fluent bit: the time');
my ($size) = $fluent =~ /buffer_max_size: (\d+)k/;
cmp_ok($size * 1024, '>', 32 * 1024 + 1, 'fluent bit: room for the longest line');


# --- OpenTelemetry Collector: each attribute that it reads

my $otelcol = block('OpenTelemetry Collector');
my %attribute = map { $_ => 1 } $otelcol =~ /attributes\.(\w+)/g,
                                $otelcol =~ /attributes\["(.*?)"\]/g;
is_deeply([ sort keys %attribute ],
          [ qw( http.response.status_code span_id timeUnixNano trace_flags
                trace_id ) ], 'otelcol: attributes');
my %form = (timeUnixNano => qr/\A\d{19}\z/, trace_id => qr/\A[0-9a-f]{32}\z/,
            span_id => qr/\A[0-9a-f]{16}\z/, trace_flags => qr/\A[0-9a-f]{2}\z/,
            'http.response.status_code' => qr/\A200\z/);
like($record{otel}{$_}, $form{$_}, "otelcol: $_") for sort keys %form;


# --- migration: the members are those of "Fields"

my %member;
for my $row (section('Fields') =~ /^\|(.*)\|$/mg) {
    my @columns = split /\|/, $row;
    for my $i (0 .. $#columns) {
        $member{$i}{$_} = 1 for $columns[$i] =~ /`([^`]+)`/g;
    }
}
# members without a name in a vocabulary
for my $native (keys %{ $member{0} }) {
    $member{$_}{"gateway.$native"} = 1 for 1, 2;
}

my @unknown;
for my $title ('From log_format with escape=json',
               "From Kong's file-log and http-log", "From APISIX's loggers")
{
    for my $row (section($title) =~ /^\| (`.*) \|$/mg) {
        my ($before, @columns) = split / \| /, $row;
        for my $i (0 .. $#columns) {
            push @unknown, map { "$before: $_" }
                           grep { !$member{$i}{s/\[\].*//r}
                                  && !/^(?:header|field)\b|^HTTP|^TLSv|^_OTHER|^\./
                                  && !/^\w+_ms$|^gateway\.$|^complete$|^status$/ }
                           $columns[$i] =~ /`([^`]+)`/g;
        }
    }
}
is_deeply(\@unknown, [], 'migration: each member is one of "Fields"');


# --- rotation

SKIP: {
    my ($logrotate) = grep { -x } map { "$_/logrotate" } split /:/, $ENV{PATH};
    skip 'no logrotate', 6 if !$logrotate;

    $nginx = start_nginx(server => 'gateway_log logs/access.json native flush=20ms;'
                                   . 'location / { empty_gif; }');
    my $dir = $nginx->dir;
    my $conf = block('Rotation');
    unlike($conf, qr/copytruncate/, 'logrotate renames');

    # the user of this test need not be able to give files away
    $conf =~ s{/var/log/nginx}{$dir/logs};
    $conf =~ s{/run/nginx\.pid}{$dir/nginx.pid}g;
    $conf =~ s/^ +create .*\n/    create\n/m or fail('no create');
    write_file("$dir/rotate", $conf);
    chmod 0644, "$dir/rotate";

    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        Test::Gateway::Server::adopt();
        my %count = flood($nginx->port, '/', $requests, connections => 4);
        POSIX::_exit(($count{200} // 0) == $requests ? 0 : 1);
    }

    # a request before each rotation, so that the file is not empty; the next
    # rotation waits until each process has opened the new file
    my @codes;
    for (1 .. 3) {
        http_get($nginx, '/');
        wait_until(sub { -s "$dir/logs/access.json" });
        wait_until(sub {
            !grep { (readlink // '') =~ m{/access\.json\.1$} }
                  map { glob "/proc/$_/fd/*" } $nginx->pid, $nginx->workers;
        }, 20);
        push @codes, system $logrotate, '-f', '-s', "$dir/state", "$dir/rotate";
    }
    waitpid $pid, 0;
    is($?, 0, 'all requests are answered');
    is_deeply(\@codes, [ 0, 0, 0 ], 'logrotate succeeds');
    $nginx->stop('nothing went wrong unannounced');

    my @files = map { s{.*/}{}r } sort glob "$dir/logs/access.json*";
    is_deeply(\@files, [ map { "access.json$_" } '', '.1', '.2.gz', '.3.gz' ],
              'the newest two files are not compressed');

    my @lines = map { /\.gz$/ ? qx(gzip -dc "$_")
                              : split /^/, Test::Gateway::Server::slurp($_) }
                map { "$dir/logs/$_" } @files;
    is(scalar(grep { json_of($_)->{status} == 200 } @lines), $requests + 3,
       'and all hold each record once, whole');
}

done_testing;
