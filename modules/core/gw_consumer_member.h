
/*
 * One consumer of a file: its members are checked, and it goes into the set.
 */

#ifndef GW_CONSUMER_MEMBER_H_INCLUDED
#define GW_CONSUMER_MEMBER_H_INCLUDED

#include <jansson.h>

#include "gw_consumer_mistake.h"
#include "gw_consumer_write.h"


#define GW_CONSUMER_MAX_NAMES  1000    /* of a list of groups, scopes, ... */
#define GW_CONSUMER_LISTS      3


/* what the members of the object at hand said, and where it goes */

typedef struct {
    gw_consumer_mistakes_t    mistakes;
    gw_consumer_writer_t      writer;
    int                       peppers;

    uint32_t                  consumer;     /* the offset of its entry */
    json_t                   *lists[GW_CONSUMER_LISTS];

    gw_text_t                 name;         /* len 0: there is none */
    gw_consumer_kind_e        kind;         /* of the name */
    unsigned                  names;        /* members that hold one */
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


/* "consumer" may be anything that JSON may hold; "mistakes" says where it is */
void gw_consumer_member_read(gw_consumer_draft_t *d, json_t *consumer);


#endif /* GW_CONSUMER_MEMBER_H_INCLUDED */
