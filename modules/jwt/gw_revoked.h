/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Lists of revoked tokens.
 *
 * A line is "claim value" or "claim value time", separated by blanks.  It
 * revokes the tokens whose claim of the top level has the value; with a time
 * (RFC 3339), only those that were issued before it, or whose "iat" is missing.
 * A value with a blank or a quote is written as a JSON string.  Lines that are
 * empty or begin with '#' are comments.
 *
 * A list has up to some 100,000 lines, so that it is read in steps, and values
 * are kept as 64-bit hashes with a secret.  Without the secret, a client cannot
 * find a value that has the hash of another one.
 */

#ifndef GW_REVOKED_H_INCLUDED
#define GW_REVOKED_H_INCLUDED

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "gw_text.h"


#define GW_REVOKED_CLAIMS  32           /* different claims in a list */


typedef struct gw_revoked_s  gw_revoked_t;


typedef enum {
    GW_REVOKED_MORE = 0,
    GW_REVOKED_DONE,
    GW_REVOKED_WRONG                    /* the list cannot be used */
} gw_revoked_e;


/*
 * Creates a list of a text of "len" bytes, which the caller keeps until the
 * last step.  "secret" is random.  Returns NULL if there is no memory.
 */
gw_revoked_t *gw_revoked_create(const unsigned char *text, size_t len,
    const uint64_t secret[2]);

/*
 * Reads the next few hundred lines, which takes some 100 us.  GW_REVOKED_MORE:
 * call it again.  GW_REVOKED_WRONG: "err" has a sentence with the number of the
 * line and without its text, such as "line 7: has no value".
 */
gw_revoked_e gw_revoked_step(gw_revoked_t *list, char *err, size_t size);

/* the claims of a list; their names are NUL-terminated and belong to it */
size_t gw_revoked_claims(const gw_revoked_t *list);
const gw_text_t *gw_revoked_claim(const gw_revoked_t *list, size_t i);

/*
 * Whether a token with these claims is revoked.  Strings equal their bytes,
 * numbers and booleans their JSON text; null, arrays and objects equal nothing.
 */
int gw_revoked_has(const gw_revoked_t *list, const json_t *claims);

/* "list" can be NULL */
void gw_revoked_free(gw_revoked_t *list);


#endif /* GW_REVOKED_H_INCLUDED */
