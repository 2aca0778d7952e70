# SPDX-License-Identifier: BSD-2-Clause

# Everything compiles with -Wall -Wextra -Werror, by gcc in the build itself and by
# clang here, and for a nginx without --with-debug.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Gate;
use Test::More;

my $objs = $ENV{GATEWAY_OBJS} // 'objs';


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

my @nginx = nginx_incs();


# Unused parameters are allowed: like nginx's own handlers, ours do not use all
# parameters that nginx passes.

sub compiles {
    my ($dir, $files, @options) = @_;

    my @pure = map { "-I$_" } glob "$dir/modules/* $dir/tools";
    my @complaints;

    for my $file (@$files) {
        my @incs = $file =~ m{/ngx_[^/]*$}
                   ? (@pure, @nginx, '-Wno-unused-parameter') : @pure;
        open my $cc, '-|', qw( clang -Xclang -emit-llvm-only -c -o /dev/null
                               -Wall -Wextra -Werror ), @options, @incs, $file
            or die "clang: $!";
        # the compiler's output goes to stderr, where it is seen
        local $/;
        <$cc>;
        close $cc or push @complaints, "clang refuses $file";
    }
    return @complaints;
}


# gcc: the rules of the build have these warnings, and the build has succeeded

for ([ "$objs/nginx/Makefile", qr/^CFLAGS = .*-W -Wall .*-Werror/m,
       'the module' ],
     [ 'Makefile', qr/^WARN = -Wall -Wextra -Werror$/m, 'tests and tool' ]) {
    my ($makefile, $flags, $name) = @$_;
    like(read_file($makefile), $flags, "gcc is content: $name");
}


sub everything {
    my ($dir) = @_;
    return compiles($dir, [ glob "$dir/modules/*/*.c $dir/tools/*.c"
                                 . " $dir/t/unit/*.c" ]);
}

clean(\&everything, '.', 'clang is content');

sub silently {
    my ($code) = @_;

    open my $stderr, '>&', \*STDERR or die;
    open STDERR, '>', '/dev/null';
    $code->();
    open STDERR, '>&', $stderr;
}

{
    my $seeded = copy_of('modules/core/gateway.map');
    spoil("$seeded/modules/core/gw_seeded.c",
          "static int unused(int n) { return n; }\n");

    silently(sub { fires(\&everything, "$seeded",
                         qr/clang refuses .*gw_seeded\.c/, 'a warning') });
}


# only files with debug lines differ

sub without_debug {
    my ($dir) = @_;
    return compiles($dir, [ grep { read_file($_) =~ /ngx_log_debug|NGX_DEBUG/ }
                            glob "$dir/modules/*/ngx_*.c" ], '-DNGX_DEBUG=0');
}

clean(\&without_debug, '.', 'clang is content without --with-debug');

my $seeded = copy_of('modules/core/gateway.map');
spoil("$seeded/modules/core/ngx_seeded.c", <<'END');
#include <ngx_config.h>
#include <ngx_core.h>

void ngx_seeded(ngx_log_t *log);

void
ngx_seeded(ngx_log_t *log)
{
    ngx_uint_t  n;

    n = 1;
    ngx_log_debug1(NGX_LOG_DEBUG_CORE, log, 0, "seeded: %ui", n);
}
END

silently(sub { fires(\&without_debug, $seeded,
                     qr/clang refuses .*ngx_seeded\.c/,
                     'a variable that only a debug line reads') });

done_testing;
