/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SipHash-2-4 with 128 bits of output (Aumasson, Bernstein: "SipHash: a fast
 * short-input PRF", and its reference code): who does not know the secret
 * cannot find two names that fall together.  Knows no nginx.
 */

#ifndef GW_SIPHASH_H_INCLUDED
#define GW_SIPHASH_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


/*
 * The hash of "len" bytes, which may be 0.  "secret" is random and as
 * long-lived as what the hash is kept in: processes that share that share it,
 * too.  Allocates nothing, and never fails.
 */
void gw_siphash(const uint64_t secret[2], const unsigned char *data,
    size_t len, uint64_t hash[2]);


#endif /* GW_SIPHASH_H_INCLUDED */
