# SPDX-License-Identifier: BSD-2-Clause

# gateway_identity_headers: what the upstream server receives, and that a client
# cannot forge it.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

# A server of the same nginx that returns the headers that it received.

our $Upstream = <<'END';
underscores_in_headers on;

server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;

    location / {
        set $a 'id=$http_x_consumer_id groups=$http_x_consumer_groups';
        set $b 'plan=$http_x_consumer_plan key=$http_x_credential_id';
        set $c 'scopes=$http_x_auth_scopes user=$http_x_user';
        return 200 '$a $b $c token=$http_authorization\n';
    }
}
END

our $Pass = 'proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; '
            . 'proxy_set_header Authorization "";';
our $Jwt = 'gateway_jwt r; gateway_jwt_group groups; gateway_jwt_key_file '
           . '$TEST_NGINX_HTML_DIR/jwks.json;';
our $Optional = "$Jwt gateway_jwt_mode optional;";

sub location { my ($uri, @lines) = @_; "location $uri { $Pass @lines }\n" }

our $Full = token(claims => { sub => 'acme', scope => 'read write',
                              groups => [ 'gold', 'night shift' ] });
our $Bare = token(claims => { sub => 'acme' });
our $Nobody = token(claims => { scope => 'read' });
our $Forged = edited($Full, signature => sub { reverse $_[0] });

our $Copies = "X-Consumer-ID: root\nx-consumer-id: r\nX_Consumer-Id: r\n"
              . "X-Consumer-Groups: admin\nX-Consumer-Plan: gold\n"
              . "X-Credential-ID: k\nX-Auth-Scopes: all\n";

sub bearer { ($_[0] ? "Authorization: Bearer $_[0]\n" : '') . ($_[1] // '') }

# what the upstream server received

sub got {
    my (%line) = @_;
    return CORE::join(' ', map { "$_=" . ($line{$_} // '') }
                           qw( id groups plan key scopes user token )) . "\n";
}

our $AllOfIt = got(id => 'acme', groups => 'gold,night shift',
                   scopes => 'read write');
our $Nothing = got();

$Test::Gateway::More = 1;
no_root_location();
run_tests();


# --- each header once: $http_* joins equal names only since 1.23, so that the
# upstream server counts them

use IO::Socket::INET;

my $listen = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1')
    or die "listen: $!";
my $port = $listen->sockport;

defined(my $pid = fork) or die "fork: $!";
if (!$pid) {
    while (my $client = $listen->accept) {
        my $head = '';
        while ($head !~ /\r\n\r\n/ && sysread $client, my $more, 65536) {
            $head .= $more;
        }
        my $accel = $head =~ m{^GET /accel}
                    ? "X-Accel-Redirect: /last\r\n" : '';
        my $status = $head =~ m{^GET /teapot} ? '418 x' : '200 OK';
        my $body = CORE::join '', map { "$_\n" }
                   sort grep { /^x[-_]/i } split /\r\n/, $head;
        print $client "HTTP/1.1 $status\r\n${accel}Content-Length: "
                      . length($body) . "\r\nConnection: close\r\n\r\n$body";
        close $client;
    }
    POSIX::_exit(0);
}
close $listen;

my $pass = "proxy_pass http://127.0.0.1:$port;";
my $server = start_nginx(
    files  => { 'jwks.json' => jwks('es256'), 'html/page' => 'page' },
    http   => 'underscores_in_headers on;',
    server => "gateway_jwt r; gateway_jwt_key_file jwks.json; root html;\n"
              . "gateway_jwt_mode optional; gateway_identity_headers on;\n"
              . "location /plain { $pass }\n"
              . "location /last { $pass }\n"
              . "location \@last { rewrite ^ /last break; $pass }\n"
              . "location /try { try_files /none /last; }\n"
              . "location /named { try_files /none \@last; }\n"
              . "location /error { error_page 404 = /last; }\n"
              . "location /error_named { error_page 404 = \@last; }\n"
              . "location /accel { $pass }\n"
              . "location /teapot { $pass proxy_intercept_errors on; "
              . "error_page 418 = \@last; }\n"
              . "location /mirror { mirror /nowhere; $pass }\n"
              . "location = /nowhere { return 204; }\n"
              . "location /off { gateway_identity_headers off;"
              . " error_page 404 = /last; }\n"
              . "location /to_off { $pass proxy_intercept_errors on; "
              . "error_page 418 = \@off; rewrite ^ /teapot break; }\n"
              . "location \@off { gateway_identity_headers off; "
              . "rewrite ^ /last break; $pass }\n"
              . "location /rewrite { rewrite ^ /last last; }\n"
              . "location /if { if (\$arg_a = '') { $pass } }\n",
);

my @forged = map { "$_: root" } qw( X-Consumer-ID x_consumer_id X-Auth-Scopes );

for my $path (qw( /plain /try /named /error /error_named /accel /teapot
                  /mirror /off /rewrite /if /to_off ))
{
    for my $extra ([], [ @forged, 'X-Kept: 1' ]) {
        my ($status, undef, $body) = $server->get($path,
            headers => [ "Authorization: Bearer $Full", @$extra ]);
        my $kept = @$extra ? "X-Kept: 1\n" : '';
        my $ours = $path eq '/to_off' ? ''
                   : "X-Auth-Scopes: read write\nX-Consumer-ID: acme\n";
        Test::More::is_deeply([ $status, $body ], [ 200, $ours . $kept ],
            "$path" . (@$extra ? ' with copies' : '') . ': each line once');
    }

    my ($status, undef, $body) = $server->get($path, headers => [ @forged ]);
    Test::More::is_deeply([ $status, $body ], [ 200, '' ],
                          "$path: anonymous: no line");
}

$server->stop;
kill 'KILL', $pid;
waitpid $pid, 0;
done_testing();

__DATA__

=== TEST 1: a header for each known part of the identity, none for the rest
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval: ::location('/', $::Jwt, 'gateway_identity_headers on;')
--- request eval: [ ("GET /") x 3 ]
--- more_headers eval: [ map { ::bearer($_) } $::Full, $::Bare, $::Nobody ]
--- response_body eval
[ $::AllOfIt, ::got(id => 'acme'), ::got(scopes => 'read') ]



=== TEST 2: the client's copies never reach the upstream
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval: ::location('/', $::Optional, 'gateway_identity_headers on;')
--- request eval: [ ("GET /") x 4 ]
--- more_headers eval
[ map { ::bearer($_, $::Copies) } $::Full, $::Bare, $::Nobody, '' ]
--- response_body eval
[ $::AllOfIt, ::got(id => 'acme'), ::got(scopes => 'read'), $::Nothing ]



=== TEST 3: in no other location of the server either
--- jwks: es256
--- http_config eval
$::Upstream . <<'END'
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name other;
    location / { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
}
END
--- config eval
::location('/on', $::Jwt, 'gateway_identity_headers on;')
. ::location('/never')
. ::location('/off', $::Jwt, 'gateway_identity_headers off;')
. ::location('/any', $::Jwt, 'satisfy any; allow all; '
                             . 'gateway_identity_headers on;')
. ::location('/dry', $::Jwt, 'gateway_jwt_mode dry_run; '
                             . 'gateway_identity_headers on;')
--- request eval
[ "GET /never", "GET /off", "GET /any", "GET /any", "GET /dry", "GET /dry",
  "GET /never" ]
--- more_headers eval
[ (map { ::bearer($_, $::Copies) } '', $::Full, '', $::Forged, $::Forged,
                                   $::Bare),
  "Host: other\nX-Consumer-ID: root\n" ]
--- response_body eval
[ ($::Nothing) x 5, ::got(id => 'acme'), ::got(id => 'root') ]



=== TEST 4: headers are renamed and omitted one by one
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
::location('/user', $::Jwt, 'gateway_identity_headers on consumer=X-User;')
. ::location('/less', $::Jwt,
             'gateway_identity_headers on groups=off scopes=off;')
. ::location('/none', $::Jwt, 'gateway_identity_headers on consumer=off '
             . 'groups=off plan=off credential=off scopes=off;')
--- request eval: [ map { "GET /$_" } qw( user less none ) ]
--- more_headers eval
[ (::bearer($::Full, $::Copies . "X-User: root\n")) x 3 ]
--- response_body eval
[ ::got(user => 'acme', groups => 'gold,night shift', scopes => 'read write'),
  ::got(id => 'acme'), $::Nothing ]



=== TEST 5: a header that is omitted in the whole server is not removed
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
::location('/', $::Jwt, 'gateway_identity_headers on consumer=X-User plan=off;')
--- request
GET /
--- more_headers eval: ::bearer($::Bare, $::Copies)
--- response_body_like eval: qr/plan=gold .* user=acme/



=== TEST 6: inherited, replaced as a whole, and off
--- jwks: es256
--- http_config eval: "gateway_identity_headers on;\n" . $::Upstream
--- config eval
$::Jwt . ::location('/same')
. ::location('/other', 'gateway_identity_headers on consumer=X-User;')
. ::location('/out', 'gateway_identity_headers on groups=off; '
             . ::location('/out/in'))
. ::location('/off', 'gateway_identity_headers off;')
--- request eval: [ map { "GET /$_" } qw( same other out/in off ) ]
--- more_headers eval: ::bearer($::Full)
--- response_body eval
[ $::AllOfIt, ::got(user => 'acme', groups => 'gold,night shift',
                    scopes => 'read write'),
  ::got(id => 'acme', scopes => 'read write'), $::Nothing ]



=== TEST 7: with rules: set once they are met
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
::location('/', $::Jwt, 'gateway_identity_headers on; '
                        . 'gateway_require_scope read;')
--- request eval: [ "GET /", "GET /" ]
--- more_headers eval: [ map { ::bearer($_) } $::Full, $::Bare ]
--- error_code eval: [ 200, 403 ]
--- response_body_like eval: [ quotemeta($::AllOfIt), '"scope":"read"' ]



=== TEST 8: names in the Connection header do not remove the headers that are set
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval: ::location('/', $::Optional, 'gateway_identity_headers on;')
--- request eval: [ "GET /", "GET /" ]
--- more_headers eval
[ map { ::bearer($_, "Connection: close, X-Consumer-ID, X-Auth-Scopes\n"
                     . $::Copies) } $::Full, '' ]
--- response_body eval: [ $::AllOfIt, $::Nothing ]



=== TEST 9: variables return the headers that are set, even if read before
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
::location('/', $::Optional, <<'END')
    set $early $http_x_consumer_id;
    gateway_identity_headers on;
    add_header X-Id '$http_x_consumer_id|$early' always;
END
--- request eval: [ ("GET /") x 3 ]
--- more_headers eval
[ ::bearer($::Full, "X-Consumer-ID: root\n"),
  ::bearer('', "X-Consumer-ID: root\n"), ::bearer($::Full) ]
--- response_headers eval
[ 'X-Id: acme|root', 'X-Id: |root', 'X-Id: acme|' ]



=== TEST 10: a subrequest of auth_request does not see the client's copies
--- jwks: es256
--- http_config eval: $::Upstream
--- config eval
::location('/t', $::Jwt, <<'END')
    gateway_identity_headers on;
    auth_request /auth;
    auth_request_set $seen $upstream_http_x_seen;
    add_header X-Seen "[$seen]" always;
END
. <<'END'
location = /auth {
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/seen;
    proxy_set_header X-Saw "$http_x_consumer_id";
}
location = /seen {
    add_header X-Seen "$http_x_saw" always;
    return 204;
}
END
--- request
GET /t
--- more_headers eval: ::bearer($::Full, "X-Consumer-ID: root\n")
--- response_headers
X-Seen: []
--- response_body eval: $::AllOfIt



=== TEST 11: mirror and SSI see the headers that are set
--- jwks: es256
--- user_files
>>> page.shtml
<!--#include virtual="/part" -->
--- http_config eval: $::Upstream
--- config eval
$::Jwt . 'gateway_identity_headers on;
location /page.shtml { root $TEST_NGINX_HTML_DIR; ssi on; ssi_types *; }
' . ::location('/part')
--- request
GET /page.shtml
--- more_headers eval: ::bearer($::Full, $::Copies)
--- response_body eval: "$::AllOfIt\n"



=== TEST 12: a consumer of the file: its id, its plan and its groups
--- jwks: es256
--- user_files
>>> consumers.json
{ "consumers": [
  { "id": "acme inc", "plan": "gold", "groups": [ "partners", "gold" ],
    "jwt": [ { "iss": "https://id.example", "sub": "service-acme" } ] } ] }
--- http_config eval
$::Upstream . 'gateway_consumers zone=c:1m '
. 'file=$TEST_NGINX_HTML_DIR/consumers.json;'
--- config eval
::location('/', $::Jwt, 'gateway_identity_headers on; '
                        . 'gateway_require_group partners; '
                        . 'gateway_require_consumer "acme inc";')
--- request eval: [ "GET /", "GET /" ]
--- more_headers eval
[ ::bearer(::token(claims => { iss => 'https://id.example',
                               sub => 'service-acme',
                               groups => [ 'gold', 'own' ] }), $::Copies),
  ::bearer($::Full) ]
--- error_code eval: [ 200, 403 ]
--- response_body_like eval
[ '\A' . ::got(id => 'acme inc', groups => 'gold,own,partners', plan => 'gold')
  . '\z', '"reason":"group_not_allowed"' ]



=== TEST 13: a subject that an upstream would read as the id of a consumer
--- jwks: es256
--- user_files
>>> consumers.json
{ "consumers": [ { "id": "acme" } ] }
--- http_config eval
$::Upstream . 'gateway_consumers zone=c:1m '
. 'file=$TEST_NGINX_HTML_DIR/consumers.json;'
--- config eval
::location('/', $::Jwt, 'gateway_identity_headers on;')
--- request eval: [ ("GET /") x 3 ]
--- more_headers eval
[ map { ::bearer(::token(claims => { sub => $_ })) } 'acme', 'acme ', "\tacme" ]
--- error_code eval: [ 403, 401, 401 ]
--- response_body_like eval
[ '"reason":"consumer_conflict"', ('"reason":"malformed_payload"') x 2 ]
