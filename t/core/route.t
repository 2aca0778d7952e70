# SPDX-License-Identifier: BSD-2-Clause

# $gateway_route: the name set by gateway_route, or else the location as written,
# of the location before any internal redirect.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway;

BEGIN { $Test::Gateway::More = 1 }

run_tests();

my ($origin, $bare, $early, $away) = map { free_port() } 1 .. 4;

my $server = start_nginx(
    files => { 'html/dir/index.html' => 'index', 'html/file' => 'file' },
    http => <<"END",
    add_header X-Route "\$gateway_route" always;

    server {
        listen 127.0.0.1:$origin;
        location / { return 200 origin; }
        location /accel { add_header X-Accel-Redirect /inner; return 204; }
        location /named { add_header X-Accel-Redirect \@named; return 204; }
    }

    server {
        listen 127.0.0.1:$bare;
        root html;
        if (\$arg_a) { set \$x \$gateway_route; return 200 "[\$x]"; }
        error_page 404 /page;
        location /page { return 200 page; }
        location = /only { return 200 only; }
    }

    server {
        listen 127.0.0.1:$early;
        error_page 403 /page;
        return 403;
        location /page { return 200 page; }
    }

    server {
        listen 127.0.0.1:$away;
        rewrite ^/old(.*) /a\$1;
        rewrite ^/older(.*) /a\$1 last;
        location /a { return 200 a; }
    }
END
    server => <<"END");
    root html;
    large_client_header_buffers 2 1k;
    proxy_hide_header X-Route;

    location = /exact { return 200 x; }
    location =/glued { return 200 x; }
    location ^~ /stop { return 200 x; }
    location ^~/tight { return 200 x; }
    location ~ ^/re/\\d+\$ { return 200 x; }
    location ~^/fast { return 200 x; }
    location ~* \\.PNG\$ { return 200 x; }
    location ~*\\.gif\$ { return 200 x; }
    location "/with blank" { return 200 x; }
    location /prefix { return 200 x; }
    location /slash/ { return 200 x; }
    location "/two\\r\\nX-Line: s" { return 200 x; }

    location /named { gateway_route orders; return 200 x; }
    location /group {
        gateway_route group;
        empty_gif;
        location /group/in { return 200 x; }
        location = /group/own { gateway_route "own route"; return 200 x; }
        location ~ ^/group/re { return 200 x; }
    }
    location /outer { location /outer/inner { return 200 x; } return 200 x; }

    location /except {
        limit_except GET { deny all; }
        empty_gif;
    }
    location /named-except {
        gateway_route except;
        limit_except GET { deny all; }
        empty_gif;
    }
    location /if {
        if (\$arg_a) { add_header X-If "\$gateway_route" always; return 200 x; }
        return 201;
    }

    location /last { rewrite ^ /prefix last; }
    location /twice { rewrite ^ /last last; }
    location /break { rewrite ^ /file break; }
    location /to-name { rewrite ^ /named last; }
    location /loop { rewrite ^ /loop last; }

    location /try { try_files /none /nowhere /caught; }
    location /try-file { try_files /file =404; }
    location /try-named { try_files /none \@named; }
    location /try-code { try_files /none =404; }
    location /caught { return 200 x; }
    location \@named { return 200 x; }
    location \@away { gateway_route away; return 200 x; }
    location /to-away { try_files /none \@away; }
    location /dir/ { index index.html; }
    location /dir/index.html { }

    location /accel { proxy_pass http://127.0.0.1:$origin; }
    location /inner { internal; return 200 x; }
    location /proxied { proxy_pass http://127.0.0.1:$origin; }
    location /accel-named { proxy_pass http://127.0.0.1:$origin/named; }

    location /page { return 200 page; }
    location /error { error_page 404 /page; return 404; }
    location /error-is { error_page 404 = /page; return 404; }
    location /error-named { error_page 404 = \@named; return 404; }
    location /error-again {
        error_page 404 /page2; return 404;
    }
    location /page2 { rewrite ^ /page last; }
    location /down { error_page 502 = \@named;
                     proxy_pass http://127.0.0.1:1; }
    location /large { client_max_body_size 1; empty_gif; }
    location /to-large { rewrite ^ /large last; }
    location /large-page { client_max_body_size 1; error_page 413 /page;
                           empty_gif; }
    location /large-is { client_max_body_size 1; error_page 413 = /page2;
                         empty_gif; }
    location /secret { internal; }

    location /auth { auth_request /asked; empty_gif; }
    location /auth-error { auth_request /asked; error_page 404 = /page;
                           try_files /none =404; }
    location /asked { internal; add_header X-Asked 1; return 204; }
    location /denied { deny all; }
END


# the value of $gateway_route for a request; undef: there was no header

sub route {
    my ($uri, %arg) = @_;

    my ($status, $head) = http_get($arg{port} // $server->port, $uri, %arg);
    return { status => $status,
             route => $head =~ /^X-Route: (.*?)\r?$/m ? $1 : '' };
}

sub is_route {
    my ($uri, $status, $route, $name, %arg) = @_;

    Test::More::is_deeply(route($uri, %arg),
                          { status => $status, route => $route },
                          "$uri: $name");
}


# --- the location as written

is_route('/exact', 200, '= /exact', 'an exact location');
is_route('/glued', 200, '= /glued', 'its modifier without a blank');
is_route('/stop/x', 200, '^~ /stop', 'a prefix that stops');
is_route('/tight/x', 200, '^~ /tight', 'its modifier without a blank');
is_route('/re/12', 200, '~ ^/re/\d+$', 'a regular expression');
is_route('/fast', 200, '~ ^/fast', 'its modifier without a blank');
is_route('/x.png', 200, '~* \.PNG$', 'one without regard to case');
is_route('/x.GIF', 200, '~* \.gif$', 'its modifier without a blank');
is_route('/with%20blank', 200, '/with blank', 'a quoted name');
is_route('/prefix/x', 200, '/prefix', 'a prefix');
is_route('/prefixed', 200, '/prefix', 'a longer name with this prefix');
is_route('/slash/x', 200, '/slash/', 'a prefix with a slash');
is_route('/two%0d%0aX-Line:%20s', 200, '/two  X-Line: s',
         'line breaks are spaces');
is_route('/file', 200, '', 'no location', port => $bare);
is_route('/only', 200, '= /only', 'the only location', port => $bare);

# --- by name

is_route('/named', 200, 'orders', 'a name');
is_route('/group', 200, 'group', 'a name of several locations');
is_route('/group/in', 200, 'group', 'an inner location inherits it');
is_route('/group/re', 200, 'group', 'also a regular expression');
is_route('/group/own', 200, 'own route', 'or has its own');
is_route('/outer/inner', 200, '/outer/inner', 'without a name, the inner one');
is_route('/outer', 200, '/outer', 'and the outer one');

# --- implicit locations

is_route('/except', 200, '/except', 'a location with limit_except');
is_route('/except', 403, '/except', 'in limit_except', method => 'POST');
is_route('/named-except', 403, 'except', 'a name there', method => 'POST');
is_route('/if', 201, '/if', 'a location with "if"');
Test::More::like((http_get($server->port, '/if?a=1'))[1],
                 qr{^X-If: /if\r?$}m, 'in "if"');

# --- rewrites

is_route('/last', 200, '/prefix', 'the location that the rewrite chose');
is_route('/twice', 200, '/prefix', 'the last one of two');
is_route('/break', 200, '/break', 'break chooses none');
is_route('/to-name', 200, 'orders', 'a name that was chosen');
is_route('/loop', 500, '/loop', 'a loop');
is_route('/old/x', 200, '/a', 'a rewrite of the server', port => $away);
is_route('/older/x', 200, '/a', 'with last', port => $away);

# --- internal redirects

is_route('/try', 200, '/try', 'try_files');
is_route('/try-file', 200, '/try-file', 'that finds the file');
is_route('/try-named', 200, '/try-named', 'a named location');
is_route('/try-code', 404, '/try-code', 'a code');
is_route('/to-away', 200, '/to-away', 'a name of a named location');
is_route('/dir/', 200, '/dir/', 'index');
is_route('/dir/index.html', 200, '/dir/index.html', 'requested itself');
is_route('/accel', 200, '/accel', 'X-Accel-Redirect');
is_route('/accel-named', 200, '/accel-named', 'to a named location');
is_route('/proxied', 200, '/proxied', 'without one');

# --- errors

is_route('/error', 404, '/error', 'error_page');
is_route('/error-is', 200, '/error-is', 'with another status');
is_route('/error-named', 200, '/error-named', 'in a named location');
is_route('/error-again', 404, '/error-again', 'that is rewritten');
is_route('/down', 200, '/down', 'after an upstream server');
is_route('/denied', 403, '/denied', 'nginx has no page');
is_route('/missing', 404, '', 'a page after no location', port => $bare);

# --- before REWRITE

is_route('/large', 413, '/large', 'too large for the location',
         method => 'POST', body => 'ab');
is_route('/large', 200, '/large', 'and not', method => 'GET');
is_route('/to-large', 413, '/large', 'that a rewrite has chosen',
         method => 'POST', body => 'ab');
is_route('/large-page', 413, '', 'its error page is no route',
         method => 'POST', body => 'ab');
is_route('/large-is', 200, '', 'also rewritten, with another status',
         method => 'POST', body => 'ab');
is_route('/secret', 404, '/secret', 'an internal location');
is_route('/x', 403, '', 'return of the server, its page', port => $early);

my (undef, undef, $set) = http_get($bare, '/x?a=1');
Test::More::is($set, '[]', 'set of the server: nothing is chosen yet');

sub raw {
    my ($request) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $server->port) or die $!;
    print $socket $request;
    local $/;
    return scalar <$socket>;
}

for my $case ([ 400, "GET /prefix HTTP/1.1\r\n\r\n" ],
              [ 400, "BAD\r\n\r\n" ],
              [ 414, 'GET /prefix' . 'x' x 2000 . " HTTP/1.1\r\n\r\n" ],
              [ 400, "GET /prefix HTTP/1.1\r\nHost: x\r\nX: "
                     . 'x' x 2000 . "\r\n\r\n" ])
{
    my ($status, $request) = @$case;
    my $said = raw($request) // '';
    Test::More::like($said, qr{^HTTP/1\.1 $status}, "a $status");
    Test::More::unlike($said, qr/^X-Route:/m, 'has no route');
}

# --- subrequests

is_route('/auth', 200, '/auth', 'a subrequest changes nothing');
is_route('/auth-error', 200, '/auth-error', 'nor does an error page');

$server->stop;


# --- a variable that is not read is not recorded

for my $case ([ 'add_header X-Route $gateway_route;', 1 ], [ '', 0 ]) {
    my ($line, $kept) = @$case;
    my $debug = start_nginx(
        main => 'error_log logs/debug.log debug;', workers => 1,
        server => "$line location /a { gateway_route a; empty_gif; }");
    $debug->get('/a');
    my $log = Test::Gateway::Server::slurp($debug->dir . '/logs/debug.log');
    Test::More::like($log, qr/http process request line/, 'the log is there');
    Test::More::is(() = $log =~ /gateway route: "a"/g, $kept,
                   "the route is kept $kept times");
    $debug->stop;
}


# --- errors of the configuration

sub refused {
    my ($lines, $said, $name) = @_;
    my ($code, $output) = nginx_t(http_conf(server => $lines));
    Test::More::is($code, 1, $name);
    Test::More::like($output, $said, 'with an error');
}

refused('location / { gateway_route a; gateway_route b; }',
        qr/"gateway_route" directive is duplicate/, 'two names');
refused('location / { gateway_route ""; }',
        qr/"gateway_route" directive has an empty name/, 'an empty name');
refused("location / { gateway_route \"$_\"; }",
        qr/"gateway_route" directive has a control character in its name/,
        'a control character')
    for 'a\\n', 'a\\r\\nX: y', "\x01", "a\x7f";
refused("location / { gateway_route $_; }",
        qr/invalid name "\Q$_\E" in "gateway_route", variables are not supported/,
        $_) for '$uri', 'a-$1', 'a$';
refused('gateway_route a;', qr/"gateway_route" directive is not allowed here/,
        'in a server');
refused('location / { if ($arg_a) { gateway_route a; } }',
        qr/"gateway_route" directive is not allowed here/, 'in "if"');
refused('location / { gateway_route; }',
        qr/invalid number of arguments in "gateway_route"/, 'no name');

Test::More::done_testing();
