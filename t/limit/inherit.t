# SPDX-License-Identifier: BSD-2-Clause

# gateway_limit_inherit: which limits of the outer block apply, seen in the fields
# of the response, also in an "if" and a limit_except of the location.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

$Test::Gateway::More = 1;

no_root_location();
run_tests();

my $server = start_nginx(
    http => CORE::join('', map { "gateway_limit_zone \$arg_k zone=$_:64k rate=1r/d "
                                 . "burst=9;\n" } qw( h s a b )) . <<'END',
gateway_limit_headers ietf;
gateway_limit zone=h;
END
    server => <<'END');
gateway_limit zone=s burst=4 nodelay;
location /none { empty_gif; }
location /own { gateway_limit zone=a; empty_gif; }
location /on { gateway_limit_inherit on; gateway_limit zone=a; empty_gif; }
location /on/none { gateway_limit_inherit on; empty_gif; }
location /off { gateway_limit_inherit off; gateway_limit zone=a; empty_gif; }
location /off/none { gateway_limit_inherit off; empty_gif; }
location /merge { gateway_limit_inherit merge; gateway_limit zone=a; empty_gif;
    location /merge/none { empty_gif; }
    location /merge/more { gateway_limit zone=b; empty_gif; }
    location /merge/same { gateway_limit zone=a burst=2; empty_gif; }
    location /merge/off { gateway_limit off; empty_gif; }
    location /merge/on { gateway_limit_inherit on; gateway_limit zone=b; empty_gif; }
    location /merge/cut { gateway_limit_inherit off; empty_gif; }
    location /merge/cut/deep { gateway_limit_inherit off; empty_gif;
        location /merge/cut/deep/in { gateway_limit_inherit merge;
                                      gateway_limit zone=b; empty_gif; } }
}
location /merge/server { gateway_limit_inherit merge; gateway_limit zone=s burst=1;
                         empty_gif; }
location /if/off { gateway_limit_inherit off; gateway_limit zone=a; empty_gif;
                   if ($arg_if) { add_header X-If 1; } }
location /if/merge { gateway_limit_inherit merge; gateway_limit zone=a; empty_gif;
                     if ($arg_if) { add_header X-If 1; } }
location /if/none { gateway_limit_inherit off; empty_gif;
                    if ($arg_if) { add_header X-If 1; } }
location /except/off { gateway_limit_inherit off; gateway_limit zone=a; empty_gif;
                       limit_except POST { allow all; } }
location /except/own { gateway_limit_inherit merge; gateway_limit zone=a; empty_gif;
                       limit_except POST { gateway_limit zone=b; } }
location /except/rule { gateway_limit_inherit on; gateway_limit zone=a; empty_gif;
                        limit_except POST { gateway_limit_inherit off; allow all; } }
END

my $key = 0;

# the zones that apply, each with the units of an idle key; nginx does not support
# "empty_gif" in a limit_except
sub limits {
    my ($path) = @_;

    my ($status, $head) = $server->get($path . ($path =~ /\?/ ? '&' : '?')
                                       . 'k=' . $key++);
    my ($policy) = $head =~ /^RateLimit-Policy: ([^\r]*)/m;
    return "$status " . CORE::join ' ', sort map { /"(\w+)";q=(\d+)/ ? "$1$2" : () }
                                        split /, /, $policy // '';
}

Test::More::is(limits($_->[0]), ($_->[0] =~ /except/ ? '404' : '200') . " $_->[1]",
               $_->[0]) for
    [ '/none', 's5' ], [ '/own', 'a10' ], [ '/on', 'a10' ], [ '/on/none', 's5' ],
    [ '/off', 'a10' ], [ '/off/none', '' ], [ '/merge', 'a10 s5' ],
    [ '/merge/none', 'a10 s5' ], [ '/merge/more', 'a10 b10 s5' ],
    [ '/merge/same', 'a3 s5' ], [ '/merge/off', '' ], [ '/merge/on', 'b10' ],
    [ '/merge/cut', '' ], [ '/merge/cut/deep/in', 'b10' ], [ '/merge/server', 's2' ],
    (map { my $if = $_; [ "/if/off$if", 'a10' ], [ "/if/merge$if", 'a10 s5' ],
                        [ "/if/none$if", '' ] } '', '?if=1'),
    [ '/except/off', 'a10' ], [ '/except/own', 'a10 b10 s5' ], [ '/except/rule', '' ];

# all of them are charged
Test::More::is(CORE::join(' ', map { ($server->get('/merge?k=all'))[0] } 1 .. 6),
               '200 200 200 200 200 429', 'the outer limit refuses');
Test::More::is(($server->get('/own?k=all&rest'))[0], 200, 'the inner one would not');
$server->stop;

my ($code, $said) = nginx_t(http_conf(server => 'gateway_limit_inherit both;'));
Test::More::is($code, 1, 'another word is refused');
Test::More::like($said, qr/invalid value "both" in "gateway_limit_inherit", allowed are "on", "off", "merge" in /,
                 '    with those that are allowed');
Test::More::done_testing();
