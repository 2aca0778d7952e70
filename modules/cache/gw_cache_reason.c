/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_reason.h"


static const gw_text_t  gw_cache_reasons[] = {
#define X(name, word, why)                                                    \
    { sizeof(word) - 1, (const unsigned char *) word },
    GW_CACHE_REASONS(X)
#undef X
};


gw_text_t
gw_cache_reason_word(gw_cache_reason_e reason)
{
    return gw_cache_reasons[(unsigned) reason < GW_CACHE_REASON_COUNT
                            ? reason : GW_CACHE_R_NONE];
}
