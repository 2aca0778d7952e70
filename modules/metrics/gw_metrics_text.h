/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Prometheus' text format 0.0.4 and OpenMetrics 1.0.  Does not use nginx.
 * Nothing is allocated.
 *
 * The values of labels are valid UTF-8.  The functions return 1, or 0 if the
 * unit does not fit (gw_metrics_out.h).  A family is one unit; then follow its
 * samples.  OpenMetrics ends with GW_METRICS_EOF.
 */

#ifndef GW_METRICS_TEXT_H_INCLUDED
#define GW_METRICS_TEXT_H_INCLUDED

#include "gw_metrics_accept.h"
#include "gw_metrics_out.h"


#define GW_METRICS_EOF  "# EOF\n"


/* HELP, TYPE and, in OpenMetrics, UNIT */
int gw_metrics_text_family(gw_metrics_out_t *out,
    const gw_metrics_family_t *family, gw_metrics_format_e format);

/*
 * The labels of a sample, to be passed to the functions below: a="x",b="y".
 * There is a value for each name.
 */
int gw_metrics_text_labels(gw_metrics_out_t *out,
    const gw_metrics_family_t *family, const gw_text_t *values);

/* the line of a counter or a gauge */
int gw_metrics_text_value(gw_metrics_out_t *out,
    const gw_metrics_family_t *family, const gw_text_t *labels, double value);

/*
 * Line "i" of a histogram: the buckets, then the sum and the count; there are
 * gw_metrics_text_lines().  Only OpenMetrics has exemplars.
 */
int gw_metrics_text_histogram(gw_metrics_out_t *out,
    const gw_metrics_family_t *family, const gw_text_t *labels,
    const gw_metrics_histogram_t *h, unsigned i, gw_metrics_format_e format);

#define gw_metrics_text_lines(h)  ((h)->n + 2)


#endif /* GW_METRICS_TEXT_H_INCLUDED */
