/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Writers: one function for each kind of value.  The presets assign them to
 * members.  A comment says what op->data is for the functions that follow it.
 */

#ifndef _NGX_HTTP_GATEWAY_LOG_VALUE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LOG_VALUE_H_INCLUDED_


#include "ngx_http_gateway_log.h"


typedef enum {
    NGX_HTTP_GATEWAY_LOG_AS_MS = 0,     /* 1.234 */
    NGX_HTTP_GATEWAY_LOG_AS_NS,         /* 1234000 */
    NGX_HTTP_GATEWAY_LOG_AS_SECONDS,    /* "0.001234s" */
    NGX_HTTP_GATEWAY_LOG_AS_ISO,        /* "2026-11-29T12:00:00.000Z" */
    NGX_HTTP_GATEWAY_LOG_AS_NS_TEXT,    /* "1796040000000000000" */
    NGX_HTTP_GATEWAY_LOG_AS_TEXT,
    NGX_HTTP_GATEWAY_LOG_AS_LIST
} ngx_http_gateway_log_as_e;


/* ngx_http_gateway_log_value.c: the request and the response */

/* the value of a variable; NULL: it is empty or not found */
ngx_http_variable_value_t *ngx_http_gateway_log_get(
    ngx_http_gateway_log_record_t *rec, ngx_int_t index);

/* "width" digits, with leading zeros; and true or false; both return the end */
u_char *ngx_http_gateway_log_digits(u_char *p, ngx_uint_t n, ngx_uint_t width);
u_char *ngx_http_gateway_log_bool(u_char *p, ngx_uint_t yes);

/* the index of a variable */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_variable;

/* NGX_HTTP_GATEWAY_LOG_AS_ISO or AS_NS_TEXT */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_time;

/* NGX_HTTP_GATEWAY_LOG_AS_MS, AS_NS or AS_SECONDS */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_duration;

/* the offset of an ngx_str_t in ngx_http_request_t */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_request_str;

/* the offset of an ngx_table_elt_t * in ngx_http_headers_in_t */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_line;

/* 0: a known method, or _OTHER; 1: an unknown method */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_method;

/* 1: only if a response was sent */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_status;

/* NGX_HTTP_GATEWAY_LOG_AS_TEXT: in quotes; the same for all three */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_request_bytes;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_response_bytes;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_body_bytes;

/* not used */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_version;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_scheme;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_host;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_hostname;

/* 0: the local port; 1: the port of the client */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_port;

/* 0: the path; 1: the query */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_path;

/* not used */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_uri;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_url;

/* NGX_HTTP_GATEWAY_LOG_AS_LIST: in an array */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_referer;

/* not used */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_rate;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_truncated;


/* ngx_http_gateway_log_value_connection.c: addresses and TLS */

/* not used */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_client;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_client_only_ip;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_forwarded;

/* the index of $realip_remote_addr */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_peer;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_peer_only_ip;

/* the index of $realip_remote_port; must follow an address */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_peer_port;

/* not used */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_server_ip;

/* 0: its number; 1: the number of its requests */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_connection;

/* the index of a variable of TLS */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_tls;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_tls_version;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_tls_resumed;


/*
 * ngx_http_gateway_log_value_gateway.c: what gateway modules know.  The trace
 * id must come before all other members of a trace.
 */

/* the index of a variable of the trace */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_trace_id;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_gcp_trace;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_of_trace;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_trace_sampled;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_trace_flags;

/* the offset of an ngx_str_t in ngx_http_gateway_request_t */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_identity_str;

/* not used */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_reason;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_route;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_results;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_end;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_upstream;

/* the index of $upstream_cache_status */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache_looked;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache_hit;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache_validated;

/* not used */
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache_reason;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache_age;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_event_type;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_event_outcome;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_error_type;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_severity;


#endif /* _NGX_HTTP_GATEWAY_LOG_VALUE_H_INCLUDED_ */
