/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * http_*: requests, requests in flight, durations and sizes.
 *
 * The series of a route are made with the configuration.  Those of a method and
 * a code are made when they are first counted.
 */

#include "ngx_http_gateway_metrics_scrape.h"
#include "ngx_http_gateway_metrics_top.h"


/* the values of "method": those of RFC 9110, PATCH and QUERY */

#define NGX_HTTP_GATEWAY_METRICS_METHODS(X)                                   \
    X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(CONNECT) X(OPTIONS) X(TRACE)    \
    X(PATCH) X(QUERY) X(OTHER)

/* the values of "code", besides classes such as "4xx" */

#define NGX_HTTP_GATEWAY_METRICS_CODES(X)                                     \
    X(101)                                                                    \
    X(200) X(201) X(202) X(203) X(204) X(205) X(206) X(207)                   \
    X(300) X(301) X(302) X(303) X(304) X(307) X(308)                          \
    X(400) X(401) X(402) X(403) X(404) X(405) X(406) X(407) X(408) X(409)     \
    X(410) X(411) X(412) X(413) X(414) X(415) X(416) X(417) X(421) X(422)     \
    X(423) X(424) X(425) X(426) X(428) X(429) X(431) X(444) X(451) X(494)     \
    X(495) X(496) X(497) X(499)                                               \
    X(500) X(501) X(502) X(503) X(504) X(505) X(507) X(508) X(511)

#define NGX_HTTP_GATEWAY_METRICS_METHOD_ENUM(name)                            \
    NGX_HTTP_GATEWAY_METRICS_##name,
#define NGX_HTTP_GATEWAY_METRICS_METHOD_TEXT(name)  ngx_string(#name),
#define NGX_HTTP_GATEWAY_METRICS_CODE_ENUM(code)                              \
    NGX_HTTP_GATEWAY_METRICS_##code,
#define NGX_HTTP_GATEWAY_METRICS_CODE_TEXT(code)  ngx_string(#code),
#define NGX_HTTP_GATEWAY_METRICS_CODE_INDEX(code)                             \
    [code] = NGX_HTTP_GATEWAY_METRICS_##code + 1,


typedef enum {
    NGX_HTTP_GATEWAY_METRICS_METHODS(NGX_HTTP_GATEWAY_METRICS_METHOD_ENUM)
    NGX_HTTP_GATEWAY_METRICS_NMETHODS
} ngx_http_gateway_metrics_method_e;


typedef enum {
    NGX_HTTP_GATEWAY_METRICS_CODES(NGX_HTTP_GATEWAY_METRICS_CODE_ENUM)
    NGX_HTTP_GATEWAY_METRICS_CLASSES,   /* of 0 to 9 hundred */
    NGX_HTTP_GATEWAY_METRICS_NCODES = NGX_HTTP_GATEWAY_METRICS_CLASSES + 10
} ngx_http_gateway_metrics_code_e;


/* the requests of a method */

typedef struct {
    ngx_http_gateway_vector_t          *codes;
    ngx_http_gateway_metrics_route_t   *route;
    ngx_uint_t                          method;
} ngx_http_gateway_metrics_requests_t;


/* what is counted for a server and a route, in the configuration's memory */

struct ngx_http_gateway_metrics_route_s {
    ngx_http_gateway_series_t          *in_flight;
    ngx_http_gateway_series_t          *duration;
    ngx_http_gateway_series_t          *received;
    ngx_http_gateway_series_t          *sent;
    ngx_http_gateway_metrics_requests_t
                                  requests[NGX_HTTP_GATEWAY_METRICS_NMETHODS];
    ngx_str_t                           values[2];  /* server, route */
};


static ngx_http_gateway_metrics_route_t *ngx_http_gateway_metrics_route(
    ngx_conf_t *cf, ngx_str_t *server, ngx_str_t *name);
static void ngx_http_gateway_metrics_labels(void *data, ngx_uint_t i,
    ngx_str_t *values);
static ngx_uint_t ngx_http_gateway_metrics_method(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_metrics_code(ngx_uint_t status);
static ngx_uint_t ngx_http_gateway_metrics_endless(ngx_http_request_t *r,
    ngx_uint_t status);


static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_requests =
    { "http_requests_total",
      "Requests, by the code of the response.",
      "server route method code", NGX_HTTP_GATEWAY_METRIC_COUNTER };

static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_in_flight =
    { "http_requests_in_flight",
      "Requests that have a route and whose response is not complete.",
      "server route", NGX_HTTP_GATEWAY_METRIC_GAUGE };

static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_duration =
    { "http_request_duration_seconds",
      "Time from the first byte of the request to the last byte of the "
      "response, without upgraded connections and event streams.",
      "server route", NGX_HTTP_GATEWAY_METRIC_DURATION };

static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_received =
    { "http_request_size_bytes",
      "Bytes of the request line, the header and the body.",
      "server route", NGX_HTTP_GATEWAY_METRIC_SIZE };

static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_sent =
    { "http_response_size_bytes",
      "Bytes of the response that were sent, with the header.",
      "server route", NGX_HTTP_GATEWAY_METRIC_SIZE };


static const ngx_str_t  ngx_http_gateway_metrics_method_words[] = {
    NGX_HTTP_GATEWAY_METRICS_METHODS(NGX_HTTP_GATEWAY_METRICS_METHOD_TEXT)
};


static const ngx_str_t  ngx_http_gateway_metrics_code_words[] = {
    NGX_HTTP_GATEWAY_METRICS_CODES(NGX_HTTP_GATEWAY_METRICS_CODE_TEXT)
    ngx_string("000"), ngx_string("1xx"), ngx_string("2xx"), ngx_string("3xx"),
    ngx_string("4xx"), ngx_string("5xx"), ngx_string("6xx"), ngx_string("7xx"),
    ngx_string("8xx"), ngx_string("9xx")
};


/* the index of a code plus 1; 0: none of its own */

static const u_char  ngx_http_gateway_metrics_code_index[600] = {
    NGX_HTTP_GATEWAY_METRICS_CODES(NGX_HTTP_GATEWAY_METRICS_CODE_INDEX)
};


/*
 * A nameless block counts as the location around it.  A location with a page is
 * not counted; nor is "limit_except" inside it.
 */

ngx_int_t
ngx_http_gateway_metrics_route_merge(ngx_conf_t *cf,
    const ngx_http_gateway_metrics_loc_conf_t *prev,
    ngx_http_gateway_metrics_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t             *clcf;
    ngx_http_gateway_loc_conf_t          *glcf;
    ngx_http_gateway_metrics_route_t    **route;
    ngx_http_gateway_metrics_srv_conf_t  *mscf;

    static ngx_str_t  none = ngx_null_string;

    if (!ngx_http_gateway_metrics_on(cf) || conf->page
        || conf->mode == NGX_HTTP_GATEWAY_METRICS_OFF)
    {
        return NGX_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname) {
        conf->route = prev->route;
        return NGX_OK;
    }

    mscf = ngx_http_conf_get_module_srv_conf(cf,
                                             ngx_http_gateway_metrics_module);
    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    if (conf->mode == NGX_HTTP_GATEWAY_METRICS_ON && glcf->route->len) {
        ngx_http_gateway_metrics_routes(cf, 1);

        conf->route = ngx_http_gateway_metrics_route(cf, &mscf->label,
                                                     glcf->route);
    } else {
        route = &mscf->whole;

        if (*route == NULL) {
            *route = ngx_http_gateway_metrics_route(cf, &mscf->label, &none);
        }

        conf->route = *route;
    }

    return conf->route ? NGX_OK : NGX_ERROR;
}


static ngx_http_gateway_metrics_route_t *
ngx_http_gateway_metrics_route(ngx_conf_t *cf, ngx_str_t *server,
    ngx_str_t *name)
{
    ngx_uint_t                            i;
    ngx_http_gateway_metrics_route_t     *route;
    ngx_http_gateway_metrics_main_conf_t *mmcf;
    ngx_http_gateway_metrics_requests_t  *requests;

    route = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_metrics_route_t));
    if (route == NULL) {
        return NULL;
    }

    route->values[0] = *server;
    route->values[1] = *name;

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_NMETHODS; i++) {
        requests = &route->requests[i];

        requests->route = route;
        requests->method = i;

        if (ngx_http_gateway_vector_add(cf, &ngx_http_gateway_metrics_requests,
                                        NGX_HTTP_GATEWAY_METRICS_NCODES,
                                        ngx_http_gateway_metrics_labels,
                                        requests, &requests->codes)
            != NGX_OK)
        {
            return NULL;
        }
    }

    if (ngx_http_gateway_series_add(cf, &ngx_http_gateway_metrics_in_flight,
                                    route->values, &route->in_flight)
        != NGX_OK
        || ngx_http_gateway_series_add(cf, &ngx_http_gateway_metrics_duration,
                                       route->values, &route->duration)
           != NGX_OK
        || ngx_http_gateway_series_add(cf, &ngx_http_gateway_metrics_received,
                                       route->values, &route->received)
           != NGX_OK
        || ngx_http_gateway_series_add(cf, &ngx_http_gateway_metrics_sent,
                                       route->values, &route->sent)
           != NGX_OK)
    {
        return NULL;
    }

    mmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_metrics_module);
    mmcf->nroutes++;

    return route;
}


static void
ngx_http_gateway_metrics_labels(void *data, ngx_uint_t i, ngx_str_t *values)
{
    ngx_http_gateway_metrics_requests_t *requests = data;

    values[0] = requests->route->values[0];
    values[1] = requests->route->values[1];
    values[2] = ngx_http_gateway_metrics_method_words[requests->method];
    values[3] = ngx_http_gateway_metrics_code_words[i];
}


static ngx_inline ngx_http_gateway_metrics_route_t *
ngx_http_gateway_metrics_route_of(void **loc_conf)
{
    ngx_http_gateway_metrics_loc_conf_t  *mlcf;

    mlcf = loc_conf[ngx_http_gateway_metrics_module.ctx_index];

    return mlcf->route;
}


/* moves a request in flight to its new route; NULL: from or to none */

static ngx_inline void
ngx_http_gateway_metrics_move(ngx_http_gateway_metrics_route_t *from,
    ngx_http_gateway_metrics_route_t *to)
{
    if (from != to) {
        if (from) {
            ngx_http_gateway_add(from->in_flight, (uint64_t) -1);
        }

        if (to) {
            ngx_http_gateway_add(to->in_flight, 1);
        }
    }
}


void
ngx_http_gateway_metrics_routed(void **from, void **to)
{
    ngx_http_gateway_metrics_move(
                       from ? ngx_http_gateway_metrics_route_of(from) : NULL,
                       ngx_http_gateway_metrics_route_of(to));
}


static void
ngx_http_gateway_metrics_tops_log(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, const ngx_array_t *tops,
    ngx_uint_t status)
{
    ngx_str_t                       *value;
    ngx_uint_t                       i, class;
    ngx_http_gateway_metrics_top_t **top;

    top = tops->elts;
    class = ngx_http_gateway_metrics_top_class(gr, status);

    for (i = 0; i < tops->nelts; i++) {

        if (top[i]->index != NGX_DECLINED) {
            ngx_http_gateway_metrics_top_read(r, top[i], class);

        } else if (gr) {
            value = (ngx_str_t *) ((u_char *) gr + top[i]->offset);

            if (value->len) {
                ngx_http_gateway_metrics_top_log(r, top[i], value, class);
            }
        }
    }
}


void
ngx_http_gateway_metrics_log(ngx_http_request_t *r)
{
    void                                 **loc_conf;
    uint64_t                               duration;
    ngx_uint_t                             status;
    ngx_http_core_srv_conf_t              *cscf;
    ngx_http_gateway_request_t            *gr;
    ngx_http_gateway_metrics_route_t      *route;
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    gr = ngx_http_gateway_request(r);

    if (gr && gr->routed) {
        ngx_http_gateway_metrics_move(
                         ngx_http_gateway_metrics_route_of(gr->routed), NULL);
    }

    loc_conf = ngx_http_gateway_routed(r, gr);

    if (loc_conf == NULL) {
        cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
        loc_conf = cscf->ctx->loc_conf;
    }

    route = ngx_http_gateway_metrics_route_of(loc_conf);

    if (route == NULL) {
        return;
    }

    status = r->err_status ? r->err_status : r->headers_out.status;

    ngx_http_gateway_add_at(
                    route->requests[ngx_http_gateway_metrics_method(r)].codes,
                    ngx_http_gateway_metrics_code(status), 1);

    if (!ngx_http_gateway_metrics_endless(r, status)) {
        duration = ngx_http_gateway_duration(r, gr);
        ngx_http_gateway_observe_ns(route->duration, duration);

        if (gr && gr->ids && gr->ids->sampled) {
            ngx_http_gateway_metrics_exemplar(r, gr, route->values, 2,
                                              duration);
        }
    }

    ngx_http_gateway_observe_size(route->received, r->request_length);
    ngx_http_gateway_observe_size(route->sent, r->connection->sent);

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_metrics_module);

    if (mmcf->tops_read || (gr && gr->present)) {
        ngx_http_gateway_metrics_tops_log(r, gr, &mmcf->tops, status);
    }

    if (r->upstream_states) {
        ngx_http_gateway_metrics_upstream_log(r, gr);
    }

    ngx_http_gateway_metrics_nginx_log(r, gr);
}


static ngx_uint_t
ngx_http_gateway_metrics_method(ngx_http_request_t *r)
{
    static const ngx_str_t  query = ngx_string("QUERY");

    switch (r->method) {
    case NGX_HTTP_GET:
        return NGX_HTTP_GATEWAY_METRICS_GET;
    case NGX_HTTP_HEAD:
        return NGX_HTTP_GATEWAY_METRICS_HEAD;
    case NGX_HTTP_POST:
        return NGX_HTTP_GATEWAY_METRICS_POST;
    case NGX_HTTP_PUT:
        return NGX_HTTP_GATEWAY_METRICS_PUT;
    case NGX_HTTP_DELETE:
        return NGX_HTTP_GATEWAY_METRICS_DELETE;
    case NGX_HTTP_CONNECT:
        return NGX_HTTP_GATEWAY_METRICS_CONNECT;
    case NGX_HTTP_OPTIONS:
        return NGX_HTTP_GATEWAY_METRICS_OPTIONS;
    case NGX_HTTP_TRACE:
        return NGX_HTTP_GATEWAY_METRICS_TRACE;
    case NGX_HTTP_PATCH:
        return NGX_HTTP_GATEWAY_METRICS_PATCH;
    default:
        return ngx_http_gateway_same(&r->method_name, &query)
               ? NGX_HTTP_GATEWAY_METRICS_QUERY
               : NGX_HTTP_GATEWAY_METRICS_OTHER;
    }
}


static ngx_uint_t
ngx_http_gateway_metrics_code(ngx_uint_t status)
{
    ngx_uint_t  i;

    i = (status < sizeof(ngx_http_gateway_metrics_code_index))
        ? ngx_http_gateway_metrics_code_index[status] : 0;

    return i ? i - 1
             : NGX_HTTP_GATEWAY_METRICS_CLASSES + ngx_min(status / 100, 9);
}


/* the length of a connection is no duration of a request */

static ngx_uint_t
ngx_http_gateway_metrics_endless(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_str_t  *type;

    static const ngx_str_t  events = ngx_string("text/event-stream");

    type = &r->headers_out.content_type;

    return status == NGX_HTTP_SWITCHING_PROTOCOLS
           || (type->len >= events.len
               && (type->len == events.len || type->data[events.len] == ';'
                   || type->data[events.len] == ' ')
               && ngx_strncasecmp(type->data, events.data, events.len) == 0);
}
