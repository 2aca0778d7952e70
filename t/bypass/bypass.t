# A part of the bypass matrix, spread evenly over all of its dimensions: "make
# test-bypass" runs all of it.  README.md here tells what it is; its table of
# rules is compared with the matrix's.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Bypass;
use Test::Gateway::Bypass::Table;
use Test::More;

Test::Gateway::Bypass->new(stride => $ENV{BYPASS_STRIDE} || 397)->run;

my @written = map { join ' | ', @$_ } rules();
my @read = map { /^\| `(\w+)` \| (\w+) \| (.*) \|$/ ? "$1 | $2 | $3" : () }
           split /\n/, Test::Gateway::Server::slurp('t/bypass/README.md');
is_deeply(\@read, \@written, 'README.md has the rules, word for word');

done_testing();
