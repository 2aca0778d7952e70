/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Vary (RFC 9111, 4.1): which request fields select a stored response, and the
 * key made of their values.  Knows no nginx.
 */

#ifndef GW_CACHE_VARY_H_INCLUDED
#define GW_CACHE_VARY_H_INCLUDED

#include "gw_cache_field.h"
#include "gw_cache_reason.h"


#define GW_CACHE_VARY  512      /* maximum bytes of the names */


/*
 * Makes the list of field names that select a response, from its header: lower
 * case, sorted, without duplicates, separated by ",", so that equal sets are
 * equal texts.  A response with Access-Control-Allow-Origin other than "*" also
 * varies by Origin.
 *
 * "text" has room for GW_CACHE_VARY bytes; "*len" is 0 if there are no names.
 * Returns GW_CACHE_R_NONE, or the reason why the response must not be stored:
 * "Vary: *" or an invalid name (_VARY_ANY), Cookie (_VARY_COOKIE), or too many
 * names (_VARY_LONG).
 */
gw_cache_reason_e gw_cache_vary(const gw_cache_fields_t *fields,
    unsigned char *text, size_t *len);

/*
 * Makes the variant key of a request: names and values of the fields in "vary",
 * a text of gw_cache_vary().  Two requests have the same key only if a response
 * to one may answer the other.
 *
 * In all fields, several lines are joined to one list, and white space around
 * commas is removed.  Accept-Encoding, Accept-Language and Accept-Charset are
 * read as lists with weights: case and the form of a weight make no
 * difference.  The fields in "normalize" (lower-case names) are read in the
 * same way, and the order of members with equal weights makes no difference.
 * Lists with more than GW_CACHE_VARY_SORTED members or GW_CACHE_VARY_LIST bytes
 * keep their order.
 *
 * Writes at most "size" bytes.  Returns 0 and sets "*len", or -1: the key is
 * longer, and nothing may be stored for the request.
 */
#define GW_CACHE_VARY_SORTED  32
#define GW_CACHE_VARY_LIST    1024

int gw_cache_variant(const gw_text_t *vary, const gw_cache_fields_t *fields,
    const gw_text_t *normalize, size_t normalize_n, unsigned char *key,
    size_t size, size_t *len);


#endif /* GW_CACHE_VARY_H_INCLUDED */
