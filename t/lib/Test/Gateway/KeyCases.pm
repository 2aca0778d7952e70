# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::KeyCases;

# Test files with the expected result of each request's API key.  Additional
# section:
#
#   cases  pairs, in Perl: a request made by get(), and granted('id of a
#          consumer'), refused('reason'), or reached('id or ""', 'reason') for
#          a request that passes although a reason is set
#
# A block without consumers has those of $Consumers; user_files, if any, is a
# list.  Each case asserts the status, the challenge or its absence, the exact
# body, and in X-Who the values of $gateway_consumer and $gateway_auth_reason.
# The challenge is "Key", or that of refused(..., scheme => 'Bearer'); $Scheme
# sets it for a whole file.

use v5.28;
use warnings;

use Exporter qw( import );

use Test::Gateway;

our @EXPORT = qw( get with granted reached refused $Consumers $Scheme );

our $Consumers = consumers(consumer('acme'), consumer('beta'));
our $Scheme = 'Key';

my %sentence = (
    missing => 'no credential was presented',
    duplicate_credential => 'more than one credential was presented',
    invalid_key => 'the API key is not valid',
);

# reasons that the client must not learn
my %hidden = map { $_ => 1 } qw( malformed_key unknown_key expired disabled
                                 not_yet_valid address_not_allowed );

sub get {
    my ($path, @lines) = @_;
    return { path => $path, lines => join "\n", @lines };
}

# a header line with the key of an id
sub with { 'X-API-Key: ' . api_key($_[0]) }

sub reached {
    my ($consumer, $reason) = @_;
    return { code => 200, body => "granted\n",
             headers => [ "X-Who: <$consumer|$reason>", '!WWW-Authenticate' ] };
}

sub granted { reached($_[0], '') }

sub refused {
    my ($reason, %arg) = @_;

    my $shown = $hidden{$reason} ? 'invalid_key' : $reason;
    my $detail = $sentence{$shown} // die "no such reason: $reason";
    my $scheme = $arg{scheme} // $Scheme;
    my $realm = $arg{realm} // 'r';

    my $challenge = qq(WWW-Authenticate: $scheme realm="$realm");
    $challenge .= qq(, error="invalid_token", error_description="$detail")
        if $scheme eq 'Bearer' && $reason ne 'missing';

    return { code => 401,
             body => '{"type":"about:blank","title":"Unauthorized",'
                     . qq("status":401,"detail":"$detail","reason":"$shown"}\n),
             headers => [ $challenge, "X-Who: <|$reason>",
                          'Content-Type: application/problem+json' ] };
}

add_block_preprocessor(sub {
    my ($block) = @_;

    my $text = $block->cases // return;
    my @cases = ref $text ? @$text : eval "package main; ($text)";
    die $block->name . ": $@" if $@;

    my %files;
    my %new = (config => ($block->config || 'gateway_api_key r;')
                         . "\nadd_header X-Who "
                         . '"<$gateway_consumer|$gateway_auth_reason>"'
                         . " always;\n");

    while (my ($sent, $outcome) = splice @cases, 0, 2) {
        my ($path) = $sent->{path} =~ m{^/([^?]*)};
        $files{$path} = 1;

        push @{ $new{request} }, "GET $sent->{path}\n";
        push @{ $new{more_headers} }, $sent->{lines};
        push @{ $new{error_code} }, $outcome->{code};
        push @{ $new{response_headers} }, join "\n", @{ $outcome->{headers} };
        push @{ $new{response_body} }, $outcome->{body};
    }

    $block->set_value('consumers', $Consumers) if !defined $block->consumers;
    $new{user_files} = [ @{ $block->user_files // [] },
                         map { [ $_ => "granted\n" ] } sort keys %files ];
    $block->set_value($_, $new{$_}) for keys %new;
});

1;
