# SPDX-License-Identifier: BSD-2-Clause

# Replays all committed inputs of all fuzz targets.

use v5.28;
use warnings;

use File::Temp ();
use Test::More;

my $objs = $ENV{GATEWAY_OBJS} // 'objs';
my @targets = map { m{fuzz_(\w+)\.c$} } glob 't/fuzz/fuzz_*.c';

plan skip_all => 'there are no fuzz targets' if !@targets;

# a target that crashes writes its input to the working directory
my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);

for my $target (@targets) {
    my @corpus = glob "t/fuzz/corpus/$target/*";
    ok(scalar @corpus, "$target: there is a corpus");

    open my $run, '-|', "'$objs/fuzz/$target' -runs=0"
                        . " -artifact_prefix=$dir/"
                        . " t/fuzz/corpus/$target 2>&1" or die $!;
    my @said = <$run>;
    ok(close $run, "$target: " . @corpus . ' inputs') or diag(@said);
}

done_testing;
