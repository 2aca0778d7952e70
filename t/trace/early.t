# SPDX-License-Identifier: BSD-2-Clause

# Requests that end before POST_READ get ids once: when their response is sent, or,
# without a response, before their record is written.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Echo;
use Test::Gateway::Server;
use Test::More;

plan skip_all => 'this nginx writes no debug log'
    if `${\ Test::Gateway::Server::binary()} -V 2>&1` !~ /--with-debug/;

my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
my $parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
my ($port, $off, $span) = (free_port(), free_port(), 'b7ad6b7169203331');
my %page = (named => free_port(), uri => free_port());
my $upstream = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";
my $ids = 'gateway_request_id X-Request-ID response; gateway_trace propagate;';

local $ENV{TEST_NGINX_LOG_LEVEL} = 'debug';
my $nginx = start_nginx(workers => 1, port => $port, http => <<"END",
    log_format ids '\$status|\$gateway_request_id|\$gateway_traceparent|\$gateway_parent_id';
    client_header_timeout 300ms;
    client_header_buffer_size 1k;
    large_client_header_buffers 2 1k;
    server {
        listen 127.0.0.1:$off;
        location / { return 200 'ok'; }
    }
    server {
        listen 127.0.0.1:$page{named};
        $ids
        error_page 400 = \@page;
        location \@page { $upstream }
    }
    server {
        listen 127.0.0.1:$page{uri};
        $ids
        error_page 400 = /page;
        set \$early "\$http_x_request_id";
        location = /page { proxy_set_header X-Late "\$early|\$http_x_request_id";
                           $upstream }
    }
END
    server => <<"END");
    access_log logs/access.log ids;
    $ids
    gateway_trust from=127.0.0.1;
    location / { return 200 '\$gateway_request_id'; }
END

sub slurp {
    open my $in, '<', $nginx->dir . "/logs/$_[0]" or return '';
    local $/;
    return scalar(<$in>) // '';
}

# the response of nginx to these bytes; with $close, closes the connection at once

sub answer {
    my ($bytes, $close, $to) = @_;

    my $socket = IO::Socket::INET->new('127.0.0.1:' . ($to // $port))
        or die "connect: $!";
    print $socket $bytes;
    return close $socket if $close;
    local $/;
    return scalar(<$socket>) // '';
}

# how often ids were made; the fields of the last line in the access log

sub made { return scalar(() = $nginx->log =~ /gateway trace: \w+ client, id/g) }

my ($count, $logged) = (0, 0);

sub ended {
    my ($name, $status) = @_;

    my @lines;
    wait_until(sub { @lines = split /\n/, slurp('access.log');
                     @lines > $logged && made() > $count });
    is(scalar @lines, ++$logged, "$name: one request is logged");
    is(made(), ++$count, "$name: its ids were made once");
    my @field = split /\|/, $lines[-1], -1;
    is($field[0], $status, "$name: with status $status");
    return @field;
}

my $headers = "Host: localhost\r\nX-Request-ID: abc\r\ntraceparent: $parent\r\n";

my %refused = (
    'a bad request line'    => [ 400, "GET / HTTP/x\r\n\r\n" ],
    'a bad method'          => [ 400, "G{}T / HTTP/1.1\r\n\r\n" ],
    'no Host'               => [ 400, "GET / HTTP/1.1\r\n\r\n" ],
    'a bad Content-Length'  => [ 400, "GET / HTTP/1.1\r\nHost: a\r\n"
                                      . "Content-Length: x\r\n\r\n" ],
    'a long request line'   => [ 414, 'GET /' . 'a' x 3000 . " HTTP/1.1\r\n\r\n" ],
    'a long line'           => [ 400, "GET / HTTP/1.1\r\nA: "
                                      . 'a' x 3000 . "\r\n\r\n" ],
);

for my $name (sort keys %refused) {
    my ($status, $bytes) = @{ $refused{$name} };
    my $said = answer($bytes);

    like($said, qr{^HTTP/1.1 $status }, "$name: answered with $status");
    my @ids = $said =~ /^X-Request-ID: (\S*)\r$/mg;
    is(scalar @ids, 1, "$name: the client gets one id");
    like($ids[0], qr/^$uuid$/, "$name: which is new");

    my @field = ended($name, $status);
    is($field[1], $ids[0], "$name: the access log has the same");
    like($field[2], qr/^00-\w{32}-\w{16}-03$/, "$name: and a trace");
}

# trusted clients

my $said = answer("GET / HTTP/1.1\r\n${headers}Content-Length: x\r\n\r\n");
like($said, qr/^X-Request-ID: abc\r$/m, 'the id of a client is kept');
my @field = ended('lines of the client', 400);
like($field[2], qr/^00-0af7651916cd43dd8448eb211c80319c-\w{16}-01$/,
     'so is its trace');
is($field[3], $span, 'and its span is the parent');

# without a response

answer("GET / HTTP/1.1\r\nHost: localhost\r\n");
@field = ended('a client that is too slow', 408);

answer("GET / HTTP/1.1\r\nHost: localhost\r\n", 1);
@field = ended('a client that leaves', 400);

# an upstream server of an error page receives nginx's lines and no others

for my $name (sort keys %page) {
    my $said = answer("GET / HTTP/1.1\r\n$headers${headers}tracestate: a=1\r\n"
                      . "Content-Length: x\r\n\r\n", 0, $page{$name});
    my @ids = $said =~ /^X-Request-ID: (\S*)\r?$/mg;
    my @parents = $said =~ /^traceparent: (\S*)$/mg;

    is(scalar @ids, 2, "an error page, $name: one id for each side");
    ok($ids[0] =~ /^$uuid$/ && $ids[0] eq $ids[1], "$name: the same");
    is(scalar @parents, 1, "$name: the upstream has one traceparent");
    like($parents[0], qr/^00-(?!0af7651916cd43dd)\w{32}-\w{16}-03$/,
         "$name: of a new trace");
    unlike($said, qr/^tracestate/m, "$name: and no tracestate");
    is(made(), ++$count, "$name: its ids were made once");
}

# a variable that was evaluated before shows the line that was added later

my $late = answer("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 0,
                  $page{uri});
like($late, qr/^X-Late: \|$uuid\r?$/m, 'a variable that was empty is read again');
is(made(), ++$count, 'its ids were made once');

# requests that reach POST_READ

$said = answer("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
my ($id) = $said =~ /^X-Request-ID: ($uuid)\r$/m;
like($said, qr/\r\n\r\n\Q$id\E$/, 'a request as usual');
is((ended('a request as usual', 200))[1], $id, 'has one id');

# to the same worker, and HTTP/0.9 has neither a version nor fields

like(answer("GET /\r\n"), qr/^$uuid$/, 'HTTP/0.9');
ended('HTTP/0.9', 200);

# a server where all is off makes none

is((split /\r\n\r\n/, answer("GET / HTTP/1.1\r\nHost: a\r\nConnection: close"
                             . "\r\n\r\n", 0, $off))[1], 'ok', 'off');
unlike(answer("GET / HTTP/x\r\n\r\n", 0, $off), qr/X-Request-ID/, 'off, 400');
is(made(), $count, 'no ids are made');

$nginx->stop;

done_testing;
