# SPDX-License-Identifier: BSD-2-Clause

# An issuer that fails, in every way and at every time: what requests receive,
# how often the issuer is asked, and what is logged.
#
#   ABORTS   clients that leave during a fetch (default: 2000)

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use IO::Compress::Gzip qw( gzip );
use IO::Socket::INET;
use POSIX ();
use Test::Gateway::Certificate;
use Test::Gateway::Issuer;
use Test::Gateway::Load;
use Test::Gateway::Origin ();
use Test::Gateway::Parts;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep time );

my $aborts = $ENV{ABORTS} // ($ENV{FULL} ? 100_000 : 2000);

my %token = map { $_ => token(key => $_, claims => { sub => 'alice' }) }
            qw( a b );
my $unavailable = '503 keys_unavailable';

# a token with any "kid", which nobody has signed

sub forged {
    my ($kid) = @_;
    return compact(json({ alg => 'ES256', kid => $kid }),
                   claims_json({ sub => 'mallory' }), 'x' x 64);
}

sub conf {
    my ($fetch, $locations, %arg) = @_;

    return http_conf(workers => 1, %arg, server => <<"END");
    $Reason
    add_header X-Worker \$pid always;
    gateway_jwt_key_fetch $fetch;
    $locations
    location / {
        gateway_jwt api token=\$arg_token;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
END
}

sub start {
    my ($fetch, $locations, %arg) = @_;

    my $port = free_port();
    return start_nginx(port => $port, files => { certificate_files() },
                       conf => conf($fetch, $locations, %arg, port => join ' ',
                                    $port, $arg{listen} // ()));
}

sub ask {
    my ($server, $key) = @_;
    return reason($server, "/?token=$token{$key}");
}

# the error lines of a set, without their first and last words

sub lines {
    my ($server) = @_;

    my $line = qr{\[error\] .*gateway_jwt_key_request "/keys": (.*)};
    return map { /$line/ ? $1 : () } split /\n/, $server->log;
}

my $time = qr{\d{4}/\d\d/\d\d \d\d:\d\d:\d\d};
my $no_keys = qr/, no keys, requests are answered with 503, retry in \d+m?s/;
my $kept = qr/, keeping the keys of $time, retry in \d+m?s/;
my $again = qr/^keys were fetched, after a failure since $time$/;


# --- responses: at start, and later

gzip(\jwks('a'), \my $gzipped);

my $none = json({ keys => [ { kty => 'unknown', kid => 'x' } ] });
my $private = json({ keys => [ private_jwk('a') ] });
my $many = json({ keys => [ (public_jwk('a')) x 1025 ] });
my $large = 128 * 1024;

# made before an issuer must answer within a second
Test::Gateway::Origin::origin_body(10_000_000);

my @responses = (
    [ 'status 404', { status => 404 }, 'status 404' ],
    [ 'status 429', { status => 429, head => [ 'Retry-After: 1' ] },
      'status 429' ],
    [ 'status 500', { status => 500 }, 'status 500' ],
    [ 'status 503', { status => 503 }, 'status 503' ],
    [ 'status 201', { status => 201 }, 'status 201' ],
    [ 'status 204', { status => 204, body => '' }, 'status 204' ],
    [ 'a part of the set', { status => 206 }, 'status 206' ],
    [ 'not modified', { status => 304 }, 'status 304' ],
    [ 'a redirect', { status => 302, head => [ 'Location: /other' ] },
      'status 302, redirects are not followed' ],
    [ '10 MB', { size => 10_000_000 },
      "the response is larger than $large bytes" ],
    [ '10 MB in chunks', { size => 10_000_000, framing => 'chunked' },
      "the response is larger than $large bytes" ],
    [ 'another protocol', { interim => "220 ready\r\n" },
      'the response is not HTTP' ],
    [ 'no end', { truncate => 20 },
      qr/^upstream prematurely closed connection/ ],
    [ 'an empty body', { body => '' },
      'the response is empty, it must be a JWK or a JWK Set' ],
    [ 'HTML', { body => '<html></html>' },
      'the response is HTML or XML, it must be a JWK' ],
    [ 'invalid JSON', { body => '{"keys":[}' }, qr/is not well-formed JSON/ ],
    [ 'an array', { body => '[]' }, qr/is not a JSON object|JWK Set/ ],
    [ 'another object', { body => '{"error":"x"}' },
      qr/is neither a JWK nor a JWK Set/ ],
    [ 'an empty set', { body => '{"keys":[]}' }, qr/contains no key/ ],
    [ 'no usable key', { body => $none }, qr/contains no usable key: it / ],
    [ 'a private key', { body => $private },
      'the response contains a private key, the issuer must publish public '
      . 'keys only, ' ],
    [ 'a byte order mark', { body => "\xef\xbb\xbf" . jwks('a') },
      'the response begins with a byte order mark, it must be a JWK or a JWK '
      . 'Set in UTF-8 without a byte order mark, ' ],
    [ 'text', { body => 'correct horse' },
      'the response contains no JSON object, it must be a JWK or a JWK Set, ' ],
    [ 'gzip', { body => $gzipped, head => [ 'Content-Encoding: gzip' ] },
      'the response has Content-Encoding "gzip"' ],
    [ 'identity', { head => [ 'Content-Encoding: identity' ] },
      'the response has Content-Encoding "identity"' ],
    [ 'gzip without a header', { body => $gzipped },
      qr/is not|JSON/ ],
);

sub why_is {
    my ($line, $why, $then, $name) = @_;

    $why = qr/^\Q$why\E/ if !ref $why;
    like($line // '', $why, "$name: the reason");
    like($line // '', qr/$then$/, "$name: what follows");
}

sub at_start {
    my ($name, $answer, $why) = @_;

    my $issuer = issuer('a');
    $issuer->answers(%$answer);

    # longer than the requests take here on a slow machine
    my $server = start('min=3s', $issuer->location('/keys'), workers => 2);

    is(ask($server, 'a'), $unavailable, "$name at start");
    is(ask($server, 'b'), $unavailable, "$name: any token");
    is($issuer->fetches, 1, "$name: one request");

    $issuer->keys('a');
    ok(wait_until(sub { ask($server, 'a') eq '200' }, 20),
       "$name: until there are keys");
    is($issuer->fetches, 2, "$name: two requests");

    my @lines = lines($server);
    is(scalar @lines, 2, "$name: two lines") or diag(@lines);
    why_is($lines[0], $why, $no_keys, $name);
    like($lines[1] // '', $again, "$name: the end of it");
    $server->stop("$name at start");
}

sub later {
    my ($name, $answer, $why) = @_;

    my $issuer = issuer('a');
    my $server = start('interval=1s min=1s', $issuer->location('/keys'),
                       workers => 2);

    is(ask($server, 'a'), '200', "$name later: a key");
    $issuer->answers(%$answer);
    my ($n, $began) = ($issuer->fetches, time);
    ok($issuer->fetched($n + 2, 20), "$name: is fetched again");
    my $most = 1 + (time - $began) / 0.9;
    cmp_ok($issuer->fetches - $n, '<=', $most, "$name: once in an interval");
    is(ask($server, 'a'), '200', "$name: the key serves");

    $issuer->keys('b');
    ok(wait_until(sub { ask($server, 'b') eq '200' }, 10),
       "$name: until there are other keys");
    is(ask($server, 'a'), '401 unknown_key', "$name: the old one does not");

    my @lines = lines($server);
    is(scalar @lines, 2, "$name: two lines") or diag(@lines);
    why_is($lines[0], $why, $kept, $name);
    like($lines[1] // '', $again, "$name: the end of it");
    $server->stop("$name later");
}

sub responses {
    my ($i, $n) = @_;
    for (grep { $_ % $n == $i } 0 .. $#responses) {
        at_start(@{ $responses[$_] });
        later(@{ $responses[$_] });
    }
}


# --- the limits of a response, on both sides

sub limits {
    my $set = jwks('a');
    my $size = length($set) + 10;

    for ([ $size, 10, '200' ], [ $size - 1, 10, $unavailable ]) {
        my ($max, $blanks, $expected) = @$_;
        for my $framing (qw( length chunked close )) {
            my $issuer = issuer('a');
            $issuer->answers(body => $set . ' ' x $blanks, framing => $framing);
            my $server = start("max_size=$max", $issuer->location('/keys'));
            is(ask($server, 'a'), $expected, "max_size=$max, $framing");
            $server->stop("max_size=$max");
        }
    }

    for ([ 1024, '200' ], [ 1025, $unavailable ]) {
        my ($n, $expected) = @$_;
        my $issuer = issuer('a');
        my %key = %{ public_jwk('a') };
        $issuer->answers(body => json({ keys => [
            map { { %key, kid => $_ == $n ? 'a' : "k$_" } } 1 .. $n ] }));
        my $server = start('max_size=1m', $issuer->location('/keys'));
        is(ask($server, 'a'), $expected, "$n keys");
        $server->stop("$n keys");
    }
}


# --- sets that serve in part

sub parts_of_sets {
    my $issuer = issuer('a');
    my %other = (%{ public_jwk('b') }, kid => 'a');

    $issuer->answers(body => json({ keys => [ public_jwk('a'), \%other,
                                              { kty => 'unknown' } ] }));
    my $server = start('interval=1h', $issuer->location('/keys'));
    is(ask($server, 'a'), '200', 'a duplicate "kid": the first key serves');
    my $second = token(key => 'b', header => { kid => 'a' });
    is(reason($server, "/?token=$second"), '401 bad_signature',
       'the second does not');
    like($server->log, qr/\[notice\] .*"\/keys": key 1, kid "a": has the "kid"/,
         'which is logged');
    like($server->log, qr/\[notice\] .*"\/keys": key 2[:,]/,
         'as an unusable one is');
    is(scalar(() = lines($server)), 0, 'without an error');
    is($issuer->fetches, 1, 'by one request');
    $server->stop('a duplicate "kid"');

    # an HMAC key serves only if its algorithm is allowed
    $issuer = issuer('a', 'hs256');
    my $hs256 = token(key => 'hs256', claims => { sub => 'alice' });
    my $locations = $issuer->location('/keys');
    $server = start('interval=1h', "$locations location /hs {
        gateway_jwt api token=\$arg_token; gateway_jwt_key_request /keys;
        gateway_jwt_algorithms HS256 ES256; empty_gif; }");
    is(reason($server, "/?token=$hs256") =~ s/ .*//r, '401', 'an HMAC key');
    is(reason($server, "/hs?token=$hs256"), '200', 'that is allowed');
    is(ask($server, 'a'), '200', 'beside another key');
    $server->stop('an HMAC key');
}


# --- no connection

sub down {
    my $issuer = issuer('a');
    $issuer->down;
    my $server = start('min=1s interval=1s', $issuer->location('/keys'),
                       workers => 2);

    is(ask($server, 'a'), $unavailable, 'down at start');
    is((http_get($server, '/'))[0], 401, 'a request without a token');
    $issuer->up;
    ok(wait_until(sub { ask($server, 'a') eq '200' }, 10), 'until it is up');

    $issuer->down;
    my $n = () = lines($server);
    sleep 2.5;      # two failures
    is(ask($server, 'a'), '200', 'down later');
    $issuer->keys('b');
    $issuer->up;
    ok(wait_until(sub { ask($server, 'b') eq '200' }, 10), 'up again');

    my @lines = lines($server);
    my $why = 'connect() failed (111: Connection refused)';
    why_is($lines[0], $why, $no_keys, 'down at start');
    like($lines[1], $again, 'the end of it');
    is(scalar @lines, 2, 'no more lines of failures within a minute');
    $server->stop('down');
}

sub hang {
    for ([ 'hang', hold => 1 ], [ 'drip', drip => 0.1 ],
         [ 'half', pause => 60 ])
    {
        my ($name, %answer) = @$_;
        my $issuer = issuer('a');
        $issuer->answers(%answer);
        my $server = start('timeout=1s', $issuer->location('/keys'),
                           workers => 2);

        my $began = time;
        is(ask($server, 'a'), $unavailable, "$name at start");
        cmp_ok(time - $began, '>', 0.5, "$name: the request waits");
        cmp_ok(time - $began, '<', 4, "$name: for \"timeout\"");
        $began = time;
        is(ask($server, 'a'), $unavailable, "$name: the next one");
        cmp_ok(time - $began, '<', 0.5, "$name: does not wait");
        is($issuer->fetches, 1, "$name: one request");
        my @lines = lines($server);
        is(scalar @lines, 1, "$name: one line");
        why_is($lines[0], 'no response within 1s', $no_keys, $name);
        $server->stop($name);
    }
}

sub tls_faults {
    authority($_) for qw( ca other );
    certificate('good', ca => 'ca', san => 'DNS:id.example');
    certificate('expired', ca => 'ca', san => 'DNS:id.example',
                from => '20200101000000Z', to => '20200201000000Z');
    my ($good, $expired, $plain) = map { free_port() } 1 .. 3;
    my $issuer = issuer('a');

    my $location = sub {
        my ($port, $ca, $name) = @_;
        return $issuer->location('/keys', to => "https://127.0.0.1:$port",
            more => "proxy_ssl_verify on; proxy_ssl_name $name;
                     proxy_ssl_session_reuse off;
                     proxy_ssl_trusted_certificate $ca.crt;");
    };
    my $http = $issuer->front("127.0.0.1:$good ssl", 'good')
               . $issuer->front("127.0.0.1:$expired ssl", 'expired')
               . $issuer->front("127.0.0.1:$plain");

    for ([ 'unknown CA', [ $good, 'other', 'id.example' ],
           qr/^upstream SSL certificate verify error: \(\d+:[^)]+\)/ ],
         [ 'wrong name', [ $good, 'ca', 'x.example' ],
           'upstream SSL certificate does not match "x.example"' ],
         [ 'expired', [ $expired, 'ca', 'id.example' ],
           qr/^upstream SSL certificate verify error: \(10:certificate has/ ],
         [ 'no TLS', [ $plain, 'ca', 'id.example' ],
           qr/^SSL_do_handshake\(\) failed \(SSL: / ])
    {
        my ($name, $wrong, $why) = @$_;
        my $before = $issuer->fetches;
        my $server = start('min=1s', $location->(@$wrong), http => $http);

        is(ask($server, 'a'), $unavailable, "$name: no keys");
        is($issuer->fetches, $before, "$name: no request");
        my @lines = lines($server);
        is(scalar @lines, 1, "$name: one line") or diag(@lines);
        why_is($lines[0], $why, $no_keys, $name);

        $server->reload(conf('min=1s', $location->($good, 'ca', 'id.example'),
                             http => $http, port => $server->port));
        ok(wait_until(sub { ask($server, 'a') eq '200' }, 10),
           "$name: after a correction");
        is($issuer->fetches, $before + 1, "$name: one request");
        like((lines($server))[1], $again, "$name: the end of it");
        $server->stop($name);
    }
}


# --- processes that end

# sends requests for a key, and calls a sub while they wait; the answers

sub while_waiting {
    my ($server, $n, $code, $key) = @_;

    my @sockets = map {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $server->port) or die $!;
        print $s "GET /?token=$token{ $key // 'a' } HTTP/1.1\r\nHost: x\r\n"
                 . "Connection: close\r\n\r\n";
        $s->flush;
        $s;
    } 1 .. $n;

    $code->();

    return map {
        my $answer = '';
        $_->timeout(10);
        local $SIG{ALRM} = sub { die "no answer\n" };
        1 while sysread $_, $answer, 65536, length $answer;
        my ($status) = $answer =~ m{^HTTP/1.1 (\d+)};
        my ($worker) = $answer =~ /^X-Worker: (\d+)/m;
        { status => $status // 0, worker => $worker };
    } @sockets;
}

# the worker that has begun the last fetch, by its debug log

sub fetching {
    my ($server) = @_;
    return ($server->log =~ /(\d+)#\d+: gateway jwt: fetching "\/keys"(?:$|,)/mg)
           [-1];
}

sub killed {
    my $issuer = issuer('a');
    $issuer->hang;
    if (`${\ Test::Gateway::Server::binary()} -V 2>&1` !~ /--with-debug/) {
        note('nginx without --with-debug: no worker is killed');
        return;
    }

    # "reuseport": the kernel spreads the connections over the workers
    local $ENV{TEST_NGINX_LOG_LEVEL} = 'debug';
    my $server = start('timeout=20s', $issuer->location('/keys'), workers => 2,
                       listen => 'reuseport');
    $server->allow(qr/worker process \d+ exited on signal 9/);
    my $killed = wait_until(sub { fetching($server) }, 20)
        or die "no worker fetches\n";      # kill() would end this group

    my @answers = while_waiting($server, 32, sub {
        sleep 0.3;
        kill 'KILL', $killed;
        wait_until(sub { $issuer->fetches == 2 }, 10);
        $issuer->go;
    });
    is($issuer->fetches, 2, 'a killed worker: another one repeats the fetch');
    my @lost = grep { $_->{status} == 0 } @answers;
    my @served = grep { $_->{status} == 200 } @answers;
    is(@lost + @served, 32, 'each request is answered, or was that worker\'s');
    cmp_ok(scalar @served, '>', 0, 'the others receive their response');
    is(scalar(grep { $_->{worker} == $killed } @served), 0,
       'from another worker');
    is(ask($server, 'a'), '200', 'and there are keys');
    is($issuer->fetches, 2, 'two fetches');
    $server->stop('a killed worker');
}

sub reloaded {
    my $issuer = issuer('a');
    $issuer->hang;
    my $server = start('timeout=20s min=1s', $issuer->location('/keys'),
                       workers => 2);
    wait_until(sub { $issuer->held == 1 }, 20);

    my @answers = while_waiting($server, 20, sub {
        sleep 0.2;
        $server->reload(undef, wait => 0);
        sleep 0.5;
        $issuer->go;
    });
    is(answers(@answers), '200:20', 'a reload during a fetch loses no request');
    is(ask($server, 'a'), '200', 'the new workers have the keys');
    ok($issuer->fetched(2), 'and fetch them again');
    is($issuer->fetches, 2, 'once');
    $server->stop('a reload during a fetch');
}

# nginx closes the connections of clients, too

sub cut_off {
    my $issuer = issuer('a');
    $issuer->hang;
    my $server = start('timeout=20s min=1s', $issuer->location('/keys'),
                       main => 'worker_shutdown_timeout 300ms;');
    wait_until(sub { $issuer->held == 1 }, 20);
    my ($old) = $server->workers;

    while_waiting($server, 5, sub { sleep 0.2; $server->reload });
    ok(!Test::Gateway::Server::alive($old),
       'worker_shutdown_timeout: the old worker ends');
    ok($issuer->fetched(2), 'a new one fetches the keys again');
    $issuer->go;
    is(ask($server, 'a'), '200', 'and has them');
    is($issuer->fetches, 2, 'two fetches');
    is(scalar(() = lines($server)), 0, 'this is no failure of the issuer');
    $server->stop('worker_shutdown_timeout');
}

sub single {
    my $issuer = issuer('a');
    my $server = start('min=1s', $issuer->location('/keys'),
                       main => 'master_process off;');

    is(ask($server, 'a'), '200', 'one process');
    $issuer->keys('b');
    sleep 1.1;      # min
    is(ask($server, 'b'), '200', 'a new key');
    is(ask($server, 'a'), '401 unknown_key', 'the old one is gone');
    is($issuer->fetches, 2, 'two fetches');
    $issuer->down;
    is(ask($server, 'b'), '200', 'the issuer is down');
    $server->stop('one process');
}

sub many_reloads {
    my $issuer = issuer('a');
    my $server = start('min=2s', $issuer->location('/keys'));

    is(ask($server, 'a'), '200', 'a key');
    my $began = time;
    for (1 .. 10) { $server->reload; is(ask($server, 'a'), '200', "reload $_") }
    cmp_ok($issuer->fetches, '<=', 2 + (time - $began) / 2,
           'at most one fetch in "min"');
    $server->stop('many reloads');
}


# A worker that is stopped while it reads the keys.  A preloaded library stops
# it when it allocates the memory for a set of this size.

sub stopped {
    my ($dir, $size) = (File::Temp->newdir, 7777);
    chmod 0777, "$dir";

    if (!library("$dir/stop.so", <<"END")) {
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

void *
malloc(size_t size)
{
    static void  *(*next)(size_t);

    if (next == NULL) {
        *(void **) &next = dlsym(RTLD_NEXT, "malloc");
    }

    if (size == $size && unlink("$dir/stop") == 0) {
        (void) raise(SIGSTOP);
    }

    return next(size);
}
END
        pass('a worker that is stopped # skip nginx does not start with a '
             . 'library');
        return;
    }

    my $issuer = issuer('a');
    my $set = jwks('a');
    $issuer->answers(body => $set . ' ' x ($size - length $set));
    my $server = do {
        local $ENV{LD_PRELOAD} = "$dir/stop.so";
        start('interval=1s min=1s timeout=1s', $issuer->location('/keys'),
              workers => 2);
    };
    ok(wait_until(sub { $server->log =~ /the set has changed/ }, 20),
       'a set');
    my ($fetching) = $server->log =~ /(\d+)#\d+: .*the set has changed/;
    my ($reader) = grep { $_ != $fetching } $server->workers;
    $reader or die "no other worker\n";

    write_file("$dir/stop", '');
    my $stopped = sub {
        return Test::Gateway::Server::slurp("/proc/$reader/stat") =~ /\) T /;
    };
    my @waiting;
    wait_until(sub {
        push @waiting, IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                             PeerPort => $server->port);
        print { $waiting[-1] } "GET /?token=$token{a} HTTP/1.1\r\nHost: x\r\n"
                               . "Connection: close\r\n\r\n";
        $waiting[-1]->flush;
        sleep 0.05;
        return $stopped->();
    }, 10);
    ok($stopped->(), 'a worker is stopped while it reads');

    $issuer->keys('a', 'b');
    ok(wait_until(sub { ask($server, 'b') eq '200' }, 10),
       'the other half is written');
    $issuer->keys('a', 'c');
    my $why = 'a process that does not run still reads earlier keys';
    ok(wait_until(sub { $server->log =~ /\Q$why/ }, 15),
       'the half that it reads is not');
    is(ask($server, 'b'), '200', 'the keys serve');
    my @lines = lines($server);
    is(scalar @lines, 1, 'one line');
    why_is($lines[0], $why, $kept, 'a stopped worker');

    kill 'CONT', $reader;
    ok(wait_until(sub { ask($server, 'b') eq '401 unknown_key' }, 15),
       'until it runs again');
    for my $client (@waiting) {
        sysread $client, my $answer, 65536;
        like($answer // '', qr{^HTTP/1.1 200 }, 'its requests are answered');
    }
    like((lines($server))[1], $again, 'the end of it');
    $server->stop('a stopped worker');
}


# --- no connection of the worker, which is known in the call that starts it

sub no_connections {
    my $issuer = issuer('a');
    my $port = free_port();
    my $conf = conf('interval=1s min=1s', $issuer->location('/keys'),
                    port => $port)
               =~ s/worker_connections 256/worker_connections 16/r;
    my $server = start_nginx(port => $port, conf => $conf);
    $server->allow('worker_connections are not enough');
    is(ask($server, 'a'), '200', 'few connections');

    # half of a request each: nginx does not close such connections
    my @clients;
    for (1 .. 16) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $port) or last;
        print $s "GET / HTTP/1.1\r\nHost: x\r\n";
        $s->flush;
        push @clients, $s;
    }
    ok(wait_until(sub { scalar(() = lines($server)) }, 10),
       'all are in use');
    my ($line) = lines($server);
    why_is($line, qr/^16 worker_connections are not enough/, $kept,
           'no connection');
    @clients = ();
    ok(wait_until(sub { 1 < (() = lines($server)) }, 10),
       'until some are free');
    like((lines($server))[1], $again, 'the end of it');
    is(ask($server, 'a'), '200', 'the key has served');
    $server->stop('few connections');
}


# --- clients that leave during a fetch

sub aborted {
    my $issuer = issuer('a');
    my $port = free_port();

    # a quarter of the connections may wait: more than are open at once, since
    # nginx notices later that a client has left
    my $conf = conf('min=1s timeout=2m', $issuer->location('/keys'),
                    port => $port, workers => 2,
                    main => 'worker_rlimit_nofile 8192;')
               =~ s/worker_connections 256/worker_connections 8192/r;
    my $server = start_nginx(port => $port, conf => $conf);
    is(ask($server, 'a'), '200', 'a key');

    my @kids = map { forged("kid$_") } 1 .. 64;
    $issuer->hang;
    my @requests = map { [ $port, "/?token=$kids[$_ % @kids]" ] } 1 .. $aborts;
    sleep 1.1;      # min
    my @answers = http_many(\@requests, at_once => 200, timeout => 110,
                            abort => sub { rand 0.02 });
    is(scalar(grep { $_->{aborted} } @answers), $aborts, 'clients that leave');
    is(scalar(grep { $_->{status} } @answers), 0, 'all of them wait');
    is($issuer->fetches, 2, 'for one fetch');

    $issuer->keys('a', 'b');
    $issuer->go;
    ok(wait_until(sub { ask($server, 'b') eq '200' }, 15),
       'all places are free again');
    is(ask($server, 'a'), '200', 'the known key');
    $server->stop('clients that leave');
}


part(\&killed);
part(\&reloaded);
part(\&stopped);
part(\&aborted);
part(\&no_connections);
part(\&hang);
part(\&tls_faults);
part(\&responses, $_, 6) for 0 .. 5;
part($_) for \&limits, \&parts_of_sets, \&down, \&many_reloads, \&cut_off,
             \&single;
parts_done();

done_testing;
