/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Signed tokens in compact form: see gw_jws.h.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_base64url.h"
#include "gw_json.h"
#include "gw_jwk_key.h"
#include "gw_jws.h"


#define GW_JWS_MEMO_ENTRIES  8
#define GW_JWS_MEMO_SIZE     512    /* longer headers are not cached */


/* a part of a token, still encoded */

typedef struct {
    const unsigned char  *data;
    size_t                len;
} gw_jws_part_t;


typedef struct {
    json_t               *header;   /* NULL: free */
    json_t               *whole;    /* NULL: not built */
    const gw_jwa_t       *alg;
    size_t                len;
    unsigned char         text[GW_JWS_MEMO_SIZE];
} gw_jws_memo_entry_t;


struct gw_jws_memo_s {
    unsigned              next;     /* the entry to replace */
    gw_jws_memo_entry_t   entries[GW_JWS_MEMO_ENTRIES];
};


static int gw_jws_split(gw_jws_part_t *parts, const unsigned char *token,
    size_t len);
static gw_reason_e gw_jws_refuse_split(gw_jws_t *jws, gw_jws_error_t *error,
    const unsigned char *token, size_t len);
static gw_reason_e gw_jws_read_header(gw_jws_t *jws,
    const gw_jws_part_t *part, unsigned char *buf, gw_jws_error_t *error);
static gw_reason_e gw_jws_judge_header(gw_jws_t *jws, gw_jws_error_t *error);
static void gw_jws_set_kid(gw_jws_t *jws);
static void gw_jws_keep_kid(const gw_jws_t *jws, gw_jws_error_t *error);
static gw_reason_e gw_jws_refuse(gw_jws_t *jws, gw_reason_e reason,
    gw_jws_error_t *error, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static size_t gw_jws_header_len(const gw_jws_t *jws);
static int gw_jws_decode(const gw_jws_part_t *part, unsigned char **buf,
    const unsigned char **data, size_t *len);

static gw_jws_memo_entry_t *gw_jws_memo_find(gw_jws_memo_t *memo,
    const gw_jws_part_t *part);

static void gw_jws_try_keys(const gw_jws_t *jws, gw_jwk_set_t *set,
    unsigned with_kid, gw_jws_tries_t *tries);
static unsigned gw_jws_names(const gw_jws_t *jws, const gw_jwk_t *key,
    unsigned with_kid);


gw_reason_e
gw_jws_parse(gw_jws_t *jws, gw_jws_memo_t *memo, const unsigned char *token,
    size_t len, unsigned char *buf, gw_jws_error_t *error)
{
    gw_reason_e           rc;
    gw_jws_part_t         parts[3];
    gw_jws_memo_entry_t  *entry;

    if (gw_jws_split(parts, token, len) != 0) {
        return gw_jws_refuse_split(jws, error, token, len);
    }

    entry = (memo != NULL) ? gw_jws_memo_find(memo, &parts[0]) : NULL;

    if (entry != NULL) {
        jws->header = json_incref(entry->header);
        jws->whole = json_incref(entry->whole);
        jws->alg = entry->alg;

    } else {
        rc = gw_jws_read_header(jws, &parts[0], buf, error);
        if (rc != GW_OK) {
            return rc;
        }
    }

    gw_jws_set_kid(jws);

    jws->input = token;
    jws->input_len = (size_t) (parts[1].data + parts[1].len - token);

    if (gw_jws_decode(&parts[1], &buf, &jws->payload, &jws->payload_len)
        != 0)
    {
        return gw_jws_refuse(jws, GW_MALFORMED_PAYLOAD, error,
                             "the payload is not base64url");
    }

    if (parts[2].len == 0) {
        return gw_jws_refuse(jws, GW_MALFORMED_SIGNATURE, error,
                             "the signature is empty");
    }

    if (gw_jws_decode(&parts[2], &buf, &jws->signature, &jws->signature_len)
        != 0)
    {
        return gw_jws_refuse(jws, GW_MALFORMED_SIGNATURE, error,
                             "the signature is not base64url");
    }

    return GW_OK;
}


/*
 * RFC 7515, 7.1: exactly two dots.  The last part is checked for further dots,
 * since an encrypted token, with five parts, is not a token with an invalid
 * signature.
 */

static int
gw_jws_split(gw_jws_part_t *parts, const unsigned char *token, size_t len)
{
    const unsigned char  *first, *second, *end;

    end = token + len;

    if (len == 0 || (first = memchr(token, '.', len)) == NULL) {
        return -1;
    }

    first++;
    second = memchr(first, '.', (size_t) (end - first));

    if (second == NULL) {
        return -1;
    }

    second++;

    parts[0].data = token;
    parts[0].len = (size_t) (first - 1 - token);
    parts[1].data = first;
    parts[1].len = (size_t) (second - 1 - first);
    parts[2].data = second;
    parts[2].len = (size_t) (end - second);

    return memchr(second, '.', parts[2].len) ? -1 : 0;
}


/* RFC 7516, 7.1: an encrypted token has five parts */

static gw_reason_e
gw_jws_refuse_split(gw_jws_t *jws, gw_jws_error_t *error,
    const unsigned char *token, size_t len)
{
    size_t  i, parts;

    jws->header = NULL;
    jws->whole = NULL;

    for (i = 0, parts = 1; i < len; i++) {
        parts += (token[i] == '.');
    }

    return gw_jws_refuse(jws, GW_MALFORMED_HEADER, error, "%s%zu part%s%s",
                         parts == 5 ? "encrypted token (" : "",
                         parts, parts == 1 ? "" : "s",
                         parts == 5 ? "), a signed token has 3"
                                    : ", a token has 3");
}


/* uses "buf" only during the call */

static gw_reason_e
gw_jws_read_header(gw_jws_t *jws, const gw_jws_part_t *part,
    unsigned char *buf, gw_jws_error_t *error)
{
    size_t           len;
    gw_json_error_t  json;

    static const gw_text_t  judged[] = {
        { 3, (const unsigned char *) "alg" },
        { 3, (const unsigned char *) "kid" },
        { 3, (const unsigned char *) "typ" },
        { 4, (const unsigned char *) "crit" },
        { 3, (const unsigned char *) "b64" },
        { 3, (const unsigned char *) "zip" }
    };

    static const gw_json_names_t  names = {
        sizeof(judged) / sizeof(judged[0]), judged
    };

    static const gw_json_limit_t  limit = { GW_JWS_MAX_VALUES, &names, 0 };

    jws->whole = NULL;
    jws->header = NULL;

    if (gw_base64url_decode(buf, &len, part->data, part->len) != 0) {
        return gw_jws_refuse(jws, GW_MALFORMED_HEADER, error,
                             "the header is not base64url");
    }

    jws->header = gw_json_read(buf, len, &limit, &json);

    if (jws->header == NULL) {
        return gw_jws_refuse(jws, GW_MALFORMED_HEADER, error,
                             "the header %s", json.why);
    }

    return gw_jws_judge_header(jws, error);
}


/*
 * RFC 7515, 4.1.11: no extension is supported, so that any "crit" is refused.
 * "b64" (RFC 7797) and "zip" would change what is signed.
 */

static gw_reason_e
gw_jws_judge_header(gw_jws_t *jws, gw_jws_error_t *error)
{
    size_t   i;
    json_t  *value;

    static const char *const  refused[] = { "crit", "b64", "zip" };
    static const char *const  strings[] = { "kid", "typ", "alg" };

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (json_object_get(jws->header, refused[i]) != NULL) {
            return gw_jws_refuse(jws, GW_MALFORMED_HEADER, error,
                                 "the header has %s, which is not supported",
                                 refused[i]);
        }
    }

    for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        value = json_object_get(jws->header, strings[i]);

        if (value != NULL && !json_is_string(value)) {
            return gw_jws_refuse(jws, GW_MALFORMED_HEADER, error,
                                 "%s is %s", strings[i], gw_json_type(value));
        }
    }

    /* "alg", the last one, is required */

    if (value == NULL) {
        return gw_jws_refuse(jws, GW_MALFORMED_HEADER, error,
                             "the header has no alg");
    }

    jws->alg = gw_jwa_find((const unsigned char *) json_string_value(value),
                           json_string_length(value));

    if (jws->alg == NULL) {
        return gw_jws_refuse(jws, GW_ALGORITHM_NOT_ALLOWED, error, "%s", "");
    }

    return GW_OK;
}


static gw_reason_e
gw_jws_refuse(gw_jws_t *jws, gw_reason_e reason, gw_jws_error_t *error,
    const char *fmt, ...)
{
    va_list  args;

    if (error != NULL) {
        va_start(args, fmt);
        (void) vsnprintf(error->why, sizeof(error->why), fmt, args);
        va_end(args);

        gw_jws_set_kid(jws);
        gw_jws_keep_kid(jws, error);
    }

    gw_jws_release(jws);

    return reason;
}


/* copies the "kid", because a refusal releases the header */

static void
gw_jws_keep_kid(const gw_jws_t *jws, gw_jws_error_t *error)
{
    error->kid_len = jws->kid_len;

    if (error->kid_len > GW_JWK_MAX_KID) {
        error->kid_len = GW_JWK_MAX_KID;
    }

    if (error->kid_len > 0) {
        memcpy(error->kid, jws->kid, error->kid_len);
    }
}


static void
gw_jws_set_kid(gw_jws_t *jws)
{
    json_t  *kid;

    kid = json_object_get(jws->header, "kid");

    jws->kid = (const unsigned char *) json_string_value(kid);
    jws->kid_len = json_string_length(kid);
}


static int
gw_jws_decode(const gw_jws_part_t *part, unsigned char **buf,
    const unsigned char **data, size_t *len)
{
    if (gw_base64url_decode(*buf, len, part->data, part->len) != 0) {
        return -1;
    }

    *data = *buf;
    *buf += *len;

    return 0;
}


/* the text was parsed before: this fails only if memory runs out */

gw_reason_e
gw_jws_complete(gw_jws_t *jws)
{
    size_t          len;
    unsigned char  *buf;

    if (jws->whole != NULL) {
        return GW_OK;
    }

    len = gw_jws_header_len(jws);

    buf = malloc(len);
    if (buf == NULL) {
        return GW_FAILED;
    }

    if (gw_base64url_decode(buf, &len, jws->input, len) == 0) {
        jws->whole = gw_json_parse(buf, len, NULL);
    }

    free(buf);

    return jws->whole ? GW_OK : GW_FAILED;
}


/* encoded, as in the token */

static size_t
gw_jws_header_len(const gw_jws_t *jws)
{
    const unsigned char  *dot;

    dot = memchr(jws->input, '.', jws->input_len);

    return (size_t) (dot - jws->input);
}


void
gw_jws_release(gw_jws_t *jws)
{
    json_decref(jws->header);
    json_decref(jws->whole);
    jws->header = NULL;
    jws->whole = NULL;
}


gw_jws_memo_t *
gw_jws_memo_create(void)
{
    return calloc(1, sizeof(gw_jws_memo_t));
}


void
gw_jws_memo_free(gw_jws_memo_t *memo)
{
    unsigned  i;

    if (memo == NULL) {
        return;
    }

    for (i = 0; i < GW_JWS_MEMO_ENTRIES; i++) {
        json_decref(memo->entries[i].header);
        json_decref(memo->entries[i].whole);
    }

    free(memo);
}


static gw_jws_memo_entry_t *
gw_jws_memo_find(gw_jws_memo_t *memo, const gw_jws_part_t *part)
{
    unsigned              i;
    gw_jws_memo_entry_t  *entry;

    for (i = 0; i < GW_JWS_MEMO_ENTRIES; i++) {
        entry = &memo->entries[i];

        if (entry->header != NULL && entry->len == part->len
            && memcmp(entry->text, part->data, part->len) == 0)
        {
            return entry;
        }
    }

    return NULL;
}


void
gw_jws_memo_add(gw_jws_memo_t *memo, const gw_jws_t *jws)
{
    unsigned              i;
    gw_jws_part_t         part;
    gw_jws_memo_entry_t  *entry;

    for (i = 0; i < GW_JWS_MEMO_ENTRIES; i++) {
        if (memo->entries[i].header == jws->header) {
            return;
        }
    }

    part.data = jws->input;
    part.len = gw_jws_header_len(jws);

    if (part.len > GW_JWS_MEMO_SIZE || gw_jws_memo_find(memo, &part) != NULL) {
        return;
    }

    entry = &memo->entries[memo->next];
    memo->next = (memo->next + 1) % GW_JWS_MEMO_ENTRIES;

    json_decref(entry->header);
    json_decref(entry->whole);

    entry->header = json_incref(jws->header);
    entry->whole = json_incref(jws->whole);
    entry->alg = jws->alg;
    entry->len = part.len;
    memcpy(entry->text, part.data, part.len);
}


/*
 * Since the number of tries is limited, keys with the token's "kid" come first.
 * For a token without "kid" any key that fits may serve (OpenID Connect Core
 * 1.0, 10.1), those without "kid" come first.
 */

gw_reason_e
gw_jws_verify(const gw_jws_t *jws, gw_jwk_set_t *const *sets, size_t n,
    gw_jws_tries_t *tries)
{
    size_t    i;
    unsigned  pass, with_kid;

    memset(tries, 0, sizeof(gw_jws_tries_t));
    tries->reason = GW_UNKNOWN_KEY;

    for (pass = 0; pass < 2; pass++) {
        with_kid = (jws->kid != NULL) ? !pass : pass;

        for (i = 0; i < n && tries->fit <= GW_JWS_MAX_TRIES; i++) {
            gw_jws_try_keys(jws, sets[i], with_kid, tries);

            if (tries->reason == GW_OK || tries->reason == GW_FAILED) {
                return tries->reason;
            }
        }
    }

    if (tries->named == 0 || tries->fit > GW_JWS_MAX_TRIES) {
        return GW_UNKNOWN_KEY;
    }

    return tries->fit ? tries->reason : GW_KEY_MISMATCH;
}


void
gw_jws_explain_length(const gw_jws_t *jws, gw_jws_error_t *error)
{
    (void) snprintf(error->why, sizeof(error->why),
                    "the signature has %zu bytes, %s needs %zu",
                    jws->signature_len, jws->alg->name, jws->alg->signature);

    gw_jws_keep_kid(jws, error);
}


/* stops at GW_OK, at GW_FAILED and when GW_JWS_MAX_TRIES is exceeded */

static void
gw_jws_try_keys(const gw_jws_t *jws, gw_jwk_set_t *set, unsigned with_kid,
    gw_jws_tries_t *tries)
{
    unsigned   i;
    gw_jwk_t  *key;

    for (i = 0; i < set->nkeys; i++) {
        key = &set->keys[i];

        if (!gw_jws_names(jws, key, with_kid)) {
            continue;
        }

        tries->named = 1;
        tries->exact |= (jws->kid != NULL && with_kid);

        if ((key->algs & gw_jwa_bit(jws->alg)) == 0) {
            continue;
        }

        if (++tries->fit > GW_JWS_MAX_TRIES) {
            return;
        }

        tries->set = set;
        tries->kid = key->kid;
        tries->kid_len = key->kid_len;
        tries->reason = gw_jwk_verify(key, jws->alg, jws->input,
                                      jws->input_len, jws->signature,
                                      jws->signature_len);

        if (tries->reason == GW_OK || tries->reason == GW_FAILED) {
            return;
        }
    }
}


static unsigned
gw_jws_names(const gw_jws_t *jws, const gw_jwk_t *key, unsigned with_kid)
{
    if (!with_kid || jws->kid == NULL) {
        return (key->kid != NULL) == with_kid;
    }

    return key->kid != NULL && key->kid_len == jws->kid_len
           && memcmp(key->kid, jws->kid, jws->kid_len) == 0;
}
