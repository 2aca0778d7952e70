# SPDX-License-Identifier: BSD-2-Clause

# A part of the bypass matrix, spread evenly over all of its dimensions; "make
# test-bypass" runs all of it.  README.md in this folder describes the matrix.
# Its table of rules must match the one in Test::Gateway::Bypass::Table.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Bypass;
use Test::Gateway::Bypass::Table;
use Test::More;

Test::Gateway::Bypass->new(stride => $ENV{BYPASS_STRIDE} || 397)->run;

my @written = map { join ' | ', @$_[0 .. 2] } rules();
my @read = map { /^\| `(\w+)` \| (\w+) \| (.*) \|$/ ? "$1 | $2 | $3" : () }
           split /\n/, Test::Gateway::Server::slurp('t/bypass/README.md');

my ($closed) = Test::Gateway::Server::slurp('t/bypass/README.md')
               =~ /With the directive in the server,(.*?)\bopen\b/s;
is(join(' ', $closed =~ /`(\w{3,})`/g),
   join(' ', 'off', map { $_->[3] ? $_->[0] : () } rules()),
   'README.md: the rules that a directive in the server closes');
is_deeply(\@read, \@written, 'README.md: the rules, word for word');

done_testing();
