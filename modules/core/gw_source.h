/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Finds a credential by name in the query, in cookies and in Authorization, in
 * any spelling that a common parser accepts for the name.
 *
 * A gateway that looks for "token" as nginx does, and an upstream that decodes
 * "t%6fken" or cuts "token[]" at the bracket, see different credentials.  Only
 * the exact spelling is read.  Any other spelling that a parser of Node,
 * Python, Go, Java, PHP or Ruby accepts for the name is a variant: the caller
 * refuses and removes it.  t/bypass/README.md lists these parsers.
 *
 * Free of nginx.  Nothing is allocated.
 */

#ifndef GW_SOURCE_H_INCLUDED
#define GW_SOURCE_H_INCLUDED

#include "gw_text.h"


typedef enum {
    GW_SOURCE_NONE = 0,
    GW_SOURCE_EXACT,
    GW_SOURCE_VARIANT
} gw_source_e;


typedef enum {
    GW_SOURCE_QUERY = 0,    /* a=1&b=2 */
    GW_SOURCE_COOKIE,       /* a=1; b=2 */
    GW_SOURCE_COOKIE_COMMA  /* the same, and an exact pair may follow a comma */
} gw_source_list_e;


/* a walk over a list: the caller sets all members */

typedef struct {
    const unsigned char  *p;        /* the current position */
    const unsigned char  *last;     /* the end of the list */
    gw_source_list_e      list;
} gw_source_walk_t;


typedef struct {
    const unsigned char  *start;    /* to remove the pair: from here ... */
    const unsigned char  *next;     /* ... up to here */
    gw_text_t             value;    /* of an exact pair */
} gw_source_pair_t;


/*
 * Finds the next pair with this name, which must be in lower case and not
 * empty.  Returns GW_SOURCE_NONE if there are no more.  A name without "=" is
 * not a pair, unless a bracket follows it: parsers read "name[a" as a list or
 * an object.
 *
 * A pair is exact if nginx reads it as $arg_name or $cookie_name: the name is
 * compared case-insensitively, and a cookie can have spaces around the name and
 * before the value.  A value ends at "&" or ";".
 *
 * A pair is a variant if its name matches after one or more of these: percent
 * decoding; removal of "+" and control characters at both ends; truncation at
 * "[", "]" or an encoded NUL; removal of brackets before the name; replacement
 * of ".", a space or an open "[" by "_".  A variant can also follow ";" in a
 * query, and a comma or white space in the value of another cookie.
 */
gw_source_e gw_source_next(gw_source_walk_t *walk, const gw_text_t *name,
    gw_source_pair_t *pair);

/*
 * Finds the token in the value of Authorization.  The value is exact if it
 * begins with "Bearer", in any case, followed by spaces and a token, which is
 * the rest of the value.  It is a variant if "Bearer" has no token, or if
 * "Bearer" stands anywhere before a byte that some parser takes for a blank: a
 * space, a control character or any byte from 0x7f on.
 */
gw_source_e gw_source_bearer(const gw_text_t *value, gw_text_t *token);


#endif /* GW_SOURCE_H_INCLUDED */
