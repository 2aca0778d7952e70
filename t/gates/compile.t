# SPDX-License-Identifier: BSD-2-Clause

# Everything compiles with -Wall -Wextra -Werror on gcc and on clang, and for a
# nginx without --with-debug.

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


# Some warnings of gcc need its optimizer (-O2); clang gives all of its warnings
# without optimization.  Unused parameters are allowed: like nginx's own handlers,
# ours do not use all parameters that nginx passes.

my %effort = (
    gcc   => [ qw( -O2 -c -o /dev/null ) ],
    clang => [ qw( -Xclang -emit-llvm-only -c -o /dev/null ) ],
);

sub compiles {
    my ($compiler, $dir, $files, @options) = @_;

    $files //= 'modules/*/*.c tools/*.c t/unit/*.c';

    my @pure = map { "-I$_" } glob "$dir/modules/* $dir/tools";
    my @complaints;

    for my $file (glob join ' ', map { "$dir/$_" } split / /, $files) {
        my @incs = $file =~ m{/ngx_[^/]*$}
                   ? (@pure, @nginx, '-Wno-unused-parameter') : @pure;
        open my $cc, '-|', $compiler, @{ $effort{$compiler} },
             qw( -Wall -Wextra -Werror ), @options, @incs, $file
            or die "$compiler: $!";
        # the compiler's output goes to stderr, where it is seen
        local $/;
        <$cc>;
        close $cc or push @complaints, "$compiler refuses $file";
    }
    return @complaints;
}


for my $compiler (qw( gcc clang )) {
    clean(sub { compiles($compiler, @_) }, '.', "$compiler is content");

    my $seeded = copy_of('modules/core/gateway.map');
    spoil("$seeded/modules/core/gw_seeded.c",
          "static int unused(int n) { return n; }\n");

    open my $stderr, '>&', \*STDERR or die;
    open STDERR, '>', '/dev/null';
    fires(sub { compiles($compiler, @_) }, "$seeded",
          qr/$compiler refuses .*gw_seeded\.c/, "$compiler: a warning");
    open STDERR, '>&', $stderr;
}

# clang, since it is faster
sub without_debug {
    return compiles('clang', $_[0], 'modules/*/ngx_*.c', '-DNGX_DEBUG=0');
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

open my $stderr, '>&', \*STDERR or die;
open STDERR, '>', '/dev/null';
fires(\&without_debug, $seeded, qr/clang refuses .*ngx_seeded\.c/,
      'a variable that only a debug line reads');
open STDERR, '>&', $stderr;

done_testing;
