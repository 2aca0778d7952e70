/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Captured headers: those that a format names, and those that match a prefix.
 * Headers that can hold a credential are never captured.
 *
 * All lines of a header are one member: a text in which they are joined by
 * commas (RFC 9110, 5.2), or an array in a vocabulary that requires arrays.
 */

#include "ngx_http_gateway_log.h"


/* maximum length of a name; maximum number of headers that match a prefix */
#define NGX_HTTP_GATEWAY_LOG_NAME    128
#define NGX_HTTP_GATEWAY_LOG_LINES   128


typedef struct {
    ngx_http_gateway_log_record_t  *rec;
    ngx_list_t                     *lines;
    const ngx_array_t              *headers;    /* of the format */
    ngx_uint_t                      sent;       /* unsigned:1; response */
    ngx_uint_t                      lists;      /* unsigned:1; as arrays */
    unsigned                        cut;        /* a part is missing before
                                                   the current string */
} ngx_http_gateway_log_capture_t;


typedef struct {
    ngx_list_part_t                *part;
    ngx_uint_t                      i;
} ngx_http_gateway_log_walk_t;


static u_char *ngx_http_gateway_log_special(
    ngx_http_gateway_log_capture_t *capture, const ngx_str_t *name, u_char *p);


/* the next header line; NULL: no more */

static ngx_table_elt_t *
ngx_http_gateway_log_next(ngx_http_gateway_log_walk_t *walk)
{
    ngx_table_elt_t  *h;

    for ( ;; ) {

        if (walk->i >= walk->part->nelts) {
            if (walk->part->next == NULL) {
                return NULL;
            }

            walk->part = walk->part->next;
            walk->i = 0;
            continue;
        }

        h = walk->part->elts;
        h += walk->i++;

        if (h->hash != 0) {
            return h;
        }
    }
}


static ngx_uint_t
ngx_http_gateway_log_named(ngx_table_elt_t *h, const ngx_str_t *name)
{
    u_char  buf[NGX_HTTP_GATEWAY_LOG_NAME];

    if (h->key.len != name->len || name->len > sizeof(buf)) {
        return 0;
    }

    ngx_http_gateway_header_normalize(buf, &h->key);

    return ngx_memcmp(buf, name->data, name->len) == 0;
}


/* the key of a member, and the beginning of its value */

static u_char *
ngx_http_gateway_log_begin(ngx_http_gateway_log_capture_t *capture,
    const ngx_str_t *name, u_char *p)
{
    u_char                                   *start;
    const ngx_str_t                          *prefix;
    const ngx_http_gateway_log_vocabulary_t  *words;

    words = &ngx_http_gateway_log_vocabularies[capture->rec->format->preset];
    prefix = capture->sent ? &words->sent : &words->prefix;

    *p++ = '"';
    p = ngx_cpymem(p, prefix->data, prefix->len);

    start = p;
    p = ngx_http_gateway_log_inner(capture->rec, p, name->data, name->len);

    for ( /* void */ ; !capture->lists && start < p; start++) {
        if (*start == '-') {
            *start = '_';
        }
    }

    p = ngx_cpymem(p, "\":", 2);

    if (capture->lists) {
        *p++ = '[';
    }

    *p++ = '"';

    return p;
}


static u_char *
ngx_http_gateway_log_finish(ngx_http_gateway_log_capture_t *capture, u_char *p)
{
    *p++ = '"';

    if (capture->lists) {
        *p++ = ']';
    }

    *p++ = ',';

    return p;
}


/*
 * The values of all lines of a header, separated by LF, which cannot be part of
 * a value; "n" receives the number of lines.  NGX_DECLINED: the buffer is too
 * small.
 */

static ngx_int_t
ngx_http_gateway_log_lines(ngx_http_gateway_log_capture_t *capture,
    const ngx_str_t *name, ngx_uint_t *n, ngx_str_t *lines)
{
    u_char                       *p, *last;
    ngx_table_elt_t              *h;
    ngx_http_gateway_log_walk_t   walk;

    walk.part = &capture->lines->part;
    walk.i = 0;

    p = capture->rec->lines;
    last = p + NGX_HTTP_GATEWAY_LOG_RECORD;

    ngx_str_null(lines);
    *n = 0;

    while ((h = ngx_http_gateway_log_next(&walk)) != NULL) {

        if (!ngx_http_gateway_log_named(h, name)) {
            continue;
        }

        if ((*n)++ == 0) {
            *lines = h->value;      /* a single line is not copied */
            continue;
        }

        if (*n == 2) {
            if (lines->len > (size_t) (last - p)) {
                return NGX_DECLINED;
            }

            p = ngx_cpymem(p, lines->data, lines->len);
        }

        if (h->value.len + 1 > (size_t) (last - p)) {
            return NGX_DECLINED;
        }

        *p++ = LF;
        p = ngx_cpymem(p, h->value.data, h->value.len);

        lines->data = capture->rec->lines;
        lines->len = p - lines->data;
    }

    return NGX_OK;
}


/*
 * Writes a run of joined lines.  In an array, LF begins another element, which
 * has its own maximum length.  In a text, LF becomes ", ", and the maximum
 * length is that of the whole text.
 */

static u_char *
ngx_http_gateway_log_part(ngx_http_gateway_log_capture_t *capture,
    const gw_text_t *run, size_t string, u_char **start, u_char *p)
{
    size_t                          n;
    const u_char                   *s, *end, *last;
    ngx_http_gateway_log_record_t  *rec;

    rec = capture->rec;
    s = run->data;
    last = s + run->len;

    for ( ;; ) {
        end = ngx_strlchr((u_char *) s, (u_char *) last, LF);
        n = (end ? end : last) - s;

        p = ngx_http_gateway_log_inner(rec, p, s, n);
        rec->string = rec->cut ? 0 : string - (p - *start);

        if (end == NULL || rec->full) {
            return p;
        }

        s = end + 1;

        if (capture->lists) {
            p = ngx_cpymem(p, "\",\"", 3);
            *start = p;
            rec->string = string;
            capture->cut |= rec->cut;
            rec->cut = 0;

        } else {
            p = ngx_http_gateway_log_inner(rec, p, (u_char *) ", ", 2);
            rec->string = rec->cut ? 0 : string - (p - *start);
        }

        if (p > rec->last) {
            rec->full = 1;
        }
    }
}


/*
 * The lines of a header without the outer quotes.  They are redacted as one
 * text: a reader joins them, and a value can continue in the next line.
 */

static u_char *
ngx_http_gateway_log_joined(ngx_http_gateway_log_capture_t *capture,
    const ngx_str_t *lines, u_char *p)
{
    u_char                         *start;
    size_t                          string;
    gw_text_t                       text, run;
    gw_log_redact_t                 walk;
    ngx_http_gateway_log_record_t  *rec;

    rec = capture->rec;
    string = rec->string;
    start = p;

    text.data = lines->data;
    text.len = lines->len;

    gw_log_redact(&walk, &rec->format->secrets, &text);

    while (!rec->full && (capture->lists || !rec->cut)
           && gw_log_redact_next(&walk, &run))
    {
        p = ngx_http_gateway_log_part(capture, &run, string, &start, p);
    }

    rec->string = string;

    return p;
}


/* the member of a header, with all its lines; nothing without a line */

static u_char *
ngx_http_gateway_log_member(ngx_http_gateway_log_capture_t *capture,
    const ngx_str_t *name, u_char *p)
{
    ngx_str_t                       lines;
    ngx_uint_t                      n;
    ngx_http_gateway_log_record_t  *rec;

    rec = capture->rec;

    if (ngx_http_gateway_log_lines(capture, name, &n, &lines) != NGX_OK) {
        rec->cut = 1;
        return p;
    }

    if (n == 0) {
        return capture->sent ? ngx_http_gateway_log_special(capture, name, p)
                             : p;
    }

    p = ngx_http_gateway_log_begin(capture, name, p);

    if (n == 1) {
        p = ngx_http_gateway_log_inner_redacted(rec, p, lines.data, lines.len);

    } else {
        capture->cut = rec->cut;
        rec->cut = 0;

        p = ngx_http_gateway_log_joined(capture, &lines, p);

        rec->cut |= capture->cut;
    }

    return ngx_http_gateway_log_finish(capture, p);
}


/* headers that nginx does not keep in the list of response headers */

static u_char *
ngx_http_gateway_log_special(ngx_http_gateway_log_capture_t *capture,
    const ngx_str_t *name, u_char *p)
{
    ngx_http_headers_out_t         *out;
    ngx_http_gateway_log_record_t  *rec;

    static ngx_str_t  type = ngx_string("content-type");
    static ngx_str_t  length = ngx_string("content-length");
    static ngx_str_t  location = ngx_string("location");

    rec = capture->rec;
    out = &rec->request->headers_out;

    if (ngx_http_gateway_same(name, &type) && out->content_type.len) {
        p = ngx_http_gateway_log_begin(capture, name, p);
        p = ngx_http_gateway_log_inner_redacted(rec, p, out->content_type.data,
                                                out->content_type.len);
        return ngx_http_gateway_log_finish(capture, p);
    }

    if (ngx_http_gateway_same(name, &length) && out->content_length_n >= 0) {
        p = ngx_http_gateway_log_begin(capture, name, p);
        p = gw_text_decimal(p, (uint64_t) out->content_length_n);
        return ngx_http_gateway_log_finish(capture, p);
    }

    /* nginx removes from the list a Location that it makes absolute */

    if (ngx_http_gateway_same(name, &location) && out->location
        && out->location->value.len)
    {
        p = ngx_http_gateway_log_begin(capture, name, p);
        p = ngx_http_gateway_log_inner_redacted(rec, p,
                                                out->location->value.data,
                                                out->location->value.len);
        return ngx_http_gateway_log_finish(capture, p);
    }

    return p;
}


/* invalid UTF-8 becomes U+FFFD: two names could get the same key */

static ngx_uint_t
ngx_http_gateway_log_ascii(const ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] & 0x80) {
            return 0;
        }
    }

    return 1;
}


/* whether a header is captured by a prefix, and not by its name */

static ngx_uint_t
ngx_http_gateway_log_prefixed(ngx_http_gateway_log_capture_t *capture,
    const ngx_str_t *name)
{
    ngx_uint_t                           i, found;
    const ngx_http_gateway_log_header_t *header;

    if (!ngx_http_gateway_log_ascii(name)
        || ngx_http_gateway_log_hidden(capture->rec->format, name))
    {
        return 0;
    }

    header = capture->headers->elts;
    found = 0;

    for (i = 0; i < capture->headers->nelts; i++) {

        if (header[i].prefix) {
            found |= (name->len >= header[i].name.len
                      && ngx_memcmp(name->data, header[i].name.data,
                                    header[i].name.len)
                         == 0);

        } else if (ngx_http_gateway_same(&header[i].name, name)) {
            return 0;
        }
    }

    return found;
}


/* whether an earlier line has the same name */

static ngx_uint_t
ngx_http_gateway_log_seen(ngx_http_gateway_log_capture_t *capture,
    const ngx_table_elt_t *line, const ngx_str_t *name)
{
    ngx_table_elt_t              *h;
    ngx_http_gateway_log_walk_t   walk;

    walk.part = &capture->lines->part;
    walk.i = 0;

    while ((h = ngx_http_gateway_log_next(&walk)) != NULL && h != line) {
        if (ngx_http_gateway_log_named(h, name)) {
            return 1;
        }
    }

    return 0;
}


static u_char *
ngx_http_gateway_log_prefixes(ngx_http_gateway_log_capture_t *capture,
    u_char *p)
{
    u_char                          buf[NGX_HTTP_GATEWAY_LOG_NAME];
    ngx_str_t                       name;
    ngx_uint_t                      n;
    ngx_table_elt_t                *h;
    ngx_http_gateway_log_walk_t     walk;
    ngx_http_gateway_log_record_t  *rec;

    rec = capture->rec;
    walk.part = &capture->lines->part;
    walk.i = 0;
    n = 0;

    while (!rec->full && (h = ngx_http_gateway_log_next(&walk)) != NULL) {

        if (h->key.len == 0 || h->key.len > sizeof(buf)) {
            continue;
        }

        name.data = buf;
        name.len = h->key.len;
        ngx_http_gateway_header_normalize(buf, &h->key);

        if (!ngx_http_gateway_log_prefixed(capture, &name)
            || ngx_http_gateway_log_seen(capture, h, &name))
        {
            continue;
        }

        if (n++ == NGX_HTTP_GATEWAY_LOG_LINES) {
            rec->cut = 1;
            break;
        }

        p = ngx_http_gateway_log_member(capture, &name, p);
    }

    return p;
}


u_char *
ngx_http_gateway_log_headers(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char                               *start;
    ngx_uint_t                            i, prefixes;
    ngx_http_gateway_log_capture_t        capture;
    const ngx_http_gateway_log_header_t  *header;

    if (rec->bare) {
        return NULL;
    }

    capture.rec = rec;
    capture.sent = op->data;
    capture.lists =
                ngx_http_gateway_log_vocabularies[rec->format->preset].lists;
    capture.headers = op->data ? &rec->format->response
                               : &rec->format->request;
    capture.lines = op->data ? &rec->request->headers_out.headers
                             : &rec->request->headers_in.headers;

    if (capture.lines->part.elts == NULL) {
        return NULL;                /* rejected before it was parsed */
    }

    start = p;
    prefixes = 0;
    header = capture.headers->elts;

    for (i = 0; i < capture.headers->nelts && !rec->full; i++) {

        if (header[i].prefix) {
            prefixes = 1;

        } else if (!header[i].taken) {
            p = ngx_http_gateway_log_member(&capture, &header[i].name, p);
        }
    }

    if (prefixes) {
        p = ngx_http_gateway_log_prefixes(&capture, p);
    }

    /* without the last comma, which the operation writes */

    return (p == start) ? NULL : p - 1;
}
