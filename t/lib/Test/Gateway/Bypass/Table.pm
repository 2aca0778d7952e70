# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Bypass::Table;

# The dimensions of the matrix: families, locations, spellings of paths and of
# header lines, credentials.  Test::Gateway::Bypass writes configurations from
# them and sends their cross product; Test::Gateway::Bypass::Model computes the
# expected results.

use v5.28;
use warnings;

use Exporter qw( import );
use Test::Gateway::Token;

our @EXPORT = qw( families locations targets paths methods credentials
                  spellings protocols rules );


# --- tokens and keys: "poor" is a valid token without the scope, "other" a valid
# key of a consumer without the group

sub make {
    my $good = token(claims => { sub => 'alice', scope => 'orders:read' });

    return {
        token  => $good,
        poor   => token(claims => { sub => 'bob', scope => 'orders:list' }),
        forged => edited($good, signature => sub { scalar reverse $_[0] }),
        key    => 'acme-key-5d1f0c7a9b3e4f62',
        other  => 'poor-key-0a1b2c3d4e5f6071',
        bad    => 'nobody-key-ffffffffffffffff',
    };
}


# --- families: what a protected location requires
#
# asks      the lines of a protected location
# off       the lines of a public one in a protected server
# methods   for each method, the places of its credential ("scheme": also after
#           "Bearer") and the allowed names; all must succeed, or with
#           "satisfy any" one of them
# rules     nginx's allow or deny
# after     credentials that also pass the check of scopes and groups, which
#           runs after access was granted
# credentials   the names of credentials in place
# spelled   those of them that are sent in all spellings; default: all.  The
#           others are covered by another family
# tls       the server requests client certificates

sub families {
    my $jwt = 'gateway_jwt api; gateway_jwt_key_file jwks.json;';
    my $key = 'gateway_api_key api;';
    my %bearer = (from => 'bearer', missing => 401);
    my %header = (from => 'x-api-key', missing => 401);
    my %lists = (token => [ 'token', 'poor' ], key => [ 'key', 'other' ]);
    my $token = { %bearer, valid => $lists{token} };
    my $api_key = { %header, valid => $lists{key} };

    return (
        jwt => {
            asks => $jwt, off => 'gateway_jwt off;', methods => [ $token ],
            credentials => [ 'token' ],
        },
        jwt_header => {
            asks => 'gateway_jwt api token=$http_x_api_key; '
                    . 'gateway_jwt_key_file jwks.json;',
            off => 'gateway_jwt off;',
            methods => [ { %header, valid => $lists{token}, scheme => 1 } ],
            credentials => [ 'token_header' ],
        },
        jwt_places => {
            asks => 'gateway_jwt api token=$http_authorization '
                    . 'token=$http_x_api_key token=$arg_key; '
                    . 'gateway_jwt_key_file jwks.json;',
            off => 'gateway_jwt off;',
            methods => [ { from => [ qw( bearer x-api-key argument ) ],
                           missing => 401, valid => $lists{token},
                           scheme => 1 } ],
            credentials => [ 'token', 'token_header', 'token_places' ],
            spelled => [ 'token_places' ],
        },
        api_key => {
            asks => $key, off => 'gateway_api_key off;',
            methods => [ $api_key ],
            credentials => [ 'key' ],
        },
        key_argument => {
            asks => 'gateway_api_key api query=key;',
            off => 'gateway_api_key off;',
            methods => [ { from => 'argument', missing => 401,
                           valid => $lists{key} } ],
            credentials => [ 'key_argument' ],
        },
        certificate => {
            asks => 'gateway_client_certificate on;',
            off => 'gateway_client_certificate off;',
            methods => [ { from => 'certificate', missing => 403,
                           valid => [ 'known' ] } ],
            credentials => [ 'certificate' ], tls => 1,
        },
        all => {
            asks => "satisfy all; $jwt $key",
            off => 'gateway_jwt off; gateway_api_key off;',
            methods => [ $token, $api_key ],
            credentials => [ 'both', 'mixed' ], spelled => [ 'both' ],
        },
        any => {
            asks => "satisfy any; $jwt $key", any => 1,
            off => 'satisfy all; gateway_jwt off; gateway_api_key off;',
            methods => [ $token, $api_key ],
            credentials => [ 'both', 'mixed' ], spelled => [ 'both' ],
        },
        any_deny => {
            asks => "satisfy any; $jwt deny all;", any => 1, rules => 'deny',
            off => 'satisfy all; gateway_jwt off; allow all;',
            methods => [ $token ],
            credentials => [ 'token' ], spelled => [],
        },
        any_allow => {
            asks => "satisfy any; $jwt allow all;", any => 1,
            rules => 'allow',
            off => 'satisfy all; gateway_jwt off; allow all;',
            methods => [ $token ],
            credentials => [ 'token' ], spelled => [],
        },
        all_deny => {
            asks => "satisfy all; $jwt deny all;", rules => 'deny',
            off => 'gateway_jwt off; allow all;',
            methods => [ $token ],
            credentials => [ 'token' ], spelled => [],
        },
        scope => {
            asks => "$jwt gateway_require_scope orders:read;",
            off => 'gateway_jwt off; gateway_require_scope off;',
            methods => [ $token ], after => [ 'token' ],
            credentials => [ 'token', 'token_poor' ],
        },
        group => {
            asks => "$key gateway_require_group partners;",
            off => 'gateway_api_key off; gateway_require_group off;',
            methods => [ $api_key ], after => [ 'key' ],
            credentials => [ 'key', 'key_poor' ],
        },
    );
}


# --- locations
#
# at        its name, which the origin receives; "@..." for a named location
# is        modifier and URI or expression
# asks      it contains the family's lines
# off       it is public, also in a protected server
# within    the content of "limit_except GET": asks, or allow (all)
# if        [ method => 'proxy' | URI to rewrite to ]...
# rewrite   to this URI, with last
# error     [ codes => target ]
# auth, mirror, include   the URI of a subrequest
# try       the target of try_files, or "=404".  Without it, the origin
#           responds; with mirror or include, nginx itself

my @locations = (
    { at => 'exact', is => [ '=', '/v/exact' ], asks => 1 },
    { at => 'prefix', is => [ '', '/v/prefix' ], asks => 1 },
    { at => 'strong', is => [ '^~', '/v/strong' ], asks => 1 },
    { at => 'regex', is => [ '~', '^/v/regex$' ], asks => 1 },
    { at => 'shadow', is => [ '~', '\.png$' ], off => 1 },

    { at => 'named', is => [ '', '/v/named' ], off => 1, try => '@named' },
    { at => '@named', asks => 1 },

    { at => 'if', is => [ '', '/v/if' ], asks => 1,
      if => [ [ HEAD => 'proxy' ], [ OPTIONS => '/open/if' ] ] },
    { at => 'rewrite', is => [ '', '/v/rewrite' ], asks => 1,
      rewrite => '/open/rewrite' },

    { at => 'limited', is => [ '', '/v/limited' ], within => 'asks' },
    { at => 'limits', is => [ '', '/v/limits' ], asks => 1,
      within => 'allow' },

    { at => 'try', is => [ '', '/v/try' ], off => 1, try => '/behind/try' },
    { at => 'tries', is => [ '', '/v/tries' ], asks => 1, try => '@open' },

    { at => 'error', is => [ '', '/v/error' ], off => 1, try => '=404',
      error => [ [ 404 ] => '/behind/error' ] },
    { at => 'error_named', is => [ '', '/v/missing' ], off => 1,
      try => '=404', error => [ [ 404 ] => '@named' ] },
    { at => 'refused', is => [ '', '/v/refused' ], asks => 1,
      error => [ [ 401, 403 ] => '@open' ] },

    { at => 'auth', is => [ '', '/v/auth' ], off => 1,
      auth => '/behind/auth' },
    { at => 'asked', is => [ '', '/v/asked' ], asks => 1,
      auth => '/open/auth' },

    { at => 'ssi', is => [ '', '/v/ssi' ], off => 1,
      include => '/behind/part' },
    { at => 'ssi_asks', is => [ '', '/v/page' ], asks => 1,
      include => '/behind/part' },

    { at => 'mirror', is => [ '', '/v/mirror' ], off => 1,
      mirror => '/behind/copy' },
    { at => 'mirror_asks', is => [ '', '/v/copied' ], asks => 1,
      mirror => '/behind/copy' },

    { at => 'behind', is => [ '', '/behind' ], asks => 1 },
    { at => '@open', off => 1 },
    { at => 'open', is => [ '', '/open' ], off => 1 },
);

sub locations { @locations }


# the targets of the requests of each kind

sub targets {
    return (
        exact        => [ '/v/exact' ],
        prefix       => [ '/v/prefix', '/v/strong' ],
        regex        => [ '/v/regex', '/v/prefix.png', '/v/strong.png' ],
        named        => [ '/v/named' ],
        if           => [ '/v/if' ],
        rewrite      => [ '/v/rewrite' ],
        limit_except => [ '/v/limited', '/v/limits' ],
        try_files    => [ '/v/try', '/v/tries' ],
        error_page   => [ '/v/error', '/v/missing', '/v/refused' ],
        auth_request => [ '/v/auth', '/v/asked' ],
        ssi          => [ '/v/ssi', '/v/page' ],
        mirror       => [ '/v/mirror', '/v/copied' ],
    );
}


# --- spellings of the path: name, rule, sub
#
# The rule explains why a spelling selects another location; undef: it must
# select the same one.  "slashes": also sent to a server with merge_slashes off.

my @paths = (
    [ plain      => undef, sub { $_[0] }, slashes => 1 ],
    [ double     => 'merge_slashes', sub { "/v/$_[1]" =~ s{/}{//}r },
      slashes => 1 ],
    [ within     => 'merge_slashes', sub { "/v//$_[1]" }, slashes => 1 ],
    [ both       => 'merge_slashes', sub { "/v/%2f$_[1]" }, slashes => 1 ],
    [ dot        => undef, sub { "/v/./$_[1]" }, slashes => 1 ],
    [ dot_dot    => undef, sub { "/v/x/../$_[1]" } ],
    [ coded_dots => undef, sub { "/v/x/%2e%2E/$_[1]" } ],
    [ above      => undef, sub { "/v/../../v/$_[1]" } ],
    [ dots_param => 'parameter', sub { "/v/x/..;/$_[1]" } ],
    [ slash      => undef, sub { "/v%2f$_[1]" } ],
    [ backslash  => 'backslash', sub { "/v%5c$_[1]" } ],
    [ param      => 'parameter', sub { "$_[0];x=1" } ],
    [ param_dir  => 'parameter', sub { "/v;x=1/$_[1]" } ],
    [ case       => 'case', sub { uc $_[0] } ],
    [ letter     => undef,
      sub { '/v/' . sprintf('%%%02x', ord $_[1]) . substr $_[1], 1 } ],
    [ twice      => 'once',
      sub { '/v/' . sprintf('%%25%02x', ord $_[1]) . substr $_[1], 1 } ],
    [ trailing   => 'match', sub { "$_[0]/" } ],
    [ null       => undef, sub { "$_[0]%00" } ],
    [ fragment   => undef, sub { "$_[0]#x" } ],
    [ absolute   => undef, sub { $_[0] }, line => 'asks', host => 'open' ],
    [ other_host => 'authority', sub { $_[0] },
      line => 'open', host => 'asks' ],
);

sub paths {
    return map { my ($name, $rule, $write, %more) = @$_;
                 { name => $name, rule => $rule, write => $write, %more } }
               @paths;
}


# --- protocols, methods

sub protocols { qw( 0.9 1.0 1.1 2 ) }

sub methods { qw( GET HEAD OPTIONS ) }


# --- credentials: [ name, header lines... ], or a hash
#
# Credentials in their places, which can be sent in all spellings.

my %places = (
    token => sub {
        my ($m) = @_;
        return [ wrong => [ Authorization => "Bearer $m->{forged}" ] ],
               [ valid => [ Authorization => "Bearer $m->{token}" ] ];
    },
    token_poor => sub {
        [ poor => [ Authorization => "Bearer $_[0]{poor}" ] ];
    },
    token_header => sub {
        my ($m) = @_;
        return [ wrong => [ 'X-Api-Key' => $m->{forged} ] ],
               [ valid => [ 'X-Api-Key' => $m->{token} ] ],
               [ wrong_scheme => [ 'X-Api-Key' => "Bearer $m->{forged}" ] ],
               [ scheme => [ 'X-API-Key' => "Bearer $m->{token}" ] ];
    },
    token_places => sub {
        my ($m) = @_;
        my $bearer = [ Authorization => "Bearer $m->{token}" ];
        my $header = [ 'X-API-Key' => $m->{token} ];
        my $wrong = [ 'X-API-Key' => "Bearer $m->{forged}" ];
        return [ equal => $bearer, $header ], [ beside_wrong => $bearer, $wrong ],
               [ beside_scheme => $bearer, [ 'X-API-Key' => 'Basic YTpi' ] ],
               [ beside_basic => [ Authorization => 'Basic YTpi' ], $header ],
               map({ { name => "with_$_->[0]", lines => [ $_->[1] ],
                       arguments => "&key=$_->[2]" } }
                   [ argument => $bearer, $m->{token} ],
                   [ forged => $header, $m->{forged} ],
                   [ empty => $header, '' ], [ basic => $wrong, $m->{token} ]),
               { name => 'argument_valid', arguments => "&key=$m->{token}" };
    },
    key => sub {
        my ($m) = @_;
        return [ wrong => [ 'X-API-Key' => $m->{bad} ] ],
               [ valid => [ 'X-API-Key' => $m->{key} ] ];
    },
    key_argument => sub {
        my $key = $_[0]{key};
        return map { { name => "argument_$_->[0]", arguments => $_->[1] } }
                   [ valid => "&key=$key" ], [ wrong => "&key=$_[0]{bad}" ],
                   [ twice => "&key=$key&key=$key" ],
                   [ second => "&key=x&key=$key" ],
                   [ case => "&KEY=$key" ],
                   [ coded => '&key=' . sprintf('%%%02x', ord $key)
                     . substr $key, 1 ],
                   [ coded_name => "&k%65y=$key" ];
    },
    key_poor => sub { [ poor => [ 'X-API-Key' => $_[0]{other} ] ] },
    both => sub {
        my ($m) = @_;
        my $token = [ Authorization => "Bearer $m->{token}" ];
        my $key = [ 'X-API-Key' => $m->{key} ];
        return [ token => $token ], [ key => $key ], [ valid => $token, $key ];
    },
    mixed => sub {
        my ($m) = @_;
        my @wrong = ([ Authorization => "Bearer $m->{forged}" ],
                     [ 'X-API-Key' => $m->{bad} ]);
        return [ wrong_token => $wrong[0] ], [ wrong_key => $wrong[1] ],
               [ wrong => @wrong ],
               [ token_wrong_key => [ Authorization => "Bearer $m->{token}" ],
                                    $wrong[1] ],
               [ key_wrong_token => [ 'X-API-Key' => $m->{key} ], $wrong[0] ];
    },
    certificate => sub {
        return map { { name => "certificate_$_", certificate => $_ } }
                   qw( known unknown untrusted );
    },
);

# a valid credential in a place that is not read

my %elsewhere = (
    token => sub {
        my ($m) = @_;
        return [ scheme => [ Authorization => "Basic $m->{token}" ] ],
               [ glued => [ Authorization => "Bearer$m->{token}" ] ],
               [ proxy => [ 'Proxy-Authorization' => "Bearer $m->{token}" ] ],
               [ header => [ 'X-API-Key' => $m->{token} ] ],
               [ cookie => [ Cookie => "token=$m->{token}" ] ],
               { name => 'argument', arguments => "&token=$m->{token}"
                         . "&access_token=$m->{token}" };
    },
    token_header => sub {
        my ($m) = @_;
        return [ bearer => [ Authorization => "Bearer $m->{token}" ] ],
               [ scheme => [ 'X-API-Key' => "Basic $m->{token}" ] ],
               [ cookie => [ Cookie => "X-API-Key=$m->{token}" ] ],
               { name => 'argument', arguments => "&X-API-Key=$m->{token}" };
    },
    key => sub {
        my ($m) = @_;
        return [ bearer => [ Authorization => "Bearer $m->{key}" ] ],
               [ header => [ 'X-API-Key2' => $m->{key} ] ],
               [ scheme => [ 'X-API-Key' => "Bearer $m->{key}" ] ],
               [ cookie => [ Cookie => "X-API-Key=$m->{key}; key=$m->{key}" ] ],
               { name => 'argument', arguments => "&X-API-Key=$m->{key}"
                         . "&key=$m->{key}&api_key=$m->{key}" };
    },
    key_argument => sub {
        my ($m) = @_;
        return [ header => [ 'X-API-Key' => $m->{key} ] ],
               [ bearer => [ Authorization => "Bearer $m->{key}" ] ],
               [ cookie => [ Cookie => "key=$m->{key}" ] ],
               { name => 'argument', arguments => "&xkey=$m->{key}" };
    },
    both => sub {
        my ($m) = @_;
        return [ crossed => [ Authorization => "Bearer $m->{key}" ],
                            [ 'X-API-Key' => $m->{token} ] ],
               { name => 'argument', arguments => "&token=$m->{token}"
                         . "&key=$m->{key}" };
    },
    certificate => sub {
        my ($m) = @_;
        return [ verify => [ 'X-SSL-Client-Verify' => 'SUCCESS' ],
                           [ 'X-SSL-Client-Fingerprint' => $m->{known} ] ],
               [ bearer => [ Authorization => "Bearer $m->{token}" ] ],
               [ rfc9440 => [ 'Client-Cert' => ":$m->{der}:" ] ];
    },
);


sub credentials {
    my ($family, $made) = @_;

    my %spelled = map { $_ => 1 }
                  @{ $family->{spelled} // $family->{credentials} };

    my @all = { name => 'none', lines => [] };
    for my $set (@{ $family->{credentials} }) {
        for my $write ($places{$set}, $elsewhere{$set} // ()) {
            my $all_ways = $write == $places{$set} && $spelled{$set};

            for my $one ($write->($made)) {
                $one = { name => $one->[0], lines => [ @$one[1 .. $#$one] ] }
                    if ref $one eq 'ARRAY';
                push @all, { lines => [], all_ways => $all_ways, %$one };
            }
        }
    }
    return @all;
}


# --- spellings of header lines
#
# Each changes a credential's lines, or returns nothing if the spelling does not
# exist for them.

my $nominated = 'Authorization, X-API-Key, X_API_Key';

my @spellings = (
    [ plain      => sub { @_ } ],
    [ duplicate  => sub { map { ($_, $_) } @_ } ],
    [ bad_first  => sub { map { ([ $_->[0], "$_->[1]x" ], $_) } @_ } ],
    [ bad_last   => sub { map { ($_, [ $_->[0], "$_->[1]x" ]) } @_ } ],
    [ comma      => sub { map { [ $_->[0], "$_->[1], $_->[1]" ] } @_ } ],
    [ underscore => sub { dashed(@_) ? map({ [ underscored($_) ] } @_) : () } ],
    [ two_names  => sub { dashed(@_) ? map({ ($_, [ underscored($_) ]) } @_)
                                     : () } ],
    [ fold       => sub { map { [ $_->[0], $_->[1] =~ s/ |\z/\r\n /r ] } @_ } ],
    [ fold_first => sub { map { [ $_->[0], "\r\n $_->[1]" ] } @_ } ],
    [ nominated  => sub { (@_, [ Connection => $nominated ]) }, none => 1 ],
    [ name_case  => sub { map { [ uc $_->[0], $_->[1] ] } @_ } ],
    [ blanks     => sub { map { [ $_->[0], "  $_->[1]  " ] } @_ } ],
    [ scheme     => sub { grep({ $_->[1] =~ /^Bearer / } @_)
                          ? map({ [ $_->[0], $_->[1] =~ s/^Bearer /bEARER   /r
                                  ] } @_) : () } ],
);

sub dashed { grep { $_->[0] =~ /-/ } @_ }

sub underscored { $_[0][0] =~ tr/-/_/r, $_[0][1] }

# the spellings of a credential: [ name, lines ]

sub spellings {
    my ($credential) = @_;

    my @lines = @{ $credential->{lines} };
    my @all;
    for (@spellings) {
        my ($name, $write, %of) = @$_;

        next if $name ne 'plain' && !$of{none}
                && (!$credential->{all_ways} || !@lines);
        my @written = $write->(@lines);
        push @all, [ $name, \@written ] if @written || !@lines;
    }
    return @all;
}


# --- rules: id, class, sentence; 1 if a directive in the server closes it

my @rules = (
    [ proof => granted => 'The credential that the location asks for stands'
      . ' where it is looked for, once, and is valid.' ],

    [ refused => closed => 'The location in force asks for a credential: none,'
      . ' a wrong one, two of them or one in another place is 401; no'
      . ' certificate of a consumer is 403, and so is a valid credential'
      . ' without the scope or group.' ],
    [ deny => closed => 'Under `satisfy all` a `deny` refuses with 403 whoever'
      . ' has proved who he is.' ],
    [ malformed => closed => 'nginx itself refuses with 400: a repeated'
      . ' `Authorization`, a folded line, `%00`, a path above the root, a'
      . ' certificate that does not verify; in HTTP/2 a `Host` that is not'
      . ' `:authority`, and from 1.31.0 on `Connection`. A line break in a'
      . ' field of HTTP/2 is 400, and before 1.23.4 a stream that is reset.' ],
    [ nothing => closed => 'Nobody refuses, but what answers is nginx\'s own'
      . ' and asks the origin for nothing: a file is 405 for OPTIONS, and its'
      . ' SSI parts are not fetched for HEAD.' ],

    [ match => open => 'The normalized URI chooses the location, and a location'
      . ' asks for nothing outside of it: `/a/` is not `= /a`.', 1 ],
    [ case => open => 'Locations are compared with regard to case: `/A` is not'
      . ' `/a`.', 1 ],
    [ parameter => open => 'A semicolon is a letter of its segment: `/a;x=1`'
      . ' is not `/a`, and `/..;/` is not `/../`.', 1 ],
    [ backslash => open => 'A backslash, also as `%5c`, is a letter and no'
      . ' slash.', 1 ],
    [ once => open => 'A URI is decoded once: `%2561` is the text `%61`.', 1 ],
    [ merge_slashes => open => 'Under `merge_slashes off` two slashes are not'
      . ' one: `/a//b` is not `/a/b`.', 1 ],
    [ authority => open => 'The authority in the request line chooses the'
      . ' server, whatever `Host` says.' ],
    [ regex => open => 'A regular expression that matches wins over a prefix'
      . ' without `^~`.' ],
    [ rewrite => open => '`rewrite ... last` acts before access is asked, also'
      . ' in `if`: only the location that it leads to is asked.' ],
    [ limit_except => open => 'What stands in `limit_except GET` does not ask'
      . ' for GET and HEAD.', 1 ],
    [ error_page => open => 'The page of `error_page 401 403` is asked by its'
      . ' own location, and if that asks for nothing by nobody.' ],
    [ satisfy => open => 'Under `satisfy any` whatever grants opens: an'
      . ' `allow`, or an `auth_request`.' ],
    [ subrequest => open => 'A subrequest (SSI, `mirror`, `auth_request`) is'
      . ' not asked: the request that makes it must be. `auth_request` makes'
      . ' its own before scopes and groups are looked at.' ],
);

sub rules { @rules }

1;
