/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Values of a record: a function for each kind of value.  The presets give
 * them their names.  A comment after a function says what op->data is; where
 * there is none, it is not used.
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
    NGX_HTTP_GATEWAY_LOG_AS_NUMBER,
    NGX_HTTP_GATEWAY_LOG_AS_TEXT,
    NGX_HTTP_GATEWAY_LOG_AS_LIST
} ngx_http_gateway_log_as_e;


/* ngx_http_gateway_log_value.c: a request and its response, by nginx */

/* of a variable by its index; NULL: it has no value */
ngx_http_variable_value_t *ngx_http_gateway_log_get(
    ngx_http_gateway_log_record_t *rec, ngx_int_t index);

/* "width" digits, with zeros before them; and true or false */
u_char *ngx_http_gateway_log_digits(u_char *p, ngx_uint_t n, ngx_uint_t width);
u_char *ngx_http_gateway_log_bool(u_char *p, ngx_uint_t yes);

ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_variable;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_time;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_duration;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_request_str;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_line;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_method;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_status;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_request_bytes;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_response_bytes;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_body_bytes;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_version;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_scheme;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_host;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_hostname;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_port;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_path;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_uri;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_url;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_referer;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_rate;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_truncated;


/* ngx_http_gateway_log_value_connection.c: its addresses and its TLS */

ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_client;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_client_only_ip;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_peer;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_peer_only_ip;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_peer_port;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_forwarded;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_server_ip;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_connection;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_tls;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_tls_version;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_tls_resumed;


/* ngx_http_gateway_log_value_gateway.c: what gateway modules know */

ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_trace_id;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_of_trace;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_trace_sampled;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_trace_flags;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_gcp_trace;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_identity_str;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_reason;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_route;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_end;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_results;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_upstream;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache_reason;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache_age;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache_looked;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache_hit;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_cache_validated;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_event_type;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_event_outcome;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_error_type;
ngx_http_gateway_log_write_t  ngx_http_gateway_log_write_severity;


#endif /* _NGX_HTTP_GATEWAY_LOG_VALUE_H_INCLUDED_ */
