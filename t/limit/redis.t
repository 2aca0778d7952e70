# SPDX-License-Identifier: BSD-2-Clause

# Limits in Redis: the same results as in shared memory, one call for all limits
# of a request, keys in Redis, the deny cache, and gateway_limit_admin.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Load;
use Test::Gateway::Redis;

use Digest::SHA qw( sha256_hex );
use JSON::PP ();
use Test::More;
use Time::HiRes qw( sleep time );

BEGIN { $Test::Gateway::More = 1 }

$SIG{ALRM} = sub { die "this takes too long\n" };
alarm 300;

my @redis = map { start_redis() } 1, 2;

# an origin that responds when the test tells it
my $hold = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1',
                                 ReuseAddr => 1, LocalPort => free_port())
    or die "listen: $!";

# each zone exists in shared memory, s_..., and in Redis, r_...

my %zones = (
    gcra => 'rate=1r/d burst=9',
    slide => 'rate=10r/d algorithm=sliding_window',
    fixed => 'rate=10r/d algorithm=fixed_window',
    month => 'quota=10/month',
    week => 'quota=10/week timezone=Europe/Berlin',
    figure => 'rate=$arg_rate|1r/d burst=$arg_burst|9',
    none => 'rate=0r/d',
    noquota => 'quota=0/day',
);

# and has locations with different limits, /r/KIND/ZONE

my %kinds = (
    plain => 'gateway_limit zone=ZONE;',
    cost => 'gateway_limit zone=ZONE cost=$arg_cost|1;',
    dry => 'gateway_limit zone=ZONE cost=$arg_cost|1 dry_run;',
    settle => 'gateway_limit zone=ZONE cost=$arg_cost|1 settle;',
    drysettle => 'gateway_limit zone=ZONE cost=$arg_cost|1 settle dry_run;',
    charged => 'gateway_limit zone=ZONE cost=$arg_cost|1 penalty;',
    penalty => 'gateway_limit zone=ZONE cost=$arg_cost|1 penalty;
                gateway_limit zone=full;',
    burst => 'gateway_limit zone=ZONE burst=4 nodelay;',
);

my $http = <<"END";
    gateway_redis one {
        server 127.0.0.1:@{[ $redis[0]->port ]};
        connect_timeout 10s; timeout 10s;
    }
    gateway_redis two {
        server 127.0.0.1:@{[ $redis[1]->port ]};
        connect_timeout 10s; timeout 10s; prefix second;
    }
    gateway_limit_zone \$arg_full zone=full:1m rate=0r/d;

    gateway_limit_zone \$arg_k zone=m:1m rate=1r/d burst=9;
    gateway_limit_zone \$arg_k zone=a:1m rate=1r/d burst=9 redis=one;
    gateway_limit_zone \$arg_k zone=b:1m quota=10/month redis=two;
    gateway_limit_zone \$arg_k zone=closed:1m quota=10/month redis=two
                       on_error=closed;
    gateway_limit_zone \$arg_k zone=c:1m rate=10r/d algorithm=sliding_window
                       redis=one;
    gateway_limit_zone \$arg_k zone=s:1m rate=\$arg_r|1r/s redis=one;
    gateway_limit_zone \$arg_k zone=w:1m rate=\$arg_r|1r/s redis=one
                       algorithm=fixed_window;
    gateway_limit_zone \$arg_k zone=v:1m rate=2r/s redis=one
                       algorithm=sliding_window;

    gateway_limit_zone \$arg_k zone=plan:1m quota=\$arg_q|3/month redis=one;

    add_header X-Is "\$gateway_limit_status|\$gateway_limit_limit|\$gateway_limit_remaining" always;
    add_header X-Reset \$gateway_limit_reset always;
    add_header X-Retry \$gateway_limit_retry_after always;
    add_header X-Source \$gateway_limit_source always;
    add_header X-Zone \$gateway_limit_zone always;
END

my $server = <<'END';
    location /m { gateway_limit zone=m cost=$arg_m|1; empty_gif; }
    location /a { gateway_limit zone=a cost=$arg_a|1; empty_gif; }
    location /b { gateway_limit zone=b cost=$arg_b|1; empty_gif; }
    location /c { gateway_limit zone=c cost=$arg_c|1; empty_gif; }
    location /s { gateway_limit zone=s cost=$arg_cost|1; empty_gif; }
    location /w { gateway_limit zone=w; empty_gif; }
    location /v { gateway_limit zone=v; empty_gif; }

    location /all {
        gateway_limit zone=a cost=$arg_a|1;
        gateway_limit zone=m cost=$arg_m|1;
        gateway_limit zone=b cost=$arg_b|1;
        gateway_limit zone=c cost=$arg_c|1;
        empty_gif;
    }
    location /one {
        gateway_limit zone=a; gateway_limit zone=c; gateway_limit zone=s;
        empty_gif;
    }
    location /closed { gateway_limit zone=a; gateway_limit zone=closed;
                       empty_gif; }
    location /only { gateway_limit zone=a penalty; empty_gif; }
    location /beside { gateway_limit zone=a penalty cost=$arg_a|1;
                       gateway_limit zone=c cost=$arg_c|1; empty_gif; }
    location /slid { gateway_limit zone=c penalty; empty_gif; }
    location /slidfull { gateway_limit zone=c penalty; gateway_limit zone=full;
                         empty_gif; }
    location /other { gateway_limit zone=a; gateway_limit zone=b; empty_gif; }
    location /drypaid { gateway_limit zone=a penalty dry_run cost=$arg_a|1;
                        gateway_limit zone=m penalty dry_run cost=$arg_m|1;
                        gateway_limit zone=c cost=$arg_c|1; empty_gif; }
    location /paid { gateway_limit zone=a penalty; gateway_limit zone=b
                     cost=$arg_b|1; empty_gif; }
    location /try { gateway_limit zone=a; gateway_limit zone=m;
                    try_files /none @then; }
    location @then { gateway_limit zone=a; gateway_limit zone=c cost=$arg_c|1;
                     empty_gif; }
    location /pen {
        gateway_limit zone=a penalty; gateway_limit zone=b penalty;
        gateway_limit zone=m penalty; gateway_limit zone=c;
        gateway_limit zone=full;
        empty_gif;
    }
    location = /limits { gateway_limit_admin zone=a zone=b zone=c zone=s
                         zone=w zone=plan from=127.0.0.1; }
    location /plan { gateway_limit zone=plan; empty_gif; }
    location /later { gateway_limit zone=b cost=3 settle;
                      proxy_pass http://127.0.0.1:HOLD; }
END

for my $zone (sort keys %zones) {
    for my $store ('s', 'r') {
        $http .= "gateway_limit_zone \$arg_k zone=${store}_$zone:1m "
                 . "$zones{$zone}" . ($store eq 'r' ? ' redis=one' : '') . ";\n";

        for my $kind (sort keys %kinds) {
            next if $kind eq 'burst' && $zones{$zone} !~ /burst/;
            $server .= "location = /$store/$kind/$zone { "
                       . $kinds{$kind} =~ s/ZONE/${store}_$zone/r
                       . " empty_gif; }\n";
        }
        $server .= "location = /$store/limits { gateway_limit_admin "
                   . "zone=${store}_$zone from=any; }\n" if $zone eq 'gcra';
    }
}

$server =~ s/HOLD/$hold->sockport/e;

my ($one, $two) = map { start_nginx(http => $http, server => $server,
                                    workers => 2) } 1, 2;
wait_until(sub { $redis[0]->connections == 4 }, 10);

sub ask {
    my ($path, $node) = @_;

    my ($status, $head) = ($node // $one)->get($path, timeout => 20);
    return { status => $status, head => $head };
}

sub said { return header(ask(@_), 'X-Is') }
sub source { return header(ask(@_), 'X-Source') }

my $json = JSON::PP->new->canonical;

sub admin {
    my ($path, %arg) = @_;

    my ($status, $head, $body) = ($arg{node} // $one)->get($path, timeout => 20,
        $arg{body} ? (method => 'POST', body => $arg{body}) : ());
    return ($status, eval { $json->decode($body) } // {});
}

sub used {
    my ($zone, $key) = @_;
    my ($status, $state) = admin("/limits?zone=$zone&key=$key");
    return $status == 404 ? 0 : $status == 200 ? $state->{used} : $status;
}


# --- the same sequence of requests with both stores

sub same {
    my ($kind, $zone, @queries) = @_;

    my (@in, @wrong, @sources, @late);
    for my $i (0 .. $#queries) {
        my %got;
        for my $store ('s', 'r') {
            my $answer = ask("/$store/$kind/$zone?$queries[$i]");
            $got{$store} = $answer;
        }
        # shared memory comes first, and then is what rejects
        my $full = $queries[$i] =~ /full/;
        my ($s, $r) = map { "$_->{status} "
                            . ($full ? '' : header($_, 'X-Is') // '') }
                      @got{qw( s r )};
        push @in, $s;
        push @wrong, "$queries[$i]: shm $s, Redis $r" if $s ne $r;
        push @sources, header($got{r}, 'X-Source');

        # seconds: one was called a little later than the other
        for my $name (qw( X-Reset X-Retry )) {
            my ($x, $y) = map { header($_, $name) // '' } @got{qw( s r )};
            next if $x eq $y || $full;
            # a charge after a cached rejection does not extend it
            next if $kind eq 'drysettle' && $sources[-1] eq 'deny_cache';
            push @late, "$queries[$i]: $name is \"$x\" and \"$y\""
                if "$x$y" !~ /^\d+$/ || $x eq '' || $y eq ''
                   || CORE::abs($x - $y) > 3;
        }

        # with "settle", the charge follows the response
        sleep 0.05 if $kind =~ /settle/;
    }

    is(CORE::join("\n", @wrong), '', "$kind $zone: Redis decides as shm does");
    is(CORE::join("\n", @late), '', '    and names the same times');
    return (\@in, \@sources);
}

my @ten = ('k=K') x 12;
my @costs = map { "k=K&cost=$_" } 0, 3, 0, 4, 0, 4, 3, 0, 1, 0, 11, 3, 0;

for my $zone (sort keys %zones) {
    my $key = "x$zone";

    my ($in, $sources) = same('plain', $zone, map { s/K/$key/r } @ten);
    my $passed = grep { /^200/ } @$in;
    is($passed, $zone =~ /^no/ ? 0 : 10, "    and $passed pass");
    is($sources->[0], $zone =~ /^no/ ? 'shm' : 'redis', '    asking it');
    is($sources->[11], $zone =~ /^no/ ? 'shm' : 'deny_cache',
       '    until it has refused');

    same('cost', $zone, map { s/K/c$key/r } @costs);
    same('dry', $zone, map { s/K/d$key/r } @costs);
    same('settle', $zone, map { s/K/e$key/r } map { "k=K&cost=$_" }
                          4, 4, 8, 1, 0);
    same('settle', $zone, map { s/K/f$key/r } map { "k=K&cost=$_" }
                          1000, 1, 0);
    same('drysettle', $zone, map { s/K/s$key/r } map { "k=K&cost=$_" }
                             8, 8, 1, 1, 1);
    same('charged', $zone, map { s/K/h$key/r } map { "k=K&cost=$_" }
                           4, 0, 8, 0);
    same('penalty', $zone, map { s/K/p$key/r }
         'k=K', 'k=K', 'k=K&full=1', 'k=K', 'k=K&full=1&cost=4', 'k=K',
         'k=K&full=1&cost=4', 'k=K');
    same('burst', $zone, map { "k=b$key" } 1 .. 7) if $zones{$zone} =~ /burst/;
}

# a charge after a cached rejection is made in Redis

for my $store ('s', 'r') {
    my ($status, $state) = admin("/$store/limits?zone=${store}_gcra&key=sxgcra");
    is($state->{used}, 19, "$store: dry_run has settled all of it");
    is($state->{unsettled}, undef, '    and lost nothing');
}

same('plain', 'figure', map { "k=vary&$_" }
     'rate=1r/d&burst=4', 'rate=1r/d&burst=4', 'rate=2r/d&burst=4',
     'rate=1r/h&burst=2', 'rate=1r/h&burst=2', 'rate=1r/d&burst=99',
     'rate=0r/d', 'rate=1r/d&burst=0', 'rate=wrong', 'burst=wrong');


# a debt: down to one whole limit below zero, in both

for my $zone (qw( gcra slide fixed month )) {
    for my $store ('s', 'r') {
        ask("/$store/settle/$zone?k=debt&cost=1000");
        sleep 0.1;
    }
    my ($s, $r) = map { ask("/$_/settle/$zone?k=debt") } 's', 'r';
    is(header($r, 'X-Is'), header($s, 'X-Is'), "$zone: a debt refuses");
    is($r->{status}, 429, '    here');
    my ($x, $y) = map { header($_, 'Retry-After') } $s, $r;
    cmp_ok(CORE::abs($x - $y), '<=', 3, "    for as long: $x s, $y s");
}
cmp_ok(header(ask('/r/settle/gcra?k=debt'), 'Retry-After'), '>', 86400 * 10,
       'ten units of debt and one to pass are more than ten days');
cmp_ok(header(ask('/r/settle/gcra?k=debt'), 'Retry-After'), '<=', 86400 * 11,
       'and not more than eleven');


# --- several limits: all or none stays charged

sub state_of {
    my ($key) = @_;
    my ($m) = (said("/m?k=$key&m=0") // '') =~ /(\d+)$/;
    return CORE::join ' ', 10 - $m, map { used($_, $key) } qw( a b c );
}

sub becomes {
    my ($key, $want, $name) = @_;
    my $is;
    wait_until(sub { ($is = state_of($key)) eq $want }, 5);
    is($is, $want, $name);
}

ask('/all?k=g');
becomes('g', '1 1 1 1', 'one request charges m, a, b, c');

for my $case ([ a => 'one', 'a' ], [ m => 'shm', 'm' ], [ b => 'two', 'b' ],
              [ c => 'one', 'c' ])
{
    my ($arg, $where, $zone) = @$case;
    my $key = "all$arg";
    is(ask("/all?k=$key&a=2&m=2&b=2&c=2")->{status}, 200, 'all have two');
    becomes($key, '2 2 2 2', 'and are charged two');

    for my $cost (9, 10, 11) {
        my $answer = ask("/all?k=$key&$arg=$cost");
        is($answer->{status}, 429, "$zone ($where) refuses $cost");
        is(header($answer, 'X-Zone'), $zone, '    and is named');
    }
    becomes($key, '2 2 2 2', 'none of the others stays charged');

    is(ask("/all?k=$key&$arg=8")->{status}, 200, 'eight pass');
    my %now = (m => 3, a => 3, b => 3, c => 3, $arg => 10);
    becomes($key, CORE::join(' ', @now{qw( m a b c )}), 'and are charged');
}

# both blocks reject; many requests at once are refunded

is(ask('/all?k=both&a=11&b=11')->{status}, 429, 'both Redis refuse');
becomes('both', '0 0 0 0', 'and nothing is charged');

my @many = http_many([ map { [ $_ % 2 ? $one->port : $two->port,
                               '/all?k=many&a=1&m=0&c=0&b=' . ($_ % 3 ? 11 : 1) ]
                             } 1 .. 60 ], timeout => 60);
my $passed = grep { $_->{status} == 200 } @many;
cmp_ok($passed, '<=', 10, "not more than ten pass: $passed");
becomes('many', "0 $passed $passed 0", 'charged is what passed, in both');

# it may have been less, by what others took and returned meanwhile; later
# requests find it, after five seconds if the other node did it
wait_until(sub {
    $passed++ if ask('/all?k=many&a=1&m=0&c=0&b=1')->{status} == 200;
    return $passed > 9;
}, 10);
is($passed, 10, 'and then the others do');
is(ask('/all?k=many&a=1&m=0&c=0&b=1')->{status}, 429, '    ten in all');
becomes('many', '0 10 10 0', '    as is charged');


# a rejection because of a unit that is then refunded does not last longer

ask('/b?k=back&b=10');
is(ask('/a?k=back&a=9')->{status}, 200, 'one unit is left in the one');
$redis[1]->pause;
my $taker = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $one->port) or die;
print $taker "GET /other?k=back HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
ok(wait_until(sub { used('a', 'back') == 10 }, 5),
   'it is taken by a request that waits for the other');
is(source('/a?k=back'), 'redis', '    so that it refuses');
is(source('/a?k=back'), 'deny_cache', '    which is remembered');
$redis[1]->resume;
like(CORE::join('', <$taker>), qr/^HTTP\S+ 429 /, 'the other refuses');
ok(wait_until(sub { ask('/a?k=back')->{status} == 200 }, 3), 'and it is there again');


# penalty: the units left are charged although another limit rejects

is(ask('/pen?k=p&full=1')->{status}, 429, 'penalty beside a limit that is full');
becomes('p', '1 1 1 0', 'stays charged in shared memory and in both Redis');

is(ask('/beside?k=pb&c=11')->{status}, 429, 'penalty beside one in the same Redis');
becomes('pb', '0 1 0 0', 'stays charged by the call that rejects');
is(ask('/beside?k=pb&c=11&a=20')->{status}, 429, 'a penalty beyond what is left');
becomes('pb', '0 10 0 0', 'takes the units left');
is(ask('/drypaid?k=pd&c=11')->{status}, 429, 'penalty in dry_run');
becomes('pd', '1 1 0 0', 'stays charged, in Redis as in shared memory');
is(ask('/drypaid?k=pd&c=11&a=20&m=20')->{status}, 429, 'and beyond what is left');
becomes('pd', '10 10 0 0', 'takes the units left, in both');
is(ask('/drypaid?k=pd')->{status}, 200, 'but rejects nothing');
becomes('pd', '10 10 0 1', 'and charges nothing more');
is(ask('/paid?k=po&b=11')->{status}, 429, 'penalty beside one in another Redis');
becomes('po', '0 1 0 0', 'stays charged');

# of a sliding window, the previous window leaves some units

{
    my %before = map { $_ => 1 } @{ $redis[0]->cli('KEYS', '*:c:sd') };
    is(ask('/slid?k=slid')->{status}, 200, 'a sliding window with penalty');
    my ($key) = grep { !$before{$_} } @{ $redis[0]->cli('KEYS', '*:c:sd') };
    my ($day) = $redis[0]->cli('GET', $key) =~ /^(\d+):1:0$/;
    my $full = "$day:0:1000000";
    $redis[0]->cli('SET', $key, $full, 'PX', 100_000_000);
    is(ask('/slid?k=slid')->{status}, 429, 'the previous window leaves nothing')
        for 1 .. 3;
    is($redis[0]->cli('GET', $key), $full, '    and nothing is charged');
    my $calls = $redis[0]->calls('evalsha');
    is(ask('/slidfull?k=slid&full=1')->{status}, 429, '    nor after a rejection');
    ok(wait_until(sub { $redis[0]->calls('evalsha') > $calls }, 5),
       '    which Redis gets');
    is($redis[0]->cli('GET', $key), $full, '    and changes nothing');

    # a clock that was set back by less than two windows
    for my $more (2, 1) {
        my $later = $day + $more;
        $redis[0]->cli('SET', $key, "$later:10:0", 'PX', 100_000_000);
        is(ask("/c?k=slid")->{status}, 429, "a window that begins in $more");
        is($redis[0]->cli('GET', $key), "$later:10:0", '    applies');
    }
}


# charges of an earlier location remain

is(ask('/try?k=try')->{status}, 200, 'try_files, and all pass');
becomes('try', '1 1 0 1', 'charged once');
is(ask('/try?k=try&c=11')->{status}, 429, 'the second location rejects');
becomes('try', '2 2 0 1', 'and charges of the first one remain');


# --- one call

sub evalsha { $_[0]->calls('evalsha') }

my $before = evalsha($redis[0]);
is(ask('/one?k=calls')->{status}, 200, 'three limits in one Redis');
is(evalsha($redis[0]) - $before, 1, 'are one EVALSHA');

($before, my $second) = map { evalsha($_) } @redis;
is(ask('/all?k=calls2')->{status}, 200, 'in two Redis and shared memory');
is(evalsha($redis[0]) - $before, 1, 'one in each');
is(evalsha($redis[1]) - $second, 1, '    of them');

($before, $second) = map { evalsha($_) } @redis;
is(ask('/all?k=calls3&m=11')->{status}, 429, 'a rejection by shared memory');
is(evalsha($redis[0]) - $before + evalsha($redis[1]) - $second, 0,
   'Redis is not called');

my %other = map { $_ => $redis[0]->calls($_) } qw( script|load eval );
$before = evalsha($redis[0]);
http_many([ map { [ $one->port, "/a?k=pipe$_" ] } 1 .. 100 ], at_once => 20);
is(evalsha($redis[0]) - $before, 100, 'a hundred requests are a hundred calls');
is($redis[0]->calls($_), $other{$_}, "and no $_") for sort keys %other;


# --- keys in Redis

my $secret = 'sECRET{client}' . 'x' x 100;
$_->cli('FLUSHALL') for @redis;
is(ask("/all?k=$secret")->{status}, 200, 'a client with braces in its name');

my @keys = sort map { @{ $_->cli('KEYS', '*') } } @redis;
is(CORE::scalar(@keys), 3, 'three keys');
my ($tag) = $keys[0] =~ /^gateway:\{([0-9a-f]{32})\}:a:g$/;
ok($tag, "$keys[0]: prefix, hash tag, zone, algorithm");
is($keys[1], "gateway:{$tag}:c:sd", 'the same tag: one slot of a cluster');
is($keys[2], "second:{$tag}:b:fM", 'and the prefix of the other block');

for my $redis (@redis) {
    for my $key (@{ $redis->cli('KEYS', '*') }) {
        my $ttl = $redis->cli('PTTL', $key);
        cmp_ok($ttl, '>', 0, "$key expires");
        my ($zone) = $key =~ /:(\w):\w+$/;
        my $most = { a => 86400, b => 31 * 86400, c => 2 * 86400 }->{$zone};
        cmp_ok($ttl, '<=', $most * 1000 + 1000, '    when it no longer counts');
        like($redis->cli('GET', $key), qr/^\d+(?::\d+)*$/, '    and contains numbers');
    }
}
like(CORE::join(' ', @keys), qr/^(?!.*SECRET)/i, 'nothing of the client');

# a GCRA key expires when it is idle
my $ttl = $redis[0]->cli('PTTL', $keys[0]);
cmp_ok($ttl, '>', 86_000_000, 'one unit of one a day expires after a day');
ask("/all?k=$secret");
cmp_ok($redis[0]->cli('PTTL', $keys[0]), '>', 2 * 86_000_000, 'two after two');


# --- scripts that Redis has lost

$_->cli('SCRIPT', 'FLUSH') for @redis;
my $answer = ask('/all?k=flush');
is($answer->{status}, 200, 'SCRIPT FLUSH: the request passes');
is(header($answer, 'X-Source'), 'redis', 'decided by Redis');
is(source('/all?k=flush'), 'redis', 'and so does the next one');
becomes('flush', '2 2 2 2', 'each was charged once');

$_->cli('SCRIPT', 'FLUSH') for @redis;
my @flushed = http_many([ map { [ $one->port, '/all?k=flushed' ] } 1 .. 30 ]);
is(answers(@flushed), '200:10 429:20', 'of thirty at once still ten pass');
is(CORE::join('', grep { /\[(?:error|warn)\]/ && !/gateway_limit_zone/
                          && !/is chosen by the client/ }
                  split /^/, $one->log), '', 'without a log line');


# --- the deny cache

for (1 .. 11) { ask('/a?k=deny') }
$before = evalsha($redis[0]);
my %sources;
$sources{ source('/a?k=deny', $_ % 2 ? $one : $two) }++ for 1 .. 20;
is($sources{redis} // 0, 1, 'the other node calls once');
is($sources{deny_cache} // 0, 19, 'no other calls');
is(evalsha($redis[0]) - $before, 1, 'and Redis has one');

$answer = ask('/a?k=deny');
is($answer->{status}, 429, 'a cached rejection');
is(header($answer, 'X-Is'), 'REJECTED|10|0', '    has all limit values');
cmp_ok(header($answer, 'Retry-After'), '>', 86_300, '    and its time');
cmp_ok(header($answer, 'Retry-After'), '<=', 86_400, '    at most a day');
cmp_ok(header($answer, 'X-Reset'), '>', 863_000, '    and the other limit');
cmp_ok(header($answer, 'X-Reset'), '<=', 864_000, '    at most ten days');

# with "penalty" a rejection is a charge and is not remembered

ask('/only?k=pen') for 1 .. 11;
$before = evalsha($redis[0]);
is(source('/only?k=pen'), 'redis', 'penalty: a rejection is not remembered')
    for 1 .. 3;
is(evalsha($redis[0]) - $before, 3, '    each is a call');

# a lower cost is a new call, a higher one is not

is(ask('/a?k=less&a=8')->{status}, 200, 'eight of ten');
is(source('/a?k=less&a=3'), 'redis', 'three more are rejected by Redis');
is(source('/a?k=less&a=3'), 'deny_cache', 'and then by the node');
is(source('/a?k=less&a=4'), 'deny_cache', 'four as well');
is(ask('/a?k=less&a=2')->{status}, 200, 'two are called for, and pass');
is(source('/a?k=less&a=0'), 'redis', 'so is cost 0');

# on time: not earlier, and not much later

for my $zone ('s', 'w') {
    my $at = time;
    my $first = ask("/$zone?k=time");
    my $refused;
    # a window may end in between
    while (1) {
        $refused = ask("/$zone?k=time");
        last if $refused->{status} == 429;
        ($at, $first) = (time, $refused);
    }
    is(header($refused, 'X-Source'), 'redis', "$zone: Redis rejects");
    $before = evalsha($redis[0]);
    my ($calls, $asked, $sources) = (0, 0, '');
    my $last;
    while (1) {
        my $now = time;
        my $again = ask("/$zone?k=time");
        if ($again->{status} == 200) {
            $last = $now;
            is(header($again, 'X-Source'), 'redis', '    and admits');
            last;
        }
        $asked++;
        $calls++ if header($again, 'X-Source') eq 'redis';
        last if $now > $at + 20;
        sleep 0.01;
    }
    cmp_ok($asked, '>=', 1, "    $asked were rejected meanwhile");
    cmp_ok($calls, '<=', 2, "    $calls of them by Redis");
    next if !defined $last;
    cmp_ok(time - $at, '>=', 0.99, '    not before its second has ended')
        if $zone eq 's';
    cmp_ok($last - $at, '<', 2.5, '    and not long after it');
}

# a sliding window as well: its time is when a request can pass

{
    my $t = time;
    my @passed;
    while (time - $t < 3) {
        push @passed, time if ask('/v?k=slide')->{status} == 200;
        sleep 0.005;
    }
    # two in any second, and a third around a window boundary
    cmp_ok(CORE::scalar(@passed), '>=', 4, 'sliding window: it continues');
    cmp_ok(CORE::scalar(@passed), '<=', 8, '    and is limited');
}

# other limit values

ask('/s?k=fig&r=1r/d') for 1 .. 2;
is(source('/s?k=fig&r=1r/d'), 'deny_cache', 'rejected at one a day');
is(source('/s?k=fig&r=2r/d'), 'redis', 'at two a day, Redis is called');
is(source('/s?k=fig&r=1r/s'), 'redis', 'and at one a second');


# --- admin

my ($status, $state) = admin('/limits?zone=a&key=nobody');
is($status, 404, 'a key that Redis does not know');
is($state->{detail}, 'the zone has no such key', '    says so');
($status, $state) = admin('/limits?zone=r_gcra&key=nobody');
is($status, 404, 'a zone that the directive does not name');
is($state->{detail}, 'the location has no such zone', '    says so');

ask('/a?k=adm&a=3');
($status, $state) = admin('/limits?zone=a&key=adm');
is($status, 200, 'GET of a key in Redis');
my $reset = delete $state->{reset};
is($json->encode($state), $json->encode({ zone => 'a', store => 'redis',
   algorithm => 'gcra', limit => 10, used => 3, remaining => 7, key => 'adm' }),
   '    is its state');
cmp_ok($reset, '>', 2 * 86400, '    three days') ;
cmp_ok($reset, '<=', 3 * 86400, '    at most');

for my $zone (qw( a b c )) {
    my $set = sub { admin('/limits', body => $json->encode({ zone => $zone,
                          key => 'set', @_ })) };

    ($status) = $set->(set => 5);
    is($status, 404, "$zone: set of an unknown key");
    ask("/$zone?k=set");
    ($status, $state) = $set->(set => 8);
    is("$status $state->{used} $state->{remaining}", '200 8 2', "$zone: set 8");
    is(CORE::join(' ', map { ask("/$zone?k=set")->{status} } 1 .. 3),
       '200 200 429', '    leaves two');
    is(source("/$zone?k=set"), 'deny_cache', '    a rejection is remembered');
    ($status, $state) = $set->(set => 9);
    is(CORE::join(' ', map { ask("/$zone?k=set")->{status} } 1 .. 2),
       '200 429', "$zone: set 9 is there at once");
    ($status, $state) = $set->(reset => JSON::PP::true);
    is("$status $state->{used} $state->{remaining}", '200 0 10', "$zone: reset");
    is(header(ask("/$zone?k=set"), 'X-Is'), 'PASSED|10|9', '    at once');
    ($status) = $set->(set => -1);
    is($status, 400, '    a set below zero is an error');
}

# on another node: noticed within five seconds

ask('/a?k=far', $two) for 1 .. 11;
is(source('/a?k=far', $two), 'deny_cache', 'node two rejects by itself');
my $reset_at = time;
($status) = admin('/limits', body => '{"zone":"a","key":"far","reset":true}');
is($status, 200, 'node one resets');
is(ask('/a?k=far', $one)->{status}, 200, 'which it applies at once');

$before = evalsha($redis[0]);
my $heard = wait_until(sub { ask('/a?k=far', $two)->{status} == 200 }, 15);
ok($heard, 'and node two');
cmp_ok(time - $reset_at, '<', 8, '    after five seconds');
cmp_ok(evalsha($redis[0]) - $before, '<=', 2, '    without a call meanwhile');


# --- more limits than fit in one call

my @zones = map { "n$_" } 1 .. 70;
my $wide = start_nginx(workers => 1, http => <<"END" . CORE::join('',
    gateway_redis one {
        server 127.0.0.1:@{[ $redis[0]->port ]};
        connect_timeout 10s; timeout 10s;
    }
END
        map { "gateway_limit_zone \$arg_k zone=$_:64k rate=1r/d burst=9 redis=one;\n"
            } @zones),
    server => 'location / {' . CORE::join('', map {
        "gateway_limit zone=$_ cost=\$arg_$_|1;\n" } @zones) . ' empty_gif; }'
        . ' location = /limits { gateway_limit_admin from=any '
        . CORE::join(' ', map { "zone=$_" } @zones) . '; }');

sub all_used {
    my ($key) = @_;
    my %n;
    for my $zone (@zones) {
        my ($status, $state) = admin("/limits?zone=$zone&key=$key", node => $wide);
        $n{ $status == 404 ? 0 : $state->{used} }++;
    }
    return CORE::join ' ', map { "$_:$n{$_}" } sort keys %n;
}

$before = evalsha($redis[0]);
is(ask('/?k=w', $wide)->{status}, 200, 'seventy limits');
is(evalsha($redis[0]) - $before, 3, '    are three calls');
is(all_used('w'), '1:70', '    and all are charged');
for my $zone (qw( n1 n32 n33 n70 )) {
    is(ask("/?k=w&$zone=10", $wide)->{status}, 429, "    $zone rejects");
    my $is;
    wait_until(sub { ($is = all_used('w')) eq '1:70' }, 5);
    is($is, '1:70', '    and all are refunded');
}
$wide->stop;


# a key with a limit of its own, which is an argument

is(CORE::join(' ', map { ask('/plan?k=p&q=9/day')->{status} } 1 .. 4),
   '200 200 200 200', 'a key with a quota of its own');
is((admin('/limits?zone=plan&key=p'))[0], 404, 'which is not found without it');
is((admin('/limits?zone=plan&key=p&quota=9/day'))[1]{used}, 4, 'is found with the quota');
is((admin('/limits', body => '{"zone":"plan","key":"p","set":8}'))[0], 400,
   'to be set, it needs the quota');
is((admin('/limits', body => '{"zone":"plan","key":"p","quota":"9/day","set":8}'))[1]
   {used}, 8, 'and is set by it');
is(CORE::join(' ', map { ask('/plan?k=p&q=9/day')->{status} } 1 .. 2), '200 429',
   '    which holds');


# states in the future, left by another clock: shortened, or of another window

sub leave {
    my ($key, $zone, $kind, $state) = @_;
    my $digest = substr sha256_hex($key), 0, 32;
    is($redis[0]->cli('SET', "gateway:{$digest}:$zone:$kind", $state), 'OK',
       "$zone: a state in the future");
}

leave('jump', 'a', 'g', sprintf '%.0f', (time + 100 * 365 * 86_400) * 1e6);
my $jump = ask('/a?k=jump');
is($jump->{status}, 429, '    refuses');
cmp_ok(header($jump, 'Retry-After'), '<=', 11 * 86_400,
       '    as a debt of at most the limit');
cmp_ok(header($jump, 'Retry-After'), '>', 11 * 86_400 - 60, '    and one to pass');

leave('jump', 'c', 'sd', '99999999:9:9');
is(said('/c?k=jump'), 'PASSED|10|9', '    is not counted');
leave('jump', 'plan', 'fM', '9000000000000000:3');
is(said('/plan?k=jump'), 'PASSED|3|2', '    is not counted');


# a state that ends later than its window, by the clock of another node: the units
# count, and the window ends when the state does

my $ahead = sprintf '%.0f', (time + 45 * 86_400) * 1e6;
leave('ahead', 'plan', 'fM', "$ahead:2");
is(said('/plan?k=ahead'), 'PASSED|3|0', '    is counted');
is(said('/plan?k=ahead'), 'REJECTED|3|0', '    to its limit');
cmp_ok(header(ask('/plan?k=ahead'), 'Retry-After'), '<=', 31 * 86_400,
       '    until the month ends');
my $soon = sprintf '%.0f', (time + 600) * 1e6;
leave('soon', 'plan', 'fM', "$soon:3");
my $early = ask('/plan?k=soon');
is($early->{status}, 429, '    also one that ends earlier');
cmp_ok(header($early, 'Retry-After'), '<=', 600, '    when it says');


# a key that another program has written does not affect other keys

my $digest = substr sha256_hex('foreign'), 0, 32;
for ([ w => 'fs' ], [ plan => 'fM' ], [ c => 'sd' ], [ a => 'g' ]) {
    my ($zone, $kind) = @$_;
    my $name = "gateway:{$digest}:$zone:$kind";
    $redis[0]->cli('LPUSH', $name, 'x');
    is(header(ask("/$zone?k=foreign"), 'X-Source'), 'local',
       "$zone: a foreign key is decided by the node") for 1 .. 10;
    is(header(ask("/$zone?k=own"), 'X-Source'), 'redis', '    others in Redis');
    $redis[0]->cli('DEL', $name);
    is(header(ask("/$zone?k=foreign"), 'X-Source'), 'redis',
       '    and that key, once it is deleted');
    leave('foreign', $zone, $kind, $_)
        for $kind eq 'g' ? qw( nan inf -inf ) : ('x', 'inf:inf', 'nan:1:1');
    is(header(ask("/$zone?k=foreign"), 'X-Source'), 'redis', '    an invalid value counts as idle');
    $redis[0]->cli('DEL', $name);
}
like($one->log, qr/\[error\].* answered "WRONGTYPE [^"]*", deciding without Redis for /,
     'is logged');
unlike($one->log, qr/failures=\d+ reached/, 'and does not open the breaker');


# a charge that Redis cannot make is counted, and made by the node

my $later = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $one->port) or die;
print $later "GET /later?k=later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
my $origin = $hold->accept;
sysread $origin, my $asked, 4096;


# Redis is down: gateway_limit_admin responds with 503

is(ask('/closed?k=half')->{status}, 200, 'two Redis, one with on_error=closed');
$redis[1]->kill;
wait_until(sub { (admin('/limits?zone=b&key=g'))[0] == 503 }, 5);
($status, $state) = admin('/limits?zone=b&key=g');
is($status, 503, 'GET while Redis is down');

my $a = used('a', 'half');
is($a, 1, 'a request was charged in one');
my $gone = ask('/closed?k=half');
is($gone->{status}, 503, 'the other one is down: on_error=closed rejects');
like($gone->{head}, qr{^Content-Type: application/problem\+json}m, '    as a problem');
my $is;
wait_until(sub { ($is = used('a', 'half')) == 1 }, 5);
is($is, 1, 'that charge is refunded');
like($state->{detail}, qr/^(?:not connected|connection lost|breaker open)$/,
     "    says: $state->{detail}");
is($state->{unsettled}, undef, '    and of no charge that was lost');
print $origin "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
close $origin;
like(CORE::join('', <$later>), qr/^HTTP\S+ 200 .*ok\z/s,
     'a response that ends while Redis is down');
ok(wait_until(sub { (admin('/limits?zone=b&key=g'))[1]{unsettled} }, 5),
   '    counts as an unsettled charge');
is((admin('/limits?zone=b&key=g'))[1]{unsettled}, 1, '    one');
is((admin('/limits?zone=a&key=adm'))[1]{unsettled}, undef, '    and of no other zone');
is(header(ask('/b?k=later'), 'X-Is'), 'PASSED|10|6',
   '    made by the node: three, and this one');
($status) = admin('/limits', body => '{"zone":"b","key":"g","set":1}');
is($status, 503, 'POST, too');
($status) = admin('/limits?zone=a&key=adm');
is($status, 200, 'the other one is there');

alarm 0;
$_->stop for $one, $two;
done_testing();
