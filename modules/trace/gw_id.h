/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Request ids: makes UUIDs of version 7 (RFC 9562, 5.7), and checks the ids of
 * clients.
 */

#ifndef GW_ID_H_INCLUDED
#define GW_ID_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_ID_UUID    36            /* bytes of a UUID as text */
#define GW_ID_RANDOM  10            /* random bytes for a UUID */
#define GW_ID_MAX    128            /* bytes of a client's id, at most */


/* the last UUID that was made; initially all zero */

typedef struct {
    uint64_t  ms;                   /* since 1970 */
    unsigned  count;                /* counter of the millisecond, 12 bits */
} gw_id_last_t;


/*
 * Writes a UUID that is greater than the last one, as bytes and as text, even
 * if the clock "ms", in milliseconds since 1970, stands still or is set back.
 */
void gw_id_uuid(unsigned char text[GW_ID_UUID], gw_id_last_t *last,
    uint64_t ms, const unsigned char random[GW_ID_RANDOM]);

/* whether the text consists of 1 to GW_ID_MAX bytes of A-Za-z0-9._~+/=:- */
int gw_id_valid(const unsigned char *text, size_t len);


#endif /* GW_ID_H_INCLUDED */
