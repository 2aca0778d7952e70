/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What the formats of metrics share: bounded output, numbers, and what they
 * print.  Does not use nginx.  Nothing is allocated.
 */

#ifndef GW_METRICS_OUT_H_INCLUDED
#define GW_METRICS_OUT_H_INCLUDED

#include "gw_text.h"


#define GW_METRICS_PREFIX   "nginx_gateway_"

#define GW_METRICS_BUCKETS  33      /* of a histogram, with +Inf, at most */
#define GW_METRICS_BOUND    32      /* bytes of the text of a bound */


/*
 * Output.  A write that does not fit sets "full" and changes nothing else.
 * Functions that write a unit, such as a line, return 1; or 0 and leave "p"
 * where it was, if the unit does not fit.
 */

typedef struct {
    unsigned char        *p;
    unsigned char        *last;
    unsigned              full;
} gw_metrics_out_t;


void gw_metrics_put(gw_metrics_out_t *out, const void *data, size_t len);
void gw_metrics_puts(gw_metrics_out_t *out, const char *s);
void gw_metrics_putc(gw_metrics_out_t *out, char c);
void gw_metrics_put_text(gw_metrics_out_t *out, const gw_text_t *text);
void gw_metrics_put_decimal(gw_metrics_out_t *out, uint64_t n);

/* the end of a unit that began at "start": returns whether it has fit */
int gw_metrics_unit(gw_metrics_out_t *out, unsigned char *start);

/*
 * A number, in 15 digits or as many as are needed to read the same one back.
 * Integers below 2^53 have no point: "12", "0.25", "1e-05", "1.5e+20"; "NaN",
 * "+Inf" and "-Inf".
 */
void gw_metrics_put_number(gw_metrics_out_t *out, double value);

/* "value" / 10^9 exactly, with a point: "0.0", "12.000000001" */
void gw_metrics_put_seconds(gw_metrics_out_t *out, uint64_t ns);

/*
 * Writes the bound of a bucket to "text", with a point or an exponent, as
 * Prometheus' Go client does ("0.005", "1.0", "1e+06"), or "+Inf".  Returns the
 * length.
 */
size_t gw_metrics_bound(unsigned char text[GW_METRICS_BOUND], double bound);


typedef enum {
    GW_METRICS_COUNTER = 0,
    GW_METRICS_GAUGE,
    GW_METRICS_HISTOGRAM
} gw_metrics_type_e;

/* "counter", ... */
extern const char *const  gw_metrics_types[];


typedef struct {
    gw_text_t             name;     /* without the prefix, with _total */
    gw_text_t             help;
    size_t                nlabels;
    const gw_text_t      *labels;   /* their names */
    gw_metrics_type_e     type;
} gw_metrics_family_t;


/* a trace in a bucket of a duration */

typedef struct {
    uint64_t              trace[2]; /* the id's bytes in big endian */
    uint64_t              span;
    uint64_t              value;    /* ns */
    uint64_t              time;     /* ms since 1970; 0: there is none */
} gw_metrics_exemplar_t;


#define GW_METRICS_QUANTILES  4     /* p50, p90, p99, p99.9 */

typedef struct {
    unsigned              n;        /* buckets; the last is +Inf */
    unsigned              seconds;  /* "sum" is in ns; 0: in bytes */
    const gw_text_t      *bounds;
    uint64_t              counts[GW_METRICS_BUCKETS];   /* cumulated; the last
                                                           is the count */
    uint64_t              sum;
    double                quantiles[GW_METRICS_QUANTILES];  /* if there is a
                                                               count */

    /* NULL: there are none; one for each bucket */
    const gw_metrics_exemplar_t  *exemplars;
} gw_metrics_histogram_t;

#define gw_metrics_count(h)  ((h)->counts[(h)->n - 1])



#endif /* GW_METRICS_OUT_H_INCLUDED */
