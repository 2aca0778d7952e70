/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * JSON of metrics: see gw_metrics_json.h.
 */

#include <math.h>
#include <string.h>

#include "gw_metrics_json.h"


static const char *const  gw_metrics_quantiles[GW_METRICS_QUANTILES] = {
    ",\"p50\":", ",\"p90\":", ",\"p99\":", ",\"p999\":"
};


/* RFC 8259, 7; also DEL, which is invisible */

static int
gw_metrics_json_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}


static void
gw_metrics_json_escape(gw_metrics_out_t *out, unsigned char c)
{
    char               text[6];
    static const char  hex[] = "0123456789abcdef";

    if (c == '"' || c == '\\') {
        text[0] = '\\';
        text[1] = (char) c;
        gw_metrics_put(out, text, 2);
        return;
    }

    memcpy(text, "\\u00", 4);
    text[4] = hex[c >> 4];
    text[5] = hex[c & 0xf];
    gw_metrics_put(out, text, sizeof(text));
}


void
gw_metrics_json_string(gw_metrics_out_t *out, const gw_text_t *text)
{
    size_t                n;
    const unsigned char  *s, *end;

    s = text->data;
    end = s + text->len;

    gw_metrics_putc(out, '"');

    while (s < end) {
        for (n = 0; s + n < end && gw_metrics_json_plain(s[n]); n++) {
            /* void */
        }

        gw_metrics_put(out, s, n);
        s += n;

        if (s < end) {
            gw_metrics_json_escape(out, *s++);
        }
    }

    gw_metrics_putc(out, '"');
}


void
gw_metrics_json_number(gw_metrics_out_t *out, double value)
{
    if (isfinite(value)) {
        gw_metrics_put_number(out, value);

    } else {
        gw_metrics_puts(out, "null");
    }
}


void
gw_metrics_json_labels(gw_metrics_out_t *out, const gw_text_t *names,
    const gw_text_t *values, size_t n)
{
    size_t  i;

    gw_metrics_putc(out, '{');

    for (i = 0; i < n; i++) {
        if (i) {
            gw_metrics_putc(out, ',');
        }

        gw_metrics_json_string(out, &names[i]);
        gw_metrics_putc(out, ':');
        gw_metrics_json_string(out, &values[i]);
    }

    gw_metrics_putc(out, '}');
}


int
gw_metrics_json_family(gw_metrics_out_t *out,
    const gw_metrics_family_t *family, int first)
{
    unsigned char  *start;

    start = out->p;

    if (!first) {
        gw_metrics_putc(out, ',');
    }

    gw_metrics_json_string(out, &family->name);
    gw_metrics_puts(out, ":{\"type\":\"");
    gw_metrics_puts(out, gw_metrics_types[family->type]);
    gw_metrics_puts(out, "\",\"help\":");
    gw_metrics_json_string(out, &family->help);
    gw_metrics_puts(out, ",\"series\":[");

    return gw_metrics_unit(out, start);
}


int
gw_metrics_json_family_end(gw_metrics_out_t *out)
{
    unsigned char  *start;

    start = out->p;

    gw_metrics_puts(out, "]}");

    return gw_metrics_unit(out, start);
}


static void
gw_metrics_json_series(gw_metrics_out_t *out, const gw_text_t *labels,
    int first)
{
    gw_metrics_puts(out, first ? "{\"labels\":" : ",{\"labels\":");
    gw_metrics_put_text(out, labels);
}


int
gw_metrics_json_value(gw_metrics_out_t *out, const gw_text_t *labels,
    double value, int first)
{
    unsigned char  *start;

    start = out->p;

    gw_metrics_json_series(out, labels, first);
    gw_metrics_puts(out, ",\"value\":");
    gw_metrics_json_number(out, value);
    gw_metrics_putc(out, '}');

    return gw_metrics_unit(out, start);
}


int
gw_metrics_json_histogram(gw_metrics_out_t *out, const gw_text_t *labels,
    const gw_metrics_histogram_t *h, int first)
{
    unsigned        i;
    unsigned char  *start;

    start = out->p;

    gw_metrics_json_series(out, labels, first);

    gw_metrics_puts(out, ",\"count\":");
    gw_metrics_put_decimal(out, gw_metrics_count(h));
    gw_metrics_puts(out, ",\"sum\":");

    if (h->seconds) {
        gw_metrics_put_seconds(out, h->sum);

    } else {
        gw_metrics_put_decimal(out, h->sum);
    }

    for (i = 0; i < GW_METRICS_QUANTILES; i++) {
        gw_metrics_puts(out, gw_metrics_quantiles[i]);
        gw_metrics_json_number(out, gw_metrics_count(h) ? h->quantiles[i]
                                                        : NAN);
    }

    gw_metrics_puts(out, ",\"buckets\":[");

    for (i = 0; i < h->n; i++) {
        gw_metrics_puts(out, i ? ",[\"" : "[\"");
        gw_metrics_put_text(out, &h->bounds[i]);
        gw_metrics_puts(out, "\",");
        gw_metrics_put_decimal(out, h->counts[i]);
        gw_metrics_putc(out, ']');
    }

    gw_metrics_puts(out, "]}");

    return gw_metrics_unit(out, start);
}
