/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * From claims to the identity in the request's record, consumer, scopes and
 * groups, and to header lines for the upstream.
 */

#include "ngx_http_gateway_jwt.h"
#include "gw_json.h"


static ngx_int_t ngx_http_gateway_jwt_read_identity(ngx_http_request_t *r,
    ngx_http_gateway_identity_t *identity, const json_t *claims,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_uint_t ngx_http_gateway_jwt_trimmed(const ngx_str_t *name);
static ngx_int_t ngx_http_gateway_jwt_names(ngx_http_request_t *r,
    ngx_str_t *names, const json_t *claims, ngx_array_t *paths,
    char separator);
static ngx_int_t ngx_http_gateway_jwt_set_header(ngx_http_request_t *r,
    const json_t *claims, ngx_http_gateway_jwt_header_t *header);


static const ngx_http_gateway_param_t  ngx_http_gateway_jwt_header_params[] = {

    { ngx_string("join"), ngx_http_gateway_param_word,
      offsetof(ngx_http_gateway_jwt_header_t, json), 0 },

    { ngx_string("json"), ngx_http_gateway_param_word,
      offsetof(ngx_http_gateway_jwt_header_t, json), 1 },

    ngx_http_gateway_null_param
};


gw_reason_e
ngx_http_gateway_jwt_identify(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e                  reason;
    ngx_http_gateway_jwt_ctx_t  *ctx;
    ngx_http_gateway_identity_t  identity;

    ctx = ngx_http_gateway_jwt_ctx(gr);

    /* texts of the identity point into the claims, which may be freed */

    gr->transient = !ctx->token->kept;

    if (ngx_http_gateway_jwt_read_identity(r, &identity, ctx->token->claims,
                                           jlcf)
        != NGX_OK)
    {
        return GW_FAILED;
    }

    /*
     * nginx copies variables into upstream requests unchanged.  With an empty
     * consumer instead, the client would escape its limits.
     */

    if (ngx_http_gateway_header_unsafe(&identity.consumer)) {
        ngx_str_set(&ctx->why, "the consumer has a control character");
        return GW_MALFORMED_PAYLOAD;
    }

    reason = ngx_http_gateway_jwt_map(r, &identity, ctx->token->claims, jlcf);

    if (reason == GW_OK && !identity.known
        && ngx_http_gateway_jwt_trimmed(&identity.consumer))
    {
        ngx_str_set(&ctx->why, "the consumer begins or ends with a blank");
        return GW_MALFORMED_PAYLOAD;
    }

    if (reason == GW_OK) {
        reason = ngx_http_gateway_identity_set(r, gr,
                                               ngx_http_gateway_jwt_method,
                                               &identity);
    }

    if (reason == GW_CONSUMER_CONFLICT || reason == GW_DISABLED) {
        ctx->status = NGX_HTTP_FORBIDDEN;
    }

    return reason;
}


static ngx_int_t
ngx_http_gateway_jwt_read_identity(ngx_http_request_t *r,
    ngx_http_gateway_identity_t *identity, const json_t *claims,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_memzero(identity, sizeof(ngx_http_gateway_identity_t));

    if (!ngx_http_gateway_jwt_no_challenge(jlcf)) {
        ngx_str_set(&identity->scheme, "Bearer");
        identity->params = jlcf->challenge;
    }

    if (ngx_http_gateway_jwt_consumer(r, &identity->consumer, claims, jlcf)
        != NGX_OK
        || ngx_http_gateway_jwt_names(r, &identity->scopes, claims,
                                      jlcf->scopes, ' ')
           != NGX_OK
        || ngx_http_gateway_jwt_names(r, &identity->groups, claims,
                                      jlcf->groups, ',')
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    identity->has_scopes = (identity->scopes.data != NULL);
    identity->dry_run = (jlcf->mode == NGX_HTTP_GATEWAY_DRY_RUN);

    return NGX_OK;
}


/*
 * RFC 9110, 5.5: blanks at the ends are not part of a field's value.  An
 * upstream would read the name without them, which may be another consumer's.
 */

static ngx_uint_t
ngx_http_gateway_jwt_trimmed(const ngx_str_t *name)
{
    u_char  first, last;

    if (name->len == 0) {
        return 0;
    }

    first = name->data[0];
    last = name->data[name->len - 1];

    return first == ' ' || first == '\t' || last == ' ' || last == '\t';
}


/* the names at the first path whose claim is there */

static ngx_int_t
ngx_http_gateway_jwt_names(ngx_http_request_t *r, ngx_str_t *names,
    const json_t *claims, ngx_array_t *paths, char separator)
{
    ngx_uint_t        i;
    const json_t     *claim;
    gw_claim_path_t  *path;

    ngx_str_null(names);

    path = paths->elts;
    claim = NULL;

    for (i = 0; i < paths->nelts && claim == NULL; i++) {
        claim = gw_claim_find(claims, &path[i]);
    }

    if (claim == NULL) {
        return NGX_OK;
    }

    names->len = gw_claim_names(claim, separator, NULL);

    if (json_is_string(claim)) {
        names->data = (u_char *) json_string_value(claim);
        return NGX_OK;
    }

    names->data = ngx_pnalloc(r->pool, names->len + 1);
    if (names->data == NULL) {
        return NGX_ERROR;
    }

    (void) gw_claim_names(claim, separator, names->data);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_jwt_set_headers(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_uint_t                      i;
    ngx_http_gateway_jwt_ctx_t     *ctx;
    ngx_http_gateway_jwt_header_t  *header;

    if (jlcf->headers == NULL
        || !ngx_http_gateway_identified(gr, ngx_http_gateway_jwt_method))
    {
        return NGX_OK;
    }

    ctx = ngx_http_gateway_jwt_ctx(gr);
    header = jlcf->headers->elts;

    ngx_http_gateway_header_changed(r);

    for (i = 0; i < jlcf->headers->nelts; i++) {
        if (ngx_http_gateway_jwt_set_header(r, ctx->token->claims, &header[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * PREACCESS has removed the client's lines of this name.  A value that a line
 * cannot hold leaves the header unset: the upstream must not see part of it.
 */

static ngx_int_t
ngx_http_gateway_jwt_set_header(ngx_http_request_t *r, const json_t *claims,
    ngx_http_gateway_jwt_header_t *header)
{
    ngx_str_t      value;
    const json_t  *claim;

    claim = gw_claim_find(claims, &header->path);

    if (claim == NULL) {
        return NGX_OK;
    }

    value.len = header->json ? gw_json_text(claim, NULL)
                             : gw_claim_text(claim, ',', NULL);

    value.data = ngx_pnalloc(r->pool, value.len + 1);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    if (header->json) {
        (void) gw_json_text(claim, value.data);

    } else {
        (void) gw_claim_text(claim, ',', value.data);
    }

    value.data[value.len] = '\0';

    if (ngx_http_gateway_header_unsafe(&value)
        || ngx_http_gateway_jwt_trimmed(&value))
    {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "gateway_jwt_claim_header: the claim holds control "
                      "characters or has a blank at an end, \"%V\" is not set",
                      &header->line.name);
        return NGX_OK;
    }

    return ngx_http_gateway_header_add(r, &header->line.name,
                                       &header->line.normalized, &value);
}


char *
ngx_http_gateway_jwt_merge_headers(ngx_conf_t *cf, ngx_array_t **conf,
    ngx_array_t *prev)
{
    ngx_uint_t                      i, k, own;
    ngx_http_gateway_jwt_header_t  *inherited, *header;

    if (*conf == NULL) {
        *conf = prev;
        return NGX_CONF_OK;
    }

    if (prev == NULL) {
        return NGX_CONF_OK;
    }

    inherited = prev->elts;
    own = (*conf)->nelts;

    for (i = 0; i < prev->nelts; i++) {

        header = (*conf)->elts;

        for (k = 0; k < own; k++) {
            if (ngx_http_gateway_same(&header[k].line.normalized,
                                      &inherited[i].line.normalized))
            {
                break;
            }
        }

        if (k < own) {
            continue;
        }

        header = ngx_array_push(*conf);
        if (header == NULL) {
            return NGX_CONF_ERROR;
        }

        *header = inherited[i];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_jwt_claim_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                      *value;
    ngx_http_gateway_jwt_header_t  *header;

    value = cf->args->elts;

    if (jlcf->headers == NULL) {
        jlcf->headers = ngx_array_create(cf->pool, 2,
                                        sizeof(ngx_http_gateway_jwt_header_t));
        if (jlcf->headers == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    header = ngx_http_gateway_identity_header(cf, jlcf->headers, &value[1]);
    if (header == NULL) {
        return NGX_CONF_ERROR;
    }

    header->json = 0;

    if (ngx_http_gateway_jwt_parse_path(cf, &value[2], &header->path)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_params(cf, ngx_http_gateway_jwt_header_params,
                                   header, 3);
}
