/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Commands: the bytes of a call, an array of bulk strings (RESP2), and its
 * memory.  Calls of the common size are reused, so that most requests allocate
 * nothing.
 */

#include "ngx_http_gateway_redis_private.h"


#define NGX_HTTP_GATEWAY_REDIS_COMMON  512      /* bytes of a command */
#define NGX_HTTP_GATEWAY_REDIS_FREE    256      /* calls kept for reuse */

/* most bytes of "*3" or "$5" with its CRLF */
#define NGX_HTTP_GATEWAY_REDIS_COUNT   (sizeof("*\r\n") + NGX_SIZE_T_LEN)

#define ngx_http_gateway_redis_bulk_size(s)                                   \
    (NGX_HTTP_GATEWAY_REDIS_COUNT + (s)->len + sizeof("\r\n"))


static ngx_http_gateway_redis_call_t *ngx_http_gateway_redis_alloc(
    ngx_http_gateway_redis_t *redis, size_t size);
static u_char *ngx_http_gateway_redis_write_count(u_char *p, size_t n);
static u_char *ngx_http_gateway_redis_write_bulk(u_char *p,
    const ngx_str_t *s);
static u_char *ngx_http_gateway_redis_write_number(u_char *p, u_char type,
    size_t n);


ngx_http_gateway_redis_call_t *
ngx_http_gateway_redis_command(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_reply_pt reply, const ngx_str_t *words,
    ngx_uint_t nwords, const ngx_str_t *args, ngx_uint_t nargs)
{
    u_char                         *p;
    size_t                          size;
    ngx_uint_t                      i;
    ngx_http_gateway_redis_call_t  *call;

    size = NGX_HTTP_GATEWAY_REDIS_COUNT;

    for (i = 0; i < nwords; i++) {
        size += ngx_http_gateway_redis_bulk_size(&words[i]);
    }

    for (i = 0; i < nargs; i++) {
        size += ngx_http_gateway_redis_bulk_size(&args[i]);
    }

    call = ngx_http_gateway_redis_alloc(redis, size);
    if (call == NULL) {
        return NULL;
    }

    p = ngx_http_gateway_redis_write_count(call->bytes, nwords + nargs);

    for (i = 0; i < nwords; i++) {
        p = ngx_http_gateway_redis_write_bulk(p, &words[i]);
    }

    for (i = 0; i < nargs; i++) {
        p = ngx_http_gateway_redis_write_bulk(p, &args[i]);
    }

    call->len = p - call->bytes;
    call->redis = redis;
    call->reply = reply;

    return call;
}


static ngx_http_gateway_redis_call_t *
ngx_http_gateway_redis_alloc(ngx_http_gateway_redis_t *redis, size_t size)
{
    ngx_queue_t                    *q;
    ngx_http_gateway_redis_call_t  *call;

    if (size <= NGX_HTTP_GATEWAY_REDIS_COMMON
        && !ngx_queue_empty(&redis->free))
    {
        q = ngx_queue_head(&redis->free);
        ngx_queue_remove(q);
        redis->nfree--;

        call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, queue);
        size = call->size;

    } else {
        size = ngx_max(size, NGX_HTTP_GATEWAY_REDIS_COMMON);

        call = ngx_alloc(offsetof(ngx_http_gateway_redis_call_t, bytes) + size,
                         redis->log);
        if (call == NULL) {
            return NULL;
        }
    }

    ngx_memzero(call, offsetof(ngx_http_gateway_redis_call_t, bytes));

    call->size = size;

    return call;
}


void
ngx_http_gateway_redis_free(ngx_http_gateway_redis_call_t *call)
{
    ngx_http_gateway_redis_t  *redis;

    redis = call->redis;

    if (call->counted) {
        redis->pending--;
        call->flow->n--;
    }

    if (call->size == NGX_HTTP_GATEWAY_REDIS_COMMON
        && redis->nfree < NGX_HTTP_GATEWAY_REDIS_FREE)
    {
        ngx_queue_insert_head(&redis->free, &call->queue);
        redis->nfree++;
        return;
    }

    ngx_free(call);
}


static u_char *
ngx_http_gateway_redis_write_count(u_char *p, size_t n)
{
    return ngx_http_gateway_redis_write_number(p, '*', n);
}


static u_char *
ngx_http_gateway_redis_write_bulk(u_char *p, const ngx_str_t *s)
{
    p = ngx_http_gateway_redis_write_number(p, '$', s->len);

    if (s->len) {
        p = ngx_cpymem(p, s->data, s->len);
    }

    *p++ = CR; *p++ = LF;

    return p;
}


static u_char *
ngx_http_gateway_redis_write_number(u_char *p, u_char type, size_t n)
{
    *p++ = type;
    p = gw_text_decimal(p, n);
    *p++ = CR; *p++ = LF;

    return p;
}
