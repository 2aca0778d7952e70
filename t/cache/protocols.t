# SPDX-License-Identifier: BSD-2-Clause

# FastCGI, uwsgi and SCGI: responses of applications are stored as those of HTTP
# servers.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Select;
use IO::Socket::INET;
use Test::Gateway::Server;
use Test::More;

my %listen = map {
    $_ => IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1')
} qw( fastcgi uwsgi scgi );

# each response contains a serial number, and ends with the connection

defined(my $pid = fork) or die "fork: $!";
if (!$pid) {
    my $n = 0;
    my $select = IO::Select->new(values %listen);
    while (my @ready = $select->can_read) {
        for my $listen (@ready) {
            my $client = $listen->accept or next;
            sysread $client, my $request, 65536;
            $n++;
            my $status = $request =~ /bad/ ? '500 No' : '200 OK';
            my $vary = $request =~ /HTTP_X_TENANT/ ? "Vary: X-Tenant\r\n" : '';
            my $text = "Status: $status\r\nContent-Type: text/plain\r\n$vary"
                       . "Cache-Control: max-age=60\r\nX-N: $n\r\n\r\nbody $n";
            if ($listen == $listen{fastcgi}) {
                $text = pack('CCnnCC', 1, 6, 1, length $text, 0, 0) . $text
                        . pack('CCnnCC', 1, 6, 1, 0, 0, 0)
                        . pack('CCnnCC', 1, 3, 1, 8, 0, 0) . "\0" x 8;
            }
            syswrite $client, $text;
            close $client;
        }
    }
    POSIX::_exit(0);
}

my $port = free_port();
my $locations = join '', map {
    my $pass = "${_}_pass 127.0.0.1:@{[ $listen{$_}->sockport ]};"
        . ($_ eq 'uwsgi' ? '' : " ${_}_param REQUEST_URI \$request_uri;");
    "location /$_/ { $pass }\n"
    . "location /tenant/$_/ { $pass ${_}_param HTTP_X_TENANT \$cookie_t; }\n"
} sort keys %listen;

my $nginx = start_nginx(port => $port, conf => http_conf(
    http => 'gateway_cache_zone zone=z:1m;', port => $port,
    server => "gateway_cache z; add_header X-Status \$gateway_cache_status;\n"
              . $locations));

for my $name (sort keys %listen) {
    my ($code, $head, $body) = http_get($nginx, "/$name/a");
    like("$code $body", qr/^200 .*body \d+/s, "$name: a miss");
    ($body) = $body =~ /(body \d+)/;
    my ($again, $second, $same) = http_get($nginx, "/$name/a");
    is("$again $same", "$code $body", "$name: a hit");
    like($second, qr/^X-Status: HIT\r?$/m, 'the status HIT');
    like($second, qr/^X-N: \d+\r?$/m, 'a hit has fields of the application');
    like($second, qr{^Content-Type: text/plain\r?$}m, 'a hit has its type');
    unlike($second, qr/^Status:/m, 'a hit has no field Status')
        if $name ne 'uwsgi';            # nginx passes it on

    # a parameter sets the field that Vary names: its value selects the variant

    my %seen;
    for my $tenant (qw( a b a b )) {
        my ($code, $head) = http_get($nginx, "/tenant/$name/a",
            headers => [ "Cookie: t=$tenant", 'X-Tenant: c' ]);
        like($head, $seen{$tenant}++ ? qr/^X-Status: HIT\r?$/m
                                     : qr/^X-Status: MISS\r?$/m,
             "$name: tenant $tenant");
    }
}

$nginx->stop;
kill 'TERM', $pid;
waitpid $pid, 0;

done_testing();
