/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Data from a Redis server.  The reader of replies never stores more than its
 * limits, and its result does not depend on the sizes of the received pieces.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gw_resp.h"


#define REPLIES  64


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
check_reply(const gw_resp_t *reply)
{
    check(reply->type >= GW_RESP_INTEGER && reply->type <= GW_RESP_ARRAY);
    check(reply->integers <= GW_RESP_INTEGERS);
    check(reply->integers + reply->others <= GW_RESP_ELEMENTS + 1);
    check(reply->len < GW_RESP_TEXT && reply->text[reply->len] == '\0');

    if (reply->type != GW_RESP_ARRAY) {
        check(reply->integers == (reply->type == GW_RESP_INTEGER));
        check(reply->others == 0);
    }
}


/* reads the replies before the end or an error, whose code is in "rc" */

static size_t
read_all(const uint8_t *data, size_t size, size_t piece, gw_resp_t *replies,
    int *rc)
{
    size_t             n, at, len;
    const gw_resp_t   *reply;
    gw_resp_reader_t  *reader;

    reader = gw_resp_reader_create();
    check(reader != NULL);

    n = 0;
    *rc = 0;

    for (at = 0; at < size && *rc == 0; at += len) {

        len = size - at < piece ? size - at : piece;
        *rc = gw_resp_feed(reader, (const char *) data + at, len);

        while (*rc == 0 && (*rc = gw_resp_next(reader, &reply)) == 1) {

            check_reply(reply);

            if (n < REPLIES) {
                memset(&replies[n], 0, sizeof(gw_resp_t));
                replies[n].type = reply->type;
                replies[n].error = reply->error;
                replies[n].integers = reply->integers;
                replies[n].others = reply->others;
                replies[n].len = reply->len;
                memcpy(replies[n].integer, reply->integer,
                       reply->integers * sizeof(int64_t));
                memcpy(replies[n].text, reply->text, reply->len);
            }

            n++;
            *rc = 0;
        }
    }

    gw_resp_reader_free(reader);

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                rc, rc_pieces;
    size_t             n, n_pieces;
    static gw_resp_t   whole[REPLIES], pieces[REPLIES];

    if (size == 0) {
        return 0;
    }

    (void) gw_resp_error((const char *) data, size);

    n = read_all(data, size, size, whole, &rc);
    n_pieces = read_all(data, size, 1 + data[size - 1] % 32, pieces,
                        &rc_pieces);

    check(n == n_pieces && rc == rc_pieces);
    check(memcmp(whole, pieces, (n < REPLIES ? n : REPLIES)
                                * sizeof(gw_resp_t))
          == 0);

    return 0;
}
