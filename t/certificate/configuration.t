# SPDX-License-Identifier: BSD-2-Clause

# gateway_client_certificate: errors and warnings of nginx -t, whole lines with
# their places.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::Certificate;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

authority('a');
certificate('server', ca => 'a', san => 'DNS:localhost');

our %files = (certificate_files(), 'consumers.json' => '{"consumers":[]}');

our $Consumers = 'gateway_consumers zone=c:1m file=consumers.json;';
our $Tls = <<'END';
    ssl_certificate server.crt;
    ssl_certificate_key server.key;
    ssl_client_certificate a.crt;
END
our $Verify = "listen 127.0.0.1:8443 ssl; $Tls ssl_verify_client optional;";
our $On = 'gateway_client_certificate on;';

# the messages of nginx -t, with levels; LINE stands for the line with "#!"

sub said {
    my (%part) = @_;

    my $conf = http_conf(http => $Consumers, %part);
    my ($code, $output) = nginx_t($conf, \%files);
    my @lines = map { /(\[\w+\]) \d+#\d+: (.*)/ ? "$1 $2" : () }
                split /\n/, $output;

    # the file that nginx reads has two lines before the configuration
    my $n = 2;
    my %mark = map { $n++; /#(!+)/ ? ($n => $1) : () } split /\n/, $conf;
    s/nginx\.conf:(\d+)/"nginx.conf:" . ($mark{$1} ? "LINE$mark{$1}" : $1)/e
        for @lines;
    return [ $code, @lines ];
}

sub warning {
    my ($mark) = @_;
    return '[warn] "gateway_client_certificate" rejects every request: '
           . '"ssl_verify_client" is off in this server, or it has no '
           . '"ssl_certificate", for the block in DIR/nginx.conf:LINE'
           . ($mark // '!');
}


# --- accepted

is_deeply(said(server => "$Verify $On"), [ 0 ], 'on in a server');
is_deeply(said(server => "$Verify location / { $On }"), [ 0 ],
          'on in a location');
is_deeply(said(server => "$Verify location / { limit_except GET { $On } }"),
          [ 0 ], 'on in limit_except');
is_deeply(said(http => "$On $Consumers", server => $Verify), [ 0 ],
          'on in http, before the consumers');
is_deeply(said(server => 'location / { gateway_client_certificate off; }',
               http => ''),
          [ 0 ], 'off needs nothing');
is_deeply(said(server => "$Verify location / { if (\$arg_a) { } $On }"), [ 0 ],
          'an "if" beside it');


# --- refused

my $flag = '"gateway_client_certificate" directive, it must be "on" or "off" '
           . 'in DIR/nginx.conf:LINE!';

is_deeply(said(server => "$Verify\ngateway_client_certificate yes; #!\n"),
          [ 1, qq([emerg] invalid value "yes" in $flag) ], 'another value');
is_deeply(said(server => "$Verify\n$On\n$On #!\n"),
          [ 1, '[emerg] "gateway_client_certificate" directive is duplicate '
               . 'in DIR/nginx.conf:LINE!' ], 'twice');
is_deeply(said(server => "$Verify\ngateway_client_certificate; #!\n"),
          [ 1, '[emerg] invalid number of arguments in '
               . '"gateway_client_certificate" directive in '
               . 'DIR/nginx.conf:LINE!' ], 'no value');
is_deeply(said(http => '', server => "$Verify\nlocation / {\n$On #!\n}\n"
                                     . "location /b { $On }"),
          [ 1, '[emerg] "gateway_client_certificate" requires '
               . '"gateway_consumers" at the http level in '
               . 'DIR/nginx.conf:LINE!' ], 'without consumers');


# --- a server that verifies nothing

is_deeply(said(server => "listen 127.0.0.1:8080;\nlocation /a { #!\n$On }"
                         . "location /b { $On }"),
          [ 0, warning() ], 'http: one warning, of the first block');
is_deeply(said(server => "listen 127.0.0.1:8443 ssl; $Tls\n"
                         . "location /a { #!\n$On }"),
          [ 0, warning() ], 'TLS without ssl_verify_client');
is_deeply(said(server => "listen 127.0.0.1:8443 ssl; $Tls ssl_verify_client "
                         . "off;\nlocation /a { #!\n$On }"),
          [ 0, warning() ], 'ssl_verify_client off');
is_deeply(said(server => "listen 127.0.0.1:8080; ssl_verify_client on; "
                         . "ssl_client_certificate a.crt;\n"
                         . "location /a { #!\n$On }"),
          [ 0, warning() ], 'ssl_verify_client without a certificate');
is_deeply(said(http => "$Consumers $On server { #!\n listen 127.0.0.1:8080; "
                       . "location /a { } }\n"
                       . "server {\n listen 127.0.0.1:8081;\n"
                       . "location / { #!!\n }\n }\n",
               server => $Verify),
          [ 0, warning(), warning('!!') ],
          'a warning for each server; a parent of its locations is none');
is_deeply(said(http => "$Consumers $On server { listen 127.0.0.1:8080;\n"
                       . 'gateway_client_certificate off; }',
               server => $Verify),
          [ 0 ], 'none where it is off');


# --- return

is_deeply(said(server => "$Verify\nlocation / { #!\n$On return 204; }\n"
                         . 'location /b { return 204; }'),
          [ 0, '[warn] "return" answers before "gateway_client_certificate" '
               . 'is checked, its response is not protected, in the block '
               . 'in DIR/nginx.conf:LINE!' ], 'a return beside it');
is_deeply(said(server => "$Verify $On location /b { return 204; }"),
          [ 0 ], 'not where it is inherited, without a text');
is_deeply(said(server => "$Verify $On\nlocation /b { return 200; }  #!\n"),
          [ 0, '[warn] "return" answers without authentication, add '
               . '"gateway_client_certificate off" if this is intended '
               . 'in DIR/nginx.conf:LINE!' ], 'a return where it is inherited');
is_deeply(said(server => "$Verify $On\nlocation /b {"
                         . ' gateway_client_certificate off; return 200; }'),
          [ 0 ], 'and where it is off');

done_testing;
