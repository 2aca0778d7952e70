/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Token introspection, RFC 7662: gateway_jwt_introspect.
 *
 * nginx asks an endpoint about tokens that are not signed ("opaque") and, with
 * "when=always", about signed tokens whose signature it has verified.  The
 * answer about an active opaque token takes the place of its payload.
 *
 * An endpoint is a source, as a key file is: with an issuer it accepts tokens
 * of that issuer only, and without one no issuer that another source is bound
 * to.  The number of its source never changes.
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_INTROSPECT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_INTROSPECT_H_INCLUDED_


#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_counter.h"


/* the user of detached requests */
#define NGX_HTTP_GATEWAY_JWT_ASKS  "introspection"


typedef enum {
    NGX_HTTP_GATEWAY_JWT_OPAQUE = 0,
    NGX_HTTP_GATEWAY_JWT_ALWAYS
} ngx_http_gateway_jwt_when_e;


/* the credentials of a "secret_file"; one for all directives that name it */

typedef struct {
    ngx_http_gateway_watch_t            watch;
    ngx_str_t                           value;      /* "Basic ..."; allocated
                                                       by each process */
} ngx_http_gateway_jwt_secret_t;


/*
 * One for each server, URI, secret and "cache=", so that a location never gets
 * an answer that another one has asked for with other credentials, or that is
 * older than its own "cache=".
 */

struct ngx_http_gateway_jwt_endpoint_s {
    ngx_http_core_srv_conf_t           *cscf;
    ngx_msec_t                          cache;
    ngx_http_gateway_jwt_secret_t      *secret;     /* NULL: none */
    ngx_http_gateway_jwt_source_t      *source;     /* with the URI */
    ngx_http_gateway_jwt_main_conf_t   *jmcf;
    ngx_http_gateway_place_t            place;
    ngx_uint_t                          in_force;   /* unsigned:1; a block that
                                                       serves requests uses
                                                       it */
    ngx_uint_t                          index;      /* of those in force */

    /* of gateway_jwt_key_fetch */
    ngx_msec_t                          timeout;
    size_t                              max_size;
    ngx_uint_t                          insecure;   /* unsigned:1 */

    /* of ngx_http_gateway_jwt_report.c */
    uint64_t                            id;         /* after a reload, too */
    ngx_http_gateway_counter_t         *said;
    ngx_http_gateway_counter_t         *told;
};


/* a directive; shared by blocks of a server that inherit it */

typedef struct {
    ngx_http_gateway_jwt_key_use_t      use;        /* "path" is the URI */
    time_t                              cache;      /* s */
    ngx_uint_t                          when;
    ngx_str_t                           secret_file;
    ngx_http_gateway_jwt_secret_t      *secret;
} ngx_http_gateway_jwt_introspect_t;


/* ngx_http_gateway_jwt_introspect_conf.c */

char *ngx_http_gateway_jwt_introspect(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * In a merge: finds or creates the endpoints of "conf".  An array that is
 * inherited from another server is copied.
 */
char *ngx_http_gateway_jwt_load_endpoints(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf);

/* whether a directive of "conf" has "when=always" */
ngx_uint_t ngx_http_gateway_jwt_asks_always(
    const ngx_http_gateway_jwt_loc_conf_t *conf);

/*
 * In postconfiguration: checks the locations of endpoints that blocks use.
 * NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_jwt_check_endpoints(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_main_conf_t *jmcf);


/* ngx_http_gateway_jwt_report.c */

/*
 * In a merge: sets the members of "endpoint" that reports use.  All endpoints
 * of a server with the same URI share them.  NGX_ERROR: no memory, or an
 * [emerg] was logged.
 */
ngx_int_t ngx_http_gateway_jwt_endpoint_words(ngx_conf_t *cf,
    ngx_http_gateway_jwt_endpoint_t *endpoint);

/*
 * In a worker: the endpoint has not answered, or wrongly; "why" is a phrase for
 * the log.  Logged at most once a minute by all workers together.
 */
void ngx_http_gateway_jwt_endpoint_failed(
    const ngx_http_gateway_jwt_endpoint_t *endpoint, const char *why);

/* it has answered: logged if a failure was */
void ngx_http_gateway_jwt_endpoint_works(
    const ngx_http_gateway_jwt_endpoint_t *endpoint);


/* ngx_http_gateway_jwt_introspect.c */

/* whether a token is opaque: it does not have three parts */
ngx_uint_t ngx_http_gateway_jwt_opaque(const ngx_str_t *text);

/*
 * Asks the endpoints of "jlcf" about the opaque token ctx->text, in their
 * order, until one of them accepts it.  GW_OK: ctx->token has the members of
 * the answer as claims, and no header.  GW_WAITING: the request is parked, and
 * the function is to be called again.  GW_TOKEN_INACTIVE; GW_ISSUER: it is
 * active, and no endpoint that confirmed it accepts its issuer;
 * GW_INTROSPECTION_UNAVAILABLE; GW_FAILED.
 */
gw_reason_e ngx_http_gateway_jwt_introspect_opaque(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/*
 * Asks the endpoint with "when=always" that accepts the issuer of the verified
 * token ctx->token.  GW_OK: the token is active, or it is opaque, or "jlcf" has
 * no "when=always".  Other results are as above; GW_ISSUER: there is no such
 * endpoint for the issuer.  The token keeps its own claims.
 */
gw_reason_e ngx_http_gateway_jwt_introspect_signed(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

#endif /* _NGX_HTTP_GATEWAY_JWT_INTROSPECT_H_INCLUDED_ */
