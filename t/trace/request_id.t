# SPDX-License-Identifier: BSD-2-Clause

# gateway_request_id: one id for each request, which the upstream, the client
# and variables see; a client's own only from an address that is trusted.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Echo;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes ();

my $upstream = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";
my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
my %port = map { $_ => free_port() } qw( trusted untrusted response off many
                                         origin );

my $nginx = start_nginx(http => <<"END");
    underscores_in_headers on;
    gateway_request_id X-Request-ID;
    gateway_trust from=127.0.0.1;
    server {
        listen 127.0.0.1:$port{trusted};
        location / { $upstream }
        location = /id { return 200 '\$gateway_request_id \$http_x_request_id'; }
        location = /wins {
            proxy_set_header x-request-id mine;
            $upstream
        }
        location = /none { proxy_pass_request_headers off; $upstream }
        location = /trace { return 200 '\$gateway_trace_id|\$gateway_traceparent|\$gateway_trace_sampled'; }
    }
    server {
        listen 127.0.0.1:$port{untrusted};
        gateway_trust from=127.0.0.2;
        location / { $upstream }
    }
    server {
        listen 127.0.0.1:$port{response};
        gateway_request_id X-Request-ID response;
        location / { proxy_pass http://127.0.0.1:$port{origin}; }
        location = /id { return 200 '\$gateway_request_id'; }
        location = /gone { return 410; }
        location = /moved { return 301 /id; }
        location = /empty { return 204; }
        location = /refused { deny all; }
        location = /down { proxy_pass http://127.0.0.1:1; }
    }
    server {
        listen 127.0.0.1:$port{off};
        gateway_request_id off;
        location / { $upstream }
        location = /id { return 200 '\$gateway_request_id'; }
    }
    server {
        listen 127.0.0.1:$port{origin};
        gateway_request_id off;
        add_header x-request-id of-the-origin;
        add_header X-Request-ID another always;
        add_header X_Request_ID underscores;
        add_header X-Received \$http_x_request_id;
        location / { return 200 "origin\\n"; }
    }
END

sub received {
    my ($server, @ids) = @_;
    my (undef, undef, $body) = http_get($port{$server}, '/', headers =>
        [ map { /^x[-_]/i ? $_ : "X-Request-ID: $_" } @ids ]);
    return [ grep { /^x[-_]request/i } split /\n/, $body ];
}

sub kept {
    my ($got, $id, $name) = @_;
    is_deeply($got, [ "X-Request-ID: $id" ], "kept: $name");
}

sub made {
    my ($got, $name) = @_;
    is(scalar @$got, 1, "made: $name: one line");
    like($got->[0], qr/^X-Request-ID: $uuid$/, "made: $name");
}


# --- what a client sends

made(received('trusted'), 'none was sent');
kept(received(trusted => 'abc'), 'abc', 'from an address that is trusted');
kept(received(trusted => 'x-request-id: abc'), 'abc',
     'and has the configured spelling');
kept(received(trusted => '0'), '0', 'one byte');
kept(received(trusted => 'a' x 128), 'a' x 128, '128 bytes');
kept(received(trusted => 'Az09._~+/=:-'), 'Az09._~+/=:-', 'each kind of byte');
made(received(trusted => 'a' x 129), '129 bytes');
made(received(trusted => ''), 'an empty one');
made(received(trusted => $_), "\"$_\"")
    for 'a b', 'a,b', 'a"b', 'a;b', 'a@b', 'a%20b', "a\tb", "caf\xc3\xa9",
        '{a}', "a'b", '<a>', 'a\\b', '$a', 'a&b', '!';
made(received(trusted => 'abc', 'abc'), 'two lines');
made(received(trusted => 'abc', 'X_Request_ID: def'), 'and two spellings');
made(received(untrusted => 'abc'), 'an address that is not trusted');
made(received(untrusted => 'x_request_id: abc'), 'another spelling');
is_deeply(received(off => 'abc', 'def'),
          [ 'X-Request-ID: abc', 'X-Request-ID: def' ],
          'off leaves the lines as they are');
is_deeply(received('off'), [], 'and adds none');


# --- variables

sub body_of { return (http_get($port{$_[0]}, $_[1], headers => $_[2]))[2] }

like(body_of('trusted', '/id'), qr/^($uuid) \1$/,
     'variables show the id, $http_ as well');
is(body_of('trusted', '/id', [ 'X-Request-ID: abc' ]), 'abc abc',
   "and the client's id");
is(body_of('off', '/id'), '', 'no id where it is off');
is(body_of('trusted', '/trace'), '||', 'no trace where it is off');
is_deeply([ grep { /^x-request/i } split /\n/, body_of('trusted', '/wins') ],
          [ 'x-request-id: mine' ], 'proxy_set_header of the same name replaces it');
is_deeply([ grep { /^x-request/i } split /\n/, body_of('trusted', '/none') ],
          [], 'so does proxy_pass_request_headers off');


# --- response

sub fields_of {
    my ($path, @headers) = @_;
    my ($status, $head) = http_get($port{response}, $path, headers => \@headers);
    return ($status, [ $head =~ /^(x[-_]request[-_]id: .*?)\r?$/mgi ], $head);
}

for (qw( /id=200 /gone=410 /moved=301 /empty=204 /refused=403 /none=200
         /down=502 ))
{
    my ($path, $expected) = split /=/;
    my ($status, $fields) = fields_of($path);
    is($status, $expected, "$path: status");
    is(scalar @$fields, 1, "$path: the client gets one id");
    like($fields->[0], qr/^X-Request-ID: $uuid$/, "$path: which is ours");
}

my ($status, $fields, $head) = fields_of('/', 'X-Request-ID: abc');
is_deeply($fields, [ 'X-Request-ID: abc' ],
          'the response has the id of the client, not that of the upstream server');
like($head, qr/^X-Received: abc\r?$/m, 'which the upstream server has received');

(undef, $head) = http_get($port{trusted}, '/id');
unlike($head, qr/^x-request-id/mi, 'no field without "response"');


# --- order

sub ids_of {
    my ($port, $n) = @_;

    my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die "connect: $!";
    my @ids;
    for (1 .. $n) {
        print $socket "GET /id HTTP/1.1\r\nHost: localhost\r\n\r\n";

        # nginx sends a response as small as this one at once
        sysread $socket, my $answer, 65536 or last;
        push @ids, $answer =~ /^($uuid)\z/m;
    }
    return @ids;
}

my $before = sprintf '%012x', int(Time::HiRes::time() * 1000) - 5000;
my @ids = ids_of($port{response}, 500);
my $after = sprintf '%012x', int(Time::HiRes::time() * 1000) + 5000;

is(scalar @ids, 500, 'ids of 500 requests on one connection');
is_deeply(\@ids, [ sort @ids ], 'ascend');
my %once = map { $_ => 1 } @ids;
is(scalar keys %once, 500, 'and are unique');
my @times = map { s/-//r } map { substr $_, 0, 13 } @ids[0, -1];
ok($before lt $times[0] && $times[-1] lt $after, 'they contain the time');

$nginx->stop;


# --- several workers, and their successors, have bytes of their own

$nginx = start_nginx(workers => 4, port => $port{many}, server => <<"END");
    gateway_request_id X-Request-ID;
    gateway_trace restart;
    location / { return 200 '\$pid \$gateway_request_id \$gateway_traceparent'; }
END

my (%pid, %tail, %span, $n);
for my $round (1 .. 3) {
    for (1 .. 60) {
        my (undef, undef, $body) = http_get($nginx, '/');
        my ($pid, $id, $trace, $span) =
            $body =~ /^(\d+) ($uuid) 00-(\w{32})-(\w{16})-03$/ or next;
        $pid{$pid}++;
        $tail{substr $id, 19}++;
        $span{$span}++;
        $span{$trace}++;
        $n++;
    }
    $nginx->reload;
}
is($n, 180, 'each request of several workers has ids');
cmp_ok(scalar keys %pid, '>=', 3, 'of three workers at least');
is(scalar keys %tail, $n, 'no random bytes of an id were used twice');
is(scalar keys %span, 2 * $n, 'nor those of a trace');

$nginx->stop;

done_testing;
