/* SPDX-License-Identifier: BSD-2-Clause */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>

#include "gw_cidr.h"


#define GW_CIDR_MAPPED  12   /* bytes before the IPv4 address */


static int gw_cidr_prefix(const char *text, unsigned max, unsigned *prefix);
static gw_cidr_e gw_cidr_range(unsigned char range[GW_CIDR_RANGE],
    unsigned bits);
static int gw_cidr_is_mapped(const unsigned char *addr);


static const unsigned char  gw_cidr_mapping[GW_CIDR_MAPPED] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};


gw_cidr_e
gw_cidr_parse(const char *text, size_t len, unsigned char range[GW_CIDR_RANGE],
    char *meant)
{
    int             family;
    char            copy[GW_CIDR_TEXT], *slash;
    unsigned        max, prefix;
    gw_cidr_e       rc;
    unsigned char   addr[GW_CIDR_ADDRESS];

    if (len >= sizeof(copy)) {
        return GW_CIDR_MALFORMED;
    }

    memcpy(copy, text, len);
    copy[len] = '\0';

    slash = strchr(copy, '/');
    if (slash != NULL) {
        *slash = '\0';
    }

    family = strchr(copy, ':') ? AF_INET6 : AF_INET;
    max = (family == AF_INET6) ? 128 : 32;
    prefix = max;

    if (inet_pton(family, copy, addr) != 1
        || (slash != NULL && gw_cidr_prefix(slash + 1, max, &prefix) != 0))
    {
        return GW_CIDR_MALFORMED;
    }

    (void) gw_cidr_map(range, addr, max / 8);

    rc = gw_cidr_range(range, prefix + (128 - max));

    if (rc == GW_CIDR_HOST_BITS) {
        (void) inet_ntop(family, range + (128 - max) / 8, copy, sizeof(copy));
        snprintf(meant, GW_CIDR_TEXT, "%.45s/%u", copy, prefix);
    }

    return rc;
}


/* decimal without leading zeros */

static int
gw_cidr_prefix(const char *text, unsigned max, unsigned *prefix)
{
    unsigned     n;
    const char  *p;

    n = 0;

    for (p = text; *p >= '0' && *p <= '9' && p - text < 3; p++) {
        n = n * 10 + (unsigned) (*p - '0');
    }

    if (p == text || *p != '\0' || n > max || (*text == '0' && p - text > 1)) {
        return -1;
    }

    *prefix = n;

    return 0;
}


/* makes a range from its first address; bits after the prefix are cleared */

static gw_cidr_e
gw_cidr_range(unsigned char range[GW_CIDR_RANGE], unsigned bits)
{
    unsigned       i, n, mask;
    gw_cidr_e      rc;

    rc = GW_CIDR_OK;

    for (i = 0; i < GW_CIDR_ADDRESS; i++) {
        n = (bits > i * 8) ? bits - i * 8 : 0;
        mask = (n >= 8) ? 0 : 0xffu >> n;

        if (range[i] & mask) {
            rc = GW_CIDR_HOST_BITS;
        }

        range[i] = (unsigned char) (range[i] & ~mask);
        range[GW_CIDR_ADDRESS + i] = (unsigned char) (range[i] | mask);
    }

    return rc;
}


int
gw_cidr_map(unsigned char mapped[GW_CIDR_ADDRESS], const unsigned char *addr,
    size_t len)
{
    switch (len) {

    case GW_CIDR_ADDRESS - GW_CIDR_MAPPED:
        memcpy(mapped, gw_cidr_mapping, GW_CIDR_MAPPED);
        memcpy(mapped + GW_CIDR_MAPPED, addr, len);
        return 0;

    case GW_CIDR_ADDRESS:
        memcpy(mapped, addr, len);
        return 0;

    default:
        return -1;
    }
}


int
gw_cidr_holds(const unsigned char range[GW_CIDR_RANGE],
    const unsigned char mapped[GW_CIDR_ADDRESS])
{
    return gw_cidr_is_mapped(range) == gw_cidr_is_mapped(mapped)
           && memcmp(mapped, range, GW_CIDR_ADDRESS) >= 0
           && memcmp(mapped, range + GW_CIDR_ADDRESS, GW_CIDR_ADDRESS) <= 0;
}


static int
gw_cidr_is_mapped(const unsigned char *addr)
{
    return memcmp(addr, gw_cidr_mapping, GW_CIDR_MAPPED) == 0;
}
