/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * nginx-gateway key: API keys and their entries in a consumers file.
 *
 * A key is never an argument: all users of the machine could see it, and the
 * shell would keep it in its history.  No message contains a key.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "gw_entry.h"


#define GW_KEY_RANDOM      32    /* bytes of a secret */
#define GW_KEY_MAX_NAME    256   /* bytes of the id of a consumer or entry */
#define GW_KEY_SUFFIX      9     /* "-" and 8 digits, of a default id */

/* a key of another format below these causes a warning */
#define GW_KEY_SHORT       16    /* characters */
#define GW_KEY_MONOTONOUS  8     /* different characters, or steps */


static int gw_key_new_run(const gw_args_t *args);
static int gw_key_hash_run(const gw_args_t *args);

static int gw_key_new_id(const gw_args_t *args, char *id);
static int gw_key_default_id(const char *consumer, char *id);
static int gw_key_make(gw_entry_t *entry, const char *id);
static int gw_key_print(const char *key, const json_t *json);

static int gw_key_take(gw_entry_t *entry, const gw_args_t *args);
static int gw_key_take_text(gw_entry_t *entry, const char *id,
    const unsigned char *key, size_t len);
static size_t gw_key_without_newline(const char *text, size_t len);
static const char *gw_key_judge(const unsigned char *key, size_t len);
static void gw_key_warn(const unsigned char *key, size_t len);
static int gw_key_monotonous(const unsigned char *key, size_t len);

static int gw_key_name_valid(const char *name);


static const gw_opt_t  gw_key_new_options[] = {
    { "--consumer",   GW_OPT_CONSUMER,   "ID",
      "id of the consumer that gets the key" },
    { "--id",         GW_OPT_ID,         "ID",
      "id of the key; default: from the consumer's" },
    { "--scopes",     GW_OPT_SCOPES,     "SCOPES",
      "\"a b\" or a,b; may be repeated" },
    { "--not-before", GW_OPT_NOT_BEFORE, "TIME",
      "when the key becomes valid" },
    { "--expires",    GW_OPT_EXPIRES,    "TIME",
      "when the key expires; default: never" },
    { "--allow",      GW_OPT_ALLOW,      "CIDR",
      "allowed client addresses; may be repeated" },
    { "--pepper",     GW_OPT_PEPPER,     "FILE",
      "makes hmac_sha256 with the secret in FILE" },
    { NULL, 0, NULL, NULL }
};

static const gw_opt_t  gw_key_hash_options[] = {
    { "--id",         GW_OPT_ID,         "ID",
      "id of the key; default: the id in the key" },
    { "--scopes",     GW_OPT_SCOPES,     "SCOPES",
      "\"a b\" or a,b; may be repeated" },
    { "--not-before", GW_OPT_NOT_BEFORE, "TIME",
      "when the key becomes valid" },
    { "--expires",    GW_OPT_EXPIRES,    "TIME",
      "when the key expires; default: never" },
    { "--allow",      GW_OPT_ALLOW,      "CIDR",
      "allowed client addresses; may be repeated" },
    { "--pepper",     GW_OPT_PEPPER,     "FILE",
      "makes hmac_sha256 with the secret in FILE" },
    { NULL, 0, NULL, NULL }
};


const gw_command_t  gw_command_key_new = {
    "key", "new", "--consumer ID [options]",
    "makes an API key and prints it, followed by its entry",
    "The first line is the key.  It cannot be recovered: the entry has only\n"
    "its digest.  Add the entry to \"keys\" of the consumer.\n"
    "A TIME is 90d, 12h or 1w from now, or a date in UTC: 2027-01-31 or\n"
    "2027-01-31T12:00:00Z.\n",
    0, 0, gw_key_new_options, gw_key_new_run, NULL
};

const gw_command_t  gw_command_key_hash = {
    "key", "hash", "[--id ID] [options] [FILE]",
    "prints the entry of an existing key of any format",
    "The key is read from FILE or standard input, without one newline at its\n"
    "end.  It cannot be an argument: all users of the machine could see it,\n"
    "and the shell would keep it in its history.\n"
    "A TIME is 90d, 12h or 1w from now, or a date in UTC: 2027-01-31 or\n"
    "2027-01-31T12:00:00Z.\n",
    0, 1, gw_key_hash_options, gw_key_hash_run, NULL
};


static int
gw_key_new_run(const gw_args_t *args)
{
    int         rc;
    char        id[GW_KEY_MAX_ID + 1];
    gw_entry_t  entry;

    rc = gw_key_new_id(args, id);
    if (rc != GW_EXIT_OK) {
        return rc;
    }

    rc = gw_entry_init(&entry, args);
    if (rc != GW_EXIT_OK) {
        return rc;
    }

    rc = gw_key_make(&entry, id);

    gw_entry_free(&entry);

    if (rc == GW_EXIT_OK) {
        gw_tool_error(rc, "the key is not shown again; add its entry to "
                      "\"keys\" of the consumer \"%s\"",
                      gw_args_get(args, GW_OPT_CONSUMER));
    }

    return rc;
}


static int
gw_key_new_id(const gw_args_t *args, char *id)
{
    const char  *consumer, *given;

    consumer = gw_args_get(args, GW_OPT_CONSUMER);
    given = gw_args_get(args, GW_OPT_ID);

    if (consumer == NULL) {
        return gw_tool_error(GW_EXIT_USAGE, "--consumer is required");
    }

    if (!gw_key_name_valid(consumer)) {
        return gw_tool_error(GW_EXIT_USAGE, "--consumer must be 1 to %d bytes "
                             "of printable text", GW_KEY_MAX_NAME);
    }

    if (given == NULL) {
        return gw_key_default_id(consumer, id);
    }

    if (!gw_key_id_valid((const unsigned char *) given, strlen(given))) {
        return gw_tool_error(GW_EXIT_USAGE, "--id must be 1 to %d characters "
                             "of a-z, 0-9 and \"-\"", GW_KEY_MAX_ID);
    }

    memcpy(id, given, strlen(given) + 1);

    return GW_EXIT_OK;
}


static int
gw_key_default_id(const char *consumer, char *id)
{
    char           c;
    size_t         i;
    unsigned char  random[4];

    for (i = 0; consumer[i] != '\0' && i < GW_KEY_MAX_ID - GW_KEY_SUFFIX; i++)
    {
        c = consumer[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        id[i] = gw_key_id_valid((unsigned char *) &c, 1) ? c : '-';
    }

    if (RAND_bytes(random, sizeof(random)) != 1) {
        return gw_tool_error(GW_EXIT_FILE, "OpenSSL cannot make random "
                             "numbers");
    }

    snprintf(id + i, GW_KEY_SUFFIX + 1, "-%02x%02x%02x%02x", random[0],
             random[1], random[2], random[3]);

    return GW_EXIT_OK;
}


static int
gw_key_make(gw_entry_t *entry, const char *id)
{
    int            rc;
    char           key[GW_KEY_SIZE];
    json_t        *json;
    unsigned char  random[GW_KEY_RANDOM];

    if (RAND_priv_bytes(random, sizeof(random)) != 1) {
        return gw_tool_error(GW_EXIT_FILE, "OpenSSL cannot make random "
                             "numbers");
    }

    gw_key_format(key, (const unsigned char *) id, strlen(id), random);
    json = gw_entry_json(entry, id, (unsigned char *) key, strlen(key));

    rc = json ? gw_key_print(key, json) : GW_EXIT_FILE;

    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(random, sizeof(random));
    json_decref(json);

    return rc;
}


/* without a buffer of stdio, in which the key would remain */

static int
gw_key_print(const char *key, const json_t *json)
{
    (void) setvbuf(stdout, NULL, _IONBF, 0);
    (void) fputs(key, stdout);
    (void) fputs("\n", stdout);

    return gw_tool_print_pretty(json);
}


static int
gw_key_hash_run(const gw_args_t *args)
{
    int          rc;
    const char  *id;
    gw_entry_t   entry;

    id = gw_args_get(args, GW_OPT_ID);

    if (id != NULL && !gw_key_name_valid(id)) {
        return gw_tool_error(GW_EXIT_USAGE, "--id must be 1 to %d bytes of "
                             "printable text", GW_KEY_MAX_NAME);
    }

    if (args->nfiles == 0 && args->nstdin != 0) {
        return gw_tool_error(GW_EXIT_USAGE, "the key and the pepper cannot "
                             "both be standard input: it is read once");
    }

    rc = gw_entry_init(&entry, args);

    if (rc == GW_EXIT_OK) {
        rc = gw_key_take(&entry, args);
        gw_entry_free(&entry);
    }

    return rc;
}


/* messages do not repeat the name: it may be the key itself */

static int
gw_key_take(gw_entry_t *entry, const gw_args_t *args)
{
    int          rc;
    char        *text;
    size_t       len, n;
    const char  *why;

    text = gw_tool_read_secret(args->nfiles ? args->files[0] : "-",
                               "the file of the key", &len);
    if (text == NULL) {
        return GW_EXIT_FILE;
    }

    n = gw_key_without_newline(text, len);
    why = gw_key_judge((unsigned char *) text, n);

    if (why != NULL) {
        rc = gw_tool_error(GW_EXIT_FILE, "the key %s", why);

    } else {
        rc = gw_key_take_text(entry, gw_args_get(args, GW_OPT_ID),
                              (unsigned char *) text, n);
    }

    OPENSSL_cleanse(text, len);
    free(text);

    return rc;
}


static int
gw_key_take_text(gw_entry_t *entry, const char *id,
    const unsigned char *key, size_t len)
{
    int      rc;
    char     held[GW_KEY_MAX_ID + 1];
    json_t  *json;
    size_t   n;

    if (gw_key_well_formed(key, len, &n)) {
        snprintf(held, sizeof(held), "%.*s", (int) n, key + 3);

        if (id != NULL && strcmp(id, held) != 0) {
            gw_tool_error(0, "warning: the id in the key differs from --id");
        }

        id = id ? id : held;

    } else {
        gw_key_warn(key, len);
    }

    if (id == NULL) {
        return gw_tool_error(GW_EXIT_USAGE, "--id is required, the key "
                             "contains no id");
    }

    json = gw_entry_json(entry, id, key, len);

    rc = json ? gw_tool_print_pretty(json) : GW_EXIT_FILE;

    json_decref(json);

    return rc;
}


static size_t
gw_key_without_newline(const char *text, size_t len)
{
    if (len > 0 && text[len - 1] == '\n') {
        len--;

        if (len > 0 && text[len - 1] == '\r') {
            len--;
        }
    }

    return len;
}


/* a header field cannot contain these */

static const char *
gw_key_judge(const unsigned char *key, size_t len)
{
    size_t  i;

    if (len == 0) {
        return "is empty";
    }

    for (i = 0; i < len; i++) {
        if (key[i] < 0x20 || key[i] == 0x7f) {
            return "contains a control character, perhaps a second line";
        }
    }

    return (key[0] == ' ' || key[len - 1] == ' ')
           ? "begins or ends with a space" : NULL;
}


static void
gw_key_warn(const unsigned char *key, size_t len)
{
    size_t  i;

    if (len < GW_KEY_SHORT) {
        gw_tool_error(0, "warning: the key is shorter than %d characters",
                      GW_KEY_SHORT);
    }

    if (gw_key_monotonous(key, len)) {
        gw_tool_error(0, "warning: the key is easy to guess: it has few "
                      "different characters, or they are in order");
    }

    if (len > 3 && memcmp(key, "gw_", 3) == 0) {
        gw_tool_error(0, "warning: the key begins like one of \"key new\", "
                      "but its checksum is wrong, it may be incomplete");
    }

    for (i = 0; i < len && key[i] < 0x80; i++) { /* void */ }

    if (i < len) {
        gw_tool_error(0, "warning: the key contains bytes that are not ASCII, "
                      "clients may encode them differently");
    }
}


/*
 * A random key has many different characters and many different steps from
 * one to the next.  "0123456789abcdef" has few different steps.
 */

static int
gw_key_monotonous(const unsigned char *key, size_t len)
{
    size_t         i, chars, steps;
    unsigned char  step, has_char[256], has_step[256];

    memset(has_char, 0, sizeof(has_char));
    memset(has_step, 0, sizeof(has_step));
    chars = 0;
    steps = 0;

    for (i = 0; i < len; i++) {
        chars += !has_char[key[i]];
        has_char[key[i]] = 1;

        if (i > 0) {
            step = (unsigned char) (key[i] - key[i - 1]);
            steps += !has_step[step];
            has_step[step] = 1;
        }
    }

    OPENSSL_cleanse(has_char, sizeof(has_char));
    OPENSSL_cleanse(has_step, sizeof(has_step));

    return chars < GW_KEY_MONOTONOUS || steps < GW_KEY_MONOTONOUS;
}


/* the id of a consumer or an entry: UTF-8 without control characters */

static int
gw_key_name_valid(const char *name)
{
    size_t       len;
    json_t      *string;
    const char  *p;

    for (p = name; *p != '\0'; p++) {
        if ((unsigned char) *p < 0x20 || *p == 0x7f) {
            return 0;
        }
    }

    len = (size_t) (p - name);
    string = json_stringn(name, len);     /* NULL: it is not UTF-8 */
    json_decref(string);

    return string != NULL && len > 0 && len <= GW_KEY_MAX_NAME;
}
