/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a file holds in place of a JSON object: what people put there when
 * they see a module for the first time.
 */

#ifndef GW_KIND_H_INCLUDED
#define GW_KIND_H_INCLUDED

#include <stddef.h>


typedef enum {
    GW_KIND_OBJECT = 0,     /* begins as a JSON object does */
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


/* looks at the first bytes; GW_KIND_OBJECT does not mean that it is one */
gw_kind_e gw_kind(const unsigned char *text, size_t len);

/* a sentence without subject, such as "is empty"; "" of GW_KIND_OBJECT */
const char *gw_kind_sentence(gw_kind_e kind);

/* whether it says what to do; else the caller says what the file must be */
int gw_kind_remedied(gw_kind_e kind);


#endif /* GW_KIND_H_INCLUDED */
