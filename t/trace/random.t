# SPDX-License-Identifier: BSD-2-Clause

# Without random bytes a request has no ids: nginx responds with 500, or with the
# earlier error of the request, and logs the failure once.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Echo;
use Test::Gateway::Gate;
use Test::Gateway::Server;
use Test::More;

# a generator that fails while the file "on" is there

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
my $lib = "$dir/random.so";

library($lib, <<"END")
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

int
RAND_bytes(unsigned char *bytes, int n)
{
    int  (*next)(unsigned char *, int);

    if (access("$dir/on", F_OK) == 0) {
        return 0;
    }

    *(void **) &next = dlsym(RTLD_NEXT, "RAND_bytes");

    return next(bytes, n);
}
END
    or plan skip_all => 'nginx does not start with a library';

my $upstream = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";
my ($port, $page) = (free_port(), free_port());

my @client = ('X-Request-ID: abc', 'tracestate: a=1',
              'traceparent: 00-' . 'a' x 32 . '-' . 'b' x 16 . '-01');

sub start {
    local $ENV{LD_PRELOAD} = $lib;
    return start_nginx(workers => 1, port => $port, http => <<"END",
    gateway_request_id X-Request-ID response;
    gateway_trace propagate;
    server {
        listen 127.0.0.1:$page;
        error_page 500 = \@page;
        location / { $upstream }
        location \@page { $upstream }
    }
END
        server => "location / { $upstream }");
}

sub bad_request {
    my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die "connect: $!";
    print $socket "GET / HTTP/x\r\n\r\n";
    local $/;
    return scalar(<$socket>) // '';
}

sub failures { return scalar(() = $_[0]->log =~ /RAND_bytes\(\) failed/g) }


write_file("$dir/on", '');
my $nginx = eval { start() }
    or plan skip_all => 'this nginx does not start with another RAND_bytes()';
$nginx->allow('the request can get no ids');

my ($status, $head) = http_get($port, '/', headers => \@client);
is($status, 500, 'a request is answered with 500');
unlike($head, qr/^X-Request-ID/mi, 'and has no id');
is(failures($nginx), 1, 'which is logged once');

like(bad_request(), qr{^HTTP/1\.1 400 }, 'a bad request with 400');
is(failures($nginx), 2, 'which is logged once');

($status, undef, my $body) = http_get($page, '/', headers => \@client);
is($status, 200, 'an error page of an upstream server');
like($body, qr{^GET / }m, 'which has the request');
unlike($body, qr/^(?:X-Request-ID|trace)/mi,
       "without the client's fields");
is(failures($nginx), 3, 'which is logged once');

# later the generator works again

unlink "$dir/on";
($status, $head) = http_get($port, '/', headers => \@client);
is($status, 200, 'with random bytes the next request is served');
like($head, qr/^X-Request-ID: [0-9a-f-]{36}\r?$/m, 'and has an id');
like(bad_request(), qr/^X-Request-ID: [0-9a-f-]{36}\r$/m,
     'and so does a bad request');
is(failures($nginx), 3, 'nothing more is logged');

$nginx->stop;

done_testing;
