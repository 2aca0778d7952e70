/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Key sets that are fetched from an issuer: gateway_jwt_key_request.
 *
 * One worker at a time fetches a set, under a lease, and publishes its text in
 * shared memory.  Each worker parses the text for itself, once for each change.
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_REMOTE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_REMOTE_H_INCLUDED_


#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_jwt_source.h"
#include "ngx_http_gateway_detached.h"
#include "ngx_http_gateway_halves.h"
#include "ngx_http_gateway_lease.h"


/* the user of detached requests */
#define NGX_HTTP_GATEWAY_JWT_KEYS  "keys"

/* of a key set, in bytes */
#define NGX_HTTP_GATEWAY_JWT_MAX_SET  (1024 * 1024)


/* the fetched text; in each half of a zone */

typedef struct {
    uint32_t                            len;        /* 0: none */
    uint32_t                            unused;
    u_char                              text[];
} ngx_http_gateway_jwt_text_half_t;


/*
 * The zone of a set.  Written only under the lease, unless a member has another
 * rule.  Times are of ngx_current_msec, with the lowest bit set; 0: never.
 */

typedef struct {
    ngx_http_gateway_halves_t           halves;
    ngx_http_gateway_lease_t            lease;      /* to fetch and publish */

    ngx_atomic_t                        begun;      /* fetches; "ended" + 1: */
    ngx_atomic_t                        ended;      /*   one runs, or its
                                                         process was killed */
    ngx_atomic_t                        started;    /* time of the last one */
    ngx_atomic_t                        succeeded;  /* time of the last one */
    ngx_atomic_t                        next;       /* time to fetch again */
    ngx_atomic_t                        failures;   /* since a success */
    ngx_atomic_t                        fetched;    /* wall clock, in seconds,
                                                       at "succeeded" */
    ngx_atomic_t                        epoch;      /* of the configuration;
                                                       init_module increments */

    /* for the log, in seconds of the wall clock */
    ngx_atomic_t                        since;      /* start of a failure */
    ngx_atomic_t                        told;       /* it was logged */
    ngx_atomic_t                        said;
} ngx_http_gateway_jwt_remote_shm_t;


/* the label "result" of jwt_key_fetches_total */

typedef enum {
    NGX_HTTP_GATEWAY_JWT_FETCHED = 0,
    NGX_HTTP_GATEWAY_JWT_FAILED,
    NGX_HTTP_GATEWAY_JWT_ABORTED,             /* the worker exits */
    NGX_HTTP_GATEWAY_JWT_FETCHES
} ngx_http_gateway_jwt_fetch_e;


/* one for each server, URI and gateway_jwt_key_policy */

struct ngx_http_gateway_jwt_remote_s {
    /* configuration */
    ngx_http_core_srv_conf_t           *cscf;
    ngx_str_t                           uri;
    ngx_http_gateway_place_t            place;
    ngx_msec_t                          interval;
    ngx_msec_t                          min;
    ngx_msec_t                          stale;
    ngx_msec_t                          timeout;
    size_t                              max_size;
    ngx_uint_t                          insecure;   /* unsigned:1 */
    ngx_uint_t                          in_force;   /* unsigned:1; a block that
                                                       serves requests has it */

    ngx_http_gateway_jwt_source_t      *source;
    ngx_shm_zone_t                     *zone;
    ngx_http_gateway_jwt_remote_shm_t  *sh;         /* NULL: not in force, or
                                                       no zone yet */
    ngx_atomic_uint_t                   epoch;      /* of this configuration */
    ngx_http_gateway_series_t          *fetches[NGX_HTTP_GATEWAY_JWT_FETCHES];
                                                    /* NULL: are not counted */

    /* of a worker */
    ngx_event_t                         tick;       /* cancelable */
    ngx_http_gateway_detached_user_t    user;       /* one fetch at a time */
    struct ngx_http_gateway_jwt_ask_s  *ask;        /* NULL: no fetch runs
                                                       here */

    /* fetched and parsed, while a process reads the inactive half */
    gw_jwk_set_t                       *fresh;
    ngx_str_t                           text;
    ngx_event_t                         later;
    ngx_msec_t                          deadline;

    ngx_atomic_uint_t                   generation; /* of the half that the
                                                       source's set is from */
    ngx_atomic_uint_t                   seen;       /* "ended" before the set
                                                       was brought up to date */
    ngx_atomic_t                        said;       /* for the log */
};


/*
 * ngx_http_gateway_jwt_remote_zone.c: the text in shared memory, and the set
 * that each worker makes of it
 */

/* under the lease: whether "text" is the text in force */
ngx_uint_t ngx_http_gateway_jwt_remote_holds(
    ngx_http_gateway_jwt_remote_t *remote, const ngx_str_t *text);

/*
 * Under the lease: puts "text", of at most NGX_HTTP_GATEWAY_JWT_MAX_SET bytes,
 * in force for all processes.  Returns 0 if a process still reads the half that
 * would be written: try again later.
 */
ngx_uint_t ngx_http_gateway_jwt_remote_store(
    ngx_http_gateway_jwt_remote_t *remote, const ngx_str_t *text);

/*
 * Parses a set, which the caller frees.  "quiet": without log lines for keys
 * that are left out.  NULL: "err" is the reason, of NGX_HTTP_GATEWAY_WATCH_ERR
 * bytes.
 */
gw_jwk_set_t *ngx_http_gateway_jwt_remote_parse(
    ngx_http_gateway_jwt_remote_t *remote, const ngx_str_t *text,
    ngx_uint_t quiet, char *err);

/* whether there are keys, fetched within the last "stale" ms */
ngx_uint_t ngx_http_gateway_jwt_remote_valid(
    const ngx_http_gateway_jwt_remote_t *remote);

/*
 * Brings the key sets of a location up to date with shared memory: parses a
 * text that has been replaced, and drops a set that has expired.  A set that it
 * replaces is freed: no verification may span the call.  NGX_ERROR: new keys
 * could not be read, and the old ones have been dropped.
 */
ngx_int_t ngx_http_gateway_jwt_sync(
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);


/*
 * ngx_http_gateway_jwt_remote.c: fetching
 *
 * "sources" are all sources of the configuration,
 * ngx_http_gateway_jwt_source_t *.
 */

/* in init_module: a new configuration fetches soon; never fails */
void ngx_http_gateway_jwt_remotes_publish(const ngx_array_t *sources);

/* in init_process: begins to fetch */
void ngx_http_gateway_jwt_remotes_start(const ngx_array_t *sources,
    ngx_log_t *log);

/*
 * In init_module, before zones of the old configuration are unmapped.  Returns
 * 0 if this process fetches nothing, as a master.
 *
 * 1: there is only this process ("master_process off"), and it continues to
 * process requests with the configuration that it has started with, since nginx
 * calls init_process once.  Sets whose zone a source of the new configuration
 * has, too, remain in use; the others end.  "sources" can be NULL.
 */
ngx_uint_t ngx_http_gateway_jwt_remotes_keep(const ngx_array_t *sources);

/* whether no fetch runs, and the last one began at least "min" ms ago */
ngx_uint_t ngx_http_gateway_jwt_remote_allowed(
    const ngx_http_gateway_jwt_remote_t *remote);

/*
 * For a request that misses a key: starts a fetch, unless one runs, or the last
 * one began less than "min" ms ago, or no memory is left.  It can have ended
 * when the call returns: the caller reads "begun" and "ended" afterwards.
 */
void ngx_http_gateway_jwt_remote_fetch(ngx_http_gateway_jwt_remote_t *remote);

/*
 * For a request that waits for a fetch: from now on, this worker notices within
 * half a second if the fetching process was killed, and repeats the fetch.
 */
void ngx_http_gateway_jwt_remote_attend(ngx_http_gateway_jwt_remote_t *remote);


/*
 * ngx_http_gateway_jwt_remote_log.c: what is logged of fetches, by the process
 * that holds the lease.
 */

/* a fetch has failed: sh->failures and sh->next are set */
void ngx_http_gateway_jwt_remote_log_failed(
    ngx_http_gateway_jwt_remote_t *remote, const char *why);

/* a fetch has succeeded */
void ngx_http_gateway_jwt_remote_log_succeeded(
    ngx_http_gateway_jwt_remote_t *remote);

/* this process has put other keys in force */
void ngx_http_gateway_jwt_remote_log_changed(
    const ngx_http_gateway_jwt_remote_t *remote);


#endif /* _NGX_HTTP_GATEWAY_JWT_REMOTE_H_INCLUDED_ */
