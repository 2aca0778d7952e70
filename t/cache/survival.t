# SPDX-License-Identifier: BSD-2-Clause

# Which stored responses survive a reload, a crash, a restart and an upgrade of
# nginx, as modules/cache/README.md says.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

# an upgrade requires an absolute path
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

# the status of a request; in list context also the pid of its worker

sub ask {
    my (undef, $head) = http_get($nginx, $_[0] // '/a');
    my ($status) = $head =~ /^X-Status: (\w*)/m;
    my ($pid) = $head =~ /^X-Pid: (\d+)/m;
    return wantarray ? ($status, $pid) : $status // '';
}

sub stored { $nginx = $_[0]; ask(); return is(scalar ask(), 'HIT', 'stored') }
sub kept { return is(scalar ask(), 'HIT', "$_[0]: the response is kept") }
sub lost { return is(scalar ask(), 'MISS', "$_[0]: the response is lost") }

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
kept('a second zone');
$nginx->reload(conf('zone=z:2m', settings => 'gateway_cache_key host path args;'));
lost('another key');
$nginx->reload(conf('zone=z:2m'));
kept('the first key again');

# an invalid configuration changes nothing

$nginx->allow(qr/invalid size/);
$nginx->reload(conf('zone=z:x'), wait => 0);
ok(wait_until(sub { $nginx->log =~ /invalid size "x"/ }),
   'nginx rejects an invalid size');
kept('an invalid configuration');

$nginx->reload(conf('zone=z:3m'));
lost('another size');
$nginx->reload(conf('zone=y:3m') =~ s/gateway_cache z;/gateway_cache y;/r);
lost('another name');
$nginx->reload(conf('zone=z:3m'));
lost('a zone that was removed and is declared again');

# --- workers that are killed

$nginx->allow(qr/exited on signal 9/);
my @old = $nginx->workers;
kill 'KILL', @old;
ok(wait_until(sub {
    my %now = map { $_ => 1 } $nginx->workers;
    return keys %now == 2 && !grep { $now{$_} } @old;
}), 'both workers are killed');
kept('workers are killed');

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
is("$code $body", '200 whole', 'an unfinished response is fetched again');
kept('workers are killed while they store another response');

# --- a binary upgrade: the new processes have new zones

my $dir = $nginx->dir;
my (undef, $before) = ask();
$nginx->signal('USR2');
ok(wait_until(sub { -e "$dir/nginx.pid.oldbin" && -s "$dir/nginx.pid" }, 10),
   'an upgrade');
my $new = bless { %$nginx, pid => undef }, ref $nginx;
ok(wait_until(sub { $new->workers == 2 }), 'new workers');
my $old = $nginx->pid;

# the new master is a child of the old one
my $left = sub { scalar grep { $_ != $new->pid } $nginx->workers };

kill 'WINCH', $old;
ok(wait_until(sub { $left->() == 0 }, 10), 'the old workers exit');
my (undef, $after) = ask('/other');
isnt($after, $before, 'a new worker responds');
lost('an upgrade');
is(scalar ask(), 'HIT', 'an upgrade: responses are stored in the new zone');

# back to the old processes, whose zone is unchanged

kill 'HUP', $old;
ok(wait_until(sub { $left->() == 2 }), 'the old workers start again');
Test::Gateway::Server::quit($new->pid, 10);
kept('an upgrade that is reverted');

# --- a restart

$nginx->stop;
$nginx = start_nginx(port => $port, conf => conf('zone=z:2m'));
lost('a restart');
$nginx->stop;

done_testing;
