/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The ids of a request: reads the client's header lines, keeps valid ids of
 * trusted clients, and adds the lines for the upstream server.
 */

#include "ngx_http_gateway_trace.h"


/* random bytes for the ids of a request */
#define NGX_HTTP_GATEWAY_TRACE_RANDOM                                         \
    (GW_ID_RANDOM + GW_TRACE_ID + GW_TRACE_SPAN)


/* the client's header lines */

typedef struct {
    ngx_str_t                       id;         /* of the last line */
    ngx_str_t                       parent;
    ngx_uint_t                      ids;        /* number of lines */
    ngx_uint_t                      parents;
    ngx_uint_t                      states;
} ngx_http_gateway_trace_lines_t;


static void ngx_http_gateway_trace_find(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf,
    ngx_http_gateway_trace_lines_t *lines);
static ngx_int_t ngx_http_gateway_trace_make(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf,
    const ngx_http_gateway_trace_lines_t *lines);
static void ngx_http_gateway_trace_make_id(ngx_http_gateway_ids_t *ids,
    u_char *text, const u_char *random, const ngx_str_t *client);
static void ngx_http_gateway_trace_make_trace(
    ngx_http_gateway_trace_srv_conf_t *tscf, ngx_http_gateway_ids_t *ids,
    u_char *text, const u_char *random, const ngx_str_t *client);
static ngx_int_t ngx_http_gateway_trace_join(ngx_http_request_t *r,
    ngx_str_t *joined);
static ngx_int_t ngx_http_gateway_trace_add(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf, ngx_http_gateway_ids_t *ids,
    ngx_str_t *state);
static ngx_int_t ngx_http_gateway_trace_add_line(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf, ngx_uint_t i, ngx_str_t *name,
    ngx_str_t *value);


ngx_str_t  ngx_http_gateway_trace_parent = ngx_string("traceparent");
ngx_str_t  ngx_http_gateway_trace_state = ngx_string("tracestate");


/* state of this worker */

static gw_random_t   ngx_http_gateway_trace_bytes;
static gw_id_last_t  ngx_http_gateway_trace_last;


ngx_int_t
ngx_http_gateway_trace_set(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf)
{
    ngx_str_t                        state;
    ngx_http_gateway_ids_t          *ids;
    ngx_http_gateway_trace_lines_t   lines;

    ngx_http_gateway_trace_find(r, tscf, &lines);

    if (ngx_http_gateway_trace_make(r, tscf, &lines) != NGX_OK) {

        /* the upstream server of the error page must not receive them */

        (void) ngx_http_gateway_header_remove(r, tscf->names, tscf->nnames);
        return NGX_ERROR;
    }

    ids = ngx_http_gateway_request(r)->ids;

    ngx_str_null(&state);

    if (ids->parentid.len && lines.states
        && ngx_http_gateway_trace_join(r, &state) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((lines.ids || lines.parents || lines.states)
        && ngx_http_gateway_header_remove(r, tscf->names, tscf->nnames)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_trace_add(r, tscf, ids, &state);
}


ngx_int_t
ngx_http_gateway_trace_ended(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf)
{
    ngx_http_gateway_trace_lines_t  lines;

    ngx_http_gateway_trace_find(r, tscf, &lines);

    return ngx_http_gateway_trace_make(r, tscf, &lines);
}


/*
 * Also counts the lines: if a name occurs twice, no value is used, since two
 * programs could use different ones.
 */

static void
ngx_http_gateway_trace_find(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf,
    ngx_http_gateway_trace_lines_t *lines)
{
    ngx_table_elt_t                 *h;
    ngx_http_gateway_header_iter_t   it;

    ngx_memzero(lines, sizeof(ngx_http_gateway_trace_lines_t));

    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {

        if (!(tscf->lengths >> ngx_min(h->key.len, 63) & 1)) {
            continue;
        }

        if (tscf->id && ngx_http_gateway_header_is(h, &tscf->id_normalized)) {
            lines->id = h->value;
            lines->ids++;

        } else if (tscf->trace == NGX_HTTP_GATEWAY_TRACE_OFF) {
            continue;

        } else if (ngx_http_gateway_header_is(h,
                                              &ngx_http_gateway_trace_parent))
        {
            lines->parent = h->value;
            lines->parents++;

        } else if (ngx_http_gateway_header_is(h,
                                              &ngx_http_gateway_trace_state))
        {
            lines->states++;
        }
    }
}


/* the texts of the ids follow the structure */

static ngx_int_t
ngx_http_gateway_trace_make(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf,
    const ngx_http_gateway_trace_lines_t *lines)
{
    u_char                      *text;
    ngx_uint_t                   trusted;
    const u_char                *random;
    ngx_http_gateway_ids_t      *ids;
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request_get(r);
    if (gr == NULL) {
        return NGX_ERROR;
    }

    ids = ngx_palloc(r->pool, sizeof(ngx_http_gateway_ids_t) + GW_ID_UUID
                              + GW_TRACE_PARENT);
    if (ids == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(ids, sizeof(ngx_http_gateway_ids_t));
    text = (u_char *) (ids + 1);

    /* set even if it stays empty: one attempt and one log line per request */

    gr->ids = ids;

    random = gw_random(&ngx_http_gateway_trace_bytes,
                       NGX_HTTP_GATEWAY_TRACE_RANDOM);
    if (random == NULL) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "gateway_trace: RAND_bytes() failed, the request can "
                      "get no ids");
        return NGX_ERROR;
    }

    trusted = (lines->ids || lines->parents)
              && ngx_http_gateway_from_allows(&tscf->from,
                                              r->connection->sockaddr);

    if (tscf->id) {
        ngx_http_gateway_trace_make_id(ids, text, random,
                                       trusted && lines->ids == 1
                                       ? &lines->id : NULL);
    }

    if (tscf->trace) {
        ngx_http_gateway_trace_make_trace(tscf, ids, text + GW_ID_UUID,
                                          random + GW_ID_RANDOM,
                                          trusted && lines->parents == 1
                                          ? &lines->parent : NULL);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway trace: %s client, id \"%V\", traceparent \"%V\", "
                   "parent \"%V\"", trusted ? "trusted" : "untrusted",
                   &ids->request_id, &ids->traceparent,
                   &ids->parentid);

    return NGX_OK;
}


/* "client" is the client's id; NULL: there is none that can be kept */

static void
ngx_http_gateway_trace_make_id(ngx_http_gateway_ids_t *ids, u_char *text,
    const u_char *random, const ngx_str_t *client)
{
    ngx_time_t  *tp;

    if (client && gw_id_valid(client->data, client->len)) {
        ids->request_id = *client;
        return;
    }

    tp = ngx_timeofday();

    gw_id_uuid(text, &ngx_http_gateway_trace_last,
               (uint64_t) tp->sec * 1000 + tp->msec, random);

    ids->request_id.data = text;
    ids->request_id.len = GW_ID_UUID;
}


static void
ngx_http_gateway_trace_make_trace(ngx_http_gateway_trace_srv_conf_t *tscf,
    ngx_http_gateway_ids_t *ids, u_char *text, const u_char *random,
    const ngx_str_t *client)
{
    u_char      digits[2 * (GW_TRACE_ID + GW_TRACE_SPAN)];
    gw_trace_t  parent;

    (void) gw_text_hex(digits, random, GW_TRACE_ID + GW_TRACE_SPAN);

    if (tscf->trace == NGX_HTTP_GATEWAY_TRACE_PROPAGATE && client
        && gw_trace_parse(&parent, client->data, client->len) == 0)
    {
        ids->parentid.data = (u_char *) parent.span;
        ids->parentid.len = 2 * GW_TRACE_SPAN;

    } else {
        parent.id = digits;
        parent.flags = GW_TRACE_RANDOM;

        if (tscf->sample == GW_SAMPLE_ALL
            || gw_sampled(gw_sample_number(digits), tscf->sample))
        {
            parent.flags |= GW_TRACE_SAMPLED;
        }
    }

    gw_trace_write(text, parent.id, digits + 2 * GW_TRACE_ID, parent.flags);

    ids->sampled = parent.flags & GW_TRACE_SAMPLED;
    ids->traceparent.data = text;
    ids->traceparent.len = GW_TRACE_PARENT;
    ids->traceid.data = text + 3;
    ids->traceid.len = 2 * GW_TRACE_ID;
    ids->spanid.data = text + 36;
    ids->spanid.len = 2 * GW_TRACE_SPAN;
}


/* joins the lines of the client's tracestate; empty if it is invalid */

static ngx_int_t
ngx_http_gateway_trace_join(ngx_http_request_t *r, ngx_str_t *joined)
{
    ngx_table_elt_t                 *h;
    gw_trace_state_t                 state;
    ngx_http_gateway_header_iter_t   it;

    state.n = 0;
    state.invalid = 0;

    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {
        if (ngx_http_gateway_header_is(h, &ngx_http_gateway_trace_state)) {
            gw_trace_state_add(&state, h->value.data, h->value.len);
        }
    }

    joined->data = ngx_pnalloc(r->pool, GW_TRACE_STATE);
    if (joined->data == NULL) {
        return NGX_ERROR;
    }

    joined->len = gw_trace_state_write(&state, joined->data);

    if (state.invalid) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway trace: tracestate is invalid, dropping it");
    }

    return NGX_OK;
}


/* "names" begins with the two of the trace and ends with that of the id */

static ngx_int_t
ngx_http_gateway_trace_add(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf, ngx_http_gateway_ids_t *ids,
    ngx_str_t *state)
{
    ngx_uint_t  id;

    id = tscf->nnames - 1;

    ngx_http_gateway_header_changed(r);

    if (tscf->trace
        && (ngx_http_gateway_trace_add_line(r, tscf, 0, &tscf->names[0],
                                            &ids->traceparent)
            != NGX_OK
            || ngx_http_gateway_trace_add_line(r, tscf, 1, &tscf->names[1],
                                               state)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    return tscf->id ? ngx_http_gateway_trace_add_line(r, tscf, id,
                                                      &tscf->id_name,
                                                      &ids->request_id)
                    : NGX_OK;
}


static ngx_int_t
ngx_http_gateway_trace_add_line(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf, ngx_uint_t i, ngx_str_t *name,
    ngx_str_t *value)
{
    if (value->len == 0) {
        return NGX_OK;
    }

    return ngx_http_gateway_header_add_hashed(r, name, &tscf->names[i],
                                              tscf->hashes[i], value);
}


ngx_int_t
ngx_http_gateway_trace_respond(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf)
{
    ngx_uint_t        i;
    ngx_str_t        *id;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    id = &ngx_http_gateway_request(r)->ids->request_id;

    if (id->len == 0) {
        return NGX_OK;
    }

    part = &r->headers_out.headers.part;

    for ( /* void */ ; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash
                && ngx_http_gateway_header_is(&h[i], &tscf->id_normalized))
            {
                h[i].hash = 0;

                ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                               "gateway header: \"%V\" removed from the "
                               "response", &tscf->id_name);
            }
        }
    }

    return ngx_http_gateway_header_respond(r, &tscf->id_name, id);
}


void
ngx_http_gateway_trace_init_random(void)
{
    gw_random_forget(&ngx_http_gateway_trace_bytes);
}
