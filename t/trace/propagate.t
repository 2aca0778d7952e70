# SPDX-License-Identifier: BSD-2-Clause

# gateway_trace: the traceparent and tracestate that the upstream server receives,
# from trusted and untrusted clients.

use v5.28;
use warnings;
use lib 't/lib';

use File::Temp ();
use IO::Socket::UNIX;
use Test::Gateway::Echo;
use Test::Gateway::Server;
use Test::More;

my ($id, $span) = ('0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331');
my $valid = "00-$id-$span-01";
my $dir = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
my $upstream = "proxy_pass http://127.0.0.1:$ENV{TEST_NGINX_ECHO_PORT};";

my %port = map { $_ => free_port() } qw( h2 trusted untrusted range v6 nobody
                                         restart off replaced inherited
                                         realip bare );
my $h2 = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$port{h2} http2;"
                                : "listen 127.0.0.1:$port{h2}; http2 on;";

sub server_of {
    my ($name, $conf) = @_;
    return "server { listen 127.0.0.1:$port{$name}; $conf\n"
           . "location / { $upstream } }\n";
}

my $values = CORE::join ' ', map { "$_=\$gateway_$_" }
             qw( trace_id span_id parent_id trace_sampled traceparent );

my $nginx = start_nginx(http => <<"END"
    gateway_trace propagate;
    gateway_trust from=127.0.0.1;
    underscores_in_headers on;
    server {
        $h2
        listen 127.0.0.1:$port{trusted};
        listen unix:$dir/socket;
        location / { $upstream }
        location = /values { return 200 '$values'; }
        location = /wins {
            proxy_set_header traceparent mine; proxy_set_header tracestate "";
            $upstream
        }
        location = /none { proxy_pass_request_headers off; $upstream }
        location = /none/set {
            proxy_pass_request_headers off;
            proxy_set_header traceparent \$gateway_traceparent;
            $upstream
        }
    }
END
    . server_of(untrusted => 'gateway_trust from=127.0.0.2 from=unix:;'
                             . ' set_real_ip_from 127.0.0.1;'
                             . ' real_ip_header X-Real-IP;')
    . server_of(range     => 'gateway_trust from=10.0.0.0/8 from=127.0.0.0/8;')
    . server_of(v6        => 'gateway_trust from=::1 from=::/0;')
    . server_of(restart   => 'gateway_trace restart;')
    . server_of(off       => 'gateway_trace off;')
    . server_of(replaced  => 'gateway_trust from=192.0.2.1;')
    . server_of(inherited => '')
    . server_of(realip    => 'set_real_ip_from 127.0.0.1;'
                             . ' real_ip_header X-Real-IP;'));

# the lines with traces that the upstream server received, by name

sub lines_of {
    my ($body) = @_;

    my %got;
    push @{ $got{lc $1} }, $2 while $body =~ /^(trace\w*): (.*)$/mgi;
    return \%got;
}

sub received {
    my ($server, @headers) = @_;
    my (undef, undef, $body) = http_get($port{$server}, '/',
                                        headers => \@headers);
    return lines_of($body);
}

my %seen;

# a traceparent of a trace that the client has begun: flags

sub continued {
    my ($got, $name, $flags, @state) = @_;

    is_deeply([ scalar @{ $got->{traceparent} // [] }, $got->{tracestate} ],
              [ 1, @state ? \@state : undef ], "$name: lines");
    my ($p, $f) = ($got->{traceparent}[0] // '')
                  =~ /^00-$id-([0-9a-f]{16})-([0-9a-f]{2})$/;
    is($f, $flags, "$name: the trace goes on");
    ok($p && $p ne $span && !$seen{$p}++, "$name: with a span of its own");
    return;
}

sub restarted {
    my ($got, $name, $flags) = @_;

    is_deeply([ scalar @{ $got->{traceparent} // [] }, $got->{tracestate} ],
              [ 1, undef ], "$name: lines");
    my ($t, $p, $f) = ($got->{traceparent}[0] // '')
                      =~ /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
    is($f, $flags // '03', "$name: a new trace");
    ok($t && $t ne $id && !$seen{$t}++ && !$seen{$p}++,
       "$name: with ids of its own");
    return;
}


# --- traceparent

my @state = 'tracestate: a=1,b=2';

continued(received(trusted => "traceparent: $valid"), 'trusted', '01');
continued(received(trusted => "TraceParent: $valid", @state),
          'trusted, with tracestate', '01', 'a=1,b=2');
continued(received(trusted => "traceparent: 00-$id-$span-00"),
          'not sampled', '00');
continued(received(trusted => "traceparent: 00-$id-$span-02"),
          'random', '02');
continued(received(trusted => "traceparent: 00-$id-$span-ff"),
          'unknown flags', '03');
continued(received(trusted => "traceparent: cc-$id-$span-01-more", @state),
          'a later version', '01', 'a=1,b=2');

restarted(received('trusted'), 'no traceparent');
restarted(received(trusted => @state), 'tracestate alone');

my %invalid = (
    'version ff'        => [ "ff-$id-$span-01" ],
    'upper case'        => [ "00-\U$id\E-$span-01" ],
    'zero trace id'     => [ '00-' . '0' x 32 . "-$span-01" ],
    'zero parent id'    => [ "00-$id-" . '0' x 16 . '-01' ],
    'more in 00'        => [ "$valid-more" ],
    'an empty line'     => [ '' ],
    'two lines'         => [ $valid, $valid ],
    'two other lines'   => [ $valid, "00-$id-$span-00" ],
    'valid, then empty' => [ $valid, '' ],
);
for (sort keys %invalid) {
    restarted(received(trusted => map({ "traceparent: $_" } @{ $invalid{$_} }),
                       @state), $_);
}


# --- addresses

restarted(received(untrusted => "traceparent: $valid", @state),
          'an address that is not listed');
restarted(received(v6 => "traceparent: $valid", @state), 'IPv6 only');
restarted(received(replaced => "traceparent: $valid", @state),
          'a list that replaces the inherited one');
continued(received(inherited => "traceparent: $valid", @state),
          'an inherited list', '01', 'a=1,b=2');
continued(received(range => "traceparent: $valid", @state),
          'a range', '01', 'a=1,b=2');
restarted(received(restart => "traceparent: $valid", @state), 'restart');
restarted(received('restart'), 'restart, and no traceparent');
is_deeply(received(off => "traceparent: $valid", 'traceparent: x', @state,
                   'tracestate: c'),
          { traceparent => [ $valid, 'x' ], tracestate => [ 'a=1,b=2', 'c' ] },
          'off leaves the lines as they are');
is_deeply(received('off'), {}, 'off adds none');

continued(received(realip => "traceparent: $valid", 'X-Real-IP: 192.0.2.1'),
          'realip: the address of the socket is trusted', '01');
restarted(received(untrusted => "traceparent: $valid", 'X-Real-IP: 127.0.0.2'),
          'realip: the address that it finds is not trusted');


# --- unix:

sub over_unix {
    my ($name, @headers) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => "$dir/socket")
        or die "connect: $!";
    print $socket CORE::join("\r\n", 'GET / HTTP/1.1', 'Host: localhost',
                             'Connection: close', @headers, '', '');
    local $/;
    return lines_of(scalar <$socket>);
}

restarted(over_unix('unix', "traceparent: $valid", @state),
          'a unix socket that is not trusted');


# --- tracestate

sub state_of {
    my @lines = map { "tracestate: $_" } @_;
    my $got = received(trusted => @lines[0 .. $#lines / 2],
                       "traceparent: $valid",
                       @lines[int($#lines / 2) + 1 .. $#lines]);
    return CORE::join '|', @{ $got->{tracestate} // [] };
}

my @many = map { "k$_=$_" } 1 .. 33;

is(state_of('a=1', 'b=2,c=3', 'd=4'), 'a=1,b=2,c=3,d=4',
   'several fields become one, in order');
is(state_of('a=1', '', 'b=2'), 'a=1,b=2', 'an empty field between them');
is(state_of(" a=1 \t, ,b= 2"), 'a=1,b= 2', 'blanks and empty members');
is(state_of(''), '', 'an empty field is not passed on');
is(state_of('a=1,b=2,a=3'), 'a=1,b=2,a=3', 'a key twice');
is(state_of('a=1', 'a=1'), 'a=1,a=1', 'a key twice, in two fields');
is(state_of('a=1', '@b=2', 'c=3'), '', 'a bad member: none is passed on');
is(state_of(CORE::join ',', @many[0 .. 31]),
   CORE::join(',', @many[0 .. 31]), '32 members');
is(state_of(@many[0 .. 31]), CORE::join(',', @many[0 .. 31]),
   '32 members in 32 fields');
is(state_of(CORE::join(',', @many[0 .. 31]), 'k33=33'), '', '33 members');
is(length state_of('a=' . 'a' x 126, 'b=' . 'b' x 126, 'c=' . 'c' x 126,
                   'd=' . 'd' x 123), 512, '512 bytes');
is(state_of('a=' . 'a' x 126, 'b=' . 'b' x 127, 'c=' . 'c' x 126, 'd=' . 'd' x 126),
   CORE::join(',', map { "$_=" . $_ x 126 } qw( a c d )),
   'more than 512 bytes: a member of 129 goes first');
continued(received(trusted => "traceparent: $valid", 'tracestate: @'),
          'a bad tracestate leaves traceparent', '01');


# --- HTTP/2

sub over_h2 {
    my ($path, @headers) = @_;
    open my $curl, '-|', 'curl', '-s', '--http2-prior-knowledge',
         map({ ('-H', $_) } @headers), "http://127.0.0.1:$port{h2}$path"
        or die "curl: $!";
    local $/;
    return scalar <$curl>;
}

SKIP: {
    skip 'this curl knows no HTTP/2', 1 if `curl --version` !~ /HTTP2/;

    continued(lines_of(over_h2('/', 'tracestate: a=1', "traceparent: $valid",
                               'tracestate: b=2')),
              'HTTP/2', '01', 'a=1,b=2');
    restarted(lines_of(over_h2('/', "traceparent: $valid",
                               "traceparent: $valid", 'tracestate: b=2')),
              'HTTP/2, two lines');
    restarted(lines_of(over_h2('/')), 'HTTP/2, none');
}


# --- variables

my (undef, undef, $said) = http_get($port{trusted}, '/values',
                                    headers => [ "traceparent: $valid" ]);
# $gateway_trace_id, $gateway_span_id, $gateway_parent_id,
# $gateway_trace_sampled, $gateway_traceparent

like($said, qr/^trace_id=$id\ span_id=([0-9a-f]{16})\ parent_id=$span
               \ trace_sampled=1\ traceparent=00-$id-\1-01$/x,
     'variables of a trace that goes on');

(undef, undef, $said) = http_get($port{trusted}, '/values',
    headers => [ "traceparent: 00-$id-$span-00" ]);
like($said, qr/ trace_sampled=0 traceparent=\S+-00$/, 'and is not sampled');

(undef, undef, $said) = http_get($port{trusted}, '/values');
like($said, qr/^trace_id=([0-9a-f]{32})\ span_id=([0-9a-f]{16})\ parent_id=
               \ trace_sampled=1\ traceparent=00-\1-\2-03$/x,
     'variables of a new trace');


# --- what wins

sub at {
    my ($path) = @_;
    my (undef, undef, $body) = http_get($port{trusted}, $path,
                                        headers => [ "traceparent: $valid",
                                                     @state ]);
    return lines_of($body);
}

is_deeply(at('/wins'), { traceparent => [ 'mine' ] },
          'proxy_set_header of the same name wins');
is_deeply(at('/none'), {}, 'so does proxy_pass_request_headers off');
continued(at('/none/set'), 'and a variable sets the line anew', '01');

$nginx->stop;
unlink "$dir/socket";


# --- unix: is trusted, and nothing else is

$nginx = start_nginx(port => $port{bare}, server => <<"END");
    listen unix:$dir/socket;
    gateway_trace propagate;
    gateway_trust from=unix:;
    location / { $upstream }
END

continued(over_unix('unix', "traceparent: $valid", @state), 'unix:', '01',
          'a=1,b=2');
restarted(received(bare => "traceparent: $valid", @state),
          'unix: is no address');

$nginx->stop;


# --- without gateway_trust nobody is trusted

$nginx = start_nginx(port => $port{nobody}, server => <<"END");
    gateway_trace propagate;
    location / { $upstream }
END

restarted(received(nobody => "traceparent: $valid", @state),
          'no gateway_trust');

$nginx->stop;


# --- sample

sub flags_of {
    my ($conf, $n, @headers) = @_;

    my $port = free_port();
    my $server = start_nginx(port => $port, server => <<"END");
        $conf
        gateway_trust from=127.0.0.1;
        location / { return 200 '\$gateway_traceparent'; }
END
    my @parents = map { (http_get($port, '/', headers => \@headers))[2] }
                  1 .. $n;
    $server->stop;
    return @parents;
}

is_deeply([ map { /-(..)$/ } flags_of('gateway_trace restart sample=0;', 9) ],
          [ ('02') x 9 ], 'sample=0 samples none');
is_deeply([ map { /-(..)$/ } flags_of('gateway_trace restart sample=1;', 9) ],
          [ ('03') x 9 ], 'sample=1 samples all');

my (%flags, $wrong);
for (flags_of('gateway_trace restart sample=0.25;', 300)) {
    /^00-\w{18}(\w{14})-\w{16}-(\w\w)$/;
    $flags{$2}++;
    $wrong .= "$_\n" if $2 ne ($1 ge 'c' . '0' x 13 ? '03' : '02');
}
is($wrong, undef, 'sample=0.25 goes by the last 7 bytes of the trace id');
ok($flags{'02'} > 150 && $flags{'03'} > 20, 'about a quarter is sampled');

is_deeply([ map { /-(..)$/ } flags_of('gateway_trace propagate sample=0;', 2,
                                      "traceparent: $valid") ],
          [ ('01') x 2 ], 'the flag of a valid parent is kept, set');
is_deeply([ map { /-(..)$/ } flags_of('gateway_trace propagate sample=1;', 2,
                                      "traceparent: 00-$id-$span-00") ],
          [ ('00') x 2 ], 'and unset');
is_deeply([ map { /-(..)$/ } flags_of('gateway_trace propagate sample=0;', 2,
                                      "traceparent: ff-$id-$span-01") ],
          [ ('02') x 2 ], 'that of an invalid one is not');

done_testing;
