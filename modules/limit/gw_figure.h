/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The figures of a limit as they are written: 100r/s, 1000/month, 20.  In the
 * configuration and in the values of variables alike.  Knows no nginx.
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


/* in the order of gw_calendar_unit_e, behind the second */

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
    gw_figure_unit_e      unit;       /* of a rate or a quota */
} gw_figure_t;


/* greater numbers are refused, so that no product of two overflows */
#define GW_FIGURE_MAX  1000000000000ULL


/* 0; or -1: this is none, and gw_figure_form() says what is */
int gw_figure_parse(gw_figure_kind_e kind, const unsigned char *text,
    size_t len, gw_figure_t *figure);

/* what a figure of the kind looks like, for messages */
const char *gw_figure_form(gw_figure_kind_e kind);


#endif /* GW_FIGURE_H_INCLUDED */
