/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The parsers never read outside of the text.  The first line is a traceparent,
 * the others are tracestate fields.
 *
 * A written value is parsed as the same value.  A written tracestate does not
 * exceed the limits of its length and members.  Its members are members of the
 * input, in the same order.
 */

#define _GNU_SOURCE

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gw_id.h"
#include "gw_trace.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


/* a copy of the exact size: a sanitizer detects an overrun */

static unsigned char *
copy_of(const uint8_t *data, size_t size)
{
    unsigned char  *text;

    text = malloc(size + (size == 0));
    memcpy(text, data, size);

    return text;
}


static void
as_parent(const uint8_t *data, size_t size)
{
    gw_trace_t      trace, again;
    unsigned char  *text, written[GW_TRACE_PARENT];

    text = copy_of(data, size);

    (void) gw_id_valid(text, size);

    if (gw_trace_parse(&trace, text, size) == 0) {
        check(trace.flags <= (GW_TRACE_SAMPLED|GW_TRACE_RANDOM));

        gw_trace_write(written, trace.id, trace.span, trace.flags);

        check(gw_trace_parse(&again, written, GW_TRACE_PARENT) == 0);
        check(memcmp(trace.id, again.id, 2 * GW_TRACE_ID) == 0);
        check(memcmp(trace.span, again.span, 2 * GW_TRACE_SPAN) == 0);
        check(trace.flags == again.flags);
    }

    free(text);
}


static size_t
write_state(unsigned char *out, const uint8_t *text, size_t size)
{
    gw_trace_state_t      state;
    const unsigned char  *end, *line;

    state.n = 0;
    state.invalid = 0;

    for (end = text + size; text <= end; text = line + 1) {
        line = memchr(text, '\n', (size_t) (end - text));
        line = line ? line : end;
        gw_trace_state_add(&state, text, (size_t) (line - text));
    }

    return gw_trace_state_write(&state, out);
}


static void
as_state(const uint8_t *data, size_t size)
{
    size_t          len;
    unsigned        n;
    unsigned char  *text, *p, *sent, *comma;
    unsigned char   out[GW_TRACE_STATE], again[GW_TRACE_STATE];

    text = copy_of(data, size);

    len = write_state(out, text, size);
    check(len <= GW_TRACE_STATE);

    check(write_state(again, out, len) == len);
    check(memcmp(out, again, len) == 0);

    sent = text;
    n = 0;

    for (p = out; p < out + len; p = comma + 1) {
        comma = memchr(p, ',', (size_t) (out + len - p));
        comma = comma ? comma : out + len;

        sent = memmem(sent, (size_t) (text + size - sent), p,
                      (size_t) (comma - p));
        check(sent != NULL);
        sent += comma - p;
        n++;
    }

    check(n <= GW_TRACE_MEMBERS);

    free(text);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t  *line;

    line = size ? memchr(data, '\n', size) : NULL;

    if (line == NULL) {
        as_parent(data, size);
        as_state(data, size);
        return 0;
    }

    as_parent(data, (size_t) (line - data));
    as_state(line + 1, (size_t) (data + size - line - 1));

    return 0;
}
