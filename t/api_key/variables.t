# SPDX-License-Identifier: BSD-2-Clause

# The variables that a key sets: consumer, method, credential, scopes, groups,
# plan and metadata.  They are empty before ACCESS and if the key is rejected.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;

our $Consumers = consumers(
    consumer('acme', groups => [ 'partners', 'beta' ], plan => 'gold',
             metadata => { tenant => 't1', region => 'eu' },
             keys => [ entry('read', scopes => [ 'a:read', 'b:read' ]),
                       entry('all'), entry('no', scopes => []),
                       entry('past', expires => date(-2)) ]),
    consumer('beta'),
);

our $Vars = '$gateway_consumer|$gateway_auth_method|$gateway_credential|'
            . '$gateway_scopes|$gateway_groups|$gateway_plan|'
            . '$gateway_consumer_tenant|$gateway_consumer_region|'
            . '$gateway_auth_reason';
our $Say = "add_header X-Say \"<$Vars>\" always;";

sub line { 'X-API-Key: ' . api_key($_[0]) . "\n" }

no_root_location();
run_tests();

__DATA__

=== TEST 1: two keys of one consumer, and a key of another consumer
--- consumers eval: $::Consumers
--- config eval: "location / { gateway_api_key r; empty_gif; $::Say }"
--- request eval: [ ('GET /') x 6 ]
--- more_headers eval
[ map { ::line($_) } qw( read all no beta past stranger ) ]
--- error_code eval: [ (200) x 4, 401, 401 ]
--- response_headers eval
my $of = '|partners,beta|gold|t1|eu|';
[ map { "X-Say: <$_>" }
  "acme|api_key|read|a:read b:read$of", "acme|api_key|all|$of",
  "acme|api_key|no|$of", 'beta|api_key|beta||||||',
  '||||||||expired', '||||||||unknown_key' ]



=== TEST 2: before ACCESS they are empty, from then on they are set
--- consumers eval: $::Consumers
--- http_config
map $gateway_consumer $who { volatile; default "none"; acme "acme!"; }
--- config eval
'location / { set $early "<$gateway_consumer|$gateway_scopes|$who>"; '
. 'if ($gateway_credential) { } '
. 'gateway_api_key r; empty_gif; '
. 'add_header X-Early $early; '
. 'add_header X-Late "<$gateway_consumer|$gateway_scopes|$who>"; }'
--- request
GET /
--- more_headers eval: ::line('read')
--- response_headers
X-Early: <||none>
X-Late: <acme|a:read b:read|acme!>



=== TEST 3: they reach the upstream
--- consumers eval: $::Consumers
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$http_x_user|$http_x_tenant|$http_x_api_key\n"; }
}
--- config
location / {
    gateway_api_key r;
    proxy_set_header X-User $gateway_consumer;
    proxy_set_header X-Tenant $gateway_consumer_tenant;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
GET /
--- more_headers eval: ::line('read')
--- response_body
acme|t1|



=== TEST 4: subrequests have the values of the request
--- consumers eval: $::Consumers
--- user_files
>>> ssi.html
[<!--# include virtual="/part" -->]
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 200 "$http_x_user"; }
}
--- config
location /ssi.html { gateway_api_key r; ssi on; ssi_types text/plain;
                     root $TEST_NGINX_HTML_DIR; }
location /part {
    gateway_api_key r;
    proxy_set_header X-User $gateway_consumer;
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request eval: [ ('GET /ssi.html') x 2 ]
--- more_headers eval: [ ::line('beta'), '' ]
--- error_code eval: [ 200, 401 ]
--- response_body_like eval: [ '^\[beta\]', '"missing"' ]



=== TEST 5: members that a consumer does not have are empty
--- consumers eval: ::consumers(::consumer('acme', groups => [], metadata => {}))
--- config eval: "location / { gateway_api_key r; empty_gif; $::Say }"
--- request
GET /
--- more_headers eval: ::line('acme')
--- response_headers
X-Say: <acme|api_key|acme||||||>



=== TEST 6: the log of accepted and rejected requests
--- consumers eval: $::Consumers
--- http_config
log_format who '<$gateway_consumer|$gateway_credential|$gateway_auth_reason>';
--- config
access_log logs/access.log who;
location / { gateway_api_key r; empty_gif; }
--- request
GET /
--- more_headers eval: ::line('read')
--- access_log
<acme|read|->
