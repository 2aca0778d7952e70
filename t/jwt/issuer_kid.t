# SPDX-License-Identifier: BSD-2-Clause

# Tokens whose key is not in the fetched set: which of them start a fetch, which
# requests wait for it, and what they are answered with.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Socket qw( SOL_SOCKET SO_LINGER );
use Test::Gateway::Issuer;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep time );

my $port = free_port();
my ($long, $short, $again, $beside) = map { issuer('a') } 1 .. 4;
my $upstream = origin();
my $server;


# A server whose keys were fetched long ago or not: "min" decides whether an
# unknown key starts a fetch, always ($short) or never ($long).  The fetches of
# these two do not time out, even on a slow machine.

sub server {
    my ($name, $issuer, $fetch, $more) = @_;

    return <<"END" . $issuer->location('/keys');
    listen 127.0.0.1:$port;
    server_name $name;
    $Reason
    add_header X-Pid \$pid always;
    gateway_jwt_key_fetch interval=1h $fetch;
    location / {
        gateway_jwt api;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
    $more
END
}

my $line = join '|', map { "\$$_" }
           qw( request status http_authorization gateway_jwt_status
               gateway_auth_reason gateway_consumer gateway_auth_method
               gateway_scopes gateway_jwt_claim_sub gateway_jwt_claim_team
               gateway_jwt_header_kid gateway_jwt_refused_claim_sub );

my $http = <<"END";
    log_format line '$line';
    map \$http_x_allow \$token { default \$arg_other; }
END

my $locations = <<"END";
    location /bound {
        gateway_jwt api;
        gateway_jwt_key_request /keys issuer=https://a.test;
        gateway_jwt_issuer https://a.test;
        empty_gif;
    }
    location /dry {
        gateway_jwt api;
        gateway_jwt_mode dry_run;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
    location /optional {
        gateway_jwt api;
        gateway_jwt_mode optional;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
    location /any {
        satisfy any;
        allow 127.0.0.1;
        deny all;
        gateway_jwt api;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
    location /hmac {
        gateway_jwt api;
        gateway_jwt_algorithms RS256;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
    location /argument {
        gateway_jwt api token=\$arg_token;
        gateway_jwt_hide on;
        gateway_jwt_key_request /keys;
        gateway_jwt_claim_header X-Team team;
        access_log logs/access.log line;
        proxy_set_header X-Consumer \$gateway_consumer;
        proxy_pass http://127.0.0.1:@{[ $upstream->port ]};
    }
    location /page {
        gateway_jwt api;
        gateway_jwt_key_request /keys;
        error_page 503 /other/page;
        empty_gif;
    }
    @{[ $beside->location('/beside') ]}
    location /two {
        gateway_jwt api;
        gateway_jwt_key_request /keys;
        gateway_jwt_key_request /beside;
        empty_gif;
    }
    location /file {
        gateway_jwt api;
        gateway_jwt_key_request /keys;
        gateway_jwt_key_file file.json;
        empty_gif;
    }
END

sub conf {
    my ($workers, %arg) = @_;

    my $text = http_conf(workers => $workers, http => $http . join('',
        'server { ' . server('short', $short, 'min=1ms timeout=5m', $locations)
        . '}', 'server { ' . server('again', $again, 'min=3s timeout=2s', $locations)
        . '}'),
        server => server('long', $long, 'min=1h timeout=5m', $locations), %arg);
    my $connections = $arg{connections} // 1024;
    return $text =~ s/(worker_connections) 256/$1 $connections/r;
}


# --- the client's side

sub ask {
    my ($host, $path, $token, %arg) = @_;

    my $socket = $arg{socket} // IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                                       PeerPort => $port)
                 // die $!;
    $socket->autoflush;
    print $socket "GET $path HTTP/1.1\r\nHost: $host\r\n",
                  defined $token ? "Authorization: Bearer $token\r\n" : '',
                  "\r\n";
    return $socket;
}

# "200", "401 unknown_key", "503 keys_unavailable 1"; "nothing" within the time

sub got {
    my ($socket, $seconds) = @_;

    my $bits = '';
    vec($bits, fileno $socket, 1) = 1;
    select $bits, undef, undef, $seconds // 10 or return 'nothing';
    sysread $socket, my $text, 65536 or return 'closed';
    return join ' ', $text =~ m{^HTTP/1.1 (\d+)}, $text =~ /^X-Reason: (\S+)/m,
                     $text =~ /^Retry-After: (\d+)/m,
                     $text =~ /^(WWW-Authenticate):/m;
}

sub now { got(ask(@_)) }

sub waits {
    my ($socket, $name) = @_;
    return is(got($socket, 0.1), 'nothing', $name);
}

sub reset_by {
    for my $socket (@_) {
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        close $socket;
    }
    return;
}


# A token that no key verifies, made without signing.

sub unknown {
    my ($kid, %claims) = @_;
    return compact(json({ alg => 'ES256', defined $kid ? (kid => $kid) : () }),
                   claims_json(\%claims), 'x' x 64);
}

sub fetches_of {
    my ($issuer, $code, $name, $n) = @_;

    sleep 0.01;    # more than the "min" of $short
    my $before = $issuer->fetches;
    my $result = $code->();
    wait_until(sub { $issuer->fetches - $before >= $n });
    is($issuer->fetches - $before, $n, "$name: $n fetches");
    return $result;
}

sub access_lines {
    return split /\n/, Test::Gateway::Server::slurp($server->dir
                                                    . '/logs/access.log');
}

my %refused = (unknown_key => '401 unknown_key WWW-Authenticate');


# --- one worker: no keys yet

$_->hang for $long, $short;
$server = start_nginx(port => $port, conf => conf(1),
                         files => { 'file.json' => jwks('f') });

my $first = ask('long', '/', token(key => 'a'));
my $anonymous = ask('long', '/');
waits($first, 'no keys yet: a request with a token waits');
is(got($anonymous), '401 missing WWW-Authenticate', 'one without does not');
is(now('long', '/any'), '200', 'nor under "satisfy any"');
waits(my $any = ask('long', '/any', token(key => 'a')),
      'but one with a token does');
is(now('long', '/optional'), '200', 'nor in mode "optional"');
waits(my $optional = ask('long', '/optional', token(key => 'a')),
      'but one with a token does');
is(now('long', '/dry', token(key => 'a')), '200 keys_unavailable',
   '"dry_run" waits for nothing');
is(now('long', '/file', token(key => 'f')), '200',
   'a key file serves meanwhile');
is(now('long', '/', unknown('k' x 257)), '503 keys_unavailable 1',
   'the "kid" of no key waits for nothing');
$long->go;
is(got($_), '200', 'the keys have come') for $first, $any, $optional;
is($long->fetches, 1, 'by one fetch');

$short->go;
is(now('short', '/', token(key => 'a')), '200', 'and in another server');
is($short->fetches, 1, 'by one fetch');


# --- which tokens start a fetch

for ([ 'long', $long, 0 ], [ 'short', $short, 1 ]) {
    my ($host, $issuer, $n) = @$_;

    $issuer->keys('a');
    fetches_of($issuer, sub {
        is(now($host, '/', token(key => 'a')), '200', 'a known key') },
        "$host: a known key", 0);
    fetches_of($issuer, sub {
        is(now($host, '/', unknown('b')), $refused{unknown_key},
           'an unknown key') }, "$host: an unknown key", $n);
    fetches_of($issuer, sub {
        is(now($host, '/', unknown('k' x 256)), $refused{unknown_key},
           'a "kid" of 256 bytes') }, "$host: a \"kid\" of 256 bytes", $n);
    fetches_of($issuer, sub {
        is(now($host, '/', unknown('k' x 257)), $refused{unknown_key},
           'a "kid" of 257 bytes') }, "$host: a \"kid\" of 257 bytes", 0);
    fetches_of($issuer, sub {
        is(now($host, '/', edited(token(key => 'a'),
                                  signature => sub { 'x' x 64 })),
           '401 bad_signature WWW-Authenticate', 'a known "kid"') },
        "$host: a bad signature with a known \"kid\"", 0);
    fetches_of($issuer, sub {
        is(now($host, '/', token(key => 'a', header => { kid => undef })),
           '200', 'no "kid"') }, "$host: no \"kid\", verified", 0);
    fetches_of($issuer, sub {
        is(now($host, '/', unknown(undef)),
           '401 bad_signature WWW-Authenticate', 'no "kid"') },
        "$host: no \"kid\", not verified", $n);
    fetches_of($issuer, sub {
        is(now($host, '/hmac', unknown('b')),
           '401 algorithm_not_allowed WWW-Authenticate', 'an algorithm') },
        "$host: an algorithm that is not allowed", 0);
    fetches_of($issuer, sub {
        is(now($host, '/bound', unknown('b', iss => 'https://b.test')),
           '401 issuer WWW-Authenticate', 'another issuer') },
        "$host: another issuer", 0);
    fetches_of($issuer, sub {
        is(now($host, '/bound', unknown('b', iss => 'https://a.test')),
           $refused{unknown_key}, 'the issuer') }, "$host: the issuer", $n);
    fetches_of($issuer, sub {
        is(now($host, '/dry', unknown('b')), '200 unknown_key', 'dry_run');
        sleep 0.1 if $n },    # it waits for no fetch, but starts one
        "$host: dry_run", $n);
}

# a new key; a set with a key without "kid", which fits any token

$short->keys('b');
fetches_of($short, sub {
    is(now('short', '/', token(key => 'b')), '200', 'a new key') },
    'a new key', 1);
is(now('short', '/', token(key => 'a')), $refused{unknown_key},
   'the old one is gone');

my %bare = %{ public_jwk('c') };
delete $bare{kid};
$short->answers(body => json({ keys => [ \%bare, public_jwk('b') ] }));
fetches_of($short, sub {
    is(now('short', '/', token(key => 'c')), '200', 'by the key without') },
    'a key without "kid"', 1);
fetches_of($short, sub {
    is(now('short', '/', token(key => 'c')), '200', 'by the key without') },
    'again', 0);
$short->keys('d', 'b');
fetches_of($short, sub {
    is(now('short', '/', token(key => 'd')), '200', 'a new key') },
    'a new key beside a key without "kid"', 1);


# two sets

$short->keys('a');
is(now('short', '/', token(key => 'a')), '200', 'one set');
is(now('short', '/two', token(key => 'd')), $refused{unknown_key}, 'two sets');
fetches_of($beside, sub { fetches_of($short, sub {
    is(now('short', '/two', unknown('x')), $refused{unknown_key},
       'an unknown key') }, 'of one', 1) }, 'of the other', 1);
$beside->keys('b');
is(now('short', '/two', token(key => 'b')), '200', 'a new key of the other');
fetches_of($beside, sub {
    is(now('short', '/', token(key => 'b')), $refused{unknown_key},
       'another location does not have that set') }, 'there', 0);
$beside->answers(status => 500);
sleep 0.01;
is(now('short', '/two', unknown('x')), '503 keys_unavailable 1',
   'the other cannot be fetched: it may have the key');
$short->keys('a', 'e');
sleep 0.01;
is(now('short', '/two', token(key => 'e')), '200', 'a new key of the one');


# --- "min": the last fetch is recent, or more than 3 s ago

sub after_min {
    my $rest = ($again->requests)[-1]{at} + 3.1 - time;
    sleep $rest if $rest > 0;
    return;
}

wait_until(sub { now('again', '/', token(key => 'a')) eq '200' });
after_min();
fetches_of($again, sub {
    is(now('again', '/', unknown('b')), $refused{unknown_key},
       'an unknown key') }, 'later than "min"', 1);
$again->keys('a', 'b');
my $early = fetches_of($again, sub { now('again', '/', token(key => 'b')) },
                       'sooner than "min"', 0);
is($early, $refused{unknown_key}, 'the keys are as new as they can be');
after_min();
is(fetches_of($again, sub { now('again', '/', token(key => 'b')) },
              'later than "min"', 1), '200', 'a new key');


# --- the issuer fails

$again->answers(status => 500);
after_min();
fetches_of($again, sub {
    like(now('again', '/', unknown('x')), qr/^503 keys_unavailable [34]$/,
         'the fetch fails: 503, with the time of the next fetch') },
    'a failure', 1);
fetches_of($again, sub {
    like(now('again', '/', unknown('y')), qr/^503 keys_unavailable [1-4]$/,
         'until the next fetch') }, 'sooner than "min"', 0);
is(now('again', '/', token(key => 'b')), '200', 'a known key serves');
like(now('again', '/any', unknown('x')), qr/^503 keys_unavailable \d$/,
     'no other method is asked under "satisfy any"');
is(now('again', '/dry', unknown('x')), '200 unknown_key', 'dry_run');
is(now('again', '/bound', unknown('x', iss => 'https://b.test')),
   '401 issuer WWW-Authenticate', 'another issuer is refused');

# the next fetch hangs

$again->hang;
my $fetches = $again->fetches;
ok($again->fetched($fetches + 1, 10), 'it is tried again');
my $began = time;
my $client = ask('again', '/', unknown('x'));
my $page = ask('again', '/page', unknown('x'));
is(now('again', '/dry', unknown('x')), '200 unknown_key',
   'dry_run does not wait');
like(got($client), qr/^503 keys_unavailable \d+$/, 'the issuer hangs');
cmp_ok(time - $began, '<', 4, '"timeout" ends the wait');
like(got($page), qr/^503 keys_unavailable \d+$/, 'with an error page');
cmp_ok(time - $began, '<', 4, 'which does not wait again');
$again->go;


# --- what has waited is as what has not

# an argument is hidden while the request waits, and is found again

$short->keys('d');
my $token = token(key => 'd', claims => { sub => 'alice', team => 'red',
                                          scope => 'r w' });
is(now('short', "/argument?a=1&token=$token&b=2"), '200', 'it does not wait');
$short->keys('e');
$short->hang;
my $other = token(key => 'e', claims => { sub => 'alice', team => 'red',
                                          scope => 'r w' });
$client = ask('short', "/argument?a=1&token=$other&b=2");
waits($client, 'a token in an argument');
waits($first = ask('short', "/argument?gone&token=$other"), 'another client');
reset_by($first);
wait_until(sub { access_lines() == 2 });    # until it has been noticed
$short->go;
is(got($client), '200', 'it has waited');

my @same = map { { %$_, at => 0, n => 0 } } $upstream->requests;
is(@same, 2, 'the upstream has received two');
is_deeply($same[1], $same[0], 'the same as without waiting');
like(field($same[1], 'X-Consumer'), qr/alice/, 'with the consumer');
is(field($same[1], 'X-Team'), 'red', 'and the claim');

my ($gone) = grep { /gone/ } access_lines();
my @lines = grep { !/gone/ } access_lines();
is(@lines, 2, 'one line of the log for each');
is($lines[1] =~ s/\|e\|/|d|/r, $lines[0], 'the same as without waiting');
like($lines[0], qr/\|200\|-\|verified\|/, 'with the verdict');
is($gone, 'GET /argument?gone HTTP/1.1|499' . '|-' x 10,
   'a client that has left: no token, no verdict, no identity');
unlike($server->log, qr/\Q$other\E/, 'nor in the error log');


# --- places: 64 "kid" in a worker

$short->keys('d');
wait_until(sub { now('short', '/', token(key => 'd')) eq '200' });
$short->hang;
my @clients = map { ask('short', '/', unknown("kid$_")) } 1 .. 64;
waits($clients[-1], '64 different "kid"');
is(now('short', '/', unknown('kid65')), '503 keys_unavailable 1',
   'there is no place for a 65th');
waits(my $shared = ask('short', '/', unknown('kid1')), 'one of the same "kid"');
is(now('short', '/', token(key => 'd')), '200', 'a known key');
is(now('short', '/', unknown('k' x 257)), $refused{unknown_key},
   'a "kid" of 257 bytes: a fetch that runs has not failed');

reset_by(@clients[1 .. 10]);
my @more;
wait_until(sub {
    push @more, my $socket = ask('short', '/', unknown('new' . @more));
    return got($socket, 0.05) eq 'nothing';
});
waits($more[-1], 'a client that leaves frees its place');
@more = ($more[-1], map { ask('short', '/', unknown("more$_")) } 1 .. 9);
waits($more[-1], 'each of ten');
is(now('short', '/', unknown('eleven')), '503 keys_unavailable 1',
   'and no more');
reset_by($clients[0]);
waits($shared, 'a place that two share');
is(now('short', '/', unknown('eleven')), '503 keys_unavailable 1',
   'is not free yet');

$fetches = $short->fetches;
$short->go;
is(scalar(grep { got($_) eq $refused{unknown_key} } @clients[11 .. 63], @more,
          $shared), 53 + 10 + 1, 'all are answered');
is($short->fetches, $fetches + 1,
   'and one more fetch, for those that came during the first one');
$server->stop('one worker');


# --- a quarter of the connections

$_->keys('a') for $long, $short, $again;
$server = start_nginx(port => $port, conf => conf(1, connections => 60),
                      files => { 'file.json' => jwks('f') });
is(now('short', '/', token(key => 'a')), '200', 'keys');
$short->hang;
@clients = map { ask('short', '/', unknown('same')) } 1 .. 15;
waits($clients[-1], 'a quarter of the connections');
is(now('short', '/', unknown('same')), '503 keys_unavailable 1', 'not more');
reset_by(shift @clients);
ok(wait_until(sub {
    push @clients, ask('short', '/', unknown('same'));
    return got($clients[-1], 0.05) eq 'nothing';
}), 'one that leaves frees its place');
$short->go;
is(got($clients[-1]), $refused{unknown_key}, 'answered');
$server->stop('a quarter of the connections');


# --- two workers

$_->keys('a') for $long, $short, $again;
$server = start_nginx(port => $port, conf => conf(2),
                      files => { 'file.json' => jwks('f') });

my %of;
wait_until(sub {
    my $socket = ask('short', '/', token(key => 'a'));
    sysread $socket, my $text, 65536;
    $of{ ($text =~ /^X-Pid: (\d+)/m)[0] } //= $socket;
    return keys %of == 2;
});
is(keys %of, 2, 'connections to two workers');

$short->keys('b');
$short->hang;
$fetches = $short->fetches;
ask('short', '/', token(key => 'b'), socket => $_) for values %of;
waits($_, 'both wait') for values %of;
is($short->fetches, $fetches + 1, 'for one fetch');
$short->go;
is(got($_), '200', 'which serves both') for values %of;

# a reload

$short->keys('c');
$short->hang;
$client = ask('short', '/', token(key => 'c'));
waits($client, 'a request waits');
$server->reload(undef, wait => 0);
wait_until(sub { 2 < $server->workers });
$short->go;
is(got($client), '200', 'a worker that leaves answers it');
is(now('short', '/', token(key => 'c')), '200', 'a new worker has the keys');
$server->stop('two workers');

done_testing;
