# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Said;

# The messages of nginx -t about a configuration: all lines of a level.
#
# "#!" in a configuration marks the line that messages are expected to name;
# they contain LINE instead of its number.  $Test::Gateway::Said::Files, or the
# second argument of said(), are files next to it: path => bytes.

use v5.28;
use warnings;

use Exporter qw( import );
use Test::Gateway::Server qw( nginx_t );
use Test::More ();

our @EXPORT = qw( said refused warned accepted );
our $Files;

# the line where the text of a test begins
my $before;


# exit code and lines

sub said {
    my ($conf, $files) = @_;

    $before //= (nginx_t("wrong;\n"))[1] =~ /nginx\.conf:(\d+)/ ? $1 - 1 : 0;

    my ($code, $output) = nginx_t($conf, $files // $Files);
    my $line = $before;
    for (split /\n/, $conf) {
        $line++;
        last if /#!/;
    }

    my @lines = map { /(\[\w+\]) (?:\d+#\d+: )?(.*)/ ? "$1 $2" : () }
                split /\n/, $output;
    s/nginx\.conf:$line\b/nginx.conf:LINE/ for @lines;
    return ($code, @lines);
}


sub refused {
    my ($conf, $message, $name) = @_;

    Test::More::is_deeply([ said($conf) ],
                          [ 1, "[emerg] $message in DIR/nginx.conf:LINE" ],
                          "refused: $name");
    return;
}


sub warned {
    my ($conf, $message, $name) = @_;

    Test::More::is_deeply([ said($conf) ],
                          [ 0, "[warn] $message in DIR/nginx.conf:LINE" ],
                          "warned: $name");
    return;
}


sub accepted {
    my ($conf, $name) = @_;

    Test::More::is_deeply([ said($conf) ], [ 0 ], "accepted: $name");
    return;
}

1;
