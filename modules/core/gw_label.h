/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Label values: valid UTF-8 of at most 128 bytes, whatever a client sends.
 * Free of nginx.
 */

#ifndef GW_LABEL_H_INCLUDED
#define GW_LABEL_H_INCLUDED

#include "gw_text.h"


#define GW_LABEL_MAX  128


/*
 * Writes the cleaned value, of at most GW_LABEL_MAX bytes, and returns its
 * length.  Each byte that is not part of a valid character, or is part of a
 * control character, becomes U+FFFD.  A longer value is cut between two
 * characters, to at most 119 bytes, and ends in "~" and 8 hexadecimal digits of
 * a hash of the whole: the same in all processes and configurations.
 */
size_t gw_label_clean(unsigned char *to, const unsigned char *value,
    size_t len);


#endif /* GW_LABEL_H_INCLUDED */
