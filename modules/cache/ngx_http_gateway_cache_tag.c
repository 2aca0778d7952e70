/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Tags: words by which a response can be purged, in the fields of
 * gateway_cache_tags, separated by white space or commas.
 */

#include "ngx_http_gateway_cache_run.h"


static const unsigned char *ngx_http_gateway_cache_word(
    const unsigned char *p, const unsigned char *last, gw_text_t *word);


gw_cache_reason_e
ngx_http_gateway_cache_tags(ngx_pool_t *pool,
    const ngx_http_gateway_cache_tags_t *tags, const gw_cache_fields_t *fields,
    gw_cache_content_t *content)
{
    size_t                i, n, j;
    gw_text_t            *name;
    gw_text_t            *list;
    const gw_text_t      *value;
    const unsigned char  *p, *last;

    content->tags = NULL;
    content->ntags = 0;

    if (tags->names.nelts == 0) {
        return GW_CACHE_R_NONE;
    }

    list = ngx_palloc(pool, (GW_CACHE_TAGS + 1) * sizeof(gw_text_t));
    if (list == NULL) {
        return GW_CACHE_R_FULL;
    }

    name = tags->names.elts;
    n = 0;

    for (i = 0; i < tags->names.nelts; i++) {
        j = 0;

        while ((value = gw_cache_line(fields, &name[i], &j)) != NULL) {

            last = value->data + value->len;
            p = value->data;

            for ( ;; ) {
                p = ngx_http_gateway_cache_word(p, last, &list[n]);

                if (list[n].len == 0) {
                    break;
                }

                if (++n > GW_CACHE_TAGS) {
                    return GW_CACHE_R_TAGS;
                }
            }
        }
    }

    content->tags = list;
    content->ntags = n;

    return GW_CACHE_R_NONE;
}


/* an empty word: there are no more */

static const unsigned char *
ngx_http_gateway_cache_word(const unsigned char *p, const unsigned char *last,
    gw_text_t *word)
{
    while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
        p++;
    }

    word->data = p;

    while (p < last && *p != ' ' && *p != '\t' && *p != ',') {
        p++;
    }

    word->len = p - word->data;

    return p;
}


ngx_uint_t
ngx_http_gateway_cache_hidden(const ngx_http_gateway_cache_tags_t *tags,
    const gw_text_t *name)
{
    return tags->strip
           && gw_cache_among(name, tags->names.elts, tags->names.nelts);
}


void
ngx_http_gateway_cache_strip(ngx_http_request_t *r,
    const ngx_http_gateway_cache_tags_t *tags)
{
    gw_text_t         name;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (!tags->strip) {
        return;
    }

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            name = ngx_http_gateway_cache_text(&h[i].key);

            if (ngx_http_gateway_cache_hidden(tags, &name)) {
                h[i].hash = 0;
            }
        }
    }
}
