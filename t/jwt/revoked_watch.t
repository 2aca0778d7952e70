# SPDX-License-Identifier: BSD-2-Clause

# Lists of revoked tokens that change while nginx runs: every worker reads them
# again, a large one in steps, and keeps the old list if a file is broken.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use File::Temp ();
use Test::More;
use Time::HiRes qw( time );

BEGIN { $Test::Gateway::More = 1 }

my %token = map { $_ => token(claims => { jti => $_, sub => "sub-$_",
                                          team => "team-$_" }) } qw( a b );
my $directive = 'gateway_jwt_revoked';

my ($server, $port, $workers);

sub start {
    my (%arg) = @_;

    $port = free_port();
    $workers = $arg{workers} // 4;
    my $location = $arg{locations}
                   // "location / { $directive revoked watch=50ms; empty_gif; }";
    return start_nginx(port => $port, files => {
                           'jwks.json' => jwks('es256'), %{ $arg{files} } },
                       conf => http_conf(workers => $workers,
                                         main => $arg{main}, server => <<"END"));
listen 127.0.0.1:$port reuseport;
gateway_jwt r;
gateway_jwt_key_file jwks.json watch=0;
add_header X-Worker \$pid always;
$location
END
}

sub answer {
    my ($name, $uri) = @_;

    my ($status, $head) = $server->get($uri // '/', headers =>
        [ "Authorization: Bearer $token{$name}" ]);
    return ($status, $head =~ /^X-Worker: (\d+)/m);
}

sub counts {
    my ($n, $name, $uri) = @_;

    my %count;
    $count{ (answer($name, $uri))[0] }++ for 1 .. $n;
    return CORE::join ' ', map { "$_:$count{$_}" } sort keys %count;
}

# waits until every worker answers with this status; the seconds that it took

sub all_answer {
    my ($expected, $name, $uri) = @_;

    my $began = time;
    my $done = wait_until(sub {
        my %seen;
        for (1 .. 200) {
            my ($status, $worker) = answer($name, $uri);
            return if $status != $expected;
            $seen{$worker} = 1;
            return 1 if keys %seen == $workers;
        }
        return;
    }, 10);
    return $done ? time - $began : undef;
}

sub list { write_file($server->dir . '/revoked', $_[0]) }

sub lines {
    my ($level) = @_;
    return grep { /\[$level\].* $directive / } split /^/, $server->log;
}


# --- added and removed

$server = start(files => { revoked => "jti a\n" });
is(counts(50, 'a'), '401:50', 'a token is revoked');
is(counts(50, 'b'), '200:50', 'the other one is not');

list("jti a\njti b\n");
ok(defined all_answer(401, 'b'), 'one is added, and reaches every worker');
is(counts(50, 'a'), '401:50', 'the first is still revoked');

list("jti b\n");
ok(defined all_answer(200, 'a'), 'one is removed, in every worker');
is(counts(50, 'b'), '401:50', 'the other is still revoked');

# a claim that nothing else reads, and that the list of the start had not

list("team team-a\n");
ok(defined all_answer(401, 'a'), 'a claim that no request has parsed yet');
is(counts(50, 'b'), '200:50', 'another value of it');
list("team team-b 2027-01-31T00:00:00Z\n");
ok(defined all_answer(401, 'b'), 'with a time, without "iat"');
$server->reload;
is(counts(50, 'b'), '401:50', 'a reload reads it');
is(counts(50, 'a'), '200:50', 'and nothing else');

is(scalar(lines('notice')), 4, 'a line for each change, not for each worker');
is(scalar(lines('(?:warn|error)')), 0, 'and none above');


# --- broken and repaired

list("jti a\n");
all_answer(401, 'a');
list("jti a\n\nsecret-value\n");
ok(wait_until(sub { lines('error') }), 'a broken list is an error');
list("jti a\njti secret-value tomorrow\n");
ok(wait_until(sub { lines('error') > 1 }), 'another broken one is another');
is(counts(100, 'a'), '401:100', 'the old list stays');
is(counts(100, 'b'), '200:100', 'all of it');

unlink $server->dir . '/revoked';
ok(wait_until(sub { lines('error') > 2 }), 'a missing one, too');
is(counts(100, 'a'), '401:100', 'the old list stays');

# after the next change, every worker has had time to log more

list("jti b\n");
ok(defined all_answer(401, 'b'), 'a list that returns is read');
is(counts(50, 'a'), '200:50', 'and nothing is left of the old one');
ok(wait_until(sub { lines('error') > 3 }), 'the end is an error, too');

my $path = $server->dir . '/revoked';
my $keeping = 'keeping the previous content';
my @errors = map { s/.* $directive "\Q$path\E": //r } lines('error');
is($errors[0], "line 3: has no value, write the claim and its value, $keeping\n", 'the line is named');
is($errors[1], 'line 2: the time is not a date, write for example'
               . " 2027-01-31T00:00:00Z, $keeping\n", 'and what is wrong');
is($errors[2], "open() failed (2: No such file or directory), $keeping\n",
   'or missing');
like($errors[3], qr/^has changed and was read, after a failure since [\d\/: ]+$/,
     'and when it began');
is(scalar(@errors), 4, 'one error for each change, by one worker');
unlike($server->log, qr/secret-value/, 'no line has a value');
$server->stop;


# --- 100,000 lines, read in steps

my $many = CORE::join '', map { sprintf "jti %08x-%04x-4000-8000-%012x\n",
                                $_ * 2654435761 % 2**32, $_ % 2**16, $_ }
                          1 .. 100_000;
ok(length $many > 4_000_000 && length $many < 4 * 1024 * 1024,
   'a list of 100,000 lines, below 4 MB');

$server = start(files => { revoked => "jti a\n" },
                locations => "location / { $directive revoked watch=1s;"
                             . ' empty_gif; }');
is(counts(20, 'a') . ' ' . counts(20, 'b'), '401:20 200:20', 'a short list');
list("jti b\n$many");
my $took = all_answer(401, 'b');
ok(defined $took && $took < 2, 'a long one is in force within watch= and 1 s')
    or diag($took // 'never');
ok(defined all_answer(200, 'a', '/'), 'in place of the short one');
list("$many\njti a\n");
$took = all_answer(401, 'a');
ok(defined $took && $took < 2, 'another long one, likewise');

my @last = $many =~ /(\S+)\n\z/;
$token{last} = token(claims => { jti => $last[0] });
is(counts(20, 'last'), '401:20', 'all of its lines count');

# with a mistake at its end: no line of it counts

list("${many}jti b\nx\n");
ok(wait_until(sub { lines('error') }), 'a mistake in the last line');
like((lines('error'))[0], qr/: line 100002: has no value, write the claim and its value, keeping/,
     'which is named');
is(counts(50, 'b'), '200:50', 'refuses the whole list');

# workers that leave while they read

for my $turn (1 .. 3) {
    list("# $turn\n$many");
    my @old = $server->workers;
    wait_until(sub { lines('notice') > $turn + 1 }, 0.9);
    $server->reload;
}
is(counts(20, 'last'), '401:20', 'reloads while lists are read');
$server->stop;


# --- not watched; shared by blocks; inherited by servers

$server = start(workers => 2, files => { revoked => "jti a\n" },
                locations => <<"END");
location = /off { $directive revoked watch=0; empty_gif; }
location = /on { $directive revoked watch=50ms; empty_gif; }
location = /same { $directive revoked watch=50ms issuer=https://other;
                   $directive revoked watch=50ms; empty_gif; }
END
list("jti b\n");
ok(defined all_answer(401, 'b', '/on'), 'watch=50ms sees the change');
is(counts(20, 'b', '/same'), '401:20', 'also where it is named again');
is(counts(20, 'b', '/off'), '200:20', 'watch=0 does not');
is(counts(20, 'a', '/off'), '401:20', 'and keeps its list');
is(scalar(lines('notice')), 1, 'a list that two blocks name is read once');
$server->reload;
is(counts(20, 'b', '/off'), '401:20', 'until a reload');
$server->stop;


# --- a worker that replaces a killed one has the list of the file

$server = start(workers => 1, files => { revoked => "jti a\n" },
                locations => "location / { $directive revoked watch=1h;"
                             . ' empty_gif; }');
$server->allow('exited on signal 9');
is(counts(1, 'a'), '401:1', 'a worker that has looked when it started');
list("$many\njti b\n");
is(counts(20, 'b'), '200:20', 'watch=1h has not looked again');
my ($killed) = $server->workers;
kill 'KILL', $killed;
ok(wait_until(sub { my ($now) = $server->workers; $now && $now != $killed }),
   'the worker is killed, and another one starts');
ok(defined all_answer(401, 'b'), 'it has the list of the file');
is(counts(20, 'a'), '200:20', 'and that alone');
$server->stop;


# --- a list that the user of the workers cannot read

SKIP: {
    skip 'only root has workers of another user', 9 if $> != 0;

    my ($name, $group) = (getpwnam 'nobody')[0, 3];
    my $user = "user $name " . getgrgid($group) . ";\n";

    my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    chmod 0755, "$dir";
    my $file = write_file("$dir/revoked", "jti a\n");
    chmod 0600, $file;

    my $conf = sub {
        return http_conf(main => $user, server => 'location / { gateway_jwt r;'
            . " gateway_jwt_key_file jwks.json watch=0; $directive $file $_[0]; }");
    };
    my %files = ('jwks.json' => jwks('es256'));

    my ($code, $text) = nginx_t($conf->('watch=1s'), \%files);
    is($code, 1, 'watch= is written: an error');
    like($text, qr/\[emerg\] .* $directive "\Q$file\E" cannot be re-read by user /,
         'the file, and who cannot read it');
    like($text, qr/ "nobody", make it readable or write "watch=0" in /,
         'and what to do');
    ($code, $text) = nginx_t($conf->('watch=0'), \%files);
    is($code, 0, 'watch=0 is not');
    unlike($text, qr/\[(?:warn|emerg)\]/, 'and no warning');

    $server = start(workers => 2, main => $user, files => {},
                    locations => "location / { $directive $file; empty_gif; }");
    is(counts(20, 'a'), '401:20', 'by default the master has read it');
    is(scalar(lines('warn')), 1, 'with a warning');
    is(scalar(lines('error')), 1, 'and one worker says that it cannot');
    $server->stop;
}

done_testing();
