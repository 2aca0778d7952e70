# SPDX-License-Identifier: BSD-2-Clause

# gateway_limit ... settle reserve=: the charge before the response and the
# settlement at the end of the request, in shared memory and in Redis.  Two
# workers, a real redis-server, and upstream servers that respond, reject, break
# off and wait.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::FakeRedis;
use Test::Gateway::Load qw( header );
use Test::Gateway::Redis;

use Digest::SHA qw( sha256_hex );
use IO::Socket::INET;
use JSON::PP ();
use Socket qw( SOL_SOCKET SO_LINGER );
use Test::More;
use Time::HiRes qw( sleep time );

BEGIN { $Test::Gateway::More = 1 }

$SIG{ALRM} = sub { die "this takes too long\n" };
$SIG{PIPE} = 'IGNORE';
alarm 300;

my $redis = start_redis();

# an upstream server that responds when the test tells it, and an unused port
my $hold = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1',
                                 ReuseAddr => 1, LocalPort => free_port())
    or die "listen: $!";
my ($nobody, $origin, $h2) = map { free_port() } 1 .. 3;
my $listen = "listen 127.0.0.1:$h2" . (nginx_before(1, 25, 1) ? ' http2;'
                                                             : '; http2 on;');

my %figures = (
    g => 'rate=1r/d burst=99',
    f => 'rate=100r/d algorithm=fixed_window',
    s => 'rate=100r/d algorithm=sliding_window',
    q => 'quota=100/month',
);
my @zones = map { ("s_$_", "r_$_") } sort keys %figures;

my $cost = '$upstream_http_x_cost';

# a location /ZONE/NAME for each zone: its limits, and its content
my %locations = (
    answer => [ "cost=$cost settle reserve=10", 'origin' ],
    or => [ "cost=$cost|4 settle reserve=10", 'origin' ],
    min => [ "cost=$cost min=2 settle reserve=10", 'origin' ],
    without => [ "cost=$cost|4 settle", 'origin' ],
    one => [ 'settle reserve=10', 'empty_gif;' ],
    more => [ 'cost=15 settle reserve=$arg_r|10', 'empty_gif;' ],
    dry => [ "cost=$cost settle reserve=10 dry_run", 'origin' ],
    look => [ 'cost=0', 'empty_gif;' ],
    hold => [ "cost=$cost settle reserve=10", 'hold' ],
    orhold => [ "cost=$cost|4 settle reserve=10", 'hold' ],
    withouthold => [ "cost=$cost|4 settle", 'hold' ],
    bytes => [ 'cost=$body_bytes_sent settle reserve=10', 'hold' ],
    unbuffered => [ "cost=$cost|4 settle reserve=10",
                    'proxy_buffering off; hold' ],
    ignore => [ "cost=$cost|4 settle reserve=10",
                'proxy_ignore_client_abort on; hold' ],
    late => [ "cost=$cost|4 settle reserve=10",
              'proxy_read_timeout 100ms; hold' ],
    nobody => [ "cost=$cost|4 settle reserve=10", 'nobody' ],
    retry => [ "cost=$cost|4 settle reserve=10",
               'proxy_next_upstream error timeout http_503; retry' ],
    none => [ "cost=$cost|4 settle reserve=10; gateway_limit zone=none",
              'origin' ],
    try => [ "cost=$cost|4 settle reserve=10", 'try_files /no @none;' ],
    page => [ "cost=$cost|4 settle reserve=10",
              'error_page 500 503 @none; proxy_intercept_errors on; origin' ],
    gone => [ "cost=$cost|4 settle reserve=10",
              'error_page 502 @none; nobody' ],
    trywithout => [ "cost=$cost|4 settle", 'try_files /no @none;' ],
    pagewithout => [ "cost=$cost|4 settle",
              'error_page 500 503 @none; proxy_intercept_errors on; origin' ],
    twice => [ "cost=$cost|4 settle reserve=10",
               'error_page 503 @again; proxy_intercept_errors on; origin' ],
);

my $http = <<'END';
    gateway_consumers zone=consumers:1m file=c.json;
    log_format reserve '$request_uri $status';
    map $arg_w $weight { default $arg_w; }
    gateway_limit_zone $request_uri zone=none:1m rate=0r/d;
    gateway_limit_zone $arg_k zone=y_late:1m rate=1r/d burst=99;
    gateway_limit_zone $arg_k zone=y_slow:1m rate=1r/d burst=99;
    gateway_limit_zone $arg_k zone=y_early:1m rate=1r/d burst=99 stage=early;
    gateway_limit_zone $arg_k zone=y_small:1m rate=$arg_v|1r/d burst=$arg_b|99;
END
$http .= <<"END";
    gateway_redis fleet {
        server 127.0.0.1:@{[ $redis->port ]};
        connect_timeout 10s; timeout 10s;
    }
    # nginx 1.29.7 and later keep connections by default
    upstream hold { server 127.0.0.1:@{[ $hold->sockport ]};
                    keepalive_requests 1; }
    upstream nobody { server 127.0.0.1:$nobody; }
    upstream retry {
        server 127.0.0.1:@{[ $hold->sockport ]} max_fails=0;
        server 127.0.0.1:@{[ $hold->sockport ]} max_fails=0;
        keepalive_requests 1;
    }
    server {
        $listen
        access_log logs/access.log reserve;
        location /h2 { gateway_limit zone=y_late cost=4 settle reserve=10;
                       proxy_pass http://hold; }
    }
    server {
        listen 127.0.0.1:$origin;
        add_header X-Cost \$arg_c always;
        add_header X-Accel-Redirect \$arg_to always;
        location / { return 200 ok; }
        location /503 { return 503; }
        location /304 { return 304; }
        location /204 { return 204; }
    }
END

my $server = <<'END';
    access_log logs/access.log reserve;
    postpone_output 0;
    keepalive_requests 100000;
    gateway_limit_headers legacy ietf;
    location @none { gateway_limit zone=none; proxy_pass http://origin; }
    location /refuse { internal; gateway_limit zone=none; empty_gif; }
    location /key { internal; gateway_api_key r; empty_gif; }
    location /denied { internal; deny all; }
    location /then { internal; proxy_pass http://origin/; }
    location /six { internal; proxy_pass http://origin/?c=6; }
    location /file { internal; empty_gif; }
    location /small { gateway_limit zone=y_small cost=1 settle reserve=$arg_r|10; empty_gif; }
    location /slow/look { gateway_limit zone=y_slow cost=0; empty_gif; }
    location /slow { gateway_limit zone=y_slow burst=99 settle reserve=10;
                     empty_gif; }
    location /early { gateway_limit zone=y_early cost=$arg_c|4 min=1 settle
                      reserve=10; gateway_api_key r; empty_gif; }
    location /earlynone { gateway_limit zone=y_early cost=4 settle reserve=10;
                          gateway_limit zone=none; empty_gif; }
    location /deny { gateway_limit zone=y_early cost=$arg_c|4 min=1 settle
                     reserve=10; deny all; }
    location /login { gateway_api_key r; error_page 401 @login;
                      gateway_limit zone=y_early cost=4 settle reserve=10; empty_gif; }
    location @login { gateway_api_key off; gateway_limit zone=y_late
                      cost=$upstream_http_x_cost|4 settle reserve=10;
                      proxy_pass http://origin/?c=3$arg_none; }
    location /still { gateway_api_key r; error_page 401 @still; empty_gif; }
    location @still { gateway_api_key off; gateway_limit zone=y_late
                      settle reserve=10; empty_gif; }
    location /exempt { gateway_limit_exempt $arg_e; gateway_limit zone=y_late
                       settle reserve=10; empty_gif; }
    location /ssi { ssi on; ssi_types *; gateway_limit zone=y_late cost=6
                    settle reserve=10;
                    proxy_pass http://127.0.0.1:$server_port/ssipage; }
    location /ssipage { return 200 "<!--# include virtual=\"/ssipart?k=$arg_k\" -->"; }
    location /ssipart { gateway_limit zone=y_late cost=50 settle reserve=50;
                        empty_gif; }
    location /weight { gateway_limit zone=y_late cost=$weight|5 min=3;
                       empty_gif; }
END
$server .= 'location = /limits { gateway_limit_admin '
           . CORE::join(' ', map { "zone=$_" } @zones, qw( y_late y_early v_g v_f
                                                            v_s ))
           . " from=any; }\n";

for my $kind (qw( g f s )) {
    $http .= "gateway_limit_zone \$arg_k zone=v_$kind:64k $figures{$kind};\n";
    $server .= "location = /v_$kind/hold { gateway_limit zone=v_$kind cost=$cost "
               . "settle reserve=10; proxy_pass http://hold; }\n"
               . "location = /v_$kind/flood { gateway_limit zone=v_$kind "
               . "cost=\$arg_c|100; empty_gif; }\n";
}

for my $zone (@zones) {
    my ($store, $kind) = split /_/, $zone;
    $http .= "gateway_limit_zone \$arg_k zone=$zone:1m $figures{$kind}"
             . ($store eq 'r' ? ' redis=fleet' : '') . ";\n";

    for my $name (sort keys %locations) {
        my ($limit, $answer) = @{ $locations{$name} };
        my $uri = $name eq 'retry' ? '' : '/$arg_u';
        $answer =~ s{\b(hold|nobody|retry)$}{proxy_pass http://$1;};
        $answer =~ s{\borigin$}{proxy_pass http://origin/\$arg_u?\$args;};
        $answer =~ s{\@again}{\@again_$zone};
        $server .= "location = /$zone/$name { gateway_limit zone=$zone $limit; "
                   . "$answer }\n";
    }
    $server .= "location \@again_$zone { gateway_limit zone=$zone cost=50 "
               . "settle reserve=50; proxy_pass http://origin/?c=7\$arg_none; }\n";
}

$http .= "upstream origin { server 127.0.0.1:$origin; }\n";

my $one = start_nginx(http => $http, server => $server, workers => 2,
                      files => { 'c.json' => consumers(consumer('a')) });
wait_until(sub { $redis->connections == 2 }, 10);


# --- the used units of a key by gateway_limit_admin, and again at the end

my %used;

sub used {
    my ($zone, $key) = @_;
    my ($status, $head, $body) = $one->get("/limits?zone=$zone&key=$key");
    die "/limits: $status $body" if $status !~ /^(?:200|404)/;
    return $status == 404 ? 0 : JSON::PP::decode_json($body)->{used};
}

sub has_used {
    my ($zone, $key, $units, $name) = @_;
    my $is;
    wait_until(sub { ($is = used($zone, $key)) == $units }, 5);
    is($is, $units, "$zone: $name");
    $used{"$zone $key"} = [ $units, $name ];
}

my $n = 0;
my $long = 'long ' x (1 << 20);

# one request: its status and its cost
sub costs {
    my ($zone, $path, $status, $units, $name, %arg) = @_;
    my $key = 'k' . ++$n;
    my ($is) = $one->get("/$zone/$path" . ($path =~ /\?/ ? '&' : '?')
                         . "k=$key", %arg);
    is($is, $status, "$zone: $path");
    has_used($zone, $key, $units, $name);
}

# a request that waits: (client, connection of the upstream server, key)
sub begin {
    my ($zone, $path) = @_;
    my $key = 'k' . ++$n;
    my $client = IO::Socket::INET->new('127.0.0.1:' . $one->port)
        or die "connect: $!";
    syswrite $client, "GET /$zone/$path?k=$key HTTP/1.1\r\nHost: a\r\n"
                      . "Connection: close\r\n\r\n";
    return ($client, asked(), $key);
}

sub asked {
    my $upstream = $hold->accept or die "accept: $!";
    my $in = '';
    while ($in !~ /\r\n\r\n/) {
        sysread $upstream, $in, 4096, length $in or last;
    }
    return $upstream;
}

sub reads {
    my ($socket, $pattern) = @_;
    my $in = '';
    while ($in !~ $pattern) {
        sysread $socket, $in, 4096, length $in or last;
    }
    return $in;
}

sub leave {
    my ($client) = @_;
    setsockopt $client, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) or die $!;
    close $client;
}

# the request has ended: nginx has logged it
sub logged {
    my ($key) = @_;
    my $file = $one->dir . '/logs/access.log';
    return wait_until(sub {
        Test::Gateway::Server::slurp($file) =~ /\bk=$key\b/
    }, 10);
}


for my $zone (@zones) {

    # --- the difference between reserve and cost

    costs($zone, 'answer?c=3', 200, 3, 'a cost below the reserve');
    costs($zone, 'answer?c=9', 200, 9, 'just below');
    costs($zone, 'answer?c=10', 200, 10, 'a cost of the reserve');
    costs($zone, 'answer?c=11', 200, 11, 'just above');
    costs($zone, 'answer?c=25', 200, 25, 'a cost above the reserve');
    costs($zone, 'answer?c=150', 200, 150, 'a cost above all: a debt');
    costs($zone, 'answer?c=0', 200, 0, 'a cost of nothing');
    costs($zone, 'answer', 200, 10, 'an empty cost is the reserve');
    costs($zone, 'answer?c=x', 200, 10, 'an invalid one as well');
    costs($zone, 'or', 200, 4, 'or what is written behind the "|"');
    costs($zone, 'or?c=-1', 200, 4, 'likewise');
    costs($zone, 'or?c=3', 200, 3, 'but not with a reserve');
    costs($zone, 'min?c=0', 200, 2, 'min= bounds it');
    costs($zone, 'min?c=2', 200, 2, 'at that');
    costs($zone, 'min?c=3', 200, 3, 'and not above');
    costs($zone, 'without?c=3', 200, 3, 'without a reserve');
    costs($zone, 'one', 200, 1, 'without cost= it is 1');
    costs($zone, 'more', 200, 15, 'and a number is that number');
    costs($zone, 'more?r=20', 200, 15, 'whatever the reserve');
    costs($zone, 'or?u=503&c=3', 503, 3, 'an error of the upstream server');
    costs($zone, 'or?u=304&c=3', 304, 3, 'a response without a body');
    costs($zone, 'or?u=204&c=3', 204, 3, 'another one');
    costs($zone, 'or?c=3', 200, 3, 'HEAD', method => 'HEAD');

    # --- all or none, and at most the units of an idle key

    costs($zone, 'more?r=100', 200, 15, 'all units');
    costs($zone, 'more?r=101', 429, 0, 'more than that never passes');
    costs($zone, 'none?c=3', 429, 0, 'another limit rejects at once');

    my @waiting = [ begin($zone, 'hold') ];
    my $key = $waiting[0][2];
    for (2 .. 10) {
        my $client = IO::Socket::INET->new('127.0.0.1:' . $one->port);
        syswrite $client, "GET /$zone/hold?k=$key HTTP/1.1\r\nHost: a\r\n"
                          . "Connection: close\r\n\r\n";
        push @waiting, [ $client, asked(), $key ];
    }
    is(used($zone, $key), 100, "$zone: ten that are served reserve all");
    is(($one->get("/$zone/or?k=$key"))[0], 429, '    and the eleventh is rejected');
    for (@waiting) {
        my ($client, $upstream) = @$_;
        syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Cost: 2\r\n"
                            . "Content-Length: 2\r\n\r\nok";
        like(reads($client, qr/\r\n\r\nok/), qr/^HTTP\S+ 200 /, '    served');
    }
    has_used($zone, $key, 20, 'and costs two each');

    # --- the client leaves

    for my $case ([ hold => 10 ], [ orhold => 10 ], [ withouthold => 4 ],
                  [ ignore => 10 ])
    {
        my ($name, $units) = @$case;
        my ($client, $upstream, $key) = begin($zone, $name);
        leave($client);
        if ($name eq 'ignore') {
            syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Cost: 3\r\n"
                                . "Content-Length: 2\r\n\r\nok";
        }
        logged($key) or diag('it is not logged');
        has_used($zone, $key, $units, "$name: the client leaves");
    }

    for my $case ([ orhold => 3, 10 ], [ orhold => 30, 30 ],
                  [ unbuffered => 3, 10 ], [ withouthold => 3, 3 ])
    {
        my ($name, $cost, $units) = @$case;
        my ($client, $upstream, $key) = begin($zone, $name);
        syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Cost: $cost\r\n"
                            . "Content-Length: 99\r\n\r\nbegun";
        reads($client, $name eq 'unbuffered' ? qr/begun/ : qr/HTTP/);
        leave($client);
        logged($key) or diag('it is not logged');
        has_used($zone, $key, $units, "$name: it leaves a response of $cost");
    }

    # all bytes of the upstream server have been sent on
    {
        my ($client, $upstream, $key) = begin($zone, 'orhold');
        syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Cost: 3\r\n"
                            . 'Content-Length: ' . length($long) . "\r\n\r\n";
        my $sent = 0;
        while ($sent < length $long) {
            $sent += syswrite $upstream, $long, 1 << 16, $sent or die $!;
        }
        is(sysread($upstream, my $none, 1) // 'reset', 0,
           "$zone: a response is read to its end");
        leave($client);
        logged($key) or diag('it is not logged');
        has_used($zone, $key, 10, 'and the client leaves');
    }

    # --- the upstream server fails

    for my $name (qw( orhold unbuffered )) {
        for my $case ([ '', 10, 'closes' ], [ "HTTP/1.1 2", 10, 'breaks off' ],
                      [ "HTTP/1.1 200 OK\r\nX-Cost: 3\r\nX\0: a\r\n\r\n", 10,
                        'sends an invalid header' ],
                      [ "HTTP/1.1 200 OK\r\nX-Cost: 3\r\nContent-Length: 99"
                        . "\r\n\r\nbegun", 10, 'breaks off its response' ],
                      [ "HTTP/1.1 200 OK\r\nX-Cost: 30\r\nContent-Length: 99"
                        . "\r\n\r\nbegun", 30, 'breaks off an expensive one' ],
                      [ "HTTP/1.1 200 OK\r\nX-Cost: 3\r\nTransfer-Encoding: "
                        . "chunked\r\n\r\n5\r\nbegun\r\n", 10,
                        'breaks off a chunked one' ],
                      [ "HTTP/1.1 200 OK\r\nX-Cost: 3\r\nTransfer-Encoding: "
                        . "chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n", 3,
                        'sends a whole chunked one' ],
                      [ "HTTP/1.1 200 OK\r\nX-Cost: 3\r\n\r\nall", 3,
                        'ends one without a length' ])
        {
            my ($text, $units, $what) = @$case;
            my ($client, $upstream, $key) = begin($zone, $name);
            syswrite $upstream, $text if length $text;
            close $upstream;
            reads($client, qr/\0never/);
            logged($key) or diag('it is not logged');
            has_used($zone, $key, $units, "$name: the upstream $what");
        }
    }

    my ($client, $upstream, $late) = begin($zone, 'late');
    like(reads($client, qr/\0never/), qr/^HTTP\S+ 504/, "$zone: a timeout");
    has_used($zone, $late, 10, 'the upstream server has not responded');
    costs($zone, 'nobody', 502, 4, 'no upstream server was asked');

    # --- once, with the cost of the last upstream server

    my ($first, $second);
    ($client, $first, $key) = begin($zone, 'retry');
    close $first;
    $second = asked();
    syswrite $second, "HTTP/1.1 200 OK\r\nX-Cost: 3\r\nContent-Length: 2"
                      . "\r\n\r\nok";
    like(reads($client, qr/\r\n\r\nok/), qr/ok\z/, "$zone: a retry");
    has_used($zone, $key, 3, 'costs once');
    costs($zone, 'or?c=3&to=/then', 200, 4, 'X-Accel-Redirect to another');
    costs($zone, 'or?c=3&to=/six', 200, 6, 'which reports the cost');
    costs($zone, 'or?c=3&to=/file', 200, 3, 'X-Accel-Redirect to a file');
    costs($zone, 'twice?u=503&c=3', 503, 7, 'the same zone in an error page');

    # --- a later location rejects

    costs($zone, 'try', 429, 0, 'and no upstream server was asked');
    costs($zone, 'gone', 429, 0, 'nor could be asked');
    costs($zone, 'page?u=503&c=3', 429, 3, 'the upstream server was asked');
    costs($zone, 'page?u=503', 429, 4, 'and reports no cost');
    costs($zone, 'or?c=3&to=/refuse', 429, 3, 'X-Accel-Redirect');
    costs($zone, 'or?c=30&to=/refuse', 429, 30, 'an expensive one');
    costs($zone, 'or?c=3&to=/key', 401, 3, 'by its credential');
    costs($zone, 'or?c=3&to=/denied', 403, 3, 'by nginx');
    costs($zone, 'trywithout', 429, 0, 'without a reserve, no upstream');
    costs($zone, 'pagewithout?u=503&c=3', 429, 3, 'without one, after it');
    costs($zone, 'without?c=3&to=/refuse', 429, 3, 'likewise');
    costs($zone, 'without?c=3&to=/key', 401, 3, 'likewise by its credential');

    # --- dry_run counts, and rejects nothing

    costs($zone, 'dry?c=3', 200, 3, 'dry_run');
    my $full = 'k' . ++$n;
    is(($one->get("/$zone/answer?k=$full&c=95"))[0], 200, "$zone: nearly full");
    has_used($zone, $full, 95, 'nearly full');
    is(($one->get("/$zone/dry?k=$full&c=3"))[0], 200, '    dry_run lets it pass');
    has_used($zone, $full, 98, 'and counts what it cost');
}


# --- stages, exemptions, subrequests, a value chosen by the client

sub other {
    my ($path, $zone, $status, $units, $name, @headers) = @_;
    my $key = 'k' . ++$n;
    is(($one->get($path . ($path =~ /\?/ ? '&' : '?') . "k=$key",
                  headers => \@headers))[0], $status, $name);
    has_used($zone, $key, $units, $name) if $zone;
    return $key;
}

my $key = 'X-API-Key: ' . api_key('a');

other('/early', 'y_early', 401, 0, 'early: a credential is missing');
other('/early', 'y_early', 200, 4, 'early: and there', $key);
other('/early?c=0', 'y_early', 200, 1, 'early: with min=', $key);
other('/earlynone', 'y_early', 429, 0, 'early: a late limit rejects');
other('/deny', 'y_early', 403, 4, 'early: nginx rejects, the reserve is settled');
my $key_of = other('/login', 'y_early', 401, 0, 'early: rejected, with a page');
has_used('y_late', $key_of, 3, 'whose upstream server costs, by its own limit');
other('/still', 'y_late', 401, 0, 'a page without an upstream');
other('/exempt?e=1', 'y_late', 200, 0, 'exempt');
other('/exempt', 'y_late', 200, 1, 'not exempt');
other('/ssi', 'y_late', 200, 6, 'subrequests settle nothing');
other('/weight?w=0', 'y_late', 200, 3, 'min= bounds a cost that is not settled');
other('/weight?w=2', 'y_late', 200, 3, 'just below');
other('/weight?w=4', 'y_late', 200, 4, 'just above');
other('/weight', 'y_late', 200, 5, 'and what is written behind the "|"');

# a client that leaves while it is delayed
my $slow = IO::Socket::INET->new('127.0.0.1:' . $one->port) or die "connect: $!";
syswrite $slow, "GET /slow?k=slow HTTP/1.1\r\nHost: a\r\n\r\n";
my $left = sub { header({ head => ($one->get('/slow/look?k=slow'))[1] },
                        'X-RateLimit-Remaining') };
ok(wait_until(sub { $left->() == 90 }), 'ten are reserved while it waits');
leave($slow);
ok(logged('slow 499'), '    it leaves');
is($left->(), 90, '    and pays them');

# over HTTP/2: a stream is reset, and a connection closed
sub frame {
    my ($type, $flags, $stream, $data) = @_;
    return substr(pack('NCCN', length $data, $type, $flags, $stream), 1) . $data;
}

for my $how ('reset', 'close') {
    my $path = "/h2?k=h2$how";
    my $client = IO::Socket::INET->new("127.0.0.1:$h2") or die "connect: $!";
    syswrite $client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, '')
        . frame(1, 5, 1, "\x82\x86\x04" . chr(length $path) . "$path\x01\x01a");
    my $upstream = asked();
    is(used('y_late', "h2$how"), 10, "HTTP/2: reserved ($how)");
    if ($how eq 'reset') {
        syswrite $client, frame(3, 0, 1, pack 'N', 8);
    } else {
        close $client;
    }
    ok(logged("h2$how"), '    it leaves');
    has_used('y_late', "h2$how", 10, 'HTTP/2: and pays it');
}

is(($one->get('/small?k=never&b=8'))[0], 429, 'a reserve above the limit');
is(($one->get('/small?k=never&b=9'))[0], 200, 'of the whole limit');
is(($one->get('/small?k=never2&b=98&r=100'))[0], 429, 'from two variables');
my ($status, $head) = $one->get('/small?k=never3&b=8');
unlike($head, qr/Retry-After/, '    it never passes');
is(scalar(() = $one->log =~ /\[warn\].*gateway_limit: zone "y_small": the value of "reserve=\$arg_r\|10" exceeds the limit, rejecting all such requests/g) > 0,
   1, '    which is logged');


# --- the reserve is no longer there: nothing is refunded to others

# the number of scripts that Redis has run: a refund is one
sub calls {
    my $n = 0;
    $n += $_ for $redis->cli('INFO', 'commandstats')
                 =~ /^cmdstat_eval(?:sha)?:calls=(\d+)/mg;
    return $n;
}

for my $zone (@zones) {
    my ($client, $upstream, $key) = begin($zone, 'hold');
    has_used($zone, $key, 10, 'reserved');
    my ($status) = $one->get('/limits', method => 'POST',
        body => qq({"zone":"$zone","key":"$key","reset":true}));
    is($status, 200, "$zone: reset while a request is served");
    my $calls = calls();
    syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Cost: 2\r\n"
                        . "Content-Length: 2\r\n\r\nok";
    like(reads($client, qr/\r\n\r\nok/), qr/ok\z/, '    which ends');
    wait_until(sub { calls() > $calls }) if $zone =~ /^r_/;
    has_used($zone, $key, 0, 'the used units are not negative');
    is(($one->get("/$zone/answer?k=$key&c=100"))[0], 200, '    all units are there');
    has_used($zone, $key, 100, 'and not more');

    # others have charged it since
    for my $change ('"reset":true', '"set":2') {
        ($client, $upstream, $key) = begin($zone, 'hold');
        $one->get('/limits', method => 'POST',
                  body => qq({"zone":"$zone","key":"$key",$change}));
        is(($one->get("/$zone/answer?k=$key&c=3"))[0], 200, "$zone: $change");
        my $now = $change =~ /set":2/ ? 5 : 3;
        has_used($zone, $key, $now, 'and charged since');
        syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Cost: 0\r\n"
                            . "Content-Length: 2\r\n\r\nok";
        like(reads($client, qr/\r\n\r\nok/), qr/ok\z/, '    it ends');
        has_used($zone, $key, $now, 'and refunds nothing of that');
    }
}


# --- in Redis the window has ended, and others have used the next one; a node cannot
# begin a quota before the clock of Redis does: a later end belongs to this window

for my $case ([ r_f => 'fd', qr/^\d+:20$/ ], [ r_q => 'fM', qr/^\d+:11$/ ],
              [ r_s => 'sd', qr/^\d+:20:10$/ ])
{
    my ($zone, $kind, $state) = @$case;
    my ($client, $upstream, $key) = begin($zone, 'hold');
    my $name = 'gateway:{' . substr(sha256_hex($key), 0, 32) . "}:$zone:$kind";
    my ($window) = $redis->cli('GET', $name) =~ /^(\d+):10(?::0)?$/;
    ok($window, "$zone: reserved");
    $redis->cli('SET', $name, $kind eq 'sd' ? $window + 2 . ':20:10'
                                            : $window + 86_400e6 . ':20');
    syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Cost: 1\r\n"
                        . "Content-Length: 2\r\n\r\nok";
    like(reads($client, qr/\r\n\r\nok/), qr/ok\z/, '    it ends');
    wait_until(sub { $redis->cli('GET', $name) !~ /20/ }, 0.2);
    like($redis->cli('GET', $name), $state,
         $kind eq 'fM' ? '    and refunds its reserve'
                       : '    and refunds nothing in the next window');
}


# --- the key was evicted and came back

# $many requests with different keys on one connection
sub flood {
    my ($path, $many) = @_;
    my $all = IO::Socket::INET->new('127.0.0.1:' . $one->port)
        or die "connect: $!";
    for (1 .. $many) {
        syswrite $all, "GET $path?k=f" . ++$n . " HTTP/1.1\r\nHost: a\r\n\r\n";
        reads($all, qr/\r\n\r\n.{43}/s);
    }
    return;
}

for my $zone (qw( v_g v_f v_s )) {
    my ($client, $upstream, $key) = begin($zone, 'hold');
    is(used($zone, $key), 10, "$zone: reserved");

    # reading the state counts as use: many other keys must follow
    my $lost = wait_until(sub {
        flood("/$zone/flood", 5000);
        return used($zone, $key) == 0;
    }, 30);
    is($lost, 1, '    its key is evicted');
    is(($one->get("/$zone/flood?k=$key&c=3"))[0], 200, '    the key comes back');
    is(used($zone, $key), 3, '    and has used three');
    syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Cost: 1\r\n"
                        . "Content-Length: 2\r\n\r\nok";
    like(reads($client, qr/\r\n\r\nok/), qr/ok\z/, '    the reserve ends');
    is(used($zone, $key), 3, '    and refunds nothing');
}


# --- reload: the old worker settles its reserves

for my $zone (qw( s_g r_q )) {
    my ($client, $upstream, $key) = begin($zone, 'hold');
    $one->reload(undef, wait => 0);
    has_used($zone, $key, 10, 'reserved before a reload');
    syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Cost: 2\r\n"
                        . "Content-Length: 2\r\n\r\nok";
    like(reads($client, qr/\r\n\r\nok/), qr/ok\z/, '    which ends');
    has_used($zone, $key, 2, 'and settled after it');
}


# --- a worker is killed: the request pays the reserve

$one->allow('exited on signal 9');
for my $zone (qw( s_f r_g )) {
    my ($client, $upstream, $key) = begin($zone, 'hold');
    my @workers = $one->workers;
    kill 'KILL', @workers;
    reads($client, qr/\0never/);
    wait_until(sub { my %old = map { $_ => 1 } @workers;
                     (grep { !$old{$_} } $one->workers) == 2 }, 10);
    wait_until(sub { eval { used($zone, $key) == 10 } }, 10);
    has_used($zone, $key, 10, 'its worker was killed');
}


# --- Redis is down: unconfirmed changes are counted, and the node settles the
# --- reserves that it has charged itself

my %reserved = map { $_ => [ begin($_, 'hold'), begin($_, 'hold') ] }
               grep { /^r_/ } @zones;
my @changed = grep { used(split ' ') != $used{$_}[0] } sort keys %used;
is(CORE::join(', ', map { "$_: $used{$_}[1]" } @changed), '',
   scalar(keys %used) . ' the used units are as before');
$redis->kill;

sub state_of {
    my ($zone) = @_;
    my ($status, $head, $body) = $one->get("/limits?zone=$zone&key=none");
    return JSON::PP::decode_json($body);
}

for my $zone (sort keys %reserved) {
    my @two = @{ $reserved{$zone} };
    my $left = sub {
        my ($key) = @_;
        my ($status, $head) = $one->get("/$zone/look?k=$key");
        return header({ head => $head }, 'X-RateLimit-Remaining') // $status;
    };
    for my $cost (2, 15) {
        my ($client, $upstream, $key) = splice @two, 0, 3;
        syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Cost: $cost\r\n"
                            . "Content-Length: 2\r\n\r\nok";
        like(reads($client, qr/\r\n\r\nok/), qr/ok\z/, "$zone: a cost of $cost");
        my $lost = $cost < 10 ? 'unreturned' : 'unsettled';
        ok(wait_until(sub { state_of($zone)->{$lost} }, 10), "    is $lost");
        is($left->($key), $cost < 10 ? 100 : 95,
           '    and the node makes the charges');
    }
    is(state_of($zone)->{unreturned}, 1, "$zone: one");
    is(state_of($zone)->{unsettled}, 1, '    each');

    for my $case ([ 2, 2 ], [ 15, 15 ], [ 0, 0 ], [ 'x', 10 ], [ '', 10 ]) {
        my ($cost, $units) = @$case;
        my ($client, $upstream, $key) = begin($zone, 'hold');
        is($left->($key), 90, "$zone: the node reserves");
        if (length $cost) {
            syswrite $upstream, "HTTP/1.1 200 OK\r\nX-Cost: $cost\r\n"
                                . "Content-Length: 2\r\n\r\nok";
            reads($client, qr/\r\n\r\nok/);
        } else {
            leave($client);
        }
        logged($key) or diag('it is not logged');
        my $is;
        wait_until(sub { ($is = $left->($key)) == 100 - $units }, 5);
        is($is, 100 - $units, "    and settles a cost of \"$cost\"");
    }
    is(state_of($zone)->{unreturned}, 1, '    nothing more');
    is(state_of($zone)->{unsettled}, 1, '    is lost');
}
$one->stop;


# --- a reserve that Redis charges after "timeout": it is refunded, or counted

{
    my @late = qw( l_closed l_open l_local );
    my %settled = (l_closed => 0, l_open => 3, l_local => 0);
    my $repeated = sub { my ($text, @of) = @_; CORE::join('', map { $text->($_) } @of) };
    my $node = sub {
        my ($port, $timeout, $breaker) = @_;
        $breaker //= 'failures=1000000 retry=1h';
        return start_nginx(workers => 1, http => <<"HTTP" . $repeated->(sub {
    gateway_redis fleet { server 127.0.0.1:$port; connect_timeout 20s;
                          timeout $timeout;
                          breaker $breaker; }
HTTP
            "gateway_limit_zone \$arg_k zone=$_[0]:1m rate=1r/d burst=99 "
            . 'redis=fleet on_error=' . $_[0] =~ s/l_//r . ';' }, @late)
            . 'gateway_limit_zone $arg_k zone=other:1m quota=9/month redis=fleet;',
            server => 'gateway_limit_headers legacy; '
            . 'location = /limits { gateway_limit_admin '
            . CORE::join(' ', map { "zone=$_" } @late, 'other') . ' from=any; }'
            . $repeated->(sub { <<"SERVER" }, @late));
    location /$_[0]/ { gateway_limit zone=$_[0] cost=3 settle reserve=10;
                      gateway_limit zone=other; empty_gif; }
    location /$_[0]/look { gateway_limit zone=$_[0] cost=0; empty_gif; }
SERVER
    };

    # a real Redis that is stopped and continued
    my $slow = start_redis();
    $one = $node->($slow->port, '2s');
    wait_until(sub { $slow->connections == 1 }, 10);
    is(($one->get("/$_/?k=before"))[0], 200, "$_: in time") for @late;
    is(used($_, 'before'), 3, '    settled') for @late;
    $slow->pause;
    my @clients = map {
        my $client = IO::Socket::INET->new('127.0.0.1:' . $one->port)
            or die "connect: $!";
        syswrite $client, "GET /$_/?k=a HTTP/1.1\r\nHost: a\r\n"
                          . "Connection: close\r\n\r\n";
        $client
    } @late;
    like(reads(shift @clients, qr/\0never/),
         $_ eq 'l_closed' ? qr/^HTTP\S+ 503 / : qr/^HTTP\S+ 200 /,
         "$_: decided without Redis") for @late;
    $slow->resume;
    for my $zone (@late) {
        my $is;
        wait_until(sub { ($is = eval { used($zone, 'a') }) == $settled{$zone} },
                   10);
        is($is, $settled{$zone}, "$zone: the reserve in Redis is refunded");
        is(used($zone, 'before'), 3, '    of this key alone');
    }
    is(state_of($_)->{unreturned}, undef, "$_: nothing is lost") for @late;
    $one->stop;

    # also if the breaker has opened meanwhile
    $one = $node->($slow->port, '1s', 'failures=1 retry=200ms');
    wait_until(sub { $slow->connections == 1 }, 10);
    $slow->pause;
    is(($one->get('/l_closed/?k=b'))[0], 503, 'the breaker opens');
    is(($one->get('/l_closed/?k=c'))[0], 503, '    and no calls are made');
    like($one->log, qr/failures=1 reached, breaker open/, '    as the log says');
    $slow->resume;
    my $held;
    wait_until(sub { defined($held = eval { used('l_closed', 'b') })
                     && $held == 0 }, 10);
    is($held, 0, '    the reserve in Redis is refunded');
    is(state_of('l_closed')->{unreturned}, undef, '    and not lost');
    $one->stop;
    $slow->stop;

    # by the reply: two charges, a rejection, an error, no reply
    my $now = sub { int(time * 1e6) };
    my $passed = [ integers => 1, $now->(), 89, 86_400_000_000, 0,
                   8, 86_400_000_000, 0 ];
    my $denied = [ integers => 0, $now->(), 5, 86_400_000_000, 60_000_000,
                   8, 86_400_000_000, 0 ];
    for my $case ([ 'it was charged' => $passed, 1, undef ],
                  [ 'it was refused' => $denied, 0, undef ],
                  [ 'it was not made' => [ error => 'OOM no memory' ], 0, undef ],
                  [ 'nobody knows' => 'close', 0, 1 ],
                  [ 'it is none of ours' => [ reply => "+OK\r\n" ], 0, 1 ])
    {
        my ($name, $action, $back, $lost) = @$case;
        my $fake = fake_redis(actions => [ [ hold => $action ],
                                           [ integers => 90, 0, 0, $now->(), 10, 1 ] ]);
        $one = $node->($fake->port, '1s');
        $fake->wait_for('script', 2);
        is(($one->get('/l_closed/?k=a'))[0], 503, "late, $name");
        is($fake->calls, 1, '    called once');
        $fake->release;
        if ($back) {
            ok($fake->wait_for('evalsha', 2), '    it is refunded');
            like("@{ ($fake->commands('evalsha'))[1] }",
                 qr/ 1 \S+:l_closed:g r g 86400000000 100 10 /, '    the reserve');
        }
        is($fake->calls, 1 + $back, '    no other calls are made');
        is_deeply([ map { state_of($_)->{unreturned} } 'l_closed', 'other' ],
                  [ $lost, undef ], '    and the loss is counted');
        $one->stop;
        $fake->stop;
    }
}
alarm 0;
done_testing();
