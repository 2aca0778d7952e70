/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The parts of the metrics module.
 *
 * ngx_http_gateway_metrics_module.c has the directives, _conf.c their setters,
 * _request.c counts requests, and _top.c the most active values of variables.
 */

#ifndef _NGX_HTTP_GATEWAY_METRICS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_METRICS_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_endpoint.h"
#include "ngx_http_gateway_metric.h"
#include "ngx_http_gateway_observe.h"
#include "ngx_http_gateway_server.h"


#define NGX_HTTP_GATEWAY_METRICS_BUCKETS  GW_CELLS_BUCKETS


typedef struct ngx_http_gateway_metrics_route_s
                                        ngx_http_gateway_metrics_route_t;
typedef struct ngx_http_gateway_metrics_top_s  ngx_http_gateway_metrics_top_t;
typedef struct ngx_http_gateway_metrics_upstreams_s
                                        ngx_http_gateway_metrics_upstreams_t;
typedef struct ngx_http_gateway_metrics_losses_s
                                        ngx_http_gateway_metrics_losses_t;


/* gateway_metrics */

typedef enum {
    NGX_HTTP_GATEWAY_METRICS_OFF = 0,
    NGX_HTTP_GATEWAY_METRICS_SERVER,    /* with an empty route */
    NGX_HTTP_GATEWAY_METRICS_ON
} ngx_http_gateway_metrics_mode_e;


/* gateway_metrics_page */

typedef struct {
    ngx_http_gateway_from_t             from;
    ngx_str_t                           name;   /* of the location, "/gateway/";
                                                   requests begin with it */
    ngx_uint_t                          alone;  /* unsigned:1; the location has
                                                   the metrics only, because its
                                                   name does not end in "/" */
    ngx_http_gateway_place_t            place;
} ngx_http_gateway_metrics_page_t;


typedef struct {
    ngx_http_gateway_zone_t             zone;   /* size 0: there is none */
    uint64_t                            buckets[
                                            NGX_HTTP_GATEWAY_METRICS_BUCKETS];
                                                /* ns, ascending */
    ngx_uint_t                          nbuckets;
    ngx_http_gateway_place_t            place;  /* of gateway_metrics_zone */
    ngx_http_gateway_place_t            mode_place; /* of the first
                                                       gateway_metrics */

    ngx_array_t                         tops;   /* top_t * */
    ngx_uint_t                          tops_off;   /* unsigned:1 */
    ngx_uint_t                          tops_read;  /* unsigned:1; not only of
                                                       what methods set */
    ngx_http_gateway_place_t            tops_place;
    ngx_uint_t                          area;   /* unsigned:1; private to
                                                   _area.c */

    ngx_http_gateway_metrics_page_t    *page;   /* the first one; NULL: none */

    ngx_http_gateway_metrics_upstreams_t  *upstreams;
    ngx_http_gateway_metrics_losses_t  *losses; /* of workers */
    ngx_http_gateway_series_t          *workers;
    ngx_uint_t                          loads;  /* of configurations, so far */
    time_t                              loaded; /* this one */
    ngx_uint_t                          nroutes;
    ngx_uint_t                          large;  /* tracks of the history, by */
    ngx_uint_t                          small;  /* size */
} ngx_http_gateway_metrics_main_conf_t;


typedef struct {
    ngx_str_t                           label;  /* "server" */
    ngx_http_gateway_metrics_route_t   *whole;  /* its series with an empty
                                                   route; NULL: not needed */
    ngx_http_gateway_vector_t          *cached; /* by status of nginx's cache */
} ngx_http_gateway_metrics_srv_conf_t;


typedef struct {
    ngx_uint_t                          mode;
    ngx_http_gateway_metrics_page_t    *page;   /* NULL: none */
    ngx_http_gateway_metrics_route_t   *route;  /* NULL: requests are not
                                                   counted */
} ngx_http_gateway_metrics_loc_conf_t;


extern ngx_module_t  ngx_http_gateway_metrics_module;


/* ngx_http_gateway_metrics_conf.c: setters and merges */

char *ngx_http_gateway_metrics_zone_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_metrics_page_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* for the merge: NGX_CONF_ERROR after an [emerg] */
char *ngx_http_gateway_metrics_page_merge(ngx_conf_t *cf,
    const ngx_http_gateway_metrics_loc_conf_t *prev,
    ngx_http_gateway_metrics_loc_conf_t *conf);


/* ngx_http_gateway_metrics_request.c: http_* families */

/* for the merge of locations, whose mode is merged; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_metrics_route_merge(ngx_conf_t *cf,
    const ngx_http_gateway_metrics_loc_conf_t *prev,
    ngx_http_gateway_metrics_loc_conf_t *conf);

/* the hook of core's REWRITE: in flight */
void ngx_http_gateway_metrics_routed(void **from, void **to);

/* the hook of core's LOG: counts a request */
void ngx_http_gateway_metrics_log(ngx_http_request_t *r);


/* ngx_http_gateway_metrics_top_conf.c, _top.c: gateway_metrics_top */

char *ngx_http_gateway_metrics_top_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* for postconfiguration: also adds the default; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_metrics_tops_init(ngx_conf_t *cf,
    ngx_http_gateway_metrics_main_conf_t *mmcf);


/*
 * Further parts, all called only if there is a zone.  "_init" is called in
 * postconfiguration and returns NGX_ERROR after an [emerg], "_start" in
 * init_process of workers, in this order.
 */

/* ngx_http_gateway_metrics_page.c: the content handler of a page */
ngx_int_t ngx_http_gateway_metrics_page_handler(ngx_http_request_t *r);

/* ngx_http_gateway_metrics_upstream.c: tries of upstream servers */
ngx_int_t ngx_http_gateway_metrics_upstream_init(ngx_conf_t *cf);

/* for preconfiguration, also without a zone */
ngx_int_t ngx_http_gateway_metrics_upstream_pre(ngx_conf_t *cf);

/* in LOG, of a request that is counted and has upstream_states */
void ngx_http_gateway_metrics_upstream_log(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/* ngx_http_gateway_metrics_peers.c: the state of upstream servers */
ngx_int_t ngx_http_gateway_metrics_peers_init(ngx_conf_t *cf);

/* ngx_http_gateway_metrics_nginx.c: what nginx counts and knows itself */
ngx_int_t ngx_http_gateway_metrics_nginx_init(ngx_conf_t *cf);

/* for the setter of the zone; NGX_ERROR: no memory, or after an [emerg] */
ngx_int_t ngx_http_gateway_metrics_nginx_add(ngx_conf_t *cf,
    ngx_http_gateway_metrics_main_conf_t *mmcf);

/* in LOG, of a request that is counted: the proxy cache */
void ngx_http_gateway_metrics_nginx_log(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/* in init_module, after everything that can fail; in the master, also under
   "nginx -t", where ngx_test_config is set */
void ngx_http_gateway_metrics_nginx_loaded(ngx_cycle_t *cycle);
void ngx_http_gateway_metrics_nginx_start(ngx_cycle_t *cycle);

/* in exit_process of workers */
void ngx_http_gateway_metrics_nginx_exit(ngx_cycle_t *cycle);

/* ngx_http_gateway_metrics_certificate.c */
ngx_int_t ngx_http_gateway_metrics_certificate_init(ngx_conf_t *cf);

/* ngx_http_gateway_metrics_upkeep.c: history, problems, end of series */
ngx_int_t ngx_http_gateway_metrics_upkeep_init(ngx_conf_t *cf);
void ngx_http_gateway_metrics_upkeep_start(ngx_cycle_t *cycle);

/* in init_module: the process goes on with "cycle"; "on" is 0 without a zone */
void ngx_http_gateway_metrics_upkeep_replace(ngx_cycle_t *cycle,
    ngx_uint_t on);

/* in exit_process: another worker goes on */
void ngx_http_gateway_metrics_upkeep_exit(void);


#endif /* _NGX_HTTP_GATEWAY_METRICS_H_INCLUDED_ */
