# SPDX-License-Identifier: BSD-2-Clause

# The error of nginx -t for each invalid zone and setting of the cache: one
# complete line with file and line number.  The warnings for valid ones.  The
# error where a location uses both gateway_cache and a cache of nginx.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Said;
use Test::Gateway::Server;
use Test::More;

my $zone = 'gateway_cache_zone zone=z:1m;';
my $on = "$zone gateway_cache z;";
my $pass = 'proxy_pass http://127.0.0.1:1;';
my $admin = 'location = /cache { gateway_cache_admin zone=z from=unix:; }';

# a zone; settings where the cache is on; both in http
sub zone { return http_conf(http => "\n$_[0]  #!\ngateway_cache a;") }
sub alone { return http_conf(http => "\n$_[0]  #!\n") }
sub set { return http_conf(http => "$on\n$_[0]  #!\n", server => $admin) }
sub server { return http_conf(http => $zone, server => "\n$_[0]") }


# --- zones

accepted(zone("gateway_cache_zone $_;"), $_)
    for 'zone=a:512k', 'zone=a:1m', 'max_object=128k zone=a:512k', 'zone=a:4m max_object=1m',
        'zone=a:16m max_object=4m', 'zone=a:32m max_object=4m',
        'zone=a:1m max_object=1';
accepted(http_conf(http => 'gateway_cache_zone zone=A_9-.b:1m;'
                           . ' gateway_cache A_9-.b;'), 'a name');
accepted(http_conf(http => "$zone gateway_cache_zone zone=y:1m;",
                   server => 'gateway_cache z; location /y { gateway_cache y; }'),
         'two zones');
accepted(http_conf(http => "$on gateway_limit_zone \$arg_k zone=z:64k rate=1r/s;"
                           . ' limit_req_zone $arg_k zone=z:64k rate=1r/s;',
                   server => 'gateway_limit zone=z;'),
         'a name that zones of other directives have');

refused(zone('gateway_cache_zone max_object=1k;'),
        '"gateway_cache_zone" directive must have "zone=name:size"', 'no zone');
refused(zone('gateway_cache_zone;'),
        'invalid number of arguments in "gateway_cache_zone" directive',
        'no parameters');
refused(zone("gateway_cache_zone zone=$_;"),
        "invalid value \"$_\" in parameter \"zone=\", it must be a name and a "
        . 'size such as "one:10m"', "zone=$_") for '', 'a', ':1m';
refused(zone("gateway_cache_zone zone=a:$_;"),
        "invalid size \"$_\" in parameter \"zone=\", it must be a size such as "
        . '512k or 10m', "zone=a:$_") for '', 'x', '-1k', '10x';
refused(zone("gateway_cache_zone zone=a:$_;"),
        "zone \"a:$_\" is too small, it must have at least 512k", "zone=a:$_")
    for '511k', '0', '524287';
refused(zone("gateway_cache_zone \"zone=$_:1m\";"),
        "zone \"$_\" of \"gateway_cache_zone\": the name must be letters, digits,"
        . ' "_", "-" and "."', "the name <$_>") for 'a b', 'a/b', 'a#0', 'a,b';
refused(zone('gateway_cache_zone zone=off:1m;'),
        'zone "off" of "gateway_cache_zone" has a reserved name, "gateway_cache'
        . ' off" turns the cache off', 'a zone called "off"');
refused(http_conf(http => "$zone\ngateway_cache_zone zone=z:$_;  #!\n"),
        'zone "z" of "gateway_cache_zone" is duplicate', "twice, $_")
    for '1m', '2m';
refused(zone("gateway_cache_zone zone=a:1m $_;"),
        "invalid parameter \"$_\" in \"gateway_cache_zone\", allowed are"
        . ' "zone=", "max_object="', $_) for 'size=1m', 'min_uses=2', 'a';
refused(zone("gateway_cache_zone zone=a:1m $_;"),
        "duplicate parameter \"$_\" in \"gateway_cache_zone\"", "$_ twice")
    for 'zone=b:1m';
refused(zone('gateway_cache_zone zone=a:1m max_object=1k max_object=2k;'),
        'duplicate parameter "max_object=2k" in "gateway_cache_zone"',
        'max_object= twice');
refused(zone("gateway_cache_zone zone=a:1m max_object=$_;"),
        "invalid value \"$_\" in parameter \"max_object=\", it must be a size"
        . ' above 0 such as 512k or 1m', "max_object=$_")
    for '', '0', 'x', '-1', '1.5m';
refused(server("gateway_cache_zone zone=a:1m;  #!\n"),
        '"gateway_cache_zone" directive is not allowed here',
        'a zone in a server');

# max_object is at most a quarter of a shard

warned(zone("gateway_cache_zone zone=a:$_->[0] max_object=$_->[1];"),
       "\"max_object=\" of zone \"a\" is reduced to $_->[2] bytes, a quarter of"
       . " one of its $_->[3] shards", "$_->[0] $_->[1]")
    for [ '512k', 131073, 131072, 1 ], [ '31m', '8m', 31 * 1024 * 256, 1 ],
        [ '32m', 4194305, 4194304, 2 ], [ '300m', '5m', 300 * 65536 / 4, 16 ];

warned(alone('gateway_cache_zone zone=a:1m;'),
       'zone "a" of "gateway_cache_zone" is never used', 'an unused zone');
warned(http_conf(http => "\ngateway_cache_zone zone=a:1m;  #!\n",
                 server => 'gateway_cache off;'),
       'zone "a" of "gateway_cache_zone" is never used',
       'a zone where the cache is off');
accepted(http_conf(http => "gateway_cache off;"), '"off" without a zone');


# --- gateway_cache: contexts and zones

for ("gateway_cache z;\n", "location / { gateway_cache z; }\n",
     "gateway_cache z; location /a { gateway_cache off; }\n",
     "location / { location /a { gateway_cache z; } }\n")
{
    accepted(server($_), s/\n//r);
}

refused(server("location / { gateway_cache y; }  #!\n"),
        'unknown zone "y" in "gateway_cache", there is no "gateway_cache_zone"'
        . ' of this name', 'an unknown zone');
refused(http_conf(http => "\ngateway_cache y;  #!\n", server => 'location / { }'),
        'unknown zone "y" in "gateway_cache", there is no "gateway_cache_zone"'
        . ' of this name', 'an unknown zone that a server inherits');
refused(server("gateway_cache \"\";  #!\n"),
        'empty value in "gateway_cache", it must be the name of a zone or "off"',
        'an empty name');
refused(server("gateway_cache z y;  #!\n"),
        'invalid number of arguments in "gateway_cache" directive', 'two names');

my %good = (
    gateway_cache_profile => [ 'api', 'rfc9111' ],
    gateway_cache_key => [ 'scheme host path args', 'path', 'args path',
        '$arg_a', 'path $arg_a$arg_b x-$uri', 'args=only:a', 'args=only:a,b_*,*',
        'path args=without:utm_*,gclid,a.b~c-d' ],
    gateway_cache_partition => [ 'none', '$arg_a', '${arg_a}x' ],
    gateway_cache_methods => [ 'GET', 'GET HEAD', 'GET HEAD POST', 'POST' ],
    gateway_cache_ttl => [ '1m', '0', '200=1m', '404=10s 1m any=1s', 'max=1h',
        'min=5s', 'min=1d', '10 min=1 max=1', '599=1s 200=0', 'any=1m override',
        '1m override min=0 max=0' ],
    gateway_cache_targeted => [ 'off', 'CDN-Cache-Control', 'A-CC B-CC' ],
    gateway_cache_request_control => [ 'none', 'safe', 'all' ],
    gateway_cache_stale => [ 'off', 'error', 'error timeout for=2h',
        'updating', 'background', 'updating background 5xx',
        'for=0 invalid_header http_500 http_502 http_503 http_504 http_403'
        . ' http_404 http_429' ],
    gateway_cache_lock => [ 'on', 'off', 'on timeout=500ms', 'on timeout=0' ],
    gateway_cache_vary => [ '', 'normalize=accept-encoding',
        'normalize=Accept-Encoding,accept' ],
    gateway_cache_set_cookie => [ 'skip', 'strip', 'store' ],
    gateway_cache_cookie => [ 'respect', 'ignore' ],
    gateway_cache_heuristic => [ 'off', '1%', '100%', '10% max=1h' ],
    gateway_cache_guard => [ 'key', 'bypass', 'strip', 'off', 'key X-Host',
        'bypass X-Host Forwarded' ],
    gateway_cache_bypass => [ '$arg_a', '$arg_a $http_b' ],
    gateway_cache_no_store => [ '$arg_a', '$arg_a $http_b' ],
    gateway_cache_purge => [ '$arg_a', '$arg_a $http_b' ],
    gateway_cache_tags => [ 'off', 'Surrogate-Key', 'A-Tags B-Tags strip' ],
    gateway_cache_headers => [ 'on', 'off' ],
);

for my $name (sort keys %good) {
    my @values = @{ $good{$name} };

    accepted(set("$name $_;"), "$name $_") for @values;
    accepted(server("location / { gateway_cache z; $name $values[0]; }\n$admin"),
             "$name in a location");
    refused(server("location / { gateway_cache z; if (\$arg_a) {\n"
                   . "$name $values[0];  #!\n} }"),
            "\"$name\" directive is not allowed here", "$name in an if");
    refused(server("location / { gateway_cache z; limit_except GET {\n"
                   . "$name $values[0];  #!\n} }"),
            "\"$name\" directive is not allowed here",
            "$name in a limit_except");

    # these three can be repeated and form one list, as with proxy_no_cache
    next if $name =~ /_(?:bypass|no_store|purge)\z/;

    refused(set("$name $values[0]; $name $values[-1];"),
            "\"$name\" directive is duplicate", "$name twice");
}
refused(server("location / { if (\$arg_a) {\ngateway_cache z;  #!\n} }"),
        '"gateway_cache" directive is not allowed here', 'gateway_cache in an if');
refused(server("gateway_cache z; gateway_cache off;  #!\n"),
        '"gateway_cache" directive is duplicate', 'gateway_cache twice');


# --- enumerated values

for ([ profile => 'rfc7234', 'api', 'rfc9111' ],
     [ request_control => 'some', 'none', 'safe', 'all' ],
     [ set_cookie => 'keep', 'skip', 'strip', 'store' ],
     [ cookie => 'skip', 'respect', 'ignore' ],
     [ methods => 'PUT', 'GET', 'HEAD', 'POST' ])
{
    my ($name, $wrong, @allowed) = @$_;
    my $allowed = join ', ', map { "\"$_\"" } @allowed;

    refused(set("gateway_cache_$name \"$_\";"),
            "invalid value \"$_\" in \"gateway_cache_$name\", allowed are"
            . " $allowed", "$name \"$_\"") for $wrong, "$allowed[0]x", '';
}
refused(set('gateway_cache_methods get;'),
        'invalid value "get" in "gateway_cache_methods", allowed are "GET",'
        . ' "HEAD", "POST"', 'methods are case-sensitive');
refused(set("gateway_cache_headers $_;"),
        "invalid value \"$_\" in \"gateway_cache_headers\" directive, it must be"
        . ' "on" or "off"', "headers $_") for 'yes', 'Cache-Status';
refused(set("gateway_cache_$_;"),
        "invalid number of arguments in \"gateway_cache_$_\" directive",
        "$_ without a value")
    for qw( profile key partition methods ttl targeted request_control stale lock
            set_cookie cookie heuristic guard bypass no_store tags headers purge );
refused(set('gateway_cache_vary normalize=a normalize=b;'),
        'invalid number of arguments in "gateway_cache_vary" directive',
        'two lists');


# --- the key

my $parts = '"scheme", "host", "path", "args", "args=only:", "args=without:" and'
            . ' variables';
refused(set("gateway_cache_key path $_;"),
        "invalid parameter \"$_\" in \"gateway_cache_key\", allowed are $parts",
        "the part $_")
    for 'uri', 'Host', 'args=', 'args=all:a', 'args=only', 'hostx', 'body';
refused(set('gateway_cache_key "";'),
        "invalid parameter \"\" in \"gateway_cache_key\", allowed are $parts",
        'an empty part');
refused(set("gateway_cache_key path $_;"),
        'duplicate parameter "' . (split ' ')[-1] . '" in "gateway_cache_key"',
        "path $_")
    for 'path', 'args args', 'args args=only:a', 'args=only:a args=without:b',
        'host scheme host';
for ('', 'a,', ',a', 'a,,b', 'a[]', 'a%20', 'a=b', 'a&b', 'a b') {
    my ($wrong) = grep { !length || /[^\w*.~-]/ } split /,/, $_, -1;
    $wrong //= '';
    refused(set("gateway_cache_key \"args=$_->[0]:$_->[1]\";"),
            "invalid name \"$wrong\" in \"args=$_->[0]:$_->[1]\", it must consist"
            . ' of letters, digits, "-", "_", ".", "~" and "*"',
            "args=$_->[0]:$_->[1]") for [ only => $_ ], [ without => $_ ];
}
refused(set('gateway_cache_key "path" "$";'),
        'invalid variable name', 'an invalid variable');

refused(set("gateway_cache_partition $_;"),
        'invalid parameter "' . s/"//gr . '" in "gateway_cache_partition",'
        . ' allowed are "none", "consumer" and variables', "partition $_")
    for 'user', 'Consumer', '""', 'off';


# --- times

for ('10x', '1m1x', '500ms', '200=', '200=x', '200=-1', '404=1m1y') {
    refused(set("gateway_cache_ttl $_;"),
            "invalid time in \"$_\" in \"gateway_cache_ttl\", it must be a time"
            . ' such as 10s, 5m or 1d', "ttl $_");
}
refused(set('gateway_cache_ttl any=x;'),
        'invalid time in "x" in "gateway_cache_ttl", it must be a time such as'
        . ' 10s, 5m or 1d', 'ttl any=x');
refused(set("gateway_cache_ttl $_=1m;"),
        "invalid status in \"$_=1m\", it must be \"any\" or a number from 200 to"
        . ' 599', "the status $_")
    for '199', '600', '100', '20', '2000', '2xx', '0200';
refused(set("gateway_cache_ttl $_->[0];"),
        "duplicate time of status $_->[1] in \"$_->[2]\" in"
        . ' "gateway_cache_ttl"', $_->[0])
    for [ '200=1m 200=2m', 200, '200=2m' ], [ '1m 302=1m', 302, '302=1m' ],
        [ '1m 2m', 200, '2m' ], [ '301=1m 5m', 301, '5m' ];
refused(set("gateway_cache_ttl 1m $_;"),
        "invalid parameter \"$_\" in \"gateway_cache_ttl\", allowed are \"any=\","
        . ' "min=", "max=", "override", "override=all"', "ttl 1m $_")
    for 'x', '-1s', 'overrride', 'override=some', 'for=1h', 'default=1m';
refused(set("gateway_cache_ttl 1m $_->[0];"),
        "duplicate parameter \"$_->[1]\" in \"gateway_cache_ttl\"",
        "ttl $_->[0]")
    for [ 'override override=all', 'override=all' ],
        [ 'override override', 'override' ], [ 'max=1d max=2d', 'max=2d' ],
        [ 'any=1s any=2s', 'any=2s' ];
refused(set("gateway_cache_ttl 1m $_->[0]=$_->[1];"),
        "invalid value \"$_->[1]\" in parameter \"$_->[0]=\", it must be a time"
        . ' such as 10s, 5m or 1d', "$_->[0]=$_->[1]")
    for [ min => '' ], [ min => 'x' ], [ max => '10ms' ], [ max => '-1' ];
refused(set("gateway_cache_ttl $_->[0];"),
        "\"min=\" must not be above \"max=\", which is $_->[1] seconds, in"
        . ' "gateway_cache_ttl"', $_->[0])
    for [ 'min=2 max=1', 1 ], [ 'min=86401', 86400 ], [ 'min=1s max=0', 0 ];
refused(set("gateway_cache_ttl $_;"),
        '"override" in "gateway_cache_ttl" requires a time that replaces the'
        . " origin's", "ttl $_")
    for 'override', 'max=1h override', 'override=all';
warned(set("gateway_cache_ttl $_;"),
       '"override=all" in "gateway_cache_ttl" also stores responses with'
       . ' "no-store", "private" or "no-cache"', "ttl $_")
    for '1m override=all', 'override=all any=1s';

my $words = join ', ', map { "\"$_\"" }
            qw( error timeout invalid_header http_500 http_502 http_503 http_504
                5xx http_403 http_404 http_429 updating background for= );
refused(set("gateway_cache_stale error $_;"),
        "invalid parameter \"$_\" in \"gateway_cache_stale\", allowed are $words",
        "stale error $_") for 'http_501', '4xx', 'Timeout', 'on', '1h';
refused(set('gateway_cache_stale error timeout error;'),
        'duplicate parameter "error" in "gateway_cache_stale"',
        'a condition twice');
refused(set('gateway_cache_stale for=1h;'),
        '"gateway_cache_stale" directive must have a condition such as "error"'
        . ' besides "for="', 'no condition');
refused(set("gateway_cache_stale error for=$_;"),
        "invalid value \"$_\" in parameter \"for=\", it must be a time such as"
        . ' 10s, 5m or 1d', "for=$_") for '', 'ever', '1ms';

refused(set("gateway_cache_lock $_;"),
        "invalid parameter \"$_\" in \"gateway_cache_lock\", allowed are \"on\","
        . ' "off" and, with "on", "timeout="', "lock $_")
    for 'yes', 'timeout=5s', 'ON';
refused(set('gateway_cache_lock on age=5s;'),
        'invalid parameter "age=5s" in "gateway_cache_lock", allowed are'
        . ' "timeout="', 'lock on age=5s');
refused(set('gateway_cache_lock on timeout=x;'),
        'invalid value "x" in parameter "timeout=", it must be a time such as'
        . ' 5s, 500ms or 1h', 'lock on timeout=x');

refused(set("gateway_cache_heuristic $_;"),
        'invalid value "' . s/"//gr . '" in "gateway_cache_heuristic", it must be'
        . ' "off" or a share from 1% to 100%', "heuristic $_")
    for '10', '0%', '101%', '%', '1.5%', '-1%', 'on', '""';
refused(set('gateway_cache_heuristic 10% max=x;'),
        'invalid value "x" in parameter "max=", it must be a time such as 10s, 5m'
        . ' or 1d', 'heuristic 10% max=x');
refused(set('gateway_cache_heuristic 10% 20%;'),
        'invalid parameter "20%" in "gateway_cache_heuristic", allowed are'
        . ' "max="', 'two percentages');


# --- "off" takes no other parameters

refused(set("gateway_cache_$_;"),
        '"off" takes no other parameters in "gateway_cache_' . (split ' ')[0]
        . '"', $_)
    for 'targeted off A', 'targeted A off', 'stale off error', 'stale error off',
        'stale off for=1h', 'lock off timeout=5s', 'heuristic off max=1d',
        'heuristic 10% off', 'guard off X-Host', 'guard key off',
        'tags off strip', 'tags A off';


# --- header names

for my $name ('targeted', 'tags', 'guard key', 'guard strip X-Host') {
    my $directive = 'gateway_cache_' . (split ' ', $name)[0];

    refused(set("gateway_cache_$name \"$_\";"),
            "invalid header name \"$_\" in \"$directive\", it must consist of"
            . ' letters, digits and -', "$name \"$_\"")
        for '', 'a b', 'a:', 'a,b', "\xc3\xa9";
    refused(set("gateway_cache_$name X-A X-B x-a;"),
            "duplicate parameter \"x-a\" in \"$directive\"", "$name twice");
}
refused(set('gateway_cache_guard replace X-Host;'),
        'invalid parameter "replace" in "gateway_cache_guard", allowed are "key",'
        . ' "bypass", "strip" and "off"', 'an unknown guard');
refused(set('gateway_cache_guard X-Host;'),
        'invalid parameter "X-Host" in "gateway_cache_guard", allowed are "key",'
        . ' "bypass", "strip" and "off"', 'a guard without a mode');
refused(set('gateway_cache_tags strip;'),
        '"gateway_cache_tags" directive must have the name of a header field',
        'tags without a header name');

refused(set("gateway_cache_vary normalize=$_->[0];"),
        "invalid header name \"$_->[1]\" in \"gateway_cache_vary\", it must"
        . ' consist of letters, digits and -', "normalize=$_->[0]")
    for [ '', '' ], [ 'a,', '' ], [ ',a', '' ], [ 'a,b:', 'b:' ];
refused(set('gateway_cache_vary normalize=a,b,A;'),
        'duplicate parameter "a" in "gateway_cache_vary"', 'a field twice');
refused(set('gateway_cache_vary accept;'),
        'invalid parameter "accept" in "gateway_cache_vary", allowed are'
        . ' "normalize="', 'vary accept');


# --- directives that have no effect

sub idle { return "\"gateway_cache_$_[0]\" has no effect, \"gateway_cache\" is on"
                  . ' neither in its block nor in an inner one' }

warned(alone("gateway_cache_$_;"), idle((split ' ')[0]), "$_ without a cache")
    for map { "$_->[0] $_->[1]" }
        map { [ s/gateway_cache_//r, $good{$_}[-1] ] } sort keys %good;
warned(server("gateway_cache_lock off;  #!\n"
              . 'location /a { gateway_cache off; } gateway_cache_headers off;'
              . "\n") =~ s/gateway_cache_zone zone=z:1m;//r,
       idle('lock'), 'the warning names the first setting of a block');
warned(server("location /a { gateway_cache z; }\n"
              . "location /b { gateway_cache_ttl 1m; }  #!\n"),
       idle('ttl'), 'the cache is on in another location');
warned(server("gateway_cache z;\nlocation /b { gateway_cache off;\n"
              . "gateway_cache_ttl 1m; }  #!\n"), idle('ttl'),
       'the cache is off in this location');
warned(http_conf(http => "\ngateway_cache_ttl 1m;  #!\n", server => 'location / { }'),
       idle('ttl'), 'a setting in http');
accepted(server("gateway_cache_ttl 1m; location /a { location /a/b {"
                . " gateway_cache z; } }\n"),
         'the cache is on in an inner location');
accepted(server("gateway_cache z; location /a { gateway_cache_ttl 1m; }\n"),
         'the cache is on in the outer block');
accepted(http_conf(http => "gateway_cache_profile api; $zone",
                   server => 'location / { gateway_cache z; }'),
         'the cache is on in a location, the setting is in http');


my $file = 'gateway_consumers zone=c:1m file=consumers.json;';
sub file { $_[0] =~ /gateway_api_key|gateway_jwt/ ? $file : '' }
my $asks = 'gateway_api_key r;';
my %consumers = ('consumers.json' => '{"consumers":[]}');
my $nobody = '[warn] "gateway_cache_partition consumer" has no effect, no method'
             . ' of authentication is on in its block or in an inner one in'
             . ' DIR/nginx.conf:LINE';

for ([ 'no method', 'location / { }', $nobody ],
     [ 'a method', "location / { $asks }" ],
     [ 'a method further inside', "location / { location /a { $asks } }" ],
     [ 'a method in the server', "$asks location / { }" ],
     [ 'the cache is off there', "location / { gateway_cache off; $asks }"
                                 . ' location /b { }',
       $nobody ])
{
    my ($name, $server, @lines) = @$_;
    my ($code, @said) = said(http_conf(
        http => "$on ${\ file($server)}\ngateway_cache_partition consumer;  #!\n",
        server => $server), \%consumers);
    is_deeply([ $code, @said ], [ 0, @lines ], "partition consumer, $name");
}
{
    my ($code, @said) = said(server(
        "gateway_cache z; location /a {\ngateway_cache_partition consumer;  #!\n"
        . '} location /b { gateway_cache_partition $arg_a; }'));
    is_deeply([ $code, @said ], [ 0, $nobody ],
              'partition consumer, in one location');
}

# a partition by a value that the client chooses, with authentication

sub chosen {
    my ($value, $server) = @_;
    return said(http_conf(
        http => "$on ${\ file($server)}\ngateway_cache_partition \"$value\";  #!\n",
        server => $server), \%consumers);
}

for my $value ('$http_x_tenant', '${http_x_tenant}', 'a-$arg_t', '$cookie_t',
               '$host$HTTP_X_T', 'x${cookie_t}y', '$host:$arg_t')
{
    my $warning = "[warn] \"gateway_cache_partition $value\" lets a client choose"
        . ' the partition of another one, use "consumer" or a variable of the'
        . ' gateway in DIR/nginx.conf:LINE';

    is_deeply([ chosen($value, $_) ], [ 0, $warning ], "partition $value, $_")
        for "location / { $asks }", "$asks location / { }",
            "location / { $asks location /a { } } location /b { $asks }";
    is_deeply([ chosen($value, $_) ], [ 0 ], "no warning: $value, $_")
        for 'location / { }',
            "location / { } location /a { gateway_cache off; $asks }",
            "location / { } location /a { gateway_cache_partition consumer;"
            . " $asks }";
}
is_deeply([ chosen($_, "location / { $asks }") ], [ 0 ], "no warning: $_")
    for '$gateway_consumer', '$gateway_consumer-$arg_lang',
        '$arg_lang${gateway_consumer}', '$host', '$remote_user', '$https',
        '$args-http_x';


# --- nginx's own caches

my %pass = (proxy => 'proxy_pass http://127.0.0.1:1;',
            fastcgi => 'fastcgi_pass 127.0.0.1:1;',
            uwsgi => 'uwsgi_pass 127.0.0.1:1;',
            scgi => 'scgi_pass 127.0.0.1:1;');

for my $other (sort keys %pass) {
    my $path = "${other}_cache_path tmp/k keys_zone=k:64k;";
    my $key = $other eq 'proxy' ? '' : "${other}_cache_key \$uri;";
    my $both = sub {
        my ($http, $server) = @_;
        return http_conf(http => "$path $key $zone $http", server => "\n$server");
    };
    my $message = "\"gateway_cache\" and \"${other}_cache\" are both on, one of"
                  . ' them must be off, in the block';

    for (
        [ 'in a location', '',
          "location / {  #!\ngateway_cache z; ${other}_cache k; $pass{$other} }" ],
        [ 'the other cache in the server', "",
          "${other}_cache k;\nlocation / {  #!\ngateway_cache z; $pass{$other} }" ],
        [ 'gateway_cache in the server', '',
          "gateway_cache z;\nlocation / {  #!\n${other}_cache k; $pass{$other} }" ],
        [ 'both in http', "gateway_cache z; ${other}_cache k;",
          "location / {  #!\n$pass{$other} }" ],
        [ 'the zone in a variable', 'map $arg_a $k { default k; }',
          "location / {  #!\ngateway_cache z; ${other}_cache \$k; $pass{$other} }" ],
    ) {
        my ($name, $http, $server) = @$_;
        refused($both->($http, $server), $message, "$other, $name");
    }

    for (
        [ 'gateway_cache is off', "${other}_cache k;",
          "gateway_cache z; location / { gateway_cache off; $pass{$other} }"
          . " location /b { ${other}_cache off; $pass{$other} }" ],
        [ 'the other cache is off', "${other}_cache k; gateway_cache z;",
          "location / { ${other}_cache off; $pass{$other} }" ],
        [ 'in two locations', '',
          "location /a { ${other}_cache k; $pass{$other} }"
          . " location /b { gateway_cache z; $pass{$other} }" ],
    ) {
        my ($name, $http, $server) = @$_;
        accepted($both->($http, $server), "$other, $name");
    }
}


# --- common mistakes

my $unserved = '"gateway_cache" has no effect, no request in its block or in an'
               . ' inner one reaches a "proxy_pass", "fastcgi_pass", "uwsgi_pass"'
               . ' or "scgi_pass"';

warned(server("location / {\ngateway_cache z;  #!\n$_ }"), $unserved, "with $_")
    for 'return 200 a;', "return 200 a; $pass", 'grpc_pass 127.0.0.1:1;',
        'set $memcached_key a; memcached_pass 127.0.0.1:1;';
accepted(server("location / { gateway_cache z; $_ }\n"), "with $_")
    for $pass, 'root files;', "if (\$arg_a) { return 403; } $pass", 'rewrite ^ /other last;',
        'root files; try_files $uri /app;', 'root files; error_page 404 /app;',
        'root files; index index.php;', "root files; location /a { $pass }",
        "root files; if (\$arg_a) { $pass }",
        'proxy_pass http://$arg_a;', 'fastcgi_pass 127.0.0.1:1;',
        'uwsgi_pass 127.0.0.1:1;', 'scgi_pass 127.0.0.1:1;';

warned(server("gateway_cache z;  #!\nlocation / { $_->[0] }"), $unserved,
       $_->[1])
    for [ "gateway_cache off; $pass", 'each location switches it off' ],
        [ 'return 200 a;', 'each location returns' ],
        [ "gateway_cache off; location /a { gateway_cache off; $pass }",
          'each location and inner location switches it off' ];
warned(http_conf(http => "$zone\ngateway_cache z;  #!\n",
                 server => "gateway_cache off; location / { $pass }")
       =~ s/$zone/\n$&  #!/r =~ s/#!(\ngateway_cache z;)  #!/#!$1/r,
       'zone "z" of "gateway_cache_zone" is never used',
       'each server switches it off: one warning, about the zone');
warned(http_conf(http => "$zone gateway_cache_zone zone=y:1m;\n"
                         . "gateway_cache z;  #!\n",
                 server => "location / { gateway_cache y; $pass }"), $unserved,
       'each location uses another zone');
accepted(server("gateway_cache z; location / { gateway_cache off; $pass }"
                . " location /a { $pass }\n"), 'one location uses it');

# parameters of other caches

refused(server("location / {\ngateway_cache $_;  #!\n$pass }"),
        "unknown zone \"$_\" in \"gateway_cache\", there is no"
        . ' "gateway_cache_zone" of this name', "gateway_cache $_")
    for 'on', 'zone=z';
refused(set("gateway_cache_ttl $_->[0];"),
        "\"$_->[1]\" in \"gateway_cache_ttl\" is a time, use"
        . " \"$_->[1]=$_->[2]\" for the time of a status", "ttl $_->[0]")
    for [ '200 302 10m', 200, '10m' ], [ '404 1m', 404, '1m' ],
        [ '5m 404 1m', 404, '1m' ], [ '200 1m override', 200, '1m' ],
        [ '200 599', 200, '599' ];
refused(set("gateway_cache_ttl $_->[0];"),
        "duplicate time of status 200 in \"$_->[1]\" in \"gateway_cache_ttl\"",
        "ttl $_->[0]") for [ '199 1m', '1m' ], [ '600 1m', '1m' ];
refused(set('gateway_cache_ttl any 1m;'),
        'invalid parameter "any" in "gateway_cache_ttl", allowed are "any=",'
        . ' "min=", "max=", "override", "override=all"', 'ttl any 1m');
accepted(set("gateway_cache_ttl $_;"), "ttl $_")
    for '200', '404=1m 1m', '200 any=1m', '86400', '30d max=30d', '7d max=1h';
warned(set("gateway_cache_ttl $_->[0];"),
       "a time of $_->[1] seconds in \"gateway_cache_ttl\" is reduced to"
       . ' "max=", which is 86400 seconds', "ttl $_->[0]")
    for [ '30d', 2592000 ], [ '86401', 86401 ], [ '1m any=2d', 172800 ];

warned(set("gateway_cache_key $_;"),
       '"$uri" in "gateway_cache_key" is decoded, so different paths share a'
       . ' response, use "path" instead', "key $_")
    for '$uri', 'host $scheme$uri$is_args$args', '$uri?$args';
accepted(set("gateway_cache_key $_;"), "key $_")
    for '$scheme$proxy_host$request_uri', 'path $uri';
accepted(http_conf(http => "map \$arg_a \$uri_kind { default a; }\n$on"
                           . ' gateway_cache_key $uri_kind;'),
         'a variable whose name begins with "uri"');

refused(set("gateway_cache_purge $_->[0];"),
        "invalid value \"$_->[1]\" in \"gateway_cache_purge\", it must contain"
        . ' a variable', "purge $_->[0]")
    for [ 1, 1 ], [ '""', '' ], [ 'PURGE from 127.0.0.1', 'PURGE' ],
        [ '$arg_a 0', 0 ];
for my $name (qw( bypass no_store )) {
    warned(set("gateway_cache_$name $_->[0];"),
           "\"$_->[1]\" in \"gateway_cache_$name\" contains no variable, it "
           . $_->[2], "$name $_->[0]")
        for [ 1, 1, 'applies to all requests' ], [ 0, 0, 'has no effect' ],
            [ '""', '', 'has no effect' ],
            [ 'cookie_a $arg_a', 'cookie_a', 'applies to all requests' ];
}

# gateway_cache_admin

refused(server("location / {\ngateway_cache_admin $_;  #!\n}"),
        '"gateway_cache_admin" directive requires "zone=", and "from=" with'
        . ' the client addresses to allow', "admin $_")
    for 'zone=z', 'from=any', 'from=127.0.0.1';
refused(server("location / {\ngateway_cache_admin zone=y from=any;  #!\n}"),
        'unknown zone "y" in "gateway_cache_admin", there is no'
        . ' "gateway_cache_zone" of this name', 'admin of an unknown zone');
refused(server("location / { $pass\ngateway_cache_admin zone=z from=any;  #!\n}"),
        '"gateway_cache_admin" directive conflicts with another directive that'
        . " handles the location's requests, such as proxy_pass",
        'admin with proxy_pass');
refused(server("gateway_cache_admin zone=z from=any;  #!\n"),
        '"gateway_cache_admin" directive is not allowed here',
        'admin in a server');
accepted(server("gateway_cache z; location = /c { gateway_cache_admin zone=z"
                . " from=$_; }\n"), "admin from=$_")
    for '127.0.0.1', '10.0.0.0/8', 'unix:', 'any', '127.0.0.1 from=::1';
warned(server("gateway_cache z; location /c {\ngateway_cache_admin zone=z"
              . ' from=any;  #!' . "\nreturn 200 a; } location /a { }"),
       '"return" answers before "gateway_cache_admin" is checked, its response '
       . 'is not protected, in the block', 'admin with return');
warned(http_conf(http => "$on\ngateway_cache_tags $_;  #!\n"),
       '"gateway_cache_tags" stores tags that cannot be purged, there is no'
       . ' "gateway_cache_admin"', "tags $_ without admin")
    for 'Surrogate-Key', 'A-Tags strip';
warned(server("location / { gateway_cache z;\ngateway_cache_tags A;  #!\n"
              . ' location /a { } }'),
       '"gateway_cache_tags" stores tags that cannot be purged, there is no'
       . ' "gateway_cache_admin"', 'tags that an inner block inherits');

# directives of nginx that have no effect on this cache

for my $other (sort keys %pass) {
    warned(server("location / {  #!\ngateway_cache z; $pass{$other}"
                  . " ${other}_$_->[0] \$arg_a; }"),
           "\"${other}_$_->[0]\" has no effect on \"gateway_cache\", use"
           . " \"gateway_cache_$_->[1]\", in the block", "${other}_$_->[0]")
        for [ 'no_cache', 'no_store' ], [ 'cache_bypass', 'bypass' ];
}
warned(server("proxy_no_cache \$arg_a; location / {  #!\ngateway_cache z; $pass }"),
       '"proxy_no_cache" has no effect on "gateway_cache", use'
       . ' "gateway_cache_no_store", in the block', 'inherited proxy_no_cache');
accepted(server("location / { gateway_cache z; $pass proxy_no_cache \$arg_a;"
                . " gateway_cache_no_store \$arg_a; }\n"),
         'proxy_no_cache with gateway_cache_no_store');
accepted(server("proxy_no_cache \$arg_a; location / { $pass }"
                . " location /a { gateway_cache z; proxy_no_cache 0; $pass"
                . " gateway_cache_no_store \$arg_b; }\n"),
         'proxy_no_cache where the cache is off');
warned(server("location / {  #!\ngateway_cache z; slice 1m; $pass }"),
       '"slice" and "gateway_cache" are both on, partial responses are not'
       . ' stored, in the block', 'slice');
accepted(server("location / { gateway_cache z; $_; $pass }\n"), $_)
    for 'slice 0', 'proxy_buffering off', 'proxy_store on',
        'proxy_ignore_headers Cache-Control';
refused(server("location / { gateway_cache z; gateway_cache_lock_timeout 5s;"
               . " $pass }  #!") =~ s/gateway_cache_lock_timeout/\n$&/r
        =~ s/#!//r =~ s/timeout 5s;/timeout 5s;  #!\n/r,
        'unknown directive "gateway_cache_lock_timeout"',
        'a name modelled on proxy_cache_lock_timeout');

done_testing;
