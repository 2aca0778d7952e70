# SPDX-License-Identifier: BSD-2-Clause

# The cache also respects credentials that a method of authentication rejects:
# in dry_run, or where another method grants access, the origin may accept such
# a credential, and its response must not be sent to others.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Consumer;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $origin = origin();
my $up = "proxy_pass http://127.0.0.1:@{[ $origin->port ]};";
my $token = token(claims => { sub => 'alice' });
my $bad = token(claims => { sub => 'alice', exp => 1 });

# place => [ the variable, the header field in the request, the parameter of
# gateway_api_key ]

my %place = (
    header => [ '$http_x_c', 'X-C: ', 'header=X-C' ],
    cookie => [ '$cookie_c', 'Cookie: c=', 'cookie=c' ],
    map    => [ '$mapped', 'X-M: ' ],
);

my %mode = (
    'jwt-dry' => 'gateway_jwt r token=%s; gateway_jwt_mode dry_run;',
    'jwt-any' => 'gateway_jwt r token=%s; satisfy any; allow all;',
    'jwt-two' => 'gateway_jwt r token=%s token=$arg_c; gateway_jwt_mode dry_run;',
    'jwt-off' => 'gateway_jwt off token=%s;',
    'jwt-except' => 'limit_except POST { gateway_jwt r token=%s;'
                    . " gateway_jwt_mode dry_run; $up }",
    'key-dry' => 'gateway_api_key r %s; gateway_api_key_hide off;'
                 . ' gateway_api_key_mode dry_run;',
    'key-any' => 'gateway_api_key r %s; gateway_api_key_hide off;'
                 . ' satisfy any; allow all;',
);

my @cases;

for my $mode (sort keys %mode) {
    for my $place (sort keys %place) {
        my ($variable, $field, $key) = @{ $place{$place} };
        my $where = $mode =~ /^key/ ? $key : $variable;
        push @cases, [ "/$mode-$place", sprintf($mode{$mode}, $where), $field ]
            if defined $where;
    }
}

my $locations = CORE::join "\n",
    map { "location $_->[0] { $_->[1] $up }" } @cases;

my $nginx = start_nginx(
    files => { 'jwks.json' => jwks('es256'),
               'consumers.json' => consumers(consumer('acme')) },
    http => 'gateway_cache_zone zone=z:4m; map $http_x_m $mapped { default $http_x_m; }'
            . ' gateway_consumers zone=c:1m file=consumers.json;',
    server => <<"END");
    gateway_jwt_key_file jwks.json;
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    $locations
    location /redirected { gateway_jwt r token=\$http_x_c; gateway_jwt_mode dry_run;
                           try_files /none \@later; }
    location \@later { gateway_jwt off; $up }
    location /open { $up }
END

sub status {
    my (undef, $head) = http_get($nginx->port, $_[0],
                                 headers => [ @_[1 .. $#_] ]);
    my ($status) = $head =~ /^X-Status: (\w*)/m;
    my ($reason) = $head =~ /^X-Reason: (\S+)/m;
    return CORE::join ' ', grep { length } $status // 'none', $reason // '';
}

$origin->answer('*', head => [ 'Cache-Control: max-age=60' ]);

for my $case (@cases, [ '/redirected', undef, 'X-C: ' ]) {
    my ($path, undef, $field) = @$case;
    my @refused = ($bad, 'x.y.z', "$token.");

    is(status("$path?$_", "$field$refused[$_]"), 'MISS credentials',
       "$path: not stored, $_") for 0 .. $#refused;
    is(status("$path?0"), 'MISS', "$path: no credential: a miss");
    is(status("$path?0"), 'HIT', "$path: no credential: a hit");
    is(status("$path?0", "$field$bad"), 'BYPASS credentials',
       "$path: the stored response is not sent for a credential");
    is(status("$path?0", "X-Other: $bad"), 'HIT',
       "$path: a credential where no method looks");
}

is(status('/open', "X-C: $bad"), 'MISS', 'no method: a miss');
is(status('/open', "X-C: $token"), 'HIT',
   'no method: a token is no credential');

$nginx->stop;

done_testing;
