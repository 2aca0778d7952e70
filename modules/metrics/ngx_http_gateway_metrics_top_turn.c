/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The part of the upkeep that chooses the members of gateway_metrics_top.
 *
 * Every 10 s it counts what each member did in the last 10 min.  A candidate
 * with more than twice the requests of the least active member takes its place.
 * The member's series ends, and its counts go to "__other__".
 *
 * A series whose value is no member ends in any case, so that it does not matter
 * when the process is killed.
 */

#include "ngx_http_gateway_metrics_history.h"
#include "ngx_http_gateway_metrics_top.h"


#define NGX_HTTP_GATEWAY_METRICS_TOP_LOOKS  16      /* series of a step */

/* series that are ending are found, too */
#define NGX_HTTP_GATEWAY_METRICS_TOP_FOUND                                    \
    (2 * NGX_HTTP_GATEWAY_METRICS_TOP_MAX)


/* a series */

typedef struct {
    uint64_t                            key;        /* of its value */
    uint64_t                            series;
    uint64_t                            total;      /* requests */
    uint32_t                            node;
} ngx_http_gateway_metrics_top_found_t;


typedef struct {
    ngx_uint_t                          top;
    ngx_uint_t                          began;      /* unsigned:1; this top */
    ngx_uint_t                          judged;     /* unsigned:1; likewise */
    ngx_uint_t                          promoted;
    ngx_uint_t                          n;
    uint64_t                            minute;
    ngx_http_gateway_metrics_top_found_t  found[
                                        NGX_HTTP_GATEWAY_METRICS_TOP_FOUND];
} ngx_http_gateway_metrics_top_work_t;


static ngx_int_t ngx_http_gateway_metrics_top_look(
    ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_top_work_t *work,
    ngx_http_gateway_metrics_top_t *top);
static ngx_int_t ngx_http_gateway_metrics_top_judge(
    ngx_http_gateway_metrics_top_work_t *work,
    ngx_http_gateway_metrics_top_t *top);
static void ngx_http_gateway_metrics_top_age(
    ngx_http_gateway_metrics_top_sh_t *sh, uint64_t minute);
static void ngx_http_gateway_metrics_top_measure(
    ngx_http_gateway_metrics_top_work_t *work,
    ngx_http_gateway_metrics_top_t *top);
static ngx_uint_t ngx_http_gateway_metrics_top_promote(
    ngx_http_gateway_metrics_top_work_t *work,
    ngx_http_gateway_metrics_top_t *top);
static uint64_t ngx_http_gateway_metrics_top_least(
    ngx_http_gateway_metrics_top_t *top, ngx_uint_t *member);
static ngx_http_gateway_metrics_candidate_t *
    ngx_http_gateway_metrics_top_best(ngx_http_gateway_metrics_top_t *top);
static void ngx_http_gateway_metrics_top_end(
    ngx_http_gateway_metrics_top_work_t *work,
    ngx_http_gateway_metrics_top_t *top);
static int ngx_libc_cdecl ngx_http_gateway_metrics_top_compare(
    const void *one, const void *two);


#define ngx_http_gateway_metrics_top_load(p)                                  \
    __atomic_load_n(p, __ATOMIC_SEQ_CST)

#define ngx_http_gateway_metrics_top_store(p, value)                          \
    __atomic_store_n(p, value, __ATOMIC_SEQ_CST)


static ngx_http_gateway_metrics_top_work_t  *ngx_http_gateway_metrics_top_work;


void
ngx_http_gateway_metrics_tops_reset(void)
{
    ngx_http_gateway_metrics_top_work = NULL;
}


ngx_int_t
ngx_http_gateway_metrics_tops_step(ngx_http_gateway_metrics_tick_t *tick)
{
    ngx_int_t                              rc;
    ngx_http_gateway_metrics_top_t       **top;
    ngx_http_gateway_metrics_top_work_t   *work;
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_gateway_metrics_module);
    work = ngx_http_gateway_metrics_top_work;

    if (work == NULL) {
        work = ngx_palloc(tick->pool,
                          sizeof(ngx_http_gateway_metrics_top_work_t));
        if (work == NULL) {
            return NGX_ERROR;
        }

        work->top = 0;
        work->began = 0;
        work->judged = 0;
        work->n = 0;
        work->minute = tick->ms / 60000;
        ngx_http_gateway_metrics_top_work = work;
    }

    if (work->top == mmcf->tops.nelts) {
        return NGX_OK;
    }

    top = mmcf->tops.elts;
    top += work->top;

    rc = NGX_DONE;

    if (ngx_http_gateway_metrics_top_start(*top) == NGX_OK) {
        if (!work->judged) {
            rc = ngx_http_gateway_metrics_top_look(tick, work, *top);
        }

        if (rc == NGX_DONE) {
            rc = ngx_http_gateway_metrics_top_judge(work, *top);
        }
    }

    if (rc == NGX_DONE) {
        work->top++;
        work->began = 0;
        work->judged = 0;
        work->n = 0;
        rc = NGX_AGAIN;
    }

    return rc;
}


/* finds all series: NGX_AGAIN, NGX_DONE, or NGX_ERROR */

static ngx_int_t
ngx_http_gateway_metrics_top_look(ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_top_work_t *work,
    ngx_http_gateway_metrics_top_t *top)
{
    ngx_int_t                              rc;
    ngx_uint_t                             i, class;
    ngx_http_gateway_family_view_t        *family;
    ngx_http_gateway_metrics_top_found_t  *found;

    static const ngx_str_t  other = ngx_string("__other__");

    if (!work->began) {
        family = ngx_http_gateway_metrics_family(top->metric.name);

        if (family == NULL) {
            return NGX_DONE;
        }

        if (ngx_http_gateway_scan_family(tick->scan, family) != NGX_OK) {
            return NGX_ERROR;
        }

        work->began = 1;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_TOP_LOOKS; i++) {

        rc = ngx_http_gateway_scan_series(tick->scan);
        if (rc != NGX_OK) {
            return rc;
        }

        if (work->n == NGX_HTTP_GATEWAY_METRICS_TOP_FOUND
            || ngx_http_gateway_same(&tick->scan->values[0], &other))
        {
            continue;
        }

        found = &work->found[work->n++];

        found->key = ngx_http_gateway_metrics_top_key(top,
                                                      &tick->scan->values[0]);
        found->series = tick->scan->key;
        found->node = tick->scan->node;
        found->total = 0;

        for (class = 0; class < NGX_HTTP_GATEWAY_TOP_BYTES; class++) {
            found->total += tick->scan->cells[class];
        }
    }

    return NGX_AGAIN;
}


/* replaces a member: NGX_AGAIN; NGX_DONE: the members are those of this look */

static ngx_int_t
ngx_http_gateway_metrics_top_judge(ngx_http_gateway_metrics_top_work_t *work,
    ngx_http_gateway_metrics_top_t *top)
{
    if (!work->judged) {
        ngx_qsort(work->found, work->n,
                  sizeof(ngx_http_gateway_metrics_top_found_t),
                  ngx_http_gateway_metrics_top_compare);

        ngx_http_gateway_metrics_top_age(top->sh, work->minute);
        ngx_http_gateway_metrics_top_measure(work, top);

        work->judged = 1;
        work->promoted = 0;
    }

    /* a node takes about half a minute until another value can have it */

    if (work->promoted < ngx_http_gateway_metrics_top_turn(top->max)
        && ngx_http_gateway_metrics_top_promote(work, top))
    {
        (void) __atomic_fetch_add(&top->sh->generation, 1, __ATOMIC_SEQ_CST);
        work->promoted++;

        return NGX_AGAIN;
    }

    ngx_http_gateway_metrics_top_end(work, top);

    return NGX_DONE;
}


/* forgets what was counted more than 10 min ago */

static void
ngx_http_gateway_metrics_top_age(ngx_http_gateway_metrics_top_sh_t *sh,
    uint64_t minute)
{
    uint64_t                               i, slot, count, old;
    ngx_uint_t                             w;
    ngx_http_gateway_metrics_candidate_t  *way;

    i = minute - sh->minute;
    i = ngx_min(i, NGX_HTTP_GATEWAY_METRICS_TOP_MINUTES);

    for ( /* void */ ; i > 0; i--) {
        slot = (minute - i + 1) % NGX_HTTP_GATEWAY_METRICS_TOP_MINUTES;
        way = &sh->candidate[0][0];

        for (w = 0; w < NGX_HTTP_GATEWAY_METRICS_TOP_CANDIDATES; w++) {
            count = ngx_http_gateway_metrics_top_load(&way[w].count);
            old = sh->guessed[slot][w];

            while (!__atomic_compare_exchange_n(&way[w].count, &count,
                                                count - ngx_min(count, old), 0,
                                                __ATOMIC_SEQ_CST,
                                                __ATOMIC_SEQ_CST))
            {
                /* void */
            }

            sh->seen[w] -= ngx_min(sh->seen[w], old);
        }

        ngx_memzero(sh->counted[slot], sizeof(sh->counted[slot]));
        ngx_memzero(sh->guessed[slot], sizeof(sh->guessed[slot]));
    }

    sh->minute = minute;
}


/* what members and candidates did since the last look */

static void
ngx_http_gateway_metrics_top_measure(ngx_http_gateway_metrics_top_work_t *work,
    ngx_http_gateway_metrics_top_t *top)
{
    uint64_t                               slot, total, count;
    ngx_uint_t                             i, used;
    ngx_http_gateway_metrics_top_sh_t     *sh;
    ngx_http_gateway_metrics_candidate_t  *way;
    ngx_http_gateway_metrics_top_found_t  *found, wanted;

    sh = top->sh;
    slot = work->minute % NGX_HTTP_GATEWAY_METRICS_TOP_MINUTES;

    used = ngx_http_gateway_metrics_top_load(&sh->used);
    used = ngx_min(used, NGX_HTTP_GATEWAY_METRICS_TOP_MAX);

    for (i = 0; i < used; i++) {

        wanted.key = ngx_http_gateway_metrics_top_load(&sh->member[i]);

        if (i >= top->max) {
            ngx_http_gateway_metrics_top_store(&sh->member[i], 0);
            sh->total[i] = 0;
            continue;
        }

        found = bsearch(&wanted, work->found, work->n,
                        sizeof(ngx_http_gateway_metrics_top_found_t),
                        ngx_http_gateway_metrics_top_compare);

        total = found ? found->total : 0;

        sh->counted[slot][i] += (uint32_t) (total < sh->total[i]
                                            ? total : total - sh->total[i]);
        sh->total[i] = total;
    }

    way = &sh->candidate[0][0];

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_TOP_CANDIDATES; i++) {
        count = ngx_http_gateway_metrics_top_load(&way[i].count);

        if (count > sh->seen[i]) {
            sh->guessed[slot][i] += (uint32_t) (count - sh->seen[i]);
        }

        sh->seen[i] = count;
    }
}


/* gives the best candidate the place of the least active member, or returns 0 */

static ngx_uint_t
ngx_http_gateway_metrics_top_promote(ngx_http_gateway_metrics_top_work_t *work,
    ngx_http_gateway_metrics_top_t *top)
{
    uint64_t                               count, least, slot;
    ngx_uint_t                             i, member;
    ngx_http_gateway_metrics_top_sh_t     *sh;
    ngx_http_gateway_metrics_candidate_t  *best;

    sh = top->sh;
    best = ngx_http_gateway_metrics_top_best(top);

    if (best == NULL) {
        return 0;
    }

    count = ngx_http_gateway_metrics_top_load(&best->count);
    least = ngx_http_gateway_metrics_top_least(top, &member);

    if (member == top->max || count <= 2 * least) {
        return 0;
    }

    slot = work->minute % NGX_HTTP_GATEWAY_METRICS_TOP_MINUTES;

    ngx_http_gateway_metrics_top_store(&sh->member[member], best->key);
    ngx_http_gateway_metrics_top_store(&best->count, 0);

    /* its requests until now make it active; its series begins at 0 */

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_TOP_MINUTES; i++) {
        sh->counted[i][member] = 0;
    }

    sh->counted[slot][member] = (uint32_t) ngx_min(count, 0x7fffffff);
    sh->total[member] = 0;

    return 1;
}


/*
 * The requests of the least active member in the last 10 min.  "*member" is
 * top->max if there is a free place: no member is replaced then.
 */

static uint64_t
ngx_http_gateway_metrics_top_least(ngx_http_gateway_metrics_top_t *top,
    ngx_uint_t *member)
{
    uint64_t                            sum, least;
    ngx_uint_t                          i, m;
    ngx_http_gateway_metrics_top_sh_t  *sh;

    sh = top->sh;
    least = (uint64_t) -1;
    *member = top->max;

    for (i = 0; i < top->max; i++) {

        if (ngx_http_gateway_metrics_top_load(&sh->member[i]) == 0) {
            *member = top->max;
            return 0;
        }

        sum = 0;

        for (m = 0; m < NGX_HTTP_GATEWAY_METRICS_TOP_MINUTES; m++) {
            sum += sh->counted[m][i];
        }

        if (sum < least) {
            least = sum;
            *member = i;
        }
    }

    return least;
}


static ngx_http_gateway_metrics_candidate_t *
ngx_http_gateway_metrics_top_best(ngx_http_gateway_metrics_top_t *top)
{
    uint64_t                               key, count, most;
    ngx_uint_t                             i, m;
    ngx_http_gateway_metrics_candidate_t  *way, *best;

    way = &top->sh->candidate[0][0];
    best = NULL;
    most = 0;

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_TOP_CANDIDATES; i++) {

        count = ngx_http_gateway_metrics_top_load(&way[i].count);
        key = ngx_http_gateway_metrics_top_load(&way[i].key);

        if (key == 0 || count <= most) {
            continue;
        }

        /* it became a member meanwhile */

        for (m = 0; m < top->max; m++) {
            if (top->sh->member[m] == key) {
                break;
            }
        }

        if (m == top->max) {
            best = &way[i];
            most = count;
        }
    }

    return best;
}


/* ends the series of values that are no members */

static void
ngx_http_gateway_metrics_top_end(ngx_http_gateway_metrics_top_work_t *work,
    ngx_http_gateway_metrics_top_t *top)
{
    ngx_uint_t                             i;
    ngx_http_gateway_metrics_top_found_t  *found, wanted;

    /* a total of (uint64_t) -1 marks members */

    for (i = 0; i < top->max; i++) {

        wanted.key = ngx_http_gateway_metrics_top_load(&top->sh->member[i]);

        found = bsearch(&wanted, work->found, work->n,
                        sizeof(ngx_http_gateway_metrics_top_found_t),
                        ngx_http_gateway_metrics_top_compare);
        if (found) {
            found->total = (uint64_t) -1;
        }
    }

    for (i = 0; i < work->n; i++) {
        if (work->found[i].total != (uint64_t) -1) {
            (void) ngx_http_gateway_series_end(work->found[i].node,
                                               work->found[i].series);
        }
    }
}


static int ngx_libc_cdecl
ngx_http_gateway_metrics_top_compare(const void *one, const void *two)
{
    const ngx_http_gateway_metrics_top_found_t *a = one;
    const ngx_http_gateway_metrics_top_found_t *b = two;

    return (a->key > b->key) - (a->key < b->key);
}
