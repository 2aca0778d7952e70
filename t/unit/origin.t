# SPDX-License-Identifier: BSD-2-Clause

# Test::Gateway::Origin, the origin server of the cache's tests.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Load;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( sleep time );

my $origin = origin();
my $port = $origin->port;

sub get { http_get($port, @_) }

sub lines { join "\n", split /\r\n/, $_[0] }


# --- recorded requests

my ($status, $head, $body) = get('/a?x=1', headers => [ 'X-A: 1', 'x-a:  2 ' ]);
is(lines($head), "HTTP/1.1 200 OK\nContent-Length: 9\nConnection: close",
   'the default answer');
is($body, "1 /a?x=1\n", 'its body');

get('/a');
get('/b', method => 'POST', body => 'text');
get('/b', method => 'PUT', headers => [ 'Transfer-Encoding: chunked' ],
    body => "3;x=1\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");

is($origin->count('/a'), 2, 'requests for a path');
is($origin->count('/a?x=1'), 1, 'requests with a query');
is($origin->count('/none'), 0, 'requests for another path');
is($origin->count, 4, 'all requests');

my ($first, undef, $post, $put) = $origin->requests;
is(join(' ', @$first{qw( method path query n )}), 'GET /a x=1 1',
   'its method, path, query and number');
is(field($first, 'X-A'), '1, 2', 'its fields');
is(field($first, 'X-B'), undef, 'an absent field');
is($post->{body}, 'text', 'a body with a length');
is($put->{body}, 'abcde', 'a body in chunks');
ok($first->{done} && !$first->{aborted}, 'the response was written');


# --- answers

$origin->answer('/s', { status => 200, body => 'one' },
                      { status => 503, reason => 'Busy', body => 'two' });
is_deeply([ map { [ (get('/s'))[0, 2] ] } 1 .. 3 ],
          [ [ 200, 'one' ], [ 503, 'two' ], [ 503, 'two' ] ],
          'in order, and the last one repeatedly');
$origin->answer('/s', body => 'new');
is((get('/s'))[2], 'new', 'an answer that is set later');

$origin->answer('/q?a', body => 'query');
$origin->answer('/q', body => 'path');
is((get('/q?a'))[2] . (get('/q?b'))[2], 'querypath', 'by query, then by path');
$origin->answer('*', status => 404);
is((get('/other'))[0], 404, 'any other path');

my @lines = ('x-Case:  spaced ', 'Set-Cookie: a', 'Set-Cookie: b', 'Bad Line');
$origin->answer('/l', head => \@lines, body => '');
is(lines((get('/l'))[1]), join("\n", 'HTTP/1.1 200 OK', @lines,
                               'Content-Length: 0', 'Connection: close'),
   'lines are sent as given');

$origin->answer('/large', size => 1_000_003);
is((get('/large'))[2], origin_body(1_000_003), 'a large body');
is(substr(origin_body(100), 32, 16), "000000000000020\n", 'each block is its offset');

is((get('/large', method => 'HEAD'))[2], '', 'HEAD has no body');
like((get('/large', method => 'HEAD'))[1], qr/^Content-Length: 1000003\r$/m,
     'HEAD has the length of the body');


# --- framing

$origin->answer('/f', framing => 'chunked', body => 'abcd',
                trailers => [ 'X-T: 1' ]);
is((get('/f'))[2], "4\r\nabcd\r\n0\r\nX-T: 1\r\n\r\n", 'chunks and trailers');
$origin->answer('/f', framing => 'chunked', body => '');
is((get('/f'))[2], "0\r\n\r\n", 'an empty body in chunks');
is((get('/f', method => 'HEAD'))[2], '', 'HEAD in chunks');

$origin->answer('/f', framing => 'close', body => 'abcd');
is(lines(join "\n", (get('/f'))[1, 2]),
   "HTTP/1.1 200 OK\nConnection: close\nabcd",
   'a body that ends with the connection');

$origin->answer('/f', framing => 'none', head => [ 'Content-Length: 3' ],
                body => 'abcd');
is((get('/f'))[2], 'abcd', 'no line is added');

$origin->answer('/f', status => 204);
is(lines((get('/f'))[1]), "HTTP/1.1 204 No Content\nConnection: close",
   '204 has no body');

$origin->answer('/f', body => 'x',
                interim => "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n");
like((get('/f'))[2], qr{^HTTP/1.1 200 OK\r\n.*\r\n\r\nx$}s,
     'an interim response');

for my $framing (qw( length chunked close )) {
    $origin->answer('/f', framing => $framing, size => 100, truncate => 40);
    my $part = (get('/f'))[2] =~ s/^28\r\n//r;
    is($part =~ s/\r\n$//r, origin_body(40), "truncated, $framing");
}
ok(!($origin->requests('/f'))[-1]{done}, 'the response was not written completely');


# --- keepalive connections

sub connection {
    return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
           || die "connect: $!";
}

sub until_end {
    my ($socket) = @_;

    my $text = '';
    1 while sysread $socket, $text, 65536, length $text;
    return $text;
}

$origin->answer('/k', { body => 'one' },
                { framing => 'chunked', body => 'two' }, { body => 'end' });
my $socket = connection();
print $socket map({ "GET /k HTTP/1.1\r\nHost: a\r\n\r\n" } 1, 2),
              "GET /k HTTP/1.0\r\n\r\n";
is(join('|', until_end($socket) =~ /(one|two|end)/g), 'one|two|end',
   'three requests at once');

$origin->answer('/k', framing => 'close', size => 100_000, truncate => 50_000,
                reset => 1);
$socket = connection();
print $socket "GET /k HTTP/1.1\r\nHost: a\r\n\r\n";
$! = 0;
until_end($socket);
ok($!{ECONNRESET}, 'a connection that is reset');


# --- conditions and ranges

my $lm = 'Wed, 01 Jan 2020 00:00:00 GMT';
$origin->answer('/v', body => '0123456789', etag => '"a"', modified => $lm,
                head => [ 'X-H: 1' ], not_modified => [ 'X-H: 2' ],
                ranges => 1);

for ([ 200, 'X-N: 1' ],
     [ 304, 'If-None-Match: "a"' ], [ 304, 'If-None-Match: "b", W/"a"' ],
     [ 304, 'If-None-Match: *' ], [ 200, 'If-None-Match: "b"' ],
     [ 304, "If-Modified-Since: $lm" ],
     [ 304, 'If-Modified-Since: Wed, 01 Jan 2020 00:00:01 GMT' ],
     [ 200, 'If-Modified-Since: Tue, 31 Dec 2019 23:59:59 GMT' ],
     [ 200, 'If-None-Match: "b"', "If-Modified-Since: $lm" ])
{
    my ($expected, @fields) = @$_;
    is((get('/v', headers => \@fields))[0], $expected, "@fields: $expected");
}
is(lines((get('/v', headers => [ 'If-None-Match: "a"' ]))[1]),
   "HTTP/1.1 304 Not Modified\nX-H: 2\nETag: \"a\"\nLast-Modified: $lm\n"
   . 'Connection: close', 'lines of a 304');

for ([ 206, '0-1', '01', '0-1' ], [ 206, '8-', '89', '8-9' ],
     [ 206, '-3', '789', '7-9' ], [ 206, '-30', '0123456789', '0-9' ],
     [ 206, '9-20', '9', '9-9' ], [ 416, '10-', '', '*' ],
     [ 416, '-0', '', '*' ], [ 200, '0-1,3-4', '0123456789' ])
{
    my ($expected, $range, $part, $content) = @$_;
    my ($code, $fields, $text) = get('/v',
                                     headers => [ "Range: bytes=$range" ]);

    is("$code $text", "$expected $part", "range $range");
    is($fields =~ m{^Content-Range: bytes (.*)/10\r$}m ? $1 : undef, $content,
       "range $range: Content-Range");
}
is((get('/v', headers => [ 'Range: bytes=0-1', "If-Range: $_->[0]" ]))[0],
   $_->[1], "If-Range: $_->[0]")
    for [ '"a"', 206 ], [ $lm, 206 ], [ '"b"', 200 ];


# --- time

sub seconds {
    my ($path) = @_;

    my $start = time;
    my ($code, undef, $text) = get($path);
    return (time - $start, "$code $text");
}

$origin->answer('/t', delay => 0.2, body => 'x');
my ($time, $answer) = seconds('/t');
cmp_ok($time, '>=', 0.19, 'a delay before the head');
is($answer, '200 x', 'then the response');

$origin->answer('/t', pause => 0.2, after => 1, body => 'xyz');
$socket = connection();
print $socket "GET /t HTTP/1.0\r\n\r\n";
my ($text, $start) = ('', time);
sysread $socket, $text, 65536, length $text while $text !~ /\r\n\r\nx/;
like($text, qr/\r\n\r\nx$/, 'a body up to its pause');
is(until_end($socket), 'yz', 'and after it');
cmp_ok(time - $start, '>=', 0.19, 'the pause');


# --- many requests at once, held until the test releases them

my $n = 250;
$origin->answer('/h', hold => 1, body => 'go');
$origin->answer('/x', hold => 1);

defined(my $pid = fork) or die "fork: $!";
if (!$pid) {
    my @many = http_many([ map { [ $port, '/h' ] } 1 .. $n ]);
    POSIX::_exit((grep { $_->{body} eq 'go' } @many) == $n ? 0 : 1);
}

wait_until(sub { $origin->held('/h') == $n });
is($origin->held('/h'), $n, "$n requests wait");
is($origin->held('/x'), 0, 'none of another path');
cmp_ok($origin->connections, '>=', $n, 'each has a connection');
$origin->release('/h');
waitpid $pid, 0;
is($?, 0, 'all of them get their response');
is((get('/h'))[2], 'go', 'a later request does not wait');


# --- a client that leaves

$socket = connection();
print $socket "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
ok(wait_until(sub { $origin->held('/x') == 1 }), 'a response waits');
close $socket;
ok(wait_until(sub { ($origin->requests('/x'))[0]{aborted} }),
   'the client has left');
is($origin->held('/x'), 0, 'no response waits for it');


# --- two origins, forget() and stop()

my $second = origin();
$second->answer('/a', body => 'second');
is((http_get($second->port, '/a'))[2], 'second', 'another origin');

$origin->forget;
is($origin->count, 0, 'forget() deletes the counts');
is((get('/s'))[2], "1 /s\n", 'forget() deletes the answers');

$origin->stop;
is((get('/s'))[0], 0, 'stop() ends the process');
is((http_get($second->port, '/a'))[0], 200, 'the other origin continues');

done_testing;
