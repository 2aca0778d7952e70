/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The entry of a key in a consumers file: see gw_entry.h.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/crypto.h>

#include "gw_entry.h"


typedef struct {
    int       family;
    unsigned  bits;
} gw_entry_family_t;


static int gw_entry_pepper(gw_key_hash_t *hash, const char *path);
static int gw_entry_scopes(json_t *members, const gw_args_t *args);
static int gw_entry_add_scopes(json_t *scopes, const char *text);
static int gw_entry_times(json_t *members, const gw_args_t *args);
static int gw_entry_allow(json_t *members, const gw_args_t *args);
static const char *gw_entry_judge_cidr(const char *text);
static int gw_entry_has_host_bits(const unsigned char *addr, unsigned bits,
    unsigned prefix);


int
gw_entry_init(gw_entry_t *entry, const gw_args_t *args)
{
    int          rc;
    const char  *pepper;

    if (gw_key_hash_init(&entry->hash) != 0) {
        return gw_tool_error(GW_EXIT_FILE, "OpenSSL does not offer SHA-256");
    }

    entry->members = json_object();

    rc = gw_entry_scopes(entry->members, args);

    if (rc == GW_EXIT_OK) {
        rc = gw_entry_times(entry->members, args);
    }

    if (rc == GW_EXIT_OK) {
        rc = gw_entry_allow(entry->members, args);
    }

    pepper = gw_args_get(args, GW_OPT_PEPPER);

    if (rc == GW_EXIT_OK && pepper != NULL) {
        rc = gw_entry_pepper(&entry->hash, pepper);
    }

    if (rc != GW_EXIT_OK) {
        gw_entry_free(entry);
    }

    return rc;
}


void
gw_entry_free(gw_entry_t *entry)
{
    gw_key_hash_free(&entry->hash);
    json_decref(entry->members);
}


static int
gw_entry_pepper(gw_key_hash_t *hash, const char *path)
{
    char        *text;
    size_t       len;
    const char  *why;

    text = gw_tool_read_secret(path, "the file of the pepper", &len);
    if (text == NULL) {
        return GW_EXIT_FILE;
    }

    why = gw_key_pepper_add(hash, (unsigned char *) text, len);

    OPENSSL_cleanse(text, len);
    free(text);

    return why ? gw_tool_error(GW_EXIT_FILE, "the pepper %s", why)
               : GW_EXIT_OK;
}


static int
gw_entry_scopes(json_t *members, const gw_args_t *args)
{
    json_t      *scopes;
    size_t       state;
    const char  *text;

    if (gw_args_get(args, GW_OPT_SCOPES) == NULL) {
        return GW_EXIT_OK;
    }

    scopes = json_array();
    json_object_set_new(members, "scopes", scopes);
    state = 0;

    while ((text = gw_args_next(args, GW_OPT_SCOPES, &state)) != NULL) {
        if (gw_entry_add_scopes(scopes, text) != 0) {
            return gw_tool_error(GW_EXIT_USAGE, "--scopes: a scope must be "
                                 "printable ASCII without spaces, commas, "
                                 "quotes and backslashes");
        }
    }

    return GW_EXIT_OK;
}


/* RFC 6749, 3.3, without the comma */

static int
gw_entry_add_scopes(json_t *scopes, const char *text)
{
    size_t       len;
    const char  *p;

    for (p = text; *p != '\0'; p++) {
        if (*p < 0x20 || *p > 0x7e || *p == '"' || *p == '\\') {
            return -1;
        }
    }

    for ( /* void */ ; *text != '\0'; text += len) {
        text += strspn(text, " ,");
        len = strcspn(text, " ,");

        if (len > 0) {
            json_array_append_new(scopes, json_stringn(text, len));
        }
    }

    return 0;
}


static int
gw_entry_times(json_t *members, const gw_args_t *args)
{
    char         date[GW_TOOL_DATE_SIZE];
    size_t       i;
    int64_t      now, when[2];
    const char  *text;

    static const struct {
        gw_opt_e     id;
        const char  *option;
        const char  *member;
    } times[] = {
        { GW_OPT_NOT_BEFORE, "--not-before", "not_before" },
        { GW_OPT_EXPIRES,    "--expires",    "expires" }
    };

    now = (int64_t) time(NULL);
    when[0] = 0;
    when[1] = INT64_MAX;

    for (i = 0; i < 2; i++) {
        text = gw_args_get(args, times[i].id);

        if (text == NULL) {
            continue;
        }

        if (gw_tool_time(text, now, &when[i]) != 0) {
            return gw_tool_error(GW_EXIT_USAGE, "invalid %s \"%s\", it must "
                                 "be a time such as 90d or 2027-01-31",
                                 times[i].option, text);
        }

        gw_tool_date(when[i], date);
        json_object_set_new(members, times[i].member, json_string(date));
    }

    if (when[1] <= when[0]) {
        return gw_tool_error(GW_EXIT_USAGE,
                             "--expires must be after --not-before");
    }

    if (when[1] <= now) {
        gw_tool_error(0, "warning: --expires is in the past");
    }

    return GW_EXIT_OK;
}


static int
gw_entry_allow(json_t *members, const gw_args_t *args)
{
    json_t      *allow;
    size_t       state;
    const char  *text, *why;

    if (gw_args_get(args, GW_OPT_ALLOW) == NULL) {
        return GW_EXIT_OK;
    }

    allow = json_array();
    json_object_set_new(members, "allow", allow);
    state = 0;

    while ((text = gw_args_next(args, GW_OPT_ALLOW, &state)) != NULL) {
        why = gw_entry_judge_cidr(text);

        if (why != NULL) {
            return gw_tool_error(GW_EXIT_USAGE, "--allow \"%s\" %s", text,
                                 why);
        }

        json_array_append_new(allow, json_string(text));
    }

    return GW_EXIT_OK;
}


/* an address is a network with the longest prefix */

static const char *
gw_entry_judge_cidr(const char *text)
{
    char                      addr[INET6_ADDRSTRLEN], *end;
    size_t                    len;
    unsigned char             bytes[16];
    unsigned long             prefix;
    const gw_entry_family_t  *family;

    static const char  wrong[] = "is not an address or a network such as "
                                 "10.0.0.0/8";

    static const gw_entry_family_t  families[] = {
        { AF_INET, 32 },
        { AF_INET6, 128 }
    };

    len = strcspn(text, "/");

    if (len >= sizeof(addr)) {
        return wrong;
    }

    memcpy(addr, text, len);
    addr[len] = '\0';

    family = &families[strchr(addr, ':') != NULL];

    if (inet_pton(family->family, addr, bytes) != 1) {
        return wrong;
    }

    if (text[len] == '\0') {
        return NULL;
    }

    text += len + 1;
    prefix = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || end - text > 3
        || prefix > family->bits)
    {
        return wrong;
    }

    return gw_entry_has_host_bits(bytes, family->bits, (unsigned) prefix)
           ? "has bits set after its prefix" : NULL;
}


static int
gw_entry_has_host_bits(const unsigned char *addr, unsigned bits,
    unsigned prefix)
{
    unsigned  i;

    for (i = prefix; i < bits; i++) {
        if (addr[i / 8] & (0x80 >> i % 8)) {
            return 1;
        }
    }

    return 0;
}


json_t *
gw_entry_json(gw_entry_t *entry, const char *id, const unsigned char *key,
    size_t len)
{
    int            rc;
    char           hex[2 * GW_KEY_DIGEST + 1];
    json_t        *json;
    size_t         i;
    const char    *member;
    unsigned char  digest[GW_KEY_DIGEST];

    if (entry->hash.npeppers > 0) {
        member = "hmac_sha256";
        rc = gw_key_hmac_sha256(&entry->hash, 0, key, len, digest);

    } else {
        member = "sha256";
        rc = gw_key_sha256(&entry->hash, key, len, digest);
    }

    if (rc != 0) {
        gw_tool_error(0, "OpenSSL cannot compute the digest");
        return NULL;
    }

    for (i = 0; i < GW_KEY_DIGEST; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }

    json = json_object();

    if (json_object_set_new(json, "id", json_string(id)) != 0
        || json_object_set_new(json, member, json_string(hex)) != 0
        || json_object_update(json, entry->members) != 0)
    {
        gw_tool_error(0, "memory ran out");
        json_decref(json);
        return NULL;
    }

    return json;
}
