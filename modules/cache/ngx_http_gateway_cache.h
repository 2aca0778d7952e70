/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The response cache: its configuration, and the key of a request.  Private to
 * modules/cache; the parts free of nginx are in gw_cache_*.h.
 */

#ifndef _NGX_HTTP_GATEWAY_CACHE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CACHE_H_INCLUDED_


#include "ngx_http_gateway_setting.h"
#include "ngx_http_gateway_cache_store.h"
#include "gw_cache_key.h"
#include "gw_cache_policy.h"


extern ngx_module_t  ngx_http_gateway_cache_module;


/* bytes of a digest of what a location sends */
#define NGX_HTTP_GATEWAY_CACHE_DIGEST  16

/* hexadecimal digits of $gateway_cache_key */
#define NGX_HTTP_GATEWAY_CACHE_HEX     32


/* text of nginx for the parts that are free of it */

static ngx_inline gw_text_t
ngx_http_gateway_cache_text(const ngx_str_t *s)
{
    gw_text_t  text;

    text.data = s->data;
    text.len = s->len;

    return text;
}


/*
 * What directives say.  A member is unset where none is written; nothing of a
 * structure that a member points to changes after it was set.
 */

/* parts of the key, in their order */

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
    ngx_uint_t                          asks;   /* unsigned:1; it is in force
                                                   beside a method */
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
    ngx_msec_t                      timeout;    /* also when it is off */
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
    ngx_uint_t                      mode;       /* guard_e */
    ngx_array_t                     names;      /* normalized, ngx_str_t */
    uint64_t                        lengths;    /* bits, of the names */
} ngx_http_gateway_cache_guard_t;


typedef struct {
    ngx_array_t                     names;      /* gw_text_t; none: off */
    ngx_uint_t                      strip;      /* unsigned:1 */
    ngx_http_gateway_place_t        where;
} ngx_http_gateway_cache_tags_t;


typedef struct {
    const ngx_array_t              *key;        /* part_t */
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
    ngx_http_complex_value_t       *value;      /* empty: it is not sent */
} ngx_http_gateway_cache_sent_t;


typedef struct ngx_http_gateway_cache_loc_conf_s
    ngx_http_gateway_cache_loc_conf_t;

struct ngx_http_gateway_cache_loc_conf_s {
    /* for requests; "zone" is NULL where the cache is off */
    ngx_http_gateway_cache_zone_t  *zone;
    ngx_http_gateway_cache_settings_t  set;     /* complete, with the profile */
    gw_cache_conf_t                 policy;     /* the same, for gw_cache_*() */
    ngx_uint_t                      form;       /* bits _FORM_* */
    ngx_uint_t                      original;   /* unsigned:1; the origin may
                                                   receive $request_uri, too */
    u_char                          sent[NGX_HTTP_GATEWAY_CACHE_DIGEST];
                                                /* how requests are sent */
    u_char                          upstream[NGX_HTTP_GATEWAY_CACHE_DIGEST];
                                                /* the same, and to whom */
    ngx_http_complex_value_t       *host;       /* that is sent; NULL: one that
                                                   the key has */

    ngx_array_t                     fields;     /* cache_sent_t */
    ngx_uint_t                      unknown;    /* unsigned:1; they may be those
                                                   of a module that sends no
                                                   request */

    struct ngx_http_gateway_cache_admin_s  *admin;

    /* for the configuration */
    ngx_http_gateway_cache_settings_t  written; /* here or in outer blocks */
    ngx_uint_t                      profile;
    ngx_str_t                       name;       /* of the zone, or "off" */
    ngx_http_gateway_place_t        name_where;
    ngx_http_gateway_place_t        where;      /* of the block */
    ngx_http_gateway_cache_loc_conf_t  *outer;  /* NULL: http */
    ngx_http_gateway_loc_conf_t    *core;
    ngx_uint_t                      asks_inside;    /* unsigned:1; here or in an
                                                       inner block the cache and
                                                       a method are on */
    ngx_uint_t                      passes_inside;  /* unsigned:1; a response
                                                       may be stored by this
                                                       "gateway_cache" */
    ngx_uint_t                      listed;     /* unsigned:1; in main conf. */
};


typedef struct {
    ngx_array_t                    *peers;      /* watched; NULL: none */
    ngx_array_t                     zones;      /* zone_t * */
    ngx_array_t                     blocks;     /* loc_conf_t * */
    ngx_uint_t                      admins;     /* gateway_cache_admin */
} ngx_http_gateway_cache_main_conf_t;


/*
 * ngx_http_gateway_cache_key.c
 */

/*
 * Whether a request always passes by the cache: X-HTTP-Method-Override and the
 * like, a GET or HEAD with a body, and fields of "gateway_cache_guard bypass".
 */
ngx_uint_t ngx_http_gateway_cache_guarded(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf);

/*
 * Whether the request has credentials: what answers it may be for this client
 * alone.
 */
ngx_uint_t ngx_http_gateway_cache_credentials(ngx_http_request_t *r);

/*
 * The value of the partition, empty if there is none; in the request's memory.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_partition(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf, ngx_str_t *value);

/*
 * Makes the key of the main request "r", with the partition's value.  "text"
 * has "text->len" bytes on entry, and receives memory of the request if that is
 * too little.  NGX_ERROR: no memory, or a variable failed.
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

/* of settings: where a zone is used */
extern ngx_http_gateway_use_t  ngx_http_gateway_cache_use;

/* NULL: there is none of this name */
ngx_http_gateway_cache_zone_t *ngx_http_gateway_cache_zone_find(
    ngx_http_gateway_cache_main_conf_t *cmcf, const ngx_str_t *name);


/*
 * ngx_http_gateway_cache_set.c and _times.c: setters of directives
 */

/*
 * Begins a directive, of which the block has said "written" before, or NULL.
 * Returns memory of zeros for what it says, or NULL after an [emerg].  "off"
 * receives whether the directive is "off"; NULL: it cannot be.
 */
void *ngx_http_gateway_cache_begin(ngx_conf_t *cf, const void *written,
    size_t size, ngx_uint_t *off);

/* NGX_CONF_ERROR after an [emerg]: a parameter is none of those */
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

/* that of predicates, and reports values without a variable */
char *ngx_http_gateway_cache_set_values(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/*
 * ngx_http_gateway_cache_answer.c
 */

/*
 * In LOG, where a format asks for it: writes what became of the request into
 * its record.
 */
void ngx_http_gateway_cache_record(ngx_http_request_t *r);


/*
 * ngx_http_gateway_cache_conf.c
 */

void *ngx_http_gateway_cache_create_main_conf(ngx_conf_t *cf);
void *ngx_http_gateway_cache_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_gateway_cache_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);

/* postconfiguration: warnings for what has no effect */
ngx_int_t ngx_http_gateway_cache_check(ngx_conf_t *cf);

/* a time as the policy counts it, in seconds */
#define ngx_http_gateway_cache_seconds(time)                                  \
    ((uint32_t) ngx_min((uint64_t) (time), GW_CACHE_FOREVER))

/* the profiles, for ngx_http_gateway_set_enum_slot() */
extern ngx_conf_enum_t  ngx_http_gateway_cache_profiles[];

/* "gateway_cache_guard key", with the built-in list */
extern const ngx_http_gateway_cache_guard_t
    ngx_http_gateway_cache_guard_default;

/* parameters that both profiles have */

#define NGX_HTTP_GATEWAY_CACHE_TTL_MAX        86400     /* s */
#define NGX_HTTP_GATEWAY_CACHE_STALE_FOR      3600      /* s */
#define NGX_HTTP_GATEWAY_CACHE_LOCK_TIMEOUT   5000      /* ms */
#define NGX_HTTP_GATEWAY_CACHE_HEURISTIC_MAX  86400     /* s */


/*
 * ngx_http_gateway_cache_purge.c
 */

/* which parts of a URL are in the key */
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
 * which this nginx may be built without
 */

/*
 * While locations are merged, after those modules: the cache of nginx that is
 * on at the location at hand, such as "proxy_cache"; NULL: none.
 */
const char *ngx_http_gateway_cache_other(ngx_conf_t *cf);

/*
 * The same: whether the location passes no request to an upstream server whose
 * responses are stored, and cannot hand one to another location.
 */
ngx_uint_t ngx_http_gateway_cache_unserved(ngx_conf_t *cf);

/*
 * The same: warns of "proxy_no_cache", "proxy_cache_bypass" and their like,
 * which have no effect on this cache, and of "slice".
 */
void ngx_http_gateway_cache_warn_left(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf);

/*
 * The same: whether the origin may receive $request_uri where the URI has been
 * rewritten, as FastCGI, uwsgi and SCGI applications do.  0: it does not.
 */
ngx_uint_t ngx_http_gateway_cache_original(ngx_conf_t *cf);

/*
 * The same: lets ngx_http_gateway_cache_notified() know of the location's
 * connections over TLS.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_watch_tls(ngx_conf_t *cf);

/*
 * The same: digests of what makes the requests of the location different from
 * those of others: in "sent" of the texts of directives such as
 * "proxy_set_header", in "upstream" also of the upstream servers that are
 * written out.
 */
void ngx_http_gateway_cache_upstream(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf);

/*
 * The same: the fields that the location sets in requests, by directives such
 * as "proxy_set_header" and "fastcgi_param HTTP_...".  NGX_ERROR: no memory, or
 * an [emerg].
 */
ngx_int_t ngx_http_gateway_cache_sent_fields(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf);

/*
 * The same: the value of "proxy_set_header Host", unless it is the name of the
 * server, the client's field or that of the upstream servers; "*host" is NULL
 * on entry, and stays so if there is none.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_host(ngx_conf_t *cf,
    ngx_http_complex_value_t **host);


#if (NGX_HTTP_SSL)

/*
 * ngx_http_gateway_cache_notify.c
 */

/*
 * While the configuration is read: watches the connections of a context of
 * upstream servers, once.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_notify(ngx_conf_t *cf, ngx_ssl_t *ssl);

/* whether close_notify has arrived on such a connection */
ngx_uint_t ngx_http_gateway_cache_notified(ngx_connection_t *c);

#endif


#endif /* _NGX_HTTP_GATEWAY_CACHE_H_INCLUDED_ */
