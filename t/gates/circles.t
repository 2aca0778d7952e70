# SPDX-License-Identifier: BSD-2-Clause

# The files of a folder have no circular dependencies: each can be read and tested
# with only the files below it.  Dependencies are read from the objects.  A
# *_module.c can need every file, but no file needs it, except for the symbol of
# the module, which gives access to its configuration.

use v5.28;
use warnings;
use lib 't/lib';

use File::Path qw( make_path );
use File::Temp ();
use Test::Gateway::Gate;
use Test::More;

my $objs = $ENV{GATEWAY_OBJS} // 'objs';

# folders whose files are known to form a circle
my %known = map { $_ => 1 } qw( redis );


# { file => { file it needs => a symbol } }

sub needs {
    my ($dir, $folder) = @_;
    my $built = $dir eq '.' ? $objs : "$dir/objs";
    my (%home, %asks);

    # MODULES= may have left files out
    my @objects = grep { -e } map { m{([^/]+)\.c\z}
                                    ? "$built/nginx/addon/$folder/$1.o" : () }
                              glob "$dir/modules/$folder/*.c";
    return {} if !@objects;

    my %needs = map { m{([^/]+)\.o\z} => {} } @objects;

    open my $nm, '-|', 'nm', '-A', @objects or die "nm: $!";
    for (<$nm>) {
        my ($file, $type, $symbol) = m{([^/:]+)\.o:.*(\w) (\S+)$} or next;
        if ($type eq 'U') { push @{ $asks{$file} }, $symbol }
        elsif ($type =~ /[A-Z]/) { $home{$symbol} = $file }
    }
    close $nm or die "nm failed on $folder";

    for my $file (keys %asks) {
        for my $symbol (@{ $asks{$file} }) {
            next if $symbol =~ /^ngx_http_gateway_(?:\w+_)?module\z/;
            $needs{$file}{ $home{$symbol} } //= $symbol if $home{$symbol};
        }
    }
    return \%needs;
}


# the first circle found from a file, as "a -> b -> a"

sub circle {
    my ($needs, $done, @path) = @_;

    my ($at) = grep { $path[$_] eq $path[-1] } 0 .. $#path - 1;
    return join ' -> ', @path[$at .. $#path] if defined $at;

    return if $done->{ $path[-1] };

    for my $next (sort keys %{ $needs->{ $path[-1] } }) {
        my $found = circle($needs, $done, @path, $next);
        return $found if defined $found;
    }
    $done->{ $path[-1] } = 1;
    return;
}


sub circles {
    my ($dir) = @_;
    my @complaints;

    for my $folder (grep { !$known{$_} } map { s{.*/}{}r } glob "$dir/modules/*") {
        my $needs = needs($dir, $folder);
        my ($found, %done);

        for my $file (sort keys %$needs) {
            push @complaints, map { "$folder: $file needs $_, for "
                                    . $needs->{$file}{$_} }
                              grep { /_module\z/ }
                              sort keys %{ $needs->{$file} };
            $found //= circle($needs, \%done, $file);
        }
        push @complaints, "$folder: $found" if defined $found;
    }
    return @complaints;
}


# a project whose core has these files

sub project {
    my (%source) = @_;
    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    my ($core, $built) = ("$dir/modules/core", "$dir/objs/nginx/addon/core");

    make_path($core, $built);
    for my $file (sort keys %source) {
        spoil("$core/$file.c", "$source{$file}\n");
        system('cc', '-c', '-o', "$built/$file.o", "$core/$file.c") == 0
            or die 'cc';
    }
    return $dir;
}

sub calls {
    my ($name, @others) = @_;
    return join '', map({ "void $_(void);" } @others),
                    "void $name(void) {", map({ "$_();" } @others), '}';
}


ok(scalar keys %{ needs('.', 'core') } > 10, 'there are objects to ask');
clean(\&circles, '.', 'no circle');

my $line = project(a => calls(qw( a b c )), b => calls(qw( b c )),
                        c => calls('c'));
clean(\&circles, "$line", 'a, b and c in a line');

my $round = project(a => calls(qw( a b )), b => calls(qw( b c )),
                         c => calls(qw( c b )));
fires(\&circles, "$round", qr/^core: b -> c -> b$/, 'a circle of two');

my $long = project(a => calls(qw( a b )), b => calls(qw( b c )),
                        c => calls(qw( c a )));
fires(\&circles, "$long", qr/^core: a -> b -> c -> a$/, 'a circle of three');

my $face = project(
    a        => 'extern int ngx_http_gateway_module; '
                . 'int *a(void) { return &ngx_http_gateway_module; }',
    a_module => 'int ngx_http_gateway_module; int *a(void); '
                . 'int *m(void) { return a(); }');
clean(\&circles, "$face", 'a face that another file knows by its symbol');

my $asked = project(a => calls('a', 'helper'),
                         a_module => calls('helper'));
fires(\&circles, "$asked", qr/^core: a needs a_module, for helper$/,
      'a face that another file needs');

done_testing;
