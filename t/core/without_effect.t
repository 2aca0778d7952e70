# SPDX-License-Identifier: BSD-2-Clause

# Settings without effect: the message of nginx -t about settings that no block
# uses, each next to a similar configuration that is accepted.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Said;

$Test::Gateway::Said::Files = {
    'keys.json' => jwks('es256'), 'rsa.json' => jwks('rs256'), 'c.json' => '{"consumers":[]}',
    'pepper' => 'p' x 32, 'revoked' => 'jti a',
};

my $keys = 'gateway_jwt_key_file keys.json;';
my $jwt = "gateway_jwt r; $keys";
my $api_key = 'gateway_api_key r;';
my $zone = 'gateway_limit_zone $arg_k zone=z:64k rate=1r/s;';
my $file = 'gateway_consumers zone=c:1m file=c.json;';

# directives in http, a server, a location, its limit_except, with more around

sub http { return http_conf(http => "\n$_[0]  #!\n", server => $_[1] // '') }
sub server { return http_conf(http => $_[1] // '', server => "\n$_[0]  #!\n") }
sub location { return server("location / { $_[0] }", $_[1]) }
sub except { return location("limit_except GET { $_[0] }", $_[1]) }

sub lack {
    return qq("$_[0]" has no effect, "$_[1]" is on neither in its block nor in an)
           . ' inner one';
}


# --- gateway_jwt

my @protects = ('gateway_jwt_require $arg_a;', 'gateway_jwt_require_exp on;',
    'gateway_jwt_require_claim role eq admin;', 'gateway_jwt_issuer https://a;',
    'gateway_jwt_audience a;', 'gateway_jwt_algorithms ES256;',
    'gateway_jwt_revoked revoked;');
my @jwt = ($keys, 'gateway_jwt_key_policy strict;', 'gateway_jwt_verify on;',
    'gateway_jwt_typ at+jwt;', 'gateway_jwt_leeway 1s;', 'gateway_jwt_max_age 1h;',
    'gateway_jwt_consumer azp;', 'gateway_jwt_scope a;', 'gateway_jwt_group g;',
    'gateway_jwt_claim_header X-A a;', 'gateway_jwt_mode optional;',
    'gateway_jwt_type signed;');
my @reads = ('gateway_jwt_hide on;', 'gateway_jwt_max_size 1k;');
my @variables = ('gateway_jwt_claim_set $x a;', 'gateway_jwt_header_set $x a;');
my $add = 'add "gateway_jwt realm" to protect the block, or "gateway_jwt off" to leave'
          . ' it open';

# an endpoint is a location of the same server
for my $block ('%s', 'location / { %s }', 'location / { limit_except GET { %s } }') {
    my $with = sub {
        sprintf "$block location = /idp { internal; proxy_pass http://127.0.0.1:1; }",
                "@_";
    };
    my $set = 'gateway_jwt_introspect /idp;';
    refused(server($with->($set)), lack('gateway_jwt_introspect', 'gateway_jwt')
            . ", $add", sprintf $block, $set);
    accepted(server($with->("gateway_jwt off; $set")), sprintf $block, "off, $set");
    accepted(server($with->("gateway_jwt r; $set")), sprintf $block, "on, $set");
}

for my $setting (@protects, @jwt, @reads) {
    my ($name) = split ' ', $setting;
    my $mine = $setting eq $keys ? '' : $setting;
    my $lack = lack($name, 'gateway_jwt');

    for my $level (\&server, \&location, \&except) {
        if (grep { $_ eq $setting } @protects) {
            refused($level->($setting), "$lack, $add", $setting);
        }
        else {
            warned($level->($setting), $lack, $setting);
        }

        accepted($level->("gateway_jwt off; $setting"), "$setting off in the block");
        accepted($level->($setting eq $keys ? $jwt : "$jwt $setting"),
                 "$setting on in the block");
    }

    warned(http($setting), $lack, "$setting in http");
    warned(http("gateway_jwt r; $setting", 'gateway_jwt off;'), $lack,
           "$setting in http, off in the only server");
    accepted(http($setting, $mine ? "$jwt" : 'gateway_jwt r;'), "$setting on in a server");
    accepted(http($setting, 'location / { location /a { limit_except GET {'
                            . ' gateway_jwt r;' . ($mine ? $keys : '') . ' } } }'),
             "$setting on far inside");
    accepted(server("$setting location /a { gateway_jwt r; "
                    . ($mine ? $keys : '') . ' } location /b { }'),
             "$setting on in one location of two");
    accepted(http("$jwt $mine", 'location /a { gateway_jwt off; }'),
             "$setting inherited by a block that is off");
}

# errors come first

refused(location("$keys gateway_jwt_leeway 1s; $_"),
        lack((split)[0], 'gateway_jwt') . ", $add", "other settings before $_")
    for @protects;

# a sibling does not help, and an inherited "off" is not the block's own

refused(http_conf(server => "location /a { $jwt }\nlocation /b { $_ }  #!\n"),
        lack((split)[0], 'gateway_jwt') . ", $add", "$_ beside another location")
    for @protects;
refused(http_conf(server => "gateway_jwt off;\nlocation /b { $_ }  #!\n"),
        lack((split)[0], 'gateway_jwt') . ", $add", "$_, off outside") for @protects;
refused(http_conf(http => $jwt, server => "gateway_jwt off;\nlocation /b { $_ }  #!\n"),
        lack((split)[0], 'gateway_jwt') . ", $add", "$_, on in http and off in the server")
    for @protects;
accepted(http_conf(http => $jwt, server => "location /b { $_ }"), "$_, on in http")
    for @protects;

# "gateway_jwt off token=" reads tokens but verifies nothing

refused(http_conf(server => "gateway_jwt off token=\$arg_t;\nlocation /b { $_ }  #!\n"),
        lack((split)[0], 'gateway_jwt') . ", $add", "$_, only read") for @protects;
warned(http_conf(server => "gateway_jwt off token=\$arg_t;\nlocation /b { $_ }  #!\n"),
       lack((split)[0], 'gateway_jwt'), "$_, only read") for @jwt;
accepted(http_conf(server => "gateway_jwt off token=\$arg_t;\nlocation /b { $_ }  #!\n"),
         "$_, only read") for @reads;

warned(http($_), lack((split)[0], 'gateway_jwt'), $_) for @variables;
accepted(http($_, $jwt), $_) for @variables;
accepted(http($_, 'gateway_jwt off token=$arg_t;'), "$_, only read") for @variables;

# one line for a block

warned(location('gateway_jwt_leeway 1s; gateway_jwt_mode optional;'),
       lack('gateway_jwt_leeway', 'gateway_jwt'), 'the first of two settings');


# --- rules of access

my @kinds = qw( gateway_require_scope gateway_require_group gateway_deny_group
                gateway_require_consumer );
my %grouped = map { $_ => 1 } @kinds[1, 2];
my $method = 'has nothing to check, no method of authentication is on in its block or'
             . ' in an inner one';
my $add_method = 'add one such as "gateway_jwt" or "gateway_api_key"';
my $groups = 'has nothing to check, no method of its block or of an inner one'
             . ' provides groups';
my $add_groups = 'add "gateway_jwt_group" or "gateway_consumers"';
my %methods = (jwt => "$jwt gateway_jwt_group g;", api_key => $api_key,
               certificate => 'gateway_client_certificate on;');

for my $kind (@kinds) {
    for my $level (\&server, \&location, \&except) {
        refused($level->("$kind a;"), qq("$kind" $method, $add_method), $kind);
        accepted($level->("$kind off;"), "$kind off");
        accepted($level->("gateway_jwt off; $kind a;"), "$kind, gateway_jwt off");
        accepted($level->("gateway_api_key off; $kind a;"), "$kind, gateway_api_key off");
        accepted($level->("gateway_client_certificate off; $kind a;"),
                 "$kind, gateway_client_certificate off");
        accepted($level->("$methods{jwt} $kind a;"), "$kind with gateway_jwt");
        accepted($level->("$methods{api_key} $kind a;", $file),
                 "$kind with gateway_api_key");
    }

    warned(http("$kind a;"), qq("$kind" $method), "$kind in http");
    accepted(http("$kind a;", $methods{jwt}), "$kind in http, a method in a server");
    accepted(server("$kind a; location /a { $methods{jwt} } location /b { }"),
             "$kind, a method inside");
    refused(http_conf(server => "location /a { $jwt }\nlocation /b { $kind a; }  #!\n"),
            qq("$kind" $method, $add_method), "$kind beside a method");
    refused(server("gateway_jwt off token=\$arg_t; location / { $kind a; }"),
            qq("$kind" $method, $add_method), "$kind where tokens are only read");

    # methods that provide groups

    my @blind = ($jwt, 'gateway_jwt r; gateway_api_key off; ' . $keys);
    if ($grouped{$kind}) {
        refused(location("$_ $kind a;"), qq("$kind" $groups, $add_groups),
                "$kind without groups: $_") for @blind;
        refused(server("location / { $kind a; location /a { $jwt } }"),
                qq("$kind" $groups, $add_groups), "$kind without groups inside");
        refused(http_conf(server => "location /a { $methods{jwt} }\n"
                                    . "location /b { $jwt $kind a; }  #!\n"),
                qq("$kind" $groups, $add_groups), "$kind, groups of another location");
        warned(http("$jwt $kind a;", 'location / { }'), qq("$kind" $groups),
               "$kind without groups in http");
    }
    else {
        accepted(location("$_ $kind a;"), "$kind needs no groups: $_") for @blind;
    }
    accepted(location("$jwt $kind a;", $file), "$kind, the consumers' groups");

    # an internal redirect keeps the identity of any method

    for my $inner ('location @b {', 'location /b { internal;') {
        accepted(server("location /a { $methods{jwt} } $inner $kind a; }"),
                 "$kind behind a redirect: $inner");
        refused(server("$inner $kind a; }"), qq("$kind" $method, $add_method),
                "$kind behind a redirect from nowhere: $inner");
    }
}

warned($_->('gateway_identity_headers on;'), '"gateway_identity_headers" sets no header,'
       . ' no method of authentication is on in its block or in an inner one',
       'gateway_identity_headers') for \&http, \&server, \&location, \&except;
accepted($_->("$jwt gateway_identity_headers on;"), 'gateway_identity_headers, and a method')
    for \&server, \&location, \&except;
accepted(http('gateway_identity_headers on;', $jwt), 'and in http');
accepted(location('gateway_identity_headers off;'), 'gateway_identity_headers off');


# --- gateway_api_key and gateway_limit

for (map({ [ $_, 'gateway_api_key', $api_key, $file ] }
         'gateway_api_key_hide off;', 'gateway_api_key_format gw;',
         'gateway_api_key_mode optional;'),
     map({ [ $_, 'gateway_limit', 'gateway_limit zone=z;', $zone ] }
         'gateway_limit_exempt $arg_a;', 'gateway_limit_status 503;',
         'gateway_limit_headers off;', 'gateway_limit_log_level warn;'))
{
    my ($setting, $use, $on, $outside) = @$_;
    my ($name) = split ' ', $setting;

    for my $level (\&server, \&location, \&except) {
        warned($level->($setting), lack($name, $use), $setting);
        accepted($level->("$use off; $setting"), "$setting off in the block");
        accepted($level->("$on $setting", $outside), "$setting on in the block");
    }
    warned(http($setting), lack($name, $use), "$setting in http");
    accepted(http("$outside $setting", $on), "$setting in http, on in a server");
    accepted(server("$setting location /a { $on } location /b { $use off; }", $outside),
             "$setting on inside");
}

warned(http('gateway_api_key_pepper pepper;'),
       '"gateway_api_key_pepper" has no effect, there is no "gateway_consumers"',
       'gateway_api_key_pepper');
accepted(http("$file gateway_api_key_pepper pepper;", $api_key),
         'gateway_api_key_pepper and a file');


# --- declarations that are never used

{
    my $idle = '"gateway_consumers" has no effect, no method of authentication is on';

    warned(http($file, $_), $idle, "consumers, $_")
        for '', 'gateway_jwt off;', 'gateway_api_key off;',
            'gateway_jwt off token=$arg_t;';
    accepted(http($file, $_), "consumers, $_")
        for $api_key, $jwt,
            "location / { location /a { limit_except GET { $api_key } } }",
            "location /a { $jwt gateway_jwt_mode dry_run; }",
            "location /a { $api_key gateway_api_key_mode optional; }";
    accepted(http("$file gateway_jwt off;"), 'consumers, and gateway_jwt off beside it');

    my $never = 'zone "z" of "gateway_limit_zone" is never used';
    my $inner = 'gateway_limit zone=z;';

    warned(http($zone, $_), $never, "gateway_limit_zone, $_")
        for '', 'gateway_limit off;', 'location /a { gateway_limit off; }',
            'location = /a { gateway_limit_admin zone=z from=127.0.0.1; }';
    accepted(http($zone, $_), "gateway_limit_zone, $_")
        for $inner, "location /a { $inner }", "$inner location / { gateway_limit off; }",
            "location /a { limit_except GET { $inner } }",
            "location /a { gateway_limit zone=z dry_run; }";
    warned(http_conf(http => "gateway_limit_zone \$arg_k zone=y:64k rate=1r/s;\n$zone  #!\n",
                     server => 'gateway_limit zone=y;'), $never, 'one zone of two');

    my $redis = sub { "gateway_redis $_[0] { server 127.0.0.1:1; }" };
    my $in_redis = 'gateway_limit_zone $arg_k zone=z:64k rate=1r/s redis=r;';
    my $unused = '"gateway_redis r" is not used by any "gateway_limit_zone"';

    warned(http($redis->('r')), $unused, 'gateway_redis');
    warned(http_conf(http => $redis->('s') . "\n" . $redis->('r') . "  #!\n"
                             . ($in_redis =~ s/redis=r/redis=s/r), server => $inner),
           $unused, 'one redis of two');
    accepted(http($redis->('r') . $in_redis, $inner), 'gateway_redis in use');
    accepted(http($in_redis . $redis->('r'), $inner), 'gateway_redis behind its zone');
}


# --- "return" where a method is inherited

{
    my $open = sub { qq("return" answers without authentication, add "$_[0] off" if)
                     . ' this is intended' };
    my $server = sub { http_conf(http => $file, server => "$_[0]\n"
                                 . "location /a { $_[1] }  #!\nlocation / { }") };

    for ([ gateway_jwt => $jwt, 'gateway_api_key' ],
         [ gateway_api_key => $api_key, 'gateway_jwt' ])
    {
        my ($directive, $on, $other) = @$_;

        warned($server->($on, $_), $open->($directive), "$directive, $_")
            for 'return 200;', 'return 200 a;', 'return 200 "";', 'return 201 a;',
                'return 299 $arg_a;', 'return 200 $arg_a;',
                'set $x 1; return 200 a;', 'if ($arg_a) { set $x 1; } return 200 a;',
                'limit_except GET { deny all; } return 200 a;',
                "${directive}_mode optional; return 200 a;",
                'satisfy any; return 200 a;';
        accepted($server->($on, $_), "$directive, $_")
            for 'return 204;', 'return 201;', 'return 301 /b;', 'return 302 a;',
                'return 307 a;', 'return http://a/;', 'return 400 a;', 'return 401;',
                'return 403 a;', 'return 404;', 'return 404 a;', 'return 444;',
                'return 500 a;', 'return 503;', 'if ($arg_a) { return 200 a; }',
                "$directive off; return 200 a;", "$other off; return 200 a;",
                'internal; return 200 a;', '';
        accepted(server("$on location \@a { return 200 a; }", $file),
                 "$directive, in a named location");

        # of the server, and further inside
        is_deeply([ map { s/:\d+$//r }
                    said(http_conf(http => "$file $on", server => 'return 200 a;')) ],
                  [ 0, '[warn] ' . $open->($directive) . ' in DIR/nginx.conf' ],
                  "$directive of http, in a server");
        warned(server("$on location /a { location /a/b { return 200 a; } }", $file),
               $open->($directive), "$directive two levels up");

        # next to a warning about the same block
        warned($server->($on, 'gateway_require_scope a; return 200 a;'),
               '"return" answers before "gateway_require_scope" is checked, its '
               . 'response is not protected, in the block', "$directive, and a rule beside it");
    }

    warned($server->("$jwt $api_key", 'return 200 a;'), $open->('gateway_api_key'),
           'two methods, one line');
    my $plain = sub { http_conf(server => "$_[0]\nlocation /a { return 200 a; }") };
    accepted($plain->('gateway_jwt off token=$arg_t;'), 'tokens are only read');
    accepted($plain->(''), 'no method');
}


# --- a limit that an inner one replaces

{
    my ($a, $b, $c) = map { "gateway_limit zone=$_;" } qw( a b c );
    my $levels = sub {
        my @used = grep { "@_" =~ /zone=$_\b/ } qw( a b c );
        my $zones = join ' ', map { "gateway_limit_zone \$arg_k zone=$_:64k rate=1r/s;" }
                              @used;
        return http_conf(http => "$zones ${\ ($_[2] // '')}",
                         server => "$_[0]\nlocation / {\n$_[1]  #!\n}");
    };
    my ($code, @first) = said($levels->($a, $b));
    my ($outer) = "@first" =~ /inherited from DIR\/nginx\.conf:(\d+)/;
    ok($outer, 'the line of the server');

    my $drops = sub {
        my ($conf, $zone, $name, $line) = @_;
        is_deeply([ said($conf) ],
                  [ 0, '[warn] "gateway_limit" in DIR/nginx.conf:LINE drops the limit of'
                       . " zone \"$zone\" that is inherited from DIR/nginx.conf:"
                       . ($line // $outer) . ', repeat it, or write "gateway_limit_inherit merge"' ], "warned: $name");
    };

    $drops->($levels->($a, $b), 'a', 'another zone');
    $drops->($levels->("$a $b", $b), 'a', 'the first of two');
    $drops->($levels->("$a $b", $a), 'b', 'the second of two');
    $drops->($levels->("$a $b $c", $b), 'a', 'two of three, one line');
    $drops->($levels->("$a $b", "$c $a"), 'b', 'one of two, and one more');
    $drops->($levels->($a, "limit_except GET { $b }"), 'a', 'limit_except');
    $drops->($levels->($a, "location /x { $b }"), 'a', 'two levels up');

    accepted($levels->(@$_), "no warning: @$_")
        for [ $a, $a ], [ $a, "$a $b" ], [ "$a $b", "$b $a" ], [ $a, '' ], [ '', $a ],
            [ $a, 'gateway_limit off;' ], [ 'gateway_limit off;', $a ],
            [ $a, 'gateway_limit zone=a burst=9;' ], [ $a, 'gateway_limit zone=a dry_run;' ],
            [ 'gateway_limit off;', $b, $a ];
    like(CORE::join("\n", said($levels->($b, '', $a))),
         qr/^0\n\[warn\] "gateway_limit" in \S+ drops the limit of zone "a" that is /,
         'warned: a server under http');
}


# --- values that look like variables or patterns

for my $directive (qw( gateway_jwt_issuer gateway_jwt_audience gateway_jwt_typ )) {
    warned(location("$jwt $directive '$_';"),
           qq(variables are not supported in "$directive", "$_" is taken literally),
           "$directive $_") for 'https://$host', '${a}', '$a*';
    warned(location("$jwt $directive '$_';"),
           qq(patterns are not supported in "$directive", "$_" is taken literally),
           "$directive $_") for 'https://*.a', '*';
    accepted(location("$jwt $directive '$_';"), "$directive $_")
        for 'https://a', 'a$', '$1', 'a,b';
}

warned(location("gateway_jwt r; gateway_jwt_key_file keys.json issuer=$_;"),
       qq(patterns are not supported in "gateway_jwt_key_file", "$_" is taken literally),
       "issuer=$_") for 'https://*.a', '*';
warned(location('gateway_jwt r; gateway_jwt_key_file keys.json issuer=https://$host;'),
       'variables are not supported in "gateway_jwt_key_file", "https://$host" is taken'
       . ' literally', 'issuer= with a variable');

for my $directive (qw( gateway_jwt_group gateway_jwt_scope )) {
    warned(location("$jwt $directive $_;"),
           qq("$_" in "$directive" is one claim with a comma, claims are separated by)
           . ' blanks', "$directive $_") for 'a,b', 'a.b,c';
    accepted(location("$jwt $directive $_;"), "$directive $_")
        for 'a b', q('"https://a/x,y"'), 'a.b';
}

# the names of gateway_jwt_claim_set, each of which is one level

for (['gateway_jwt_claim_set', 'claim'], ['gateway_jwt_header_set', 'header member']) {
    my ($directive, $what) = @$_;

    for my $names ('LITERAL', 'a LITERAL b') {
        my $set = sub { "$directive \$x " . $names =~ s/LITERAL/'$_[0]'/r . ';' };

        warned(http($set->($_), $jwt), qq(variables are not supported in "$directive",)
               . qq( "$_" is the name of a $what), "$directive $_") for '$arg_a', 'a${b}';
        warned(http($set->($_), $jwt), qq(patterns are not supported in "$directive",)
               . qq( "$_" is the name of a $what), "$directive $_") for 'roles.*', '*';
        warned(http($set->($_), $jwt), qq("$_" in "$directive" is a single name, write the)
               . ' names of the levels, separated by blanks', "$directive $_")
            for '/a/b', '$.a';
        accepted(http($set->($_), $jwt), "$directive $_")
            for 'a', 'a.b', 'https://e.com/a', '/', '$', 'a$', '$.', 'a/b';
    }
}

# of rules, where a variable is one and "match" knows patterns

for my $op (qw( eq ne any all none )) {
    warned(location("$jwt gateway_jwt_require_claim role $op '$_';"),
           qq(patterns are not supported by "$op" in "gateway_jwt_require_claim", "$_")
           . ' is taken literally, use "match"', "$op $_") for 'adm*', '*', '$arg_a*';
    accepted(location("$jwt gateway_jwt_require_claim role $op '$_';"), "$op $_")
        for 'admin', '$arg_a', '.+';
}
warned(location("$jwt gateway_jwt_require_claim role any a b* c;"),
       'patterns are not supported by "any" in "gateway_jwt_require_claim", "b*" is taken'
       . ' literally, use "match"', 'one value of three');
accepted(location("$jwt gateway_jwt_require_claim role $_;"), "role $_")
    for q(match '^a*$'), 'exists', 'absent';
accepted(location("$jwt gateway_jwt_require_claim role eq a error=403;"), 'error=');

# names of claims

for my $directive (qw( gateway_jwt_group gateway_jwt_scope gateway_jwt_consumer )) {
    warned(location("$jwt $directive '$_';"), qq(patterns are not supported in)
           . qq( "$directive", "$_" is the name of a claim), "$directive $_")
        for 'roles.*', '*';
    warned(location("$jwt $directive '$_';"), qq(variables are not supported in)
           . qq( "$directive", "$_" is the name of a claim), "$directive $_")
        for 'a.$b', 'a${b}';
    accepted(location("$jwt $directive '$_';"), "$directive $_")
        for 'roles', 'a.b[0]', '"roles.*"', '"a$b"', 'https://e.com/a$';
}
warned(location("$jwt gateway_jwt_require_claim roles.* eq a;"), 'patterns are not'
       . ' supported in "gateway_jwt_require_claim", "roles.*" is the name of a claim',
       'the claim of a rule');


# --- keys that no token can use

{
    my $bound = 'gateway_jwt r; gateway_jwt_key_file keys.json issuer=https://a;';
    my $other = 'gateway_jwt_key_file rsa.json issuer=https://b;';
    my $never = '"gateway_jwt_issuer" does not accept "issuer=https://a" of'
                . ' "gateway_jwt_key_file", its keys are never used';

    warned(location("$bound gateway_jwt_issuer $_;"), $never, "only issuer $_")
        for 'https://b', 'https://a/', 'HTTPS://a';
    warned(location("$bound $other gateway_jwt_issuer https://b;"), $never,
           'one of two files');
    accepted(location("$bound $other gateway_jwt_issuer https://a https://b;"),
             'both issuers');
    accepted(location($bound), 'no gateway_jwt_issuer');
    accepted(location("gateway_jwt r; $keys gateway_jwt_issuer https://b;"),
             'a file without issuer=');
    accepted(location("$bound gateway_jwt_issuer https://c https://a;"),
             'one issuer of two');

    # files of a server, of which each location takes one
    accepted(server("$bound $other location /a { gateway_jwt_issuer https://a; }"
                    . ' location / { gateway_jwt_issuer https://b; }'),
             'each file for one location');
    warned(server("$bound $other location /a { gateway_jwt_issuer https://c https://b; }"
                  . ' location / { gateway_jwt_issuer https://b; }'), $never,
           'a file for no location');

    # algorithms
    my $serves = 'no key of "gateway_jwt_key_file" serves an algorithm of'
                 . ' "gateway_jwt_algorithms", every token is refused, in the block';
    my $block = sub { http_conf(server => "\nlocation / {  #!\n$_[0] }") };

    warned($block->("$jwt gateway_jwt_algorithms $_;"), $serves, "algorithms $_")
        for 'RS256', 'ES384', 'HS256 RS256 PS256 EdDSA';
    accepted($block->("$jwt gateway_jwt_algorithms $_;"), "algorithms $_")
        for 'ES256', 'RS256 ES256';
    accepted($block->("$bound $other gateway_jwt_algorithms $_;"), "of two files: $_")
        for 'ES256', 'RS256';
    warned($block->("$bound $other gateway_jwt_algorithms $_;"), $serves,
           "of no file: $_") for 'EdDSA', 'RS512';
    accepted($block->('gateway_jwt_key_file rsa.json; gateway_jwt_algorithms RS256;'
                      . ' gateway_jwt r;'), 'another file');
    warned(http_conf(server => "$jwt\nlocation / {  #!\n gateway_jwt_algorithms RS256; }"),
           $serves, 'inherited keys');
}


# --- zones of nginx's own modules, which count before authentication

my $same = 'map $arg_a $mapped { default $gateway_consumer; }';

for my $kind ('limit_req_zone KEY zone=own:1m rate=1r/s;',
              'limit_conn_zone KEY zone=own:1m;') {
    my ($directive) = split ' ', $kind;
    my $zone = sub { http_conf(http => "$same " . $kind =~ s/KEY/$_[0]/r,
                               server => 'gateway_jwt_consumer sub;' . " $jwt") };

    for my $name ('$gateway_consumer', '$gateway_jwt_claim_sub', '$gateway_client',
                  '$gateway_credential', '$gateway_plan') {
        for my $key ($name, "\$arg_a$name", "$name\$uri") {
            is_deeply([ said($zone->($key)) ],
                      [ 0, qq([warn] zone "own" of "$directive" counts by "$name")
                           . ' before authentication, when the client is not known'
                           . ' yet, use "gateway_limit_zone"' ],
                      "warned: $directive $key");
        }
    }
    accepted($zone->($_), "$directive $_")
        for '$binary_remote_addr', '$arg_a$uri', '$gateway_route', '$mapped';
}
accepted(http_conf(http => 'gateway_limit_zone $gateway_consumer zone=own:1m'
                           . ' rate=1r/s;',
                   server => 'gateway_jwt_consumer sub;'
                             . " $jwt gateway_limit zone=own;"),
         'a zone of gateway_limit_zone');


$Test::Gateway::More = 1;
done_testing();
