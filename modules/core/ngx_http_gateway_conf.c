/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Configuration: registration of modules with core, and helpers for their
 * directives.
 *
 * Core's postconfiguration, which nginx runs before those of the other gateway
 * modules, closes the lists of registered items and installs a phase handler
 * only for a list that is not empty.  An item that is registered later would
 * never be used, and is therefore an error.
 */

#include "ngx_http_gateway.h"
#include "ngx_http_gateway_detached.h"
#include "ngx_http_gateway_setting.h"


/* the number of lists that store the rules of "allow" and "deny" */

#if (NGX_HAVE_INET6 && NGX_HAVE_UNIX_DOMAIN)
#define NGX_HTTP_GATEWAY_ACCESS_RULES  3
#elif (NGX_HAVE_INET6 || NGX_HAVE_UNIX_DOMAIN)
#define NGX_HTTP_GATEWAY_ACCESS_RULES  2
#else
#define NGX_HTTP_GATEWAY_ACCESS_RULES  1
#endif


static ngx_http_script_return_code_t *ngx_http_gateway_return(ngx_conf_t *cf);
static ngx_uint_t ngx_http_gateway_grants(const char *module, void *conf);


ngx_conf_enum_t  ngx_http_gateway_modes[] = {
    { ngx_string("required"), NGX_HTTP_GATEWAY_REQUIRED },
    { ngx_string("optional"), NGX_HTTP_GATEWAY_OPTIONAL },
    { ngx_string("dry_run"), NGX_HTTP_GATEWAY_DRY_RUN },
    { ngx_null_string, 0 }
};


ngx_conf_enum_t  ngx_http_gateway_switch[] = {
    { ngx_string("on"), 1 },
    { ngx_string("off"), 0 },
    { ngx_null_string, 0 }
};


ngx_http_gateway_main_conf_t *
ngx_http_gateway_registry(ngx_conf_t *cf, const char *what, ngx_uint_t pre)
{
    const char                    *when;
    ngx_http_gateway_main_conf_t  *gmcf;

    when = pre ? "" : ", in a directive's setter or in a merge function";

    if ((void *) cf->ctx == (void *) cf->cycle->conf_ctx) {

        /* the http context does not exist yet */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "gateway: %s is registered too early, when "
                           "configurations are created, register it in "
                           "preconfiguration%s", what, when);
        return NULL;
    }

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    /* nginx sets the module type when it begins to parse http {} */

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
    ngx_uint_t                     i;
    ngx_http_gateway_method_t     *m;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_gateway_registry(cf, "a method of authentication", 1);
    if (gmcf == NULL) {
        return NGX_ERROR;
    }

    m = gmcf->methods.elts;

    for (i = 0; i < gmcf->methods.nelts; i++) {
        if (ngx_strcmp(m[i].name.data, name) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "gateway: a method of authentication \"%s\" is "
                               "already registered, register it once or choose "
                               "another name", name);
            return NGX_ERROR;
        }
    }

    *method = gmcf->methods.nelts;

    if (*method == 8 * sizeof(ngx_uint_t) - 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "gateway: too many methods of authentication, "
                           "\"%s\" cannot be registered, the maximum is %ui",
                           name, *method);
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
ngx_http_gateway_refuses(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_gateway_registry(cf, "a module that refuses requests", 0);
    if (gmcf == NULL) {
        return NGX_ERROR;
    }

    gmcf->refuses = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_detaches(ngx_conf_t *cf, const char *user)
{
    ngx_uint_t                      i;
    const char                    **name;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_gateway_registry(cf, "a module with detached requests", 0);
    if (gmcf == NULL) {
        return NGX_ERROR;
    }

    if (gmcf->detaches == NULL) {
        gmcf->detaches = ngx_array_create(cf->pool, 4, sizeof(const char *));
        if (gmcf->detaches == NULL) {
            return NGX_ERROR;
        }
    }

    name = gmcf->detaches->elts;

    for (i = 0; i < gmcf->detaches->nelts; i++) {
        if (ngx_strcmp(name[i], user) == 0) {
            return NGX_OK;
        }
    }

    name = ngx_array_push(gmcf->detaches);
    if (name == NULL) {
        return NGX_ERROR;
    }

    *name = user;

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


ngx_http_variable_t *
ngx_http_gateway_add_variable(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_get_variable_pt get, uintptr_t data, ngx_uint_t flags)
{
    ngx_http_variable_t  *var;

    var = ngx_http_add_variable(cf, name, flags|NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NULL;
    }

    if (var->get_handler != NULL) {

        /* defined by "map", "set" or another directive that allows changes */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the duplicate \"%V\" variable", name);
        return NULL;
    }

    var->get_handler = get;
    var->data = data;

    return var;
}


void
ngx_http_gateway_place(ngx_conf_t *cf, ngx_http_gateway_place_t *place)
{
    if (cf->conf_file == NULL) {
        return;
    }

    place->file = cf->conf_file->file.name;
    place->line = cf->conf_file->line;
}


/*
 * The configuration of a server itself serves requests only if it has no
 * location "/".  That of an "if" in a server, whose name is empty, serves none.
 */

ngx_uint_t
ngx_http_gateway_in_force(ngx_conf_t *cf)
{
    ngx_queue_t                *q;
    ngx_http_conf_ctx_t        *ctx;
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_location_queue_t  *lq;

    ctx = cf->ctx;
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (ctx->loc_conf != cscf->ctx->loc_conf) {
        return !(clcf->noname && clcf->name.len == 0);
    }

    if (clcf->locations == NULL) {
        return 1;
    }

    for (q = ngx_queue_head(clcf->locations);
         q != ngx_queue_sentinel(clcf->locations);
         q = ngx_queue_next(q))
    {
        lq = (ngx_http_location_queue_t *) q;

        if (lq->inclusive && lq->inclusive->name.len == 1
            && lq->inclusive->name.data[0] == '/')
        {
            return 0;
        }
    }

    return 1;
}


/*
 * "return" answers before ACCESS: no authentication module of nginx protects
 * its response.
 */

void
ngx_http_gateway_warn_return(ngx_conf_t *cf, const char *directive,
    const ngx_http_gateway_place_t *place)
{
    ngx_http_gateway_loc_conf_t  *glcf;

    if (ngx_http_gateway_return(cf) == NULL) {
        return;
    }

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);
    glcf->returns = 1;

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"return\" answers before \"%s\" is checked, its response "
                  "is not protected, in the block in %V:%ui", directive,
                  ngx_http_gateway_place_args(place));
}


char *
ngx_http_gateway_return_inherited(ngx_conf_t *cf, const char *directive)
{
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_gateway_loc_conf_t    *glcf, **slot;
    ngx_http_gateway_main_conf_t   *gmcf;
    ngx_http_script_return_code_t  *code;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);
    code = ngx_http_gateway_return(cf);

    if (code == NULL || clcf->named || clcf->internal
        || (glcf->off & NGX_HTTP_GATEWAY_USE_METHOD) || glcf->inherits)
    {
        return NGX_CONF_OK;
    }

    if (code->status != NGX_HTTP_OK
        && (code->status < NGX_HTTP_OK
            || code->status >= NGX_HTTP_SPECIAL_RESPONSE
            || code->text.value.len == 0))
    {
        return NGX_CONF_OK;
    }

    glcf->inherits = directive;

    if (gmcf->returns == NULL) {
        gmcf->returns = ngx_array_create(cf->pool, 1, sizeof(void *));
        if (gmcf->returns == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    slot = ngx_array_push(gmcf->returns);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = glcf;

    return NGX_CONF_OK;
}


void
ngx_http_gateway_returns_check(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_gateway_loc_conf_t   **block;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->returns == NULL) {
        return;
    }

    block = gmcf->returns->elts;

    for (i = 0; i < gmcf->returns->nelts; i++) {

        if (block[i]->returns) {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"return\" answers without authentication, add \"%s "
                      "off\" if this is intended in %V:%ui",
                      block[i]->inherits,
                      ngx_http_gateway_place_args(&block[i]->place));
    }
}


/* the "return" of the current block, or NULL */

static ngx_http_script_return_code_t *
ngx_http_gateway_return(ngx_conf_t *cf)
{
    void  *conf;

    conf = ngx_http_gateway_module_conf(cf, ngx_http_gateway_loc_conf(cf),
                                        "ngx_http_rewrite_module", NULL);

    return conf ? ngx_http_gateway_location_return(conf) : NULL;
}


void *
ngx_http_gateway_module_conf(ngx_conf_t *cf, void **loc_conf, const char *name,
    ngx_module_t **module)
{
    ngx_uint_t     i;
    ngx_module_t  *m;

    for (i = 0; (m = cf->cycle->modules[i]) != NULL; i++) {

        if (ngx_strcmp(m->name, name) != 0) {
            continue;
        }

        if (module) {
            *module = m;
        }

        return loc_conf[m->ctx_index];
    }

    return NULL;
}


ngx_uint_t
ngx_http_gateway_others_grant(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_module_t         *module;
    ngx_http_conf_ctx_t  *ctx;

    ctx = cf->ctx;

    for (i = 0; cf->cycle->modules[i]; i++) {
        module = cf->cycle->modules[i];

        if (module->type == NGX_HTTP_MODULE
            && ngx_http_gateway_grants(module->name,
                                           ctx->loc_conf[module->ctx_index]))
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Whether the configuration of one of nginx's own access modules ("allow" and
 * "deny", auth_basic, auth_request), found by the module's name, can grant
 * access.  Its type is private, but its first members are the same in all
 * versions.
 */

static ngx_uint_t
ngx_http_gateway_grants(const char *module, void *conf)
{
    ngx_str_t                  *uri;
    ngx_uint_t                  i;
    ngx_array_t               **rules;
    ngx_http_complex_value_t  **realm;

    if (ngx_strcmp(module, "ngx_http_access_module") == 0) {
        rules = conf;

        for (i = 0; i < NGX_HTTP_GATEWAY_ACCESS_RULES; i++) {
            if (rules[i] != NULL) {
                return 1;
            }
        }

    } else if (ngx_strcmp(module, "ngx_http_auth_basic_module") == 0) {
        realm = conf;

        return *realm != NULL
               && !((*realm)->lengths == NULL && (*realm)->value.len == 3
                    && ngx_strncmp((*realm)->value.data, "off", 3) == 0);

    } else if (ngx_strcmp(module, "ngx_http_auth_request_module") == 0) {
        uri = conf;

        return uri->len != 0;
    }

    return 0;
}
