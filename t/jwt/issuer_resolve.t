# SPDX-License-Identifier: BSD-2-Clause

# The name of an issuer, which nginx resolves while it runs: it need not exist
# when nginx starts, and its address may change.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Dns;
use Test::Gateway::Issuer;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep );

my %token = map { $_ => token(key => $_, claims => { sub => 'alice' }) }
            qw( a b );
my $unavailable = '503 keys_unavailable';

sub conf {
    my ($dns, $issuer, %arg) = @_;

    return http_conf(workers => 1, %arg, server => <<"END");
    $Reason
    gateway_jwt_key_fetch interval=1s min=1s timeout=2s;
    location = /keys {
        internal;
        resolver 127.0.0.1:@{[ $dns->port ]} valid=1s ipv6=off;
        set \$idp id.example;
        proxy_pass http://\$idp:@{[ $issuer->port ]}/jwks;
        proxy_set_header Host \$idp;
    }
    location / { gateway_jwt api; gateway_jwt_key_request /keys; empty_gif; }
END
}

sub ask { my ($server, $key) = @_; return reason($server, '/', $token{$key}) }


my $issuer = issuer('a');
my $dns = dns(undef);
my $port = free_port();
my $conf = conf($dns, $issuer, port => $port);

my ($code, $said) = nginx_t($conf);
is($code, 0, 'nginx -t passes if the name is unknown') or diag($said);

# a name that is not known at start

my $server = start_nginx(port => $port, conf => $conf);
is(ask($server, 'a'), $unavailable, 'no keys without the name');
like($server->log, qr{\[error\]\ .*gateway_jwt_key_request\ "/keys":
                      \ id\.example\ could\ not\ be\ resolved
                      \ \(3:\ Host\ not\ found\),\ no\ keys,}x, 'the reason');
is($issuer->fetches, 0, 'no request');

$dns->moves('127.0.0.1');
ok(wait_until(sub { ask($server, 'a') eq '200' }, 10), 'until it is known');
is((($issuer->requests)[0]{head} =~ /^Host: (\S+)/m)[0], 'id.example', 'Host');

# another address: nobody listens there, as if the issuer had moved

$dns->moves('127.0.0.9');
my $front = $issuer->port;
my $moved = issuer('b');
my $to = $moved->front("127.0.0.9:$front");
my $second = start_nginx(workers => 1, http => $to);
ok(wait_until(sub { ask($server, 'b') eq '200' }, 10),
   'the keys at another address');
is(ask($server, 'a'), '401 unknown_key', 'replace those at the first one');
cmp_ok($moved->fetches, '>', 0, 'which come from there');

# and no address again: the keys remain

$dns->forgets;
sleep 2.5;      # two intervals
is(ask($server, 'b'), '200', 'the keys serve when it is forgotten');
$server->stop('a name');
$second->stop('another address');


# --- "server ... resolve" of an upstream, since nginx 1.27.3

SKIP: {
    skip 'nginx before 1.27.3 has no "resolve"', 7 if nginx_before(1, 27, 3);

    $issuer = issuer('a');
    $dns->forgets;
    $port = free_port();
    my $group = <<"END";
    resolver 127.0.0.1:@{[ $dns->port ]} valid=1s ipv6=off;
    upstream idp {
        zone idp 64k;
        server id.example:@{[ $issuer->port ]} resolve;
    }
END
    my $named = conf($dns, $issuer, port => $port, http => $group)
                =~ s{http://\$idp:\d+}{http://idp}r;

    $server = start_nginx(port => $port, conf => $named);
    is(ask($server, 'a'), $unavailable, 'resolve: no address');
    $dns->moves('127.0.0.1');
    ok(wait_until(sub { ask($server, 'a') eq '200' }, 10), 'resolve: an address');

    $dns->moves('127.0.0.9');
    $moved = issuer('b');
    $second = start_nginx(workers => 1,
                          http => $moved->front('127.0.0.9:' . $issuer->port));
    ok(wait_until(sub { ask($server, 'b') eq '200' }, 10), 'resolve: another one');
    is(ask($server, 'a'), '401 unknown_key', 'resolve: only its keys');

    $dns->forgets;
    sleep 2.5;
    is(ask($server, 'b'), '200', 'resolve: forgotten');
    $server->stop('resolve');
    $second->stop('resolve: another address');
}


# --- a literal name is resolved when nginx starts

($code, $said) = nginx_t($conf =~ s{http://\$idp}{http://id.invalid}r);
is($code, 1, 'nginx does not start with a literal name that is unknown');
like($said, qr/host not found in upstream "id\.invalid"/, 'and says so');

done_testing;
