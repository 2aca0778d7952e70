/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Header fields of responses to requests that limits have decided on.
 *
 * "legacy" shows one limit, "ietf" (draft-ietf-httpapi-ratelimit-headers-11)
 * shows all.  The limit is shown as the units that an idle key has.  For a rate
 * these are burst + 1, and the window is the time in which they become
 * available again.
 */

#include "ngx_http_gateway_limit.h"


#define NGX_HTTP_GATEWAY_LIMIT_ITEM  128    /* bytes, names not counted */


static ngx_int_t ngx_http_gateway_limit_header_filter(ngx_http_request_t *r);
static double ngx_http_gateway_limit_left(
    const ngx_http_gateway_limit_item_t *item);
static void ngx_http_gateway_limit_clear_upstream(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_limit_legacy(ngx_http_request_t *r,
    const ngx_http_gateway_limit_item_t *item);
static ngx_int_t ngx_http_gateway_limit_ietf(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx);
static void ngx_http_gateway_limit_ietf_items(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_uint_t refused, ngx_str_t *policy,
    ngx_str_t *state);
static void ngx_http_gateway_limit_ietf_item(
    const ngx_http_gateway_limit_item_t *item, ngx_str_t *policy,
    ngx_str_t *state);
static u_char *ngx_http_gateway_limit_quoted(u_char *p, const ngx_str_t *name);
static u_char *ngx_http_gateway_limit_parameter(u_char *p, u_char name,
    uint64_t value);
static uint64_t ngx_http_gateway_limit_length(
    const ngx_http_gateway_limit_item_t *item);


typedef enum {
    NGX_HTTP_GATEWAY_LIMIT_FIELD_LIMIT = 0,
    NGX_HTTP_GATEWAY_LIMIT_FIELD_REMAINING,
    NGX_HTTP_GATEWAY_LIMIT_FIELD_RESET,
    NGX_HTTP_GATEWAY_LIMIT_FIELD_POLICY,
    NGX_HTTP_GATEWAY_LIMIT_FIELD_STATE,
    NGX_HTTP_GATEWAY_LIMIT_FIELDS
} ngx_http_gateway_limit_field_e;


static const ngx_str_t
    ngx_http_gateway_limit_fields[NGX_HTTP_GATEWAY_LIMIT_FIELDS] =
{
    ngx_string("X-RateLimit-Limit"),
    ngx_string("X-RateLimit-Remaining"),
    ngx_string("X-RateLimit-Reset"),
    ngx_string("RateLimit-Policy"),
    ngx_string("RateLimit")
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_int_t
ngx_http_gateway_limit_header_filter(ngx_http_request_t *r)
{
    ngx_uint_t                                headers;
    ngx_http_gateway_request_t               *gr;
    ngx_http_gateway_limit_ctx_t             *ctx;
    ngx_http_gateway_limit_item_t            *item;
    const ngx_http_gateway_limit_loc_conf_t  *llcf;

    gr = (r == r->main) ? ngx_http_gateway_request(r) : NULL;
    ctx = ngx_http_gateway_limit_part(gr);

    if (ctx == NULL) {
        return ngx_http_next_header_filter(r);
    }

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);
    headers = llcf->headers & ~(ngx_uint_t) NGX_HTTP_GATEWAY_LIMIT_OFF;

    if (headers == 0) {
        return ngx_http_next_header_filter(r);
    }

    item = ngx_http_gateway_limit_shown(ctx, 0);

    if (item == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (r->upstream) {
        ngx_http_gateway_limit_clear_upstream(r);
    }

    if ((headers & NGX_HTTP_GATEWAY_LIMIT_LEGACY)
        && ngx_http_gateway_limit_legacy(r, item) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((headers & NGX_HTTP_GATEWAY_LIMIT_IETF)
        && ngx_http_gateway_limit_ietf(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* an upstream server may send the same fields, for limits of its own */

static void
ngx_http_gateway_limit_clear_upstream(ngx_http_request_t *r)
{
    ngx_uint_t        i, k;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;
    const ngx_str_t  *name;

    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        for (k = 0; k < NGX_HTTP_GATEWAY_LIMIT_FIELDS; k++) {
            name = &ngx_http_gateway_limit_fields[k];

            if (h[i].key.len == name->len
                && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0)
            {
                h[i].hash = 0;
            }
        }
    }
}


ngx_uint_t
ngx_http_gateway_limit_told(const ngx_http_gateway_limit_item_t *item)
{
    return item->decided && !item->dry_run && !item->unavailable
           && item->source != NGX_HTTP_GATEWAY_LIMIT_FROM_OPEN
           && item->source != NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED;
}


/* the limit that refused first, else the one with the smallest share left */

ngx_http_gateway_limit_item_t *
ngx_http_gateway_limit_shown(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_uint_t hidden)
{
    double                           share, least;
    ngx_uint_t                       i;
    ngx_http_gateway_limit_item_t   *item, *shown;
    ngx_http_gateway_limit_batch_t  *batch;

    shown = NULL;
    least = 2;

    for (batch = ctx->batches; batch; batch = batch->next) {

        if (batch->refused
            && (hidden || ngx_http_gateway_limit_told(batch->refused)))
        {
            return batch->refused;
        }

        for (i = 0; i < batch->n; i++) {
            item = &batch->items[i];

            if (!item->decided
                || !(hidden || ngx_http_gateway_limit_told(item)))
            {
                continue;
            }

            if (batch->n == 1 && batch->next == NULL && shown == NULL) {
                return item;    /* the common case: nothing to compare */
            }

            share = ngx_http_gateway_limit_left(item);

            /* of equal shares the oldest batch is shown, which comes last */

            if (share < least || (share == least && i == 0)) {
                least = share;
                shown = item;
            }
        }
    }

    return shown;
}


/* the share that is left; it is unknown if on_error= was "open" */

static double
ngx_http_gateway_limit_left(const ngx_http_gateway_limit_item_t *item)
{
    if (item->refused) {
        return -1;
    }

    if (item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_OPEN) {
        return 1.5;
    }

    return item->figures.capacity
           ? (double) item->result.remaining / item->figures.capacity : 0;
}


uint64_t
ngx_http_gateway_limit_sec(uint64_t ns)
{
    return ns / GW_LIMIT_SEC + (ns % GW_LIMIT_SEC > 0);
}


static ngx_int_t
ngx_http_gateway_limit_legacy(ngx_http_request_t *r,
    const ngx_http_gateway_limit_item_t *item)
{
    u_char      *p, *start;
    uint64_t     value[3];
    ngx_uint_t   i;

    p = ngx_pnalloc(r->pool, 3 * GW_TEXT_DECIMAL);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value[NGX_HTTP_GATEWAY_LIMIT_FIELD_LIMIT] = item->figures.capacity;
    value[NGX_HTTP_GATEWAY_LIMIT_FIELD_REMAINING] = item->result.remaining;
    value[NGX_HTTP_GATEWAY_LIMIT_FIELD_RESET] =
                               ngx_http_gateway_limit_sec(item->result.reset);

    for (i = 0; i < 3; i++) {
        start = p;
        p = gw_text_decimal(p, value[i]);

        if (ngx_http_gateway_limit_push(r, &ngx_http_gateway_limit_fields[i],
                                        start, p - start)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * RateLimit-Policy: "api";q=201;w=3 and RateLimit: "api";r=200;t=1, items of
 * a List (RFC 9651, 3.1).
 */

static ngx_int_t
ngx_http_gateway_limit_ietf(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx)
{
    size_t                           size;
    ngx_str_t                        policy, state;
    ngx_uint_t                       i;
    ngx_http_gateway_limit_batch_t  *batch;

    size = 0;

    for (batch = ctx->batches; batch; batch = batch->next) {
        for (i = 0; i < batch->n; i++) {
            size += batch->items[i].zone->name.len
                    + NGX_HTTP_GATEWAY_LIMIT_ITEM;
        }
    }

    policy.len = 0;
    policy.data = ngx_pnalloc(r->pool, 2 * size);
    if (policy.data == NULL) {
        return NGX_ERROR;
    }

    state.len = 0;
    state.data = policy.data + size;

    /* the refusing limit first: clients may read only the first item */

    ngx_http_gateway_limit_ietf_items(ctx, 1, &policy, &state);
    ngx_http_gateway_limit_ietf_items(ctx, 0, &policy, &state);

    if (ngx_http_gateway_limit_push(r,
            &ngx_http_gateway_limit_fields[NGX_HTTP_GATEWAY_LIMIT_FIELD_POLICY],
            policy.data, policy.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_limit_push(r,
            &ngx_http_gateway_limit_fields[NGX_HTTP_GATEWAY_LIMIT_FIELD_STATE],
            state.data, state.len);
}


static void
ngx_http_gateway_limit_ietf_items(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_uint_t refused, ngx_str_t *policy, ngx_str_t *state)
{
    ngx_uint_t                       i;
    ngx_http_gateway_limit_item_t   *item;
    ngx_http_gateway_limit_batch_t  *batch;

    for (batch = ctx->batches; batch; batch = batch->next) {
        for (i = 0; i < batch->n; i++) {
            item = &batch->items[i];

            if (ngx_http_gateway_limit_told(item)
                && (item == batch->refused) == refused)
            {
                ngx_http_gateway_limit_ietf_item(item, policy, state);
            }
        }
    }
}


static void
ngx_http_gateway_limit_ietf_item(const ngx_http_gateway_limit_item_t *item,
    ngx_str_t *policy, ngx_str_t *state)
{
    u_char    *p, *s;
    uint64_t   reset;

    p = policy->data + policy->len;
    s = state->data + state->len;

    if (policy->len) {
        p = ngx_cpymem(p, ", ", 2);
        s = ngx_cpymem(s, ", ", 2);
    }

    p = ngx_http_gateway_limit_quoted(p, &item->zone->name);
    s = ngx_http_gateway_limit_quoted(s, &item->zone->name);

    p = ngx_http_gateway_limit_parameter(p, 'q', item->figures.capacity);
    s = ngx_http_gateway_limit_parameter(s, 'r', item->result.remaining);

    if (item->figures.algorithm == GW_LIMIT_CONCURRENCY) {
        p = ngx_cpymem(p, ";qu=\"concurrent-requests\"",
                       sizeof(";qu=\"concurrent-requests\"") - 1);

    } else if (item->figures.amount) {
        p = ngx_http_gateway_limit_parameter(p, 'w',
                                          ngx_http_gateway_limit_length(item));

        /* must not be later than Retry-After */

        reset = (item->refused && item->result.wait != GW_LIMIT_NEVER)
                ? item->result.wait : item->result.reset;

        s = ngx_http_gateway_limit_parameter(s, 't',
                                           ngx_http_gateway_limit_sec(reset));
    }

    policy->len = p - policy->data;
    state->len = s - state->data;
}


/* RFC 9651: a String (names of zones need no escaping), and a parameter */

static u_char *
ngx_http_gateway_limit_quoted(u_char *p, const ngx_str_t *name)
{
    *p++ = '"';
    p = ngx_cpymem(p, name->data, name->len);
    *p++ = '"';

    return p;
}


static u_char *
ngx_http_gateway_limit_parameter(u_char *p, u_char name, uint64_t value)
{
    *p++ = ';';
    *p++ = name;
    *p++ = '=';

    return gw_text_decimal(p, value);
}


/* the window of the policy, in seconds */

static uint64_t
ngx_http_gateway_limit_length(const ngx_http_gateway_limit_item_t *item)
{
    const gw_limit_t  *limit;

    limit = &item->figures;

    return (limit->algorithm == GW_LIMIT_GCRA)
           ? ngx_http_gateway_limit_sec(limit->interval * limit->capacity)
           : ngx_http_gateway_limit_sec(limit->end - limit->start);
}


ngx_int_t
ngx_http_gateway_limit_push(ngx_http_request_t *r, const ngx_str_t *name,
    u_char *value, size_t len)
{
    ngx_str_t  text;

    text.data = value;
    text.len = len;

    return ngx_http_gateway_header_respond(r, name, &text);
}


ngx_int_t
ngx_http_gateway_limit_header_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_limit_header_filter;

    return NGX_OK;
}
