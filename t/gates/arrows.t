# SPDX-License-Identifier: BSD-2-Clause

# Dependencies point one way: a folder of modules/ uses core and the folders that
# are listed here, and core uses only itself.  A module that uses only core is not
# listed.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway::Gate;
use Test::More;

my $objs = $ENV{GATEWAY_OBJS} // 'objs';

my %uses = (
    jwt         => [ qw( consumers jose ) ],
    api_key     => [ qw( consumers jose ) ],
    certificate => [ qw( consumers jose ) ],
    limit       => [ qw( redis ) ],
);

sub may {
    my ($from, $to) = @_;
    return $to eq $from || $to eq 'core'
           || grep { $_ eq $to } @{ $uses{$from} // [] };
}


# the headers that the sources include

sub includes {
    my ($dir) = @_;

    my %folder = map { m{([^/]+)/([^/]+)$}; $2 => $1 }
                 glob "$dir/modules/*/*.h";
    my @complaints;

    for my $file (glob "$dir/modules/*/*.[ch]") {
        my ($from, $name) = $file =~ m{([^/]+)/([^/]+)$};
        for my $header (read_file($file) =~ /^\s*#\s*include\s*["<](.*)[">]/mg)
        {
            push @complaints, "$from/$name includes $folder{$header}/$header"
                if $folder{$header} && !may($from, $folder{$header});
        }
    }
    return @complaints;
}

clean(\&includes, '.', 'no module includes what it must not');

for my $seed ([ 'limit/gw_seeded.c', 'ngx_http_gateway_access.h',
                'a feature module and another' ],
              [ 'core/gw_seeded.h', 'gw_json.h', 'core and jose' ],
              [ 'access/gw_seeded.c', 'gw_consumer.h',
                'rules, which ask the record, and consumers' ],
              [ 'jose/gw_seeded.c', 'gw_resp.h', 'one that others use' ],
              [ 'example/gw_seeded.c', 'gw_limit.h', 'a new module' ])
{
    my ($file, $header, $name) = @$seed;
    my $dir = copy_of('modules');
    mkdir "$dir/modules/example";
    spoil("$dir/modules/$file", qq{#include "$header"\n});
    fires(\&includes, "$dir", qr{^\Q$file\E includes \w+/\Q$header\E$}, $name);
}

{
    my $dir = copy_of('modules');
    mkdir "$dir/modules/example";
    spoil("$dir/modules/example/gw_seeded.c",
          qq{#include "gw_seeded.h"\n#include "gw_text.h"\n});
    spoil("$dir/modules/example/gw_seeded.h", '');
    clean(\&includes, "$dir", 'a new module may use core and itself');
}


# The symbols that objects use, with or without a header: "folder/file" => the
# files whose symbols it needs.

sub links {
    my (@objects) = @_;

    my (%defined, %needs);
    open my $nm, '-|', 'nm', '-gA', @objects or die "nm: $!";
    while (<$nm>) {
        my ($file, $type, $symbol) = m{([^/]+/[^/]+)\.o:.* (\w) (\w+)$}
            or next;
        $type =~ /^[Uwv]$/ ? $needs{$file}{$symbol} = 1
                           : $defined{$symbol} = $file;
    }
    close $nm or die "nm failed";

    my %links;
    for my $file (keys %needs) {
        for my $symbol (grep { $defined{$_} }
                        sort keys %{ $needs{$file} })
        {
            $links{$file}{ $defined{$symbol} } //= $symbol;
        }
    }
    return \%links;
}


sub crossing {
    my (@objects) = @_;

    my $links = links(@objects);
    my @complaints;

    for my $file (sort keys %$links) {
        my ($from) = split m{/}, $file;
        for my $to (sort keys %{ $links->{$file} }) {
            push @complaints, "$file uses $links->{$file}{$to} of $to"
                if !may($from, (split m{/}, $to)[0]);
        }
    }
    return @complaints;
}


my @objects = glob qq("$objs"/nginx/addon/*/*.o);
my $seeds = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);

# the object of a C source that uses a symbol and defines another one

sub object {
    my ($name, $uses, $defines) = @_;

    my ($folder) = split m{/}, $name;
    mkdir "$seeds/$folder";
    unlink "$seeds/$name.c";
    spoil("$seeds/$name.c",
          "extern char $uses\[];\nchar *$defines(void) { return $uses; }\n");
    system('cc', '-c', '-o', "$seeds/$name.o", "$seeds/$name.c") == 0
        or die 'cannot compile';
    return "$seeds/$name.o";
}

sub all_crossing { crossing(@objects, @{ $_[0] }) }

ok(@objects, 'the module is built');
clean(\&all_crossing, [], 'no object uses what it must not');

my $redis = object('redis/gw_seeded', 'gw_none', 'gw_b');

clean(\&all_crossing, [ $redis, object('limit/gw_seeded', 'gw_b', 'gw_a') ],
      'limit may use redis');

for my $folder (qw( access core example )) {
    fires(\&all_crossing,
          [ $redis, object("$folder/gw_seeded", 'gw_b', 'gw_a') ],
          qr{^$folder/gw_seeded uses gw_b of redis/gw_seeded$},
          "a declaration without a header in $folder");
}

done_testing;
