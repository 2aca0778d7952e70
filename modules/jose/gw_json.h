/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reading JSON from untrusted sources, and writing JSON.
 */

#ifndef GW_JSON_H_INCLUDED
#define GW_JSON_H_INCLUDED

#include <stddef.h>
#include <jansson.h>

#include "gw_text.h"


#define GW_JSON_MAX_DEPTH    16   /* nested arrays and objects */
#define GW_JSON_MAX_MEMBERS  256  /* members of one object */

#define GW_JSON_NUMBER_SIZE  32   /* bytes for the text of any number */

#define GW_JSON_WHY          96   /* bytes of a sentence */
#define GW_JSON_SHOWN        32   /* bytes of a member's name in a sentence */
#define GW_JSON_NAME_SIZE    (4 * GW_JSON_SHOWN + sizeof("..."))


/* names of members to read, without duplicates */

typedef struct {
    size_t                  n;
    const gw_text_t        *elts;
} gw_json_names_t;


typedef struct {
    size_t                  values;  /* in the object; 0: any number */
    const gw_json_names_t  *names;   /* members to build; NULL: all */
    unsigned                flat;    /* no arrays or objects among them */
} gw_json_limit_t;


/* set only if a text is refused */

typedef struct {
    size_t                  offset;   /* of the byte where reading stopped */
    char                    why[GW_JSON_WHY + GW_JSON_NAME_SIZE];
} gw_json_error_t;


/*
 * Parses one JSON object of "len" bytes.  Refuses any other value at the top,
 * duplicate members, invalid UTF-8, NUL in a string, numbers that exceed 64
 * bits or a double, trailing bytes, and more depth or members than the above
 * limits.
 *
 * Returns a new reference for json_decref(), or NULL with a sentence without
 * subject in "error" (which may be NULL), such as "has a duplicate member
 * "sub"".
 */
json_t *gw_json_parse(const unsigned char *text, size_t len,
    gw_json_error_t *error);

/*
 * The same with a limit.  Also refuses more values than the limit allows; each
 * member and each element of an array counts, at any depth.  The object gets
 * only the members that the limit lists.  All others are checked as strictly
 * and take no memory.
 */
json_t *gw_json_read(const unsigned char *text, size_t len,
    const gw_json_limit_t *limit, gw_json_error_t *error);

/*
 * Writes the error message of a JSON file: the sentence of "error" with line
 * and column, from 1, in bytes; or, if the file does not begin like an object,
 * what it contains and must be ("wanted", such as "a JSON object").
 */
void gw_json_explain(char *dst, size_t size, const unsigned char *text,
    size_t len, const gw_json_error_t *error, const char *wanted);

/* "a string", "null" and so on */
const char *gw_json_type(const json_t *value);

/*
 * Makes an untrusted text printable: the first GW_JSON_SHOWN bytes, with '"',
 * '\\' and all but printable ASCII as "\\x0a", and "..." if it is longer.
 * "dst" has GW_JSON_NAME_SIZE bytes and gets a NUL.  Returns "dst".
 */
const char *gw_json_show(char *dst, const gw_text_t *text);

/* whether a name is listed */
int gw_json_names_has(const gw_json_names_t *names, const gw_text_t *name);

/*
 * Writes a value as compact JSON, with members in the order in which they were
 * read.  Returns the number of bytes; if "dst" is NULL, only counts them.  No
 * NUL is appended.
 */
size_t gw_json_text(const json_t *value, unsigned char *dst);

/*
 * The bytes of memory that a value takes, with all values in it and what the
 * allocator adds; 0 for NULL.  An estimate for a 64-bit system: jansson's own
 * types are private.  A value with several references counts in full.
 */
size_t gw_json_memory(const json_t *value);

/*
 * Writes an integer or a real in the shortest form that reads back as the same
 * number, and returns its length.  "dst" has GW_JSON_NUMBER_SIZE bytes.  No NUL
 * is appended.  The locale has no effect.
 */
size_t gw_json_number(const json_t *number, unsigned char *dst);


#endif /* GW_JSON_H_INCLUDED */
