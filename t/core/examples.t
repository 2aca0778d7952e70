# SPDX-License-Identifier: BSD-2-Clause

# Each configuration of conf.examples is started and exercised: 401 without a
# token, 200 with a good one, 403 if the token does not allow the request, and
# 429 above a limit.

use v5.28;
use warnings;
use lib 't/lib';

use Cwd qw( abs_path );
use JSON::PP ();
use Test::Gateway::Certificate;
use Test::Gateway::Consumer;
use Test::Gateway::Issuer;
use Test::Gateway::Record;
use Test::Gateway::Redis;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

$ENV{PATH} .= ':/usr/sbin:/usr/local/sbin';

my $objs = $ENV{GATEWAY_OBJS} // 'objs';
my $so = abs_path($ENV{GATEWAY_MODULE} // "$objs/ngx_http_gateway_module.so");

my $pepper = 'a pepper of the tests';

our $Temp = join ' ', map { "${_}_temp_path tmp/$_;" }
                      qw( client_body proxy fastcgi uwsgi scgi );

my %exercise = (
    'access.conf'     => \&access,
    'quickstart.conf' => \&quickstart,
    'jwt.conf'        => \&jwt,
    'api-keys.conf'   => \&api_keys,
    'partners-mtls.conf' => \&partners_mtls,
    'saas-plans.conf' => \&saas_plans,
    'redis.conf'      => \&redis,
    'observability.conf' => \&observability,
    'ecommerce.conf'  => \&ecommerce,
    'oidc-issuer.conf' => \&oidc_issuer,
);

# from redis.conf: the user has exactly the permissions of the example
my $acl = 'user gateway ' . CORE::join ' ', slurp('conf.examples/redis.conf')
                            =~ /^# +ACL SETUSER gateway (.*)$/mg;
my $password = 'a-password-of-the-tests';
$acl =~ s/>password/>$password/ or die "no password in $acl";
our $Redis = start_redis(acl => [ $acl ]);

# of oidc-issuer.conf
our $Issuer = issuer('es256');
$Issuer->{origin}->answer('/oauth2/introspect',
    { body => json({ active => \1, sub => 'bob', iss => 'https://id.example',
                     aud => 'https://api.example', exp => time + 600 }) },
    { body => json({ active => \0 }) });

# of partners-mtls.conf, and for what READMEs show
authority('partners-ca');
certificate('server', san => 'DNS:partners.example');
certificate('clients');
certificate('acme', ca => 'partners-ca',
            san => 'URI:spiffe://partners.example/acme');
certificate('first-bank', ca => 'partners-ca');
certificate('left', ca => 'partners-ca', san => 'DNS:gateway.left.example');
certificate('stranger', ca => 'partners-ca');
certificate('forged', san => 'URI:spiffe://partners.example/acme');

for my $file (glob 'conf.examples/*.conf') {
    my ($name) = $file =~ m{([^/]+)\z};

    if (!$exercise{$name}) {
        fail("$name is exercised here");
        next;
    }

    my $server = example($file);
    subtest $name => sub { $exercise{$name}->($server) };
    $server->stop("$name: nothing went wrong unannounced");
}

for my $file ('README.md', glob 'modules/*/*.md') {
    my $n = 0;

    for my $text (slurp($file) =~ /^```nginx\n(.*?)^```$/msg) {
        $n++;
        my ($code, $said) = debian_nginx_t(whole($text), {
            map({ $_ => jwks('es256') }
                $text =~ /gateway_jwt_key_file +(\S+\.json)/g),
            map({ $_ => pem() } $text =~ /gateway_jwt_key_file +(\S+\.pem)/g),
            'jwks.json' => jwks('es256'),
            'consumers.json' => '{"consumers":[]}',
            map({ $_ => "a pepper named $_" } qw( pepper pepper-2026 )),
            map({ $_ => "a password\n" } $text =~ /password_file +(\S+);/g),
            map({ $_ => "id:secret\n" } $text =~ /secret_file=([^;\s]+)/g),
            map({ $_ => "jti 1\n" } $text =~ /gateway_jwt_revoked +(\S+);/g),
            map({ $_ => certificate_pem('server') }
                $text =~ /ssl_trusted_certificate +((?:redis|logs)\S+);/g),
            certificate_files(),
        });
        is($code, 0, "$file, configuration $n") or diag("$text\n$said");
    }
}

ok(index(slurp('README.md'), slurp('conf.examples/quickstart.conf')) > 0,
   'README.md quotes the quickstart');

done_testing;


# A configuration around a part of one: lines that start maps or variables
# belong to http, other directives to a server.

sub whole {
    my ($text) = @_;

    my ($http, $server, $n) = ('', '', 0);

    if ($text =~ /^events/m) {
        $http = $text;
        $http =~ s{modules/ngx_http_gateway_module\.so}{"$so"};
        $http =~ s/^http \{\K/ $Temp/m;
        return $http;
    }

    $text =~ s/^load_module .*\n//m;
    $http .= $1 while $text =~ s/^((?:map|geo) .*?^\}\n)//ms;
    $http .= $1 while $text =~ s/^((?:gateway_cache_zone|proxy_cache_path) .*\n)//m;
    $http .= $1
        while $text =~ s/^(gateway_jwt_(?:claim_set|header_set|token_cache) .*\n)//m;
    $http .= $1 while $text =~ s/^(gateway_(?:consumers|api_key_pepper) .*\n)//m;
    $http .= $1 while $text =~ s/^(gateway_redis .*?^\}\n)//ms;
    $http .= $1 while $text =~ s/^(gateway_limit_zone .*?;\n)//ms;
    $http .= $1 while $text =~ s/^(gateway_log_format .*?^\}\n)//ms;
    $http .= $1 while $text =~ s/^(gateway_metrics_(?:zone|top) .*\n)//m;
    $http .= "gateway_metrics_zone zone=m:64m;\n"
        if "$http$text" =~ /gateway_metrics/ && $http !~ /^gateway_metrics_zone/m;
    $http .= $1 while $text =~ s/^(server \{\n.*?^\}\n)//ms;
    $http .= "gateway_redis of_line_" . ++$n . " { $1 }\n"
        while $text =~ s/^(server [^\s{]+;)\n//m;
    $server = $text;
    $server .= "location /else { gateway_jwt off; }\n";

    $http .= "resolver 127.0.0.1;\n" if $http =~ /^gateway_redis/m;
    $http .= "gateway_consumers zone=c:1m file=consumers.json;\n"
        if $text =~ /gateway_client_certificate|gateway_api_key/
           && $http !~ /^gateway_consumers/m;

    # a level with rules has keys
    $http .= "gateway_jwt_key_file jwks.json;\n"
        if $text !~ /^gateway_jwt_key_file/m;

    # and a rule is in a block with a method that provides groups
    $http .= "gateway_jwt around;\ngateway_jwt_group groups;\n"
        if $text =~ /gateway_(?:jwt_|require_|deny_)/
           && $text !~ /gateway_(?:jwt|api_key) (?!off)/;

    return <<END;
load_module "$so";
events {}
http {
$Temp
$http
server {
listen 127.0.0.1:8080;
$server
}
}
END
}


sub slurp { Test::Gateway::Server::slurp(@_) }


# a public key in PEM

sub pem {
    state $pem = do {
        my $text = `openssl genpkey -algorithm ED25519 | openssl pkey -pubout`;
        die 'openssl made no key' if $?;
        $text;
    };
    return $pem;
}


# An example on a port of this test, with upstreams that answer with their name
# and with what they have received.

sub example {
    my ($file) = @_;

    open my $in, '<', $file or die "$file: $!";
    my $conf = do { local $/; <$in> };
    close $in;

    my ($port, $one, $two) = map { free_port() } 1 .. 3;
    my $redis = $Redis->port;
    my $user = $> == 0 ? "user root;\n" : '';

    my $upstreams = upstream(standard => $one) . upstream(gold => $two);

    $conf =~ s{modules/ngx_http_gateway_module\.so}{"$so"};
    $conf =~ s{/var/log/nginx/}{logs/}g;
    $conf =~ s/^http \{\K/\n    $Temp\n$upstreams/m;
    $conf =~ s{127\.0\.0\.1:8(?:080|443)}{127.0.0.1:$port};
    $conf =~ s{127\.0\.0\.1:9000}{127.0.0.1:$one}g;
    $conf =~ s{127\.0\.0\.1:9001}{127.0.0.1:$two};
    $conf =~ s{127\.0\.0\.1:6379}{127.0.0.1:$redis};
    $conf =~ s{set +\$idp \Kid\.example}{127.0.0.1:@{[ $Issuer->port ]}}g;
    $conf =~ s{https(://\$idp)/oauth2/keys}{http$1/jwks};
    $conf =~ s{https(://\$idp)}{http$1}g;
    $conf =~ s{/etc/ssl/certs/ca-certificates\.crt}{server.crt}g;

    return start_nginx(conf => "$user$conf", port => $port,
                       files => { 'jwks.json' => jwks('es256'),
                                  'consumers.json' => some_consumers(),
                                  'api-keys.json' => known('api-keys.json'),
                                  'saas-plans.json' => known('saas-plans.json'),
                                  'redis.pass' => "$password\n",
                                  'partners-mtls.json' => partners(),
                                  'revoked.txt' => "jti stolen\n",
                                  'idp.secret' => "id:a secret of the tests\n",
                                  certificate_files(),
                                  'pepper' => $pepper });
}


# for quickstart.conf

sub some_consumers {
    return consumers(
        consumer('acme', keys => [ entry('good', scopes => [ 'orders:read' ]) ],
                 jwt => [ { iss => 'https://id.example', sub => 'alice' } ]),
        consumer('poor', keys => [ entry('poor', scopes => [ 'profile' ]) ]));
}


# The consumers of an example, with keys of this test: the digests in the file
# are of unknown keys.

sub known {
    my ($file) = @_;

    my $text = slurp("conf.examples/$file");

    $text =~ s{("id": "([\w-]+)",\s+)"(sha256|hmac_sha256)": "[0-9a-f]{64}"}
              { my $digest = entry($2, $3 eq 'sha256' ? ()
                                       : (pepper => $pepper))->{$3};
                qq($1"$3": "$digest") }ge;
    return $text;
}


# The consumers of partners-mtls.conf, likewise.

sub partners {
    my $text = slurp('conf.examples/partners-mtls.json');

    my %digest = (certificates => certificate_sha256('first-bank'),
                  keys => entry('first-bank-feeds')->{sha256});
    $text =~ s{("(certificates|keys)": \[\s+\{[^\]]*?"sha256": ")[0-9a-f]{64}}
              {$1$digest{$2}}g;
    return $text;
}


sub upstream {
    my ($name, $port) = @_;

    return <<END;
    server {
        listen 127.0.0.1:$port;
        default_type text/plain;
        add_header X-Cost 5;
        return 200 "upstream=$name uri=\$request_uri user=\$http_x_user
roles=\$http_x_roles tenant=\$http_x_tenant
key=\$http_x_api_key id=\$http_x_credential_id of=\$http_x_consumer_id
consumer=\$http_x_consumer_id|\$http_x_consumer_groups|\$http_x_auth_scopes
authorization=\$http_authorization cookie=\$http_cookie.";
    }
END
}


sub partners_mtls {
    my ($server) = @_;

    my $get = sub {
        my ($path, $cert, @headers) = @_;
        my $got = tls($server, path => $path, cert => $cert,
                      sni => 'partners.example', host => 'partners.example',
                      headers => \@headers);
        return wantarray ? @$got{qw( status body )} : $got->{status};
    };

    for my $case ([ acme => 200 ], [ 'first-bank' => 200 ], [ left => 403 ],
                  [ stranger => 403 ], [ forged => 400 ], [ undef, 403 ])
    {
        my ($cert, $expected) = @$case;
        is(scalar $get->('/', $cert), $expected, '/ ' . ($cert // 'nobody'));
    }
    my (undef, $body) = $get->('/', 'acme', 'X-Consumer-ID: mallory');
    like($body, qr/^consumer=acme\|partners\|$/m, 'the upstream receives the consumer');

    is(scalar $get->('/settlements', 'first-bank'), 200, 'a bank');
    is(scalar $get->('/settlements', 'acme'), 403, 'no bank');

    my %token = map { my ($sub, $scope) = @$_;
                      $sub => 'Authorization: Bearer '
                              . token(claims => { iss => 'https://id.example',
                                                  sub => $sub,
                                                  scope => $scope }) }
                [ alice => 'users:read' ], [ bob => 'profile' ],
                [ 'service-acme' => 'users:read' ];
    is(scalar $get->('/users', 'acme'), 401, 'a machine without a user');
    is(scalar $get->('/users', 'acme', $token{alice}), 200, 'and with one');
    is(scalar $get->('/users', 'acme', $token{bob}), 403, 'without the scope');
    is(scalar $get->('/users', 'acme', $token{'service-acme'}), 200,
       'the partner itself');
    is(scalar $get->('/users', 'first-bank', $token{'service-acme'}), 403,
       'another partner');

    is(scalar $get->('/feeds', 'acme'), 200, 'a certificate alone');
    is(scalar $get->('/feeds', undef, 'X-API-Key: '
                                      . api_key('first-bank-feeds')),
       200, 'a key alone');
    is(scalar $get->('/feeds'), 401, 'neither');
    is(scalar $get->('/health'), 200, 'an open location');
}


sub oidc_issuer {
    my ($server) = @_;

    my $token = sub {
        my (%claims) = @_;
        return token(header => { typ => 'at+jwt' },
                     claims => { iss => 'https://id.example', sub => 'alice',
                                 aud => 'https://api.example', %claims });
    };

    is(ask($server, '/'), 401, 'no token');
    my ($status, $head, $body) = ask($server, '/', $token->());
    is($status, 200, 'a token of the provider');
    like($body, qr/ user=alice$/m, 'the upstream receives the user');
    is($Issuer->fetches, 1, 'whose keys were fetched once');

    is(ask($server, '/orders', $token->(scope => 'orders:read')), 200, 'a scope');
    is(ask($server, '/orders', $token->()), 403, 'and without it');
    is(ask($server, '/', $token->(jti => 'stolen')), 401, 'a revoked token');
    is(ask($server, '/', $token->(jti => 'mine')), 200, 'another one');
    is(ask($server, '/', $token->(aud => 'client')), 401, 'another audience');
    is(ask($server, '/', token(claims => { iss => 'https://id.example',
                                           aud => 'https://api.example' })),
       401, 'an ID token');
    is(ask($server, '/idp/keys', $token->()), 404, 'the location is internal');
    is(ask($server, '/health'), 204, 'an open location');
    is($Issuer->fetches, 1, 'still one fetch');

    (undef, undef, $body) = ask($server, '/', 'opaque');
    like($body, qr/ user=bob$/m, 'an opaque token');
    is(ask($server, '/', 'opaque'), 200, 'again');
    is(ask($server, '/', 'garbage'), 401, 'one that the provider does not know');
    is($Issuer->posts, 2, 'the provider was asked once about each');
}


sub bearer { [ 'Authorization: Bearer ' . $_[0] ] }

# status and body of a GET

sub ask {
    my ($server, $path, $token, %arg) = @_;

    $arg{headers} //= bearer($token) if defined $token;
    my ($status, $head, $body) = $server->get($path, %arg);
    return wantarray ? ($status, $head, $body) : $status;
}


sub with { [ 'X-API-Key: ' . api_key($_[0]) ] }


sub observability {
    my ($server) = @_;

    my $sampled = '00-' . 'a' x 18 . 'f' x 14 . '-' . 'b' x 16 . '-01';
    my @id = ('X-Request-ID: from-the-balancer', "traceparent: $sampled",
              'X-Client-Version: 7');
    my ($status, $head) = ask($server, '/orders?a=1&session=canary', undef,
                              headers => [ @{ with('good') }, @id ]);
    is($status, 200, 'a good key');
    like($head, qr/^X-Request-ID: from-the-balancer\r?$/m, 'the id of a trusted client');

    is(scalar ask($server, '/orders', undef, headers => with('unknown')), 401,
       'an unknown key');
    is(scalar ask($server, '/health'), 204, 'a request that is not logged');

    my $records = sub {
        my $file = $server->dir . "/logs/$_[0].json";
        return map { JSON::PP->new->utf8->decode($_) } split /^/, slurp($file);
    };
    ok(wait_until(sub {
           my @all = ($records->('access'), $records->('problems'));
           return @all == 3;
       }, 10), 'a record for each, and another one for the failure');
    my ($good, $refused) = $records->('access');

    is($good->{http}{request}{id}, 'from-the-balancer', 'the id');
    is($good->{trace}{id}, 'a' x 18 . 'f' x 14, 'the trace');
    is($good->{url}{query}, 'a=1&session=REDACTED', 'redacted arguments');
    is($good->{service}{name}, 'orders', 'a field');
    is($good->{client}{ip}, '127.0.0.0', 'a masked address');
    is($good->{gateway}{route}, 'orders', 'the route');
    is($good->{gateway}{consumer} // $good->{user}{name}, 'acme', 'the consumer');
    is($refused->{http}{response}{status_code}, 401, 'a refusal');

    my @problems = $records->('problems');
    is(scalar @problems, 1, 'only the failure');
    is($problems[0]{http}{response}{status_code}, 401, '    is in the other file');
    unlike(slurp($server->dir . '/logs/access.json'), qr/canary|gk_/, 'no secret');
    return;
}


# more of it in t/cache/ecommerce.t

sub ecommerce {
    my ($server) = @_;

    my $did = sub {
        my ($status, $head) = ask($server, @_);
        my ($said) = $head =~ /^Cache-Status: [^;]+; *(hit|fwd)/m;
        return join ' ', $status, $said // ();
    };

    is($did->('/catalogue/42'), '200 fwd', 'a page of the catalogue');
    is($did->('/catalogue/42?utm_source=mail'), '200 hit', 'is stored');
    is($did->('/prices/42'), '200 fwd', 'a price');
    is($did->('/prices/42'), '200 hit', 'is stored');
    is($did->('/prices/42', undef, headers => [ 'Cookie: currency=USD' ]),
       '200 fwd', 'by currency');
    is($did->($_), '200', "$_ is not") for qw( /basket/ /basket/ /account/a );

    is($did->('/partners/42'), '401', 'a partner without a key');
    for my $key (qw( good poor )) {
        is($did->('/partners/42', undef, headers => with($key)), "200 $_",
           "$key: $_") for qw( fwd hit );
    }

    my ($status, undef, $body) = ask($server, '/_cache', undef, method => 'POST',
        body => '{"purge":[{"url":"http://localhost/catalogue/42"}]}');
    is("$status $body", qq(200 {"purged":1}\n), 'a purge');
    is($did->('/catalogue/42'), '200 fwd', 'is fetched again');

    my @records = records($server, 'logs/shop.json', 13);
    is(join(' ', map { $_->{gateway}{cache_status} // '-' } @records[0 .. 5]),
       'MISS HIT MISS HIT MISS -', 'the log');
    return;
}


sub quickstart {
    my ($server) = @_;

    # by a key
    my ($status, $head, $body) = ask($server, '/orders');
    is($status, 401, 'no key');
    like($head, qr{^WWW-Authenticate: Key realm="orders"\r?$}m,
         'no key: the challenge');
    like($head, qr{^Content-Type: application/problem\+json\r?$}m,
         'no key: the media type');
    like($body, qr/"reason":"missing"/, 'no key: the reason');

    ($status, $head, $body) = ask($server, '/orders', undef, headers =>
        [ @{ with('good') }, 'X-Consumer-ID: mallory' ]);
    is($status, 200, 'a good key');
    like($body, qr/^key= id=good of=acme$/m,
         'the upstream receives the consumer, not the key nor the client\'s value');

    ($status, $head, $body) = ask($server, '/orders', undef,
                                  headers => with('poor'));
    is($status, 403, 'a key without the scope');
    like($head, qr/Key error="insufficient_scope".*scope="orders:read"/,
         'the scope that is missing');
    is(scalar ask($server, '/orders', undef, headers => with('unknown')), 401,
       'an unknown key');

    # by a token
    my %claims = (iss => 'https://id.example', sub => 'alice');
    my $alice = token(claims => { %claims, scope => 'orders:read' });
    my $path = '/mobile/orders';

    is(scalar ask($server, $path), 401, 'no token');
    is(scalar ask($server, $path, undef, headers => with('good')), 401,
       'a key is no token');
    ($status, $head, $body) = ask($server, $path, $alice);
    is($status, 200, 'a good token');
    like($body, qr/ of=acme$/m, 'whose subject is a consumer of the file');
    is(scalar ask($server, $path, token(claims => { %claims,
                                                    scope => 'profile' })),
       403, 'a token without the scope');
    is(scalar ask($server, $path,
                  token(claims => { %claims, iss => 'https://other.example',
                                    scope => 'orders:read' })),
       401, 'another issuer');

    # and everything else of the server
    is(scalar ask($server, $_, undef, method => 'OPTIONS'), 401,
       "OPTIONS $_ is not passed by itself") for '/orders', $path;
    is(scalar ask($server, '/'), 401, 'no location is left open');

    # five times: acme has passed twice
    my @left = map { (ask($server, '/orders', undef,
                          headers => with('good')))[1]
                     =~ /^X-RateLimit-Remaining: (\d+)\r?$/m } 1 .. 3;
    is_deeply(\@left, [ 2, 1, 0 ], 'the remaining units, key and token together');
    for ([ 'a key' => '/orders', undef, headers => with('good') ],
         [ 'a token' => $path, $alice ])
    {
        my ($name, @request) = @$_;
        ($status, $head, $body) = ask($server, @request);
        is($status, 429, "$name once more");
        like($head, qr/^Retry-After: [1-6]\r?$/m, "$name: when again");
        like($body, qr/"reason":"rate_exceeded".*"violated-policies":\["orders"\]/,
             "$name: why");
    }
    is(scalar ask($server, $path, token(claims => { %claims, sub => 'bob',
                                                    scope => 'orders:read' })),
       200, 'somebody else is not limited by that');

    # a record of each request, on the standard output
    my @expected = (401, 200, 403, 401, 401, 401, 200, 403, 401, 401, 401, 401,
                    200, 200, 200, 429, 429, 200);
    my @records = records($server, 'logs/stdout', scalar @expected);
    is_deeply([ map { $_->{status} } @records ], \@expected,
              'a record of each request');

    my @names = qw( path consumer credential auth_method auth_reason );
    my $limit = sub { [ { zone => 'orders', result => $_[0],
                          remaining => $_[1] } ] };
    for ([ 0, [ '/orders', undef, undef, undef, 'missing' ], undef ],
         [ 1, [ '/orders', 'acme', 'good', 'api_key', undef ],
           $limit->('PASSED', 4) ],
         [ 2, [ '/orders', 'poor', 'poor', 'api_key', 'insufficient_scope' ],
           undef ],
         [ 6, [ $path, 'acme', undef, 'jwt', undef ], $limit->('PASSED', 3) ],
         [ 15, [ '/orders', 'acme', 'good', 'api_key', undef ],
           $limit->('REJECTED', 0) ])
    {
        my ($i, $told, $limits) = @$_;
        is_deeply([ @{ $records[$i] }{@names} ], $told,
                  "$expected[$i] $told->[0]: who, and why not");
        is_deeply($records[$i]{limits}, $limits,
                  "$expected[$i] $told->[0]: the limit");
    }
    unlike(slurp($server->dir . '/logs/stdout'), qr/gw_|eyJ/,
           'no key and no token in a record');
}


# the header fields of limits: zone => [ value, window or time ] of each

sub limits {
    my ($head) = @_;

    my %told;
    for my $field (qw( RateLimit-Policy RateLimit )) {
        my ($list) = $head =~ /^$field: (.*?)\r?$/m or next;
        $told{$1}{$field} = $2 while $list =~ /"([^"]+)";[qr]=(\d+)/g;
    }
    return { map { $_ => join '/', @{ $told{$_} }{qw( RateLimit
                                                      RateLimit-Policy )} }
             keys %told };
}


sub saas_plans {
    my ($server) = @_;

    my $get = sub { ask($server, $_[0], undef,
                        headers => $_[1] ? with($_[1]) : []) };
    my ($status, $head, $body);

    # the figures of each plan: units left and the maximum
    for ([ 'hooli-1', 10, 1000 ], [ 'initech-1', 41, 100000 ],
         [ 'globex-1', 401, 5000000 ], [ 'acme-1', 401, 20000000 ],
         [ 'monitor-1', 5, 1000 ])
    {
        my ($key, $rate, $month) = @$_;
        ($status, $head) = $get->('/', $key);
        is($status, 200, "/ $key");
        my $told = limits($head);
        like(delete $told->{address}, qr{/1001$}, "/ $key: the address");
        is_deeply($told, { rate => join('/', $rate - 1, $rate),
                           month => join('/', $month - 1, $month) },
                  "/ $key: the figures of the plan");
        like($head, qr/^X-RateLimit-Limit: 10\r?$/m, "/ $key: the least")
            if $key eq 'hooli-1';
    }

    # two keys of one consumer
    (undef, $head) = $get->('/', 'initech-2');
    is(limits($head)->{month}, '99998/100000', 'two keys, one quota');

    # free: ten at once
    is_deeply([ map { scalar $get->('/', 'hooli-1') } 1 .. 10 ],
              [ (200) x 9, 429 ], 'free: ten, and not one more');
    ($status, $head, $body) = $get->('/', 'hooli-1');
    my ($retry) = $head =~ /^Retry-After: (\d+)\r?$/m;
    cmp_ok($retry, '>', 0, 'free: Retry-After');
    cmp_ok($retry, '<=', 60, 'free: a unit a minute');
    is_deeply(limits($head)->{month}, '990/1000',
              'free: a refused request is not charged to the month');
    like($body, qr{^\{"type":"https://iana\.org/assignments/http-problem-types
                    \#quota-exceeded",.*"status":429,.*
                    "violated-policies":\["rate"\]\}$}x, 'free: the body');
    is_deeply([ map { scalar $get->('/', 'initech-1') } 1 .. 12 ],
              [ (200) x 12 ], 'pro: more than ten');

    # costs
    my $used = sub {
        my (undef, undef, $text) = $server->get("/limits?zone=month&key=$_[0]");
        return $text =~ /"used":(\d+)/ ? $1 : $text;
    };
    is($used->('globex'), 1, 'one request');
    is(scalar $get->('/reports', 'globex-1'), 200, 'a report');
    is(wait_until(sub { $used->('globex') == 6 }) ? 6 : $used->('globex'), 6,
       'costs as set by the upstream');
    ($status, $head) = $get->('/exports', 'globex-1');
    is($status, 200, 'an export');
    is($used->('globex'), 106, 'costs a hundred');
    is(limits($head)->{exports}, '1/2', 'and is one of two');

    # anonymous
    is_deeply([ map { scalar $get->('/catalog') } 1 .. 6 ],
              [ (200) x 5, 429 ], 'anonymous: five of an address');
    is(scalar $get->('/catalog', 'initech-1'), 200, 'others are not');
    is(scalar $get->('/'), 401, 'anonymous elsewhere');

    # exempt
    (undef, $head) = $get->('/status', 'monitor-1');
    unlike($head, qr/RateLimit.*"(?:rate|month)"/, 'exempt');
    is_deeply([ map { scalar $get->('/status', 'monitor-1') } 1 .. 6 ],
              [ (200) x 6 ], 'and never refused');
    is(scalar $get->('/status', 'hooli-1'), 429, 'others are');

    # looking and changing
    ($status, undef, $body) = $server->get('/limits?zone=rate&key=hooli');
    is($status, 200, 'the state of a key');
    like($body, qr/"store":"shm"/, 'in shared memory');
    my $post = sub {
        my ($text) = @_;
        return $server->get('/limits', method => 'POST', body => $text);
    };
    is(($post->('{"zone":"rate","key":"hooli","reset":true}'))[0], 200,
       'is reset');
    is(scalar $get->('/', 'hooli-1'), 200, 'and the consumer passes again');
    is(($server->get('/limits?zone=address&key=127.0.0.1'))[0], 404,
       'a zone that the location does not name');

    my $log = wait_until(sub {
        my $text = slurp($server->dir . '/logs/gateway.log');
        $text =~ m{zone=address&key} ? $text : '';
    });
    like($log, qr{"GET\ /\ HTTP/1\.1"\ 429\ consumer="hooli"\ plan="free"
                  \ limit="REJECTED"\ zone="rate"\ left="0"\ of="10"
                  \ reset="\d+"$}xm,
         'the log of a refused request');
    like($log, qr{/status.*consumer="monitor".*limit="BYPASSED"},
         'and of an exempt one');
}


sub redis {
    my ($server) = @_;

    my $other = example('conf.examples/redis.conf');
    my $get = sub { ask($_[0], $_[1], undef, headers => with($_[2])) };
    my ($status, $head, $body);

    # one call for two limits
    my $calls = $Redis->calls;
    ($status, $head) = $get->($server, '/', 'good');
    is($status, 200, 'a request');
    is_deeply([ @{ limits($head) }{qw( api month )} ],
              [ '19/20', '9999/10000' ], 'is counted');
    is($Redis->calls, $calls + 1, 'by one call');
    is_deeply([ sort map { s/\{[0-9a-f]{32}\}/{}/r }
                @{ $Redis->cli('KEYS', '*') } ],
              [ 'gateway:{}:api:g', 'gateway:{}:month:fM' ],
              'with keys that do not contain a consumer');

    # two nodes
    (undef, $head) = $get->($other, '/', 'good');
    is(limits($head)->{api}, '18/20', 'the other node counts on');
    my %passed;
    for my $n (1 .. 20) {
        ($status) = $get->($n % 2 ? $server : $other, '/', 'good');
        $passed{$status}++;
    }
    is_deeply(\%passed, { 200 => 18, 429 => 2 }, 'twenty on both together');

    # the deny cache
    $calls = $Redis->calls;
    ($status, $head) = $get->($server, '/', 'good');
    is($status, 429, 'refused again');
    like($head, qr/^Retry-After: \d+\r?$/m, 'with its time');
    is($Redis->calls, $calls, 'without a call to Redis');

    # reset, for both
    my $text = '{"zone":"api","key":"acme","reset":true}';
    ($status, undef, $body)
        = $server->get('/limits', method => 'POST', body => $text);
    is($status, 200, 'reset');
    like($body, qr/"store":"redis".*"used":0/, 'in Redis');
    is(scalar $get->($server, '/', 'good'), 200, 'the node knows at once');
    is(wait_until(sub { scalar $get->($other, '/', 'good') == 200 }, 10), 1,
       'the other one within five seconds');

    # without Redis
    is(scalar $get->($server, '/payments', 'good'), 200, 'a payment');
    $Redis->stop;
    %passed = ();
    $passed{ scalar $get->($server, '/', 'poor') }++ for 1 .. 12;
    is_deeply(\%passed, { 200 => 10, 429 => 2 }, 'a node admits half');
    ($status, $head, $body) = $get->($server, '/payments', 'good');
    is($status, 503, 'no payment');
    like($head, qr/^Retry-After: 1\r?$/m, 'no payment: when again');
    like($body, qr/"reason":"limit_unavailable"/, 'no payment: why');

    $Redis->start;
    is(wait_until(sub { scalar $get->($server, '/payments', 'good') == 200 },
                  10), 1, 'Redis is found again');

    my $log = wait_until(sub {
        my $text = slurp($server->dir . '/logs/gateway.log');
        $text =~ m{/payments HTTP/1\.1" 200.*/payments HTTP/1\.1" 200}s
            ? $text : '';
    });
    like($log, qr/" 429 limit="REJECTED" zone="api" source="redis" retry="\d+"$/m,
         'the log: refused by Redis');
    for ('" 200 limit="PASSED" zone="api" source="redis" retry="-"',
         '" 429 limit="REJECTED" zone="api" source="deny_cache"',
         '" 200 limit="PASSED" zone="api" source="local"',
         '" 503 limit="ERROR" zone="payments" source="-" retry="1"')
    {
        like($log, qr/\Q$_\E/, "the log: $_");
    }
    unlike($server->log . $log, qr/\Q$password\E/, 'the secret is not logged');
    $other->stop('redis.conf, the other node: nothing went wrong unannounced');
}


sub api_keys {
    my ($server) = @_;

    # every key of the file
    my %keys = ('acme-2026' => 200, 'acme-2025' => 401, 'acme-office' => 401,
                'initech-shop' => 200, 'initech-lost' => 401,
                'umbrella-1' => 403, 'gone-1' => 401);
    is(scalar ask($server, '/', undef, headers => with($_)), $keys{$_}, "/ $_")
        for sort keys %keys;
    is(scalar ask($server, '/'), 401, '/ without a key');

    my (undef, undef, $body) = ask($server, '/', undef, headers =>
                                   with('acme-2026'));
    like($body, qr/^upstream=gold .*\n.* tenant=42\nkey= id=acme-2026 of=acme$/m,
         'plan, metadata and identity reach the upstream, and the key does not');

    # methods and scopes, groups, consumers
    for ([ GET => 'acme-2026', 200 ], [ POST => 'acme-2026', 200 ],
         [ PUT => 'acme-2026', 403 ], [ GET => 'initech-shop', 200 ],
         [ POST => 'initech-shop', 403 ])
    {
        my ($method, $id, $expected) = @$_;
        is(scalar ask($server, '/orders', undef, method => $method,
                      headers => with($id)),
           $expected, "$method /orders $id");
    }
    for my $path ('/reports', '/acme') {
        is(scalar ask($server, $path, undef, headers => with('acme-2026')),
           200, "$path acme");
        is(scalar ask($server, $path, undef, headers => with('initech-shop')),
           403, "$path initech");
    }

    # sources
    my $key = api_key('acme-2026');
    is(scalar ask($server, '/strict', $key), 200, 'a key as Bearer');
    is(scalar ask($server, '/strict', 'x'), 401, 'a key of another format');
    like($server->log, qr/reason "malformed_key"/, 'which is not looked up');
    (undef, undef, $body) = ask($server, "/download?a=1&key=$key&b");
    like($body, qr{ uri=/download\?a=1&b }, 'a key in the query is cut out');
    (undef, undef, $body) = ask($server, '/download', undef, headers =>
                                [ "Cookie: a=1; key=$key; b=2" ]);
    like($body, qr{cookie=a=1; b=2\.$}, 'and one in a cookie');
    (undef, undef, $body) = ask($server, '/old', undef, headers =>
                                with('acme-2026'));
    like($body, qr/^key=\Q$key\E /m, 'gateway_api_key_hide off');

    # a key and a token
    my %of = map { $_ => 'Authorization: Bearer '
                         . token(claims => { sub => $_,
                                             iss => 'https://id.example' }) }
                 qw( alice bob );
    for ([ 'acme-2026', 'alice', 200 ], [ 'initech-shop', 'alice', 403 ],
         [ 'initech-shop', 'bob', 200 ], [ 'unknown', 'alice', 401 ])
    {
        my ($id, $user, $expected) = @$_;
        is(scalar ask($server, '/users', undef,
                      headers => [ @{ with($id) }, $of{$user} ]),
           $expected, "/users $id and the token of $user");
    }
    is(scalar ask($server, '/users', undef, headers => with('acme-2026')), 401,
       '/users without a token');

    # modes and other methods
    is(scalar ask($server, '/metrics'), 401, 'satisfy any: neither');
    is(scalar ask($server, '/metrics', undef, headers => with('acme-2026')),
       200, 'satisfy any: a key');
    is(scalar ask($server, '/catalog'), 200, 'optional: no key');
    is(scalar ask($server, '/catalog', undef, headers => with('unknown')), 401,
       'optional: a bad key');
    is(scalar ask($server, '/trial', undef, headers => with('acme-2025')), 200,
       'dry_run: a bad key');
    like($server->log, qr/would be refused with 401, reason "expired", key/,
         'dry_run: the log');
    is(scalar ask($server, '/health'), 204, 'gateway_api_key off');

    my $log = wait_until(sub {
        my $text = slurp($server->dir . '/logs/gateway.log');
        $text =~ m{/health} ? $text : '';
    });
    like($log, qr{"GET\ /\ HTTP/1\.1"\ 200\ consumer="acme"\ key="acme-2026"
                  \ reason="-"}x, 'the log of a granted request');
    like($log, qr{"GET\ /\ HTTP/1\.1"\ 401\ consumer="-"\ key="-"
                  \ reason="expired"}x, 'the log of a refused one');
    unlike($log . $server->log, qr/gw_(?!<)/, 'no key is logged');
}


# tokens by consumer, scope and groups

sub access {
    my ($server) = @_;

    my $forged = 'X-Consumer-ID: root';
    my %case = (
        '/'        => [ [ 401 ], [ 200, 'acme', '' ],
                        [ 403, 'acme', '', 'suspended' ] ],
        '/orders'  => [ [ 200, 'acme', 'orders:read' ],
                        [ 403, 'acme', 'orders:write' ] ],
        '/admin'   => [ [ 200, 'acme', 'admin', 'x', 'support' ],
                        [ 403, 'acme', 'admin', 'x' ],
                        [ 403, 'acme', 'x', 'support' ] ],
        '/billing' => [ [ 200, 'initech ltd', '' ], [ 403, 'other', '' ] ],
        '/catalog' => [ [ 200 ], [ 200, 'acme', '' ] ],
    );

    for my $path (sort keys %case) {
        for (@{ $case{$path} }) {
            my ($expected, $consumer, $scope, @groups) = @$_;
            my $token = $consumer && token(claims => {
                sub => $consumer, scope => $scope, groups => \@groups });
            my ($status, undef, $body) = ask($server, $path, undef, headers =>
                [ $forged, $token ? @{ bearer($token) } : () ]);

            my $name = "$path for " . ($consumer // 'nobody');
            is($status, $expected, $name);
            my $ours = $consumer ? join '|', $consumer, join(',', @groups),
                                             $scope : '||';
            like($body, qr/^consumer=\Q$ours\E$/m,
                 "$name: what the upstream is told") if $status == 200;
        }
    }

    my $writer = token(claims => { sub => 'acme',
                                   scope => 'orders:write catalog:write' });
    is(scalar ask($server, '/orders', $writer, method => 'POST'), 200,
       'POST /orders with the scope');
    is(scalar ask($server, '/orders', $writer, method => 'PUT'), 403,
       'PUT /orders is allowed for nobody');
    is(scalar ask($server, '/catalog', $writer, method => 'POST'), 200,
       'POST /catalog with the scope');
    is(scalar ask($server, '/catalog', undef, method => 'POST'), 401,
       'POST /catalog without a token');
}


# a token for jwt.conf; undef leaves iat or exp out

sub api_token {
    my (%claims) = @_;

    %claims = (iss => 'https://id.example', aud => [ 'https://api.example' ],
               sub => 'alice', iat => time, exp => time + 600, %claims);
    delete $claims{iat} if !defined $claims{iat};
    return token(claims => \%claims);
}


sub jwt {
    my ($server) = @_;

    my $token = api_token();
    my ($status, $head, $body);

    # required in each location
    is(scalar ask($server, '/'), 401, 'no token');
    is(scalar ask($server, '/', $token), 200, 'a good token');

    for ([ 'another issuer', iss => 'https://other.example' ],
         [ 'another audience', aud => 'https://other.example' ],
         [ 'no exp', exp => undef ],
         [ 'exp a minute ago', exp => time - 60 ],
         [ 'iat a day ago', iat => time - 86400 ],
         [ 'no iat', iat => undef ])
    {
        my ($name, %claims) = @$_;
        is(scalar ask($server, '/', api_token(%claims)), 401, $name);
    }
    is(scalar ask($server, '/', api_token(exp => time - 10)), 200,
       'exp ten seconds ago is within the leeway');

    # what the upstream receives
    $token = api_token(plan => 'gold',
                       'https://id.example/tenant' => { id => 't1' },
                       realm_access => { roles => [ 'a', 'b' ] });
    (undef, undef, $body) = ask($server, '/', $token);
    like($body, qr/^upstream=gold .*user=alice\nroles=a,b tenant=t1$/m,
         'claims choose the upstream and reach it');
    like($body, qr/authorization= cookie=\.$/, 'the token does not');

    # scopes by method
    my $read = api_token(scope => 'orders:read');
    my $write = api_token(scope => [ 'orders:write' ]);
    is(scalar ask($server, '/orders', $read), 200, 'GET with orders:read');
    is(scalar ask($server, '/orders', $write), 403, 'GET without orders:read');
    is(scalar ask($server, '/orders', $write, method => 'POST'), 200,
       'POST with orders:write');
    is(scalar ask($server, '/orders', $read, method => 'POST'), 403,
       'POST without orders:write');

    # two rules
    my %admin = (realm_access => { roles => [ 'admin' ] });
    is(scalar ask($server, '/admin', api_token(%admin,
                  email_verified => JSON::PP::true())), 200, 'both rules met');
    is(scalar ask($server, '/admin', api_token(%admin)), 403, 'one of two');

    # modes
    is(scalar ask($server, '/catalog'), 200, 'optional: no token');
    is(scalar ask($server, '/catalog', 'no.to.ken'), 401,
       'optional: a bad token');
    is(scalar ask($server, '/trial', 'no.to.ken'), 200,
       'dry_run: a bad token');
    like($server->log, qr/would be refused with 401, reason "malformed_header"/,
         'dry_run: the log');

    # other places for a token
    ($status, undef, $body) = ask($server, "/download?a=1&token=$token");
    is($status, 200, 'a token in the query');
    like($body, qr{uri=/download\?a=1 }, 'which the upstream does not see');
    is(scalar ask($server, '/download', $token), 401, 'and nowhere else');

    ($status, undef, $body)
        = ask($server, '/app', undef,
              headers => [ "Cookie: a=1; token=$token" ]);
    is($status, 200, 'a token in a cookie');
    like($body, qr/cookie=a=1\.$/, 'which the upstream does not see');
    ($status, $head) = ask($server, '/app');
    is($status, 302, 'a browser without one');
    like($head, qr{^Location: https://id\.example/login\r?$}m,
         'is sent to log in');

    # other answers
    is(scalar ask($server, '/metrics'), 401, 'satisfy any: neither');
    is(scalar ask($server, '/metrics', $token), 200, 'satisfy any: a token');
    (undef, $head) = ask($server, '/plain');
    like($head, qr{^Content-Type: text/html\r?$}m, 'gateway_error_format off');
    is(scalar ask($server, '/health'), 204, 'gateway_jwt off');

    # the access log
    my $log = wait_until(sub {
        my $text = slurp($server->dir . '/logs/gateway.log');
        $text =~ m{/health} ? $text : '';
    });
    like($log, qr{"GET\ /\ HTTP/1\.1"\ 200\ consumer="alice"\ method="jwt"
                  \ jwt="verified"\ kid="es256"\ reason="-"}x,
         'the log of a granted request');
    like($log, qr{"GET / HTTP/1\.1" 401 .* jwt="absent" .* reason="missing"},
         'the log of a refused one');
    unlike($log, qr/\Q$token\E/, 'no token is logged');
}
