
/*
 * Bytes that end where "len" says: the layout of ngx_str_t, for code that
 * knows no nginx.
 */

#ifndef GW_TEXT_H_INCLUDED
#define GW_TEXT_H_INCLUDED

#include <stddef.h>


typedef struct {
    size_t                len;
    const unsigned char  *data;
} gw_text_t;


#endif /* GW_TEXT_H_INCLUDED */
