# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Cache::Requests;

# Random requests of the property tests of the cache, and the nginx
# configuration for them.
#
#   my %classes = classes();            see Test::Gateway::Cache::Model
#   cache_conf(port, h2, origin, %arg)  a configuration with these locations
#   random_request()                    depends only on rand()
#
# HTTP/2 uses TLS; the scheme is not part of the key.  Arguments of cache_conf:
# big, small: the parameters of the two zones; lies: for each location,
# directives that contradict the model; http, server: more text.

use v5.28;
use warnings;

use Exporter qw( import );
use Test::Gateway::Cache::Origin;
use Test::Gateway::Certificate;
use Test::Gateway::Consumer;
use Test::Gateway::Server;

our @EXPORT = qw( classes cache_conf cache_files random_request steady pick );

my $BIG = 4 << 20;
my $SMALL = 64 << 10;

my %classes = (
    part => { keys => 1, partition => 1, most => $BIG, conf =>
              'gateway_cache_partition consumer;' },
    flow => { keys => 1, partition => 1, most => $SMALL, conf =>
              'gateway_cache small; gateway_cache_partition consumer;'
              . ' proxy_buffering off;' },
    none => { keys => 1, most => $BIG, conf => 'proxy_buffering off;' },
    open => { ttl => 1, stale => 2, most => $BIG, conf =>
              'gateway_cache_ttl 1s; gateway_cache_stale error timeout 5xx'
              . ' updating background for=2s;' },
    rfc  => { keys => 1, partition => 1, rfc => 1, most => $BIG, conf =>
              'gateway_cache_profile rfc9111; gateway_cache_partition'
              . ' consumer;' },
);

for my $name (keys %classes) {
    $classes{$name}{name} = $name;
    $classes{$name}{ttl} //= 0;
    $classes{$name}{stale} //= 0;
}

sub classes { return %classes }


sub cache_files {
    return { 'consumers.json' => consumers(consumer('alice'),
                                           consumer('bob')) };
}

sub cache_conf {
    my ($port, $h2, $origin, %arg) = @_;

    my $old = nginx_before(1, 25, 1);
    my $listen = $old ? "listen 127.0.0.1:$h2 ssl http2;"
                      : "listen 127.0.0.1:$h2 ssl; http2 on;";
    certificate('server');
    my $locations = join '', map { location($_, $origin, $arg{lies}{$_} // '') }
                             sort keys %classes;
    $arg{$_} //= '' for qw( http server );
    $arg{big} //= '31m max_object=4m';
    $arg{small} //= '1m max_object=64k';

    my $text = http_conf(workers => 2, port => $port, main => $arg{main},
        http => <<"END", server => <<"END2");
    gateway_cache_zone zone=big:$arg{big};
    gateway_cache_zone zone=small:$arg{small};
    gateway_consumers zone=c:1m file=consumers.json;
    proxy_http_version 1.1;
    proxy_set_header Host \$http_host;
    proxy_set_header Connection "";
    proxy_set_header X-Consumer \$gateway_consumer;
    proxy_buffers 8 16k;
    gateway_cache big;
    gateway_cache_key host path args;
    gateway_cache_stale off;
    gateway_cache_tags Cache-Tag;
    $arg{http}
END
    include locations.conf;
    location = /_cache { gateway_cache_admin zone=big zone=small
                                             from=127.0.0.1; }
    $arg{server}
}
server {
    $listen
    ssl_certificate @{[ certificate_file('server') ]};
    ssl_certificate_key @{[ certificate_key('server') ]};
    include locations.conf;
END2
    # small buffers: unread responses must not fit into the system's buffers
    $text =~ s/listen 127\.0\.0\.1:\d+( ssl)?\K/ sndbuf=32k/g;

    # the same locations for both protocols
    return $text =~ s/include locations.conf;/$locations/gr;
}


sub location {
    my ($name, $origin, $lies) = @_;

    my $class = $classes{$name};
    my $text = $class->{conf} . ($class->{keys} ? ' gateway_api_key api;' : '');
    for my $directive ($lies =~ /(\w+) [^;]*;/g) {
        $text =~ s/\b$directive [^;]*;//;
    }
    return "location /$name/ { $text $lies"
           . " proxy_pass http://127.0.0.1:$origin; }\n";
}


sub pick { return $_[rand @_] }

sub perhaps { return rand() * 100 < $_[0] }

sub bytes {
    my $most = pick((10) x 2, (2000) x 12, (70_000) x 5, 1 << 20, 4 << 20);
    return perhaps(3) ? pick(0, 1, 65536, 4 << 20, (4 << 20) + 1)
                      : int rand $most;
}


# The request.

sub random_request {
    my $class = pick(qw( part part flow none open open rfc ));
    my $consumer = $classes{$class}{keys} ? pick(qw( alice bob )) : '';
    my $method = pick(('GET') x 80, qw( HEAD HEAD HEAD POST PUT DELETE ));

    my %request = (
        method => $method, host => pick(qw( a a b )), consumer => $consumer,
        target => "/$class/" . int(rand 3) . pick('', '', '?q=1'),
        fields => [ $consumer ? [ 'X-API-Key', api_key($consumer) ] : (),
                    fields(), conditions(), [ 'X-Plan', plan() ] ],
    );
    $request{body} = 'x=1' if $method =~ /^P/;
    $request{slow} = 0.1 + rand 0.5 if perhaps(4);
    $request{leave} = 1 if perhaps(2);
    return \%request;
}

sub fields {
    return ([ 'X-V', pick(0, 1) ], [ 'Accept-Language', pick(qw( en de )) ],
            [ 'Accept-Encoding', pick('gzip, br', 'br,gzip', 'gzip') ],
            perhaps(4) ? [ 'Cookie', 'a=' . pick(1, 2) ] : (),
            perhaps(4) ? [ 'X-Forwarded-Host', pick(qw( x y )) ] : (),
            perhaps(20) ? [ 'Origin', 'http://' . pick(qw( x y )) ] : (),
            perhaps(6) ? [ 'Cache-Control', pick(qw( no-store no-cache
                           max-age=0 only-if-cached )) ] : ());
}

# Numbers of responses that may exist.

sub conditions {
    my $some = join ', ', map { '"' . int(rand 3000) . '"' } 1 .. 200;

    return (perhaps(8) ? [ 'If-None-Match', $some ] : (),
            perhaps(2) ? [ 'If-Modified-Since', modified(int rand 3000) ] : (),
            perhaps(10) ? [ 'Range', 'bytes=' . pick('0-9', '100-', '-50',
                            '5000-70000', '1000000-2000000') ] : (),
            perhaps(2) ? [ 'If-Range', '"' . int(rand 3000) . '"' ] : ());
}


# The response of the origin.

sub plan {
    my @plan = ('size=' . bytes());

    my $control = pick(('max-age=1') x 4, ('max-age=2') x 4, 'public, max-age=2',
        's-maxage=1', 's-maxage=1, max-age=0', 'max-age=1, must-revalidate',
        'no-store', 'private, max-age=2', 'no-cache', 'max-age=0', undef,
        undef);
    push @plan, "line=Cache-Control: $control" if $control;
    push @plan, map { "line=$_" } perhaps(80) ? () : pick(
        'Set-Cookie: a=b', 'Age: 1', 'X-Accel-Expires: 1', 'Expires: +2',
        'CDN-Cache-Control: max-age=1', 'CDN-Cache-Control: no-store',
        'Access-Control-Allow-Origin: http://x',
        'Access-Control-Allow-Origin: *', 'Content-Location: /rfc/1',
        'Content-Location: /rfc/2');
    push @plan, 'vary=' . pick('X-V', 'Accept-Encoding', 'accept-language, X-V',
                               'Cookie', '*') if perhaps(35);
    push @plan, 'status=' . pick(404, 404, 500, 503) if perhaps(5);
    push @plan, 'framing=' . pick(qw( chunked close )) if perhaps(40);
    push @plan, 'truncate=' . pick(0, 10, 30_000), 'reset=1' if perhaps(4);
    push @plan, 'delay=' . rand 0.05 if perhaps(10);
    push @plan, 'pause=' . rand 0.1 if perhaps(10);
    push @plan, 'etag=0' if perhaps(10);
    push @plan, 'change=1' if perhaps(5);
    push @plan, 'tags=' . pick('t1', 't2', 't1 t2') if perhaps(20);
    return join '|', @plan;
}

1;
