# SPDX-License-Identifier: BSD-2-Clause

# gateway_limit_admin: reading and changing the state of a key, access, and the
# responses to invalid requests.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use IO::Socket::UNIX;

$Test::Gateway::More = 1;

no_root_location();
run_tests();

my @zones = (
    [ g => '$arg_k', 'rate=1r/d burst=2' ],
    [ f => '$arg_k', 'rate=3r/d algorithm=fixed_window' ],
    [ s => '$arg_k', 'rate=3r/d algorithm=sliding_window' ],
    [ q => '$arg_k', 'quota=3/month timezone=Europe/Berlin' ],
    [ v => '$arg_k', 'rate=$arg_r|1r/d burst=$arg_b|2' ],
    [ w => '$arg_k', 'quota=$arg_q|3/month' ],
    [ c => '$arg_k', 'concurrency=2' ],
    [ e => '$arg_k', 'rate=1r/d burst=2 stage=early' ],
    [ hidden => '$arg_k', 'rate=1r/d' ],
    [ addr => '$binary_remote_addr', 'rate=1r/d burst=2' ],
    [ net => '$binary_remote_addr', 'rate=1r/d burst=2 ipv6_prefix=64' ],
    [ client => '$gateway_client', 'rate=1r/d burst=2' ],
);
my $zones = CORE::join '', map {
    "gateway_limit_zone $_->[1] zone=$_->[0]:1m $_->[2];\n" } @zones;
my $all = CORE::join ' ', map { "zone=$_->[0]" } grep { $_->[0] ne 'hidden' } @zones;

my $origin = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1',
                                   ReuseAddr => 1,
                                   LocalPort => my $hold = free_port())
    or die "listen: $!";

# a UNIX socket needs an absolute path, which is known here only
my $dir = File::Temp->newdir('limit-XXXXXX', TMPDIR => 1);
chmod 0755, "$dir";

my $server = start_nginx(
    files => { 'c.json' => consumers(consumer('acme'), consumer('10.9.9.9',
                                     keys => [ entry('k1') ])),
               htpasswd => "u:{PLAIN}p\n" },
    http => "gateway_consumers zone=consumers:1m file=c.json;\n$zones",
    server => <<"END" . CORE::join '', map { <<"ZONE" } map { $_->[0] } @zones);
    listen unix:$dir/socket;
    set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;
    location = /limits { gateway_limit_admin $all from=127.0.0.1; }
    location = /ten { gateway_limit_admin zone=g from=10.0.0.0/8 from=2001:db8::/32; }
    location = /unix { gateway_limit_admin zone=g from=unix:; }
    location = /any { gateway_limit_admin zone=g from=any; }
    location = /allow { satisfy any; allow all; gateway_limit_admin zone=g from=10.0.0.0/8; }
    location = /allow/unix { satisfy any; allow all; gateway_limit_admin zone=g from=unix:; }
    location = /deny { deny all; gateway_limit_admin zone=g from=any; }
    location = /small { client_body_buffer_size 64; gateway_limit_admin zone=g from=any; }
    location = /key { gateway_api_key r; gateway_limit_admin zone=g from=any; }
    location = /basic { auth_basic b; auth_basic_user_file htpasswd;
                        gateway_limit_admin zone=g from=127.0.0.1; }
    location = /limited { gateway_limit zone=hidden; gateway_limit_admin zone=g from=any; }
    location = /hold { gateway_limit zone=c; proxy_pass http://127.0.0.1:$hold; }
END
    location = /t/$_ { gateway_limit zone=$_; empty_gif; }
    location = /key/$_ { gateway_api_key r; gateway_limit zone=$_; empty_gif; }
ZONE

# the response without times
sub said {
    my ($status, $head, $body) = @_;
    $body =~ s/"reset":[1-9]\d*/"reset":N/;
    return "$status $body";
}

sub ask { said($server->get("/limits?$_[0]")) }

sub change {
    my ($body, %arg) = @_;
    return said($server->get('/limits', method => 'POST', body => $body, %arg));
}

sub use_up {
    my ($zone, $k, $n) = @_;
    return CORE::join ' ', map { ($server->get("/t/$zone?k=$k"))[0] } 1 .. $n;
}

my %algorithm = (g => 'gcra', f => 'fixed_window', s => 'sliding_window',
                 q => 'fixed_window', e => 'gcra', v => 'gcra',
                 w => 'fixed_window');

sub state_of {
    my ($zone, $key, $used, %more) = @_;

    my $limit = $more{limit} // 3;
    my $left = $limit > $used ? $limit - $used : 0;
    my $reset = $used || $algorithm{$zone} ne 'gcra' ? 'N' : 0;
    $reset = 'N' if $more{reset};
    return qq(200 {"zone":"$zone","store":"shm","algorithm":"$algorithm{$zone}",)
           . qq("limit":$limit,"used":$used,"remaining":$left,"key":"$key",)
           . qq("reset":$reset) . ($more{end} // '') . "}\n";
}

sub problem { qq($_[0] {"type":"about:blank","status":$_[0],"detail":"$_[1]"}\n) }

my $unknown = problem(404, 'the zone has no such key');


# --- reading and changing

for my $z (qw( g f s q e )) {
    is(ask("zone=$z&key=a"), $unknown, "$z: an unknown key");
    is(ask("zone=$z&key=a"), $unknown, "$z: reading does not create it");
    is(use_up($z, 'a', 2), '200 200', "$z: two");
    is(ask("zone=$z&key=a"), state_of($z, 'a', 2), "$z: are used");
    is(ask("zone=$z&key=a"), state_of($z, 'a', 2), "$z: reading charges nothing");
    is(use_up($z, 'a', 2), '200 429', "$z: three, and no more");
    is(ask("zone=$z&key=a"), state_of($z, 'a', 3), "$z: no units are left");

    is(change(qq({"zone":"$z","key":"a","reset":true})), state_of($z, 'a', 0),
       "$z: reset, and the new state");
    is(ask("zone=$z&key=a"), state_of($z, 'a', 0), "$z: which GET returns");
    is(use_up($z, 'a', 4), '200 200 200 429', "$z: all units again");

    is(change(qq({"zone":"$z","key":"a","set":1})), state_of($z, 'a', 1),
       "$z: set to one");
    is(use_up($z, 'a', 3), '200 200 429', "$z: two are left");
    is(change(qq({"zone":"$z","key":"a","set":0})), state_of($z, 'a', 0),
       "$z: set to 0");
    is(change(qq({"zone":"$z","key":"a","set":3})), state_of($z, 'a', 3),
       "$z: set to the limit");
    is(use_up($z, 'a', 1), '429', "$z: no units are left");
    is(change(qq({"zone":"$z","key":"a","set":1000})), state_of($z, 'a', 6),
       "$z: set above: a debt of at most the limit");
    is(change(qq({"zone":"$z","key":"b","set":1})), $unknown,
       "$z: an unknown key");
    is(use_up($z, 'b', 4), '200 200 200 429', "$z: another key is unchanged");
}


# --- figures from variables

is(use_up('v', 'a', 1), '200', 'a zone with variables');
my $v = '200 {"zone":"v","store":"shm","algorithm":"gcra","key":"%s","reset":%s,'
        . qq("figures":"unknown"}\n);
is(ask('zone=v&key=a'), sprintf($v, 'a', 'N'),
   'makes up no figures from what stands behind the |');

# the limit of a key is known to its requests only: it is an argument

my $needs = problem(400, '\"set\" requires the \"rate\", \"quota\" or \"burst\" '
                         . 'that the zone takes from variables');
my $other = problem(400, 'the zone uses another of \"rate\", \"quota\" and '
                         . '\"burst\"');
my $plan = 'r=1r/h&b=9';
my $own = 'rate=1r/h&burst=9';
my $body = '{"zone":"v","key":"p","rate":"1r/h","burst":"9",';

is(use_up('v', "p&$plan", 4), '200 200 200 200', 'a key with a limit of its own');
is(ask("zone=v&key=p&$own"), state_of('v', 'p', 4, limit => 10), 'which is passed');
is(change('{"zone":"v","key":"p","set":7}'), $needs, 'to be set, it needs the limit');
is(change('{"zone":"v","key":"p","rate":"1r/h","set":7}'), $needs, 'all of them');
is(change($body . '"set":7}'), state_of('v', 'p', 7, limit => 10), 'set with the limit');
is(use_up('v', "p&$plan", 4), '200 200 200 429', 'and holds');
is(change('{"zone":"v","key":"p","reset":true}'),
   sprintf($v, 'p', 0), 'reset needs none');
is(use_up('v', "p&$plan", 11), '200 ' x 10 . '429', 'all units again');

is(use_up('w', 'p&q=9/month', 4), '200 200 200 200', 'with a quota of its own');
is(ask('zone=w&key=p'), '200 {"zone":"w","store":"shm","algorithm":"fixed_window",'
   . qq("used":4,"key":"p","reset":N,"figures":"unknown"}\n),
   'the used units are known, the remaining ones are not');
is(change('{"zone":"w","key":"p","set":8}'), $needs, 'to be set, it needs the quota');
is(change('{"zone":"w","key":"p","quota":"9/month","set":8}'),
   state_of('w', 'p', 8, limit => 9), 'set with the quota');
is(use_up('w', 'p&q=9/month', 2), '200 429', 'and holds');
is(use_up('w', 'u&q=9/day', 1), '200', 'a quota in another unit');
is(ask('zone=w&key=u'), $unknown, 'is not found without the quota');
is(ask('zone=w&key=u&quota=9/day'), state_of('w', 'u', 1, limit => 9), 'is found with the quota');
is(change('{"zone":"w","key":"u","quota":"9/day","reset":true}'),
   state_of('w', 'u', 0, limit => 9), 'and is reset');

is(ask('zone=v&key=p&quota=9/day'), $other, 'a quota of a rate');
is(ask('zone=w&key=p&rate=9r/d'), $other, 'a rate of a quota');
is(ask('zone=w&key=p&burst=9'), $other, 'a burst of a quota');
is(ask('zone=v&key=p&rate=9/day'),
   problem(400, '\"rate\" must be a rate such as 10r/s, 100r/m, 1000r/h or 5000r/d'),
   'an invalid rate');
is(ask('zone=w&key=p&quota=9r/d'),
   problem(400, '\"quota\" must be a quota such as 1000/month, with minute, hour, '
                . 'day, week or month'), 'an invalid quota');
is(ask('zone=v&key=p&burst=x'), problem(400, '\"burst\" must be a number'),
   'an invalid burst');
is(ask('zone=v&key=p&burst=1000000000000&rate=1r/d'),
   problem(400, 'the burst would take over a hundred years to refill'), 'too great a burst');
is(change('{"zone":"v","key":"p","rate":5,"reset":true}'),
   problem(400, '\"rate\", \"quota\" and \"burst\" must be strings as in the '
                . 'configuration'), 'no string');


# --- concurrency

sub hold_one {
    my $client = IO::Socket::INET->new('127.0.0.1:' . $server->port);
    print $client "GET /hold?k=a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    my $bits = '';
    vec($bits, fileno $origin, 1) = 1;
    select $bits, undef, undef, 10 or die 'a request has not arrived';
    my $there = $origin->accept;
    sysread $there, my $head, 4096;
    return [ $client, $there ];
}

sub let_go {
    my ($client, $there) = @{ $_[0] };
    print $there "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    close $there;
    my $text = CORE::join '', <$client>;
    return substr $text, 9, 3;
}

sub serving {
    my ($n) = @_;
    my $left = 2 - $n;
    return qq(200 {"zone":"c","store":"shm","algorithm":"concurrency","limit":2,)
           . qq("used":$n,"remaining":$left,"key":"a"}\n);
}

is(ask('zone=c&key=a'), $unknown, 'concurrency: an unknown key');
my @held = map { hold_one() } 1, 2;
is(ask('zone=c&key=a'), serving(2), 'concurrency: two are being served');
is(use_up('c', 'a', 1), '429', 'and no more');
is(change('{"zone":"c","key":"a","set":1}'),
   problem(400, 'requests that are being served can be reset, but not set'),
   'concurrency cannot be set');
is(ask('zone=c&key=a'), serving(2), 'and was not');
is(change('{"zone":"c","key":"a","reset":true}'), serving(0), 'it can be reset');
push @held, map { hold_one() } 1, 2;
is(ask('zone=c&key=a'), serving(2), 'two more');
is(CORE::join(' ', map { let_go($_) } splice @held, 0, 2), '200 200',
   'the first two end');
is(ask('zone=c&key=a'), serving(2), 'and release nothing more');
is(let_go(shift @held), '200', 'one of the others ends');
is(ask('zone=c&key=a'), serving(1), 'and does');
is(let_go(shift @held), '200', 'the last');
is(ask('zone=c&key=a'), serving(0), 'nothing is left');


# --- only the zones of the directive

is(use_up('hidden', 'a', 1), '200', 'a zone that the directive does not name');
is(ask('zone=hidden&key=a'), problem(404, 'the location has no such zone'),
   'is not known');
is(change('{"zone":"hidden","key":"a","reset":true}'),
   problem(404, 'the location has no such zone'), 'nor changed');
is(use_up('hidden', 'a', 1), '429', 'and was not');
is(ask("zone=$_&key=a"), problem(404, 'the location has no such zone'),
   "zone=$_") for 'none', 'G', 'g%00', 'gg';


# --- keys

is(use_up('g', $_->[0], 1) . ' ' . ask("zone=g&key=$_->[0]"),
   '200 ' . state_of('g', $_->[1], 1), "the key $_->[0]")
    for [ 'a-1', 'a-1' ], [ 'a/b:c', 'a/b:c' ], [ 'x' x 300, 'x' x 300 ];
is(use_up('g', 'a%20b', 1), '200', 'a key as in the argument');
is(ask('zone=g&key=a%2520b'), state_of('g', 'a%20b', 1), 'is encoded again');
is(ask('zone=g&key=a%20b'), $unknown, 'and decoded once');
is(ask('key=a&zone=g'), state_of('g', 'a', 6, reset => 1), 'arguments in another order');
is(ask('zone=g&key=%ff'), $unknown, 'a key that is no UTF-8');
is(change('{"zone":"g","key":"a%20b","reset":true}'), state_of('g', 'a%20b', 0),
   'JSON needs no encoding');

sub from { [ headers => [ "X-Real-IP: $_[0]" ] ] }

$server->get('/t/addr', @{ from('10.1.2.3') });
$server->get('/t/addr', @{ from('2001:db8::7') }) for 1, 2;
$server->get('/t/net', @{ from('2001:db8:0:5::7') }) for 1, 2;
$server->get('/t/client', @{ from('10.9.9.9') });
$server->get('/t/client', @{ from('2001:db8:0:6::1') });
$server->get('/key/client', headers => [ 'X-API-Key: ' . api_key('acme') ]) for 1, 2;
$server->get('/key/client', headers => [ 'X-API-Key: ' . api_key('k1') ]) for 1 .. 3;

for ([ addr => '10.1.2.3', 1 ], [ addr => '2001:db8::7', 2 ],
     [ addr => '2001:0db8:0:0:0:0:0:7', 2 ], [ addr => '2001:db8::8', 0 ],
     [ addr => '10.1.2.4', 0 ], [ net => '2001:db8:0:5::7', 2 ],
     [ net => '2001:db8:0:5:ffff::1', 2 ], [ net => '2001:db8:0:4::', 0 ],
     [ client => 'acme', 2 ], [ client => 'consumer:acme', 2 ],
     [ client => '10.9.9.9', 3 ], [ client => 'address:10.9.9.9', 1 ],
     [ client => 'consumer:10.9.9.9', 3 ],
     [ client => 'address:2001:db8:0:6::/64', 1 ], [ client => 'nobody', 0 ])
{
    my ($zone, $key, $used) = @$_;
    my $want = $used ? state_of('g', $key, $used) =~ s/"g"/"$zone"/r
               : $key eq 'nobody'
               ? problem(404, 'the consumers file has no such consumer') : $unknown;
    is(ask("zone=$zone&key=$key"), $want, "zone $zone, key $key");
}
is(change('{"zone":"client","key":"acme","reset":true}')
   . change('{"zone":"addr","key":"2001:db8::7","set":3}'),
   state_of('g', 'acme', 0) =~ s/"g"/"client"/r
   . state_of('g', '2001:db8::7', 3) =~ s/"g"/"addr"/r, 'and changed so');
is(($server->get('/t/addr', @{ from('2001:db8::7') }))[0], 429, 'which GET returns');


# --- invalid requests

my $needed = problem(400, 'the arguments zone and key are required');
is(ask($_), $needed, "GET ?$_") for '', 'zone=g', 'key=a', 'zone=&key=a',
                                    'zone=g&key=', 'Zone&Key', 'zones=g&keys=a';

is(ask("zone=g&key=a&$_"), problem(400, 'to set or reset a key use POST'),
   "GET with $_") for 'reset=true', 'set=3', 'reset=';

my $object = problem(400, 'the body must be a JSON object with unique names');
my $strings = problem(400, '\"zone\" and \"key\" must be non-empty strings');
my $either = problem(400, 'either \"reset\" or \"set\" is required with '
                          . '\"zone\" and \"key\", no other members but '
                          . '\"rate\", \"quota\" and \"burst\" are allowed');
my $set = problem(400, '\"set\" must be the number of units used, from '
                       . '0 to 1000000000000');

is(change($_), $object, "POST $_")
    for '[]', '1', 'null', '"a"', 'x', '{', '{"zone":"g"', '{"zone":"g",}', '{} {}',
        '{"zone":"g","zone":"g","key":"a","reset":true}', "{\"zone\":\"\xff\"}",
        '{"zone":"g","key":"a\u0000b","reset":true}', '[' x 3000;
is(change($_), $strings, "POST $_")
    for '{}', '{"zone":"g"}', '{"key":"a"}', '{"zone":1,"key":"a"}',
        '{"zone":"g","key":["a"]}', '{"zone":"","key":"a","reset":true}',
        '{"zone":"g","key":"","reset":true}', '{"zone":null,"key":null,"set":1}';
is(change($_), $either, "POST $_")
    for '{"zone":"g","key":"a"}', '{"zone":"g","key":"a","reset":true,"set":1}',
        '{"zone":"g","key":"a","reset":true,"x":1}', '{"zone":"g","key":"a","x":1}';
is(change(qq({"zone":"g","key":"a","reset":$_})), problem(400, '\"reset\" must be true'),
   "reset: $_") for 'false', '1', 'null', '"true"';
is(change(qq({"zone":"g","key":"a","set":$_})), $set, "set: $_")
    for -1, '1.0', '1e3', '"1"', 'null', 1000000000001, '[1]';
is(change('{"zone":"g","key":"a","set":1000000000000}'),
   state_of('g', 'a', 6, reset => 1), 'set: 1000000000000');

my $empty = problem(400, 'the body must be a JSON object of at most 4096 bytes');
is(change(''), $empty, 'POST without a body');
is(said($server->get('/limits?zone=g&key=a', method => 'POST')), $empty,
   'POST with arguments instead');
my $pad = sub { my $text = '{"zone":"g","key":"a","set":1}';
                return $text . ' ' x ($_[0] - length $text) };
is(change($pad->(4096)), state_of('g', 'a', 1), '4096 bytes');
is(($server->get('/limits', method => 'POST', body => $pad->(4097)))[0], 413,
   '4097 bytes');
is(said($server->get('/small', method => 'POST', body => $pad->($_))),
   state_of('g', 'a', 1), "a small client_body_buffer_size: $_ bytes")
    for 64, 65, 4096;
is(($server->get('/small', method => 'POST', body => $pad->(4097)))[0], 413,
   'a small client_body_buffer_size: 4097 bytes');

{
    my $chunked = sub {
        my $text = $pad->($_[0]);
        return ($server->get('/limits', method => 'POST',
            headers => [ 'Transfer-Encoding: chunked' ],
            body => sprintf("%x\r\n%s\r\n0\r\n\r\n", length $text, $text)))[0];
    };
    is($chunked->(4096), 200, '4096 bytes in a chunk');
    is($chunked->(4097), 413, '4097 bytes in a chunk');
    is($chunked->(100_000), 413, '100,000 bytes in a chunk');
}

for my $method (qw( PUT DELETE PATCH OPTIONS )) {
    is(said($server->get('/limits?zone=g&key=a', method => $method)),
       problem(405, 'the allowed methods are GET, HEAD and POST'), $method);
}
{
    my ($status, $head, $body) = $server->get('/limits?zone=g&key=a', method => 'HEAD');
    is("$status $body", '200 ', 'HEAD');
    Test::More::like($head, qr{^Content-Type: application/json\r?$}m, 'as GET');
    ($status, $head, $body) = $server->get('/limits?zone=g&key=none', method => 'HEAD');
    is("$status $body", '404 ', 'HEAD: 404');
    ($status, $head, $body) = $server->get('/limits?zone=g&key=none');
    Test::More::like($head, qr{^Content-Type: application/problem\+json\r?$}m, 'a problem');
    is($head =~ /^Content-Length: (\d+)/m ? $1 : '', length $body, 'with its length');
}


# --- a browser

my $reset = '{"zone":"g","key":"a","reset":true}';
my $browser = problem(403, 'a browser must send application/json');
is(change($reset, headers => [ 'Origin: https://evil.example', @$_ ]), $browser,
   'from a page: ' . ($_->[0] // 'no type'))
    for [], [ 'Content-Type: text/plain' ],
        [ 'Content-Type: application/x-www-form-urlencoded' ],
        [ 'Content-Type: multipart/form-data; boundary=application/json' ];
is(change($reset, headers => [ 'Origin: null', 'Content-Type: text/plain' ]),
   $browser, 'from a page without an origin');
is(ask('zone=g&key=a'), state_of('g', 'a', 1), 'nothing has changed');
is(change($reset, headers => [ 'Origin: https://admin.example', "Content-Type: $_" ]),
   state_of('g', 'a', 0), "from a page: $_")
    for 'application/json', 'Application/JSON; charset=utf-8';
is(change($reset, headers => [ 'Content-Type: text/plain' ]), state_of('g', 'a', 0),
   'not from a page');


# --- access

use_up('g', 'who', 1);
my $who = state_of('g', 'who', 1);
my $q = 'zone=g&key=who';

sub who { my ($path, @with) = @_; return (split ' ', said($server->get("/$path?$q", @with)))[0] }

is(who('ten'), 403, 'from=10.0.0.0/8: not from 127.0.0.1');
is(who('ten', @{ from($_->[0]) }), $_->[1], "from=10.0.0.0/8: $_->[0]")
    for [ '10.0.0.1', 200 ], [ '10.255.255.255', 200 ], [ '11.0.0.0', 403 ],
        [ '9.255.255.255', 403 ], [ '2001:db8::1', 200 ], [ '2001:db9::1', 403 ],
        [ '::ffff:10.0.0.1', 200 ], [ '::ffff:11.0.0.1', 403 ];
is(who('limits', @{ from('10.0.0.1') }), 403, 'from=127.0.0.1: behind it');
is(who('unix'), 403, 'from=unix: not from 127.0.0.1');
is(who('any'), 200, 'from=any');
is(who('any', @{ from('192.0.2.1') }), 200, 'from=any: from anywhere');
is(who('allow'), 403, 'satisfy any; allow all: from= is asked all the same');
is(who('allow/unix'), 403, 'with from=unix:, too');
is(who('allow', @{ from('10.0.0.1') }), 200, 'and grants access');
is(who('deny'), 403, 'deny all: adds to from=any');
is(who('key'), 401, 'as do keys');
is(who('key', headers => [ 'X-API-Key: ' . api_key('acme') ]), 200, 'with a key');
is(who('basic'), 401, 'and passwords');
is(who('basic', headers => [ 'Authorization: Basic dTpw' ]), 200, 'with a password');
is(who('basic', headers => [ 'Authorization: Basic dTpw', 'X-Real-IP: 10.0.0.1' ]), 403,
   'with a password from elsewhere');
is(who('limited'), 200, 'the limits of the location, without a key');
is((split ' ', said($server->get("/limited?$q&k=new")))[0], 200, 'and with one');
is((split ' ', said($server->get("/limited?$q&k=new")))[0], 429, 'used up');

sub by_socket {
    my ($path) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => "$dir/socket") or return "connect: $!";
    print $socket "GET /$path?$q HTTP/1.0\r\n\r\n";
    my $text = CORE::join '', <$socket>;
    return $text =~ m{^HTTP/\S+ (\d+)} ? $1 : 0;
}

is(by_socket('unix'), 200, 'from=unix: by the socket');
is(by_socket('allow/unix'), 200, 'from=unix: by the socket, satisfy any');
is(by_socket('ten'), 403, 'from=10.0.0.0/8: not by the socket');
is(by_socket('limits'), 403, 'from=127.0.0.1: not by the socket');
is(by_socket('any'), 200, 'from=any: by the socket');

for my $method (qw( GET HEAD POST PUT )) {
    is((split ' ', said($server->get("/ten?$q", method => $method, $method eq 'POST'
        ? (body => '{"zone":"g","key":"who","reset":true}') : ())))[0], 403,
       "$method from elsewhere");
}
is(ask($q), $who, 'and nothing was changed');
Test::More::like($server->log, qr/gateway_limit_admin: refused with 403, the client address is not allowed by "from="/,
                 'the log says so');

$server->stop;


# --- plans of the consumers file

{
    my $zones = CORE::join '', map { "gateway_limit_zone \$$_->[1] zone=$_->[0]:1m "
                                     . "quota=\$quota|20/day;\n" }
        [ of => 'gateway_consumer' ], [ client => 'gateway_client' ], [ arg => 'arg_k' ];
    my $file = consumers(consumer('acme', plan => 'small'), consumer('idle', plan => 'small'),
                         consumer('bare'));
    my $map = "map \$gateway_plan \$quota { volatile; small 5/day; }\n";
    my $locations = <<'END';
    location = /limits { gateway_limit_admin zone=of zone=client zone=arg from=any; }
    location / { gateway_api_key r; gateway_limit zone=of; gateway_limit zone=client;
                 gateway_limit zone=arg; empty_gif; }
END

    {
        my $server = start_nginx(files => { 'c.json' => $file },
                                 http => "gateway_consumers zone=consumers:1m file=c.json;\n"
                                         . "$map$zones", server => $locations);
        my $ask = sub { said($server->get("/limits?zone=$_[0]&key=$_[1]")) };
        my $state = sub {
            my ($zone, $key, $used, $plan) = @_;
            return qq(200 {"zone":"$zone","store":"shm","algorithm":"fixed_window",)
                   . qq("used":$used,"key":"$key","reset":N,$plan"figures":"unknown"}\n);
        };

        $server->get('/?k=acme', headers => [ 'X-API-Key: ' . api_key('acme') ]) for 1 .. 4;
        $server->get('/?k=acme', headers => [ 'X-API-Key: ' . api_key('bare') ]);

        my $small = '"plan":"small",';
        is($ask->('of', 'acme'), $state->('of', 'acme', 4, $small), 'the plan of a key');
        is($ask->('of', 'bare'), $state->('of', 'bare', 1, ''), 'a consumer without a plan');
        is($ask->('client', 'acme'), $state->('client', 'acme', 4, $small),
           'of $gateway_client');
        is($ask->('arg', 'acme'), $state->('arg', 'acme', 5, ''), 'another key');
        is(said($server->get('/limits?zone=of&key=acme&quota=5/day')),
           qq(200 {"zone":"of","store":"shm","algorithm":"fixed_window","limit":5,)
           . qq("used":4,"remaining":1,"key":"acme","reset":N,"plan":"small"}\n),
           'with the limit of its plan');

        for my $zone ('of', 'client') {
            is($ask->($zone, 'idle'), problem(404, 'the key is idle: the consumer has used '
               . 'nothing'), "$zone: an idle consumer");
            is($ask->($zone, 'acmee'), problem(404, 'the consumers file has no such '
               . 'consumer'), "$zone: a misspelt one");
        }
        is($ask->('client', 'address:192.0.2.1'), $unknown, 'an address is no consumer');
        is($ask->('arg', 'acmee'), $unknown, 'nor is another key');
        $server->stop;
    }
}

Test::More::done_testing();

__DATA__

=== TEST 1: a POST whose body is sent in chunks
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d;
--- config
location /t { gateway_limit zone=z; empty_gif; }
location /limits { gateway_limit_admin zone=z from=any; }
--- request eval
[ 'GET /t?k=a', "POST /limits\n10\r\n{\"zone\":\"z\",\"key\r\n13\r\n\":\"a\",\"reset\":true}\r\n0\r\n\r\n" ]
--- more_headers eval: [ '', 'Transfer-Encoding: chunked' ]
--- error_code eval: [ 200, 200 ]
--- response_body_like eval: [ '^GIF', '^\{"zone":"z",.*"used":0,"remaining":1,"key":"a","reset":0\}\n\z' ]



=== TEST 2: an "if" and a limit_except belong to the location
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d;
--- config
location /t { gateway_limit zone=z; empty_gif; }
location /limits {
    if ($arg_if) { set $y 1; }
    gateway_limit_admin zone=z from=any;
    limit_except GET { allow all; }
}
location /far {
    if ($arg_if) { set $y 1; }
    gateway_limit_admin zone=z from=192.0.2.1;
    limit_except GET { allow all; }
}
--- request eval
[ 'GET /t?k=a', 'GET /limits?zone=z&key=a', 'GET /limits?zone=z&key=a&if=1',
  "POST /limits\n" . '{"zone":"z","key":"a","set":0}', 'GET /far?zone=z&key=a',
  'GET /far?zone=z&key=a&if=1', "POST /far?if=1\n" . '{"zone":"z","key":"a","reset":true}' ]
--- error_code eval: [ 200, 200, 200, 200, 403, 403, 403 ]
--- response_body_like eval
[ '^GIF', '"used":1', '"used":1', '"used":0', '403', '403', '403' ]



=== TEST 3: names of variables in braces and in upper case, and valid keys
--- http_config
gateway_limit_zone ${Binary_Remote_Addr} zone=a:1m rate=1r/d;
gateway_limit_zone ${gateway_CLIENT} zone=c:1m rate=1r/d;
--- config
location /t { gateway_limit zone=a; gateway_limit zone=c; empty_gif; }
location /limits { gateway_limit_admin zone=a zone=c from=any; }
--- request eval
[ 'GET /t', 'GET /limits?zone=a&key=127.0.0.1', 'GET /limits?zone=c&key=address:127.0.0.1',
  'PUT /limits' ]
--- error_code eval: [ 200, 200, 200, 405 ]
--- response_headers eval: [ '', '', '', 'Allow: GET, HEAD, POST' ]
