/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * nginx-gateway jwk: generates, imports and publishes keys.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gw_base64url.h"
#include "gw_json.h"
#include "gw_jwk.h"
#include "gw_jwk_type.h"
#include "gw_tool.h"


#define GW_JWK_IMPORT_STRONG  32    /* bytes, for HS256 */


typedef struct {
    const char  *kty;
    const char  *members[4];    /* required; NULL-terminated */
} gw_jwk_public_t;


static int gw_jwk_generate_run(const gw_args_t *args);
static void gw_jwk_generate_more(void);
static int gw_jwk_import_run(const gw_args_t *args);
static const char *gw_jwk_import_base64(unsigned char *text, size_t *len);
static int gw_jwk_import_print(const char *kid, const unsigned char *secret,
    size_t len);
static int gw_jwk_public_run(const gw_args_t *args);

static int gw_jwk_public_file(json_t *keys, const char *path);
static const char *gw_jwk_public_all(json_t *keys, json_t *root, char *text);
static const char *gw_jwk_public_add(json_t *keys, json_t *jwk, char *text);
static const gw_jwk_public_t *gw_jwk_public_type(const char *kty);
static const char *gw_jwk_public_lacks(const json_t *jwk,
    const gw_jwk_public_t *type);
static void gw_jwk_public_copy(json_t *public, const json_t *jwk,
    const char *const *names);
static json_t *gw_jwk_public_ops(const json_t *ops);


static const gw_opt_t  gw_jwk_generate_options[] = {
    { "--alg",  GW_OPT_ALG,  "NAME", "algorithm, see below" },
    { "--kid",  GW_OPT_KID,  "KID",  "key id; default: the thumbprint" },
    { "--bits", GW_OPT_BITS, "N",    "size of an RSA or HMAC key" },
    { NULL, 0, NULL, NULL }
};

static const gw_opt_t  gw_jwk_import_options[] = {
    { "--secret-file", GW_OPT_SECRET_FILE, "FILE", "secret, \"-\" is stdin" },
    { "--base64",      GW_OPT_BASE64,      NULL,   "the file is in base64" },
    { "--kid",         GW_OPT_KID,         "KID",  "key id" },
    { NULL, 0, NULL, NULL }
};

static const gw_opt_t  gw_jwk_public_options[] = {
    { NULL, 0, NULL, NULL }
};


const gw_command_t  gw_command_jwk_generate = {
    "jwk", "generate", "--alg NAME [--kid KID] [--bits N]",
    "generates a key and prints it as a private JWK",
    "The output is secret: set a umask before you write it to a file.\n",
    0, 0, gw_jwk_generate_options, gw_jwk_generate_run, gw_jwk_generate_more
};

const gw_command_t  gw_command_jwk_import = {
    "jwk", "import", "--secret-file FILE [--base64] --kid KID",
    "prints an existing HMAC secret as a JWK",
    "The secret is the content of FILE, without one line feed at its end.\n"
    "--base64 decodes it: standard or base64url, padding is optional.\n"
    "The output is secret: set a umask before you write it to a file.\n",
    0, 0, gw_jwk_import_options, gw_jwk_import_run, NULL
};

const gw_command_t  gw_command_jwk_public = {
    "jwk", "public", "FILE...",
    "prints the public keys of files as one JWK Set",
    "Each FILE contains a JWK or a JWK Set.  HMAC keys have no public key.\n",
    1, (size_t) -1, gw_jwk_public_options, gw_jwk_public_run, NULL
};


/*
 * Only listed members are published (RFC 7518 section 6, RFC 8037, RFC 9964):
 * any other member may be a secret.
 */

static const gw_jwk_public_t  gw_jwk_public[] = {
    { "RSA", { "n", "e", NULL } },
    { "EC",  { "crv", "x", "y", NULL } },
    { "OKP", { "crv", "x", NULL } },
    { "AKP", { "pub", NULL } },
    { NULL,  { NULL } }
};

static const char *const  gw_jwk_public_common[] = {
    "kty", "kid", "alg", "use", "key_ops", "x5u", "x5c", "x5t", "x5t#S256",
    NULL
};


static int
gw_jwk_generate_run(const gw_args_t *args)
{
    int              rc;
    char             thumbprint[GW_THUMBPRINT_SIZE], *end;
    json_t          *jwk;
    const char      *name, *kid, *bits, *why;
    unsigned long    n;
    const gw_jwa_t  *alg;

    name = gw_args_get(args, GW_OPT_ALG);
    if (name == NULL) {
        return gw_tool_error(GW_EXIT_USAGE, "--alg is required");
    }

    alg = gw_jwa_find((const unsigned char *) name, strlen(name));
    if (alg == NULL) {
        return gw_tool_error(GW_EXIT_USAGE, "unknown algorithm \"%s\"", name);
    }

    if (!gw_jwa_available(alg)) {
        return gw_tool_error(GW_EXIT_FILE, "this OpenSSL does not offer %s",
                             name);
    }

    kid = gw_args_get(args, GW_OPT_KID);

    if (kid != NULL && strlen(kid) > GW_JWK_MAX_KID) {
        return gw_tool_error(GW_EXIT_USAGE, "--kid is longer than %d bytes",
                             GW_JWK_MAX_KID);
    }

    bits = gw_args_get(args, GW_OPT_BITS);
    n = bits ? strtoul(bits, &end, 10) : 0;

    if (bits && (*bits < '1' || *bits > '9' || *end != '\0' || n > 1000000)) {
        return gw_tool_error(GW_EXIT_USAGE, "invalid --bits \"%s\", it must "
                             "be a number from 1 to 1000000", bits);
    }

    jwk = gw_generate(alg, (unsigned) n, &why);
    if (jwk == NULL) {
        return gw_tool_error(GW_EXIT_USAGE, "a key for %s %s", name, why);
    }

    if (kid == NULL && gw_thumbprint(jwk, thumbprint) == 0) {
        kid = thumbprint;
    }

    rc = json_object_set_new(jwk, "kid", json_string(kid));

    rc = (rc == 0) ? gw_tool_print_json(jwk)
                   : gw_tool_error(GW_EXIT_USAGE, "--kid is not UTF-8");

    json_decref(jwk);

    return rc;
}


/* one line for each family */

static void
gw_jwk_generate_more(void)
{
    unsigned         i;
    const gw_jwa_t  *alg, *last;

    last = NULL;
    printf("\nThis OpenSSL offers:");

    for (i = 0; i < gw_jwa_count; i++) {
        alg = &gw_jwa[i];

        if (!gw_jwa_available(alg)) {
            continue;
        }

        printf("%s %s", last && last->family == alg->family ? "" : "\n ",
               alg->name);
        last = alg;
    }

    printf("\n");
}


static int
gw_jwk_import_run(const gw_args_t *args)
{
    int          rc;
    char        *text;
    size_t       len, size;
    const char  *path, *kid, *why;

    path = gw_args_get(args, GW_OPT_SECRET_FILE);
    kid = gw_args_get(args, GW_OPT_KID);

    if (path == NULL || kid == NULL) {
        return gw_tool_error(GW_EXIT_USAGE, "%s is required",
                             path ? "--kid" : "--secret-file");
    }

    if (strlen(kid) > GW_JWK_MAX_KID) {
        return gw_tool_error(GW_EXIT_USAGE, "--kid is longer than %d bytes",
                             GW_JWK_MAX_KID);
    }

    text = gw_tool_read_secret(path, "the file of the secret", &size);
    if (text == NULL) {
        return GW_EXIT_FILE;
    }

    len = size;

    if (len && text[len - 1] == '\n') {
        len--;
        len -= (len && text[len - 1] == '\r');
    }

    why = gw_args_get(args, GW_OPT_BASE64)
          ? gw_jwk_import_base64((unsigned char *) text, &len) : NULL;

    if (why == NULL && len == 0) {
        why = "is empty";
    }

    rc = why ? gw_tool_error(GW_EXIT_FILE, "the file of the secret: %s", why)
             : gw_jwk_import_print(kid, (unsigned char *) text, len);

    OPENSSL_cleanse(text, size);
    free(text);

    return rc;
}


/* decodes in place; returns NULL, or what is wrong */

static const char *
gw_jwk_import_base64(unsigned char *text, size_t *len)
{
    int             rc;
    size_t          i, n, size;
    unsigned char  *decoded;

    for (i = 0, n = 0; i < *len; i++) {

        if (text[i] == '\n' || text[i] == '\r') {
            continue;
        }

        text[n++] = (text[i] == '+') ? '-' : (text[i] == '/') ? '_' : text[i];
    }

    if (n % 4 == 0) {
        n -= (n && text[n - 1] == '=');
        n -= (n && text[n - 1] == '=');
    }

    size = gw_base64url_decoded_size(n);

    decoded = malloc(size);
    if (decoded == NULL) {
        return "does not fit into memory";
    }

    rc = gw_base64url_decode(decoded, len, text, n);

    if (rc == 0) {
        memcpy(text, decoded, *len);
    }

    OPENSSL_cleanse(decoded, size);
    free(decoded);

    return rc == 0 ? NULL : "is not base64";
}


/* without "alg", the key serves each hash for which it is long enough */

static int
gw_jwk_import_print(const char *kid, const unsigned char *secret, size_t len)
{
    int      rc;
    json_t  *jwk;

    jwk = json_pack("{s:s, s:s, s:o, s:s}", "kty", "oct", "kid", kid,
                    "k", gw_json_base64url(secret, len), "use", "sig");
    if (jwk == NULL) {
        return gw_tool_error(GW_EXIT_USAGE, "--kid is not UTF-8");
    }

    if (len < GW_JWK_IMPORT_STRONG) {
        (void) gw_tool_error(0, "the secret has %u bytes and HS256 needs %d, "
                             "nginx ignores the key without "
                             "\"gateway_jwt_key_policy compat\"",
                             (unsigned) len, GW_JWK_IMPORT_STRONG);
    }

    rc = gw_tool_print_json(jwk);
    json_decref(jwk);

    return rc;
}


static int
gw_jwk_public_run(const gw_args_t *args)
{
    int      rc;
    size_t   i;
    json_t  *set, *keys;

    keys = json_array();
    set = json_pack("{s:o}", "keys", keys);
    rc = GW_EXIT_OK;

    for (i = 0; i < args->nfiles && rc == GW_EXIT_OK; i++) {
        rc = gw_jwk_public_file(keys, args->files[i]);
    }

    if (rc == GW_EXIT_OK) {
        rc = gw_tool_print_json(set);
    }

    json_decref(set);

    return rc;
}


static int
gw_jwk_public_file(json_t *keys, const char *path)
{
    char         text[GW_TOOL_WHY];
    json_t      *root;
    const char  *why;

    root = gw_tool_read_json(path);
    if (root == NULL) {
        return GW_EXIT_FILE;
    }

    why = gw_jwk_public_all(keys, root, text);
    json_decref(root);

    return why ? gw_tool_error(GW_EXIT_FILE, "%s: %s", path, why)
               : GW_EXIT_OK;
}


/* returns NULL, or what is wrong, as a static string or in "text" */

static const char *
gw_jwk_public_all(json_t *keys, json_t *root, char *text)
{
    size_t       i;
    json_t      *all;
    const char  *why;

    all = json_object_get(root, "keys");

    if (all == NULL && json_object_get(root, "kty") != NULL) {
        return gw_jwk_public_add(keys, root, text);
    }

    if (!json_is_array(all)) {
        (void) snprintf(text, GW_TOOL_WHY, "is neither a JWK nor a JWK Set%s",
                        gw_jwk_mistaken(root, 0));
        return text;
    }

    why = json_array_size(all) ? NULL : "contains no key";

    for (i = 0; why == NULL && i < json_array_size(all); i++) {
        why = gw_jwk_public_add(keys, json_array_get(all, i), text);
    }

    return why;
}


static const char *
gw_jwk_public_add(json_t *keys, json_t *jwk, char *text)
{
    char                    shown[GW_JSON_NAME_SIZE];
    json_t                 *public, *kty, *ops;
    gw_text_t               name;
    const char             *lacks;
    const gw_jwk_public_t  *type;

    kty = json_object_get(jwk, "kty");
    name.data = (const unsigned char *) json_string_value(kty);
    name.len = json_string_length(kty);

    if (name.data == NULL) {
        return !json_is_object(jwk) ? "a key is not an object"
               : kty ? "a key has a \"kty\" that is not a string"
                     : "a key has no \"kty\"";
    }

    if (strcmp(json_string_value(kty), "oct") == 0) {
        return "an HMAC key is a secret, it has no public key";
    }

    type = gw_jwk_public_type(json_string_value(kty));

    if (type == NULL) {
        (void) snprintf(text, GW_TOOL_WHY, "a key has an unknown \"kty\": "
                        "\"%s\", allowed are RSA, EC, OKP, AKP",
                        gw_json_show(shown, &name));
        return text;
    }

    lacks = gw_jwk_public_lacks(jwk, type);

    if (lacks != NULL) {
        (void) snprintf(text, GW_TOOL_WHY, "a key of type %s must have the "
                        "string \"%s\"", type->kty, lacks);
        return text;
    }

    public = json_object();

    gw_jwk_public_copy(public, jwk, gw_jwk_public_common);
    gw_jwk_public_copy(public, jwk, type->members);

    ops = json_object_get(public, "key_ops");

    if (ops != NULL) {
        json_object_set_new(public, "key_ops", gw_jwk_public_ops(ops));
    }

    return json_array_append_new(keys, public) == 0 ? NULL
                                                    : "does not fit into "
                                                      "memory";
}


static const gw_jwk_public_t *
gw_jwk_public_type(const char *kty)
{
    const gw_jwk_public_t  *type;

    for (type = gw_jwk_public; type->kty != NULL; type++) {
        if (strcmp(type->kty, kty) == 0) {
            return type;
        }
    }

    return NULL;
}


/* the first required member that is missing or not a string, or NULL */

static const char *
gw_jwk_public_lacks(const json_t *jwk, const gw_jwk_public_t *type)
{
    const char *const  *names;

    for (names = type->members; *names != NULL; names++) {
        if (!json_is_string(json_object_get(jwk, *names))) {
            break;
        }
    }

    return *names;
}


static void
gw_jwk_public_copy(json_t *public, const json_t *jwk,
    const char *const *names)
{
    json_t  *value;

    for ( /* void */ ; *names != NULL; names++) {
        value = json_object_get(jwk, *names);

        if (value != NULL) {
            json_object_set(public, *names, value);
        }
    }
}


/* a public key verifies what its private key signs */

static json_t *
gw_jwk_public_ops(const json_t *ops)
{
    size_t       i;
    json_t      *public;
    const char  *op;

    public = json_array();

    for (i = 0; i < json_array_size(ops); i++) {
        op = json_string_value(json_array_get(ops, i));

        if (op != NULL && (strcmp(op, "sign") == 0
                           || strcmp(op, "verify") == 0))
        {
            json_array_append_new(public, json_string("verify"));
            break;
        }
    }

    return public;
}
