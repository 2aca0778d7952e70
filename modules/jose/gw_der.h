/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The part of DER (X.690) that keys and ECDSA signatures need.
 *
 * Keys of a JWK are passed to OpenSSL as a SubjectPublicKeyInfo (RFC 5280) in
 * DER: this works in every version of OpenSSL, which then checks the key
 * itself.
 */

#ifndef GW_DER_H_INCLUDED
#define GW_DER_H_INCLUDED

#include <stddef.h>


#define GW_DER_INTEGER       0x02
#define GW_DER_BIT_STRING    0x03
#define GW_DER_OCTET_STRING  0x04
#define GW_DER_SEQUENCE      0x30


/*
 * Writes backwards, from the end of a buffer to its start, so that each length
 * is known when it is written.  Once "full" is set, nothing more is written.
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

/* wraps everything that was written since gw_der_len() was "from" */
void gw_der_wrap(gw_der_writer_t *w, unsigned char tag, size_t from);

/* writes a non-negative INTEGER from big-endian bytes, any leading zeros */
void gw_der_integer(gw_der_writer_t *w, const unsigned char *data,
    size_t len);


/*
 * Reads an element with the tag "tag" at "*p", advances "*p" and sets "*data"
 * and "*len" to the contents.  Returns 0, or -1 if the tag is another one, or
 * the length is not in its shortest form or exceeds "end".
 */
int gw_der_read(const unsigned char **p, const unsigned char *end,
    unsigned char tag, const unsigned char **data, size_t *len);

/*
 * Returns 1 if the bytes are a sequence of elements that have, on all levels, a
 * definite length in its shortest form.  Returns 0 if not, or if elements are
 * nested deeper than GW_DER_DEPTH or have a tag of several bytes.  Contents of
 * primitive elements are not checked.
 */
#define GW_DER_DEPTH  16

int gw_der_strict(const unsigned char *data, size_t len);


#endif /* GW_DER_H_INCLUDED */
