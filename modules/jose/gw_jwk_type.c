/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The type and the algorithm of a JWK: see gw_jwk_type.h.
 */

#include <stdio.h>
#include <string.h>

#include "gw_json.h"
#include "gw_jwk_type.h"


#define GW_JWK_MAX_LIST  128    /* bytes of a list of names, with its NUL */


static const char *gw_jwk_unknown(const json_t *jwk, const char *kty,
    char *text);
static const char *gw_jwk_misfit(const json_t *alg, gw_kty_e kty, char *text);
static const char *gw_jwk_found(char *text, const char *what,
    const json_t *value, const char *allowed);
static void gw_jwk_list(char *list, const char *name);


const char *
gw_jwk_type(const json_t *jwk, gw_kty_e *kty, const gw_jwa_t **alg,
    char *text)
{
    json_t      *value;
    const char  *type, *name;

    value = json_object_get(jwk, "kty");
    type = json_string_value(value);

    if (type == NULL) {
        return value ? "has a \"kty\" that is not a string"
                     : "has no \"kty\"";
    }

    value = json_object_get(jwk, "alg");
    name = json_string_value(value);

    if (value != NULL && name == NULL) {
        return "has an \"alg\" that is not a string";
    }

    *kty = gw_kty_find(type, json_string_value(json_object_get(jwk, "crv")),
                       name);
    if (*kty == GW_KTY_COUNT) {
        return gw_jwk_unknown(jwk, type, text);
    }

    *alg = NULL;

    if (name == NULL) {
        return NULL;
    }

    *alg = gw_jwa_find((const unsigned char *) name, strlen(name));

    if (*alg == NULL || ((*alg)->keys & (1u << *kty)) == 0) {
        return gw_jwk_misfit(value, *kty, text);
    }

    return NULL;
}


/* "kty" itself is unknown, or what it needs: "crv", or "alg" of kty "AKP" */

static const char *
gw_jwk_unknown(const json_t *jwk, const char *kty, char *text)
{
    char         types[GW_JWK_MAX_LIST], curves[GW_JWK_MAX_LIST];
    json_t      *curve;
    unsigned     i, akp;

    types[0] = '\0';
    curves[0] = '\0';

    for (i = 0; i < GW_KTY_COUNT; i++) {

        if (i == 0 || strcmp(gw_kty[i].kty, gw_kty[i - 1].kty) != 0) {
            gw_jwk_list(types, gw_kty[i].kty);
        }

        if (strcmp(gw_kty[i].kty, kty) == 0) {
            gw_jwk_list(curves, gw_kty[i].curve);
        }
    }

    if (curves[0] == '\0') {
        return gw_jwk_found(text, "has an unknown \"kty\"",
                            json_object_get(jwk, "kty"), types);
    }

    akp = (strcmp(kty, "AKP") == 0);
    curve = json_object_get(jwk, akp ? "alg" : "crv");

    if (curve == NULL) {
        (void) snprintf(text, GW_JWK_MAX_WHY, "has no \"%s\", allowed are %s",
                        akp ? "alg" : "crv", curves);
        return text;
    }

    if (!json_is_string(curve)) {
        return "has a \"crv\" that is not a string";
    }

    return gw_jwk_found(text, akp ? "has an unknown \"alg\""
                                  : "has an unknown \"crv\"",
                        curve, curves);
}


static const char *
gw_jwk_misfit(const json_t *alg, gw_kty_e kty, char *text)
{
    char      allowed[GW_JWK_MAX_LIST];
    unsigned  i;

    allowed[0] = '\0';

    for (i = 0; i < gw_jwa_count; i++) {
        if (gw_jwa[i].keys & (1u << kty)) {
            gw_jwk_list(allowed, gw_jwa[i].name);
        }
    }

    return gw_jwk_found(text, "has an \"alg\" that does not fit the key", alg,
                        allowed);
}


static const char *
gw_jwk_found(char *text, const char *what, const json_t *value,
    const char *allowed)
{
    char       shown[GW_JSON_NAME_SIZE];
    gw_text_t  found;

    found.data = (const unsigned char *) json_string_value(value);
    found.len = json_string_length(value);

    (void) snprintf(text, GW_JWK_MAX_WHY, "%s: \"%s\", allowed are %s", what,
                    gw_json_show(shown, &found), allowed);

    return text;
}


/* appends a name to a list of GW_JWK_MAX_LIST bytes */

static void
gw_jwk_list(char *list, const char *name)
{
    size_t  len;

    len = strlen(list);

    (void) snprintf(list + len, GW_JWK_MAX_LIST - len, "%s%s",
                    len ? ", " : "", name);
}


const char *
gw_jwk_mistaken(json_t *root, unsigned remote)
{
    json_t      *value;
    const char  *name, *text;

    if (json_object_get(root, "keys") != NULL) {
        return ", its \"keys\" must be an array";
    }

    if (json_object_get(root, "jwks_uri") != NULL) {
        return remote
               ? ", it is an OpenID configuration: pass to its \"jwks_uri\""
               : ", it is an OpenID configuration: save what its \"jwks_uri\" "
                 "returns";
    }

    json_object_foreach(root, name, value) {
        text = json_string_value(value);

        if (text != NULL && strncmp(text, "-----BEGIN ", 11) == 0) {
            return remote
                   ? ", it maps names to PEM: pass to the JWK Set of the issuer"
                   : ", it maps names to PEM: save the JWK Set of the issuer, "
                     "or each PEM in a file of its own with \"pem\"";
        }
    }

    return ", it must have \"keys\" or \"kty\"";
}
