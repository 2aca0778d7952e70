/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The JWT module's own types; nothing outside of modules/jwt includes it.
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_


#include "ngx_http_gateway_consumers.h"
#include "gw_kind.h"
#include "gw_jws.h"
#include "gw_jwt.h"
#include "gw_claim.h"


#define NGX_HTTP_GATEWAY_JWT_MAX_KEY_FILES  32   /* at one location */


typedef enum {
    NGX_HTTP_GATEWAY_JWT_OFF = 0,
    NGX_HTTP_GATEWAY_JWT_ON,
    NGX_HTTP_GATEWAY_JWT_DECODE         /* gateway_jwt off token=$v */
} ngx_http_gateway_jwt_enable_e;


typedef enum {
    NGX_HTTP_GATEWAY_JWT_JWKS = 0,
    NGX_HTTP_GATEWAY_JWT_PEM
} ngx_http_gateway_jwt_format_e;


/* a file as it is read: once for all locations that write it alike */

typedef struct {
    ngx_http_gateway_watch_t            watch;
    ngx_uint_t                          format;
    ngx_uint_t                          flags;      /* GW_JWK_COMPAT */
    gw_jwk_set_t                       *set;        /* owned */
    ngx_uint_t                         *generation; /* of all files */
} ngx_http_gateway_jwt_key_file_t;


/* a file as a directive names it */

typedef struct {
    ngx_str_t                           path;
    ngx_uint_t                          format;
    ngx_msec_t                          watch;
    ngx_uint_t                          written;    /* unsigned:1; "watch=" */
    gw_text_t                           issuer;     /* "": any */
    ngx_uint_t                          listed;     /* unsigned:1; in "uses" */
    ngx_uint_t                          accepted;   /* unsigned:1; its issuer,
                                                       by a block at least */
    ngx_http_gateway_place_t            place;
    ngx_http_gateway_jwt_key_file_t    *file;
} ngx_http_gateway_jwt_key_use_t;


/* an issuer, and a key file that is bound to it */

typedef struct {
    ngx_str_t                           issuer;
    ngx_str_t                           path;
} ngx_http_gateway_jwt_bound_t;


typedef struct {
    gw_claim_path_t                     path;
    gw_claim_op_e                       op;
    ngx_str_t                           text;       /* of the path */
    ngx_array_t                         values;     /* complex values */
#if (NGX_PCRE)
    ngx_regex_t                        *regex;
    ngx_atomic_t                       *said;       /* of this worker */
#endif
    ngx_uint_t                          status;
} ngx_http_gateway_jwt_rule_t;


typedef struct {
    ngx_array_t                         values;     /* complex values */
    ngx_uint_t                          status;
} ngx_http_gateway_jwt_require_t;


typedef struct {
    ngx_http_gateway_identity_header_t  line;
    gw_claim_path_t                     path;
    ngx_uint_t                          json;       /* unsigned:1 */
} ngx_http_gateway_jwt_header_t;


typedef struct {
    ngx_array_t                         files;      /* key_file_t * */
    ngx_array_t                         bound;      /* bound_t, of all blocks */
    ngx_array_t                         open;       /* key_use_t *, likewise */
    ngx_array_t                         uses;       /* key_use_t *, of blocks
                                                       that verify */
    ngx_uint_t                          one_file;   /* unsigned:1 */
    ngx_uint_t                          generation; /* a file was re-read */
    gw_jws_memo_t                      *memo;

    /* what is read of a token, anywhere in the configuration */
    ngx_array_t                         claims;     /* ngx_str_t */
    ngx_array_t                         refused;    /* some of them, by logs */
    gw_json_names_t                     names;      /* of "claims" */
    ngx_uint_t                          header;     /* unsigned:1 */

    ngx_uint_t                          used;       /* unsigned:1 */
} ngx_http_gateway_jwt_main_conf_t;


typedef struct {
    ngx_http_gateway_place_t            place;      /* of the block */

    ngx_uint_t                          enable;
    ngx_http_complex_value_t           *realm;
    ngx_array_t                        *challenge;  /* auth_param_t; of none:
                                                       off; NULL: as it is */
    ngx_array_t                        *sources;    /* source_t; NULL: bearer */

    ngx_array_t                        *keys;       /* key_use_t */
    ngx_uint_t                          bound;      /* a key has an issuer */
    ngx_uint_t                          open;       /* a key may have any */
    ngx_uint_t                          many_issuers;
    ngx_uint_t                          unusable;   /* refuses every token */
    ngx_uint_t                          key_policy; /* GW_JWK_COMPAT or 0 */
    ngx_flag_t                          verify;
    gw_jwa_set_t                        algorithms; /* 0: by the keys */

    ngx_array_t                        *issuers;    /* ngx_str_t */
    ngx_array_t                        *audiences;  /* ngx_str_t */
    ngx_array_t                        *typ;        /* ngx_str_t */
    time_t                              leeway;
    time_t                              max_age;
    ngx_flag_t                          require_exp;
    gw_jwt_policy_t                     policy;     /* all of the above */

    ngx_array_t                        *require;    /* require_t */
    ngx_array_t                        *rules;      /* rule_t */

    gw_claim_path_t                    *consumer;
    ngx_array_t                        *scopes;     /* gw_claim_path_t */
    ngx_array_t                        *groups;     /* gw_claim_path_t */
    ngx_array_t                        *headers;    /* header_t */

    ngx_flag_t                          hide;
    ngx_uint_t                          mode;
    size_t                              max_size;
    size_t                              max_values; /* of a payload */
} ngx_http_gateway_jwt_loc_conf_t;


/* "gateway_jwt_challenge off" */
#define ngx_http_gateway_jwt_no_challenge(jlcf)                               \
    ((jlcf)->challenge && (jlcf)->challenge->nelts == 0)

/* ngx_http_gateway_jwt_challenge.c: the setter */
char *ngx_http_gateway_jwt_set_challenge(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* texts that were made of claims for variables */

typedef struct ngx_http_gateway_jwt_text_s  ngx_http_gateway_jwt_text_t;

struct ngx_http_gateway_jwt_text_s {
    const json_t                       *value;
    ngx_str_t                           text;
    ngx_http_gateway_jwt_text_t        *next;
};


/*
 * A token that was taken apart; none of its memory is the pool's.  One that
 * is refused goes with the verdict: no variable has given out but copies.
 * One that is kept lives as long as the request's pool, also when another
 * one has followed it: nginx may remember variables that point into it.
 */

typedef struct {
    ngx_str_t                           text;
    gw_jws_t                            jws;
    size_t                              max_values; /* of its claims */
    json_t                             *claims;     /* NULL: not parsed yet */
    json_t                             *all;        /* also others; or NULL */
    unsigned                            partial:1;  /* claims hold only iss */
    unsigned                            kept:1;
    ngx_pool_cleanup_t                 *cleanup;    /* NULL there: freed */

    /* the keys that its signature was verified with */
    const ngx_array_t                  *keys;
    ngx_uint_t                          open;
    ngx_uint_t                          generation;

    ngx_http_gateway_jwt_text_t        *texts;
    ngx_str_t                           payload;    /* for the variable */
} ngx_http_gateway_jwt_token_t;


/* JWT's part of the request's record */

typedef struct ngx_http_gateway_jwt_ctx_s  ngx_http_gateway_jwt_ctx_t;

struct ngx_http_gateway_jwt_ctx_s {
    ngx_http_gateway_jwt_token_t       *token;
    gw_reason_e                         reason;
    const ngx_http_gateway_jwt_rule_t  *failed;     /* the rule, if one */
    ngx_uint_t                          status;     /* to refuse with */

    /* what the sources held, and the token of it */
    const ngx_array_t                  *sources;
    ngx_http_gateway_shown_t            shown;
    ngx_str_t                           text;
    gw_reason_e                         found;
    size_t                              max_values; /* of its payload */

    ngx_str_t                           refused;    /* claims, for the log */
    ngx_str_t                           why;        /* malformed, for the log */
    ngx_str_t                           kid;        /* of one without "token" */

    unsigned                            readable:1;   /* claims, by variables */
    unsigned                            unverified:1;
    unsigned                            judged:1;
};


/* the indices of the method and of its slots, registered in preconfiguration */
extern ngx_uint_t  ngx_http_gateway_jwt_method;
extern ngx_uint_t  ngx_http_gateway_jwt_slot;       /* the ctx */
extern ngx_uint_t  ngx_http_gateway_jwt_refusal_slot;

/* JWT's part of a record; NULL: the method was not asked so far */
#define ngx_http_gateway_jwt_ctx(gr)                                          \
    ((ngx_http_gateway_jwt_ctx_t *)                                           \
     ngx_http_gateway_slot(gr, ngx_http_gateway_jwt_slot))


/* ngx_http_gateway_jwt_key.c */

/*
 * Loads the files that "conf" names, or finds them loaded; an [emerg] names
 * the line of the file's directive.
 */
char *ngx_http_gateway_jwt_load_keys(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf);

/*
 * The same, then: which keys of "conf" are bound to an issuer, by "issuer=" or
 * by the one value of gateway_jwt_issuer, and which are open to any.
 */
char *ngx_http_gateway_jwt_bind_keys(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf);

/*
 * Configuration, after that: whether consumers are matched by issuer and
 * subject where a key may sign for any issuer.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_jwt_check_open(ngx_conf_t *cf);

/*
 * Whether an issuer is bound to files, of which "path" is none.  What is bound
 * anywhere in the configuration counts.
 */
ngx_uint_t ngx_http_gateway_jwt_foreign(
    const ngx_http_gateway_jwt_main_conf_t *jmcf, const char *iss, size_t len,
    const ngx_str_t *path);

/*
 * Whether the text of a consumer reads as "iss#sub" of an issuer that is bound
 * to files and is not the token's, "iss" (NULL: it has none).
 */
ngx_uint_t ngx_http_gateway_jwt_borrows(
    const ngx_http_gateway_jwt_main_conf_t *jmcf, const ngx_str_t *consumer,
    const char *iss, size_t len);

/*
 * Whether what has verified a token at this location may speak for its issuer.
 */
ngx_uint_t ngx_http_gateway_jwt_vouched(
    const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, const char *iss, size_t len);

char *ngx_http_gateway_jwt_key_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_gateway_jwt_token.c */

/* where the token is looked for at a location: source_t */
const ngx_array_t *ngx_http_gateway_jwt_sources(
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/*
 * gateway_jwt_hide: removes what was found, from arguments in ACCESS and from
 * other sources in PRECONTENT; NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_jwt_hide_argument(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);
ngx_int_t ngx_http_gateway_jwt_hide(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);

/* the same where the token was not looked for: as ngx_http_gateway_hide_pt */
ngx_int_t ngx_http_gateway_jwt_hide_early(ngx_http_request_t *r);

/*
 * Judges the request's token by "jlcf" and leaves the outcome in "ctx":
 * GW_OK, a reason (with ctx->status and, for a rule, ctx->failed), or
 * GW_FAILED.  Does not look at the mode.
 */
gw_reason_e ngx_http_gateway_jwt_authenticate(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/* whether the token's signature is valid at this location, and "claims" read */
ngx_uint_t ngx_http_gateway_jwt_verified(const ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/*
 * The judgement is over, and nothing reads "ctx" in its course any more: what
 * it has parsed is kept for variables, or freed.
 */
void ngx_http_gateway_jwt_finish(ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/*
 * The token whose claims variables may read; NULL: there is none, or no
 * memory.
 */
ngx_http_gateway_jwt_token_t *ngx_http_gateway_jwt_token(
    ngx_http_request_t *r, ngx_http_gateway_jwt_ctx_t *ctx);

/* also claims that the configuration does not name; NULL: no memory */
const json_t *ngx_http_gateway_jwt_all_claims(
    ngx_http_gateway_jwt_token_t *token);

/* gateway_jwt off token=: claims for variables, no judgement */
gw_reason_e ngx_http_gateway_jwt_decode(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);


/* ngx_http_gateway_jwt_rule.c */

/* gateway_jwt_require and gateway_jwt_require_claim: as _authenticate() */
gw_reason_e ngx_http_gateway_jwt_check_rules(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/* whether the rule that was not met is about scopes */
ngx_uint_t ngx_http_gateway_jwt_scope_failed(
    const ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/* the scopes that a rule asks for, by spaces; "" if it names none */
ngx_int_t ngx_http_gateway_jwt_missing_scopes(ngx_http_request_t *r,
    const ngx_http_gateway_jwt_rule_t *rule, ngx_str_t *scopes);

char *ngx_http_gateway_jwt_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_jwt_require_claim(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_gateway_jwt_identity.c */

/*
 * Fills the record's identity from the claims, and from the consumer of the
 * file that they name: GW_OK, GW_FAILED, GW_MALFORMED_PAYLOAD where the
 * consumer's name holds control characters or has blanks at its ends,
 * GW_DISABLED or GW_CONSUMER_CONFLICT with ctx->status 403.
 */
gw_reason_e ngx_http_gateway_jwt_identify(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/* sets gateway_jwt_claim_header's lines for the upstream */
ngx_int_t ngx_http_gateway_jwt_set_headers(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/* the child's and the parent's headers, without repeating a name */
char *ngx_http_gateway_jwt_merge_headers(ngx_conf_t *cf, ngx_array_t **conf,
    ngx_array_t *prev);

char *ngx_http_gateway_jwt_parse_path(ngx_conf_t *cf, ngx_str_t *text,
    gw_claim_path_t *path);
char *ngx_http_gateway_jwt_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_jwt_paths(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_jwt_claim_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_gateway_jwt_refused.c */

/*
 * The token is refused: variables do not show it any more, unless it never
 * was verified.  "verified": some claims are copied for the log before.
 */
ngx_int_t ngx_http_gateway_jwt_refused(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, ngx_uint_t verified);

/* $gateway_jwt_refused_claim_<name> */
ngx_int_t ngx_http_gateway_jwt_refused_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/* ngx_http_gateway_jwt_advice.c: warnings of keys that no token can use */

/* in a merge, of a complete location; NGX_CONF_ERROR: no memory */
char *ngx_http_gateway_jwt_advise(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf);

/* in postconfiguration */
void ngx_http_gateway_jwt_advise_issuers(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_main_conf_t *jmcf);


/* ngx_http_gateway_jwt_variable.c */

ngx_int_t ngx_http_gateway_jwt_add_variables(ngx_conf_t *cf);

/*
 * Configuration: something reads the claim of this name; "names" is "claims"
 * or "refused" of the main configuration.
 */
ngx_int_t ngx_http_gateway_jwt_read(ngx_conf_t *cf, ngx_array_t *names,
    const ngx_str_t *name);

/* postconfiguration: which claims the variables in use read */
ngx_int_t ngx_http_gateway_jwt_used_variables(ngx_conf_t *cf);

char *ngx_http_gateway_jwt_claim_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_jwt_header_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


extern ngx_module_t  ngx_http_gateway_jwt_module;


#endif /* _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_ */
