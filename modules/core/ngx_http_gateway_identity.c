
/*
 * Who the client is, by all the credentials that have succeeded.
 *
 * Under "satisfy any" there is one; under "satisfy all" each method that is
 * on has one, and they may speak of the same consumer or of the same request
 * in two ways: an application's key and its user's token.  What they say
 * together never allows more than any one of them.
 */

#include "ngx_http_gateway.h"
#include "gw_names.h"


static gw_reason_e ngx_http_gateway_identity_combine(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);
static ngx_uint_t ngx_http_gateway_identity_conflict(
    const ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_identity_t *winner);
static const ngx_http_gateway_identity_t *ngx_http_gateway_identity_winner(
    ngx_http_gateway_request_t *gr);
static ngx_uint_t ngx_http_gateway_identity_counts(
    const ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_identity_t *identity);
static ngx_int_t ngx_http_gateway_identity_add(ngx_http_request_t *r,
    ngx_http_gateway_identity_t *sum, const ngx_http_gateway_identity_t *other);


void
ngx_http_gateway_identity_begin(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_method_e method)
{
    ngx_uint_t  i, changed;

    changed = 0;

    if (gr->location != r->loc_conf) {
        gr->would = GW_OK;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_METHODS; i++) {

        if (gr->identities[i].present
            && (i == method || gr->location != r->loc_conf))
        {
            gr->identities[i].present = 0;
            changed = 1;
        }
    }

    gr->location = r->loc_conf;

    if (changed) {

        /* the rest cannot be in conflict; without memory there is nobody */

        (void) ngx_http_gateway_identity_combine(r, gr);
    }
}


void
ngx_http_gateway_identity_asked(ngx_conf_t *cf, ngx_uint_t mode)
{
    ngx_http_gateway_loc_conf_t   *glcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    gmcf->asks = 1;
    glcf->asks = 1;

    if (mode == NGX_HTTP_GATEWAY_REQUIRED) {
        glcf->requires++;
    }
}


void
ngx_http_gateway_identity_required(ngx_conf_t *cf)
{
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    /* whoever has granted access, also under "satisfy any" */

    glcf->requires += 2;
}


void
ngx_http_gateway_identity_enter(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    ngx_uint_t                    i;
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

    if (!glcf->asks || gr->location == r->loc_conf) {
        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway enter: no method was asked at this location");

    for (i = 0; i < NGX_HTTP_GATEWAY_METHODS; i++) {
        gr->identities[i].present = 0;
    }

    ngx_memzero(&gr->identity, sizeof(ngx_http_gateway_identity_t));

    gr->would = GW_OK;
    gr->location = r->loc_conf;
}


gw_reason_e
ngx_http_gateway_identity_set(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_method_e method,
    const ngx_http_gateway_identity_t *identity)
{
    gw_reason_e  reason;

    gr->identities[method] = *identity;
    gr->identities[method].present = 1;

    reason = ngx_http_gateway_identity_combine(r, gr);

    if (reason != GW_OK) {
        ngx_http_gateway_identity_begin(r, gr, method);
    }

    return reason;
}


static gw_reason_e
ngx_http_gateway_identity_combine(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    ngx_uint_t                          i;
    const ngx_http_gateway_identity_t  *winner, *other;

    ngx_memzero(&gr->identity, sizeof(ngx_http_gateway_identity_t));

    winner = ngx_http_gateway_identity_winner(gr);

    if (winner == NULL) {
        return GW_OK;
    }

    if (ngx_http_gateway_identity_conflict(gr, winner)) {
        return GW_CONSUMER_CONFLICT;
    }

    gr->identity = *winner;
    gr->identity.all_groups = winner->groups;

    for (i = 0; i < NGX_HTTP_GATEWAY_METHODS; i++) {
        other = &gr->identities[i];

        if (other != winner && ngx_http_gateway_identity_counts(gr, other)
            && ngx_http_gateway_identity_add(r, &gr->identity, other)
               != NGX_OK)
        {
            ngx_memzero(&gr->identity, sizeof(ngx_http_gateway_identity_t));
            return GW_FAILED;
        }
    }

    return GW_OK;
}


static ngx_uint_t
ngx_http_gateway_identity_conflict(const ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_identity_t *winner)
{
    ngx_uint_t                          i;
    const ngx_http_gateway_identity_t  *other;

    for (i = 0; i < NGX_HTTP_GATEWAY_METHODS; i++) {
        other = &gr->identities[i];

        if (ngx_http_gateway_identity_counts(gr, other) && other->known
            && !ngx_http_gateway_same(&other->consumer, &winner->consumer))
        {
            return 1;
        }
    }

    return 0;
}


/* the first that names a consumer of the file, else the first */

static const ngx_http_gateway_identity_t *
ngx_http_gateway_identity_winner(ngx_http_gateway_request_t *gr)
{
    ngx_uint_t                          i;
    const ngx_http_gateway_identity_t  *identity, *winner;

    winner = NULL;

    for (i = 0; i < NGX_HTTP_GATEWAY_METHODS; i++) {
        identity = &gr->identities[i];

        if (!ngx_http_gateway_identity_counts(gr, identity)) {
            continue;
        }

        if (winner == NULL || (identity->known && !winner->known)) {
            winner = identity;
        }
    }

    return winner;
}


static ngx_uint_t
ngx_http_gateway_identity_counts(const ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_identity_t *identity)
{
    ngx_uint_t  i;

    if (!identity->present || !identity->dry_run) {
        return identity->present;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_METHODS; i++) {
        if (gr->identities[i].present && !gr->identities[i].dry_run) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_gateway_identity_add(ngx_http_request_t *r,
    ngx_http_gateway_identity_t *sum, const ngx_http_gateway_identity_t *other)
{
    u_char     *p;
    gw_text_t   a, b;

    if (other->has_scopes && !sum->has_scopes) {
        sum->scopes = other->scopes;
        sum->has_scopes = 1;

    } else if (other->has_scopes && sum->scopes.len) {
        a.len = sum->scopes.len;
        a.data = sum->scopes.data;
        b.len = other->scopes.len;
        b.data = other->scopes.data;

        p = ngx_pnalloc(r->pool, a.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        sum->scopes.len = gw_names_filter(&a, &b, ' ', 1, p);
        sum->scopes.data = p;
    }

    if (ngx_http_gateway_identity_groups(r, &sum->all_groups, &other->groups)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!other->known) {
        return NGX_OK;
    }

    return ngx_http_gateway_identity_groups(r, &sum->groups, &other->groups);
}


ngx_int_t
ngx_http_gateway_identity_groups(ngx_http_request_t *r, ngx_str_t *groups,
    const ngx_str_t *more)
{
    u_char     *p;
    size_t      len;
    gw_text_t   a, b;

    if (more->len == 0) {
        return NGX_OK;
    }

    if (groups->len == 0) {
        *groups = *more;
        return NGX_OK;
    }

    a.len = more->len;
    a.data = more->data;
    b.len = groups->len;
    b.data = groups->data;

    p = ngx_pnalloc(r->pool, b.len + 1 + a.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    groups->data = p;

    p = ngx_cpymem(p, b.data, b.len);
    *p++ = ',';

    len = gw_names_filter(&a, &b, ',', 0, p);

    if (len) {
        groups->len += 1 + len;
    }

    return NGX_OK;
}
