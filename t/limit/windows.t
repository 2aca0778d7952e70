# SPDX-License-Identifier: BSD-2-Clause

# Windows: fixed and sliding windows of a rate, and quotas in the calendar of a
# time zone.  If a window may end during a test, the test is repeated with another
# key; the time of a decision is nginx's $msec.

use v5.28;
use warnings;
use lib 't/lib';
use Test::Gateway;

use POSIX ();

$Test::Gateway::More = 1;

no_root_location();
run_tests();

my @units = qw( minute hour day week month );
my %name = (utc => 'UTC', berlin => 'Europe/Berlin', york => 'America/New_York',
            kathmandu => 'Asia/Kathmandu', auckland => 'Pacific/Auckland',
            howe => 'Australia/Lord_Howe');

my (%conf, %algorithm);
$conf{"r_$_->[0]_$_->[1]"} = "rate=3r/$_->[0] algorithm=$_->[1]_window"
    for map { my $u = $_; map { [ $u, $_ ] } qw( fixed sliding ) } qw( m h d );
$conf{"fast_$_"} = "rate=10r/s algorithm=${_}_window" for qw( fixed sliding );
for my $tz (keys %name) {
    $conf{"q_${_}_$tz"} = "quota=3/$_ timezone=$name{$tz}" for @units;
}
$conf{"q_$_"} = "quota=3/$_" for @units;

my $server = start_nginx(
    http => CORE::join('', map { "gateway_limit_zone \$arg_k zone=$_:64k $conf{$_};\n" }
                           sort keys %conf),
    server => 'add_header X-Time $msec always; gateway_limit_headers legacy ietf;'
              . CORE::join '', map { "location = /$_ { gateway_limit zone=$_; "
                                     . "empty_gif; }\n" } sort keys %conf);


# one request: its result and time

sub ask {
    my ($zone, $k, $of) = @_;

    my ($status, $head) = ($of // $server)->get("/$zone?k=$k");
    my %field = $head =~ /^([\w-]+): ([^\r\n]*)/mg;
    return { status => $status, time => $field{'X-Time'}, map { $_ => $field{$_} }
             grep { /Rate|Retry/ } keys %field };
}


# --- the calendar of the system

sub in_zone {
    my ($tz, $code) = @_;

    local $ENV{TZ} = $tz;
    POSIX::tzset();
    my $value = $code->();
    delete local $ENV{TZ};
    POSIX::tzset();
    return $value;
}

# start and end of the window of a time
sub window {
    my ($unit, $tz, $time) = @_;

    my $second = POSIX::floor($time);
    return in_zone($tz, sub {
        my ($sec, $min, $hour, $day, $month, $year, $weekday) = localtime $second;

        # also with offsets that are not whole hours; in these tests, they change at
        # the boundary of an hour only
        if ($unit eq 'minute' || $unit eq 'hour') {
            my $since = $unit eq 'minute' ? $sec : 60 * $min + $sec;
            return [ $second - $since,
                     $second - $since + ($unit eq 'minute' ? 60 : 3600) ];
        }
        my $at = sub { POSIX::mktime(0, 0, 0, @_[2, 1, 0], 0, 0, -1) };
        return [ map { $at->($year, $month, $day + $_) } 0, 1 ] if $unit eq 'day';
        my $monday = $day - ($weekday + 6) % 7;
        return [ map { $at->($year, $month, $monday + $_) } 0, 7 ]
            if $unit eq 'week';
        return [ $at->($year, $month, 1), $at->($year, $month + 1, 1) ];
    });
}


# requests of a new key, all in one window

sub within {
    my ($zone, $unit, $tz, $n) = @_;

    state $k = 0;
    for (1 .. 20) {
        $k++;
        my @said = map { ask($zone, "k$k") } 1 .. $n;
        my $window = window($unit, $tz, $said[0]{time});
        return ($window, @said) if $said[-1]{time} < $window->[1];
    }
    die 'no window was long enough';
}

sub check_window {
    my ($zone, $unit, $tz) = @_;

    my ($window, @said) = within($zone, $unit, $tz, 5);
    Test::More::is(CORE::join(' ', map { "$_->{status}/$_->{'X-RateLimit-Remaining'}" }
                                   @said),
                   '200/2 200/1 200/0 429/0 429/0', "$zone: three, and no more");

    my $left = sub { POSIX::ceil($window->[1] - $_[0]{time}) };
    Test::More::is(CORE::join(' ', map { $_->{'X-RateLimit-Reset'} } @said),
                   CORE::join(' ', map { $left->($_) } @said),
                   "$zone: until its end in $tz");
    Test::More::is(CORE::join(' ', map { $_->{'Retry-After'} // '-' } @said),
                   CORE::join(' ', '-', '-', '-', map { $left->($_) } @said[3, 4]),
                   "$zone: Retry-After is that time");
    Test::More::is($said[0]{'RateLimit-Policy'},
                   qq("$zone";q=3;w=) . ($window->[1] - $window->[0]),
                   "$zone: its length");
    return;
}

for my $unit (@units) {
    check_window("q_$unit", $unit, 'UTC');
    check_window("q_${unit}_$_", $unit, $name{$_}) for sort keys %name;
}
check_window("r_$_->[0]_fixed", $_->[1], 'UTC')
    for [ m => 'minute' ], [ h => 'hour' ], [ d => 'day' ];


# --- a sliding window without a previous one counts the same

for ([ m => 'minute', 60 ], [ h => 'hour', 3600 ], [ d => 'day', 86400 ]) {
    my ($u, $unit, $length) = @$_;
    my ($window, @said) = within("r_${u}_sliding", $unit, 'UTC', 5);
    Test::More::is(CORE::join(' ', map { "$_->{status}/$_->{'X-RateLimit-Remaining'}" }
                                   @said),
                   '200/2 200/1 200/0 429/0 429/0', "sliding by $unit: three");

    # it passes when, in the next window, two of three still count: after a third
    # of it
    my $wait = POSIX::ceil($window->[1] + $length / 3 - $said[3]{time} - 0.0011);
    Test::More::cmp_ok(abs($said[3]{'Retry-After'} - $wait), '<=', 1,
                       "sliding by $unit: Retry-After");
    Test::More::is($said[0]{'RateLimit-Policy'}, qq("r_${u}_sliding";q=3;w=$length),
                   "sliding by $unit: its length");
}


# --- requests without a pause: each decision equals that of a model

sub hammer {
    my ($zone, $seconds) = @_;

    my @said = ask($zone, 'h');
    push @said, ask($zone, 'h') while $said[-1]{time} - $said[0]{time} < $seconds;
    return @said;
}

sub model {
    my ($sliding, @said) = @_;

    my (%used, @differ);
    for (@said) {
        my $ms = POSIX::floor($_->{time} * 1000 + 0.5);
        my $n = POSIX::floor($ms / 1000);
        my $before = $sliding ? $used{ $n - 1 } // 0 : 0;
        my $weighed = POSIX::ceil($before * (1000 * ($n + 1) - $ms) / 1000);
        my $passes = ($used{$n} // 0) + 1 + $weighed <= 10 ? 1 : 0;
        push @differ, "$_->{status} at $ms, of $used{$n} and $weighed"
            if $passes != ($_->{status} == 200);
        $used{$n} += $passes;
    }
    return @differ;
}

# more than three windows, so that some are complete
for my $zone (qw( fast_fixed fast_sliding )) {
    my @said = hammer($zone, 2.6);
    my @differ = model($zone =~ /sliding/ || 0, @said);
    my $passed = grep { $_->{status} == 200 } @said;
    Test::More::is(scalar @differ, 0, "$zone: " . @said . " requests, $passed pass, "
                                      . 'each like the model')
        or Test::More::diag(CORE::join "\n", @differ);
    Test::More::cmp_ok($passed, '>=', 20, "$zone: again in each window");
    Test::More::cmp_ok($passed, '<', @said, "$zone: and not all");
}

$server->stop;


# --- with another clock: ends of months, leap years, daylight saving time

my ($lib) = grep { -e } glob '/usr/lib/*/faketime/libfaketimeMT.so.1';

SKIP: {
    Test::More::skip('libfaketime is not available', 1) if !$lib;

    # the runtime of a sanitizer must be the first library
    my $binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
    Test::More::skip('this nginx does not start with libfaketime', 1)
        if `LD_PRELOAD=$lib $binary -v 2>&1` !~ /nginx version/;


    # the window ends while nginx runs, and the units are back; all of them wait
    # for that at the same time
    my @begun;
    for (
        # UTC at the start, quota, zone, length of the next window
        [ '2028-02-28 22:59:55', 'day', 'Europe/Berlin', 86400, 'before a leap day' ],
        [ '2028-02-29 22:59:55', 'month', 'Europe/Berlin', 31 * 86400 - 3600,
          'the end of a leap February, into a month with 30 days and 23 hours' ],
        [ '2027-02-28 23:59:55', 'month', 'UTC', 31 * 86400, 'the end of February' ],
        [ '2027-12-31 23:59:55', 'month', 'UTC', 31 * 86400, 'the end of a year' ],
        [ '2027-03-27 22:59:55', 'day', 'Europe/Berlin', 82800, 'a day of 23 hours' ],
        [ '2027-10-30 21:59:55', 'day', 'Europe/Berlin', 90000, 'a day of 25 hours' ],
        [ '2027-10-24 21:59:55', 'week', 'Europe/Berlin', 7 * 86400 + 3600,
          'a Sunday, into a week with 25 hours more' ],
    ) {
        my ($start, $unit, $tz, $length, $name) = @$_;

        local @ENV{qw( LD_PRELOAD FAKETIME TZ DONT_FAKE_MONOTONIC )}
            = ($lib, "\@$start", 'UTC', 1);
        my $server = start_nginx(
            http => "gateway_limit_zone \$arg_k zone=z:64k quota=2/$unit timezone=$tz;",
            server => 'add_header X-Time $msec always; gateway_limit_headers legacy ietf;'
                      . ' location = /z { gateway_limit zone=z; empty_gif; }');
        delete local @ENV{qw( LD_PRELOAD FAKETIME )};

        push @begun, [ $server, $unit, $length, $name,
                       map { ask('z', 'a', $server) } 1 .. 3 ];
    }

    for (@begun) {
        my ($server, $unit, $length, $name, @said) = @$_;
        my ($first, $last) = @said[0, 2];
        Test::Gateway::Server::wait_until(sub { $last = ask('z', 'a', $server);
                                                $last->{status} == 200 }, 20);
        Test::More::is(CORE::join(' ', map { $_->{status} } @said, $last),
                       '200 200 429 200', "$name: two, and two more in the next $unit");
        Test::More::is($last->{'RateLimit-Policy'}, qq("z";q=2;w=$length),
                       "$name: which is $length s long");
        Test::More::cmp_ok($first->{'X-RateLimit-Reset'}, '<=', 5,
                           "$name: as announced");
        $server->stop;
    }
}

Test::More::done_testing();

__DATA__

=== TEST 1: a window of a day, through several locations
--- http_config
gateway_limit_zone $arg_k zone=z:1m rate=3r/d algorithm=fixed_window;
--- config
location /a { gateway_limit zone=z; empty_gif; }
location /b { gateway_limit zone=z cost=2; empty_gif; }
--- request eval: [ 'GET /a?k=1', 'GET /b?k=1', 'GET /a?k=1', 'GET /b?k=2', 'GET /b?k=2', 'GET /a?k=2' ]
--- error_code eval: [ 200, 200, 429, 200, 429, 200 ]
