# SPDX-License-Identifier: BSD-2-Clause

# modules/jwt/README.md: the configurations that it shows for browsers, WebSocket,
# gRPC, load balancers, identity providers and other gateways do what it says.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw( encode_base64 );
use POSIX ();
use Test::Gateway::Consumer;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

my $readme = Test::Gateway::Server::slurp('modules/jwt/README.md');
my $up = free_port();
my $nginx;


# --- CORS

start('CORS preflight requests');
is(code('/api/a', method => 'OPTIONS'), 200, 'a preflight request');
for my $method (qw( GET HEAD POST PUT DELETE PATCH )) {
    is(code('/api/a', method => $method), 401, "$method without a token");
}
is(code('/api/a', method => $_, token => token()), 200, "$_ with one")
    for qw( GET HEAD POST );
is(code('/api/a', method => 'OPTIONS', token => 'x'), 200,
   'a token in a preflight request is not judged');
for ([ 401 ], [ 200, token => token() ], [ 200, method => 'OPTIONS' ]) {
    my ($expected, @arg) = @$_;
    my ($status, $head) = ask('/api/a', @arg);
    is("$status @{[ $head =~ /^Access-Control-Allow-Origin: (\S+)/mg ]}",
       "$expected https://app.example", "the script may read a $expected");
}
done();

start('CORS preflight requests', sub {
    "gateway_jwt outer; gateway_jwt_key_file jwks.json;\n"
    . $_[0] =~ s/(location .*\n)/$1 gateway_jwt off;/r;
});
is(code('/api/a', method => 'OPTIONS'), 200, 'in a server that is protected');
is(code('/api/a'), 401, 'which stays so');
is(code('/other'), 401, 'and everywhere else');
is(code('/other', method => 'OPTIONS'), 401, 'also for OPTIONS');
done();


# --- WebSocket

my $sockets = web_sockets();
start('WebSocket', sub { $_[0] =~ s/:$up;/:$sockets->{port};/r
                         =~ s/(location .*\n)/gateway_jwt_key_file jwks.json;$1/r });
my $token = token(claims => { sub => 'alice', exp => time + 4 });

for ([ header => '', "Authorization: Bearer $token" ],
     [ cookie => '', "Cookie: a=1; token=$token" ],
     [ argument => "?token=$token&a=1" ],
     [ subprotocol => '', "Sec-WebSocket-Protocol: bearer, $token" ])
{
    my ($name, $args, @lines) = @$_;
    my ($socket, $head) = upgrade("/socket$args", @lines);
    like($head, qr{^HTTP/1\.1 101 }, "$name: open");
    print $socket "hello\n";
    my $got = scalar <$socket>;
    is($got, "hello\n", "$name: bytes pass");
    my ($seen) = $head =~ /^X-Seen: (.*?)\r$/m;
    unlike($seen, qr/\Q$token\E/, "$name: the upstream does not get the token");
    like($seen, qr/\|bearer\z/, "$name: and a subprotocol that it can accept");
    $sockets->{open} //= $socket;
}
for ([ 401, 'nothing' ], [ 401, 'a bad token', "Cookie: token=x" ],
     [ 401, 'two', "Cookie: token=$token", "Authorization: Bearer $token" ],
     [ 403, 'another site', "Cookie: token=$token",
       'Origin: https://evil.example' ],
     [ 101, 'the site', "Cookie: token=$token",
       'Origin: https://app.example' ])
{
    my ($expected, $name, @lines) = @$_;
    like((upgrade('/socket', @lines))[1], qr{^HTTP/1\.1 $expected }, $name);
}

is(wait_until(sub { (upgrade('/socket', "Cookie: token=$token"))[1]
                    =~ m{^HTTP/1\.1 401 } }, 20), 1, 'the token expires');
my $open = $sockets->{open};
print $open "still\n";
is(scalar <$open>, "still\n", 'and what is open stays open');
close $open;
done();
kill 'KILL', $sockets->{pid};
waitpid $sockets->{pid}, 0;


# --- gRPC, to an upstream that speaks HTTP/2

start('gRPC', undef, 1);
is(code('/orders.Orders/Get', method => 'POST'), 401, 'gRPC without a token');
my (undef, undef, $body) = ask('/orders.Orders/Get', method => 'POST',
                               token => token(claims => { sub => 'alice' }));
like($body, qr/^POST \/orders\.Orders\/Get\|.*\|alice\|/,
     'and with one: the claim is metadata');
done();


# --- AWS

my ($alb_key, $alb_public) = alb_key();
my ($pad_a, $pad_b, $plain) = map { alb($_) } 'a', 'ab', '';
my $pad_head = alb('', undef, ' ');
like($pad_a, qr/\A[\w-]+\.[\w-]+==?\.[\w-]+==\z/, 'a token with padding');
like($plain, qr/\A[\w-]+\.[\w-]+\.[\w-]+==\z/, 'and one with as little as can be');
start('AWS Application Load Balancer', sub { <<"END" }, 0,
location /data {
    gateway_jwt_key_file alb.pem pem;
    gateway_jwt alb token=\$http_x_amzn_oidc_data;
}
location /cut {
    gateway_jwt_key_file alb.pem pem;
    gateway_jwt alb token=\$alb_token;
    proxy_pass http://127.0.0.1:$up;
}
$_[0]
END
      'alb.pem' => $alb_public);
my $data = 'X-Amzn-Oidc-Data';
for my $case ([ '/', 'X-Amzn-Oidc-Accesstoken', token(), 200, '' ],
              [ '/', $data, token(), 401, 'missing' ],
              [ '/data', $data, $pad_head, 401, 'malformed_header' ],
              [ '/data', $data, $pad_a, 401, 'malformed_payload' ],
              [ '/data', $data, $pad_b, 401, 'malformed_payload' ],
              [ '/data', $data, $plain, 401, 'malformed_signature' ],
              [ '/cut', $data, $pad_a, 401, 'bad_signature' ],
              [ '/cut', $data, $pad_b, 401, 'bad_signature' ],
              [ '/cut', $data, $plain, 200, '' ],
              [ '/claims', $data, $pad_a, 200, '' ],
              [ '/claims', $data, $pad_b, 200, '' ],
              [ '/claims', $data, $plain, 200, '' ],
              [ '/claims', $data, 'x.y', 401, 'missing' ],
              [ '/claims', $data, alb('a', 1), 401, 'expired' ])
{
    my ($path, $name, $value, $expected, $reason) = @$case;
    my ($status, undef, $body) = ask($path, headers => [ "$name: $value" ]);
    my ($said) = $body =~ /"reason":"(\w+)"/;
    is("$status " . ($said // ''), "$expected $reason", "$path $name");
    like($body, qr/\|user\@example\.com\|/, "$path: the claim")
        if $path eq '/claims' && $status == 200;
}
done();
start('AWS Application Load Balancer',
      sub { $_[0] =~ s{allow .*}{allow 192.0.2.0/24;}r });
is(code('/claims', headers => [ "$data: $plain" ]), 403,
   'claims are not read of other addresses');
done();


# --- Entra

my ($t1, $t2, $t3) = map { my $n = $_; join '-', map { $n x $_ } 8, 4, 4, 4, 12 }
                     1, 2, 'a';
my $app = '33333333-3333-3333-3333-333333333333';
my $of = sub { "https://login.microsoftonline.com/$_[0]/v2.0" };
start('Microsoft Entra ID');
for my $case ([ $t1, $of->($t1), 200, 200 ], [ $t2, $of->($t2), 200, 200 ],
              [ $t3, $of->($t3), 401, 200 ],
              [ $t1, $of->($t2), 200, 401 ], [ $t3, $of->($t1), 200, 401 ],
              [ $t1, $of->($t1) . '/', 401, 401 ],
              [ $t3, "https://evil.example/$t3/v2.0", 401, 401 ],
              [ '../x', $of->('../x'), 401, 401 ],
              [ '', $of->(''), 401, 401 ],
              [ undef, $of->($t1), 200, 401 ])
{
    my ($tid, $iss, $few, $any) = @$case;
    my %claims = (iss => $iss, aud => $app, oid => 'o1', sub => 's1');
    $claims{tid} = $tid if defined $tid;
    my $token = token(claims => \%claims);
    is(code('/few', token => $token), $few, "/few $iss");
    is(code('/any', token => $token), $any,
       "/any $iss, tid " . ($tid // 'absent'));
}
is(code($_, token => token(claims => { iss => $of->($t1), tid => $t1,
                                       aud => 'other' })), 401,
   "$_: another application") for qw( /few /any );
done();


# --- from NGINX Plus

start('What reads variables early');
my %counts;
for my $sub (qw( alice bob )) {
    $counts{$sub}{ code('/', token => token(claims => { sub => $sub })) }++
        for 1 .. 5;
}
is_deeply(\%counts, { map { $_ => { 200 => 5 } } qw( alice bob ) },
          'five for each subject');
is(code('/', token => token(claims => { sub => $_ })), 429, "then none for $_")
    for qw( alice bob );
for ([ 200, gold => plan => 'gold' ], [ 200, free => plan => 'other' ],
     [ 200, 'free' ], [ 403, '', suspended => JSON::PP::true() ],
     [ 200, free => suspended => JSON::PP::false() ])
{
    state $n = 0;
    my ($expected, $plan, %claims) = @$_;
    my ($status, undef, $body)
        = ask('/', token => token(claims => { sub => 'u' . $n++, %claims }));
    my ($got) = $body =~ /plan=(\w+)/;
    is("$status " . ($got // ''), "$expected $plan", "claims @{[ %claims ]}");
}
done();


# --- from Kong and APISIX

my %mine = (acme => 'hs256', initech => 'hs256b');
key('hs256b', 'HS256');
sub hs { token(key => $mine{$_[0]}, claims => $_[1], header => $_[2] // {}) }

start('From Kong', undef, 0, map { ("$_.json" => jwks($mine{$_})) } keys %mine);
for my $name (sort keys %mine) {
    my ($other) = grep { $_ ne $name } keys %mine;
    my $good = hs($name, { iss => $name });
    my ($status, undef, $body) = ask('/a', token => $good);
    like("$status $body", qr{^200 GET /a\|\|.*consumer=\Q$name\E}s,
         "$name: a token");
    like((ask("/a?jwt=$good&b"))[2], qr{^GET /a\?b\|}, "$name: an argument");
    is(code("/a?jwt=$good", token => $good), 401, "$name: both");
    is(code('/a', token => hs($other, { iss => $name })), 401,
       "$name: the secret of $other");
}
is(code('/a', token => hs('acme', { iss => 'nobody' })), 401, 'nobody');
done();

start('From APISIX', undef, 0, 'secrets.json' => jwks(values %mine));
for my $kid (sort values %mine) {
    my ($name) = grep { $mine{$_} eq $kid } keys %mine;
    my ($other) = grep { $_ ne $name } keys %mine;
    my $good = hs($name, { key => $kid });

    is(code('/a', token => $good), 200, "$name: a token");
    is(code("/a?jwt=$good"), 200, "$name: an argument");
    is(code('/a', headers => [ "Cookie: jwt=$good" ]), 200, "$name: a cookie");
    is(code('/a', headers => [ "Cookie: jwt=$good" ], token => $good), 401,
       "$name: both");
    is(code('/a', token => hs($name, { key => $mine{$other} })), 401,
       "$name: the key of $other");
    is(code('/a', token => hs($name, { key => $mine{$other} },
                              { kid => undef })), 401,
       "$name: the key of $other, without kid");
    is(code('/a', token => hs($name, { key => $kid }, { kid => undef })), 401,
       "$name: without kid");
}
done();


# --- from Envoy

start('From Spring Cloud Gateway and Envoy', undef, 0,
      map { ("$_.json" => jwks($_ eq 'a' ? 'es256' : 'rs256')) } qw( a b ));
my %claims = (aud => 'https://api.example', sub => 'alice');
my %from = (a => 'es256', b => 'rs256');
for my $name (sort keys %from) {
    my $token = token(key => $from{$name}, claims => {
        %claims, iss => "https://$name.example", exp => time - 20 });
    my ($status, undef, $body) = ask('/envoy', token => $token);
    like("$status $body", qr{^200 GET /envoy\|\|alice\|},
         "$name: within the leeway; it is not forwarded");
    is(code("/envoy?access_token=$token"), 200, "$name: an argument");
    is(code('/envoy', token => token(key => $from{$name}, claims => {
            %claims, iss => "https://$name.example", exp => time - 90 })), 401,
       "$name: beyond the leeway");
    is(code('/envoy', token => token(key => $from{$name}, claims => {
            %claims, iss => "https://$name.example", exp => undef })), 200,
       "$name: no exp");
    my ($other) = grep { $_ ne $name } keys %from;
    is(code('/envoy', token => token(key => $from{$name}, claims => {
            %claims, iss => "https://$other.example" })), 401,
       "$name: the issuer of $other");
}
done();

done_testing();


# Starts nginx with the configuration of a section; $change gets the part of it
# that belongs to a server.

sub start {
    my ($section, $change, $http2, %files) = @_;

    my ($text) = $readme =~ /^#+ \Q$section\E\n(.*?)(?=^##+ |\z)/ms
        or die "no section $section";
    my $conf = join '', $text =~ /^```nginx\n(.*?)^```/msg
        or die "no configuration in $section";

    $conf =~ s/127\.0\.0\.1:9000/127.0.0.1:$up/g;
    my $http = '';
    $http .= $1 while $conf =~ s/^(map .*?^\}\n)//ms;
    my $of_http = 'gateway_(?:limit_zone|consumers|jwt_header_set)';
    $http .= $1 while $conf =~ s/^($of_http .*?;\n)//ms;
    $conf = $change->($conf) if $change;

    my $h2 = !$http2 ? '' : nginx_before(1, 25, 1) ? ' http2;' : '; http2 on;';
    my $listen = $h2 ? "listen 127.0.0.1:$up$h2" : "listen 127.0.0.1:$up;";
    $nginx = start_nginx(http => <<"END", server => $conf, files => {
    server {
        $listen
        return 200 "\$request_method \$request_uri|\$http_authorization|\$http_x_user|
plan=\$http_x_plan consumer=\$http_x_consumer_id";
    }
    $http
END
        map({ $_ => jwks('es256') } qw( jwks.json entra.json )),
        'consumers.json' => consumers(map { consumer($_, keys => [ entry($_) ]) }
                                      qw( acme initech hs256 hs256b )),
        %files });
    return;
}


sub done { $nginx->stop; return }


sub ask {
    my ($path, %arg) = @_;

    my @headers = @{ $arg{headers} // [] };
    push @headers, "Authorization: Bearer $arg{token}" if defined $arg{token};
    return $nginx->get($path, method => $arg{method} // 'GET',
                       headers => \@headers);
}

sub code { return (ask(@_))[0] }


# A token as the load balancer of AWS makes it: each part with its padding, which
# is signed.  Without $pad neither header nor claims need any.

sub alb {
    my ($pad, $exp, $pad_head) = @_;

    my ($head, $claims) = (json({ alg => 'ES256', kid => 'k' }),
                           json({ email => 'user@example.com', sub => 'u',
                                  exp => $exp // 4102444800 }));
    $_ .= ' ' x (-length($_) % 3) for $head, $claims;
    my $signed = join '.', map { encode_base64($_, '') =~ tr{+/}{-_}r }
                           $head . ($pad_head // ''), $claims . ' ' x length $pad;

    write_file("$alb_key/text", $signed);
    my $der = `openssl dgst -sha256 -sign $alb_key/key $alb_key/text`;
    die 'openssl did not sign' if $?;

    # SEQUENCE of two INTEGER: r and s, of 32 bytes each
    my ($r, $s) = unpack 'x3 C/a x C/a', $der;
    $_ = substr "\0" x 32 . $_, -32 for $r, $s;
    return "$signed." . encode_base64("$r$s", '') =~ tr{+/}{-_}r;
}


# a folder with a key, and the public half of it

sub alb_key {
    my $folder = File::Temp->newdir;
    system("openssl ecparam -name prime256v1 -genkey -noout -out $folder/key")
        == 0 or die 'openssl made no key';
    my $public = `openssl pkey -in $folder/key -pubout`;
    die 'openssl showed no key' if $?;
    return ($folder, $public);
}


# An upstream that accepts WebSocket connections, says what it has received, and
# then sends back what it gets.

sub web_sockets {
    my $listen = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
        or die "listen: $!";
    my $test = $$;
    my $pid = fork // die "fork: $!";
    return { port => $listen->sockport, pid => $pid } if $pid;

    my $select = IO::Select->new($listen);
    my %open;
    while (getppid == $test) {
        for my $socket ($select->can_read(1)) {
            if ($socket == $listen) {
                $select->add($listen->accept);
                next;
            }
            if (!sysread $socket, my $bytes, 65536) {
                $select->remove($socket);
                delete $open{$socket};
                close $socket;
                next;

            } elsif ($open{$socket}) {
                syswrite $socket, $bytes;

            } else {
                my ($uri) = $bytes =~ /^GET (\S+)/;
                my %line = map { /^([\w-]+): *(.*)/ ? (lc $1 => $2) : () }
                           split /\r\n/, $bytes;
                $open{$socket} = 1;
                syswrite $socket, "HTTP/1.1 101 Switching Protocols\r\n"
                    . "Upgrade: websocket\r\nConnection: Upgrade\r\nX-Seen: "
                    . join('|', $uri, map { $line{$_} // '' } qw( authorization
                           cookie sec-websocket-protocol )) . "\r\n\r\n";
            }
        }
    }
    POSIX::_exit(0);
}


# Asks for a connection: the socket, and the head of the response.

sub upgrade {
    my ($path, @lines) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $nginx->port) or die "$!";
    $socket->autoflush(1);
    print $socket join "\r\n", "GET $path HTTP/1.1", 'Host: h',
                       'Upgrade: websocket', 'Connection: Upgrade', @lines,
                       '', '';
    my $head = '';
    while (my $line = <$socket>) {
        last if $line eq "\r\n";
        $head .= $line;
    }
    return ($socket, $head);
}
