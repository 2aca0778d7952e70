# SPDX-License-Identifier: BSD-2-Clause

# Reloads, configurations with and without http {}, and a module that is loaded
# but not used: no request is lost, and nothing is logged above notice.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

$Test::Gateway::More = 1;

our $T = token(claims => { sub => 'alice' });
our $Forged = edited($T, signature => sub { reverse $_[0] });

run_tests();

my $server;
my @good = (headers => [ "Authorization: Bearer $T" ]);
my @bad = (headers => [ "Authorization: Bearer $Forged" ]);

my $jwt = <<'END';
    location / {
        gateway_jwt r;
        gateway_jwt_key_file jwks.json watch=50ms;
        gateway_jwt_claim_header X-User sub;
        add_header X-User $gateway_consumer;
        empty_gif;
    }
    location /slow {
        gateway_jwt r;
        gateway_jwt_key_file jwks.json watch=1h;
    }
END

sub status { my @got = $server->get(@_); return $got[0] }

sub above_notice { CORE::join '', grep { /\[(?:warn|error|crit|alert|emerg)\]/ }
                                  split /^/, $server->log }


# --- twenty reloads under requests

$server = start_nginx(server => $jwt, files => { 'jwks.json' => jwks('es256') });

# sends requests until told to stop, and returns the number of each response

pipe my $result, my $report or die "pipe: $!";
pipe my $until, my $end or die "pipe: $!";
defined(my $client = fork) or die "fork: $!";

if (!$client) {
    close $end;
    my %count;
    my $bits = '';
    vec($bits, fileno $until, 1) = 1;
    while (!select my $ready = $bits, undef, undef, 0) {
        $count{'good ' . status('/', @good)}++;
        $count{'bad ' . status('/', @bad)}++;
    }
    syswrite $report, json(\%count);
    POSIX::_exit(0);
}

my $reloads = grep { $server->reload } 1 .. 20;

close $end;
close $report;
my $count = JSON::PP::decode_json(CORE::join '', <$result>);
waitpid $client, 0;

Test::More::is($reloads, 20, 'twenty reloads, each to its end');
Test::More::is(CORE::join(', ', sort keys %$count), 'bad 401, good 200',
               "every request had its answer ($count->{'good 200'} of each)");
Test::More::cmp_ok($count->{'good 200'}, '>=', 20,
                   'and there were requests throughout');
Test::More::is(above_notice(), '', 'nothing above notice');
Test::More::is(scalar($server->workers), 2, 'no worker is left over');


# --- a request that has begun belongs to the old worker

my $socket = IO::Socket::INET->new('127.0.0.1:' . $server->port)
    or die "connect: $!";
print $socket "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
              . 'Authorization: Bearer ' . substr $T, 0, 20;

# a later response shows that the connection was accepted
status('/', @good) for 1 .. 20;

my $told = gone();
$server->reload(undef, wait => 0);
Test::Gateway::Server::wait_until(sub { gone() == $told + 2 });
print $socket substr($T, 20), "\r\n\r\n";
my ($line) = CORE::join('', <$socket>) =~ /\A(.*?)\r/;
Test::More::is($line, 'HTTP/1.1 200 OK',
               'a request that had begun is answered by the leaving worker');

sub gone { scalar(() = $server->log =~ /gracefully shutting down/g) }

Test::More::ok(Test::Gateway::Server::wait_until(
                   sub { 2 == $server->workers }, 10),
               'which then leaves');
$server->stop('the log contains no alert');


# --- http {} comes and goes

my $port = free_port();
my $with = http_conf(port => $port, server => $jwt);
my $without = qq{load_module "$ENV{GATEWAY_MODULE}";\nevents { }\n};

$server = start_nginx(conf => $with, port => $port,
                      files => { 'jwks.json' => jwks('es256') });

Test::More::is(status('/', @good), 200, 'with http {}');
Test::More::ok($server->reload($without), 'http {} is removed by a reload');
Test::More::is(status('/', @good), 0, 'and no port is open');
Test::More::ok($server->reload($without), 'and a reload without it');
Test::More::ok($server->reload($with), 'http {} is added by a reload');
Test::More::is(status('/', @good), 200, 'and serves');
Test::More::is(status('/', @bad), 401, 'and refuses');
Test::More::is(above_notice(), '', 'nothing above notice');

# files are watched in the new configuration

Test::Gateway::Server::write_file($server->dir . '/jwks.json', jwks('b'));
Test::More::ok(Test::Gateway::Server::wait_until(sub {
                   status('/', @good) == 401 }),
               'and still watches its keys');


# --- a reload that fails leaves everything as it was

Test::Gateway::Server::write_file($server->dir . '/jwks.json', jwks('es256'));
Test::Gateway::Server::wait_until(sub {
    20 == grep { status('/', @good) == 200 } 1 .. 20;
});

$server->allow('gateway_jwt_key_file');
my @workers = $server->workers;
$server->reload($with =~ s/jwks\.json/none.json/r, wait => 0);
Test::Gateway::Server::wait_until(sub { $server->log =~ /\[emerg\]/ });
Test::More::like($server->log, qr{\[emerg\].*gateway_jwt_key_file ".*none\.json"},
                 'a file that is not there refuses the configuration');
Test::More::is_deeply([ $server->workers ], \@workers,
                      'the workers are the same');
Test::More::is(status('/', @good), 200, 'and serve');
$server->stop;


# --- no http {} at all

$server = start_nginx(conf => $without);
Test::More::ok($server->reload, 'no http {} at all: starts and reloads');
Test::More::is(above_notice(), '', 'nothing above notice');
$server->stop;

my ($code, $said) = nginx_t($without);
Test::More::is($code, 0, 'no http {} at all: -t is content');


# --- loaded and not used

my $plain = <<'END';
    location / { root html; }
    location /basic { auth_basic b; auth_basic_user_file htpasswd; }
    location /deny { deny all; }
    location /echo { proxy_pass http://127.0.0.1:PORT/back; }
    location /back {
        add_header X-Got "$http_x_user|$http_authorization|$request_uri";
        return 204;
    }
    location /page { error_page 401 /a.txt; auth_basic b;
                     auth_basic_user_file htpasswd; }
END

my %answers;

for my $loaded (1, 0) {
    my $port = free_port();
    my $conf = http_conf(port => $port, server => $plain =~ s/PORT/$port/r);
    $conf =~ s/^load_module.*$//m if !$loaded;

    $server = start_nginx(conf => $conf, port => $port, files => {
        'html/a.txt' => "a\n", htpasswd => "a:{PLAIN}b\n" });

    $answers{$loaded} = '';
    for my $uri (qw( /a.txt /none /basic /deny /echo?a=1 /page )) {
        my ($status, $head, $body) = $server->get($uri, headers =>
            [ 'X-User: root', "Authorization: Bearer $T" ]);
        $head =~ s/^(?:Date|Last-Modified|ETag): .*(?:\n|\z)//mg;
        $answers{$loaded} .= "$uri: $head\n\n$body\n";
    }

    my $log = $server->log;
    $log =~ s/^\S+ \S+ (\[\w+\]) [\d#]+: (?:\*\d+ )?/$1 /mg;
    $answers{"log $loaded"} = CORE::join "\n",
        grep { /\[(?:warn|error|crit|alert|emerg)\]/ } split /\n/,
        $log =~ s/\Q@{[ $server->dir ]}\E|\b$port\b/X/gr;
    $server->stop;
}

Test::More::is($answers{1}, $answers{0},
               'loaded and not used: every answer is the same');
Test::More::is($answers{'log 1'}, $answers{'log 0'},
               'loaded and not used: the log is the same');

done_testing();

__DATA__

=== TEST 1: one process without a master
--- single
--- jwks: es256
--- config
location /t {
    gateway_jwt r;
    gateway_jwt_key_file $TEST_NGINX_HTML_DIR/jwks.json watch=50ms;
    gateway_jwt_claim_header X-User sub;
    empty_gif;
}
--- request eval: [ ("GET /t") x 3 ]
--- more_headers eval
[ "Authorization: Bearer $::T\n", "Authorization: Bearer $::Forged\n", '' ]
--- error_code eval: [ 200, 401, 401 ]



=== TEST 2: one process without a master, and not used
--- single
--- config
location /t { empty_gif; }
--- request
GET /t
