# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Endpoint;

# An introspection endpoint (RFC 7662) on loopback.  The token says what is
# answered: words that are separated by "~".  The first one is the subject.  A
# signed token has them in its claim "ask".
#
#   no          active is false
#   once        active the first time, and not any more
#   exp+60      exp is in 60 seconds; exp-60: it was 60 seconds ago
#   iss:a       iss is https://a.example; aud:a: aud is "a"
#   as:text     active has this JSON value; as:none: there is no such member
#   raw:text    the body is this text
#   status:401  this status
#   delay:0.5   so many seconds before the answer
#   hang        no answer
#   typ:a       a member "typ"
#   scope:a     scope is "a"
#
#   my $endpoint = endpoint();
#   $endpoint->port
#   $endpoint->location('/introspect')       an internal location that passes to
#                                            the endpoint
#   $endpoint->asked                         the number of requests by token
#   $endpoint->asked($token)                 that of one token
#   $endpoint->total                         that of all tokens
#   $endpoint->order                         the last 1,000 tokens, as they came
#   $endpoint->most                          the most requests at once, of those
#                                            with a delay
#   $endpoint->held                          the number of requests that wait

use v5.28;
use warnings;

use Exporter qw( import );
use JSON::PP ();
use Test::Gateway::Origin ();
use Test::Gateway::Server;
use Test::Gateway::Token qw( b64u_decode );
use Time::HiRes qw( time );

our @EXPORT = qw( endpoint );

my $json = JSON::PP->new->canonical->allow_nonref;


sub endpoint {
    return bless { origin => Test::Gateway::Origin::origin(\&answer) },
                 __PACKAGE__;
}

sub port { $_[0]{origin}->port }
sub held { $_[0]{origin}->held }
sub order { @{ $json->decode((http_get($_[0]->port, '/order'))[2]) } }
sub most { $json->decode((http_get($_[0]->port, '/most'))[2]) }

sub asked {
    my ($self, $token) = @_;

    my $asked = $json->decode((http_get($self->port, '/asked'))[2]);
    return defined $token ? $asked->{$token} // 0 : $asked;
}

sub total {
    my $total = 0;
    $total += $_ for values %{ $_[0]->asked };
    return $total;
}

sub location {
    my ($self, $uri, $more) = @_;

    return "location = $uri { internal; " . ($more // '')
           . " proxy_pass http://127.0.0.1:" . $self->port . "/ask; }\n";
}


# --- in the process of the origin

my (%asked, @order, @running);
my $most = 0;

sub answer {
    my ($request) = @_;

    return { body => $json->encode(\%asked) } if $request->{path} eq '/asked';
    return { body => $most } if $request->{path} eq '/most';
    return { body => $json->encode(\@order) } if $request->{path} eq '/order';

    my ($token) = $request->{body} =~ /\Atoken=([^&]*)\z/
        or return { status => 400 };
    $token =~ s/%(..)/chr hex $1/ge;
    $asked{$token}++;
    push @order, $token;
    shift @order if @order > 1000;

    my ($sub, @words) = split /~/, words($token);
    my (%answer, %body);
    %body = (active => JSON::PP::true, sub => $sub);

    my %meaning = (
        no     => sub { $body{active} = JSON::PP::false },
        once   => sub { $body{active} = JSON::PP::false if $asked{$token} > 1 },
        iss    => sub { $body{iss} = "https://$_[0].example" },
        as     => sub { $_[0] eq 'none' ? delete $body{active}
                                        : ($body{active}
                                               = $json->decode($_[0])) },
        raw    => sub { $answer{body} = $_[0] },
        hang   => sub { $answer{hold} = 1 },
        map { my $name = $_; $name => sub { $body{$name} = $_[0] } }
            qw( aud typ scope )
    );
    $meaning{$_} = do { my $name = $_; sub { $answer{$name} = $_[0] } }
        for qw( status delay );

    for (@words) {
        if (/^exp([-+]\d+)$/) { $body{exp} = int(time) + $1; next }
        my ($name, $value) = split /:/, $_, 2;
        $meaning{$name}->($value);
    }

    running($answer{delay}) if $answer{delay};
    return { body => $json->encode(\%body), %answer };
}


# A signed token has the words in its claim "ask".

sub words {
    my ($token) = @_;

    my ($payload) = $token =~ /\A[^.]*\.([^.]*)\.[^.]*\z/ or return $token;
    return $json->decode(b64u_decode($payload))->{ask};
}


# A response is not sent before its delay is over: this counts none too many.

sub running {
    my ($delay) = @_;

    my $now = time;
    @running = (grep({ $_ > $now } @running), $now + $delay);
    $most = @running if @running > $most;
    return;
}

1;
