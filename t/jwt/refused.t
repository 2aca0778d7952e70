# SPDX-License-Identifier: BSD-2-Clause

# Variables of a refused token: empty from the verdict on, except for
# $gateway_jwt_refused_claim_name in the log.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Consumer;

use Test::More;

BEGIN { $Test::Gateway::More = 1 }

my $issuer = 'https://id.example';

my $file = consumers(
    consumer('gone', disabled => \1,
             jwt => [ { iss => $issuer, sub => 'gone' } ]),
    consumer('acme', jwt => [ { iss => $issuer, sub => 'acme' } ]));

my $upstream = free_port();
my $jwt = 'gateway_jwt r; gateway_jwt_key_file jwks.json;';
my $rule = 'gateway_jwt_require_claim role eq admin;';
my $any = 'satisfy any; allow all;';

# everything that reads claims
my $all = '$gateway_jwt_claim_sub|$nested|$gateway_jwt_header_typ|$typ'
          . '|$gateway_jwt_payload';

my %locations = (
    '/rule'       => "$jwt $rule",
    '/status'     => "$jwt gateway_jwt_require_claim role eq admin error=403;",
    '/map'        => "$jwt gateway_jwt_require \$admin;",
    '/texts'      => "$jwt gateway_jwt_require \$copy \$part \$consumer \$list"
                     . ' $json; gateway_jwt_require $never;',
    '/audience'   => "$jwt gateway_jwt_audience me;",
    '/any'        => "$jwt $rule $any",
    '/any-map'    => "$jwt gateway_jwt_require \$admin; $any",
    '/dry'        => "$jwt $rule gateway_jwt_mode dry_run;",
    '/optional'   => "$jwt $rule gateway_jwt_mode optional;",
    '/unverified' => "gateway_jwt r; gateway_jwt_verify off; $rule",
    '/decoded'    => 'gateway_jwt off token=$http_t;',
    '/decoded-no' => 'gateway_jwt off token=$http_t; deny all;',
    '/page'       => "$jwt $rule error_page 401 = /off;",
    '/off'        => '',
    '/granted'    => "$jwt gateway_jwt_consumer name; try_files /none /second;",
    '/second'     => 'if ($gateway_jwt_claim_name ~ "^(.*)$") { set $was $1; } '
                     . "$jwt $rule $any",
    '/third'      => "$jwt gateway_jwt_require \$kept; try_files /none /fourth;",
    '/fourth'     => 'if ($gateway_jwt_claim_name ~ "^(?<late>.*)$") { set $x x; } '
                     . "$jwt $rule $any",
    '/dry-first'  => "$jwt $rule gateway_jwt_mode dry_run; "
                     . 'try_files /none /fourth;',
);

my $locations = CORE::join '', map {
    "location = $_ { $locations{$_} proxy_pass http://127.0.0.1:$upstream; }\n"
    } sort keys %locations;

my $http = <<"END";
    gateway_consumers zone=c:1m file=consumers.json;
    gateway_jwt_claim_set \$nested realm access;
    gateway_jwt_header_set \$typ typ;

    map \$gateway_jwt_claim_role \$admin { default 0; admin 1; }
    map \$gateway_jwt_claim_name \$copy { default "\$gateway_jwt_claim_name"; }
    map \$gateway_jwt_claim_name \$part { default 0; ~^(?<head>..)(.*) \$2; }
    map \$gateway_consumer \$consumer { default \$gateway_consumer; }
    map \$gateway_jwt_claim_list \$list { default \$gateway_jwt_claim_list; }
    map \$gateway_jwt_payload \$json { default \$gateway_jwt_payload; }
    map \$gateway_jwt_claim_name \$kept { default \$gateway_jwt_claim_name; }
    map \$host \$never { default 0; }

    log_format said '<$all> <\$gateway_jwt_refused_claim_sub'
                    '|\$gateway_jwt_refused_claim_role'
                    '|\$gateway_jwt_refused_claim_list'
                    '|\$gateway_jwt_refused_claim_none>';
    log_format texts '<\$copy|\$part|\$head|\$consumer|\$list|\$json>';

    server {
        listen 127.0.0.1:$upstream;
        location / { add_header X-Got "<\$http_x_all>"; return 204; }
    }
END

my $server = start_nginx(workers => 1, http => $http, files => {
    'jwks.json' => jwks('es256'), 'consumers.json' => $file }, server => <<"END");
    set \$was "";
    access_log logs/said.log said;
    access_log logs/texts.log texts;
    proxy_set_header X-All "$all";
    add_header X-Say "<$all>" always;
    add_header X-Was "<\$was|\$late|\$kept>" always;
    $locations
    location /ssi/ { $jwt $rule ssi on; ssi_types *; root .; }
    location /ssi-good/ { $jwt ssi on; ssi_types *; root .; }
END

for my $dir (qw( ssi ssi-good )) {
    write_file($server->dir . "/$dir/x", join '|', map {
        qq{<!--#echo var="gateway_jwt_$_" default="" encoding="none"-->}
        } qw( claim_nick claim_sub header_more payload claim_none ));
}

my %claims = (sub => 'alice', role => 'user', name => 'Alice Example',
              nick => 'al', list => [ 'a', 'b' ], realm => { access => 'deep' });
my $user = token(claims => { %claims }, header => { more => 'h' });
my $admin = token(claims => { %claims, role => 'admin' },
                  header => { more => 'h' });
my $forged = edited($user, signature => sub { scalar reverse $_[0] });
my $expired = token(claims => { %claims, exp => 1 });

my %lines = (said => 0, texts => 0);

# the last request's line in a log

sub line_of {
    my ($log) = @_;

    my @lines;
    wait_until(sub {
        @lines = split /\n/,
                 Test::Gateway::Server::slurp($server->dir . "/logs/$log.log");
        return @lines > $lines{$log};
    });
    $lines{$log} = @lines;
    return $lines[-1];
}

# status; what the client and the upstream see of variables; the log

sub ask {
    my ($path, $token) = @_;

    my ($status, $head, $body) = $server->get($path, headers => [
        defined $token ? ("Authorization: Bearer $token", "T: $token") : () ]);
    my %said = map { $_ => $head =~ /^\Q$_\E: <(.*?)>\r?$/m ? $1 : undef }
               qw( X-Say X-Got X-Was );
    return { status => $status, said => $said{'X-Say'}, got => $said{'X-Got'},
             was => $said{'X-Was'}, body => $body, log => line_of('said'),
             texts => line_of('texts') };
}

sub payload_of { (parts($_[0]))[1] }

sub full { 'alice|deep|JWT|JWT|' . payload_of($_[0]) }

my $none = '||||';
my $dash = '-|-|-|-|-';
my $unread = '<-|-|-|->';

sub quoted { $_[0] =~ s/"/\\x22/gr }


# --- neighbours that pass

for my $path (qw( /rule /status /map /any /any-map /dry /optional )) {
    my $is = ask($path, $admin);
    is($is->{status}, 204, "$path grants");
    is($is->{said}, full($admin), '    and variables say who');
    is($is->{got}, full($admin), '    also to the upstream');
    is($is->{log}, '<' . quoted(full($admin)) . "> $unread",
       '    and to the log, where nothing is refused');
}


# --- a refusal

my $refused = '<alice|user|a,b|->';

for my $case ([ '/rule', 401 ], [ '/status', 403 ], [ '/map', 401 ],
              [ '/audience', 401 ], [ '/optional', 401 ]) {
    my ($path, $status) = @$case;
    my $is = ask($path, $user);
    is($is->{status}, $status, "$path refuses");
    is($is->{said}, $none, '    and variables are empty at once');
    is($is->{log}, "<$dash> $refused", '    but for names of their own');
}

for my $path (qw( /any /any-map )) {
    my $is = ask($path, $user);
    is($is->{status}, 204, "$path: another method grants");
    is($is->{got}, $none, '    and the upstream hears nothing of the token');
    is($is->{said}, $none, '    nor does the client');
    is($is->{log}, "<$dash> $refused", '    the log does, by another name');
}

for my $case ([ expired => $expired, $refused ],
              [ 'of a bad signature' => $forged, $unread ],
              [ 'malformed' => 'a.b.c', $unread ], [ absent => undef, $unread ],
              [ 'of a disabled consumer', token(claims => {
                  %claims, iss => $issuer, sub => 'gone' }),
                '<gone|user|a,b|->' ],
              [ 'in conflict', token(claims => { %claims, sub => 'acme' }),
                '<acme|user|a,b|->' ],
              [ 'of a malformed consumer', token(claims => {
                  %claims, sub => "a\nb" }), '<-|user|a,b|->' ],
              [ 'of a malformed payload', token(claims => {
                  %claims, nbf => 'x' }), $unread ]) {
    my ($what, $token, $log) = @$case;
    my $is = ask('/any', $token);
    is($is->{status}, 204, "a token that is $what is refused");
    is("$is->{said} $is->{got}", "$none $none", '    and says nothing');
    is($is->{log}, "<$dash> $log", '    in the log: what was signed');
}


# --- modes in which the variables keep their values

my $is = ask('/dry', $user);
is("$is->{status} $is->{got}", '204 ' . full($user),
   'dry_run: the claims of what would be refused');
is($is->{log}, '<' . quoted(full($user)) . "> $unread", '    nothing is');
is(ask('/dry', $forged)->{said}, $none, '    but not of a bad signature');

$is = ask('/unverified', $user);
is("$is->{status} $is->{said}", '401 ' . full($user),
   'verify off: claims that never were verified');
is($is->{log}, '<' . quoted(full($user)) . "> $unread",
   '    and none that were');

for my $case ([ '/decoded', 204 ], [ '/decoded-no', 403 ]) {
    my ($path, $status) = @$case;
    $is = ask($path, $forged);
    is("$is->{status} $is->{said}", "$status " . full($user),
       "off token= at $path: the same");
    is(ask($path, "x$user")->{said}, $none, '    and nothing of no token');
}


# --- values that were read before the verdict

$is = ask('/texts', $user);
is($is->{status}, 401, 'refused after everything was read');
is($is->{texts}, '<' . quoted('Alice Example|ice Example|Al|alice|a,b|'
                              . payload_of($user)) . '>',
   '    and what nginx has made of it is as it was');

$is = ask('/granted', $user);
is($is->{said}, $none, 'granted at one location and refused at the next');
is($is->{was}, 'Alice Example||', '    a capture between them');
like($is->{log}, qr/^<\Q$dash\E> \Q$refused\E$/, '    the log');

for my $case ([ '/third', 'Alice Example' ], [ '/dry-first', '' ]) {
    my ($path, $kept) = @$case;
    $is = ask($path, $user);
    is($is->{said}, $none, "refused after $path");
    is($is->{was}, "|Alice Example|$kept", '    a named capture, and a map');
}

$is = ask('/page', $user);
is("$is->{status} $is->{said}", "204 $none", 'the error page hears nothing');
is($is->{log}, "<$dash> $refused", '    and the log what was refused');


# --- names that are not in the configuration

like(ask('/ssi-good/x', $user)->{body},
     qr/^\Qal|alice|h|${\ payload_of($user)}|\E\r?$/m,
     'names that are made while serving');
is(ask('/ssi/x', $user)->{status}, 401, '    of a refused token');


# --- at most 768 bytes: two for each name, and the texts

for my $case ([ 760, 760, 'user' ], [ 761, 761, '-' ], [ 766, 766, '-' ],
              [ 767, 0, 'user' ], [ 5000, 0, 'user' ]) {
    my ($n, $kept, $role) = @$case;
    $is = ask('/rule', token(claims => { sub => 'x' x $n, role => 'user' }));
    my ($sub, $other) = $is->{log} =~ /> <(x*|-)\|([^|]*)\|/;
    is(length($sub =~ s/-//r), $kept, "$n bytes for the log: $kept are kept");
    is($other, $role, '    and of the next claim those that fit');
}

$server->stop;


# --- what no key has verified, where a server has none: its locations are off

my $origin = free_port();

$server = start_nginx(http => <<"END", server => <<"END2");
    log_format none '<\$status|\$gateway_jwt_refused_claim_sub>';
    server {
        listen 127.0.0.1:$origin;
        location / { add_header X-Accel-Redirect none; return 204; }
    }
END
    gateway_jwt r;
    access_log logs/none.log none;
    location / {
        gateway_jwt_verify off;
        proxy_pass http://127.0.0.1:$origin;
    }
END2

$server->get(q{/}, headers => [ "Authorization: Bearer $user" ]);
$server->stop;
is(Test::Gateway::Server::slurp($server->dir . '/logs/none.log'), "<401|->\n",
   'a server without keys logs no claim that nobody has verified');

done_testing;
