# SPDX-License-Identifier: BSD-2-Clause

# A setting is that of the block, else that of outer blocks, else that of the
# profile.  The debug log shows the settings when $gateway_cache_key is read.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Server;
use Test::More;

my $nginx = start_nginx(main => 'error_log logs/error.log debug;', workers => 1,
                        http => <<'END', server => <<'END2');
    gateway_cache_zone zone=z:16m;
    gateway_cache_zone zone=small:1m max_object=64k;
    gateway_cache z;
END
    location / { return 200 $gateway_cache_key; }
    location /rfc { gateway_cache_profile rfc9111; return 200 $gateway_cache_key;
        location /rfc/api { gateway_cache_profile api;
                            return 200 $gateway_cache_key; }
        location /rfc/inner { return 200 $gateway_cache_key; }
    }
    location /small { gateway_cache small; return 200 $gateway_cache_key; }

    location /all {
        gateway_cache_methods POST;
        gateway_cache_ttl 200=1m any=5s min=1s max=2h override;
        gateway_cache_targeted A-CC B-CC C-CC;
        gateway_cache_request_control none;
        gateway_cache_stale 5xx updating background for=5s;
        gateway_cache_lock on timeout=250ms;
        gateway_cache_vary;
        gateway_cache_set_cookie strip;
        gateway_cache_cookie ignore;
        gateway_cache_heuristic 25% max=1m;
        gateway_cache_guard bypass;
        gateway_cache_tags A-Tags B-Tags strip;
        gateway_cache_headers off;
        return 200 $gateway_cache_key;

        location /all/rfc { gateway_cache_profile rfc9111;
                            return 200 $gateway_cache_key; }
        location /all/off {
            gateway_cache_ttl 1m;
            gateway_cache_targeted off;
            gateway_cache_stale off;
            gateway_cache_lock off;
            gateway_cache_vary normalize=accept,accept-charset;
            gateway_cache_heuristic 10%;
            gateway_cache_guard off;
            gateway_cache_tags off;
            gateway_cache_headers on;
            return 200 $gateway_cache_key;
        }
    }

    location /if {
        gateway_cache_profile rfc9111;
        gateway_cache_lock on;
        gateway_cache_stale timeout;
        if ($arg_a) { return 200 $gateway_cache_key; }
        return 200 no;
    }
END2

# the settings of a location in the debug log, joined to one line

sub settings {
    my ($path) = @_;

    my $from = length $nginx->log;
    my ($status, undef, $body) = $nginx->get($path);
    like($body, qr/\A[0-9a-f]{32}\z/, "$path: the cache is on");

    return join ' ', substr($nginx->log, $from) =~ /gateway cache: (.*?)(?: while .*)?$/mg;
}

SKIP: {
    skip 'nginx has no debug log', 1 if $nginx->log !~ /\[debug\]/;

    my $api = 'zone "z" methods:GET,HEAD control:safe set_cookie:skip cookie:respect'
        . ' headers:1 max_object:1048576 ttl:0 min:0 max:86400 override:off'
        . ' heuristic:0% max:0 stale:error,timeout for:3600 lock:1 timeout:5000'
        . ' targeted:1 normalize:1 guard:key tags:0';
    my $rfc = 'zone "z" methods:GET,HEAD,POST control:all set_cookie:store'
        . ' cookie:respect headers:1 max_object:1048576 ttl:0 min:0 max:86400'
        . ' override:off heuristic:10% max:86400 stale:error,timeout for:3600 lock:1'
        . ' timeout:5000 targeted:1 normalize:2 guard:off tags:0';
    my $all = 'zone "z" methods:GET,HEAD,POST control:none set_cookie:strip'
        . ' cookie:ignore headers:0 max_object:1048576 ttl:2 min:1 max:7200'
        . ' override:on heuristic:25% max:60 stale:5xx,updating,background for:5'
        . ' lock:1 timeout:250 targeted:3 normalize:0 guard:bypass tags:2';

    is(settings('/'), $api, 'api is the default');
    is(settings('/rfc'), $rfc, 'rfc9111');
    is(settings('/rfc/inner'), $rfc, 'a profile is inherited');
    is(settings('/rfc/api'), $api,
       'an inner profile replaces all settings of the outer one');
    is(settings('/small'), $api =~ s/"z"/"small"/r =~ s/1048576/65536/r,
       'max_object of the zone');
    is(settings('/all'), $all, 'directives take precedence over the profile');
    is(settings('/all/rfc'), $all,
       'inherited directives take precedence over an inner profile');
    is(settings('/all/off'), 'zone "z" methods:GET,HEAD,POST control:none'
       . ' set_cookie:strip cookie:ignore headers:1 max_object:1048576 ttl:3 min:0'
       . ' max:86400 override:off heuristic:10% max:86400 stale:off for:0 lock:0'
       . ' timeout:5000 targeted:0 normalize:2 guard:off tags:0',
       'a directive replaces all parameters of an outer one');
    is(settings('/if?a=1'), $rfc =~ s/stale:error,/stale:/r,
       'an if inherits, missing parameters have their defaults');
}

$nginx->stop;
done_testing;
