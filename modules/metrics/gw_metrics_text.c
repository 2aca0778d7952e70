/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Prometheus' text format and OpenMetrics: see gw_metrics_text.h.
 */

#include <string.h>

#include "gw_metrics_text.h"


#define GW_METRICS_TOTAL  "_total"

/* units of OpenMetrics; a family of a unit must end in its name */
static const char *const  gw_metrics_units[] = {
    "_seconds", "_bytes", "_ratio"
};


/* writes a text, with a backslash before backslashes and quotes */

static void
gw_metrics_escape(gw_metrics_out_t *out, const gw_text_t *text, int quotes)
{
    size_t                n;
    const unsigned char  *s, *end;

    s = text->data;
    end = s + text->len;

    while (s < end) {
        for (n = 0; s + n < end; n++) {
            if (s[n] == '\\' || s[n] == '\n' || (quotes && s[n] == '"')) {
                break;
            }
        }

        gw_metrics_put(out, s, n);
        s += n;

        if (s < end) {
            gw_metrics_putc(out, '\\');
            gw_metrics_putc(out, *s == '\n' ? 'n' : (char) *s);
            s++;
        }
    }
}


static int
gw_metrics_ends(const gw_text_t *name, const char *suffix)
{
    size_t  n;

    n = strlen(suffix);

    return name->len > n
           && memcmp(name->data + name->len - n, suffix, n) == 0;
}


static void
gw_metrics_comment(gw_metrics_out_t *out, const char *word,
    const gw_text_t *name)
{
    gw_metrics_puts(out, "# ");
    gw_metrics_puts(out, word);
    gw_metrics_puts(out, " " GW_METRICS_PREFIX);
    gw_metrics_put_text(out, name);
    gw_metrics_putc(out, ' ');
}


static void
gw_metrics_unit_of(gw_metrics_out_t *out, const gw_text_t *name)
{
    size_t  i;

    for (i = 0; i < sizeof(gw_metrics_units) / sizeof(char *); i++) {
        if (gw_metrics_ends(name, gw_metrics_units[i])) {
            gw_metrics_comment(out, "UNIT", name);
            gw_metrics_puts(out, gw_metrics_units[i] + 1);
            gw_metrics_putc(out, '\n');
        }
    }
}


int
gw_metrics_text_family(gw_metrics_out_t *out,
    const gw_metrics_family_t *family, gw_metrics_format_e format)
{
    gw_text_t       name;
    unsigned char  *start;

    start = out->p;
    name = family->name;

    /* in OpenMetrics the name of a family of counters is without the suffix */

    if (format == GW_METRICS_OPENMETRICS
        && family->type == GW_METRICS_COUNTER
        && gw_metrics_ends(&name, GW_METRICS_TOTAL))
    {
        name.len -= sizeof(GW_METRICS_TOTAL) - 1;
    }

    gw_metrics_comment(out, "HELP", &name);
    gw_metrics_escape(out, &family->help, format == GW_METRICS_OPENMETRICS);
    gw_metrics_putc(out, '\n');

    gw_metrics_comment(out, "TYPE", &name);
    gw_metrics_puts(out, gw_metrics_types[family->type]);
    gw_metrics_putc(out, '\n');

    if (format == GW_METRICS_OPENMETRICS) {
        gw_metrics_unit_of(out, &name);
    }

    return gw_metrics_unit(out, start);
}


int
gw_metrics_text_labels(gw_metrics_out_t *out,
    const gw_metrics_family_t *family, const gw_text_t *values)
{
    size_t          i;
    unsigned char  *start;

    start = out->p;

    for (i = 0; i < family->nlabels; i++) {
        if (i) {
            gw_metrics_putc(out, ',');
        }

        gw_metrics_put_text(out, &family->labels[i]);
        gw_metrics_puts(out, "=\"");
        gw_metrics_escape(out, &values[i], 1);
        gw_metrics_putc(out, '"');
    }

    return gw_metrics_unit(out, start);
}


/* a line up to its value; "le": NULL: no bucket */

static void
gw_metrics_sample(gw_metrics_out_t *out, const gw_metrics_family_t *family,
    const char *suffix, const gw_text_t *labels, const gw_text_t *le)
{
    gw_metrics_puts(out, GW_METRICS_PREFIX);
    gw_metrics_put_text(out, &family->name);
    gw_metrics_puts(out, suffix);

    if (labels->len || le) {
        gw_metrics_putc(out, '{');
        gw_metrics_put_text(out, labels);

        if (le) {
            gw_metrics_puts(out, labels->len ? ",le=\"" : "le=\"");
            gw_metrics_put_text(out, le);
            gw_metrics_putc(out, '"');
        }

        gw_metrics_putc(out, '}');
    }

    gw_metrics_putc(out, ' ');
}


int
gw_metrics_text_value(gw_metrics_out_t *out,
    const gw_metrics_family_t *family, const gw_text_t *labels, double value)
{
    unsigned char  *start;

    start = out->p;

    gw_metrics_sample(out, family, "", labels, NULL);
    gw_metrics_put_number(out, value);
    gw_metrics_putc(out, '\n');

    return gw_metrics_unit(out, start);
}


static void
gw_metrics_put_hex(gw_metrics_out_t *out, uint64_t n)
{
    int            i;
    unsigned char  bytes[8], hex[16];

    for (i = 7; i >= 0; i--) {
        bytes[i] = (unsigned char) n;
        n >>= 8;
    }

    gw_text_hex(hex, bytes, sizeof(bytes));
    gw_metrics_put(out, hex, sizeof(hex));
}


static void
gw_metrics_put_exemplar(gw_metrics_out_t *out, const gw_metrics_exemplar_t *e)
{
    char  ms[4];

    gw_metrics_puts(out, " # {trace_id=\"");
    gw_metrics_put_hex(out, e->trace[0]);
    gw_metrics_put_hex(out, e->trace[1]);
    gw_metrics_puts(out, "\",span_id=\"");
    gw_metrics_put_hex(out, e->span);
    gw_metrics_puts(out, "\"} ");
    gw_metrics_put_seconds(out, e->value);
    gw_metrics_putc(out, ' ');
    gw_metrics_put_decimal(out, e->time / 1000);

    ms[0] = '.';
    ms[1] = (char) ('0' + e->time / 100 % 10);
    ms[2] = (char) ('0' + e->time / 10 % 10);
    ms[3] = (char) ('0' + e->time % 10);
    gw_metrics_put(out, ms, sizeof(ms));
}


int
gw_metrics_text_histogram(gw_metrics_out_t *out,
    const gw_metrics_family_t *family, const gw_text_t *labels,
    const gw_metrics_histogram_t *h, unsigned i, gw_metrics_format_e format)
{
    unsigned char  *start;

    start = out->p;

    if (i < h->n) {
        gw_metrics_sample(out, family, "_bucket", labels, &h->bounds[i]);
        gw_metrics_put_decimal(out, h->counts[i]);

        if (format == GW_METRICS_OPENMETRICS && h->exemplars
            && h->exemplars[i].time)
        {
            gw_metrics_put_exemplar(out, &h->exemplars[i]);
        }

    } else if (i > h->n) {
        gw_metrics_sample(out, family, "_count", labels, NULL);
        gw_metrics_put_decimal(out, gw_metrics_count(h));

    } else {
        gw_metrics_sample(out, family, "_sum", labels, NULL);

        if (h->seconds) {
            gw_metrics_put_seconds(out, h->sum);

        } else {
            gw_metrics_put_decimal(out, h->sum);
        }
    }

    gw_metrics_putc(out, '\n');

    return gw_metrics_unit(out, start);
}
