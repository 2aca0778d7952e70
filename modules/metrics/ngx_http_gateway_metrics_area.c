/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * See ngx_http_gateway_metrics_area.h.
 *
 * The area begins with a directory.  An entry is one word, the hash of a name
 * and a size, and is appended by one compare-and-swap.  The parts are in the
 * order of the entries, so that a killed process leaves nothing half made.
 */

#include "ngx_http_gateway_metrics_area.h"

#include <openssl/rand.h>


#define NGX_HTTP_GATEWAY_METRICS_PARTS  62


typedef struct {
    uint64_t                        secret[2];
    uint64_t                        entry[NGX_HTTP_GATEWAY_METRICS_PARTS];
} ngx_http_gateway_metrics_area_t;


#define ngx_http_gateway_metrics_units(size)  (((size) + 63) / 64)


static void *ngx_http_gateway_metrics_find(const ngx_str_t *name,
    size_t *psize, ngx_uint_t any);


ngx_int_t
ngx_http_gateway_metrics_part_add(ngx_conf_t *cf, size_t size)
{
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_metrics_module);

    size = ngx_http_gateway_metrics_units(size) * 64;

    if (!mmcf->area) {
        mmcf->area = 1;
        size += sizeof(ngx_http_gateway_metrics_area_t);
    }

    return ngx_http_gateway_metrics_reserve(cf, size);
}


void *
ngx_http_gateway_metrics_part(const ngx_str_t *name, size_t size)
{
    return ngx_http_gateway_metrics_find(name, &size, 0);
}


void *
ngx_http_gateway_metrics_part_any(const ngx_str_t *name, size_t *size)
{
    return ngx_http_gateway_metrics_find(name, size, 1);
}


static void *
ngx_http_gateway_metrics_find(const ngx_str_t *name, size_t *psize,
    ngx_uint_t any)
{
    size_t                            room, at, size;
    uint64_t                          entry, found;
    ngx_uint_t                        i;
    ngx_http_gateway_metrics_area_t  *area;

    area = ngx_http_gateway_metrics_area(&room);

    if (area == NULL || room < sizeof(ngx_http_gateway_metrics_area_t)) {
        return NULL;
    }

    size = ngx_http_gateway_metrics_units(*psize);
    room = (room - sizeof(ngx_http_gateway_metrics_area_t)) / 64;
    entry = (uint64_t) ngx_crc32_long(name->data, name->len) << 32 | size;
    at = 0;

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_PARTS; i++) {

        found = __atomic_load_n(&area->entry[i], __ATOMIC_SEQ_CST);

        if (found == 0) {
            if (at + size > room) {
                return NULL;
            }

            if (__atomic_compare_exchange_n(&area->entry[i], &found, entry, 0,
                                            __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST))
            {
                found = entry;
            }
        }

        if (found == entry || (any && found >> 32 == entry >> 32)) {
            *psize = (found & 0xffffffff) * 64;
            return (u_char *) (area + 1) + at * 64;
        }

        at += found & 0xffffffff;
    }

    return NULL;
}


ngx_int_t
ngx_http_gateway_metrics_secret(uint64_t secret[2])
{
    size_t                            room;
    uint64_t                          random, none;
    ngx_uint_t                        i;
    ngx_http_gateway_metrics_area_t  *area;

    area = ngx_http_gateway_metrics_area(&room);

    if (area == NULL || room < sizeof(ngx_http_gateway_metrics_area_t)) {
        return NGX_ERROR;
    }

    for (i = 0; i < 2; i++) {

        if (RAND_bytes((u_char *) &random, sizeof(random)) != 1) {
            return NGX_ERROR;
        }

        none = 0;

        (void) __atomic_compare_exchange_n(&area->secret[i], &none, random | 1,
                                           0, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);

        secret[i] = __atomic_load_n(&area->secret[i], __ATOMIC_SEQ_CST);
    }

    return NGX_OK;
}


ngx_http_gateway_family_view_t *
ngx_http_gateway_metrics_family(const char *name)
{
    size_t                           len;
    ngx_uint_t                       i, n;
    ngx_http_gateway_family_view_t  *family;

    family = ngx_http_gateway_metric_families(&n);
    len = ngx_strlen(name);

    for (i = 0; family && i < n; i++) {
        if (family[i].name.len == len
            && ngx_memcmp(family[i].name.data, name, len) == 0)
        {
            return &family[i];
        }
    }

    return NULL;
}
