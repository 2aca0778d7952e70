/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Parts of the JSON documents of metrics.  Does not use nginx.  Nothing is
 * allocated.
 *
 * The functions return 1, or 0 if the unit does not fit (gw_metrics_out.h).
 * The values of labels are valid UTF-8; other texts may be any bytes.  Numbers
 * are written as in the text formats, and "null" for what is not finite.
 */

#ifndef GW_METRICS_JSON_H_INCLUDED
#define GW_METRICS_JSON_H_INCLUDED

#include "gw_metrics_out.h"


/* these are no units: they only write (gw_metrics_put()) */

/* a string with its quotes; control characters are escaped */
void gw_metrics_json_string(gw_metrics_out_t *out, const gw_text_t *text);
void gw_metrics_json_number(gw_metrics_out_t *out, double value);

/* an object: {"a":"x","b":"y"}; there is a value for each name */
void gw_metrics_json_labels(gw_metrics_out_t *out, const gw_text_t *names,
    const gw_text_t *values, size_t n);


/*
 * The beginning of a family, "name":{"type":...,"series":[, and its end.  The
 * first family and the first series have no comma before them.
 */
int gw_metrics_json_family(gw_metrics_out_t *out,
    const gw_metrics_family_t *family, int first);
int gw_metrics_json_family_end(gw_metrics_out_t *out);

/* an element of the list; "labels" is an object */
int gw_metrics_json_value(gw_metrics_out_t *out, const gw_text_t *labels,
    double value, int first);

/* the quantiles of a histogram without observations are null */
int gw_metrics_json_histogram(gw_metrics_out_t *out, const gw_text_t *labels,
    const gw_metrics_histogram_t *h, int first);



#endif /* GW_METRICS_JSON_H_INCLUDED */
