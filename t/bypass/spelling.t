# SPDX-License-Identifier: BSD-2-Clause

# Spellings of a credential that nginx does not read and an upstream may: each
# is refused where a parser reads it, alone and beside a good credential, and
# hidden.  "make test-bypass" sends all of them.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Bypass::Parsers;
use Test::Gateway::Bypass::Spelling;
use Test::Gateway::Server;
use Test::More;

Test::Gateway::Bypass::Spelling->new(stride => $ENV{BYPASS_STRIDE} || 23)->run;

my %written = map { /^\| ([a-z]+ \w[^|]*?) \| .* \| .* \|$/ ? ($1 => 1) : () }
              split /\n/, Test::Gateway::Server::slurp('t/bypass/README.md');
is(join(', ', grep { !$written{$_} } parser_names()), '',
   'README.md tells what each parser was taken from');

done_testing();
