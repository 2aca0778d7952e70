/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The consumers: the directive gateway_consumers, without phase handlers.
 * Other modules look up consumers through ngx_http_gateway_consumers.h.
 *
 * The master reads the file while it reads the configuration, and copies the
 * set into shared memory when the reload can no longer fail.  A worker reads
 * the file again when it changes.
 */

#include "ngx_http_gateway_consumers_zone.h"
#include "ngx_http_gateway_setting.h"
#include "gw_names.h"


#define NGX_HTTP_GATEWAY_CONSUMERS_MIN    (1024 * 1024)
#define NGX_HTTP_GATEWAY_CONSUMERS_MAX    (1024 * 1024 * 1024)


static void *ngx_http_gateway_consumers_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_consumers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_gateway_consumers_plan(ngx_http_request_t *r,
    const ngx_str_t *id, ngx_str_t *plan);
static ngx_int_t ngx_http_gateway_consumers_check_names(ngx_conf_t *cf,
    ngx_http_gateway_name_e kind, const ngx_array_t *names);
static ngx_uint_t ngx_http_gateway_consumers_has(const gw_text_t *list,
    char separator, const ngx_array_t *names);
static ngx_int_t ngx_http_gateway_consumers_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_consumers_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_consumers_init_process(ngx_cycle_t *cycle);
static void ngx_http_gateway_consumers_exit_process(ngx_cycle_t *cycle);
static ngx_http_gateway_consumers_t *ngx_http_gateway_consumers_of(
    ngx_cycle_t *cycle);


static const ngx_http_gateway_use_t  ngx_http_gateway_consumers_use = {
    NGX_HTTP_GATEWAY_USE_METHOD, 0,
    "has no effect, no method of authentication is on", NULL, 0
};


static ngx_command_t  ngx_http_gateway_consumers_commands[] = {

    { ngx_string("gateway_consumers"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_ANY,
      ngx_http_gateway_set_setting,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_consumers, NULL,
                               &ngx_http_gateway_consumers_use, 0) },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_consumers_module_ctx = {
    NULL,                                         /* preconfiguration */
    ngx_http_gateway_consumers_init,              /* postconfiguration */

    ngx_http_gateway_consumers_create_main_conf,  /* create main conf */
    NULL,                                         /* init main conf */

    NULL,                                         /* create server conf */
    NULL,                                         /* merge server conf */

    NULL,                                         /* create location conf */
    NULL                                          /* merge location conf */
};


ngx_module_t  ngx_http_gateway_consumers_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_consumers_module_ctx,       /* module context */
    ngx_http_gateway_consumers_commands,          /* module directives */
    NGX_HTTP_MODULE,                              /* module type */
    NULL,                                         /* init master */
    ngx_http_gateway_consumers_init_module,       /* init module */
    ngx_http_gateway_consumers_init_process,      /* init process */
    NULL,                                         /* init thread */
    NULL,                                         /* exit thread */
    ngx_http_gateway_consumers_exit_process,      /* exit process */
    NULL,                                         /* exit master */
    NGX_MODULE_V1_PADDING
};


static const ngx_http_gateway_param_t  ngx_http_gateway_consumers_params[] = {

    { ngx_string("zone="), ngx_http_gateway_param_zone,
      offsetof(ngx_http_gateway_consumers_t, zone),
      NGX_HTTP_GATEWAY_CONSUMERS_MIN },

    { ngx_string("file="), ngx_http_gateway_param_str,
      offsetof(ngx_http_gateway_consumers_t, watch.path), 0 },

    { ngx_string("watch="), ngx_http_gateway_param_msec,
      offsetof(ngx_http_gateway_consumers_t, watch.interval), 0 },

    ngx_http_gateway_null_param
};


/* for other modules, while the configuration is read */

ngx_uint_t
ngx_http_gateway_consumers_given(ngx_conf_t *cf)
{
    ngx_http_gateway_consumers_t  *consumers;

    consumers = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_consumers_module);

    return consumers->shm_zone != NULL;
}


ngx_uint_t
ngx_http_gateway_consumers_count(ngx_conf_t *cf, gw_consumer_kind_e kind)
{
    const gw_consumer_set_t       *set;
    ngx_http_gateway_consumers_t  *consumers;

    consumers = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_consumers_module);
    set = consumers->block;

    return set ? set->count[kind] : 0;
}


void
ngx_http_gateway_consumers_peppers(ngx_conf_t *cf, ngx_uint_t n)
{
    ngx_http_gateway_consumers_t  *consumers;

    consumers = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_consumers_module);
    consumers->peppers = n;
}


static void *
ngx_http_gateway_consumers_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_consumers_t  *consumers;

    consumers = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_consumers_t));
    if (consumers == NULL) {
        return NULL;
    }

    consumers->watch.interval = NGX_CONF_UNSET_MSEC;
    consumers->watch.max_size = NGX_HTTP_GATEWAY_CONSUMERS_MAX;
    consumers->watch.directive = "gateway_consumers";
    consumers->watch.look = ngx_http_gateway_consumers_look;
    consumers->watch.data = consumers;

    return consumers;
}


static char *
ngx_http_gateway_consumers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_consumers_t *consumers = conf;

    ngx_uint_t  no_zone, no_file;

    if (consumers->shm_zone) {
        return "is duplicate";
    }

    if (ngx_http_gateway_params(cf, ngx_http_gateway_consumers_params,
                                consumers, 1)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    consumers->watch.written
                = ngx_http_gateway_watch_default(&consumers->watch.interval);

    no_zone = (consumers->zone.size == 0);
    no_file = (consumers->watch.path.len == 0);

    if (no_zone || no_file) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" must have %s%s%s",
                           &cmd->name, no_zone ? "\"zone=name:size\"" : "",
                           no_zone && no_file ? " and " : "",
                           no_file ? "\"file=path\"" : "");
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_consumers_add_zone(cf, consumers) != NGX_OK
        || ngx_conf_full_name(cf->cycle, &consumers->watch.path, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_place(cf, &consumers->watch.place);

    return ngx_http_gateway_watch_add(cf, &consumers->watch);
}


/* the file is checked here, since peppers can be configured after it */

static ngx_int_t
ngx_http_gateway_consumers_init(ngx_conf_t *cf)
{
    ngx_http_gateway_consumers_t  *consumers;
    ngx_http_gateway_main_conf_t  *gmcf;

    consumers = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_consumers_module);

    if (consumers->shm_zone == NULL) {
        return NGX_OK;
    }

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    gmcf->consumer = ngx_http_gateway_consumers_plan;
    gmcf->check_names = ngx_http_gateway_consumers_check_names;

    return ngx_http_gateway_consumers_check(cf, consumers);
}


/* for modules that do not include a header of this folder */

static ngx_int_t
ngx_http_gateway_consumers_plan(ngx_http_request_t *r, const ngx_str_t *id,
    ngx_str_t *plan)
{
    ngx_int_t                    rc;
    ngx_http_gateway_consumer_t  found;

    rc = ngx_http_gateway_consumer_find(r, GW_CONSUMER_ID, id->data, id->len,
                                        &found);

    if (rc == NGX_OK) {
        plan->len = found.consumer.plan.len;
        plan->data = (u_char *) found.consumer.plan.data;
    }

    return rc;
}


/* the same, for the set that the master has built and not yet published */

static ngx_int_t
ngx_http_gateway_consumers_check_names(ngx_conf_t *cf,
    ngx_http_gateway_name_e kind, const ngx_array_t *names)
{
    u_char                        *copy;
    ngx_uint_t                     known;
    gw_consumer_t                  consumer;
    gw_consumer_key_t              key;
    gw_consumer_ref_t              ref;
    gw_consumer_walk_t             walk;
    ngx_http_gateway_consumers_t  *consumers;

    consumers = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_gateway_consumers_module);

    /* an empty file is filled later: it is not checked */

    if (ngx_http_gateway_consumers_count(cf, GW_CONSUMER_ID) == 0) {
        return NGX_OK;
    }

    copy = ngx_alloc(GW_CONSUMER_MAX_SIZE, cf->log);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    known = 0;
    ngx_memzero(&walk, sizeof(gw_consumer_walk_t));

    /* only keys have scopes */

    while (!known && gw_consumer_walk(consumers->block, consumers->half,
                                      &walk, &ref))
    {
        gw_consumer_copy(consumers->block, &ref, copy);
        ngx_memzero(&key, sizeof(gw_consumer_key_t));

        if (gw_consumer_read(copy, &ref, &consumer, &key) != 0) {
            continue;
        }

        known = (kind == NGX_HTTP_GATEWAY_NAME_SCOPE)
                ? ngx_http_gateway_consumers_has(&key.scopes, ' ', names)
                : (kind == NGX_HTTP_GATEWAY_NAME_GROUP)
                  ? ngx_http_gateway_consumers_has(&consumer.groups, ',', names)
                  : ngx_http_gateway_consumers_has(&consumer.id, '\0', names);
    }

    ngx_free(copy);

    return known ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_http_gateway_consumers_has(const gw_text_t *list, char separator,
    const ngx_array_t *names)
{
    gw_text_t   *name;
    ngx_uint_t   i;

    name = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (gw_names_has(list, separator, &name[i])) {
            return 1;
        }
    }

    return 0;
}


/* never fails: an error would end the master on a reload */

static ngx_int_t
ngx_http_gateway_consumers_init_module(ngx_cycle_t *cycle)
{
    ngx_http_gateway_consumers_t  *consumers;

    consumers = ngx_http_gateway_consumers_of(cycle);

    if (consumers) {
        ngx_http_gateway_consumers_publish(cycle, consumers);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_consumers_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_consumers_t  *consumers;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    consumers = ngx_http_gateway_consumers_of(cycle);

    if (consumers) {
        ngx_http_gateway_consumers_start(cycle, consumers);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_consumers_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_consumers_t  *consumers;

    consumers = ngx_http_gateway_consumers_of(cycle);

    if (consumers) {
        ngx_http_gateway_consumers_stop(consumers);
    }
}


/* returns NULL without http {}, or without gateway_consumers */

static ngx_http_gateway_consumers_t *
ngx_http_gateway_consumers_of(ngx_cycle_t *cycle)
{
    ngx_http_gateway_consumers_t  *consumers;

    consumers = ngx_http_cycle_get_module_main_conf(cycle,
                                           ngx_http_gateway_consumers_module);

    return consumers && consumers->shm_zone ? consumers : NULL;
}
