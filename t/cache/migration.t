# SPDX-License-Identifier: BSD-2-Clause

# Migration from proxy_cache: the two configurations in modules/cache/README.md
# give the same responses.  Migration from Kong and APISIX: the configurations
# that replace their parameters work as the tables say.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $readme = Test::Gateway::Server::slurp('modules/cache/README.md');
my ($before, $after) = $readme =~ /^Before:\n\n```nginx\n(.*?)```\n\nAfter:\n\n```nginx\n
                                   (.*?)```/msx
    or die 'no configurations';

my $origin = origin();

# starts nginx with a configuration of the manual and the ports of the test

sub started {
    my ($conf) = @_;

    my $port = free_port();
    my $temp = join ' ', map { "${_}_temp_path tmp/$_;" }
                         qw( client_body proxy fastcgi uwsgi scgi );
    $conf =~ s{modules/ngx_http_gateway_module\.so}{"$ENV{GATEWAY_MODULE}"};
    $conf =~ s{^http \{\K}{ access_log off; $temp}m;
    $conf =~ s{127\.0\.0\.1:8080}{127.0.0.1:$port};
    $conf =~ s{127\.0\.0\.1:9000}{'127.0.0.1:' . $origin->port}e;
    $conf = "user root;\n$conf" if $> == 0;
    return start_nginx(port => $port, conf => $conf);
}

sub ask {
    my ($nginx, $path, @lines) = @_;

    my ($status, $head, $body) = http_get($nginx, $path, headers => \@lines);
    my ($did) = $head =~ /^X-Cache: (\w+)/m;
    return join ' ', $status, $did // '-', $body =~ s/\s+\z//r;
}

for ([ 'proxy_cache', $before ], [ 'gateway_cache', $after ]) {
    my ($name, $conf) = @$_;
    my $nginx = started($conf);
    $origin->forget;

    my @stale = ('Cache-Control: max-age=1');
    $origin->answer('/none', status => 404, body => 'none');
    $origin->answer('/private', head => [ 'Cache-Control: private' ], body => 'p');
    $origin->answer('/cookie', head => [ 'Set-Cookie: a=b' ], body => 'c');
    $origin->answer('/error', { head => \@stale, body => 'old' },
                    { status => 503, body => 'bad' });
    $origin->answer('/304', head => \@stale, etag => '"1"', body => 'same');

    is(ask($nginx, '/a'), '200 MISS 1 /a', "$name: a lifetime of the location");
    is(ask($nginx, '/a'), '200 HIT 1 /a', 'a hit');
    is(ask($nginx, '/a', 'Cookie: session=1'), '200 HIT 1 /a',
       'a hit with a cookie');
    is(ask($nginx, '/a?b=1'), '200 MISS 2 /a?b=1', 'arguments are in the key');
    is(ask($nginx, '/none'), '404 MISS none', 'a 404 has its own lifetime');
    is(ask($nginx, '/none'), '404 HIT none', 'a 404 is stored');
    for my $try (1 .. 2) {
        is(ask($nginx, '/private'), '200 MISS p', "private, try $try");
        is(ask($nginx, '/cookie'), '200 MISS c', "Set-Cookie, try $try");
    }
    is(ask($nginx, '/b', 'Cookie: preview=1'), '200 BYPASS 1 /b', 'a preview');
    is(ask($nginx, '/b'), '200 MISS 2 /b', 'a preview is not stored');
    is(ask($nginx, '/a', 'Cookie: preview=1'), '200 BYPASS 3 /a',
       'a preview is not sent from the cache');
    is(ask($nginx, '/a'), '200 HIT 1 /a', 'a preview replaces no response');

    is(ask($nginx, '/error'), '200 MISS old', 'a response is stored');
    is(ask($nginx, '/304'), '200 MISS same', 'one with a validator is stored');
    ok(wait_until(sub { ask($nginx, '/error') eq '200 STALE old' }),
       'a stale response in place of a 503');
    ok(wait_until(sub { $origin->count('/error') >= 2 }),
       'the request in the background received the 503');
    ok(wait_until(sub { ask($nginx, '/304') =~ /^200 STALE same/ }),
       'a stale response');
    ok(wait_until(sub {
        grep { defined field($_, 'If-None-Match')
               || defined field($_, 'If-Modified-Since') }
             $origin->requests('/304')
    }), 'it is validated in the background');

    $nginx->stop;
}


# --- parameters of Kong and APISIX

my ($kong) = $readme =~ /^## From Kong\n.*?```nginx\n(.*?)```/ms;
my ($http, $location) = split /\n\n/, $kong, 2;
$origin->forget;
$origin->answer('*', { head => [ 'Cache-Control: max-age=0' ] });
$origin->answer('/orders/private', head => [ 'Cache-Control: private' ]);
$origin->answer('/orders/500', status => 500);
$origin->answer('/hidden', head => [ 'Cache-Control: max-age=60' ]);
$origin->answer('/types/json', head => [ 'Content-Type: application/json' ]);
$origin->answer('/types/html', head => [ 'Content-Type: text/html' ]);

my $nginx = started(<<"END");
load_module modules/ngx_http_gateway_module.so;
events {}
http {
    $http
    map \$upstream_http_content_type \$other {
        default 1;
        application/json 0;
    }
    server {
        listen 127.0.0.1:8080;
        add_header X-Cache \$gateway_cache_status always;
        @{[ $location =~ s/9000/@{[ $origin->port ]}/r ]}
        gateway_cache kong;
        location /hidden { proxy_hide_header Cache-Control;
            proxy_pass http://127.0.0.1:9000; }
        location /types/ { gateway_cache_ttl 1m; gateway_cache_no_store \$other;
            proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
    }
}
END

is(ask($nginx, '/orders?page=1&sid=1'), '200 MISS 1 /orders?page=1&sid=1',
   'Kong: cache_ttl');
is(ask($nginx, '/orders?sid=2&page=1'), '200 HIT 1 /orders?page=1&sid=1',
   'Kong: vary_query_params, cache_control false');
is(ask($nginx, '/orders?page=2'), '200 MISS 2 /orders?page=2', 'another page');
is(ask($nginx, '/orders/private'), '200 MISS ' . $_ . ' /orders/private',
   'Kong: "private" is obeyed') for 1 .. 2;
is(ask($nginx, '/orders/500'), "500 MISS $_ /orders/500", 'Kong: response_code')
    for 1 .. 2;
is(ask($nginx, '/types/json'), "200 $_ 1 /types/json", 'Kong: content_type')
    for qw( MISS HIT );
is(ask($nginx, '/types/html'), "200 MISS $_ /types/html", 'Kong: another type')
    for 1 .. 2;
is(ask($nginx, '/hidden'), "200 $_ 1 /hidden",
   'APISIX: a hidden field is obeyed') for qw( MISS HIT );
unlike((http_get($nginx, '/hidden'))[1], qr/^Cache-Control/mi,
       'APISIX: hide_cache_headers');
$nginx->stop;

done_testing;
