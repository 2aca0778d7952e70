# SPDX-License-Identifier: BSD-2-Clause

# Which responses nginx takes keys from: those that came from this machine, over
# verified TLS, or from nginx itself.  A preloaded library sends connections to
# 192.0.2.1, an address of another machine, to 127.0.0.1.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use IO::Socket::IP;
use Test::Gateway::Certificate;
use Test::Gateway::Issuer;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;
use Time::HiRes qw( sleep );

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0755, "$dir";

library("$dir/far.so", <<'END')
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>

int
connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    int                 (*next)(int, const struct sockaddr *, socklen_t);
    struct sockaddr_in  in;

    *(void **) &next = dlsym(RTLD_NEXT, "connect");

    if (addr->sa_family == AF_INET) {
        memcpy(&in, addr, sizeof(in));

        if (in.sin_addr.s_addr == inet_addr("192.0.2.1")) {
            in.sin_addr.s_addr = inet_addr("127.0.0.1");
            return next(fd, (struct sockaddr *) &in, sizeof(in));
        }
    }

    return next(fd, addr, len);
}
END
    or plan skip_all => 'nginx does not start with a library';

authority($_) for qw( ca other );
certificate('good', ca => 'ca', san => 'DNS:id.example');
certificate('expired', ca => 'ca', san => 'DNS:id.example',
            from => '20200101000000Z', to => '20200201000000Z');

my $issuer = issuer('a');
my $token = token(key => 'a', claims => { sub => 'alice' });
my ($tls, $expired, $local) = map { free_port() } 1 .. 3;
my $ipv6 = IO::Socket::IP->new(Listen => 1, LocalHost => "::1");

my $near = 'http://127.0.0.1:' . $issuer->port;
my $far = 'http://192.0.2.1:' . $issuer->port;
my $untrusted = 'the response did not come over verified TLS, write '
                . '"proxy_ssl_verify on" in the location, or "insecure"';
my $chosen = 'the response was chosen by another one, by X-Accel-Redirect or '
             . 'error_page, write its own address in the location, or '
             . '"insecure"';
my $stored = 'the response is from a cache, which does not know its server, '
             . 'write "proxy_cache off" in the location, or "insecure"';

sub verify {
    my ($ca, $name) = @_;

    # OpenSSL keeps the result of a verification in the session
    return 'proxy_ssl_verify on; proxy_ssl_session_reuse off; '
           . "proxy_ssl_trusted_certificate $ca.crt; "
           . 'proxy_ssl_name ' . ($name // 'id.example') . ';';
}


# the cases: a location for the keys, the status for a valid token, and, for
# 503, the reason in the log

my @cases = (
    [ 'loopback', { to => $near }, 200 ],
    [ '127/8', { to => "http://127.8.9.10:$local" }, 200 ],
    [ 'a UNIX-domain socket', { to => 'http://unix:DIR/issuer.sock:' }, 200 ],
    $ipv6 ? [ '[::1]', { to => "http://[::1]:$local" }, 200 ] : (),
    [ 'another machine', { to => $far }, 503, $untrusted ],

    [ 'TLS on loopback, not verified', { to => "https://127.0.0.1:$tls" },
      200 ],
    [ 'TLS, not verified', { to => "https://192.0.2.1:$tls" }, 503,
      $untrusted ],
    [ 'TLS, verified', { to => "https://192.0.2.1:$tls",
                         more => verify('ca') }, 200 ],
    [ 'an unknown CA', { to => "https://192.0.2.1:$tls",
                         more => verify('other') }, 503,
      qr/upstream SSL certificate verify error: \(\d+:[^)]+\)/ ],
    [ 'a wrong name', { to => "https://192.0.2.1:$tls",
                        more => verify('ca', 'id2.example') }, 503,
      'upstream SSL certificate does not match "id2.example"' ],
    [ 'an expired certificate', { to => "https://192.0.2.1:$expired",
                                  more => verify('ca') }, 503,
      'upstream SSL certificate verify error: (10:certificate has expired)' ],

    [ 'a response of nginx', 'alias keys/set.json;', 200 ],
    [ 'a response of "return"', "return 200 '" . jwks('a') . "';", 200 ],
    [ 'an error page for a server that is down',
      'error_page 502 =200 /page; proxy_pass http://192.0.2.1:'
      . free_port() . ';', 200 ],
    [ 'an error page for a response',
      "error_page 404 =200 /page; proxy_intercept_errors on; "
      . "proxy_pass $far/none;", 503, $chosen ],
    [ 'another server after an error page',
      "error_page 404 = /near; proxy_intercept_errors on; "
      . "proxy_pass $far/none;", 503, $chosen ],
    [ 'X-Accel-Redirect to a file', "proxy_pass $far/to-page;", 503,
      $chosen ],
    [ 'X-Accel-Redirect to a file, from this machine',
      "proxy_pass $near/to-page;", 503, $chosen ],
    [ 'X-Accel-Redirect to another server', "proxy_pass $far/to-near;", 503,
      $chosen ],
);

sub keys_location {
    my ($i) = @_;

    my $how = $cases[$i][1];
    return ref $how ? $issuer->location("/keys$i", %$how)
                    : "location = /keys$i { internal; $how }\n";
}

my $locations = join '', map { keys_location($_) . <<"END" } 0 .. $#cases;
    location = /api$_ { gateway_jwt api; gateway_jwt_key_request /keys$_;
                        empty_gif; }
END

my $origin = $issuer->{origin};
$origin->answer('/none', status => 404, body => 'none');
$origin->answer('/to-page', head => [ 'X-Accel-Redirect: /page' ], body => '');
$origin->answer('/to-near', head => [ 'X-Accel-Redirect: /near' ], body => '');

my %files = (certificate_files(), 'keys/set.json' => jwks('a'));

sub conf {
    my (%arg) = @_;

    return http_conf(workers => 1, port => $arg{port}, http => <<"END",
    @{[ $issuer->front("127.0.0.1:$tls ssl", 'good') ]}
    @{[ $issuer->front("127.0.0.1:$expired ssl", 'expired') ]}
    @{[ $issuer->front("127.8.9.10:$local") ]}
    @{[ $ipv6 ? $issuer->front("[::1]:$local") : '' ]}
    @{[ $issuer->front("unix:$dir/issuer.sock") ]}
    @{[ $arg{http} // '' ]}
END
        server => "$Reason\n" . $arg{server}) =~ s/DIR/$dir/gr;
}

sub start {
    my (%arg) = @_;

    local $ENV{LD_PRELOAD} = "$dir/far.so";
    return start_nginx(conf => conf(%arg), port => $arg{port}, files => { %files });
}

my $common = <<"END";
    location = /page { internal; alias keys/set.json; }
    location = /near { internal; proxy_pass $near/jwks; }
END

my $port = free_port();
my $server = start(port => $port, server => "$common $locations");

for my $i (0 .. $#cases) {
    my ($name, undef, $status, $why) = @{ $cases[$i] };

    is(reason($server, "/api$i", $token),
       $status == 200 ? '200' : '503 keys_unavailable', $name);
    my ($line) = grep { /\[error\] .*gateway_jwt_key_request "\/keys$i": / }
                 split /\n/, $server->log;
    defined $why ? like($line // '', ref $why ? $why : qr/\Q$why\E/,
                        "$name: the reason")
                 : is($line, undef, "$name: no failure");
}
$server->stop('cases');


# --- insecure

$server = start(port => $port, server =>
                "gateway_jwt_key_fetch insecure; $common $locations");

my @accepted = map { $_->[2] == 200
                     || ($_->[3] // '') =~ /, or "insecure"$/ ? 1 : 0 } @cases;
for my $i (0 .. $#cases) {
    is(reason($server, "/api$i", $token),
       $accepted[$i] ? '200' : '503 keys_unavailable',
       "$cases[$i][0], insecure");
}
$server->stop('insecure');


# --- a connection that another location has opened

sub kept {
    my ($certificates, $more, $both) = @_;

    $both //= 'proxy_ssl_session_reuse off;';
    my $server = start(port => $port, http => <<"END", server => <<"END2");
    upstream kept { server 192.0.2.1:$tls; keepalive 4; }
END
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    gateway_jwt_key_fetch interval=1s min=1s;
    $both
    location = /keys { internal; $certificates proxy_pass https://kept/jwks; }
    location = /open { $more proxy_pass https://kept/opened; }
    location = /api { gateway_jwt api; gateway_jwt_key_request /keys;
                      empty_gif; }
END2

    my $before = status($server, '/api', $token);
    my $opened = status($server, '/open');
    sleep 2.5;      # the next fetch uses the connection
    my $after = status($server, '/api', $token);
    $server->stop('a connection that is kept');
    return "$before $opened $after";
}

is(kept(verify('ca'), verify('ca')), '200 200 200', 'verified by both');
is(kept('', ''), '503 200 503', 'verified by none');
is(kept(verify('other'), ''), '503 200 503',
   'verified by the location of the keys only, which has another CA');
is(kept(verify('other'), verify('ca')), '503 200 503',
   'verified by another CA than that of the location of the keys');
is(kept('proxy_ssl_name id2.example;', 'proxy_ssl_name id.example;',
        verify('ca') =~ s/proxy_ssl_name.*//r), '503 200 503',
   'verified with another name than that of the location of the keys');
is(kept('proxy_ssl_name id.example:443;', '', verify('ca')), '200 200 200',
   'verified with the same name, which has a port');


# --- proxy_cache: a response that another location has stored

my $insecure = '';

sub cached {
    my ($keys, $fill, @first) = @_;

    # the reason of a second failure within a minute is at level debug only
    local $ENV{TEST_NGINX_LOG_LEVEL} = 'debug';
    my $server = start(port => $port, http => <<"END", server => <<"END2");
    proxy_cache_path cached keys_zone=c:1m;
END
    proxy_cache c;
    proxy_cache_key k;
    proxy_cache_valid 1h;
    location = /fill { $fill }
    location = /keys { internal; $keys }
    location / {
        proxy_cache off;
        gateway_jwt api;
        gateway_jwt_key_request /keys;
        empty_gif;
    }
    gateway_jwt_key_fetch interval=1s min=1s $insecure;
END2

    my $first = status($server, '/', $token);
    status($server, $_) for @first;
    my $filled = status($server, '/fill');
    sleep 2.5;      # the next fetch is a hit
    my $second = status($server, '/', $token);
    my $failed = $server->log =~ /\Q$stored\E/ ? ', not trusted'
                 : $server->log =~ /\Q$chosen\E/ ? ', chosen by another' : '';
    $server->stop('proxy_cache');
    return "$first $filled $second$failed";
}

my $down = "192.0.2.1:@{[ free_port() ]}";
my $verified = verify('ca');

SKIP: {
    skip 'this nginx writes no debug log', 4
        if `${\ Test::Gateway::Server::binary()} -V 2>&1` !~ /--with-debug/;

    is(cached("proxy_pass http://$down/;", "proxy_pass $far/jwks;"),
       '503 200 503, not trusted', 'a response to plain HTTP');
    is(cached("proxy_pass https://$down/;", "proxy_pass $far/jwks;"),
       '503 200 503, not trusted', 'a location without verification');

    $origin->answer('/broken', status => 500, body => '');
    is(cached("proxy_cache_use_stale http_500; proxy_pass $near/broken;",
              "proxy_cache_valid 200 1s; proxy_pass $far/jwks;"),
       '503 200 503, not trusted',
       'a stale response, when a server of this machine has failed');

    $origin->answer('/to-second', head => [ 'X-Accel-Redirect: /second' ],
                    body => '');
    is(cached("proxy_pass http://$down/; } location = /second { "
              . "proxy_cache_key k2; $verified "
              . "proxy_pass https://192.0.2.1:$tls/jwks;",
              'proxy_ignore_headers X-Accel-Redirect; '
              . "proxy_pass $far/to-second;", '/second'),
       '503 200 503, chosen by another',
       'a cached X-Accel-Redirect to a cached response');
}
is(cached("$verified proxy_pass https://192.0.2.1:$tls/jwks;", 'return 200;'),
   '200 200 200', 'its own response, verified TLS');
is(cached("proxy_pass $near/jwks;", 'return 200;'),
   '200 200 200, not trusted',
   'its own response from this machine, whose origin is not known any longer');

# nginx itself releases the request once too often then

$insecure = 'insecure';
$origin->answer('/to-second', head => [ 'X-Accel-Redirect: /second' ],
                body => '');
is(cached("proxy_pass http://$down/; } location = /second { "
          . "proxy_cache_key k2; proxy_pass $far/jwks;",
          'proxy_ignore_headers X-Accel-Redirect; '
          . "proxy_pass $far/to-second;", '/second'),
   '503 200 200', 'a cached X-Accel-Redirect to a cached response, "insecure"');



# --- a reload that removes "insecure": keys of before are trusted no longer

sub fetch {
    my ($insecure) = @_;

    return (port => $port, server => <<"END");
    gateway_jwt_key_fetch interval=1h $insecure;
    @{[ $issuer->location('/keys', to => $far) ]}
    location = /api { gateway_jwt api; gateway_jwt_key_request /keys;
                      empty_gif; }
END
}

$server = start(fetch('insecure'));
is(reason($server, '/api', $token), '200', 'keys that were not verified');
$issuer->down;

$server->reload(conf(fetch('insecure')));
is(reason($server, '/api', $token), '200', 'a reload keeps them');

$server->reload(conf(fetch('')));
is(reason($server, '/api', $token), '503 keys_unavailable',
   'a reload without "insecure" drops them');
$server->stop('a reload without "insecure"');

done_testing;
