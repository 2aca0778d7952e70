/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The response cache: its configuration, and the key of a request.  Private to
 * modules/cache; the headers gw_cache_*.h declare the parts that know no nginx.
 */

#ifndef _NGX_HTTP_GATEWAY_CACHE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CACHE_H_INCLUDED_


#include "ngx_http_gateway_setting.h"
#include "ngx_http_gateway_cache_store.h"
#include "gw_cache_key.h"
#include "gw_cache_policy.h"


extern ngx_module_t  ngx_http_gateway_cache_module;


/* bytes of a digest of the requests that a location sends */
#define NGX_HTTP_GATEWAY_CACHE_DIGEST  16

/* bytes of a buffer that is large enough for most keys */
#define NGX_HTTP_GATEWAY_CACHE_TEXT    1024

/* hexadecimal digits of $gateway_cache_key */
#define NGX_HTTP_GATEWAY_CACHE_HEX     32


/* converts a string of nginx for the parts that know no nginx */

static ngx_inline gw_text_t
ngx_http_gateway_cache_text(const ngx_str_t *s)
{
    gw_text_t  text;

    text.data = s->data;
    text.len = s->len;

    return text;
}


/* like $scheme */

static ngx_inline gw_text_t
ngx_http_gateway_cache_scheme(ngx_http_request_t *r)
{
    static const gw_text_t  http = gw_cache_text("http");
#if (NGX_HTTP_SSL)
    static const gw_text_t  https = gw_cache_text("https");

    if (r->connection->ssl) {
        return https;
    }
#endif

    return http;
}


/*
 * Values of directives.  A member is unset if the directive is not written.
 * Data that a member points to does not change after the member was set.
 */

/* parts of the key, in the order in which they are written */

typedef enum {
    NGX_HTTP_GATEWAY_CACHE_SCHEME = 0,
    NGX_HTTP_GATEWAY_CACHE_HOST,
    NGX_HTTP_GATEWAY_CACHE_PATH,
    NGX_HTTP_GATEWAY_CACHE_ARGS,
    NGX_HTTP_GATEWAY_CACHE_VARIABLE
} ngx_http_gateway_cache_part_e;


typedef struct {
    ngx_http_gateway_cache_part_e   kind;
    gw_cache_args_t                 args;
    ngx_http_complex_value_t       *value;
} ngx_http_gateway_cache_part_t;


typedef enum {
    NGX_HTTP_GATEWAY_CACHE_NONE = 0,
    NGX_HTTP_GATEWAY_CACHE_CONSUMER,
    NGX_HTTP_GATEWAY_CACHE_VALUE
} ngx_http_gateway_cache_partition_e;


typedef struct {
    ngx_http_gateway_cache_partition_e  kind;
    ngx_http_complex_value_t           *value;
    ngx_http_gateway_place_t            where;
    ngx_uint_t                          identified; /* unsigned:1; an
                                                       authentication method
                                                       is on where it
                                                       applies */
} ngx_http_gateway_cache_partition_t;


typedef struct {
    ngx_array_t                     times;      /* gw_cache_ttl_t */
    time_t                          min;
    time_t                          max;
    ngx_uint_t                      override;   /* gw_cache_override_e */
} ngx_http_gateway_cache_ttl_t;


typedef struct {
    ngx_uint_t                      words;      /* bits GW_CACHE_STALE_* */
    time_t                          time;       /* for= */
} ngx_http_gateway_cache_stale_t;


typedef struct {
    ngx_uint_t                      on;         /* unsigned:1 */
    ngx_msec_t                      timeout;    /* applies also if "on" is 0 */
} ngx_http_gateway_cache_lock_t;


typedef struct {
    ngx_uint_t                      percent;    /* 0: off */
    time_t                          max;
} ngx_http_gateway_cache_heuristic_t;


typedef enum {
    NGX_HTTP_GATEWAY_CACHE_GUARD_OFF = 0,
    NGX_HTTP_GATEWAY_CACHE_GUARD_KEY,
    NGX_HTTP_GATEWAY_CACHE_GUARD_BYPASS,
    NGX_HTTP_GATEWAY_CACHE_GUARD_STRIP
} ngx_http_gateway_cache_guard_e;


typedef struct {
    ngx_uint_t                      mode;       /* cache_guard_e */
    ngx_array_t                     names;      /* normalized, ngx_str_t */
    uint64_t                        lengths;    /* bits: lengths of the names,
                                                   modulo 64 */
} ngx_http_gateway_cache_guard_t;


typedef struct {
    ngx_array_t                     names;      /* gw_text_t; none: off */
    ngx_uint_t                      strip;      /* unsigned:1 */
    ngx_http_gateway_place_t        where;
} ngx_http_gateway_cache_tags_t;


typedef struct {
    const ngx_array_t              *key;        /* cache_part_t */
    const ngx_http_gateway_cache_partition_t  *partition;
    ngx_uint_t                      methods;    /* bits 1 << method; 0: unset */
    const ngx_http_gateway_cache_ttl_t  *ttl;
    const ngx_array_t              *targeted;   /* gw_text_t; none: off */
    ngx_uint_t                      request_control;
    const ngx_http_gateway_cache_stale_t  *stale;
    const ngx_http_gateway_cache_lock_t  *lock;
    const ngx_array_t              *normalize;  /* gw_text_t, lower case */
    ngx_uint_t                      set_cookie;
    ngx_uint_t                      cookie;     /* 1: ignore */
    const ngx_http_gateway_cache_heuristic_t  *heuristic;
    const ngx_http_gateway_cache_guard_t  *guard;
    ngx_array_t                    *bypass;     /* complex_value_t */
    ngx_array_t                    *no_store;
    ngx_array_t                    *purge;
    const ngx_http_gateway_cache_tags_t  *tags;
    ngx_flag_t                      headers;
} ngx_http_gateway_cache_settings_t;


/* a field that a location sets in requests to the upstream server */

typedef struct {
    gw_text_t                       name;       /* lower case */
    ngx_http_complex_value_t       *value;      /* an empty value is not sent */
} ngx_http_gateway_cache_sent_t;


typedef struct ngx_http_gateway_cache_loc_conf_s
    ngx_http_gateway_cache_loc_conf_t;

struct ngx_http_gateway_cache_loc_conf_s {
    /* used by requests; "zone" is NULL if the cache is off */
    ngx_http_gateway_cache_zone_t  *zone;
    ngx_http_gateway_cache_settings_t  set;     /* complete: with outer blocks
                                                   and the profile */
    gw_cache_conf_t                 policy;     /* "set", for gw_cache_*() */
    ngx_uint_t                      form;       /* bits CACHE_FORM_* */
    ngx_uint_t                      original;   /* unsigned:1; the origin may
                                                   also receive $request_uri */
    u_char                          sent[NGX_HTTP_GATEWAY_CACHE_DIGEST];
                                                /* digest of what is sent */
    u_char                          upstream[NGX_HTTP_GATEWAY_CACHE_DIGEST];
                                                /* digest of what is sent, and
                                                   of the upstream servers */
    ngx_http_complex_value_t       *host;       /* "proxy_set_header Host";
                                                   NULL: the key already
                                                   contains the value */

    ngx_array_t                     fields;     /* cache_sent_t */
    ngx_uint_t                      unknown;    /* unsigned:1; "fields" may
                                                   belong to a module that does
                                                   not send the request */

    struct ngx_http_gateway_admin_s    *admin;

    /* used while the configuration is read */
    ngx_http_gateway_cache_settings_t  written; /* here or in outer blocks */
    ngx_uint_t                      profile;
    ngx_str_t                       name;       /* name of the zone, or "off" */
    ngx_http_gateway_place_t        name_where;
    ngx_http_gateway_place_t        where;      /* place of the block */
    ngx_http_gateway_cache_loc_conf_t  *outer;  /* NULL for http */
    ngx_http_gateway_loc_conf_t    *core;
    ngx_uint_t                      identified_inside;  /* unsigned:1; the cache
                                                           and a method are on
                                                           here or inside */
    ngx_uint_t                      passes_inside;  /* unsigned:1; this
                                                       "gateway_cache" may store
                                                       a response */
    ngx_uint_t                      listed;     /* unsigned:1; is in "blocks" of
                                                   the main configuration */
};


typedef struct {
    ngx_array_t                    *peers;      /* watched; NULL: none */
    ngx_array_t                     zones;      /* cache_zone_t * */
    ngx_array_t                     blocks;     /* cache_loc_conf_t * */
    ngx_uint_t                      admins;     /* of gateway_cache_admin */
} ngx_http_gateway_cache_main_conf_t;


/*
 * ngx_http_gateway_cache_key.c
 */

/*
 * Whether a request always bypasses the cache: it has X-HTTP-Method-Override or
 * a similar field, it is a GET or HEAD with a body, or it has a field of
 * "gateway_cache_guard bypass".
 */
ngx_uint_t ngx_http_gateway_cache_guarded(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf);

/*
 * Whether the request has credentials: the response may be for this client
 * alone.
 */
ngx_uint_t ngx_http_gateway_cache_credentials(ngx_http_request_t *r);

/*
 * The value of the partition, allocated from the request's pool; empty if there
 * is none.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_partition(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf, ngx_str_t *value);

/*
 * Makes the key of the main request "r", with the value of its partition.
 * "text" is a buffer of "text->len" bytes on entry, and is replaced by memory
 * of the request if the buffer is too small.  NGX_ERROR: no memory, or a
 * variable failed.
 */
ngx_int_t ngx_http_gateway_cache_key(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf, const ngx_str_t *partition,
    ngx_str_t *text);

/* $gateway_cache_key */
ngx_int_t ngx_http_gateway_cache_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/*
 * ngx_http_gateway_cache_zone.c
 */

/* gateway_cache_zone */
char *ngx_http_gateway_cache_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* core's record of where settings of the cache have an effect */
extern ngx_http_gateway_use_t  ngx_http_gateway_cache_use;

/* NULL: there is no zone with this name */
ngx_http_gateway_cache_zone_t *ngx_http_gateway_cache_zone_find(
    ngx_http_gateway_cache_main_conf_t *cmcf, const ngx_str_t *name);


/* ngx_http_gateway_cache_set.c, _set_key.c and _times.c: setters */

/*
 * Begins a directive.  "written" is its previous value in the same block, or
 * NULL.  Returns zeroed memory for the new value, or NULL after an [emerg].
 * "off" is set to whether the directive is "off"; NULL: "off" is not allowed.
 */
void *ngx_http_gateway_cache_begin(ngx_conf_t *cf, const void *written,
    size_t size, ngx_uint_t *off);

/* logs an [emerg] for an unknown parameter, and returns NGX_CONF_ERROR */
char *ngx_http_gateway_cache_unknown(ngx_conf_t *cf, ngx_str_t *value,
    const char *allowed);

char *ngx_http_gateway_cache_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cache_set_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cache_set_partition(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cache_set_ttl(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cache_set_targeted(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cache_set_stale(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cache_set_lock(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cache_set_vary(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cache_set_heuristic(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cache_set_guard(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cache_set_tags(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* sets predicates, and reports values without a variable */
char *ngx_http_gateway_cache_set_values(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/*
 * ngx_http_gateway_cache_answer.c
 */

/*
 * In the LOG phase, if a log format needs it: copies the result of the cache to
 * the request's record.
 */
void ngx_http_gateway_cache_record(ngx_http_request_t *r);


/*
 * ngx_http_gateway_cache_conf.c
 */

void *ngx_http_gateway_cache_create_main_conf(ngx_conf_t *cf);
void *ngx_http_gateway_cache_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_gateway_cache_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);

/* a configured time for the policy, in seconds */
#define ngx_http_gateway_cache_seconds(time)                                  \
    ((uint32_t) ngx_min((uint64_t) (time), GW_CACHE_FOREVER))

/* values of gateway_cache_profile, for ngx_http_gateway_set_enum_slot() */
extern ngx_conf_enum_t  ngx_http_gateway_cache_profiles[];

/* "gateway_cache_guard key", with the built-in list of fields */
extern const ngx_http_gateway_cache_guard_t
    ngx_http_gateway_cache_guard_default;

/* defaults of parameters, the same in both profiles */

#define NGX_HTTP_GATEWAY_CACHE_TTL_MAX        86400     /* s */
#define NGX_HTTP_GATEWAY_CACHE_STALE_FOR      3600      /* s */
#define NGX_HTTP_GATEWAY_CACHE_LOCK_TIMEOUT   5000      /* ms */
#define NGX_HTTP_GATEWAY_CACHE_HEURISTIC_MAX  86400     /* s */


/*
 * ngx_http_gateway_cache_check.c
 */

/* postconfiguration: warns of directives that have no effect */
ngx_int_t ngx_http_gateway_cache_check(ngx_conf_t *cf);


/*
 * ngx_http_gateway_cache_purge.c
 */

/* the parts of a URL that the key contains */
#define NGX_HTTP_GATEWAY_CACHE_FORM_SCHEME  1U
#define NGX_HTTP_GATEWAY_CACHE_FORM_HOST    2U
#define NGX_HTTP_GATEWAY_CACHE_FORM_ARGS    4U
#define NGX_HTTP_GATEWAY_CACHE_FORMS        8U

ngx_uint_t ngx_http_gateway_cache_form(const ngx_array_t *key);


/*
 * ngx_http_gateway_cache_admin.c
 */

char *ngx_http_gateway_cache_admin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_cache_admin_merge(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *prev,
    ngx_http_gateway_cache_loc_conf_t *conf);


/*
 * ngx_http_gateway_cache_upstream.c: nginx's own caches and upstream modules,
 * any of which may be missing in this nginx.  All functions are called while
 * locations are merged, after these modules have merged theirs.
 */

/*
 * Whether the location passes no request to an upstream server whose responses
 * are stored, and cannot redirect a request to another location.
 */
ngx_uint_t ngx_http_gateway_cache_unserved(ngx_conf_t *cf);

/*
 * Warns of "proxy_no_cache", "proxy_cache_bypass" and similar directives, which
 * have no effect on this cache, and of "slice".
 */
void ngx_http_gateway_cache_warn_left(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf);

/*
 * Whether the origin may receive $request_uri even if the URI has been
 * rewritten, as FastCGI, uwsgi and SCGI applications do.
 */
ngx_uint_t ngx_http_gateway_cache_original(ngx_conf_t *cf);

/*
 * Watches the TLS connections of the location for
 * ngx_http_gateway_cache_notified().  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_watch_tls(ngx_conf_t *cf);


/*
 * ngx_http_gateway_cache_sent.c: called like the functions of _upstream.c
 */

/*
 * Makes digests of what distinguishes requests of the location from those of
 * other locations: "sent" of the texts of directives such as
 * "proxy_set_header", "upstream" also of the literal names of the upstream
 * servers.
 */
void ngx_http_gateway_cache_upstream(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf);

/*
 * Collects the fields that the location sets in requests, with directives such
 * as "proxy_set_header" and "fastcgi_param HTTP_...".  NGX_ERROR: no memory, or
 * an [emerg] was logged.
 */
ngx_int_t ngx_http_gateway_cache_sent_fields(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf);

/*
 * The value of "proxy_set_header Host", unless it is the server name, the
 * client's field or the name of the upstream servers.  "*host" is NULL on
 * entry, and stays NULL if there is no such value.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_host(ngx_conf_t *cf,
    ngx_http_complex_value_t **host);


#if (NGX_DEBUG)

/*
 * ngx_http_gateway_cache_debug.c
 */

const char *ngx_http_gateway_cache_debug_action(gw_cache_action_e action);

/* logs the settings in force, of the block, outer blocks and the profile */
void ngx_http_gateway_cache_debug_settings(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf);

#endif


#if (NGX_HTTP_SSL)

/*
 * ngx_http_gateway_cache_notify.c
 */

/*
 * While the configuration is read: watches the connections of an SSL context of
 * upstream servers.  Can be called several times.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_notify(ngx_conf_t *cf, ngx_ssl_t *ssl);

/* whether such a connection has received close_notify */
ngx_uint_t ngx_http_gateway_cache_notified(ngx_connection_t *c);

#endif


#endif /* _NGX_HTTP_GATEWAY_CACHE_H_INCLUDED_ */
