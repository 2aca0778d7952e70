# SPDX-License-Identifier: BSD-2-Clause

# The worker that fetches a key set, or one that reads it, is killed, stopped,
# shut down or out of memory; and what is logged of sets that cannot be used.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use IO::Socket::INET;
use Test::Gateway::Issuer;
use Test::Gateway::Parts;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep time );

my %token = map { $_ => token(key => $_, claims => { sub => 'alice' }) }
            qw( a b c );
my $unavailable = '503 keys_unavailable';

sub conf {
    my ($issuer, $fetch, %arg) = @_;

    return http_conf(workers => 2, %arg, server => <<"END");
    $Reason
    gateway_jwt_key_fetch $fetch;
    @{[ $issuer->location('/keys') ]}
    location / {
        gateway_jwt api;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
END
}

sub start {
    my ($issuer, $fetch, %arg) = @_;

    local $ENV{TEST_NGINX_LOG_LEVEL} = 'debug';
    my $port = free_port();
    return start_nginx(port => $port,
                       conf => conf($issuer, $fetch, port => $port, %arg));
}

# the process that has begun the last fetch

sub fetching {
    my ($server) = @_;
    return ($server->log =~ /(\d+)#\d+: gateway jwt: fetching "\/keys"(?:$|,)/mg)
           [-1];
}

# what the lines about the set say, without the times in them

sub said {
    my ($server, $level) = @_;

    return map { s/\d+s$/Ns/r =~ s{\d{4}/\S+ \S+?(?=,|$)}{TIME}r }
           map { /\[$level\] .*gateway_jwt_key_request "\/keys": (.*)/ ? $1 : () }
           split /\n/, $server->log;
}


# --- the fetching worker is killed, while no request waits

sub killed {
    my $issuer = issuer('a');
    $issuer->hang;
    my $server = start($issuer, 'timeout=20s min=10s', workers => 3);
    $server->allow('exited on signal 9');

    my $began = time;
    for my $n (1 .. 3) {
        ok($issuer->fetched($n, 10), "fetch $n");
        wait_until(sub { ($issuer->held // 0) >= 1 });
        kill 'KILL', fetching($server);
    }
    ok($issuer->fetched(4, 10), 'each killed fetch is repeated');
    cmp_ok(time - $began, '<', 8, 'without a pause of "min"');
    $issuer->go;
    ok(wait_until(sub { reason($server, '/', $token{a}) eq '200' }, 10),
       'the last one succeeds');
    is($issuer->fetches, 4, 'and is the last one');
    is(join('; ', said($server, 'error')), '', 'there was no failure');
    is(scalar(() = $server->log =~ /since the fetching process is gone/g), 3,
       'each repetition has its reason');
    $server->stop('killed');
}


# --- it is stopped: nobody takes over before it is gone

sub stopped {
    my $issuer = issuer('a');
    my $server = start($issuer, 'interval=1s min=1s timeout=1s', workers => 2);
    $server->allow('exited on signal 9');

    ok(wait_until(sub { said($server, 'notice') == 1 }), 'a set');
    my $n = $issuer->fetches;
    $issuer->hang;
    $issuer->fetched($n + 1, 10);
    wait_until(sub { $issuer->held == 1 });
    my $stopped = fetching($server);
    kill 'STOP', $stopped;
    $issuer->go;
    sleep 1.5;      # three looks of the other worker
    is($issuer->fetches, $n + 1, 'a stopped worker: no other one fetches');
    kill 'KILL', $stopped;
    ok($issuer->fetched($n + 2, 10), 'until it is gone');
    ok(wait_until(sub { reason($server, '/', $token{a}) eq '200' }, 10),
       'the keys serve');
    $server->stop('stopped');
}


# --- the worker shuts down, and its time is over

sub abandoned {
    my ($time) = @_;

    my $issuer = issuer('a');
    $issuer->hang;
    my $server = start($issuer, 'timeout=20s min=1s', workers => 1,
                       main => $time);

    wait_until(sub { $issuer->held == 1 });
    my ($old) = $server->workers;
    $server->reload(undef, wait => 0);
    ok(wait_until(sub { !grep { $_ == $old } $server->workers }, 15),
       'a worker leaves during a fetch');
    ok($issuer->fetched(2, 10), 'the new one fetches');
    $issuer->go;
    ok(wait_until(sub { reason($server, '/', $token{a}) eq '200' }, 10),
       'successfully');
    is(join('; ', said($server, 'error')), '', 'no failure of the issuer');
    is($issuer->fetches, 2, 'two fetches');
    $server->stop("abandoned: $time");
}


# --- a fetch of an old worker that ends after a reload

sub outlived {
    my $issuer = issuer('a');
    my $other = issuer('b');
    $issuer->hang;
    my $server = start($issuer, 'timeout=20s min=1s interval=1h', workers => 1);

    ok(wait_until(sub { $issuer->held == 1 }, 20), 'a fetch runs');
    my $old = fetching($server);
    $server->reload(conf($other, 'timeout=20s min=1s interval=1h',
                         port => $server->port, workers => 1), wait => 0);

    # at the start of the new worker, and half a second later
    ok(wait_until(sub {
        2 <= scalar(() = $server->log =~ /gateway lease: held by process $old$/mg)
    }, 20), 'the new worker tries to fetch twice');
    is($other->fetches, 0, 'a reload does not fetch while a fetch runs')
        or diag(grep { /gateway (?:jwt|lease|detached)/ } split /^/, $server->log);
    $issuer->go;
    ok($other->fetched(1, 10), 'the new configuration fetches soon after it');
    ok(wait_until(sub { reason($server, '/', $token{b}) eq '200' }, 10),
       'and has its keys');
    is(reason($server, '/', $token{a}), '401 unknown_key', 'and no others');
    $server->stop('outlived');
}


# --- one process: a reload unmaps the zone of a set in the process that uses it

sub single {
    my $issuer = issuer('a');
    $issuer->answers({}, { hold => 1 });
    my $server = start($issuer, 'interval=1s min=1s timeout=20s', workers => 1,
                       main => 'master_process off;');

    is(reason($server, '/', $token{a}), '200', 'one process');
    ok(wait_until(sub { $issuer->held == 1 }, 10), 'a fetch runs');
    my $client = send_only($server, $token{b});
    wait_until(sub { $server->log =~ /waiting for the keys of/ })
        or fail('a request waits');

    $server->reload(http_conf(port => $server->port, workers => 1,
                              main => 'master_process off;',
                              server => 'location / { empty_gif; }'),
                    wait => 0);
    like(response($client), qr/ 401 .*^X-Reason: unknown_key\r$/ms,
         'a reload without the set ends it, and the waiting request');
    sleep 2;        # "interval", and more
    $server->stop('one process, after more than the interval');
}

# --- one process: a reload that keeps the set keeps its keys

# nginx continues with the old configuration, whose log it has closed: a line
# would be written to a connection that has the descriptor of the log.  Nor are
# there connections, but those that are closed.

sub kept {
    my $issuer = issuer('a');
    my $port = free_port();
    local $ENV{TEST_NGINX_LOG_LEVEL} = 'error';
    my $server = start_nginx(port => $port,
                             conf => conf($issuer, 'interval=15s min=1s '
                                          . 'timeout=20s', port => $port,
                                          workers => 1,
                                          main => 'master_process off;'));

    is(reason($server, '/', $token{a}), '200', 'one process');
    my @idle = map { kept_connection($server) } 1 .. 8;
    my $client = kept_connection($server, $token{a});
    like($client->{answer}, qr/ 200 /, 'a connection that is kept');

    for my $n (1, 2) {
        reload_single($server);
        like(request($client->{socket}, $token{a}), qr/ 200 /,
             "reload $n, without a change: the keys remain");
    }
    is($issuer->fetches, 1, 'which are not fetched for it');

    close $_->{socket} for @idle;
    $issuer->keys('b');
    ok(wait_until(sub { reason($server, '/', $token{b}) eq '200' }, 30),
       'an unknown key is fetched');
    is(reason($server, '/', $token{a}), '401 unknown_key',
       'the old one is gone');
    my $n = $issuer->fetches;
    ok($issuer->fetched($n + 1, 40), 'after the interval, all are fetched');
    $server->stop('one process, reloaded');
}

# a reload has begun once nginx has opened the log again

sub reload_single {
    my ($server) = @_;

    my $log = $server->dir . '/logs/error.log';
    is($server->log, '', 'no errors before a reload');
    rename $log, "$log.before" or die $!;
    $server->signal('HUP');
    wait_until(sub { -e $log }, 30) or fail('a reload');
    return;
}

sub send_only {
    my ($server, $token) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $server->port) or die $!;
    print $socket "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                  . "Authorization: Bearer $token\r\n\r\n";
    return $socket;
}

sub response {
    my ($socket) = @_;

    local $/;
    local $SIG{ALRM} = sub { $socket->close };
    alarm 10;
    my $text = <$socket> // '';
    alarm 0;
    return $text;
}


# a connection that stays open, after a response that has no body to read

sub kept_connection {
    my ($server, $token) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $server->port) or die $!;
    return { socket => $socket, answer => request($socket, $token // 'x') };
}

sub request {
    my ($socket, $token) = @_;

    local $SIG{ALRM} = sub { $socket->close };
    local $SIG{PIPE} = 'IGNORE';
    alarm 10;
    print $socket "HEAD / HTTP/1.1\r\nHost: localhost\r\n"
                  . "Authorization: Bearer $token\r\n\r\n";
    local $/ = "\r\n\r\n";
    my $text = <$socket> // '';
    alarm 0;
    return $text;
}


# --- keys that are left out: logged with the first failure, and once the set is
# used, but not with each fetch

sub left_out {
    my $issuer = issuer('a');
    my $none = { kty => 'unknown', kid => 'x' };
    $issuer->answers(body => json({ keys => [ $none ] }));
    my $server = start($issuer, 'interval=1s min=1s', workers => 2);
    my $key = qr/\[notice\] .*"\/keys": key \d, kid "x": .*, left out$/m;

    ok($issuer->fetched(4, 20), 'a set without a usable key, four times');
    is(scalar(() = $server->log =~ /$key/g), 1, 'one line for its key');
    my @error = said($server, 'error');
    is(scalar @error, 1, 'one error');
    like($error[0], qr/^the response contains no usable key: .*, no keys, /,
         'the reason');

    $issuer->answers(body => json({ keys => [ public_jwk('a'), $none ] }));
    ok(wait_until(sub { reason($server, '/', $token{a}) eq '200' }, 10),
       'a set with one');
    my $n = $issuer->fetches;
    ok($issuer->fetched($n + 2, 10), 'which is fetched again');
    is(scalar(() = $server->log =~ /$key/g), 2,
       'one more line for the other key');
    is(scalar(() = $server->log =~ /the set has changed, 1 key$/mg), 1,
       'the number of usable keys');
    $server->stop('left out');
}


# Libraries: one lets memory fail while the file "full" exists, in the call that
# starts a fetch.  The other one stops a process that copies a set of a certain
# size, while it reads the shared memory, if the file "stop" exists, and gives it
# no memory while the file "none" exists.

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0777, "$dir";

my $size = 7_777;
my $libraries = library("$dir/full.so", <<"END")
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int
posix_memalign(void **p, size_t alignment, size_t size)
{
    int  (*next)(void **, size_t, size_t);

    /* the pool of a detached request's connection */

    if (size == 1024 && access("$dir/full", F_OK) == 0) {
        return ENOMEM;
    }

    *(void **) &next = dlsym(RTLD_NEXT, "posix_memalign");

    return next(p, alignment, size);
}
END
    && library("$dir/stop.so", <<"END");
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);

void *
malloc(size_t size)
{
    if (size == $size && unlink("$dir/stop") == 0) {
        (void) raise(SIGSTOP);
    }

    if (size == $size && access("$dir/none", F_OK) == 0) {
        return NULL;
    }

    return __libc_malloc(size);
}
END

sub preloaded {
    my ($name, @arg) = @_;

    local $ENV{LD_PRELOAD} = "$dir/$name.so";
    return start(@arg);
}

# a set of the size that stops a reader

sub padded { return jwks(@_) . ' ' x ($size - length jwks(@_)) }


# --- a fetch fails inside the call that starts it

sub full {
    my $issuer = issuer('a');
    my $server = preloaded(full => $issuer, 'min=1s timeout=20s', workers => 2);
    $server->allow('posix_memalign');

    ok(wait_until(sub { reason($server, '/', $token{a}) eq '200' }), 'a set');
    $issuer->keys('a', 'b');
    write_file("$dir/full", '');

    my ($answer, $asked);
    ok(wait_until(sub {
        $asked = time;
        $answer = reason($server, '/', $token{b});
        return $answer ne '401 unknown_key';
    }), 'a request starts a fetch, without memory');
    my $took = time - $asked;
    is($answer, $unavailable, 'it is refused');
    cmp_ok($took, '<', 5, 'at once');
    is(reason($server, '/', $token{b}), $unavailable, 'so is the next one');
    is(reason($server, '/', $token{a}), '200', 'the known key serves');
    is($issuer->fetches, 1, 'the issuer is not asked');

    unlink "$dir/full" or die $!;
    ok(wait_until(sub { reason($server, '/', $token{b}) eq '200' }, 10),
       'until there is memory');
    is($issuer->fetches, 2, 'one fetch');
    is_deeply([ said($server, 'error') ],
              [ 'no memory, keeping the keys of TIME, retry in Ns',
                'keys were fetched, after a failure since TIME' ], 'two lines');
    $server->stop('full');
}


# --- a reader stops: the half that it reads is not written

sub busy {
    my $issuer = issuer('c');
    $issuer->answers(body => padded('a'));
    my $server = preloaded(stop => $issuer, 'interval=1s min=1s timeout=1s',
                           workers => 2);
    $server->allow('exited on signal 9');

    ok(wait_until(sub { said($server, 'notice') == 1 }), 'a set');
    my $fetching = fetching($server);
    write_file("$dir/stop", '');
    my ($reader) = grep { $_ != $fetching } $server->workers;

    # requests until the other worker has one, which it does not answer
    wait_until(sub {
        http_get($server, '/', timeout => 0.2,
                 headers => [ "Authorization: Bearer $token{a}" ]);
        return !-e "$dir/stop";
    }, 20);
    like(process($reader), qr/^T/, 'a worker stops while it reads the set');

    $issuer->keys('b');
    ok(wait_until(sub { said($server, 'notice') == 2 }, 10),
       'the next set is published');
    $issuer->keys('c');
    ok(wait_until(sub { said($server, 'error') == 1 }, 20),
       'the one after it cannot be');
    is((said($server, 'error'))[0], 'a process that does not run still reads '
       . 'earlier keys, keeping the keys of TIME, retry in Ns', 'the reason');
    is(scalar(said($server, 'notice')), 2, 'it is not published');

    kill 'CONT', $reader;
    ok(wait_until(sub { said($server, 'notice') == 3 }, 10),
       'until the reader continues');
    for (1 .. 20) {
        my $answer = join ' ', map { reason($server, '/', $token{$_}) }
                               qw( b c );
        next if $answer eq '401 unknown_key 200';
        fail("the last set: $answer");
    }
    is((said($server, 'error'))[1], 'keys were fetched, after a failure since '
       . 'TIME', 'the failure has ended');
    $server->stop('busy');
}


# --- a reader has no memory for the new set

sub unread {
    my $issuer = issuer('a');
    my $server = preloaded(stop => $issuer, 'interval=1s min=1s', workers => 2);
    $server->allow("malloc($size) failed");

    ok(wait_until(sub { reason($server, '/', $token{a}) eq '200' }), 'a set');
    write_file("$dir/none", '');
    $issuer->answers(body => padded('a', 'b'));
    ok(wait_until(sub { said($server, 'notice') == 2 }, 10), 'another one');

    # until the worker that did not fetch has had some requests

    my %answer;
    wait_until(sub {
        my ($status, $head) = http_get($server, '/', headers =>
                                       [ "Authorization: Bearer $token{a}" ]);
        my ($why) = $head =~ /^X-Reason: (\S+)/m;
        my ($after) = $head =~ /^Retry-After: (\S+)/m;
        my $said = join ' ', $status, $why // '', $after // '';
        return ++$answer{$said} >= 10 && $status == 503;
    }, 20);
    ok(delete $answer{'503 keys_unavailable 1'}, 'no memory for it');
    is(join(', ', grep { !/^200 / } sort keys %answer), '',
       'its worker never answers otherwise');
    like($server->log, qr/keys could not be read: no memory, .* with 503$/m,
         'the log');

    unlink "$dir/none" or die $!;
    is(reason($server, '/', $token{$_}), '200', "there is memory: $_")
        for ('a', 'b') x 10;
    $server->stop('unread');
}

sub process {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/stat" or return '';
    return <$in> =~ s/^.*\) //r;
}


part(\&abandoned, $_) for 'worker_shutdown_timeout 500ms;', '';
part($_) for \&killed, \&stopped, \&outlived, \&single, \&kept,
             \&left_out, $libraries ? (\&full, \&busy, \&unread) : ();
parts_done();

done_testing;
