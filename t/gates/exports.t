# SPDX-License-Identifier: BSD-2-Clause

# The .so exports only the symbols that nginx looks up by name: no symbol can be
# bound to another module, or to an older copy of this one.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway::Gate;
use Test::More;

my $objs = $ENV{GATEWAY_OBJS} // 'objs';
my $so = $ENV{GATEWAY_MODULE} // "$objs/ngx_http_gateway_module.so";
my %expected = map { $_ => 1 }
               qw( ngx_modules ngx_module_names ngx_module_order );


sub exports {
    my ($file) = @_;

    open my $nm, '-|', 'nm', '-D', '--defined-only', $file or die "nm: $!";
    my %found = map { (split)[2] => 1 } <$nm>;
    close $nm or die "nm failed on $file";

    return (map("exports $_", sort grep { !$expected{$_} } keys %found),
            map("lacks $_", sort grep { !$found{$_} } keys %expected));
}


clean(\&exports, $so, 'three symbols are exported');


# the same objects without the version script

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
my @objects = glob "'$objs'/nginx/*_modules.o '$objs'/nginx/addon/*/*.o";

is(system('cc', '-shared', '-o', "$dir/bare.so", @objects), 0,
   'the objects link without the version script');

my @complaints = exports("$dir/bare.so");
ok((grep { /^exports ngx_http_gateway_module$/ } @complaints),
   'seeded: without it the gate names the module');

done_testing;
