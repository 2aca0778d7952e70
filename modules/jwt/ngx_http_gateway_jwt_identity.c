/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a verified token says about its bearer: consumer, scopes and groups
 * in the request's record, and claims in lines towards the upstream.
 */

#include "ngx_http_gateway_jwt.h"
#include "gw_json.h"


static ngx_uint_t ngx_http_gateway_jwt_trimmed(const ngx_str_t *name);
static gw_reason_e ngx_http_gateway_jwt_map(ngx_http_request_t *r,
    ngx_http_gateway_identity_t *identity, const json_t *claims,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_uint_t ngx_http_gateway_jwt_own(ngx_http_request_t *r,
    const ngx_str_t *consumer, const json_t *claims,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_uint_t ngx_http_gateway_jwt_speaks(ngx_http_request_t *r,
    const json_t *claims, const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_int_t ngx_http_gateway_jwt_find_subject(ngx_http_request_t *r,
    const json_t *claims, ngx_http_gateway_consumer_t *found);
static ngx_int_t ngx_http_gateway_jwt_consumer(ngx_http_request_t *r,
    ngx_str_t *consumer, const json_t *claims,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_int_t ngx_http_gateway_jwt_names(ngx_http_request_t *r,
    ngx_str_t *names, const json_t *claims, ngx_array_t *paths,
    char separator);
static ngx_int_t ngx_http_gateway_jwt_set_header(ngx_http_request_t *r,
    const json_t *claims, ngx_http_gateway_jwt_header_t *header);
static ngx_int_t ngx_http_gateway_jwt_foreign_path(ngx_conf_t *cf,
    ngx_str_t *text, ngx_str_t *dotted);


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
    const json_t                *claims;
    ngx_http_gateway_jwt_ctx_t  *ctx;
    ngx_http_gateway_identity_t  identity;

    ctx = ngx_http_gateway_jwt_ctx(gr);
    claims = ctx->token->claims;

    /* texts of the identity stand in the claims, and would go with them */

    gr->transient = !ctx->token->kept;

    ngx_memzero(&identity, sizeof(ngx_http_gateway_identity_t));

    if (!ngx_http_gateway_jwt_no_challenge(jlcf)) {
        ngx_str_set(&identity.scheme, "Bearer");
        identity.params = jlcf->challenge;
    }

    if (ngx_http_gateway_jwt_consumer(r, &identity.consumer, claims, jlcf)
        != NGX_OK
        || ngx_http_gateway_jwt_names(r, &identity.scopes, claims,
                                      jlcf->scopes, ' ')
           != NGX_OK
        || ngx_http_gateway_jwt_names(r, &identity.groups, claims,
                                      jlcf->groups, ',')
           != NGX_OK)
    {
        return GW_FAILED;
    }

    /*
     * nginx writes a variable into an upstream's request as it is.  Leaving
     * the consumer empty instead would free it of its limits.
     */

    if (ngx_http_gateway_header_unsafe(&identity.consumer)) {
        ngx_str_set(&ctx->why, "the consumer has a control character");
        return GW_MALFORMED_PAYLOAD;
    }

    identity.has_scopes = (identity.scopes.data != NULL);
    identity.dry_run = (jlcf->mode == NGX_HTTP_GATEWAY_DRY_RUN);

    reason = ngx_http_gateway_jwt_map(r, &identity, claims, jlcf);

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


/*
 * RFC 9110, 5.5: blanks at the ends are no part of a line's value, so that an
 * upstream would read the name without them, which may be a consumer's.
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


/*
 * A token names a consumer of the file where its (iss, sub) stands there, or
 * by its text where gateway_jwt_consumer says so; in both ways it must be the
 * same.  The text of one that names none must not be the id of one: an issuer
 * that may choose its subjects freely must not be able to speak for a
 * consumer.
 */

static gw_reason_e
ngx_http_gateway_jwt_map(ngx_http_request_t *r,
    ngx_http_gateway_identity_t *identity, const json_t *claims,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_int_t                     by_subject, by_id;
    ngx_http_gateway_consumer_t   subject, id, *found;

    by_subject = ngx_http_gateway_jwt_find_subject(r, claims, &subject);
    by_id = ngx_http_gateway_consumer_find(r, GW_CONSUMER_ID,
                                           identity->consumer.data,
                                           identity->consumer.len, &id);

    if (by_subject == NGX_ERROR || by_id == NGX_ERROR) {
        return GW_FAILED;
    }

    if (by_subject == NGX_DECLINED && by_id == NGX_DECLINED) {
        return ngx_http_gateway_jwt_own(r, &identity->consumer, claims, jlcf)
               ? GW_OK : GW_CONSUMER_CONFLICT;
    }

    if (by_subject == NGX_OK) {
        found = &subject;

        if (!ngx_http_gateway_jwt_speaks(r, claims, jlcf)) {
            ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                           "gateway jwt: issuer and subject are a consumer's, "
                           "and the key is bound to no issuer");
            return GW_CONSUMER_CONFLICT;
        }

        if (by_id == NGX_OK && jlcf->consumer
            && !ngx_http_gateway_same(&id.consumer.id, &subject.consumer.id))
        {
            return GW_CONSUMER_CONFLICT;
        }

    } else {
        found = &id;

        if (jlcf->consumer == NULL) {
            return GW_CONSUMER_CONFLICT;
        }
    }

    if (found->consumer.disabled) {
        return GW_DISABLED;
    }

    return (ngx_http_gateway_consumer_identity(r, found, identity) == NGX_OK)
           ? GW_OK : GW_FAILED;
}


/*
 * Whether a text that names nobody of the file may be the token's: a token of
 * no issuer, or of one whose name ends in "#" and more, must not be taken for
 * another issuer's.
 */

static ngx_uint_t
ngx_http_gateway_jwt_own(ngx_http_request_t *r, const ngx_str_t *consumer,
    const json_t *claims, const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    const json_t                      *iss;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    if (jlcf->consumer) {
        return 1;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    iss = json_object_get(claims, "iss");

    return !ngx_http_gateway_jwt_borrows(jmcf, consumer,
                                         json_string_value(iss),
                                         json_string_length(iss));
}


/*
 * The configuration was refused if the file had such consumers at that time;
 * it may have got them since.
 */

static ngx_uint_t
ngx_http_gateway_jwt_speaks(ngx_http_request_t *r, const json_t *claims,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    const json_t                      *iss;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    iss = json_object_get(claims, "iss");

    return ngx_http_gateway_jwt_vouched(jmcf, jlcf, json_string_value(iss),
                                        json_string_length(iss));
}


static ngx_int_t
ngx_http_gateway_jwt_find_subject(ngx_http_request_t *r, const json_t *claims,
    ngx_http_gateway_consumer_t *found)
{
    u_char        *p, *name;
    size_t         len;
    const json_t  *iss, *sub;

    iss = json_object_get(claims, "iss");
    sub = json_object_get(claims, "sub");

    if (!json_is_string(iss) || !json_is_string(sub)
        || ngx_http_gateway_consumer_count(r, GW_CONSUMER_JWT) == 0)
    {
        return NGX_DECLINED;
    }

    len = json_string_length(iss) + 1 + json_string_length(sub);

    name = ngx_pnalloc(r->pool, len);
    if (name == NULL) {
        return NGX_ERROR;
    }

    /* neither holds a NUL in the file: one that does here finds nothing */

    p = ngx_cpymem(name, json_string_value(iss), json_string_length(iss));
    *p++ = '\0';
    ngx_memcpy(p, json_string_value(sub), json_string_length(sub));

    return ngx_http_gateway_consumer_find(r, GW_CONSUMER_JWT, name, len,
                                          found);
}


/*
 * RFC 7519, 4.1.2: "sub" is unique within its issuer; where several issuers
 * are accepted and nothing else is configured, both together are.
 */

static ngx_int_t
ngx_http_gateway_jwt_consumer(ngx_http_request_t *r, ngx_str_t *consumer,
    const json_t *claims, const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    u_char        *p;
    size_t         len;
    const json_t  *claim, *iss;

    claim = jlcf->consumer ? gw_claim_find(claims, jlcf->consumer)
                           : json_object_get(claims, "sub");

    iss = (jlcf->many_issuers && jlcf->consumer == NULL)
          ? json_object_get(claims, "iss") : NULL;

    ngx_str_null(consumer);

    if (claim == NULL || json_is_array(claim) || json_is_object(claim)
        || json_is_null(claim))
    {
        return NGX_OK;
    }

    if (iss == NULL && json_is_string(claim)) {
        consumer->data = (u_char *) json_string_value(claim);
        consumer->len = json_string_length(claim);
        return NGX_OK;
    }

    len = gw_claim_text(claim, ',', NULL) + json_string_length(iss) + 1;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    consumer->data = p;

    if (iss) {
        p = ngx_cpymem(p, json_string_value(iss), json_string_length(iss));
        *p++ = '#';
    }

    p += gw_claim_text(claim, ',', p);
    consumer->len = p - consumer->data;

    return NGX_OK;
}


/* the first of the paths that leads to something */

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
 * The client's lines of this name are gone since PREACCESS.  A value that
 * cannot stand in a line leaves it unset: the upstream sees no identity
 * rather than half of one.
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
ngx_http_gateway_jwt_parse_path(ngx_conf_t *cf, ngx_str_t *text,
    gw_claim_path_t *path)
{
    char                              *buf;
    const char                        *err;
    ngx_str_t                         *directive, name;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    buf = ngx_pnalloc(cf->pool, text->len + 1);
    if (buf == NULL) {
        return NGX_CONF_ERROR;
    }

    err = gw_claim_path_parse(path, buf, text->data, text->len);

    if (err) {
        directive = cf->args->elts;

        if (ngx_http_gateway_jwt_foreign_path(cf, text, &name) == NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "path \"%V\" in \"%V\" %s, write \"%V\", or "
                               "'\"%V\"' for a claim of this name",
                               text, directive, err, &name, text);
            return NGX_CONF_ERROR;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "path \"%V\" in \"%V\" %s, write for example sub, "
                           "realm_access.roles or "
                           "\"https://example.com/roles\"[0]",
                           text, directive, err);
        return NGX_CONF_ERROR;
    }

    /* quotes say that the name is meant */

    if (ngx_strlchr(text->data, text->data + text->len, '"') == NULL) {
        ngx_http_gateway_warn_literal(cf, text, "the name of a claim");
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    name.data = (u_char *) path->steps[0].name;
    name.len = ngx_strlen(name.data);

    return (ngx_http_gateway_jwt_read(cf, &jmcf->claims, &name) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* the dotted form of a JSON Pointer or JSONPath; NGX_DECLINED: it has none */

static ngx_int_t
ngx_http_gateway_jwt_foreign_path(ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *dotted)
{
    if (text->len < 2 || (text->data[0] != '/' && text->data[0] != '$')) {
        return NGX_DECLINED;
    }

    dotted->data = ngx_pnalloc(cf->pool, 4 * text->len);
    if (dotted->data == NULL) {
        return NGX_DECLINED;
    }

    dotted->len = gw_claim_path_dotted(text->data, text->len, dotted->data);

    return dotted->len ? NGX_OK : NGX_DECLINED;
}


char *
ngx_http_gateway_jwt_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t         *value;
    gw_claim_path_t  **path;

    path = (gw_claim_path_t **) ((char *) conf + cmd->offset);

    if (*path) {
        return "is duplicate";
    }

    *path = ngx_palloc(cf->pool, sizeof(gw_claim_path_t));
    if (*path == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    return ngx_http_gateway_jwt_parse_path(cf, &value[1], *path);
}


char *
ngx_http_gateway_jwt_paths(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t         *value;
    ngx_uint_t         i;
    ngx_array_t      **paths;
    gw_claim_path_t   *path;

    paths = (ngx_array_t **) ((char *) conf + cmd->offset);

    if (*paths) {
        return "is duplicate";
    }

    *paths = ngx_array_create(cf->pool, cf->args->nelts - 1,
                              sizeof(gw_claim_path_t));
    if (*paths == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strlchr(value[i].data, value[i].data + value[i].len, ',')
            && ngx_strlchr(value[i].data, value[i].data + value[i].len, '"')
               == NULL)
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"%V\" in \"%V\" is one claim with a comma, "
                               "claims are separated by blanks", &value[i],
                               &value[0]);
        }

        path = ngx_array_push(*paths);
        if (path == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_gateway_jwt_parse_path(cf, &value[i], path)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
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
