# SPDX-License-Identifier: BSD-2-Clause

# A third-party module that runs before the gateway in ACCESS and grants access
# under "satisfy any": the methods of the location do not run then, and an
# identity of an earlier location must not count in this one.  And one that
# replaces a response by another one, as image_filter does.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Gate qw( read_file );

use File::Basename qw( dirname );
use File::Temp qw( tempdir );
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

# where the module under test was built, by the headers of its nginx
my $objs = dirname($ENV{GATEWAY_MODULE});

plan skip_all => 'no headers of this nginx' if !-f "$objs/nginx/Makefile";


# grants access to URIs that begin with /b if the request has X-Open

my $dir = tempdir(CLEANUP => 1);
write_file("$dir/open.c", <<'END');
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

static ngx_int_t
access_handler(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h = r->headers_in.headers.part.elts;

    for (i = 0; i < r->headers_in.headers.part.nelts; i++) {
        if (h[i].key.len == 6
            && ngx_strncasecmp(h[i].key.data, (u_char *) "X-Open", 6) == 0
            && ngx_strncmp(r->uri.data, "/b", 2) == 0)
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}

/* /img: no response but 415, whose page is nginx's own */

extern ngx_module_t  filter_module;

static ngx_http_output_header_filter_pt  next_header;
static ngx_http_output_body_filter_pt    next_body;

static ngx_int_t
header_filter(ngx_http_request_t *r)
{
    if (ngx_strncmp(r->uri.data, "/img", 4) != 0
        || ngx_http_get_module_ctx(r, filter_module))
    {
        return next_header(r);
    }

    ngx_http_set_ctx(r, (void *) 1, filter_module);
    return NGX_OK;
}

static ngx_int_t
body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    if (in == NULL || ngx_http_get_module_ctx(r, filter_module) != (void *) 1) {
        return next_body(r, in);
    }

    ngx_http_set_ctx(r, (void *) 2, filter_module);
    return ngx_http_filter_finalize_request(r, &filter_module, 415);
}

static ngx_int_t
init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = access_handler;
    return NGX_OK;
}

static ngx_int_t
filter_init(ngx_conf_t *cf)
{
    next_header = ngx_http_top_header_filter;
    ngx_http_top_header_filter = header_filter;
    next_body = ngx_http_top_body_filter;
    ngx_http_top_body_filter = body_filter;

    return NGX_OK;
}

static ngx_http_module_t  ctx = { NULL, init };

static ngx_http_module_t  filter_ctx = { NULL, filter_init };

ngx_module_t  filter_module = { NGX_MODULE_V1, &filter_ctx, NULL,
                                NGX_HTTP_MODULE };
ngx_module_t  open_module = { NGX_MODULE_V1, &ctx, NULL, NGX_HTTP_MODULE };

/* the filters stand below those of the gateway, as image_filter's do */
ngx_module_t  *ngx_modules[] = { &filter_module, &open_module, NULL };
char  *ngx_module_names[] = { "filter_module", "open_module", NULL };
char  *ngx_module_order[] = { "filter_module", "ngx_http_gateway_module",
                              NULL };
END

# nginx's own -I, as absolute paths

sub nginx_incs {
    my $makefile = read_file("$objs/nginx/Makefile");
    my ($incs) = $makefile =~ /^ALL_INCS\s*=((?:.*\\\n)*.*)/m;
    my %variable = $makefile =~ /^(\w+_INCS)\s*=\s*((?:.*\\\n)*.*)/mg;

    $incs =~ s/\$\((\w+)\)/$variable{$1} \/\/ ''/ge;
    $incs =~ s/\\\n//g;
    return map { m{^/} ? "-I$_" : "-I$objs/nginx/tree/$_" }
           $incs =~ /-I\s*(\S+)/g;
}

system('cc', qw( -shared -fPIC -w -o ), "$dir/open.so", nginx_incs(),
       "$dir/open.c") == 0
    or die "the third-party module does not compile\n";


my $origin = free_port();
my $server = start_nginx(
    http   => "server { listen 127.0.0.1:$origin; location / {"
              . ' return 200 "$http_cookie|$http_authorization|$http_x_t|$args"; } }',
    main   => "load_module $dir/open.so;",
    files  => { 'a.json' => jwks('es256'), 'b.json' => jwks('rs256'),
                'b/x' => 'b', 'bare' => 'bare' },
    server => <<'END' =~ s/ORIGIN/$origin/r);
root .;
add_header X-Is '$gateway_consumer|$gateway_scopes' always;
location /a { gateway_jwt a; gateway_jwt_key_file a.json; try_files /no /b/x; }
location /c { gateway_jwt a; gateway_jwt_key_file a.json; try_files /no /bare; }
location /b {
    satisfy any;
    gateway_jwt b;
    gateway_jwt_key_file b.json;
    gateway_require_scope admin;
}
location /b/hide {
    satisfy any;
    gateway_jwt b token=$cookie_t token=$http_x_t token=$arg_t;
    gateway_jwt_hide on;
    gateway_jwt_key_file b.json;
    proxy_pass http://127.0.0.1:ORIGIN;
}
location /from { gateway_jwt a token=$cookie_other; gateway_jwt_key_file a.json;
                 gateway_jwt_mode optional; try_files /no /b/hide?$args; }
location = /img { gateway_jwt b; gateway_jwt_key_file b.json; }
location = /bare { satisfy any; gateway_jwt b; gateway_jwt_key_file b.json; }
END

sub asks {
    my ($name, $expected, $uri, $key, @more) = @_;

    my $token = token(key => $key, claims => { sub => 'x', scope => 'admin' });
    my ($status, $head, $body) = $server->get($uri, headers => [
                                     "Authorization: Bearer $token", @more ]);
    my ($is) = $head =~ /^X-Is: (.*?)\r?$/m;
    my ($reason) = $body =~ /"reason":"(\w+)"/;
    is("$status " . ($is // '') . ' ' . ($reason // ''), $expected, $name);
}

asks('the location\'s own token', '200 x|admin ', '/b/x', 'rs256');
asks('one of another location', '401 | unknown_key', '/b/x', 'es256');
asks('one of another location, which leads here', '401 | unknown_key', '/a',
     'es256');
asks('granted by the third-party module: anonymous, without the scope', '401 | missing',
     '/b/x', 'es256', 'X-Open: 1');
asks('and so where it was good in another location', '401 | missing', '/a',
     'es256', 'X-Open: 1');
asks('nor is it an identity without rules', '200 | ', '/c', 'es256',
     'X-Open: 1');

# a token is hidden, whichever module grants access

for my $uri ('/b/hide', '/from') {
    for my $case ([ 'Cookie: t=s; u=v' ], [ 'X-T: s', 'Cookie: u=v' ]) {
        my ($status, undef, $body) = $server->get($uri,
            headers => [ 'X-Open: 1', @$case ]);
        is("$status $body", '200 u=v|||', "$uri, granted by somebody else: $case->[0]");
    }
}
my (undef, undef, $args) = $server->get('/b/hide?t=s&v=w',
                                        headers => [ 'X-Open: 1' ]);
is($args, '|||v=w', 'in an argument, too');

# a problem document must not follow the head of another response

my ($status, undef, $body) = $server->get('/img');
is($status, 415, 'a refusal that a filter makes another response of');
like($body, qr/<h1>415/, 'has that one\'s page');

$server->stop;
done_testing();
