# SPDX-License-Identifier: BSD-2-Clause

# Key files that change while nginx runs: every worker reads them again, and
# keeps the old keys if a file is broken.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use File::Temp ();
use Test::More;
use Time::HiRes qw( time );

BEGIN { $Test::Gateway::More = 1 }

my %token = map { $_ => token(key => $_, claims => { sub => 'alice' }) }
            qw( a b c );

my ($server, $port);

# a port for each worker's own queue: the kernel spreads connections

sub start {
    my (%arg) = @_;

    $port = free_port();
    my $server_text = "listen 127.0.0.1:$port reuseport;\n"
                      . ($arg{server} // location('/', $arg{file} // 'k.json'));
    return start_nginx(conf => http_conf(%arg, server => $server_text),
                       port => $port, files => $arg{files});
}

sub location {
    my ($uri, $file) = @_;

    $file .= ' watch=50ms' if $file !~ /watch=/;
    return "location $uri { gateway_jwt r; gateway_jwt_key_file $file; "
           . "add_header X-Worker \$pid always; empty_gif; }\n";
}

sub answer {
    my ($key, $uri) = @_;

    my ($status, $head) = $server->get($uri // '/', headers =>
        [ "Authorization: Bearer $token{$key}" ]);
    return ($status, $head =~ /^X-Worker: (\d+)/m);
}

# the number of requests with each status

sub counts {
    my ($n, $key, $uri) = @_;

    my %count;
    $count{ (answer($key, $uri))[0] }++ for 1 .. $n;
    return CORE::join ' ', map { "$_:$count{$_}" } sort keys %count;
}

# waits until every worker answers with this status

sub all_answer {
    my ($expected, $key, $uri) = @_;

    my $workers = () = $server->workers;
    return wait_until(sub {
        my %seen;
        for (1 .. 200) {
            my ($status, $worker) = answer($key, $uri);
            return if $status != $expected;
            $seen{$worker} = 1;
            return 1 if keys %seen == $workers;
        }
        return;
    }, 10);
}

sub write_keys { write_file($server->dir . "/$_[0]", $_[1]) }

sub lines { my ($level) = @_; grep { /\[$level\]/ } split /^/, $server->log }


# --- rotation under load

$server = start(files => { 'k.json' => jwks('a') });

is(counts(50, 'a'), '200:50', 'the first key serves');
is(counts(50, 'b'), '401:50', 'the second does not');

pipe my $result, my $report or die "pipe: $!";
pipe my $until, my $end or die "pipe: $!";
defined(my $client = fork) or die "fork: $!";

if (!$client) {
    close $end;
    my %count;
    my $bits = '';
    vec($bits, fileno $until, 1) = 1;
    $count{ (answer('a'))[0] }++
        while !select my $ready = $bits, undef, undef, 0;
    syswrite $report, json(\%count);
    POSIX::_exit(0);
}

write_keys('k.json', jwks(qw( a b )));
ok(all_answer(200, 'b'), 'a key is added, and reaches every worker');
is(counts(100, 'a'), '200:100', 'the first serves on');
is(counts(100, 'b'), '200:100', 'and the second with it');

close $end;
close $report;
my $load = JSON::PP::decode_json(CORE::join '', <$result>);
waitpid $client, 0;
is(CORE::join(' ', sort keys %$load), '200',
   "no request was refused meanwhile ($load->{200} of them)");

write_keys('k.json', jwks('b'));
ok(all_answer(401, 'a'), 'a key is removed, in every worker');
is(counts(100, 'a'), '401:100', 'the first is refused');
is(counts(100, 'b'), '200:100', 'the second serves on');

is(scalar(grep { /gateway_jwt_key_file/ } lines('notice')), 2,
   'a line for each change, not for each worker');
is(scalar(lines('(?:warn|error)')), 0, 'and none above');

# another file of the same size and time

my $size = -s $server->dir . '/k.json';
my $other = write_file($server->dir . '/other', jwks('c'));
is(-s $other, $size, 'a file of the same size');
utime 1e9, 1e9, $server->dir . '/k.json', $other;
wait_until(sub { (() = $server->log =~ /has changed/g) == 3 });
all_answer(401, 'a') for 1 .. 3;
rename $other, $server->dir . '/k.json';
ok(all_answer(200, 'c'), 'and of the same time is seen to be another');

# written in place

open my $out, '+<', $server->dir . '/k.json' or die $!;
print $out jwks('a');
close $out;
ok(all_answer(200, 'a'), 'a file that is written in place is seen');


# --- broken and repaired

write_keys('k.json', '{ "keys": [');
ok(wait_until(sub { lines('error') }), 'a broken file is an error');

# after the next change, every worker has had time to log more
write_keys('k.json', '{ "keys": [] }');
ok(wait_until(sub { lines('error') > 1 }), 'another broken one is another');
all_answer(200, 'a') for 1 .. 3;

my @errors = lines('error');
is(scalar(@errors), 2, 'one error for a change, by one of the workers');
my $dir = $server->dir;
like($errors[0], qr{ gateway_jwt_key_file\ "\Q$dir\E/k\.json":\ .*,\ keeping
                     \ the\ previous\ content$ }x, 'which says what happens');
is(counts(50, 'a'), '200:50', 'the keys that were serve on');

unlink "$dir/k.json";
ok(wait_until(sub { lines('error') > 2 }), 'a file that is gone is an error');
all_answer(200, 'a') for 1 .. 3;
is(scalar(lines('error')), 3, 'one');
is(counts(50, 'a'), '200:50', 'the keys that were serve on');

write_keys('k.json', jwks('b'));
ok(all_answer(200, 'b'), 'a file that returns is read');
is(counts(50, 'a'), '401:50', 'and nothing is left of the old keys');
ok(wait_until(sub { lines('error') > 3 }), 'the end is an error, too');
like((lines('error'))[3], qr{ gateway_jwt_key_file\ "\Q$dir\E/k\.json":\ has
                              \ changed\ and\ was\ read,\ after\ a\ failure
                              \ since\ [\d/]+\ [\d:]+$ }x,
     'which says since when');

write_keys('k.json', '{');
wait_until(sub { lines('error') > 4 });
write_keys('k.json', jwks('b'));
ok(wait_until(sub { $server->log =~ /\[error\](?!.*\[error\]).*has changed/s }),
   'a repaired file with the keys of before is read, too');
is(counts(50, 'b'), '200:50', 'and serves');
$server->stop;


# --- a symbolic link that changes, as in Kubernetes

my $links = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0755, "$links";
write_file("$links/..1/k.json", jwks('a'));
write_file("$links/..2/k.json", jwks('b'));
symlink '..1', "$links/..data" or die $!;
symlink '..data/k.json', "$links/k.json" or die $!;

$server = start(file => "$links/k.json", workers => 2);
is(counts(20, 'a'), '200:20', 'a link to a link: the first key serves');

symlink '..2', "$links/..new" or die $!;
rename "$links/..new", "$links/..data" or die $!;
ok(all_answer(200, 'b'), 'the folder is swapped: every worker follows');
is(counts(50, 'a'), '401:50', 'and leaves the old keys');
is(scalar(lines('error')), 0, 'no error');
$server->stop;


# --- not watched, until a reload

$server = start(files => { 'k.json' => jwks('a') },
                server => location('/off', 'k.json watch=0')
                          . location('/on', 'k.json'));
write_keys('k.json', jwks('b'));
ok(all_answer(200, 'b', '/on'), 'watch=50ms sees the change');
is(counts(50, 'b', '/off'), '401:50', 'watch=0 does not');
is(counts(50, 'a', '/off'), '200:50', 'and keeps its keys');
$server->reload;
is(counts(50, 'b', '/off'), '200:50', 'until a reload');
is(counts(50, 'a', '/off'), '401:50', 'for good');
$server->stop;


# --- a worker that replaces a killed one has the file's keys, not the master's

$server = start(files => { 'k.json' => jwks('a') }, workers => 1,
                server => location('/', 'k.json watch=1h'));
$server->allow('exited on signal 9');
is(counts(1, 'a'), '200:1', 'a worker that has looked when it started');
write_keys('k.json', jwks('b'));
is(counts(20, 'a'), '200:20', 'watch=1h has not looked again');

my ($killed) = $server->workers;
kill 'KILL', $killed;
ok(wait_until(sub {
       my ($now) = $server->workers;
       return $now && $now != $killed;
   }), 'the worker is killed, and another one starts');
ok(all_answer(200, 'b'), 'it has the keys of the file');
is(counts(20, 'a'), '401:20', 'and those alone');

# with a broken file it has the master's keys, those of the last reload

write_keys('k.json', '{');
my ($second) = $server->workers;
kill 'KILL', $second;
ok(wait_until(sub {
       my ($now) = $server->workers;
       return $now && $now != $second;
   }), 'again, while the file is broken');
ok(wait_until(sub { lines('error') }), 'which is an error');
ok(all_answer(200, 'a'), 'it has the keys that the master has read');
is(counts(20, 'b'), '401:20', 'and not those that came since');
write_keys('k.json', jwks('b'));
$server->reload;
is(counts(20, 'b'), '200:20', 'a reload reads the repaired file');
is(counts(20, 'a'), '401:20', 'and leaves the old keys for good');

# also if the killed worker had newer ones

write_keys('k.json', jwks('c'));
is(counts(20, 'b'), '200:20', 'again not looked at');
$server->reload;
is(counts(20, 'c'), '200:20', 'a reload reads it');
$server->stop;


# --- a file that the user of the workers cannot read

SKIP: {
    skip 'only root has workers of another user', 14 if $> != 0;

    my ($name, $group) = (getpwnam 'nobody')[0, 3];
    my $user = "user $name " . getgrgid($group) . ";\n";

    my $closed = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    chmod 0755, "$closed";
    write_file("$closed/$_", jwks('a')) for qw( mine.json all.json );
    chmod 0600, "$closed/mine.json";
    chmod 0644, "$closed/all.json";

    $server = start(main => $user,
                    server => (location('/mine', "$closed/mine.json")
                               =~ s/ watch=\w+//r)
                              . location('/all', "$closed/all.json"));
    is(counts(20, 'a', '/mine'), '200:20', 'the master has read the file');

    for my $file ("$closed/mine.json", "$closed/all.json") {
        my $mode = (stat $file)[2] & 0777;
        write_file($file, jwks('b'));
        chmod $mode, $file;
    }
    ok(all_answer(200, 'b', '/all'), 'the other file is watched');
    is(counts(50, 'a', '/mine'), '200:50', 'this one cannot be');
    is(scalar(lines('error')), 1, 'which one worker says');
    is(scalar(lines('warn')), 1, 'beside the warning of the master');
    $server->reload;
    is(counts(50, 'b', '/mine'), '200:50', 'a reload reads it');
    $server->stop;

    # closed for a while: a new file that nobody may read, yet

    $server = start(main => $user, server => location('/', "$closed/all.json"));
    is(counts(20, 'b'), '200:20', 'a file that may be read');

    my $new = write_file("$closed/new.json", jwks('c'));
    chmod 0000, $new;
    rename $new, "$closed/all.json" or die $!;
    ok(wait_until(sub { lines('error') }), 'is replaced by one that may not');
    all_answer(200, 'b') for 1 .. 3;
    my @errors = lines('error');
    is(scalar(@errors), 1, 'which is one error');
    like($errors[0], qr/"\Q$closed\E\/all\.json": open\(\) failed \(13: /,
         'that says why');
    is(counts(50, 'b'), '200:50', 'the keys that were serve on');

    chmod 0644, "$closed/all.json";
    ok(all_answer(200, 'c'), 'a chmod makes it readable, and it is read');
    is(counts(50, 'b'), '401:50', 'and nothing is left of the old keys');
    $server->stop;
}

done_testing();
