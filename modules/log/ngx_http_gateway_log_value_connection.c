/* SPDX-License-Identifier: BSD-2-Clause */

/* values of a connection: its addresses and its TLS */

#include "ngx_http_gateway_log_value.h"


/* the client's address; if the format masks it, its last bits are zero */

u_char *
ngx_http_gateway_log_write_client(ngx_http_gateway_log_record_t *rec,
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


/*
 * The address of the connection, from $realip_remote_addr, if the realip module
 * has replaced it.  If not, the variable points to the text of the client's
 * address.
 */

u_char *
ngx_http_gateway_log_write_peer(ngx_http_gateway_log_record_t *rec,
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


/* $realip_remote_port; the address must have been written before */

u_char *
ngx_http_gateway_log_write_peer_port(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    if (!rec->relayed) {
        return NULL;
    }

    v = ngx_http_gateway_log_get(rec, (ngx_int_t) op->data);

    return v ? ngx_cpymem(p, v->data, v->len) : NULL;
}


/* for ecs: the client's address, if the connection is that of a proxy */

u_char *
ngx_http_gateway_log_write_forwarded(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->relayed ? ngx_http_gateway_log_write_client(rec, op, p) : NULL;
}


/* left out if it is "unix:": some vocabularies allow only IP addresses */

u_char *
ngx_http_gateway_log_write_client_only_ip(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char  *end;

    end = ngx_http_gateway_log_write_client(rec, op, p);

    return (end && p[1] == 'u') ? NULL : end;
}


u_char *
ngx_http_gateway_log_write_peer_only_ip(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char  *end;

    end = ngx_http_gateway_log_write_peer(rec, op, p);

    return (end && p[1] == 'u') ? NULL : end;
}


u_char *
ngx_http_gateway_log_write_connection(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_connection_t  *c = rec->request->connection;

    return gw_text_decimal(p, op->data ? c->requests : c->number);
}


/* a variable of a connection with TLS; NULL: without TLS, or empty */

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


u_char *
ngx_http_gateway_log_write_tls(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_gateway_log_get_tls(rec, (ngx_int_t) op->data);

    return v ? ngx_http_gateway_log_text(rec, p, v->data, v->len) : NULL;
}


/* $ssl_session_reused is "r" or "." */

u_char *
ngx_http_gateway_log_write_tls_resumed(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_gateway_log_get_tls(rec, (ngx_int_t) op->data);

    return v ? ngx_http_gateway_log_bool(p, v->data[0] == 'r') : NULL;
}


/* "1.3" from the "TLSv1.3" of $ssl_protocol */

u_char *
ngx_http_gateway_log_write_tls_version(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_gateway_log_get_tls(rec, (ngx_int_t) op->data);

    if (v == NULL || v->len < 5 || ngx_strncmp(v->data, "TLSv", 4) != 0) {
        return NULL;
    }

    return ngx_http_gateway_log_text(rec, p, v->data + 4, v->len - 4);
}


/*
 * For gcp: the address of the last upstream server that was tried, or else of
 * nginx.  If no server of an upstream is live, nginx records the name of the
 * upstream instead of an address.
 */

u_char *
ngx_http_gateway_log_write_server_ip(ngx_http_gateway_log_record_t *rec,
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
