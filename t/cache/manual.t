# SPDX-License-Identifier: BSD-2-Clause

# modules/cache/README.md: the first example, that of gateway_cache_purge, and
# the context and default of each directive.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use Test::Gateway::Origin;
use Test::Gateway::Server;
use Test::More;

my $readme = Test::Gateway::Server::slurp('modules/cache/README.md');

# --- the first example

my $origin = origin();
my $port = free_port();
my ($conf, $commands) = $readme =~ /^```nginx\n(.*?)^```.*?^```\n(\$ .*?)^```/ms;

my $temp = join ' ', map { "${_}_temp_path tmp/$_;" }
                     qw( client_body proxy fastcgi uwsgi scgi );
$conf =~ s{modules/ngx_http_gateway_module\.so}{"$ENV{GATEWAY_MODULE}"};
$conf =~ s{^http \{\K}{ access_log off; $temp}m;
$conf =~ s{9000}{$origin->port}e;
s/127\.0\.0\.1:8080/127.0.0.1:$port/g for $conf, $commands;
$conf = "user root;\n$conf" if $> == 0;
my $nginx = start_nginx(port => $port, conf => $conf);

SKIP: {
    my @steps = $commands =~ /^\$ (.*)\n(.*)\n/mg;
    cmp_ok(scalar @steps, '>=', 10, 'there are commands');
    skip 'no curl', @steps / 2 if system 'curl --version >/dev/null 2>&1';

    while (my ($command, $expected) = splice @steps, 0, 2) {
        open my $out, '-|', 'sh', '-c', $command or die "sh: $!";
        my $said = do { local $/; <$out> };
        s/\s+\z//, s/ttl=(?:10|9)\b/ttl=10/ for $said, $expected;
        is($said, $expected, $command);
    }
}
$nginx->stop;

# --- gateway_cache_purge: PURGE from one address

my ($purge) = $readme =~ /^### gateway_cache_purge\n.*?```nginx\n(.*?)```/ms;
my ($maps, $rest) = $purge =~ /\A(.*?^\}\n\n.*?^\}\n)\n(.*)/ms;
my ($zone) = $rest =~ s/^(gateway_cache_zone .*\n)//m ? $1 : '';

$origin->answer('/a', head => [ 'Cache-Control: max-age=60' ]);
$port = free_port();
$nginx = start_nginx(port => $port, http => "$maps $zone", server => <<"END");
    listen 127.0.0.2:$port;
    $rest
    add_header X-Status \$gateway_cache_status always;
    location / { proxy_pass http://127.0.0.1:@{[ $origin->port ]}; }
END

sub status { (http_get($nginx, '/a'))[1] =~ /^X-Status: (\w+)/m && $1 }

# the status of a PURGE from the given address

sub purged_by {
    my $socket = IO::Socket::INET->new(LocalAddr => $_[0],
                                       PeerAddr => "127.0.0.2:$port") or die $!;
    print $socket "PURGE /a HTTP/1.0\r\nHost: localhost\r\n\r\n";
    $socket->flush;
    return scalar(<$socket>) =~ m{^HTTP/1\.1 (\d+)} && $1;
}

is(status(), $_, "$_ before the purge") for qw( MISS HIT );
is(purged_by('127.0.0.1'), 204, 'the allowed address');
is(status(), $_, "$_ after the purge") for qw( MISS HIT );
$origin->answer('/a', { status => 405 });
is(purged_by('127.0.0.2'), 405, 'another address: sent to the origin');
is(status(), 'HIT', 'the response is still stored');
$nginx->stop;

# --- contexts

my %directive;
for my $section (split /^### /m, $readme) {
    my ($name) = $section =~ /\A(gateway_cache\w*)\n/ or next;
    my ($default) = $section =~ /^Default:  (.*)$/m;
    my ($context) = $section =~ /^Context:  (.*)$/m;
    $directive{$name} = { default => $default, context => $context };
}
is(scalar keys %directive, 22, 'all directives');

my %value = (gateway_cache_zone => 'zone=y:1m', gateway_cache => 'z',
             gateway_cache_admin => 'zone=z from=127.0.0.1',
             map { ("gateway_cache_$_" => '$arg_a') } qw( bypass no_store purge ));

sub allowed {
    my ($context, $line) = @_;

    my $pass = 'proxy_pass http://127.0.0.1:1;';
    my %part = (http => 'gateway_cache_zone zone=z:1m;', server => '');

    if ($context eq 'main') { $part{main} = $line }
    elsif ($context eq 'http') { $part{http} .= $line }
    elsif ($context eq 'upstream') { $part{http} .= "upstream u { $line }" }
    elsif ($context eq 'server') { $part{server} = $line }
    elsif ($context eq 'location') { $part{server} = "location / { $line }" }
    else { $part{server} = "location / { $context { $line } $pass }" }

    my ($code, $said) = nginx_t(http_conf(%part));
    return 1 if $code == 0;
    like($said, qr/directive is not allowed here/, "not in $context: $line");
    return 0;
}

for my $name (sort keys %directive) {
    my $text = "$name " . ($value{$name}
                           // $directive{$name}{default} =~ s/^\S+ |;$//gr) . ';';
    my @where = grep { allowed($_, $text) }
                ('main', 'http', 'upstream', 'server', 'location', 'if ($arg_a)',
                 'limit_except GET');
    is(join(', ', @where), $directive{$name}{context}, "$name: the context");
}

# --- defaults: a directive with its default has the same effect as none

my @defaults = grep { !/^-$|^gateway_cache off;/ }
               map { $directive{$_}{default} } sort keys %directive;
is(scalar @defaults, 16, 'directives with a default');

my $log = 'error_log logs/error.log debug;';
$nginx = start_nginx(workers => 1, main => $log,
    http => 'gateway_cache_zone zone=z:4m; gateway_cache_zone zone=y:4m'
            . ' max_object=1m;',
    server => <<"END");
    location /none { gateway_cache z; return 200 \$gateway_cache_key; }
    location /all { gateway_cache z; @defaults return 200 \$gateway_cache_key; }
    location /object { gateway_cache y; return 200 \$gateway_cache_key; }
    location /off { return 200 "\$gateway_cache_key."; }
END

SKIP: {
    skip 'nginx has no debug log', 3 if $nginx->log !~ /\[debug\]/;

    my %said;
    for my $path ('/none', '/all', '/object') {
        my $from = length $nginx->log;
        $nginx->get($path);
        ($said{$path}) = substr($nginx->log, $from)
                         =~ /gateway cache: (zone .*max_object.*)$/m;
        my ($rest) = substr($nginx->log, $from)
                     =~ /gateway cache: (ttl:.*?)(?: while .*)?$/m;
        $said{$path} .= $rest // '';
    }
    ok(length $said{'/none'}, 'the settings are logged');
    is($said{'/all'}, $said{'/none'}, 'the defaults of the manual');
    is($said{'/object'} =~ s/"y"/"z"/r, $said{'/none'}, 'max_object=1m');
}
is(($nginx->get('/off'))[2], '.', 'gateway_cache is off');
$nginx->stop;

done_testing;
