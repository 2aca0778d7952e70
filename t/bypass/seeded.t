# SPDX-License-Identifier: BSD-2-Clause

# The matrix shown to notice: what a defect lets through, what it bars, and a
# wrong status, each with the request.

use v5.28;
use warnings;
use lib 't/lib';

use Test::More;
use Test::Gateway::Bypass;

# what a matrix with a spoilt configuration prints, as a process of its own

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
like($said, qr/^ok \d+ - no closed case reached/m, 'nothing gets through');
like($said, qr/^ok \d+ - every open or granted/m, 'and nothing is barred');
like($said, qr/^# bypass: [\d,]+ cases, [\d,]+ closed, [\d,]+ open by nginx's/m,
     'the counts are printed');

# authentication is left out in a named location
$said = spoilt('s/(location  \@named \{\n.*\n)\s*gateway_jwt .*\n/$1/');
like($said, qr/^not ok \d+ - jwt: the status/m, 'a status that is wrong');
like($said, qr{^\#\ case\ \d+:\ jwt,\ public\ server.*\n
               \#\ [A-Z]+\ \S+\ HTTP/.*\n(?:\#\ .*\n)*?
               \#\ expected\ 401,\ got\ 200}mx, 'is told with its request');
like($said, qr/^not ok \d+ - no closed case reached/m, 'what got through');
like($said, qr/^# expected closed by "\w+", .*, got reached by \@named/m,
     'is told, too');

# an opening that is closed: the list must stay true
$said = spoilt('s/rewrite \^ \S+ last;//g');
like($said, qr/^not ok \d+ - every open or granted/m, 'what was barred');
like($said, qr/^# expected open by "rewrite", .*, got reached by nobody/m,
     'is told');

# the right answer from the wrong place
$said = spoilt('s/X-At prefix;/X-At exact;/g');
like($said, qr/^not ok \d+ - each from the locations/m,
     'another location that asks the origin is noticed');

# spellings: a cookie that is judged as nginx's variable has it
$said = spoilt('s/(gateway_jwt r token=)\$cookie_a_tok;/'
               . 'set \$read \$cookie_a_tok; $1\$read;/g',
               'Test::Gateway::Bypass::Spelling', 'stride => 97');
like($said, qr/^ok \d+ - good credentials and other names pass/m,
     'spellings: a good cookie still passes');
like($said, qr/^not ok \d+ - what is read by an upstream is not nobody/m,
     'a forged one that passes as nobody is noticed');
like($said, qr/^not ok \d+ - nor beside a good credential/m,
     'one that passes beside a good one is noticed');
like($said, qr/^not ok \d+ - hiding leaves nothing/m,
     'one that is not hidden is noticed');
like($said, qr/^\#\ jwt,\ cookie,\ HTTP.*\ is\ 200,\ read\ by\ .*\n
               \#\ GET\ \/jwt-cookie-/mx, 'each is told with its request');

done_testing();
