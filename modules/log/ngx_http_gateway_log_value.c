/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What nginx and the gateway know of a request, a function for each kind of
 * value, and the presets, which give these values their names.
 *
 * The names of ecs are those of the Elastic Common Schema, of otel those of
 * OpenTelemetry's semantic conventions, of gcp those of Cloud Logging.  What
 * these have no name for has the name of native under "gateway".
 */

#include "ngx_http_gateway_log.h"


/* for the data of a row */

#define ngx_http_gateway_log_str(field)                                       \
    ngx_http_gateway_log_request_str, offsetof(ngx_http_request_t, field)

#define ngx_http_gateway_log_identity(field)                                  \
    ngx_http_gateway_log_identity_str,                                        \
    offsetof(ngx_http_gateway_request_t, identity.field)


typedef enum {
    NGX_HTTP_GATEWAY_LOG_AS_MS = 0,     /* 1.234 */
    NGX_HTTP_GATEWAY_LOG_AS_NS,         /* 1234000 */
    NGX_HTTP_GATEWAY_LOG_AS_SECONDS,    /* "0.001234s" */
    NGX_HTTP_GATEWAY_LOG_AS_ISO,        /* "2026-11-29T12:00:00.000Z" */
    NGX_HTTP_GATEWAY_LOG_AS_NS_TEXT,    /* "1796040000000000000" */
    NGX_HTTP_GATEWAY_LOG_AS_NUMBER,
    NGX_HTTP_GATEWAY_LOG_AS_TEXT,
    NGX_HTTP_GATEWAY_LOG_AS_LIST
} ngx_http_gateway_log_as_e;


typedef struct {
    time_t                          sec;
    u_char                          text[sizeof("1970-01-01T00:00:00") - 1];
} ngx_http_gateway_log_second_t;


#define NGX_HTTP_GATEWAY_LOG_NS  1000000000


/* of the last record: the worker's */
static ngx_http_gateway_log_second_t  ngx_http_gateway_log_second = { -1, "" };


u_char *
ngx_http_gateway_log_digits(u_char *p, ngx_uint_t n, ngx_uint_t width)
{
    ngx_uint_t  i;

    for (i = width; i > 0; i--) {
        p[i - 1] = (u_char) ('0' + n % 10);
        n /= 10;
    }

    return p + width;
}


/* when the request was created */

static u_char *
ngx_http_gateway_log_time(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_tm_t                        tm;
    ngx_http_request_t             *r;
    ngx_http_gateway_log_second_t  *second;

    r = rec->request;
    *p++ = '"';

    if (op->data == NGX_HTTP_GATEWAY_LOG_AS_NS_TEXT) {
        p = gw_text_decimal(p, (uint64_t) r->start_sec
                               * NGX_HTTP_GATEWAY_LOG_NS
                               + (uint64_t) r->start_msec * 1000000);
        *p++ = '"';
        return p;
    }

    second = &ngx_http_gateway_log_second;

    if (second->sec != r->start_sec) {
        ngx_gmtime(r->start_sec, &tm);

        (void) ngx_sprintf(second->text, "%4d-%02d-%02dT%02d:%02d:%02d",
                           tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                           tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
        second->sec = r->start_sec;
    }

    p = ngx_cpymem(p, second->text, sizeof(second->text));
    *p++ = '.';
    p = ngx_http_gateway_log_digits(p, r->start_msec, 3);
    *p++ = 'Z';
    *p++ = '"';

    return p;
}


static u_char *
ngx_http_gateway_log_duration(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    uint64_t  ns;

    ns = ngx_http_gateway_duration(rec->request, rec->gr);

    switch (op->data) {

    case NGX_HTTP_GATEWAY_LOG_AS_NS:
        return gw_text_decimal(p, ns);

    case NGX_HTTP_GATEWAY_LOG_AS_SECONDS:
        *p++ = '"';
        p = gw_text_decimal(p, ns / NGX_HTTP_GATEWAY_LOG_NS);
        *p++ = '.';
        p = ngx_http_gateway_log_digits(p, ns % NGX_HTTP_GATEWAY_LOG_NS, 9);
        *p++ = 's';
        *p++ = '"';
        return p;

    default: /* NGX_HTTP_GATEWAY_LOG_AS_MS */
        p = gw_text_decimal(p, ns / 1000000);
        *p++ = '.';
        return ngx_http_gateway_log_digits(p, ns / 1000 % 1000, 3);
    }
}


static u_char *
ngx_http_gateway_log_request_str(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  *s;

    s = (ngx_str_t *) ((u_char *) rec->request + op->data);

    return ngx_http_gateway_log_text(rec, p, s->data, s->len);
}


/* nginx knows the method, or the client has made it up */

static u_char *
ngx_http_gateway_log_method(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_request_t  *r = rec->request;

    if (r->method_name.len && r->method == NGX_HTTP_UNKNOWN) {
        return op->data ? ngx_http_gateway_log_text(rec, p,
                                                    r->method_name.data,
                                                    r->method_name.len)
                        : ngx_cpymem(p, "\"_OTHER\"", 8);
    }

    return op->data ? NULL
                    : ngx_http_gateway_log_text(rec, p, r->method_name.data,
                                                r->method_name.len);
}


/* "data": only a status that the client was sent */

static u_char *
ngx_http_gateway_log_status(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    if (op->data && rec->request->connection->sent == 0) {
        return NULL;
    }

    return rec->status ? gw_text_decimal(p, rec->status) : NULL;
}


static u_char *
ngx_http_gateway_log_size(u_char *p, off_t size, uintptr_t as)
{
    if (as != NGX_HTTP_GATEWAY_LOG_AS_TEXT) {
        return gw_text_decimal(p, (uint64_t) ngx_max(size, 0));
    }

    *p++ = '"';
    p = gw_text_decimal(p, (uint64_t) ngx_max(size, 0));
    *p++ = '"';

    return p;
}


static u_char *
ngx_http_gateway_log_request_bytes(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return ngx_http_gateway_log_size(p, rec->request->request_length,
                                     op->data);
}


static u_char *
ngx_http_gateway_log_response_bytes(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return ngx_http_gateway_log_size(p, rec->request->connection->sent,
                                     op->data);
}


static u_char *
ngx_http_gateway_log_body_bytes(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_request_t  *r = rec->request;

    return ngx_http_gateway_log_size(p, r->connection->sent
                                        - (off_t) r->header_size, op->data);
}


/* "1.1", "2" */

static u_char *
ngx_http_gateway_log_version(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_uint_t  version;

    version = rec->request->http_version;

    if (version == 0) {
        return NULL;
    }

    *p++ = '"';
    p = gw_text_decimal(p, version / 1000);

    if (version < 2000) {
        *p++ = '.';
        p = gw_text_decimal(p, version % 1000);
    }

    *p++ = '"';

    return p;
}


/* of the connection, as in $scheme */

static ngx_uint_t
ngx_http_gateway_log_is_https(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)

    return r->connection->ssl != NULL;

#else

    return 0;

#endif
}


static u_char *
ngx_http_gateway_log_scheme(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return ngx_http_gateway_log_is_https(rec->request)
           ? ngx_cpymem(p, "\"https\"", 7) : ngx_cpymem(p, "\"http\"", 6);
}


/* as $host */

static ngx_str_t *
ngx_http_gateway_log_server(ngx_http_request_t *r)
{
    ngx_http_core_srv_conf_t  *cscf;

    if (r->headers_in.server.len) {
        return &r->headers_in.server;
    }

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    return &cscf->server_name;
}


/* between the quotes; a client may put a user before it, as in a URL */

static u_char *
ngx_http_gateway_log_host_inner(ngx_http_gateway_log_record_t *rec, u_char *p)
{
    size_t      user;
    gw_text_t   text;
    ngx_str_t  *host;

    host = ngx_http_gateway_log_server(rec->request);

    text.data = host->data;
    text.len = host->len;
    user = gw_log_redact_user(&text);

    if (user) {
        p = ngx_http_gateway_log_inner(rec, p, (u_char *) GW_LOG_REDACTED,
                                       sizeof(GW_LOG_REDACTED) - 1);
    }

    return ngx_http_gateway_log_inner(rec, p, host->data + user,
                                      host->len - user);
}


static u_char *
ngx_http_gateway_log_host(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char  *end;

    *p++ = '"';
    end = ngx_http_gateway_log_host_inner(rec, p);

    if (end == p) {
        return NULL;
    }

    *end++ = '"';

    return end;
}


static u_char *
ngx_http_gateway_log_hostname(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return ngx_http_gateway_log_text(rec, p, ngx_cycle->hostname.data,
                                     ngx_cycle->hostname.len);
}


/* 0: there is none */

static ngx_uint_t
ngx_http_gateway_log_port_of(struct sockaddr *sa)
{
    return sa ? ngx_inet_get_port(sa) : 0;
}


/* the port that was connected to, or the client's */

static u_char *
ngx_http_gateway_log_port(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_uint_t         port;
    ngx_connection_t  *c;

    c = rec->request->connection;
    port = ngx_http_gateway_log_port_of(op->data ? c->sockaddr
                                                 : c->local_sockaddr);

    return port ? gw_text_decimal(p, port) : NULL;
}


/*
 * The client's request target, up to "?" or from there on; not decoded, so that
 * what is redacted is what the client sent.
 */

static u_char *
ngx_http_gateway_log_path(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char     *args, *last;
    ngx_str_t  *uri;

    uri = &rec->request->unparsed_uri;
    last = uri->data + uri->len;
    args = ngx_strlchr(uri->data, last, '?');

    if (op->data == 0) {
        return ngx_http_gateway_log_redacted(rec, p, uri->data,
                                             args ? (size_t) (args - uri->data)
                                                  : uri->len);
    }

    return args ? ngx_http_gateway_log_redacted(rec, p, args + 1,
                                                last - args - 1)
                : NULL;
}


static u_char *
ngx_http_gateway_log_uri(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  *uri;

    uri = &rec->request->unparsed_uri;

    return ngx_http_gateway_log_redacted(rec, p, uri->data, uri->len);
}


/* scheme, host, port unless it is the scheme's, and the request target */

static u_char *
ngx_http_gateway_log_url(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char              *end;
    ngx_uint_t           port, usual;
    ngx_http_request_t  *r;

    r = rec->request;

    if (r->unparsed_uri.len == 0) {
        return NULL;
    }

    /* without the quotes between the parts */

    end = ngx_http_gateway_log_scheme(rec, op, p) - 1;
    end = ngx_cpymem(end, "://", 3);

    p = end;
    end = ngx_http_gateway_log_host_inner(rec, p);
    port = ngx_http_gateway_log_port_of(r->connection->local_sockaddr);
    usual = ngx_http_gateway_log_is_https(r) ? 443 : 80;

    if (end > p && port && port != usual) {
        *end++ = ':';
        end = gw_text_decimal(end, port);
    }

    p = end;
    end = ngx_http_gateway_log_uri(rec, op, p);
    ngx_memmove(p, p + 1, end - p - 1);

    return end - 1;
}


/* of the client; the last bits are zero where the format masks it */

static u_char *
ngx_http_gateway_log_client(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char               *address;
    size_t                size;
    ngx_uint_t            i, bits, family;
    u_char                masked[16];
    ngx_connection_t     *c;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    c = rec->request->connection;

    if (!rec->format->masked) {
        return ngx_http_gateway_log_text(rec, p, c->addr_text.data,
                                         c->addr_text.len);
    }

    family = c->sockaddr->sa_family;
    bits = rec->format->v4;

    if (family == AF_INET) {
        sin = (struct sockaddr_in *) c->sockaddr;
        address = (u_char *) &sin->sin_addr;
        size = 4;

#if (NGX_HAVE_INET6)
    } else if (family == AF_INET6) {
        sin6 = (struct sockaddr_in6 *) c->sockaddr;
        address = sin6->sin6_addr.s6_addr;
        size = 16;
        bits = IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr) ? 96 + bits
                                                      : rec->format->v6;
#endif
    } else {
        return NULL;
    }

    for (i = 0; i < size; i++) {
        masked[i] = (bits >= 8 * (i + 1)) ? address[i]
                  : (bits <= 8 * i) ? 0
                  : address[i] & (u_char) (0xff << (8 * (i + 1) - bits));
    }

    *p++ = '"';
    p += ngx_inet_ntop(family, masked, p, NGX_INET6_ADDRSTRLEN);
    *p++ = '"';

    return p;
}


/* a variable by its index */

ngx_http_variable_value_t *
ngx_http_gateway_log_get(ngx_http_gateway_log_record_t *rec, ngx_int_t index)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_get_flushed_variable(rec->request, (ngx_uint_t) index);

    return (v == NULL || v->not_found || v->len == 0) ? NULL : v;
}


/*
 * The address of the socket, by $realip_remote_addr, if realip has replaced it:
 * else that is the client's, also in memory.
 */

static u_char *
ngx_http_gateway_log_peer(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_gateway_log_get(rec, (ngx_int_t) op->data);

    if (v == NULL || v->data == rec->request->connection->addr_text.data) {
        return NULL;
    }

    rec->relayed = 1;

    return ngx_http_gateway_log_text(rec, p, v->data, v->len);
}


/* $realip_remote_port; asked for behind the address */

static u_char *
ngx_http_gateway_log_peer_port(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    if (!rec->relayed) {
        return NULL;
    }

    v = ngx_http_gateway_log_get(rec, (ngx_int_t) op->data);

    return v ? ngx_cpymem(p, v->data, v->len) : NULL;
}


/* for ecs: the client's address, if the source is a proxy */

static u_char *
ngx_http_gateway_log_forwarded(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->relayed ? ngx_http_gateway_log_client(rec, op, p) : NULL;
}


/* the same where the vocabulary wants an IP address, and not "unix:" */

static u_char *
ngx_http_gateway_log_client_only_ip(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char  *end;

    end = ngx_http_gateway_log_client(rec, op, p);

    return (end && p[1] == 'u') ? NULL : end;
}


static u_char *
ngx_http_gateway_log_peer_only_ip(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char  *end;

    end = ngx_http_gateway_log_peer(rec, op, p);

    return (end && p[1] == 'u') ? NULL : end;
}


/* a line of the request that nginx has parsed; "data" is its place */

static u_char *
ngx_http_gateway_log_line(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_table_elt_t  *h;

    h = *(ngx_table_elt_t **) ((u_char *) &rec->request->headers_in
                               + op->data);

    return h ? ngx_http_gateway_log_text(rec, p, h->value.data, h->value.len)
             : NULL;
}


static u_char *
ngx_http_gateway_log_referer(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char           *end;
    ngx_table_elt_t  *h;

    h = rec->request->headers_in.referer;

    if (h == NULL || h->value.len == 0) {
        return NULL;
    }

    if (op->data != NGX_HTTP_GATEWAY_LOG_AS_LIST) {
        return ngx_http_gateway_log_redacted(rec, p, h->value.data,
                                             h->value.len);
    }

    *p++ = '[';
    end = ngx_http_gateway_log_redacted(rec, p, h->value.data, h->value.len);

    *end++ = ']';

    return end;
}


u_char *
ngx_http_gateway_log_variable(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_gateway_log_get(rec, (ngx_int_t) op->data);

    return v ? ngx_http_gateway_log_text(rec, p, v->data, v->len) : NULL;
}


static u_char *
ngx_http_gateway_log_connection(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_connection_t  *c = rec->request->connection;

    return gw_text_decimal(p, op->data ? c->requests : c->number);
}


u_char *
ngx_http_gateway_log_bool(u_char *p, ngx_uint_t yes)
{
    return yes ? ngx_cpymem(p, "true", 4) : ngx_cpymem(p, "false", 5);
}


/* the trace id; without one, nothing else of a trace is asked for */

static u_char *
ngx_http_gateway_log_trace_id(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char  *end;

    end = ngx_http_gateway_log_variable(rec, op, p);
    rec->traced = (end != NULL);

    return end;
}


static u_char *
ngx_http_gateway_log_of_trace(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->traced ? ngx_http_gateway_log_variable(rec, op, p) : NULL;
}


/* "1" or "0" */

static u_char *
ngx_http_gateway_log_trace_sampled(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    if (!rec->traced) {
        return NULL;
    }

    v = ngx_http_gateway_log_get(rec, (ngx_int_t) op->data);

    return v ? ngx_http_gateway_log_bool(p, v->data[0] == '1') : NULL;
}


/* of a connection with TLS */

static ngx_http_variable_value_t *
ngx_http_gateway_log_get_tls(ngx_http_gateway_log_record_t *rec,
    ngx_int_t index)
{
#if (NGX_HTTP_SSL)

    if (rec->request->connection->ssl) {
        return ngx_http_gateway_log_get(rec, index);
    }

#endif

    return NULL;
}


static u_char *
ngx_http_gateway_log_tls(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_gateway_log_get_tls(rec, (ngx_int_t) op->data);

    return v ? ngx_http_gateway_log_text(rec, p, v->data, v->len) : NULL;
}


/* of $ssl_session_reused: "r", or "." */

static u_char *
ngx_http_gateway_log_tls_resumed(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_gateway_log_get_tls(rec, (ngx_int_t) op->data);

    return v ? ngx_http_gateway_log_bool(p, v->data[0] == 'r') : NULL;
}


/* of $ssl_protocol, such as TLSv1.3: 1.3 */

static u_char *
ngx_http_gateway_log_tls_version(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_gateway_log_get_tls(rec, (ngx_int_t) op->data);

    if (v == NULL || v->len < 5 || ngx_strncmp(v->data, "TLSv", 4) != 0) {
        return NULL;
    }

    return ngx_http_gateway_log_text(rec, p, v->data + 4, v->len - 4);
}


/* the name of a trace in Cloud Logging */

static u_char *
ngx_http_gateway_log_gcp_trace(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    const ngx_str_t            *project;
    ngx_http_variable_value_t  *v;

    project = &rec->format->project;
    v = ngx_http_gateway_log_get(rec, (ngx_int_t) op->data);
    rec->traced = (v != NULL);

    if (v == NULL || project->len == 0) {
        return NULL;
    }

    p = ngx_cpymem(p, "\"projects/", 10);
    p = ngx_http_gateway_log_inner(rec, p, project->data, project->len);

    p = ngx_cpymem(p, "/traces/", 8);
    p = ngx_http_gateway_log_inner(rec, p, v->data, v->len);
    *p++ = '"';

    return p;
}


/* the flags of a trace, in hexadecimal */

static u_char *
ngx_http_gateway_log_trace_flags(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    if (!rec->traced) {
        return NULL;
    }

    v = ngx_http_gateway_log_get(rec, (ngx_int_t) op->data);

    return v ? ngx_cpymem(p, v->data[0] == '1' ? "\"01\"" : "\"00\"", 4)
             : NULL;
}


static u_char *
ngx_http_gateway_log_identity_str(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  *s;

    if (rec->gr == NULL) {
        return NULL;
    }

    s = (ngx_str_t *) ((u_char *) rec->gr + op->data);

    return ngx_http_gateway_log_text(rec, p, s->data, s->len);
}


static u_char *
ngx_http_gateway_log_reason(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    const char  *word;

    if (rec->gr == NULL) {
        return NULL;
    }

    word = gw_reason_word(rec->gr->reason ? rec->gr->reason : rec->gr->would);

    return ngx_http_gateway_log_text(rec, p, (u_char *) word,
                                     ngx_strlen(word));
}


static u_char *
ngx_http_gateway_log_route(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  *route;

    route = ngx_http_gateway_route(rec->request, rec->gr);

    return ngx_http_gateway_log_text(rec, p, route->data, route->len);
}


static u_char *
ngx_http_gateway_log_end(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t               *word;
    ngx_http_gateway_end_e   end;

    end = ngx_http_gateway_end(rec->request, rec->gr);
    word = &ngx_http_gateway_end_words[end];

    return ngx_http_gateway_log_text(rec, p, word->data, word->len);
}


/* whether an array may go on: an element's constants fit behind the room */

static ngx_uint_t
ngx_http_gateway_log_goes_on(ngx_http_gateway_log_record_t *rec, u_char *p)
{
    if (p > rec->last) {
        rec->full = 1;
    }

    return !rec->full;
}


static u_char *
ngx_http_gateway_log_results(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_uint_t                  i;
    ngx_array_t                *results;
    ngx_http_gateway_result_t  *result;

    results = rec->gr ? rec->gr->results : NULL;

    if (results == NULL || results->nelts == 0) {
        return NULL;
    }

    result = results->elts;
    *p++ = '[';

    for (i = 0; i < results->nelts; i++) {

        if (!ngx_http_gateway_log_goes_on(rec, p)) {
            return p;
        }

        p = ngx_cpymem(p, "{\"zone\":\"", 9);
        p = ngx_http_gateway_log_inner(rec, p, result[i].zone.data,
                                       result[i].zone.len);
        p = ngx_cpymem(p, "\",\"result\":\"", 12);
        p = ngx_http_gateway_log_inner(rec, p, result[i].word.data,
                                       result[i].word.len);
        *p++ = '"';

        if (!result[i].unknown) {
            p = ngx_cpymem(p, ",\"remaining\":", 13);
            p = gw_text_decimal(p, result[i].remaining);
        }

        if (result[i].dry_run) {
            p = ngx_cpymem(p, ",\"dry_run\":true", 15);
        }

        *p++ = '}';
        *p++ = ',';
    }

    p[-1] = ']';

    return p;
}


/* a time of an upstream server; (ngx_msec_t) -1: it has not come so far */

static u_char *
ngx_http_gateway_log_try_ms(u_char *p, const char *key, ngx_msec_t ms)
{
    if (ms == (ngx_msec_t) -1) {
        return p;
    }

    p = ngx_cpymem(p, key, ngx_strlen(key));

    return gw_text_decimal(p, ms);
}


static u_char *
ngx_http_gateway_log_try(ngx_http_gateway_log_record_t *rec,
    const ngx_http_upstream_state_t *state, ngx_uint_t group, u_char *p)
{
    p = ngx_cpymem(p, "{\"addr\":\"", 9);
    p = ngx_http_gateway_log_inner(rec, p, state->peer->data,
                                   state->peer->len);
    *p++ = '"';

    if (state->status) {
        p = ngx_cpymem(p, ",\"status\":", 10);
        p = gw_text_decimal(p, state->status);
    }

    p = ngx_http_gateway_log_try_ms(p, ",\"connect_ms\":",
                                    state->connect_time);
    p = ngx_http_gateway_log_try_ms(p, ",\"header_ms\":", state->header_time);
    p = ngx_http_gateway_log_try_ms(p, ",\"response_ms\":",
                                    state->response_time);
    p = ngx_cpymem(p, ",\"bytes\":", 9);
    p = gw_text_decimal(p, (uint64_t) state->response_length);

    if (group) {
        p = ngx_cpymem(p, ",\"group\":", 9);
        p = gw_text_decimal(p, group);
    }

    *p++ = '}';
    *p++ = ',';

    return p;
}


/*
 * The tries of upstream servers.  An element without a peer separates those
 * before an internal redirect from those behind it.
 */

static u_char *
ngx_http_gateway_log_upstream(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char                     *start;
    ngx_uint_t                  i, group;
    ngx_array_t                *states;
    ngx_http_upstream_state_t  *state;

    states = rec->request->upstream_states;

    if (states == NULL) {
        return NULL;
    }

    state = states->elts;
    group = 0;

    *p++ = '[';
    start = p;

    for (i = 0; i < states->nelts && ngx_http_gateway_log_goes_on(rec, p); i++)
    {
        if (state[i].peer) {
            p = ngx_http_gateway_log_try(rec, &state[i], group, p);

        } else if (p > start) {
            group++;
        }
    }

    if (p == start) {
        return NULL;
    }

    p[-1] = ']';

    return p;
}


static u_char *
ngx_http_gateway_log_rate(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->rate->len ? ngx_cpymem(p, rec->rate->data, rec->rate->len)
                          : NULL;
}


static u_char *
ngx_http_gateway_log_truncated(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->cut ? ngx_http_gateway_log_bool(p, 1) : NULL;
}


/* for ecs */

static u_char *
ngx_http_gateway_log_event_type(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    if (rec->status == NGX_HTTP_UNAUTHORIZED
        || rec->status == NGX_HTTP_FORBIDDEN
        || rec->status == NGX_HTTP_TOO_MANY_REQUESTS)
    {
        return ngx_cpymem(p, "[\"access\",\"denied\"]", 19);
    }

    return ngx_cpymem(p, "[\"access\"]", 10);
}


static u_char *
ngx_http_gateway_log_event_outcome(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->status && rec->status < 400 ? ngx_cpymem(p, "\"success\"", 9)
                                            : ngx_cpymem(p, "\"failure\"", 9);
}


/* for otel: of a 5xx and of a request that was not answered as a whole */

static u_char *
ngx_http_gateway_log_error_type(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_gateway_end_e  end;

    end = ngx_http_gateway_end(rec->request, rec->gr);

    if (end != NGX_HTTP_GATEWAY_END_COMPLETE
        && (rec->status < 500
            || ngx_http_gateway_incomplete(rec->request, rec->gr)))
    {
        return ngx_http_gateway_log_end(rec, op, p);
    }

    if (rec->status < 500) {
        return NULL;
    }

    *p++ = '"';
    p = gw_text_decimal(p, rec->status);
    *p++ = '"';

    return p;
}


/*
 * For gcp: who has made the response, the upstream server that was asked last,
 * or nginx.  A group without a live server is a name.
 */

static u_char *
ngx_http_gateway_log_server_ip(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char                     *end;
    ngx_str_t                  *peer;
    ngx_connection_t           *c;
    ngx_http_upstream_state_t  *state;

    state = ngx_http_gateway_last_try(rec->request);

    if (state != NULL) {
        peer = state->peer;

        return peer->len && (peer->data[0] == '['
                             || (peer->data[0] >= '0' && peer->data[0] <= '9'))
               ? ngx_http_gateway_log_text(rec, p, peer->data, peer->len)
               : NULL;
    }

    c = rec->request->connection;

    if (ngx_connection_local_sockaddr(c, NULL, 0) != NGX_OK
        || c->local_sockaddr->sa_family == AF_UNIX)
    {
        return NULL;
    }

    *p = '"';
    end = p + 1 + ngx_sock_ntop(c->local_sockaddr, c->local_socklen, p + 1,
                                NGX_SOCKADDR_STRLEN, 0);
    *end++ = '"';

    return end;
}


/* for gcp */

static u_char *
ngx_http_gateway_log_severity(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->status >= 500 ? ngx_cpymem(p, "\"ERROR\"", 7)
           : rec->status >= 400 ? ngx_cpymem(p, "\"WARNING\"", 9)
           : ngx_cpymem(p, "\"INFO\"", 6);
}


/* what a cache did: the gateway's, or nginx's by $upstream_cache_status */

static ngx_uint_t
ngx_http_gateway_log_get_cache(ngx_http_gateway_log_record_t *rec,
    ngx_int_t index, ngx_str_t *status)
{
    ngx_http_variable_value_t  *v;

    if (rec->gr && rec->gr->cached) {
        *status = rec->gr->cached->status;
        return 1;
    }

    v = rec->request->upstream ? ngx_http_gateway_log_get(rec, index) : NULL;

    if (v == NULL) {
        return 0;
    }

    status->data = v->data;
    status->len = v->len;

    return 1;
}


static u_char *
ngx_http_gateway_log_cache(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  status;

    return ngx_http_gateway_log_get_cache(rec, (ngx_int_t) op->data, &status)
           ? ngx_http_gateway_log_text(rec, p, status.data, status.len) : NULL;
}


/* of the gateway's cache alone */

static u_char *
ngx_http_gateway_log_cache_reason(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    const ngx_http_gateway_cached_t  *cached;

    cached = rec->gr ? rec->gr->cached : NULL;

    return (cached && cached->reason.len)
           ? ngx_http_gateway_log_text(rec, p, cached->reason.data,
                                       cached->reason.len)
           : NULL;
}


static u_char *
ngx_http_gateway_log_cache_age(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    const ngx_http_gateway_cached_t  *cached;

    cached = rec->gr ? rec->gr->cached : NULL;

    return (cached && cached->aged) ? gw_text_decimal(p, cached->age) : NULL;
}


/* for gcp */

static u_char *
ngx_http_gateway_log_cache_looked(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  status;

    return ngx_http_gateway_log_get_cache(rec, (ngx_int_t) op->data, &status)
           ? ngx_http_gateway_log_bool(p, 1) : NULL;
}


static u_char *
ngx_http_gateway_log_cache_hit(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  status;

    if (!ngx_http_gateway_log_get_cache(rec, (ngx_int_t) op->data, &status)
        || status.len < 2)
    {
        return NULL;
    }

    /*
     * HIT, STALE, UPDATING, REVALIDATED, COLLAPSED; not MISS, BYPASS, EXPIRED,
     * SCARCE, ERROR
     */

    return ngx_http_gateway_log_bool(p, status.data[0] == 'H'
                                        || status.data[0] == 'U'
                                        || status.data[0] == 'R'
                                        || status.data[0] == 'C'
                                        || status.data[1] == 'T');
}


static u_char *
ngx_http_gateway_log_cache_validated(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  status;

    return ngx_http_gateway_log_get_cache(rec, (ngx_int_t) op->data, &status)
           ? ngx_http_gateway_log_bool(p, status.data[0] == 'R') : NULL;
}


/* --- presets */

#define NGX_HTTP_GATEWAY_LOG_CONSTANT(path, json)                             \
    { ngx_string(path), NULL, 0, ngx_string(json), ngx_null_string, 1, 0 }

#define NGX_HTTP_GATEWAY_LOG_SURE(path, write, data)                          \
    { ngx_string(path), write, data, ngx_null_string, ngx_null_string, 1, 0 }

#define NGX_HTTP_GATEWAY_LOG_MAYBE(path, ...)                                 \
    { ngx_string(path), __VA_ARGS__, ngx_null_string, ngx_null_string, 0, 0 }

#define NGX_HTTP_GATEWAY_LOG_VAR(path, write, variable)                       \
    { ngx_string(path), write, 0, ngx_null_string, ngx_string(variable), 0, 0 }

/* a name with dots that make no objects */
#define NGX_HTTP_GATEWAY_LOG_WHOLE(path, write, variable)                     \
    { ngx_string(path), write, 0, ngx_null_string, ngx_string(variable), 0, 1 }

#define NGX_HTTP_GATEWAY_LOG_END                                              \
    { ngx_null_string, NULL, 0, ngx_null_string, ngx_null_string, 0, 0 }


/* short names for the tables */

#define C      NGX_HTTP_GATEWAY_LOG_CONSTANT
#define S      NGX_HTTP_GATEWAY_LOG_SURE
#define M      NGX_HTTP_GATEWAY_LOG_MAYBE
#define V      NGX_HTTP_GATEWAY_LOG_VAR
#define W      NGX_HTTP_GATEWAY_LOG_WHOLE
#define w(f)   ngx_http_gateway_log_ ## f
#define AS(f)  NGX_HTTP_GATEWAY_LOG_AS_ ## f

#define LINE(field)                                                           \
    ngx_http_gateway_log_line, offsetof(ngx_http_headers_in_t, field)


/* what only native has a name for; in the others behind "gateway." */

#define NGX_HTTP_GATEWAY_LOG_CACHE(prefix)                                    \
    V(prefix "cache_status", w(cache), "upstream_cache_status"),              \
    M(prefix "cache_reason", w(cache_reason), 0),                             \
    M(prefix "cache_age", w(cache_age), 0)

#define NGX_HTTP_GATEWAY_LOG_OWN(prefix)                                      \
    M(prefix "consumer", ngx_http_gateway_log_identity(consumer)),            \
    M(prefix "credential", ngx_http_gateway_log_identity(credential)),        \
    M(prefix "plan", ngx_http_gateway_log_identity(plan)),                    \
    M(prefix "auth_method", ngx_http_gateway_log_identity(method)),           \
    M(prefix "auth_reason", w(reason), 0),                                    \
    M(prefix "limits", w(results), 0),                                        \
    S(prefix "end", w(end), 0),                                               \
    M(prefix "upstream", w(upstream), 0),                                     \
    S(prefix "connection", w(connection), 0),                                 \
    S(prefix "connection_requests", w(connection), 1),                        \
    M(prefix "sample_rate", w(rate), 0)

/* the last member, so that it knows of all strings */

#define NGX_HTTP_GATEWAY_LOG_CUT(prefix)                                      \
    M(prefix "truncated", w(truncated), 0)


static const ngx_http_gateway_log_row_t  ngx_http_gateway_log_native[] = {
    S("time", w(time), AS(ISO)),
    S("duration_ms", w(duration), AS(MS)),
    M("status", w(status), 0),
    M("method", ngx_http_gateway_log_str(method_name)),
    S("scheme", w(scheme), 0),
    M("host", w(host), 0),
    M("port", w(port), 0),
    M("path", w(path), 0),
    M("query", w(path), 1),
    M("http_version", w(version), 0),
    M("client_ip", w(client), 0),
    M("client_port", w(port), 1),
    V("peer_ip", w(peer), "realip_remote_addr"),
    V("peer_port", w(peer_port), "realip_remote_port"),
    S("request_bytes", w(request_bytes), 0),
    S("response_bytes", w(response_bytes), 0),
    S("response_body_bytes", w(body_bytes), 0),
    M("referer", w(referer), 0),
    M("user_agent", LINE(user_agent)),
    V("tls_version", w(tls_version), "ssl_protocol"),
    V("tls_cipher", w(tls), "ssl_cipher"),
    V("tls_server_name", w(tls), "ssl_server_name"),
    V("tls_resumed", w(tls_resumed), "ssl_session_reused"),
    M("route", w(route), 0),
    V("request_id", w(variable), "gateway_request_id"),
    V("trace_id", w(trace_id), "gateway_trace_id"),
    V("span_id", w(of_trace), "gateway_span_id"),
    V("parent_id", w(of_trace), "gateway_parent_id"),
    V("trace_sampled", w(trace_sampled), "gateway_trace_sampled"),
    NGX_HTTP_GATEWAY_LOG_CACHE(""),
    NGX_HTTP_GATEWAY_LOG_OWN(""),
    NGX_HTTP_GATEWAY_LOG_CUT(""),
    NGX_HTTP_GATEWAY_LOG_END
};


static const ngx_http_gateway_log_row_t  ngx_http_gateway_log_ecs[] = {
    S("@timestamp", w(time), AS(ISO)),
    C("ecs.version", "\"9.4.0\""),
    C("event.kind", "\"event\""),
    C("event.category", "[\"web\"]"),
    C("event.dataset", "\"nginx.access\""),
    S("event.type", w(event_type), 0),
    S("event.outcome", w(event_outcome), 0),
    S("event.duration", w(duration), AS(NS)),
    S("http.request.bytes", w(request_bytes), 0),
    M("http.request.method", ngx_http_gateway_log_str(method_name)),
    M("http.request.referrer", w(referer), 0),
    V("http.request.id", w(variable), "gateway_request_id"),
    S("http.response.bytes", w(response_bytes), 0),
    S("http.response.body.bytes", w(body_bytes), 0),
    M("http.response.status_code", w(status), 0),
    M("http.version", w(version), 0),
    S("url.scheme", w(scheme), 0),
    M("url.domain", w(host), 0),
    M("url.port", w(port), 0),
    M("url.path", w(path), 0),
    M("url.query", w(path), 1),
    M("url.original", w(uri), 0),
    M("client.ip", w(client_only_ip), 0),
    M("client.port", w(port), 1),
    V("source.ip", w(peer_only_ip), "realip_remote_addr"),
    V("source.port", w(peer_port), "realip_remote_port"),
    V("network.forwarded_ip", w(forwarded), "realip_remote_addr"),
    M("user_agent.original", LINE(user_agent)),
    M("user.name", ngx_http_gateway_log_identity(consumer)),
    V("trace.id", w(trace_id), "gateway_trace_id"),
    V("span.id", w(of_trace), "gateway_span_id"),
    V("tls.version", w(tls_version), "ssl_protocol"),
    V("tls.cipher", w(tls), "ssl_cipher"),
    V("tls.client.server_name", w(tls), "ssl_server_name"),
    V("tls.resumed", w(tls_resumed), "ssl_session_reused"),
    S("host.name", w(hostname), 0),
    M("gateway.route", w(route), 0),
    V("gateway.parent_id", w(of_trace), "gateway_parent_id"),
    V("gateway.trace_sampled", w(trace_sampled), "gateway_trace_sampled"),
    NGX_HTTP_GATEWAY_LOG_CACHE("gateway."),
    NGX_HTTP_GATEWAY_LOG_OWN("gateway."),
    NGX_HTTP_GATEWAY_LOG_CUT("gateway."),
    NGX_HTTP_GATEWAY_LOG_END
};


static const ngx_http_gateway_log_row_t  ngx_http_gateway_log_otel[] = {
    S("timeUnixNano", w(time), AS(NS_TEXT)),
    V("trace_id", w(trace_id), "gateway_trace_id"),
    V("span_id", w(of_trace), "gateway_span_id"),
    V("trace_flags", w(trace_flags), "gateway_trace_sampled"),
    M("http.request.method", w(method), 0),
    M("http.request.method_original", w(method), 1),
    M("http.response.status_code", w(status), 1),
    M("error.type", w(error_type), 0),
    S("url.scheme", w(scheme), 0),
    M("server.address", w(host), 0),
    M("server.port", w(port), 0),
    M("url.path", w(path), 0),
    M("url.query", w(path), 1),
    M("http.route", w(route), 0),
    M("network.protocol.version", w(version), 0),
    M("client.address", w(client), 0),
    M("client.port", w(port), 1),
    V("network.peer.address", w(peer), "realip_remote_addr"),
    V("network.peer.port", w(peer_port), "realip_remote_port"),
    S("http.request.size", w(request_bytes), 0),
    S("http.response.size", w(response_bytes), 0),
    S("http.response.body.size", w(body_bytes), 0),
    M("user_agent.original", LINE(user_agent)),
    M("http.request.header.referer", w(referer), AS(LIST)),
    V("tls.protocol.version", w(tls_version), "ssl_protocol"),
    V("tls.cipher", w(tls), "ssl_cipher"),
    V("tls.client.server_name", w(tls), "ssl_server_name"),
    V("tls.resumed", w(tls_resumed), "ssl_session_reused"),
    S("host.name", w(hostname), 0),
    S("gateway.duration_ms", w(duration), AS(MS)),
    V("gateway.request_id", w(variable), "gateway_request_id"),
    V("gateway.parent_id", w(of_trace), "gateway_parent_id"),
    NGX_HTTP_GATEWAY_LOG_CACHE("gateway."),
    NGX_HTTP_GATEWAY_LOG_OWN("gateway."),
    NGX_HTTP_GATEWAY_LOG_CUT("gateway."),
    NGX_HTTP_GATEWAY_LOG_END
};


static const ngx_http_gateway_log_row_t  ngx_http_gateway_log_gcp[] = {
    S("time", w(time), AS(ISO)),
    S("severity", w(severity), 0),
    M("httpRequest.requestMethod", ngx_http_gateway_log_str(method_name)),
    M("httpRequest.requestUrl", w(url), 0),
    S("httpRequest.requestSize", w(request_bytes), AS(TEXT)),
    M("httpRequest.status", w(status), 0),
    S("httpRequest.responseSize", w(response_bytes), AS(TEXT)),
    M("httpRequest.userAgent", LINE(user_agent)),
    M("httpRequest.remoteIp", w(client_only_ip), 0),
    M("httpRequest.serverIp", w(server_ip), 0),
    M("httpRequest.referer", w(referer), 0),
    S("httpRequest.latency", w(duration), AS(SECONDS)),
    M("httpRequest.protocol", ngx_http_gateway_log_str(http_protocol)),
    V("httpRequest.cacheLookup", w(cache_looked), "upstream_cache_status"),
    V("httpRequest.cacheHit", w(cache_hit), "upstream_cache_status"),
    V("httpRequest.cacheValidatedWithOriginServer", w(cache_validated),
      "upstream_cache_status"),
    W("logging.googleapis.com/trace", w(gcp_trace), "gateway_trace_id"),
    W("logging.googleapis.com/spanId", w(of_trace), "gateway_span_id"),
    W("logging.googleapis.com/trace_sampled", w(trace_sampled),
      "gateway_trace_sampled"),
    W("logging.googleapis.com/insertId", w(variable), "gateway_request_id"),
    M("gateway.host", w(host), 0),
    M("gateway.port", w(port), 0),
    M("gateway.client_port", w(port), 1),
    V("gateway.peer_ip", w(peer), "realip_remote_addr"),
    V("gateway.peer_port", w(peer_port), "realip_remote_port"),
    S("gateway.response_body_bytes", w(body_bytes), 0),
    V("gateway.tls_version", w(tls_version), "ssl_protocol"),
    V("gateway.tls_cipher", w(tls), "ssl_cipher"),
    V("gateway.tls_server_name", w(tls), "ssl_server_name"),
    V("gateway.tls_resumed", w(tls_resumed), "ssl_session_reused"),
    M("gateway.route", w(route), 0),
    V("gateway.request_id", w(variable), "gateway_request_id"),
    V("gateway.trace_id", w(trace_id), "gateway_trace_id"),
    V("gateway.parent_id", w(of_trace), "gateway_parent_id"),
    NGX_HTTP_GATEWAY_LOG_CACHE("gateway."),
    NGX_HTTP_GATEWAY_LOG_OWN("gateway."),
    NGX_HTTP_GATEWAY_LOG_CUT("gateway."),
    NGX_HTTP_GATEWAY_LOG_END
};


/* what tells how a record came about; all other members are fields */

static const ngx_http_gateway_log_row_t  ngx_http_gateway_log_none[] = {
    M("sample_rate", w(rate), 0),
    NGX_HTTP_GATEWAY_LOG_CUT(""),
    NGX_HTTP_GATEWAY_LOG_END
};


#define NGX_HTTP_GATEWAY_LOG_OBSERVES                                         \
    (NGX_HTTP_GATEWAY_OBSERVE_ROUTE|NGX_HTTP_GATEWAY_OBSERVE_TIME             \
     |NGX_HTTP_GATEWAY_OBSERVE_END|NGX_HTTP_GATEWAY_OBSERVE_RESULTS           \
     |NGX_HTTP_GATEWAY_OBSERVE_CACHED)


const ngx_http_gateway_log_vocabulary_t
    ngx_http_gateway_log_vocabularies[NGX_HTTP_GATEWAY_LOG_PRESETS] =
{
    { ngx_string("native"), ngx_http_gateway_log_native, 0,
      ngx_string("request_header_"), ngx_string("response_header_"), 0,
      NGX_HTTP_GATEWAY_LOG_OBSERVES },

    { ngx_string("ecs"), ngx_http_gateway_log_ecs, 1,
      ngx_string("request_header_"), ngx_string("response_header_"), 0,
      NGX_HTTP_GATEWAY_LOG_OBSERVES },

    { ngx_string("otel"), ngx_http_gateway_log_otel, 0,
      ngx_string("http.request.header."), ngx_string("http.response.header."),
      1, NGX_HTTP_GATEWAY_LOG_OBSERVES },

    { ngx_string("gcp"), ngx_http_gateway_log_gcp, 1,
      ngx_string("request_header_"), ngx_string("response_header_"), 0,
      NGX_HTTP_GATEWAY_LOG_OBSERVES },

    { ngx_string("none"), ngx_http_gateway_log_none, 0,
      ngx_string("request_header_"), ngx_string("response_header_"), 0, 0 }
};
