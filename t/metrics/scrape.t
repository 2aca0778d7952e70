# SPDX-License-Identifier: BSD-2-Clause

# Scrapes: clients of any speed, methods, versions of HTTP, and how many there
# can be at once.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use POSIX ();
use Socket qw( SOL_SOCKET SO_LINGER SO_RCVBUF pack_sockaddr_in inet_aton );
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::More;
use Time::HiRes qw( sleep time );

# about 1 MB
my $routes = join '', map { "location /r$_/ { return 204; }\n" } 1 .. 200;
my ($h2, $small) = (free_port(), free_port());

my $server = start_nginx(
    workers => 1,
    files => { 'html/sub/x' =>
               '<!--# include virtual="/metrics" --> <!--# include virtual="/gateway/" --> end' },
    http => "gateway_metrics_zone zone=metrics:32m;\n",
    server => <<"END");
    listen 127.0.0.1:$h2 http2;
    listen 127.0.0.1:$small sndbuf=16k;
    send_timeout 10s;
    $routes
    location /gateway/ { gateway_metrics_page from=127.0.0.1; }
    location = /metrics { gateway_metrics_page from=any; }
    location /plain { gateway_metrics_page from=any; }
    location /nobody/ { gateway_metrics_page from=10.0.0.0/8; }
    location /gzip/ { gzip on; gzip_types text/plain application/json;
                      gzip_min_length 1; gateway_metrics_page from=any; }
    location /rate/ { limit_rate 4m; gateway_metrics_page from=any; }
    location /named { error_page 418 = \@named; return 418; }
    location \@named { gateway_metrics_page from=any; }
    location /sub/ { ssi on; ssi_types text/plain; root html; }
    location = /alive { return 204; }
END

my ($worker) = $server->workers;

sub rss {
    open my $in, '<', "/proc/$worker/statm" or die;
    return (split ' ', <$in>)[1] * 4096;
}

# through curl, which understands chunks

sub curl {
    my ($path, @arg) = @_;

    my $port = $server->port;
    open my $in, '-|', 'curl', '-s', '-i', '--max-time', 20, @arg,
                       "http://127.0.0.1:$port$path" or die "curl: $!";
    local $/;
    my ($head, $body) = split /\r\n\r\n/, <$in>, 2;
    close $in;
    my ($status) = $head =~ m{^HTTP/\S+ (\d+)};
    return ($status, $head, $body);
}

# a connection with a small window, on which nothing was read yet

sub begin {
    my ($path, $version) = @_;

    socket my $socket, Socket::PF_INET(), Socket::SOCK_STREAM(), 0 or die;
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, 4096 or die;
    connect $socket, pack_sockaddr_in($small, inet_aton('127.0.0.1'))
        or die "connect: $!";
    syswrite $socket, "GET $path HTTP/" . ($version // '1.1')
                      . "\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    return $socket;
}

sub rest {
    my ($socket, $text) = @_;

    1 while sysread $socket, $text, 65536, length $text;
    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    return ($head, $body);
}

sub unchunk {
    my ($body) = @_;

    my $text = '';
    while ($body =~ /\G([0-9a-f]+)\r\n/gc) {
        my $n = hex $1;
        return $text if $n == 0;
        $text .= substr $body, pos $body, $n;
        pos($body) += $n + 2;
    }
    return "$text (incomplete)";
}

# the samples whose values stay the same while nothing is counted

sub steady {
    my ($text) = @_;
    return join "\n", grep { /route="\/r/ } split /\n/, $text;
}

my ($status, $head, $body) = curl('/gateway/metrics');
is($status, 200, 'all metrics');
my $whole = steady($body);
cmp_ok(length $whole, '>', 500_000, 'they are many');
like($head, qr{^Content-Type: text/plain; version=0\.0\.4; charset=utf-8\r?$}m,
     'in the default format');
like($head, qr/^Cache-Control: no-store\r?$/m, 'not to be stored');
like($head, qr/^Transfer-Encoding: chunked\r?$/m, 'chunked');


# --- slow clients

my $slow = begin('/metrics');
my $text = '';
my ($longest, $asked) = (0, 0);

for (1 .. 40) {
    sysread $slow, $text, 1024, length $text or last;
    my $start = time;
    ($status) = $server->get('/alive');
    my $took = time - $start;
    $longest = $took if $took > $longest;
    $asked += ($status == 204);
}

is($asked, 40, 'others are answered while a client reads 1 KB at a time');
note(sprintf 'at most %.0f ms', $longest * 1000);
($status, undef, $body) = curl('/metrics');
is($status, 200, 'and get metrics');
is(steady($body), $whole, 'all of them');
cmp_ok(length $text, '>=', 40 * 1024, 'the slow one reads');
($head, $body) = rest($slow, $text);
is(steady(unchunk($body)), $whole, 'and receives the whole document');

my $before = rss();
my @held = map { begin('/gateway/api/v1') } 1 .. 16;
ok(wait_until(sub { (curl('/metrics'))[0] == 503 }, 10), 'the 17th gets 503');
cmp_ok(rss() - $before, '<', 4 << 20, '16 stalled clients hold little memory');

($status, $head, $body) = curl('/gateway/api/v1');
is($status, 503, 'for each document');
like($head, qr/^Retry-After: 1\r?$/m, 'with the time to retry');
like($head, qr{^Content-Type: application/problem\+json\r?$}m,
     'and a problem document');
like($body, qr/"detail":"too many documents/, 'that says why');
is((curl('/gateway/api/v1/history'))[0], 503, 'also for the history');
is((curl('/gateway/'))[0], 200, 'the page itself has no bound');
is(scalar(() = $server->log =~ /refused with 503/g), 1, 'one line is logged');

# one leaves in the middle, by a reset
my $leaves = pop @held;
setsockopt $leaves, SOL_SOCKET, SO_LINGER, pack 'll', 1, 0;
close $leaves;
ok(wait_until(sub { (curl('/metrics'))[0] == 200 }, 10),
   'a client that leaves makes room for another');

# one leaves after an end of file
close pop @held;
ok(wait_until(sub { (curl('/metrics'))[0] == 200 }, 10), 'however it leaves');

for my $socket (splice @held) {
    my ($head, $body) = rest($socket, '');
    like(unchunk($body), qr/"notes":\[.*\]\}\n\z/s, 'another one waits and '
                                                  . 'receives all');
}

my @many = map { begin('/metrics') } 1 .. 14;
is((curl('/metrics'))[0], 200, 'there is room again');
@many = ();


# --- methods and paths

for my $path (qw( /gateway/metrics /gateway/api/v1 /gateway/api/v1/history
                  /gateway/ /metrics ))
{
    ($status, $head, $body) = curl($path, '--head');
    is($status, 200, "HEAD $path");
    is($body // '', '', 'has no body');

    my ($type) = $head =~ /^(Content-Type: \S+)/m;
    like((curl($path))[1], qr/^\Q$type\E/m, "$type");

    ($status, $head) = curl($path, '--data', '{}');
    is($status, 405, "POST $path");
    like($head, qr/^Allow: GET, HEAD\r?$/m, 'is not allowed');
}

my $port = $server->port;
is(qx(curl -s --head http://127.0.0.1:$port/metrics --next -s -o /dev/null -w '%{http_code} %{num_connects}' http://127.0.0.1:$port/alive) =~ s/.*\n//sr,
   '204 0', 'HEAD keeps the connection');
is(qx(curl -s -o /dev/null http://127.0.0.1:$port/metrics --next -s -o /dev/null -w '%{http_code} %{num_connects}' http://127.0.0.1:$port/alive),
   '204 0', 'GET too');

is((curl($_))[0], 404, $_)
    for qw( /gateway/x /gateway/metrics/ /gateway/metricsx /gateway/api
            /gateway/api/v1/ /gateway/api/v1/x /plainx /plain/ );
is((curl($_))[0], 200, $_) for qw( /plain /named /gateway//metrics );
is((curl($_))[0], 403, "$_: the address is not allowed")
    for qw( /nobody/ /nobody/metrics /nobody/x );
is((curl('/nobody/', '--data', 'x'))[0], 403, 'whatever the method');
is((curl('/gateway/api/v1/history?since=x'))[0], 400, 'since is a time');
is((curl('/gateway/api/v1/history?since=17'))[0], 200, 'in seconds');

($status, $head) = curl('/gateway/');
like($head, qr{^Content-Type: text/html; charset=utf-8\r?$}m, 'the page');
like($head, qr/^\Q$_\E\r?$/m, $_)
    for 'Cache-Control: no-store', 'X-Content-Type-Options: nosniff',
        'X-Frame-Options: DENY';
like($head, qr/^Content-Security-Policy: default-src 'none'/m, 'CSP');

($status, undef, $body) = curl('/sub/x');
is(scalar(() = $body =~ /<title>404 Not Found/g), 2, 'nothing in a subrequest');
like($body, qr/ end\z/, 'which ends');
is((curl('/metrics'))[0], 200, 'and holds nothing');

# --- versions and filters

($head, $body) = rest(begin('/metrics', '1.0'), '');
like($head, qr{^HTTP/1\.1 200 }, 'HTTP/1.0');
unlike($head, qr/chunked/, 'has no chunks');
is(steady($body), $whole, 'but all metrics');

($status, $head, $body) = curl('/gzip/metrics', '--compressed');
like($head, qr/^Content-Encoding: gzip\r?$/m, 'gzip');
is(steady($body), $whole, 'decompressed, the same');

my $start = time;
($status, $head, $body) = curl('/rate/metrics');
is(steady($body), $whole, 'with limit_rate');

my $streams = Test::Gateway::Streams->new($h2);
my $stream = $streams->request('GET', '/metrics');
my $reset = $streams->request('GET', '/metrics');
ok($streams->wait(sub { $streams->status($stream) && $streams->status($reset) }),
   'HTTP/2: headers');
$streams->reset($reset);
$streams->open_window($stream) for 1 .. 4;
ok($streams->wait(sub { $streams->ended($stream) }, 20), 'HTTP/2: the end');
is(steady($streams->body($stream)), $whole, 'HTTP/2: all metrics');
$streams->close;


# --- a reload, while a client reads

$slow = begin('/metrics');
sysread $slow, $text = '', 1024;
$server->reload(undef, wait => 0);
ok(wait_until(sub { $server->workers == 2 }), 'a reload');
($head, $body) = rest($slow, $text);
is(steady(unchunk($body)), $whole, 'an old worker completes a document');
ok(wait_until(sub { $server->workers == 1 }), 'and leaves');

is((curl('/metrics'))[0], 200, 'and a new one answers');


# --- reloads, while clients read as fast as they can

my $clients = 4;
my $stop = time + 120;
pipe my $results, my $out or die;
my @clients = map {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my ($n, $cut) = (0, 0);
        $SIG{TERM} = sub { $stop = 0 };
        while (time < $stop) {
            my ($status, undef, $body) = http_get($server, '/metrics');
            $n++;
            $cut++ if $status != 200
                      || unchunk($body) =~ /\(incomplete\)\z/;
        }
        syswrite $out, "$n $cut\n";
        POSIX::_exit(0);
    }
    $pid;
} 1 .. $clients;
close $out;

for (1 .. 20) {
    $server->reload or die 'no reload';
    sleep rand 0.05;
}
kill 'TERM', @clients;
waitpid $_, 0 for @clients;
my @of = map { [ split ] } <$results>;
is(scalar @of, $clients, 'clients that end');
is(join(' ', map { $_->[1] } @of), join(' ', (0) x $clients),
   'receive each document whole, through 20 reloads');
cmp_ok($_->[0], '>', 20, "of many ($_->[0])") for @of;
$server->stop;

done_testing;
