/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Variables of the token.  A getter writes the text of a claim once and keeps
 * it; it never verifies anything.
 *
 * nginx copies variables into upstream requests unchanged, so that a line break
 * in one would start another header.  A claim can contain any character: the
 * variable is empty if its text has control characters.
 */

#include "ngx_http_gateway_jwt.h"
#include "gw_json.h"


#define NGX_HTTP_GATEWAY_JWT_MAX_NAME  256


/* the part of the token that a variable reads */

typedef enum {
    NGX_HTTP_GATEWAY_JWT_CLAIMS = 0,
    NGX_HTTP_GATEWAY_JWT_HEADER
} ngx_http_gateway_jwt_half_e;


/* a variable of gateway_jwt_claim_set or gateway_jwt_header_set */

typedef struct {
    ngx_http_gateway_jwt_half_e  half;
    gw_claim_path_t              path;
} ngx_http_gateway_jwt_set_t;


static ngx_http_gateway_jwt_token_t *ngx_http_gateway_jwt_readable(
    ngx_http_request_t *r);
static const json_t *ngx_http_gateway_jwt_half(ngx_http_request_t *r,
    ngx_http_gateway_jwt_token_t *token, ngx_http_gateway_jwt_half_e half,
    const char *name);
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
static ngx_int_t ngx_http_gateway_jwt_used_variable(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf, ngx_str_t *variable);
static ngx_uint_t ngx_http_gateway_jwt_begins(ngx_str_t *variable,
    const char *prefix, ngx_str_t *rest);
static char *ngx_http_gateway_jwt_set(ngx_conf_t *cf,
    ngx_http_gateway_jwt_half_e half);
static void ngx_http_gateway_jwt_set_warn(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_gateway_jwt_half_e half);
static char *ngx_http_gateway_jwt_set_path(ngx_conf_t *cf,
    ngx_http_gateway_jwt_set_t *set, ngx_http_gateway_jwt_half_e half);


static ngx_http_variable_t  ngx_http_gateway_jwt_vars[] = {

    { ngx_string("gateway_jwt_claim_"), NULL,
      ngx_http_gateway_jwt_claim_variable,
      0, NGX_HTTP_GATEWAY_VAR_IDENTITY|NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("gateway_jwt_header_"), NULL,
      ngx_http_gateway_jwt_header_variable,
      0, NGX_HTTP_GATEWAY_VAR_IDENTITY|NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("gateway_jwt_refused_claim_"), NULL,
      ngx_http_gateway_jwt_refused_variable,
      0, NGX_HTTP_GATEWAY_VAR_IDENTITY|NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("gateway_jwt_payload"), NULL,
      ngx_http_gateway_jwt_payload_variable,
      0, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_jwt_status"), NULL,
      ngx_http_gateway_jwt_status_variable,
      0, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_gateway_jwt_add_variables(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_variables(cf, ngx_http_gateway_jwt_vars);
}


/*
 * nginx has an index for each variable that the configuration uses.  A variable
 * that is found by its name while serving, as by SSI, has none: its claim is
 * parsed when it is read.
 */

ngx_int_t
ngx_http_gateway_jwt_used_variables(ngx_conf_t *cf)
{
    ngx_uint_t                         i;
    ngx_http_variable_t               *v;
    ngx_http_core_main_conf_t         *cmcf;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (ngx_http_gateway_jwt_used_variable(cf, jmcf, &v[i].name)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    jmcf->names.elts = jmcf->claims.elts;
    jmcf->names.n = jmcf->claims.nelts;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_used_variable(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf, ngx_str_t *variable)
{
    ngx_str_t  name;

    if (ngx_http_gateway_jwt_begins(variable, "gateway_jwt_header_", &name)) {
        jmcf->header = 1;
        return NGX_OK;
    }

    if (ngx_http_gateway_jwt_begins(variable, "gateway_jwt_claim_", &name)) {
        return ngx_http_gateway_jwt_read(cf, &jmcf->claims, &name);
    }

    if (!ngx_http_gateway_jwt_begins(variable, "gateway_jwt_refused_claim_",
                                     &name))
    {
        return NGX_OK;
    }

    if (ngx_http_gateway_jwt_read(cf, &jmcf->claims, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_jwt_read(cf, &jmcf->refused, &name);
}


static ngx_uint_t
ngx_http_gateway_jwt_begins(ngx_str_t *variable, const char *prefix,
    ngx_str_t *rest)
{
    size_t  len;

    len = ngx_strlen(prefix);

    if (variable->len < len
        || ngx_strncmp(variable->data, prefix, len) != 0)
    {
        return 0;
    }

    rest->len = variable->len - len;
    rest->data = variable->data + len;

    return 1;
}


/* adds a name once, with a NUL at its end */

ngx_int_t
ngx_http_gateway_jwt_read(ngx_conf_t *cf, ngx_array_t *names,
    const ngx_str_t *name)
{
    u_char      *p;
    ngx_str_t   *elt;
    ngx_uint_t   i;

    elt = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (ngx_http_gateway_same(&elt[i], name)) {
            return NGX_OK;
        }
    }

    p = ngx_pnalloc(cf->pool, name->len + 1);
    elt = ngx_array_push(names);

    if (p == NULL || elt == NULL) {
        return NGX_ERROR;
    }

    elt->len = name->len;
    elt->data = p;

    *ngx_cpymem(p, name->data, name->len) = '\0';

    return NGX_OK;
}


static ngx_http_gateway_jwt_token_t *
ngx_http_gateway_jwt_readable(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;
    ngx_http_gateway_jwt_ctx_t  *ctx;

    gr = ngx_http_gateway_request(r);
    ctx = gr ? ngx_http_gateway_jwt_ctx(gr) : NULL;

    return ctx ? ngx_http_gateway_jwt_token(r, ctx) : NULL;
}


/* the object with all members that the token has of this name */

static const json_t *
ngx_http_gateway_jwt_half(ngx_http_request_t *r,
    ngx_http_gateway_jwt_token_t *token, ngx_http_gateway_jwt_half_e half,
    const char *name)
{
    gw_text_t                          text;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    if (half == NGX_HTTP_GATEWAY_JWT_HEADER) {

        /* an opaque token has no header */

        return (token->jws.alg && gw_jws_complete(&token->jws) == GW_OK)
               ? token->jws.whole : NULL;
    }

    text.data = (const u_char *) name;
    text.len = ngx_strlen(name);

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    return gw_json_names_has(&jmcf->names, &text)
           ? token->claims : ngx_http_gateway_jwt_all_claims(token);
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

    if (json_is_string(value) && token->kept) {
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
    u_char                         name[NGX_HTTP_GATEWAY_JWT_MAX_NAME];
    size_t                         len;
    ngx_str_t                     *variable;
    const json_t                  *object;
    ngx_http_gateway_jwt_token_t  *token;

    variable = (ngx_str_t *) data;

    token = ngx_http_gateway_jwt_readable(r);
    len = variable->len - prefix;

    if (token == NULL || len >= sizeof(name)) {
        v->not_found = 1;
        return NGX_OK;
    }

    /* jansson needs a NUL */

    *ngx_cpymem(name, variable->data + prefix, len) = '\0';

    object = ngx_http_gateway_jwt_half(r, token, half, (char *) name);

    return ngx_http_gateway_jwt_text(r, token,
                                     json_object_get(object, (char *) name),
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

    const json_t                  *object;
    ngx_http_gateway_jwt_token_t  *token;

    token = ngx_http_gateway_jwt_readable(r);

    if (token == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    object = ngx_http_gateway_jwt_half(r, token, set->half,
                                       set->path.steps[0].name);

    return ngx_http_gateway_jwt_text(r, token,
                                     gw_claim_find(object, &set->path), v);
}


static ngx_int_t
ngx_http_gateway_jwt_payload_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                     *payload;
    const json_t                  *claims;
    ngx_http_gateway_jwt_token_t  *token;

    token = ngx_http_gateway_jwt_readable(r);

    if (token == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    payload = &token->payload;

    if (payload->data == NULL) {
        payload->data = (u_char *) token->jws.payload;
        payload->len = token->jws.payload_len;

        if (ngx_http_gateway_header_unsafe(payload)) {

            /* formatted JSON: the same without line breaks */

            claims = ngx_http_gateway_jwt_all_claims(token);

            payload->len = claims ? gw_json_text(claims, NULL) : 0;
            payload->data = ngx_pnalloc(r->pool, payload->len + 1);
            if (payload->data == NULL || claims == NULL) {
                return NGX_ERROR;
            }

            (void) gw_json_text(claims, payload->data);

        } else if (!token->kept) {
            payload->data = ngx_pstrdup(r->pool, payload);
            if (payload->data == NULL) {
                return NGX_ERROR;
            }
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
    ngx_http_gateway_jwt_ctx_t  *ctx;

    gr = ngx_http_gateway_request(r);
    ctx = gr ? ngx_http_gateway_jwt_ctx(gr) : NULL;

    if (ctx == NULL || !ctx->judged) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (ctx->reason) {

    case GW_OK:
        if (ctx->unverified) {
            ngx_str_set(&status, "unverified");

        } else {
            ngx_str_set(&status, "verified");
        }

        break;

    case GW_MISSING:
        ngx_str_set(&status, "absent");
        break;

    default:
        status.data = (u_char *) gw_reason_word(ctx->reason);
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


static char *
ngx_http_gateway_jwt_set(ngx_conf_t *cf, ngx_http_gateway_jwt_half_e half)
{
    ngx_str_t                   *value, name;
    ngx_http_gateway_jwt_set_t  *set;

    value = cf->args->elts;

    if (value[1].len < 2 || value[1].data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable name \"%V\" in \"%V\", it must "
                           "be \"$\" and a name, such as $jwt_sub",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    set = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_set_t));
    if (set == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_jwt_set_path(cf, set, half) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    name.len = value[1].len - 1;
    name.data = value[1].data + 1;

    if (ngx_http_gateway_add_identity_variable(cf, &name,
                                             ngx_http_gateway_jwt_set_variable,
                                             (uintptr_t) set, 0)
        == NULL)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * Each argument is the name of one level and may contain dots.  nginx ends
 * arguments with a NUL.
 */

static char *
ngx_http_gateway_jwt_set_path(ngx_conf_t *cf, ngx_http_gateway_jwt_set_t *set,
    ngx_http_gateway_jwt_half_e half)
{
    ngx_str_t                         *value;
    ngx_uint_t                         i, n;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    value = cf->args->elts;
    n = cf->args->nelts - 2;

    if (n > GW_CLAIM_MAX_STEPS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many names in \"%V\", allowed are %d",
                           &value[0], GW_CLAIM_MAX_STEPS);
        return NGX_CONF_ERROR;
    }

    set->half = half;
    set->path.n = n;

    for (i = 0; i < n; i++) {
        ngx_http_gateway_jwt_set_warn(cf, &value[i + 2], half);
        set->path.steps[i].name = (char *) value[i + 2].data;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    if (half == NGX_HTTP_GATEWAY_JWT_HEADER) {
        jmcf->header = 1;
        return NGX_CONF_OK;
    }

    return (ngx_http_gateway_jwt_read(cf, &jmcf->claims, &value[2]) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* warns of variables, patterns and paths of other languages */

static void
ngx_http_gateway_jwt_set_warn(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_gateway_jwt_half_e half)
{
    ngx_str_t  *directive;

    ngx_http_gateway_warn_literal(cf, name,
                                  (half == NGX_HTTP_GATEWAY_JWT_HEADER)
                                  ? "the name of a header member"
                                  : "the name of a claim");

    if ((name->len > 1 && name->data[0] == '/')
        || (name->len > 2 && name->data[0] == '$' && name->data[1] == '.'))
    {
        directive = cf->args->elts;

        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" in \"%V\" is a single name, write the "
                           "names of the levels, separated by blanks",
                           name, directive);
    }
}
