/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A string with a length and without a NUL: the layout of ngx_str_t, for code
 * that is free of nginx.
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
 * Writes a number in decimal, without a NUL; returns the end.  Faster than
 * ngx_sprintf(), whose cost shows in requests that write several numbers.
 */
unsigned char *gw_text_decimal(unsigned char *p, uint64_t n);

/*
 * Writes "len" bytes, a multiple of 4, as lower-case hexadecimal digits;
 * returns the end.
 */
unsigned char *gw_text_hex(unsigned char *p, const unsigned char *bytes,
    size_t len);


#endif /* GW_TEXT_H_INCLUDED */
