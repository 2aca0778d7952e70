/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A table lists the members of each object.  The members are read into the
 * draft in the order of the table, which is also the order of the texts in the
 * set. Then the object is written.  After a mistake its valid parts are
 * written, so that later duplicates of them are found as well.
 */

#include <string.h>

#include "gw_consumer_member.h"


#define GW_MEMBER_MAX  10            /* rows of a table */

#define gw_member_rows(table)  (sizeof(table) / sizeof((table)[0]))


typedef void (*gw_member_check_pt)(gw_consumer_draft_t *d, json_t *value);

typedef struct {
    const char          *name;
    json_type            type;       /* JSON_TRUE: true or false */
    int                  required;
    gw_member_check_pt   check;
} gw_member_t;


/* a list of the consumer; each element is read, then written */

typedef struct {
    const char          *name;
    const gw_member_t   *members;
    size_t               nmembers;
    const char          *allowed;    /* for the message about others */
    void               (*write)(gw_consumer_draft_t *d);
} gw_member_list_t;


static void gw_member_read(gw_consumer_draft_t *d, json_t *object,
    const gw_member_t *rows, size_t n, const char *allowed);
static size_t gw_member_find(const gw_member_t *rows, size_t n,
    const char *name);
static void gw_member_unknown(gw_consumer_draft_t *d, const gw_member_t *rows,
    const char *name, const char *allowed);

static void gw_member_list(gw_consumer_draft_t *d, json_t *list,
    const gw_member_list_t *type);
static void gw_member_reset(gw_consumer_draft_t *d);

static void gw_member_id(gw_consumer_draft_t *d, json_t *value);
static void gw_member_disabled(gw_consumer_draft_t *d, json_t *value);
static void gw_member_groups(gw_consumer_draft_t *d, json_t *value);
static void gw_member_plan(gw_consumer_draft_t *d, json_t *value);
static void gw_member_metadata(gw_consumer_draft_t *d, json_t *value);
static void gw_member_keys(gw_consumer_draft_t *d, json_t *value);
static void gw_member_jwt(gw_consumer_draft_t *d, json_t *value);
static void gw_member_certificates(gw_consumer_draft_t *d, json_t *value);
static void gw_member_key_id(gw_consumer_draft_t *d, json_t *value);
static void gw_member_sha256(gw_consumer_draft_t *d, json_t *value);
static void gw_member_hmac(gw_consumer_draft_t *d, json_t *value);
static void gw_member_scopes(gw_consumer_draft_t *d, json_t *value);
static void gw_member_allow(gw_consumer_draft_t *d, json_t *value);
static void gw_member_not_before(gw_consumer_draft_t *d, json_t *value);
static void gw_member_expires(gw_consumer_draft_t *d, json_t *value);
static void gw_member_iss(gw_consumer_draft_t *d, json_t *value);
static void gw_member_sub(gw_consumer_draft_t *d, json_t *value);
static void gw_member_certificate(gw_consumer_draft_t *d, json_t *value);
static void gw_member_san(gw_consumer_draft_t *d, json_t *value);

static void gw_member_write_consumer(gw_consumer_draft_t *d, uint32_t number);
static void gw_member_write_key(gw_consumer_draft_t *d);
static void gw_member_write_jwt(gw_consumer_draft_t *d);
static void gw_member_write_certificate(gw_consumer_draft_t *d);

static int gw_member_metadata_name(gw_consumer_draft_t *d, const char *name);

static uint32_t gw_member_add(gw_consumer_draft_t *d,
    gw_consumer_record_t *record);


static const gw_member_t  gw_consumer_members[] = {
    { "id",           JSON_STRING, 1, gw_member_id },
    { "groups",       JSON_ARRAY,  0, gw_member_groups },
    { "plan",         JSON_STRING, 0, gw_member_plan },
    { "metadata",     JSON_OBJECT, 0, gw_member_metadata },
    { "disabled",     JSON_TRUE,   0, gw_member_disabled },
    { "keys",         JSON_ARRAY,  0, gw_member_keys },
    { "jwt",          JSON_ARRAY,  0, gw_member_jwt },
    { "certificates", JSON_ARRAY,  0, gw_member_certificates }
};

static const gw_member_t  gw_key_members[] = {
    { "id",           JSON_STRING, 1, gw_member_key_id },
    { "sha256",       JSON_STRING, 0, gw_member_sha256 },
    { "hmac_sha256",  JSON_STRING, 0, gw_member_hmac },
    { "scopes",       JSON_ARRAY,  0, gw_member_scopes },
    { "not_before",   JSON_STRING, 0, gw_member_not_before },
    { "expires",      JSON_STRING, 0, gw_member_expires },
    { "allow",        JSON_ARRAY,  0, gw_member_allow },
    { "disabled",     JSON_TRUE,   0, gw_member_disabled }
};

static const gw_member_t  gw_jwt_members[] = {
    { "iss",          JSON_STRING, 1, gw_member_iss },
    { "sub",          JSON_STRING, 1, gw_member_sub }
};

static const gw_member_t  gw_certificate_members[] = {
    { "sha256",       JSON_STRING, 0, gw_member_certificate },
    { "san",          JSON_STRING, 0, gw_member_san }
};

/* in the order of the draft's lists */

static const gw_member_list_t  gw_member_lists[GW_CONSUMER_LISTS] = {
    { "keys", gw_key_members, gw_member_rows(gw_key_members),
      "id, sha256 or hmac_sha256, scopes, not_before, expires, allow, "
      "disabled", gw_member_write_key },
    { "jwt", gw_jwt_members, gw_member_rows(gw_jwt_members),
      "iss, sub", gw_member_write_jwt },
    { "certificates", gw_certificate_members,
      gw_member_rows(gw_certificate_members),
      "sha256 or san", gw_member_write_certificate }
};

/* members for a wrong digest, or for the key itself */

static const char *const  gw_member_weak_names[] = {
    "md5", "sha1", "sha224", "sha384", "sha512", "bcrypt", "argon2", "crc32",
    "key", "api_key", "apikey", "plain", "plaintext", "secret", "token",
    "password", "value", "hash", "digest", NULL
};


void
gw_consumer_member_read(gw_consumer_draft_t *d, json_t *consumer)
{
    size_t  i;

    memset(d->lists, 0, sizeof(d->lists));
    gw_member_reset(d);

    if (!gw_value_typed(d, consumer, JSON_OBJECT)) {
        return;
    }

    gw_member_read(d, consumer, gw_consumer_members,
                   gw_member_rows(gw_consumer_members),
                   "id, groups, plan, metadata, disabled, keys, jwt, "
                   "certificates");

    gw_member_write_consumer(d, (uint32_t) d->mistakes.consumer);

    for (i = 0; i < GW_CONSUMER_LISTS; i++) {
        gw_member_list(d, d->lists[i], &gw_member_lists[i]);
    }
}


static void
gw_member_list(gw_consumer_draft_t *d, json_t *list,
    const gw_member_list_t *type)
{
    size_t   i;
    json_t  *object;

    d->mistakes.list = type->name;

    for (i = 0; i < json_array_size(list); i++) {
        d->mistakes.item = i;
        object = json_array_get(list, i);

        if (gw_value_typed(d, object, JSON_OBJECT)) {
            gw_member_reset(d);
            gw_member_read(d, object, type->members, type->nmembers,
                           type->allowed);
            type->write(d);
        }
    }

    d->mistakes.list = NULL;
}


static void
gw_member_reset(gw_consumer_draft_t *d)
{
    d->name.len = 0;
    d->names = 0;
    d->disabled = 0;
    d->id.len = 0;
    d->iss.len = 0;
    d->sub.len = 0;
    d->used = 0;
    d->too_large = 0;

    memset(&d->detail, 0, sizeof(gw_consumer_detail_t));
    memset(&d->key, 0, sizeof(gw_consumer_key_detail_t));
    d->key.not_before = INT64_MIN;
    d->key.expires = INT64_MAX;
}


/* checks unknown members, then the members of the table */

static void
gw_member_read(gw_consumer_draft_t *d, json_t *object, const gw_member_t *rows,
    size_t n, const char *allowed)
{
    size_t       i;
    json_t      *value, *values[GW_MEMBER_MAX];
    const char  *name;

    memset(values, 0, sizeof(values));

    json_object_foreach(object, name, value) {
        i = gw_member_find(rows, n, name);

        if (i < n) {
            values[i] = value;

        } else {
            gw_member_unknown(d, rows, name, allowed);
        }
    }

    for (i = 0; i < n; i++) {
        d->mistakes.member = rows[i].name;

        if (values[i] != NULL) {
            if (gw_value_typed(d, values[i], rows[i].type)) {
                rows[i].check(d, values[i]);
            }

        } else if (rows[i].required) {
            gw_consumer_mistake(&d->mistakes, NULL, "is missing");
        }
    }

    d->mistakes.member = NULL;
}


/* returns "n" if there is none */

static size_t
gw_member_find(const gw_member_t *rows, size_t n, const char *name)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            break;
        }
    }

    return i;
}


static void
gw_member_unknown(gw_consumer_draft_t *d, const gw_member_t *rows,
    const char *name, const char *allowed)
{
    const char *const  *weak;

    d->mistakes.member = name;

    for (weak = gw_member_weak_names; *weak != NULL; weak++) {
        if (rows == gw_key_members && strcmp(*weak, name) == 0) {
            gw_consumer_mistake(&d->mistakes, NULL, "is not allowed, a key "
                                "must have sha256 or hmac_sha256 instead");
            return;
        }
    }

    gw_consumer_mistake(&d->mistakes, NULL, "is unknown, allowed are %s",
                        allowed);
}


/* the members of a consumer */

static void
gw_member_id(gw_consumer_draft_t *d, json_t *value)
{
    gw_text_t  id;

    if (json_string_length(value) > GW_CONSUMER_MAX_ID) {
        gw_consumer_mistake(&d->mistakes, value, "is longer than %d bytes",
                            GW_CONSUMER_MAX_ID);
        return;
    }

    id = gw_value_text(value);

    if (id.data[0] == ' ' || id.data[id.len - 1] == ' ') {
        gw_consumer_mistake(&d->mistakes, value, "begins or ends with a space");
        return;
    }

    d->kind = GW_CONSUMER_ID;
    d->name = id;
    gw_value_unique(d, value);
}


static void
gw_member_disabled(gw_consumer_draft_t *d, json_t *value)
{
    d->disabled = json_is_true(value);
}


static void
gw_member_groups(gw_consumer_draft_t *d, json_t *value)
{
    d->detail.groups_len = (uint32_t) gw_value_names(d, value,
                                                      &gw_value_group);
}


static void
gw_member_plan(gw_consumer_draft_t *d, json_t *value)
{
    d->detail.plan_len = (uint32_t) json_string_length(value);
    gw_value_put(d, json_string_value(value), json_string_length(value));
}


static void
gw_member_metadata(gw_consumer_draft_t *d, json_t *value)
{
    size_t       start;
    json_t      *text;
    const char  *name;

    start = d->used;

    json_object_foreach(value, name, text) {
        d->mistakes.name = name;

        if (!gw_member_metadata_name(d, name)) {
            continue;
        }

        if (!json_is_string(text)) {
            gw_consumer_mistake(&d->mistakes, NULL,
                                "must be a string, put it in quotes");

        } else if (gw_value_plain(d, text)) {
            gw_value_put(d, name, strlen(name) + 1);
            gw_value_put(d, json_string_value(text),
                          json_string_length(text) + 1);
        }
    }

    d->mistakes.name = NULL;
    d->detail.metadata_len = (uint32_t) (d->used - start);
}


static int
gw_member_metadata_name(gw_consumer_draft_t *d, const char *name)
{
    size_t  len;

    len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

    if (len > 0 && name[len] == '\0') {
        return 1;
    }

    gw_consumer_mistake(&d->mistakes, NULL, "is not a name of metadata, "
                        "allowed are a-z, 0-9 and _");

    return 0;
}


static void
gw_member_keys(gw_consumer_draft_t *d, json_t *value)
{
    d->lists[0] = value;
}


static void
gw_member_jwt(gw_consumer_draft_t *d, json_t *value)
{
    d->lists[1] = value;
}


static void
gw_member_certificates(gw_consumer_draft_t *d, json_t *value)
{
    d->lists[2] = value;
}


/* written also if it is too large, without texts: other entries refer to it */

static void
gw_member_write_consumer(gw_consumer_draft_t *d, uint32_t number)
{
    gw_consumer_record_t  record;

    memset(&record, 0, sizeof(gw_consumer_record_t));

    d->consumer = 0;
    d->detail.number = number;

    record.kind = GW_CONSUMER_ID;
    record.detail = &d->detail;
    record.detail_len = sizeof(gw_consumer_detail_t);

    d->consumer = gw_member_add(d, &record);

    if (d->too_large) {
        memset(&d->detail, 0, sizeof(gw_consumer_detail_t));
        d->detail.number = number;
        d->too_large = 0;
        d->used = 0;

        d->consumer = gw_member_add(d, &record);
    }
}


/* the members of a key */

static void
gw_member_key_id(gw_consumer_draft_t *d, json_t *value)
{
    uint32_t   number;
    gw_text_t  id;

    id = gw_value_text(value);

    if (id.len > GW_CONSUMER_MAX_ID) {
        gw_consumer_mistake(&d->mistakes, value, "is longer than %d bytes",
                            GW_CONSUMER_MAX_ID);
        return;
    }

    if (strpbrk(json_string_value(value), " \"'") != NULL) {
        gw_consumer_mistake(&d->mistakes, value, "contains a space or a "
                            "quote, which the id of a key must not");
        return;
    }

    if (gw_consumer_writer_find_id(&d->writer, &id, &number)) {
        gw_consumer_mistake(&d->mistakes, value, "is already used by a key of "
                            "consumers[%u]", (unsigned) number);
        return;
    }

    d->id = id;
    d->key.id_len = (uint32_t) id.len;
    gw_value_put(d, id.data, id.len);
}


static void
gw_member_sha256(gw_consumer_draft_t *d, json_t *value)
{
    gw_value_digest(d, value, GW_CONSUMER_SHA256);
}


static void
gw_member_hmac(gw_consumer_draft_t *d, json_t *value)
{
    if (!d->peppers) {
        gw_consumer_mistake(&d->mistakes, NULL,
                            "requires a pepper (gateway_api_key_pepper, or "
                            "--pepper)");
    }

    gw_value_digest(d, value, GW_CONSUMER_HMAC_SHA256);
}


static void
gw_member_scopes(gw_consumer_draft_t *d, json_t *value)
{
    d->key.has_scopes = 1;
    d->key.scopes_len = (uint32_t) gw_value_names(d, value, &gw_value_scope);
}


static void
gw_member_allow(gw_consumer_draft_t *d, json_t *value)
{
    d->key.allow_len = (uint32_t) gw_value_ranges(d, value);
}


static void
gw_member_not_before(gw_consumer_draft_t *d, json_t *value)
{
    gw_value_date(d, value, &d->key.not_before);
}


static void
gw_member_expires(gw_consumer_draft_t *d, json_t *value)
{
    gw_value_date(d, value, &d->key.expires);

    if (d->key.not_before >= d->key.expires) {
        gw_consumer_mistake(&d->mistakes, value, "is not after not_before");
    }
}


static void
gw_member_write_key(gw_consumer_draft_t *d)
{
    uint32_t              at;
    gw_consumer_record_t  record;

    memset(&record, 0, sizeof(gw_consumer_record_t));

    if (d->names == 0) {
        gw_consumer_mistake(&d->mistakes, NULL,
                            "must have sha256 or hmac_sha256");

    } else if (d->names > 1) {
        gw_consumer_mistake(&d->mistakes, NULL, "must have one of sha256 and "
                            "hmac_sha256, not both");
    }

    record.kind = d->names ? d->kind : GW_CONSUMER_SHA256;
    record.consumer = d->consumer;
    record.detail = &d->key;
    record.detail_len = sizeof(gw_consumer_key_detail_t);

    at = gw_member_add(d, &record);

    if (d->id.len > 0 && !d->too_large) {
        gw_consumer_writer_add_id(&d->writer, &d->id, at);
    }
}


/* the members of a JWT's identity */

static void
gw_member_iss(gw_consumer_draft_t *d, json_t *value)
{
    d->iss = gw_value_text(value);
}


static void
gw_member_sub(gw_consumer_draft_t *d, json_t *value)
{
    d->sub = gw_value_text(value);
}


static void
gw_member_write_jwt(gw_consumer_draft_t *d)
{
    gw_consumer_record_t  record;

    if (d->iss.len == 0 || d->sub.len == 0) {
        return;
    }

    memset(&record, 0, sizeof(gw_consumer_record_t));

    /* the name is composed in the text buffer */

    gw_value_put(d, d->iss.data, d->iss.len);
    gw_value_put(d, "", 1);
    gw_value_put(d, d->sub.data, d->sub.len);

    d->kind = GW_CONSUMER_JWT;
    d->name.data = d->text;
    d->name.len = d->used;
    d->used = 0;

    if (!d->too_large) {
        gw_value_unique(d, NULL);
    }

    record.kind = GW_CONSUMER_JWT;
    record.consumer = d->consumer;

    (void) gw_member_add(d, &record);
}


/* the members of a certificate's identity */

static void
gw_member_certificate(gw_consumer_draft_t *d, json_t *value)
{
    gw_value_digest(d, value, GW_CONSUMER_CERTIFICATE);
}


static void
gw_member_san(gw_consumer_draft_t *d, json_t *value)
{
    size_t     i, len;
    gw_text_t  san;

    static const char *const  types[] = { "uri:", "dns:", "email:" };

    d->names++;
    san = gw_value_text(value);

    for (i = 0; i < gw_member_rows(types); i++) {
        len = strlen(types[i]);

        if (san.len > len && memcmp(san.data, types[i], len) == 0) {
            d->kind = GW_CONSUMER_SAN;
            d->name = san;
            gw_value_unique(d, value);
            return;
        }
    }

    gw_consumer_mistake(&d->mistakes, value, "is not uri:, dns: or email: and "
                        "a value, write for example uri:spiffe://example/a");
}


static void
gw_member_write_certificate(gw_consumer_draft_t *d)
{
    gw_consumer_record_t  record;

    if (d->names != 1) {
        gw_consumer_mistake(&d->mistakes, NULL, d->names
                            ? "must have one of sha256 and san, not both"
                            : "must have sha256 or san");
    }

    if (d->name.len == 0) {
        return;
    }

    memset(&record, 0, sizeof(gw_consumer_record_t));
    record.kind = d->kind;
    record.consumer = d->consumer;

    (void) gw_member_add(d, &record);
}


/* adds the draft's name and texts; 0 if it is too large or the block full */

static uint32_t
gw_member_add(gw_consumer_draft_t *d, gw_consumer_record_t *record)
{
    record->disabled = d->disabled;
    record->name = d->name;
    record->text.data = d->text;
    record->text.len = d->used;

    if (d->too_large
        || gw_consumer_writer_size(record) > GW_CONSUMER_MAX_ENTRY)
    {
        gw_consumer_mistake(&d->mistakes, NULL, "is larger than %d bytes",
                            GW_CONSUMER_MAX_ENTRY);
        d->too_large = 1;
        return 0;
    }

    return gw_consumer_writer_add(&d->writer, record, d->name.len > 0);
}


