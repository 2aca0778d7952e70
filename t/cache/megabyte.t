# SPDX-License-Identifier: BSD-2-Clause

# How many responses fit into a megabyte, as in the table of
# modules/cache/README.md: requests fill zones until they evict.  The numbers
# may differ by 10 %.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use JSON::PP ();
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

# for each row: the size of the body in bytes, and further header fields
my %row = ('1 KB' => [ 1024 ], '1 KB, with `Vary`' => [ 1024, 'Vary: Accept-Encoding' ],
           '10 KB' => [ 10240 ], '100 KB' => [ 102400 ]);
my @zones = qw( 1m 4m 16m );

my ($text) = Test::Gateway::Server::slurp('modules/cache/README.md')
             =~ /^## What a megabyte holds\n(.*?)^## /ms;
my %said = map { my ($row, @figures) = split / *\| */, $_;
                 $row => [ map { tr/,//dr } @figures ] }
           $text =~ /^\| (\d+ KB.*?) \|$/mg;
is_deeply([ sort keys %said ], [ sort keys %row ], 'the rows of the table');

my $origin = origin();
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";
my $port = free_port();

my @all;
for my $row (sort keys %row) {
    push @all, map { { row => $row, zone => $_, size => tr/m//dr,
                       name => "z$_-" . $row =~ tr/0-9a-zA-Z//cdr } } @zones;
}

my $nginx = start_nginx(port => $port, conf => http_conf(
    workers => 1, port => $port,
    http => join(' ', 'keepalive_requests 100000;',
                 map { "gateway_cache_zone zone=$_->{name}:$_->{zone};" } @all),
    server => join('', map { "location /$_->{name}/ { gateway_cache $_->{name};"
                             . " proxy_http_version 1.1;"
                             . " proxy_set_header Connection ''; $up }" } @all)
              . 'location = /cache { gateway_cache_admin from=127.0.0.1 '
              . join(' ', map { "zone=$_->{name}" } @all) . '; }'));

# the header fields of a typical API; the origin adds a sixth, Content-Length

my @head = ('Content-Type: application/json; charset=utf-8',
            'Cache-Control: public, max-age=3600',
            'ETag: "5f3c9a7e1b2d4c6f"', 'X-Content-Type-Options: nosniff',
            'Date: Sun, 29 Nov 2026 12:00:00 GMT');

sub entries {
    my ($zone) = @_;

    my $zones = JSON::PP::decode_json((http_get($nginx, '/cache'))[2])->{zones};
    return @{ $zones->{$zone} }{qw( entries evictions )};
}

# sends $n requests on one connection, and reads their responses of $size bytes

sub fill {
    my ($folder, $size, $n) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die $!;
    binmode $socket;

    for my $i (1 .. $n) {
        printf $socket "GET %s%08d HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
               $folder, $i;
        $socket->flush;
        my $bytes = '';
        until ($bytes =~ /\r\n\r\n/ && length($bytes) - $+[0] >= $size) {
            sysread $socket, $bytes, 1 << 20, length $bytes or die 'closed';
        }
    }
    return;
}

for my $of (@all) {
    my ($bytes, @lines) = @{ $row{$of->{row}} };
    my ($i) = grep { $zones[$_] eq $of->{zone} } 0 .. $#zones;
    my $per = $said{$of->{row}}[$i] =~ s/ .*//r;

    $origin->answer('*', size => $bytes, head => [ @head, @lines ]);

    # until one is evicted
    my ($entries, $evictions, $asked) = (0, 0, 0);
    while (!$evictions && $asked < 2 * $per * $of->{size}) {
        my $more = int($per * $of->{size} / 8) + 1;
        fill("/$of->{name}/$asked/", $bytes, $more);
        $asked += $more;
        ($entries, $evictions) = entries($of->{name});
    }

    my $is = $entries / $of->{size};
    cmp_ok(abs($is - $per), '<=', $per / 10,
           "$of->{row}, a zone of $of->{zone}") or diag "$is, and not $per";
    note sprintf '%.1f responses per megabyte', $is;
    $origin->forget;
}
$nginx->stop;

done_testing;
