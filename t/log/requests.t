# SPDX-License-Identifier: BSD-2-Clause

# Exactly one record for each request, wherever and however it ends, and none for
# what is no request: subrequests, and connections without one.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Socket qw( SOL_SOCKET SO_LINGER );
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::More;
use Time::HiRes qw( sleep );

my ($h2, $dead) = (free_port(), free_port());
my $listen = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$h2 http2;"
                                    : "listen 127.0.0.1:$h2; http2 on;";

# an upstream server that the test answers for
my $hang = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
    or die "listen: $!";

my $nginx = start_nginx(workers => 1, http => <<END, server => <<'END2',
    gateway_log a.json flush=0;
    gateway_request_id X-Request-ID;
    log_subrequest on;
    client_header_timeout 300ms;
    client_body_timeout 300ms;
    client_max_body_size 10;
    keepalive_timeout 300ms;
    lingering_timeout 100ms;
    client_header_buffer_size 1k;
    large_client_header_buffers 2 1k;
    upstream hang { server 127.0.0.1:@{[ $hang->sockport ]}; }
    upstream dead { server 127.0.0.1:$dead max_fails=0; }
    ssi_types text/plain;
    server {
        $listen
        location / { return 200 ok; }
        location /hang { proxy_pass http://hang; }
        location /body { proxy_pass http://hang; }
    }
END
    location / { empty_gif; }
    location = /none { return 404; }
    location /hang { proxy_pass http://hang; }
    location /body { proxy_pass http://hang; }
    location /dead { proxy_pass http://dead; error_page 502 = /; }
    location /try { root html; try_files /nothing @named; }
    location @named { empty_gif; }
    location /asked { auth_request /sub; empty_gif; }
    location /mirrored { mirror /sub; mirror /sub2; empty_gif; }
    location /ssi { ssi on; return 200 '<!--# include virtual="/sub" -->'; }
    location /included { root .; ssi on; default_type text/plain; }
    location /after { root .; default_type text/plain; add_after_body /sub; }
    location /sub { return 204; }
    location /slow { send_timeout 200ms; root .; }
    location /cut { limit_rate 1; return 200 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; }
    location = /closed { return 444; }
END2
    files => { 'included' => '<!--# include virtual="/sub" -->'
                             . '<!--# include virtual="/dead" -->',
               'after' => 'text', 'slow' => 'x' x 40_000_000 });

my $port = $nginx->port;
my $host = "Host: localhost\r\n";
my $seen = 0;

# $n records, of $status, and none comes later: each request has an id of its own
sub leaves {
    my ($name, $n, $status, $code) = @_;

    $code->();
    my @records = records($nginx, 'a.json', $seen + $n);
    is(scalar @records, $seen += $n, "$name: $n records")
        or $seen = @records;
    is(join(' ', map { $_->{status} // '-' } $n ? @records[-$n .. -1] : ()),
       $status, "$name: with their status");
}

sub sends {
    my ($name, $n, $status, $bytes, %arg) = @_;
    leaves($name, $n, $status, sub { raw($nginx, $bytes, %arg) });
}

sub connected {
    my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die "connect: $!";
    $socket->autoflush;
    print $socket $_[0];
    return $socket;
}

# the connection of the upstream server that has received a request
sub asked {
    my ($path) = @_;

    while (my $upstream = $hang->accept) {
        sysread $upstream, my $request, 4096;
        return $upstream if $request =~ m{^GET \Q$path\E HTTP};
    }
}

sub reset_by {
    my ($socket) = @_;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $socket;
}


# --- requests that are rejected while they are parsed

sends(@$_) for
    [ 'no HTTP', 1, 400, "\x16\x03\x01\xff\xfe\r\n\r\n" ],
    [ 'a bad method', 1, 400, "G{}T / HTTP/1.1\r\n\r\n" ],
    [ 'a bad version', 1, 505, "GET / HTTP/9.9\r\n\r\n" ],
    [ 'no version', 1, 400, "GET / HTTP/x\r\n\r\n" ],
    [ 'no Host', 1, 400, "GET / HTTP/1.1\r\n\r\n" ],
    [ 'a bad Host', 1, 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" ],
    [ 'two lengths', 1, 400, "POST / HTTP/1.1\r\n${host}Content-Length: 1\r\n"
                             . "Content-Length: 2\r\n\r\n" ],
    [ 'a bad encoding', 1, 501, "POST / HTTP/1.1\r\n$host"
                                . "Transfer-Encoding: x\r\n\r\n" ],
    [ 'a bad path', 1, 400, "GET /%00 HTTP/1.1\r\n$host\r\n" ],
    [ 'out of the root', 1, 400, "GET /../../x HTTP/1.1\r\n$host\r\n" ],
    [ 'a long request line', 1, 414, 'GET /' . 'x' x 3000 . " HTTP/1.1\r\n\r\n" ],
    [ 'a long line', 1, 400, "GET / HTTP/1.1\r\n${host}A: " . 'x' x 3000
                             . "\r\n\r\n" ],
    [ 'TRACE', 1, 405, "TRACE / HTTP/1.1\r\n$host\r\n" ],
    [ 'a large body', 1, 413, "POST / HTTP/1.1\r\n${host}Content-Length: 11\r\n"
                              . "Connection: close\r\n\r\n" ],
    [ 'a slow header', 1, 408, "GET / HTTP/1.1\r\nHost: a\r\n" ],
    [ 'half a request line', 1, 408, "GET /abc" ],
    [ 'a slow body', 1, 408, "POST /body HTTP/1.1\r\n${host}"
                             . "Content-Length: 5\r\n\r\nx" ],
    [ 'a client that leaves', 1, 400, "GET / HTTP/1.1\r\nHost: a\r\n",
      close => 1 ],
    [ 'HTTP/0.9', 1, 200, "GET /\r\n" ],
    [ 'HTTP/0.9, no such file', 1, 404, "GET /none\r\n" ],
    [ 'HTTP/1.0', 1, 200, "GET / HTTP/1.0\r\n\r\n" ],
    [ '444', 1, 444, "GET /closed HTTP/1.1\r\n$host\r\n" ];


# --- several on one connection; and connections without any

my $get = "GET / HTTP/1.1\r\n$host\r\n";
sends('pipelined', 5, '200 200 404 200 200',
      "$get${get}GET /none HTTP/1.1\r\n$host\r\n$get$get");
sends('the last of them is bad', 3, '200 200 400', "$get${get}BAD\r\n\r\n");
sends('the last of them is cut off', 2, '200 408', "${get}GET / HT");
sends('a connection that is idle', 1, 200, $get);
leaves('a connection without a byte', 0, '', sub { close connected('') });
leaves('one that waits for its first byte', 0, '', sub {
    my $socket = connected('');
    sysread $socket, my $end, 1;
});
sends('empty lines alone', 1, 408, "\r\n\r\n");


# --- internal redirects, subrequests

$nginx->allow(qr/auth request unexpected status/);
leaves("$_->[0]", 1, $_->[1], sub { $nginx->get($_->[0]) })
    for [ '/dead', 200 ], [ '/try', 200 ], [ '/asked', 200 ],
        [ '/mirrored', 200 ], [ '/included', 200 ], [ '/after', 200 ];


# --- clients that close the connection

leaves('499', 1, 499, sub {
    my $client = connected("GET /hang HTTP/1.1\r\n$host\r\n");
    my $upstream = asked('/hang');
    close $client;
    wait_until(sub { lines_of($nginx, 'a.json') > $seen });
});
leaves('499 by a reset', 1, 499, sub {
    my $client = connected("GET /hang HTTP/1.1\r\n$host\r\n");
    my $upstream = asked('/hang');
    reset_by($client);
    wait_until(sub { lines_of($nginx, 'a.json') > $seen });
});
leaves('499 with one behind it', 1, 499, sub {
    my $client = connected("GET /hang HTTP/1.1\r\n$host\r\n$get");
    my $upstream = asked('/hang');
    reset_by($client);
    wait_until(sub { lines_of($nginx, 'a.json') > $seen });
});
leaves('within a body', 1, 400, sub {
    my $client = connected("POST /body HTTP/1.1\r\n${host}Content-Length: 9\r\n"
                           . "\r\nx");
    sleep 0.05;
    close $client;
});
leaves('within a response', 1, 200, sub {
    my $client = connected("GET /slow HTTP/1.1\r\n$host\r\n");
    sysread $client, my $bytes, 1000;
    reset_by($client);
});
leaves('a client that does not read', 1, 200, sub {
    my $client = connected("GET /slow HTTP/1.1\r\n$host\r\n");
    wait_until(sub { lines_of($nginx, 'a.json') > $seen });
});


# --- upgrades

sub upgrade {
    my ($end) = @_;

    my $client = connected("GET /hang/up HTTP/1.1\r\n${host}Upgrade: x\r\n"
                           . "Connection: upgrade\r\n\r\n");
    my $upstream = asked('/hang/up');
    print $upstream "HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhi";
    $upstream->flush;
    my $answer = '';
    while ($answer !~ /hi$/) { sysread $client, $answer, 4096, length $answer
                                   or last }
    is(scalar(my @now = lines_of($nginx, 'a.json')), $seen,
       'an upgrade: no record before its end');
    $end->($client, $upstream);
    wait_until(sub { lines_of($nginx, 'a.json') > $seen });
}

$nginx->reload(do {
    my $conf = Test::Gateway::Server::slurp($nginx->dir . '/nginx.conf');
    $conf =~ s/\A(?:(?:error_log|pid).*\n)*//;
    $conf =~ s{location /hang \{ proxy_pass http://hang; \}(?!.*location /hang)}
              {location /hang { proxy_pass http://hang; proxy_http_version 1.1;
               proxy_set_header Upgrade \$http_upgrade;
               proxy_set_header Connection upgrade; }}s;
    $conf;
});
leaves('an upgrade that the server ends', 1, 101,
       sub { upgrade(sub { close $_[1]; sysread $_[0], my $end, 1 }) });
leaves('an upgrade that the client ends', 1, 101,
       sub { upgrade(sub { close $_[0] }) });
leaves('an upgrade that the client resets', 1, 101,
       sub { upgrade(sub { reset_by($_[0]) }) });


# --- HTTP/2

sub streams {
    my ($code) = @_;
    my $client = Test::Gateway::Streams->new($h2);
    $code->($client);
    $client->close;
}

leaves('HTTP/2: a request', 1, 200, sub { streams(sub {
    my ($client) = @_;
    my $stream = $client->request('GET', '/');
    $client->open_window($stream);
    $client->wait(sub { $client->ended($stream) }, 5);
}) });
leaves('HTTP/2: reset within the response', 3, '200 200 200', sub { streams(sub {
    my ($client) = @_;
    my @streams = map { $client->request('GET', '/') } 1 .. 3;
    $client->wait(sub { 3 == grep { $client->status($_) } @streams }, 5);
    $client->reset(@streams);
    wait_until(sub { lines_of($nginx, 'a.json') >= $seen + 3 });
}) });
leaves('HTTP/2: reset before it', 2, '499 499', sub { streams(sub {
    my ($client) = @_;
    my @streams = map { $client->request('GET', '/hang') } 1 .. 2;
    my @upstreams = map { asked('/hang') } 1 .. 2;
    $client->reset(@streams);
    wait_until(sub { lines_of($nginx, 'a.json') >= $seen + 2 });
}) });
leaves('HTTP/2: reset at once', 1, 499, sub { streams(sub {
    my ($client) = @_;
    my $stream = $client->request('GET', '/hang');
    $client->reset($stream);
    wait_until(sub { lines_of($nginx, 'a.json') > $seen }) ;
}) });
leaves('HTTP/2: the connection is closed', 2, '499 499', sub { streams(sub {
    my ($client) = @_;
    my @streams = map { $client->request('GET', '/hang/closed') } 1 .. 2;
    my @upstreams = map { asked('/hang/closed') } 1 .. 2;
    $client->close;
    wait_until(sub { lines_of($nginx, 'a.json') >= $seen + 2 });
}) });
leaves('HTTP/2: a bad header', 1, 400, sub { streams(sub {
    my ($client) = @_;
    my $stream = $client->request('GET', '/', undef, [ ':bad', 'x' ]);
    $client->open_window($stream);
    wait_until(sub { lines_of($nginx, 'a.json') > $seen });
}) });
leaves('HTTP/2: a connection without a stream', 0, '',
       sub { streams(sub { sleep 0.05 }) });


# --- no request has two records

my @records = records($nginx, 'a.json', $seen);
my %ids;
$ids{ $_->{request_id} // 'none' }++ for @records;
is(join(' ', grep { $ids{$_} > 1 } keys %ids), '', 'each id is in one record');

$nginx->stop;
my %count = counters($nginx, '/a.json');
is_deeply([ @count{qw( made written dropped )} ], [ $seen, $seen, 0 ],
          'the counters have the same number');
is(scalar(lines_of($nginx, 'a.json')), $seen, 'no further record');

done_testing;
