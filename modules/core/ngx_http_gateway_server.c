/* SPDX-License-Identifier: BSD-2-Clause */

/* see ngx_http_gateway_server.h */

#include "ngx_http_gateway_server.h"

#include <openssl/evp.h>


static ngx_int_t ngx_http_gateway_server_listen(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf, ngx_str_t *address);
static ngx_int_t ngx_http_gateway_server_addresses(ngx_conf_t *cf,
    ngx_array_t *addrs);
static ngx_int_t ngx_http_gateway_server_texts(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf, const ngx_array_t *addrs,
    ngx_array_t *addresses, ngx_array_t *names);
static ngx_int_t ngx_http_gateway_server_address(ngx_conf_t *cf,
    const ngx_http_conf_addr_t *addr, ngx_str_t *text);
static uint32_t ngx_http_gateway_server_earlier(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf, const ngx_array_t *addrs);
static ngx_uint_t ngx_http_gateway_server_same(
    const ngx_http_core_srv_conf_t *a, const ngx_http_core_srv_conf_t *b,
    const ngx_array_t *addrs);
static ngx_uint_t ngx_http_gateway_server_listens(
    const ngx_http_core_srv_conf_t *cscf, const ngx_http_conf_addr_t *addr);
static ngx_uint_t ngx_http_gateway_server_named(
    const ngx_http_core_srv_conf_t *cscf, const ngx_str_t *text);
static ngx_str_t ngx_http_gateway_server_text(
    const ngx_http_server_name_t *name);
static ngx_uint_t ngx_http_gateway_server_digest(EVP_MD_CTX *md,
    ngx_array_t *texts);
static int ngx_libc_cdecl ngx_http_gateway_server_compare(const void *one,
    const void *two);


ngx_int_t
ngx_http_gateway_server_name(ngx_conf_t *cf,
    u_char digest[NGX_HTTP_GATEWAY_SERVER_NAME])
{
    uint32_t                   earlier;
    EVP_MD_CTX                *md;
    ngx_uint_t                 good;
    ngx_array_t                addrs, addresses, names;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    if (ngx_array_init(&addrs, cf->temp_pool, 16, sizeof(void *)) != NGX_OK
        || ngx_array_init(&addresses, cf->temp_pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&names, cf->temp_pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_http_gateway_server_addresses(cf, &addrs) != NGX_OK
        || ngx_http_gateway_server_texts(cf, cscf, &addrs, &addresses, &names)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    earlier = ngx_http_gateway_server_earlier(cf, cscf, &addrs);

    md = EVP_MD_CTX_new();

    good = md != NULL
           && EVP_DigestInit_ex(md, EVP_sha256(), NULL)
           && ngx_http_gateway_server_digest(md, &addresses)
           && ngx_http_gateway_server_digest(md, &names)
           && EVP_DigestUpdate(md, &earlier, sizeof(earlier))
           && EVP_DigestFinal_ex(md, digest, NULL);

    EVP_MD_CTX_free(md);

    return good ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_gateway_server_where(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf, ngx_str_t *text)
{
    u_char                  *p;
    ngx_str_t                name, address;
    ngx_http_server_name_t  *names;

    ngx_str_null(&name);

    if (ngx_http_gateway_server_listen(cf, cscf, &address) != NGX_OK) {
        return NGX_ERROR;
    }

    if (cscf->server_names.nelts) {
        names = cscf->server_names.elts;
        name = ngx_http_gateway_server_text(&names[0]);
    }

    p = ngx_pnalloc(cf->pool, sizeof(" in server \"\" on ") - 1 + name.len
                              + address.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    p = ngx_sprintf(p, " in server \"%V\" on %V", &name, &address);
    text->len = p - text->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_server_label(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf, ngx_str_t *label)
{
    ngx_http_server_name_t  *name;

    ngx_str_null(label);

    if (cscf->server_names.nelts) {
        name = cscf->server_names.elts;
        *label = ngx_http_gateway_server_text(&name[0]);
    }

    return label->len ? NGX_OK
                      : ngx_http_gateway_server_listen(cf, cscf, label);
}


/* the first address that the server listens on */

static ngx_int_t
ngx_http_gateway_server_listen(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf, ngx_str_t *address)
{
    ngx_uint_t              i;
    ngx_array_t             addrs;
    ngx_http_conf_addr_t  **addr;

    ngx_str_null(address);

    if (ngx_array_init(&addrs, cf->temp_pool, 16, sizeof(void *)) != NGX_OK
        || ngx_http_gateway_server_addresses(cf, &addrs) != NGX_OK)
    {
        return NGX_ERROR;
    }

    addr = addrs.elts;

    for (i = 0; i < addrs.nelts; i++) {

        if (ngx_http_gateway_server_listens(cscf, addr[i])) {
            *address = addr[i]->opt.addr_text;
            break;
        }
    }

    return NGX_OK;
}


/* the addresses of all servers */

static ngx_int_t
ngx_http_gateway_server_addresses(ngx_conf_t *cf, ngx_array_t *addrs)
{
    ngx_uint_t                   i, j;
    ngx_http_conf_addr_t       **addr;
    ngx_http_conf_port_t        *port;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return NGX_OK;
    }

    port = cmcf->ports->elts;

    for (i = 0; i < cmcf->ports->nelts; i++) {
        for (j = 0; j < port[i].addrs.nelts; j++) {

            addr = ngx_array_push(addrs);
            if (addr == NULL) {
                return NGX_ERROR;
            }

            *addr = (ngx_http_conf_addr_t *) port[i].addrs.elts + j;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_server_texts(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf, const ngx_array_t *addrs,
    ngx_array_t *addresses, ngx_array_t *names)
{
    ngx_str_t                *text;
    ngx_uint_t                i;
    ngx_http_conf_addr_t    **addr;
    ngx_http_server_name_t   *name;

    addr = addrs->elts;

    for (i = 0; i < addrs->nelts; i++) {

        if (!ngx_http_gateway_server_listens(cscf, addr[i])) {
            continue;
        }

        text = ngx_array_push(addresses);

        if (text == NULL
            || ngx_http_gateway_server_address(cf, addr[i], text) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    name = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {

        text = ngx_array_push(names);
        if (text == NULL) {
            return NGX_ERROR;
        }

        *text = ngx_http_gateway_server_text(&name[i]);
    }

    return NGX_OK;
}


/* different for each address of nginx: TCP and QUIC can have the same one */

static ngx_int_t
ngx_http_gateway_server_address(ngx_conf_t *cf,
    const ngx_http_conf_addr_t *addr, ngx_str_t *text)
{
    u_char  *p;

    p = ngx_pnalloc(cf->temp_pool,
                    NGX_INT_T_LEN + 1 + addr->opt.addr_text.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    p = ngx_sprintf(p, "%d %V", ngx_http_gateway_listen_type(&addr->opt),
                    &addr->opt.addr_text);
    text->len = p - text->data;

    return NGX_OK;
}


/* the number of servers before this one with the same addresses and names */

static uint32_t
ngx_http_gateway_server_earlier(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf, const ngx_array_t *addrs)
{
    uint32_t                     n;
    ngx_http_core_srv_conf_t   **server;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    n = 0;

    for (server = cmcf->servers.elts; *server != cscf; server++) {
        n += ngx_http_gateway_server_same(*server, cscf, addrs);
    }

    return n;
}


/* names are compared first, because those of most servers differ */

static ngx_uint_t
ngx_http_gateway_server_same(const ngx_http_core_srv_conf_t *a,
    const ngx_http_core_srv_conf_t *b, const ngx_array_t *addrs)
{
    ngx_str_t                 text;
    ngx_uint_t                i;
    ngx_http_conf_addr_t    **addr;
    ngx_http_server_name_t   *name;

    if (a->server_names.nelts != b->server_names.nelts) {
        return 0;
    }

    name = a->server_names.elts;

    for (i = 0; i < a->server_names.nelts; i++) {
        text = ngx_http_gateway_server_text(&name[i]);

        if (!ngx_http_gateway_server_named(b, &text)) {
            return 0;
        }
    }

    addr = addrs->elts;

    for (i = 0; i < addrs->nelts; i++) {
        if (ngx_http_gateway_server_listens(a, addr[i])
            != ngx_http_gateway_server_listens(b, addr[i]))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_gateway_server_listens(const ngx_http_core_srv_conf_t *cscf,
    const ngx_http_conf_addr_t *addr)
{
    ngx_uint_t                  i;
    ngx_http_core_srv_conf_t  **server;

    server = addr->servers.elts;

    for (i = 0; i < addr->servers.nelts; i++) {
        if (server[i] == cscf) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_gateway_server_named(const ngx_http_core_srv_conf_t *cscf,
    const ngx_str_t *text)
{
    ngx_str_t                own;
    ngx_uint_t               i;
    ngx_http_server_name_t  *name;

    name = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {
        own = ngx_http_gateway_server_text(&name[i]);

        if (ngx_http_gateway_same(&own, text)) {
            return 1;
        }
    }

    return 0;
}


/* nginx cuts off the "~" of a regular expression, which is still before it */

static ngx_str_t
ngx_http_gateway_server_text(const ngx_http_server_name_t *name)
{
    ngx_str_t  text;

    text = name->name;

#if (NGX_PCRE)
    if (name->regex) {
        text.data--;
        text.len++;
    }
#endif

    return text;
}


/* includes the lengths, so that different lists have different bytes */

static ngx_uint_t
ngx_http_gateway_server_digest(EVP_MD_CTX *md, ngx_array_t *texts)
{
    uint32_t    len;
    ngx_str_t  *text;
    ngx_uint_t  i;

    text = texts->elts;
    ngx_qsort(text, texts->nelts, sizeof(ngx_str_t),
              ngx_http_gateway_server_compare);

    len = (uint32_t) texts->nelts;

    if (!EVP_DigestUpdate(md, &len, sizeof(len))) {
        return 0;
    }

    for (i = 0; i < texts->nelts; i++) {
        len = (uint32_t) text[i].len;

        if (!EVP_DigestUpdate(md, &len, sizeof(len))
            || !EVP_DigestUpdate(md, text[i].data, text[i].len))
        {
            return 0;
        }
    }

    return 1;
}


static int ngx_libc_cdecl
ngx_http_gateway_server_compare(const void *one, const void *two)
{
    const ngx_str_t *a = one;
    const ngx_str_t *b = two;

    return (int) ngx_memn2cmp(a->data, b->data, a->len, b->len);
}
