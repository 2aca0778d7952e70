# SPDX-License-Identifier: BSD-2-Clause

# The module's file is replaced while nginx runs: a reload continues with the
# loaded module, and logs this at level error.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use File::Copy qw( copy );
use File::Temp ();
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

my $built = $ENV{GATEWAY_MODULE};
my $folder = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0755, "$folder";

my $file = "$folder/module.so";
my $server;

sub install { copy($built, $_[0]) or die "$_[0]: $!"; return $_[0] }

# as dpkg and "make install" do

sub replace { rename install("$file.new"), $file or die "$file: $!" }

sub start {
    my (%arg) = @_;

    my $port = free_port();
    local $ENV{GATEWAY_MODULE} = $arg{load} // $file;
    my $conf = $arg{conf} // http_conf(port => $port, main => $arg{main},
        server => 'location / { gateway_route r; return 200 $gateway_route; }');
    $server = start_nginx(conf => $conf, port => $port);
    return;
}

# lines of error that reloads have left so far

sub errors { grep { /\[error\]/ } split /^/, $server->log }

sub says {
    my ($count, $name) = @_;

    ok($server->reload, "$name: a reload");
    is(scalar(errors()), $count, "$name: $count lines of error so far");
    is(($server->get('/'))[2], 'r', "$name: and it serves");
    return;
}

sub line {
    my ($path) = @_;
    return qr{ \[error\]\ \S+\ "\Q$path\E"\ is\ no\ longer\ the\ module\ that\ is
               \ running,\ a\ reload\ does\ not\ load\ the\ new\ one,\ restart
               \ nginx\ or\ upgrade\ its\ binary\ \(USR2\)$ }x;
}


# --- one file

install($file);
start();
link $file, "$folder/first" or die $!;

says(0, 'untouched');
says(0, 'untouched, again');
utime 1e9, 1e9, $file or die $!;
says(0, 'touched');
chmod 0600, $file or die $!;
says(0, 'chmod');

replace();
is(scalar(errors()), 0, 'replaced: nothing before a reload');
says(1, 'replaced by a copy');
like((errors())[0], line($file), 'replaced by a copy: in these words');
says(2, 'again');
replace();
says(3, 'replaced by another copy');
rename "$folder/first", $file or die $!;
says(3, 'the first one is back');

unlink $file or die $!;
says(4, 'removed');
like((errors())[3], line($file), 'removed: the same words');
install($file);
says(5, 'and another one in its place');

# the same name, larger: nginx does not crash, its mapping stays valid

open my $out, '>>', $file or die $!;
print $out 'x';
close $out;
says(6, 'and longer');
$server->stop;

install($file);
start();
is(scalar(errors()), 0, 'a start with the new one: nothing');
open $out, '>>', $file or die $!;
print $out 'x';
close $out;
says(1, 'the same inode, longer');
truncate $file, -s $built or die $!;
says(1, 'as long as before');

# a reload that fails logs it, too, since new directives are unknown

replace();
my $conf = Test::Gateway::Server::slurp($server->dir . '/nginx.conf')
           =~ s/^(?:pid|error_log).*\n//gmr;
$server->allow('unknown directive');
$server->reload($conf =~ s/gateway_route r/gateway_new r/r, wait => 0);
ok(wait_until(sub { $server->log =~ /\[emerg\].*"gateway_new"/ }),
   'a reload with a directive that only a new module knows');
is(scalar(errors()), 2, 'logs that the module is not the new one');
is(($server->get('/'))[2], 'r', 'and the old configuration serves');

# another path is another module

my $other = install("$folder/other.so");
$server->reload($conf =~ s/\Q$file\E/$other/r);
is(scalar(errors()), 2, 'another path: it is loaded, nothing is logged');
is(($server->get('/'))[2], 'r', 'and serves');
says(2, 'and reloaded');
rename install("$other.new"), $other or die $!;
says(3, 'and replaced');
like((errors())[2], line($other), 'under its own name');
$server->stop;


# --- the running code: the old file after a reload, the new one after an upgrade

sub runs {
    my %mapped = map { $_ => 1 }
                 Test::Gateway::Server::slurp('/proc/' . $server->pid . '/maps')
                 =~ /(\Q$file\E.*)/g;
    return CORE::join ' ', map { s/^\Q$file\E/file/r } sort keys %mapped;
}

{
    # it executes argv[0]
    my ($binary) = grep { -x } map { "$_/nginx" } split /:/, $ENV{PATH};
    local $ENV{TEST_NGINX_BINARY} = $ENV{TEST_NGINX_BINARY} || $binary;

    install($file);
    start();
}
is(runs(), 'file', 'the file runs');
replace();
says(1, 'replaced');
is(runs(), 'file (deleted)', 'a reload goes on with the old one');

my $old = $server->pid;
$server->signal('USR2');
ok(wait_until(sub { delete $server->{pid};
                    ($server->pid // $old) != $old && $server->workers }, 30),
   'USR2: a new master');
ok(Test::Gateway::Server::quit($old, 15), 'USR2: and the old one leaves');
is(runs(), 'file', 'which runs the new one');
says(1, 'USR2: then');
$server->stop;


# --- a symbolic link, as with versioned packages

install("$folder/v1.so");
install("$folder/v2.so");
symlink 'v1.so', "$folder/link.so" or die $!;
start(load => "$folder/link.so");
says(0, 'a link');
symlink 'v2.so', "$folder/link.new" or die $!;
rename "$folder/link.new", "$folder/link.so" or die $!;
says(1, 'that is pointed elsewhere');
$server->stop;


# --- without http {}, and without a master

start(conf => qq{load_module "$file";\nevents { }\n});
ok($server->reload, 'without http {}: a reload');
is(scalar(errors()), 0, 'without http {}: nothing');
replace();
ok($server->reload, 'without http {}: replaced, a reload');
is(scalar(errors()), 1, 'without http {}: one line');
$server->stop;

# which has no connections after a reload

start(main => "master_process off;\n");
replace();
$server->signal('HUP');
ok(wait_until(sub { errors() }), 'no master: replaced, a reload logs it');
is(scalar(errors()), 1, 'no master: once');
$server->stop;

done_testing();
