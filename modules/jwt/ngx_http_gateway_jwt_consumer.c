/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The consumer that a token names.
 */

#include "ngx_http_gateway_jwt.h"


static ngx_uint_t ngx_http_gateway_jwt_own(ngx_http_request_t *r,
    const ngx_str_t *consumer, const json_t *claims,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_uint_t ngx_http_gateway_jwt_speaks(ngx_http_request_t *r,
    const json_t *claims, const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_int_t ngx_http_gateway_jwt_find_subject(ngx_http_request_t *r,
    const json_t *claims, ngx_http_gateway_consumer_t *found);


/*
 * A token names a consumer of the file where its (iss, sub) stands there, or
 * by its text where gateway_jwt_consumer says so; in both ways it must be the
 * same.  The text of one that names none must not be the id of one: an issuer
 * that may choose its subjects freely must not be able to speak for a
 * consumer.
 */

gw_reason_e
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

ngx_int_t
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
