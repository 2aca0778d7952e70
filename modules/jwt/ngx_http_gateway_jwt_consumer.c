/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The consumer that a token names: by a claim, and in the consumers file.
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
 * A token names a consumer of the file in two ways: by "iss" and "sub", which
 * an entry of the file lists, and, with gateway_jwt_consumer, by a claim that
 * is the consumer's id.  Both must name the same one.  Without
 * gateway_jwt_consumer a "sub" that is an id is refused: an issuer that can
 * choose any subject must not be able to impersonate a consumer.
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
                           "gateway jwt: \"iss\" and \"sub\" name a consumer, "
                           "but the key is bound to no issuer");
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
 * Whether the token may have a consumer that is not in the file.  A "sub" such
 * as "https://a.example#bob" in a token of another issuer, or of none, must not
 * pass for the subject "bob" of https://a.example.
 */

static ngx_uint_t
ngx_http_gateway_jwt_own(ngx_http_request_t *r, const ngx_str_t *consumer,
    const json_t *claims, const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    const json_t                      *iss;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    if (jlcf->consumer || jmcf->bound.nelts == 0) {
        return 1;
    }

    iss = json_object_get(claims, "iss");

    return !ngx_http_gateway_jwt_borrows(jmcf, consumer,
                                         json_string_value(iss),
                                         json_string_length(iss));
}


/*
 * nginx refuses a configuration with such keys if the consumers file has "iss"
 * and "sub", but the file may have got them later.
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

    if (ngx_http_gateway_consumer_count(r, GW_CONSUMER_JWT) == 0) {
        return NGX_DECLINED;
    }

    iss = json_object_get(claims, "iss");
    sub = json_object_get(claims, "sub");

    if (!json_is_string(iss) || !json_is_string(sub)) {
        return NGX_DECLINED;
    }

    len = json_string_length(iss) + 1 + json_string_length(sub);

    name = ngx_pnalloc(r->pool, len);
    if (name == NULL) {
        return NGX_ERROR;
    }

    /* no name in the file has a NUL: one in the token finds nothing */

    p = ngx_cpymem(name, json_string_value(iss), json_string_length(iss));
    *p++ = '\0';
    ngx_memcpy(p, json_string_value(sub), json_string_length(sub));

    return ngx_http_gateway_consumer_find(r, GW_CONSUMER_JWT, name, len,
                                          found);
}


/*
 * RFC 7519, 4.1.2: "sub" is unique within its issuer.  If several issuers are
 * accepted, the default is therefore "iss#sub".
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
