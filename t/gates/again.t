# SPDX-License-Identifier: BSD-2-Clause

# With AGAIN=n, t/run-tests repeats a failed file, unless that file itself has
# logged a defect that is no matter of time.

use v5.28;
use warnings;
use lib 't/lib';

use File::Path qw( make_path );
use Test::Gateway::Gate;
use Test::More;

my $dir = copy_of('t/run-tests');
make_path("$dir/modules/core", "$dir/t/core");

# a file whose first run fails and prints $text to its standard error

sub failing {
    my ($name, $text) = @_;

    my $second = "$dir/$name.second";
    spoil("$dir/t/core/$name.t", <<"END");
use Test::More tests => 1;
my \$second = -e '$second';
open my \$out, '>', '$second' or die;
print STDERR "$text\\n" if !\$second;
ok(\$second);
END
    return;
}

sub runs {
    my ($again) = @_;

    unlink glob "$dir/*.second";
    local @ENV{qw( BUILT STAGES AGAIN JOBS )} = (1, 'behaviour', $again, 2);
    my $said = `'$^X' '$dir/t/run-tests' 2>'$dir/stderr'`;
    return join "\n", sort($said =~ /^((?:unstable|failed): .*)/mg),
                      $said =~ /^(\d+ passed, \d+ failed)$/m;
}

failing(plain => 'too slow');
failing(late  => 'too late');
failing(leak  => 'ERROR: LeakSanitizer: detected memory leaks');
failing(alert => '[alert] 1#1: worker process 2 exited');

my @never = map { "failed: t/core/$_.t (behaviour)" } qw( alert leak );
my @others = map { "t/core/$_.t (behaviour)" } qw( late plain );

is(runs(2), join("\n", @never, map({ "unstable: $_" } @others),
                 '0 passed, 2 failed'), 'each file is judged by its own lines');
is(runs(1), join("\n", @never, "failed: $others[1]", "unstable: $others[0]",
                 '0 passed, 3 failed'), 'not more than n files');
is(runs(0), join("\n", sort(@never, map { "failed: $_" } @others),
                 '0 passed, 4 failed'), 'none');

my $said = read_file("$dir/stderr");
like($said, qr/^\Q$_\E/m, "the output contains \"$_\"")
    for 'too slow', 'too late', 'ERROR: LeakSanitizer', '[alert]';

done_testing();
