# SPDX-License-Identifier: BSD-2-Clause

# Requests of all kinds that wait for Redis: bodies, pipelining, both stages,
# redirects and subrequests, error pages, and requests that wait behind them.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::FakeRedis;
use Test::Gateway::Load;
use Test::Gateway::Redis;

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw( sleep time );

BEGIN { $Test::Gateway::More = 1 }

$SIG{ALRM} = sub { die "this takes too long\n" };
alarm 180;

my $redis = start_redis();
my $origin = free_port();
my $port = free_port();

my $server = start_nginx(port => $port, workers => 1, files => {
    'consumers.json' => consumers(consumer('acme')),
    map { ("html/$_" => "$_\n") } qw( index.html there.txt error.html ) },
    http => <<"END", server => <<"FIN");
    gateway_redis one {
        server 127.0.0.1:@{[ $redis->port ]};
        connect_timeout 10s; timeout 10s;
    }
    gateway_consumers zone=consumers:1m file=consumers.json;
    gateway_limit_zone \$arg_k zone=z:1m rate=1r/d burst=9 redis=one;
    gateway_limit_zone \$arg_k zone=y:1m rate=1r/d burst=99 redis=one;
    gateway_limit_zone \$arg_k zone=e:1m rate=1r/d burst=2 redis=one stage=early;
    gateway_limit_zone \$arg_k zone=d:1m rate=10r/s redis=one;
    gateway_limit_zone \$arg_k zone=t:1m rate=3r/s redis=one;
    gateway_limit_zone \$gateway_consumer zone=who:1m rate=1r/d burst=1 redis=one;
    log_format body "\$request_method \$uri \$request_body";
    add_header X-Is "\$gateway_limit_status|\$gateway_limit_source|\$gateway_limit_remaining" always;
END
    root html;
    location /z { gateway_limit zone=z; empty_gif; }
    location /proxy { gateway_limit zone=y; proxy_pass http://127.0.0.1:$origin; }
    location /early { gateway_limit zone=e; gateway_api_key r;
                      empty_gif; }
    location /any { satisfy any; deny all; gateway_limit zone=e;
                    gateway_api_key r; empty_gif; }
    location /delay { gateway_limit zone=d burst=100; empty_gif; }
    location /third { gateway_limit zone=t burst=5; empty_gif; }
    location /nodelay { gateway_limit zone=d burst=2 nodelay; empty_gif; }
    location /who { gateway_api_key r; gateway_limit zone=who; empty_gif; }
    location /try { gateway_limit zone=y; try_files /none.txt /fall; }
    location /fall { gateway_limit zone=y; empty_gif; }
    location /dir/ { gateway_limit zone=y; alias html/; }
    location /page { gateway_limit zone=z; error_page 429 /error.html; empty_gif; }
    location = /error.html { gateway_limit zone=z; }
    location /named { gateway_limit zone=z; error_page 429 = \@named; empty_gif; }
    location \@named { gateway_limit zone=y; empty_gif; }
    location /mirror { mirror /sub; gateway_limit zone=y; empty_gif; }
    location /sub { gateway_limit zone=y; empty_gif; }
    location = /limits { gateway_limit_admin zone=z zone=y zone=e from=any; }
}
server {
    listen 127.0.0.1:$origin;
    access_log logs/origin.log body;
    location / { proxy_pass http://127.0.0.1:$origin/end; }
    location /end { return 200 "origin \$request_length\\n"; }
FIN
wait_until(sub { $redis->connections == 1 }, 10);

sub used {
    my ($zone, $key) = @_;
    my (undef, undef, $body) = $server->get("/limits?zone=$zone&key=$key");
    return $body =~ /"used":(\d+)/ ? $1 : 0;
}

sub logged {
    my ($line, $name) = @_;
    my $log = $server->dir . '/logs/origin.log';
    ok(wait_until(sub { Test::Gateway::Server::slurp($log) =~ /^\Q$line\E$/m }),
       $name);
}

# Redis is stopped while the requests arrive: each of them waits
sub waiting {
    my ($bytes, $more) = @_;

    $redis->pause;
    my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die;
    print $socket $bytes;
    sleep 0.1;
    print $socket $more if defined $more;
    sleep 0.05 if defined $more;
    $redis->resume;
    my $answer = CORE::join '', <$socket>;
    my @status = $answer =~ m{HTTP/1\.\d (\d+) }g;
    return ("@status", $answer);
}

my $close = "Host: localhost\r\nConnection: close\r\n";
my $keep = "Host: localhost\r\n";


# --- bodies and pipelines

is((waiting("POST /proxy?k=b HTTP/1.1\r\n${close}Content-Length: 10\r\n\r\n",
            '0123456789'))[0], 200, 'a body that arrives during the call');
logged('POST /proxy 0123456789', '    goes to the origin');

is((waiting("POST /proxy?k=b HTTP/1.1\r\n${close}Content-Length: 10\r\n\r\nabcdefghij"
   ))[0], 200, 'a body that has arrived');
logged('POST /proxy abcdefghij', '    as well');

is((waiting("POST /proxy?k=b HTTP/1.1\r\n${close}Transfer-Encoding: chunked\r\n\r\n"
            . "3\r\nxyz\r\n", "2\r\nab\r\n0\r\n\r\n"))[0], 200, 'a chunked body');
logged('POST /proxy xyzab', '    as well');

is((waiting("POST /proxy?k=b HTTP/1.1\r\n${close}Expect: 100-continue\r\n"
            . "Content-Length: 4\r\n\r\n", 'body'))[0], '100 200',
   'Expect: 100-continue');

my ($status, $text) = waiting(CORE::join('', map {
    "GET /z?k=pipe HTTP/1.1\r\n" . ($_ == 12 ? $close : $keep) . "\r\n" } 1 .. 12));
is($status, CORE::join(' ', (200) x 10, (429) x 2), 'twelve pipelined requests');
is(CORE::join(' ', $text =~ /^X-Is: \w+\|\w+\|(\d+)/mg),
   '9 8 7 6 5 4 3 2 1 0 0 0', '    get their responses in order');

# unread bytes of a rejected request are not a request
my $smuggled = "GET /z?k=smuggled HTTP/1.1\r\n$keep\r\n";
($status) = waiting("POST /z?k=pipe HTTP/1.1\r\n${keep}Content-Length: "
    . length($smuggled) . "\r\n\r\n$smuggled" . "GET /z?k=next HTTP/1.1\r\n$close\r\n");
is($status, '429 200', 'a rejected request with a body, and one after it');
is(used('z', 'smuggled'), 0, '    the body is not a request');
is(used('z', 'next'), 1, '    the next request is');

($status, $text) = waiting("GET /z?k=old HTTP/1.0\r\n\r\n");
is($status, 200, 'HTTP/1.0');
($status, $text) = waiting("GET /z?k=old\r\n");
like($text, qr/^GIF/, 'HTTP/0.9');
is((waiting("HEAD /z?k=old HTTP/1.1\r\n$close\r\n"))[0], 200, 'HEAD');
is(used('z', 'old'), 3, '    each was charged');


# --- stages

is((waiting("GET /early?k=e HTTP/1.1\r\n$close\r\n"))[0], 401,
   'early: not authenticated') for 1 .. 3;
is((waiting("GET /early?k=e HTTP/1.1\r\n$close\r\n"))[0], 429,
   '    but charged');
is((waiting("GET /any?k=e HTTP/1.1\r\n$close\r\n"))[0], 429,
   '    a rejection is final under satisfy any');
is((waiting("GET /any?k=f HTTP/1.1\r\n$close\r\n"))[0], 401, '    a passed limit does not grant access');
is(used('e', 'f'), 1, '    though charged');


# a consumer as the key, which is known after authentication

my @with = (headers => [ 'X-API-Key: ' . api_key('acme') ]);
is(CORE::join(' ', map { ($server->get('/who', @with))[0] } 1 .. 3), '200 200 429',
   'a consumer has two');
is(($server->get('/who'))[0], 401, '    and anonymous requests none');
unlike(CORE::join(' ', @{ $redis->cli('KEYS', '*') }), qr/acme/,
       '    whose name is not in Redis');


# --- charged once

is(($server->get('/try?k=try'))[0], 200, 'try_files into a location of the same zone');
is(used('y', 'try'), 1, '    is charged once');
is(($server->get('/dir/?k=index'))[0], 200, 'index');
is(used('y', 'index'), 1, '    is charged once');
is(($server->get('/mirror?k=mirror'))[0], 200, 'mirror');
is(used('y', 'mirror'), 1, '    is charged once');

$server->get('/page?k=page') for 1 .. 10;
my ($code, $head, $body) = $server->get('/page?k=page');
is($code, 429, 'the error_page of a rejection');
is($body, "error.html\n", '    is sent');
like($head, qr/^X-Is: REJECTED\|(?:redis|deny_cache)\|0/m, '    with limit header fields');
is(used('z', 'page'), 10, '    charged ten times');

$server->get('/named?k=named') for 1 .. 10;
is(($server->get('/named?k=named'))[0], 200, 'a named location with another zone');
is(used('y', 'named'), 1, '    is charged in that zone');


# --- delays, and nodelay

my @many = http_many([ map { [ $port, '/delay?k=delay' ] } 1 .. 6 ]);
is(answers(@many), '200:6', 'burst: six at 10r/s');
my @seconds = sort { $a <=> $b } map { $_->{seconds} } @many;
cmp_ok($seconds[5], '>=', 0.45, '    the last one has waited');
my %is;
$is{ header($_, 'X-Is') =~ s/\|\d*$//r }++ for @many;
is($is{'DELAYED|redis'}, 5, '    five were delayed');
is($is{'PASSED|redis'}, 1, '    and one was not');

# an interval that is not a whole number of microseconds is not too long
like(($server->get("/third?k=$_"))[1], qr/^X-Is: PASSED\|redis\|/m,
     '3r/s: the first is not delayed') for 1 .. 3;

@many = http_many([ map { [ $port, '/nodelay?k=nodelay' ] } 1 .. 30 ]);
my $passed = grep { $_->{status} == 200 } @many;
cmp_ok($passed, '>=', 3, 'nodelay: three at once');
cmp_ok($passed, '<=', 3 + 10 * (1 + (sort { $b <=> $a }
                                     map { $_->{seconds} } @many)[0]),
       '    and the units that came back');

is($redis->connections, 1, 'one connection has carried all of it');
unlike($server->log, qr/\[(?:error|warn)\] .*gateway_redis/, 'without a log line');

alarm 0;
$server->stop;
done_testing();
