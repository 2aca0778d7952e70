/* SPDX-License-Identifier: BSD-2-Clause */

/* the variables of a module, by table */

#include "ngx_http_gateway.h"


ngx_int_t
ngx_http_gateway_add_variables(ngx_conf_t *cf, ngx_http_variable_t *vars)
{
    ngx_uint_t            flags;
    ngx_http_variable_t  *v, *var;

    for (v = vars; v->name.len; v++) {
        flags = v->flags & ~NGX_HTTP_GATEWAY_VAR_IDENTITY;

        var = (v->flags & NGX_HTTP_GATEWAY_VAR_IDENTITY)
              ? ngx_http_gateway_add_identity_variable(cf, &v->name,
                                               v->get_handler, v->data, flags)
              : ngx_http_gateway_add_variable(cf, &v->name, v->get_handler,
                                              v->data, flags);
        if (var == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
