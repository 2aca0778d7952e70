# SPDX-License-Identifier: BSD-2-Clause

# The live page in a browser: its policy, what it requests, hostile names, the
# history of before it was opened, the keyboard, both themes, a narrow window,
# and an nginx that goes away and returns.
#
# Environment: AXE, the path of axe-core's axe.min.js (npm), which then checks
# the page's accessibility (make conformance SUITE=page).

use v5.28;
use warnings;
use utf8;
use lib 't/lib';

use Encode qw( encode_utf8 );
use Test::Gateway::Browser;
use Test::Gateway::Consumer;
use Test::Gateway::FakeRedis;
use Test::Gateway::Samples qw( page );
use Test::Gateway::Server;
use Test::More;

my $browser = browser() // plan(skip_all => 'Chromium is not installed');

my $port = free_port();
my $dead = free_port();
my $redis = fake_redis(actions => [
    [ integers => 1, time * 1_000_000, 5, 86_400_000_000, 0 ] ]);
my $conf = http_conf(
    port => $port,
    workers => 2,
    http => <<"END",
    gateway_metrics_zone zone=m:16m;
    gateway_metrics_top consumer \$http_x_consumer max=200;
    gateway_consumers zone=c:1m file=consumers.json;
    gateway_cache_zone zone=c:8m;
    gateway_redis fleet { server 127.0.0.1:@{[ $redis->port ]}; }
    gateway_limit_zone \$arg_k zone=far:1m rate=1r/d burst=99 redis=fleet;
    upstream dead {
        zone dead 64k;
        server 127.0.0.1:$dead max_fails=1 fail_timeout=1h;
        server 127.0.0.2:$dead max_fails=1 fail_timeout=1h;
    }
END
    server => <<'END');
    server_name s;
    location /a { return 200 a; }
    location "/<img src=x onerror=hacked=1>" { return 200 b; }
    location /dead { proxy_pass http://dead; }
    location /key { gateway_api_key api; empty_gif; }
    location /far { gateway_limit zone=far; empty_gif; }
    location /cached { gateway_cache c; empty_gif; }
    location /gateway/ { gateway_metrics_page from=127.0.0.1; }
END
my %files = ('consumers.json' => consumers(consumer('acme')));
my $server = start_nginx(port => $port, conf => $conf, files => { %files });
$server->allow(qr/no live upstreams|connect\(\) failed/);

my $page = "http://127.0.0.1:$port/gateway/";
my @hostile = ("<img src=x onerror=hacked=1>", "\x{202e}drawkcab",
               "</script><script>hacked=1</script>", "javascript:hacked=1",
               '"><svg onload=hacked=1>', "{{hacked=1}}");

$server->get('/a', headers => [ 'X-Consumer: ' . encode_utf8($_) ])
    for @hostile, map { "consumer-$_" } 1 .. 110;
$server->get('/%3Cimg%20src=x%20onerror=hacked=1%3E');
$server->get('/dead') for 1 .. 3;
$server->get($_) for qw( /key /far?k=1 /cached );

ok(wait_until(sub { (page($server, '/gateway/api/v1/history'))[1]
                    =~ /"rate": ?\[[^\]]*[1-9]/ }, 25),
   'the history has a point before the page is opened');


# --- the first sight

$browser->media('prefers-color-scheme' => 'light');
$browser->size(1280, 900);
$browser->open($page);
ok($browser->becomes('current !== null'), 'the data is loaded');

my @foreign = grep { !/^\Q$page\E/ } $browser->requests;
is("@foreign", '', 'requests go to the page itself only');
is(join("\n", $browser->errors), '', 'no error, no violation of the policy');

cmp_ok($browser->run(q{document.querySelectorAll('#hour svg path').length}),
       '>=', 3, 'charts of the last hour');
cmp_ok($browser->run(q{document.querySelectorAll('#day figure').length}),
       '==', 3, 'and of the last day');
is($browser->run(q{
       recent('all', {}, 'rate', 3600) > 0
       && Math.round(10 * series.get(keyOf('all', {})).steps[10].rate
                              .reduce((a, b) => a + b, 0)) }),
   123, 'they show the requests of before it was opened');

like($browser->run(q{byId('problems').textContent}),
     qr/Upstream dead: server 127\.0\.0\.1:$dead is down\. Since \d+:\d+/,
     'what is wrong, in words, since when');

# each row of problems is a sentence of the document
is($browser->run(q{byId('problems').querySelectorAll('li').length}),
   $browser->run(q{current.problems.length}), 'and nothing is left out');


# --- the policy that the browser enforces

$browser->run(q{
    var refused = [];
    document.addEventListener('securitypolicyviolation',
                              (e) => refused.push(e.effectiveDirective));
    const add = (name, more) => {
        const element = Object.assign(document.createElement(name), more);
        document.body.append(element);
        element.remove();
    };
    add('script', { textContent: 'hacked = 1' });
    add('img', { src: 'x' });
    add('iframe', { src: '/' });
    add('style', { textContent: 'body { color: red }' });
    add('a', { href: 'javascript:hacked=1' });
    fetch('http://127.0.0.2:1/').catch(() => 0);
    null });
for my $directive (qw( script-src-elem img-src frame-src style-src-elem
                       connect-src )) {
    ok($browser->becomes("refused.includes('$directive')", 5),
       "$directive is refused");
}
() = $browser->errors;
() = $browser->requests;


# --- hostile names

is($browser->run('typeof hacked'), 'undefined', 'no name is run');
is($browser->run(q{document.querySelectorAll('img, #tables svg, iframe,'
                   + ' #tables script').length}), 0, 'no name is an element');
my $cells = $browser->run(q{
    [...document.querySelectorAll('td')].map((td) => td.textContent)
        .join('\n') });
for my $name (@hostile[0, 2 .. $#hostile], '/<img src=x onerror=hacked=1>') {
    like($cells, qr/^\Q$name\E$/m, "$name: is text");
}
like($cells, qr/^\\u202edrawkcab$/m, 'U+202E is written out');


# --- the keyboard: each control is reached, seen, and does its work

sub focus { $browser->run(q{
    (() => {
        const e = document.activeElement;
        return e.id || e.textContent.trim().slice(0, 20)
               || e.getAttribute('aria-label') || e.tagName;
    })() }) }

$browser->run('document.activeElement.blur(); scrollTo(0, 0)');
my $controls = $browser->run(q{
    [...document.querySelectorAll('a, button, input, select, summary,'
                                  + ' [tabindex="0"]')]
        .filter((e) => e.checkVisibility()).length });
my ($invisible, $reached) = (0, 0);
$browser->run(q{var reached = new Set()});
for (1 .. $controls) {
    $browser->press('Tab');
    $invisible += !$browser->run(q{
        (() => {
            const style = getComputedStyle(document.activeElement);
            reached.add(document.activeElement);
            return style.outlineStyle !== 'none'
                   && parseFloat(style.outlineWidth) >= 2;
        })() });
}
cmp_ok($controls, '>', 50, 'there are controls');
is($browser->run('reached.size'), $controls, 'Tab reaches all of them');
is($invisible, 0, 'and each shows that it has the focus');

sub at {
    my ($script) = @_;
    $browser->run("($script).focus()");
    return;
}

my $head = q{[...document.querySelectorAll('#tables section')]
    .find((s) => s.querySelector('h2').textContent === 'Consumers')};
sub column { $browser->run("[...($head).querySelectorAll('tbody tr')]"
                           . ".map((tr) => tr.cells[$_[0]].textContent)") }

is_deeply($browser->run(q{[...document.querySelectorAll('#tables section')]
    .filter((s) => s.querySelector('tbody tr')).map((s) => s.querySelector('h2').textContent)}),
    [ 'Routes', 'Authentication', 'Limits', 'Caches', 'Upstream servers', 'Redis',
      'Consumers', 'Files', 'Zones' ], 'nine tables with rows');
is(scalar @{ column(0) }, 100, 'a long table shows 100 rows');
at("($head).querySelector('thead button')");
$browser->press('Enter');
my @sorted = @{ column(0) };
is($browser->run("($head).querySelector('th').getAttribute('aria-sort')"),
   'ascending', 'Enter sorts');
$browser->press('Enter');
isnt(column(0)->[0], $sorted[0], 'and sorts the other way');

at(q{[...document.querySelectorAll('button')]
    .find((b) => b.textContent === 'Show all rows' && b.checkVisibility())});
$browser->press('Space');
cmp_ok(scalar @{ column(0) }, '>=', 116, 'Space shows all rows');

at(q{byId('f-consumers')});
$browser->press(split //, 'consumer-99');
is_deeply(column(0), [ 'consumer-99' ], 'a filter');
$browser->press(('Backspace') x 11);
cmp_ok(scalar @{ column(0) }, '>=', 116, 'and no filter');

at(q{byId('subject')});
$browser->press('ArrowDown');
my $subject = $browser->run(q{byId('subject').selectedOptions[0].textContent});
isnt($subject, 'all requests', 'another subject');
like($browser->run(q{byId('hour').querySelector('svg').ariaLabel}),
     qr/ of \Q$subject\E: /, 'has charts');

at(q{byId('hour').querySelector('summary')});
$browser->press('Enter');
ok($browser->becomes(q{byId('hour').querySelectorAll('details td').length > 1},
                     5), 'the values of a chart as text');
$browser->press('Enter');


# --- narrow, without motion, in both themes

for my $theme (qw( light dark )) {
    $browser->media('prefers-color-scheme' => $theme);
    my $back = $browser->run('getComputedStyle(document.body).backgroundColor');
    my ($red) = $back =~ /(\d+)/;
    ok($theme eq 'dark' ? $red < 64 : $red > 192, "$theme: $back");

    for my $width (1280, 320) {
        $browser->size($width, 900);
        cmp_ok($browser->run('document.documentElement.scrollWidth'), '<=',
               $width, "$theme, $width px: nothing sticks out");
        accessible("$theme, $width px") if $ENV{AXE};
    }
}

sub accessible {
    my ($name) = @_;

    $browser->run(do { local (@ARGV, $/) = $ENV{AXE}; <> });
    my $found = $browser->run(q{
        axe.run().then((r) => ({
            passes: r.passes.length,
            faults: r.violations.map((v) => v.id + ': ' + v.help + ': '
                + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)))
        })) });
    cmp_ok($found->{passes}, '>', 20, "$name: axe-core has rules");
    is(join("\n", @{ $found->{faults} }), '', "$name: it finds nothing");
}

$browser->media('prefers-reduced-motion' => 'reduce');
is($browser->run('document.getAnimations().length'), 0, 'nothing moves');
is(join("\n", $browser->errors), '', 'no error in the meantime');


# --- nginx goes away and returns

$browser->run('var seen = current.time; null');
ok($server->reload, 'a reload');
ok($browser->becomes('current.time > seen && failure === ""'),
   'the page goes on');

$server->stop;
$browser->run('update()');
like($browser->run(q{byId('age').textContent}), qr/ old\. Trying again: /,
     'nginx is away: the page says so');
$browser->run('received -= 60000; age()');
like($browser->run(q{byId('age').textContent}), qr/The data is 6\d s old\./,
     'and how old its data is');
is($browser->run(q{byId('age').className}), 'stale', 'in another colour, too');

$server = start_nginx(port => $port, conf => $conf, files => { %files });
$browser->run('update()');
ok($browser->becomes('failure === "" && byId("age").className === "soft"', 15),
   'nginx is back, and the page goes on');
$server->stop;

done_testing();
