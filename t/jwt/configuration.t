# SPDX-License-Identifier: BSD-2-Clause

# The errors and warnings of nginx -t, as whole lines, with file and line.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Said;

my %files = ('keys.json' => jwks('es256'), 'broken.json' => '{"keys":[',
             'huge.json' => ' ' x (1024 * 1024 + 1),
             'folder/x' => '');
$Test::Gateway::Said::Files = \%files;

my $asymmetric = 'HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, '
                 . 'PS512, ES256, ES384, ES512, ES256K, EdDSA, Ed25519, Ed448, '
                 . 'ML-DSA-44, ML-DSA-65, ML-DSA-87';

# a directive beside what it needs, alone and in a location
sub jwt {
    my ($directive) = @_;
    return { server => <<"CONF" };
location / {
    gateway_jwt realm;
    gateway_jwt_key_file keys.json;
    $directive  #!
}
CONF
}

sub alone { return { server => "$_[0]  #!\n" } }


# --- the valid configuration that all others start from

accepted(jwt(''), 'realm and key file');
accepted(jwt($_), $_) for
    'gateway_jwt_algorithms ES256 EdDSA;', 'gateway_jwt_issuer https://a;',
    'gateway_jwt_audience a b;', 'gateway_jwt_typ at+jwt;',
    'gateway_jwt_leeway 30s;', 'gateway_jwt_require_exp off;',
    'gateway_jwt_max_age 1h;', 'gateway_jwt_require $arg_a error=403;',
    'gateway_jwt_require_claim sub exists error=401;',
    'gateway_jwt_claim_header X-User sub json;', 'gateway_jwt_hide on;',
    'gateway_jwt_mode optional;', 'gateway_jwt_max_size 8k;',
    'gateway_jwt_key_policy strict;', 'gateway_jwt_consumer a.b;',
    'gateway_jwt_scope a b;', 'gateway_jwt_group a.b;',
    'gateway_jwt_type signed;', 'gateway_jwt_verify on;',
    'gateway_error_format off;',
    'gateway_jwt_key_file keys.json jwks watch=0 issuer=https://a;';
accepted({ http => 'gateway_jwt_claim_set $a a b;'
                   . ' gateway_jwt_header_set $b b;', %{ jwt('') } },
         'variables');


refused(alone('gateway_jwt token=$cookie_a;'),
        'the argument before "token=$cookie_a" in "gateway_jwt" is missing',
        'no realm');
refused(alone('gateway_jwt_key_file issuer=https://a;'),
        'the argument before "issuer=https://a" in "gateway_jwt_key_file" is '
        . 'missing', 'no file');


# --- values of one directive each

refused(jwt("gateway_jwt_$_->[0] $_->[1];"),
        qq(invalid value "$_->[2]" in "gateway_jwt_$_->[0]", it must be )
        . $_->[3], "gateway_jwt_$_->[0] $_->[1]")
    for map { [ @$_, 'a time such as 10s, 5m or 1d' ] }
            ([ leeway => 'x', 'x' ], [ leeway => -1, -1 ],
             [ leeway => '""', '' ], [ leeway => '30ms', '30ms' ],
             [ max_age => '1x', '1x' ], [ max_age => '5,5', '5,5' ]);
refused(jwt("gateway_jwt_max_size $_;"),
        'invalid value "' . ($_ eq '""' ? '' : $_) . '" in "gateway_jwt_max_size",'
        . ' it must be a size such as 512, 16k or 1m', "gateway_jwt_max_size $_")
    for qw( 8kb x -1 "" );
refused(jwt("gateway_jwt_max_size $_;"),
        qq(invalid value "$_" in "gateway_jwt_max_size", it must be a size of )
        . 'at least 1, such as 512, 16k or 1m', "gateway_jwt_max_size $_")
    for qw( 0 0k 0m );
accepted(jwt('gateway_jwt_max_size 1;'), 'gateway_jwt_max_size 1');
refused(jwt("gateway_jwt_$_; gateway_jwt_$_;"),
        qq("gateway_jwt_@{[ /(\w+)/ ]}" directive is duplicate), "$_ twice")
    for 'leeway 1s', 'max_age 1s', 'max_size 1k';
for my $half (qw( claim header )) {
    refused({ http => qq(gateway_jwt_${half}_set $_ sub;  #!), %{ jwt('') } },
            qq(invalid variable name "$_" in "gateway_jwt_${half}_set", it must )
            . 'be "$" and a name, such as $jwt_sub', "gateway_jwt_${half}_set $_")
        for '$', 'sub';
}


# --- variables that nothing defines

refused(jwt($_->[0]),
        qq(unknown variable "\$nope" in "$_->[1]"), $_->[0]) for
    [ 'gateway_jwt_require $nope;', 'gateway_jwt_require' ],
    [ 'gateway_jwt_require "$arg_a${nope}";', 'gateway_jwt_require' ],
    [ 'gateway_jwt_require_claim sub eq $nope;', 'gateway_jwt_require_claim' ];
accepted(jwt($_), $_) for 'gateway_jwt_require $arg_nope;',
    'gateway_jwt_require $HTTP_nope;', 
    'gateway_jwt_require $gateway_jwt_claim_nope;';
for ([ 'gateway_jwt realm$nope;', 'gateway_jwt' ],
     [ 'gateway_jwt r token=$nope;', 'gateway_jwt' ])
{
    refused({ server => "$_->[0]  #!\ngateway_jwt_key_file keys.json;\n" },
            qq(unknown variable "\$nope" in "$_->[1]"), $_->[0]);
}
refused({ server => "gateway_jwt r token=$_;  #!\ngateway_jwt_key_file keys.json;\n" },
        qq(invalid value "$_" in "token=", a name must follow "_"), "token=$_")
    for '$arg_', '$http_', '$cookie_', '$ARG_';
accepted({ server => 'gateway_jwt r token=$later; set $later x;'
                     . ' gateway_jwt_key_file keys.json;' },
         'a variable that is defined behind its use');


# --- from NGINX Plus

refused(alone('gateway_jwt_key_file keys/$host.json;'),
        'variables are not supported in the file name "keys/$host.json", write '
        . 'one "gateway_jwt_key_file" for each file, with "issuer=" where keys '
        . 'belong to an issuer', 'a file name with variables');
refused(alone('gateway_jwt_key_request jwks;'),
        'invalid URI "jwks" in "gateway_jwt_key_request", it must begin with '
        . '"/"', 'gateway_jwt_key_request');
refused(alone("gateway_jwt_type $_;"),
        qq(type "$_" in "gateway_jwt_type" is not supported, it must be )
        . '"signed"',
        "gateway_jwt_type $_") for qw( encrypted nested );
warned(jwt('gateway_jwt_key_cache 0;'),
       '"gateway_jwt_key_cache 0" has no effect, keys are always kept',
       'gateway_jwt_key_cache 0');
warned(jwt('gateway_jwt_key_cache 1h;'),
       '"gateway_jwt_key_cache" has no effect, neither '
       . '"gateway_jwt_key_request" nor "gateway_jwt_introspect" is used in its '
       . 'block or in an inner one', 'gateway_jwt_key_cache');


# --- keys

my $no_key = '"gateway_jwt" is on and no "gateway_jwt_key_file", '
             . '"gateway_jwt_key_request" or "gateway_jwt_introspect" is '
             . 'given, write one, or '
             . '"gateway_jwt_verify off" to accept any signature, for the block';

refused({ server => <<'CONF' }, $no_key, 'no key in a location');
location /a {
}
location /b {  #!
    gateway_jwt realm;
}
CONF
refused({ server => <<'CONF' }, $no_key, 'no key where it is inherited');
gateway_jwt realm;
location / {
    gateway_jwt_key_file keys.json;
}
location /b {  #!
}
CONF
refused({ server => "}\nserver {  #!\ngateway_jwt realm;\nlocation /a {\n"
                    . "gateway_jwt_key_file keys.json;\n}" },
        $no_key, 'no key in a server without a location /');
accepted({ server => <<'CONF' }, 'no key in a server with a location /');
gateway_jwt realm;
location / {
    gateway_jwt_key_file keys.json;
}
CONF
accepted({ server => <<'CONF' }, 'no key in the if of such a server');
gateway_jwt realm;
if ($scheme = http) {
    return 301 https://$host$request_uri;
}
location / {
    gateway_jwt_key_file keys.json;
}
CONF
refused({ server => <<'CONF' }, $no_key, 'no key in a location beside an if');
gateway_jwt realm;
if ($scheme = http) {
    return 301 https://$host$request_uri;
}
location / {  #!
}
CONF
accepted({ server => <<'CONF' }, 'no key where gateway_jwt is off');
gateway_jwt off;
location /a {
    gateway_jwt off token=$cookie_a;
}
CONF
refused({ server => <<'CONF' }, $no_key, 'no key in limit_except');
location / {
    limit_except GET {  #!
        gateway_jwt realm;
    }
}
CONF

my $anybody = '"gateway_jwt_verify off" accepts tokens that anybody can make';

warned({ server => <<'CONF' }, $anybody, 'gateway_jwt_verify off, without key');
location / {
    gateway_jwt realm;
    gateway_jwt_verify off;  #!
}
CONF
warned(jwt('gateway_jwt_verify off;'), $anybody,
       'gateway_jwt_verify off, with a key');
warned(jwt('gateway_jwt_key_policy compat;'),
       '"gateway_jwt_key_policy compat" accepts HMAC keys that are shorter '
       . 'than the hash and can be guessed', 'gateway_jwt_key_policy compat');

refused(jwt('gateway_jwt_key_file none.json;'),
        'gateway_jwt_key_file "DIR/none.json": open() failed (2: No such file '
        . 'or directory)', 'a file that is not there');
refused(jwt('gateway_jwt_key_file folder;'),
        'gateway_jwt_key_file "DIR/folder": is not a regular file', 'a folder');
refused(jwt('gateway_jwt_key_file huge.json;'),
        'gateway_jwt_key_file "DIR/huge.json": is larger than 1048576 bytes',
        'a file of more than 1 MB');
refused(jwt('gateway_jwt_key_file broken.json;'),
        'gateway_jwt_key_file "DIR/broken.json": is not well-formed JSON, it '
        . 'ends too early (line 1, column 10)', 'a file that is broken');
refused(jwt("gateway_jwt_key_file $_;"),
        qq(invalid file name "$_" in "gateway_jwt_key_file", it is a URL: write )
        . 'a location that passes to it, and "gateway_jwt_key_request" with the '
        . 'location\'s URI',
        "a URL, $_")
    for 'https://e.com/jwks.json', 'HTTP://e.com/$host';
refused(jwt('gateway_jwt_key_file "";'),
        'empty file name in "gateway_jwt_key_file"', 'an empty file name');
refused(jwt('gateway_jwt_key_file keys.json jwk;'),
        'invalid parameter "jwk" in "gateway_jwt_key_file", allowed are '
        . '"jwks", "pem", "watch=", "issuer="', 'an unknown parameter');
refused(jwt('gateway_jwt_key_file keys.json jwks pem;'),
        'duplicate parameter "pem" in "gateway_jwt_key_file"', 'two formats');
refused(jwt('gateway_jwt_key_file keys.json watch=1s watch=2s;'),
        'duplicate parameter "watch=2s" in "gateway_jwt_key_file"',
        'a parameter twice');
refused(jwt('gateway_jwt_key_file keys.json watch=soon;'),
        'invalid value "soon" in parameter "watch=", it must be a time such as '
        . '5s, 500ms or 1h', 'watch= that is no time');
refused(jwt('gateway_jwt_key_file keys.json issuer=;'),
        'parameter "issuer=" must have a value', 'issuer= without a value');
refused(jwt("gateway_jwt_key_file keys.json;\n" x 31
            . 'gateway_jwt_key_file keys.json;'),
        'too many key files and key requests in this block, at most 32 are '
        . 'allowed',
        '33 key files');
accepted(jwt("gateway_jwt_key_file keys.json;\n" x 31), '32 key files');
refused(jwt('gateway_jwt_key_policy loose;'),
        'invalid value "loose" in "gateway_jwt_key_policy", allowed are '
        . '"strict", "compat"', 'an unknown policy');

refused({ server => <<'CONF' },
location / {
    gateway_jwt realm;
    gateway_jwt_issuer https://a https://b;
    gateway_jwt_key_file keys.json issuer=https://a;
    gateway_jwt_key_file keys.json;  #!
}
CONF
        '"gateway_jwt_issuer" has several values and "gateway_jwt_key_file" '
        . '"DIR/keys.json" is bound to none, add "issuer=" to it',
        'a file bound to no issuer beside two issuers');
accepted(jwt('gateway_jwt_issuer https://a;'), 'the same with one issuer');
accepted({ server => <<'CONF' }, 'the same where the file is bound');
gateway_jwt realm;
gateway_jwt_issuer https://a https://b;
gateway_jwt_key_file keys.json issuer=https://a;
CONF


# --- gateway_jwt

refused(alone('gateway_jwt;'),
        'invalid number of arguments in "gateway_jwt" directive', 'no realm');
refused(jwt('gateway_jwt other;'), '"gateway_jwt" directive is duplicate',
        'two realms');
refused(alone('gateway_jwt realm token=cookie_a;'),
        'invalid value "cookie_a" in "token=", it must be one variable such as '
        . '$cookie_token', 'token= that is no variable');
refused(alone('gateway_jwt realm token=$arg_a$arg_b;'),
        'invalid value "$arg_a$arg_b" in "token=", it must be one variable '
        . 'such as $cookie_token', 'token= with two variables');
refused(alone('gateway_jwt realm token=$;'),
        'invalid value "$" in "token=", it must be one variable such as '
        . '$cookie_token', 'token= with half a variable');
refused(alone('gateway_jwt realm token=;'),
        'invalid value "" in "token=", it must be one variable such as '
        . '$cookie_token', 'token= without a value');
refused(alone('gateway_jwt realm token=$arg_a token=cookie_a;'),
        'invalid value "cookie_a" in "token=", it must be one variable such as '
        . '$cookie_token', 'a second token= that is no variable');
for ([ '$arg_a', '$arg_a' ], [ '$arg_a', '$ARG_A' ],
     [ '$http_x_token', '$http_X_Token' ],
     [ '$http_authorization', '$HTTP_authorization' ],
     [ '$cookie_a', '$cookie_b', '$cookie_a' ], [ '$uri', '$uri' ])
{
    refused(alone('gateway_jwt realm ' . join(' ', map { "token=$_" } @$_)
                  . ';'),
            qq(duplicate value "$$_[-1]" in "token="), "@$_");
}
refused(alone('gateway_jwt realm '
              . join(' ', map { "token=\$arg_a$_" } 1 .. 9) . ';'),
        'invalid value "$arg_a9" in "token=", it can be written at most 8 '
        . 'times', 'nine places');
accepted(jwt('location /t { gateway_jwt realm '
             . join(' ', map { "token=\$arg_a$_" } 1 .. 8) . '; }'),
         'eight places');
accepted(jwt('location /t { gateway_jwt realm token=$http_authorization '
             . 'token=$http_a token=$cookie_a token=$arg_a token=$uri; }'),
         'places of each kind');
refused(alone('gateway_jwt realm source=$arg_a;'),
        'invalid parameter "source=$arg_a" in "gateway_jwt", allowed are '
        . '"token="', 'an unknown parameter of gateway_jwt');
refused(jwt('gateway_jwt_mode maybe;'),
        'invalid value "maybe" in "gateway_jwt_mode", allowed are "required", '
        . '"optional", "dry_run"', 'an unknown mode');
refused({ server => "gateway_jwt_mode optional;\n"
                    . 'gateway_jwt_mode required;  #!' },
        '"gateway_jwt_mode" directive is duplicate', 'two modes');
refused(jwt('gateway_jwt_max_size many;'),
        'invalid value "many" in "gateway_jwt_max_size", it must be a size such '
        . 'as 512, 16k or 1m', 'a size of many');
{
    my %conf = (http => 'map $arg_t $picked { default $arg_t; }',
                server => <<'CONF');
gateway_jwt_key_file keys.json;
location / { gateway_jwt r token=$picked; gateway_jwt_hide on; #!
    location /inner { gateway_jwt_mode optional; }
}
location /off { gateway_jwt r token=$picked; gateway_jwt_hide off; }
location /known { gateway_jwt r token=$arg_t; gateway_jwt_hide on; }
location /default { gateway_jwt r; gateway_jwt_hide on; }
CONF
    is_deeply([ said(http_conf(%conf)) ],
              [ 0, '[warn] "gateway_jwt_hide" cannot remove the token of '
                   . '"token=$picked", the upstream receives it, use '
                   . '$http_name, $cookie_name or $arg_name, in the block in '
                   . 'DIR/nginx.conf:LINE' ],
              'warned once: a token of a map cannot be hidden');
}

{
    my %conf = (http => 'map $arg_t $picked { default $arg_t; }',
                server => <<'CONF');
gateway_jwt_key_file keys.json;
gateway_jwt_hide on;
location / { gateway_jwt r token=$arg_t token=$picked token=$cookie_t; #!
}
CONF
    is_deeply([ said(http_conf(%conf)) ],
              [ 0, '[warn] "gateway_jwt_hide" cannot remove the token of '
                   . '"token=$picked", the upstream receives it, use '
                   . '$http_name, $cookie_name or $arg_name, in the block in '
                   . 'DIR/nginx.conf:LINE' ],
              'warned: one of several places cannot be hidden');
}

refused(jwt('gateway_jwt_hide yes;'),
        'invalid value "yes" in "gateway_jwt_hide" directive, it must be "on" '
        . 'or "off"', 'a flag of yes');
refused(jwt('gateway_error_format html;'),
        'invalid value "html" in "gateway_error_format", allowed are '
        . '"problem", "off"', 'an unknown format of errors');


# --- algorithms and claims

for my $name (qw( none es256 RSA-OAEP HS1 )) {
    refused(jwt("gateway_jwt_algorithms ES256 $name;"),
            qq(unknown algorithm "$name" in "gateway_jwt_algorithms", allowed )
            . "are $asymmetric", "the algorithm $name");
}
refused({ server => "gateway_jwt_algorithms ES256;\n"
                    . "gateway_jwt_algorithms ES384;  #!" },
        '"gateway_jwt_algorithms" directive is duplicate', 'two lists');
refused(jwt(qq(gateway_jwt_$_ a "";)), qq(empty value in "gateway_jwt_$_"),
        "an empty $_") for qw( issuer audience typ );
refused(jwt('gateway_jwt_leeway -1s;'),
        'invalid value "-1s" in "gateway_jwt_leeway", it must be a time such as '
        . '10s, 5m or 1d', 'a negative leeway');
refused(jwt('gateway_jwt_max_age old;'),
        'invalid value "old" in "gateway_jwt_max_age", it must be a time such '
        . 'as 10s, 5m or 1d', 'an age of old');
refused(jwt('gateway_jwt_require_exp maybe;'),
        'invalid value "maybe" in "gateway_jwt_require_exp" directive, it must '
        . 'be "on" or "off"', 'require_exp maybe');


# --- rules

refused(jwt('gateway_jwt_require admin;'),
        'invalid value "admin" in "gateway_jwt_require", it must begin with '
        . '"$" and a name, such as $jwt_admin', 'require without a variable');
refused(jwt('gateway_jwt_require $;'),
        'invalid value "$" in "gateway_jwt_require", it must begin with '
        . '"$" and a name, such as $jwt_admin', 'require with a "$" alone');
refused(jwt('gateway_jwt_require error=403;'),
        '"gateway_jwt_require" must have a value before "error="',
        'require with nothing but error=');
refused(jwt('gateway_jwt_require error=403 $arg_a;'),
        'invalid value "error=403" in "gateway_jwt_require", it must begin '
        . 'with "$" and a name, such as $jwt_admin', 'error= that is not the last');
refused(jwt('gateway_jwt_require $arg_a error=404;'),
        'invalid value "404" in "error=", allowed are "401", '
        . '"403"', 'require with error=404');
refused(jwt('gateway_jwt_require $nobody_has_set_this;'),
        'unknown variable "$nobody_has_set_this" in "gateway_jwt_require"',
        'an unknown variable');
refused(jwt('gateway_jwt_require_claim sub;'),
        'invalid number of arguments in "gateway_jwt_require_claim" directive',
        'a rule without operator');
refused(jwt('gateway_jwt_require_claim sub is alice;'),
        'invalid operator "is" in "gateway_jwt_require_claim", allowed are eq, '
        . 'ne, gt, ge, lt, le, any, all, none, match, exists, absent',
        'an unknown operator');

sub values_found {
    my ($rule, $op, $range, $found) = @_;
    refused(jwt("gateway_jwt_require_claim $rule;"),
            qq(operator "$op" in "gateway_jwt_require_claim" takes $range, )
            . "found $found", "$op with $found values");
}

values_found('sub eq', 'eq', 'one value', 0);
values_found('sub eq error=403', 'eq', 'one value', 0);
values_found('sub ge a b', 'ge', 'one value', 2);
values_found('sub match', 'match', 'one value', 0);
values_found('sub any', 'any', '1 to 32 values', 0);
values_found('sub none' . ' x' x 33, 'none', '1 to 32 values', 33);
values_found('sub exists x', 'exists', 'no value', 1);
values_found('sub absent x error=401', 'absent', 'no value', 1);
accepted(jwt('gateway_jwt_require_claim sub none' . ' x' x 32 . ';'),
         '32 values');

refused(jwt('gateway_jwt_require_claim sub eq x error=500;'),
        'invalid value "500" in "error=", allowed are '
        . '"401", "403"', 'a rule with error=500');
refused(jwt('gateway_jwt_require_claim sub match "";'),
        'empty pattern in "gateway_jwt_require_claim"', 'an empty pattern');
refused(jwt('gateway_jwt_require_claim sub match "" error=403;'),
        'empty pattern in "gateway_jwt_require_claim"',
        'an empty pattern with a status');
accepted(jwt('gateway_jwt_require_claim sub match .;'), 'a short pattern');
like((said(http_conf(%{ jwt('gateway_jwt_require_claim sub match "(";') })))[1],
     qr/^\[emerg\] pcre2?_compile\(\) failed: .* in "\(" .*nginx\.conf:LINE$/,
     'refused: a regular expression that is none');

for my $directive ('gateway_jwt_require_claim PATH exists;',
                   'gateway_jwt_consumer PATH;', 'gateway_jwt_scope a PATH;',
                   'gateway_jwt_group PATH;',
                   'gateway_jwt_claim_header X-User PATH;')
{
    my ($name) = $directive =~ /(\w+)/;

    for ([ 'a..b', 'has an empty name' ],
         [ 'a[x]', 'has an index that is not a number from 0 to 999999' ],
         [ 'a]', 'has a name that must be quoted' ])
    {
        my ($path, $why) = @$_;
        refused(jwt($directive =~ s/PATH/$path/r),
                qq(path "$path" in "$name" $why, write for example sub, )
                . 'realm_access.roles or "https://example.com/roles"[0]',
                "the path $path in $name");
    }

    for ([ '/a/b[0]', 'begins with "/"', 'a."b[0]"' ],
         [ '/realm_access/roles', 'begins with "/"', 'realm_access.roles' ],
         [ '$.realm_access.roles', 'begins with "$."', 'realm_access.roles' ])
    {
        my ($path, $why, $dotted) = @$_;
        refused(jwt($directive =~ s/PATH/$path/r),
                qq(path "$path" in "$name" $why, write "$dotted", or )
                . qq('"$path"' for a claim of this name),
                "the path $path in $name");
        accepted(jwt($directive =~ s/PATH/'"$path"'/r),
                 "the claim $path in $name");
    }
    refused(jwt($directive =~ s/PATH/$_/r),
            qq(path "$_" in "$name" begins with "$_", write for example sub, )
            . 'realm_access.roles or "https://example.com/roles"[0]',
            "the path $_ in $name")
        for '/', '$.';
    accepted(jwt($directive =~ s{PATH}{https://e.com/groups}r),
             "a URL in $name");
}


# --- identity

refused({ server => "gateway_jwt_$_ a;\ngateway_jwt_$_ b;  #!" },
        qq("gateway_jwt_$_" directive is duplicate), "gateway_jwt_$_ twice")
    for qw( consumer scope group );
refused(jwt('gateway_jwt_claim_header X-User sub csv;'),
        'invalid parameter "csv" in "gateway_jwt_claim_header", allowed are '
        . '"join", "json"', 'an unknown form of a claim header');
refused({ server => "gateway_jwt_claim_header X-User sub;\n"
                    . 'gateway_jwt_claim_header x_user iss;  #!' },
        'duplicate header "x_user" in "gateway_jwt_claim_header"',
        'one header twice, in other letters');
refused(jwt(qq(gateway_jwt_claim_header "$_" sub;)),
        qq(invalid header name "$_", it must consist of letters, digits and -),
        qq(a header named "$_")) for '', 'X User', 'X:User', "X-\xc3\xa9";
refused(jwt("gateway_jwt_claim_header $_ sub;"),
        qq(header "$_" cannot be set, it frames the request or carries its )
        . 'credentials', "a header named $_")
    for qw( Host Content-Length Transfer-Encoding Connection authorization
            proxy_authorization );
refused({ http => 'gateway_jwt_claim_set level level;  #!' },
        'invalid variable name "level" in "gateway_jwt_claim_set", it must '
        . 'be "$" and a name, such as $jwt_sub', 'claim_set without a variable');
refused({ http => 'gateway_jwt_header_set $ a;  #!' },
        'invalid variable name "$" in "gateway_jwt_header_set", it must '
        . 'be "$" and a name, such as $jwt_sub', 'header_set with half a variable');
refused({ http => 'gateway_jwt_claim_set $a' . ' a' x 17 . ';  #!' },
        'too many names in "gateway_jwt_claim_set", allowed are 16',
        '17 names');
accepted({ http => 'gateway_jwt_claim_set $a' . ' a' x 16 . ';',
           %{ jwt('') } }, '16 names');
refused({ http => 'gateway_jwt_claim_set $host a;  #!' },
        'the duplicate "host" variable', 'a variable that nginx has');

# a variable belongs to one directive, whichever comes first

for my $maker ([ map => 'map $uri $x {', '}' ], [ geo => 'geo $x {', '}' ],
               [ split_clients => 'split_clients $uri $x {', '* a; }' ],
               [ set => 'server { listen 1; set $x 1;', '}' ],
               [ claim_set => 'gateway_jwt_claim_set $x b;', '' ],
               [ header_set => 'gateway_jwt_header_set $x b;', '' ])
{
    my ($name, $begin, $end) = @$maker;

    for my $ours (qw( claim_set header_set )) {
        my $directive = "gateway_jwt_$ours \$x a;";
        refused({ http => "$begin\n$end\n$directive  #!" },
                'the duplicate "x" variable', "$ours over $name");
        refused({ http => "$directive\n$begin  #!\n$end" },
                'the duplicate "x" variable', "$name over $ours");
        accepted({ http => "$begin\n$end\n" . $directive =~ s/x/y/r,
                   %{ jwt('') } },
                 "$ours beside $name");
    }
}
accepted({ http => "log_format a \$x;\ngateway_jwt_claim_set \$x a;",
           %{ jwt('') } },
         'claim_set behind who reads it');
refused({ http => 'gateway_jwt_claim_set $gateway_consumer a;  #!' },
        'the duplicate "gateway_consumer" variable', "core's variable");
refused(alone('gateway_jwt_claim_set $a a;'),
        '"gateway_jwt_claim_set" directive is not allowed here',
        'claim_set in a server');
refused(alone('gateway_jwt_header_set $a a;'),
        '"gateway_jwt_header_set" directive is not allowed here',
        'header_set in a server');


# --- return acts before access

my $open = '"return" answers before "gateway_jwt" is checked, its response is '
           . 'not protected, in the block';

warned({ server => <<'CONF' }, $open, 'return beside gateway_jwt');
location / {  #!
    gateway_jwt realm;
    gateway_jwt_key_file keys.json;
    return 200 secret;
}
CONF
warned({ server => <<'CONF' }, $open, 'return above gateway_jwt');
gateway_jwt_key_file keys.json;
location / {  #!
    return 200 secret;
    gateway_jwt realm;
}
CONF
accepted({ server => <<'CONF' }, 'return in an if');
location / {
    if ($request_method = OPTIONS) { return 204; }
    gateway_jwt realm;
    gateway_jwt_key_file keys.json;
}
CONF
accepted({ server => <<'CONF' }, 'return 404 where gateway_jwt is inherited');
gateway_jwt realm;
gateway_jwt_key_file keys.json;
location /health {
    return 404;
}
location / {
}
CONF
accepted({ server => <<'CONF' }, 'return where gateway_jwt is off');
location / {
    gateway_jwt off;
    return 200 ok;
}
CONF
accepted({ server => <<'CONF' }, 'other directives of rewrite');
location / {
    set $a b;
    rewrite ^/x /y break;
    gateway_jwt realm;
    gateway_jwt_key_file keys.json;
}
CONF

$Test::Gateway::More = 1;
done_testing();
