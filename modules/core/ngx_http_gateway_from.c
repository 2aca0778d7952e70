/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * "from=": the addresses that can use an endpoint, and the check for requests
 * that a page of another site sends through the browser of such an address.
 */

#include "ngx_http_gateway_endpoint.h"
#include "gw_cidr.h"


char *
ngx_http_gateway_param_from(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_http_gateway_from_t *from = field;

    char            meant[GW_CIDR_TEXT];
    gw_cidr_e       rc;
    unsigned char  *range;

    if (value->len == 3 && ngx_strncmp(value->data, "any", 3) == 0) {
        from->any = 1;
        return NGX_CONF_OK;
    }

    if (value->len == 5 && ngx_strncmp(value->data, "unix:", 5) == 0) {
        from->local = 1;
        return NGX_CONF_OK;
    }

    if (from->ranges.elts == NULL
        && ngx_array_init(&from->ranges, cf->pool, 4, GW_CIDR_RANGE) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    range = ngx_array_push(&from->ranges);
    if (range == NULL) {
        return NGX_CONF_ERROR;
    }

    rc = gw_cidr_parse((char *) value->data, value->len, range, meant);

    if (rc == GW_CIDR_HOST_BITS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", bits "
                           "after the prefix are set, it must be \"%s\"",
                           value, &param->name, meant);
        return NGX_CONF_ERROR;
    }

    if (rc != GW_CIDR_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it "
                           "must be an address, a range such as 10.0.0.0/8, "
                           "\"unix:\" or \"any\"", value, &param->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_from(ngx_http_request_t *r,
    const ngx_http_gateway_from_t *from, const char *directive)
{
    if (from && ngx_http_gateway_from_allows(from, r->connection->sockaddr)) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway %s: \"from=\" allows \"%V\"",
                       ngx_http_gateway_short(directive),
                       &r->connection->addr_text);
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "%s: refused with 403, the client address is not allowed by "
                  "\"from=\"", directive);

    return NGX_HTTP_FORBIDDEN;
}


ngx_uint_t
ngx_http_gateway_from_allows(const ngx_http_gateway_from_t *from,
    struct sockaddr *sockaddr)
{
    u_char         *addr, *range;
    size_t          len;
    ngx_uint_t      i;
    unsigned char   mapped[GW_CIDR_ADDRESS];

    if (from->any) {
        return 1;
    }

    switch (sockaddr->sa_family) {

    case AF_INET:
        addr = (u_char *) &((struct sockaddr_in *) sockaddr)->sin_addr;
        len = 4;
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        addr = (u_char *) &((struct sockaddr_in6 *) sockaddr)->sin6_addr;
        len = 16;
        break;
#endif

    default:
        return from->local;
    }

    if (gw_cidr_map(mapped, addr, len) != 0) {
        return 0;
    }

    range = from->ranges.elts;

    for (i = 0; i < from->ranges.nelts; i++) {
        if (gw_cidr_holds(range + i * GW_CIDR_RANGE, mapped)) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_gateway_cross_site(ngx_http_request_t *r)
{
    ngx_str_t                       *type;
    ngx_table_elt_t                 *h;
    ngx_http_gateway_header_iter_t   it;

    static ngx_str_t  origin = ngx_string("origin");
    static ngx_str_t  json = ngx_string("application/json");

    if (r->headers_in.content_type) {
        type = &r->headers_in.content_type->value;

        if (type->len >= json.len
            && ngx_strncasecmp(type->data, json.data, json.len) == 0)
        {
            return 0;
        }
    }

    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {
        if (ngx_http_gateway_header_is(h, &origin)) {
            return 1;
        }
    }

    return 0;
}
