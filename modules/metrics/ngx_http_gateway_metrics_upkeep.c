/* SPDX-License-Identifier: BSD-2-Clause */

/* the upkeep: see ngx_http_gateway_metrics_history.h */

#include "ngx_http_gateway_metrics_history.h"
#include "ngx_http_gateway_metrics_area.h"
#include "ngx_http_gateway_lease.h"


/* series that are visited without a look at the clock */
#define NGX_HTTP_GATEWAY_METRICS_VISIT  64


typedef enum {
    NGX_HTTP_GATEWAY_METRICS_SERIES = 0,
    NGX_HTTP_GATEWAY_METRICS_TOPS,
    NGX_HTTP_GATEWAY_METRICS_HISTORY,
    NGX_HTTP_GATEWAY_METRICS_PROBLEM,
    NGX_HTTP_GATEWAY_METRICS_DONE
} ngx_http_gateway_metrics_phase_e;


static void ngx_http_gateway_metrics_upkeep_timer(ngx_event_t *ev);
static void ngx_http_gateway_metrics_upkeep_begin(void);
static void ngx_http_gateway_metrics_upkeep_turn(void);
static ngx_int_t ngx_http_gateway_metrics_upkeep_step(void);
static void ngx_http_gateway_metrics_upkeep_end(void);
static ngx_msec_t ngx_http_gateway_metrics_upkeep_next(void);


/* of this worker */

static struct {
    ngx_http_gateway_lease_t           *lease;      /* NULL: no room */
    ngx_event_t                         event;
    ngx_uint_t                          holds;      /* unsigned:1; the lease */
    ngx_http_gateway_metrics_phase_e    phase;
    uint32_t                            at;
    ngx_http_gateway_metrics_tick_t     tick;       /* "pool" NULL: waits */
} ngx_http_gateway_metrics_upkeep;


static const ngx_str_t  ngx_http_gateway_metrics_upkeep_name =
    ngx_string("upkeep");


ngx_int_t
ngx_http_gateway_metrics_upkeep_init(ngx_conf_t *cf)
{
    return (ngx_http_gateway_metrics_part_add(cf,
                sizeof(ngx_http_gateway_lease_t)) == NGX_OK
            && ngx_http_gateway_metrics_problems_init(cf) == NGX_OK
            && ngx_http_gateway_metrics_history_init(cf) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


void
ngx_http_gateway_metrics_upkeep_start(ngx_cycle_t *cycle)
{
    /* nginx's debug log shows the descriptor of a timer's "data" */

    static ngx_connection_t  dumb;

    ngx_event_t               *ev;
    ngx_http_gateway_lease_t  *lease;

    ngx_http_gateway_metrics_problems_start(NULL);
    ngx_http_gateway_metrics_history_start(NULL);

    lease = ngx_http_gateway_metrics_part(
                &ngx_http_gateway_metrics_upkeep_name,
                sizeof(ngx_http_gateway_lease_t));
    if (lease == NULL) {
        return;
    }

    ngx_http_gateway_metrics_upkeep.lease = lease;

    /* an earlier process with the same identifier may have left it behind */

    ngx_http_gateway_lease_release(lease);

    ngx_http_gateway_metrics_problems_start(cycle);
    ngx_http_gateway_metrics_history_start(cycle);

    ev = &ngx_http_gateway_metrics_upkeep.event;
    ev->handler = ngx_http_gateway_metrics_upkeep_timer;
    ev->data = &dumb;
    ev->log = cycle->log;
    ev->cancelable = 1;
    dumb.fd = (ngx_socket_t) -1;

    ngx_add_timer(ev, ngx_http_gateway_metrics_upkeep_next());
}


/*
 * With "master_process off", one process has several configurations, and nginx
 * does not call init_process after a reload.  The old zone is not freed yet.
 */

void
ngx_http_gateway_metrics_upkeep_replace(ngx_cycle_t *cycle, ngx_uint_t on)
{
    ngx_event_t  *ev;

    ev = &ngx_http_gateway_metrics_upkeep.event;

    if (ev->handler == NULL) {
        return;
    }

    ngx_http_gateway_metrics_upkeep_exit();

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_http_gateway_metrics_upkeep_end();

    if (on) {
        ngx_http_gateway_metrics_upkeep_start(cycle);

    } else {
        ngx_http_gateway_metrics_problems_start(NULL);
        ngx_http_gateway_metrics_history_start(NULL);
    }
}


void
ngx_http_gateway_metrics_upkeep_exit(void)
{
    if (ngx_http_gateway_metrics_upkeep.holds) {
        ngx_http_gateway_lease_release(ngx_http_gateway_metrics_upkeep.lease);
        ngx_http_gateway_metrics_upkeep.holds = 0;
    }
}


/*
 * To the next multiple of 10 s, so that each point is written once.  A worker
 * that is late takes the lease only if the others have not.
 */

static ngx_msec_t
ngx_http_gateway_metrics_upkeep_next(void)
{
    ngx_msec_t   ms;
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    ms = (ngx_msec_t) (tp->sec % NGX_HTTP_GATEWAY_METRICS_INTERVAL) * 1000
         + tp->msec;

    return NGX_HTTP_GATEWAY_METRICS_INTERVAL * 1000 - ms + 5;
}


static void
ngx_http_gateway_metrics_upkeep_timer(ngx_event_t *ev)
{
    /* the workers of the new configuration know its families */

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        ngx_http_gateway_metrics_upkeep_end();
        ngx_http_gateway_metrics_upkeep_exit();
        return;
    }

    if (ngx_http_gateway_metrics_upkeep.tick.pool == NULL) {

        if (!ngx_http_gateway_metrics_upkeep.holds) {
            ngx_http_gateway_metrics_upkeep.holds =
                ngx_http_gateway_lease_take(
                    ngx_http_gateway_metrics_upkeep.lease);
        }

        if (ngx_http_gateway_metrics_upkeep.holds) {
            ngx_http_gateway_metrics_upkeep_begin();
        }

    } else {
        ngx_http_gateway_metrics_upkeep_turn();
    }

    ngx_add_timer(ev, ngx_http_gateway_metrics_upkeep.tick.pool
                      ? 1 : ngx_http_gateway_metrics_upkeep_next());
}


static void
ngx_http_gateway_metrics_upkeep_begin(void)
{
    ngx_pool_t                       *pool;
    ngx_http_gateway_metrics_tick_t  *tick;

    tick = &ngx_http_gateway_metrics_upkeep.tick;

    pool = ngx_create_pool(16384, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    tick->pool = pool;
    tick->now = ngx_time();
    tick->ms = ngx_http_gateway_watch_clock() / 1000;
    tick->scan = ngx_palloc(pool, sizeof(ngx_http_gateway_scan_t));

    if (tick->scan == NULL
        || ngx_http_gateway_scan_begin(tick->scan, pool) != NGX_OK)
    {
        ngx_http_gateway_metrics_upkeep_end();
        return;
    }

    ngx_http_gateway_metrics_upkeep.phase = NGX_HTTP_GATEWAY_METRICS_SERIES;
    ngx_http_gateway_metrics_upkeep.at = 0;
}


static void
ngx_http_gateway_metrics_upkeep_turn(void)
{
    uint64_t  begin;

    begin = ngx_http_gateway_watch_clock();

    do {
        if (ngx_http_gateway_metrics_upkeep_step() != NGX_AGAIN) {
            ngx_http_gateway_metrics_upkeep_end();
            return;
        }

    } while (ngx_http_gateway_watch_clock() - begin
             < NGX_HTTP_GATEWAY_METRICS_STEP);
}


/* NGX_AGAIN; anything else: there is nothing left to do */

static ngx_int_t
ngx_http_gateway_metrics_upkeep_step(void)
{
    ngx_int_t                         rc;
    ngx_http_gateway_metrics_tick_t  *tick;

    tick = &ngx_http_gateway_metrics_upkeep.tick;

    switch (ngx_http_gateway_metrics_upkeep.phase) {

    case NGX_HTTP_GATEWAY_METRICS_SERIES:
        rc = ngx_http_gateway_series_step(&ngx_http_gateway_metrics_upkeep.at,
                                          NGX_HTTP_GATEWAY_METRICS_VISIT,
                                          (time_t) (tick->ms / 1000))
             ? NGX_OK : NGX_AGAIN;
        break;

    case NGX_HTTP_GATEWAY_METRICS_TOPS:
        rc = ngx_http_gateway_metrics_tops_step(tick);
        break;

    case NGX_HTTP_GATEWAY_METRICS_HISTORY:
        rc = ngx_http_gateway_metrics_history_step(tick);
        break;

    case NGX_HTTP_GATEWAY_METRICS_PROBLEM:
        rc = ngx_http_gateway_metrics_problems_step(tick);
        break;

    default:
        return NGX_DONE;
    }

    if (rc == NGX_OK) {
        ngx_http_gateway_metrics_upkeep.phase++;
        return NGX_AGAIN;
    }

    return rc;
}


static void
ngx_http_gateway_metrics_upkeep_end(void)
{
    ngx_http_gateway_metrics_tops_reset();
    ngx_http_gateway_metrics_history_reset();
    ngx_http_gateway_metrics_problems_reset();

    if (ngx_http_gateway_metrics_upkeep.tick.pool) {
        ngx_destroy_pool(ngx_http_gateway_metrics_upkeep.tick.pool);
        ngx_http_gateway_metrics_upkeep.tick.pool = NULL;
    }
}


