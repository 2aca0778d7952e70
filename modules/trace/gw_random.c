/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_random.h"

#include <openssl/err.h>
#include <openssl/rand.h>


const unsigned char *
gw_random(gw_random_t *random, size_t n)
{
    if (random->left < n) {
        random->left = 0;

        if (RAND_bytes(random->bytes, GW_RANDOM) != 1) {
            ERR_clear_error();
            return NULL;
        }

        random->left = GW_RANDOM;
    }

    random->left -= n;

    return random->bytes + random->left;
}


void
gw_random_forget(gw_random_t *random)
{
    random->left = 0;
}
