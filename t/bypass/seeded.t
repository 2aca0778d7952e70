# SPDX-License-Identifier: BSD-2-Clause

# The bypass matrix detects seeded defects: a request that must not reach the
# origin, one that must, and a wrong status.  Each is printed with its request.

use v5.28;
use warnings;
use lib 't/lib';

use Test::More;
use Test::Gateway::Bypass;

# the output of a matrix with a modified configuration, run as a process

sub spoilt {
    my ($spoil, $class, $arg) = @_;

    $class //= 'Test::Gateway::Bypass';
    $arg //= 'stride => 97, only => [ "jwt" ]';
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or die;
        exec $^X, '-It/lib', "-M$class", '-e',
             "$class->new($arg,"
             . " spoil => sub { local \$_ = shift; $spoil; \$_ })->run;"
             . ' Test::More::done_testing();';
        die "exec: $!";
    }
    local $/;
    return scalar <$out>;
}


my $said = spoilt('1');
like($said, qr/^ok \d+ - jwt: the status/m, 'an intact configuration passes');
like($said, qr/^ok \d+ - no closed case reached/m,
     'an intact configuration: no closed case reaches the origin');
like($said, qr/^ok \d+ - every open or granted/m,
     'an intact configuration: each other case does');
like($said, qr/^# bypass: [\d,]+ cases, [\d,]+ closed, [\d,]+ open by nginx's/m,
     'the counts are printed');

# a named location without authentication
$said = spoilt('s/(location  \@named \{\n.*\n)\s*gateway_jwt .*\n/$1/');
like($said, qr/^not ok \d+ - jwt: the status/m, 'a wrong status fails');
like($said, qr{^\#\ case\ \d+:\ jwt,\ public\ server.*\n
               \#\ [A-Z]+\ \S+\ HTTP/.*\n(?:\#\ .*\n)*?
               \#\ expected\ 401,\ got\ 200}mx,
     'a wrong status is printed with its request');
like($said, qr/^not ok \d+ - no closed case reached/m,
     'a closed case that reaches the origin fails');
like($said, qr/^# expected closed by "\w+", .*, got reached by \@named/m,
     'a closed case that reaches the origin is printed');

# an open case that no longer is: the list of rules must stay correct
$said = spoilt('s/rewrite \^ \S+ last;//g');
like($said, qr/^not ok \d+ - every open or granted/m,
     'an open case that does not reach the origin fails');
like($said, qr/^# expected open by "rewrite", .*, got reached by nobody/m,
     'an open case that does not reach the origin is printed');

# the right status from the wrong location
$said = spoilt('s/X-At prefix;/X-At exact;/g');
like($said, qr/^not ok \d+ - each from the locations/m,
     'a request to the origin from another location fails');

# spellings: a cookie is verified as nginx's variable contains it
$said = spoilt('s/(gateway_jwt r token=)\$cookie_a_tok;/'
               . 'set \$read \$cookie_a_tok; $1\$read;/g',
               'Test::Gateway::Bypass::Spelling', 'stride => 97');
like($said, qr/^ok \d+ - good credentials and other names pass/m,
     'spellings: a good cookie still passes');
like($said, qr/^not ok \d+ - what is read by an upstream is not nobody/m,
     'a forged credential accepted as an anonymous request fails');
like($said, qr/^not ok \d+ - nor beside a good credential/m,
     'a forged credential accepted together with a good one fails');
like($said, qr/^not ok \d+ - hiding leaves nothing/m,
     'a credential that is not hidden fails');
like($said, qr/^\#\ jwt,\ cookie,\ HTTP.*\ is\ 200,\ read\ by\ .*\n
               \#\ GET\ \/jwt-cookie-/mx, 'each is printed with its request');

done_testing();
