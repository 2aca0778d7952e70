# SPDX-License-Identifier: BSD-2-Clause

package Bench;

# Functions that the programs in t/bench share: tokens, servers, processes.  All
# files are in one temporary folder, and all servers listen on 127.0.0.1.

use v5.28;
use warnings;

use Digest::SHA ();
use Exporter qw( import );
use File::Path qw( make_path );
use File::Temp ();
use IO::Socket::INET;
use JSON::PP ();
use List::Util qw( shuffle );
use MIME::Base64 ();
use POSIX ();
use Time::HiRes qw( sleep time );

our @EXPORT = qw( folder make_tokens make_keys consumers pem secret nginx
                  start_nginx start haproxy logs ids
                  up free_port request write_file read_file spawn stop finish
                  worker_of cpu_seconds preload wrk_cpu paced answered
                  count_turns forget_turns turns
                  median quartiles spread markdown_table note versions );

our $Dir;
my $main = $$;
my %running;

my $objs = $ENV{GATEWAY_OBJS} || $ENV{OBJS} || 'objs';
my $json = JSON::PP->new->canonical->utf8;

$ENV{PATH} .= ':/usr/sbin:/usr/local/sbin';


# The folder of this run, removed when the process exits.

sub folder {
    return $Dir if $Dir;

    $Dir = File::Temp->newdir('gateway-bench-XXXXXX', TMPDIR => 1);
    chmod 0755, "$Dir";
    return $Dir;
}


sub write_file {
    my ($path, $text) = @_;

    open my $out, '>:raw', $path or die "$path: $!\n";
    print $out $text;
    close $out or die "$path: $!\n";
    return $path;
}


sub read_file {
    my ($path) = @_;

    open my $in, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar <$in> // '';
}


# --- records of requests

# nine members, of which three are numbers

my @nine = ([ time       => '$time_iso8601' ],
            [ addr       => '$remote_addr' ],
            [ method     => '$request_method' ],
            [ uri        => '$request_uri' ],
            [ status     => '$status', 'int' ],
            [ bytes      => '$body_bytes_sent', 'int' ],
            [ time_taken => '$request_time', 'number' ],
            [ referer    => '$http_referer' ],
            [ agent      => '$http_user_agent' ]);
my $nine = '{' . join(',', map { $_->[2] ? qq{"$_->[0]":$_->[1]}
                                         : qq{"$_->[0]":"$_->[1]"} } @nine)
           . '}';

my $native = '{"time":"$time_iso8601","duration_ms":$request_time,'
    . '"status":$status,"method":"$request_method","scheme":"$scheme",'
    . '"host":"$host","port":$server_port,"path":"$uri",'
    . '"http_version":"$server_protocol","client_ip":"$remote_addr",'
    . '"client_port":$remote_port,"request_bytes":$request_length,'
    . '"response_bytes":$bytes_sent,"response_body_bytes":$body_bytes_sent,'
    . '"referer":"$http_referer","user_agent":"$http_user_agent",'
    . '"connection":$connection,"connection_requests":$connection_requests}';

# 42 members: those of the preset ecs that this request has, and labels
my %more = map { ("labels.a$_" => '$request_method') } 10 .. 21;
my $ecs = '{"@timestamp":"$time_iso8601","ecs":{"version":"9.4.0"},'
    . '"event":{"kind":"event","category":["web"],"dataset":"nginx.access",'
    . '"type":["access"],"outcome":"success","duration":$request_time},'
    . '"http":{"request":{"bytes":$request_length,"method":"$request_method",'
    . '"referrer":"$http_referer"},"response":{"bytes":$bytes_sent,'
    . '"body":{"bytes":$body_bytes_sent},"status_code":$status},'
    . '"version":"$server_protocol"},"url":{"scheme":"$scheme",'
    . '"domain":"$host","port":$server_port,"path":"$uri",'
    . '"original":"$request_uri"},"client":{"ip":"$remote_addr",'
    . '"port":$remote_port},"user_agent":{"original":"$http_user_agent"},'
    . '"host":{"name":"$hostname"},"labels":{'
    . join(',', map { qq{"$_":"$more{$_}"} } sort keys %more)
    . '},"gateway":{"route":"/","end":"$request_completion",'
    . '"connection":$connection,"connection_requests":$connection_requests}}';


# logs($file): configurations that log the same members by nginx's escape=json
# (escape, escape_log, escape_ecs) and by gateway_log (log_nine, log, log_ecs):
# name => [ lines of http, lines of the location ].

sub logs {
    my ($file) = @_;

    my %escape = (escape => $nine, escape_log => $native, escape_ecs => $ecs);
    my $fields = join ' ', map { "field @$_;" } @nine;
    my $labels = join ' ', map { "field $_ $more{$_};" } sort keys %more;

    return (
        map({ $_ => [ "log_format f escape=json '$escape{$_}';",
                      "access_log $file f buffer=64k flush=1s;" ] }
            keys %escape),
        log      => [ '', "gateway_log $file;" ],
        log_nine => [ "gateway_log_format f preset=none { $fields }",
                      "gateway_log $file f;" ],
        log_ecs  => [ "gateway_log_format f preset=ecs { $labels }",
                      "gateway_log $file f;" ],
    );
}


# lines of a server: a request id and a trace

sub ids { 'gateway_request_id X-Request-ID; gateway_trace propagate;' }


# --- tokens

sub tool { $ENV{GATEWAY_TOOL} || "$objs/nginx-gateway" }


sub said {
    my (@command) = @_;

    open my $in, '-|', @command or die "$command[0]: $!\n";
    local $/;
    my $text = <$in> // '';
    close $in or die "@command failed\n";
    return $text;
}


sub b64u_decode {
    my ($text) = @_;

    $text =~ tr{-_}{+/};
    return MIME::Base64::decode_base64($text);
}


# make_tokens($alg, $n): writes a key, its set and $n tokens of eight claims to
# the folder, as ALG.jwk, ALG.jwks.json and ALG.tokens (one per line).

sub make_tokens {
    my ($alg, $n, $name) = @_;

    my $base = folder() . '/' . ($name // $alg);
    write_file("$base.jwk", private_key($alg));
    write_file("$base.jwks.json", $alg =~ /^HS/ ? read_file("$base.jwk")
                                  : said(tool(), qw( jwk public ),
                                         "$base.jwk"));

    # a process for each core, one start of the tool for each token
    my @parts = grep { $_->{first} <= $_->{last} }
                map { { first => $_ * int($n / 2),
                        last  => $_ ? $n - 1 : int($n / 2) - 1 } } 0, 1;

    for my $part (@parts) {
        $part->{pid} = fork // die "fork: $!\n";
        next if $part->{pid};

        eval { sign("$base.jwk", "$base.$part->{first}", $_->{first},
                    $_->{last}) for $part; 1 }
            or do { print STDERR $@; POSIX::_exit(1) };
        POSIX::_exit(0);
    }

    my $text = '';
    for my $part (@parts) {
        waitpid $part->{pid}, 0;
        die "tokens of $alg could not be signed\n" if $?;
        $text .= read_file("$base.$part->{first}");
    }
    return write_file("$base.tokens", $text);
}


# the secret is text, because HAProxy reads it as a string

sub private_key {
    my ($alg) = @_;

    return said(tool(), qw( jwk generate --alg ), $alg) if $alg !~ /^HS/;

    my $k = MIME::Base64::encode_base64(secret(), '');
    $k =~ tr{+/=}{-_}d;
    return $json->encode({ kty => 'oct', alg => $alg, k => $k,
                           kid => 'bench-key-2b7d0c35a1f94e68b3c1d5f7a9e0b2c4' });
}


sub secret { 'a-secret-of-the-benchmark-that-is-as-long-as-SHA-512-is-0123456789' }


sub sign {
    my ($key, $out, $first, $last) = @_;

    my $file = "$out.json";
    my $text = '';

    for my $i ($first .. $last) {
        write_file($file, claims($i));
        $text .= said(tool(), qw( jwt sign --key ), $key, '--claims-json',
                      $file);
    }
    write_file($out, $text);
    unlink $file;
}


# about 280 bytes, no two alike

sub claims {
    my ($i) = @_;

    my $now = int time;
    return sprintf '{"iss":"https://id.example.com/realms/main",'
                   . '"sub":"user-%06d@example.com",'
                   . '"aud":"https://api.example.com/orders",'
                   . '"exp":%d,"iat":%d,"nbf":%d,'
                   . '"jti":"%08x-7c1e-4b52-9d3a-%012x",'
                   . '"scope":"openid profile email orders:read orders:write"}',
                   $i, $now + 86400, $now, $now, $i * 2654435761 % 2**32, $i;
}


# --- API keys

# make_keys($n): writes $n keys to KEY.tokens in the folder, and a consumer for
# each of them to consumers.json.

sub make_keys {
    my ($n) = @_;

    my @keys = map { "gw_key-$_-" . substr(Digest::SHA::sha384_hex("a$_"), 0,
                                           49) } 1 .. $n;

    # requests use the keys in another order than the file and the memory
    srand 1;
    write_file(folder() . '/KEY.tokens', join '', map { "$_\n" } shuffle(@keys));
    return write_file(folder() . '/consumers.json',
                      consumers('gold', @keys));
}


# the text of a file with a consumer for each key, about 560 bytes each

sub consumers {
    my ($plan, @keys) = @_;

    my $i = 0;
    return "{ \"consumers\": [\n" . join(",\n", map { $i++; sprintf <<'END',
{ "id": "acme-%d", "groups": ["partners"], "plan": "%s", "disabled": false,
  "metadata": { "tenant": "%d" },
  "keys": [ { "id": "acme-%d-2026", "sha256": "%s", "scopes": ["orders:read"], "not_before": "2026-01-01T00:00:00Z", "expires": "2099-01-01T00:00:00Z", "allow": ["127.0.0.0/8", "2001:db8::/32"], "disabled": false } ],
  "jwt": [ { "iss": "https://id.example", "sub": "service-acme-%d" } ],
  "certificates": [ { "sha256": "%s" } , { "san": "uri:spiffe://example/acme-%d" } ] }
END
        $i, $plan, $i, $i, Digest::SHA::sha256_hex($_), $i,
        Digest::SHA::sha256_hex("certificate $i"), $i } @keys) . "] }\n";
}


# The public key of an algorithm in PEM, for peers that do not read JWKs.

sub pem {
    my ($alg) = @_;

    my $jwk = $json->decode(read_file(folder() . "/$alg.jwk"));
    my %spki = (RSA => \&spki_rsa, EC => \&spki_ec);
    my $make = $spki{$jwk->{kty}} or return;

    my $text = MIME::Base64::encode_base64($make->($jwk), '');
    $text =~ s/(.{1,64})/$1\n/g;
    return write_file(folder() . "/$alg.pem",
                      "-----BEGIN PUBLIC KEY-----\n$text"
                      . "-----END PUBLIC KEY-----\n");
}

sub der {
    my ($tag, @parts) = @_;

    my $body = join '', @parts;
    my $n = length $body;
    my $len = $n < 128 ? chr $n
            : $n < 256 ? pack 'CC', 0x81, $n : pack 'Cn', 0x82, $n;
    return chr($tag) . $len . $body;
}

sub der_integer {
    my ($bytes) = @_;

    return der(0x02, ord $bytes > 127 ? "\0" : '', $bytes);
}

# RFC 8017, A.1

sub spki_rsa {
    my ($jwk) = @_;

    my ($n, $e) = map { der_integer(b64u_decode($jwk->{$_})) } qw( n e );
    return der(0x30, der(0x30, der(0x06, pack 'H*', '2a864886f70d010101'),
                               der(0x05)),
                     der(0x03, "\0", der(0x30, $n, $e)));
}

# RFC 5480, 2

sub spki_ec {
    my ($jwk) = @_;

    my %curve = ('P-256' => '2a8648ce3d030107', 'P-384' => '2b81040022',
                 'P-521' => '2b81040023');
    return der(0x30, der(0x30, der(0x06, pack 'H*', '2a8648ce3d0201'),
                               der(0x06, pack 'H*', $curve{$jwk->{crv}})),
                     der(0x03, "\0\x04", b64u_decode($jwk->{x}),
                                         b64u_decode($jwk->{y})));
}


# --- processes

# spawn(@command): its pid.  Its output goes to "log" in the folder.

sub spawn {
    my (@command) = @_;

    my $log = folder() . '/log';
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log;
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    $running{$pid} = 1;
    return $pid;
}


# The signal is repeated: an nginx without a master that receives it just before
# it waits for events continues to wait.

sub stop {
    my ($pid) = @_;

    delete $running{$pid} or return;
    for (1 .. 200) {
        kill 'TERM', $pid;
        for (1 .. 20) {
            return if waitpid($pid, POSIX::WNOHANG()) == $pid;
            sleep 0.01;
        }
    }
    kill 'KILL', $pid;
    waitpid $pid, 0;
}


# Waits for a process that exits by itself.

sub finish {
    my ($pid) = @_;

    waitpid $pid, 0;
    delete $running{$pid};
}


sub stop_all { stop($_) for keys %running }

$SIG{INT} = $SIG{TERM} = sub { exit 1 };

END {
    if ($$ == $main) {
        my $code = $?;
        stop_all();
        $? = $code;
    }
}


# The workers of nginx's or Varnish's master $pid, after waiting for $n of them
# (default: 1).

sub worker_of {
    my ($pid, $n) = @_;

    $n //= 1;
    for (1 .. 200) {
        my @found;
        for my $file (glob '/proc/[0-9]*/stat') {
            open my $in, '<', $file or next;
            my $stat = <$in> // '';
            next if $stat !~ /^(\d+) \([^)]*\) \S $pid /;

            # not the cache manager and loader of proxy_cache
            my $child = $1;
            open my $said, '<', "/proc/$child/cmdline" or next;
            push @found, $child if (<$said> // '') !~ /cache (?:manager|loader)/;
        }
        return wantarray ? @found : $found[0] if @found >= $n;
        sleep 0.02;
    }
    die "$pid has no worker\n" . read_file(folder() . '/log');
}


# The CPU time of a process in seconds: (user and system time, user time).

sub cpu_seconds {
    my ($pid) = @_;

    my $stat = read_file("/proc/$pid/stat");
    my @fields = split ' ', substr $stat, rindex($stat, ')') + 2;
    my ($user, $system) = map { $_ / POSIX::sysconf(POSIX::_SC_CLK_TCK()) }
                          @fields[11, 12];
    return wantarray ? ($user + $system, $user) : $user + $system;
}


# --- servers

my %given;

sub free_port {
    while (1) {
        my $port = IO::Socket::INET->new(Listen => 1,
                                         LocalAddr => '127.0.0.1')->sockport;
        return $port if !$given{$port}++;
    }
}


sub nginx { $ENV{NGINX} || 'nginx' }


# nginx's configuration around $http; %part: name (of its folder), main,
# workers.

sub nginx_conf {
    my ($http, %part) = @_;

    my $dir = folder() . "/$part{name}";
    make_path("$dir/tmp");

    my $user = $> == 0 ? 'user root;' : '';
    my $main = $part{main} // '';
    my $workers = $part{workers} // 1;
    my $temp = join "\n    ", map { "${_}_temp_path tmp/$_;" }
                              qw( client_body proxy fastcgi uwsgi scgi );

    write_file("$dir/nginx.conf", <<END);
$main
$user
worker_processes $workers;
pid $dir/nginx.pid;
error_log $dir/error.log @{[ $part{level} // 'warn' ]};
daemon off;

events {
    worker_connections 512;
    accept_mutex off;
}

http {
    access_log off;
    keepalive_requests 100000000;
    large_client_header_buffers 4 16k;
    $temp
$http
}
END
    return $dir;
}


sub load_module {
    my $so = $ENV{GATEWAY_MODULE} || "$objs/ngx_http_gateway_module.so";
    require Cwd;
    return 'load_module "' . Cwd::abs_path($so) . '";';
}


# start_nginx($http, name =>, gateway => 1, core =>, before => [ command ],
# level => of the log)

sub start_nginx {
    my ($http, %part) = @_;

    $part{main} = join "\n", $part{main} // (),
                             $part{gateway} ? load_module() : ();
    my $dir = nginx_conf($http, %part);
    my @pinned = defined $part{core} ? ('taskset', '-c', $part{core}) : ();

    return spawn(@{ $part{before} // [] }, @pinned, nginx(), '-p', "$dir/",
                 '-e', "$dir/error.log", '-c', "$dir/nginx.conf");
}


sub start { spawn(@_) }


# Waits until a port accepts connections.  Dies with the log if the process
# ends.

sub up {
    my ($port, $pid, $seconds) = @_;

    my $end = time + ($seconds // 10);
    while (time < $end) {
        return if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");

        if (waitpid($pid, POSIX::WNOHANG()) == $pid) {
            delete $running{$pid};
            last;
        }
        sleep 0.02;
    }
    die "nothing listens on port $port\n" . read_file(folder() . '/log')
        . join '', map { read_file($_) } glob folder() . '/*/error.log';
}


# Sends a request with a header line.  Returns its status and the length of the
# whole response.

sub request {
    my ($port, $path, $line) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        or die "connect to port $port: $!\n";
    print $socket "GET $path HTTP/1.1\r\nHost: localhost\r\n"
                  . "$line\r\n\r\n";

    my $answer = '';
    while ($answer !~ /\r\n\r\n/) {
        sysread $socket, $answer, 65536, length $answer
            or die "port $port closed the connection\n";
    }

    my ($length) = $answer =~ /^content-length: (\d+)/im;
    my ($status) = $answer =~ m{^HTTP/1\.1 (\d+)};
    return ($status, index($answer, "\r\n\r\n") + 4 + ($length // 0));
}


# --- load

# preload('awake'): path of the compiled t/bench/awake.c, for LD_PRELOAD.

sub preload {
    my ($name) = @_;

    my $library = folder() . "/$name.so";
    system(qw( cc -O2 -shared -fPIC -o ), $library, "t/bench/$name.c") == 0
        or die "cc cannot build t/bench/$name.c\n";
    return $library;
}


# count_turns(): the command, for start_nginx(), that measures the turns of the
# event loop, see turn.c; turns(): the longest one in ms by the clock and by CPU
# time, and their number, since the start or forget_turns().

sub count_turns {
    write_file(folder() . '/turn', "\0" x 24);
    return ('env', 'LD_PRELOAD=' . preload('turn'),
            'GATEWAY_TURN=' . folder() . '/turn');
}

# the file is mapped, and must not become shorter

sub forget_turns {
    my $path = folder() . '/turn';

    open my $out, '+<:raw', $path or die "$path: $!\n";
    print $out "\0" x 24;
    close $out or die "$path: $!\n";
}

sub turns {
    my ($wall, $cpu, $n) = unpack 'Q3', read_file(folder() . '/turn');
    return ($wall / 1e6, $cpu / 1e6, $n);
}


# wrk_cpu($url, $status, workers => [ pids ], threads =>, connections =>,
# seconds =>, core => of wrk, before => [ command ], options => [ of wrk ]): the
# workers' CPU time per response that wrk received, requests per second, and the
# number of requests.  Dies if a response has another status.

sub wrk_cpu {
    my ($url, $status, %arg) = @_;

    my $cpu = sub {
        my $sum = 0;
        $sum += cpu_seconds($_) for @{ $arg{workers} };
        return $sum;
    };

    my $before = $cpu->();
    my @core = defined $arg{core} ? ('taskset', '-c', $arg{core}) : ();
    open my $wrk, '-|', @core, @{ $arg{before} // [] }, 'wrk',
                  '-t' . ($arg{threads} // 1), "-c$arg{connections}",
                  "-d$arg{seconds}s", @{ $arg{options} // [] }, $url
        or die "wrk: $!\n";
    my $said = join '', <$wrk>;
    close $wrk;
    my $after = $cpu->();

    my ($n) = $said =~ /(\d+) requests in/ or die "$url: $said\n";
    my ($rate) = $said =~ m{Requests/sec:\s+([\d.]+)};
    my ($other) = $said =~ /Non-2xx or 3xx responses: (\d+)/;

    die "$url: $said\n" if $said =~ /Socket errors/;
    die "$url: not the expected answers: $said\n"
        if ($other // 0) != ($status == 200 ? 0 : $n);

    return (($after - $before) / $n, $rate, $n);
}


# paced($url, $log, rate => a second, connections =>, seconds =>, core =>): the
# pid of h2load, which sends requests at a fixed rate and writes $log.  Instead
# of $url: \@urls, which each connection requests in this order, repeatedly.

sub paced {
    my ($url, $log, %arg) = @_;

    $url = '--input-file=' . write_file("$log.urls", join "\n", @$url, '')
        if ref $url;
    unlink $log;
    return spawn('taskset', '-c', $arg{core}, 'h2load', '--h1', '--rps='
                 . int($arg{rate} / $arg{connections}), "-c$arg{connections}",
                 '-t1', "-D$arg{seconds}", '--warm-up-time=1',
                 "--log-file=$log", $url);
}


# The responses in a log of h2load: [ seconds since the epoch, status, ms ].

sub answered {
    my ($log) = @_;

    return map { my ($at, $status, $usec) = split;
                 [ $at / 1e6, $status, $usec / 1000 ] }
           split /\n/, read_file($log);
}


# --- numbers

sub at {
    my ($share, @values) = @_;

    @values = sort { $a <=> $b } @values;
    my $place = $share * $#values;
    my $i = int $place;
    return $values[$i] if $i == $#values;
    return $values[$i] + ($place - $i) * ($values[$i + 1] - $values[$i]);
}

sub median { at(0.5, @_) }

sub quartiles { (at(0.25, @_), at(0.75, @_)) }


# A median with its quartiles, as text: spread('%.2f', @values).

sub spread {
    my ($format, @values) = @_;

    return '-' if !@values;
    return sprintf "$format ($format-$format)", median(@values),
                   quartiles(@values);
}


# The text of a table in Markdown; the first row is its head.

sub markdown_table {
    my ($head, @rows) = @_;

    return join '', map { '| ' . join(' | ', @$_) . " |\n" }
                    $head, [ ('---') x @$head ], @rows;
}


sub note { print STDERR "$_[0]\n" }


# --- versions

sub first_line {
    my ($pattern, @command) = @_;

    open my $in, '-|', "@command 2>&1" or return 'none';
    local $/;
    my $text = <$in> // '';
    close $in;
    return $text =~ $pattern ? $1 : 'none';
}


sub versions {
    my (@names) = @_;

    my %version = (
        'nginx-gateway' => sub { first_line(qr/([\d.]+)/, tool(),
                                            '--version') },
        'nginx'    => sub { first_line(qr{nginx/(\S+)}, nginx(), '-v') },
        'OpenSSL'  => sub { first_line(qr/^OpenSSL (\S+)/, 'openssl version') },
        'Varnish'  => sub { first_line(qr/varnish-(\S+)/, 'varnishd -V') },
        'HAProxy'  => sub { first_line(qr/version (\S+)/, 'haproxy -v') },
        'Redis'    => sub { first_line(qr/v=(\S+)/, 'redis-server -v') },
        'wrk'      => sub { first_line(qr/wrk (\S+)/, 'wrk -v') },
        'valgrind' => sub { first_line(qr/valgrind-(\S+)/,
                                       'valgrind --version') },
        'Linux'    => sub { (POSIX::uname())[2] },
        'CPU'      => sub { read_file('/proc/cpuinfo')
                            =~ /^model name\s*:\s*(.*)/m ? $1
                            : (POSIX::uname())[4] },
    );
    return map { [ $_, $version{$_}->() ] } @names;
}

1;
