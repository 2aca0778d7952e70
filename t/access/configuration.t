# SPDX-License-Identifier: BSD-2-Clause

# The error of nginx -t for each invalid rule, a whole line with its place; and
# the warnings for valid rules that are probably mistakes.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Said;

$Test::Gateway::Said::Files = { 'keys.json' => jwks('es256') };

# rules need a method that provides groups
my $jwt = 'gateway_jwt r; gateway_jwt_key_file keys.json;'
          . ' gateway_jwt_group groups;';

sub server { return http_conf(http => $jwt, server => "\n$_[0]") }
sub alone { return server("$_[0]  #!\n") }

# --- one header set by two directives

{
    my $both = 'gateway_jwt r; gateway_jwt_key_file keys.json;'
               . ' gateway_jwt_claim_header X_User sub;'
               . ' gateway_identity_headers on consumer=x-user;';
    refused(server("location / {  #!\n$both }\n"),
            'header "x-user" is set by "gateway_jwt_claim_header" and by'
            . ' "gateway_identity_headers", give one of them another name, for'
            . ' the block',
            'both directives set it');
    accepted(server("location / {\n" . $both =~ s/x-user/X-Other/r . " }\n"),
             'two names');
    accepted(server("location /a {\n" . $both =~ s/gateway_jwt r/gateway_jwt off/r
                    . " }\n"), 'a location without tokens');
}

my @kinds = qw( gateway_require_scope gateway_require_group gateway_deny_group
                gateway_require_consumer );


# --- the valid forms of all that follows

accepted(alone("$_ a b;"), "$_ with two names") for @kinds;
accepted(alone("$_ off;"), "$_ off") for @kinds;
accepted(alone("$_ a; $_ a;"), "$_ twice") for @kinds;
accepted(http_conf(http => "$jwt $_ a;", server => "$_ a;\n"
                           . "location / { $_ a; limit_except GET { $_ a; } }"),
         "$_ at all levels") for @kinds;
accepted(alone("gateway_require_scope $_ read;"), "$_")
    for 'method=GET', 'method=GET,HEAD', 'method=M-SEARCH,PURGE_ALL';


# --- all kinds

for my $directive (@kinds) {
    my $noun = $directive =~ s/.*_//r;

    refused(alone("$directive;"),
            qq(invalid number of arguments in "$directive" directive),
            "$directive without a name");
    refused(alone(qq($directive a "";)), qq(empty value in "$directive"),
            "$directive with an empty name");
    refused(alone("$directive $_;"),
            qq("off" takes no other parameters in "$directive"),
            "$directive $_") for 'off a', 'a off', 'off off';
    refused(alone("$directive a b a;"), qq(duplicate $noun "a" in "$directive"),
            "$directive with a name twice");
    refused(alone("$directive off; $directive off;"),
            qq("$directive" directive is duplicate), "$directive off twice");
    refused(alone("$directive a; $directive off;"),
            qq("$directive off" must precede every other "$directive" of )
            . 'its block', "$directive off behind a rule");
    accepted(alone("$directive off; $directive a;"),
             "$directive off before a rule");
    refused(server("location / {\nif (\$arg_a) {\n$directive a;  #!\n}\n}"),
            qq("$directive" directive is not allowed here),
            "$directive in an if");
    warned(alone("$directive \$http_x;"),
           qq(variables are not supported in "$directive", "\$http_x" is the )
           . "name of a $noun", "$directive with a variable");
    warned(alone("$directive '$_';"),
           qq(variables are not supported in "$directive", "$_" is the )
           . "name of a $noun", "$directive with $_")
        for 'x$arg_a', '${arg_a}', 'a-$A', '$_';
    warned(alone("$directive '$_';"),
           qq(patterns are not supported in "$directive", "$_" is the )
           . "name of a $noun", "$directive with $_") for '*', 'a*', '*.b', 'a*$';
    accepted(alone("$directive a\$ \$1 a\$-b;"), "$directive with a dollar");
}


# --- names

my $scope = 'it must consist of printable ASCII characters other than blanks, '
            . 'quotes and backslashes';

refused(alone("gateway_require_scope '$_->[0]';"),
        qq(invalid scope "$_->[1]" in "gateway_require_scope", $scope),
        "the scope <$_->[1]>")
    for [ 'a b', 'a b' ], [ 'a"b', 'a"b' ], [ 'a\\\\b', 'a\\b' ],
        [ "a\x7f", "a\x7f" ], [ "caf\xc3\xa9", "caf\xc3\xa9" ], [ ' ', ' ' ];
accepted(alone("gateway_require_scope '$_';"), "the scope $_")
    for '!', '#', '[', ']', '~', 'https://a.example/x', 'off2';
warned(alone("gateway_require_scope $_;"),
       qq("$_" in "gateway_require_scope" is one scope with a comma, scopes are )
       . 'separated by blanks', "the scope $_") for 'a,b', ',', 'a,';
warned(alone("gateway_require_scope $_;"),
       '"' . s/^a //r . '" in "gateway_require_scope" is the name of a scope, '
       . 'write "method=" to apply the rule to some methods only',
       "the scope $_") for 'methods=POST', 'Method=POST', 'METHOD=POST,GET',
                           'a methods=POST', 'methode=GET';
accepted(alone("gateway_require_scope $_;"), "the scope $_")
    for 'method', 'methods', 'methods:read', 'a=method', 'x-method=POST';

for my $directive (qw( gateway_require_group gateway_deny_group )) {
    refused(alone("$directive $_;"),
            qq(invalid group "$_" in "$directive", it must not contain a comma or )
            . 'a control character', "the group <$_> in $directive")
        for 'a,b', ',', "a\x01", "a\x7f";
    accepted(alone("$directive 'a b' caf\xc3\xa9;"), "blanks in $directive");
}

refused(alone("gateway_require_consumer a\x1f;"),
        qq(invalid consumer "a\x1f" in "gateway_require_consumer", it must )
        . 'not contain a control character', 'a consumer with a control character');
accepted(alone('gateway_require_consumer "a,b c" https://id.example#7;'),
         'a consumer with a comma');


# --- methods

refused(alone("gateway_require_scope $_ read;"),
        qq(invalid parameter "$_" in "gateway_require_scope", it must be a )
        . 'list of methods in upper case such as "method=GET,POST"', $_)
    for map { "method=$_" } '', 'get', 'GET,get', 'GET,', ',GET', 'GET,,PUT',
                            '*', 'G.T';
refused(alone('gateway_require_scope "method=GET POST" read;'),
        'invalid parameter "method=GET POST" in "gateway_require_scope", it '
        . 'must be a list of methods in upper case such as "method=GET,POST"',
        'methods divided by a blank');
refused(alone('gateway_require_scope method=GET,PUT,GET read;'),
        'duplicate method "GET" in "gateway_require_scope"', 'a method twice');
refused(alone('gateway_require_scope method=GET;'),
        '"gateway_require_scope" must name a scope after "method="',
        'methods without a scope');
refused(alone('gateway_require_scope method=GET off;'),
        '"off" takes no other parameters in "gateway_require_scope"',
        'methods with off');
refused(alone("$_;"),
        'invalid parameter "method=GET" in "' . s/ .*//r . '", "method=" can '
        . 'only be the first argument of "gateway_require_scope"', $_)
    for 'gateway_require_scope read method=GET',
        'gateway_require_group method=GET g',
        'gateway_deny_group method=GET g',
        'gateway_require_consumer a method=GET';


# --- gateway_identity_headers

accepted(alone("gateway_identity_headers $_;"), "gateway_identity_headers $_")
    for 'on', 'off', 'on consumer=X-User groups=X-Groups plan=off '
                     . 'credential=X-Key scopes=X-Scopes';
refused(alone('gateway_identity_headers yes;'),
        'invalid value "yes" in "gateway_identity_headers", allowed are "on", '
        . '"off"', 'gateway_identity_headers yes');
refused(alone('gateway_identity_headers consumer=X-User;'),
        'invalid value "consumer=X-User" in "gateway_identity_headers", '
        . 'allowed are "on", "off"', 'no on');
refused(alone('gateway_identity_headers off plan=X-Plan;'),
        '"off" takes no other parameters in "gateway_identity_headers"',
        'off with a name');
refused(alone('gateway_identity_headers on user=X-User;'),
        'invalid parameter "user=X-User" in "gateway_identity_headers", '
        . 'allowed are "consumer=", "groups=", "plan=", "credential=", '
        . '"scopes="', 'an unknown parameter');
refused(alone('gateway_identity_headers on plan=X-A plan=X-B;'),
        'duplicate parameter "plan=X-B" in "gateway_identity_headers"',
        'a parameter twice');
refused(alone('gateway_identity_headers on plan=;'),
        'parameter "plan=" must have a value', 'an empty name');
refused(alone('gateway_identity_headers on "plan=X Plan";'),
        'invalid header name "X Plan", it must consist of letters, digits and '
        . '-', 'a name with a blank');
refused(alone('gateway_identity_headers on plan=Authorization;'),
        'header "Authorization" cannot be set, it frames the request or '
        . 'carries its credentials', 'a name that is not ours');
refused(alone("gateway_identity_headers on $_->[0];"),
        qq(duplicate header "$_->[1]" in "gateway_identity_headers"),
        "one name twice: $_->[0]")
    for [ 'plan=X-A scopes=x_a', 'x_a' ],
        [ 'groups=x_consumer_id', 'x_consumer_id' ];
refused(alone('gateway_identity_headers on; gateway_identity_headers on;'),
        '"gateway_identity_headers" directive is duplicate', 'twice');
refused(server("location / {\nif (\$arg_a) {\ngateway_identity_headers on;"
               . "  #!\n}\n}"),
        '"gateway_identity_headers" directive is not allowed here',
        'gateway_identity_headers in an if');


# --- return acts before rules

for my $directive (@kinds) {
    warned(server("location / {  #!\n$directive a;\nreturn 200 secret;\n}"),
           qq("return" answers before "$directive" is checked, its response is )
           . 'not protected, in the block', "return beside $directive");
    accepted(http_conf(server => "location / {\n$directive off;\nreturn 200;\n}"),
             "return beside $directive off");
    accepted(server("$directive a;\nlocation /x {\nreturn 404;\n}"),
             "return where $directive is inherited");
    accepted(server("location / {\n$directive a;\n"
                    . "if (\$arg_a) { return 204; }\n}"),
             "return in an if beside $directive");
}

warned(server(<<'CONF'), '"return" answers before "gateway_require_scope" is '
location / {  #!
    gateway_deny_group bad;
    gateway_require_scope a;
    return 200 secret;
}
CONF
       . 'checked, its response is not protected, in the block',
       'return beside two kinds, once');

$Test::Gateway::More = 1;
done_testing();
