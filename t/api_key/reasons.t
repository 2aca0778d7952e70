# SPDX-License-Identifier: BSD-2-Clause

# The reasons of rejected keys differ in the variable and in the log; the client
# gets the same response.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::KeyCases;

$Test::Gateway::More = 1;

# long before and long after; other tests check the exact second
$Consumers = consumers(
    consumer('acme', keys => [
        entry('acme'),
        entry('past', expires => date(-2)),
        entry('long-past', expires => '2001-09-09T01:46:40Z'),
        entry('soon-past', expires => date(3600)),
        entry('future', not_before => date(3600)),
        entry('begun', not_before => date(-2)),
        entry('window', not_before => date(-2), expires => date(3600)),
        entry('off', disabled => \1),
        entry('on', disabled => \0),
        entry('elsewhere', allow => [ '192.0.2.1' ]),
        # the first check that fails gives the reason
        entry('off-past', disabled => \1, expires => date(-2)),
        entry('past-elsewhere', expires => date(-2), allow => [ '192.0.2.1' ]),
    ]),
    consumer('gone', disabled => \1,
             keys => [ entry('gone'), entry('gone-past', expires => date(-2)) ]),
    consumer('none', keys => []),
);

our $wrong = api_key('acme') =~ s/.$/ord($&) % 2 ? 0 : 1/er;

sub sent { get('/t', @_) }

run_tests();


# --- the log

my %reason = (past => 'expired', future => 'not_yet_valid', off => 'disabled',
              gone => 'disabled', elsewhere => 'address_not_allowed');
my $server = start_nginx(
    files  => { 'consumers.json' => $Consumers },
    http   => 'gateway_consumers zone=consumers:1m file=consumers.json;',
    server => 'location / { gateway_api_key r bearer header=X-API-Key;
                            empty_gif; }
               location /gw { gateway_api_key r; gateway_api_key_format gw; }',
);

for my $id (sort keys %reason) {
    $server->get('/', headers => [ with($id) ]);
    my @lines = $server->log =~ /\[info\] .*?(gateway_api_key: .*?), client:/g;
    Test::More::is($lines[-1], 'gateway_api_key: refused with 401, reason '
                               . qq("$reason{$id}", key "$id"),
                   "the log: $reason{$id}");
}

for ([ 'X-API-Key: ' . api_key('stranger'), 'unknown_key', 'stranger' ],
     [ "X-API-Key: $wrong", 'unknown_key', '' ],
     [ 'X-API-Key: x', 'unknown_key', '' ],
     [ 'Authorization: Bearer', 'malformed_key', '',
       ', Authorization is not "Bearer", a space and a key' ],
     [ 'X-A: b', 'missing', '' ])
{
    my ($line, $reason, $id, $why) = (@$_, '');
    $server->get('/', headers => [ $line ]);
    my @lines = $server->log =~ /\[info\] .*?(gateway_api_key: .*?), client:/g;
    Test::More::is($lines[-1], 'gateway_api_key: refused with 401, reason '
                               . qq("$reason", key "$id"$why), "the log: $line");
}

$server->get('/gw', headers => [ "X-API-Key: $wrong" ]);
Test::More::like($server->log, qr/reason "malformed_key", key ""/,
                 'the log: a key of the wrong format has no id');

my $n = () = $server->log =~ /gateway_api_key: /g;
$server->get('/', headers => [ with('acme') ]);
Test::More::is(scalar(() = $server->log =~ /gateway_api_key: /g), $n,
               'a granted request is not logged');
Test::More::unlike($server->log, qr/gw_|\[(?:warn|error)\]/,
                   'no key, and nothing above notice');
$server->stop;


# --- the second before, and the exact second

$server = start_nginx(
    files  => { 'consumers.json' => consumers(
        consumer('acme', keys => [ entry('edge', expires => date(3)),
                                   entry('wait', not_before => date(3)) ])) },
    http   => 'gateway_consumers zone=consumers:1m file=consumers.json;',
    server => 'location / { gateway_api_key r; empty_gif;
                            add_header X-Time $msec always;
                            add_header X-Reason $gateway_auth_reason always; }',
);

my ($edge) = Test::Gateway::Server::slurp($server->dir . '/consumers.json')
             =~ /"expires":"([^"]+)"/;
my ($y, $mon, $d, $h, $min, $s) = $edge =~ /\d+/g;
require Time::Local;
my $at = Time::Local::timegm($s, $min, $h, $d, $mon - 1, $y);

my (%early, %late);
my $end = time + 8;
while (time < $end && !($late{edge} && $late{wait})) {
    for my $id (qw( edge wait )) {
        my ($status, $head) = $server->get('/', headers => [ with($id) ]);
        my ($now) = $head =~ /^X-Time: (\d+)/m;
        my ($reason) = $head =~ /^X-Reason: (\w+)/m;
        my $said = $status . ($reason ? " $reason" : '');
        ($now < $at ? \%early : \%late)->{$id}{$said}++;
    }
    select undef, undef, undef, 0.02;
}

Test::More::is_deeply([ map { [ sort keys %{ $_ // {} } ] }
                        @early{qw( edge wait )}, @late{qw( edge wait )} ],
                      [ [ '200' ], [ '401 not_yet_valid' ],
                        [ '401 expired' ], [ '200' ] ],
                      'expired from its second on, valid from its second on');
$server->stop;

done_testing();

__DATA__

=== TEST 1: each reason, and a similar key that is accepted
--- cases
sent(with('acme'))                     => granted('acme'),
sent(with('past'))                     => refused('expired'),
sent(with('long-past'))                => refused('expired'),
sent(with('soon-past'))                => granted('acme'),
sent(with('future'))                   => refused('not_yet_valid'),
sent(with('begun'))                    => granted('acme'),
sent(with('window'))                   => granted('acme'),
sent(with('off'))                      => refused('disabled'),
sent(with('on'))                       => granted('acme'),
sent(with('gone'))                     => refused('disabled'),
sent(with('elsewhere'))                => refused('address_not_allowed'),
sent(with('stranger'))                 => refused('unknown_key'),
sent("X-API-Key: $::wrong")            => refused('unknown_key'),
sent(with('none'))                     => refused('unknown_key'),
sent()                                 => refused('missing'),
sent(with('acme'), with('acme'))       => refused('duplicate_credential'),



=== TEST 2: "disabled" comes before the time, the time before the address
--- cases
sent(with('off-past'))                 => refused('disabled'),
sent(with('gone-past'))                => refused('disabled'),
sent(with('past-elsewhere'))           => refused('expired'),



=== TEST 3: a Bearer challenge contains no more than the body
--- config
gateway_api_key r header=X-API-Key bearer;
--- cases
sent(with('past'))             => refused('expired', scheme => 'Bearer'),
sent(with('off'))              => refused('disabled', scheme => 'Bearer'),
sent(with('elsewhere'))        => refused('address_not_allowed',
                                          scheme => 'Bearer'),
sent(with('stranger'))         => refused('unknown_key', scheme => 'Bearer'),
sent('Authorization: Bearer')  => refused('malformed_key', scheme => 'Bearer'),
sent(with('acme'), with('acme')) => refused('duplicate_credential',
                                            scheme => 'Bearer'),
sent()                         => refused('missing', scheme => 'Bearer'),



=== TEST 4: the realm can contain variables, and is quoted
--- config
gateway_api_key "a \"$arg_realm\" b";
--- cases
get('/t?realm=x%20y') => refused('missing', realm => 'a \"x%20y\" b'),
get('/t')             => refused('missing', realm => 'a \"\" b'),



=== TEST 5: nginx's own error page, with the challenge
--- consumers eval: $Test::Gateway::KeyCases::Consumers
--- config
location /t { gateway_api_key r; gateway_error_format off; }
--- request
GET /t
--- error_code: 401
--- response_headers
WWW-Authenticate: Key realm="r"
Content-Type: text/html
--- response_body_like: 401 Authorization Required



=== TEST 6: the response is the same for all mistakes of a key
--- consumers eval: $Test::Gateway::KeyCases::Consumers
--- config
gateway_api_key r bearer;
location /t { empty_gif; }
--- request eval: [ ("GET /t") x 6 ]
--- more_headers eval
[ map { 'Authorization: Bearer ' . ::api_key($_) . "\n" }
  qw( past future off gone elsewhere stranger ) ]
--- error_code eval: [ (401) x 6 ]
--- raw_response_headers_like eval
my $like = '\AHTTP/1.1 401 Unauthorized\r\nServer: [^\r]*\r\nDate: [^\r]*\r\n'
           . 'Content-Type: application/problem\+json\r\nContent-Length: 118\r\n'
           . 'Connection: close\r\nWWW-Authenticate: Bearer realm="r", '
           . 'error="invalid_token", error_description="the API key is not '
           . 'valid"\r\n\r?\n?\z';
[ ($like) x 6 ]
