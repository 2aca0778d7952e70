# SPDX-License-Identifier: BSD-2-Clause

# Consumers after reloads with the same zone, with another one, and without one.
# The messages of "nginx -t", also while a server runs.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Consumer;
use Test::Gateway::Swap;

use Test::More;
use Time::HiRes qw( sleep );

BEGIN { $Test::Gateway::More = 1 }

my ($server, $port, $dir);

sub start {
    my (%part) = @_;

    $port = free_port();
    $server = start_nginx(conf => swap_conf(port => $port, %part),
                          port => $port,
                          files => { 'consumers.json' => version_of(1),
                                     %{ $part{files} // {} } });
    $dir = $server->dir;
}

sub write_set { write_file("$dir/" . ($_[1] // 'consumers.json'), $_[0]) }

sub conf { swap_conf(port => $port, @_) }

sub answers {
    my ($n) = @_;

    my %count;
    $count{ ask($server) }++ for 1 .. $n;
    return CORE::join ' ', map { "$_:$count{$_}" } sort keys %count;
}

sub becomes {
    my ($version) = @_;
    return wait_until(sub { ask($server) eq $version }, 10);
}

sub above_notice { CORE::join '', told($server, qr/\[(?:warn|error)\]/) }


# --- the same zone

start(watch => '1h');
is(answers(20), '1:20', 'a set');
write_set(version_of(2));
ok($server->reload, 'the same zone and a changed file');
is(answers(20), '2:20', 'the new set');
ok($server->reload, 'and an unchanged one');
is(answers(20), '2:20', 'the same set');
is(scalar(told($server, qr/has changed/)), 0, 'no worker had to read it');

# --- another size, another name, another path

for my $zone ('c:2m', 'c:1m', 'd:1m', 'd:3m') {
    state $version = 2;
    $version++;
    write_set(version_of($version));
    ok($server->reload(conf(zone => $zone, watch => '1h')), "zone=$zone");
    is(answers(20), "$version:20", 'the new set');
}
is(above_notice(), '', 'nothing above notice');
$server->stop;


# --- another path: old workers do not replace the new set with their old file

start(files => { 'other.json' => version_of('b1') });

# a request in progress keeps an old worker

my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die "connect: $!";
print $socket "GET / HTTP/1.1\r\nHost: x\r\n";
answers(20);

$server->reload(conf(file => 'other.json'), wait => 0);
ok(becomes('b1'), 'another path');
wait_until(sub { told($server, qr/gracefully shutting down/) });
for my $version (2 .. 4) {
    write_set(version_of($version));
    sleep 0.15;
    is(answers(20), 'b1:20', 'its old file changes, and nobody cares');
}
write_set(version_of('b2'), 'other.json');
ok(becomes('b2'), 'the new one is watched');
is(answers(20), 'b2:20', 'by all');
is(scalar(told($server, qr{consumers\.json": has changed})), 0,
   'nobody has read the old one');

print $socket "X-API-Key: " . api_key('acme') . "\r\nConnection: close\r\n\r\n";
my $late = CORE::join '', <$socket>;
like($late, qr/^X-Is: plan-b2\|b2\|group-b2\r$/m,
     'a leaving worker that shares the zone answers by the set in force');
$server->stop;


# --- a reload that is refused

start(watch => '1h');
$server->allow('gateway_consumers');
my @workers = $server->workers;

write_set(json({ consumers => [ { id => '' }, { id => 'a', plan => 1 } ] }));
$server->reload(undef, wait => 0);
ok(wait_until(sub { 2 == told($server, qr/\[emerg\]/) }),
   'a broken file refuses the reload');
my @emerg = map { s/^.*\[emerg\] [^ ]+ //r =~ s/nginx\.conf:\d+/nginx.conf:n/r }
            told($server, qr/\[emerg\]/);
is_deeply(\@emerg, [
    qq{gateway_consumers "$dir/consumers.json": consumers[0].id: }
    . "must not be empty (line 1) in $dir/nginx.conf:n\n",
    qq{gateway_consumers "$dir/consumers.json": consumers[1].plan: }
    . "must be a string (line 1) in $dir/nginx.conf:n\n" ],
          'in these words, a line for each mistake');
is_deeply([ $server->workers ], \@workers, 'the workers are the same');
is(answers(20), '1:20', 'and serve their set');

unlink "$dir/consumers.json";
$server->reload(undef, wait => 0);
ok(wait_until(sub { 3 == told($server, qr/\[emerg\]/) }),
   'and so does a file that is not there');
is(answers(20), '1:20', 'the set serves on');

write_set(version_of(2));
ok($server->reload, 'the file is repaired');
is(answers(20), '2:20', 'and read by a reload');
$server->stop;

# after an error elsewhere, the set of the good file is not published

start(watch => '1h');
$server->allow('unknown directive');
write_set(version_of(2));
$server->reload(conf(watch => '1h', server =>
                     "listen 127.0.0.1:$port; no_such_thing;"), wait => 0);
ok(wait_until(sub { told($server, qr/\[emerg\]/) }),
   'a reload that something else refuses');
is(answers(20), '1:20', 'publishes nothing');

$server->allow('bind()');
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
$server->reload(conf(watch => '1h', server => 'listen 127.0.0.1:'
                     . $taken->sockport . ';'), wait => 0);
ok(wait_until(sub { told($server, qr/still could not bind/) }, 10),
   'also where it fails last, at a socket');
is(answers(20), '1:20', 'nothing is published');

# and the running configuration still watches its file

ok($server->reload(conf()), 'a reload that succeeds');
is(answers(20), '2:20', 'publishes');
$server->reload(conf(server => 'no_such_thing;'), wait => 0);
wait_until(sub { 2 == told($server, qr/unknown directive/) });
write_set(version_of(3));
ok(becomes(3), 'after a refused one the file is still watched');
$server->stop;


# --- nginx -t

my $broken = json({ consumers => [
    { id => 'a', keys => [ { id => 'k', sha256 => 'x', expires => '2027-13-01' } ] },
    { id => 'a', color => 'red' }, { plan => 'gold' } ] });

my ($code, $said) = nginx_t(swap_conf(port => free_port()),
                            { 'consumers.json' => $broken });
my @lines = map { s/^.*\[emerg\] (?:\d+#\d+: )?//r =~ s/nginx\.conf:\d+/nginx.conf:n/r }
            grep { /\[emerg\]/ } split /^/, $said;

is($code, 1, '-t: a broken file');
my ($sentences, $exit) = check($broken);
is_deeply(\@lines, [ map { qq{gateway_consumers "DIR/consumers.json": $_ in }
                           . "DIR/nginx.conf:n\n" } @$sentences ],
          '-t: every mistake in a line, and none twice');
is(scalar(@lines), 5, '-t: five of them');
is($exit, 3, 'the tool: the same five');
like($said, qr/configuration file .* test failed$/m, '-t: and fails');

# the output of nginx-gateway consumers check for the same text

sub check {
    my ($text) = @_;

    my $file = File::Temp->new;
    print $file $text;
    close $file;
    my $tool = $ENV{GATEWAY_TOOL} // "$Test::Gateway::Objs/nginx-gateway";
    my ($code, $said) = Test::Gateway::Server::command(
        'sh', '-c', 'exec "$0" "$@" 2>&1', $tool, qw( consumers check ), "$file");
    return ([ map { s/^\Q$file\E: //r } split /\n/, $said ], $code);
}

my $many = json({ consumers => [ map { { id => '' } } 1 .. 130 ] });
($code, $said) = nginx_t(swap_conf(port => free_port()),
                         { 'consumers.json' => $many });
@lines = map { /\[emerg\].*?consumers\.json": (.*) in / ? $1 : () }
         split /^/, $said;
($sentences) = check($many);
is_deeply(\@lines, $sentences, '-t: as many as the tool');
is(scalar(@lines), 101, '-t: a hundred, and a number');
is($lines[-1], '... and 30 more', '-t: that of the rest');

($code, $said) = nginx_t(swap_conf(port => free_port()),
                         { 'consumers.json' => version_of(1) });
is($code, 0, '-t: a good file');
is((check(version_of(1)))[1], 0, 'the tool: the same');
unlike($said, qr/\[(?:warn|emerg)\]/, '-t: and nothing to say');

($code, $said) = nginx_t(swap_conf(port => free_port()),
                         { 'consumers.json' => version_of(1, 3000) });
is($code, 1, '-t: a zone that is too small');
like($said, qr/\[emerg\].*: the consumers take \d+ bytes, more than the \d+ that are available/,
     '-t: is said with what is wanted');
($code, $said) = nginx_t(swap_conf(port => free_port(), zone => 'c:8m'),
                         { 'consumers.json' => version_of(1, 3000) });
is($code, 0, '-t: a larger one is not');

# zones of every size have room for two halves

for my $size (qw( 1m 1025k 1100k 1111k 1999k 2m 3m 5m 7777k 16m 33m 64m 100m
                  128m 255m 512m 1000m 1024m 2047m 2048m 3072m
                  4096m ))
{
    ($code, $said) = nginx_t(swap_conf(port => free_port(), zone => "c:$size"),
                             { 'consumers.json' => version_of(1) });
    is("$code " . ($said =~ /^.*\[(?:emerg|alert|crit|error)\].*$/m ? $& : ''),
       '0 ', "-t: zone=c:$size");
}
($code, $said) = nginx_t(swap_conf(port => free_port(), zone => 'c:1023k'),
                         { 'consumers.json' => version_of(1) });
is($code, 1, '-t: a zone below 1m is refused');


# --- beside a running server

start();
write_set(version_of(2));
ok(becomes(2), 'a running server');
my ($good) = Test::Gateway::Server::command(
    Test::Gateway::Server::binary(), '-t', '-p', "$dir/", '-e', 'stderr',
    '-c', "$dir/nginx.conf");
is($good, 0, '-t of its own configuration beside it');
is(answers(20), '2:20', 'changes nothing');
my $before = told($server, qr/has changed/);
sleep 0.2;
is(scalar(told($server, qr/has changed/)), $before, 'and nobody reads again');
write_set(version_of(3));
ok(becomes(3), 'and the file is still watched');
$server->stop;


# --- twenty reloads under load, each with another set

start(workers => 2);
my $load = load($server, 2);
my $done = 0;
for my $version (2 .. 21) {
    write_set(version_of($version));
    $done++ if $server->reload;
}
is($done, 20, 'twenty reloads');
is(ask($server), '21', 'the last set serves');
my %count = $load->end;
my @other = grep { !/\A\d+\z/ || $_ < 1 || $_ > 21 } keys %count;
is(CORE::join(', ', map { "$_: $count{$_}" } @other), '',
   'every request had its answer, by a whole set');
cmp_ok(keys %count, '>=', 10, 'and there were requests between the reloads');
is(above_notice(), '', 'nothing above notice');
is(scalar($server->workers), 2, 'no worker is left over');


# --- removed and added

my $without = <<"END";
    listen 127.0.0.1:$port;
    location / { add_header X-Is "<\$gateway_plan>"; empty_gif; }
END
ok($server->reload(conf(server => $without) =~ s/^\s*gateway_consumers.*$//mr),
   'gateway_consumers is removed by a reload');
is(($server->get('/'))[0], 200, 'and nothing else');
write_set(version_of(30));
ok($server->reload(conf()), 'and added by one');
is(answers(20), '30:20', 'its set serves');
write_set(version_of(31));
ok(becomes(31), 'and is watched');
ok($server->reload(qq{load_module "$ENV{GATEWAY_MODULE}";\nevents { }\n}),
   'http {} is removed');
ok($server->reload(conf()), 'and added');
is(answers(20), '31:20', 'and serves');
is(above_notice(), '', 'nothing above notice');
$server->stop;


# --- one process

# further workers would have listen queues that no process reads

start(main => "master_process off;\n", workers => 1);
is(answers(20), '1:20', 'one process without a master');
write_set(version_of(2));
ok(becomes(2), 'follows its file, too');
is(answers(20), '2:20', 'for good');
write_set('{');
ok(wait_until(sub { told($server, qr/\[error\]/) }), 'a broken one');
is(answers(20), '2:20', 'is not read');
$server->stop;

done_testing();
