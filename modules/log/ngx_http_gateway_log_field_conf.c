/* SPDX-License-Identifier: BSD-2-Clause */

/* the directive "field" in a gateway_log_format block */

#include "ngx_http_gateway_log.h"


static const struct {
    ngx_str_t    word;
    const char  *rule;      /* of values; NULL: none */
} ngx_http_gateway_log_types[] = {
    [NGX_HTTP_GATEWAY_LOG_TYPE_STRING] =
        { ngx_string("string"), NULL },
    [NGX_HTTP_GATEWAY_LOG_TYPE_INT] =
        { ngx_string("int"),
          "a whole number from -9223372036854775807 to 9223372036854775807" },
    [NGX_HTTP_GATEWAY_LOG_TYPE_NUMBER] =
        { ngx_string("number"), "a number such as 1.5, less than 1e308" },
    [NGX_HTTP_GATEWAY_LOG_TYPE_BOOL] =
        { ngx_string("bool"), "1, true, on, 0, false or off" },
    { ngx_null_string, NULL }
};


/* parses the name of a variable after "$"; returns its end, or NULL */

static u_char *
ngx_http_gateway_log_field_variable(ngx_conf_t *cf,
    ngx_http_gateway_log_field_t *field, ngx_http_gateway_log_piece_t *piece,
    u_char *p, u_char *last)
{
    ngx_uint_t  brace;

    brace = (p < last && *p == '{');
    p += brace;
    piece->text.data = p;

    while (p < last
           && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
               || (*p >= '0' && *p <= '9') || *p == '_'))
    {
        p++;
    }

    piece->text.len = p - piece->text.data;

    if (piece->text.len == 0 || (brace && (p == last || *p != '}'))) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable name in \"%V\"", &field->value);
        return NULL;
    }

    piece->index = ngx_http_get_variable_index(cf, &piece->text);

    if (piece->index == NGX_ERROR
        || ngx_http_gateway_reads(cf, &field->value) != NGX_OK)
    {
        return NULL;
    }

    return p + brace;
}


/* splits a value into texts and variables */

static char *
ngx_http_gateway_log_field_pieces(ngx_conf_t *cf,
    ngx_http_gateway_log_field_t *field)
{
    u_char                        *p, *last;
    ngx_http_gateway_log_piece_t  *piece;

    p = field->value.data;
    last = p + field->value.len;

    while (p < last) {

        piece = ngx_array_push(&field->pieces);
        if (piece == NULL) {
            return NGX_CONF_ERROR;
        }

        if (*p == '$') {
            p = ngx_http_gateway_log_field_variable(cf, field, piece, p + 1,
                                                    last);
            if (p == NULL) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        piece->index = NGX_ERROR;
        piece->text.data = p;

        while (p < last && *p != '$') {
            p++;
        }

        piece->text.len = p - piece->text.data;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_log_field_type(ngx_conf_t *cf,
    ngx_http_gateway_log_field_t *field, ngx_str_t *type)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_gateway_log_types[i].word.len; i++) {
        if (ngx_http_gateway_same(type, &ngx_http_gateway_log_types[i].word)) {
            field->type = i;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid type \"%V\" in \"field\", it must be "
                       "string, int, number or bool", type);
    return NGX_CONF_ERROR;
}


/* without variables, a value that does not fit is an error */

static char *
ngx_http_gateway_log_field_constant(ngx_conf_t *cf,
    ngx_http_gateway_log_field_t *field)
{
    gw_text_t                      text;
    ngx_http_gateway_log_piece_t  *piece;

    piece = field->pieces.elts;

    if (field->pieces.nelts != 1 || piece->index != NGX_ERROR) {
        return NGX_CONF_OK;
    }

    text.data = piece->text.data;
    text.len = piece->text.len;

    if (ngx_http_gateway_log_fits(field, &text)) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"field\" of the type %V, it "
                       "must be %s", &field->value,
                       &ngx_http_gateway_log_types[field->type].word,
                       ngx_http_gateway_log_types[field->type].rule);
    return NGX_CONF_ERROR;
}


/* whether a path consists of names with dots between them */

static ngx_uint_t
ngx_http_gateway_log_field_is_path(const ngx_str_t *path)
{
    u_char      c, before;
    ngx_uint_t  i, dots;

    dots = 0;
    before = '.';

    for (i = 0; i < path->len; i++) {
        c = path->data[i];
        dots += (c == '.');

        if (c < ' ' || dots == NGX_HTTP_GATEWAY_LOG_DEPTH - 1
            || (c == '.' && before == '.'))
        {
            return 0;
        }

        before = c;
    }

    return before != '.';
}


/* field path value [type] */

char *
ngx_http_gateway_log_field_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_log_format_t *format = conf;

    ngx_str_t                     *value;
    ngx_http_gateway_log_field_t  *field;

    value = cf->args->elts;

    field = ngx_array_push(&format->fields);
    if (field == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(field, sizeof(ngx_http_gateway_log_field_t));
    ngx_http_gateway_place(cf, &field->place);
    field->path = value[1];
    field->value = value[2];

    if (!ngx_http_gateway_log_field_is_path(&field->path)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"field\", it must consist "
                           "of names with dots between them, at most %d",
                           &value[1], NGX_HTTP_GATEWAY_LOG_DEPTH - 1);
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&field->pieces, cf->pool, 2,
                       sizeof(ngx_http_gateway_log_piece_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 4
        && ngx_http_gateway_log_field_type(cf, field, &value[3])
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_log_field_pieces(cf, field) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_log_field_constant(cf, field);
}
