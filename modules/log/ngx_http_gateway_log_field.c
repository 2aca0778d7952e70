/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Fields of the configuration: texts and variables, written as a string, a
 * number or a boolean.
 */

#include "ngx_http_gateway_log_value.h"


/* the text of a piece; empty if its variable has no value */

static gw_text_t
ngx_http_gateway_log_piece(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_piece_t *piece)
{
    gw_text_t                   text;
    ngx_http_variable_value_t  *v;

    text.data = piece->text.data;
    text.len = piece->text.len;

    if (piece->index != NGX_ERROR) {
        v = ngx_http_gateway_log_get(rec, piece->index);

        text.data = v ? v->data : NULL;
        text.len = v ? v->len : 0;
    }

    return text;
}


static u_char *
ngx_http_gateway_log_string_field(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_field_t *field, u_char *p)
{
    u_char                              *start;
    size_t                               string;
    unsigned                             cut;
    gw_text_t                            text;
    ngx_uint_t                           i;
    const ngx_http_gateway_log_piece_t  *piece;

    piece = field->pieces.elts;
    string = rec->string;
    cut = rec->cut;
    rec->cut = 0;

    *p++ = '"';
    start = p;

    /* a piece that was cut is the last one */

    for (i = 0; i < field->pieces.nelts && !rec->cut && !rec->full; i++) {
        text = ngx_http_gateway_log_piece(rec, &piece[i]);

        p = ngx_http_gateway_log_inner(rec, p, text.data, text.len);
        rec->string = string - (p - start);
    }

    rec->cut |= cut;
    rec->string = string;

    if (p == start) {
        return NULL;
    }

    *p++ = '"';

    return p;
}


/*
 * The value of a field that is not a string: its pieces, joined in "buf"; a
 * single piece is not copied.  NULL data: too long for a number.
 */

static gw_text_t
ngx_http_gateway_log_field_text(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_field_t *field, u_char *buf, size_t size)
{
    size_t                               len;
    gw_text_t                            text;
    ngx_uint_t                           i;
    const ngx_http_gateway_log_piece_t  *piece;

    piece = field->pieces.elts;
    len = 0;

    for (i = 0; i < field->pieces.nelts; i++) {
        text = ngx_http_gateway_log_piece(rec, &piece[i]);

        if (text.len > size - len) {
            text.data = NULL;
            return text;
        }

        if (field->pieces.nelts == 1) {
            return text;
        }

        if (text.len) {
            ngx_memcpy(buf + len, text.data, text.len);
            len += text.len;
        }
    }

    text.data = buf;
    text.len = len;

    return text;
}


ngx_uint_t
ngx_http_gateway_log_fits(const ngx_http_gateway_log_field_t *field,
    const gw_text_t *text)
{
    if (field->type == NGX_HTTP_GATEWAY_LOG_TYPE_STRING) {
        return 1;
    }

    if (text->len > NGX_HTTP_GATEWAY_LOG_VALUE_SIZE) {
        return 0;
    }

    return field->type == NGX_HTTP_GATEWAY_LOG_TYPE_BOOL
           ? gw_log_json_bool(text) >= 0
           : field->type == NGX_HTTP_GATEWAY_LOG_TYPE_INT
           ? gw_log_json_is_int(text) : gw_log_json_is_number(text);
}


/* all pieces of a number are joined before its type is checked */

static u_char *
ngx_http_gateway_log_field(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char                               buf[NGX_HTTP_GATEWAY_LOG_VALUE_SIZE];
    gw_text_t                            text;
    const ngx_http_gateway_log_field_t  *field;

    field = (ngx_http_gateway_log_field_t *) op->data;

    if (field->type == NGX_HTTP_GATEWAY_LOG_TYPE_STRING) {
        return ngx_http_gateway_log_string_field(rec, field, p);
    }

    text = ngx_http_gateway_log_field_text(rec, field, buf, sizeof(buf));

    if (text.len == 0) {
        return NULL;
    }

    if (text.data && ngx_http_gateway_log_fits(field, &text)) {
        return field->type == NGX_HTTP_GATEWAY_LOG_TYPE_BOOL
               ? ngx_http_gateway_log_bool(p, gw_log_json_bool(&text))
               : ngx_cpymem(p, text.data, text.len);
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, rec->request->connection->log, 0,
                   "gateway log: value of \"%V\" does not fit its type",
                   &field->path);

    rec->misfits++;

    return NULL;
}


/*
 * --- variables that are written without calling their getters, some of which
 * allocate memory from the pool of the request
 */

static u_char *
ngx_http_gateway_log_direct_method(ngx_http_gateway_log_record_t *rec,
    u_char *p)
{
    ngx_str_t  *s = &rec->request->method_name;

    return s->len ? ngx_http_gateway_log_inner(rec, p, s->data, s->len) : NULL;
}


static u_char *
ngx_http_gateway_log_direct_uri(ngx_http_gateway_log_record_t *rec, u_char *p)
{
    ngx_str_t  *s = &rec->request->unparsed_uri;

    return s->len ? ngx_http_gateway_log_inner(rec, p, s->data, s->len) : NULL;
}


static u_char *
ngx_http_gateway_log_direct_addr(ngx_http_gateway_log_record_t *rec, u_char *p)
{
    ngx_str_t  *s = &rec->request->connection->addr_text;

    return s->len ? ngx_http_gateway_log_inner(rec, p, s->data, s->len) : NULL;
}


/* for less than 100, the getter writes three digits, and 009 for HTTP/0.9 */

static u_char *
ngx_http_gateway_log_direct_status(ngx_http_gateway_log_record_t *rec,
    u_char *p)
{
    return rec->status >= 100 ? gw_text_decimal(p, rec->status) : NULL;
}


static u_char *
ngx_http_gateway_log_direct_size(u_char *p, off_t size)
{
    return gw_text_decimal(p, (uint64_t) ngx_max(size, 0));
}


static u_char *
ngx_http_gateway_log_direct_request(ngx_http_gateway_log_record_t *rec,
    u_char *p)
{
    return ngx_http_gateway_log_direct_size(p, rec->request->request_length);
}


static u_char *
ngx_http_gateway_log_direct_response(ngx_http_gateway_log_record_t *rec,
    u_char *p)
{
    return ngx_http_gateway_log_direct_size(p, rec->request->connection->sent);
}


static u_char *
ngx_http_gateway_log_direct_body(ngx_http_gateway_log_record_t *rec,
    u_char *p)
{
    ngx_http_request_t  *r = rec->request;

    return ngx_http_gateway_log_direct_size(p, r->connection->sent
                                               - (off_t) r->header_size);
}


/* $request_time: seconds and milliseconds of nginx's cached time */

static u_char *
ngx_http_gateway_log_direct_time(ngx_http_gateway_log_record_t *rec,
    u_char *p)
{
    ngx_time_t      *tp;
    ngx_msec_int_t   ms;

    tp = ngx_timeofday();

    ms = (ngx_msec_int_t) ((tp->sec - rec->request->start_sec) * 1000
                           + (tp->msec - rec->request->start_msec));
    ms = ngx_max(ms, 0);

    p = gw_text_decimal(p, ms / 1000);
    *p++ = '.';

    return ngx_http_gateway_log_digits(p, ms % 1000, 3);
}


static u_char *
ngx_http_gateway_log_direct_iso8601(ngx_http_gateway_log_record_t *rec,
    u_char *p)
{
    return ngx_cpymem(p, ngx_cached_http_log_iso8601.data,
                      ngx_cached_http_log_iso8601.len);
}


/* types of fields that a variable can be written as: bits */

#define NGX_HTTP_GATEWAY_LOG_AS_STRINGS                                       \
    (1 << NGX_HTTP_GATEWAY_LOG_TYPE_STRING)
#define NGX_HTTP_GATEWAY_LOG_AS_NUMBERS                                       \
    (NGX_HTTP_GATEWAY_LOG_AS_STRINGS | 1 << NGX_HTTP_GATEWAY_LOG_TYPE_NUMBER)
#define NGX_HTTP_GATEWAY_LOG_AS_INTS                                          \
    (NGX_HTTP_GATEWAY_LOG_AS_NUMBERS | 1 << NGX_HTTP_GATEWAY_LOG_TYPE_INT)


static const struct {
    ngx_str_t                       variable;
    ngx_http_gateway_log_direct_pt  write;
    ngx_uint_t                      types;
} ngx_http_gateway_log_directs[] = {
    { ngx_string("request_method"), ngx_http_gateway_log_direct_method,
      NGX_HTTP_GATEWAY_LOG_AS_STRINGS },
    { ngx_string("request_uri"), ngx_http_gateway_log_direct_uri,
      NGX_HTTP_GATEWAY_LOG_AS_STRINGS },
    { ngx_string("remote_addr"), ngx_http_gateway_log_direct_addr,
      NGX_HTTP_GATEWAY_LOG_AS_STRINGS },
    { ngx_string("status"), ngx_http_gateway_log_direct_status,
      NGX_HTTP_GATEWAY_LOG_AS_INTS },
    { ngx_string("request_length"), ngx_http_gateway_log_direct_request,
      NGX_HTTP_GATEWAY_LOG_AS_INTS },
    { ngx_string("bytes_sent"), ngx_http_gateway_log_direct_response,
      NGX_HTTP_GATEWAY_LOG_AS_INTS },
    { ngx_string("body_bytes_sent"), ngx_http_gateway_log_direct_body,
      NGX_HTTP_GATEWAY_LOG_AS_INTS },
    { ngx_string("request_time"), ngx_http_gateway_log_direct_time,
      NGX_HTTP_GATEWAY_LOG_AS_NUMBERS },
    { ngx_string("time_iso8601"), ngx_http_gateway_log_direct_iso8601,
      NGX_HTTP_GATEWAY_LOG_AS_STRINGS },
    { ngx_null_string, NULL, 0 }
};


/* if nginx has cached the value of the variable, the cached value is written */

static u_char *
ngx_http_gateway_log_direct(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char                              *end;
    ngx_uint_t                           quotes;
    ngx_http_variable_value_t           *v;
    const ngx_http_gateway_log_field_t  *field;

    field = (ngx_http_gateway_log_field_t *) op->data;
    v = &rec->request->variables[field->index];

    if (v->valid && !v->no_cacheable) {
        return ngx_http_gateway_log_field(rec, op, p);
    }

    quotes = (field->type == NGX_HTTP_GATEWAY_LOG_TYPE_STRING);
    end = field->direct(rec, p + quotes);

    if (end == NULL) {
        return ngx_http_gateway_log_field(rec, op, p);
    }

    if (quotes) {
        *p = '"';
        *end++ = '"';
    }

    return end;
}


ngx_http_gateway_log_write_pt
ngx_http_gateway_log_field_init(ngx_http_gateway_log_field_t *field,
    uintptr_t *data)
{
    ngx_uint_t                     i;
    ngx_http_gateway_log_piece_t  *piece;

    piece = field->pieces.elts;
    *data = (uintptr_t) field;

    if (field->pieces.nelts != 1 || piece->index == NGX_ERROR) {
        return ngx_http_gateway_log_field;
    }

    for (i = 0; ngx_http_gateway_log_directs[i].variable.len; i++) {

        if (ngx_http_gateway_same(&ngx_http_gateway_log_directs[i].variable,
                                  &piece->text)
            && (ngx_http_gateway_log_directs[i].types & 1 << field->type))
        {
            field->index = piece->index;
            field->direct = ngx_http_gateway_log_directs[i].write;

            return ngx_http_gateway_log_direct;
        }
    }

    if (field->type == NGX_HTTP_GATEWAY_LOG_TYPE_STRING) {
        *data = piece->index;
        return ngx_http_gateway_log_write_variable;
    }

    return ngx_http_gateway_log_field;
}
