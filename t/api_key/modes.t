# SPDX-License-Identifier: BSD-2-Clause

# gateway_api_key_mode required, optional and dry_run: accepted requests,
# variables and log.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::KeyCases;

$Test::Gateway::More = 1;

$Consumers = consumers(consumer('acme', keys => [
    entry('acme'), entry('past', expires => date(-2)) ]), consumer('beta'));

sub sent { get('/t', @_) }

run_tests();


# --- the log

my %line = (required => 'refused with 401', optional => 'refused with 401',
            dry_run => 'would be refused with 401');

my $server = start_nginx(
    files  => { 'consumers.json' => $Consumers },
    http   => 'gateway_consumers zone=consumers:1m file=consumers.json;',
    server => "gateway_api_key r;\n" . CORE::join('', map {
        "location /$_ { gateway_api_key_mode $_; empty_gif; }\n"
    } sort keys %line),
);

for my $mode (sort keys %line) {
    my $before = length $server->log;

    $server->get("/$mode", headers => [ $_ ])
        for 'X-API-Key: x', with('past'), with('acme'), 'X-A: b';

    my @ours = substr($server->log, $before)
               =~ /^.*?(\[\w+\]) .*? (gateway\w*: .*?), client:/mg;

    Test::More::is_deeply(\@ours, [ map { ('[info]', $_) } map {
        qq{gateway_api_key: $line{$mode}, reason "$_->[0]", key "$_->[1]"}
    } [ 'unknown_key', '' ], [ 'expired', 'past' ],
      $mode eq 'optional' ? () : [ 'missing', '' ] ],
    "$mode: one line at info for a refusal, none for what passes");
}

$server->stop;
done_testing();

__DATA__

=== TEST 1: required, explicit and by default
--- config
gateway_api_key r;
location /said { gateway_api_key_mode required; }
--- cases
sent(with('acme'))             => granted('acme'),
sent()                         => refused('missing'),
sent('X-API-Key: x')           => refused('unknown_key'),
get('/said', with('acme'))     => granted('acme'),
get('/said')                   => refused('missing'),



=== TEST 2: optional: no key is anonymous, an invalid key is rejected
--- config
gateway_api_key r;
gateway_api_key_mode optional;
--- cases
sent()                           => granted(''),
sent('X-API-Key:')               => granted(''),
sent("Cookie: k=x")              => granted(''),
sent(with('acme'))               => granted('acme'),
sent('X-API-Key: x')             => refused('unknown_key'),
sent(with('past'))               => refused('expired'),
sent(with('acme'), with('acme')) => refused('duplicate_credential'),
sent(with('acme'), 'X-API-Key:') => refused('duplicate_credential'),



=== TEST 3: optional: another scheme is no key, a Bearer without a key is invalid
--- config
gateway_api_key r bearer;
gateway_api_key_mode optional;
--- cases
sent('Authorization: Basic YTpi') => granted(''),
sent('Authorization: Bea')        => granted(''),
sent('Authorization: Bearer')     => refused('malformed_key',
                                             scheme => 'Bearer'),



=== TEST 4: dry_run: every request passes, with its reason
--- config
gateway_api_key r;
gateway_api_key_mode dry_run;
--- cases
sent()                           => reached('', 'missing'),
sent(with('acme'))               => granted('acme'),
sent('X-API-Key: x')             => reached('', 'unknown_key'),
sent(with('past'))               => reached('', 'expired'),
sent(with('acme'), with('beta')) => reached('', 'duplicate_credential'),



=== TEST 5: off: no source is read
--- config
gateway_api_key off;
--- cases
sent()                           => granted(''),
sent('X-API-Key: x')             => granted(''),
sent(with('acme'))               => granted(''),



=== TEST 6: modes are inherited and overridden
--- config
gateway_api_key r;
gateway_api_key_mode optional;
location /required { gateway_api_key_mode required; }
location /off { gateway_api_key off; }
--- cases
sent()                           => granted(''),
sent('X-API-Key: x')             => refused('unknown_key'),
get('/required')                 => refused('missing'),
get('/off', 'X-API-Key: x')      => granted(''),



=== TEST 7: every HTTP method requires a key
--- consumers eval: $Test::Gateway::KeyCases::Consumers
--- config
location /t { gateway_api_key r; empty_gif; }
--- request eval
[ map { "$_ /t" } qw( OPTIONS HEAD GET POST PUT DELETE PATCH PROPFIND X ) ]
--- error_code eval: [ (401) x 9 ]
--- response_headers eval: [ ('WWW-Authenticate: Key realm="r"') x 9 ]



=== TEST 8: limit_except and if are locations, and inherit
--- consumers eval: $Test::Gateway::KeyCases::Consumers
--- config
location /deny { gateway_api_key r; empty_gif; limit_except GET { deny all; } }
location /mode { gateway_api_key r; empty_gif;
                 limit_except GET { gateway_api_key_mode optional; } }
location /only { empty_gif; limit_except GET { gateway_api_key r; } }
location /if   { gateway_api_key r; empty_gif; set $y 1;
                 if ($arg_if) { set $y 2; } }
--- request eval
[ 'GET /deny', 'GET /deny', 'PUT /deny', 'PUT /deny', 'GET /mode', 'PUT /mode',
  'GET /only', 'PUT /only', 'PUT /only', 'GET /if?if=1', 'GET /if?if=1' ]
--- more_headers eval
[ map { $_ ? ::with('acme') . "\n" : '' } 1, 0, 1, 0,  0, 0,  0, 0, 1,  1, 0 ]
--- error_code eval
[ 200, 401, 403, 401,  401, 405,  200, 401, 405,  200, 401 ]
