/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Redis replies (RESP2) without an allocation for each: hiredis parses them,
 * and its object functions fill one flat structure.  Uses hiredis (0.14 and
 * 1.x), but not nginx.
 *
 * The server is not fully trusted: the limits below bound what is kept and what
 * is buffered, whatever sizes a reply declares.
 */

#ifndef GW_RESP_H_INCLUDED
#define GW_RESP_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_RESP_INTEGERS  128     /* of an array, kept */
#define GW_RESP_TEXT      128     /* bytes of a text, kept, with NUL */
#define GW_RESP_ELEMENTS  4096    /* of all arrays of a reply */
#define GW_RESP_DEPTH     3       /* of arrays; ROLE needs 3 */
#define GW_RESP_BUFFER    65536   /* bytes of one reply */


typedef enum {
    GW_RESP_INTEGER = 1,
    GW_RESP_STATUS,
    GW_RESP_STRING,
    GW_RESP_NIL,
    GW_RESP_ERROR,
    GW_RESP_ARRAY
} gw_resp_type_e;


/* what an error reply means for the caller */

typedef enum {
    GW_RESP_OTHER = 0,      /* an error of a script, or a bug */
    GW_RESP_BUSY,           /* BUSY, LOADING, MASTERDOWN, TRYAGAIN, too many
                               clients: retry later */
    GW_RESP_READONLY,       /* a replica: connect again */
    GW_RESP_NOSCRIPT,
    GW_RESP_OOM,
    GW_RESP_NOAUTH,         /* a password is required */
    GW_RESP_DENIED,         /* a wrong password, NOPERM */
    GW_RESP_MOVED,          /* MOVED, ASK, CROSSSLOT: a cluster */
    GW_RESP_CLUSTER,        /* CLUSTERDOWN: retry later */
    GW_RESP_WRONGTYPE,      /* the key holds a value of another program */
    GW_RESP_ERRORS          /* how many there are */
} gw_resp_error_e;


typedef struct {
    gw_resp_type_e    type;
    gw_resp_error_e   error;                    /* of GW_RESP_ERROR */
    unsigned          integers;                 /* number in "integer" */
    unsigned          others;                   /* other elements */
    int64_t           integer[GW_RESP_INTEGERS];
    size_t            len;                      /* of "text" */
    char              text[GW_RESP_TEXT];       /* the first, truncated */
} gw_resp_t;


typedef struct gw_resp_reader_s  gw_resp_reader_t;


/* NULL: no memory */
gw_resp_reader_t *gw_resp_reader_create(void);
void gw_resp_reader_free(gw_resp_reader_t *reader);

/* adds received bytes; 0, or -1: no memory, or more than the limits allow */
int gw_resp_feed(gw_resp_reader_t *reader, const char *data, size_t len);

/*
 * Returns 1 and the next complete reply, valid until the next call of this
 * function; 0 if there is none yet; -1 if the input is not RESP2 or exceeds the
 * limits: the reader cannot be used any more, close the connection.
 */
int gw_resp_next(gw_resp_reader_t *reader, const gw_resp_t **reply);

/*
 * Classifies the text of an error, also one that is wrapped by the error of a
 * script ("ERR Error running script ...: -READONLY ...", up to Redis 6).
 */
gw_resp_error_e gw_resp_error(const char *text, size_t len);


#endif /* GW_RESP_H_INCLUDED */
