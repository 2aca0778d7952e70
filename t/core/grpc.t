# SPDX-License-Identifier: BSD-2-Clause

# Refusals of gRPC calls on the wire: 200 with grpc-status in a header that ends
# the stream, for each status of a refusal, while variables, filters and logs
# have that status.  grpc_client.t tests the same with a gRPC client.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP ();
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::Gateway::Token;
use Test::More;

my $good = token(claims => { sub => 'alice', scope => 'read' });
my $poor = token(claims => { sub => 'alice', scope => 'x' });

my ($http1, $http2) = (free_port(), free_port());
my $origin = origin();
my $listen = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$http2 http2;"
                                    : "listen 127.0.0.1:$http2; http2 on;";
my $jwt = 'gateway_jwt r; gateway_jwt_key_file jwks.json;'
          . ' gateway_jwt_require_claim scope any read error=403;';

# statuses that gateway_limit_status can name, and their codes
my %code = (400 => 13, 401 => 16, 403 => 7, 404 => 12, 405 => 2, 413 => 2,
            429 => 8, 431 => 2, 500 => 2, 502 => 14, 503 => 14,
            504 => 14, 599 => 2);
my @statuses = sort keys %code;
my $ok = "proxy_pass http://127.0.0.1:$http1/ok;";
my $statuses = join "\n", map {
    "location /status/$_ { gateway_limit zone=spent; gateway_limit_status $_;"
    . ' empty_gif; }' } @statuses;

my $nginx = start_nginx(port => $http1, workers => 1,
    files => { 'jwks.json' => jwks('es256'), 'html/page' => "the page\n" },
    conf => http_conf(port => $http1, workers => 1, http => <<'END', server => <<"END2"));
    log_format line '$request_method $request_uri $status $body_bytes_sent '
                    '"$gateway_auth_reason" $gateway_limit_status';
    gateway_redis down { server 127.0.0.1:1; timeout 1s; }
    gateway_limit_zone $server_port zone=spent:1m rate=0r/d;
    gateway_limit_zone $arg_k zone=one:1m rate=1r/m;
    gateway_limit_zone $arg_k zone=early:1m rate=1r/m stage=early;
    gateway_limit_zone $arg_k zone=down:1m rate=1r/m redis=down on_error=closed;
    gateway_cache_zone zone=c:16m;
END
    $listen
    access_log logs/access.log line;
    gateway_log logs/record.json native flush=0;
    root html;
    add_header X-Status \$status always;
    add_header X-Good 1;
    expires 1h;
    gzip on;
    gzip_min_length 0;
    gzip_types *;
    location / { $jwt $ok }
    location /ok { access_log off; return 200 ok; }
    location /limit { gateway_limit zone=one; $ok }
    location /early { gateway_limit zone=early; $jwt $ok }
    location /closed { gateway_limit zone=down; $ok }
    $statuses
    location /charset { charset utf-8; charset_types *; $jwt empty_gif; }
    location /off { gateway_error_format off; $jwt empty_gif; }
    location /page { error_page 401 /page; }
    location /paged { $jwt error_page 401 403 /page; empty_gif; }
    location /named { $jwt error_page 401 = \@named; empty_gif; }
    location \@named { return 204; }
    location /inner { $jwt error_page 401 /in; empty_gif; }
    location /deny { deny all; empty_gif; }
    location /upstream { proxy_pass http://127.0.0.1:$http1/forward; }
    location /forward { return 401; }
    location /any { satisfy any; $jwt allow 127.0.0.1; deny all; $ok }
    location /post { $jwt post_action /after; $ok }
    location /after { internal; $jwt $ok }
    location /ask { auth_request /asked; $ok }
    location /asked { internal; proxy_pass http://127.0.0.1:$http1/verify;
        proxy_pass_request_body off; proxy_set_header Content-Length ''; }
    location /verify { $jwt $ok }
    location /cached/ { gateway_cache c; $jwt
        proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
END2

my $h2 = Test::Gateway::Streams->new($http2);

# the status of a call and the frames of its answer
sub call {
    my ($path, %arg) = @_;

    my @fields = ([ 'content-type', $arg{type} // 'application/grpc' ],
                  [ te => 'trailers' ]);
    push @fields, [ authorization => "Bearer $arg{token}" ] if $arg{token};
    my $stream = $h2->request($arg{method} // 'POST', $path,
                              $arg{method} ? undef : "\0\0\0\0\0", @fields);
    $h2->open_window($stream);
    $h2->wait(sub { $h2->ended($stream) }) or return 'no answer';

    # RST_STREAM for the rest of the body is ignored
    return join ' ', $h2->status($stream) // '-',
                     $h2->frames($stream) =~ s/ RST_STREAM0$//r;
}

# the header of the answer to a call, with lower-case names; "body" is its body
sub header {
    my ($path, %arg) = @_;

    my ($status, $head, $body) = http_get($nginx, $path,
        method => $arg{method} // 'POST', body => $arg{method} ? undef : 'x',
        headers => [ 'Content-Type: ' . ($arg{type} // 'application/grpc'),
                     $arg{token} ? "Authorization: Bearer $arg{token}" : (),
                     @{ $arg{headers} // [] } ]);
    my %field = $head =~ /^([\w-]+): (.*?)\r?$/mg;
    return { status => $status, body => $body,
             map { lc, $field{$_} } keys %field };
}

sub fields { my ($is, @names) = @_; return join '|', map { $is->{$_} // '-' } @names }

sub logged { Test::Gateway::Server::slurp($nginx->dir . '/logs/access.log') }


# --- every status, over HTTP/2 and HTTP/1.1

is(call('/t'), '200 HEADERS+', '401: the header ends the stream');
is(call('/t', token => $poor), '200 HEADERS+', '403: so it does');

is(fields(header('/t'), qw( status content-type grpc-status grpc-message body )),
   '200|application/grpc|16|no credential was presented|', '401: UNAUTHENTICATED');
is(fields(header('/t', token => $poor),
          qw( status content-type grpc-status grpc-message body )),
   '200|application/grpc|7|the claims of the token do not allow this request|',
   '403: PERMISSION_DENIED');
is(fields(header('/t', token => $good), qw( status grpc-status x-good )),
   '200|-|1', 'a call with a good token passes');
is(call('/t', token => $good), '200 HEADERS DATA+', 'with its body');

for my $status (@statuses) {
    is(call("/status/$status"), '200 HEADERS+', "$status: HTTP/2");
    is(fields(header("/status/$status"), qw( status grpc-status x-status body )),
       "200|$code{$status}|$status|", "$status: its code, and \$status is kept");
}


# --- limits

for my $at ('/limit', '/early') {
    my $token = $at eq '/early' ? $good : undef;
    my $path = "$at?k=$at";
    is(fields(header($path, token => $token), qw( status grpc-status )), '200|-',
       "$at: one passes");

    my $is = header($path, token => $token);
    is(fields($is, qw( status grpc-status grpc-message body )),
       '200|8|the rate limit is exceeded|', "$at: RESOURCE_EXHAUSTED");
    like($is->{'retry-after'} // '', qr/^(?:[1-9]|[1-5]\d|60)$/,
         "$at: with the time until a retry");
    is($is->{'x-ratelimit-remaining'}, 0, "$at: and the fields of limits");
}

is(fields(header('/closed?k=a'), qw( status grpc-status grpc-message )),
   '200|14|the rate limit service is unavailable',
   'on_error=closed: UNAVAILABLE');


# --- what else the header holds

{
    my $is = header('/t');
    is($is->{'www-authenticate'}, 'Bearer realm="r"', 'the challenge stays');
    is($is->{'content-length'}, 0, 'HTTP/1.1 knows the length');
    is($is->{'x-status'}, 401, 'add_header always: $status is the refusal\'s');
    is(fields($is, qw( x-good cache-control expires content-encoding )),
       '-|-|-|-', 'filters for a 200 do not apply');
}

is(header('/charset')->{'content-type'}, 'application/grpc', 'no charset is added');

is(fields(header('/t', headers => [ @$_ ]), qw( status grpc-status body )),
   '200|16|', "conditions and encodings of the request: @$_")
    for [ 'If-None-Match: *' ], [ 'If-Match: "x"' ], [ 'Range: bytes=0-3' ],
        [ 'Accept-Encoding: gzip' ],
        [ 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:01 GMT' ];


# --- media types

for my $type (qw( application/grpc application/grpc+proto application/grpc+json
                  application/grpc-web application/grpc-web+proto
                  application/grpc-web-text application/grpc-web-text+proto ))
{
    is(fields(header('/t', type => $type), qw( status content-type grpc-status )),
       "200|$type|16", "$type is echoed");
    is(call('/t', type => $type), '200 HEADERS+', "$type over HTTP/2");
}

for ([ 'application/grpc;charset=utf-8', 'application/grpc' ],
     [ 'application/grpc+proto ; x=y', 'application/grpc+proto' ],
     [ "application/grpc\t;x", 'application/grpc' ],
     [ 'Application/GRPC', 'Application/GRPC' ])
{
    my ($type, $echo) = @$_;
    is(fields(header('/t', type => $type), qw( status content-type grpc-status )),
       "200|$echo|16", "$type is echoed without parameters");
}

is(fields(header('/t', type => $_), qw( status content-type grpc-status )),
   '401|application/problem+json|-', "$_ is no type of gRPC")
    for qw( application/grp application/grpcx application/grpc/x
            application/grpc.x application/json xapplication/grpc
            text/plain;application/grpc ),
        'application/grpc,application/grpc', 'application/grpc+a"b', "application/grpc+a\xc3\xa9", 'application/grpc x';


# --- methods: only a POST is a call, not a GET of another server

for my $method (qw( GET HEAD PUT OPTIONS )) {
    is(fields(header('/t', method => $method),
              qw( status content-type grpc-status )),
       '401|application/problem+json|-', "$method is no call");
    like(call('/t', method => $method), qr/^401 /, "$method over HTTP/2");
}

is(fields(header('/ask'), qw( status grpc-status )), '401|-',
   'auth_request that forwards the type is refused');
is(header('/ask', token => $good)->{status}, 200, 'and with a token it is not');


# --- other responses

is(fields(header('/off'), qw( status content-type grpc-status www-authenticate )),
   '401|text/html|-|Bearer realm="r"', 'gateway_error_format off: nginx\'s page');
is(fields(header('/paged'), qw( status grpc-status body )), "401|-|the page\n",
   'error_page answers');
is(fields(header('/named'), qw( status grpc-status )), '204|-',
   'error_page with a status of its own');
is(fields(header('/inner'), qw( status grpc-status )), '200|16',
   'an error page that is refused itself');
is(fields(header('/deny'), qw( status grpc-status )), '403|-', 'nginx\'s own 403');
is(fields(header('/upstream'), qw( status grpc-status )), '401|-',
   'a 401 of the upstream server');
is(fields(header('/any'), qw( status grpc-status )), '200|-',
   'satisfy any, granted by address');


# --- a body that is still being sent

{
    my $stream = $h2->begin('POST', '/streaming', [ 'content-type',
                                                    'application/grpc' ]);
    ok($h2->wait(sub { $h2->ended($stream) }), 'a call without its body has an answer');
    $h2->data($stream, 'x' x 1000) for 1 .. 5;
    ok($h2->wait(sub { $h2->frames($stream) =~ /RST/ }), 'its stream is closed');
    is($h2->frames($stream), 'HEADERS+ RST_STREAM0', 'the answer, then NO_ERROR');
    is(call('/t'), '200 HEADERS+', 'the connection goes on');
}

my $one = "POST /h1 HTTP/1.1\r\nHost: localhost\r\n"
          . "Content-Type: application/grpc\r\nContent-Length: 5\r\n";
{
    my $socket = IO::Socket::INET->new("127.0.0.1:$http1") or die "connect: $!";
    print $socket "$one\r\nhello${one}Connection: close\r\n\r\nhello";
    local $/;
    my $said = <$socket>;
    is(join(' ', $said =~ m{^HTTP/1\.1 (\d+)}mg), '200 200',
       'a connection of HTTP/1.1 goes on');
    is(scalar(() = $said =~ /^grpc-status: 16\r$/mg), 2, 'each answer has a status');
}


# --- never stored

is(header('/cached/x')->{'grpc-status'}, 16, 'a refused call at a cached location');
is(header('/cached/x', method => 'GET', token => $good)->{status}, 200,
   'is not what the cache answers with');
is(header('/cached/x')->{'grpc-status'}, 16, 'nor does a hit answer a call');


# --- what is logged

is(header('/post')->{'grpc-status'}, 16, 'a location with post_action');
$h2->close;
$nginx->stop;

my %lines;
for (split /\n/, logged()) {
    push @{ $lines{$2} }, "$1 $3" if /^(\w+) (\S+) (.*)/;
}
is($lines{'/status/404'}[0], 'POST 404 0 "-" REJECTED', 'the log has 404');
is($lines{'/streaming'}[0] =~ s/"missing" .*/"missing"/r, 'POST 401 0 "missing"',
   'and 401 of a stream, with the reason');
is($lines{'/closed?k=a'}[0] =~ s/0 "-".*//r, 'POST 503 ', 'and 503');
is(scalar @{ $lines{'/post'} }, 1, 'post_action: one line');
like($lines{'/post'}[0], qr/^POST 401 /, 'post_action: with 401');

my %records;
for (split /\n/, Test::Gateway::Server::slurp($nginx->dir . '/logs/record.json')) {
    my $is = JSON::PP::decode_json($_);
    $records{$is->{status}}++ if $is->{method} eq 'POST' && $is->{path} !~ m{^/ok};
}
cmp_ok($records{$_} // 0, '>=', 2, "records have $_") for @statuses;

my %count;
$count{$_}++ for logged() =~ /^POST \S+ (\d+)/mg;
is_deeply(\%records, \%count, 'records and access log agree on each status');

done_testing();
