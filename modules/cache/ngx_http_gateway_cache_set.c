
/*
 * Setters of the cache's directives, in the order of its commands.
 *
 * Each remembers where a block writes its first setting: one that no block with
 * the cache on inherits has no effect, which only the merged blocks show.
 */

#include "ngx_http_gateway_cache.h"


#define NGX_HTTP_GATEWAY_CACHE_WORDS  13    /* of gateway_cache_stale */


/* the parameters of a directive, as they are parsed */

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


static void ngx_http_gateway_cache_note(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf);
static void *ngx_http_gateway_cache_new(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf, size_t size);
static ngx_int_t ngx_http_gateway_cache_off(ngx_conf_t *cf);
static char *ngx_http_gateway_cache_part(ngx_conf_t *cf, ngx_array_t *parts,
    ngx_str_t *value);
static char *ngx_http_gateway_cache_unknown(ngx_conf_t *cf, ngx_str_t *value,
    const char *allowed);
static char *ngx_http_gateway_cache_args(ngx_conf_t *cf,
    ngx_http_gateway_cache_part_t *part, ngx_str_t *value);
static char *ngx_http_gateway_cache_ttl_times(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl, ngx_array_t *others);
static char *ngx_http_gateway_cache_ttl_item(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl, ngx_str_t *value);
static char *ngx_http_gateway_cache_ttl_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl, ngx_uint_t status, ngx_str_t *value,
    ngx_str_t *time);
static char *ngx_http_gateway_cache_ttl_params(ngx_conf_t *cf,
    ngx_http_gateway_cache_ttl_t *ttl);
static char *ngx_http_gateway_cache_fields(ngx_conf_t *cf, ngx_array_t *names,
    ngx_uint_t first);
static char *ngx_http_gateway_cache_field(ngx_conf_t *cf, ngx_array_t *names,
    ngx_str_t *name);
static char *ngx_http_gateway_cache_param_fields(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static char *ngx_http_gateway_cache_guard_names(ngx_conf_t *cf,
    ngx_http_gateway_cache_guard_t *guard);
static ngx_int_t ngx_http_gateway_cache_guard_mode(ngx_str_t *value,
    ngx_uint_t *mode);


static void
ngx_http_gateway_cache_note(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf)
{
    ngx_str_t  *value;

    if (clcf->setting != NULL) {
        return;
    }

    value = cf->args->elts;

    clcf->setting = (char *) value[0].data;
    ngx_http_gateway_place(cf, &clcf->setting_where);
}


/* what a directive says, all zero; NULL: no memory */

static void *
ngx_http_gateway_cache_new(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf, size_t size)
{
    ngx_http_gateway_cache_note(cf, clcf);

    return ngx_pcalloc(cf->pool, size);
}


/* NGX_OK: "off"; NGX_DECLINED: not; NGX_ERROR: beside others */

static ngx_int_t
ngx_http_gateway_cache_off(ngx_conf_t *cf)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "off") != 0) {
            continue;
        }

        if (cf->args->nelts == 2) {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"off\" takes no other parameters in \"%V\"",
                           &value[0]);
        return NGX_ERROR;
    }

    return NGX_DECLINED;
}


/* gateway_cache name | off */

char *
ngx_http_gateway_cache_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_str_t  *value;

    if (clcf->name.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "empty value in \"gateway_cache\", it must be the "
                           "name of a zone or \"off\"");
        return NGX_CONF_ERROR;
    }

    clcf->name = value[1];
    ngx_http_gateway_place(cf, &clcf->name_where);

    return NGX_CONF_OK;
}


/* gateway_cache_key part ... */

char *
ngx_http_gateway_cache_set_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_str_t    *value;
    ngx_uint_t    i;
    ngx_array_t  *parts;

    if (clcf->written.key) {
        return "is duplicate";
    }

    ngx_http_gateway_cache_note(cf, clcf);

    parts = ngx_array_create(cf->pool, cf->args->nelts - 1,
                             sizeof(ngx_http_gateway_cache_part_t));
    if (parts == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_gateway_cache_part(cf, parts, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    clcf->written.key = parts;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_cache_part(ngx_conf_t *cf, ngx_array_t *parts,
    ngx_str_t *value)
{
    ngx_uint_t                      i;
    ngx_http_gateway_cache_part_t  *part, *all;

    static const struct {
        ngx_str_t                       name;
        ngx_http_gateway_cache_part_e   kind;
        gw_cache_args_e                 args;
    } words[] = {
        { ngx_string("scheme"), NGX_HTTP_GATEWAY_CACHE_SCHEME, 0 },
        { ngx_string("host"), NGX_HTTP_GATEWAY_CACHE_HOST, 0 },
        { ngx_string("path"), NGX_HTTP_GATEWAY_CACHE_PATH, 0 },
        { ngx_string("args"), NGX_HTTP_GATEWAY_CACHE_ARGS,
          GW_CACHE_ARGS_ALL },
        { ngx_string("args=only:"), NGX_HTTP_GATEWAY_CACHE_ARGS,
          GW_CACHE_ARGS_ONLY },
        { ngx_string("args=without:"), NGX_HTTP_GATEWAY_CACHE_ARGS,
          GW_CACHE_ARGS_WITHOUT }
    };

    part = ngx_array_push(parts);
    if (part == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(part, sizeof(ngx_http_gateway_cache_part_t));

    if (ngx_strlchr(value->data, value->data + value->len, '$')) {
        part->kind = NGX_HTTP_GATEWAY_CACHE_VARIABLE;
        part->value = ngx_http_gateway_complex_value(cf, value);

        return part->value ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    for (i = sizeof(words) / sizeof(words[0]); i-- > 0; /* void */ ) {
        if (value->len >= words[i].name.len
            && (value->len == words[i].name.len || words[i].args)
            && ngx_memcmp(value->data, words[i].name.data, words[i].name.len)
               == 0)
        {
            break;
        }
    }

    if (i == (ngx_uint_t) -1) {
        return ngx_http_gateway_cache_unknown(cf, value,
                                 "\"scheme\", \"host\", \"path\", \"args\", "
                                 "\"args=only:\", \"args=without:\" and "
                                 "variables");
    }

    part->kind = words[i].kind;
    part->args.kind = words[i].args;

    for (all = parts->elts; all < part; all++) {
        if (all->kind == part->kind) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\" in "
                               "\"gateway_cache_key\"", value);
            return NGX_CONF_ERROR;
        }
    }

    return words[i].args ? ngx_http_gateway_cache_args(cf, part, value)
                         : NGX_CONF_OK;
}


static char *
ngx_http_gateway_cache_unknown(ngx_conf_t *cf, ngx_str_t *value,
    const char *allowed)
{
    ngx_str_t  *name;

    name = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"%V\", allowed are %s",
                       value, name, allowed);

    return NGX_CONF_ERROR;
}


/* args=only:a,b and args=without:a,b */

static char *
ngx_http_gateway_cache_args(ngx_conf_t *cf,
    ngx_http_gateway_cache_part_t *part, ngx_str_t *value)
{
    u_char       *p, *last;
    gw_text_t     name, *slot;
    ngx_array_t   names;

    if (ngx_array_init(&names, cf->pool, 4, sizeof(gw_text_t)) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    last = value->data + value->len;
    p = ngx_strlchr(value->data, last, ':');

    do {
        name.data = p + 1;

        p = ngx_strlchr(p + 1, last, ',');
        name.len = (p ? p : last) - name.data;

        if (!gw_cache_args_name(&name)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%*s\" in \"%V\", it must "
                               "consist of letters, digits, \"-\", \"_\", "
                               "\".\", \"~\" and \"*\"", name.len, name.data,
                               value);
            return NGX_CONF_ERROR;
        }

        slot = ngx_array_push(&names);
        if (slot == NULL) {
            return NGX_CONF_ERROR;
        }

        *slot = name;

    } while (p);

    part->args.names = names.elts;
    part->args.n = names.nelts;

    return NGX_CONF_OK;
}


/* gateway_cache_partition none | consumer | $variable */

char *
ngx_http_gateway_cache_set_partition(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_str_t                           *value;
    ngx_http_gateway_cache_partition_t  *partition;

    if (clcf->written.partition) {
        return "is duplicate";
    }

    partition = ngx_http_gateway_cache_new(cf, clcf,
                                   sizeof(ngx_http_gateway_cache_partition_t));
    if (partition == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_place(cf, &partition->where);

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "consumer") == 0) {
        partition->kind = NGX_HTTP_GATEWAY_CACHE_CONSUMER;

    } else if (ngx_strlchr(value[1].data, value[1].data + value[1].len, '$')) {
        partition->kind = NGX_HTTP_GATEWAY_CACHE_VALUE;
        partition->value = ngx_http_gateway_complex_value(cf, &value[1]);

        if (partition->value == NULL) {
            return NGX_CONF_ERROR;
        }

    } else if (ngx_strcmp(value[1].data, "none") != 0) {
        return ngx_http_gateway_cache_unknown(cf, &value[1],
                                   "\"none\", \"consumer\" and variables");
    }

    clcf->written.partition = partition;

    return NGX_CONF_OK;
}


/* gateway_cache_ttl time | status=time ... [min=] [max=] [override] */

char *
ngx_http_gateway_cache_set_ttl(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    char                          *rv;
    ngx_array_t                   *args, others;
    ngx_http_gateway_cache_ttl_t  *ttl;

    if (clcf->written.ttl) {
        return "is duplicate";
    }

    ttl = ngx_http_gateway_cache_new(cf, clcf,
                                     sizeof(ngx_http_gateway_cache_ttl_t));
    if (ttl == NULL
        || ngx_array_init(&ttl->times, cf->pool, 4, sizeof(gw_cache_ttl_t))
           != NGX_OK
        || ngx_array_init(&others, cf->pool, 4, sizeof(ngx_str_t)) != NGX_OK
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


/* what begins with a digit is a time; "others" receives the rest */

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


/* behind the statuses, since the first time that fits counts: any= */

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

    if (ttl->min > ttl->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"min=\" must not be above \"max=\", which is %T "
                           "seconds, in \"gateway_cache_ttl\"", ttl->max);
        return NGX_CONF_ERROR;
    }

    if (ttl->override != GW_CACHE_ORIGIN && ttl->times.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"override\" must have a time that replaces the "
                           "origin's in \"gateway_cache_ttl\"");
        return NGX_CONF_ERROR;
    }

    if (ttl->override == GW_CACHE_OVERRIDE_ALL) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"override=all\" in \"gateway_cache_ttl\" also "
                           "stores responses with \"no-store\", \"private\" "
                           "or \"no-cache\"");
    }

    return NGX_CONF_OK;
}


/* gateway_cache_targeted field ... | off */

char *
ngx_http_gateway_cache_set_targeted(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_int_t     rc;
    ngx_array_t  *names;

    if (clcf->written.targeted) {
        return "is duplicate";
    }

    names = ngx_http_gateway_cache_new(cf, clcf, sizeof(ngx_array_t));
    rc = ngx_http_gateway_cache_off(cf);

    if (names == NULL || rc == NGX_ERROR
        || (rc == NGX_DECLINED
            && ngx_http_gateway_cache_fields(cf, names, 1)
               != NGX_CONF_OK))
    {
        return NGX_CONF_ERROR;
    }

    clcf->written.targeted = names;

    return NGX_CONF_OK;
}


/* names of header fields, from argument "first" on, each once */

static char *
ngx_http_gateway_cache_fields(ngx_conf_t *cf, ngx_array_t *names,
    ngx_uint_t first)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (ngx_array_init(names, cf->pool, 4, sizeof(gw_text_t)) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {

        if (ngx_http_gateway_cache_field(cf, names, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_cache_field(ngx_conf_t *cf, ngx_array_t *names,
    ngx_str_t *name)
{
    gw_text_t   *known, text;
    ngx_str_t   *directive;
    ngx_uint_t   i;

    directive = cf->args->elts;
    text = ngx_http_gateway_cache_text(name);

    if (!gw_cache_token(&text)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid header name \"%V\" in \"%V\", it must "
                           "consist of letters, digits and -", name,
                           directive);
        return NGX_CONF_ERROR;
    }

    known = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (gw_cache_same(&known[i], &text)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\" in \"%V\"", name,
                               directive);
            return NGX_CONF_ERROR;
        }
    }

    known = ngx_array_push(names);
    if (known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = text;

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

    ngx_int_t                            rc;
    ngx_uint_t                           i;
    ngx_http_gateway_cache_stale_t      *stale;
    ngx_http_gateway_cache_stale_args_t  args;

    if (clcf->written.stale) {
        return "is duplicate";
    }

    stale = ngx_http_gateway_cache_new(cf, clcf,
                                       sizeof(ngx_http_gateway_cache_stale_t));
    rc = ngx_http_gateway_cache_off(cf);

    if (stale == NULL || rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    clcf->written.stale = stale;

    if (rc == NGX_OK) {
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
        return "must say when a stale response may be sent, beside \"for=\"";
    }

    return NGX_CONF_OK;
}


/* gateway_cache_lock on | off [timeout=time] */

char *
ngx_http_gateway_cache_set_lock(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_int_t                       rc;
    ngx_str_t                      *value;
    ngx_http_gateway_cache_lock_t  *lock;

    static const ngx_http_gateway_param_t  params[] = {
        { ngx_string("timeout="), ngx_http_gateway_param_msec,
          offsetof(ngx_http_gateway_cache_lock_t, timeout), 0 },
        ngx_http_gateway_null_param
    };

    if (clcf->written.lock) {
        return "is duplicate";
    }

    lock = ngx_http_gateway_cache_new(cf, clcf,
                                      sizeof(ngx_http_gateway_cache_lock_t));
    rc = ngx_http_gateway_cache_off(cf);

    if (lock == NULL || rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    clcf->written.lock = lock;

    if (rc == NGX_OK) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "on") != 0) {
        return ngx_http_gateway_cache_unknown(cf, &value[1],
                                              "\"on\", \"off\" and, with "
                                              "\"on\", \"timeout=\"");
    }

    lock->on = 1;
    lock->timeout = NGX_HTTP_GATEWAY_CACHE_LOCK_TIMEOUT;

    return ngx_http_gateway_params(cf, params, lock, 2);
}


/* gateway_cache_vary [normalize=field,...] */

char *
ngx_http_gateway_cache_set_vary(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_array_t  *names;

    static const ngx_http_gateway_param_t  params[] = {
        { ngx_string("normalize="), ngx_http_gateway_cache_param_fields,
          0, 0 },
        ngx_http_gateway_null_param
    };

    if (clcf->written.normalize) {
        return "is duplicate";
    }

    names = ngx_http_gateway_cache_new(cf, clcf, sizeof(ngx_array_t));
    if (names == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->written.normalize = names;

    return ngx_http_gateway_params(cf, params, names, 1);
}


/* names of header fields, in lower case */

static char *
ngx_http_gateway_cache_param_fields(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_array_t *names = field;

    u_char     *p, *last;
    ngx_str_t   name;

    if (ngx_array_init(names, cf->pool, 4, sizeof(gw_text_t)) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(value->data, value->data, value->len);

    last = value->data + value->len;
    p = value->data;

    for ( ;; ) {
        name.data = p;

        p = ngx_strlchr(p, last, ',');
        name.len = (p ? p : last) - name.data;

        if (ngx_http_gateway_cache_field(cf, names, &name) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

        if (p == NULL) {
            return NGX_CONF_OK;
        }

        p++;
    }
}


/* gateway_cache_heuristic off | percent [max=time] */

char *
ngx_http_gateway_cache_set_heuristic(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_int_t                            rc, percent;
    ngx_str_t                           *value;
    ngx_http_gateway_cache_heuristic_t  *heuristic;

    static const ngx_http_gateway_param_t  params[] = {
        { ngx_string("max="), ngx_http_gateway_param_sec,
          offsetof(ngx_http_gateway_cache_heuristic_t, max), 0 },
        ngx_http_gateway_null_param
    };

    if (clcf->written.heuristic) {
        return "is duplicate";
    }

    heuristic = ngx_http_gateway_cache_new(cf, clcf,
                                   sizeof(ngx_http_gateway_cache_heuristic_t));
    rc = ngx_http_gateway_cache_off(cf);

    if (heuristic == NULL || rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    clcf->written.heuristic = heuristic;

    if (rc == NGX_OK) {
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


/* gateway_cache_guard key | bypass | strip [field ...] | off */

char *
ngx_http_gateway_cache_set_guard(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_int_t                        rc;
    ngx_str_t                       *value;
    ngx_http_gateway_cache_guard_t  *guard;

    if (clcf->written.guard) {
        return "is duplicate";
    }

    guard = ngx_http_gateway_cache_new(cf, clcf,
                                       sizeof(ngx_http_gateway_cache_guard_t));
    rc = ngx_http_gateway_cache_off(cf);

    if (guard == NULL || rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    *guard = ngx_http_gateway_cache_guard_default;
    clcf->written.guard = guard;

    if (rc == NGX_OK) {
        guard->mode = NGX_HTTP_GATEWAY_CACHE_GUARD_OFF;
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (ngx_http_gateway_cache_guard_mode(&value[1], &guard->mode) != NGX_OK) {
        return ngx_http_gateway_cache_unknown(cf, &value[1],
                              "\"key\", \"bypass\", \"strip\" and \"off\"");
    }

    return (cf->args->nelts == 2)
           ? NGX_CONF_OK : ngx_http_gateway_cache_guard_names(cf, guard);
}


/* a list in place of the built-in one */

static char *
ngx_http_gateway_cache_guard_names(ngx_conf_t *cf,
    ngx_http_gateway_cache_guard_t *guard)
{
    ngx_str_t    *value, *name;
    ngx_uint_t    i;
    ngx_array_t   fields;

    if (ngx_http_gateway_cache_fields(cf, &fields, 2) != NGX_CONF_OK
        || ngx_array_init(&guard->names, cf->pool, fields.nelts,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    guard->lengths = 0;

    for (i = 2; i < cf->args->nelts; i++) {

        name = ngx_array_push(&guard->names);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];

        ngx_http_gateway_header_normalize(name->data, name);

        guard->lengths |= (uint64_t) 1 << (name->len & 63);
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_cache_guard_mode(ngx_str_t *value, ngx_uint_t *mode)
{
    ngx_uint_t  i;

    static const char  *words[] = { "key", "bypass", "strip" };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (ngx_strcmp(value->data, words[i]) == 0) {
            *mode = NGX_HTTP_GATEWAY_CACHE_GUARD_KEY + i;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* gateway_cache_tags field ... [strip] | off */

char *
ngx_http_gateway_cache_set_tags(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_int_t                       rc;
    ngx_str_t                      *value;
    ngx_http_gateway_cache_tags_t  *tags;

    if (clcf->written.tags) {
        return "is duplicate";
    }

    tags = ngx_http_gateway_cache_new(cf, clcf,
                                      sizeof(ngx_http_gateway_cache_tags_t));
    rc = ngx_http_gateway_cache_off(cf);

    if (tags == NULL || rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    clcf->written.tags = tags;

    if (rc == NGX_OK) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    tags->strip = (ngx_strcmp(value[cf->args->nelts - 1].data, "strip") == 0);

    if (tags->strip) {
        cf->args->nelts--;
    }

    if (cf->args->nelts == 1) {
        return "must have the name of a header field";
    }

    return ngx_http_gateway_cache_fields(cf, &tags->names, 1);
}


/* setters of core and nginx */

char *
ngx_http_gateway_cache_set_enum(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_note(cf, conf);

    return ngx_http_gateway_set_enum_slot(cf, cmd, conf);
}


char *
ngx_http_gateway_cache_set_bits(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_note(cf, conf);

    return ngx_http_gateway_set_bits_slot(cf, cmd, conf);
}


char *
ngx_http_gateway_cache_set_flag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_note(cf, conf);

    return ngx_conf_set_flag_slot(cf, cmd, conf);
}


char *
ngx_http_gateway_cache_set_values(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_cache_note(cf, conf);

    return ngx_http_set_predicate_slot(cf, cmd, conf);
}
