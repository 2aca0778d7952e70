/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The client's identity, combined from all valid credentials.
 *
 * With "satisfy any" there is one credential.  With "satisfy all" each method
 * that is on has one, such as an application's key and its user's token.  The
 * combined identity never allows more than any one of the credentials.
 */

#include "ngx_http_gateway.h"
#include "gw_names.h"


static gw_reason_e ngx_http_gateway_identity_combine(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);
static ngx_uint_t ngx_http_gateway_identity_winner(
    const ngx_http_gateway_request_t *gr, ngx_uint_t counted);
static ngx_uint_t ngx_http_gateway_identity_conflict(
    const ngx_http_gateway_request_t *gr, ngx_uint_t counted,
    ngx_uint_t winner);
static ngx_int_t ngx_http_gateway_identity_add(ngx_http_request_t *r,
    ngx_http_gateway_identity_t *sum, const ngx_http_gateway_identity_t *other);
static void ngx_http_gateway_identity_fill(ngx_http_gateway_identity_t *sum,
    const ngx_http_gateway_identity_t *other);


#define ngx_http_gateway_bit(i)  ((ngx_uint_t) 1 << (i))


void
ngx_http_gateway_identity_begin(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t method)
{
    ngx_uint_t  present;

    present = gr->present & ~ngx_http_gateway_bit(method);

    if (gr->location != r->loc_conf) {
        gr->location = r->loc_conf;
        gr->would = GW_OK;
        present = 0;
    }

    if (present != gr->present) {
        gr->present = present;
        gr->proved &= present;

        /* the rest cannot conflict; without memory the identity is empty */

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

    gmcf->authenticates = 1;
    glcf->authenticates = 1;

    if (mode == NGX_HTTP_GATEWAY_REQUIRED) {
        glcf->requires++;
    }
}


void
ngx_http_gateway_identity_required(ngx_conf_t *cf)
{
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    /* even if another method grants access under "satisfy any" */

    glcf->requires += 2;
}


void
ngx_http_gateway_identity_enter(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    if (gr->location == r->loc_conf) {
        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway enter: no method was called at this location");

    gr->present = 0;
    gr->proved = 0;

    ngx_memzero(&gr->identity, sizeof(ngx_http_gateway_identity_t));

    gr->would = GW_OK;
    gr->location = r->loc_conf;
}


gw_reason_e
ngx_http_gateway_identity_set(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t method,
    const ngx_http_gateway_identity_t *identity)
{
    gw_reason_e                    reason;
    ngx_http_gateway_method_t     *m;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    m = gmcf->methods.elts;

    gr->identities[method] = *identity;
    gr->identities[method].method = m[method].name;

    gr->present |= ngx_http_gateway_bit(method);

    if (!identity->dry_run) {
        gr->proved |= ngx_http_gateway_bit(method);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway identity: method \"%V\", consumer \"%V\", "
                   "credential \"%V\", in consumers file:%ui",
                   &m[method].name,
                   ngx_http_gateway_printable(&identity->consumer),
                   ngx_http_gateway_printable(&identity->credential),
                   identity->known);

    reason = ngx_http_gateway_identity_combine(r, gr);

    if (reason != GW_OK) {
        ngx_http_gateway_identity_begin(r, gr, method);
    }

    return reason;
}


/* the other identities are added to the winner's in the order of ACCESS */

static gw_reason_e
ngx_http_gateway_identity_combine(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    ngx_uint_t                     i, counted, winner;
    ngx_http_gateway_main_conf_t  *gmcf;

    counted = gr->proved ? gr->proved : gr->present;

    if (counted == 0) {
        ngx_memzero(&gr->identity, sizeof(ngx_http_gateway_identity_t));
        return GW_OK;
    }

    winner = ngx_http_gateway_identity_winner(gr, counted);

    if (ngx_http_gateway_identity_conflict(gr, counted, winner)) {
        ngx_memzero(&gr->identity, sizeof(ngx_http_gateway_identity_t));
        return GW_CONSUMER_CONFLICT;
    }

    gr->identity = gr->identities[winner];
    gr->identity.all_groups = gr->identity.groups;

    counted &= ~ngx_http_gateway_bit(winner);

    if (counted == 0) {
        return GW_OK;
    }

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    for (i = gmcf->methods.nelts; i-- > 0; /* void */ ) {

        if ((counted >> i & 1)
            && ngx_http_gateway_identity_add(r, &gr->identity,
                                             &gr->identities[i])
               != NGX_OK)
        {
            ngx_memzero(&gr->identity, sizeof(ngx_http_gateway_identity_t));
            return GW_FAILED;
        }
    }

    return GW_OK;
}


/*
 * Methods that name a consumer of the file take precedence over others.  Among
 * equal ones, the winner is the method called first in ACCESS, which has the
 * highest index.
 */

static ngx_uint_t
ngx_http_gateway_identity_winner(const ngx_http_gateway_request_t *gr,
    ngx_uint_t counted)
{
    ngx_uint_t  i, winner, known;

    winner = 0;
    known = 0;

    for (i = 0; counted >> i; i++) {

        if ((counted >> i & 1) && (gr->identities[i].known || !known)) {
            winner = i;
            known = gr->identities[i].known;
        }
    }

    return winner;
}


static ngx_uint_t
ngx_http_gateway_identity_conflict(const ngx_http_gateway_request_t *gr,
    ngx_uint_t counted, ngx_uint_t winner)
{
    ngx_uint_t                          i;
    const ngx_http_gateway_identity_t  *identities;

    identities = gr->identities;

    for (i = 0; counted >> i; i++) {

        if ((counted >> i & 1) && identities[i].known
            && !ngx_http_gateway_same(&identities[i].consumer,
                                      &identities[winner].consumer))
        {
            return 1;
        }
    }

    return 0;
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

    /* the same consumer, since another one would conflict */

    ngx_http_gateway_identity_fill(sum, other);

    return ngx_http_gateway_identity_groups(r, &sum->groups, &other->groups);
}


/* a field with one value is that of the first credential that has one */

static void
ngx_http_gateway_identity_fill(ngx_http_gateway_identity_t *sum,
    const ngx_http_gateway_identity_t *other)
{
    if (sum->credential.len == 0) {
        sum->credential = other->credential;
    }

    if (sum->scheme.len == 0) {
        sum->scheme = other->scheme;
        sum->params = other->params;
    }

    if (sum->plan.len == 0) {
        sum->plan = other->plan;
    }

    if (sum->metadata.len == 0) {
        sum->metadata = other->metadata;
    }
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
