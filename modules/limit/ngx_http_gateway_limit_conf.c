/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_limit_zone: parameters and their checks.
 */

#include "ngx_http_gateway_limit.h"


#define NGX_HTTP_GATEWAY_LIMIT_ZONEINFO  "/usr/share/zoneinfo/"
#define NGX_HTTP_GATEWAY_LIMIT_TZIF      (1024 * 1024)
#define NGX_HTTP_GATEWAY_LIMIT_UNSET     ((ngx_uint_t) -1)


static char *ngx_http_gateway_limit_key(ngx_conf_t *cf,
    ngx_http_gateway_limit_zone_t *zone, ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_limit_anonymous_key(const ngx_str_t *name);
static ngx_int_t ngx_http_gateway_limit_lone(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *name);
static char *ngx_http_gateway_limit_zone_check(ngx_conf_t *cf,
    ngx_http_gateway_limit_zone_t *zone);
static const char *ngx_http_gateway_limit_algorithm(
    ngx_http_gateway_limit_zone_t *zone);
static char *ngx_http_gateway_limit_timezone(ngx_conf_t *cf,
    ngx_http_gateway_limit_zone_t *zone);
static char *ngx_http_gateway_limit_param_prefix(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static char *ngx_http_gateway_limit_param_error(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);


static ngx_conf_enum_t  ngx_http_gateway_limit_algorithms[] = {
    { ngx_string("gcra"), GW_LIMIT_GCRA },
    { ngx_string("sliding_window"), GW_LIMIT_SLIDING },
    { ngx_string("fixed_window"), GW_LIMIT_FIXED },
    { ngx_null_string, 0 }
};

static ngx_conf_enum_t  ngx_http_gateway_limit_stages[] = {
    { ngx_string("early"), NGX_HTTP_GATEWAY_LIMIT_EARLY },
    { ngx_string("late"), NGX_HTTP_GATEWAY_LIMIT_LATE },
    { ngx_null_string, 0 }
};


#define ngx_http_gateway_limit_zone_offset(field)                             \
    offsetof(ngx_http_gateway_limit_zone_t, field)

static const ngx_http_gateway_param_t  ngx_http_gateway_limit_zone_params[] = {

    { ngx_string("zone="), ngx_http_gateway_param_zone,
      ngx_http_gateway_limit_zone_offset(zone), 64 * 1024 },

    { ngx_string("rate="), ngx_http_gateway_limit_param_figure,
      ngx_http_gateway_limit_zone_offset(rate), GW_FIGURE_RATE },

    { ngx_string("quota="), ngx_http_gateway_limit_param_figure,
      ngx_http_gateway_limit_zone_offset(quota), GW_FIGURE_QUOTA },

    { ngx_string("concurrency="), ngx_http_gateway_limit_param_figure,
      ngx_http_gateway_limit_zone_offset(concurrency), GW_FIGURE_NUMBER },

    { ngx_string("burst="), ngx_http_gateway_limit_param_figure,
      ngx_http_gateway_limit_zone_offset(burst), GW_FIGURE_NUMBER },

    { ngx_string("algorithm="), ngx_http_gateway_param_enum,
      ngx_http_gateway_limit_zone_offset(algorithm),
      (uintptr_t) ngx_http_gateway_limit_algorithms },

    { ngx_string("timezone="), ngx_http_gateway_param_str,
      ngx_http_gateway_limit_zone_offset(timezone), 0 },

    { ngx_string("ipv6_prefix="), ngx_http_gateway_limit_param_prefix,
      ngx_http_gateway_limit_zone_offset(ipv6_prefix), 0 },

    { ngx_string("redis="), ngx_http_gateway_param_str,
      ngx_http_gateway_limit_zone_offset(redis_name), 0 },

    { ngx_string("on_error="), ngx_http_gateway_limit_param_error,
      ngx_http_gateway_limit_zone_offset(on_error), 0 },

    { ngx_string("stage="), ngx_http_gateway_param_enum,
      ngx_http_gateway_limit_zone_offset(stage),
      (uintptr_t) ngx_http_gateway_limit_stages },

    { ngx_string("dry_run"), ngx_http_gateway_param_word,
      ngx_http_gateway_limit_zone_offset(dry_run), 1 },

    ngx_http_gateway_null_param
};


char *
ngx_http_gateway_limit_zone_parse(ngx_conf_t *cf,
    ngx_http_gateway_limit_zone_t *zone)
{
    ngx_str_t  *value;

    zone->algorithm = NGX_HTTP_GATEWAY_LIMIT_UNSET;
    zone->on_error = NGX_HTTP_GATEWAY_LIMIT_UNSET;
    zone->share = 1000;
    zone->stage = NGX_HTTP_GATEWAY_LIMIT_LATE;

    ngx_http_gateway_place(cf, &zone->where);

    value = cf->args->elts;

    if (ngx_http_gateway_params(cf, ngx_http_gateway_limit_zone_params, zone,
                                2)
        != NGX_CONF_OK
        || ngx_http_gateway_limit_key(cf, zone, &value[1]) != NGX_CONF_OK
        || ngx_http_gateway_limit_zone_check(cf, zone) != NGX_CONF_OK
        || ngx_http_gateway_limit_timezone(cf, zone) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    zone->name = zone->zone.name;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_limit_key(ngx_conf_t *cf, ngx_http_gateway_limit_zone_t *zone,
    ngx_str_t *value)
{
    ngx_http_complex_value_t  *cv;

    cv = ngx_http_gateway_complex_value(cf, value);
    if (cv == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->key = cv;
    zone->key_text = *value;
    zone->key_index = -1;

    if (cv->lengths == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the key \"%V\" is the same for all requests, it "
                           "must contain a variable such as $gateway_client",
                           value);
        return NGX_CONF_ERROR;
    }

    /* a key that is one variable is read without evaluating a value */

    if (ngx_http_gateway_limit_lone(cf->pool, value, &zone->key_name)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (zone->key_name.len) {
        zone->key_index = ngx_http_get_variable_index(cf, &zone->key_name);
        zone->identity = ngx_http_gateway_limit_anonymous_key(&zone->key_name);
    }

    return (zone->key_index == NGX_ERROR && zone->key_name.len)
           ? NGX_CONF_ERROR : NGX_CONF_OK;
}


/* whether the variable is empty for anonymous requests */

static ngx_uint_t
ngx_http_gateway_limit_anonymous_key(const ngx_str_t *name)
{
    static const ngx_str_t  consumer = ngx_string("gateway_consumer");
    static const ngx_str_t  credential = ngx_string("gateway_credential");
    static const ngx_str_t  claim = ngx_string("gateway_jwt_claim_");

    return ngx_http_gateway_same(name, &consumer)
           || ngx_http_gateway_same(name, &credential)
           || (name->len > claim.len
               && ngx_strncmp(name->data, claim.data, claim.len) == 0);
}


/* the name in "$name" or "${name}", in lower case as nginx has it; else "" */

static ngx_int_t
ngx_http_gateway_limit_lone(ngx_pool_t *pool, ngx_str_t *text, ngx_str_t *name)
{
    u_char  *p, c;
    size_t   i, first, len;

    ngx_str_null(name);

    first = (text->len > 2 && text->data[1] == '{') ? 2 : 1;
    len = text->len - ((first == 2 && text->data[text->len - 1] == '}')
                       ? 1 : 0);

    if (len <= first || text->data[0] != '$'
        || (text->data[first] >= '1' && text->data[first] <= '9'))
    {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, len - first);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = first; i < len; i++) {
        c = ngx_tolower(text->data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return NGX_OK;
        }

        p[i - first] = c;
    }

    name->data = p;
    name->len = len - first;

    return NGX_OK;
}


static char *
ngx_http_gateway_limit_zone_check(ngx_conf_t *cf,
    ngx_http_gateway_limit_zone_t *zone)
{
    gw_limit_t   limit;
    const char  *err;

    if (zone->zone.size == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"gateway_limit_zone\" must have "
                           "\"zone=name:size\"");
        return NGX_CONF_ERROR;
    }

    err = ngx_http_gateway_zone_name(&zone->zone.name)
          ? ngx_http_gateway_limit_algorithm(zone)
          : "the name must be letters, digits, \"_\", \"-\" and \".\"";

    if (err == NULL) {
        err = gw_limit_set(&limit, zone->algorithm, &zone->figure->figure,
                           zone->burst.figure.amount);
    }

    if (err == NULL && zone->stage == NGX_HTTP_GATEWAY_LIMIT_EARLY
        && (ngx_http_gateway_limit_identity(&zone->key_text)
            || ngx_http_gateway_limit_identity(&zone->figure->text)
            || ngx_http_gateway_limit_identity(&zone->burst.text)))
    {
        err = "\"stage=early\" is decided before authentication, no "
              "$gateway_... variable is set then";
    }

    if (err) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" of \"gateway_limit_zone\": %s",
                           &zone->zone.name, err);
        return NGX_CONF_ERROR;
    }

    if (zone->on_error == NGX_HTTP_GATEWAY_LIMIT_UNSET) {
        zone->on_error = NGX_HTTP_GATEWAY_LIMIT_LOCAL;
    }

    return NGX_CONF_OK;
}


/* sets zone->figure and zone->algorithm; NULL, or what is wrong */

static const char *
ngx_http_gateway_limit_algorithm(ngx_http_gateway_limit_zone_t *zone)
{
    ngx_uint_t  n;

    static const ngx_str_t  text = ngx_string("remote_addr");

    n = (zone->rate.text.len > 0) + (zone->quota.text.len > 0)
        + (zone->concurrency.text.len > 0);

    if (n != 1) {
        return "must have one of \"rate=\", \"quota=\" and \"concurrency=\"";
    }

    zone->figure = zone->rate.text.len ? &zone->rate
                   : zone->quota.text.len ? &zone->quota : &zone->concurrency;

    if (zone->rate.text.len == 0
        && zone->algorithm != NGX_HTTP_GATEWAY_LIMIT_UNSET
        && !(zone->quota.text.len && zone->algorithm == GW_LIMIT_FIXED))
    {
        return "\"algorithm=\" requires \"rate=\", a quota is counted in "
               "calendar windows";
    }

    if (zone->algorithm == NGX_HTTP_GATEWAY_LIMIT_UNSET) {
        zone->algorithm = zone->rate.text.len ? GW_LIMIT_GCRA
                          : zone->quota.text.len ? GW_LIMIT_FIXED
                          : GW_LIMIT_CONCURRENCY;
    }

    if (zone->burst.text.len && zone->algorithm != GW_LIMIT_GCRA) {
        return "\"burst=\" requires \"rate=\" with \"algorithm=gcra\"";
    }

    if (zone->timezone.len && zone->quota.text.len == 0) {
        return "\"timezone=\" requires \"quota=\"";
    }

    /* the variable of a map is allowed: its value may be the address */

    if (zone->ipv6_prefix
        && (zone->key_name.len == 0
            || ngx_http_gateway_limit_identity(&zone->key_text)
            || ngx_http_gateway_same(&zone->key_name, &text)))
    {
        return "\"ipv6_prefix=\" requires the key $binary_remote_addr";
    }

    if (zone->redis_name.len == 0
        && zone->on_error != NGX_HTTP_GATEWAY_LIMIT_UNSET)
    {
        return "\"on_error=\" requires \"redis=\"";
    }

    if (zone->redis_name.len && zone->algorithm == GW_LIMIT_CONCURRENCY) {
        return "\"concurrency=\" is counted on each node and conflicts with "
               "\"redis=\"";
    }

    return NULL;
}


/* reads the TZif file of the system */

static char *
ngx_http_gateway_limit_timezone(ngx_conf_t *cf,
    ngx_http_gateway_limit_zone_t *zone)
{
    char                       err[NGX_HTTP_GATEWAY_WATCH_ERR];
    u_char                    *p;
    ngx_str_t                  content, *name;
    const char                *wrong;
    ngx_file_info_t            fi;
    ngx_http_gateway_watch_t   file;

    gw_tz_utc(&zone->tz);

    name = &zone->timezone;

    if (name->len == 0
        || (name->len == 3 && ngx_strncmp(name->data, "UTC", 3) == 0))
    {
        return NGX_CONF_OK;
    }

    ngx_memzero(&file, sizeof(ngx_http_gateway_watch_t));

    file.max_size = NGX_HTTP_GATEWAY_LIMIT_TZIF;
    file.path.len = sizeof(NGX_HTTP_GATEWAY_LIMIT_ZONEINFO) - 1 + name->len;
    file.path.data = ngx_pnalloc(cf->pool, file.path.len + 1);
    if (file.path.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(file.path.data, NGX_HTTP_GATEWAY_LIMIT_ZONEINFO,
                   sizeof(NGX_HTTP_GATEWAY_LIMIT_ZONEINFO) - 1);
    p = ngx_cpymem(p, name->data, name->len);
    *p = '\0';

    if (!gw_tz_name((char *) name->data, name->len)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown time zone \"%V\", it must be a name such "
                           "as Europe/Berlin", name);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_watch_read(&file, cf->pool, &content, &fi, err)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown time zone \"%V\", "
                           "\"%V\": %s (is tzdata installed?)", name,
                           &file.path, err);
        return NGX_CONF_ERROR;
    }

    wrong = gw_tz_parse(&zone->tz, content.data, content.len);

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "time zone \"%V\": %s in "
                           "\"%V\"", name, wrong, &file.path);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_http_gateway_limit_zone_t *
ngx_http_gateway_limit_find(ngx_http_gateway_limit_main_conf_t *lmcf,
    ngx_str_t *name)
{
    ngx_uint_t                       i;
    ngx_http_gateway_limit_zone_t  **zone;

    zone = lmcf->zones.elts;

    for (i = 0; i < lmcf->zones.nelts; i++) {
        if (ngx_http_gateway_same(&zone[i]->name, name)) {
            return zone[i];
        }
    }

    return NULL;
}


static char *
ngx_http_gateway_limit_param_prefix(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_int_t  bits;

    bits = ngx_atoi(value->data, value->len);

    if (bits == NGX_ERROR || bits < 1 || bits > 128) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it must "
                           "be a number of bits from 1 to 128", value,
                           &param->name);
        return NGX_CONF_ERROR;
    }

    *(ngx_uint_t *) field = bits;

    return NGX_CONF_OK;
}


/* "local", "local=0.25", "open" or "closed" */

static char *
ngx_http_gateway_limit_param_error(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_int_t                       share;
    ngx_http_gateway_limit_zone_t  *zone;

    zone = (ngx_http_gateway_limit_zone_t *)
           ((u_char *) field
            - offsetof(ngx_http_gateway_limit_zone_t, on_error));

    if (value->len == 4 && ngx_strncmp(value->data, "open", 4) == 0) {
        zone->on_error = NGX_HTTP_GATEWAY_LIMIT_OPEN;
        return NGX_CONF_OK;
    }

    if (value->len == 6 && ngx_strncmp(value->data, "closed", 6) == 0) {
        zone->on_error = NGX_HTTP_GATEWAY_LIMIT_CLOSED;
        return NGX_CONF_OK;
    }

    if (value->len >= 5 && ngx_strncmp(value->data, "local", 5) == 0) {

        zone->on_error = NGX_HTTP_GATEWAY_LIMIT_LOCAL;

        if (value->len == 5) {
            return NGX_CONF_OK;
        }

        share = (value->data[5] == '=')
                ? ngx_atofp(value->data + 6, value->len - 6, 3) : NGX_ERROR;

        if (share != NGX_ERROR && share >= 1 && share <= 1000) {
            zone->share = share;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in parameter \"%V\", it must be "
                       "\"local\", \"local=\" with a share from 0.001 to 1, "
                       "\"open\" or \"closed\"", value, &param->name);

    return NGX_CONF_ERROR;
}


/* a few keys at their limit would have all requests of others refused */

void
ngx_http_gateway_limit_zone_warn(ngx_conf_t *cf,
    ngx_http_gateway_limit_zone_t *zone)
{
    uint64_t  slots, amount;

    if (zone->algorithm != GW_LIMIT_CONCURRENCY) {
        return;
    }

    slots = ngx_http_gateway_limit_slots(zone);
    amount = zone->figure->figure.amount;

    if (slots / 4 < amount) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "zone \"%V\" of \"gateway_limit_zone\" has memory "
                           "for %uL concurrent requests, fewer than four "
                           "times the limit of %uL, increase its size",
                           &zone->name, slots, amount);
    }
}


/*
 * The name depends on what the layout of the states depends on: the algorithm
 * and whether the zone is in Redis.  A reload that changes these gets new
 * memory, while old workers continue to use theirs.
 */

char *
ngx_http_gateway_limit_zone_memory(ngx_conf_t *cf,
    ngx_http_gateway_limit_zone_t *zone)
{
    u_char          *p;
    ngx_str_t        name;
    ngx_shm_zone_t  *shm_zone;

    static const char  *kinds[] = {
        [GW_LIMIT_GCRA] = "",
        [GW_LIMIT_SLIDING] = ":sliding_window",
        [GW_LIMIT_FIXED] = ":fixed_window",
        [GW_LIMIT_CONCURRENCY] = ":concurrency"
    };

    _Static_assert(sizeof(kinds) / sizeof(kinds[0]) == GW_LIMIT_ALGORITHMS,
                   "each algorithm needs a name");

    name.data = ngx_pnalloc(cf->pool, sizeof("gateway_limit:") + zone->name.len
                                      + sizeof(":sliding_window:redis"));
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_sprintf(name.data, "gateway_limit:%V%s%s", &zone->name,
                    kinds[zone->algorithm],
                    zone->redis_name.len ? ":redis" : "");
    name.len = p - name.data;

    shm_zone = ngx_shared_memory_add(cf, &name, zone->zone.size,
                                     &ngx_http_gateway_limit_module);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone->init = ngx_http_gateway_limit_zone_init;
    shm_zone->data = zone;

    return NGX_CONF_OK;
}
