# SPDX-License-Identifier: BSD-2-Clause

# gateway_api_key_format: "gw" rejects all other keys before the lookup.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::KeyCases;

our $acme = api_key('acme');

# all of these are in the file: only the format can reject them
sub wrong_check { $_[0] =~ s/.$/$& eq '0' ? 1 : 0/er }

our %as = (
    plain   => 'a-key-of-another-system',
    check   => wrong_check($acme),
    cut     => substr($acme, 0, -1),
    long    => $acme . 'A',
    upper   => api_key('ACME'),
    dots    => api_key('a.b'),
    no_id   => api_key(''),
    prefix  => $acme =~ s/^gw/GW/r,
    two     => "$acme$acme",
    # one above the largest secret
    value   => do {
        my $text = 'gw_value_' . base62('0x1' . '0' x 64, 43);
        $text . base62(Compress::Zlib::crc32($text), 6);
    },
    id64    => api_key('a' x 64),
    id65    => api_key('a' x 65),
    zeros   => api_key('zeros', "\0" x 32),
    ones    => api_key('ones', "\xff" x 32),
    dash    => api_key('-a-1-'),
);

$Consumers = consumers(consumer('acme'),
    map { consumer($_, keys => [ entry($_, key => $as{$_}) ]) } sort keys %as);

sub sent { get('/t', "X-API-Key: $_[0]") }

sub all_of { my ($code, @names) = @_; map { (sent($as{$_}) => $code->($_)) } @names }

our @Ours = qw( id64 zeros ones dash );
our @Others = grep { my $name = $_; !grep { $_ eq $name } @Ours } sort keys %as;

run_tests();

__DATA__

=== TEST 1: any: only the digest decides
--- cases
sent($::acme) => granted('acme'),
all_of(sub { granted($_[0]) }, @::Ours, @::Others),
sent('x') => refused('unknown_key'),



=== TEST 2: gw: only keys of the format, with the right check
--- config
gateway_api_key r;
gateway_api_key_format gw;
--- cases
sent($::acme) => granted('acme'),
all_of(sub { granted($_[0]) }, @::Ours),
all_of(sub { refused('malformed_key') }, @::Others),
sent(api_key('stranger')) => refused('unknown_key'),



=== TEST 3: the format is inherited and overridden
--- config
gateway_api_key r;
gateway_api_key_format gw;
location /any { gateway_api_key_format any; }
--- cases
get('/t', "X-API-Key: $::as{plain}")   => refused('malformed_key'),
get('/any', "X-API-Key: $::as{plain}") => granted('plain'),



=== TEST 4: optional rejects a key of another format, too
--- config
gateway_api_key r;
gateway_api_key_format gw;
gateway_api_key_mode optional;
--- cases
sent($::as{plain}) => refused('malformed_key'),
get('/t')          => granted(''),



=== TEST 5: a key in the query is decoded before its format is checked
--- config
gateway_api_key r query=k;
gateway_api_key_format gw;
--- cases
get('/t?k=' . $::acme =~ s/_/%5f/gr)  => granted('acme'),
get('/t?k=' . $::acme . '%00')        => refused('malformed_key'),
get('/t?k=' . $::acme . '%20')        => refused('malformed_key'),
