/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_figure.h"

#include <string.h>


/* what may follow the number */

typedef struct {
    const char         *suffix;
    gw_figure_unit_e    unit;
} gw_figure_suffix_t;


static int gw_figure_number(const unsigned char **p, const unsigned char *end,
    uint64_t *number);


static const gw_figure_suffix_t  gw_figure_rates[] = {
    { "r/s", GW_FIGURE_SECOND },
    { "r/m", GW_FIGURE_MINUTE },
    { "r/h", GW_FIGURE_HOUR },
    { "r/d", GW_FIGURE_DAY },
    { NULL, 0 }
};

static const gw_figure_suffix_t  gw_figure_quotas[] = {
    { "/minute", GW_FIGURE_MINUTE },
    { "/hour", GW_FIGURE_HOUR },
    { "/day", GW_FIGURE_DAY },
    { "/week", GW_FIGURE_WEEK },
    { "/month", GW_FIGURE_MONTH },
    { NULL, 0 }
};

static const gw_figure_suffix_t  gw_figure_numbers[] = {
    { "", GW_FIGURE_SECOND },
    { NULL, 0 }
};


static const struct {
    const gw_figure_suffix_t  *suffixes;
    const char                *form;
} gw_figure_kinds[] = {
    [GW_FIGURE_RATE] = {
        gw_figure_rates,
        "a rate such as 10r/s, 100r/m, 1000r/h or 5000r/d"
    },
    [GW_FIGURE_QUOTA] = {
        gw_figure_quotas,
        "a quota such as 1000/month, with minute, hour, day, week or month"
    },
    [GW_FIGURE_NUMBER] = {
        gw_figure_numbers,
        "a number"
    }
};

_Static_assert(sizeof(gw_figure_kinds) / sizeof(gw_figure_kinds[0])
               == GW_FIGURE_KINDS, "each kind needs a form");


int
gw_figure_parse(gw_figure_kind_e kind, const unsigned char *text, size_t len,
    gw_figure_t *figure)
{
    size_t                     rest;
    const unsigned char       *p, *end;
    const gw_figure_suffix_t  *s;

    p = text;
    end = text + len;

    if (gw_figure_number(&p, end, &figure->amount) != 0) {
        return -1;
    }

    rest = (size_t) (end - p);

    for (s = gw_figure_kinds[kind].suffixes; s->suffix; s++) {

        if (strlen(s->suffix) == rest && memcmp(s->suffix, p, rest) == 0) {
            figure->unit = s->unit;
            return 0;
        }
    }

    return -1;
}


static int
gw_figure_number(const unsigned char **p, const unsigned char *end,
    uint64_t *number)
{
    const unsigned char  *first;

    *number = 0;

    for (first = *p; *p < end && **p >= '0' && **p <= '9'; (*p)++) {

        *number = *number * 10 + (**p - '0');

        if (*number > GW_FIGURE_MAX) {
            return -1;
        }
    }

    return (*p > first) ? 0 : -1;
}


const char *
gw_figure_form(gw_figure_kind_e kind)
{
    return gw_figure_kinds[kind].form;
}
