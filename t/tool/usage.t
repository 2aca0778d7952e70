# SPDX-License-Identifier: BSD-2-Clause

# nginx-gateway: help, wrong usage, missing or invalid files.

use v5.28;
use warnings;
use lib qw( t/lib t/tool );

use Test::More;
use Tool;

# each command, its usage, its options and their values

my @keys = ([ '--keys', 'FILE' ], [ '--pem', 'FILE' ],
            [ '--algorithms', 'NAMES' ], [ '--max-size', 'SIZE' ]);

my @entry = map { [ "--$_->[0]", $_->[1] ] }
            [ scopes => 'SCOPES' ], [ 'not-before' => 'TIME' ],
            [ expires => 'TIME' ], [ allow => 'CIDR' ], [ pepper => 'FILE' ];

my %commands = (
    'jwk generate' => [ '--alg NAME [--kid KID] [--bits N]',
        [ '--alg', 'NAME' ], [ '--kid', 'KID' ], [ '--bits', 'N' ] ],
    'jwk import' => [ '--secret-file FILE [--base64] --kid KID',
        [ '--secret-file', 'FILE' ], [ '--base64' ], [ '--kid', 'KID' ] ],
    'jwk public' => [ 'FILE...' ],
    'jwt sign' => [ '--key FILE [--claim NAME=TEXT]... [options]',
        [ '--key', 'FILE' ], [ '--alg', 'NAME' ], [ '--claim', 'NAME=TEXT' ],
        [ '--claim-json', 'NAME=JSON' ], [ '--claims-json', 'FILE' ],
        [ '--header', 'JSON' ], [ '--expires', 'TIME' ],
        [ '--not-before', 'TIME' ] ],
    'jwt verify' => [ '--keys FILE [options] TOKEN', @keys,
        [ '--issuer', 'ISS' ], [ '--audience', 'AUD' ], [ '--typ', 'TYP' ],
        [ '--leeway', 'TIME' ], [ '--max-age', 'TIME' ],
        [ '--no-require-exp' ] ],
    'jws sign' => [ '--key FILE [--header TEXT] FILE',
        [ '--key', 'FILE' ], [ '--alg', 'NAME' ], [ '--header', 'TEXT' ] ],
    'jws verify' => [ '--keys FILE [options] TOKEN', @keys ],
    'key new' => [ '--consumer ID [options]', [ '--consumer', 'ID' ],
        [ '--id', 'ID' ], @entry ],
    'key hash' => [ '[--id ID] [options] [FILE]', [ '--id', 'ID' ], @entry ],
    'consumers check' => [ 'FILE [--pepper FILE]...', [ '--pepper', 'FILE' ] ],
);

my $usage = "usage: nginx-gateway NOUN VERB [options], see nginx-gateway"
            . " --help\n";

my %key = map { $_ => generate($_, '--kid', lc) }
          qw( HS256 RS256 ES256 EdDSA );
my %path = map { $_ => key_file($key{$_}) } keys %key;
my $set = public_file($key{ES256});
my %signed = run('', qw( jwt sign --key ), $path{ES256});
my $token = $signed{out} =~ s/\n\z//r;


# --- help and version

my ($version) = Tool::slurp('tools/gw_tool.h')
                =~ /^#define GW_TOOL_VERSION\s+"(\d+\.\d+\.\d+)"$/m;

says('--version', ['--version'], out => "nginx-gateway $version\n");

for my $option (qw( --help -h )) {
    my %help = says($option, [$option],
                    out => qr/\Ausage: nginx-gateway NOUN VERB \[options\]\n/);

    is_deeply([ sort $help{out} =~ /^  (\w+ \w+) +\S/mg ],
              [ sort keys %commands ], "$option lists the commands");
    like($help{out}, qr/Exit codes: 0 .* 1 .* 2 .* 3 /s,
         "$option explains the exit codes");

    for my $noun (qw( jwk jws jwt consumers )) {
        my %help = says("$noun $option", [ $noun, $option ],
                        out => qr/\Ausage: nginx-gateway $noun VERB \[options\]\n/);

        is_deeply([ sort $help{out} =~ /^  (\w+ \w+) +\S/mg ],
                  [ grep { /^$noun / } sort keys %commands ],
                  "$noun $option lists its commands");
    }

    says("an unknown noun, $option", [ 'kwj', $option ], code => 2,
         err => "nginx-gateway: unknown command\n$usage");
}

for my $command (sort keys %commands) {
    my ($synopsis, @options) = @{ $commands{$command} };
    my @words = split ' ', $command;

    for my $option (qw( --help -h )) {
        my %help = says("$command $option", [ @words, $option ],
            out => qr/\Ausage: nginx-gateway $command \Q$synopsis\E\n\n/);

        is_deeply([ $help{out} =~ /^  (--\S+(?: [A-Z=]+)?) +\S/mg ],
                  [ map { join ' ', @$_ } @options ],
                  "$command $option: every option and no other");
        ok(!(grep { length > 79 } split /\n/, $help{out}),
           "$command $option: no line is wider than a terminal");
    }

    says("$command: help among other arguments",
         [ @words, qw( --invented x --help ) ], out => qr/\Ausage: /);
}


# --- wrong usage

says('nothing', [], code => 2, err => $usage);

for ([qw( jwk )], [qw( invented )], [qw( --invented )]) {
    says("@$_ alone", $_, code => 2, err => $usage);
}

for ([qw( jwk invented )], [qw( invented generate )], [qw( jws generate )],
     [qw( sign jwt )], [qw( invented --help )], [ 'jwk', '' ],
     [qw( JWK generate )])
{
    says("unknown command @$_", $_, code => 2,
         err => "nginx-gateway: unknown command\n$usage");
}

for my $command (sort keys %commands) {
    my ($synopsis, @options) = @{ $commands{$command} };
    my @words = split ' ', $command;
    my $line = "usage: nginx-gateway $command $synopsis\n";

    for ([ '--invented', '--invented' ], [ '--invented=x', '--invented' ],
         [ '-x', '-x' ], [ '--al', '--al' ], [ '--ALG', '--ALG' ],
         [ '--key-', '--key-' ])
    {
        my ($argument, $name) = @$_;
        says("$command: unknown option $argument", [ @words, $argument ],
             code => 2,
             err => "nginx-gateway: unknown option \"$name\"\n$line");
    }

    for (@options) {
        my ($option, $value) = @$_;

        if ($value) {
            says("$command: $option without its value",
                 [ @words, $option ], code => 2,
                 err => "nginx-gateway: $option requires a value\n$line");
        }
        else {
            says("$command: $option with a value", [ @words, "$option=x" ],
                 code => 2,
                 err => "nginx-gateway: $option takes no value\n$line");
        }
    }
}

for ('jwk public', 'jws sign', 'jwt verify', 'jws verify',
     'consumers check')
{
    says("$_: nothing to work on", [ split ' ' ], code => 2,
         err => "nginx-gateway: an argument is missing\n"
                . "usage: nginx-gateway $_ $commands{$_}[0]\n");
}

for ([ 'key new', 'x' ], [ 'key hash', 'a', 'x' ],
     [ 'jwk generate', 'x' ], [ 'jwt sign', 'x' ], [ 'jws sign', 'a', 'x' ],
     [ 'jwt verify', 'a', 'x' ], [ 'jws verify', 'a', 'x' ],
     [ 'jwt verify', '--', '--keys', 'x' ],
     [ 'consumers check', 'a', 'x' ])
{
    my ($command, @files) = @$_;
    says("$command @files: too many", [ split(' ', $command), @files ],
         code => 2, err => "nginx-gateway: too many arguments\n"
                           . "usage: nginx-gateway $command"
                           . " $commands{$command}[0]\n");
}

for ([qw( jwt sign )], [qw( jws sign - )]) {
    says("@$_: no key", $_, code => 2,
         err => "nginx-gateway: --key is required\n");
}

for ([qw( jwt verify )], [qw( jws verify )]) {
    says("@$_: no keys", [ @$_, $token ], code => 2,
         err => "nginx-gateway: --keys or --pem is required\n");
}

says('"--" ends the options', [ qw( jwt verify --keys ), $set, '--',
                                '--help' ], code => 1,
     err => qr/\Amalformed_header: /);
says('options after the token', [ qw( jwt verify ), $token, "--keys=$set" ],
     out => qr/\A\{"iat":\d+,"exp":\d+\}\n\z/);


# --- files: missing, unreadable, broken

my $missing = file('') . '.missing';
my ($folder) = $missing =~ m{(.*)/};

my @readers = (
    [ 'jwk public', qw( jwk public FILE ) ],
    [ 'jwt sign --key', qw( jwt sign --key FILE ) ],
    [ 'jws sign --key', qw( jws sign --key FILE - ) ],
    [ 'jws sign', qw( jws sign --key ), $path{ES256}, 'FILE' ],
    [ 'jwt verify --keys', qw( jwt verify --keys FILE ), $token ],
    [ 'jwt verify --pem', qw( jwt verify --pem FILE ), $token ],
    [ 'jws verify --keys', qw( jws verify --keys FILE ), $token ],
    [ 'jws verify --pem', qw( jws verify --pem FILE ), $token ],
);

sub reads {
    my ($reader, $path) = @_;

    my (undef, @arguments) = @$reader;
    return [ map { $_ eq 'FILE' ? $path : $_ } @arguments ];
}

for (@readers) {
    says("$_->[0]: a missing file", reads($_, $missing), code => 3,
         err => "nginx-gateway: $missing: No such file or directory\n");
    says("$_->[0]: a folder", reads($_, $folder), code => 3,
         err => "nginx-gateway: $folder: cannot be read, or is larger than"
                . " 8 MB\n");
}

SKIP: {
    skip 'root reads everything', 1 if $> == 0;

    my $closed = file('{}');
    chmod 0, $closed;
    says("$_->[0]: an unreadable file", reads($_, $closed), code => 3,
         err => "nginx-gateway: $closed: Permission denied\n") for @readers;
}

says('one missing file of two', [ qw( jwk public ), $path{ES256}, $missing ],
     code => 3,
     err => "nginx-gateway: $missing: No such file or directory\n");
says('one missing set of two', [ qw( jwt verify --keys ), $set, '--keys',
                                 $missing, $token ], code => 3,
     err => "nginx-gateway: $missing: No such file or directory\n");

sub said {
    my ($file, $why) = @_;
    my $line = quotemeta("nginx-gateway: $file: $why\n")
               =~ s/WANTED/(a JSON object|a JWK or a JWK Set)/r;
    return qr/\A$line\z/;
}

for ([ '', 'is empty, it must be WANTED' ],
     [ '[]', 'is a JSON array, it must be WANTED' ],
     [ '{"kty"',
       'is not well-formed JSON, it ends too early (line 1, column 7)' ],
     [ '{"kty":"oct","k":"' . $key{HS256}{k},
       'is not well-formed JSON, it ends too early (line 1, column 18)' ],
     [ json($key{RS256}) . '}', 'has bytes after its end (line 1, column '
       . (1 + length json($key{RS256})) . ')' ])
{
    my ($text, $why) = @$_;
    my $file = file($text);

    for (grep { $_->[0] !~ /pem|jws sign\z/ } @readers) {
        says("$_->[0]: $why", reads($_, $file), code => 3,
             err => said($file, $why));
    }
}

my $no_d = 'must have "d", base64url of';
my $no_k = 'must have "k" in base64url';
my $invalid = 'is not a valid private key of its type, or OpenSSL does not'
              . ' offer it';
my %public = %{ $key{ES256} };
delete $public{d};

my $misfit = 'has an "alg" that does not fit the key:';
my $curves = 'allowed are P-256, P-384, P-521, secp256k1';

for ([ {}, 'has no "kty"' ],
     [ { kty => 1 }, 'has a "kty" that is not a string' ],
     [ { kty => 'ec' },
       'has an unknown "kty": "ec", allowed are oct, RSA, EC, OKP, AKP' ],
     [ { keys => [ $key{ES256} ] }, 'is a JWK Set, it must be one JWK' ],
     [ { %{ $key{ES256} }, crv => 'P-257' },
       qq(has an unknown "crv": "P-257", $curves) ],
     [ { kty => 'EC' }, qq(has no "crv", $curves) ],
     [ { %{ $key{EdDSA} }, crv => 'P-256' },
       'has an unknown "crv": "P-256", allowed are Ed25519, Ed448' ],
     [ { kty => 'AKP', alg => 'EdDSA' },
       'has an unknown "alg": "EdDSA", allowed are ML-DSA-44, ML-DSA-65,'
       . ' ML-DSA-87' ],
     [ { %{ $key{ES256} }, alg => 'RS256' },
       qq($misfit "RS256", allowed are ES256) ],
     [ { %{ $key{HS256} }, alg => 'ES256' },
       qq($misfit "ES256", allowed are HS256, HS384, HS512) ],
     [ { %{ $key{ES256} }, alg => 1 }, 'has an "alg" that is not a string' ],
     [ \%public, "$no_d 32 bytes" ],
     [ { %{ $key{ES256} }, d => "$key{ES256}{d}=" }, "$no_d 32 bytes" ],
     [ { %{ $key{ES256} }, d => substr $key{ES256}{d}, 0, 42 },
       "$no_d 32 bytes" ],
     [ { %{ $key{EdDSA} }, d => "$key{EdDSA}{d}AA" }, "$no_d 32 bytes" ],
     [ { %{ $key{HS256} }, k => "$key{HS256}{k}!" }, $no_k ],
     [ { %{ $key{HS256} }, k => '' }, $no_k ],
     [ { %{ $key{RS256} }, p => undef }, 'must have "p" in base64url' ],
     [ { %{ $key{ES256} }, y => $key{ES256}{x} }, $invalid ])
{
    my ($jwk, $why) = @$_;
    my $file = key_file($jwk);
    my @shown = map { "$_=" . (ref $jwk->{$_} || $jwk->{$_} // 'null') }
                sort keys %$jwk;

    for ([ qw( jwt sign --key ), $file ], [ qw( jws sign --key ), $file, '-' ])
    {
        says("@$_[0, 1]: a key that $why, of " . (@shown + 0) . ' members',
             $_, code => 3, err => "nginx-gateway: $file: the key $why\n");
    }
}

my %short = (%{ $key{HS256} }, k => substr $key{HS256}{k}, 0, 40);

for ([ {}, 'is neither a JWK nor a JWK Set, it must have "keys" or "kty"' ],
     [ { keys => {} },
       'is neither a JWK nor a JWK Set, its "keys" must be an array' ],
     [ { keys => [] }, 'contains no key' ],
     [ { keys => [ {} ] }, 'contains no usable key: it has no "kty"' ],
     [ { keys => [ {}, 1 ] }, 'contains no usable key: the first has no "kty"' ],
     [ { keys => [ 1 ] }, 'contains no usable key: it is not an object' ],
     [ \%short, 'contains no usable key: it is an HMAC key of 30 bytes, its hash'
                . ' needs 32: write a longer one, or'
                . ' "gateway_jwt_key_policy compat"' ],
     [ { keys => [ ({}) x 1025 ] }, 'contains more than 1024 keys' ])
{
    my ($jwks, $why) = @$_;
    my $file = file(json($jwks));

    for ([ qw( jwt verify --keys ), $file, $token ],
         [ qw( jws verify --keys ), $file, $token ])
    {
        says("@$_[0, 1]: keys: $why", $_, code => 3,
             err => qr/^nginx-gateway: \Q$file: $why\E\n\z/m);
    }
}

my $pem = pem($key{ES256});

for ([ '', 'contains no public key or certificate, it is empty' ],
     [ json($key{ES256}), 'contains no public key or certificate, it is JSON' ],
     [ $pem =~ s/-----END.*//sr, 'is malformed PEM' ],
     [ "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
       'contains a private key, use its public key instead' ],
     [ "${pem}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
       'contains a private key, use its public key instead' ],
     [ "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
       'contains no usable key: the first is no public key or certificate that'
       . ' OpenSSL can read' ])
{
    my ($text, $why) = @$_;
    my $file = file($text);
    says("--pem: $why", [ qw( jwt verify --pem ), $file, $token ], code => 3,
         err => qr/^nginx-gateway: \Q$file: $why\E\n\z/m);
}

says('keys are read before the token is judged',
     [ qw( jwt verify --keys ), $missing, 'x' ], code => 3,
     err => "nginx-gateway: $missing: No such file or directory\n");


# --- secrets: a set with every kind, and each reason to refuse it

for my $path (values %path, file(json({ keys => [ values %key ] })),
              key_file(\%short), file(json($key{RS256}) . 'x'))
{
    run('', @$_) for [ qw( jwk public ), $path ],
                     [ qw( jwt sign --alg ES512 --key ), $path ],
                     [ qw( jws sign --key ), $path, $missing ],
                     [ qw( jwt verify --typ x --keys ), $path, $token ],
                     [ qw( jwt verify --pem ), $path, $token ],
                     [ qw( jws verify --keys ), $path, 'x.y.z' ];
}

no_secrets();


# --- standard output cannot be written

sub full {
    my ($name, $code, @command) = @_;

    my $quoted = join ' ', map { "'$_'" } @command;
    my $said = `$ENV{FULL_TOOL} $quoted 2>&1 >/dev/full`;
    is($? >> 8, $code, "$name: exit code");
    is($said, "nginx-gateway: standard output: No space left on device\n",
       "$name: message");
}

SKIP: {
    skip 'no /dev/full here', 1 if !-c '/dev/full';

    local $ENV{FULL_TOOL} = $Tool::binary;
    full('jwk generate', 3, qw( jwk generate --alg ES256 ));
    full('jwk public', 3, qw( jwk public ), $path{ES256});
    full('jwt sign', 3, qw( jwt sign --key ), $path{ES256});

    full('jws sign', 3, qw( jws sign --key ), $path{ES256},
         '/dev/null');
    full('jwt verify', 3, qw( jwt verify --keys ), $set, $token);
    full('jws verify', 3, qw( jws verify --keys ), $set, $token);
    full('key new', 3, qw( key new --consumer a ));
    full('key hash', 3, qw( key hash --id a ), file('kH7d-2Lq9_wZx4Tp1v'));
    full('--help', 3, '--help');
    full('--version', 3, '--version');
    full('consumers check', 3, qw( consumers check ),
         file('{"consumers":[]}'));
    full("$_ --help", 3, split(' '), '--help') for sort keys %commands;
}


# --- a token in place of another argument is not repeated

for ([ qw( jwt verify --keys ), $set, 'x', $token ], [ 'verify', $token ],
     [ 'jwt', $token ], [ $token, 'verify' ],
     [ qw( jwt verify --keys ), $token, $set ],
     [ qw( jws verify --pem ), $token, $set ],
     [ qw( jws sign --key ), $path{ES256}, $token ],
     [ qw( jwt sign --key ), json($key{ES256}) ])
{
    my %got = run('', @$_);
    like($got{code}, qr/\A[23]\z/, "@$_[0, 1]: an argument at a wrong place");
    is(index($got{err}, substr $_, 0, 20), -1, 'is not on stderr')
        for $token, json($key{ES256});
}


# --- what follows an option is its value

for my $option (qw( -h --help )) {
    says("--kid $option", [ qw( jwk generate --alg ES256 --kid ), $option ],
         out => qr/"kid":"$option"/);
    says("--kid=$option $option", [ qw( jwk generate ), "--kid=$option",
                                    $option ], out => qr/\Ausage: /);
    says("--no-require-exp $option", [ qw( jwt verify --no-require-exp ),
                                       $option ], out => qr/\Ausage: /);
}


# --- the help of jwk generate lists algorithms

{
    my %got = run('', qw( jwk generate --help ));
    my ($names) = $got{out} =~ /^This OpenSSL offers:\n((?:  \S.*\n)+)\z/m;
    is_deeply([ split ' ', $names // '' ], [ grep { offered($_) } @algorithms ],
              'jwk generate --help: every algorithm that there is');
}


# --- standard input is read once

for ([ 'jwt sign', qw( --key - --claims-json - ) ],
     [ 'jwt sign', qw( --claims-json=- --key=- ) ],
     [ 'jws sign', qw( --key - - ) ], [ 'jws sign', qw( --key - -- - ) ],
     [ 'jwt verify', qw( --keys - - ) ], [ 'jws verify', qw( --pem - - ) ],
     [ 'jwt verify', qw( --keys - --pem - ), $token ],
     [ 'jwk public', qw( - - ) ],
     [ 'consumers check', qw( --pepper - - ) ])
{
    my ($command, @arguments) = @$_;
    says("$command @arguments: \"-\" twice",
         [ split(' ', $command), @arguments ], in => json($key{ES256}),
         code => 2, err => 'nginx-gateway: only one argument can be "-":'
                           . " standard input is read once\n");
}

says('"-" as the text of an option is no file',
     [ qw( jws sign --key - --header - ), '/dev/null' ],
     in => json($key{ES256}), out => qr/\ALQ\.\.[\w-]+\n\z/);

done_testing;
