# SPDX-License-Identifier: BSD-2-Clause

# The order in config is the only list of modules.  tools/modules finds all else
# in the files, and reports a folder that is not in the list.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Gate;
use Test::More;


# the standard output of tools/modules, or "error: " and its message

sub modules {
    my ($dir, @arguments) = @_;

    open my $run, '-|', "'$dir/tools/modules' @arguments 2>&1" or die "sh: $!";
    local $/;
    my $said = <$run>;
    $said =~ s{\n\z}{};
    return (close $run) ? $said : "error: $said";
}

sub copy { copy_of(qw( config modules tools )) }


# a module's folder, with one source that includes the given headers

sub add_module {
    my ($dir, $name, @headers) = @_;

    mkdir "$dir/modules/$name";
    spoil("$dir/modules/$name/ngx_http_gateway_${name}_module.c",
          join '', map { qq(#include "$_"\n) } @headers);
}


sub add_to_order {
    my ($dir, $name) = @_;

    my $config = read_file("$dir/config") =~ s/^gateway_order="/$&$name /mr;
    unlink "$dir/config";
    spoil("$dir/config", $config);
}


my $known = modules('.', 'known');

# all files and names of the project

{
    my @folders = split ' ', modules('.', 'folders', $known);
    my @with_sources = grep { my @c = glob "$_/*.c"; @c } glob 'modules/*';

    is("@{[ sort @folders ]}",
       "@{[ sort map { s{.*/}{}r } @with_sources ]}",
       'without MODULES each folder is built');

    my @names = split ' ', modules('.', 'names', $known);
    my @sources = map { m{/(\w+_module)\.c$} } glob 'modules/*/ngx_*_module.c';

    is($names[0], 'ngx_http_gateway_module', 'core is the first');
    is("@{[ sort @names ]}", "@{[ sort @sources ]}",
       'without MODULES each module is built');
    is(modules('.', 'names'),
       join(' ', map { my ($name) = m{/(\w+)\.c$}; $name }
                 grep { -e }
                 map { "modules/core/ngx_http_gateway_${_}module.c" }
                  '', 'cycle_', 'challenge_', 'granted_', 'enter_', 'grpc_'),
       'MODULES= builds core alone');
}


# prints only the list, from any working directory

{
    local $ENV{CDPATH} = '.';
    is(qx(tools/modules known 2>&1), "$known\n",
       'a CDPATH of the user changes nothing');
}


# MODULES

like(" $known ", qr/ certificate .*\bapi_key .*\bjwt .*\blimit .*\baccess /,
     'MODULES can name modules, in the order');
unlike($known, qr/\b(?:core|jose|consumers|redis|cycle|granted|enter)\b/,
       'but not what comes with them');
is(modules('.', 'folders', 'limit'), 'core limit redis',
   'a folder that another one needs comes with it');
is(modules('.', 'names', 'access limit') =~ s/ngx_http_gateway_//gr,
   modules('.', 'names', 'limit access') =~ s/ngx_http_gateway_//gr,
   'the order is not that of MODULES');
like(modules('.', 'names', 'limit'), qr/_redis_module .*_limit_module/,
     'redis comes before limit');
is(modules('.', 'folders', 'core redis'), 'core redis',
   'core and what others need may be named');
is(modules('.', 'names', 'jwt nosuch'),
   "error: there is no module \"nosuch\", MODULES may name: $known",
   'an unknown name');
is(modules('.', 'names', 'jose'),
   'error: there is no module "jose": modules/jose has no'
   . " ngx_http_gateway_jose_module.c, MODULES may name: $known",
   'a folder without a module is no name');

like(modules('.', 'tool'), qr/\bjose\b/, 'the tool uses jose');
unlike(modules('.', 'tool'), qr/\b(?:limit|redis|access|jwt)\b/,
       'the tool uses nothing but that');


# an added and a removed folder

{
    my $dir = copy();
    add_module($dir, 'sample', 'ngx_http_gateway.h');
    my $error = 'error: modules/sample is not built: add "sample" to'
                . ' gateway_order in config, for'
                . ' modules/sample/ngx_http_gateway_sample_module.c';

    is(modules($dir, 'names', 'jwt'), $error, 'a folder without its name');

    add_to_order($dir, 'sample');
    is(modules($dir, 'known'), "sample $known",
       'with its name it is known');
    is(modules($dir, 'folders', 'sample'), 'core sample', 'and built');
    is(modules($dir, 'names', 'sample limit'),
       modules($dir, 'names', 'limit')
       =~ s/^\w+\K/ ngx_http_gateway_sample_module/r,
       'at its place in the order');

    rename "$dir/modules/sample/ngx_http_gateway_sample_module.c",
           "$dir/modules/sample/ngx_http_gateway_other_module.c" or die $!;
    like(modules($dir, 'names'), qr/^error: .* add "other" to gateway_order/,
         'the source has the name that is in the order');

    unlink glob "$dir/modules/sample/*";
    is(modules($dir, 'names', 'jwt'), modules('.', 'names', 'jwt'),
       'a name without a source is skipped');

    spoil("$dir/modules/sample/gw_text_more.c", '');
    is(modules($dir, 'names', 'jwt'), $error, 'a folder without a module');

    spoil("$dir/modules/sample/gw_text_more.h", '');
    spoil("$dir/modules/jwt/gw_claim.c", qq(#include "gw_text_more.h"\n));
    is(modules($dir, 'names', 'limit'), modules('.', 'names', 'limit'),
       'is built where another folder includes it');
    like(modules($dir, 'folders', 'jwt'), qr/ sample/, 'and only there');
    unlike(modules($dir, 'folders', 'limit'), qr/sample/, 'not elsewhere');
}

{
    my $dir = copy();
    add_module($dir, 'sample');
    add_to_order($dir, 'sample');
    add_to_order($dir, 'sample');
    is(modules($dir, 'names', 'jwt'),
       'error: "sample" is in gateway_order in config twice: remove one',
       'a name that is in the order twice');
}

{
    my $dir = copy();
    add_module($dir, 'sample');
    add_to_order($dir, 'sample');
    rename "$dir/modules/sample", "$dir/modules/simple" or die $!;
    is(modules($dir, 'names', 'jwt'),
       'error: modules/simple is not built: add "simple" to gateway_order in'
       . ' config, for modules/simple/ngx_http_gateway_simple_module.c',
       'a module in a folder of another name');
}

for my $file ('gw_text.h', 'gw_text.c') {
    my $dir = copy();
    add_module($dir, 'sample');
    add_to_order($dir, 'sample');
    spoil("$dir/modules/sample/README.md", '');
    unlike(modules($dir, 'names', 'sample'), qr/^error/,
           'each folder has its README.md');

    spoil("$dir/modules/sample/$file", '');
    is(modules($dir, 'names', 'jwt'),
       "error: modules/core/$file modules/sample/$file have the same name:"
       . ' file names must be unique, rename one', "two files $file");
}

{
    my $dir = copy();
    spoil("$dir/modules/limit/ngx_http_gateway_limit_filter_module.c", '');
    like(modules($dir, 'names'),
         qr{^error: modules/limit is not built: add "limit_filter" to },
         'a second module in a folder has a name of its own');

    add_to_order($dir, 'limit_filter');
    like(modules($dir, 'names', 'limit'), qr/_limit_filter_module .*_limit_/,
         'and comes with its folder');
    unlike(modules($dir, 'names', 'jwt'), qr/limit/, 'but with no other');
    is(modules($dir, 'known'), modules('.', 'known'),
       'MODULES names the folder');
}

{
    my $dir = copy();
    system('rm', '-r', "$dir/modules/limit");
    is(modules($dir, 'known'), "redis $known" =~ s/ limit\b//r,
       'what nobody needs any more is built for itself');
    is(modules($dir, 'folders', 'jwt') =~ s/ .*//r, 'core',
       'a folder that is gone breaks nothing');
}

done_testing;
