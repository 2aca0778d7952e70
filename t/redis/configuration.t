# SPDX-License-Identifier: BSD-2-Clause

# The messages of nginx -t about gateway_redis: each error in full, with file and
# line; warnings; and that nginx -t opens no connection.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Certificate;
use Test::Gateway::FakeRedis;
use Test::Gateway::Said qw( said accepted );
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

authority('ca');
certificate('gw', ca => 'ca');
certificate('other', ca => 'ca');

my %files = ('pass' => "secret-of-redis\n", 'bare' => 'secret-of-redis',
             'crlf' => "secret-of-redis\r\n", 'empty' => '', 'newline' => "\n",
             'blank' => "\r\n", 'most' => 's' x 1023 . "\n",
             'large' => 's' x 1025, 'folder/x' => '',
             'no.pem' => "no certificate\n", certificate_files());
$Test::Gateway::Said::Files = \%files;
$Test::Gateway::Said::Never = qr/secret-of-redis/;

# most blocks here are unused; t/core/without_effect.t tests that warning
$Test::Gateway::Said::Ignore
    = qr/is not used by any "gateway_limit_zone"|is never used in/;

# password files are readable by their owner only
umask 0077;

# a block with these lines, one of which is marked
sub block {
    my (@lines) = @_;
    return http_conf(http => CORE::join "\n", 'gateway_redis fleet {', @lines,
                                              '}', '');
}

sub refused {
    my ($conf, @messages) = @_;
    my $name = $messages[-1];
    is_deeply([ said($conf) ],
              [ 1, map { /\n$/ ? "[emerg] $_" =~ s/\n//r
                         : "[emerg] $_ in DIR/nginx.conf:LINE" } @messages ],
              "refused: $name");
}

my $server = 'server 127.0.0.1:6379;';


# --- valid configurations

accepted(block($server), 'a server alone');
accepted(block("server $_;"), "server $_")
    for qw( 127.0.0.1 10.0.0.5:1 10.0.0.5:65535 [::1] [2001:db8::5]:6380
            unix:/run/redis.sock );
accepted(http_conf(http => 'gateway_redis f { server redis.example; }'
                           . ' resolver 127.0.0.1;'),
         'a name, the resolver behind it');
accepted(http_conf(http => 'resolver 127.0.0.1;'
                           . ' gateway_redis f { server redis.example:6380; }'),
         'a name with a port, the resolver before it');

for my $line ('user gateway; password_file pass;', 'password_file pass;',
              'password_file bare;', 'password_file crlf;',
              'password_file most;', 'database 0;', 'database 65535;',
              'ssl off;', 'ssl on;', 'ssl on; ssl_trusted_certificate ca.crt;',
              'ssl on; ssl_name redis.example;',
              'ssl on; ssl_certificate gw.crt; ssl_certificate_key gw.key;',
              'prefix p;', 'connect_timeout 1ms;', 'connect_timeout 60s;',
              'timeout 1;', 'timeout 1ms;', 'timeout 10s;', 'connections 1;',
              'connections 64;', 'max_pending 1;', 'max_pending 1000000;',
              'breaker failures=1;', 'breaker failures=1000000 retry=10ms;',
              'breaker retry=1h;')
{
    accepted(block($server, $line), $line);
}

for ([ '10001ms', 10001 ], [ 50, 50000 ], [ '60s', 60000 ]) {
    my ($time, $ms) = @$_;
    my ($code, @lines) = said(http_conf(
        http => "gateway_redis fleet {  #!\n$server timeout $time;\n}"));
    is_deeply([ $code, @lines ],
              [ 0, qq([warn] "timeout" of gateway_redis "fleet" is ${ms}ms: )
                   . 'requests wait for Redis for this long, 50 ms is usual; a time '
                   . 'without a unit is in seconds, in the block in '
                   . 'DIR/nginx.conf:LINE' ], "warned: timeout $time");
}

accepted(http_conf(http => "gateway_redis a { $server } gateway_redis b { "
                           . "$server }"), 'two blocks');
accepted(http_conf(http => 'gateway_limit_zone $uri zone=z:1m rate=1r/s '
                           . "redis=fleet; gateway_redis fleet { $server }"),
         'a zone before its block');
accepted(block('ssl on; ssl_name redis.example; server unix:/run/redis.sock;'),
         'TLS on a socket, with a name');


# --- the block

refused(http_conf(http => "$_;  #!"),
        'directive "gateway_redis" has no opening "{"')
    for 'gateway_redis', 'gateway_redis fleet';
refused(http_conf(http => "gateway_redis a b {  #!\n $server }"),
        'invalid number of arguments in "gateway_redis" directive');
refused(http_conf(http => "gateway_redis \"\" {  #!\n $server }"),
        '"gateway_redis" must have a name');
refused(http_conf(http => "gateway_redis a { $server }\n"
                          . "gateway_redis a {  #!\n $server }"),
        '"gateway_redis a" is duplicate');
refused(http_conf(server => "gateway_redis a {  #!\n $server }"),
        '"gateway_redis" directive is not allowed here');
refused(http_conf(http => "gateway_redis fleet {  #!\n timeout 1s;\n}"),
        '"gateway_redis fleet" must have "server"');
refused(http_conf(http => "gateway_redis fleet {  #!\n}"),
        '"gateway_redis fleet" must have "server"');

my $all = CORE::join ', ', map { "\"$_\"" }
    qw( server user password_file database ssl ssl_trusted_certificate ssl_name
        ssl_certificate ssl_certificate_key prefix connect_timeout timeout
        connections max_pending breaker );
refused(block($server, "$_ on;  #!"),
        "unknown directive \"$_\" in \"gateway_redis\", allowed are $all")
    for qw( keepalive Server ssl_verify password listen );

refused(block("$_ ;  #!"), "invalid number of arguments in \"$_\" directive")
    for qw( server user password_file database ssl prefix timeout breaker );
refused(block("$_ a b c;  #!"), "invalid number of arguments in \"$_\" directive")
    for qw( server user database connections max_pending breaker );


# --- duplicates

for my $line ($server, 'user gateway;', 'password_file pass;', 'database 1;',
              'ssl off;', 'ssl_trusted_certificate ca.crt;', 'ssl_name a;',
              'ssl_certificate gw.crt;', 'ssl_certificate_key gw.key;',
              'prefix p;', 'connect_timeout 1s;', 'timeout 1s;', 'connections 2;',
              'max_pending 5;', 'breaker failures=5;')
{
    my ($name) = split / /, $line;
    refused(block($line, "$line  #!"), "\"$name\" directive is duplicate");
}


# --- server

my $address = 'it must be an address such as "10.0.0.5:6379", "[::1]:6379", '
              . '"redis.example:6379" or "unix:/path"';
refused(block("server $_->[0];  #!"), "$_->[1] in \"server $_->[0]\", $address")
    for [ ':6379', 'no host' ], [ '127.0.0.1:0', 'invalid port' ],
        [ '127.0.0.1:65536', 'invalid port' ], [ 'redis:x', 'invalid port' ],
        [ '[::1', 'invalid host' ], [ 'unix:', 'no path in the unix domain socket' ],
        map { [ $_, 'invalid host' ] }
            'a..b', '*.example:6379', 'a$b', '1.2.3', '256.1.1.1:6379', 'a' x 64,
            CORE::join('.', ('a' x 63) x 4);

for my $conf ("gateway_redis fleet {  #!\n server redis.example; }",
              "gateway_redis fleet {  #!\n server redis.example:6380; }",
              "gateway_redis fleet {  #!\n server localhost; }")
{
    my ($host) = $conf =~ /server ([\w.]+)/;
    refused(http_conf(http => $conf), "no resolver defined to resolve \"$host\": "
            . 'gateway_redis "fleet" needs "resolver" in http, or an address in '
            . '"server"');
}
refused(http_conf(http => "gateway_redis fleet {  #!\n server redis.example; }",
                  server => 'resolver 127.0.0.1;'),
        'no resolver defined to resolve "redis.example": gateway_redis "fleet" '
        . 'needs "resolver" in http, or an address in "server"');


# --- user, password

refused(http_conf(http => "gateway_redis fleet {  #!\n $server user gw; }"),
        '"gateway_redis fleet" has "user" without "password_file"');
refused(block("$_ \"\";  #!"), "empty value in \"$_\"")
    for qw( user ssl_name prefix ssl_trusted_certificate );

refused(block($server, 'password_file absent;  #!'),
        '"password_file" "DIR/absent": open() failed (2: No such file or directory)');
refused(block($server, "password_file $_;  #!"),
        "\"password_file\" \"DIR/$_\" is empty, write the password into it")
    for qw( empty newline blank );
refused(block($server, 'password_file large;  #!'),
        '"password_file" "DIR/large": is larger than 1024 bytes');
refused(block($server, 'password_file folder;  #!'),
        '"password_file" "DIR/folder": is not a regular file');

for my $mode (022, 026) {
    umask $mode;
    is_deeply([ said(block($server, 'password_file pass;  #!')) ],
              $mode == 022 ? [ 0, '[warn] "password_file" "DIR/pass" can be read '
                                  . 'by everybody, its mode should be 0600 or 0640'
                                  . ' in DIR/nginx.conf:LINE' ] : [ 0 ],
              sprintf 'a password of mode %o', 0666 & ~$mode);
}
umask 0077;


# --- numbers and times, on both sides of each bound

my %numbers = (database => [ 0, 65535 ], connections => [ 1, 64 ],
               max_pending => [ 1, 1000000 ]);
for my $name (sort keys %numbers) {
    my ($low, $high) = @{ $numbers{$name} };
    refused(block($server, "$name \"$_\";  #!"), "invalid value \"$_\" in "
            . "\"$name\", it must be a number between $low and $high")
        for $low - 1, $high + 1, 'x', '1x', '';
}

for my $name (qw( connect_timeout timeout )) {
    refused(block($server, "$name \"$_\";  #!"), "invalid value \"$_\" in "
            . "\"$name\", it must be a time between 1ms and 60s")
        for '0', '61s', '60001ms', 'x', '1y1', '-1s', '';
}

refused(block($server, "breaker failures=$_;  #!"), "invalid value \"$_\" in "
        . '"failures=", it must be a number between 1 and 1000000')
    for 0, 1000001, -1, 'x', '';
refused(block($server, "breaker retry=$_;  #!"), "invalid value \"$_\" in "
        . '"retry=", it must be a time between 10ms and 1h')
    for '9ms', '0', '3601s', '1d', 'x', '';
refused(block($server, 'breaker tries=1;  #!'), 'invalid parameter "tries=1" in '
        . '"breaker", allowed are "failures=", "retry="');
refused(block($server, 'breaker failures=1 failures=2;  #!'),
        'duplicate parameter "failures=2" in "breaker"');


# --- TLS

refused(block($server, "ssl $_;  #!"),
        "invalid value \"$_\" in \"ssl\", allowed are \"on\", \"off\"")
    for qw( yes On verify );

refused(http_conf(http => "gateway_redis fleet {  #!\n $server $_->[1]; }"),
        "\"gateway_redis fleet\" has \"$_->[0]\" without \"ssl on\"")
    for [ 'ssl_trusted_certificate', 'ssl_trusted_certificate ca.crt' ],
        [ 'ssl_name', 'ssl_name redis.example' ],
        [ 'ssl_certificate', 'ssl_certificate gw.crt' ],
        [ 'ssl_certificate_key', 'ssl off; ssl_certificate_key gw.key' ];

refused(http_conf(http => "gateway_redis fleet {  #!\n $server ssl on; $_ }"),
        '"gateway_redis fleet" must have "ssl_certificate" and '
        . '"ssl_certificate_key" both or neither')
    for 'ssl_certificate gw.crt;', 'ssl_certificate_key gw.key;';

refused(http_conf(http => "gateway_redis fleet {  #!\n server unix:/r; ssl on; }"),
        '"gateway_redis fleet" must have "ssl_name", since a UNIX-domain '
        . 'socket has no name to verify in the certificate');

# nginx's own message comes first
for my $case ([ 'ssl_trusted_certificate absent.pem', qr/absent\.pem.*failed/ ],
              [ 'ssl_trusted_certificate no.pem', qr/no\.pem.*failed/ ],
              [ 'ssl_certificate absent.pem; ssl_certificate_key gw.key',
                qr/absent\.pem.*/ ],
              [ 'ssl_certificate no.pem; ssl_certificate_key gw.key', qr/no\.pem/ ],
              [ 'ssl_certificate gw.crt; ssl_certificate_key other.key',
                qr/key values mismatch/ ])
{
    my ($line, $words) = @$case;
    my ($code, @lines) = said(http_conf(http => "gateway_redis fleet {  #!\n"
                                                . " $server ssl on; $line; }"));
    is($code, 1, "refused: $line");
    is(scalar(@lines), 2, '    in two lines');
    like($lines[0], $words, '    the first is nginx\'s own');
    is($lines[1], '[emerg] "gateway_redis fleet" cannot use its certificates in '
       . 'DIR/nginx.conf:LINE', '    the second names the block');
}


# --- use by other directives

refused(http_conf(http => "gateway_redis fleet { $server }\n"
                          . 'gateway_limit_zone $uri zone=z:1m rate=1r/s '
                          . 'redis=other;  #!'),
        'unknown redis "other" in "gateway_limit_zone", there is no '
        . '"gateway_redis" of this name');


# --- nginx -t opens no connection

my $fake = fake_redis();
accepted(block("server 127.0.0.1:@{[ $fake->port ]};"), 'a server that is there');
is(scalar(my @all = $fake->commands), 0, 'which has heard of nothing');
$fake->stop;

done_testing();
