# SPDX-License-Identifier: BSD-2-Clause

# The log line of a rejected key describes the mistake without a byte of the
# key.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Consumer;
use Test::Gateway::Server;
use Test::More;

plan skip_all => 'starts no master' if $ENV{GATEWAY_MASTER};

my $key = api_key('acme');
my $server = start_nginx(
    files  => { "consumers.json" => consumers(consumer("acme")) },
    http   => "gateway_consumers zone=c:1m file=consumers.json;",
    server => <<'CONF');
location / {
    gateway_api_key r header=X-API-Key bearer query=key;
    gateway_api_key_format gw;
    root html;
}
CONF

my $form = 'the key is not of the form gw_<id>_<secret><check>';
my $check = 'the check at the end of the key does not match';

for ([ 'another system', 'X-API-Key: secret-of-others', '/', $form ],
     [ 'a key that is cut', 'X-API-Key: ' . substr($key, 0, -1), '/',
       $form ],
     [ 'a wrong check', 'X-API-Key: ' . ($key =~ s/.$/$& eq '0' ? 1 : 0/er), '/',
       $check ],
     [ 'a tab', "Authorization: Bearer\t$key", '/',
       'Authorization is not "Bearer", a space and a key' ],
     [ 'another spelling', 'X: y', "/?%6Bey=$key",
       'the name before the key is misspelled' ],
     [ 'an escape that is cut', 'X: y', '/?key=%',
       'the key is empty when decoded' ])
{
    my ($name, $line, $uri, $why) = @$_;
    my $before = length $server->log;
    $server->get($uri, headers => [ $line ]);
    my ($said) = (substr $server->log, $before)
                 =~ /reason "malformed_key", key "[^"]*", (.*?), client: 127/;
    is($said, $why, $name);
}

unlike($server->log, qr/\Q$key\E|secret-of-others/, 'no key is logged');
$server->stop;
done_testing();
