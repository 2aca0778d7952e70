# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Cases;

# Test files with the expected result of each token.  Additional sections:
#
#   files  names and contents, in html/
#   cases  pairs: a token, or a request made by get(), and the result:
#          "verified", the reason of a rejection, or granted(...) or
#          refused(...) with more details
#
# Both are Perl.  A block without a config uses one that verifies with "jwks".
# Each case asserts the status, the challenge or its absence, the type, the
# body to the byte, and $gateway_jwt_status.

use v5.28;
use warnings;

use Exporter qw( import );

use Test::Gateway;

our @EXPORT = qw( get bearer granted refused perl );

my %sentence = (
    missing => 'no credential was presented',
    duplicate_credential => 'more than one credential was presented',
    too_large => 'the token is too large',
    malformed_header =>
        'the token is not a signed token with a well-formed header',
    malformed_payload => 'the claims of the token are malformed',
    malformed_signature => 'the signature of the token is malformed',
    algorithm_not_allowed => 'the algorithm of the token is not allowed',
    unknown_key => 'the key of the token is unknown',
    key_mismatch =>
        'the key of the token does not match its algorithm',
    bad_signature => 'the signature of the token is not valid',
    expired => 'the token has expired',
    no_expiry => 'the token has no expiry',
    not_yet_valid => 'the token is not valid yet',
    too_old => 'the token was issued too long ago',
    typ => 'the type of the token is not accepted here',
    issuer => 'the issuer of the token is not accepted here',
    audience => 'the token is meant for another audience',
    claim => 'the claims of the token do not allow this request',
    revoked => 'the token has been revoked',
    consumer_conflict => 'the credentials name different consumers',
);

sub get {
    my ($path, @lines) = @_;
    return { path => $path, lines => join "\n", @lines };
}

sub bearer { "Authorization: Bearer $_[0]" }

sub granted {
    my ($status, @headers) = @_;
    return { code => 200, body => "granted\n",
             headers => [ "X-Status: $status", '!WWW-Authenticate', @headers ] };
}

# code: 401 or 403; error, scope: of the challenge, "": without the parameter
sub refused {
    my ($reason, %arg) = @_;
    my $detail = $sentence{$reason} // die "no such reason: $reason";
    my $code = $arg{code} // 401;
    my $title = $code == 401 ? 'Unauthorized' : 'Forbidden';
    my $error = $arg{error} // ($code == 401 ? 'invalid_token' : '');

    my $challenge = 'WWW-Authenticate: Bearer realm="r"';
    $challenge .= qq(, error="$error", error_description="$detail")
        if $reason ne 'missing';
    $challenge .= qq(, scope="$arg{scope}") if defined $arg{scope};
    $challenge = '!WWW-Authenticate' if $error eq '';

    my $status = $reason eq 'missing' ? 'absent' : $reason;
    return { code => $code,
             body => qq({"type":"about:blank","title":"$title","status":$code,)
                     . qq("detail":"$detail","reason":"$reason"}\n),
             headers => [ "X-Status: $status", $challenge,
                          'Content-Type: application/problem+json' ] };
}

# the values of a Perl section
sub perl {
    my ($block, $section) = @_;
    my $text = $block->$section // return;
    return @$text if ref $text;

    my @values = eval "package main; ($text)";
    die $block->name . ": $@" if $@;
    return @values;
}

add_block_preprocessor(sub {
    my ($block) = @_;

    my $config = $block->config || "gateway_jwt r;\n"
                                 . "gateway_jwt_key_file ../html/jwks.json;";
    $block->set_value('config', "$config\nadd_header X-Status"
                                . " \$gateway_jwt_status always;\n");

    my %files = perl($block, 'files');
    my @cases = perl($block, 'cases');
    my %new;

    while (my ($sent, $outcome) = splice @cases, 0, 2) {
        $sent = get('/t', bearer($sent)) if !ref $sent;
        $outcome = $outcome eq 'verified' ? granted($outcome)
                                          : refused($outcome) if !ref $outcome;

        my ($path) = $sent->{path} =~ m{^/([^?]*)};
        $files{$path} = "granted";

        push @{ $new{request} }, "GET $sent->{path}\n";
        push @{ $new{more_headers} }, $sent->{lines};
        push @{ $new{error_code} }, $outcome->{code};
        push @{ $new{response_headers} }, join "\n", @{ $outcome->{headers} };
        push @{ $new{response_body} }, $outcome->{body};
    }

    $new{user_files} = join '', $block->user_files // '',
                                map { ">>> $_\n$files{$_}\n" } sort keys %files;
    $block->set_value($_, $new{$_}) for keys %new;
});


1;
