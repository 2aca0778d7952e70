/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What one worker, the upkeep, does every 10 s for all: it moves on series that
 * end, writes the history, and finds what is wrong.
 *
 * It works in steps of at most 1 ms.  Its state is in the zone, under core's
 * lease: another worker goes on when it exits or is killed.
 */

#ifndef _NGX_HTTP_GATEWAY_METRICS_HISTORY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_METRICS_HISTORY_H_INCLUDED_


#include "ngx_http_gateway_metrics_area.h"
#include "gw_history.h"


#define NGX_HTTP_GATEWAY_METRICS_STEP      1000     /* us, of a turn */
#define NGX_HTTP_GATEWAY_METRICS_INTERVAL  10       /* s */


/* what a step of the upkeep uses */

typedef struct {
    ngx_pool_t                         *pool;       /* until its last step */
    time_t                              now;
    uint64_t                            ms;         /* monotonic */
    ngx_http_gateway_scan_t            *scan;
} ngx_http_gateway_metrics_tick_t;


/*
 * ngx_http_gateway_metrics_history.c
 */

/* in postconfiguration; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_metrics_history_init(ngx_conf_t *cf);

/* in init_process, or init_module; NULL: there is no memory any more */
void ngx_http_gateway_metrics_history_start(ngx_cycle_t *cycle);

/* the next step: NGX_AGAIN, NGX_OK: that was the last, or NGX_ERROR */
ngx_int_t ngx_http_gateway_metrics_history_step(
    ngx_http_gateway_metrics_tick_t *tick);

/* begins anew, after a step has failed or was the last */
void ngx_http_gateway_metrics_history_reset(void);

/* the memory, to be read; NULL: there is none yet */
gw_history_t *ngx_http_gateway_metrics_history_memory(void);

/*
 * The word for a kind of subjects, and the family whose first labels name them,
 * which is NULL for all requests together.  NULL: there is no such kind.
 */
const char *ngx_http_gateway_metrics_history_kind(ngx_uint_t kind,
    const char **family);

/*
 * The mean of all requests in the last 5 min; -1: no data.  "slow": of requests
 * with a duration, whose errors are those that took longer than 1 s.
 */
double ngx_http_gateway_metrics_history_mean(ngx_uint_t slow,
    gw_history_row_e row);


/*
 * ngx_http_gateway_metrics_problem.c
 */

#define NGX_HTTP_GATEWAY_METRICS_PROBLEMS  256      /* subjects, at most */

/* as those of the history */
ngx_int_t ngx_http_gateway_metrics_problems_init(ngx_conf_t *cf);
void ngx_http_gateway_metrics_problems_start(ngx_cycle_t *cycle);
ngx_int_t ngx_http_gateway_metrics_problems_step(
    ngx_http_gateway_metrics_tick_t *tick);
void ngx_http_gateway_metrics_problems_reset(void);


/*
 * ngx_http_gateway_metrics_top_turn.c: the members of gateway_metrics_top; as
 * those of the history
 */

ngx_int_t ngx_http_gateway_metrics_tops_step(
    ngx_http_gateway_metrics_tick_t *tick);
void ngx_http_gateway_metrics_tops_reset(void);


#endif /* _NGX_HTTP_GATEWAY_METRICS_HISTORY_H_INCLUDED_ */
