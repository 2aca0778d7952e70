# SPDX-License-Identifier: BSD-2-Clause

# Identity variables that are read before authentication: one line at level
# "error" for each location, for any reader and any number of reads; and no line
# if the value is known or decides nothing.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Consumer;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

my $token = token(claims => { sub => 'alice', role => 'a' });
my $key = api_key('acme');
my $on = 'gateway_jwt r; gateway_jwt_key_file jwks.json;';
my $api_key = 'gateway_api_key r header=X-K;';
my $origin = free_port();
my $if = 'if ($gateway_jwt_claim_role = a) { return 403; } root html; try_files /ok =404;';

my $maps = <<'END';
    gateway_jwt_claim_set $tenant tenant;
    gateway_jwt_header_set $kid kid;
    map $gateway_consumer $cached { default "[$gateway_consumer]"; }
    map $gateway_jwt_claim_role $fresh { volatile; default x; a y; }
    map $cached $chained { default z; }
    split_clients $gateway_consumer $split { 50% a; * b; }
    limit_req_zone $gateway_consumer zone=req:64k rate=1000r/s;
    limit_req_zone $fresh zone=mapped:64k rate=1000r/s;
    limit_req_zone $binary_remote_addr zone=address:64k rate=1000r/s;
    limit_conn_zone $gateway_jwt_claim_sub zone=conn:64k;
    gateway_limit_zone $gateway_consumer zone=ours:64k rate=1000r/s;
    gateway_limit_zone $server_port zone=none:64k rate=0r/d stage=early;
    gateway_limit_zone $fresh zone=early:64k rate=1000r/s stage=early;
    gateway_limit_zone $server_port zone=planned:64k rate=$fresh|1000r/s stage=early;
    gateway_limit_zone $server_port zone=address-early:64k rate=1000r/s stage=early;
    gateway_limit_zone $fresh zone=late:64k rate=1000r/s;
END

# --- what each location has, and the variable that is named; "": none

my %reads = (
    (map { ("set-$_" => [ "$on set \$x \$$_;", $_ ]) }
     qw( gateway_consumer gateway_jwt_claim_suspended gateway_credential gateway_scopes
         gateway_groups gateway_plan gateway_client gateway_auth_method
         gateway_auth_reason gateway_consumer_city gateway_jwt_header_kid
         gateway_jwt_payload gateway_jwt_status gateway_jwt_refused_claim_sub tenant
         kid )),

    # readers
    if => [ "$on if (\$gateway_jwt_claim_suspended = true) { return 403; }",
            'gateway_jwt_claim_suspended' ],
    'if-inner' => [ "$on if (\$arg_a = '') { set \$x \$gateway_consumer; }",
                    'gateway_consumer' ],
    rewrite => [ "$on rewrite ^/(none) /\$gateway_consumer last;"
                 . ' rewrite ^/rewrite /ok?c=$gateway_plan? last;', 'gateway_plan' ],
    'limit-req' => [ "$on limit_req zone=req;", 'gateway_consumer' ],
    'limit-req-map' => [ "$on limit_req zone=mapped;", 'gateway_jwt_claim_role' ],
    'limit-conn' => [ "$on limit_conn conn 100;", 'gateway_jwt_claim_sub' ],
    'early-limit' => [ "$on gateway_limit zone=early;", 'gateway_jwt_claim_role' ],
    'early-figure' => [ "$on gateway_limit zone=planned;", 'gateway_jwt_claim_role' ],
    'early-cost' => [ "$on gateway_limit zone=address-early cost=\$fresh|1;",
                      'gateway_jwt_claim_role' ],
    'early-exempt' => [ "$on gateway_limit zone=address-early;"
                        . ' gateway_limit_exempt $gateway_consumer_free;' ],
    'early-off' => [ 'gateway_limit zone=early;' ],
    'late-limit' => [ "$on gateway_limit zone=late;" ],
    'map' => [ "$on set \$x \$cached;", 'gateway_consumer' ],
    'map-volatile' => [ "$on set \$x \$fresh;", 'gateway_jwt_claim_role' ],
    'map-map' => [ "$on set \$x \$chained;", 'gateway_consumer' ],
    split => [ "$on set \$x \$split;", 'gateway_consumer' ],
    twice => [ "$on set \$x \$gateway_plan; set \$y \$gateway_consumer;"
               . ' limit_req zone=mapped;', 'gateway_plan' ],

    # the method
    'api-key' => [ "$api_key set \$x \$gateway_consumer;", 'gateway_consumer' ],
    'dry-run' => [ "$on gateway_jwt_mode dry_run; set \$x \$gateway_consumer;",
                   'gateway_consumer' ],
    optional => [ "$on gateway_jwt_mode optional; set \$x \$gateway_consumer;",
                  'gateway_consumer' ],
    any => [ "$on satisfy any; allow all; set \$x \$gateway_consumer;",
             'gateway_consumer' ],
    except => [ "limit_except POST { $on } limit_req zone=req;", 'gateway_consumer' ],
    'except-get' => [ "limit_except GET { $on } limit_req zone=req;" ],
    off => [ "set \$x \$gateway_consumer; set \$y \$cached;" ],
    'off-req' => [ 'limit_req zone=req;' ],
    decode => [ 'gateway_jwt off token=$http_x_t; set $x $gateway_jwt_claim_a;' ],
    outer => [ 'set $x $gateway_consumer; location /outer/inner { ' . $on . ' }' ],

    # redirects
    'from-open' => [ 'try_files /none @closed;' ],
    'from-closed' => [ "$on try_files /none \@later;" ],
    'accel' => [ "$on proxy_pass http://127.0.0.1:$origin/accel;" ],
    'page' => [ "$on error_page 404 = \@later; try_files /none =404;" ],

    # readers that run late enough
    late => [ "$on add_header X-C \$gateway_consumer;" ],
    'late-map' => [ "$on add_header X-C \$cached;" ],
    proxy => [ "$on proxy_set_header X-C \$gateway_consumer;"
               . " proxy_pass http://127.0.0.1:$origin/ok;" ],
    require => [ "$on gateway_jwt_require \$fresh;" ],
    limit => [ "$on gateway_limit zone=ours;" ],
    'address-req' => [ "$on limit_req zone=address;" ],
    route => [ "$on set \$x \$gateway_route;" ],
    request => [ "$on auth_request /sub;" ],
    mirror => [ "$on mirror /sub;" ],

    # early responses
    forbidden => [ "$on add_header X-C \$gateway_consumer always; return 403;" ],
    text => [ "$on return 201 \$gateway_consumer;" ],
    moved => [ "$on return 302 /\$gateway_consumer;" ],
    logged => [ "$on access_log logs/identity.log identity; return 403;" ],
    closed => [ "$on access_log logs/identity.log identity; return 444;" ],
    'page-uri' => [ "$on error_page 403 =200 /ok?c=\$gateway_consumer; return 403;" ],
    'page-status' => [ "$on error_page 403 = /ok?c=\$gateway_consumer; return 403;" ],
    'page-reads' => [ "$on error_page 403 /early-page; return 403;" ],
    'page-of-limit' => [ "$on gateway_limit zone=none; recursive_error_pages on;"
                         . ' error_page 429 = @later;' ],
    'page-reads-200' => [ "$on error_page 403 =200 /early-page; return 403;" ],

    # the page of a location without a method
    (map { ("page-$_->[0]" => [ "error_page 404 $_->[1]; $_->[2]" ]) }
     [ static => '= @static', '' ], [ return => '= @return', 'return 404;' ],
     [ 200 => '=200 /page-of-200', '' ], [ keeps => '/page-of-keeps', '' ],
     [ origin => '= @origin',
       "proxy_intercept_errors on; proxy_pass http://127.0.0.1:$origin/none;" ],
     [ set => '= @set', '' ], [ off => '= @off', '' ], [ text => '= @text', '' ]),
);

my $locations = CORE::join "\n",
    map { "location /$_ { root html; $reads{$_}[0] }" } sort keys %reads;

my @ports = map { free_port() } 1 .. 4;
my $server = start_nginx(
    workers => 3,
    files => { 'jwks.json' => jwks('es256'),
               (map { ("html/$_" => 'x') } grep { !/^page-(?!reads|uri|status)/ } keys %reads),
               'consumers.json' => consumers(consumer('acme')), 'html/ok' => 'ok',
               'html/a' => 'a', 'html/b' => 'b' },
    http => <<"END",
    $maps
    gateway_consumers zone=consumers:1m file=consumers.json;
    log_format identity '\$gateway_consumer \$gateway_jwt_claim_sub';
    server {
        listen 127.0.0.1:$origin;
        location /accel { add_header X-Accel-Redirect /later; return 200; }
        location /none { return 404; }
        location / { return 200 "\$http_x_c"; }
    }
    # readers in the server, and the methods of its locations
    server {
        listen 127.0.0.1:$ports[0];
        set \$x \$gateway_consumer;
        root html;
        location /a { $on }
        location /b { set \$y \$gateway_plan; }
    }
    server {
        listen 127.0.0.1:$ports[1];
        set \$x \$gateway_consumer;
        root html;
        location /a { gateway_jwt off; }
    }
    server {
        listen 127.0.0.1:$ports[2];
        if (\$gateway_jwt_claim_x = 1) { return 403; }
        $on
        root html;
    }
    server {
        listen 127.0.0.1:$ports[3];
        $on
        return 403;
        add_header X-C \$gateway_consumer always;
    }
END
    server => <<"END");
    root html;
    $locations
    location = /ok { gateway_jwt off; }
    location = /sub { $on set \$x \$gateway_consumer; return 204; }
    location = /later { $on set \$x \$gateway_consumer; root html; try_files /ok =404; }
    location = /early-page { $on set \$x \$gateway_consumer; root html; }
    location \@static { $on $if }
    location \@return { $on $if }
    location /page-of-200 { $on $if }
    location /page-of-keeps { $on $if }
    location \@origin { $on $if }
    location \@set { $on set \$x \$gateway_jwt_claim_role; root html; try_files /ok =404; }
    location \@off { gateway_jwt off; $if }
    location \@text { $on return 200 \$gateway_jwt_claim_role; }
    location \@closed { $on set \$x \$gateway_groups; root html; try_files /ok =404; }
    location \@later { $on set \$x \$gateway_consumer; root html; try_files /ok =404; }
END

sub line {
    my ($place) = @_;

    my @lines = grep { /$place/ } split /\n/, $server->log;
    return map { s/^\S+ \S+ //r =~ s/\d+#\d+: \*\d+ //r =~ s/:\d+, use/:N, use/r }
           grep { /is read before/ } @lines;
}

sub message {
    my ($variable, $place) = @_;

    return qq([error] "\$$variable" is read before authentication, when the client is)
           . " not known yet, in $place in " . $server->dir . '/nginx.conf:N, use'
           . ' "gateway_jwt_require_claim", "gateway_deny_group", "gateway_limit", or a'
           . ' "map" that is read later';
}

my @headers = ("Authorization: Bearer $token", "X-K: $key");

for my $name (sort keys %reads) {
    my $variable = $reads{$name}[1];

    # several connections, so that more than one worker answers
    http_get($server->port, "/$name", headers => \@headers) for 1 .. 6;

    my $place = qq(in location "/$name" in);
    is_deeply([ line($place) ],
              [ $variable ? message($variable, qq(location "/$name")) : () ],
              ($variable ? "one line: $name, $variable" : "silent: $name"));
}

is_deeply([ line('location "@closed"') ],
          [ message('gateway_groups', 'location "@closed"') ],
          'a named location that is entered from an open one');
is_deeply([ map { line("location \"$_\"") } '@later', '= /later', '= /sub' ], [],
          'an internal redirect after authentication, a subrequest');
is_deeply([ line('location "= /early-page"') ],
          [ message('gateway_consumer', 'location "= /early-page"') ],
          'the location of an error page');
is_deeply([ line("location \"$_\"") ],
          [ message('gateway_jwt_claim_role', "location \"$_\"") ],
          "the page of a location without a method, $_")
    for qw( @static @return /page-of-200 /page-of-keeps @origin @set );
is_deeply([ map { line("location \"$_\"") } qw( @off @text ) ], [],
          'a page without a method, and one that is a text');

# --- servers

for my $i (0 .. 3) {
    http_get($ports[$i], $_, headers => \@headers) for qw( /a /b /a /b );
}
my ($first, $last) = map { [ line("the server in .*:$_,") ] } map {
    my $port = $ports[$_];
    my @lines = split /\n/, Test::Gateway::Server::slurp($server->dir . '/nginx.conf');
    my ($at) = grep { $lines[$_] =~ /127\.0\.0\.1:$port;/ } 0 .. $#lines;
    $at;                # the line before it, from 1: "server {"
} 0, 2;

is_deeply($first, [ message('gateway_consumer', 'the server') ],
          'a server that reads for a location with a method');
is_deeply($last, [ message('gateway_jwt_claim_x', 'the server') ],
          'a server with a method');
is(scalar(line('the server')), 2, 'no other server');
is(scalar(line('location "/b"')), 0, 'a neighbouring location without a method');

# --- the line contains no credential, and a reload logs it again

unlike($server->log =~ s/^(?!.*is read before).*\n//mgr, qr/\Q$token\E|\Q$key\E|request:/,
       'the lines do not contain the request');

my $lines = line('.');
$server->reload;
http_get($server->port, '/if', headers => \@headers) for 1 .. 3;
is(scalar(line('.')), $lines + 1, 'once more after a reload');

# --- the values do not change

like((http_get($server->port, '/late', headers => \@headers))[1], qr/^X-C: alice\r$/m,
     'a late reader gets the value');
like((http_get($server->port, '/late-map', headers => \@headers))[1],
     qr/^X-C: \[alice\]\r$/m, 'through a map, too');

$server->stop;

done_testing();
