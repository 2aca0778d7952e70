/* SPDX-License-Identifier: BSD-2-Clause */

/* values that nginx has of a request and its response */

#include "ngx_http_gateway_log_value.h"


#define NGX_HTTP_GATEWAY_LOG_NS  1000000000


typedef struct {
    time_t                          sec;
    u_char                          text[sizeof("1970-01-01T00:00:00") - 1];
} ngx_http_gateway_log_second_t;


/* the text of the last record's second, one for each worker */
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


u_char *
ngx_http_gateway_log_bool(u_char *p, ngx_uint_t yes)
{
    return yes ? ngx_cpymem(p, "true", 4) : ngx_cpymem(p, "false", 5);
}


ngx_http_variable_value_t *
ngx_http_gateway_log_get(ngx_http_gateway_log_record_t *rec, ngx_int_t index)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_get_flushed_variable(rec->request, (ngx_uint_t) index);

    return (v == NULL || v->not_found || v->len == 0) ? NULL : v;
}


u_char *
ngx_http_gateway_log_write_variable(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_gateway_log_get(rec, (ngx_int_t) op->data);

    return v ? ngx_http_gateway_log_text(rec, p, v->data, v->len) : NULL;
}


/* the time when nginx created the request */

u_char *
ngx_http_gateway_log_write_time(ngx_http_gateway_log_record_t *rec,
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


u_char *
ngx_http_gateway_log_write_duration(ngx_http_gateway_log_record_t *rec,
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


u_char *
ngx_http_gateway_log_write_request_str(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  *s;

    s = (ngx_str_t *) ((u_char *) rec->request + op->data);

    return ngx_http_gateway_log_text(rec, p, s->data, s->len);
}


/* "data": only a method that nginx does not know; else _OTHER stands for it */

u_char *
ngx_http_gateway_log_write_method(ngx_http_gateway_log_record_t *rec,
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


/* "data": only if a response was sent to the client */

u_char *
ngx_http_gateway_log_write_status(ngx_http_gateway_log_record_t *rec,
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


u_char *
ngx_http_gateway_log_write_request_bytes(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return ngx_http_gateway_log_size(p, rec->request->request_length,
                                     op->data);
}


u_char *
ngx_http_gateway_log_write_response_bytes(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return ngx_http_gateway_log_size(p, rec->request->connection->sent,
                                     op->data);
}


u_char *
ngx_http_gateway_log_write_body_bytes(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_request_t  *r = rec->request;

    return ngx_http_gateway_log_size(p, r->connection->sent
                                        - (off_t) r->header_size, op->data);
}


/* "1.1", "2" */

u_char *
ngx_http_gateway_log_write_version(ngx_http_gateway_log_record_t *rec,
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


/* whether the connection uses TLS, as in $scheme */

static ngx_uint_t
ngx_http_gateway_log_is_https(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)

    return r->connection->ssl != NULL;

#else

    return 0;

#endif
}


u_char *
ngx_http_gateway_log_write_scheme(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return ngx_http_gateway_log_is_https(rec->request)
           ? ngx_cpymem(p, "\"https\"", 7) : ngx_cpymem(p, "\"http\"", 6);
}


/* the same as $host */

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


/* without quotes; a client can send "user@" before the host, as in a URL */

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


u_char *
ngx_http_gateway_log_write_host(ngx_http_gateway_log_record_t *rec,
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


u_char *
ngx_http_gateway_log_write_hostname(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return ngx_http_gateway_log_text(rec, p, ngx_cycle->hostname.data,
                                     ngx_cycle->hostname.len);
}


/* 0: no port */

static ngx_uint_t
ngx_http_gateway_log_port_of(struct sockaddr *sa)
{
    return sa ? ngx_inet_get_port(sa) : 0;
}


/* "data": the client's port, else the port that the client connected to */

u_char *
ngx_http_gateway_log_write_port(ngx_http_gateway_log_record_t *rec,
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
 * The request target up to "?", or with "data" after it.  It is not decoded:
 * redaction must see what the client sent.
 */

u_char *
ngx_http_gateway_log_write_path(ngx_http_gateway_log_record_t *rec,
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


u_char *
ngx_http_gateway_log_write_uri(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  *uri;

    uri = &rec->request->unparsed_uri;

    return ngx_http_gateway_log_redacted(rec, p, uri->data, uri->len);
}


/* scheme, host, port unless it is the default one, and the request target */

u_char *
ngx_http_gateway_log_write_url(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char              *end;
    ngx_uint_t           port, usual;
    ngx_http_request_t  *r;

    r = rec->request;

    if (r->unparsed_uri.len == 0) {
        return NULL;
    }

    /* each part is written with its quotes, and the inner ones are removed */

    end = ngx_http_gateway_log_write_scheme(rec, op, p) - 1;
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
    end = ngx_http_gateway_log_write_uri(rec, op, p);
    ngx_memmove(p, p + 1, end - p - 1);

    return end - 1;
}


/* a header that nginx has parsed; "data" is its offset in headers_in */

u_char *
ngx_http_gateway_log_write_line(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_table_elt_t  *h;

    h = *(ngx_table_elt_t **) ((u_char *) &rec->request->headers_in
                               + op->data);

    return h ? ngx_http_gateway_log_text(rec, p, h->value.data, h->value.len)
             : NULL;
}


u_char *
ngx_http_gateway_log_write_referer(ngx_http_gateway_log_record_t *rec,
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
ngx_http_gateway_log_write_rate(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->rate->len ? ngx_cpymem(p, rec->rate->data, rec->rate->len)
                          : NULL;
}


u_char *
ngx_http_gateway_log_write_truncated(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->cut ? ngx_http_gateway_log_bool(p, 1) : NULL;
}
