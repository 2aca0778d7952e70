# SPDX-License-Identifier: BSD-2-Clause

# Accesses to words in shared memory are sequentially consistent
# (__ATOMIC_SEQ_CST): on any CPU, each result is that of an interleaving, and a
# model of all interleavings is complete.  Stamps and counters on which nothing
# else depends can be relaxed; they are listed here.

use v5.28;
use warnings;
use lib 't/lib';

use File::Find qw( find );
use Test::Gateway::Gate;
use Test::More;

my %relaxed = (
    'modules/core/gw_series_private.h' => {
        'p'                         => 1,   # a counter
    },
    'modules/core/gw_stripe.c' => {
        'p'                         => 1,   # a counter
    },
    'modules/core/gw_table.c' => {
        '&table->evicted'           => 1,   # a counter
        'last'                      => 2,   # a stamp
        '&state[table->words - 1]'  => 1,   # a stamp
    },
    'modules/core/ngx_http_gateway_metric.c' => {
        '&cells[gw_cells_index(layout, value)]' => 1, # a counter
        '&cells[layout->n]'         => 1,   # a counter
    },
    'modules/core/ngx_http_gateway_metric.h' => {
        's->cells'                  => 2,   # a counter, a value
        'cells'                     => 1,   # a counter
    },
    'modules/core/ngx_http_gateway_watch_count.c' => {
        'success->cells'            => 1,   # a time, seldom written
    },
    'modules/cache/gw_cache_shard.c' => {
        '&user->cache->count'       => 1,   # counters, read for metrics
        '&user->cache->evictions'   => 1,
    },
    'modules/limit/ngx_http_gateway_limit_count.c' => {
        '&zone->table->evicted'     => 1,   # a counter
    },
    'modules/core/ngx_http_gateway_counter.h' => {
        'counter->cell'             => 1,   # a counter
    },
    'modules/limit/ngx_http_gateway_limit_zone.c' => {
        '&zone->sh->most'           => 2,   # only grows, and may be seen late
        '&zone->table->evicted'     => 1,   # a counter
    },
    'modules/metrics/ngx_http_gateway_metrics_resolved.c' => {
        'cells'                     => 3,   # a counter
    },
);


# Accesses of other orders: a complaint for each that is not listed.

sub orders {
    my ($folder) = @_;
    my (%found, @complaints);

    find({ no_chdir => 1, wanted => sub {
        return if !/\.[ch]\z/;
        my $file = s{^\Q$folder\E/}{}r;
        my $text = read_file($_) =~ s{/\*.*?\*/}{}grs =~ s/\\\n/ /gr;
        my $calls = 0;

        while ($text =~ /\b__atomic_\w+\s*(\((?:[^()]++|(?1))*\))/g) {
            my $call = substr $1, 1, -1;
            my ($of) = $call =~ /^((?:[^,()\[\]]++|(\((?:[^()]++|(?2))*\))
                                  |(\[(?:[^\[\]]++|(?3))*\]))*)/x;
            my @weak = grep { $_ ne '__ATOMIC_SEQ_CST' }
                       $call =~ /\b__ATOMIC_\w+/g;
            $calls += () = $call =~ /\b__ATOMIC_\w+/g;
            $found{$file}{$of =~ s/\s+/ /gr}++ if @weak;
        }

        push @complaints, "$file: an order outside of a call"
            if $calls != (() = $text =~ /\b__ATOMIC_\w+/g);
        push @complaints, "$file: __sync_ builtins have no order"
            if $text =~ /\b__sync_/;
    } }, "$folder/modules");

    for my $file (sort keys %found) {
        for my $of (sort keys %{ $found{$file} }) {
            my $n = $relaxed{$file}{$of} // 0;
            push @complaints, "$file: $of is relaxed $found{$file}{$of} times,"
                              . " not $n: use __ATOMIC_SEQ_CST, or list it in"
                              . ' t/gates/atomics.t'
                if $found{$file}{$of} != $n;
        }
    }

    for my $file (sort keys %relaxed) {
        push @complaints, map { "$file: $_ is listed, but not relaxed" }
                          grep { !$found{$file}{$_} }
                          sort keys %{ $relaxed{$file} };
    }
    return @complaints;
}

clean(\&orders, '.',
      'accesses that are not sequentially consistent are listed');

for my $seed ([ 'x = __atomic_load_n(&bucket[i], __ATOMIC_RELAXED);',
                qr/gw_table\.c: &bucket\[i\] is relaxed 1 times, not 0/,
                'a tag' ],
              [ "__atomic_store_n(last,\n    f(a, b), __ATOMIC_RELEASE);",
                qr/gw_table\.c: last is relaxed 3 times, not 2/,
                'one more of a listed word' ],
              [ 'ok = __atomic_compare_exchange_n(&slot->owner, &a, b, 0, '
                . '__ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);',
                qr/&slot->owner is relaxed/, 'the order of a failure' ],
              [ '#define ORDER  __ATOMIC_RELAXED',
                qr/an order outside of a call/, 'an order by another name' ],
              [ '__sync_fetch_and_add(&x, 1);', qr/__sync_/, 'a builtin' ])
{
    my ($text, $pattern, $name) = @$seed;
    my $dir = copy_of('modules');
    spoil("$dir/modules/core/gw_table.c", "\n$text\n");
    fires(\&orders, "$dir", $pattern, $name);
}

{
    my $dir = copy_of('modules');
    my $file = "$dir/modules/limit/ngx_http_gateway_limit_zone.c";
    my $text = read_file($file) =~ s/__ATOMIC_RELAXED/__ATOMIC_SEQ_CST/gr;
    open my $out, '>', $file or die $!;
    print $out $text;
    close $out;
    is(scalar orders("$dir"), 2, 'seeded: listed words that are not relaxed');
}

done_testing;
