/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Random bytes for ids, from OpenSSL's generator in large portions: asking it
 * for each request would cost more than the rest of the module.
 */

#ifndef GW_RANDOM_H_INCLUDED
#define GW_RANDOM_H_INCLUDED

#include <stddef.h>


#define GW_RANDOM  4096             /* bytes of a portion */


/* all zero at first; belongs to one process */

typedef struct {
    size_t         left;
    unsigned char  bytes[GW_RANDOM];
} gw_random_t;


/*
 * The next "n" bytes, at most GW_RANDOM, which are not returned again; valid
 * until the next call.  NULL: the generator has failed.
 */
const unsigned char *gw_random(gw_random_t *random, size_t n);

/* for a new process: the rest of a portion belongs to the one it comes from */
void gw_random_forget(gw_random_t *random);


#endif /* GW_RANDOM_H_INCLUDED */
