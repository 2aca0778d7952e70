# SPDX-License-Identifier: BSD-2-Clause

# Each source names its licence, for those who take a file alone.  Files and
# functions in C are short.

use v5.28;
use warnings;
use lib 't/lib';

use File::Find qw( find );
use File::Temp ();
use Test::Gateway::Gate;
use Test::More;

my ($most_of_file, $most_of_function, $median) = (700, 80, 20);


sub in_c { my ($dir) = @_; return glob "$dir/{modules/*,tools}/*.[ch]" }


sub unlicensed {
    my ($dir) = @_;

    my @sources;
    find({ no_chdir => 1, wanted => sub {
        push @sources, $_
            if -f && !m{/corpus/|\.(?:md|json|conf)$};
    } }, grep { -e } map { "$dir/$_" } qw( .ci Makefile config modules t
                                           tools ));

    my $licence = qr{SPDX-License-Identifier: BSD-2-Clause(?: \*/| -->)?\n};
    return map { "$_ names no licence" }
           grep { read_file($_) !~ m{\A(?:#!.*\n)?(?:/\*|#|//|--|<!--) $licence} }
           sort @sources;
}


# the functions of a file: [ name, lines between the braces ]

sub functions {
    my ($text) = @_;

    my @found;
    while ($text =~ /^(\w+)\([^{}]*\)\n\{\n(.*?)^\}$/msg) {
        my ($name, $body) = ($1, $2);
        push @found, [ $name, $body =~ tr/\n// ];
    }
    return @found;
}


sub long {
    my ($dir) = @_;

    my (@complaints, @lengths);
    for my $file (in_c($dir)) {
        my $text = read_file($file);
        my $lines = $text =~ tr/\n//;
        push @complaints, "$file has $lines lines" if $lines > $most_of_file;

        for my $function (functions($text)) {
            my ($name, $length) = @$function;
            push @complaints, "$file: $name() has $length lines"
                if $length > $most_of_function;
            push @lengths, $length;
        }
    }

    @lengths = sort { $a <=> $b } @lengths;
    push @complaints, "half of the functions have over $median lines"
        if @lengths && $lengths[ $#lengths / 2 ] > $median;
    return @complaints;
}


clean(\&unlicensed, '.', 'each source names its licence');
clean(\&long, '.', 'files and functions are short');
cmp_ok(scalar(map { functions(read_file($_)) } in_c('.')), '>', 2000,
       'functions are found');

my $licence = "/* SPDX-License-Identifier: BSD-2-Clause */\n\n";

sub function {
    my ($lines) = @_;
    return "void\nf(int a,\n    int b)\n{\n" . "    a++;\n" x $lines . "}\n";
}

sub project {
    my ($text) = @_;

    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    mkdir "$dir/$_" for qw( modules modules/limit );
    spoil("$dir/modules/limit/x.c", $text);
    return $dir;
}

for my $whole ([ 'a file', $licence . "\n" x 698 ],
               [ 'a function', $licence . function(80) . function(20) x 2 ],
               [ 'half of the functions', $licence . function(21)
                                          . function(20) x 2 ])
{
    my ($name, $text) = @$whole;
    my $dir = project($text);
    clean(\&long, "$dir", "$name at the limit");
    clean(\&unlicensed, "$dir", "$name with a licence");
}

for my $seed ([ \&long, $licence . "\n" x 699, qr/has 701 lines/, 'a file' ],
              [ \&long, $licence . function(81) . function(20) x 2,
                qr/f\(\) has 81 lines/, 'a function' ],
              [ \&long, $licence . function(21) x 2 . function(20),
                qr/half of the functions/, 'most functions' ],
              [ \&unlicensed, "\n$licence", qr/x\.c names no licence/,
                'a licence that is not the first line' ])
{
    my ($gate, $text, $pattern, $name) = @$seed;
    my $dir = project($text);
    fires($gate, "$dir", $pattern, $name);
}

done_testing;
