# SPDX-License-Identifier: BSD-2-Clause

# Links in documents lead to a file of the tree, and to a heading of it.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway::Gate;
use Test::More;


sub documents {
    my ($dir) = @_;
    return grep { -f } glob "$dir/{*.md,modules/*/*.md,t/*/*.md,conf.examples/*.md}";
}


# the anchors that GitHub makes of headings: the second "X" is "x-1"

sub anchors {
    my ($text) = @_;

    my %seen;
    $text =~ s/^```.*?^```$//msg;
    return map {
        my $anchor = lc s/\[([^\]]*)\]\([^)]*\)/$1/gr;
        $anchor =~ s/[^\w\- ]//g;
        $anchor =~ tr/ /-/;
        my $n = $seen{$anchor}++;
        $n ? "$anchor-$n" : $anchor;
    } $text =~ /^#+ +(.*?) *$/mg;
}


sub links {
    my ($dir) = @_;

    my @complaints;
    for my $file (documents($dir)) {
        my $text = read_file($file) =~ s/^```.*?^```$//msgr;
        my ($folder) = $file =~ m{(.*)/};

        while ($text =~ /\]\(\s*([^)\s]+)\)/g) {
            my $link = $1;
            next if $link =~ /^\w+:/;

            my ($path, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
            my $target = length $path ? "$folder/$path" : $file;
            if (!-e $target) {
                push @complaints, "$file: $link: no such file";
                next;
            }
            push @complaints, "$file: $link: no such heading"
                if defined $anchor
                   && !grep { $_ eq $anchor } anchors(read_file($target));
        }
    }
    return @complaints;
}

clean(\&links, '.', 'links lead somewhere');
cmp_ok(scalar(map { read_file($_) =~ /\]\(/g } documents('.')), '>', 100,
       'links are found');

for my $seed ([ '[x](y.md)', qr/y\.md: no such file/, 'a file' ],
              [ '[x](#there)', qr/#there: no such heading/, 'a heading' ],
              [ "[x](README.md#b-1)\n\n# B", qr/#b-1: no such heading/,
                'a second heading of the name' ],
              [ "[x](README.md#b)\n\n```\n# B\n```", qr/#b: no such heading/,
                'a heading in an example' ])
{
    my ($text, $pattern, $name) = @$seed;
    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    spoil("$dir/README.md", "# A `\$b` [c](#a-b-c)\n\n$text\n");
    fires(\&links, "$dir", $pattern, $name);
}

done_testing;
