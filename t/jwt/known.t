# SPDX-License-Identifier: BSD-2-Clause

# Verified tokens that are remembered.  The answers are the same with and without
# the table, and for a token that is in it or not: the same cases run cold and
# warm.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use IO::Socket::INET;
use Test::Gateway::Issuer;
use Test::More;
use Time::HiRes qw( sleep time );

BEGIN { $Test::Gateway::More = 1 }

plan(skip_all => 'has masters of its own') if $ENV{GATEWAY_MASTER};

my $debug = `${\ Test::Gateway::Server::binary()} -V 2>&1` =~ /--with-debug/;
my $asan = ($ENV{TEST_NGINX_BINARY} // '') =~ m{/asan/};

my $server;

# A location that reports its verdict in X-At.

my $at = join '|', map { "\$gateway_$_" }
         qw( jwt_status auth_reason consumer jwt_claim_sub jwt_claim_deep
             jwt_header_kid jwt_refused_claim_sub );

sub at {
    my ($uri, @lines) = @_;
    return "location $uri { add_header X-At '$at|\$inner|\$own' always;"
           . " add_header X-Payload \$gateway_jwt_payload always;"
           . " add_header X-Other \$other always; @lines }\n";
}

sub jwt { map { "gateway_jwt r;" . " gateway_jwt_key_file $_;" } $_[0] }

sub also { map { "gateway_jwt_key_file $_;" } @_ }

my $gif = 'empty_gif;';

sub set_of {
    my ($name, $kid) = @_;
    return json({ keys => [ { %{ public_jwk($name) }, kid => $kid } ] });
}

my %files = (
    'a.json' => jwks('a'), 'b.json' => jwks('b'), 'hs.json' => jwks('hs256'),
    'rs.json' => jwks('rs256'),
    'fake.json' => set_of('b', 'a'),        # another key of the same name
    'type.json' => set_of('rs256', 'a'),    # a key of another type, too
    'bound.json' => jwks('c'), 'open.json' => jwks('c'),
    'iss.json' => jwks('i'), 'any.json' => jwks('i'),
    'watched.json' => jwks('a'),
);

my $c = 'issuer=https://c';
my $echo = free_port();

my $locations = CORE::join '',
    at('/a', jwt('a.json'), $gif),
    at('/b', jwt('b.json'), $gif),
    at('/ab', jwt('a.json'), also('b.json'), $gif),
    at('/fake', jwt('fake.json'), $gif),
    at('/type', jwt('type.json'), $gif),
    at('/bound', jwt("bound.json $c"), $gif),
    at('/open', jwt('open.json'), $gif),
    at('/both', jwt('open.json'), also("bound.json $c"), $gif),
    at('/hs', jwt('hs.json'), $gif),
    at('/hs_es', jwt('hs.json'), also('a.json'), $gif),
    at('/hs_not', jwt('hs.json'), 'gateway_jwt_algorithms HS512;', $gif),
    at('/hs_yes', jwt('hs.json'), also('a.json'),
       'gateway_jwt_algorithms HS256 ES256;', $gif),
    at('/rs_not', jwt('a.json'), 'gateway_jwt_algorithms RS256;', $gif),
    at('/iss', jwt('iss.json'), 'gateway_jwt_issuer https://i;', $gif),
    at('/any', jwt('any.json'), $gif),
    at('/aud', jwt('a.json'), 'gateway_jwt_audience api;', $gif),
    at('/aud_not', jwt('a.json'), 'gateway_jwt_audience other;', $gif),
    at('/typ', jwt('a.json'), 'gateway_jwt_typ at+jwt;', $gif),
    at('/age', jwt('a.json'), 'gateway_jwt_max_age 60s;', $gif),
    at('/rule', jwt('a.json'), 'gateway_jwt_require_claim role any admin;',
       $gif),
    at('/role', jwt('a.json'), 'gateway_jwt_require_claim deep.role any user;',
       $gif),
    at('/few', jwt('a.json'), 'gateway_jwt_max_size 4k;', $gif),
    at('/short', jwt('a.json'), 'gateway_jwt_max_size 100;', $gif),
    at('/off', 'gateway_jwt r; gateway_jwt_verify off;', $gif),
    at('/decode', 'gateway_jwt off token=$http_x;', $gif),
    at('/optional', jwt('b.json'), 'gateway_jwt_mode optional;', $gif),
    at('/dry', jwt('b.json'), 'gateway_jwt_mode dry_run;', $gif),
    at('/scope', jwt('a.json'), 'gateway_jwt_consumer deep.role;', $gif),
    at('/to_a', jwt('a.json'), 'try_files /none /a;'),
    at('/to_b', jwt('a.json'), 'try_files /none /b;'),
    at('/to_few', jwt('a.json'), 'try_files /none /few;'),
    at('/to_off', jwt('a.json'), 'try_files /none /off;'),
    at('/to_aud', jwt('a.json'), 'try_files /none /aud_not;'),
    at('/from_off', 'gateway_jwt r; gateway_jwt_verify off;',
       'try_files /none /b;'),
    at('/from_off_a', 'gateway_jwt r; gateway_jwt_verify off;',
       'try_files /none /a;'),
    at('/up', jwt('a.json'),
       'gateway_jwt_claim_header X-Sub sub;',
       'gateway_jwt_claim_header X-Deep deep json;', 'gateway_jwt_hide on;',
       "proxy_pass http://127.0.0.1:$echo;"),
    at('/watched', jwt('watched.json watch=50ms'), $gif),
    at('/late', jwt('a.json'), 'gateway_jwt_leeway 60s;', $gif);

my $http = <<END;
    gateway_jwt_claim_set \$inner deep role;
    gateway_jwt_header_set \$own own;
    gateway_jwt_claim_set \$other other;
    server {
        listen 127.0.0.1:$echo;
        return 200 "\$http_x_sub|\$http_x_deep|\$http_authorization";
    }
END

sub start {
    my ($cache, %more) = @_;

    my $level = $debug ? 'debug' : 'info';
    return $server = start_nginx(
        workers => 1, files => \%files,
        main => "error_log logs/error.log $level;",
        http => "gateway_jwt_token_cache $cache; $http" . ($more{http} // ''),
        server => $locations . ($more{server} // ''));
}

# status, reason in X-At and the rest of it, payload, body

sub answer {
    my ($uri, $token) = @_;

    my ($status, $head, $body) = $server->get($uri, headers =>
        [ "Authorization: Bearer $token", "X: $token" ]);
    my ($said) = $head =~ /^X-At: (.*?)\r?$/m;
    my ($payload) = $head =~ /^X-Payload: (.*?)\r?$/m;
    my ($other) = $head =~ /^X-Other: (.*?)\r?$/m;
    return CORE::join "\n", $status, map({ $_ // '-' } $said, $payload, $other),
                            $uri eq '/up' ? $body : ();
}

# how often a line was logged since the last call

my $seen;

sub marked { $seen = length $server->log; return }

sub logged {
    my ($pattern) = @_;
    return scalar(() = substr($server->log, $seen) =~ /$pattern/g);
}

# what the module logs of a request in debug logs

sub steps {
    my $dir = $server->dir;
    return [ map { s/\Q$dir\E/DIR/r }
             substr($server->log, $seen) =~ /gateway jwt: (.*)$/mg ];
}

my $known = qr/token is known and verified/;
my $tried = qr/key \d+ tried/;

# in debug logs: how often a token was taken from the table, and verified

sub is_work {
    my ($hits, $verified, $name) = @_;

    SKIP: {
        skip 'this nginx writes no debug log', 1 if !$debug;
        is(CORE::join('+', logged($known), logged($tried)), "$hits+$verified",
           $name);
    }
    return marked();
}


# --- tokens, and a location that accepts each

my %claims = (sub => 'alice', iss => 'https://d', aud => [ 'api' ], iat => 1e9,
              deep => { role => [ 'user', 'x' ], z => "\x{e9}" },
              other => 1.5);

my %token = (
    a => token(key => 'a', claims => \%claims, header => { own => 'mine' }),
    b => token(key => 'b', claims => { sub => 'bob' }),
    bound => token(key => 'c', claims => { sub => 'carol',
                                           iss => 'https://c' }),
    open => token(key => 'c', claims => { sub => 'carol',
                                          iss => 'https://d' }),
    bare => token(key => 'c', claims => { sub => 'carol' }),
    iss => token(key => 'i', claims => { sub => 'ida', iss => 'https://i' }),
    any => token(key => 'i', claims => { sub => 'ida', iss => 'https://j' }),
    hs => token(key => 'hs256', claims => { sub => 'henry' }),
    many => token(key => 'a', payload => '{"exp":9999999999,"sub":"mary","x":['
                  . CORE::join(',', (0) x 1100) . ']}'),
);

my %home = (a => '/a', b => '/b', bound => '/bound', open => '/open',
            bare => '/open', iss => '/iss', any => '/any', hs => '/hs',
            many => '/a');

# name, location, token, status, reason (of a refusal; "*": accepted without a
# verification), number of locations that verify (1)

my @cases = (
    [ 'the same location', '/a', 'a', 200 ],
    [ 'another set, without the key', '/b', 'a', 401, 'unknown_key' ],
    [ 'the neighbour', '/b', 'b', 200 ],
    [ 'and the other way round', '/a', 'b', 401, 'unknown_key' ],
    [ 'both sets', '/ab', 'a', 200 ],
    [ 'both sets, the second', '/ab', 'b', 200 ],
    [ 'a set with another key of this name', '/fake', 'a', 401,
      'bad_signature' ],
    [ 'a set with a key of another type', '/type', 'a', 401, 'key_mismatch' ],

    [ 'a bound key', '/bound', 'bound', 200 ],
    [ 'its issuer at an open key', '/open', 'bound', 401, 'issuer' ],
    [ 'another issuer at the open key', '/open', 'open', 200 ],
    [ 'and at the bound one', '/bound', 'open', 401, 'issuer' ],
    [ 'no issuer at the open key', '/open', 'bare', 200 ],
    [ 'and at the bound one', '/bound', 'bare', 401, 'issuer' ],
    [ 'a bound and an open key', '/both', 'bound', 200 ],
    [ 'a bound and an open key, no issuer', '/both', 'bare', 200 ],

    [ 'HS256 with secrets alone', '/hs', 'hs', 200 ],
    [ 'HS256 beside a public key', '/hs_es', 'hs', 401,
      'algorithm_not_allowed' ],
    [ 'HS256 beside a public key, allowed', '/hs_yes', 'hs', 200 ],
    [ 'another HMAC is allowed', '/hs_not', 'hs', 401,
      'algorithm_not_allowed' ],
    [ 'ES256 is not allowed', '/rs_not', 'a', 401, 'algorithm_not_allowed' ],

    [ 'the issuer', '/iss', 'iss', 200 ],
    [ 'another issuer', '/iss', 'any', 401, 'issuer' ],
    [ 'the issuer of another location', '/any', 'iss', 401, 'issuer' ],
    [ 'the audience', '/aud', 'a', 200 ],
    [ 'another audience', '/aud_not', 'a', 401, 'audience' ],
    [ 'typ', '/typ', 'a', 401, 'typ' ],
    [ 'the age', '/age', 'a', 401, 'too_old' ],
    [ 'a rule', '/rule', 'a', 401, 'claim' ],
    [ 'a rule that is met', '/role', 'a', 200 ],
    [ 'a consumer of another claim', '/scope', 'a', 200 ],

    [ 'fewer values, another key', '/few', 'b', 401, 'unknown_key' ],
    [ 'fewer values than the token has', '/few', 'many', 401,
      'malformed_payload' ],
    [ 'less size', '/short', 'a', 401, 'too_large' ],

    [ 'verification is off', '/off', 'a', 200, '*' ],
    [ 'decoding', '/decode', 'a', 200, '*' ],
    [ 'optional', '/optional', 'a', 401, 'unknown_key' ],
    [ 'a dry run', '/dry', 'a', 200, '*' ],

    [ 'redirect to the same file', '/to_a', 'a', 200, '', 2 ],
    [ 'redirect to others', '/to_b', 'a', 401, 'unknown_key' ],
    [ 'redirect to fewer values', '/to_few', 'many', 401,
      'malformed_payload' ],
    [ 'redirect to no verification', '/to_off', 'a', 200, '*' ],
    [ 'redirect to another audience', '/to_aud', 'a', 401, 'audience' ],
    [ 'redirect from no verification to others', '/from_off', 'a', 401,
      'unknown_key' ],
    [ 'redirect from no verification', '/from_off_a', 'a', 200, '*' ],
    [ 'the header fields of the upstream', '/up', 'a', 200 ],
);

my %cold;

for my $cache (qw( off 4m )) {
    start($cache);

    for my $case (@cases) {
        my ($name, $uri, $key, $status, $reason, $n) = @$case;
        my $free = ($reason // '') eq '*';

        my $home = answer($home{$key}, $token{$key});
        like($home, qr/\A200\nverified\|/, "$cache: $name");

        marked();
        my $got = answer($uri, $token{$key});
        like($got, $status == 200
                   ? qr/\A200\n/
                   : qr/\A$status\n\Q$reason|$reason\E\|/, '    has its answer');

        if ($cache eq 'off') {
            $cold{$name} = $got;

        } else {
            is($got, $cold{$name}, '    the same as without the table');
        }

        if ($status == 200 && !$free) {
            $n //= 1;
            is_work($cache eq 'off' ? (0, $n) : ($n, 0),
                    $cache eq 'off' ? '    and is verified'
                                    : '    and is not verified again');
        }

        is(answer($uri, $token{$key}), $got, '    again');
    }

    like($cold{'the same location'},
         qr/\A200\nverified\|\|alice\|alice\|.*\|a\|\|user,x\|mine\n\{.*"deep"/,
         'the variables have the claims');
    like($cold{'another audience'}, qr/\|alice\|[^|]*\|\n-\n-\z/,
         'a refused token has the claim for the log alone');
    is((split /\n/, $cold{'the header fields of the upstream'})[-1],
       'alice|{"role":["user","x"],"z":"' . "\xc3\xa9" . '"}|',
       'the upstream has the claims');

    $server->stop;
}


# --- two sets have verified a token, each with an entry of its own

start('4m');
marked();
answer('/a', $token{a});
is_deeply(steps(), $debug ? [ 'authenticating', 'token of alg "ES256", kid "a"',
              '1 of 1 sources may serve the issuer',
              'key 1 tried: kid "a" of "DIR/a.json", verified',
              'token remembered:1', 'granted' ] : [],
          'the debug log shows the steps of a new token');
is_work(0, 1, 'the first request verifies');
answer('/a', $token{a});
is_deeply(steps(), $debug ? [ 'authenticating', 'token of alg "ES256", kid "a"',
              '1 of 1 sources may serve the issuer',
              'the token is known and verified', 'granted' ] : [],
          '    and of one that is known');
marked();
answer('/a', $token{a}) for 1 .. 3;
is_work(3, 0, 'others do not');
answer('/watched', $token{a});
is_work(0, 1, 'another set verifies it anew');
answer($_, $token{a}) for qw( /watched /a /watched /ab );
is_work(4, 0, 'then both sets are remembered');
answer('/to_b', $token{a});
answer('/fake', $token{a});
is_work(1, 1, 'a refusal forgets neither');
answer($_, $token{a}) for qw( /watched /a );
is_work(2, 0, '    as is seen afterwards');

# fewer values: the entry serves both limits once it has met the lower one

my $fresh = token(key => 'a', claims => { sub => 'new' });
answer('/a', $fresh);
is_work(0, 1, 'a new token, with many values allowed');
answer('/few', $fresh);
is_work(0, 1, 'is parsed again where fewer are');
answer($_, $fresh) for qw( /few /a );
is_work(2, 0, 'and then no more');


# --- a key leaves the set, and returns

sub keys_are {
    my ($n, @names) = @_;
    write_file($server->dir . '/watched.json', jwks(@names));
    return wait_until(sub { (() = $server->log =~ /has changed/g) == $n });
}

like(answer('/watched', $token{a}), qr/\A200\n/, 'a token of a watched file');
ok(keys_are(1, 'b'), 'its key leaves the file');
marked();
like(answer('/watched', $token{a}), qr/\A401\nunknown_key\|/,
     'the next request is refused');
is_work(0, 0, '    without a key to try');
like(answer('/a', $token{a}), qr/\A200\n/, 'the other file has it still');
is_work(1, 0, '    and the table, too');
ok(keys_are(2, qw( b a )), 'the key returns');
like(answer('/watched', $token{a}), qr/\A200\n/, 'the next request passes');
like(answer('/watched', $token{a}), qr/\A200\n/, '    and the one after it');
is_work(1, 1, '    verified once');
$server->stop;


# --- keys that are fetched: the set changes only with its bytes

my $issuer = issuer('a');

start('4m', http => 'gateway_jwt_key_fetch interval=1s min=1s;', server =>
      $issuer->location('/keys')
      . 'location /fetched { gateway_jwt r; gateway_jwt_key_request /keys;'
      . " $gif }\n");
ok($issuer->fetched(1), 'keys are fetched');
is(status($server, '/fetched', $token{a}), 200, 'a token passes');
marked();
is(status($server, '/fetched', $token{a}), 200, '    again');
is_work(1, 0, '    from the table');
my $n = $issuer->fetches;
ok($issuer->fetched($n + 2), 'the same keys are fetched again');
is(status($server, '/fetched', $token{a}), 200, '    and the token passes');
is_work(1, 0, '    still from the table');
marked();
$issuer->keys('b');
ok(wait_until(sub { logged(qr/the set has changed/) }),
   'the issuer withdraws the key');
is(status($server, '/fetched', $token{a}), 401, '    the token is refused');
$server->stop;


# --- a token expires while it is in the table

start('4m');
my $exp = int(time) + 3;
my $short = token(key => 'a', claims => { sub => 'alice', exp => $exp });
like(answer('/a', $short), qr/\A200\n/, 'a token that ends soon');
like(answer('/a', $short), qr/\A200\n/, '    is in the table');
like(answer('/late', $short), qr/\A200\n/, '    also with leeway');

my ($last, $end) = ('', time + 10);

while (time < $end) {
    my $before = time;
    $last = answer('/a', $short);
    last if $last !~ /\A200/;
    ok(0, 'it passed after its end') if $before > $exp + 1;
    sleep 0.02;
}

like($last, qr/\A401\nexpired\|/, 'it is refused when it has expired');
cmp_ok(time, '>=', $exp, '    not before');
like(answer('/a', $short), qr/\A401\nexpired\|/, '    again');
marked();
like(answer('/late', $short), qr/\A200\n/, 'leeway lets it pass');
is_work(0, 1, '    verified anew, since it was forgotten');
$server->stop;


# --- refused tokens evict nothing; verified ones keep within the size

sub flood {
    my ($uri, @tokens) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $server->port) or die $!;
    my %count;

    while (my @some = splice @tokens, 0, 50) {
        print $socket map { "GET $uri HTTP/1.1\r\nHost: localhost\r\n"
                            . "Authorization: Bearer $_\r\n\r\n" } @some;

        my $answers = '';
        while ((() = $answers =~ m{HTTP/1\.1 \d+}g) < @some
               || $answers !~ /\r\n\r\n.{43,}\z/s)
        {
            sysread $socket, $answers, 65536, length $answers
                or return { broken => 1 };
        }
        $count{$_}++ for $answers =~ m{HTTP/1\.1 (\d+)}g;
    }
    return \%count;
}

sub numbered {
    my ($key, $from, $to, %claims) = @_;

    my $secret = secret($key);
    return map { hmac_token($secret, claims => { exp => 9999999999, n => $_,
                                                 sub => 'x' x 100, %claims },
                            header => { kid => $key }) } $from .. $to;
}

$locations .= "keepalive_requests 1000000;\n"
              . "location /plain_hs { @{[ jwt('hs.json') ]} $gif }\n";

start('64k', server => at('/held', jwt('hs.json'),
                          "proxy_pass http://127.0.0.1:@{[ $issuer->port ]}/jwks;"));
$seen = 0;
my @good = numbered('hs256', 1, 3);
is(answer('/hs', $_) =~ /\A200/, 1, 'a verified token') for @good;

my @refused = (numbered('hs512', 1, 500),
               map({ edited($_, signature => sub { reverse $_[0] }) }
                   numbered('hs256', 1, 500)),
               numbered('hs256', 4, 500, exp => 1));
is(json(flood('/plain_hs', @refused)), json({ 401 => scalar @refused }),
   'many tokens are refused');
marked();
answer('/hs', $_) for @good;
is_work(3, 0, 'the verified ones are in the table still');

# an entry in use is evicted, and its request uses it on

$issuer->hang;
my $held = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $server->port) or die $!;
print $held "GET /held HTTP/1.0\r\nHost: localhost\r\n"
            . "Authorization: Bearer $good[0]\r\n\r\n";
ok(wait_until(sub { $issuer->held }), 'a request uses a known token');
is_work(1, 0, '    of the table');

is(json(flood('/plain_hs', numbered('hs256', 1000, 1500))),
   json({ 200 => 501 }), 'as many verified ones');
marked();
$issuer->go;
like(CORE::join('', <$held>),
     qr/^X-At: verified\|\|(x{100})\|\1\|\|hs256\|\|\|\r$/m,
     'the request ends with the claims of its token');
answer('/hs', $_) for @good;
is_work(0, 3, 'the others have taken their places');
$server->stop;

SKIP: {
    skip 'the sanitizer keeps what is freed', 3 if $asan;

    $debug = 0;
    start('1m');

    my $n = $ENV{KNOWN_TOKENS} // 20_000;
    flood('/plain_hs', numbered('hs256', 1, 50));
    my $before = resident();
    is(json(flood('/plain_hs', numbered('hs256', 51, $n))),
       json({ 200 => $n - 50 }), "$n different tokens are accepted");
    my $more = resident() - $before;
    cmp_ok($more, '<', 1024 * 1.3, "the table of 1 MB took $more kB");
    $server->stop;
}

# kilobytes of the worker

sub resident {
    my ($pid) = $server->workers;
    open my $in, '<', "/proc/$pid/status" or die $!;
    return (map { /^VmRSS:\s+(\d+)/ ? $1 : () } <$in>)[0];
}


# --- the directive

sub tested {
    my ($line) = @_;

    my ($code, $said) = nginx_t(http_conf(http => $line, server =>
        'location / { gateway_jwt r; gateway_jwt_key_file a.json; }'),
        { 'a.json' => $files{'a.json'} });
    return "$code $said";
}

like(tested("gateway_jwt_token_cache $_;"), qr/\A0 (?!.*\[(?:warn|emerg)\])/s,
     "\"$_\" is valid") for qw( off 64k 65536 4m 1024m );

for my $bad (qw( 65535 63k 0 on 4mb -1 ), '""') {
    like(tested("gateway_jwt_token_cache $bad;"),
         qr/\A1\ .*\[emerg\].*invalid\ value\ "@{[ $bad =~ s{"}{}gr ]}"
            \ in\ "gateway_jwt_token_cache",\ it\ must\ be\ "off"\ or\ a\ size
            \ of\ at\ least\ 64k,\ such\ as\ 4m\ in/xs, "\"$bad\" is not");
}

like(tested('gateway_jwt_token_cache off; gateway_jwt_token_cache 4m;'),
     qr/\A1 .*"gateway_jwt_token_cache" directive is duplicate/s,
     'it is written once');

my ($code, $said) = nginx_t(http_conf(server => 'gateway_jwt_token_cache 4m;'));
like("$code $said", qr/\A1 .*"gateway_jwt_token_cache" directive is not allowed/s,
     'at the http level');

($code, $said) = nginx_t(http_conf(http => 'gateway_jwt_token_cache 4m;'));
like("$code $said",
     qr/\A0\ .*\[warn\].*"gateway_jwt_token_cache"\ has\ no\ effect/xs,
     'and has no effect without gateway_jwt');

done_testing();
