/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Counters in shared memory, summed over all workers, that survive reloads and
 * killed workers.
 *
 * A family is a row of a static table beside the code that counts; a counter
 * is one of a family, told from others by its labels.  Its owner asks for a
 * handle while the configuration is read and adds to it in workers.  The zone,
 * "gateway:counters", is made when the first counter is registered; its size
 * never changes, and a counter is found by the hash of family and labels, so
 * that totals survive a reload, whatever counters it adds or drops; if it drops
 * all of them, nginx frees the zone.  Old workers and new ones count together.
 * A counter that a reload drops keeps its total until another one needs its
 * room, once the workers that knew it have exited.  An nginx started by a
 * binary upgrade has memory of its own and begins with 0.
 *
 * There is room for 2048 own counters, and for 2048 striped ones and words
 * together.  The configuration is refused if an own counter or a word has none;
 * a striped one is not counted then.
 *
 * Each process counts in a stripe of its own (gw_stripe.h); one that starts
 * takes over that of a process that has exited, with its totals.  Beyond 16
 * processes all share one stripe.
 *
 * A family that is "own" keeps a word for each of up to 1024 processes instead;
 * further processes do not count in it.  What a process holds is then the
 * difference of its own words: made - written - dropped.  When it was killed
 * that is what was lost, and a process that starts, or asks, settles it:
 * ngx_http_gateway_settle_add().
 * Count one event by one add, so that no kill can come between two.
 *
 * A family of the kind "word" has one word for all processes, which its owner
 * reads and changes as it likes: a state that must outlast workers and
 * configurations, such as when a line was logged last.
 */

#ifndef _NGX_HTTP_GATEWAY_COUNTER_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_COUNTER_H_INCLUDED_


#include "ngx_http_gateway.h"


typedef enum {
    NGX_HTTP_GATEWAY_STRIPED = 0,
    NGX_HTTP_GATEWAY_OWN,                       /* a word of each process */
    NGX_HTTP_GATEWAY_WORD                       /* one of all processes */
} ngx_http_gateway_family_e;


/* a row of a static table */

typedef struct {
    const char                     *name;       /* records_total */
    const char                     *help;       /* a sentence */
    const char                     *type;       /* counter or gauge */
    ngx_http_gateway_family_e       kind;
} ngx_http_gateway_family_t;


/* in the configuration's memory */

typedef struct {
    const ngx_http_gateway_family_t *family;
    ngx_str_t                       labels;     /* sink="x",result="written" */

    /* private */
    uint64_t                       *cell;       /* the worker's */
    ngx_uint_t                      index;      /* in the zone */
    ngx_str_t                       directive;  /* that has added it */
    ngx_http_gateway_place_t        place;
} ngx_http_gateway_counter_t;


/*
 * Configuration, in preconfiguration, a directive's setter or a merge function:
 * the counter of a family with these labels, which are kept, not copied, and
 * may be empty; the same one for equal names and labels.  NULL after an
 * [emerg], or no memory.
 */
ngx_http_gateway_counter_t *ngx_http_gateway_counter_add(ngx_conf_t *cf,
    const ngx_http_gateway_family_t *family, ngx_str_t *labels);

/*
 * Adds "n" to what this process has counted; of a gauge also (uint64_t) -n.
 * One relaxed atomic addition, no lock.  Nothing happens where "counter" is
 * NULL, and in processes that are no workers.
 */
static ngx_inline void
ngx_http_gateway_count(ngx_http_gateway_counter_t *counter, uint64_t n)
{
    if (counter != NULL) {
        (void) __atomic_fetch_add(counter->cell, n, __ATOMIC_RELAXED);
    }
}

/* in a worker: the sum over all processes, also those that have exited */
uint64_t ngx_http_gateway_counter_sum(
    const ngx_http_gateway_counter_t *counter);


/*
 * The word of a counter of this kind: in a worker and, unlike the other calls,
 * in a handler that settles.  In a process that is no worker it is the
 * process's own, and its value means nothing.
 */
uint64_t *ngx_http_gateway_counter_word(
    const ngx_http_gateway_counter_t *counter);


/*
 * A process has exited, or was killed, and did not settle what it held.  "at"
 * names it for ngx_http_gateway_counter_own().  Called in a worker, once the
 * process is gone, and again if the worker is killed meanwhile, so that
 * handlers compute what is missing from the words themselves and add it by one
 * addition:
 *
 *     held = *own(made, at) - *own(written, at) - *own(lost, at);
 *     *own(lost, at) += held;
 */
typedef void (*ngx_http_gateway_settle_pt)(void *data, ngx_uint_t at);

/* configuration, as for counters; NGX_ERROR after an [emerg], or no memory */
ngx_int_t ngx_http_gateway_settle_add(ngx_conf_t *cf,
    ngx_http_gateway_settle_pt handler, void *data);

/*
 * For handlers: the word of a gone process, which nobody else changes.  The
 * family is "own".
 */
uint64_t *ngx_http_gateway_counter_own(
    const ngx_http_gateway_counter_t *counter, ngx_uint_t at);

/*
 * Settles all processes that are gone.  Core does this when a worker starts; a
 * module calls it before it shows sums.  It makes a few system calls for each
 * process, so that it must not be called for each request.
 */
void ngx_http_gateway_counters_settle(void);


/* for core's init_process: before those of other modules */
void ngx_http_gateway_counters_start(ngx_http_gateway_main_conf_t *gmcf);


#endif /* _NGX_HTTP_GATEWAY_COUNTER_H_INCLUDED_ */
