# SPDX-License-Identifier: BSD-2-Clause

# Records of all pairs of bytes that a client can send: each is strict UTF-8 and
# JSON for two readers, in each vocabulary and in a pipe.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

my @formats = qw( native ecs otel gcp );
my $declared = join '', map { "gateway_log_format f_$_ preset=$_ {"
                              . ' header request x-*; field gateway.a $http_a; }' }
               @formats;

my $nginx = start_nginx(workers => 1, http => <<END, server => <<'END2');
    $declared
    @{[ map { "gateway_log $_.json f_$_ flush=0;" } @formats ]}
    large_client_header_buffers 8 16k;
    ignore_invalid_headers off;
END
    location / { empty_gif; }
END2

# all pairs of these bytes, in both orders
sub pairs {
    my @bytes = map { chr } @_;
    return join '', map { my $a = $_; map { "$a$_" } @bytes } @bytes;
}

sub chunks { return unpack '(a1001)*', $_[0] . substr $_[0], 0, 1 }

my $host = "Host: localhost\r\nConnection: close\r\n";
my $seen = 0;
my %status;

sub asks {
    my ($name, @requests) = @_;

    my %status;
    for my $request (@requests) {
        my ($status) = (raw($nginx, $request) // '') =~ m{^HTTP/1\.1 (\d+)};
        $status{ $status // 'none' }++;
        $seen++;
    }
    is(join(' ', sort keys %status), 200, "$name: all are answered");
}

# a header can have any byte but NUL, CR and LF
my @header = grep { $_ != 0 && $_ != 10 && $_ != 13 } 0 .. 255;
asks('headers', map { "GET / HTTP/1.1\r\n${host}User-Agent: $_\r\nX-Any: $_\r\n"
                      . "Referer: $_\r\nA: $_\r\n\r\n" }
                chunks(pairs(@header)));

# the request line can have no blanks and control characters
my @line = grep { $_ > 0x20 && $_ != 0x7f && $_ != 0x23 } 0 .. 255;
asks('arguments', map { "GET /?$_ HTTP/1.1\r\n${host}\r\n" }
                  chunks(pairs(@line)));

# in names and values of arguments and headers, and in paths
my @plain = grep { $_ != 0x25 && $_ != 0x3f && $_ != 0x2e && $_ != 0x2f } @line;
asks('paths', map { "GET /$_ HTTP/1.1\r\n${host}\r\n" } chunks(pairs(@plain)));
asks('names', map { my $c = chr; "GET /?${c}token$c=$c&token=${c}x HTTP/1.1\r\n"
                    . "${host}X-A$c: b$c\r\n\r\n" }
              grep { $_ != 0x3a } @line);

# nginx rejects the others, which have a record, too
for my $byte (0 .. 0x20, 0x7f) {
    raw($nginx, 'GET /?a=' . chr($byte) . "b HTTP/1.1\r\n$host\r\n");
    $seen++;
}

for my $format (@formats) {
    wait_until(sub { lines_of($nginx, "$format.json") >= $seen });
    my @lines = lines_of($nginx, "$format.json");
    is(scalar @lines, $seen, "$format: $seen records");
    is(scalar(grep { !eval { json_of($_) } } @lines), 0,
       "$format: each is strict UTF-8 and JSON");
    is(scalar(grep { /"truncated"/ } @lines), 0, "$format: none is cut");

    SKIP: {
        skip 'no json_verify', 1
            if system('echo 1 | json_verify -q 2>/dev/null') != 0;
        my $file = $nginx->dir . "/$format.json";
        is(system("json_verify -s -q <'$file'"), 0, "$format: also json_verify");
    }
}

$nginx->stop;
my %count = counters($nginx, '/native.json');
is($count{written}, $seen, 'all records are counted as written');

done_testing;
