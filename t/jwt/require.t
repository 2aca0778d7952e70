# gateway_jwt_require: every value is neither empty nor "0", as auth_jwt_require
# of NGINX Plus has it.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;


# --- sections: what is sent, and what becomes of it
#
#   files  names and contents, in html/
#   cases  pairs: a token, or a request made by get(), and "verified", the
#          reason of a refusal, or more exactly granted(...) or refused(...)
#
# Both are Perl.  A block without a config has one that verifies with "jwks".

my %sentence = (
    missing => 'no credential was presented',
    duplicate_credential => 'more than one credential was presented',
    too_large => 'the token is too large',
    malformed_header =>
        'the token is not a signed token with a well-formed header',
    malformed_payload => 'the claims of the token are malformed',
    malformed_signature => 'the signature of the token is malformed',
    algorithm_not_allowed => 'the algorithm of the token is not allowed',
    unknown_key => 'the token names no key that is known',
    key_mismatch =>
        'the key that the token names does not serve its algorithm',
    bad_signature => 'the signature of the token is not valid',
    expired => 'the token has expired',
    no_expiry => 'the token has no expiry',
    not_yet_valid => 'the token is not valid yet',
    too_old => 'the token was issued too long ago',
    typ => 'the token is of another type',
    issuer => 'the issuer of the token is not accepted here',
    audience => 'the token is meant for another audience',
    claim => 'the claims of the token do not allow this request',
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

# code: 401 or 403; error, scope: of the challenge, "" leaves the whole of it out
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


sub admin { token(claims => { role => 'admin' }) }

sub guest { token(claims => { role => 'guest' }) }

run_tests();

__DATA__

=== TEST 1: a value passes unless it is empty or "0"
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $arg_a;
--- cases
get('/t?a=1', bearer(token()))                       => 'verified',
get('/t?a=x', bearer(token()))                       => 'verified',
get('/t?a=00', bearer(token()))                      => 'verified',
get('/t?a=0.0', bearer(token()))                     => 'verified',
get('/t?a=-', bearer(token()))                       => 'verified',
get('/t?a=0', bearer(token()))                       => 'claim',
get('/t?a=', bearer(token()))                        => 'claim',
get('/t', bearer(token()))                           => 'claim',



=== TEST 2: all values must pass, on one line and on several
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $arg_a $arg_b;
gateway_jwt_require $arg_c;
--- cases
get('/t?a=1&b=1&c=1', bearer(token()))               => 'verified',
get('/t?a=0&b=1&c=1', bearer(token()))               => 'claim',
get('/t?a=1&b=0&c=1', bearer(token()))               => 'claim',
get('/t?a=1&b=1&c=0', bearer(token()))               => 'claim',
get('/t?a=1&b=1', bearer(token()))                   => 'claim',



=== TEST 3: a map over a claim
--- http_config
map $gateway_jwt_claim_role $is_admin {
    default 0;
    admin 1;
}
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $is_admin;
--- cases
admin()                                              => 'verified',
guest()                                              => 'claim',
token()                                              => 'claim',



=== TEST 4: a variable over the claims: nested, a number, a truth value
--- http_config
gateway_jwt_claim_set $level account level;
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $level;
--- cases
token(claims => { account => { level => 3 } })       => 'verified',
token(claims => { account => { level => 'x' } })     => 'verified',
token(claims => { account => { level => ['x'] } })   => 'verified',
token(payload => '{"exp":9999999999,"account":{"level":false}}') => 'verified',
token(claims => { account => { level => 0 } })       => 'claim',
token(claims => { account => { level => '0' } })     => 'claim',
token(claims => { account => { level => '' } })      => 'claim',
token(claims => { account => { level => [] } })      => 'claim',
token(claims => { account => { level => undef } })   => 'claim',
token(claims => { account => [] })                   => 'claim',
token()                                              => 'claim',



=== TEST 5: a value may be text of several variables
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
location /two {
    gateway_jwt_require $arg_a$arg_b;
}
location /text {
    gateway_jwt_require "$arg_a text";
}
--- cases
get('/two?a=1', bearer(token()))                     => 'verified',
get('/two?b=1', bearer(token()))                     => 'verified',
get('/two?a=0&b=0', bearer(token()))                 => 'verified',
get('/two?a=0', bearer(token()))                     => 'claim',
get('/two', bearer(token()))                         => 'claim',
get('/text', bearer(token()))                        => 'verified',



=== TEST 6: error=: 401 by default, 403 without a challenge
--- jwks: es256
--- config
gateway_jwt_key_file ../html/jwks.json;
location /default {
    gateway_jwt r;
    gateway_jwt_require $arg_a;
}
location /401 {
    gateway_jwt r;
    gateway_jwt_require $arg_a error=401;
}
location /403 {
    gateway_jwt r;
    gateway_jwt_require $arg_a error=403;
}
location /both {
    gateway_jwt r;
    gateway_jwt_require $arg_a error=403;
    gateway_jwt_require $arg_b;
}
--- cases
(map { my ($path, $outcome) = @$_;
       (get("$path?a=1", bearer(token()))            => 'verified',
        get($path, bearer(token()))                  => $outcome,
        get("$path?a=1")                             => 'missing') }
     ([ '/default', 'claim' ], [ '/401', 'claim' ],
      [ '/403', refused('claim', code => 403) ])),
get('/both?a=1&b=1', bearer(token()))                => 'verified',
get('/both?b=1', bearer(token()))                    => refused('claim', code => 403),
get('/both?a=1', bearer(token()))                    => 'claim',



=== TEST 7: a location's own take the place of the server's
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $arg_a;
location /own {
    gateway_jwt_require $arg_b;
}
--- cases
get('/t?a=1', bearer(token()))                       => 'verified',
get('/t?b=1', bearer(token()))                       => 'claim',
get('/own?b=1', bearer(token()))                     => 'verified',
get('/own?a=1', bearer(token()))                     => 'claim',



=== TEST 8: in optional it is skipped without a token, and only then
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_mode optional;
gateway_jwt_require $gateway_jwt_claim_role;
--- cases
get('/t')                                            => granted('absent'),
admin()                                              => 'verified',
token()                                              => 'claim',
token(claims => { exp => 1 })                        => 'expired',



=== TEST 9: it is asked after the token and after gateway_jwt_require_claim
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
gateway_jwt_require $gateway_jwt_claim_role;
gateway_jwt_require_claim sub eq alice error=403;
--- cases
token(claims => { role => 'x', sub => 'alice' })     => 'verified',
token(claims => { sub => 'alice' })                  => 'claim',
token(claims => { sub => 'bob' })                    => refused('claim', code => 403),
token(claims => { exp => 1 })                        => 'expired',
edited(guest(), payload => sub { claims_json({ role => 'x', sub => 'alice' }) })
                                                     => 'bad_signature',



=== TEST 10: gateway_jwt_status is verified while the values are read
--- jwks: es256
--- config
gateway_jwt r;
gateway_jwt_key_file ../html/jwks.json;
set $before "$gateway_jwt_status$gateway_consumer";
add_header X-Before "[$before]" always;
gateway_jwt_require $gateway_consumer;
--- cases
token(claims => { sub => 'alice' }) => granted('verified', 'X-Before: []'),
token()                             => 'claim',
