/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Questions to an issuer: a detached request to a location of the server, which
 * usually passes it on.
 *
 * Only a complete response with status 200 and without Content-Encoding is
 * accepted, and only if its origin can be trusted: it came over verified TLS,
 * from this machine, or from nginx itself.  nginx verifies no certificate by
 * default, and keys from an unverified connection would allow a man in the
 * middle to forge tokens.
 *
 * nginx's messages about the request are not logged: "why" contains the first
 * one that matters, and the caller logs it at a limited rate.
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_ASK_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_ASK_H_INCLUDED_


#include "ngx_http_gateway_detached.h"


/* of a question, from its creation to "done" */
typedef struct ngx_http_gateway_jwt_ask_s  ngx_http_gateway_jwt_ask_t;


/* fields of a question, in addition to "Accept: application/json" */
#define NGX_HTTP_GATEWAY_JWT_ASK_FIELDS  3


/*
 * The question has been answered, or cannot be.  Called once, unless it is
 * canceled, and never inside ngx_http_gateway_jwt_ask().
 *
 * NGX_OK: "body" is the response, writable and followed by a NUL, and "why" is
 * NULL.  NGX_DECLINED: there is no usable response, and "why" is the reason, a
 * phrase for the log without secrets; "body" is NULL.  NGX_ABORT: the same, but
 * only because the worker shuts down.
 *
 * Both are valid during the call; the bytes of the body are erased after it.
 */
typedef void (*ngx_http_gateway_jwt_ask_pt)(void *data, ngx_int_t rc,
    ngx_str_t *body, const char *why);


/* copied, except what "cscf", "user" and "data" refer to */

typedef struct {
    ngx_http_core_srv_conf_t           *cscf;
    ngx_str_t                           uri;
    ngx_str_t                           method;     /* "": GET */
    const ngx_keyval_t                 *fields;
    ngx_uint_t                          nfields;
    ngx_str_t                           content;    /* "": no body */
    ngx_uint_t                          secret;     /* unsigned:1; fields or
                                                       body are in no log */

    ngx_http_gateway_detached_user_t   *user;
    ngx_msec_t                          timeout;    /* from now; not 0 */
    size_t                              max_size;   /* of the response */
    ngx_uint_t                          insecure;   /* unsigned:1; any origin
                                                       is trusted */

    ngx_http_gateway_jwt_ask_pt         done;
    void                               *data;
} ngx_http_gateway_jwt_question_t;


/* NULL: no memory, or too many questions wait; "done" is not called then */
ngx_http_gateway_jwt_ask_t *ngx_http_gateway_jwt_ask(
    const ngx_http_gateway_jwt_question_t *question);

/* not in "done"; frees the question, and "done" is not called */
void ngx_http_gateway_jwt_ask_cancel(ngx_http_gateway_jwt_ask_t *ask);

/*
 * Whether a server with this address is on this machine, and is therefore
 * trusted without TLS.
 */
ngx_uint_t ngx_http_gateway_jwt_ask_local(const struct sockaddr *sa);


#endif /* _NGX_HTTP_GATEWAY_JWT_ASK_H_INCLUDED_ */
