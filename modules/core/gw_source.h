/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Where a text of a request names a credential, in any spelling that a common
 * parser reads as that name.
 *
 * A gateway that looks for "token" as nginx does, and an upstream that decodes
 * "t%6fken" or cuts "token[]" at the bracket, see different credentials.  One
 * spelling is exact and is read.  Any other one that a parser of Node, Python,
 * Go, Java, PHP or Ruby takes for the name is a variant: the caller refuses and
 * removes it.  t/bypass/README.md lists these parsers.
 *
 * Knows no nginx.  Nothing is allocated.
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
    const unsigned char  *p;        /* where it goes on */
    const unsigned char  *last;     /* the end of the list */
    gw_source_list_e      list;
} gw_source_walk_t;


typedef struct {
    const unsigned char  *start;    /* to remove the pair: from here ... */
    const unsigned char  *next;     /* ... up to here */
    gw_text_t             value;    /* of an exact pair */
} gw_source_pair_t;


/*
 * Finds the next pair with the name, which is in lower case and not empty;
 * GW_SOURCE_NONE: there are no more.  A name without "=" is no pair, unless a
 * bracket follows it: parsers read "name[a" as a list or an object.
 *
 * Exact is what nginx reads as $arg_name and $cookie_name: the name without
 * regard to case; in a cookie, spaces around the name and before the value.
 * A value ends at "&" or ";".
 *
 * A variant has the name after one or more of these: percent-decoding; "+" and
 * control characters removed at both ends; cut at "[", "]" or an encoded NUL;
 * brackets before it removed; ".", a space or an open "[" in place of "_".  It
 * can also follow a ";" in a query, and a comma or white space in the value of
 * another cookie.
 */
gw_source_e gw_source_next(gw_source_walk_t *walk, const gw_text_t *name,
    gw_source_pair_t *pair);

/*
 * Finds the token in the value of Authorization.  Exact is "Bearer", in any
 * case, at the start, and spaces; "token" receives the rest, which is not
 * empty.  A variant is "Bearer" without a token, and "Bearer" at any place
 * before a byte that some parser takes for a blank: control characters and all
 * bytes from 0x7f on.
 */
gw_source_e gw_source_bearer(const gw_text_t *value, gw_text_t *token);


#endif /* GW_SOURCE_H_INCLUDED */
