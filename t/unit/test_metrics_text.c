/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The text formats and JSON of metrics: numbers, escapes, and units that fit or
 * are left out as a whole.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_metrics_json.h"
#include "gw_metrics_text.h"
#include "tap.h"


#define TEXT(s)  { sizeof(s) - 1, (const unsigned char *) s }


static const struct {
    double       number;
    const char  *text;
    const char  *bound;         /* NULL: not tested */
} numbers[] = {
    { 0, "0", "0.0" },
    { -0.0, "0", NULL },
    { 1, "1", "1.0" },
    { 10, "10", "10.0" },
    { 12345, "12345", "12345.0" },
    { 100000, "100000", "100000.0" },
    { 1e6, "1000000", "1e+06" },
    { 1048576, "1048576", "1.048576e+06" },
    { 1073741824, "1073741824", "1.073741824e+09" },
    { 0.5, "0.5", "0.5" },
    { 0.1, "0.1", "0.1" },
    { 0.005, "0.005", "0.005" },
    { 0.0001, "0.0001", "0.0001" },
    { 0.00001, "1e-05", "1e-05" },
    { 0.000001, "1e-06", "1e-06" },
    { 2.5, "2.5", "2.5" },
    { 7.5e-7, "7.5e-07", "7.5e-07" },
    { 99999.5, "99999.5", "99999.5" },
    { 123456.75, "123456.75", "123456.75" },
    { 1234567.5, "1.2345675e+06", "1.2345675e+06" },
    { 1764500000.123, "1.764500000123e+09", NULL },
    { 9007199254740991, "9007199254740991", NULL },
    { 9007199254740992, "9.007199254740992e+15", NULL },
    { 1e300, "1e+300", "1e+300" },
    { 5e-324, "4.94065645841247e-324", NULL },
    { 1.7976931348623157e308, "1.7976931348623157e+308", NULL },
    { -1, "-1", NULL },
    { -0.25, "-0.25", NULL },
    { 1.0 / 3, "0.3333333333333333", NULL },
    { 0.1 + 0.2, "0.30000000000000004", NULL },
    { NAN, "NaN", NULL },
    { INFINITY, "+Inf", "+Inf" },
    { -INFINITY, "-Inf", NULL },
};


static const struct {
    uint64_t     ns;
    const char  *text;
} seconds[] = {
    { 0, "0.0" },
    { 1, "0.000000001" },
    { 100000000, "0.1" },
    { 1000000000, "1.0" },
    { 12000345678, "12.000345678" },
    { UINT64_MAX, "18446744073.709551615" },
};


static const struct {
    gw_text_t    value;
    const char  *text;
    const char  *json;
} escapes[] = {
    { TEXT(""), "", "" },
    { TEXT("plain"), "plain", "plain" },
    { TEXT("a\"b"), "a\\\"b", "a\\\"b" },
    { TEXT("~ \\.php$"), "~ \\\\.php$", "~ \\\\.php$" },
    { TEXT("\\"), "\\\\", "\\\\" },
    { TEXT("a\nb"), "a\\nb", "a\\u000ab" },
    { TEXT("\x01\t\r\x7f"), "\x01\t\r\x7f", "\\u0001\\u0009\\u000d\\u007f" },
    { TEXT("a\0b"), NULL, "a\\u0000b" },
    { TEXT("gr\xc3\xbc\xc3\x9f \xe2\x80\xae"),
      "gr\xc3\xbc\xc3\x9f \xe2\x80\xae", "gr\xc3\xbc\xc3\x9f \xe2\x80\xae" },
    { TEXT("<img onerror=x>"), "<img onerror=x>", "<img onerror=x>" },
};


static const gw_text_t  route_labels[] = { TEXT("server"), TEXT("route") };
static const gw_text_t  route_values[] = { TEXT("a"), TEXT("~ \"\\\n") };
static const gw_text_t  bounds[] = { TEXT("0.1"), TEXT("1.0"), TEXT("+Inf") };

static const gw_text_t  json_labels = TEXT("{\"server\":\"a\"}");

static const gw_metrics_family_t  requests = {
    TEXT("http_requests_total"), TEXT("Requests, \"all\" \\ of\nthem."), 2,
    route_labels, GW_METRICS_COUNTER
};

static const gw_metrics_family_t  durations = {
    TEXT("http_request_duration_seconds"), TEXT("Durations."), 2,
    route_labels, GW_METRICS_HISTOGRAM
};

static const gw_metrics_family_t  workers = {
    TEXT("workers"), TEXT("Workers."), 0, NULL, GW_METRICS_GAUGE
};

static const gw_metrics_exemplar_t  exemplars[] = {
    { { 0x0102030405060708, 0x090a0b0c0d0e0f10 }, 0xa0, 67000000,
      1764500000123 },
    { { 0, 0 }, 0, 0, 0 },
    { { 1, 2 }, 3, 2000000001, 1764500000007 },
};

static gw_metrics_histogram_t  histogram = {
    3, 1, bounds, { 1, 1, 3 }, 2267000001, { 0.0625, 1.5, 2, 2 }, exemplars
};


/* what a function writes, and that it writes the whole or nothing */

typedef int (*unit_pt)(gw_metrics_out_t *out, const void *data);

static void
test_unit(unit_pt unit, const void *data, const char *expected,
    const char *name)
{
    size_t            room, len, wrong;
    unsigned char     buf[4096];
    gw_metrics_out_t  out;

    out.p = buf;
    out.last = buf + sizeof(buf);
    out.full = 0;

    ok(unit(&out, data) == 1 && !out.full, "%s: fits", name);

    len = (size_t) (out.p - buf);
    is_bytes(buf, len, expected, "%s", name);

    wrong = 0;

    for (room = 0; room <= len; room++) {
        memset(buf, '#', sizeof(buf));
        out.p = buf;
        out.last = buf + room;
        out.full = 0;

        if (unit(&out, data) != (room == len) || out.full
            || out.p != buf + (room == len ? len : 0) || buf[room] != '#')
        {
            wrong++;
        }
    }

    is_int((long long) wrong, 0, "%s: all or nothing", name);
}


static int
unit_number(gw_metrics_out_t *out, const void *data)
{
    unsigned char  *start = out->p;

    gw_metrics_put_number(out, *(const double *) data);

    return gw_metrics_unit(out, start);
}


static int
unit_seconds(gw_metrics_out_t *out, const void *data)
{
    unsigned char  *start = out->p;

    gw_metrics_put_seconds(out, *(const uint64_t *) data);

    return gw_metrics_unit(out, start);
}


static int
unit_label(gw_metrics_out_t *out, const void *data)
{
    gw_metrics_family_t  family = requests;

    family.nlabels = 1;

    return gw_metrics_text_labels(out, &family, data);
}


static int
unit_json_label(gw_metrics_out_t *out, const void *data)
{
    unsigned char  *start = out->p;

    gw_metrics_json_labels(out, route_labels, data, 1);

    return gw_metrics_unit(out, start);
}


static void
test_numbers(void)
{
    size_t         i, len;
    unsigned char  bound[GW_METRICS_BOUND];

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        test_unit(unit_number, &numbers[i].number, numbers[i].text,
                  numbers[i].text);

        if (numbers[i].bound) {
            len = gw_metrics_bound(bound, numbers[i].number);
            is_bytes(bound, len, numbers[i].bound, "bound %s",
                     numbers[i].bound);
        }
    }

    for (i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        test_unit(unit_seconds, &seconds[i].ns, seconds[i].text,
                  seconds[i].text);
    }
}


/* each number is read back as the same */

static void
test_read_back(void)
{
    int               i, wrong;
    char              text[64];
    double            number;
    uint64_t          bits, seed;
    gw_metrics_out_t  out;

    wrong = 0;
    seed = 1;

    for (i = 0; i < 100000; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        bits = (i & 1) ? seed & ~(UINT64_MAX >> 1 >> (i % 52)) : seed;
        memcpy(&number, &bits, sizeof(number));

        out.p = (unsigned char *) text;
        out.last = out.p + sizeof(text) - 1;
        out.full = 0;
        gw_metrics_put_number(&out, number);
        *out.p = '\0';

        if (isfinite(number) && (out.full || strtod(text, NULL) != number)) {
            wrong++;
        }
    }

    is_int(wrong, 0, "numbers are read back");
}


static void
test_escapes(void)
{
    size_t       i;
    char         text[256];
    const char  *name;

    for (i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        name = escapes[i].json;

        if (escapes[i].text) {
            snprintf(text, sizeof(text), "server=\"%s\"", escapes[i].text);
            test_unit(unit_label, &escapes[i].value, text, name);
        }

        snprintf(text, sizeof(text), "{\"server\":\"%s\"}", escapes[i].json);
        test_unit(unit_json_label, &escapes[i].value, text, name);
    }
}


/* the parts of a text document */

typedef struct {
    const gw_metrics_family_t  *family;
    gw_metrics_format_e         format;
    double                      value;
    int                         first;
} part_t;


static int
unit_family(gw_metrics_out_t *out, const void *data)
{
    const part_t  *part = data;

    return gw_metrics_text_family(out, part->family, part->format);
}


static int
unit_value(gw_metrics_out_t *out, const void *data)
{
    gw_text_t         labels;
    unsigned char     buf[256];
    const part_t     *part = data;
    gw_metrics_out_t  text = { buf, buf + sizeof(buf), 0 };

    gw_metrics_text_labels(&text, part->family, route_values);
    labels.data = buf;
    labels.len = (size_t) (text.p - buf);

    return gw_metrics_text_value(out, part->family, &labels, part->value);
}


static int
unit_histogram(gw_metrics_out_t *out, const void *data)
{
    unsigned        i;
    unsigned char  *start;
    const part_t   *part = data;

    static const gw_text_t  labels = TEXT("a=\"b\"");
    static const gw_text_t  none = TEXT("");

    start = out->p;

    for (i = 0; i < gw_metrics_text_lines(&histogram); i++) {
        if (!gw_metrics_text_histogram(out, part->family,
                                       part->first ? &none : &labels,
                                       &histogram, i, part->format))
        {
            out->p = start;
            return 0;
        }
    }

    return 1;
}


#define D  "nginx_gateway_http_request_duration_seconds"

static void
test_text(void)
{
    part_t  part = { &requests, GW_METRICS_TEXT, 12, 0 };

    test_unit(unit_family, &part,
              "# HELP nginx_gateway_http_requests_total "
              "Requests, \"all\" \\\\ of\\nthem.\n"
              "# TYPE nginx_gateway_http_requests_total counter\n",
              "a counter in text");
    test_unit(unit_value, &part,
              "nginx_gateway_http_requests_total{server=\"a\","
              "route=\"~ \\\"\\\\\\n\"} 12\n", "its sample");

    part.format = GW_METRICS_OPENMETRICS;
    test_unit(unit_family, &part,
              "# HELP nginx_gateway_http_requests "
              "Requests, \\\"all\\\" \\\\ of\\nthem.\n"
              "# TYPE nginx_gateway_http_requests counter\n",
              "a counter in OpenMetrics");

    part.family = &workers;
    part.value = NAN;
    test_unit(unit_family, &part,
              "# HELP nginx_gateway_workers Workers.\n"
              "# TYPE nginx_gateway_workers gauge\n", "a gauge");
    test_unit(unit_value, &part, "nginx_gateway_workers NaN\n", "its sample");

    part.family = &durations;
    test_unit(unit_family, &part,
              "# HELP " D " Durations.\n# TYPE " D " histogram\n"
              "# UNIT " D " seconds\n", "a histogram in OpenMetrics");
    test_unit(unit_histogram, &part,
              D "_bucket{a=\"b\",le=\"0.1\"} 1 # {trace_id="
              "\"0102030405060708090a0b0c0d0e0f10\",span_id="
              "\"00000000000000a0\"} 0.067 1764500000.123\n"
              D "_bucket{a=\"b\",le=\"1.0\"} 1\n"
              D "_bucket{a=\"b\",le=\"+Inf\"} 3 # {trace_id="
              "\"00000000000000010000000000000002\",span_id="
              "\"0000000000000003\"} 2.000000001 1764500000.007\n"
              D "_sum{a=\"b\"} 2.267000001\n" D "_count{a=\"b\"} 3\n",
              "its lines");

    part.format = GW_METRICS_TEXT;
    part.first = 1;
    test_unit(unit_histogram, &part,
              D "_bucket{le=\"0.1\"} 1\n" D "_bucket{le=\"1.0\"} 1\n"
              D "_bucket{le=\"+Inf\"} 3\n"
              D "_sum 2.267000001\n" D "_count 3\n",
              "without labels and exemplars");
}


static int
unit_json_family(gw_metrics_out_t *out, const void *data)
{
    const part_t  *part = data;

    return gw_metrics_json_family(out, part->family, part->first);
}


static int
unit_json_value(gw_metrics_out_t *out, const void *data)
{
    const part_t  *part = data;

    return gw_metrics_json_value(out, &json_labels, part->value, part->first);
}


static int
unit_json_histogram(gw_metrics_out_t *out, const void *data)
{
    const part_t  *part = data;

    return gw_metrics_json_histogram(out, &json_labels, &histogram,
                                     part->first);
}


static void
test_json(void)
{
    part_t  part = { &requests, GW_METRICS_TEXT, 12, 1 };

    test_unit(unit_json_family, &part,
              "\"http_requests_total\":{\"type\":\"counter\",\"help\":"
              "\"Requests, \\\"all\\\" \\\\ of\\u000athem.\",\"series\":[",
              "JSON: a family");
    test_unit(unit_json_value, &part,
              "{\"labels\":{\"server\":\"a\"},"
              "\"value\":12}", "JSON: a value");

    part.family = &workers;
    part.value = INFINITY;
    part.first = 0;
    test_unit(unit_json_family, &part,
              ",\"workers\":{\"type\":\"gauge\",\"help\":\"Workers.\","
              "\"series\":[", "JSON: the next family");
    test_unit(unit_json_value, &part, ",{\"labels\":{\"server\":\"a\"},\"value\":null}",
              "JSON: no number");

    part.family = &durations;
    test_unit(unit_json_histogram, &part,
              ",{\"labels\":{\"server\":\"a\"},"
              "\"count\":3,\"sum\":2.267000001,\"p50\":0.0625,\"p90\":1.5,"
              "\"p99\":2,\"p999\":2,\"buckets\":[[\"0.1\",1],[\"1.0\",1],"
              "[\"+Inf\",3]]}", "JSON: a histogram");

    histogram.counts[0] = histogram.counts[1] = histogram.counts[2] = 0;
    histogram.sum = 0;
    histogram.seconds = 0;
    test_unit(unit_json_histogram, &part,
              ",{\"labels\":{\"server\":\"a\"},"
              "\"count\":0,\"sum\":0,\"p50\":null,\"p90\":null,"
              "\"p99\":null,\"p999\":null,\"buckets\":[[\"0.1\",0],[\"1.0\",0],"
              "[\"+Inf\",0]]}", "JSON: an empty histogram");
}


int
main(void)
{
    test_numbers();
    test_read_back();
    test_escapes();
    test_text();
    test_json();

    return done_testing();
}
