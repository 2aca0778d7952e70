/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The response to a refused request: its challenge (RFC 9110, 11.6.1; RFC 6750,
 * 3) and its problem document (RFC 9457).  A gRPC call gets another response:
 * ngx_http_gateway_grpc.c.
 *
 * Filters add both to a response with the status of the refusal: the challenge
 * is added by core's challenge module, and the problem document by the filters
 * below, at the top of the chain.  The document replaces only nginx's own page,
 * which is the only response that is sent from the location that refused.
 */

#include "ngx_http_gateway.h"


#define NGX_HTTP_GATEWAY_PROBLEM_SIZE  512    /* bytes, without the scopes */


static ngx_int_t ngx_http_gateway_error_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_error_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_gateway_error_retry_after(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);
static ngx_uint_t ngx_http_gateway_error_sent(ngx_http_request_t *r,
    const ngx_str_t *name);
static ngx_int_t ngx_http_gateway_error_format(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_refusal_t *refusal);
static ngx_int_t ngx_http_gateway_error_problem(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_refusal_t *refusal);


static const struct {
    ngx_uint_t   status;
    const char  *title;
} ngx_http_gateway_titles[] = {
    { NGX_HTTP_UNAUTHORIZED, "Unauthorized" },
    { NGX_HTTP_FORBIDDEN, "Forbidden" },
    { NGX_HTTP_TOO_MANY_REQUESTS, "Too Many Requests" },
    { NGX_HTTP_SERVICE_UNAVAILABLE, "Service Unavailable" },
    { 0, "Error" }
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static u_char *
ngx_http_gateway_quote(u_char *p, ngx_str_t *value)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (c < 0x20 || c == 0x7f) {
            continue;
        }

        if (c == '"' || c == '\\') {
            *p++ = '\\';
        }

        *p++ = c;
    }

    return p;
}


ngx_int_t
ngx_http_gateway_challenge(ngx_http_request_t *r, ngx_str_t *challenge,
    const char *scheme, ngx_keyval_t *params, ngx_uint_t n,
    const ngx_array_t *more)
{
    u_char                         *p;
    size_t                          len;
    ngx_uint_t                      i, nmore;
    ngx_keyval_t                    all[NGX_HTTP_GATEWAY_AUTH_PARAMS];
    ngx_http_gateway_auth_param_t  *param;

    nmore = more ? more->nelts : 0;
    param = more ? more->elts : NULL;

    ngx_memcpy(all, params, n * sizeof(ngx_keyval_t));

    for (i = 0; i < nmore; i++) {
        all[n].key = param[i].name;

        if (ngx_http_complex_value(r, param[i].value, &all[n++].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    len = ngx_strlen(scheme);

    for (i = 0; i < n; i++) {
        len += sizeof(", =\"\"") - 1 + all[i].key.len + 2 * all[i].value.len;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    challenge->data = p;
    p = ngx_cpymem(p, scheme, ngx_strlen(scheme));
    challenge->len = p - challenge->data;

    for (i = 0; i < n; i++) {

        if (all[i].value.len == 0) {
            continue;
        }

        if ((size_t) (p - challenge->data) != challenge->len) {
            *p++ = ',';
        }

        *p++ = ' ';
        p = ngx_cpymem(p, all[i].key.data, all[i].key.len);
        *p++ = '=';
        *p++ = '"';
        p = ngx_http_gateway_quote(p, &all[i].value);
        *p++ = '"';
    }

    challenge->len = p - challenge->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_error_header_filter(ngx_http_request_t *r)
{
    ngx_http_gateway_refusal_t   *refusal;
    ngx_http_gateway_request_t   *gr;
    ngx_http_gateway_loc_conf_t  *glcf;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

    if (glcf->hides && ngx_http_gateway_hide_sent(r) != NGX_OK) {
        return NGX_ERROR;
    }

    gr = ngx_http_gateway_request(r);

    if (gr == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (gr->lines) {
        ngx_http_gateway_lines_write(gr->lines);
    }

    /* another filter may have replaced a refusal by another response */

    ngx_str_null(&gr->problem);
    ngx_http_gateway_grpc_reset(r, gr);

    if (ngx_http_gateway_error_retry_after(r, gr) != NGX_OK) {
        return NGX_ERROR;
    }

    for (refusal = gr->refusals; refusal; refusal = refusal->next) {
        if (refusal->status == r->headers_out.status && !refusal->offered) {
            break;
        }
    }

    if (refusal == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (ngx_http_gateway_error_format(r, gr, refusal) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/*
 * RFC 9110, 10.2.3.  The field is added whatever the status is, since an error
 * page may have its own.  A field sent by an upstream server is kept.
 */

static ngx_int_t
ngx_http_gateway_error_retry_after(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    ngx_str_t                    value;
    ngx_http_gateway_refusal_t  *refusal;

    static const ngx_str_t  name = ngx_string("Retry-After");

    for (refusal = gr->refusals; refusal; refusal = refusal->next) {
        if (refusal->retry_after) {
            break;
        }
    }

    if (refusal == NULL || ngx_http_gateway_error_sent(r, &name)) {
        return NGX_OK;
    }

    value.data = ngx_pnalloc(r->pool, GW_TEXT_DECIMAL);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = gw_text_decimal(value.data, refusal->retry_after) - value.data;

    return ngx_http_gateway_header_respond(r, &name, &value);
}


/* whether the response has a header with this name */

static ngx_uint_t
ngx_http_gateway_error_sent(ngx_http_request_t *r, const ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].key.len == name->len
                && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


/* does not change the response of an error_page */

static ngx_int_t
ngx_http_gateway_error_format(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_refusal_t *refusal)
{
    ngx_str_t                     type;
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

    if (!glcf->error_format || refusal->location != r->loc_conf) {
        return NGX_OK;
    }

    return ngx_http_gateway_grpc_call(r, &type)
           ? ngx_http_gateway_grpc_refuse(r, gr, refusal, &type)
           : ngx_http_gateway_error_problem(r, gr, refusal);
}


static ngx_int_t
ngx_http_gateway_error_problem(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_refusal_t *refusal)
{
    gr->problem = refusal->body;

    if (gr->problem.len == 0
        && ngx_http_gateway_problem(r->pool, refusal, &gr->problem) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = gr->problem.len;

    return NGX_OK;
}


/*
 * RFC 9457, 3: if "type" is about:blank, "title" is the status phrase (4.2.1);
 * "reason" and "scope" are extension members.  Nothing needs to be escaped: no
 * value comes from the request, and configured scopes have no quotes (RFC 6749,
 * 3.3).
 */

ngx_int_t
ngx_http_gateway_problem(ngx_pool_t *pool,
    const ngx_http_gateway_refusal_t *refusal, ngx_str_t *body)
{
    size_t       size;
    u_char      *p, *last;
    ngx_str_t    type;

    size = NGX_HTTP_GATEWAY_PROBLEM_SIZE + refusal->scopes.len
           + refusal->members.len;

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    last = p + size;

    ngx_str_set(&type, "about:blank");

    if (refusal->type.len) {
        type = refusal->type;
    }

    p = ngx_slprintf(p, last,
                     "{\"type\":\"%V\",\"title\":\"%s\","
                     "\"status\":%ui,\"detail\":\"%s\",\"reason\":\"%s\"",
                     &type, ngx_http_gateway_problem_title(refusal),
                     refusal->status,
                     gw_reason_sentence(refusal->shown),
                     gw_reason_word(refusal->shown));

    if (refusal->scopes.len) {
        p = ngx_slprintf(p, last, ",\"scope\":\"%V\"", &refusal->scopes);
    }

    p = ngx_slprintf(p, last, "%V}\n", &refusal->members);

    body->len = p - body->data;

    return NGX_OK;
}


const char *
ngx_http_gateway_problem_title(const ngx_http_gateway_refusal_t *refusal)
{
    ngx_uint_t  i;

    if (refusal->type.len) {
        return refusal->title;
    }

    for (i = 0; ngx_http_gateway_titles[i].status; i++) {
        if (ngx_http_gateway_titles[i].status == refusal->status) {
            break;
        }
    }

    return ngx_http_gateway_titles[i].title;
}


/* replaces the first buffers of nginx's page by the body, drops the rest */

static ngx_int_t
ngx_http_gateway_error_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                   *b;
    ngx_chain_t                 *cl, out;
    ngx_http_gateway_request_t  *gr;

    if (in == NULL || r != r->main) {
        return ngx_http_next_body_filter(r, in);
    }

    gr = ngx_http_gateway_request(r);

    if (gr == NULL || gr->problem.data == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    if (gr->problem.len == 0) {
        return ngx_http_next_body_filter(r, NULL);
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = gr->problem.data;
    b->last = b->pos + gr->problem.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    gr->problem.len = 0;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


ngx_int_t
ngx_http_gateway_error_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_error_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_gateway_error_body_filter;

    return NGX_OK;
}
