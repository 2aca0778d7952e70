
/*
 * nginx-gateway jwk: making keys and publishing them.
 */

#include <stdlib.h>
#include <string.h>

#include "gw_tool.h"


static int gw_jwk_generate_run(const gw_args_t *args);
static int gw_jwk_public_run(const gw_args_t *args);

static int gw_jwk_public_file(json_t *keys, const char *path);
static const char *gw_jwk_public_add(json_t *keys, json_t *jwk);
static json_t *gw_jwk_public_ops(const json_t *ops);


static const gw_opt_t  gw_jwk_generate_options[] = {
    { "--alg",  GW_OPT_ALG,  "NAME", "algorithm: ES256, RS256, EdDSA, HS256" },
    { "--kid",  GW_OPT_KID,  "KID",  "key id; default: its thumbprint" },
    { "--bits", GW_OPT_BITS, "N",    "size of an RSA or HMAC key" },
    { NULL, 0, NULL, NULL }
};

static const gw_opt_t  gw_jwk_public_options[] = {
    { NULL, 0, NULL, NULL }
};


const gw_command_t  gw_command_jwk_generate = {
    "jwk", "generate", "--alg NAME [--kid KID] [--bits N]",
    "makes a key and prints it as a private JWK",
    "The output is secret: set a umask before it goes to a file.\n",
    0, 0, gw_jwk_generate_options, gw_jwk_generate_run
};

const gw_command_t  gw_command_jwk_public = {
    "jwk", "public", "FILE...",
    "prints the public halves of keys as one JWK Set",
    "Each FILE holds a JWK or a JWK Set.  HMAC keys have no public half.\n",
    1, (size_t) -1, gw_jwk_public_options, gw_jwk_public_run
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
        return gw_tool_error(GW_EXIT_USAGE, "--alg is needed");
    }

    alg = gw_jwa_find((const unsigned char *) name, strlen(name));
    if (alg == NULL) {
        return gw_tool_error(GW_EXIT_USAGE, "unknown algorithm \"%s\"", name);
    }

    if (!gw_jwa_available(alg)) {
        return gw_tool_error(GW_EXIT_FILE, "this OpenSSL does not offer %s",
                             name);
    }

    bits = gw_args_get(args, GW_OPT_BITS);
    n = bits ? strtoul(bits, &end, 10) : 0;

    if (bits && (*bits < '1' || *bits > '9' || *end != '\0' || n > 1000000)) {
        return gw_tool_error(GW_EXIT_USAGE, "--bits \"%s\" is no size", bits);
    }

    jwk = gw_generate(alg, (unsigned) n, &why);
    if (jwk == NULL) {
        return gw_tool_error(GW_EXIT_USAGE, "a key for %s %s", name, why);
    }

    kid = gw_args_get(args, GW_OPT_KID);

    if (kid == NULL && gw_thumbprint(jwk, thumbprint) == 0) {
        kid = thumbprint;
    }

    rc = json_object_set_new(jwk, "kid", json_string(kid));

    rc = (rc == 0) ? gw_tool_print_json(jwk)
                   : gw_tool_error(GW_EXIT_USAGE, "--kid is not UTF-8");

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
    size_t       i;
    json_t      *root, *all;
    const char  *why;

    root = gw_tool_read_json(path);
    if (root == NULL) {
        return GW_EXIT_FILE;
    }

    all = json_object_get(root, "keys");
    why = NULL;

    if (all == NULL) {
        why = gw_jwk_public_add(keys, root);
    }

    for (i = 0; why == NULL && i < json_array_size(all); i++) {
        why = gw_jwk_public_add(keys, json_array_get(all, i));
    }

    json_decref(root);

    return why ? gw_tool_error(GW_EXIT_FILE, "%s: %s", path, why)
               : GW_EXIT_OK;
}


static const char *
gw_jwk_public_add(json_t *keys, json_t *jwk)
{
    size_t       i;
    json_t      *public;
    const char  *kty;

    static const char *const  private[] = {
        "k", "d", "p", "q", "dp", "dq", "qi", "oth", "priv"
    };

    kty = json_string_value(json_object_get(jwk, "kty"));

    if (kty == NULL) {
        return "is neither a JWK nor a JWK Set";
    }

    if (strcmp(kty, "oct") == 0) {
        return "an HMAC key is a secret and has no public half";
    }

    public = json_copy(jwk);

    for (i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
        json_object_del(public, private[i]);
    }

    if (json_object_get(public, "key_ops") != NULL) {
        json_object_set_new(public, "key_ops",
                       gw_jwk_public_ops(json_object_get(jwk, "key_ops")));
    }

    return json_array_append_new(keys, public) == 0 ? NULL
                                                    : "does not fit into "
                                                      "memory";
}


/* what the private half signs the public half verifies */

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
