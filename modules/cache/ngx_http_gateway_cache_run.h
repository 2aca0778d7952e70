/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The processing of a request in the cache: the lookup, the response of the
 * origin that fills an entry, and the stored response that is sent.  Private to
 * modules/cache.  The origin is the upstream server.
 *
 * A main request has one ngx_http_gateway_cache_ctx_t, also after redirects: it
 * uses the first location in which the cache is on.
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


#define NGX_HTTP_GATEWAY_CACHE_LOOK    5        /* ms; for other workers */
#define NGX_HTTP_GATEWAY_CACHE_MARK    5000     /* ms; "not cacheable" */


typedef enum {
    NGX_HTTP_GATEWAY_CACHE_LOOKUP = 0,  /* undecided; the request may wait */
    NGX_HTTP_GATEWAY_CACHE_PASS,        /* processed as without a cache */
    NGX_HTTP_GATEWAY_CACHE_SEND,        /* the stored response is sent */
    NGX_HTTP_GATEWAY_CACHE_ASK,         /* the request was forwarded */
    NGX_HTTP_GATEWAY_CACHE_STORE,       /* the body is stored and sent */
    NGX_HTTP_GATEWAY_CACHE_REPLACE      /* a stored one replaces it */
} ngx_http_gateway_cache_state_e;


typedef struct {
    ngx_http_gateway_cache_loc_conf_t  *conf;
    ngx_http_gateway_cache_state_e      state;

    /* properties of the request */
    gw_cache_request_t                  req;
    gw_cache_fields_t                   fields;     /* of the client */
    gw_cache_key_t                      key;
    gw_cache_labels_t                   labels;     /* set when needed */
    ngx_str_t                           partition;
    gw_cache_user_t                    *user;       /* the shard */
    gw_cache_clock_t                    asked;

    /* the stored response */
    gw_cache_hit_t                      hit;        /* valid if "pinned" */
    gw_cache_entry_t                    entry;      /* a copy of its metadata */
    gw_cache_reuse_t                    reuse;

    /* the lock on the key */
    gw_cache_fill_t                     fill;       /* valid if "filling" */
    ngx_http_gateway_word_t             word;
    ngx_msec_t                          deadline;   /* end of waiting, or of
                                                       storing without the
                                                       client */
    ngx_uint_t                          looks;      /* lookups in this turn */
    uint64_t                            purges;     /* gw_cache_purges() before
                                                       a request without the
                                                       lock was forwarded */

    /* the range of the stored body that is sent */
    uint64_t                            first;
    uint64_t                            last;

    /* the response that is being stored */
    ngx_connection_t                   *downstream; /* replaces the client's
                                                       connection for nginx's
                                                       pipe; it is always
                                                       ready */
    ngx_http_event_handler_pt           read_handler;   /* nginx's */
    ngx_http_event_handler_pt           write_handler;  /* nginx's */
    ngx_event_t                         left;       /* timer, used after the
                                                       client has left;
                                                       "handler" is set then */
    ngx_int_t                         (*input)(void *data); /* nginx's */
    ngx_http_handler_pt                 handler;    /* of the content */
    void                              (*finalize)(ngx_http_request_t *r,
                                                  ngx_int_t rc);
    ngx_http_upstream_t                *upstream;   /* the origin's */
    unsigned                            error;      /* GW_CACHE_STALE_* if the
                                                       origin failed */
    ngx_uint_t                          answered;   /* origin's status, or 0 */

    /* for variables and Cache-Status */
    ngx_http_gateway_cache_status_e     status;
    gw_cache_reason_e                   reason;
    uint32_t                            age;
    int64_t                             ttl;
    gw_cache_fwd_e                      fwd;
    ngx_http_gateway_cached_t           record;     /* for gr->cached */

    unsigned                            pinned:1;
    unsigned                            filling:1;
    unsigned                            variants:1; /* names were found */
    unsigned                            waited:1;
    unsigned                            alone:1;    /* waits for nobody */
    unsigned                            validating:1;
    unsigned                            unsafe:1;   /* the method is unsafe */
    unsigned                            stored:1;
    unsigned                            body:1;     /* still to be sent */
    unsigned                            muted:1;    /* client gets no more */
    unsigned                            failed:1;   /* the origin failed */
    unsigned                            timed:1;    /* "ttl" is set */
    unsigned                            aged:1;     /* "age" is set */
} ngx_http_gateway_cache_ctx_t;


/* a response of the origin; allocated on the stack */

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

/* detached requests of refreshes; their data begin with a context */
extern ngx_http_gateway_detached_user_t  ngx_http_gateway_cache_refresher;

/* of a main request or of a refresh; NULL: the cache is not used */
ngx_http_gateway_cache_ctx_t *ngx_http_gateway_cache_ctx(
    ngx_http_request_t *r);

/*
 * Finds and pins the response that the key and Vary select.  NGX_OK: "pinned"
 * tells whether there is one.  NGX_DECLINED: the fields that select the
 * response are too long.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_find(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/*
 * Changes the key to that of the variant selected by "names".  Returns the same
 * values.
 */
ngx_int_t ngx_http_gateway_cache_variant(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_text_t *names);

void ngx_http_gateway_cache_unpin(ngx_http_gateway_cache_ctx_t *ctx);

/* releases the lock on the key, and wakes waiting requests */
void ngx_http_gateway_cache_release(ngx_http_gateway_cache_ctx_t *ctx);

/*
 * Releases the lock because the response is not stored, and marks the key: for
 * some seconds, requests for it do not wait.
 */
void ngx_http_gateway_cache_give_up(ngx_http_gateway_cache_ctx_t *ctx);

/* the current time */
void ngx_http_gateway_cache_clock(gw_cache_clock_t *clock);

/* sets "labels", by which the response can be purged; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_cache_labels(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* converts a header list of nginx for the policy; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_cache_from_list(ngx_pool_t *pool, ngx_list_t *list,
    gw_cache_fields_t *fields);

/* the target of the request: scheme, host with port, path and query */
void ngx_http_gateway_cache_target(ngx_http_request_t *r,
    gw_cache_target_t *target);


/*
 * ngx_http_gateway_cache_condition.c
 */

/*
 * Removes the conditions of the client from the request, and adds those of the
 * stored response, if there is one.
 */
ngx_int_t ngx_http_gateway_cache_validate(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* the conditions that validate the stored response: at most two fields */
ngx_int_t ngx_http_gateway_cache_validators(ngx_pool_t *pool,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_keyval_t *fields, ngx_uint_t *n);

/* restores the conditions of the client */
ngx_int_t ngx_http_gateway_cache_restore(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);


/* ngx_http_gateway_cache_mark.c: keys whose responses are not stored */

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
 * Encodes the lines of a header for storing.  NGX_DECLINED: a line is too
 * long.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_encode(ngx_pool_t *pool,
    const gw_cache_fields_t *fields, gw_text_t *text);
ngx_int_t ngx_http_gateway_cache_decode(ngx_pool_t *pool,
    const gw_text_t *text, size_t room, gw_cache_fields_t *fields);

/*
 * Makes the pinned stored response the response to the request: status, lines,
 * and the range of the body that is asked for.
 */
ngx_int_t ngx_http_gateway_cache_respond(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* the same, replacing the current response; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_cache_replace(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* the body of the stored response; after an error "*out" is NULL */
ngx_int_t ngx_http_gateway_cache_body(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t **out);

/* the content handler of hits */
ngx_int_t ngx_http_gateway_cache_send(ngx_http_request_t *r);

/* adds a line to the response; the texts are not copied */
ngx_int_t ngx_http_gateway_cache_line_out(ngx_http_request_t *r,
    const gw_text_t *name, const gw_text_t *value);

/* turns the response that is about to be sent into a 304 */
ngx_int_t ngx_http_gateway_cache_not_modified(ngx_http_request_t *r,
    const gw_cache_validator_t *v);


/* ngx_http_gateway_cache_answer.c: responses of the origin */

/* called by the header filter; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_gateway_cache_answer(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/* bits GW_CACHE_STALE_* of a status that nginx has generated; 0: no error */
unsigned ngx_http_gateway_cache_error(ngx_uint_t status);

/* decides what to send after an error of the origin, see gw_cache_on_error() */
gw_cache_action_e ngx_http_gateway_cache_on_error(
    ngx_http_gateway_cache_ctx_t *ctx, unsigned error);

/* adds Cache-Status to the response */
ngx_int_t ngx_http_gateway_cache_status_out(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);


/*
 * ngx_http_gateway_cache_fill.c: storing a response.  Functions that return a
 * reason return GW_CACHE_R_NONE on success, and otherwise why the response is
 * not stored.
 */

/* "Date" */
extern const gw_text_t  ngx_http_gateway_cache_date_name;

/* stores the response if that is allowed; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_cache_store(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);

/*
 * The newest response of the origin is not stored: removes the stored response,
 * if the request was forwarded to renew it.
 */
void ngx_http_gateway_cache_outdated(ngx_http_gateway_cache_ctx_t *ctx);

/*
 * Takes the lock on the key after the response has arrived.  From here on
 * purges apply to the fill; earlier ones are detected by "purges".
 */
gw_cache_reason_e ngx_http_gateway_cache_begin_late(
    ngx_http_gateway_cache_ctx_t *ctx);

/* sets the metadata of "content", with the times of the store's clock */
void ngx_http_gateway_cache_content(ngx_http_gateway_cache_ctx_t *ctx,
    ngx_http_gateway_cache_answer_t *a);


/*
 * ngx_http_gateway_cache_freshen.c: responses that update a stored response,
 * which is pinned.  NGX_ERROR: no memory.
 */

/* handles a 304: sends the stored response with updated lines */
ngx_int_t ngx_http_gateway_cache_validated(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);

/*
 * Handles the response to HEAD, which is sent: the stored response is updated,
 * or removed.
 */
ngx_int_t ngx_http_gateway_cache_head(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);


/* ngx_http_gateway_cache_abandon.c: clients that leave */

/* detects when the client leaves while its response is stored */
void ngx_http_gateway_cache_attend(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);

/*
 * The client has left: storing continues for at most the timeout of
 * gateway_cache_lock.
 */
void ngx_http_gateway_cache_abandon(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);


/* ngx_http_gateway_cache_watch.c: the end of a request to an upstream server */

/* called in postconfiguration, if there are zones */
ngx_int_t ngx_http_gateway_cache_watch_init(ngx_conf_t *cf);

/* watches r->upstream, whose response is awaited or stored */
void ngx_http_gateway_cache_watch(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);


/*
 * ngx_http_gateway_cache_purge.c
 */

/*
 * Makes the text of a URL that purges compare; "*path" is its length without
 * the query.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_url(ngx_pool_t *pool, ngx_uint_t form,
    const gw_cache_target_t *target, ngx_str_t *url, size_t *path);

/*
 * Purges by a URL, a URL without query (GW_CACHE_BY_PATH) or a prefix.  Adds
 * the number of responses to "*n".  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_purge_url(ngx_pool_t *pool,
    ngx_http_gateway_cache_zone_t *zone, gw_cache_by_e by,
    const gw_cache_target_t *target, ngx_uint_t soft, ngx_uint_t *n);


/*
 * ngx_http_gateway_cache_tag.c
 */

/*
 * Reads the tags of a response.  Returns GW_CACHE_R_NONE, or why the response
 * is not stored.
 */
gw_cache_reason_e ngx_http_gateway_cache_tags(ngx_pool_t *pool,
    const ngx_http_gateway_cache_tags_t *tags, const gw_cache_fields_t *fields,
    gw_cache_content_t *content);

/* whether a line is hidden from clients; removes such lines from a response */
ngx_uint_t ngx_http_gateway_cache_hidden(
    const ngx_http_gateway_cache_tags_t *tags, const gw_text_t *name);
void ngx_http_gateway_cache_strip(ngx_http_request_t *r,
    const ngx_http_gateway_cache_tags_t *tags);


/* ngx_http_gateway_cache_refresh.c: refreshes in the background */

/* refreshes the stored response, unless another request does */
void ngx_http_gateway_cache_refresh(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);


/*
 * ngx_http_gateway_cache_variable.c
 */

/* called in preconfiguration */
ngx_int_t ngx_http_gateway_cache_variables(ngx_conf_t *cf);


#endif /* _NGX_HTTP_GATEWAY_CACHE_RUN_H_INCLUDED_ */
