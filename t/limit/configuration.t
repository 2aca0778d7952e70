# SPDX-License-Identifier: BSD-2-Clause

# The messages of nginx -t about zones and limits: each error in full, with file
# and line; warnings; and that directives are inherited, merged and replaced like
# those of nginx.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Said qw( said refused accepted );

$Test::Gateway::More = 1;

no_root_location();
run_tests();

$Test::Gateway::Said::Files
    = { 'keys.json' => jwks('es256'),
        'c.json' => consumers(consumer('a', groups => [ 'g' ])) };

# most zones here are unused; t/core/without_effect.t tests that warning
$Test::Gateway::Said::Ignore
    = qr/of "gateway_limit_zone" is never used in|"gateway_consumers" has no/;

my $z = 'gateway_limit_zone $arg_k';

sub http { return http_conf(http => "\n$_[0]  #!\n") }

# zones z (a rate), w (windows), q (a quota), c (concurrency), e (early)
my $zones = CORE::join "\n", map { "gateway_limit_zone \$arg_k $_;" }
    'zone=z:64k rate=1r/s', 'zone=w:64k rate=1r/s algorithm=fixed_window',
    'zone=s:64k rate=1r/s algorithm=sliding_window', 'zone=q:64k quota=1/day',
    'zone=c:64k concurrency=1', 'zone=e:64k rate=1r/s stage=early';

sub server { return http_conf(http => $zones, server => "\n$_[0]") }
sub alone { return server("$_[0]  #!\n") }
sub set { return server("gateway_limit zone=z; $_[0]  #!\n") }

sub warned {
    my ($conf, $message, $name) = @_;
    is_deeply([ said($conf) ], [ 0, "[warn] $message" ], "warning: $name");
}


# --- a key that authentication hides before late limits read it

my %hides = (
    '$http_x_api_key'     => 'gateway_api_key k;',
    '${HTTP_X_Api_Key}'   => 'gateway_api_key k;',
    '$http_x_key'         => 'gateway_api_key k header=X-Key;',
    '$arg_key'            => 'gateway_api_key k query=key cookie=other;',
    '$cookie_key'         => 'gateway_api_key k query=other cookie=Key;',
    '$http_authorization' => 'gateway_jwt r; gateway_jwt_hide on; '
                             . 'gateway_jwt_key_file keys.json;',
    '$cookie_t'           => 'gateway_jwt r token=$cookie_t; '
                             . 'gateway_jwt_hide on; '
                             . 'gateway_jwt_key_file keys.json;',
);

sub hidden {
    my ($key, $method, $stage) = @_;
    return http_conf(http => 'gateway_consumers zone=c:1m file=c.json; '
        . "gateway_limit_zone $key zone=h:64k rate=1r/s $stage;",
        server => "\nlocation / { $method\ngateway_limit zone=h; #!\n}\n");
}

for my $key (sort keys %hides) {
    my $method = $hides{$key};
    my $name = lc $key =~ s/[\${}]//gr;

    my ($code, @lines) = said(hidden($key, $method, ''));
    is($code, 1, "$key hidden by $method: error");
    like($lines[-1], qr/^\[emerg\] zone "h" counts by \$$name, which is hidden after authentication by the block in DIR\/nginx.conf:\d+, use \$gateway_credential or stage=early, in DIR\/nginx.conf:LINE$/,
         "$key hidden by $method: with both places and the remedy");

    for ([ $key, $method, 'stage=early' ], [ "${key}x", $method, '' ],
         [ '$gateway_credential', $method, '' ],
         [ $key, "$method gateway_api_key_hide off; gateway_jwt_hide off;"
                 =~ s/gateway_jwt_hide on; //r, '' ])
    {
        my ($code, @lines) = said(hidden(@$_));
        is("@lines[grep { $lines[$_] =~ /emerg/ } 0 .. $#lines]", '',
           "@$_: accepted");
    }
}

# keys of several variables

{
    my $two = 'gateway_api_key r header=X-K cookie=c query=q;';

    for (['$http_x_k$arg_q', 'arg_q'], ['${cookie_C}${Http_X_K}', 'Http_X_K'],
         ['$arg_q${cookie_c}$http_x_k', 'http_x_k']) {
        my ($key, $name) = @$_;
        my ($code, @lines) = said(hidden($key, $two, ''));
        is($code, 1, "$key: error");
        like($lines[-1], qr/^\[emerg\] zone "h" counts by \$$name, which is hidden /,
             "$key: no variable is left");
    }

    for ('$http_x_k$uri', '$uri$http_x_k', 'x$arg_q', '${http_x_k}-$arg_q', '$arg_q$arg_other', '$http_x_k$gateway_credential', '$request_uri') {
        my ($code, @lines) = said(hidden($_, $two, ''));
        is_deeply([ $code, @lines ], [ 0 ], "$_: the key is not empty");
    }

    # lists of which the credential may be the only member
    for (['$http_cookie', $two, 1], ['$args', $two, 1], ['${Query_String}', $two, 1],
         ['$http_cookie', 'gateway_api_key r query=q;', 0],
         ['$args', 'gateway_api_key r cookie=c;', 0],
         ['$args', "$two gateway_api_key_hide off;", 0], ['$args$uri', $two, 0]) {
        my ($key, $method, $warns) = @$_;
        my $name = lc $key =~ s/[\${}]//gr;
        my ($code, @lines) = said(hidden($key, $method, ''));
        is($code, 0, "$key, $method: accepted");
        like("@lines", $warns ? qr/^\[warn\] zone "h" counts by \$$name, from which the block in DIR\/nginx.conf:\d+ removes the credential after authentication, requests without other values are not limited; use \$gateway_credential or stage=early, in DIR\/nginx.conf:LINE$/
                              : qr/^$/, "$key, $method: " . ($warns ? 'warning' : 'no warning'));
    }
}


# --- zones: valid configurations

accepted(http("$z $_;"), $_)
    for 'zone=a:64k rate=1r/s', 'zone=a:64k rate=0r/s', 'rate=1r/m zone=a:64k',
        'zone=a:64k rate=1000000000r/d', 'zone=a:64k rate=1r/s burst=0',
        'zone=a:64k rate=100r/h burst=1000000',
        'zone=a:64k rate=1r/s algorithm=gcra burst=5',
        'zone=a:64k rate=1r/s algorithm=sliding_window',
        'zone=a:64k rate=1r/s algorithm=fixed_window',
        (map { "zone=a:64k quota=10/$_" } qw( minute hour day week month )),
        'zone=a:64k quota=10/month timezone=UTC',
        'zone=a:64k quota=10/month timezone=Europe/Berlin',
        'zone=a:64k quota=10/month algorithm=fixed_window',
        'zone=a:64k concurrency=20', 'zone=a:64k concurrency=0',
        'zone=a:64k rate=1r/s ipv6_prefix=1', 'zone=a:64k rate=1r/s ipv6_prefix=128',
        'zone=a:64k rate=1r/s stage=early', 'zone=a:64k rate=1r/s stage=late',
        'zone=a:64k rate=1r/s dry_run', 'zone=A_9-.b:64k rate=1r/s',
        'zone=a:64k rate=$arg_a|1r/s burst=$arg_b|2', 'zone=a:64k quota=$arg_a|1/day',
        'zone=a:64k concurrency=$arg_a|1', 'zone=a:64k rate=$arg_a$arg_b|$arg_c|1r/s';

my $redis = "gateway_redis fleet { server 127.0.0.1:1; }\n";
accepted(http_conf(http => "$redis$z zone=a:64k $_ redis=fleet;"), "redis: $_")
    for 'rate=1r/s', 'rate=1r/s algorithm=fixed_window', 'quota=1/month',
        map { "rate=1r/s on_error=$_" } qw( local local=0.5 local=1 local=0.001
                                            open closed );
accepted(http("gateway_limit_zone $_ zone=a:64k rate=1r/s;"), "the key $_")
    for '$gateway_client', '$binary_remote_addr', '$arg_a$arg_b', 'x$arg_a',
        '${arg_a}', '$uri';


# --- zones

refused(http("gateway_limit_zone zone=a:64k rate=1r/s;"),
        'the argument before "zone=a:64k" in "gateway_limit_zone" is missing',
        'no key');
refused(http("gateway_limit_zone all zone=a:64k rate=1r/s;"),
        'the key "all" is the same for all requests, it must contain a '
        . 'variable such as $gateway_client', 'a key without a variable');

refused(http("gateway_limit_zone \$arg_k;"),
        'invalid number of arguments in "gateway_limit_zone" directive',
        'a key alone');
refused(http("$z rate=1r/s;"),
        '"gateway_limit_zone" must have "zone=name:size"', 'no zone');

my $zone = 'zone "a" of "gateway_limit_zone": ';
my $one = $zone . 'must have one of "rate=", "quota=" and "concurrency="';

refused(http("$z zone=a:64k $_;"), $one, $_)
    for 'dry_run', 'burst=5', 'rate=1r/s quota=1/day', 'rate=1r/s concurrency=1',
        'quota=1/day concurrency=1', 'rate=1r/s quota=1/day concurrency=1';

refused(http("$z zone=a:64k $_;"),
        $zone . '"burst=" requires "rate=" with "algorithm=gcra"', $_)
    for 'rate=1r/s algorithm=fixed_window burst=1',
        'rate=1r/s algorithm=sliding_window burst=0', 'quota=1/day burst=1',
        'concurrency=1 burst=1';
refused(http("$z zone=a:64k $_;"),
        $zone . '"algorithm=" requires "rate=", a quota is counted in calendar windows', $_)
    for 'quota=1/day algorithm=gcra', 'quota=1/day algorithm=sliding_window',
        'concurrency=1 algorithm=gcra', 'concurrency=1 algorithm=fixed_window';
refused(http("$z zone=a:64k $_ timezone=UTC;"),
        $zone . '"timezone=" requires "quota="', "timezone= with $_")
    for 'rate=1r/s', 'concurrency=1', 'rate=1r/d algorithm=fixed_window';
refused(http("$z zone=a:64k $_;"), $zone . '"on_error=" requires "redis="', $_)
    for 'rate=1r/s on_error=local', 'quota=1/day on_error=open',
        'concurrency=1 on_error=closed';
refused(http_conf(http => "$redis\n$z zone=a:64k concurrency=1 redis=fleet;  #!\n"),
        $zone . '"concurrency=" is counted on each node and conflicts with "redis="',
        'concurrency with redis');
refused(http("$z zone=a:64k rate=1r/s redis=fleet;"),
        'unknown redis "fleet" in "gateway_limit_zone", there is no '
        . '"gateway_redis" of this name', 'an unknown redis');
refused(http_conf(http => "$redis\n$z zone=a:64k rate=1r/s redis=fleet $_;  #!\n"),
        'invalid value "' . s/.*?=//r . '" in parameter "on_error=", it must be '
        . '"local", "local=" with a share from 0.001 to 1, "open" or "closed"', $_)
    for map { "on_error=$_" } qw( wait local= local=0 local=1.001 local=2
                                  local=0.0001 local=x open= closed=1 );

# variables and their defaults

my %form = (rate => 'a rate such as 10r/s, 100r/m, 1000r/h or 5000r/d',
            quota => 'a quota such as 1000/month, with minute, hour, day, week '
                     . 'or month', concurrency => 'a number', burst => 'a number');

refused(http("$z zone=a:64k $_=\$arg_a;"),
        "\"$_=\$arg_a\" requires a fallback value after \"|\": $form{$_}",
        "a variable $_ without |")
    for qw( rate quota concurrency );
refused(http("$z zone=a:64k rate=1r/s burst=\$arg_a;"),
        '"burst=$arg_a" requires a fallback value after "|": a number',
        'a variable burst without |');

for ([ rate => '10', '10r', '10r/w', 'r/s', '-1r/s', '1.5r/s', '10R/s',
       '1000000000001r/s', '10/s', '', '10 r/s', '1r/s|2r/s' ],
     [ quota => '10', '10/year', '10/second', '10r/m', '/day', '10/days', '',
       '10/Month' ],
     [ concurrency => 'x', '-1', '1.0', '', '5/s', '0x5' ])
{
    my ($kind, @values) = @$_;
    refused(http(qq($z zone=a:64k "$kind=$_";)),
            "invalid value \"$_\" in parameter \"$kind=\", it must be $form{$kind}",
            "$kind=$_") for @values;
    refused(http(qq($z zone=a:64k "$kind=\$arg_a|$_";)),
            "invalid value \"$_\" in parameter \"$kind=\", it must be $form{$kind}",
            "$kind=\$arg_a|$_") for grep { !/\|/ } @values;
}
refused(http("$z zone=a:64k rate=1r/s burst=$_;"),
        "invalid value \"$_\" in parameter \"burst=\", it must be a number",
        "burst=$_") for '-1', 'x', '1k', '1.5';

# ranges

refused(http("$z zone=a:64k rate=1000000001r/s;"),
        $zone . 'the rate must be at most 1000000000 per period', 'a rate too high');
refused(http("$z zone=a:64k rate=1r/d burst=36525;"),
        $zone . 'the burst would take over a hundred years to refill', 'a burst too high');
accepted(http("$z zone=a:64k rate=1r/d burst=36523;"), 'a burst not too high');
refused(http("$z zone=a:64k rate=8589934592r/d algorithm=sliding_window;"),
        $zone . 'the limit exceeds what a window of this length can count',
        'a sliding window of a day too large');
accepted(http("$z zone=a:64k rate=8589934591r/d algorithm=sliding_window;"),
         'a sliding window of a day not too large');
refused(http("$z zone=a:64k rate=67108864r/s algorithm=sliding_window;"),
        $zone . 'the limit exceeds what a window of this length can count',
        'a sliding window of a second too large');
accepted(http("$z zone=a:64k rate=67108863r/s algorithm=sliding_window;"),
         'a sliding window of a second not too large');
refused(http("$z zone=a:64k rate=134217728r/s algorithm=fixed_window;"),
        $zone . 'the limit exceeds what a window of this length can count',
        'a fixed window too large');
accepted(http("$z zone=a:64k rate=134217727r/s algorithm=fixed_window;"),
         'a fixed window not too large');
refused(http("$z zone=a:64k concurrency=4294967296;"),
        $zone . 'the limit must be at most 4294967295', 'concurrency too high');
# a key may use up to a quarter of the slots

sub slots {
    my ($slots, $amount) = @_;
    return 'zone "a" of "gateway_limit_zone" has memory for ' . $slots
           . " concurrent requests, fewer than four times the limit of "
           . "$amount, " . 'increase its size in DIR/nginx.conf:LINE';
}

accepted(http("$z zone=a:$_;"), $_)
    for '64k concurrency=338', '64k concurrency=$arg_a|338', '1m concurrency=5432';
warned(http("$z zone=a:64k concurrency=$_->[0];  #!\n"), slots(1354, $_->[1]),
       "concurrency=$_->[0]")
    for [ 339, 339 ], [ 4294967295, 4294967295 ], [ '$arg_a|339', 339 ];
warned(http("$z zone=a:1m concurrency=5433;  #!\n"), slots(21728, 5433),
       'concurrency=5433 in 1m');
accepted(http("$z zone=a:64k quota=1000000000000/month;"), 'a large quota');

# other parameters

refused(http("$z zone=a:64k rate=1r/s ipv6_prefix=$_;"),
        "invalid value \"$_\" in parameter \"ipv6_prefix=\", it must be a number "
        . 'of bits from 1 to 128', "ipv6_prefix=$_")
    for '0', '129', 'x', '-1', '64.0', '/64';
refused(http("gateway_limit_zone $_ zone=a:64k rate=1r/s ipv6_prefix=64;"),
        'zone "a" of "gateway_limit_zone": "ipv6_prefix=" requires the key '
        . '$binary_remote_addr', "ipv6_prefix= with $_")
    for '$binary_remote_addr$uri', '$remote_addr', '${remote_addr}',
        '$gateway_client', '$gateway_consumer';
accepted(http("gateway_limit_zone $_ zone=a:64k rate=1r/s ipv6_prefix=64;"),
         "ipv6_prefix= with $_") for '$binary_remote_addr', '$BINARY_remote_addr';
refused(http("$z zone=a:64k rate=1r/s algorithm=leaky;"),
        'invalid value "leaky" in "algorithm=", allowed are "gcra", '
        . '"sliding_window", "fixed_window"', 'an unknown algorithm');
refused(http("$z zone=a:64k rate=1r/s stage=first;"),
        'invalid value "first" in "stage=", allowed are "early", '
        . '"late"', 'an unknown stage');
refused(http("$z zone=a:64k rate=1r/s $_;"),
        "invalid parameter \"$_\" in \"gateway_limit_zone\", allowed are "
        . CORE::join(', ', map { "\"$_\"" } qw( zone= rate= quota= concurrency=
            burst= algorithm= timezone= ipv6_prefix= redis= on_error= stage=
            dry_run )), $_)
    for 'sync', 'nodelay', 'dry_run=1', 'Rate=1r/s';
refused(http("$z zone=a:64k rate=1r/s $_;"),
        "duplicate parameter \"$_\" in \"gateway_limit_zone\"", "$_ twice")
    for 'rate=2r/s', 'zone=b:64k';
refused(http("$z zone=a:64k quota=1/day timezone=$_;"),
        "unknown time zone \"$_\", it must be a name such as Europe/Berlin",
        "timezone=$_") for '../../../etc/passwd', '/etc/localtime', 'a//b', '.';
{
    my ($code, @lines) = said(http("$z zone=a:64k quota=1/day timezone=Mars/Base;"));
    is_deeply([ $code, map { s/ \(2: .*?\)//r } @lines ],
        [ 1, '[emerg] unknown time zone "Mars/Base", "/usr/share/zoneinfo/Mars/'
             . 'Base": open() failed (is tzdata installed?)'
             . ' in DIR/nginx.conf:LINE' ], 'error: an unknown time zone');
    ($code, @lines) = said(http("$z zone=a:64k quota=1/day timezone=Europe;"));
    Test::More::like("$code @lines", qr/^1 \[emerg\] unknown time zone "Europe", .* is not a regular file/,
                     'error: a time zone that is a directory');
}
refused(http("$z zone=a:64k quota=1/day timezone=;"),
        'parameter "timezone=" must have a value', 'an empty time zone');

# names and sizes

refused(http("$z zone=$_ rate=1r/s;"),
        "invalid value \"$_\" in parameter \"zone=\", it must be a name and a "
        . 'size such as "one:10m"', "zone=$_") for '', 'a', ':64k';
refused(http("$z zone=a:$_ rate=1r/s;"),
        "invalid size \"$_\" in parameter \"zone=\", it must be a size such as "
        . '512k or 10m', "zone=a:$_") for '', 'x', '-1k', '10x';
refused(http("$z zone=a:$_ rate=1r/s;"),
        "zone \"a:$_\" is too small, it must have at least 64k", "zone=a:$_")
    for '63k', '65535', '0', '1';
accepted(http("$z zone=a:$_ rate=1r/s;"), "zone=a:$_") for '64k', '65536', '1m';
refused(http("$z \"zone=$_:64k\" rate=1r/s;"),
        "zone \"$_\" of \"gateway_limit_zone\": the name must be letters, digits, "
        . '"_", "-" and "."', "the name <$_>") for 'a b', 'a/b', "\xc3\xa9", 'a,b';
for ('rate=1r/s', 'quota=1/day', 'concurrency=1') {
    my ($code, @lines) = said(http_conf(http => "$z zone=a:64k rate=1r/s;\n"
                                                . "$z zone=a:64k $_;  #!\n"));
    is_deeply([ $code, @lines ], [ 1, '[emerg] zone "a" of "gateway_limit_zone" '
              . 'is duplicate in DIR/nginx.conf:LINE' ],
              "error: a duplicate name, $_");
}
accepted(http_conf(http => "$z zone=a:64k rate=1r/s;\n"
         . "limit_req_zone \$arg_k zone=a:64k rate=1r/s;\n"
         . "limit_conn_zone \$arg_j zone=b:64k;\n$z zone=b:64k rate=1r/s;\n"
         . "proxy_cache_path tmp/c keys_zone=c:64k;\n$z zone=c:64k rate=1r/s;"),
         'the names of zones of nginx');

# early

my $early = '"stage=early" is decided before authentication, no $gateway_... variable is set then';
for my $key ('$gateway_consumer', '${gateway_consumer}', 'x$gateway_plan',
             '$gateway_client', '$gateway_jwt_claim_sub', '$Gateway_Consumer',
             '$arg_a:$gateway_credential')
{
    refused(http("gateway_limit_zone $key zone=a:64k rate=1r/s stage=early;"),
            $zone . $early, "stage=early with $key");
    accepted(http("gateway_limit_zone $key zone=a:64k rate=1r/s;"),
             "late with $key");
}

# the variables of these directives are set by authentication too

for (['gateway_jwt_claim_set $own sub;', '$own'], ['gateway_jwt_header_set $own kid;', '${Own}'],
     ['gateway_jwt_claim_set $own sub;', 'x$arg_a-$own']) {
    my ($set, $key) = @$_;
    my $name = $key =~ /own\}?$/i && $key =~ /Own/ ? 'Own' : 'own';
    my $not_set = qq("stage=early" is decided before authentication, "\$$name" is not set then);
    my $jwt = 'gateway_jwt r; gateway_jwt_key_file keys.json; gateway_limit zone=a;';

    for my $order (0, 1) {
        my @lines = ($set, "gateway_limit_zone $key zone=a:64k rate=1r/s STAGE; #!");
        my $http = CORE::join "\n", $order ? @lines : reverse @lines;
        refused(http_conf(http => $http =~ s/STAGE/stage=early/r, server => $jwt),
                $zone . $not_set, "stage=early with $key after $set, $order");
        accepted(http_conf(http => $http =~ s/STAGE//r, server => $jwt), "late with $key");
    }
    refused(http_conf(http => "$set\ngateway_limit_zone \$arg_a zone=a:64k stage=early"
                              . " rate=$key|1r/s; #!", server => $jwt),
            $zone . $not_set, "early: rate=$key") if $key !~ /x/;
    refused(http_conf(http => "$set\ngateway_limit_zone \$arg_a zone=a:64k stage=early"
                              . ' rate=1r/s;', server => "$jwt\nlocation /b { gateway_limit zone=a cost=$key|1; #!\n}"),
            qq("gateway_limit" with zone "a": the zone's $not_set), "an early cost of $key")
        if $key !~ /x/;
}

refused(http("$z zone=a:64k $_ stage=early;"), $zone . $early, "early: $_")
    for 'rate=$gateway_consumer_rate|1r/s', 'quota=${gateway_plan}|1/day',
        'concurrency=$gateway_consumer_n|3', 'rate=1r/s burst=$gateway_plan|1';
accepted(http("gateway_limit_zone \$binary_remote_addr zone=a:64k stage=early "
              . 'rate=$arg_gateway_rate|1r/s;'), 'early with other variables');


# --- limits

accepted(alone("gateway_limit $_;"), "gateway_limit $_")
    for 'zone=z', 'zone=z burst=5', 'zone=z burst=5 nodelay', 'zone=z burst=5 delay=2',
        'zone=z burst=0 delay=0', 'zone=z cost=0', 'zone=z cost=5',
        'zone=z cost=$upstream_status', 'zone=z cost=$upstream_status|0',
        'zone=z cost=$arg_c min=1', 'zone=z cost=$arg_c|0 min=5', 'zone=z settle',
        'zone=z settle reserve=1', 'zone=z settle reserve=$arg_r',
        'zone=z settle reserve=$arg_r|1', 'zone=z settle reserve=$arg_r|0',
        'zone=e settle reserve=1', 'zone=z cost=$uri settle reserve=1 min=1',
        'zone=z cost=$sent_http_x_cost settle', 'zone=z penalty', 'zone=z dry_run',
        'zone=w', 'zone=s cost=2', 'zone=q settle', 'zone=q penalty', 'zone=c',
        'zone=c dry_run', 'zone=e', 'zone=e burst=1', 'zone=e settle',
        'zone=e cost=$gateway_plan settle', 'off';

refused(alone('gateway_limit;'),
        'invalid number of arguments in "gateway_limit" directive', 'nothing');
refused(alone('gateway_limit zone=none;'),
        'unknown zone "none" in "gateway_limit", there is no "gateway_limit_zone" '
        . 'of this name', 'an unknown zone');
refused(http_conf(http => "limit_req_zone \$arg_k zone=r:64k rate=1r/s;",
                  server => "\ngateway_limit zone=r;  #!\n"),
        'unknown zone "r" in "gateway_limit", there is no "gateway_limit_zone" '
        . 'of this name', "a zone of nginx's");
refused(alone('gateway_limit zone=;'), 'parameter "zone=" must have a value',
        'an empty name');

my $limit = '"gateway_limit": ';
refused(alone("gateway_limit $_;"), $limit . 'must have "zone=name"', $_)
    for 'burst=5', 'settle', 'cost=1';
refused(alone("gateway_limit zone=z $_;"), $limit . '"reserve=" requires "settle"', $_)
    for 'reserve=1', 'cost=$uri reserve=1', 'reserve=$arg_r|1', 'penalty reserve=1';
refused(alone("gateway_limit zone=z $_;"), $limit . '"min=" requires "cost="', $_)
    for 'min=1', 'min=0 settle', 'settle min=1 reserve=1';
refused(alone("gateway_limit zone=z $_;"), $limit
        . '"min=" must be a number without variables', $_)
    for 'cost=$uri min=$arg_m|1', 'cost=5 min=$arg_m|1';
refused(alone("gateway_limit zone=z $_;"), $limit . '"cost=" is less than "min="', $_)
    for 'cost=1 min=2', 'cost=0 min=1', 'cost=4 min=5 settle';
refused(alone("gateway_limit zone=z cost=\$uri min=$_;"),
        "invalid value \"$_\" in parameter \"min=\", it must be a number", "min=$_")
    for 'x', '-1', '1.5', '1000000000001';
refused(alone("gateway_limit zone=z settle reserve=$_;"),
        "invalid value \"$_\" in parameter \"reserve=\", it must be a number",
        "reserve=$_") for 'x', '-1', '1.5', '1000000000001';
refused(alone("gateway_limit zone=z $_;"),
        'duplicate parameter "' . s/.* //r . '" in "gateway_limit"', $_)
    for 'cost=$uri min=1 min=1', 'settle reserve=1 reserve=1';
warned(alone("gateway_limit zone=z $_;"), $limit . '"reserve=0" has no effect in '
       . 'DIR/nginx.conf:LINE', $_) for 'settle reserve=0', 'reserve=0 settle dry_run';
warned(alone("gateway_limit zone=z $_;"), $limit . '"min=' . (/min=(\d)/)[0] . '" has no '
       . 'effect, "cost=5" has no variable in DIR/nginx.conf:LINE', $_)
    for 'cost=5 min=5', 'cost=5 min=1', 'min=0 cost=5';

# a cost that clients choose
for my $cost ('$http_x_weight|5', '$http_x_weight', '${http_x_weight}|5', '$arg_c|1',
              '$arg_c|0', '$cookie_c', '$HTTP_X|5', '${Arg_C}', '1$http_x|5',
              '$uri$arg_c|5', '$uri${cookie_c}')
{
    warned(alone("gateway_limit zone=z cost=$cost$_;"), $limit . "\"cost=$cost\" is "
           . 'chosen by the client, a client that sends 0 is not limited; "min=1" or '
           . 'more prevents this in DIR/nginx.conf:LINE', "cost=$cost$_")
        for '', ' settle', ' min=0', ' settle reserve=1', ' dry_run';
}
accepted(alone("gateway_limit zone=z cost=$_;"), "cost=$_")
    for '$http_x_weight|5 min=1', '$arg_c min=2', '${cookie_c}|0 min=1 settle',
        '$sent_http_x_cost', '$upstream_http_x_cost|5', '$upstream_cookie_c|5',
        '$http2|5', '$request_length|5', '$args|5';

refused(alone("gateway_limit zone=z $_;"),
        $limit . '"nodelay" and "delay=" require "burst="', $_)
    for 'nodelay', 'delay=1', 'nodelay delay=1';
refused(alone('gateway_limit zone=z burst=5 nodelay delay=1;'),
        $limit . '"nodelay" and "delay=" are mutually exclusive', 'nodelay with delay');
refused(alone("gateway_limit zone=z $_;"),
        'invalid value "' . s/.*=//r . '" in parameter "' . s/.*?(\w+=)[^=]*$/$1/r
        . '" of "gateway_limit", it must be a number; only "burst=" of '
        . '"gateway_limit_zone" can have variables', $_)
    for 'burst=$arg_b|1', 'burst=$arg_b', 'burst=1 delay=$arg_d|1',
        'burst=1 delay=$arg_d';
refused(alone('gateway_limit zone=z settle penalty;'),
        $limit . '"settle" and "penalty" are mutually exclusive', 'settle with penalty');
refused(alone("gateway_limit zone=z cost=$_;"),
        "invalid value \"$_\" in parameter \"cost=\", it must be a number",
        "cost=$_") for 'x', '-1', '1.5', '1000000000001';
refused(alone("gateway_limit zone=z cost=\$arg_c|x;"),
        'invalid value "x" in parameter "cost=", it must be a number',
        'a default of a cost');
refused(alone("gateway_limit zone=z $_;"),
        "invalid parameter \"$_\" in \"gateway_limit\", allowed are "
        . CORE::join(', ', map { "\"$_\"" } qw( zone= burst= nodelay delay= cost=
                                                min= settle reserve= penalty
                                                dry_run )), $_)
    for 'rate=1r/s', 'dry-run', 'settle=1';
refused(alone('gateway_limit zone=z zone=w;'),
        'duplicate parameter "zone=w" in "gateway_limit"', 'two zones');

sub with { my ($name, $what) = @_; qq("gateway_limit" with zone "$name": $what) }

refused(alone("gateway_limit zone=$_ burst=1;"),
        with($_, '"burst=" requires a zone with "rate=" and "algorithm=gcra"'),
        "burst= with zone $_") for qw( w s q c );
refused(alone("gateway_limit zone=c $_;"),
        with('c', '"cost=", "settle" and "penalty" conflict with "concurrency=" '
                  . 'of the zone'), "$_ with concurrency")
    for 'cost=1', 'cost=0', 'settle', 'penalty';
refused(alone('gateway_limit zone=e cost=$gateway_consumer_cost;'),
        with('e', 'the zone\'s "stage=early" is decided before '
                  . 'authentication, no $gateway_... variable is set then'), 'an early cost');
refused(alone('gateway_limit zone=e settle reserve=$gateway_consumer_cost|1;'),
        with('e', 'the zone\'s "stage=early" is decided before '
                  . 'authentication, no $gateway_... variable is set then'), 'an early reserve');

# reserves that never pass
for (map({ [ $_, 1, 2 ] } qw( z w s q e )), [ 'z burst=9', 10, 11 ]) {
    my ($zone, $fits, $above) = @$_;
    accepted(alone("gateway_limit zone=$zone settle reserve=$fits;"),
             "reserve=$fits with zone $zone");
    refused(alone("gateway_limit zone=$zone settle reserve=$_;"),
            with($zone =~ s/ .*//r, '"reserve=" exceeds the limit, all requests would be '
                 . 'rejected'), "reserve=$_ with zone $zone")
        for $above, "\$arg_r|$above";
}
accepted(http_conf(http => "$z $_ zone=v:64k;",
                   server => "gateway_limit zone=v settle reserve=5;"),
         "a reserve of $_") for 'rate=0r/d', 'quota=0/day', 'rate=$arg_a|1r/d',
                                'rate=1r/d burst=$arg_b|0', 'quota=$arg_q|1/day';
refused(alone('gateway_limit zone=z burst=1000000000000;'),
        with('z', 'the burst would take over a hundred years to refill'),
        'a burst too high');

refused(alone('gateway_limit zone=z; gateway_limit zone=z;'),
        '"gateway_limit" directive is duplicate: one limit of a zone applies to a '
        . 'request', 'a zone twice in a block');
accepted(alone('gateway_limit zone=z; location / { gateway_limit zone=z cost=2; }'),
         'a zone twice in two blocks');
refused(alone("$_;"),
        '"gateway_limit off" conflicts with another "gateway_limit" at the same '
        . 'level', $_)
    for 'gateway_limit off; gateway_limit zone=z',
        'gateway_limit zone=z; gateway_limit off',
        'gateway_limit off; gateway_limit off';
refused(alone("gateway_limit $_;"),
        '"off" takes no other parameters in "gateway_limit"', $_)
    for 'off zone=z', 'zone=z off', 'off off';

for ('gateway_limit zone=z', 'gateway_limit_status 420', 'gateway_limit_headers off',
     'gateway_limit_log_level warn', 'gateway_limit_exempt $arg_e')
{
    my $limit = /^gateway_limit / ? '' : 'gateway_limit zone=z;';
    accepted(http_conf(http => "$zones $limit $_;", server => "$_;\nlocation / { $_; "
                       . "limit_except GET { $_; } }"), "at all levels: $_");
    my ($directive) = split ' ';
    refused(server("location / {\nif (\$arg_a) {\n$_;  #!\n}\n}"),
            qq("$directive" directive is not allowed here), "in an if: $_");
    my ($code, @lines) = said(qq(load_module "$ENV{GATEWAY_MODULE}";\n$_;\n));
    is_deeply([ $code, "@lines" =~ /(".*?" directive is not allowed here)/ ],
              [ 1, qq("$directive" directive is not allowed here) ],
              "outside of http: $_");
}
refused(server("$z zone=a:64k rate=1r/s;  #!\n"),
        '"gateway_limit_zone" directive is not allowed here', 'a zone in a server');

refused(alone("gateway_limit_status $_;"),
        qq(invalid value "$_" in "gateway_limit_status", it must be a number from )
        . '400 to 599', "status $_") for 200, 399, 600, 'x', '-429', '429x', '$arg_a';
refused(alone('gateway_limit_status 429; gateway_limit_status 429;'),
        '"gateway_limit_status" directive is duplicate', 'status twice');
refused(alone("gateway_limit_status $_;"),
        qq(invalid value "$_" in "gateway_limit_status", nginx responds with 400 instead of)
        . ' 494 to 497', "status $_") for 494 .. 497;
accepted(set("gateway_limit_status $_;"), "status $_")
    for 400, 429, 493, 498, 503, 599;
accepted(set("gateway_limit_headers $_;"), "headers $_")
    for qw( off legacy ietf ), 'legacy ietf', 'ietf legacy';
refused(alone("gateway_limit_headers $_;"),
        'invalid value "' . s/.* //r . '" in "gateway_limit_headers", allowed are '
        . '"off", "legacy", "ietf"', "headers $_") for 'on', 'all', 'legacy none';
refused(alone('gateway_limit_headers ietf; gateway_limit_headers legacy;'),
        '"gateway_limit_headers" directive is duplicate', 'headers twice');

accepted(set("gateway_limit_exempt $_;"), "exempt $_")
    for 'off', '$arg_a', '$arg_a $arg_b', 'x$arg_a';
accepted(set('gateway_limit_exempt $arg_a; gateway_limit_exempt $arg_b;'),
         'exempt twice');
refused(alone("gateway_limit_exempt $_;"), '"' . s/.* //r . '" in '
        . '"gateway_limit_exempt" is the same for all requests, it must contain '
        . 'a variable', "exempt $_") for 'on', 'arg_a', '$arg_a 1', '$arg_a of';
refused(alone("gateway_limit_exempt $_;"),
        '"off" takes no other parameters in "gateway_limit_exempt"',
        "exempt $_") for 'off $arg_a', '$arg_a off', 'off off';
refused(alone("$_;"),
        '"gateway_limit_exempt off" conflicts with another '
        . '"gateway_limit_exempt" at the same level', $_)
    for 'gateway_limit_exempt off; gateway_limit_exempt $arg_b',
        'gateway_limit_exempt $arg_b; gateway_limit_exempt off';
refused(alone("gateway_limit_headers $_;"),
        '"off" takes no other parameters in "gateway_limit_headers"',
        "headers $_") for 'off ietf', 'legacy off';
refused(alone('gateway_limit_log_level debug;'),
        'invalid value "debug" in "gateway_limit_log_level", allowed are "info", '
        . '"notice", "warn", "error"', 'an invalid level');
accepted(set("gateway_limit_log_level $_;"), "level $_")
    for qw( info notice warn error );
refused(alone("$_; $_;"), '"' . s/ .*//r . '" directive is duplicate', "twice: $_")
    for 'gateway_limit_status 420', 'gateway_limit_log_level warn';


# "return" responds before all limits

{
    my $return = sub { qq("return" answers before "gateway_limit" is checked, its )
        . 'response is not protected, in the block in DIR/nginx.conf:LINE' };
    warned(server("location / {  #!\ngateway_limit zone=$_; return 200 a; }\n"),
           $return->(), "return beside zone=$_") for qw( z e );
    accepted(server("gateway_limit zone=z; location / { return 200 a; }"),
             'return with an inherited limit');
    accepted(server("location / { gateway_limit off; return 200 a; }"),
             'return with gateway_limit off');
}


# --- gateway_limit_admin

sub admin { return server("location /l {\ngateway_limit_admin $_[0];  #!\n}") }

accepted(admin($_), "gateway_limit_admin $_")
    for 'zone=z from=127.0.0.1', 'zone=z zone=q from=10.0.0.0/8 from=::1',
        'from=unix: zone=z', 'zone=z from=any', 'zone=z from=fe80::/10';
refused(admin($_), '"gateway_limit_admin" directive requires "zone=", and '
        . '"from=" with the client addresses to allow', "gateway_limit_admin $_")
    for 'zone=z', 'from=any';
refused(server("location /l {\n$_\n}"),
        '"gateway_limit_admin" directive conflicts with another directive that '
        . "handles the location's requests, such as proxy_pass", "beside $_")
    for "gateway_limit_admin zone=z from=any;  #!\nproxy_pass http://127.0.0.1:1;",
        "proxy_pass http://127.0.0.1:1;\ngateway_limit_admin zone=z from=any;  #!",
        "stub_status;\ngateway_limit_admin zone=z from=any;  #!";
accepted(server("location /l {\ngateway_limit_admin zone=z from=any;\n"
                . "location /l/a { proxy_pass http://127.0.0.1:1; }\n"
                . "limit_except GET { deny all; } if (\$arg_a) { return 403; }\n}"),
         'gateway_limit_admin with locations and blocks');
warned(server("location /l {\ngateway_limit_admin zone=z from=any;  #!\n"
              . 'return 200 a; }'),
       '"return" answers before "gateway_limit_admin" is checked, its response '
       . 'is not protected, in the block in DIR/nginx.conf:LINE',
       'gateway_limit_admin beside return');
refused(admin('zone=z from=any zone=none'),
        'unknown zone "none" in "gateway_limit_admin", there is no '
        . '"gateway_limit_zone" of this name', 'gateway_limit_admin: unknown zone');
refused(admin("zone=z from=$_"), "invalid value \"$_\" in parameter \"from=\", it "
        . 'must be an address, a range such as 10.0.0.0/8, "unix:" or "any"',
        "gateway_limit_admin from=$_")
    for '', 'localhost', 'all', '10.0.0.0/33', '1.2.3', 'unix:/a', '::/129';
refused(admin('zone=z from=10.0.0.1/8'), 'invalid value "10.0.0.1/8" in parameter '
        . '"from=", bits after the prefix are set, it must be "10.0.0.0/8"',
        'gateway_limit_admin: bits after the prefix');
refused(admin("zone=z from=any $_"), "invalid parameter \"$_\" in "
        . '"gateway_limit_admin", allowed are "zone=", "from="',
        "gateway_limit_admin $_") for 'allow=1', 'zone=', 'on';
refused(admin('zone=z from=any; gateway_limit_admin zone=q from=any'),
        '"gateway_limit_admin" directive is duplicate', 'gateway_limit_admin twice');
refused(server("\ngateway_limit_admin zone=z from=any;  #!\n"),
        '"gateway_limit_admin" directive is not allowed here', 'in a server');


# --- a key that is empty for anonymous requests

{
    my $who = 'gateway_limit_zone $gateway_consumer zone=who:64k rate=1r/s;'
              . ' gateway_limit_zone ${gateway_consumer} zone=braces:64k rate=1r/s;'
              . ' gateway_limit_zone $gateway_client zone=client:64k rate=1r/s;'
              . ' gateway_consumers zone=consumers:1m file=c.json;';
    my $in = sub { http_conf(http => $who, server => "\nlocation / {  #!\n$_[0]\n}\n") };
    my $message = sub { qq(zone "$_[0]" counts by \$gateway_consumer, which is empty )
        . 'for anonymous requests, and the block in DIR/nginx.conf:LINE admits them: '
        . 'they are not limited there; $gateway_client counts them by address' };
    my $jwt = 'gateway_jwt r; gateway_jwt_key_file keys.json;';

    warned($in->("gateway_limit zone=$_->[1]; $_->[0]"), $message->($_->[1]),
           "zone $_->[1] $_->[0]")
        for [ '', 'who' ], [ '', 'braces' ],
            [ 'gateway_api_key r; gateway_api_key_mode optional;', 'who' ],
            [ 'gateway_api_key r; gateway_api_key_mode dry_run;', 'who' ],
            [ "$jwt gateway_jwt_mode optional;", 'who' ],
            [ 'allow all;', 'who' ],
            [ 'satisfy any; allow 10.0.0.0/8; deny all; gateway_api_key r;', 'who' ],
            [ "satisfy any; allow 10.0.0.0/8; deny all; $jwt", 'who' ],
            [ "satisfy any; allow unix:; $jwt", 'who' ],
            [ "satisfy any; allow ::1; $jwt", 'who' ],
            [ "satisfy any; auth_basic b; auth_basic_user_file f; $jwt", 'who' ],
            [ "satisfy any; auth_request /a; $jwt", 'who' ];
    accepted($in->("gateway_limit zone=who; $_"), "no warning: $_")
        for 'gateway_api_key r;', $jwt, 'gateway_jwt off; gateway_require_consumer a;',
            'gateway_api_key r; gateway_api_key_mode optional; '
            . 'gateway_require_group g;',
            "$jwt gateway_jwt_mode optional; gateway_deny_group g;",
            "satisfy any; $jwt gateway_api_key r;",
            "satisfy any; $jwt", 'satisfy any; gateway_api_key r;',
            "satisfy any; auth_basic off; auth_request off; $jwt",
            "satisfy any; $jwt gateway_api_key r; gateway_api_key_mode optional;",
            'satisfy any; allow all; gateway_api_key r; gateway_require_group g;';
    accepted($in->('gateway_limit zone=client;'), 'no warning: $gateway_client');
    warned(http_conf(http => 'gateway_limit_zone $gateway_credential zone=cred:64k '
                     . 'rate=1r/s;', server => "\nlocation / {  #!\n"
                     . "gateway_limit zone=cred;\n}\n"),
           $message->('cred') =~ s/consumer/credential/r, '$gateway_credential');

    my $claim = sub { http_conf(http => "$who gateway_limit_zone "
        . '$gateway_jwt_claim_sub zone=claim:64k rate=1r/s;', server => "\nlocation "
        . "/ {  #!\ngateway_limit zone=claim; $_[0]\n}\n") };
    warned($claim->($_), $message->('claim') =~ s/_consumer/_jwt_claim_sub/r,
           "a claim: $_")
        for '', "$jwt gateway_jwt_mode optional;",
            'gateway_api_key r; gateway_api_key_mode optional;';
    accepted($claim->($_), "no warning, a claim: $_") for $jwt, 'gateway_api_key r;';

    # "satisfy any" of an outer block, with one method here, responds with 401
    accepted(http_conf(http => "$who satisfy any;", server => "gateway_limit zone=who;"
                       . " $_ location /a { }"), "no warning: satisfy any of http, $_")
        for 'gateway_api_key r;', $jwt;
    warned(http_conf(http => "$who satisfy any; allow 10.0.0.0/8; deny all;",
                     server => "$jwt gateway_limit zone=who;\nlocation / {  #!\n}"),
           $message->('who'), 'satisfy any and allow of http');

    # inherited from the server, and only where it applies
    accepted(http_conf(http => $who, server => 'gateway_api_key r;'
                       . ' gateway_limit zone=who; location /a { }'),
             'no warning: both inherited');
    warned(http_conf(http => $who, server => "gateway_api_key r; gateway_limit "
                     . "zone=who;\nlocation /a {  #!\ngateway_api_key off; }\n"),
           $message->('who'), 'authentication is off in a location');
}

Test::More::done_testing();

__DATA__

=== TEST 1: inherited, replaced and off
--- http_config
gateway_limit_zone $arg_k zone=a:1m rate=1r/d burst=9;
gateway_limit_zone $arg_k zone=b:1m rate=1r/d burst=19;
gateway_limit zone=a;
--- config
gateway_limit_headers ietf;
location /same { empty_gif; }
location /other { gateway_limit zone=b; empty_gif; }
location /both { gateway_limit zone=b; gateway_limit zone=a; empty_gif; }
location /off { gateway_limit off; empty_gif; }
location /off/again { gateway_limit zone=b; empty_gif; }
location /same/cost { gateway_limit zone=a cost=5; empty_gif; }
--- request eval
[ map { "GET /$_?k=$_" } qw( same other both off off/again same/cost ) ]
--- error_code eval: [ (200) x 6 ]
--- response_headers eval
[ 'RateLimit: "a";r=9;t=86400', 'RateLimit: "b";r=19;t=86400',
  'RateLimit: "b";r=19;t=86400, "a";r=9;t=86400', '!RateLimit',
  'RateLimit: "b";r=19;t=86400', 'RateLimit: "a";r=5;t=432000' ]



=== TEST 2: the implicit locations of if and limit_except
--- http_config
gateway_limit_zone $arg_k zone=a:1m rate=1r/d burst=1;
gateway_limit_zone $arg_k zone=b:1m rate=1r/d burst=2;
--- config
gateway_limit zone=a;
gateway_limit_status 420;
location /if { if ($arg_x) { add_header X-If 1 always; } gateway_limit_exempt $arg_e; empty_gif; }
location /except { gateway_limit zone=a; dav_methods DELETE;
                   limit_except GET { gateway_limit zone=b; gateway_limit_status 421; }
                   empty_gif; }
location /inherit { limit_except GET { allow all; } empty_gif; }
--- request eval
[ ('GET /if?k=1&x=1') x 3, 'GET /if?k=1&x=1&e=1', ('GET /except?k=2') x 3,
  ('POST /except?k=3') x 4, ('POST /inherit?k=4') x 3 ]
--- error_code eval
[ 200, 200, 420, 200, 200, 200, 420, 404, 404, 404, 421, 404, 404, 420 ]



=== TEST 3: burst of a limit replaces that of the zone
--- http_config
gateway_limit_zone $arg_k zone=a:1m rate=1r/d burst=1;
--- config
location /zone { gateway_limit zone=a; empty_gif; }
location /more { gateway_limit zone=a burst=3 nodelay; empty_gif; }
location /none { gateway_limit zone=a burst=0; empty_gif; }
--- request eval
[ ('GET /zone?k=1') x 3, ('GET /more?k=1') x 3, ('GET /none?k=2') x 2, 'GET /zone?k=2',
  'GET /zone?k=2' ]
--- error_code eval: [ 200, 200, 429, 200, 200, 429, 200, 429, 200, 429 ]
