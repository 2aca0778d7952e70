/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Claims: finding them by path, comparing them, writing them as text.
 *
 * Knows no nginx.  Nothing here allocates or can fail for want of memory.
 */

#ifndef GW_CLAIM_H_INCLUDED
#define GW_CLAIM_H_INCLUDED

#include <stddef.h>
#include <jansson.h>

#include "gw_jwt.h"


#define GW_CLAIM_MAX_STEPS  16      /* as deep as a token may be */


typedef struct {
    const char  *name;              /* NUL-terminated; NULL: an index */
    size_t       index;
} gw_claim_step_t;


typedef struct {
    unsigned         n;
    gw_claim_step_t  steps[GW_CLAIM_MAX_STEPS];
} gw_claim_path_t;


typedef enum {
    GW_CLAIM_EQ = 0,
    GW_CLAIM_NE,
    GW_CLAIM_GT,
    GW_CLAIM_GE,
    GW_CLAIM_LT,
    GW_CLAIM_LE,
    GW_CLAIM_ANY,
    GW_CLAIM_ALL,
    GW_CLAIM_NONE,
    GW_CLAIM_MATCH,
    GW_CLAIM_EXISTS,
    GW_CLAIM_ABSENT
} gw_claim_op_e;


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

/*
 * Whether a claim (NULL: absent) meets a rule with "n" values; never with an
 * absent claim, except GW_CLAIM_ABSENT.
 *
 * EQ to LE take one value against a string (bytes), a number (by value,
 * exact for 64-bit integers) or a boolean (EQ and NE).  ANY, ALL and NONE
 * take a list against an array, a string as the set of its words, divided by
 * spaces, and of itself as a whole, or a scalar as a set of one.  A value
 * that is no text of the claim's type is a mismatch, which meets neither NE
 * nor NONE.  GW_CLAIM_MATCH is the caller's.
 */
int gw_claim_meets(const json_t *claim, gw_claim_op_e op,
    const gw_text_t *values, size_t n);

/*
 * Writes a value as text: a string as it is, an array as the texts of its
 * members joined by "separator", anything else, also inside of an array, as
 * JSON.  With "dst" NULL only counts.  Returns the number of bytes.
 */
size_t gw_claim_text(const json_t *value, char separator, unsigned char *dst);

/*
 * Writes a list of names: a string as it is, or the strings of an array
 * joined by "separator".  A name that is empty, or holds the separator or a
 * control character, would be read as another list: it is left out; only a
 * string under the separator ' ' is a list already.  With "dst" NULL only
 * counts.
 */
size_t gw_claim_names(const json_t *value, char separator,
    unsigned char *dst);


#endif /* GW_CLAIM_H_INCLUDED */
