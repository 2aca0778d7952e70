# SPDX-License-Identifier: BSD-2-Clause

# A request leaves nothing in the worker: hostile tokens, OpenSSL's errors, and
# workers that are killed.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use Test::More;

BEGIN { $Test::Gateway::More = 1 }

my @keys = qw( es256 rs256 ps256 eddsa es512 hs256 );
my %good = map { $_ => token(key => $_, claims => { sub => 'alice' }) } @keys;

sub reversed { edited($_[0], signature => sub { scalar reverse $_[0] }) }

# as an attacker would make them, by what is wrong with them

my ($es) = $good{es256};
my %hostile = (
    'alg none'          => unsigned(claims => { sub => 'root' }),
    'alg none, signed'  => $es =~ s/^[^.]+/b64u('{"alg":"none"}')/er,
    'HMAC with the public key' => hmac_token(json(public_jwk('rs256')),
                                      claims => { sub => 'root' },
                                      header => { kid => 'rs256' }),
    'another algorithm' => edited($es, header => sub { $_[0] =~ s/ES256/RS256/r }),
    'a curve that is not the key\'s' => edited($es, header =>
                                      sub { $_[0] =~ s/ES256/ES512/r }),
    'r and s of zero'   => edited($es, signature => sub { "\0" x 64 }),
    'r and s too large' => edited($es, signature => sub { "\xff" x 64 }),
    'DER'               => edited($es, signature => sub { "\x30\x44" . $_[0] }),
    'an empty signature' => $es =~ s/[^.]+$//r,
    'a short signature' => edited($good{rs256}, signature => sub { 'x' }),
    'a long signature'  => edited($good{rs256}, signature => sub { 'x' x 600 }),
    'a signature beyond the modulus' => edited($good{rs256}, signature =>
                                      sub { "\xff" x length $_[0] }),
    'a bad PSS padding' => edited($good{ps256}, signature =>
                                      sub { "\1" x length $_[0] }),
    'a bad EdDSA'       => edited($good{eddsa}, signature =>
                                      sub { "\xff" x length $_[0] }),
    'changed claims'    => edited($good{eddsa}, payload =>
                                      sub { $_[0] =~ s/alice/root/r }),
    'garbage'           => 'a.b.c',
    'many dots'         => '.' x 2000,
    'crit'              => token(key => 'es256', claims => { sub => 'root' },
                                 header => { crit => [ 'x' ], x => 1 }),
    'deep claims'       => token(key => 'es256', payload => '{"exp":9999999999,'
                                 . '"a":' . '[' x 100 . ']' x 100 . '}'),
    'claims that are no object' => token(key => 'es256', payload => '[1]'),
    'claims that are no UTF-8' => token(key => 'es256', payload =>
                                 qq({"sub":"\xff","exp":9999999999})),
);

my $location = <<'END';
    location / {
        gateway_jwt r;
        gateway_jwt_key_file jwks.json;
        gateway_jwt_algorithms RS256 PS256 ES256 ES512 EdDSA HS256;
        add_header X-User $gateway_consumer always;
        add_header X-Worker $pid always;
        empty_gif;
    }
END

my $server;

sub ask {
    my ($token) = @_;

    my ($status, $head) = $server->get('/', headers =>
        [ $token ? "Authorization: Bearer $token" : () ]);
    my ($user) = $head =~ /^X-User: (.*?)\r?$/m;
    return CORE::join ' ', $status, grep { defined } $user;
}


# --- a hostile token changes nothing for later requests of the same worker

$server = start_nginx(workers => 1, server => $location,
                      files => { 'jwks.json' => jwks(@keys) });

my %forged = map { $_ => reversed($good{$_}) } @keys;

for my $name (sort keys %hostile) {
    my @refused = (ask($hostile{$name}), ask($hostile{$name}));
    my @after = map { (ask($forged{$_}), ask($good{$_})) } @keys;

    is(CORE::join(', ', @refused), '401, 401', "$name is refused, and again");
    is(CORE::join(', ', @after), CORE::join(', ', ('401', '200 alice') x @keys),
       "after $name forged ones are refused and good ones pass");
}

# a token that was good is refused when a byte of it changes, in every part

my ($header, $payload, $signature) = split /\./, $es;
is(ask($es), '200 alice', 'a good token');
is(ask("$header.$payload." . (split /\./, token(key => 'es256', claims =>
       { sub => 'bob' }))[2]), '401', 'another token\'s good signature');
is(ask("$header." . (split /\./, token(key => 'es256', claims =>
       { sub => 'bob' }))[1] . ".$signature"), '401', 'another token\'s claims');
is(ask($es), '200 alice', 'and the good token again');

is(scalar($server->workers), 1, 'the worker is the one that began');
$server->stop;


# --- OpenSSL's error queue is empty when TLS looks at it

SKIP: {
    my ($code) = Test::Gateway::Server::command('curl', '-V');
    skip 'no curl', 8 if $code;

    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    my ($failed) = Test::Gateway::Server::command(
        qw( openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256
            -nodes -days 2 -subj /CN=localhost ),
        '-keyout', "$dir/key.pem", '-out', "$dir/cert.pem");
    is($failed, 0, 'a certificate for TLS');

    my $port = free_port();
    $server = start_nginx(workers => 1, files => { 'jwks.json' => jwks(@keys) },
        server => "listen 127.0.0.1:$port ssl;\nssl_certificate $dir/cert.pem;\n"
                  . "ssl_certificate_key $dir/key.pem;\n$location");

    # one connection, many requests, and another connection beside it
    my @urls = map { "https://127.0.0.1:$port/$_" } 1 .. 2;

    my ($right, $all) = (0, 0);
    for my $token (values %hostile, values %forged) {
        my (undef, $said) = Test::Gateway::Server::command(
            'curl', '-sk', '--max-time', 5, '-w', '%{http_code} ',
            map({ ('-o', '/dev/null', $_) } @urls),
            '-H', "Authorization: Bearer $token");
        $all++;
        $right++ if $said eq '401 401 ';
    }
    is($right, $all, "TLS: $all hostile tokens are refused, twice on one line");

    # a failed verification on a plain connection, then TLS on another
    my ($works, $of) = (0, 0);
    for my $token (values %hostile, values %forged) {
        ask($token);
        my (undef, $said) = Test::Gateway::Server::command(
            'curl', '-sk', '--max-time', 5, '-w', '%{http_code} ', '-o',
            '/dev/null', $urls[0], '-H', "Authorization: Bearer $es");
        $of++;
        $works++ if $said eq '200 ';
    }
    is($works, $of, 'TLS: a handshake after each of them succeeds');

    unlike($server->log, qr/stale global SSL error|\[alert\]|\[crit\]/,
           'TLS: no error of a token is found by another connection');
    $server->stop;
}


# --- a killed worker

$server = start_nginx(workers => 2, server => $location,
                      files => { 'jwks.json' => jwks(@keys) });
$server->allow('exited on signal 9');

for my $round (1 .. 3) {
    my @before = $server->workers;
    my ($status, $head) = $server->get('/', headers =>
                                       [ "Authorization: Bearer $es" ]);
    my ($worker) = $head =~ /^X-Worker: (\d+)/m;
    ok(scalar(grep { $_ == $worker } @before), 'a worker has answered');

    # with a request in its hands
    my $socket = IO::Socket::INET->new('127.0.0.1:' . $server->port);
    print $socket "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ";

    kill 'KILL', $worker;
    ok(wait_until(sub {
           my @now = $server->workers;
           return @now == 2 && !grep { $_ == $worker } @now;
       }), 'it is killed, and another one takes its place');

    my @answers = map { (ask($good{$_}), ask($forged{$_}), ask()) } @keys;
    is(CORE::join(', ', @answers),
       CORE::join(', ', ('200 alice', '401', '401') x @keys),
       'and judges as before');
}

$server->stop;
done_testing();
