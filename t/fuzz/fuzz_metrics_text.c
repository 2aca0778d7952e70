/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Labels with any bytes: a line of the text formats is one line, and gives the
 * value back; a JSON string has no byte that must be escaped, and gives the
 * value back, too.  Output of any size is never exceeded.
 */

#include <stdlib.h>
#include <string.h>

#include "gw_metrics_json.h"
#include "gw_metrics_text.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const gw_text_t  name = { 1, (const unsigned char *) "a" };

static const gw_metrics_family_t  family = {
    { 7, (const unsigned char *) "f_total" },
    { 5, (const unsigned char *) "Help." },
    1, &name, GW_METRICS_COUNTER
};


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static unsigned
hex(unsigned char c)
{
    check((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));

    return c <= '9' ? c - '0' : c - 'a' + 10u;
}


/* reads one character of a quoted string; JSON has \u00xx */

static unsigned char
unescape(const unsigned char **p, const unsigned char *last, int json)
{
    unsigned char  c;

    check(*p < last);
    c = *(*p)++;

    check(c != '"' && c != '\n' && !(json && (c < 0x20 || c == 0x7f)));

    if (c != '\\') {
        return c;
    }

    check(*p < last);
    c = *(*p)++;

    if (c == '"' || c == '\\') {
        return c;
    }

    if (!json) {
        check(c == 'n');
        return '\n';
    }

    check(c == 'u' && last - *p >= 4 && (*p)[0] == '0' && (*p)[1] == '0');
    c = (unsigned char) (hex((*p)[2]) << 4 | hex((*p)[3]));
    *p += 4;

    return c;
}


/* "text" is: before, the escaped value, after */

static void
is_value(const gw_text_t *text, const char *before, const gw_text_t *value,
    const char *after, int json)
{
    size_t                i;
    const unsigned char  *p, *last;

    p = text->data;
    last = p + text->len;

    check(text->len >= strlen(before)
          && memcmp(p, before, strlen(before)) == 0);
    p += strlen(before);

    for (i = 0; i < value->len; i++) {
        check(unescape(&p, last, json) == value->data[i]);
    }

    check((size_t) (last - p) == strlen(after)
          && memcmp(p, after, strlen(after)) == 0);
}


static void
text(gw_metrics_out_t *out, const gw_text_t *value)
{
    int               fits;
    gw_text_t         labels, line;
    unsigned char    *start, *buf;
    gw_metrics_out_t  all;

    buf = malloc(2 * value->len + 8);
    all.p = buf;
    all.last = buf + 2 * value->len + 8;
    all.full = 0;

    check(gw_metrics_text_labels(&all, &family, value));
    labels.data = buf;
    labels.len = (size_t) (all.p - buf);
    is_value(&labels, "a=\"", value, "\"", 0);

    start = out->p;
    fits = gw_metrics_text_value(out, &family, &labels, 1);
    line.data = start;
    line.len = (size_t) (out->p - start);
    check(out->p <= out->last && !out->full && (fits || line.len == 0));

    if (fits) {
        is_value(&line, "nginx_gateway_f_total{a=\"", value, "\"} 1\n", 0);
    }

    free(buf);
}


static void
json(gw_metrics_out_t *out, const gw_text_t *value)
{
    int             fits;
    gw_text_t       object;
    unsigned char  *start;

    start = out->p;
    gw_metrics_json_labels(out, &name, value, 1);
    fits = gw_metrics_unit(out, start);
    object.data = start;
    object.len = (size_t) (out->p - start);
    check(out->p <= out->last && !out->full && (fits || object.len == 0));

    if (fits) {
        is_value(&object, "{\"a\":\"", value, "\"}", 1);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            room;
    gw_text_t         value;
    unsigned char    *copy, *buf;
    gw_metrics_out_t  out;

    if (size < 2) {
        return 0;
    }

    room = data[0] | (size_t) (data[1] & 0xf) << 8;
    size -= 2;

    copy = malloc(size + (size == 0));
    memcpy(copy, data + 2, size);
    value.data = copy;
    value.len = size;

    buf = malloc(room + (room == 0));
    out.p = buf;
    out.last = buf + room;
    out.full = 0;

    text(&out, &value);
    json(&out, &value);

    free(buf);
    free(copy);

    return 0;
}
