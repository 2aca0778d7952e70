/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Random bytes for ids, read from OpenSSL's generator in large portions: a call
 * for each request would cost more than the rest of the module.
 */

#ifndef GW_RANDOM_H_INCLUDED
#define GW_RANDOM_H_INCLUDED

#include <stddef.h>


#define GW_RANDOM  4096             /* bytes of a portion */


/* initially all zero; belongs to one process */

typedef struct {
    size_t         left;            /* unused bytes */
    unsigned char  bytes[GW_RANDOM];
} gw_random_t;


/*
 * Returns the next "n" bytes, at most GW_RANDOM, which are valid until the next
 * call and are not returned again.  NULL: the generator has failed.
 */
const unsigned char *gw_random(gw_random_t *random, size_t n);

/* for a new process: discards bytes that its parent may use, too */
void gw_random_forget(gw_random_t *random);


#endif /* GW_RANDOM_H_INCLUDED */
