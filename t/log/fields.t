# SPDX-License-Identifier: BSD-2-Clause

# preset=none: a record has only the members of its format.  Variables that the
# module writes itself have the same values as in nginx.

use v5.28;
use warnings;
use lib 't/lib';

use IO::Socket::INET;
use JSON::PP ();
use Test::Gateway::Record;
use Test::Gateway::Server;
use Test::More;

my @types = qw( string int number bool );

# variables that are written without calling their getters, and the types that
# they fit; each is tested as every type and as a part of a text
my %fits = (map({ $_ => [ qw( string int number ) ] }
                qw( status request_length bytes_sent body_bytes_sent )),
            request_time => [ qw( string number ) ],
            map({ $_ => [ 'string' ] }
                qw( time_iso8601 request_method request_uri remote_addr )));
my $fields = join ' ', map { my $v = $_;
                             (map({ "field $v.$_ \$$v $_;" } @types),
                              qq{field $v.part "\$$v~";}) } sort keys %fits;

my $upstream = IO::Socket::INET->new(Listen => 8, LocalAddr => '127.0.0.1')
    or die "listen: $!";
my $cut = $upstream->sockport;

my $nginx = start_nginx(workers => 1, http => <<END, server => <<END2);
    gateway_log_format nine preset=none {
        field time \$time_iso8601;
        field addr \$remote_addr;
        field method \$request_method;
        field uri \$request_uri;
        field status \$status int;
        field bytes \$body_bytes_sent int;
        field time_taken \$request_time number;
        field referer \$http_referer;
        field agent \$http_user_agent;
    }
    gateway_log_format types preset=none { $fields }
    gateway_log_format headers preset=none {
        header request x-one x-p-*;
        header response x-r;
    }
    gateway_log_format flat preset=none { field a.b \$arg_a; field c \$arg_c; }
    gateway_log_format long preset=none { field l \$arg_a\$arg_a\$arg_a; }
    gateway_log types.json types flush=0;
END
    location / { empty_gif; }
    location = /early { set \$early
                            "\$bytes_sent \$body_bytes_sent \$remote_addr";
                        set_real_ip_from 127.0.0.1; empty_gif; }
    location = /real { set_real_ip_from 127.0.0.1; empty_gif; }
    location = /closed { return 444; }
    location = /nine { gateway_log nine.json nine flush=0; empty_gif; }
    location = /headers { gateway_log headers.json headers flush=0;
                          add_header X-R r; empty_gif; }
    location = /flat { gateway_log flat.json flat flush=0; empty_gif; }
    location = /long { gateway_log long.json long flush=0; empty_gif; }
    location = /kept { gateway_log kept.json flat flush=0 sample=0 keep=200;
                       empty_gif; }
    location = /cut { gateway_log cut.json flat flush=0 sample=0;
                      proxy_pass http://127.0.0.1:$cut; }
    location = /slow { gateway_log slow.json flat flush=0 sample=0 slow=100ms;
                       proxy_pass http://127.0.0.1:\$server_port/\$arg_c; }
    location = /wait { limit_rate 100; limit_rate_after 1;
                       return 200 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"; }
END2
$nginx->allow(qr/upstream prematurely closed connection/);


# --- nine fields, as with escape=json

$nginx->get('/nine?a=1&token=x', headers => [ 'Referer: r"', 'User-Agent: me' ]);
my ($nine) = records($nginx, 'nine.json', 1);
like(delete $nine->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/,
     'time');
like(delete $nine->{time_taken}, qr/^0(?:\.\d+)?$/, 'time_taken');
is_deeply($nine, { addr => '127.0.0.1', method => 'GET',
                   uri => '/nine?a=1&token=x', status => 200, bytes => 43,
                   referer => 'r"', agent => 'me' },
          'only the configured members');
like((lines_of($nginx, 'nine.json'))[0],
     qr/^\{"time":"[^"]*","addr":"127.0.0.1","method":"GET",.*"status":200,
        "bytes":43,"time_taken":0\.\d{3},/x, 'members are in the order of the format');


# --- each variable as each type has the text that nginx makes

my $seen = 0;

sub same_as_nginx {
    my ($name) = @_;

    my @lines = map { (lines_of($nginx, 'types.json'))[-1] }
                records($nginx, 'types.json', ++$seen) ? 1 : ();
    is(scalar(lines_of($nginx, 'types.json')), $seen, "$name: one record");

    my %wrong;
    for my $v (sort keys %fits) {
        my ($text) = $lines[0] =~ /"\Q$v\E\.part":"((?:\\.|[^"])*)~"/;
        for my $type (@types) {
            my ($value) = $lines[0] =~ /"\Q$v.$type\E":("(?:\\.|[^"])*"|[^,}]*)/;
            my $fits = grep { $_ eq $type } @{ $fits{$v} };
            my $expected = !$fits ? undef
                         : $type ne 'string' ? $text
                         : length $text ? qq{"$text"} : undef;
            $expected = $text =~ /^1$/ ? 'true' : 'false'
                if $type eq 'bool' && $text =~ /^[01]$/;
            $expected = undef
                if defined $expected && $type ne 'string' && $type ne 'bool'
                   && $text =~ /^0\d/;
            $wrong{"$v $type"} = ($value // 'none') . ', not '
                                 . ($expected // 'none')
                if ($value // '') ne ($expected // '');
        }
    }
    is_deeply(\%wrong, {}, "$name: each value is nginx's");
    return $lines[0];
}

$nginx->get('/');
like(same_as_nginx('200'), qr/"status.int":200,/, 'status as a number');
$nginx->get('/early', headers => [ 'X-Real-IP: 10.1.2.3' ]);
like(same_as_nginx('values that nginx has cached'),
     qr/"body_bytes_sent.int":0,.*"bytes_sent.int":0,
        .*"remote_addr.string":"127.0.0.1"/x, 'a value that nginx has cached does not change');
$nginx->get('/real', headers => [ 'X-Real-IP: 10.1.2.3' ]);
like(same_as_nginx('realip'), qr/"remote_addr.string":"10\.1\.2\.3"/,
     'the address that realip has set');
$nginx->get('/%22%c3%28?token=x"\\', method => 'SPAM');
same_as_nginx('bytes that are escaped');
$nginx->get('/none/such', method => 'HEAD');
same_as_nginx('an empty body');
raw($nginx, "\x16\x03\x01\xff\xfe\r\n\r\n");
same_as_nginx('no HTTP');
raw($nginx, "GET / HTTP/9.9\r\n\r\n");
same_as_nginx('505');
raw($nginx, "GET /old\r\n");
same_as_nginx('HTTP/0.9');
raw($nginx, "GET /closed HTTP/1.0\r\n\r\n");
like(same_as_nginx('444'), qr/"status.string":"444"/, '444: status');


# --- headers have the names of native; a path is a single name

$nginx->get('/headers', headers => [ 'X-One: 1', 'X-P-A: 2', 'X-Other: 3' ]);
is_deeply([ records($nginx, 'headers.json', 1) ],
          [ { request_header_x_one => '1', request_header_x_p_a => '2',
              response_header_x_r => 'r' } ], 'headers');

$nginx->get('/flat?a=1&c=2');
$nginx->get('/flat');
is_deeply([ records($nginx, 'flat.json', 2) ],
          [ { 'a.b' => '1', c => '2' }, {} ],
          'dots begin no objects; without values a record is empty');


# --- sample_rate and truncated

$nginx->get('/kept?a=1');
is_deeply([ records($nginx, 'kept.json', 1) ],
          [ { sample_rate => 0, 'a.b' => '1' } ], 'the rate of a sample');
$nginx->get('/long?a=' . 'x' x $_) for 2730, 2731;
my @long = records($nginx, 'long.json', 2);
is_deeply([ map { [ length $_->{l}, $_->{truncated} ] } @long ],
          [ [ 8190, undef ], [ 8192, JSON::PP::true() ] ],
          'a string of more than 8 KB loses its end');

$nginx->get('/slow?c=none');
$nginx->get('/slow?c=wait');
is_deeply([ records($nginx, 'slow.json', 1) ],
          [ { sample_rate => 0, c => 'wait' } ], 'slow=');

for my $whole (1, 0) {
    my $client = IO::Socket::INET->new('127.0.0.1:' . $nginx->port) or die $!;
    print $client "GET /cut?c=$whole HTTP/1.0\r\n\r\n";
    my $server = $upstream->accept;
    sysread $server, my $request, 4096;
    print $server "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                  . ($whole ? '12345' : '123');
    close $server;
    1 while sysread $client, my $answer, 4096;
}
is_deeply([ records($nginx, 'cut.json', 1) ], [ { sample_rate => 0, c => '0' } ],
          'keep=aborted: only a response that was cut off');

$nginx->stop;

done_testing;
