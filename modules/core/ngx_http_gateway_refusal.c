/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The refusals of a request: modules add them, and a grant drops them.
 *
 * A handler can only return a status.  Under "satisfy any" another method may
 * still grant access, and error_page may send another response.  So a refusal
 * is stored, and filters look for it when the response is sent:
 * ngx_http_gateway_error.c.
 */

#include "ngx_http_gateway_count.h"


static ngx_int_t ngx_http_gateway_answer_offer(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t slot,
    const ngx_http_gateway_refusal_t *verdict);
static ngx_http_gateway_refusal_t *ngx_http_gateway_refusal(
    ngx_http_request_t *r, ngx_http_gateway_request_t *gr, ngx_uint_t slot,
    const ngx_http_gateway_refusal_t *verdict);
static ngx_uint_t ngx_http_gateway_refusal_kept(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_refusal_t *refusal);


void
ngx_http_gateway_refusal_reset(ngx_http_gateway_request_t *gr,
    ngx_http_gateway_refusal_t *refusal)
{
    ngx_http_gateway_refusal_t  **p;

    for (p = &gr->refusals; *p; p = &(*p)->next) {
        if (*p == refusal) {
            *p = refusal->next;
            break;
        }
    }

    gr->reason = GW_OK;

    for (refusal = gr->refusals; refusal; refusal = refusal->next) {
        if (!refusal->offered && gw_reason_auth(refusal->reason)) {
            gr->reason = refusal->reason;
            break;
        }
    }
}


/*
 * A refusal of this location that has not ended the request was overruled under
 * "satisfy any", possibly by one of nginx's own methods.  A refusal of an
 * earlier location has ended the request, and this is its error page: a grant
 * of a method here drops it unless the page is sent with its status.
 */

void
ngx_http_gateway_refusals_granted(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    ngx_uint_t                   here, named, granted;
    ngx_http_gateway_refusal_t  *refusal, *next;

    named = (gr->present && gr->location == r->loc_conf);
    granted = named;

    for (refusal = gr->refusals; refusal; refusal = next) {
        next = refusal->next;

        here = (refusal->offered || refusal->location == r->loc_conf);

        if (refusal->retry_after == 0
            && (here || (named && r->err_status == 0)))
        {
            ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                           "gateway granted: refusal with reason \"%s\" is "
                           "void", gw_reason_word(refusal->reason));

            if (!refusal->offered) {
                granted = 1;
            }

            ngx_http_gateway_refusal_reset(gr, refusal);
        }
    }

    if (granted && ngx_http_gateway_satisfy_any(r)) {
        gr->would = GW_OK;

        if (gr->lines) {
            ngx_http_gateway_lines_drop(gr->lines);
        }
    }

    if (gr->lines) {
        ngx_http_gateway_lines_write(gr->lines);
    }
}


ngx_int_t
ngx_http_gateway_refuse(ngx_http_request_t *r, ngx_http_gateway_request_t *gr,
    ngx_http_gateway_refusal_t *refusal)
{
    ngx_http_gateway_refusal_reset(gr, refusal);

    refusal->location = r->loc_conf;
    refusal->offered = 0;
    refusal->asked = ngx_http_gateway_asked(r);
    refusal->next = gr->refusals;

    gr->refusals = refusal;

    if (gw_reason_auth(refusal->reason)) {
        gr->reason = refusal->reason;
    }

    return refusal->status;
}


ngx_uint_t
ngx_http_gateway_asked(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    if (r->upstream_states == NULL) {
        return 0;
    }

    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {
        if (state[i].bytes_sent > 0) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_gateway_refusals_meant(ngx_http_gateway_request_t *gr)
{
    ngx_http_gateway_refusal_t  *refusal;

    for (refusal = gr->refusals; refusal; refusal = refusal->next) {
        refusal->offered = 0;
    }
}


ngx_int_t
ngx_http_gateway_answer(ngx_http_request_t *r, ngx_http_gateway_request_t *gr,
    ngx_uint_t slot, const ngx_http_gateway_refusal_t *verdict,
    ngx_uint_t mode, const char *directive, const char *kind, ngx_str_t *id)
{
    ngx_http_gateway_refusal_t  *refusal;

    ngx_http_gateway_verdict(r, verdict, mode);

    switch (verdict->reason) {

    case GW_FAILED:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    case GW_OK:
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway %s: granted",
                       ngx_http_gateway_short(directive));

        return (mode == NGX_HTTP_GATEWAY_DRY_RUN) ? NGX_DECLINED : NGX_OK;

    case GW_MISSING:
        if (mode == NGX_HTTP_GATEWAY_OPTIONAL) {
            ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                           "gateway %s: no credential, which is optional",
                           ngx_http_gateway_short(directive));

            return ngx_http_gateway_answer_offer(r, gr, slot, verdict);
        }

        break;

    default:
        break;
    }

    ngx_http_gateway_line(r, gr, verdict, mode, directive, kind, id);

    if (mode == NGX_HTTP_GATEWAY_DRY_RUN) {
        gr->would = verdict->reason;
        return NGX_DECLINED;
    }

    refusal = ngx_http_gateway_refusal(r, gr, slot, verdict);

    return refusal ? ngx_http_gateway_refuse(r, gr, refusal)
                   : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* stores the challenge, in case something else refuses the request */

static ngx_int_t
ngx_http_gateway_answer_offer(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t slot,
    const ngx_http_gateway_refusal_t *verdict)
{
    ngx_http_gateway_refusal_t  *refusal;

    if (ngx_http_gateway_refusal_kept(r, gr, ngx_http_gateway_slot(gr, slot)))
    {
        return NGX_DECLINED;
    }

    refusal = ngx_http_gateway_refusal(r, gr, slot, verdict);
    if (refusal == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    refusal->next = gr->refusals;
    refusal->offered = 1;
    refusal->asked = ngx_http_gateway_asked(r);

    gr->refusals = refusal;

    return NGX_DECLINED;
}


/* copies the verdict to the slot; it is not on the list; NULL: no memory */

static ngx_http_gateway_refusal_t *
ngx_http_gateway_refusal(ngx_http_request_t *r, ngx_http_gateway_request_t *gr,
    ngx_uint_t slot, const ngx_http_gateway_refusal_t *verdict)
{
    ngx_http_gateway_refusal_t  *refusal;

    refusal = ngx_http_gateway_slot(gr, slot);

    ngx_http_gateway_refusal_reset(gr, refusal);

    if (refusal == NULL) {
        refusal = ngx_palloc(r->pool, sizeof(ngx_http_gateway_refusal_t));
        if (refusal == NULL) {
            return NULL;
        }

        ngx_http_gateway_slot(gr, slot) = refusal;
    }

    *refusal = *verdict;

    return refusal;
}


/* whether this is the error page of the refusal, which sends its challenge */

static ngx_uint_t
ngx_http_gateway_refusal_kept(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_refusal_t *refusal)
{
    ngx_http_gateway_refusal_t  *kept;

    for (kept = gr->refusals; kept; kept = kept->next) {
        if (kept == refusal) {
            return r->err_status != 0 && !kept->offered;
        }
    }

    return 0;
}


ngx_http_gateway_refusal_t *
ngx_http_gateway_refused(ngx_http_gateway_request_t *gr)
{
    ngx_http_gateway_refusal_t  *refusal, *refused;

    refused = NULL;

    for (refusal = gr->refusals; refusal; refusal = refusal->next) {

        if (!refusal->offered
            && (refused == NULL
                || (refusal->status == NGX_HTTP_UNAUTHORIZED
                    && refused->status == NGX_HTTP_FORBIDDEN)))
        {
            refused = refusal;
        }
    }

    return refused;
}
