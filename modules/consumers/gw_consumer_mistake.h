/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Mistakes in a consumers file, as sentences: the place, the value, what is
 * wrong, and the line.
 */

#ifndef GW_CONSUMER_MISTAKE_H_INCLUDED
#define GW_CONSUMER_MISTAKE_H_INCLUDED

#include <stddef.h>
#include <jansson.h>

#include "gw_consumer_build.h"


#define GW_CONSUMER_MAX_MISTAKES  100   /* reported; others are counted */


/*
 * The position of the builder: consumers[1].keys[2].allow[3] has a consumer, a
 * list with an item, a member and an element.
 */

typedef struct {
    gw_consumer_mistake_pt   report;
    void                    *data;
    size_t                   count;

    size_t                   line;
    int                      in_consumer;
    size_t                   consumer;
    const char              *list;        /* NULL: the consumer itself */
    size_t                   item;
    const char              *member;      /* NULL: the object itself */
    const char              *name;        /* of a member of metadata, or NULL */
    int                      in_element;
    size_t                   element;
} gw_consumer_mistakes_t;


/* shows "value" if it is a string; NULL for one that must not be shown */
void gw_consumer_mistake(gw_consumer_mistakes_t *m, const json_t *value,
    const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* at the end of the file: reports the number of further mistakes */
void gw_consumer_mistakes_end(gw_consumer_mistakes_t *m);


#endif /* GW_CONSUMER_MISTAKE_H_INCLUDED */
