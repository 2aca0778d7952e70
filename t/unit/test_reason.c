/* SPDX-License-Identifier: BSD-2-Clause */

/* the complete list of reasons */

#include <ctype.h>
#include <string.h>

#include "gw_reason.h"
#include "tap.h"


/* characters of grpc-message without percent encoding (PROTOCOL-HTTP2.md) */

static int
is_plain(const char *sentence)
{
    for ( /* void */ ; *sentence != '\0'; sentence++) {
        if (*sentence < 0x20 || *sentence > 0x7e || *sentence == '%') {
            return 0;
        }
    }

    return 1;
}


static int
is_word(const char *word)
{
    for ( /* void */ ; *word != '\0'; word++) {
        if (!islower((unsigned char) *word) && *word != '_') {
            return 0;
        }
    }

    return 1;
}


int
main(void)
{
    int  i, j, bad;

    is_str(gw_reason_word(GW_OK), "", "success has no word");
    is_str(gw_reason_word(GW_EXPIRED), "expired", "expired");
    is_str(gw_reason_word(GW_DISABLED), "disabled", "the last one");
    is_str(gw_reason_word(GW_KEYS_UNAVAILABLE), "keys_unavailable", "no keys");
    is_str(gw_reason_word(GW_REVOKED), "revoked", "revoked");
    is_str(gw_reason_word(GW_TOKEN_INACTIVE), "token_inactive", "inactive");
    is_str(gw_reason_word(GW_INTROSPECTION_UNAVAILABLE),
           "introspection_unavailable", "no answer to introspection");
    is_str(gw_reason_word(GW_FAILED), "internal_error", "our own failure");

    for (i = GW_OK + 1, bad = 0; i < GW_REASON_COUNT; i++) {
        bad += !is_word(gw_reason_word(i));
        bad += *gw_reason_word(i) == '\0' || *gw_reason_sentence(i) == '\0';
        bad += strchr(gw_reason_sentence(i), '"') != NULL;

        for (j = GW_OK + 1; j < i; j++) {
            bad += strcmp(gw_reason_word(i), gw_reason_word(j)) == 0;
        }
    }

    is_int(bad, 0,
           "each reason has a unique word and a sentence that is valid in "
           "quotes");

    for (i = GW_OK, bad = 0; i <= GW_FAILED; i++) {
        bad += !is_plain(gw_reason_sentence(i));
    }

    is_int(bad, 0, "each sentence is valid in grpc-message without encoding");

    /* reasons of limits do not concern the client's identity */

    for (i = GW_OK, bad = 0; i <= GW_FAILED; i++) {
        bad += gw_reason_auth(i)
               == (i == GW_RATE_EXCEEDED || i == GW_QUOTA_EXCEEDED
                   || i == GW_CONCURRENCY_EXCEEDED
                   || i == GW_LIMIT_UNAVAILABLE);
    }

    is_int(bad, 0, "all reasons except four concern the client's identity");

    /* a decision that waits is taken for no reason, also not for success */

    is_int(GW_WAITING > GW_REASON_COUNT && GW_WAITING != GW_FAILED, 1,
           "GW_WAITING is no reason");

    return done_testing();
}
