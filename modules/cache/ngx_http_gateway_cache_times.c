/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Setters of the cache's directives about times: how long a response is fresh,
 * how long a stale response may be used, and how long requests wait for each
 * other.
 */

#include "ngx_http_gateway_cache.h"


#define NGX_HTTP_GATEWAY_CACHE_WORDS  13    /* words of a directive */


/* parsed parameters of a directive */

typedef struct {
    ngx_str_t                       any;
    time_t                          min;
    time_t                          max;
    ngx_uint_t                      override;
} ngx_http_gateway_cache_ttl_args_t;


typedef struct {
    ngx_uint_t                      word[NGX_HTTP_GATEWAY_CACHE_WORDS];
    time_t                          time;
} ngx_http_gateway_cache_stale_args_t;


static char *ngx_http_gateway_cache_ttl_status(ngx_conf_t *cf);
static ngx_uint_t ngx_http_gateway_cache_ttl_bare(const ngx_str_t *value);
static char *ngx_http_gateway_cache_ttl_times(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl, ngx_array_t *others);
static char *ngx_http_gateway_cache_ttl_item(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl, ngx_str_t *value);
static char *ngx_http_gateway_cache_ttl_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl, ngx_uint_t status, ngx_str_t *value,
    ngx_str_t *time);
static char *ngx_http_gateway_cache_ttl_params(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl);
static char *ngx_http_gateway_cache_ttl_check(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl);


/* gateway_cache_ttl time | status=time ... [min=] [max=] [override] */

char *
ngx_http_gateway_cache_set_ttl(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    char                          *rv;
    ngx_array_t                   *args, others;
    ngx_http_gateway_cache_ttl_t  *ttl;

    ttl = ngx_http_gateway_cache_begin(cf, clcf->written.ttl,
                                       sizeof(ngx_http_gateway_cache_ttl_t),
                                       NULL);
    if (ttl == NULL
        || ngx_array_init(&ttl->times, cf->pool, 4, sizeof(gw_cache_ttl_t))
           != NGX_OK
        || ngx_array_init(&others, cf->pool, 4, sizeof(ngx_str_t)) != NGX_OK
        || ngx_http_gateway_cache_ttl_status(cf) != NGX_CONF_OK
        || ngx_http_gateway_cache_ttl_times(cf, ttl, &others) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    args = cf->args;
    cf->args = &others;

    rv = ngx_http_gateway_cache_ttl_params(cf, ttl);

    cf->args = args;

    clcf->written.ttl = ttl;

    return rv;
}


/* a habit from proxy_cache_valid: statuses that are followed by a time */

static char *
ngx_http_gateway_cache_ttl_status(ngx_conf_t *cf)
{
    ngx_int_t    status;
    ngx_str_t   *value;
    ngx_uint_t   i, last;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        status = ngx_atoi(value[i].data, value[i].len);

        for (last = i;
             last + 1 < cf->args->nelts
             && ngx_http_gateway_cache_ttl_bare(&value[last + 1]);
             last++)
        {
            /* void */
        }

        if (status < 200 || status > 599 || last == i) {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"gateway_cache_ttl\" is a time, use "
                           "\"%V=%V\" for the time of a status",
                           &value[i], &value[i], &value[last]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* a time without a status */

static ngx_uint_t
ngx_http_gateway_cache_ttl_bare(const ngx_str_t *value)
{
    return value->data[0] >= '0' && value->data[0] <= '9'
           && ngx_strlchr(value->data, value->data + value->len, '=') == NULL;
}


/* adds parameters that begin with a digit; "others" receives the rest */

static char *
ngx_http_gateway_cache_ttl_times(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl, ngx_array_t *others)
{
    ngx_str_t   *value, *other;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 0; i < cf->args->nelts; i++) {

        if (value[i].len && value[i].data[0] >= '0'
            && value[i].data[0] <= '9')
        {
            if (ngx_http_gateway_cache_ttl_item(cf, ttl, &value[i])
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        other = ngx_array_push(others);
        if (other == NULL) {
            return NGX_CONF_ERROR;
        }

        *other = value[i];
    }

    return NGX_CONF_OK;
}


/* time, or status=time */

static char *
ngx_http_gateway_cache_ttl_item(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl, ngx_str_t *value)
{
    u_char      *p;
    ngx_int_t    status;
    ngx_str_t    time;
    ngx_uint_t   i;

    static const ngx_uint_t  usual[] = { 200, 301, 302 };

    p = ngx_strlchr(value->data, value->data + value->len, '=');

    if (p == NULL) {

        for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
            if (ngx_http_gateway_cache_ttl_add(cf, ttl, usual[i], value, value)
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }
        }

        return NGX_CONF_OK;
    }

    status = ngx_atoi(value->data, p - value->data);

    if (status == NGX_ERROR || p - value->data != 3
        || status < 200 || status > 599)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid status in \"%V\", it must be \"any\" or a "
                           "number from 200 to 599", value);
        return NGX_CONF_ERROR;
    }

    time.data = p + 1;
    time.len = value->data + value->len - time.data;

    return ngx_http_gateway_cache_ttl_add(cf, ttl, status, value, &time);
}


/* status 0: any */

static char *
ngx_http_gateway_cache_ttl_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl, ngx_uint_t status, ngx_str_t *value,
    ngx_str_t *time)
{
    ngx_int_t        seconds;
    ngx_uint_t       i;
    gw_cache_ttl_t  *known;

    seconds = time->len ? ngx_parse_time(time, 1) : NGX_ERROR;

    if (seconds == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time in \"%V\" in \"gateway_cache_ttl\", "
                           "it must be a time such as 10s, 5m or 1d", value);
        return NGX_CONF_ERROR;
    }

    known = ttl->times.elts;

    for (i = 0; i < ttl->times.nelts; i++) {
        if (known[i].status == status) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate time of status %ui in \"%V\" in "
                               "\"gateway_cache_ttl\"", status, value);
            return NGX_CONF_ERROR;
        }
    }

    known = ngx_array_push(&ttl->times);
    if (known == NULL) {
        return NGX_CONF_ERROR;
    }

    known->status = status;
    known->seconds = ngx_http_gateway_cache_seconds(seconds);

    return NGX_CONF_OK;
}


/* called after the statuses: the first match applies, so "any=" must be last */

static char *
ngx_http_gateway_cache_ttl_params(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl)
{
    ngx_http_gateway_cache_ttl_args_t  args;

    static const ngx_http_gateway_param_t  params[] = {
        { ngx_string("any="), ngx_http_gateway_param_str,
          offsetof(ngx_http_gateway_cache_ttl_args_t, any), 0 },
        { ngx_string("min="), ngx_http_gateway_param_sec,
          offsetof(ngx_http_gateway_cache_ttl_args_t, min), 0 },
        { ngx_string("max="), ngx_http_gateway_param_sec,
          offsetof(ngx_http_gateway_cache_ttl_args_t, max), 0 },
        { ngx_string("override"), ngx_http_gateway_param_word,
          offsetof(ngx_http_gateway_cache_ttl_args_t, override),
          GW_CACHE_OVERRIDE },
        { ngx_string("override=all"), ngx_http_gateway_param_word,
          offsetof(ngx_http_gateway_cache_ttl_args_t, override),
          GW_CACHE_OVERRIDE_ALL },
        ngx_http_gateway_null_param
    };

    ngx_memzero(&args, sizeof(ngx_http_gateway_cache_ttl_args_t));
    args.max = NGX_HTTP_GATEWAY_CACHE_TTL_MAX;

    if (ngx_http_gateway_params(cf, params, &args, 1) != NGX_CONF_OK
        || (args.any.len
            && ngx_http_gateway_cache_ttl_add(cf, ttl, 0, &args.any, &args.any)
               != NGX_CONF_OK))
    {
        return NGX_CONF_ERROR;
    }

    ttl->min = args.min;
    ttl->max = args.max;
    ttl->override = args.override;

    return ngx_http_gateway_cache_ttl_check(cf, ttl);
}


static char *
ngx_http_gateway_cache_ttl_check(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl)
{
    ngx_uint_t       i;
    gw_cache_ttl_t  *known;

    if (ttl->min > ttl->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"min=\" must not be above \"max=\", which is %T "
                           "seconds, in \"gateway_cache_ttl\"", ttl->max);
        return NGX_CONF_ERROR;
    }

    if (ttl->override != GW_CACHE_ORIGIN && ttl->times.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"override\" in \"gateway_cache_ttl\" requires a "
                           "time that replaces the origin's");
        return NGX_CONF_ERROR;
    }

    if (ttl->override == GW_CACHE_OVERRIDE_ALL) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"override=all\" in \"gateway_cache_ttl\" also "
                           "stores responses with \"no-store\", \"private\" "
                           "or \"no-cache\"");
    }

    known = ttl->times.elts;

    for (i = 0; i < ttl->times.nelts; i++) {

        /* a written "max=" is intended */

        if (known[i].seconds > ttl->max
            && ttl->max == NGX_HTTP_GATEWAY_CACHE_TTL_MAX)
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "a time of %uD seconds in "
                               "\"gateway_cache_ttl\" is reduced to \"max=\", "
                               "which is %T seconds", known[i].seconds,
                               ttl->max);
            break;
        }
    }

    return NGX_CONF_OK;
}


/* gateway_cache_stale word ... [updating] [background] [for=time] | off */

#define ngx_http_gateway_cache_stale_word(name, i, bit)                       \
    { ngx_string(name), ngx_http_gateway_param_word,                          \
      offsetof(ngx_http_gateway_cache_stale_args_t, word)                     \
      + (i) * sizeof(ngx_uint_t), bit }

static const ngx_http_gateway_param_t  ngx_http_gateway_cache_stale_params[] = {
    ngx_http_gateway_cache_stale_word("error", 0, GW_CACHE_STALE_ERROR),
    ngx_http_gateway_cache_stale_word("timeout", 1, GW_CACHE_STALE_TIMEOUT),
    ngx_http_gateway_cache_stale_word("invalid_header", 2,
                                      GW_CACHE_STALE_INVALID),
    ngx_http_gateway_cache_stale_word("http_500", 3, GW_CACHE_STALE_500),
    ngx_http_gateway_cache_stale_word("http_502", 4, GW_CACHE_STALE_502),
    ngx_http_gateway_cache_stale_word("http_503", 5, GW_CACHE_STALE_503),
    ngx_http_gateway_cache_stale_word("http_504", 6, GW_CACHE_STALE_504),
    ngx_http_gateway_cache_stale_word("5xx", 7, GW_CACHE_STALE_5XX),
    ngx_http_gateway_cache_stale_word("http_403", 8, GW_CACHE_STALE_403),
    ngx_http_gateway_cache_stale_word("http_404", 9, GW_CACHE_STALE_404),
    ngx_http_gateway_cache_stale_word("http_429", 10, GW_CACHE_STALE_429),
    ngx_http_gateway_cache_stale_word("updating", 11,
                                      GW_CACHE_STALE_UPDATING),
    ngx_http_gateway_cache_stale_word("background", 12,
                                      GW_CACHE_STALE_BACKGROUND),
    { ngx_string("for="), ngx_http_gateway_param_sec,
      offsetof(ngx_http_gateway_cache_stale_args_t, time), 0 },
    ngx_http_gateway_null_param
};


char *
ngx_http_gateway_cache_set_stale(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_uint_t                           off;
    ngx_uint_t                           i;
    ngx_http_gateway_cache_stale_t      *stale;
    ngx_http_gateway_cache_stale_args_t  args;

    stale = ngx_http_gateway_cache_begin(cf, clcf->written.stale,
                                         sizeof(ngx_http_gateway_cache_stale_t),
                                         &off);
    if (stale == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->written.stale = stale;

    if (off) {
        return NGX_CONF_OK;
    }

    ngx_memzero(&args, sizeof(ngx_http_gateway_cache_stale_args_t));
    args.time = NGX_HTTP_GATEWAY_CACHE_STALE_FOR;

    if (ngx_http_gateway_params(cf, ngx_http_gateway_cache_stale_params, &args,
                                1)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_CACHE_WORDS; i++) {
        stale->words |= args.word[i];
    }

    stale->time = args.time;

    if (stale->words == 0) {
        return "must have a condition such as \"error\" besides \"for=\"";
    }

    return NGX_CONF_OK;
}


/* gateway_cache_lock on | off [timeout=time] */

char *
ngx_http_gateway_cache_set_lock(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_uint_t                      off;
    ngx_str_t                      *value;
    ngx_http_gateway_cache_lock_t  *lock;

    static const ngx_http_gateway_param_t  params[] = {
        { ngx_string("timeout="), ngx_http_gateway_param_msec,
          offsetof(ngx_http_gateway_cache_lock_t, timeout), 0 },
        ngx_http_gateway_null_param
    };

    lock = ngx_http_gateway_cache_begin(cf, clcf->written.lock,
                                        sizeof(ngx_http_gateway_cache_lock_t),
                                        &off);
    if (lock == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->written.lock = lock;
    lock->timeout = NGX_HTTP_GATEWAY_CACHE_LOCK_TIMEOUT;

    if (off) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "on") != 0) {
        return ngx_http_gateway_cache_unknown(cf, &value[1],
                                              "\"on\", \"off\" and, with "
                                              "\"on\", \"timeout=\"");
    }

    lock->on = 1;

    return ngx_http_gateway_params(cf, params, lock, 2);
}


/* gateway_cache_heuristic off | percent [max=time] */

char *
ngx_http_gateway_cache_set_heuristic(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_int_t                            percent;
    ngx_str_t                           *value;
    ngx_uint_t                           off;
    ngx_http_gateway_cache_heuristic_t  *heuristic;

    static const ngx_http_gateway_param_t  params[] = {
        { ngx_string("max="), ngx_http_gateway_param_sec,
          offsetof(ngx_http_gateway_cache_heuristic_t, max), 0 },
        ngx_http_gateway_null_param
    };

    heuristic = ngx_http_gateway_cache_begin(cf, clcf->written.heuristic,
                                    sizeof(ngx_http_gateway_cache_heuristic_t),
                                    &off);
    if (heuristic == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->written.heuristic = heuristic;

    if (off) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    percent = (value[1].len > 1 && value[1].data[value[1].len - 1] == '%')
              ? ngx_atoi(value[1].data, value[1].len - 1) : NGX_ERROR;

    if (percent == NGX_ERROR || percent < 1 || percent > 100) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in "
                           "\"gateway_cache_heuristic\", it must be \"off\" "
                           "or a share from 1%% to 100%%", &value[1]);
        return NGX_CONF_ERROR;
    }

    heuristic->percent = percent;
    heuristic->max = NGX_HTTP_GATEWAY_CACHE_HEURISTIC_MAX;

    return ngx_http_gateway_params(cf, params, heuristic, 2);
}
