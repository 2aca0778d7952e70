# SPDX-License-Identifier: BSD-2-Clause

# auth_verdicts_total: what methods and access rules have decided, by reason.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway::Consumer;
use Test::Gateway::Scrape;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

my $port = free_port();
my $conf = http_conf(port => $port, http => <<"END", server => <<"END");
    $Metrics{http}
    gateway_consumers zone=consumers:1m file=consumers.json;
    gateway_jwt_key_file jwks.json;
END
    $Metrics{server}
    location = /required { gateway_jwt api; empty_gif; }
    location = /optional {
        gateway_jwt api; gateway_jwt_mode optional; empty_gif;
    }
    location = /dry { gateway_jwt api; gateway_jwt_mode dry_run; empty_gif; }
    location = /scope {
        gateway_jwt api; gateway_require_scope write; empty_gif;
    }
    location = /rule {
        gateway_jwt api; gateway_jwt_mode optional;
        gateway_require_scope write; empty_gif;
    }
    location = /key { gateway_api_key api; empty_gif; }
    location = /either {
        satisfy any; gateway_jwt api; gateway_api_key api; empty_gif;
    }
    location = /page {
        gateway_api_key api; error_page 401 = /key; empty_gif;
    }
END

# no memory for the parts of a large token while the file "none" exists

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0777, "$dir";
my $preload = library("$dir/none.so", <<"END");
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);

void *
malloc(size_t size)
{
    if (size > 4500 && size < 6500 && access("$dir/none", F_OK) == 0) {
        return NULL;
    }

    return __libc_malloc(size);
}
END

local $ENV{LD_PRELOAD} = $preload ? "$dir/none.so" : '';
my $server = start_nginx(port => $port, conf => $conf, files => {
    'jwks.json' => jwks('a'),
    'consumers.json' => consumers(consumer('acme')),
});

my $good = 'Authorization: Bearer ' . token(key => 'a',
                                            claims => { sub => 'alice' });
my $late = 'Authorization: Bearer '
           . token(key => 'a', claims => { sub => 'alice',
                                           exp => time - 3600 });
my $key = 'X-API-Key: ' . api_key('acme');
my @labels = qw( method result reason );

sub get {
    my ($path, $n, @headers) = @_;

    my %status;
    $status{ (http_get($server, $path, headers => \@headers))[0] }++
        for 1 .. $n;
    return join ' ', map { "$_:$status{$_}" } sort keys %status;
}

is(get('/required', 5, $good), '200:5', 'five valid tokens');
is(get('/required', 3, $late), '401:3', 'three that have expired');
is(get('/required', 2), '401:2', 'two requests without one');
is(get('/optional', 4), '200:4', 'four where it is optional');
is(get('/optional', 1, $late), '401:1', 'one that has expired there');
is(get('/dry', 2, $good), '200:2', 'two where nothing is refused');
is(get('/dry', 3, $late), '200:3', 'three invalid ones');
is(get('/dry', 1), '200:1', 'and none');
is(get('/key', 2, $key), '200:2', 'two keys');
is(get('/key', 1, 'X-API-Key: nonsense'), '401:1', 'one that nobody has');
is(get('/scope', 3, $good), '403:3', 'three tokens without the scope');
is(get('/rule', 2), '401:2', 'two anonymous requests, which a rule refuses');

my %expected = (
    'jwt granted ' => 5 + 3,
    'jwt refused expired' => 3 + 1,
    'jwt refused missing' => 2,
    'jwt anonymous missing' => 4 + 2,
    'jwt granted_dry_run ' => 2,
    'jwt refused_dry_run expired' => 3,
    'jwt refused_dry_run missing' => 1,
    'api_key granted ' => 2,
    'api_key refused unknown_key' => 1,
    'access refused insufficient_scope' => 3,
    'access refused missing' => 2,
);

counted($server, 'auth_verdicts_total', \@labels, \%expected,
        'each verdict is counted once');

is(get('/either', 1, $key), '200:1', 'one of two methods is enough');
$expected{'jwt refused missing'} += 1;
$expected{'api_key granted '} += 1;
counted($server, 'auth_verdicts_total', \@labels, \%expected,
        'the verdicts of both are counted');

is(get('/page', 1), '401:1', 'an error page decides anew');
$expected{'api_key refused missing'} = 2;
counted($server, 'auth_verdicts_total', \@labels, \%expected,
        'and is counted');

SKIP: {
    skip 'nginx does not start with another malloc()', 2 if !$preload;

    my ($one, $other) = map { 'Authorization: Bearer '
                              . token(key => 'a', claims => { sub => $_ x 4500 })
                            } qw( x y );
    is(get('/required', 1, $one), '200:1', 'a large token');
    $expected{'jwt granted '} += 1;
    write_file("$dir/none", '');
    $server->allow('malloc(');
    is(get('/required', 2, $other), '500:2', 'no memory for another one');
    unlink "$dir/none" or die $!;
    $expected{'jwt failed internal_error'} += 2;
    counted($server, 'auth_verdicts_total', \@labels, \%expected,
            'which is no verdict about them');
}

ok($server->reload, 'a reload');
is(get('/required', 2, $good), '200:2', 'two more tokens');
$expected{'jwt granted '} += 2;
counted($server, 'auth_verdicts_total', \@labels, \%expected,
        'the counts go on after a reload');

$server->stop;

done_testing();
