# SPDX-License-Identifier: BSD-2-Clause

# gateway_limit_zone rate=: exactly burst + 1 requests of an idle key at once, in
# each unit, again after some time, and separately for each key.
#
# both passes: two workers count in one zone

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use POSIX ();
use Time::HiRes ();

$Test::Gateway::More = 1;

our $Consumers = consumers(
    consumer('acme'), consumer('10.0.0.1', keys => [ entry('k1') ]),
    consumer('address:10.0.0.1', keys => [ entry('k2') ]));

# a location for each zone
sub locations {
    join '', map { "location /$_ { gateway_limit zone=$_; empty_gif; }\n" } @_;
}

our $Realip = 'set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;';

sub from { [ map { "X-Real-IP: $_" } @_ ] }

no_root_location();
run_tests();

parallel();
refill();
fast();
listening();
done_testing();


# --- above 1000r/s: units shorter than the millisecond of nginx's clock

sub fast {
    my %rates = (million => 1_000_000, thousand => 1000, quick => 20_000,
                 burst => '20000r/s burst=99');
    my $server = start_nginx(
        workers => 1,
        http => CORE::join('', map {
            my $rate = $rates{$_} =~ /r/ ? $rates{$_} : "$rates{$_}r/s";
            "gateway_limit_zone \$arg_k zone=$_:64k rate=$rate;\n"
        } sort keys %rates) . "keepalive_requests 100000;\n"

            # large enough for all: otherwise nginx 1.22 computes with a NULL buffer,
            # which sanitizers report
            . "client_header_buffer_size 64k;\n",
        server => locations(sort keys %rates));

    # requests in one write, many of which nginx handles in a millisecond
    my $send = sub {
        my ($zone, $n) = @_;

        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $server->port)
            or die "connect: $!";
        my $began = Time::HiRes::time();
        print $socket "GET /$zone?k=a HTTP/1.1\r\nHost: a\r\n\r\n" x ($n - 1),
                      "GET /$zone?k=a HTTP/1.1\r\nHost: a\r\n"
                      . "Connection: close\r\n\r\n";
        local $/;
        my $all = <$socket>;
        my $passed = () = $all =~ m{HTTP/1.1 200 }g;
        my $others = () = $all =~ m{HTTP/1.1 429 }g;
        is($passed + $others, $n, "$zone: all are answered");
        return ($passed, Time::HiRes::time() - $began);
    };

    # a request takes more than a microsecond
    my ($passed) = $send->('million', 200);
    is($passed, 200, 'a rate above what nginx can do rejects nothing');

    for ([ thousand => 1000, 0 ], [ quick => 20_000, 0 ], [ burst => 20_000, 99 ]) {
        my ($zone, $rate, $burst) = @$_;
        my ($n, $seconds) = $send->($zone, 500);
        cmp_ok($n, '<=', $seconds * $rate + $burst + 2,
               "$zone: not more than the rate");
        cmp_ok($n, '>=', 1 + $burst, '    and at least its burst');
    }
    $server->stop;
}


# --- many clients at once, four workers: exactly burst + 1

sub parallel {
    my $server = start_nginx(
        workers => 4,
        http => 'gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=49;',
        server => locations('z'));

    my @wrong;
    for my $round (1 .. 20) {
        my $passed = 0;
        my @pipes;

        for (1 .. 8) {
            pipe my $in, my $out or die "pipe: $!";
            defined(my $pid = fork) or die "fork: $!";
            if (!$pid) {
                my %n = (200 => 0, 429 => 0);
                $n{ ($server->get("/z?k=$round"))[0] }++ for 1 .. 10;
                syswrite $out, "$n{200} $n{429}\n";
                POSIX::_exit(0);
            }
            push @pipes, [ $in, $pid ];
        }

        my ($good, $bad) = (0, 0);
        for (@pipes) {
            my ($in, $pid) = @$_;
            waitpid $pid, 0;
            my ($g, $b) = split ' ', scalar <$in>;
            $good += $g;
            $bad += $b;
        }
        push @wrong, "$good passed, $bad refused in round $round"
            if $good != 50 || $bad != 30;
    }
    Test::More::is(CORE::join("\n", @wrong), '',
                   'of 80 requests of eight clients exactly 50 pass');
    $server->stop;
}


# --- units come back over time; a rejected request takes none

sub refill {
    my $server = start_nginx(
        http => 'gateway_limit_zone $arg_k zone=s:1m rate=1r/s;'
                . ' gateway_limit_zone $arg_k zone=five:1m rate=5r/s burst=1;',
        server => locations('s', 'five'));

    my $status = sub { ($server->get(@_))[0] };

    my $before = Time::HiRes::time();
    Test::More::is($status->('/s?k=a'), 200, 'rate=1r/s: the first passes');

    my ($refused, $said, $start, $end) = (0);
    while (1) {
        $start = Time::HiRes::time();
        $said = $status->('/s?k=a');
        $end = Time::HiRes::time();
        last if $said != 429 || $end - $before > 20;
        $refused++;
        Time::HiRes::sleep(0.02);
    }

    Test::More::is($said, 200, 'and another one later');
    Test::More::cmp_ok($end - $before, '>=', 0.99, 'not before a second');
    Test::More::cmp_ok($start - $before, '<', 6,
                       'and soon after it: what was refused costs nothing');
    Test::More::cmp_ok($refused, '>=', 1, 'those before were refused');

    # 5r/s burst=1: two at once, and a bounded number in n seconds

    my ($passed, $first) = (0, Time::HiRes::time());
    while (Time::HiRes::time() - $first < 0.95) {
        $passed++ if $status->('/five?k=a') == 200;
    }
    my $most = 2 + int(5 * (Time::HiRes::time() - $first) + 0.01);
    Test::More::cmp_ok($passed, '<=', $most, "rate=5r/s burst=1: $passed pass");
    Test::More::cmp_ok($passed, '>=', 2, 'and the burst does');
    $server->stop;
}


# --- addresses of sockets, not only from realip

sub listening {
    my $port = free_port();
    my $six = IO::Socket::IP->can('new');
    $six = eval {
        require IO::Socket::IP;
        IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
    };

    SKIP: {
        Test::More::skip('no IPv6 here', 3) if !$six;

        my $server = start_nginx(
            port => $port,
            http => 'gateway_limit_zone $binary_remote_addr zone=b:1m rate=1r/d'
                    . ' ipv6_prefix=64;'
                    . ' gateway_limit_zone $gateway_client zone=c:1m rate=1r/d;',
            server => "listen [::1]:$port;\n" . locations('b', 'c')
                      . 'add_header X-Client $gateway_client always;');

        my $get = sub {
            my $socket = IO::Socket::IP->new(PeerHost => '::1',
                                             PeerPort => $port)
                or return 'connect';
            print $socket "GET $_[0] HTTP/1.0\r\n\r\n";
            my $answer = CORE::join '', <$socket>;
            my ($status) = $answer =~ m{^HTTP/\S+ (\d+)};
            my ($client) = $answer =~ /^X-Client: ([^\r]*)/m;
            return "$status $client";
        };

        Test::More::is_deeply(
            [ map { $get->('/b') } 1, 2 ],
            [ '200 address:::/64', '429 address:::/64' ],
            'by $binary_remote_addr from [::1]');
        Test::More::is_deeply(
            [ map { $get->('/c') } 1, 2 ],
            [ '200 address:::/64', '429 address:::/64' ],
            'by $gateway_client from [::1]');
        Test::More::is_deeply([ map { ($server->get($_))[0] }
                                qw( /b /b /c /c ) ], [ 200, 429, 200, 429 ],
                              'an IPv4 address beside them');
        $server->stop;
    }
}

__DATA__

=== TEST 1: burst + 1 requests at once, separately for each key
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=2;
--- config eval: ::locations('z')
--- request eval: [ ('GET /z?k=a') x 5, 'GET /z?k=b', 'GET /z?k=a', ('GET /z?k=b') x 3 ]
--- error_code eval: [ (200) x 3, 429, 429, 200, 429, 200, 200, 429 ]
--- response_headers eval
[ "X-RateLimit-Limit: 3\nX-RateLimit-Remaining: 2\nX-RateLimit-Reset: 86400",
  'X-RateLimit-Remaining: 1', 'X-RateLimit-Remaining: 0',
  ('X-RateLimit-Remaining: 0') x 2, 'X-RateLimit-Remaining: 2',
  ('X-RateLimit-Remaining: 0'), 'X-RateLimit-Remaining: 1',
  ('X-RateLimit-Remaining: 0') x 2 ]



=== TEST 2: burst is 0 by default
--- http_config
gateway_limit_zone $arg_k zone=a:1m rate=1r/d;
gateway_limit_zone $arg_k zone=b:1m rate=1r/d burst=0;
--- config eval: ::locations('a', 'b')
--- request eval: [ ('GET /a?k=a') x 3, ('GET /b?k=a') x 3 ]
--- error_code eval: [ 200, 429, 429, 200, 429, 429 ]



=== TEST 3: the units: the time until a request is repaid
--- http_config
gateway_limit_headers legacy ietf;
gateway_limit_zone $arg_k zone=s1:1m rate=1r/s;
gateway_limit_zone $arg_k zone=s7:1m rate=7r/s burst=20;
gateway_limit_zone $arg_k zone=m:1m rate=1r/m;
gateway_limit_zone $arg_k zone=m10:1m rate=10r/m burst=4;
gateway_limit_zone $arg_k zone=h:1m rate=1r/h;
gateway_limit_zone $arg_k zone=h100:1m rate=100r/h burst=9;
gateway_limit_zone $arg_k zone=d:1m rate=1r/d;
gateway_limit_zone $arg_k zone=d5000:1m rate=5000r/d burst=99;
--- config eval: ::locations(qw( s1 s7 m m10 h h100 d d5000 ))
--- request eval: [ map { "GET /$_?k=1" } qw( s1 s7 m m10 h h100 d d5000 ) ]
--- error_code eval: [ (200) x 8 ]
--- response_headers eval
[ map { my ($zone, $capacity, $length, $unit) = split;
        "X-RateLimit-Limit: $capacity\nX-RateLimit-Reset: $unit\n"
        . "RateLimit-Policy: \"$zone\";q=$capacity;w=$length\n"
        . "RateLimit: \"$zone\";r=" . ($capacity - 1) . ";t=$unit" }
  's1 1 1 1', 's7 21 4 1', 'm 1 60 60', 'm10 5 30 6', 'h 1 3600 3600',
  'h100 10 360 36', 'd 1 86400 86400', 'd5000 100 1728 18' ]



=== TEST 4: a key that is empty is not limited, and has no headers
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d;
--- config eval: ::locations('z')
--- request eval: [ 'GET /z?k=0', 'GET /z?k=0', ('GET /z') x 3, ('GET /z?k=') x 3 ]
--- error_code eval: [ 200, 429, (200) x 6 ]
--- response_headers eval
[ 'X-RateLimit-Limit: 1', 'X-RateLimit-Limit: 1',
  ("!X-RateLimit-Limit\n!X-RateLimit-Remaining\n!X-RateLimit-Reset\n"
   . '!Retry-After') x 6 ]



=== TEST 5: a variable that does not exist at all is an empty key
--- http_config
gateway_limit_zone $http_x_none zone=z:1m rate=0r/d;
--- config eval: ::locations('z')
--- request eval: [ ('GET /z') x 2 ]
--- more_headers eval: [ '', 'X-None: 1' ]
--- error_code eval: [ 200, 429 ]



=== TEST 6: a key of several parts
--- http_config
gateway_limit_zone $arg_a:$arg_b zone=z:1m rate=1r/d;
gateway_limit_zone ${arg_a} zone=braces:1m rate=1r/d;
--- config eval: ::locations('z', 'braces')
--- request eval
[ 'GET /z?a=1&b=2', 'GET /z?a=1&b=2', 'GET /z?a=1&b=3', 'GET /z?a=12',
  'GET /z?a=1', 'GET /z?a=1', 'GET /z', 'GET /z', 'GET /braces?a=1',
  'GET /braces?a=1', 'GET /braces?a=2', 'GET /braces', 'GET /braces' ]
--- error_code eval
[ 200, 429, 200, 200, 200, 429, 200, 429, 200, 429, 200, 200, 200 ]



=== TEST 7: keys of 64 bytes, longer ones, and ones that differ at their end
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d;
--- config eval: ::locations('z')
--- request eval
[ map { "GET /z?k=$_" } map { ($_, $_) }
  'a' x 63, 'a' x 64, 'a' x 65, 'a' x 64 . 'b', 'a' x 300, 'a' x 299 . 'b',
  'b' . 'a' x 299, 'a' x 4000 ]
--- error_code eval: [ (200, 429) x 8 ]



=== TEST 8: rate=0: nothing passes, without Retry-After
--- http_config
gateway_limit_headers legacy ietf;
gateway_limit_zone $arg_k zone=s:1m rate=0r/s;
gateway_limit_zone $arg_k zone=d:1m rate=0r/d burst=10;
gateway_limit_zone $arg_k zone=w:1m rate=0r/d algorithm=sliding_window;
gateway_limit_zone $arg_k zone=one:1m rate=1r/d;
--- config eval: ::locations('s', 'd', 'w', 'one')
--- request eval: [ 'GET /s?k=1', 'GET /d?k=1', 'GET /w?k=1', 'GET /s', 'GET /one?k=1' ]
--- error_code eval: [ 429, 429, 429, 200, 200 ]
--- response_headers eval
[ (map { "X-RateLimit-Limit: 0\nX-RateLimit-Remaining: 0\n!Retry-After\n"
         . "RateLimit-Policy: \"$_\";q=0\nRateLimit: \"$_\";r=0" } qw( s d w )),
  '!X-RateLimit-Limit', "X-RateLimit-Limit: 1\n!Retry-After" ]



=== TEST 9: ipv6_prefix shortens addresses of 16 bytes only
--- http_config
gateway_limit_zone $binary_remote_addr zone=all:1m rate=1r/d;
gateway_limit_zone $binary_remote_addr zone=n64:1m rate=1r/d ipv6_prefix=64;
gateway_limit_zone $binary_remote_addr zone=n61:1m rate=1r/d ipv6_prefix=61;
gateway_limit_zone $binary_remote_addr zone=n128:1m rate=1r/d ipv6_prefix=128;
gateway_limit_zone $binary_remote_addr zone=n1:1m rate=1r/d ipv6_prefix=1;
map $remote_addr $mapped { 10.0.0.1 ""; default $binary_remote_addr; }
gateway_limit_zone $mapped zone=map:1m rate=1r/d ipv6_prefix=64;
--- config eval: $::Realip . ::locations(qw( all n64 n61 n128 n1 map ))
--- request eval
[ ('GET /all') x 3, ('GET /n64') x 6, ('GET /n61') x 4, ('GET /n128') x 3,
  ('GET /n1') x 3, ('GET /map') x 7 ]
--- more_headers eval
::from(qw( 2001:db8::1 2001:db8::2 2001:db8::1
           2001:db8:0:1::1 2001:db8:0:1:ffff:ffff:ffff:ffff 2001:db8:0:2::1
           10.0.0.1 10.0.0.2 10.0.0.1
           2001:db8:0:0::1 2001:db8:0:7::1 2001:db8:0:8::1 2001:db8:0:f::1
           2001:db8::1 2001:db8::2 2001:db8::2
           ::1 7fff::1 8000::1
           2001:db8::1 2001:db8::2 2001:db8:1::2 10.0.0.1 10.0.0.1 10.0.0.2
           10.0.0.2 ))
--- error_code eval
[ 200, 200, 429, 200, 429, 200, 200, 200, 429, 200, 429, 200, 429,
  200, 200, 429, 200, 429, 200, 200, 429, 200, 200, 200, 200, 429 ]



=== TEST 10: ipv6_prefix does not change texts of any length
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d ipv6_prefix=8;
--- config eval: $::Realip . ::locations('z')
--- more_headers eval: ::from(('2001:db8::1') x 7)
--- request eval
[ map { "GET /z?k=$_" } 'a' x 15, 'a' x 14 . 'b', 'a' x 16, 'a' x 15 . 'b',
  'b' . 'a' x 15, 'a' x 17, 'a' x 16 . 'b' ]
--- error_code eval: [ (200) x 7 ]



=== TEST 11: $gateway_client: an address, with IPv6 the network of 64 bits
--- http_config
gateway_limit_zone $gateway_client zone=z:1m rate=1r/d;
--- config eval: "add_header X-Client \$gateway_client always; $::Realip" . ::locations('z')
--- request eval: [ ('GET /z') x 8 ]
--- more_headers eval
::from(qw( 10.0.0.1 10.0.0.2 10.0.0.1 ::ffff:10.0.0.2 2001:db8:1:2:3::4
           2001:db8:1:2:ffff::1 2001:db8:1:3::1 ::1 ))
--- error_code eval: [ 200, 200, 429, 429, 200, 429, 200, 200 ]
--- response_headers eval
[ map { "X-Client: address:$_" } qw( 10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.2
  2001:db8:1:2::/64 2001:db8:1:2::/64 2001:db8:1:3::/64 ::/64 ) ]



=== TEST 12: $gateway_client: the consumer if there is one, whatever its name
--- consumers eval: $::Consumers
--- http_config
gateway_limit_zone $gateway_client zone=z:1m rate=1r/d;
--- config eval
"gateway_api_key r; gateway_api_key_mode optional; add_header X-Client \$gateway_client always; $::Realip"
. ::locations('z')
--- request eval: [ ('GET /z') x 7 ]
--- more_headers eval
my $ip = 'X-Real-IP: 10.0.0.1';
[ $ip, $ip, (map { "$ip\nX-API-Key: " . ::api_key($_) } qw( k1 k2 acme acme )),
  "X-Real-IP: 10.0.0.9\nX-API-Key: " . ::api_key('acme') ]
--- error_code eval: [ 200, 429, 200, 200, 200, 429, 429 ]
--- response_headers eval
[ map { "X-Client: $_" } ('address:10.0.0.1') x 2, 'consumer:10.0.0.1',
  'consumer:address:10.0.0.1', ('consumer:acme') x 3 ]
