/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Vary (RFC 9111, 4.1): which fields of a request select a stored response,
 * and the key that their values make.  Knows no nginx.
 */

#ifndef GW_CACHE_VARY_H_INCLUDED
#define GW_CACHE_VARY_H_INCLUDED

#include "gw_cache_field.h"
#include "gw_cache_reason.h"


#define GW_CACHE_VARY  512      /* bytes of names, at most */


/*
 * The names that select a response, from its header: lower case, sorted, each
 * once, with "," between them, so that equal sets are equal texts.  A response
 * with Access-Control-Allow-Origin other than "*" also varies by Origin.
 *
 * "text" has room for GW_CACHE_VARY bytes; "*len" is 0 where nothing selects.
 * GW_CACHE_R_NONE, or why the response must not be stored: "Vary: *" and what
 * names no field (_VARY_ANY), Cookie (_VARY_COOKIE), too many names
 * (_VARY_LONG).
 */
gw_cache_reason_e gw_cache_vary(const gw_cache_fields_t *fields,
    unsigned char *text, size_t *len);

/*
 * The variant key of a request: names and values of the fields in "vary", a
 * text of gw_cache_vary().  Two requests have the same key only if a response
 * to one may answer the other.
 *
 * Normalized are, in every field, several lines (as one list) and white space
 * around commas; in Accept-Encoding, Accept-Language and Accept-Charset also
 * case, and how a weight is written; in those of "normalize", names in lower
 * case, also the order, where weights do not tell it.  Others that "normalize"
 * names are read as such lists, too.  Lists of more than GW_CACHE_VARY_SORTED
 * members or GW_CACHE_VARY_LIST bytes keep their order.
 *
 * Writes at most "size" bytes.  Returns 0 with "*len", or -1: it is longer,
 * and the request is one for which nothing is stored.
 */
#define GW_CACHE_VARY_SORTED  32
#define GW_CACHE_VARY_LIST    1024

int gw_cache_variant(const gw_text_t *vary, const gw_cache_fields_t *fields,
    const gw_text_t *normalize, size_t normalize_n, unsigned char *key,
    size_t size, size_t *len);


#endif /* GW_CACHE_VARY_H_INCLUDED */
