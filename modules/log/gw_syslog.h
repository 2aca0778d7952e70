/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Syslog messages, RFC 5424: what stands before the text.
 *
 * Bytes in, bytes out.  No structured data, and no BOM before the text, which
 * says by itself that it is JSON.
 *
 * Knows no nginx.
 */

#ifndef GW_SYSLOG_H_INCLUDED
#define GW_SYSLOG_H_INCLUDED

#include "gw_text.h"


/* bytes of a field, at most (RFC 5424, 6) */
#define GW_SYSLOG_HOSTNAME  255
#define GW_SYSLOG_TAG       48
#define GW_SYSLOG_MSGID     32

/* bytes of a header, at most; with the number of octets (RFC 6587, 3.4.1) */
#define GW_SYSLOG_HEADER                                                      \
    (sizeof("<191>1 2026-11-29T12:00:00.000Z ") - 1 + GW_SYSLOG_HOSTNAME + 1  \
     + GW_SYSLOG_TAG + 1 + GW_TEXT_DECIMAL + 1 + GW_SYSLOG_MSGID              \
     + sizeof(" - ") - 1)
#define GW_SYSLOG_FRAME  (GW_TEXT_DECIMAL + 1)


/* of all messages of a process; the texts are the caller's, and clean */

typedef struct {
    unsigned    facility;   /* 0 to 23 */
    unsigned    severity;   /* 0 to 7 */
    gw_text_t   hostname;
    gw_text_t   tag;        /* APP-NAME */
    uint64_t    pid;        /* PROCID */
    gw_text_t   msgid;
} gw_syslog_t;


/*
 * Whether a text can be a field of at most "max" bytes: it has at least one,
 * and all of them are printable US-ASCII, and no space.
 */
int gw_syslog_clean(const unsigned char *data, size_t len, size_t max);

/*
 * Makes a field of any bytes: cuts it after "max" bytes, and writes "_" for
 * each one that is not allowed; "-", which means that there is no value, for
 * none.  Returns the end.
 */
unsigned char *gw_syslog_field(unsigned char *p, size_t max,
    const unsigned char *data, size_t len);

/*
 * Writes a header with the space that ends it.  The time is that of a UTC
 * clock, in seconds from 1970 and milliseconds; outside of the years 1970 to
 * 9999 the message has none.  Returns the end, at most GW_SYSLOG_HEADER bytes
 * later.
 */
unsigned char *gw_syslog_header(unsigned char *p, const gw_syslog_t *syslog,
    int64_t sec, unsigned msec);

/*
 * Writes what precedes a message of "len" bytes on a stream, at most
 * GW_SYSLOG_FRAME bytes.  Returns the end.
 */
unsigned char *gw_syslog_frame(unsigned char *p, size_t len);


#endif /* GW_SYSLOG_H_INCLUDED */
