# SPDX-License-Identifier: BSD-2-Clause

# The rules of RFC 9111, 9110, 5861, 9211 and 9213, case by case: the responses
# of the origin, and the cache status of the requests that follow.
#
# A case is [ name, location, responses, requests ... ].  A response is an array
# of header fields, or a hash for the answer() of Test::Gateway::Origin.  A
# request is the expected result, such as "HIT", "MISS no-store" or "HIT 304":
# $gateway_cache_status, its reason, and the code unless it is 200; or an array
# of the result and options:
#
#   method, lines     the method (GET), and further header fields of the request
#   on                a suffix of the path
#   head, nothead     patterns that the response header must or must not match
#   body              the expected body
#   asked             patterns that the fields the origin received must match
#
# No case waits for time to pass: Age makes a response as old as necessary.  On
# a slow machine the remaining lifetime can be some seconds less.

use v5.28;
use warnings;
use lib 't/lib';

use POSIX qw( strftime );
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $port = free_port();
my $origin = origin();
my $dead = origin();
my ($up, $down) = map { "proxy_pass http://127.0.0.1:@{[ $_->port ]};" }
                  $origin, $dead;

# each condition of gateway_cache_stale alone

my @words = (qw( error timeout invalid_header 5xx ),
             map { "http_$_" } 403, 404, 429, 500, 502, 503, 504);
my $words = join "\n", map { (
    "location /word/$_/ { $up gateway_cache_stale $_; proxy_read_timeout 1s; }",
    "location /dead/word/$_/ { $down gateway_cache_stale $_; }") } @words;

my $nginx = start_nginx(port => $port, conf => http_conf(port => $port,
    http => 'gateway_cache_zone zone=z:16m;', server => <<"END"));
    gateway_cache z;
    add_header X-Status \$gateway_cache_status always;
    add_header X-Reason \$gateway_cache_reason always;
    add_header X-Age \$gateway_cache_age always;
    add_header X-TTL \$gateway_cache_ttl always;

    location / { $up }
    location /rfc/ { $up gateway_cache_profile rfc9111; }
    location /none/ { $up gateway_cache_request_control none; }
    location /heuristic/ { $up gateway_cache_heuristic 10% max=1h; }
    location /ttl/ { $up gateway_cache_ttl 30s 404=10s min=5s max=2m; }
    location /any/ { $up gateway_cache_ttl 404=10s any=20s; }
    location /override/ { $up gateway_cache_ttl 30s override; }
    location /all/ { $up gateway_cache_ttl 30s override=all; }
    location /targeted/ { $up gateway_cache_targeted A-CC B-CC; }
    location /untargeted/ { $up gateway_cache_targeted off; }
    $words
    location /503/ { $up gateway_cache_stale http_503; }
    location /dead/ { $down }
    location /dead/off/ { $down gateway_cache_stale off; }
    location /dead/rfc/ { $down gateway_cache_profile rfc9111; }
    location /dead/background/ { $down gateway_cache_stale background; }
END

my $n = 0;

my $now = time;

sub date { return strftime '%a, %d %b %Y %H:%M:%S GMT', gmtime $now + $_[0] }

# sends a request; returns (result as above, code, header, body)

sub ask {
    my ($path, %request) = @_;

    my ($code, $head, $body) = http_get($nginx, $path . ($request{on} // ''),
                                        method => $request{method} // 'GET',
                                        headers => $request{lines} // []);
    my ($status) = $head =~ /^X-Status: (\S+)/m;
    my ($reason) = $head =~ /^X-Reason: (\S+)/m;
    my $word = join ' ', grep { defined } $status // '-', $reason,
                         $code == 200 ? undef : $code;
    return ($word, $code, "$head\r\n", $body);
}

sub one_request {
    my ($name, $path, $server, $step) = @_;

    my ($expected, %request) = ref $step ? @$step : $step;
    my ($word, undef, $head, $body) = ask($path, %request);

    is($word, $expected, $name);
    like($head, $_, "$name: $_") for @{ $request{head} // [] };
    unlike($head, $_, "$name: not $_") for @{ $request{nothead} // [] };
    is($body, $request{body}, "$name: the body") if defined $request{body};

    return if !$request{asked};
    my ($last) = reverse $server->requests($path . ($request{on} // ''));
    my $lines = join "\n", map { join ': ', @$_ } @{ $last->{fields} };
    like($lines, $_, "$name: the origin: $_") for @{ $request{asked} };
}

sub one_case {
    my ($name, $where, $answers, @steps) = @_;

    my $path = $where . 'c' . $n++;
    my $server = $where =~ m{^/dead/} ? $dead : $origin;
    my @answers = ref $answers eq 'ARRAY' && ref $answers->[0] ? @$answers
                                                               : $answers;
    $server->answer($path, map { ref eq 'ARRAY' ? { head => $_ } : $_ }
                           @answers);
    one_request("$name: " . ($_ + 1), $path, $server, $steps[$_]) for 0 .. $#steps;
}

# a case that is named by the fields of the response: the fields in an array, or
# separated by "|", and the result of the second request

sub stored {
    my ($where, $line, $second) = @_;

    my @lines = ref $line ? @$line : split /\s*\|\s*/, $line;
    one_case(join(' | ', @lines), $where, \@lines,
             ref $second ? @$second
                         : ($second =~ /^HIT/ ? 'MISS' : $second, $second));
}

my $past = date(-7200);
my $future = date(3600);
my $fresh = 'Cache-Control: max-age=60';

# --- Age (9111, 4.2.3 and 5.1)

stored('/', "$fresh | Age: 30", 'HIT');
stored('/', "$fresh | Age: 60", 'MISS stale');
stored('/', "$fresh | Age: 30, 90", 'HIT');
stored('/', "$fresh | Age: 90, 10", 'MISS stale');
stored('/', "$fresh | Age: 10 | Age: 90", 'HIT');
stored('/', "$fresh | Age: 90 | Age: 10", 'MISS stale');
stored('/', "$fresh | Age: $_", 'HIT')
    for qw( -90 90.5 abc 90s 0x90 +90 "90" ), '', '9 0';
stored('/', "$fresh | Age: $_", 'MISS stale')
    for 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, '18446744073709551617', '9' x 40,
        '0090';
one_case('Age increases', '/', [ $fresh, 'Age: 40' ],
         [ 'MISS', head => [ qr/^X-TTL: (?:20|1\d)\r/m, qr/ttl=(?:20|1\d); stored/ ] ],
         [ 'HIT', head => [ qr/^Age: 4[0-9]\r/m, qr/^X-Age: 4[0-9]\r/m,
                            qr/^X-TTL: (?:20|1\d)\r/m, qr/hit; ttl=(?:20|1\d)/ ] ]);
one_case('the apparent age', '/', [ 'Cache-Control: max-age=9000', "Date: $past" ],
         'MISS', [ 'HIT', head => [ qr/^Age: 72\d\d\r/m, qr/^Date: \Q$past/m ] ]);
one_case('the greater of Age and apparent age', '/',
         [ 'Cache-Control: max-age=9000', "Date: $past", 'Age: 8000' ],
         'MISS', [ 'HIT', head => [ qr/^Age: 80\d\d\r/m ] ]);
one_case('one line of Age', '/', [ $fresh, 'Age: 1' ], 'MISS',
         [ 'HIT', nothead => [ qr/^Age:.*^Age:/ms ] ]);

# --- Date

stored('/', "$fresh | Date: $past", 'MISS stale');
stored('/', "$fresh | Date: $future", 'HIT');
stored('/', "$fresh | Date: $_", 'HIT') for 'never', '', '0', 'Thu, 01 Jan 1970';
one_case('no Date', '/', [ $fresh ], 'MISS',
         [ 'HIT', head => [ qr/^Date: \w{3}, \d\d \w{3} \d{4} /m, qr/^Age: \d\r/m ],
                  nothead => [ qr/^Date:.*^Date:/ms ] ]);
one_case('an invalid Date is replaced', '/', [ $fresh, 'Date: never' ], 'MISS',
         [ 'HIT', head => [ qr/^Date: \w{3}, \d\d \w{3} \d{4} /m ],
                  nothead => [ qr/never/ ] ]);

# --- Expires (4.2.1, 5.3)

stored('/', 'Expires: ' . date(600), 'HIT');
stored('/', 'Expires: ' . date(-60), 'MISS stale');
stored('/', "Expires: $_", 'MISS stale')
    for 0, -1, 'never', '', '60', date(600) =~ s/GMT/UTC/r,
        date(600) =~ s/GMT/+0000/r, date(600) =~ s/ GMT//r;
stored('/', "Date: $past | Expires: $past", 'MISS stale');
stored('/', "Date: $past | Expires: " . date(600), 'HIT');
stored('/', "Date: $future | Expires: " . date(3660), 'HIT');
stored('/', "Date: $future | Expires: " . date(600), 'MISS stale');
stored('/', 'Expires: ' . date(600) . ' | Expires: ' . date(-60), 'HIT');
stored('/', 'Expires: ' . date(-60) . ' | Expires: ' . date(600), 'MISS stale');
stored('/', 'Cache-Control: max-age=0 | Expires: ' . date(600), 'MISS stale');
stored('/', "$fresh | Expires: 0", 'HIT');
stored('/', 'Cache-Control: s-maxage=60 | Expires: 0', 'HIT');
stored('/', 'Cache-Control: max-age=x | Expires: ' . date(600), 'MISS stale');
stored('/', 'Cache-Control: foo=1 | Expires: ' . date(600), 'HIT');
stored('/', 'Expires: ' . strftime('%A, %d-%b-%y %H:%M:%S GMT', gmtime time + 600),
       'HIT');
stored('/', 'Expires: ' . strftime('%a %b %e %H:%M:%S %Y', gmtime time + 600),
       'HIT');
stored('/', 'Expires: Sunday, 06-Nov-94 08:49:37 GMT', 'MISS stale');
stored('/', 'Expires: Sun Nov  6 08:49:37 1994', 'MISS stale');

stored('/', "Expires: $_", 'HIT')
    for 'Fri, 31 Dec 9999 23:59:59 GMT', 'Thu, 29 Feb 2096 00:00:00 GMT',
        'Sat, 31 Dec 2089 23:59:60 GMT', 'fri, 31 dec 9999 23:59:59 gmt';
stored('/', "Expires: $_", 'MISS stale')
    for 'Thu, 01 Jan 1900 00:00:00 GMT', 'Wed, 30 Feb 2089 00:00:00 GMT',
        'Thu, 29 Feb 2089 00:00:00 GMT', 'Thu, 29 Feb 2100 00:00:00 GMT',
        'Wed, 31 Nov 2089 00:00:00 GMT', 'Wed, 00 Nov 2089 00:00:00 GMT',
        'Fri, 30 Dec 2089 24:00:00 GMT', 'Fri, 30 Dec 2089 23:60:00 GMT',
        'Fri, 30 Dec 2089 23:59:61 GMT', 'Fri, 1 Dec 2089 23:59:59 GMT',
        'Fri, 30 Dec 89 23:59:59 GMT', 'Fri, 30-Dec-2089 23:59:59 GMT',
        'Friday, 30 Dec 2089 23:59:59 GMT', 'Fri, 30 Dec 2089 23:59:59 GMT x',
        'Fri, 30 Dec 2089 23:59:59 EST', '30 Dec 2089 23:59:59 GMT',
        'Fri, 30 Dec 2089 23:59 GMT', '2089-12-30T23:59:59Z', '4102444799',
        'Fri,  30 Dec 2089 23:59:59 GMT', 'Fri 30 Dec 2089 23:59:59 GMT';

# --- lifetimes in Cache-Control (5.2)

stored('/', "Cache-Control: $_", 'HIT')
    for 'max-age=60', 'MAX-AGE=60', 'Max-Age="60"', 'max-age=060',
        'max-age=2147483648', 'max-age=9223372036854775808', 'max-age=' . '9' x 60,
        's-maxage=60', 'max-age=0, s-maxage=60', 's-maxage=60, max-age=0',
        'max-age=60, max-age=0', 'foo, max-age=60', 'foo=bar,max-age=60',
        ',max-age=60,', 'foo="max-age=0",max-age=60',
        'foo="a, no-store", max-age=60', 'foo="a\", no-store", max-age=60',
        "max-age=60\t,\tfoo", 'public, immutable, max-age=60',
        'no-transform, max-age=60',
        'must-understand, max-age=60', 'proxy-revalidate, max-age=60',
        'x-no-store, max-age=60',
        'no-store-x, max-age=60', 'extension="no-cache", max-age=60';
stored('/', "Cache-Control: $_", 'MISS stale')
    for 'max-age=0', 'max-age=-1', 'max-age=60.5', 'max-age=60s', 'max-age=',
        'max-age', 'max-age=""', 'max-age= 60', 'max-age =60', "max-age='60'",
        's-maxage=0, max-age=60', 'max-age=60, s-maxage=0', 'max-age=0, max-age=60',
        's-maxage=x, max-age=60';
stored('/', "Cache-Control: $_", 'MISS malformed')
    for 'max-age="60', 'max-age=60, foo="', 'max-age=60, private="X-A';
stored('/', "Cache-Control: $_", 'MISS no-lifetime')
    for 'public', 'must-revalidate', 'immutable', 'foo="max-age=60"', 'maxage=60',
        'xmax-age=60', 'stale-while-revalidate=60', '';
stored('/', 'Cache-Control: foo | Cache-Control: max-age=60', 'HIT');
stored('/', 'Cache-Control: max-age=60 | Cache-Control: no-store', 'MISS no-store');
stored('/', 'Cache-Control: max-age=60 | Cache-Control: max-age=0', 'HIT');
stored('/', "$fresh | Pragma: no-cache", 'HIT');

# --- responses that must not be stored

stored('/', "Cache-Control: max-age=60, $_", 'MISS no-store')
    for 'no-store', 'No-Store', 'no-store=1', 'no-store="x"', 'public, no-store';
stored('/', "Cache-Control: max-age=60, $_", 'MISS private')
    for 'private', 'PRIVATE', 'private=""', 'private="@"', 'private="X-A", private';
stored('/', "Cache-Control: max-age=60, $_", 'MISS no-cache')
    for 'no-cache', 'no-cache=""', 'No-Cache', 'no-cache="X-A", no-cache';
for my $word ('no-cache', 'private') {
    for my $value ('"X-A"', '"x-a, X-B"', 'X-A', '" X-A ,X-B"', '"X-A,"') {
        one_case("$word=$value", '/', [ "Cache-Control: max-age=60, $word=$value",
                                        'X-A: 1', 'X-C: 1' ],
                 [ 'MISS', head => [ qr/^X-A: 1/m ] ],
                 [ 'HIT', head => [ qr/^X-C: 1/m ], nothead => [ qr/^X-A:/m ] ]);
    }
}
one_case('Content-Type in private', '/',
         [ 'Cache-Control: max-age=60, private="Content-Type"',
           'Content-Type: a/b' ],
         [ 'MISS', head => [ qr{^Content-Type: a/b}m ] ],
         [ 'HIT', nothead => [ qr/^Content-Type:/m ] ]);
one_case('no-cache with a validator', '/',
         { head => [ 'Cache-Control: max-age=60, no-cache' ], etag => '"1"' },
         'MISS', [ 'REVALIDATED', asked => [ qr/^If-None-Match: "1"$/m ] ],
         [ 'REVALIDATED', head => [ qr/fwd=stale; fwd-status=304/ ] ]);
one_case('max-age=0 with a validator', '/',
         { head => [ 'Cache-Control: max-age=0' ], etag => '"1"' },
         'MISS', 'REVALIDATED', 'REVALIDATED');
one_case('Set-Cookie in no-cache', '/rfc/',
         [ 'Cache-Control: max-age=60, no-cache="Set-Cookie"', 'Set-Cookie: a=b' ],
         [ 'MISS', head => [ qr/^Set-Cookie: a=b/m ] ],
         [ 'HIT', nothead => [ qr/^Set-Cookie/m ] ]);
one_case('names in a targeted field', '/',
         [ 'CDN-Cache-Control: max-age=60, private="X-A, x-b"', 'X-A: 1',
           'X-B: 1', 'X-C: 1' ],
         'MISS', [ 'HIT', head => [ qr/^X-C/m ], nothead => [ qr/^X-[AB]:/m ] ]);
one_case('the response time of the origin adds to the age', '/',
         { head => [ $fresh, 'Age: 5' ], delay => 1.1 },
         'MISS', [ 'HIT', head => [ qr/^Age: (?:[6-9]|\d\d)\r/m ] ]);
one_case('no-cache without a lifetime', '/',
         { head => [ 'Cache-Control: no-cache' ], etag => '"1"' },
         'MISS', 'REVALIDATED');

stored('/', [ $fresh, $_->[0] ], "MISS $_->[1]")
    for [ 'Content-Type: text/event-stream', 'event-stream' ],
        [ 'Content-Type: Text/Event-Stream; charset=utf-8', 'event-stream' ],
        [ 'X-Accel-Buffering: no', 'not-buffered' ], [ 'Trailer: X-A', 'trailers' ],
        [ 'Set-Cookie: a=b', 'set-cookie' ];
stored('/', [ $fresh, $_ ], 'HIT')
    for 'Content-Type: text/event-streams', 'X-Accel-Buffering: yes',
        'X-Trailer: X-A';

# --- status codes, must-understand (5.2.2.3)

for my $status (200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 402,
                403, 404, 405, 410, 414, 418, 421, 451, 499, 500, 501, 502, 503,
                504, 299, 599)
{
    my $code = $status == 200 ? '' : " $status";
    one_case("$status with a lifetime", '/',
             { status => $status, head => [ $fresh ] },
             "MISS$code", "HIT$code");
}
for my $status (206, 428, 429, 431, 511) {
    one_case("$status is not stored", '/',
             { status => $status, head => [ $fresh ] },
             ("MISS status $status") x 2);
}
for my $status (299, 418, 499, 599) {
    one_case("$status is not understood", '/',
             { status => $status, head => [ "$fresh, must-understand" ] },
             ("MISS not-understood $status") x 2);
    one_case("$status is not understood", '/',
             { status => $status, head => [ "$fresh, must-understand, no-store" ] },
             ("MISS not-understood $status") x 2);
}
for my $status (200, 204, 301, 404, 503) {
    my $code = $status == 200 ? '' : " $status";
    one_case("$status is understood", '/',
             { status => $status, head => [ "$fresh, must-understand, no-store" ] },
             "MISS$code", "HIT$code");
}
one_case('a 204 has no length', '/', { status => 204, head => [ $fresh ] },
         'MISS 204', [ 'HIT 204', nothead => [ qr/^Content-Length/m ],
                       body => '' ]);

# --- heuristic freshness (4.2.2)

my $modified = 'Last-Modified: ' . date(-1000);
stored('/', $modified, 'MISS no-lifetime');
one_case('heuristic: a percentage of the time since Last-Modified',
         '/heuristic/', [ $modified ], 'MISS',
         [ 'HIT', head => [ qr/^X-TTL: (?:100|9\d)\r/m ] ]);
one_case('heuristic: the time from Last-Modified to Date', '/heuristic/',
         [ 'Date: ' . date(-20), 'Last-Modified: ' . date(-1020) ], 'MISS',
         [ 'HIT', head => [ qr/^X-TTL: (?:80|7\d)\r/m ] ]);
one_case('heuristic: max', '/heuristic/',
         [ 'Last-Modified: ' . date(-10 ** 8) ], 'MISS',
         [ 'HIT', head => [ qr/^X-TTL: (?:3600|35\d\d)\r/m ] ]);
stored('/heuristic/', "$modified | Cache-Control: public", 'HIT');
stored('/heuristic/', "$modified | Cache-Control: no-store", 'MISS no-store');
stored('/heuristic/', 'Last-Modified: never', 'MISS no-lifetime');
stored('/heuristic/', 'X: y', 'MISS no-lifetime');
one_case('heuristic: a stated lifetime takes precedence', '/heuristic/',
         [ $modified, 'Cache-Control: max-age=9' ],
         'MISS', [ 'HIT', head => [ qr/^X-TTL: \d\r/m ] ]);
one_case('heuristic: Last-Modified in the future', '/heuristic/',
         { modified => date(1000) }, 'MISS', 'REVALIDATED');
for my $status (203, 204, 300, 301, 308, 404, 405, 410, 414, 451, 501) {
    one_case("heuristic: $status", '/heuristic/',
             { status => $status, head => [ $modified ] },
             "MISS $status", "HIT $status");
}
for my $status (201, 302, 307, 403, 500, 503) {
    one_case("not heuristic: $status", '/heuristic/',
             { status => $status, head => [ $modified ] },
             ("MISS no-lifetime $status") x 2);
    one_case("heuristic if public: $status", '/heuristic/',
             { status => $status, head => [ $modified, 'Cache-Control: public' ] },
             "MISS $status", "HIT $status");
}

# --- requests (5.2.1)

sub wants { return (lines => [ "Cache-Control: $_[0]" ]) }

sub request {
    my ($where, $control, $lines, @second) = @_;
    one_case("$where request: $control", $where, $lines, 'MISS',
             map { [ $_, wants($control) ] } @second);
}

my $aged = [ 'Cache-Control: max-age=60', 'Age: 20', 'ETag: "1"' ];
my $stale = [ 'Cache-Control: max-age=60', 'Age: 100', 'ETag: "1"' ];
request('/rfc/', $_, $aged, 'HIT')
    for 'max-age=30', 'max-age=2147483648', 'max-age=' . '9' x 40, 'min-fresh=20',
        'min-fresh=x', 'max-stale', 'foo', 'no-store', 'only-if-cached',
        'max-age="30"',
        'max-age=30, max-age=0', 'stale-if-error=60';
request('/rfc/', $_, $aged, 'EXPIRED request')
    for 'max-age=10', 'max-age=0', 'max-age=x', 'max-age=-1',
        'max-age=10, max-stale',
        'min-fresh=50', 'min-fresh=2147483648', 'no-cache', 'NO-CACHE',
        'max-stale, no-cache';
request('/rfc/', $_, $stale, 'STALE')
    for 'max-stale', 'max-stale=50', 'max-stale="50"', 'max-stale=2147483648',
        'max-age=200, max-stale', 'only-if-cached, max-stale';
request('/rfc/', $_, $stale, 'EXPIRED stale')
    for 'max-stale=30', 'max-stale=x', 'max-stale=-1', 'foo';
request('/rfc/', $_, $stale, 'EXPIRED request')
    for 'max-age=200', 'max-stale=50, max-age=50';
request('/rfc/', 'only-if-cached', $stale, 'ERROR only-if-cached 504');
for my $word (qw( must-revalidate proxy-revalidate s-maxage=60 )) {
    request('/rfc/', 'max-stale', [ "Cache-Control: max-age=60, $word",
                                    'Age: 100', 'ETag: "1"' ],
            'EXPIRED stale');
}
request('/rfc/', 'max-stale', [ 'Cache-Control: max-age=60, no-cache',
                                'ETag: "1"' ],
        'EXPIRED no-cache');
for my $where ('/', '/none/') {
    request($where, $_, $aged, 'HIT')
        for 'max-age=10', 'max-age=0', 'min-fresh=50', 'no-cache', 'no-store';
    request($where, 'max-stale', $stale, 'EXPIRED stale');
}
request('/', 'only-if-cached', $stale, 'ERROR only-if-cached 504');
request('/none/', 'only-if-cached', $stale, 'EXPIRED stale');
for my $where ('/', '/rfc/') {
    one_case("$where only-if-cached", $where, [ $fresh ],
             [ 'ERROR only-if-cached 504', wants('only-if-cached') ],
             'MISS', [ 'HIT', wants('only-if-cached') ],
             [ 'HIT', method => 'HEAD', wants('only-if-cached') ]);
    one_case("$where no-store", $where, [ $fresh ],
             ([ 'MISS request', wants('no-store') ]) x 2, 'MISS',
             [ 'HIT', wants('no-store') ]);
}
one_case('control none: no-store', '/none/', [ $fresh ],
         [ 'MISS', wants('no-store') ],
         'HIT');
one_case('control none: only-if-cached', '/none/', [ $fresh ],
         [ 'MISS', wants('only-if-cached') ], 'HIT');
one_case('Pragma', '/rfc/', [ @$aged ], 'MISS',
         [ 'EXPIRED request', lines => [ 'Pragma: no-cache' ] ],
         [ 'EXPIRED request', lines => [ 'Pragma: foo, No-Cache' ] ],
         [ 'HIT', lines => [ 'Pragma: no-cache', 'Cache-Control: foo' ] ],
         [ 'HIT', lines => [ 'Pragma: foo' ] ]);
one_case('profile api ignores Pragma', '/', [ @$aged ], 'MISS',
         [ 'HIT', lines => [ 'Pragma: no-cache' ] ]);

# --- Authorization (3.5)

my @auth = (lines => [ 'Authorization: Basic eDp5' ]);
for my $word ('public', 's-maxage=60', 'must-revalidate') {
    one_case("Authorization: $word", '/', [ "$fresh, $word" ],
             [ 'MISS', @auth ], [ 'HIT', @auth ], 'HIT');
}
for my $word ('immutable', 'proxy-revalidate', 'must-understand') {
    one_case("Authorization: $word", '/', [ "$fresh, $word" ],
             [ 'MISS credentials', @auth ], [ 'MISS credentials', @auth ]);
}
one_case('Authorization: must-understand makes no-store ineffective', '/',
         [ "$fresh, public, no-store, must-understand" ],
         [ 'MISS', @auth ], [ 'HIT', @auth ]);
one_case('Authorization: private', '/', [ "$fresh, public, private" ],
         ([ 'MISS credentials', @auth ]) x 2);
one_case('Authorization: a response for others', '/', [ $fresh ], 'MISS',
         [ 'BYPASS credentials', @auth ], 'HIT');
one_case('Authorization: validated', '/',
         { head => [ 'Cache-Control: max-age=0, s-maxage=0' ], etag => '"1"' },
         [ 'MISS', @auth ], [ 'REVALIDATED', @auth,
                              asked => [ qr/^Authorization/m ] ]);
one_case('Authorization: a targeted field', '/',
         [ $fresh, 'CDN-Cache-Control: public, max-age=60' ],
         [ 'MISS', @auth ], [ 'HIT', @auth ]);
one_case('Authorization: public in a field that is not used', '/',
         [ "$fresh, public", 'CDN-Cache-Control: max-age=60' ],
         ([ 'MISS credentials', @auth ]) x 2);

# --- unsafe methods (4.4)

sub changed {
    my ($name, $method, $answer, $after) = @_;

    my $path = '/changed/c' . $n++;
    $origin->answer($path, head => [ $fresh ]);
    ask($path);
    $origin->answer($path, %$answer);
    ask($path, method => $method);
    $origin->answer($path, head => [ $fresh ]);
    is((ask($path))[0], $after, $name);
}

changed("$_ is unsafe", $_, {}, 'MISS')
    for qw( POST PUT DELETE PATCH M-SEARCH FOO );
changed("$_ is safe", $_, {}, 'HIT') for qw( OPTIONS PROPFIND SEARCH REPORT HEAD );
changed("PUT: $_", 'PUT', { status => $_ }, 'MISS')
    for 200, 201, 204, 301, 303, 307;
changed("PUT: $_", 'PUT', { status => $_ }, 'HIT') for 400, 404, 409, 412, 500, 503;

sub elsewhere {
    my ($name, $method, $status, $line, $after) = @_;

    my ($path, $target) = map { '/else/' . $_ . $n++ } qw( p t );
    $line =~ s/TARGET/$target/;
    $line =~ s/LEAF/$target =~ s{.*\/}{}r/e;
    $origin->answer($target, head => [ $fresh ]);
    ask($target);
    $origin->answer($path, status => $status, head => [ $line ]);
    ask($path, method => $method);
    is((ask($target))[0], $after, "$name: $line");
}

for my $field ('Location', 'Content-Location') {
    elsewhere('POST', 'POST', 201, "$field: $_", 'MISS')
        for 'TARGET', 'LEAF', 'http://localhostTARGET', 'http://LOCALHOST:80TARGET',
            '//localhostTARGET', './LEAF', '../else/LEAF', 'TARGET#x';
    elsewhere('another origin', 'POST', 201, "$field: $_", 'HIT')
        for 'http://other.exampleTARGET', 'https://localhostTARGET',
            'http://localhost:81TARGET', '//otherTARGET';
    elsewhere('an error', 'POST', 400, "$field: TARGET", 'HIT');
    elsewhere('a safe method', 'GET', 201, "$field: TARGET", 'HIT');
    elsewhere('another query', 'POST', 201, "$field: TARGET?a", 'HIT');
}
elsewhere('the URL as the client receives it', 'POST', 201,
          "Location: http://127.0.0.1:@{[ $origin->port ]}TARGET", 'MISS');
for my $method ('POST', 'DELETE') {
    one_case("$method: all variants", '/', [ $fresh, 'Vary: X-A' ],
             [ 'MISS', lines => [ 'X-A: 1' ] ], [ 'MISS', lines => [ 'X-A: 2' ] ],
             [ 'BYPASS method', method => $method ],
             [ 'MISS', lines => [ 'X-A: 1' ] ], [ 'MISS', lines => [ 'X-A: 2' ] ]);
}
elsewhere('DELETE', 'DELETE', 204, 'Content-Location: TARGET', 'MISS');

# --- POST (9110, 9.3.3)

sub posted {
    my ($name, $where, $head, $after, %more) = @_;

    my $path = $where . 'p' . $n++;
    s/TARGET/$path/ for my @lines = @$head;
    $origin->answer($path, head => \@lines, body => 'posted', %more);
    my ($word) = ask($path, method => 'POST');
    $origin->answer($path, head => [ $fresh ], body => 'new');
    my (undef, undef, undef, $body) = ask($path);
    is($body, $after, $name);
}

my $to = 'Content-Location: TARGET';
posted('POST', '/rfc/', [ $fresh, $to ], 'posted');
posted('POST: an absolute URI', '/rfc/', [ $fresh,
    'Content-Location: http://localhostTARGET' ],
       'posted');
posted('POST: Expires', '/rfc/', [ 'Expires: ' . date(600), $to ], 'posted');
posted('POST: no freshness', '/rfc/', [ $modified, $to ], 'new');
posted('POST: no Content-Location', '/rfc/', [ $fresh ], 'new');
posted('POST: another target', '/rfc/', [ $fresh, 'Content-Location: /other' ],
       'new');
posted('POST: profile api', '/', [ $fresh, $to ], 'new');
posted('POST: no-store', '/rfc/', [ "$fresh, no-store", $to ], 'new');
posted('POST: an error', '/rfc/', [ $fresh, $to ], 'new', status => 404);

one_case('POST: always sent to the origin', '/rfc/',
         { head => [ $fresh, 'Content-Location: /rfc/c' . $n ] },
         [ 'BYPASS method', method => 'POST', body => "1 /rfc/c$n\n",
           head => [ qr/fwd=method; ttl=(?:60|5\d); stored/ ] ],
         [ 'BYPASS method', method => 'POST', body => "2 /rfc/c$n\n" ],
         [ 'HIT', body => "2 /rfc/c$n\n" ], [ 'HIT', method => 'HEAD' ],
         [ 'BYPASS method', method => 'POST', body => "3 /rfc/c$n\n" ],
         [ 'HIT', body => "3 /rfc/c$n\n" ]);
one_case('POST: Vary', '/rfc/',
         { head => [ $fresh, 'Content-Location: /rfc/c' . $n, 'Vary: X-A' ] },
         [ 'BYPASS method', method => 'POST', lines => [ 'X-A: 1' ] ],
         [ 'HIT', lines => [ 'X-A: 1' ] ], [ 'MISS', lines => [ 'X-A: 2' ] ]);
one_case('POST: conditions are sent to the origin', '/rfc/',
         { head => [ $fresh, 'ETag: "1"', 'Content-Location: /rfc/c' . $n ],
           body => 'x' },
         [ 'BYPASS method', method => 'POST', lines => [ 'If-None-Match: "1"' ],
           body => 'x', asked => [ qr/^If-None-Match: "1"$/m ] ],
         [ 'HIT', body => 'x' ]);

# --- Vary (4.1)

sub vary {
    my ($name, $where, $vary, $first, $second, $after) = @_;

    one_case("Vary: $name", $where, [ $fresh, map { "Vary: $_" } @$vary ],
             [ 'MISS', lines => $first ], [ $after, lines => $second ]);
}

vary('equal', '/', [ 'X-A' ], [ 'X-A: 1' ], [ 'X-A: 1' ], 'HIT');
vary('different', '/', [ 'X-A' ], [ 'X-A: 1' ], [ 'X-A: 2' ], 'MISS');
vary('absent', '/', [ 'X-A' ], [], [], 'HIT');
vary('absent and empty', '/', [ 'X-A' ], [], [ 'X-A:' ], 'MISS');
vary('absent and present', '/', [ 'X-A' ], [ 'X-A: 1' ], [], 'MISS');
vary('a name in another case', '/', [ 'x-a' ], [ 'X-A: 1' ], [ 'X-a: 2' ], 'MISS');
vary('the case of values', '/', [ 'X-A' ], [ 'X-A: a' ], [ 'X-A: A' ], 'MISS');
vary('two lines', '/', [ 'X-B', 'X-A' ], [ 'X-A: 1' ], [ 'X-A: 2' ], 'MISS');
vary('a list', '/', [ 'X-B ,X-A,' ], [ 'X-A: 1' ], [ 'X-A: 2' ], 'MISS');
vary('another field', '/', [ 'X-A' ], [ 'X-B: 1' ], [ 'X-B: 2' ], 'HIT');
vary('empty', '/', [ '' ], [ 'X-A: 1' ], [ 'X-A: 2' ], 'HIT');
vary('lines joined', '/', [ 'X-A' ], [ 'X-A: 1', 'X-A: 2' ], [ 'X-A: 1, 2' ],
     'HIT');
vary('lines in another order', '/', [ 'X-A' ], [ 'X-A: 1', 'X-A: 2' ],
     [ 'X-A: 2', 'X-A: 1' ], 'MISS');
vary('white space', '/', [ 'X-A' ], [ 'X-A: 1 ,  2' ], [ 'X-A: 1,2' ], 'HIT');
vary('inner white space', '/', [ 'X-A' ], [ 'X-A: a b' ], [ 'X-A: ab' ], 'MISS');
vary('the same value in another field', '/', [ 'X-A, X-B' ], [ 'X-A: 1' ],
     [ 'X-B: 1' ],
     'MISS');
vary('order', '/', [ 'X-A' ], [ 'X-A: a, b' ], [ 'X-A: b, a' ], 'MISS');
vary('Accept-Encoding: order', '/', [ 'Accept-Encoding' ],
     [ 'Accept-Encoding: gzip, br' ],
     [ 'Accept-Encoding: BR,gzip' ], 'HIT');
vary('Accept-Encoding: weights', '/', [ 'Accept-Encoding' ],
     [ 'Accept-Encoding: gzip;q=1.0, br;q=0.50' ],
     [ 'Accept-Encoding: br;q=0.5, gzip' ], 'HIT');
vary('Accept-Encoding: other weights', '/', [ 'Accept-Encoding' ],
     [ 'Accept-Encoding: gzip, br;q=0.5' ], [ 'Accept-Encoding: gzip;q=0.5, br' ],
     'MISS');
vary('Accept-Encoding: none', '/', [ 'Accept-Encoding' ],
     [ 'Accept-Encoding: gzip' ], [ 'Accept-Encoding: gzip;q=0' ], 'MISS');
vary('Accept-Language: api', '/', [ 'Accept-Language' ],
     [ 'Accept-Language: en, de' ], [ 'Accept-Language: de, en' ], 'MISS');
vary('Accept-Language: order', '/rfc/', [ 'Accept-Language' ],
     [ 'Accept-Language: en, de' ], [ 'Accept-Language: de, EN' ], 'HIT');
vary('Accept-Language: preference', '/rfc/', [ 'Accept-Language' ],
     [ 'Accept-Language: en, de;q=0.5' ], [ 'Accept-Language: de, en;q=0.5' ],
     'MISS');
stored('/', "$fresh | Vary: $_", 'MISS vary-any')
    for '*', 'X-A, *', '*, X-A', '*,*', ' * ', 'X-A | Vary: *';
stored('/', "$fresh | Vary: $_", 'MISS vary-cookie') for 'Cookie', 'X-A, cookie';
one_case('many variants', '/', [ $fresh, 'Vary: X-A' ],
         (map { [ 'MISS', lines => [ "X-A: $_" ] ] } 1 .. 20),
         (map { [ 'HIT', lines => [ "X-A: $_" ] ] } 1 .. 20));
one_case('the newest of several matching variants', '/',
         [ [ $fresh, 'Vary: X-A' ], [ $fresh, 'Vary: X-B' ], [ $fresh ] ],
         [ 'MISS', lines => [ 'X-A: 1' ] ], [ 'MISS', lines => [ 'X-A: 2' ] ],
         [ 'HIT', lines => [ 'X-A: 1' ], head => [ qr/^Vary: X-B/m ] ],
         [ 'MISS', lines => [ 'X-B: 1' ] ], [ 'HIT', lines => [ 'X-A: 1' ],
           nothead => [ qr/^Vary/m ] ]);
one_case('a variant miss', '/', [ $fresh, 'Vary: X-A' ],
         [ 'MISS', lines => [ 'X-A: 1' ], head => [ qr/fwd=uri-miss/ ] ],
         [ 'MISS', lines => [ 'X-A: 2' ], head => [ qr/fwd=vary-miss/ ] ]);
one_case('Origin', '/', [ $fresh, 'Access-Control-Allow-Origin: https://a' ],
         [ 'MISS', lines => [ 'Origin: https://a' ] ],
         [ 'HIT', lines => [ 'Origin: https://a' ] ],
         [ 'MISS', lines => [ 'Origin: https://b' ] ], 'MISS');
one_case('any Origin', '/', [ $fresh, 'Access-Control-Allow-Origin: *' ],
         [ 'MISS', lines => [ 'Origin: https://a' ] ],
         [ 'HIT', lines => [ 'Origin: https://b' ] ], 'HIT');

# --- conditional requests (9110, 13; 9111, 4.3.2)

my $lm = date(-1000);

sub conditional {
    my ($name, $answer, @second) = @_;

    my %answer = (head => [ $fresh ], body => 'b', %$answer);
    one_case($name, '/', \%answer, 'MISS', map {
        my ($line, $word) = @$_;
        [ $word, lines => [ ref $line ? @$line : $line ] ] } @second);
}

conditional('If-None-Match', { etag => '"1"' },
    map { [ "If-None-Match: $_", 'HIT 304' ] }
        '"1"', 'W/"1"', '"2", "1"', '"2","1","3"', '*', ' "1" ', '"a,b", "1"',
        ', "1"');
conditional('If-None-Match: another', { etag => '"1"' },
    map { [ "If-None-Match: $_", 'HIT' ] } '"2"', '"11"', '1', '', '""', 'w/"1"',
        '"*"',
        '"1', '"2", W/"3"');
conditional('If-None-Match: a weak tag', { etag => 'W/"1"' },
    [ 'If-None-Match: "1"', 'HIT 304' ], [ 'If-None-Match: W/"1"', 'HIT 304' ],
    [ 'If-None-Match: W/"2"', 'HIT' ]);
conditional('If-None-Match: no stored tag', { modified => $lm },
    [ 'If-None-Match: "1"', 'HIT' ], [ 'If-None-Match: *', 'HIT 304' ],
    [ [ 'If-None-Match: "1"', "If-Modified-Since: $lm" ], 'HIT' ]);
conditional('If-None-Match: precedence', { etag => '"1"', modified => $lm },
    [ [ 'If-None-Match: "2"', "If-Modified-Since: $lm" ], 'HIT' ],
    [ [ 'If-None-Match: "1"', 'If-Modified-Since: ' . date(-5000) ], 'HIT 304' ]);
conditional('If-Modified-Since', { modified => $lm },
    [ "If-Modified-Since: $lm", 'HIT 304' ],
    [ 'If-Modified-Since: ' . date(-999), 'HIT 304' ],
    [ 'If-Modified-Since: ' . date(-1001), 'HIT' ],
    [ 'If-Modified-Since: ' . strftime('%A, %d-%b-%y %H:%M:%S GMT',
                                       gmtime time - 100),
      'HIT 304' ],
    [ 'If-Modified-Since: ' . strftime('%a %b %e %H:%M:%S %Y', gmtime time - 100),
      'HIT 304' ],
    (map { [ "If-Modified-Since: $_", 'HIT' ] } 'never', '', '0',
        date(0) =~ s/GMT/UTC/r));
conditional('without Last-Modified: Date', {},
    [ 'If-Modified-Since: ' . date(600), 'HIT 304' ],
    [ 'If-Modified-Since: ' . date(-60), 'HIT' ]);
one_case('conditions apply to 2xx only', '/',
         { status => 404, head => [ $fresh, 'ETag: "1"' ] }, 'MISS 404',
         [ 'HIT 404', lines => [ 'If-None-Match: "1"' ] ]);
one_case('a 304 from the cache', '/',
         { head => [ $fresh, 'Content-Type: a/b', 'Content-Location: /x', 'X-A: 1',
                     'Vary: X-V', 'Content-Language: de' ],
           etag => '"1"', modified => $lm, body => 'b' },
         'MISS',
         [ 'HIT 304', lines => [ 'If-None-Match: "1"' ], body => '',
           head => [ qr/^ETag: "1"\r/m, qr/^Cache-Control: max-age=60\r/m,
                     qr{^Content-Location: /x}m, qr/^Date: /m, qr/^Vary: X-V/m,
                     qr/^Age: /m ],
           nothead => [ qr/^Content-(?:Length|Type|Language)/m,
                        qr/^Last-Modified/m ] ],
         [ 'HIT 304', method => 'HEAD', lines => [ 'If-None-Match: "1"' ],
           body => '' ]);
one_case('a 304 from the cache without a tag', '/',
         { head => [ $fresh ], modified => $lm }, 'MISS',
         [ 'HIT 304', lines => [ "If-Modified-Since: $lm" ],
           head => [ qr/^Last-Modified: \Q$lm/m ] ]);
for my $line ('If-Match: "1"', 'If-Match: *', 'If-Unmodified-Since: ' . date(0)) {
    one_case("sent to the origin: $line", '/',
             { head => [ $fresh ], etag => '"1"' },
             [ 'BYPASS precondition', lines => [ $line ],
               asked => [ qr/^\Q$line\E$/m ] ],
             'MISS', [ 'BYPASS precondition', lines => [ $line ] ], 'HIT');
}
one_case('a miss fetches the whole response', '/',
         { head => [ $fresh ], etag => '"1"', body => 'b' },
         [ 'MISS 304', lines => [ 'If-None-Match: "1"' ],
           head => [ qr/fwd=uri-miss; fwd-status=200; ttl=(?:60|5\d); stored/ ] ],
         [ 'HIT', body => 'b' ]);
one_case('a stale response: the client already has the new one', '/',
         [ { head => $stale, body => 'old' },
           { head => [ $fresh ], etag => '"2"', body => 'new' } ], 'MISS',
         [ 'EXPIRED stale 304', lines => [ 'If-None-Match: "0", "2"' ], body => '',
           asked => [ qr/^If-None-Match: "1"$/m ], head => [ qr/^ETag: "2"/m ] ],
         [ 'HIT', body => 'new' ]);
for my $row ([ '"1"', 'W/"1"' ], [ 'W/"1"', '"1"' ]) {
    one_case("a stale response: $row->[0]", '/',
             { head => [ @$stale[0, 1] ], etag => $row->[0], modified => $lm,
               not_modified => [ $fresh ] },
             'MISS',
             [ 'REVALIDATED 304', lines => [ "If-None-Match: $row->[1]" ],
               asked => [ qr/^If-None-Match: \Q$row->[0]\E$/m,
                          qr/^If-Modified-Since: \Q$lm\E$/m ] ],
             'HIT');
}

# --- ranges (9110, 14)

sub range {
    my ($name, $answer, @second) = @_;

    one_case("range: $name", '/', { head => [ $fresh ], body => '0123456789',
                                    %$answer },
             'MISS', map {
        my ($lines, $word, $body, $head) = @$_;
        my @lines = ref $lines ? @$lines : $lines;
        $lines[0] = "Range: $lines[0]";
        [ $word, lines => \@lines, body => $body, $head ? (head => [ $head ]) : () ]
    } @second);
}

range('forms', {},
    [ 'bytes=0-0', 'HIT 206', '0', qr{^Content-Range: bytes 0-0/10\r}m ],
    [ 'bytes=2-4', 'HIT 206', '234', qr{^Content-Length: 3\r}m ],
    [ 'bytes=9-', 'HIT 206', '9' ],
    [ 'bytes=0-', 'HIT 206', '0123456789' ],
    [ 'bytes=5-99', 'HIT 206', '56789', qr{bytes 5-9/10} ],
    [ 'bytes=-3', 'HIT 206', '789', qr{bytes 7-9/10} ],
    [ 'bytes=-99', 'HIT 206', '0123456789', qr{bytes 0-9/10} ],
    [ 'Bytes=0-1', 'HIT 206', '01' ],
    [ 'bytes=0-18446744073709551616', 'HIT 206', '0123456789' ],
    [ 'bytes=-18446744073709551617', 'HIT 206', '0123456789' ],
    [ 'bytes= 0-1', 'HIT 206', '01' ],
    [ 'bytes=0-1,', 'HIT 206', '01' ],
    [ 'bytes=0-1,20-30', 'HIT 206', '01' ]);
my $whole = origin_body(200_000);
one_case('range: a large body', '/', { head => [ $fresh ], size => 200_000 },
         [ 'MISS', body => $whole ], map {
    my ($from, $to) = @$_;
    [ 'HIT 206', lines => [ "Range: bytes=$from-$to" ],
      body => substr $whole, $from, $to - $from + 1 ] }
    [ 0, 0 ], [ 4095, 4096 ], [ 8191, 12288 ], [ 65_535, 65_536 ],
    [ 131_071, 131_072 ],
    [ 1, 199_998 ], [ 199_999, 199_999 ], [ 70_000, 190_000 ]);
range('not satisfiable', {},
    map { [ "bytes=$_", 'HIT 416', undef, qr{^Content-Range: bytes \*/10\r}m ] }
        '10-', '10-20', '-0', '5000000000-', '18446744073709551616-',
        '20-30,40-50');
range('ignored', {},
    map { [ $_, 'HIT', '0123456789' ] }
        'bytes=4-2', 'bytes=a-b', 'bytes=', 'bytes', 'bytes=-', 'bytes=1',
        'items=0-1',
        'bytes=0-1-2', 'bytes=0 - 1', 'bytes=--1', '', 'bytes=0-0,2-2',
        'bytes:0-1');
range('several lines', {}, [ [ 'bytes=0-0', 'Range: bytes=1-1' ], 'HIT',
                             '0123456789' ]);
range('an empty body', { body => '' },
    [ 'bytes=0-', 'HIT 416', undef, qr{^Content-Range: bytes \*/0\r}m ],
    [ 'bytes=-1', 'HIT', '' ]);
range('If-Range', { etag => '"1"', modified => $lm },
    [ [ 'bytes=0-0', 'If-Range: "1"' ], 'HIT 206', '0' ],
    [ [ 'bytes=0-0', "If-Range: $lm" ], 'HIT 206', '0' ],
    map { [ [ 'bytes=0-0', "If-Range: $_" ], 'HIT', '0123456789' ] }
        '"2"', 'W/"1"', date(-999), date(-1001), 'never', '', '1');
range('If-Range with a weak tag', { etag => 'W/"1"' },
    map { [ [ 'bytes=0-0', "If-Range: $_" ], 'HIT', '0123456789' ] }
        'W/"1"', '"1"');
one_case('range: a weak date', '/',
         { head => [ 'Cache-Control: max-age=5000', "Date: $lm" ], modified => $lm,
           body => '01' }, 'MISS',
         [ 'HIT', lines => [ 'Range: bytes=0-0', "If-Range: $lm" ], body => '01' ]);
one_case('range: conditions take precedence', '/',
         { head => [ $fresh ], etag => '"1"', body => '01' }, 'MISS',
         [ 'HIT 304', lines => [ 'Range: bytes=0-0', 'If-None-Match: "1"' ] ],
         [ 'HIT 206', lines => [ 'Range: bytes=0-0', 'If-None-Match: "2"' ],
           body => '0' ]);
one_case('range: HEAD', '/', { head => [ $fresh ], body => '01' }, 'MISS',
         [ 'HIT', method => 'HEAD', lines => [ 'Range: bytes=0-0' ],
           head => [ qr/^Content-Length: 2\r/m ] ]);
one_case('range: a miss', '/', { head => [ $fresh ], body => '01', ranges => 1 },
         [ 'MISS status 206', lines => [ 'Range: bytes=0-0' ], body => '0' ],
         [ 'MISS', body => '01' ]);
one_case('range: a 404', '/', { status => 404, head => [ $fresh ],
                                body => '01' },
         'MISS 404', [ 'HIT 404', lines => [ 'Range: bytes=0-0' ], body => '01' ]);
one_case('range: a stale response', '/',
         { head => [ @$stale[0, 1] ], etag => '"1"', body => '01', ranges => 1,
           not_modified => [ $fresh ] }, 'MISS',
         [ 'REVALIDATED 206', lines => [ 'Range: bytes=1-1' ], body => '1' ],
         [ 'HIT', body => '01' ]);

# --- HEAD

one_case('HEAD of a stored response', '/', { head => [ $fresh ], body => 'abc' },
         'MISS', [ 'HIT', method => 'HEAD', body => '',
                   head => [ qr/^Content-Length: 3\r/m, qr/^Age: /m ] ]);
for my $status (301, 404, 503) {
    one_case("HEAD of a stored $status", '/',
             { status => $status, head => [ $fresh ], body => 'abc' },
             "MISS $status",
             [ "HIT $status", method => 'HEAD', body => '',
               head => [ qr/^Content-Length: 3\r/m ] ]);
}
one_case('HEAD of a chunked response', '/',
         { head => [ $fresh ], body => 'abc', framing => 'chunked' }, 'MISS',
         [ 'HIT', method => 'HEAD', body => '',
           head => [ qr/^Content-Length: 3\r/m ],
           nothead => [ qr/^Transfer-Encoding/m ] ]);
one_case('HEAD: not used for GET', '/', { head => [ $fresh ], body => 'abc' },
         [ 'MISS method', method => 'HEAD', body => '' ],
         [ 'MISS', body => 'abc' ]);
one_case('HEAD: not stored', '/', [ $fresh ],
         ([ 'MISS method', method => 'HEAD' ]) x 2, 'MISS', 'HIT');
sub head_says {
    my ($name, $head, $word, $after, %more) = @_;
    one_case("HEAD of a stale response: $name", '/',
             [ { head => [ @$stale[0, 1], 'X-A: 1' ], etag => '"1"',
                 modified => $lm,
                 body => 'old' },
               { head => [ $fresh, @$head ], body => 'old', %more },
               { head => [ $fresh ], body => 'new' } ],
             'MISS', [ $word, method => 'HEAD' ], $after);
}
head_says('the same tag', [ 'ETag: "1"', 'X-A: 2' ], 'EXPIRED',
          [ 'HIT', body => 'old', head => [ qr/^X-A: 2/m ],
            nothead => [ qr/^X-A: 1/m ] ]);
head_says('no validator', [], 'EXPIRED', [ 'HIT', body => 'old' ]);
head_says('another tag', [ 'ETag: "2"' ], 'EXPIRED stale',
          [ 'MISS', body => 'new' ]);
head_says('another date', [ 'Last-Modified: ' . date(-10) ], 'EXPIRED stale',
          [ 'MISS', body => 'new' ]);
head_says('another length', [], 'EXPIRED stale', [ 'MISS', body => 'new' ],
          body => 'older');

# --- 304 (9111, 4.3.4)

sub updated {
    my ($name, $first, $second, @after) = @_;
    one_case("304: $name", '/',
             [ { head => [ @$stale[0, 1], @$first ], body => 'old' },
               { status => 304, framing => 'none', body => '', head => $second },
               { head => [ $fresh ], body => 'new' } ],
             'MISS', @after);
}

my $tag = 'ETag: "1"';
updated('new fields', [ $tag, 'X-A: 1', 'X-B: 1' ],
        [ $fresh, $tag, 'X-A: 2', 'X-A: 3', 'X-C: 4' ],
        [ 'REVALIDATED', body => 'old',
          head => [ qr/^X-A: 2\r\n(?:.*\r\n)*X-A: 3\r/m, qr/^X-B: 1/m,
                    qr/^X-C: 4/m ],
          nothead => [ qr/^X-A: 1/m ] ],
        [ 'HIT', body => 'old', nothead => [ qr/^X-A: 1/m ],
          head => [ qr/^X-A: 2\r/m, qr/^X-A: 3\r/m, qr/^X-B: 1/m, qr/^X-C: 4/m,
                    qr/^Age: \d\r/m ] ]);
updated('fields of the body stay',
        [ $tag, 'Content-Encoding: x', 'Content-Type: a/b' ],
        [ $fresh, $tag, 'Content-Length: 99', 'Content-Encoding: y',
          'Content-Range: z' ],
        [ 'REVALIDATED', body => 'old' ],
        [ 'HIT', body => 'old', nothead => [ qr/^Content-Range/m ],
          head => [ qr/^Content-Length: 3\r/m, qr/^Content-Encoding: x/m,
                    qr{^Content-Type: a/b}m ] ]);
updated('hop-by-hop fields', [ $tag ],
        [ $fresh, $tag, 'Connection: X-Hop', 'X-Hop: 1', 'Keep-Alive: 9',
          'X-A: 1' ],
        [ 'REVALIDATED' ],
        [ 'HIT', head => [ qr/^X-A: 1/m ],
          nothead => [ qr/^X-Hop/m, qr/^Keep-Alive: 9/m ] ]);
updated('without a validator', [ $tag ], [ $fresh ], 'REVALIDATED',
        [ 'HIT', body => 'old', head => [ qr/^ETag: "1"/m ] ]);
updated('Last-Modified', [ "Last-Modified: $lm" ], [ $fresh, "Last-Modified: $lm" ],
        [ 'REVALIDATED', asked => [ qr/^If-Modified-Since: \Q$lm\E$/m ] ], 'HIT');
updated('weak', [ 'ETag: W/"1"' ], [ $fresh, 'ETag: W/"1"' ], 'REVALIDATED', 'HIT');
updated('another tag', [ $tag, 'X-A: 1' ], [ $fresh, 'ETag: "2"', 'X-A: 2' ],
        [ 'REVALIDATED validator', head => [ qr/^X-A: 1/m ] ],
        [ 'MISS', body => 'new' ]);
updated('Age', [ $tag ], [ $fresh, $tag, 'Age: 30' ],
        [ 'REVALIDATED', head => [ qr/^Age: 3\d\r/m, qr/^X-TTL: (?:30|2\d)\r/m ] ],
        [ 'HIT', head => [ qr/^Age: 3\d\r/m ] ]);
updated('old Date, no Date', [ $tag, "Date: $past" ], [ $fresh, $tag ],
        [ 'REVALIDATED', head => [ qr/^Age: \d\r/m ], nothead => [ qr/\Q$past/ ] ],
        [ 'HIT', head => [ qr/^Age: \d\r/m ], nothead => [ qr/\Q$past/,
                                                           qr/^Date.*^Date/ms ] ]);
updated('a Date', [ $tag ], [ 'Cache-Control: max-age=90', $tag,
                              'Date: ' . date(-30) ],
        'REVALIDATED', [ 'HIT', head => [ qr/^Age: 3\d\r/m ] ]);
updated('no lifetime: the stored one', [ $tag ], [ $tag ], 'REVALIDATED',
        [ 'HIT', body => 'old' ]);
updated('Expires', [ $tag, 'Expires: ' . date(-9) ],
        [ $tag, 'Cache-Control: foo', 'Expires: ' . date(600) ], 'REVALIDATED',
        [ 'HIT', body => 'old' ]);
updated('X-Accel-Expires', [ $tag ], [ $tag, 'Cache-Control: no-store',
                                       'X-Accel-Expires: 60' ],
        'REVALIDATED', [ 'HIT', nothead => [ qr/X-Accel/i ] ]);
updated('private', [ $tag ], [ "$fresh, private", $tag ],
        [ 'REVALIDATED private', body => 'old' ], [ 'MISS', body => 'new' ]);
updated("$_ that the stored response lacks", [ $tag ], [ $fresh, $tag, $_ ],
        [ 'REVALIDATED vary-changed', body => 'old' ], [ 'MISS', body => 'new' ])
    for 'Vary: X-V', 'Access-Control-Allow-Origin: https://a';
updated('Vary: *', [ $tag ], [ $fresh, $tag, 'Vary: *' ],
        [ 'REVALIDATED vary-any', body => 'old' ], [ 'MISS', body => 'new' ]);
updated('Vary: Cookie', [ $tag ], [ $fresh, $tag, 'Vary: Cookie' ],
        [ 'REVALIDATED vary-cookie', body => 'old' ], [ 'MISS', body => 'new' ]);
updated('the same Vary', [ $tag, 'Vary: X-V, X-W' ],
        [ $fresh, $tag, 'Vary: x-w', 'Vary: X-V' ],
        [ 'REVALIDATED', body => 'old' ], [ 'HIT', body => 'old' ]);
updated('without Vary', [ $tag, 'Vary: X-V' ], [ $fresh, $tag ],
        [ 'REVALIDATED', body => 'old' ], [ 'HIT', body => 'old' ],
        [ 'MISS', body => 'new', lines => [ 'X-V: 1' ] ]);
updated('an empty Vary', [ $tag, 'Vary: X-V' ], [ $fresh, $tag, 'Vary:' ],
        [ 'REVALIDATED vary-changed', body => 'old' ], [ 'MISS', body => 'new' ]);
updated('Access-Control-Allow-Origin: *', [ $tag ],
        [ $fresh, $tag, 'Access-Control-Allow-Origin: *' ], 'REVALIDATED',
        [ 'HIT', head => [ qr/^Access-Control-Allow-Origin: \*/m ] ]);
updated('cookies', [ $tag ], [ $fresh, $tag, 'Set-Cookie: a=1', 'Set-Cookie: b=2' ],
        [ 'REVALIDATED',
          head => [ qr/^Set-Cookie: a=1\r\n(?:.*\r\n)*Set-Cookie: b=2\r/m ] ],
        [ 'HIT', body => 'old', nothead => [ qr/^Set-Cookie/m ] ]);
updated('a request with no-store', [ $tag, 'X-A: 1' ], [ $fresh, $tag, 'X-A: 2' ],
        [ 'REVALIDATED request', wants('no-store'), body => 'old',
          head => [ qr/^X-A: 2/m, qr/^Age: \d\r/m, qr/; ttl=(?:60|5\d)/ ] ],
        [ 'EXPIRED stale', body => 'new' ]);
updated('private fields', [ $tag, 'X-A: 1' ], [ "$fresh, private=\"X-A\"", $tag ],
        'REVALIDATED', [ 'HIT', nothead => [ qr/^X-A:/m ] ]);

# --- header fields that are not stored (3.1)

one_case('hop-by-hop fields', '/',
         [ $fresh, 'Connection: X-Hop, close', 'Connection: x-HOP2', 'X-Hop: 1',
           'X-Hop2: 1',
           'Keep-Alive: timeout=9', 'Proxy-Authenticate: Basic',
           'Proxy-Connection: x',
           'Upgrade: x', 'TE: x', 'Proxy-Authentication-Info: x', 'X-Stays: 1' ],
         'MISS',
         [ 'HIT', head => [ qr/^X-Stays: 1/m ],
           nothead => [ map { qr/^$_:/m } qw( X-Hop X-Hop2 Proxy-Authenticate Upgrade TE
                        Proxy-Connection Proxy-Authentication-Info ) ] ]);
one_case('fields keep their order', '/',
         [ $fresh, 'Link: <a>', 'Link: <b>', 'X-A: 1' ],
         'MISS', [ 'HIT', head => [ qr/^Link: <a>\r\n(?:.*\r\n)*Link: <b>\r/m ] ]);

# --- stale responses (4.2.4; 5861)

sub stale {
    my ($name, $control, $second, $after) = @_;
    one_case("stale: $name", '/503/',
             [ { head => [ "Cache-Control: max-age=60$control", 'Age: 100',
                           $tag ], body => 'old' },
               $second ], 'MISS', $after);
}

my %busy = (status => 503);
stale('a listed status', '', { %busy }, [ 'STALE origin-failed', body => 'old',
      head => [ qr/fwd=stale; fwd-status=503; ttl=-4\d/, qr/^X-TTL: -4\d\r/m,
                qr/^Age: 10\d/m ] ]);
stale('another status', '', { status => 500 }, 'EXPIRED no-lifetime 500');
for my $status (500, 502, 503, 504) {
    stale("stale-if-error: $status", ', stale-if-error=60', { status => $status },
          'STALE origin-failed');
}
stale("stale-if-error: $_", ', stale-if-error=60', { status => $_ },
      "EXPIRED no-lifetime $_") for 404, 501, 505;
stale('stale-if-error: too old', ', stale-if-error=40', { %busy },
      'EXPIRED no-lifetime 503');
stale('stale-if-error=0', ', stale-if-error=0', { %busy },
      'EXPIRED no-lifetime 503');
stale('stale-if-error: invalid', ', stale-if-error=x', { %busy },
      'STALE origin-failed');
stale("stale-if-error and $_", ", stale-if-error=60, $_", { %busy },
      'EXPIRED no-lifetime 503')
    for qw( must-revalidate proxy-revalidate s-maxage=60 );
stale('stale-if-error and no-cache', ', stale-if-error=60, no-cache', { %busy },
      'EXPIRED no-lifetime 503');
stale('stale-while-revalidate', ', stale-while-revalidate=60',
      { head => [ $fresh ] },
      [ 'STALE', body => 'old', head => [ qr/hit; ttl=-4\d/ ] ]);
stale('stale-while-revalidate: too old', ', stale-while-revalidate=40',
      { head => [ $fresh ] },
      'EXPIRED stale');
stale("stale-while-revalidate and $_", ", stale-while-revalidate=60, $_",
      { head => [ $fresh ] }, 'EXPIRED stale')
    for qw( must-revalidate proxy-revalidate s-maxage=60 );
stale('stale-while-revalidate and no-cache',
      ', stale-while-revalidate=60, no-cache',
      { head => [ $fresh ] }, 'EXPIRED no-cache');
stale("stale-while-revalidate=$_", ", stale-while-revalidate=$_",
      { head => [ $fresh ] },
      'EXPIRED stale') for '0', 'x', '-60', '60.5', '';
stale('stale-while-revalidate="60"', ', stale-while-revalidate="60"',
      { head => [ $fresh ] },
      'STALE');
my %fails = ((map { ("http_$_" => { status => $_ }) }
                  403, 404, 429, 500, 501, 502, 503, 504, 599),
             invalid_header => { head => [ "X-A: \0" ] },
             timeout => { hold => 1 });
for my $word (@words) {
    for my $fault (sort keys %fails) {
        next if $fault eq 'timeout' && $word ne 'timeout';
        my $stale = $fault eq $word || ($word eq '5xx' && $fault =~ /_5/);
        my $code = $fault =~ /(\d+)/ ? $1 : $fault eq 'timeout' ? 504 : 502;
        my $reason = $fault !~ /_/ || $fault eq 'invalid_header' ? 'origin-failed'
                     : $code == 429 ? 'status' : 'no-lifetime';
        one_case("stale: $word, and $fault", "/word/$word/",
                 [ { head => [ 'Cache-Control: max-age=60', 'Age: 100', $tag ],
                     body => 'old' },
                   $fails{$fault} ], 'MISS',
                 $stale ? 'STALE origin-failed' : "EXPIRED $reason $code");
    }
}
one_case('stale: must-revalidate, and an invalid header', '/',
         [ [ "$stale->[0], must-revalidate", @$stale[1, 2] ],
           $fails{invalid_header} ],
         'MISS', 'ERROR origin-failed 504');
one_case('stale: in a targeted field', '/', [ [ 'Cache-Control: no-store',
         'CDN-Cache-Control: max-age=60, stale-while-revalidate=60', 'Age: 100' ],
         [ $fresh ] ], 'MISS', 'STALE');
one_case('stale: stale-if-error of a request', '/rfc/',
         [ { head => $stale }, { %busy } ], 'MISS',
         [ 'STALE origin-failed', wants('stale-if-error=60') ]);
one_case('stale: too old for stale-if-error of a request', '/rfc/',
         [ { head => $stale }, { %busy } ], 'MISS',
         [ 'EXPIRED no-lifetime 503', wants('stale-if-error=30') ]);

# --- X-Accel-Expires

stored('/', "X-Accel-Expires: $_", 'HIT') for 60, '@' . (time + 60), '060';
stored('/', "X-Accel-Expires: $_", 'MISS x-accel-expires') for 0,
'@' . (time - 60), '@0';
stored('/', "X-Accel-Expires: $_", 'MISS no-lifetime') for 'off', -1, 'x', '@x',
'', '1.5', '@';
stored('/', "$fresh | X-Accel-Expires: $_", 'HIT') for 'off', -1, 'x', '@', '@x';
stored('/', "$fresh | X-Accel-Expires: 0", 'MISS x-accel-expires');
stored('/', [ $_, 'X-Accel-Expires: 60' ], 'HIT')
    for 'Cache-Control: no-store', 'Cache-Control: private',
    'Cache-Control: no-cache',
        'Cache-Control: max-age=0', 'Expires: 0', 'CDN-Cache-Control: no-store';
one_case('X-Accel-Expires: the lifetime', '/',
         [ 'Cache-Control: max-age=600', 'X-Accel-Expires: 60' ],
         [ 'MISS', head => [ qr/^X-TTL: (?:60|5\d)\r/m ], nothead => [ qr/X-Accel/ ] ],
         [ 'HIT', head => [ qr/^X-TTL: (?:60|5\d)\r/m, qr/max-age=600/ ],
                  nothead => [ qr/X-Accel/ ] ]);
one_case('X-Accel-Expires: counted from now', '/',
         [ 'X-Accel-Expires: 60', 'Age: 100' ],
         'MISS', [ 'HIT', head => [ qr/^Age: 10\d\r/m,
                                    qr/^X-TTL: (?:60|5\d)\r/m ] ]);
one_case('X-Accel-Expires: with stale-if-error', '/',
         [ [ "Cache-Control: max-age=0, stale-if-error=60",
             'X-Accel-Expires: 60' ] ],
         'MISS', 'HIT');
stored('/', [ 'X-Accel-Expires: 60', 'Vary: *' ], 'MISS vary-any');

# --- targeted fields (9213)

my $cdn = 'CDN-Cache-Control';
stored('/', [ 'Cache-Control: no-store', "$cdn: $_" ], 'HIT')
    for 'max-age=60', 'max-age=60;a;b="c"', 'max-age=0, max-age=60', 's-maxage=60',
        'max-age=60, foo', 'max-age=60, foo=(a b);c', 'max-age=60, no-store=?0',
        'max-age=60 , public', 'max-age=60, a=:Zm9v:', 'max-age=60, a=1.5',
        'max-age=999999999999999',
        'public=?1, max-age=60', 'foo="a, no-store", max-age=60', 'max-age=0060';
stored('/', [ 'Cache-Control: no-store',
              "$cdn: foo | $cdn: max-age=60" =~ /(.*) \| (.*)/ ],
       'HIT');
stored('/', [ $fresh, "$cdn: $_" ], 'MISS stale')
    for 'max-age=0', 'max-age=-1', 'max-age=60, max-age=0',
    's-maxage=0, max-age=60';
stored('/', [ $fresh, "$cdn: $_" ], 'MISS no-store')
    for 'no-store', 'max-age=60, no-store', 'no-store;a', 'no-store=?1';
stored('/', [ $fresh, "$cdn: $_" ], 'MISS private') for 'private',
'max-age=60, private';
stored('/', [ $fresh, "$cdn: $_" ], 'MISS no-cache') for 'max-age=60, no-cache',
'no-cache';
stored('/', [ $fresh, "$cdn: $_" ], 'MISS no-lifetime') for 'public', 'foo',
'max-stale=1';
stored('/', [ $fresh, "$cdn: no-store$_" ], 'HIT')
    for ',', ', &', '; ', ', max-age=x', ', max-age="60"', ', max-age=60.5',
    ', Max-Age=60',
        ', a=', ', a=?2', ', a="b', ', a=1.', ' x', ', max-age=(60)', ', max-age';
stored('/', [ 'Cache-Control: no-store', "$cdn: $_" ], 'MISS no-store')
    for '', ',', 'max-age="60"', 'MAX-AGE=60', 'max-age=60,', 'max-age =60',
    'max-age=60 foo',
        'max-age=9999999999999999';
stored('/', [ "$cdn: max-age=60", 'Expires: 0' ], 'HIT');
stored('/', [ "$cdn: foo", 'Expires: ' . date(600) ], 'MISS no-lifetime');
stored('/untargeted/', [ $fresh, "$cdn: no-store" ], 'HIT');
stored('/targeted/', [ $fresh, "$cdn: no-store" ], 'HIT');
stored('/targeted/', [ $fresh, 'B-CC: no-store', 'A-CC: max-age=60' ], 'HIT');
stored('/targeted/', [ $fresh, 'B-CC: max-age=60', 'A-CC: no-store' ],
       'MISS no-store');
stored('/targeted/', [ 'B-CC: max-age=60', 'A-CC: no-store, ' ], 'HIT');
stored('/targeted/', [ 'B-CC: max-age=60', 'A-CC:' ], 'HIT');
one_case('targeted fields are passed on', '/', [ $fresh, "$cdn: max-age=50" ],
         [ 'MISS', head => [ qr/^$cdn: max-age=50\r/m ] ],
         [ 'HIT', head => [ qr/^$cdn: max-age=50\r/m, qr/^X-TTL: (?:50|4\d)/m ] ]);

# --- gateway_cache_ttl

sub lifetime {
    my ($where, $answer, $seconds) = @_;
    my %answer = ref $answer eq 'HASH' ? %$answer : (head => $answer);
    my $code = ($answer{status} // 200) == 200 ? '' : " $answer{status}";
    my $about = join '|', map { $seconds - $_ } 0 .. 4;
    $about = "(?:$about)";
    one_case(join(' ', $where, $answer{status} // '', @{ $answer{head} // [] }),
             $where, \%answer,
             [ "MISS$code", head => [ qr/^X-TTL: $about\r/m ] ], "HIT$code");
}
lifetime('/ttl/', [], 30);
lifetime('/ttl/', { status => 301 }, 30);
lifetime('/ttl/', { status => 302 }, 30);
lifetime('/ttl/', { status => 404 }, 10);
lifetime('/ttl/', [ 'Cache-Control: max-age=2' ], 5);
lifetime('/ttl/', [ 'Cache-Control: max-age=60' ], 60);
lifetime('/ttl/', [ 'Cache-Control: max-age=600' ], 120);
lifetime('/ttl/', [ 'X-Accel-Expires: 600' ], 120);
lifetime('/ttl/', [ 'X-Accel-Expires: 2' ], 5);
lifetime('/ttl/', [ 'Cache-Control: public' ], 30);
lifetime('/ttl/', [ 'Age: 100' ], 30);
lifetime('/any/', [], 20);
lifetime('/any/', { status => 500 }, 20);
lifetime('/any/', { status => 404 }, 10);
lifetime('/override/', [ 'Cache-Control: max-age=600' ], 30);
lifetime('/override/', [ 'Cache-Control: max-age=0' ], 30);
lifetime('/override/', [ 'Expires: 0' ], 30);
lifetime('/override/', { status => 404,
                         head => [ 'Cache-Control: max-age=600' ] }, 600);
lifetime('/all/', [ 'Cache-Control: max-age=600' ], 30);
lifetime('/all/', [ "Cache-Control: $_" ], 30)
    for 'no-store', 'private', 'no-cache', 'no-store, no-cache, private';
stored('/ttl/', 'Cache-Control: max-age=0', 'MISS stale');
stored("/$_/", 'Cache-Control: no-store',
       'MISS no-store') for qw( ttl any override );
stored("/$_/", 'Cache-Control: private', 'MISS private') for qw( ttl any override );
stored("/$_/", 'Cache-Control: no-cache',
       'MISS no-cache') for qw( ttl any override );
stored('/all/', "Vary: *", 'MISS vary-any');
stored('/all/', "Vary: Cookie", 'MISS vary-cookie');
my @cookie = (lines => [ 'Cookie: a=b' ]);
one_case('a cookie: the lifetime of the origin', '/override/',
         [ 'Cache-Control: max-age=600' ],
         [ 'MISS', @cookie ], [ 'HIT', @cookie,
                                head => [ qr/^X-TTL: (?:600|59\d)\r/m ] ],
         [ 'HIT', head => [ qr/^X-TTL: (?:30|2\d)\r/m ] ]);
one_case('a cookie: at most the lifetime of the origin', '/override/',
         [ 'Cache-Control: max-age=9', $tag ],
         [ 'MISS', @cookie, head => [ qr/^X-TTL: \d\r/m ] ],
         [ 'HIT', head => [ qr/^X-TTL: \d\r/m ] ]);
one_case('a cookie: min does not apply', '/ttl/',
         [ 'Cache-Control: max-age=2, stale-if-error=9' ],
         [ 'MISS', @cookie, head => [ qr/^X-TTL: [12]\r/m ] ]);
one_case('a cookie: a response that is stored for others', '/override/',
         [ 'Cache-Control: max-age=9' ],
         [ 'MISS', head => [ qr/^X-TTL: (?:30|2\d)\r/m ] ],
         [ 'HIT', @cookie, head => [ qr/^X-TTL: \d\r/m ] ], 'HIT');
one_case('a cookie: no stated lifetime', '/ttl/', [],
         ([ 'MISS no-lifetime', @cookie ]) x 2, 'MISS',
         [ 'BYPASS cookie', @cookie ], 'HIT');
one_case('a cookie: X-Accel-Expires', '/', [ 'X-Accel-Expires: 60' ],
         [ 'MISS', @cookie ], [ 'HIT', @cookie ]);
one_case('a cookie: no heuristic', '/heuristic/', [ $modified ],
         ([ 'MISS no-lifetime', @cookie ]) x 2);
one_case('a status without a lifetime', '/ttl/', { status => 403 },
         ('MISS no-lifetime 403') x 2);

# --- Cache-Status (9211)

my $ours = qr/nginx-gateway/;
one_case('Cache-Status', '/', [ $fresh ],
         [ 'MISS', head => [ qr/^Cache-Status: $ours; fwd=uri-miss; ttl=(?:60|5\d); stored\r/m ] ],
         [ 'HIT', head => [ qr/^Cache-Status: $ours; hit; ttl=\d+\r/m ] ],
         [ 'BYPASS method', method => 'PUT',
           head => [ qr/^Cache-Status: $ours; fwd=method; detail=method\r/m ] ]);
one_case('the variables', '/', [ $fresh ],
         [ 'MISS', head => [ qr/^X-TTL: (?:60|5\d)\r/m ], nothead => [ qr/^X-Age/m ] ],
         [ 'HIT', head => [ qr/^X-TTL: \d+\r/m, qr/^X-Age: \d\r/m ] ],
         [ 'BYPASS precondition', lines => [ 'If-Match: *' ],
           nothead => [ qr/^X-(?:TTL|Age)/m ] ]);
one_case('Cache-Status: not stored', '/', [ 'Cache-Control: no-store' ],
         [ 'MISS no-store',
           head => [ qr/^Cache-Status: $ours; fwd=uri-miss; detail=no-store\r/m ] ]);
one_case('Cache-Status: no-cache of a request', '/rfc/', [ @$aged ], 'MISS',
         [ 'EXPIRED request', wants('no-cache'),
           head => [ qr/^Cache-Status: $ours; fwd=request; ttl=(?:40|3\d); stored/m ] ]);
one_case('Cache-Status: validated', '/',
         { head => [ @$stale[0, 1] ], etag => '"1"', not_modified => [ $fresh ] },
         'MISS',
         [ 'REVALIDATED',
           head => [ qr/^Cache-Status: $ours; fwd=stale; fwd-status=304; ttl=(?:60|5\d)/m ] ]);
one_case('Cache-Status: an upstream cache', '/',
         [ $fresh, 'Cache-Status: a; hit', 'Cache-Status: b; fwd=miss' ],
         ([ 'MISS', head => [ qr/a; hit.*b; fwd=miss.*$ours; fwd/s ] ],
          [ 'HIT', head => [ qr/a; hit.*b; fwd=miss.*$ours; hit/s ] ]));

# --- the origin is down

for my $line ($stale->[0], "$stale->[0], must-revalidate") {
    one_case('Cache-Status: an error of the origin', '/',
             [ { head => [ $line, @$stale[1, 2], 'Cache-Status: a; hit' ] },
               { status => 500 } ], 'MISS',
             [ 'EXPIRED no-lifetime 500',
               head => [ qr/^Cache-Status: $ours; fwd=stale; detail=no-lifetime\r/m ],
               nothead => [ qr/a; hit/ ] ]);
}
one_case('Cache-Status: only-if-cached', '/', [],
         [ 'ERROR only-if-cached 504', wants('only-if-cached'),
           head => [ qr/^Cache-Status: $ours; detail=only-if-cached\r/m ] ]);

my @paths;
sub gone {
    my ($name, $where, $lines, @after) = @_;
    my $path = $where . 'g' . $n++;
    $dead->answer($path, head => $lines, body => 'old');
    ask($path);
    push @paths, [ $name, $path, @after ];
}

gone('stale', '/dead/', [ @$stale ], [ 'STALE origin-failed', body => 'old',
     head => [ qr/fwd=stale; ttl=-4\d/ ], nothead => [ qr/fwd-status/ ] ]);
gone("$_", '/dead/', [ "Cache-Control: max-age=60, $_", 'Age: 100', $tag ],
     'ERROR origin-failed 504') for qw( must-revalidate proxy-revalidate s-maxage=60 );
gone('Cache-Status: must-revalidate', '/dead/',
     [ 'Cache-Control: max-age=60, must-revalidate', 'Age: 100', $tag ],
     [ 'ERROR origin-failed 504', body => '',
       head => [ qr/^Cache-Status: $ours; fwd=stale; detail=origin-failed\r/m ] ]);
gone("$_ and stale-if-error", '/dead/',
     [ "Cache-Control: max-age=60, $_, stale-if-error=600", 'Age: 100', $tag ],
     'ERROR origin-failed 504') for qw( must-revalidate );
gone('must-revalidate: fresh', '/dead/',
     [ 'Cache-Control: max-age=60, must-revalidate' ], 'HIT');
gone('no-cache', '/dead/', [ 'Cache-Control: max-age=60, no-cache', $tag ],
     'EXPIRED origin-failed 502');
for my $word (@words) {
    gone($word, "/dead/word/$word/", [ @$stale ],
         $word eq 'error' ? 'STALE origin-failed' : 'EXPIRED origin-failed 502');
}
gone('off', '/dead/off/', [ @$stale ], 'EXPIRED origin-failed 502');
gone('off, stale-if-error', '/dead/off/',
     [ 'Cache-Control: max-age=60, stale-if-error=60', 'Age: 100' ],
     'STALE origin-failed');
gone('off, stale-if-error: too old', '/dead/off/',
     [ 'Cache-Control: max-age=60, stale-if-error=40', 'Age: 100', $tag ],
     'EXPIRED origin-failed 502');
gone('off, stale-if-error of a request', '/dead/off/', [ @$stale ],
     [ 'EXPIRED origin-failed 502', wants('stale-if-error=60') ]);
gone('max-stale', '/dead/rfc/', [ @$stale ], [ 'STALE', wants('max-stale') ]);
gone('no-cache of a request', '/dead/rfc/', [ @$aged ],
     [ 'EXPIRED origin-failed 502', wants('no-cache') ]);
gone('max-age=0 of a request', '/dead/rfc/', [ @$aged ],
     [ 'STALE origin-failed', wants('max-age=0') ]);
gone('background', '/dead/background/', [ @$stale ], 'STALE', 'STALE');
gone('HEAD', '/dead/', [ @$stale ], [ 'STALE origin-failed', method => 'HEAD',
     head => [ qr/^Content-Length: 3\r/m ], body => '' ]);
gone('a range', '/dead/', [ @$stale ],
     [ 'STALE origin-failed 206', lines => [ 'Range: bytes=1-1' ], body => 'l' ]);
gone('a condition', '/dead/', [ @$stale ],
     [ 'STALE origin-failed 304', lines => [ 'If-None-Match: "1"' ] ]);
$dead->stop;
for my $row (@paths) {
    my ($name, $path, @after) = @$row;
    one_request("the origin is down: $name", $path, undef, $_) for @after;
}

$nginx->stop;
done_testing();
