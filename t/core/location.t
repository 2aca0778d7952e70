# SPDX-License-Identifier: BSD-2-Clause

# The location of a URI and the name of a server, which core determines while
# nginx reads its configuration.  A request for the URI must be served by the
# location that core finds.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway::Probe;
use Test::Gateway::Server;
use Test::More;

build_probe();


# --- locations

# $becomes{URI}: the mark of the location that serves it, or "none"

sub finds {
    my ($locations, %becomes) = @_;

    my $port = free_port();
    my @uris = sort keys %becomes;
    my $server = start_nginx(port => $port, conf => http_conf(
        port => $port, workers => 1,
        server => join "\n", 'root html;', $locations,
                             map { "gateway_probe_find $_;" } @uris
    ));

    for my $uri (@uris) {
        my ($found) = $server->log =~ /probe find \Q$uri\E: ([^|]*)\|/;
        my ($status, undef, $mark) = http_get($server, $uri);
        $mark = 'none' if $status != 200;

        is($mark, $becomes{$uri}, "a request for $uri");
        is($found, $becomes{$uri}, $uri);
    }
    $server->stop;
    return;
}

# a location with a mark, and other locations in it

sub at {
    my ($name, $mark, @inside) = @_;
    return join "\n", "location $name {", "gateway_probe_mark $mark;", @inside,
                      '}';
}

finds(join("\n", at('= /exact', 'exact'), at('/exact', 'prefix'),
                 at('/a', 'a'), at('/a/b', 'ab'), at('/a/b/c', 'abc'),
                 at('/ab', 'a-b'), at('= /only', 'only'),
                 at('/m', 'm'), at('= /m/exact', 'm-exact')),
      '/exact' => 'exact', '/exact/' => 'prefix', '/exac' => 'none',
      '/exactly' => 'prefix', '/a' => 'a', '/a/' => 'a', '/a/bb' => 'ab',
      '/a/b/cd' => 'abc', '/ab' => 'a-b', '/a-' => 'a', '/a/c' => 'a',
      '/only' => 'only', '/only/' => 'none', '/onl' => 'none', '/' => 'none',
      '/A' => 'none', '/z' => 'none', '/m/exact' => 'm-exact',
      '/m/exact/' => 'm', '/m/exac' => 'm', '/m/f' => 'm');

finds(join("\n", at('/', 'root'), at('= /', 'slash'), at('/x', 'x')),
      '/' => 'slash', '/y' => 'root', '/x' => 'x', '/xy' => 'x');

finds(join("\n", at('/p', 'p'), at('^~ /q', 'q'), at('= /p.js', 'exact'),
                 at('~ \.js$', 'first'), at('~ \.(js|CSS)$', 'second'),
                 at('~* \.css$', 'third'), at('~ ^/p/', 'fourth'),
                 at('~ (.)\1', 'twice')),
      '/p.js' => 'exact', '/p/a.js' => 'first', '/q.js' => 'q',
      '/q/a.css' => 'q', '/a.CSS' => 'second', '/a.css' => 'third',
      '/p/a' => 'fourth', '/p' => 'p', '/zz' => 'twice', '/z' => 'none',
      '/.js/' => 'none');

# nested locations: a regular expression inside goes before one outside, and
# "^~" affects only those next to it

finds(join("\n",
           at('/o', 'o', at('/o/i', 'oi', at('~ \.c$', 'oi.c')),
                         at('= /o/e', 'oe'), at('~ \.b$', 'o.b'),
                         at('^~ /o/n', 'on', at('~ \.e$', 'on.e'))),
           at('^~ /s', 's', at('~ \.b$', 's.b')),
           at('~ /o/x', 'x', at('~ z$', 'x-z')),
           at('~ \.b$', 'b'), at('~ \.c$', 'c', at('~ /y\.', 'c-y')),
           at('~ \.e$', 'e')),
      '/o' => 'o', '/o/i' => 'oi', '/o/ix' => 'oi', '/o/e' => 'oe',
      '/o/e/' => 'o', '/o/a.b' => 'o.b', '/o/i.b' => 'o.b',
      '/o/i/a.c' => 'oi.c', '/o/a.c' => 'c', '/o/x' => 'x', '/o/xyz' => 'x-z',
      '/z/o/xz' => 'x-z', '/o/y.c' => 'c-y', '/o/n' => 'on', '/o/n.b' => 'b',
      '/o/n.e' => 'on.e', '/o/n.c' => 'c', '/o/i.e' => 'e', '/s/a.b' => 's.b',
      '/s/a.c' => 's', '/a.b' => 'b', '/a.c' => 'c', '/x' => 'none');

# nginx redirects a request to a location whose name ends with a slash

finds(join("\n", at('/r/', 'r redirect'), at('/n/', 'n'),
                 at('/e', 'e', at('/e/r/', 'er redirect')),
                 at('= /x/', 'x redirect'), at('~ ^/n$', 'regex')),
      '/r' => 'none', '/r/' => 'r', '/r/a' => 'r', '/n' => 'regex',
      '/n/' => 'n', '/e' => 'e', '/e/r' => 'none', '/e/r/' => 'er',
      '/e/ra' => 'e', '/x' => 'none', '/x/' => 'x');

finds('', '/' => 'none', '/any' => 'none');


# --- the cache of nginx that is on in the location

{
    my $proxy = 'proxy_pass http://127.0.0.1:1;';
    my ($code, $said) = nginx_t(http_conf(
        port => free_port(),
        http => "proxy_cache_path c keys_zone=c:1m;\n"
                . "fastcgi_cache_path d keys_zone=d:1m;",
        server => <<"END"));
    gateway_probe_find /plain /cached /cached/off /inside /fcgi /var /none;
    location /plain { $proxy }
    location /cached { proxy_cache c; $proxy
                       location /cached/off { proxy_cache off; $proxy } }
    location / { proxy_cache c; location /inside { $proxy } }
    location /fcgi { fastcgi_cache d; fastcgi_pass 127.0.0.1:1; }
    location /var { proxy_cache \$arg_zone; $proxy }
END
    is($code, 0, 'nginx -t') or diag($said);

    my %found = $said =~ m{probe find (\S+): ([^|]*)\|}g;
    is_deeply(\%found, { '/plain' => '', '/cached' => ' proxy_cache',
                         '/cached/off' => '', '/inside' => ' proxy_cache',
                         '/fcgi' => ' fastcgi_cache',
                         '/var' => ' proxy_cache',
                         '/none' => ' proxy_cache' }, 'the cache');
}


# --- names of servers

my ($one, $two) = map { free_port() } 1 .. 2;
my $dir = File::Temp->newdir;

# the names of servers, in the order of the configuration

sub names {
    my ($expected, @servers) = @_;

    my $text = join "\n", map { "server { $_ }" } @servers;
    my ($code, $said) = nginx_t(http_conf(
        http => "gateway_probe_name at;\n$text", server => "listen $one;"));
    is($code, 0, 'nginx -t') or diag($said);

    my @names = $said =~ /probe name at: ([0-9a-f]{64})\|/g;
    is(scalar @names, @servers + 1, 'a name for each server');
    my %seen;
    is(scalar(grep { !$seen{$_}++ } @names), @servers + 1, 'all different')
        if $expected;
    return @names;
}

my @same = ("listen $one; listen 127.0.0.1:$two; listen unix:$dir/s;"
            . ' server_name a.test *.b.test ~^c\d "" .d.test;',
            'listen 127.0.0.1:' . "$two; listen $one; listen unix:$dir/s;"
            . ' server_name .d.test "" ~^c\d *.B.test A.test;');
my ($name) = names(1, $same[0]);

is((names(1, $same[0]))[0], $name, 'the same server has the same name');
is((names(1, $same[1]))[0], $name, 'also in another order');
is((names(1, "listen $two; server_name other;", $same[1]))[1], $name,
   'also behind another server');

my %named;
my @others = (
    $same[0],
    $same[0] =~ s/a\.test/a/r,                      # a name
    $same[0] =~ s/ "" / /r,                         # one name less
    $same[0] =~ s/~\^c/^c/r =~ s/\Q^c\d\E/c/r,      # no regular expression
    $same[0] =~ s/listen $one;//r,                  # one address less
    $same[0] =~ s/127\.0\.0\.1:$two/$two/r,         # another address
    $same[0] =~ s/\/s;/\/t;/r,
);
$named{ (names(0, $_))[0] }++ for @others;
is(scalar keys %named, @others, 'others have other names');

# lists with the same bytes

names(1, "listen $two; server_name ab c;", "listen $two; server_name a bc;",
         "listen $two; server_name abc;", "listen $two; server_name ~abc;",
         "listen $two; server_name 127.0.0.1:$one;",
         "listen $two; server_name .abc;", "listen $two; server_name *.abc;");

# the same addresses and names: nginx only warns of them

my @twins = names(1, ("listen $two; server_name x y;") x 2,
                     "listen $two; server_name y x;");
is((names(1, "listen $two; server_name x y;"))[0], $twins[0],
   'the first of three');

# no name and no address

names(1, 'server_name z;', "listen $two;", 'server_name "";');

# the locations of a server have its name

{
    my ($code, $said) = nginx_t(http_conf(port => $one,
        http => 'gateway_probe_name http;',
        server => <<"END"));
    gateway_probe_name server;
    location /a { gateway_probe_name a; location /a/b { if (\$arg_a) { } } }
    location /c { limit_except GET { deny all; } }
    } server { listen $two; location /d { gateway_probe_name d; }
END
    is($code, 0, 'nginx -t') or diag($said);

    my %seen;
    $seen{$1}{$2} = 1 while $said =~ /probe name (\S+): (\w+)\|/g;
    my ($first, $second) = map { join ' ', sort keys %{ $seen{$_} } }
                           qw( server d );
    is(join(' ', sort keys %{ $seen{a} }), $first, 'a location');
    is(join(' ', sort keys %{ $seen{http} }), $second, 'a directive of http');
    isnt($first, $second, 'two servers');
}

done_testing;
