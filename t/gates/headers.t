# SPDX-License-Identifier: BSD-2-Clause

# Core's headers name no feature module, neither in an identifier nor in a
# comment: a new module must not require a change of core.  nginx's headers come
# before those of the system.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Gate;
use Test::More;


# The names of modules are the folders besides core.  A name in capitals counts
# only with the suite's prefix: ACCESS alone is a phase of nginx.  The table of
# reasons is excluded, since its words are for clients.  If a name is also an
# ordinary word of core, only the module's header, symbol, configuration and
# context count.

# ordinary words: of a CPU; of nginx; of a server, verified by core; what core
# counts
my %word = map { $_ => 1 } qw( cache log certificate metrics );

sub named {
    my ($dir) = @_;
    my @modules = grep { $_ ne 'core' } map { (split m{/})[-1] }
                  glob "$dir/modules/*";
    my @complaints;

    for my $file (glob "$dir/modules/core/*.h") {
        my $text = read_file($file)
                   =~ s/^#define GW_REASONS\(X\).*?[^\\]\n//msr;

        for my $module (@modules) {
            my $capital = uc $module;
            my $named = $word{$module}
                ? qr/\bngx_http_gateway_${module}
                     (?:\.h | _(?:module | ctx | \w+_conf)(?![a-z]))/x
                : qr/(?<![A-Za-z]) $module (?![A-Za-z])
                     | \b(?:NGX_HTTP_GATEWAY|GW)_(?:[A-Z0-9]+_)*$capital
                       (?![A-Z0-9])/x;
            push @complaints, 'use another word there, or name the module'
                              . " otherwise: $file: names $module"
                if $text =~ $named;
        }
    }
    return @complaints;
}


clean(\&named, '.', 'no header of core names a feature module');

my $header = 'modules/core/ngx_http_gateway.h';

for my $seed ([ 'void ngx_http_gateway_jwt_seeded(void);', 'jwt',
                'a function' ],
              [ 'struct ngx_http_gateway_limit_ctx_s  *limit;', 'limit',
                'a member' ],
              [ '#define NGX_HTTP_GATEWAY_API_KEY  1', 'api_key',
                'an index' ],
              [ '/* for access alone */', 'access', 'a comment' ])
{
    my ($text, $module, $name) = @$seed;
    my $dir = copy_of('modules');
    spoil("$dir/$header", "\n$text\n");
    fires(\&named, "$dir", qr/ngx_http_gateway\.h: names $module$/, $name);
}

{
    my $dir = copy_of('modules');
    mkdir "$dir/modules/skeleton" or die $!;
    spoil("$dir/modules/core/gw_text.h", "\n/* as the skeleton does */\n");
    fires(\&named, "$dir", qr/gw_text\.h: names skeleton$/, 'a new folder');
}

# a module whose name is an ordinary word of core

for my $seed ([ log   => 'extern ngx_module_t  ngx_http_gateway_log_module;' ],
              [ log   => 'struct ngx_http_gateway_log_ctx_s  *part;' ],
              [ cache => '#include "ngx_http_gateway_cache.h"' ],
              [ cache => 'ngx_http_gateway_cache_main_conf_t  *conf;' ],
              [ certificate => 'ngx_http_gateway_certificate_ctx_t  *ctx;' ],
              [ certificate => '#include "ngx_http_gateway_certificate.h"' ])
{
    my ($module, $text) = @$seed;
    my $dir = copy_of('modules');
    -d "$dir/modules/$_" or mkdir "$dir/modules/$_" or die $! for qw( cache log );
    clean(\&named, "$dir", "a folder $module");
    spoil("$dir/$header", "\n$text\n");
    fires(\&named, "$dir", qr/ngx_http_gateway\.h: names $module$/, $text);
}

{
    my $dir = copy_of('modules');
    spoil("$dir/$header", "\n/* in ACCESS, behind the limits */\n");
    clean(\&named, "$dir", 'a phase, and a word that begins like a module');
}


# ngx_config.h defines _GNU_SOURCE, which newer C libraries need for types of
# nginx's headers

sub system_first {
    my ($dir) = @_;

    return map {
        my ($first) = read_file($_) =~ /^ *# *include +([<"])/m;
        ($first // '') eq '<' && read_file($_) !~ /^ *# *include +<ngx_config/m
            ? "$_: a system header is the first" : ();
    } glob "$dir/modules/*/ngx_*.[ch]";
}

clean(\&system_first, '.', "nginx's headers are the first");

{
    my $dir = copy_of('modules/core');
    spoil("$dir/modules/core/ngx_seeded.c",
          "#include <math.h>\n\n#include <ngx_core.h>\n");
    fires(\&system_first, $dir, qr/ngx_seeded\.c: a system header/,
          'math.h before it');
}

done_testing;
