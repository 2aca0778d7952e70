# SPDX-License-Identifier: BSD-2-Clause

# The same limits with each installed server that uses the protocol of Redis; the
# versions are printed.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Redis;
use Test::Gateway::Server;
use Test::More;

sub installed { grep { -x "$_/$_[0]" } split /:/, $ENV{PATH} }

my @servers = grep { installed($_) } qw( redis-server valkey-server );
ok(@servers, 'there is a server: ' . join ', ', @servers);

for my $name (@servers) {
    my $redis = start_redis(server => $name);
    my ($version) = $redis->cli('INFO', 'server')
                    =~ /^((?:valkey|redis)_version:\S+)/m;
    note("$name: $version");

    my $nginx = start_nginx(http => <<"END", server => <<'END');
        gateway_redis r { server 127.0.0.1:@{[ $redis->port ]}; timeout 5s; }
        gateway_limit_zone \$arg_k zone=g:1m rate=1r/d burst=2 redis=r;
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Real-IP;
        gateway_limit_zone \$binary_remote_addr zone=v6:1m rate=1r/d burst=1 redis=r
                           ipv6_prefix=64;
        gateway_limit_zone \$arg_k zone=s:1m rate=3r/d algorithm=sliding_window
                           redis=r;
        gateway_limit_zone \$arg_k zone=q:1m quota=3/month timezone=Europe/Berlin
                           redis=r;
END
        location /v6 { gateway_limit zone=v6; empty_gif; }
        add_header X-Source $gateway_limit_source always;
        location /g { gateway_limit zone=g; empty_gif; }
        location /s { gateway_limit zone=s; empty_gif; }
        location /q { gateway_limit zone=q; empty_gif; }
        location /all { gateway_limit zone=g; gateway_limit zone=s;
                        gateway_limit zone=q; empty_gif; }
        location /settle { gateway_limit zone=q cost=2 settle; empty_gif; }
        location = /limits { gateway_limit_admin zone=g zone=s zone=q from=any; }
END

    for my $zone (qw( g s q )) {
        my @got = map { [ $nginx->get("/$zone?k=a") ] } 1 .. 4;
        is(join(' ', map { $_->[0] } @got), '200 200 200 429',
           "$name, $zone: three pass");
        is(join(' ', map { $_->[1] =~ /^X-RateLimit-Remaining: (\d+)/m }
                         @got), '2 1 0 0', 'as the headers say');
        is(join(' ', map { $_->[1] =~ /^X-Source: (\w+)/m } @got),
           'redis redis redis redis', 'each by the server');

        my $body = ($nginx->get("/limits?zone=$zone&key=a"))[2];
        like($body, qr/"used":3,"remaining":0/, 'its state');
        ($body) = ($nginx->get('/limits', method => 'POST', body =>
                   qq({"zone":"$zone","key":"a","set":1})))[2];
        like($body, qr/"used":1,"remaining":2/, 'is set');
        is(join(' ', map { ($nginx->get("/$zone?k=a"))[0] } 1 .. 3),
           '200 200 429', 'and holds');
    }

    is(join(' ', map { ($nginx->get('/all?k=b'))[0] } 1 .. 4),
       '200 200 200 429', 'three limits by one call');

    # eight bytes of an IPv6 address count
    my $from = sub {
        return ($nginx->get('/v6', headers => [ "X-Real-IP: $_[0]" ]))[0];
    };
    is(join(' ', map { $from->("2001:db8::$_") } 1 .. 3), '200 200 429',
       'ipv6_prefix=64: one network');
    is($from->('2001:db8:0:1::1'), 200, 'and another');

    # with "settle", the charge follows the response
    for my $used (2, 4) {
        is(($nginx->get('/settle?k=c'))[0], 200, 'something is left');
        ok(wait_until(sub {
            ($nginx->get('/limits?zone=q&key=c'))[2] =~ /"used":$used,/
        }), "$used are used");
    }
    is(($nginx->get('/settle?k=c'))[0], 429, 'nothing is left');

    # each decision without Redis is logged
    $redis->kill;
    my ($status, $head) = $nginx->get('/g?k=d');
    is($status, 200, 'Redis is stopped: decided by the node');
    like($head, qr/^X-Source: local/m, 'as the variable says');
    my $said = qr/gateway_limit: zone "g" is decided without redis "r", [\w ]+: local/;
    my @told = $nginx->log =~ /\[info\].*$said/g;
    is(scalar @told, 1, 'and the log says, once');

    $nginx->stop;
}

done_testing;
