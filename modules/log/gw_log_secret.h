/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Names of parameters whose values are redacted, such as "access_token".
 *
 * Does not use nginx.  Nothing is allocated.
 */

#ifndef GW_LOG_SECRET_H_INCLUDED
#define GW_LOG_SECRET_H_INCLUDED

#include "gw_text.h"


/* names have less bytes than this */
#define GW_LOG_SECRET    64


/* a set of names, which the caller owns */

typedef struct {
    const gw_text_t      *names;    /* normalized */
    size_t                n;
    uint64_t              lengths;  /* bits: lengths of the names */
} gw_log_secrets_t;


/* the names that are always redacted; ends with an empty one */
extern const gw_text_t  gw_log_secrets[];


/* normalizes a name for comparison: lower case, "-" as "_" */
void gw_log_secret_normalize(unsigned char *dst, const gw_text_t *name);

/* whether a name consists of letters, digits, "-" and "_" */
int gw_log_secret_valid(const unsigned char *name, size_t len);

/* whether the normalized name is in the set */
int gw_log_secret(const gw_log_secrets_t *secrets, const unsigned char *name,
    size_t len);


/* the name of a parameter while its bytes are read */

typedef struct {
    size_t                word;     /* length of the current word */
    size_t                whole;    /* length without blanks at both ends */
    size_t                blanks;   /* bytes since the last word */
    unsigned char         words[GW_LOG_SECRET];
    unsigned char         name[GW_LOG_SECRET];
    int                   secret;   /* one of its words is in the set */
} gw_log_name_t;


/* an empty name */
void gw_log_name_init(gw_log_name_t *name);

/* adds a byte, in either case; "blanks" are all but letters, digits, - and _ */
void gw_log_name_add(const gw_log_secrets_t *secrets, gw_log_name_t *name,
    int c);

/*
 * The name is complete: whether it, with "_" for each blank, or one of its
 * words is in the set.
 */
int gw_log_name_end(const gw_log_secrets_t *secrets, gw_log_name_t *name);


#endif /* GW_LOG_SECRET_H_INCLUDED */
