
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


/*
 * Parses one JSON object of "len" bytes.  Refused: anything else at the top,
 * duplicate members, invalid UTF-8, NUL in a string, numbers beyond 64 bits
 * or a double, trailing bytes, more depth or members than the above.
 *
 * Returns a new reference for json_decref(), or NULL with a static sentence
 * in "*why" (which may be NULL itself).
 */
json_t *gw_json_parse(const unsigned char *text, size_t len,
    const char **why);

/*
 * The same within a limit: also refused are more values than that, where
 * each member and each element of an array counts, at any depth.  The object
 * receives only the members whose names the limit lists.  The others, whose
 * values may be of any size, are checked as strictly and take no memory.
 */
json_t *gw_json_read(const unsigned char *text, size_t len,
    const gw_json_limit_t *limit, const char **why);

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
