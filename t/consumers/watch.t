# SPDX-License-Identifier: BSD-2-Clause

# A consumers file that changes while nginx runs: the set is replaced for all
# workers at once, and kept if the new file has a mistake.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Consumer;
use Test::Gateway::Swap;

use File::Temp ();
use Test::More;
use Time::HiRes qw( sleep );

BEGIN { $Test::Gateway::More = 1 }

my ($server, $dir);

sub start {
    my (%part) = @_;

    my $port = free_port();
    $server = start_nginx(conf => swap_conf(port => $port, %part),
                          port => $port,
                          files => { 'consumers.json' => version_of(1),
                                     %{ $part{files} // {} } });
    $dir = $server->dir;
}

sub write_set { write_file("$dir/consumers.json", $_[0]) }

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

my $notice = qr/\[notice\] .*gateway_consumers/;
my $error = qr/\[error\] /;
my $changed = qr/gateway_consumers .*has changed and was read/;


# a check that finds no change is not visible: wait for several

sub intervals { sleep 0.05 * $_[0] }


# --- all workers change together

start(workers => 4);
is(answers(40), '1:40', 'the first set serves');

my ($mixed, %changed) = (0);

for my $version (2 .. 11) {
    write_set(version_of($version));

    my (@seen, %after);
    my $end = time + 10;
    while (keys %after < 4 && time < $end) {
        my ($worker, $said) = worker_of($server);
        push @seen, $said if !@seen || $seen[-1] ne $said;
        $after{$worker} = 1 if $said eq $version;
    }
    $changed{ keys %after }++;
    my @steps = ($version - 1, $version);
    shift @steps if @seen == 1;
    $mixed++ if "@seen" ne "@steps";
}
is($mixed, 0, 'ten changes: after one new answer there is no old one');
is(CORE::join(' ', %changed), '4 10', 'from any of four workers');
is(scalar(told($server, $notice)), 10, 'a line for each, not for each worker');
like((told($server, $notice))[0], qr{
    \ gateway_consumers\ "\Q$dir\E/consumers\.json":\ has\ changed\ and\ was
    \ read,\ 1\ consumers$ }x, 'which says how many there are');
is(scalar(told($server, qr/\[(?:warn|error)\]/)), 0, 'and none above');


# --- broken

write_set('{ "consumers": [');
ok(wait_until(sub { told($server, $error) }), 'a broken file is an error');
intervals(8);
is(scalar(told($server, $error)), 1, 'one, by one of four workers, once');
like((told($server, $error))[0], qr{
    \ gateway_consumers\ "\Q$dir\E/consumers\.json":\ .*,
    \ keeping\ the\ previous\ content$ }x, 'which says what happens');
is(answers(40), '11:40', 'the set that was serves on');

write_set(json({ consumers => [ { id => '' }, { id => 'a', plan => 1 },
                                { groups => [] } ] }));
ok(wait_until(sub { 2 == told($server, $error) }), 'another broken one');
like((told($server, $error))[1], qr{
    \ gateway_consumers\ "\Q$dir\E/consumers\.json":\ consumers\[0\]\.id:\ .*
    \ \(line\ 1\)\ \(and\ 2\ more\ mistakes,\ see
    \ "nginx-gateway\ consumers\ check"\),\ keeping\ the\ previous\ content$ }x,
     'says the first mistake, and how many more there are');

write_set(json({ consumers => [ { id => '' } ] }));
ok(wait_until(sub { 3 == told($server, $error) }), 'one mistake');
unlike((told($server, $error))[2], qr/more mistakes/, 'says no number');

write_set(version_of(12));
ok(becomes(12), 'a repaired file is read');
is(answers(40), '12:40', 'by all');
ok(wait_until(sub { 4 == told($server, $error) }), 'the end is an error, too');
like((told($server, $error))[3], qr{
    \ gateway_consumers\ "\Q$dir\E/consumers\.json":\ has\ changed\ and\ was
    \ read,\ 1\ consumers,\ after\ a\ failure\ since
    \ \d{4}/\d\d/\d\d\ \d\d:\d\d:\d\d$ }x, 'which says since when');


# --- removed and restored

unlink "$dir/consumers.json" or die $!;
ok(wait_until(sub { 5 == told($server, $error) }), 'a file that is gone');
intervals(8);
is(scalar(told($server, $error)), 5, 'is one error');
like((told($server, $error))[4],
     qr/open\(\) failed \(2: No such file or directory\), keeping/,
     'that says why');
is(answers(40), '12:40', 'the set that was serves on');

write_set(version_of(13));
ok(becomes(13), 'a file that returns is read');
is(answers(40), '13:40', 'by all');

# with links, so that the file exists at any time
mkdir "$dir/folder" or die $!;
symlink "$dir/folder", "$dir/link" or die $!;
link "$dir/consumers.json", "$dir/away" or die $!;
rename "$dir/link", "$dir/consumers.json" or die $!;
ok(wait_until(sub { told($server, qr/is not a regular file, keeping/) }),
   'a folder in its place is an error');
intervals(6);
is(scalar(told($server, qr/is not a regular file/)), 1, 'one');
rename "$dir/away", "$dir/consumers.json" or die $!;
rmdir "$dir/folder" or die $!;
ok(wait_until(sub { 13 == told($server, $changed) }),
   'and the file of before is read again');


# --- the same content

my $lines = told($server, $notice);
utime undef, undef, "$dir/consumers.json";
ok(wait_until(sub { $lines + 1 == told($server, $notice) }),
   'a file that is touched is read');
intervals(6);
is(scalar(told($server, $notice)), $lines + 1, 'once');
is(answers(40), '13:40', 'and says the same');


# --- written in place, piece by piece

my $new = version_of(14, 300);
open my $out, '>', "$dir/consumers.json" or die $!;
$out->autoflush(1);
my %during;
for my $piece (unpack "(a4000)*", $new) {
    $during{ ask($server) }++;
    print $out $piece;
    sleep 0.02;
}
close $out;
ok(becomes(14), 'a file that grows is read when it is whole');
is(CORE::join(' ', keys %during), '13', 'and until then the old set serves');
is(answers(40), '14:40', 'by all');
my $growing = grep { !/(?:keeping the previous content|since [\d\/]+ [\d:]+)$/ }
                   told($server, $error);
is($growing, 0, 'what was read too early was an error, and kept the old set');
$server->stop;


# --- links, as in Kubernetes

my $links = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0755, "$links";
write_file("$links/..$_/c.json", version_of($_)) for 1, 2;
symlink '..1', "$links/..data" or die $!;
symlink '..data/c.json', "$links/c.json" or die $!;

start(workers => 4, file => "$links/c.json");
is(answers(20), '1:20', 'a link to a link');
symlink '..2', "$links/..new" or die $!;
rename "$links/..new", "$links/..data" or die $!;
ok(becomes(2), 'that is pointed elsewhere');
is(answers(40), '2:40', 'is followed by all');
is(scalar(told($server, qr/\[(?:warn|error)\]/)), 0, 'no error');
$server->stop;


# --- not watched

start(workers => 2, watch => 0);
write_set(version_of(2));
intervals(6);
is(answers(40), '1:40', 'watch=0: a change is not seen');
$server->reload;
is(answers(40), '2:40', 'until a reload');
is(scalar(told($server, $notice)), 0, 'and no worker has read it');
$server->stop;


# --- a file that the user of the workers cannot read

SKIP: {
    skip 'only root has workers of another user', 10 if $> != 0;

    my ($name, $group) = (getpwnam 'nobody')[0, 3];
    my $user = "user $name " . getgrgid($group) . ";\n";

    my $closed = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
    chmod 0755, "$closed";
    write_file("$closed/c.json", version_of(1));
    chmod 0600, "$closed/c.json";

    my %part = (main => $user, file => "$closed/c.json");

    start(%part, watch => '');
    is(answers(20), '1:20', 'the master has read it');
    my $hidden = write_file("$closed/new", version_of(2));
    chmod 0600, $hidden;
    rename $hidden, "$closed/c.json" or die $!;
    intervals(6);
    is(answers(20), '1:20', 'a change is not seen');
    is(scalar(told($server, $error)), 1, 'one worker says that it cannot read');
    $server->reload;
    is(answers(20), '2:20', 'until a reload');
    $server->stop;

    # closed for a while

    chmod 0644, "$closed/c.json";
    start(%part);
    $hidden = write_file("$closed/new", version_of(3));
    chmod 0, $hidden;
    rename $hidden, "$closed/c.json" or die $!;
    ok(wait_until(sub { told($server, qr/open\(\) failed \(13: /) }),
       'one that may be read is replaced by one that may not');
    intervals(6);
    is(scalar(told($server, $error)), 1, 'which is one error');
    is(answers(20), '2:20', 'and keeps the set');
    chmod 0644, "$closed/c.json";
    ok(becomes(3), 'a chmod makes it readable, and it is read');
    $server->stop;
}

done_testing();
