# SPDX-License-Identifier: BSD-2-Clause

# gateway_client_certificate: the consumer of a certificate, rejected
# certificates, and the variables, the body and the log.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Certificate;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

authority('a');
certificate('server', ca => 'a', san => 'DNS:localhost');

certificate('digest', ca => 'a');
certificate('uri', ca => 'a', san => 'URI:spiffe://example/acme');
certificate('dns', ca => 'a', san => 'DNS:acme.example');
certificate('email', ca => 'a', san => 'email:acme@example.org');
certificate('third', ca => 'a', san => 'DNS:no.example,IP:127.0.0.1,'
            . 'URI:https://no.example,URI:spiffe://example/third');
certificate('unknown', ca => 'a', san => 'DNS:acme.example.org');
certificate('bare', ca => 'a');

# names of the file with another type, in other case, longer and shorter
certificate('crossed', ca => 'a', san => 'DNS:spiffe,URI:dns:acme.example,'
            . 'URI:acme@example.org,email:acme@example.org.example,'
            . 'DNS:ACME.example,URI:spiffe://example/acm,'
            . 'URI:spiffe://example/acme/');
certificate('acme.example', ca => 'a');

certificate('both', ca => 'a', san => 'URI:spiffe://example/acme,'
            . 'DNS:acme.example');
certificate('two', ca => 'a', san => 'URI:spiffe://example/acme,'
            . 'DNS:other.example');
certificate('digest-and-san', ca => 'a', san => 'DNS:other.example');
certificate('off', ca => 'a');
certificate('off-and-on', ca => 'a',
            san => 'DNS:off.example,DNS:acme.example');

our $File = json({ consumers => [
    { id => 'acme', groups => [ 'partners', 'eu' ], plan => 'gold',
      metadata => { region => 'north' },
      certificates => [
          { sha256 => certificate_sha256('digest') },
          { sha256 => uc certificate_sha256('digest-and-san') },
          { sha256 => certificate_sha256('both') },
          { san => 'uri:spiffe://example/acme' },
          { san => 'dns:acme.example' },
          { san => 'email:acme@example.org' },
      ] },
    { id => 'other', certificates => [ { san => 'dns:other.example' } ] },
    { id => 'third', certificates => [
          { san => 'uri:spiffe://example/third' } ] },
    { id => 'closed', disabled => JSON::PP::true(), certificates => [
          { sha256 => certificate_sha256('off') },
          { san => 'dns:off.example' } ] },
] });

our $Http = <<'END';
    gateway_consumers zone=c:1m file=consumers.json watch=50ms;
    ssl_certificate server.crt;
    ssl_certificate_key server.key;
    ssl_client_certificate a.crt;
    add_header X-Who WHO always;
    add_header X-Credential "$gateway_credential" always;
    add_header X-Scopes "<$gateway_scopes>" always;
END

my $who = CORE::join '|', qw( $gateway_consumer $gateway_auth_method
                              $gateway_groups $gateway_plan
                              $gateway_consumer_region $gateway_auth_reason );
$Http =~ s/WHO/"$who"/;

my $port = free_port();
my $plain = free_port();
my $h2 = nginx_before(1, 25, 1) ? 'listen 127.0.0.1:PORT ssl http2;'
                                : "listen 127.0.0.1:PORT ssl;\nhttp2 on;";

my $server = start_nginx(
    port  => $port,
    files => { 'consumers.json' => $File, certificate_files() },
    conf  => http_conf(http => $Http, server => <<"END"),
        @{[ $h2 =~ s/PORT/$port/r ]}
        listen 127.0.0.1:$plain;
        ssl_verify_client optional;
        gateway_client_certificate on;
        location / { empty_gif; }
        location /off { gateway_client_certificate off; empty_gif; }
        location /limited {
            gateway_client_certificate off;
            limit_except POST { gateway_client_certificate on; }
            empty_gif;
        }
        location /redirect { try_files /none /off; }
        location /page { error_page 403 /off/page; empty_gif; }
        location /off/page { gateway_client_certificate off; empty_gif; }
        location /any { satisfy any; allow all; empty_gif; }
        location /plain { gateway_error_format off; empty_gif; }
END
);

sub line { my ($answer, $name) = @_;
           return $answer->{head} =~ /^$name: (.*)$/m ? $1 : undef }

sub who {
    my ($answer) = @_;

    return "$answer->{status} " . (line($answer, 'X-Who') // '');
}

my $acme = '200 acme|client_certificate|partners,eu|gold|north|';


# --- each kind of entry

for ([ digest => certificate_sha256('digest') ],
     [ uri => 'uri:spiffe://example/acme' ],
     [ dns => 'dns:acme.example' ],
     [ email => 'email:acme@example.org' ],
     [ both => certificate_sha256('both') ])
{
    my ($name, $credential) = @$_;
    my $answer = tls($server, cert => $name);

    is(who($answer), $acme, "$name: a consumer of the file");
    is(line($answer, 'X-Credential'), $credential, "$name: what matched");
    is(line($answer, 'X-Scopes'), '<>', "$name: no scopes");
}

my $answer = tls($server, cert => 'third');
is(who($answer), '200 third|client_certificate||||',
   'the fourth name of a certificate, of a consumer with nothing else');
is(line($answer, 'X-Credential'), 'uri:spiffe://example/third',
   'by that name');


# --- rejected requests, and similar ones that pass

for ([ 'unknown', 'unknown_certificate' ],
     [ 'bare', 'unknown_certificate' ],
     [ 'crossed', 'unknown_certificate' ],
     [ 'acme.example', 'unknown_certificate' ],
     [ undef, 'certificate_missing' ],
     [ 'two', 'consumer_conflict' ],
     [ 'digest-and-san', 'consumer_conflict' ],
     [ 'off', 'disabled' ],
     [ 'off-and-on', 'consumer_conflict' ])
{
    my ($name, $reason) = @$_;
    my $answer = tls($server, cert => $name);
    $name //= 'none';

    is(who($answer), "403 |||||$reason", "$name: $reason");
    is(line($answer, 'X-Credential'), undef, "$name: no credential");
    is(line($answer, 'WWW-Authenticate'), undef, "$name: no challenge");
    is(line($answer, 'Content-Type'), 'application/problem+json',
       "$name: a problem document");
    like($answer->{body}, qr/"status":403,.*"reason":"$reason"\}\n\z/,
         "$name: which names the reason");
}

is_deeply(
    [ $server->log =~ /^.*?(\[\w+\]) .*? (gateway\w*: .*?), client:/mg ],
    [ map { ('[info]', 'gateway_client_certificate: refused with 403, '
                       . qq{reason "$_->[1]", credential "$_->[0]"}) }
      [ certificate_sha256('unknown'), 'unknown_certificate' ],
      [ certificate_sha256('bare'), 'unknown_certificate' ],
      [ certificate_sha256('crossed'), 'unknown_certificate' ],
      [ certificate_sha256('acme.example'), 'unknown_certificate' ],
      [ '', 'certificate_missing' ],
      [ 'uri:spiffe://example/acme', 'consumer_conflict' ],
      [ certificate_sha256('digest-and-san'), 'consumer_conflict' ],
      [ certificate_sha256('off'), 'disabled' ],
      [ 'dns:off.example', 'consumer_conflict' ] ],
    'one line at info for a refusal, none for what passes');


# --- levels where it is on

is(who(tls($server, path => '/off')), '200 |||||',
   'off: the certificate is not checked');
is(who(tls($server, path => '/off', cert => 'dns')), '200 |||||',
   'off: and nothing is said');
is(who(tls($server, path => '/limited')), '403 |||||certificate_missing',
   'limit_except: on for other methods');
is(who(tls($server, path => '/redirect', cert => 'dns')), $acme,
   'the location after a redirect has it off: what was said stays');
is(who(tls($server, path => '/redirect')), '403 |||||certificate_missing',
   'and nobody gets as far');
is(who(tls($server, path => '/any')), '200 |||||',
   'satisfy any: another method grants, no reason is left');
is(who(tls($server, path => '/page')), '403 |||||certificate_missing',
   'the error page keeps the reason');
is(line(tls($server, path => '/page'), 'Content-Type'), 'image/gif',
   'and its own body');
is(line(tls($server, path => '/plain'), 'Content-Type'), 'text/html',
   'gateway_error_format off');

my ($status, undef, $body) = Test::Gateway::Server::http_get($plain, '/');
is($status, 403, 'without TLS: 403');
like($body, qr/"reason":"certificate_missing"/, 'without TLS: the reason');


# --- connections

$answer = tls($server, cert => 'dns', path => [ '/', '/off', '/', '/' ]);
is_deeply([ map { who($_) } @{ $answer->{answers} } ],
          [ $acme, '200 |||||', $acme, $acme ],
          'keep-alive: each request is checked');

for my $name ('dns', 'two', undef) {
    my @cert = $name ? ('--cert', certificate_file($name),
                        '--key', certificate_key($name)) : ();
    my $said = Test::Gateway::Certificate::run(
        [ qw( curl -sk --http2 -o /dev/null -D - ), @cert,
          "https://127.0.0.1:$port/" ], '');
    my ($version, $status) = $said =~ m{\AHTTP/(\S+) (\d+)};

    is("$version $status", $name && $name eq 'dns' ? '2 200' : '2 403',
       'HTTP/2: ' . ($name // 'no certificate'));
}


# --- a changed file

write_file($server->dir . '/consumers.json', json({ consumers => [
    { id => 'new', certificates => [ { san => 'dns:acme.example' } ] } ] }));
ok(wait_until(sub { $server->log =~ /has changed and was read/ }),
   'a file that was changed is read');
is(who(tls($server, cert => 'dns')), '200 new|client_certificate||||',
   'and applies to the next connection');
is(who(tls($server, cert => 'digest')), '403 |||||unknown_certificate',
   'what has gone from it is unknown');

write_file($server->dir . '/consumers.json', json({ consumers => [] }));
ok(wait_until(sub { who(tls($server, cert => 'dns')) =~ /^403/ }),
   'a file without consumers: no certificate is known');

$server->stop('the log contains no alert');
done_testing;
