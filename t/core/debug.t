# SPDX-License-Identifier: BSD-2-Clause

# The debug log shows each step of the gateway's decisions about a request, and
# contains no secret.  Compares whole lines, without those of routes.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP ();
use Test::Gateway;
use Test::Gateway::Certificate;
use Test::Gateway::Origin;
use Test::Gateway::Redis;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

plan(skip_all => 'has masters of its own') if $ENV{GATEWAY_MASTER};
plan(skip_all => 'this nginx writes no debug log')
    if `${\ Test::Gateway::Server::binary()} -V 2>&1` !~ /--with-debug/;

authority('a');
certificate('server', ca => 'a', san => 'DNS:localhost');
certificate('acme', ca => 'a', san => 'URI:spiffe://secret-name');
certificate('unknown', ca => 'a');

# what no line may contain: each secret value contains "secret"

my %claims = (sub => 'alice', iss => 'https://secret.example', scope => 'read',
              roles => [ 'secret-role' ]);
my $good = token(claims => \%claims);
my $old = token(claims => { %claims, exp => 1 });
my $other = token(key => 'rs256', claims => \%claims);
my $forged = edited($good, signature => sub { reverse $_[0] });
my ($key, $off, $stranger) = map { api_key($_) } qw( acme off nobody );
my @secret = (qr/secret/i, qr/c2VjcmV0/, map { qr/\Q$_\E/ }
              map({ split /\./ } $good, $old, $other, $forged),
              map({ (split /_/)[-1] } $key, $off, $stranger));

my $origin = origin();
$origin->answer('*', head => [ 'Cache-Control: max-age=600' ]);
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";
my $redis = start_redis(password => 'secret-password');
my ($port, $tls, $traced) = (free_port(), free_port(), free_port());

my $server = start_nginx(
    port => $port,
    files => { 'jwks.json' => jwks('es256'), pass => "secret-password\n",
               revoked => "jti 1\nsub alice\n", spared => "sub bob\n",
               certificate_files(),
               'consumers.json' => consumers(
                   consumer('acme', groups => [ 'partners' ], certificates => [
                       { sha256 => certificate_sha256('acme') } ]),
                   consumer('off', disabled => JSON::PP::true())) },
    conf => http_conf(workers => 1, port => $port,
                      main => 'error_log logs/error.log debug;',
                      http => <<"END", server => <<"END2"));
    gateway_consumers zone=c:1m file=consumers.json;
    gateway_redis fleet {
        server 127.0.0.1:@{[ $redis->port ]};
        password_file pass;
        timeout 3s;
    }
    gateway_limit_zone \$arg_k zone=day:1m rate=2r/d;
    gateway_limit_zone \$arg_k zone=two:1m rate=2r/d;
    gateway_limit_zone \$arg_k zone=early:1m rate=1r/d stage=early;
    gateway_limit_zone \$arg_k zone=slots:1m concurrency=1;
    gateway_limit_zone \$arg_k zone=far:1m rate=1r/d redis=fleet on_error=open;
    gateway_limit_headers off;
    gateway_cache_zone zone=store:1m;
    gateway_jwt_key_file jwks.json;
    gateway_jwt_token_cache off;
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate server.crt;
        ssl_certificate_key server.key;
        ssl_client_certificate a.crt;
        ssl_verify_client optional;
        gateway_client_certificate on;
        location / { empty_gif; }
    }
    server {
        listen 127.0.0.1:$traced;
        gateway_request_id X-Request-ID response;
        gateway_trace propagate;
        location / { $up }
    }
END
    location /jwt { gateway_jwt r; gateway_identity_headers on; $up }
    location /cookie { gateway_jwt r token=\$cookie_session; empty_gif; }
    location /claim { gateway_jwt r; gateway_jwt_require_claim roles any admin;
                      empty_gif; }
    location /require { gateway_jwt r; gateway_jwt_require \$arg_ok; empty_gif; }
    location /revoked { gateway_jwt r; gateway_jwt_revoked spared;
                        gateway_jwt_revoked revoked; empty_gif; }
    location /decode { gateway_jwt off token=\$cookie_session; empty_gif; }
    location /header { gateway_jwt r; gateway_jwt_claim_header X-Iss iss; $up }
    location /key { gateway_api_key k; $up }
    location /args { gateway_api_key k query=key; empty_gif; }
    location /optional { gateway_api_key k; gateway_api_key_mode optional;
                         empty_gif; }
    location /dry { gateway_api_key k; gateway_api_key_mode dry_run; empty_gif; }
    location /any { satisfy any; gateway_jwt r; gateway_api_key k; empty_gif; }
    location /scope { gateway_jwt r; gateway_require_scope method=GET read;
                      empty_gif; }
    location /scopes { gateway_jwt r; gateway_require_scope read write;
                       empty_gif; }
    location /group { gateway_api_key k; gateway_require_group partners;
                      gateway_deny_group partners; empty_gif; }
    location /consumer { gateway_jwt r; gateway_require_consumer bob; empty_gif; }
    location /limit { gateway_limit zone=day; gateway_limit_headers legacy;
                      empty_gif; }
    location /both { gateway_limit zone=two; gateway_limit zone=day cost=2;
                     empty_gif; }
    location /penalty { gateway_limit zone=two penalty;
                        gateway_limit zone=slots; empty_gif; }
    location /dryrun { gateway_limit zone=day dry_run; empty_gif; }
    location /early { gateway_limit zone=early; empty_gif; }
    location /exempt { gateway_limit zone=day; gateway_limit_exempt \$arg_free;
                       empty_gif; }
    location /settle { gateway_limit zone=day cost=2 settle reserve=1; empty_gif; }
    location /redis { gateway_limit zone=far; empty_gif; }
    location /cache { gateway_cache store; $up }
END2

my %name = map { certificate_sha256($_) => $_ } qw( acme unknown );
my $digests = CORE::join '|', keys %name;

# the lines of a request, without figures that depend on the machine, and
# without other work of the worker

sub lines {
    my ($text) = @_;

    my $dir = $server->dir;
    my @lines = $text
        =~ /^\S+ \S+ \[debug\] \d+#\d+: (?:\*\d+ )?(gateway .*)$/mg;
    for (@lines) {
        s/^gateway //;
        s/\Q$dir\E/DIR/g;
        s/replied in \d+ms/replied in Nms/;
        s/wait:\d{4,}ms/wait:Nms/;
        s/ttl:[1-9]\d*$/ttl:N/;
        s/request: [0-9A-F]{8,}$/request: P/;
        s/id "[0-9a-f-]{36}", traceparent "[0-9a-f-]{55}"/id "I", traceparent "T"/;
        s/"($digests)"/"sha256 of $name{$1}"/g;
    }
    my $aside = qr/log: stage|watch|peer|lease|halves|counters|route|cache zone/;
    return grep { !/^$aside/ } @lines;
}


# the status of the request that $code makes, and its lines, once it has ended

sub during {
    my ($code) = @_;

    my $start = length $server->log;
    my $status = $code->();
    my $said;
    wait_until(sub { $said = substr $server->log, $start;
                     $said =~ /close http connection/ }, 20);
    return ($status, lines($said));
}

sub told {
    my ($name, $code, $status, @wanted) = @_;

    my ($is, @lines) = during($code);
    is($is, $status, "$name: status");
    is_deeply(\@lines, \@wanted, "$name: its lines")
        or diag map { "$_\n" } @lines;
}

sub get {
    my ($to, $path, @headers) = @_;
    return sub { (http_get($to, $path, headers => \@headers, timeout => 20))[0] };
}

sub bearer { "Authorization: Bearer $_[0]" }
sub api { "X-API-Key: $_[0]" }

my $challenge = 'header: "WWW-Authenticate" added to the response';
my @place = ('jwt: authenticating', 'source: "Authorization: Bearer", found');
my @token = ('jwt: token of alg "ES256", kid "es256"',
             'jwt: 1 of 1 sources may serve the issuer');
my $verified = 'jwt: key 1 tried: kid "es256" of "DIR/jwks.json", verified';
my @alice = (@token, $verified, 'consumers: none is found by id',
             'identity: method "jwt", consumer "alice", credential "", '
             . 'in consumers file:0');
my @granted = (@place, @alice, 'jwt: granted');
my $empty = 'jwt: variables are empty, 0 bytes for the log';
my @missing = ('jwt: authenticating', 'source: "Authorization: Bearer", missing', $empty,
               'jwt: refused with 401, reason "missing", kid ""');

my @shown = ('api_key: authenticating', 'source: "header x-api-key", found');
my @hidden = ('hide: "header x-api-key"',
              'header: "x-api-key" removed from the request');
my @acme = ('consumers: "acme" is found by sha256, disabled:0',
            'identity: method "api_key", consumer "acme", credential "acme", '
            . 'in consumers file:1', 'api_key: granted');
my @nobody = (@shown, @hidden, 'consumers: none is found by sha256');

sub refused { ($empty, qq{jwt: refused with 401, reason "$_[0]", kid "$_[1]"},
               $challenge) }


# --- methods

my @methods = (
    [ '/jwt', [ bearer($good), 'X-Consumer-ID: secret-name' ], 200,
      'header: "x-consumer-id" removed from the request', @granted,
      'header: "X-Consumer-ID" added to the request',
      'header: "X-Auth-Scopes" added to the request' ],
    [ '/jwt', [ ], 401, @missing, $challenge ],
    [ '/jwt', [ 'Authorization: Basic c2VjcmV0' ], 401, @missing, $challenge ],
    [ '/jwt', [ bearer($old) ], 401, @place, @token, $verified,
      refused('expired', 'es256') ],
    [ '/jwt', [ bearer($other) ], 401, @place,
      'jwt: token of alg "RS256", kid "rs256"',
      'jwt: 1 of 1 sources may serve the issuer', 'jwt: no key fits, named:0',
      refused('unknown_key', 'rs256') ],
    [ '/jwt', [ bearer($forged) ], 401, @place, @token,
      'jwt: key 1 tried: kid "es256" of "DIR/jwks.json", bad_signature',
      refused('bad_signature', 'es256') ],
    [ '/jwt', [ bearer('secret-garbage') ], 401, @place,
      refused('malformed_header', '') ],
    [ '/cookie', [ "Cookie: a=b; session=$good" ], 200, 'jwt: authenticating',
      'source: "cookie session", found', @alice, 'jwt: granted' ],
    [ '/cookie', [ 'Cookie: a=secret' ], 401, 'jwt: authenticating',
      'source: "cookie session", missing', refused('missing', '') ],
    [ '/decode', [ "Cookie: session=$forged" ], 200,
      'jwt: decoding without verification', 'source: "cookie session", found',
      $token[0], 'jwt: decoded:1, reason ""' ],
    [ '/header', [ bearer($good) ], 200, @granted,
      'header: "X-Iss" added to the request' ],
    [ '/claim', [ bearer($good) ], 401, @place, @alice,
      'jwt: rule 1 of 1 on claim "roles" is not met',
      refused('claim', 'es256') ],
    [ '/require?ok=0', [ bearer($good) ], 401, @place, @alice,
      'jwt: condition 1 of 1 is not met', refused('claim', 'es256') ],
    [ '/require?ok=secret', [ bearer($good) ], 200, @place, @alice,
      'jwt: condition 1 of 1 is met', 'jwt: granted' ],

    [ '/revoked', [ bearer($good) ], 401, @place, @token, $verified,
      'jwt: list "DIR/spared" of revoked tokens, found:0',
      'jwt: list "DIR/revoked" of revoked tokens, found:1',
      refused('revoked', 'es256') ],

    [ '/key', [ api($key) ], 200, @shown, @hidden, @acme ],
    [ '/key', [ ], 401, 'api_key: authenticating', 'source: "header x-api-key", missing',
      'api_key: refused with 401, reason "missing", key ""', $challenge ],
    [ '/key', [ api($stranger) ], 401, @nobody,
      'api_key: refused with 401, reason "unknown_key", key "nobody"',
      $challenge ],
    [ '/key', [ api('secret-garbage') ], 401, @nobody,
      'api_key: refused with 401, reason "unknown_key", key ""', $challenge ],
    [ '/key', [ api($off) ], 401, @shown, @hidden,
      'consumers: "off" is found by sha256, disabled:1',
      'api_key: refused with 401, reason "disabled", key "off"', $challenge ],
    [ "/args?key=$key", [ ], 200, 'api_key: authenticating',
      'source: "argument key", found', 'hide: "argument key"', @acme ],
    [ '/optional', [ ], 200, 'api_key: authenticating',
      'source: "header x-api-key", missing',
      'api_key: no credential, which is optional',
      'granted: refusal with reason "missing" is void' ],
    [ '/dry', [ api($stranger) ], 200, @nobody, 'api_key: would be refused with '
      . '401, reason "unknown_key", key "nobody"' ],

    [ '/any', [ bearer($good) ], 200, 'jwt: authenticating', 'hide: method "api_key"',
      @granted[1 .. $#granted] ],
    [ '/any', [ api($key) ], 200, 'jwt: authenticating', 'hide: method "api_key"',
      @hidden, @missing[1 .. $#missing], @shown, @acme,
      'granted: refusal with reason "missing" is void',
      'granted: "gateway_jwt" would have refused with reason "missing"' ],
    [ '/any', [ ], 401, 'jwt: authenticating', 'hide: method "api_key"',
      @missing[1 .. $#missing], 'api_key: authenticating',
      'source: "header x-api-key", missing',
      'api_key: refused with 401, reason "missing", key ""',
      $challenge, $challenge ],

    # rules

    [ '/scope', [ bearer($good) ], 200, @granted,
      'require_scope: rule 1 of 1, all scopes are present' ],
    [ '/scopes', [ bearer($good) ], 403, @granted,
      'require_scope: rule 1 of 1, scope "write" is missing',
      'require_scope: refused with 403, reason "insufficient_scope", consumer '
      . '"alice"', $challenge ],
    [ '/group', [ api($key) ], 403, @shown, @hidden, @acme,
      'require_group: rule 1 of 1, a name matches',
      'deny_group: rule 1 of 1, a name matches',
      'deny_group: refused with 403, reason "group_denied", consumer "acme"' ],
    [ '/consumer', [ bearer($good) ], 403, @granted,
      'require_consumer: rule 1 of 1, no name matches',
      'require_consumer: refused with 403, reason "consumer_not_allowed", '
      . 'consumer "alice"' ],
);

for (@methods) {
    my ($path, $headers, $status, @wanted) = @$_;
    told($path =~ s/\?.*//r . " $status, $wanted[-1]",
         get($port, $path, @$headers), $status, @wanted);
}

my @tls = ('client_certificate: authenticating', 'client_certificate: ssl_verify_client:2, '
           . 'handshake of this server:1, verify result:0');

told('a certificate', sub { tls($tls, cert => 'acme')->{status} }, 200, @tls,
     'client_certificate: read certificate "sha256 of acme" with 1 names',
     'consumers: "acme" is found by certificate, disabled:0',
     'identity: method "client_certificate", consumer "acme", credential '
     . '"sha256 of acme", in consumers file:1', 'client_certificate: granted');
told('an unknown certificate', sub { tls($tls, cert => 'unknown')->{status} }, 403,
     @tls, 'client_certificate: read certificate "sha256 of unknown" with 0 names',
     'consumers: none is found by certificate', 'client_certificate: refused with '
     . '403, reason "unknown_certificate", credential "sha256 of unknown"');
told('no certificate', sub { tls($tls)->{status} }, 403, @tls, 'client_certificate: '
     . 'refused with 403, reason "certificate_missing", credential ""');


# --- limits

sub late { ("limit: stage late, $_[0] limits") }
sub limit { my ($zone, $said, $n, $cost, $left, $wait) = @_;
            return qq{limit: zone "$zone" $said, limit:$n capacity:1 cost:$cost }
                   . "remaining:$left wait:${wait}ms" }
my @figures = map { qq{header: "X-RateLimit-$_" added to the response} }
              qw( Limit Remaining Reset );
my $retry = 'header: "Retry-After" added to the response';
my ($parks, $resumes) = ('parks the request: P', 'resumes the request: P');
my @call = ('redis: "fleet" called, script "decide", keys:1 pending:1', $parks);
my @reply = ('redis: "fleet" replied in Nms, error:0 late:0', $resumes);

my @limits = (
    [ '/limit?k=secret', 200, late(1),
      limit('day', 'passed by shm', 2, 1, 0, 0), @figures ],
    [ '/limit?k=secret', 429, late(1),
      limit('day', 'refused by shm', 2, 1, 0, 'N'), @figures, $retry ],
    [ '/limit', 200, late(1), 'limit: zone "day" does not apply' ],
    [ '/dryrun?k=secret', 200, late(1),
      limit('day', 'would refuse by shm', 2, 1, 0, 'N') ],
    [ '/exempt?k=secret&free=1', 200, late(1), 'limit: the request is exempt' ],
    [ '/both?k=secret', 429, late(2), limit('two', 'passed by shm', 2, 1, 0, 0),
      limit('day', 'refused by shm', 2, 2, 0, -1),
      'limit: zone "two" refunds 1' ],
    [ '/early?k=secret', 200, 'limit: stage early, 1 limits',
      limit('early', 'passed by shm', 1, 1, 0, 0) ],
    [ '/early?k=secret', 429, 'limit: stage early, 1 limits',
      limit('early', 'refused by shm', 1, 1, 0, 'N') ],
    [ '/penalty?k=secret', 200, late(2),
      limit('two', 'passed by shm', 2, 1, 0, 0),
      limit('slots', 'passed by shm', 1, 1, 0, 0) ],
    [ '/settle?k=secret-2', 200, late(1),
      limit('day', 'passed by shm', 2, 1, 0, 0),
      'limit: zone "day" settles 2, reserved 1' ],
    [ '/redis?k=secret', 200, late(1), @call, @reply,
      limit('far', 'passed by redis', 1, 1, 0, 0) ],
    [ '/redis?k=secret', 429, late(1), @call, @reply,
      limit('far', 'refused by redis', 1, 1, 0, 'N') ],
    [ '/redis?k=secret', 429, late(1),
      limit('far', 'refused by deny_cache', 1, 1, 0, 'N') ],
);

# the first call also makes the connection

http_get($port, '/redis?k=secret-first');
for (@limits) {
    my ($path, $status, @wanted) = @$_;
    told("$path $status", get($port, $path), $status, @wanted);
}

$redis->pause;
told('Redis is late', get($port, '/redis?k=secret-3'), 200, late(1), @call,
     'redis: call is late, sent:1 ahead:0 slots:1, timeout', $resumes,
     limit('far', 'passed by open', 1, 1, 0, 0));
$redis->resume;
ok(wait_until(sub { $server->log
                    =~ /gateway redis: "fleet" replied in \d+ms, error:0 late:1/ },
              20), '    and then replies');


# --- cache and trace

told('a miss', get($port, '/cache/a?secret'), 200,
     'cache: action:fetch reason:"" found:0 ttl:0', 'cache: storing:1 reason:""',
     'cache: end of body, reason:""');
told('a hit', get($port, '/cache/a?secret'), 200,
     'cache: action:send reason:"" found:1 ttl:N');
told('a trace', get($traced, '/', 'X-Request-ID: secret-id'), 200,
     'trace: untrusted client, id "I", traceparent "T", parent ""',
     'header: "x-request-id" removed from the request',
     'header: "traceparent" added to the request',
     'header: "X-Request-ID" added to the request',
     'header: "X-Request-ID" added to the response');


# --- no secret in any line of the gateway

my @lines = $server->log =~ /\[debug\] \d+#\d+: (?:\*\d+ )?(gateway.*)$/mg;
cmp_ok(scalar @lines, '>', 300, 'the gateway has written lines');
for my $secret (@secret) {
    is_deeply([ grep { $_ =~ $secret } @lines ], [ ], "none has $secret");
}

$server->stop;

done_testing();
