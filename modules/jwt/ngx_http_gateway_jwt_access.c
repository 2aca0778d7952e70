/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * JWT authentication: the phase handlers.
 *
 * The ACCESS handler judges the token and returns a code that composes with
 * nginx's own methods: NGX_OK for a verified token, 401 or 403 for a refused
 * one, and NGX_DECLINED if nothing was proved: the method is off, the request
 * is anonymous in mode "optional", or the mode is "dry_run".  NGX_OK opens the
 * location under "satisfy any".  While the verdict waits for a server, the
 * handler returns NGX_AGAIN and is called again; the verdict then starts anew.
 *
 * The PRECONTENT handler runs once any method has granted access.  It sets
 * claim headers for the upstream and removes the token: until then other
 * methods, such as the subrequest of auth_request, may need it.  A token in
 * the URI is removed in ACCESS, because nginx logs the URI with a refusal.
 */

#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_count.h"


static ngx_int_t ngx_http_gateway_jwt_authorize(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_jwt_after(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_jwt_verdict(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_int_t ngx_http_gateway_jwt_failed(ngx_http_request_t *r,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_int_t ngx_http_gateway_jwt_hide_late(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);


/* nginx runs ACCESS for main requests only, again after internal redirects */

ngx_int_t
ngx_http_gateway_jwt_access(ngx_http_request_t *r)
{
    const ngx_http_gateway_jwt_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_jwt_module);

    if (jlcf->enable == NGX_HTTP_GATEWAY_JWT_OFF) {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_timed(r, NGX_HTTP_GATEWAY_PART_AUTH,
                                  ngx_http_gateway_jwt_authorize);
}


static ngx_int_t
ngx_http_gateway_jwt_authorize(ngx_http_request_t *r)
{
    ngx_int_t                               rc;
    ngx_http_gateway_request_t             *gr;
    ngx_http_gateway_jwt_ctx_t             *ctx;
    const ngx_http_gateway_jwt_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_jwt_module);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: %s",
                   (jlcf->enable == NGX_HTTP_GATEWAY_JWT_DECODE)
                   ? "decoding without verification"
                   : "authenticating");

    gr = ngx_http_gateway_request_get(r);
    if (gr == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_gateway_jwt_ctx(gr);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_jwt_ctx_t));
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_gateway_slot(gr, ngx_http_gateway_jwt_slot) = ctx;
    }

    if (ngx_http_gateway_hide(r, ngx_http_gateway_jwt_method) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_gateway_jwt_verdict(r, gr, jlcf);

    if (rc != NGX_AGAIN) {
        ngx_http_gateway_jwt_finish(ctx, jlcf);
    }

    return rc;
}


/*
 * NGX_AGAIN: the verdict waits.  The token stays, and is not parsed again when
 * the handler is called again.  An argument is hidden nevertheless, because
 * nginx logs the URI if the client leaves; a hidden token is still found.
 */

static ngx_int_t
ngx_http_gateway_jwt_verdict(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e                  reason;
    ngx_http_gateway_jwt_ctx_t  *ctx;

    ctx = ngx_http_gateway_jwt_ctx(gr);
    reason = ngx_http_gateway_jwt_judge(r, gr, jlcf);

    gr->shown |= (ctx->shown.reason != GW_MISSING);

    /*
     * A verdict that failed may have found no sources.  A request that waits
     * must not end here: it is resumed later.
     */

    if (jlcf->hide && ctx->sources != NULL
        && ngx_http_gateway_jwt_hide_argument(r, ctx) != NGX_OK
        && reason != GW_WAITING)
    {
        return ngx_http_gateway_jwt_failed(r, jlcf);
    }

    if (reason == GW_FAILED) {
        return ngx_http_gateway_jwt_failed(r, jlcf);
    }

    if (reason == GW_WAITING) {
        return NGX_AGAIN;
    }

    if (jlcf->enable == NGX_HTTP_GATEWAY_JWT_DECODE) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway jwt: decoded:%d, reason \"%s\"",
                       reason == GW_OK, gw_reason_word(reason));
        return NGX_DECLINED;
    }

    return ngx_http_gateway_jwt_answer(r, gr, jlcf);
}


/* no refusal: the response is that of nginx.  Decoding has no verdict */

static ngx_int_t
ngx_http_gateway_jwt_failed(ngx_http_request_t *r,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_http_gateway_refusal_t  verdict;

    if (jlcf->enable != NGX_HTTP_GATEWAY_JWT_DECODE) {
        ngx_memzero(&verdict, sizeof(ngx_http_gateway_refusal_t));

        verdict.method = ngx_http_gateway_jwt_method;
        verdict.reason = GW_FAILED;

        ngx_http_gateway_verdict(r, &verdict, jlcf->mode);
    }

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_int_t
ngx_http_gateway_jwt_precontent(ngx_http_request_t *r)
{
    const ngx_http_gateway_jwt_loc_conf_t  *jlcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_jwt_module);

    return (jlcf->enable == NGX_HTTP_GATEWAY_JWT_OFF)
           ? ngx_http_gateway_jwt_after(r)
           : ngx_http_gateway_timed(r, NGX_HTTP_GATEWAY_PART_AUTH,
                                    ngx_http_gateway_jwt_after);
}


/* where the method is off, a token of an earlier location is hidden */

static ngx_int_t
ngx_http_gateway_jwt_after(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t             *gr;
    ngx_http_gateway_jwt_ctx_t             *ctx;
    const ngx_http_gateway_jwt_loc_conf_t  *jlcf;

    gr = ngx_http_gateway_request(r);
    ctx = gr ? ngx_http_gateway_jwt_ctx(gr) : NULL;
    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_jwt_module);

    /* a verdict that ran out of memory has found no sources */

    if (ctx && ctx->sources == NULL) {
        ctx = NULL;
    }

    if ((ctx && ngx_http_gateway_jwt_set_headers(r, gr, jlcf) != NGX_OK)
        || (jlcf->hide && ngx_http_gateway_jwt_hide_late(r, ctx, jlcf)
                          != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/*
 * Under "satisfy any" another method may have granted access before this one
 * looked for a token.
 */

static ngx_int_t
ngx_http_gateway_jwt_hide_late(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_uint_t  off;

    off = (jlcf->enable == NGX_HTTP_GATEWAY_JWT_OFF);

    if (ctx && (off || ctx->sources == ngx_http_gateway_jwt_sources(jlcf))) {
        return ngx_http_gateway_jwt_hide(r, ctx);
    }

    return off ? NGX_OK : ngx_http_gateway_jwt_hide_early(r);
}
