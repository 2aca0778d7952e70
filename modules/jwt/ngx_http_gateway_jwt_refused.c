/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Refused tokens.  The variables of their claims are empty, so that nothing
 * reaches the upstream if another method grants access.  For logs, the claims
 * of $gateway_jwt_refused_claim_<name> are copied before.
 *
 * The copy has, for each of these names in the order of the configuration, two
 * bytes of length and the text.
 */

#include "ngx_http_gateway_jwt.h"


/* bytes: a refusal adds less than 1 kB to a request, this included */
#define NGX_HTTP_GATEWAY_JWT_MAX_REFUSED  768


static ngx_int_t ngx_http_gateway_jwt_copy_refused(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);
static void ngx_http_gateway_jwt_free_refused(void *data);
static u_char *ngx_http_gateway_jwt_copy_claim(u_char *p, u_char *last,
    const json_t *value);


ngx_int_t
ngx_http_gateway_jwt_refused(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, ngx_uint_t verified)
{
    ngx_uint_t                  i;
    ngx_http_core_main_conf_t  *cmcf;

    /* before anything can fail */

    ctx->readable &= ctx->unverified;

    if (verified && ngx_http_gateway_jwt_copy_refused(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->unverified) {
        return NGX_OK;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: variables are empty, %uz bytes for the log",
                   ctx->refused.len);

    /* drops the values that nginx has cached */

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (r->variables[i].no_cacheable) {
            r->variables[i].valid = 0;
            r->variables[i].not_found = 0;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_copy_refused(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx)
{
    u_char                            *p, *last;
    u_char                             buf[NGX_HTTP_GATEWAY_JWT_MAX_REFUSED];
    ngx_str_t                         *names;
    ngx_uint_t                         i;
    ngx_pool_cleanup_t                *cln;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);
    names = jmcf->refused.elts;

    p = buf;
    last = buf + sizeof(buf);

    for (i = 0; i < jmcf->refused.nelts && last - p >= 2; i++) {
        p = ngx_http_gateway_jwt_copy_claim(p, last,
                                json_object_get(ctx->token->claims,
                                                (char *) names[i].data));
    }

    if (p == buf) {
        return NGX_OK;
    }

    /* not from the pool, which would allocate another block for it */

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    ctx->refused.len = p - buf;
    ctx->refused.data = ngx_alloc(ctx->refused.len, r->connection->log);
    if (ctx->refused.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ctx->refused.data, buf, ctx->refused.len);

    cln->data = ctx->refused.data;
    cln->handler = ngx_http_gateway_jwt_free_refused;

    return NGX_OK;
}


static void
ngx_http_gateway_jwt_free_refused(void *data)
{
    ngx_free(data);
}


/* empty if the claim is missing, does not fit or has control characters */

static u_char *
ngx_http_gateway_jwt_copy_claim(u_char *p, u_char *last, const json_t *value)
{
    ngx_str_t  text;

    text.data = p + 2;
    text.len = (value && !json_is_null(value))
               ? gw_claim_text(value, ',', NULL) : 0;

    if (text.len > (size_t) (last - text.data)) {
        text.len = 0;
    }

    if (text.len) {
        (void) gw_claim_text(value, ',', text.data);

        if (ngx_http_gateway_header_unsafe(&text)) {
            text.len = 0;
        }
    }

    p[0] = (u_char) (text.len >> 8);
    p[1] = (u_char) text.len;

    return text.data + text.len;
}


ngx_int_t
ngx_http_gateway_jwt_refused_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *variable = (ngx_str_t *) data;

    u_char                            *p, *last;
    ngx_str_t                          text, name, *names;
    ngx_http_gateway_request_t        *gr;
    ngx_http_gateway_jwt_ctx_t        *ctx;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    v->not_found = 1;

    gr = ngx_http_gateway_request(r);
    ctx = gr ? ngx_http_gateway_jwt_ctx(gr) : NULL;

    if (ctx == NULL) {
        return NGX_OK;
    }

    name.data = variable->data + sizeof("gateway_jwt_refused_claim_") - 1;
    name.len = variable->len - (sizeof("gateway_jwt_refused_claim_") - 1);

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);
    names = jmcf->refused.elts;

    p = ctx->refused.data;
    last = p + ctx->refused.len;

    for ( /* void */ ; p < last; p = text.data + text.len, names++) {

        text.len = (p[0] << 8) | p[1];
        text.data = p + 2;

        if (ngx_http_gateway_same(names, &name)) {
            ngx_http_gateway_variable_value(v, &text);
            break;
        }
    }

    return NGX_OK;
}
