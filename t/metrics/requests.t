# SPDX-License-Identifier: BSD-2-Clause

# Each main request is counted once, with its server, route, method and code, its
# duration and its sizes.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Samples;
use Test::Gateway::Server;
use Test::More;

my ($origin, $other, $bare) = map { free_port() } 1 .. 3;

my $server = start_nginx(
    files => { 'html/index.html' => 'index', 'html/e404' => 'gone' },
    http => <<"END",
    gateway_metrics_zone zone=m:8m;
    large_client_header_buffers 2 1k;

    server {
        listen 127.0.0.1:$origin;
        gateway_metrics off;
        location / { return 200 origin; }
        location /stream {
            default_type text/event-stream;
            return 200 data;
        }
        location /events {
            types { }
            default_type "Text/Event-Stream; charset=utf-8";
            return 200 data;
        }
    }

    server {
        listen 127.0.0.1:$other;
        server_name one.example two.example;
        gateway_metrics server;
        location /a { return 200 a; }
        location /b { gateway_metrics on; return 200 b; }
        location /c { gateway_metrics off; return 200 c; }
    }

    server {
        listen 127.0.0.1:$bare;
        return 204;
    }
END
    server => <<"END");
    server_name s;
    root html;

    location / { }
    location /echo { return 200 x; }
    location /big { client_max_body_size 10; proxy_pass http://127.0.0.1:$origin; }
    location /subs { mirror /mirrored; return 204; }
    location = /mirrored { internal; return 204; }
    location /proxy { proxy_pass http://127.0.0.1:$origin/; }
    location /off { gateway_metrics off; return 200 x; }
    location /off/on { gateway_metrics on; return 200 x; }
    location /closed { return 444; }
    location = /metrics { gateway_metrics_page from=127.0.0.1; }
END

my $labels = 'server="s",route="/echo"';

sub grows {
    my ($code, $expected, $name) = @_;
    return counts($server, $code,
                  qr/^http_re(?:quests_total|quest_dur|quest_size|sponse)/,
                  $expected, $name);
}

# what one request with these labels adds, "code" before them
sub one {
    my ($where, $method, $code, %arg) = @_;
    my $n = $arg{n} // 1;
    return ("http_requests_total{$where,method=\"$method\",code=\"$code\"}" => $n,
            $arg{endless} ? ()
                : ("http_request_duration_seconds_count{$where}" => $n),
            "http_request_size_bytes_count{$where}" => $n,
            "http_response_size_bytes_count{$where}" => $n);
}

sub raw {
    my ($bytes, $port) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port // $server->port,
                                       Timeout => 5) or die "connect: $!";
    print $socket $bytes;
    local $/;
    return scalar <$socket> // '';
}

grows(sub { $server->get('/echo') }, { one($labels, 'GET', 200) }, 'a request');
grows(sub { raw("GET /echo HTTP/1.1\r\nHost: s\r\n\r\n"
                . "GET /echo HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n") },
      { one($labels, 'GET', 200, n => 2) }, 'two on one connection');
grows(sub { raw("GET /echo\r\n") }, { one($labels, 'GET', 200) },
      'one with HTTP/0.9');
grows(sub { $server->get('/subs') }, { one('server="s",route="/subs"', 'GET', 204) },
      'a subrequest is none');
grows(sub { $server->get('/proxy') }, { one('server="s",route="/proxy"', 'GET', 200) },
      'one to an upstream server');

# refused while it is read: no route
my $none = 'server="s",route=""';
grows(sub { raw("GET / HTTP/1.1\r\nConnection: close\r\n\r\n") },
      { one($none, 'GET', 400) }, 'without a Host');
grows(sub { raw("BAD\x01 / HTTP/1.1\r\n\r\n") }, { one($none, 'OTHER', 400) },
      'with a malformed line');
grows(sub { raw('GET /' . 'x' x 3000 . " HTTP/1.1\r\nHost: s\r\n\r\n") },
      { one($none, 'GET', 414) }, 'with a long line');

# refused after the location was chosen, before REWRITE
grows(sub { $server->get('/big', method => 'POST', body => 'x' x 11) },
      { one('server="s",route="/big"', 'POST', 413) }, 'with a large body');

grows(sub { raw("GET /closed HTTP/1.1\r\nHost: s\r\n\r\n") },
      { one('server="s",route="/closed"', 'GET', 444) },
      'one without a response');

# switched off
grows(sub { $server->get('/off') }, {}, 'gateway_metrics off');
grows(sub { $server->get('/off/on') }, { one('server="s",route="/off/on"', 'GET', 200) },
      'on inside off');
grows(sub { $server->get('/metrics'); $server->get('/metrics', method => 'POST') },
      {}, 'requests of a page');

# servers and their names
my $first = 'server="one.example",route=""';
grows(sub { http_get($other, '/a', host => 'two.example') },
      { one($first, 'GET', 200) }, 'gateway_metrics server: an empty route');
grows(sub { http_get($other, '/b') },
      { one('server="one.example",route="/b"', 'GET', 200) },
      'on inside server');
grows(sub { http_get($other, '/c') }, {}, 'off inside server');
grows(sub { http_get($bare, '/') },
      { one(qq{server="127.0.0.1:$bare",route=""}, 'GET', 204) },
      'a server without a name: its address');

# no durations of streams
grows(sub { $server->get("/proxy$_") },
      { one('server="s",route="/proxy"', 'GET', 200, endless => 1) },
      "no duration: $_") for '/stream', '/events';
# sizes are those of the access log
{
    my $labels = 'server="s",route="/proxy"';
    my $sum = sub { my $at = scrape($server);
                    return map { $at->{"http_${_}_size_bytes_sum{$labels}"} // 0 }
                           qw( request response ) };
    my $count = sub { scrape($server)
                      ->{"http_request_size_bytes_count{$labels}"} // 0 };
    my ($in, $out) = $sum->();
    my $seen = $count->();
    my $request = "POST /proxy/x HTTP/1.1\r\nHost: s\r\nContent-Length: 5\r\n"
                  . "Connection: close\r\n\r\n12345";
    my $response = raw($request);
    wait_until(sub { $count->() == $seen + 1 });
    my ($in_now, $out_now) = $sum->();
    is($in_now - $in, length $request, 'the size of a request');
    is($out_now - $out, length $response, 'the size of a response');
}

$server->stop;
done_testing();
