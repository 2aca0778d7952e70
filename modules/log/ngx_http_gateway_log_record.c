/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A record: runs the operations of a format over a buffer.
 *
 * Each member is written as "name":value and a comma.  At the end of an object
 * the last comma becomes its brace; an object without members is removed again.
 * No length is computed beforehand.
 *
 * A record that is too long is written again, first without captured headers,
 * then with a smaller maximum length of strings, until it fits.  So only the
 * longest strings are cut.
 */

#include "ngx_http_gateway_log.h"


static u_char *ngx_http_gateway_log_run(ngx_http_gateway_log_record_t *rec,
    u_char *p);


/*
 * Copies whole blocks: most texts of operations are short, their memory is
 * padded to a block, and so is the room of a record.
 */

static ngx_inline u_char *
ngx_http_gateway_log_copy(u_char *p, const ngx_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i += NGX_HTTP_GATEWAY_LOG_BLOCK) {
        ngx_memcpy(p + i, s->data + i, NGX_HTTP_GATEWAY_LOG_BLOCK);
    }

    return p + s->len;
}


ngx_int_t
ngx_http_gateway_log_record(ngx_http_gateway_log_record_t *rec, u_char *buf,
    size_t size, ngx_str_t *record)
{
    u_char  *p;

    rec->string = NGX_HTTP_GATEWAY_LOG_STRING;
    rec->bare = 0;
    rec->cut = 0;

    for ( ;; ) {
        rec->last = buf + size - sizeof("}" CRLF);
        rec->misfits = 0;
        rec->traced = 0;
        rec->relayed = 0;
        rec->full = 0;

        p = ngx_http_gateway_log_run(rec, buf);

        if (p != NULL) {
            break;
        }

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, rec->request->connection->log, 0,
                       "gateway log: record is too long, strings up to %uz, "
                       "headers: %d", rec->string, !rec->bare);

        if (rec->string == 0) {
            return NGX_DECLINED;
        }

        /* a string that was cut is cut again: the maximum only decreases */

        if (rec->bare) {
            rec->string /= 2;
        }

        rec->bare = 1;
        rec->cut = 1;
    }

    *p++ = '\n';

    record->data = buf;
    record->len = p - buf;

    return NGX_OK;
}


/* a value with its key and a comma; nothing if there is no value */

static ngx_inline u_char *
ngx_http_gateway_log_put(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char  *end;

    end = op->write(rec, op, ngx_http_gateway_log_copy(p, &op->key));

    if (end == NULL) {
        return p;
    }

    *end = ',';

    return end + 1;
}


/* the literal after the last operation, and the brace of the record */

static ngx_inline u_char *
ngx_http_gateway_log_end(ngx_http_gateway_log_record_t *rec, u_char *p)
{
    if (rec->full || rec->last - p < (ssize_t) rec->format->tail.len) {
        return NULL;
    }

    p = ngx_cpymem(p, rec->format->tail.data, rec->format->tail.len);

    if (p[-1] == ',') {
        p--;
    }

    *p++ = '}';

    return p;
}


/* returns the end of the record; NULL: the room is too small */

static u_char *
ngx_http_gateway_log_run(ngx_http_gateway_log_record_t *rec, u_char *p)
{
    u_char                           *opened[NGX_HTTP_GATEWAY_LOG_DEPTH];
    ngx_uint_t                        depth;
    const ngx_http_gateway_log_op_t  *op, *last;

    depth = 0;
    op = rec->format->ops.elts;
    last = op + rec->format->ops.nelts;

    for ( /* void */ ; op < last; op++) {

        if (rec->full
            || rec->last - p < (ssize_t) (op->literal.len + op->key.len
                                          + NGX_HTTP_GATEWAY_LOG_ROOM))
        {
            return NULL;
        }

        p = ngx_http_gateway_log_copy(p, &op->literal);

        switch (op->kind) {

        case NGX_HTTP_GATEWAY_LOG_VALUE:
            p = ngx_http_gateway_log_put(rec, op, p);
            break;

        case NGX_HTTP_GATEWAY_LOG_OPEN:
            opened[depth++] = p;
            p = ngx_http_gateway_log_copy(p, &op->key);
            break;

        case NGX_HTTP_GATEWAY_LOG_CLOSE:
            depth--;

            if (p[-1] == '{') {
                p = opened[depth];
                break;
            }

            /* fall through */

        case NGX_HTTP_GATEWAY_LOG_CLOSE_SURE:
            p[-1] = '}';
            *p++ = ',';
            break;
        }
    }

    return ngx_http_gateway_log_end(rec, p);
}


u_char *
ngx_http_gateway_log_inner(ngx_http_gateway_log_record_t *rec, u_char *p,
    const u_char *data, size_t len)
{
    u_char     *last;
    unsigned    cut;
    gw_text_t   text;

    cut = 0;
    text.data = data;
    text.len = len;

    /* two bytes are kept for a quote and a comma */

    last = rec->last - 2;

    if (p > last) {
        rec->full = 1;

    } else if (rec->string < (size_t) (last - p)) {
        last = p + rec->string;
        p = gw_log_json_string(p, last, &text, &cut);
        rec->cut |= cut;

    } else {
        p = gw_log_json_string(p, last, &text, &cut);
        rec->full |= cut;
    }

    return p;
}


u_char *
ngx_http_gateway_log_text(ngx_http_gateway_log_record_t *rec, u_char *p,
    const u_char *data, size_t len)
{
    if (len == 0) {
        return NULL;
    }

    *p++ = '"';
    p = ngx_http_gateway_log_inner(rec, p, data, len);
    *p++ = '"';

    return p;
}


/* the maximum length is that of the whole string, not of each run */

u_char *
ngx_http_gateway_log_inner_redacted(ngx_http_gateway_log_record_t *rec,
    u_char *p, const u_char *data, size_t len)
{
    u_char           *start;
    size_t            string;
    unsigned          cut;
    gw_text_t         text, run;
    gw_log_redact_t   walk;

    text.data = data;
    text.len = len;

    start = p;
    string = rec->string;
    cut = rec->cut;

    gw_log_redact(&walk, &rec->format->secrets, &text);

    rec->cut = 0;

    while (!rec->cut && !rec->full && gw_log_redact_next(&walk, &run)) {
        p = ngx_http_gateway_log_inner(rec, p, run.data, run.len);
        rec->string = string - (p - start);
    }

    rec->cut |= cut;
    rec->string = string;

    return p;
}


u_char *
ngx_http_gateway_log_redacted(ngx_http_gateway_log_record_t *rec, u_char *p,
    const u_char *data, size_t len)
{
    if (len == 0) {
        return NULL;
    }

    *p++ = '"';
    p = ngx_http_gateway_log_inner_redacted(rec, p, data, len);
    *p++ = '"';

    return p;
}
