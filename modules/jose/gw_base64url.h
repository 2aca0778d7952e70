/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * base64url without padding, RFC 4648 section 5 and RFC 7515 appendix C.
 *
 * Strict: each value has one text.  '=', white space, any byte outside of the
 * alphabet, a length of 4n + 1 and non-zero unused bits are refused.  If a
 * signature had two texts, a token could evade a list of revoked tokens.
 */

#ifndef GW_BASE64URL_H_INCLUDED
#define GW_BASE64URL_H_INCLUDED

#include <stddef.h>


/* the maximum size of "n" characters decoded, the exact size of "n" encoded */

#define gw_base64url_decoded_size(n)  ((n) / 4 * 3 + 2)
#define gw_base64url_encoded_size(n)  (((n) * 4 + 2) / 3)


/*
 * Decodes "n" characters into "dst", which has room for
 * gw_base64url_decoded_size(n) bytes and may not overlap "src"; the number
 * of bytes goes to "*len".  Returns 0, or -1 if the text is not strict
 * base64url; "dst" then holds garbage.
 */
int gw_base64url_decode(unsigned char *dst, size_t *len,
    const unsigned char *src, size_t n);

/*
 * Encodes "n" bytes and returns the number of characters, which is
 * gw_base64url_encoded_size(n).  No NUL is appended.
 */
size_t gw_base64url_encode(unsigned char *dst, const unsigned char *src,
    size_t n);


#endif /* GW_BASE64URL_H_INCLUDED */
