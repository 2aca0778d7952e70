# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Gate;

# For the gates in t/gates: a gate is a function that checks a folder and
# returns complaints.  A test runs it on the project, and on a copy of the
# project with a seeded defect.

use v5.28;
use warnings;

use Exporter qw( import );
use File::Temp ();
use Test::More;

our @EXPORT = qw( clean fires copy_of read_file spoil );


# $gate->($folder) has no complaint

sub clean {
    my ($gate, $folder, $name) = @_;

    my @complaints = $gate->($folder);
    ok(!@complaints, $name) or diag(join "\n", @complaints);
}


# $gate->($folder) has exactly one complaint, which $pattern matches

sub fires {
    my ($gate, $folder, $pattern, $name) = @_;

    my @complaints = $gate->($folder);
    is(scalar @complaints, 1, "seeded: $name: one complaint")
        or diag(join "\n", @complaints);
    like($complaints[0] // '', $pattern, "seeded: $name: the right one");
}


# A copy of some paths of the project, in a folder removed with the object.

sub copy_of {
    my (@paths) = @_;

    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    system('cp', '-R', '--parents', @paths, "$dir") == 0
        or die 'cannot copy the project';
    return $dir;
}


sub read_file {
    my ($path) = @_;

    open my $in, '<', $path or die "$path: $!";
    local $/;
    return scalar <$in> // '';
}


# Appends $text to a file.

sub spoil {
    my ($path, $text) = @_;

    open my $out, '>>', $path or die "$path: $!";
    print $out $text;
    close $out or die "$path: $!";
}

1;
