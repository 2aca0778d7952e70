/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The names of a certificate: subjectAltName (RFC 5280, 4.2.1.6), of the three
 * types of the consumers file.
 *
 * Names that contain anything but printable ASCII, such as an embedded NUL, are
 * skipped.  The subject is never read.
 *
 * Uses OpenSSL, but not nginx.
 */

#ifndef GW_SAN_H_INCLUDED
#define GW_SAN_H_INCLUDED

#include <openssl/x509v3.h>

#include "gw_text.h"


typedef struct {
    GENERAL_NAMES  *names;    /* NULL: there are none */
    int             i;
} gw_san_t;


/*
 * Decodes the extension.  An extension that is repeated or not strict DER
 * (X.690, 10) has no names: another reader could find other names in it.  The
 * certificate may be freed before gw_san_close().  OpenSSL's error queue stays
 * unchanged.
 */
void gw_san_open(gw_san_t *san, X509 *cert);

/*
 * Returns 1 and the next name, or 0 if there are no more.  "type" is "uri:",
 * "dns:" or "email:"; "value" is not empty and valid until gw_san_close().
 */
int gw_san_next(gw_san_t *san, gw_text_t *type, gw_text_t *value);

/* makes the first name the next one again */
#define gw_san_rewind(san)  ((san)->i = 0)

void gw_san_close(gw_san_t *san);


#endif /* GW_SAN_H_INCLUDED */
