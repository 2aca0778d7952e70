# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Said;

# The messages of nginx -t about a configuration: all lines of a level.
#
# A configuration is its text, or a hash with the parts of http_conf().  "#!" in
# it marks the line that messages are expected to name; they contain LINE instead
# of its number.  $Test::Gateway::Said::Files, or the second argument of said(),
# are files next to it: path => bytes.  $Test::Gateway::Said::Ignore is a pattern
# of messages that are left out; $Test::Gateway::Said::Never is one that no output
# may match.

use v5.28;
use warnings;

use Exporter qw( import );
use Test::Gateway::Server qw( http_conf nginx_t );
use Test::More ();

our @EXPORT = qw( said refused warned accepted );
our ($Files, $Ignore, $Never);

# the line where the text of a test begins
my $before;


# exit code and lines

sub said {
    my ($conf, $files) = @_;
    $conf = http_conf(%$conf) if ref $conf;

    $before //= (nginx_t("wrong;\n"))[1] =~ /nginx\.conf:(\d+)/ ? $1 - 1 : 0;

    my ($code, $output) = nginx_t($conf, $files // $Files);
    Test::More::unlike($output, $Never, 'nothing that must not be shown')
        if $Never;
    my $line = $before;
    for (split /\n/, $conf) {
        $line++;
        last if /#!/;
    }

    my @lines = map { /(\[\w+\]) (?:\d+#\d+: )?(.*)/ ? "$1 $2" : () }
                split /\n/, $output;
    @lines = grep { !/$Ignore/ } @lines if $Ignore;
    s/nginx\.conf:$line\b/nginx.conf:LINE/ for @lines;
    return ($code, @lines);
}


sub refused {
    my ($conf, $message, $name, $place) = @_;
    $place //= ' in DIR/nginx.conf:LINE';

    Test::More::is_deeply([ said($conf) ], [ 1, "[emerg] $message$place" ],
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
