# SPDX-License-Identifier: BSD-2-Clause

# nginx-gateway consumers: a file is checked as a whole.

use v5.28;
use warnings;
use lib qw( t/lib t/tool );

use Digest::SHA qw( sha256_hex );
use Test::More;
use Tool;

my @check = qw( consumers check );

sub consumers { json({ consumers => [@_] }) }

sub consumer {
    my ($n) = @_;

    return { id => "c$n", groups => ['partners'], plan => 'gold',
             disabled => \0, metadata => { tenant => "$n" },
             keys => [ { id => "k$n", sha256 => sha256_hex("key $n"),
                         scopes => ['orders:read'],
                         not_before => '2026-01-01T00:00:00Z',
                         expires => '2027-01-01T00:00:00Z',
                         allow => [ '10.0.0.0/8', '2001:db8::/32' ],
                         disabled => \0 } ],
             jwt => [ { iss => 'https://id.example', sub => "service-$n" } ],
             certificates => [ { sha256 => sha256_hex("certificate $n") },
                               { san => "uri:spiffe://example/$n" } ] };
}

sub passes {
    my ($name, $text, $counts, @options) = @_;

    my $file = file($text);
    says($name, [ @check, $file, @options ],
         out => qr{\A\Q$file: $counts; about \E\d+ MB of a zone\n\z});
}

sub fails {
    my ($name, $text, @sentences) = @_;

    my $file = file($text);
    says($name, [ @check, $file ], code => 3,
         err => join '', map { "$file: $_\n" } @sentences);
}


# --- files without mistakes

my $none = '0 consumers, 0 keys, 0 JWT identities, 0 certificates';

passes('no consumer', consumers(), $none);
passes('white space', " {\n\t\"consumers\" : [\r\n] }\n\n", $none);
passes('a consumer', consumers(consumer(1)),
       '1 consumers, 1 keys, 1 JWT identities, 2 certificates');
passes('a consumer alone', '{"consumers":[{"id":"a"}]}',
       '1 consumers, 0 keys, 0 JWT identities, 0 certificates');
passes('20,000 consumers, more than 8 MB',
       consumers(map { consumer($_) } 1 .. 20_000),
       '20000 consumers, 20000 keys, 20000 JWT identities,'
       . ' 40000 certificates');

my ($example) = Tool::slurp('modules/consumers/README.md')
                =~ /^## The consumers file\n.*?^```json\n(.*?)^```\n/ms;

passes('the example of the reference', $example,
       '1 consumers, 1 keys, 1 JWT identities, 2 certificates');
says('standard input', [ @check, '-' ], in => consumers(consumer(1)),
     out => qr{\A-: 1 consumers, });

# a list of short addresses takes more memory than its text and a margin

passes('more memory than was guessed', consumers(map {
           my $n = $_;
           { id => "$n", keys => [ map {
               { id => "$n-$_", sha256 => sha256_hex("$n $_"),
                 allow => [ map { sprintf '%x::', $_ } 1 .. 900 ] }
           } 1 .. 10 ] } } 1 .. 20),
       '20 consumers, 200 keys, 0 JWT identities, 0 certificates');


# --- mistakes

fails('an empty file', '', 'the file must begin with { "consumers": [, it is'
                           . ' empty (line 1)');
fails('no JSON', 'acme', 'the file must begin with { "consumers": [, it contains'
                         . ' no JSON object (line 1)');
fails('YAML', "consumers:\n  - id: acme\n",
      'the file must begin with { "consumers": [, it is YAML (line 1)');
fails('an array', '[]',
      'the file must begin with { "consumers": [, it is a JSON array (line 1)');
fails('a byte order mark', "\xef\xbb\xbf" . consumers(),
      'the file begins with a byte order mark, which JSON does not allow'
      . ' (line 1)');
fails('several mistakes, each with its line',
      qq({ "consumers": [\n  { "id": "a", "colour": 1 },\n)
         . qq(  { "id": "a",\n    "plan": 1 },\n  { }\n] }\n),
      'consumers[0].colour: is unknown, allowed are id, groups, plan, metadata,'
      . ' disabled, keys, jwt, certificates (line 2)',
      'consumers[1].id: "a" is already used by consumers[0] (line 3)',
      'consumers[1].plan: must be a string (line 3)',
      'consumers[2].id: is missing (line 5)');
fails('a date', consumers({ id => 'a', keys => [
          { id => 'k', sha256 => 'a' x 63 . 'b', expires => '2027-13-01' } ] }),
      'consumers[0].keys[0].expires: "2027-13-01" is not a date, write for'
      . ' example 2027-01-31T00:00:00Z (line 1)');
fails('mistakes, then broken JSON',
      qq({"consumers":[{},\n{"id":"a",\n"plan":gold}]}),
      'consumers[0].id: is missing (line 1)',
      'consumers[1]: is not well-formed JSON: invalid token (line 3)');
fails('a hundred mistakes and more', consumers(({}) x 150),
      map({ "consumers[$_].id: is missing (line 1)" } 0 .. 99),
      '... and 50 more');

# found in the second of two passes only, because the first runs out of room

fails('a duplicate behind much',
      consumers((map { my $n = $_; { id => "a$n", keys => [ map {
                     { id => "$n-$_", sha256 => sha256_hex("$n $_"),
                       allow => [ map { sprintf '%x::', $_ } 1 .. 900 ] }
                 } 1 .. 10 ] } } 1 .. 20), { id => 'b' }, { id => 'b' }),
      'consumers[21].id: "b" is already used by consumers[20] (line 1)');


# --- a digest is never shown, nor a key that stands in its place

for my $secret ('gw_acme_Secret0123456789', 'S3cr3t' x 20) {
    for my $member (qw( sha256 hmac_sha256 key md5 secret )) {
        my $key = { id => 'k', $member => $secret };
        my %got = run('', @check, file(consumers({ id => 'a',
                                                   keys => [$key] })));
        is($got{code}, 3, "a key as $member is refused");
        unlike($got{err}, qr/secret0|s3cr3t/i, "and not shown");
    }
}


# --- peppers

my $hmac = consumers({ id => 'a', keys => [
    { id => 'k', hmac_sha256 => sha256_hex('x') } ] });

fails('hmac_sha256 without a pepper', $hmac, 'consumers[0].keys[0].hmac_sha256:'
      . ' requires a pepper (gateway_api_key_pepper, or --pepper) (line 1)');
passes('hmac_sha256 with one', $hmac,
       '1 consumers, 1 keys, 0 JWT identities, 0 certificates',
       '--pepper', file('0123456789abcdef'));
passes('hmac_sha256 with two', $hmac,
       '1 consumers, 1 keys, 0 JWT identities, 0 certificates',
       '--pepper', file('0123456789abcdef'), '--pepper', file('x' x 32));

my $missing = file('') . '.missing';

says('a pepper that is not there', [ @check, file($hmac), '--pepper',
                                     $missing ], code => 3,
     err => "nginx-gateway: $missing: No such file or directory\n");


# --- files that cannot be read

my ($folder) = $missing =~ m{(.*)/};

says('a missing file', [ @check, $missing ], code => 3,
     err => "nginx-gateway: $missing: No such file or directory\n");
says('a folder', [ @check, $folder ], code => 3,
     err => "nginx-gateway: $folder: cannot be read, or is larger than"
            . " 1024 MB\n");

done_testing;
