# SPDX-License-Identifier: BSD-2-Clause

# Cache poisoning and deception: a client can neither choose what others receive
# nor make the cache store a response that is meant for one client.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Consumer;
use Test::Gateway::Origin;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

my $port = free_port();
my $origin = origin();
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};"
         . ' proxy_set_header Host $http_host;';

my $nginx = start_nginx(port => $port,
    files => { 'consumers.json' => consumers(consumer('alice'),
                                             consumer('bob')) },
    conf => http_conf(http => <<'END', port => $port, server => <<"END2"));
    gateway_cache_zone zone=z:16m;
    gateway_consumers zone=c:1m file=consumers.json;
    merge_slashes off;
END
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    location / { $up }
    location ~ [.](?:css|js)\$ { gateway_cache_ttl 60s; $up }
    location /any/ { gateway_cache_ttl any=60s 400=0; $up }
    location /strip/ { gateway_cache_set_cookie strip; $up }
    location /back/ { gateway_cache_stale background for=1h; gateway_api_key api;
        gateway_identity_headers on; gateway_cache_partition consumer; $up }
    location /fore/ { gateway_cache_stale background for=1h; $up }
    location = /_cache { gateway_cache_admin zone=z from=127.0.0.1; }
    location /rfc/ { gateway_cache_profile rfc9111; $up }
END2

sub get { http_get($nginx, $_[0], headers => [ @_[1 .. $#_] ]) }

sub told {
    my (undef, $head) = @_;
    my ($status) = $head =~ /^X-Status: (\w*)/m;
    my ($reason) = $head =~ /^X-Reason: (\S+)/m;
    return join ' ', grep { length } $status // 'none', $reason // '';
}

sub status { return told(get(@_)) }
sub method { my ($method, $target, @headers) = @_;
             return http_get($nginx, $target, method => $method,
                             headers => [ @headers ]) }

my @fresh = ('Cache-Control: max-age=60');
my @stale = ('Cache-Control: max-age=0');
my $basic = 'Authorization: Basic eDp5';
my ($alice, $bob) = map { 'X-API-Key: ' . api_key($_) } qw( alice bob );
$origin->answer('*', head => [ @fresh ]);
my $n = 0;


# --- deception: a private page whose URL looks like that of a static file

for my $path ('/account;.css', '/account/a.css', '/account%2fa.css', '//a.css',
              '/account%2f..%2fa.css', '/account/..;/a.css', '/account%3fa.css',
              '/account%23a.css', '/account%5ca.css', '/account/%2e%2e/a.css',
              '/account%0a.css', '/a.css/..%2faccount.js')
{
    $origin->answer($path, body => 'private');
    for my $who ('Cookie: session=1', $basic) {
        like(status($path, $who), qr/^MISS (?:no-lifetime|credentials)$/,
             "$path with $who");
    }
    $origin->answer($path, body => 'open');
    is((get($path))[2], 'open', 'others do not receive it');
    is(status($path), 'HIT', 'a response for others is stored');
}


# --- poisoning: the response to an unusual request is not stored

for my $request (
    [ 'a range', 'GET', 206, 'Range: bytes=0-0' ],
    [ 'a range of the whole body', 'GET', 200, 'Range: bytes=0-' ],
    [ 'a range in another unit', 'GET', 200, 'Range: lines=1-2' ],
    [ 'a precondition', 'GET', 412, 'If-Match: "x"' ],
    [ 'another precondition', 'GET', 412,
      'If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT' ],
    [ 'HEAD', 'HEAD', 200 ],
    [ 'a method override', 'GET', 405, 'X-HTTP-Method-Override: DELETE' ],
    [ 'a guarded field', 'GET', 200, 'X-Host: evil' ],
    [ 'two guarded fields', 'GET', 200, 'x-host: evil', 'X-Forwarded-Host: a' ],
    [ 'a field that is too large', 'GET', 431, 'X-Large: ' . 'x' x 4000 ],
    [ 'too many requests', 'GET', 429 ],
    [ 'OPTIONS', 'OPTIONS', 501 ],
    [ 'POST', 'POST', 501 ],
    [ 'a validator', 'GET', 304, 'If-None-Match: "x"' ],
) {
    my ($name, $method, $code, @headers) = @$request;
    my $target = '/odd/' . ++$n;
    $origin->answer($target, { status => $code, size => $code == 304 ? 0 : 3,
                               framing => $code == 304 ? 'none' : 'length',
                               head => [ @fresh ] },
                             { body => 'good', head => [ @fresh ] });
    method($method, $target, @headers);
    is((get($target))[2], 'good', "$name: others do not receive its response");
}

for my $code (400, 413, 414, 431, 501, 503) {
    my $target = '/odd/' . ++$n;
    $origin->answer($target, { status => $code }, { body => 'good' });
    is((get($target, 'X-Large: ' . 'x' x 4000))[0], $code, "status $code");
    is((get($target))[2], 'good', "status $code without lifetime: not stored");
}

$origin->answer("/any/$_", { status => $_ }, { body => 'good' }) for 400, 404;
get("/any/$_") for 400, 404;
is((get('/any/400'))[2], 'good', 'any=60s 400=0: a 400 is not stored');
is((get('/any/404'))[0], 404, 'any=60s 400=0: a 404 is stored');

my $body = raw($nginx, "GET /zero\r\n");
like($body, qr{^1 /zero}, 'HTTP/0.9');
like(raw($nginx, "GET /zero\r\n"), qr/^\d /, 'HTTP/0.9, again');


# --- one URL with many variants does not evict other URLs

status('/one');
$origin->answer('/many', head => [ @fresh, 'Vary: Accept' ]);
my @told = map { status('/many', "Accept: $_") } 1 .. 1000;
is(scalar(grep { $_ eq 'MISS' } @told), 1000, '1000 variants');
is(status('/many', 'Accept: 1000'), 'HIT', 'the last variant is stored');
is(status('/one'), 'HIT', 'another URL stays stored');


# --- a 304 that restricts the stored response

for my $says ('Cache-Control: private', 'Cache-Control: no-store',
              'Cache-Control: max-age=60, private="X-A"',
              'Cache-Control: max-age=60, no-cache="X-A"')
{
    my $target = '/304/' . ++$n;
    $origin->answer($target, etag => '"1"', head => [ @stale, 'X-A: 1' ],
                    not_modified => [ 'ETag: "1"', $says, 'X-A: 2' ]);
    get($target);
    get($target);
    my (undef, $head) = get($target);
    unlike($head, qr/^X-Status: HIT.*^X-A/ms, "a 304 with $says");
}

for my $place ('/strip/', '/odd/') {
    my $target = $place . ++$n;
    $origin->answer($target, etag => '"1"', head => [ @stale ],
        not_modified => [ 'ETag: "1"', @fresh, 'Set-Cookie: a=b' ]);
    get($target);
    get($target);
    unlike((get($target))[1], qr/^Set-Cookie:.*^X-Status: HIT
                                |^X-Status: HIT.*^Set-Cookie/msx,
           "$place a 304 with Set-Cookie");
}


# --- a stale response is sent only to clients that may receive the fresh one

my @error = ('Cache-Control: max-age=0, stale-if-error=60');
my $target = '/odd/' . ++$n;
$origin->answer($target, { head => [ @error ] }, { status => 503 });
status($target);
is((get($target, $basic))[0], 503, 'stale-if-error, with credentials: 503');
is((get($target))[0], 200, 'stale-if-error, without credentials: stale');

$target = '/odd/' . ++$n;
$origin->answer($target, { head => [ 'Cache-Control: max-age=0, '
                                     . 'stale-while-revalidate=60' ] },
                         { body => 'mine' });
status($target);
is((get($target, $basic))[2], 'mine',
   'stale-while-revalidate, with credentials: fetched');

# a refresh in the background uses the identity of the request that starts it

$target = '/back/' . ++$n;
$origin->answer($target, head => [ @stale, 'ETag: "1"' ]);
for my $who ($alice, $bob) {
    is(status($target, $who), 'MISS', 'a consumer: a miss');
    is(status($target, $who), 'STALE', 'a consumer: a refresh starts');
}
wait_until(sub { $origin->count($target) == 4 });
is(join(' ', sort map { field($_, 'X-Consumer-ID') } $origin->requests($target)),
   'alice alice bob bob', 'the refresh is sent for the same consumer');

$target = '/fore/' . ++$n;
$origin->answer($target, { head => [ 'Cache-Control: public, max-age=0',
                                     'ETag: "1"' ] },
                         { body => 'mine', head => [ @fresh ] },
                         { body => 'open', head => [ @fresh ] });
get($target);
is(status($target, $basic), 'STALE', 'a public response, with credentials');
wait_until(sub { $origin->count($target) == 2 });
my %received;
wait_until(sub { $received{(get($target))[2]}++; $received{open} });
ok($received{open}, 'it is refreshed without credentials');
ok(!$received{mine}, 'it is not refreshed by a response for credentials');


# --- POST

for my $who ([], [ $basic ], [ 'Cookie: a=b' ]) {
    $target = '/rfc/' . ++$n;
    $origin->answer($target, body => 'x', head => [ @fresh,
                    "Content-Location: $target" ]);
    method('POST', $target, 'Content-Length: 0', @$who);
    (@$who && $who->[0] eq $basic ? \&isnt : \&is)->(status($target), 'HIT',
        "POST with @{[ @$who, 'nothing' ]}[0]");
}


# --- a cross-site request for a purge

status('/kept');
for my $origin ('https://evil.example', 'null') {
    my ($code) = http_get($nginx, '/_cache', method => 'POST',
        headers => [ "Origin: $origin", 'Content-Type: text/plain' ],
        body => '{"purge":[{"all":true}]}');
    is($code, 403, "Origin: $origin");
    is(status('/kept'), 'HIT', 'nothing is purged');
}

done_testing();
