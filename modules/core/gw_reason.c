/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_reason.h"


static const struct {
    const char  *word;
    const char  *sentence;
} gw_reasons[] = {
#define GW_REASON_ROW(id, auth, word, sentence)  { word, sentence },
    GW_REASONS(GW_REASON_ROW)
#undef GW_REASON_ROW
    { "internal_error", "the request could not be checked" }
};


_Static_assert(sizeof(gw_reasons) / sizeof(gw_reasons[0]) == GW_WAITING,
               "each reason and GW_FAILED have a word, GW_WAITING has none");


const char *
gw_reason_word(gw_reason_e reason)
{
    return gw_reasons[reason].word;
}


const char *
gw_reason_sentence(gw_reason_e reason)
{
    return gw_reasons[reason].sentence;
}
