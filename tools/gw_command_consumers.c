/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * nginx-gateway consumers: checks a consumers file as nginx -t does.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "gw_consumer_build.h"
#include "gw_tool.h"


#define GW_CONSUMERS_MAX_FILE  (1024 * 1024 * 1024)
#define GW_CONSUMERS_MARGIN    (1024 * 1024)


/*
 * Messages, one a line.  They are kept until the block is known to be large
 * enough: with a smaller one, duplicates are not found.
 */

typedef struct {
    const char  *path;
    char        *text;
    size_t       len;
    size_t       size;
    int          failed;
} gw_consumers_said_t;


static int gw_consumers_check_run(const gw_args_t *args);

static int gw_consumers_peppers(const gw_args_t *args, int *peppers);
static int gw_consumers_check(const char *path, const char *text, size_t len,
    int peppers);
static int gw_consumers_build(gw_consumers_said_t *said, const char *text,
    size_t len, size_t *size, int peppers);
static void gw_consumers_say(void *data, const char *sentence);
static void gw_consumers_summary(const char *path,
    const gw_consumer_set_t *set, size_t size);


static const gw_opt_t  gw_consumers_check_options[] = {
    { "--pepper", GW_OPT_PEPPER, "FILE", "pepper for keys with hmac_sha256" },
    { NULL, 0, NULL, NULL }
};


const gw_command_t  gw_command_consumers_check = {
    "consumers", "check", "FILE [--pepper FILE]...",
    "checks a consumers file as nginx -t does",
    "Prints every mistake with its place, or the number of entries and the\n"
    "size of the zone that the file needs.\n",
    1, 1, gw_consumers_check_options, gw_consumers_check_run, NULL
};


static int
gw_consumers_check_run(const gw_args_t *args)
{
    int          rc, peppers;
    char        *text;
    size_t       len;
    const char  *path;

    rc = gw_consumers_peppers(args, &peppers);
    if (rc != GW_EXIT_OK) {
        return rc;
    }

    path = args->files[0];

    text = gw_tool_read_max(path, GW_CONSUMERS_MAX_FILE, &len);
    if (text == NULL) {
        return GW_EXIT_FILE;
    }

    rc = gw_consumers_check(path, text, len, peppers);

    free(text);

    return rc;
}


/* the file of a pepper must exist: its name may be mistyped */

static int
gw_consumers_peppers(const gw_args_t *args, int *peppers)
{
    char        *text;
    size_t       state, len;
    const char  *path;

    state = 0;
    *peppers = 0;

    while ((path = gw_args_next(args, GW_OPT_PEPPER, &state)) != NULL) {

        text = gw_tool_read(path, &len);
        if (text == NULL) {
            return GW_EXIT_FILE;
        }

        OPENSSL_cleanse(text, len);
        free(text);

        *peppers = 1;
    }

    return GW_EXIT_OK;
}


static int
gw_consumers_check(const char *path, const char *text, size_t len, int peppers)
{
    int                  rc;
    size_t               size, tried;
    gw_consumers_said_t  said;

    memset(&said, 0, sizeof(gw_consumers_said_t));
    said.path = path;
    size = len + GW_CONSUMERS_MARGIN;

    /* the second block is large enough, unless memory ran out */

    do {
        said.len = 0;
        tried = size;
        rc = gw_consumers_build(&said, text, len, &size, peppers);

    } while (rc != GW_EXIT_OK && !said.failed && size > tried);

    if (said.failed) {
        rc = gw_tool_error(GW_EXIT_FILE, "memory ran out");

    } else {
        (void) fwrite(said.text, 1, said.len, stderr);
    }

    free(said.text);

    return rc;
}


/* "size" of the block; set to the required size if that is larger */

static int
gw_consumers_build(gw_consumers_said_t *said, const char *text, size_t len,
    size_t *size, int peppers)
{
    int                     rc;
    void                   *block;
    size_t                  needed;
    gw_consumer_step_e      step;
    gw_consumer_builder_t  *builder;

    block = malloc(*size);
    builder = block ? gw_consumer_builder_create(text, len, block, *size,
                                                 peppers, gw_consumers_say,
                                                 said)
                    : NULL;

    if (builder == NULL) {
        free(block);
        said->failed = 1;
        return GW_EXIT_FILE;
    }

    do {
        step = gw_consumer_builder_step(builder);
    } while (step == GW_CONSUMER_MORE);

    needed = gw_consumer_builder_size(builder);
    rc = GW_EXIT_FILE;

    if (step == GW_CONSUMER_DONE) {
        gw_consumers_summary(said->path, block, needed);
        rc = gw_tool_flush();
        needed = 0;
    }

    *size = (needed > *size) ? needed + 8 : *size;

    gw_consumer_builder_free(builder);
    free(block);

    return rc;
}


static void
gw_consumers_say(void *data, const char *sentence)
{
    int                   n;
    char                 *grown;
    size_t                room;
    gw_consumers_said_t  *said;

    said = data;
    room = strlen(said->path) + strlen(sentence) + sizeof(": \n");

    if (said->size - said->len < room) {
        grown = realloc(said->text, said->size * 2 + room);

        if (grown == NULL) {
            said->failed = 1;
            return;
        }

        said->text = grown;
        said->size = said->size * 2 + room;
    }

    n = snprintf(said->text + said->len, room, "%s: %s\n", said->path,
                 sentence);
    said->len += (size_t) n;
}


/* a zone contains the active set and the set that is being built */

static void
gw_consumers_summary(const char *path, const gw_consumer_set_t *set,
    size_t size)
{
    const uint32_t  *count;

    count = set->count;

    printf("%s: %u consumers, %u keys, %u JWT identities, %u certificates; "
           "about %zu MB of a zone\n", path, (unsigned) count[GW_CONSUMER_ID],
           (unsigned) count[GW_CONSUMER_SHA256]
           + (unsigned) count[GW_CONSUMER_HMAC_SHA256],
           (unsigned) count[GW_CONSUMER_JWT],
           (unsigned) count[GW_CONSUMER_CERTIFICATE]
           + (unsigned) count[GW_CONSUMER_SAN],
           (2 * size >> 20) + 1);
}
