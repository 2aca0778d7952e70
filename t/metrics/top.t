# SPDX-License-Identifier: BSD-2-Clause

# gateway_metrics_top: "max" values of a variable have series, all others share
# "__other__", and all together are exactly the requests.

use v5.28;
use warnings;
use lib 't/lib';

use Test::Gateway::Consumer;
use Test::Gateway::Load;
use Test::Gateway::Samples;
use Test::Gateway::Server;
use Test::More;

my %conf = (
    http => <<'END',
    gateway_metrics_zone zone=m:8m;
    gateway_metrics_top client $http_x max=3;
    gateway_metrics_top path $arg_p;
    gateway_limit_zone $http_x zone=z:1m rate=1r/m;
END
    server => <<'END');
    location /t { return 200 x; }
    location /code/404 { return 404; }
    location /code/301 { return 301 /; }
    location /code/503 { return 503; }
    location /limited { gateway_limit zone=z; empty_gif; }
    location /off { gateway_metrics off; return 204; }
    location = /metrics { gateway_metrics_page from=127.0.0.1; }
END

my $server = start_nginx(%conf);

sub ask {
    my ($path, @values) = @_;
    return sub { $server->get($path, headers => [ "X: $_" ]) for @values };
}

sub grows {
    my ($code, $expected, $name) = @_;
    return counts($server, $code, qr/^(?:client|path)_requests/, $expected, $name);
}

sub client { return qq(client_requests_total{client="$_[0]",class="$_[1]"}) }

grows(ask('/t', 'a', 'a', 'b'), { client('a', '2xx') => 2, client('b', '2xx') => 1 },
      'values');
grows(ask('/t', ''), {}, 'an empty value is not counted');
grows(ask('/off', 'a'), {}, 'nor a request with gateway_metrics off');
grows(ask('/code/404', 'a'), { client('a', '4xx') => 1 }, '4xx');
grows(ask('/code/301', 'a'), { client('a', '3xx') => 1 }, '3xx');
grows(ask('/code/503', 'a'), { client('a', '5xx') => 1 }, '5xx');
grows(ask('/limited', 'a', 'a'), { client('a', '2xx') => 1, client('a', 'limited') => 1 },
      'a request that a limit rejects');
grows(ask('/t', 'c', 'd', 'e', 'd'),
      { client('c', '2xx') => 1, client('__other__', '2xx') => 3 },
      'values above the maximum');
grows(ask('/t', '__other__'), { client('__other__', '2xx') => 1 },
      'a value that looks like that of all others');
grows(sub { $server->get('/t?p=x') }, { 'path_requests_total{path="x",class="2xx"}' => 1 },
      'another top');

# bytes are those that were sent
{
    my $bytes = sub { scrape($server)
                      ->{'client_response_bytes_total{client="b"}'} // 0 };
    my $before = $bytes->();
    my ($status, $head, $body) = $server->get('/t', headers => [ 'X: b' ]);
    my $sent = length("$head\r\n\r\n$body");
    wait_until(sub { $bytes->() != $before });
    is($bytes->() - $before, $sent, 'bytes of responses');
}

# a long value is cut, and is one series
{
    my $long = 'l' x 200;
    my $cut = qr/^path_requests_total\{path="l{119}~[0-9a-f]{8}",class="2xx"\}$/;
    my ($at, @found);
    $server->get("/t?p=$long") for 1 .. 3;
    wait_until(sub { $at = scrape($server); @found = grep { /$cut/ } keys %$at;
                     @found && $at->{$found[0]} == 3 });
    is(scalar @found, 1, 'a long value is cut') or diag(join "\n", keys %$at);
    is($at->{$found[0] // ''}, 3, 'and is one series');
}

grows(sub { $server->get('/t?p=a"b\\c') },
      { 'path_requests_total{path="a\\"b\\\\c",class="2xx"}' => 1 },
      'a value with quotes');

# the same after a reload, by new workers
$server->reload(http_conf(%conf, port => $server->port));
grows(ask('/t', 'a', 'd', 'c'),
      { client('a', '2xx') => 1, client('c', '2xx') => 1, client('__other__', '2xx') => 1 },
      'after a reload');

# the defaults, and a consumer that a rule denies
{
    my ($good, $bad) = (api_key('acme'), api_key('evil'));
    my $gate = start_nginx(
        files => { 'c.json' => consumers(consumer('acme', plan => 'gold'),
                                         consumer('evil')) },
        http => 'gateway_metrics_zone zone=m:8m; '
                . 'gateway_consumers zone=c:1m file=c.json;',
        server => <<'END');
        gateway_api_key r;
        location /t { gateway_require_consumer acme; empty_gif; }
        location = /metrics { gateway_api_key off; gateway_metrics_page from=127.0.0.1; }
END
    counts($gate, sub { $gate->get('/t', headers => [ "X-API-Key: $_" ])
                            for $good, $good, $bad, 'nokey'; },
           qr/^(?:consumer|plan)_requests/,
           { 'consumer_requests_total{consumer="acme",class="2xx"}' => 2,
             'consumer_requests_total{consumer="evil",class="denied"}' => 1,
             'plan_requests_total{plan="gold",class="2xx"}' => 2 },
           'consumers and plans');
    $gate->stop;
}

# 1000 values in two workers at once: exactly the requests
{
    my $many = start_nginx(
        http => 'gateway_metrics_zone zone=m:8m; '
                . 'gateway_metrics_top p $arg_p max=100;',
        server => 'location /t { return 204; } '
                  . 'location = /metrics { gateway_metrics_page from=127.0.0.1; }');
    my @requests = map { [ $many->port, "/t?p=v" . ($_ % 1000) ] } 1 .. 3000;
    my @answers = http_many(\@requests, at_once => 50, timeout => 60);
    is(answers(@answers), '204:3000', '3000 requests');
    my (%at, $sum);
    wait_until(sub {
        %at = %{ scrape($many) };
        delete @at{ grep { !/^p_requests_total/ } keys %at };
        $sum = 0;
        $sum += $_ for values %at;
        $sum == 3000;
    });
    is($sum, 3000, 'all series together are the requests');
    is(scalar keys %at, 101, '100 values and __other__');

    # a newcomer with half of the traffic takes the place of another value

    my ($sent, $began) = (3000, time);
    my $new = 'p_requests_total{p="new",class="2xx"}';
    my $more = sub {
        http_many([ map { [ $many->port, '/t?p='
                                         . ($_ % 2 ? 'new' : 'v' . int rand 1000) ] }
                    1 .. 200 ], at_once => 20);
        $sent += 200;
    };
    ok(wait_until(sub { $more->(); exists scrape($many)->{$new} }, 40),
       'a new value with half of the traffic has a series');
    note('after ', time - $began, ' s');
    cmp_ok(time - $began, '<', 25, 'within 20 s, and what the test takes');
    $more->();

    my @series;
    ok(wait_until(sub {
        my $at = scrape($many);
        @series = grep { /^p_requests_total/ } keys %$at;
        $sum = 0;
        $sum += $at->{$_} for @series;
        $sum == $sent && @series <= 101;
    }, 20), "all series together are $sent requests, another series has ended")
        or diag "$sum, " . @series;
    $many->stop;
}

$server->stop;
done_testing();
