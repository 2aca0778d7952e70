/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * nginx-gateway jwt sign, jws sign: sign tokens.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gw_json.h"
#include "gw_tool.h"


static int gw_jwt_sign_run(const gw_args_t *args);
static int gw_jws_sign_run(const gw_args_t *args);

static int gw_sign_token(const gw_args_t *args, const gw_private_t *key);
static int gw_sign_payload(const gw_args_t *args, const gw_private_t *key);
static int gw_sign_print(const gw_private_t *key, const gw_jwa_t *alg,
    const void *header, size_t header_len, const void *payload,
    size_t payload_len);
static json_t *gw_sign_header(const gw_private_t *key, const gw_jwa_t *alg,
    const char *typ);
static json_t *gw_sign_merged_header(const gw_args_t *args,
    const gw_private_t *key, const gw_jwa_t *alg);
static int gw_sign_claims(const gw_args_t *args, char **text, size_t *len);
static int gw_sign_claim_options(json_t *claims, const gw_args_t *args);
static int gw_sign_claim(json_t *claims, const char *text, gw_opt_e id);
static int gw_sign_times(json_t *claims, const gw_args_t *args);
static int gw_sign_time(json_t *claims, const char *name, const char *option,
    const char *text, int64_t now);
static char *gw_sign_text(const json_t *value, size_t *len);


static const gw_opt_t  gw_jwt_sign_options[] = {
    { "--key",         GW_OPT_KEY,         "FILE",
      "private JWK" },
    { "--alg",         GW_OPT_ALG,         "NAME",
      "algorithm; default: the key's" },
    { "--claim",       GW_OPT_CLAIM,       "NAME=TEXT",
      "a claim that is a string; may be repeated" },
    { "--claim-json",  GW_OPT_CLAIM_JSON,  "NAME=JSON",
      "a claim that is any JSON; may be repeated" },
    { "--claims-json", GW_OPT_CLAIMS_JSON, "FILE",
      "all claims: the file is signed byte for byte" },
    { "--header",      GW_OPT_HEADER,      "JSON",
      "members to add or replace; null removes one" },
    { "--expires",     GW_OPT_EXPIRES,     "TIME",
      "exp from now; default 1h; \"never\": no exp" },
    { "--not-before",  GW_OPT_NOT_BEFORE,  "TIME",
      "nbf from now" },
    { NULL, 0, NULL, NULL }
};

static const gw_opt_t  gw_jws_sign_options[] = {
    { "--key",    GW_OPT_KEY,    "FILE", "private JWK" },
    { "--alg",    GW_OPT_ALG,    "NAME",
      "any of the key's type; default: the key's" },
    { "--header", GW_OPT_HEADER, "TEXT", "the header, byte for byte" },
    { NULL, 0, NULL, NULL }
};


const gw_command_t  gw_command_jwt_sign = {
    "jwt", "sign", "--key FILE [--claim NAME=TEXT]... [options]",
    "signs claims and prints the token",
    "iat and exp are added unless they are given.  A TIME is such as 90s,\n"
    "15m, 1h30m, 2d or 1w, and can be negative.\n",
    0, 0, gw_jwt_sign_options, gw_jwt_sign_run, NULL
};

const gw_command_t  gw_command_jws_sign = {
    "jws", "sign", "--key FILE [--header TEXT] FILE",
    "signs any bytes and prints the token",
    "--header is used as it is, without additions and checks, so that invalid\n"
    "tokens can be made for tests.\n",
    1, 1, gw_jws_sign_options, gw_jws_sign_run, NULL
};


static int
gw_jwt_sign_run(const gw_args_t *args)
{
    int           rc;
    json_t       *jwk;
    gw_private_t  key;

    rc = gw_tool_read_key(gw_args_get(args, GW_OPT_KEY), &key, &jwk);

    if (rc == GW_EXIT_OK) {
        rc = gw_sign_token(args, &key);
        gw_private_free(&key);
        json_decref(jwk);
    }

    return rc;
}


static int
gw_jws_sign_run(const gw_args_t *args)
{
    int           rc;
    json_t       *jwk;
    gw_private_t  key;

    rc = gw_tool_read_key(gw_args_get(args, GW_OPT_KEY), &key, &jwk);

    if (rc == GW_EXIT_OK) {
        rc = gw_sign_payload(args, &key);
        gw_private_free(&key);
        json_decref(jwk);
    }

    return rc;
}


static int
gw_sign_token(const gw_args_t *args, const gw_private_t *key)
{
    int              rc;
    char            *header, *claims;
    json_t          *value;
    size_t           header_len, claims_len;
    const gw_jwa_t  *alg;

    alg = gw_tool_alg(args, key, 1);
    if (alg == NULL) {
        return GW_EXIT_USAGE;
    }

    value = gw_sign_merged_header(args, key, alg);
    if (value == NULL) {
        return GW_EXIT_USAGE;
    }

    header = gw_sign_text(value, &header_len);
    json_decref(value);

    claims = NULL;

    rc = header ? gw_sign_claims(args, &claims, &claims_len) : GW_EXIT_FILE;

    if (rc == GW_EXIT_OK) {
        rc = gw_sign_print(key, alg, header, header_len, claims, claims_len);
    }

    free(header);
    free(claims);

    return rc;
}


static int
gw_sign_payload(const gw_args_t *args, const gw_private_t *key)
{
    int              rc;
    char            *payload, *made;
    json_t          *value;
    size_t           len, header_len;
    const char      *header;
    const gw_jwa_t  *alg;

    alg = gw_tool_alg(args, key, 0);
    if (alg == NULL) {
        return GW_EXIT_USAGE;
    }

    payload = gw_tool_read(args->files[0], &len);
    if (payload == NULL) {
        return GW_EXIT_FILE;
    }

    made = NULL;
    header = gw_args_get(args, GW_OPT_HEADER);

    if (header == NULL) {
        value = gw_sign_header(key, alg, NULL);
        made = gw_sign_text(value, &header_len);
        json_decref(value);
        header = made;

    } else {
        header_len = strlen(header);
    }

    rc = header ? gw_sign_print(key, alg, header, header_len, payload, len)
                : GW_EXIT_FILE;

    free(made);
    free(payload);

    return rc;
}


static int
gw_sign_print(const gw_private_t *key, const gw_jwa_t *alg,
    const void *header, size_t header_len, const void *payload,
    size_t payload_len)
{
    int     rc;
    char   *token;
    size_t  len;

    token = gw_private_token(key, alg, header, header_len, payload,
                             payload_len);
    if (token == NULL) {
        return gw_tool_error(GW_EXIT_FILE,
                             "OpenSSL cannot sign with this key");
    }

    len = strlen(token);
    token[len] = '\n';

    rc = gw_tool_print(token, len + 1);

    free(token);

    return rc;
}


static json_t *
gw_sign_header(const gw_private_t *key, const gw_jwa_t *alg, const char *typ)
{
    json_t  *header;

    header = json_object();
    json_object_set_new(header, "alg", json_string(alg->name));

    if (typ != NULL) {
        json_object_set_new(header, "typ", json_string(typ));
    }

    if (key->kid != NULL) {
        json_object_set_new(header, "kid", json_string(key->kid));
    }

    return header;
}


/* returns NULL after a message */

static json_t *
gw_sign_merged_header(const gw_args_t *args, const gw_private_t *key,
    const gw_jwa_t *alg)
{
    void        *iter;
    json_t      *header, *extra, *value;
    const char  *text, *name;
    char         why[GW_TOOL_WHY];

    gw_json_error_t  error;

    header = gw_sign_header(key, alg, "JWT");

    text = gw_args_get(args, GW_OPT_HEADER);
    if (text == NULL) {
        return header;
    }

    extra = gw_json_parse((const unsigned char *) text, strlen(text), &error);

    if (extra == NULL) {
        gw_json_explain(why, sizeof(why), (const unsigned char *) text,
                        strlen(text), &error, "a JSON object");
        gw_tool_error(0, "--header %s", why);
        json_decref(header);
        return NULL;
    }

    for (iter = json_object_iter(extra); iter != NULL;
         iter = json_object_iter_next(extra, iter))
    {
        name = json_object_iter_key(iter);
        value = json_object_iter_value(iter);

        if (json_is_null(value)) {
            json_object_del(header, name);

        } else {
            json_object_set(header, name, value);
        }
    }

    json_decref(extra);

    return header;
}


/* returns an exit code, after a message unless it is 0; free() the text */

static int
gw_sign_claims(const gw_args_t *args, char **text, size_t *len)
{
    int          rc;
    json_t      *claims;
    const char  *path;

    path = gw_args_get(args, GW_OPT_CLAIMS_JSON);

    if (path != NULL) {

        if (gw_args_get(args, GW_OPT_CLAIM) != NULL
            || gw_args_get(args, GW_OPT_CLAIM_JSON) != NULL
            || gw_args_get(args, GW_OPT_EXPIRES) != NULL
            || gw_args_get(args, GW_OPT_NOT_BEFORE) != NULL)
        {
            return gw_tool_error(GW_EXIT_USAGE, "--claims-json contains all "
                                 "claims, no other option can add to them");
        }

        *text = gw_tool_read(path, len);

        return *text ? GW_EXIT_OK : GW_EXIT_FILE;
    }

    claims = json_object();

    rc = (gw_sign_claim_options(claims, args) == 0
          && gw_sign_times(claims, args) == 0)
         ? GW_EXIT_OK : GW_EXIT_USAGE;

    if (rc == GW_EXIT_OK) {
        *text = gw_sign_text(claims, len);
        rc = *text ? GW_EXIT_OK : GW_EXIT_FILE;
    }

    json_decref(claims);

    return rc;
}


static int
gw_sign_claim_options(json_t *claims, const gw_args_t *args)
{
    size_t           i;
    const gw_arg_t  *arg;

    for (i = 0; i < args->n; i++) {
        arg = &args->args[i];

        if ((arg->id == GW_OPT_CLAIM || arg->id == GW_OPT_CLAIM_JSON)
            && gw_sign_claim(claims, arg->value, arg->id) != 0)
        {
            return -1;
        }
    }

    return 0;
}


static int
gw_sign_claim(json_t *claims, const char *text, gw_opt_e id)
{
    int          rc;
    char        *name;
    json_t      *value;
    size_t       len;
    const char  *p;

    p = strchr(text, '=');

    if (p == NULL || p == text) {
        gw_tool_error(0, "claim \"%s\" has no name or no \"=\"", text);
        return -1;
    }

    len = (size_t) (p++ - text);

    value = (id == GW_OPT_CLAIM)
            ? json_string(p)
            : json_loads(p, JSON_DECODE_ANY|JSON_REJECT_DUPLICATES, NULL);

    name = calloc(1, len + 1);

    if (name != NULL) {
        memcpy(name, text, len);
    }

    /* refuses a value of NULL and a name that is not UTF-8 */
    rc = json_object_set_new(claims, name, value);

    if (rc != 0) {
        gw_tool_error(0, "claim \"%s\" is not %s", text,
                      id == GW_OPT_CLAIM ? "UTF-8" : "JSON");
    }

    free(name);

    return rc;
}


static int
gw_sign_times(json_t *claims, const gw_args_t *args)
{
    int64_t      now;
    const char  *expires, *not_before;

    now = (int64_t) time(NULL);
    expires = gw_args_get(args, GW_OPT_EXPIRES);
    not_before = gw_args_get(args, GW_OPT_NOT_BEFORE);

    if (gw_sign_time(claims, "iat", NULL, "0", now) != 0) {
        return -1;
    }

    if (not_before != NULL
        && gw_sign_time(claims, "nbf", "--not-before", not_before, now) != 0)
    {
        return -1;
    }

    if (expires != NULL && strcmp(expires, "never") == 0) {
        return 0;
    }

    return gw_sign_time(claims, "exp", "--expires", expires ? expires : "1h",
                        now);
}


/* does not replace a claim that was given */

static int
gw_sign_time(json_t *claims, const char *name, const char *option,
    const char *text, int64_t now)
{
    int64_t  seconds;

    if (gw_tool_seconds(text, &seconds) != 0) {
        gw_tool_error(0, "invalid %s \"%s\", it must be a time such as 90s, "
                      "15m or 1h", option,
                      text);
        return -1;
    }

    if (json_object_get(claims, name) != NULL) {
        return 0;
    }

    return json_object_set_new(claims, name, json_integer(now + seconds));
}


static char *
gw_sign_text(const json_t *value, size_t *len)
{
    char  *text;

    *len = gw_json_text(value, NULL);
    text = malloc(*len + 1);

    if (text == NULL) {
        gw_tool_error(0, "memory ran out");
        return NULL;
    }

    gw_json_text(value, (unsigned char *) text);

    return text;
}
