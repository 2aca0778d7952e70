# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Cache::Clients;

# Clients of the property tests of the cache: processes that send one request
# after the other, made by a sub of the test from a seed, and record the
# responses.
#
#   my $clients = clients(port => $port, h2 => $port2, seed => $seed, n => 6,
#                         n2 => 2, request => sub { ...; return \%request });
#   ...
#   my @records = $clients->stop;
#
# A request: method, host, target, fields (list of [ name, value ]), body, and
#
#   slow            the client takes so many seconds to read the response; curl
#                   reads 3 MB a second
#   leave           the client closes the connection after the head
#
# "n" processes use HTTP/1.1, "n2" processes curl with HTTP/2.  A record has the
# members of the request, and
#
#   t0, t1          the times before the request and after the response
#   status          0: no response, or an incomplete head
#   head            { name in lower case => value, the first one }
#   bytes           of the body; "wrong" is set if one does not match the
#                   response in X-Body
#   whole           whether the response is complete
#   rid             X-Rid, different for each request

use v5.28;
use warnings;

use Exporter qw( import );
use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use Socket qw( SOL_SOCKET SO_RCVBUF inet_aton pack_sockaddr_in );
use Storable ();
use Test::Gateway::Cache::Origin;
use Time::HiRes qw( sleep time );

our @EXPORT = qw( clients );

my $PATIENCE = 20;      # seconds for a response


sub clients {
    my (%arg) = @_;

    my $self = bless { dir => File::Temp->newdir('clients-XXXXXX',
                                                 TMPDIR => 1),
                       pids => [], owner => $$ }, __PACKAGE__;
    my $n = $arg{n} // 0;

    for my $i (0 .. $n + ($arg{n2} // 0) - 1) {
        defined(my $pid = fork) or die "fork: $!";
        if (!$pid) {
            eval { work($self->{dir}, $i, $i >= $n, \%arg); 1 }
                or print STDERR "client: $@";
            POSIX::_exit(0);
        }
        push @{ $self->{pids} }, $pid;
    }
    return $self;
}


# Ends the clients after their current requests; returns all records.

sub stop {
    my ($self) = @_;

    open my $out, '>', "$self->{dir}/stop" or die $!;
    close $out;
    waitpid $_, 0 for splice @{ $self->{pids} };
    return map { @{ Storable::retrieve($_) } } glob "$self->{dir}/records.*";
}

sub DESTROY {
    my ($self) = @_;

    return if $$ != $self->{owner};
    local ($?, $!);
    kill 'KILL', @{ $self->{pids} };
    waitpid $_, 0 for @{ $self->{pids} };
    return;
}


sub work {
    my ($dir, $i, $h2, $arg) = @_;

    my $seed = $arg->{seed} * 100 + $i;
    srand $seed;
    $SIG{PIPE} = 'IGNORE';
    my $c = { port => $arg->{port}, h2 => $arg->{h2}, dir => "$dir", i => $i };
    my ($n, @records) = (0);

    while (!-e "$dir/stop") {
        my @requests = map { $arg->{request}->() } 1 .. ($h2 ? 3 : 1);
        for my $request (@requests) {
            $request->{rid} = "$seed." . $n++;
            push @{ $request->{fields} }, [ 'X-Rid', $request->{rid} ];
        }
        push @records, $h2 ? ask_h2($c, @requests) : ask($c, $requests[0]);
        sleep 0.05 if !$records[-1]{status};
    }

    Storable::nstore(\@records, "$dir/records.$i");
    return;
}


sub judged {
    my ($record, $body) = @_;

    my $n = $record->{head}{'x-body'};
    my $range = $record->{head}{'content-range'} // '';
    my ($first) = $range =~ /^bytes (\d+)-/;
    $record->{bytes} = length $$body;
    $record->{wrong} = 1 if defined $n && $record->{method} ne 'HEAD'
                            && $record->{status} =~ /^20[06]$/
                            && $$body ne body_of($n, length $$body, $first);
    $record->{protocol} //= 1;
    delete @$record{qw( fields body )};
    return $record;
}

sub fields_of {
    my (@lines) = @_;

    my %head;
    for my $line (@lines) {
        my ($name, $value) = $line =~ /^([^:]+):\s*(.*?)\s*$/ or next;
        $head{lc $name} //= $value;
    }
    return \%head;
}


# The data of a request that the model needs, in its record.

sub record_of {
    my ($request) = @_;

    my %said = map { lc $_->[0] => $_->[1] } @{ $request->{fields} };
    return { %$request, said => \%said, status => 0, head => {}, t0 => time };
}


# --- HTTP/1.1, on a keepalive connection

sub ask {
    my ($c, $request) = @_;

    my $record = record_of($request);
    my $again = $c->{socket} ? 1 : 0;
    my $end = time + $PATIENCE;

    connect_anew($c, $request) if !$c->{socket} || $request->{slow};
    send_request($c, $request);
    my $head = $c->{socket} && read_head($c, $end);

    # a keepalive connection may have been closed meanwhile
    if (!$head && $again && $c->{in} eq '' && !$request->{slow}) {
        connect_anew($c, $request);
        send_request($c, $request);
        $head = $c->{socket} && read_head($c, $end);
    }

    my ($body, $whole) = ('', 0);
    if ($head) {
        my ($line, @lines) = split /\r\n/, $head;
        ($record->{status}) = $line =~ /^HTTP\/1\.1 (\d+)/;
        $record->{head} = fields_of(@lines);
        $whole = $request->{leave} ? 0
                 : read_body($c, $record, \$body, $end);
    }
    $record->{whole} = $whole;
    $record->{t1} = time;
    delete $c->{socket}
        if !$whole || $request->{slow}
           || ($record->{head}{connection} // '') eq 'close';
    return judged($record, \$body);
}


sub connect_anew {
    my ($c, $request) = @_;

    $c->{in} = '';
    socket my $socket, Socket::PF_INET(), Socket::SOCK_STREAM(), 0 or die $!;
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, 4096 if $request->{slow};
    my $there = connect $socket, pack_sockaddr_in($c->{port},
                                                  inet_aton('127.0.0.1'));
    $c->{socket} = $there ? $socket : undef;
    return;
}

sub send_request {
    my ($c, $request) = @_;

    return if !$c->{socket};
    my $body = $request->{body} // '';
    my $bytes = join "\r\n", "$request->{method} $request->{target} HTTP/1.1",
                "Host: $request->{host}",
                map({ "$_->[0]: $_->[1]" } @{ $request->{fields} }),
                length $body ? 'Content-Length: ' . length $body : (),
                '', $body;
    syswrite $c->{socket}, $bytes;
    return;
}


# false at the end of the connection, or after the timeout

sub more {
    my ($c, $end, $most) = @_;

    vec(my $bits = '', fileno $c->{socket}, 1) = 1;
    my $left = $end - time;
    return if $left <= 0 || !select $bits, undef, undef, $left;
    return sysread $c->{socket}, $c->{in}, $most // 262144, length $c->{in};
}

sub read_head {
    my ($c, $end) = @_;

    while (1) {
        my $at = index $c->{in}, "\r\n\r\n";
        if ($at >= 0) {
            my $head = substr $c->{in}, 0, $at + 4, '';
            return $head if $head !~ m{^HTTP/1\.1 1};
            next;
        }
        more($c, $end) or return;
    }
}


# true if it is complete

sub read_body {
    my ($c, $record, $body, $end) = @_;

    my ($head, $status) = @$record{qw( head status )};
    return 1 if $record->{method} eq 'HEAD' || $status == 304
                || $status == 204;
    my $more = paced($c, $record, $end);

    if (($head->{'transfer-encoding'} // '') eq 'chunked') {
        while (1) {
            my $at = index $c->{in}, "\r\n";
            if ($at < 0) { $more->() or return 0; next }
            my $n = hex substr $c->{in}, 0, $at;
            while (length $c->{in} < $at + $n + 4) { $more->() or return 0 }
            $$body .= substr $c->{in}, $at + 2, $n;
            substr $c->{in}, 0, $at + $n + 4, '';
            return 1 if $n == 0;
        }
    }

    my $length = $head->{'content-length'} // 1e9;
    while (length $c->{in} < $length) { $more->() or last }
    $$body = substr $c->{in}, 0, $length, '';
    return length $$body == $length;
}

sub paced {
    my ($c, $record, $end) = @_;

    return sub { more($c, $end) } if !$record->{slow};
    my $fast = time + $record->{slow};
    return sub {
        sleep 0.02 if time < $fast;
        return more($c, $end, time < $fast ? 4096 : undef);
    };
}


# --- HTTP/2: several requests on one connection

sub ask_h2 {
    my ($c, @requests) = @_;

    my ($i, @command, @records) = (0, qw( curl -s --no-progress-meter ));
    my $file = "$c->{dir}/h2.$c->{i}";

    for my $request (@requests) {
        push @command, qw( --next -s --no-progress-meter ) if $i;
        push @command, '--max-time', $PATIENCE, '--http2', '-k', '-o', "$file.body.$i", '-D',
            "$file.head.$i", '-w', "$i=%{exitcode}\\n", '--path-as-is',
            '-H', "Host: $request->{host}",
            map({ ('-H', "$_->[0]: $_->[1]") } @{ $request->{fields} }),
            $request->{method} eq 'HEAD' ? '-I' : ('-X', $request->{method}),
            defined $request->{body} ? ('--data-binary', $request->{body}) : (),
            $request->{slow} ? ('--limit-rate', '3m') : (),
            "https://127.0.0.1:$c->{h2}$request->{target}";
        push @records, record_of($request);
        $i++;
    }

    open my $said, '>&', \*STDERR or die $!;
    open STDERR, '>', '/dev/null' or die $!;
    open my $curl, '-|', @command or die "curl: $!";
    my %exit = map { /^(\d+)=(\d+)/ ? ($1 => $2) : () } <$curl>;
    close $curl;
    open STDERR, '>&', $said or die $!;
    my $t1 = time;
    return map { read_h2($file, $_, $records[$_], $exit{$_}, $t1) }
           0 .. $#records;
}


sub read_h2 {
    my ($file, $i, $record, $exit, $t1) = @_;

    my ($head, $body) = map { my $bytes = '';
        if (open my $in, '<:raw', $_) { local $/; $bytes = <$in> // '' }
        unlink $_;
        $bytes } "$file.head.$i", "$file.body.$i";

    ($record->{status}) = $head =~ m{^HTTP/2 (\d+)} ? $1 : 0;
    $record->{status} = 0 if $head !~ /\r\n\r\n\z/;
    $record->{head} = fields_of(split /\r\n/, $head);
    $record->{whole} = defined $exit && $exit == 0 ? 1 : 0;
    $record->{t1} = $t1;
    $record->{protocol} = 2;
    $body = '' if $record->{method} eq 'HEAD';
    return judged($record, \$body);
}

1;
