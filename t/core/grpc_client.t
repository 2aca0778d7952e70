# SPDX-License-Identifier: BSD-2-Clause

# How a gRPC client sees refusals: grpcio with an nginx that passes calls to a
# gRPC server.  grpc.t tests the same on the wire.

use v5.28;
use warnings;
use lib 't/lib';

use IPC::Open2 qw( open2 );
use JSON::PP ();
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

my ($python) = grep { system("$_ -c 'import grpc' 2>/dev/null") == 0 }
               qw( python3 /usr/bin/python3 );
plan skip_all => 'no client of gRPC: python3-grpcio is not installed' if !$python;

$SIG{ALRM} = sub { die "a call has no answer\n" };
alarm 180;

# a refusal that is not for gRPC is reported on standard error
$ENV{GRPC_VERBOSITY} = 'NONE';

my %process;

sub program {
    my (@arg) = @_;

    my $pid = open2(my $out, my $in, $python, 't/core/grpc.py', @arg);
    $process{$pid} = $in;
    return ($in, $out, $pid);
}

sub end {
    my ($pid) = @_;

    close delete $process{$pid};
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return;
}

END { local $?; end($_) for keys %process }


# --- the servers

my ($port, $upstream) = (free_port(), free_port());

my (undef, $server) = program('serve', $upstream);
is(scalar <$server>, "ready\n", 'a server of gRPC') or die "no server\n";

my $listen = nginx_before(1, 25, 1) ? "listen 127.0.0.1:$port http2;"
                                    : "listen 127.0.0.1:$port; http2 on;";
my $jwt = 'gateway_jwt r; gateway_jwt_key_file jwks.json;'
          . ' gateway_jwt_require_claim scope any read error=403;';
my $pass = "client_max_body_size 0; grpc_pass grpc://127.0.0.1:$upstream;";

my $nginx = start_nginx(workers => 1, files => { 'jwks.json' => jwks('es256') },
                        http => <<'END', server => <<"END2");
    log_format line '$request_uri $status $gateway_auth_reason';
    gateway_redis down { server 127.0.0.1:1; timeout 1s; }
    gateway_limit_zone $server_port zone=one:1m rate=1r/m;
    gateway_limit_zone $server_port zone=down:1m rate=1r/m redis=down
                       on_error=closed;
END
    $listen
    access_log logs/access.log line;
    location / { $jwt $pass }
    location /one/ { gateway_limit zone=one; rewrite ^/one(/.*) \$1 break; $pass }
    location /down/ { gateway_limit zone=down; rewrite ^/down(/.*) \$1 break; $pass }
    location /off/ { gateway_error_format off; $jwt $pass }
END2

my ($to, $from, $client) = program('call', $port);

sub call {
    my ($path, %arg) = @_;

    print $to JSON::PP::encode_json({ path => $path, %arg }), "\n";
    $to->flush;
    my $line = <$from> // die "the client has ended\n";
    return JSON::PP::decode_json($line);
}

sub outcome {
    my ($is) = @_;

    return "$is->{code} $is->{replies}: $is->{details}";
}


# --- calls

my $good = token(claims => { sub => 'alice', scope => 'read' });
my $poor = token(claims => { sub => 'alice', scope => 'x' });
my $missing = 'UNAUTHENTICATED 0: no credential was presented';

is(outcome(call('/t.T/Echo', token => $good)), 'OK 1: ', 'a good call');

my $is = call('/t.T/Echo');
is(outcome($is), $missing, 'no token');
is($is->{metadata}{'www-authenticate'}, 'Bearer realm="r"', 'the challenge is there');

is(outcome(call('/t.T/Echo', token => "$good-")), 'UNAUTHENTICATED 0: the signature '
   . 'of the token is malformed', 'a bad token');
is(outcome(call('/t.T/Echo', token => $poor)), 'PERMISSION_DENIED 0: the claims of '
   . 'the token do not allow this request', 'a token that is not allowed');
is(outcome(call('/t.T/None', token => $good)), 'UNIMPLEMENTED 0: Method not found!',
   'the server\'s own status is the server\'s');

is(outcome(call('/one/t.T/Echo')), 'OK 1: ', 'a call within its limit');
$is = call('/one/t.T/Echo');
is(outcome($is), 'RESOURCE_EXHAUSTED 0: the rate limit is exceeded',
   'a call that exceeds it');
like($is->{metadata}{'retry-after'} // '', qr/^(?:[1-9]|[1-5]\d|60)$/,
     'the time until a retry is there');
is(outcome(call('/down/t.T/Echo')), 'UNAVAILABLE 0: the rate limit service is '
   . 'unavailable', 'a limit whose Redis is down');

$is = call('/off/t.T/Echo');
is("$is->{code} $is->{replies}", 'UNAUTHENTICATED 0', 'gateway_error_format off');
like($is->{details}, qr/^Received http2 header with status: 401/,
     'is an HTTP status that the client translates');


# --- deadlines and streams

is(outcome(call('/t.T/Slow', token => $good, timeout => 0.5)),
   'DEADLINE_EXCEEDED 0: Deadline Exceeded', 'the deadline of a good call');
is(outcome(call('/t.T/Slow', timeout => 20)), $missing,
   'a refused call ends before its deadline');

is(outcome(call('/t.T/Each', kind => 'stream', token => $good, count => 20)),
   'OK 20: ', 'a stream');
for my $n (1 .. 20) {
    $is = outcome(call('/t.T/Each', kind => 'stream', count => $n % 2 ? undef : 200));
    last if $is ne $missing;
}
is($is, $missing, 'twenty streams that are refused while they are being sent');
is(outcome(call('/t.T/Echo', token => $good)), 'OK 1: ', 'and a good call after them');

end($client);
$nginx->stop;

my $log = Test::Gateway::Server::slurp($nginx->dir . '/logs/access.log');
like($log, qr{^/t\.T/Echo 401 missing$}m, 'the log has 401');
like($log, qr{^/t\.T/Echo 403 claim$}m, 'and 403');
like($log, qr{^/one/t\.T/Echo 429}m, 'and 429');
like($log, qr{^/down/t\.T/Echo 503}m, 'and 503');
is(scalar(() = $log =~ m{^/t\.T/Each 401 missing$}mg), 20, 'and 401 of each stream');

done_testing();
