/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * W3C Trace Context, levels 1 and 2: traceparent and tracestate.  Quoted titles
 * in comments are sections of its HTTP header format.
 *
 * The functions allocate no memory and read at most "len" bytes.
 */

#ifndef GW_TRACE_H_INCLUDED
#define GW_TRACE_H_INCLUDED

#include <stddef.h>

#include "gw_text.h"


#define GW_TRACE_PARENT   55        /* bytes of a traceparent of version 00 */
#define GW_TRACE_ID       16        /* bytes of a trace id, 32 hex digits */
#define GW_TRACE_SPAN      8        /* bytes of a span id, 16 hex digits */

#define GW_TRACE_STATE   512        /* bytes of a tracestate, at most */
#define GW_TRACE_MEMBERS  32        /* members of a tracestate, at most */
#define GW_TRACE_LARGE   128        /* longer members are removed first */

/* flags */
#define GW_TRACE_SAMPLED   1
#define GW_TRACE_RANDOM    2        /* level 2: 7 bytes of the id are random */


typedef struct {
    const unsigned char  *id;       /* hex digits in the parsed text */
    const unsigned char  *span;
    unsigned              flags;    /* those above; others are not passed on */
} gw_trace_t;


/*
 * Parses a traceparent; spaces and tabs around it are ignored.  Returns 0, or
 * -1 if it is invalid and a new trace must begin.  Of a later version than 00,
 * only the parts of version 00 are used.
 */
int gw_trace_parse(gw_trace_t *trace, const unsigned char *text, size_t len);

/* writes a traceparent of version 00; "id" and "span" are hex digits */
void gw_trace_write(unsigned char text[GW_TRACE_PARENT],
    const unsigned char id[2 * GW_TRACE_ID],
    const unsigned char span[2 * GW_TRACE_SPAN], unsigned flags);


/* a tracestate under construction; "n" and "invalid" are initially 0 */

typedef struct {
    gw_text_t             members[GW_TRACE_MEMBERS];
    unsigned              n;
    unsigned              invalid;
} gw_trace_state_t;


/*
 * Adds the members of a field, in order, without copying them.  An invalid
 * member, or one member too many, makes the whole tracestate invalid.  Members
 * with the same key are valid and are kept.
 */
void gw_trace_state_add(gw_trace_state_t *state, const unsigned char *text,
    size_t len);

/*
 * Writes the tracestate and returns its length, 0 if it is empty or invalid.
 * If it is too long, whole members are removed from the end, those larger than
 * GW_TRACE_LARGE first.
 */
size_t gw_trace_state_write(gw_trace_state_t *state,
    unsigned char text[GW_TRACE_STATE]);


#endif /* GW_TRACE_H_INCLUDED */
