# SPDX-License-Identifier: BSD-2-Clause

# The error of nginx -t for each invalid configuration, a whole line with its
# place; and the warnings for valid ones that are probably mistakes.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Said;

my $pepper = 'a pepper, long enough';

my %files = ('consumers.json' => consumers(consumer('acme')),
             'hmac.json' => consumers(consumer('acme', keys => [
                 entry('one'), entry('two', pepper => $pepper) ])),
             'pepper' => $pepper, 'pepper2' => "another $pepper",
             'least' => '0123456789abcdef', 'short' => '0123456789abcde',
             'newline' => "0123456789abcde\n", 'empty' => '',
             'most' => 'x' x 4096 . "\r\n", 'large' => 'x' x 4097,
             'huge' => 'x' x 100_000, 'folder/x' => '');
$Test::Gateway::Said::Files = \%files;

# warnings of settings without effect are tested in t/core/without_effect.t
$Test::Gateway::Said::Ignore
    = qr/"gateway_consumers" has no effect, no method/;

my $file = 'gateway_consumers zone=consumers:1m file=consumers.json;';
my $hmac = 'gateway_consumers zone=consumers:1m file=hmac.json;';

# a directive with what it requires, in a location
sub with {
    my ($directive) = @_;
    return { http => $file, server => "location / {\n$directive  #!\n}" };
}

sub http { return { http => "$_[0]  #!\n" } }


# --- the valid forms of all that follows

accepted(with($_), $_) for
    'gateway_api_key r;', 'gateway_api_key r header=X-Key;',
    'gateway_api_key r bearer;', 'gateway_api_key r query=key;',
    'gateway_api_key r cookie=key_1;', 'gateway_api_key "" bearer;',
    'gateway_api_key $host cookie=c query=q bearer header=X-K;',
    'gateway_api_key off;', 'gateway_api_key r; gateway_api_key_hide off;',
    'gateway_api_key r; gateway_api_key_format gw;',
    'gateway_api_key r; gateway_api_key_mode optional;',
    'limit_except GET { gateway_api_key r; gateway_api_key_hide on;'
    . ' gateway_api_key_format any; gateway_api_key_mode dry_run; }',
    'if ($arg_a) { } gateway_api_key r;';
accepted({ http => "$file\ngateway_api_key r;\ngateway_api_key_hide on;\n"
                   . 'gateway_api_key_format any;gateway_api_key_mode required;',
           server => 'location /a { } location /b { gateway_api_key off; }' },
         'in http');


# --- no consumers

my $no_keys = '"gateway_api_key" requires "gateway_consumers", add '
              . '"gateway_consumers zone=consumers:1m file=consumers.json;" at '
              . 'the http level, for the block';

refused({ server => "location / {  #!\ngateway_api_key r;\n}" }, $no_keys,
        'no gateway_consumers');
refused({ server => "gateway_api_key r;\nlocation / {  #!\n}" }, $no_keys,
        'no gateway_consumers where it is inherited');
refused({ server => "}\nserver {  #!\ngateway_api_key r;\nlocation /a { }" },
        $no_keys, 'no gateway_consumers in a server without a location /');
accepted({ server => 'gateway_api_key off; gateway_api_key_mode optional;' },
         'off needs none');
accepted({ http => "gateway_api_key r;\n$file", server => 'location / { }' },
         'gateway_consumers behind it');


# --- parameters

refused(with('gateway_api_key;'),
        'invalid number of arguments in "gateway_api_key" directive',
        'no realm');
refused(with("gateway_api_key $_;"),
        'the argument before "' . (split)[0] . '" in "gateway_api_key" is missing',
        "no realm, $_") for 'header=X-Key', 'query=k', 'header=X-Key bearer';
accepted(with("gateway_api_key $_;"), "the realm $_")
    for 'headers', 'bearer', 'header', 'a=b';
refused(with("gateway_api_key $_;"),
        '"off" takes no other parameters in "gateway_api_key"',
        $_) for 'off bearer', 'off query=k', 'off off', 'r off';

refused(with("gateway_api_key r $_;"),
        qq(invalid parameter "$_" in "gateway_api_key", allowed are "header=", )
        . '"bearer", "query=", "cookie="', "gateway_api_key r $_")
    for qw( arg=key Bearer header );

refused(with("gateway_api_key r $_=;"),
        qq(invalid name "" in parameter "$_=", it must consist of letters, )
        . 'digits, - and _', "$_=") for qw( header query cookie );
refused(with("gateway_api_key r '$_->[0]=$_->[1]';"),
        qq(invalid name "$_->[1]" in parameter "$_->[0]=", it must consist of )
        . 'letters, digits, - and _', "$_->[0]=$_->[1]")
    for [ 'header', 'X Key' ], [ 'header', 'X-Key:' ], [ 'query', 'a&b' ],
        [ 'query', 'a%20' ], [ 'query', '$arg_key' ], [ 'cookie', 'a=b' ],
        [ 'cookie', 'a;' ], [ 'cookie', "\xc3\xa9" ];

refused(with('gateway_api_key r query=a query=b;'),
        'duplicate parameter "query=b" in "gateway_api_key"', 'query= twice');
refused(with('gateway_api_key r bearer bearer;'),
        'duplicate parameter "bearer" in "gateway_api_key"', 'bearer twice');
refused(with('gateway_api_key $nothing;'),
        'unknown variable "$nothing" in "gateway_api_key"',
        'a realm of no variable');

for ('gateway_api_key r;', 'gateway_api_key off;', 'gateway_api_key_hide on;',
     'gateway_api_key_format gw;', 'gateway_api_key_mode optional;')
{
    my ($name) = /^(\w+)/;
    refused(with("$_\n$_"), qq("$name" directive is duplicate), "$_ twice");
}

refused(with('gateway_api_key_hide yes;'),
        'invalid value "yes" in "gateway_api_key_hide" directive, it must be '
        . '"on" or "off"', 'gateway_api_key_hide yes');
refused(with('gateway_api_key_format jwt;'),
        'invalid value "jwt" in "gateway_api_key_format", allowed are '
        . '"any", "gw"',
        'gateway_api_key_format jwt');
refused(with('gateway_api_key_mode on;'),
        'invalid value "on" in "gateway_api_key_mode", allowed are '
        . '"required", "optional", "dry_run"', 'gateway_api_key_mode on');


# --- peppers

accepted(http("$hmac\ngateway_api_key_pepper $_;"), "a pepper: $_")
    for 'pepper', 'pepper pepper2', 'least', 'most';
my $short = 'is shorter than 16 bytes, write a random one, such as'
            . ' "openssl rand -hex 32" prints';

accepted(http("gateway_api_key_pepper pepper;\n$hmac"), 'in front of the file');

refused(http("gateway_api_key_pepper $_->[0];"),
        qq(gateway_api_key_pepper "DIR/$_->[0]": $_->[1]), "a pepper: $_->[0]")
    for [ 'none', 'open() failed (2: No such file or directory)' ],
        [ 'folder', 'is not a regular file' ],
        [ 'short', $short ],
        [ 'newline', $short ],
        [ 'empty', $short ],
        [ 'large', 'is longer than 4096 bytes, 32 random bytes are enough' ],
        [ 'huge', 'is larger than 4098 bytes' ];
refused(http("gateway_api_key_pepper pepper;\ngateway_api_key_pepper pepper2;"),
        '"gateway_api_key_pepper" directive is duplicate',
        'gateway_api_key_pepper twice');
refused(http('gateway_api_key_pepper pepper pepper2 least;'),
        'invalid number of arguments in "gateway_api_key_pepper" directive',
        'three peppers');
refused({ server => "gateway_api_key_pepper pepper;  #!" },
        '"gateway_api_key_pepper" directive is not allowed here',
        'a pepper in a server');
refused(http($hmac), 'gateway_consumers "DIR/hmac.json": '
                     . 'consumers[0].keys[1].hmac_sha256: requires a pepper'
                     . ' (gateway_api_key_pepper, or --pepper) (line 1)',
        'an entry that needs a pepper, and none');


# --- return

warned({ http => $file, server => <<'CONF' },
location / {  #!
    gateway_api_key r;
    return 200 ok;
}
CONF
       '"return" answers before "gateway_api_key" is checked, its response is '
       . 'not protected, in the block', 'return beside gateway_api_key');
accepted({ http => $file, server => <<'CONF' }, 'return where it is off');
location / {
    gateway_api_key off;
    return 200 ok;
}
CONF


# --- a pepper that only root can read works: the master reads it

SKIP: {
    skip 'needs root', 1 if $> != 0;
    my $port = free_port();
    my $server = start_nginx(
        files => { %files }, port => $port,
        conf => http_conf(main => 'user nobody nogroup;', port => $port,
                          http => "$hmac gateway_api_key_pepper pepper;",
                          server => 'location / { gateway_api_key r;'
                                    . ' empty_gif; }'));
    chmod 0600, $server->dir . '/pepper';
    $server->allow('cannot be re-read');
    $server->reload;
    is(($server->get('/', headers => [ 'X-API-Key: ' . api_key('two') ]))[0],
       200, 'a pepper that workers may not read');
    $server->stop;
}

$Test::Gateway::More = 1;
done_testing();
