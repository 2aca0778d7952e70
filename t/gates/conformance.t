# SPDX-License-Identifier: BSD-2-Clause

# Each script of t/conformance fails if its suite, or a program that it needs,
# is missing, and names what is missing.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway::Gate;
use Test::Gateway::Server;
use Test::More;

# A folder for PATH: nginx, and these programs, each a text of sh.

sub programs {
    my (%text) = @_;

    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    my ($nginx) = grep { -x } map { "$_/nginx" } split /:/, $ENV{PATH};
    symlink $nginx, "$dir/nginx" or die "symlink: $!" if $nginx;
    for my $name (keys %text) {
        write_file("$dir/$name", "#!/bin/sh\n$text{$name}\n");
        chmod 0755, "$dir/$name" or die "$dir/$name: $!";
    }
    return $dir;
}

# (exit code, output)

sub runs {
    my ($script, $programs, %env) = @_;

    local %ENV = (%ENV, PATH => "$programs");
    delete @ENV{qw( AXE CACHE_TESTS OIDC_PROVIDER SCHEMAS W3C_TRACE_CONTEXT
                    PYTHON RESULTS )};
    local @ENV{keys %env} = values %env;
    my $said = `'$^X' '$script' 2>&1`;
    return ($?, $said);
}


my $nothing = programs();

sub missing {
    my ($dir) = @_;

    return map {
        my ($name) = m{([^/]+)$};
        my ($code, $said) = runs($_, $nothing);
        $code == 0 ? "$name: exit code 0, without its suite"
        : $said !~ m{^t/conformance/$name: .* is not (?:installed|set)\b}m
        ? "$name does not say what is missing: $said" : ();
    } grep { !/\.md$/ } glob "$dir/t/conformance/*";
}

clean(\&missing, '.', 'without a suite');

my $copy = copy_of('t/conformance', 't/lib');
write_file("$copy/t/conformance/none", "print qq{skipped: no suite\\n};\n");
fires(\&missing, $copy, qr/^none: exit code 0/, 'a script that skips');


# --- one thing is missing

my $checkout = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
write_file("$checkout/test/test.py", '');
my %w3c = (W3C_TRACE_CONTEXT => "$checkout");

for ([ cache => 'npm is not installed', { node => 'exit 0' } ],
     [ log   => 'npm is not installed', { node => 'exit 0' } ],
     [ oidc  => 'npm is not installed', { node => 'exit 0' } ],
     [ oidc  => 'the provider needs Node.js 20 or later',
       { node => '[ "$1" = --version ]', npm => 'exit 0' } ],
     (map { [ $_ => 'npm cannot install ',
              { node => 'exit 0', npm => '[ "$1" = --version ]' } ] }
          qw( cache log oidc )),
     [ page  => 'npm is not installed', { chromium => 'exit 0' } ],
     [ page  => 'npm cannot install ',
       { chromium => 'exit 0', npm => '[ "$1" = --version ]' } ],
     [ trace => 'python3 is not installed', {}, %w3c ],
     [ trace => 'python3 finds no aiohttp',
       { python3 => '[ "$1" = --version ]' }, %w3c ],
     [ trace => 'no /none/test/test.py', {}, W3C_TRACE_CONTEXT => '/none' ])
{
    my ($name, $why, $programs, %env) = @$_;

    my ($code, $said) = runs("t/conformance/$name", programs(%$programs), %env);
    isnt($code, 0, "$name: $why");
    like($said, qr{^t/conformance/$name: \Q$why\E}m, "$name: the message");
}


# --- make runs the other suites, and fails at the end

{
    my $tree = copy_of('Makefile');
    write_file("$tree/$_->[0]", "#!/bin/sh\n$_->[1]\n"),
        chmod 0755, "$tree/$_->[0]"
        for [ 'tools/prepare', 'exit 0' ], [ 't/conformance/a', 'exit 1' ],
            [ 't/conformance/b', 'echo b has run' ];

    my $make = sub {
        my $said = `make -C '$tree' -o all conformance @_ 2>&1`;
        return ($?, $said);
    };
    my ($code, $said) = $make->('MAKE=true');
    isnt($code, 0, 'make: one suite fails');
    like($said, qr/^b has run$/m, 'make: the others run');
    like($said, qr/^failed: a$/m, 'make: it is named');
    ($code) = $make->('MAKE=true', 'SUITE=b');
    is($code, 0, 'make: one suite that passes');
}

done_testing();
