/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * nginx-gateway jwt verify, jws verify: verify tokens as the module does, with
 * the same checks in the same order and the same reasons.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gw_jws.h"
#include "gw_jwt.h"
#include "gw_tool.h"


#define GW_VERIFY_MAX_SIZE  (16 * 1024)   /* gateway_jwt_max_size's default */


/* keys, and the policy of the command line */

typedef struct {
    size_t            nsets;
    gw_jwk_set_t    **sets;
    gw_jwa_set_t      algorithms;
    size_t            max_size;
    gw_jwt_policy_t   policy;
    gw_text_t        *texts;      /* of the policy, in one piece */
} gw_verify_t;


/* handles a token with a valid signature; returns an exit code */

typedef int (*gw_verify_accept_pt)(const gw_verify_t *verify,
    const gw_jws_t *jws);


static int gw_jwt_verify_run(const gw_args_t *args);
static int gw_jws_verify_run(const gw_args_t *args);

static int gw_verify_run(const gw_args_t *args, gw_verify_accept_pt accept);
static int gw_verify_token(const gw_verify_t *verify, const char *path,
    gw_verify_accept_pt accept);
static int gw_verify_judge(const gw_verify_t *verify, const char *token,
    size_t len, unsigned char *buf, gw_verify_accept_pt accept);
static int gw_verify_claims(const gw_verify_t *verify, const gw_jws_t *jws);
static int gw_verify_payload(const gw_verify_t *verify, const gw_jws_t *jws);
static int gw_verify_refuse(gw_reason_e reason, const char *why);

static int gw_verify_setup(gw_verify_t *verify, const gw_args_t *args);
static void gw_verify_free(gw_verify_t *verify);
static int gw_verify_load_keys(gw_verify_t *verify, const gw_args_t *args);
static gw_jwk_set_t *gw_verify_load(const gw_arg_t *arg);
static void gw_verify_note(void *data, unsigned number, const char *kid,
    const char *why, int kept);
static int gw_verify_load_algorithms(gw_verify_t *verify,
    const gw_args_t *args);
static int gw_verify_load_policy(gw_verify_t *verify, const gw_args_t *args);
static void gw_verify_load_texts(gw_verify_t *verify, const gw_args_t *args);
static int gw_verify_load_max_size(gw_verify_t *verify,
    const gw_args_t *args);
static int gw_verify_seconds(const gw_args_t *args, gw_opt_e id,
    const char *name, int64_t *seconds);


#define GW_VERIFY_KEY_OPTIONS                                                 \
    { "--keys",           GW_OPT_KEYS,           "FILE",                      \
      "JWK Set or JWK; may be repeated" },                                    \
    { "--pem",            GW_OPT_PEM,            "FILE",                      \
      "public keys or certificates; may be repeated" },                       \
    { "--algorithms",     GW_OPT_ALGORITHMS,     "NAMES",                     \
      "such as \"ES256 RS256\"; default: see above" },                    \
    { "--max-size",       GW_OPT_MAX_SIZE,       "SIZE",                      \
      "longest token: 4096, 16k or 1m; default 16k" }


static const gw_opt_t  gw_jwt_verify_options[] = {
    GW_VERIFY_KEY_OPTIONS,
    { "--issuer",         GW_OPT_ISSUER,         "ISS",
      "accepted iss; may be repeated" },
    { "--audience",       GW_OPT_AUDIENCE,       "AUD",
      "accepted aud; may be repeated" },
    { "--typ",            GW_OPT_TYP,            "TYP",
      "accepted typ; may be repeated" },
    { "--leeway",         GW_OPT_LEEWAY,         "TIME",
      "for exp, nbf and --max-age; default 0s" },
    { "--max-age",        GW_OPT_MAX_AGE,        "TIME",
      "longest time since iat, which is required" },
    { "--no-require-exp", GW_OPT_NO_REQUIRE_EXP, NULL,
      "accepts a token without exp" },
    { NULL, 0, NULL, NULL }
};

static const gw_opt_t  gw_jws_verify_options[] = {
    GW_VERIFY_KEY_OPTIONS,
    { NULL, 0, NULL, NULL }
};


#define GW_VERIFY_HELP                                                        \
    "TOKEN is the token itself, or \"-\" for standard input.  Without\n"      \
    "--algorithms, all asymmetric algorithms are allowed, and HS256, HS384\n"  \
    "and HS512 only if all keys are HMAC keys.\n"


const gw_command_t  gw_command_jwt_verify = {
    "jwt", "verify", "--keys FILE [options] TOKEN",
    "checks a token as the module does and prints its claims",
    "The reason for a refusal, as in $gateway_jwt_status, goes to stderr.\n"
    GW_VERIFY_HELP,
    1, 1, gw_jwt_verify_options, gw_jwt_verify_run, NULL
};

const gw_command_t  gw_command_jws_verify = {
    "jws", "verify", "--keys FILE [options] TOKEN",
    "checks only the signature and prints the bytes of the payload",
    GW_VERIFY_HELP,
    1, 1, gw_jws_verify_options, gw_jws_verify_run, NULL
};


static int
gw_jwt_verify_run(const gw_args_t *args)
{
    return gw_verify_run(args, gw_verify_claims);
}


static int
gw_jws_verify_run(const gw_args_t *args)
{
    return gw_verify_run(args, gw_verify_payload);
}


static int
gw_verify_run(const gw_args_t *args, gw_verify_accept_pt accept)
{
    int          rc;
    gw_verify_t  verify;

    memset(&verify, 0, sizeof(gw_verify_t));

    rc = gw_verify_setup(&verify, args);

    if (rc == GW_EXIT_OK) {
        rc = gw_verify_token(&verify, args->files[0], accept);
    }

    gw_verify_free(&verify);

    return rc;
}


static int
gw_verify_token(const gw_verify_t *verify, const char *path,
    gw_verify_accept_pt accept)
{
    int             rc;
    char           *text;
    size_t          len;
    unsigned char  *buf;

    text = NULL;
    len = strlen(path);

    if (strcmp(path, "-") == 0) {
        text = gw_tool_read(path, &len);
        if (text == NULL) {
            return GW_EXIT_FILE;
        }

        while (len > 0 && memchr(" \t\r\n", text[len - 1], 4) != NULL) {
            len--;
        }
    }

    buf = malloc(gw_jws_buffer_size(len));

    rc = buf ? gw_verify_judge(verify, text ? text : path, len, buf, accept)
             : gw_tool_error(GW_EXIT_FILE, "memory ran out");

    free(buf);
    free(text);

    return rc;
}


static int
gw_verify_judge(const gw_verify_t *verify, const char *token, size_t len,
    unsigned char *buf, gw_verify_accept_pt accept)
{
    int             rc;
    gw_jws_t        jws;
    gw_reason_e     reason;
    gw_jws_error_t  error;
    gw_jws_tries_t  tries;

    if (len > verify->max_size) {
        return gw_verify_refuse(GW_TOO_LARGE, "");
    }

    reason = gw_jws_parse(&jws, NULL, (const unsigned char *) token, len, buf,
                          &error);
    if (reason != GW_OK) {
        return gw_verify_refuse(reason, error.why);
    }

    reason = (verify->algorithms & gw_jwa_bit(jws.alg))
             ? gw_jws_verify(&jws, verify->sets, verify->nsets, &tries)
             : GW_ALGORITHM_NOT_ALLOWED;

    error.why[0] = '\0';

    if (reason == GW_MALFORMED_SIGNATURE) {
        gw_jws_explain_length(&jws, &error);
    }

    rc = (reason == GW_OK) ? accept(verify, &jws)
                           : gw_verify_refuse(reason, error.why);

    gw_jws_release(&jws);

    return rc;
}


static int
gw_verify_claims(const gw_verify_t *verify, const gw_jws_t *jws)
{
    int               rc;
    json_t           *claims;
    gw_reason_e       reason;
    gw_jws_error_t    error;
    gw_json_limit_t   limit;

    limit.values = gw_jwt_max_values(verify->max_size);
    limit.names = NULL;
    limit.flat = 0;

    reason = gw_jwt_parse(&claims, jws->payload, jws->payload_len, &limit,
                          &error);
    if (reason != GW_OK) {
        return gw_verify_refuse(reason, error.why);
    }

    reason = gw_jwt_check(jws->header, claims, &verify->policy);

    rc = (reason == GW_OK) ? gw_tool_print_json(claims)
                           : gw_verify_refuse(reason, "");
    json_decref(claims);

    return rc;
}


static int
gw_verify_payload(const gw_verify_t *verify, const gw_jws_t *jws)
{
    (void) verify;

    return gw_tool_print(jws->payload, jws->payload_len);
}


/* a failure of the tool is no refusal of the token */

static int
gw_verify_refuse(gw_reason_e reason, const char *why)
{
    if (reason == GW_FAILED) {
        return gw_tool_error(GW_EXIT_FILE, "the token cannot be checked: "
                             "OpenSSL failed, or memory ran out");
    }

    fprintf(stderr, "%s: %s%s%s\n", gw_reason_word(reason),
            gw_reason_sentence(reason), *why ? ": " : "", why);

    return GW_EXIT_REFUSED;
}


static int
gw_verify_setup(gw_verify_t *verify, const gw_args_t *args)
{
    int  rc;

    rc = gw_verify_load_keys(verify, args);

    if (rc == GW_EXIT_OK) {
        rc = gw_verify_load_algorithms(verify, args);
    }

    if (rc == GW_EXIT_OK) {
        rc = gw_verify_load_policy(verify, args);
    }

    if (rc == GW_EXIT_OK) {
        rc = gw_verify_load_max_size(verify, args);
    }

    return rc;
}


static void
gw_verify_free(gw_verify_t *verify)
{
    size_t  i;

    for (i = 0; i < verify->nsets; i++) {
        gw_jwk_set_free(verify->sets[i]);
    }

    free(verify->sets);
    free(verify->texts);
}


static int
gw_verify_load_keys(gw_verify_t *verify, const gw_args_t *args)
{
    size_t  i;

    verify->sets = calloc(args->n + 1, sizeof(gw_jwk_set_t *));
    if (verify->sets == NULL) {
        return gw_tool_error(GW_EXIT_FILE, "memory ran out");
    }

    for (i = 0; i < args->n; i++) {
        if (args->args[i].id != GW_OPT_KEYS
            && args->args[i].id != GW_OPT_PEM)
        {
            continue;
        }

        verify->sets[verify->nsets] = gw_verify_load(&args->args[i]);

        if (verify->sets[verify->nsets] == NULL) {
            return GW_EXIT_FILE;
        }

        verify->nsets++;
    }

    return verify->nsets > 0
           ? GW_EXIT_OK
           : gw_tool_error(GW_EXIT_USAGE, "--keys or --pem is required");
}


static gw_jwk_set_t *
gw_verify_load(const gw_arg_t *arg)
{
    char          *text, err[GW_TOOL_WHY];
    size_t         len;
    gw_jwk_set_t  *set;

    text = gw_tool_read(arg->value, &len);
    if (text == NULL) {
        return NULL;
    }

    set = (arg->id == GW_OPT_KEYS)
          ? gw_jwk_set_parse((unsigned char *) text, len, 0, gw_verify_note,
                             (void *) arg, err, sizeof(err))
          : gw_jwk_set_parse_pem((unsigned char *) text, len, gw_verify_note,
                                 (void *) arg, err, sizeof(err));

    OPENSSL_cleanse(text, len);
    free(text);

    if (set == NULL) {
        gw_tool_error(0, "%s: %s", arg->value, err);
    }

    return set;
}


static void
gw_verify_note(void *data, unsigned number, const char *kid, const char *why,
    int kept)
{
    const gw_arg_t  *arg = data;

    gw_tool_error(0, "%s: key %u, kid \"%s\": %s, %s", arg->value, number,
                  kid, why, kept ? "used all the same" : "left out");
}


static int
gw_verify_load_algorithms(gw_verify_t *verify, const gw_args_t *args)
{
    size_t           i, len, state;
    unsigned         only_oct;
    const char      *p;
    const gw_jwa_t  *alg;

    state = 0;

    while ((p = gw_args_next(args, GW_OPT_ALGORITHMS, &state)) != NULL) {

        p += strspn(p, " ,");

        if (*p == '\0') {
            return gw_tool_error(GW_EXIT_USAGE, "--algorithms is empty");
        }

        for ( /* void */ ; *p != '\0'; p += strspn(p, " ,")) {
            len = strcspn(p, " ,");
            alg = gw_jwa_find((const unsigned char *) p, len);

            if (alg == NULL) {
                return gw_tool_error(GW_EXIT_USAGE,
                                     "unknown algorithm \"%.*s\"", (int) len,
                                     p);
            }

            verify->algorithms |= gw_jwa_bit(alg);
            p += len;
        }
    }

    if (verify->algorithms == 0) {
        only_oct = 1;

        for (i = 0; i < verify->nsets; i++) {
            only_oct &= (unsigned) gw_jwk_set_only_oct(verify->sets[i]);
        }

        verify->algorithms = gw_jwa_asymmetric | (only_oct ? gw_jwa_hmac : 0);
    }

    return GW_EXIT_OK;
}


static int
gw_verify_load_policy(gw_verify_t *verify, const gw_args_t *args)
{
    gw_jwt_policy_t  *policy;

    policy = &verify->policy;

    policy->now = (int64_t) time(NULL);
    policy->max_age = -1;
    policy->require_exp = gw_args_get(args, GW_OPT_NO_REQUIRE_EXP) == NULL;

    if (gw_verify_seconds(args, GW_OPT_LEEWAY, "--leeway",
                          &policy->leeway) != 0
        || gw_verify_seconds(args, GW_OPT_MAX_AGE, "--max-age",
                             &policy->max_age) != 0)
    {
        return GW_EXIT_USAGE;
    }

    verify->texts = calloc(args->n + 1, sizeof(gw_text_t));

    if (verify->texts == NULL) {
        return gw_tool_error(GW_EXIT_FILE, "memory ran out");
    }

    gw_verify_load_texts(verify, args);

    return GW_EXIT_OK;
}


static void
gw_verify_load_texts(gw_verify_t *verify, const gw_args_t *args)
{
    size_t             i, n, state;
    gw_text_t         *text;
    const char        *value;
    gw_jwt_policy_t   *policy;

    policy = &verify->policy;

    const struct {
        gw_opt_e           id;
        const gw_text_t  **texts;
        size_t            *n;
    } lists[] = {
        { GW_OPT_ISSUER,   &policy->issuers,   &policy->nissuers },
        { GW_OPT_AUDIENCE, &policy->audiences, &policy->naudiences },
        { GW_OPT_TYP,      &policy->typ,       &policy->ntyp }
    };

    n = 0;

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        state = 0;
        *lists[i].texts = &verify->texts[n];

        while ((value = gw_args_next(args, lists[i].id, &state)) != NULL) {
            text = &verify->texts[n++];
            text->data = (const unsigned char *) value;
            text->len = strlen(value);

            (*lists[i].n)++;
        }
    }
}


static int
gw_verify_load_max_size(gw_verify_t *verify, const gw_args_t *args)
{
    const char  *text;

    verify->max_size = GW_VERIFY_MAX_SIZE;

    text = gw_args_get(args, GW_OPT_MAX_SIZE);

    if (text != NULL && gw_tool_size(text, &verify->max_size) != 0) {
        return gw_tool_error(GW_EXIT_USAGE,
                             "invalid --max-size \"%s\", it must be a size "
                             "such as 4096, 16k or 1m", text);
    }

    return GW_EXIT_OK;
}


/* leaves the default if the option is not given */

static int
gw_verify_seconds(const gw_args_t *args, gw_opt_e id, const char *name,
    int64_t *seconds)
{
    const char  *text;

    text = gw_args_get(args, id);

    if (text == NULL) {
        return 0;
    }

    if (gw_tool_seconds(text, seconds) != 0 || *seconds < 0) {
        gw_tool_error(0, "invalid %s \"%s\", it must be a time such as 30s or "
                      "5m", name, text);
        return -1;
    }

    return 0;
}
