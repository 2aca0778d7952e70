/* SPDX-License-Identifier: BSD-2-Clause */

/* the parameters of a gateway_log */

#include "ngx_http_gateway_log_entry.h"


static char *ngx_http_gateway_log_size(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);


static const ngx_http_gateway_param_t  ngx_http_gateway_log_params[] = {
    { ngx_string("buffer="), ngx_http_gateway_log_size,
      offsetof(ngx_http_gateway_log_args_t, buffer), 0 },
    { ngx_string("flush="), ngx_http_gateway_param_msec,
      offsetof(ngx_http_gateway_log_args_t, flush), 0 },
    { ngx_string("if="), ngx_http_gateway_param_str,
      offsetof(ngx_http_gateway_log_args_t, filter), 0 },
    { ngx_string("sample="), ngx_http_gateway_log_sample,
      offsetof(ngx_http_gateway_log_args_t, sample), 0 },
    { ngx_string("keep="), ngx_http_gateway_param_str,
      offsetof(ngx_http_gateway_log_args_t, keep), 0 },
    { ngx_string("slow="), ngx_http_gateway_param_msec,
      offsetof(ngx_http_gateway_log_args_t, slow), 0 },
    ngx_http_gateway_null_param
};


static const ngx_http_gateway_log_kind_t *
ngx_http_gateway_log_kind(const ngx_str_t *path)
{
    return ngx_strncmp(path->data, "syslog:", 7) == 0
           ? &ngx_http_gateway_log_syslog_kind
           : &ngx_http_gateway_log_file_kind;
}


/*
 * Words of nginx that are not accepted as a path: "stdin", "memory:", "unix:",
 * and all words in another case.  "./stdin" is a path.
 */

static ngx_uint_t
ngx_http_gateway_log_word(const ngx_str_t *path)
{
    ngx_uint_t  i;

    static const struct {
        ngx_str_t   text;
        ngx_uint_t  prefix;         /* unsigned:1 */
        ngx_uint_t  known;          /* unsigned:1; valid in lower case */
    } words[] = {
        { ngx_string("stdout"), 0, 1 },
        { ngx_string("stderr"), 0, 1 },
        { ngx_string("off"), 0, 1 },
        { ngx_string("syslog:"), 1, 1 },
        { ngx_string("stdin"), 0, 0 },
        { ngx_string("memory:"), 1, 0 },
        { ngx_string("unix:"), 1, 0 },
        { ngx_null_string, 0, 0 }
    };

    for (i = 0; words[i].text.len; i++) {

        if (path->len < words[i].text.len
            || (path->len > words[i].text.len && !words[i].prefix)
            || ngx_strncasecmp(path->data, words[i].text.data,
                               words[i].text.len)
               != 0)
        {
            continue;
        }

        return !words[i].known
               || ngx_strncmp(path->data, words[i].text.data,
                              words[i].text.len)
                  != 0;
    }

    return strspn((char *) path->data, " \t\r\n") == path->len;
}


static char *
ngx_http_gateway_log_path(ngx_conf_t *cf,
    ngx_http_gateway_log_args_t *args, ngx_str_t *path)
{
    ngx_uint_t  syslog;

    syslog = (ngx_http_gateway_log_kind(path)
              == &ngx_http_gateway_log_syslog_kind);

    if (path->len == (syslog ? 7 : 0)
        || ngx_http_gateway_log_word(path)
        || ngx_strlchr(path->data, path->data + path->len, '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%V\" in \"gateway_log\", it must "
                           "be stdout, stderr, syslog:name, or a file or a "
                           "pipe, without variables", path);
        return NGX_CONF_ERROR;
    }

    if (syslog && (args->buffer != NGX_CONF_UNSET_SIZE
                   || args->flush != NGX_CONF_UNSET_MSEC))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"buffer=\" and \"flush=\" cannot be used with "
                           "\"%V\", \"queue\" in \"gateway_log_syslog\" is "
                           "the size of its buffer", path);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_size_value(args->buffer, 65536);
    ngx_conf_init_msec_value(args->flush, 1000);

    return NGX_CONF_OK;
}


/* an entry that would write each record a second time is an error */

static char *
ngx_http_gateway_log_duplicate(ngx_conf_t *cf, ngx_array_t *entries,
    ngx_str_t *path)
{
    ngx_uint_t                     i;
    ngx_http_gateway_log_entry_t  *entry, *last;

    entry = entries->elts;
    last = &entry[entries->nelts - 1];

    for (i = 0; &entry[i] < last; i++) {
        if (entry[i].sink == last->sink && entry[i].format == last->format
            && ngx_http_gateway_same(&entry[i].select.condition,
                                     &last->select.condition))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate \"gateway_log %V\" with format "
                               "\"%V\" at the same level", path,
                               &last->format->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_log_entry_add(ngx_conf_t *cf, ngx_array_t *entries,
    const ngx_http_gateway_log_args_t *args, ngx_str_t *path,
    ngx_str_t *format)
{
    ngx_uint_t                         observes;
    ngx_http_gateway_log_entry_t      *entry;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_log_module);

    entry = ngx_array_push(entries);
    if (entry == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(entry, sizeof(ngx_http_gateway_log_entry_t));

    if (ngx_http_gateway_log_select(cf, &entry->select, args) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    entry->format = ngx_http_gateway_log_format(cf, lmcf, format);
    if (entry->format == NULL) {
        return NGX_CONF_ERROR;
    }

    entry->format->used = 1;

    observes =
        ngx_http_gateway_log_vocabularies[entry->format->preset].observes
        | ngx_http_gateway_log_select_observes(&entry->select);

    if (ngx_http_gateway_observe(cf, observes) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    entry->sink = ngx_http_gateway_log_sink(cf, lmcf,
                                            ngx_http_gateway_log_kind(path),
                                            path, args->buffer, args->flush);

    if (entry->sink == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_log_duplicate(cf, entries, path);
}


/* path [format] and parameters */

char *
ngx_http_gateway_log_entry(ngx_conf_t *cf, ngx_array_t *entries)
{
    ngx_str_t                    *value, *format;
    ngx_uint_t                    first;
    ngx_http_gateway_log_args_t   args;

    static ngx_str_t  native = ngx_string("native");

    value = cf->args->elts;
    format = &native;
    first = 2;

    if (cf->args->nelts > 2
        && ngx_strlchr(value[2].data, value[2].data + value[2].len, '=')
           == NULL)
    {
        format = &value[2];
        first = 3;
    }

    ngx_memzero(&args, sizeof(ngx_http_gateway_log_args_t));
    args.buffer = NGX_CONF_UNSET_SIZE;
    args.flush = NGX_CONF_UNSET_MSEC;
    args.slow = NGX_CONF_UNSET_MSEC;

    if (ngx_http_gateway_params(cf, ngx_http_gateway_log_params, &args, first)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_log_path(cf, &args, &value[1]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_log_entry_add(cf, entries, &args, &value[1],
                                          format);
}


/* the buffer must have room for the longest record */

static char *
ngx_http_gateway_log_size(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ssize_t  size;

    size = ngx_parse_size(value);

    if (size < NGX_HTTP_GATEWAY_LOG_RECORD || size > 64 * 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it must "
                           "be a size from 32k to 64m", value, &param->name);
        return NGX_CONF_ERROR;
    }

    *(size_t *) field = size;

    return NGX_CONF_OK;
}
