# SPDX-License-Identifier: BSD-2-Clause

# A name whose address changes: nginx uses the old address for the TTL of the
# answer, or for the time of "valid=" of "resolver".

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Redis;
use Test::Gateway::Server;
use Test::More;

my $redis = start_redis();
my $folder = File::Temp->newdir;
my $dns = free_port();
my $resolver = dns($dns, 300);

for my $case ([ '', 'the TTL of an answer counts' ],
              [ ' valid=1s', 'valid= replaces the TTL' ])
{
    my ($valid, $name) = @$case;

    moved_to('127.0.0.1');
    my $nginx = start_nginx(workers => 1, http => <<"END", server => <<'END');
    resolver 127.0.0.1:$dns ipv6=off$valid;
    gateway_redis fleet { server redis.example:@{[ $redis->port ]}; }
    gateway_limit_zone \$hostname zone=z:1m rate=1000r/s burst=1000000
                       redis=fleet on_error=closed;
END
    location / { gateway_limit zone=z; empty_gif; }
END
    my $status = sub { ($nginx->get('/'))[0] };
    is(wait_until(sub { $status->() == 200 }, 10), 1, "$name: connected");

    # nothing listens at the new address; the connection breaks
    moved_to('127.0.0.9');
    my $end = time + 3;
    my %seen;
    while (time < $end || !$seen{done}) {
        $redis->cli('CLIENT', 'KILL', 'TYPE', 'normal');
        $status->();
        $seen{done} = $valid eq '' ? $status->() == 200
                                   : $nginx->log =~ /127\.0\.0\.9/;
        last if time > $end + 10;
    }

    if ($valid eq '') {
        unlike($nginx->log, qr/127\.0\.0\.9/, "$name: the old address");
        is(wait_until(sub { $status->() == 200 }, 10), 1, "$name: and works");

    } else {
        like($nginx->log, qr/connect\(\) to 127\.0\.0\.9:\d+ failed/,
             "$name: the new address");
        moved_to('127.0.0.1');
        is(wait_until(sub { $status->() == 200 }, 15), 1,
           "$name: and back again");
    }
    $nginx->stop("$name: nothing went wrong unannounced");
}

kill 'KILL', $resolver;
waitpid $resolver, 0;
$redis->stop;
done_testing();


sub moved_to { write_file("$folder/address", "$_[0]\n") }


# A DNS server that answers each question of type A with the address of the file.

sub dns {
    my ($port, $ttl) = @_;

    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp',
                                       LocalPort => $port) or die "udp: $!";
    my $test = $$;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;

    # exits with the test, even if the test dies
    $SIG{ALRM} = sub { POSIX::_exit(0) if getppid != $test; alarm 1 };
    alarm 1;

    while (1) {
        defined $socket->recv(my $question, 512) or next;
        my ($id) = unpack 'n', $question;
        my ($name, $type) = substr($question, 12) =~ /^(.*?\0)(..)/s or next;
        my ($address) = Test::Gateway::Server::slurp("$folder/address")
                        =~ /(\S+)/;
        my $known = $type eq "\0\1";
        my $answer = pack('n6', $id, 0x8180, 1, $known ? 1 : 0, 0, 0)
                     . $name . $type . "\0\1";
        $answer .= pack('n3Nn', 0xc00c, 1, 1, $ttl, 4)
                   . pack('C4', split /\./, $address) if $known;
        $socket->send($answer);
    }
}
