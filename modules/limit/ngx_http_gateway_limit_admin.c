
/*
 * gateway_limit_admin: the state of a key, to look at and to change.
 *
 *   GET /limits?zone=api&key=acme
 *   POST /limits  {"zone": "api", "key": "acme", "reset": true}
 *   POST /limits  {"zone": "api", "key": "acme", "set": 100}
 *
 * Who may ask is said by "from=", which this handler asks itself: whatever
 * else the location allows adds to it and takes nothing away.
 */

#include "ngx_http_gateway_limit.h"
#include "ngx_http_gateway_limit_script.h"
#include "gw_cidr.h"

#include <jansson.h>


#define NGX_HTTP_GATEWAY_LIMIT_BODY  4096   /* bytes */


typedef struct ngx_http_gateway_limit_admin_s {
    ngx_array_t                     names;      /* ngx_str_t */
    ngx_array_t                     zones;      /* zone_t * */
    ngx_array_t                     ranges;     /* of GW_CIDR_RANGE bytes */
    ngx_uint_t                      local;      /* unsigned:1; unix: */
    ngx_uint_t                      any;        /* unsigned:1 */
    ngx_http_gateway_place_t        where;
} ngx_http_gateway_limit_admin_t;


/* what is asked, and by whom; the request's memory */

typedef struct {
    ngx_http_request_t             *request;
    ngx_str_t                       zone;
    ngx_str_t                       key;        /* as it is written */
    ngx_uint_t                      mode;       /* of the script: p, x, w */
    uint64_t                        units;
    ngx_http_gateway_limit_item_t   item;
    ngx_http_gateway_redis_call_t  *handle;
} ngx_http_gateway_limit_query_t;


static char *ngx_http_gateway_limit_admin_from(ngx_conf_t *cf,
    ngx_http_gateway_limit_admin_t *admin, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_limit_admin_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_limit_admin_may(ngx_http_request_t *r,
    ngx_http_gateway_limit_admin_t *admin);
static ngx_int_t ngx_http_gateway_limit_admin_get(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_arg(ngx_http_request_t *r,
    const char *name, size_t len, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_limit_admin_post(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_limit_admin_foreign(
    ngx_http_request_t *r);
static void ngx_http_gateway_limit_admin_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_limit_admin_read(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_text(ngx_http_request_t *r,
    ngx_str_t *text);
static const char *ngx_http_gateway_limit_admin_parse(ngx_http_request_t *r,
    json_t *body, ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_copy(ngx_http_request_t *r,
    json_t *value, ngx_str_t *s);
static ngx_int_t ngx_http_gateway_limit_admin_run(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_item(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_key(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_shm(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static void ngx_http_gateway_limit_admin_forget(
    ngx_http_gateway_limit_item_t *item);
static ngx_int_t ngx_http_gateway_limit_admin_redis(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static void ngx_http_gateway_limit_admin_cleanup(void *data);
static void ngx_http_gateway_limit_admin_reply(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);
static ngx_int_t ngx_http_gateway_limit_admin_state(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_error(ngx_http_request_t *r,
    ngx_uint_t status, const char *detail);
static ngx_int_t ngx_http_gateway_limit_admin_send(ngx_http_request_t *r,
    ngx_uint_t status, json_t *json);


static const char  *ngx_http_gateway_limit_algorithm_names[] = {
    "gcra", "sliding_window", "fixed_window", "concurrency"
};


/* configuration */

char *
ngx_http_gateway_limit_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_limit_loc_conf_t *llcf = conf;

    ngx_str_t                       *arg, value, *name;
    ngx_uint_t                       i;
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_gateway_limit_admin_t  *admin;

    if (llcf->admin) {
        return "is duplicate";
    }

    admin = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_limit_admin_t));

    if (admin == NULL
        || ngx_array_init(&admin->names, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&admin->zones, cf->pool, 4,
                          sizeof(ngx_http_gateway_limit_zone_t *))
           != NGX_OK
        || ngx_array_init(&admin->ranges, cf->pool, 4, GW_CIDR_RANGE)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_place(cf, &admin->where);

    arg = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (arg[i].len > 5 && ngx_strncmp(arg[i].data, "zone=", 5) == 0) {

            name = ngx_array_push(&admin->names);
            if (name == NULL) {
                return NGX_CONF_ERROR;
            }

            name->data = arg[i].data + 5;
            name->len = arg[i].len - 5;
            continue;
        }

        if (arg[i].len > 5 && ngx_strncmp(arg[i].data, "from=", 5) == 0) {

            value.data = arg[i].data + 5;
            value.len = arg[i].len - 5;

            if (ngx_http_gateway_limit_admin_from(cf, admin, &value)
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in "
                           "\"gateway_limit_admin\", allowed are \"zone=\", "
                           "\"from=\"", &arg[i]);
        return NGX_CONF_ERROR;
    }

    if (admin->names.nelts == 0
        || (admin->ranges.nelts == 0 && !admin->local && !admin->any))
    {
        return "must have \"zone=name\", and \"from=\" with the addresses "
               "that may ask";
    }

    llcf->admin = admin;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_gateway_limit_admin_handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_limit_admin_from(ngx_conf_t *cf,
    ngx_http_gateway_limit_admin_t *admin, ngx_str_t *value)
{
    char            meant[GW_CIDR_TEXT];
    gw_cidr_e       rc;
    unsigned char  *range;

    if (value->len == 3 && ngx_strncmp(value->data, "any", 3) == 0) {
        admin->any = 1;
        return NGX_CONF_OK;
    }

    if (value->len == 5 && ngx_strncmp(value->data, "unix:", 5) == 0) {
        admin->local = 1;
        return NGX_CONF_OK;
    }

    range = ngx_array_push(&admin->ranges);
    if (range == NULL) {
        return NGX_CONF_ERROR;
    }

    rc = gw_cidr_parse((char *) value->data, value->len, range, meant);

    if (rc == GW_CIDR_HOST_BITS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"from=\", bits "
                           "are set behind the prefix, it must be \"%s\"",
                           value, meant);
        return NGX_CONF_ERROR;
    }

    if (rc != GW_CIDR_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"from=\", it "
                           "must be an address, a range such as 10.0.0.0/8, "
                           "\"unix:\" or \"any\"", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* an "if" and a limit_except are the location itself, as with proxy_pass */

char *
ngx_http_gateway_limit_admin_merge(ngx_conf_t *cf,
    const ngx_http_gateway_limit_loc_conf_t *prev,
    ngx_http_gateway_limit_loc_conf_t *conf)
{
    ngx_str_t                            *name;
    ngx_uint_t                            i;
    ngx_http_core_loc_conf_t             *clcf;
    ngx_http_gateway_limit_admin_t       *admin;
    ngx_http_gateway_limit_zone_t       **zone;
    ngx_http_gateway_limit_main_conf_t   *lmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->admin == NULL && (clcf->noname || clcf->lmt_excpt)) {
        conf->admin = prev->admin;

        if (conf->admin && clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = ngx_http_gateway_limit_admin_handler;
        }
    }

    admin = conf->admin;

    if (admin == NULL || admin->zones.nelts) {
        return NGX_CONF_OK;
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_limit_module);
    lmcf->used = 1;

    name = admin->names.elts;

    for (i = 0; i < admin->names.nelts; i++) {

        zone = ngx_array_push(&admin->zones);
        if (zone == NULL) {
            return NGX_CONF_ERROR;
        }

        *zone = ngx_http_gateway_limit_find(lmcf, &name[i]);

        if (*zone == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown zone \"%V\" in \"gateway_limit_admin\", "
                          "there is no \"gateway_limit_zone\" of this name in "
                          "%V:%ui", &name[i],
                          ngx_http_gateway_place_args(&admin->where));
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* requests */

static ngx_int_t
ngx_http_gateway_limit_admin_handler(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ngx_http_gateway_limit_query_t     *query;
    ngx_http_gateway_limit_loc_conf_t  *llcf;

    static ngx_str_t   allow = ngx_string("Allow");
    static const char  methods[] = "GET, HEAD, POST";

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    if (!ngx_http_gateway_limit_admin_may(r, llcf->admin)) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "gateway_limit_admin: refused with 403, the address "
                      "stands in no \"from=\"");
        return NGX_HTTP_FORBIDDEN;
    }

    if (r->method == NGX_HTTP_POST) {
        return ngx_http_gateway_limit_admin_post(r);
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

        /* RFC 9110, 15.5.6 */

        if (ngx_http_gateway_limit_push(r, &allow, (u_char *) methods,
                                        sizeof(methods) - 1)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_gateway_limit_admin_error(r, NGX_HTTP_NOT_ALLOWED,
                                          "only GET, HEAD and POST are known");
    }

    query = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_limit_query_t));
    if (query == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_gateway_limit_admin_get(r, query);

    if (rc == NGX_AGAIN) {
        r->main->count++;
        return NGX_DONE;
    }

    return rc;
}


static ngx_uint_t
ngx_http_gateway_limit_admin_may(ngx_http_request_t *r,
    ngx_http_gateway_limit_admin_t *admin)
{
    u_char           *addr, *range;
    size_t            len;
    ngx_uint_t        i;
    unsigned char     mapped[GW_CIDR_ADDRESS];
    struct sockaddr  *sa;

    if (admin == NULL || admin->any) {
        return admin != NULL;
    }

    sa = r->connection->sockaddr;

    switch (sa->sa_family) {

    case AF_INET:
        addr = (u_char *) &((struct sockaddr_in *) sa)->sin_addr;
        len = 4;
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        addr = (u_char *) &((struct sockaddr_in6 *) sa)->sin6_addr;
        len = 16;
        break;
#endif

    default:
        return admin->local;
    }

    if (gw_cidr_map(mapped, addr, len) != 0) {
        return 0;
    }

    range = admin->ranges.elts;

    for (i = 0; i < admin->ranges.nelts; i++) {
        if (gw_cidr_holds(range + i * GW_CIDR_RANGE, mapped)) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_gateway_limit_admin_get(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    query->mode = 'p';

    if (ngx_http_gateway_limit_admin_arg(r, "zone", 4, &query->zone) != NGX_OK
        || ngx_http_gateway_limit_admin_arg(r, "key", 3, &query->key)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (query->zone.len == 0 || query->key.len == 0) {
        return ngx_http_gateway_limit_admin_error(r, NGX_HTTP_BAD_REQUEST,
                                 "the arguments zone and key are needed");
    }

    return ngx_http_gateway_limit_admin_run(r, query);
}


/* an argument, decoded; empty where it is not there */

static ngx_int_t
ngx_http_gateway_limit_admin_arg(ngx_http_request_t *r, const char *name,
    size_t len, ngx_str_t *value)
{
    u_char     *src, *dst;
    ngx_str_t   raw;

    ngx_str_null(value);

    if (ngx_http_arg(r, (u_char *) name, len, &raw) != NGX_OK || raw.len == 0) {
        return NGX_OK;
    }

    dst = ngx_pnalloc(r->pool, raw.len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;
    src = raw.data;

    ngx_unescape_uri(&dst, &src, raw.len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_limit_admin_post(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->headers_in.content_length_n > NGX_HTTP_GATEWAY_LIMIT_BODY) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r,
                                           ngx_http_gateway_limit_admin_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_http_gateway_limit_admin_body(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_http_gateway_limit_query_t  *query;

    query = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_limit_query_t));

    if (query == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    rc = ngx_http_gateway_limit_admin_read(r, query);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }
}


/*
 * A page of another site may send such a POST from an administrator's browser,
 * but no JSON, which its browser would ask about before.
 */

static ngx_uint_t
ngx_http_gateway_limit_admin_foreign(ngx_http_request_t *r)
{
    ngx_str_t                       *type;
    ngx_table_elt_t                 *h;
    ngx_http_gateway_header_iter_t   it;

    static ngx_str_t  origin = ngx_string("origin");
    static ngx_str_t  json = ngx_string("application/json");

    if (r->headers_in.content_type) {
        type = &r->headers_in.content_type->value;

        if (type->len >= json.len
            && ngx_strncasecmp(type->data, json.data, json.len) == 0)
        {
            return 0;
        }
    }

    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {
        if (ngx_http_gateway_header_is(h, &origin)) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_gateway_limit_admin_read(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    json_t        *body;
    ngx_str_t      text;
    const char    *err;
    json_error_t   error;

    if (ngx_http_gateway_limit_admin_foreign(r)) {
        return ngx_http_gateway_limit_admin_error(r, NGX_HTTP_FORBIDDEN,
                          "a browser must send it as application/json");
    }

    if (ngx_http_gateway_limit_admin_text(r, &text) != NGX_OK) {
        return ngx_http_gateway_limit_admin_error(r, NGX_HTTP_BAD_REQUEST,
                              "the body must be an object of at most 4096 "
                              "bytes of JSON");
    }

    body = json_loadb((char *) text.data, text.len, JSON_REJECT_DUPLICATES,
                      &error);

    err = ngx_http_gateway_limit_admin_parse(r, body, query);

    json_decref(body);

    if (err) {
        return ngx_http_gateway_limit_admin_error(r, NGX_HTTP_BAD_REQUEST,
                                                  err);
    }

    return ngx_http_gateway_limit_admin_run(r, query);
}


/* the body, which comes in as many pieces as the client has sent it in */

static ngx_int_t
ngx_http_gateway_limit_admin_text(ngx_http_request_t *r, ngx_str_t *text)
{
    u_char       *p;
    size_t        len;
    ngx_chain_t  *cl;

    if (r->request_body == NULL) {
        return NGX_ERROR;
    }

    len = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {

        if (cl->buf->in_file) {
            return NGX_ERROR;
        }

        len += cl->buf->last - cl->buf->pos;
    }

    if (len == 0 || len > NGX_HTTP_GATEWAY_LIMIT_BODY) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    text->len = len;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    return NGX_OK;
}


/* NULL, or what is wrong; "body" may be NULL */

static const char *
ngx_http_gateway_limit_admin_parse(ngx_http_request_t *r, json_t *body,
    ngx_http_gateway_limit_query_t *query)
{
    json_t  *zone, *key, *reset, *set;

    if (!json_is_object(body)) {
        return "the body must be an object of JSON";
    }

    zone = json_object_get(body, "zone");
    key = json_object_get(body, "key");
    reset = json_object_get(body, "reset");
    set = json_object_get(body, "set");

    if (!json_is_string(zone) || !json_is_string(key)
        || json_string_length(zone) == 0 || json_string_length(key) == 0)
    {
        return "\"zone\" and \"key\" must be strings that are not empty";
    }

    if ((reset == NULL) == (set == NULL) || json_object_size(body) != 3) {
        return "there must be either \"reset\" or \"set\" beside \"zone\" and "
               "\"key\", and nothing else";
    }

    if (reset && !json_is_true(reset)) {
        return "\"reset\" must be true";
    }

    if (set && (!json_is_integer(set) || json_integer_value(set) < 0
                || json_integer_value(set) > (json_int_t) GW_FIGURE_MAX))
    {
        return "\"set\" must be the units that are used, a whole number from "
               "0 to 1000000000000";
    }

    query->mode = reset ? 'x' : 'w';
    query->units = set ? json_integer_value(set) : 0;

    if (ngx_http_gateway_limit_admin_copy(r, zone, &query->zone) != NGX_OK
        || ngx_http_gateway_limit_admin_copy(r, key, &query->key) != NGX_OK)
    {
        return "no memory";
    }

    return NULL;
}


static ngx_int_t
ngx_http_gateway_limit_admin_copy(ngx_http_request_t *r, json_t *value,
    ngx_str_t *s)
{
    s->len = json_string_length(value);
    s->data = ngx_pnalloc(r->pool, s->len);

    if (s->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(s->data, json_string_value(value), s->len);

    return NGX_OK;
}


/* NGX_AGAIN: Redis is asked; else what the request ends with */

static ngx_int_t
ngx_http_gateway_limit_admin_run(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    ngx_int_t  rc;

    query->request = r;

    rc = ngx_http_gateway_limit_admin_item(r, query);

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_limit_admin_error(r, NGX_HTTP_NOT_FOUND,
                                        "this location knows no such zone");
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (query->mode == 'w'
        && query->item.zone->algorithm == GW_LIMIT_CONCURRENCY)
    {
        return ngx_http_gateway_limit_admin_error(r, NGX_HTTP_BAD_REQUEST,
                  "requests that are being served can be reset, but not set");
    }

    return query->item.zone->redis
           ? ngx_http_gateway_limit_admin_redis(r, query)
           : ngx_http_gateway_limit_admin_shm(r, query);
}


/* the key with the zone's literal figures; NGX_DECLINED: no such zone */

static ngx_int_t
ngx_http_gateway_limit_admin_item(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    ngx_uint_t                           i;
    gw_limit_clock_t                     now;
    ngx_http_gateway_limit_item_t       *item;
    ngx_http_gateway_limit_zone_t      **zone;
    ngx_http_gateway_limit_loc_conf_t   *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);
    zone = llcf->admin->zones.elts;

    item = &query->item;

    for (i = 0; i < llcf->admin->zones.nelts; i++) {
        if (ngx_http_gateway_same(&zone[i]->name, &query->zone)) {
            item->zone = zone[i];
            break;
        }
    }

    if (item->zone == NULL) {
        return NGX_DECLINED;
    }

    (void) gw_limit_set(&item->figures, item->zone->algorithm,
                        &item->zone->figure->figure,
                        item->zone->burst.figure.amount);

    ngx_http_gateway_limit_most(item->zone, &item->figures);

    if (item->zone->algorithm == GW_LIMIT_FIXED
        || item->zone->algorithm == GW_LIMIT_SLIDING)
    {
        ngx_http_gateway_limit_clock(&now);
        ngx_http_gateway_limit_window(item->zone, &item->figures, &now);
    }

    if (ngx_http_gateway_limit_admin_key(r, query) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_gateway_limit_hash(item);

    return NGX_OK;
}


/*
 * Keys that are written in another way than they are counted: addresses in
 * binary, and clients, of whom a name without a mark is a consumer.
 */

static ngx_int_t
ngx_http_gateway_limit_admin_key(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    u_char      *p;
    ngx_str_t   *key, *name;
    ngx_addr_t   addr;

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
        return ngx_http_gateway_limit_admin_error(r, NGX_HTTP_NOT_FOUND,
                                            "the zone knows no such key");
    }

    if (query->mode != 'p') {
        ngx_http_gateway_limit_admin_forget(item);
    }

    if (item->zone->algorithm == GW_LIMIT_CONCURRENCY) {
        ngx_http_gateway_limit_slot_take(item, GW_LIMIT_LOOK);
        return ngx_http_gateway_limit_admin_state(r, query);
    }

    if (query->mode == 'w') {
        ngx_http_gateway_limit_zone_take(item, GW_LIMIT_SET, query->units);
    }

    ngx_http_gateway_limit_zone_take(item, GW_LIMIT_LOOK, 1);

    return ngx_http_gateway_limit_admin_state(r, query);
}


/* the node's own state of a key */

static void
ngx_http_gateway_limit_admin_forget(ngx_http_gateway_limit_item_t *item)
{
    uint64_t  *state, first;
    unsigned   i, n;

    state = ngx_http_gateway_limit_zone_state(item, 0);

    if (state == NULL) {
        return;
    }

    /* requests that are being served no longer count, and take nothing away */

    first = (item->zone->algorithm == GW_LIMIT_CONCURRENCY)
            ? (uint64_t) ngx_atomic_fetch_add(&item->zone->sh->generation, 1)
              << 32
            : 0;

    n = gw_limit_words(item->zone->algorithm) + (item->zone->redis ? 2 : 0);

    __atomic_store_n(&state[0], first, __ATOMIC_SEQ_CST);

    for (i = 1; i < n; i++) {
        __atomic_store_n(&state[i], 0, __ATOMIC_SEQ_CST);
    }
}


static ngx_int_t
ngx_http_gateway_limit_admin_redis(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    ngx_int_t                         rc;
    ngx_pool_cleanup_t               *cln;
    ngx_http_gateway_redis_status_e   status;

    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (cln == NULL
        || ngx_http_gateway_limit_redis_key(r, &query->item) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_gateway_limit_admin_cleanup;
    cln->data = query;

    status = ngx_http_gateway_limit_redis_change(&query->item, query->mode,
                                         query->units,
                                         ngx_http_gateway_limit_admin_reply,
                                         query, &query->handle);

    if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
        return ngx_http_gateway_limit_admin_error(r,
                                       NGX_HTTP_SERVICE_UNAVAILABLE,
                                       ngx_http_gateway_redis_status(status));
    }

    rc = ngx_http_gateway_limit_park(r, ngx_http_request_empty_handler);

    if (rc != NGX_AGAIN) {
        ngx_http_gateway_limit_admin_cleanup(query);
    }

    return rc;
}


static void
ngx_http_gateway_limit_admin_cleanup(void *data)
{
    ngx_http_gateway_limit_query_t *query = data;

    if (query->handle) {
        ngx_http_gateway_redis_cancel(query->handle);
        query->handle = NULL;
    }
}


static void
ngx_http_gateway_limit_admin_reply(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply)
{
    ngx_http_gateway_limit_query_t *query = data;

    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = query->request;
    c = r->connection;
    query->handle = NULL;

    ngx_http_set_log_request(c->log, r);

    if (status != NGX_HTTP_GATEWAY_REDIS_OK
        || reply->type != GW_RESP_ARRAY || reply->others
        || reply->integers != NGX_HTTP_GATEWAY_LIMIT_CHANGE)
    {
        rc = ngx_http_gateway_limit_admin_error(r,
                           NGX_HTTP_SERVICE_UNAVAILABLE,
                           status == NGX_HTTP_GATEWAY_REDIS_OK
                           ? "Redis has given another answer"
                           : ngx_http_gateway_redis_status(status));

    } else if (reply->integer[5] == 0) {
        rc = ngx_http_gateway_limit_admin_error(r, NGX_HTTP_NOT_FOUND,
                                             "the zone knows no such key");

    } else {
        if (query->mode != 'p') {
            ngx_http_gateway_limit_admin_forget(&query->item);
        }

        ngx_http_gateway_limit_redis_result(&query->item, reply->integer);

        query->item.result.used = (reply->integer[4] > 0) ? reply->integer[4]
                                                          : 0;

        rc = ngx_http_gateway_limit_admin_state(r, query);
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


/* answers */

static ngx_int_t
ngx_http_gateway_limit_admin_state(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    json_t                         *json, *key;
    ngx_http_gateway_limit_item_t  *item;
    ngx_http_gateway_limit_zone_t  *zone;

    item = &query->item;
    zone = item->zone;

    json = json_pack("{s:s%, s:s, s:s, s:I, s:I, s:I}",
                     "zone", zone->name.data, zone->name.len,
                     "store", zone->redis ? "redis" : "shm",
                     "algorithm",
                     ngx_http_gateway_limit_algorithm_names[zone->algorithm],
                     "limit", (json_int_t) item->figures.capacity,
                     "used", (json_int_t) item->result.used,
                     "remaining", (json_int_t) item->result.remaining);

    if (json == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* of a key that is no UTF-8 nothing is shown */

    key = json_stringn((char *) query->key.data, query->key.len);

    if (key) {
        (void) json_object_set_new(json, "key", key);
    }

    if (zone->algorithm != GW_LIMIT_CONCURRENCY) {
        (void) json_object_set_new(json, "reset",
                  json_integer(ngx_http_gateway_limit_sec(item->result.reset)));
    }

    if (zone->figure->value || zone->burst.value) {

        /* those of the key's requests come from variables of theirs */

        (void) json_object_set_new(json, "figures", json_string("default"));
    }

    if (zone->sh->unsettled) {
        (void) json_object_set_new(json, "unsettled",
                                   json_integer(zone->sh->unsettled));
    }

    return ngx_http_gateway_limit_admin_send(r, NGX_HTTP_OK, json);
}


static ngx_int_t
ngx_http_gateway_limit_admin_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *detail)
{
    json_t  *json;

    json = json_pack("{s:s, s:i, s:s}", "type", "about:blank",
                     "status", (int) status, "detail", detail);

    return json ? ngx_http_gateway_limit_admin_send(r, status, json)
                : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* "json" is given away */

static ngx_int_t
ngx_http_gateway_limit_admin_send(ngx_http_request_t *r, ngx_uint_t status,
    json_t *json)
{
    size_t        len;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    len = json_dumpb(json, NULL, 0, JSON_COMPACT);
    b = len ? ngx_create_temp_buf(r->pool, len + 1) : NULL;

    if (b) {
        b->last += json_dumpb(json, (char *) b->last, len, JSON_COMPACT);
        *b->last++ = '\n';
        b->last_buf = 1;
        b->last_in_chain = 1;
    }

    json_decref(json);

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = len + 1;
    ngx_str_set(&r->headers_out.content_type, "application/json");

    if (status != NGX_HTTP_OK) {
        ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
