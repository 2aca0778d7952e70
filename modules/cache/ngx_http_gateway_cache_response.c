/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Stored responses: the encoding of their lines, and sending.  The body is sent
 * from shared memory, where it stays as long as the entry is pinned: until the
 * pool of the request is destroyed.
 *
 * A line is encoded as the lengths of name and value, 16 bits each, and both
 * texts.
 */

#include "ngx_http_gateway_cache_run.h"


/* a field that other filters find by a pointer in headers_out */

typedef struct {
    gw_text_t                       name;
    size_t                          offset;
} ngx_http_gateway_cache_known_t;


static ngx_int_t ngx_http_gateway_cache_age_out(ngx_http_request_t *r,
    uint32_t seconds);
static ngx_int_t ngx_http_gateway_cache_lines_out(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_fields_t *lines,
    const gw_cache_validator_t *only);
static void ngx_http_gateway_cache_content_type(ngx_http_request_t *r,
    const gw_text_t *value);
static ngx_int_t ngx_http_gateway_cache_range_out(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_validator_t *v);
static ngx_buf_t *ngx_http_gateway_cache_buf(ngx_pool_t *pool,
    ngx_chain_t ***ll);


#define ngx_http_gateway_cache_known(name, field)                             \
    { gw_cache_text(name), offsetof(ngx_http_headers_out_t, field) }

static const ngx_http_gateway_cache_known_t
    ngx_http_gateway_cache_knowns[] =
{
    ngx_http_gateway_cache_known("date", date),
    ngx_http_gateway_cache_known("server", server),
    ngx_http_gateway_cache_known("etag", etag),
    ngx_http_gateway_cache_known("last-modified", last_modified),
    ngx_http_gateway_cache_known("expires", expires),
    ngx_http_gateway_cache_known("location", location),
    ngx_http_gateway_cache_known("refresh", refresh),
    ngx_http_gateway_cache_known("content-encoding", content_encoding),
    ngx_http_gateway_cache_known("accept-ranges", accept_ranges),
    ngx_http_gateway_cache_known("www-authenticate", www_authenticate)
};


ngx_int_t
ngx_http_gateway_cache_encode(ngx_pool_t *pool,
    const gw_cache_fields_t *fields, gw_text_t *text)
{
    u_char    *p;
    size_t     i;
    uint16_t   len[2];

    text->len = 0;

    for (i = 0; i < fields->n; i++) {

        if (fields->line[i].name.len > UINT16_MAX
            || fields->line[i].value.len > UINT16_MAX)
        {
            return NGX_DECLINED;
        }

        text->len += sizeof(len) + fields->line[i].name.len
                     + fields->line[i].value.len;
    }

    p = ngx_pnalloc(pool, text->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (i = 0; i < fields->n; i++) {
        len[0] = (uint16_t) fields->line[i].name.len;
        len[1] = (uint16_t) fields->line[i].value.len;

        p = ngx_cpymem(p, len, sizeof(len));
        p = ngx_cpymem(p, fields->line[i].name.data, len[0]);
        p = ngx_cpymem(p, fields->line[i].value.data, len[1]);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_cache_decode(ngx_pool_t *pool, const gw_text_t *text,
    size_t room, gw_cache_fields_t *fields)
{
    size_t                n;
    uint16_t              len[2];
    gw_cache_field_t     *line;
    const unsigned char  *p, *end;

    end = text->data + text->len;
    n = 0;

    for (p = text->data; p < end; p += sizeof(len) + len[0] + len[1]) {
        ngx_memcpy(len, p, sizeof(len));
        n++;
    }

    line = ngx_palloc(pool, (n + room + 1) * sizeof(gw_cache_field_t));
    if (line == NULL) {
        return NGX_ERROR;
    }

    fields->line = line;
    fields->n = n;

    for (p = text->data; p < end; p += len[0] + len[1]) {
        ngx_memcpy(len, p, sizeof(len));
        p += sizeof(len);

        line->name.data = p;
        line->name.len = len[0];
        line->value.data = p + len[0];
        line->value.len = len[1];
        line++;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_cache_line_out(ngx_http_request_t *r, const gw_text_t *name,
    const gw_text_t *value)
{
    ngx_uint_t        i, n;
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name->data;
    h->key.len = name->len;
    h->value.data = (u_char *) value->data;
    h->value.len = value->len;
    ngx_http_gateway_header_single(h);

    n = sizeof(ngx_http_gateway_cache_knowns)
        / sizeof(ngx_http_gateway_cache_knowns[0]);

    for (i = 0; i < n; i++) {
        if (gw_cache_same(name, &ngx_http_gateway_cache_knowns[i].name)) {
            *(ngx_table_elt_t **) ((char *) &r->headers_out
                                   + ngx_http_gateway_cache_knowns[i].offset)
                = h;
            return NGX_OK;
        }
    }

    return ngx_http_gateway_header_out(r, h);
}


ngx_int_t
ngx_http_gateway_cache_respond(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    gw_cache_clock_t      now;
    gw_cache_fields_t     lines;
    gw_cache_validator_t  v;

    ngx_http_gateway_cache_clock(&now);

    if (ngx_http_gateway_cache_decode(r->pool, &ctx->hit.header, 0, &lines)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->age = gw_cache_age(&ctx->entry, &now);
    ctx->aged = 1;

    /* replaces an error of the origin: the lookup has set no "ttl" */

    if (!ctx->timed) {
        ctx->ttl = (int64_t) ctx->entry.lifetime - ctx->age;
        ctx->timed = 1;
    }

    ctx->first = 0;
    ctx->last = ctx->hit.length;
    ctx->body = 1;

    r->headers_out.status = ctx->entry.status;
    r->headers_out.content_length_n = ctx->hit.length;
    r->disable_not_modified = 1;
    r->allow_ranges = 0;

    if (ngx_http_gateway_cache_age_out(r, ctx->age) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ctx->req.conditional && !ctx->req.range) {
        return ngx_http_gateway_cache_lines_out(r, ctx, &lines, NULL);
    }

    gw_cache_validator_read(&v, &lines, ctx->entry.received.wall);

    if (gw_cache_not_modified(&ctx->fields, ctx->entry.status, &v, now.wall)) {
        r->headers_out.status = NGX_HTTP_NOT_MODIFIED;
        r->headers_out.content_length_n = -1;
        ctx->body = 0;

        return ngx_http_gateway_cache_lines_out(r, ctx, &lines, &v);
    }

    if (ngx_http_gateway_cache_lines_out(r, ctx, &lines, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_cache_range_out(r, ctx, &v);
}


ngx_int_t
ngx_http_gateway_cache_replace(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ctx->state = NGX_HTTP_GATEWAY_CACHE_REPLACE;

    r->err_status = 0;
    ngx_http_clean_header(r);

    if (ngx_http_gateway_cache_respond(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->ttl = (int64_t) gw_cache_reuse_lifetime(&ctx->conf->policy, &ctx->req,
                                                 &ctx->entry)
               - ctx->age;
    ctx->timed = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cache_age_out(ngx_http_request_t *r, uint32_t seconds)
{
    u_char     *p;
    gw_text_t   value;

    static const gw_text_t  age = gw_cache_text("Age");

    p = ngx_pnalloc(r->pool, GW_TEXT_DECIMAL);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = gw_text_decimal(p, seconds) - p;

    return ngx_http_gateway_cache_line_out(r, &age, &value);
}


/* "only": the lines of a 304 */

static ngx_int_t
ngx_http_gateway_cache_lines_out(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_fields_t *lines,
    const gw_cache_validator_t *only)
{
    size_t                   i;
    const gw_cache_field_t  *line;

    static const gw_text_t  type = gw_cache_text("content-type");

    for (i = 0; i < lines->n; i++) {
        line = &lines->line[i];

        if ((only && !gw_cache_field_in_304(&line->name, only))
            || ngx_http_gateway_cache_hidden(ctx->conf->set.tags, &line->name))
        {
            continue;
        }

        if (gw_cache_same(&line->name, &type)) {
            ngx_http_gateway_cache_content_type(r, &line->value);
            continue;
        }

        if (ngx_http_gateway_cache_line_out(r, &line->name, &line->value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* nginx compares the type without parameters */

static void
ngx_http_gateway_cache_content_type(ngx_http_request_t *r,
    const gw_text_t *value)
{
    u_char  *p;

    r->headers_out.content_type.data = (u_char *) value->data;
    r->headers_out.content_type.len = value->len;
    r->headers_out.content_type_lowcase = NULL;

    p = ngx_strlchr((u_char *) value->data,
                    (u_char *) value->data + value->len, ';');

    r->headers_out.content_type_len = p ? (size_t) (p - value->data)
                                        : value->len;
}


static ngx_int_t
ngx_http_gateway_cache_range_out(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_validator_t *v)
{
    u_char            *p;
    uint64_t           first, last;
    gw_text_t          value;
    gw_cache_range_e   range;

    static const gw_text_t  name = gw_cache_text("Content-Range");

    range = gw_cache_range(&ctx->fields, ctx->req.method, ctx->entry.status, v,
                           ctx->hit.length, ngx_time(), &first, &last);

    if (range == GW_CACHE_WHOLE) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, sizeof("bytes -/") + 3 * NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;

    if (range == GW_CACHE_PART) {
        ctx->first = first;
        ctx->last = last + 1;

        r->headers_out.status = NGX_HTTP_PARTIAL_CONTENT;
        p = ngx_sprintf(p, "bytes %uL-%uL/%uL", first, last, ctx->hit.length);

    } else {
        ctx->last = 0;

        r->headers_out.status = NGX_HTTP_RANGE_NOT_SATISFIABLE;
        p = ngx_sprintf(p, "bytes */%uL", ctx->hit.length);
    }

    r->headers_out.content_length_n = ctx->last - ctx->first;
    value.len = p - value.data;

    return ngx_http_gateway_cache_line_out(r, &name, &value);
}


ngx_int_t
ngx_http_gateway_cache_not_modified(ngx_http_request_t *r,
    const gw_cache_validator_t *v)
{
    gw_text_t         name;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    r->headers_out.status = NGX_HTTP_NOT_MODIFIED;
    ngx_str_null(&r->headers_out.status_line);
    r->headers_out.content_type.len = 0;
    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = -1;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            name = ngx_http_gateway_cache_text(&h[i].key);

            if (!gw_cache_field_in_304(&name, v)) {
                h[i].hash = 0;
            }
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_cache_body(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t **out)
{
    uint32_t       at;
    uint64_t       begin, end, offset;
    ngx_buf_t     *b;
    ngx_chain_t  **ll;
    gw_text_t      part;

    ctx->body = 0;
    at = 0;
    offset = 0;
    ll = out;
    b = NULL;

    while (offset < ctx->last
           && gw_cache_body(ctx->user, &ctx->hit, &at, &part))
    {
        begin = ngx_max(ctx->first, offset);
        end = ngx_min(ctx->last, offset + part.len);

        if (begin < end) {
            b = ngx_http_gateway_cache_buf(r->pool, &ll);
            if (b == NULL) {
                *out = NULL;
                return NGX_ERROR;
            }

            b->pos = (u_char *) part.data + (begin - offset);
            b->last = (u_char *) part.data + (end - offset);
            b->start = b->pos;
            b->end = b->last;
            b->memory = 1;
        }

        offset += part.len;
    }

    if (b == NULL) {
        b = ngx_http_gateway_cache_buf(r->pool, &ll);
        if (b == NULL) {
            *out = NULL;
            return NGX_ERROR;
        }

        b->sync = 1;
    }

    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    return NGX_OK;
}


/* adds a buffer to the end of a chain */

static ngx_buf_t *
ngx_http_gateway_cache_buf(ngx_pool_t *pool, ngx_chain_t ***ll)
{
    ngx_chain_t  *cl;

    cl = ngx_alloc_chain_link(pool);
    if (cl == NULL) {
        return NULL;
    }

    cl->buf = ngx_calloc_buf(pool);
    if (cl->buf == NULL) {
        return NULL;
    }

    cl->next = NULL;
    **ll = cl;
    *ll = &cl->next;

    return cl->buf;
}


ngx_int_t
ngx_http_gateway_cache_send(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_chain_t                   *out;
    ngx_http_gateway_cache_ctx_t  *ctx;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_http_gateway_cache_ctx(r);

    if (ngx_http_gateway_cache_respond(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (ngx_http_gateway_cache_body(r, ctx, &out) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_output_filter(r, out);
}
