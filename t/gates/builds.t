# SPDX-License-Identifier: BSD-2-Clause

# Builds of fewer modules.  The .so needs only the libraries of the modules that
# are built into it: a build without limits runs without hiredis.  libssl is
# nginx's own; core uses it for TLS.  A build without methods of authentication
# has no consumers module, but still defines the variables about consumers, which
# are empty, so that configurations with them work.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway::Gate;
use Test::Gateway::Server;
use Test::More;

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
my $so = "$dir/ngx_http_gateway_module.so";

# ignore the settings of a make that runs this test
delete @ENV{qw( LDFLAGS MAKEFLAGS MFLAGS MAKELEVEL )};
@ENV{qw( OBJS CFLAGS )} = ("$dir", '-O0');


# --- libraries

for my $case ([ '', 'ssl', 'core' ],
              [ 'limit', 'hiredis ssl', 'core limit redis' ])
{
    my ($modules, $libraries, $folders) = @$case;

    local $ENV{MODULES} = $modules;
    my $said = qx(tools/build 2>&1);
    is($?, 0, "MODULES=$modules is built, and nginx loads it") or diag($said);
    like($said, qr/^configuring for nginx [\d.]+: $folders$/m,
         "it names each folder: $folders");

    my $needed = qx(readelf -d '$so');
    is(join(' ', sort $needed =~ /NEEDED.*\[lib(hiredis|ssl)\./g), $libraries,
       "it needs: $libraries");
}


# --- without methods: the build of MODULES=limit

my $made = read_file("$dir/nginx/ngx_http_gateway_module_modules.c");
my ($names) = $made =~ /^char \*ngx_module_names\[\] = \{(.*?)\}/ms;
is_deeply([ $names =~ /"(ngx_http_gateway_\w+)"/g ],
          [ map { "ngx_http_gateway_$_" }
                qw( module cycle_module challenge_module redis_module
                    limit_module granted_module enter_module grpc_module ) ],
          'with core and redis, and no other module');

$ENV{GATEWAY_MODULE} = $so;

my ($code, $error) = nginx_t(http_conf(
    http => "gateway_consumers zone=c:1m file=consumers.json;\n"));
isnt($code, 0, 'there is no gateway_consumers');
like($error, qr/unknown directive "gateway_consumers"/, 'as nginx says');

my $variables = join '|', map { "\$gateway_$_" }
                qw( consumer consumer_quota plan groups scopes credential
                    auth_method );
my $port = free_port();
my $server = start_nginx(port => $port, conf => http_conf(
    http => 'gateway_limit_zone $gateway_client zone=day:1m '
            . "quota=\$gateway_consumer_quota|2/day;\n",
    server => <<"END"));
    listen 127.0.0.1:$port;
    location / {
        gateway_limit zone=day;
        add_header X-Is "<$variables>\$gateway_client" always;
        empty_gif;
    }
END

my @answers = map { [ $server->get('/') ] } 1 .. 3;
is(join(' ', map { $_->[0] } @answers), '200 200 429',
   'the quota without a consumer is the one behind "|"');
is(scalar(grep { $_->[1] =~ m{^X-Is: <\|{6}>address:127\.0\.0\.1\r?$}m }
               @answers),
   3, 'and every variable of a consumer is there, and empty');
$server->stop;

done_testing;
