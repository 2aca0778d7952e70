# SPDX-License-Identifier: BSD-2-Clause

# The error of nginx -t for each wrong directive, with file and line; inheritance of
# the directives.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Said;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

$Test::Gateway::Said::Files = { 'keys.json' => jwks('es256'),
                                'consumers.json' => '{"consumers":[]}' };

sub http   { return http_conf(http => "\n$_[0]  #!\n") }
sub server { return http_conf(server => "\n$_[0]  #!\n") }


# --- valid directives

my @good = (
    'gateway_trust from=127.0.0.1; gateway_trace restart;',
    'gateway_trust from=127.0.0.1 from=::1 from=10.0.0.0/8 from=unix:; gateway_trace restart;',
    'gateway_trust from=any; gateway_trace restart;',
    'gateway_request_id X-Request-ID;',
    'gateway_request_id X-Request-ID response;',
    'gateway_request_id off;',
    'gateway_trace off;',
    'gateway_trace propagate;',
    'gateway_trace restart;',
    'gateway_trace propagate sample=0.25;',
    'gateway_trace restart sample=0;',
    'gateway_trace restart sample=1;',
    'gateway_trace restart sample=0.000000001;',
);
for (@good) {
    accepted(http($_), "http: $_");
    accepted(server($_), "server: $_");
}


# --- gateway_trust

my $address = 'it must be an address, a range such as 10.0.0.0/8, "unix:" or'
              . ' "any"';

refused(http('gateway_trust;'),
        'invalid number of arguments in "gateway_trust" directive',
        'no address');
refused(http('gateway_trust 127.0.0.1;'),
        'invalid parameter "127.0.0.1" in "gateway_trust", allowed are "from="',
        'no from=');
refused(http("gateway_trust from=$_;"),
        "invalid value \"$_\" in parameter \"from=\", $address",
        "\"$_\" is no address")
    for '', 'localhost', '127.0.0.256', '10.0.0.0/33', 'unix', '10.0.0.0/';
refused(http('gateway_trust from=10.0.0.1/8;'),
        'invalid value "10.0.0.1/8" in parameter "from=", bits after the'
        . ' prefix are set, it must be "10.0.0.0/8"', 'bits behind the prefix');
refused(http("gateway_trust from=::1;\ngateway_trust from=::2;" =~ s/\n/ /r),
        '"gateway_trust" directive is duplicate', 'twice');
refused(http_conf(server => "\nlocation / { gateway_trust from=::1;  #!\n}"),
        '"gateway_trust" directive is not allowed here', 'in a location');

# gateway_trust where request ids and traces are off is a warning

for (
    [ 1, http('gateway_trust from=::1;') ],
    [ 1, server('gateway_trust from=::1;') ],
    [ 1, server('gateway_trust from=::1; gateway_trace off;') ],
    [ 1, http_conf(http => "gateway_trace restart; gateway_request_id X;\n"
                           . 'gateway_trust from=::1;  #!',
                   server => 'gateway_trace off; gateway_request_id off;') ],
    [ 1, http_conf(http => "gateway_trust from=::1;  #!",
                   server => 'gateway_trace restart; gateway_trust from=::2;') ],
    [ 0, http('gateway_trust from=::1; gateway_trace restart;') ],
    [ 0, server('gateway_trust from=::1; gateway_request_id X-Id;') ],
    [ 0, http_conf(http => "\ngateway_trust from=::1;  #!",
                   server => 'gateway_trace propagate;') ],
    [ 0, http_conf(http => "\ngateway_request_id X-Id;",
                   server => "\ngateway_trust from=::1;  #!") ],
    [ 0, http_conf(http => "\ngateway_trust from=::1;  #!\n"
                           . 'server { listen 127.0.0.1:81; }',
                   server => 'gateway_trace propagate;') ],
)
{
    my ($warned, $conf) = @$_;
    my ($code, @lines) = said($conf);
    my @warnings = grep { /gateway_trust/ } @lines;
    is_deeply(\@warnings, $warned
              ? [ '[warn] "gateway_trust" has no effect without "gateway_trace"'
                  . ' or "gateway_request_id" in DIR/nginx.conf:LINE' ] : [],
              "$warned warning: " . $conf =~ s/\s+/ /gr);
    is($code, 0, 'and nginx starts');
}


# --- gateway_request_id

refused(http('gateway_request_id;'),
        'invalid number of arguments in "gateway_request_id" directive',
        'no name');
refused(http('gateway_request_id X-Id yes;'),
        'invalid parameter "yes" in "gateway_request_id", allowed are'
        . ' "response"', 'another word');
refused(http('gateway_request_id X-Id response response;'),
        'duplicate parameter "response" in "gateway_request_id"',
        'the word twice');
refused(http('gateway_request_id off response;'),
        '"off" takes no other parameters in "gateway_request_id"',
        'off, and more');
refused(http("gateway_request_id \"$_\";"),
        "invalid header name \"$_\", it must consist of letters, digits and -",
        "\"$_\" is no name") for 'X Id', 'X:Id', '', "caf\xc3\xa9", 'X-Id,',
                                   '$http_x_id', 'X-$id';
refused(http("gateway_request_id $_;"),
        "invalid value \"$_\" in \"gateway_request_id\", the name of a field"
        . ' such as X-Request-ID must come first', "\"$_\" is no name")
    for 'on', 'response';
refused(http('gateway_request_id response response;'),
        'invalid value "response" in "gateway_request_id", the name of a field'
        . ' such as X-Request-ID must come first', 'the word alone');
accepted(http("gateway_request_id $_;"), "\"$_\" is one")
    for 'X-On', 'Response-ID response';
refused(http("gateway_request_id $_;"),
        "header \"$_\" cannot be set, it frames the request or carries its"
        . ' credentials', $_)
    for qw( Host Content-Length transfer_encoding Authorization Cookie
            Proxy-Authorization );
refused(http("gateway_request_id $_ response;"),
        "header \"$_\" cannot be set in the response, nginx or the response"
        . ' itself sets it', "$_ in the response")
    for qw( Content-Type content_encoding CONTENT-RANGE Content-Disposition Date
            Server Location Set-Cookie ETag Last-Modified Cache-Control Expires
            Vary Age WWW-Authenticate Retry-After X-Accel-Redirect
            X_Accel_Expires Accept-Ranges Refresh Allow Link Status
            Access-Control-Allow-Origin );
refused(http("gateway_request_id $_ response;"),
        "header \"$_\" cannot be set, it frames the request or carries its"
        . ' credentials', "$_ in the response")
    for qw( Content-Length Transfer-Encoding Connection Keep-Alive Trailer
            Upgrade );
accepted(http("gateway_request_id $_ response;"), "$_ in the response")
    for qw( X-Content-Type Dates Server-Id Correlation-Id X-Accelerate 1a );
accepted(http("gateway_request_id $_;"), "$_ in the request alone")
    for qw( Date Server X-Accel-Id );
refused(http("gateway_request_id $_;"),
        "invalid header name \"$_\", it must have a letter", "\"$_\"")
    for qw( - -- 1 1-2 _ );
refused(http('gateway_request_id X-Id; gateway_request_id X-Id;'),
        '"gateway_request_id" directive is duplicate', 'twice');
refused(http('gateway_request_id off; gateway_request_id X-Id;'),
        '"gateway_request_id" directive is duplicate', 'off, and on');
refused(http_conf(server => "\nlocation / { gateway_request_id off;  #!\n}"),
        '"gateway_request_id" directive is not allowed here', 'in a location');


# --- gateway_trace

my $ratio = 'it must be a number from 0 to 1 such as 0.25, with at most 9'
            . ' digits after the decimal point';

refused(http('gateway_trace;'),
        'invalid number of arguments in "gateway_trace" directive', 'no mode');
refused(http('gateway_trace on;'),
        'invalid value "on" in "gateway_trace", allowed are "off", "propagate",'
        . ' "restart"', 'another mode');
refused(http('gateway_trace off sample=1;'),
        '"off" takes no other parameters in "gateway_trace"', 'off, and more');
refused(http("gateway_trace restart sample=$_;"),
        "invalid value \"$_\" in parameter \"sample=\", $ratio",
        "sample=$_")
    for '1.1', '-1', '50%', '.5', '1.', '0.0000000001', '', '1e-1';
refused(http('gateway_trace restart sample=1 sample=1;'),
        'duplicate parameter "sample=1" in "gateway_trace"', 'sample twice');
refused(http('gateway_trace restart ratio=1;'),
        'invalid parameter "ratio=1" in "gateway_trace", allowed are "sample="',
        'another parameter');
refused(http('gateway_trace off; gateway_trace off;'),
        '"gateway_trace" directive is duplicate', 'twice');
refused(http_conf(server => "\nlocation / { gateway_trace off;  #!\n}"),
        '"gateway_trace" directive is not allowed here', 'in a location');


# --- names that something else sets

my $jwt = 'gateway_jwt r; gateway_jwt_key_file keys.json;';

sub claimed {
    my ($conf, $name, $by, $what) = @_;
    refused($conf, "header \"$name\" is set by \"$by\" and is an identity header"
                   . ' in the same server, give one of them another name,',
            $what);
}

sub both {
    my ($ours, $location) = @_;
    return http_conf(server => "$ours  #!\n"
                               . "location /a { $jwt $location empty_gif; }\n"
                               . "location /b { empty_gif; }\n");
}

my $rid = 'gateway_request_id X-Request-ID;';

claimed(both($rid, 'gateway_jwt_claim_header X-Request-ID jti;'),
        'x-request-id', 'gateway_request_id', 'a claim of one location');
claimed(both($rid, 'gateway_jwt_claim_header x_request_id jti;'),
        'x-request-id', 'gateway_request_id', 'in another spelling');
claimed(both($rid, 'gateway_jwt_claim_header x.request.id jti;'),
        'x-request-id', 'gateway_request_id', 'and in one that is equal in PHP');
claimed(both('gateway_request_id X-Consumer-ID;',
             'gateway_identity_headers on;'),
        'x-consumer-id', 'gateway_request_id', 'an identity header');
claimed(both('gateway_trace propagate;',
             'gateway_jwt_claim_header Traceparent t;'),
        'traceparent', 'gateway_trace', 'traceparent');
claimed(both('gateway_trace restart;',
             'gateway_jwt_claim_header tracestate t;'),
        'tracestate', 'gateway_trace', 'tracestate');
claimed(http_conf(http => "$rid  #!\n", server => "location /a { $jwt"
                  . " gateway_jwt_claim_header X-Request-ID jti; }"),
        'x-request-id', 'gateway_request_id', 'a name that is inherited');
claimed(http_conf(http => 'gateway_identity_headers on credential=X-Id;',
                  server => "\ngateway_request_id X-Id;  #!\n"),
        'x-id', 'gateway_request_id', 'an identity header of http');

# --- names of headers that hold credentials

sub credential {
    my ($conf, $name, $by, $what) = @_;
    refused($conf, "header \"$name\" is set by \"$by\" and contains a credential"
                   . ' in the same server, give one of them another name,',
            $what);
}

my $consumers = "gateway_consumers zone=c:1m file=consumers.json;";

sub key_at {
    my ($ours, $key) = @_;
    return http_conf(http => $consumers,
                     server => "\n$ours  #!\nlocation /a { $key empty_gif; }\n");
}

credential(key_at("gateway_request_id $_;", 'gateway_api_key a;'),
           'x-api-key', 'gateway_request_id', "$_ is that of API keys")
    for qw( X-API-Key x_api_key );
credential(key_at('gateway_request_id X.Api-Key;', 'gateway_api_key a;'),
           'x.api-key', 'gateway_request_id', 'also in another spelling');
credential(key_at('gateway_request_id X-Key;',
                  'gateway_api_key a header=X-Key bearer;'),
           'x-key', 'gateway_request_id', 'a header with a name of its own');
credential(key_at('gateway_trace propagate;',
                  'gateway_api_key a header=tracestate;'),
           'tracestate', 'gateway_trace', 'a key in tracestate');
credential(http_conf(server => "\ngateway_request_id X-Token;  #!\n"
                     . 'location /a { gateway_jwt a token=$http_x_token;'
                     . ' gateway_jwt_key_file keys.json; }'),
           'x-token', 'gateway_request_id', 'a token');
credential(http_conf(http => "$consumers gateway_api_key a;",
                     server => "\ngateway_request_id X-API-Key;  #!\n"),
           'x-api-key', 'gateway_request_id', 'a key of http');

accepted(key_at('gateway_request_id X-API-Key;', $_), "beside $_")
    for 'gateway_api_key a header=X-Key;', 'gateway_api_key a bearer;',
        'gateway_api_key a query=x-api-key;',
        'gateway_api_key off; location /a/b { gateway_api_key a bearer; }';
accepted(http_conf(http => "$consumers server { listen 81;"
                           . ' gateway_api_key a; }',
                   server => 'gateway_request_id X-API-Key;'),
         'a key in another server');

accepted(both($rid, 'gateway_jwt_claim_header X-Request jti;'),
         'another name');
accepted(both($rid, 'gateway_identity_headers on;'), 'identity headers');
accepted(both('gateway_trace off;', 'gateway_jwt_claim_header traceparent t;'),
         'traceparent, where the trace is off');
accepted(http_conf(http => "$rid server { listen 81; gateway_request_id off; location / {"
                   . " $jwt gateway_jwt_claim_header X-Request-ID jti; } }"),
         'a name that is off in the server');
accepted(http_conf(http => "server { listen 81; $jwt gateway_jwt_claim_header X-Request-ID"
                   . " jti; }", server => $rid), 'in different servers');

accepted(server('gateway_request_id trace-parent;'), 'a name like it');

for my $name (qw( traceparent TraceState )) {
    refused(server("$_ gateway_request_id $name;"),
            "header \"$name\" cannot be set by \"gateway_request_id\", it"
            . ' carries the trace', "the request id is \"$name\"")
        for '', 'gateway_trace restart;', 'gateway_trace off;';
}


# --- inheritance

my ($a, $b, $c) = map { free_port() } 1 .. 3;
my $show = "location / { return 200 '\$gateway_request_id|\$gateway_trace_id|"
           . "\$gateway_trace_sampled'; }";
my $nginx = start_nginx(http => <<"END");
    gateway_request_id X-Outer response;
    gateway_trace restart sample=0;
    gateway_trust from=127.0.0.1;
    server { listen 127.0.0.1:$a; $show }
    server { listen 127.0.0.1:$b; $show gateway_request_id X-Inner;
             gateway_trace restart; }
    server { listen 127.0.0.1:$c; $show gateway_request_id off;
             gateway_trace off; }
END

sub get_of {
    my ($port) = @_;
    my (undef, $head, $body) = http_get($port, '/', headers => [ 'X-Outer: a',
                                                                 'X-Inner: b' ]);
    return ($body, CORE::join ' ', $head =~ /^(X-\w+: \w+)\r?$/mg);
}

my ($body, $fields) = get_of($a);
like($body, qr/^a\|\w{32}\|0$/, 'a server inherits all three');
is($fields, 'X-Outer: a', 'and their parameters');
($body, $fields) = get_of($b);
like($body, qr/^b\|\w{32}\|1$/, 'a server replaces two, with their parameters');
is($fields, '', 'one without "response"');
($body, $fields) = get_of($c);
is($body, '||', 'a server turns both off');

$nginx->stop;

done_testing;
