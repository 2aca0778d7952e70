# SPDX-License-Identifier: BSD-2-Clause

# gateway_jwt_claim_header: the headers that an upstream receives, and that a
# client cannot forge them.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use IO::Socket::INET;
use POSIX ();

# An upstream that answers with the lines that it received, sorted, without
# those that nginx itself writes.

my $echo = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
    or die "listen: $!";
$ENV{TEST_NGINX_ECHO_PORT} = $echo->sockport;

my $test = $$;
defined(my $pid = fork) or die "fork: $!";
if (!$pid) { serve(); POSIX::_exit(0) }
close $echo;
END { if ($$ == $test) { local $?; kill 'KILL', $pid; waitpid $pid, 0 } }

sub serve {
    while (my $client = $echo->accept) {
        my $head = '';
        while ($head !~ /\r\n\r\n/ && sysread $client, my $more, 65536) {
            $head .= $more;
        }
        my (undef, @lines) = split /\r\n/, $head;
        my $body = CORE::join '', map { "$_\n" }
                   sort grep { !/^(?:Host|Connection): / } @lines;
        print $client "HTTP/1.1 200 OK\r\nContent-Length: "
                      . length($body) . "\r\nConnection: close\r\n\r\n$body";
        close $client;
    }
}

our $Pass = 'proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT; '
            . 'proxy_set_header Authorization "";';
our $Jwt = 'gateway_jwt r; gateway_jwt_key_file '
           . '$TEST_NGINX_HTML_DIR/jwks.json;';

sub location { my ($uri, @lines) = @_; "location $uri { @lines }\n" }

our $Alice = token(claims => {
    sub => 'alice', roles => [ 'admin', 'dev' ], n => 1.5, t => JSON::PP::true(),
    obj => { a => [ 1, 2 ] }, null => undef, empty => '',
    realm_access => { roles => [ 'deep' ] }, text => 'with "quotes", blanks',
});
our $Bob = token(claims => { iat => 1 });
our $Forged = edited($Alice, signature => sub { reverse $_[0] });

sub bearer { $_[0] ? "Authorization: Bearer $_[0]\n" : '' }

# a long list of lines, with others in it at some places: "at" counts from 0

sub long_list {
    my ($length, $line, @at) = @_;

    my %at = map { $_ => 1 } @at;
    return CORE::join '', map { $at{$_} ? "$line\n" : "X-Line-$_: $_\n" }
                              0 .. $length - 1;
}

sub rest_of {
    my ($length, $ours, @at) = @_;

    my %at = map { $_ => 1 } @at;
    return CORE::join '', map { "$_\n" } sort grep { length } split(/\n/, $ours),
           map { $at{$_} ? () : "X-Line-$_: $_" } 0 .. $length - 1;
}

no_root_location();
run_tests();

__DATA__

=== TEST 1: the upstream gets the claim, and no header if it is missing
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, <<'END')
    gateway_jwt_claim_header X-User sub;
    gateway_jwt_claim_header X-Deep realm_access.roles[0];
    gateway_jwt_claim_header X-Text text;
    gateway_jwt_claim_header X-Number n;
    gateway_jwt_claim_header X-True t;
    gateway_jwt_claim_header X-Null null;
    gateway_jwt_claim_header X-None nothing;
END
--- request eval: [ "GET /", "GET /" ]
--- more_headers eval: [ ::bearer($::Alice), ::bearer($::Bob) ]
--- response_body eval
[ qq{X-Deep: deep\nX-Number: 1.5\nX-Text: with "quotes", blanks\n}
  . qq{X-True: true\nX-User: alice\n}, '' ]



=== TEST 2: arrays and objects: join, the default, and json
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, <<'END')
    gateway_jwt_claim_header X-Default roles;
    gateway_jwt_claim_header X-Join roles join;
    gateway_jwt_claim_header X-Json roles json;
    gateway_jwt_claim_header X-Text-Json sub json;
    gateway_jwt_claim_header X-Object obj;
    gateway_jwt_claim_header X-Object-Json obj json;
END
--- request
GET /
--- more_headers eval: ::bearer($::Alice)
--- response_body
X-Default: admin,dev
X-Join: admin,dev
X-Json: ["admin","dev"]
X-Object-Json: {"a":[1,2]}
X-Object: {"a":[1,2]}
X-Text-Json: "alice"



=== TEST 3: a value that a line cannot hold is not set
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, <<'END')
    gateway_jwt_claim_header X-A a;
    gateway_jwt_claim_header X-B b;
    gateway_jwt_claim_header X-Json a json;
END
--- request eval: [ ("GET /") x 7 ]
--- more_headers eval
[ map { ::bearer(::token(claims => { a => $_, b => 'fine' }))
        . "X-A: forged\n" }
      "x\r\nX-Role: admin", "x\ny", "x\ry", "x\x7fy", "x\x01y", "x\ty",
      "caf\x{e9}" ]
--- response_body eval
[ qq{X-B: fine\nX-Json: "x\\u000d\\u000aX-Role: admin"\n},
  qq{X-B: fine\nX-Json: "x\\u000ay"\n}, qq{X-B: fine\nX-Json: "x\\u000dy"\n},
  qq{X-B: fine\nX-Json: "x\\u007fy"\n},
  qq{X-B: fine\nX-Json: "x\\u0001y"\n},
  qq{X-A: x\ty\nX-B: fine\nX-Json: "x\\u0009y"\n},
  qq{X-A: caf\xc3\xa9\nX-B: fine\nX-Json: "caf\xc3\xa9"\n} ]



=== TEST 4: the client's lines never arrive: other case, several lines, missing claims
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, 'gateway_jwt_claim_header X-User sub;')
--- request eval: [ ("GET /") x 6 ]
--- more_headers eval
[ ::bearer($::Alice) . "X-User: root\n",
  ::bearer($::Alice) . "x-user: root\nX-USER: root\nX-User: a\nX-Us: b\n",
  ::bearer($::Bob) . "X-User: root\n",
  ::bearer($::Bob) . "X-User: \nx-uSER: root\nX-Users: c\n",
  "X-User: root\nX-User: root\n" . ::bearer($::Alice) . "X-User: root\n",
  ::bearer($::Alice) . "X-Before: 1\nX-User: root\nX-After: 2\n" ]
--- response_body eval
[ "X-User: alice\n", "X-Us: b\nX-User: alice\n", "", "X-Users: c\n",
  "X-User: alice\n", "X-After: 2\nX-Before: 1\nX-User: alice\n" ]



=== TEST 5: "_" is "-" where nginx lets underscores in
--- jwks: es256
--- http_config
underscores_in_headers on;
--- config eval
::location('/', $::Pass, $::Jwt, <<'END')
    gateway_jwt_claim_header X-User-Name sub;
    gateway_jwt_claim_header x_tenant_id n;
END
--- request eval: [ ("GET /") x 3 ]
--- more_headers eval
my $copies = "X_User_Name: r\nX-User_Name: r\nx_user-NAME: r\n"
             . "X-Tenant-Id: r\nx_tenant_id: r\nX_TENANT-ID: r\n";
[ ::bearer($::Alice) . $copies, ::bearer($::Bob) . $copies,
  ::bearer($::Bob) . "X_Other: kept\nX_User: kept\n" ]
--- response_body eval
[ "X-User-Name: alice\nx_tenant_id: 1.5\n", "",
  "X_Other: kept\nX_User: kept\n" ]



=== TEST 6: other bytes that nginx accepts and CGI turns into "_"
--- jwks: es256
--- http_config
ignore_invalid_headers off;
--- config eval
::location('/', $::Pass, $::Jwt, 'gateway_jwt_claim_header X-User-Name sub;')
--- more_headers eval
::bearer($::Alice) . "X.User.Name: r\nX-User~Name: r\nX_User.Name: r\n"
                   . "X1User1Name: kept\n"
--- response_body
X-User-Name: alice
X1User1Name: kept



=== TEST 7: a name written anywhere in a server is removed in all its locations
--- jwks: es256
--- http_config
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name other;
    location / {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_set_header Authorization "";
    }
}
--- config eval
::location('/jwt', $::Pass, $::Jwt, 'gateway_jwt_claim_header X-User sub;')
. ::location('/off', $::Pass, 'gateway_jwt off;')
. ::location('/never', $::Pass)
. ::location('/optional', $::Pass, $::Jwt, 'gateway_jwt_mode optional;',
             'gateway_jwt_claim_header X-Role role;')
. ::location('/dry', $::Pass, $::Jwt, 'gateway_jwt_mode dry_run;',
             'gateway_jwt_claim_header X-User sub;')
. ::location('/any', $::Pass, $::Jwt, 'satisfy any; allow all;',
             'gateway_jwt_claim_header X-User sub;')
. ::location('/decode', $::Pass, 'gateway_jwt off token=$http_x_token;',
             'gateway_jwt_claim_header X-User sub;')
. ::location('/limited', $::Pass,
             'limit_except GET { gateway_jwt_claim_header X-Limited sub; }')
--- request eval
[ "GET /jwt", "GET /off", "GET /never", "GET /optional", "GET /optional",
  "GET /dry", "GET /dry", "GET /any", "GET /any", "GET /any",
  "GET /decode", "GET /limited", "GET /never" ]
--- more_headers eval
my $copies = "X-User: root\nX-Role: root\nX-Limited: root\nX-Kept: 1\n";
[ (map { $copies . $_ }
  ::bearer($::Alice), '', '', '', ::bearer($::Alice),
  ::bearer($::Forged), ::bearer($::Alice), '', ::bearer($::Forged),
  ::bearer($::Alice), "X-Token: $::Alice\n", ''),
  $copies . "Host: other\n" ]
--- response_body eval
my $kept = "X-Kept: 1\n";
[ "${kept}X-User: alice\n", $kept, $kept, $kept, $kept,
  $kept, "${kept}X-User: alice\n", $kept, $kept,
  "${kept}X-User: alice\n", "${kept}X-Token: $::Alice\n", $kept,
  "${kept}X-Limited: root\nX-Role: root\nX-User: root\n" ]



=== TEST 8: http{} level names are removed in every server
--- jwks: es256
--- http_config
gateway_jwt_claim_header X-User sub;
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name other;
    location / { proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT; }
}
--- config eval: ::location('/', $::Pass, $::Jwt)
--- request eval: [ "GET /", "GET /" ]
--- more_headers eval
[ "X-User: root\n" . ::bearer($::Alice), "X-User: root\nHost: other\n" ]
--- response_body eval: [ "X-User: alice\n", "" ]



=== TEST 9: levels add up by name: an inner level replaces a name, never drops one
--- jwks: es256
--- http_config
gateway_jwt_claim_header X-Http sub;
gateway_jwt_claim_header X-Three sub;
--- config eval
"gateway_jwt_claim_header X-Server sub; gateway_jwt_claim_header X-Three n;\n"
. ::location('/child', $::Pass, $::Jwt, <<'END')
    gateway_jwt_claim_header X-Own sub;
    gateway_jwt_claim_header x-three t;
END
. ::location('/plain', $::Pass, $::Jwt)
. ::location('/outer', $::Pass, $::Jwt, <<'END')
    gateway_jwt_claim_header X-Outer sub;
    location /outer/in {
        proxy_pass http://127.0.0.1:$TEST_NGINX_ECHO_PORT;
        proxy_set_header Authorization "";
        gateway_jwt_claim_header X-Outer roles json;
    }
END
--- request eval
[ "GET /child", "GET /plain", "GET /outer", "GET /outer/in" ]
--- more_headers eval: [ (::bearer($::Alice) . "X-Three: root\n") x 4 ]
--- response_body eval
my $two = "X-Http: alice\n";
[ "${two}X-Own: alice\nX-Server: alice\nx-three: true\n",
  "${two}X-Server: alice\nX-Three: 1.5\n",
  "${two}X-Outer: alice\nX-Server: alice\nX-Three: 1.5\n",
  "${two}X-Outer: [\"admin\",\"dev\"]\nX-Server: alice\nX-Three: 1.5\n" ]



=== TEST 10: long lists: copies first, middle, last, at the parts' ends, all
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, 'gateway_jwt_claim_header X-User sub;')
--- request eval: [ ("GET /") x 14 ]
--- more_headers eval
my @lists = ([ 25, 0 ], [ 25, 12 ], [ 25, 24 ], [ 25, 16 .. 21 ],
             [ 25, 0 .. 24 ], [ 60, 0, 30, 59 ], [ 60, 17 .. 41 ],
             [ 60, 0 .. 59 ], [ 90, map { 2 * $_ } 0 .. 44 ],
             [ 25, 0 ], [ 25, 16 .. 24 ], [ 60, 0 .. 19 ], [ 60, 20 .. 59 ],
             [ 60, 0 .. 59 ]);
my $n = 0;
[ map { my ($length, @at) = @$_;
        ::long_list($length, 'X-User: root', @at)
        . ($n++ < 9 ? ::bearer($::Alice) : ::bearer($::Bob)) } @lists ]
--- response_body eval
my @lists = ([ 25, 0 ], [ 25, 12 ], [ 25, 24 ], [ 25, 16 .. 21 ],
             [ 25, 0 .. 24 ], [ 60, 0, 30, 59 ], [ 60, 17 .. 41 ],
             [ 60, 0 .. 59 ], [ 90, map { 2 * $_ } 0 .. 44 ],
             [ 25, 0 ], [ 25, 16 .. 24 ], [ 60, 0 .. 19 ], [ 60, 20 .. 59 ],
             [ 60, 0 .. 59 ]);
my $n = 0;
[ map { my ($length, @at) = @$_;
        ::rest_of($length, $n++ < 9 ? 'X-User: alice' : '', @at) } @lists ]



=== TEST 11: a request with no other lines, before and after Host
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt_claim_header X-User sub;')
--- raw_request eval
[ "GET / HTTP/1.0\r\n" . ("X-User: root\r\n" x 45) . "\r\n" ]
--- response_body



=== TEST 12: a client that lists the name in Connection does not remove ours
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, 'gateway_jwt_claim_header X-User sub;')
--- request eval: [ "GET /", "GET /" ]
--- more_headers eval
[ ::bearer($::Alice) . "Connection: close, X-User\nX-User: root\n",
  ::bearer($::Bob) . "Connection: X-User, close\nX-User: root\n" ]
--- response_body eval: [ "X-User: alice\n", "" ]



=== TEST 13: the subrequest of auth_request sees none of the client's lines
--- jwks: es256
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { add_header X-Seen "<$http_x_user>"; return 204; }
}
--- config eval
::location('/auth', 'internal;', <<'END')
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
END
. ::location('/plain', $::Pass, 'auth_request /auth;', <<'END')
    auth_request_set $seen $upstream_http_x_seen;
    add_header X-Auth-Saw $seen;
END
. ::location('/jwt', $::Pass, $::Jwt, 'auth_request /auth;', <<'END')
    auth_request_set $seen $upstream_http_x_seen;
    add_header X-Auth-Saw $seen;
    gateway_jwt_claim_header X-User sub;
END
--- request eval: [ "GET /plain", "GET /jwt" ]
--- more_headers eval
[ "X-User: root\n", "X-User: root\n" . ::bearer($::Alice) ]
--- response_headers eval: [ ("X-Auth-Saw: <>") x 2 ]
--- response_body eval: [ "", "X-User: alice\n" ]



=== TEST 14: lines that nginx knows by name: its variables are empty, too
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, <<'END')
    gateway_jwt_claim_header X-Forwarded-For sub;
    gateway_jwt_claim_header X-Real-IP n;
    gateway_jwt_claim_header User-Agent roles;
    gateway_jwt_claim_header X-User sub;
    add_header X-Say "<$http_x_forwarded_for|$http_x_real_ip|$http_user_agent|$http_x_user>";
    proxy_set_header X-Chain $proxy_add_x_forwarded_for;
END
--- request eval: [ "GET /", "GET /", "GET /" ]
--- more_headers eval
my $copies = "X-Forwarded-For: 6.6.6.6\nX-Forwarded-For: 6.6.6.7\n"
             . "X-Real-IP: 6.6.6.6\nUser-Agent: evil\nX-User: root\n";
[ $copies . ::bearer($::Alice), $copies . ::bearer($::Bob),
  ::bearer($::Alice) ]
--- response_headers eval
[ "X-Say: <alice|1.5|admin,dev|alice>", "X-Say: <|||>",
  "X-Say: <alice|1.5|admin,dev|alice>" ]
--- response_body eval
my $ours = "User-Agent: admin,dev\nX-Chain: alice, 127.0.0.1\n"
           . "X-Forwarded-For: alice\nX-Real-IP: 1.5\nX-User: alice\n";
[ $ours, "X-Chain: 127.0.0.1\n", $ours ]



=== TEST 15: removed, also if a variable has read them
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, <<'END')
    gateway_jwt_claim_header X-User sub;
    set $early $http_x_user;
    proxy_set_header X-Late $http_x_user;
END
--- request eval: [ "GET /", "GET /" ]
--- more_headers eval
[ ::bearer($::Alice) . "X-User: root\n", ::bearer($::Bob) . "X-User: root\n" ]
--- response_body eval
[ "X-Late: alice\nX-User: alice\n", "" ]



=== TEST 16: HTTP/1.0
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, 'gateway_jwt_claim_header X-User sub;')
--- raw_request eval
"GET / HTTP/1.0\r\nX-User: root\r\n" . ::bearer($::Alice) =~ s/\n/\r\n/r
. "X-User: root\r\n\r\n"
--- response_body
X-User: alice



=== TEST 17: HTTP/0.9 has no lines, to read or to remove
--- jwks: es256
--- config eval
::location('/off', $::Pass, 'gateway_jwt_claim_header X-User sub;')
--- raw_request eval: "GET /off\r\n"
--- http09
--- response_body



=== TEST 18: HTTP/0.9 with a token in an argument: the line is set
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt_claim_header X-User sub;',
           $::Jwt =~ s/ r;/ r token=\$arg_t;/r)
--- raw_request eval: "GET /?t=$::Alice\r\n"
--- http09
--- response_body
X-User: alice



=== TEST 19: HTTP/0.9 without a token is refused
--- jwks: es256
--- config eval
::location('/', $::Pass, 'gateway_jwt_claim_header X-User sub;', $::Jwt)
--- raw_request eval: "GET /\r\n"
--- http09
--- response_body
{"type":"about:blank","title":"Unauthorized","status":401,"detail":"no credential was presented","reason":"missing"}



=== TEST 20: not set if another method grants what this one refused
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, 'satisfy any; allow all;', <<'END')
    gateway_jwt_claim_header X-User sub;
    gateway_jwt_require_claim sub eq alice error=403;
END
--- request eval: [ "GET /", "GET /" ]
--- more_headers eval
[ map { ::bearer(::token(claims => { sub => $_ })) . "X-User: root\n" }
      'alice', 'mallory' ]
--- response_body eval: [ "X-User: alice\n", "" ]



=== TEST 21: once, also after the request went through other locations
--- jwks: es256
--- config eval
::location('/first', 'root $TEST_NGINX_HTML_DIR;', $::Jwt, <<'END')
    gateway_jwt_claim_header X-User sub;
    try_files /none /second;
END
. ::location('/second', $::Pass, $::Jwt, 'gateway_jwt_claim_header X-User n;')
. ::location('/third', 'root $TEST_NGINX_HTML_DIR;', $::Jwt, <<'END')
    gateway_jwt_claim_header X-User sub;
    try_files /none @fourth;
END
. ::location('@fourth', $::Pass, 'gateway_jwt off;')
--- request eval: [ "GET /first", "GET /third" ]
--- more_headers eval: [ (::bearer($::Alice) . "X-User: root\n") x 2 ]
--- response_body eval: [ "X-User: 1.5\n", "" ]



=== TEST 22: lines are added to a full list that has lost some
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, map { "gateway_jwt_claim_header X-User-$_ sub;" }
                                 0 .. 9)
--- request eval: [ ("GET /") x 50 ]
--- more_headers eval
[ map { my $length = $_; map { ::bearer($::Alice)
                               . ::long_list($length, 'X-User-0: root', $_) }
                             12 .. 16 } 15 .. 19, 35 .. 39 ]
--- response_body eval
my $ours = CORE::join "\n", map { "X-User-$_: alice" } 0 .. 9;
[ map { my $length = $_; map { ::rest_of($length, $ours, $_)  }
                             12 .. 16 } 15 .. 19, 35 .. 39 ]



=== TEST 23: lines are added to a list whose second part has lost some
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, map { "gateway_jwt_claim_header X-User-$_ sub;" }
                                 0 .. 9)
--- request eval: [ ("GET /") x 25 ]
--- more_headers eval
[ map { my $length = $_; map { ::bearer($::Alice)
                               . ::long_list($length, 'X-User-0: root', $_) }
                             15 .. 19 } 35 .. 39 ]
--- response_body eval
my $ours = CORE::join "\n", map { "X-User-$_: alice" } 0 .. 9;
[ map { my $length = $_; map { ::rest_of($length, $ours, $_)  }
                             15 .. 19 } 35 .. 39 ]



=== TEST 24: a variable with control characters is empty, and starts no line
--- jwks: es256
--- http_config
gateway_jwt_claim_set $claim deep text;
gateway_jwt_claim_set $members deep list;
gateway_jwt_header_set $header x;
--- config eval
my $hints = <<'END';
    proxy_set_header X-Token "";
    proxy_set_header X-Hint $gateway_jwt_claim_sub;
    proxy_set_header X-List $gateway_jwt_claim_list;
    proxy_set_header X-Object $gateway_jwt_claim_object;
    proxy_set_header X-Claim $claim;
    proxy_set_header X-Members $members;
    proxy_set_header X-Header $header;
    proxy_set_header X-Header-X $gateway_jwt_header_x;
    proxy_set_header X-Azp $gateway_jwt_claim_azp;
END
::location('/verified', $::Pass, $::Jwt, 'gateway_jwt_consumer azp;', $hints)
. ::location('/decoded', $::Pass, 'gateway_jwt off token=$http_x_token;', $hints)
--- request eval: [ map { ("GET /$_") x 7 } qw( verified decoded ) ]
--- more_headers eval
[ map { my $name = $_; map { my $text = $_; $name . ::token(
        claims => { sub => $text, azp => 'fine', list => [ 'a', $text ],
                    object => { a => $text },
                    deep => { text => $text, list => [ $text, 'b' ] } },
        header => { x => $text }) . "\n" }
        "x\r\nX-Role: admin", "x\nX-Role: admin", "x\rX-Role: admin", "x\x01y",
        "x\x7fy", "x\ty", 'plain' } 'Authorization: Bearer ', 'X-Token: ' ]
--- response_body eval
my $object = sub { qq(X-Azp: fine\nX-Object: {"a":"$_[0]"}\n) };
my $all = sub { my ($text, $json) = @_; "X-Azp: fine\nX-Claim: $text\n"
                . "X-Header-X: $text\nX-Header: $text\nX-Hint: $text\n"
                . "X-List: a,$text\nX-Members: $text,b\n"
                . qq(X-Object: {"a":"$json"}\n) };
[ ($object->('x\\u000d\\u000aX-Role: admin'), $object->('x\\u000aX-Role: admin'),
   $object->('x\\u000dX-Role: admin'), $object->('x\\u0001y'),
   $object->('x\\u007fy'),
   $all->("x\ty", 'x\\u0009y'), $all->('plain', 'plain')) x 2 ]



=== TEST 25: the payload variable is written as one line
--- jwks: es256
--- config eval
my $payload = 'proxy_set_header X-Payload $gateway_jwt_payload;';
::location('/verified', $::Pass, $::Jwt, $payload)
. ::location('/decoded', $::Pass, 'gateway_jwt off token=$http_x_token;',
             'proxy_set_header X-Token "";', $payload)
--- request eval: [ "GET /verified", "GET /decoded" ]
--- more_headers eval
my $t = ::token(payload => qq({\r\n"exp": 4102444800,\r\n"x": )
                           . qq("a\\r\\nX: b\x7f"\n}));
[ "Authorization: Bearer $t\n", "X-Token: $t\n" ]
--- response_body eval
[ (qq(X-Payload: {"exp":4102444800,"x":"a\\u000d\\u000aX: b\\u007f"}\n)) x 2 ]



=== TEST 26: a map that is read before PREACCESS keeps the client's value, unless volatile
--- jwks: es256
--- http_config
map $http_x_user $kept  { default $http_x_user; }
map $http_x_user $asked { volatile; default $http_x_user; }
map $http_x_user $late  { default $http_x_user; }
--- config eval
::location('/', $::Pass, $::Jwt, <<'END')
    gateway_jwt_claim_header X-User sub;
    set $early "$kept$asked";
    proxy_set_header X-Kept $kept;
    proxy_set_header X-Asked $asked;
    proxy_set_header X-Late $late;
END
--- request eval: [ "GET /", "GET /" ]
--- more_headers eval
[ ::bearer($::Alice) . "X-User: root\n", ::bearer($::Bob) . "X-User: root\n" ]
--- response_body eval
[ "X-Asked: alice\nX-Kept: root\nX-Late: alice\nX-User: alice\n",
  "X-Kept: root\n" ]



=== TEST 27: a claim with a blank at an end, which an upstream would remove, is not set
--- jwks: es256
--- config eval
::location('/', $::Pass, $::Jwt, 'gateway_jwt_claim_header X-Azp azp;')
--- request eval: [ ("GET /") x 4 ]
--- more_headers eval
[ map { ::bearer(::token(claims => { sub => 'a', azp => $_ })) }
  'x', ' x', "x\t", 'x y' ]
--- response_body eval
[ "X-Azp: x\n", '', '', "X-Azp: x y\n" ]
