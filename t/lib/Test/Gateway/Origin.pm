# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Origin;

# An origin server that counts and records requests, and answers each path as
# set by the test.  It is one process, for hundreds of concurrent connections;
# it ends with the test's process.
#
#   my $origin = origin();
#   proxy_pass http://127.0.0.1:@{[ $origin->port ]};
#
#   $origin->answer('/path', head => [ 'Cache-Control: max-age=60' ]);
#   $origin->answer('/path', { status => 200 }, { status => 503 });
#
# sets the responses to the first, second and later requests; the last one is
# repeated.  The path with the query is looked up first, then the path, then
# "*".  Members:
#
#   status, reason   200, "OK"
#   head             lines, sent unchanged before the generated ones
#   body, size       the body, or its length (see origin_body); the default is
#                    the number of the request for this path, and its target
#   framing          length (default), chunked, close (the body ends with the
#                    connection) or none (the body is sent without such a line)
#   interim          text sent before the response
#   trailers         lines after a chunked body
#   delay            seconds before the head
#   pause, after     a pause of so many seconds after so many bytes of the body
#                    (default: half of it)
#   drip             a pause of so many seconds before each byte of the body
#   hold             the response waits for $origin->release($path)
#   truncate         the connection is closed after so many bytes of the body;
#                    with reset => 1 it is reset
#   etag, modified   the ETag and Last-Modified lines; a request whose
#                    conditions match receives a 304
#   not_modified     the lines of the 304 instead of "head"
#   ranges           a request with a single range receives a 206 or 416
#
#   count($path), requests($path)    without a path: of all paths
#   held($path)                      the number of responses that wait
#   release($path)                   ends "hold" for the path, also for later
#                                    requests
#   connections                      the maximum of concurrent connections
#   forget                           deletes answers, requests and counts
#   stop                             ends the process
#
#   my $origin = origin(sub { my ($request) = @_; ...; return \%answer });
#
# A sub returns the answer to each request in the process of the origin, which
# then records no requests.
#
#   my $origin = origin(undef, port => $port);
#
# listens on this port, such as that of an origin that was stopped.
#
# A path with a query is compared with the whole target, otherwise with the
# target without its query.  A request is { method, target, path, query,
# version, fields => [ [ name, value ], ... ], head, body, at, n, done, aborted
# }; "head" are the bytes up to the empty line, "done" is set once its response
# has been written completely, "aborted" if the client has left before.

use v5.28;
use warnings;

use Errno qw( EAGAIN EINTR EWOULDBLOCK );
use Exporter qw( import );
use IO::Poll qw( POLLIN POLLOUT POLLERR POLLHUP );
use IO::Socket::INET;
use POSIX ();
use Socket qw( AF_UNIX PF_UNSPEC SOCK_STREAM SOL_SOCKET SO_LINGER );
use Storable ();
use Time::HiRes qw( time );
use Time::Piece ();

our @EXPORT = qw( origin origin_body field );

my %reason = (200 => 'OK', 204 => 'No Content', 206 => 'Partial Content',
              304 => 'Not Modified', 404 => 'Not Found',
              416 => 'Range Not Satisfiable', 500 => 'Internal Server Error',
              503 => 'Service Unavailable');


# --- the test's side

sub origin {
    my ($code, %arg) = @_;

    my $listen = IO::Socket::INET->new(Listen => 1024, Blocking => 0,
                                       LocalAddr => '127.0.0.1',
                                       $arg{port} ? (LocalPort => $arg{port},
                                                     ReuseAddr => 1) : ())
        or die "listen: $!";
    socketpair my $mine, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "socketpair: $!";

    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        close $mine;
        eval { serve($listen, $theirs, $code); 1 } or print STDERR "origin: $@";
        POSIX::_exit(0);
    }

    return bless { port => $listen->sockport, control => $mine, pid => $pid,
                   owner => $$ }, __PACKAGE__;
}


sub port { $_[0]{port} }

sub answer {
    my ($self, $path, @answers) = @_;

    return $self->ask('answer', $path, ref $answers[0] ? @answers
                                                       : { @answers });
}

sub count    { scalar requests(@_) }
sub requests { my $self = shift; return @{ $self->ask('requests', @_) } }

for my $name (qw( held release connections forget )) {
    no strict 'refs';
    *$name = sub { my $self = shift; return $self->ask($name, @_) };
}


sub stop {
    my ($self) = @_;

    my $control = delete $self->{control} or return;
    return if $$ != $self->{owner};
    send_message($control, [ 'stop' ]);
    waitpid $self->{pid}, 0;
    return;
}

sub DESTROY {
    my ($self) = @_;

    local ($?, $!, $@, $SIG{PIPE});
    $SIG{PIPE} = 'IGNORE';
    $self->stop;
    return;
}


sub ask {
    my ($self, @question) = @_;

    send_message($self->{control}, \@question);
    return ${ read_message($self->{control}) // die "the origin is gone\n" };
}

sub send_message {
    my ($socket, $message) = @_;

    my $bytes = Storable::freeze($message);
    print { $socket } pack('N', length $bytes) . $bytes;
    $socket->flush;
    return;
}

sub read_message {
    my ($socket) = @_;

    my $length = read_bytes($socket, 4) // return;
    return Storable::thaw(read_bytes($socket, unpack 'N', $length) // return);
}

sub read_bytes {
    my ($socket, $n) = @_;

    my $bytes = '';
    while (length $bytes < $n) {
        my $got = sysread $socket, $bytes, $n - length $bytes, length $bytes;
        next if !defined $got && $! == EINTR;
        return if !$got;
    }
    return $bytes;
}


# The body of "size" bytes: each block of 16 bytes is its own offset.  A large
# body is kept, and an origin that is started afterwards has it as well.

sub origin_body {
    my ($size) = @_;

    state %kept;
    my $body = $kept{$size}
               // substr join('', map { sprintf "%015x\n", 16 * $_ }
                                  0 .. int($size / 16)), 0, $size;
    $kept{$size} = $body if $size > 1_000_000;
    return $body;
}


# The joined values of a field of a recorded request; undef if there is none.

sub field {
    my ($request, $name) = @_;

    my @values = map { $_->[1] } grep { lc $_->[0] eq lc $name }
                 @{ $request->{fields} };
    return @values ? join ', ', @values : undef;
}


# --- the server's side: all of its state

my ($poll, $listen, $control, $code);
my (%connection, %answers, %used, %count, %released, @requests);
my $most = 0;

sub serve {
    ($listen, $control, $code) = @_;

    $SIG{PIPE} = 'IGNORE';
    $poll = IO::Poll->new;
    $poll->mask($_ => POLLIN) for $listen, $control;

    while (1) {
        $poll->poll(next_timer());
        my @ready = $poll->handles(POLLIN | POLLOUT | POLLERR | POLLHUP);

        for my $socket (@ready) {
            if ($socket == $control) { obey() or return }
            elsif ($socket == $listen) { admit() }
            elsif (defined fileno $socket) {   # not closed in this turn
                attend($connection{fileno $socket} // next)
            }
        }
        wake();
    }
}


sub next_timer {
    my @times = map { $_->{wake} // () } values %connection;
    return -1 if !@times;

    my ($first) = sort { $a <=> $b } @times;
    my $rest = $first - time;
    return $rest > 0 ? $rest : 0;
}

sub wake {
    my $now = time;
    for my $c (grep { defined $_->{wake} && $_->{wake} <= $now }
               values %connection) {
        delete $c->{wake};
        advance($c);
    }
    return;
}


sub obey {
    my ($name, @arguments) = @{ read_message($control) // return };
    return if $name eq 'stop';

    my %command = (
        answer => sub {
            my ($path, @list) = @_;
            $answers{$path} = \@list;
            delete @$_{$path} for \%released, \%used;
        },
        requests    => sub { [ grep { is_for($_, @_) } @requests ] },
        held        => sub { scalar grep { $_->{held}
                                           && is_for($_->{request}, @_) }
                             values %connection },
        release     => \&release_path,
        connections => sub { $most },
        forget      => sub { %$_ = () for \(%answers, %used, %count,
                                              %released);
                             @requests = () },
    );

    my $result = $command{$name}->(@arguments);
    send_message($control, \($name =~ /^(?:answer|forget|release)$/
                             ? 1 : $result));
    return 1;
}

sub is_for {
    my ($request, $path) = @_;

    return !defined $path || $request->{$path =~ /\?/ ? 'target' : 'path'}
                             eq $path;
}

sub release_path {
    my ($path) = @_;

    $released{$path} = 1;
    for my $c (grep { $_->{held} && is_for($_->{request}, $path) }
               values %connection) {
        delete $c->{held};
        advance($c);
    }
    return;
}


# --- connections

sub admit {
    while (my $socket = $listen->accept) {
        $socket->blocking(0);
        $connection{fileno $socket} = { socket => $socket, in => '',
                                        out => '', steps => [] };
        $poll->mask($socket => POLLIN);
    }
    $most = keys %connection if keys %connection > $most;
    return;
}


sub attend {
    my ($c) = @_;

    my $events = $poll->events($c->{socket});

    if ($events & (POLLIN | POLLERR | POLLHUP)) {
        my $n = sysread $c->{socket}, $c->{in}, 65536, length $c->{in};
        return if !defined $n && ($! == EAGAIN || $! == EINTR);
        return gone($c) if !$n;
    }
    return advance($c);
}

sub gone {
    my ($c) = @_;

    $c->{request}{aborted} = 1 if $c->{request} && !$c->{request}{done};
    return finish($c);
}

sub finish {
    my ($c, $reset) = @_;

    setsockopt $c->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $reset;
    $poll->remove($c->{socket});
    delete $connection{fileno $c->{socket}};
    close $c->{socket};
    return;
}


# Continues as far as possible without waiting: output, steps of the response,
# the next request on the connection.  A step is { bytes, wait, hold, close }.

sub advance {
    my ($c) = @_;

    while (1) {
        return if $c->{held} || defined $c->{wake} || !flush($c);

        if (my $step = shift @{ $c->{steps} }) {
            return finish($c, $step->{reset}) if $step->{close};
            $c->{out} .= $step->{bytes} // '';
            $c->{wake} = time + $step->{wait} if $step->{wait};
            $c->{held} = 1 if $step->{hold} && !released($c->{request});
            $c->{request}{done} = 1 if $step->{done};

        } else {
            my $request = parse($c) // return;
            respond($c, $request);
        }
    }
}

sub released {
    my ($request) = @_;
    return $released{$request->{target}} || $released{$request->{path}};
}

sub flush {
    my ($c) = @_;

    while (length $c->{out}) {
        my $n = syswrite $c->{socket}, $c->{out};
        if (!defined $n) {
            next if $! == EINTR;
            if ($! != EAGAIN && $! != EWOULDBLOCK) { gone($c); return 0 }
            $poll->mask($c->{socket} => POLLIN | POLLOUT);
            return 0;
        }
        substr $c->{out}, 0, $n, '';
    }
    $poll->mask($c->{socket} => POLLIN);
    return 1;
}


# --- requests

sub parse {
    my ($c) = @_;

    my $end = index $c->{in}, "\r\n\r\n";
    return if $end < 0;

    my $head = substr $c->{in}, 0, $end + 4;
    my ($line, @lines) = split /\r\n/, $head;
    my ($method, $target, $version) = split / /, $line, 3;
    my ($path, $query) = split /\?/, $target, 2;
    my @fields = map { [ /^([^:]*):[ \t]*(.*?)[ \t]*$/ ] } @lines;
    my $request = { method => $method, target => $target, path => $path,
                    query => $query, version => $version, fields => \@fields,
                    head => $head };

    my ($body, $rest) = body_of($request, substr $c->{in}, $end + 4);
    return if !defined $body;

    $c->{in} = $rest;
    @$request{qw( body at n )} = ($body, time, ++$count{$path});
    push @requests, $request if !$code;
    return $c->{request} = $request;
}


# (body, the bytes after it); empty until the end has been received

sub body_of {
    my ($request, $bytes) = @_;

    if ((field($request, 'Transfer-Encoding') // '') =~ /chunked/i) {
        my $body = '';
        while ($bytes =~ s/^([0-9a-f]+)[^\r\n]*\r\n//i) {
            my $n = hex $1;
            return if length $bytes < $n + 2;
            $body .= substr $bytes, 0, $n, '';
            substr $bytes, 0, 2, '';
            return ($body, $bytes) if $n == 0;
        }
        return;
    }

    my $length = field($request, 'Content-Length') // 0;
    return if length $bytes < $length;
    return (substr($bytes, 0, $length), substr $bytes, $length);
}


# --- responses

sub respond {
    my ($c, $request) = @_;

    my %answer = %{ $code ? $code->($request) : planned($request) };

    $answer{body} //= defined $answer{size}
                      ? origin_body($answer{size})
                      : "$request->{n} $request->{target}\n";
    $answer{status} //= 200;
    validate($request, \%answer);

    $c->{steps} = [ steps($request, \%answer) ];
    return;
}


sub planned {
    my ($request) = @_;

    my ($key) = grep { $answers{$_} } @$request{qw( target path )}, '*';
    my $list = defined $key ? $answers{$key} : [ {} ];
    my $i = $used{$key // ''}++;
    return $list->[$i < @$list ? $i : -1];
}


# Conditions and ranges (RFC 9110, 13.2.2).

sub validate {
    my ($request, $answer) = @_;

    push @{ $answer->{made} }, "ETag: $answer->{etag}" if $answer->{etag};
    push @{ $answer->{made} }, "Last-Modified: $answer->{modified}"
        if $answer->{modified};
    return if $answer->{status} != 200;

    if (is_current($request, $answer)) {
        $answer->{status} = 304;
        $answer->{head} = $answer->{not_modified} // $answer->{head};

    } elsif ($answer->{ranges}) {
        cut($request, $answer);
    }
    return;
}

sub is_current {
    my ($request, $answer) = @_;

    my $tags = field($request, 'If-None-Match');
    if (defined $tags) {
        my $etag = ($answer->{etag} // return 0) =~ s{^W/}{}r;
        return 1 if $tags eq '*';
        return scalar grep { s{^W/}{}r eq $etag }
                      $tags =~ m{(?:W/)?"[^"]*"}g;
    }

    my $since = field($request, 'If-Modified-Since');
    return 0 if !defined $since || !$answer->{modified};
    return epoch($answer->{modified}) <= epoch($since);
}

sub epoch {
    my $time = eval { Time::Piece->strptime($_[0],
                                            '%a, %d %b %Y %H:%M:%S GMT') };
    return $time ? $time->epoch : 0;
}

sub cut {
    my ($request, $answer) = @_;

    my $size = length $answer->{body};
    push @{ $answer->{made} }, 'Accept-Ranges: bytes';

    my ($first, $last) = (field($request, 'Range') // '')
                         =~ /^bytes=(\d*)-(\d*)$/ or return;
    return if !length "$first$last";

    my $if = field($request, 'If-Range');
    return if defined $if && $if ne ($answer->{etag} // '')
              && $if ne ($answer->{modified} // '');

    if (!length $first) {
        ($first, $last) = ($last > $size ? 0 : $size - $last,
                           $last ? $size - 1 : -1);
    }
    $last = $size - 1 if !length $last || $last >= $size;

    my $fits = $first <= $last;
    $answer->{status} = $fits ? 206 : 416;
    push @{ $answer->{made} }, 'Content-Range: bytes '
                               . ($fits ? "$first-$last" : '*') . "/$size";
    $answer->{body} = $fits ? substr $answer->{body}, $first,
                                     $last - $first + 1 : '';
    return;
}


sub steps {
    my ($request, $answer) = @_;

    my $status = $answer->{status};
    my $framing = $answer->{framing} // 'length';
    my $bare = $status == 204 || $status == 304;
    my $has_body = !$bare && $request->{method} ne 'HEAD';
    my $cut = $has_body && defined $answer->{truncate};
    my $close = $cut || $framing eq 'close' && !$bare
                || $request->{version} ne 'HTTP/1.1'
                || (field($request, 'Connection') // '') =~ /close/i;

    my @made = ($bare || $framing =~ /^(?:close|none)$/ ? ()
                : $framing eq 'chunked' ? 'Transfer-Encoding: chunked'
                : 'Content-Length: ' . length $answer->{body},
                $close ? 'Connection: close' : ());
    my $reason = $answer->{reason} // $reason{$status} // 'Status';
    my $head = join '', ($answer->{interim} // ''), map { "$_\r\n" }
               "HTTP/1.1 $status $reason", @{ $answer->{head} // [] },
               @{ $answer->{made} // [] }, @made, '';

    return ({ hold => $answer->{hold}, wait => $answer->{delay} },
            { bytes => $head },
            $has_body ? body_steps($answer, $framing eq 'chunked') : (),
            { done => !$cut },
            $close ? { close => 1, reset => $cut && $answer->{reset} } : ());
}


# The part of the body that is sent, with its pause.

sub body_steps {
    my ($answer, $chunked) = @_;

    my $body = $answer->{body};
    my $end = $answer->{truncate} // length $body;
    $end = length $body if $end > length $body;
    my $after = $answer->{pause} ? $answer->{after} // int length($body) / 2
                                 : $end;
    $after = $end if $after > $end;

    my @pieces = grep { length } substr($body, 0, $after),
                                 substr($body, $after, $end - $after);
    if ($chunked) {
        $_ = sprintf("%x\r\n", length) . "$_\r\n" for @pieces;
        push @pieces, join '', map { "$_\r\n" }
                      '0', @{ $answer->{trailers} // [] }, ''
            if !defined $answer->{truncate};
    }

    my @steps = defined $answer->{drip}
                ? map { { wait => $answer->{drip} }, { bytes => $_ } }
                  map { split // } @pieces
                : map { { bytes => $_ } } @pieces;
    splice @steps, $after ? 1 : 0, 0, { wait => $answer->{pause} }
        if $answer->{pause} && @steps;
    return @steps;
}

1;
