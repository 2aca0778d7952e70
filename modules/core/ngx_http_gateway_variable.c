/* SPDX-License-Identifier: BSD-2-Clause */

/* The variables of modules by table, and those of core. */

#include "ngx_http_gateway.h"
#include "ngx_http_gateway_observe.h"
#include "gw_pairs.h"


static ngx_int_t ngx_http_gateway_str_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_reason_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_problem_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_metadata_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_route_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/* the members of a problem document that are also variables */

typedef enum {
    NGX_HTTP_GATEWAY_PROBLEM_TITLE = 0,
    NGX_HTTP_GATEWAY_PROBLEM_DETAIL,
    NGX_HTTP_GATEWAY_PROBLEM_REASON,
    NGX_HTTP_GATEWAY_PROBLEM_SCOPE
} ngx_http_gateway_problem_e;


static ngx_http_variable_t  ngx_http_gateway_vars[] = {

    { ngx_string("gateway_consumer"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.consumer),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_auth_method"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.method),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_auth_reason"), NULL,
      ngx_http_gateway_reason_variable, 0, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_problem_title"), NULL,
      ngx_http_gateway_problem_variable,
      NGX_HTTP_GATEWAY_PROBLEM_TITLE, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_problem_detail"), NULL,
      ngx_http_gateway_problem_variable,
      NGX_HTTP_GATEWAY_PROBLEM_DETAIL, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_problem_reason"), NULL,
      ngx_http_gateway_problem_variable,
      NGX_HTTP_GATEWAY_PROBLEM_REASON, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_problem_scope"), NULL,
      ngx_http_gateway_problem_variable,
      NGX_HTTP_GATEWAY_PROBLEM_SCOPE, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_scopes"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.scopes),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_groups"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.groups),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_credential"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.credential),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_plan"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.plan),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_client"), NULL,
      ngx_http_gateway_client_variable, 0, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_consumer_"), NULL,
      ngx_http_gateway_metadata_variable, 0,
      NGX_HTTP_GATEWAY_VAR_IDENTITY|NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("gateway_route"), NULL,
      ngx_http_gateway_route_variable, 0, 0, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_gateway_add_variables(ngx_conf_t *cf, ngx_http_variable_t *vars)
{
    ngx_uint_t            flags;
    ngx_http_variable_t  *v, *var;

    for (v = vars; v->name.len; v++) {
        flags = v->flags & ~NGX_HTTP_GATEWAY_VAR_IDENTITY;

        var = (v->flags & NGX_HTTP_GATEWAY_VAR_IDENTITY)
              ? ngx_http_gateway_add_identity_variable(cf, &v->name,
                                               v->get_handler, v->data, flags)
              : ngx_http_gateway_add_variable(cf, &v->name, v->get_handler,
                                              v->data, flags);
        if (var == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_variables(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_variables(cf, ngx_http_gateway_vars);
}


static ngx_int_t
ngx_http_gateway_str_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    s;
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    if (gr == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    s = *(ngx_str_t *) ((u_char *) gr + data);

    if (gr->transient && s.len) {
        s.data = ngx_pstrdup(r->pool, &s);
        if (s.data == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_http_gateway_variable_value(v, &s);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_reason_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    word;
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    if (gr == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    word.data = (u_char *) gw_reason_word(gr->reason ? gr->reason : gr->would);
    word.len = ngx_strlen(word.data);

    ngx_http_gateway_variable_value(v, &word);

    return NGX_OK;
}


/* the contents of the problem document, for error pages */

static ngx_int_t
ngx_http_gateway_problem_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    s;
    const char                  *text;
    ngx_http_gateway_request_t  *gr;
    ngx_http_gateway_refusal_t  *refusal;

    gr = ngx_http_gateway_request(r);
    refusal = gr ? ngx_http_gateway_refused(gr) : NULL;

    if (refusal == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (data == NGX_HTTP_GATEWAY_PROBLEM_SCOPE) {
        ngx_http_gateway_variable_value(v, &refusal->scopes);
        return NGX_OK;
    }

    text = (data == NGX_HTTP_GATEWAY_PROBLEM_TITLE)
           ? ngx_http_gateway_problem_title(refusal)
           : (data == NGX_HTTP_GATEWAY_PROBLEM_DETAIL)
             ? gw_reason_sentence(refusal->shown)
             : gw_reason_word(refusal->shown);

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    ngx_http_gateway_variable_value(v, &s);

    return NGX_OK;
}


/*
 * "consumer:" and the consumer, or else "address:" and the address.  For IPv6
 * it is the /64 network, because one client may use all of it (RFC 6177).  The
 * value changes only if the record changes.
 */

static ngx_int_t
ngx_http_gateway_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                      *p;
    ngx_str_t                   *consumer;
    ngx_http_gateway_request_t  *gr;
#if (NGX_HAVE_INET6)
    u_char                       address[16];
    struct sockaddr_in6         *sin6;
#endif

    gr = ngx_http_gateway_request(r);
    consumer = gr ? &gr->identity.consumer : NULL;

    p = ngx_pnalloc(r->pool, sizeof("consumer:/64")
                             + (consumer ? consumer->len : 0)
                             + NGX_SOCKADDR_STRLEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;

    if (consumer && consumer->len) {
        p = ngx_cpymem(p, "consumer:", sizeof("consumer:") - 1);
        p = ngx_cpymem(p, consumer->data, consumer->len);

    } else {
        p = ngx_cpymem(p, "address:", sizeof("address:") - 1);

#if (NGX_HAVE_INET6)
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;

        if (sin6->sin6_family == AF_INET6
            && IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr))
        {
            p += ngx_inet_ntop(AF_INET, &sin6->sin6_addr.s6_addr[12], p,
                               NGX_INET_ADDRSTRLEN);

        } else if (sin6->sin6_family == AF_INET6) {
            ngx_memcpy(address, sin6->sin6_addr.s6_addr, 8);
            ngx_memzero(address + 8, 8);

            p += ngx_inet_ntop(AF_INET6, address, p, NGX_INET6_ADDRSTRLEN);
            p = ngx_cpymem(p, "/64", sizeof("/64") - 1);
        } else
#endif
        {
            p = ngx_cpymem(p, r->connection->addr_text.data,
                           r->connection->addr_text.len);
        }
    }

    v->len = p - v->data;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


/* $gateway_consumer_<name>: the metadata of the consumer */

static ngx_int_t
ngx_http_gateway_metadata_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    gw_text_t                    metadata, value;
    ngx_str_t                    s;
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    ngx_str_null(&s);

    if (gr != NULL) {
        metadata.len = gr->identity.metadata.len;
        metadata.data = gr->identity.metadata.data;

        if (gw_pairs_find(&metadata,
                          name->data + sizeof("gateway_consumer_") - 1,
                          name->len - sizeof("gateway_consumer_") + 1,
                          &value))
        {
            s.len = value.len;
            s.data = (u_char *) value.data;
        }
    }

    ngx_http_gateway_variable_value(v, &s);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_route_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gateway_variable_value(v,
                   ngx_http_gateway_route(r, ngx_http_gateway_request(r)));

    return NGX_OK;
}
