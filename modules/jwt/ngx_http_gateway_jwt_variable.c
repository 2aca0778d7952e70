
/*
 * Variables over the token.  A getter reads the record and makes text of
 * it, once for each claim; it never verifies anything.
 *
 * nginx writes a variable into the request for an upstream as it is, so that
 * a line break in one would begin another header.  A claim may hold any
 * character; a text with control characters is not given out at all.
 */

#include "ngx_http_gateway_jwt.h"
#include "gw_json.h"


#define NGX_HTTP_GATEWAY_JWT_MAX_NAME  256


/* which half of the token a variable reads */

typedef enum {
    NGX_HTTP_GATEWAY_JWT_CLAIMS = 0,
    NGX_HTTP_GATEWAY_JWT_HEADER
} ngx_http_gateway_jwt_half_e;


/* gateway_jwt_claim_set, gateway_jwt_header_set: names, one in another */

typedef struct {
    ngx_http_gateway_jwt_half_e  half;
    gw_claim_path_t              path;
} ngx_http_gateway_jwt_set_t;


static ngx_http_gateway_jwt_ctx_t *ngx_http_gateway_jwt_readable(
    ngx_http_request_t *r);
static const json_t *ngx_http_gateway_jwt_half(ngx_http_gateway_jwt_ctx_t *ctx,
    ngx_http_gateway_jwt_half_e half);
static ngx_int_t ngx_http_gateway_jwt_text(ngx_http_request_t *r,
    ngx_http_gateway_jwt_token_t *token, const json_t *value,
    ngx_http_variable_value_t *v);
static void ngx_http_gateway_jwt_safe_value(ngx_http_variable_value_t *v,
    ngx_str_t *text);
static ngx_int_t ngx_http_gateway_jwt_named(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data, size_t prefix,
    ngx_http_gateway_jwt_half_e half);
static ngx_int_t ngx_http_gateway_jwt_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_jwt_header_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_jwt_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_jwt_payload_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_jwt_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static char *ngx_http_gateway_jwt_set(ngx_conf_t *cf,
    ngx_http_gateway_jwt_half_e half);


static struct {
    ngx_str_t                  name;
    ngx_http_get_variable_pt   get;
    ngx_uint_t                 flags;
} ngx_http_gateway_jwt_vars[] = {

    { ngx_string("gateway_jwt_claim_"), ngx_http_gateway_jwt_claim_variable,
      NGX_HTTP_VAR_PREFIX },

    { ngx_string("gateway_jwt_header_"), ngx_http_gateway_jwt_header_variable,
      NGX_HTTP_VAR_PREFIX },

    { ngx_string("gateway_jwt_payload"),
      ngx_http_gateway_jwt_payload_variable, 0 },

    { ngx_string("gateway_jwt_status"),
      ngx_http_gateway_jwt_status_variable, 0 },

    { ngx_null_string, NULL, 0 }
};


ngx_int_t
ngx_http_gateway_jwt_add_variables(ngx_conf_t *cf)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_gateway_jwt_vars[i].name.len; i++) {
        if (ngx_http_gateway_add_variable(cf,
                                          &ngx_http_gateway_jwt_vars[i].name,
                                          ngx_http_gateway_jwt_vars[i].get, 0,
                                          ngx_http_gateway_jwt_vars[i].flags)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_http_gateway_jwt_ctx_t *
ngx_http_gateway_jwt_readable(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    return (gr && gr->jwt && gr->jwt->readable) ? gr->jwt : NULL;
}


static const json_t *
ngx_http_gateway_jwt_half(ngx_http_gateway_jwt_ctx_t *ctx,
    ngx_http_gateway_jwt_half_e half)
{
    return (half == NGX_HTTP_GATEWAY_JWT_HEADER) ? ctx->token->jws.header
                                                 : ctx->token->claims;
}


static ngx_int_t
ngx_http_gateway_jwt_text(ngx_http_request_t *r,
    ngx_http_gateway_jwt_token_t *token, const json_t *value,
    ngx_http_variable_value_t *v)
{
    ngx_str_t                     text;
    ngx_http_gateway_jwt_text_t  *t;

    if (value == NULL || json_is_null(value)) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (json_is_string(value)) {
        text.data = (u_char *) json_string_value(value);
        text.len = json_string_length(value);

        ngx_http_gateway_jwt_safe_value(v, &text);
        return NGX_OK;
    }

    for (t = token->texts; t; t = t->next) {
        if (t->value == value) {
            ngx_http_gateway_jwt_safe_value(v, &t->text);
            return NGX_OK;
        }
    }

    t = ngx_palloc(r->pool, sizeof(ngx_http_gateway_jwt_text_t));
    if (t == NULL) {
        return NGX_ERROR;
    }

    t->text.len = gw_claim_text(value, ',', NULL);
    t->text.data = ngx_pnalloc(r->pool, t->text.len + 1);
    if (t->text.data == NULL) {
        return NGX_ERROR;
    }

    (void) gw_claim_text(value, ',', t->text.data);

    t->value = value;
    t->next = token->texts;
    token->texts = t;

    ngx_http_gateway_jwt_safe_value(v, &t->text);

    return NGX_OK;
}


static void
ngx_http_gateway_jwt_safe_value(ngx_http_variable_value_t *v, ngx_str_t *text)
{
    if (ngx_http_gateway_header_unsafe(text)) {
        v->not_found = 1;
        return;
    }

    ngx_http_gateway_variable_value(v, text);
}


static ngx_int_t
ngx_http_gateway_jwt_named(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data, size_t prefix,
    ngx_http_gateway_jwt_half_e half)
{
    u_char                       name[NGX_HTTP_GATEWAY_JWT_MAX_NAME];
    size_t                       len;
    ngx_str_t                   *variable;
    ngx_http_gateway_jwt_ctx_t  *ctx;

    variable = (ngx_str_t *) data;

    ctx = ngx_http_gateway_jwt_readable(r);
    len = variable->len - prefix;

    if (ctx == NULL || len >= sizeof(name)) {
        v->not_found = 1;
        return NGX_OK;
    }

    /* jansson wants a NUL */

    *ngx_cpymem(name, variable->data + prefix, len) = '\0';

    return ngx_http_gateway_jwt_text(r, ctx->token,
                       json_object_get(ngx_http_gateway_jwt_half(ctx, half),
                                       (char *) name),
                       v);
}


static ngx_int_t
ngx_http_gateway_jwt_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    return ngx_http_gateway_jwt_named(r, v, data,
                                      sizeof("gateway_jwt_claim_") - 1,
                                      NGX_HTTP_GATEWAY_JWT_CLAIMS);
}


static ngx_int_t
ngx_http_gateway_jwt_header_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    return ngx_http_gateway_jwt_named(r, v, data,
                                      sizeof("gateway_jwt_header_") - 1,
                                      NGX_HTTP_GATEWAY_JWT_HEADER);
}


static ngx_int_t
ngx_http_gateway_jwt_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gateway_jwt_set_t *set = (ngx_http_gateway_jwt_set_t *) data;

    ngx_http_gateway_jwt_ctx_t  *ctx;

    ctx = ngx_http_gateway_jwt_readable(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_gateway_jwt_text(r, ctx->token,
                    gw_claim_find(ngx_http_gateway_jwt_half(ctx, set->half),
                                  &set->path),
                    v);
}


static ngx_int_t
ngx_http_gateway_jwt_payload_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                      *payload;
    ngx_http_gateway_jwt_ctx_t     *ctx;
    ngx_http_gateway_jwt_token_t   *token;

    ctx = ngx_http_gateway_jwt_readable(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    token = ctx->token;
    payload = &token->payload;

    if (payload->data == NULL) {
        payload->data = (u_char *) token->jws.payload;
        payload->len = token->jws.payload_len;

        if (ngx_http_gateway_header_unsafe(payload)) {

            /* pretty-printed: the same JSON without line breaks */

            payload->len = gw_json_text(token->claims, NULL);
            payload->data = ngx_pnalloc(r->pool, payload->len);
            if (payload->data == NULL) {
                return NGX_ERROR;
            }

            (void) gw_json_text(token->claims, payload->data);
        }
    }

    ngx_http_gateway_variable_value(v, payload);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    status;
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    if (gr == NULL || gr->jwt == NULL || !gr->jwt->judged) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (gr->jwt->reason) {

    case GW_OK:
        if (gr->jwt->unverified) {
            ngx_str_set(&status, "unverified");

        } else {
            ngx_str_set(&status, "verified");
        }

        break;

    case GW_MISSING:
        ngx_str_set(&status, "absent");
        break;

    default:
        status.data = (u_char *) gw_reason_word(gr->jwt->reason);
        status.len = ngx_strlen(status.data);
    }

    ngx_http_gateway_variable_value(v, &status);

    return NGX_OK;
}


char *
ngx_http_gateway_jwt_claim_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_gateway_jwt_set(cf, NGX_HTTP_GATEWAY_JWT_CLAIMS);
}


char *
ngx_http_gateway_jwt_header_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_gateway_jwt_set(cf, NGX_HTTP_GATEWAY_JWT_HEADER);
}


/*
 * Names are written as they are, a word for each level, and may hold dots;
 * the configuration has ended each of them with a NUL.
 */

static char *
ngx_http_gateway_jwt_set(ngx_conf_t *cf, ngx_http_gateway_jwt_half_e half)
{
    ngx_str_t                   *value, name;
    ngx_uint_t                   i, n;
    ngx_http_gateway_jwt_set_t  *set;

    value = cf->args->elts;

    if (value[1].len < 2 || value[1].data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable name \"%V\" in \"%V\", it must "
                           "start with $", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    n = cf->args->nelts - 2;

    if (n > GW_CLAIM_MAX_STEPS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many names in \"%V\", allowed are %d",
                           &value[0], GW_CLAIM_MAX_STEPS);
        return NGX_CONF_ERROR;
    }

    set = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_set_t));
    if (set == NULL) {
        return NGX_CONF_ERROR;
    }

    set->half = half;
    set->path.n = n;

    for (i = 0; i < n; i++) {
        set->path.steps[i].name = (char *) value[i + 2].data;
    }

    name.len = value[1].len - 1;
    name.data = value[1].data + 1;

    if (ngx_http_gateway_add_variable(cf, &name,
                                      ngx_http_gateway_jwt_set_variable,
                                      (uintptr_t) set, 0)
        == NULL)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
