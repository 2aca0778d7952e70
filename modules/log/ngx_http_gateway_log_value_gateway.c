/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Values that gateway modules have of a request: trace, identity, limits,
 * upstream tries, cache, and how it ended.
 */

#include "ngx_http_gateway_log_value.h"


/* without a trace id, no other variable of the trace is read */

u_char *
ngx_http_gateway_log_write_trace_id(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    u_char  *end;

    end = ngx_http_gateway_log_write_variable(rec, op, p);
    rec->traced = (end != NULL);

    return end;
}


u_char *
ngx_http_gateway_log_write_of_trace(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->traced ? ngx_http_gateway_log_write_variable(rec, op, p) : NULL;
}


/* $gateway_trace_sampled is "1" or "0" */

u_char *
ngx_http_gateway_log_write_trace_sampled(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_variable_value_t  *v;

    if (!rec->traced) {
        return NULL;
    }

    v = ngx_http_gateway_log_get(rec, (ngx_int_t) op->data);

    return v ? ngx_http_gateway_log_bool(p, v->data[0] == '1') : NULL;
}


/* the resource name of a trace in Cloud Logging */

u_char *
ngx_http_gateway_log_write_gcp_trace(ngx_http_gateway_log_record_t *rec,
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


/* trace flags in hexadecimal (W3C Trace Context): bit 0 is "sampled" */

u_char *
ngx_http_gateway_log_write_trace_flags(ngx_http_gateway_log_record_t *rec,
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


u_char *
ngx_http_gateway_log_write_identity_str(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  *s;

    if (rec->gr == NULL) {
        return NULL;
    }

    s = (ngx_str_t *) ((u_char *) rec->gr + op->data);

    return ngx_http_gateway_log_text(rec, p, s->data, s->len);
}


u_char *
ngx_http_gateway_log_write_reason(ngx_http_gateway_log_record_t *rec,
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


u_char *
ngx_http_gateway_log_write_route(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  *route;

    route = ngx_http_gateway_route(rec->request, rec->gr);

    return ngx_http_gateway_log_text(rec, p, route->data, route->len);
}


u_char *
ngx_http_gateway_log_write_end(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t               *word;
    ngx_http_gateway_end_e   end;

    end = ngx_http_gateway_end(rec->request, rec->gr);
    word = &ngx_http_gateway_end_words[end];

    return ngx_http_gateway_log_text(rec, p, word->data, word->len);
}


/*
 * Whether an array has room for another element, whose constants can pass the
 * end of the room by less than NGX_HTTP_GATEWAY_LOG_SLACK bytes.
 */

static ngx_uint_t
ngx_http_gateway_log_goes_on(ngx_http_gateway_log_record_t *rec, u_char *p)
{
    if (p > rec->last) {
        rec->full = 1;
    }

    return !rec->full;
}


u_char *
ngx_http_gateway_log_write_results(ngx_http_gateway_log_record_t *rec,
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


/* a time of an upstream try; (ngx_msec_t) -1: it did not reach this step */

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
 * The tries of upstream servers.  An element without a peer separates the tries
 * before and after an internal redirect.
 */

u_char *
ngx_http_gateway_log_write_upstream(ngx_http_gateway_log_record_t *rec,
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


/* the status of the gateway's cache, or $upstream_cache_status; 0: no cache */

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


u_char *
ngx_http_gateway_log_write_cache(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  status;

    return ngx_http_gateway_log_get_cache(rec, (ngx_int_t) op->data, &status)
           ? ngx_http_gateway_log_text(rec, p, status.data, status.len) : NULL;
}


/* the gateway's cache only */

u_char *
ngx_http_gateway_log_write_cache_reason(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    const ngx_http_gateway_cached_t  *cached;

    cached = rec->gr ? rec->gr->cached : NULL;

    return (cached && cached->reason.len)
           ? ngx_http_gateway_log_text(rec, p, cached->reason.data,
                                       cached->reason.len)
           : NULL;
}


u_char *
ngx_http_gateway_log_write_cache_age(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    const ngx_http_gateway_cached_t  *cached;

    cached = rec->gr ? rec->gr->cached : NULL;

    return (cached && cached->aged) ? gw_text_decimal(p, cached->age) : NULL;
}


/* for gcp: whether a cache was used */

u_char *
ngx_http_gateway_log_write_cache_looked(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  status;

    return ngx_http_gateway_log_get_cache(rec, (ngx_int_t) op->data, &status)
           ? ngx_http_gateway_log_bool(p, 1) : NULL;
}


u_char *
ngx_http_gateway_log_write_cache_hit(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  status;

    if (!ngx_http_gateway_log_get_cache(rec, (ngx_int_t) op->data, &status)
        || status.len < 2)
    {
        return NULL;
    }

    /*
     * true: HIT, STALE, UPDATING, REVALIDATED, COLLAPSED; false: MISS, BYPASS,
     * EXPIRED, SCARCE, ERROR
     */

    return ngx_http_gateway_log_bool(p, status.data[0] == 'H'
                                        || status.data[0] == 'U'
                                        || status.data[0] == 'R'
                                        || status.data[0] == 'C'
                                        || status.data[1] == 'T');
}


u_char *
ngx_http_gateway_log_write_cache_validated(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_str_t  status;

    return ngx_http_gateway_log_get_cache(rec, (ngx_int_t) op->data, &status)
           ? ngx_http_gateway_log_bool(p, status.data[0] == 'R') : NULL;
}


/* for ecs */

u_char *
ngx_http_gateway_log_write_event_type(ngx_http_gateway_log_record_t *rec,
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


u_char *
ngx_http_gateway_log_write_event_outcome(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->status && rec->status < 400 ? ngx_cpymem(p, "\"success\"", 9)
                                            : ngx_cpymem(p, "\"failure\"", 9);
}


/* for otel: a 5xx status, or why the response is incomplete */

u_char *
ngx_http_gateway_log_write_error_type(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    ngx_http_gateway_end_e  end;

    end = ngx_http_gateway_end(rec->request, rec->gr);

    if (end != NGX_HTTP_GATEWAY_END_COMPLETE
        && (rec->status < 500
            || ngx_http_gateway_incomplete(rec->request, rec->gr)))
    {
        return ngx_http_gateway_log_write_end(rec, op, p);
    }

    if (rec->status < 500) {
        return NULL;
    }

    *p++ = '"';
    p = gw_text_decimal(p, rec->status);
    *p++ = '"';

    return p;
}


/* for gcp */

u_char *
ngx_http_gateway_log_write_severity(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_op_t *op, u_char *p)
{
    return rec->status >= 500 ? ngx_cpymem(p, "\"ERROR\"", 7)
           : rec->status >= 400 ? ngx_cpymem(p, "\"WARNING\"", 9)
           : ngx_cpymem(p, "\"INFO\"", 6);
}
