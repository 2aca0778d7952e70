/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_redis: the directive, the functions that other modules call while the
 * configuration is read, and the start and end of a worker.  The module handles
 * no requests and has no variables.
 */

#include "ngx_http_gateway_redis_private.h"

#include <ngx_sha1.h>


typedef struct {
    ngx_array_t                     blocks;     /* redis_t * */
    ngx_array_t                     scripts;    /* script_t * */
} ngx_http_gateway_redis_main_conf_t;


static ngx_http_gateway_redis_t *ngx_http_gateway_redis_named(ngx_conf_t *cf,
    ngx_str_t *name);
static void *ngx_http_gateway_redis_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_gateway_redis_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_redis_init_process(ngx_cycle_t *cycle);
static void ngx_http_gateway_redis_exit_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_gateway_redis_commands[] = {

    { ngx_string("gateway_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_gateway_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_redis_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_gateway_redis_init,           /* postconfiguration */

    ngx_http_gateway_redis_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_redis_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_redis_module_ctx,    /* module context */
    ngx_http_gateway_redis_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_redis_init_process,   /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_gateway_redis_exit_process,   /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_gateway_redis_t *
ngx_http_gateway_redis_named(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                           i;
    ngx_http_gateway_redis_t           **redis;
    ngx_http_gateway_redis_main_conf_t  *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_redis_module);
    redis = rmcf->blocks.elts;

    for (i = 0; i < rmcf->blocks.nelts; i++) {
        if (ngx_http_gateway_same(&redis[i]->block.name, name)) {
            return redis[i];
        }
    }

    return NULL;
}


ngx_http_gateway_redis_t *
ngx_http_gateway_redis_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_http_gateway_redis_t  *redis;

    redis = ngx_http_gateway_redis_named(cf, name);

    if (redis) {
        redis->used = 1;
    }

    return redis;
}


void
ngx_http_gateway_redis_warn_unused(ngx_conf_t *cf)
{
    ngx_uint_t                            i;
    ngx_http_gateway_redis_t            **redis;
    ngx_http_gateway_redis_main_conf_t   *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_redis_module);
    redis = rmcf->blocks.elts;

    for (i = 0; i < rmcf->blocks.nelts; i++) {
        if (!redis[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"gateway_redis %V\" is not used by any "
                          "\"gateway_limit_zone\" in %V:%ui",
                          &redis[i]->block.name,
                          ngx_http_gateway_place_args(&redis[i]->block.place));
        }
    }
}


ngx_int_t
ngx_http_gateway_redis_script(ngx_conf_t *cf,
    ngx_http_gateway_redis_script_t *script)
{
    u_char                                digest[20];
    ngx_sha1_t                            sha;
    ngx_uint_t                            i;
    ngx_http_gateway_redis_script_t     **s;
    ngx_http_gateway_redis_main_conf_t   *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_redis_module);
    s = rmcf->scripts.elts;

    for (i = 0; i < rmcf->scripts.nelts; i++) {
        if (s[i] == script) {
            return NGX_OK;
        }
    }

    s = ngx_array_push(&rmcf->scripts);
    if (s == NULL) {
        return NGX_ERROR;
    }

    *s = script;

    ngx_sha1_init(&sha);
    ngx_sha1_update(&sha, script->text.data, script->text.len);
    ngx_sha1_final(digest, &sha);

    (void) ngx_hex_dump(script->sha, digest, sizeof(digest));

    return NGX_OK;
}


ngx_str_t *
ngx_http_gateway_redis_name(ngx_http_gateway_redis_t *redis)
{
    return &redis->block.name;
}


ngx_str_t *
ngx_http_gateway_redis_prefix(ngx_http_gateway_redis_t *redis)
{
    return &redis->conf.prefix;
}


const char *
ngx_http_gateway_redis_status(ngx_http_gateway_redis_status_e status)
{
    static const char *const  words[] = {
        [NGX_HTTP_GATEWAY_REDIS_OK] = "ok",
        [NGX_HTTP_GATEWAY_REDIS_BREAKER] = "breaker open",
        [NGX_HTTP_GATEWAY_REDIS_DOWN] = "not connected",
        [NGX_HTTP_GATEWAY_REDIS_FULL] = "too many calls",
        [NGX_HTTP_GATEWAY_REDIS_TIMEOUT] = "timeout",
        [NGX_HTTP_GATEWAY_REDIS_CLOSED] = "connection lost",
        [NGX_HTTP_GATEWAY_REDIS_ERROR] = "error reply",
        [NGX_HTTP_GATEWAY_REDIS_MALFORMED] = "malformed reply"
    };

    _Static_assert(sizeof(words) / sizeof(words[0])
                   == NGX_HTTP_GATEWAY_REDIS_STATUSES,
                   "a word for each ngx_http_gateway_redis_status_e");

    return words[status];
}


static void *
ngx_http_gateway_redis_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_redis_main_conf_t  *rmcf;

    rmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_redis_main_conf_t));
    if (rmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&rmcf->blocks, cf->pool, 1,
                       sizeof(ngx_http_gateway_redis_t *))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_array_init(&rmcf->scripts, cf->pool, 4,
                       sizeof(ngx_http_gateway_redis_script_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return rmcf;
}


static char *
ngx_http_gateway_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_redis_main_conf_t *rmcf = conf;

    ngx_str_t                  *value;
    ngx_http_gateway_redis_t   *redis, **r;

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have a name", &value[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_redis_named(cf, &value[1]) != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V %V\" is duplicate",
                           &value[0], &value[1]);
        return NGX_CONF_ERROR;
    }

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_redis_t));
    if (redis == NULL) {
        return NGX_CONF_ERROR;
    }

    redis->scripts = &rmcf->scripts;

    r = ngx_array_push(&rmcf->blocks);
    if (r == NULL) {
        return NGX_CONF_ERROR;
    }

    *r = redis;

    return ngx_http_gateway_redis_block(cf, redis);
}


/* the resolver may follow the block */

static ngx_int_t
ngx_http_gateway_redis_init(ngx_conf_t *cf)
{
    ngx_uint_t                            i;
    ngx_http_gateway_redis_t            **redis;
    ngx_http_gateway_redis_main_conf_t   *rmcf;

    rmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_redis_module);
    redis = rmcf->blocks.elts;

    for (i = 0; i < rmcf->blocks.nelts; i++) {

        if (ngx_http_gateway_peer_resolver(cf, &redis[i]->block,
                                           &redis[i]->node.server,
                                           &redis[i]->resolver)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_redis_count_init(cf, &rmcf->blocks);
}


/* without http {} there is no configuration */

static ngx_int_t
ngx_http_gateway_redis_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                            i;
    ngx_http_gateway_redis_t            **redis;
    ngx_http_gateway_redis_main_conf_t   *rmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    rmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_gateway_redis_module);
    if (rmcf == NULL) {
        return NGX_OK;
    }

    redis = rmcf->blocks.elts;

    for (i = 0; i < rmcf->blocks.nelts; i++) {
        if (ngx_http_gateway_redis_start(redis[i], cycle) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_gateway_redis_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                            i;
    ngx_http_gateway_redis_t            **redis;
    ngx_http_gateway_redis_main_conf_t   *rmcf;

    rmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_gateway_redis_module);
    if (rmcf == NULL) {
        return;
    }

    redis = rmcf->blocks.elts;

    for (i = 0; i < rmcf->blocks.nelts; i++) {
        ngx_http_gateway_redis_stop(redis[i]);
    }
}
