# SPDX-License-Identifier: BSD-2-Clause

# The state of upstream servers, from blocks with "zone": up, connections,
# failures, and names that nginx resolves while it runs.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use List::Util qw( sum0 );
use Test::Gateway::Dns;
use Test::Gateway::Samples qw( scrape document );
use Test::Gateway::Server;
use Test::More;

my ($port, $origin, $dead) = map { free_port() } 1 .. 3;
my $changes = !nginx_before(1, 27, 3);
my $dns = dns(undef, ttl => 1);

my $silent = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
    or die "listen: $!";
my $mute = $silent->sockport;

my $resolved = $changes ? <<"END" : '';
    upstream names {
        zone names 2m;
        resolver 127.0.0.1:@{[ $dns->port ]} valid=1s ipv6=off;
        server a.example:$origin resolve;
    }
END

my $server = start_nginx(port => $port, workers => 2, http => <<"HTTP",
    gateway_metrics_zone zone=metrics:8m;
    $resolved
    upstream a {
        zone a 256k;
        server 127.0.0.1:$dead max_fails=3 fail_timeout=1h;
        server 127.0.0.1:$origin;
        server 127.0.0.1:1 down;
        server 127.0.0.1:2 backup;
    }
    upstream slow { zone slow 256k; server 127.0.0.1:$mute; }
    upstream twice {
        zone twice 256k;
        server 127.0.0.1:$origin;
        server 127.0.0.1:$origin weight=2;
        server 127.0.0.1:$origin down;
    }
    upstream zoneless { server 127.0.0.1:$origin; }
    server { listen 127.0.0.1:$origin; return 204; }
HTTP
    server => <<"SERVER");
    location = /metrics { gateway_metrics_page from=127.0.0.1; }
    location /gateway/ { gateway_metrics_page from=127.0.0.1; }
    location /a { proxy_pass http://a; }
    location /slow { proxy_pass http://slow; proxy_read_timeout 60s; }
    location /twice { proxy_pass http://twice; }
    location /zoneless { proxy_pass http://zoneless; }
    @{[ $changes ? 'location /names { proxy_pass http://names; }' : '' ]}
SERVER

# the samples of a block's peers: "up connections fails" by address

sub peers {
    my ($block) = @_;

    my $at = scrape($server);
    my %peers;
    for my $what (qw( up connections fails )) {
        for (keys %$at) {
            /^upstream_peer_$what\{upstream="\Q$block\E",peer="(.*)"\}$/
                and push @{ $peers{$1} }, $at->{$_};
        }
    }
    return { map { $_ => "@{ $peers{$_} }" } keys %peers };
}

sub states {
    my ($block) = @_;
    my $at = scrape($server);
    return join ' ', map {
        $at->{qq(upstream_peers{upstream="$block",state="$_"})} // '-'
    } qw( up unavail down );
}


is_deeply(peers('a'), { "127.0.0.1:$dead" => '1 0 0',
                        "127.0.0.1:$origin" => '1 0 0',
                        '127.0.0.1:1' => '0 0 0',
                        '127.0.0.1:2' => '1 0 0' }, 'the servers of a block');
is(states('a'), '3 0 1', 'and their states');
is_deeply(peers('zoneless'), {}, 'a block without a zone is not read');
is(states('zoneless'), '- - -', 'nor are its states');
is_deeply(document($server)->{notes},
          [ 'Upstream zoneless: without "zone" the state of its servers is not known.' ],
          'and a note says so');

# failures are shared by workers

wait_until(sub {
    http_get($server, '/a');
    return peers('a')->{"127.0.0.1:$dead"} eq '0 0 3';
}, 20);
is(peers('a')->{"127.0.0.1:$dead"}, '0 0 3', 'a server that has failed');
ok(wait_until(sub { states('a') eq '2 1 1' }), 'is unavailable');

# a connection that waits for the server

{
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    print $client "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
    my $peer = $silent->accept;
    ok(wait_until(sub { peers('slow')->{"127.0.0.1:$mute"} eq '1 1 0' }),
       'an active connection');
    close $client;
    ok(wait_until(sub { peers('slow')->{"127.0.0.1:$mute"} eq '1 0 0' }),
       'and none');
}

is_deeply(peers('twice'), { "127.0.0.1:$origin" => '1 0 0' },
          'an address that a block has three times is one peer');
is(states('twice'), '2 0 1', 'but three servers');


SKIP: {
    skip 'servers are resolved at start before nginx 1.27.3', 29 if !$changes;

    is(states('names'), '0 0 0', 'a name without an address is a block');
    is_deeply(peers('names'), {}, 'without a peer');
    is((http_get($server, '/names'))[0], 502, 'it does not serve requests');
    is(scrape($server)->{'upstream_no_live_total{upstream="names"}'}, 1,
       'which is counted');

    $dns->moves('127.0.0.1');
    ok(wait_until(sub { states('names') eq '1 0 0' }, 20), 'an address');
    http_get($server, '/names') for 1 .. 2;
    my $tries = qq(upstream_tries_total{upstream="names",)
                . qq(peer="127.0.0.1:$origin",code="204"});
    ok(wait_until(sub { (scrape($server)->{$tries} // 0) == 2 }),
       'its requests are counted');

    # 280 more, none of which answers; 256 addresses of a block have series

    $server->allow(qr/Connection refused|no live upstreams/);

    for my $net (1 .. 10) {
        $dns->moves(join ' ', map { "127.9.$net.$_" } 1 .. 28);
        ok(wait_until(sub {
            states('names') eq '28 0 0' && exists peers('names')->{"127.9.$net.1:$origin"}
        }, 20), 'other addresses');
        is(scalar keys %{ peers('names') }, $net < 10 ? 28 : 4,
           'and only these are peers, at most 257 in a minute');
        http_get($server, '/names');
    }

    my %tried;
    ok(wait_until(sub {
        my $at = scrape($server);
        %tried = map { /^upstream_tries_total\{upstream="names",peer="(.*)",code="connect"\}$/
                       ? ($1 => $at->{$_}) : () } keys %$at;
        sum0(values %tried) == 280;
    }), 'each of them is tried once') or diag sum0(values %tried);
    is($tried{__other__}, 280 - 255, 'above 256 addresses share a series');
    is(scalar keys %tried, 256, 'the others have one each');
}

$server->stop;
done_testing;
