# SPDX-License-Identifier: BSD-2-Clause

# file_...: watched files, each failed check counted once.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Consumer;
use Test::Gateway::Scrape;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep );

my $start = time;

my $server = start_nginx(http => <<"END", server => <<"END",
    $Metrics{http}
    gateway_consumers zone=consumers:1m file=consumers.json watch=50ms;
END
    $Metrics{server}
    location = /key { gateway_api_key api; empty_gif; }
    location = /jwt {
        gateway_jwt api; gateway_jwt_key_file keys.json watch=50ms;
        gateway_jwt_revoked revoked.json watch=1h; empty_gif;
    }
    location = /once {
        gateway_jwt api; gateway_jwt_key_file once.json watch=0; empty_gif;
    }
END
    files => { 'consumers.json' => consumers(consumer('acme')),
               'keys.json' => jwks('a'), 'once.json' => jwks('b'),
               'revoked.json' => "jti x\n" });

my $dir = $server->dir;
my @files = map { "$dir/$_.json" } qw( consumers keys once revoked );
my ($consumers, $keys, $once, $revoked) = @files;

sub failures { value($server, 'file_failures_total', file => $_[0]) }

sub success {
    return value($server, 'file_last_success_timestamp_seconds',
                 file => $_[0]);
}

counted($server, 'file_failures_total', [ 'file' ],
        { map { $_ => 0 } @files }, 'each file has a count of failures');
for my $file (@files) {
    my ($name) = $file =~ m{([^/]+)$};
    cmp_ok(success($file), '>=', $start - 1, "$name was loaded");
    cmp_ok(success($file), '<=', time + 1, '    at the start');
}

my $loaded = success($once);
ok(wait_until(sub { success($keys) > $loaded + 1
                    && success($consumers) > $loaded + 1 }, 20),
   'checks that find no change are a success');
is(success($once), $loaded, 'a file that is not watched is not checked');
is(failures($_), 0, 'no check has failed') for $keys, $consumers;

for my $case ([ $keys, jwks('a') ],
              [ $consumers, consumers(consumer('other')) ]) {
    my ($file, $valid) = @$case;
    my ($name) = $file =~ m{([^/]+)$};

    write_file($file, 'nonsense');
    ok(wait_until(sub { failures($file) >= 3 }, 20),
       "$name is invalid: each check fails");

    my ($before, $at) = (failures($file), success($file));
    sleep 1.2;
    cmp_ok(failures($file) - $before, '<=', 1.2 / 0.05 + 3,
           '    and is counted by one worker');
    is(success($file), $at, '    there is no success');

    write_file($file, $valid);
    ok(wait_until(sub { success($file) > $at }, 20), '    until it is valid');
    $before = failures($file);
    sleep 0.3;
    is(failures($file), $before, '    then no check fails');

    unlink $file or die "$file: $!";
    ok(wait_until(sub { failures($file) > $before }, 20),
       '    a missing file fails');
    write_file($file, $valid);
    ok(wait_until(sub { my $now = failures($file); sleep 0.3;
                        failures($file) == $now }, 20), '    until it returns');
}

my $total = failures($keys);
my ($worker) = $server->workers;
ok($server->reload, 'a reload');
is(failures($keys), $total, 'does not change the count');
cmp_ok(success($once), '>=', $loaded, 'and reads all files');

$server->stop;


# --- content that workers share: either of two finds a failure first

$server = start_nginx(workers => 2, http => <<"END", server => <<"END",
    $Metrics{http}
    gateway_consumers zone=consumers:1m file=consumers.json watch=10s;
END
    $Metrics{server}
    location = /key { gateway_api_key api; empty_gif; }
END
    files => { 'consumers.json' => consumers(consumer('acme')) });

$consumers = $server->dir . '/consumers.json';
write_file($consumers, 'nonsense');
ok(wait_until(sub { $server->log =~ /keeping the previous content/ }, 30),
   'one of two workers finds an invalid file');
sleep 1;
is(failures($consumers), 1, 'which is counted once');
$server->stop;

done_testing();
