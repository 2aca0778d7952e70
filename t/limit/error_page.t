# SPDX-License-Identifier: BSD-2-Clause

# Limits of an error page that has a status of its own and uses an upstream server
# are charged, although the request was rejected before.

use v5.28;
use warnings;
use lib 't/lib';

use JSON::PP;
use Test::Gateway;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $origin = origin();
$origin->answer('*', head => [ 'X-Cost: 5' ], body => 'page');
my $pass = 'proxy_pass http://127.0.0.1:' . $origin->port . ';';

my $nginx = start_nginx(files => { 'keys.json' => jwks('es256') },
    http => 'gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=99;',
    server => <<"END");
    location / {
        gateway_jwt          r;
        gateway_jwt_key_file keys.json;
        location /plain   { error_page 401 = \@plain;   $pass }
        location /settled { error_page 401 = \@settled; $pass }
        location /kept    { error_page 401   \@plain;   $pass }
    }
    location \@plain   { gateway_limit zone=z cost=3; $pass }
    location \@settled {
        gateway_limit zone=z cost=\$upstream_http_x_cost settle reserve=10;
        $pass
    }
    location = /limits { gateway_limit_admin zone=z from=127.0.0.1; }
END

sub used {
    my ($key) = @_;
    my ($status, undef, $body) = http_get($nginx, "/limits?zone=z&key=$key");
    return $status == 404 ? 0 : decode_json($body)->{used};
}

for ([ plain => 200, 3 ], [ settled => 200, 5 ], [ kept => 401, 3 ]) {
    my ($name, $status, $units) = @$_;
    my ($is, undef, $body) = http_get($nginx, "/$name?k=$name");
    is("$is $body", "$status page", "$name: the page is sent");
    wait_until(sub { used($name) == $units });
    is(used($name), $units, 'and is charged');
}
$nginx->stop;

done_testing();
