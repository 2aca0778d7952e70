# SPDX-License-Identifier: BSD-2-Clause

# Detached requests: what the origin receives, how the response is handled, and
# that they are not logged and do not use a client's connection.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Certificate;
use Test::Gateway::Probe;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep time );

build_probe();
my $origin = origin();
my $to = 'proxy_pass http://127.0.0.1:' . $origin->port;
my $nobody = free_port();
my $real = 'set_real_ip_from 127.0.0.1; real_ip_header X-Client;';

certificate('server');
authority('other');

my ($port, $tls_port, $h2_port) = map { free_port() } 1 .. 3;
my $h2 = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$h2_port http2;"
                                : "listen 127.0.0.1:$h2_port; http2 on;";

my $http = <<"END";
    log_subrequest on;
    log_format line '\$request_method \$uri \$status';
    gateway_log logs/gateway.log;
    gateway_limit_zone \$server_name zone=all:1m quota=1000/day;
    limit_req_zone \$server_name zone=req:1m rate=1r/m;
    limit_conn_zone \$server_name zone=conn:1m;
    map \$http_x_a \$mapped { default "none"; ~(.+) "is-\$1"; }
    map \$scheme \$secure { default no; https yes; }
    ssl_certificate server.crt;
    ssl_certificate_key server.key;
    gateway_trace restart;
    proxy_cache_path cached keys_zone=cached:1m;
    proxy_http_version 1.1;
    upstream next {
        server 127.0.0.1:$nobody;
        server 127.0.0.1:@{[ $origin->port ]} backup;
    }
    upstream dead {
        server 127.0.0.1:$nobody fail_timeout=1h;
        server 127.0.0.1:$nobody fail_timeout=1h;
    }
END

my $server_conf = <<"END";
    $h2
    listen 127.0.0.1:$tls_port ssl;
    server_name example.test;
    access_log logs/access.log line;
    root html;
    set \$var "set-\$arg_v";
    proxy_set_header X-Scheme \$scheme;
    proxy_set_header X-Secure \$secure;
    proxy_set_header X-Host \$host;
    proxy_set_header X-Http-Host \$http_host;
    proxy_set_header X-Real-IP \$remote_addr:\$remote_port;
    proxy_set_header X-Server \$server_addr:\$server_port;
    proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
    proxy_set_header X-TLS "\$ssl_protocol|\$ssl_cipher|\$https";
    proxy_set_header X-Mapped \$mapped;
    proxy_set_header X-Var \$var;
    proxy_set_header X-Capture \$1;
    proxy_set_header X-Protocol \$server_protocol;
    proxy_set_header X-Request \$request;
    proxy_set_header X-Request-Id \$request_id;
    proxy_set_header X-Trace \$gateway_request_id;
    proxy_set_header X-Connection \$connection:\$connection_requests;
    proxy_set_header X-Consumer "\$gateway_consumer|\$gateway_auth_method";
    proxy_set_header X-Cookie \$cookie_c;

    location /plain { gateway_probe_detach; empty_gif; }
    location ~ ^/same/(.*) { gateway_probe_detach; $to; }
    location /moved { rewrite ^/moved/(.*) /re/\$1 last; }
    location ~ ^/re/(.*) { gateway_probe_detach; $to/x/\$1; }
    location /try { gateway_probe_detach; try_files /nothing \@app; }
    location \@app { limit_req zone=req; limit_conn conn 1; $to; }
    location /real { $real gateway_probe_detach; $to; }
    location /real-try { $real gateway_probe_detach; try_files /none \@real; }
    location \@real { $real $to; }
    location = /file.txt { gateway_probe_detach; }
    location /refused { gateway_probe_detach; proxy_pass http://127.0.0.1:$nobody; }
    location /page { gateway_probe_detach; error_page 502 =203 /paged;
                     proxy_pass http://127.0.0.1:$nobody; }
    location /fallback { gateway_probe_detach; error_page 502 = \@app;
                         proxy_pass http://127.0.0.1:$nobody; }
    location = /paged { return 200 page; }
    location /unbuffered { gateway_probe_detach; proxy_buffering off; $to; }
    location /clone/ { gateway_probe_detach;
                       proxy_pass http://127.0.0.1:@{[ $origin->port ]}/; }
    location /flush/ { gateway_probe_detach; proxy_buffering off;
                       proxy_pass http://127.0.0.1:@{[ $origin->port ]}/; }
    location /in-post/ { internal; post_action /posted;
                         proxy_pass http://127.0.0.1:@{[ $origin->port ]}/; }
    location /in-cached/ {
        internal;
        proxy_cache cached;
        proxy_cache_valid 1s;
        proxy_cache_use_stale updating;
        proxy_cache_background_update on;
        proxy_pass http://127.0.0.1:@{[ $origin->port ]}/;
    }
    location = /posted { $to; }
    location = /in-refused { proxy_pass http://127.0.0.1:$nobody; }
    location = /in-untrusted {
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate other.crt;
        proxy_pass https://127.0.0.1:$tls_port;
    }
    location = /in-no-tls { proxy_pass https://127.0.0.1:$port; }
    location = /in-slow { proxy_read_timeout 100ms; $to/hang; }
    location = /in-next { proxy_pass http://next/keys; }
    location = /in-dead { proxy_pass http://dead; }
    location = /in-notice {
        rewrite_log on;
        rewrite ^ /in-one;
        rewrite ^ /in-two;
        return 200;
    }
    location /limited { gateway_probe_detach; gateway_limit zone=all; $to; }
    location /jwt {
        gateway_jwt_key_file jwks.json;
        gateway_jwt api;
        gateway_probe_detach;
        $to;
    }
    location /in/ { internal; proxy_pass http://127.0.0.1:@{[ $origin->port ]}/; }
    location /in-jwt/ { internal; gateway_jwt_key_file jwks.json;
                        gateway_jwt api;
                        proxy_pass http://127.0.0.1:@{[ $origin->port ]}/; }
    location = /in-204 { return 204; }
    location = /in-408 { return 408; }
    location = /in-444 { return 444; }
    location = /in-499 { return 499; }
    location = /in-301 { return 301 /x; }
    location = /in-loop { rewrite ^ /in-loop last; }
    location = /inner { internal; return 200 inner; }
    location = /fetch { gateway_probe_fetch; }
    location = /local { return 200 local; }
END

my @files = (certificate_files(), 'jwks.json' => jwks('rs256'),
             'html/file.txt' => 'f' x 300_000);

sub conf {
    my (%arg) = @_;
    return http_conf(port => $port, workers => 1, http => $http,
                     server => $server_conf, %arg);
}

my $server = start_nginx(port => $port, files => { @files }, conf => conf());


sub lines {
    my ($file) = @_;
    open my $in, '<', $server->dir . "/logs/$file" or return ();
    return <$in>;
}

# checks the outcome of the detached request that a path makes

my $ids = 0;

sub becomes {
    my ($path, $expected, $name, %arg) = @_;

    my $id = 'id' . ++$ids;
    $path .= ($path =~ /\?/ ? '&' : '?') . "id=$id";
    my ($status) = http_get($server, $path, %arg);
    my ($end) = ended($server, $id);
    $end //= 'nothing';
    ref $expected ? like($end, $expected, $name)
                  : is($end, $expected, $name) or diag("$path: $status");
    return $id;
}

sub fetch { becomes("/fetch?uri=$_[0]", @_[1 .. $#_]) }

sub ok_with { "rc=0 status=200 bytes=@{[ length $_[0] ]} text=$_[0]" }


# --- from a client's request: the origin sees the same

my $token = token(key => 'rs256', claims => { sub => 'alice' });

sub same {
    my ($name, $path, @seen) = @_;

    is(scalar @seen, 2, "$name: two requests") or return;
    is($seen[1], $seen[0], "$name: the same");
    return $seen[0];
}

my @headers = ('X-A: one', 'X-Forwarded-For: 10.0.0.1',
               'X-Forwarded-For: 10.0.0.2', 'Cookie: c=1', 'Cookie: d=2',
               'User-Agent: test', 'X_Under: 1');

becomes('/same/http?v=1', ok_with('hello same'), 'from HTTP/1.1',
        headers => \@headers);
my $seen = same('HTTP/1.1', '/same/http', $origin->requests('/same/http'));
like($seen, qr/^X-Scheme: http\r$/m, 'scheme');
like($seen, qr/^X-Mapped: is-one\r$/m, 'map');
like($seen, qr/^X-Forwarded-For: 10.0.0.1, 10.0.0.2, 127.0.0.1\r$/m,
     'several lines of one name');

tls($server, port => $tls_port, path => '/same/tls?id=tls',
    host => 'Example.test:99', headers => \@headers);
is((ended($server, 'tls'))[0], ok_with('hello same'), 'from TLS');
$seen = same('TLS', '/same/tls', $origin->requests('/same/tls'));
like($seen, qr/^X-Scheme: https\r$/m, 'scheme');
like($seen, qr/^X-Secure: yes\r$/m, 'map of scheme');
like($seen, qr/^X-TLS: TLSv1\.\d\|\w[^|]*\|on\r$/m, 'protocol and cipher');
like($seen, qr/^X-Host: example.test\r$/m, 'host');

{
    my $h2 = Test::Gateway::Streams->new($h2_port);
    my $stream = $h2->request('GET', '/same/h2?id=h2');
    $h2->open_window($stream);
    $h2->wait(sub { $h2->ended($stream) });
    is((ended($server, 'h2'))[0], ok_with('hello same'), 'from HTTP/2');
    $seen = same('HTTP/2', '/same/h2', $origin->requests('/same/h2'));
    like($seen, qr{^X-Protocol: HTTP/2.0\r$}m, 'protocol');

    # the stream, and the connection, end before the detached request does
    $stream = $h2->request('GET', '/clone/slow-h2?answer=1&id=h2-gone');
    $h2->open_window($stream);
    $h2->wait(sub { $h2->ended($stream) });
    $h2->close;
    is((ended($server, 'h2-gone'))[0], ok_with('hello slow-h2'),
       'the connection is gone');
    is(scalar $origin->requests('/slow-h2'), 1, 'one request');
}

$seen = do {
    becomes("/real$_/a", ok_with("hello real$_"), "realip$_",
            headers => [ 'X-Client: 192.0.2.1' ]) for '', '-try';
    same('realip', '/real/a', $origin->requests('/real/a'));
    same('realip, try_files', '/real-try/a', $origin->requests('/real-try/a'));
};
like($seen, qr/^X-Real-IP: 192\.0\.2\.1:/m, 'the client that realip finds');

becomes('/clone/cond?answer=1&field=new', ok_with('hello cond'), 'fields',
        headers => [ 'If-None-Match: "x"', 'Range: bytes=0-1', 'If-Range: "x"',
                     'If-Modified-Since: now', 'Upgrade: x', 'X-Field: old',
                     'X-Gone: 1', 'Accept: a/b' ]);
($seen) = $origin->requests('/cond');
unlike($seen, qr/^(?:If-|Range|Upgrade|X-Gone)/mi, 'left out');
is("@{[ $seen =~ /^(X-Field: .*)\r$/mg ]}", 'X-Field: new', 'replaced');
like($seen, qr{^Accept: a/b\r$}m, 'the others are there');

# each name that some nginx processes, behind enough lines for a second part

for my $name (qw( Accept Accept-Charset Accept-Encoding Accept-Language
                  Authorization Cache-Control Cookie Date Depth Destination From
                  Keep-Alive Origin Overwrite Pragma Priority Proxy-Authorization
                  Proxy-Connection Referer TE Trailer User-Agent Via
                  X-Forwarded-For X-Real-IP )) {
    for my $value ('x', '') {
        my $path = '/name-' . lc($name) . '-' . ($value || 'empty');
        becomes("/clone$path?answer=1", ok_with("hello " . substr $path, 1),
                "$name: \"$value\"",
                headers => [ map({ "X-$_: $_" } 1 .. 8), "$name: $value",
                             map { "Y-$_: $_" } 1 .. 9 ]);
        my ($got) = $origin->requests($path);
        is(scalar(() = $got =~ /^[XY]-\d: \d\r$/mg), 17, 'all lines');
        unlike($got, qr/^Proxy-Connection/mi, 'none of a connection')
            if $name eq 'Proxy-Connection';
    }
}

becomes('/clone/head?answer=1&method=HEAD', 'rc=0 status=200 bytes=0 text=',
        'HEAD');
like(($origin->requests('/head'))[0], qr/^HEAD /, 'is one');
becomes('/clone/as-head?answer=1', 'rc=0 status=200 bytes=0 text=',
        'the method of the client', method => 'HEAD');
like(($origin->requests('/as-head'))[0], qr/^HEAD /, 'is kept');

becomes('/moved/a', ok_with('hello x'), 'after a rewrite');
same('rewrite', '/x/a', $origin->requests('/x/a'));

becomes('/try/a', ok_with('hello try'), 'try_files');
becomes("/try/b$_?answer=1", ok_with('hello try'), 'not counted by limit_req')
    for 1 .. 3;

my ($left) = (http_get($server, '/limited/x'))[1] =~ /Remaining: (\d+)/;
becomes('/limited/y?answer=1', ok_with('hello limited'), 'a limit');
is((http_get($server, '/limited/x'))[1] =~ /Remaining: (\d+)/ && $1, $left - 2,
   'does not count it: two clients');

becomes('/jwt/a', ok_with('hello jwt'), 'authenticated',
        headers => [ "Authorization: Bearer $token" ]);
$seen = same('JWT', '/jwt/a', $origin->requests('/jwt/a'));
like($seen, qr/^X-Consumer: alice\|jwt\r$/m, 'and its consumer');
is((http_get($server, '/jwt/b?id=refused'))[0], 401, 'a client without token');
is(scalar $origin->requests('/jwt/b'), 0, 'is refused');


# --- what the location does

becomes('/file.txt', qr/^rc=0 status=200 bytes=300000 text=f{600}$/, 'a file');
becomes('/file.txt?nobody=1', 'rc=0 status=200 bytes=0 text=', 'not read');
becomes('/refused?answer=1', qr/^rc=0 status=502 bytes=1\d\d text=<html>/,
        'a response of nginx');
becomes('/page?answer=1', 'rc=0 status=203 bytes=4 text=page', 'error_page');
becomes('/fallback?answer=1', ok_with('hello fallback'),
        'a location of error_page');
becomes('/clone/accel?answer=1', 'rc=0 status=200 bytes=5 text=inner',
        'X-Accel-Redirect');
becomes('/unbuffered/ok?answer=1', ok_with('hello unbuffered'), 'unbuffered');
becomes('/clone/none?answer=1', qr/^rc=0 status=502 /, 'no response');
becomes("/clone/status-$_?answer=1", "rc=0 status=$_ bytes=0 text=",
        "status $_")
    for 201, 204, 304, 404;

becomes("/$_/cut?answer=1", qr/^rc=-1 status=200 bytes=5 text=01234$/,
        "$_: cut off") for qw( clone flush );
becomes("/$_/half?answer=1&timeout=200", qr/^rc=408 status=200 bytes=[05] /,
        "$_: a timeout in the body") for qw( clone flush );
becomes('/clone/hang?answer=1&timeout=200', 'rc=408 status=0 bytes=0 text=',
        'a timeout');
becomes("/$_/endless?answer=1&timeout=300", qr/^rc=408 status=200 bytes=\d{6,} /,
        "$_: an endless response") for qw( clone flush );

becomes("/clone/ok?answer=1&stop=$_-error", qr/^rc=-1 /, "error in $_")
    for qw( header body );
becomes("/clone/hang?answer=1&stop=$_", 'canceled', "canceled $_")
    for qw( now later );
becomes("/clone/big?answer=1&stop=$_", 'canceled', "canceled in $_")
    for qw( header body );


# --- from a server block

fetch('/in/keys', ok_with('hello keys'), 'an internal location');
($seen) = $origin->requests('/keys');
like($seen, qr/^X-Scheme: http\r$/m, 'scheme');
like($seen, qr/^X-Real-IP: unix::\r$/m, 'no client');
unlike($seen, qr/^Content-Length/mi, 'no body');

fetch('/in-jwt/keys', ok_with('hello keys'), 'which asks for a token');
unlike(($origin->requests('/keys'))[1], qr/^Authorization/mi, 'and gets none');

fetch('/in/post&args=a=b&method=POST&content=x=y&field=z',
      ok_with('hello post'), 'POST');
($seen) = $origin->requests('/post');
like($seen, qr{^POST /post\?a=b HTTP/1.1\r\n}, 'with arguments');
like($seen, qr/^Content-Length: 3\r\n/m, 'a length');
like($seen, qr/^X-Field: z\r\n/m, 'a field');
like($seen, qr/\r\n\r\nx=y$/, 'and a body');

fetch('/in-204', 'rc=0 status=204 bytes=0 text=', 'return 204');
fetch('/in-301', qr/^rc=0 status=301 /, 'return 301');
fetch("/in-$_", 'rc=444 status=0 bytes=0 text=', "return $_")
    for 408, 444, 499;
fetch('/in-loop', qr/^rc=0 status=500 /, 'a cycle');
fetch('/none-such', qr/^rc=0 status=404 /, 'no location');
fetch('/in-post/ok&stop=header-error', qr/^rc=-1 /, 'no post_action');
is(scalar $origin->requests('/posted'), 0, 'none');


# --- why they fail

# the end of a request whose messages are stored; it has no line in the log

sub why {
    my ($path, $expected, $name) = @_;

    my $before = length $server->log;
    fetch("$path&store=1", $expected, $name);
    unlike(substr($server->log, $before), qr/\[(?:error|crit|warn)\]/,
           "$name: not logged");
}

my $refused = 'connect() failed (111: Connection refused)';

why('/in/keys', ok_with('hello keys') . ' why=', 'no failure');
why('/in-refused', qr/ status=502 .* why=\Q$refused\E$/s, 'no server');
why('/in-untrusted', qr/ status=502 .* why=upstream\ SSL\ certificate\ verify
                        \ error:\ \(\d+:[^)]+\)$/xs, 'an unknown CA');
why('/in-no-tls', qr/ status=502 .* why=SSL_do_handshake\(\) failed \(SSL: /s,
    'no TLS');
why('/in-slow', qr/ status=504 .* why=upstream timed out \(110: [^)]+\)$/s,
    'a timeout of the upstream');
why('/in/hang&timeout=100', 'rc=408 status=0 bytes=0 text= why=',
    'a timeout of the request');
why('/in/cut', 'rc=-1 status=200 bytes=5 text=01234 why=upstream prematurely '
               . 'closed connection', 'a response that is cut off');
why('/in/none', qr/ status=502 .* why=upstream prematurely closed connection$/s,
    'no response');
why('/in-next', ok_with('hello keys') . " why=$refused",
    'the next server responds');
why('/in-dead', qr/ status=502 .* why=\Q$refused\E$/s, 'the first message');
why('/in-dead', qr/ status=502 .* why=no live upstreams$/s, 'the only message');
why('/in-notice', qr/ why=rewritten data: "\/in-two", args: ""$/,
    'the last one below "error"');
why('/none-such', qr/ status=404 .* why=open\(\) "[^"]+" failed \(2: [^)]+\)$/s,
    'no file');

{
    my $before = length $server->log;
    fetch('/in-refused', qr/^rc=0 status=502 /, 'without "store"');
    like(substr($server->log, $before),
         qr/\Q$refused\E while connecting to upstream, detached request: /,
         'the message is logged');
}


# the background update of proxy_cache, which goes on when the rest has ended

sub cached { scalar $origin->requests('/slow-cached') }

fetch('/in-cached/slow-cached', ok_with('hello slow-cached'), 'cached');
is(cached(), 1, 'by one request');
wait_until(sub {
    fetch('/in-cached/slow-cached', ok_with('hello slow-cached'), 'or stale');
    sleep 0.2;
    return cached() == 2;
}, 15);
sleep 0.2;
fetch('/in-cached/slow-cached', ok_with('hello slow-cached'), 'or updated');
is(cached(), 2, 'by another');


# --- the client's connection is not used

{
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    $client->autoflush;

    for my $path ('/clone/hang?answer=1&timeout=1500&id=free',
                  '/fetch?uri=/in/hang&timeout=1500&id=free')
    {
        print $client "GET $path HTTP/1.1\r\nHost: x\r\n\r\n";
        sysread $client, my $answer, 65536;
        like($answer, qr/200 OK/, "$path is answered");
        is(scalar ends($server, 'free'), $path =~ /clone/ ? 0 : 1,
           'before the detached request has ended');

        my $began = time;
        print $client "GET /local HTTP/1.1\r\nHost: x\r\n\r\n";
        sysread $client, $answer, 65536;
        like($answer, qr/local$/, 'the next request, too');
        is(scalar ends($server, 'free'), $path =~ /clone/ ? 0 : 1,
           'still before');
        ended($server, 'free', $path =~ /clone/ ? 1 : 2);
    }
    is("@{[ ends($server, 'free') ]}",
       join(' ', ('rc=408 status=0 bytes=0 text=') x 2), 'which ends later');

    print $client "GET /clone/slow-gone?answer=1&id=gone HTTP/1.1\r\n"
                  . "Host: x\r\n\r\n";
    sysread $client, my $answer, 65536;
    setsockopt $client, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $client;
    is("@{[ ended($server, 'gone') ]}", ok_with('hello slow-gone'),
       'also when the client leaves');
}


# --- they are not logged

my @asked = grep { !m{ /in-cached/} } lines('access.log');
wait_until(sub { @asked <= (() = lines('gateway.log')) });
is(scalar(() = lines('gateway.log')), scalar @asked,
   'as many records as lines');
is(scalar(grep { m{^\S+ /(?:in/|in-|inner|paged|posted)} } @asked), 0,
   'none of a detached request');


# --- memory, descriptors, connections

my ($worker) = $server->workers;

sub status {
    my ($key) = @_;
    open my $in, '<', "/proc/$worker/status" or die $!;
    my ($value) = join('', <$in>) =~ /^$key:\s+(\d+)/m;
    return $value;
}

sub descriptors { scalar(() = glob "/proc/$worker/fd/*") }

my $before = status('VmHWM');
becomes("/$_/big?answer=1", qr/^rc=0 status=200 bytes=104857600 /,
        "$_: 100 MB") for qw( clone flush );
SKIP: {
    skip 'a sanitizer keeps memory', 1 if $ENV{TEST_NGINX_BINARY};
    cmp_ok(status('VmHWM') - $before, '<', 2048, 'in 2 MB of memory');
}

sub many {
    http_get($server, "/fetch?uri=/$_&n=50&id=many-$_[0]") for ('in-204') x 5;
    http_get($server, "/clone/many?answer=1&n=50&id=many-$_[0]") for 1 .. 5;
    return scalar ended($server, "many-$_[0]", 500);
}

is(many(1), 500, '500 requests, more than connections');
my ($fds, $rss) = (descriptors(), status('VmRSS'));
is(many($_), 500, '500 more') for 2 .. 4;
wait_until(sub { descriptors() <= $fds });
is(descriptors(), $fds, 'no descriptor is left');
SKIP: {
    skip 'a sanitizer keeps memory', 1 if $ENV{TEST_NGINX_BINARY};
    cmp_ok(status('VmRSS') - $rss, '<', 1024, 'no memory');
}
my %failed;
$failed{$_}++ for grep { !/^rc=0 / } map { ends($server, "many-$_") } 1 .. 4;
is(join("\n", map { "$failed{$_} times $_" } sort keys %failed), '',
   'all have succeeded');

$server->stop('a server with detached requests');


# --- bounds

sub restart {
    my (%arg) = @_;
    $server = start_nginx(port => $port, files => { @files },
                          conf => conf(%arg));
}

restart(http => "gateway_probe_bound 2 3;\n$http");
http_get($server, '/fetch?uri=/in/slow-bound&n=10&id=bound');
is("@{[ map { /^(\w+)/ } ended($server, 'bound', 10) ]}",
   join(' ', ('refused') x 5, ('rc') x 5), 'two run, three wait');
is(scalar $origin->requests('/slow-bound'), 5, 'five reach the origin');

http_get($server, '/fetch?uri=/in/hang-bound&n=4&timeout=500&id=late');
is("@{[ ended($server, 'late', 4) ]}",
   join(' ', ('rc=408 status=0 bytes=0 text=') x 4),
   'a waiting request has a timeout, too');
fetch('/in/ok', ok_with('hello ok'), 'and all places are free');


$server->stop('bounds');

restart(http => "gateway_probe_bound 400 0;\n$http");
$server->allow('worker_connections are not enough');
http_get($server, '/fetch?uri=/in/hang&n=300&timeout=1000&id=all&store=1');
my $failed = grep { !/^rc=408 / } ended($server, 'all', 300);
my $none = qr/ why=256 worker_connections are not enough$/;
is(scalar(grep { /$none/ } ends($server, 'all')), $failed, 'why');
is(scalar(() = $server->log =~ /\[alert\].*are not enough/g), $failed,
   'and an alert');
is(scalar ends($server, 'all'), 300, 'more than there are connections');
cmp_ok($failed, '>=', 300 - 128, 'of two each: others fail');
cmp_ok($failed, '<', 300, 'some run');
fetch('/in/ok', ok_with('hello ok'), 'but they come back');
$server->stop('no connections');

restart(http => "gateway_probe_bound 2 3;\n$http");


# --- the worker shuts down

# the end of requests that run while the configuration is read again, and time

sub leaves {
    my ($n, @paths) = @_;

    my $id = 'id' . ++$ids;
    http_get($server, "$_&id=$id") for @paths;
    wait_until(sub { $origin->requests('/hang-leave') });
    my $began = time;
    $server->reload(undef, timeout => 15);
    my @ends = ended($server, $id, $n);
    return ("@{[ map { /^(\S+)/ } @ends ]}", time - $began);
}

my ($ends, $time) = leaves(2, '/fetch?uri=/in/hang-leave&timeout=3000',
                           '/fetch?uri=/in/slow&timeout=3000');
is($ends, 'rc=0 rc=408', 'those that run go on, for their time');
cmp_ok($time, '<', 5, 'and the worker leaves then');

($ends) = leaves(4, '/fetch?uri=/in/hang-leave&timeout=3000&n=2',
                 '/fetch?uri=/in/slow&timeout=3000&n=2');
is($ends, 'rc=-1 rc=-1 rc=408 rc=408', 'those that wait end at once');
$server->stop('reloads');

restart(http => "gateway_probe_bound 1 2;\n$http");
($ends) = leaves(3, '/fetch?uri=/in/hang-leave&timeout=500',
                 '/fetch?uri=/in/ok&n=2');
is($ends, 'rc=-1 rc=-1 rc=408', 'one place: one result');
$server->stop('one place');

restart(http => "gateway_probe_bound 1 2 keep;\n$http");
($ends) = leaves(3, '/fetch?uri=/in/hang-leave&timeout=500',
                 '/fetch?uri=/in/ok&n=2');
is($ends, 'rc=408 rc=0 rc=0', 'one place, clients wait: three results');
$server->stop('one place, clients wait');

restart(main => 'worker_shutdown_timeout 300ms;',
        http => "gateway_probe_bound 1 2 keep;\n$http");
($ends, $time) = leaves(3, '/fetch?uri=/in/hang-leave&timeout=60000',
                        '/fetch?uri=/in/hang&timeout=60000&n=2');
like($ends, qr/^rc=(?:-1|408)(?: rc=(?:-1|408)){2}$/,
     'clients wait, worker_shutdown_timeout');
cmp_ok($time, '<', 5, 'and the worker leaves');
$server->stop('clients wait, worker_shutdown_timeout');

restart(main => 'worker_shutdown_timeout 300ms;');
($ends, $time) = leaves(3, '/fetch?uri=/in/hang-leave&timeout=60000',
                        '/fetch?uri=/in/half&timeout=60000',
                        '/clone/hang?answer=1&timeout=60000');
is($ends, 'rc=-1 rc=-1 rc=-1', 'worker_shutdown_timeout');
cmp_ok($time, '<', 5, 'and the worker leaves');

http_get($server, '/fetch?uri=/in/hang-leave&timeout=60000');
http_get($server, '/fetch?uri=/in/endless&timeout=60000');
my $began = time;
kill 'TERM', $server->pid;
wait_until(sub { !Test::Gateway::Server::alive($server->pid) }, 10);
cmp_ok(time - $began, '<', 5, 'TERM ends all at once');
is("@{[ $server->wrong_lines ]}", '', 'without complaint');


# --- other event methods, and one process

for my $main ('use poll;', 'use select;') {
    my $conf = conf() =~ s/events \{/events { $main/r;
    my ($code, $said) = nginx_t($conf, { @files });
    next if $said =~ /invalid event type/;

    $server = start_nginx(port => $port, files => { @files }, conf => $conf);
    becomes('/clone/ok?answer=1', ok_with('hello ok'), $main);
    becomes('/flush/cut?answer=1', qr/^rc=-1 /, "$main cut off");
    becomes('/clone/hang?answer=1&timeout=100', qr/^rc=408 /,
            "$main a timeout");
    becomes('/file.txt', qr/^rc=0 status=200 bytes=300000 /, "$main a file");
    $server->stop($main);
}

restart(main => 'master_process off;');
becomes('/clone/ok?answer=1', ok_with('hello ok'), 'one process');
http_get($server, '/fetch?uri=/in/hang&timeout=60000');
$server->stop('one process, with a request that runs');

done_testing;
