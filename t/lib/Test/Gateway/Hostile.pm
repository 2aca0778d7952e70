# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Hostile;

# Hostile requests: bytes that a generator makes from a seed, the same for the
# same seed, sent over raw sockets.
#
#   my $hostile = Test::Gateway::Hostile->new(
#       seed => 1, secret => $bytes, good => { jwt => $token, key => $key },
#       ports => { plain => n, h2 => n, tls => n });
#   my @connections = $hostile->batch($n);   about $n requests
#   send_all(\@connections, sub { ... });    calls the sub when all are sent
#
# No request has a valid credential, except tokens signed with the secret: their
# claims are as hostile, but some are valid.  The path of each request has a
# number: /hs/h17 has no valid credential, /hs/s18 may have one.
#
# A connection is { port, pieces (bytes, in order), end }.  "end" is what the
# client does after sending: "read" until the server closes, "half": the same
# after a shutdown, "abort" at once, "stall" until all others have ended.

use v5.28;
use warnings;

use Exporter qw( import );
use IO::Socket::INET;
use List::Util qw( max min );
use Test::Gateway::Bypass::Client;
use Test::Gateway::Token ();
use Time::HiRes qw( time );

our @EXPORT_OK = qw( send_all );

*b64u  = \&Test::Gateway::Token::b64u;
*frame = \&Test::Gateway::Bypass::Client::frame;
*hpack = \&Test::Gateway::Bypass::Client::hpack;

# the locations: those in the first line require a credential
our @Protected = qw( hs cookie arg header map iss rules key any both scope limited
                     early delay cert );
our @Open = qw( opt dry decode noverify accel page page2 try admin open );


sub new {
    my ($class, %arg) = @_;
    return bless { %arg, state => $arg{seed}, requests => 0 }, $class;
}


# --- pseudorandom numbers, the same on every machine

sub chance {
    my ($self, $n) = @_;

    # Knuth's MMIX generator; uses the upper bits
    use integer;
    $self->{state} = $self->{state} * 6364136223846793005 + 1442695040888963407;
    return ($self->{state} >> 33 & 0x7fffffff) % $n;
}

sub one { my ($self, @of) = @_; return $of[$self->chance(scalar @of)] }

sub often { $_[0]->chance(100) < $_[1] }

# The number of oddities differs between connections.  With few of them, some
# requests are valid, and later requests of the connection are read, too.
sub odd    { my ($self) = @_; return $self->often($self->{wild}) }
sub broken { my ($self) = @_; return $self->often($self->{wild} / 5) }

sub bytes {
    my ($self, $n) = @_;
    return join '', map { chr $self->chance(256) } 1 .. $n;
}

sub text {
    my ($self, $n) = @_;
    return join '', map { chr(33 + $self->chance(94)) } 1 .. $n;
}

sub size { my ($self) = @_; return $self->one(0, 1, 2, 7, 40, 255, 256, 1000, 4095, 7000) }


# --- JSON

my @names = qw( client_id alg kid typ cty crit b64 jwk x5c exp nbf iat iss sub aud scope scp
                roles groups tenant jti a.b deep sub\u0000 \u0073ub __proto__ );

sub json_string {
    my ($self) = @_;

    return '"' . $self->one('', 'a', 'acme', 'read', 'read write', 'admin', '\u0061', "\xc3\xa4")
           . '"' if !$self->odd;
    return '"' . $self->one(
        '', 'a', 'https://a.example', 'https://b.example', 'acme', 'read write',
        "\xff\xfe", "\xc0\x80", "\xed\xa0\x80", '\ud800', '\ud83d\ude00', '\u0000',
        '\n', '\u000d\u000a', '\"', '\x', '\u12', "a\tb", "a\0b",
        'x' x $self->size, '\u0061' x $self->chance(300), $self->text(9) =~ tr/"\\//dr)
        . ($self->often(3) ? '' : '"');
}

sub json_number {
    my ($self) = @_;

    return $self->one(0, 1, 7, -1, '1.5', '1e3', 4102444800) if !$self->odd;
    return $self->one(0, -0.0, -1, 1, 1e9, 4102444800, '1e400', '-1e-310', '1E+2', '01',
                      '1.', '.5', '-', '9' x 19, '9' x 400, '1' . '0' x $self->size,
                      '0.' . '3' x 300, '1e' . '9' x 20, 'NaN', '0x10');
}

sub json_value {
    my ($self, $depth) = @_;

    my $which = $self->chance($depth > 3 || !$self->odd ? 6 : 12);
    return $which < 3 ? $self->json_string
         : $which < 5 ? $self->json_number
         : $which < 6 ? $self->one(qw( true false null ), $self->odd ? ('True', '') : ())
         : $which < 9 ? $self->json_object($depth + 1)
         : $which < 11 ? '[' . join(',', map { $self->json_value($depth + 1) }
                                         1 .. $self->chance(6)) . ']'
         : $self->json_deep;
}

sub json_deep {
    my ($self) = @_;

    my $n = $self->one(1, 15, 31, 32, 33, 64, 500, 2000);
    my ($open, $close) = @{ $self->one([ '[', ']' ], [ '{"a":', '}' ], [ '[[],', ']' ]) };
    return $open x $n . '1' . ($self->often(80) ? $close x $n : '');
}

sub json_object {
    my ($self, $depth, @members) = @_;

    push @members, map { '"' . $self->one(@names) . '":' . $self->json_value($depth) }
                   1 .. $self->chance(5);
    push @members, $members[$self->chance(scalar @members)] if @members && $self->often(2);

    # around the bound of 256 members, before or after those that are read
    if ($self->often(2)) {
        my @more = map { "\"x$_\":{}" }
                   1 .. $self->one($self->chance(700), 245 + $self->chance(12));
        @members = $self->often(50) ? (@members, @more) : (@more, @members);
    }

    my $text = '{' . join($self->one(',', ',', ' , '), @members) . '}';
    substr $text, $self->chance(length $text), 1, $self->bytes(1) if $self->often(2);
    return $text;
}


# --- credentials

sub header_json {
    my ($self, $alg) = @_;

    my @members = ($alg // '"alg":"' . $self->one(
                      qw( HS256 hs256 none NONE RS256 ES256 HS512 EdDSA PS256 ), '',
                      '\u0048S256', 'HS256\u0000', 'x' x $self->size) . '"');
    @members = ($alg) if $alg && !$self->odd;
    push @members, '"typ":' . $self->one('"JWT"', '"at+jwt"', 'null', '[]', '"\/"')
        if $alg ? $self->odd : $self->often(60);
    push @members, '"kid":' . $self->one('"hs256"', '"es256"', '"a"', '""', '1', 'null',
                                         '"../../etc/passwd"', '"' . 'k' x $self->size . '"')
        if $alg ? $self->odd : $self->often(60);
    return $alg && !$self->odd ? '{' . join(',', @members) . '}'
                                    : $self->json_object(0, @members);
}

# a token signed with the secret; it is valid if its claims are

sub signed {
    my ($self) = @_;

    my @members = ('"exp":4102444800');
    @members = ('"exp":' . $self->json_number) if $self->odd;
    push @members, '"iss":' . $self->one('"https://a.example"', '"https://b.example"',
                                         '"https://c.example"', '1')
        if $self->often(50);
    push @members, '"sub":' . $self->json_string if $self->often(70);
    push @members, '"scope":' . $self->json_value(0) if $self->often(30);
    my $input = b64u($self->header_json('"alg":"HS256","kid":"hs256"')) . '.'
                . b64u($self->json_object(0, @members));
    return "$input." . b64u(Digest::SHA::hmac_sha256($input, $self->{secret}));
}

# invalid credentials

sub forged {
    my ($self) = @_;

    my $good = $self->{good}{jwt};
    my @part = split /\./, $good;
    my $which = $self->chance(12);

    return b64u($self->header_json) . '.' . b64u($self->json_object(0)) . '.'
           . b64u($self->bytes($self->one(0, 1, 31, 32, 33, 64, 256, 512)))
        if $which < 4;
    if ($which < 6) {
        my $input = b64u($self->header_json('"alg":"HS256","kid":"hs256"')) . '.'
                    . b64u($self->json_object(0, '"exp":4102444800', '"sub":"acme"'));
        return "$input." . b64u(Digest::SHA::hmac_sha256($input, 'another secret'));
    }

    # replaces one letter of the claims, after the first four
    my $at = 4 + $self->chance(length($part[1]) - 4);
    substr $part[1], $at, 1, substr($part[1], $at, 1) eq 'A' ? 'B' : 'A';
    my $edited = join '.', @part;
    return $edited if $which < 8;

    return $self->one($edited . $self->one('=', '.', ' ', "\t", "\xff", '%00', '.x'),
                      $self->one('=', '.', '+', "\x80") . $edited, "$part[0]..$part[2]",
                      "$part[0].$part[1].", "$part[0].$part[1]", '.' x $self->size,
                      "$part[0].$part[1].$part[2]" =~ tr{-_}{+/}r,
                      'A' x $self->one(16383, 16384, 16385, 7000), $self->text(30), '')
        if $which < 10;
    return $self->bytes($self->size) =~ tr/\r\n//dr;
}

# $proof: the token can be valid

sub token {
    my ($self, $proof) = @_;
    return $proof ? $self->signed : $self->forged;
}

sub api_key {
    my ($self) = @_;

    my $key = $self->{good}{key};
    substr $key, $self->chance(length $key), 1, $self->one('!', "\xff", '~', ',');
    return $self->one($key, 'gw_acme_', 'gw_' . 'x' x $self->size, $self->text(60), '',
                      "gw_acme_\0", $self->{good}{key} . 'x');
}


# --- a request: fields and their places

sub fields {
    my ($self, $proof) = @_;

    my @fields;
    my $scheme = $self->odd ? $self->one('bearer ', 'BEARER ', 'Basic ', 'Bearer: ', '', 'Bearer',
                                         "Bearer\t", 'Bearer  ', 'Bearer ,') : 'Bearer ';

    push @fields, [ Authorization => $scheme . $self->token($proof) ]
        if $self->often($proof ? 80 : 60);
    push @fields, $self->one(@fields) if @fields && $self->often(5);
    push @fields, [ $self->one('X-Token', 'x_token', 'X-TOKEN') => $self->token($proof) ]
        if $self->often(25);
    push @fields, [ $self->one('X-API-Key', 'x-api-key', 'X_API_Key') => $self->api_key ]
        if $self->often(25);
    push @fields, [ Cookie => $self->pairs($proof, $self->one('; ', ';', ', ', ";\t")) ]
        if $self->often(30);
    push @fields, $self->one(
        [ 'X-Consumer-Id' => 'admin' ], [ 'x_consumer_id' => 'admin' ],
        [ 'X-Sub' => 'admin' ], [ 'X-Weight' => $self->json_number ],
        [ 'X-Forwarded-For' => $self->text(20) ], [ 'Accept' => 'x' x $self->size ],
        [ 'Content-Type' => 'application/json' ], [ 'Range' => 'bytes=0-1,2-3' ],
        [ 'If-None-Match' => '*' ], [ $self->text(5) =~ tr/:\r\n//dr => $self->text(9) ])
        if $self->often(40);
    return @fields;
}

# for a cookie or for arguments

sub pairs {
    my ($self, $proof, $between) = @_;

    return join $between, map {
        $self->one('tok', 'tok', 'key', 'TOK', 't%6fk', 'tok[]', '+tok', ' tok', 'k', '',
                   $self->text(3))
        . $self->one('=', '=', '=', ' = ', '', '==')
        . $self->one($self->token($proof), $self->api_key, $self->text(9), '%zz%', "\x80")
    } 0 .. $self->chance(4);
}

# the path, with a number, and arguments without blanks

sub target {
    my ($self, $proof) = @_;

    my $at = $self->one(('hs') x 4, @Protected, @Open);
    my $n = ($proof ? 's' : 'h') . ++$self->{requests};
    my $path = !$self->odd ? "/$at/$n" : $self->one("//$at//$n", "/$at/../$at/$n",
                          "/$at/%2e/$n", "/$at;x/$n", "/$at/$n%00", "/open/..%2f$at/$n",
                          "/%6" . sprintf('%x', ord('o') & 15) . "pen/$n");
    my $arguments = $self->often(40) ? '?' . $self->pairs($proof, $self->one('&', '&', ';', '&&'))
                  : $at eq 'admin' ? '?zone=late&key=' . $self->text(5) : '';
    $arguments =~ tr/\0-\x1f\x7f/-/ if !$self->odd;
    return $path . ($arguments =~ tr/ \r\n\0#/-/r);
}

sub request {
    my ($self) = @_;

    my $proof = $self->often(20);
    return { proof => $proof, target => $self->target($proof),
             fields => [ $self->fields($proof) ],
             method => $self->one(qw( GET GET GET GET HEAD POST POST PUT OPTIONS TRACE )),
             body => $self->one('', '{"zone":"late","key":"a","reset":true}',
                                $self->text(100), 'x' x 20_000) };
}


# --- HTTP/1.x

sub http1 {
    my ($self, $last) = @_;

    my $r = $self->request;
    my $version = $self->broken ? $self->one('1.2', '2.0', 'x', '0.9') : $self->one('1.1', '1.1', '1.0');
    return "$r->{method} $r->{target}\r\n" if $last && $self->often(2);

    my @lines = ("$r->{method} $r->{target} HTTP/$version");
    push @lines, 'Host: localhost' if !$self->broken;
    push @lines, map { "$_->[0]:" . ($self->often(90) ? ' ' : $self->one('', "\t", '  '))
                       . $_->[1] =~ tr/\r\n\0//dr } @{ $r->{fields} };
    splice @lines, 1 + $self->chance(scalar @lines), 0, $self->one(
        'Host: other', ' folded', 'no colon', "X: a\0b", ': empty', 'Content-Length: 7',
        'Content-Length: -1', 'Content-Length: ' . '9' x 30, 'Transfer-Encoding: x',
        'Expect: 100-continue', 'Upgrade: h2c', "\x80: x")
        if $self->broken;
    push @lines, 'Connection: ' . $self->one('keep-alive, Authorization', 'X-Sub', 'upgrade')
        if $self->often(8);
    push @lines, 'Connection: close' if $last;

    my $body = $r->{method} =~ /^P/ ? $r->{body} : '';
    if ($body ne '' && $self->often(30)) {
        push @lines, 'Transfer-Encoding: chunked';
        $body = sprintf("%x", length $body) . "\r\n$body\r\n"
                . $self->one("0\r\n\r\n", "0\r\nX: y\r\n\r\n", "zz\r\n", '');
    } elsif ($body ne '') {
        push @lines, 'Content-Length: ' . ($self->often(90) ? length $body
                                           : $self->chance(2 * length $body));
    }
    return join("\r\n", @lines, '', '') . $body;
}

sub plain_connection {
    my ($self) = @_;

    my $n = $self->one(1, 1, 1, 2, 3, 8);
    my $bytes = join '', map { $self->http1($_ == $n) } 1 .. $n;
    substr $bytes, $self->chance(length $bytes), $self->chance(3), $self->bytes(1)
        if $self->broken;
    $bytes = substr $bytes, 0, $self->chance(length $bytes) if $self->broken;
    return { port => 'plain', bytes => $bytes };
}


# --- HTTP/2

sub http2_stream {
    my ($self, $stream) = @_;

    my $r = $self->request;
    my @fields = ([ ':method', $r->{method} ], [ ':scheme', 'http' ],
                  [ ':path', $r->{target} ], [ ':authority', 'localhost' ]);
    push @fields, map { [ !$self->broken ? lc $_->[0] : $_->[0],
                          !$self->broken ? $_->[1] =~ tr/\r\n\0//dr : $_->[1] ] }
                  @{ $r->{fields} };
    push @fields, $self->one([ ':path', '/open/' ], [ 'connection', 'x' ], [ 'te', 'x' ],
                             [ 'host', 'other' ], [ '', 'x' ], [ 'content-length', 5 ])
        if $self->broken;
    splice @fields, $self->chance(4), 1 if $self->broken;

    my $block = hpack(@fields);
    $block .= $self->bytes(1 + $self->chance(9)) if $self->broken;
    my $body = $r->{method} =~ /^P/ ? substr $r->{body}, 0, 16_000 : '';
    my $end = $body eq '' ? 1 : 0;
    my $bytes;

    if (length $block > 16_000 || $self->often(10)) {
        my $cut = min(16_000, $self->chance(length $block));
        $bytes = frame(1, $end, $stream, substr $block, 0, $cut, '');
        $bytes .= frame(9, length $block > 16_000 ? 0 : 4, $stream,
                        substr $block, 0, 16_000, '') while length $block;
    } else {
        $bytes = frame(1, $end | 4, $stream, $block);
    }
    $bytes .= frame(0, $self->often(90) ? 1 : 0, $stream, $body) if !$end;
    $bytes .= frame(3, 0, $stream, pack 'N', 8) if $self->often(8);
    return $bytes;
}

sub http2_connection {
    my ($self) = @_;

    my $bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                . frame(4, 0, 0, pack 'nN', 4, $self->one(0, 0, 1, 100, 65535, 1 << 20));
    my $n = $self->one(1, 1, 2, 4, 16);
    for my $i (1 .. $n) {
        $bytes .= $self->http2_stream(2 * $i - 1);
        $bytes .= $self->one(frame(8, 0, $self->one(0, 2 * $i - 1), pack 'N', 1 + $self->chance(9999)),
                             frame(6, 0, 0, 'pingpong'), frame(2, 0, 2 * $i - 1, "\0\0\0\0\7"))
            if $self->often(20);
        $bytes .= frame(4, 0, 0, pack 'nN', $self->chance(7), $self->chance(99999))
            if $self->broken;
    }
    $bytes .= frame($self->chance(12), $self->chance(256), $self->chance(40),
                    $self->bytes($self->chance(60))) if $self->broken;
    return { port => 'h2', bytes => $bytes, http2 => 1 };
}


# --- connections

sub connection {
    my ($self) = @_;

    $self->{wild} = $self->one(1, 3, 10, 40);
    my $which = $self->chance(100);
    my $c = $which < 62 ? $self->plain_connection
          : $which < 97 ? $self->http2_connection
          : { port => $self->one(qw( tls plain h2 )), bytes => $self->bytes($self->size) };

    $self->{requests}++ if $which >= 97;
    $c->{end} = $self->one(qw( read read read read read read half abort stall ));
    $c->{end} = 'stall' if $c->{http2} && $c->{end} eq 'read';

    my @cuts = sort { $a <=> $b } map { $self->chance(1 + length $c->{bytes}) }
               1 .. $self->one(0, 0, 0, 1, 3);
    my ($at, @pieces) = (0);
    for (@cuts, length $c->{bytes}) {
        push @pieces, substr $c->{bytes}, $at, $_ - $at;
        $at = $_;
    }
    $c->{pieces} = \@pieces;
    return $c;
}

sub batch {
    my ($self, $n) = @_;

    my $until = $self->{requests} + $n;
    my @batch;
    push @batch, $self->connection while $self->{requests} < $until;
    return @batch;
}


# Sends a batch, one piece of each connection in turn, and reads responses.  All
# connections are closed when nothing has been received for a moment.

sub send_all {
    my ($batch, $ports, $meanwhile) = @_;

    local $SIG{PIPE} = 'IGNORE';
    for my $c (@$batch) {
        $c->{socket} = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $ports->{$c->{port}}, Timeout => 5) or die "connect: $!";
        $c->{socket}->blocking(0);
    }

    my %open = map { fileno $_->{socket} => $_ } @$batch;
    my $end = time + 20;
    my $quiet = 0;
    while (%open && $quiet < 4 && time < $end) {
        my ($in, $out) = ('', '');
        for (keys %open) {
            vec($in, $_, 1) = 1;
            vec($out, $_, 1) = 1 if @{ $open{$_}{pieces} };
        }
        my $n = select $in, $out, undef, 0.05;
        $quiet = $n > 0 ? 0 : $quiet + 1;

        for (keys %open) {
            my $c = $open{$_};
            my $over = vec($out, $_, 1) && put($c);
            $over ||= vec($in, $_, 1) && !sysread($c->{socket}, my $some, 65536)
                      && !$!{EAGAIN};
            if ($over) {
                close $c->{socket};
                delete $open{$_};
            }
        }
        if ($meanwhile && !grep { @{ $_->{pieces} } } values %open) {
            $meanwhile->();
            undef $meanwhile;
        }
        last if $quiet && !grep { $_->{end} ne "stall" || @{ $_->{pieces} } } values %open;
    }
    close $_->{socket} for values %open;
    $meanwhile->() if $meanwhile;
    return;
}

# writes a piece; true if the client has finished with the connection

sub put {
    my ($c) = @_;

    my $piece = \$c->{pieces}[0];
    if (length $$piece) {
        my $n = syswrite $c->{socket}, $$piece;
        return !$!{EAGAIN} if !defined $n;
        substr $$piece, 0, $n, '';
    }
    return 0 if length $$piece;
    shift @{ $c->{pieces} };
    return 0 if @{ $c->{pieces} };
    shutdown $c->{socket}, 1 if $c->{end} eq 'half';
    return $c->{end} eq 'abort';
}

1;
