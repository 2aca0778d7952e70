/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The choice of a text format by the request's Accept fields (RFC 9110,
 * 12.5.1).  Does not use nginx.  Nothing is allocated.
 *
 * A media range with a "version" or "charset" other than that of a format does
 * not match it.  Other parameters are ignored, such as "escaping", which
 * scrapers send.  For each format the most specific range determines the
 * quality value; of equally specific ranges, the one with the highest.  Ranges
 * that do not follow the grammar are ignored.
 */

#ifndef GW_METRICS_ACCEPT_H_INCLUDED
#define GW_METRICS_ACCEPT_H_INCLUDED

#include "gw_text.h"


typedef enum {
    GW_METRICS_TEXT = 0,        /* Prometheus text format 0.0.4 */
    GW_METRICS_OPENMETRICS,     /* OpenMetrics 1.0 */
    GW_METRICS_FORMATS
} gw_metrics_format_e;


typedef struct {
    unsigned              specific; /* 0: no range matches; 1: the range
                                       "*" "/" "*"; 2: any subtype; 3: the type;
                                       one more for each parameter */
    unsigned              quality;  /* in 1/1000 */
} gw_metrics_match_t;

/* by gw_metrics_format_e; zeroed at first: no Accept field */

typedef struct {
    gw_metrics_match_t    formats[GW_METRICS_FORMATS];
} gw_metrics_accept_t;


/* adds the value of an Accept field */
void gw_metrics_accept(gw_metrics_accept_t *accept, const gw_text_t *value);

/*
 * The format with the highest quality value; of equal ones that whose range is
 * more specific.  If these are equal, too, or no format is acceptable,
 * GW_METRICS_TEXT.
 */
gw_metrics_format_e gw_metrics_accepted(const gw_metrics_accept_t *accept);


#endif /* GW_METRICS_ACCEPT_H_INCLUDED */
