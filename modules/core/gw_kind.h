/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Recognizes what a file contains instead of a JSON object, so that the error
 * message can name a common mistake.
 */

#ifndef GW_KIND_H_INCLUDED
#define GW_KIND_H_INCLUDED

#include <stddef.h>


typedef enum {
    GW_KIND_OBJECT = 0,     /* begins like a JSON object */
    GW_KIND_EMPTY,
    GW_KIND_BOM,            /* UTF-8 with a byte order mark */
    GW_KIND_UTF16,
    GW_KIND_MARKUP,         /* HTML or XML */
    GW_KIND_PEM,
    GW_KIND_URL,
    GW_KIND_TOKEN,          /* a JWT */
    GW_KIND_ARRAY,
    GW_KIND_YAML,
    GW_KIND_OTHER
} gw_kind_e;


/* looks at the first bytes only: GW_KIND_OBJECT can still be malformed */
gw_kind_e gw_kind(const unsigned char *text, size_t len);

/* a sentence without a subject, such as "is empty"; "" for GW_KIND_OBJECT */
const char *gw_kind_sentence(gw_kind_e kind);

/* the same for a text that is not a file, without a remedy */
const char *gw_kind_found(gw_kind_e kind);

/* whether gw_kind_sentence() names the remedy; else the caller adds it */
int gw_kind_remedied(gw_kind_e kind);


#endif /* GW_KIND_H_INCLUDED */
