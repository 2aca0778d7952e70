# SPDX-License-Identifier: BSD-2-Clause

# No secret is in a sink, in whichever encoding and place it is sent, and however
# the request ends.  All other bytes are not changed.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use POSIX ();
use Test::Gateway::Consumer;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

BEGIN { *enc = sub { my ($s) = @_; $s =~ s/(\W)/sprintf '%%%02X', ord $1/ger } }

my $canary = 'cAnArY7';
my $dead = free_port();

# an upstream server that never answers; a pipe, whose records are shortened
my $silent = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
    or die "listen: $!";
my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0777, "$dir";
POSIX::mkfifo("$dir/pipe", 0666) or die "mkfifo: $!";
sysopen my $pipe, "$dir/pipe", POSIX::O_RDWR()|POSIX::O_NONBLOCK()
    or die "open: $!";

my @formats = qw( native ecs otel gcp );
my $declared = join '', map { <<END } @formats;
    gateway_log_format f_$_ preset=$_ {
        header request  * ;
        header response location x-* refresh;
        field gateway.agent \$http_user_agent;
        redact header x-mine;
        redact query  my-own;
    }
END
$declared =~ s/ \* ;/ x-* a* c* p* s* l* r* o*;/g;

my $nginx = start_nginx(workers => 1, http => <<END, server => <<END2,
    $declared
    @{[ map { "gateway_log $_.json f_$_ flush=0;" } @formats ]}
    gateway_log $dir/pipe f_native flush=0;
    proxy_connect_timeout 20ms;
    gateway_consumers zone=c:1m file=consumers.json watch=0;
    gateway_limit_zone \$server_port zone=a:64k rate=1r/d;
    proxy_read_timeout 20ms;
    ignore_invalid_headers off;
    underscores_in_headers on;
    large_client_header_buffers 8 16k;
END
    location / { root html; }
    location = /ok { empty_gif; }
    location = /dead { proxy_pass http://127.0.0.1:$dead; }
    location = /slow { proxy_pass http://127.0.0.1:@{[ $silent->sockport ]}; }
    location = /denied { gateway_api_key k query=pass header=X-Cred cookie=ck;
                         empty_gif; }
    location = /limited { gateway_limit zone=a; empty_gif; }
    location = /moved { add_header X-Note n; return 302 \$request_uri&again=1; }
    location = /lines { add_header X-Sent "/x?token=a"; add_header X-Sent $canary;
                        add_header X-Sent "b&c=d"; empty_gif; }
    location = /cookie { add_header Set-Cookie "sid=$canary";
                         add_header X-Mine $canary; empty_gif; }
END2
    files => { 'consumers.json' => consumers(consumer('a')) });

my $seen = 0;


# --- queries: each spelling of the name, the separator and the nesting

my @names = (qw( token TOKEN access_token id_token refresh_token code sig
                 signature api_key apikey password secret client_secret
                 X-Amz-Signature X-Goog-Signature my_own My-Own ),
             'passwd', 'client_assertion', 'password[a/b]', 'secret[a%26b]',
             '%74oken', 't%6Fken', '%2574oken', 'user[password]', 'token[]',
             'token%5B%5D', 'a.token', '%20token', 'token%00');
my @queries = map { ("a=1&$_=$canary", "$_=$canary&a=1", "a=1;$_=$canary;b=2",
                     "$_=x&$_=$canary", "u=https://h/p?$_=$canary") } @names;

push @queries, map { my $n = $_; ("u=" . enc("https://h/p?a=1&$n=$canary") . '&z=1',
    "u=" . enc(enc("https://h/p?a=1&$n=$canary")) . '&z=1',
    "u=" . enc(enc(enc("?$n=$canary"))),
    "u=" . enc("https://h/#$n=$canary"),
    "$n%3D$canary", "a=$n=$canary", "%zz=$canary&$n=$canary") }
    qw( token Access_Token client_secret );
push @queries, "u=" . enc("https://me:$canary\@h/"), "u=//$canary\@h/",
    "u=http:me:$canary\@h/", "u=https:%5C%5Cme:$canary\@h/", "u=ws:/$canary\@h",
    "u=" . enc("https:/\\me:$canary\@h/"), "to%09ken=$canary", "to\\token=$canary",
    "%u0074oken=$canary", "tok%=$canary", "%25%37%34oken=$canary",
    "token=a;$canary", "token=$canary=$canary", "token=%zz$canary";

# each built-in name with all letters encoded once, twice, and alternately
push @queries, map { my $n = $_ =~ s/(\w)/sprintf '%%%02x', ord $1/ger;
    ("$n=$canary", $n =~ s/%/%25/gr . "=$canary", uc($n) . "=$canary",
     "u=" . enc("//h?x=1;$n=$canary"), join('&', ("$n=$canary") x 3)) } @names[0 .. 13];

# after so much text that the string is cut near the secret
push @queries, map { 'a=' . 'x' x $_ . "&token=$canary&b=1" }
               map { $_ * 100 } 5 .. 20;

cmp_ok(scalar @queries, '>=', 200, scalar(@queries) . ' queries');

my %status;
my $piped = '';
for my $path (qw( /ok /nowhere /dead /denied /limited /slow )) {
    for my $query (@queries) {
        my ($status) = $nginx->get("$path?$query", headers =>
                    [ "Referer: http://r/?$query", "X-Url: /a?$query" ]);
        $status{"$path $status"}++;
        $seen++;
        while (sysread $pipe, $piped, 65536, length $piped) { }
    }
}
my $n = @queries;
is_deeply(\%status, { "/ok 200" => $n, "/nowhere 404" => $n, "/dead 502" => $n,
                      "/denied 401" => $n, "/limited 200" => 1,
                      "/limited 429" => $n - 1, "/slow 504" => $n },
          'each with each end');

$nginx->get("/moved?$_", headers => [ "Location: /?$_" ]), $seen++
    for @queries[0 .. 9];

# a user before the host, as in a URL
raw($nginx, "GET /ok HTTP/1.0\r\nHost: $_\r\n\r\n"), $seen++
    for "$canary\@localhost", "me%40$canary\@localhost", "$canary%40localhost";

raw($nginx, "GET /slow?token=$canary HTTP/1.0\r\n\r\n");
raw($nginx, "GET /ok?token=$canary HTTP/9.9\r\n\r\n");
raw($nginx, "GET /ok?token=$canary\r\n");
raw($nginx, "GET /ok?token=$canary HTTP/1.1\r\nHost: a b\r\n\r\n");
$seen += 4;


# --- headers that hold credentials

$nginx->get('/cookie', headers => [ 'X-Shown: yes', map { "$_: $canary" }
    qw( Authorization Proxy-Authorization Cookie X-API-Key X-Cred X-Mine
        X-MINE X-API_Key X-API~Key X-API.Key Proxy~Authorization ) ]);
$nginx->get('/cookie', headers => [ 'X-Shown: yes', map { "$_: $canary" }
    qw( authorization cookie ) ]);
$nginx->get('/denied', headers => [ "X-Cred: $canary", "Cookie: ck=$canary" ]);
$nginx->get("/denied?pass=$canary&a=1");
$nginx->get("/ok?pass=$canary&ck=$canary&a=1");
$seen += 5;

for my $format (@formats) {
    wait_until(sub { lines_of($nginx, "$format.json") >= $seen });
    my @lines = lines_of($nginx, "$format.json");
    is(scalar @lines, $seen, "$format: $seen records");

    my @leaks = grep { /$canary/ } @lines;
    is(scalar @leaks, 0, "$format: no secret in any") or diag(@leaks[0 .. 2]);
}

while (sysread $pipe, $piped, 65536, length $piped) { }
my @piped = split /\n/, $piped;
is(scalar @piped, $seen, "pipe: $seen records");
is(scalar(grep { /$canary/ } @piped), 0, 'pipe: no secret in any');
cmp_ok(scalar(grep { /"truncated":true/ } @piped), '>', 50,
       'pipe: nor where it was cut');
is(scalar(grep { !eval { json_of($_) } } grep { /truncated/ } @piped), 0,
   'pipe: which leaves records');

my @last = records($nginx, 'native.json', $seen);
SKIP: {
    my ($user) = grep { ($_->{host} // '') =~ /\@/ } @last;
    skip 'this nginx refuses such hosts', 1 if !$user;
    is($user->{host}, 'REDACTED@localhost', 'a user before the host');
}
is($last[-2]{query}, 'a=1', 'an argument that was hidden is not there');
is($last[-1]{query}, 'pass=REDACTED&ck=REDACTED&a=1',
   'arguments with the names of credentials elsewhere');
is(scalar(grep { ($_->{request_header_x_shown} // '') eq 'yes'
                 && $_->{status} == 200 } @last),
   2, 'and headers beside credentials are');
ok((grep { ($_->{request_header_x_url} // '') =~ /REDACTED/ } @last) > 100,
   'captured headers are redacted');
ok((grep { ($_->{response_header_location} // '') =~ /REDACTED/ } @last) > 5,
   'so is Location');


# --- what is no secret

for my $query ('a=1&b=2;c=3', 'tokens=1&xtoken=2&token2=3&my_owner=4',
               'code_verifier=1&encode=2&sign=3&api=4', 'q=100%25&r=%c3%a9',
               'data=eyJhIjoxfQ==', 'u=http:&e=a@b', 'e=a:b@c',
               'a=b=c=d&e=?&f=/g/h', 'x=a@b&y=//c/d',
               'u=' . enc('https://h/p?a=1&b=2'))
{
    $nginx->get("/ok?$query", headers => [ "Referer: http://r/p?$query" ]);
    $seen++;
    wait_until(sub { lines_of($nginx, 'native.json') >= $seen });
    my $record = json_of((lines_of($nginx, 'native.json'))[-1]);
    is($record->{query}, $query, "$query: stays");
    is($record->{referer}, "http://r/p?$query", 'also in the referer');
}


# --- lines of one name: a secret may begin in one, and go on in the next

for (
    [ [ '/x?token=a', $canary ], '/x?token=REDACTED', [ '/x?token=REDACTED' ] ],
    [ [ '/x?token=a', $canary, 'b&c=d', 'e' ], '/x?token=REDACTED&c=d, e',
      [ '/x?token=REDACTED&c=d', 'e' ] ],
    [ [ "//u:$canary", '@h' ], '//REDACTED@h', [ '//REDACTED@h' ] ],
    [ [ "http:u:$canary", 'a', '@h' ], 'http:REDACTED@h', [ 'http:REDACTED@h' ] ],
    [ [ 'a?tok', "en=$canary" ], 'a?tok, en=REDACTED', [ 'a?tok', 'en=REDACTED' ] ],
    [ [ 'a?token', "=$canary" ], 'a?token, =REDACTED', [ 'a?token', '=REDACTED' ] ],
    [ [ 'a', "token=$canary" ], 'a, token=REDACTED', [ 'a', 'token=REDACTED' ] ],
    [ [ "token=$canary&a", 'b' ], 'token=REDACTED&a, b', [ 'token=REDACTED&a', 'b' ] ],
    [ [ 'u=%3Ftoken%3D', "$canary%26" . 'a=b' ], 'u=%3Ftoken%3DREDACTED%26a=b',
      [ 'u=%3Ftoken%3DREDACTED%26a=b' ] ],
    [ [ 'a=%7', "4oken=$canary" ], 'a=REDACTED', [ 'a=REDACTED' ] ],
    [ [ 'a?b=c', '', 'd@e' ], 'a?b=c, , d@e', [ 'a?b=c', '', 'd@e' ] ],
    [ [ 'tok', 'ens=1', 'x,y' ], 'tok, ens=1, x,y', [ 'tok', 'ens=1', 'x,y' ] ],
    [ [ ("a" x 5000) x 2 ], ('a' x 5000) . ', ' . 'a' x 3190, [ ('a' x 5000) x 2 ] ],
    [ [ 'a' x 9000, 'token=b', $canary, '&c' ], 'a' x 8192,
      [ 'a' x 8192, 'token=REDACTED&c' ] ],
)
{
    my ($lines, $text, $list) = @$_;
    $nginx->get('/ok', headers => [ map { "X-A: $_" } @$lines ]);
    $seen++;
    my ($native, $otel) = map { my $file = "$_.json";
        wait_until(sub { lines_of($nginx, $file) >= $seen });
        json_of((lines_of($nginx, $file))[-1]) } qw( native otel );
    my $name = join ' + ', map { substr $_, 0, 20 } @$lines;
    is($native->{request_header_x_a}, $text, "$name: as one text");
    is_deeply($otel->{'http.request.header.x-a'}, $list, "$name: as a list");
}

$nginx->get('/lines');
$seen++;
wait_until(sub { lines_of($nginx, "$_.json") >= $seen }) for qw( native otel );
is(json_of((lines_of($nginx, 'native.json'))[-1])->{response_header_x_sent},
   '/x?token=REDACTED&c=d', 'lines of a response: as one text');
is_deeply(json_of((lines_of($nginx, 'otel.json'))[-1])
              ->{'http.response.header.x-sent'},
          [ '/x?token=REDACTED&c=d' ], 'and as a list');

# more than the room for the lines of a name holds: none of them
$nginx->get('/ok', headers => [ map { "X-A: $_" } ('a' x 8000) x 4, "//u:$canary",
                                'b' x 8000, '@h', 'X-B: c' ]);
$seen++;
wait_until(sub { lines_of($nginx, 'native.json') >= $seen });
my $long = json_of((lines_of($nginx, 'native.json'))[-1]);
is($long->{status}, 200, 'lines of more than 32 KB');
is($long->{request_header_x_a}, undef, 'are left out');
is($long->{truncated}, 1, 'which the record says');

$nginx->stop;

done_testing;
