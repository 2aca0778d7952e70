/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Bounded output and numbers: see gw_metrics_out.h.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_metrics_out.h"


#define GW_METRICS_EXACT   9007199254740992.0   /* 2^53 */
#define GW_METRICS_NS      1000000000u
#define GW_METRICS_DIGITS  17                   /* of a double, at most */


const char *const  gw_metrics_types[] = { "counter", "gauge", "histogram" };


void
gw_metrics_put(gw_metrics_out_t *out, const void *data, size_t len)
{
    if (out->full || (size_t) (out->last - out->p) < len) {
        out->full = 1;
        return;
    }

    if (len) {
        memcpy(out->p, data, len);
        out->p += len;
    }
}


void
gw_metrics_puts(gw_metrics_out_t *out, const char *s)
{
    gw_metrics_put(out, s, strlen(s));
}


void
gw_metrics_putc(gw_metrics_out_t *out, char c)
{
    gw_metrics_put(out, &c, 1);
}


void
gw_metrics_put_text(gw_metrics_out_t *out, const gw_text_t *text)
{
    gw_metrics_put(out, text->data, text->len);
}


void
gw_metrics_put_decimal(gw_metrics_out_t *out, uint64_t n)
{
    unsigned char  room[GW_TEXT_DECIMAL];

    gw_metrics_put(out, room, (size_t) (gw_text_decimal(room, n) - room));
}


int
gw_metrics_unit(gw_metrics_out_t *out, unsigned char *start)
{
    if (!out->full) {
        return 1;
    }

    out->p = start;
    out->full = 0;

    return 0;
}


/*
 * Writes the digits of a positive number, without a point and trailing zeros;
 * returns the exponent of the first one.
 */

static int
gw_metrics_digits(double value, char *digits)
{
    int    prec, exponent;
    char  *p, *end, text[32];

    /* 15 digits are always what was written, 17 are always enough */

    for (prec = 15; /* void */; prec++) {
        snprintf(text, sizeof(text), "%.*e", prec - 1, value);

        if (prec == GW_METRICS_DIGITS || strtod(text, NULL) == value) {
            break;
        }
    }

    p = strchr(text, 'e');
    exponent = atoi(p + 1);

    end = p;

    while (end[-1] == '0' && end > text + 2) {
        end--;
    }

    /* text[1] is the point */

    digits[0] = text[0];
    memcpy(digits + 1, text + 2, (size_t) (end - text - 2));
    digits[end - text - 1] = '\0';

    return exponent;
}


/* the layout of Go's 'g' with the shortest precision, for a positive number */

static size_t
gw_metrics_shortest(char *text, double value, int point)
{
    int   exponent, n;
    char  digits[GW_METRICS_DIGITS + 1];

    exponent = gw_metrics_digits(value, digits);
    n = (int) strlen(digits);

    if (exponent < -4 || exponent > 5) {
        return (size_t) sprintf(text, "%c%s%se%c%02d", digits[0],
                                n > 1 ? "." : "", digits + 1,
                                exponent < 0 ? '-' : '+', abs(exponent));
    }

    if (exponent < 0) {
        return (size_t) sprintf(text, "0.%.*s%s", -exponent - 1, "000",
                                digits);
    }

    if (n > exponent + 1) {
        return (size_t) sprintf(text, "%.*s.%s", exponent + 1, digits,
                                digits + exponent + 1);
    }

    return (size_t) sprintf(text, "%s%.*s%s", digits, exponent + 1 - n,
                            "00000", point ? ".0" : "");
}


void
gw_metrics_put_number(gw_metrics_out_t *out, double value)
{
    char  text[GW_METRICS_BOUND];

    if (isnan(value)) {
        gw_metrics_puts(out, "NaN");
        return;
    }

    if (isinf(value)) {
        gw_metrics_puts(out, value > 0 ? "+Inf" : "-Inf");
        return;
    }

    if (value < 0) {
        gw_metrics_putc(out, '-');
        value = -value;
    }

    if (value < GW_METRICS_EXACT && value == floor(value)) {
        gw_metrics_put_decimal(out, (uint64_t) value);
        return;
    }

    gw_metrics_put(out, text, gw_metrics_shortest(text, value, 0));
}


void
gw_metrics_put_seconds(gw_metrics_out_t *out, uint64_t ns)
{
    unsigned  rest, unit;

    gw_metrics_put_decimal(out, ns / GW_METRICS_NS);
    gw_metrics_putc(out, '.');

    rest = (unsigned) (ns % GW_METRICS_NS);
    unit = GW_METRICS_NS / 10;

    do {
        gw_metrics_putc(out, (char) ('0' + rest / unit));
        rest %= unit;
        unit /= 10;
    } while (rest);
}


size_t
gw_metrics_bound(unsigned char text[GW_METRICS_BOUND], double bound)
{
    if (isinf(bound)) {
        memcpy(text, "+Inf", 4);
        return 4;
    }

    if (bound == 0) {
        memcpy(text, "0.0", 3);
        return 3;
    }

    return gw_metrics_shortest((char *) text, bound, 1);
}
