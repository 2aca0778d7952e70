
/*
 * Configuration: what modules register with core, and when they may.
 *
 * A list that is complete before phase handlers are chosen needs no handler
 * where it is empty.  So core's postconfiguration, which nginx runs before
 * those of the other gateway modules, closes the lists: whoever comes later
 * would never be called, and is an error at start.
 */

#include "ngx_http_gateway.h"


ngx_http_gateway_main_conf_t *
ngx_http_gateway_registry(ngx_conf_t *cf, const char *what, ngx_uint_t pre)
{
    const char                    *when;
    ngx_http_gateway_main_conf_t  *gmcf;

    when = pre ? "" : ", in a directive's setter or in a merge function";

    if ((void *) cf->ctx == (void *) cf->cycle->conf_ctx) {

        /* not yet a context of http */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "gateway: %s is registered too early, when "
                           "configurations are created, register it in "
                           "preconfiguration%s", what, when);
        return NULL;
    }

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    /* nginx sets the type of module when it begins to parse http {} */

    if (gmcf->closed || (pre && cf->module_type == NGX_HTTP_MODULE)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "gateway: %s is registered too late%s, register it "
                           "in preconfiguration%s", what,
                           gmcf->closed ? ", in postconfiguration" : "", when);
        return NULL;
    }

    return gmcf;
}


ngx_int_t
ngx_http_gateway_slot_add(ngx_conf_t *cf, ngx_uint_t *slot)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_gateway_registry(cf, "a slot of the record", 1);
    if (gmcf == NULL) {
        return NGX_ERROR;
    }

    *slot = gmcf->slots++;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_method_add(ngx_conf_t *cf, const char *name,
    ngx_http_gateway_hide_pt hide, ngx_uint_t *method)
{
    ngx_http_gateway_method_t     *m;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_gateway_registry(cf, "a method of authentication", 1);
    if (gmcf == NULL) {
        return NGX_ERROR;
    }

    *method = gmcf->methods.nelts;

    if (*method == 8 * sizeof(ngx_uint_t) - 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "gateway: \"%s\" is one method of authentication "
                           "too many, at most %ui can be registered", name,
                           *method);
        return NGX_ERROR;
    }

    m = ngx_array_push(&gmcf->methods);
    if (m == NULL) {
        return NGX_ERROR;
    }

    m->name.data = (u_char *) name;
    m->name.len = ngx_strlen(name);
    m->hide = hide;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_log_add(ngx_conf_t *cf, ngx_http_gateway_log_stage_e stage,
    ngx_http_gateway_log_pt handler)
{
    ngx_uint_t                     i;
    ngx_http_gateway_log_t        *log;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_gateway_registry(cf, "a log handler", 0);
    if (gmcf == NULL) {
        return NGX_ERROR;
    }

    log = gmcf->log.elts;

    for (i = 0; i < gmcf->log.nelts; i++) {
        if (log[i].stage == stage && log[i].handler == handler) {
            return NGX_OK;
        }
    }

    if (ngx_array_push(&gmcf->log) == NULL) {
        return NGX_ERROR;
    }

    log = gmcf->log.elts;

    for (i = gmcf->log.nelts - 1; i > 0 && log[i - 1].stage > stage; i--) {
        log[i] = log[i - 1];
    }

    log[i].stage = stage;
    log[i].handler = handler;

    return NGX_OK;
}
