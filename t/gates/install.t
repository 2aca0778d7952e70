# SPDX-License-Identifier: BSD-2-Clause

# make install: installs the module where the installed nginx looks for modules,
# and the tool in PREFIX/bin, below DESTDIR, and no other file.

use v5.28;
use warnings;
use lib 't/lib';

use File::Find qw( find );
use File::Temp ();
use Test::Gateway::Gate;
use Test::More;

my $objs = $ENV{GATEWAY_OBJS} // 'objs';
my $so = 'ngx_http_gateway_module.so';
my $make = $ENV{MAKE} || 'make';
my $nginx = $ENV{TEST_NGINX_BINARY} || $ENV{NGINX_BINARY} || 'nginx';
my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
my $tries = 0;

$ENV{PATH} .= ':/usr/sbin:/usr/local/sbin';

for ("$objs/$so", "$objs/nginx-gateway") {
    plan skip_all => "$_ is not built" if !-f;
}

# ignore the settings of a make that runs this test
delete @ENV{qw( MAKEFLAGS MFLAGS MAKELEVEL DESTDIR PREFIX )};


sub quoted { join ' ', map { s/'/'\\''/gr =~ s/(.*)/'$1'/sr } @_ }


# make install of the existing build: "-o all" builds nothing

sub install {
    my (@arguments) = @_;

    my $said = qx(@{[ quoted($make, qw( -o all install ), "OBJS=$objs",
                             @arguments) ]} 2>&1);
    return ($? >> 8, $said);
}


# path => mode of every file below a folder

sub files {
    my ($folder) = @_;

    my %mode;
    find({ no_chdir => 1, wanted => sub {
        $mode{ substr $_, length $folder } = sprintf '%o', 07777 & (lstat)[2]
            if !-d;
    } }, $folder);
    return \%mode;
}


# An nginx that reports these configure arguments.

sub configured {
    my ($arguments) = @_;

    my $path = "$dir/nginx" . ++$tries;
    open my $out, '>', $path or die $!;
    print $out <<"END" =~ s/^    //mgr;
    #!/bin/sh
    cat >&2 <<'TEXT'
    nginx version: nginx/1.22.1
    TLS SNI support enabled
    configure arguments: $arguments
    TEXT
END
    close $out;
    chmod 0755, $path;
    return $path;
}


# installs below a new folder with a blank in its name: two files, at these
# paths, and no others

sub installs {
    my ($name, $modules, $prefix, @arguments) = @_;

    my $root = "$dir/a root" . ++$tries;
    my ($code, $said) = install("DESTDIR=$root", @arguments);

    is($code, 0, "$name: done") or diag($said);
    is_deeply(-d $root ? files($root) : {},
              { "$modules/$so" => '644',
                "$prefix/bin/nginx-gateway" => '755' },
              "$name: two files in their places");
    is($said, "installed $root$modules/$so and"
              . " $root$prefix/bin/nginx-gateway\n", "$name: says so");
    return $root;
}


# --- the installed nginx

SKIP: {
    my $own = qx(@{[ quoted($nginx) ]} -V 2>&1);
    skip "no $nginx here", 1 if $? != 0;

    my ($modules) = $own =~ /--modules-path=(\S+)/;
    my ($prefix) = $own =~ /--prefix=(\S+)/;
    $modules //= 'modules';
    $modules = ($prefix // '/usr/local/nginx') . "/$modules"
        if $modules !~ m{\A/};

    my @binary = ("NGINX_BINARY=$nginx", 'NGINX_SRC=');
    my $root = installs('the installed nginx', $modules, '/usr/local',
                        @binary);

    ok(read_file("$root$modules/$so") eq read_file("$objs/$so"),
       'the module is the one that was built');
    ok(read_file("$root/usr/local/bin/nginx-gateway")
       eq read_file("$objs/nginx-gateway"),
       'the tool is the one that was built');
    like(qx(@{[ quoted("$root/usr/local/bin/nginx-gateway") ]} --version),
         qr/\Anginx-gateway \d+\.\d+\.\d+\n\z/, 'the tool runs there');

    open my $conf, '>', "$dir/nginx.conf" or die $!;
    print $conf qq(load_module "$root$modules/$so"; pid "$dir/pid";\n),
                "events {}\n";
    close $conf;
    my $said = qx(@{[ quoted($nginx, '-t', '-p', "$dir/", '-e', 'stderr',
                             '-c', "$dir/nginx.conf") ]} 2>&1);
    is($?, 0, 'nginx loads the module from there') or diag($said);

    # over existing files: a running nginx keeps the file that it has mapped
    my $inode = (stat "$root$modules/$so")[1];
    open my $mapped, '<', "$root$modules/$so" or die $!;
    my ($code) = install("DESTDIR=$root", @binary);
    is($code, 0, 'again: done');
    isnt((stat "$root$modules/$so")[1], $inode, 'again: a new file');
    is((stat $mapped)[3], 0, 'again: the old one is still what it was');

    installs('PREFIX', $modules, '/opt/x', @binary, 'PREFIX=/opt/x');
    installs('PREFIX with a blank', $modules, '/opt/a b', @binary,
             'PREFIX=/opt/a b');
}


# --- other configurations of nginx

for ([ 'a prefix', '--prefix=/srv/ngx --with-compat', '/srv/ngx/modules' ],
     [ 'nothing', '--with-compat', '/usr/local/nginx/modules' ],
     [ 'a modules path', '--prefix=/a --modules-path=/m/o', '/m/o' ],
     [ 'a modules path before the prefix', '--modules-path=/m/o --prefix=/a',
       '/m/o' ],
     [ 'a relative modules path', '--prefix=/a --modules-path=lib', '/a/lib' ],
     [ 'a relative modules path before the prefix',
       '--modules-path=lib/nginx --prefix=/a', '/a/lib/nginx' ],
     [ 'a relative modules path alone', '--modules-path=lib',
       '/usr/local/nginx/lib' ],
     [ 'a slash after the modules path', '--modules-path=/m/o/', '/m/o' ],
     [ 'no modules path', '--prefix=/a --modules-path=', '/a/modules' ],
     [ 'no prefix', '--prefix= --modules-path=lib', '/lib' ],
     [ 'quoted arguments', q(--with-cc-opt='-O2 -g $x' --prefix='/a b'
       --with-ld-opt='-Wl,-z,now') =~ s/\n\s*/ /r, '/a b/modules' ])
{
    my ($name, $arguments, $modules) = @$_;
    installs("configured with $name", $modules, '/usr/local', 'NGINX_SRC=',
             'NGINX_BINARY=' . configured($arguments));
}

# the nginx of a source tree takes precedence over the installed one

{
    mkdir "$dir/src";
    mkdir "$dir/src/objs";
    rename configured('--prefix=/from/src'), "$dir/src/objs/nginx" or die $!;
    delete local $ENV{NGINX_BINARY};
    installs('NGINX_SRC', '/from/src/modules', '/usr/local',
             "NGINX_SRC=$dir/src");
}


# --- failures

{
    my $root = "$dir/empty";
    my $fake = configured('--prefix=/a');
    mkdir "$dir/objs";
    my ($code, $said) = install("DESTDIR=$root", "OBJS=$dir/objs",
                                'NGINX_SRC=', "NGINX_BINARY=$fake");
    isnt($code, 0, 'nothing was built: fails');
    is_deeply(-d $root ? files($root) : {}, {}, 'and leaves no file');
}

# "-o all" runs only the recipe; without it, missing files are built first

my $plan = qx(@{[ quoted($make, qw( -n -o module install V=1 ),
                         "OBJS=$dir/unbuilt") ]} 2>&1);
like($plan, qr{-o \Q$dir\E/unbuilt/nginx-gateway .*tools/install}s,
     'the tool is built before it is installed');
ok(!-e "$dir/unbuilt/nginx-gateway", 'which was a plan only');

done_testing;
