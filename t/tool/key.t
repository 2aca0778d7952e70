# SPDX-License-Identifier: BSD-2-Clause

# nginx-gateway key: makes API keys and their entries.

use v5.28;
use warnings;
use lib qw( t/lib t/tool );

use Compress::Zlib qw( crc32 );
use Digest::SHA qw( sha256_hex hmac_sha256_hex );
use Math::BigInt;
use Test::More;
use Time::Local qw( timegm );
use Tool;

my $pepper = 'a pepper of more than 16 bytes';
my $pepper_file = file("$pepper\n");

my @made;


# --- the documented format

my @digits = (0 .. 9, 'A' .. 'Z', 'a' .. 'z');
my %digit = map { $digits[$_] => $_ } 0 .. $#digits;

sub check_of {
    my ($text) = @_;

    my $crc = crc32($text);
    my $check = '';

    for (1 .. 6) {
        $check = $digits[$crc % 62] . $check;
        $crc = int($crc / 62);
    }
    return $check;
}


sub secret_of {
    my $number = Math::BigInt->new(0);

    $number = $number * 62 + $digit{$_} for split //, $_[0];
    return $number;
}

my $limit = Math::BigInt->new(2) ** 256;
my $told = 'nginx-gateway: the key is not shown again; add its entry to "keys"'
           . ' of the consumer';


# the format of a key, and its whole entry; the id is the expected one

sub new_key {
    my ($name, $id, @options) = @_;

    my %got = says("$name: made", [ qw( key new ), @options ],
                   out => qr/\Agw_[a-z0-9-]+_\w{49}\n\{\n.*\n\}\n\z/s,
                   err => qr/\A\Q$told\E "[^\n]*"\n\z/);
    my ($key, $json) = split /\n/, $got{out}, 2;
    my ($start, $secret, $check) = $key =~ /\A(gw_(?:.*)_)(.{43})(.{6})\z/;

    push @made, $key;

    like($start, qr/\Agw_(?:$id)_\z/, "$name: the id");
    ok(secret_of($secret) < $limit, "$name: a secret of 256 bits");
    is($check, check_of("$start$secret"), "$name: the check");
    is(decode($json)->{id}, $start =~ s/\Agw_(.*)_\z/$1/r,
       "$name: the id of the entry");

    return ($key, $json);
}


my ($key, $json) = new_key('the least', qr/acme-[0-9a-f]{8}/,
                           qw( --consumer acme ));
my ($id) = $key =~ /\Agw_(.*?)_/;
my $digest = sha256_hex($key);

is($json, <<"END", 'the entry, byte for byte');
{
  "id": "$id",
  "sha256": "$digest"
}
END

($key, $json) = new_key('everything', qr/acme-2026/, qw( --consumer acme
    --id acme-2026 --not-before 2026-01-01 --expires 2027-01-01T12:30:05Z
    --allow 10.0.0.0/8 --allow 2001:db8::/32 --scopes ),
    'orders:read,orders:write');
$digest = sha256_hex($key);

is($json, <<"END", 'every member, in the order of the documentation');
{
  "id": "acme-2026",
  "sha256": "$digest",
  "scopes": [
    "orders:read",
    "orders:write"
  ],
  "not_before": "2026-01-01T00:00:00Z",
  "expires": "2027-01-01T12:30:05Z",
  "allow": [
    "10.0.0.0/8",
    "2001:db8::/32"
  ]
}
END

($key, $json) = new_key('a pepper', qr/acme-\w+/, qw( --consumer acme
                        --pepper ), $pepper_file);
is_deeply({ %{ decode($json) }, id => 0 },
          { id => 0, hmac_sha256 => hmac_sha256_hex($key, $pepper) },
          'a pepper: HMAC-SHA256, without the newline of the file');

{
    my %got = run("$pepper\r\n", qw( key hash --pepper - ), file($key));
    is(decode($got{out})->{hmac_sha256}, hmac_sha256_hex($key, $pepper),
       'a pepper on standard input, with CR LF');
}

{
    my %seen;
    $seen{(new_key('again', qr/a/, qw( --consumer a --id a )))[0]} = 1
        for 1 .. 3;
    is(keys %seen, 3, 'no two keys are the same');
}


# --- the default id, derived from the consumer's

for ([ 'ACME Corp.', 'acme-corp-' ], [ "caf\xc3\xa9", 'caf--' ],
     [ 'a_b/c', 'a-b-c' ], [ '-', '-' ], [ 'x' x 54, 'x' x 54 ],
     [ 'x' x 55, 'x' x 55 ], [ 'x' x 56, 'x' x 55 ],
     [ 'x' x 256, 'x' x 55 ])
{
    my ($consumer, $id) = @$_;
    new_key("of $consumer", qr/$id-[0-9a-f]{8}/, '--consumer', $consumer);
}

new_key('--id of 64', qr/-{64}/, qw( --consumer a --id ), '-' x 64);

for ('', 'A', 'a_b', 'a b', "a\n", "\xc3\xa9", 'a' x 65) {
    says("--id \"$_\"", [ qw( key new --consumer a --id ), $_ ], code => 2,
         err => "nginx-gateway: --id must be 1 to 64 characters of a-z, 0-9"
                . " and \"-\"\n");
}

for ('', "a\nb", "\x7f", "\xff", 'a' x 257) {
    says("--consumer \"$_\"", [ qw( key new --consumer ), $_ ], code => 2,
         err => "nginx-gateway: --consumer must be 1 to 256 bytes of printable"
                . " text\n");
}

says('--consumer is required', [qw( key new )], code => 2,
     err => "nginx-gateway: --consumer is required\n");


# --- the options that set members of the entry

my $foreign = 'kH7d-2Lq9_wZx4Tp1v';
my @hash = (qw( key hash --id old ));

sub entry {
    my ($name, $expected, @options) = @_;

    my %got = says($name, [ @hash, @options ], in => $foreign, out => qr/./);
    is_deeply(decode($got{out}), { id => 'old', %$expected,
              sha256 => sha256_hex($foreign) }, "$name: the entry");
}

entry("--scopes @$_[1 .. $#$_]", { scopes => $_->[0] },
      map { ('--scopes', $_) } @$_[1 .. $#$_])
    for [ [qw( a b )], 'a b' ], [ [qw( a b )], 'a,b' ],
        [ [qw( a b c )], ' a, b ,,c ' ], [ [qw( a b c )], 'a b', 'c' ],
        [ [], '' ], [ ["!#[]~'"], "!#[]~'" ];

for ('a"', 'a\\', "a\tb", "a\n", "\xc3\xa9", "\x7f") {
    says("--scopes \"$_\"", [ @hash, '--scopes', $_ ], in => $foreign,
         code => 2, err => 'nginx-gateway: --scopes: a scope must be printable'
                           . " ASCII without spaces, commas, quotes and"
                           . " backslashes\n");
}

entry("--allow $_", { allow => [$_] }, '--allow', $_)
    for qw( 10.0.0.1 10.0.0.1/32 0.0.0.0/0 10.128.0.0/9 ::/0 ::1 2001:db8::/33
            2001:db8::1/128 ::ffff:10.0.0.1 );

for ('', 'localhost', '10.0.0', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/-1',
     '10.0.0.0/+8', '10.0.0.0/8/8', '10.0.0.0/8 ', '010.0.0.0/8', '::/129',
     '::/0008', '2001:db8::%eth0', 'fe80::/10%', '1' x 50, '1' x 5000)
{
    says("--allow \"$_\"", [ @hash, '--allow', $_ ], in => $foreign, code => 2,
         err => "nginx-gateway: --allow \"$_\" is not an address or a"
                . " network such as 10.0.0.0/8\n");
}

for (qw( 10.0.0.1/8 10.128.0.0/8 2001:db8::1/64 ::1/0 )) {
    says("--allow $_", [ @hash, '--allow', $_ ], in => $foreign, code => 2,
         err => "nginx-gateway: --allow \"$_\" has bits set after its"
                . " prefix\n");
}


# --- times

entry("--expires $_->[0]", { expires => $_->[1] }, '--expires', $_->[0])
    for [ '2100-01-31', '2100-01-31T00:00:00Z' ],
        [ '2096-02-29T23:59:59Z', '2096-02-29T23:59:59Z' ],
        [ '9999-12-31T23:59:59Z', '9999-12-31T23:59:59Z' ];

entry("--not-before $_->[0]", { not_before => $_->[1] }, '--not-before',
      $_->[0])
    for [ '1970-01-01', '1970-01-01T00:00:00Z' ],
        [ '2024-02-29', '2024-02-29T00:00:00Z' ];

for ('', 'x', 'never', '90x', '2027-02-29', '2027-13-01', '2027-00-01',
     '2027-01-00', '2027-1-1', '2027-01-01T24:00:00Z', '2027-01-01T00:60:00Z',
     '2027-01-01T00:00:60Z', '2027-01-01T00:00:00', '2027-01-01T00:00:00+00:00',
     '2027-01-01t00:00:00z', '2027-01-01 00:00:00Z', '1969-12-31',
     '0000-00-00', '3000000d', '-100w1000000d')
{
    says("--expires \"$_\"", [ @hash, '--expires', $_ ], in => $foreign,
         code => 2, err => "nginx-gateway: invalid --expires \"$_\", it must"
                           . " be a time such as 90d or 2027-01-31\n");
}

for ([ '90d', 90 * 86400 ], [ '1h30m', 5400 ], [ '10', 10 ]) {
    my ($text, $seconds) = @$_;
    my $before = time;
    my %got = run($foreign, @hash, '--expires', $text);
    my ($y, $m, $d, @hms) = decode($got{out})->{expires}
        =~ /\A(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z\z/;
    my $got = timegm(reverse(@hms), $d, $m - 1, $y);

    cmp_ok($got, '>=', $before + $seconds, "--expires $text: not too early");
    cmp_ok($got, '<=', time + $seconds, "--expires $text: not too late");
}

says('--expires that has passed', [ @hash, qw( --expires -1d ) ],
     in => $foreign, out => qr/"expires"/,
     err => "nginx-gateway: warning: --expires is in the past\n");

for ([qw( 2100-01-01 2100-01-01 )], [qw( 2100-01-02 2100-01-01 )]) {
    says("--not-before $_->[0] --expires $_->[1]",
         [ @hash, '--not-before', $_->[0], '--expires', $_->[1] ],
         in => $foreign, code => 2,
         err => "nginx-gateway: --expires must be after --not-before\n");
}


# --- key hash

for my $made (@made[0 .. 2]) {
    my ($id) = $made =~ /\Agw_(.*?)_/;

    for ([ 'as it is', $made ], [ 'and LF', "$made\n" ],
         [ 'and CR LF', "$made\r\n" ])
    {
        my ($name, $text) = @$_;
        my $expected = qq({\n  "id": "$id",\n  "sha256": ")
                       . sha256_hex($made) . qq("\n}\n);
        says("a key $name", [qw( key hash )], in => $text, out => $expected);
        says("a key $name, as \"-\"", [qw( key hash - )], in => $text,
             out => $expected);
        says("a key $name, in a file", [ qw( key hash ), file($text) ],
             out => $expected);
    }
}

{
    my %entry = map { $_ => decode({ run($made[0], qw( key hash --pepper ),
                      $pepper_file, @$_) }->{out})->{hmac_sha256} }
                [], [ '--id', 'other' ];
    is($_, hmac_sha256_hex($made[0], $pepper), 'key hash --pepper')
        for values %entry;
}

says('--id other than that of the key', [qw( key hash --id other )],
     in => $made[0], out => qr/"id": "other"/,
     err => "nginx-gateway: warning: the id in the key differs from --id\n");
says('--id as that of the key', [ qw( key hash --id ),
     $made[1] =~ /\Agw_(.*?)_/ ], in => $made[1], out => qr/"sha256"/);

for ('Any "id" (é) of 1 to 256 bytes', 'x' x 256) {
    my %got = says('--id of another format', [ qw( key hash --id ), $_ ],
                   in => $foreign, out => qr/\A\{\n  "id": /);
    utf8::decode(my $id = $_);
    is(decode($got{out})->{id}, $id, 'is in the entry');
}

for ('', 'x' x 257, "a\n", "\xff") {
    says('an invalid --id', [ qw( key hash --id ), $_ ], in => $foreign,
         code => 2, err => 'nginx-gateway: --id must be 1 to 256 bytes of'
                           . " printable text\n");
}

says('--id is required', [qw( key hash )], in => $foreign, code => 2,
     err => "nginx-gateway: --id is required, the key contains no id\n");

for ([ '', 'is empty' ], [ "\n", 'is empty' ], [ "\r\n", 'is empty' ],
     (map { [ $_, 'contains a control character, perhaps a second line' ] }
      "$foreign\n\n", "$foreign\r", "$foreign\n$foreign\n", "\t$foreign",
      "$foreign\0", "\x7f$foreign"),
     (map { [ $_, 'begins or ends with a space' ] }
      " $foreign", "$foreign ", "$foreign \n", ' '))
{
    my ($text, $why) = @$_;
    says("a key that $why", [@hash], in => $text, code => 3,
         err => "nginx-gateway: the key $why\n");
}


# --- warnings: the entry is printed nevertheless

my $short = "nginx-gateway: warning: the key is shorter than 16 characters\n";
my $guess = 'nginx-gateway: warning: the key is easy to guess: it has few'
            . " different characters, or they are in order\n";
my $check = 'nginx-gateway: warning: the key begins like one of "key new", but'
            . " its checksum is wrong, it may be incomplete\n";
my $ascii = 'nginx-gateway: warning: the key contains bytes that are not ASCII,'
            . " clients may encode them differently\n";

for ([ 'kH7d2Lq9wZx4Tp1', $short ], [ 'kH7d2Lq9wZx4Tp1v', '' ],
     [ 'secret', "$short$guess" ], [ 'a' x 40, $guess ],
     [ 'abcabcabcabcabcabc', $guess ], [ '0123456789abcdef', $guess ],
     [ 'aebfcgdageabgfcd', $guess ],
     [ 'b7e1f29c04d8a356', '' ], [ 'kH7d 2Lq9 wZx4 Tp1v', '' ],
     [ '3f2504e0-4f89-41d3-9a0c-0305e82c3301', '' ],
     [ "kH7d2Lq9wZx4Tp1v\xc3\xa9", $ascii ],
     [ substr($made[0], 0, -1), $check ], [ "$made[0]0", $check ])
{
    my ($text, $warnings) = @$_;
    my $sha256 = sha256_hex($text);
    says("warnings of $text", [@hash], in => "$text\n",
         out => qr/"sha256": "$sha256"/, err => $warnings);
}


# --- peppers and files

my $too_short = 'is shorter than 16 bytes, write a random one, such as'
            . ' "openssl rand -hex 32" prints';

for ([ 'x' x 15, $too_short ],
     [ 'x' x 15 . "\n", $too_short ],
     [ 'x' x 4097, 'is longer than 4096 bytes, 32 random bytes are enough' ])
{
    my ($text, $why) = @$_;
    says("a pepper that $why", [ @hash, '--pepper', file($text) ],
         in => $foreign, code => 3, err => "nginx-gateway: the pepper $why\n");
}

says('a pepper that is missing', [ @hash, '--pepper', $pepper ],
     in => $foreign, code => 3,
     err => "nginx-gateway: the file of the pepper: No such file or"
            . " directory\n");
says('a pepper and a key on standard input', [ @hash, qw( --pepper - ) ],
     in => $pepper, code => 2,
     err => 'nginx-gateway: the key and the pepper cannot both be standard'
            . " input: it is read once\n");
says('the same, as "-"', [ @hash, qw( --pepper - - ) ], in => $pepper,
     code => 2, err => 'nginx-gateway: only one argument can be "-": standard'
                       . " input is read once\n");


# --- a key in place of another argument is not repeated

for my $wrong ($made[0], $foreign, "-$foreign-that-is-long") {
    for ([ qw( key hash ) ], [ qw( key hash x ) ], [ qw( key ) ],
         [ qw( key new --consumer a ) ], [ qw( key hash --id a --pepper ) ],
         [ qw( key new --consumer a --pepper ) ])
    {
        my %got = run('', @$_, $wrong);
        like($got{code}, qr/\A[23]\z/, "@$_ KEY");
        is(index($got{err}, $wrong), -1, 'is not repeated');
    }
}

secret(@made, $foreign, $pepper);
no_secrets();


# --- standard output that takes nothing

SKIP: {
    skip 'no /dev/full here', 1 if !-c '/dev/full';

    my $said = `$Tool::binary key new --consumer a 2>&1 >/dev/full`;
    is($said, "nginx-gateway: standard output: No space left on device\n",
       'a key that nobody saw: no word on where it belongs');
}

done_testing;
