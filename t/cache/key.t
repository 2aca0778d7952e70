# SPDX-License-Identifier: BSD-2-Clause

# $gateway_cache_key: by default, requests have different keys if the origin
# receives another request line or Host, or other fields or parameters that the
# location sets, and else the same key.  Header fields of the client that poison
# caches are part of the key.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Certificate;
use Test::Gateway::Consumer;
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::Gateway::Streams;
use Test::More;

authority('ca');
certificate('server', ca => 'ca', san => 'DNS:localhost');
certificate('alice', ca => 'ca');

my ($port, $second, $tls, $h2) = map { free_port() } 1 .. 4;
my $http2 = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$h2 http2;"
                                   : "listen 127.0.0.1:$h2; http2 on;";
my $key = 'add_header X-Key $gateway_cache_key always;';
my $pass = "proxy_pass http://127.0.0.1:$second;"
           . ' proxy_set_header Host $http_host;';

# directives that change what is sent to the upstream server; all of them send
# something different, except for the last two

my @sent = ($pass, (map { "$pass $_;" } 'proxy_set_header X-Tenant a',
    'proxy_set_header X-Tenant b', 'proxy_set_header X-Other a',
    'proxy_set_header X-Tenant a; proxy_set_header X-Other a',
    'proxy_set_header X-Tenanta ""', 'proxy_method POST', 'proxy_method PUT',
    'proxy_set_body a', 'proxy_set_body b', 'proxy_pass_request_headers off'),
    (map { my $module = $_; map { "$module\_pass 127.0.0.1:1; $_;" }
           "${module}_param A a", "${module}_param A b", "${module}_param B a",
           "${module}_pass_request_headers off" } qw( fastcgi uwsgi scgi )),
    'fastcgi_pass 127.0.0.1:2; fastcgi_param A a;',
    'fastcgi_pass 127.0.0.1:1; fastcgi_param A a; fastcgi_index b;',
    'uwsgi_pass 127.0.0.1:1; uwsgi_param A a; uwsgi_modifier1 5;',
    ("$pass proxy_set_header X-Request-ID \$request_id;") x 2);

sub sent { "location /sent/$_[0]/ { rewrite ^ /new/a break;"
           . " gateway_cache_key scheme host args \$uri; $key $sent[$_[0]] }" }

my $nginx = start_nginx(port => $port,
    files => { certificate_files(),
               'consumers.json' => consumers(consumer('alice'),
                                             consumer('bob')) },
    conf => http_conf(main => 'error_log logs/error.log debug;', http => <<END,
    gateway_cache_zone zone=z:1m;
    gateway_cache_zone zone=large:32m;
    gateway_cache z;
    gateway_consumers zone=c:1m file=consumers.json;

    # the origin returns what it has received
    server {
        listen 127.0.0.1:$second;
        return 200 "\$request \$http_host";
    }

    server {
        $http2
        location / { return 200 \$gateway_cache_key; }
    }

    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate server.crt;
        ssl_certificate_key server.key;
        ssl_client_certificate ca.crt;
        ssl_verify_client optional;
        location / { return 200 \$gateway_cache_key; }
    }
END
    port => $port, server => <<END));
    merge_slashes on;
    location / { $key $pass }

    location /off { gateway_cache off; return 200 "<\$gateway_cache_key>"; }
    location /key { return 200 \$gateway_cache_key; }
    location /large { gateway_cache large; return 200 \$gateway_cache_key; }

    location /base/ { $key proxy_pass http://127.0.0.1:$second/other/;
                      proxy_set_header Host \$http_host; }
    location /old/ { rewrite ^/old/(.*)\$ /new/\$1 break; $key $pass }
    location /two/ { rewrite ^/two/[a-z]/(.*)\$ /new/\$1 break; $key $pass }
    location /args { set \$args "b=\$arg_a"; $key $pass }
    location /app { try_files /none \@app; }
    location \@app { $key $pass }
    location /variable/ { set \$up 127.0.0.1:$second;
        rewrite ^/variable/[a-z]/(.*)\$ /new/\$1 break;
        proxy_pass http://\$up; $key }
    location /file/ { rewrite ^/file/[a-z]/(.*)\$ /none/\$1 break; $key }
    location /fastcgi/ { rewrite ^ /index.php break; $key
        fastcgi_pass 127.0.0.1:1; fastcgi_param REQUEST_URI \$request_uri; }
    location /uwsgi/ { rewrite ^ /index.php break; $key
        uwsgi_pass 127.0.0.1:1; }
    location /scgi/ { rewrite ^ /index.php break; $key
        scgi_pass 127.0.0.1:1; }

@{[ join "\n", map { sent($_) } 0 .. $#sent ]}
    location /bare/ { gateway_cache_key args; $key $pass
        location /bare/a/ { proxy_set_header X-Tenant a; $key $pass }
        location /bare/b/ { proxy_set_header X-Tenant b; $key $pass } }

    location /only { gateway_cache_key path args=only:a,b_*;
                     return 200 \$gateway_cache_key; }
    location /without { gateway_cache_key path args=without:utm_*;
                        return 200 \$gateway_cache_key; }
    location /path { gateway_cache_key path; return 200 \$gateway_cache_key; }
    location /nohost { gateway_cache_key path args;
                       return 200 \$gateway_cache_key; }
    location /vars { gateway_cache_key path \$arg_a \$arg_b;
                     return 200 \$gateway_cache_key; }

    location /partition { gateway_cache_key path;
                          gateway_cache_partition \$arg_p;
                          return 200 \$gateway_cache_key; }
    location /consumer { gateway_cache_key path;
                         gateway_cache_partition consumer; $key
                         gateway_api_key r header=X-Key; }
    location /dry { $key gateway_api_key r header=X-Key;
                    gateway_api_key_mode dry_run;
                    gateway_cache_partition consumer; }
    location /optional { $key gateway_api_key r header=X-Key;
                         gateway_api_key_mode optional; }
    location /shown { $key gateway_api_key r header=X-Key;
                      gateway_api_key_hide off; }
    location /same { gateway_cache_key path; $key
                     gateway_api_key r header=X-Key; }

    location /guard { gateway_cache_key path;
        return 200 \$gateway_cache_key;
        location /guard/list { gateway_cache_guard key X-Mine;
                               return 200 \$gateway_cache_key; }
        location /guard/bypass { gateway_cache_guard bypass;
                                 return 200 "<\$gateway_cache_key>"; }
        location /guard/strip { gateway_cache_guard strip;
                                return 200 \$gateway_cache_key; }
        location /guard/off { gateway_cache_guard off;
                              return 200 \$gateway_cache_key; }
        location /guard/rfc { gateway_cache_profile rfc9111;
                              return 200 \$gateway_cache_key; }
    }
END


# sends a request; returns (key, what the origin received)

sub ask {
    my ($target, %arg) = @_;

    my $host = $arg{host} // 'localhost';
    my $answer = raw($nginx, join "\r\n",
        ($arg{method} // 'GET') . " $target HTTP/1.1",
        $host eq '-' ? () : "Host: $host", 'Connection: close',
        @{ $arg{headers} // [] }, '', $arg{body} // '');

    my ($head, $body) = split /\r\n\r\n/, $answer, 2;
    return ($1, $body) if $head =~ /^X-Key: (\w+)\r?$/m;
    return ($body, $head);
}

sub key_of { return (ask(@_))[0] }

sub same {
    my ($name, @requests) = @_;

    my %keys = map { key_of(@$_) => 1 } @requests;
    is(scalar(keys %keys), 1, "the same key: $name");
    like($_, qr/\A[0-9a-f]{32}\z/, "$name: a hash") for keys %keys;
    return;
}

sub different {
    my ($name, @requests) = @_;

    my %keys = map { key_of(@$_) => 1 } @requests;
    is(scalar(keys %keys), scalar @requests, "different keys: $name");
    return;
}


# --- the variable

is(key_of('/off'), '<>', 'an empty key where the cache is off');
like(key_of('/key'), qr/\A[0-9a-f]{32}\z/, 'a hash where it is on');
same('the same request', [ '/key' ], [ '/key' ]);
isnt(key_of('/large'), key_of('/large/'),
     'different keys in a zone of several shards');


# --- keys differ if the origin receives another request line or Host

my @targets = qw( /a/b /a%2fb /a%2Fb //a/./b /a//b /a/b/ /a/c/../b /A/b /a/b?
                  /a/b?x=1 /a/b?x=1& /a/b?x=%31 /a/b?x=2 /a/%62 /a%3Fb
                  /a/b?x?y );
push @targets, '/a/b#f', '/a/b#f?x';
push @targets, map { "/base$_" } @targets;
push @targets, map { "/old$_" } @targets[0 .. 9];
push @targets, map { "/new$_" } qw( /a/b /a%2fb //a/b );
push @targets, '/args?a=1', '/args?a=2', '/args?c&a=1', '/args?', '/app/a',
               '/app/b', '/app/a?', '/app//a', 'http://localhost/a/b',
               'http://other/a/b', 'http://localhost';

my (%lines, %keys);
for my $host ('localhost', 'localhost:80', 'other', 'other:8080') {
    for my $target (@targets) {
        my ($key, $line) = ask($target, host => $host);
        $lines{$key}{$line // ''} = "$host $target";
        $keys{$line // ''}{$key} = "$host $target";
    }
}
my @mixed = grep { keys %{ $lines{$_} } > 1 } keys %lines;
is_deeply([ map { [ sort values %{ $lines{$_} } ] } @mixed ], [],
          'no key is shared by two request lines or Hosts');
cmp_ok(scalar keys %lines, '>', 150, 'there are many keys');

same('rewritten to the same request line',
     [ '/two/a/x' ], [ '/two/b/x' ], [ '/two/c//x' ], [ '/two/a/%78' ]);
different('$request_uri for FastCGI, uwsgi and SCGI',
          map { [ $_ ] } '/fastcgi/a', '/fastcgi/b', '/fastcgi//b',
          '/fastcgi/b?', '/uwsgi/a', '/uwsgi/b', '/scgi/a', '/scgi/b');
different('$request_uri where a variable names the server',
          [ '/variable/a/x' ], [ '/variable/b/x' ]);
different('$request_uri without proxy_pass',
          [ '/file/a/x' ], [ '/file/b/x' ]);

different('other fields and parameters that the location sends',
          map { [ "/sent/$_/" ] } 0 .. $#sent - 1);
different('fields that the location sends, with the key "args"',
          map { [ "/bare/$_" ] } '', 'a/', 'b/');
same('the same directives with different values of variables',
     map { [ "/sent/$_/" ] } $#sent - 1, $#sent, $#sent);


# --- the parts of the key

same('the case of the host', [ '/key', host => 'Example.COM:80' ],
     [ '/key', host => 'example.com:80' ]);
different('host names and ports',
          [ '/key', host => 'example.com' ], [ '/key', host => 'example.com:80' ],
          [ '/key', host => 'example.com:8080' ], [ '/key', host => 'example.net' ],
          [ '/key', host => 'example.com.' ]);
different('an absolute URI and Host',
          [ 'http://a/key', host => 'a' ], [ 'http://a/key', host => 'b' ],
          [ 'http://b/key', host => 'a' ], [ 'http://b/key', host => 'b' ],
          [ 'http://a:80/key', host => 'a:80' ]);
SKIP: {
    skip 'nginx has no $request_port', 1 if nginx_before(1, 29, 3);
    different('the port of an absolute URI', map { [ $_, host => 'a' ] }
              'http://a/key', 'http://a:1/key', 'http://a:2/key');
}
same('a key without host', map { [ '/nohost', host => $_ ] }
     'a', 'b:80');
isnt(tls($nginx, port => $tls, path => '/key')->{body}, key_of('/key'),
     'the scheme');
is(tls($nginx, port => $tls, path => '/key')->{body},
   tls($nginx, port => $tls, path => '/key', cert => 'alice')->{body},
   'a client certificate is not in the key');

# HTTP/2 has :authority in place of Host

sub over_http2 {
    my ($path, $body) = @_;

    my $client = Test::Gateway::Streams->new($h2);
    my $stream = $client->request('GET', $path, $body);
    $client->open_window($stream);
    $client->wait(sub { $client->ended($stream) }) or die 'no response';
    return $client->body($stream);
}

is(over_http2('/key'), key_of('/key'), 'HTTP/2: the same key');
is(over_http2('//key/./?a'), key_of('//key/./?a'),
   'HTTP/2: the path as the client wrote it');
is(over_http2('/key', 'x'), '', 'HTTP/2: no key for a GET with a body');

same('the same path with another method',
     map { [ '/key', method => $_, headers => [ 'Content-Length: 0' ] ] }
     qw( GET POST PUT DELETE ));

same('arguments that are not listed',
     map { [ "/only$_" ] } '?a=1', '?a=1&c=2', '?d&a=1', '?utm_x=5&a=1&',
     '?c=1&a=1&c=2');
different('listed arguments', map { [ "/only$_" ] } '', '?a', '?a=', '?a=1',
          '?a=2', '?b_=1', '?b_x=1', '?a=1&a=2', '?A=1', '?%61=1', '?a[]=1',
          '?c;a=1');
same('excluded arguments',
     map { [ "/without$_" ] } '?a=1', '?utm_x=1&a=1', '?a=1&utm_y',
     '?utm_x=1&a=1&utm_x=2');
different('other arguments', map { [ "/without$_" ] } '', '?', '?a', '?b',
          '?utm', '?UTM_x', '?utm_x;a=1', '?%75tm_x=1', '?a&b', '?b&a',
          '?a&a');
same('a key without arguments', map { [ "/path$_" ] } '', '?', '?a=1');

different('values that are equal when joined', map { [ "/vars?$_" ] }
          'a=xy&b=z', 'a=x&b=yz', 'a=xyz', 'b=xyz');
same('arguments besides $arg_a', map { [ "/vars?$_" ] } 'a=1&c=2', 'a=1&c=3');

my $long = 'x' x 3000;
different('long keys', [ "/key?$long" ], [ "/key?${long}y" ],
          [ "/vars?a=$long" ], [ "/vars?a=$long&b=$long" ]);
same('a long key', [ "/key?$long" ], [ "/key?$long" ]);


# --- partitions

different('values of a partition', map { [ "/partition?p=$_" ] } '', 'a', 'b');
same('one value', [ '/partition?p=a' ], [ '/partition?p=a&q=1' ]);

my %who = map { $_ => [ 'X-Key: ' . api_key($_) ] } 'alice', 'bob';
different('consumers', map { [ '/consumer', headers => $who{$_} ] } 'alice', 'bob');
same('one consumer', map { [ '/consumer', headers => $who{alice} ] } 1, 2);
same('consumers without a partition',
     map { [ '/same', headers => $who{$_} ] } 'alice', 'bob');


# --- the guard

my @poison = qw( X-Forwarded-Host X-Forwarded-Scheme X-Forwarded-Prefix X-Host
                 X-Original-URL X-Rewrite-URL );

for my $field (@poison) {
    different("the value of $field", [ '/guard' ],
              map { [ '/guard', headers => [ "$field: $_" ] ] } 'a', 'b', 'A');
    same("one value of $field", map { [ '/guard', headers => [ "$_: a" ] ] }
         $field, lc $field, uc $field);
    same("$field with strip", [ '/guard/strip' ],
         [ '/guard/strip', headers => [ "$field: a" ] ]);
    same("$field without a guard, $_", [ $_ ], [ $_, headers => [ "$field: a" ] ])
        for '/guard/off', '/guard/rfc';
    is(key_of('/guard/bypass', headers => [ "$field: a" ]), '<>',
       "$field bypasses the cache");
    same("$field, where another field is listed", [ '/guard/list' ],
         [ '/guard/list', headers => [ "$field: a" ] ]);
}
like(key_of('/guard/bypass'), qr/\A<[0-9a-f]{32}>\z/,
     'bypass, without such a field: a key');
different('a repeated field, in order', map { [ '/guard', headers => $_ ] }
          [ 'X-Host: a' ], [ 'X-Host: b' ], [ 'X-Host: a', 'X-Host: b' ],
          [ 'X-Host: b', 'X-Host: a' ], [ 'X-Host: a, b' ]);
different('the same value in another field',
          map { [ '/guard', headers => [ "$_: a" ] ] } @poison);
different('a listed field', [ '/guard/list' ],
          [ '/guard/list', headers => [ 'X-Mine: a' ] ],
          [ '/guard/list', headers => [ 'X-Mine: b' ] ]);
same('another field', [ '/guard' ], [ '/guard', headers => [ 'X-Mine: a' ] ],
     [ '/guard', headers => [ 'Accept: a' ] ]);

# method overrides and bodies of GET always bypass the cache

for my $path ('/key', '/guard/list', '/guard/strip', '/guard/off', '/guard/rfc') {
    is(key_of($path, headers => [ "$_: DELETE" ]), '',
       "$path: $_ bypasses the cache")
        for qw( X-HTTP-Method-Override X-HTTP-Method X-Method-Override );
    is(key_of($path, headers => [ 'Content-Length: 1' ], body => 'x'), '',
       "$path: a GET with a body bypasses the cache");
}
is(key_of('/key', headers => [ 'Transfer-Encoding: chunked' ],
          body => "1\r\nx\r\n0\r\n\r\n"), '', 'so does a chunked body');
like(key_of('/key', headers => [ 'Content-Length: 0' ]), qr/\A[0-9a-f]{32}\z/,
     'a GET with "Content-Length: 0" does not');


# --- credentials, in the debug log

sub credentials {
    my ($do) = @_;

    my $from = length $nginx->log;
    $do->();
    my ($said) = reverse substr($nginx->log, $from)
        =~ /gateway cache key: "[0-9a-f]{32}", \d+ bytes, (partition:\d+ credentials:\d)/g;
    return $said;
}

SKIP: {
    skip 'nginx has no debug log', 10 if $nginx->log !~ /\[debug\]/;

    is(credentials(sub { ask('/key') }), 'partition:0 credentials:0',
       'no credentials');
    is(credentials(sub { ask('/key', headers => [ 'Authorization: Basic eDp5' ]) }),
       'partition:0 credentials:1', 'Authorization');
    is(credentials(sub { ask('/consumer', headers => $who{alice}) }),
       'partition:5 credentials:1', 'an identity');
    is(credentials(sub { ask('/dry', headers => $who{alice}) }),
       'partition:5 credentials:1', 'an identity in dry_run');
    is(credentials(sub { ask('/dry', headers => [ 'X-Key: wrong' ]) }),
       'partition:0 credentials:1', 'an invalid hidden credential in dry_run');
    is(credentials(sub { ask('/dry') }),
       'partition:0 credentials:0', 'no credentials in dry_run');
    is(credentials(sub { ask('/optional') }),
       'partition:0 credentials:0', 'no credentials in mode optional');
    is(credentials(sub { ask('/shown', headers => $who{alice}) }),
       'partition:0 credentials:1', 'an identity, hide off');
    is(credentials(sub { tls($nginx, port => $tls, path => '/key',
                             cert => 'alice') }),
       'partition:0 credentials:1', 'a client certificate');
    is(credentials(sub { tls($nginx, port => $tls, path => '/key') }),
       'partition:0 credentials:0', 'TLS without a client certificate');
}


# --- the secret of the keys

my $before = key_of('/large');
$nginx->reload;
is(key_of('/large'), $before, 'a reload keeps the keys');

my $other = start_nginx(http => 'gateway_cache_zone zone=z:1m; gateway_cache z;',
                        server => 'location / { return 200 $gateway_cache_key; }');
my $third = start_nginx(http => 'gateway_cache_zone zone=z:1m; gateway_cache z;',
                        server => 'location / { return 200 $gateway_cache_key; }');
my @other = map { ($_->get('/'))[2] } $other, $third;
isnt($other[0], $other[1], 'each nginx has its own secret');
$_->stop for $other, $third, $nginx;

done_testing;
