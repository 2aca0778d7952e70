/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Shared by the commands of nginx-gateway: tables of arguments, files,
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
 * An option of a command.  "value" is NULL if the option takes none; "FILE" is
 * a path, where "-" is standard input.
 */

typedef struct {
    const char  *name;
    gw_opt_e     id;
    const char  *value;
    const char  *help;
} gw_opt_t;


/* the arguments in the order of the command line */

typedef struct {
    gw_opt_e     id;
    const char  *value;
} gw_arg_t;

typedef struct {
    size_t        n;
    gw_arg_t     *args;
    size_t        nfiles;
    const char  **files;
    size_t        nstdin;          /* how many are "-" */
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


/* returns the last value of an option, or NULL if it was not given */
const char *gw_args_get(const gw_args_t *args, gw_opt_e id);

/* returns the values of a repeated option one by one, then NULL */
const char *gw_args_next(const gw_args_t *args, gw_opt_e id, size_t *state);


/* writes "nginx-gateway: " and a line to stderr; returns "code" */
int gw_tool_error(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Reads a file, or standard input for "-".  Returns its content,
 * NUL-terminated, for free(), or NULL after a message.  gw_tool_read() reads at
 * most GW_TOOL_MAX_FILE bytes.
 */
char *gw_tool_read(const char *path, size_t *len);
char *gw_tool_read_max(const char *path, size_t max, size_t *len);

/*
 * The same, with "name" instead of the path in messages: the argument may be
 * the secret itself, by mistake.
 */
char *gw_tool_read_secret(const char *path, const char *name, size_t *len);

/* reads a file with one JSON object; returns NULL after a message */
json_t *gw_tool_read_json(const char *path);

/*
 * Reads a private key, for gw_private_free(), and its JWK, for json_decref().
 * Returns GW_EXIT_OK, or a code after a message.
 */
int gw_tool_read_key(const char *path, gw_private_t *key, json_t **jwk);

/*
 * Returns the algorithm to sign with: --alg, or the algorithm of the key, or
 * NULL after a message.  With "pinned", --alg must be equal to the "alg" of the
 * key, if it has one; otherwise --alg can be any that fits the type of the key.
 */
const gw_jwa_t *gw_tool_alg(const gw_args_t *args, const gw_private_t *key,
    int pinned);

/* writes a value as compact JSON and a newline to stdout */
int gw_tool_print_json(const json_t *value);

/* the same, indented for people */
int gw_tool_print_pretty(const json_t *value);

/* writes bytes to stdout; returns GW_EXIT_OK, or a code after a message */
int gw_tool_print(const void *data, size_t len);

/* flushes stdout, and returns the same */
int gw_tool_flush(void);

/*
 * Reads "90", "90s", "15m", "1h30m", "2d" or "1w", also negative, as seconds.
 * Returns 0, or -1.
 */
int gw_tool_seconds(const char *text, int64_t *seconds);

/*
 * Reads a point in time as seconds since the epoch: a date in UTC such as
 * "2027-01-31" or "2027-01-31T00:00:00Z", or a time from "now" on that
 * gw_tool_seconds() reads.  Returns 0, or -1, also if the time is before 1970
 * or after 9999.
 */
int gw_tool_time(const char *text, int64_t now, int64_t *when);

/* writes a time of gw_tool_time() as "2027-01-31T00:00:00Z" */
void gw_tool_date(int64_t when, char text[GW_TOOL_DATE_SIZE]);

/* reads "16384", "16k" or "1m" as nginx reads a size; returns 0, or -1 */
int gw_tool_size(const char *text, size_t *size);


#endif /* GW_TOOL_H_INCLUDED */
