/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What is counted for upstream servers: ngx_http_gateway_metrics_upstream.c
 * counts the tries of requests; _address.c has the series of each server, and
 * _resolved.c those of servers that the configuration does not name.
 */

#ifndef _NGX_HTTP_GATEWAY_METRICS_UPSTREAM_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_METRICS_UPSTREAM_H_INCLUDED_


#include "ngx_http_gateway_metric.h"
#include "ngx_http_gateway_metrics.h"


/* addresses of a block that the configuration does not name, at most */
#define NGX_HTTP_GATEWAY_METRICS_RESOLVED  256


/* indices of "code", after those of status codes */

typedef enum {
    NGX_HTTP_GATEWAY_METRICS_CONNECT = 0,
    NGX_HTTP_GATEWAY_METRICS_HEADER,
    NGX_HTTP_GATEWAY_METRICS_ABORTED
} ngx_http_gateway_metrics_failure_e;


/* one try */

typedef struct {
    ngx_uint_t                          code;       /* index */
    uint64_t                            sent;       /* bytes */
    uint64_t                            received;
} ngx_http_gateway_metrics_try_t;


/* see ngx_http_gateway_metrics_resolved.c */
typedef struct ngx_http_gateway_metrics_found_s
                                        ngx_http_gateway_metrics_found_t;
typedef struct ngx_http_gateway_metrics_slot_s
                                        ngx_http_gateway_metrics_slot_t;


/* an upstream block, in the configuration's memory */

typedef struct {
    ngx_http_upstream_srv_conf_t       *block;      /* NULL: addresses that are
                                                       in no block */
    ngx_http_upstream_init_peer_pt      init;       /* its peer.init */
    ngx_str_t                           label;      /* "upstream" */

    ngx_http_gateway_series_t          *connect;    /* durations */
    ngx_http_gateway_series_t          *header;
    ngx_http_gateway_series_t          *response;
    ngx_http_gateway_series_t          *no_live;

    /* private to _address.c and _resolved.c */
    ngx_array_t                         addresses;  /* named by the
                                                       configuration, sorted */
    ngx_uint_t                          dynamic;    /* unsigned:1; it can have
                                                       others */
    ngx_http_gateway_metrics_slot_t    *slots;      /* of others; NULL: not used
                                                       in this worker yet */
    ngx_http_gateway_metrics_found_t  **found;      /* the worker's, by slot */
} ngx_http_gateway_metrics_group_t;


/* all blocks, by address of "block"; the one without a block is the first */

struct ngx_http_gateway_metrics_upstreams_s {
    ngx_array_t                         groups;     /* group_t */
    ngx_shm_zone_t                     *zone;       /* NULL: none is dynamic */
    ngx_uint_t                          ndynamic;
};


/* for postconfiguration; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_metrics_addresses_init(ngx_conf_t *cf,
    ngx_http_gateway_metrics_upstreams_t *upstreams);

/* in a worker: counts a try of a server at "address" */
void ngx_http_gateway_metrics_address_count(
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_gateway_metrics_group_t *group, const ngx_str_t *address,
    const ngx_http_gateway_metrics_try_t *try);

/* the same for addresses that the configuration does not name */
ngx_int_t ngx_http_gateway_metrics_resolved_init(ngx_conf_t *cf,
    ngx_http_gateway_metrics_upstreams_t *upstreams);
void ngx_http_gateway_metrics_resolved_count(
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_gateway_metrics_group_t *group, const ngx_str_t *address,
    const ngx_http_gateway_metrics_try_t *try);


/* a hash of a block's name or an address; not 0 */
uint64_t ngx_http_gateway_metrics_key(const u_char *text, size_t len);


extern const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_tries;
extern const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_bytes;

/* the words of "code", by index, and of "direction" */

#define NGX_HTTP_GATEWAY_METRICS_WORDS  72

extern ngx_str_t  ngx_http_gateway_metrics_words[
                                              NGX_HTTP_GATEWAY_METRICS_WORDS];
extern ngx_str_t  ngx_http_gateway_metrics_directions[2];


/*
 * The index of a status code: the code itself if it is in the documented list,
 * else its class.
 */
ngx_uint_t ngx_http_gateway_metrics_status(ngx_uint_t status);

/* the index of a try without a response */
ngx_uint_t ngx_http_gateway_metrics_failure(
    ngx_http_gateway_metrics_failure_e failure);


#endif /* _NGX_HTTP_GATEWAY_METRICS_UPSTREAM_H_INCLUDED_ */
