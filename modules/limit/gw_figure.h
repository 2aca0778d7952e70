/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The syntax of figures, such as 100r/s, 1000/month or 20, in the configuration
 * and in values of variables.
 */

#ifndef GW_FIGURE_H_INCLUDED
#define GW_FIGURE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


typedef enum {
    GW_FIGURE_RATE = 0,     /* Nr/s, r/m, r/h, r/d */
    GW_FIGURE_QUOTA,        /* N/minute, /hour, /day, /week, /month */
    GW_FIGURE_NUMBER,       /* N */
    GW_FIGURE_KINDS
} gw_figure_kind_e;


/* the units after the second are those of gw_calendar_unit_e, in its order */

typedef enum {
    GW_FIGURE_SECOND = 0,
    GW_FIGURE_MINUTE,
    GW_FIGURE_HOUR,
    GW_FIGURE_DAY,
    GW_FIGURE_WEEK,
    GW_FIGURE_MONTH,
    GW_FIGURE_UNITS
} gw_figure_unit_e;


typedef struct {
    uint64_t              amount;     /* N; 0 admits nothing */
    gw_figure_unit_e      unit;       /* of a rate or quota */
} gw_figure_t;


/* greater numbers are invalid: the product of two does not overflow */
#define GW_FIGURE_MAX  1000000000000ULL


/* returns 0, or -1: the text is not a figure of the kind */
int gw_figure_parse(gw_figure_kind_e kind, const unsigned char *text,
    size_t len, gw_figure_t *figure);

/* the form of such a figure, for "it must be ..." in messages */
const char *gw_figure_form(gw_figure_kind_e kind);


#endif /* GW_FIGURE_H_INCLUDED */
