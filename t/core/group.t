# SPDX-License-Identifier: BSD-2-Clause

# The peers of upstream blocks, read without nginx's locks: what is read, a lock
# that a killed worker has left, and lists that "resolve" changes meanwhile.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Dns;
use Test::Gateway::Probe;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( time );

build_probe();

my $changes = !nginx_before(1, 27, 3);
my $dns = dns('random 8', ttl => 1);
my $many = join "\n", map { "server a$_.example:80 resolve;" } 1 .. 30;
my $resolver = 'resolver 127.0.0.1:' . $dns->port . ' valid=1s ipv6=off;';
my $resolved = $changes ? <<"END" : '';
    upstream many { zone many 1m; $resolver $many }
    upstream none {
        zone none 256k; $resolver
        server none.example:80 resolve;
    }
END
my @blocks = (qw( a zoneless single down ), $changes ? qw( many none ) : ());
my ($port, $origin) = map { free_port() } 1 .. 2;

my $server = start_nginx(port => $port, workers => 2, http => <<"HTTP",
    $resolved
    upstream a {
        zone a 256k;
        server 127.0.0.1:1 weight=3 max_fails=2 fail_timeout=60s;
        server 127.0.0.1:$origin max_conns=7;
        server 127.0.0.1:2 down;
        server 127.0.0.1:3 backup;
        server [::1]:4 backup;
        server unix:/nowhere backup down;
    }
    upstream zoneless { server 127.0.0.1:1; server 127.0.0.1:2; }
    upstream single { zone single 256k; server 127.0.0.1:$origin; }
    upstream down { zone down 256k; server 127.0.0.1:1 down; }
    server { listen 127.0.0.1:$origin; return 204; }
    proxy_connect_timeout 2s;
HTTP
    server => join '', map { "location /$_/ { gateway_probe_group $_; }\n"
                             . "location = /use-$_ { proxy_pass http://$_/; }\n"
                           } @blocks);

sub ask { return (http_get($server, $_[0]))[2] }


# --- what is read

is(ask('/a/list'), <<"END", 'all servers of a block');
127.0.0.1:1 port:1 index:0 weight:3 conns:0/0 fails:0/2 up
127.0.0.1:$origin port:$origin index:1 weight:1 conns:0/7 fails:0/1 up
127.0.0.1:2 port:2 index:2 weight:1 conns:0/0 fails:0/1 down
127.0.0.1:3 port:3 index:0 weight:1 conns:0/0 fails:0/1 backup up
[::1]:4 port:4 index:1 weight:1 conns:0/0 fails:0/1 backup up
unix:/nowhere port:0 index:2 weight:1 conns:0/0 fails:0/1 backup down
n:6 up:4 down:2
END

like(ask('/a/list?max=1'), qr/\A127\.0\.0\.1:1 .* up\nn:6 up:4 down:2\n\z/,
     'all are counted without room for all');
is(ask('/a/list?max=0'), "n:6 up:4 down:2\n", 'and without room for any');
is(ask('/single/list'), "127.0.0.1:$origin port:$origin index:0 weight:1"
                        . " conns:0/0 fails:0/1 up\nn:1 up:1 down:0\n",
   'a single server');
like(ask('/down/list'), qr/n:1 up:0 down:1/, 'none is up');
is(ask('/zoneless/list'), "declined readable:0\n", 'a block without a zone');

# the first server fails twice, whichever worker has asked it

my $asked = 0;
wait_until(sub {
    $asked++;
    http_get($server, '/use-a');
    return ask('/a/list') =~ /^127\.0\.0\.1:1 .* fails:2\/2$/m;
}, 20);
like(ask('/a/list'), qr/^127\.0\.0\.1:1 .* fails:2\/2\n(?s:.*)n:6 up:3 down:2/,
     'a server that has failed is not up') or diag("$asked requests");


# --- a worker was killed while it had the lock

ask('/a/lock');
my $began = time;
my $said = ask('/a/list');
cmp_ok(time - $began, '<', 2, 'reading does not wait for the lock');

if ($changes) {
    is($said, "busy readable:1\n", 'a list that can be incomplete is not used');
} else {
    like($said, qr/^n:6 up:3 down:2$/m, 'a list that never changes is read');
}

ask('/a/unlock');
like(ask('/a/list'), qr/^n:6 up:3 down:2$/m, 'it is read afterwards');


# --- lists that change

SKIP: {
    skip 'servers are resolved at start before nginx 1.27.3', 6 if !$changes;

    my (%worker, %sum);
    my $end = time + 60;

    # until a reader in each worker has met enough lists

    while (time < $end) {
        my $text = ask('/many/stress?ms=20');
        my %seen = $text =~ /(\w+):(\d+)/g;
        $sum{$_} += $seen{$_} // 0 for qw( reads busy wrong lists );
        $sum{most} = $seen{most} if $seen{most} > ($sum{most} // 0);
        $worker{$seen{worker}} += $seen{lists};
        last if (grep { $_ > 200 } values %worker) == 2;
    }

    is($sum{wrong}, 0, 'each peer is one of its list');
    cmp_ok($sum{most}, '>', 100, 'of long lists');
    is(scalar(grep { $_ > 200 } values %worker), 2,
       'lists that changed, in both workers');
    cmp_ok($sum{busy}, '<', $sum{reads} / 100, 'few readings fail');
    diag(join ', ', map { "$_: $sum{$_}" } sort keys %sum);

    # names that do not exist any more

    $dns->forgets;
    ok(wait_until(sub { ask('/many/list') eq "n:0 up:0 down:0\n" }, 20),
       'a block without a peer');
    $dns->moves("127.0.0.1 127.0.0.2");
    ok(wait_until(sub { ask('/none/list') =~ /^n:2 up:2 down:0$/m }, 20),
       'two addresses of one name');
}

$server->stop;
done_testing;
