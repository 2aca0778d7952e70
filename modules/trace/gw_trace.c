/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_trace.h"

#include <string.h>


#define GW_TRACE_KEY    256         /* bytes, at most */
#define GW_TRACE_VALUE  256


static void gw_trace_state_shorten(gw_trace_state_t *state);


static void
gw_trace_trim(gw_text_t *s)
{
    while (s->len && (s->data[0] == ' ' || s->data[0] == '\t')) {
        s->data++;
        s->len--;
    }

    while (s->len && (s->data[s->len - 1] == ' '
                      || s->data[s->len - 1] == '\t'))
    {
        s->len--;
    }
}


/* the value of a hex digit, -1: not one; upper case is invalid */

static int
gw_trace_digit(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* whether "p" has "n" hex digits that are not all zero */

static int
gw_trace_id(const unsigned char *p, size_t n)
{
    int     digit, any;
    size_t  i;

    any = 0;

    for (i = 0; i < n; i++) {
        digit = gw_trace_digit(p[i]);

        if (digit < 0) {
            return 0;
        }

        any |= digit;
    }

    return any != 0;
}


/* the value of two hex digits; -1: invalid */

static int
gw_trace_byte(const unsigned char *p)
{
    int  high, low;

    high = gw_trace_digit(p[0]);
    low = gw_trace_digit(p[1]);

    return (high < 0 || low < 0) ? -1 : high << 4 | low;
}


/* "version-format": version "-" trace-id "-" parent-id "-" trace-flags */

int
gw_trace_parse(gw_trace_t *trace, const unsigned char *text, size_t len)
{
    int                   version, flags;
    gw_text_t             s;
    const unsigned char  *p;

    s.data = text;
    s.len = len;

    gw_trace_trim(&s);

    if (s.len < GW_TRACE_PARENT) {
        return -1;
    }

    p = s.data;

    version = gw_trace_byte(p);
    flags = gw_trace_byte(p + 53);

    if (version < 0 || version == 0xff || flags < 0
        || p[2] != '-' || p[35] != '-' || p[52] != '-'
        || !gw_trace_id(p + 3, 2 * GW_TRACE_ID)
        || !gw_trace_id(p + 36, 2 * GW_TRACE_SPAN))
    {
        return -1;
    }

    /* a later version can have more parts, after another "-" */

    if (s.len > GW_TRACE_PARENT
        && (version == 0 || p[GW_TRACE_PARENT] != '-'))
    {
        return -1;
    }

    trace->id = p + 3;
    trace->span = p + 36;
    trace->flags = (unsigned) flags & (GW_TRACE_SAMPLED|GW_TRACE_RANDOM);

    return 0;
}


void
gw_trace_write(unsigned char text[GW_TRACE_PARENT],
    const unsigned char id[2 * GW_TRACE_ID],
    const unsigned char span[2 * GW_TRACE_SPAN], unsigned flags)
{
    memcpy(text, "00-", 3);
    memcpy(text + 3, id, 2 * GW_TRACE_ID);
    text[35] = '-';
    memcpy(text + 36, span, 2 * GW_TRACE_SPAN);
    memcpy(text + 52, "-0", 2);
    text[54] = (unsigned char) ('0' + flags);
}


/* "Key": begins with a lower-case letter or a digit */

static int
gw_trace_key(const unsigned char *p, size_t len)
{
    size_t         i;
    unsigned char  c;

    if (len == 0 || len > GW_TRACE_KEY) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        c = p[i];

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            continue;
        }

        if (i == 0 || c == '\0' || strchr("_-*/@", c) == NULL) {
            return 0;
        }
    }

    return 1;
}


/* "Value": printable, including spaces, without "=" (and ",", a separator) */

static int
gw_trace_value(const unsigned char *p, size_t len)
{
    size_t  i;

    if (len == 0 || len > GW_TRACE_VALUE) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '=') {
            return 0;
        }
    }

    return 1;
}


static void
gw_trace_state_member(gw_trace_state_t *state, gw_text_t *member)
{
    size_t                key;
    const unsigned char  *equals;

    gw_trace_trim(member);

    if (member->len == 0) {
        return;
    }

    equals = memchr(member->data, '=', member->len);
    key = equals ? (size_t) (equals - member->data) : 0;

    if (!gw_trace_key(member->data, key)
        || !gw_trace_value(equals + 1, member->len - key - 1)
        || state->n == GW_TRACE_MEMBERS)
    {
        state->invalid = 1;
        return;
    }

    state->members[state->n++] = *member;
}


void
gw_trace_state_add(gw_trace_state_t *state, const unsigned char *text,
    size_t len)
{
    gw_text_t             member;
    const unsigned char  *comma, *end;

    end = text + len;

    while (text < end && !state->invalid) {
        comma = memchr(text, ',', (size_t) (end - text));

        member.data = text;
        member.len = (size_t) ((comma ? comma : end) - text);

        gw_trace_state_member(state, &member);

        text = comma ? comma + 1 : end;
    }
}


size_t
gw_trace_state_write(gw_trace_state_t *state,
    unsigned char text[GW_TRACE_STATE])
{
    unsigned        i;
    unsigned char  *p;

    if (state->invalid || state->n == 0) {
        return 0;
    }

    gw_trace_state_shorten(state);

    p = text;

    for (i = 0; i < state->n; i++) {

        if (p != text) {
            *p++ = ',';
        }

        memcpy(p, state->members[i].data, state->members[i].len);
        p += state->members[i].len;
    }

    return (size_t) (p - text);
}


/*
 * "tracestate Limits": removes whole members until the rest fits.  "len" counts
 * a comma after each member, including the last one.
 */

static void
gw_trace_state_shorten(gw_trace_state_t *state)
{
    size_t    len;
    unsigned  i;

    len = 0;

    for (i = 0; i < state->n; i++) {
        len += state->members[i].len + 1;
    }

    for (i = state->n; i > 0 && len > GW_TRACE_STATE + 1; i--) {

        if (state->members[i - 1].len <= GW_TRACE_LARGE) {
            continue;
        }

        len -= state->members[i - 1].len + 1;

        memmove(&state->members[i - 1], &state->members[i],
                (state->n - i) * sizeof(gw_text_t));
        state->n--;
    }

    while (len > GW_TRACE_STATE + 1) {
        len -= state->members[--state->n].len + 1;
    }
}
