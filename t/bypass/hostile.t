# SPDX-License-Identifier: BSD-2-Clause

# Hostile requests to a server with all modules.  No worker dies, no sanitizer
# reports an error, no request without a required credential reaches the origin,
# good requests succeed meanwhile, and the workers release their memory.
#
# Environment: HOSTILE is the number of requests (2000), HOSTILE_SEED the seed
# of the generator (1); the same seed generates the same requests.

use v5.28;
use warnings;
use lib 't/lib';

use Digest::SHA ();
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw( sleep time );

use Test::Gateway::Consumer;
use Test::Gateway::Hostile qw( send_all );
use Test::Gateway::Redis;
use Test::Gateway::Server;
use Test::Gateway::Token;

my $requests = $ENV{HOSTILE} || 2000;
my $seed = $ENV{HOSTILE_SEED} || 1;
my $batch = 200;
my (undef, $built) = Test::Gateway::Server::command(Test::Gateway::Server::binary(), '-V');
my $sanitized = $built =~ /fsanitize/;

# When a header line moves to a large buffer, nginx itself computes with
# pointers that are not set, which UBSan reports.  A larger first buffer avoids
# this.
my $buffer = $sanitized ? 'client_header_buffer_size 512k;' : '';

note("$requests requests, HOSTILE_SEED=$seed");

# ends a test that hangs
$SIG{ALRM} = sub { die "the test takes too long\n" };
alarm 300 + $requests / 20;

# rejected requests are logged at info, which is not needed
local $ENV{TEST_NGINX_LOG_LEVEL} = 'warn';

my $redis = start_redis();
my %port = map { $_ => free_port() } qw( plain h2 tls origin );
my $good = token(key => 'hs256', claims => { client_id => "acme", sub => "acme", exp => 4102444800,
                                             scope => 'read', tenant => 't1' });
my $key = api_key('acme');


# --- the origin: logs each request with its location and its consumer

my $origin = start_nginx(port => $port{origin}, http => <<'END', server => <<'END');
    log_format reached '$http_x_at <$http_x_who> $http_x_line';
    large_client_header_buffers 8 64k;
    client_max_body_size 10m;
    map $http_x_at $accel { accel /hs/inner; }
END
    access_log logs/reached.log reached;
    add_header X-Accel-Redirect $accel;
    add_header X-Cost 3;
    location / { empty_gif; error_page 405 =200 /ok; }
    location = /ok { return 200 ok; }
END


# --- the server

sub location {
    my ($at, $directives) = @_;
    return <<"END";
    location /$at/ {
        $directives
        proxy_set_header X-At $at;
        proxy_set_header X-Who "\$gateway_consumer";
        proxy_set_header X-Line \$request_uri;
        proxy_set_header X-Claim "\$gateway_jwt_claim_sub \$deep";
        proxy_set_header X-Token \$http_x_token;
        proxy_pass http://127.0.0.1:$port{origin};
    }
END
}

my $hs = 'gateway_jwt hs; gateway_jwt_key_file hs.json;';
my $api = 'gateway_api_key key header=X-API-Key query=key cookie=key bearer;';

my %location = (
    hs => "$hs gateway_jwt_hide on; gateway_limit zone=late; gateway_jwt_claim_header X-Sub sub;"
          . ' gateway_jwt_claim_header X-All roles json; gateway_identity_headers on;',
    cookie => "gateway_jwt c token=\$cookie_tok; gateway_jwt_key_file all.json; gateway_jwt_hide on;",
    arg => "gateway_jwt a token=\$arg_tok; gateway_jwt_key_file hs.json; gateway_jwt_hide on;",
    header => "gateway_jwt h token=\$http_x_token; gateway_jwt_key_file hs.json; gateway_jwt_hide on;",
    map => "gateway_jwt m token=\$mapped; gateway_jwt_key_file hs.json; gateway_limit zone=late;",
    iss => 'gateway_jwt i; gateway_jwt_key_file hs.json issuer=https://a.example;'
           . ' gateway_jwt_key_file all.json issuer=https://b.example;'
           . ' gateway_jwt_issuer https://a.example https://b.example; gateway_limit zone=redis;',
    rules => "$hs gateway_jwt_require_claim roles any admin error=403; gateway_jwt_require \$tenant error=403;"
             . ' gateway_jwt_require_claim a.b eq 1; gateway_jwt_typ at+jwt; gateway_jwt_audience x y; gateway_jwt_max_age 1h;'
             . ' gateway_jwt_consumer deep; gateway_jwt_scope a.b scope; gateway_jwt_group roles;',
    key => $api, scope => "$hs gateway_require_scope read; gateway_deny_group bad;",
    any => "satisfy any; deny all; $hs gateway_api_key key query=key; gateway_jwt_hide on;",
    both => "$hs gateway_api_key key; gateway_jwt_hide on; gateway_limit zone=conc;",
    limited => "$hs gateway_limit zone=late burst=100 nodelay; gateway_limit zone=conc;"
               . ' gateway_limit zone=day cost=$upstream_http_x_cost|1 settle; gateway_limit zone=redis;',
    early => "$hs gateway_limit zone=early; gateway_limit zone=redis;",
    delay => "$hs gateway_limit zone=slow burst=20 delay=2; gateway_limit zone=penalty penalty;",
    cert => 'gateway_client_certificate on;',
    opt => "$hs gateway_jwt_mode optional; gateway_api_key key; gateway_api_key_mode optional;",
    dry => "$hs gateway_jwt_mode dry_run; gateway_limit zone=conc dry_run; gateway_limit zone=slow dry_run;",
    decode => 'gateway_jwt off token=$arg_tok;',
    noverify => 'gateway_jwt n; gateway_jwt_verify off; gateway_jwt_require_exp off;',
    accel => '', open => 'gateway_limit zone=address; gateway_limit_exempt $arg_exempt;',
    page => "$hs error_page 401 403 429 = \@page;",
    page2 => "$hs gateway_limit zone=slow; error_page 401 403 /hs/page; error_page 429 503 /open/page;",
);

sub conf {
    my ($size) = @_;

    my $old = nginx_before(1, 25, 1);
    my $h2 = $old ? "listen 127.0.0.1:$port{h2} http2;" : "listen 127.0.0.1:$port{h2}; http2 on;";
    my $tls = $old ? "listen 127.0.0.1:$port{tls} ssl http2;" : "listen 127.0.0.1:$port{tls} ssl;";
    my $locations = join '', map { location($_, $location{$_}) } sort keys %location;

    return http_conf(workers => 2, main => 'worker_rlimit_nofile 4096;', http => <<"END", server => <<"END")
    gateway_consumers zone=consumers:1m file=consumers.json;
    gateway_redis r { server 127.0.0.1:@{[ $redis->port ]}; timeout 100ms; }
    gateway_limit_zone \$gateway_client      zone=late:$size   rate=100000r/s burst=100000;
    gateway_limit_zone \$gateway_client      zone=conc:$size   concurrency=\$arg_n|50;
    gateway_limit_zone \$gateway_jwt_claim_sub zone=day:$size  quota=1000000/day;
    gateway_limit_zone \$binary_remote_addr  zone=early:$size  rate=100r/s burst=50 stage=early;
    gateway_limit_zone \$uri\$http_x_token   zone=address:64k  rate=\$http_x_weight|1000r/s algorithm=sliding_window;
    gateway_limit_zone \$gateway_client      zone=slow:64k     rate=20r/s burst=\$arg_k|5;
    gateway_limit_zone \$http_accept         zone=penalty:64k  rate=5r/s;
    gateway_limit_zone \$gateway_client      zone=redis:1m     rate=1000r/s burst=1000 redis=r;
    gateway_jwt_consumer client_id;
    gateway_limit_headers legacy ietf;
    map \$gateway_jwt_claim_tenant \$tenant { volatile; default 0; t1 1; }
    map \$http_x_token \$mapped { volatile; default \$http_x_token; "" \$cookie_tok; }
    gateway_jwt_claim_set \$deep a.b deep;
    gateway_jwt_header_set \$kid kid;
    log_format hostile '\$gateway_jwt_claim_sub \$gateway_jwt_claim_roles \$gateway_jwt_header_alg \$kid'
        ' \$gateway_jwt_payload \$gateway_jwt_status \$gateway_auth_reason \$gateway_consumer \$gateway_scopes'
        ' \$gateway_groups \$gateway_credential \$gateway_client \$gateway_limit_status \$gateway_limit_zone'
        ' \$gateway_limit_remaining \$gateway_limit_retry_after \$deep \$tenant \$mapped \$args';
    log_format status '\$server_protocol \$status';
    large_client_header_buffers 4 24k;
    $buffer
    client_header_timeout 2s;
    client_body_timeout 2s;
    send_timeout 2s;
    keepalive_timeout 2s;
    proxy_read_timeout 5s;
    lingering_timeout 1s;
    lingering_time 1s;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    ssl_client_certificate server.pem;
    ssl_verify_client optional;
END
    listen 127.0.0.1:$port{plain};
    access_log /dev/null hostile;
    access_log logs/status.log status;
    $h2
    $tls
    $locations
    location /try/ { try_files /none /hs/try; }
    location \@page { proxy_set_header X-At named; proxy_set_header X-Line \$request_uri;
                     proxy_pass http://127.0.0.1:$port{origin}; }
    location /admin/ { gateway_limit_admin zone=late zone=conc zone=redis from=any; }
END
}

sub files {
    my ($n) = @_;
    return consumers(consumer('acme', groups => [ 'partners' ]), consumer("other$n"));
}

my $certificate = File::Temp->newdir(TMPDIR => 1);
my ($code, $said) = Test::Gateway::Server::command(qw( openssl req -x509 -newkey ec
    -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=server -keyout ),
    "$certificate/key", '-out', "$certificate/pem");
die "openssl: $said" if $code;

my $nginx = start_nginx(port => $port{plain}, conf => conf('1m'), files => {
    'hs.json' => jwks('hs256'), 'all.json' => jwks('es256', 'rs256'),
    'consumers.json' => files(0),
    'server.pem' => Test::Gateway::Server::slurp("$certificate/pem"),
    'server.key' => Test::Gateway::Server::slurp("$certificate/key"),
});


# --- the run

my $hostile = Test::Gateway::Hostile->new(seed => $seed, secret => secret('hs256'),
                                          good => { jwt => $good, key => $key });
my ($ours, %bad) = (0);

sub good {
    my ($when) = @_;

    my %answer = (
        jwt => [ '/hs/g1', "Authorization: Bearer $good" ],
        cookie => [ "/arg/g1?a=b&tok=$good" ],
        key => [ '/key/g1', "X-API-Key: $key" ],
        both => [ '/both/g1', "Authorization: Bearer $good", "X-API-Key: $key" ],
        redis => [ '/limited/g1', "Authorization: Bearer $good" ],
    );
    for (sort keys %answer) {
        my ($path, @headers) = @{ $answer{$_} };
        my ($status, $head, $body) = $nginx->get($path, headers => \@headers, timeout => 10);
        $bad{"$_ $status"} //= "$when: $head$body" if $status != 200;
    }
    return;
}

sub died { scalar(() = $nginx->log =~ /exited on signal/g) }

sub kill_one {
    my ($worker) = $nginx->workers;
    $nginx->allow(qr/worker process $worker exited on signal 9/);
    kill 'KILL', $worker;
    $ours++;
}

sub reload {
    my ($n) = @_;
    write_file($nginx->dir . '/consumers.json', files($n));
    $nginx->reload(conf($n % 2 ? '2m' : '1m'), wait => 0);
}

# the open files and the memory of the workers
sub descriptors {
    my $n = 0;
    $n += () = glob "/proc/$_/fd/*" for $nginx->workers;
    return $n;
}

sub memory {
    my $kb = 0;
    for ($nginx->workers) {
        my ($rss) = Test::Gateway::Server::slurp("/proc/$_/status") =~ /^RssAnon:\s+(\d+)/m;
        $kb += $rss;
    }
    return $kb;
}

my ($sent, $turn, $idle, $start, $after) = (0, 0, 0);
my @events = (sub { reload($_[0]) }, \&kill_one, sub { $redis->pause },
              sub { $redis->resume; kill_one(); reload($_[0]) });

good('before');
my $began = time;
my $every = $requests / 12 > $batch ? int $requests / 12 / $batch : 1;

# The last third has no events: it measures what the same workers do not
# release.
while ($sent < $requests && died() == $ours) {
    my $calm = $sent >= $requests * 2 / 3;

    if ($calm && !$start) {
        $redis->resume;
        $nginx->reload(conf('1m'), timeout => 30);
        $idle = descriptors() + 2;     # a connection to Redis each
        send_all([ $hostile->batch($batch) ], \%port);
        $sent += $batch;
        wait_until(sub { descriptors() <= $idle }, 15);
        $start = memory();
    }

    my $event = !$calm && $turn % $every == 0 ? $events[$turn / $every % @events] : undef;
    send_all([ $hostile->batch($batch) ], \%port, $event && sub { $event->($turn) });
    $sent += $batch;
    $turn++;
    wait_until(sub { died() >= $ours && 2 <= $nginx->workers }, 10) if $event;
    good("after $sent");
}

is(died(), $ours, "no worker died but the $ours that were killed")
    or diag("HOSTILE_SEED=$seed, one of the $batch requests before $sent");
cmp_ok($sent, '>=', $requests, "$sent hostile requests, in " . int(time - $began) . ' s');
is_deeply(\%bad, {}, 'good requests succeeded at all times');

wait_until(sub { descriptors() <= $idle }, 15);
cmp_ok(descriptors(), '<=', $idle, 'all connections are closed');
my $grown = memory() - $start;
note("the memory of two workers has grown by $grown kB");
SKIP: {
    skip('a sanitizer keeps freed memory', 1) if $sanitized;
    cmp_ok($grown, '<', 8192, 'the workers have released their memory');
}

$nginx->stop;
$origin->stop;
$redis->stop;


# --- the requests that reached the origin

my %protected = map { $_ => 1 } @Test::Gateway::Hostile::Protected;
my (%seen, @through, @named);
for (split /\n/, Test::Gateway::Server::slurp($origin->dir . '/logs/reached.log')) {
    my ($at, $who, $line) = /^(\S+) <(.*?)> (.*)/ or next;
    my ($proof) = $line =~ m{/([hsg])\d+};
    $seen{$at}{$proof // 'none'}++;
    push @through, "$at: $line" if $protected{$at} && ($proof // 'h') eq 'h';
    push @named, "$at: $who: $line" if $at eq 'opt' && ($proof // 'h') eq 'h' && $who !~ /^-?$/;
}
is(scalar @through, 0, 'no request without a required credential passed') or diag($_)
    for @through ? @through[0 .. ($#through > 4 ? 4 : $#through)] : '';
is(scalar @named, 0, 'without a credential, no consumer is set') or diag($named[0]);
note(join ', ', map { my $at = $_; "$at: " . join ' ', map { "$_ $seen{$at}{$_}" }
                      sort keys %{ $seen{$at} } } sort keys %seen);

# the checks above are not vacuous: permitted requests reached all locations
cmp_ok($seen{$_}{h} // 0, '>', 0, "$_: reached without a credential")
    for qw( opt dry decode accel open named );
cmp_ok($seen{hs}{s} // 0, '>', 0, 'hs: reached by signed requests');
cmp_ok($seen{$_}{g} // 0, '>', 0, "$_: reached by good requests")
    for qw( hs key both limited );

my %answers;
$answers{$_}++ for split /\n/, Test::Gateway::Server::slurp($nginx->dir . '/logs/status.log');
note(join ', ', map { "$_: $answers{$_}" } sort keys %answers);
cmp_ok($answers{"HTTP/$_ 200"} // 0, '>', 0, "HTTP/$_: some succeeded")
    for '1.0', '1.1', '2.0';
cmp_ok($answers{"HTTP/$_ 401"} // 0, '>', 0, "HTTP/$_: some were rejected")
    for '1.0', '1.1', '2.0';

alarm 0;
done_testing();
