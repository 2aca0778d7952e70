/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Secrets in queries and URLs: a walk over bytes that shows everything but the
 * values of named parameters, for which it shows REDACTED.
 *
 * It parses nothing that could fail.  Separators are recognized at each depth
 * of percent-encoding at once: "?u=%3Ftoken%3Dx" and "?u=%253Ftoken%253Dx" hold
 * a parameter "token" as "?token=x" does.  What cannot be read with certainty
 * is a secret.
 *
 * Knows no nginx.  Nothing is allocated.
 */

#ifndef GW_LOG_REDACT_H_INCLUDED
#define GW_LOG_REDACT_H_INCLUDED

#include "gw_log_secret.h"


#define GW_LOG_REDACTED  "REDACTED"


typedef struct {
    const unsigned char  *p;        /* where the walk goes on */
    const unsigned char  *last;
    const unsigned char  *shown;    /* up to here the text was returned */
    const unsigned char  *free;     /* up to here no "@" ends a user */
    const gw_log_secrets_t  *secrets;
    int                   by;       /* the last separator; 0: none */
    unsigned              depth;    /* of its encoding */
    int                   open;     /* "[" has no "]" so far */
    int                   secret;   /* and a word before it is in the set */
    int                   redacted; /* REDACTED is next */
} gw_log_redact_t;


/* begins a walk over a query without its "?", or over a URL or its path */
void gw_log_redact(gw_log_redact_t *walk, const gw_log_secrets_t *secrets,
    const gw_text_t *text);

/*
 * The next run of bytes to show; 0: that was all.  All runs together are the
 * text, but for its secrets:
 *
 * - the value of a parameter in the set.  The name is compared after all its
 *   percent-encoding is removed; it begins after "&", ";", "?", "#", "/", "="
 *   or at the start, and ends at "=".  A name with brackets, dots or blanks is
 *   in the set if one of its words is, or the whole with "_" for these, or
 *   either without its tabs and line ends, which browsers drop.  The
 *   value ends at "&" or "#", or at a ";" that begins a parameter, encoded as
 *   often as the "=", or less;
 * - what stands between "//" and the last "@" before a "/", "?" or "#" that
 *   is encoded as often, or less.  As browsers have it, "\" is a "/", tabs and
 *   line ends are nothing, and behind "http:", "https:", "ftp:", "ws:" and
 *   "wss:" one slash or none is enough;
 * - from a percent-encoding that is invalid, or is encoded in parts: all to the
 *   next "&", from the separator before it.
 */
int gw_log_redact_next(gw_log_redact_t *walk, gw_text_t *run);

/*
 * The length of what stands before the last "@" of a host, encoded or not, as
 * the Host header has it; 0: nothing does.
 */
size_t gw_log_redact_user(const gw_text_t *host);


#endif /* GW_LOG_REDACT_H_INCLUDED */
