# SPDX-License-Identifier: BSD-2-Clause

# gateway_api_key_pepper: entries with HMAC-SHA256 and with SHA-256, and the
# replacement of a pepper.
#
# both passes: the master reads the peppers, the workers use them

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway;
use Test::Gateway::KeyCases;

$Test::Gateway::More = 1;

our $old = 'the pepper of last year';
our $new = "\x00\xff any bytes \n of this year";

$Consumers = consumers(
    consumer('plain'),
    consumer('old', keys => [ entry('old', pepper => $old) ]),
    consumer('new', keys => [ entry('new', pepper => $new) ]),
    consumer('both', keys => [ entry('one', pepper => $old), entry('two') ]),
    consumer('other', keys => [ entry('other', pepper => 'of somebody else') ]),
    # a key whose SHA-256 is an entry's hmac_sha256, and the other way round
    consumer('swapped', keys => [
        { id => 'swapped', hmac_sha256 => entry('swapped')->{sha256} },
        { id => 'turned', sha256 => entry('turned', pepper => $new)
                                    ->{hmac_sha256} } ]),
    consumer('past', keys => [ entry('past', pepper => $old,
                                     expires => date(-2)) ]),
);

our @Files = ([ 'pepper-old', $old ], [ 'pepper-new', "$new\n" ],
              [ 'pepper-crlf', "$new\r\n" ]);

sub sent { get('/t', with($_[0])) }

sub granted_to { map { (sent($_->[0]) => granted($_->[1])) } @_ }
sub unknown { map { (sent($_) => refused('unknown_key')) } @_ }

run_tests();


# --- a reload replaces peppers and consumers together

my %files = (
    'old' => $old, 'new' => $new,
    'consumers.json' => consumers(
        consumer('a', keys => [ entry('a', pepper => $old) ]),
        consumer('b', keys => [ entry('b', pepper => $new) ]),
        consumer('c')),
);

my $port = free_port();
sub conf {
    my ($pepper) = @_;
    return http_conf(
        port => $port,
        http => "gateway_consumers zone=consumers:1m file=consumers.json;\n"
                . ($pepper && "gateway_api_key_pepper $pepper;"),
        server => 'location / { gateway_api_key r; empty_gif; }');
}

my $server = start_nginx(conf => conf('old'), port => $port, files => \%files);

sub statuses {
    return CORE::join ' ', map {
        ($server->get('/', headers => [ 'X-API-Key: ' . api_key($_) ]))[0]
    } qw( a b c );
}

Test::More::is(statuses(), '200 401 200', 'the old pepper');
for ([ 'new old', '200 200 200' ], [ 'new', '401 200 200' ],
     [ 'old new', '200 200 200' ])
{
    $server->reload(conf($_->[0]));
    Test::More::is(statuses(), $_->[1], "after a reload with: $_->[0]");
}

# the file requires a pepper: a reload without it fails, and nothing changes
$server->allow('requires a pepper', 'gateway_consumers');
$server->reload(conf(''), wait => 0);
wait_until(sub { $server->log =~ /\[emerg\]/ });
Test::More::like($server->log, qr/\[emerg\].*hmac_sha256/,
                 'a reload without a pepper is refused');
Test::More::is(statuses(), '200 200 200', 'and what was in force stays so');
Test::More::unlike($server->log, qr/pepper of last year|of this year/,
                   'no pepper is logged');
$server->stop;

done_testing();

__DATA__

=== TEST 1: two peppers, and entries without one
--- user_files eval: [ @::Files ]
--- http_config
gateway_api_key_pepper ../html/pepper-new ../html/pepper-old;
--- cases
granted_to([ 'plain', 'plain' ], [ 'old', 'old' ], [ 'new', 'new' ],
           [ 'one', 'both' ], [ 'two', 'both' ]),
unknown('other', 'swapped', 'turned'),
sent('past') => refused('expired'),



=== TEST 2: the order of the files has no effect
--- user_files eval: [ @::Files ]
--- http_config
gateway_api_key_pepper ../html/pepper-old ../html/pepper-new;
--- cases
granted_to([ 'plain', 'plain' ], [ 'old', 'old' ], [ 'new', 'new' ]),
unknown('other'),



=== TEST 3: one pepper: entries made with the other one do not match
--- user_files eval: [ @::Files ]
--- http_config
gateway_api_key_pepper ../html/pepper-new;
--- cases
granted_to([ 'plain', 'plain' ], [ 'new', 'new' ], [ 'two', 'both' ]),
unknown('old', 'one', 'other', 'past'),



=== TEST 4: a CR LF at the end of the file is not part of the pepper
--- user_files eval: [ @::Files ]
--- http_config
gateway_api_key_pepper ../html/pepper-crlf;
--- cases
granted_to([ 'new', 'new' ]),
unknown('old'),



=== TEST 5: a file without HMAC entries needs no pepper, and may have one
--- user_files eval: [ @::Files ]
--- consumers eval: ::consumers(::consumer('acme'))
--- http_config
gateway_api_key_pepper ../html/pepper-new;
--- cases
granted_to([ 'acme', 'acme' ]),
unknown('stranger'),
