# SPDX-License-Identifier: BSD-2-Clause

# Errors and warnings of nginx -t about formats and sinks, with file and line.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Certificate;
use Test::Gateway::Consumer;
use Test::Gateway::Server;
use Test::More;

my ($before) = (nginx_t("wrong;\n"))[1] =~ /nginx\.conf:(\d+)/;
$before--;

authority('ca');
certificate('server', ca => 'ca');

my $keys = { 'consumers.json' => consumers(consumer('a')) };

sub said {
    my ($conf) = @_;

    my ($code, $output) = nginx_t($conf, $keys);
    my $line = $before;
    for (split /\n/, $conf) {
        $line++;
        last if /#!/;
    }

    my @lines = map { /(\[emerg\]) \d+#\d+: (.*)/ ? $2
                      : /\[(?:emerg|alert)\] (.*)/ ? $1 : () }
                split /\n/, $output;
    s/nginx\.conf:$line\b/nginx.conf:LINE/ for @lines;
    return ($code, $lines[0] // '');
}

sub refused {
    my ($http, $expected) = @_;

    my ($code, $line) = said(http_conf(http => "\n$http"));
    is($line, $expected, $http =~ s/\s+/ /gr);
    isnt($code, 0, 'and nginx does not start');
}

sub accepted {
    my ($http) = @_;

    my ($code, $line) = said(http_conf(http => "\n$http"));
    is("$code $line", '0 ', $http =~ s/\s+/ /gr);
}

my $at = ' in DIR/nginx.conf:LINE';


# --- gateway_log

accepted('gateway_log a.json;');
accepted("gateway_log a.json $_;") for qw( native ecs otel gcp );
accepted('gateway_log a.json ecs buffer=32k flush=0 if=$arg_x sample=0.5'
         . ' keep=4xx,5xx,denied,aborted,404 slow=1s;');
accepted('gateway_log off;');
accepted('gateway_log a.json; gateway_log b.json ecs; gateway_log a.json otel;');
accepted('gateway_log a.json; server { gateway_log off; location / {'
         . ' gateway_log a.json; } }');

refused("gateway_log $_ ecs; #!",
        'invalid path "' . (/^["'](.*)["']$/ ? $1 : $_) . '" in "gateway_log", it must'
        . ' be stdout, stderr, syslog:name, or a file or a pipe, without'
        . " variables$at")
    for 'a-$host.json', '$host', '""', 'syslog:', 'syslog:$host', '" "', "'  \t'",
        qw( STDOUT Stderr stdin STDIN OFF memory:32k Memory:1m SYSLOG:a unix:/a );
accepted("gateway_log $_ ecs;")
    for '" a"', qw( ./syslog:a ./STDOUT ./stdin stdouts memory a:b stdout stderr );
refused("gateway_log a.json if=$_; #!",
        qq{invalid value "$_" in parameter "if=", it must hold a variable$at})
    for qw( 0 1 foo );
accepted("gateway_log a.json if=$_;") for qw( $arg_x ${arg_x}0 0$arg_x );

# the same path twice at a level
refused("$_ #!", 'duplicate "gateway_log a.json" with format "native" at the same'
                 . " level$at")
    for 'gateway_log a.json; gateway_log a.json;',
        'gateway_log a.json; gateway_log a.json native;',
        'gateway_log a.json sample=0.1; gateway_log a.json sample=0.2;',
        'gateway_log a.json if=$arg_x; gateway_log a.json if=$arg_x;';
accepted($_)
    for 'gateway_log a.json; gateway_log a.json ecs;',
        'gateway_log a.json; gateway_log a.json if=$arg_x;',
        'gateway_log a.json if=$arg_y; gateway_log a.json if=$arg_x;',
        'gateway_log a.json; server { gateway_log a.json; }';
refused('gateway_log a.json other; #!',
        'unknown gateway_log_format "other", it must be declared before, or be'
        . " native, ecs, otel or gcp$at");
refused("gateway_log a.json sample=$_; #!",
        qq{invalid value "$_" in parameter "sample=", it must be a number from 0}
        . " to 1 such as 0.25, with at most 9 digits after the decimal point$at")
    for '1.5', '', 'a', '0.1234567890';
accepted('gateway_log a.json sample=0.123456789;');
refused("gateway_log a.json keep=$_; #!",
        qq{invalid value "$_" in parameter "keep=", it must be 4xx, 5xx, denied,}
        . " aborted or a status from 100 to 599$at")
    for qw( 3xx 99 600 0404 );
refused("gateway_log a.json buffer=$_; #!",
        qq{invalid value "$_" in parameter "buffer=", it must be a size from 32k}
        . " to 64m$at") for qw( 31k 65m x ), '';
refused('gateway_log a.json ecs other; #!',
        'invalid parameter "other" in "gateway_log", allowed are "buffer=",'
        . qq{ "flush=", "if=", "sample=", "keep=", "slow="$at});

# keep= and slow= have no effect without sample= below 1
for my $kept (qw( keep=404 slow=1s )) {
    my ($name) = $kept =~ /(.*=)/;
    my $warning = qr/\[warn\].*"$name" has no effect in "gateway_log" without "sa/;
    my ($code, $output) = nginx_t(http_conf(http =>
                                            "gateway_log a.json $kept;"));
    like($output, $warning, "$kept: a warning");
    is($code, 0, 'and nginx starts');
    ($code, $output) = nginx_t(http_conf(http => "gateway_log a.json $kept"
                                                 . ' sample=0.5;'));
    unlike($output, $warning, "$kept: none with a sample");
    ($code, $output) = nginx_t(http_conf(http => "gateway_log a.json $kept"
                                                 . " sample=$_;")),
        like($output, $warning, "$kept: one with sample=$_")
        for qw( 1 1.0 );
}

refused('gateway_log off ecs; #!',
        qq{"off" takes no other parameters in "gateway_log"$at});
refused("$_ #!", '"gateway_log off" conflicts with another "gateway_log" at the'
                 . " same level$at")
    for 'gateway_log off; gateway_log a.json;',
        'gateway_log a.json; gateway_log off;', 'gateway_log off; gateway_log off;';

{
    my $first = "gateway_log a.json;\n";
    my $conf = http_conf(http => "\n$first gateway_log a.json flush=2s; #!");
    my $first_at = $before + (() = $conf =~ /\G.*?\n(?=.*?#!)/gs);
    my ($code, $line) = said($conf);
    is($line, 'gateway_log "a.json" conflicts with that in'
              . " DIR/nginx.conf:$first_at, both must have the same"
              . " \"buffer=\" and \"flush=\"$at",
       'one file, two flush=');
}

for my $other ('access_log a.json combined buffer=4k;', 'access_log a.json;',
               'error_log a.json;')
{
    refused("$other\ngateway_log a.json; #!",
            'gateway_log "DIR/a.json" names a file that another directive writes'
            . " to,$at");
}

refused("gateway_log a.json; #!\n$_",
        'gateway_log "DIR/a.json" names a file that another directive writes to,'
        . $at)
    for 'access_log a.json combined buffer=4k;', 'error_log a.json;',
        'server { location / { error_log a.json; } }';


# too many paths for the counters are an error

{
    my $paths = sub { join ' ', map { "gateway_log $_.json;" } 1 .. $_[0] };
    my ($code, $output) = nginx_t(http_conf(http => $paths->(256)));
    is($code, 0, '256 paths');

    ($code, $output) = nginx_t(http_conf(http => $paths->(257)));
    isnt($code, 0, '257 are too many');
    my $room = qr/no room for log_\w+\{sink="[^"]*"[^}]*\}/;
    my $why = 'this configuration and those of workers that have not exited need'
              . ' more than 2048 counters';
    like($output, qr/\[emerg\] .*gateway: $room, $why, in "gateway_log" in \S+:\d+$/m,
         'which is said, with the place');
}

sub warnings_of {
    my ($http) = @_;

    my ($code, $output) = nginx_t(http_conf(http => "\n$http"), $keys);
    is($code, 0, "$http: nginx starts");
    return [ $output =~ /\[warn\] \d+#\d+: (.* in) /g ];
}

is_deeply(warnings_of('gateway_log_format f { } gateway_log_format g { }'
                      . ' gateway_log a.json g;'),
          [ '"gateway_log_format f" is not used by any "gateway_log" in' ],
          'a format that nothing uses');
is_deeply(warnings_of('gateway_log_format f { } server { location / {'
                      . ' gateway_log a.json f; } }'), [], 'and one in a location');

for (['gateway_log f; gateway_log syslog:f;', 1], ['gateway_log syslog:f;', 0],
     ['gateway_log g; gateway_log syslog:f;', 0])
{
    my ($logs, $warned) = @$_;
    my $block = 'gateway_log_syslog f { server udp:127.0.0.1:514; }';
    is_deeply(warnings_of($_), $warned
              ? [ '"gateway_log f" writes to a file, did you mean "syslog:f" in' ]
              : [], "$_: $warned") for "$block $logs", "$logs $block";
}


# --- gateway_log_syslog

my $server = 'server udp:127.0.0.1:514;';
my $key = certificate_key('server');
my $certificate = certificate_file('server');

sub syslog_refused {
    my ($body, $expected) = @_;

    refused("gateway_log_syslog a {\n$body #!\n}\n", $expected);
}

sub syslog_accepted {
    accepted("gateway_log syslog:a;\ngateway_log_syslog a { $_[0] }\n");
}

# the block as a whole
sub block_refused {
    my ($body, $sentence) = @_;

    refused("gateway_log_syslog a { #!\n$body }\n",
            qq{"gateway_log_syslog a" $sentence$at});
}

syslog_accepted("server $_;")
    for qw( udp:127.0.0.1 udp:127.0.0.1:1 udp:[::1]:514 tcp:127.0.0.1:601
            tcp:[::1] unix:/dev/log );
syslog_accepted("$server facility $_;")
    for qw( kern user mail daemon auth intern lpr news uucp clock authpriv ftp
            ntp audit alert cron ), map { "local$_" } 0 .. 7;
syslog_accepted("$server severity $_;")
    for qw( emerg alert crit error warn notice info debug );
syslog_accepted("$server tag $_;") for 'a', 'x' x 48, '!~', '"a"';
syslog_accepted("$server queue $_;") for qw( 64k 65536 16m 1024m );
syslog_accepted("server tcp:127.0.0.1; ssl $_;") for qw( on off );
syslog_accepted('server tcp:127.0.0.1; ssl on; ssl_name logs.example;'
                . " ssl_trusted_certificate $certificate;"
                . " ssl_certificate $certificate; ssl_certificate_key $key;");
accepted("gateway_log_syslog a { $server } gateway_log syslog:a ecs;");
accepted("gateway_log syslog:a; server { location / { gateway_log syslog:b; } }"
         . " gateway_log_syslog b { $server } gateway_log_syslog a { $server }");
accepted('gateway_log syslog:a; resolver 127.0.0.1;'
         . ' gateway_log_syslog a { server tcp:logs.example; }');

refused("gateway_log syslog:b; #!\ngateway_log_syslog a { $server }",
        'unknown syslog "b" in "gateway_log", there is no "gateway_log_syslog"'
        . " of this name$at");
refused("gateway_log syslog:a $_; #!",
        '"buffer=" and "flush=" cannot be used with "syslog:a", "queue" in'
        . qq{ "gateway_log_syslog" is the size of its buffer$at})
    for 'buffer=64k', 'flush=1s', 'ecs flush=0';
refused("gateway_log_syslog a { $server }\ngateway_log_syslog a { #!\n}",
        qq{"gateway_log_syslog a" is duplicate$at});
refused("gateway_log_syslog $_ #!", 'invalid number of arguments in'
                                    . qq{ "gateway_log_syslog" directive$at})
    for '{ }', 'a b { }';
refused('gateway_log_syslog "" { #!', qq{"gateway_log_syslog" must have a name$at});
refused("server { gateway_log_syslog a { #!\n} }",
        qq{"gateway_log_syslog" directive is not allowed here$at});
block_refused('', 'must have "server"');
block_refused("server tcp:127.0.0.1; $_;", qq{has "} . (split)[0]
              . '" without "ssl on"')
    for "ssl_trusted_certificate $certificate", 'ssl_name a',
        "ssl_certificate $certificate", "ssl_certificate_key $key";
block_refused("server $_; ssl on;", qq{has "ssl on", but "server $_" receives}
              . ' datagrams, it must begin with "tcp:"')
    for 'udp:127.0.0.1', 'unix:/dev/log';
block_refused("server tcp:127.0.0.1; ssl on; $_;", 'must have "ssl_certificate"'
              . ' and "ssl_certificate_key" both or neither')
    for "ssl_certificate $certificate", "ssl_certificate_key $key";
refused("gateway_log_syslog a { #!\nserver tcp:logs.example; }",
        'no resolver defined to resolve "logs.example": gateway_log_syslog "a"'
        . qq{ needs "resolver" in http, or an address in "server"$at});

syslog_refused('other 1;', 'unknown directive "other" in "gateway_log_syslog",'
               . ' allowed are "server", "ssl", "ssl_trusted_certificate",'
               . ' "ssl_name", "ssl_certificate", "ssl_certificate_key",'
               . qq{ "facility", "severity", "tag", "queue"$at});
syslog_refused("$_;", 'invalid number of arguments in "' . (split)[0]
               . qq{" directive$at})
    for 'tag', 'tag a b', 'server', 'queue 1m 2m';
for my $twice ($server, 'ssl on;', 'facility user;', 'severity info;', 'tag a;',
               'queue 1m;')
{
    syslog_refused("$twice $twice", '"' . (split ' ', $twice)[0]
                                    . qq{" directive is duplicate$at});
}
my $examples = 'it must be an address such as "udp:10.0.0.5:514",'
               . ' "tcp:[::1]:601", "tcp:logs.example:6514" or "unix:/dev/log"';
syslog_refused("server $_;", qq{missing "udp:", "tcp:" or "unix:" in "server $_",}
                             . " $examples$at")
    for '127.0.0.1', 'tls:127.0.0.1', 'UDP:127.0.0.1', '/dev/log';
syslog_refused('server udp:;', qq{no host in "server udp:", $examples$at});
syslog_refused('server udp:127.0.0.1:99999;',
               qq{invalid port in "server udp:127.0.0.1:99999", $examples$at});
syslog_refused("server $_;", 'invalid host in "server '
               . (/^"(.*)"$/ ? $1 : $_) . qq{", $examples$at})
    for '"udp:a b"', 'udp:*', 'udp:*.example:514', 'tcp:$host', 'tcp:a..b', 'tcp:..',
        'udp:.a', 'udp:1.2.3', 'udp:256.1.1.1', 'tcp:1.2.3.4.5:601', 'tcp:1',
        "tcp:caf\xc3\xa9", 'tcp:' . 'a' x 64, 'tcp:' . join('.', ('a' x 63) x 4),
        'tcp:a@b', 'tcp:a,b';
accepted("resolver 127.0.0.1; gateway_log syslog:a; gateway_log_syslog a { server $_; }")
    for 'udp:a', 'tcp:A-1.example.:601', 'tcp:my_logs', 'tcp:1.example', 'tcp:1a',
        'tcp:' . 'a' x 63, 'tcp:' . join('.', ('a' x 63) x 3, 'a' x 61);
syslog_refused("tag $_;", 'invalid value "' . (/^"(.*)"$/ ? $1 : $_)
               . '" in "tag", it must consist of 1 to 48 printable ASCII'
               . " characters without spaces$at")
    for '""', '"a b"', 'x' x 49, "\xc3\xa9", "a\x7f";
syslog_refused("queue $_;", 'invalid value "' . ($_ eq '""' ? '' : $_)
               . qq{" in "queue", it must be a size from 64k to 1024m$at})
    for qw( 0 65535 63k 1025m 2g x -1 "" );
syslog_refused('facility local8;', 'invalid value "local8" in "facility",'
               . ' allowed are ' . join(', ', map { qq{"$_"} } qw( kern user
               mail daemon auth intern lpr news uucp clock authpriv ftp ntp audit
               alert cron ), map { "local$_" } 0 .. 7) . $at);
syslog_refused('severity warning;', 'invalid value "warning" in "severity",'
               . ' allowed are "emerg", "alert", "crit", "error", "warn",'
               . qq{ "notice", "info", "debug"$at});

# an unused block is a warning
{
    my ($code, $output) = nginx_t(http_conf(
        http => "gateway_log syslog:a; gateway_log_syslog a { $server }\n"
                . "gateway_log_syslog b { $server }"));
    my @warned = $output =~ /\[warn\] \S+ (.*)/g;
    is($code, 0, 'a block that is not used: nginx starts');
    is(scalar @warned, 1, 'and warns once');
    like($warned[0], qr{^"gateway_log_syslog\ b"\ is\ not\ used\ by\ any
                        \ "gateway_log"\ in\ DIR/nginx\.conf:\d+$}x,
         'of this one');
}


# --- gateway_log_format

sub format_refused {
    my ($body, $expected) = @_;

    refused("gateway_log_format f preset=ecs {\n$body #!\n}\n", $expected);
}

sub format_accepted {
    accepted("gateway_log_format f preset=ecs {\n$_[0]\n}\n");
}

format_accepted('field a.b $uri; field a.c "x" string; field d 1 int;');
format_accepted('header request x-a X-B x-*; header response x-*;');
format_accepted('redact header x-secret; redact query a b-c;');
format_accepted('mask client_ip;');
format_accepted('mask client_ip v4=0 v6=128;');

refused('gateway_log_format ecs { } #!',
        qq{gateway_log_format "ecs" is a preset, which needs no declaration$at});
refused("gateway_log_format $_ { } #!",
        'invalid name "' . ($_ eq '""' ? '' : $_) . '" in "gateway_log_format", it'
        . qq{ must not be empty, "off" or contain "="$at}) for '""', qw( off a=b );
accepted("gateway_log_format $_ { field a b; header request x_a x!#.y x-y_* !; }"
         . " gateway_log a.json $_;") for qw( offf OFF );
refused('gateway_log_format f { } gateway_log_format f { } #!',
        qq{duplicate gateway_log_format "f"$at});
refused('gateway_log_format f preset=other { } #!',
        'invalid value "other" in "preset=", allowed are "native", "ecs", "otel",'
        . qq{ "gcp", "none"$at});
refused("gateway_log_format f preset=$_ project=p { } #!",
        qq{"project=" requires "preset=gcp"$at}) for qw( ecs none );

# preset=none
sub none { "gateway_log_format f preset=none { $_[0] }" }
accepted(none($_)) for 'field status $status int;', 'header request x-a;',
                       'header response x-*;', 'field truncated_at 1;';
refused(none($_) . ' #!',
        '"gateway_log_format f" with "preset=none" has no "field" and no'
        . qq{ "header"$at}) for '', 'redact query a; redact header b;';
refused(none("field a 1; $_; #!\n"),
        '"mask client_ip" has no effect with "preset=none", a "field" is written'
        . " as configured$at") for 'mask client_ip', 'mask client_ip v4=16';
refused(none("field $_ 1; #!\n"),
        qq{duplicate field "$_" in gateway_log_format "f"$at})
    for qw( sample_rate truncated );
refused(none("header request x-a; field request_header_x_a 1; #!\n"),
        qq{duplicate field "request_header_x_a" in gateway_log_format "f"$at});
refused(none("field a \$http_authorization; #!\n"),
        'field "a" reads "$http_authorization", which can hold a credential and'
        . qq{ is never logged, in gateway_log_format "f"$at});
refused('gateway_log a.json none; #!',
        'unknown gateway_log_format "none", it must be declared before, or be'
        . " native, ecs, otel or gcp$at");

format_refused('other x;', 'unknown directive "other" in "gateway_log_format",'
               . qq{ allowed are "field", "header", "redact", "mask"$at});
format_refused("$_;", 'invalid number of arguments in "' . s/ .*//r
               . qq{" directive$at})
    for 'field a', 'field a 1 int x', 'header', 'header request', 'redact',
        'redact query', 'mask', 'mask client_ip v4=1 v6=1 x';
format_accepted('header request ' . join(' ', map { "x-$_" } 1 .. 70) . ';');
format_refused("field $_ 1;", qq{invalid name "$_" in "field", it must consist of}
               . " names with dots between them, at most 15$at")
    for '.a', 'a.', 'a..b', join '.', ('a') x 16;
format_accepted('field ' . join('.', ('a') x 15) . ' 1;');
format_refused('field a 1 float;', 'invalid type "float" in "field", it must be'
               . " string, int, number or bool$at");

# a constant must fit its type

{
    my %rule = (int    => 'a whole number from -9223372036854775807 to'
                          . ' 9223372036854775807',
                number => 'a number such as 1.5, less than 1e308',
                bool   => '1, true, on, 0, false or off');
    my $long = '0.' . '1' x 61;

    format_refused("field a $$_[0] $$_[1];", qq{invalid value "$$_[0]" in "field"}
                   . qq{ of the type $$_[1], it must be $rule{$$_[1]}$at})
        for map({ [ $_, 'int' ] } qw( x 1.0 01 +1 1e3 9223372036854775808 )),
            map({ [ $_, 'number' ] } 'x', '.5', '1.', '1e308', 'NaN', $long),
            map({ [ $_, 'bool' ] } qw( x yes TRUE 2 ));
    format_accepted("field a $_;")
        for 'x string', 'x', '-9223372036854775807 int', '0 int', '-1.5e3 number',
            '1e307 number', '0 number', '0.' . '1' x 60 . ' number', 'on bool',
            'off bool', 'true bool', '0 bool', 'x$arg_x int', '"" int';
}

format_refused('field a $;', qq{invalid variable name in "\$"$at});
format_refused('field a "${uri";', 'invalid variable name in "${uri"' . $at);
format_refused('header other x;', 'invalid value "other" in "header", it must be'
               . " request or response$at");
format_refused("header request $_;", qq{invalid name "$_" in "header", it must be}
               . qq{ the name of a header or a prefix such as "x-*"$at})
    for '*', 'x*y', '**', 'X:y', 'x,y', 'x/y', "caf\xc3\xa9", 'x(*', 'x@';
format_refused("header $_ 'a b';", qq{invalid name "a b" in "header", it must be}
               . qq{ the name of a header or a prefix such as "x-*"$at})
    for qw( request response );
format_refused('redact other x;', 'invalid value "other" in "redact", it must be'
               . " header or query$at");
format_refused("redact query $_;", qq{invalid name "$_" in "redact", it must}
               . " consist of 1 to 63 letters, digits, - and _$at")
    for 'a b' =~ s/ /%20/r, 'x' x 64;
format_refused('mask other;', 'invalid value "other" in "mask", it must be'
               . " client_ip$at");
format_refused('mask client_ip v4=33;', 'invalid value "33" in parameter "v4=",'
               . " it must be a number from 0 to 32$at");
format_refused("mask client_ip;\nmask client_ip;" =~ s/\n/ /r,
               qq{"mask client_ip" is duplicate$at});

format_refused("field $_ 1;", qq{duplicate field "$_" in gateway_log_format "f"}
               . $at) for 'http.request.method', 'http', '@timestamp',
                          'gateway.route', 'http.version.x';
format_refused('field a 1; field a 2;',
               qq{duplicate field "a" in gateway_log_format "f"$at});
format_refused('field a 1; field a.b 2;',
               qq{duplicate field "a.b" in gateway_log_format "f"$at});

# a field must not have the key of a captured header
for my $key ('request_header_x_a', 'request_header_x_a.b') {
    format_refused("header request x-a; field gateway.$key 1;",
                   qq{duplicate field "gateway.$key" in gateway_log_format "f"}
                   . $at);
}
format_refused('header response x-a; field gateway.response_header_x_a 1;',
               'duplicate field "gateway.response_header_x_a" in'
               . qq{ gateway_log_format "f"$at});
refused("gateway_log_format f {\nheader request x-a;"
        . " field request_header_x_a 1; #!\n}\n",
        qq{duplicate field "request_header_x_a" in gateway_log_format "f"$at});
refused("gateway_log_format f preset=otel {\nheader request x-a;"
        . " field http.request.header.x-a 1; #!\n}\n",
        'duplicate field "http.request.header.x-a" in gateway_log_format "f"'
        . $at);
for my $key ('request_header_x_truncated', 'request_header_x_truncated.b') {
    format_refused("header request x-truncated; field gateway.$key 1;",
                   qq{duplicate field "gateway.$key" in gateway_log_format "f"}
                   . $at);
}
format_accepted('header request x-a; field gateway.response_header_x_a 1;');
format_accepted('header request x-a; field gateway.request_header_x_b 1;');
format_accepted('header request x-a; field request_header_x_a 1;');
format_accepted('header request x-*; field gateway.request_header_x_a 1;');


# --- secrets

my $never = 'which can hold a credential and is never logged, in'
            . qq{ gateway_log_format "f"$at};

format_refused("field a x\$$_;", qq{field "a" reads "\$$_", $never})
    for qw( http_authorization http_cookie http_x_api_key HTTP_Cookie
            http_proxy_authorization sent_http_set_cookie
            upstream_http_set_cookie cookie_token cookie_Access_Token arg_token
            arg_api_key upstream_cookie_sig );
format_accepted("field a x\$$_;")
    for qw( http_host cookie_theme arg_tokens http_x_token sent_http_location );
format_refused("header request $_;",
               'header "' . lc($_) . '" can hold a credential and is never'
               . qq{ logged, in gateway_log_format "f"$at})
    for qw( Authorization Cookie Proxy-Authorization X-API-Key );
format_refused('header response set-cookie;',
               'header "set-cookie" can hold a credential and is never logged, in'
               . qq{ gateway_log_format "f"$at});
format_refused('field a $http_x_mine; redact header x_mine;',
               qq{field "a" reads "\$http_x_mine", $never});
format_refused('field a $arg_my_own; redact query My-Own;',
               qq{field "a" reads "\$arg_my_own", $never});

# a name of up to 128 bytes is compared; a longer one is an error
format_accepted('field a $http_' . 'x' x 128 . ';');
format_refused("field a \$$_;", qq{field "a" reads "\$$_", $never})
    for map { $_ . 'x' x 129 } qw( http_ arg_ );

# all sources that the configuration reads a credential from
my $auth = <<'END';
gateway_consumers zone=c:1m file=consumers.json;
server { location / {
    gateway_api_key k header=X-Cred query=qq cookie=cc;
} }
END

for my $variable (qw( http_x_cred arg_qq cookie_cc )) {
    refused("$auth gateway_log_format f {\nfield a \$$variable; #!\n}",
            qq{field "a" reads "\$$variable", $never});
    accepted("gateway_log_format f {\nfield a \$$variable;\n}");
}

done_testing;
