# SPDX-License-Identifier: BSD-2-Clause

# Watched files that the user of the workers cannot read: an error if "watch=" is
# set, otherwise a warning, before anything is changed; and an error logged by
# one of the workers.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;
use Test::Gateway::Consumer;
use Test::Gateway::Swap;

use File::Temp ();
use Test::More;

BEGIN { $Test::Gateway::More = 1 }

plan skip_all => 'only root has workers of another user' if $> != 0;

my ($name, $uid, $gid) = (getpwnam 'nobody')[0, 2, 3];
my $user = "user $name " . getgrgid($gid) . ";\n";
my %token = map { $_ => token(key => $_, claims => { sub => 'alice' }) }
            qw( a b );

my $folder = File::Temp->newdir('nginx-gateway-XXXXXX', TMPDIR => 1);
chmod 0755, "$folder";

my %directive = (jwt => 'gateway_jwt_key_file', consumers => 'gateway_consumers');
my %content = (jwt => jwks('a'), consumers => version_of(1));

# a configuration with one watched file; $watch: " watch=5s" or ""

sub conf {
    my ($kind, $file, $watch, %part) = @_;

    my $http = $kind eq 'jwt' ? '' : "gateway_consumers zone=c:1m file=$file$watch;";
    my $server = $kind eq 'jwt'
        ? "location / { gateway_jwt r; gateway_jwt_key_file $file$watch; empty_gif; }"
        : 'location / { gateway_api_key r; empty_gif; }';
    return http_conf(main => $user, port => free_port(), %part, http => $http,
                     server => $server);
}

# a folder of its own for each case

sub file {
    my ($kind, $mode, $dir_mode) = @_;

    state $n = 0;
    my $dir = "$folder/" . $n++;
    write_file("$dir/in/f.json", $content{$kind});
    chmod $mode, "$dir/in/f.json";
    chmod $dir_mode // 0755, "$dir/in";
    return "$dir/in/f.json";
}

# the result of -t: exit code, and lines of level warn and above

sub said {
    my ($conf) = @_;

    my ($code, $said) = nginx_t($conf);
    my @said = map { s/:\d+\z/:n/r } $said =~ /\[((?:warn|error|alert|emerg)\] .*)/g;
    s/\] \d+#\d+: /] / for @said;
    return CORE::join "\n", $code, @said;
}

sub refusal {
    my ($kind, $file) = @_;
    return qq{1\nemerg] $directive{$kind} "$file" cannot be re-read by user }
           . qq{"$name", make it readable or write "watch=0" in DIR/nginx.conf:n};
}

sub warning {
    my ($kind, $file) = @_;
    return qq{0\nwarn] $directive{$kind} "$file" cannot be re-read by user }
           . qq{"$name", changes need a reload in DIR/nginx.conf:n};
}

sub link_to {
    my ($file) = @_;
    my $link = "$folder/link" . $file =~ s/\W/_/gr;
    symlink $file, $link or die $!;
    return $link;
}


# --- nginx -t

for my $kind (qw( jwt consumers )) {
    my $closed = file($kind, 0600);

    is(said(conf($kind, $closed, ' watch=50ms')), refusal($kind, $closed),
       "$kind: 0600 of root, watched");
    is(said(conf($kind, $closed, ' watch=5s')), refusal($kind, $closed),
       "$kind: as by default, but written");
    is(said(conf($kind, $closed, '')), warning($kind, $closed),
       "$kind: by default");
    is(said(conf($kind, $closed, ' watch=0')), 0, "$kind: not watched");

    is(said(conf($kind, file($kind, 0644), ' watch=5s')), 0, "$kind: 0644");

    my $shared = file($kind, 0640);
    is(said(conf($kind, $shared, ' watch=5s')), refusal($kind, $shared),
       "$kind: 0640 of root's group");
    chown 0, $gid, $shared;
    is(said(conf($kind, $shared, ' watch=5s')), 0, "$kind: of the user's group");

    my $own = file($kind, 0400);
    chown $uid, 0, $own;
    is(said(conf($kind, $own, ' watch=5s')), 0, "$kind: the user's own");
    chmod 0044, $own;
    is(said(conf($kind, $own, ' watch=5s')), refusal($kind, $own),
       "$kind: closed to its owner");

    for my $mode (0700, 0644) {
        my $in = file($kind, 0644, $mode);
        is(said(conf($kind, $in, ' watch=5s')), refusal($kind, $in),
           sprintf "$kind: in a folder with %04o", $mode);
        is(said(conf($kind, $in, '')), warning($kind, $in), '    by default');
        chmod 0711, $in =~ s{/[^/]*$}{}r;
        is(said(conf($kind, $in, ' watch=5s')), 0, '    and with 0711');
    }
    my $deep = file($kind, 0644);
    my $above = $deep =~ s{/in/.*}{}r;
    chmod 0700, $above;
    is(said(conf($kind, $deep, ' watch=5s')), refusal($kind, $deep),
       "$kind: below a closed folder");

    my $link = link_to($closed);
    is(said(conf($kind, $link, ' watch=5s')), refusal($kind, $link),
       "$kind: a link to a closed file");
    $link = link_to($deep);
    is(said(conf($kind, $link, ' watch=5s')), refusal($kind, $link),
       "$kind: a link below a closed folder");
    chmod 0755, $above;
    is(said(conf($kind, $link, ' watch=5s')), 0, "$kind: and when it is open");

    # the user of the workers

    my $conf = conf($kind, $closed, ' watch=5s');
    is(said($conf =~ s/^user .*$/user root;/mr), 0, "$kind: workers of root");
    is(said(($conf =~ s/^user .*$//mr) . $user), refusal($kind, $closed),
       "$kind: a user at the end of the file");
    is(said("master_process off;\n$conf"), 0,
       "$kind: without a master there is no other user");
    is(said("master_process on;\n$conf"), refusal($kind, $closed),
       "$kind: with one there is");
}

my @two = map { file('jwt', 0600) } 1, 2;
my $conf = conf('jwt', $two[0], ' watch=5s')
           =~ s/empty_gif/gateway_jwt_key_file $two[1]; empty_gif/r;
is(scalar(() = said($conf) =~ /cannot be re-read/g), 2, 'two files: both are named');
is(said(http_conf(main => $user, port => free_port(), server => <<"END")),
    location /a { gateway_jwt r; gateway_jwt_key_file $two[0]; empty_gif; }
    location /b { gateway_jwt r; gateway_jwt_key_file $two[0] watch=5s; empty_gif; }
END
   CORE::join("\n", 1, map { s/^\d\n//r } warning('jwt', $two[0]),
                                        refusal('jwt', $two[0])),
   'one file by default and watched: an error for the latter alone');


# --- a start, and a reload that keeps the old cycle

for my $kind (qw( jwt consumers )) {
    my $closed = file($kind, 0600);

    my $port = free_port();
    is(eval { start_nginx(conf => conf($kind, $closed, ' watch=50ms')); 1 }, undef,
       "$kind: nginx does not start");
    like($@, qr/\[emerg\] .*cannot be re-read by user "$name"/, '    with the reason');

    chmod 0644, $closed;
    my $server = start_nginx(port => $port, conf => conf($kind, $closed,
                             ' watch=1h', port => $port, workers => 2));
    $server->allow('cannot be re-read');
    wait_until(sub { 2 == $server->workers });
    my @workers = sort $server->workers;
    my $header = $kind eq 'jwt' ? "Authorization: Bearer $token{a}"
                                : 'X-API-Key: ' . api_key('acme');
    my $status = sub { ($server->get('/', headers => [ $header ]))[0] };
    is($status->(), 200, "$kind: a file that may be read");

    chmod 0600, $closed;
    $server->reload(undef, wait => 0);
    ok(wait_until(sub { $server->log =~ /\[emerg\] .*cannot be re-read/ }),
       "$kind: a reload when it may not");
    is($status->(), 200, '    the old configuration serves');
    is_deeply([ sort $server->workers ], \@workers, '    by the workers of before');

    chmod 0644, $closed;
    ok($server->reload, "$kind: and a reload when it may");
    is($status->(), 200, '    serves');
    $server->stop;
}


# --- workers, by default: one of four logs it when it starts

my %closed = map { $_ => file($_, 0600) } qw( jwt consumers );
my $port = free_port();
my $server;

{
    local $ENV{TEST_NGINX_LOG_LEVEL} = 'error';
    $server = start_nginx(port => $port, conf => http_conf(
        main => $user, port => $port, workers => 4,
        http => "gateway_consumers zone=c:1m file=$closed{consumers};",
        server => <<"END"));
    location / { gateway_jwt r; gateway_jwt_key_file $closed{jwt}; empty_gif; }
    location /key { gateway_api_key r; empty_gif; }
END
}

sub lines { grep { /$_[0]/ } split /^/, $server->log }

sub start_says {
    my ($count, $when) = @_;

    for my $kind (qw( jwt consumers )) {
        my $line = qr{ \[error\]\ \S+\ $directive{$kind}\ "\Q$closed{$kind}\E":
                    \ open\(\)\ failed\ \(13:\ Permission\ denied\),\ keeping
                    \ the\ previous\ content$ }x;
        wait_until(sub { lines($line) >= $count });
        is(scalar(lines($line)), $count, "$when: $kind: $count in all");
    }
    return;
}

is(($server->get('/', headers => [ "Authorization: Bearer $token{a}" ]))[0], 200,
   'the keys that the master has read serve');
start_says(1, 'at the start, at the level of Debian');
$server->reload;
start_says(2, 'after a reload');

# after a chmod and one interval both are read, and the failure has ended

chmod 0644, values %closed;
for my $kind (qw( jwt consumers )) {
    my $line = qr{ \[error\]\ .*$directive{$kind}\ .*has\ changed\ and\ was
                   \ read.*,\ after\ a\ failure\ since\  }x;
    ok(wait_until(sub { lines($line) }, 20), "$kind: a chmod opens it");
    is(scalar(lines($line)), 1, '    logged by one of them');
}
is(scalar(lines(qr/keeping the previous content/)), 4, 'and nothing else is logged');
$server->stop;


# --- without a master, root can read everything

my $alone = file('jwt', 0600);
$server = start_nginx(port => $port, conf => conf('jwt', $alone, ' watch=50ms',
                      port => $port, main => $user . "master_process off;\n"));
my $answer = sub {
    ($server->get('/', headers => [ "Authorization: Bearer $token{$_[0]}" ]))[0]
};
is($answer->('a'), 200, 'no master: the first key');
my $new = write_file("$folder/new", jwks('b'));
chmod 0600, $new;
rename $new, $alone or die $!;
ok(wait_until(sub { $answer->('b') == 200 }), 'no master: the next one is read');
is($answer->('a'), 401, 'no master: and the first one is gone');
is(scalar(lines(qr/\[(?:warn|error)\]/)), 0, 'no master: nothing is logged');
$server->stop;

done_testing();
