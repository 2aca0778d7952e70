# SPDX-License-Identifier: BSD-2-Clause

# A name whose address changes: nginx uses the old address for the TTL of the
# answer, or for the time of "valid=" of "resolver".

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Dns;
use Test::Gateway::Redis;
use Test::Gateway::Server;
use Test::More;

my $redis = start_redis();
my $dns = dns('127.0.0.1', ttl => 300);

for my $case ([ '', 'the TTL of an answer counts' ],
              [ ' valid=1s', 'valid= replaces the TTL' ])
{
    my ($valid, $name) = @$case;

    $dns->moves('127.0.0.1');
    my $nginx = start_nginx(workers => 1, http => <<"END", server => <<'END');
    resolver 127.0.0.1:@{[ $dns->port ]} ipv6=off$valid;
    gateway_redis fleet { server redis.example:@{[ $redis->port ]}; }
    gateway_limit_zone \$hostname zone=z:1m rate=1000r/s burst=1000000
                       redis=fleet on_error=closed;
END
    location / { gateway_limit zone=z; empty_gif; }
END
    my $status = sub { ($nginx->get('/'))[0] };
    is(wait_until(sub { $status->() == 200 }, 10), 1, "$name: connected");

    # nothing listens at the new address; the connection breaks
    $dns->moves('127.0.0.9');
    my $end = time + 3;
    my %seen;
    while (time < $end || !$seen{done}) {
        $redis->cli('CLIENT', 'KILL', 'TYPE', 'normal');
        $status->();
        $seen{done} = $valid eq '' ? $status->() == 200
                                   : $nginx->log =~ /127\.0\.0\.9/;
        last if time > $end + 10;
    }

    if ($valid eq '') {
        unlike($nginx->log, qr/127\.0\.0\.9/, "$name: the old address");
        is(wait_until(sub { $status->() == 200 }, 10), 1, "$name: and works");

    } else {
        like($nginx->log, qr/connect\(\) to 127\.0\.0\.9:\d+ failed/,
             "$name: the new address");
        $dns->moves('127.0.0.1');
        is(wait_until(sub { $status->() == 200 }, 15), 1,
           "$name: and back again");
    }
    $nginx->stop("$name: nothing went wrong unannounced");
}

$redis->stop;
done_testing();
