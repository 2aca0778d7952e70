# SPDX-License-Identifier: BSD-2-Clause

# What a reload does to the counts: nothing if it fails; a new size or other
# buckets begin at 0.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Samples qw( page );
use Test::Gateway::Server;
use Test::More;

my $port = free_port();

sub conf {
    my ($zone, $more) = @_;
    return http_conf(port => $port, workers => 2,
                     http => "gateway_metrics_zone zone=m:8m;\n" =~ s/zone=.*?(?=;)/$zone/r,
                     server => ($more // '') . <<'END');
    server_name s;
    location /t { return 200 x; }
    location = /metrics { gateway_metrics_page from=any; }
END
}

my $server = start_nginx(port => $port, conf => conf('zone=m:8m'));

# all that does not count the scrapes themselves

sub text {
    my ($status, $text) = page($server);
    return join "\n", grep { !/^nginx_gateway_connections/ } split /\n/, $text // '';
}

sub requests { text() =~ /^nginx_gateway_http_requests_total\{.*route="\/t".*\} (\d+)$/m ? $1 : 0 }

sub same {
    my ($before, $name) = @_;
    is(text(), $before, "$name: no byte of the output has changed");
}

$server->get('/t') for 1 .. 9;
ok(wait_until(sub { requests() == 9 }), 'requests are counted');
my $before = text();


# --- nginx -t, beside the server that runs

my $dir = $server->dir;
my $binary = Test::Gateway::Server::binary();
for my $zone ('zone=m:8m', 'zone=m:4m', 'zone=m:8m buckets=1') {
    my ($head) = Test::Gateway::Server::slurp("$dir/nginx.conf")
                 =~ /\A((?:(?:error_log|pid).*\n)*)/;
    write_file("$dir/other.conf", $head . conf($zone));
    my $said = qx($binary -t -p $dir -c $dir/other.conf 2>&1);
    is($?, 0, "nginx -t, $zone") or diag $said;
    same($before, "nginx -t, $zone");
}


# --- reloads that fail: while the file is read, and when all zones are made

$server->allow('unknown directive "wrong"', 'bind() to', 'still could not bind');
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
    or die "listen: $!";
my %wrong = ('an unknown directive' => [ 'wrong;', 'unknown directive "wrong"' ],
             'an address in use' => [ 'listen 127.0.0.1:' . $taken->sockport . ';',
                                      'still could not bind' ]);

for my $name (sort keys %wrong) {
    for my $zone ('zone=m:8m', 'zone=m:4m', 'zone=m:8m buckets=1') {
        my ($more, $message) = @{ $wrong{$name} };
        my $n = () = $server->log =~ /\Q$message\E/g;
        $server->reload(conf($zone, $more), wait => 0);
        ok(wait_until(sub { $n < (() = $server->log =~ /\Q$message\E/g) }, 15),
           "$name, $zone: the reload fails");
        same($before, "$name, $zone");
    }
}
unlike($server->log, qr/counts start at 0/, 'nothing begins at 0');


# --- reloads that succeed

ok($server->reload(conf('zone=m:8m')), 'a reload');
is(requests(), 9, 'keeps what was counted');
$server->get('/t');
ok(wait_until(sub { requests() == 10 }), 'and goes on');

my $n = 0;
for my $zone ('zone=m:8m buckets=0.1,1', 'zone=m:16m buckets=0.1,1', 'zone=m:8m') {
    ok($server->reload(conf($zone)), "a reload with $zone");
    is(requests(), 0, 'begins at 0');
    $n++;
    is(scalar(() = $server->log =~ /\[notice\] .*gateway_metrics_zone "m" has another size or other buckets, counts start at 0$/mg),
       $n, 'and is logged');
    $server->get('/t') for 1 .. 3;
    ok(wait_until(sub { requests() == 3 }), 'requests are counted again');
}

$server->stop;
done_testing;
