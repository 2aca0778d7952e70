# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::OidcProvider;

# npm's oidc-provider on a port of 127.0.0.1, and a client of it.
#
#   my $provider = oidc_provider($folder, 'rs256', 'es256');
#
#   $provider->keys('new', 'rs256')  rotates: signs with the first key of an
#                                    algorithm, publishes all
#   $provider->down, $provider->up(@keys)
#                                    ends the process; starts one on the same port
#   $provider->port, ->issuer
#   $provider->basic                 "id:secret" of its client
#   $provider->published             the set that it publishes, JSON text
#   $provider->credentials('RS256')  a token by the client credentials grant
#   $provider->code('RS256', 'alice')
#                                    the same by an authorization code, after a
#                                    login and the user's consent; and the ID token
#   $provider->revoke($token)        revokes an opaque token
#
# $folder has oidc-provider in node_modules.  Keys are names of
# Test::Gateway::Token.

use v5.28;
use warnings;

use Digest::SHA ();
use Exporter qw( import );
use JSON::PP ();
use MIME::Base64 qw( encode_base64 );
use Test::Gateway::Server;
use Test::Gateway::Token;

our @EXPORT = qw( oidc_provider );

my $client = 'client';
my $secret = 'a secret of the tests';
my $callback = 'https://client.example/callback';

my $main = $$;
my %running;


sub oidc_provider {
    my ($folder, @keys) = @_;

    my $self = bless { folder => $folder, port => free_port() }, __PACKAGE__;
    return $self->up(@keys);
}

sub port   { $_[0]{port} }
sub issuer { "http://127.0.0.1:$_[0]{port}" }


# --- the process

sub up {
    my ($self, @keys) = @_;

    pipe my $in, $self->{to} or die "pipe: $!";
    pipe $self->{from}, my $out or die "pipe: $!";
    defined($self->{pid} = fork) or die "fork: $!";

    if (!$self->{pid}) {
        close $self->{to};
        open STDIN, '<&', $in or die $!;
        open STDOUT, '>&', $out or die $!;
        open STDERR, '>>', "$self->{folder}/provider.log" or die $!;
        exec 'node', 't/lib/oidc-provider.mjs', $self->{folder}, $self->{port}
            or POSIX::_exit(1);
    }
    $self->{to}->autoflush(1);
    $running{$self->{pid}} = 1;
    return $self->keys(@keys);
}

sub keys {
    my ($self, @keys) = @_;

    # "alg" selects the key; several names may stand for one algorithm
    print { $self->{to} } json([ map { private_jwk($_) } @keys ]), "\n";
    my $said = readline $self->{from};
    die "oidc-provider did not start: "
        . Test::Gateway::Server::slurp("$self->{folder}/provider.log")
        if ($said // '') ne "ready\n";
    return $self;
}

sub down {
    my ($self) = @_;

    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    delete $running{$self->{pid}};
    return $self;
}

END {
    if ($$ == $main) {
        local $?;
        kill 'KILL', CORE::keys %running;
    }
}


# --- the client

sub encoded {
    my ($text) = @_;
    return $text =~ s/([^\w.~-])/sprintf '%%%02X', ord $1/ger;
}

sub form {
    my (%field) = @_;
    return join '&', map { "$_=" . encoded($field{$_}) } sort(CORE::keys %field);
}

# RFC 6749, 2.3.1: both parts are encoded

sub basic { return encoded($client) . ':' . encoded($secret) }

# the JSON that a POST of the client is answered with

sub post {
    my ($self, $path, %field) = @_;

    my ($status, $head, $body) = http_get($self->{port}, $path,
        method => 'POST', body => form(%field), headers => [
            'Content-Type: application/x-www-form-urlencoded',
            'Authorization: Basic ' . encode_base64($self->basic, '') ]);
    die "oidc-provider: $path: $status $body\n" if $status != 200;
    return length $body ? JSON::PP::decode_json(unchunked($head, $body)) : {};
}

sub unchunked {
    my ($head, $body) = @_;

    return $body if $head !~ /^Transfer-Encoding:\s*chunked/mi;
    my $text = '';
    while ($body =~ /\G([0-9a-f]+)\r\n/gci && hex $1) {
        my $n = hex $1;
        $text .= substr $body, pos $body, $n;
        pos($body) += $n + 2;
    }
    return $text;
}

sub published {
    my ($self) = @_;

    my ($status, $head, $body) = http_get($self->{port}, '/jwks');
    die "oidc-provider: /jwks: $status\n" if $status != 200;
    return unchunked($head, $body);
}

sub resource { "https://api.example/$_[0]" }

sub credentials {
    my ($self, $alg) = @_;

    return $self->post('/token', grant_type => 'client_credentials',
                       resource => resource($alg),
                       scope => 'orders:read')->{access_token};
}

sub revoke {
    my ($self, $token) = @_;
    return $self->post('/token/revocation', token => $token);
}

# As a browser: follows redirects with cookies, and sends the forms of the
# provider's development pages.

sub code {
    my ($self, $alg, $user) = @_;

    my $verifier = 'v' x 43;
    my $path = '/auth?' . form(
        client_id => $client, redirect_uri => $callback, scope => 'openid orders:read',
        response_type => 'code', resource => resource($alg), state => 's',
        code_challenge_method => 'S256',
        code_challenge => b64u(Digest::SHA::sha256($verifier)));
    my %forms = (login => { prompt => 'login', login => $user, password => 'x' },
                 consent => { prompt => 'consent' });
    my (%cookie, $form);

    for (1 .. 12) {
        my ($status, $head, $body) = http_get($self->{port}, $path,
            $form ? (method => 'POST', body => form(%$form)) : (),
            headers => [
                $form ? 'Content-Type: application/x-www-form-urlencoded' : (),
                'Cookie: ' . join '; ', map { "$_=$cookie{$_}" } CORE::keys %cookie ]);

        $cookie{$1} = $2 while $head =~ /^Set-Cookie: ([^=\s]+)=([^;\r\n]*)/mgi;

        if ($head =~ /^Location: (\S+)/mi) {
            my $to = $1;
            return $self->exchange($1, $verifier)
                if $to =~ /^\Q$callback\E\?(?:.*&)?code=([^&]+)/;
            $path = $to =~ s{^http://[^/]+}{}r;
            $form = undef;
            next;
        }

        my ($prompt) = unchunked($head, $body) =~ /name="prompt" value="(\w+)"/;
        die "oidc-provider: $path: $status $body\n" if !$prompt;
        $form = $forms{$prompt};
    }
    die "oidc-provider: no code: $path\n";
}

sub exchange {
    my ($self, $code, $verifier) = @_;

    my $got = $self->post('/token', grant_type => 'authorization_code',
                          code => $code, redirect_uri => $callback,
                          code_verifier => $verifier);
    return @$got{qw( access_token id_token )};
}

1;
