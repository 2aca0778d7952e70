/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Redaction of queries and URLs: returns the text with REDACTED in place of the
 * values of named parameters, and of user names and passwords.
 *
 * Redaction cannot fail.  Separators are recognized at any depth of
 * percent-encoding: "?u=%3Ftoken%3Dx" and "?u=%253Ftoken%253Dx" have a
 * parameter "token", as "?token=x" has.  What is ambiguous is redacted.
 *
 * Does not use nginx.  Nothing is allocated.
 */

#ifndef GW_LOG_REDACT_H_INCLUDED
#define GW_LOG_REDACT_H_INCLUDED

#include "gw_log_secret.h"


#define GW_LOG_REDACTED  "REDACTED"


typedef struct {
    const unsigned char  *p;        /* the next byte to read */
    const unsigned char  *last;
    const unsigned char  *shown;    /* end of the text returned so far */
    const unsigned char  *free;     /* no user ends before this byte */
    const gw_log_secrets_t  *secrets;
    int                   by;       /* the last separator; 0: none */
    unsigned              depth;    /* of its encoding */
    int                   open;     /* inside of brackets */
    int                   secret;   /* and a word before is in the set */
    int                   redacted; /* return REDACTED next */
} gw_log_redact_t;


/*
 * Begins to redact a query without its "?", a URL, or a path.  The text and the
 * secrets must stay valid until the end.
 */
void gw_log_redact(gw_log_redact_t *walk, const gw_log_secrets_t *secrets,
    const gw_text_t *text);

/*
 * Returns 1 and the next run of bytes of the redacted text; 0: the end.  These
 * are redacted:
 *
 * - The value of a parameter whose name is in the set.  The name begins at the
 *   start or after "&", ";", "?", "#", "/" or "=", and ends at "=".  It is
 *   compared after all percent-encoding is removed.  A name with brackets, dots
 *   or blanks matches if one of its words does, or all of it with "_" in their
 *   place; the same without tabs and line ends, which browsers remove.  The
 *   value ends at "&" or "#", or at a ";" that begins a parameter, if they are
 *   encoded as often as the "=", or less.
 * - The text between "//" and the last "@" before a "/", "?" or "#" that is
 *   encoded as often as the slashes, or less.  As in browsers, "\" is a "/",
 *   tabs and line ends are ignored, and after "http:", "https:", "ftp:", "ws:"
 *   and "wss:" one slash or none is enough.
 * - From the separator before a percent-encoding that is invalid, or is encoded
 *   in parts, to the next "&".
 */
int gw_log_redact_next(gw_log_redact_t *walk, gw_text_t *run);

/*
 * The length of the user in the value of a Host header: up to the last "@",
 * encoded or not; 0: no user.
 */
size_t gw_log_redact_user(const gw_text_t *host);


#endif /* GW_LOG_REDACT_H_INCLUDED */
