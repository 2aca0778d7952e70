# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Dns;

# A DNS server on loopback with one address for each name, which a test changes.
# It ends with the test's process.
#
#   my $dns = dns('127.0.0.1', ttl => 300);     the default of ttl is 0
#   resolver 127.0.0.1:@{[ $dns->port ]} ipv6=off;
#   $dns->moves('127.0.0.9');                   another address
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


# Answers each question of type A with the address in the file.

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

        my $address = Test::Gateway::Server::slurp($file);
        my $known = $type eq "\0\1" && length $address;
        my $code = length $address ? 0x8180 : 0x8183;
        my $answer = pack('n6', $id, $code, 1, $known ? 1 : 0, 0, 0)
                     . $name . $type . "\0\1";
        $answer .= pack('n3Nn', 0xc00c, 1, 1, $ttl, 4)
                   . pack('C4', split /\./, $address) if $known;
        $socket->send($answer);
    }
}

1;
