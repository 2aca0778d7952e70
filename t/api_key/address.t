# SPDX-License-Identifier: BSD-2-Clause

# The "allow" of a key: IPv4, IPv6, a unix socket, and the address that realip
# has set.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway::Consumer;
use Test::Gateway::Server;
use Test::More;

my %allow = (
    none    => undef,
    v4      => [ '127.0.0.1' ],
    v4_net  => [ '127.0.0.0/8' ],
    v4_half => [ '127.0.0.0/31' ],
    other   => [ '192.0.2.0/24', '2001:db8::/32' ],
    many    => [ '192.0.2.1', '::1', '198.51.100.0/24', '127.0.0.1/32' ],
    v6      => [ '::1' ],
    v6_net  => [ '::/64' ],
    all4    => [ '0.0.0.0/0' ],
    all6    => [ '::/0' ],
    all     => [ '0.0.0.0/0', '::/0' ],
);

my $consumers = consumers(consumer('acme', keys => [
    map { my $id = s/_/-/r; entry($id, defined $allow{$_}
                                       ? (allow => $allow{$_}) : ()) }
    sort keys %allow
]));

my $sockets = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0755, "$sockets";

my ($port, $both, $real) = map { free_port() } 1 .. 3;
my $location = <<'END';
    gateway_api_key r;
    location / { add_header X-Reason "$gateway_auth_reason" always; empty_gif; }
END

my $six = IO::Socket::IP->can('new') || eval { require IO::Socket::IP; 1 };
$six &&= eval { IO::Socket::IP->new(Listen => 1, LocalHost => '::1') };
my $listen6 = $six ? "listen [::1]:$port; listen [::]:$both ipv6only=off;" : '';

my $server = start_nginx(
    port   => $port,
    files  => { 'consumers.json' => $consumers },
    http   => <<"END",
        gateway_consumers zone=consumers:1m file=consumers.json;
        server {
            listen 127.0.0.1:$real;
            listen unix:$sockets/real;
            set_real_ip_from 127.0.0.1;
            set_real_ip_from unix:;
            real_ip_header X-Forwarded-For;
            $location
        }
END
    server => "listen unix:$sockets/plain; $listen6 $location",
);

# the accepted keys, and the reasons of the others

sub granted {
    my (@curl) = @_;

    my (@granted, %reasons);
    for (sort keys %allow) {
        my $key = api_key(s/_/-/r);
        my $head = do {
            open my $in, '-|', qw( curl -s -o /dev/null -D - --max-time 5 -H ),
                 "X-API-Key: $key", @curl or die $!;
            local $/;
            <$in>;
        };
        my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
        push @granted, $_ if ($status // '') eq '200';
        $reasons{$1}++ if $head =~ /^X-Reason: (\w+)/m;
    }
    return join(' ', @granted), join ' ', sort keys %reasons;
}

sub grants {
    my ($name, $expected, @curl) = @_;

    my ($granted, $reasons) = granted(@curl);
    is($granted, $expected, $name);
    is($reasons, 'address_not_allowed', "$name: the reason for the others");
}

my $v4 = 'all all4 many none v4 v4_half v4_net';

grants('IPv4', $v4, "http://127.0.0.1:$port/");
grants('a unix socket has no address', 'none',
       '--unix-socket', "$sockets/plain", 'http://localhost/');

SKIP: {
    skip 'no IPv6 here', 4 if !$six;
    grants('IPv6', 'all all6 many none v6 v6_net', "http://[::1]:$port/");
    my ($granted) = granted("http://127.0.0.1:$both/");
    like($granted, qr/^all all4 .*many none v4 v4_half v4_net$/,
         'IPv4 in an IPv6 socket is IPv4');
    unlike($granted, qr/\bv6/, 'and no IPv6');
}

# realip

my @from = ("http://127.0.0.1:$real/", '-H');
grants('realip: IPv4', 'all all4 none other', @from,
       'X-Forwarded-For: 192.0.2.7');
grants('realip: IPv6', 'all all6 none other', @from,
       'X-Forwarded-For: 2001:db8::7');
grants('realip: an address that no key allows', 'all all4 none', @from,
       'X-Forwarded-For: 203.0.113.1');
grants('realip: nothing said', $v4, @from, 'X-A: 1');
grants('realip: behind a unix socket', 'all all4 none other',
       '--unix-socket', "$sockets/real", 'http://localhost/', '-H',
       'X-Forwarded-For: 192.0.2.7');
grants('without realip the line means nothing', $v4,
       "http://127.0.0.1:$port/", '-H', 'X-Forwarded-For: 192.0.2.7');

$server->stop;
done_testing;
