# SPDX-License-Identifier: BSD-2-Clause

# make run: the commands that it prints are run in a shell and return what their
# comments announce, each request is logged, and all files are removed.

use v5.28;
use warnings;
use lib qw( t/lib t/tool );

use File::Temp ();
use IPC::Open3 qw( open3 );
use POSIX qw( WNOHANG );
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

my $tmp = File::Temp->newdir('gateway-run-XXXXXX', TMPDIR => 1);
my $port = free_port();

# workers of an nginx that root started run as another user
chmod 0755, "$tmp";

local $ENV{PORT} = $port;
local $ENV{OBJS} = $ENV{GATEWAY_OBJS} // 'objs';
local $ENV{NGINX_BINARY} = $ENV{TEST_NGINX_BINARY} // '';
delete $ENV{NGINX_BINARY} if $ENV{NGINX_BINARY} eq '';

sub slurp { Test::Gateway::Server::slurp(@_) }


# a program, with its output in a file

sub start {
    my ($file, @command) = @_;

    open my $out, '>', $file or die "$file: $!";
    my $pid = open3(my $in, '>&' . fileno $out, undef, @command);
    close $in;
    return $pid;
}


sub run_in_shell {
    my ($text) = @_;

    write_file("$tmp/paste", $text);
    waitpid start("$tmp/answer", 'bash', "$tmp/paste"), 0;
    return slurp("$tmp/answer");
}


# the output of "make run" so far: its text, and the records

sub printed {
    my ($words, $records) = split /Ctrl-C ends it\.\n\n/, slurp("$tmp/printed");

    return ($words, grep { /\S/ } split /^/, $records // '');
}


mkdir "$tmp/tmp" and chmod 0755, "$tmp/tmp" or die "$tmp/tmp: $!";
my $pid = do {
    local $ENV{TMPDIR} = "$tmp/tmp";
    start("$tmp/printed", 'tools/run');
};

ok(wait_until(sub { slurp("$tmp/printed") =~ /Ctrl-C ends it/ }, 20),
   'make run prints commands')
    or diag(slurp("$tmp/printed"));

my ($words) = printed();
my $commands = join '', map { "$_\n" } $words =~ /^  (\S.*|    .*)$/mg;
my %secret = $commands =~ /^(ACME|INITECH|TOKEN)=(\S+)$/mg;
is(scalar keys %secret, 3, 'two keys and a token');
like($words, qr{^  http://127\.0\.0\.1:$port/gateway/$}m, 'and the URL of the live page');


# each command answers the status that its comment announces

my $answer = run_in_shell($commands);
my @got = $answer =~ m{^HTTP/1\.1 (\d+)}mg;
my @told = map { /: (\d+)(?:,|;|$)/ } $words =~ /^  # (.*)$/mg;

is_deeply(\@told, [ 401, 200, 403, 200, 429 ], 'what the comments announce');
is_deeply([ @got[0 .. 3] ], [ @told[0 .. 3] ], 'is what comes');
is_deeply([ @got[4 .. $#got] ], [ (200) x 4, (429) x 2 ],
          'and, after one request of the same consumer, four more pass');
like($answer, qr/^  X-Consumer-ID:     acme\r?$/m, 'the upstream knows who asks');


# a record of each

ok(wait_until(sub { my (undef, @lines) = printed(); @lines >= @got }, 10),
   'a line for each request');
my (undef, @lines) = printed();
my @records = map { json_of($_) } @lines;

is_deeply([ map { $_->{status} } @records ], \@got, 'which is its record');
is_deeply([ map { $_->{consumer} } @records[0 .. 4] ],
          [ undef, 'acme', 'initech', 'alice', 'acme' ], 'who has asked');
is_deeply([ map { $_->{auth_reason} } @records[0 .. 3] ],
          [ 'missing', undef, 'insufficient_scope', undef ], 'and why not');
is($records[-1]{limits}[0]{result}, 'REJECTED', 'which limit has refused');
is(scalar(grep { index("@lines", $_) >= 0 } values %secret), 0,
   'no key and no token is in a record');


# README.md shows the record of the second request

my ($shown) = slurp('README.md') =~ /^```json\n(\{"time".*?)^```$/ms;
$shown = json_of(($shown // '{}') =~ s/\n\s*//gr);
is_deeply([ sort keys %$shown ], [ sort keys %{ $records[1] } ],
          'README.md shows the members of the record');
is_deeply([ map { [ sort keys %$_ ] } $shown->{upstream}[0], $shown->{limits}[0] ],
          [ map { [ sort keys %$_ ] } $records[1]{upstream}[0],
                                      $records[1]{limits}[0] ],
          'and those inside');
is_deeply([ @{$shown}{qw( status method path consumer auth_method limits )} ],
          [ @{ $records[1] }{qw( status method path consumer auth_method
                                 limits )} ],
          'and what they say');


# its end

kill 'TERM', $pid;
ok(wait_until(sub { waitpid($pid, WNOHANG) == $pid }, 15), 'it ends');
is($?, 0, 'without an error');
undef $pid;
is_deeply([ glob "$tmp/tmp/*" ], [], 'and leaves nothing behind');
like(run_in_shell("curl -si http://127.0.0.1:$port/orders; echo code \$?\n"),
     qr/^code 7$/m, 'nothing listens any more');

END { kill 'TERM', $pid if $pid }

done_testing;
