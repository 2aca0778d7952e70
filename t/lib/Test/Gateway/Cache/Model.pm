# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Cache::Model;

# A simple model of the cache: whether a client may receive a response, given
# all responses of the origin.  It has no store, no locks and no workers, only
# the rules: which responses can be reused for which clients, and how long.
#
#   my ($faults, $seen) = judge(truth => \@truth, records => \@records,
#                               purges => \@purges, classes => \%classes);
#
# "truth" comes from Test::Gateway::Cache::Origin, "records" from the clients.
# A purge is { t0, t1, soft, by, value }, by: url, prefix, host, consumer, tag
# or all; a purge without t1 has no response yet.  Classes are the locations, by
# the first folder of the path:
#
#   partition    responses are stored for each consumer
#   keys         requests have an API key
#   ttl          seconds, if the origin sets no lifetime
#   stale        seconds in which a stale response may be sent
#   rfc          the profile rfc9111
#   most         bytes of the largest body that is stored
#
# With cuts => 1 workers are killed: responses can be missing or truncated.
#
# "faults" are texts that begin with their kind; "seen" counts the observed
# cases by name, so that a test can check that they occurred.

use v5.28;
use warnings;

use Exporter qw( import );

our @EXPORT = qw( judge );

# Seconds by which the clocks of processes differ: nginx reads the time once in
# an iteration of the event loop, during which a worker can be preempted.
my $SLACK = $ENV{CACHE_SLACK} // 0.25;


sub judge {
    my (%arg) = @_;

    my %cut = map { $_->{rid} => 1 } grep { $_->{cut} } @{ $arg{truth} };
    my $self = { %arg, seen => {}, faults => [], by_url => {}, over => {},
                 cut => \%cut };
    for my $r (@{ $arg{records} }) {
        push @{ $self->{by_url}{"http://$r->{host}$r->{target}"} }, $r
            if $r->{method} !~ /^(?:GET|HEAD)$/ && $r->{status} =~ /^[23]/;
    }

    $self->{over}{$_->{rid}} = $_->{protocol} for @{ $arg{records} };
    response($self, $_) for @{ $arg{records} };
    return ($self->{faults}, $self->{seen});
}


sub fault {
    my ($self, $r, $kind, $more) = @_;

    my $t = $self->{truth}[$r->{head}{'x-stamp'} // -1];
    push @{ $self->{faults} },
        sprintf "%s: %s http://%s%s rid %s, stamp %s body %s, %s %s, %d bytes "
                . "(HTTP/%s, %.3f s): %s; stored: %s; of %s", $kind,
                @$r{qw( method host target rid )},
                $r->{head}{'x-stamp'} // '-', $r->{head}{'x-body'} // '-',
                $r->{status}, $r->{head}{'cache-status'} // '-',
                $r->{bytes} // 0, $r->{protocol}, $r->{t1} - $r->{t0},
                $more // '', map { $_ ? join ' | ', $_->{status}, "Vary: $_->{vary}",
                                $_->{method}, @{ $_->{lines} } : '-' }
                     $t, $t ? $self->{truth}[$t->{n}] : undef;
    return;
}


sub response {
    my ($self, $r) = @_;

    my $seen = $self->{seen};
    my $status = $r->{status};
    $seen->{"HTTP/$r->{protocol}"}++;
    $seen->{$r->{method}}++;
    $seen->{"status $status"}++;

    # the head of a truncated response can be lost with the rest
    if ($status == 0 || $status == 502) {
        return if $self->{cuts} || $r->{leave} || $self->{cut}{$r->{rid}};
        return fault($self, $r, 'no response');
    }
    if ($status == 504) {
        return if ($r->{said}{'cache-control'} // '') =~ /only-if-cached/;
        return fault($self, $r, 'status');
    }

    my $m = $r->{head}{'x-stamp'};
    if (!defined $m) {
        return if $status == 416;
        return if $self->{cuts} && $status =~ /^50[024]$/;
        return fault($self, $r, 'status');
    }

    my $t = $self->{truth}[$m];
    my $n = $t->{n};
    my $b = $self->{truth}[$n];
    my $class = $self->{classes}{ $r->{target} =~ m{^/(\w+)} ? $1 : '' };

    fault($self, $r, 'another status', "$b->{status}")
        if $status != $b->{status} && $status !~ /^(?:206|304|416)$/;
    body($self, $r, $t, $b);
    whose($self, $r, $_, $class) for $t, $n != $m ? $b : ();

    if ($t->{rid} ne $r->{rid}) {
        $seen->{reused}++;
        $seen->{"reused by HTTP/$r->{protocol}"}++;
        $seen->{"reused with $status"}++;
        $seen->{"reused by $class->{name}"}++;
        $seen->{"reused slowly"}++ if $r->{slow};
        $seen->{"reused 1 MB"}++ if $b->{size} > 1 << 20;
        $seen->{"reused over another protocol"}++
            if $r->{protocol} ne ($self->{over}{$t->{rid}} // $r->{protocol});
        reused($self, $r, $t, $class);
        condition($self, $r, $t);

    } elsif ($n != $m && $status != 304) {
        $seen->{revalidated}++;
    }
    forgotten($self, $r, $t, $b, $class);
    return;
}


# The body matches the header, and is complete unless the origin has truncated
# it.

sub body {
    my ($self, $r, $t, $b) = @_;

    my $head = $r->{head};
    my $n = $t->{n};
    return fault($self, $r, 'header', "X-Body is $n")
        if defined $head->{'x-body'} && $head->{'x-body'} != $n;
    my ($etag) = ($head->{etag} // '') =~ /"(\d+)"/;
    fault($self, $r, 'header', "ETag is $n") if defined $etag && $etag != $n;
    fault($self, $r, 'wrong byte') if $r->{wrong};

    my $size = $b->{size};
    my ($first, $last, $of) = ($head->{'content-range'} // '')
                              =~ m{^bytes (\d+)-(\d+)/(\d+)};
    fault($self, $r, 'range', "the size is $size")
        if defined $of && $of != $size;
    return if $r->{status} !~ /^20[06]$/ || $r->{method} eq 'HEAD'
              || $r->{leave};

    my $wanted = $r->{status} == 206 ? $last - $first + 1 : $size;
    if ($r->{whole}) {
        fault($self, $r, 'truncated', "$wanted bytes") if $r->{bytes} != $wanted;

    } elsif (!$self->{cuts} && !($b->{cut} && $t->{rid} eq $r->{rid})) {
        fault($self, $r, 'cut', "$wanted bytes");
    }
    $self->{seen}{'cut by the origin'}++ if $b->{cut};
    $self->{seen}{'cut by a kill'}++ if !$r->{whole} && !$b->{cut};
    return;
}


# A response to a request that selects the same representation.

sub whose {
    my ($self, $r, $t, $class) = @_;

    fault($self, $r, 'URL', $t->{url})
        if $t->{url} ne "http://$r->{host}$r->{target}";

    my $open = cc($t) =~ /public|s-maxage|must-revalidate/;
    fault($self, $r, 'consumer', $t->{consumer})
        if $class->{keys} && $t->{consumer} ne ($r->{consumer} // '')
           && ($class->{partition} || !$open);

    my $vary = lc $t->{vary};
    $vary .= ',origin' if grep { /^Access-Control-Allow-Origin: [^*]/ }
                          @{ $t->{lines} };
    for my $name (split /[,\s]+/, $vary) {
        next if !length $name || $name eq '*';
        fault($self, $r, 'variant', "$name: $t->{fields}{$name}")
            if list($name, $t->{fields}{$name})
               ne list($name, $r->{said}{$name} // '');
    }

    fault($self, $r, 'guard', $t->{fields}{'x-forwarded-host'})
        if !$class->{rfc} && $t->{fields}{'x-forwarded-host'}
                             ne ($r->{said}{'x-forwarded-host'} // '');
    return;
}

# members in any order, for the normalized field

sub list {
    my ($name, $value) = @_;

    return join ', ', sort split /\s*,\s*/, $value
        if $name eq 'accept-encoding';
    return $value;
}


# A stored response: it can have been stored, and is fresh enough.

sub reused {
    my ($self, $r, $t, $class) = @_;

    my ($lifetime, $explicit, $why) = lifetime($t, $class);
    my $said = $r->{said}{'cache-control'} // '';

    fault($self, $r, 'cookie') if $r->{head}{'set-cookie'} && !$class->{rfc};
    return fault($self, $r, 'not to be stored', $why) if $why;
    return fault($self, $r, 'not to be stored', 'the request says no-store')
        if $t->{fields}{'cache-control'} =~ /no-store/;
    return fault($self, $r, 'not to be stored', 'incomplete') if $t->{cut};
    return fault($self, $r, 'not to be stored', 'too large')
        if $t->{size} > $class->{most};
    return fault($self, $r, 'not to be used', 'the request says no-cache')
        if $class->{rfc} && $said =~ /no-cache|max-age=0/;
    return fault($self, $r, 'not to be used', 'cookie')
        if !$explicit && ($t->{fields}{cookie} || $r->{said}{cookie});

    my $stale = cc($t) =~ /must-revalidate|s-maxage/
                && !grep({ /^X-Accel-Expires:/ } @{ $t->{lines} })
                ? 0 : $class->{stale};
    my $over = $r->{t0} - $t->{at} - $lifetime;
    return fault($self, $r, 'too old', 'no lifetime')
        if $lifetime <= 0 && !$stale;
    $self->{seen}{'reused stale'}++ if $over > 0;
    fault($self, $r, 'too old', sprintf '%.3f s above %d', $over, $lifetime)
        if $over > $stale + $SLACK;
    return;
}


sub cc {
    my ($t) = @_;
    return join ', ', map { /^Cache-Control: (.*)/ } @{ $t->{lines} };
}


# The lifetime: (seconds, whether the origin sets them, the reason why the
# response is not reused without revalidation, or "").

sub lifetime {
    my ($t, $class) = @_;

    my $lines = join "\n", '', @{ $t->{lines} };
    my $cc = $lines =~ /\nCDN-Cache-Control: (.*)/ ? $1 : cc($t);
    my ($accel) = $lines =~ /\nX-Accel-Expires: (\d+)/;
    my ($age) = $lines =~ /\nAge: (\d+)/ ? $1 : 0;
    my ($target) = $lines =~ /\nContent-Location: (.*)/;

    my $why = $t->{vary} =~ /\*|cookie/i ? "Vary: $t->{vary}"
        : !$class->{rfc} && $t->{status} != 304 && $lines =~ /\nSet-Cookie:/
          ? 'Set-Cookie'
        : $t->{method} eq 'POST' ? ($class->{rfc} && $target
                                    && $t->{url} =~ /\Q$target\E\z/
                                    ? '' : 'POST')
        : $t->{method} ne 'GET' ? $t->{method}
        : !$accel && $cc =~ /\b(no-store|private|no-cache)\b/ ? $1 : '';
    return (0, 0, $why) if $why;

    for my $stated ($accel, $cc =~ /s-maxage=(\d+)/, $cc =~ /max-age=(\d+)/) {
        return ($stated - $age, 1, '') if defined $stated;
    }
    return ($1 - $age, 1, '') if $lines =~ /\nExpires: \+(\d+)/;

    return (0, 0, 'no lifetime')
        if $t->{method} ne 'GET';
    return ($class->{ttl} - $age, 0, '')
        if $class->{ttl} && $t->{status} =~ /^(?:200|304)$/;
    return (86400, 0, '') if $class->{rfc};
    return (0, 0, 'no lifetime');
}


# A 304 or 206 from the cache matches the client's request.

sub condition {
    my ($self, $r, $t) = @_;

    my $tags = $r->{said}{'if-none-match'};
    my $since = $r->{said}{'if-modified-since'};
    my $n = $t->{n};
    my $holds = defined $tags ? $tags =~ /"$n"/ : defined $since;

    fault($self, $r, 'condition') if $r->{status} == 304 && !$holds;
    fault($self, $r, 'condition', 'it holds')
        if $r->{status} == 200 && $r->{method} eq 'GET'
           && defined $tags && $holds && !$t->{no_etag};
    fault($self, $r, 'range', 'If-Range')
        if $r->{status} == 206 && defined $r->{said}{'if-range'}
           && $r->{said}{'if-range'} ne "\"$n\"";
    return;
}


# Responses from before a purge or an unsafe request are not used after it.

sub forgotten {
    my ($self, $r, $t, $b, $class) = @_;

    # the origin itself confirms the client's response
    return if $r->{status} == 304 && $t->{rid} eq $r->{rid};

    for my $p (grep { $_->{t1} && $_->{t1} < $r->{t0} } @{ $self->{purges} }) {
        next if ($p->{soft} ? $t : $b)->{at} >= $p->{t0}
                || $p->{soft} && $class->{stale} || !matches($p, $r, $b);
        return fault($self, $r, 'purged', "$p->{by} $p->{value}"
                                          . ($p->{soft} ? ', soft' : ''));
    }

    for my $u (@{ $self->{by_url}{"http://$r->{host}$r->{target}"} // [] }) {
        next if $u->{t1} >= $r->{t0} || $b->{at} >= $u->{t0};
        return fault($self, $r, 'invalidated', "$u->{method} $u->{rid}");
    }
    return;
}

sub matches {
    my ($p, $r, $b) = @_;

    my $url = "http://$r->{host}$r->{target}";
    my ($by, $value) = @$p{qw( by value )};
    return $by eq 'all' ? 1
        : $by eq 'url' ? $value eq ($value =~ /\?/ ? $url : $url =~ s/\?.*//r)
        : $by eq 'prefix' ? index($url, $value) == 0
        : $by eq 'host' ? $r->{host} eq $value
        : $by eq 'tag' ? scalar grep { $_ eq $value } split / /, $b->{tags}
        : $b->{consumer} eq $value && ($r->{consumer} // '') eq $value
          && $r->{target} =~ m{^/(?:part|flow|rfc)/};
}

1;
