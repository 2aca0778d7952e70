/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Error log lines about refused credentials.
 *
 * With "satisfy any", a method that refuses the request does not know yet
 * whether another one grants it, and nginx does not report the outcome.
 * Therefore the lines are kept until it is known: in PRECONTENT, when a
 * response is sent, after an internal redirect to an error page, or when the
 * request is freed without a response.  They are dropped if a method has
 * granted the request, and written otherwise.
 */

#include "ngx_http_gateway.h"


#define NGX_HTTP_GATEWAY_LOG_ID  128    /* bytes of a credential's id */


typedef struct ngx_http_gateway_line_s  ngx_http_gateway_line_t;

struct ngx_http_gateway_line_s {
    const char                     *directive;
    const char                     *kind;       /* of the credential */
    ngx_str_t                       id;         /* as logged */
    ngx_str_t                       detail;     /* in the request's pool */
    ngx_uint_t                      status;
    gw_reason_e                     reason;
    ngx_uint_t                      dry_run;    /* unsigned:1 */
    ngx_http_gateway_line_t        *next;
};


struct ngx_http_gateway_lines_s {
    ngx_http_request_t             *request;    /* the main one */
    ngx_http_gateway_line_t        *first;
    ngx_http_gateway_line_t       **last;
};


static void ngx_http_gateway_line_write(ngx_http_request_t *r,
    const ngx_http_gateway_line_t *line);
static ngx_int_t ngx_http_gateway_line_keep(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, const ngx_http_gateway_line_t *line);
static void ngx_http_gateway_lines_cleanup(void *data);


void
ngx_http_gateway_line(ngx_http_request_t *r, ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_refusal_t *refusal, ngx_uint_t mode,
    const char *directive, const char *kind, const ngx_str_t *id)
{
    ngx_http_gateway_line_t  line;

    if (r->connection->log->log_level < NGX_LOG_INFO) {
        return;
    }

    line.directive = directive;
    line.kind = kind;
    line.status = refusal->status;
    line.reason = refusal->reason;
    line.dry_run = (mode == NGX_HTTP_GATEWAY_DRY_RUN);
    line.detail = refusal->detail;
    line.next = NULL;

    line.id = *ngx_http_gateway_printable(id);

    ngx_log_debug6(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway %s: %s with %ui, reason \"%s\", %s \"%V\"",
                   ngx_http_gateway_short(directive),
                   line.dry_run ? "would be refused" : "refused",
                   line.status, gw_reason_word(line.reason), kind, &line.id);

    if (!ngx_http_gateway_satisfy_any(r)
        || ngx_http_gateway_line_keep(r, gr, &line) != NGX_OK)
    {
        ngx_http_gateway_line_write(r, &line);
    }
}


const ngx_str_t *
ngx_http_gateway_printable(const ngx_str_t *id)
{
    size_t  i;

    static const ngx_str_t  unprintable = ngx_string("(unprintable)");

    for (i = 0; i < id->len; i++) {
        if (id->data[i] < 0x20 || id->data[i] > 0x7e || id->data[i] == '"'
            || i == NGX_HTTP_GATEWAY_LOG_ID)
        {
            return &unprintable;
        }
    }

    return id;
}


static void
ngx_http_gateway_line_write(ngx_http_request_t *r,
    const ngx_http_gateway_line_t *line)
{
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "%s: %s with %ui, reason \"%s\", %s \"%V\"%s%V",
                  line->directive,
                  line->dry_run ? "would be refused" : "refused",
                  line->status, gw_reason_word(line->reason), line->kind,
                  &line->id, line->detail.len ? ", " : "", &line->detail);
}


/* copies the id, which may be part of a token that is freed earlier */

static ngx_int_t
ngx_http_gateway_line_keep(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, const ngx_http_gateway_line_t *line)
{
    ngx_http_cleanup_t       *cln;
    ngx_http_gateway_line_t  *kept;

    kept = ngx_palloc(r->pool, sizeof(ngx_http_gateway_line_t));
    if (kept == NULL) {
        return NGX_ERROR;
    }

    *kept = *line;

    if (line->id.len) {
        kept->id.data = ngx_pstrdup(r->pool, (ngx_str_t *) &line->id);
        if (kept->id.data == NULL) {
            return NGX_ERROR;
        }
    }

    if (gr->lines == NULL) {
        cln = ngx_http_cleanup_add(r, sizeof(ngx_http_gateway_lines_t));
        if (cln == NULL) {
            return NGX_ERROR;
        }

        gr->lines = cln->data;
        gr->lines->request = r;
        gr->lines->first = NULL;
        gr->lines->last = &gr->lines->first;

        cln->handler = ngx_http_gateway_lines_cleanup;
    }

    *gr->lines->last = kept;
    gr->lines->last = &kept->next;

    return NGX_OK;
}


void
ngx_http_gateway_lines_write(ngx_http_gateway_lines_t *lines)
{
    ngx_http_gateway_line_t  *line;

    for (line = lines->first; line; line = line->next) {
        ngx_http_gateway_line_write(lines->request, line);
    }

    lines->first = NULL;
    lines->last = &lines->first;
}


void
ngx_http_gateway_lines_drop(ngx_http_gateway_lines_t *lines)
{
    ngx_http_gateway_line_t  *line;

    for (line = lines->first; line; line = line->next) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, lines->request->connection->log, 0,
                       "gateway granted: \"%s\" would have refused with "
                       "reason \"%s\"", line->directive,
                       gw_reason_word(line->reason));
    }

    lines->first = NULL;
    lines->last = &lines->first;
}


/* runs when the request is freed, before nginx logs it */

static void
ngx_http_gateway_lines_cleanup(void *data)
{
    ngx_http_gateway_lines_write(data);
}
