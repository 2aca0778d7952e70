# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Cache::Origin;

# The origin of the property tests of the cache.  Each response is different, is
# identified by its header and by each byte of its body, and is recorded: a
# model checks the clients' responses against these records.
#
#   my $origin = cache_origin();
#   my @truth = truth($origin);
#   body_of($n, $size)          the body of response $n
#
# The client controls the response in a field that caches ignore:
# "X-Plan: name=value|name=value".  The names:
#
#   status, size, framing, truncate, reset, delay, pause
#                   as in Test::Gateway::Origin; "truncate" applies to larger
#                   bodies only
#   line            a line of the header; may be repeated.  "Expires: +2" is
#                   two seconds from now
#   tags            the value of Cache-Tag
#   vary            the value of Vary
#   etag            0: none, only Last-Modified
#   change          1: earlier responses of the target are no longer current;
#                   implied by an unsafe method
#   lie             byte: a wrong byte in the body; head: another response's
#                   X-Body; cut: a body that ends too early without an error
#
# A response has X-Stamp, its number, X-Body, the number of the response to
# which its body belongs, and X-Rid of the request.  A 304 has its own X-Stamp
# and no X-Body: merged with a stored response, it updates only X-Stamp.  ETag
# is X-Body; Last-Modified is so many seconds after a date.

use v5.28;
use warnings;

use Exporter qw( import );
use POSIX qw( strftime );
use Storable ();
use Test::Gateway::Origin;
use Test::Gateway::Server qw( http_get );
use Time::Piece ();

our @EXPORT = qw( cache_origin truth body_of modified );

my $MOST = 4 * 1024 * 1024 + 64 * 1024;
my $EPOCH = 1_000_000_000;
my $offsets;

# of the request, as the origin has received them
my @selecting = qw( x-v accept-language accept-encoding origin cookie
                    x-forwarded-host cache-control );


sub cache_origin {
    $offsets //= origin_body($MOST);
    return origin(\&answer);
}


sub truth {
    my ($origin) = @_;

    my ($status, undef, $bytes) = http_get($origin->port, '/_truth',
                                           timeout => 30);
    die "the origin does not tell\n" if $status != 200;
    return @{ Storable::thaw($bytes) };
}


# The offsets of Test::Gateway::Origin, changed by the number.

sub body_of {
    my ($n, $size, $first) = @_;

    $offsets //= origin_body($MOST);
    $first //= 0;
    my $key = sprintf "%08x", $n;
    my $bytes = $key x (($size + 15) / 8);
    return substr($offsets, $first, $size)
           ^. substr $bytes, $first % 8, $size;
}


sub modified { return date($EPOCH + $_[0]) }

sub date { return strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $_[0]) }


# --- in the process of the origin

my (@truth, %version);

sub answer {
    my ($request) = @_;

    return { body => Storable::freeze(\@truth) }
        if $request->{path} eq '/_truth';

    my (%plan, @lines);
    for my $part (split /\|/, field($request, 'X-Plan') // '') {
        my ($name, $value) = split /=/, $part, 2;
        if ($name eq 'line') { push @lines, $value } else { $plan{$name} = $value }
    }

    my $t = record($request, \%plan, \@lines);
    s/^Expires: \+(\d+)/'Expires: ' . date(time + $1)/e for @lines;
    my $n = is_current($request, $t);
    return revalidated($t, $n, \@lines) if defined $n && !$plan{change};

    $version{$t->{url}}++ if $plan{change} || $t->{unsafe};
    $t->{version} = $version{$t->{url}} //= 0;
    return made($t, \%plan, \@lines);
}


sub record {
    my ($request, $plan, $lines) = @_;

    my $m = @truth;
    my $host = field($request, 'Host');
    my %fields = map { $_ => field($request, $_) // '' } @selecting;
    push @truth, {
        m => $m, n => $m, at => $request->{at}, host => $host,
        url => "http://$host$request->{target}", path => $request->{path},
        method => $request->{method}, fields => \%fields, lines => [ @$lines ],
        unsafe => $request->{method} !~ /^(?:GET|HEAD)$/ ? 1 : 0,
        consumer => field($request, 'X-Consumer') // '',
        rid => field($request, 'X-Rid') // '', vary => $plan->{vary} // '',
        status => $plan->{status} // 200, size => $plan->{size} // 100,
        tags => $plan->{tags} // '',
    };
    return $truth[-1];
}


# The number of the response named by the conditions of the request, if it is
# still current.

sub is_current {
    my ($request, $t) = @_;

    return if $t->{method} ne 'GET' || $t->{status} != 200;
    my $tags = field($request, 'If-None-Match');
    my $since = field($request, 'If-Modified-Since');
    my @named = defined $tags ? $tags =~ /"(\d+)"/g
                : defined $since ? number_of($since) : ();

    for my $n (@named) {
        my $old = $truth[$n] // next;
        return $n if $n != $t->{m} && $old->{url} eq $t->{url} && $old->{n} == $n
                     && $old->{consumer} eq $t->{consumer}
                     && $old->{status} == 200 && !$old->{cut}
                     && $old->{version} == ($version{$t->{url}} // 0)
                     && $old->{method} eq 'GET'
                     && !grep { $old->{fields}{$_} ne $t->{fields}{$_} }
                        'x-forwarded-host', selected_by($old);
    }
    return;
}

sub selected_by {
    my ($t) = @_;

    my @names = grep { $t->{vary} =~ /$_/i } @selecting;
    push @names, 'origin'
        if grep { /^Access-Control-Allow-Origin: [^*]/ } @{ $t->{lines} };
    return @names;
}

sub number_of {
    my $time = eval { Time::Piece->strptime($_[0],
                                            '%a, %d %b %Y %H:%M:%S GMT') };
    return $time && $time->epoch >= $EPOCH ? $time->epoch - $EPOCH : ();
}


sub revalidated {
    my ($t, $n, $lines) = @_;

    # only fields that all responses have, or that a second 304 does not inherit
    my $old = $truth[$n];
    @$lines = grep { /^(?:Cache-Control|Access-Control|Set-Cookie|Age|X-Accel)/ }
              @$lines;
    push @$lines, 'Cache-Control: max-age=1' if !grep { /^Cache-/ } @$lines;
    $t->{lines} = [ @$lines ];
    @$t{qw( n status vary size no_etag tags )}
        = ($n, 304, @$old{qw( vary size no_etag tags )});

    # fields that the 304 does not replace are kept
    my %new = map { /^([^:]+)/ ? ($1 => 1) : () } @$lines;
    push @{ $t->{lines} }, grep { /^([^:]+)/ && !$new{$1} && $1 !~ /^(?:Age|X-Accel)/ }
                           @{ $old->{lines} };
    return { status => 304, head => [ "X-Stamp: $t->{m}", "X-Rid: $t->{rid}",
                                      validators($t),
                                      vary_line($t), @$lines ] };
}

sub validators {
    my ($t) = @_;
    return ($t->{no_etag} ? () : "ETag: \"$t->{n}\"",
            'Last-Modified: ' . modified($t->{n}));
}

sub vary_line { $_[0]{vary} ? "Vary: $_[0]{vary}" : () }


sub made {
    my ($t, $plan, $lines) = @_;

    my $lie = $plan->{lie} // '';
    my $m = $t->{m};
    $t->{no_etag} = 1 if defined $plan->{etag} && !$plan->{etag};

    my %answer = (status => $t->{status}, ranges => 1,
                  body => body_of($m, $t->{size}));
    for my $name (qw( framing delay pause reset )) {
        $answer{$name} = $plan->{$name} if defined $plan->{$name};
    }
    if (defined $plan->{truncate} && $plan->{truncate} < $t->{size}) {
        $answer{truncate} = $plan->{truncate};
        $t->{cut} = 1;
    }
    substr $answer{body}, $t->{size} / 2, 1, '#'
        if $lie eq 'byte' && $t->{size};
    $answer{body} = substr $answer{body}, 0, $t->{size} / 2
        if $lie eq 'cut';

    my $body = $lie eq 'head' ? $m - 1 : $m;
    $answer{etag} = "\"$m\"" if !$t->{no_etag};
    $answer{head} = [ "X-Stamp: $m", "X-Body: $body", "X-Rid: $t->{rid}",
                      'Last-Modified: ' . modified($m), vary_line($t),
                      $t->{tags} ? "Cache-Tag: $t->{tags}" : (), @$lines ];
    return \%answer;
}

1;
