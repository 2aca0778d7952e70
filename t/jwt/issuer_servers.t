# SPDX-License-Identifier: BSD-2-Clause

# A set of keys belongs to one server and one URI: servers never share keys, and
# a reload keeps them while the issuer is down.

use v5.28;
use warnings;
use lib 't/lib';

use POSIX ();
use Test::Gateway::Certificate;
use Test::Gateway::Issuer;
use Test::Gateway::Server;
use Test::Gateway::Token;
use Test::More;

my %token = map { $_ => token(key => $_, claims => { sub => 'alice' }) }
            qw( a b );

# other keys with the same "kid"

my %same = map { $_ => token(key => "same-$_", header => { kid => 'same' },
                             claims => { sub => 'alice' }) } qw( a b );

sub same_issuer {
    my ($key) = @_;

    my $issuer = issuer();
    $issuer->answers(body => json({ keys => [ { %{ public_jwk("same-$key") },
                                                kid => 'same' } ] }));
    return $issuer;
}

my $port = free_port();

# a server block with this name, whose keys are those of the issuer

sub block {
    my ($name, $issuer, %arg) = @_;

    my $uri = $arg{uri} // '/keys';
    my $listen = $arg{listen} // "127.0.0.1:$port";
    my $request = $arg{request} // "gateway_jwt_key_request $uri;";

    return "server { listen $listen; server_name $name; $Reason\n"
           . ($arg{more} // '')
           . $issuer->location($uri)
           . "location / { gateway_jwt api; $request empty_gif; } }\n";
}

sub conf {
    my ($http, %arg) = @_;

    my $text = http_conf(workers => $arg{workers} // 1, http => $http);
    return $text =~ s/server \{\s*\}\s*\}\s*\z/}\n/r;
}

sub start {
    my ($http, %arg) = @_;
    return start_nginx(conf => conf($http, %arg), port => $port);
}

sub at {
    my ($server, $name, $token, %arg) = @_;
    return reason($server, '/', $token, host => $name, %arg);
}

# what each of two servers answers to each of two tokens

sub four {
    my ($server, $tokens) = @_;

    return join ', ', map {
        my $name = $_;
        map { at($server, $name, $tokens->{$_}) } qw( a b )
    } qw( a.example b.example );
}


# --- two servers with the same URI

{
    my ($a, $b) = (issuer('a'), issuer('b'));
    my $server = start(block('a.example', $a) . block('b.example', $b));

    is(four($server, \%token),
       '200, 401 unknown_key, 401 unknown_key, 200', 'other keys');
    is(four($server, \%token),
       '200, 401 unknown_key, 401 unknown_key, 200', 'again');
    is($_->fetches, 1, 'one fetch each') for $a, $b;
    $server->stop('two servers');
}

{
    my ($a, $b) = map { same_issuer($_) } qw( a b );
    my $server = start(block('a.example', $a) . block('b.example', $b));

    is(four($server, \%same),
       '200, 401 bad_signature, 401 bad_signature, 200',
       'other keys with the same "kid"');
    $server->stop('the same "kid"');
}

# "Host" is not the only difference: two ports, without a name

{
    my ($a, $b) = (issuer('a'), issuer('b'));
    my $other = free_port();
    my $server = start(block('""', $a)
                       . block('""', $b, listen => "127.0.0.1:$other"));

    is(join(', ', map { my $p = $_; map { reason($p, '/', $token{$_}) }
                                    qw( a b ) } $port, $other),
       '200, 401 unknown_key, 401 unknown_key, 200', 'two ports');
    $server->stop('two ports');
}

# two servers with the same name: nginx warns, and never uses the second

{
    my ($a, $b) = (issuer('a'), issuer('b'));
    my $server = start(block('a.example', $a) . block('a.example', $b));

    is(at($server, 'a.example', $token{a}), '200', 'the same name: the first');
    is(at($server, 'a.example', $token{b}), '401 unknown_key',
       'and not the keys of the second');
    ok($_->fetched(1), 'both are fetched') for $a, $b;
    $server->stop('the same name');
}


# TCP and QUIC are different addresses, with the same text

SKIP: {
    skip 'this nginx has no HTTP/3', 4
        if `${\ Test::Gateway::Server::binary()} -V 2>&1`
           !~ /--with-http_v3_module/;

    authority('ca');
    certificate('a', ca => 'ca', san => 'DNS:a.example');

    my ($a, $b) = (issuer('a'), issuer('b'));
    my $server = start_nginx(
        port => $port, files => { certificate_files() },
        conf => conf(block('a.example', $a)
                     . block('a.example', $b, listen => "127.0.0.1:$port quic",
                             more => 'ssl_certificate a.crt; '
                                     . 'ssl_certificate_key a.key;')));

    is(join(', ', map { at($server, 'a.example', $token{$_}) } qw( a b )),
       '200, 401 unknown_key', 'TCP beside QUIC');
    ok($_->fetched(1), 'both are fetched') for $a, $b;
    $server->stop('TCP and QUIC');
}


# --- a directive at the http level: a set for each server

{
    my ($a, $b) = (issuer('a'), issuer('b'));
    my $server = start("gateway_jwt_key_request /keys;\n"
                       . block('a.example', $a, request => '')
                       . block('b.example', $b, request => ''));

    is(four($server, \%token),
       '200, 401 unknown_key, 401 unknown_key, 200', 'http level');
    is($_->fetches, 1, 'one fetch each') for $a, $b;
    $server->stop('http level');
}

# log lines name the server of a URI that several servers have

{
    my ($a, $b) = (issuer('a'), issuer('b'));
    my $other = free_port();
    my $none = { kty => 'unknown', kid => 'x' };
    $a->answers(status => 404);
    $b->answers(body => json({ keys => [ public_jwk('b'), $none ] }));
    my $server = start("gateway_jwt_key_request /keys;\n"
                       . block('a.example', $a, request => '',
                               more => 'gateway_jwt_key_fetch min=1s;')
                       . block('~^b', $b, request => '')
                       . block('""', $b, request => '',
                               listen => "127.0.0.1:$other")
                       . block('c.example', $b, uri => '/more'));

    ok($a->fetched(1) && $b->fetched(3), 'four sets');
    $a->keys('a');
    ok(wait_until(sub { at($server, 'a.example', $token{a}) eq '200' }, 10),
       'all have keys');
    ok(wait_until(sub { 4 == (() = $server->log =~ /the set has changed/g) },
                  10), 'and say so');

    my %said;
    for (split /\n/, $server->log) {
        $said{$1}{$2}++ if m{"/(?:keys|more)"(|\ in\ server\ .*?\d):\ (key\ 1
                             |status\ 404|keys\ were\ fetched|the\ set)}x;
    }

    my $on = "on 127.0.0.1:$port";
    is_deeply(\%said,
              { qq( in server "a.example" $on) => {
                    'status 404' => 1, 'keys were fetched' => 1,
                    'the set' => 1 },
                qq( in server "~^b" $on) => { 'key 1' => 1, 'the set' => 1 },
                qq( in server "" on 127.0.0.1:$other) => {
                    'key 1' => 1, 'the set' => 1 },
                '' => { 'key 1' => 1, 'the set' => 1 } },
              'the lines of each server');
    $server->stop('names of servers');
}

# two locations of a server share a set; another URI is another set

{
    my ($a, $b) = (issuer('a'), issuer('b'));
    my $server = start(block('a.example', $a, more => $b->location('/more')
        . 'location = /second { gateway_jwt api; '
        . 'gateway_jwt_key_request /keys; empty_gif; }'
        . 'location = /other { gateway_jwt api; '
        . 'gateway_jwt_key_request /more; empty_gif; }'));

    for (qw( / /second )) {
        is(reason($server, $_, $token{a}), '200', "$_: its key");
        is(reason($server, $_, $token{b}), '401 unknown_key', "$_: another");
    }
    is(reason($server, '/other', $token{b}), '200', 'another URI');
    is(reason($server, '/other', $token{a}), '401 unknown_key',
       'has keys of its own');
    is($_->fetches, 1, 'one fetch each') for $a, $b;
    $server->stop('two locations');
}


# --- a block without keys of its own, which can process a request all the same

# a rewrite to a URI without a leading "/" uses the server's own configuration

{
    my $a = issuer('a');
    my $more = <<'END';
    gateway_jwt api; gateway_jwt_key_request /keys;
    location = /x { empty_gif; }
    location /y/ { gateway_jwt off; rewrite ^/y/(.*)$ $1 last; }
END
    my $block = "server { listen 127.0.0.1:$port; server_name a.example; "
                . "$Reason\n$more"
                . $a->location('/keys', more => 'gateway_jwt off;');

    my $server = start("$block }\n");
    is(reason($server, '/x', $token{a}, host => 'a.example'), '200',
       'a location with keys');
    is(reason($server, '/y/abc', $token{a}, host => 'a.example'), '404',
       'the server\'s own configuration has these keys');
    $server->stop('keys of a location');

    $server = start($block =~ s/^ *location = .x .*\n//mr
                    . "location / { gateway_jwt off; empty_gif; } }\n");
    is(reason($server, '/', undef, host => 'a.example'), '200',
       'no location has keys');
    is(reason($server, '/y/abc', $_->[0], host => 'a.example'),
       "401 $_->[1]", "nor has the server itself: $_->[1]")
        for [ $token{a}, 'unknown_key' ], [ $token{b}, 'unknown_key' ],
            [ undef, 'missing' ];
    is($a->fetches, 1, 'and nothing is fetched for it');
    $server->stop('no keys');
}

# and one that does not verify

{
    my $a = issuer('a');
    my $server = start(block('a.example', $a, more => <<'END', request => ''));
    gateway_jwt_key_request /keys;
    gateway_jwt_verify off;
END
    is(at($server, 'a.example', $token{$_}), '200',
       "any signature, where none is verified: $_")
        for qw( a b );
    is($a->fetches, 0, 'and nothing is fetched');
    $server->stop('gateway_jwt_verify off');
}


# --- reload

# the answers to a token while the configuration is read again

sub during {
    my ($server, $conf, $name) = @_;

    my $gone;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $server->reload($conf);
        POSIX::_exit(0);
    }
    my %count;
    while (1) {
        $gone ||= waitpid($pid, POSIX::WNOHANG()) == $pid;
        $count{ at($server, $name, $token{a}) }++;
        last if $gone && ++$count{after} > 20;
    }
    delete $count{after};
    return join ' ', sort keys %count;
}

{
    my ($a, $b) = (issuer('a'), issuer('b'));
    my $text = conf(block('a.example', $a) . block('b.example', $b),
                    workers => 2);
    my $server = start_nginx(conf => $text, port => $port);

    is(four($server, \%token),
       '200, 401 unknown_key, 401 unknown_key, 200', 'before a reload');
    $_->down for $a, $b;

    is(during($server, undef, 'a.example'), '200',
       'a reload without the issuer keeps the keys');
    like(at($server, 'b.example', $token{b}), qr/^200/, 'of each server');
    like(at($server, 'b.example', $token{a}), qr/^(?:401|503) /,
         'and for that server only');

    my $fetch = 'gateway_jwt_key_fetch max_size=1m stale=48h;';
    my $larger = $text =~ s/(?=server_name a)/$fetch /r;
    is(during($server, $larger, 'a.example'), '200',
       'also with other parameters');

    $server->reload(conf(block('a.example', $a, uri => '/new')
                         . block('b.example', $b)));
    is(at($server, 'a.example', $token{a}), '503 keys_unavailable',
       'a new URI has no keys');
    is(at($server, 'b.example', $token{b}), '200', 'the others remain');

    $server->reload(conf(block('a.example', $a, uri => '/new')
                         . block('b.example c.example', $b)));
    is(at($server, 'b.example', $token{b}), '503 keys_unavailable',
       'a server with another name has no keys');

    $_->up for $a, $b;
    is(wait_until(sub { at($server, 'a.example', $token{a}) eq '200' }, 15), 1,
       'until the issuer is up again');
    $server->stop('reloads');
}

done_testing;
