/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Counters in shared memory, summed over all workers.  They survive reloads and
 * killed workers.
 *
 * A family is a row of a static table next to the code that counts; the
 * counters of a family differ in their labels.  A module registers a counter
 * while the configuration is read and adds to it in workers.
 *
 * The zone "gateway:counters" is created with the first counter, and its size
 * never changes.  A counter is found by the hash of its family and labels, so
 * that totals survive a reload that adds or drops other counters.  If a reload
 * drops all counters, nginx frees the zone.  Old and new workers count
 * together.  A counter that a reload drops keeps its total until the workers
 * that use it have exited and a new counter needs its room.  After a binary
 * upgrade the new nginx has a zone of its own and starts at 0.
 *
 * There is room for 2048 own counters, and for 2048 striped counters and words
 * together.  If an own counter or a word does not fit, the configuration is
 * refused; a striped counter that does not fit is not counted.
 *
 * Each process counts in a stripe of its own (gw_stripe.h).  A new process
 * takes over the stripe of a process that has exited, with its totals.  With
 * more than 16 processes, the others share one stripe.
 *
 * An own family has a word for each of up to 1024 processes; further processes
 * are not counted.  What a process holds is the difference of its own words,
 * such as made - written - dropped.  If the process is killed, this difference
 * is lost; a handler of ngx_http_gateway_reclaim_add() then adds it to the
 * words, when a process starts or asks for it.  Count one event by one
 * addition, so that a kill cannot separate two.
 *
 * A word has one value for all processes, which its owner reads and changes
 * freely: a state that must survive workers and configurations, such as the
 * time of the last log line.
 */

#ifndef _NGX_HTTP_GATEWAY_COUNTER_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_COUNTER_H_INCLUDED_


#include "ngx_http_gateway.h"


typedef enum {
    NGX_HTTP_GATEWAY_STRIPED = 0,
    NGX_HTTP_GATEWAY_OWN,                       /* a word for each process */
    NGX_HTTP_GATEWAY_WORD                       /* one for all processes */
} ngx_http_gateway_family_e;


/* a row of a static table */

typedef struct {
    const char                     *name;       /* "records_total" */
    const char                     *help;       /* a sentence */
    const char                     *type;       /* "counter" or "gauge" */
    ngx_http_gateway_family_e       kind;
} ngx_http_gateway_family_t;


/* in the configuration's memory */

typedef struct {
    const ngx_http_gateway_family_t *family;
    ngx_str_t                       labels;     /* sink="x",result="written" */

    /* private */
    uint64_t                       *cell;       /* the worker's */
    ngx_uint_t                      index;      /* in the zone */
    ngx_str_t                       directive;  /* that added it */
    ngx_http_gateway_place_t        place;
} ngx_http_gateway_counter_t;


/*
 * Configuration, in preconfiguration, a directive's setter or a merge function:
 * returns the counter of a family with these labels, which are not copied and
 * may be empty.  Equal families and labels give the same counter.  NULL after
 * an [emerg], or if there is no memory.
 */
ngx_http_gateway_counter_t *ngx_http_gateway_counter_add(ngx_conf_t *cf,
    const ngx_http_gateway_family_t *family, ngx_str_t *labels);

/*
 * Adds "n" to a counter; for a gauge, also (uint64_t) -n.  This is one relaxed
 * atomic addition without a lock.  It has no effect if "counter" is NULL, or in
 * processes that are not workers.
 */
static ngx_inline void
ngx_http_gateway_count(ngx_http_gateway_counter_t *counter, uint64_t n)
{
    if (counter != NULL) {
        (void) __atomic_fetch_add(counter->cell, n, __ATOMIC_RELAXED);
    }
}

/* in a worker: the sum over all processes, including those that have exited */
uint64_t ngx_http_gateway_counter_sum(
    const ngx_http_gateway_counter_t *counter);


/*
 * The value of a word.  For workers, and for handlers of
 * ngx_http_gateway_reclaim_add().  In a process that is not a worker the value
 * is private to the process and meaningless.
 */
uint64_t *ngx_http_gateway_counter_word(
    const ngx_http_gateway_counter_t *counter);


/*
 * A process has exited or was killed, and its own words still differ.  "at"
 * names the process for ngx_http_gateway_counter_own().  Called in a worker
 * after the process has gone, and again if the worker is killed meanwhile.  A
 * handler must therefore compute the difference from the words themselves and
 * add it by one addition:
 *
 *     held = *own(made, at) - *own(written, at) - *own(lost, at);
 *     *own(lost, at) += held;
 */
typedef void (*ngx_http_gateway_reclaim_pt)(void *data, ngx_uint_t at);

/* at configuration time, as for counters; NGX_ERROR: an [emerg] was logged, or
   there is no memory */
ngx_int_t ngx_http_gateway_reclaim_add(ngx_conf_t *cf,
    ngx_http_gateway_reclaim_pt handler, void *data);

/*
 * For handlers: the word of a gone process in a counter of an own family.  No
 * other process changes it during the call.
 */
uint64_t *ngx_http_gateway_counter_own(
    const ngx_http_gateway_counter_t *counter, ngx_uint_t at);

/*
 * Reclaims all processes that are gone.  Core does this when a worker starts; a
 * module calls it before it reports sums.  It takes a few system calls for each
 * process: do not call it for each request.
 */
void ngx_http_gateway_counters_reclaim(void);


/* for core's init_process, before that of other modules */
void ngx_http_gateway_counters_start(ngx_http_gateway_main_conf_t *gmcf);


#endif /* _NGX_HTTP_GATEWAY_COUNTER_H_INCLUDED_ */
