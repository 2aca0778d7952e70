# SPDX-License-Identifier: BSD-2-Clause

# Several limits of one request: all pass, or none is charged; penalty,
# dry_run, costs, limits from variables, and gateway_limit_exempt.
#
# both passes: a worker refunds what another one has charged

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

$Test::Gateway::More = 1;

no_root_location();
run_tests();

said_once();
done_testing();


# --- an invalid value is logged once a minute, by each worker for each zone

sub said_once {
    my $server = start_nginx(
        workers => 1,
        http => 'gateway_limit_zone $arg_k zone=rate:1m rate=$arg_r|1r/d;'
                . ' gateway_limit_zone $arg_k zone=quota:1m quota=$arg_q|9/month;'
                . ' gateway_limit_zone $arg_k zone=conc:1m concurrency=$arg_n|9;'
                . ' gateway_limit_zone $arg_k zone=cost:1m rate=1r/d burst=9;'
                . ' gateway_limit_zone $arg_k zone=max:1m rate=$arg_r|1r/d'
                . ' burst=9;'
                . ' gateway_limit_zone $arg_k zone=both:1m rate=$arg_r|1r/h'
                . ' burst=$arg_b|4;',
        server => CORE::join '', map {
            my ($zone) = split ' ';
            "location /$zone { gateway_limit zone=$_; empty_gif; }\n"
        } 'rate', 'quota', 'conc', 'cost cost=$arg_c', 'max', 'both');

    $server->get("/$_") for map { "rate?k=$_&r=<secret>" } 1 .. 5;
    $server->get("/$_") for 'rate?k=1', 'rate?k=1&r=', 'quota?k=1&q=10r/s',
        'quota?k=1&q=1/year', 'conc?k=1&n=-1', 'cost?k=1&c=1.5',
        'max?k=1&r=1000000001r/s';
    my ($head) = ($server->get('/both?k=1&r=2r/d&b=1000000000'))[1];
    Test::More::is(CORE::join(' ', $head =~ /^X-RateLimit-\w+: (\d+)/mg), '5 4 43200',
                   'a burst that does not go with the rate: the rate stays');

    my @said = map { /(\[warn\]) .*?(gateway_limit_zone: .*)/
                     ? "$1 $2" : () } split /^/, $server->log;
    Test::More::is_deeply(\@said, [
        map { '[warn] gateway_limit_zone: zone "' . $_->[0]
              . '": the value of "' . $_->[1] . '" is invalid, using the '
              . 'fallback value after "|": ' . $_->[2] }
        [ 'rate', '$arg_r|1r/d',
          'it must be a rate such as 10r/s, 100r/m, 1000r/h or 5000r/d' ],
        [ 'quota', '$arg_q|9/month', 'it must be a quota such as 1000/month, with minute, '
          . 'hour, day, week or month' ],
        [ 'conc', '$arg_n|9', 'it must be a number' ],
        [ 'cost', '$arg_c|1', 'it must be a number' ],
        [ 'max', '$arg_r|1r/d',
          'the rate must be at most 1000000000 per period' ],
        [ 'both', '$arg_b|4', 'the burst would take over a hundred years to refill' ],
    ], 'a line for each zone, and not the value');
    $server->stop;
}

__DATA__

=== TEST 1: all pass or none is charged: the second rejects
--- http_config
gateway_limit_zone $arg_k zone=big:1m rate=1r/d burst=9;
gateway_limit_zone $arg_k zone=small:1m rate=1r/d burst=1;
gateway_limit_zone $arg_k zone=last:1m rate=1r/d burst=4;
--- config eval
'location /t { gateway_limit zone=big; gateway_limit zone=small; gateway_limit zone=last; empty_gif; }
add_header X-Left "$gateway_limit_zone $gateway_limit_remaining" always;'
. join '', map { "location /$_ { gateway_limit zone=$_ cost=0; empty_gif; }\n" } qw( big small last )
--- request eval: [ ('GET /t?k=1') x 6, map { "GET /$_?k=1" } qw( big small last ) ]
--- error_code eval: [ 200, 200, (429) x 4, 200, 200, 200 ]
--- response_headers eval
[ 'X-Left: small 1', ('X-Left: small 0') x 5, 'X-Left: big 8',
  'X-Left: small 0', 'X-Left: last 3' ]



=== TEST 2: in any order: the first, the second, or the last rejects
--- http_config
gateway_limit_zone $arg_k zone=big:1m rate=1r/d burst=9;
gateway_limit_zone $arg_k zone=small:1m rate=1r/d burst=1;
gateway_limit_zone $arg_k zone=window:1m rate=10r/d algorithm=fixed_window;
gateway_limit_zone $arg_k zone=slide:1m rate=10r/d algorithm=sliding_window;
gateway_limit_zone $arg_k zone=month:1m quota=10/month;
--- config eval
my %order = (first => 'small big window slide month',
             middle => 'big window small slide month',
             last => 'big window slide month small');
join '', (map { my $n = $_;
                "location /$n { " . join('', map { "gateway_limit zone=$_;" }
                                             split ' ', $order{$n})
                . "empty_gif; }\n" } sort keys %order),
         (map { "location /$_ { gateway_limit zone=$_ cost=0; empty_gif; }\n" }
              qw( big small window slide month ))
--- request eval
[ map { my $n = $_; (("GET /$n?k=$n") x 5,
        map { "GET /$_?k=$n" } qw( big small window slide month )) }
      qw( first middle last ) ]
--- error_code eval: [ (200, 200, 429, 429, 429, (200) x 5) x 3 ]
--- response_headers eval
[ (('X-RateLimit-Limit: 2') x 5, map { "X-RateLimit-Remaining: $_" }
                                 8, 0, 8, 8, 8) x 3 ]



=== TEST 3: limits with different keys, one of them empty
--- http_config
gateway_limit_zone $arg_a zone=a:1m rate=1r/d burst=1;
gateway_limit_zone $arg_b zone=b:1m rate=1r/d burst=2;
--- config
location /t { gateway_limit zone=a; gateway_limit zone=b; empty_gif; }
--- request eval
[ 'GET /t?a=1&b=1', 'GET /t?a=1', 'GET /t?a=1&b=1', 'GET /t?b=1', 'GET /t?b=1',
  'GET /t?b=1', 'GET /t?a=2&b=1', 'GET /t?a=2', 'GET /t?a=2', 'GET /t?a=2', 'GET /t' ]
--- error_code eval
[ 200, 200, 429, 200, 200, 429, 429, 200, 200, 429, 200 ]



=== TEST 4: late rejects: early stays charged; early rejects: late is not decided
--- http_config
gateway_limit_zone $arg_k zone=late:1m rate=1r/d burst=1;
gateway_limit_zone $arg_k zone=early:1m rate=1r/d burst=4 stage=early;
--- config
add_header X-Zone "$gateway_limit_zone $gateway_limit_status" always;
location /t { gateway_limit zone=late; gateway_limit zone=early; empty_gif; }
location /early { gateway_limit zone=early cost=0; empty_gif; }
location /late { gateway_limit zone=late cost=0; empty_gif; }
location /e { gateway_limit zone=early; gateway_limit zone=late; empty_gif; }
--- request eval
[ ('GET /t?k=1') x 4, 'GET /early?k=1', 'GET /late?k=1', ('GET /t?k=1') x 3,
  ('GET /early?k=2') x 2, ('GET /e?k=2') x 1, 'GET /late?k=2', 'GET /early?k=2' ]
--- error_code eval
[ 200, 200, 429, 429, 200, 200, 429, 429, 429, 200, 200, 200, 200, 200 ]
--- response_headers eval
[ 'X-Zone: late PASSED', 'X-Zone: late PASSED', ('X-Zone: late REJECTED') x 2,
  'X-RateLimit-Remaining: 1', 'X-RateLimit-Remaining: 0',
  'X-Zone: late REJECTED', ('X-Zone: early REJECTED') x 2,
  'X-RateLimit-Remaining: 5', 'X-RateLimit-Remaining: 5', 'X-Zone: late PASSED',
  'X-RateLimit-Remaining: 1', 'X-RateLimit-Remaining: 4' ]



=== TEST 5: early limits are decided together
--- http_config
gateway_limit_zone $arg_k zone=one:1m rate=1r/d burst=9 stage=early;
gateway_limit_zone $arg_k zone=two:1m rate=1r/d burst=1 stage=early;
--- config
location /t { gateway_limit zone=one; gateway_limit zone=two; empty_gif; }
location /one { gateway_limit zone=one cost=0; empty_gif; }
--- request eval: [ ('GET /t?k=1') x 5, 'GET /one?k=1' ]
--- error_code eval: [ 200, 200, 429, 429, 429, 200 ]
--- response_headers eval
[ ('X-RateLimit-Limit: 2') x 5, 'X-RateLimit-Remaining: 8' ]



=== TEST 6: penalty keeps the charge of its limit if another one rejects
--- http_config
gateway_limit_zone $arg_k zone=pen:1m rate=1r/d burst=4;
gateway_limit_zone $arg_k zone=not:1m rate=1r/d burst=4;
gateway_limit_zone $arg_k zone=small:1m rate=1r/d;
--- config
location /t { gateway_limit zone=pen penalty; gateway_limit zone=small; gateway_limit zone=not; empty_gif; }
location /u { gateway_limit zone=small; gateway_limit zone=not; gateway_limit zone=pen penalty; empty_gif; }
location /pen { gateway_limit zone=pen cost=0; empty_gif; }
location /not { gateway_limit zone=not cost=0; empty_gif; }
--- request eval
[ ('GET /t?k=1') x 3, 'GET /pen?k=1', 'GET /not?k=1',
  ('GET /u?k=2') x 3, 'GET /pen?k=2', 'GET /not?k=2',
  ('GET /t?k=1') x 2, 'GET /pen?k=1', 'GET /not?k=1',
  ('GET /t?k=1') x 2, 'GET /pen?k=1' ]
--- error_code eval
[ 200, 429, 429, 200, 200, 200, 429, 429, 200, 200, 429, 429, 200, 200, 429, 429, 200 ]
--- response_headers eval
[ ('X-RateLimit-Limit: 1') x 3, 'X-RateLimit-Remaining: 2', 'X-RateLimit-Remaining: 4',
  ('X-RateLimit-Limit: 1') x 3, 'X-RateLimit-Remaining: 2', 'X-RateLimit-Remaining: 4',
  ('X-RateLimit-Limit: 1') x 2, 'X-RateLimit-Remaining: 0', 'X-RateLimit-Remaining: 4',
  ('X-RateLimit-Limit: 5') x 2, 'X-RateLimit-Remaining: 0' ]



=== TEST 7: penalty: a limit that rejects is charged, up to the units left
--- http_config
gateway_limit_zone $arg_k zone=pen:1m rate=1r/d burst=9;
--- config
location /t { gateway_limit zone=pen penalty cost=6; empty_gif; }
location /without { gateway_limit zone=pen cost=6; empty_gif; }
location /pen { gateway_limit zone=pen cost=0; empty_gif; }
--- request eval
[ 'GET /t?k=1', 'GET /without?k=1', 'GET /pen?k=1', 'GET /t?k=1', 'GET /pen?k=1' ]
--- error_code eval: [ 200, 429, 200, 429, 200 ]
--- response_headers eval
[ map { "X-RateLimit-Remaining: $_" } 4, 4, 4, 0, 0 ]



=== TEST 8: dry_run of a zone: counts, sets the status, and rejects nothing
--- http_config
gateway_limit_zone $arg_k zone=dry:1m rate=1r/d burst=1 dry_run;
--- config
add_header X-Is "$gateway_limit_status $gateway_limit_zone $gateway_limit_remaining" always;
location /t { gateway_limit zone=dry; empty_gif; }
--- request eval: [ ('GET /t?k=1') x 4 ]
--- error_code eval: [ (200) x 4 ]
--- response_headers eval
[ 'X-Is: PASSED dry 1', 'X-Is: PASSED dry 0',
  ("X-Is: REJECTED_DRY_RUN dry 0\n!X-RateLimit-Limit\n!Retry-After") x 2 ]



=== TEST 9: dry_run of a limit: other limits of the zone reject, with the same count
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=1;
--- config
add_header X-Is "$gateway_limit_status" always;
location /dry { gateway_limit zone=z dry_run; empty_gif; }
location /not { gateway_limit zone=z; empty_gif; }
--- request eval: [ 'GET /dry?k=1', 'GET /not?k=1', 'GET /dry?k=1', 'GET /not?k=1', 'GET /dry?k=1' ]
--- error_code eval: [ 200, 200, 200, 429, 200 ]
--- response_headers eval
[ "X-Is: PASSED\n!X-RateLimit-Limit", "X-Is: PASSED\nX-RateLimit-Remaining: 0",
  "X-Is: REJECTED_DRY_RUN\n!X-RateLimit-Limit",
  "X-Is: REJECTED\nX-RateLimit-Limit: 2", 'X-Is: REJECTED_DRY_RUN' ]



=== TEST 10: dry_run with another limit: it does not undo the charge of the other
--- http_config
gateway_limit_zone $arg_k zone=dry:1m rate=1r/d dry_run;
gateway_limit_zone $arg_k zone=meant:1m rate=1r/d burst=2;
--- config
add_header X-Is "$gateway_limit_status $gateway_limit_zone" always;
location /t { gateway_limit zone=dry; gateway_limit zone=meant; empty_gif; }
location /meant { gateway_limit zone=meant cost=0; empty_gif; }
location /dry { gateway_limit zone=dry cost=0; empty_gif; }
--- request eval: [ ('GET /t?k=1') x 5, 'GET /meant?k=1', 'GET /dry?k=1' ]
--- error_code eval: [ 200, 200, 200, 429, 429, 200, 200 ]
--- response_headers eval
[ "X-Is: PASSED dry\nX-RateLimit-Limit: 3",
  ("X-Is: REJECTED_DRY_RUN dry\nX-RateLimit-Limit: 3") x 2,
  ("X-Is: REJECTED meant\nX-RateLimit-Limit: 3") x 2, 'X-RateLimit-Remaining: 0',
  '!X-RateLimit-Remaining' ]



=== TEST 11: a cost that is a number, up to the limit and above
--- http_config
gateway_limit_zone $arg_k zone=g:1m rate=1r/d burst=9;
gateway_limit_zone $arg_k zone=f:1m rate=10r/d algorithm=fixed_window;
gateway_limit_zone $arg_k zone=s:1m rate=10r/d algorithm=sliding_window;
gateway_limit_zone $arg_k zone=q:1m quota=10/month;
--- config eval
join '', map { my $z = $_; map {
    "location /$z$_/ { gateway_limit zone=$z cost=$_; empty_gif; }\n"
} 0, 1, 3, 10, 11 } qw( g f s q )
--- request eval
[ map { my $z = $_; map { "GET /$z$_" } '3/?k=1', '3/?k=1', '3/?k=1', '3/?k=1',
        '0/?k=1', '1/?k=1', '1/?k=1', '0/?k=1', '11/?k=2', '10/?k=2', '1/?k=2' }
  qw( g f s q ) ]
--- error_code eval
[ (200, 200, 200, 429, 200, 200, 429, 200, 429, 200, 429) x 4 ]
--- response_headers eval
[ (map { my $r = $_; "X-RateLimit-Remaining: $r" . ($r eq '10' ? "\n!Retry-After" : '') }
   7, 4, 1, 1, 1, 0, 0, 0, 10, 0, 0) x 4 ]



=== TEST 12: a cost from a variable: empty and invalid values cost 1 or the fallback
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=99;
gateway_limit_headers legacy;
--- config
location /one { gateway_limit zone=z cost=$arg_c; empty_gif; }
location /none { gateway_limit zone=z cost=$arg_c|0; empty_gif; }
location /ten { gateway_limit zone=z cost=$arg_c|10; empty_gif; }
--- request eval
[ map { "GET $_&k=1" } '/one?c=5', '/one?c=', '/one?a', '/one?c=x', '/one?c=-5',
  '/one?c=1.5', '/one?c=0', '/none?c=', '/none?c=x', '/none?c=2', '/ten?c=',
  '/ten?c=x', '/ten?c=1000000000001', '/ten?c=99999999999999999999999', '/ten?c=1r/s',
  '/one?c=1000' ]
--- error_code eval: [ (200) x 15, 429 ]
--- response_headers eval
[ map { "X-RateLimit-Remaining: $_" } 95, 94, 93, 92, 91, 90, 90, 90, 90, 88,
  78, 68, 58, 48, 38, 38 ]



=== TEST 13: cost 0 passes if no units are left, but not if another limit rejects
--- http_config
gateway_limit_zone $arg_k zone=a:1m rate=1r/d;
gateway_limit_zone $arg_k zone=b:1m rate=1r/d;
--- config
location /a { gateway_limit zone=a; empty_gif; }
location /look { gateway_limit zone=a cost=0; empty_gif; }
location /both { gateway_limit zone=a cost=0; gateway_limit zone=b; empty_gif; }
--- request eval: [ 'GET /a?k=1', 'GET /look?k=1', 'GET /look?k=1', 'GET /both?k=1', 'GET /both?k=1', 'GET /a?k=2', 'GET /a?k=1' ]
--- error_code eval: [ 200, 200, 200, 200, 429, 200, 429 ]



=== TEST 14: limits from variables, and their fallback values
--- http_config
gateway_limit_zone $arg_k zone=rate:1m rate=$arg_r|1r/d burst=$arg_b|4;
gateway_limit_zone $arg_k zone=quota:1m quota=$arg_q|3/month;
gateway_limit_zone $arg_k zone=window:1m rate=$arg_r|3r/d algorithm=fixed_window;
gateway_limit_zone $arg_k zone=slide:1m rate=$arg_r|3r/d algorithm=sliding_window;
gateway_limit_zone $arg_k zone=conc:1m concurrency=$arg_n|3;
--- config eval
join '', map { "location /$_ { gateway_limit zone=$_; empty_gif; }\n" }
         qw( rate quota window slide conc )
--- request eval
[ map { "GET /$_" } 'rate?k=1', 'rate?k=2&r=1r/h', 'rate?k=3&r=2r/m&b=9',
  'rate?k=4&b=0', 'rate?k=5&r=', 'quota?k=1', 'quota?k=2&q=100/day',
  'window?k=1', 'window?k=2&r=7r/h', 'slide?k=1', 'slide?k=2&r=7r/h',
  'conc?k=1', 'conc?k=2&n=8', 'rate?k=6&r=0r/d', 'quota?k=3&q=0/day', 'conc?k=3&n=0' ]
--- error_code eval: [ (200) x 13, (429) x 3 ]
--- response_headers eval
[ "X-RateLimit-Limit: 5\nX-RateLimit-Reset: 86400",
  "X-RateLimit-Limit: 5\nX-RateLimit-Reset: 3600",
  "X-RateLimit-Limit: 10\nX-RateLimit-Reset: 30",
  'X-RateLimit-Limit: 1', 'X-RateLimit-Limit: 5', 'X-RateLimit-Limit: 3',
  'X-RateLimit-Limit: 100', 'X-RateLimit-Limit: 3', 'X-RateLimit-Limit: 7',
  'X-RateLimit-Limit: 3', 'X-RateLimit-Limit: 7', 'X-RateLimit-Limit: 3',
  'X-RateLimit-Limit: 8',
  map { "X-RateLimit-Limit: $_\n!Retry-After" } 0, 0, 0 ]
--- no_error_log
is invalid, using



=== TEST 15: a value has the syntax and range of a literal, else the fallback applies
--- http_config
gateway_limit_zone $arg_k zone=rate:1m rate=$arg_r|1r/d burst=$arg_b|4;
gateway_limit_zone $arg_k zone=quota:1m quota=$arg_q|3/month;
gateway_limit_zone $arg_k zone=conc:1m concurrency=$arg_n|3;
--- config eval
join '', map { "location /$_ { gateway_limit zone=$_; empty_gif; }\n" }
         qw( rate quota conc )
--- request eval
[ map { "GET /$_&k=$_" }
  (map { "rate?r=$_" } qw( 10 r/s 10r/S 10r/w 10r/month -1r/s 1.5r/s 10r/s%20
                           1000000001r/s 1000000000001r/s 10/s 0x10r/s %2B1r/s )),
  (map { "rate?b=$_" } qw( 10r/s -1 1k 1000000000001 x )),
  'rate?r=1r/d&b=1000000000',
  (map { "quota?q=$_" } qw( 10 10r/m 10/second 10/year 10/Month 1/months
                            999999999999999999/day )),
  (map { "conc?n=$_" } qw( 1r/s x -1 4294967296 )),
  'rate?r=1000000000r/s&b=7', 'conc?n=4294967295', 'quota?q=1000000000000/month' ]
--- error_code eval: [ (200) x 33 ]
--- response_headers eval
[ (map { "X-RateLimit-Limit: 5\nX-RateLimit-Reset: 86400" } 1 .. 19),
  ('X-RateLimit-Limit: 3') x 11, 'X-RateLimit-Limit: 8',
  'X-RateLimit-Limit: 4294967295', 'X-RateLimit-Limit: 1000000000000' ]



=== TEST 16: a rate that differs between requests of one key applies at once
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=$arg_b|0;
--- config
location /t { gateway_limit zone=z; empty_gif; }
--- request eval
[ map { "GET /t?k=1$_" } '', '', '&b=2', '&b=2', '&b=2', '', '&b=3' , '&b=3' ]
--- error_code eval: [ 200, 429, 200, 200, 429, 429, 200, 429 ]



=== TEST 17: limits from the metadata of the consumer
--- consumers eval
::consumers(::consumer('free'), ::consumer('pro', metadata => { rate => '1r/d', burst => '2' }),
            ::consumer('odd', metadata => { rate => 'much', burst => '-1' }))
--- http_config
gateway_limit_zone $gateway_consumer zone=z:1m rate=$gateway_consumer_rate|1r/h
                   burst=$gateway_consumer_burst|0;
--- config
gateway_api_key r;
location /t { gateway_limit zone=z; empty_gif; }
--- request eval: [ ('GET /t') x 8 ]
--- more_headers eval
[ map { 'X-API-Key: ' . ::api_key($_) } qw( free free pro pro pro pro odd odd ) ]
--- error_code eval: [ 200, 429, 200, 200, 200, 429, 200, 429 ]
--- response_headers eval
[ "X-RateLimit-Limit: 1\nX-RateLimit-Reset: 3600", 'X-RateLimit-Limit: 1',
  "X-RateLimit-Limit: 3\nX-RateLimit-Reset: 86400", ('X-RateLimit-Limit: 3') x 3,
  "X-RateLimit-Limit: 1\nX-RateLimit-Reset: 3600", 'X-RateLimit-Limit: 1' ]



=== TEST 18: gateway_limit_exempt: any value that is not empty and not 0
--- http_config
gateway_limit_zone $arg_k zone=late:1m rate=1r/d burst=1;
gateway_limit_zone $arg_k zone=early:1m rate=1r/d burst=1 stage=early;
--- config
add_header X-Is "$gateway_limit_status|$gateway_limit_zone" always;
gateway_limit_exempt $arg_e $http_x_exempt;
location /late { gateway_limit zone=late; empty_gif; }
location /early { gateway_limit zone=early; empty_gif; }
location /both { gateway_limit zone=late; gateway_limit zone=early; empty_gif; }
location /never { gateway_limit_exempt off; gateway_limit zone=late; empty_gif; }
--- request eval
[ ('GET /late?k=1&e=1') x 3, ('GET /early?k=1&e=yes') x 3, ('GET /both?k=1&e=00') x 2,
  'GET /both?k=1&e=0', 'GET /both?k=1&e=', 'GET /both?k=1', 'GET /both?k=1&e=0',
  'GET /both?k=1', 'GET /never?k=2&e=1', 'GET /never?k=2&e=1', 'GET /never?k=2&e=1' ]
--- more_headers eval: [ ('') x 11, 'X-Exempt: on', ('') x 4 ]
--- error_code eval: [ (200) x 8, 200, 200, 429, 200, 429, 200, 200, 429 ]
--- response_headers eval
[ ("X-Is: BYPASSED|\n!X-RateLimit-Limit") x 8,
  ('X-Is: PASSED|early') x 2, 'X-Is: REJECTED|early', 'X-Is: BYPASSED|',
  'X-Is: REJECTED|early', ('X-Is: PASSED|late') x 2, 'X-Is: REJECTED|late' ]



=== TEST 19: a block has one limit of a zone
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d;
--- config
location /t { gateway_limit zone=z; gateway_limit zone=z cost=2; empty_gif; }
--- must_die
--- error_log
"gateway_limit" directive is duplicate: one limit of a zone applies to a request



=== TEST 20: refunded charges leave nothing, however often
--- http_config
gateway_limit_zone $arg_k zone=one:1m rate=100r/d burst=99;
gateway_limit_zone $arg_k zone=two:1m rate=100r/d algorithm=fixed_window;
gateway_limit_zone $arg_k zone=three:1m rate=100r/d algorithm=sliding_window;
gateway_limit_zone $arg_k zone=never:1m rate=0r/d;
--- config eval
'location /t { gateway_limit zone=one cost=7; gateway_limit zone=two cost=7; gateway_limit zone=three cost=7; gateway_limit zone=never; empty_gif; }'
. join '', map { "location /$_ { gateway_limit zone=$_ cost=0; empty_gif; }\n" } qw( one two three )
--- request eval: [ ('GET /t?k=1') x 30, map { "GET /$_?k=1" } qw( one two three ) ]
--- error_code eval: [ (429) x 30, 200, 200, 200 ]
--- response_headers eval: [ ('X-RateLimit-Limit: 0') x 30, ('X-RateLimit-Remaining: 100') x 3 ]



=== TEST 21: quotas of different units are counted separately, in any order
--- http_config
gateway_limit_zone $arg_k zone=z:1m quota=$arg_q|3/day;
--- config
location /t { gateway_limit zone=z; empty_gif; }
--- request eval
[ map { ("GET /t?k=1&q=2/day", "GET /t?k=1&q=2/month") } 1 .. 3 ]
--- error_code eval: [ 200, 200, 200, 200, 429, 429 ]



=== TEST 22: a smaller burst of another location does not reduce charges
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=9;
--- config
location /t { gateway_limit zone=z; empty_gif; }
location /small { gateway_limit zone=z burst=0; empty_gif; }
--- request eval
[ ('GET /t?k=1') x 11, ('GET /small?k=1') x 2, 'GET /t?k=1' ]
--- error_code eval: [ (200) x 10, (429) x 4 ]



=== TEST 23: min= is the least cost, also of the fallback value
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=99;
--- config
location /one { gateway_limit zone=z cost=$http_x_weight|5 min=1; empty_gif; }
location /none { gateway_limit zone=z cost=$http_x_weight|0 min=3; empty_gif; }
location /small { gateway_limit zone=z cost=$http_x_weight min=100; empty_gif; }
--- request eval: [ map { "GET /$_?k=1" } ('one') x 6, ('none') x 4, ('small') x 2 ]
--- more_headers eval
[ map { defined ? "X-Weight: $_" : '' } 0, 1, 2, 'x', undef, -1, 2, 3, 4, undef, 0, undef ]
--- error_code eval: [ (200) x 10, 429, 429 ]
--- response_headers eval
[ map { "X-RateLimit-Remaining: $_" } 99, 98, 96, 91, 86, 81, 78, 75, 71, 68, 68, 68 ]



=== TEST 24: a client that sends 0 all the time is limited
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=1r/d burst=9;
--- config
location /t { gateway_limit zone=z cost=$http_x_weight|5 min=1; empty_gif; }
--- request eval: [ ('GET /t?k=1') x 50 ]
--- more_headers
X-Weight: 0
--- error_code eval: [ (200) x 10, (429) x 40 ]
