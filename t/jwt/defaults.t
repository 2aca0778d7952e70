# SPDX-License-Identifier: BSD-2-Clause

# The defaults of live keys, of the table of verified tokens, of revocation and
# of introspection, each by what it does and by a value beside it.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway::Endpoint;
use Test::Gateway::Issuer;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

plan skip_all => 'this nginx writes no debug log'
    if `${\ Test::Gateway::Server::binary()} -V 2>&1` !~ /--with-debug/;

my $issuer = issuer('a');
my $debug = 'error_log logs/error.log debug;';
my $es256 = token(key => 'a', claims => { sub => 'alice' });

sub start {
    my (%arg) = @_;
    return start_nginx(workers => 1, main => $debug, %arg);
}

sub keys_of {
    my ($fetch, $main) = @_;
    return start(main => $debug . ($main // ''), server => $Reason . $fetch . $issuer->location('/keys')
                 . 'location / { gateway_jwt api; gateway_jwt_key_request /keys;'
                 . ' empty_gif; }');
}

sub next_in {
    my ($server, $failures) = @_;

    my ($ms) = $server->log =~ /has ended, failures:$failures, next in (\d+)ms/;
    return $ms // -1;
}

sub between {
    my ($value, $least, $most, $name) = @_;
    return ok($value >= $least && $value <= $most, $name) || diag($value);
}


# --- gateway_jwt_key_fetch

my $server = keys_of('');
wait_until(sub { next_in($server, 0) >= 0 });
between(next_in($server, 0), 539_000, 600_000, 'interval=10m: 90 to 100 %');
is(reason($server, '/', $es256), '200', 'a key');
$server->stop('interval');

$issuer->answers(status => 500);
$server = keys_of('');
wait_until(sub { next_in($server, 1) >= 0 });
between(next_in($server, 1), 9_900, 12_500, 'min=10s: up to a quarter more');
is(reason($server, '/', $es256), '503 keys_unavailable', 'no key');
$server->stop('min');

$server = keys_of('gateway_jwt_key_fetch interval=5s;');
wait_until(sub { next_in($server, 1) >= 0 });
between(next_in($server, 1), 4_900, 5_000, 'min= is interval= if that is less');
$server->stop('min and interval');

$issuer->hang;
$server = keys_of('');
is((http_get($server, '/', timeout => 20,
             headers => [ "Authorization: Bearer $es256" ]))[0], 503,
   'the issuer hangs');
like($server->log, qr{waiting\ for\ the\ keys\ of\ "/keys",\ timeout:5000$}mx,
     'timeout=5s');
$issuer->go;
$issuer->keys('a');
$server->stop('timeout');

# the text of a set may have 128 KB, and not a byte more

my $set = jwks('a');
for my $more (0, 1) {
    $issuer->answers(body => $set . ' ' x (131_072 - length($set) + $more));
    $server = keys_of('');
    wait_until(sub { next_in($server, $more) >= 0 });
    is(reason($server, '/', $es256), $more ? '503 keys_unavailable' : '200',
       "max_size=128k, $more more");
    $server->stop('max_size');
}
$issuer->keys('a');

# the clock of nginx jumps while the issuer is down

SKIP: {
    my ($lib) = grep { -e } glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
    my $binary = Test::Gateway::Server::binary();
    skip 'nginx does not start with libfaketime', 4
        if !$lib || `LD_PRELOAD=$lib $binary -v 2>&1` !~ /nginx version/;

    my $clock = File::Temp->new;
    my $clock_is = sub {
        write_file("$clock", sprintf "%+d\n", @_);
        chmod 0644, "$clock";
    };
    $clock_is->(0);
    my $any = token(key => 'a', claims => { sub => 'alice', exp => 4e9 });

    $server = do {
        local @ENV{qw( LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE )}
            = ($lib, "$clock", 1);
        keys_of('', "env FAKETIME_TIMESTAMP_FILE; env FAKETIME_NO_CACHE;");
    };
    ok(wait_until(sub { reason($server, '/', $any) eq '200' }), 'a key');
    $issuer->down;
    for ([ 86_390, '200' ], [ 86_410, '503 keys_unavailable' ]) {
        $clock_is->($_->[0]);
        sleep 1;
        is(reason($server, '/', $any), $_->[1], "stale=24h: after $_->[0] s");
    }
    $server->stop('stale');
    $issuer->up('a');
}


# --- gateway_jwt_token_cache: how many of 900 large tokens it keeps

my @tokens = map { token(key => 'a', claims => { sub => 'alice', jti => $_,
                                                 pad => 'x' x 3000 }) } 1 .. 900;

sub kept {
    my ($cache) = @_;

    my $server = start(http => $cache, files => { 'a.json' => jwks('a') },
                       server => 'location / { gateway_jwt api;'
                                 . ' gateway_jwt_key_file a.json; empty_gif; }');
    $server->get('/', headers => [ "Authorization: Bearer $_" ])
        for @tokens, reverse @tokens;
    my $kept = () = $server->log =~ /the token is known and verified/g;
    $server->stop("gateway_jwt_token_cache, $cache");
    return $kept;
}

my $four = kept('gateway_jwt_token_cache 4m;');
between($four, 300, 800, 'gateway_jwt_token_cache 4m keeps some');
is(kept(''), $four, '4m is the default');
cmp_ok(kept('gateway_jwt_token_cache 3m;'), '<', $four, '3m keeps fewer');


# --- gateway_jwt_revoked: how often a worker looks

sub looks {
    my ($watch) = @_;

    my $server = start(files => { 'a.json' => jwks('a'), revoked => '' },
                       server => "location / { gateway_jwt api; empty_gif;
                                  gateway_jwt_key_file a.json watch=0;
                                  gateway_jwt_revoked revoked $watch; }");
    my %timers;
    wait_until(sub {
        %timers = map { $_ => 1 } $server->log =~ /timer add: -?\d+: (\d+):/g;
        return $timers{5000} || $timers{7000};
    });
    $server->stop("gateway_jwt_revoked, $watch");
    return join ' ', grep { $timers{$_} } 5000, 7000;
}

is(looks(''), '5000', 'watch=5s');
is(looks('watch=7s'), '7000', 'watch=7s');


# --- gateway_jwt_introspect: locations with the same "cache=" share an answer

my $as = endpoint();
$server = start(files => { 'a.json' => jwks('a') }, server =>
    'gateway_jwt_key_file a.json;' . $as->location('/ask')
    . join '', map { my ($uri, $cache) = split /=/, $_, 2;
                     "location /$uri { gateway_jwt api; empty_gif;
                      gateway_jwt_introspect /ask $cache; }" }
               'a=', 'b=cache=30s', 'c=cache=31s', 'd=when=opaque', 'e=when=always');

sub ask {
    my ($uri, $token) = @_;
    return ($server->get($uri, headers => [ "Authorization: Bearer $token" ]))[0];
}

is(join(' ', map { ask("/$_", 'u1') } qw( a b d )), '200 200 200', 'opaque');
is($as->asked('u1'), 1, 'cache=30s is the default, and when=opaque');
is(ask('/c', 'u1'), 200, 'cache=31s');
is($as->asked('u1'), 2, 'asks anew');
my $signed = token(key => 'a', claims => { sub => 'alice', ask => 'u2' });
is(ask('/a', $signed), 200, 'when=opaque is the default');
is($as->asked($signed), 0, 'a signed token is not asked about');
is(ask('/e', $signed), 200, 'when=always');
is($as->asked($signed), 1, 'asks about it');
$server->stop('introspection');

done_testing;
