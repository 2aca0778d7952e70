# SPDX-License-Identifier: BSD-2-Clause

# Upstream servers over TLS: a body that ends with the connection is complete
# only after a close_notify.  A truncated body is not stored.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use IO::Socket::SSL;
use POSIX ();
use Test::Gateway::Certificate;
use Test::Gateway::Server;
use Test::More;

authority('a');
certificate('server', ca => 'a', san => 'DNS:localhost');

# The path selects how the upstream server ends the connection: "ok" with a
# close_notify, "cut" without, "length" without, but after a body with a
# Content-Length.  The body contains the serial number of the response.

sub answer {
    my ($socket, $n) = @_;

    sysread $socket, my $request, 65536 or return;
    my ($end) = $request =~ m{(ok|cut|length)\b} or return;
    my $body = "body $n";
    my $line = $request =~ m{^GET } ? 'HTTP/1.1 200 OK' : 'Status: 200 OK';
    syswrite $socket, join "\r\n", $line, 'Cache-Control: max-age=60',
        $end eq 'length' ? 'Content-Length: ' . length $body : (),
        'Connection: close', '', $request =~ /once/ ? $body : '';
    if ($request !~ /once/) {
        select undef, undef, undef, 0.1;    # nginx reads the header alone
        syswrite $socket, $body;
    }
    $socket->close(SSL_no_shutdown => $end eq 'ok' ? 0 : 1,
                   SSL_fast_shutdown => 1);
    return;
}

sub serve {
    my ($listen, $version) = @_;

    my $n = 0;
    while (my $client = $listen->accept) {
        IO::Socket::SSL->start_SSL($client, SSL_server => 1, Timeout => 5,
            SSL_version => $version, SSL_cert_file => certificate_file('server'),
            SSL_key_file => certificate_key('server')) or next;
        answer($client, ++$n);
    }
    return;
}

my %pid;
my $port = free_port();
my $locations = '';

for my $version (qw( TLSv1_2 TLSv1_3 )) {
    my $listen = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1')
        or die $!;
    defined($pid{$version} = fork) or die "fork: $!";
    if (!$pid{$version}) { serve($listen, $version); POSIX::_exit(0) }

    my $at = '127.0.0.1:' . $listen->sockport;
    $locations .= <<"END";
    location /$version/1.0/ { proxy_pass https://$at; }
    location /$version/1.1/ { proxy_pass https://$at; proxy_http_version 1.1; }
    location /$version/plain/ { proxy_pass https://$at; proxy_buffering off; }
    location /$version/variable/ { proxy_pass https://$at\$request_uri; }
    location /$version/block/ {
        proxy_pass https://$version;
        if (\$arg_if) { proxy_pass https://$at; }
    }
    location /$version/uwsgi/ { uwsgi_pass suwsgi://$at;
        uwsgi_param REQUEST_URI \$request_uri; }
END
}

my $nginx = start_nginx(port => $port, conf => http_conf(workers => 1,
    http => 'gateway_cache_zone zone=z:1m;' . "\n" . join('', map { <<"END" }
    upstream $_ { server @{[ $locations =~ m{/$_/1.0/ .*https://([^;]+)} ]}; }
END
    qw( TLSv1_2 TLSv1_3 )), port => $port, server => <<"END"));
    gateway_cache z;
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
    uwsgi_ssl_protocols TLSv1.2 TLSv1.3;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    $locations
END

for my $version (qw( TLSv1_2 TLSv1_3 )) {
    for my $where (qw( 1.0 1.1 plain variable block uwsgi )) {
        for my $how (qw( apart once )) {
            for my $end (qw( ok cut length )) {
                my $path = "/$version/$where/$how/$end";
                my ($code, undef, $first) = http_get($nginx, $path);
                $first =~ s/^[0-9a-f]+\r\n(.*?)\r\n0\r\n\r\n$/$1/s;
                like("$code $first", qr/^200 body \d+$/,
                     "$path: the client receives it");
                my (undef, $head, $then) = http_get($nginx, $path);
                my ($status) = $head =~ /^X-Status: (\w+)/m;
                is($status, $end eq 'cut' ? 'MISS' : 'HIT',
                   $end eq 'cut' ? 'it is not stored' : 'it is stored');
                $end eq 'cut' ? isnt($then, $first, 'the server responds again')
                              : is($then, $first, 'the stored body is sent');
            }
        }
    }
    for my $end (qw( ok cut )) {
        my $path = "/$version/block/if/$end?if=1";
        http_get($nginx, $path);
        my (undef, $head) = http_get($nginx, $path);
        like($head, $end eq 'cut' ? qr/^X-Status: MISS/m : qr/^X-Status: HIT/m,
             "$path: a server that is chosen in an if");
    }
}

$nginx->stop;
for my $pid (values %pid) { kill 'TERM', $pid; waitpid $pid, 0 }

done_testing();
