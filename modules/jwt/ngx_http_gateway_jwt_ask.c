/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Questions to an issuer: whether a response is accepted, and its body.
 */

#include "ngx_http_gateway_jwt_ask.h"


#define NGX_HTTP_GATEWAY_JWT_ASK_WHY   512         /* bytes, with the NUL */
#define NGX_HTTP_GATEWAY_JWT_ASK_BODY  4096        /* bytes, at first */


struct ngx_http_gateway_jwt_ask_s {
    ngx_http_gateway_jwt_question_t     question;   /* without its strings */
    ngx_http_gateway_detached_t        *detached;
    ngx_msec_t                          started;
    ngx_str_t                           body;
    size_t                              size;       /* of body.data */
    char                                why[NGX_HTTP_GATEWAY_JWT_ASK_WHY];
};


static ngx_int_t ngx_http_gateway_jwt_ask_header(ngx_http_request_t *r,
    void *data);
static void ngx_http_gateway_jwt_ask_status(ngx_http_gateway_jwt_ask_t *ask,
    ngx_http_request_t *r);
static const char *ngx_http_gateway_jwt_ask_untrusted(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_jwt_ask_cached(ngx_http_request_t *r,
    ngx_uint_t *earlier);
static ngx_uint_t ngx_http_gateway_jwt_ask_received(ngx_http_request_t *r,
    ngx_uint_t *earlier);
static ngx_uint_t ngx_http_gateway_jwt_ask_verifies(ngx_http_upstream_t *u);
static ngx_uint_t ngx_http_gateway_jwt_ask_verified(ngx_http_request_t *r,
    ngx_http_upstream_t *u);
#if (NGX_HTTP_SSL || NGX_COMPAT)
static ngx_int_t ngx_http_gateway_jwt_ask_name(ngx_http_request_t *r,
    ngx_http_upstream_t *u, ngx_str_t *name);
#endif
static ngx_int_t ngx_http_gateway_jwt_ask_body(ngx_http_request_t *r,
    void *data, u_char *p, size_t size);
static ngx_int_t ngx_http_gateway_jwt_ask_grow(ngx_http_gateway_jwt_ask_t *ask,
    size_t size);
static void ngx_http_gateway_jwt_ask_end(void *data, ngx_int_t rc);
static ngx_int_t ngx_http_gateway_jwt_ask_outcome(
    ngx_http_gateway_jwt_ask_t *ask, ngx_int_t rc);
static void ngx_http_gateway_jwt_ask_late(ngx_http_gateway_jwt_ask_t *ask);
static void ngx_http_gateway_jwt_ask_free(ngx_http_gateway_jwt_ask_t *ask);
static void ngx_cdecl ngx_http_gateway_jwt_ask_fail(
    ngx_http_gateway_jwt_ask_t *ask, const char *fmt, ...);


ngx_http_gateway_jwt_ask_t *
ngx_http_gateway_jwt_ask(const ngx_http_gateway_jwt_question_t *question)
{
    ngx_uint_t                   i;
    ngx_keyval_t                 fields[1 + NGX_HTTP_GATEWAY_JWT_ASK_FIELDS];
    ngx_http_gateway_detach_t    conf;
    ngx_http_gateway_jwt_ask_t  *ask;

    ask = ngx_calloc(sizeof(ngx_http_gateway_jwt_ask_t), ngx_cycle->log);
    if (ask == NULL) {
        return NULL;
    }

    ask->question = *question;
    ask->started = ngx_current_msec;

    ngx_str_set(&fields[0].key, "Accept");
    ngx_str_set(&fields[0].value, "application/json");

    for (i = 0; i < question->nfields; i++) {
        fields[i + 1] = question->fields[i];
    }

    ngx_memzero(&conf, sizeof(ngx_http_gateway_detach_t));

    conf.user = question->user;
    conf.timeout = question->timeout;
    conf.method = question->method;
    conf.fields = fields;
    conf.nfields = question->nfields + 1;
    conf.store = 1;
    conf.secret = question->secret;
    conf.uri = question->uri;
    conf.content = question->content;
    conf.header = ngx_http_gateway_jwt_ask_header;
    conf.body = ngx_http_gateway_jwt_ask_body;
    conf.end = ngx_http_gateway_jwt_ask_end;
    conf.data = ask;

    ask->detached = ngx_http_gateway_detach_server(question->cscf, &conf);

    if (ask->detached == NULL) {
        ngx_free(ask);
        return NULL;
    }

    return ask;
}


void
ngx_http_gateway_jwt_ask_cancel(ngx_http_gateway_jwt_ask_t *ask)
{
    ngx_http_gateway_detached_cancel(ask->detached);
    ngx_http_gateway_jwt_ask_free(ask);
}


/* nginx may send a header again, that of an error page: the first one counts */

static ngx_int_t
ngx_http_gateway_jwt_ask_header(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_jwt_ask_t *ask = data;

    off_t             length;
    const char       *why;
    ngx_table_elt_t  *encoding;

    length = r->headers_out.content_length_n;
    encoding = r->headers_out.content_encoding;

    if (ask->why[0] != '\0') {
        return NGX_ERROR;
    }

    if (r->headers_out.status != NGX_HTTP_OK) {
        ngx_http_gateway_jwt_ask_status(ask, r);
        return NGX_ERROR;
    }

    if (encoding && encoding->hash) {
        ngx_http_gateway_jwt_ask_fail(ask, "the response has Content-Encoding "
                                  "\"%V\"", ngx_http_gateway_printable(
                                                          &encoding->value));
        return NGX_ERROR;
    }

#if (NGX_HTTP_CACHE)

    /* the content of a POST request is usually not in the cache key */

    if (r->cached && ask->question.content.len) {
        ngx_http_gateway_jwt_ask_fail(ask, "the response is from a cache, "
                                  "which can have stored it for another "
                                  "token");
        return NGX_ERROR;
    }

#endif

    why = ask->question.insecure ? NULL : ngx_http_gateway_jwt_ask_untrusted(r);

    if (why) {
        ngx_http_gateway_jwt_ask_fail(ask, "the response %s, or \"insecure\"",
                                  why);
        return NGX_ERROR;
    }

    if (length > (off_t) ask->question.max_size) {
        ngx_http_gateway_jwt_ask_fail(ask, "the response is larger than %uz "
                                  "bytes", ask->question.max_size);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * A status that nginx has made itself, by "return" or "if" of the server, is
 * not the issuer's, and a 5xx of it has a better reason.
 */

static void
ngx_http_gateway_jwt_ask_status(ngx_http_gateway_jwt_ask_t *ask,
    ngx_http_request_t *r)
{
    ngx_uint_t    status;
    const char   *why;

    status = r->headers_out.status;

    if (status == 0) {
        ngx_http_gateway_jwt_ask_fail(ask, "the response is not HTTP");
        return;
    }

    if (r->upstream && r->upstream->headers_in.status_n == status) {
        ngx_http_gateway_jwt_ask_fail(ask, "status %ui%s", status,
                                      (status >= NGX_HTTP_SPECIAL_RESPONSE
                                       && status < NGX_HTTP_BAD_REQUEST
                                       && status != NGX_HTTP_NOT_MODIFIED)
                                      ? ", redirects are not followed" : "");
        return;
    }

    why = ngx_http_gateway_detached_why(ask->detached);

    if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR && why[0] != '\0') {
        ngx_http_gateway_jwt_ask_fail(ask, "%s", why);
        return;
    }

    ngx_http_gateway_jwt_ask_fail(ask, "status %ui from nginx itself", status);
}


/*
 * NULL: the response comes from an authenticated origin.  Otherwise a clause
 * that says why it is not trusted, and what to write.
 *
 * An upstream server that has answered before may have chosen the response, by
 * X-Accel-Redirect or by a status that an error_page handles, and its address
 * is no longer known then: the response is not trusted.  A failed connection
 * chooses nothing.
 */

static const char *
ngx_http_gateway_jwt_ask_untrusted(ngx_http_request_t *r)
{
    ngx_uint_t            cached, received, earlier;
    ngx_http_upstream_t  *u;

    static const char  chosen[] =
        "was chosen by another one, by X-Accel-Redirect or error_page, write "
        "its own address in the location";

    static const char  stored[] =
        "is from a cache, which does not know its server, write \"proxy_cache "
        "off\" in the location";

    static const char  plain[] =
        "did not come over verified TLS, write \"proxy_ssl_verify on\" in the "
        "location";

    u = r->upstream;
    earlier = 0;

    cached = ngx_http_gateway_jwt_ask_cached(r, &earlier);
    received = ngx_http_gateway_jwt_ask_received(r, &earlier);

    if (earlier) {
        return chosen;
    }

    /*
     * From nginx's cache: the address of the origin is not known.  That of the
     * peer is of a server that has failed, or that has answered 304.
     */

    if (cached) {
        return (u && ngx_http_gateway_jwt_ask_verifies(u)) ? NULL : stored;
    }

    if (u && u->peer.sockaddr) {
        return (ngx_http_gateway_jwt_ask_local(u->peer.sockaddr)
                || ngx_http_gateway_jwt_ask_verified(r, u)) ? NULL : plain;
    }

    /* from nginx itself */

    return received ? chosen : NULL;
}


/*
 * Whether the response is from the cache of r->upstream.  "earlier": it is not,
 * but a cached response was used before it; or r->upstream uses a cache, but
 * after a redirect, which another cached response can have made.
 */

static ngx_uint_t
ngx_http_gateway_jwt_ask_cached(ngx_http_request_t *r, ngx_uint_t *earlier)
{
#if (NGX_HTTP_CACHE)

    ngx_uint_t  cache;

    cache = (r->upstream && r->upstream->cache_status);

    if ((r->cached && !cache)
        || (cache && r->uri_changes != NGX_HTTP_MAX_URI_CHANGES + 1))
    {
        *earlier = 1;
    }

    if (r->cached) {
        return 1;
    }

#else
    (void) r;
    (void) earlier;
#endif

    return 0;
}


/*
 * Whether an upstream server has sent anything.  "earlier": one has before
 * r->upstream was created.  An element without a peer separates the servers of
 * two upstreams.
 */

static ngx_uint_t
ngx_http_gateway_jwt_ask_received(ngx_http_request_t *r, ngx_uint_t *earlier)
{
    ngx_uint_t                  i, received;
    ngx_http_upstream_state_t  *state;

    received = 0;

    if (r->upstream_states == NULL) {
        return 0;
    }

    state = r->upstream_states->elts;

    for (i = 0; i < r->upstream_states->nelts; i++) {

        if (state[i].peer == NULL && received) {
            *earlier = 1;
        }

        if (state[i].bytes_received > 0) {
            received = 1;
        }
    }

    return received;
}


ngx_uint_t
ngx_http_gateway_jwt_ask_local(const struct sockaddr *sa)
{
    const struct sockaddr_in  *sin;
#if (NGX_HAVE_INET6)
    const struct in6_addr     *in6;
#endif

    switch (sa->sa_family) {

    case AF_INET:
        sin = (const struct sockaddr_in *) sa;
        return (ntohl(sin->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        in6 = &((const struct sockaddr_in6 *) sa)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(in6)
               || (IN6_IS_ADDR_V4MAPPED(in6)
                   && in6->s6_addr[12] == IN_LOOPBACKNET);
#endif

    case AF_UNIX:
        return 1;

    default:
        return 0;
    }
}


/* whether the location's connections are verified */

static ngx_uint_t
ngx_http_gateway_jwt_ask_verifies(ngx_http_upstream_t *u)
{
#if (NGX_HTTP_SSL || NGX_COMPAT)
    return u->ssl && u->conf->ssl_verify;
#else
    (void) u;

    return 0;
#endif
}


/*
 * nginx verifies a certificate when it opens a connection.  A connection that
 * it keeps may have been opened for another location, without verification or
 * with another name.
 */

static ngx_uint_t
ngx_http_gateway_jwt_ask_verified(ngx_http_request_t *r,
    ngx_http_upstream_t *u)
{
#if (NGX_HTTP_SSL || NGX_COMPAT)

    ngx_str_t          name;
    ngx_connection_t  *c;

    if (!ngx_http_gateway_jwt_ask_verifies(u)) {
        return 0;
    }

    if (!u->peer.cached) {
        return 1;
    }

    c = u->peer.connection;

    return c && c->ssl
           && SSL_get_SSL_CTX(c->ssl->connection) == u->conf->ssl->ctx
           && SSL_get_verify_result(c->ssl->connection) == X509_V_OK
           && ngx_http_gateway_jwt_ask_name(r, u, &name) == NGX_OK
           && ngx_ssl_check_host(c, &name) == NGX_OK;

#else
    (void) r;
    (void) u;

    return 0;
#endif
}


#if (NGX_HTTP_SSL || NGX_COMPAT)

/* the name that nginx would verify, without a port */

static ngx_int_t
ngx_http_gateway_jwt_ask_name(ngx_http_request_t *r, ngx_http_upstream_t *u,
    ngx_str_t *name)
{
    u_char  *p, *last;

    *name = u->ssl_name;

    if (u->conf->ssl_name
        && ngx_http_complex_value(r, u->conf->ssl_name, name) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (name->len == 0) {
        return NGX_ERROR;
    }

    last = name->data + name->len;

    p = (name->data[0] == '[') ? ngx_strlchr(name->data, last, ']') : NULL;
    p = ngx_strlchr(p ? p : name->data, last, ':');

    if (p) {
        name->len = p - name->data;
    }

    return NGX_OK;
}

#endif


static ngx_int_t
ngx_http_gateway_jwt_ask_body(ngx_http_request_t *r, void *data, u_char *p,
    size_t size)
{
    ngx_http_gateway_jwt_ask_t *ask = data;

    (void) r;

    if (size > ask->question.max_size - ask->body.len) {
        ngx_http_gateway_jwt_ask_fail(ask, "the response is larger than %uz "
                                  "bytes", ask->question.max_size);
        return NGX_ERROR;
    }

    if (ngx_http_gateway_jwt_ask_grow(ask, ask->body.len + size) != NGX_OK) {
        ngx_http_gateway_jwt_ask_fail(ask, "no memory");
        return NGX_ERROR;
    }

    ngx_memcpy(ask->body.data + ask->body.len, p, size);
    ask->body.len += size;

    return NGX_OK;
}


/* makes room for "size" bytes and a NUL; the old copy is erased */

static ngx_int_t
ngx_http_gateway_jwt_ask_grow(ngx_http_gateway_jwt_ask_t *ask, size_t size)
{
    u_char  *p;
    size_t   room;

    if (size < ask->size) {
        return NGX_OK;
    }

    room = ngx_max(2 * size, NGX_HTTP_GATEWAY_JWT_ASK_BODY);

    p = ngx_alloc(room, ngx_cycle->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ask->body.len) {
        ngx_memcpy(p, ask->body.data, ask->body.len);
        ngx_explicit_memzero(ask->body.data, ask->body.len);
    }

    if (ask->body.data) {
        ngx_free(ask->body.data);
    }

    ask->body.data = p;
    ask->size = room;

    return NGX_OK;
}


static void
ngx_http_gateway_jwt_ask_end(void *data, ngx_int_t rc)
{
    ngx_http_gateway_jwt_ask_t *ask = data;

    rc = ngx_http_gateway_jwt_ask_outcome(ask, rc);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway jwt: question has ended: %i, \"%s\"", rc, ask->why);

    if (rc == NGX_OK) {
        ask->question.done(ask->question.data, rc, &ask->body, NULL);

    } else {
        ask->question.done(ask->question.data, rc, NULL, ask->why);
    }

    ngx_http_gateway_jwt_ask_free(ask);
}


/* what "done" is called with; the reason is in ask->why */

static ngx_int_t
ngx_http_gateway_jwt_ask_outcome(ngx_http_gateway_jwt_ask_t *ask, ngx_int_t rc)
{
    ngx_msec_t    timeout;
    ngx_uint_t    early;
    const char   *why;

    if (ask->why[0] != '\0') {
        return NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        if (ngx_http_gateway_jwt_ask_grow(ask, ask->body.len) == NGX_OK) {
            ask->body.data[ask->body.len] = '\0';
            return NGX_OK;
        }

        ngx_http_gateway_jwt_ask_fail(ask, "no memory");
        return NGX_DECLINED;
    }

    /* a worker that shuts down gives a request less time */

    timeout = ask->question.timeout;
    early = ngx_exiting && ngx_current_msec - ask->started < timeout;

    if (rc == NGX_HTTP_REQUEST_TIME_OUT && !early) {
        ngx_http_gateway_jwt_ask_late(ask);
        return NGX_DECLINED;
    }

    why = ngx_http_gateway_detached_why(ask->detached);

    if (ngx_exiting && (why[0] == '\0' || rc == NGX_HTTP_REQUEST_TIME_OUT)) {
        ngx_http_gateway_jwt_ask_fail(ask, "the worker shuts down");
        return NGX_ABORT;
    }

    if (why[0] == '\0') {
        why = (rc == NGX_HTTP_CLOSE)
              ? "the location closed the connection, as \"return 444\" does"
              : "the response is incomplete";
    }

    ngx_http_gateway_jwt_ask_fail(ask, "%s", why);

    return NGX_DECLINED;
}


/* the time may have been spent on waiting for other questions to end */

static void
ngx_http_gateway_jwt_ask_late(ngx_http_gateway_jwt_ask_t *ask)
{
    ngx_uint_t   unit;
    ngx_msec_t   timeout, began, waited;
    const char  *name;

    timeout = ask->question.timeout;
    unit = (timeout % 1000) ? 1 : 1000;
    name = (timeout % 1000) ? "ms" : "s";

    if (!ngx_http_gateway_detached_began(ask->detached, &began)) {
        ngx_http_gateway_jwt_ask_fail(ask, "the request was not sent within "
                                  "%M%s, too many others wait for a response",
                                  timeout / unit, name);
        return;
    }

    waited = began - ask->started;

    if (waited > timeout / 2) {
        ngx_http_gateway_jwt_ask_fail(ask, "no response within %M%s, of which "
                                  "the request waited %Mms for others to end",
                                  timeout / unit, name, waited);
        return;
    }

    ngx_http_gateway_jwt_ask_fail(ask, "no response within %M%s",
                                  timeout / unit, name);
}


static void
ngx_http_gateway_jwt_ask_free(ngx_http_gateway_jwt_ask_t *ask)
{
    if (ask->body.data) {
        ngx_explicit_memzero(ask->body.data, ask->body.len);
        ngx_free(ask->body.data);
    }

    ngx_free(ask);
}


static void ngx_cdecl
ngx_http_gateway_jwt_ask_fail(ngx_http_gateway_jwt_ask_t *ask,
    const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf((u_char *) ask->why,
                      (u_char *) ask->why + sizeof(ask->why) - 1, fmt, args);
    va_end(args);

    *p = '\0';
}
