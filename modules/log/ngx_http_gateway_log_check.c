/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Checks of a format after the configuration has been read: no member shows a
 * credential, and no two members have the same name.
 */

#include "ngx_http_gateway_log.h"


static ngx_str_t  ngx_http_gateway_log_gateway = ngx_string("gateway");


ngx_uint_t
ngx_http_gateway_log_path_rank(const ngx_str_t *path)
{
    ngx_str_t   name = *path;
    ngx_uint_t  inside;

    static ngx_str_t  truncated = ngx_string("truncated");

    inside = name.len > ngx_http_gateway_log_gateway.len
             && ngx_memcmp(name.data, "gateway.", 8) == 0;

    if (inside) {
        name.data += ngx_http_gateway_log_gateway.len + 1;
        name.len -= ngx_http_gateway_log_gateway.len + 1;
    }

    return ngx_http_gateway_same(&name, &truncated) ? 2 : inside;
}


ngx_int_t
ngx_http_gateway_log_format_duplicate(ngx_conf_t *cf,
    const ngx_http_gateway_log_format_t *format,
    const ngx_http_gateway_log_field_t *field)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "duplicate field \"%V\" in gateway_log_format \"%V\" "
                  "in %V:%ui", &field->path, &format->name,
                  ngx_http_gateway_place_args(&field->place));

    return NGX_ERROR;
}


/* prefixes of variables whose names end with that of a header or parameter */

static const struct {
    ngx_str_t    prefix;
    ngx_uint_t   header;    /* unsigned:1; else a parameter */
} ngx_http_gateway_log_sources[] = {
    { ngx_string("http_"), 1 },
    { ngx_string("sent_http_"), 1 },
    { ngx_string("sent_trailer_"), 1 },
    { ngx_string("upstream_http_"), 1 },
    { ngx_string("upstream_trailer_"), 1 },
    { ngx_string("cookie_"), 0 },
    { ngx_string("upstream_cookie_"), 0 },
    { ngx_string("arg_"), 0 },
    { ngx_null_string, 0 }
};


static ngx_uint_t
ngx_http_gateway_log_is_secret(const ngx_http_gateway_log_format_t *format,
    const ngx_str_t *name, ngx_uint_t header)
{
    u_char     buf[128];
    gw_text_t  text;
    ngx_str_t  normal;

    /* too long to be compared */

    if (name->len > sizeof(buf)) {
        return 1;
    }

    if (header) {
        ngx_http_gateway_header_normalize(buf, name);
        normal.data = buf;
        normal.len = name->len;

        return ngx_http_gateway_log_hidden(format, &normal);
    }

    text.data = name->data;
    text.len = name->len;
    gw_log_secret_normalize(buf, &text);

    return gw_log_secret(&format->secrets, buf, name->len);
}


/* whether a variable reads a header, cookie or argument that is never logged */

static ngx_uint_t
ngx_http_gateway_log_reads_secret(const ngx_http_gateway_log_format_t *format,
    const ngx_str_t *variable)
{
    ngx_str_t         name;
    ngx_uint_t        i;
    const ngx_str_t  *prefix;

    for (i = 0; ngx_http_gateway_log_sources[i].prefix.len; i++) {
        prefix = &ngx_http_gateway_log_sources[i].prefix;

        if (variable->len > prefix->len
            && ngx_strncasecmp(variable->data, prefix->data, prefix->len) == 0)
        {
            name.data = variable->data + prefix->len;
            name.len = variable->len - prefix->len;

            return ngx_http_gateway_log_is_secret(format, &name,
                                      ngx_http_gateway_log_sources[i].header);
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_gateway_log_check_headers(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format, ngx_array_t *headers)
{
    ngx_uint_t                      i;
    ngx_http_gateway_log_header_t  *header;

    header = headers->elts;

    for (i = 0; i < headers->nelts; i++) {

        if (!header[i].prefix
            && ngx_http_gateway_log_hidden(format, &header[i].name))
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "header \"%V\" can hold a credential and is never "
                          "logged, in gateway_log_format \"%V\" in %V:%ui",
                          &header[i].name, &format->name,
                          ngx_http_gateway_place_args(&header[i].place));
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the name of the header whose key a member has; empty if there is none */

static ngx_int_t
ngx_http_gateway_log_header_name(ngx_conf_t *cf,
    const ngx_http_gateway_log_format_t *format, const ngx_str_t *path,
    ngx_uint_t sent, ngx_str_t *name)
{
    u_char                                   *p, *last;
    const ngx_str_t                          *prefix;
    const ngx_http_gateway_log_vocabulary_t  *words;

    words = &ngx_http_gateway_log_vocabularies[format->preset];
    prefix = sent ? &words->sent : &words->prefix;

    p = path->data;
    last = p + path->len;
    ngx_str_null(name);

    if (words->nested) {
        if (ngx_http_gateway_log_path_rank(path) != 1) {
            return NGX_OK;
        }

        p += ngx_http_gateway_log_gateway.len + 1;
        last = ngx_strlchr(p, last, '.') ? ngx_strlchr(p, last, '.') : last;
    }

    if ((size_t) (last - p) <= prefix->len
        || ngx_memcmp(p, prefix->data, prefix->len) != 0)
    {
        return NGX_OK;
    }

    name->len = last - p - prefix->len;
    name->data = ngx_pnalloc(cf->pool, name->len);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(name->data, p + prefix->len, name->len);
    ngx_http_gateway_header_normalize(name->data, name);

    return NGX_OK;
}


/*
 * No header is captured under the key of another member.  A member of a preset
 * replaces the header.  A field replaces it if it is captured by a prefix; if
 * the header is named, the field is a duplicate.
 */

static ngx_int_t
ngx_http_gateway_log_take_header(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format, const ngx_str_t *path,
    const ngx_http_gateway_log_field_t *field)
{
    ngx_str_t                       name;
    ngx_uint_t                      sent;
    ngx_array_t                    *headers;
    ngx_http_gateway_log_header_t  *header;

    for (sent = 0; sent < 2; sent++) {
        headers = sent ? &format->response : &format->request;

        if (ngx_http_gateway_log_header_name(cf, format, path, sent, &name)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (name.len == 0 || headers->nelts == 0) {
            continue;
        }

        header = ngx_http_gateway_log_header_named(headers, &name);

        if (header != NULL && field != NULL) {
            return ngx_http_gateway_log_format_duplicate(cf, format, field);
        }

        if (header == NULL) {
            header = ngx_array_push(headers);
            if (header == NULL) {
                return NGX_ERROR;
            }

            ngx_memzero(header, sizeof(ngx_http_gateway_log_header_t));
            header->name = name;
        }

        header->taken = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_log_take_headers(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format)
{
    ngx_uint_t                         i;
    ngx_http_gateway_log_field_t      *field;
    const ngx_http_gateway_log_row_t  *row;

    row = ngx_http_gateway_log_vocabularies[format->preset].rows;

    for ( /* void */ ; row->path.len; row++) {
        if (ngx_http_gateway_log_take_header(cf, format, &row->path, NULL)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    field = format->fields.elts;

    for (i = 0; i < format->fields.nelts; i++) {
        if (ngx_http_gateway_log_take_header(cf, format, &field[i].path,
                                             &field[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_log_format_check(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format)
{
    ngx_uint_t                     i, k;
    ngx_http_gateway_log_field_t  *field;
    ngx_http_gateway_log_piece_t  *piece;

    field = format->fields.elts;

    for (i = 0; i < format->fields.nelts; i++) {
        piece = field[i].pieces.elts;

        for (k = 0; k < field[i].pieces.nelts; k++) {

            if (piece[k].index != NGX_ERROR
                && ngx_http_gateway_log_reads_secret(format, &piece[k].text))
            {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "field \"%V\" reads \"$%V\", which can hold a "
                              "credential and is never logged, in "
                              "gateway_log_format \"%V\" in %V:%ui",
                              &field[i].path, &piece[k].text, &format->name,
                              ngx_http_gateway_place_args(&field[i].place));
                return NGX_ERROR;
            }
        }
    }

    if (ngx_http_gateway_log_check_headers(cf, format, &format->request)
        != NGX_OK
        || ngx_http_gateway_log_check_headers(cf, format, &format->response)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_log_take_headers(cf, format);
}
