# SPDX-License-Identifier: BSD-2-Clause

# The store of the cache survives reloads and killed workers, wherever they are
# killed.  A module that is added to a copy of the project drives the store.

use v5.28;
use warnings;
use lib 't/lib';

use Cwd qw( abs_path );
use IO::Socket::INET;
use Test::Gateway::Gate;
use Test::Gateway::Server;
use Test::More;

my $copy = copy_of(qw( config Makefile modules tools ));

$ENV{$_} = abs_path($ENV{$_}) for grep { ($ENV{$_} // '') =~ m{/} }
                              qw( NGINX_SRC NGINX_BINARY TEST_NGINX_BINARY );
delete @ENV{qw( MODULES LDFLAGS MAKEFLAGS MFLAGS MAKELEVEL )};
$ENV{CFLAGS} = '-O0';
$ENV{OBJS} = "$copy/objs";
$ENV{GATEWAY_MODULE} = "$copy/objs/ngx_http_gateway_module.so";

# of the cache only the store is kept; the module replaces the rest

unlink grep { !/_store\.c$/ }
       glob "$copy/modules/cache/ngx_http_gateway_cache_*.c";
write_file("$copy/modules/cache/ngx_http_gateway_cache_module.c",
           read_file('t/faults/cache_store.c'));

my $said = qx(cd '$copy' && MODULES=cache tools/build 2>&1);
is($?, 0, 'the copy builds') or die $said;


my $port = free_port();

sub conf {
    my ($size, %arg) = @_;
    return http_conf(workers => $arg{workers} // 2, main => $arg{main},
                     http => "gateway_cache_zone api $size;",
                     server => "listen 127.0.0.1:$port sndbuf=32k;"
                               . 'location / { gateway_cache_drive; }');
}

sub answer { my ($path) = @_; return (http_get($port, $path))[2] }

# the statistic of the given name
sub stat_of {
    my ($name) = @_;
    return answer('/stat') =~ /\b$name:(\d+)/ ? $1 : undef;
}

# the number of keys of keep() that are found with the same body
sub kept {
    return scalar grep { answer("/get?k=key$_") eq chr(65 + $_) x (900 * $_) }
                       1 .. 20;
}

sub keep {
    return scalar grep { answer("/put?k=key$_&c=@{[ chr(65 + $_) ]}&n="
                                . 900 * $_) eq 'stored' } 1 .. 20;
}


# --- reloads

my $nginx = start_nginx(port => $port, conf => conf('32m'));

is(stat_of('shards'), 2, 'a shard for each 16 MB');
is(keep(), 20, '20 keys are stored');
is(kept(), 20, '20 keys are found');

for (1 .. 3) {
    write_file($nginx->dir . '/nginx.conf', conf('32m'));
    $nginx->reload;
}
is(kept(), 20, 'reloads keep all keys');
is(stat_of('hits'), 40, 'reloads keep counters');

write_file($nginx->dir . '/nginx.conf', conf('16m'));
$nginx->reload;
is(kept(), 0, 'half the size: the zone is empty');
is(stat_of('shards'), 1, 'half the size: one shard');
is(stat_of('entries'), 0, 'no entries');

write_file($nginx->dir . '/nginx.conf', conf('511k'));
$nginx->allow(qr/is too small/);
kill 'HUP', $nginx->pid;
ok(wait_until(sub { $nginx->log =~ /zone "api" is too small, it must have/ }),
   'a size that is too small');
write_file($nginx->dir . '/nginx.conf', conf('512k'));
$nginx->reload;
is(keep(), 20, 'the minimum size');
is(answer('/put?k=big&c=x&n=200000'), 'failed',
   'a body above a quarter of the size is not stored');
is(answer('/put?k=big&c=x&n=60000'), 'stored', 'a smaller body is stored');
$nginx->stop;


# --- killed workers

$nginx = start_nginx(port => $port, conf => conf('2m'));
$nginx->allow(qr/exited on signal 9/);
is(keep(), 20, 'stored');

my $bytes = stat_of('bytes');

for (1 .. 20) {
    is(answer('/put?k=stuck&c=x&n=50000&die=1'), '', 'killed while it fills');
    ok(wait_until(sub { (stat_of('fills') // 1) == 0 }),
       'the lock on its key is released');
}
is(stat_of('bytes'), $bytes, 'its memory is freed');
is(answer('/put?k=stuck&c=x&n=50000'), 'stored', 'another worker stores it');
is(answer('/get?k=stuck'), 'x' x 50000, 'the whole body is found');

# while a shard is repaired, an entry that is not in the index yet is a miss

for my $repairs (map { stat_of('repairs') + $_ } 1 .. 5) {
    is(answer('/die'), '', 'a worker is killed while it holds the lock');
    ok(wait_until(sub { (stat_of('repairs') // 0) == $repairs }),
       'the shard is repaired, once');
    is(kept(), 20, 'no key is lost, and no worker waits forever');
}


# --- readers

sub slow_reader {
    my ($path) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        or die "connect: $!";
    print $socket "GET $path HTTP/1.0\r\n\r\n";
    sysread $socket, my $start, 100 or die 'no answer';
    return ($socket, $start);
}

$nginx->stop;
$nginx = start_nginx(port => $port, conf => conf('64m', workers => 1));
$nginx->allow(qr/exited on signal 9/);
is(keep(), 20, 'stored');
$bytes = stat_of('bytes');
is(answer('/put?k=big&c=y&n=1000000'), 'stored', 'a large body is stored');

my @readers = map { [ slow_reader('/get?k=big') ] } 1 .. 20;
ok(wait_until(sub { stat_of('pins') >= 1 }), 'slow readers receive it');
is(answer('/x'), 21, 'all keys are purged');
is(answer('/get?k=big'), 'miss', 'the large body is not found');
is(answer('/put?k=big&c=z&n=1000000'), 'stored', 'another body is stored');

my $wrong = 0;
for my $reader (@readers) {
    my ($socket, $body) = @$reader;
    1 while sysread $socket, $body, 65536, length $body;
    $wrong++ if ($body =~ s/^.*?\r\n\r\n//sr) ne 'y' x 1000000;
}
is($wrong, 0, 'the readers receive the purged body');
ok(wait_until(sub { stat_of('pins') == 0 }), 'no pin is left');

@readers = map { [ slow_reader('/get?k=big') ] } 1 .. 5;
ok(wait_until(sub { stat_of('pins') >= 1 }), 'slow readers again');
my ($worker) = $nginx->workers;
kill 'KILL', $worker;
ok(wait_until(sub { (stat_of('pins') // 1) == 0 }),
   'the pins of a killed worker are removed');
is(answer('/get?k=big'), 'z' x 1000000, 'the body is unchanged');
answer('/x');
ok(wait_until(sub { stat_of('entries') == 0 }, 60), 'purged entries are swept');
cmp_ok(stat_of('bytes'), '<', $bytes, 'their memory is freed');
$nginx->stop;


# --- master_process off

$nginx = start_nginx(port => $port,
                     conf => conf('1m', main => 'master_process off;'));
is(keep(), 20, 'without a master: 20 keys are stored');
is(kept(), 20, 'without a master: 20 keys are found');
is(stat_of('pins'), 0, 'without a master: no pins');
$nginx->stop;

done_testing;
