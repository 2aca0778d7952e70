# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Parts;

# Parts of a test file that run concurrently, since most of them wait.  Each
# runs in a process of its own; results are reported in the order of the file.
#
#   part(sub { ... }, @args);       starts a part, once fewer than eight run
#   parts_done();                   waits for all
#
# PARTS sets another number than eight.  A part fails if it dies or takes longer
# than two minutes.

use v5.28;
use warnings;

use Exporter qw( import );
use File::Temp ();
use POSIX ();
use Test::More ();

use Test::Gateway::FakeRedis ();
use Test::Gateway::Redis ();
use Test::Gateway::Server ();

our @EXPORT = qw( part parts_done );

my $most = $ENV{PARTS} || 8;
my (@parts, %running);


sub part {
    my ($code, @args) = @_;

    collect() while keys %running >= $most;

    my $out = File::Temp->new(TEMPLATE => 'nginx-gateway-XXXXXX', TMPDIR => 1);
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        work($out, $code, @args);
        exit 0;
    }

    push @parts, { pid => $pid, out => $out };
    $running{$pid} = $parts[-1];
    return;
}


sub parts_done {
    collect() while %running;
    report();
    return;
}


# --- the part's process

sub work {
    my ($out, $code, @args) = @_;

    srand;
    $_->adopt for qw( Test::Gateway::Server Test::Gateway::Redis
                      Test::Gateway::FakeRedis );

    my $builder = Test::More->builder;
    $builder->$_($out) for qw( output failure_output todo_output );
    $builder->current_test(0);

    local $SIG{ALRM} = sub { die "this takes too long\n" };
    alarm 120;
    eval { $code->(@args); 1 } or $builder->ok(0, "a part has died: $@");
    alarm 0;
    $out->flush;
    return;
}


# --- the file's process

sub collect {
    my $pid = waitpid -1, 0;
    die "waitpid: $!" if $pid < 0;

    my $part = delete $running{$pid} or return;
    $part->{status} = $?;
    report();
    return;
}


# The completed parts, in order.

sub report {
    my $builder = Test::More->builder;

    while (@parts && defined $parts[0]{status}) {
        my $part = shift @parts;

        open my $in, '<', $part->{out}->filename or die $!;
        while (<$in>) {
            if (/^ok \d+ # skip (.*)/) {
                $builder->skip($1);

            } elsif (/^(not )?ok \d+(?: - (.*))?/) {
                $builder->ok(!$1, $2);

            } elsif (/^#(?!   Failed test ) ?(.*)/) {
                $builder->diag($1);
            }
        }
        $builder->ok(0, "a part ended with status $part->{status}")
            if $part->{status};
    }
    return;
}

1;
