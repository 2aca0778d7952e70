/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Redis replies: all types, split at each byte; both sides of each limit; the
 * kinds of error texts.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_resp.h"
#include "tap.h"


#define WRAPPED                                                               \
    "ERR Error running script (call to f_"                                    \
    "e0e1f9fabfc9d4800c877a703b823ac0578ff8db): @user_script:117: "


static int
next_of(const char *bytes, size_t len, gw_resp_t *copy)
{
    int                rc;
    const gw_resp_t   *reply;
    gw_resp_reader_t  *reader;

    reader = gw_resp_reader_create();

    rc = gw_resp_feed(reader, bytes, len);

    if (rc == 0) {
        rc = gw_resp_next(reader, &reply);

        if (rc == 1) {
            *copy = *reply;
        }
    }

    gw_resp_reader_free(reader);

    return rc;
}


/* --- types */

static const struct {
    const char       *bytes;
    gw_resp_type_e    type;
    unsigned          integers;
    unsigned          others;
    int64_t           first;
    int64_t           last;
    const char       *text;
} replies[] = {
    { ":0\r\n", GW_RESP_INTEGER, 1, 0, 0, 0, "" },
    { ":9223372036854775807\r\n", GW_RESP_INTEGER, 1, 0, INT64_MAX, INT64_MAX,
      "" },
    { ":-9223372036854775808\r\n", GW_RESP_INTEGER, 1, 0, INT64_MIN,
      INT64_MIN, "" },
    { "+OK\r\n", GW_RESP_STATUS, 0, 0, 0, 0, "OK" },
    { "+\r\n", GW_RESP_STATUS, 0, 0, 0, 0, "" },
    { "$0\r\n\r\n", GW_RESP_STRING, 0, 0, 0, 0, "" },
    { "$7\r\na\r\n$1\r\n\r\n", GW_RESP_STRING, 0, 0, 0, 0, "a\r\n$1\r\n" },
    { "$-1\r\n", GW_RESP_NIL, 0, 0, 0, 0, "" },
    { "*-1\r\n", GW_RESP_NIL, 0, 0, 0, 0, "" },
    { "*0\r\n", GW_RESP_ARRAY, 0, 0, 0, 0, "" },
    { "*3\r\n:1\r\n:-2\r\n:3\r\n", GW_RESP_ARRAY, 3, 0, 1, 3, "" },
    { "*3\r\n:1\r\n$-1\r\n:3\r\n", GW_RESP_ARRAY, 2, 1, 1, 3, "" },
    { "*2\r\n+a\r\n$1\r\nb\r\n", GW_RESP_ARRAY, 0, 2, 0, 0, "a" },
    { "*2\r\n:5\r\n-ERR no\r\n", GW_RESP_ARRAY, 1, 1, 5, 5, "ERR no" },
    { "*2\r\n:1\r\n*2\r\n:2\r\n:3\r\n", GW_RESP_ARRAY, 3, 1, 1, 3, "" },
    { "-ERR unknown\r\n", GW_RESP_ERROR, 0, 0, 0, 0, "ERR unknown" },

    /* ROLE, of a master with two replicas, and of a replica */
    { "*3\r\n$6\r\nmaster\r\n:3129659\r\n*2\r\n"
      "*3\r\n$9\r\n127.0.0.1\r\n$4\r\n9001\r\n$7\r\n3129242\r\n"
      "*3\r\n$9\r\n127.0.0.1\r\n$4\r\n9002\r\n$7\r\n3129543\r\n",
      GW_RESP_ARRAY, 1, 10, 3129659, 3129659, "master" },
    { "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:9000\r\n$9\r\nconnected\r\n"
      ":3167038\r\n", GW_RESP_ARRAY, 2, 3, 9000, 3167038, "slave" }
};


/* whether a reply is the expected one */

static int
same(const gw_resp_t *reply, size_t i)
{
    return reply->type == replies[i].type
           && reply->integers == replies[i].integers
           && reply->others == replies[i].others
           && reply->len == strlen(reply->text)
           && strcmp(reply->text, replies[i].text) == 0
           && (reply->integers == 0
               || (reply->integer[0] == replies[i].first
                   && reply->integer[reply->integers - 1]
                      == replies[i].last));
}


static void
test_types(void)
{
    size_t     i;
    gw_resp_t  reply;

    for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        ok(next_of(replies[i].bytes, strlen(replies[i].bytes), &reply) == 1
           && same(&reply, i), "reply %zu", i);
    }
}


/* all of them in one stream, in pieces of each size */

static void
test_pieces(void)
{
    int                rc, wrong;
    char               stream[4096];
    size_t             i, n, at, len, piece;
    const gw_resp_t   *reply;
    gw_resp_reader_t  *reader;

    n = sizeof(replies) / sizeof(replies[0]);
    len = 0;

    for (i = 0; i < n; i++) {
        memcpy(stream + len, replies[i].bytes, strlen(replies[i].bytes));
        len += strlen(replies[i].bytes);
    }

    wrong = 0;

    for (piece = 1; piece <= len; piece++) {

        reader = gw_resp_reader_create();
        i = 0;

        for (at = 0; at < len; at += piece) {

            wrong += gw_resp_feed(reader, stream + at,
                                  len - at < piece ? len - at : piece)
                     != 0;

            while ((rc = gw_resp_next(reader, &reply)) == 1) {
                wrong += i >= n || !same(reply, i);
                i++;
            }

            wrong += rc != 0;
        }

        wrong += i != n;

        gw_resp_reader_free(reader);
    }

    is_int(wrong, 0, "%zu bytes in pieces of each size", len);
}


/* --- limits */

/* reads a reply from "head" and "n" times "body"; returns the result */

static int
repeated(const char *head, const char *body, size_t n, gw_resp_t *reply)
{
    int      rc;
    char    *bytes, *p;
    size_t   i;

    bytes = malloc(strlen(head) + n * strlen(body) + 1);

    p = bytes + sprintf(bytes, "%s", head);

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s", body);
    }

    rc = next_of(bytes, (size_t) (p - bytes), reply);

    free(bytes);

    return rc;
}


/* a string whose reply is "size" bytes long, fed in pieces */

static int
string_of(size_t size, size_t piece)
{
    int                rc;
    char              *bytes;
    size_t             at, len, head;
    const gw_resp_t   *reply;
    gw_resp_reader_t  *reader;

    bytes = malloc(size);
    head = (size_t) sprintf(bytes, "$%zu\r\n", size - 10);
    len = head + (size - 10) + 2;

    if (len != size) {
        free(bytes);
        return -2;
    }

    memset(bytes + head, 'x', size - 10);
    memcpy(bytes + size - 2, "\r\n", 2);

    reader = gw_resp_reader_create();
    rc = 0;

    for (at = 0; at < size && rc == 0; at += piece) {
        rc = gw_resp_feed(reader, bytes + at,
                          size - at < piece ? size - at : piece);
        if (rc == 0) {
            rc = gw_resp_next(reader, &reply);
        }
    }

    gw_resp_reader_free(reader);
    free(bytes);

    return rc;
}


static void
test_sizes(void)
{
    char       text[512];
    gw_resp_t  reply;

    is_int(string_of(GW_RESP_BUFFER, GW_RESP_BUFFER), 1,
           "a reply of maximum size");
    is_int(string_of(GW_RESP_BUFFER, 1000), 1, "the same in pieces");
    is_int(string_of(GW_RESP_BUFFER + 1, 2 * GW_RESP_BUFFER), -1,
           "a byte more");
    is_int(string_of(GW_RESP_BUFFER + 1, 1000), -1, "the same in pieces");
    is_int(string_of(GW_RESP_BUFFER + 1, 1), -1, "the same byte by byte");

    is_int(repeated("+", "x", GW_RESP_BUFFER - 1, &reply), 0,
           "an unterminated line of maximum size");
    is_int(repeated("+", "x", GW_RESP_BUFFER, &reply), -1, "a byte more");

    is_int(next_of("$1000000000\r\n", 13, &reply), 0,
           "an announced string is not allocated");
    is_int(next_of("$9223372036854775807\r\n", 22, &reply) != 1, 1,
           "the longest announced string is not allocated");

    memset(text, 'x', sizeof(text));
    memcpy(text, "$127\r\n", 6);
    memcpy(text + 6 + 127, "\r\n", 2);
    is_int(next_of(text, 6 + 127 + 2, &reply), 1,
           "the longest text that is stored completely");
    is_int((long long) reply.len, 127, "its stored length");

    memcpy(text, "$128\r\n", 6);
    memset(text + 6, 'x', 128);
    memcpy(text + 6 + 128, "\r\n", 2);
    is_int(next_of(text, 6 + 128 + 2, &reply), 1, "a longer one");
    is_int((long long) reply.len, 127, "a longer text is truncated");
    is_int((long long) strlen(reply.text), 127,
           "a truncated text is terminated");
}


static void
test_arrays(void)
{
    gw_resp_t  reply;

    is_int(repeated("*128\r\n", ":7\r\n", 128, &reply), 1, "128 integers");
    is_int(reply.integers, 128, "128 integers are stored");
    is_int(reply.others, 0, "no integer is left out");
    is_int(reply.integer[127], 7, "the last integer");

    is_int(repeated("*129\r\n", ":7\r\n", 129, &reply), 1, "129 integers");
    is_int(reply.integers, 128, "128 of 129 are stored");
    is_int(reply.others, 1, "one of 129 is not stored");

    is_int(repeated("*4096\r\n", ":7\r\n", 4096, &reply), 1, "4096 elements");
    is_int(repeated("*4097\r\n", ":7\r\n", 4097, &reply), -1, "one more");
    is_int(next_of("*4097\r\n", 7, &reply), -1, "4097 announced elements");
    is_int(next_of("*2147483647\r\n", 13, &reply), -1, "INT_MAX elements");
    is_int(next_of("*4294967296\r\n", 13, &reply), -1,
           "UINT32_MAX + 1 elements");
    is_int(next_of("*18446744073709551615\r\n", 23, &reply), -1,
           "UINT64_MAX elements");
    is_int(next_of("*-2\r\n", 5, &reply), -1, "a negative number of elements");

    is_int(repeated("*2000\r\n", "*2\r\n:1\r\n:2\r\n", 2000, &reply), -1,
           "nested arrays of more than 4096 elements together");
    is_int(repeated("*1000\r\n", "*2\r\n:1\r\n:2\r\n", 1000, &reply), 1,
           "nested arrays of fewer elements");
    is_int(reply.others, 1000 + 2000 - 128,
           "the number of elements that are not stored");

    is_int(repeated("", "*1\r\n", 3, &reply), 0, "three arrays, nested");
    is_int(next_of("*1\r\n*1\r\n*1\r\n:5\r\n", 16, &reply), 1,
           "three nested arrays, complete");
    is_int(reply.integer[0], 5, "with an integer");
    is_int(repeated("", "*1\r\n", 4, &reply), -1, "four");
    is_int(repeated("", "*1\r\n", 10000, &reply), -1, "10000");
}


/* --- malformed replies */

static void
test_garbage(void)
{
    size_t             i;
    gw_resp_t          copy;
    const gw_resp_t   *reply;
    gw_resp_reader_t  *reader;

    static const char *const  garbage[] = {
        "HTTP/1.1 400 Bad Request\r\n", "\r\n", "OK\r\n", "\x16\x03\x01",
        ":\r\n", ":x\r\n", ":1x\r\n", ":9223372036854775808\r\n",
        "*x\r\n", "$x\r\n", "$-2\r\n", "*1\r\n?\r\n",
        "%1\r\n+a\r\n+b\r\n", "~1\r\n:1\r\n", ">1\r\n:1\r\n", "_\r\n",
        "#t\r\n", ",1.5\r\n", "(1\r\n", "=5\r\ntxt:a\r\n",
        "*1\r\n#t\r\n", "*1\r\n,1\r\n", "*1\r\n_\r\n", "|1\r\n+a\r\n+b\r\n"
    };

    for (i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        is_int(next_of(garbage[i], strlen(garbage[i]), &copy), -1,
               "garbage %zu", i);
    }

    reader = gw_resp_reader_create();

    gw_resp_feed(reader, ":1\r\n?", 5);
    is_int(gw_resp_next(reader, &reply), 1, "a reply before garbage");
    is_int(gw_resp_next(reader, &reply), -1, "the garbage");
    is_int(gw_resp_next(reader, &reply), -1, "the error is permanent");
    is_int(gw_resp_feed(reader, ":1\r\n", 4), -1, "no more data is accepted");

    gw_resp_reader_free(reader);
    gw_resp_reader_free(NULL);

    reader = gw_resp_reader_create();
    is_int(gw_resp_next(reader, &reply), 0, "nothing was fed");
    gw_resp_feed(reader, "*2\r\n:1\r\n", 8);
    is_int(gw_resp_next(reader, &reply), 0, "half of an array");
    gw_resp_reader_free(reader);
}


/* --- errors */

static const struct {
    const char       *text;
    gw_resp_error_e   error;
} errors[] = {
    { "ERR unknown command", GW_RESP_OTHER },
    { "ERR AUTHOR", GW_RESP_OTHER },
    { "ERR max number of clients reached", GW_RESP_BUSY },
    { "ERR max number of clients + cluster connections reached", GW_RESP_BUSY },
    { "ERR invalid password", GW_RESP_DENIED },
    { "ERR Client sent AUTH, but no password is set", GW_RESP_DENIED },
    { "ERR AUTH <password> called without any password configured for the "
      "default user. Are you sure your configuration is correct?",
      GW_RESP_DENIED },
    { "", GW_RESP_OTHER },
    { "OOMPH", GW_RESP_OTHER },
    { "BUSYKEY Target key name already exists.", GW_RESP_OTHER },
    { "noscript No matching script.", GW_RESP_OTHER },
    { "WRONGTYPE Operation against a key", GW_RESP_WRONGTYPE },
    { "WRONGTYPES", GW_RESP_OTHER },
    { "NOSCRIPT No matching script. Please use EVAL.", GW_RESP_NOSCRIPT },
    { "NOSCRIPT", GW_RESP_NOSCRIPT },
    { "BUSY Redis is busy running a script.", GW_RESP_BUSY },
    { "LOADING Redis is loading the dataset in memory", GW_RESP_BUSY },
    { "MASTERDOWN Link with MASTER is down", GW_RESP_BUSY },
    { "TRYAGAIN Multiple keys request during rehashing", GW_RESP_BUSY },
    { "READONLY You can't write against a read only replica.",
      GW_RESP_READONLY },
    { "OOM command not allowed when used memory > 'maxmemory'.",
      GW_RESP_OOM },
    { "NOAUTH Authentication required.", GW_RESP_NOAUTH },
    { "WRONGPASS invalid username-password pair", GW_RESP_DENIED },
    { "NOPERM this user has no permissions", GW_RESP_DENIED },
    { "ERR ACL failure in script: User gateway has no permissions to run the "
      "'time' command", GW_RESP_DENIED },
    { "MOVED 3999 127.0.0.1:6381", GW_RESP_MOVED },
    { "ASK 3999 127.0.0.1:6381", GW_RESP_MOVED },
    { "CROSSSLOT Keys in request don't hash to the same slot",
      GW_RESP_MOVED },
    { "CLUSTERDOWN The cluster is down", GW_RESP_CLUSTER },

    /* Redis 6 and 5 */
    { WRAPPED "-READONLY You can't write against a read only replica.",
      GW_RESP_READONLY },
    { WRAPPED "@user_script: 117: -OOM command not allowed when used memory",
      GW_RESP_OOM },
    { WRAPPED "attempt to compare nil with number", GW_RESP_OTHER },
    { WRAPPED "-READONLYNESS", GW_RESP_OTHER },
    { WRAPPED "@user_script: 1: The user executing the script can't run this "
      "command or subcommand", GW_RESP_DENIED },

    /* Redis 7.0 */
    { "ERR The user executing the script can't run this command or "
      "subcommand script: e0e1f9, on @user_script:1.", GW_RESP_DENIED },
    { "READONLY You can't write against a read only replica. script: e0e1f9, "
      "on @user_script:1.", GW_RESP_READONLY },

    /* a similar text */
    { "ERR said: -OOM", GW_RESP_OTHER }
};


static void
test_errors(void)
{
    char       bytes[512];
    size_t     i;
    gw_resp_t  reply;

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        is_int(gw_resp_error(errors[i].text, strlen(errors[i].text)),
               errors[i].error, "%.60s", errors[i].text);

        sprintf(bytes, "-%s\r\n", errors[i].text);
        ok(next_of(bytes, strlen(bytes), &reply) == 1
           && reply.type == GW_RESP_ERROR && reply.error == errors[i].error,
           "the same as a reply, with a possibly truncated text");
    }

    is_int(gw_resp_error("OOM command", 2), GW_RESP_OTHER,
           "only the given length of the text is read");
    is_int(gw_resp_error("OOM command", 3), GW_RESP_OOM, "a word alone");

    next_of("*1\r\n-OOM no\r\n", 13, &reply);
    is_int(reply.type, GW_RESP_ARRAY,
           "an error in an array is not an error reply");
}


int
main(void)
{
    test_types();
    test_pieces();
    test_sizes();
    test_arrays();
    test_garbage();
    test_errors();

    return done_testing();
}
