/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Finding the key of a request, hiding it, looking up its digest and checking
 * its entry.
 *
 * The gateway stores only digests of keys, in the set of consumers
 * (modules/consumers).  One function does the lookup.
 */

#include "ngx_http_gateway_api_key.h"


static const char *ngx_http_gateway_api_key_no_key(const ngx_array_t *sources,
    const ngx_http_gateway_shown_t *found);
static gw_reason_e ngx_http_gateway_api_key_unescape(ngx_http_request_t *r,
    ngx_str_t *key);
static ngx_int_t ngx_http_gateway_api_key_lookup(ngx_http_request_t *r,
    const ngx_http_gateway_api_key_shown_t *shown,
    ngx_http_gateway_consumer_t *found);
static gw_reason_e ngx_http_gateway_api_key_check(ngx_http_request_t *r,
    const ngx_http_gateway_consumer_t *found);
static ngx_uint_t ngx_http_gateway_api_key_address(ngx_http_request_t *r,
    const gw_consumer_key_t *key);
static gw_reason_e ngx_http_gateway_api_key_identify(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_api_key_loc_conf_t *alcf,
    const ngx_http_gateway_consumer_t *found);


ngx_uint_t  ngx_http_gateway_api_key_method;


void
ngx_http_gateway_api_key_find(ngx_http_request_t *r,
    const ngx_http_gateway_api_key_loc_conf_t *alcf,
    ngx_http_gateway_api_key_shown_t *shown)
{
    ngx_http_gateway_shown_t  *found;

    found = &shown->found;

    ngx_http_gateway_sources_find(r, alcf->sources, found);

    shown->reason = found->reason;
    shown->mistake = NULL;
    shown->key = found->value;
    shown->digested = 0;

    if (found->reason == GW_OK
        && found->source->kind == NGX_HTTP_GATEWAY_ARGUMENT)
    {
        shown->reason = ngx_http_gateway_api_key_unescape(r, &shown->key);
        shown->mistake = "the key is empty when decoded";
    }

    if (shown->reason == GW_MALFORMED_HEADER) {
        shown->reason = GW_MALFORMED_KEY;
        shown->mistake = ngx_http_gateway_api_key_no_key(alcf->sources, found);
    }

    if (shown->reason == GW_OK && alcf->format == NGX_HTTP_GATEWAY_API_KEY_GW) {
        shown->mistake = gw_key_mistake(shown->key.data, shown->key.len, NULL);

        if (shown->mistake) {
            shown->reason = GW_MALFORMED_KEY;
        }
    }
}


/* what is wrong with a source from which no key could be read */

static const char *
ngx_http_gateway_api_key_no_key(const ngx_array_t *sources,
    const ngx_http_gateway_shown_t *found)
{
    ngx_uint_t                        i;
    const ngx_http_gateway_source_t  *source;

    source = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        if (found->said[i] == GW_MALFORMED_HEADER
            && source[i].kind == NGX_HTTP_GATEWAY_BEARER)
        {
            return "Authorization is not \"Bearer\", a space and a key";
        }
    }

    return "the name before the key is misspelled";
}


void
ngx_http_gateway_api_key_digest(ngx_http_request_t *r,
    ngx_http_gateway_api_key_shown_t *shown)
{
    ngx_http_gateway_api_key_main_conf_t  *amcf;

    if (shown->reason != GW_OK
        || ngx_http_gateway_consumer_count(r, GW_CONSUMER_SHA256) == 0)
    {
        return;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_api_key_module);

    if (gw_key_sha256(&amcf->hash, shown->key.data, shown->key.len,
                      shown->digest)
        != 0)
    {
        shown->reason = GW_FAILED;
        return;
    }

    shown->digested = 1;

    ngx_http_gateway_consumer_prefetch(r, GW_CONSUMER_SHA256, shown->digest,
                                       GW_KEY_DIGEST, 0);
}


/* empties every source, also if the key is rejected: logs must not show it */

ngx_int_t
ngx_http_gateway_api_key_hide(ngx_http_request_t *r,
    const ngx_http_gateway_api_key_loc_conf_t *alcf,
    const ngx_http_gateway_api_key_shown_t *shown)
{
    if (!alcf->hide) {
        return NGX_OK;
    }

    if (ngx_http_gateway_sources_hide(r, alcf->sources, &shown->found,
                                      NGX_HTTP_GATEWAY_ALL_KINDS)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_gateway_hid(r, ngx_http_gateway_api_key_method);

    return NGX_OK;
}


gw_reason_e
ngx_http_gateway_api_key_judge(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_api_key_loc_conf_t *alcf,
    const ngx_http_gateway_api_key_shown_t *shown, ngx_str_t *id)
{
    size_t                       len;
    ngx_int_t                    rc;
    gw_reason_e                  reason;
    const ngx_str_t             *key;
    ngx_http_gateway_consumer_t  found;

    key = &shown->key;

    if (shown->reason != GW_OK) {
        return shown->reason;
    }

    rc = ngx_http_gateway_api_key_lookup(r, shown, &found);

    if (rc == NGX_ERROR) {
        return GW_FAILED;
    }

    if (rc == NGX_DECLINED) {

        if (gw_key_well_formed(key->data, key->len, &len)) {
            id->data = key->data + 3;
            id->len = len;
        }

        return GW_UNKNOWN_KEY;
    }

    id->data = (u_char *) found.key.id.data;
    id->len = found.key.id.len;

    reason = ngx_http_gateway_api_key_check(r, &found);

    return (reason == GW_OK)
           ? ngx_http_gateway_api_key_identify(r, gr, alcf, &found) : reason;
}


/* RFC 3986, 2.1: nginx does not decode arguments */

static gw_reason_e
ngx_http_gateway_api_key_unescape(ngx_http_request_t *r, ngx_str_t *key)
{
    u_char  *src, *dst, *p;

    if (ngx_strlchr(key->data, key->data + key->len, '%') == NULL) {
        return GW_OK;
    }

    p = ngx_pnalloc(r->pool, key->len);
    if (p == NULL) {
        return GW_FAILED;
    }

    src = key->data;
    dst = p;

    ngx_unescape_uri(&dst, &src, key->len, 0);

    key->data = p;
    key->len = dst - p;

    return key->len ? GW_OK : GW_MALFORMED_KEY;
}


/*
 * Finds the consumer of a key by its digest.  Returns as
 * ngx_http_gateway_consumer_find() does.
 */

static ngx_int_t
ngx_http_gateway_api_key_lookup(ngx_http_request_t *r,
    const ngx_http_gateway_api_key_shown_t *shown,
    ngx_http_gateway_consumer_t *found)
{
    size_t                                 i;
    u_char                                 digest[GW_KEY_DIGEST];
    ngx_int_t                              rc;
    gw_key_hash_t                         *hash;
    ngx_http_gateway_api_key_main_conf_t  *amcf;

    if (shown->digested) {
        rc = ngx_http_gateway_consumer_find(r, GW_CONSUMER_SHA256,
                                            shown->digest, GW_KEY_DIGEST,
                                            found);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (ngx_http_gateway_consumer_count(r, GW_CONSUMER_HMAC_SHA256) == 0) {
        return NGX_DECLINED;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_api_key_module);
    hash = &amcf->hash;

    for (i = 0; i < hash->npeppers; i++) {

        if (gw_key_hmac_sha256(hash, i, shown->key.data, shown->key.len,
                               digest)
            != 0)
        {
            return NGX_ERROR;
        }

        rc = ngx_http_gateway_consumer_find(r, GW_CONSUMER_HMAC_SHA256, digest,
                                            GW_KEY_DIGEST, found);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


static gw_reason_e
ngx_http_gateway_api_key_check(ngx_http_request_t *r,
    const ngx_http_gateway_consumer_t *found)
{
    time_t  now;

    if (found->consumer.disabled || found->key.disabled) {
        return GW_DISABLED;
    }

    now = ngx_time();

    if (now < found->key.not_before) {
        return GW_NOT_YET_VALID;
    }

    if (now >= found->key.expires) {
        return GW_EXPIRED;
    }

    return ngx_http_gateway_api_key_address(r, &found->key)
           ? GW_OK : GW_ADDRESS_NOT_ALLOWED;
}


/* the address is the one that realip has set */

static ngx_uint_t
ngx_http_gateway_api_key_address(ngx_http_request_t *r,
    const gw_consumer_key_t *key)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (r->connection->sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;
        return gw_consumer_allows(key, sin6->sin6_addr.s6_addr, 16);
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) r->connection->sockaddr;
        return gw_consumer_allows(key, (u_char *) &sin->sin_addr.s_addr, 4);

    default:
        return gw_consumer_allows(key, NULL, 0);
    }
}


static gw_reason_e
ngx_http_gateway_api_key_identify(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_api_key_loc_conf_t *alcf,
    const ngx_http_gateway_consumer_t *found)
{
    ngx_http_gateway_identity_t  identity;

    ngx_memzero(&identity, sizeof(ngx_http_gateway_identity_t));

    if (ngx_http_gateway_consumer_identity(r, found, &identity) != NGX_OK) {
        return GW_FAILED;
    }

    if (alcf->bearer) {
        ngx_str_set(&identity.scheme, "Bearer");

    } else {
        ngx_str_set(&identity.scheme, "Key");
    }

    identity.credential.len = found->key.id.len;
    identity.credential.data = (u_char *) found->key.id.data;

    identity.scopes.len = found->key.scopes.len;
    identity.scopes.data = (u_char *) found->key.scopes.data;

    identity.has_scopes = found->key.has_scopes;
    identity.dry_run = (alcf->mode == NGX_HTTP_GATEWAY_DRY_RUN);

    return ngx_http_gateway_identity_set(r, gr, ngx_http_gateway_api_key_method,
                                         &identity);
}


ngx_int_t
ngx_http_gateway_api_key_hide_early(ngx_http_request_t *r)
{
    const ngx_http_gateway_api_key_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_api_key_module);

    if (!alcf->enable || !alcf->hide) {
        return NGX_OK;
    }

    if (ngx_http_gateway_hide_sources(r, alcf->sources) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_gateway_hid(r, ngx_http_gateway_api_key_method);

    return NGX_OK;
}
