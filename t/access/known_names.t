# SPDX-License-Identifier: BSD-2-Clause

# nginx -t warns of a rule that lists no name of the consumers file, unless a
# token can have such names.  It never warns of gateway_deny_group.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Consumer;
use Test::Gateway::Said;

$Test::Gateway::Said::Files = {
    'keys.json' => jwks('es256'),
    'c.json' => consumers(
        consumer('acme', groups => [ 'staff', 'ops' ],
                 keys => [ Test::Gateway::Consumer::entry('acme', scopes => [ 'read',
                                                                     'write' ]) ]),
        map { consumer("c$_") } 1 .. 50),
    'none.json' => '{"consumers":[]}',
};

my $api_key = 'gateway_api_key r;';
my $jwt = 'gateway_jwt r; gateway_jwt_key_file keys.json;';
my $file = 'gateway_consumers zone=c:1m file=c.json;';
my $empty = 'gateway_consumers zone=c:1m file=none.json;';

my %kinds = (
    gateway_require_scope    => [ scope => 'write', 'admin', 'staff' ],
    gateway_require_group    => [ group => 'ops', 'admin', 'acme' ],
    gateway_require_consumer => [ consumer => 'acme', 'admin', 'ops' ],
);

sub location { http_conf(http => $_[1] // $file, server => "\nlocation / { $_[0] }  #!\n") }
sub lack {
    return qq("$_[0]" lists no $kinds{$_[0]}[0] of the "gateway_consumers" file,)
           . ' every request fails the rule';
}

for my $rule (sort keys %kinds) {
    my (undef, $known, $unknown, $other) = @{ $kinds{$rule} };

    for my $method ($api_key, "$api_key satisfy any;",
                    "$api_key gateway_api_key_mode dry_run;")
    {
        warned(location("$method $rule $_;"), lack($rule), "$rule $_, $method")
            for $unknown, $other, "$unknown $other", uc $known, "${known}x", substr $known, 1;
        accepted(location("$method $rule $_;"), "$rule $_, $method")
            for $known, "$known $unknown", "$unknown $known";
    }

    accepted(location("$api_key $rule $known;", $empty), "$rule, an empty file");
    warned(http_conf(http => $file,
                     server => "\n$rule $unknown;  #!\nlocation /a { $api_key }"),
           lack($rule), "$rule, the method inside");
    warned(location("$api_key limit_except GET { $rule $unknown; }"), lack($rule),
           "$rule in limit_except");

    # a certificate; that no server verifies it is another warning
    is_deeply([ grep { /lists no/ }
                said(location("gateway_client_certificate on; $rule $_;")) ],
              [ $_ eq $known ? () : '[warn] ' . lack($rule) . ' in DIR/nginx.conf:LINE' ],
              "$rule $_, a certificate") for $known, $unknown;

    # a claim can be any name
    accepted(location("$_ gateway_jwt_group g; $rule $unknown;"), "$rule, $_")
        for $jwt, "$jwt $api_key satisfy any;";
    accepted(http_conf(http => $file, server => "$rule $unknown; location /a { $api_key }"
                       . " location /b { $jwt gateway_jwt_group g; }"),
             "$rule, a token in one location of two");
    for my $inner ('location @b {', 'location /b { internal;') {
        accepted(http_conf(http => $file, server => "location /a { $jwt"
                           . " gateway_jwt_group g; } $inner $api_key $rule $unknown; }"),
                 "$rule, a token before a redirect: $inner");
    }

    if ($rule eq 'gateway_require_group') {
        warned(location("$jwt $rule $unknown;"), lack($rule),
               "$rule, tokens without groups");
        accepted(location("$jwt $rule $known;"), "$rule, tokens without groups");
    }
    else {
        accepted(location("$jwt $rule $unknown;"), "$rule, tokens");
    }

    # there is no file
    accepted(location("$jwt gateway_jwt_group g; $rule $unknown;", ''), "$rule, no file");

    # a method that is off
    accepted(http_conf(http => $file, server => "location / { gateway_api_key off;"
                       . " $rule $unknown; } location /a { $api_key }"), "$rule, off");
}

accepted(location("$api_key gateway_deny_group $_;"), "gateway_deny_group $_")
    for 'admin', 'ops', 'admin other';
accepted(location("$api_key gateway_require_scope method=GET read;"), 'method=');
warned(location("$api_key gateway_require_scope method=GET admin;"),
       lack('gateway_require_scope'), 'method=');

# each rule is checked alone
warned(http_conf(http => $file, server => "\nlocation / { $api_key\n"
                 . "gateway_require_group ops;\ngateway_require_group admin;  #!\n}"),
       lack('gateway_require_group'), 'the second of two rules');

$Test::Gateway::More = 1;
done_testing();
