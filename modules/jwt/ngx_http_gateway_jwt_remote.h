/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Key sets that are fetched from an issuer: gateway_jwt_key_request.
 *
 * One worker at a time fetches a set, under a lease, and publishes its text in
 * shared memory.  Each worker parses the text for itself, once for each change.
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_REMOTE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_REMOTE_H_INCLUDED_


#include "ngx_http_gateway_jwt_source.h"
#include "ngx_http_gateway_detached.h"
#include "ngx_http_gateway_halves.h"
#include "ngx_http_gateway_lease.h"


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
    ngx_atomic_t                        epoch;      /* of the configuration;
                                                       init_module increments */

    /* for the log, in seconds of the wall clock */
    ngx_atomic_t                        since;      /* start of a failure */
    ngx_atomic_t                        told;       /* it was logged */
    ngx_atomic_t                        said;
} ngx_http_gateway_jwt_remote_shm_t;


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
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    /* of a worker */
    ngx_event_t                         tick;       /* cancelable */
    ngx_http_gateway_detached_user_t    user;       /* one fetch at a time */
    struct ngx_http_gateway_jwt_ask_s  *ask;        /* NULL: no fetch runs
                                                       here */

    /* fetched and parsed, while a process reads the inactive half */
    gw_jwk_set_t                       *fresh;
    ngx_str_t                           text;
    ngx_event_t                         later;

    ngx_atomic_uint_t                   generation; /* of the half that the
                                                       source's set is from */
};


#endif /* _NGX_HTTP_GATEWAY_JWT_REMOTE_H_INCLUDED_ */
