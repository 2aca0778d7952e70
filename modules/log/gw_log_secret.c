/* SPDX-License-Identifier: BSD-2-Clause */

/* names of parameters whose values are redacted: see gw_log_secret.h */

#include <string.h>

#include "gw_log_secret.h"


#define GW_LOG_NAME(s)  { sizeof(s) - 1, (const unsigned char *) s }


const gw_text_t  gw_log_secrets[] = {
    GW_LOG_NAME("token"),
    GW_LOG_NAME("access_token"),
    GW_LOG_NAME("id_token"),
    GW_LOG_NAME("refresh_token"),
    GW_LOG_NAME("code"),
    GW_LOG_NAME("sig"),
    GW_LOG_NAME("signature"),
    GW_LOG_NAME("api_key"),
    GW_LOG_NAME("apikey"),
    GW_LOG_NAME("password"),
    GW_LOG_NAME("passwd"),
    GW_LOG_NAME("secret"),
    GW_LOG_NAME("client_secret"),
    GW_LOG_NAME("client_assertion"),
    GW_LOG_NAME("x_amz_signature"),
    GW_LOG_NAME("x_goog_signature"),
    { 0, NULL }
};


static int
gw_log_lower(int c)
{
    if (c == '-') {
        return '_';
    }

    return (c >= 'A' && c <= 'Z') ? (c | 0x20) : c;
}


void
gw_log_secret_normalize(unsigned char *dst, const gw_text_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        dst[i] = (unsigned char) gw_log_lower(name->data[i]);
    }
}


/* whether a byte is part of a word */

static int
gw_log_in_word(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}


int
gw_log_secret_valid(const unsigned char *name, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (!gw_log_in_word(gw_log_lower(name[i]))) {
            return 0;
        }
    }

    return len != 0;
}


int
gw_log_secret(const gw_log_secrets_t *secrets, const unsigned char *name,
    size_t len)
{
    size_t  i;

    if (len == 0 || len >= GW_LOG_SECRET
        || !(secrets->lengths >> len & 1))
    {
        return 0;
    }

    for (i = 0; i < secrets->n; i++) {
        if (secrets->names[i].len == len
            && memcmp(secrets->names[i].data, name, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


void
gw_log_name_init(gw_log_name_t *name)
{
    name->word = 0;
    name->whole = 0;
    name->blanks = 0;
    name->secret = 0;
}


static void
gw_log_name_word(const gw_log_secrets_t *secrets, gw_log_name_t *name)
{
    if (gw_log_secret(secrets, name->words, name->word)) {
        name->secret = 1;
    }

    name->word = 0;
}


static void
gw_log_name_put(gw_log_name_t *name, int c)
{
    if (name->whole < GW_LOG_SECRET) {
        name->name[name->whole] = (unsigned char) c;
    }

    name->whole++;
}


void
gw_log_name_add(const gw_log_secrets_t *secrets, gw_log_name_t *name, int c)
{
    c = gw_log_lower(c);

    if (!gw_log_in_word(c)) {
        gw_log_name_word(secrets, name);
        name->blanks++;
        return;
    }

    while (name->blanks && name->whole && name->whole < GW_LOG_SECRET) {
        gw_log_name_put(name, '_');
        name->blanks--;
    }

    name->blanks = 0;
    gw_log_name_put(name, c);

    if (name->word < GW_LOG_SECRET) {
        name->words[name->word++] = (unsigned char) c;
    }
}


int
gw_log_name_end(const gw_log_secrets_t *secrets, gw_log_name_t *name)
{
    gw_log_name_word(secrets, name);

    return name->secret || gw_log_secret(secrets, name->name, name->whole);
}
