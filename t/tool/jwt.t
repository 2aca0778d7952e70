# SPDX-License-Identifier: BSD-2-Clause

# nginx-gateway jwt: signs tokens, and verifies them as the module does.

use v5.28;
use warnings;
use lib qw( t/lib t/tool );

use Digest::SHA ();
use Test::More;
use Tool;

my %sentence = (
    too_large => 'the token is too large',
    malformed_header =>
        'the token is not a signed token with a well-formed header',
    malformed_payload => 'the claims of the token are malformed',
    malformed_signature => 'the signature of the token is malformed',
    algorithm_not_allowed => 'the algorithm of the token is not allowed',
    unknown_key => 'the key of the token is unknown',
    key_mismatch => 'the key of the token does not match its algorithm',
    bad_signature => 'the signature of the token is not valid',
    expired => 'the token has expired',
    no_expiry => 'the token has no expiry',
    not_yet_valid => 'the token is not valid yet',
    too_old => 'the token was issued too long ago',
    typ => 'the type of the token is not accepted here',
    issuer => 'the issuer of the token is not accepted here',
    audience => 'the token is meant for another audience',
);

my %key = map { $_ => generate($_, '--kid', lc) } grep { offered($_) }
          @algorithms;
my %path = map { $_ => key_file($key{$_}) } keys %key;
my %set = map { $_ => $key{$_}{kty} eq 'oct' ? $path{$_}
                                             : public_file($key{$_}) }
          keys %key;


# what jwt sign prints, without its newline

sub signed {
    my ($alg, @options) = @_;

    my %got = run('', qw( jwt sign --key ), $path{$alg}, @options);
    die "jwt sign @options: $got{err}" if $got{code} ne '0';
    return $got{out} =~ s/\n\z//r;
}


# jws sign: any header over any payload

sub raw {
    my ($alg, $header, $payload) = @_;

    my %got = run($payload, qw( jws sign --key ), $path{$alg}, '--header',
                  ref $header ? json($header) : $header, '-');
    die "jws sign: $got{err}" if $got{code} ne '0';
    return $got{out} =~ s/\n\z//r;
}

my $header = { alg => 'ES256', kid => 'es256' };

sub claims { raw('ES256', $header, ref $_[0] ? json($_[0]) : $_[0]) }


sub header_of { (parts($_[0]))[0] }
sub payload_of { (parts($_[0]))[1] }


# one test each: accepted, with the payload on stdout; refused, with a reason

our @verify = (qw( jwt verify --keys ), $set{ES256});

sub accepted {
    my ($name, $token, @options) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    says($name, [ @verify, @options, '--', $token ],
         out => payload_of($token) . "\n");
}

sub refused {
    my ($reason, $name, $token, @options) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    says("$reason: $name", [ @verify, @options, '--', $token ], code => 1,
         err => said($reason));
}

# the sentence, and of a malformed token the member or the rule
sub said {
    my ($reason, $why) = @_;
    $why = defined $why ? qr/\Q: $why/
         : $reason eq 'malformed_signature' ? qr/(: [ -~]+)?/
         : $reason =~ /^malformed/ ? qr/: [ -~]+/ : qr//;
    return qr/\A\Q$reason: $sentence{$reason}\E$why\n\z/;
}


# --- every algorithm: sign, verify, and verify with openssl(1)

for my $alg (@algorithms) {
    SKIP: {
        skip "this OpenSSL does not offer $alg", 1 if !$key{$alg};

        my %got = says("$alg: signs",
                       [ qw( jwt sign --key ), $path{$alg},
                         qw( --claim sub=alice ) ],
                       out => qr/\A[\w-]+\.[\w-]+\.[\w-]+\n\z/);
        my $token = $got{out} =~ s/\n\z//r;
        my $kid = lc $alg;

        is(header_of($token), qq({"alg":"$alg","typ":"JWT","kid":"$kid"}),
           "$alg: header");

        local @verify = (qw( jwt verify --keys ), $set{$alg});
        accepted("$alg: verifies", $token);
        accepted("$alg: with the private key as well", $token, '--keys',
                 $path{$alg}) if $alg =~ /\AES256\z/;

        my ($input) = $token =~ /\A(.*)\./;
        my $signature = (parts($token))[2];

        if ($alg =~ /\AHS(\d+)/) {
            my $hmac = Digest::SHA->can("hmac_sha$1");
            is(unpack('H*', $signature), unpack('H*', $hmac->($input,
               b64u_decode($key{$alg}{k}))), "$alg: the MAC of Digest::SHA");
        }
        else {
            ok(openssl($alg, $key{$alg}, $input, $signature),
               "$alg: openssl agrees");
            ok(!openssl($alg, $key{$alg}, "$input.", $signature),
               "$alg: openssl could have disagreed");
        }

        refused('bad_signature', "$alg, of other claims", join '.',
                ($input =~ /(.*)\./)[0], b64u('{"sub":"mallory"}'),
                b64u($signature));

        substr($signature, length($signature) / 2, 1) ^.= "\1";
        refused('bad_signature', "$alg, one bit off",
                "$input." . b64u($signature));
    }
}

# an algorithm other than the first of a key without "alg"

for (qw( RS512 PS256 )) {
    my %any = %{ $key{RS256} };
    delete $any{alg};
    my $file = key_file(\%any);
    my %got = says("--alg $_", [ qw( jwt sign --key ), $file, '--alg', $_ ],
                   out => qr/./);
    my $token = $got{out} =~ s/\n\z//r;
    is(header_of($token), qq({"alg":"$_","typ":"JWT","kid":"rs256"}),
       "--alg $_: header");
    local @verify = (qw( jwt verify --keys ), $file);
    accepted("--alg $_ verifies", $token);
}

for ([ 'RS256', 'ES256', 'the key cannot be used with ES256' ],
     [ 'RS256', 'PS256', 'the key cannot be used with PS256' ],
     [ 'ES256', 'none', 'unknown algorithm "none"' ])
{
    my ($alg, $other, $why) = @$_;
    says("--alg $other of a key for $alg",
         [ qw( jwt sign --key ), $path{$alg}, '--alg', $other ], code => 2,
         err => "nginx-gateway: $why\n");
}


# --- sign: claims

sub claims_are {
    my ($name, $expected, @options) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(payload_of(signed('ES256', @options)), $expected, $name);
}

my @fixed = qw( --claim-json iat=1 --expires never );

claims_are('--claim and --claim-json in their order',
           '{"iat":1,"sub":"alice","n":[1,{"a":null}],"z":"5"}', @fixed,
           '--claim', 'sub=alice', '--claim-json', 'n=[1, {"a": null}]',
           '--claim=z=5');
claims_are('the last of a name counts', '{"iat":1,"a":true}', @fixed,
           qw( --claim a=1 --claim-json a=true ));
claims_are('text may be empty, hold "=" and look like JSON',
           '{"iat":1,"a":"","b":"x=y","c":"null"}', @fixed,
           qw( --claim a= --claim b=x=y --claim c=null ));
claims_are('text is escaped, UTF-8 is not',
           '{"iat":1,"a":"\"\\\\é"}', @fixed, '--claim', 'a="\\é');
claims_are('scalars of JSON', '{"iat":1,"a":null,"b":-2.5,"c":"d","e":false}',
           @fixed, qw( --claim-json a=null --claim-json b=-2.5 --claim-json
           c="d" --claim-json e=false ));
claims_are('times that are given stay', '{"exp":3,"nbf":2,"iat":1}', qw(
           --claim-json exp=3 --claim-json nbf=2 --claim-json iat=1
           --expires 5m --not-before 5m ));

for ([ qw( --claim sub ) ], [ qw( --claim =alice ) ],
     [ qw( --claim-json =1 ) ], [ '--claim', '' ])
{
    says("@$_", [ qw( jwt sign --key ), $path{ES256}, @$_ ], code => 2,
         err => "nginx-gateway: claim \"$_->[1]\" has no name or no \"=\"\n");
}

for ([ '--claim-json', 'a=b', 'JSON' ], [ '--claim-json', 'a=', 'JSON' ],
     [ '--claim-json', 'a=1 2', 'JSON' ],
     [ '--claim-json', 'a={"b":1,"b":2}', 'JSON' ],
     [ '--claim-json', 'a=1e999', 'JSON' ],
     [ '--claim', "a=\xff", 'UTF-8' ], [ '--claim', "\xff=a", 'UTF-8' ])
{
    my ($option, $claim, $what) = @$_;
    says("$option $claim", [ qw( jwt sign --key ), $path{ES256}, $option,
                             $claim ], code => 2,
         err => "nginx-gateway: claim \"$claim\" is not $what\n");
}

for my $text ('{"sub":"alice"}', " {\n \"sub\" : \"al\\u0069ce\"}\n\n", 'x',
              '')
{
    my %got = says('--claims-json - signs', [ qw( jwt sign --key ),
                   $path{ES256}, qw( --claims-json - ) ], in => $text,
                   out => qr/./);
    is(payload_of($got{out}), $text, 'byte for byte');
}

is(payload_of(signed('ES256', '--claims-json', file('{"a": 1}'))),
   '{"a": 1}', '--claims-json FILE');

my $missing = file('') . '.missing';

says('--claims-json of a missing file',
     [ qw( jwt sign --key ), $path{ES256}, '--claims-json', $missing ],
     code => 3, err => "nginx-gateway: $missing: No such file or directory\n");

for ([ qw( --claim a=b ) ], [ qw( --claim-json a=1 ) ], [ qw( --expires 1h ) ],
     [ qw( --not-before 1h ) ])
{
    says("--claims-json with $_->[0]",
         [ qw( jwt sign --key ), $path{ES256}, qw( --claims-json - ), @$_ ],
         in => '{}', code => 2, err => 'nginx-gateway: --claims-json'
                                       . ' contains all claims, no other option'
                                       . " can add to them\n");
}


# --- sign: times

sub times_are {
    my ($name, $expected, @options) = @_;

    my $before = time;
    my $claims = decode(payload_of(signed('ES256', @options)));
    my $after = time;
    my $iat = $claims->{iat};

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($before <= $iat && $iat <= $after, "$name: iat is now");
    is_deeply({ map { $_ => $claims->{$_} - $iat } keys %$claims },
              { iat => 0, %$expected }, $name);
}

times_are('an hour by default', { exp => 3600 });
times_are('--expires never', {}, qw( --expires never ));
times_are('--not-before', { exp => 3600, nbf => 60 }, qw( --not-before 1m ));

for ([ '90s', 90 ], [ '90', 90 ], [ '15m', 900 ], [ '1h30m', 5400 ],
     [ '2d', 172800 ], [ '1w', 604800 ], [ '1w2d3h4m5s', 788645 ],
     [ '1h5', 3605 ], [ '0', 0 ], [ '-5m', -300 ], [ '-1h30m', -5400 ])
{
    my ($text, $seconds) = @$_;
    times_are("--expires $text", { exp => $seconds }, '--expires', $text);
}

for my $text ('', '-', 'x', '1y', '1 h', ' 1h', 'h', '1hh', '--1', '+1',
              '1.5h', 'Never', '99999999999999999999', '9999999999999999w')
{
    says("--expires \"$text\"",
         [ qw( jwt sign --key ), $path{ES256}, '--expires', $text ], code => 2,
         err => "nginx-gateway: invalid --expires \"$text\", it must be a time"
                . " such as 90s, 15m or 1h\n");
}

says('--not-before', [ qw( jwt sign --key ), $path{ES256},
                       qw( --not-before never ) ], code => 2,
     err => 'nginx-gateway: invalid --not-before "never", it must be a time'
            . " such as 90s, 15m or 1h\n");


# --- sign: the header

my %nameless = %{ $key{ES256} };
delete $nameless{kid};
my $nameless = key_file(\%nameless);
$path{nameless} = $nameless;

is(header_of(signed('nameless')), '{"alg":"ES256","typ":"JWT"}',
   'no kid in the key, none in the token');

for ([ '{"typ":"at+jwt","x":[1]}',
       '{"alg":"ES256","typ":"at+jwt","kid":"es256","x":[1]}' ],
     [ '{"kid":null,"typ":null}', '{"alg":"ES256"}' ],
     [ '{"alg":"none"}', '{"alg":"none","typ":"JWT","kid":"es256"}' ],
     [ '{"nothing":null}', '{"alg":"ES256","typ":"JWT","kid":"es256"}' ],
     [ '{}', '{"alg":"ES256","typ":"JWT","kid":"es256"}' ])
{
    my ($text, $expected) = @$_;
    is(header_of(signed('ES256', '--header', $text)), $expected,
       "--header $text");
}

for ([ '[]', 'is a JSON array, it must be a JSON object' ],
     [ '', 'is empty, it must be a JSON object' ],
     [ '{"a"', 'is not well-formed JSON, it ends too early (line 1, column 5)' ],
     [ '{} {}', 'has bytes after its end (line 1, column 4)' ])
{
    my ($text, $why) = @$_;
    says("--header \"$text\"",
         [ qw( jwt sign --key ), $path{ES256}, '--header', $text ], code => 2,
         err => "nginx-gateway: --header $why\n");
}


# --- verify: what is printed

sub printed {
    my ($name, $payload, $expected) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    says("prints $name",
         [ @verify, '--no-require-exp', claims($payload) ],
         out => "$expected\n");
}

printed('members in their order', '{"z":1,"a":2,"m":3}',
        '{"z":1,"a":2,"m":3}');
printed('no blanks', " { \"a\" : [ 1 , 2 ] ,\t\"b\" : { } }\r\n",
        '{"a":[1,2],"b":{}}');
printed('nothing', '{}', '{}');
printed('strings as UTF-8', '{"a":"\u00e9\/\ud83d\ude00é","\u0062":""}',
        "{\"a\":\"é/\xf0\x9f\x98\x80é\",\"b\":\"\"}");
printed('controls and quotes escaped', '{"a":"\"\\\\\u0001\u001f"}',
        '{"a":"\"\\\\\u0001\u001f"}');
printed('integers of 64 bits',
        '{"a":9223372036854775807,"b":-9223372036854775808}',
        '{"a":9223372036854775807,"b":-9223372036854775808}');
printed('reals in their shortest form',
        '{"a":1.0,"b":0.1,"c":1e2,"d":1e30,"e":-2.50}',
        '{"a":1,"b":0.1,"c":100,"d":1e30,"e":-2.5}');
printed('literals', '{"a":null,"b":true,"c":false}',
        '{"a":null,"b":true,"c":false}');


# --- verify: where the token comes from

my $good = signed('ES256', qw( --claim sub=alice ));

for ([ 'bare', '' ], [ 'with a newline', "\n" ],
     [ 'with CRLF and blanks', " \t\r\n\r\n" ])
{
    says("standard input, $_->[0]", [ @verify, '-' ], in => $good . $_->[1],
         out => payload_of($good) . "\n");
}

for ([ 'empty', '' ], [ 'a blank before it', " $good" ],
     [ 'two tokens', "$good\n$good\n" ])
{
    says("standard input, $_->[0]", [ @verify, '-' ], in => $_->[1],
         code => 1, err => said('malformed_header'));
}

# only white space is taken off

for ("\0", "\0\0\n", "\n\0") {
    says('standard input, NUL bytes after the token', [ @verify, '-' ],
         in => "$good$_", code => 1,
         err => said('malformed_signature'));
}

says('keys on standard input', [ qw( jwt verify --keys - ), $good ],
     in => json($key{ES256}), out => payload_of($good) . "\n");


# --- verify: times

refused('expired', 'a minute ago', signed('ES256', qw( --expires -1m )));
refused('expired', 'at its second', signed('ES256', qw( --expires 0 )));
refused('expired', 'with less leeway', signed('ES256', qw( --expires -1m )),
        qw( --leeway 50s ));
refused('expired', 'a real', claims('{"exp":1.5}'));
refused('expired', 'without --no-require-exp mattering', claims('{"exp":1}'),
        '--no-require-exp');
accepted('expired within the leeway', signed('ES256', qw( --expires -1m )),
         qw( --leeway 2m ));
accepted('exp beyond the integers', claims('{"exp":1e30}'));

refused('no_expiry', 'no exp', signed('ES256', qw( --expires never )));
accepted('no exp, --no-require-exp', signed('ES256', qw( --expires never )),
         '--no-require-exp');

refused('not_yet_valid', 'nbf', signed('ES256', qw( --not-before 1m )));
refused('not_yet_valid', 'nbf, with less leeway',
        signed('ES256', qw( --not-before 1m )), qw( --leeway 30s ));
accepted('nbf within the leeway', signed('ES256', qw( --not-before 1m )),
         qw( --leeway 2m ));
accepted('nbf is past', signed('ES256', qw( --not-before -1m )));

my %hour = (exp => time + 3600);
my $new = claims({ %hour, iat => time + 60 });

refused('not_yet_valid', 'iat under --max-age', $new, qw( --max-age 1h ));
accepted('iat ahead within the leeway', $new, qw( --max-age 1h --leeway 2m ));
accepted('iat ahead without --max-age', $new);

my $old = claims({ %hour, iat => time - 7200 });

refused('too_old', 'two hours', $old, qw( --max-age 1h ));
refused('too_old', 'with less leeway', $old, qw( --max-age 1h --leeway 30m ));
refused('too_old', 'no iat', claims(\%hour), qw( --max-age 1h ));
accepted('old within --max-age', $old, qw( --max-age 3h ));
accepted('old within the leeway', $old, qw( --max-age 1h --leeway 2h ));
accepted('old without --max-age', $old);


# --- verify: iss, aud, typ

my %full = (%hour, iss => 'https://a', aud => [qw( one two )]);
my $full = claims(\%full);

accepted('iss', $full, '--issuer', 'https://a');
accepted('one of two iss', $full, qw( --issuer x --issuer https://a ));
refused('issuer', 'another', $full, '--issuer', 'https://b');
refused('issuer', 'a prefix', $full, '--issuer', 'https://');
refused('issuer', 'of another case', $full, '--issuer', 'HTTPS://A');
refused('issuer', 'none', claims(\%hour), '--issuer', 'https://a');
refused('issuer', 'no string', claims({ %hour, iss => [ 'https://a' ] }),
        '--issuer', 'https://a');
refused('issuer', 'empty', claims({ %hour, iss => '' }), '--issuer', '');

accepted('aud in an array', $full, qw( --audience two ));
accepted('one of two aud', $full, qw( --audience x --audience one ));
accepted('aud as a string', claims({ %hour, aud => 'one' }),
         qw( --audience one ));
refused('audience', 'another', $full, qw( --audience three ));
refused('audience', 'none', claims(\%hour), qw( --audience one ));
refused('audience', 'an empty array', claims({ %hour, aud => [] }),
        qw( --audience one ));
refused('audience', 'an array with a number',
        claims({ %hour, aud => [ 'one', 1 ] }), qw( --audience one ));

accepted('typ', $good, qw( --typ JWT ));
accepted('typ in another case', $good, qw( --typ jwt ));
accepted('one of two typ', $good, qw( --typ at+jwt --typ JWT ));
accepted('typ as a media type', signed('ES256', '--header',
         '{"typ":"application/at+jwt"}'), qw( --typ at+jwt ));
refused('typ', 'another', $good, qw( --typ at+jwt ));
refused('typ', 'none', signed('ES256', '--header', '{"typ":null}'),
        qw( --typ JWT ));

refused('typ', 'before expired', claims('{"exp":1}'), qw( --typ JWT ));
refused('expired', 'before issuer and audience', claims('{"exp":1}'),
        qw( --issuer a --audience b ));
refused('issuer', 'before audience', claims(\%hour),
        qw( --issuer a --audience b ));


# --- verify: keys

my $twin = generate('ES256', '--kid', 'es256');
$path{twin} = key_file($twin);

refused('bad_signature', 'another key of the same kid', signed('twin'));
refused('unknown_key', 'another kid', signed('ES384'));
accepted('no kid, and a key that has one', signed('nameless'));

{
    local @verify = (qw( jwt verify --keys ),
                     public_file(@key{qw( ES256 RS256 )}));
    accepted('the key is found in a set', $good);
    refused('key_mismatch', 'ES256 that names a key for RS256',
            signed('ES256', '--header', '{"kid":"rs256"}'));
    refused('key_mismatch', 'PS256 that names a key for RS256',
            raw('RS256', { alg => 'PS256', kid => 'rs256' }, json(\%hour)));
}

{
    local @verify = (@verify, '--keys', $set{RS256});
    accepted('the key is found in the first of two files', $good);
    accepted('the key is found in the second of two files', signed('RS256'));
}

{
    local @verify = (qw( jwt verify --keys ), public_file(\%nameless));
    accepted('a key without kid serves any', $good);
    accepted('a key without kid serves none', signed('nameless'));
}

{
    my @others = map { my %one = %{ generate('ES256') };
                       delete $one{kid}; \%one } 1 .. 4;
    my $token = signed('nameless');

    local @verify = (qw( jwt verify --keys ),
                     public_file(@others[0 .. 2], \%nameless));
    accepted('four keys are tried', $token);
    $verify[-1] = public_file(@others, \%nameless);
    refused('unknown_key', 'five keys are too many', $token);
}

{
    local @verify = (qw( jwt verify --pem ), file(pem($key{ES256})));
    accepted('--pem', $good);
    refused('algorithm_not_allowed', '--pem allows no HMAC', signed('HS256'));

    $verify[-1] = file(pem($twin) . pem($key{ES256}) . pem($key{RS256}));
    accepted('--pem of several keys', $good);
    accepted('--pem of several keys, another', signed('RS256'));
    accepted('--pem beside --keys', signed('EdDSA'), '--keys', $set{EdDSA});
}

{
    my %use = (%{ $key{RS256} }, use => 'enc');
    my $file = public_file(\%use, $key{ES256});
    says('a key of another use is left out with a note',
         [ qw( jwt verify --keys ), $file, $good ],
         out => payload_of($good) . "\n",
         err => "nginx-gateway: $file: key 0, kid \"rs256\": has a \"use\""
                . " other than \"sig\", left out\n");
    says('and serves nothing',
         [ qw( jwt verify --keys ), $file, signed('RS256') ], code => 1,
         err => qr/^unknown_key: $sentence{unknown_key}\n\z/m);
}


# --- verify: algorithms

accepted('--algorithms', $good, qw( --algorithms ES256 ));
accepted('--algorithms of two', $good, '--algorithms', 'RS256 ES256');
accepted('--algorithms with commas', $good, '--algorithms', 'RS256, ES256');
accepted('--algorithms twice', $good,
         qw( --algorithms RS256 --algorithms ES256 ));
refused('algorithm_not_allowed', 'another', $good, qw( --algorithms RS256 ));
refused('algorithm_not_allowed', 'none', raw('ES256', '{"alg":"none"}', '{}'));
refused('algorithm_not_allowed', 'none, unsigned', b64u('{"alg":"none"}')
        . '.e30.');
refused('algorithm_not_allowed', 'one that is none',
        raw('ES256', '{"alg":"es256"}', '{}'));
refused('algorithm_not_allowed', 'HS256, public keys', signed('HS256'));

# HS256 with the text of the public key as its secret

{
    my $secret = pem($key{RS256});
    my $input = join '.', b64u('{"alg":"HS256","kid":"rs256"}'),
                          b64u(json(\%hour));
    my $token = "$input." . b64u(Digest::SHA::hmac_sha256($input, $secret));

    local @verify = (qw( jwt verify --keys ), $set{RS256});
    refused('algorithm_not_allowed', 'a public key as a secret', $token);
    refused('key_mismatch', 'a public key as a secret, HS256 allowed', $token,
            qw( --algorithms HS256 ));
}

{
    my $hs = signed('HS256');

    local @verify = (qw( jwt verify --keys ), file(json(
        { keys => [ @key{qw( HS256 HS384 )} ] })));
    accepted('HS256, a set of oct alone', $hs);
    accepted('HS384, a set of oct alone', signed('HS384'));
    accepted('HS256, two files of oct alone', $hs, '--keys', $path{HS512});
    refused('algorithm_not_allowed', 'HS256, not among --algorithms', $hs,
            qw( --algorithms HS384 ));
    refused('algorithm_not_allowed', 'HS256, another file has a public key',
            $hs, '--keys', $set{ES256});
    accepted('ES256 of that', $good, '--keys', $set{ES256});
    accepted('HS256 of that, as --algorithms say', $hs, '--keys', $set{ES256},
             '--algorithms', 'ES256 HS256');
    refused('algorithm_not_allowed', 'HS256, with --pem', $hs, '--pem',
            file(pem($key{ES256})));

    my $mixed = file(json({ keys => [ @key{qw( HS256 ES256 )} ] }));

    $verify[-1] = $mixed;
    refused('algorithm_not_allowed', 'HS256, a mixed set', $hs);
    accepted('ES256, a mixed set', $good);
    accepted('HS256, a mixed set, as --algorithms say', $hs,
             qw( --algorithms HS256 ));
    refused('algorithm_not_allowed', 'ES256, as --algorithms say', $good,
            qw( --algorithms HS256 ));

    # also where the public key is one that is left out
    my %use = (%{ $key{ES256} }, use => 'enc');
    my $unusable = file(json({ keys => [ $key{HS256}, \%use ] }));
    says('algorithm_not_allowed: HS256, a mixed set of one usable key',
         [ qw( jwt verify --keys ), $unusable, $hs ], code => 1,
         err => qr/^algorithm_not_allowed: /m);
}

for ([ 'ES256 none', 'none' ], [ 'RSA', 'RSA' ], [ 'es256,ES256', 'es256' ]) {
    my ($names, $which) = @$_;
    says("--algorithms \"$names\"", [ @verify, '--algorithms', $names, $good ],
         code => 2, err => "nginx-gateway: unknown algorithm \"$which\"\n");
}

for ([''], [' , '], [ 'ES256', '' ], [ '', 'ES256' ]) {
    says('--algorithms "' . join('", "', @$_) . '"',
         [ @verify, (map { ('--algorithms', $_) } @$_), $good ], code => 2,
         err => "nginx-gateway: --algorithms is empty\n");
}


# --- verify: malformed tokens

my ($h, $p, $s) = split /\./, $good;

for ([ 'empty', '' ], [ 'a word', 'token' ], [ 'two parts', "$h.$p" ],
     [ 'four parts', "$h.$p.$s." ], [ 'five parts', "$h.a.b.c.$s" ],
     [ 'padding', "$h=.$p.$s" ], [ 'base64', '+/' . "$h.$p.$s" ],
     [ 'an empty header', ".$p.$s" ],
     [ 'a scheme before it', "Bearer $good" ])
{
    refused('malformed_header', @$_);
}

for ('x', '[]', '{}', '{"alg":1}', '{"alg":null}', '{"alg":"ES256","kid":1}',
     '{"alg":"ES256","typ":1}', '{"alg":"ES256","alg":"ES256"}',
     '{"alg":"ES256","crit":[]}', '{"alg":"ES256","b64":true}',
     '{"alg":"ES256","zip":"DEF"}', '{"alg":"ES256"}}',
     "{\"alg\":\"ES256\",\"x\":\"\xff\"}")
{
    refused('malformed_header', $_, raw('ES256', $_, '{}'));
}

for ('', 'x', '[]', '"x"', '{"exp":9999999999', '{"a":1,"a":1}',
     "{\"a\":\"\xff\"}", '{"exp":"9999999999"}', '{"exp":null}',
     '{"exp":1e999}', '{"nbf":"0"}', '{"iat":true}',
     '{"a":' . '[' x 16 . ']' x 16 . '}')
{
    refused('malformed_payload', $_, claims($_), '--no-require-exp');
}

accepted('a depth of 16', claims('{"a":' . '[' x 15 . ']' x 15 . '}'),
         '--no-require-exp');
refused('malformed_payload', 'no base64url', "$h.$p=.$s");

for ([ malformed_header => 'a.b.c.d.e',
       'encrypted token (5 parts), a signed token has 3' ],
     [ malformed_header => raw('ES256', '{"alg":"ES256","crit":["exp"]}', '{}'),
       'the header has crit, which is not supported' ],
     [ malformed_payload => claims('{"exp":"tomorrow"}'), 'exp is a string' ],
     [ malformed_payload => claims('{"sub":"a","sub":"b"}'),
       'the payload has a duplicate member "sub"' ],
     [ malformed_payload => claims('{"\u001b[31m":1,"\u001b[31m":1}'),
       'the payload has a duplicate member "\x1b[31m"' ],
     [ malformed_payload =>
       claims('{' . join(',', map { qq("$_":1) } 1 .. 257) . '}'),
       'the payload has an object of more than 256 members' ])
{
    my ($reason, $token, $why) = @$_;
    says("$reason: $why", [ @verify, '--no-require-exp', '--', $token ],
         code => 1, err => said($reason, $why));
}
refused('bad_signature', 'before a malformed payload', "$h." . b64u('x')
        . ".$s");

for ([ 'none', '' ], [ 'no base64url', "$s=" ], [ 'too short', 'AAAA' ],
     [ 'too long', $s . 'AAAA' ],
     [ 'in DER', b64u(der_signature(b64u_decode($s))) ])
{
    my ($name, $signature) = @$_;
    refused('malformed_signature', $name, "$h.$p.$signature");
}

refused('bad_signature', 'of zeros', "$h.$p." . 'A' x length $s);


# --- verify: size

my $size = length $good;

accepted('--max-size of the token', $good, '--max-size', $size);
refused('too_large', 'by one byte', $good, '--max-size', $size - 1);
refused('too_large', 'no byte allowed', $good, qw( --max-size 0 ));
refused('too_large', '16385 bytes by default', 'a' x 16385);
refused('malformed_header', '16384 bytes are looked at', 'a' x 16384);
accepted('more, by --max-size', claims({ %hour, a => 'a' x 16384 }),
         qw( --max-size 32768 ));
says('too_large: standard input', [ @verify, '--max-size', $size - 1, '-' ],
     in => "$good\n", code => 1, err => "too_large: $sentence{too_large}\n");
says('--max-size without the newline', [ @verify, '--max-size', $size, '-' ],
     in => "$good\n", out => payload_of($good) . "\n");

# --max-size is a size as nginx reads it

for ([ '1k', 1 ], [ '1K', 1 ], [ '16k', 16 ], [ '1m', 1024 ], [ '1M', 1024 ])
{
    my ($text, $kilobytes) = @$_;
    my @arguments = (@verify, '--max-size', $text, '-');
    my $longest = 'a' x ($kilobytes * 1024);

    says("malformed_header: of the size of --max-size $text", \@arguments,
         in => $longest, code => 1,
         err => said('malformed_header'));
    says("too_large: by one byte, --max-size $text", \@arguments,
         in => "a$longest", code => 1,
         err => "too_large: $sentence{too_large}\n");
}

accepted('--max-size beyond what is ever read', $good, qw( --max-size 16m ));

for ((map { my $option = $_; map { [ $option, $_ ] } '', 'x', '-1', '1.5', 'k' }
      qw( --leeway --max-age --max-size )),
     (map { [ '--max-size', $_ ] }
      qw( 1h 1s 1kk 1k1 1g m +1 18446744073709551616 18014398509481984k )))
{
    my ($option, $value) = @$_;
    says("$option \"$value\"", [ @verify, $option, $value, $good ], code => 2,
         err => "nginx-gateway: invalid $option \"$value\", it must be a "
                . ($option eq '--max-size' ? 'size such as 4096, 16k or 1m'
                                           : 'time such as 30s or 5m') . "\n");
}

no_secrets();
done_testing;
