# SPDX-License-Identifier: BSD-2-Clause

package Test::Gateway::Bypass;

# The bypass matrix: writes one server for each family, sends it the cross
# product of Table.pm's dimensions as raw bytes, and compares each status, and
# the requests that reached the origin, with Model.pm.  See t/bypass/README.md.
#
#   my $matrix = Test::Gateway::Bypass->new(stride => 397);
#   $matrix->run;          a test for each family, then tests of all families
#
# stride: every n-th case is sent (1: all).  only: names of families.  spoil: a
# sub that modifies the configuration, to check that the matrix detects defects.

use v5.28;
use warnings;

use Digest::SHA qw( sha256_hex );
use File::Temp ();
use MIME::Base64 qw( encode_base64 decode_base64 );
use POSIX ();
use Storable qw( store retrieve );
use Time::HiRes qw( time );

use Test::More ();
use Test::Gateway::Bypass::Client;
use Test::Gateway::Bypass::Model;
use Test::Gateway::Bypass::Table;
use Test::Gateway::Server;
use Test::Gateway::Token;

my $SHOWN = 5;    # failed cases of a family that are printed


sub new {
    my ($class, %arg) = @_;

    my $self = bless { stride => 1, %arg }, $class;
    my $bit = 1;
    for ('fallback', 'open_host', map { $_->{at} } locations()) {
        $self->{bits}{$_} = $bit;
        $bit <<= 1;
    }
    $self->{dir} = File::Temp->newdir('bypass-XXXXXX', TMPDIR => 1);
    $self->{made} = Test::Gateway::Bypass::Table::make();
    $self->{families} = { families() };
    $self->certificates;
    return $self;
}


# --- credentials that are files

sub certificates {
    my ($self) = @_;

    my $dir = $self->{dir};
    my $openssl = sub {
        my ($code, $said) = Test::Gateway::Server::command('openssl', @_);
        die "openssl @_: $said" if $code != 0;
    };

    my @new = qw( req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256
                  -nodes -days 2 );
    for (qw( ca other_ca server )) {
        $openssl->(@new, '-subj', "/CN=$_", '-keyout', "$dir/$_.key",
                   '-out', "$dir/$_.pem");
    }

    my %issuer = (known => 'ca', unknown => 'ca', untrusted => 'other_ca');
    for (sort keys %issuer) {
        my $ca = $issuer{$_};
        $openssl->(qw( req -newkey ec -pkeyopt ec_paramgen_curve:P-256
                       -nodes ), '-subj', "/CN=$_", '-keyout', "$dir/$_.key",
                   '-out', "$dir/$_.csr");
        $openssl->(qw( x509 -req -days 2 -set_serial ), length,
                   '-in', "$dir/$_.csr", '-CA', "$dir/$ca.pem",
                   '-CAkey', "$dir/$ca.key", '-out', "$dir/$_.pem");
    }

    my $der = decode_base64(Test::Gateway::Server::slurp("$dir/known.pem")
                            =~ s/-----[^-]*-----//gr);
    $self->{made}{known} = sha256_hex($der);
    $self->{made}{der} = encode_base64($der, '');
    return;
}


sub consumers {
    my ($self) = @_;

    my $made = $self->{made};
    return json({ consumers => [
        { id => 'acme', groups => [ 'partners' ],
          keys => [ { id => 'k1', sha256 => sha256_hex($made->{key}) } ],
          certificates => [ { sha256 => $made->{known} } ] },
        { id => 'poor', groups => [ 'others' ],
          keys => [ { id => 'k2', sha256 => sha256_hex($made->{other}) } ] },
    ] });
}


# --- configurations

my $Pass = 'proxy_pass http://origin;';

sub socket_of { "$_[0]{dir}/" . join '-', @_[1 .. $#_] }


sub common {
    my $user = $> == 0 ? 'user root;' : '';

    return <<END;
load_module "$ENV{GATEWAY_MODULE}";
$user
worker_processes 2;
worker_rlimit_nofile 4096;
events { worker_connections 2048; }
http {
    default_type text/html;
    keepalive_requests 100000000;
    client_body_temp_path tmp/body;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;
    client_header_buffer_size 16k;
END
}


# logs each request that reached the origin, with its location

sub origin_conf {
    my ($self) = @_;

    return common() . <<END;
    log_format reached '\$http_x_at \$http_x_line';
    access_log logs/reached.log reached buffer=64k flush=1s;
    server {
        listen unix:$self->{dir}/origin;
        merge_slashes off;
        return 200 "reached\\n";
    }
}
END
}


sub front_conf {
    my ($self, @names) = @_;

    my $conf = common();
    $conf .= <<END;
    gateway_consumers zone=c:1m file=consumers.json;
    access_log off;
    upstream origin {
        server unix:$self->{dir}/origin;
        keepalive 64;
    }
    underscores_in_headers on;

    # a stream lasts as long as its mirrored request
    http2_max_concurrent_streams 1024;
    ssl_certificate server.pem;
    ssl_certificate_key server.key;
    ssl_client_certificate ca.pem;
    ssl_verify_client optional;
END

    $conf .= $self->servers($_) for @names;
    $conf = $self->{spoil}->($conf) if $self->{spoil};
    return "$conf}\n";
}


# the four servers of a family, and a public one on each socket

sub servers {
    my ($self, $name) = @_;

    my $family = $self->{families}{$name};
    my $conf = '';

    for my $protected (0, 1) {
        for my $merge (1, 0) {
            my $listen = $self->listen($name, $protected, $merge);
            my $asks = $protected ? $family->{asks} : '';
            my $slashes = 'merge_slashes ' . ($merge ? 'on;' : 'off;');

            $conf .= join "\n", 'server {', $listen, $slashes,
                'server_name asks.example;', $asks,
                map({ location($family, $protected, $_) } locations()),
                "location / { $Pass " . headers('fallback') . ' }',
                "}\nserver {", $listen, $slashes, 'server_name open.example;',
                "location / { $Pass " . headers('open_host') . ' }', "}\n";
        }
    }
    return $conf;
}


sub listen {
    my ($self, $name, @which) = @_;

    my $ssl = $self->{families}{$name}{tls} ? ' ssl' : '';
    my $socket = 'listen unix:' . $self->socket_of($name, @which);

    return nginx_before(1, 25, 1)
           ? "$socket-1$ssl; $socket-2$ssl http2;"
           : "$socket-1$ssl; $socket-2$ssl; http2 on;";
}


sub headers {
    my ($at) = @_;
    return "proxy_http_version 1.1; proxy_set_header Connection '';"
           . " proxy_set_header X-Line \$request_uri;"
           . " proxy_set_header X-At $at;";
}


sub location {
    my ($family, $protected, $location) = @_;

    my ($modifier, $uri) = @{ $location->{is} // [ '', $location->{at} ] };
    my ($satisfy) = $family->{asks} =~ /(satisfy \w+;)/;
    my $asks = $family->{asks};

    my @lines = headers($location->{at});
    push @lines, $asks if $location->{asks} && !$protected;
    push @lines, $family->{off} if $location->{off} && $protected;

    if (my $within = $location->{within}) {
        push @lines, $satisfy // '' if !$protected && $within eq 'asks';
        my $inner = $within eq 'allow' ? 'allow all;'
                                       : $asks =~ s/satisfy \w+;//r;
        push @lines, "limit_except GET { $inner }";
    }

    for (@{ $location->{if} // [] }) {
        my ($method, $to) = @$_;
        my $does = $to eq 'proxy' ? $Pass : "rewrite ^ $to last;";
        push @lines, "if (\$request_method = $method) { $does }";
    }

    push @lines, "rewrite ^ $location->{rewrite} last;" if $location->{rewrite};
    push @lines, "auth_request $location->{auth};" if $location->{auth};
    push @lines, "mirror $location->{mirror};" if $location->{mirror};
    push @lines, "error_page @{ $location->{error}[0] } ="
                 . " $location->{error}[1];" if $location->{error};

    push @lines, $location->{try}     ? "try_files /none $location->{try};"
               : $location->{include} ? 'ssi on; try_files /page.html =404;'
               : $location->{mirror}  ? 'empty_gif;'
               :                        $Pass;

    return join "\n    ", "location $modifier $uri {", @lines, '}';
}


# --- the run

sub start {
    my ($self, @names) = @_;

    # rejected requests are logged at info, which is not needed
    local $ENV{TEST_NGINX_LOG_LEVEL} = 'warn';

    my %files = ('html/page.html' =>
                 qq{page <!--#include virtual="/behind/part" -->\n},
                 'jwks.json' => jwks('es256'),
                 'consumers.json' => $self->consumers);
    $files{$_} = Test::Gateway::Server::slurp("$self->{dir}/$_")
        for qw( ca.pem server.pem server.key );

    $self->{origin} = start_nginx(conf => $self->origin_conf, port => 0);
    $self->{front} = start_nginx(conf => $self->front_conf(@names),
                                 files => \%files, port => 0);
    return;
}


sub run {
    my ($self) = @_;

    my $began = time;
    my @names = $self->{only} ? @{ $self->{only} }
                              : sort keys %{ $self->{families} };
    $self->start(@names);

    # several clients at once: while one computes, nginx serves another
    my (%running, %done);
    my @waiting = @names;
    while (@waiting || %running) {
        if (@waiting && keys %running < ($ENV{JOBS} || 2)) {
            my $name = shift @waiting;
            $running{$self->client($name)} = $name;
            next;
        }
        my $pid = waitpid -1, 0;
        my $name = delete $running{$pid} // next;
        $done{$name} = $self->collect($name, $?);
    }

    $self->{front}->stop('the servers: nothing went wrong unannounced');
    $self->{origin}->stop('the origin: nothing went wrong unannounced');
    $self->reached(\%done);
    $self->totals(\%done, time - $began);
    return;
}


# A process that sends a family's cases and writes the results to a file.

sub client {
    my ($self, $name) = @_;

    my $pid = fork // die "fork: $!";
    return $pid if $pid;

    my $done = eval {
        my $at = time;
        $self->again($name);
        $self->each_group($name, sub { $self->send_cases($name, @_) });
        store({ map({ $_ => $self->{$_} }
                    qw( id expected outcomes count failed )),
                seconds => time - $at }, "$self->{dir}/$name.done");
        1;
    };
    print STDERR "$name: $@" if !$done;
    POSIX::_exit($done ? 0 : 1);
}


# Starts at the first case of a family.  It differs between families, since with
# a stride, families with the same dimensions must not send the same cases.

sub again {
    my ($self, $name) = @_;

    @{$self}{qw( next id expected outcomes count failed number )}
        = (length($name) * 31, 0, '', [], {}, [], {});
    return;
}


sub collect {
    my ($self, $name, $code) = @_;

    if ($code != 0) {
        Test::More::fail("$name: the client has ended with $code");
        return;
    }

    my $done = retrieve("$self->{dir}/$name.done");
    Test::More::ok(!@{ $done->{failed} }, sprintf '%s: the status of %s cases',
                                          $name, with($done->{id}));
    Test::More::diag($_) for shown(@{ $done->{failed} });
    Test::More::note(sprintf '%.1f s', $done->{seconds});
    return $done;
}


# Calls $code->($model, $protocol, \@cases, $certificate) for each server,
# protocol and certificate of a family; the same order each time.

sub each_group {
    my ($self, $name, $code) = @_;

    my $family = $self->{families}{$name};
    my %valid = (%{ $self->{made} }, known => 'known');

    for my $protected (0, 1) {
        for my $merge (1, 0) {
            my $model = Test::Gateway::Bypass::Model->new(
                family => $family, protected => $protected, merge => $merge,
                valid => \%valid, version => \&before);

            for my $protocol (protocols()) {
                my $of = $self->cases($name, $model, $protocol);
                $code->($model, $protocol, $of->{$_}, $_) for sort keys %$of;
            }
        }
    }
    return;
}


my %before;

sub before { $before{"@_"} //= nginx_before(@_) ? 1 : 0; return $before{"@_"} }


# The cases for a server and a protocol: certificate of the connection => cases.

sub cases {
    my ($self, $name, $model, $protocol) = @_;

    my %targets = targets();
    my %of;

    my @written = $self->written($self->{families}{$name}, $protocol);
    my @paths = grep { $model->{merge} || $_->{slashes} } paths();

    for my $kind (sort keys %targets) {
        for my $target (@{ $targets{$kind} }) {
            for my $path (@paths) {
                for my $written (@written) {
                    next if $self->{next}++ % $self->{stride};

                    my $case = case_of($target, $path, $written, $protocol);
                    @$case{qw( family kind target id )}
                        = ($name, $kind, $target, ++$self->{id});
                    push @{ $of{$written->{certificate} // ''} }, $case;
                }
            }
        }
    }
    return \%of;
}


# credentials in all spellings, and methods, that exist in a protocol

sub written {
    my ($self, $family, $protocol) = @_;

    my @all;
    for my $credential (credentials($family, $self->{made})) {
        my $lines = @{ $credential->{lines} };

        # HTTP/0.9 has no header lines, and no method but GET
        if ($protocol eq '0.9') {
            push @all, { %$credential, method => 'GET', spelling => 'plain' }
                if !$lines;
            next;
        }

        for (spellings($credential)) {
            my ($spelling, $written) = @$_;

            # names are in lower case in HTTP/2
            next if $protocol eq '2' && $spelling eq 'name_case';

            push @all, { %$credential, spelling => $spelling, method => 'GET',
                         lines => $written };
            next if $spelling ne 'plain';
            push @all, { %$credential, spelling => $_, method => $_ }
                for grep { $_ ne 'GET' } methods();
        }
    }
    return @all;
}


sub case_of {
    my ($target, $path, $written, $protocol) = @_;

    my $name = $target =~ s{^/v/}{}r;
    return {
        protocol    => $protocol,
        path        => $path->{write}->($target, $name),
        opens       => $path->{rule},
        spelled     => $path->{name},
        line        => $path->{line},
        host        => $path->{host} // 'asks',
        method      => $written->{method},
        lines       => $written->{lines},
        certificate => $written->{certificate},
        arguments   => $written->{arguments} // '',
        credential  => $written->{name},
        spelling    => $written->{spelling},
    };
}


sub send_cases {
    my ($self, $name, $model, $protocol, $cases, $certificate) = @_;

    my $tls;
    if ($self->{families}{$name}{tls}) {
        $tls = $certificate
               ? { SSL_cert_file => "$self->{dir}/$certificate.pem",
                   SSL_key_file => "$self->{dir}/$certificate.key" } : {};
    }

    my $h2 = $protocol eq '2';
    my $client = Test::Gateway::Bypass::Client->new(
        protocol => $protocol, tls => $tls,
        socket => $self->socket_of($name, $model->{protected},
                                   $model->{merge}, $h2 ? 2 : 1));

    # in parts, since there are many
    while (my @some = splice @$cases, 0, 2000) {
        my @requests;
        for my $case (@some) {
            my $expected = $model->judge($case);
            my $request = request_of($case);
            $request->{alone} = alone($case, $expected);
            push @requests, $request;
            $self->expect($name, $case, $expected);
            $self->{count}{in_server}{$expected->{rule} // ''}++
                if $model->{protected};
        }

        $client->ask([ @requests ]);

        for my $i (0 .. $#some) {
            my ($case, $request) = ($some[$i], $requests[$i]);
            my $got = $request->{status} // 'nothing';
            my $expected = outcome($self, $case->{id})->{status};
            push @{ $self->{failed} }, story($name, $model, $case, $request,
                                             $expected, $got)
                if $got ne $expected;
        }
    }
    $client->hang_up;
    return;
}


# whether nginx closes the connection after the response

sub alone {
    my ($case, $expected) = @_;

    return 0 if $case->{protocol} eq '2';
    return 1 if $expected->{status} eq '400';

    # a page with SSI has no Content-Length
    return $case->{protocol} eq '1.0' && $case->{kind} eq 'ssi'
           && $case->{method} eq 'GET' && $expected->{status} eq '200';
}


sub request_of {
    my ($case) = @_;

    my $path = "$case->{path}?case=$case->{family}-$case->{id}"
               . $case->{arguments};
    my @lines = @{ $case->{lines} };
    my %request = (method => $case->{method});

    if ($case->{protocol} eq '0.9') {
        $path = "http://$case->{line}.example$path" if defined $case->{line};

    } elsif ($case->{protocol} eq '2') {
        $request{authority} = ($case->{line} // $case->{host}) . '.example';
        push @lines, [ Host => "$case->{host}.example" ]
            if defined $case->{line};

    } else {
        $path = "http://$case->{line}.example$path" if defined $case->{line};
        unshift @lines, [ Host => "$case->{host}.example" ];

        if ($case->{protocol} eq '1.0'
            && !grep({ $_->[0] eq 'Connection' } @lines))
        {
            push @lines, [ Connection => 'keep-alive' ];
        }
    }

    return { %request, path => $path, headers => \@lines };
}


# Stores the expected outcome of a case, as a number: there are millions of
# cases, but few different outcomes.

sub expect {
    my ($self, $name, $case, $expected) = @_;

    my ($class, $rule) = ($expected->{class}, $expected->{rule} // 'NO RULE');
    my $reached = 0;
    $reached |= $self->{bits}{$_} for @{ $expected->{reached} };

    my $key = join ' ', $class, $rule, $expected->{status}, $reached;
    my $n = $self->{number}{$key};
    if (!defined $n) {
        $n = $self->{number}{$key} = @{ $self->{outcomes} };
        push @{ $self->{outcomes} }, { class => $class, rule => $rule,
                                       status => $expected->{status},
                                       reached => $reached };
    }
    vec($self->{expected}, $case->{id}, 16) = $n;

    my $count = $self->{count};
    $count->{class}{$class}++;
    $count->{rule}{$rule}++;
    $count->{family}{$name}{$class}++;
    $count->{location}{$case->{kind}}{$class}++;
    $count->{protocol}{"HTTP/$case->{protocol}"}{$class}++;
    $count->{path}{$case->{spelled}}{$class}++;
    $count->{spelling}{$case->{spelling}}{$class}++;
    $count->{credential}{$case->{credential}}{$class}++;
    $count->{kinds}{"$name $case->{kind}"}++;
    return;
}


sub outcome {
    my ($done, $id) = @_;
    return $done->{outcomes}[vec $done->{expected}, $id, 16];
}


# the locations that sent a request to the origin

sub names {
    my ($self, $mask) = @_;

    my $bits = $self->{bits};
    return join(' ', sort grep { $mask & $bits->{$_} } keys %$bits) || 'nobody';
}


# --- results

sub shown {
    my (@failed) = @_;

    my $more = @failed - $SHOWN;
    return @failed if $more <= 0;
    return (@failed[0 .. $SHOWN - 1], "and $more more cases");
}


sub story {
    my ($name, $model, $case, $request, $expected, $got) = @_;

    my $server = "$name, " . ($model->{protected} ? 'protected' : 'public')
                 . ' server, merge_slashes ' . ($model->{merge} ? 'on' : 'off');
    my $bytes = join "\n", "$request->{method} $request->{path}"
                           . " HTTP/$case->{protocol}",
                           map { "$_->[0]: $_->[1]" } @{ $request->{headers} };
    $bytes .= "\n(:authority $request->{authority})" if $request->{authority};
    return "case $case->{id}: $server, $case->{kind}, path $case->{spelled},"
           . " credential $case->{credential}, $case->{spelling}"
           . ($case->{certificate} ? ", certificate $case->{certificate}" : '')
           . "\n$bytes\nexpected $expected, got $got\n";
}


# Compares the origin's log, which has the location of each request, with the
# expected outcome of each case.

sub reached {
    my ($self, $done) = @_;

    my (%got, @strange);
    my $file = $self->{origin}->dir . '/logs/reached.log';
    open my $in, '<', $file or die "$file: $!";
    while (<$in>) {
        my ($at, $name, $id) = /^(\S+) .*[?&]case=(\w+)-(\d+)/;
        if (!defined $at || !$self->{bits}{$at} || !$done->{$name}) {
            push @strange, $_;
            next;
        }
        $got{$name} //= '';
        vec($got{$name}, $id, 32) = vec($got{$name}, $id, 32)
                                    | $self->{bits}{$at};
    }

    my %wrong = (closed => {}, barred => {}, other => {});
    for my $name (sort keys %$done) {
        my $of = $done->{$name} or next;
        for my $id (1 .. $of->{id}) {
            my $expected = outcome($of, $id)->{reached};
            my $is = vec $got{$name} // '', $id, 32;
            next if $is == $expected;

            my $kind = !$expected ? 'closed' : !$is ? 'barred' : 'other';
            $wrong{$kind}{$name}{$id} = $is;
        }
    }

    my $none = sub {
        my ($title, $wrong) = @_;
        return if Test::More::ok(!%$wrong, $title);
        $self->retell($_, $done->{$_}, $wrong->{$_}) for sort keys %$wrong;
    };
    $none->('no closed case reached the origin', $wrong{closed});
    $none->('every open or granted case reached it', $wrong{barred});
    $none->('each from the locations that it should', $wrong{other});

    Test::More::ok(!@strange, 'no other request reached the origin');
    Test::More::diag($_) for shown(@strange);
    return;
}


# Prints the complete requests of failed cases.  All cases are generated again
# for this, but not sent.

sub retell {
    my ($self, $name, $done, $wrong) = @_;

    my @ids = sort { $a <=> $b } keys %$wrong;
    my %shown = map { $_ => 1 } splice @ids, 0, $SHOWN;

    $self->again($name);
    $self->each_group($name, sub {
        my ($model, $protocol, $cases) = @_;
        for my $case (grep { $shown{$_->{id}} } @$cases) {
            my $outcome = outcome($done, $case->{id});
            Test::More::diag(story($name, $model, $case, request_of($case),
                "$outcome->{class} by \"$outcome->{rule}\", status"
                . " $outcome->{status}, reached by "
                . $self->names($outcome->{reached}),
                'reached by ' . $self->names($wrong->{$case->{id}})));
        }
    });
    Test::More::diag('and ' . @ids . ' more cases') if @ids;
    return;
}


sub with {
    my ($n) = @_;

    1 while $n =~ s/^(\d+)(\d{3})/$1,$2/;
    return $n;
}


sub totals {
    my ($self, $done, $seconds) = @_;

    my $count = {};
    my $n = 0;
    for my $of (grep { $_ } values %$done) {
        $n += $of->{id};
        add($count, $of->{count});
    }
    my @ids = map { $_->[0] } rules();

    is_all('every rule', $count->{rule}, @ids);

    my @opened = grep { $count->{in_server}{$_} }
                 map { $_->[3] ? $_->[0] : () } rules();
    Test::More::is("@opened", '', 'no rule that a directive in the server'
                   . ' closes occurs in a protected server');

    my %targets = targets();
    is_all('every family and kind of location', $count->{kinds},
           map { my $f = $_; map { "$f $_" } keys %targets }
               keys %{ $count->{family} });

    for my $dimension (qw( family location protocol path spelling credential ))
    {
        my $of = $count->{$dimension};
        Test::More::note($dimension);
        Test::More::note(sprintf '  %-16s %8s closed %8s open %8s granted', $_,
                         map { with($_ // 0) } @{ $of->{$_} }{
                             qw( closed open granted ) })
            for sort keys %$of;
    }
    Test::More::note('rule');
    Test::More::note(sprintf '  %-16s %8s', $_, with($count->{rule}{$_} // 0))
        for @ids;

    my $class = $count->{class};
    Test::More::diag(sprintf 'bypass: %s cases, %s closed, %s open by nginx\'s '
                     . 'design, %s granted, %.0f s',
                     map({ with($_ // 0) } $n,
                         @$class{qw( closed open granted )}), $seconds);
    return;
}


sub add {
    my ($sum, $of) = @_;

    for my $key (keys %$of) {
        if (ref $of->{$key}) { add($sum->{$key} //= {}, $of->{$key}) }
        else                 { $sum->{$key} += $of->{$key} }
    }
    return;
}


sub is_all {
    my ($name, $count, @wanted) = @_;

    my %wanted = map { $_ => 1 } @wanted;
    my @missing = grep { !$count->{$_} } sort @wanted;
    my @strange = grep { !$wanted{$_} } sort keys %$count;
    Test::More::ok(!@missing && !@strange, "$name occurs, and no unknown one");
    Test::More::diag("missing: @missing; unknown: @strange")
        if @missing || @strange;
    return;
}

1;
