/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * upstream_tries_total and upstream_bytes_total of each upstream server.
 *
 * Each address that the configuration names has two vectors.  For others, see
 * ngx_http_gateway_metrics_resolved.c.
 */

#include "ngx_http_gateway_metrics_upstream.h"


#define NGX_HTTP_GATEWAY_METRICS_FAILURES  10    /* index of "connect" */
#define NGX_HTTP_GATEWAY_METRICS_CODES     13    /* of the first code */


/* an address that the configuration names, in its memory */

typedef struct {
    ngx_str_t                           name;
    ngx_str_t                          *label;      /* of the group */
    ngx_http_gateway_vector_t          *tries;
    ngx_http_gateway_vector_t          *bytes;
} ngx_http_gateway_metrics_address_t;


static ngx_int_t ngx_http_gateway_metrics_address_add(ngx_conf_t *cf,
    ngx_http_gateway_metrics_group_t *group, const ngx_str_t *name);
static ngx_int_t ngx_http_gateway_metrics_addresses_add(ngx_conf_t *cf,
    ngx_http_gateway_metrics_group_t *group);
static void ngx_http_gateway_metrics_try_labels(void *data, ngx_uint_t i,
    ngx_str_t *values);
static void ngx_http_gateway_metrics_bytes_labels(void *data, ngx_uint_t i,
    ngx_str_t *values);
static int ngx_libc_cdecl ngx_http_gateway_metrics_address_cmp(
    const void *one, const void *two);
static ngx_http_gateway_metrics_address_t *
    ngx_http_gateway_metrics_address_find(
    ngx_http_gateway_metrics_group_t *group, const ngx_str_t *name);


ngx_int_t
ngx_http_gateway_metrics_addresses_init(ngx_conf_t *cf,
    ngx_http_gateway_metrics_upstreams_t *upstreams)
{
    ngx_uint_t                         i;
    ngx_http_gateway_metrics_group_t  *group;

    group = upstreams->groups.elts;

    for (i = 0; i < upstreams->groups.nelts; i++) {

        if (ngx_http_gateway_metrics_addresses_add(cf, &group[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        upstreams->ndynamic += group[i].dynamic;
    }

    return ngx_http_gateway_metrics_resolved_init(cf, upstreams);
}


/*
 * Without "server" directives, the block is a name that nginx has resolved at
 * start, or has only the servers of another module.
 */

static ngx_int_t
ngx_http_gateway_metrics_addresses_add(ngx_conf_t *cf,
    ngx_http_gateway_metrics_group_t *group)
{
    ngx_uint_t                     i, j;
    ngx_http_upstream_server_t    *server;
    ngx_http_upstream_srv_conf_t  *block;

    if (ngx_array_init(&group->addresses, cf->pool, 4,
                       sizeof(ngx_http_gateway_metrics_address_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    block = group->block;

    if (block == NULL) {
        return ngx_http_gateway_metrics_address_add(cf, group, &group->label);
    }

    group->dynamic = (block->servers == NULL || block->srv_conf != NULL);

    if (block->servers == NULL) {
        return NGX_OK;
    }

    server = block->servers->elts;

    for (i = 0; i < block->servers->nelts; i++) {
        for (j = 0; j < server[i].naddrs; j++) {

            if (server[i].addrs[j].name.len
                && ngx_http_gateway_metrics_address_add(cf, group,
                                                     &server[i].addrs[j].name)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    if (group->addresses.nelts) {
        ngx_qsort(group->addresses.elts, group->addresses.nelts,
                  sizeof(ngx_http_gateway_metrics_address_t),
                  ngx_http_gateway_metrics_address_cmp);
    }

    return NGX_OK;
}


/*
 * Equal addresses have equal series.  The array can move until all are added:
 * vectors get a copy.
 */

static ngx_int_t
ngx_http_gateway_metrics_address_add(ngx_conf_t *cf,
    ngx_http_gateway_metrics_group_t *group, const ngx_str_t *name)
{
    ngx_http_gateway_metrics_address_t  *address, *copy;

    copy = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_metrics_address_t));
    address = ngx_array_push(&group->addresses);

    if (copy == NULL || address == NULL) {
        return NGX_ERROR;
    }

    copy->name = *name;
    copy->label = &group->label;

    if (ngx_http_gateway_vector_add(cf, &ngx_http_gateway_metrics_tries,
                                    NGX_HTTP_GATEWAY_METRICS_WORDS,
                                    ngx_http_gateway_metrics_try_labels, copy,
                                    &copy->tries)
        != NGX_OK
        || ngx_http_gateway_vector_add(cf, &ngx_http_gateway_metrics_bytes, 2,
                                       ngx_http_gateway_metrics_bytes_labels,
                                       copy, &copy->bytes)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    *address = *copy;

    return NGX_OK;
}


static void
ngx_http_gateway_metrics_try_labels(void *data, ngx_uint_t i,
    ngx_str_t *values)
{
    ngx_http_gateway_metrics_address_t *address = data;

    values[0] = *address->label;
    values[1] = address->name;
    values[2] = ngx_http_gateway_metrics_words[i];
}


static void
ngx_http_gateway_metrics_bytes_labels(void *data, ngx_uint_t i,
    ngx_str_t *values)
{
    ngx_http_gateway_metrics_address_t *address = data;

    values[0] = *address->label;
    values[1] = address->name;
    values[2] = ngx_http_gateway_metrics_directions[i];
}


static int ngx_libc_cdecl
ngx_http_gateway_metrics_address_cmp(const void *one, const void *two)
{
    const ngx_http_gateway_metrics_address_t  *a = one;
    const ngx_http_gateway_metrics_address_t  *b = two;

    return ngx_memn2cmp(a->name.data, b->name.data, a->name.len, b->name.len);
}


static ngx_http_gateway_metrics_address_t *
ngx_http_gateway_metrics_address_find(ngx_http_gateway_metrics_group_t *group,
    const ngx_str_t *name)
{
    ngx_int_t                            order;
    ngx_uint_t                           low, high, i;
    ngx_http_gateway_metrics_address_t  *address;

    address = group->addresses.elts;
    low = 0;
    high = group->addresses.nelts;

    while (low < high) {
        i = (low + high) / 2;

        order = ngx_memn2cmp(name->data, address[i].name.data, name->len,
                             address[i].name.len);
        if (order == 0) {
            return &address[i];
        }

        if (order < 0) {
            high = i;

        } else {
            low = i + 1;
        }
    }

    return NULL;
}


void
ngx_http_gateway_metrics_address_count(
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_gateway_metrics_group_t *group, const ngx_str_t *name,
    const ngx_http_gateway_metrics_try_t *try)
{
    ngx_http_gateway_metrics_address_t  *address;

    if (group->block == NULL) {
        name = &group->label;
    }

    address = ngx_http_gateway_metrics_address_find(group, name);

    if (address == NULL) {
        ngx_http_gateway_metrics_resolved_count(upstreams, group, name, try);
        return;
    }

    ngx_http_gateway_add_at(address->tries, try->code, 1);

    if (try->sent) {
        ngx_http_gateway_add_at(address->bytes, 0, try->sent);
    }

    if (try->received) {
        ngx_http_gateway_add_at(address->bytes, 1, try->received);
    }
}


ngx_uint_t
ngx_http_gateway_metrics_status(ngx_uint_t status)
{
    u_char      digits[3];
    ngx_uint_t  i;

    if (status < 100 || status > 999) {
        return ngx_min(status / 100, 9);
    }

    digits[0] = '0' + status / 100;
    digits[1] = '0' + status / 10 % 10;
    digits[2] = '0' + status % 10;

    for (i = NGX_HTTP_GATEWAY_METRICS_CODES;
         i < NGX_HTTP_GATEWAY_METRICS_WORDS;
         i++)
    {
        if (ngx_memcmp(digits, ngx_http_gateway_metrics_words[i].data, 3) == 0)
        {
            return i;
        }
    }

    return status / 100;
}


ngx_uint_t
ngx_http_gateway_metrics_failure(ngx_http_gateway_metrics_failure_e failure)
{
    return NGX_HTTP_GATEWAY_METRICS_FAILURES + failure;
}
