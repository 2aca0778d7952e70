/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Refusals: the reason, and the problem document for the client.
 */

#include "ngx_http_gateway_limit.h"


static ngx_int_t ngx_http_gateway_limit_problem_members(ngx_http_request_t *r,
    ngx_http_gateway_limit_batch_t *batch, ngx_str_t *members);
static void ngx_http_gateway_limit_problem_type(
    ngx_http_gateway_refusal_t *refusal);


gw_reason_e
ngx_http_gateway_limit_reason(const ngx_http_gateway_limit_item_t *item)
{
    if (item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED
        || item->unavailable)
    {
        return GW_LIMIT_UNAVAILABLE;
    }

    if (item->zone->algorithm == GW_LIMIT_CONCURRENCY) {
        return GW_CONCURRENCY_EXCEEDED;
    }

    return (item->zone->figure->kind == GW_FIGURE_QUOTA) ? GW_QUOTA_EXCEEDED
                                                         : GW_RATE_EXCEEDED;
}


/*
 * The body of a refusal by one limit was made with the configuration; it is
 * made here only if several limits have refused.
 */

ngx_int_t
ngx_http_gateway_limit_problem(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch,
    ngx_uint_t status)
{
    ngx_uint_t                                i, n;
    ngx_http_gateway_refusal_t               *refusal;
    ngx_http_gateway_limit_item_t            *item;
    const ngx_http_gateway_limit_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    item = batch->refused;
    refusal = &ctx->refusal;

    refusal->status = status;
    refusal->reason = ngx_http_gateway_limit_reason(item);
    refusal->shown = refusal->reason;

    /* a refusal by the limits of an error page replaces the first one */

    ngx_str_null(&refusal->type);
    ngx_str_null(&refusal->members);
    ngx_str_null(&refusal->body);
    refusal->title = NULL;

    /* there is none if the request can never pass */

    refusal->retry_after = (llcf->headers & NGX_HTTP_GATEWAY_LIMIT_OFF
                            || item->result.wait == GW_LIMIT_NEVER)
                           ? 0 : ngx_http_gateway_limit_sec(item->result.wait);

    if (refusal->reason == GW_LIMIT_UNAVAILABLE) {
        return NGX_OK;
    }

    ngx_http_gateway_limit_problem_type(refusal);

    n = 0;

    for (i = 0; i < batch->n; i++) {
        n += (batch->items[i].refused && !batch->items[i].dry_run);
    }

    if (n == 1) {
        for (i = 0; i < llcf->problems->nelts; i++) {
            if (((ngx_http_gateway_limit_t *) llcf->limits->elts)[i].zone
                == item->zone)
            {
                refusal->body = ((ngx_str_t *) llcf->problems->elts)[i];
                return NGX_OK;
            }
        }
    }

    return ngx_http_gateway_limit_problem_members(r, batch, &refusal->members);
}


/* the names of all zones that have refused and are shown to clients */

static ngx_int_t
ngx_http_gateway_limit_problem_members(ngx_http_request_t *r,
    ngx_http_gateway_limit_batch_t *batch, ngx_str_t *members)
{
    size_t                          size;
    u_char                         *p;
    ngx_uint_t                      i;
    ngx_http_gateway_limit_item_t  *item;

    size = sizeof(",\"violated-policies\":[]");

    for (i = 0; i < batch->n; i++) {
        size += sizeof(",\"\"") - 1 + batch->items[i].zone->name.len;
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    members->data = p;

    p = ngx_sprintf(p, ",\"violated-policies\":[\"%V\"",
                    &batch->refused->zone->name);

    for (i = 0; i < batch->n; i++) {
        item = &batch->items[i];

        if (item != batch->refused && item->refused
            && ngx_http_gateway_limit_told(item))
        {
            p = ngx_sprintf(p, ",\"%V\"", &item->zone->name);
        }
    }

    *p++ = ']';
    members->len = p - members->data;

    return NGX_OK;
}


/* draft-ietf-httpapi-ratelimit-headers-11, "Problem Types" */

static void
ngx_http_gateway_limit_problem_type(ngx_http_gateway_refusal_t *refusal)
{
    ngx_str_set(&refusal->type,
          "https://iana.org/assignments/http-problem-types#quota-exceeded");
    refusal->title = "Request cannot be satisfied as assigned quota has been "
                     "exceeded";
}


ngx_int_t
ngx_http_gateway_limit_problems(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *conf)
{
    ngx_str_t                       members;
    ngx_uint_t                      i;
    ngx_http_gateway_limit_t       *limit;
    ngx_http_gateway_limit_item_t   item;
    ngx_http_gateway_refusal_t      refusal;

    conf->problems = ngx_array_create(cf->pool, conf->limits->nelts + 1,
                                      sizeof(ngx_str_t));
    if (conf->problems == NULL) {
        return NGX_ERROR;
    }

    limit = conf->limits->elts;

    for (i = 0; i < conf->limits->nelts; i++) {

        ngx_memzero(&refusal, sizeof(ngx_http_gateway_refusal_t));
        ngx_memzero(&item, sizeof(ngx_http_gateway_limit_item_t));

        item.zone = limit[i].zone;

        members.data = ngx_pnalloc(cf->pool, item.zone->name.len
                                   + sizeof(",\"violated-policies\":[\"\"]"));
        if (members.data == NULL) {
            return NGX_ERROR;
        }

        members.len = ngx_sprintf(members.data,
                                  ",\"violated-policies\":[\"%V\"]",
                                  &item.zone->name)
                      - members.data;

        refusal.status = conf->status;
        refusal.shown = ngx_http_gateway_limit_reason(&item);
        refusal.members = members;

        ngx_http_gateway_limit_problem_type(&refusal);

        if (ngx_http_gateway_problem(cf->pool, &refusal,
                                     ngx_array_push(conf->problems))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
