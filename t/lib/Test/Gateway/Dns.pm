# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Dns;

# A DNS server on loopback with the same addresses for each name, which a test
# changes.  It ends with the test's process.
#
#   my $dns = dns('127.0.0.1', ttl => 300);     the default of ttl is 0
#   resolver 127.0.0.1:@{[ $dns->port ]} ipv6=off;
#   $dns->moves('127.0.0.9');                   another address
#   $dns->moves('127.0.0.8 127.0.0.9');         several
#   $dns->moves('random 5');                    up to 5 addresses in 127.0.0.0/8,
#                                               others in each answer
#   $dns->forgets;                              no name exists

use v5.28;
use warnings;

use Exporter qw( import );
use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use Test::Gateway::Server ();

our @EXPORT = qw( dns );


sub dns {
    my ($address, %arg) = @_;

    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp')
        or die "udp: $!";
    my $self = bless { port => $socket->sockport, dir => File::Temp->newdir,
                       owner => $$ }, __PACKAGE__;
    $self->moves($address);

    defined($self->{pid} = fork) or die "fork: $!";
    if (!$self->{pid}) {
        serve($socket, $self->file, $arg{ttl} // 0);
        POSIX::_exit(0);
    }
    return $self;
}

sub port { $_[0]{port} }
sub file { "$_[0]{dir}/address" }

sub moves { Test::Gateway::Server::write_file($_[0]->file, $_[1] // '') }
sub forgets { $_[0]->moves }

sub DESTROY {
    my ($self) = @_;

    return if $$ != $self->{owner} || !$self->{pid};
    local ($?, $!);
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    return;
}


# Answers each question of type A with the addresses in the file.

sub serve {
    my ($socket, $file, $ttl) = @_;

    # exits with the test, even if the test dies
    my $test = getppid;
    $SIG{ALRM} = sub { POSIX::_exit(0) if getppid != $test; alarm 1 };
    alarm 1;

    while (1) {
        defined $socket->recv(my $question, 512) or next;
        my ($id) = unpack 'n', $question;
        my ($name, $type) = substr($question, 12) =~ /^(.*?\0)(..)/s or next;

        my @addresses = split ' ', Test::Gateway::Server::slurp($file);
        my $code = @addresses ? 0x8180 : 0x8183;

        if (@addresses && $addresses[0] eq 'random') {
            @addresses = map { join '.', 127, map { 1 + int rand 254 } 1 .. 3 }
                         1 .. int rand 1 + $addresses[1];
        }
        @addresses = () if $type ne "\0\1";

        $socket->send(pack('n6', $id, $code, 1, scalar @addresses, 0, 0)
                      . $name . $type . "\0\1"
                      . join '', map { pack('n3Nn', 0xc00c, 1, 1, $ttl, 4)
                                       . pack('C4', split /\./) } @addresses);
    }
}

1;
