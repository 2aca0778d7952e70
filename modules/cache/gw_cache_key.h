/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The key of a request in the cache: a canonical text, in which parts follow
 * one another, each with a letter, its length and its bytes.  Two requests have
 * the same text only if all their parts are equal, whatever bytes are in them:
 * nothing a client sends can move the border of a part.  Knows no nginx.
 *
 * Requests that the origin can tell by their request line have different keys,
 * unless the configuration leaves that part out.
 */

#ifndef GW_CACHE_KEY_H_INCLUDED
#define GW_CACHE_KEY_H_INCLUDED

#include "gw_text.h"


/* letters of parts; _PATH to _REWRITTEN_ARGS are written by the functions */

typedef enum {
    GW_CACHE_KEY_SCHEME = 's',
    GW_CACHE_KEY_SERVER = 'n',         /* the name of the host */
    GW_CACHE_KEY_HOST = 'h',           /* the field, as received */
    GW_CACHE_KEY_PORT = 't',           /* of an absolute URI */
    GW_CACHE_KEY_UPSTREAM = 'o',       /* who is asked, and how */
    GW_CACHE_KEY_SENT = 'f',           /* as which host */
    GW_CACHE_KEY_PATH = 'p',
    GW_CACHE_KEY_REWRITTEN = 'u',
    GW_CACHE_KEY_ARGS = 'q',
    GW_CACHE_KEY_REWRITTEN_ARGS = 'a',
    GW_CACHE_KEY_VARIABLE = 'v',
    GW_CACHE_KEY_CONSUMER = 'c',       /* the partition */
    GW_CACHE_KEY_PARTITION = 'x',
    GW_CACHE_KEY_GUARD = 'g',          /* the name of a field */
    GW_CACHE_KEY_VALUE = 'i'           /* and its value */
} gw_cache_key_part_e;


/*
 * The text that is being made, in a buffer of the caller.  What does not fit is
 * counted only: if "len" is above "size" in the end, the text is not complete,
 * and is made again in a buffer of "len" bytes.
 */

typedef struct {
    unsigned char        *data;
    size_t                size;
    size_t                len;
} gw_cache_key_out_t;


/* what the origin may see of the request line */

typedef struct {
    gw_text_t             target;       /* as received, with its query */
    gw_text_t             uri;          /* decoded, maybe rewritten */
    gw_text_t             args;         /* without "?", maybe rewritten */
    unsigned              unchanged:1;  /* "target" is sent as it is */
    unsigned              original:1;   /* otherwise "target" may be sent beside
                                           "uri" and "args", as FastCGI does */
} gw_cache_line_t;


typedef enum {
    GW_CACHE_ARGS_ALL = 0,
    GW_CACHE_ARGS_ONLY,
    GW_CACHE_ARGS_WITHOUT
} gw_cache_args_e;


/* which arguments belong to the key; names of gw_cache_args_name() */

typedef struct {
    gw_cache_args_e       kind;
    const gw_text_t      *names;
    size_t                n;
} gw_cache_args_t;


/* whether a text may be listed: letters, digits and "-_.~", "*" for any text */
int gw_cache_args_name(const gw_text_t *name);

/* adds a part */
void gw_cache_key_put(gw_cache_key_out_t *out, gw_cache_key_part_e part,
    gw_text_t value);

/* the same, with ASCII letters in lower case */
void gw_cache_key_put_lower(gw_cache_key_out_t *out, gw_cache_key_part_e part,
    gw_text_t value);

/* the path of the line that the origin receives */
void gw_cache_key_put_path(gw_cache_key_out_t *out,
    const gw_cache_line_t *line);

/*
 * The query of that line, or what belongs to the key of it.  A "?" without a
 * query is part of the key, unless only listed arguments are.
 *
 * Parsers differ: one decodes "%61" in a name, one cuts it at "[", one splits
 * at ";", one ignores case.  An argument is left out only if all of them agree
 * that it is not listed (_ONLY) or that it is (_WITHOUT); otherwise a client
 * could change what another one receives.  The arguments of the key keep their
 * order and their bytes.
 */
void gw_cache_key_put_args(gw_cache_key_out_t *out, const gw_cache_line_t *line,
    const gw_cache_args_t *args);


#endif /* GW_CACHE_KEY_H_INCLUDED */
