# SPDX-License-Identifier: BSD-2-Clause

# JSON strings of the encoder, read by two other decoders: json_verify, and
# Python's json.loads() after strict UTF-8, whose result is compared with
# Python's own decoding of the bytes.

use v5.28;
use warnings;

use Test::More;

my $objs = $ENV{GATEWAY_OBJS} // 'objs';

plan skip_all => 'no python3' if system('python3 -c 0') != 0;

open my $unit, '-|', "$objs/unit/test_log_json print" or die $!;
my @lines = <$unit>;
close $unit or die "test_log_json: $?";

is(scalar @lines, 256 + 65536 + 100000, 'all bytes, pairs, and random texts');

open my $python, '|-', 'python3', '-c', <<'END' or die $!;
import json, sys
for line in sys.stdin.buffer:
    text, string = line[:-1].split(b'\t', 1)
    text = bytes.fromhex(text.decode())
    string = json.loads(string.decode('utf-8', 'strict'))
    if string != text.decode('utf-8', 'replace'):
        sys.exit('%r: %r' % (text, string))
END
print $python @lines;
ok(close $python, 'each is the text, with U+FFFD for invalid UTF-8');

# a string that must fail: the comparison above is effective
open $python, '|-', q{python3 -c 'import json, sys
json.loads(sys.stdin.buffer.read().decode("utf-8", "strict"))' 2>/dev/null}
    or die $!;
print $python "\"\xff\"\n";
ok(!close $python, 'an invalid byte is rejected');

SKIP: {
    skip 'no json_verify', 2
        if system('echo 1 | json_verify -q 2>/dev/null') != 0;

    ok(verified(map { (split /\t/, $_, 2)[1] } @lines),
       'json_verify reads all of them');
    ok(!verified("\"\xff\"\n"), 'json_verify rejects an invalid byte');
}

sub verified {
    open my $verify, '|-', 'json_verify -s -q 2>/dev/null' or die $!;
    local $SIG{PIPE} = 'IGNORE';
    print $verify @_;
    return close $verify;
}

done_testing;
