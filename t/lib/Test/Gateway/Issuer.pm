# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Issuer;

# An issuer of tokens on loopback: an origin (see Test::Gateway::Origin) that
# answers key sets, or anything else, and records the requests.
#
#   my $issuer = issuer('rs256', 'es256');   serves the set of these keys
#
#   $issuer->keys('es256')         rotates: later requests receive this set
#   $issuer->answers(status => 404)          later requests receive this answer,
#                                            with the members of Origin's; the
#                                            default of "body" is the set
#   $issuer->answers({ ... }, { ... })       the next request, and those after
#   $issuer->hang                  holds the responses until $issuer->go
#   $issuer->down, $issuer->up     stops to listen; listens on the same port
#
#   $issuer->port
#   $issuer->fetches               the number of GET requests
#   $issuer->fetched($n)           waits for $n of them; false: fewer have come
#   $issuer->posts                 the number of POST requests
#   $issuer->requests              the requests, as Origin's
#   $issuer->held                  the number of responses that wait
#
# Text of configurations:
#
#   $issuer->location('/keys')     an internal location, passed to the issuer
#   $issuer->location('/keys', to => "https://127.0.0.1:$port", more => $text)
#                                  another address, more directives
#   $issuer->front("127.0.0.1:$port ssl", 'server')
#                                  a server block that listens there and passes
#                                  to the issuer; with TLS and this certificate,
#                                  if one is given
#
# The client's side:
#
#   status($server, '/path', $token, %arg)
#                                  the status of the response; undef: no token
#   reason($server, '/path', $token, %arg)
#                                  "401 unknown_key": the status, and the field
#                                  X-Reason, for which the server needs $Reason

use v5.28;
use warnings;

use Exporter qw( import );
use Test::Gateway::Origin ();
use Test::Gateway::Server;
use Test::Gateway::Token;

our @EXPORT = qw( issuer status reason $Reason );

our $Reason = 'add_header X-Reason $gateway_auth_reason always;';

# what the path of the set is at the issuer
my $path = '/jwks';


sub issuer {
    my (@keys) = @_;

    my $self = bless { port => free_port(), before => [], set => jwks(@keys) },
                     __PACKAGE__;
    $self->answers({});
    $self->up;
    return $self;
}


# --- what it answers

sub keys {
    my ($self, @keys) = @_;

    $self->{set} = jwks(@keys);
    return $self->answers({});
}

sub answers {
    my ($self, @answers) = @_;

    @answers = ({ @answers }) if !ref $answers[0];
    $self->{answers} = [ map { { $_->{size} ? () : (body => $self->{set}),
                                 %$_ } } @answers ];
    return $self->{origin}
           && $self->{origin}->answer($path, @{ $self->{answers} });
}

sub hang { $_[0]->answers(hold => 1) }
sub go   { $_[0]{origin}->release($path) }

sub down {
    my ($self) = @_;

    my $origin = delete $self->{origin} or return;
    push @{ $self->{before} }, $origin->requests;
    $origin->stop;
    return;
}

sub up {
    my ($self) = @_;

    $self->{origin} //= Test::Gateway::Origin::origin(undef,
                                                      port => $self->{port});
    return $self->answers(@{ $self->{answers} });
}


# --- what it has received

sub port { $_[0]{port} }
sub held { $_[0]{origin}->held }

sub requests {
    my ($self) = @_;

    return (@{ $self->{before} },
            $self->{origin} ? $self->{origin}->requests : ());
}

sub fetches { scalar grep { $_->{method} eq 'GET' } $_[0]->requests }
sub posts   { scalar grep { $_->{method} eq 'POST' } $_[0]->requests }

sub fetched {
    my ($self, $n, $seconds) = @_;
    return wait_until(sub { $self->fetches >= $n }, $seconds);
}


# --- configurations

sub location {
    my ($self, $uri, %arg) = @_;

    my $to = $arg{to} // "http://127.0.0.1:$self->{port}";
    my $more = $arg{more} // '';

    return "location = $uri { internal; $more proxy_pass $to$path; }\n";
}

sub front {
    my ($self, $listen, $certificate) = @_;

    my $tls = defined $certificate
              ? "ssl_certificate $certificate.crt; "
                . "ssl_certificate_key $certificate.key; " : '';
    return "server { listen $listen; $tls"
           . "location / { proxy_pass http://127.0.0.1:$self->{port}; } }\n";
}


# --- the client's side

sub status { return (answer(@_))[0] }

sub reason {
    my ($status, $head) = answer(@_);
    return join ' ', $status, $head =~ /^X-Reason: (\S+)/m;
}

sub answer {
    my ($server, $uri, $token, %arg) = @_;

    my @headers = (@{ $arg{headers} // [] },
                   defined $token ? "Authorization: Bearer $token" : ());
    return http_get($server, $uri, %arg, headers => \@headers);
}

1;
