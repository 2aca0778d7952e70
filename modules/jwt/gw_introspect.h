/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Token introspection, RFC 7662: the body of a request and the answer.  Free of
 * nginx.
 */

#ifndef GW_INTROSPECT_H_INCLUDED
#define GW_INTROSPECT_H_INCLUDED

#include <stddef.h>
#include <jansson.h>

#include "gw_json.h"
#include "gw_jws.h"


/* bytes of an error message */
#define GW_INTROSPECT_ERR  (GW_JWS_WHY + sizeof("the response "))


/*
 * Encodes "len" bytes as a value of application/x-www-form-urlencoded: letters,
 * digits, "-", ".", "_" and "~" are copied, all other bytes become "%XX", also
 * the blank.  Returns the number of bytes written; if "dst" is NULL, only
 * counts them.  No NUL is appended.
 */
size_t gw_form_encode(unsigned char *dst, const unsigned char *src, size_t len);

/*
 * Reads an answer (RFC 7662, 2.2): a JSON object with the boolean "active".
 * The names of "limit" must include it.  "exp", "nbf" and "iat" of an active
 * token, where present and read, must be numbers.
 *
 * Returns 0 and sets "active".  If it is 1, "*claims" receives a reference for
 * json_decref() to the object with the members that "limit" lists.
 *
 * Returns -1 if the answer is not valid or if there is no memory, with a clause
 * in "err", which has GW_INTROSPECT_ERR bytes.  The clause contains names of
 * members, but none of their values.
 */
int gw_introspect_read(const unsigned char *text, size_t len,
    const gw_json_limit_t *limit, json_t **claims, int *active, char *err);


#endif /* GW_INTROSPECT_H_INCLUDED */
