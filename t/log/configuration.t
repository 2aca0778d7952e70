# What nginx -t says of wrong formats and sinks: one line, with the place.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Consumer;
use Test::Gateway::Server;
use Test::More;

my ($before) = (nginx_t("wrong;\n"))[1] =~ /nginx\.conf:(\d+)/;
$before--;

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
        'invalid path "' . ($_ eq '""' ? '' : $_) . '" in "gateway_log", it must'
        . " be stdout, stderr, or a file or a pipe, without variables$at")
    for 'a-$host.json', '$host', '""', 'syslog:server=127.0.0.1';
accepted('gateway_log ./syslog:a ecs;');
refused('gateway_log a.json other; #!',
        'unknown gateway_log_format "other", it must be declared before, or be'
        . " native, ecs, otel or gcp$at");
refused('gateway_log a.json sample=1.5; #!',
        'invalid value "1.5" in parameter "sample=", it must be a number from 0'
        . " to 1$at");
refused("gateway_log a.json keep=$_; #!",
        qq{invalid value "$_" in parameter "keep=", it must be 4xx, 5xx, denied,}
        . " aborted or a status from 100 to 599$at")
    for qw( 3xx 99 600 0404 );
refused("gateway_log a.json buffer=$_; #!",
        qq{invalid value "$_" in parameter "buffer=", it must be a size from 32k}
        . " to 64m$at") for qw( 31k 65m x );
refused('gateway_log a.json ecs other; #!',
        'invalid parameter "other" in "gateway_log", allowed are "buffer=",'
        . qq{ "flush=", "if=", "sample=", "keep=", "slow="$at});

# what a sample does not leave out needs no exception
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
}

refused('gateway_log off ecs; #!',
        qq{"off" takes no other parameters in "gateway_log"$at});
refused("$_ #!", '"gateway_log off" conflicts with another "gateway_log" at the'
                 . " same level$at")
    for 'gateway_log off; gateway_log a.json;',
        'gateway_log a.json; gateway_log off;', 'gateway_log off; gateway_log off;';

{
    my $first = "gateway_log a.json;\n";
    my ($code, $line) = said(http_conf(http => "\n$first gateway_log a.json"
                                               . ' flush=2s; #!'));
    my $other = qr{^gateway_log "a\.json" has another "buffer=" or "flush="};
    like($line, qr{$other in DIR/nginx\.conf:\d+ in DIR/nginx\.conf:LINE$},
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


# counters of so many paths have no room: it is refused, not logged uncounted

{
    my $paths = sub { join ' ', map { "gateway_log $_.json;" } 1 .. $_[0] };
    my ($code, $output) = nginx_t(http_conf(http => $paths->(200)));
    is($code, 0, '200 paths');

    ($code, $output) = nginx_t(http_conf(http => $paths->(400)));
    isnt($code, 0, '400 are too many');
    my $room = qr/no room for log_\w+\{sink="[^"]*"[^}]*\}/;
    my $why = 'this configuration and those of workers that have not exited need'
              . ' more than 2048 counters';
    like($output, qr/\[emerg\] .*gateway: $room, $why/,
         'which is said');
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
refused('gateway_log_format f { } gateway_log_format f { } #!',
        qq{duplicate gateway_log_format "f"$at});
refused('gateway_log_format f preset=other { } #!',
        'invalid value "other" in "preset=", allowed are "native", "ecs", "otel",'
        . qq{ "gcp", "none"$at});
refused("gateway_log_format f preset=$_ project=p { } #!",
        qq{"project=" requires "preset=gcp"$at}) for qw( ecs none );

# a format of its own members
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
format_refused('field a $;', qq{invalid variable name in "\$"$at});
format_refused('field a "${uri";', 'invalid variable name in "${uri"' . $at);
format_refused('header other x;', 'invalid value "other" in "header", it must be'
               . " request or response$at");
format_refused("header request $_;", qq{invalid name "$_" in "header", it must be}
               . qq{ the name of a header or a prefix such as "x-*"$at})
    for '*', 'x*y', '**';
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

# a captured header has a key, too
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

# a name of 128 bytes is compared, a longer one could be any
format_accepted('field a $http_' . 'x' x 128 . ';');
format_refused("field a \$$_;", qq{field "a" reads "\$$_", $never})
    for map { $_ . 'x' x 129 } qw( http_ arg_ );

# wherever the configuration reads a credential from
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
