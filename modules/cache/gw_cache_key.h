/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The key of a request in the cache: a canonical text of parts, each with a
 * letter, its length and its bytes.  Two texts are equal only if all parts are
 * equal, whatever bytes they contain: a client cannot move the border of a
 * part.  Knows no nginx.
 *
 * Requests that the origin can distinguish by their request line have different
 * keys, unless the configuration leaves that part out.
 */

#ifndef GW_CACHE_KEY_H_INCLUDED
#define GW_CACHE_KEY_H_INCLUDED

#include "gw_text.h"


/* letters of parts; the functions below write _PATH to _REWRITTEN_ARGS */

typedef enum {
    GW_CACHE_KEY_SCHEME = 's',
    GW_CACHE_KEY_SERVER = 'n',         /* server name */
    GW_CACHE_KEY_HOST = 'h',           /* the Host field, as received */
    GW_CACHE_KEY_PORT = 't',           /* port of an absolute URI */
    GW_CACHE_KEY_UPSTREAM = 'o',       /* upstream servers, and what they get */
    GW_CACHE_KEY_SENT = 'f',           /* the Host that is sent */
    GW_CACHE_KEY_PATH = 'p',
    GW_CACHE_KEY_REWRITTEN = 'u',
    GW_CACHE_KEY_ARGS = 'q',
    GW_CACHE_KEY_REWRITTEN_ARGS = 'a',
    GW_CACHE_KEY_VARIABLE = 'v',
    GW_CACHE_KEY_CONSUMER = 'c',       /* the partition */
    GW_CACHE_KEY_PARTITION = 'x',
    GW_CACHE_KEY_GUARD = 'g',          /* name of a guarded field */
    GW_CACHE_KEY_VALUE = 'i'           /* value of a guarded field */
} gw_cache_key_part_e;


/*
 * The text, in a buffer of the caller.  What does not fit is only counted: if
 * "len" is above "size" in the end, the text is incomplete, and must be made
 * again in a buffer of "len" bytes.
 */

typedef struct {
    unsigned char        *data;
    size_t                size;
    size_t                len;
} gw_cache_key_out_t;


/* the parts of the request line that the origin may receive */

typedef struct {
    gw_text_t             target;       /* as received, with its query */
    gw_text_t             uri;          /* decoded, maybe rewritten */
    gw_text_t             args;         /* without "?", maybe rewritten */
    unsigned              unchanged:1;  /* "target" is sent unchanged */
    unsigned              original:1;   /* "target" may be sent besides "uri"
                                           and "args", as FastCGI does */
} gw_cache_line_t;


typedef enum {
    GW_CACHE_ARGS_ALL = 0,
    GW_CACHE_ARGS_ONLY,
    GW_CACHE_ARGS_WITHOUT
} gw_cache_args_e;


/*
 * which arguments belong to the key; the names are valid for
 * gw_cache_args_name()
 */

typedef struct {
    gw_cache_args_e       kind;
    const gw_text_t      *names;
    size_t                n;
} gw_cache_args_t;


/*
 * Whether a name can be listed: letters, digits, "-_.~", and "*" for any text.
 */
int gw_cache_args_name(const gw_text_t *name);

/* adds a part */
void gw_cache_key_put(gw_cache_key_out_t *out, gw_cache_key_part_e part,
    gw_text_t value);

/* the same, with ASCII letters in lower case */
void gw_cache_key_put_lower(gw_cache_key_out_t *out, gw_cache_key_part_e part,
    gw_text_t value);

/* adds the path that the origin receives */
void gw_cache_key_put_path(gw_cache_key_out_t *out,
    const gw_cache_line_t *line);

/*
 * Adds the query that the origin receives, or the part of it that belongs to
 * the key.  A "?" without a query is part of the key, unless only listed
 * arguments are.
 *
 * Parsers differ: some decode "%61" in a name, cut the name at "[", split at
 * ";", or ignore case.  An argument is left out only if all parsers agree that
 * it is not listed (GW_CACHE_ARGS_ONLY) or that it is (GW_CACHE_ARGS_WITHOUT).
 * Otherwise a client could change the response that other clients receive.  The
 * arguments in the key keep their order and their bytes.
 */
void gw_cache_key_put_args(gw_cache_key_out_t *out, const gw_cache_line_t *line,
    const gw_cache_args_t *args);


#endif /* GW_CACHE_KEY_H_INCLUDED */
