# SPDX-License-Identifier: BSD-2-Clause

# Tries of upstream servers: which block, which server, how each one ended, and
# how long it took.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use IO::Socket::INET;
use Test::Gateway::Samples;
use Test::Gateway::Server;
use Test::More;

my ($port, $origin, $second, $dead, $dead2) = map { free_port() } 1 .. 5;

my $dir = File::Temp->newdir;
my $local = "unix:$dir/origin";

# accepts connections and does not answer

my $silent = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
    or die "listen: $!";
my $mute = $silent->sockport;

my $server = start_nginx(port => $port, workers => 2, http => <<"HTTP",
    gateway_metrics_zone zone=metrics:8m;
    log_format tries '\$upstream_addr|\$upstream_bytes_sent'
                     '|\$upstream_bytes_received';
    upstream a { server 127.0.0.1:$origin; }
    upstream b { server 127.0.0.1:$second; }
    upstream refused { server 127.0.0.1:$dead; }
    upstream silent { server 127.0.0.1:$mute; }
    upstream next {
        zone next 256k;
        server 127.0.0.1:$dead max_fails=0;
        server 127.0.0.1:$origin max_fails=0;
    }
    upstream none {
        zone none 256k;
        server 127.0.0.1:$dead fail_timeout=1h;
        server 127.0.0.1:$dead2 fail_timeout=1h;
    }
    upstream spare {
        zone spare 256k;
        server 127.0.0.1:$dead max_fails=0;
        server 127.0.0.1:$origin backup;
    }
    upstream busy {
        zone busy 256k;
        server 127.0.0.1:$origin max_fails=0;
        server 127.0.0.1:$second max_fails=0;
    }
    proxy_connect_timeout 5s;
    server {
        listen 127.0.0.1:$origin;
        listen 127.0.0.1:$second;
        listen $local;
        gateway_metrics off;
        location /ok { return 200 "0123456789"; }
        location /accel { add_header X-Accel-Redirect /inner; return 200 ""; }
        location /503 { return 503; }
        location /418 { return 418; }
        location /299 { return 299; }
        location /events { default_type text/event-stream; return 200 "x"; }
    }
HTTP
    server => <<"SERVER");
    error_page 502 504 /own;
    location = /own { internal; return 200 "own"; }
    location = /metrics { gateway_metrics_page from=127.0.0.1; }
    location /a/ { proxy_pass http://a/; access_log logs/tries tries; }
    location /refused { proxy_pass http://refused; }
    location /timeout { proxy_pass http://silent; proxy_read_timeout 200ms; }
    location /gone { proxy_pass http://silent; proxy_read_timeout 60s; }
    location /next { proxy_pass http://next/ok; }
    location /none { proxy_pass http://none; }
    location /spare { proxy_pass http://spare/ok; }
    location /busy {
        proxy_pass http://busy/503;
        proxy_next_upstream http_503;
    }
    location /page { proxy_pass http://refused; error_page 502 = \@b; }
    location \@b { proxy_pass http://b; rewrite ^ /ok break; }
    location /accel { proxy_pass http://a; }
    location /inner { internal; proxy_pass http://b/ok; }
    location /block {
        set \$block b;
        proxy_pass http://\$block/ok;
    }
    location /address {
        set \$address 127.0.0.1:$second;
        proxy_pass http://\$address/ok;
    }
    location /address-page {
        set \$address 127.0.0.1:$dead2;
        proxy_pass http://\$address/;
        error_page 502 = \@b;
    }
    location /page-address {
        proxy_pass http://refused;
        error_page 502 = \@address;
    }
    location \@address {
        set \$address 127.0.0.1:$second;
        rewrite ^ /ok break;
        proxy_pass http://\$address;
    }
    location /implicit { proxy_pass http://127.0.0.1:$origin/ok; }
    location /local { proxy_pass http://$local:/ok; }
    location /name { proxy_pass http://localhost:$origin/ok; }
    location /off { gateway_metrics off; proxy_pass http://a/ok; }
    location /sub { auth_request /auth; return 200 "sub"; }
    location /auth { internal; proxy_pass http://a/ok; }
SERVER

# the name of a sample of tries, and of the durations of a block

sub tried {
    my ($block, $peer, $code) = @_;
    $peer = "127.0.0.1:$peer" if $peer =~ /^\d+$/;
    return qq(upstream_tries_total{upstream="$block",peer="$peer",)
           . qq(code="$code"});
}
sub lasted {
    my ($block, @what) = @_;
    return map { (qq(upstream_${_}_duration_seconds_count{upstream="$block"})
                  => 1) } @what;
}
my @all = qw( connect header response );
my $which = qr/^upstream_(?!bytes|peer)/;

sub requests {
    my ($path, $status, $expected, $name) = @_;
    my $got;
    counts($server, sub { $got = (http_get($server, $path))[0] }, $which,
           $expected, $name);
    is($got, $status, "$name: the status");
}


# --- one block

requests('/a/ok', 200, { tried('a', $origin, 200) => 1, lasted('a', @all) },
         'a response');
requests('/a/503', 503, { tried('a', $origin, 503) => 1, lasted('a', @all) },
         'an error of the server is its response');
requests('/a/418', 418, { tried('a', $origin, '4xx') => 1, lasted('a', @all) },
         'an unusual code is counted by its class');
requests('/a/299', 299, { tried('a', $origin, '2xx') => 1, lasted('a', @all) },
         'also a good one');
requests('/refused', 502, { tried('refused', $dead, 'connect') => 1 },
         'a refused connection has no duration');
requests('/timeout', 504, { tried('silent', $mute, 'header') => 1,
                            lasted('silent', 'connect') },
         'a server that sends nothing');
close $silent->accept;
requests('/a/events', 200, { tried('a', $origin, 200) => 1 },
         'server-sent events have no duration');
requests('/local', 200, { tried($local, $local, 200) => 1,
                          lasted($local, @all) }, 'a local socket');
requests('/implicit', 200,
         { tried("127.0.0.1:$origin", $origin, 200) => 1,
           lasted("127.0.0.1:$origin", @all) },
         'an address in "proxy_pass" is a block');

counts($server, sub {
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    print $client "GET /gone HTTP/1.1\r\nHost: x\r\n\r\n";
    my $peer = $silent->accept;
    sysread $peer, my $head, 4096;      # nginx has sent the request
    close $client;
    wait_until(sub { !sysread $peer, my $end, 1 });
}, $which, { tried('silent', $mute, 'aborted') => 1,
             lasted('silent', 'connect') }, 'the client has gone');


# --- several servers, and none

requests('/next', 200, { tried('next', $dead, 'connect') => 1,
                         tried('next', $origin, 200) => 1,
                         lasted('next', @all) }, 'the next server');
requests('/busy', 503, { tried('busy', $origin, 503) => 1,
                         tried('busy', $second, 503) => 1,
                         map { $_ => 2 }
                         grep { /\D/ } lasted('busy', @all) },
         'a response that is not used is a try');
requests('/spare', 200, { tried('spare', $dead, 'connect') => 1,
                          tried('spare', $origin, 200) => 1,
                          lasted('spare', @all) }, 'a backup server');
requests('/none', 502, { tried('none', $dead, 'connect') => 1,
                         tried('none', $dead2, 'connect') => 1 },
         'all servers fail');
requests('/none', 502, { 'upstream_no_live_total{upstream="none"}' => 1 },
         'then none is available, and none is tried');


# --- several blocks for one request

requests('/page', 200, { tried('refused', $dead, 'connect') => 1,
                         tried('b', $second, 200) => 1, lasted('b', @all) },
         'error_page to another block');
requests('/accel', 200, { tried('a', $origin, 200) => 1, lasted('a', @all),
                          tried('b', $second, 200) => 1, lasted('b', @all) },
         'X-Accel-Redirect to another block');
requests('/block', 200, { tried('b', $second, 200) => 1, lasted('b', @all) },
         'a variable that names a block');
requests('/address', 200, { tried('other', 'other', 200) => 1,
                            lasted('other', @all) },
         'a variable with an address of no block');
requests('/address-page', 200, { tried('other', 'other', 'connect') => 1,
                                 tried('b', $second, 200) => 1,
                                 lasted('b', @all) },
         'a block after an address');
requests('/page-address', 200, { tried('refused', $dead, 'connect') => 1,
                                 tried('other', 'other', 200) => 1,
                                 lasted('other', @all) },
         'an address after a block');


# --- a name that nginx has resolved when it started

{
    my $before = scrape($server);
    my $got = (http_get($server, '/name'))[0];
    my $sample = tried("localhost:$origin", $origin, 200);

    is($got, 200, 'a name');
    ok(wait_until(sub { (scrape($server)->{$sample} // 0) == 1 }),
       'its address is a peer');
}


# --- not counted

requests('/off', 200, {}, 'a location without metrics');
requests('/sub', 200, {}, 'a subrequest');


# --- bytes

{
    my $bytes = qr/^upstream_bytes/;
    my ($sent, $received);
    my $log = $server->dir . '/logs/tries';
    my $lines = sub { open my $in, '<', $log or die $!; my @l = <$in>; @l };
    my $n = $lines->();
    my $sample = sub { qq(upstream_bytes_total{upstream="a",)
                       . qq(peer="127.0.0.1:$origin",direction="$_[0]"}) };
    my $before = scrape($server);

    http_get($server, '/a/ok') for 1 .. 3;
    wait_until(sub { $lines->() == $n + 3 });

    for (($lines->())[-3 .. -1]) {
        my (undef, $out, $in) = split /\|/;
        $sent += $out;
        $received += $in;
    }

    my %grown;
    wait_until(sub {
        my $after = scrape($server);
        %grown = map { $_ => $after->{$sample->($_)} - $before->{$sample->($_)} }
                 qw( sent received );
        return $grown{received} >= $received;
    });
    cmp_ok($received, '>', 300, 'bytes were received');
    is($grown{sent}, $sent, 'bytes sent');
    is($grown{received}, $received, 'bytes received');
}


# --- after a reload the counts remain, and workers know the new blocks

{
    my $sample = tried('a', $origin, 200);
    my $before = scrape($server)->{$sample};
    ok($server->reload, 'a reload');
    is(scrape($server)->{$sample}, $before, 'keeps the counts');
    requests('/a/ok', 200, { $sample => 1, lasted('a', @all) },
             'and continues');
}

$server->stop;
done_testing;
