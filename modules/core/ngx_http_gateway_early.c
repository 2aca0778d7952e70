/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Identity variables that are read too early.
 *
 * "set", "if", "rewrite", limit_req and limit_conn read variables before
 * ACCESS, when no client is authenticated: a condition on a claim is never
 * true, and a key with the consumer is empty and limits nothing.  Therefore
 * such a read is logged as an error, once for each location in all workers.
 *
 * Each identity variable has the getter below, which checks the phase and calls
 * the variable's own getter.
 */

#include "ngx_http_gateway.h"
#include "ngx_http_gateway_compat.h"
#include "ngx_http_gateway_setting.h"


static ngx_uint_t ngx_http_gateway_early(ngx_http_request_t *r,
    const ngx_http_gateway_main_conf_t *gmcf);
static ngx_int_t ngx_http_gateway_early_get(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_early_get_prefixed(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_gateway_early_read(ngx_http_request_t *r,
    ngx_http_gateway_main_conf_t *gmcf, const ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_early_judged(ngx_http_request_t *r);
static void ngx_http_gateway_early_say(ngx_http_request_t *r,
    const ngx_http_gateway_loc_conf_t *block, const ngx_str_t *name);
static void ngx_http_gateway_early_cleanup(void *data);
#if (NGX_HTTP_GATEWAY_ZONE_KEYS)
static const ngx_uint_t *ngx_http_gateway_early_key(ngx_cycle_t *cycle,
    const ngx_shm_zone_t *zone, const char **directive);
static void ngx_http_gateway_early_zone(ngx_cycle_t *cycle,
    const ngx_shm_zone_t *zone, const ngx_array_t *variables);
#endif


ngx_http_variable_t *
ngx_http_gateway_add_identity_variable(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_get_variable_pt get, uintptr_t data, ngx_uint_t flags)
{
    ngx_http_gateway_main_conf_t       *gmcf;
    ngx_http_gateway_early_variable_t  *var;

    if (flags & NGX_HTTP_VAR_PREFIX) {
        gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

        var = ngx_array_push(&gmcf->prefixes);

    } else {
        var = ngx_palloc(cf->pool, sizeof(ngx_http_gateway_early_variable_t));
    }

    if (var == NULL) {
        return NULL;
    }

    var->name = *name;
    var->get = get;
    var->data = data;

    /* nginx replaces the data of a prefix variable by the full name */

    return (flags & NGX_HTTP_VAR_PREFIX)
           ? ngx_http_gateway_add_variable(cf, name,
                                  ngx_http_gateway_early_get_prefixed, 0, flags)
           : ngx_http_gateway_add_variable(cf, name,
                                           ngx_http_gateway_early_get,
                                           (uintptr_t) var, flags);
}


static ngx_int_t
ngx_http_gateway_early_get(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gateway_early_variable_t *var =
                                    (ngx_http_gateway_early_variable_t *) data;

    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (ngx_http_gateway_early(r, gmcf)) {
        ngx_http_gateway_early_read(r, gmcf, &var->name);
    }

    return var->get(r, v, var->data);
}


/* whether no method of authentication has been called yet */

static ngx_uint_t
ngx_http_gateway_early(ngx_http_request_t *r,
    const ngx_http_gateway_main_conf_t *gmcf)
{
    ngx_http_gateway_request_t  *gr;

    if (r->phase_handler < gmcf->judging) {
        return 1;
    }

    if (!gmcf->counts_early) {
        return 0;
    }

    gr = ngx_http_gateway_request(r);

    return gr != NULL && gr->counting;
}


/* no prefix is the beginning of another one */

static ngx_int_t
ngx_http_gateway_early_get_prefixed(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    ngx_uint_t                          i;
    ngx_http_gateway_main_conf_t       *gmcf;
    ngx_http_gateway_early_variable_t  *prefix;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    prefix = gmcf->prefixes.elts;

    if (ngx_http_gateway_early(r, gmcf)) {
        ngx_http_gateway_early_read(r, gmcf, name);
    }

    for (i = 0; i < gmcf->prefixes.nelts; i++) {

        if (name->len >= prefix[i].name.len
            && ngx_memcmp(name->data, prefix[i].name.data, prefix[i].name.len)
               == 0)
        {
            return prefix[i].get(r, v, data);
        }
    }

    v->not_found = 1;

    return NGX_OK;
}


/*
 * A read in a phase before ACCESS.  The rewrite directives of a server run for
 * all its locations, those of a location only if it is chosen.
 */

static void
ngx_http_gateway_early_read(ngx_http_request_t *r,
    ngx_http_gateway_main_conf_t *gmcf, const ngx_str_t *name)
{
    ngx_uint_t                    on, phase;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_gateway_loc_conf_t  *glcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

    phase = r->phase_handler;

    if (phase < cmcf->phase_engine.server_rewrite_index) {
        return;
    }

    on = (phase < cmcf->phase_engine.location_rewrite_index)
         ? glcf->uses : glcf->on;

    if (!(on & NGX_HTTP_GATEWAY_USE_METHOD)
        || gmcf->early[glcf->home->number]
        || ngx_http_gateway_early_judged(r)
        || !ngx_atomic_cmp_set(&gmcf->early[glcf->home->number], 0, 1))
    {
        return;
    }

    ngx_http_gateway_early_say(r, glcf->home, name);
}


/*
 * Whether a read before ACCESS is legitimate:
 *
 * - a response is being sent: it has a status, except while the URI of
 *   "error_page 403 = /page" is evaluated, which removes the status;
 * - after an internal redirect, the identity or the refusal of the earlier
 *   location applies;
 * - a subrequest uses the identity of its main request.
 *
 * The location of an error page is not an exception: "error_page 404 = @app" is
 * a common way to enter the location that authenticates.
 */

static ngx_uint_t
ngx_http_gateway_early_judged(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;

    if (r != r->main || r->headers_out.status
        || ((r->err_status || r->error_page) && !r->internal))
    {
        return 1;
    }

    gr = ngx_http_gateway_request(r);

    return gr != NULL && (gr->location != NULL || gr->refusals != NULL);
}


/* without the request line, which may contain a credential */

static void
ngx_http_gateway_early_say(ngx_http_request_t *r,
    const ngx_http_gateway_loc_conf_t *block, const ngx_str_t *name)
{
    ngx_log_t    log;
    const char  *kind, *quote;

    log = *r->connection->log;
    log.handler = NULL;

    kind = block->written.len ? "location \"" : "the server";
    quote = block->written.len ? "\"" : "";

    ngx_log_error(NGX_LOG_ERR, &log, 0,
                  "\"$%V\" is read before authentication, when the client is "
                  "not known yet, in %s%V%s in %V:%ui, use "
                  "\"gateway_jwt_require_claim\", \"gateway_deny_group\", "
                  "\"gateway_limit\", or a \"map\" that is read later",
                  name, kind, &block->written, quote,
                  ngx_http_gateway_place_args(&block->place));
}


ngx_uint_t
ngx_http_gateway_identity_in(ngx_conf_t *cf, const ngx_str_t *value,
    ngx_str_t *name)
{
    u_char                     *p, *last;
    ngx_uint_t                  i;
    ngx_hash_key_t             *key;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    key = cmcf->variables_keys->keys.elts;

    p = value->data;
    last = p + value->len;

    while (ngx_http_gateway_next_variable(&p, last, name)) {

        for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {
            v = key[i].value;

            if (v->get_handler == ngx_http_gateway_early_get
                && key[i].key.len == name->len
                && ngx_strncasecmp(key[i].key.data, name->data, name->len)
                   == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


void
ngx_http_gateway_counts_early(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    gmcf->counts_early = 1;
}


ngx_int_t
ngx_http_gateway_early_init(ngx_conf_t *cf)
{
    ngx_shm_t                     *shm;
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (!gmcf->authenticates) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_shm_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    shm = cln->data;
    ngx_memzero(shm, sizeof(ngx_shm_t));

    shm->size = ngx_align(gmcf->blocks * sizeof(ngx_atomic_t), ngx_pagesize);
    ngx_str_set(&shm->name, "gateway_early");
    shm->log = cf->cycle->log;

    if (ngx_shm_alloc(shm) != NGX_OK) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_early_cleanup;
    gmcf->early = (ngx_atomic_t *) shm->addr;

    return NGX_OK;
}


static void
ngx_http_gateway_early_cleanup(void *data)
{
    ngx_shm_free(data);
}


void
ngx_http_gateway_early_phases(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf)
{
    ngx_http_phase_handler_t   *ph;
    ngx_http_core_main_conf_t  *cmcf;

    if (!gmcf->authenticates) {
        return;
    }

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);
    ph = cmcf->phase_engine.handlers;

    while (ph[gmcf->judging].checker
           && ph[gmcf->judging].checker != ngx_http_core_access_phase)
    {
        gmcf->judging++;
    }
}


/*
 * limit_req and limit_conn count before ACCESS.  The variables in their keys
 * are known once the configuration was read, but not those that a "map" in a
 * key reads: the first request logs these.
 */

void
ngx_http_gateway_early_zones(ngx_cycle_t *cycle)
{
#if (NGX_HTTP_GATEWAY_ZONE_KEYS)

    ngx_uint_t                  i;
    ngx_shm_zone_t             *zone;
    ngx_list_part_t            *part;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    for (part = &cycle->shared_memory.part; part; part = part->next) {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            ngx_http_gateway_early_zone(cycle, &zone[i], &cmcf->variables);
        }
    }

#endif
}


#if (NGX_HTTP_GATEWAY_ZONE_KEYS)

static void
ngx_http_gateway_early_zone(ngx_cycle_t *cycle, const ngx_shm_zone_t *zone,
    const ngx_array_t *variables)
{
    const char           *directive;
    const ngx_uint_t     *index;
    ngx_http_variable_t  *variable;

    index = ngx_http_gateway_early_key(cycle, zone, &directive);
    variable = variables->elts;

    for ( /* void */ ; index && *index != (ngx_uint_t) -1; index++) {

        if (variable[*index].get_handler == ngx_http_gateway_early_get
            || variable[*index].get_handler
               == ngx_http_gateway_early_get_prefixed)
        {
            ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                          "zone \"%V\" of \"%s\" counts by \"$%V\" before "
                          "authentication, when the client is not known yet, "
                          "use \"gateway_limit_zone\"", &zone->shm.name,
                          directive, &variable[*index].name);
            return;
        }
    }
}


/* the variables in the key; NULL: none, or a zone of another module */

static const ngx_uint_t *
ngx_http_gateway_early_key(ngx_cycle_t *cycle, const ngx_shm_zone_t *zone,
    const char **directive)
{
    ngx_uint_t  i;

    for (i = 0; cycle->modules[i] && cycle->modules[i] != zone->tag; i++) {
        /* void */
    }

    if (cycle->modules[i] == NULL || zone->data == NULL) {
        return NULL;
    }

    if (ngx_strcmp(cycle->modules[i]->name, "ngx_http_limit_req_module") == 0) {
        *directive = "limit_req_zone";
        return ((ngx_http_gateway_req_zone_t *) zone->data)->key.flushes;
    }

    if (ngx_strcmp(cycle->modules[i]->name, "ngx_http_limit_conn_module") == 0)
    {
        *directive = "limit_conn_zone";
        return ((ngx_http_gateway_conn_zone_t *) zone->data)->key.flushes;
    }

    return NULL;
}

#endif
