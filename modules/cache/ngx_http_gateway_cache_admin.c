/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_cache_admin: counters of the zones, and purges.
 *
 *   GET /cache
 *   POST /cache  {"purge": [{"url": "https://h/p?q"}, {"tag": "a"}],
 *                 "soft": true}
 */

#include "ngx_http_gateway_cache_run.h"
#include "ngx_http_gateway_endpoint.h"
#include "ngx_http_gateway_wait.h"


#define NGX_HTTP_GATEWAY_CACHE_BODY  (64 * 1024)    /* bytes */
#define NGX_HTTP_GATEWAY_CACHE_TURN  (128 * 1024)   /* KB of zones that are
                                                       purged in one event */
#define NGX_HTTP_GATEWAY_CACHE_CHAIN 64             /* cost of a purge by URL,
                                                       in KB */


/* a selector of a purge */

typedef struct {
    gw_cache_by_e                   by;
    ngx_uint_t                      url;        /* unsigned:1; "target" is
                                                   used */
    ngx_str_t                       text;
    gw_cache_target_t               target;
} ngx_http_gateway_cache_selector_t;


/* a purge by a list of selectors; a long list is processed in several events */

typedef struct {
    ngx_http_request_t                 *request;
    ngx_http_gateway_wait_t            *wait;
    ngx_event_t                         event;
    ngx_http_gateway_cache_selector_t  *selector;
    ngx_uint_t                          count;
    ngx_uint_t                          next;
    ngx_uint_t                          soft;
    ngx_uint_t                          n;          /* responses */
} ngx_http_gateway_cache_purge_t;


/* a member of a selector */

typedef struct {
    const char                     *name;
    gw_cache_by_e                   by;
    ngx_uint_t                      url;        /* unsigned:1 */
} ngx_http_gateway_cache_member_t;


static void *ngx_http_gateway_cache_admin_find(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_int_t ngx_http_gateway_cache_admin_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_cache_admin_get(ngx_http_request_t *r);
static json_t *ngx_http_gateway_cache_admin_zone(
    ngx_http_gateway_cache_zone_t *zone);
static ngx_int_t ngx_http_gateway_cache_admin_post(ngx_http_request_t *r,
    json_t *body);
static const char *ngx_http_gateway_cache_admin_body(json_t *body);
static const char *ngx_http_gateway_cache_admin_selector(json_t *json,
    ngx_http_gateway_cache_selector_t *selector);
static const char *ngx_http_gateway_cache_admin_url(
    ngx_http_gateway_cache_selector_t *selector);
static ngx_int_t ngx_http_gateway_cache_admin_start(ngx_http_request_t *r,
    ngx_http_gateway_cache_purge_t *purge);
static void ngx_http_gateway_cache_admin_go_on(ngx_event_t *ev);
static void ngx_http_gateway_cache_admin_cancel(void *data);
static ngx_int_t ngx_http_gateway_cache_admin_turn(
    ngx_http_gateway_cache_purge_t *purge);
static size_t ngx_http_gateway_cache_admin_cost(
    const ngx_http_gateway_admin_t *admin,
    const ngx_http_gateway_cache_selector_t *selector);
static ngx_int_t ngx_http_gateway_cache_admin_answer(ngx_http_request_t *r,
    ngx_http_gateway_cache_purge_t *purge, ngx_int_t rc);
static ngx_int_t ngx_http_gateway_cache_admin_purge(ngx_http_request_t *r,
    ngx_http_gateway_cache_selector_t *selector, ngx_uint_t soft,
    ngx_uint_t *n);


static const ngx_http_gateway_admin_kind_t  ngx_http_gateway_cache_admin_kind =
{
    .directive = "gateway_cache_admin",
    .declares = "gateway_cache_zone",
    .body = NGX_HTTP_GATEWAY_CACHE_BODY,
    .find = ngx_http_gateway_cache_admin_find,
    .handler = ngx_http_gateway_cache_admin_handler,
    .get = ngx_http_gateway_cache_admin_get,
    .post = ngx_http_gateway_cache_admin_post
};


static const ngx_http_gateway_cache_member_t
    ngx_http_gateway_cache_members[] =
{
    { "url", GW_CACHE_BY_URL, 1 },
    { "prefix", GW_CACHE_BY_PREFIX, 1 },
    { "tag", GW_CACHE_BY_TAG, 0 },
    { "host", GW_CACHE_BY_HOST, 0 },
    { "consumer", GW_CACHE_BY_CONSUMER, 0 },
    { NULL, GW_CACHE_BY_ALL, 0 }
};


/* configuration */

char *
ngx_http_gateway_cache_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    char                                *rv;
    ngx_http_gateway_cache_main_conf_t  *cmcf;

    rv = ngx_http_gateway_admin_set(cf, &ngx_http_gateway_cache_admin_kind,
                                    &clcf->admin);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_cache_module);
    cmcf->admins++;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_cache_admin_merge(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *prev,
    ngx_http_gateway_cache_loc_conf_t *conf)
{
    return ngx_http_gateway_admin_merge(cf, &ngx_http_gateway_cache_admin_kind,
                                        prev->admin, &conf->admin);
}


static void *
ngx_http_gateway_cache_admin_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_http_gateway_cache_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_cache_module);

    return ngx_http_gateway_cache_zone_find(cmcf, name);
}


/* requests */

static ngx_int_t
ngx_http_gateway_cache_admin_handler(ngx_http_request_t *r)
{
    ngx_http_gateway_cache_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_cache_module);

    return ngx_http_gateway_admin_handler(r, &ngx_http_gateway_cache_admin_kind,
                                          clcf->admin);
}


static ngx_int_t
ngx_http_gateway_cache_admin_get(ngx_http_request_t *r)
{
    json_t                             *json, *zones;
    ngx_str_t                          *name;
    ngx_uint_t                          i;
    ngx_http_gateway_cache_zone_t     **zone;
    ngx_http_gateway_cache_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_cache_module);

    zones = json_object();
    name = clcf->admin->names.elts;
    zone = clcf->admin->zones.elts;

    for (i = 0; i < clcf->admin->zones.nelts; i++) {

        json = ngx_http_gateway_cache_admin_zone(zone[i]);

        if (json_object_setn_new(zones, (char *) name[i].data, name[i].len,
                                 json)
            != 0)
        {
            json_decref(zones);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    json = json_pack("{s:o}", "zones", zones);

    return json ? ngx_http_gateway_send_json(r, json)
                : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* NULL: no memory */

static json_t *
ngx_http_gateway_cache_admin_zone(ngx_http_gateway_cache_zone_t *zone)
{
    json_t           *requests, *reasons;
    uint64_t          n;
    gw_text_t         word;
    ngx_uint_t        i;
    gw_cache_stat_t   stat;

    requests = json_object();
    reasons = json_object();

    for (i = 0; i < NGX_HTTP_GATEWAY_CACHE_STATUSES; i++) {
        (void) json_object_setn_new(requests,
               (char *) ngx_http_gateway_cache_statuses[i].data,
               ngx_http_gateway_cache_statuses[i].len,
               json_integer(ngx_http_gateway_counter_sum(zone->counters[i])));
    }

    for (i = GW_CACHE_R_NONE + 1; i < GW_CACHE_REASON_COUNT; i++) {
        n = ngx_http_gateway_counter_sum(zone->reasons[i]);
        word = gw_cache_reason_word(i);

        if (n) {
            (void) json_object_setn_new(reasons, (char *) word.data, word.len,
                                        json_integer(n));
        }
    }

    ngx_http_gateway_cache_zone_stat(zone, &stat);

    return json_pack("{s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}",
                     "requests", requests,
                     "stores", (json_int_t) stat.stores,
                     "evictions", (json_int_t) stat.evictions,
                     "purged", (json_int_t) stat.purged,
                     "entries", (json_int_t) stat.entries,
                     "bytes", (json_int_t) stat.bytes,
                     "size", (json_int_t) stat.room,
                     "fills", (json_int_t) stat.fills,
                     "readers", (json_int_t) stat.pins,
                     "reasons", reasons);
}


static ngx_int_t
ngx_http_gateway_cache_admin_post(ngx_http_request_t *r, json_t *body)
{
    size_t                           i;
    json_t                          *list, *one;
    const char                      *err;
    ngx_http_gateway_cache_purge_t  *purge;

    err = ngx_http_gateway_cache_admin_body(body);

    if (err) {
        return ngx_http_gateway_send_problem(r, NGX_HTTP_BAD_REQUEST, err,
                                             NULL);
    }

    list = json_object_get(body, "purge");

    purge = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_cache_purge_t));
    if (purge == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    purge->soft = json_is_true(json_object_get(body, "soft"));
    purge->count = json_array_size(list);

    purge->selector = ngx_pcalloc(r->pool, purge->count
                                * sizeof(ngx_http_gateway_cache_selector_t));
    if (purge->selector == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* all selectors are checked before anything is purged */

    json_array_foreach(list, i, one) {

        err = ngx_http_gateway_cache_admin_selector(one, &purge->selector[i]);

        if (err) {
            return ngx_http_gateway_send_problem(r, NGX_HTTP_BAD_REQUEST, err,
                                        json_pack("{s:I}", "index",
                                                  (json_int_t) i));
        }
    }

    return ngx_http_gateway_cache_admin_start(r, purge);
}


static ngx_int_t
ngx_http_gateway_cache_admin_start(ngx_http_request_t *r,
    ngx_http_gateway_cache_purge_t *purge)
{
    ngx_int_t  rc;

    purge->request = r;

    rc = ngx_http_gateway_cache_admin_turn(purge);

    if (rc != NGX_AGAIN) {
        return ngx_http_gateway_cache_admin_answer(r, purge, rc);
    }

    purge->wait = ngx_http_gateway_park_content(r,
                                  ngx_http_gateway_cache_admin_cancel, purge);
    if (purge->wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    purge->event.handler = ngx_http_gateway_cache_admin_go_on;
    purge->event.data = purge;
    purge->event.log = r->connection->log;

    ngx_add_timer(&purge->event, 1);

    return NGX_DONE;
}


static void
ngx_http_gateway_cache_admin_go_on(ngx_event_t *ev)
{
    ngx_http_gateway_cache_purge_t *purge = ev->data;

    ngx_int_t            rc;
    ngx_http_request_t  *r;

    rc = ngx_http_gateway_cache_admin_turn(purge);

    if (rc == NGX_AGAIN) {
        ngx_add_timer(ev, 1);
        return;
    }

    r = ngx_http_gateway_unpark(purge->wait);

    ngx_http_gateway_finish(r, ngx_http_gateway_cache_admin_answer(r, purge,
                                                                   rc));
}


/* the client has left: the rest is not purged */

static void
ngx_http_gateway_cache_admin_cancel(void *data)
{
    ngx_http_gateway_cache_purge_t *purge = data;

    if (purge->event.timer_set) {
        ngx_del_timer(&purge->event);
    }
}


/* purges until the budget of an event is used up; NGX_AGAIN: there is more */

static ngx_int_t
ngx_http_gateway_cache_admin_turn(ngx_http_gateway_cache_purge_t *purge)
{
    size_t                              cost;
    ngx_http_gateway_cache_loc_conf_t  *clcf;
    ngx_http_gateway_cache_selector_t  *selector;

    clcf = ngx_http_get_module_loc_conf(purge->request,
                                        ngx_http_gateway_cache_module);

    for (cost = 0; purge->next < purge->count; purge->next++) {

        if (cost >= NGX_HTTP_GATEWAY_CACHE_TURN) {
            return NGX_AGAIN;
        }

        selector = &purge->selector[purge->next];
        cost += ngx_http_gateway_cache_admin_cost(clcf->admin, selector);

        if (ngx_http_gateway_cache_admin_purge(purge->request, selector,
                                               purge->soft, &purge->n)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the size of the searched memory, in KB; there is at most one entry per KB */

static size_t
ngx_http_gateway_cache_admin_cost(const ngx_http_gateway_admin_t *admin,
    const ngx_http_gateway_cache_selector_t *selector)
{
    size_t                          cost;
    ngx_uint_t                      i;
    ngx_http_gateway_cache_zone_t **zone;

    if (selector->by == GW_CACHE_BY_URL) {
        return NGX_HTTP_GATEWAY_CACHE_CHAIN * admin->zones.nelts;
    }

    cost = 0;
    zone = admin->zones.elts;

    for (i = 0; i < admin->zones.nelts; i++) {
        cost += zone[i]->zone.size / 1024;
    }

    return cost;
}


static ngx_int_t
ngx_http_gateway_cache_admin_answer(ngx_http_request_t *r,
    ngx_http_gateway_cache_purge_t *purge, ngx_int_t rc)
{
    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_send_json(r, json_pack("{s:I}", "purged",
                                                   (json_int_t) purge->n));
}


/* NULL, or what is wrong */

static const char *
ngx_http_gateway_cache_admin_body(json_t *body)
{
    json_t      *value;
    const char  *name;

    json_object_foreach(body, name, value) {

        if (ngx_strcmp(name, "purge") == 0) {
            if (!json_is_array(value) || json_array_size(value) == 0) {
                return "\"purge\" must be an array of selectors";
            }

        } else if (ngx_strcmp(name, "soft") == 0) {
            if (!json_is_boolean(value)) {
                return "\"soft\" must be true or false";
            }

        } else {
            return "unknown member, allowed are \"purge\" and \"soft\"";
        }
    }

    return json_object_get(body, "purge") ? NULL : "\"purge\" is missing";
}


static const char *
ngx_http_gateway_cache_admin_selector(json_t *json,
    ngx_http_gateway_cache_selector_t *selector)
{
    json_t                                 *value;
    const ngx_http_gateway_cache_member_t  *member;

    if (!json_is_object(json) || json_object_size(json) != 1) {
        return "a selector of \"purge\" must be an object with one member";
    }

    value = json_object_get(json, "all");

    if (value) {
        selector->by = GW_CACHE_BY_ALL;
        return json_is_true(value) ? NULL : "\"all\" must be true";
    }

    for (member = ngx_http_gateway_cache_members; member->name; member++) {

        value = json_object_get(json, member->name);

        if (value == NULL) {
            continue;
        }

        if (!json_is_string(value) || json_string_length(value) == 0) {
            return "the value of \"url\", \"prefix\", \"tag\", \"host\" or "
                   "\"consumer\" must be a string that is not empty";
        }

        selector->by = member->by;
        selector->url = member->url;
        selector->text.data = (u_char *) json_string_value(value);
        selector->text.len = json_string_length(value);

        return member->url ? ngx_http_gateway_cache_admin_url(selector) : NULL;
    }

    return "a selector must be \"url\", \"prefix\", \"tag\", \"host\", "
           "\"consumer\" or \"all\"";
}


/* an absolute URL; without "?" it selects all queries */

static const char *
ngx_http_gateway_cache_admin_url(ngx_http_gateway_cache_selector_t *selector)
{
    u_char             *p, *last;
    gw_cache_target_t  *target;

    p = selector->text.data;
    last = p + selector->text.len;
    target = &selector->target;

    target->scheme.data = p;
    target->scheme.len = 4;

    if (selector->text.len >= 5 && ngx_strncmp(p, "https", 5) == 0) {
        target->scheme.len = 5;
    }

    if (selector->text.len < target->scheme.len + 3
        || ngx_strncmp(p, "http", 4) != 0
        || ngx_strncmp(p + target->scheme.len, "://", 3) != 0)
    {
        return "\"url\" and \"prefix\" must begin with http:// or https://";
    }

    target->host.data = p + target->scheme.len + 3;

    p = ngx_strlchr((u_char *) target->host.data, last, '/');

    if (p == NULL || p == target->host.data) {
        return "\"url\" and \"prefix\" must have a host and a path";
    }

    target->host.len = p - target->host.data;
    target->uri.data = p;
    target->uri.len = last - p;

    p = ngx_strlchr(p, last, '?');

    if (selector->by == GW_CACHE_BY_PREFIX) {
        return (p || last[-1] != '/') ? "\"prefix\" must end in /" : NULL;
    }

    if (p == NULL) {
        selector->by = GW_CACHE_BY_PATH;
    }

    return NULL;
}


static ngx_int_t
ngx_http_gateway_cache_admin_purge(ngx_http_request_t *r,
    ngx_http_gateway_cache_selector_t *selector, ngx_uint_t soft,
    ngx_uint_t *n)
{
    ngx_uint_t                          i;
    ngx_http_gateway_cache_zone_t     **zone;
    ngx_http_gateway_cache_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_cache_module);
    zone = clcf->admin->zones.elts;

    if (selector->by == GW_CACHE_BY_HOST) {
        ngx_strlow(selector->text.data, selector->text.data,
                   selector->text.len);
    }

    for (i = 0; i < clcf->admin->zones.nelts; i++) {

        if (!selector->url) {
            *n += ngx_http_gateway_cache_zone_purge(zone[i], selector->by,
                                                    &selector->text, soft);
            continue;
        }

        if (ngx_http_gateway_cache_purge_url(r->pool, zone[i], selector->by,
                                             &selector->target, soft, n)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
