# Over HTTP/2 requests wait and are refused as over HTTP/1: many streams of one
# connection, each with its own answer.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Redis;
use Test::Gateway::Server;
use Test::More;

plan skip_all => 'has masters of its own' if $ENV{GATEWAY_MASTER};
plan skip_all => 'this curl knows no HTTP/2'
    if `curl --version` !~ /HTTP2/;

my $redis = start_redis();
my $port = free_port();
my $old = nginx_before(1, 25, 1);
my $listen = $old ? "listen 127.0.0.1:$port http2;"
                  : "listen 127.0.0.1:$port; http2 on;";

my $nginx = start_nginx(http => <<"END");
    gateway_redis r { server 127.0.0.1:@{[ $redis->port ]}; timeout 5s; }
    gateway_limit_zone \$arg_k zone=shm:1m rate=1r/d burst=4;
    gateway_limit_zone \$arg_k zone=redis:1m rate=1r/d burst=4 redis=r;
    gateway_limit_zone \$arg_k zone=slow:1m rate=20r/s;
    server {
        $listen
        location /shm { gateway_limit zone=shm; empty_gif; }
        location /redis { gateway_limit zone=redis; empty_gif; }
        location /slow { gateway_limit zone=slow burst=3; empty_gif; }
    }
END

# curl asks for all URLs on one connection, at the same time
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

$nginx->stop;
$redis->stop;

done_testing;
