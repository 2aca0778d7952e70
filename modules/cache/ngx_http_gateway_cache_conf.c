/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Profiles and inheritance.
 *
 * Unset settings of a block are taken from outer blocks.  Settings that no
 * block writes are taken from the profile in force in the block.  Both steps
 * fill in unset members.  A value of a profile is never inherited like a
 * written one.
 */

#include "ngx_http_gateway_cache.h"
#include "ngx_http_gateway_observe.h"
#include "ngx_http_gateway_upstream.h"


static void ngx_http_gateway_cache_unset(
    ngx_http_gateway_cache_settings_t *set);
static void ngx_http_gateway_cache_fill(ngx_http_gateway_cache_settings_t *set,
    const ngx_http_gateway_cache_settings_t *from);
static void ngx_http_gateway_cache_policy(
    ngx_http_gateway_cache_loc_conf_t *clcf);
static char *ngx_http_gateway_cache_list(
    ngx_http_gateway_cache_main_conf_t *cmcf,
    ngx_http_gateway_cache_loc_conf_t *clcf);
static char *ngx_http_gateway_cache_merge_zone(ngx_conf_t *cf,
    ngx_http_gateway_cache_main_conf_t *cmcf,
    ngx_http_gateway_cache_loc_conf_t *clcf);
static void ngx_http_gateway_cache_passes(
    ngx_http_gateway_cache_loc_conf_t *clcf);
static char *ngx_http_gateway_cache_merge_other(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf);


/* a constant array */
#define ngx_http_gateway_cache_array(elts)                                    \
    { (void *) elts, sizeof(elts) / sizeof(elts[0]), sizeof(elts[0]),         \
      sizeof(elts) / sizeof(elts[0]), NULL }


ngx_conf_enum_t  ngx_http_gateway_cache_profiles[] = {
    { ngx_string("api"), 0 },
    { ngx_string("rfc9111"), 1 },
    { ngx_null_string, 0 }
};


static const ngx_http_gateway_cache_part_t  ngx_http_gateway_cache_parts[] = {
    { NGX_HTTP_GATEWAY_CACHE_SCHEME, { 0, NULL, 0 }, NULL },
    { NGX_HTTP_GATEWAY_CACHE_HOST, { 0, NULL, 0 }, NULL },
    { NGX_HTTP_GATEWAY_CACHE_PATH, { 0, NULL, 0 }, NULL },
    { NGX_HTTP_GATEWAY_CACHE_ARGS, { 0, NULL, 0 }, NULL }
};

static const ngx_array_t  ngx_http_gateway_cache_key_default =
    ngx_http_gateway_cache_array(ngx_http_gateway_cache_parts);

static const ngx_http_gateway_cache_partition_t
    ngx_http_gateway_cache_unpartitioned =
{
    NGX_HTTP_GATEWAY_CACHE_NONE, NULL, { ngx_null_string, 0 }, 0
};

static const ngx_http_gateway_cache_ttl_t  ngx_http_gateway_cache_ttl_default =
{
    { NULL, 0, sizeof(gw_cache_ttl_t), 0, NULL },
    0, NGX_HTTP_GATEWAY_CACHE_TTL_MAX, GW_CACHE_ORIGIN
};

static const gw_text_t  ngx_http_gateway_cache_cdn[] = {
    gw_cache_text("CDN-Cache-Control")
};

static const ngx_array_t  ngx_http_gateway_cache_targeted_default =
    ngx_http_gateway_cache_array(ngx_http_gateway_cache_cdn);

static const ngx_http_gateway_cache_stale_t
    ngx_http_gateway_cache_stale_default =
{
    GW_CACHE_STALE_ERROR|GW_CACHE_STALE_TIMEOUT,
    NGX_HTTP_GATEWAY_CACHE_STALE_FOR
};

static const ngx_http_gateway_cache_lock_t
    ngx_http_gateway_cache_lock_default =
{
    1, NGX_HTTP_GATEWAY_CACHE_LOCK_TIMEOUT
};

/* api uses the first one, rfc9111 both */

static const gw_text_t  ngx_http_gateway_cache_accept[] = {
    gw_cache_text("accept-encoding"),
    gw_cache_text("accept-language")
};

static const ngx_array_t  ngx_http_gateway_cache_normalize_api =
    { (void *) ngx_http_gateway_cache_accept, 1, sizeof(gw_text_t), 1, NULL };

static const ngx_array_t  ngx_http_gateway_cache_normalize_rfc =
    ngx_http_gateway_cache_array(ngx_http_gateway_cache_accept);

static const ngx_http_gateway_cache_heuristic_t
    ngx_http_gateway_cache_heuristic_off = { 0, 0 };

static const ngx_http_gateway_cache_heuristic_t
    ngx_http_gateway_cache_heuristic_rfc =
{
    10, NGX_HTTP_GATEWAY_CACHE_HEURISTIC_MAX
};

/* fields that can poison caches, normalized */

static const ngx_str_t  ngx_http_gateway_cache_poison_names[] = {
    ngx_string("x-forwarded-host"),
    ngx_string("x-forwarded-scheme"),
    ngx_string("x-forwarded-prefix"),
    ngx_string("x-host"),
    ngx_string("x-original-url"),
    ngx_string("x-rewrite-url"),
    ngx_string("x-http-method-override"),
    ngx_string("x-http-method"),
    ngx_string("x-method-override")
};

const ngx_http_gateway_cache_guard_t  ngx_http_gateway_cache_guard_default =
{
    NGX_HTTP_GATEWAY_CACHE_GUARD_KEY,
    ngx_http_gateway_cache_array(ngx_http_gateway_cache_poison_names),
    1 << 16 | 1 << 18 | 1 << 6 | 1 << 14 | 1 << 13 | 1 << 22
    | 1 << 17
};

static const ngx_http_gateway_cache_guard_t
    ngx_http_gateway_cache_guard_off =
{
    NGX_HTTP_GATEWAY_CACHE_GUARD_OFF,
    { NULL, 0, sizeof(ngx_str_t), 0, NULL }, 0
};

static const ngx_http_gateway_cache_tags_t  ngx_http_gateway_cache_tags_off =
{
    { NULL, 0, sizeof(gw_text_t), 0, NULL }, 0, { ngx_null_string, 0 }
};


#define NGX_HTTP_GATEWAY_CACHE_GET_HEAD                                       \
    (1U << GW_CACHE_GET|1U << GW_CACHE_HEAD)


/* in the order of ngx_http_gateway_cache_settings_t; no member is unset */

static const ngx_http_gateway_cache_settings_t
    ngx_http_gateway_cache_profile[] =
{
    { &ngx_http_gateway_cache_key_default,
      &ngx_http_gateway_cache_unpartitioned,
      NGX_HTTP_GATEWAY_CACHE_GET_HEAD,
      &ngx_http_gateway_cache_ttl_default,
      &ngx_http_gateway_cache_targeted_default,
      GW_CACHE_CONTROL_SAFE,
      &ngx_http_gateway_cache_stale_default,
      &ngx_http_gateway_cache_lock_default,
      &ngx_http_gateway_cache_normalize_api,
      GW_CACHE_COOKIE_SKIP,
      0,
      &ngx_http_gateway_cache_heuristic_off,
      &ngx_http_gateway_cache_guard_default,
      NULL, NULL, NULL,
      &ngx_http_gateway_cache_tags_off,
      1 },

    { &ngx_http_gateway_cache_key_default,
      &ngx_http_gateway_cache_unpartitioned,
      NGX_HTTP_GATEWAY_CACHE_GET_HEAD|1U << GW_CACHE_POST,
      &ngx_http_gateway_cache_ttl_default,
      &ngx_http_gateway_cache_targeted_default,
      GW_CACHE_CONTROL_ALL,
      &ngx_http_gateway_cache_stale_default,
      &ngx_http_gateway_cache_lock_default,
      &ngx_http_gateway_cache_normalize_rfc,
      GW_CACHE_COOKIE_STORE,
      0,
      &ngx_http_gateway_cache_heuristic_rfc,
      &ngx_http_gateway_cache_guard_off,
      NULL, NULL, NULL,
      &ngx_http_gateway_cache_tags_off,
      1 }
};


void *
ngx_http_gateway_cache_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_cache_main_conf_t  *cmcf;

    cmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_cache_main_conf_t));

    if (cmcf == NULL
        || ngx_array_init(&cmcf->zones, cf->pool, 4,
                          sizeof(ngx_http_gateway_cache_zone_t *))
           != NGX_OK
        || ngx_array_init(&cmcf->blocks, cf->pool, 4,
                          sizeof(ngx_http_gateway_cache_loc_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return cmcf;
}


void *
ngx_http_gateway_cache_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_cache_loc_conf_t  *clcf;

    clcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_cache_loc_conf_t));
    if (clcf == NULL) {
        return NULL;
    }

    clcf->profile = NGX_CONF_UNSET_UINT;

    ngx_http_gateway_cache_unset(&clcf->written);
    ngx_http_gateway_place(cf, &clcf->where);

    return clcf;
}


/* other members are unset if they are zero */

static void
ngx_http_gateway_cache_unset(ngx_http_gateway_cache_settings_t *set)
{
    set->request_control = NGX_CONF_UNSET_UINT;
    set->set_cookie = NGX_CONF_UNSET_UINT;
    set->cookie = NGX_CONF_UNSET_UINT;
    set->bypass = NGX_CONF_UNSET_PTR;
    set->no_store = NGX_CONF_UNSET_PTR;
    set->purge = NGX_CONF_UNSET_PTR;
    set->headers = NGX_CONF_UNSET;
}


/* sets unset members from an outer block or a profile */

static void
ngx_http_gateway_cache_fill(ngx_http_gateway_cache_settings_t *set,
    const ngx_http_gateway_cache_settings_t *from)
{
    set->key = set->key ? set->key : from->key;
    set->partition = set->partition ? set->partition : from->partition;
    set->methods = set->methods ? set->methods : from->methods;
    set->ttl = set->ttl ? set->ttl : from->ttl;
    set->targeted = set->targeted ? set->targeted : from->targeted;
    ngx_conf_merge_uint_value(set->request_control, from->request_control,
                              NGX_CONF_UNSET_UINT);
    set->stale = set->stale ? set->stale : from->stale;
    set->lock = set->lock ? set->lock : from->lock;
    set->normalize = set->normalize ? set->normalize : from->normalize;
    ngx_conf_merge_uint_value(set->set_cookie, from->set_cookie,
                              NGX_CONF_UNSET_UINT);
    ngx_conf_merge_uint_value(set->cookie, from->cookie, NGX_CONF_UNSET_UINT);
    set->heuristic = set->heuristic ? set->heuristic : from->heuristic;
    set->guard = set->guard ? set->guard : from->guard;
    ngx_conf_merge_ptr_value(set->bypass, from->bypass, NGX_CONF_UNSET_PTR);
    ngx_conf_merge_ptr_value(set->no_store, from->no_store,
                             NGX_CONF_UNSET_PTR);
    ngx_conf_merge_ptr_value(set->purge, from->purge, NGX_CONF_UNSET_PTR);
    set->tags = set->tags ? set->tags : from->tags;
    ngx_conf_merge_value(set->headers, from->headers, NGX_CONF_UNSET);
}


/* like proxy_cache_methods, always includes GET and HEAD */

static void
ngx_http_gateway_cache_policy(ngx_http_gateway_cache_loc_conf_t *clcf)
{
    gw_cache_conf_t                    *policy;
    ngx_http_gateway_cache_settings_t  *set;

    policy = &clcf->policy;
    set = &clcf->set;

    policy->methods = set->methods | NGX_HTTP_GATEWAY_CACHE_GET_HEAD;
    policy->request_control = set->request_control;
    policy->set_cookie = set->set_cookie;
    policy->override = set->ttl->override;
    policy->cookie_ignore = set->cookie & 1;

    policy->ttl = set->ttl->times.elts;
    policy->ttl_n = set->ttl->times.nelts;
    policy->ttl_min = ngx_http_gateway_cache_seconds(set->ttl->min);
    policy->ttl_max = ngx_http_gateway_cache_seconds(set->ttl->max);
    policy->heuristic = set->heuristic->percent;
    policy->heuristic_max = ngx_http_gateway_cache_seconds(
                                set->heuristic->max);

    policy->stale = set->stale->words;
    policy->stale_for = ngx_http_gateway_cache_seconds(set->stale->time);

    policy->targeted = set->targeted->elts;
    policy->targeted_n = set->targeted->nelts;
    policy->max_object = clcf->zone->max_object;
}


char *
ngx_http_gateway_cache_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_gateway_cache_loc_conf_t *prev = parent;
    ngx_http_gateway_cache_loc_conf_t *conf = child;

    ngx_http_gateway_cache_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_cache_module);
    conf->outer = prev;
    conf->core = ngx_http_conf_get_module_loc_conf(cf,
                                                   ngx_http_gateway_module);
    prev->core = conf->core->outer;     /* the http block is never a child */

    if (ngx_http_gateway_cache_list(cmcf, prev) != NGX_CONF_OK
        || ngx_http_gateway_cache_list(cmcf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->name.data == NULL) {
        conf->name = prev->name;
        conf->name_where = prev->name_where;
    }

    ngx_conf_merge_uint_value(conf->profile, prev->profile,
                              NGX_CONF_UNSET_UINT);
    ngx_http_gateway_cache_fill(&conf->written, &prev->written);

    if (ngx_http_gateway_cache_admin_merge(cf, prev, conf) != NGX_CONF_OK
        || (cmcf->zones.nelts
            && (ngx_http_gateway_cache_watch_tls(cf) != NGX_OK
                || ngx_http_gateway_cache_host(cf, &conf->host) != NGX_OK
                || ngx_http_gateway_cache_sent_fields(cf, conf) != NGX_OK)))
    {
        return NGX_CONF_ERROR;
    }

    conf->original = ngx_http_gateway_cache_original(cf);
    ngx_http_gateway_cache_upstream(cf, conf);

    return ngx_http_gateway_cache_merge_zone(cf, cmcf, conf);
}


/* adds each block once; the http block is never a child */

static char *
ngx_http_gateway_cache_list(ngx_http_gateway_cache_main_conf_t *cmcf,
    ngx_http_gateway_cache_loc_conf_t *clcf)
{
    ngx_http_gateway_cache_loc_conf_t  **slot;

    if (clcf->listed) {
        return NGX_CONF_OK;
    }

    clcf->listed = 1;

    slot = ngx_array_push(&cmcf->blocks);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = clcf;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_cache_merge_zone(ngx_conf_t *cf,
    ngx_http_gateway_cache_main_conf_t *cmcf,
    ngx_http_gateway_cache_loc_conf_t *clcf)
{
    ngx_uint_t  profile;

    static const ngx_str_t  off = ngx_string("off");

    if (clcf->name.data == NULL || ngx_http_gateway_same(&clcf->name, &off)) {
        return NGX_CONF_OK;
    }

    clcf->zone = ngx_http_gateway_cache_zone_find(cmcf, &clcf->name);

    if (clcf->zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown zone \"%V\" in \"gateway_cache\", there is no "
                      "\"gateway_cache_zone\" of this name in %V:%ui",
                      &clcf->name,
                      ngx_http_gateway_place_args(&clcf->name_where));
        return NGX_CONF_ERROR;
    }

    clcf->zone->used = 1;

    ngx_http_gateway_use_on(cf, ngx_http_gateway_cache_use.bit);

    if (!ngx_http_gateway_cache_unserved(cf)) {
        ngx_http_gateway_cache_passes(clcf);
    }

    if (ngx_http_gateway_observed(cf, NGX_HTTP_GATEWAY_OBSERVE_CACHED)
        && ngx_http_gateway_log_add(cf, NGX_HTTP_GATEWAY_LOG_SETTLE,
                                    ngx_http_gateway_cache_record)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    profile = (clcf->profile == NGX_CONF_UNSET_UINT) ? 0 : clcf->profile;

    clcf->set = clcf->written;
    ngx_http_gateway_cache_fill(&clcf->set,
                                &ngx_http_gateway_cache_profile[profile]);
    ngx_http_gateway_cache_policy(clcf);

    clcf->form = ngx_http_gateway_cache_form(clcf->set.key);
    clcf->zone->forms |= 1U << clcf->form;

    return ngx_http_gateway_cache_merge_other(cf, clcf);
}


/* marks the block, and outer blocks up to the one that names the zone */

static void
ngx_http_gateway_cache_passes(ngx_http_gateway_cache_loc_conf_t *clcf)
{
    const u_char  *name;

    name = clcf->name.data;

    for ( /* void */ ; clcf && clcf->name.data == name; clcf = clcf->outer) {
        clcf->passes_inside = 1;
    }
}


static char *
ngx_http_gateway_cache_merge_other(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf)
{
    const char  *other;

    if (!ngx_http_gateway_in_force(cf)) {
        return NGX_CONF_OK;
    }

    other = ngx_http_gateway_upstream_cached(cf, ngx_http_gateway_loc_conf(cf));

    if (other == NULL) {
        ngx_http_gateway_cache_warn_left(cf, clcf);
        return NGX_CONF_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"gateway_cache\" and \"%s\" are both on, one of them "
                  "must be off, in the block in %V:%ui", other,
                  ngx_http_gateway_place_args(&clcf->where));

    return NGX_CONF_ERROR;
}
