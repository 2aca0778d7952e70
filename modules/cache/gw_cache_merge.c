/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_merge.h"

#include <limits.h>


static const gw_text_t  gw_cache_n_set_cookie = gw_cache_text("set-cookie");


int
gw_cache_field_stored(const gw_text_t *name, const gw_cache_conf_t *conf,
    const gw_cache_response_t *res)
{
    static const gw_text_t  never[] = {

        /* RFC 9110, 7.6.1; RFC 9111, 3.1 */

        gw_cache_text("connection"), gw_cache_text("keep-alive"),
        gw_cache_text("proxy-authenticate"),
        gw_cache_text("proxy-authentication-info"),
        gw_cache_text("proxy-authorization"),
        gw_cache_text("proxy-connection"), gw_cache_text("te"),
        gw_cache_text("transfer-encoding"), gw_cache_text("upgrade"),

        gw_cache_text("age"),

        gw_cache_text("x-accel-expires"), gw_cache_text("x-accel-redirect"),
        gw_cache_text("x-accel-limit-rate"),
        gw_cache_text("x-accel-buffering"), gw_cache_text("x-accel-charset")
    };

    if (gw_cache_among(name, never, sizeof(never) / sizeof(never[0]))
        || gw_cache_among(name, res->listed.name, res->listed.n))
    {
        return 0;
    }

    return conf->set_cookie == GW_CACHE_COOKIE_STORE
           || !gw_cache_same(name, &gw_cache_n_set_cookie);
}


int
gw_cache_field_updated(const gw_text_t *name, const gw_cache_conf_t *conf,
    const gw_cache_response_t *res)
{
    static const gw_text_t  kept[] = {
        gw_cache_text("content-length"), gw_cache_text("content-encoding"),
        gw_cache_text("content-range")
    };

    return !gw_cache_among(name, kept, sizeof(kept) / sizeof(kept[0]))
           && gw_cache_field_stored(name, conf, res);
}


/* whether "fresh" replaces the lines with this name */

static int
gw_cache_replaced(const gw_text_t *name, const gw_cache_fields_t *fresh,
    const gw_cache_conf_t *conf, const gw_cache_response_t *res)
{
    size_t  i;

    i = 0;

    /* a field that the origin excludes now is also removed */

    return gw_cache_among(name, res->listed.name, res->listed.n)
           || (gw_cache_line(fresh, name, &i) != NULL
               && gw_cache_field_updated(name, conf, res));
}


/* adds a line; 0: there is no room */

static int
gw_cache_merge_add(gw_cache_field_t *lines, size_t *n, size_t max,
    const gw_cache_field_t *line)
{
    if (*n == max) {
        return 0;
    }

    lines[(*n)++] = *line;

    return 1;
}


int
gw_cache_merge(const gw_cache_fields_t *stored,
    const gw_cache_fields_t *fresh, const gw_cache_conf_t *conf,
    const gw_cache_response_t *res, gw_cache_field_t *lines, size_t max,
    size_t *read)
{
    size_t  i, n;

    n = 0;
    max = (max < INT_MAX) ? max : INT_MAX;

    for (i = 0; i < stored->n; i++) {
        if (!gw_cache_replaced(&stored->line[i].name, fresh, conf, res)
            && !gw_cache_merge_add(lines, &n, max, &stored->line[i]))
        {
            return -1;
        }
    }

    for (i = 0; i < fresh->n; i++) {
        if (gw_cache_field_updated(&fresh->line[i].name, conf, res)
            && !gw_cache_merge_add(lines, &n, max, &fresh->line[i]))
        {
            return -1;
        }
    }

    *read = n;

    for (i = 0; i < fresh->n; i++) {
        if ((gw_cache_is(&fresh->line[i].name, "age")
             || gw_cache_is(&fresh->line[i].name, "x-accel-expires"))
            && !gw_cache_merge_add(lines, read, max, &fresh->line[i]))
        {
            return -1;
        }
    }

    return (int) n;
}
