# SPDX-License-Identifier: BSD-2-Clause

# Syslog: each record is a message of RFC 5424, over UDP, TCP, TLS and Unix
# datagrams.

use v5.28;
use warnings;
use lib 't/lib';

use Sys::Hostname ();
use Test::Gateway::Certificate;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::Gateway::Syslog;
use Test::More;

my $location = 'location / { return 204; }';

authority('ca');
authority('other');
certificate('server', ca => 'ca', san => 'DNS:logs.example,IP:127.0.0.1');
certificate('client', ca => 'ca');

my @tls = (cert => certificate_file('server'), key => certificate_key('server'));
my $trust = 'ssl on; ssl_trusted_certificate ' . certificate_file('ca') . ';';

sub block { my ($s, $more) = @_; "gateway_log_syslog central { server "
            . $s->server . '; ' . ($more // '') . ' }' }


# --- the same bytes as in a file

for my $kind (qw( udp tcp tls unix )) {
    my $s = receiver($kind, @tls);
    my $nginx = start_nginx(server => $location, http => <<END);
    gateway_log a.json ecs flush=0;
    gateway_log syslog:central ecs;
    @{[ block($s, $kind eq 'tls' ? $trust : '') ]}
END
    $nginx->get("/$_?x=%C3%A9", headers => [ "User-Agent: \xff\"\x7f" ])
        for 1 .. 20;
    ok($s->pump(20), "$kind: each record arrives");
    $nginx->stop;
    $s->listen_for(0.2);

    my @lines = sort { $a cmp $b } lines_of($nginx, 'a.json');
    my @texts = sort { $a cmp $b } map { $_->{text} } $s->messages;
    is_deeply(\@texts, \@lines, "$kind: the same bytes as in a file");
    is(scalar(grep { eval { json_of($_) } } @texts), 20, "$kind: each text is JSON");
    is_deeply([ $s->wrong ], [], "$kind: each message is valid");

    my %pids = map { $_->{pid} => 1 } $s->messages;
    my ($first) = $s->messages;
    is($first->{pri}, 23 * 8 + 6, "$kind: local7.info");
    is($first->{tag}, 'nginx', "$kind: tag");
    is($first->{host}, Sys::Hostname::hostname(), "$kind: host");
    is($first->{msgid}, 'access', "$kind: msgid");
    cmp_ok(scalar keys %pids, '<=', 2, "$kind: process");

    my %count = counters($nginx, 'syslog:central');
    is("@count{qw( made written dropped bytes unconfirmed )}", '20 20 0 0 0',
       "$kind: all are counted");
}


# --- facility, severity, tag

{
    my $s = receiver('udp');
    my $nginx = start_nginx(server => $location, http => <<END);
    @{[ block($s, 'facility authpriv; severity debug; tag a.b-c/1;') ]}
    gateway_log syslog:central;
END
    $nginx->get('/');
    $s->pump(1);
    my ($message) = $s->messages;
    is($message->{pri}, 10 * 8 + 7, 'facility and severity');
    is($message->{tag}, 'a.b-c/1', 'tag');
    $nginx->stop;
}


# --- sizes: 8 KB of a datagram over UDP, 32 KB of a record elsewhere

for my $kind (qw( udp tcp unix )) {
    my $s = receiver($kind);
    my $nginx = start_nginx(workers => 1, server => $location,
                            http => 'large_client_header_buffers 8 32k;'
                            . ' client_header_buffer_size 1k;'
                            . ' gateway_log_format f { header request x-*; }'
                            . ' gateway_log syslog:central f;' . block($s));
    my @big = map { "X-H$_: " . 'h' x 8000 } 1 .. 3;

    $nginx->get('/?' . 'a' x 7500);
    $nginx->get('/?' . 'b' x 8100);
    $nginx->get('/', headers => [ @big ]);
    $s->pump(3);
    $nginx->stop;

    my @messages = $s->messages;
    my @records = map { json_of($_->{text}) } @messages;
    is(scalar @records, 3, "$kind: long records are valid");
    ok(!$records[0]{truncated}, "$kind: a record that fits is whole");

    if ($kind eq 'udp') {
        ok($records[1]{truncated}, "$kind: a longer record is truncated");
        like($records[1]{query}, qr/^b+$/, "$kind: its longest string is cut");
        ok($records[2]{truncated}, "$kind: its headers are left out");
        cmp_ok(length $_->{bytes}, '<=', 8192, "$kind: 8 KB of a datagram")
            for @messages;
    } else {
        is(length $records[1]{query}, 8100, "$kind: a longer record is whole");
        is(length $records[2]{request_header_x_h3}, 8000, "$kind: its headers are whole");
        ok(!$records[2]{truncated}, "$kind: it is not truncated");
    }
}


# --- on a stream, several records share a write, and none is dropped

SKIP: {
    my $s = receiver('tcp');
    my $nginx = start_nginx(workers => 1, server => $location,
        http => 'gateway_log syslog:central; keepalive_requests 1000;'
                . ' client_header_buffer_size 256k;'    # for all of them
                . block($s, 'queue 64k;'));
    $nginx->get('/');
    $s->pump(1);
    my ($connection) = map { $_->{socket} } values %{ $s->{connections} };

    # tcpi_data_segs_in
    my $segments = sub {
        my $info = getsockopt $connection, Socket::IPPROTO_TCP(), 11;
        return length $info >= 156 ? unpack 'x152 L', $info : undef;
    };
    my $before = $segments->();
    skip 'no tcpi_data_segs_in', 4 if !$before;

    my $one = "GET /" . 'x' x 200 . " HTTP/1.1\r\nHost: a\r\n\r\n";
    my $last = $one =~ s/(?=Host)/Connection: close\r\n/r;
    my $answers = raw($nginx, $one x 299 . $last);
    is(() = $answers =~ /204 No Content/g, 300, 'gather: 300 requests');
    $s->pump(301);
    cmp_ok($segments->() - $before, '<=', 30, 'gather: in few writes');
    $nginx->stop;
    my %count = counters($nginx, 'syslog:central');
    is("@count{qw( made written dropped bytes unconfirmed )}", '301 301 0 0 0',
       'gather: a small queue is not full for it');
    is(scalar(my @messages = $s->messages), 301, 'gather: all records arrive');
}


# --- several servers and formats

{
    my ($a, $b) = (receiver('tcp'), receiver('udp'));
    my $nginx = start_nginx(server => $location, http => <<END);
    gateway_log_syslog a { server @{[ $a->server ]}; }
    gateway_log_syslog b { server @{[ $b->server ]}; tag other; }
    gateway_log syslog:a ecs;
    gateway_log syslog:a;
    gateway_log syslog:b;
END
    $nginx->get('/');
    $a->pump(2);
    $b->pump(1);
    is(scalar(my @messages = $a->messages), 2, 'two formats to one server');
    is(($b->messages)[0]{tag}, 'other', 'another server');
    $nginx->stop;
}


# --- TLS: no record is sent to a server that is not trusted; the reason is logged

for my $case ([ 'a wrong name', 'ssl_name other.example;',
                qr/certificate of 127\.0\.0\.1:\d+ is not for "other\.example"/ ],
              [ 'an unknown authority', '', qr/certificate\ of\ 127\.0\.0\.1:\d+\ is
                \ not\ valid\ \(\d+:unable\ to\ [^)]+\)/x,
                'other' ],
              [ 'no client certificate', '', qr/127\.0\.0\.1:\d+ failed|closed/,
                'ca', { SSL_verify_mode => 3,
                        SSL_ca_file => certificate_file('ca') } ])
{
    my ($name, $more, $why, $ca, $ssl) = @$case;
    my $s = receiver('tls', @tls, ssl => $ssl);
    my $nginx = start_nginx(workers => 1, server => $location, conf => undef,
        main => 'worker_shutdown_timeout 100ms;',
        http => 'gateway_log syslog:central;' . block($s, "ssl on; $more"
                . ' ssl_trusted_certificate '
                . certificate_file($ca // 'ca') . ';'));
    $nginx->get('/');
    $s->listen_for(0.1) until $nginx->log =~ /connecting again/;
    like($nginx->log,
         qr/\[error\].*gateway_log "syslog:central": .*$why.*, connecting again/,
         "TLS with $name: it is said");
    is(scalar(my @messages = $s->messages), 0, "TLS with $name: nothing is sent");
    $nginx->stop;
    my %count = counters($nginx, 'syslog:central');
    is($count{exit} + $count{unconfirmed}, 1, "TLS with $name: the record is counted");
}

# records are sent with the right name, and with a client certificate

{
    my $s = receiver('tls', @tls,
                     ssl => { SSL_verify_mode => 3,
                              SSL_ca_file => certificate_file('ca') });
    my $nginx = start_nginx(server => $location,
        http => 'gateway_log syslog:central;'
                . block($s, "$trust ssl_name logs.example; ssl_certificate "
                . certificate_file('client') . '; ssl_certificate_key '
                . certificate_key('client') . ';'));
    $nginx->get('/');
    ok($s->pump(1), 'TLS with a client certificate: the record arrives');
    $nginx->stop;
}


# --- a name is resolved for each connection

{
    my $s = receiver('tcp');
    my $dns = free_port();
    my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$dns",
                                       Proto => 'udp') or die "udp: $!";
    my $asked = 0;
    my $answer = sub {
        IO::Select->new($server)->can_read($_[0]) or return;
        my $from = recv $server, my $query, 512, 0;
        my ($id) = unpack 'a2', $query;
        my ($name) = $query =~ /\A.{12}(.*?\0)/s;
        my $type = unpack 'n', substr $query, 12 + length $name, 2;
        my $question = substr $query, 12, length($name) + 4;
        my $a = $type == 1 ? "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1" : '';
        $asked++ if $type == 1;
        send $server, $id . "\x81\x80\0\1" . pack('n', $type == 1 ? 1 : 0)
                      . "\0\0\0\0$question$a", 0, $from;
    };

    my $nginx = start_nginx(workers => 1, server => $location, http => <<END);
    gateway_log syslog:central;
    gateway_log_syslog central { server tcp:logs.example:$s->{port}; }
    resolver 127.0.0.1:$dns valid=1s;
END
    $nginx->get('/');
    $answer->(0.1) for 1 .. 3;
    ok($s->pump(1), 'a name is resolved');
    my $before = $asked;
    $s->down;
    sleep 2;            # the answer has expired
    $s->up;
    $nginx->get('/');
    $answer->(0.1) for 1 .. 5;
    ok($s->pump(2), 'a name is resolved again after the connection has ended');
    cmp_ok($asked, '>', $before, 'a name: another query to the resolver');
    $nginx->stop;
}


# --- one process without a master

{
    my $s = receiver('tcp');
    my $port = free_port();
    my $nginx = start_nginx(port => $port, conf => http_conf(
        main => 'master_process off;', port => $port, server => $location,
        http => 'gateway_log syslog:central;' . block($s)));
    $nginx->get('/') for 1 .. 3;
    ok($s->pump(3), 'one process');
    $nginx->signal('HUP');
    wait_until(sub { $nginx->log =~ /reconfiguring/ });
    $nginx->get('/') for 1 .. 2;
    $s->pump(4, 0.5);
    $nginx->get('/');
    $nginx->stop;
    $s->listen_for(0.2);
    my %count = counters($nginx, 'syslog:central');
    is($count{written} + $count{dropped}, $count{made}, 'one process: balanced');
    is(scalar(my @messages = $s->messages), $count{written},
       'one process: those written arrive');
    cmp_ok($count{written}, '>=', 3, 'one process: records at its end are written');
}

done_testing;
