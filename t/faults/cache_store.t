# SPDX-License-Identifier: BSD-2-Clause

# What the cache has stored survives reloads and killed workers, wherever they
# are killed: by a module that is added to a copy of the project.

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

# the module in place of all of the cache that is not the store

unlink grep { !/_store\.c$/ }
       glob "$copy/modules/cache/ngx_http_gateway_cache_*.c";
write_file("$copy/modules/cache/ngx_http_gateway_cache_module.c",
           read_file('t/faults/cache_store.c'));

my $said = qx(cd '$copy' && MODULES=cache tools/build 2>&1);
is($?, 0, 'it is built') or BAIL_OUT($said);


my $port = free_port();

sub conf {
    my ($size, %arg) = @_;
    return http_conf(workers => $arg{workers} // 2, main => $arg{main},
                     http => "gateway_cache_zone api $size;",
                     server => "listen 127.0.0.1:$port sndbuf=32k;"
                               . 'location / { gateway_cache_drive; }');
}

sub answer { my ($path) = @_; return (http_get($port, $path))[2] }

# of the statistics, the given one
sub stat_of {
    my ($name) = @_;
    return answer('/stat') =~ /\b$name:(\d+)/ ? $1 : undef;
}

# how many of the keys that keep() has stored are found as they were
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
is(keep(), 20, 'stored');
is(kept(), 20, 'and found');

for (1 .. 3) {
    write_file($nginx->dir . '/nginx.conf', conf('32m'));
    $nginx->reload;
}
is(kept(), 20, 'a reload keeps everything');
is(stat_of('hits'), 40, 'and counts on');

write_file($nginx->dir . '/nginx.conf', conf('16m'));
$nginx->reload;
is(kept(), 0, 'half the size: half the shards, and new memory');
is(stat_of('shards'), 1, 'one shard');
is(stat_of('entries'), 0, 'no entries');

write_file($nginx->dir . '/nginx.conf', conf('511k'));
$nginx->allow(qr/is too small/);
kill 'HUP', $nginx->pid;
ok(wait_until(sub { $nginx->log =~ /zone "api" is too small, it must have/ }),
   'a size that is refused');
write_file($nginx->dir . '/nginx.conf', conf('512k'));
$nginx->reload;
is(keep(), 20, 'the least size');
is(answer('/put?k=big&c=x&n=200000'), 'failed',
   'has no room for a body above a quarter of it');
is(answer('/put?k=big&c=x&n=60000'), 'stored', 'and for a smaller one');
$nginx->stop;


# --- killed workers

$nginx = start_nginx(port => $port, conf => conf('2m'));
$nginx->allow(qr/exited on signal 9/, qr/was locked by/);
is(keep(), 20, 'stored');

my $bytes = stat_of('bytes');

for (1 .. 20) {
    is(answer('/put?k=stuck&c=x&n=50000&die=1'), '', 'killed while it fills');
    ok(wait_until(sub { (stat_of('fills') // 1) == 0 }),
       'its lock is given back');
}
is(stat_of('bytes'), $bytes, 'and its memory');
is(answer('/put?k=stuck&c=x&n=50000'), 'stored', 'by another one');
is(answer('/get?k=stuck'), 'x' x 50000, 'whole');

my $repairs = stat_of('repairs');
is(answer('/die'), '', 'killed with the lock');
is(kept(), 20, 'nothing is lost, nobody waits for ever');
is(stat_of('repairs'), $repairs + 1, 'the shard was built anew, once');


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
is(answer('/put?k=big&c=y&n=1000000'), 'stored', 'a large body');

my @readers = map { [ slow_reader('/get?k=big') ] } 1 .. 20;
ok(wait_until(sub { stat_of('pins') >= 1 }), 'is being sent to slow readers');
is(answer('/x'), 21, 'purged meanwhile');
is(answer('/get?k=big'), 'miss', 'not found');
is(answer('/put?k=big&c=z&n=1000000'), 'stored', 'another one in its place');

my $wrong = 0;
for my $reader (@readers) {
    my ($socket, $body) = @$reader;
    1 while sysread $socket, $body, 65536, length $body;
    $wrong++ if ($body =~ s/^.*?\r\n\r\n//sr) ne 'y' x 1000000;
}
is($wrong, 0, 'readers get what they have begun with');
ok(wait_until(sub { stat_of('pins') == 0 }), 'no pins');

@readers = map { [ slow_reader('/get?k=big') ] } 1 .. 5;
ok(wait_until(sub { stat_of('pins') >= 1 }), 'slow readers again');
my ($worker) = $nginx->workers;
kill 'KILL', $worker;
ok(wait_until(sub { (stat_of('pins') // 1) == 0 }),
   'a killed worker has no pins');
is(answer('/get?k=big'), 'z' x 1000000, 'and the body is as it was');
answer('/x');
ok(wait_until(sub { stat_of('entries') == 0 }, 60), 'what was purged is swept');
cmp_ok(stat_of('bytes'), '<', $bytes, 'and its memory is free');
$nginx->stop;


# --- no master

$nginx = start_nginx(port => $port,
                     conf => conf('1m', main => 'master_process off;'));
is(keep(), 20, 'stored without a master');
is(kept(), 20, 'and found');
is(stat_of('pins'), 0, 'no pins');
$nginx->stop;

done_testing;
