/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A list of any bytes is read without reading outside of it.  Its claims are
 * unique and at most 32.  A message has no byte that is not printable ASCII.
 * What a first line revokes, the whole list revokes, too.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gw_revoked.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const uint64_t  secret[2] = { 1, 2 };


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
check_message(const char *err)
{
    check(err[0] != '\0');

    for ( /* void */ ; *err; err++) {
        check(*err >= 0x20 && *err <= 0x7e);
    }
}


static void
check_claims(const gw_revoked_t *list)
{
    size_t            i, k;
    const gw_text_t  *a, *b;

    check(gw_revoked_claims(list) <= GW_REVOKED_CLAIMS);

    for (i = 0; i < gw_revoked_claims(list); i++) {
        a = gw_revoked_claim(list, i);

        check(a->len != 0 && strlen((const char *) a->data) == a->len);

        for (k = 0; k < i; k++) {
            b = gw_revoked_claim(list, k);
            check(a->len != b->len || memcmp(a->data, b->data, a->len) != 0);
        }
    }
}


/* the list, or NULL if it is refused */

static gw_revoked_t *
parse(const uint8_t *data, size_t size)
{
    char            err[128];
    gw_revoked_e    rc;
    gw_revoked_t   *list;
    unsigned char  *text;

    /* of the exact size, so that an overrun is detected */

    text = malloc(size + (size == 0));
    memcpy(text, data, size);

    list = gw_revoked_create(text, size, secret);

    do {
        rc = gw_revoked_step(list, err, sizeof(err));
    } while (rc == GW_REVOKED_MORE);

    free(text);

    if (rc == GW_REVOKED_WRONG) {
        check_message(err);
        gw_revoked_free(list);
        return NULL;
    }

    check_claims(list);

    return list;
}


/* the claims that the first line names: the text up to the end of its value */

static json_t *
first(const gw_revoked_t *list, const uint8_t *data, size_t size)
{
    size_t            i, n;
    const gw_text_t  *name;

    if (gw_revoked_claims(list) == 0) {
        return NULL;
    }

    name = gw_revoked_claim(list, 0);

    for (i = 0; i < size && data[i] != ' ' && data[i] != '\t'; i++) {
        /* void */
    }

    if (i != name->len || memcmp(data, name->data, i) != 0 || i == size) {
        return NULL;
    }

    i++;

    for (n = 0; i + n < size && memchr(" \t\r\n\"", data[i + n], 5) == NULL;
         n++)
    {
        /* void */
    }

    if (n == 0 || (i + n < size && data[i + n] == '"')) {
        return NULL;
    }

    return json_pack("{s:s%}", (const char *) name->data,
                     (const char *) data + i, n);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t        *claims, *other;
    gw_revoked_t  *list;

    list = parse(data, size);
    if (list == NULL) {
        return 0;
    }

    claims = first(list, data, size);
    if (claims != NULL) {
        check(gw_revoked_has(list, claims));
        json_decref(claims);
    }

    other = json_pack("{s:s,s:i,s:b,s:f,s:n}", "jti", "not in a corpus",
                      "sub", 1, "sid", 1, "v", 0.5, "w");
    (void) gw_revoked_has(list, other);
    json_decref(other);

    gw_revoked_free(list);

    return 0;
}
