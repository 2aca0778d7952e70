# SPDX-License-Identifier: BSD-2-Clause

# The messages of nginx -t about zones, tops and pages of metrics, with file and
# line, and what is allowed beside each.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Server;
use Test::More;

my $zone = 'gateway_metrics_zone zone=m:8m;';
my $page = 'gateway_metrics_page from=127.0.0.1;';
my ($before) = (nginx_t("wrong;\n"))[1] =~ /nginx\.conf:(\d+)/;
$before--;

# "#!" marks the line whose number replaces LINE in the expected message

sub said {
    my ($conf) = @_;

    my ($code, $output) = nginx_t($conf);
    my $line = $before;
    for (split /\n/, $conf) {
        $line++;
        last if /#!/;
    }

    my @lines = map { /(\[\w+\]) \d+#\d+: (.*)/ ? "$1 $2" : () }
                split /\n/, $output;
    s/nginx\.conf:$line\b/nginx.conf:LINE/ for @lines;
    return ($code, @lines);
}

# where there is a zone, there is a page

sub http {
    return http_conf(http => "\n$_[0]  #!\n",
                     server => $_[0] =~ /gateway_metrics_zone/
                               ? "location /gateway/ { $page }" : '');
}
sub server { return http_conf(http => $zone, server => "\n$_[0]  #!\n") }

sub refused {
    my ($conf, $message, $name) = @_;
    is_deeply([ said($conf) ], [ 1, "[emerg] $message in DIR/nginx.conf:LINE" ],
              $name // $message);
}

sub passes {
    my ($conf, $name) = @_;
    is_deeply([ said($conf) ], [ 0 ], $name);
}

sub warned {
    my ($conf, $message, $name) = @_;
    is_deeply([ said($conf) ], [ 0, "[warn] $message in DIR/nginx.conf:LINE" ],
              $name // $message);
}


# --- gateway_metrics_zone

passes(http($zone), 'a zone and a page');
warned(http_conf(http => "\n$zone  #!\n"),
       '"gateway_metrics_zone" is never read, there is no '
       . '"gateway_metrics_page"');
refused(http("$zone gateway_metrics_zone zone=n:8m;"),
        '"gateway_metrics_zone" directive is duplicate');
refused(http('gateway_metrics_zone buckets=1;'),
        '"gateway_metrics_zone" directive must have "zone=name:size"');
refused(http('gateway_metrics_zone zone=m:8m size=1;'),
        'invalid parameter "size=1" in "gateway_metrics_zone", allowed are '
        . '"zone=", "buckets="');
refused(http('gateway_metrics_zone zone=m;'),
        'invalid value "m" in parameter "zone=", it must be a name and a size '
        . 'such as "one:10m"');
refused(http('gateway_metrics_zone zone=m/n:8m;'),
        'zone "m/n" of "gateway_metrics_zone": the name must be letters, '
        . 'digits, "_", "-" and "."');

{
    my $small = http_conf(http => 'gateway_metrics_zone zone=m:100k;', server =>
                          join '', "location /gateway/ { $page }\n",
                                   map { "location /$_ { }\n" } 1 .. 200);
    my ($code, @lines) = said($small);
    is($code, 1, 'too small');
    like($lines[0], qr/^\[emerg\] zone "m" of "gateway_metrics_zone" is too small for 200 routes, at least \d+m is needed$/,
         'too small: the size needed is in the message');

    my ($needed) = ($lines[0] // '') =~ /at least (\d+)m/;
    $needed //= 1;
    my $sized = $small =~ s/100k/${needed}m/r;
    passes($sized, "$needed MB are enough");
    $needed--;
    my $less = $small =~ s/100k/${needed}m/r;
    is((said($less))[0], 1, "$needed MB are not") if $needed;
}

my $wrong = 'in parameter "buckets=", it must be 1 to 30 ascending numbers of '
            . 'seconds from 0.000001 to 4096 with at most 6 decimal places, '
            . 'such as "0.005,0.1,1,10"';
my $many = join ',', 1 .. 30;

passes(http("gateway_metrics_zone zone=m:8m buckets=$_;"), "buckets=$_")
    for '1', $many, '0.000001,4096', '0.5,1,1.5', '1.000000,1.000001', '01';
refused(http("gateway_metrics_zone zone=m:8m buckets=$_;"),
        qq{invalid value "$_" $wrong})
    for '', "$many,31", '1,1', '2,1', '1,', ',1', '1,,2', '0', '0.0000009',
        '4096.000001', '4097', '1s', '-1', '.5', '1.', '1e1', '+1', '1.0000001',
        '99999999999999999999', '1;2' =~ s/;/:/r, 'a';


# --- gateway_metrics

passes(http("$zone gateway_metrics $_;"), "gateway_metrics $_")
    for qw( on server );
warned(http("$zone gateway_metrics off;"),
       '"gateway_metrics_zone" counts no request, "gateway_metrics" is "off" '
       . 'in all locations');
passes(http_conf(http => "$zone gateway_metrics off;",
                 server => "location /gateway/ { $page }"
                           . ' location / { gateway_metrics on; }'),
       'on in one location');
refused(http("$zone gateway_metrics yes;"),
        'invalid value "yes" in "gateway_metrics", allowed are "on", "server", '
        . '"off"');
refused(http("$zone gateway_metrics on; gateway_metrics on;"),
        '"gateway_metrics" directive is duplicate');
warned(http('gateway_metrics server;'),
       '"gateway_metrics" has no effect, there is no "gateway_metrics_zone"');
warned(http_conf(server => "\nlocation / { gateway_metrics off; }  #!\n"),
       '"gateway_metrics" has no effect, there is no "gateway_metrics_zone"',
       'the same in a location');


# --- gateway_metrics_top

passes(http("$zone gateway_metrics_top $_;"), "gateway_metrics_top $_")
    for 'off', 'client $remote_addr', 'a_1 $arg_a max=1',
        'client $remote_addr max=1000',
        'a $arg_a; gateway_metrics_top b $arg_a';
warned(http('gateway_metrics_top a $arg_a;'),
       '"gateway_metrics_top" has no effect, there is no '
       . '"gateway_metrics_zone"');
refused(http("$zone gateway_metrics_top a;"),
        '"gateway_metrics_top" directive requires a name and a variable, such '
        . 'as "client $remote_addr"');
refused(http("$zone gateway_metrics_top $_ \$arg_a;"),
        qq{invalid name "$_" in "gateway_metrics_top", it must be at most 32 }
        . 'lower-case letters, digits and "_", and begin with a letter')
    for '""' =~ s/"//gr || 'A', '1a', '_a', 'a-b', 'a.b', "\xc3\xa9", 'a' x 33;
refused(http("$zone gateway_metrics_top a $_;"),
        qq{invalid variable "$_" in "gateway_metrics_top", it must be one }
        . 'variable such as "$remote_addr"')
    for 'arg_a', '$', '""' =~ s/"//gr || 'a$b', '$1', '${arg_a}', '$arg_a$uri',
        '$arg-a';
refused(http("$zone gateway_metrics_top a \$no_such_variable;"),
        'unknown variable "$no_such_variable" in "gateway_metrics_top"');
refused(http("$zone gateway_metrics_top a \$arg_a max=$_;"),
        qq{invalid value "$_" in parameter "max=", it must be a number from 1 }
        . 'to 1000') for '0', '1001', '-1', 'x', '';
refused(http("$zone gateway_metrics_top a \$arg_a; gateway_metrics_top a \$arg_b;"),
        '"gateway_metrics_top a" is duplicate');

for my $both ('gateway_metrics_top off; gateway_metrics_top a $arg_a;',
              'gateway_metrics_top a $arg_a; gateway_metrics_top off;',
              'gateway_metrics_top off; gateway_metrics_top off;')
{
    my ($code, $line) = said(http("$zone $both"));
    is($code, 1, $both);
    like($line, qr/"gateway_metrics_top off"|"gateway_metrics_top" .*off/,
         "$both the message names them");
}

# each family of the README that a name would make
{
    open my $in, '<', 'modules/metrics/README.md' or die "README: $!";
    my %names = map { $_ => 1 }
                map { /^\|.*?`(\w+?)_(?:requests|response_bytes)_total`/ } <$in>;
    cmp_ok(scalar keys %names, '>=', 4, 'families that a name can make');

    refused(http("$zone gateway_metrics_top $_ \$arg_a;"),
            qq{the name "$_" of "gateway_metrics_top" makes a family or a label }
            . 'that exists, choose another one')
        for sort(keys %names), qw( class le quantile instance job );

    refused(http($zone . join '', map { "gateway_metrics_top t$_ \$arg_a;" }
                                      1 .. 33),
            'more than 32 "gateway_metrics_top" directives');
}


# --- gateway_metrics_page

passes(server("location $_ { $page }"), "a page in location $_")
    for '/', '/gateway/', '= /metrics', '/metrics', '^~ /gateway/';
passes(server("location /a/ { gateway_metrics_page from=10.0.0.0/8 from=::1 "
              . 'from=unix: from=any; }'), 'addresses as elsewhere');
refused(http_conf(server => "\nlocation /gateway/ { $page }  #!\n"),
        '"gateway_metrics_page" requires a "gateway_metrics_zone", there is '
        . 'none');
refused(server('location /a/ { gateway_metrics_page; }'),
        '"gateway_metrics_page" directive requires "from=" with the client '
        . 'addresses to allow');
refused(server('location /a/ { gateway_metrics_page from=10.0.0.1/8; }'),
        'invalid value "10.0.0.1/8" in parameter "from=", bits after the '
        . 'prefix are set, it must be "10.0.0.0/8"');
refused(server("location ~ ^/a/ { $page }"),
        '"gateway_metrics_page" directive is not allowed in a location with a '
        . 'regular expression, use a prefix such as "location /gateway/"');
refused(server("location = /a/ { $page }"),
        '"gateway_metrics_page" directive is not allowed in an exact location '
        . 'whose name ends in "/", use a prefix such as "location /gateway/"');
refused(server("location /a/ { $page $page }"),
        '"gateway_metrics_page" directive is duplicate');
refused(server("location /a/ { $_ }"),
        '"gateway_metrics_page" directive conflicts with another directive '
        . "that handles the location's requests, such as proxy_pass",
        "$_ conflicts")
    for "proxy_pass http://127.0.0.1:1; $page", "$page proxy_pass http://127.0.0.1:1;",
        "$page empty_gif;";

for my $where ([ 'gateway_metrics_zone zone=m:8m;', 'server' ],
               [ 'gateway_metrics_top a $arg_a;', 'server' ],
               [ 'gateway_metrics_page from=any;', 'server' ],
               [ 'gateway_metrics_page from=any;', 'if' ],
               [ 'gateway_metrics off;', 'if' ],
               [ 'gateway_metrics_zone zone=m:8m;', 'location' ])
{
    my ($directive, $block) = @$where;
    my ($name) = $directive =~ /(\w+)/;
    my %conf = (server => $directive, location => "location / { $directive }",
                if => "location / { if (\$arg_a) { $directive } }");
    refused(server($conf{$block}), qq{"$name" directive is not allowed here},
            "$name in $block");
}

done_testing();
