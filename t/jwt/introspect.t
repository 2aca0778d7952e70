# SPDX-License-Identifier: BSD-2-Clause

# Opaque tokens: the request to the endpoint, what its answers mean, how long
# they are kept, and which tokens are asked about.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP ();
use MIME::Base64 qw( encode_base64 );
use Test::Gateway::Endpoint;
use Test::Gateway::Issuer;
use Test::Gateway::Load;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep time );

my $show = <<'END';
    add_header X-Reason $gateway_auth_reason always;
    add_header X-Status $gateway_jwt_status always;
    add_header X-Sub $gateway_jwt_claim_sub always;
    add_header X-Consumer $gateway_consumer always;
    add_header X-Other $gateway_jwt_claim_other always;
    add_header X-Alg $gateway_jwt_header_alg always;
    add_header X-Payload $gateway_jwt_payload always;
    add_header X-Refused $gateway_jwt_refused_claim_sub always;
END

my $jwks = { 'jwks.json' => jwks('a'), secret => "client:s3cret:x\n",
             revoked => "scope bad\n" };
my $as = endpoint();
my $ask = $as->location('/ask');

sub start {
    my ($server, %arg) = @_;

    $server =~ s/(gateway_jwt (?:api|off))/empty_gif; $1/g;
    return start_nginx(workers => 1, files => $jwks, server => $show . $server,
                       http => 'gateway_jwt_key_fetch timeout=1s;', %arg);
}

# the head of the response to a token

sub head {
    my ($server, $uri, $token) = @_;

    return (http_get($server, $uri,
                     headers => [ "Authorization: Bearer $token" ]))[1];
}

my $id = 0;
sub fresh { join '~', 'u' . ++$id, @_ }


# --- the request, byte by byte

my $issuer = issuer('a');
my $app = origin();
my $asks = $issuer->location('/ask') . <<"END";
    location /api/ {
        gateway_jwt api token=\$http_x_token;
        gateway_jwt_introspect /ask secret_file=secret;
        proxy_pass http://127.0.0.1:@{[ $app->port ]};
    }
    location /none/ {
        gateway_jwt api token=\$http_x_token;
        gateway_jwt_introspect /ask cache=0;
        proxy_pass http://127.0.0.1:@{[ $app->port ]};
    }
END
my $server = start_nginx(workers => 1, files => $jwks, server => $asks);

# without what depends on the version of nginx: HTTP/1.1 is the default of
# proxy_http_version since 1.29.7

sub of_any_version {
    return $_[0] =~ s{HTTP/1\.[01]\r\n}{HTTP/1.x\r\n}r
                 =~ s{^Connection: close\r\n}{}mr;
}

sub exact {
    my ($body, @more) = @_;

    return join "\r\n", 'POST /jwks HTTP/1.x',
                'Host: 127.0.0.1:' . $issuer->port,
                'Content-Length: ' . length $body, 'Accept: application/json',
                'Content-Type: application/x-www-form-urlencoded', @more, '',
                $body;
}

$issuer->answers(body => '{"active":true}');

my @client = ('Cookie: session=1', 'Range: bytes=0-1', 'If-None-Match: "x"',
              'Accept-Encoding: gzip', 'Accept: text/html', 'X-Any: 1',
              'Content-Type: text/plain', 'X-Forwarded-For: 192.0.2.1');

is((http_get($server, '/api/?a=1', method => 'POST', body => 'client=1',
             headers => [ @client, 'X-Token: a+b/c=&token=d%41~ e' ]))[0],
   200, 'a token of special characters, by a POST with fields');
is((http_get($server, '/none/', headers => [ 'X-Token: opaque' ]))[0], 200,
   'a token, without a secret');

my @got = map { of_any_version($_->{head} . $_->{body}) } $issuer->requests;
is($got[0], exact('token=a%2Bb%2Fc%3D%26token%3Dd%2541~%20e',
                  'Authorization: Basic '
                  . encode_base64('client:s3cret:x', '')),
   'nothing of the client, the token is encoded, the secret is sent');
is($got[1], exact('token=opaque'), 'and is not sent without a file');
is(scalar @got, 2, 'one request for each token');

my $new = qr/Basic @{[ encode_base64('client:new', '') ]}\r/;

write_file($server->dir . '/secret', "client:new\r\n");
ok(wait_until(sub {
       http_get($server, '/api/', headers => [ 'X-Token: t' . ++$id ]);
       ($issuer->requests)[-1]{head} =~ $new;
   }, 10), 'a changed file is read');
write_file($server->dir . '/secret', 'no colon');
ok(wait_until(sub { $server->log =~ /secret": has no ":"/ }, 10),
   'a file without a secret is an error');
http_get($server, '/api/', headers => [ 'X-Token: t' . ++$id ]);
like(($issuer->requests)[-1]{head}, $new, 'and changes nothing');
unlike($server->log, qr/s3cret|client:|\QY2xpZW50\E|no colon/,
       'no secret is in the log');
unlike($server->log, qr/u\d+~|a\+b/, 'nor a token');
$server->stop;

{
    local $ENV{TEST_NGINX_LOG_LEVEL} = 'debug';
    $server = start_nginx(workers => 1, files => $jwks, server => $asks);
    is((http_get($server, '/api/', headers => [ 'X-Token: t' . ++$id ]))[0],
       200, 'with a debug log');
    like(($issuer->requests)[-1]{head}, qr/^Authorization: Basic/m,
         'the secret is sent');
    unlike($server->log, qr/s3cret|Y2xpZW50/, 'and is not in the log');
    $server->stop;
}


# --- what is accepted

$server = start($ask . $as->location('/second-ask') . <<'END');
    location /api/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask;
    }
    location /second/ {
        gateway_jwt api;
        gateway_jwt_introspect /second-ask issuer=https://d.example;
    }
    location /only/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask issuer=https://a.example;
    }
    location /signed/ {
        gateway_jwt api;
        gateway_jwt_key_file jwks.json issuer=https://b.example;
        gateway_jwt_introspect /ask issuer=https://c.example;
    }
    location /one/ {
        gateway_jwt api;
        gateway_jwt_issuer https://a.example;
        gateway_jwt_introspect /ask;
    }
    location /aud/ {
        gateway_jwt api;
        gateway_jwt_audience x y;
        gateway_jwt_introspect /ask;
    }
    location /claims/ {
        gateway_jwt api;
        gateway_jwt_require_claim scope any read error=403;
        gateway_jwt_typ at+jwt;
        gateway_jwt_algorithms RS256;
        gateway_jwt_introspect /ask;
    }
    location /revoked/ {
        gateway_jwt api;
        gateway_jwt_revoked revoked;
        gateway_jwt_introspect /ask;
    }
    location /signed-opaque/ {
        gateway_jwt api;
        gateway_jwt_key_file jwks.json;
        try_files /none /opaque-arg/;
    }
    location /opaque-arg/ {
        gateway_jwt api token=$arg_token;
        gateway_jwt_introspect /ask;
    }
    location /optional/ {
        gateway_jwt api;
        gateway_jwt_mode optional;
        gateway_jwt_introspect /ask;
    }
    location /dry/ {
        gateway_jwt api;
        gateway_jwt_mode dry_run;
        gateway_jwt_introspect /ask;
    }
    location /any/ {
        satisfy any;
        allow 127.0.0.1;
        deny all;
        gateway_jwt api;
        gateway_jwt_introspect /ask;
    }
    location /unverified/ {
        gateway_jwt api;
        gateway_jwt_verify off;
        gateway_jwt_introspect /ask;
    }
    location /decode/ {
        gateway_jwt off token=$http_authorization;
    }
    location /to-decode/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask;
        try_files /none /decode/;
    }
    location /to-signed/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask;
        try_files /none /signed/;
    }
    location /to-api/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask;
        try_files /none /api/;
    }
    location /to-only/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask;
        try_files /none /only/;
    }
END

my @rows = (
    # location, words of the token, the answer
    [ '/api/', [], '200' ],
    [ '/api/', [ 'no' ], '401 token_inactive' ],
    [ '/api/', [ 'as:"true"' ], '503 introspection_unavailable' ],
    [ '/api/', [ 'as:1' ], '503 introspection_unavailable' ],
    [ '/api/', [ 'as:null' ], '503 introspection_unavailable' ],
    [ '/api/', [ 'as:none' ], '503 introspection_unavailable' ],
    [ '/api/', [ 'as:true' ], '200' ],
    [ '/api/', [ 'as:false' ], '401 token_inactive' ],

    [ '/api/', [ 'exp+60' ], '200' ],
    [ '/api/', [ 'exp-1' ], '401 expired' ],

    [ '/api/', [ 'iss:z' ], '200' ],
    [ '/api/', [ 'iss:a' ], '200' ],              # bound to this endpoint
    [ '/api/', [ 'iss:b' ], '401 issuer' ],       # to a key file
    [ '/api/', [ 'iss:d' ], '401 issuer' ],       # to another endpoint
    [ '/second/', [ 'iss:d' ], '200' ],
    [ '/only/', [ 'iss:a' ], '200' ],
    [ '/only/', [ 'iss:z' ], '401 issuer' ],
    [ '/only/', [], '401 issuer' ],
    [ '/signed/', [ 'iss:b' ], '401 issuer' ],
    [ '/signed/', [ 'iss:c' ], '200' ],
    [ '/one/', [ 'iss:a' ], '200' ],
    [ '/one/', [ 'iss:z' ], '401 issuer' ],
    [ '/one/', [], '401 issuer' ],

    [ '/aud/', [ 'aud:x' ], '200' ],
    [ '/aud/', [ 'aud:z' ], '401 audience' ],
    [ '/aud/', [], '401 audience' ],
    [ '/claims/', [ 'scope:read' ], '200' ],
    [ '/claims/', [ 'scope:write' ], '403 claim' ],
    [ '/claims/', [ 'no', 'scope:read' ], '401 token_inactive' ],

    [ '/revoked/', [ 'scope:bad' ], '401 revoked' ],
    [ '/revoked/', [ 'scope:good' ], '200' ],

    [ '/optional/', [], '200' ],
    [ '/optional/', [ 'no' ], '401 token_inactive' ],
    [ '/any/', [ 'no' ], '200' ],
    [ '/unverified/', [], '200' ],
    [ '/unverified/', [ 'no' ], '401 token_inactive' ],

    [ '/to-api/', [], '200' ],
    [ '/to-only/', [ 'iss:a' ], '200' ],
    [ '/to-only/', [ 'iss:z' ], '401 issuer' ],
    [ '/to-signed/', [ 'iss:z' ], '401 issuer' ],
    [ '/to-signed/', [], '401 issuer' ],

    [ '/api/', [ 'raw:[]' ], '503 introspection_unavailable' ],
    [ '/api/', [ 'raw:' ], '503 introspection_unavailable' ],
    [ '/api/', [ 'status:401' ], '503 introspection_unavailable' ],
    [ '/api/', [ 'status:500' ], '503 introspection_unavailable' ],
    [ '/api/', [ 'status:204' ], '503 introspection_unavailable' ],
    [ '/api/', [ 'status:302' ], '503 introspection_unavailable' ]
);

for my $row (@rows) {
    my ($uri, $words, $expected) = @$row;
    my $token = fresh(@$words);

    is(reason($server, $uri, $token), $expected, "$uri @$words");
    is(reason($server, $uri, $token), $expected, "$uri @$words, again");
    is($as->asked($token), $expected =~ /^503|expired/ ? 2 : 1, 'requests');
}

is(reason($server, '/optional/', undef), '200', 'no token, optional');
is(status($server, '/any/', undef), 200, 'no token, satisfy any');
is(reason($server, '/api/', undef), '401 missing', 'no token, required');

is(reason($server, '/api/', token(key => 'a', claims => { sub => 'x' })),
   '401 unknown_key', 'a signed token where there are no keys');
is(reason($server, '/api/', unsigned(claims => { sub => 'x' })),
   '401 algorithm_not_allowed', 'an unsigned one');
is(reason($server, '/signed/', token(key => 'a',
                                     claims => { iss => 'https://b.example' })),
   '200', 'a signed token beside introspection');
is(reason($server, '/signed/', token(key => 'a',
                                     claims => { iss => 'https://c.example' })),
   '401 issuer', 'a signed token of the issuer that the endpoint is bound to');
is(reason($server, '/api/', 'a.b.c'), '401 malformed_header', 'three parts');
is($as->asked->{'a.b.c'}, undef, 'are not opaque');
is(reason($server, '/api/', 'a.b.c.d.e'), '200', 'five parts are');

my $head = head($server, '/api/', fresh('no'));
like($head, qr/^WWW-Authenticate: Bearer realm="api", error="invalid_token", /m,
     'the challenge of an inactive token');
$head = head($server, '/api/', fresh('status:500'));
like($head, qr/^Retry-After: 1\r/m, '503 has Retry-After');
unlike($head, qr/^WWW-Authenticate/m, 'and no challenge');

my $seen = fresh('scope:read', 'typ:other');
for my $again ('', ', again') {
    $head = head($server, '/api/', $seen);
    like($head, qr/^X-Sub: u$id\r/m, "a claim$again");
    like($head, qr/^X-Consumer: u$id\r/m, "the consumer$again");
    like($head, qr/^X-Payload: \{.*"sub":"u$id".*\}/m, "the answer$again");
    like($head, qr/^X-Status: verified\r/m, "the status$again");
    unlike($head, qr/^X-(Alg|Other|Refused):/m, "and no header$again");
}
like(head($server, '/aud/', fresh('aud:z')), qr/^X-Refused: u$id\r/m,
     'the claim of a refused token for the log');
unlike(head($server, '/aud/', fresh('aud:z')), qr/^X-Sub:/m, 'not for others');
unlike(head($server, '/api/', fresh('no')), qr/^X-(Sub|Refused):/m,
       'nothing of an inactive token');
$head = head($server, '/to-decode/', fresh());
unlike($head, qr/^X-Sub:/m, 'an opaque token is not decoded elsewhere');

# a signed token in one place, and then an opaque one in another

is((http_get($server, '/signed-opaque/?token=' . fresh('no'),
             headers => [ 'Authorization: Bearer '
                          . token(key => 'a', claims => { sub => 'x' }) ]))[0],
   401, 'an opaque token after an internal redirect');
my @lines = grep { m{/signed-opaque/} } split /\n/, $server->log;
is(scalar(grep { /reason "token_inactive"/ } @lines), 1, 'is refused');
is(scalar(grep { /kid "[^"]/ } @lines), 0, 'without the kid of the first token');

my $dry = fresh('delay:0.3');
my $began = time;
is(reason($server, '/dry/', $dry), '200 introspection_unavailable', 'dry_run');
ok(time - $began < 0.2, 'waits for nothing');
ok(wait_until(sub { reason($server, '/dry/', $dry) eq '200' }, 5),
   'the answer counts once it has come');
is($as->asked($dry), 1, 'one request');
is(reason($server, '/api/', $dry), '200', 'also where it is enforced');

is(() = $server->log =~ /\[error\].*gateway_jwt_introspect "\/ask": /g, 2,
   'failures are logged once, and that it works again');
like($server->log, qr/"\/ask": active is a string, tokens cannot be checked/,
     'the reason');
like($server->log, qr/"\/ask": tokens are checked again/, 'the end');
$server->stop;


# --- how long answers are kept

$server = start($ask . <<'END');
    location /keep/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask;
    }
    location /short/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask cache=1s;
    }
    location /zero/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask cache=0;
    }
    location /zero-twice/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask cache=0;
        try_files /none /zero/;
    }
    location /secret/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask secret_file=secret;
    }
END

my $token = fresh('once');
is(reason($server, '/keep/', $token), '200', 'active') for 1 .. 3;
is($as->asked($token), 1, 'asked once');
is(reason($server, '/zero/', $token), '401 token_inactive', 'cache=0 asks');
is($as->asked($token), 2, 'with a request');
is(reason($server, '/keep/', $token), '200', 'the other answer is kept');

$token = fresh('once');
is(reason($server, '/short/', $token), '200', 'active, for 1 s');
sleep 1.1;
is(reason($server, '/short/', $token), '401 token_inactive', 'not any more');
is($as->asked($token), 2, 'asked twice');

$token = fresh('once', 'exp+1');
is(reason($server, '/keep/', $token), '200', 'expires in 1 s');
sleep 1.1;
is(reason($server, '/keep/', $token), '401 token_inactive',
   'the answer is kept until exp');

$token = fresh();
is(reason($server, '/zero/', $token), '200', 'cache=0') for 1 .. 3;
is($as->asked($token), 3, 'each request asks');

$token = fresh();
is(reason($server, '/zero-twice/', $token), '200', 'an internal redirect');
is($as->asked($token), 1, 'uses the answer of its request');

$token = fresh('no');
is(reason($server, '/zero/', $token), '401 token_inactive', 'inactive, cache=0')
    for 1 .. 2;
is($as->asked($token), 2, 'each request asks');

$token = fresh('no');
is(reason($server, '/keep/', $token), '401 token_inactive', 'inactive')
    for 1 .. 2;
is($as->asked($token), 1, 'asked once');
$began = time;
ok(wait_until(sub { reason($server, '/keep/', $token);
                    $as->asked($token) == 2 }, 8), 'asked again');
cmp_ok(time - $began, '>', 3.5, 'after 5 s');
cmp_ok(time - $began, '<', 6.5, 'and not later');

$token = fresh();
is(reason($server, $_, $token), '200', $_) for qw( /keep/ /secret/ /keep/ );
is($as->asked($token), 2, 'answers to other credentials are not shared');

$token = fresh();
is(reason($server, '/keep/', $token), '200', 'before a reload');
ok($server->reload, 'a reload');
is(reason($server, '/keep/', $token), '200', 'after it');
is($as->asked($token), 2, 'new workers ask');
$server->stop;


# --- waiting

my $hung = origin();
$hung->answer('*', hold => 1);

$server = start("location = /hung { internal;"
                . " proxy_pass http://127.0.0.1:@{[ $hung->port ]}; }\n"
                . $ask . <<'END' =~ s/PORT/$as->port/er, http => <<'END2');
    location /hung/ {
        gateway_jwt api token=$arg_token;
        gateway_jwt_introspect /hung;
        gateway_jwt_introspect /ask;
    }
    location /cached/ {
        gateway_jwt api token=$arg_token;
        gateway_jwt_introspect /store cache=0;
    }
    location = /store {
        internal;
        proxy_cache c;
        proxy_cache_key k;
        proxy_cache_methods POST;
        proxy_cache_valid 200 1h;
        proxy_pass http://127.0.0.1:PORT/ask;
    }
    location /api/ {
        gateway_jwt api token=$arg_token;
        gateway_jwt_introspect /ask;
    }
    location /two/ {
        gateway_jwt api token=$arg_token;
        gateway_jwt_introspect /down cache=0;
        gateway_jwt_introspect /ask;
    }
    location /only-down/ {
        gateway_jwt api token=$arg_token;
        gateway_jwt_introspect /down cache=0;
    }
    location = /down {
        internal;
        proxy_pass http://127.0.0.1:1/;
    }
    location /zero/ {
        gateway_jwt api token=$arg_token;
        gateway_jwt_introspect /ask cache=0;
    }
END
    gateway_jwt_key_fetch timeout=2s;
    proxy_cache_path cached keys_zone=c:1m;
END2

is((http_get($server, '/cached/?token=' . fresh()))[0], 200,
   'an answer that nginx stores');
is((http_get($server, '/cached/?token=' . fresh()))[0], 503,
   'is not used for another token');
like($server->log, qr/"\/store": the response is from a cache, which can have /,
     'the reason is logged');

$token = fresh('delay:0.3');
is(answers(http_many([ map { [ $server->port, "/api/?token=$token" ] }
                       1 .. 100 ])),
   '200:100', '100 requests with one token');
is($as->asked($token), 1, 'one request');

$token = fresh('delay:0.3');
is(answers(http_many([ map { [ $server->port, "/zero/?token=$token" ] }
                       1 .. 100 ])),
   '200:100', '100 requests with one token, cache=0');
is($as->asked($token), 1, 'share the request while it runs');

$began = time;
my ($status) = http_get($server, '/api/?token=' . fresh('hang'));
is($status, 503, 'no answer');
cmp_ok(time - $began, '>=', 1.9, 'after timeout');
cmp_ok(time - $began, '<', 4, 'not later');
ok(wait_until(sub { $as->held == 0 }), 'the request to the endpoint has ended');

$token = fresh();
is((http_get($server, "/hung/?token=$token"))[0], 200,
   'the second endpoint is asked if the first one does not answer');
is($as->asked($token), 1, 'once');

is((http_get($server, '/two/?token=' . fresh()))[0], 200,
   'the second endpoint is asked if the first one fails');
is((http_get($server, '/two/?token=' . fresh('no')))[0], 503,
   'inactive at one, and the other one fails');
is((http_get($server, '/only-down/?token=' . fresh()))[0], 503,
   'connections are refused');
like($server->log, qr/"\/down": connect\(\) failed \(111: Connection refused\)/,
     'the reason is logged');

# the last waiting client leaves

$token = fresh('hang');
my @aborted = http_many([ map { [ $server->port, "/api/?token=$token" ] }
                          1 .. 20 ], abort => 0.3);
is(scalar(grep { $_->{aborted} } @aborted), 20, '20 clients leave');
ok(wait_until(sub { $as->held == 0 }, 1),
   'the request to the endpoint is canceled');
is((http_get($server, '/api/?token=' . fresh()))[0], 200, 'others are served');

# a reload waits for the answers

$token = fresh('delay:0.7');
if (my $pid = fork) {
    sleep 0.2;
    $server->signal('HUP');
    waitpid $pid, 0;
    is($? >> 8, 0, 'requests that wait during a reload are answered');
} else {
    my @all = http_many([ map { [ $server->port, "/api/?token=$token" ] }
                          1 .. 10 ]);
    require POSIX;
    POSIX::_exit(answers(@all) eq '200:10' ? 0 : 1);
}
$server->stop;


# --- signed tokens

$server = start($ask . $as->location('/always') . <<'END');
    location /always/ {
        gateway_jwt api;
        gateway_jwt_key_file jwks.json;
        gateway_jwt_introspect /always when=always;
    }
    location /bound/ {
        gateway_jwt api;
        gateway_jwt_key_file jwks.json issuer=https://a.example;
        gateway_jwt_key_file jwks.json issuer=https://b.example;
        gateway_jwt_introspect /ask issuer=https://a.example when=always;
    }
    location /revoked/ {
        gateway_jwt api;
        gateway_jwt_key_file jwks.json;
        gateway_jwt_revoked revoked;
        gateway_jwt_introspect /ask when=always;
    }
    location /opaque/ {
        gateway_jwt api;
        gateway_jwt_key_file jwks.json;
        gateway_jwt_introspect /ask when=opaque;
    }
END

# the claim "ask" has the words for the endpoint

sub jwt {
    my ($words, %claims) = @_;
    return token(key => 'a', claims => { sub => 's', ask => fresh(@$words),
                                         %claims });
}

for my $row ([ '/always/', jwt([]), '200', 1 ],
             [ '/always/', jwt([ 'no' ]), '401 token_inactive', 1 ],
             [ '/always/', jwt([], exp => time - 10), '401 expired', 0 ],
             [ '/always/', jwt([ 'exp-10' ]), '200', 2 ],
             [ '/always/', jwt([ 'iss:z' ]), '401 token_inactive', 1 ],
             [ '/always/', jwt([ 'status:500' ]),
               '503 introspection_unavailable', 2 ],
             [ '/always/', edited(jwt([]), signature => sub { reverse $_[0] }),
               '401 bad_signature', 0 ],
             [ '/always/', token(key => 'b', claims => { ask => fresh() }),
               '401 unknown_key', 0 ],
             [ '/always/', fresh(), '200', 1 ],
             [ '/always/', fresh('no'), '401 token_inactive', 1 ],
             [ '/bound/', jwt([], iss => 'https://a.example'), '200', 1 ],
             [ '/bound/', jwt([ 'iss:a' ], iss => 'https://a.example'),
               '200', 1 ],
             [ '/bound/', jwt([ 'iss:b' ], iss => 'https://a.example'),
               '401 token_inactive', 1 ],
             [ '/bound/', jwt([], iss => 'https://b.example'),
               '401 issuer', 0 ],
             [ '/revoked/', jwt([], scope => 'bad'), '401 revoked', 0 ],
             [ '/revoked/', jwt([], scope => 'good'), '200', 1 ],
             [ '/opaque/', jwt([ 'no' ]), '200', 0 ],
             [ '/opaque/', fresh('no'), '401 token_inactive', 1 ])
{
    my ($uri, $token, $expected, $asked) = @$row;

    is(reason($server, $uri, $token), $expected, "$uri $expected") for 1 .. 2;
    is($as->asked($token), $asked, "$asked requests");
}

$token = jwt([]);
like(head($server, '/always/', $token), qr/^X-Sub: s\r/m,
     'the claims are those of the token') for 1 .. 2;
like(head($server, '/opaque/', $token), qr/^X-Sub: s\r/m,
     'also where the endpoint is not asked');

$token = jwt([ 'once', 'exp+1' ]);
is(reason($server, '/always/', $token), '200', 'active');
sleep 1.1;
is(reason($server, '/always/', $token), '401 token_inactive',
   'exp of the answer is a bound');
$server->stop;

done_testing;
