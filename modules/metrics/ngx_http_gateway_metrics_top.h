/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_metrics_top: the most active values of a variable.
 *
 * At most "max" values are members and have a series; all others are counted
 * in "__other__".  A new value becomes a member as long as there are fewer.
 * After that, the upkeep replaces a member by another value: requests of values
 * that are no members are counted as candidates.
 *
 * Members and candidates are known by their keys, a hash of the cleaned value.
 */

#ifndef _NGX_HTTP_GATEWAY_METRICS_TOP_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_METRICS_TOP_H_INCLUDED_


#include "ngx_http_gateway_metrics.h"
#include "gw_mark.h"


#define NGX_HTTP_GATEWAY_METRICS_TOP_NAME     32    /* bytes, at most */
#define NGX_HTTP_GATEWAY_METRICS_TOP_DEFAULT  100   /* of "max=" */
#define NGX_HTTP_GATEWAY_METRICS_TOP_MAX      1000
#define NGX_HTTP_GATEWAY_METRICS_TOP_SETS     64
#define NGX_HTTP_GATEWAY_METRICS_TOP_WAYS     4
#define NGX_HTTP_GATEWAY_METRICS_TOP_MINUTES  10

#define NGX_HTTP_GATEWAY_METRICS_TOP_CANDIDATES                               \
    (NGX_HTTP_GATEWAY_METRICS_TOP_SETS * NGX_HTTP_GATEWAY_METRICS_TOP_WAYS)

/*
 * How many members the upkeep replaces every 10 s, at most.  A node that a
 * member leaves is free again after half a minute.
 */
#define ngx_http_gateway_metrics_top_turn(max)   ((max) / 8 + 1)
#define ngx_http_gateway_metrics_top_spare(max)                               \
    (6 * ngx_http_gateway_metrics_top_turn(max))


/*
 * A value that is no member.  The count is at most the number of its requests,
 * and close to it for values with more than a hundredth of them.  The upkeep
 * lowers it, so that it only counts recent requests.
 */

typedef struct {
    uint64_t                        key;        /* 0: unused */
    uint64_t                        count;
} ngx_http_gateway_metrics_candidate_t;


/*
 * In shared memory.  Any worker changes a key that is 0; only the upkeep
 * changes others, and then increases "generation".
 */

typedef struct {
    uint64_t                        generation;
    uint64_t                        used;       /* members behind it are 0 */
    uint64_t                        member[NGX_HTTP_GATEWAY_METRICS_TOP_MAX];
    ngx_http_gateway_metrics_candidate_t
        candidate[NGX_HTTP_GATEWAY_METRICS_TOP_SETS]
                 [NGX_HTTP_GATEWAY_METRICS_TOP_WAYS];

    /* of the upkeep: requests by minute, of members and of candidates, and the
       totals that they were calculated from */

    uint64_t                        minute;
    uint64_t                        total[NGX_HTTP_GATEWAY_METRICS_TOP_MAX];
    uint64_t                        seen[
                                    NGX_HTTP_GATEWAY_METRICS_TOP_CANDIDATES];
    uint32_t                        counted[
                                    NGX_HTTP_GATEWAY_METRICS_TOP_MINUTES]
                                    [NGX_HTTP_GATEWAY_METRICS_TOP_MAX];
    uint32_t                        guessed[
                                    NGX_HTTP_GATEWAY_METRICS_TOP_MINUTES]
                                    [NGX_HTTP_GATEWAY_METRICS_TOP_CANDIDATES];
} ngx_http_gateway_metrics_top_sh_t;


/* a member that this worker has counted */

typedef struct {
    uint64_t                       *cells;      /* NULL: unused */
    gw_mark_t                       mark;
    uint32_t                        node;
    u_char                          text[GW_LABEL_MAX];     /* the value */
} ngx_http_gateway_metrics_known_t;


/* another value, by its key */

typedef struct {
    uint64_t                        key;
    uint64_t                        generation; /* when it was no member */
} ngx_http_gateway_metrics_unknown_t;


struct ngx_http_gateway_metrics_top_s {
    ngx_str_t                       name;
    ngx_int_t                       index;      /* of the variable;
                                                   NGX_DECLINED: a string of
                                                   the record */
    size_t                          offset;     /* of this string */
    ngx_uint_t                      max;
    ngx_http_gateway_metric_t       metric;     /* its series */
    ngx_http_gateway_place_t        place;

    /* of a worker */
    ngx_pool_t                     *pool;
    ngx_http_gateway_metrics_top_sh_t *sh;      /* NULL: not used yet, or no
                                                   room */
    uint64_t                       *other;      /* NULL: not used yet */
    uint64_t                        secret[2];
    ngx_http_gateway_metrics_known_t *known;    /* of "size", at most 3/4 used;
                                                   by hash */
    ngx_uint_t                      size;       /* a power of 2 */
    ngx_uint_t                      nknown;
    ngx_http_gateway_metrics_unknown_t *unknown;
};


/* what a request is counted as: NGX_HTTP_GATEWAY_TOP_...; "gr" may be NULL */
ngx_uint_t ngx_http_gateway_metrics_top_class(ngx_http_gateway_request_t *gr,
    ngx_uint_t status);

/*
 * In LOG: counts a request in the top of a variable, or in that of a value that
 * is not empty.
 */
void ngx_http_gateway_metrics_top_read(ngx_http_request_t *r,
    ngx_http_gateway_metrics_top_t *top, ngx_uint_t class);
void ngx_http_gateway_metrics_top_log(ngx_http_request_t *r,
    ngx_http_gateway_metrics_top_t *top, const ngx_str_t *value,
    ngx_uint_t class);

/*
 * The cells of a value that is longer than its mark or not in top->known; those
 * of "__other__" if it is no member.
 */
uint64_t *ngx_http_gateway_metrics_top_find(
    ngx_http_gateway_metrics_top_t *top, const ngx_str_t *value);


/* in a worker: the key of a cleaned value, never 0; top->other is not NULL */
uint64_t ngx_http_gateway_metrics_top_key(
    const ngx_http_gateway_metrics_top_t *top, const ngx_str_t *value);

/* some series end: for ngx_http_gateway_forget_add() */
void ngx_http_gateway_metrics_top_forget(void *data);

/* in a worker: uses the shared memory; NGX_ERROR: there is none */
ngx_int_t ngx_http_gateway_metrics_top_start(
    ngx_http_gateway_metrics_top_t *top);


#endif /* _NGX_HTTP_GATEWAY_METRICS_TOP_H_INCLUDED_ */
