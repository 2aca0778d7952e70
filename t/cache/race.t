# SPDX-License-Identifier: BSD-2-Clause

# A request finds a response stale, and another worker refreshes the response
# before the request takes the lock: it is not refreshed again.  A preloaded
# library delays every other request between the two steps.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use POSIX ();
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0755, "$dir";

# nginx allocates the pool of a refresh between the two steps
library("$dir/slow.so", <<'END')
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

int
posix_memalign(void **p, size_t alignment, size_t size)
{
    static unsigned  n;
    int              (*next)(void **, size_t, size_t);

    *(void **) &next = dlsym(RTLD_NEXT, "posix_memalign");

    if (size == 4096 && (n++ & 1)) {
        (void) usleep(3000);
    }

    return next(p, alignment, size);
}
END
    or plan skip_all => 'nginx does not start with a library';

my $port = free_port();
my $origin = origin();
local $ENV{LD_PRELOAD} = "$dir/slow.so";
my $nginx = start_nginx(port => $port, conf => http_conf(workers => 2,
    port => $port, http => 'gateway_cache_zone zone=z:16m;',
    server => <<"END"));
    gateway_cache z;
    gateway_cache_stale background;
    location / { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
END
delete $ENV{LD_PRELOAD};

my $keys = 150;
for (1 .. $keys) {
    $origin->answer("/$_",
                    { head => [ 'Cache-Control: max-age=10', 'Age: 20',
                                'ETag: "1"' ], body => 'stale' },
                    { head => [ 'Cache-Control: max-age=60' ], body => 'fresh',
                      delay => 0.003 });
    http_get($port, "/$_");
}

my @clients;
for (1 .. 4) {
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        my $fresh = grep {
            my $path = "/$_";
            wait_until(sub { (http_get($port, $path))[2] eq 'fresh' })
        } 1 .. $keys;
        POSIX::_exit($fresh != $keys);
    }
    push @clients, $pid;
}

is(scalar grep({ waitpid $_, 0; $? } @clients), 0,
   'each client receives each fresh response');
is(scalar grep({ $origin->count("/$_") == 2 } 1 .. $keys), $keys,
   'the origin receives one more request for each');
$nginx->stop;

done_testing();
