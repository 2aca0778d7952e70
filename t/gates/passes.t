# SPDX-License-Identifier: BSD-2-Clause

# The comment "# both passes: REASON" makes t/run-tests repeat the blocks of its
# file with a master.  Each such comment must have this effect.

use v5.28;
use warnings;
use lib 't/lib';

use File::Path qw( make_path );
use File::Temp ();
use Test::Gateway::Gate;
use Test::More;


sub marks {
    my ($dir) = @_;
    my @complaints;

    for my $file (glob "$dir/t/*/*.t") {
        my $text = read_file($file);
        next if $text !~ /^#\s*both passes\b/mi;

        my ($folder) = $file =~ m{/([^/]+)/[^/]+$};
        push @complaints, "$file: write \"# both passes: REASON\""
            if $text !~ /^# both passes: \S/m;
        push @complaints, "$file: has no blocks to repeat"
            if $text !~ /^run_tests\(\);.*^__DATA__$/ms;
        push @complaints, "$file: is no behaviour test"
            if !-d "$dir/modules/$folder";
    }
    return @complaints;
}


# a project with one test file

sub project {
    my ($file, $comment, $rest) = @_;

    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    make_path("$dir/modules/limit", map { "$dir/t/$_" } qw( limit faults ));
    spoil("$dir/t/$file", "# a test\n#\n$comment\n\n$rest");
    return $dir;
}

my $blocks = "run_tests();\n\n__DATA__\n\n=== TEST 1\n";
my $reason = '# both passes: two workers count in one zone';

clean(\&marks, '.', 'each mark has an effect');
ok(scalar(grep { read_file($_) =~ /^# both passes: /m } glob 't/*/*.t'),
   'there are files with a mark');

my $right = project('limit/x.t', $reason, $blocks);
clean(\&marks, "$right", 'blocks and a reason');

my $plain = project('limit/x.t', '# of one pass', "done_testing;\n");
clean(\&marks, "$plain", 'a file without the mark');

for my $seed ([ 'limit/x.t', '# both passes', $blocks, qr/write "# both/,
                'no reason' ],
              [ 'limit/x.t', '# Both passes: two workers', $blocks,
                qr/write "# both/, 'another spelling' ],
              [ 'limit/x.t', $reason, "done_testing;\n", qr/no blocks/,
                'servers of its own' ],
              [ 'faults/x.t', $reason, $blocks, qr/no behaviour test/,
                'another stage' ])
{
    my ($file, $comment, $rest, $pattern, $name) = @$seed;
    my $dir = project($file, $comment, $rest);
    fires(\&marks, "$dir", $pattern, $name);
}

done_testing;
