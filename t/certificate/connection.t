# SPDX-License-Identifier: BSD-2-Clause

# gateway_client_certificate: a certificate is read once for each connection,
# and looked up in the consumers file for each request.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Handle;
use IPC::Open3 qw( open3 );
use Test::Gateway;
use Test::Gateway::Certificate;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

authority('a');
certificate('server', ca => 'a', san => 'DNS:localhost');
certificate('few', ca => 'a', san => 'URI:spiffe://few,IP:127.0.0.1');
certificate('none', ca => 'a');
certificate('many', ca => 'a', san => CORE::join ',',
            map({ "DNS:n$_.example" } 1 .. 1998), 'DNS:many.example',
            'email:many@example.org');

sub file { json({ consumers => [ @_ ] }) }
sub named { { id => $_[0], certificates => [ map { { san => $_ } } @_[1 .. $#_] ] } }

my $file = file(named('few', 'uri:spiffe://few'),
                named('many', 'dns:many.example', 'email:many@example.org'),
                { id => 'none', certificates => [
                  { sha256 => certificate_sha256('none') } ] });

my $port = free_port();
my $h2 = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$port ssl http2;"
                                : "listen 127.0.0.1:$port ssl; http2 on;";

my $server = start_nginx(
    port  => $port,
    files => { 'consumers.json' => $file, certificate_files() },
    conf  => http_conf(main => "error_log logs/error.log debug;\n",
                       workers => 1, http => <<'END', server => <<"END2"),
    gateway_consumers zone=c:1m file=consumers.json watch=50ms;
    ssl_certificate server.crt;
    ssl_certificate_key server.key;
    ssl_client_certificate a.crt;
    add_header X-Who "$gateway_consumer|$gateway_credential" always;
END
        $h2
        ssl_verify_client optional;
        gateway_client_certificate on;
        location / { empty_gif; }
        location /off { gateway_client_certificate off; empty_gif; }
END2
);

# how often certificates were read since the last call, and their names

my $seen = 0;

sub reads {
    my @all = $server->log =~ /: read certificate "\w{64}" with (\d+) names/g;
    my @new = @all[$seen .. $#all];
    $seen = @all;
    return "@new";
}

sub who {
    my (@answers) = @_;
    return CORE::join ' ', map { "$_->{status} "
                           . ($_->{head} =~ /^X-Who: (.*?)\|/m ? $1 : '') } @answers;
}

for ([ few => 1 ], [ many => 2000 ], [ none => 0 ]) {
    my ($name, $n) = @$_;

    is(who(@{ tls($server, cert => $name, path => [ ('/') x 5 ])->{answers} }),
       CORE::join(' ', ("200 $name") x 5), "$name: five requests");
    is(reads(), $n, "$name: read once");
    is(who(@{ tls($server, cert => $name, path => [ '/off', '/', '/off', '/' ])
              ->{answers} }), "200  200 $name 200  200 $name",
       "$name: where it is off, nobody");
    is(reads(), $n, "$name: another connection, read once");
}

is(who(@{ tls($server, cert => 'many', path => [ ('/off') x 2 ])->{answers} }),
   '200  200 ', 'off');
is(reads(), '', 'a certificate is not read where the directive is off');
is(who(@{ tls($server, path => [ ('/') x 2 ])->{answers} }), '403  403 ',
   'no certificate');
is(reads(), '', 'none is read');

# HTTP/2: nginx gives each request a connection structure of its own

SKIP: {
    skip 'no curl', 4 if !`curl --version 2>/dev/null`;

    my @curl = (qw( curl -sk --http2 -D - -o /dev/null ),
                '--cert', certificate_file('many'),
                '--key', certificate_key('many'));
    my $get = sub {
        my ($said) = Test::Gateway::Certificate::run([ @curl,
            map { ("https://127.0.0.1:$port/$_", '-o', '/dev/null') } 1 .. $_[0] ], q());
        return scalar(() = $said =~ m{^HTTP/2 200.*?x-who: many\|}gsm);
    };

    is($get->(6), 6, 'HTTP/2: six requests');
    is(reads(), 2000, 'HTTP/2: read once');
    is($get->(2), 2, 'HTTP/2: two more');
    is(reads(), 2000, 'HTTP/2: another connection, read once');
}

# the file changes while the connection stays open

my $pid = open3(my $in, my $out, undef, qw( openssl s_client -quiet -ign_eof ),
                '-connect', "127.0.0.1:$port", '-cert', certificate_file('many'),
                '-key', certificate_key('many'));
$in->autoflush(1);

sub ask {
    print $in "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    my $who = '';
    while (<$out>) {
        $who = "$1 " if m{HTTP/1\.1 (\d+)};
        return $who . $1 if /^X-Who: (.*?)\r?$/;
    }
    return 'closed';
}

sub change {
    my $n = () = $server->log =~ /has changed and was read/g;
    write_file($server->dir . '/consumers.json', file(@_));
    ok(wait_until(sub { $n < (() = $server->log =~ /has changed and was read/g) }),
       'a file that was changed is read');
}

is(ask(), '200 many|dns:many.example', 'one connection: a consumer');
change(named('new', 'dns:n1998.example'));
is(ask(), '200 new|dns:n1998.example', 'one connection: another one');
change(named('new', 'dns:n1998.example'),
       named('two', 'email:many@example.org'));
is(ask(), '403 |', 'one connection: two at once');
change(named('one', 'dns:n1.example', 'email:many@example.org'));
is(ask(), '200 one|dns:n1.example', 'one connection: the first name of two');
change();
is(ask(), '403 |', 'one connection: no consumer');
change(named('many', 'dns:many.example'));
is(ask(), '200 many|dns:many.example', 'one connection: the consumer again');
is(reads(), 2000, 'one connection: read once');

close $in;
kill 'TERM', $pid;
waitpid $pid, 0;

$server->stop('the log contains no alert');
done_testing;
