/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_identity_headers: the identity in headers for the upstream server.
 *
 * In PREACCESS the gateway removes headers with these names from the request,
 * in every location of the server.  After an internal redirect PREACCESS runs
 * again before PRECONTENT, so that no header is set twice.
 */

#include "ngx_http_gateway_access.h"


typedef struct {
    ngx_uint_t  on;
    ngx_str_t   names[5];
} ngx_http_gateway_access_names_t;


#define ngx_http_gateway_access_name_param(word, i)                           \
    { ngx_string(word), ngx_http_gateway_param_str,                           \
      offsetof(ngx_http_gateway_access_names_t, names)                        \
      + i * sizeof(ngx_str_t), 0 }


static const ngx_http_gateway_param_t  ngx_http_gateway_access_params[] = {
    ngx_http_gateway_access_name_param("consumer=", 0),
    ngx_http_gateway_access_name_param("groups=", 1),
    ngx_http_gateway_access_name_param("plan=", 2),
    ngx_http_gateway_access_name_param("credential=", 3),
    ngx_http_gateway_access_name_param("scopes=", 4),
    ngx_http_gateway_null_param
};


/* in the order of the parameters */

static const struct {
    ngx_str_t   name;
    size_t      field;
} ngx_http_gateway_access_defaults[] = {
    { ngx_string("X-Consumer-ID"),
      offsetof(ngx_http_gateway_identity_t, consumer) },
    { ngx_string("X-Consumer-Groups"),
      offsetof(ngx_http_gateway_identity_t, groups) },
    { ngx_string("X-Consumer-Plan"),
      offsetof(ngx_http_gateway_identity_t, plan) },
    { ngx_string("X-Credential-ID"),
      offsetof(ngx_http_gateway_identity_t, credential) },
    { ngx_string("X-Auth-Scopes"),
      offsetof(ngx_http_gateway_identity_t, scopes) },
};


static const ngx_http_gateway_use_t  ngx_http_gateway_access_headers_on = {
    NGX_HTTP_GATEWAY_USE_METHOD, 0,
    "sets no header, no method of authentication is on in its block or in an "
    "inner one",
    NULL, 1
};

static const ngx_http_gateway_setting_t  ngx_http_gateway_access_telling = {
    NULL, NULL, &ngx_http_gateway_access_headers_on, 0
};


ngx_int_t
ngx_http_gateway_access_set_headers(ngx_http_request_t *r,
    const ngx_array_t *headers, ngx_http_gateway_identity_t *identity)
{
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_gateway_access_header_t  *header;

    if (headers == NULL || headers->nelts == 0) {
        return NGX_OK;
    }

    header = headers->elts;

    ngx_http_gateway_header_changed(r);

    for (i = 0; i < headers->nelts; i++) {
        value = (ngx_str_t *) ((u_char *) identity + header[i].field);

        if (value->len == 0 || ngx_http_gateway_header_unsafe(value)) {
            continue;
        }

        if (ngx_http_gateway_header_add(r, &header[i].line.name,
                                        &header[i].line.normalized, value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


char *
ngx_http_gateway_access_headers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_access_loc_conf_t *alcf = conf;

    ngx_uint_t                            i, off;
    ngx_command_t                         flag;
    ngx_http_gateway_access_names_t       set;
    ngx_http_gateway_access_header_t     *header;
    ngx_http_gateway_access_main_conf_t  *amcf;

    if (alcf->headers) {
        return "is duplicate";
    }

    ngx_memzero(&flag, sizeof(ngx_command_t));
    flag.offset = offsetof(ngx_http_gateway_access_names_t, on);
    flag.post = ngx_http_gateway_switch;

    ngx_memzero(&set, sizeof(ngx_http_gateway_access_names_t));
    set.on = NGX_CONF_UNSET_UINT;

    if (ngx_http_gateway_set_enum_slot(cf, &flag, &set) != NGX_CONF_OK
        || ngx_http_gateway_params(cf, ngx_http_gateway_access_params, &set, 2)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    alcf->headers = ngx_array_create(cf->pool, 5,
                                     sizeof(ngx_http_gateway_access_header_t));
    if (alcf->headers == NULL) {
        return NGX_CONF_ERROR;
    }

    if (!set.on) {
        return ngx_http_gateway_param_off(cf, &off);
    }

    for (i = 0; i < 5; i++) {

        if (set.names[i].len == 0) {
            set.names[i] = ngx_http_gateway_access_defaults[i].name;
        }

        if (set.names[i].len == 3
            && ngx_strncmp(set.names[i].data, "off", 3) == 0)
        {
            continue;
        }

        header = ngx_http_gateway_identity_header(cf, alcf->headers,
                                                  &set.names[i]);
        if (header == NULL) {
            return NGX_CONF_ERROR;
        }

        header->field = ngx_http_gateway_access_defaults[i].field;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_access_module);
    amcf->used = 1;

    return ngx_http_gateway_setting_add(cf, &ngx_http_gateway_access_telling);
}
