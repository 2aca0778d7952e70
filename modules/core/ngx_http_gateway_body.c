/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reading a small JSON body.
 *
 * nginx passes no data to the function that it calls after it has read a body.
 * Therefore the data is stored in a pool cleanup, which also frees the JSON.
 */

#include "ngx_http_gateway_endpoint.h"


typedef struct {
    json_t                         *json;
    size_t                          size;
    ngx_http_gateway_body_pt        handler;
} ngx_http_gateway_body_t;


static void ngx_http_gateway_body_cleanup(void *data);
static void ngx_http_gateway_body_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_body_json(ngx_http_request_t *r,
    ngx_http_gateway_body_t *body);
static ngx_int_t ngx_http_gateway_body_text(ngx_http_request_t *r,
    size_t size, ngx_str_t *text);


ngx_int_t
ngx_http_gateway_read_json(ngx_http_request_t *r, size_t size,
    ngx_http_gateway_body_pt handler)
{
    ngx_int_t                 rc;
    ngx_pool_cleanup_t       *cln;
    ngx_http_gateway_body_t  *body;

    if (r->headers_in.content_length_n > (off_t) size) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_gateway_body_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body = cln->data;
    body->json = NULL;
    body->size = size;
    body->handler = handler;

    cln->handler = ngx_http_gateway_body_cleanup;

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_gateway_body_read);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_http_gateway_body_cleanup(void *data)
{
    ngx_http_gateway_body_t *body = data;

    json_decref(body->json);
}


static void
ngx_http_gateway_body_read(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_gateway_body_cleanup) {
            ngx_http_finalize_request(r,
                                      ngx_http_gateway_body_json(r, cln->data));
            return;
        }
    }

    ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
}


static ngx_int_t
ngx_http_gateway_body_json(ngx_http_request_t *r,
    ngx_http_gateway_body_t *body)
{
    u_char        detail[sizeof("the body must be a JSON object of at most  "
                                "bytes") + NGX_SIZE_T_LEN];
    ngx_int_t     rc;
    ngx_str_t     text;
    json_error_t  error;

    if (ngx_http_gateway_cross_site(r)) {
        return ngx_http_gateway_send_problem(r, NGX_HTTP_FORBIDDEN,
                           "a browser must send application/json", NULL);
    }

    rc = ngx_http_gateway_body_text(r, body->size, &text);

    if (rc == NGX_DECLINED) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (rc != NGX_OK) {
        ngx_sprintf(detail, "the body must be a JSON object of at most %uz "
                            "bytes%Z", body->size);

        return ngx_http_gateway_send_problem(r, NGX_HTTP_BAD_REQUEST,
                                             (char *) detail, NULL);
    }

    body->json = json_loadb((char *) text.data, text.len,
                            JSON_REJECT_DUPLICATES, &error);

    if (!json_is_object(body->json)) {
        return ngx_http_gateway_send_problem(r, NGX_HTTP_BAD_REQUEST,
                                 "the body must be a JSON object with unique "
                                 "names", NULL);
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway body: %uz bytes, %uz members", text.len,
                   json_object_size(body->json));

    return body->handler(r, body->json);
}


/*
 * Copies the body, which nginx may have read in several buffers.  NGX_DECLINED:
 * it is too large.  NGX_ERROR: it is empty or in a file, or no memory.
 */

static ngx_int_t
ngx_http_gateway_body_text(ngx_http_request_t *r, size_t size, ngx_str_t *text)
{
    u_char       *p;
    size_t        len;
    ngx_chain_t  *cl;

    if (r->request_body == NULL) {
        return NGX_ERROR;
    }

    len = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {

        len += ngx_buf_size(cl->buf);

        if (len > size) {
            return NGX_DECLINED;
        }

        if (cl->buf->in_file) {
            return NGX_ERROR;
        }
    }

    if (len == 0) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    text->len = len;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    return NGX_OK;
}
