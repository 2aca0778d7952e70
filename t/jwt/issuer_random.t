# SPDX-License-Identifier: BSD-2-Clause

# Very many tokens with random "kid": the number of fetches depends only on the
# time, and a valid token is accepted all the while.
#
# ISSUER_KIDS, the number of tokens; default: a million, with sanitizers a tenth.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Flood qw( during );
use Test::Gateway::Issuer;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep time );

my $asan = ($ENV{TEST_NGINX_BINARY} // '') =~ m{/asan/};
my $n = $ENV{ISSUER_KIDS} // ($asan ? 100_000 : 1_000_000);
my $min = 1;

my $issuer = issuer('a');
my $port = free_port();
my $server = start_nginx(port => $port, conf => http_conf(
    port => $port, workers => 2,
    server => $issuer->location('/keys') . <<"END"));
    $Reason
    keepalive_requests 10000000;
    error_log logs/error.log error;
    gateway_jwt_key_fetch interval=1h min=${min}s timeout=10s;
    location / {
        gateway_jwt api token=\$arg_token;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
END

my $known = '/?token=' . token(key => 'a');
ok($issuer->fetched(1), 'the keys are fetched');
is(reason($server, $known), '200', 'a known key');


# a path with a token that no key verifies, of another "kid" each time

my $rest = '.' . b64u(claims_json({})) . '.' . b64u('x' x 64);
my ($process, $number) = (0, 0);

sub unknown {
    if ($process != $$) {
        $process = $$;
        srand;
    }
    my $kid = sprintf '%08x%08x', rand 2 ** 32, $number++;
    return '/?token=' . b64u(qq({"alg":"ES256","kid":"$kid"})) . $rest;
}

# checks the results of a flood, during which known keys serve

sub floods {
    my ($name, $total, $status, $fetches) = @_;

    my $before = $issuer->fetches;
    my $began = time;
    my %known;

    my %count = during($port, \&unknown, $total, sub {
        my ($running) = @_;
        while ($running->()) {
            $known{ reason($server, $known, undef, timeout => 10) }++;
            sleep 0.05;
        }
    }, seconds => 600);

    my $most = 1 + (time - $began) / $min;
    is_deeply(\%count, { $status => $total }, "$name: all are $status");
    is(join(' ', keys %known), '200', "$name: a known key serves");

    my $made = $issuer->fetches - $before;
    cmp_ok($made, '<=', $most, "$name: $made fetches");
    cmp_ok($made, '>=', $fetches, "$name: not fewer");
    return;
}

sleep $min + 0.1;
floods('it answers', $n, 401, 1);

# while requests wait, their connections are not sent others: fewer are sent

sleep $min + 0.1;
$issuer->answers(delay => 0.3);
floods('it is slow', $n / 10, 401, 1);

sleep $min + 0.1;
$issuer->answers(status => 500);
floods('it fails', $n / 10, 503, 1);

$issuer->keys('a', 'b');
ok(wait_until(sub { reason($server, '/?token=' . token(key => 'b')) eq '200' },
              $min + 5), 'it works again');

$server->stop;

done_testing;
