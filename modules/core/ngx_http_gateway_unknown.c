/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Undefined variables.
 *
 * nginx detects them after the configuration was read, and then knows only
 * their names.  To report the place, each value with variables is recorded and
 * checked just before nginx does it.
 */

#include "ngx_http_gateway.h"


typedef struct {
    ngx_str_t                 directive;
    ngx_str_t                 value;
    ngx_http_gateway_place_t  place;
} ngx_http_gateway_reading_t;


static ngx_uint_t ngx_http_gateway_defined(ngx_http_core_main_conf_t *cmcf,
    const ngx_str_t *name);


ngx_int_t
ngx_http_gateway_reads(ngx_conf_t *cf, const ngx_str_t *value)
{
    ngx_str_t                     *args;
    ngx_http_gateway_reading_t    *reading;
    ngx_http_gateway_main_conf_t  *gmcf;

    if (ngx_strlchr(value->data, value->data + value->len, '$') == NULL) {
        return NGX_OK;
    }

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->readings == NULL) {
        gmcf->readings = ngx_array_create(cf->pool, 8,
                                          sizeof(ngx_http_gateway_reading_t));
        if (gmcf->readings == NULL) {
            return NGX_ERROR;
        }
    }

    reading = ngx_array_push(gmcf->readings);
    if (reading == NULL) {
        return NGX_ERROR;
    }

    args = cf->args->elts;

    reading->directive = args[0];
    reading->value = *value;
    ngx_http_gateway_place(cf, &reading->place);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_unknown_check(ngx_conf_t *cf)
{
    u_char                        *p, *last;
    ngx_str_t                      name;
    ngx_uint_t                     i;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_gateway_reading_t    *reading;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (gmcf->readings == NULL) {
        return NGX_OK;
    }

    reading = gmcf->readings->elts;

    for (i = 0; i < gmcf->readings->nelts; i++) {

        p = reading[i].value.data;
        last = p + reading[i].value.len;

        while (ngx_http_gateway_next_variable(&p, last, &name)) {

            if (ngx_http_gateway_defined(cmcf, &name)) {
                continue;
            }

            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown variable \"$%V\" in \"%V\" in %V:%ui", &name,
                          &reading[i].directive,
                          ngx_http_gateway_place_args(&reading[i].place));
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* as in ngx_http_script_compile(), which has already refused invalid names */

ngx_uint_t
ngx_http_gateway_next_variable(u_char **p, u_char *last, ngx_str_t *name)
{
    u_char  *s, c;

    s = *p;

    for ( ;; ) {
        s = ngx_strlchr(s, last, '$');
        if (s == NULL) {
            return 0;
        }

        s++;

        if (s < last && *s == '{') {
            s++;
        }

        name->data = s;

        for ( /* void */ ; s < last; s++) {
            c = *s | 0x20;

            if (!((c >= 'a' && c <= 'z') || (*s >= '0' && *s <= '9')
                  || *s == '_'))
            {
                break;
            }
        }

        name->len = s - name->data;

        if (name->len) {
            *p = s;
            return 1;
        }
    }
}


static ngx_uint_t
ngx_http_gateway_defined(ngx_http_core_main_conf_t *cmcf,
    const ngx_str_t *name)
{
    ngx_uint_t            i;
    ngx_hash_key_t       *key;
    ngx_http_variable_t  *v;

    /* "$1" is a capture */

    if (name->data[0] >= '1' && name->data[0] <= '9') {
        return 1;
    }

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {
        v = key[i].value;

        if (v->get_handler && key[i].key.len == name->len
            && ngx_strncasecmp(key[i].key.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    v = cmcf->prefix_variables.elts;

    for (i = 0; i < cmcf->prefix_variables.nelts; i++) {
        if (name->len >= v[i].name.len
            && ngx_strncasecmp(v[i].name.data, name->data, v[i].name.len) == 0)
        {
            return 1;
        }
    }

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (v[i].get_handler && v[i].name.len == name->len
            && ngx_strncasecmp(v[i].name.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
