/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Redis replies, RESP2, without an allocation for each: hiredis parses, and
 * its functions that make objects fill one flat structure.  Knows hiredis
 * (0.14 and 1.x) and no nginx.
 *
 * What a server sends is half-trusted: the caps below bound what is kept and
 * what is buffered, and nothing of a reply decides about memory.
 */

#ifndef GW_RESP_H_INCLUDED
#define GW_RESP_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_RESP_INTEGERS  128     /* of an array, that are kept */
#define GW_RESP_TEXT      128     /* bytes of a text that are kept, with NUL */
#define GW_RESP_ELEMENTS  4096    /* of arrays, together, in one reply */
#define GW_RESP_DEPTH     3       /* ROLE of a master has replicas in arrays */
#define GW_RESP_BUFFER    65536   /* bytes of one reply */


typedef enum {
    GW_RESP_INTEGER = 1,
    GW_RESP_STATUS,
    GW_RESP_STRING,
    GW_RESP_NIL,
    GW_RESP_ERROR,
    GW_RESP_ARRAY
} gw_resp_type_e;


/* what an error reply means for who asked */

typedef enum {
    GW_RESP_OTHER = 0,      /* a plain error: a script's own, or a bug */
    GW_RESP_BUSY,           /* BUSY, LOADING, MASTERDOWN, TRYAGAIN, too many
                               clients: later */
    GW_RESP_READONLY,       /* a replica: connect anew */
    GW_RESP_NOSCRIPT,
    GW_RESP_OOM,
    GW_RESP_NOAUTH,         /* a password is needed */
    GW_RESP_DENIED,         /* a wrong one, NOPERM: configuration */
    GW_RESP_MOVED,          /* MOVED, ASK, CROSSSLOT: a cluster */
    GW_RESP_CLUSTER,        /* CLUSTERDOWN: later */
    GW_RESP_WRONGTYPE,      /* the key holds a value of another program */
    GW_RESP_ERRORS          /* how many there are */
} gw_resp_error_e;


typedef struct {
    gw_resp_type_e    type;
    gw_resp_error_e   error;                    /* of GW_RESP_ERROR */
    unsigned          integers;                 /* how many are kept */
    unsigned          others;                   /* elements that are not */
    int64_t           integer[GW_RESP_INTEGERS];
    size_t            len;                      /* of the text, cut */
    char              text[GW_RESP_TEXT];       /* the first, NUL-terminated */
} gw_resp_t;


typedef struct gw_resp_reader_s  gw_resp_reader_t;


/* NULL: no memory */
gw_resp_reader_t *gw_resp_reader_create(void);
void gw_resp_reader_free(gw_resp_reader_t *reader);

/* what has been received; 0, or -1: no memory, or more than the caps allow */
int gw_resp_feed(gw_resp_reader_t *reader, const char *data, size_t len);

/*
 * The next whole reply, which lives until the next call.  1; 0: none yet; -1:
 * this is no RESP2, or more than the caps allow, and stays so: the connection
 * is to be closed.
 */
int gw_resp_next(gw_resp_reader_t *reader, const gw_resp_t **reply);

/*
 * What an error's text means, also where a script's error wraps another one
 * ("ERR Error running script ...: -READONLY ...", up to Redis 6).
 */
gw_resp_error_e gw_resp_error(const char *text, size_t len);


#endif /* GW_RESP_H_INCLUDED */
