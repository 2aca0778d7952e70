/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Ranges of addresses: 10.0.0.0/8, 2001:db8::/32, 192.0.2.1.
 *
 * Everything is IPv6 here: an IPv4 address is mapped into it (RFC 4291,
 * 2.5.5.2), so that a client is the same one whether it came over an IPv4
 * socket or over one for both.
 */

#ifndef GW_CIDR_H_INCLUDED
#define GW_CIDR_H_INCLUDED

#include <stddef.h>


#define GW_CIDR_ADDRESS  16                      /* bytes */
#define GW_CIDR_RANGE    (2 * GW_CIDR_ADDRESS)   /* the first and the last */
#define GW_CIDR_TEXT     64                      /* room for the text of one */


typedef enum {
    GW_CIDR_OK = 0,
    GW_CIDR_MALFORMED,
    GW_CIDR_HOST_BITS       /* bits are set behind the prefix */
} gw_cidr_e;


/*
 * Parses a range, or an address as a range of one.  After GW_CIDR_HOST_BITS
 * "meant" (of GW_CIDR_TEXT bytes) receives the range without those bits.
 */
gw_cidr_e gw_cidr_parse(const char *text, size_t len,
    unsigned char range[GW_CIDR_RANGE], char *meant);

/*
 * Maps an address of 4 bytes in network order, copies one of 16.  Returns 0,
 * or -1: addresses have no other length.
 */
int gw_cidr_map(unsigned char mapped[GW_CIDR_ADDRESS],
    const unsigned char *addr, size_t len);

/*
 * Whether a mapped address lies in a range.  A range of IPv6 holds no IPv4
 * addresses, not even ::/0, whatever the mapping makes of the two.
 */
int gw_cidr_holds(const unsigned char range[GW_CIDR_RANGE],
    const unsigned char mapped[GW_CIDR_ADDRESS]);


#endif /* GW_CIDR_H_INCLUDED */
