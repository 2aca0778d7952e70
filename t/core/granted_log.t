# SPDX-License-Identifier: BSD-2-Clause

# A method's refusal is not recorded if another method grants the request under
# "satisfy any": no line in the error log, no reason in an access log, in the
# record of gateway_log or in an error page.  A request that no method grants
# keeps its lines, even if another response is sent.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

my $good = token(claims => { sub => 'alice', scope => 'read' });
my $forged = edited($good, signature => sub { reverse $_[0] });
my $gone = free_port();

my %on = (
    j => 'gateway_jwt r;', k => 'gateway_api_key k;',
    J => 'gateway_jwt r; gateway_jwt_mode dry_run;',
    K => 'gateway_api_key k; gateway_api_key_mode dry_run;',
    o => 'gateway_api_key k; gateway_api_key_mode optional;',
    a => 'allow 127.0.0.1; deny all;', d => 'deny all;',
    r => 'auth_request /granted;', l => 'gateway_limit zone=z;',
    s => 'gateway_require_scope write;',
    b => 'auth_basic b; auth_basic_user_file htpasswd;',
    p => "error_page 502 /page; proxy_pass http://127.0.0.1:$gone;",
    x => 'error_page 401 = @drop;', e => 'error_page 401 403 429 /page;',
    t => 'try_files /none /any/jk;',
    i => 'error_page 401 = /any/ji/page; rewrite /page$ /any/jk last;',
);

sub locations {
    return CORE::join '', map {
        my ($satisfy, $set) = @$_;
        my $all = CORE::join ' ', map { $on{$_} } split //, $set;
        my $end = $set =~ /[px]/ ? '' : 'empty_gif;';
        "location /$satisfy/$set { satisfy $satisfy; $all $end }\n"
    } map({ [ any => $_ ] } qw( j jk jkl jke jkle jks ja jd jr jb jkp jx jkx
                                jt ji J Jk JK Ja Jka Jkl Jo )),
      map({ [ all => $_ ] } qw( j jk J Jk JK Jkl ));
}

my $server = start_nginx(
    files => { 'consumers.json' => consumers(consumer('acme')),
               'jwks.json' => jwks('es256'), 'htpasswd' => "u:{PLAIN}p\n",
               'html/page' => "the page\n" },
    main   => 'error_log logs/error.log info;',
    http   => <<'END',
    gateway_consumers zone=c:1m file=consumers.json;
    gateway_limit_zone $arg_k zone=z:1m rate=1r/d;
    log_format reason '$request_uri "$gateway_auth_reason"';
    gateway_log logs/record.json;
END
    server => <<'END' . locations(),
        root html;
        access_log logs/reason.log reason;
        gateway_jwt_key_file jwks.json;
        add_header X-Reason "<$gateway_auth_reason>" always;
        location = /granted { internal; return 204; }
        location /page { }
        location @drop { return 444; }
END
);

my %headers = (
    none => [],
    key => [ 'X-API-Key: ' . api_key('acme') ],
    token => [ "Authorization: Bearer $good" ],
    forged => [ "Authorization: Bearer $forged" ],
    both => [ "Authorization: Bearer $forged",
              'X-API-Key: ' . api_key('acme') ],
    basic => [ 'Authorization: Basic dTpw' ],
);

my $n = 0;
my @wanted;


# A request: its status and reason, and the lines of the gateway's refusals.  The
# logs must contain $reason, too, when all requests have ended.

sub asks {
    my ($path, $with, $status, $reason, $lines, $name, $args) = @_;

    my $uri = "/$path?n=" . ++$n . ($args // '');
    my ($got, $head) = $server->get($uri, headers => $headers{$with});
    my ($said) = $head =~ /^X-Reason: <(.*)>\r?$/m;
    is("$got " . ($said // '-'), "$status " . ($status ? $reason : '-'),
       "$path, $with: $name");

    my $log;
    my $count = sub {
        $log = CORE::join ' ', map { /\[info\].*(gateway_\w+): (would|refused)/
                                     ? "$1=$2" : () }
               grep { /request: "GET \Q$uri\E / } split /\n/, $server->log;
        return $log eq $lines;
    };
    Test::Gateway::Server::wait_until($count) if $lines ne '';
    $count->();
    is($log, $lines, "$path, $with: lines");

    push @wanted, [ $uri, $reason ];
    return;
}

my ($jwt, $key) = ('gateway_jwt=refused', 'gateway_api_key=refused');
my $would = 'gateway_jwt=would';
my $limit = 'gateway_limit=refused';


# --- granted by a method of the gateway

asks('any/jk', 'key', 200, '', '', 'no token, and a key');
asks('any/jk', 'both', 200, '', '', 'a forged token, and a key');
asks('any/jk', 'token', 200, '', '', 'a token, whose method is called first');
asks('any/jkp', 'both', 502, '', '', 'the error page of an upstream');
asks('any/jkx', 'both', 404, '', '', 'the granted request, not the error page');
asks('any/jt', 'both', 401, 'bad_signature', $jwt, 'no method grants');
asks('any/jke', 'both', 200, '', '', 'an error page that is not used');


# --- refused after the grant, by something else

asks('any/jkl', 'key', 200, '', '', 'the limit passes', '&k=1');
asks('any/jkl', 'key', 429, '', $limit, 'the limit refuses', '&k=1');
asks('any/jkl', 'both', 429, '', $limit, 'with a forged token', '&k=1');
asks('any/jkle', 'both', 429, '', $limit, 'with an error page', '&k=1');
asks('any/jks', 'both', 403, 'insufficient_scope',
     'gateway_require_scope=refused', 'a rule refuses the key');


# --- granted by nginx's own methods

asks('any/ja', 'none', 200, '', '', 'an address');
asks('any/ja', 'forged', 200, '', '', 'an address and a forged token');
asks('any/jr', 'forged', 200, '', '', 'auth_request');
asks('any/jb', 'basic', 200, '', '', 'a password');


# --- no method grants

asks('any/j', 'forged', 401, 'bad_signature', $jwt, 'one method');
asks('any/jk', 'none', 401, 'missing', "$jwt $key", 'two methods');
asks('any/jk', 'forged', 401, 'missing', "$jwt $key",
     'two methods, one of them with a credential');
asks('any/jd', 'forged', 401, 'bad_signature', $jwt, 'nor does nginx');
asks('any/jb', 'none', 401, 'missing', $jwt, 'no password either');
asks('any/jke', 'none', 401, 'missing', "$jwt $key", 'an error page');
asks('any/jkx', 'none', 0, 'missing', "$jwt $key",
     'a connection that is closed without a response');
asks('any/ji', 'none', 401, 'missing', "$jwt $jwt $key",
     'an error page that is refused in its turn');
asks('all/j', 'forged', 401, 'bad_signature', $jwt, 'all: one method');
asks('all/jk', 'both', 401, 'bad_signature', $jwt, 'all: the first');
asks('all/jk', 'token', 401, 'missing', $key, 'all: the second');


# --- dry_run: including requests that another method would have granted

asks('any/J', 'forged', 200, 'bad_signature', $would, 'one method');
asks('any/Jk', 'both', 200, '', '', 'a key grants');
asks('any/Jk', 'forged', 401, 'missing', "$would $key", 'no key');
asks('any/JK', 'both', 200, '', '', 'a key in dry_run would have granted');
asks('any/JK', 'forged', 200, 'missing',
     "$would gateway_api_key=would", 'nothing would have granted');
asks('any/Jo', 'forged', 200, 'bad_signature', $would,
     'an anonymous client in optional mode');
asks('any/Jkl', 'both', 200, '', '', 'the limit passes', '&k=2');
asks('any/Jkl', 'both', 429, '', $limit, 'the limit refuses', '&k=2');
asks('any/Jka', 'forged', 200, '', '',
     'an address grants a request whose key is refused');
asks('all/Jk', 'both', 200, 'bad_signature', $would,
     'all: a key grants nothing for the token');
asks('all/JK', 'both', 200, 'bad_signature', $would, 'all: likewise');
asks('all/Jkl', 'both', 200, 'bad_signature', $would, 'all: the limit passes',
     '&k=3');
asks('all/Jkl', 'both', 429, 'bad_signature', "$would $limit",
     'all: the limit refuses', '&k=3');


# --- the logs

my ($access, $record);
my $read = sub {
    ($access, $record) = map {
        Test::Gateway::Server::slurp($server->dir . "/logs/$_")
    } qw( reason.log record.json );
    return ($access =~ tr/\n//) >= @wanted && ($record =~ tr/\n//) >= @wanted;
};
Test::Gateway::Server::wait_until($read);
$server->stop('the log contains no alert');

for my $request (@wanted) {
    my ($uri, $reason) = @$request;
    my ($said) = $access =~ m{^\Q$uri\E "(.*)"$}m;
    my ($query) = $uri =~ /[?](.*)/;
    my ($line) = grep { /"query":"\Q$query\E"/ } split /\n/, $record;
    my ($recorded) = ($line // 'no line') =~ /"auth_reason":"(\w*)"/;
    is(($said // 'none') . '/' . ($recorded // '-'),
       ($reason || '-') . '/' . ($reason || '-'), "$uri: access log, record");
}

done_testing;
