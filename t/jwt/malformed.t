# SPDX-License-Identifier: BSD-2-Clause

# The log line of a malformed token: the member or rule that is wrong, without
# its value, and the kid if the header has one.

use v5.28;
use warnings;
use lib 't/lib';
use Test::More;
use Test::Gateway;

my $server = start_nginx(
    files  => { 'jwks.json' => jwks('es256') },
    server => 'gateway_jwt_key_file jwks.json; root html;' . <<'CONF');

location = /bound {
    gateway_jwt r;
    gateway_jwt_key_file jwks.json issuer=https://a;
}
location = /consumer { gateway_jwt r; gateway_jwt_consumer name; }
location = /argument { gateway_jwt r token=$arg_t; }
location = /small { gateway_jwt r; gateway_jwt_max_size 10; }
location / { gateway_jwt r; }
CONF

# the end of the line about the request, after the reason
sub said {
    my ($token, $uri, $header) = @_;

    my $before = length $server->log;
    $server->get($uri // '/', headers =>
                 [ $header // "Authorization: Bearer $token" ]);
    my @lines = (substr $server->log, $before)
                =~ /refused with 401, (reason .*), client: 127/g;
    return "@lines";
}

sub members { join ',', map { qq("$_":1) } 1 .. $_[0] }

my $exp = '"exp":' . (time + 3600);
my $kid = 'kid "es256"';

# nothing is added to a token that is well-formed

is(said(token(claims => { exp => 1 })), qq(reason "expired", $kid),
   'an expired token');

for ([ qq({"exp":"tomorrow"}), 'exp is a string' ],
     [ qq({$exp,"nbf":null}), 'nbf is null' ],
     [ qq({$exp,"iat":[1]}), 'iat is an array' ],
     [ qq({$exp,"sub":"secret-a","sub":"secret-b"}),
       'the payload has a duplicate member "sub"' ],
     [ qq({$exp,"a":{"b":1,"b":2}}), 'the payload has a duplicate member "b"' ],
     [ qq({$exp,"\\r\\n[error] x":1,"\\r\\n[error] x":1}),
       'the payload has a duplicate member "\x0d\x0a[error] x"' ],
     [ qq({$exp,"\e[31m":1}), 'the payload has a malformed string' ],
     [ qq({$exp,"@{[ 'n' x 200 ]}":1,"@{[ 'n' x 200 ]}":1}),
       'the payload has a duplicate member "' . 'n' x 32 . '..."' ],
     [ "{$exp," . members(256) . '}',
       'the payload has an object of more than 256 members' ],
     [ "{$exp,\"a\":[" . join(',', (1) x 2048) . ']}',
       'the payload has more than 2048 values' ],
     [ "{$exp,\"a\":" . '[' x 16 . ']' x 16 . '}',
       'the payload is nested deeper than 16 levels' ],
     [ "{$exp,\"a\":1e400}",
       'the payload has a number that is malformed or out of range' ],
     [ "{$exp} {}", 'the payload has bytes after its end' ],
     [ "[$exp]", 'the payload is not a JSON object' ],
     [ "{$exp,}", 'the payload is not well-formed JSON, a comma must not '
       . 'precede a closing bracket' ])
{
    my ($payload, $why) = @$_;
    is(said(token(payload => $payload)),
       qq(reason "malformed_payload", $kid, $why), $why);
}

is(said(token(payload => "{$exp,\"exp\":1}"), '/bound'),
   qq(reason "malformed_payload", $kid, the payload has a duplicate member )
   . '"exp"', 'a payload that is read for its issuer first');
is(said(token(claims => { name => "a\nb" }), '/consumer'),
   qq(reason "malformed_payload", $kid, the consumer has a control character),
   'a consumer with a line feed');
is(said(token(claims => { name => 'a ' }), '/consumer'),
   qq(reason "malformed_payload", $kid, the consumer begins or ends with a )
   . 'blank', 'a consumer with a blank at its end');

for ([ '{"alg":"ES256","kid":"es256","crit":["secret"]}',
       "$kid, the header has crit, which is not supported" ],
     [ '{"alg":"ES256","kid":"es256","b64":false}',
       "$kid, the header has b64, which is not supported" ],
     [ '{"alg":"ES256","kid":"es256","typ":7}', "$kid, typ is a number" ],
     [ '{"alg":"ES256","kid":7}', 'kid "", kid is a number' ],
     [ '{"kid":"es256"}', "$kid, the header has no alg" ],
     [ '{"alg":["ES256"],"kid":"es256"}', "$kid, alg is an array" ],
     [ '{"alg":"ES256","alg":"ES256"}',
       'kid "", the header has a duplicate member "alg"' ],
     [ '{"alg":"ES256","kid":"a\nb","crit":[]}',
       'kid "(unprintable)", the header has crit, which is not supported' ])
{
    my ($header, $why) = @$_;
    is(said(token(header => $header)), qq(reason "malformed_header", $why),
       $why);
}

is(said('a.b.c.d.e'), 'reason "malformed_header", kid "", encrypted token (5 '
   . 'parts), a signed token has 3', 'an encrypted token');
is(said('a'), 'reason "malformed_header", kid "", 1 part, a token has 3',
   'a word');
is(said(undef, '/', "Authorization: Bearer\t" . token()),
   'reason "malformed_header", kid "", Authorization is not "Bearer", a space '
   . 'and a token', 'Bearer and a tab');
is(said(undef, '/argument?%74=' . token(), 'X: y'),
   'reason "malformed_header", kid "", the name before the token is misspelled',
   'an argument in another spelling');

# the header has a kid, and something else is wrong

my ($head, $claims, $signature) = split /\./, token();

is(said("$head.$claims=.$signature"),
   qq(reason "malformed_payload", $kid, the payload is not base64url),
   'a payload that is padded');
is(said("$head.$claims."),
   qq(reason "malformed_signature", $kid, the signature is empty),
   'no signature');
is(said("$head.$claims.$signature="),
   qq(reason "malformed_signature", $kid, the signature is not base64url),
   'a signature that is padded');
is(said("$head.$claims.AAAA"),
   qq(reason "malformed_signature", $kid, the signature has 3 bytes, ES256 )
   . 'needs 64', 'a signature that is too short');
is(said("$head.$claims." . 'A' x 87),
   qq(reason "malformed_signature", $kid, the signature has 65 bytes, ES256 )
   . 'needs 64', 'a signature of a byte more');
is(said("$head.$claims." . 'A' x 86), qq(reason "bad_signature", $kid),
   'a signature of the right length');
is(said(token(header => '{"alg":"none","kid":"es256"}')),
   qq(reason "algorithm_not_allowed", $kid), 'alg none');
is(said(token(), '/small'), 'reason "too_large", kid ""',
   'a token that is not looked at');

# an earlier token, good or bad, leaves nothing in the line of a later one

is(said(token(claims => { exp => 1 })), qq(reason "expired", $kid),
   'an expired token after them');

my $log = $server->log;
unlike($log, qr/secret/, 'no value is logged');
unlike($log, qr/[^\x20-\x7e\n]/, 'no byte of a client spoils the log');

$server->stop;
done_testing();
