# SPDX-License-Identifier: BSD-2-Clause

# The rights of the Redis user: those in modules/redis/README.md are enough, each
# of them is needed, and the password never appears in a log.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Load;
use Test::Gateway::Redis;

use Test::More;
use Time::HiRes qw( sleep );

BEGIN { $Test::Gateway::More = 1 }

$SIG{ALRM} = sub { die "this takes too long\n" };
alarm 180;

# the rule is read from the README, so that the README is tested

my $readme = Test::Gateway::Server::slurp('modules/redis/README.md');
my @lines = $readme =~ /^ACL SETUSER gateway (.*)$/mg
    or die 'no rule in the README';
my @rule = map { split } @lines;
my $example = Test::Gateway::Server::slurp('conf.examples/redis.conf');
is_deeply([ $example =~ /^# +ACL SETUSER gateway (.*)$/mg ], \@lines,
          'the example has the same rule');
is(scalar(grep { $_ eq '>password' } @rule), 1, 'the README has a rule');

my $secret = 'Gr0ss-geheim';
$_ eq '>password' and $_ = ">$secret" for @rule;

my $redis = start_redis();
# a connection that is refused before SETNAME has no name
$redis->cli('CONFIG', 'SET', 'acllog-max-len', 100);

my $server;

sub gateway {
    my ($more, $timeout) = @_;

    $timeout //= '10s';
    return $server = start_nginx(
        workers => 1, files => { 'pass' => "$secret\n" },
        http => <<"END", server => <<'END');
    gateway_redis fleet {
        server 127.0.0.1:@{[ $redis->port ]};
        timeout $timeout;
        connect_timeout $timeout;
        user gateway;
        password_file pass;
        @{[ $more // '' ]}
    }
    gateway_limit_zone \$arg_k zone=g:1m rate=1r/d burst=9 redis=fleet;
    gateway_limit_zone \$arg_k zone=s:1m rate=10r/d algorithm=sliding_window
                       redis=fleet;
    gateway_limit_zone \$arg_k zone=f:1m quota=10/month redis=fleet;
    add_header X-Is "\$gateway_limit_status|\$gateway_limit_source" always;
    add_header X-Any "\$gateway_consumer" always;
END
    location /g { gateway_limit zone=g; empty_gif; }
    location /s { gateway_limit zone=s; empty_gif; }
    location /f { gateway_limit zone=f; empty_gif; }
    location /all { gateway_limit zone=f; gateway_limit zone=s;
                    gateway_limit zone=g; empty_gif; }
    location /settle { gateway_limit zone=g settle cost=2; empty_gif; }
    location = /limits { gateway_limit_admin zone=g zone=s zone=f from=any; }
END
}

sub is_now {
    my ($path) = @_;
    my ($status, $head) = $server->get($path, timeout => 20);
    return "$status " . (header($head, 'X-Is') // '');
}

# makes every kind of call; returns those that Redis did not decide
sub everything {
    my ($key) = @_;

    my @wrong;
    for my $zone (qw( g s f all )) {
        my $is = is_now("/$zone?k=$key");
        push @wrong, "$zone: $is" if $is ne '200 PASSED|redis';
    }
    my $used = sub {
        (($server->get("/limits?zone=g&key=$key", timeout => 20))[2] // '')
            =~ /"used":(\d+)/ ? $1 : -9;
    };
    my $before = $used->();
    is_now("/settle?k=$key");
    push @wrong, 'settle'
        if !wait_until(sub { $used->() == $before + 2 }, $before < 0 ? 0.1 : 3);

    for my $zone (qw( g s f )) {
        my ($status) = $server->get("/limits?zone=$zone&key=$key", timeout => 20);
        push @wrong, "GET $zone: $status" if $status != 200;
        for my $change ('"set":3', '"reset":true') {
            ($status) = $server->get('/limits', method => 'POST', timeout => 20,
                body => "{\"zone\":\"$zone\",\"key\":\"$key\",$change}");
            push @wrong, "POST $zone $change: $status" if $status != 200;
        }
    }
    return CORE::join ', ', @wrong;
}

sub setuser {
    $redis->cli('ACL', 'SETUSER', 'gateway', 'reset', @_);
    $redis->cli('FLUSHALL');
    $redis->cli('SCRIPT', 'FLUSH');
    $redis->cli('ACL', 'LOG', 'RESET');
}

sub errors { grep { /\[error\]/ } split /^/, $server->log }
sub warnings { grep { /\[warn\]/ && !/can be read/ } split /^/, $server->log }


# --- exactly the rule

setuser(@rule);
gateway();
is(everything('a'), '', 'the rule of the README suffices');
is(CORE::join('', errors(), warnings()), '', 'without a log line');
is(scalar(@{ $redis->cli('ACL', 'LOG') }), 0, 'and Redis has denied nothing');
my ($client) = grep { / name=nginx-gateway / }
               split /\n/, $redis->cli('CLIENT', 'LIST');
like($client, qr/ user=gateway /, 'as that user');

# NOSCRIPT: nginx loads the scripts again
$redis->cli('SCRIPT', 'FLUSH');
is(is_now('/g?k=again'), '200 PASSED|redis', 'scripts may be loaded again');

# the breaker sends PING, which the rule must allow
ok((grep { $_ eq '+ping' } @rule), 'PING is allowed');
$server->stop;

gateway('database 3;');
is(is_now('/g?k=a'), '200 PASSED|redis', 'another database, too');
is(CORE::join('', errors(), warnings()), '', 'without a log line');
$server->stop;


# --- one right less

my %less = (
    '+evalsha' => [ qr/answered "NOPERM /, 'calls' ],
    '+script|load' => [ qr/refused SCRIPT LOAD: "NOPERM /, 'handshake' ],
    '+get' => [ qr/answered "(?:NOPERM |ERR |The user executing)/, 'calls' ],
    '+set' => [ qr/answered "(?:NOPERM |ERR |The user executing)/, 'calls' ],
    '+time' => [ qr/answered "(?:NOPERM |ERR |The user executing)/, 'calls' ],
    '+mget' => [ qr/answered "(?:NOPERM |ERR |The user executing)/, 'several' ],
    '+del' => [ qr/answered "(?:NOPERM |ERR |The user executing)/, 'reset' ],
    '~gateway:*' => [ qr/answered "(?:NOPERM |ERR |The user executing)/, 'calls' ],
    '+role' => [ qr/refused ROLE: "NOPERM .*ignored/, 'tolerated' ],
    '+client|setname' => [ qr/refused CLIENT SETNAME: "NOPERM .*ignored/,
                           'tolerated' ],
    '+select' => [ qr/refused SELECT: "NOPERM /, 'database' ],
);

is(CORE::join(' ', grep { !$less{$_} && !/^(?:on|reset|-@|>|\+ping)/ } @rule),
   '', 'each right is removed once');

for my $right (sort keys %less) {
    my ($log, $kind) = @{ $less{$right} };

    setuser(grep { $_ ne $right } @rule);
    gateway($kind eq 'database' ? 'database 3;' : '');

    if ($kind eq 'tolerated') {
        is(everything('a'), '', "without $right, all calls succeed");
        is(CORE::join('', errors()), '', '    no error is logged');
        my @warn = warnings();
        is(scalar(@warn), 1, '    one warning is logged');
        like($warn[0] // '', $log, '    which names the command');

    } else {
        my $wrong = everything('a');
        my $what = { several => qr/^all: 200 PASSED\|local/,
                     reset => qr/^POST g "reset":true: 503/,
                     database => qr/^g: 200 PASSED\|local/,
                     handshake => qr/^g: 200 PASSED\|local/,
                     calls => qr/^g: 200 PASSED\|local/ }->{$kind};
        like($wrong, $what, "without $right, calls fail");
        my @lines = errors();
        like($lines[0] // '', $log, '    the reason is logged');
        is(scalar(@lines), 1, '    once') or diag(@lines);
        unlike(CORE::join('', @lines), qr/reached, breaker open/,
               '    the breaker stays closed');
    }
    $server->stop;
}


# without +ping: a breaker that has opened never closes

{
    setuser(grep { $_ ne '+ping' } @rule);
    gateway('breaker failures=1 retry=100ms;', '500ms');
    wait_until(sub { is_now('/g?k=a') eq '200 PASSED|redis' }, 10);
    $redis->pause;
    wait_until(sub { is_now('/g?k=a'); $server->log =~ /reached, breaker open/ }, 10);
    $redis->resume;
    ok(wait_until(sub { $server->log =~ /answered "NOPERM / }, 15),
       'without +ping, the probe fails');
    is(is_now('/g?k=a'), '200 PASSED|local', '    the breaker stays open');
    $redis->cli('ACL', 'SETUSER', 'gateway', '+ping');
    ok(wait_until(sub { is_now('/g?k=a') eq '200 PASSED|redis' }, 15),
       '    with +ping, the breaker closes');
    $server->stop;
}


# --- a right that is granted takes effect without a reload

{
    setuser(grep { $_ ne '+set' } @rule);
    gateway();
    is(is_now('/g?k=a'), '200 PASSED|local', 'without +set');
    $redis->cli('ACL', 'SETUSER', 'gateway', '+set');
    is(is_now('/g?k=a'), '200 PASSED|redis', 'with +set, on the same connection');
    $server->stop;
}


# --- a wrong password, a disabled user

for my $case ([ 'another password', '>other' ], [ 'a disabled user', 'off' ]) {
    my ($name, @more) = @$case;
    my @changed = map { $_ eq ">$secret" && $more[0] =~ /^>/ ? $more[0]
                        : $_ eq 'on' && $more[0] eq 'off' ? 'off' : $_ } @rule;
    setuser(@changed);
    gateway();
    is(is_now('/g?k=a'), '200 PASSED|local', "$name: decided without Redis");
    like(CORE::join('', errors()), qr/refused AUTH: "WRONGPASS invalid username-pass/,
         '    the reason is logged');
    unlike($server->log, qr/\Q$secret\E/, '    without the password');
    $server->stop;
}


# --- the password appears neither in the debug log nor in nginx -T

{
    setuser(@rule);
    local $ENV{TEST_NGINX_LOG_LEVEL} = 'debug';
    gateway();
    is(everything('a'), '', 'log level debug');
    $redis->cli('CLIENT', 'KILL', 'USER', 'gateway');
    ok(wait_until(sub { is_now('/g?k=b') eq '200 PASSED|redis' }, 10), 'and again');
    $server->reload;
    is(is_now('/g?k=b'), '200 PASSED|redis', 'and after a reload');
    unlike($server->log, qr/\Q$secret\E/, 'the log does not hold the password');

    my $dir = $server->dir;
    my ($code, $said) = Test::Gateway::Server::command(
        Test::Gateway::Server::binary(), '-T', '-p', "$dir/", '-c',
        "$dir/nginx.conf", '-e', 'stderr');
    is($code, 0, 'nginx -T');
    like($said, qr/password_file pass;/, '    shows the directive');
    unlike($said, qr/\Q$secret\E/, '    and not the password');
    $server->stop;
}

alarm 0;
done_testing();
