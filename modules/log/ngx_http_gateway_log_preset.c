/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The presets: the members of a record, and their names.
 *
 * Names in ecs are those of the Elastic Common Schema, in otel those of
 * OpenTelemetry's semantic conventions, in gcp those of Cloud Logging.  Other
 * members have their name of native after "gateway.".
 */

#include "ngx_http_gateway_log_value.h"


/* writer and data of a string in a structure */

#define ngx_http_gateway_log_str(field)                                       \
    ngx_http_gateway_log_write_request_str, offsetof(ngx_http_request_t, field)

#define ngx_http_gateway_log_identity(field)                                  \
    ngx_http_gateway_log_write_identity_str,                                  \
    offsetof(ngx_http_gateway_request_t, identity.field)


#define NGX_HTTP_GATEWAY_LOG_CONSTANT(path, json)                             \
    { ngx_string(path), NULL, 0, ngx_string(json), ngx_null_string, 1, 0 }

#define NGX_HTTP_GATEWAY_LOG_SURE(path, write, data)                          \
    { ngx_string(path), write, data, ngx_null_string, ngx_null_string, 1, 0 }

#define NGX_HTTP_GATEWAY_LOG_MAYBE(path, ...)                                 \
    { ngx_string(path), __VA_ARGS__, ngx_null_string, ngx_null_string, 0, 0 }

#define NGX_HTTP_GATEWAY_LOG_VAR(path, write, variable)                       \
    { ngx_string(path), write, 0, ngx_null_string, ngx_string(variable), 0, 0 }

/* a name whose dots begin no objects */
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
#define w(f)   ngx_http_gateway_log_write_ ## f
#define AS(f)  NGX_HTTP_GATEWAY_LOG_AS_ ## f

#define LINE(field)                                                           \
    ngx_http_gateway_log_write_line, offsetof(ngx_http_headers_in_t, field)


/* members that have the same name in all presets, after a prefix */

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

/* the last member: it must know whether any string before it was cut */

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


/* only how the record was made; all other members are fields */

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
    [NGX_HTTP_GATEWAY_LOG_NATIVE] =
        { ngx_http_gateway_log_native, 0,
          ngx_string("request_header_"), ngx_string("response_header_"), 0,
          NGX_HTTP_GATEWAY_LOG_OBSERVES },

    [NGX_HTTP_GATEWAY_LOG_ECS] =
        { ngx_http_gateway_log_ecs, 1,
          ngx_string("request_header_"), ngx_string("response_header_"), 0,
          NGX_HTTP_GATEWAY_LOG_OBSERVES },

    [NGX_HTTP_GATEWAY_LOG_OTEL] =
        { ngx_http_gateway_log_otel, 0,
          ngx_string("http.request.header."),
          ngx_string("http.response.header."), 1,
          NGX_HTTP_GATEWAY_LOG_OBSERVES },

    [NGX_HTTP_GATEWAY_LOG_GCP] =
        { ngx_http_gateway_log_gcp, 1,
          ngx_string("request_header_"), ngx_string("response_header_"), 0,
          NGX_HTTP_GATEWAY_LOG_OBSERVES },

    [NGX_HTTP_GATEWAY_LOG_NONE] =
        { ngx_http_gateway_log_none, 0,
          ngx_string("request_header_"), ngx_string("response_header_"), 0, 0 }
};
