/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * For the files ngx_http_gateway_source*.c alone: what those that find and
 * those that hide credentials share.
 */

#ifndef _NGX_HTTP_GATEWAY_SOURCE_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SOURCE_PRIVATE_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "gw_source.h"


/* cookies are parsed as nginx does it for $cookie_name */

#define NGX_HTTP_GATEWAY_COOKIE_LIST                                          \
    (NGX_HTTP_GATEWAY_COOKIE_COMMA ? GW_SOURCE_COOKIE_COMMA                   \
                                   : GW_SOURCE_COOKIE)


/* the contents of a source before it was hidden */

struct ngx_http_gateway_hidden_s {
    const ngx_http_gateway_source_t    *source;
    gw_reason_e                         reason;
    ngx_str_t                           value;
    ngx_http_gateway_hidden_t          *next;
};


/* a kind in the log, before the name; the log never shows a value */
extern const char *const  ngx_http_gateway_source_texts[];

/* normalized names */
extern ngx_str_t  ngx_http_gateway_authorization;
extern ngx_str_t  ngx_http_gateway_cookie;


/* the token of "Authorization: Bearer" */
gw_source_e ngx_http_gateway_bearer(ngx_http_request_t *r, gw_text_t *token);

/* the same text, for code that is free of nginx */

static ngx_inline gw_text_t
ngx_http_gateway_text(const ngx_str_t *s)
{
    gw_text_t  text;

    text.len = s->len;
    text.data = s->data;

    return text;
}

static ngx_inline void
ngx_http_gateway_walk(gw_source_walk_t *walk, const ngx_str_t *list,
    gw_source_list_e kind)
{
    walk->p = list->data;
    walk->last = list->data + list->len;
    walk->list = kind;
}


#endif /* _NGX_HTTP_GATEWAY_SOURCE_PRIVATE_H_INCLUDED_ */
