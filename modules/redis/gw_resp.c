/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Redis replies: hiredis parses them, and instead of creating objects it calls
 * the functions below, which fill one flat structure.
 *
 * hiredis buffers input without a limit until a reply is complete, and searches
 * an incomplete line from its beginning each time.  The number of pending bytes
 * is limited here, which bounds both.
 */

#include "gw_resp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>


struct gw_resp_reader_s {
    redisReader  *hiredis;
    size_t        pending;      /* bytes after the last reply */
    size_t        elements;     /* of the arrays of this reply */
    int           failed;
    gw_resp_t     reply;
};


/* hiredis 1.0 changed the type of array sizes */

#if HIREDIS_MAJOR >= 1
typedef size_t  gw_resp_size_t;
#else
typedef int     gw_resp_size_t;
#endif


static void *gw_resp_string(const redisReadTask *task, char *str, size_t len);
static void *gw_resp_array(const redisReadTask *task, gw_resp_size_t n);
static void *gw_resp_integer(const redisReadTask *task, long long value);
static void *gw_resp_nil(const redisReadTask *task);
#if HIREDIS_MAJOR >= 1
static void *gw_resp_double(const redisReadTask *task, double value,
    char *str, size_t len);
static void *gw_resp_bool(const redisReadTask *task, int value);
#endif


/* there is no free function: the only object is part of the reader */

static redisReplyObjectFunctions  gw_resp_functions = {
    .createString = gw_resp_string,
    .createArray = gw_resp_array,
    .createInteger = gw_resp_integer,
#if HIREDIS_MAJOR >= 1
    .createDouble = gw_resp_double,
    .createBool = gw_resp_bool,
#endif
    .createNil = gw_resp_nil
};


static const struct {
    const char       *word;
    gw_resp_error_e   error;
} gw_resp_errors[] = {
    { "NOSCRIPT", GW_RESP_NOSCRIPT },
    { "READONLY", GW_RESP_READONLY },
    { "OOM", GW_RESP_OOM },
    { "BUSY", GW_RESP_BUSY },
    { "LOADING", GW_RESP_BUSY },
    { "MASTERDOWN", GW_RESP_BUSY },
    { "TRYAGAIN", GW_RESP_BUSY },
    { "NOAUTH", GW_RESP_NOAUTH },
    { "WRONGPASS", GW_RESP_DENIED },
    { "NOPERM", GW_RESP_DENIED },
    { "DENIED", GW_RESP_DENIED },
    { "MOVED", GW_RESP_MOVED },
    { "ASK", GW_RESP_MOVED },
    { "CROSSSLOT", GW_RESP_MOVED },
    { "CLUSTERDOWN", GW_RESP_CLUSTER },
    { "WRONGTYPE", GW_RESP_WRONGTYPE },

    /* Redis 5, in reply to AUTH; any version, when it accepts a connection */
    { "ERR invalid password", GW_RESP_DENIED },
    { "ERR Client sent AUTH,", GW_RESP_DENIED },
    { "ERR AUTH", GW_RESP_DENIED },
    { "ERR max number of clients", GW_RESP_BUSY }
};


gw_resp_reader_t *
gw_resp_reader_create(void)
{
    gw_resp_reader_t  *reader;

    reader = calloc(1, sizeof(gw_resp_reader_t));
    if (reader == NULL) {
        return NULL;
    }

    reader->hiredis = redisReaderCreateWithFunctions(&gw_resp_functions);
    if (reader->hiredis == NULL) {
        free(reader);
        return NULL;
    }

    reader->hiredis->privdata = reader;

    /* hiredis frees an empty buffer that has grown larger than this */
    reader->hiredis->maxbuf = GW_RESP_BUFFER;

    return reader;
}


void
gw_resp_reader_free(gw_resp_reader_t *reader)
{
    if (reader != NULL) {
        redisReaderFree(reader->hiredis);
        free(reader);
    }
}


int
gw_resp_feed(gw_resp_reader_t *reader, const char *data, size_t len)
{
    if (reader->failed || reader->pending > GW_RESP_BUFFER
        || redisReaderFeed(reader->hiredis, data, len) != REDIS_OK)
    {
        reader->failed = 1;
        return -1;
    }

    reader->pending += len;

    return 0;
}


int
gw_resp_next(gw_resp_reader_t *reader, const gw_resp_t **reply)
{
    void    *object;
    size_t   rest;

    object = NULL;

    if (reader->failed
        || redisReaderGetReply(reader->hiredis, &object) != REDIS_OK)
    {
        goto failed;
    }

    if (object == NULL) {
        if (reader->pending > GW_RESP_BUFFER) {
            goto failed;
        }

        return 0;
    }

    rest = reader->hiredis->len - reader->hiredis->pos;

    if (reader->pending - rest > GW_RESP_BUFFER) {
        goto failed;
    }

    reader->pending = rest;
    *reply = &reader->reply;

    return 1;

failed:

    reader->failed = 1;

    return -1;
}


/*
 * The object functions of hiredis: each returns the only object, or NULL to
 * fail the reader.
 *
 * A task without a parent is the reply itself.  It comes first: hiredis creates
 * an array before its elements.
 */

static gw_resp_reader_t *
gw_resp_begin(const redisReadTask *task, gw_resp_type_e type)
{
    gw_resp_t         *reply;
    gw_resp_reader_t  *reader;

    reader = task->privdata;
    reply = &reader->reply;

    if (task->parent == NULL) {
        reply->type = type;
        reply->error = GW_RESP_OTHER;
        reply->integers = 0;
        reply->others = 0;
        reply->len = 0;
        reply->text[0] = '\0';

        reader->elements = 0;

    } else if (type != GW_RESP_INTEGER) {
        reply->others++;
    }

    return reader;
}


static void *
gw_resp_string(const redisReadTask *task, char *str, size_t len)
{
    gw_resp_t         *reply;
    gw_resp_type_e     type;
    gw_resp_reader_t  *reader;

    switch (task->type) {

    case REDIS_REPLY_STRING:
        type = GW_RESP_STRING;
        break;

    case REDIS_REPLY_STATUS:
        type = GW_RESP_STATUS;
        break;

    case REDIS_REPLY_ERROR:
        type = GW_RESP_ERROR;
        break;

    default:
        return NULL;
    }

    reader = gw_resp_begin(task, type);
    reply = &reader->reply;

    if (task->parent == NULL && type == GW_RESP_ERROR) {
        /* by the full text: a script's error may have it at the end */
        reply->error = gw_resp_error(str, len);
    }

    if (reply->len == 0) {
        reply->len = (len < GW_RESP_TEXT) ? len : GW_RESP_TEXT - 1;
        memcpy(reply->text, str, reply->len);
        reply->text[reply->len] = '\0';
    }

    return reply;
}


static void *
gw_resp_array(const redisReadTask *task, gw_resp_size_t n)
{
    unsigned              depth;
    gw_resp_reader_t     *reader;
    const redisReadTask  *t;

    if (task->type != REDIS_REPLY_ARRAY) {
        return NULL;
    }

    depth = 0;

    for (t = task; t; t = t->parent) {
        depth++;
    }

    reader = gw_resp_begin(task, GW_RESP_ARRAY);

    if (depth > GW_RESP_DEPTH
        || (size_t) n > GW_RESP_ELEMENTS - reader->elements)
    {
        return NULL;
    }

    reader->elements += (size_t) n;

    return &reader->reply;
}


static void *
gw_resp_integer(const redisReadTask *task, long long value)
{
    gw_resp_t  *reply;

    reply = &gw_resp_begin(task, GW_RESP_INTEGER)->reply;

    if (reply->integers < GW_RESP_INTEGERS) {
        reply->integer[reply->integers++] = value;

    } else {
        reply->others++;
    }

    return reply;
}


static void *
gw_resp_nil(const redisReadTask *task)
{
    /* "_" of RESP3 */

    if (task->type == REDIS_REPLY_NIL) {
        return NULL;
    }

    return &gw_resp_begin(task, GW_RESP_NIL)->reply;
}


#if HIREDIS_MAJOR >= 1

/* RESP3 only, which was not requested */

static void *
gw_resp_double(const redisReadTask *task, double value, char *str, size_t len)
{
    (void) task;
    (void) value;
    (void) str;
    (void) len;

    return NULL;
}


static void *
gw_resp_bool(const redisReadTask *task, int value)
{
    (void) task;
    (void) value;

    return NULL;
}

#endif


/* whether the text begins with a whole word */

static int
gw_resp_word(const char *text, size_t len, const char *word)
{
    size_t  n;

    n = strlen(word);

    return len >= n && memcmp(text, word, n) == 0
           && (len == n || text[n] == ' ');
}


static int
gw_resp_starts(const char *text, size_t len, const char *prefix)
{
    size_t  n;

    n = strlen(prefix);

    return len >= n && memcmp(text, prefix, n) == 0;
}


gw_resp_error_e
gw_resp_error(const char *text, size_t len)
{
    size_t  i;

    /* the last "-WORD" after "@user_script: 12: " */

    if (gw_resp_starts(text, len, "ERR Error running script")) {

        for (i = len; i > 2; i--) {
            if (gw_resp_starts(text + i - 3, len - i + 3, ": -")) {
                text += i;
                len -= i;
                break;
            }
        }
    }

    for (i = 0; i < sizeof(gw_resp_errors) / sizeof(gw_resp_errors[0]); i++) {
        if (gw_resp_word(text, len, gw_resp_errors[i].word)) {
            return gw_resp_errors[i].error;
        }
    }

    /* a script lacks a permission: Redis up to 7, and from 8 */

    for (i = 0; i < len; i++) {
        if (gw_resp_starts(text + i, len - i,
                           "The user executing the script can't")
            || gw_resp_starts(text + i, len - i, "ACL failure in script"))
        {
            return GW_RESP_DENIED;
        }
    }

    return GW_RESP_OTHER;
}
