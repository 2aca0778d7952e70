/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Calls of the scripts: keys, arguments, and the integers of replies.
 */

#include "ngx_http_gateway_limit_redis.h"


/* the algorithms in the scripts and in keys, by gw_limit_algorithm_e */

static const u_char  ngx_http_gateway_limit_kinds[] = {
    [GW_LIMIT_GCRA] = NGX_HTTP_GATEWAY_LIMIT_SCRIPT_GCRA,
    [GW_LIMIT_SLIDING] = NGX_HTTP_GATEWAY_LIMIT_SCRIPT_SLIDING,
    [GW_LIMIT_FIXED] = NGX_HTTP_GATEWAY_LIMIT_SCRIPT_FIXED
};

/* concurrency is not counted in Redis */

_Static_assert(sizeof(ngx_http_gateway_limit_kinds) == GW_LIMIT_CONCURRENCY,
               "each algorithm needs a byte");

/* units of windows in keys, by gw_figure_unit_e */

static const u_char  ngx_http_gateway_limit_units[] = {
    [GW_FIGURE_SECOND] = 's',
    [GW_FIGURE_MINUTE] = 'm',
    [GW_FIGURE_HOUR] = 'h',
    [GW_FIGURE_DAY] = 'd',
    [GW_FIGURE_WEEK] = 'w',
    [GW_FIGURE_MONTH] = 'M'
};

_Static_assert(sizeof(ngx_http_gateway_limit_units) == GW_FIGURE_UNITS,
               "each unit needs a letter");


static void ngx_http_gateway_limit_redis_free(void *data);
static ngx_int_t ngx_http_gateway_limit_redis_subject(ngx_http_request_t *r,
    u_char *p, const ngx_str_t *prefix, const ngx_str_t *key);
static void ngx_http_gateway_limit_redis_number(ngx_str_t *arg, u_char **p,
    uint64_t number);


ngx_int_t
ngx_http_gateway_limit_redis_init(ngx_conf_t *cf,
    ngx_http_gateway_limit_main_conf_t *lmcf)
{
    ngx_pool_cleanup_t  *cln;

    if (ngx_http_gateway_redis_script(cf,
                                      &ngx_http_gateway_limit_decide_script)
        != NGX_OK
        || ngx_http_gateway_redis_script(cf,
                                      &ngx_http_gateway_limit_change_script)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_limit_redis_free;
    cln->data = lmcf;

    /* fetch the algorithm once, not for each request */

    lmcf->clean = EVP_MD_CTX_new();
    lmcf->work = EVP_MD_CTX_new();

    if (lmcf->clean == NULL || lmcf->work == NULL
        || !EVP_DigestInit_ex(lmcf->clean, EVP_sha256(), NULL))
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "EVP_DigestInit_ex(SHA-256) failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_gateway_limit_redis_free(void *data)
{
    ngx_http_gateway_limit_main_conf_t *lmcf = data;

    EVP_MD_CTX_free(lmcf->clean);
    EVP_MD_CTX_free(lmcf->work);
}


/*
 * prefix:{digest of the key}:zone:algorithm and unit.  The hash tag puts all
 * limits with the same key into one hash slot of a Redis Cluster.  The digest
 * has a fixed length and no braces, whatever the key is.  Another algorithm or
 * unit is another key, since the states differ.
 */

ngx_int_t
ngx_http_gateway_limit_redis_key(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item,
    const ngx_http_gateway_limit_item_t *like)
{
    u_char     *p;
    size_t      subject;
    ngx_str_t  *prefix;

    if (item->redis_key.len) {
        return NGX_OK;
    }

    prefix = ngx_http_gateway_redis_prefix(item->zone->redis);
    subject = prefix->len + sizeof(":{}:") - 1 + 32;

    p = ngx_pnalloc(r->pool, subject + item->zone->name.len
                             + sizeof(":gs") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (like && like->redis_key.len && like->zone->redis == item->zone->redis
        && ngx_http_gateway_same(&like->key, &item->key))
    {
        ngx_memcpy(p, like->redis_key.data, subject);

    } else if (ngx_http_gateway_limit_redis_subject(r, p, prefix, &item->key)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    item->redis_key.data = p;

    p += subject;
    p = ngx_cpymem(p, item->zone->name.data, item->zone->name.len);
    *p++ = ':';
    *p++ = ngx_http_gateway_limit_kinds[item->figures.algorithm];

    if (item->figures.algorithm != GW_LIMIT_GCRA) {
        *p++ = ngx_http_gateway_limit_units[item->figures.unit];
    }

    item->redis_key.len = p - item->redis_key.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_limit_redis_subject(ngx_http_request_t *r, u_char *p,
    const ngx_str_t *prefix, const ngx_str_t *key)
{
    u_char                               digest[EVP_MAX_MD_SIZE];
    ngx_http_gateway_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_limit_module);

    if (!EVP_MD_CTX_copy_ex(lmcf->work, lmcf->clean)
        || !EVP_DigestUpdate(lmcf->work, key->data, key->len)
        || !EVP_DigestFinal_ex(lmcf->work, digest, NULL))
    {
        ngx_ssl_error(NGX_LOG_ERR, r->connection->log, 0, "SHA-256 failed");
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, prefix->data, prefix->len);
    p = ngx_cpymem(p, ":{", 2);
    p = ngx_hex_dump(p, digest, 16);
    ngx_memcpy(p, "}:", 2);

    return NGX_OK;
}


ngx_http_gateway_redis_status_e
ngx_http_gateway_limit_redis_change(ngx_atomic_uint_t client,
    ngx_http_gateway_limit_item_t *item, ngx_http_gateway_limit_script_e mode,
    uint64_t units, ngx_http_gateway_redis_pt handler, void *data,
    ngx_http_gateway_redis_call_t **handle)
{
    u_char  *p, word[1];
    u_char       text[(2 + NGX_HTTP_GATEWAY_LIMIT_ARGS) * GW_TEXT_DECIMAL];
    ngx_str_t    args[4 + NGX_HTTP_GATEWAY_LIMIT_ARGS];
    ngx_uint_t   last;

    p = text;
    word[0] = (u_char) mode;
    last = 3 + NGX_HTTP_GATEWAY_LIMIT_ARGS;

    args[0] = item->redis_key;
    args[1].data = word;
    args[1].len = 1;

    ngx_http_gateway_limit_redis_args(&args[2], &p, item,
                                      NGX_HTTP_GATEWAY_LIMIT_SCRIPT_CHARGE,
                                      units);
    ngx_http_gateway_limit_redis_number(&args[last - 1], &p,
                                        item->result.window);
    ngx_http_gateway_limit_redis_number(&args[last], &p, item->result.least);

    return ngx_http_gateway_redis_call(item->zone->redis,
                                       &ngx_http_gateway_limit_change_script,
                                       1, args, last + 1, client, handler,
                                       data, handle);
}


void
ngx_http_gateway_limit_redis_args(ngx_str_t *args, u_char **p,
    const ngx_http_gateway_limit_item_t *item,
    ngx_http_gateway_limit_script_e mode, uint64_t units)
{
    uint64_t           start;
    const gw_limit_t  *limit;

    limit = &item->figures;
    start = 0;

    args[0].data = *p;
    *(*p)++ = ngx_http_gateway_limit_kinds[limit->algorithm];

    if (mode != NGX_HTTP_GATEWAY_LIMIT_SCRIPT_CHARGE) {
        *(*p)++ = (u_char) mode;
    }

    args[0].len = *p - args[0].data;

    switch (limit->algorithm) {

    case GW_LIMIT_GCRA:

        ngx_http_gateway_limit_redis_number(&args[1], p,
                             ngx_http_gateway_limit_usec(limit->interval));
        ngx_http_gateway_limit_redis_number(&args[2], p, limit->capacity);
        ngx_http_gateway_limit_redis_number(&args[3], p, units);
        ngx_http_gateway_limit_redis_number(&args[4], p, limit->most / 1000);
        break;

    case GW_LIMIT_SLIDING:
        ngx_http_gateway_limit_redis_number(&args[1], p, limit->capacity);
        ngx_http_gateway_limit_redis_number(&args[2], p,
                                      (limit->end - limit->start) / 1000);
        ngx_http_gateway_limit_redis_number(&args[3], p, units);
        ngx_http_gateway_limit_redis_number(&args[4], p, 0);
        break;

    default: /* GW_LIMIT_FIXED */

        ngx_http_gateway_limit_redis_number(&args[1], p, limit->capacity);
        ngx_http_gateway_limit_redis_number(&args[2], p, limit->end / 1000);
        ngx_http_gateway_limit_redis_number(&args[3], p, units);

        if (item->zone->figure->kind == GW_FIGURE_QUOTA) {
            start = limit->start / 1000;
            ngx_http_gateway_limit_redis_number(&args[4], p,
                                                limit->next / 1000);

        } else {
            ngx_http_gateway_limit_redis_number(&args[4], p,
                                          (limit->end - limit->start) / 1000);
        }
    }

    ngx_http_gateway_limit_redis_number(&args[5], p, start);
}


static void
ngx_http_gateway_limit_redis_number(ngx_str_t *arg, u_char **p,
    uint64_t number)
{
    arg->data = *p;
    *p = gw_text_decimal(*p, number);
    arg->len = *p - arg->data;
}


void
ngx_http_gateway_limit_redis_charged(ngx_http_gateway_limit_item_t *item,
    const gw_resp_t *reply, ngx_uint_t i)
{
    ngx_uint_t          passed;
    const int64_t      *number;
    gw_limit_result_t  *result;

    result = &item->result;
    passed = (reply->integer[0] == 1);
    number = &reply->integer[NGX_HTTP_GATEWAY_LIMIT_DECIDE_HEAD
                             + i * NGX_HTTP_GATEWAY_LIMIT_DECIDE_LIMIT];

    ngx_http_gateway_limit_redis_result(item, number);

    /* for a refund: the end of the window, by the clock of Redis */

    result->window = (uint64_t) reply->integer[1] + (uint64_t) number[1];

    if (passed ? !result->passed : !item->limit->penalty) {
        return;
    }

    result->charged = item->charge;
    result->least = item->charge;

    if (item->figures.algorithm == GW_LIMIT_GCRA) {
        result->least *= ngx_http_gateway_limit_usec(item->figures.interval);
        result->least += (uint64_t) reply->integer[1];
    }
}


/* "number": units left, us until idle or the end of the window, us to wait */

void
ngx_http_gateway_limit_redis_result(ngx_http_gateway_limit_item_t *item,
    const int64_t *number)
{
    gw_limit_result_t  *result;

    result = &item->result;

    ngx_memzero(result, sizeof(gw_limit_result_t));

    result->passed = (number[2] == 0);
    result->remaining = (number[0] > 0) ? number[0] : 0;
    result->reset = (number[1] > 0) ? (uint64_t) number[1] * 1000 : 0;
    result->wait = (number[2] < 0) ? GW_LIMIT_NEVER
                                   : (uint64_t) number[2] * 1000;
}


/*
 * This is on_error=, unless the node has more calls than Redis can answer in
 * time.  Redis has not failed then, and clients must not be able to make limits
 * fail open or closed by many requests: the node limits locally.
 */

ngx_uint_t
ngx_http_gateway_limit_redis_instead(const ngx_http_gateway_limit_zone_t *zone,
    ngx_http_gateway_redis_status_e status)
{
    return (status == NGX_HTTP_GATEWAY_REDIS_FULL)
           ? NGX_HTTP_GATEWAY_LIMIT_LOCAL : zone->on_error;
}


/*
 * In HTTP/3 each stream has a connection of its own; the TLS library knows the
 * connection that all streams share.
 */

ngx_atomic_uint_t
ngx_http_gateway_limit_redis_client(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        c = ngx_ssl_get_connection(c->ssl->connection);
    }
#endif

    return c->number;
}
