# SPDX-License-Identifier: BSD-2-Clause

# An error in a server under test fails the test unless it was announced: tests
# t/lib/Test/Gateway.pm with blocks that would otherwise pass.

use v5.28;
use warnings;
use lib 't/lib';

use Cwd qw( abs_path );
use File::Temp ();
use Test::Gateway::Gate;
use Test::More;

my $lib = abs_path('t/lib');
my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);


# Runs a test file with one block; returns its complaints.

sub block {
    my ($sections) = @_;

    open my $out, '>', "$dir/seeded.t" or die $!;
    print $out <<"END" . <<'END' . "$sections\n";
use lib '$lib';
END
use Test::Gateway;

sub append {
    open my $out, '>>', "$_[0]" or die $!;
    print $out "$_[1]\n";
    close $out;
}

sub log_line { append(server_root() . '/logs/error.log', $_[0]) }

sub nginx { local @ARGV = server_root() . '/logs/nginx.pid'; return <> + 0 }

sub gone {
    my ($pid) = @_;
    Test::Gateway::Server::wait_until(
        sub { !Test::Gateway::Server::alive($pid) });
}

sub worker {
    my $worker;
    Test::Gateway::Server::wait_until(sub {
        ($worker) = Test::Gateway::Server::children(nginx());
    });
    return $worker;
}

# before the server is stopped and its log is checked
add_test_cleanup_handler(sub {
    my ($block) = @_;
    return if !defined $block->at_end;
    eval 'package main;' . $block->at_end;
    die $@ if $@;
});

# Keeps the server running until a line was logged after it was told to exit.
sub log_at_shutdown {
    my ($line) = @_;
    my $socket = IO::Socket::INET->new('127.0.0.1:' . server_port()) or die $!;
    print $socket "GET / HTTP/1.1\r\nHost: x\r\nX-Half: ";

    # its log shows it; it needs time to accept the connection
    defined(my $child = fork) or die $!;
    return if $child;

    for (1 .. 1000) {
        open my $in, '<', server_root() . '/logs/error.log';
        my @told = grep { /gracefully shutting down|SIGQUIT/ } <$in>;
        last if @told;
        select undef, undef, undef, 0.005;
    }
    log_line($line);
    close $socket;
    POSIX::_exit(0);
}

run_tests();

__DATA__

=== TEST 1: seeded
--- config
location /a { return 200 a; }
--- request
GET /a
--- response_body: a
END
    close $out;

    # it must not depend on this pass or on the sanitizers of this run
    delete local @ENV{qw( GATEWAY_MASTER GATEWAY_REPORTS )};

    my $said = `prove --merge -v "$dir/seeded.t" 2>&1`;
    return () if $? == 0;

    my @complaints = $said =~ /^not ok \d+ - (.*)/mg;
    $complaints[0] .= $said if @complaints;
    return @complaints ? @complaints : $said;
}


clean(\&block, '', 'a block with nothing wrong passes');
clean(\&block, "--- master: 2\n", 'also with a master and workers');

for my $level (qw( alert crit emerg )) {
    my $init = "--- init\nlog_line('1 [$level] 1#1: seeded line');\n";

    fires(\&block, $init, qr/nothing went wrong.*\[$level\].*seeded line/s,
          "[$level] in the log");
    clean(\&block, "$init--- error_log\nseeded line\n", 'error_log announces');
    clean(\&block, "$init--- allow_log\nseeded line\n", 'allow_log announces');
}

my $late = "--- init\nlog_at_shutdown('1 [alert] 1#1: seeded late');\n";
fires(\&block, "--- master\n$late", qr/seeded late/,
      '[alert] while nginx shuts down');

fires(\&block, "--- master\n--- at_end\nmy \$pid = worker();"
               . " kill 'SEGV', \$pid; gone(\$pid);\n",
      qr/exited on signal 11/, 'a worker that crashed');

fires(\&block, "--- single\n--- at_end\nkill 'SEGV', nginx(); gone(nginx());\n",
      qr/had ended without being told to/, 'a process that crashed');

fires(\&block, "--- init\nappend(\"\$ENV{GATEWAY_REPORTS}/asan.1\","
               . " 'ERROR: AddressSanitizer: seeded');\n",
      qr/report of a sanitizer.*seeded/s, 'a report of a sanitizer');

fires(\&block, "--- init\nlog_line('x.c:1:2: runtime error: seeded');\n",
      qr/runtime error: seeded/, 'a report in the log');

done_testing;
