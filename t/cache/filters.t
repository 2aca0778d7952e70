# SPDX-License-Identifier: BSD-2-Clause

# The cache with other modules of nginx that filter headers or bodies: a stored
# response is the same as a response without the cache.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use IO::Uncompress::Gunzip qw( gunzip );
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( time );

my $port = free_port();
my $origin = origin();
my $pass = "proxy_http_version 1.1;"
           . "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";

# modules of Debian's packages, which an nginx of another build cannot load

my ($path) = `@{[ Test::Gateway::Server::binary() ]} -V 2>&1`
             =~ /--modules-path=(\S+)/;
my (%load, $load);

for my $name (qw( ndk_http http_lua http_echo http_headers_more_filter
                  http_subs_filter http_image_filter )) {
    my $so = ($path // '/usr/lib/nginx/modules') . '/'
             . ($name =~ /^http/ ? 'ngx_' : '') . "${name}_module.so";
    my $line = qq(load_module "$so";\n);
    next if !-e $so || (nginx_t(http_conf(main => ($load // '') . $line)))[0];
    $load .= $line;
    $load{$name} = 1;
}
diag 'with ' . (join(' ', sort keys %load) || 'no other modules');

my %filter = (
    none => '',
    gzip => 'gzip on; gzip_min_length 1; gzip_types *; gzip_comp_level 1;',
    sub => q(sub_filter page PAGE; sub_filter_once off; sub_filter_types *;),
    addition => 'add_before_body /before; add_after_body /after;'
                . 'addition_types *;',
    charset => 'charset utf-8; source_charset koi8-r; charset_types *;',
    ssi => 'ssi on; ssi_types *;',
    expires => 'expires 1h; add_header X-Added x always; etag off;',
    mirror => 'mirror /mirror;',
    auth => 'auth_request /auth;',
    limited => 'limit_rate 200k; postpone_output 5000;',
    chunked => 'chunked_transfer_encoding off;',
    small => 'proxy_buffers 2 1k; proxy_buffer_size 1k;'
             . 'proxy_busy_buffers_size 1k; proxy_max_temp_file_size 0;',
    file => 'proxy_buffers 2 4k; proxy_buffer_size 4k; aio threads;'
            . 'proxy_busy_buffers_size 4k; aio_write on; directio 512;'
            . 'proxy_store on; root tmp/store; proxy_temp_file_write_size 8k;',
    unbuffered => 'proxy_buffering off;',
    ranges => 'proxy_force_ranges on;',
    slice => 'slice 1k; proxy_set_header Range $slice_range;',
);

$filter{subs} = 'subs_filter page PAGE gr; subs_filter_types *;'
    if $load{http_subs_filter};
$filter{more} = 'more_set_headers "X-More: x"; more_clear_headers X-Own;'
    if $load{http_headers_more_filter};
$filter{echo} = 'echo_before_body before; echo_after_body after;'
    if $load{http_echo};
$filter{lua} = <<'END' if $load{http_lua};
    header_filter_by_lua_block { ngx.header.content_length = nil
                                 ngx.header["X-Lua"] = "a" }
    body_filter_by_lua_block {
        ngx.arg[1] = ngx.arg[1] and ngx.arg[1]:upper()
    }
END

my $locations = '';
for my $name (sort keys %filter) {
    $locations .= "location /off/$name { $filter{$name} $pass }"
                . "location /on/$name { gateway_cache z; $filter{$name} $pass }";
}

$locations .= 'location /on/lua/fails { gateway_cache z;'
    . ' body_filter_by_lua_block {'
    . ' ngx.ctx.n = (ngx.ctx.n or 0) + #ngx.arg[1]'
    . ' if ngx.ctx.n > 10000 then error("no") end }'
    . " $pass } location /on/lua/header { gateway_cache z;"
    . ' header_filter_by_lua_block { ngx.exit(403) }' . " $pass }"
    if $load{http_lua};
$locations .= 'location /on/echo/slow { gateway_cache z; echo_sleep 0.5;'
    . ' echo done; } location /off/echo/slow { echo_sleep 0.5; echo done; }'
    if $load{http_echo};
$locations .= <<"END"
    location /image/ { gateway_cache z; image_filter test; $pass
                       gateway_cache_key \$uri; }
    location ~ ^/same(/.*) { gateway_cache z; $pass
                             gateway_cache_key /image\$1; }
END
    if $load{http_image_filter};

my $nginx = start_nginx(port => $port, conf => http_conf(workers => 1,
    main => $load // '',
    port => $port, http => <<'HTTP', server => <<"SERVER"));
    gateway_cache_zone zone=z:16m;
    charset_map koi8-r utf-8 { 80 E282AC; }
HTTP
    gateway_cache_key \$uri;
    location /before { return 200 "before "; }
    location /after { return 200 " after"; }
    location /auth { return 204; }
    location /mirror { return 204; }
    $locations
SERVER

my $body = join ' ', map { "page $_ <!--# "
    . ($_ % 50 ? 'echo var="request_method"' : 'include virtual="/before"')
    . " -->\n" } 1 .. 700;
my @head = ('Cache-Control: max-age=60', 'Content-Type: text/plain',
            'X-Own: a', 'X-Own: b', 'Link: </a>; rel=preload', 'Link: </b>');

# a response without its framing, decompressed

sub shown {
    my ($location, %ask) = @_;

    my ($code, $head, $text) = http_get($nginx, $location, %ask);
    my $whole = $ask{method} || $text =~ /(?:^|\r\n)0\r\n\r\n\z/;

    if ($head =~ /^Transfer-Encoding: chunked/m) {
        my ($from, $to) = ($text, '');
        while ($from =~ s/^([0-9a-f]+)\r\n//) {
            my $n = hex $1 or last;
            $to .= substr $from, 0, $n, '';
            $from =~ s/^\r\n//;
        }
        $text = $whole ? $to : "$to, not whole";
    }
    if ($head =~ /^Content-Encoding: gzip/m && length $text) {
        gunzip(\$text => \my $plain);
        $text = $plain;
    }
    my @lines = grep { !/^(?:Date|Age|Cache-Status|Connection|Accept-Ranges
                            |Content-Length|Transfer-Encoding):/x }
                map { s/\r//r } split /\n/, $head;
    return join "\n", $code, sort(@lines), length $text, $text;
}

my %ask = (
    plain => [],
    gzip => [ headers => [ 'Accept-Encoding: gzip' ] ],
    HEAD => [ method => 'HEAD' ],
);

sub alike {
    my ($got, $want, $what) = @_;

    return pass($what) if $got eq $want;
    return is(substr($got, 0, 700), substr($want, 0, 700), $what)
           || diag length($got) . ' bytes instead of ' . length $want;
}

for my $name (sort keys %filter) {
    for my $framing (qw( length chunked close )) {
        $origin->answer('*', head => [ @head ], body => $body,
                        framing => $framing, etag => '"v"', ranges => 1);

        my %off = map { ($_ => shown("/off/$name/$framing", @{ $ask{$_} })) }
                  keys %ask;
        my $miss = shown("/on/$name/$framing");
        alike($miss, $off{plain}, "$name, $framing: a miss");

        my $count = $origin->count;
        for my $how (sort keys %ask) {
            my $hit = shown("/on/$name/$framing", @{ $ask{$how} });
            alike($hit, $off{$how}, "a hit, $how");
        }
        is($origin->count, $count, 'the origin receives no more requests')
            if $name ne 'slice';
    }
}

# --- a filter that fails while a response is stored

# what a client receives on one connection for pipelined requests

sub conversation {
    my (@paths) = @_;

    my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die $!;
    my ($text, $end) = ('', time + 5);
    print $socket map { "GET $_ HTTP/1.1\r\nHost: localhost\r\n\r\n" } @paths;
    $socket->flush;
    while (time < $end) {
        vec(my $bits = '', fileno $socket, 1) = 1;
        select $bits, undef, undef, $end - time or last;
        sysread $socket, $text, 65536, length $text or return "$text, closed";
    }
    return $text;
}

SKIP: {
    skip 'nginx has no lua module', 3 if !$load{http_lua};
    $nginx->allow(qr/failed to run/);

    $origin->answer('*', head => [ @head ], body => $body);
    my $text = conversation('/on/lua/fails', '/on/none/after');
    like($text, qr/, closed$/, 'a body filter fails: the connection is closed');
    unlike($text, qr/HTTP\/1.*HTTP\/1/s, 'the next response is not sent');

    $text = conversation('/on/lua/header');
    like($text, qr/^HTTP\/1.1 403 .*403 Forbidden/s,
         'a header filter responds itself');
}

SKIP: {
    skip 'nginx has no image_filter module', 5 if !$load{http_image_filter};
    $nginx->allow(qr/image_filter/);

    for my $framing (qw( length chunked close )) {
        $origin->answer('*', head => [ @head, 'X-Image: 1' ], size => 300_000,
                        framing => $framing, pause => 0.1);
        my ($code) = http_get($nginx, "/image/$framing");
        is($code, 415, "no image, $framing: image_filter responds");

        my $count = $origin->count;
        $origin->answer('*', head => [ @head ], body => 'another');
        (undef, undef, my $got) = http_get($nginx, "/same/$framing");
        is($got, 'another', 'its error is not stored');
    }
}

# --- no request waits for a slow response that nginx itself makes

SKIP: {
    skip 'nginx has no echo module', 1 if !$load{http_echo};

    my $began = time;
    my @sockets = map {
        my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die $!;
        print $socket "GET /on/echo/slow HTTP/1.0\r\nHost: x\r\n\r\n";
        $socket->flush;
        $socket;
    } 1 .. 20;
    my @texts = map { local $/; readline $_ } @sockets;
    is(scalar(grep { /done/ } @texts), 20, '20 responses of echo');
    cmp_ok(time - $began, '<', 5, 'they are made concurrently');
}

done_testing();
