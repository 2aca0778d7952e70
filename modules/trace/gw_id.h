/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Request ids: UUIDs of version 7 (RFC 9562, 5.7), and which ids of clients
 * are acceptable.
 */

#ifndef GW_ID_H_INCLUDED
#define GW_ID_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_ID_UUID    36            /* bytes of its text */
#define GW_ID_RANDOM  10            /* bytes that one needs */
#define GW_ID_MAX    128            /* bytes of a client's id */


/* the last id that was made, all zero at first */

typedef struct {
    uint64_t  ms;
    unsigned  count;                /* of ids, 12 bits */
} gw_id_last_t;


/*
 * Writes an id that is greater than the last one, as bytes and as text, also
 * when the clock, "ms" since 1970, stands still or goes back.
 */
void gw_id_uuid(unsigned char text[GW_ID_UUID], gw_id_last_t *last,
    uint64_t ms, const unsigned char random[GW_ID_RANDOM]);

/* whether it has 1 to GW_ID_MAX bytes of A-Za-z0-9._~+/=:- */
int gw_id_valid(const unsigned char *text, size_t len);


#endif /* GW_ID_H_INCLUDED */
