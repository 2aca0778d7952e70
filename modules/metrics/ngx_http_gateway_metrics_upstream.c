/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * upstream_*: tries of upstream servers.
 *
 * r->upstream_states has an element for each try, but does not name the block.
 * A request can use several blocks, one after another, if nginx redirects it:
 * error_page, X-Accel-Redirect.  nginx calls peer.init of a block before its
 * first try.  A wrapper of this function records the block and the number of
 * elements so far.  For an address that is in no block, from a variable, nginx
 * does not call it; but before each block or address except the first, it adds
 * an element without a peer.
 *
 * Tries of subrequests are not counted: their elements belong to the
 * subrequest, for which LOG does not run.
 */

#include "ngx_http_gateway_metrics_upstream.h"


#define NGX_HTTP_GATEWAY_METRICS_NONE  ((ngx_msec_t) -1)


/* in the memory of the request, in order */

typedef struct ngx_http_gateway_metrics_round_s
                                        ngx_http_gateway_metrics_round_t;

struct ngx_http_gateway_metrics_round_s {
    ngx_http_gateway_metrics_group_t   *group;
    ngx_uint_t                          first;      /* element */
    ngx_http_gateway_metrics_round_t   *next;
};


static ngx_int_t ngx_http_gateway_metrics_group_add(ngx_conf_t *cf,
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_upstream_srv_conf_t *block);
static ngx_int_t ngx_http_gateway_metrics_group_label(ngx_conf_t *cf,
    ngx_http_gateway_metrics_group_t *group);
static ngx_int_t ngx_http_gateway_metrics_group_series(ngx_conf_t *cf,
    ngx_http_gateway_metrics_group_t *group);
static int ngx_libc_cdecl ngx_http_gateway_metrics_group_cmp(const void *one,
    const void *two);
static ngx_http_gateway_metrics_group_t *ngx_http_gateway_metrics_group_find(
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_upstream_srv_conf_t *block);
static ngx_int_t ngx_http_gateway_metrics_peer_init(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *block);
static void ngx_http_gateway_metrics_round(ngx_http_request_t *r,
    ngx_http_gateway_metrics_group_t *group);
static void ngx_http_gateway_metrics_try(ngx_http_request_t *r,
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_gateway_metrics_group_t *group,
    const ngx_http_upstream_state_t *state, ngx_uint_t last);
static ngx_uint_t ngx_http_gateway_metrics_no_live(
    const ngx_http_gateway_metrics_group_t *group,
    const ngx_http_upstream_state_t *state);
static ngx_uint_t ngx_http_gateway_metrics_try_code(ngx_http_request_t *r,
    const ngx_http_upstream_state_t *state);
static ngx_uint_t ngx_http_gateway_metrics_stream(ngx_http_request_t *r,
    const ngx_http_upstream_state_t *state, ngx_uint_t last);


static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_connect = {
    "upstream_connect_duration_seconds",
    "Time until an upstream server accepted the connection, 0 for a kept one.",
    "upstream", NGX_HTTP_GATEWAY_METRIC_DURATION
};

static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_header = {
    "upstream_header_duration_seconds",
    "Time until an upstream server sent the response header.",
    "upstream", NGX_HTTP_GATEWAY_METRIC_DURATION
};

static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_response = {
    "upstream_response_duration_seconds",
    "Time until an upstream server sent the last byte of the response.",
    "upstream", NGX_HTTP_GATEWAY_METRIC_DURATION
};

static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_no_live_total =
{
    "upstream_no_live_total",
    "Requests for which no upstream server was available.",
    "upstream", NGX_HTTP_GATEWAY_METRIC_COUNTER
};


/* the series of a group, and where it keeps them */

static const struct {
    const ngx_http_gateway_metric_t  *metric;
    size_t                            offset;
} ngx_http_gateway_metrics_group_metrics[] = {

    { &ngx_http_gateway_metrics_connect,
      offsetof(ngx_http_gateway_metrics_group_t, connect) },

    { &ngx_http_gateway_metrics_header,
      offsetof(ngx_http_gateway_metrics_group_t, header) },

    { &ngx_http_gateway_metrics_response,
      offsetof(ngx_http_gateway_metrics_group_t, response) },

    { &ngx_http_gateway_metrics_no_live_total,
      offsetof(ngx_http_gateway_metrics_group_t, no_live) },
};


static ngx_uint_t  ngx_http_gateway_metrics_rounds;     /* slot */

static ngx_str_t  ngx_http_gateway_metrics_other = ngx_string("other");


ngx_int_t
ngx_http_gateway_metrics_upstream_pre(ngx_conf_t *cf)
{
    return ngx_http_gateway_slot_add(cf, &ngx_http_gateway_metrics_rounds);
}


/* peer.init is set in init_main_conf of nginx's module */

ngx_int_t
ngx_http_gateway_metrics_upstream_init(ngx_conf_t *cf)
{
    ngx_uint_t                              i;
    ngx_http_upstream_srv_conf_t          **block;
    ngx_http_upstream_main_conf_t          *umcf;
    ngx_http_gateway_metrics_group_t       *group;
    ngx_http_gateway_metrics_main_conf_t   *mmcf;
    ngx_http_gateway_metrics_upstreams_t   *upstreams;

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    block = umcf->upstreams.elts;

    upstreams = ngx_pcalloc(cf->pool,
                            sizeof(ngx_http_gateway_metrics_upstreams_t));

    if (upstreams == NULL
        || ngx_array_init(&upstreams->groups, cf->pool,
                          umcf->upstreams.nelts + 1,
                          sizeof(ngx_http_gateway_metrics_group_t))
           != NGX_OK
        || ngx_http_gateway_metrics_group_add(cf, upstreams, NULL) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        if (block[i]->peer.init == NULL) {
            continue;
        }

        if (ngx_http_gateway_metrics_group_add(cf, upstreams, block[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        block[i]->peer.init = ngx_http_gateway_metrics_peer_init;
    }

    ngx_qsort(upstreams->groups.elts, upstreams->groups.nelts,
              sizeof(ngx_http_gateway_metrics_group_t),
              ngx_http_gateway_metrics_group_cmp);

    /* the addresses of groups and series are now final */

    group = upstreams->groups.elts;

    for (i = 0; i < upstreams->groups.nelts; i++) {
        if (ngx_http_gateway_metrics_group_series(cf, &group[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    mmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_metrics_module);
    mmcf->upstreams = upstreams;

    return ngx_http_gateway_metrics_addresses_init(cf, upstreams);
}


static ngx_int_t
ngx_http_gateway_metrics_group_add(ngx_conf_t *cf,
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_upstream_srv_conf_t *block)
{
    ngx_http_gateway_metrics_group_t  *group;

    group = ngx_array_push(&upstreams->groups);
    if (group == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(group, sizeof(ngx_http_gateway_metrics_group_t));

    group->block = block;
    group->init = block ? block->peer.init : NULL;

    return ngx_http_gateway_metrics_group_label(cf, group);
}


/*
 * The name of an "upstream" block; otherwise host and port of "proxy_pass", as
 * in $proxy_host, or "unix:/path".  Two of these can be equal: http://a and
 * https://a.
 */

static ngx_int_t
ngx_http_gateway_metrics_group_label(ngx_conf_t *cf,
    ngx_http_gateway_metrics_group_t *group)
{
    u_char                        *p;
    ngx_uint_t                     local;
    ngx_http_upstream_srv_conf_t  *block;

    block = group->block;

    if (block == NULL) {
        group->label = ngx_http_gateway_metrics_other;
        return NGX_OK;
    }

    local = (block->host.len && block->host.data[0] == '/');

    if (block->srv_conf || (!local && (block->no_port || block->port == 0))) {
        group->label = block->host;
        return NGX_OK;
    }

    p = ngx_pnalloc(cf->pool, block->host.len + sizeof("unix::65535") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    group->label.data = p;

    p = local ? ngx_sprintf(p, "unix:%V", &block->host)
              : ngx_sprintf(p, "%V:%d", &block->host, (int) block->port);

    group->label.len = p - group->label.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_group_series(ngx_conf_t *cf,
    ngx_http_gateway_metrics_group_t *group)
{
    ngx_uint_t                    i, n;
    ngx_http_gateway_series_t   **series;

    n = sizeof(ngx_http_gateway_metrics_group_metrics)
        / sizeof(ngx_http_gateway_metrics_group_metrics[0]);

    for (i = 0; i < n; i++) {

        series = (ngx_http_gateway_series_t **)
            ((u_char *) group
             + ngx_http_gateway_metrics_group_metrics[i].offset);

        if (ngx_http_gateway_series_add(cf,
                               ngx_http_gateway_metrics_group_metrics[i].metric,
                               &group->label, series)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_gateway_metrics_group_cmp(const void *one, const void *two)
{
    const ngx_http_gateway_metrics_group_t  *a = one;
    const ngx_http_gateway_metrics_group_t  *b = two;

    return ((uintptr_t) a->block > (uintptr_t) b->block)
           - ((uintptr_t) a->block < (uintptr_t) b->block);
}


static ngx_http_gateway_metrics_group_t *
ngx_http_gateway_metrics_group_find(
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_upstream_srv_conf_t *block)
{
    ngx_uint_t                         low, high, i;
    ngx_http_gateway_metrics_group_t  *group;

    group = upstreams->groups.elts;
    low = 0;
    high = upstreams->groups.nelts - 1;

    while (low < high) {
        i = (low + high) / 2;

        if ((uintptr_t) group[i].block < (uintptr_t) block) {
            low = i + 1;

        } else {
            high = i;
        }
    }

    return &group[low];
}


/* nginx calls this only for a block whose peer.init was replaced */

static ngx_int_t
ngx_http_gateway_metrics_peer_init(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *block)
{
    ngx_http_gateway_metrics_group_t      *group;
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_metrics_module);

    group = ngx_http_gateway_metrics_group_find(mmcf->upstreams, block);

    if (r == r->main) {
        ngx_http_gateway_metrics_round(r, group);
    }

    return group->init(r, block);
}


/* without memory, the tries are counted for "other" */

static void
ngx_http_gateway_metrics_round(ngx_http_request_t *r,
    ngx_http_gateway_metrics_group_t *group)
{
    ngx_http_gateway_request_t        *gr;
    ngx_http_gateway_metrics_round_t  *round, *last;

    gr = ngx_http_gateway_request_get(r);
    round = ngx_palloc(r->pool, sizeof(ngx_http_gateway_metrics_round_t));

    if (gr == NULL || round == NULL) {
        return;
    }

    round->group = group;
    round->first = r->upstream_states ? r->upstream_states->nelts : 0;
    round->next = NULL;

    last = ngx_http_gateway_slot(gr, ngx_http_gateway_metrics_rounds);

    if (last == NULL) {
        ngx_http_gateway_slot(gr, ngx_http_gateway_metrics_rounds) = round;
        return;
    }

    while (last->next) {
        last = last->next;
    }

    last->next = round;
}


void
ngx_http_gateway_metrics_upstream_log(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    ngx_uint_t                             i, n;
    ngx_http_upstream_state_t             *state;
    ngx_http_gateway_metrics_group_t      *none, *group;
    ngx_http_gateway_metrics_round_t      *round;
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    if (r->upstream_states == NULL) {
        return;
    }

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_metrics_module);

    round = gr ? ngx_http_gateway_slot(gr, ngx_http_gateway_metrics_rounds)
               : NULL;
    none = mmcf->upstreams->groups.elts;
    group = none;

    state = r->upstream_states->elts;
    n = r->upstream_states->nelts;

    for (i = 0; i < n; i++) {

        if (state[i].peer == NULL) {
            group = none;
            continue;
        }

        while (round && round->first <= i) {
            group = round->group;
            round = round->next;
        }

        ngx_http_gateway_metrics_try(r, mmcf->upstreams, group, &state[i],
                                     i == n - 1);
    }
}


/*
 * Durations count what was reached: a refused connection has none, and a server
 * that sent no header has only that of its connection.  nginx's clock has
 * milliseconds.
 */

static void
ngx_http_gateway_metrics_try(ngx_http_request_t *r,
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_gateway_metrics_group_t *group,
    const ngx_http_upstream_state_t *state, ngx_uint_t last)
{
    ngx_http_gateway_metrics_try_t  try;

    if (ngx_http_gateway_metrics_no_live(group, state)) {
        ngx_http_gateway_add(group->no_live, 1);
        return;
    }

    try.code = ngx_http_gateway_metrics_try_code(r, state);
    try.sent = state->bytes_sent;
    try.received = state->bytes_received;

    ngx_http_gateway_metrics_address_count(upstreams, group, state->peer,
                                           &try);

    if (ngx_http_gateway_metrics_stream(r, state, last)) {
        return;
    }

    if (state->connect_time != NGX_HTTP_GATEWAY_METRICS_NONE) {
        ngx_http_gateway_observe_ns(group->connect,
                                    (uint64_t) state->connect_time * 1000000);
    }

    if (state->header_time != NGX_HTTP_GATEWAY_METRICS_NONE) {
        ngx_http_gateway_observe_ns(group->header,
                                    (uint64_t) state->header_time * 1000000);

        if (state->response_time != NGX_HTTP_GATEWAY_METRICS_NONE) {
            ngx_http_gateway_observe_ns(group->response,
                                  (uint64_t) state->response_time * 1000000);
        }
    }
}


/* then the peer's name is that of the block, and nothing was sent */

static ngx_uint_t
ngx_http_gateway_metrics_no_live(const ngx_http_gateway_metrics_group_t *group,
    const ngx_http_upstream_state_t *state)
{
    return group->block
           && state->connect_time == NGX_HTTP_GATEWAY_METRICS_NONE
           && state->header_time == NGX_HTTP_GATEWAY_METRICS_NONE
           && ngx_http_gateway_same(state->peer, &group->block->host);
}


/*
 * With a header, the status is that of the server.  Otherwise it is that of
 * nginx: 502 or 504, or 0 if nginx gave up because of the client.
 */

static ngx_uint_t
ngx_http_gateway_metrics_try_code(ngx_http_request_t *r,
    const ngx_http_upstream_state_t *state)
{
    if (state->header_time != NGX_HTTP_GATEWAY_METRICS_NONE) {
        return ngx_http_gateway_metrics_status(state->status);
    }

    if (state->status == 0
        && r->headers_out.status != NGX_HTTP_INTERNAL_SERVER_ERROR)
    {
        return ngx_http_gateway_metrics_failure(
                                          NGX_HTTP_GATEWAY_METRICS_ABORTED);
    }

    return ngx_http_gateway_metrics_failure(
               state->connect_time == NGX_HTTP_GATEWAY_METRICS_NONE
               ? NGX_HTTP_GATEWAY_METRICS_CONNECT
               : NGX_HTTP_GATEWAY_METRICS_HEADER);
}


/* responses without an end: WebSocket and other upgrades, server-sent events */

static ngx_uint_t
ngx_http_gateway_metrics_stream(ngx_http_request_t *r,
    const ngx_http_upstream_state_t *state, ngx_uint_t last)
{
    static ngx_str_t  events = ngx_string("text/event-stream");

    ngx_str_t  *type;

    if (state->status == NGX_HTTP_SWITCHING_PROTOCOLS) {
        return 1;
    }

    type = &r->headers_out.content_type;

    return last
           && type->len >= events.len
           && ngx_strncasecmp(type->data, events.data, events.len) == 0
           && (type->len == events.len || type->data[events.len] == ';'
               || type->data[events.len] == ' ');
}
