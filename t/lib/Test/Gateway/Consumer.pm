# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Consumer;

# API keys and consumers files for tests.  Keys are made here from the
# description of the format, not by the code under test.
#
#   api_key('acme')                  a key with this id, always the same
#   api_key('acme', $bytes)          the same with these 32 bytes as its secret
#   base62($number, $digits)
#   entry('acme', scopes => [...])   the entry of api_key('acme') in "keys"
#   entry('acme', key => $text)      for a key of another format
#   entry('acme', pepper => $bytes)  with hmac_sha256 instead of sha256
#   consumer('acme', %members)       with entry('acme') in "keys", unless other
#                                    keys are given
#   consumers(@consumers)            the file, JSON text
#   date($seconds)                   a time relative to now
#
# The section "consumers" of a block is the text of a file: it is written to
# html/consumers.json, which gateway_consumers names.

use v5.28;
use warnings;

use Compress::Zlib ();
use Digest::SHA ();
use Exporter qw( import );
use Math::BigInt ();
use POSIX ();
use Test::Gateway::Token qw( json );

our @EXPORT = qw( api_key base62 entry consumer consumers date );
our @EXPORT_OK = qw( consumers_section );


sub base62 {
    my ($number, $digits) = @_;

    my @digits = (0 .. 9, 'A' .. 'Z', 'a' .. 'z');
    my $n = Math::BigInt->new($number);
    my $text = '';

    for (1 .. $digits) {
        my ($rest, $digit) = $n->copy->bdiv(62);
        $text = $digits[$digit] . $text;
        $n = $rest;
    }
    return $text;
}


sub api_key {
    my ($id, $secret) = @_;

    state %made;
    return $made{$id} if !defined $secret && $made{$id};

    my $bytes = $secret // Digest::SHA::sha256("a secret of $id");
    my $text = "gw_${id}_"
               . base62('0x' . unpack('H*', $bytes), 43);
    $text .= base62(Compress::Zlib::crc32($text), 6);

    $made{$id} = $text if !defined $secret;
    return $text;
}


sub entry {
    my ($id, %member) = @_;

    my $key = delete $member{key} // api_key($id);
    my $pepper = delete $member{pepper};

    return { id => $id, %member,
             defined $pepper
             ? (hmac_sha256 => Digest::SHA::hmac_sha256_hex($key, $pepper))
             : (sha256 => Digest::SHA::sha256_hex($key)) };
}


sub consumer {
    my ($id, %member) = @_;
    return { id => $id, keys => [ entry($id) ], %member };
}


sub consumers { json({ consumers => [ @_ ] }) . "\n" }


sub date {
    my ($seconds) = @_;
    return POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $seconds));
}


# for Test::Gateway: additions to a block with this section

sub consumers_section {
    my ($block) = @_;

    my $text = $block->consumers // return;
    my $files = $block->user_files // [];

    $block->set_value('user_files',
                      ref $files ? [ [ 'consumers.json', $text ], @$files ]
                                 : ">>> consumers.json\n$text\n$files");
    $block->set_value('http_config', <<'END' . ($block->http_config // ''));
gateway_consumers zone=consumers:1m file=../html/consumers.json;
END
    return;
}

1;
