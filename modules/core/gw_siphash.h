/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SipHash-2-4 with 128 bits of output (Aumasson, Bernstein: "SipHash: a fast
 * short-input PRF", and its reference code).  Without the secret, nobody can
 * find two names with the same hash.  Free of nginx.
 */

#ifndef GW_SIPHASH_H_INCLUDED
#define GW_SIPHASH_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


/*
 * Hashes "len" bytes; "len" can be 0.  "secret" is random, and must be kept for
 * as long as hashes are: processes that share hashes share the secret.
 * Allocates nothing and never fails.
 */
void gw_siphash(const uint64_t secret[2], const unsigned char *data,
    size_t len, uint64_t hash[2]);


#endif /* GW_SIPHASH_H_INCLUDED */
