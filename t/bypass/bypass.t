# A part of the bypass matrix, spread evenly over all of its dimensions; "make
# test-bypass" runs all of it.  README.md here tells what it is.

use v5.28;
use warnings;
use lib 't/lib';

use Test::More;
use Test::Gateway::Bypass;

Test::Gateway::Bypass->new(stride => 397)->run;

done_testing();
