/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Bytes that end where "len" says: the layout of ngx_str_t, for code that
 * knows no nginx.
 */

#ifndef GW_TEXT_H_INCLUDED
#define GW_TEXT_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


typedef struct {
    size_t                len;
    const unsigned char  *data;
} gw_text_t;


#define GW_TEXT_DECIMAL  20     /* digits of a number, at most */

/*
 * Writes a number in decimal, without a NUL; returns the end.  In a request
 * that writes several, ngx_sprintf() is what costs most.
 */
unsigned char *gw_text_decimal(unsigned char *p, uint64_t n);

/*
 * Writes bytes, a multiple of 4, as lower-case hexadecimal digits; returns the
 * end.
 */
unsigned char *gw_text_hex(unsigned char *p, const unsigned char *bytes,
    size_t len);


#endif /* GW_TEXT_H_INCLUDED */
