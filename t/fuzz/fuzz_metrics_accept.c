/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Any value of Accept is read to its end, and gives one of the formats.  A
 * format that is named without parameters behind it, with the highest weight,
 * is chosen, unless it is named before.
 */

#include <stdlib.h>
#include <string.h>

#include "gw_metrics_accept.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


/* of the exact size: a sanitizer detects an overrun */

static void
add(gw_metrics_accept_t *accept, const uint8_t *data, size_t size)
{
    gw_text_t       value;
    unsigned char  *copy;

    copy = malloc(size + (size == 0));

    if (size) {
        memcpy(copy, data, size);
    }

    value.data = copy;
    value.len = size;
    gw_metrics_accept(accept, &value);

    free(copy);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                  i;
    gw_metrics_accept_t  accept, before;

    static const char  open[] = "application/openmetrics-text;version=1.0.0;"
                                "charset=utf-8;version=1.0.0;version=1.0.0;"
                                "version=1.0.0;version=1.0.0";

    memset(&accept, 0, sizeof(accept));
    add(&accept, data, size);

    for (i = 0; i < GW_METRICS_FORMATS; i++) {
        check(accept.formats[i].quality <= 1000);
        check(accept.formats[i].specific || accept.formats[i].quality == 0);
    }

    check(gw_metrics_accepted(&accept) == GW_METRICS_TEXT
          || gw_metrics_accepted(&accept) == GW_METRICS_OPENMETRICS);

    /* a second field only adds ranges */

    before = accept;
    add(&accept, (const uint8_t *) open, sizeof(open) - 1);

    check(accept.formats[GW_METRICS_TEXT].specific
          == before.formats[GW_METRICS_TEXT].specific);
    check(accept.formats[GW_METRICS_OPENMETRICS].specific >= 8);

    if (before.formats[GW_METRICS_OPENMETRICS].specific < 8
        && before.formats[GW_METRICS_TEXT].quality < 1000)
    {
        check(gw_metrics_accepted(&accept) == GW_METRICS_OPENMETRICS);
    }

    return 0;
}
