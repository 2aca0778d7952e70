# SPDX-License-Identifier: BSD-2-Clause

# Introspection: the errors and warnings of nginx -t, each beside a
# configuration that passes.  nginx -t does not ask the endpoint.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Certificate;
use Test::Gateway::Endpoint;
use Test::Gateway::Said;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

my $as = endpoint();
my $ask = $as->location('/ask') =~ s/\n/ /gr;
$Test::Gateway::Said::Files = { 'keys.json' => jwks('a'),
                                secret => "client:s3cret\n",
                                crlf => "client:s3cret\r\n",
                                empty => '', line => "\n",
                                word => "s3cret\n", id => ":s3cret\n",
                                lines => "client:s3cret\n# more\n",
                                control => "client:s3cr\tet\n",
                                consumers => <<'END' };
{"consumers":[{"id":"a","credentials":[{"type":"jwt","issuer":"https://a",
 "subject":"a"}]}]}
END

sub conf { http_conf(@_) }

# a location with these lines, beside that of the endpoint
sub jwt {
    my ($lines, $server) = @_;
    $server //= '';
    return conf(server => "$ask $server\nlocation /api { gateway_jwt realm;\n"
                          . "$lines\n}\n");
}


# --- what is valid

accepted(jwt($_), $_) for
    'gateway_jwt_introspect /ask;',
    'gateway_jwt_introspect /ask issuer=https://a;',
    'gateway_jwt_introspect /ask cache=0;',
    'gateway_jwt_introspect /ask cache=1h when=opaque secret_file=secret;',
    'gateway_jwt_introspect /ask secret_file=crlf;',
    'gateway_jwt_introspect /ask; gateway_jwt_key_file keys.json;',
    'gateway_jwt_introspect /ask when=always; gateway_jwt_key_file keys.json;',
    'gateway_jwt_introspect /ask; gateway_jwt_algorithms HS256;';
accepted(conf(http => 'gateway_jwt realm; gateway_jwt_introspect /ask;',
              server => "$ask location / { }"), 'all of it at the http level');
accepted(conf(server => "$ask location / { gateway_jwt realm;"
                        . ' limit_except GET { gateway_jwt_introspect /ask; }'
                        . ' gateway_jwt_key_file keys.json; }'),
         'limit_except');
accepted(conf(server => "$ask gateway_jwt_introspect /ask;"
                        . ' location / { gateway_jwt realm; }'
                        . ' location /open { gateway_jwt off; }'),
         'a location that is open');


# --- the URI

refused(jwt(qq(gateway_jwt_introspect "";  #!)),
        'empty URI in "gateway_jwt_introspect"', 'an empty URI');
refused(jwt("gateway_jwt_introspect ask;  #!"),
        'invalid URI "ask" in "gateway_jwt_introspect", it must begin with "/"',
        'a URI without /');
refused(jwt('gateway_jwt_introspect https://a/ask;  #!'),
        'invalid URI "https://a/ask" in "gateway_jwt_introspect", it is a URL: '
        . 'write a location that passes to it, and the location\'s URI',
        'a URL');
refused(jwt('gateway_jwt_introspect /ask/$host;  #!'),
        'variables are not supported in the URI "/ask/$host", write one '
        . '"gateway_jwt_introspect" for each URI, with "issuer=" where keys '
        . 'belong to an issuer', 'a URI with variables');
refused(jwt("gateway_jwt_introspect /none;  #!"),
        'no location for "gateway_jwt_introspect" "/none" in its server,',
        'no location');
warned(jwt("gateway_jwt_introspect /open;  #!",
           'location = /open { empty_gif; }'),
       'location "/open" of "gateway_jwt_introspect" "/open" is not '
       . '"internal", clients can request it,',
       'a location that is not internal');


# --- whether the endpoint is verified, before it receives tokens

sub passes {
    my ($pass, $more) = @_;
    return jwt("gateway_jwt_introspect /as;  #!",
               'location = /as { internal; proxy_pass ' . "$pass; } $more");
}

warned(passes($_, ''),
       'location "/as" of "gateway_jwt_introspect" "/as" sends tokens to a '
       . 'server that is not verified, write "proxy_ssl_verify on",', $_)
    for 'https://192.0.2.1', 'https://192.0.2.1/ask', 'https://192.0.2.1:8443',
        'http://192.0.2.1';
accepted(passes($_, ''), $_)
    for 'http://127.0.0.1', 'https://127.0.0.1', 'https://localhost',
        'https://[::1]', 'http://unix:/tmp/as.sock';
accepted(passes('https://192.0.2.1', $_), $_)
    for 'gateway_jwt_key_fetch insecure;',
        'proxy_ssl_verify on; proxy_ssl_trusted_certificate '
        . certificate_file(authority('ca')) . ';';


# --- parameters

refused(jwt("gateway_jwt_introspect /ask pem;  #!"),
        'invalid parameter "pem" in "gateway_jwt_introspect", allowed are '
        . '"issuer=", "cache=", "when=", "secret_file="', 'unknown');
refused(jwt("gateway_jwt_introspect /ask when=never;  #!"),
        'invalid value "never" in "when=", allowed are "opaque", "always"',
        'when=');
refused(jwt("gateway_jwt_introspect /ask cache=x;  #!"),
        'invalid value "x" in parameter "cache=", it must be a time such as '
        . '10s, 5m or 1d', 'cache=');
refused(jwt("gateway_jwt_introspect /ask issuer=;  #!"),
        'parameter "issuer=" must have a value', 'issuer= without a value');
refused(jwt('gateway_jwt_introspect /ask when=always;') =~ s/realm;/realm; #!/r,
        '"gateway_jwt_introspect" with "when=always" needs '
        . '"gateway_jwt_key_file" or "gateway_jwt_key_request", for the block',
        'when=always without keys');
refused(jwt("gateway_jwt_introspect /ask;\n" x 32
            . 'gateway_jwt_introspect /ask;  #!'),
        'too many "gateway_jwt_introspect" directives, allowed are 32', '33');
accepted(jwt("gateway_jwt_introspect /ask;\n" x 32), '32');


my @off = (http => 'gateway_jwt_token_cache off;', server => "$ask location "
           . "/api { gateway_jwt realm; gateway_jwt_introspect /ask");
warned(conf(@off[0 .. 2], $off[3] . ";  #!\n}"),
       'with "gateway_jwt_token_cache off", "cache=" of '
       . '"gateway_jwt_introspect" has no effect on active tokens,',
       'cache= without a table');
accepted(conf(@off[0 .. 2], $off[3] . ' cache=0; }'),
         'cache=0 without a table');


# --- secrets

for my $case ([ empty => 'has no ":" between id and secret' ],
              [ line => 'has no ":" between id and secret' ],
              [ word => 'has no ":" between id and secret' ],
              [ id => 'has no ":" between id and secret' ],
              [ lines => 'has more than one line, or a control character' ],
              [ control => 'has more than one line, or a control character' ])
{
    my ($file, $why) = @$case;
    refused(jwt("gateway_jwt_introspect /ask secret_file=$file;  #!"),
            qq(gateway_jwt_introspect "DIR/$file": $why), $file);
}
refused(jwt("gateway_jwt_introspect /ask secret_file=none;  #!"),
        'gateway_jwt_introspect "DIR/none": open() failed (2: No such file or '
        . 'directory)', 'a file that does not exist');

my $dir = Test::Gateway::Server::folder(
              jwt('gateway_jwt_introspect /ask secret_file=secret;'),
              $Test::Gateway::Said::Files);
my ($code, $dump) = Test::Gateway::Server::command(
                        Test::Gateway::Server::binary(), '-T', '-p', "$dir/",
                        '-e', 'stderr', '-c', "$dir/nginx.conf");
like($dump, qr/secret_file=secret/, 'a dump of the configuration');
unlike($dump, qr/s3cret/, 'does not contain the secret');


# --- without effect, and issuers

refused(conf(server => "$ask location / { gateway_jwt_introspect /ask;"
                       . "  #!\n }"),
        '"gateway_jwt_introspect" has no effect, "gateway_jwt" is on neither '
        . 'in its block nor in an inner one, add "gateway_jwt realm" to protect '
        . 'the block, or "gateway_jwt off" to leave it open',
        'where the method is off');
refused(jwt("gateway_jwt_introspect /ask;  #!\ngateway_jwt_issuer a b;"),
        '"gateway_jwt_issuer" has several values and "gateway_jwt_introspect" '
        . '"/ask" is bound to none, add "issuer=" to it', 'several issuers');
accepted(jwt("gateway_jwt_introspect /ask issuer=a;\ngateway_jwt_issuer a b;"),
         'several issuers, and one bound');
warned(jwt("gateway_jwt_introspect /ask issuer=a;  #!\ngateway_jwt_issuer b;"),
       '"gateway_jwt_issuer" does not accept "issuer=a" of '
       . '"gateway_jwt_introspect", its keys are never used',
       'an issuer that is not accepted');

is($as->total, 0, 'no request was sent to the endpoint');

done_testing;
