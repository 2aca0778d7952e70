/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Paths to claims.  Nothing here allocates memory.
 */

#ifndef GW_CLAIM_PATH_H_INCLUDED
#define GW_CLAIM_PATH_H_INCLUDED

#include <stddef.h>
#include <jansson.h>


#define GW_CLAIM_MAX_STEPS  16      /* the levels that a token may have */


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
 * "https://example.com/roles"[1]: names separated by dots, indexes in brackets.
 * A name with a dot, a bracket or a quote is in double quotes, with \" and \\
 * inside.  A text with "://" outside of double quotes is one name.  A text that
 * begins with "/" or "$.", as JSON Pointers and JSONPaths do, is an error.
 *
 * "buf" has room for len + 1 bytes and must live as long as the path.  Returns
 * NULL, or a static text that completes "the path ...".
 */
const char *gw_claim_path_parse(gw_claim_path_t *path, char *buf,
    const unsigned char *text, size_t len);

/*
 * Writes a JSON Pointer (RFC 6901), which begins with "/", or a JSONPath, which
 * begins with "$.", as a path of at most 4 * len bytes.  Returns the number of
 * bytes; 0 if there is no such path.
 */
size_t gw_claim_path_dotted(const unsigned char *text, size_t len,
    unsigned char *dst);

/* whether two paths name the same claim */
int gw_claim_path_equal(const gw_claim_path_t *a, const gw_claim_path_t *b);

/* the value at the path, borrowed; NULL if it is missing or null */
const json_t *gw_claim_find(const json_t *claims,
    const gw_claim_path_t *path);


#endif /* GW_CLAIM_PATH_H_INCLUDED */
