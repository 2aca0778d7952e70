# SPDX-License-Identifier: BSD-2-Clause

# Over HTTP/2, requests wait and are rejected as over HTTP/1: many streams of one
# connection, each with its own response.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Socket qw( SOL_SOCKET SO_RCVBUF inet_aton pack_sockaddr_in );
use Test::Gateway::Redis;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::More;

plan skip_all => 'this curl knows no HTTP/2'
    if `curl --version` !~ /HTTP2/;

# a test that waits for a response too many must not hang
$SIG{ALRM} = sub { die "a request has no answer\n" };
alarm 180;

my $redis = start_redis();
my $port = free_port();
my $plain = free_port();
my $old = nginx_before(1, 25, 1);
my $listen = $old ? "listen 127.0.0.1:$port http2;"
                  : "listen 127.0.0.1:$port; http2 on;";

my $nginx = start_nginx(workers => 1, http => <<"END");
    gateway_redis r { server 127.0.0.1:@{[ $redis->port ]}; timeout 5s; }
    gateway_limit_zone \$arg_k zone=shm:1m rate=1r/d burst=4;
    gateway_limit_zone \$arg_k zone=redis:1m rate=1r/d burst=4 redis=r;
    gateway_limit_zone \$arg_k zone=slow:1m rate=20r/s;
    server {
        $listen
        location /shm { gateway_limit zone=shm; empty_gif; }
        location /redis { gateway_limit zone=redis; empty_gif; }
        location /slow { gateway_limit zone=slow burst=3; empty_gif; }
        location /limits { gateway_limit_admin zone=shm zone=redis from=127.0.0.1; }
    }
    server {
        listen 127.0.0.1:$plain sndbuf=4k;
        client_header_buffer_size 256k;
        location /shm { gateway_limit zone=shm; empty_gif; }
        location /limits { gateway_limit_admin zone=shm zone=redis from=127.0.0.1; }
    }
END

# curl requests all URLs on one connection, at the same time
sub ask {
    my ($n, $path) = @_;

    my @urls = ("http://127.0.0.1:$port$path") x $n;
    open my $curl, '-|', 'curl', '-s', '--no-progress-meter', '--http2-prior-knowledge', '-Z',
         '--parallel-immediate', '-w', "\n%{http_code}\n",
         map { ('-o', '/dev/null', $_) } @urls or die "curl: $!";
    my %count;
    while (<$curl>) {
        $count{$1}++ if /^(\d{3})$/;
    }
    close $curl;
    return join ' ', map { "$_:$count{$_}" } sort keys %count;
}

is(ask(12, '/shm?k=a'), '200:5 429:7', 'twelve streams, in shared memory');
is(ask(12, '/redis?k=a'), '200:5 429:7', 'in Redis, which all wait for');
is(ask(6, '/slow?k=a'), '200:4 429:2', 'with a burst');
is(scalar(() = $nginx->log =~ /gateway_limit: delayed by \d+ms/g), 3,
   '    which is delayed');
my $said = `curl -s -i --http2-prior-knowledge 'http://127.0.0.1:$port/redis?k=a'`;
like($said, qr{^HTTP/2 429}, 'a refusal');
like($said, qr{^retry-after: \d+\r\n}mi, 'with its time');
like($said, qr{^content-type: application/problem\+json\r\n}mi, 'and its body');
like($said, qr{"violated-policies":\["redis"\]}, 'of this zone');

# clients that leave while they wait
$redis->pause;
for (1 .. 20) {
    system("curl -s -m 0.1 --http2-prior-knowledge -o /dev/null"
           . " 'http://127.0.0.1:$port/redis?k=c$_'");
}
$redis->resume;
is(ask(6, '/redis?k=d'), '200:5 429:1', 'afterwards all is as before');



# --- gateway_limit_admin, and a client that does not read the response at once

my ($worker) = $nginx->workers;

# the connections of the worker: those to Redis stay, those of earlier clients must
# be closed by the worker
sub descriptors { scalar(() = glob "/proc/$worker/fd/*") }

wait_until(sub { Test::Gateway::Server::connections($port, $plain) == 0 }, 10);
my $before = descriptors();

sub all_are_closed {
    my ($name) = @_;

    wait_until(sub { descriptors() <= $before }, 10);
    is(descriptors() - $before, 0, "$name: the connection is closed");
}

my $change = sub { qq({"zone":"$_[0]","key":"$_[1]","reset":true}) };
my @cases = (
    [ 'a key in shared memory' => GET => '/limits?zone=shm&key=w', undef, 200, '"used":1' ],
    [ 'a key in Redis' => GET => '/limits?zone=redis&key=w', undef, 200, '"used":1' ],
    [ 'an unknown key' => GET => '/limits?zone=shm&key=no', undef, 404, 'no such key' ],
    [ 'one in Redis' => GET => '/limits?zone=redis&key=no', undef, 404, 'no such key' ],
    [ 'no key' => GET => '/limits', undef, 400, 'are required' ],
    [ 'another method' => PUT => '/limits', undef, 405, 'the allowed methods are GET' ],
    [ 'a change' => POST => '/limits', $change->('shm', 'w'), 200, '"used":0' ],
    [ 'one in Redis' => POST => '/limits', $change->('redis', 'w'), 200, '"used":0' ],
    [ 'a wrong one' => POST => '/limits', '[]', 400, 'must be a JSON object' ],
    [ 'HEAD' => HEAD => '/limits?zone=shm&key=w', undef, 200, '' ],
);

# the last one resets the keys
ask(1, '/shm?k=w');
ask(1, '/redis?k=w');

for (@cases) {
    my ($name, $method, $path, $body, $status, $text) = @$_;
    my $h2 = Test::Gateway::Streams->new($port);
    my $stream = $h2->request($method, $path, $body);

    ok($h2->wait(sub { $h2->status($stream) }), "$name: no window, the header");
    is($h2->status($stream), $status, "    is a $status");
    is($h2->body($stream), '', '    and nothing else');
    $h2->open_window($stream) if $method ne 'HEAD';
    ok($h2->wait(sub { $h2->ended($stream) }), '    with a window, all of it');
    like($h2->body($stream), $text ? qr/\A\{.*\Q$text\E.*\}\n\z/ : qr/\A\z/,
         '    is the body');
    $h2->close;
    all_are_closed($name);
}

{
    my $h2 = Test::Gateway::Streams->new($port);
    my @streams = map { my $case = $_; map { $h2->request(@$case[1 .. 3]) } 1 .. 5 }
                  @cases;
    my $all = sub { @streams == grep { $h2->status($_) } @streams };
    ok($h2->wait($all), 'fifty streams at once: all headers');
    $h2->close;
    all_are_closed('a client that leaves');

    $h2 = Test::Gateway::Streams->new($port);
    @streams = map { $h2->request(@$_[1 .. 3]) } @cases;
    $h2->wait($all);
    $h2->reset(@streams);
    my $last = $h2->request('GET', '/limits?zone=shm&key=w');
    $h2->open_window($last);
    ok($h2->wait(sub { $h2->ended($last) }),
       'streams that are reset: another one of the connection is answered');
    $h2->close;
    all_are_closed('streams that are reset');
}

# over HTTP/1.1, a long key makes a response that fills the buffers of the system
{
    my $key = '"' x 7000;
    my $get = sub { "GET $_[0] HTTP/1.1\r\nHost: a\r\n$_[1]\r\n" };
    my $path = "/limits?zone=shm&key=$key";
    my $connect = sub {
        my $socket = IO::Socket::INET->new(Proto => 'tcp') or die "socket: $!";
        setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', 2048;
        connect $socket, pack_sockaddr_in($plain, inet_aton('127.0.0.1'))
            or die "connect: $!";
        $socket->autoflush(1);
        print $socket $get->("/shm?k=$key", ''), $get->($path, '') x 19,
                      $get->($path, "Connection: close\r\n");
        return $socket;
    };

    my $socket = $connect->();
    wait_until(sub { descriptors() > $before });
    my $said = do { local $/; <$socket> };
    is(scalar(() = $said =~ /"used":1,"remaining":4,"key":"(?:\\"){7000}"/g), 20,
       'HTTP/1.1: twenty long responses, read slowly, are whole');
    close $socket;
    all_are_closed('HTTP/1.1');

    $socket = $connect->();
    sysread $socket, $said, 100;
    close $socket;
    all_are_closed('HTTP/1.1, a client that leaves');
}

$nginx->stop;
$redis->stop;

alarm 0;
done_testing;
