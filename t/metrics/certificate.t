# SPDX-License-Identifier: BSD-2-Clause

# When certificates of servers end: the first one of several, of each server
# name, and after a reload.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Certificate;
use Test::Gateway::Samples;
use Test::Gateway::Server;
use Test::More;

certificate('soon', from => '20200101000000Z', to => '20401231235959Z');
certificate('late', from => '20200101000000Z', to => '20491231235959Z');
certificate('later', from => '20200101000000Z', to => '20550101000000Z');

# another type of key beside that of the others

my $dir = certificate_dir();
my $said = qx(openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=rsa -days 365 \\
    -keyout $dir/rsa.key -out $dir/rsa.crt 2>&1);
is($?, 0, 'a certificate with an RSA key') or die $said;

sub ends {
    my ($name) = @_;
    my ($date) = qx(openssl x509 -noout -enddate -in $dir/$name.crt)
                 =~ /=(.*)/;
    chomp(my $time = qx(date -u -d '$date' +%s));
    return $time;
}

my ($port, $tls) = map { free_port() } 1 .. 2;

sub pair {
    return join "\n", map { "ssl_certificate $dir/$_.crt;\n"
                            . "ssl_certificate_key $dir/$_.key;" } @_;
}

sub conf {
    my ($first) = @_;
    return http_conf(port => $port, workers => 1, http => <<"HTTP",
    gateway_metrics_zone zone=metrics:4m;
    server {
        listen 127.0.0.1:$tls ssl;
        server_name one.example other.example;
        @{[ pair($first) ]}
    }
    server {
        listen 127.0.0.1:$tls ssl;
        server_name two.example;
        @{[ pair('later', 'rsa') ]}
    }
    server {
        listen 127.0.0.1:@{[ $tls + 1 ]} ssl;
        server_name same.example;
        @{[ pair('late') ]}
    }
    server {
        listen 127.0.0.1:@{[ $tls + 2 ]} ssl;
        server_name same.example;
        @{[ pair('soon') ]}
    }
    server {
        listen 127.0.0.1:$tls ssl;
        server_name any.example;
        ssl_certificate $dir/\$ssl_server_name.crt;
        ssl_certificate_key $dir/\$ssl_server_name.key;
    }
HTTP
    server => <<'SERVER');
    server_name plain.example;
    location = /metrics { gateway_metrics_page from=127.0.0.1; }
SERVER
}

my $server = start_nginx(port => $port, conf => conf('soon'));

sub expected {
    my (%ends) = @_;
    return { map { (qq(certificate_not_after_timestamp_seconds{server="$_"})
                    => $ends{$_}) } keys %ends };
}

sub seen {
    my $at = scrape($server);
    return { map { $_ => 0 + $at->{$_} } grep { /^certificate/ } keys %$at };
}

is(ends('soon'), 2240611199, 'a known date');
is_deeply(seen(), expected('one.example' => ends('soon'),
                           'two.example' => ends('rsa'),
                           'same.example' => ends('soon')),
          'the first end of each server');

ok($server->reload(conf('late')), 'a reload with another certificate');
is_deeply(seen(), expected('one.example' => ends('late'),
                           'two.example' => ends('rsa'),
                           'same.example' => ends('soon')),
          'another end');

# the certificates are still the same for clients

for my $name ('rsa', 'later') {
    my $cipher = $name eq 'rsa' ? 'aRSA' : 'aECDSA';
    my $peer = qx(openssl s_client -connect 127.0.0.1:$tls -tls1_2 \\
        -cipher $cipher -servername two.example </dev/null 2>&1);
    like($peer, qr/subject=\s*CN ?= ?$name\b/, "a client gets \"$name\"");
}

$server->stop;
done_testing;
