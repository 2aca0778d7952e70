/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Names of parameters whose values are secrets.
 *
 * Knows no nginx.  Nothing is allocated.
 */

#ifndef GW_LOG_SECRET_H_INCLUDED
#define GW_LOG_SECRET_H_INCLUDED

#include "gw_text.h"


/* the longest name of a parameter */
#define GW_LOG_SECRET    64


/* names of parameters; the caller fills both, and adds their lengths */

typedef struct {
    const gw_text_t      *names;    /* as gw_log_secret_normalize() has it */
    size_t                n;
    uint64_t              lengths;  /* bits: a name has this length */
} gw_log_secrets_t;


/* the names that are secrets always; ends with an empty one */
extern const gw_text_t  gw_log_secrets[];


/* the form in which names are compared: lower case, "-" as "_" */
void gw_log_secret_normalize(unsigned char *dst, const gw_text_t *name);

/* whether a name consists of letters, digits, "-" and "_" */
int gw_log_secret_valid(const unsigned char *name, size_t len);

/* whether the normalized name is in the set */
int gw_log_secret(const gw_log_secrets_t *secrets, const unsigned char *name,
    size_t len);


/* a possible name */

typedef struct {
    size_t                word;     /* length of the word at hand */
    size_t                whole;    /* of all, without blanks at its ends */
    size_t                blanks;   /* since the last word */
    unsigned char         words[GW_LOG_SECRET];
    unsigned char         name[GW_LOG_SECRET];
    int                   secret;   /* one of its words is in the set */
} gw_log_name_t;


/* no bytes so far */
void gw_log_name_init(gw_log_name_t *name);

/* the next byte of the name, in lower or upper case */
void gw_log_name_add(const gw_log_secrets_t *secrets, gw_log_name_t *name,
    int c);

/* the name is complete: whether it is in the set, or one of its words is */
int gw_log_name_end(const gw_log_secrets_t *secrets, gw_log_name_t *name);


#endif /* GW_LOG_SECRET_H_INCLUDED */
