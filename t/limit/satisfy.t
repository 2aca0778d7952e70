# SPDX-License-Identifier: BSD-2-Clause

# A limit is final, whatever its status is and whatever else grants the request:
# with "satisfy any", nginx lets other modules admit what 401, 403 and, since
# 1.31.0, 407 refuse.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Server;
use Test::More;

my @statuses = (400 .. 599);
my $locations = join '', map { my $status = $_; my $i = 0; map { $i++; <<"END" }
    location = /$status/$i {
        satisfy $_;
        gateway_limit zone=z;
        gateway_limit_status $status;
        empty_gif;
    }
END
    'any; allow all', 'any; allow 127.0.0.1; deny all', 'all; allow all' }
    grep { $_ < 494 || $_ > 497 } @statuses;

my $server = start_nginx(workers => 1, server => $locations, http =>
    'gateway_limit_zone "$uri" zone=z:4m rate=1r/h burst=0 stage=early;');

for my $status (@statuses) {
    next if $status >= 494 && $status <= 497;
    my @got = map { my $i = $_;
                    map { (http_get($server, "/$status/$i"))[0] } 1 .. 3 } 1 .. 3;

    # nginx closes the connection without a response
    my $refused = grep({ $_ == $status } 408, 444, 499) ? 0 : $status;
    my $expected = join ' ', (200, $refused, $refused) x 3;
    next if "@got" eq $expected;
    is("@got", $expected, "status $status");
}
pass('each status is final');
$server->stop('nothing went wrong');
done_testing;
