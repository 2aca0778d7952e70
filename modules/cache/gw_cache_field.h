/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Header lines as the cache policy reads them: names, lists and seconds (RFC
 * 9110, 5; RFC 9111, 1.2.2).  Knows no nginx.
 *
 * No function here allocates, or keeps a pointer after it returns.  Each
 * function reads a text once from its beginning to its end, whatever it
 * contains.
 */

#ifndef GW_CACHE_FIELD_H_INCLUDED
#define GW_CACHE_FIELD_H_INCLUDED

#include "gw_text.h"


/* a time in seconds is at most 2^31 (RFC 9111, 1.2.2) */

#define GW_CACHE_FOREVER  2147483648U
#define GW_CACHE_NONE     UINT32_MAX        /* no time is stated */

#define GW_CACHE_NAMES    32                /* of a gw_cache_names_t */


/* a line of a header; the value has no white space around it */

typedef struct {
    gw_text_t                name;
    gw_text_t                value;
} gw_cache_field_t;


/* the lines of a request or a response, in their order */

typedef struct {
    const gw_cache_field_t  *line;
    size_t                   n;
} gw_cache_fields_t;


/* field names; they point into the lines that list them */

typedef struct {
    gw_text_t                name[GW_CACHE_NAMES];
    unsigned                 n;
    unsigned                 overflow:1;    /* there were more names */
} gw_cache_names_t;


/* a gw_text_t of a string literal */
#define gw_cache_text(literal)                                                \
    { sizeof(literal) - 1, (const unsigned char *) literal }

/* whether a text is equal to a lower-case literal, ignoring the text's case */
#define gw_cache_is(text, literal)                                            \
    ((text)->len == sizeof(literal) - 1                                       \
     && gw_cache_lower_is((text)->data, literal, sizeof(literal) - 1))

int gw_cache_lower_is(const unsigned char *data, const char *lower,
    size_t len);

/* an ASCII letter in lower case; other bytes are unchanged */
unsigned char gw_cache_lower(unsigned char c);

/* whether two texts are equal, ignoring case */
int gw_cache_same(const gw_text_t *one, const gw_text_t *two);

/* whether two texts are equal, byte for byte */
int gw_cache_equal(const gw_text_t *one, const gw_text_t *two);

/* removes spaces and tabs at both ends */
void gw_cache_trim(gw_text_t *text);

/* whether a text is a token (RFC 9110, 5.6.2) */
int gw_cache_token(const gw_text_t *text);

/*
 * Returns the value of the next line with a name, or NULL.  The search begins
 * at line "*i", and "*i" becomes the index after the line that is found; the
 * caller sets it to 0 before the first call.
 */
const gw_text_t *gw_cache_line(const gw_cache_fields_t *fields,
    const gw_text_t *name, size_t *i);

/*
 * The value of a field that should have one line, such as Date.  Returns the
 * number of lines: 0, 1, or 2 for several.  "*value" is the value of the first
 * line.
 */
int gw_cache_single(const gw_cache_fields_t *fields, const gw_text_t *name,
    gw_text_t *value);

/*
 * Removes the next member of a comma-separated list (RFC 9110, 5.6.1) from the
 * front of "*list".  A comma inside a quoted string does not separate; a quoted
 * string without an end extends to the end of the list.  Members have no white
 * space around them, and empty members are skipped.  Returns 0 at the end of
 * the list.
 */
int gw_cache_member(gw_text_t *list, gw_text_t *member);

/*
 * The length of the quoted string at the beginning of "text", including both
 * quotes. 0: it has no end.  "text" begins with a quote.
 */
size_t gw_cache_quoted(const gw_text_t *text);

/*
 * The length of a text up to the first "mark" outside of quoted strings, or of
 * the whole text.  A quoted string without an end extends to the end of the
 * text.
 */
size_t gw_cache_span(const gw_text_t *text, unsigned char mark);

/*
 * Removes a number from the front of a text.  Returns how many digits it has,
 * or 0 if there is none.  A number that is too large is UINT64_MAX.
 */
size_t gw_cache_digits(gw_text_t *text, uint64_t *n);

/*
 * Seconds (RFC 9111, 1.2.2): digits only.  A larger number is
 * GW_CACHE_FOREVER.  GW_CACHE_NONE: the text is not a number.
 */
uint32_t gw_cache_seconds(const gw_text_t *text);

/* the sum of two times in seconds, at most GW_CACHE_FOREVER */
uint32_t gw_cache_add(uint32_t one, uint32_t two);

/*
 * The time from one moment to a later one, both in seconds since 1970: at most
 * GW_CACHE_FOREVER, and 0 if the second is not later.  Both may have any value.
 */
uint32_t gw_cache_between(int64_t from, int64_t to);

/*
 * Adds the names of a list.  Returns 0, or -1 if a member is not a field name.
 */
int gw_cache_names_add(gw_cache_names_t *names, gw_text_t list);

/* whether a name is one of "n" names, ignoring case */
int gw_cache_among(const gw_text_t *name, const gw_text_t *names, size_t n);


#endif /* GW_CACHE_FIELD_H_INCLUDED */
