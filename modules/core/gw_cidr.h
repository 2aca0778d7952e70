/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Address ranges: 10.0.0.0/8, 2001:db8::/32, 192.0.2.1.
 *
 * All addresses are stored as IPv6.  An IPv4 address is mapped (RFC 4291,
 * 2.5.5.2), so that a client is recognized both on an IPv4 socket and on a
 * dual-stack one.
 */

#ifndef GW_CIDR_H_INCLUDED
#define GW_CIDR_H_INCLUDED

#include <stddef.h>


#define GW_CIDR_ADDRESS  16                      /* bytes */
#define GW_CIDR_RANGE    (2 * GW_CIDR_ADDRESS)   /* the first and the last */
#define GW_CIDR_TEXT     64                      /* room for one as text */


typedef enum {
    GW_CIDR_OK = 0,
    GW_CIDR_MALFORMED,
    GW_CIDR_HOST_BITS       /* bits after the prefix are set */
} gw_cidr_e;


/*
 * Parses a range; a single address is a range of one.  With GW_CIDR_HOST_BITS,
 * "meant" (GW_CIDR_TEXT bytes) receives the range without those bits.
 */
gw_cidr_e gw_cidr_parse(const char *text, size_t len,
    unsigned char range[GW_CIDR_RANGE], char *meant);

/*
 * Maps an IPv4 address (4 bytes in network order) and copies an IPv6 address
 * (16 bytes).  Returns 0, or -1 for any other length.
 */
int gw_cidr_map(unsigned char mapped[GW_CIDR_ADDRESS],
    const unsigned char *addr, size_t len);

/*
 * Whether a mapped address is in a range.  An IPv6 range, ::/0 included, never
 * contains an IPv4 address, although mapped addresses are IPv6 addresses.
 */
int gw_cidr_holds(const unsigned char range[GW_CIDR_RANGE],
    const unsigned char mapped[GW_CIDR_ADDRESS]);


#endif /* GW_CIDR_H_INCLUDED */
