/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Differences between versions of nginx.  No other file tests nginx_version.
 *
 * One source supports 1.22.1 (Debian 12), 1.26 (Debian 13), 1.30 (Debian sid)
 * and mainline.
 */

#ifndef _NGX_HTTP_GATEWAY_COMPAT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_COMPAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <nginx.h>


/* "1.22.1": nginx loads a module only if it was built for the same version */

#define NGX_HTTP_GATEWAY_NGINX_VERSION  NGINX_VERSION


/*
 * Since 1.23.0, header lines with the same name are linked by "next", and
 * headers_in points to the first one.  Before, headers_in pointed to the only
 * line, or contained an array where several lines are allowed.
 */

#if (nginx_version >= 1023000)

#define ngx_http_gateway_header_single(h)  (h)->next = NULL

#else

#define ngx_http_gateway_header_single(h)

#endif


/* before 1.29.6, nginx also looked for $cookie_ after a comma */

#if (nginx_version < 1029006)

#define NGX_HTTP_GATEWAY_COOKIE_COMMA  1

#else

#define NGX_HTTP_GATEWAY_COOKIE_COMMA  0

#endif


/*
 * Before 1.29.2, nginx selected the server by SNI after OpenSSL had looked for
 * a session; since then, in OpenSSL's ClientHello callback.
 */

#if (nginx_version < 1029002)

#define NGX_HTTP_GATEWAY_CLIENT_HELLO  1

#else

#define NGX_HTTP_GATEWAY_CLIENT_HELLO  0

#endif


/*
 * The type of the sockets of a "listen", a ngx_http_listen_opt_t *.  Since
 * 1.25.0, "quic" is another port than TCP with the same address.
 */

#if (nginx_version >= 1025000)

#define ngx_http_gateway_listen_type(opt)  (opt)->type

#else

#define ngx_http_gateway_listen_type(opt)  SOCK_STREAM

#endif


/*
 * Since 1.27.3, "resolve" of a server adds and removes peers of an upstream
 * block in shared memory while nginx runs.
 */

#if (nginx_version >= 1027003)

#define ngx_http_gateway_peers_change(peers)  (peers)->config

#else

#define ngx_http_gateway_peers_change(peers)  ((ngx_uint_t *) NULL)

#endif


/*
 * The first members of the private zone structures of nginx's modules that
 * count requests and connections.  They have not changed from 1.17.6 to 1.31;
 * later versions are unknown.
 */

#if (nginx_version < 1032000)

#define NGX_HTTP_GATEWAY_ZONE_KEYS  1

#else

#define NGX_HTTP_GATEWAY_ZONE_KEYS  0

#endif

typedef struct {
    void                           *sh;
    ngx_slab_pool_t                *shpool;
    ngx_uint_t                      rate;
    ngx_http_complex_value_t        key;
} ngx_http_gateway_req_zone_t;

typedef struct {
    void                           *sh;
    ngx_slab_pool_t                *shpool;
    ngx_http_complex_value_t        key;
} ngx_http_gateway_conn_zone_t;


static ngx_inline void *
ngx_http_gateway_header_slot(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_uint_t *multi)
{
    ngx_http_header_t          *hh;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    hh = ngx_hash_find(&cmcf->headers_in_hash, h->hash, h->lowcase_key,
                       h->key.len);
    /* no offset: nginx processes the line, but does not store it */

    if (hh == NULL || hh->offset == 0) {
        return NULL;
    }

    *multi = 0;

#if (nginx_version < 1023000)

    if (hh->offset == offsetof(ngx_http_headers_in_t, cookies)) {
        *multi = 1;
    }

#if (NGX_HTTP_X_FORWARDED_FOR)
    if (hh->offset == offsetof(ngx_http_headers_in_t, x_forwarded_for)) {
        *multi = 1;
    }
#endif

#endif

    return (char *) &r->headers_in + hh->offset;
}


/* removes from headers_in a line that is about to be removed from the list */

static ngx_inline void
ngx_http_gateway_header_forget(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    void             *slot;
    ngx_uint_t        multi;
    ngx_table_elt_t **ph;

    slot = ngx_http_gateway_header_slot(r, h, &multi);

    if (slot == NULL) {
        return;
    }

#if (nginx_version >= 1023000)

    for (ph = slot; *ph; ph = &(*ph)->next) {
        if (*ph == h) {
            *ph = h->next;
            return;
        }
    }

#else

    if (multi) {
        ngx_uint_t    i;
        ngx_array_t  *lines;

        lines = slot;
        ph = lines->elts;

        for (i = 0; i < lines->nelts; i++) {
            if (ph[i] == h) {
                lines->nelts--;
                ngx_memmove(&ph[i], &ph[i + 1],
                            (lines->nelts - i) * sizeof(ngx_table_elt_t *));
                return;
            }
        }

        return;
    }

    ph = slot;

    if (*ph == h) {
        *ph = NULL;
    }

#endif
}


/*
 * Adds to headers_in a line that was pushed to the list, after all others with
 * its name.
 */

static ngx_inline ngx_int_t
ngx_http_gateway_header_name(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    void             *slot;
    ngx_uint_t        multi;
    ngx_table_elt_t **ph;

    slot = ngx_http_gateway_header_slot(r, h, &multi);

    if (slot == NULL) {
        return NGX_OK;
    }

    ph = slot;

#if (nginx_version >= 1023000)

    while (*ph) {
        ph = &(*ph)->next;
    }

#else

    if (multi) {
        ngx_array_t  *lines;

        lines = slot;

        if (lines->nalloc == 0
            && ngx_array_init(lines, r->pool, 1, sizeof(ngx_table_elt_t *))
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        ph = ngx_array_push(lines);
        if (ph == NULL) {
            return NGX_ERROR;
        }

    } else if (*ph) {
        return NGX_OK;
    }

#endif

    *ph = h;

    return NGX_OK;
}


/*
 * Adds to headers_out a Cache-Control line that was pushed to the list; other
 * lines are ignored.  nginx's filters find Cache-Control lines there to replace
 * them.
 */

static ngx_inline ngx_int_t
ngx_http_gateway_header_out(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    ngx_table_elt_t  **ph;

    if (h->key.len != sizeof("Cache-Control") - 1
        || ngx_strncasecmp(h->key.data, (u_char *) "Cache-Control",
                           h->key.len)
           != 0)
    {
        return NGX_OK;
    }

#if (nginx_version >= 1023000)

    ph = &r->headers_out.cache_control;

    while (*ph) {
        ph = &(*ph)->next;
    }

#else

    if (r->headers_out.cache_control.nalloc == 0
        && ngx_array_init(&r->headers_out.cache_control, r->pool, 1,
                          sizeof(ngx_table_elt_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ph = ngx_array_push(&r->headers_out.cache_control);
    if (ph == NULL) {
        return NGX_ERROR;
    }

#endif

    *ph = h;

    return NGX_OK;
}


/* since 1.29.3, nginx stores the port of the request's authority */

static ngx_inline void
ngx_http_gateway_copy_port(ngx_http_request_t *to, ngx_http_request_t *from)
{
#if (nginx_version >= 1029003)
    to->port = from->port;
#else
    (void) to;
    (void) from;
#endif
}


/* the port of $request_port, which an absolute URI can contain; 0: none */

static ngx_inline in_port_t
ngx_http_gateway_port(ngx_http_request_t *r)
{
#if (nginx_version >= 1029003)
    return r->port;
#else
    (void) r;
    return 0;
#endif
}


/*
 * Finds the "return" of a location itself, outside of any "if"; NULL: none.
 *
 * The configuration of the rewrite module is a private type, but in all
 * versions its first member is the array of compiled codes, and the codes are
 * exported.  An "if" is compiled into the array of its enclosing block and
 * contains the offset of its end.  A test checks this for each version.
 */

static ngx_inline ngx_http_script_return_code_t *
ngx_http_gateway_location_return(void *rewrite_conf)
{
    u_char                     *p, *last;
    ngx_array_t                *codes;
    ngx_http_script_code_pt     code;
    ngx_http_script_if_code_t  *cond;

    codes = *(ngx_array_t **) rewrite_conf;

    if (codes == NULL) {
        return NULL;
    }

    p = codes->elts;
    last = p + codes->nelts;

    while (p + sizeof(uintptr_t) <= last) {

        code = *(ngx_http_script_code_pt *) p;

        if (code == ngx_http_script_return_code) {
            return (ngx_http_script_return_code_t *) p;
        }

        if (code == ngx_http_script_if_code) {
            cond = (ngx_http_script_if_code_t *) p;

            if (cond->next > 0) {
                p += cond->next;
                continue;
            }
        }

        p += sizeof(uintptr_t);
    }

    return NULL;
}


#endif /* _NGX_HTTP_GATEWAY_COMPAT_H_INCLUDED_ */
