# The .so needs the libraries of the modules that are built into it, and no
# others: a build without limits needs no hiredis on the machine it runs on.
# libssl is nginx's own; core connects with TLS.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::More;

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
my $so = "$dir/ngx_http_gateway_module.so";

delete @ENV{qw( LDFLAGS MAKEFLAGS MFLAGS MAKELEVEL )};
@ENV{qw( OBJS CFLAGS )} = ("$dir", '-O0');

for my $case ([ '', 'ssl' ], [ 'limit', 'hiredis ssl' ]) {
    my ($modules, $libraries) = @$case;

    local $ENV{MODULES} = $modules;
    my $said = qx(tools/build 2>&1);
    is($?, 0, "MODULES=$modules is built, and nginx loads it") or diag($said);

    my $needed = qx(readelf -d '$so');
    is(join(' ', sort $needed =~ /NEEDED.*\[lib(hiredis|ssl)\./g), $libraries,
       "it needs: $libraries");
}

done_testing;
