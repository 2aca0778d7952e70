/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The directives inside gateway_redis { }, a table that nginx's own parser
 * reads, and the checks of the whole block.
 */

#include "ngx_http_gateway_redis_private.h"


#define NGX_HTTP_GATEWAY_REDIS_PASSWORD  1024       /* bytes */


/* bounds of a number, or of a time in milliseconds */

typedef struct {
    ngx_int_t                       low;
    ngx_int_t                       high;
    const char                     *words;      /* of a time, as text */
} ngx_http_gateway_redis_bounds_t;


static char *ngx_http_gateway_redis_password(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_redis_breaker(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_redis_set_num(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_redis_set_msec(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_redis_param_num(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static char *ngx_http_gateway_redis_param_msec(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static char *ngx_http_gateway_redis_num(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, const ngx_http_gateway_redis_bounds_t *bounds,
    ngx_int_t *field);
static char *ngx_http_gateway_redis_msec(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, const ngx_http_gateway_redis_bounds_t *bounds,
    ngx_msec_t *field);
static char *ngx_http_gateway_redis_check(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis);


static ngx_http_gateway_peer_kind_t  ngx_http_gateway_redis_server = {
    6379, 0,
    "\"10.0.0.5:6379\", \"[::1]:6379\", \"redis.example:6379\" or "
    "\"unix:/path\""
};

static ngx_http_gateway_redis_bounds_t  ngx_http_gateway_redis_database = {
    0, 65535, NULL
};

static ngx_http_gateway_redis_bounds_t  ngx_http_gateway_redis_connections = {
    1, 64, NULL
};

static ngx_http_gateway_redis_bounds_t  ngx_http_gateway_redis_pending = {
    1, 1000000, NULL
};

static ngx_http_gateway_redis_bounds_t  ngx_http_gateway_redis_failures = {
    1, 1000000, NULL
};

static ngx_http_gateway_redis_bounds_t  ngx_http_gateway_redis_timeout = {
    1, 60000, "1ms and 60s"
};

static ngx_http_gateway_redis_bounds_t  ngx_http_gateway_redis_retry = {
    10, 3600000, "10ms and 1h"
};


#define ngx_http_gateway_redis_row(name, set, field, post)                    \
    { ngx_string(name), NGX_CONF_TAKE1, set, 0,                               \
      offsetof(ngx_http_gateway_redis_t, field), post }

static ngx_command_t  ngx_http_gateway_redis_directives[] = {

    ngx_http_gateway_redis_row("server", ngx_http_gateway_peer_set_server,
                               node.server, &ngx_http_gateway_redis_server),

    ngx_http_gateway_redis_row("user", ngx_http_gateway_set_str_slot,
                               conf.user, NULL),

    ngx_http_gateway_redis_row("password_file",
                               ngx_http_gateway_redis_password,
                               conf.password, NULL),

    ngx_http_gateway_redis_row("database", ngx_http_gateway_redis_set_num,
                               conf.database,
                               &ngx_http_gateway_redis_database),

    ngx_http_gateway_peer_ssl_rows(ngx_http_gateway_redis_t, conf.ssl),

    ngx_http_gateway_redis_row("prefix", ngx_http_gateway_set_str_slot,
                               conf.prefix, NULL),

    ngx_http_gateway_redis_row("connect_timeout",
                               ngx_http_gateway_redis_set_msec,
                               conf.connect_timeout,
                               &ngx_http_gateway_redis_timeout),

    ngx_http_gateway_redis_row("timeout", ngx_http_gateway_redis_set_msec,
                               conf.timeout, &ngx_http_gateway_redis_timeout),

    ngx_http_gateway_redis_row("connections", ngx_http_gateway_redis_set_num,
                               conf.connections,
                               &ngx_http_gateway_redis_connections),

    ngx_http_gateway_redis_row("max_pending", ngx_http_gateway_redis_set_num,
                               conf.max_pending,
                               &ngx_http_gateway_redis_pending),

    { ngx_string("breaker"), NGX_CONF_TAKE12, ngx_http_gateway_redis_breaker,
      0, 0, NULL },

      ngx_null_command
};


char *
ngx_http_gateway_redis_block(ngx_conf_t *cf, ngx_http_gateway_redis_t *redis)
{
    char                           *rv;
    ngx_http_gateway_redis_conf_t  *conf;

    redis->node.redis = redis;

    conf = &redis->conf;

    conf->database = NGX_CONF_UNSET;
    conf->ssl.on = NGX_CONF_UNSET_UINT;
    conf->connect_timeout = NGX_CONF_UNSET_MSEC;
    conf->timeout = NGX_CONF_UNSET_MSEC;
    conf->connections = NGX_CONF_UNSET;
    conf->max_pending = NGX_CONF_UNSET;
    conf->failures = 5;
    conf->retry = 1000;

    rv = ngx_http_gateway_block(cf, &redis->block,
                                ngx_http_gateway_redis_directives, redis);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_conf_init_value(conf->database, 0);
    ngx_conf_init_msec_value(conf->connect_timeout, 200);
    ngx_conf_init_msec_value(conf->timeout, 50);
    ngx_conf_init_value(conf->connections, 1);
    ngx_conf_init_value(conf->max_pending, 32768);

    if (conf->prefix.len == 0) {
        ngx_str_set(&conf->prefix, "gateway");
    }

    return ngx_http_gateway_redis_check(cf, redis);
}


/* the master reads the password once; no message contains it */

static char *
ngx_http_gateway_redis_password(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_redis_t *redis = conf;

    char                       err[NGX_HTTP_GATEWAY_WATCH_ERR];
    ngx_str_t                 *value, *password;
    ngx_file_info_t            fi;
    ngx_http_gateway_watch_t   watch;

    password = &redis->conf.password;

    if (password->data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ngx_memzero(&watch, sizeof(ngx_http_gateway_watch_t));

    watch.path = value[1];
    watch.max_size = NGX_HTTP_GATEWAY_REDIS_PASSWORD;

    if (ngx_conf_full_name(cf->cycle, &watch.path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_watch_read(&watch, cf->pool, password, &fi, err)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" \"%V\": %s",
                           &value[0], &watch.path, err);
        return NGX_CONF_ERROR;
    }

    if (password->len && password->data[password->len - 1] == LF) {
        password->len--;

        if (password->len && password->data[password->len - 1] == CR) {
            password->len--;
        }
    }

    if (password->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" \"%V\" is empty, "
                           "write the password into it", &value[0],
                           &watch.path);
        return NGX_CONF_ERROR;
    }

    if (ngx_file_access(&fi) & S_IROTH) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "\"%V\" \"%V\" can be read by "
                           "everybody, its mode should be 0600 or 0640",
                           &value[0], &watch.path);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_redis_breaker(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_redis_t *redis = conf;

    static const ngx_http_gateway_param_t  params[] = {

        { ngx_string("failures="), ngx_http_gateway_redis_param_num,
          offsetof(ngx_http_gateway_redis_conf_t, failures),
          (uintptr_t) &ngx_http_gateway_redis_failures },

        { ngx_string("retry="), ngx_http_gateway_redis_param_msec,
          offsetof(ngx_http_gateway_redis_conf_t, retry),
          (uintptr_t) &ngx_http_gateway_redis_retry },

        ngx_http_gateway_null_param
    };

    if (redis->conf.breaker) {
        return "is duplicate";
    }

    redis->conf.breaker = 1;

    return ngx_http_gateway_params(cf, params, &redis->conf, 1);
}


static char *
ngx_http_gateway_redis_set_num(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t  *field;
    ngx_str_t  *value;

    field = (ngx_int_t *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    return ngx_http_gateway_redis_num(cf, &value[0], &value[1], cmd->post,
                                      field);
}


static char *
ngx_http_gateway_redis_set_msec(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t   *value;
    ngx_msec_t  *field;

    field = (ngx_msec_t *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    return ngx_http_gateway_redis_msec(cf, &value[0], &value[1], cmd->post,
                                       field);
}


static char *
ngx_http_gateway_redis_param_num(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_str_t  name;

    name = param->name;

    return ngx_http_gateway_redis_num(cf, &name, value,
                   (const ngx_http_gateway_redis_bounds_t *) param->post,
                   field);
}


static char *
ngx_http_gateway_redis_param_msec(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_str_t  name;

    name = param->name;

    return ngx_http_gateway_redis_msec(cf, &name, value,
                   (const ngx_http_gateway_redis_bounds_t *) param->post,
                   field);
}


static char *
ngx_http_gateway_redis_num(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    const ngx_http_gateway_redis_bounds_t *bounds, ngx_int_t *field)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n < bounds->low || n > bounds->high) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a "
                           "number between %i and %i",
                           value, name, bounds->low, bounds->high);
        return NGX_CONF_ERROR;
    }

    *field = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_redis_msec(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    const ngx_http_gateway_redis_bounds_t *bounds, ngx_msec_t *field)
{
    ngx_int_t  msec;

    msec = ngx_parse_time(value, 0);

    if (msec == NGX_ERROR || msec < bounds->low || msec > bounds->high) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a time "
                           "between %s", value, name, bounds->words);
        return NGX_CONF_ERROR;
    }

    *field = (ngx_msec_t) msec;

    return NGX_CONF_OK;
}


/* checks the whole block */

static char *
ngx_http_gateway_redis_check(ngx_conf_t *cf, ngx_http_gateway_redis_t *redis)
{
    ngx_http_gateway_redis_conf_t  *conf;

    conf = &redis->conf;

    if (redis->node.server.text.data == NULL) {
        return ngx_http_gateway_block_refuse(cf, &redis->block,
                                             "must have \"server\"");
    }

    if (conf->timeout > 10000) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"timeout\" of gateway_redis \"%V\" is %Mms: requests "
                      "wait for Redis for this long, 50 ms is usual; a time "
                      "without a unit is in seconds, in the block in %V:%ui",
                      &redis->block.name, conf->timeout,
                      ngx_http_gateway_place_args(&redis->block.place));
    }

    if (conf->user.data != NULL && conf->password.data == NULL) {
        return ngx_http_gateway_block_refuse(cf, &redis->block,
                                  "has \"user\" without \"password_file\"");
    }

    if (ngx_http_gateway_peer_ssl(cf, &redis->block, &redis->node.server,
                                  &conf->ssl)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_redis_zone_add(cf, redis) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
