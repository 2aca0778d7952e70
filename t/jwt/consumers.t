# SPDX-License-Identifier: BSD-2-Clause

# Tokens and the consumers file: which token names which consumer, what the
# request gets from it, and credentials that name different consumers.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Consumer;

use Test::More;

BEGIN { $Test::Gateway::More = 1 }

my $issuer = 'https://id.example';
my $other = 'https://other.example';

my %acme = (id => 'acme', groups => [qw( partners beta )], plan => 'gold',
            metadata => { tenant => '42', empty => '' });

my $file = consumers(
    consumer('acme', %acme, jwt => [ { iss => $issuer, sub => 'service-acme' },
                                     { iss => $other, sub => 'acme' } ]),
    consumer('globex', plan => 'silver', keys => [
                 entry('globex', scopes => [qw( read write )]),
                 entry('globex-none', scopes => []) ],
             jwt => [ { iss => $issuer, sub => 'initech' } ]),
    { id => 'initech', plan => 'bronze',
      jwt => [ { iss => $issuer, sub => 'blank ' } ] },
    consumer('gone', disabled => \1,
             jwt => [ { iss => $issuer, sub => 'service-gone' } ]),
    { id => '42', plan => 'numbers' },
    { id => 'true' },
    { id => "$issuer#hash", plan => 'hash' },
    { id => 'comma,a', plan => 'list' },
);

my $jwt = 'gateway_jwt r; gateway_jwt_group groups; '
          . 'gateway_jwt_key_file jwks.json;';
my $key = 'gateway_api_key r;';
my $two = 'gateway_jwt r; gateway_jwt_group groups; '
          . "gateway_jwt_issuer $issuer $other; "
          . "gateway_jwt_key_file jwks.json issuer=$issuer; "
          . "gateway_jwt_key_file other.json issuer=$other;";

my $identity = '$gateway_consumer|$gateway_credential|$gateway_groups|'
               . '$gateway_scopes|$gateway_plan|$gateway_consumer_tenant|'
               . '$gateway_auth_method|$gateway_auth_reason';

my %locations = (
    '/'         => $jwt,
    '/claim'    => "$jwt gateway_jwt_consumer client;",
    '/optional' => "$jwt gateway_jwt_mode optional;",
    '/dry'      => "$jwt gateway_jwt_mode dry_run;",
    '/both'     => "$jwt $key satisfy all;",
    '/any'      => "$jwt $key satisfy any;",
    '/both-claim' => "$jwt gateway_jwt_consumer client; $key satisfy all;",
    '/both-deny' => "$jwt $key satisfy all; gateway_deny_group suspended;",
    '/both-group' => "$jwt $key satisfy all; gateway_require_group staff;",
    '/deny-dry' => "$jwt gateway_jwt_mode dry_run; $key satisfy all; "
                   . 'gateway_deny_group suspended;',
    '/both-dry' => "$jwt gateway_jwt_mode dry_run; $key satisfy all;",
    '/key'      => $key,
);

my %many = (
    '/many'       => $two,
    '/many-claim' => "$two gateway_jwt_consumer sub;",
);

sub locations {
    my (%locations) = @_;

    return qq{add_header X-Is "$identity" always;\n} . CORE::join '', map {
        "location = $_ { $locations{$_} empty_gif; }\n" } sort keys %locations;
}

my $with = locations(%locations);

my $server;

# status and identity, where it is not empty, or the reason

sub ask {
    my ($uri, %by) = @_;

    my @headers;
    push @headers, "Authorization: Bearer $by{token}" if $by{token};
    push @headers, "Authorization: Bearer " . token(claims => $by{claims})
        if $by{claims};
    push @headers, 'X-API-Key: ' . api_key($by{key}) if $by{key};

    my ($status, $head, $body) = $server->get($uri, headers => \@headers);
    my ($is) = $head =~ /^X-Is: (.*?)\r?$/m;
    my ($reason) = $body =~ /"reason":"(\w+)"/;
    return "$status $is" . ($reason ? " $reason" : '');
}

# of the issuer with keys of its own

sub second { token(key => 'rs256', claims => { iss => $other, @_ }) }

sub asks {
    my ($name, $expected, @ask) = @_;
    is(ask(@ask), $expected, $name);
}

$server = start_nginx(workers => 1, server => $with, files => {
    'jwks.json' => jwks('es256'), 'consumers.json' => $file },
    http => 'gateway_consumers zone=c:1m file=consumers.json;');

my %service = (iss => $issuer, sub => 'service-acme');
my $acme = 'acme||partners,beta||gold|42|jwt|';


# --- by issuer and subject

asks('issuer and subject name a consumer', "200 $acme", '/',
     claims => { %service });
asks('another pair names the same', "200 $acme", '/',
     claims => { iss => $other, sub => 'acme' });
asks('the subject of another issuer does not',
     '200 service-acme||||||jwt|', '/',
     claims => { iss => $other, sub => 'service-acme' });
asks('a subject without an issuer does not', '200 service-acme||||||jwt|',
     '/', claims => { sub => 'service-acme' });
asks('issuers and subjects are compared by case',
     '200 service-ACME||||||jwt|', '/',
     claims => { iss => $issuer, sub => 'service-ACME' });
asks('a subject that is longer is another one',
     '200 service-acme-2||||||jwt|', '/',
     claims => { iss => $issuer, sub => 'service-acme-2' });
asks('and so is a shorter one', '200 service-acm||||||jwt|', '/',
     claims => { iss => $issuer, sub => 'service-acm' });
asks('issuer and subject that are divided elsewhere',
     "200 e#service-acme||||||jwt|", '/',
     claims => { iss => 'https://id.exampl', sub => 'e#service-acme' });
asks('a subject that is the id of another consumer, by its own pair',
     '200 globex||||silver||jwt|', '/',
     claims => { iss => $issuer, sub => 'initech' });


# --- what comes from the consumer, and what from the token

asks('scopes are the token\'s', '200 acme||partners,beta|a b|gold|42|jwt|',
     '/', claims => { %service, scope => 'a b' });
asks('groups are the consumer\'s and the token\'s, each once',
     '200 acme||beta,admins,partners||gold|42|jwt|', '/',
     claims => { %service, groups => [qw( beta admins )] });
asks('groups that are all there already',
     '200 acme||beta,partners||gold|42|jwt|', '/',
     claims => { %service, groups => [qw( beta partners )] });
asks('a group that begins like another',
     '200 acme||part,beta2,partners,beta||gold|42|jwt|', '/',
     claims => { %service, groups => [qw( part beta2 )] });


# --- a sub that the file does not list

asks('a subject of no consumer is an identity of its own',
     '200 alice||g|s|||jwt|', '/',
     claims => { sub => 'alice', groups => ['g'], scope => 's' });
asks('one that is an id of the file is refused',
     '403 |||||||consumer_conflict consumer_conflict', '/',
     claims => { sub => 'acme' });
asks('also from an issuer with other mapped subjects',
     '403 |||||||consumer_conflict consumer_conflict', '/',
     claims => { iss => $issuer, sub => 'acme' });
asks('also of a consumer that is disabled',
     '403 |||||||consumer_conflict consumer_conflict', '/',
     claims => { sub => 'gone' });
asks('an id in capitals is another text', '200 ACME||||||jwt|', '/',
     claims => { sub => 'ACME' });
asks('no subject is nobody\'s', '200 ||||||jwt|', '/', claims => {});
asks('and so is an empty one', '200 ||||||jwt|', '/', claims => { sub => '' });


# --- gateway_jwt_consumer

asks('a claim names the consumer', "200 $acme", '/claim',
     claims => { sub => 'alice', client => 'acme' });
asks('one that is no id is an identity of its own', '200 web||||||jwt|',
     '/claim', claims => { sub => 'alice', client => 'web' });
asks('the subject does not matter then', '200 web||||||jwt|', '/claim',
     claims => { sub => 'acme', client => 'web' });
asks('no claim is nobody', '200 ||||||jwt|', '/claim',
     claims => { sub => 'acme' });
asks('claim and pair name the same', "200 $acme", '/claim',
     claims => { %service, client => 'acme' });
asks('claim and pair name two: refused',
     '403 |||||||consumer_conflict consumer_conflict', '/claim',
     claims => { %service, client => 'initech' });
asks('a claim that is no id loses to the pair', "200 $acme", '/claim',
     claims => { %service, client => 'web' });
asks('a number is its text', '200 42||||numbers||jwt|', '/claim',
     claims => { client => 42 });
asks('and so is true', '200 true||||||jwt|', '/claim',
     claims => { client => JSON::PP::true() });
asks('a list is nobody', '200 ||||||jwt|', '/claim',
     claims => { client => ['acme'] });
asks('a list is not the text that it would join to', '200 ||||||jwt|',
     '/claim', claims => { client => ['comma', 'a'] });
asks('an object is nobody', '200 ||||||jwt|', '/claim',
     claims => { client => { acme => 1 } });
asks('a blank inside of it is part of it', '200 ac me||||||jwt|', '/claim',
     claims => { client => 'ac me' });


# --- several issuers: iss#sub

$server->stop;
$server = start_nginx(workers => 1, server => locations(%many), files => {
    'jwks.json' => jwks('es256'), 'other.json' => jwks('rs256'),
    'consumers.json' => $file },
    http => 'gateway_consumers zone=c:1m file=consumers.json;');

asks('issuer and subject make a text of their own',
     "200 $issuer#alice||||||jwt|", '/many',
     claims => { iss => $issuer, sub => 'alice' });
asks('which is refused where it is an id',
     '403 |||||||consumer_conflict consumer_conflict', '/many',
     claims => { iss => $issuer, sub => 'hash' });
asks('that of the other issuer is not', "200 $other#hash||||||jwt|", '/many',
     token => second(sub => 'hash'));
asks('a subject alone equals no id there', "200 $issuer#initech-2||||||jwt|",
     '/many', claims => { iss => $issuer, sub => 'initech-2' });
asks('a subject that is an id, of an issuer that it is not mapped for',
     "200 $other#globex||||||jwt|", '/many', token => second(sub => 'globex'));
asks('a pair names its consumer there, too', "200 $acme", '/many',
     claims => { %service });
asks('gateway_jwt_consumer sub believes every issuer', "200 $acme",
     '/many-claim', claims => { iss => $issuer, sub => 'acme' });


$server->stop;


# --- odd bytes

$server = start_nginx(workers => 1, server => $with, files => {
    'jwks.json' => jwks('es256'), 'consumers.json' => $file },
    http => 'gateway_consumers zone=c:1m file=consumers.json;');

for my $odd (map { "$_" } "acme\0", "\0acme", "ac\0me", "acme\n", "acme\r\nX: y",
                          "\x7f", "acme\x01")
{
    my $shown = json($odd);
    asks("a subject of $shown is refused",
         '401 |||||||malformed_payload malformed_payload', '/',
         claims => { sub => $odd });
    asks("and so is such a claim ($shown)",
         '401 |||||||malformed_payload malformed_payload', '/claim',
         claims => { client => $odd });
}

# an upstream that parses a line removes these (RFC 9110, 5.5)

for my $odd ('acme ', ' acme', "acme\t", "\tacme", ' ') {
    my $shown = json($odd);
    asks("a subject of $shown is refused: upstreams would read another",
         '401 |||||||malformed_payload malformed_payload', '/',
         claims => { sub => $odd });
    asks("and so is such a claim ($shown)",
         '401 |||||||malformed_payload malformed_payload', '/claim',
         claims => { client => $odd });
}

asks('a pair of the file may have one: it is not what is shown',
     '200 initech||||bronze||jwt|', '/',
     claims => { iss => $issuer, sub => 'blank ' });

asks('a NUL in the issuer is refused',
     '401 |||||||malformed_payload malformed_payload', '/',
     claims => { iss => "$issuer\0", sub => 'service-acme' });
asks('an issuer that is no text names nobody',
     '200 service-acme||||||jwt|', '/',
     token => token(payload => '{"iss":["https://id.example"],'
                    . '"sub":"service-acme","exp":9999999999}'));
asks('bytes of UTF-8 are bytes', "200 caf\xc3\xa9||||||jwt|", '/',
     claims => { sub => "caf\x{e9}" });


# --- disabled

asks('a pair of a disabled consumer is refused',
     '403 |||||||disabled disabled', '/',
     claims => { iss => $issuer, sub => 'service-gone' });
asks('and so is its id by a claim', '403 |||||||disabled disabled', '/claim',
     claims => { client => 'gone' });
asks('also where nobody may come in', '403 |||||||disabled disabled',
     '/optional', claims => { iss => $issuer, sub => 'service-gone' });
asks('nobody does', '200 |||||||', '/optional');
asks('a text that equals an id is refused there, too',
     '403 |||||||consumer_conflict consumer_conflict', '/optional',
     claims => { sub => 'acme' });
asks('dry_run lets it in, and says why it would not',
     '200 |||||||disabled', '/dry',
     claims => { iss => $issuer, sub => 'service-gone' });
asks('and the conflict', '200 |||||||consumer_conflict', '/dry',
     claims => { sub => 'acme' });
asks('and names one that is in order', "200 $acme", '/dry',
     claims => { %service });


# --- two credentials

asks('satisfy all: token and key of one consumer',
     '200 acme|acme|partners,beta|a|gold|42|jwt|', '/both',
     claims => { %service, scope => 'a' }, key => 'acme');
asks('satisfy all: two consumers are in conflict',
     "403 ${acme}consumer_conflict consumer_conflict", '/both',
     claims => { %service }, key => 'globex');
asks('satisfy all: the known key wins over an unmapped subject',
     '200 globex|globex||read write|silver||api_key|', '/both',
     claims => { sub => 'alice', groups => ['g'] }, key => 'globex');
asks('satisfy all: scopes are those in common',
     '200 globex|globex||write|silver||api_key|', '/both',
     claims => { sub => 'alice', scope => 'write admin' }, key => 'globex');
asks('satisfy all: none in common', '200 globex|globex|||silver||api_key|',
     '/both', claims => { sub => 'alice', scope => 'admin' }, key => 'globex');
asks('satisfy all: a key without scopes leaves the token\'s',
     '200 acme|acme|partners,beta|write admin|gold|42|api_key|', '/both',
     claims => { sub => 'alice', scope => 'write admin' }, key => 'acme');
asks('satisfy all: a key with none leaves none',
     '200 globex|globex-none|||silver||api_key|', '/both',
     claims => { sub => 'alice', scope => 'write' }, key => 'globex-none');
asks('satisfy all: groups of both where they name one',
     '200 acme|acme|admins,partners,beta||gold|42|jwt|', '/both',
     claims => { %service, groups => ['admins'] }, key => 'acme');
asks('satisfy all: a text that equals an id is refused beside its own key',
     '403 |||||||consumer_conflict consumer_conflict', '/both',
     claims => { sub => 'acme' }, key => 'acme');
asks('satisfy all: by a claim it is the same consumer',
     '200 acme|acme|partners,beta||gold|42|jwt|', '/both-claim',
     claims => { client => 'acme' }, key => 'acme');
asks('satisfy all: a disabled consumer of the token',
     '403 |||||||disabled disabled', '/both',
     claims => { iss => $issuer, sub => 'service-gone' }, key => 'acme');
asks('satisfy all: a group that is denied, of a token beside a known key',
     '403 globex|globex||read write|silver||api_key|group_denied group_denied',
     '/both-deny', claims => { sub => 'alice', groups => [qw( a suspended )] },
     key => 'globex');
asks('satisfy all: another group of it',
     '200 globex|globex||read write|silver||api_key|', '/both-deny',
     claims => { sub => 'alice', groups => ['a'] }, key => 'globex');
asks('satisfy all: a group of one consumer by token and key',
     '403 acme|acme|suspended,partners,beta||gold|42|jwt|'
     . 'group_denied group_denied',
     '/both-deny', claims => { %service, groups => ['suspended'] },
     key => 'acme');
asks('satisfy all: a group of the token opens nothing to the key',
     '403 globex|globex||read write|silver||api_key|'
     . 'group_not_allowed group_not_allowed', '/both-group',
     claims => { sub => 'alice', groups => ['staff'] }, key => 'globex');
asks('satisfy all: nor does that of a token in dry_run deny',
     '200 globex|globex||read write|silver||api_key|', '/deny-dry',
     claims => { sub => 'alice', groups => ['suspended'] }, key => 'globex');
asks('satisfy all: no key', "401 $acme" . 'missing missing', '/both',
     claims => { %service });
asks('satisfy all: no token', '401 |||||||missing missing', '/both',
     key => 'acme');
asks('satisfy all: a token in dry_run names nobody beside a key',
     '200 globex|globex||read write|silver||api_key|', '/both-dry',
     claims => { %service, scope => 'write' }, key => 'globex');

asks('satisfy any: the token', "200 $acme", '/any', claims => { %service });
asks('satisfy any: the key', '200 globex|globex||read write|silver||api_key|',
     '/any', key => 'globex');
asks('satisfy any: the token is enough, the key is not asked',
     "200 $acme", '/any', claims => { %service }, key => 'globex');
asks('satisfy any: a token in conflict leaves it to the key',
     '200 acme|acme|partners,beta||gold|42|api_key|', '/any',
     claims => { sub => 'acme' }, key => 'acme');
asks('satisfy any: a disabled one leaves it to the key',
     '200 globex|globex||read write|silver||api_key|', '/any',
     claims => { iss => $issuer, sub => 'service-gone' }, key => 'globex');

$server->stop;


# --- without a consumers file

$server = start_nginx(workers => 1,
                      server => locations(%locations, %many)
                                =~ s/^.*gateway_api_key.*$//mgr,
                      files => { 'jwks.json' => jwks('es256'),
                                 'other.json' => jwks('rs256') });

asks('no file: a subject is the consumer', '200 acme|||a|||jwt|', '/',
     claims => { %service, sub => 'acme', scope => 'a' });
asks('no file: a claim is the consumer', '200 gone||g||||jwt|', '/claim',
     claims => { client => 'gone', groups => ['g'] });
asks('no file: issuer and subject together', "200 $issuer#acme||||||jwt|",
     '/many', claims => { iss => $issuer, sub => 'acme' });
$server->stop;


# --- a file without consumers, and one without pairs

$server = start_nginx(workers => 1, server => locations(%locations, %many),
                      files => {
    'jwks.json' => jwks('es256'), 'other.json' => jwks('rs256'),
    'consumers.json' => consumers() },
    http => 'gateway_consumers zone=c:1m file=consumers.json;');
asks('an empty file: a subject is an identity of its own',
     '200 acme||||||jwt|', '/', claims => { iss => $issuer, sub => 'acme' });
$server->stop;


# --- the consumers that a key without an issuer can name, beside other keys

my %keys = ('a.json' => jwks('es256'), 'b.json' => jwks('rs256'));
my $on = 'gateway_jwt r; gateway_jwt_key_file';

# what nginx -t says: "" or the file that is open to any issuer, and its line

sub open_file {
    my ($server, %arg) = @_;

    my $text = http_conf(
        http   => 'gateway_consumers zone=c:1m file=consumers.json; '
                  . ($arg{http} // ''),
        server => "listen unix:unused.sock;\n$server");
    my ($code, $said) = nginx_t($text, { %keys,
        'consumers.json' => $arg{file} // $file });

    return $code == 0 ? '' : "refused: $said" if $said !~
        m{\[emerg\]\ .*:\ "gateway_consumers"\ names\ consumers\ by\ "iss"\ and
          \ "sub",\ and\ "gateway_jwt_key_file"\ "DIR/(\S+)"\ is\ bound\ to\ no
          \ issuer\ and\ is\ not\ the\ only\ source\ of\ keys,\ add
          \ "issuer="\ to\ it,\ or\ one\ "gateway_jwt_issuer"\ to\ its\ block,\ in
          \ DIR/nginx.conf:(\d+)\n}x;

    my ($found, $line) = ($1, $2);
    my ($before) = $text =~ /\A(.*\n.*?)listen unix:unused/s;

    # nginx_t() writes two lines before the text
    return "$found " . ($line - 3 - (() = $before =~ /\n/g));
}

for ([ "location / { $on a.json; }", '', 'the only key file' ],
     [ "location / { $on a.json; }\nlocation /b { $on a.json issuer=x; }", '',
       'the only key file, written twice' ],
     [ "location / { $on a.json; }\nlocation /b {\n$on b.json issuer=x; }",
       'a.json 1', 'beside one that is bound' ],
     [ "location / { $on a.json issuer=x; }\nlocation /b { $on b.json; }",
       'b.json 2', 'the other one' ],
     [ "location / { $on a.json issuer=x; gateway_jwt_key_file b.json; }",
       'b.json 1', 'a mixture in one location' ],
     [ "location / { $on a.json; }\nlocation /b { $on b.json; }",
       'a.json 1', 'two that are not bound' ],
     [ "$on a.json;\nlocation / { }\nlocation /b { $on b.json issuer=x; }",
       'a.json 1', 'inherited' ],
     [ "location / { $on a.json issuer=x; }\n"
       . "location /b { $on b.json issuer=y; }", '', 'both are bound' ],
     [ "location / { $on a.json issuer=x; }\n"
       . "location /b { $on b.json; gateway_jwt_issuer y; }", '',
       'bound by gateway_jwt_issuer' ],
     [ "gateway_jwt_issuer y;\nlocation / { $on a.json; }\n"
       . "location /b { $on b.json; }", '', 'bound by an inherited one' ],
     [ "location / { $on a.json issuer=x; }\nlocation /b { "
       . 'gateway_jwt off; gateway_jwt_key_file b.json; }', '',
       'a location where it is off' ],
     [ "location / { $on a.json issuer=x; }\nlocation /b { $on b.json; "
       . 'gateway_jwt_verify off; }', '', 'one that verifies nothing' ],
     [ "$on a.json;\nlocation / { $on b.json issuer=x; }", '',
       'a server that is only the parent of its locations' ])
{
    my ($text, $expected, $name) = @$_;
    is(open_file($text), $expected, "names of any issuer: $name");
}

my @mixed = ("location / { $on a.json; }\nlocation /b { $on b.json; }");

is(open_file(@mixed, file => consumers(consumer('acme'))), '',
   'names of any issuer: consumers that no token names');
is(open_file("location / { $on a.json; }", http =>
             "server { listen unix:other.sock; $on b.json issuer=x; }"),
   'a.json 1', 'names of any issuer: the other file in another server');


# --- a file that gets such consumers later

$server = start_nginx(workers => 1, files => { %keys,
    'consumers.json' => consumers(consumer('acme')) },
    server => locations('/a' => "$on a.json issuer=$issuer;",
                        '/b' => "$on b.json;",
                        '/same' => "$on a.json;",
                        '/one' => "$on b.json; gateway_jwt_issuer $other;"),
    http => 'gateway_consumers zone=c:1m file=consumers.json watch=50ms;');

my %third = (iss => 'https://third.example', sub => 'service-acme');

asks('no such consumers: a subject of its own', '200 service-acme||||||jwt|',
     '/b', token => token(key => 'rs256', claims => { %third }));

write_file($server->dir . '/consumers.json', consumers(
    consumer('acme', plan => 'gold', jwt => [ { %service }, { %third },
             { iss => $other, sub => 'service-acme' } ])));
ok(wait_until(sub { $server->log =~ /has changed and was read/ }),
   'the file has such consumers now');

asks('a bound key names them', '200 acme||||gold||jwt|', '/a',
     claims => { %service });
asks('the same file, not bound here, names those of its issuer',
     '200 acme||||gold||jwt|', '/same', claims => { %service });
asks('and no others', '403 |||||||consumer_conflict consumer_conflict',
     '/same', claims => { %third });
asks('another key that is not bound names none',
     '403 |||||||consumer_conflict consumer_conflict', '/b',
     token => token(key => 'rs256', claims => { %third }));
asks('it verifies nothing of an issuer that is bound elsewhere',
     '401 |||||||issuer issuer', '/b',
     token => token(key => 'rs256', claims => { %service }));
asks('what is no consumer keeps an identity of its own',
     '200 alice||||||jwt|', '/b',
     token => token(key => 'rs256', claims => { %third, sub => 'alice' }));
asks('gateway_jwt_issuer binds it', '200 acme||||gold||jwt|', '/one',
     token => token(key => 'rs256',
                    claims => { iss => $other, sub => 'service-acme' }));
$server->stop;

done_testing();
