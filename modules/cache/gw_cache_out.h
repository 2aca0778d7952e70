/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Writing into a buffer of the caller, which may be too small.  Knows no nginx.
 */

#ifndef GW_CACHE_OUT_H_INCLUDED
#define GW_CACHE_OUT_H_INCLUDED

#include "gw_text.h"


typedef struct {
    unsigned char        *p;            /* never beyond "end" */
    unsigned char        *end;
    unsigned              full:1;       /* something did not fit: the content
                                           must not be used */
} gw_cache_out_t;


#define gw_cache_put_literal(out, literal)                                    \
    gw_cache_put(out, (const unsigned char *) literal, sizeof(literal) - 1)

void gw_cache_out_init(gw_cache_out_t *out, unsigned char *p, size_t size);

/* writes all of the text, or writes nothing and sets "full" */
void gw_cache_put(gw_cache_out_t *out, const unsigned char *data, size_t len);
void gw_cache_put_byte(gw_cache_out_t *out, unsigned char c);

/* the same, with ASCII letters in lower case */
void gw_cache_put_lower(gw_cache_out_t *out, const unsigned char *data,
    size_t len);


#endif /* GW_CACHE_OUT_H_INCLUDED */
