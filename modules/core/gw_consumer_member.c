
/*
 * The members that an object may have stand in a table each.  Their checks
 * run in the order of the table, which is also the order in which texts stand
 * in the set, and leave what they read in the draft; then the object is
 * written with what is usable of it, also after a mistake, so that a later
 * duplicate of it is found as well.
 */

#include <string.h>

#include "gw_cidr.h"
#include "gw_consumer_member.h"
#include "gw_rfc3339.h"


#define GW_MEMBER_MAX  10            /* rows of a table */

#define gw_member_rows(table)  (sizeof(table) / sizeof((table)[0]))


typedef void (*gw_member_check_pt)(gw_consumer_draft_t *d, json_t *value);

typedef struct {
    const char          *name;
    json_type            type;       /* JSON_TRUE: true or false */
    int                  required;
    gw_member_check_pt   check;
} gw_member_t;


/* a list of the consumer; its rows are read one by one, then written */

typedef struct {
    const char          *name;
    const gw_member_t   *members;
    size_t               nmembers;
    const char          *allowed;    /* for the sentence on unknown ones */
    void               (*write)(gw_consumer_draft_t *d);
} gw_member_list_t;


/* how the names of a list are checked and joined */

typedef struct {
    const char          *what;
    char                 separator;
    int                (*valid)(const unsigned char *name, size_t len);
    const char          *rule;
} gw_member_names_t;


static void gw_member_read(gw_consumer_draft_t *d, json_t *object,
    const gw_member_t *rows, size_t n, const char *allowed);
static size_t gw_member_find(const gw_member_t *rows, size_t n,
    const char *name);
static void gw_member_unknown(gw_consumer_draft_t *d, const gw_member_t *rows,
    const char *name, const char *allowed);
static int gw_member_typed(gw_consumer_draft_t *d, const json_t *value,
    json_type type);
static int gw_member_plain(gw_consumer_draft_t *d, const json_t *value);

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

static void gw_member_digest(gw_consumer_draft_t *d, const json_t *value,
    gw_consumer_kind_e kind);
static int gw_member_hex(const char *text, size_t len, unsigned char *digest);
static int gw_member_weak(const unsigned char *digest);
static void gw_member_date(gw_consumer_draft_t *d, const json_t *value,
    int64_t *seconds);
static size_t gw_member_names(gw_consumer_draft_t *d, const json_t *list,
    const gw_member_names_t *type);
static int gw_member_counted(gw_consumer_draft_t *d, const json_t *list);
static int gw_member_repeated(gw_consumer_draft_t *d, const json_t *list,
    size_t n);
static int gw_member_range(gw_consumer_draft_t *d, const json_t *value,
    unsigned char *range, size_t start);
static int gw_member_metadata_name(gw_consumer_draft_t *d, const char *name);
static int gw_member_is_group(const unsigned char *name, size_t len);
static int gw_member_is_scope(const unsigned char *name, size_t len);

static int gw_member_unique(gw_consumer_draft_t *d, const json_t *value);
static uint32_t gw_member_add(gw_consumer_draft_t *d,
    gw_consumer_record_t *record);
static void gw_member_put(gw_consumer_draft_t *d, const void *data,
    size_t len);
static gw_text_t gw_member_text(const json_t *value);


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

static const gw_member_names_t  gw_member_group = {
    "group", ',', gw_member_is_group, "has no comma, and no blank at its ends"
};

static const gw_member_names_t  gw_member_scope = {
    "scope", ' ', gw_member_is_scope, "is printable ASCII without blanks, "
    "quotes and backslashes"
};

/* what people write who have the wrong digest, or none */

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

    if (!gw_member_typed(d, consumer, JSON_OBJECT)) {
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

        if (gw_member_typed(d, object, JSON_OBJECT)) {
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


/* unknown members first, then those of the table in its order */

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
            if (gw_member_typed(d, values[i], rows[i].type)) {
                rows[i].check(d, values[i]);
            }

        } else if (rows[i].required) {
            gw_consumer_mistake(&d->mistakes, NULL, "is missing");
        }
    }

    d->mistakes.member = NULL;
}


/* "n" if there is none */

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
            gw_consumer_mistake(&d->mistakes, NULL, "is not allowed: a key is "
                                "given by its sha256 or hmac_sha256 alone");
            return;
        }
    }

    gw_consumer_mistake(&d->mistakes, NULL, "is unknown, allowed are %s",
                        allowed);
}


/* texts are never empty, and never hold what would break a line of a log */

static int
gw_member_typed(gw_consumer_draft_t *d, const json_t *value, json_type type)
{
    json_type  got;

    static const char *const  names[] = {
        "an object", "a list", "a string", "a number", "a number",
        "true or false"
    };

    got = json_typeof(value);

    if (got == JSON_FALSE) {
        got = JSON_TRUE;
    }

    if (got != type) {
        gw_consumer_mistake(&d->mistakes, NULL, "must be %s", names[type]);
        return 0;
    }

    if (type != JSON_STRING) {
        return 1;
    }

    if (json_string_length(value) == 0) {
        gw_consumer_mistake(&d->mistakes, NULL, "must not be empty");
        return 0;
    }

    return gw_member_plain(d, value);
}


static int
gw_member_plain(gw_consumer_draft_t *d, const json_t *value)
{
    size_t     i;
    gw_text_t  text;

    text = gw_member_text(value);

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
            gw_consumer_mistake(&d->mistakes, NULL,
                                "holds a control character");
            return 0;
        }
    }

    return 1;
}


/* the members of a consumer */

static void
gw_member_id(gw_consumer_draft_t *d, json_t *value)
{
    if (json_string_length(value) > GW_CONSUMER_MAX_ID) {
        gw_consumer_mistake(&d->mistakes, value, "is longer than %d bytes",
                            GW_CONSUMER_MAX_ID);
        return;
    }

    d->kind = GW_CONSUMER_ID;
    d->name = gw_member_text(value);
    (void) gw_member_unique(d, value);
}


static void
gw_member_disabled(gw_consumer_draft_t *d, json_t *value)
{
    d->disabled = json_is_true(value);
}


static void
gw_member_groups(gw_consumer_draft_t *d, json_t *value)
{
    d->detail.groups_len = (uint32_t) gw_member_names(d, value,
                                                      &gw_member_group);
}


static void
gw_member_plan(gw_consumer_draft_t *d, json_t *value)
{
    d->detail.plan_len = (uint32_t) json_string_length(value);
    gw_member_put(d, json_string_value(value), json_string_length(value));
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
                                "must be a string: put it into quotes");

        } else if (gw_member_plain(d, text)) {
            gw_member_put(d, name, strlen(name) + 1);
            gw_member_put(d, json_string_value(text),
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

    gw_consumer_mistake(&d->mistakes, NULL, "is not a name of metadata, which "
                        "is of a-z, 0-9 and _ alone");

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


/* one that is too large is written without its texts: others refer to it */

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

    id = gw_member_text(value);

    if (id.len > GW_CONSUMER_MAX_ID) {
        gw_consumer_mistake(&d->mistakes, value, "is longer than %d bytes",
                            GW_CONSUMER_MAX_ID);
        return;
    }

    if (strpbrk(json_string_value(value), " \"'") != NULL) {
        gw_consumer_mistake(&d->mistakes, value, "holds a blank or a quote, "
                            "which the id of a key must not");
        return;
    }

    if (gw_consumer_writer_find_id(&d->writer, &id, &number)) {
        gw_consumer_mistake(&d->mistakes, value, "is that of a key of "
                            "consumers[%u] already", (unsigned) number);
        return;
    }

    d->id = id;
    d->key.id_len = (uint32_t) id.len;
    gw_member_put(d, id.data, id.len);
}


static void
gw_member_sha256(gw_consumer_draft_t *d, json_t *value)
{
    gw_member_digest(d, value, GW_CONSUMER_SHA256);
}


static void
gw_member_hmac(gw_consumer_draft_t *d, json_t *value)
{
    if (!d->peppers) {
        gw_consumer_mistake(&d->mistakes, NULL,
                            "needs a pepper, and none is named");
    }

    gw_member_digest(d, value, GW_CONSUMER_HMAC_SHA256);
}


static void
gw_member_scopes(gw_consumer_draft_t *d, json_t *value)
{
    d->key.has_scopes = 1;
    d->key.scopes_len = (uint32_t) gw_member_names(d, value, &gw_member_scope);
}


static void
gw_member_allow(gw_consumer_draft_t *d, json_t *value)
{
    size_t         i, start;
    unsigned char  range[GW_CIDR_RANGE];

    if (json_array_size(value) == 0) {
        gw_consumer_mistake(&d->mistakes, NULL, "is empty and would allow "
                            "nobody, write \"disabled\": true for that");
        return;
    }

    start = d->used;

    if (!gw_member_counted(d, value)) {
        return;
    }

    d->mistakes.in_element = 1;

    for (i = 0; i < json_array_size(value); i++) {
        d->mistakes.element = i;

        if (gw_member_range(d, json_array_get(value, i), range, start)) {
            gw_member_put(d, range, GW_CIDR_RANGE);
        }
    }

    d->mistakes.in_element = 0;
    d->key.allow_len = (uint32_t) (d->used - start);
}


/* those before it stand in the draft's text from "start" on */

static int
gw_member_range(gw_consumer_draft_t *d, const json_t *value,
    unsigned char *range, size_t start)
{
    char       meant[GW_CIDR_TEXT];
    size_t     i;
    gw_cidr_e  rc;

    if (!gw_member_typed(d, value, JSON_STRING)) {
        return 0;
    }

    rc = gw_cidr_parse(json_string_value(value), json_string_length(value),
                       range, meant);

    for (i = start; rc == GW_CIDR_OK && i < d->used; i += GW_CIDR_RANGE) {
        if (memcmp(d->text + i, range, GW_CIDR_RANGE) == 0) {
            gw_consumer_mistake(&d->mistakes, value, "is a duplicate");
            return 0;
        }
    }

    if (rc == GW_CIDR_MALFORMED) {
        gw_consumer_mistake(&d->mistakes, value, "is not a range of addresses,"
                            " write for example 10.0.0.0/8 or 2001:db8::/32");

    } else if (rc == GW_CIDR_HOST_BITS) {
        gw_consumer_mistake(&d->mistakes, value, "has bits set behind its "
                            "prefix, write %s", meant);
    }

    return rc == GW_CIDR_OK;
}


static void
gw_member_not_before(gw_consumer_draft_t *d, json_t *value)
{
    gw_member_date(d, value, &d->key.not_before);
}


static void
gw_member_expires(gw_consumer_draft_t *d, json_t *value)
{
    gw_member_date(d, value, &d->key.expires);

    if (d->key.not_before >= d->key.expires) {
        gw_consumer_mistake(&d->mistakes, value, "is not after not_before");
    }
}


static void
gw_member_date(gw_consumer_draft_t *d, const json_t *value, int64_t *seconds)
{
    if (gw_rfc3339_parse(json_string_value(value), json_string_length(value),
                         seconds)
        != 0)
    {
        gw_consumer_mistake(&d->mistakes, value, "is not a date, write for "
                            "example 2027-01-31T00:00:00Z");
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
    d->iss = gw_member_text(value);
}


static void
gw_member_sub(gw_consumer_draft_t *d, json_t *value)
{
    d->sub = gw_member_text(value);
}


static void
gw_member_write_jwt(gw_consumer_draft_t *d)
{
    gw_consumer_record_t  record;

    if (d->iss.len == 0 || d->sub.len == 0) {
        return;
    }

    memset(&record, 0, sizeof(gw_consumer_record_t));

    /* made where texts are made, and then taken from there */

    gw_member_put(d, d->iss.data, d->iss.len);
    gw_member_put(d, "", 1);
    gw_member_put(d, d->sub.data, d->sub.len);

    d->kind = GW_CONSUMER_JWT;
    d->name.data = d->text;
    d->name.len = d->used;
    d->used = 0;

    if (!d->too_large) {
        (void) gw_member_unique(d, NULL);
    }

    record.kind = GW_CONSUMER_JWT;
    record.consumer = d->consumer;

    (void) gw_member_add(d, &record);
}


/* the members of a certificate's identity */

static void
gw_member_certificate(gw_consumer_draft_t *d, json_t *value)
{
    gw_member_digest(d, value, GW_CONSUMER_CERTIFICATE);
}


static void
gw_member_san(gw_consumer_draft_t *d, json_t *value)
{
    size_t     i, len;
    gw_text_t  san;

    static const char *const  types[] = { "uri:", "dns:", "email:" };

    d->names++;
    san = gw_member_text(value);

    for (i = 0; i < gw_member_rows(types); i++) {
        len = strlen(types[i]);

        if (san.len > len && memcmp(san.data, types[i], len) == 0) {
            d->kind = GW_CONSUMER_SAN;
            d->name = san;
            (void) gw_member_unique(d, value);
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


/* nothing of a digest is ever shown: what stands there may be a key */

static void
gw_member_digest(gw_consumer_draft_t *d, const json_t *value,
    gw_consumer_kind_e kind)
{
    d->names++;
    d->kind = kind;
    d->name.len = 0;

    if (gw_member_hex(json_string_value(value), json_string_length(value),
                      d->digest)
        != 0)
    {
        gw_consumer_mistake(&d->mistakes, NULL,
                            "must be 64 hexadecimal digits");
        return;
    }

    if (gw_member_weak(d->digest)) {
        gw_consumer_mistake(&d->mistakes, NULL, "is weak: a placeholder, "
                            "or the digest of nothing");
        return;
    }

    d->name.data = d->digest;
    d->name.len = GW_CONSUMER_DIGEST;
    (void) gw_member_unique(d, NULL);
}


static int
gw_member_hex(const char *text, size_t len, unsigned char *digest)
{
    int     c;
    size_t  i;

    if (len != 2 * GW_CONSUMER_DIGEST) {
        return -1;
    }

    for (i = 0; i < len; i++) {
        c = (unsigned char) text[i];

        if (c >= '0' && c <= '9') {
            c -= '0';

        } else {
            c |= 0x20;

            if (c < 'a' || c > 'f') {
                return -1;
            }

            c -= 'a' - 10;
        }

        digest[i / 2] = (unsigned char) (i % 2 ? digest[i / 2] | c : c << 4);
    }

    return 0;
}


static int
gw_member_weak(const unsigned char *digest)
{
    static const unsigned char  empty[GW_CONSUMER_DIGEST] = {
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
        0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
        0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
        0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55
    };

    /* the same byte all over: it equals its neighbour everywhere */

    return memcmp(digest, digest + 1, GW_CONSUMER_DIGEST - 1) == 0
           || memcmp(digest, empty, GW_CONSUMER_DIGEST) == 0;
}


/* returns the bytes of the joined names */

static size_t
gw_member_names(gw_consumer_draft_t *d, const json_t *list,
    const gw_member_names_t *type)
{
    size_t      i, start;
    gw_text_t   name;
    json_t     *value;

    start = d->used;

    if (!gw_member_counted(d, list)) {
        return 0;
    }

    d->mistakes.in_element = 1;

    for (i = 0; i < json_array_size(list); i++) {
        value = json_array_get(list, i);
        d->mistakes.element = i;

        if (!gw_member_typed(d, value, JSON_STRING)) {
            continue;
        }

        name = gw_member_text(value);

        if (!type->valid(name.data, name.len)) {
            gw_consumer_mistake(&d->mistakes, value, "is not a %s, which %s",
                                type->what, type->rule);

        } else if (!gw_member_repeated(d, list, i)) {
            gw_member_put(d, &type->separator, d->used > start);
            gw_member_put(d, name.data, name.len);
        }
    }

    d->mistakes.in_element = 0;

    return d->used - start;
}


/* each element is held against those before it, so there must not be many */

static int
gw_member_counted(gw_consumer_draft_t *d, const json_t *list)
{
    if (json_array_size(list) <= GW_CONSUMER_MAX_NAMES) {
        return 1;
    }

    gw_consumer_mistake(&d->mistakes, NULL, "has more than %d elements",
                        GW_CONSUMER_MAX_NAMES);

    return 0;
}


static int
gw_member_repeated(gw_consumer_draft_t *d, const json_t *list, size_t n)
{
    size_t   i;
    json_t  *value;

    value = json_array_get(list, n);

    for (i = 0; i < n; i++) {
        if (json_equal(json_array_get(list, i), value)) {
            gw_consumer_mistake(&d->mistakes, value, "is a duplicate");
            return 1;
        }
    }

    return 0;
}


static int
gw_member_is_group(const unsigned char *name, size_t len)
{
    return memchr(name, ',', len) == NULL
           && name[0] != ' ' && name[len - 1] != ' ';
}


/* RFC 6749, 3.3 */

static int
gw_member_is_scope(const unsigned char *name, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (name[i] < 0x21 || name[i] > 0x7e || name[i] == '"'
            || name[i] == '\\')
        {
            return 0;
        }
    }

    return 1;
}


/* a name that is known already is reported and no longer the draft's */

static int
gw_member_unique(gw_consumer_draft_t *d, const json_t *value)
{
    uint32_t  number;

    if (!gw_consumer_writer_find(&d->writer, d->kind, &d->name, &number)) {
        return 1;
    }

    gw_consumer_mistake(&d->mistakes, value, "is that of consumers[%u] "
                        "already", (unsigned) number);
    d->name.len = 0;

    return 0;
}


/* adds the draft's name and texts; 0: it is too large, or the block full */

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


static void
gw_member_put(gw_consumer_draft_t *d, const void *data, size_t len)
{
    if (len > sizeof(d->text) - d->used) {
        d->too_large = 1;
        return;
    }

    memcpy(d->text + d->used, data, len);
    d->used += len;
}


static gw_text_t
gw_member_text(const json_t *value)
{
    gw_text_t  text;

    text.data = (const unsigned char *) json_string_value(value);
    text.len = json_string_length(value);

    return text;
}
