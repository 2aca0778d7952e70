# SPDX-License-Identifier: BSD-2-Clause

# Only the compat header tests nginx's version.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Gate;
use Test::More;


sub version {
    my ($dir) = @_;

    return map { "$_ asks for nginx_version" }
           grep { read_file($_) =~ /\bnginx_version\b|\bNGINX_VERSION\b/ }
           grep { !m{/ngx_http_gateway_compat\.h$} }
           glob "$dir/modules/*/*.[ch] $dir/tools/*.[ch]";
}


clean(\&version, '.', 'only the compat header asks for the version');

my $copy = copy_of('modules');
spoil("$copy/modules/core/ngx_http_gateway_module.c",
      "#if (nginx_version >= 1023000)\n#endif\n");
fires(\&version, "$copy", qr/gateway_module\.c asks/, 'a module that asks');

done_testing;
