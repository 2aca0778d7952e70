/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Paths to claims.
 *
 * Knows no nginx.  Nothing here allocates or can fail for want of memory.
 */

#ifndef GW_CLAIM_PATH_H_INCLUDED
#define GW_CLAIM_PATH_H_INCLUDED

#include <stddef.h>
#include <jansson.h>


#define GW_CLAIM_MAX_STEPS  16      /* as deep as a token may be */


typedef struct {
    const char  *name;              /* NUL-terminated; NULL: an index */
    size_t       index;
} gw_claim_step_t;


typedef struct {
    unsigned         n;
    gw_claim_step_t  steps[GW_CLAIM_MAX_STEPS];
} gw_claim_path_t;


/*
 * Parses a path such as sub, realm_access.roles, a[0].b or
 * "https://example.com/roles"[1]: names divided by dots, a name with a dot,
 * a bracket or a quote in double quotes (\" and \\ inside), indexes in
 * brackets.  A text with "://" outside of double quotes is one name, as it
 * stands.  A text that begins with "/" or "$." is refused: it was meant as a
 * JSON Pointer or a JSONPath.  "buf" has room for len + 1 bytes and must live
 * as long as the path.  Returns NULL, or a static sentence.
 */
const char *gw_claim_path_parse(gw_claim_path_t *path, char *buf,
    const unsigned char *text, size_t len);

/*
 * Writes a text that begins with "/" (RFC 6901) or "$." as a path with dots,
 * of at most 4 * len bytes.  Returns the number of bytes, 0 if there is no
 * such path.
 */
size_t gw_claim_path_dotted(const unsigned char *text, size_t len,
    unsigned char *dst);

/* whether two paths lead to the same place */
int gw_claim_path_equal(const gw_claim_path_t *a, const gw_claim_path_t *b);

/*
 * The value at the path, borrowed; NULL if there is none or it is null.
 */
const json_t *gw_claim_find(const json_t *claims,
    const gw_claim_path_t *path);


#endif /* GW_CLAIM_PATH_H_INCLUDED */
