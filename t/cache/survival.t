# SPDX-License-Identifier: BSD-2-Clause

# What modules/cache/README.md says of what is stored after a reload, a crash, a
# restart and an upgrade of nginx.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

# an upgrade needs the whole path
$ENV{TEST_NGINX_BINARY} ||= (grep { -x } map { "$_/nginx" }
                             split /:/, $ENV{PATH})[0];

my $port = free_port();
my $origin = origin();
$origin->answer('*', head => [ 'Cache-Control: max-age=3600' ]);

sub conf {
    my ($zone, %more) = @_;

    my $settings = $more{settings} // '';
    my $other = $more{other} // '';
    return http_conf(port => $port, http => "gateway_cache_zone $zone; $other",
                     server => <<"END");
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Pid \$pid always;
    $settings
    location / { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
END
}

my ($nginx, $n);

# status of a request; the pid of the worker in the second

sub ask {
    my (undef, $head) = http_get($nginx, $_[0] // '/a');
    my ($status) = $head =~ /^X-Status: (\w*)/m;
    my ($pid) = $head =~ /^X-Pid: (\d+)/m;
    return wantarray ? ($status, $pid) : $status // '';
}

sub stored { $nginx = $_[0]; ask(); return is(scalar ask(), 'HIT', 'stored') }
sub kept { return is(scalar ask(), 'HIT', "$_[0]: it is still there") }
sub lost { return is(scalar ask(), 'MISS', "$_[0]: it is gone") }

# --- reloads

stored(start_nginx(port => $port, conf => conf('zone=z:2m')));

$nginx->reload;
kept('a reload');
$nginx->reload(conf('zone=z:2m max_object=64k'));
kept('another max_object');
$nginx->reload(conf('zone=z:2m', settings => 'gateway_cache_ttl 1m;'
                                . ' gateway_cache_stale off;'));
kept('other settings');
$nginx->reload(conf('zone=z:2m', other => 'gateway_cache_zone zone=y:1m;'));
kept('another zone beside it');
$nginx->reload(conf('zone=z:2m', settings => 'gateway_cache_key host path args;'));
lost('another key');
$nginx->reload(conf('zone=z:2m'));
kept('the old key again');

# a configuration that is refused changes nothing

$nginx->allow(qr/invalid size/);
$nginx->reload(conf('zone=z:x'), wait => 0);
ok(wait_until(sub { $nginx->log =~ /invalid size "x"/ }), 'a wrong one');
kept('a configuration that is refused');

$nginx->reload(conf('zone=z:3m'));
lost('another size');
$nginx->reload(conf('zone=y:3m') =~ s/gateway_cache z;/gateway_cache y;/r);
lost('another name');
$nginx->reload(conf('zone=z:3m'));
lost('a zone that is declared again');

# --- workers that are killed

$nginx->allow(qr/exited on signal 9/);
my @old = $nginx->workers;
kill 'KILL', @old;
ok(wait_until(sub {
    my %now = map { $_ => 1 } $nginx->workers;
    return keys %now == 2 && !grep { $now{$_} } @old;
}), 'both workers are killed');
kept('killed workers');

$origin->answer('/filled', { head => [ 'Cache-Control: max-age=3600' ], hold => 1,
                             body => 'half' },
                { head => [ 'Cache-Control: max-age=3600' ], body => 'whole' });
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
    or die $!;
print $client "GET /filled HTTP/1.0\r\nHost: localhost\r\n\r\n";
$client->flush;
wait_until(sub { $origin->held('/filled') });
@old = $nginx->workers;
kill 'KILL', @old;
wait_until(sub {
    my %now = map { $_ => 1 } $nginx->workers;
    return keys %now == 2 && !grep { $now{$_} } @old;
});
my ($code, undef, $body) = http_get($nginx, '/filled');
is("$code $body", '200 whole', 'what was being stored is asked for again');
kept('what else was stored');

# --- a binary upgrade: new processes have a zone of their own

my $dir = $nginx->dir;
my (undef, $before) = ask();
$nginx->signal('USR2');
ok(wait_until(sub { -e "$dir/nginx.pid.oldbin" && -s "$dir/nginx.pid" }, 10),
   'an upgrade');
my $new = bless { %$nginx, pid => undef }, ref $nginx;
ok(wait_until(sub { $new->workers == 2 }), 'new workers');
my $old = $nginx->pid;

# the new master is the old one's child, too
my $left = sub { scalar grep { $_ != $new->pid } $nginx->workers };

kill 'WINCH', $old;
ok(wait_until(sub { $left->() == 0 }, 10), 'old workers have left');
my (undef, $after) = ask('/other');
isnt($after, $before, 'a new one answers');
lost('an upgrade');
is(scalar ask(), 'HIT', 'and is stored there');

# back to the old ones: their zone is as they have left it

kill 'HUP', $old;
ok(wait_until(sub { $left->() == 2 }), 'the upgrade is taken back');
Test::Gateway::Server::quit($new->pid, 10);
kept('an upgrade that is taken back');

# --- a restart

$nginx->stop;
$nginx = start_nginx(port => $port, conf => conf('zone=z:2m'));
lost('a restart');
$nginx->stop;

done_testing;
