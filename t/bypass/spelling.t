# SPDX-License-Identifier: BSD-2-Clause

# Spellings of a credential that nginx does not read, but an upstream server
# may.  If a parser reads a spelling, nginx rejects the request, alone and
# together with a good credential, and hides the spelling.  "make test-bypass"
# sends all of them.

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
   'README.md names the source of each parser');

done_testing();
