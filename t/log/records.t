# SPDX-License-Identifier: BSD-2-Clause

# Each request has one record, however it ends.  The record is valid and typed,
# and has the members of nginx and of the gateway, with the names of each preset.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use IO::Socket::INET;
use IO::Socket::SSL;
use IO::Socket::UNIX;
use JSON::PP ();
use Test::Gateway::Certificate;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::More;

my $dead = free_port();
my $h2 = free_port();
my $plain = nginx_before(1, 25, 1) ? 'http2' : '';

my $temp = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
my $socket = "$temp/socket";

# an upstream server that the test answers for
my $hang = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1')
    or die "listen: $!";

# ports: h2 has HTTP/2 without TLS
my $nginx = start_nginx(workers => 1, http => <<END, server => <<'END2');
    gateway_log_format mine preset=ecs {
        field labels.env    "a-\$arg_e-b";
        field labels.alone  \$arg_e;
        field gateway.int   \$arg_i int;
        field gateway.num   \$arg_n number;
        field gateway.joined "1\$arg_i" int;
        field gateway.flag  \$arg_f bool;
        field http.request.body.content \$request_body;
        header request  x-one X_Two x-p-* X_One x-two;
        header request  x-one x-p-*;
        header response content-type content-length x-r;
        mask client_ip;
    }
    gateway_log_format traced preset=otel {
        field  http.request.header.x-other mine;
        header request x-one referer x-o* r*;
    }
    gateway_log_format google preset=gcp project=p1 { }
    gateway_log native.json flush=0;
    gateway_log ecs.json    mine flush=0;
    gateway_log otel.json   traced flush=0;
    gateway_log gcp.json    google flush=0;
    gateway_limit_zone \$arg_k zone=a:64k rate=1r/d burst=1;
    log_subrequest on;
    ignore_invalid_headers off;
    server {
        listen 127.0.0.1:$h2 $plain;
        @{[ $plain ? '' : 'http2 on;' ]}
        location / { empty_gif; }
        location /big { root html; }
    }
    server {
        listen unix:$socket;
        set_real_ip_from unix:;
        location / { empty_gif; }
    }
    gateway_limit_zone \$arg_k zone=w:64k rate=100r/d burst=99;
    upstream hang { server 127.0.0.1:@{[ $hang->sockport ]}; }
    upstream dead { server 127.0.0.1:$dead max_fails=0; }
END
    location / { add_header X-R "q\"\\"; empty_gif; }
    location = /auth { gateway_log off; auth_request /sub; empty_gif; }
    location = /asked { auth_request /sub; empty_gif; }
    location = /sub { return 204; }
    location = /limited { gateway_limit zone=a; empty_gif; }
    location /tries {
        proxy_pass http://dead;
        error_page 502 = @other;
    }
    location @other { proxy_pass http://dead; }
    location = /closed { return 444; }
    location = /settled { gateway_limit zone=w cost=$upstream_http_x_cost settle
                                        reserve=1;
                          proxy_pass http://127.0.0.1:$server_port/cost; }
    location = /cost { gateway_log off; add_header X-Cost 7; return 204; }
    location = /hang { proxy_pass http://hang; }
    location = /upgrade { proxy_pass http://hang; proxy_http_version 1.1;
                          proxy_set_header Upgrade $http_upgrade;
                          proxy_set_header Connection upgrade; }
    location = /real { set_real_ip_from 127.0.0.1; empty_gif; }
    location = /real/auth { set_real_ip_from 127.0.0.1; set $early $remote_addr;
                            try_files /none /real; }
    location = /none { gateway_log off; empty_gif; }
    location = /one { gateway_log one.json flush=0; empty_gif; }
    location = /if {
        gateway_log if.json flush=0 if=$arg_log;
        if ($arg_other) { return 204; }
        empty_gif;
    }
END2
$nginx->allow(qr/auth request unexpected status/);

my $port = $nginx->port;
my $seen = 0;

# the next record of each file, which must have exactly one more
sub next_ones {
    my ($name) = @_;

    $seen++;
    my @last = map { my @r = records($nginx, "$_.json", $seen);
                     is(scalar @r, $seen, "$name: one record in $_");
                     $r[-1] } qw( native ecs otel gcp );
    return @last;
}


# --- the names

my @now = gmtime;
$nginx->get('/a%20b/c?d=e&token=x&e=E&i=7&n=1.5e3&f=on',
            headers => [ 'Referer: http://r/?code=1&a=b', 'User-Agent: me',
                         'X-One: 1', 'x-one: 2', 'X-Two: "', 'X-P-A: a',
                         'x-p-B: b', 'X-Other: o', "X-P-\xff: c",
                         "X-P-\xfe: d" ]);
my ($native, $ecs, $otel, $gcp) = next_ones('names');

like($native->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'time');
my %native = %$native;
my %vary = map { $_ => delete $native{$_} }
           qw( time duration_ms client_port connection request_bytes );
like($vary{duration_ms}, qr/^\d+\.\d+$/, 'duration_ms');
is_deeply(\%native, {
    status => 200, method => 'GET', scheme => 'http', host => 'localhost',
    port => $port, path => '/a%20b/c',
    query => 'd=e&token=REDACTED&e=E&i=7&n=1.5e3&f=on', http_version => '1.1',
    client_ip => '127.0.0.1', response_bytes => $native->{response_bytes},
    response_body_bytes => 43, referer => 'http://r/?code=REDACTED&a=b',
    user_agent => 'me', route => '/', end => 'complete',
    connection_requests => 1,
}, 'native: all members');

# JSON::PP writes a number only if it has read a number
my ($line) = (lines_of($nginx, 'native.json'))[-1];
for my $number (qw( duration_ms status port client_port request_bytes
                    response_bytes response_body_bytes connection )) {
    like($line, qr/"$number":\d/, "$number is a number");
}

is($ecs->{'@timestamp'}, $native->{time}, 'ecs: @timestamp');
is($ecs->{ecs}{version}, '9.4.0', 'ecs.version');
is_deeply($ecs->{event}, {
    kind => 'event', category => [ 'web' ], dataset => 'nginx.access',
    type => [ 'access' ], outcome => 'success',
    duration => $ecs->{event}{duration} }, 'ecs: event');
is_deeply($ecs->{http}{request}, { bytes => $vary{request_bytes},
    method => 'GET', referrer => 'http://r/?code=REDACTED&a=b' },
    'ecs: http.request, without a body');
is_deeply($ecs->{http}{response}, { bytes => $native->{response_bytes},
    body => { bytes => 43 }, status_code => 200 }, 'ecs: http.response');
is_deeply($ecs->{url}, { scheme => 'http', domain => 'localhost',
    port => $port, path => '/a%20b/c', query => $native->{query},
    original => "/a%20b/c?$native->{query}" }, 'ecs: url');
is_deeply($ecs->{client}, { ip => '127.0.0.0', port => $vary{client_port} },
    'ecs: client, masked');
is_deeply($ecs->{labels}, { env => 'a-E-b', alone => 'E' }, 'fields');
is_deeply($ecs->{gateway}, {
    route => '/', end => 'complete', connection => $vary{connection},
    connection_requests => 1, int => 7, num => 1500, joined => 17,
    flag => JSON::PP::true(), request_header_x_one => '1, 2',
    request_header_x_two => '"', request_header_x_p_a => 'a',
    request_header_x_p_b => 'b', response_header_content_type => 'image/gif',
    response_header_content_length => '43', response_header_x_r => 'q"\\',
}, 'ecs: gateway');

is_deeply($otel->{'http.request.header.x-one'}, [ '1', '2' ],
          'otel: headers are arrays');
is_deeply($otel->{'http.request.header.referer'},
          [ 'http://r/?code=REDACTED&a=b' ], 'otel: the referer is an array');
is($otel->{'http.request.header.x-other'}, 'mine', 'otel: a field, not a header');

for my $file (qw( ecs.json otel.json )) {
    my ($line) = lines_of($nginx, $file);
    my %seen;
    $seen{$_}++ for $line =~ /"([^"]*header[^"]*)":/g;
    cmp_ok(scalar keys %seen, '>=', 3, "$file: headers");
    is_deeply([ grep { $seen{$_} > 1 } keys %seen ], [], 'each header is written once');
}

like($otel->{timeUnixNano}, qr/^\d{19}$/, 'otel: timeUnixNano');
is($otel->{'url.query'}, $native->{query}, 'otel: dots make no objects');
is($otel->{'http.route'}, '/', 'otel: the route');
is($otel->{'error.type'}, undef, 'otel: no error');

is($gcp->{httpRequest}{requestUrl},
   'http://localhost:' . $nginx->port . "/a%20b/c?$native->{query}",
   'gcp: requestUrl');
like($gcp->{httpRequest}{latency}, qr/^\d+\.\d{9}s$/, 'gcp: latency');
like($gcp->{httpRequest}{responseSize}, qr/^\d+$/, 'gcp: a size');
like((lines_of($nginx, 'gcp.json'))[-1], qr/"requestSize":"\d+"/,
     'gcp: a size is a string');
is($gcp->{severity}, 'INFO', 'gcp: severity');


# --- the address of the socket, if realip has replaced it

is_deeply([ $native->{peer_ip}, $ecs->{source}, $ecs->{network},
            $otel->{'network.peer.address'}, $gcp->{gateway}{peer_ip} ],
          [ (undef) x 5 ], 'without realip: no peer');
is($gcp->{httpRequest}{serverIp}, '127.0.0.1', 'gcp: serverIp is nginx');

for my $path ('/real', '/real/auth') {
    $nginx->get($path, headers => [ 'X-Real-IP: 10.1.2.3' ]);
    ($native, $ecs, $otel, $gcp) = next_ones($path);
    is($native->{client_ip}, '10.1.2.3', 'realip: client_ip');
    is($native->{peer_ip}, '127.0.0.1', 'realip: peer_ip');
    like((lines_of($nginx, 'native.json'))[-1], qr/"peer_port":[1-9]\d*,/,
         'realip: peer_port is a number');
    is_deeply($ecs->{source}, { ip => '127.0.0.1',
                                port => $native->{peer_port} }, 'ecs: source');
    is_deeply([ $ecs->{client}{ip}, $ecs->{network} ],
              [ '10.1.2.0', { forwarded_ip => '10.1.2.0' } ],
              'ecs: network.forwarded_ip is masked');
    is_deeply([ map { $otel->{"network.peer.$_"} } qw( address port ) ],
              [ '127.0.0.1', $native->{peer_port} ], 'otel: network.peer');
    is_deeply([ map { $gcp->{gateway}{"peer_$_"} } qw( ip port ) ],
              [ '127.0.0.1', $native->{peer_port} ], 'gcp: gateway.peer_ip');
}


# a Unix domain socket has no address

for my $line ('', "X-Real-IP: 10.1.2.3\r\n") {
    my $client = IO::Socket::UNIX->new(Peer => $socket) or die "$socket: $!";
    print $client "GET / HTTP/1.0\r\n$line\r\n";
    1 while sysread $client, my $answer, 4096;
    ($native, $ecs, $otel, $gcp) = next_ones('a Unix domain socket');
    is($native->{$line ? 'peer_ip' : 'client_ip'}, 'unix:', 'native: unix:');
    is($otel->{$line ? 'network.peer.address' : 'client.address'}, 'unix:',
       'otel: unix: is an address');
    is_deeply([ $ecs->{client}, $ecs->{source}, $ecs->{network} ],
              $line ? [ { ip => '10.1.2.0' }, undef,
                        { forwarded_ip => '10.1.2.0' } ]
                    : [ undef, undef, undef ], 'ecs: unix: is not an IP address');
    is($gcp->{httpRequest}{remoteIp}, $line ? '10.1.2.3' : undef, 'gcp: unix: is not an IP address');
    is($gcp->{httpRequest}{requestUrl}, 'http:///', 'gcp: no host, and no port');
}


# --- values that are empty or do not fit their type are left out

$nginx->get('/?i=x&n=.5&f=maybe');
($native, $ecs, $otel) = next_ones('misfits');
is_deeply([ map { $ecs->{gateway}{$_} } qw( int num joined flag ) ],
          [ (undef) x 4 ], 'values that do not fit');
is_deeply($ecs->{labels}, { env => 'a--b' }, 'an empty value');
ok(!exists $native->{referer} && !exists $ecs->{user_agent},
   'without headers there is no object');

$nginx->get('/?i=9223372036854775807&n=1e307&f=0');
($native, $ecs) = next_ones('maximum values');
like((lines_of($nginx, 'ecs.json'))[-1], qr/"int":9223372036854775807\b/,
     'the largest integer is written unchanged');
is($ecs->{gateway}{flag}, JSON::PP::false(), 'false');


# --- how requests end

$nginx->get('/', method => 'SPAM');
($native, $ecs, $otel) = next_ones('an unknown method');
is($native->{method}, 'SPAM', 'native: an unknown method');
is($otel->{'http.request.method'}, '_OTHER', 'otel: _OTHER');
is($otel->{'http.request.method_original'}, 'SPAM', 'otel: method_original');

like(raw($nginx, "GET / HTTP/9.9\r\n\r\n"), qr/505/, 'a bad version');
($native, $ecs, $otel, $gcp) = next_ones('505');
is($native->{status}, 505, 'status');
is($gcp->{severity}, 'ERROR', 'gcp: ERROR');

like(raw($nginx, "\x16\x03\x01\xff\xfe\r\n\r\n"), qr/400/, 'no HTTP');
($native) = next_ones('400');
is($native->{status}, 400, 'status');
ok(!exists $native->{path}, 'without a request line: no path');

like(raw($nginx, "GET /x HTTP/1.1\r\nHost: a b\r\n\r\n"), qr/400/, 'a bad host');
($native) = next_ones('400 in headers');
is($native->{path}, '/x', 'a bad host: path');

like(raw($nginx, 'GET /' . 'x' x 40000 . " HTTP/1.1\r\n\r\n"), qr/414/, 'a long request line');
($native) = next_ones('414');
is($native->{status}, 414, 'status');

is(length raw($nginx, "GET /old\r\n"), 43, 'HTTP/0.9');
($native) = next_ones('HTTP/0.9');
is($native->{http_version}, '0.9', 'http_version');
is($native->{response_body_bytes}, 43, 'response_body_bytes');

raw($nginx, "GET /closed HTTP/1.0\r\n\r\n");
($native, $ecs, $otel) = next_ones('444');
is_deeply([ $native->{status}, $ecs->{http}{response}{status_code},
            $otel->{'http.response.status_code'} ], [ 444, 444, undef ],
          'otel: only a status that was sent');
is($native->{end}, 'closed', 'end');
is($native->{response_bytes}, 0, 'response_bytes');

$nginx->get('/limited?k=1') for 1 .. 2;
$seen += 2;
$nginx->get('/limited?k=1');
($native, $ecs, $otel, $gcp) = next_ones('429');
is($native->{status}, 429, 'status');
is_deeply($native->{limits},
          [ { zone => 'a', result => 'REJECTED', remaining => 0 } ],
          'limits');
is_deeply($ecs->{gateway}{limits}, $native->{limits}, 'ecs: limits');
is_deeply($ecs->{event}{type}, [ 'access', 'denied' ], 'ecs: denied');
is($gcp->{severity}, 'WARNING', 'gcp: WARNING');

$nginx->get('/settled?k=1');
($native) = next_ones('a settled limit');
is_deeply($native->{limits},
          [ { zone => 'w', result => 'PASSED', remaining => 93 } ],
          'remaining is after the settlement');

{
    my $client = IO::Socket::INET->new('127.0.0.1:' . $nginx->port) or die $!;
    print $client "GET /hang?token=x HTTP/1.0\r\n\r\n";
    my $upstream = $hang->accept;
    sysread $upstream, my $request, 4096;
    close $client;
    ($native, $ecs, $otel) = next_ones('499');
    is($native->{status}, 499, 'status');
    is($native->{end}, 'client_closed', 'end');
    is($otel->{'error.type'}, 'client_closed', 'otel: error.type');
    is($otel->{'http.response.status_code'}, undef, 'otel: no status if no response was sent');
    ok(!exists $native->{upstream}[0]{header_ms}, 'a time that was not reached is left out');
}

{
    my $client = IO::Socket::INET->new('127.0.0.1:' . $nginx->port) or die $!;
    print $client "GET /upgrade HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n"
                  . "Connection: upgrade\r\n\r\n";
    my $upstream = $hang->accept;
    sysread $upstream, my $request, 4096;
    print $upstream "HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n"
                    . "\r\nhello";
    $upstream->flush;
    my $answer = '';
    while ($answer !~ /hello/) { sysread $client, $answer, 4096, length $answer
                                     or last }
    close $upstream;
    sysread $client, $answer, 4096;
    ($native) = next_ones('an upgrade');
    is($native->{status}, 101, 'status');
}

$nginx->get('/tries');
($native, $ecs, $otel, $gcp) = next_ones('tries');
is($native->{status}, 502, 'all tries fail: status');
is($native->{end}, 'upstream', 'all tries fail: end');
is($otel->{'error.type'}, '502', 'otel: error.type');
is($otel->{'http.response.status_code'}, 502, 'otel: status');
is_deeply([ map { my %t = %$_; delete $t{response_ms}; \%t }
            @{ $native->{upstream} } ],
          [ { addr => "127.0.0.1:$dead", status => 502, bytes => 0 },
            { addr => "127.0.0.1:$dead", status => 502, bytes => 0,
              group => 1 } ], 'upstream has all tries');
is($gcp->{httpRequest}{serverIp}, "127.0.0.1:$dead",
   'gcp: serverIp is the upstream server');
is($native->{route}, '/tries', 'route before the internal redirect');

$nginx->get('/asked');
($native) = next_ones('a subrequest has no record');
is($native->{path}, '/asked', 'the main request has one');

$nginx->get('/auth');
$nginx->get('/none');
$nginx->get('/one');
is(scalar(records($nginx, 'one.json', 1)), 1, 'gateway_log at a level replaces inherited ones');
$nginx->get("/if?log=$_") for '', 0, 1;
$nginx->get('/if?log=1&other=1');
is(scalar(records($nginx, 'if.json', 2)), 2,
   'if=, also inside of the if of a location');
is(scalar(lines_of($nginx, 'native.json')), $seen, 'no other record was written');


# --- HTTP/2

{
    my $client = Test::Gateway::Streams->new($h2);
    my $stream = $client->request('GET', '/?token=x');
    $client->wait(sub { $client->status($stream) }, 5);
    $client->reset($stream);
    ($native) = next_ones('a reset stream');
    is($native->{http_version}, '2', 'http_version');
    is($native->{end}, 'client_closed', 'end');
    is($native->{query}, 'token=REDACTED', 'a reset stream: query');
    $client->close;
}

$nginx->stop;
my %count = counters($nginx, 'native.json');
is($count{made}, $seen, 'all records are counted as made');
is($count{written}, $seen, 'all are counted as written');
is($count{dropped}, 0, 'none was dropped');
my ($misfits) = $nginx->log =~ /gateway_log: (\d+) fields left out/;
cmp_ok($misfits, '>=', 4, 'fields that do not fit are counted');


# --- gcp: the URL has the port, except the default one of its scheme

SKIP: {
    my ($ip, $other) = map { my $last = $_;
        join '.', 127, 1 + int rand 250, $$ % 250, $last } 1, 2;
    my ($clear, $secret) = (free_port(), free_port());
    IO::Socket::INET->new(Listen => 1, LocalAddr => $ip, LocalPort => 80)
        or skip 'port 80 cannot be used', 1;

    authority('ca');
    certificate('server', ca => 'ca');
    my $tls = 'ssl_certificate ' . certificate_file('server')
              . '; ssl_certificate_key ' . certificate_key('server') . ';';
    my $gcp = start_nginx(workers => 1, http => <<END,
        gateway_log a.json gcp flush=0;
        server { listen $ip:80; listen $ip:$clear; location / { empty_gif; } }
        server { listen $ip:443 ssl; listen $ip:$secret ssl; $tls
                 location / { empty_gif; } }
        server { listen $other:443; location / { empty_gif; } }
        server { listen $other:80 ssl; $tls location / { empty_gif; } }
END
        server => 'location / { empty_gif; }');

    # nginx -t of another test binds port 80 of all addresses for a moment; nginx
    # tries again
    $gcp->allow(qr/bind\(\) to \S+:80 failed \(98: /);

    my $seen = 0;
    my $url = sub {
        my ($address, $ssl, $host) = @_;
        my $class = $ssl ? 'IO::Socket::SSL' : 'IO::Socket::INET';
        my $client = $class->new(PeerAddr => $address,
            $ssl ? (SSL_verify_mode => 0) : ()) or die "$address: $!";
        print $client "GET /a HTTP/1.0\r\nHost: $host\r\n\r\n";
        1 while sysread $client, my $answer, 4096;
        return (records($gcp, 'a.json', ++$seen))[-1]{httpRequest}{requestUrl};
    };

    is($url->("$ip:80", 0, 'h'), 'http://h/a', 'URL: http, 80');
    is($url->("$other:443", 0, 'h'), 'http://h:443/a', 'URL: http, 443');
    is($url->("$ip:$clear", 0, 'h'), "http://h:$clear/a", 'URL: http');
    is($url->("$ip:443", 1, 'h'), 'https://h/a', 'URL: https, 443');
    is($url->("$other:80", 1, 'h'), 'https://h:80/a', 'URL: https, 80');
    is($url->("$ip:$secret", 1, 'h:1'), "https://h:$secret/a",
       'URL: https, and not the port that the client names');
    is($url->("$ip:$clear", 0, '[::1]'), "http://[::1]:$clear/a", 'URL: IPv6');
    $gcp->stop;
}


# --- for sinks with the same format and rate, the record is made once

{
    my $nginx = start_nginx(workers => 1, http => <<'END',
        gateway_log_format f { field n $arg_n int; }
        gateway_log a.json f flush=0;
        gateway_log b.json f flush=0;
        gateway_log c.json f flush=0 sample=0 keep=200;
END
        server => 'location / { empty_gif; }');
    $nginx->get('/?n=x');
    is((lines_of($nginx, 'b.json'))[0], (records($nginx, 'a.json', 1))[0]
       && (lines_of($nginx, 'a.json'))[0], 'one record in two files');
    is((records($nginx, 'c.json', 1))[0]{sample_rate}, 0,
       'with another rate, the record differs');
    $nginx->stop;
    like($nginx->log, qr/gateway_log: 2 fields left out/, 'the record was made twice');
}

done_testing;
