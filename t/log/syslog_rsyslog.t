# SPDX-License-Identifier: BSD-2-Clause

# rsyslog, with the configuration of the README, receives each record unchanged.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use Sys::Hostname ();
use Test::Gateway::Certificate;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

my ($rsyslogd) = grep { -x } '/usr/sbin/rsyslogd', '/sbin/rsyslogd'
    or plan skip_all => 'no rsyslog';

authority('ca');
certificate('server', ca => 'ca', san => 'DNS:logs.example');

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0777, "$dir";
my ($udp, $tcp, $tls) = map { free_port() } 1 .. 3;


# the configuration of the README, with the addresses of this test

my ($snippet) = Test::Gateway::Server::slurp('modules/log/README.md')
    =~ /```rsyslog\n(.*?)```/s or die 'no snippet in the README';
$snippet =~ s/port="514"/port="$udp" address="127.0.0.1"/;
$snippet =~ s/port="601"/port="$tcp" address="127.0.0.1"/;
$snippet =~ s/port="6514"/port="$tls" address="127.0.0.1"/;
$snippet =~ s{/etc/ssl/certs/ca\.pem}{certificate_file('ca')}e;
$snippet =~ s{/etc/ssl/certs/logs\.pem}{certificate_file('server')}e;
$snippet =~ s{/etc/ssl/private/logs\.key}{certificate_key('server')}e;
$snippet =~ s{/var/log/gateway\.json}{$dir/gateway.json};

my $header = 'template(name="header" type="string" string="%pri%|%timestamp'
    . ':::date-rfc3339%|%hostname%|%app-name%|%procid%|%msgid%|%msg%\n")';
write_file("$dir/rsyslog.conf", <<END);
$snippet
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$dir/log" CreatePath="off"
      RateLimit.Interval="0" UseSysTimeStamp="off" UseSpecialParser="off"
      ParseHostname="on")
$header
*.* action(type="omfile" file="$dir/header" template="header")
END

my $pid = fork // die "fork: $!";
if (!$pid) {
    Test::Gateway::Server::adopt();
    open STDOUT, '>', "$dir/said";
    open STDERR, '>&', \*STDOUT;
    exec $rsyslogd, '-n', '-f', "$dir/rsyslog.conf", '-i', "$dir/pid"
        or POSIX::_exit(1);
}

my $ready = wait_until(sub {
    -S "$dir/log" && 2 == grep { IO::Socket::INET->new("127.0.0.1:$_") } $tcp,
                                                                       $tls;
}, 15);
ok($ready, 'rsyslog accepts the snippet') or diag(do {
    local $/; open my $in, '<', "$dir/said"; <$in> });

sub written {
    open my $in, '<:raw', "$dir/$_[0]" or return ();
    my @lines = <$in>;
    chomp @lines;
    return @lines;
}

my %server = (
    udp  => "server udp:127.0.0.1:$udp;",
    tcp  => "server tcp:127.0.0.1:$tcp;",
    tls  => "server tcp:127.0.0.1:$tls; ssl on; ssl_name logs.example;"
            . ' ssl_trusted_certificate ' . certificate_file('ca') . ';',
    unix => "server unix:$dir/log;",
);

for my $kind (qw( udp tcp tls unix )) {
    my $before = () = written('gateway.json');
    my $nginx = start_nginx(
        server => 'location / { return 204; }',
        http   => 'large_client_header_buffers 8 32k;'
                  . ' gateway_log_format f { header request x-*; }'
                  . ' gateway_log a.json f flush=0; gateway_log syslog:central f;'
                  . " gateway_log_syslog central { $server{$kind}"
                  . " tag gateway-$kind; }");

    $nginx->get("/$kind/$_?%C3%A9=\xc3\xa9", headers => [
        "User-Agent: \x7f\"\\\xff\xe2\x82\xac", 'X-A: 1' ]) for 1 .. 50;

    # longer than the default limit of rsyslog
    $nginx->get('/', headers => [ map { "X-H$_: " . 'h' x 7000 } 1 .. 3 ])
        if $kind ne 'udp';

    my $n = lines_of($nginx, 'a.json');
    wait_until(sub { written('gateway.json') >= $before + $n }, 10);
    $nginx->stop;

    my @got = written('gateway.json');
    splice @got, 0, $before;
    is_deeply([ sort @got ], [ sort(lines_of($nginx, 'a.json')) ],
              "$kind: rsyslog has the bytes of each record");

    my %count = counters($nginx, 'syslog:central');
    is("@count{qw( made written dropped unconfirmed )}", "$n $n 0 0",
       "$kind: all are counted");
    my $host = quotemeta Sys::Hostname::hostname();
    my @headers = grep { /\|gateway-$kind\|/ } written('header');
    is(scalar(grep { m{^190\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|\+00:00)
                       \|$host\|gateway-$kind\|\d+\|access\|\{}x } @headers),
       $n, "$kind: and understands its header") or diag($headers[0] // 'none');
}

kill 'TERM', $pid;
waitpid $pid, 0;
done_testing;
