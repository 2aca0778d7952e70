/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What the commands of nginx-gateway share: arguments by table, files,
 * messages, exit codes.
 */

#ifndef GW_TOOL_H_INCLUDED
#define GW_TOOL_H_INCLUDED

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "gw_private.h"


#define GW_TOOL_VERSION   "0.1.0"

/* exit codes */
#define GW_EXIT_OK        0
#define GW_EXIT_REFUSED   1    /* the token */
#define GW_EXIT_USAGE     2
#define GW_EXIT_FILE      3    /* or a key */

#define GW_TOOL_MAX_FILE  (8 * 1024 * 1024)    /* a multiple of 1 MB */
#define GW_TOOL_DATE_SIZE 21                   /* with the NUL */
#define GW_TOOL_WHY       512                  /* room for an error */


typedef enum {
    GW_OPT_ALG,
    GW_OPT_ALGORITHMS,
    GW_OPT_ALLOW,
    GW_OPT_AUDIENCE,
    GW_OPT_BASE64,
    GW_OPT_BITS,
    GW_OPT_CLAIM,
    GW_OPT_CLAIM_JSON,
    GW_OPT_CLAIMS_JSON,
    GW_OPT_CONSUMER,
    GW_OPT_EXPIRES,
    GW_OPT_HEADER,
    GW_OPT_ID,
    GW_OPT_ISSUER,
    GW_OPT_KEY,
    GW_OPT_KEYS,
    GW_OPT_KID,
    GW_OPT_LEEWAY,
    GW_OPT_MAX_AGE,
    GW_OPT_MAX_SIZE,
    GW_OPT_NO_REQUIRE_EXP,
    GW_OPT_NOT_BEFORE,
    GW_OPT_PEM,
    GW_OPT_PEPPER,
    GW_OPT_SCOPES,
    GW_OPT_SECRET_FILE,
    GW_OPT_TYP
} gw_opt_e;


/*
 * One row of a command's table.  "value" NULL: takes none; "FILE": the path
 * of one, where "-" is standard input.
 */

typedef struct {
    const char  *name;
    gw_opt_e     id;
    const char  *value;
    const char  *help;
} gw_opt_t;


/* what stood on the command line, in its order */

typedef struct {
    gw_opt_e     id;
    const char  *value;
} gw_arg_t;

typedef struct {
    size_t        n;
    gw_arg_t     *args;
    size_t        nfiles;
    const char  **files;
    size_t        nstdin;          /* how many of all are "-" */
} gw_args_t;


typedef struct {
    const char      *noun;
    const char      *verb;
    const char      *usage;        /* what follows the verb */
    const char      *summary;
    const char      *help;         /* more, in whole lines; "" if none */
    size_t           min_files;
    size_t           max_files;
    const gw_opt_t  *options;      /* the last has no name */
    int            (*run)(const gw_args_t *args);
    void           (*more)(void);  /* help to print below the options */
} gw_command_t;


extern const gw_command_t  gw_command_consumers_check;
extern const gw_command_t  gw_command_jwk_generate;
extern const gw_command_t  gw_command_jwk_import;
extern const gw_command_t  gw_command_jwk_public;
extern const gw_command_t  gw_command_jwt_sign;
extern const gw_command_t  gw_command_jwt_verify;
extern const gw_command_t  gw_command_jws_sign;
extern const gw_command_t  gw_command_jws_verify;
extern const gw_command_t  gw_command_key_new;
extern const gw_command_t  gw_command_key_hash;


/* the value of an option, the last if it was given often; NULL: not given */
const char *gw_args_get(const gw_args_t *args, gw_opt_e id);

/* the values of an option that may be repeated, one after the other */
const char *gw_args_next(const gw_args_t *args, gw_opt_e id, size_t *state);


/* "nginx-gateway: " and a line on stderr; returns "code" */
int gw_tool_error(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A whole file, or standard input for "-", NUL-terminated, for free(); NULL
 * after a message.  gw_tool_read() reads keys and tokens, of at most
 * GW_TOOL_MAX_FILE bytes.
 */
char *gw_tool_read(const char *path, size_t *len);
char *gw_tool_read_max(const char *path, size_t max, size_t *len);

/*
 * The same, with "name" in messages instead of the path: what stands where a
 * path should may be the secret itself.
 */
char *gw_tool_read_secret(const char *path, const char *name, size_t *len);

/* JSON from a file that holds one object; NULL after a message */
json_t *gw_tool_read_json(const char *path);

/*
 * A private key for gw_private_free() and the JWK it stands in for
 * json_decref().  Returns GW_EXIT_OK, or a code after a message.
 */
int gw_tool_read_key(const char *path, gw_private_t *key, json_t **jwk);

/*
 * The algorithm to sign with: --alg, else the key's.  "pinned": --alg must be
 * the key's "alg", if it has one; else any of its type will do.  NULL after a
 * message.
 */
const gw_jwa_t *gw_tool_alg(const gw_args_t *args, const gw_private_t *key,
    int pinned);

/* a value as compact JSON and a newline on stdout */
int gw_tool_print_json(const json_t *value);

/* the same, indented for people */
int gw_tool_print_pretty(const json_t *value);

/* bytes on stdout; returns an exit code, after a message if it is no zero */
int gw_tool_print(const void *data, size_t len);

/* the same for what printf() has left in stdout */
int gw_tool_flush(void);

/*
 * "90", "90s", "15m", "1h30m", "2d", "1w", also below zero, to seconds.
 * Returns 0, or -1.
 */
int gw_tool_seconds(const char *text, int64_t *seconds);

/*
 * A point in time, in seconds since the epoch: a date in UTC as "2027-01-31"
 * or "2027-01-31T00:00:00Z", or what gw_tool_seconds() reads, from "now" on.
 * Returns 0, or -1: also for what is before 1970 or after 9999.
 */
int gw_tool_time(const char *text, int64_t now, int64_t *when);

/* "2027-01-31T00:00:00Z" of what gw_tool_time() gave */
void gw_tool_date(int64_t when, char text[GW_TOOL_DATE_SIZE]);

/* "16384", "16k", "1m" to bytes, as nginx reads a size.  Returns 0, or -1 */
int gw_tool_size(const char *text, size_t *size);


#endif /* GW_TOOL_H_INCLUDED */
