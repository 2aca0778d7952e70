# SPDX-License-Identifier: BSD-2-Clause

# Each directive and variable in the code is in its module's README.md and in a
# test or an example; each one that a README names is in the code.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Gate;
use Test::More;


# name => folder of the module.  A name that ends in _ is a prefix, as of
# $gateway_jwt_claim_<name>.

sub in_code {
    my ($dir) = @_;

    my %name;
    for my $file (glob "$dir/modules/*/*.c") {
        my ($module) = $file =~ m{modules/([^/]+)/};
        $name{$_} = $module
            for read_file($file) =~ /ngx_string\(\s*"(gateway_[a-z0-9_]+)"/g;
    }
    return %name;
}


# true if $text contains $name as a word; for a prefix, a word that begins with it

sub names {
    my ($text, $name) = @_;

    return $name =~ /_\z/ ? $text =~ /(?<!\w)\Q$name\E/
                          : $text =~ /(?<!\w)\Q$name\E(?!\w)/;
}


sub docs {
    my ($dir) = @_;

    my %code = in_code($dir);
    my $used = join "\n", map { read_file($_) }
               grep { !m{/t/gates/} }
               glob "$dir/t/*/*.t $dir/conf.examples/*.conf";
    my %readme = map { m{([^/]+)/README.md$}; $1 => read_file($_) }
                 glob "$dir/modules/*/README.md";
    my @complaints;

    for my $name (sort keys %code) {
        my $module = $code{$name};

        push @complaints, "$name is not in modules/$module/README.md"
            if !names($readme{$module} // '', $name);
        push @complaints, "$name is in no test and no example"
            if !names($used, $name);
    }

    my @prefixes = grep { /_\z/ } keys %code;

    for my $module (sort keys %readme) {
        my %seen;
        for my $name ($readme{$module} =~ /(?<!\w)(gateway_[a-z0-9_]+)/g) {
            next if $code{$name} || $seen{$name}++;
            next if grep { index($name, $_) == 0 } @prefixes;
            push @complaints, "modules/$module/README.md names $name,"
                              . ' which is not in the code';
        }
    }
    return @complaints;
}


clean(\&docs, '.', 'code, READMEs and tests name the same');

my @parts = grep { -e } qw( modules t conf.examples );
my $file = 'modules/core/ngx_http_gateway_module.c';

my $copy = copy_of(@parts);
spoil("$copy/$file", qq{/* ngx_string("gateway_seeded") */\n});
my @complaints = docs("$copy");
is_deeply([ grep { /seeded/ } @complaints ],
          [ 'gateway_seeded is not in modules/core/README.md',
            'gateway_seeded is in no test and no example' ],
          'seeded: a directive that nobody documents or tests');

spoil("$copy/modules/core/README.md", "\n`gateway_seeded`\n");
fires(sub { grep { /seeded/ } docs(@_) }, "$copy", qr/in no test/,
      'a directive that is documented only');

$copy = copy_of(@parts);
spoil("$copy/modules/core/README.md", "\n`gateway_invented on;`\n");
fires(sub { grep { /invented/ } docs(@_) }, "$copy",
      qr/names gateway_invented, which is not in the code/,
      'a directive that is only documented');

$copy = copy_of(@parts);
spoil("$copy/modules/core/README.md", "\n`\$gateway_made_up`\n");
fires(sub { grep { /made_up/ } docs(@_) }, "$copy", qr/gateway_made_up/,
      'a variable that is only documented');

done_testing;
