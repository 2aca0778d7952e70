/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The debug log of the cache: names of values, and the settings in force.
 */

#include "ngx_http_gateway_cache.h"


#if (NGX_DEBUG)

typedef struct {
    ngx_uint_t   bit;
    const char  *name;
} ngx_http_gateway_cache_bit_t;


static u_char *ngx_http_gateway_cache_debug_bits(u_char *p, u_char *last,
    const ngx_http_gateway_cache_bit_t *names, ngx_uint_t bits);


static const char *const  ngx_http_gateway_cache_action_names[] = {
    [GW_CACHE_FETCH] = "fetch",
    [GW_CACHE_BYPASS] = "bypass",
    [GW_CACHE_SEND] = "send",
    [GW_CACHE_SEND_REFRESH] = "send_refresh",
    [GW_CACHE_REVALIDATE] = "revalidate",
    [GW_CACHE_UNAVAILABLE] = "unavailable"
};

static const char *const  ngx_http_gateway_cache_control_names[] = {
    [GW_CACHE_CONTROL_NONE] = "none",
    [GW_CACHE_CONTROL_SAFE] = "safe",
    [GW_CACHE_CONTROL_ALL] = "all"
};

static const char *const  ngx_http_gateway_cache_set_cookie_names[] = {
    [GW_CACHE_COOKIE_SKIP] = "skip",
    [GW_CACHE_COOKIE_STRIP] = "strip",
    [GW_CACHE_COOKIE_STORE] = "store"
};

static const char *const  ngx_http_gateway_cache_override_names[] = {
    [GW_CACHE_ORIGIN] = "off",
    [GW_CACHE_OVERRIDE] = "on",
    [GW_CACHE_OVERRIDE_ALL] = "all"
};

static const char *const  ngx_http_gateway_cache_guard_names[] = {
    [NGX_HTTP_GATEWAY_CACHE_GUARD_OFF] = "off",
    [NGX_HTTP_GATEWAY_CACHE_GUARD_KEY] = "key",
    [NGX_HTTP_GATEWAY_CACHE_GUARD_BYPASS] = "bypass",
    [NGX_HTTP_GATEWAY_CACHE_GUARD_STRIP] = "strip"
};

static const ngx_http_gateway_cache_bit_t
    ngx_http_gateway_cache_method_names[] =
{
    { 1U << GW_CACHE_GET, "GET" },
    { 1U << GW_CACHE_HEAD, "HEAD" },
    { 1U << GW_CACHE_POST, "POST" },
    { 0, NULL }
};

static const ngx_http_gateway_cache_bit_t
    ngx_http_gateway_cache_stale_names[] =
{
    { GW_CACHE_STALE_ERROR, "error" },
    { GW_CACHE_STALE_TIMEOUT, "timeout" },
    { GW_CACHE_STALE_INVALID, "invalid_header" },
    { GW_CACHE_STALE_500, "http_500" },
    { GW_CACHE_STALE_502, "http_502" },
    { GW_CACHE_STALE_503, "http_503" },
    { GW_CACHE_STALE_504, "http_504" },
    { GW_CACHE_STALE_5XX, "5xx" },
    { GW_CACHE_STALE_403, "http_403" },
    { GW_CACHE_STALE_404, "http_404" },
    { GW_CACHE_STALE_429, "http_429" },
    { GW_CACHE_STALE_UPDATING, "updating" },
    { GW_CACHE_STALE_BACKGROUND, "background" },
    { 0, NULL }
};


const char *
ngx_http_gateway_cache_debug_action(gw_cache_action_e action)
{
    return ngx_http_gateway_cache_action_names[action];
}


void
ngx_http_gateway_cache_debug_settings(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf)
{
    u_char                                    text[256];
    ngx_str_t                                 names;
    const gw_cache_conf_t                    *policy;
    const ngx_http_gateway_cache_settings_t  *set;

    set = &clcf->set;
    policy = &clcf->policy;
    names.data = text;

    names.len = ngx_http_gateway_cache_debug_bits(text, text + sizeof(text),
                                         ngx_http_gateway_cache_method_names,
                                         policy->methods)
                - text;

    ngx_log_debug7(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: zone \"%V\" methods:%V control:%s "
                   "set_cookie:%s cookie:%s headers:%i max_object:%uL",
                   &clcf->zone->zone.name, &names,
                   ngx_http_gateway_cache_control_names[
                       policy->request_control],
                   ngx_http_gateway_cache_set_cookie_names[policy->set_cookie],
                   set->cookie ? "ignore" : "respect", set->headers,
                   policy->max_object);

    ngx_log_debug6(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: ttl:%uz min:%uD max:%uD override:%s "
                   "heuristic:%ui%% max:%uD",
                   policy->ttl_n, policy->ttl_min, policy->ttl_max,
                   ngx_http_gateway_cache_override_names[policy->override],
                   (ngx_uint_t) policy->heuristic, policy->heuristic_max);

    names.len = ngx_http_gateway_cache_debug_bits(text, text + sizeof(text),
                                         ngx_http_gateway_cache_stale_names,
                                         policy->stale)
                - text;

    ngx_log_debug8(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: stale:%V for:%uD lock:%ui timeout:%M "
                   "targeted:%uz normalize:%ui guard:%s tags:%ui",
                   &names, policy->stale_for, set->lock->on,
                   set->lock->timeout, policy->targeted_n,
                   set->normalize->nelts,
                   ngx_http_gateway_cache_guard_names[set->guard->mode],
                   set->tags->names.nelts);
}


/* writes the names of bits, separated by commas, or "off" */

static u_char *
ngx_http_gateway_cache_debug_bits(u_char *p, u_char *last,
    const ngx_http_gateway_cache_bit_t *names, ngx_uint_t bits)
{
    const char  *separator;

    if (bits == 0) {
        return ngx_slprintf(p, last, "off");
    }

    for (separator = ""; names->name; names++) {
        if (bits & names->bit) {
            p = ngx_slprintf(p, last, "%s%s", separator, names->name);
            separator = ",";
        }
    }

    return p;
}

#endif
