/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The module that t/faults/cache_store.t adds to a copy of the project to drive
 * the store of the cache.  The first letter of the path selects the operation.
 */

#include "ngx_http_gateway.h"
#include "ngx_http_gateway_cache_store.h"
#include "gw_cache_shard.h"


typedef struct {
    ngx_array_t                     zones;      /* cache_zone_t */
} ngx_http_gateway_cache_conf_t;


typedef struct {
    ngx_http_gateway_cache_zone_t  *zone;
    gw_cache_user_t                *user;
    gw_cache_hit_t                  hit;
    gw_cache_key_t                  key;
    gw_cache_labels_t               labels;
    gw_cache_content_t              content;
} ngx_http_gateway_cache_ctx_t;


static char *ngx_http_gateway_cache_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_cache_drive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_gateway_cache_create(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_cache_start(ngx_cycle_t *cycle);
static void ngx_http_gateway_cache_exit(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_gateway_cache_commands[] = {

    { ngx_string("gateway_cache_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_gateway_cache_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_drive"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_cache_drive,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_cache_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_gateway_cache_create,         /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_cache_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_cache_module_ctx,    /* module context */
    ngx_http_gateway_cache_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_cache_start,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_gateway_cache_exit,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_gateway_cache_say(ngx_http_request_t *r, ngx_str_t *text,
    ngx_chain_t *out, off_t len)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  cl;

    if (out == NULL) {
        b = ngx_create_temp_buf(r->pool, text->len + 1);
        b->last = ngx_cpymem(b->pos, text->data, text->len);
        b->last_buf = 1;
        cl.buf = b;
        cl.next = NULL;
        out = &cl;
        len = text->len;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = len;

    rc = ngx_http_send_header(r);

    return (rc == NGX_OK) ? ngx_http_output_filter(r, out) : rc;
}


static void
ngx_http_gateway_cache_unpin(void *data)
{
    ngx_http_gateway_cache_ctx_t *ctx = data;

    gw_cache_unpin(ctx->user, &ctx->hit);
}


/* sends the parts of the body from shared memory, without a copy */

static ngx_int_t
ngx_http_gateway_cache_get(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    uint32_t              at;
    ngx_buf_t            *b;
    ngx_chain_t          *out, **last;
    gw_text_t             part;
    ngx_pool_cleanup_t   *cln;

    static ngx_str_t  miss = ngx_string("miss");

    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (!gw_cache_find(ctx->user, &ctx->key, ngx_http_gateway_cache_now(),
                       &ctx->hit))
    {
        ngx_http_gateway_cache_zone_count(ctx->zone,
                                          NGX_HTTP_GATEWAY_CACHE_MISS);
        return ngx_http_gateway_cache_say(r, &miss, NULL, 0);
    }

    ngx_http_gateway_cache_zone_count(ctx->zone, NGX_HTTP_GATEWAY_CACHE_HIT);

    cln->handler = ngx_http_gateway_cache_unpin;
    cln->data = ctx;

    at = 0;
    last = &out;
    b = NULL;

    while (gw_cache_body(ctx->user, &ctx->hit, &at, &part)) {
        b = ngx_calloc_buf(r->pool);
        b->pos = (u_char *) part.data;
        b->last = b->pos + part.len;
        b->memory = 1;

        *last = ngx_alloc_chain_link(r->pool);
        (*last)->buf = b;
        last = &(*last)->next;
    }

    *last = NULL;
    b->last_buf = 1;

    return ngx_http_gateway_cache_say(r, NULL, out, ctx->hit.length);
}


/* stores a letter "n" times; with "die" kills the worker before the commit */

static ngx_int_t
ngx_http_gateway_cache_put(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    u_char            data[1000];
    uint64_t          now;
    ngx_int_t         n;
    ngx_str_t         len, letter, die;
    gw_cache_fill_t   fill;

    static ngx_str_t  said[] = { ngx_string("stored"), ngx_string("failed"),
                                 ngx_string("busy") };

    (void) ngx_http_arg(r, (u_char *) "n", 1, &len);
    (void) ngx_http_arg(r, (u_char *) "c", 1, &letter);

    now = ngx_http_gateway_cache_now();
    ngx_memset(data, letter.data[0], sizeof(data));

    if (gw_cache_begin(ctx->user, &ctx->key, &ctx->labels, 0, now, &fill)
        != GW_CACHE_FILL)
    {
        return ngx_http_gateway_cache_say(r, &said[2], NULL, 0);
    }

    ctx->content.keep = now + 3600000;
    n = ngx_atoi(len.data, len.len);

    if (!gw_cache_open(ctx->user, &fill, &ctx->key, &ctx->labels,
                       &ctx->content, n, now))
    {
        gw_cache_abort(ctx->user, &fill);
        return ngx_http_gateway_cache_say(r, &said[1], NULL, 0);
    }

    for (/* void */; n > 0; n -= sizeof(data)) {
        (void) gw_cache_append(ctx->user, &fill, data,
                               ngx_min((size_t) n, sizeof(data)), now);
    }

    if (ngx_http_arg(r, (u_char *) "die", 3, &die) == NGX_OK) {
        (void) kill(ngx_pid, SIGKILL);
    }

    n = gw_cache_commit(ctx->user, &fill);

    return ngx_http_gateway_cache_say(r, &said[n ? 0 : 1], NULL, 0);
}


static ngx_int_t
ngx_http_gateway_cache_stats(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_str_t        text;
    gw_cache_stat_t  stat;

    text.data = ngx_pnalloc(r->pool, 512);

    ngx_http_gateway_cache_zone_stat(ctx->zone, &stat);

    text.len = ngx_sprintf(text.data, "shards:%ui entries:%uL bytes:%uL "
                           "pins:%uL fills:%uL repairs:%uL hits:%uL",
                           ctx->zone->shards, stat.entries, stat.bytes,
                           stat.pins, stat.fills, stat.repairs,
                           ngx_http_gateway_counter_sum(
                           ctx->zone->counters[NGX_HTTP_GATEWAY_CACHE_HIT]))
               - text.data;

    return ngx_http_gateway_cache_say(r, &text, NULL, 0);
}


static ngx_int_t
ngx_http_gateway_cache_purge(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_str_t  text, host;

    ngx_str_set(&host, "h");
    text.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    text.len = ngx_sprintf(text.data, "%ui",
                           ngx_http_gateway_cache_zone_purge(ctx->zone,
                                         GW_CACHE_BY_HOST, &host, 0))
               - text.data;

    return ngx_http_gateway_cache_say(r, &text, NULL, 0);
}


static ngx_int_t
ngx_http_gateway_cache_handler(ngx_http_request_t *r)
{
    ngx_str_t                       key;
    ngx_http_gateway_cache_ctx_t   *ctx;
    ngx_http_gateway_cache_conf_t  *conf;

    conf = ngx_http_get_module_main_conf(r, ngx_http_gateway_cache_module);

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_cache_ctx_t));
    ctx->zone = conf->zones.elts;

    if (ngx_http_arg(r, (u_char *) "k", 1, &key) != NGX_OK) {
        ngx_str_set(&key, "none");
    }

    ctx->key.text.data = key.data;
    ctx->key.text.len = key.len;
    ctx->user = ngx_http_gateway_cache_zone_user(ctx->zone, &ctx->key);
    ctx->labels.url = ctx->key.text;
    ctx->labels.path = key.len;
    ctx->labels.host.data = (u_char *) "h";
    ctx->labels.host.len = 1;

    switch (r->uri.data[1]) {

    case 'g':
        return ngx_http_gateway_cache_get(r, ctx);

    case 'p':
        return ngx_http_gateway_cache_put(r, ctx);

    case 'x':
        return ngx_http_gateway_cache_purge(r, ctx);

    case 'd': /* kill the worker while it holds the lock, in mid-change */
        ctx->user->lock(ctx->user->data);
        ((gw_cache_t *) ctx->user->cache)->dirty = 1;
        (void) kill(ngx_pid, SIGKILL);
    }

    return ngx_http_gateway_cache_stats(r, ctx);
}


static char *
ngx_http_gateway_cache_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_conf_t *ccf = conf;

    ngx_str_t                      *value;
    ngx_http_gateway_cache_zone_t  *zone;

    value = cf->args->elts;

    zone = ngx_array_push(&ccf->zones);
    ngx_memzero(zone, sizeof(ngx_http_gateway_cache_zone_t));

    zone->zone.name = value[1];
    zone->zone.size = ngx_parse_size(&value[2]);
    zone->max_object = 1024 * 1024;

    return (ngx_http_gateway_cache_zone_add(cf, zone) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_cache_drive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_gateway_cache_handler;

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_cache_create(ngx_conf_t *cf)
{
    ngx_http_gateway_cache_conf_t  *ccf;

    ccf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_cache_conf_t));

    /* the store keeps pointers to zones, so the array must not grow above 4 */

    return (ngx_array_init(&ccf->zones, cf->pool, 4,
                           sizeof(ngx_http_gateway_cache_zone_t))
            == NGX_OK) ? ccf : NULL;
}


static ngx_int_t
ngx_http_gateway_cache_start(ngx_cycle_t *cycle)
{
    ngx_uint_t                      i;
    ngx_http_gateway_cache_conf_t  *ccf;
    ngx_http_gateway_cache_zone_t  *zone;

    ccf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_gateway_cache_module);
    zone = ccf->zones.elts;

    for (i = 0; i < ccf->zones.nelts; i++) {
        ngx_http_gateway_cache_zone_start(&zone[i]);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_cache_exit(ngx_cycle_t *cycle)
{
    ngx_uint_t                      i;
    ngx_http_gateway_cache_conf_t  *ccf;
    ngx_http_gateway_cache_zone_t  *zone;

    ccf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_gateway_cache_module);
    zone = ccf->zones.elts;

    for (i = 0; i < ccf->zones.nelts; i++) {
        ngx_http_gateway_cache_zone_stop(&zone[i]);
    }
}
