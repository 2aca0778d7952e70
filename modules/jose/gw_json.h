/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * JSON as the gateway takes it from strangers, and as it writes it.
 */

#ifndef GW_JSON_H_INCLUDED
#define GW_JSON_H_INCLUDED

#include <stddef.h>
#include <jansson.h>

#include "gw_text.h"


#define GW_JSON_MAX_DEPTH    16   /* arrays and objects inside of each other */
#define GW_JSON_MAX_MEMBERS  256  /* members of one object */

#define GW_JSON_NUMBER_SIZE  32   /* room for the text of any number */

#define GW_JSON_WHY          96   /* room for a sentence */
#define GW_JSON_SHOWN        32   /* bytes of a member's name in it */
#define GW_JSON_NAME_SIZE    (4 * GW_JSON_SHOWN + sizeof("..."))


/* names of members that are read; no name twice */

typedef struct {
    size_t                  n;
    const gw_text_t        *elts;
} gw_json_names_t;


typedef struct {
    size_t                  values;  /* in the object; 0: any number */
    const gw_json_names_t  *names;   /* members to build; NULL: all */
    unsigned                flat;    /* no arrays or objects among those */
} gw_json_limit_t;


/* written only if a text is refused */

typedef struct {
    size_t                  offset;   /* of the byte that reading ended at */
    char                    why[GW_JSON_WHY + GW_JSON_NAME_SIZE];
} gw_json_error_t;


/*
 * Parses one JSON object of "len" bytes.  Refused: anything else at the top,
 * duplicate members, invalid UTF-8, NUL in a string, numbers beyond 64 bits
 * or a double, trailing bytes, more depth or members than the above.
 *
 * Returns a new reference for json_decref(), or NULL with a sentence without
 * subject in "error" (which may be NULL): "has a duplicate member "sub"".
 */
json_t *gw_json_parse(const unsigned char *text, size_t len,
    gw_json_error_t *error);

/*
 * The same within a limit: also refused are more values than that, where
 * each member and each element of an array counts, at any depth.  The object
 * receives only the members whose names the limit lists.  The others, whose
 * values may be of any size, are checked as strictly and take no memory.
 */
json_t *gw_json_read(const unsigned char *text, size_t len,
    const gw_json_limit_t *limit, gw_json_error_t *error);

/*
 * The error of a file of JSON: what the file is and must be ("wanted", as in
 * "a JSON object"), if it does not begin as an object does, else the sentence
 * with line and column, from 1, in bytes.
 */
void gw_json_explain(char *dst, size_t size, const unsigned char *text,
    size_t len, const gw_json_error_t *error, const char *wanted);

/* "a string", "null" and so on */
const char *gw_json_type(const json_t *value);

/*
 * Writes a text of a stranger as at most GW_JSON_SHOWN characters of printable
 * ASCII, others and '"' and '\\' as "\\x0a", and "..." if it is cut.  "dst" has
 * GW_JSON_NAME_SIZE bytes and gets a NUL.  Returns "dst".
 */
const char *gw_json_show(char *dst, const gw_text_t *text);

/* whether a name is listed */
int gw_json_names_has(const gw_json_names_t *names, const gw_text_t *name);

/*
 * Writes a value as compact JSON, members in the order in which they were
 * read, numbers as gw_json_number() does; with "dst" NULL only counts.
 * Returns the number of bytes; no NUL is appended.
 */
size_t gw_json_text(const json_t *value, unsigned char *dst);

/*
 * Writes an integer or a real in the shortest form that reads back as the
 * same number, and returns its length.  "dst" has GW_JSON_NUMBER_SIZE bytes;
 * no NUL is appended.  Not affected by the locale.
 */
size_t gw_json_number(const json_t *number, unsigned char *dst);


#endif /* GW_JSON_H_INCLUDED */
