# SPDX-License-Identifier: BSD-2-Clause

# Each request has one id and one span: internal redirects, named locations, error
# pages and subrequests make no others, and identity headers remove none of their
# fields.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Echo;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

my ($id, $span) = ('0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331');
my $upstream = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";
my $token = token(claims => { sub => 'acme' });
my ($port, $origin) = (free_port(), free_port());
my $forged = 'X-Consumer-ID: root';

my $values = CORE::join ' ', map { "\$gateway_$_" }
             qw( request_id traceparent parent_id );

my $nginx = start_nginx(
    port => $port, files => { 'jwks.json' => jwks('es256'),
                              'html/page' => 'page', 'html/dir/index' => 'x' },
    http => <<"END", server => <<"END");
    log_format auth '\$http_x_request_id \$http_traceparent \$http_tracestate';
    log_format ids '\$status $values \$request_uri';
    server {
        listen 127.0.0.1:$origin;
        location /accel { add_header X-Accel-Redirect /last; return 200; }
        location /named { add_header X-Accel-Redirect \@last; return 200; }
        location /teapot { return 418; }
        location /auth { access_log logs/auth.log auth; return 204; }
        location /mirror { access_log logs/mirror.log auth; return 204; }
    }
END
    access_log logs/access.log ids;
    root html;
    gateway_request_id X-Request-ID response;
    gateway_trace propagate;
    gateway_trust from=127.0.0.1;
    gateway_jwt r;
    gateway_jwt_key_file jwks.json;
    gateway_jwt_mode optional;
    gateway_identity_headers on;

    location /plain { $upstream }
    location /last { $upstream }
    location \@last { rewrite ^ /last break; $upstream }
    location /try { try_files /none /last; }
    location /named { try_files /none \@last; }
    location /error { error_page 404 = /last; }
    location /error_named { error_page 404 = \@last; }
    location /refused { gateway_jwt_mode required; gateway_require_scope admin;
                        error_page 403 = /last; $upstream }
    location /dir/ { index /last; }
    location /accel { proxy_pass http://127.0.0.1:$origin; }
    location /accel_named { proxy_pass http://127.0.0.1:$origin/named; }
    location /teapot { proxy_pass http://127.0.0.1:$origin;
                       proxy_intercept_errors on; error_page 418 = \@last; }
    location /rewrite { rewrite ^ /last last; }
    location /if { if (\$arg_a = '') { $upstream } }
    location /headers_off { gateway_identity_headers off; $upstream }
    location /authorized { auth_request /auth; $upstream }
    location /mirrored { mirror /mirror; $upstream }
    location = /auth { internal; proxy_pass http://127.0.0.1:$origin; }
    location = /mirror { internal; proxy_pass http://127.0.0.1:$origin; }
    location /values { try_files /none /values_last; }
    location = /values_last { set \$early \$gateway_request_id; return 200 '\$early $values'; }
END

sub lines_of {
    my ($body, $name) = @_;
    return [ $body =~ /^\Q$name\E: (.*)$/mgi ];
}

my @client = ('X-Request-ID: abc', "traceparent: 00-$id-$span-01",
              'tracestate: a=1', 'tracestate: b=2', $forged);
my %seen;

for my $path (qw( /plain /try /named /error /error_named /refused /dir/ /accel
                  /accel_named /teapot /rewrite /if /headers_off /authorized
                  /mirrored ))
{
    my ($status, $head, $body) = http_get($nginx, $path, headers =>
        [ @client, "Authorization: Bearer $token" ]);

    is($status, 200, "$path: status");
    is_deeply(lines_of($body, 'X-Request-ID'), [ 'abc' ], "$path: one id");
    is_deeply([ $head =~ /^X-Request-ID: (\S*)\r?$/mg ], [ 'abc' ],
              "$path: the client gets it once");
    is_deeply(lines_of($body, 'tracestate'), [ 'a=1,b=2' ],
              "$path: one tracestate");

    my $parents = lines_of($body, 'traceparent');
    is(scalar @$parents, 1, "$path: one traceparent");
    ok($parents->[0] =~ /^00-$id-(\w{16})-01$/ && $1 ne $span && !$seen{$1}++,
       "$path: with a span of its own");

    is_deeply(lines_of($body, 'X-Consumer-ID'),
              $path eq '/headers_off' ? [] : [ 'acme' ],
              "$path: identity headers are set as without ids");

    # the log shows the same
    my ($line) = wait_until(sub { log_of('access', qr/^200 .* \Q$path\E$/m) });
    is($line, "200 abc $parents->[0] $span $path", "$path: variables");
}

sub log_of {
    my ($name, $pattern) = @_;
    open my $in, '<', $nginx->dir . "/logs/$name.log" or return;
    my @lines = grep { /$pattern/ } <$in>;
    chomp @lines;
    return $lines[-1];
}

# subrequests carry what the request carries

for my $name (qw( auth mirror )) {
    my $line = wait_until(sub { log_of($name, qr/./) });
    like($line, qr/^abc 00-$id-\w{16}-01 a=1,b=2$/,
         "the subrequest of $name has the same ids");
    ok($line =~ /-(\w{16})-01 / && $seen{$1}, 'and the same span');
}

# without anything from the client

for my $path (qw( /plain /named /error_named /accel /authorized )) {
    my (undef, $head, $body) = http_get($nginx, $path);
    my $ids = lines_of($body, 'X-Request-ID');

    is(scalar @$ids, 1, "$path, made: one id");
    is_deeply([ $head =~ /^X-Request-ID: (\S*)\r?$/mg ], $ids,
              "$path, made: the client gets the same");
    is(scalar @{ lines_of($body, 'traceparent') }, 1,
       "$path, made: one traceparent");
    is_deeply(lines_of($body, 'tracestate'), [], "$path, made: no tracestate");
}

# a variable that is read in the first location has its value in the last

my (undef, undef, $body) = http_get($nginx, '/values', headers => \@client);
like($body, qr/^abc abc 00-$id-(\w{16})-01 $span$/, 'variables, and set');

$nginx->stop;

done_testing;
