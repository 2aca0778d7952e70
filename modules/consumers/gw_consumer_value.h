/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The values in a consumers file, and the draft that receives them.  Mistakes
 * are reported with the position of the draft.
 */

#ifndef GW_CONSUMER_VALUE_H_INCLUDED
#define GW_CONSUMER_VALUE_H_INCLUDED

#include <jansson.h>

#include "gw_consumer_mistake.h"
#include "gw_consumer_write.h"


#define GW_CONSUMER_MAX_NAMES  1000    /* of a list of groups, scopes, ... */
#define GW_CONSUMER_LISTS      3


/* the members of the current object, and where they are written */

typedef struct {
    gw_consumer_mistakes_t    mistakes;
    gw_consumer_writer_t      writer;
    int                       peppers;

    uint32_t                  consumer;     /* the offset of its entry */
    json_t                   *lists[GW_CONSUMER_LISTS];

    gw_text_t                 name;         /* len 0: none */
    gw_consumer_kind_e        kind;         /* of the name */
    unsigned                  names;        /* members that have one */
    int                       disabled;
    gw_text_t                 id;           /* of a key */
    gw_text_t                 iss;
    gw_text_t                 sub;
    unsigned char             digest[GW_CONSUMER_DIGEST];
    gw_consumer_detail_t      detail;
    gw_consumer_key_detail_t  key;

    size_t                    used;
    int                       too_large;
    unsigned char             text[GW_CONSUMER_MAX_ENTRY];
} gw_consumer_draft_t;


/* how the names of a list are checked and joined */

typedef struct {
    const char          *what;
    char                 separator;
    int                (*valid)(const unsigned char *name, size_t len);
    const char          *rule;
} gw_value_names_t;

extern const gw_value_names_t  gw_value_group;
extern const gw_value_names_t  gw_value_scope;


/*
 * Whether a value is of a type, JSON_TRUE for both booleans.  A string must not
 * be empty or contain control characters.
 */
int gw_value_typed(gw_consumer_draft_t *d, const json_t *value,
    json_type type);

/* whether a string has no control characters */
int gw_value_plain(gw_consumer_draft_t *d, const json_t *value);

/* the bytes of a string; they belong to the value */
gw_text_t gw_value_text(const json_t *value);

/* appends to the draft's text, or sets "too_large" */
void gw_value_put(gw_consumer_draft_t *d, const void *data, size_t len);

/*
 * Reports a name that another entry has, with "value" unless it is NULL, and
 * removes it from the draft.
 */
void gw_value_unique(gw_consumer_draft_t *d, const json_t *value);

/* append a list to the draft's text; return the number of bytes */
size_t gw_value_names(gw_consumer_draft_t *d, const json_t *list,
    const gw_value_names_t *type);
size_t gw_value_ranges(gw_consumer_draft_t *d, const json_t *list);

/* does not change "*seconds" if the value is not a date */
void gw_value_date(gw_consumer_draft_t *d, const json_t *value,
    int64_t *seconds);

/* sets the draft's name, if the digest is valid, not weak and unique */
void gw_value_digest(gw_consumer_draft_t *d, const json_t *value,
    gw_consumer_kind_e kind);


#endif /* GW_CONSUMER_VALUE_H_INCLUDED */
