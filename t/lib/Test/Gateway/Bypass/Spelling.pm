# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Bypass::Spelling;

# Generates spellings of a credential and sends them through nginx, with and
# without the module's directives.  Compares nginx's response with what parsers
# of upstream servers read from the request that nginx sends.
#
#   my $spelling = Test::Gateway::Bypass::Spelling->new(stride => 23);
#   $spelling->run;
#
# stride: every n-th cell is sent (1: all).  A cell is a place, a spelling, a
# protocol and a family (JWT, JWT in one of several places, or API key).  spoil:
# as in Test::Gateway::Bypass.

use v5.28;
use warnings;

use File::Temp ();
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();

use Test::More ();
use Test::Gateway::Bypass::Client;
use Test::Gateway::Bypass::Parsers;
use Test::Gateway::Consumer;
use Test::Gateway::Server;
use Test::Gateway::Token;

my $SHOWN = 10;    # failed cells that are printed

# pids of the upstream server and of the test, which ends it
my ($Running, $Main);

my %asks = (
    jwt => { bearer => 'r', header => 'r token=$http_x_a_tok',
             cookie => 'r token=$cookie_a_tok', query => 'r token=$arg_a_tok' },
    places => { map { $_ => 'r token=$http_authorization token=$http_x_a_tok'
                            . ' token=$cookie_a_tok token=$arg_a_tok' }
                qw( bearer header cookie query ) },
    key => { bearer => 'r bearer', header => 'r header=X-A-Tok',
             cookie => 'r cookie=a_tok', query => 'r query=a_tok' },
);
my @places = qw( bearer header cookie query );
my %plain = (bearer => 'Authorization: Bearer CRED', header => 'X-A-Tok: CRED',
             cookie => 'a_tok=CRED', query => 'a_tok=CRED');

# other names, which must reach the upstream unchanged
my %others = (
    bearer => [ map { "Authorization: $_" } 'Basic YTpi', 'Basic CRED',
                'Bearers CRED', 'Bearer:CRED', 'Token CRED', 'Basic Bearer' ],
    header => [ map { "$_: CRED" } qw( X-A-Toks XX-A-Tok X-ATok X-A-To ) ],
    cookie => [ map { "$_=CRED" } qw( a_toks xa_tok a-tok a_tok.x a[tok]
                                      x[a_tok] $a_tok x=a_tok x&a_tok ) ],
    query  => [ map { "$_=CRED" } qw( a_toks xa_tok a-tok a_tok.x a[tok]
                                      x[a_tok] x=a_tok a_tok%3D %2561_tok
                                      a_tok%zz ), 'x,a_tok' ],
);


sub new {
    my ($class, %arg) = @_;

    my $self = bless { stride => 1, %arg }, $class;
    $self->{dir} = File::Temp->newdir('spelling-XXXXXX', TMPDIR => 1);

    my $token = token(key => 'es256', claims => { sub => 'alice' });
    my $forged = edited($token, signature => sub { reverse $_[0] });
    $self->{good} = { jwt => $token, places => $token, key => api_key('acme') };
    $self->{forged} = { jwt => $forged, places => $forged,
                        key => api_key('nobody') };
    return $self;
}




# --- the generator

# A spelling is a line, a cookie or an argument; "CRED" is where the credential
# goes.

sub spellings {
    my ($place) = @_;

    my @found = $place eq 'bearer' ? bearer()
              : $place eq 'header' ? header() : pairs($place);
    my %seen;
    return grep { !$seen{$_}++ } @found;
}


# copies of the texts for each byte: "@" is replaced by the byte, "^" by its
# percent-encoding

sub each_byte {
    my @texts = @_;

    return map {
        my ($byte, $encoded) = (chr, sprintf '%%%02x', $_);
        map { s/\@/$byte/r =~ s/\^/$encoded/r } @texts;
    } 0 .. 255;
}


sub bearer {
    my @values = ('Bearer CRED', 'bearer CRED', 'BEARER  CRED',
                  "Bearer\t\tCRED", 'BearerCRED', 'Basic x, Bearer CRED', 'XBearer CRED',
                  'Basic x bearer CRED', 'Basic CRED', "Bearer\xc2\xa0CRED",
                  "\xe3\x80\x80Bearer CRED", "Bearer\xe2\x80\x83CRED");

    return map({ "Authorization: $_" } @values),
           "Authorization:\t \tBearer CRED\t", 'authorization:Bearer CRED',
           each_byte('@Authorization: Bearer CRED',
                     'Authorization@: Bearer CRED',
                     'Authorization:@Bearer CRED',
                     'Authorization: @Bearer CRED',
                     'Authorization: Bearer@CRED',
                     'Authorization: Bearer @CRED',
                     'Authorization: Bearer@ CRED',
                     'Authorization: Bearer CRED@');
}


sub header {
    return map({ "$_: CRED" } qw( X-A-Tok X-A-TOK X_A_Tok X-A_Tok X.A.Tok
                                  X-A-Toks )),
           'x-a-tok:CRED', "X-A-Tok:\tCRED\t", 'X-A-Tok:   CRED  ',
           map({ "X-A-Tok: ${_}CRED" } 'Bearer ', 'bEARER   ', 'Bearer', 'Basic ',
                                       'Basic x, Bearer '),
           each_byte('@X-A-Tok: CRED', 'X-A-Tok@: CRED', 'X-A-Tok:@CRED',
                     'X-A-Tok: @CRED', 'X-A-Tok: CRED@', 'X@A-Tok: CRED',
                     'X-A-Tok: Bearer@CRED', 'X-A-Tok:@Bearer CRED');
}


# cookies and arguments, which differ by their separator

sub pairs {
    my ($place) = @_;

    my @between = (';', ',', '&', ' ;', '; ', ', ', ';;', '&;', ' , ', '#&',
                   '#;', '&amp;');
    my @quoted = ('a_tok="CRED"', '"a_tok"=CRED', 'x="y; a_tok=CRED"',
                  'x="y" a_tok=CRED', '$Version=1; a_tok="CRED"');

    my @found = (map({ "$_=CRED" } 'a_tok', 'A_TOK', names('a_tok')), @quoted,
                 map({ "x=1${_}a_tok=CRED" } @between),
                 'a_tok', 'a_tok==CRED', '=a_tok=CRED', 'x=a_tok=CRED',
                 'a_tok = CRED', 'x[a_tok]=CRED',
                 'a_tok[CRED', 'a_tok[CRED]', 'a_tok[][CRED]', '[a_tok][CRED]',
                 each_byte('@a_tok=CRED', 'a_tok@=CRED', 'a_tok=@CRED',
                           'a_tok=CRED@', 'x=1@a_tok=CRED', 'x=1;@a_tok=CRED',
                           'a@tok=CRED', '^a_tok=CRED', 'a_tok^=CRED',
                           'a_tok^x=CRED', 'a^tok=CRED', 'a_tok^CRED',
                           'x=1^a_tok=CRED'));

    my $separator = $place eq 'query' ? '&' : '; ';
    return map { ($_, "y=1$separator$_") } @found;
}


sub names {
    my ($name) = @_;

    my @found;
    for my $i (0 .. length($name) - 1) {
        for my $hex ('%02x', '%02X') {
            for my $letter (substr($name, $i, 1), uc substr $name, $i, 1) {
                my $encoded = $name;
                substr $encoded, $i, 1, '%' . sprintf $hex, ord $letter;
                push @found, $encoded;
            }
        }
    }

    my @behind = qw( [] [0] [x] [a_tok] [ ] [][] [x][y] ]x [x %5b%5d %5B0%5D
                     + . %20 %00 %00[] );
    return @found, map({ "$name$_" } @behind),
           map({ "$_$name" } '+', '++', '.', ' ', '%20', '%09', '[', ']', '[[',
                             '%5b', '_', '-', '$', '?', '/'),
           "[$name]", "[$name][]", "[$name]x", "%5B$name%5D", "%255f$name",
           map({ $name =~ s/_/$_/r } '.', ' ', '+', '[', '-', '%2e', '%20',
                                     '%5b', '__', ']', '%5f', '[]', "\t");
}


# --- servers

# An upstream server that stores the bytes of each request.

sub keep_requests {
    my ($self) = @_;

    my $listen = IO::Socket::UNIX->new(Local => "$self->{dir}/upstream",
                                       Listen => 512) or die "listen: $!";
    $self->{upstream} = fork // die "fork: $!";
    ($Running, $Main) = ($self->{upstream}, $$);
    return close $listen if $self->{upstream};

    local $SIG{PIPE} = 'IGNORE';
    open my $out, '>:raw', "$self->{dir}/requests" or die "requests: $!";
    my $select = IO::Select->new($listen);
    my %read;
    while (my @ready = $select->can_read) {
        for my $socket (@ready) {
            if ($socket == $listen) {
                $select->add($listen->accept);
                next;
            }
            my $buffer = \($read{$socket} //= '');
            if (!sysread $socket, $$buffer, 65536, length $$buffer) {
                $select->remove($socket);
                delete $read{$socket};
                close $socket;
                next;
            }
            while ($$buffer =~ s/\A(.*?\r\n\r\n)//s) {
                syswrite $out, pack 'N/a*', $1;
                syswrite $socket,
                         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            }
        }
    }
    POSIX::_exit(0);
}


sub conf {
    my ($self) = @_;

    my $listen = "listen unix:$self->{dir}/front-1;";
    my $h2 = "listen unix:$self->{dir}/front-2";
    $h2 .= nginx_before(1, 25, 1) ? ' http2;' : '; http2 on;';

    my $conf = http_conf(workers => 1, http => <<"END", server => $listen);
    gateway_consumers zone=c:1m file=consumers.json;
    gateway_jwt_key_file jwks.json;
    keepalive_requests 100000000;
    client_header_buffer_size 16k;
    ignore_invalid_headers off;
    upstream upstream { server unix:$self->{dir}/upstream; keepalive 64; }
    server {
        $h2
        LOCATIONS
    }
END
    my $locations = join '', map { my $family = $_;
                                   map { locations($family, $_) } @places }
                             sort keys %asks;
    $conf =~ s/LOCATIONS/$locations/;
    $conf =~ s/(front-1;)/$1 $locations/;
    $conf =~ s/(worker_connections) 256/$1 1024/;
    return $self->{spoil} ? $self->{spoil}->($conf) : $conf;
}


sub locations {
    my ($family, $place) = @_;

    my $directive = $family eq 'key' ? 'gateway_api_key' : 'gateway_jwt';
    my $pass = "proxy_http_version 1.1; proxy_set_header Connection '';"
               . ' proxy_pass http://upstream;';
    my $asks = "$directive $asks{$family}{$place};";

    my %does = (
        open     => '',
        required => "$asks ${directive}_hide off;",
        optional => "$asks ${directive}_hide off; ${directive}_mode optional;",
        hidden   => "$asks ${directive}_hide on; ${directive}_mode dry_run;",
    );
    return map { "location /$family-$place-$_ { $does{$_} $pass }\n" }
           sort keys %does;
}


# --- requests

# HTTP/1.x sends a line unchanged.  HTTP/2 sends its name and its value, without
# one space after the colon.

sub line {
    my ($text, $protocol) = @_;

    return [ $text ] if $protocol ne '2';

    my ($name, $value) = split /:/, $text, 2;
    return [ $name, ($value // '') =~ s/\A //r ];
}


sub request {
    my ($cell, $mode, $id, @texts) = @_;

    my ($place, $protocol) = @$cell{qw( place protocol )};
    my @lines = $protocol eq '2' ? () : [ 'Host: h' ];
    push @lines, line("X-Case: $id", $protocol);
    my $path = "/$cell->{family}-$place-$mode";

    if ($place eq 'query') {
        $path .= '?' . join '&', @texts;
    } elsif ($place eq 'cookie') {
        push @lines, line('Cookie: ' . join('; ', @texts), $protocol);
    } else {
        push @lines, map { line($_, $protocol) } @texts;
    }
    return { id => $id, method => 'GET', path => $path, authority => 'h',
             headers => \@lines, alone => scalar "@texts" =~ /[\0\r\n]/ };
}


# All requests of a cell: alone, and together with a good credential.

sub requests {
    my ($self, $cell) = @_;

    my $family = $cell->{family};
    my $good = $plain{$cell->{place}} =~ s/CRED/$self->{good}{$family}/r;
    my $forged = $cell->{text} =~ s/CRED/$self->{forged}{$family}/r;

    my %ask = map { ("$_ alone" => [ $forged ]) } qw( open optional hidden );
    if ($cell->{place} ne 'bearer') {
        for (qw( required hidden )) {
            $ask{"$_ behind"} = [ $good, $forged ];
            $ask{"$_ before"} = [ $forged, $good ];
        }
    }
    return map { $cell->{asked}{$_} = request($cell, /(\w+)/,
                                              "$cell->{id} $_", @{ $ask{$_} }) }
           sort keys %ask;
}


sub cells {
    my ($self) = @_;

    my ($n, @cells) = (0);
    for my $place (@places) {
        for my $text (spellings($place)) {
            for my $family (sort keys %asks) {
                for my $protocol ('1.1', '2') {
                    next if $n++ % $self->{stride};
                    push @cells, { id => $n, place => $place, text => $text,
                                   family => $family, protocol => $protocol };
                }
            }
        }
    }
    return @cells;
}


sub client {
    my ($self, $protocol) = @_;

    my $socket = "$self->{dir}/front-" . substr $protocol, 0, 1;
    return $self->{client}{$protocol} //= Test::Gateway::Bypass::Client->new(
        socket => $socket, protocol => $protocol);
}


# Sends requests.  Sets {status} of each, and {head} to what has reached the
# upstream server.

sub send_requests {
    my ($self, $protocol, @requests) = @_;

    my %by_id = map { $_->{id} => $_ } @requests;
    $self->client($protocol)->ask([ @requests ]);
    $self->client($protocol)->hang_up;

    my $file = "$self->{dir}/requests";
    open my $in, '<:raw', $file or die "$file: $!";
    seek $in, $self->{taken} // 0, 0;
    while (read $in, my $length, 4) {
        read $in, my $head, unpack 'N', $length;
        $self->{taken} = tell $in;

        $head =~ s/^x-case: ([^\r]*)\r\n//im or next;
        $by_id{$1}{head} = $head if $by_id{$1};
    }
    return;
}


# --- the run

sub run {
    my ($self) = @_;

    $self->keep_requests;
    $self->{front} = start_nginx(conf => $self->conf, port => 0, files => {
        'jwks.json' => jwks('es256'),
        'consumers.json' => consumers(consumer('acme')) });

    check_parsers();
    $self->check_plain;
    my @cells = $self->cells;

    for my $protocol ('1.1', '2') {
        $self->send_requests($protocol, map { $self->requests($_) }
                                        grep { $_->{protocol} eq $protocol }
                                        @cells);
    }

    $self->{front}->stop('the server: nothing went wrong unannounced');
    $self->read_heads(@cells);
    $self->judge(@cells);
    return;
}


# Each parser must read the plain spelling: otherwise its results mean nothing.

sub check_parsers {
    my ($read) = @{ readers([ <<"END" =~ s/\n/\r\n/gr ], [ 'CRED' ]) };
GET /?a_tok=CRED&x;a_tok=CRED HTTP/1.1
Host: h
Authorization: Bearer CRED
Cookie: a_tok=CRED
X-A-Tok: CRED

END
    my %read = map { $_ => 1 } @$read;
    my @dead = grep { !$read{$_} } parser_names();
    Test::More::is("@dead", '', 'each parser reads a plain credential');
    Test::More::note('parsers: ' . join ', ', parser_names());
    return;
}


# A good credential passes, and so do other names, alone and together with it.

sub check_plain {
    my ($self) = @_;

    my @wrong;
    for my $protocol ('1.1', '2') {
        my @asked;
        for my $family (sort keys %asks) {
            for my $place (@places) {
                my $cell = { family => $family, place => $place,
                             protocol => $protocol };
                my $id = "$family $place";
                my $good = $plain{$place} =~ s/CRED/$self->{good}{$family}/r;
                my @others = map { s/CRED/$self->{forged}{$family}/r }
                             @{ $others{$place} };
                push @asked, request($cell, 'required', $id, $good),
                    map { request($cell, 'optional', "$id $_", $_) } @others;
                push @asked, map { request($cell, 'required', "$id beside $_",
                                           $good, $_) } @others
                    if $place ne 'bearer';
            }
        }
        $self->send_requests($protocol, @asked);
        push @wrong, map { "$_->{id}: $_->{status}" }
                     grep { $_->{status} ne '200' || !$_->{head} } @asked;
    }
    Test::More::ok(!@wrong, 'good credentials and other names pass');
    Test::More::diag(printable($_)) for @wrong;
    return;
}


# Sets {read} of each request that has reached the upstream server: the parsers
# that find the forged credential in it.

sub read_heads {
    my ($self, @cells) = @_;

    my @requests = grep { defined $_->{head} } map { values %{ $_->{asked} } }
                   @cells;
    my %seen;
    my @heads = grep { !$seen{$_}++ } map { $_->{head} } @requests;
    my %read;
    @read{@heads} = @{ readers(\@heads, [ values %{ $self->{forged} } ]) };
    $_->{read} = $read{$_->{head}} for @requests;
    return;
}


sub judge {
    my ($self, @cells) = @_;

    my (%wrong, %count);
    for my $cell (@cells) {
        my $asked = $cell->{asked};
        my $read = @{ $asked->{'open alone'}{read} // [] };
        my $status = $asked->{'optional alone'}{status};

        $count{$cell->{place}}{$status eq '200' ? 'absent'
                               : $status ne '401' ? 'invalid'
                               : $read ? 'refused' : 'needless'}++;

        for my $name (sort keys %$asked) {
            my $request = $asked->{$name};
            my ($mode) = $name =~ /(\w+)/;

            push @{ $wrong{status} }, [ $cell, $name ]
                if $request->{status} !~ /\A(?:200|400|401|405|reset|closed)\z/;
            push @{ $wrong{$mode} }, [ $cell, $name ]
                if $mode ne 'open' && @{ $request->{read} // [] };
        }
    }

    my %what = (optional => 'what is read by an upstream is not nobody',
                required => 'nor beside a good credential',
                hidden   => 'hiding leaves nothing that an upstream reads',
                status   => 'each request has an expected status');
    for my $kind (sort keys %what) {
        my @failed = @{ $wrong{$kind} // [] };
        Test::More::ok(!@failed, $what{$kind});
        Test::More::diag(scalar(@failed) . ' cells failed') if @failed;
        Test::More::diag(told(@$_)) for splice @failed, 0, $SHOWN;
    }

    for my $place (@places) {
        my %n = (map({ $_ => 0 } qw( refused needless absent invalid )),
                 %{ $count{$place} // {} });
        Test::More::ok($n{refused} && $n{absent} && $n{invalid},
                       "$place: cells of each kind");
        Test::More::note("$place: rejected $n{refused} that a parser reads and"
                         . " $n{needless} that none reads, passed $n{absent}"
                         . " that none reads; nginx rejected $n{invalid}");
    }
    return;
}


sub told {
    my ($cell, $name) = @_;

    my $request = $cell->{asked}{$name};
    return printable("$cell->{family}, $cell->{place}, HTTP/$cell->{protocol}, "
                     . "$name: \"$cell->{text}\" is $request->{status}, read"
                     . " by " . join(", ", @{ $request->{read} // [] }) . "\n"
                     . ($request->{head} // ''));
}


sub printable { $_[0] =~ s/([^ -~\n])/sprintf '\\x%02x', ord $1/egr }


END { kill 'KILL', $Running if $Running && $$ == $Main }

1;
