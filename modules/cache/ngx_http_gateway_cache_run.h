/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What becomes of a request in the cache: the lookup, the answer of the origin
 * that fills an entry, and the stored response that is sent.  Private to
 * modules/cache.
 *
 * A main request has one ngx_http_gateway_cache_ctx_t, whatever redirects
 * follow: the first location with the cache on decides.
 */

#ifndef _NGX_HTTP_GATEWAY_CACHE_RUN_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CACHE_RUN_H_INCLUDED_


#include "ngx_http_gateway_cache.h"
#include "ngx_http_gateway_detached.h"
#include "ngx_http_gateway_word.h"
#include "gw_cache_condition.h"
#include "gw_cache_merge.h"
#include "gw_cache_status.h"
#include "gw_cache_uri.h"
#include "gw_cache_vary.h"
#include "gw_http_date.h"


#define NGX_HTTP_GATEWAY_CACHE_LOOK    5        /* ms, for other workers */
#define NGX_HTTP_GATEWAY_CACHE_MARK    5000     /* ms, "not cacheable" */


typedef enum {
    NGX_HTTP_GATEWAY_CACHE_LOOKUP = 0,  /* nothing is decided; may wait */
    NGX_HTTP_GATEWAY_CACHE_PASS,        /* as if there were no cache */
    NGX_HTTP_GATEWAY_CACHE_SEND,        /* the stored response */
    NGX_HTTP_GATEWAY_CACHE_ASK,         /* the origin's answer is awaited */
    NGX_HTTP_GATEWAY_CACHE_STORE,       /* its body is stored, and sent */
    NGX_HTTP_GATEWAY_CACHE_REPLACE      /* it is replaced by a stored one */
} ngx_http_gateway_cache_state_e;


typedef struct {
    ngx_http_gateway_cache_loc_conf_t  *conf;
    ngx_http_gateway_cache_state_e      state;

    /* what the request is, and what it asks for */
    gw_cache_request_t                  req;
    gw_cache_fields_t                   fields;     /* the client's */
    gw_cache_key_t                      key;
    gw_cache_labels_t                   labels;     /* if they are needed */
    ngx_str_t                           partition;
    gw_cache_user_t                    *user;       /* the shard */
    gw_cache_clock_t                    asked;

    /* what is stored */
    gw_cache_hit_t                      hit;        /* if "pinned" */
    gw_cache_entry_t                    entry;      /* a copy of its policy */
    gw_cache_reuse_t                    reuse;

    /* the lock */
    gw_cache_fill_t                     fill;       /* if "filling" */
    ngx_http_gateway_word_t             word;
    ngx_msec_t                          deadline;   /* of waiting, or of storing
                                                       without the client */
    ngx_uint_t                          looks;      /* in this turn */
    uint64_t                            purges;     /* gw_cache_purges(), if the
                                                       origin was asked without
                                                       the lock */

    /* what is sent of a stored response */
    uint64_t                            first;
    uint64_t                            last;

    /* the response that is being stored */
    ngx_connection_t                   *downstream; /* always ready */
    ngx_http_event_handler_pt           read_handler;   /* nginx's */
    ngx_http_event_handler_pt           write_handler;  /* nginx's */
    ngx_event_t                         left;       /* a timer, once the client
                                                       has; then with handler */
    ngx_int_t                         (*input)(void *data); /* nginx's */
    ngx_http_handler_pt                 handler;    /* of the content */
    void                              (*finalize)(ngx_http_request_t *r,
                                                  ngx_int_t rc);
    ngx_http_upstream_t                *upstream;   /* the origin's */
    unsigned                            error;      /* GW_CACHE_STALE_*, if it
                                                       has failed */
    ngx_uint_t                          answered;   /* its status, or 0 */

    /* for variables */
    ngx_http_gateway_cache_status_e     status;
    gw_cache_reason_e                   reason;
    uint32_t                            age;
    int64_t                             ttl;
    gw_cache_fwd_e                      fwd;
    ngx_http_gateway_cached_t           told;       /* in the record */

    unsigned                            pinned:1;
    unsigned                            filling:1;
    unsigned                            variants:1; /* names were found */
    unsigned                            waited:1;
    unsigned                            alone:1;    /* waits for nobody */
    unsigned                            validating:1;
    unsigned                            unsafe:1;   /* the method is */
    unsigned                            stored:1;
    unsigned                            body:1;     /* is still to be sent */
    unsigned                            muted:1;    /* nothing more is sent */
    unsigned                            failed:1;   /* the origin did */
    unsigned                            timed:1;    /* "ttl" is known */
    unsigned                            aged:1;     /* "age" is known */
} ngx_http_gateway_cache_ctx_t;


/* what is known of an answer of the origin; on the stack */

typedef struct {
    gw_cache_fields_t                   fields;     /* as they arrived */
    gw_cache_response_t                 res;
    gw_cache_clock_t                    now;
    gw_cache_entry_t                    entry;      /* if it is stored */
    gw_cache_content_t                  content;
} ngx_http_gateway_cache_answer_t;


/*
 * ngx_http_gateway_cache_lookup.c: PRECONTENT, the last handler of the gateway
 */

ngx_int_t ngx_http_gateway_cache_lookup(ngx_http_request_t *r);


/*
 * ngx_http_gateway_cache_ctx.c
 */

extern ngx_uint_t  ngx_http_gateway_cache_slot;

/* of detached requests, whose data begin with their context */
extern ngx_http_gateway_detached_user_t  ngx_http_gateway_cache_refresher;

/* of a main request, or of a refresh; NULL: the cache is not asked */
ngx_http_gateway_cache_ctx_t *ngx_http_gateway_cache_ctx(
    ngx_http_request_t *r);

/*
 * Finds and pins the response that the key and Vary select.  NGX_OK: "pinned"
 * says whether there is one; NGX_DECLINED: the fields that select one are too
 * long; NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_find(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* makes the key that of the variant which the names select; the same results */
ngx_int_t ngx_http_gateway_cache_variant(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_text_t *names);

void ngx_http_gateway_cache_unpin(ngx_http_gateway_cache_ctx_t *ctx);

/* gives back the lock on the key, and wakes who waits */
void ngx_http_gateway_cache_release(ngx_http_gateway_cache_ctx_t *ctx);

/* the same if the origin's answer is not stored: nobody waits for the next */
void ngx_http_gateway_cache_give_up(ngx_http_gateway_cache_ctx_t *ctx);

/* the moment at hand */
void ngx_http_gateway_cache_clock(gw_cache_clock_t *clock);

/* makes what the answer can be purged by; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_cache_labels(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* lines of nginx as the policy reads them; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_cache_from_list(ngx_pool_t *pool, ngx_list_t *list,
    gw_cache_fields_t *fields);

/* scheme, host with port, path and query: the target of the request */
void ngx_http_gateway_cache_target(ngx_http_request_t *r,
    gw_cache_target_t *target);


/*
 * ngx_http_gateway_cache_condition.c
 */

/* takes the client's conditions away, and adds the stored response's, if any */
ngx_int_t ngx_http_gateway_cache_validate(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* what validates the stored response: "*n" fields, two at most */
ngx_int_t ngx_http_gateway_cache_validators(ngx_pool_t *pool,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_keyval_t *fields, ngx_uint_t *n);

/* the conditions of the client, which were not sent to the origin */
ngx_int_t ngx_http_gateway_cache_restore(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);


/*
 * ngx_http_gateway_cache_mark.c: keys whose answers are not cacheable
 */

ngx_int_t ngx_http_gateway_cache_mark_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone);
void ngx_http_gateway_cache_mark(ngx_http_gateway_cache_zone_t *zone,
    const uint64_t hash[2]);
ngx_uint_t ngx_http_gateway_cache_marked(ngx_http_gateway_cache_zone_t *zone,
    const uint64_t hash[2]);


/*
 * ngx_http_gateway_cache_response.c: stored responses
 */

/*
 * The lines of a header as they are stored.  NGX_DECLINED: one is too long;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_encode(ngx_pool_t *pool,
    const gw_cache_fields_t *fields, gw_cache_text_t *text);
ngx_int_t ngx_http_gateway_cache_decode(ngx_pool_t *pool,
    const gw_cache_text_t *text, size_t room, gw_cache_fields_t *fields);

/*
 * Makes the stored response, which is pinned, the one of the request: status,
 * lines, and the part of the body that is asked for.
 */
ngx_int_t ngx_http_gateway_cache_respond(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* the same in place of the response at hand; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_cache_replace(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* its body; "*out" is NULL after an error */
ngx_int_t ngx_http_gateway_cache_body(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t **out);

/* the content handler of a hit */
ngx_int_t ngx_http_gateway_cache_send(ngx_http_request_t *r);

/* a line of the response; texts are kept */
ngx_int_t ngx_http_gateway_cache_line_out(ngx_http_request_t *r,
    const gw_text_t *name, const gw_text_t *value);

/* turns the response that is about to be sent into a 304 of it */
ngx_int_t ngx_http_gateway_cache_not_modified(ngx_http_request_t *r,
    const gw_cache_validator_t *v);


/*
 * ngx_http_gateway_cache_answer.c: the answer of the origin
 */

/* in the header filter; NGX_OK, or NGX_ERROR */
ngx_int_t ngx_http_gateway_cache_answer(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* bits GW_CACHE_STALE_* of a status that nginx has made; 0: no error */
unsigned ngx_http_gateway_cache_error(ngx_uint_t status);

/* what is sent for an error of the origin: gw_cache_on_error() */
gw_cache_action_e ngx_http_gateway_cache_on_error(
    ngx_http_gateway_cache_ctx_t *ctx, unsigned error);

/* Cache-Status */
ngx_int_t ngx_http_gateway_cache_tell(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);


/*
 * ngx_http_gateway_cache_fill.c: answers that are stored.  Those that return a
 * reason return GW_CACHE_R_NONE, or why the answer is not stored.
 */

/* "Date" */
extern const gw_text_t  ngx_http_gateway_cache_date_name;

/* stores the answer if that is allowed; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_cache_store(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);

/*
 * A newer response is not stored: removes the one that was found, if the origin
 * was asked to renew it.
 */
void ngx_http_gateway_cache_outdated(ngx_http_gateway_cache_ctx_t *ctx);

/*
 * Takes the lock on the key, for an answer that is there.  The fill knows of
 * purges from here on, and "purges" of those since the origin was asked.
 */
gw_cache_reason_e ngx_http_gateway_cache_begin_late(
    ngx_http_gateway_cache_ctx_t *ctx);

/* sets the policy and the times of "content", in the clock of the store */
void ngx_http_gateway_cache_content(ngx_http_gateway_cache_ctx_t *ctx,
    ngx_http_gateway_cache_answer_t *a);


/*
 * ngx_http_gateway_cache_freshen.c: answers about a stored response, which is
 * pinned.  NGX_ERROR: no memory.
 */

/* a 304: the stored response is sent, with the new lines */
ngx_int_t ngx_http_gateway_cache_validated(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);

/* the answer to a HEAD is sent; the stored response gets its lines, or goes */
ngx_int_t ngx_http_gateway_cache_head(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);


/*
 * ngx_http_gateway_cache_abandon.c: clients that leave
 */

/* the response of the main request is stored: notices when its client leaves */
void ngx_http_gateway_cache_attend(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* it has: what is stored goes on for the timeout of the lock, at most */
void ngx_http_gateway_cache_abandon(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);


/*
 * ngx_http_gateway_cache_watch.c: how nginx's upstream module ends a request
 */

/* in postconfiguration */
ngx_int_t ngx_http_gateway_cache_watch_init(ngx_conf_t *cf);

/* r->upstream is the one whose answer is awaited, or stored */
void ngx_http_gateway_cache_watch(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);


/*
 * ngx_http_gateway_cache_purge.c
 */

/*
 * The text that purges by URL compare, and its length without the query.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_url(ngx_pool_t *pool, ngx_uint_t form,
    const gw_cache_target_t *target, ngx_str_t *url, size_t *path);

/*
 * Purges by a URL, by one without its query (GW_CACHE_BY_PATH) or by a prefix.
 * "*n" counts responses more.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_purge_url(ngx_pool_t *pool,
    ngx_http_gateway_cache_zone_t *zone, gw_cache_by_e by,
    const gw_cache_target_t *target, ngx_uint_t soft, ngx_uint_t *n);


/*
 * ngx_http_gateway_cache_tag.c
 */

/* the tags of a response; GW_CACHE_R_NONE, or why it is not stored */
gw_cache_reason_e ngx_http_gateway_cache_tags(ngx_pool_t *pool,
    const ngx_http_gateway_cache_tags_t *tags, const gw_cache_fields_t *fields,
    gw_cache_content_t *content);

/* whether a line is not for clients; takes such lines out of a response */
ngx_uint_t ngx_http_gateway_cache_hidden(
    const ngx_http_gateway_cache_tags_t *tags, const gw_text_t *name);
void ngx_http_gateway_cache_strip(ngx_http_request_t *r,
    const ngx_http_gateway_cache_tags_t *tags);


/*
 * ngx_http_gateway_cache_refresh.c: requests in the background
 */

/* refreshes the response that was found, if nobody does */
void ngx_http_gateway_cache_refresh(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);


/*
 * ngx_http_gateway_cache_variable.c
 */

/* in preconfiguration */
ngx_int_t ngx_http_gateway_cache_variables(ngx_conf_t *cf);


#endif /* _NGX_HTTP_GATEWAY_CACHE_RUN_H_INCLUDED_ */
