# SPDX-License-Identifier: BSD-2-Clause

# A stale response instead of an error with a body: in each version of HTTP to
# the upstream server, with and without buffers, for bodies of each size.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use Test::Gateway::Server;
use Test::More;

my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0755, "$dir";
write_file("$dir/large", 'e' x 300_000);
chmod 0644, "$dir/large";

my @versions = ('1.0', '1.1', nginx_before(1, 29, 4) ? () : '2');
my $port = free_port();
my $http2 = @versions == 3 ? 'http2 on;' : '';
my $locations = join '', map {
    my $version = $_;
    map { my $buffering = $_; <<"END" } 'on', 'off';
    location /$version/$buffering/ {
        proxy_pass http://origin$version/;
        proxy_http_version $version;
        proxy_set_header Connection "";
        proxy_buffering $buffering;
        gateway_cache c;
    }
END
} @versions;

# kept connections are of one version
my $groups = join '', map { "upstream origin$_ { server 127.0.0.1:$port; keepalive 4; }\n" }
                       @versions;

my $server = start_nginx(workers => 1, http => <<"END", server => $locations);
    gateway_cache_zone zone=c:4m;
    $groups
    log_format connections '\$request_uri \$connection';
    server {
        listen 127.0.0.1:$port;
        $http2
        root $dir;
        access_log logs/origin.log connections;
        add_header Cache-Control "max-age=1, stale-if-error=60";
        location / {
            if (-f $dir/fail) { return 503 "an error\n"; }
            return 200 "stored";
        }
        location /large {
            if (-f $dir/fail) { rewrite ^ /error last; }
            return 200 "stored";
        }
        location /empty {
            set \$nothing "";
            if (-f $dir/fail) { return 503 \$nothing; }
            return 200 "stored";
        }
        location /error { error_page 404 =503 /file; return 404; }
        location /file { internal; alias $dir/large; }
    }
END

my @paths = map { my $v = $_; map { ("/$v/$_/small", "/$v/$_/large") } 'on', 'off' }
            @versions;
is((http_get($server, $_))[2], 'stored', "$_: is stored") for @paths;
select undef, undef, undef, 2.2;
write_file("$dir/fail", '');

for my $path (@paths) {
    for my $n (1 .. 3) {
        my ($status, $head, $body) = http_get($server, $path);
        is("$status $body", '200 stored', "$path: a stale response");
        like($head, qr/^Content-Length: 6\r?$/m, 'with its length');
    }
}

# an error without a body does not cost its connection

my @empty = map { my $v = $_; map { "/$v/$_/empty" } 'on', 'off' }
            grep { $_ ne '1.0' } @versions;
unlink "$dir/fail" or die $!;
is((http_get($server, $_))[2], 'stored', "$_: is stored") for @empty;
select undef, undef, undef, 2.2;
write_file("$dir/fail", '');
for my $path (@empty) {
    my $from = -s $server->dir . '/logs/origin.log';
    is((http_get($server, $path))[2], 'stored', "$path: a stale response")
        for 1 .. 5;
    my %connections = map { $_ => 1 }
        substr(Test::Gateway::Server::slurp($server->dir . '/logs/origin.log'),
               $from) =~ m{^/empty (\d+)$}mg;
    is(scalar(keys %connections), 1, 'one connection to the server');
}
unlink "$dir/fail" or die $!;
is((http_get($server, $_))[2], 'stored', "$_: works again") for @paths;
unlike($server->log, qr/larger than indicated|upstream sent/, 'nothing is read too far');
$server->stop('nothing went wrong');

done_testing;
