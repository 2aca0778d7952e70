# SPDX-License-Identifier: BSD-2-Clause

# Inheritance of rules: levels, limit_except, if, and the warning of a level
# that drops rules.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

$Test::Gateway::More = 1;

our $Jwt = 'gateway_jwt r; gateway_jwt_group groups; gateway_jwt_key_file '
           . '$TEST_NGINX_HTML_DIR/jwks.json;';

sub location { my ($uri, @lines) = @_; "location $uri { empty_gif; @lines }\n" }

sub bearer {
    my ($scope, @groups) = @_;
    return 'Authorization: Bearer '
           . token(claims => { sub => 'acme', scope => $scope,
                               groups => \@groups }) . "\n";
}

run_tests();


# --- the warning: "#<" marks the outer line, "#>" the inner one

our $Method = 'gateway_jwt r; gateway_jwt_group groups;'
              . ' gateway_jwt_key_file jwks.json;';

my ($before) = (nginx_t("wrong;\n"))[1] =~ /nginx\.conf:(\d+)/;
$before--;

sub warnings_of {
    my ($server, $files, $http) = @_;

    my $conf = http_conf(server => "$Method\n$server", http => $http);
    my ($code, $output) = nginx_t($conf, { 'jwks.json' => jwks('es256'),
                                           %{ $files // {} } });
    my ($n, %line) = ($before);
    for (split /\n/, $conf) {
        $n++;
        $line{$n} = 'OUTER' if /#</;
        $line{$n} = 'INNER' if /#>/;
    }

    $output =~ s/nginx\.conf:(\d+)/'nginx.conf:' . ($line{$1} \/\/ $1)/ge;
    return ($code, map { /(\[\w+\]) \d+#\d+: (.*)/ ? "$1 $2" : () }
                   split /\n/, $output);
}

sub drops {
    my ($directive, $server, $name, $http) = @_;

    Test::More::is_deeply([ warnings_of($server, {}, $http) ],
        [ 0, qq([warn] "$directive" in DIR/nginx.conf:INNER drops the rule )
             . 'in DIR/nginx.conf:OUTER, repeat that rule or write '
             . qq("$directive off" first) ], "warned: $name");
}

sub drops_nothing {
    my ($server, $name) = @_;
    Test::More::is_deeply([ warnings_of($server) ], [ 0 ],
                          "no warning: $name");
}

# an outer and an inner level with rules

sub levels {
    my ($outer, $inner) = @_;
    return "$outer\nlocation / {\n$inner\n}\n";
}

drops('gateway_require_scope',
      levels('gateway_require_scope read;  #<',
             'gateway_require_scope write;  #>'), 'another scope');
drops('gateway_require_scope',
      levels('gateway_require_scope read write;  #<',
             'gateway_require_scope write;  #>'), 'one scope of two');
drops('gateway_require_scope',
      levels("gateway_require_scope a;\ngateway_require_scope b;  #<",
             "gateway_require_scope a;  #>\ngateway_require_scope c;"),
      'the first rule that is dropped, and the first that is written');
drops_nothing(levels('gateway_require_scope read;',
                     'gateway_require_scope read write;'), 'more scopes');
drops_nothing(levels('gateway_require_scope a b;',
                     "gateway_require_scope b;\ngateway_require_scope a;"),
              'the same scopes in two rules');
drops_nothing(levels('gateway_require_scope a;',
                     'gateway_require_scope off;'), 'off');
drops_nothing(levels('gateway_require_scope a;',
                     "gateway_require_scope off;\ngateway_require_scope b;"),
              'off, and another rule');
drops_nothing(levels('gateway_require_scope a;',
                     "gateway_require_group g;\ngateway_deny_group h;\n"
                     . 'gateway_require_consumer c;'), 'rules of other kinds');
drops_nothing(levels('gateway_require_scope off;',
                     'gateway_require_scope b;'), 'nothing to drop');

# methods

drops('gateway_require_scope',
      levels('gateway_require_scope a;  #<',
             'gateway_require_scope method=GET b;  #>'), 'for one method');
drops_nothing(levels('gateway_require_scope a;',
                     'gateway_require_scope method=GET a;'),
              'the other methods are refused');
drops('gateway_require_scope',
      levels('gateway_require_scope method=GET a;  #<',
             'gateway_require_scope method=GET,POST a;  #>'),
      'POST was refused');
drops('gateway_require_scope',
      levels('gateway_require_scope method=GET a;  #<',
             'gateway_require_scope a;  #>'), 'all others were refused');
drops_nothing(levels('gateway_require_scope method=GET,POST a;',
                     'gateway_require_scope method=POST a;'),
              'GET is refused now');
drops_nothing(levels('gateway_require_scope method=GET a;',
                     'gateway_require_scope method=HEAD a;'), 'HEAD is GET');
drops_nothing(levels('gateway_require_scope method=GET a;',
                     'gateway_require_scope method=GET,HEAD a;'),
              'GET and HEAD are GET');
drops_nothing(levels("gateway_require_scope a;\n"
                     . 'gateway_require_scope method=POST b;',
                     "gateway_require_scope method=POST a b;\n"
                     . 'gateway_require_scope a;'), 'the same said otherwise');
drops('gateway_require_scope',
      levels("gateway_require_scope a;\n"
             . 'gateway_require_scope method=POST b;  #<',
             'gateway_require_scope a;  #>'), 'what POST needs');

# groups and consumers

for my $kind (qw( gateway_require_group gateway_require_consumer )) {
    drops($kind, levels("$kind a;  #<", "$kind b;  #>"), "$kind: another");
    drops($kind, levels("$kind a;  #<", "$kind a b;  #>"), "$kind: one more");
    drops($kind, levels("$kind a b;\n$kind c;  #<", "$kind a b;  #>"),
          "$kind: one rule of two");
    drops_nothing(levels("$kind a b;", "$kind b;"), "$kind: fewer");
    drops_nothing(levels("$kind a b;", "$kind b a;\n$kind c;"),
                  "$kind: the same and more");
    drops_nothing(levels("$kind a;", "$kind off;\n$kind b;"),
                  "$kind: off, and another");
}

drops('gateway_deny_group',
      levels('gateway_deny_group a b;  #<', 'gateway_deny_group b c;  #>'),
      'gateway_deny_group: one of two');
drops_nothing(levels('gateway_deny_group a b;',
                     "gateway_deny_group c b;\ngateway_deny_group a;"),
              'gateway_deny_group: the same and more');

# levels

drops('gateway_require_scope', 'gateway_require_scope b;  #>',
      'server under http', "\ngateway_require_scope a;  #<");
drops('gateway_require_scope', <<'CONF', 'two levels up');
gateway_require_scope a;  #<
location /out {
    gateway_require_group g;
    location /out/in {
        gateway_require_scope b;  #>
    }
}
CONF
drops('gateway_require_scope', <<'CONF', 'limit_except');
location / {
    gateway_require_scope a;  #<
    limit_except GET {
        gateway_require_scope b;  #>
    }
}
CONF
drops_nothing(<<'CONF', 'an if writes nothing');
gateway_require_scope a;
location / {
    gateway_require_scope a b;
    if ($arg_x) { set $y 1; }
}
CONF

Test::More::is_deeply([ warnings_of(<<'CONF',
gateway_require_scope a;  #<
include inner.conf;
CONF
    { 'inner.conf' => "\nlocation / {\n    gateway_require_scope b;\n}\n" }) ],
    [ 0, '[warn] "gateway_require_scope" in DIR/inner.conf:3 drops the rule '
         . 'in DIR/nginx.conf:OUTER, repeat that rule or write '
         . '"gateway_require_scope off" first' ], 'warned: in another file');

done_testing();

__DATA__

=== TEST 1: rules are inherited, replaced, and cancelled by off
--- jwks: es256
--- http_config
gateway_require_group g;
--- config eval
"$::Jwt gateway_require_scope read;\n"
. ::location('/same', '')
. ::location('/more', 'gateway_require_scope read write;')
. ::location('/off', 'gateway_require_scope off;')
. ::location('/other', 'gateway_require_scope off; gateway_require_scope x;')
. ::location('/none', 'gateway_require_scope off; gateway_require_group off;')
. ::location('/out', 'gateway_deny_group bad; '
             . ::location('/out/in', 'gateway_require_scope off;'))
--- request eval
[ ("GET /same") x 3, ("GET /more") x 2, ("GET /off") x 2, ("GET /other") x 2,
  "GET /none", ("GET /out/in") x 3 ]
--- more_headers eval
[ ::bearer('read', 'g'), ::bearer('read'), ::bearer('', 'g'),
  ::bearer('read', 'g'), ::bearer('read write', 'g'),
  ::bearer('', 'g'), ::bearer('read'),
  ::bearer('x', 'g'), ::bearer('read', 'g'),
  ::bearer(''),
  ::bearer('', 'g'), ::bearer('', 'g', 'bad'), ::bearer('read') ]
--- error_code eval
[ 200, 403, 403,  403, 200,  200, 403,  200, 403,  200,  200, 403, 403 ]



=== TEST 2: kinds are inherited independently
--- jwks: es256
--- config eval
"$::Jwt gateway_require_scope read; gateway_deny_group bad;\n"
. ::location('/t', 'gateway_require_group g; gateway_deny_group bad worse;')
--- request eval: [ ("GET /t") x 5 ]
--- more_headers eval
[ ::bearer('read', 'g'), ::bearer('x', 'g'), ::bearer('read'),
  ::bearer('read', 'g', 'bad'), ::bearer('read', 'g', 'worse') ]
--- error_code eval: [ 200, (403) x 4 ]



=== TEST 3: rules apply inside an if, those of a location and of a server
--- jwks: es256
--- config eval
"$::Jwt gateway_require_scope read;
 if (\$arg_s) { set \$s 1; }\n"
. ::location('/t', <<'END')
    gateway_require_scope read write;
    if ($arg_x) { add_header X-If 1 always; }
END
. ::location('/u', 'if ($arg_x) { add_header X-If 1 always; }')
--- request eval
[ "GET /t?x=1", "GET /t?x=1", "GET /t?x=1&s=1", "GET /t", "GET /u?x=1",
  "GET /u?x=1" ]
--- more_headers eval
[ map { ::bearer($_) } 'read write', 'read', 'read', 'read', 'read', 'x' ]
--- error_code eval: [ 200, 403, 403, 403, 200, 403 ]
--- response_headers eval
[ 'X-If: 1', 'X-If: 1', 'X-If: 1', '!X-If', 'X-If: 1', 'X-If: 1' ]



=== TEST 4: limit_except: its own rules, and inherited ones
--- jwks: es256
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$request_method\n"; }
}
--- config eval
$::Jwt . <<'END'
    location /own {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        limit_except GET {
            gateway_require_scope write;
        }
    }
    location /both {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        gateway_require_scope read;
        limit_except GET {
            gateway_require_scope read write;
        }
    }
    location /off {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        gateway_require_scope write;
        limit_except POST {
            gateway_require_scope off;
        }
    }
    location /inherits {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        gateway_require_scope read;
        limit_except GET {
            gateway_require_group g;
        }
    }
END
--- request eval
[ "GET /own", "POST /own", "POST /own",
  "GET /both", "POST /both", "POST /both", "GET /both",
  "GET /off", "POST /off", "POST /off",
  "GET /inherits", "POST /inherits", "POST /inherits", "POST /inherits" ]
--- more_headers eval
[ ::bearer('x'), ::bearer('x'), ::bearer('write'),
  ::bearer('read'), ::bearer('read'), ::bearer('read write'), ::bearer('x'),
  ::bearer('x'), ::bearer('x'), ::bearer('write'),
  ::bearer('read'), ::bearer('read'), ::bearer('read', 'g'),
  ::bearer('x', 'g') ]
--- error_code eval
[ 200, 403, 200,  200, 403, 200, 403,  200, 403, 200,  200, 403, 200, 403 ]



=== TEST 5: a server below http, and one without rules
--- jwks: es256
--- http_config
gateway_require_scope read;
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name other;
    gateway_require_scope off;
    location / { empty_gif; }
}
--- config eval: $::Jwt . ::location('/t', '')
--- request eval: [ ("GET /t") x 3 ]
--- more_headers eval
[ ::bearer('read'), ::bearer('x'), "Host: other\n" ]
--- error_code eval: [ 200, 403, 200 ]



=== TEST 6: limit_except applies inside an if
--- jwks: es256
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$request_method\n"; }
}
--- config eval
$::Jwt . <<'END'
    location /t {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        limit_except GET { gateway_require_scope write; }
        if ($arg_x) { add_header X-If 1 always; }
    }
END
--- request eval
[ "POST /t", "POST /t?x=1", "GET /t?x=1", "POST /t?x=1" ]
--- more_headers eval
[ ::bearer('x'), ::bearer('x'), ::bearer('x'), ::bearer('write') ]
--- error_code eval: [ 403, 403, 200, 200 ]
