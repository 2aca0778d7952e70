# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Bypass::Model;

# The expected result of a request according to nginx's documentation: the
# location that it matches, the order of that location's directives, and thus
# its status, what reaches the origin, and the rule of the table.  It uses only
# the tables, not the server's responses.
#
#   my $model = Test::Gateway::Bypass::Model->new(
#       family => {}, protected => 0 | 1, merge => 0 | 1, valid => {},
#       version => sub { nginx is older than the arguments })
#   $model->judge($case)    { status, reached => [ names ], class, rule }
#
# A case: protocol, method, path (no arguments), line and host (the server that
# the authority in the request line, and Host, name: "asks", "open" or undef),
# lines (header lines), certificate, opens (the rule of its path's spelling, or
# undef).

use v5.28;
use warnings;

use Test::Gateway::Bypass::Table;


sub new {
    my ($class, %arg) = @_;

    my $self = bless { %arg }, $class;
    for my $location (locations()) {
        my ($modifier, $uri) = @{ $location->{is} // [] };

        if (!defined $modifier)  { $self->{named}{$location->{at}} = $location }
        elsif ($modifier eq '=') { $self->{exact}{$uri} = $location }
        elsif ($modifier eq '~') { push @{ $self->{regex} },
                                        [ qr/$uri/, $location ] }
        else                     { push @{ $self->{prefix} },
                                        [ $uri, $location, $modifier ] }
    }
    @{ $self->{prefix} } = sort { length $b->[0] <=> length $a->[0] }
                           @{ $self->{prefix} };

    # all other requests
    $self->{fallback} = { at => 'fallback', off => !$arg{protected},
                          asks => $arg{protected} };
    return $self;
}


sub judge {
    my ($self, $case) = @_;

    my $run = { case => $case, reached => [], opened => [], proved => 0 };
    my $status = $self->start($run);

    my ($class, $rule) = ('closed', $run->{closed});
    if (@{ $run->{reached} }) {
        ($class, $rule) = $run->{proved} ? ('granted', 'proof')
                                         : ('open', $run->{opened}[0]);
    }
    return { status => $status, reached => $run->{reached}, class => $class,
             rule => $rule };
}


# --- before a location is selected

sub start {
    my ($self, $run) = @_;

    my $case = $run->{case};
    my $uri = $self->uri($case->{path});

    if (my $how = $self->malformed($case, $uri)) {
        $run->{closed} = 'malformed';
        return $how;
    }

    if (($case->{line} // $case->{host}) eq 'open') {
        push @{ $run->{opened} }, 'authority';
        return $self->origin($run, 'open_host');
    }

    $run->{lines} = lines($case);
    $run->{arguments} = arguments($case);
    return $self->uri_again($run, $uri, 1);
}


# The path as locations see it: decoded once, dots resolved, slashes merged.

sub uri {
    my ($self, $path) = @_;

    $path =~ s/[?#].*//s;
    return if $path =~ /%(?![0-9a-fA-F]{2})/;
    $path =~ s/%(..)/chr hex $1/ge;
    return if $path =~ /\0/;

    my @segments = split m{/}, $path, -1;
    shift @segments;
    my $last = $segments[-1];

    my @to;
    for my $i (0 .. $#segments) {
        my $segment = $segments[$i];

        if ($segment eq '..') {
            return if !@to;
            pop @to;

        } elsif ($segment ne '.'
                 && ($segment ne '' || !$self->{merge} && $i < $#segments))
        {
            push @to, $segment;
        }
    }
    my $uri = '/' . join '/', @to;
    $uri .= '/' if @to && $last =~ /\A\.{0,2}\z/;
    return $uri;
}


sub malformed {
    my ($self, $case, $uri) = @_;

    my $h2 = $case->{protocol} eq '2';

    return 400 if !defined $uri;

    # before 1.23.4, nginx resets a stream with an invalid field
    return $h2 && $self->{version}->(1, 23, 4) ? 'reset' : 400
        if grep { $_->[1] =~ /[\r\n]/ } @{ $case->{lines} };
    return 400 if 1 < grep { lc $_->[0] eq 'authorization' }
                           @{ $case->{lines} };
    return 400 if ($case->{certificate} // '') eq 'untrusted';

    if ($h2) {
        # :authority and Host may not differ
        return 400 if defined $case->{line};
        return 400 if !$self->{version}->(1, 31, 0)
                      && grep { lc $_->[0] eq 'connection' }
                              @{ $case->{lines} };
    }
    return 0;
}


# the values of lines by name; nginx trims them in HTTP/1.x only

sub lines {
    my ($case) = @_;

    my %lines;
    for (@{ $case->{lines} }) {
        my ($name, $value) = (lc $_->[0] =~ tr/_/-/r, $_->[1]);
        $value =~ s/\A +| +\z//g if $case->{protocol} ne '2';
        push @{ $lines{$name} }, $value;
    }
    return \%lines;
}


# Names are not decoded and are compared case-insensitively; values are decoded.
# nginx sends a "#" and what follows to the upstream server; a credential after
# it is always rejected.

sub arguments {
    my ($case) = @_;

    my $behind = $case->{path} =~ /#/ ? 'behind a fragment' : undef;
    my %arguments;
    for (split /&/, $case->{arguments} // '') {
        my ($name, $value) = /\A([^=]+)=(.*)\z/ or next;
        push @{ $arguments{lc $name} },
             $behind // $value =~ s/%(..)/chr hex $1/ger;
    }
    return \%arguments;
}


# --- locations

sub uri_again {
    my ($self, $run, $uri, $main) = @_;

    my ($location, $shadowed) = $self->match($uri);

    # the spelling of the path selects another location
    push @{ $run->{opened} }, $run->{case}{opens} // 'NO RULE'
        if $location->{at} eq 'fallback' && !$self->{protected};
    push @{ $run->{opened} }, 'regex' if $shadowed;
    return $self->enter($run, $location, $main);
}


sub match {
    my ($self, $uri) = @_;

    return $self->{exact}{$uri} if $self->{exact}{$uri};

    my ($prefix) = grep { index($uri, $_->[0]) == 0 } @{ $self->{prefix} };
    return $prefix->[1] if $prefix && $prefix->[2] eq '^~';

    for (@{ $self->{regex} }) {
        return ($_->[1], $_->[1]{off}) if $uri =~ $_->[0];
    }
    return $prefix ? $prefix->[1] : $self->{fallback};
}


# The phases of a location, for a main request or a subrequest.

sub enter {
    my ($self, $run, $location, $main) = @_;

    my $method = $run->{case}{method};

    for (@{ $location->{if} // [] }) {
        my ($of, $to) = @$_;
        return $self->rewrite($run, $to, $main)
            if $of eq $method && $to ne 'proxy';
    }
    return $self->rewrite($run, $location->{rewrite}, $main)
        if $location->{rewrite};

    my $asks = !$location->{off}
               && ($location->{asks} || $self->{protected});
    my $rules = $asks ? $self->{family}{rules} : undef;

    if ($location->{within}) {
        if ($method ne 'OPTIONS') {
            push @{ $run->{opened} }, 'limit_except' if !$asks;

        } elsif ($location->{within} eq 'asks') {
            $asks = 1;
            $rules = $self->{family}{rules};

        } else {
            $rules = 'allow';
        }
    }

    if ($main) {
        my $status = $self->access($run, $location, $asks, $rules);
        return $self->error($run, $location, $status) if $status;

    } elsif ($asks) {
        unshift @{ $run->{opened} }, 'subrequest';
    }

    return $self->content($run, $location, $main);
}


sub rewrite {
    my ($self, $run, $uri, $main) = @_;

    push @{ $run->{opened} }, 'rewrite';
    return $self->uri_again($run, $uri, $main);
}


# --- access: 0 or a status

sub access {
    my ($self, $run, $location, $asks, $rules) = @_;

    my $family = $self->{family};
    my @said;

    # a method returns 0 or a status
    my @proofs = $asks ? map { $self->method($run, $_) } @{ $family->{methods} }
                       : ();
    push @said, map { { status => $_->{status}, proof => 1 } } @proofs;
    push @said, { status => $rules eq 'deny' ? 403 : 0 } if $rules;

    my $status = $family->{any} && ($asks || $rules)
                 ? $self->any($run, \@said, $location)
                 : $self->all($run, \@said, $location);
    return $status if $status;

    # checked after access was granted
    if ($asks && $family->{after}) {
        my $who = (grep { defined } map { $_->{who} } @proofs)[0];
        my $lacks = !defined $who ? 401
                  : (grep { $_ eq $who } @{ $family->{after} }) ? 0 : 403;
        if ($lacks) {
            $run->{closed} = 'refused';
            return $lacks;
        }
    }

    $run->{proved} = 1
        if $asks && grep({ $_->{proof} && !$_->{status} } @said);
    return 0;
}


# satisfy all: each check must grant access; the first that does not sets the
# status

sub all {
    my ($self, $run, $said, $location) = @_;

    for (@$said) {
        next if !$_->{status};
        $run->{closed} = $_->{proof} ? 'refused' : 'deny';
        return $_->{status};
    }
    return $self->auth($run, $location);
}


# satisfy any: one check that grants access is enough; 401 takes precedence over
# 403

sub any {
    my ($self, $run, $said, $location) = @_;

    my $worst = 0;
    for (@$said) {
        if (!$_->{status}) {
            push @{ $run->{opened} }, 'satisfy' if !$_->{proof};
            return 0;
        }
        $worst = $_->{status} if $worst != 401;
    }

    if ($location->{auth} && !$self->auth($run, $location)) {
        push @{ $run->{opened} }, 'satisfy';
        return 0;
    }
    $run->{closed} = 'refused';
    return $worst;
}


# auth_request grants if its subrequest has a 2xx status

sub auth {
    my ($self, $run, $location) = @_;

    my $uri = $location->{auth} or return 0;
    my $status = $self->uri_again($run, $uri, 0);
    push @{ $run->{opened} }, 'subrequest';
    return $status == 200 ? 0 : $status;
}


# Verifies a credential: exactly one, in its place.  Returns a status, and the
# name of a valid one.

sub method {
    my ($self, $run, $method) = @_;

    my $from = $method->{from};
    my @found = map { $self->found($run, $_) } ref $from ? @$from : $from;

    if ($method->{scheme}) {
        s/\Abearer +(?=.)//i for @found;
    }

    if (@found == 1) {
        for my $who (@{ $method->{valid} }) {
            return { status => 0, who => $who }
                if $found[0] eq $self->{valid}{$who};
        }
    }
    return { status => $method->{missing} };
}


sub found {
    my ($self, $run, $from) = @_;

    return $run->{case}{certificate} // () if $from eq 'certificate';
    return map { /\Abearer +(.*)\z/is ? $1
                 : /bearer[\0- \x7f-\xff]/i ? 'a variant' : () }
               @{ $run->{lines}{authorization} // [] } if $from eq 'bearer';

    my @found = $from eq 'argument' ? $self->argument($run)
                                    : @{ $run->{lines}{$from} // [] };
    return @found == 1 && $found[0] eq '' ? () : @found;
}


# The module hides a key when it first reads it, and remembers it: also a later
# location, with other arguments, uses it.

sub argument {
    my ($self, $run) = @_;

    $run->{hidden} //= $run->{arguments}{key};
    return @{ $run->{hidden} // [] };
}


# --- after access

sub error {
    my ($self, $run, $location, $status) = @_;

    my ($codes, $to) = @{ $location->{error} // [ [] ] };
    return $status if !grep { $_ == $status } @$codes;

    push @{ $run->{opened} }, 'error_page' if $status != 404;
    return $self->go($run, $to);
}


sub go {
    my ($self, $run, $to) = @_;

    return $self->enter($run, $self->{named}{$to}, 1) if $to =~ /^@/;

    # a redirect to a URI without arguments: the client's arguments still apply
    return $self->uri_again($run, $to, 1);
}


sub content {
    my ($self, $run, $location, $main) = @_;

    my $method = $run->{case}{method};

    if ($location->{mirror}) {
        $self->uri_again($run, $location->{mirror}, 0);
    }

    if (my $to = $location->{try}) {
        return $to =~ /^=(\d+)/ ? $self->error($run, $location, $1)
                                : $self->go($run, $to);
    }

    if ($location->{mirror} || $location->{include}) {
        # empty_gif or a file; nginx requests SSI parts when it sends the body
        $run->{closed} //= 'nothing';
        return 405 if $method eq 'OPTIONS';
        $self->uri_again($run, $location->{include}, 0)
            if $location->{include} && $method eq 'GET';
        return 200;
    }

    return $self->origin($run, $location->{at});
}


sub origin {
    my ($self, $run, $at) = @_;

    push @{ $run->{reached} }, $at;
    return 200;
}

1;
