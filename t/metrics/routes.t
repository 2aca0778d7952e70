# SPDX-License-Identifier: BSD-2-Clause

# The route of a request is core's: internal redirects do not change it, and
# equal labels are one series.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Samples;
use Test::Gateway::Server;
use Test::More;

my $origin = free_port();

my $server = start_nginx(
    files => { 'html/dir/index.html' => 'index', 'html/file' => 'file' },
    http => <<"END",
    gateway_metrics_zone zone=m:8m;
    server {
        listen 127.0.0.1:$origin;
        gateway_metrics off;
        location / { add_header X-Accel-Redirect /inner; return 204; }
    }
END
    server => <<"END");
    server_name s;
    root html;
    location /accel { proxy_pass http://127.0.0.1:$origin; }
    location /inner { internal; return 201; }
    location /try { try_files /none /file; }
    location = /file { }
    location /dir/ { }
    location = /dir/index.html { }
    location /error { error_page 404 /page; return 404; }
    location /failed { error_page 404 =200 /page; return 404; }
    location /page { return 200 page; }
    location /rewritten { rewrite ^ /target last; }
    location /target { return 203; }
    location ~ \\.png\$ { return 204; }
    location /named { gateway_route orders; return 204; }
    location /also { gateway_route orders; return 204; }
    location /if { if (\$arg_a) { return 204; } return 201; }
    location /method { limit_except GET { deny all; } return 204; }
    location "/quo\\"te\\\\x" { return 204; }
    location = /metrics { gateway_metrics_page from=127.0.0.1; }
END

for my $case ([ '/accel', '/accel', 201 ], [ '/try', '/try', 200 ],
              [ '/dir/', '/dir/', 200 ], [ '/error', '/error', 404 ],
              [ '/failed', '/failed', 200 ], [ '/page', '/page', 200 ],
              [ '/rewritten', '/target', 203 ],
              [ '/a.png', '~ \\\\\\\\.png$' =~ s/\\\\\\\\/\\\\/r, 204 ],
              [ '/named', 'orders', 204 ], [ '/also', 'orders', 204 ],
              [ '/if?a=1', '/if', 204 ], [ '/if', '/if', 201 ],
              [ '/method', '/method', 204 ],
              [ '/quo%22te%5Cx', '/quo\\"te\\\\x', 204 ])
{
    my ($path, $route, $code) = @$case;
    counts($server, sub { is(($server->get($path))[0], $code, $path) },
           qr/^http_requ/,
           { qq(http_requests_total{server="s",route="$route",method="GET",code="$code"}) => 1,
             qq(http_request_duration_seconds_count{server="s",route="$route"}) => 1,
             qq(http_request_size_bytes_count{server="s",route="$route"}) => 1 },
           "$path has the route $route");
}

# two servers with the same name and route: one series
{
    my ($one, $two) = (free_port(), free_port());
    my $twins = start_nginx(http => <<"END", server => <<'OWN');
        gateway_metrics_zone zone=m:8m;
        server { listen 127.0.0.1:$one; server_name t; location /a { return 204; } }
        server { listen 127.0.0.1:$two; server_name t; location /a { return 204; } }
END
        location = /metrics { gateway_metrics_page from=127.0.0.1; }
OWN
    counts($twins, sub { http_get($one, '/a'); http_get($two, '/a') },
           qr/^http_requests_total/,
           { 'http_requests_total{server="t",route="/a",method="GET",code="204"}' => 2 },
           'equal labels are one series');
    $twins->stop;
}

$server->stop;
done_testing();
