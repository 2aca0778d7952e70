# SPDX-License-Identifier: BSD-2-Clause

# Introspection under attack: an endpoint whose answers are ambiguous, wrong,
# broken, huge or slow, clients that make up tokens and leave, and nginx's own
# modules beside it.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Endpoint;
use Test::Gateway::Issuer;
use Test::Gateway::Load;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;
use Time::HiRes qw( time );

my $origin = origin();
my $true = '{"active":true}';
my $deep = 100_000;

# the answer, what the client receives

my @cases = (
    [ { body => $true }, '200' ],
    [ { body => " \t\r\n$true\r\n" }, '200' ],
    [ { body => $true, framing => 'chunked' }, '200' ],
    [ { body => $true, framing => 'close' }, '200' ],

    # "active"
    [ { body => '{"active":false,"active":true}' }, '503' ],
    [ { body => '{"active":true,"active":true}' }, '503' ],
    [ { body => '{"active":false,"\u0061ctive":true}' }, '503' ],
    [ { body => '{"Active":true}' }, '503' ],
    [ { body => '{"active ":true}' }, '503' ],
    [ { body => '{"active\u0000":true}' }, '503' ],
);
push @cases, map { [ { body => qq({"active":$_}) }, '503' ] }
             qw( "true" 1 null [true] {"active":true} True TRUE true1 );

# no JSON object
push @cases, map { [ { body => $_ }, '503' ] }
    '', ' ', 'true', "[$true]", qq({"a":$true}), "cb($true)", "${true}x",
    $true x 2, "\xef\xbb\xbf$true", "$true\0", "$true// comment", '{"active":true',
    '{active:true}', "{'active':true}", '{"active":true,}',
    '{"active":true,"sub":"' . "\xff" . '"}', '{"active":true,"sub":"\ud800"}',
    'active=true', '<html>{"active":true}</html>';

push @cases, (
    # large
    [ { body => '{"active":true,"a":' . '[' x $deep . ']' x $deep . '}' },
      '503' ],
    [ { body => '{"active":true,"a":[' . CORE::join(',', (0) x 60_000) . ']}' },
      '503' ],
    [ { body => $true . ' ' x 140_000 }, '503' ],
    [ { body => $true . ' ' x 140_000, framing => 'chunked' }, '503' ],
    [ { body => $true . ' ' x 10_000_000, framing => 'close' }, '503' ],

    # incomplete, or not 200
    [ { body => $true . ' ' x 10, truncate => 15 }, '503' ],
    [ { body => $true . ' ' x 10, truncate => 15, framing => 'chunked' },
      '503' ],
    [ { body => $true, truncate => 15, framing => 'chunked' }, '503' ],
    [ { body => $true, truncate => 5, reset => 1 }, '503' ],
    [ { body => $true, drip => 0.4 }, '503' ],
    [ { body => $true, head => [ 'Content-Encoding: gzip' ] }, '503' ],
    [ { body => $true, head => [ 'X-Accel-Redirect: /true' ] }, '503' ],
    (map { [ { body => $true, status => $_ }, '503' ] }
        201, 202, 203, 206, 299, 301, 400, 401, 404, 429, 500, 503),

    # times
    [ { body => '{"active":true,"exp":"9999999999"}' }, '503' ],
    [ { body => '{"active":true,"exp":null}' }, '503' ],
    [ { body => '{"active":true,"exp":1e999}' }, '503' ],
    [ { body => '{"active":true,"exp":true}' }, '503' ],
    [ { body => '{"active":true,"exp":-1}' }, '401 expired' ],
    [ { body => '{"active":true,"exp":0}' }, '401 expired' ],
    [ { body => '{"active":true,"exp":1e300}' }, '200' ],
    [ { body => '{"active":true,"nbf":9999999999}' }, '401 not_yet_valid' ],

    # fields of the answer are not for the client
    [ { body => '{"active":false}',
        head => [ 'Set-Cookie: endpoint=1', 'X-Endpoint: 1',
                  'WWW-Authenticate: Bearer realm="endpoint"' ] },
      '401 token_inactive' ]
);

my $conf = '';
for my $i (0 .. $#cases) {
    $origin->answer("/$i", $cases[$i][0]);
    $conf .= <<"END";
    location = /ask-$i { internal;
                         proxy_pass http://127.0.0.1:@{[ $origin->port ]}/$i; }
    location /$i/ {
        gateway_jwt api;
        gateway_jwt_introspect /ask-$i cache=0;
        empty_gif;
    }
END
}

my $server = start_nginx(workers => 1,
                         http => 'gateway_jwt_key_fetch timeout=2s;',
                         server => $conf . <<"END");
    add_header X-Reason \$gateway_auth_reason always;
    location = /true { internal; return 200 '$true'; }
END

for my $i (0 .. $#cases) {
    my ($answer, $expected) = @{ $cases[$i] };
    $expected .= ' introspection_unavailable' if $expected eq '503';

    my $name = substr $answer->{body}, 0, 50;
    $name .= ", $_ $answer->{$_}"
        for grep { defined $answer->{$_} && !ref $answer->{$_} }
            qw( status framing truncate drip );
    $name =~ s/[^ -~]/?/g;

    my $began = time;
    my ($status, $head) = http_get($server, "/$i/",
                                   headers => [ 'Authorization: Bearer t' ]);
    my ($reason) = $head =~ /^X-Reason: (\w+)\r?$/m;
    is($status . ($reason ? " $reason" : ''), $expected, $name);
    cmp_ok(time - $began, '<', 4, 'in time');
    unlike($head, qr/endpoint/i, 'nothing of the endpoint');
}
is((http_get($server, '/0/', headers => [ 'Authorization: Bearer t' ]))[0], 200,
   'the first one still works');
$server->stop;


# --- clients that make up tokens and leave at any time

my $as = endpoint();
my $port = free_port();
my $many = http_conf(workers => 1, port => $port,
                     http => 'gateway_jwt_key_fetch timeout=2s;',
                     server => $as->location('/ask') . <<'END');
    location / {
        gateway_jwt api token=$arg_token;
        gateway_jwt_introspect /ask;
        empty_gif;
    }
END
$many =~ s/worker_connections \K\d+/2048/ or die;
$server = start_nginx(conf => $many, port => $port);

my $id = 0;
sub fresh { join '~', 'u' . ++$id, @_ }
sub get { (http_get($server, "/?token=$_[0]"))[0] }

my $known = fresh();
is(get($known), 200, 'a known token');

for my $round (1 .. 5) {
    my $n = 0;
    my @many = http_many([ map { [ $server->port, '/?token='
                                   . fresh(qw( no delay:0.05 )[0 .. $_ % 2]) ] }
                           1 .. 200 ],
                         abort => sub { ++$n % 2 ? ($n % 50) / 200 : undef });
    is(scalar(grep { !$_->{aborted} && $_->{status} !~ /^(401|503)$/ } @many),
       0, "200 made-up tokens, half of their clients leave, round $round");
    is(get($known), 200, 'the known token is accepted');
}
is($as->asked($known), 1, 'it was asked about once');
ok(wait_until(sub { $as->held == 0 }, 5), 'no request to the endpoint remains');
is(get(fresh()), 200, 'a new token is asked about');
$server->stop;


# --- beside nginx's own modules

my $auth = origin();
$auth->answer('/yes', status => 204, body => '');
$auth->answer('/no', status => 403, body => '');

$server = start_nginx(workers => 1, http => <<'END',
    gateway_jwt_key_fetch timeout=2s;
    limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;
END
                      server => $as->location('/ask') . <<"END");
    add_header X-Reason \$gateway_auth_reason always;
    location = /yes { internal;
                      proxy_pass http://127.0.0.1:@{[ $auth->port ]}; }
    location = /no { internal;
                     proxy_pass http://127.0.0.1:@{[ $auth->port ]}; }
    gateway_jwt_introspect /ask;
    location /all-yes/ { gateway_jwt api; auth_request /yes; empty_gif; }
    location /all-no/ { gateway_jwt api; auth_request /no; empty_gif; }
    location /any-yes/ { gateway_jwt api; auth_request /yes; satisfy any;
                         empty_gif; }
    location /any-no/ { gateway_jwt api; auth_request /no; satisfy any;
                        empty_gif; }
    location /limited/ { gateway_jwt api; limit_req zone=one; empty_gif; }
END

for my $row ([ '/all-yes/', [], '200' ],
             [ '/all-yes/', [ 'no' ], '401 token_inactive' ],
             [ '/all-yes/', [ 'status:500' ], '503 introspection_unavailable' ],
             [ '/all-no/', [], '403' ],
             [ '/any-yes/', [], '200' ],
             [ '/any-yes/', [ 'no' ], '200' ],
             [ '/any-yes/', [ 'status:500' ], '503 introspection_unavailable' ],
             [ '/any-no/', [], '200' ],
             [ '/any-no/', [ 'no' ], '401|403' ])
{
    my ($uri, $words, $expected) = @$row;
    like(reason($server, $uri, fresh(@$words)), qr/^(?:$expected)\b/,
         "$uri @$words");
}

is(reason($server, '/limited/', fresh()), '200', 'within limit_req');
my $asked = $as->total;
is(status($server, '/limited/', fresh()), 503, 'limit_req');
is($as->total, $asked, 'rejects before the endpoint is asked');
$server->stop;

done_testing;
