/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The names that a certificate gives its holder: subjectAltName (RFC 5280,
 * 4.2.1.6), of the three types that the consumers file knows.
 *
 * A name ends where its length says, and only printable ASCII is a name: what
 * a C program would cut off at an embedded NUL is nobody's here.  The subject
 * is never looked at.
 *
 * Knows OpenSSL, not nginx.
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
 * Decodes the extension.  One that is not DER to the byte (X.690, 10), or is
 * there twice, holds no names: another reader might see other ones in it.
 * The certificate may be freed before gw_san_close().  OpenSSL's error queue
 * is left as it was.
 */
void gw_san_open(gw_san_t *san, X509 *cert);

/*
 * Returns 1 with the next name: "type" is "uri:", "dns:" or "email:", "value"
 * is not empty and stays until gw_san_close().  0: there are no more.
 */
int gw_san_next(gw_san_t *san, gw_text_t *type, gw_text_t *value);

/* the next name is the first one again */
#define gw_san_rewind(san)  ((san)->i = 0)

void gw_san_close(gw_san_t *san);


#endif /* GW_SAN_H_INCLUDED */
