/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_limit_admin: executes a query on the state of a key, in shared memory
 * or in Redis, and sends the response.
 */

#include "ngx_http_gateway_limit_admin.h"
#include "ngx_http_gateway_limit_redis.h"


static const ngx_http_gateway_limit_zone_t *ngx_http_gateway_limit_admin_zone(
    ngx_http_request_t *r, ngx_str_t *name);
static const char *ngx_http_gateway_limit_admin_set(
    ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_item(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_key(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static void ngx_http_gateway_limit_admin_consumer(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_none(ngx_http_request_t *r,
    const ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_shm(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_redis(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static void ngx_http_gateway_limit_admin_cancel(void *data);
static void ngx_http_gateway_limit_admin_reply(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);
static ngx_int_t ngx_http_gateway_limit_admin_state(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static void ngx_http_gateway_limit_admin_units(json_t *json,
    const ngx_http_gateway_limit_item_t *item, ngx_uint_t unknown);
static ngx_int_t ngx_http_gateway_limit_admin_error(ngx_http_request_t *r,
    ngx_uint_t status, const ngx_http_gateway_limit_zone_t *zone,
    const char *detail);
static void ngx_http_gateway_limit_admin_counters(json_t *json,
    const ngx_http_gateway_limit_zone_t *zone);


static const char  *ngx_http_gateway_limit_algorithm_names[] = {
    [GW_LIMIT_GCRA] = "gcra",
    [GW_LIMIT_SLIDING] = "sliding_window",
    [GW_LIMIT_FIXED] = "fixed_window",
    [GW_LIMIT_CONCURRENCY] = "concurrency"
};

_Static_assert(sizeof(ngx_http_gateway_limit_algorithm_names)
               / sizeof(ngx_http_gateway_limit_algorithm_names[0])
               == GW_LIMIT_ALGORITHMS, "each algorithm needs a name");


#define ngx_http_gateway_limit_admin_offset(field)                            \
    offsetof(ngx_http_gateway_limit_zone_t, field)

const ngx_http_gateway_limit_admin_figure_t
    ngx_http_gateway_limit_admin_figures[NGX_HTTP_GATEWAY_LIMIT_FIGURES] =
{
    { ngx_string("rate"), GW_FIGURE_RATE,
      ngx_http_gateway_limit_admin_offset(rate),
      "\"rate\" must be a rate such as 10r/s, 100r/m, 1000r/h or 5000r/d" },

    { ngx_string("quota"), GW_FIGURE_QUOTA,
      ngx_http_gateway_limit_admin_offset(quota),
      "\"quota\" must be a quota such as 1000/month, with minute, hour, day, "
      "week or month" },

    { ngx_string("burst"), GW_FIGURE_NUMBER,
      ngx_http_gateway_limit_admin_offset(burst),
      "\"burst\" must be a number" }
};


ngx_int_t
ngx_http_gateway_limit_admin_run(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    const char  *err;

    query->item.zone = ngx_http_gateway_limit_admin_zone(r, &query->zone);

    if (query->item.zone == NULL) {
        return ngx_http_gateway_send_problem(r, NGX_HTTP_NOT_FOUND,
                                     "the location has no such zone", NULL);
    }

    err = ngx_http_gateway_limit_admin_set(query);

    if (err == NULL && query->mode == NGX_HTTP_GATEWAY_LIMIT_SCRIPT_SET) {
        err = (query->item.zone->algorithm == GW_LIMIT_CONCURRENCY)
              ? "requests that are being served can be reset, but not set"
              : query->assumed
              ? "\"set\" requires the \"rate\", \"quota\" or \"burst\" that "
                "the zone takes from variables"
              : NULL;
    }

    if (err) {
        return ngx_http_gateway_limit_admin_error(r, NGX_HTTP_BAD_REQUEST,
                                                  query->item.zone, err);
    }

    if (ngx_http_gateway_limit_admin_item(r, query) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return query->item.zone->redis
           ? ngx_http_gateway_limit_admin_redis(r, query)
           : ngx_http_gateway_limit_admin_shm(r, query);
}


/* a zone of the location; NULL: it has no such zone */

static const ngx_http_gateway_limit_zone_t *
ngx_http_gateway_limit_admin_zone(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_uint_t                           i;
    ngx_http_gateway_limit_zone_t      **zone;
    ngx_http_gateway_limit_loc_conf_t   *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);
    zone = llcf->admin->zones.elts;

    for (i = 0; i < llcf->admin->zones.nelts; i++) {
        if (ngx_http_gateway_same(&zone[i]->name, name)) {
            return zone[i];
        }
    }

    return NULL;
}


/*
 * The figures of the key are those of the query, else the literals or fallbacks
 * of the zone.  The latter are only assumed: requests may have other values.
 * Returns NULL, or what is wrong.
 */

static const char *
ngx_http_gateway_limit_admin_set(ngx_http_gateway_limit_query_t *query)
{
    ngx_str_t                                    *text;
    ngx_uint_t                                    i;
    gw_figure_t                                   amount, burst, *value;
    const ngx_http_gateway_limit_zone_t          *zone;
    const ngx_http_gateway_limit_figure_t        *figure;
    const ngx_http_gateway_limit_admin_figure_t  *known;

    zone = query->item.zone;

    amount = zone->figure->figure;
    burst = zone->burst.figure;

    known = ngx_http_gateway_limit_admin_figures;

    for (i = 0; i < NGX_HTTP_GATEWAY_LIMIT_FIGURES; i++) {

        text = &query->figures[i];
        figure = (const ngx_http_gateway_limit_figure_t *)
                 ((const u_char *) zone + known[i].offset);

        if (text->len == 0) {
            query->assumed |= (figure->value != NULL);
            continue;
        }

        if (figure == zone->figure) {
            value = &amount;

        } else if (figure == &zone->burst
                   && zone->algorithm == GW_LIMIT_GCRA)
        {
            value = &burst;

        } else {
            return "the zone uses another of \"rate\", \"quota\" and \"burst\"";
        }

        if (gw_figure_parse(known[i].kind, text->data, text->len, value)
            != 0)
        {
            return known[i].form;
        }
    }

    return gw_limit_set(&query->item.figures, zone->algorithm, &amount,
                        burst.amount);
}


static ngx_int_t
ngx_http_gateway_limit_admin_item(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    ngx_http_gateway_limit_item_t  *item;

    item = &query->item;

    ngx_http_gateway_limit_most(item->zone, &item->figures);
    ngx_http_gateway_limit_window(item->zone, &item->figures);

    if (ngx_http_gateway_limit_admin_key(r, query) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_gateway_limit_hash(item);
    ngx_http_gateway_limit_admin_consumer(r, query);

    return NGX_OK;
}


/* looks up a key that is a consumer in the consumers file */

static void
ngx_http_gateway_limit_admin_consumer(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    ngx_str_t                      id;
    const ngx_str_t               *name;
    ngx_http_gateway_main_conf_t  *gmcf;

    static ngx_str_t  client = ngx_string("gateway_client");
    static ngx_str_t  consumer = ngx_string("gateway_consumer");

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    name = &query->item.zone->key_name;
    id = query->item.key;

    query->consumer = NGX_ERROR;

    if (gmcf->consumer == NULL) {
        return;
    }

    if (ngx_http_gateway_same(name, &client)) {

        if (id.len <= 9 || ngx_strncmp(id.data, "consumer:", 9) != 0) {
            return;
        }

        id.data += 9;
        id.len -= 9;

    } else if (!ngx_http_gateway_same(name, &consumer)) {
        return;
    }

    query->consumer = gmcf->consumer(r, &id, &query->plan);
}


/* tells an idle key from a misspelt one, if that is known */

static ngx_int_t
ngx_http_gateway_limit_admin_none(ngx_http_request_t *r,
    const ngx_http_gateway_limit_query_t *query)
{
    return ngx_http_gateway_limit_admin_error(r, NGX_HTTP_NOT_FOUND,
                       query->item.zone,
                       query->consumer == NGX_OK
                       ? "the key is idle: the consumer has used nothing"
                       : query->consumer == NGX_DECLINED
                       ? "the consumers file has no such consumer"
                       : "the zone has no such key");
}


/*
 * The key as it is counted: an address is in binary, and a client has a prefix,
 * which may be left out for consumers.
 */

static ngx_int_t
ngx_http_gateway_limit_admin_key(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    u_char           *p;
    ngx_str_t        *key;
    const ngx_str_t  *name;
    ngx_addr_t        addr;

    static ngx_str_t  client = ngx_string("gateway_client");
    static ngx_str_t  address = ngx_string("binary_remote_addr");

    key = &query->item.key;
    name = &query->item.zone->key_name;

    *key = query->key;

    if (ngx_http_gateway_same(name, &address)
        && ngx_parse_addr(r->pool, &addr, key->data, key->len) == NGX_OK)
    {
        switch (addr.sockaddr->sa_family) {

        case AF_INET:
            key->data = (u_char *)
                          &((struct sockaddr_in *) addr.sockaddr)->sin_addr;
            key->len = 4;
            break;

#if (NGX_HAVE_INET6)
        case AF_INET6:
            key->data = (u_char *)
                        &((struct sockaddr_in6 *) addr.sockaddr)->sin6_addr;
            key->len = 16;
            ngx_http_gateway_limit_network(&query->item);
            break;
#endif
        }

        return NGX_OK;
    }

    if (!ngx_http_gateway_same(name, &client)
        || (key->len > 9 && ngx_strncmp(key->data, "consumer:", 9) == 0)
        || (key->len > 8 && ngx_strncmp(key->data, "address:", 8) == 0))
    {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, key->len + 9);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(p, "consumer:", 9), key->data, key->len);

    key->data = p;
    key->len += 9;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_limit_admin_shm(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    ngx_http_gateway_limit_item_t  *item;

    item = &query->item;

    if (ngx_http_gateway_limit_zone_state(item, 0) == NULL) {
        return ngx_http_gateway_limit_admin_none(r, query);
    }

    if (query->mode != NGX_HTTP_GATEWAY_LIMIT_SCRIPT_LOOK) {
        ngx_http_gateway_limit_zone_forget(item);
    }

    if (item->zone->algorithm == GW_LIMIT_CONCURRENCY) {
        ngx_http_gateway_limit_slot_take(item, GW_LIMIT_LOOK);
        return ngx_http_gateway_limit_admin_state(r, query);
    }

    if (query->mode == NGX_HTTP_GATEWAY_LIMIT_SCRIPT_SET) {
        ngx_http_gateway_limit_zone_take(item, GW_LIMIT_SET, query->units);
    }

    ngx_http_gateway_limit_zone_take(item, GW_LIMIT_LOOK, 1);

    return ngx_http_gateway_limit_admin_state(r, query);
}


static ngx_int_t
ngx_http_gateway_limit_admin_redis(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    ngx_http_gateway_redis_status_e  status;

    if (ngx_http_gateway_limit_redis_key(r, &query->item, NULL) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    status = ngx_http_gateway_limit_redis_change(
                                     ngx_http_gateway_limit_redis_client(r),
                                     &query->item, query->mode, query->units,
                                     ngx_http_gateway_limit_admin_reply,
                                     query, &query->handle);

    if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
        return ngx_http_gateway_limit_admin_error(r,
                                       NGX_HTTP_SERVICE_UNAVAILABLE,
                                       query->item.zone,
                                       ngx_http_gateway_redis_status(status));
    }

    query->wait = ngx_http_gateway_park_content(r,
                                          ngx_http_gateway_limit_admin_cancel,
                                          query);
    if (query->wait == NULL) {
        ngx_http_gateway_limit_admin_cancel(query);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


static void
ngx_http_gateway_limit_admin_cancel(void *data)
{
    ngx_http_gateway_limit_query_t *query = data;

    ngx_http_gateway_redis_cancel(query->handle);
}


static void
ngx_http_gateway_limit_admin_reply(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply)
{
    ngx_http_gateway_limit_query_t *query = data;

    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ngx_http_gateway_unpark(query->wait);

    if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
        rc = ngx_http_gateway_limit_admin_error(r,
                                       NGX_HTTP_SERVICE_UNAVAILABLE,
                                       query->item.zone,
                                       ngx_http_gateway_redis_status(status));

    } else if (reply->integer[5] == 0) {
        rc = ngx_http_gateway_limit_admin_none(r, query);

    } else {
        if (query->mode != NGX_HTTP_GATEWAY_LIMIT_SCRIPT_LOOK) {
            ngx_http_gateway_limit_zone_forget(&query->item);
        }

        ngx_http_gateway_limit_redis_result(&query->item, reply->integer);

        query->item.result.used = (reply->integer[4] > 0) ? reply->integer[4]
                                                          : 0;

        rc = ngx_http_gateway_limit_admin_state(r, query);
    }

    ngx_http_gateway_finish(r, rc);
}


static ngx_int_t
ngx_http_gateway_limit_admin_state(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    json_t                               *json, *key;
    ngx_uint_t                            unknown;
    const ngx_http_gateway_limit_item_t  *item;
    const ngx_http_gateway_limit_zone_t  *zone;

    item = &query->item;
    zone = item->zone;

    json = json_pack("{s:s%, s:s, s:s}",
                     "zone", zone->name.data, zone->name.len,
                     "store", zone->redis ? "redis" : "shm",
                     "algorithm",
                     ngx_http_gateway_limit_algorithm_names[zone->algorithm]);

    if (json == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    unknown = (query->assumed || zone->concurrency.value);

    ngx_http_gateway_limit_admin_units(json, item, unknown);

    /* a key that is not UTF-8 cannot be shown */

    key = json_stringn((char *) query->key.data, query->key.len);

    if (key) {
        (void) json_object_set_new(json, "key", key);
    }

    if (zone->algorithm != GW_LIMIT_CONCURRENCY) {
        (void) json_object_set_new(json, "reset",
                  json_integer(ngx_http_gateway_limit_sec(item->result.reset)));
    }

    if (query->consumer == NGX_OK && query->plan.len) {
        (void) json_object_set_new(json, "plan",
                                   json_stringn((char *) query->plan.data,
                                                query->plan.len));
    }

    if (unknown) {
        (void) json_object_set_new(json, "figures", json_string("unknown"));
    }

    ngx_http_gateway_limit_admin_counters(json, zone);

    return ngx_http_gateway_send_json(r, json);
}


/*
 * Where the figures of the key come from variables of its requests they are
 * unknown, and so is what depends on them.  The state of gcra is a time, which
 * is no number of units without the rate.
 */

static void
ngx_http_gateway_limit_admin_units(json_t *json,
    const ngx_http_gateway_limit_item_t *item, ngx_uint_t unknown)
{
    if (!unknown) {
        (void) json_object_set_new(json, "limit",
                                   json_integer(item->figures.capacity));
    }

    if (!unknown || item->zone->algorithm != GW_LIMIT_GCRA) {
        (void) json_object_set_new(json, "used",
                                   json_integer(item->result.used));
    }

    if (!unknown) {
        (void) json_object_set_new(json, "remaining",
                                   json_integer(item->result.remaining));
    }
}


static ngx_int_t
ngx_http_gateway_limit_admin_error(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_http_gateway_limit_zone_t *zone, const char *detail)
{
    json_t  *members;

    members = json_object();

    ngx_http_gateway_limit_admin_counters(members, zone);

    return ngx_http_gateway_send_problem(r, status, detail, members);
}


/* unconfirmed charges and refunds are part of each response */

static void
ngx_http_gateway_limit_admin_counters(json_t *json,
    const ngx_http_gateway_limit_zone_t *zone)
{
    if (zone->sh->unsettled) {
        (void) json_object_set_new(json, "unsettled",
                                   json_integer(zone->sh->unsettled));
    }

    if (zone->sh->unreturned) {
        (void) json_object_set_new(json, "unreturned",
                                   json_integer(zone->sh->unreturned));
    }
}
