
/*
 * SipHash-2-4 with 128 bits of output (Aumasson, Bernstein): who does not know
 * the secret cannot find two names that fall together.  Knows no nginx.
 */

#ifndef GW_SIPHASH_H_INCLUDED
#define GW_SIPHASH_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


void gw_siphash(const uint64_t secret[2], const unsigned char *data,
    size_t len, uint64_t hash[2]);


#endif /* GW_SIPHASH_H_INCLUDED */
