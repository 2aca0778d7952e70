/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The header of a syslog message (RFC 5424), without structured data and
 * without a BOM before the text.
 *
 * Does not use nginx.
 */

#ifndef GW_SYSLOG_H_INCLUDED
#define GW_SYSLOG_H_INCLUDED

#include "gw_text.h"


/* maximum length of a field (RFC 5424, 6) */
#define GW_SYSLOG_HOSTNAME  255
#define GW_SYSLOG_TAG       48
#define GW_SYSLOG_MSGID     32

/* maximum length of a header, and of the octet count (RFC 6587, 3.4.1) */
#define GW_SYSLOG_HEADER                                                      \
    (sizeof("<191>1 2026-11-29T12:00:00.000Z ") - 1 + GW_SYSLOG_HOSTNAME + 1  \
     + GW_SYSLOG_TAG + 1 + GW_TEXT_DECIMAL + 1 + GW_SYSLOG_MSGID              \
     + sizeof(" - ") - 1)
#define GW_SYSLOG_FRAME  (GW_TEXT_DECIMAL + 1)


/* the same for all messages of a process; the caller owns the valid texts */

typedef struct {
    unsigned    facility;   /* 0 to 23 */
    unsigned    severity;   /* 0 to 7 */
    gw_text_t   hostname;
    gw_text_t   tag;        /* APP-NAME */
    uint64_t    pid;        /* PROCID */
    gw_text_t   msgid;
} gw_syslog_t;


/*
 * Whether a text is a valid field: 1 to "max" bytes of printable US-ASCII, and
 * no space.
 */
int gw_syslog_clean(const unsigned char *data, size_t len, size_t max);

/*
 * Writes a field from any bytes: at most "max" of them, with "_" in place of a
 * byte that is not allowed; "-", which means no value, if "len" is 0.  Returns
 * the end.
 */
unsigned char *gw_syslog_field(unsigned char *p, size_t max,
    const unsigned char *data, size_t len);

/*
 * Writes a header and the space after it, at most GW_SYSLOG_HEADER bytes.  The
 * time is in seconds since the epoch and milliseconds; outside of the years
 * 1970 to 9999 it is left out.  Returns the end.
 */
unsigned char *gw_syslog_header(unsigned char *p, const gw_syslog_t *syslog,
    int64_t sec, unsigned msec);

/*
 * Writes the octet count of a message of "len" bytes and a space, at most
 * GW_SYSLOG_FRAME bytes.  Returns the end.
 */
unsigned char *gw_syslog_frame(unsigned char *p, size_t len);


#endif /* GW_SYSLOG_H_INCLUDED */
