# SPDX-License-Identifier: BSD-2-Clause

# Introspection in many servers that inherit one directive: nginx starts, and
# logs which endpoints fail, and which of these work again.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Endpoint;
use Test::Gateway::Server;
use Test::More;

my $as = endpoint();
my $ask = $as->location('/ask');

sub servers {
    my ($n, $port) = @_;

    return join '', 'server_names_hash_max_size 65536; gateway_jwt api;',
                    'gateway_jwt_introspect /ask cache=0;',
                    map { <<"END" } 1 .. $n;
    server {
        listen 127.0.0.1:$port;
        server_name s$_.example;
        $ask
        location / { empty_gif; }
    }
END
}


# --- more than there are words in shared memory

my $many = $ENV{FULL} ? 5_000 : 1_200;
my ($code, $said) = nginx_t(http_conf(http => servers($many, 9),
                                      server => 'gateway_jwt off;'));
is($code, 0, "$many servers") or diag $said;
unlike($said, qr/\[(emerg|warn)\]/, 'no message');


# --- the log

my $n = 300;
my $port = free_port();
my $server = start_nginx(port => $port,
                         conf => http_conf(workers => 1,
                                           http => servers($n, $port),
                                           server => 'gateway_jwt off;'));

my $id = 0;
sub status {
    my ($of, @words) = @_;

    my $token = join '~', 'u' . ++$id, @words;
    return (http_get($server, '/', host => "s$of.example",
                     headers => [ "Authorization: Bearer $token" ]))[0];
}

sub lines { scalar(() = $server->log =~ /\[error\][^\n]*"\/ask": $_[0]/g) }
my $fails = 'status 500, tokens cannot be checked';
my $works = 'tokens are checked again';

for my $of (1, $n) {
    my @before = (lines($fails), lines($works));

    is(status($of, 'status:500'), 503, "the endpoint of server $of fails");
    is(lines($fails), $before[0] + 1, 'which is logged');
    is((grep { status($_) == 200 } grep { $_ != $of } 1 .. $n), $n - 1,
       'the others work');
    is(lines($works), $before[1], 'of which nothing is logged');
    is(status($of), 200, 'the endpoint works again');
    is(lines($works), $before[1] + 1, 'which is logged');
}

is((grep { status($_, 'status:500') == 503 } 1 .. $n), $n, 'all fail');
my $failed = lines($fails);
cmp_ok($failed, '>=', 128, "$failed failures are logged, one for each of 128");
cmp_ok($failed, '<', $n, 'and one for several of the others');
is((grep { status($_) == 200 } 1 .. $n), $n, 'all work again');
is(lines($works), $failed, 'which is logged for the same ones');
$server->stop;

done_testing;
