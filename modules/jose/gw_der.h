/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The little of DER (X.690) that keys and ECDSA signatures need.
 *
 * A key travels from JWK to OpenSSL as the DER of its standard (RFC 5280
 * SubjectPublicKeyInfo), the one door that is the same in every version and
 * behind which OpenSSL checks the key itself.
 */

#ifndef GW_DER_H_INCLUDED
#define GW_DER_H_INCLUDED

#include <stddef.h>


#define GW_DER_INTEGER       0x02
#define GW_DER_BIT_STRING    0x03
#define GW_DER_OCTET_STRING  0x04
#define GW_DER_SEQUENCE      0x30


/*
 * Writes backwards, from the end of a buffer to its start, so that every
 * length is known when it is written.  Begin with "pos" at the end; once
 * "full" is set nothing is written any more.
 */
typedef struct {
    unsigned char  *start;
    unsigned char  *pos;
    unsigned char  *end;
    int             full;
} gw_der_writer_t;

#define gw_der_init(w, buf, size)                                             \
    ((w)->start = (buf), (w)->pos = (w)->end = (buf) + (size), (w)->full = 0)

#define gw_der_len(w)  ((size_t) ((w)->end - (w)->pos))


void gw_der_bytes(gw_der_writer_t *w, const unsigned char *data, size_t len);

/* the tag and length of everything written since gw_der_len() was "from" */
void gw_der_wrap(gw_der_writer_t *w, unsigned char tag, size_t from);

/* a non-negative INTEGER from big-endian bytes, with or without zeros */
void gw_der_integer(gw_der_writer_t *w, const unsigned char *data,
    size_t len);


/*
 * Reads one element with the tag "tag" at "*p" and steps over it: its
 * contents go to "*data" and "*len".  Returns 0, or -1 if there is another
 * tag, or a length that is not the shortest form or exceeds "end".
 */
int gw_der_read(const unsigned char **p, const unsigned char *end,
    unsigned char tag, const unsigned char **data, size_t *len);

/*
 * Returns 1 if the bytes are elements, one after the other, each with a
 * definite length in its shortest form, down to the last level, and 0 if
 * not, or if they are nested deeper than GW_DER_DEPTH.  Contents of primitive
 * elements are not judged.  Tags of several bytes are not known.
 */
#define GW_DER_DEPTH  16

int gw_der_strict(const unsigned char *data, size_t len);


#endif /* GW_DER_H_INCLUDED */
