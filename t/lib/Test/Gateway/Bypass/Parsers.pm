# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Bypass::Parsers;

# What upstream servers read as a credential named a_tok (a header X-A-Tok) in a
# request sent by nginx.  Node and Python are run, by t/bypass/read.js and
# read.py; the behavior of the others is reimplemented here.  t/bypass/README.md
# lists the sources.
#
#   my $readers = readers(\@heads, \@forged)
#
# returns for each head the names of the parsers that found one of @forged.

use v5.28;
use warnings;

use Exporter qw( import );
use File::Temp ();
use MIME::Base64 qw( encode_base64 );

our @EXPORT = qw( readers parser_names );

my @programs = ([ 'node', 't/bypass/read.js' ],
                [ 'python3', 't/bypass/read.py' ]);

$ENV{NODE_PATH} //= '/usr/share/nodejs';


sub found { grep { -x "$_/$_[0]" } split /:/, $ENV{PATH} }


sub parser_names {
    my @names = recorded();
    for (grep { found($_->[0]) } @programs) {
        chomp(my $said = qx(@$_) // '');
        push @names, split /,/, $said;
    }
    return @names;
}


sub readers {
    my ($heads, $forged) = @_;

    my @found = map { [ recorded_readers($_, $forged) ] } @$heads;

    my $in = File::Temp->new;
    print $in encode_base64($_, ''), "\n" for @$heads;
    close $in;

    for my $program (grep { found($_->[0]) } @programs) {
        open my $out, '-|', "@$program @$forged <" . $in->filename
            or die "$program->[0]: $!";
        my $n = 0;
        while (my $line = <$out>) {
            chomp $line;
            push @{ $found[$n++] }, split /,/, $line;
        }
        close $out;
        die "$program->[0] has judged $n of " . @$heads . " requests\n"
            if $n != @$heads;
    }
    return \@found;
}


# --- parsers reimplemented here

# each returns the values of the credential, including undefined and empty ones

my %record = (

    # Laravel's Request::bearerToken(), and a preg_match() that many scripts use
    'php bearer laravel' => sub {
        my $at = rindex lc $_[0]{authorization}, 'bearer ';
        return $at < 0 ? '' : substr $_[0]{authorization}, $at + 7;
    },
    'php bearer preg' => sub {
        return $_[0]{authorization} =~ /Bearer[ \t\n\x0b\x0c\r](\S+)/ ? $1 : '';
    },

    # $_SERVER of FPM; Apache replaces each byte other than a letter or digit by
    # "_"
    'php header' => sub { lines($_[0], sub { $_[0] =~ tr/-./_/r }) },
    'apache header' => sub { lines($_[0], sub { $_[0] =~ s/\W/_/gr }) },

    'php query' => sub { php(pairs($_[0]{query}, qr/&/, 1)) },
    'php cookie' => sub { php(pairs($_[0]{cookie}, qr/;[ \t\n\x0b\x0c\r]*/)) },
    'php 7.1 cookie' => sub {
        php(pairs($_[0]{cookie}, qr/;[ \t\n\x0b\x0c\r]*/, 1));
    },

    'ruby bearer split' => sub {
        my @word = split ' ', $_[0]{authorization}, 2;
        return lc($word[0] // '') eq 'bearer' ? $word[1] : '';
    },
    'ruby bearer rails' => sub {
        return $_[0]{authorization} =~ /^Bearer\s+(.*)/am ? $1 : '';
    },
    'ruby query rack 2' => sub {
        named(qr/\A[\[\]]*a_tok(?:[\[\]].*)?\z/s,
              pairs($_[0]{query}, qr/[&;] */, 1));
    },
    'ruby query rack 3' => sub {
        named(qr/\Aa_tok(?:\[.*)?\z/s, pairs($_[0]{query}, qr/& */, 1));
    },
    'ruby cookie rack 1' => sub {
        named(qr/\A[\[\]]*a_tok(?:[\[\]].*)?\z/s,
              pairs($_[0]{cookie}, qr/[;,] */, 1));
    },
    'ruby cookie rack 3' => sub {
        named(qr/\Aa_tok\z/, pairs($_[0]{cookie}, qr/; */));
    },

    'go bearer fields' => sub {
        my @word = split /(?:[\t\n\x0b\x0c\r ]|\xc2[\x85\xa0]|\xe1\x9a\x80
                          |\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f
                          |\xe3\x80\x80)+/x, $_[0]{authorization};
        shift @word if @word && $word[0] eq '';
        return lc($word[0] // '') eq 'bearer' ? $word[1] : '';
    },
    'go bearer prefix' => sub {
        return $_[0]{authorization} =~ /\ABearer (.*)/is ? $1 : '';
    },
    'go header' => sub { lines($_[0], sub { $_[0] =~ tr/-/_/r }, qr/_/) },
    'go query' => sub {
        named(qr/\Aa_tok\z/,
              pairs($_[0]{query} =~ s/[^&]*;[^&]*//gr, qr/&/, 1));
    },
    'go 1.16 query' => sub {
        named(qr/\Aa_tok\z/, pairs($_[0]{query}, qr/[&;]/, 1));
    },
    'go cookie' => sub {
        named(qr/\A[ \t\r\n]*a_tok[ \t\r\n]*\z/, pairs($_[0]{cookie}, qr/;/));
    },

    'java bearer spring' => sub {
        return $_[0]{authorization} =~ m{\ABearer ([-\w.~+/]+=*)\z}ai ? $1 : '';
    },
    'java bearer trim' => sub {
        my $text = $_[0]{authorization} =~ s/\A[\x00-\x20]+//r;
        return $text =~ /\Abearer[\x00-\x20]+(.*)/is ? $1 : '';
    },
    'java query' => sub {
        named(qr/\Aa_tok\z/, pairs($_[0]{query}, qr/&/, 1));
    },
    'java cookie netty' => sub {
        named(qr/\A[\t\n\x0b\x0c\r ,]*a_tok\z/, pairs($_[0]{cookie}, qr/;/));
    },
    'java cookie rfc2109' => sub {
        named(qr/\A[ \t]*a_tok[ \t]*\z/, pairs($_[0]{cookie}, qr/[;,]/));
    },

    # the parsers of Express, reimplemented for hosts without the packages
    'node query qs 6' => sub {
        named(qr/\A\[?a_tok(?:[\[\]].*)?\z/s, pairs($_[0]{query}, qr/&/, 1));
    },
    'node cookie 0.4' => sub {
        named(qr/\A[\s\xa0]*a_tok[\s\xa0]*\z/, pairs($_[0]{cookie}, qr/;/));
    },

    'python cookie werkzeug 2.2.2' => sub {
        map { /\A=*\s*a_tok\s*=(.*)/s ? $1 : () } split /;/, $_[0]{cookie};
    },
    'python cookie utf-8' => sub {
        named(qr/\A[\s\x1c-\x1f]*a_tok[\s\x1c-\x1f]*\z/u,
              pairs(decode($_[0]{cookie}), qr/;/));
    },
);


sub recorded { sort keys %record }


sub recorded_readers {
    my ($head, $forged) = @_;

    my $request = parsed($head);
    return grep {
        my @values = $record{$_}->($request);
        grep { my $value = $_ // ''; grep { index($value, $_) >= 0 } @$forged }
             @values;
    } sort keys %record;
}


sub parsed {
    my ($head) = @_;

    my ($first, @lines) = split /\r\n/, $head;
    my ($path) = $first =~ /\A\S+ (.*) HTTP/s;
    my %request = (query => $path =~ /\?(.*)/s ? $1 : '', authorization => '');

    for (@lines) {
        my ($name, $value) = /\A([^:]*):[ \t]*(.*?)[ \t]*\z/s or next;
        push @{ $request{lines} }, [ lc $name, $value ];
    }
    for my $name (qw( authorization cookie )) {
        $request{$name} = join '; ', map { $_->[1] }
                          grep { $_->[0] eq $name } @{ $request{lines} };
    }
    return \%request;
}


# the values of lines whose names a server maps to x_a_tok

sub lines {
    my ($request, $map, $dropped) = @_;

    return map { $_->[1] }
           grep { !($dropped && $_->[0] =~ $dropped)
                  && $map->($_->[0]) eq 'x_a_tok' } @{ $request->{lines} };
}


# names and values of a list; names are decoded if $decode is set

sub pairs {
    my ($list, $separator, $decode) = @_;

    return map { [ $decode ? unescape($$_[0]) : $$_[0], $$_[1] ] }
           map { [ split /=/, $_, 2 ] } grep { /=/ } split $separator, $list;
}


sub named {
    my ($name, @pairs) = @_;
    return map { $$_[1] } grep { $$_[0] =~ $name } @pairs;
}


sub unescape { $_[0] =~ tr/+/ /r =~ s/%([0-9a-f]{2})/chr hex $1/egir }


# the names of PHP's variables (php_register_variable_ex): leading spaces are
# removed, a NUL ends a name, "." and " " become "_", a bracket begins an array

sub php {
    return map {
        my ($name, $value) = @$_;
        $name =~ s/\A +//;
        $name =~ s/\0.*//s;
        my ($base, $index) = $name =~ /\A([^\[]*)(\[.*)?/s;
        $base .= $index =~ s/\[/_/r if defined $index && $index !~ /\]/;
        $base =~ tr/ ./_/;
        $base eq 'a_tok' ? $value : ();
    } @_;
}


sub decode {
    my ($bytes) = @_;
    utf8::decode($bytes);
    return $bytes;
}

1;
