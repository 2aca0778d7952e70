# SPDX-License-Identifier: BSD-2-Clause

# gateway_api_key_hide and gateway_jwt_hide for requests that nginx ends before
# ACCESS, and for those that reach it: the log contains no credential or, if
# hiding is off, all of them.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway;
use Test::Gateway::Consumer;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

my $key = api_key('acme');
my $token = token(claims => { sub => 'alice' });

my ($origin, $h2) = (free_port(), free_port());

# the same locations in several servers

my $locations = <<"END";
    location /return { return 403; }
    location /text { return 200 "text"; }
    location /moved { return 301 /elsewhere; }
    location /if { if (\$request_method = GET) { return 402; } }
    location /rewrite { rewrite ^ /elsewhere redirect; }
    location /large { client_max_body_size 1; empty_gif; }
    location /rate { limit_req zone=none; empty_gif; }
    location /inside { internal; empty_gif; }
    location /slash/ { proxy_pass http://127.0.0.1:$origin; }
    location /early { gateway_limit zone=early; empty_gif; }
    location /page/ { client_max_body_size 1; error_page 413 /error; empty_gif; }
    location /named/ { client_max_body_size 1; error_page 413 = \@error;
                       empty_gif; }
    location /away/ { client_max_body_size 1;
                      error_page 413 http://h.example/; empty_gif; }
    location /new/ { client_max_body_size 1; error_page 413 /error?a=2;
                     empty_gif; }
    location /dropped { rewrite ^ /error?a=3? last; }
    location /gone { rewrite ^ /error? last; }
    location /access { empty_gif; }
    location /other { rewrite ^ /access?a=4? last; }
    location = /error { return 409; }
    location \@error { return 410; }
END

sub server_of {
    my ($listen, @lines) = @_;

    return "server { listen 127.0.0.1:$listen; access_log logs/access.log all;\n"
           . CORE::join("\n", @lines) . "\n$locations }\n";
}

my %is = (
    key    => 'gateway_api_key r header=X-K bearer query=k cookie=k;',
    off    => 'gateway_api_key r header=X-K bearer query=k cookie=k; '
              . 'gateway_api_key_hide off;',
    arg    => 'gateway_jwt r token=$arg_k; gateway_jwt_hide on;',
    bearer => 'gateway_jwt r; gateway_jwt_hide on;',
    cookie => 'gateway_jwt r token=$cookie_k; gateway_jwt_hide on;',
    header => 'gateway_jwt off token=$http_x_k; gateway_jwt_hide on;',
    shown  => 'gateway_jwt r token=$arg_k;',
    none   => 'gateway_jwt off; gateway_jwt_hide on;',
    both   => 'gateway_jwt r token=$cookie_k; gateway_jwt_hide on; '
              . 'gateway_api_key r query=k; satisfy any;',
);
my %port = map { $_ => free_port() } sort keys %is;

my $server = start_nginx(
    files => { 'jwks.json' => jwks('es256'),
               'consumers.json' => consumers(consumer('acme')) },
    http  => <<"END" . CORE::join('', map { server_of($port{$_}, $is{$_}) } sort keys %is),
    gateway_consumers zone=consumers:1m file=consumers.json;
    gateway_jwt_key_file jwks.json;
    gateway_limit_zone \$server_port zone=early:1m rate=0r/d stage=early;
    limit_req_zone \$server_port zone=none:1m rate=1r/m;
    log_format all '\$status|\$request|\$request_uri|\$args|\$arg_k|\$http_x_k'
                   '|\$http_cookie|\$http_authorization';
    server {
        listen 127.0.0.1:$h2 http2;
        access_log logs/access.log all;
        $is{key}
        $locations
    }
END
    server => "listen 127.0.0.1:$origin; location / { return 204; }",
);


# One request on a connection of its own, with the credential in every place.

sub ask {
    my ($port, $method, $path, $secret, %arg) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        or die "connect: $!";
    print $socket CORE::join "\r\n", "$method $path?a=1&k=$secret&b=2 HTTP/1.1",
        "X-K: $secret", "Authorization: Bearer $secret",
        "Cookie: c=1; k=$secret", 'Connection: close',
        $method eq 'POST' ? 'Content-Length: 5' : (),
        $arg{line} // 'Host: localhost', '', $method eq 'POST' ? '12345' : '';
    local $/;
    return scalar <$socket> // '';
}

# what the log must show for a place: hidden or not

my %hidden = (key => 'uri header cookie authorization', off => '',
              arg => 'uri', bearer => 'authorization', cookie => 'cookie',
              header => 'header', shown => '', none => '',
              both => 'uri cookie');

sub line {
    my ($is, $secret, $method, $path, $status, %arg) = @_;

    my %gone = map { $_ => 1 } split ' ', $hidden{$is};
    my $args = $gone{uri} ? 'a=1&b=2' : "a=1&k=$secret&b=2";
    my $now = $arg{args} // $args;
    my $none = $arg{empty} ? '' : '-';      # of no length, or not there

    return CORE::join '|', $status,
        "$method $path?$args HTTP/1.1", "$path?$args", $now || $none,
        $now =~ /k=([^&]*)/ ? $1 : '-', $gone{header} ? '-' : $secret,
        $gone{cookie} ? 'c=1' : "c=1; k=$secret",
        $gone{authorization} ? '-' : "Bearer $secret";
}

my @ways = (
    [ GET => '/return', 403 ], [ GET => '/text', 200 ],
    [ GET => '/moved', 301 ], [ GET => '/if', 402 ],
    [ GET => '/rewrite', 302 ], [ POST => '/large', 413 ],
    [ GET => '/inside', 404 ], [ GET => '/slash', 301 ],
    [ GET => '/rate', 503, before => 1 ], [ GET => '/early', 429 ],
    [ POST => '/page/', 409, args => '' ], [ POST => '/named/', 410 ],
    [ POST => '/away/', 302 ], [ POST => '/new/', 409, args => 'a=2' ],
    [ GET => '/dropped', 409, args => 'a=3' ],
    [ GET => '/gone', 409, args => '', empty => 1 ],
    [ TRACE => '/', 405 ], [ GET => '/', 400, line => 'Host: a/b' ],
    [ GET => '/', 400, line => 'X-No-Host: 1' ],
    [ GET => '/', 501, line => "Host: localhost\r\nTransfer-Encoding: x" ],
);

sub logged { Test::Gateway::Server::slurp($server->dir . '/logs/access.log') }

for my $is (sort keys %is) {
    for my $secret ($is =~ /key|off|both/ ? $key : $token, 'very.secret/thing') {
        # a key in four places is a duplicate
        my $open = $is =~ /none|header/ || $secret !~ /very/ && $is !~ /key|off/;

        # also where "rewrite" has dropped the arguments

        for my $way (@ways, [ GET => '/access', $open ? 200 : 401 ],
                     [ GET => '/other', $open ? 200 : 401, args => 'a=4' ]) {
            my ($method, $path, $status, %arg) = @$way;
            my $name = "$is: $method $path, $status";

            ask($port{$is}, $method, $path, $secret) if $arg{before};

            my $had = () = logged() =~ /\n/g;
            ask($port{$is}, $method, $path, $secret, %arg);
            wait_until(sub { $had < (() = logged() =~ /\n/g) });

            is((split /\n/, logged())[-1],
               line($is, $secret, $method, $path, $status, %arg), $name);
        }
    }
}

# HTTP/2

SKIP: {
    skip 'no curl', 3 if !`curl --version 2>/dev/null`;

    for ([ '-d 12345', 'large', 413 ], [ '', 'return', 403 ], [ '', 'text', 200 ])
    {
        my ($body, $path, $status) = @$_;
        `curl -s --max-time 5 --http2-prior-knowledge -H 'X-K: $key' $body 'http://127.0.0.1:$h2/$path?a=1&k=$key&b=2'`;
        wait_until(sub { logged() =~ m{^$status\|\w+ /$path.* HTTP/2\.0}m });
        like(logged(), qr{^$status\|\w+\ /$path\?a=1&b=2\ HTTP/2\.0
                          \|/$path\?a=1&b=2\|a=1&b=2\|-\|-\|-\|-$}mx,
             "HTTP/2: /$path, $status");
    }
}

$server->stop('the log contains no alert');


# Arguments that are replaced before ACCESS are still read and hidden, since the
# upstream may receive $request_uri.

my ($front, $back) = (free_port(), free_port());

my $proxy = start_nginx(
    files => { 'jwks.json' => jwks('es256'),
               'consumers.json' => consumers(consumer('acme')) },
    http  => <<"END",
    gateway_consumers zone=consumers:1m file=consumers.json;
    gateway_jwt_key_file jwks.json;
    log_format uri '\$request';
    server {
        listen 127.0.0.1:$front;
        gateway_api_key_mode optional;
        gateway_jwt_mode optional;
        gateway_jwt_hide on;
        location /set {
            gateway_api_key r query=k;
            set \$args "";
            proxy_pass http://127.0.0.1:$back\$request_uri;
        }
        location /add {
            gateway_api_key r query=k;
            set \$args "k=other";
            proxy_pass http://127.0.0.1:$back\$request_uri;
        }
        location /cut { rewrite ^ /jwt?b=2? last; }
        location /all { rewrite ^ /jwt? last; }
        location /break {
            gateway_api_key r query=k;
            rewrite ^ /x? break;
            proxy_pass http://127.0.0.1:$back\$request_uri;
        }
        location /jwt {
            gateway_jwt r token=\$arg_k;
            proxy_set_header X-Original-URI \$request_uri;
            proxy_pass http://127.0.0.1:$back;
        }
        location /page {
            gateway_api_key r query=k;
            gateway_api_key_mode required;
            error_page 503 /fifty;
            if (\$arg_page) { return 503; }
        }
        location /fifty { gateway_api_key r query=k; gateway_api_key_mode required;
                          empty_gif; }
    }
END
    server => "listen 127.0.0.1:$back; access_log logs/back.log uri; "
              . 'location / { return 200 "$request_uri $http_x_original_uri"; }',
);

sub body_of {
    my ($path) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$front")
        or die "connect: $!";
    print $socket "GET $path HTTP/1.0\r\nHost: h\r\n\r\n";
    local $/;
    my ($status, $body) = <$socket> =~ m{^HTTP/\S+ (\d+).*?\r\n\r\n(.*)}s;
    return $status == 200 && $body =~ /^GIF/ ? $status
           : $status == 200 ? "200 $body" : $status;
}

for ([ "/set?a=1&k=$key", '200 /set?a=1 ', 'a good key' ],
     [ '/set?a=1&k=forged', 401, 'a forged one' ],
     [ '/set?a=1&%6b=forged', 401, 'one in another spelling' ],
     [ "/set?k=$key&k=$key", 401, 'two' ],
     [ '/set?a=1', '200 /set?a=1 ', 'none' ],
     [ "/add?a=1&k=$key", 401, 'one that the configuration sets' ],
     [ "/cut?a=1&k=$token", '200 /jwt?b=2 /cut?a=1', 'a good token' ],
     [ '/cut?a=1&k=forged', 401, 'a forged token' ],
     [ '/cut?a=1#&k=forged', 401, 'and behind a number sign' ],
     [ "/all?a=1&k=$token", '200 /jwt /all?a=1', 'a good token, and none are left' ],
     [ '/all?k=forged', 401, 'a forged token, and none are left' ],
     [ "/break?a=1&k=$key", '200 /break?a=1 ', 'a good key, and none are left' ],
     [ '/break?k=forged', 401, 'a forged one, and none are left' ],
     [ '/break?a=1', '200 /break?a=1 ', 'no key, and none are left' ],
     [ "/page?page=1&k=$key", 503, 'an error page' ],
     [ '/page?page=1', 401, 'an error page without a key' ])
{
    my ($path, $expected, $name) = @$_;
    is(body_of($path), $expected, "arguments that were replaced: $name");
}

my $seen = Test::Gateway::Server::slurp($proxy->dir . '/logs/back.log');
unlike($seen, qr/forged|\Q$key\E|\Q$token\E/, 'no upstream has received a credential');

$proxy->stop('nor does the log of the proxy');
done_testing;
