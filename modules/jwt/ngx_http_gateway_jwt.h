/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The JWT module's own types; nothing outside of modules/jwt includes it.
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_


#include "ngx_http_gateway_consumers.h"
#include "ngx_http_gateway_metric.h"
#include "ngx_http_gateway_setting.h"
#include "ngx_http_gateway_jwt_source.h"
#include "gw_kind.h"
#include "gw_jws.h"
#include "gw_jwt.h"
#include "gw_known.h"
#include "gw_claim.h"
#include "gw_claim_path.h"


#define NGX_HTTP_GATEWAY_JWT_MAX_SOURCES    32   /* at one location */
#define NGX_HTTP_GATEWAY_JWT_MAX_VALUES     32   /* of one rule */


typedef enum {
    NGX_HTTP_GATEWAY_JWT_OFF = 0,
    NGX_HTTP_GATEWAY_JWT_ON,
    NGX_HTTP_GATEWAY_JWT_DECODE         /* gateway_jwt off token=$v */
} ngx_http_gateway_jwt_enable_e;


/* a source as a directive names it; shared by blocks that inherit it */

typedef struct ngx_http_gateway_jwt_key_use_s  ngx_http_gateway_jwt_key_use_t;

struct ngx_http_gateway_jwt_key_use_s {
    ngx_http_gateway_jwt_key_use_t     *origin;     /* of a copy; or NULL */
    ngx_http_gateway_jwt_kind_e         kind;
    ngx_str_t                           path;       /* or URI */
    ngx_uint_t                          format;
    ngx_msec_t                          watch;
    ngx_uint_t                          written;    /* unsigned:1; "watch=" */
    gw_text_t                           issuer;     /* "": no "issuer=" */
    ngx_http_gateway_place_t            place;
    ngx_http_gateway_jwt_source_t      *source;

    /* of all copies, in the origin */
    ngx_uint_t                          listed;     /* unsigned:1; in "uses" */
    ngx_uint_t                          accepted;   /* unsigned:1; a block
                                                       accepts its issuer */
};


/* a source that is bound to an issuer */

typedef struct {
    ngx_str_t                           issuer;
    ngx_str_t                           name;       /* of the source */
} ngx_http_gateway_jwt_bound_t;


typedef struct {
    gw_claim_path_t                     path;
    gw_claim_op_e                       op;
    ngx_str_t                           text;       /* of the path */
    ngx_array_t                         values;     /* complex values */
#if (NGX_PCRE)
    ngx_regex_t                        *regex;
    ngx_atomic_t                       *said;       /* for the log, by worker */
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
    ngx_array_t                         sources;    /* jwt_source_t * */
    ngx_array_t                         bound;      /* bound_t, of all blocks */
    ngx_array_t                         open;       /* key_use_t *, likewise,
                                                       bound to no issuer */
    ngx_array_t                         revoked;    /* revoked_t * */
    ngx_array_t                         lists;      /* revoked_use_t *, of
                                                       blocks that are on */
    ngx_array_t                         uses;       /* key_use_t *, of blocks
                                                       that verify */
    ngx_array_t                         secrets;    /* jwt_secret_t * */
    ngx_uint_t                          nreports;   /* endpoints of
                                                       introspection */
    ngx_uint_t                          nendpoints; /* those in force */
    ngx_uint_t                          one_source; /* unsigned:1; there is no
                                                       other source */
    ngx_uint_t                          generation; /* counts changed sets */
    gw_jws_memo_t                      *memo;

    size_t                              token_cache;  /* bytes; 0: off */
    gw_known_table_t                   *known;      /* NULL: no table */
    ngx_http_gateway_series_t          *hits;       /* of _count.c; NULL: are */
    ngx_http_gateway_series_t          *misses;     /*   not counted */

    /* what the configuration reads of tokens */
    ngx_array_t                         claims;     /* ngx_str_t; names */
    ngx_array_t                         refused;    /* ngx_str_t; those of
                                                       $..._refused_claim_ */
    gw_json_names_t                     names;      /* the same as "claims" */
    ngx_uint_t                          header;     /* unsigned:1 */

    ngx_uint_t                          used;       /* unsigned:1; the method
                                                       is on somewhere */
    ngx_uint_t                          changes;    /* unsigned:1; a block sets
                                                       claim headers or hides
                                                       tokens */
} ngx_http_gateway_jwt_main_conf_t;


typedef struct {
    ngx_http_gateway_place_t            place;      /* of the block */

    ngx_uint_t                          enable;
    ngx_http_complex_value_t           *realm;
    ngx_array_t                        *challenge;  /* auth_param_t; empty:
                                                       off; NULL: none */
    ngx_array_t                        *sources;    /* source_t; NULL: bearer */

    ngx_array_t                        *keys;       /* key_use_t */
    ngx_array_t                        *introspect; /* jwt_introspect_t */
    ngx_uint_t                          bound;      /* a source has "issuer=" */
    ngx_uint_t                          open;       /* a source may sign for
                                                       any issuer */
    ngx_uint_t                          many_issuers; /* are accepted */
    ngx_uint_t                          unusable;   /* refuses every token */
    ngx_uint_t                          key_policy; /* GW_JWK_COMPAT or 0 */
    ngx_msec_t                          key_cache;  /* in a location */
    ngx_flag_t                          verify;
    gw_jwa_set_t                        algorithms; /* 0: not set */

    ngx_array_t                        *issuers;    /* ngx_str_t */
    ngx_array_t                        *audiences;  /* ngx_str_t */
    ngx_array_t                        *typ;        /* ngx_str_t */
    time_t                              leeway;
    time_t                              max_age;
    ngx_flag_t                          require_exp;
    gw_jwt_policy_t                     policy;     /* "issuers" to
                                                       "require_exp" */

    ngx_array_t                        *revoked;    /* revoked_use_t */

    ngx_array_t                        *require;    /* require_t */
    ngx_array_t                        *rules;      /* rule_t */

    gw_claim_path_t                    *consumer;
    ngx_array_t                        *scopes;     /* gw_claim_path_t */
    ngx_array_t                        *groups;     /* gw_claim_path_t */
    ngx_array_t                        *headers;    /* header_t */

    ngx_flag_t                          hide;
    ngx_uint_t                          mode;
    size_t                              max_size;
    size_t                              max_values; /* in a payload */
} ngx_http_gateway_jwt_loc_conf_t;


/* "gateway_jwt_challenge off" */
#define ngx_http_gateway_jwt_no_challenge(jlcf)                               \
    ((jlcf)->challenge && (jlcf)->challenge->nelts == 0)


/* the text of a claim, as a variable has it */

typedef struct ngx_http_gateway_jwt_text_s  ngx_http_gateway_jwt_text_t;

struct ngx_http_gateway_jwt_text_s {
    const json_t                       *value;
    ngx_str_t                           text;
    ngx_http_gateway_jwt_text_t        *next;
};


/*
 * A parsed token, outside of the request's pool; one of the table is in it and
 * has references to the values of its entry.  A refused token is freed with the
 * verdict: variables have copied what they needed.  A kept token lives as
 * long as the pool, also when another one replaces it, since variables that
 * nginx has cached may point into it.
 */

typedef struct {
    ngx_str_t                           text;
    gw_jws_t                            jws;
    size_t                              max_values; /* in its payload */
    json_t                             *claims;     /* NULL: not parsed yet */
    json_t                             *all;        /* all claims; or NULL */
    unsigned                            partial:1;  /* "claims" is "iss" only */
    unsigned                            kept:1;
    ngx_pool_cleanup_t                 *cleanup;    /* frees the token */

    /* the entry of the table that it was taken from; NULL: it was parsed */
    gw_known_t                         *known;

    /*
     * the keys that its signature was verified with, or the endpoints that were
     * asked about it; NULL: it was not verified
     */
    const ngx_array_t                  *keys;
    ngx_uint_t                          open;
    ngx_uint_t                          generation;
    uint64_t                            number;     /* of the key set; 0: it
                                                       need not be remembered */

    ngx_http_gateway_jwt_text_t        *texts;
    ngx_str_t                           payload;    /* for the variable */
} ngx_http_gateway_jwt_token_t;


/* JWT's part of the request's record */

typedef struct ngx_http_gateway_jwt_ctx_s  ngx_http_gateway_jwt_ctx_t;
typedef struct ngx_http_gateway_jwt_asking_s  ngx_http_gateway_jwt_asking_t;

struct ngx_http_gateway_jwt_ctx_s {
    ngx_http_gateway_jwt_token_t       *token;
    gw_reason_e                         reason;
    const ngx_http_gateway_jwt_rule_t  *failed;     /* rule that is not met */
    ngx_uint_t                          status;     /* to refuse with */
    ngx_uint_t                          retry_after;  /* s; 0: none */

    /* of _wait.c; NULL: the request has not waited for keys */
    struct ngx_http_gateway_jwt_wait_s *wait;

    /* what the sources have, and the text of the token */
    const ngx_array_t                  *sources;
    ngx_http_gateway_shown_t            shown;
    ngx_str_t                           text;
    gw_reason_e                         found;
    size_t                              max_values; /* in its payload */

    ngx_str_t                           refused;    /* copied claims */
    ngx_str_t                           why;        /* malformed, for the log */
    ngx_str_t                           kid;        /* if "token" is NULL */

    ngx_http_gateway_jwt_asking_t      *asking;     /* at endpoints; or NULL */

    unsigned                            readable:1;   /* by variables */
    unsigned                            unverified:1; /* by configuration */
    unsigned                            judged:1;     /* "reason" is set */
};


/* the indices of the method and of its slots, registered in preconfiguration */
extern ngx_uint_t  ngx_http_gateway_jwt_method;
extern ngx_uint_t  ngx_http_gateway_jwt_slot;       /* the ctx */
extern ngx_uint_t  ngx_http_gateway_jwt_refusal_slot;

/* JWT's part of a record; NULL: no location has looked for a token yet */
#define ngx_http_gateway_jwt_ctx(gr)                                          \
    ((ngx_http_gateway_jwt_ctx_t *)                                           \
     ngx_http_gateway_slot(gr, ngx_http_gateway_jwt_slot))


/* ngx_http_gateway_jwt_conf.c */

/* what settings are for: verifying tokens; reading them, verified or not */
extern ngx_http_gateway_use_t  ngx_http_gateway_jwt_use;
extern ngx_http_gateway_use_t  ngx_http_gateway_jwt_reads;

void *ngx_http_gateway_jwt_create_main_conf(ngx_conf_t *cf);
void *ngx_http_gateway_jwt_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_gateway_jwt_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


/* ngx_http_gateway_jwt_key.c */

/*
 * Finds the sources of "conf", each once for all locations that name it with
 * the same parameters, and loads key files; an [emerg] names the line of the
 * directive.
 */
char *ngx_http_gateway_jwt_load_keys(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf);

char *ngx_http_gateway_jwt_key_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_jwt_key_policy(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_jwt_key_request(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Whether a source of the location may vouch for a token with the claim "iss",
 * which can be NULL.
 */
ngx_uint_t ngx_http_gateway_jwt_serves(
    const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    const ngx_http_gateway_jwt_key_use_t *use, const json_t *iss);

/*
 * Writes the sources whose keys may serve the token, chosen by its "iss" if the
 * claims have been parsed, to "sources", which has room for all of the
 * location.  Returns their number.
 */
size_t ngx_http_gateway_jwt_choose_keys(
    const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    ngx_http_gateway_jwt_source_t **sources);


/* ngx_http_gateway_jwt_issuer.c */

/* configuration: the keys of the source "name" may sign for "issuer" */
char *ngx_http_gateway_jwt_bind(ngx_conf_t *cf, const ngx_str_t *issuer,
    const ngx_str_t *name);

/*
 * In a merge, after _load_keys(): finds which sources of "conf" are bound to
 * an issuer, by "issuer=" or by a single gateway_jwt_issuer, and which may sign
 * for any.
 */
char *ngx_http_gateway_jwt_bind_keys(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf);

/*
 * In postconfiguration: refuses consumers that are matched by "iss" and "sub"
 * where a key may sign for any issuer.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_jwt_check_open(ngx_conf_t *cf);

/* the first source of "conf" without "issuer="; NULL: there is none */
ngx_http_gateway_jwt_key_use_t *ngx_http_gateway_jwt_unbound_key(
    const ngx_http_gateway_jwt_loc_conf_t *conf);

/*
 * Whether "conf" accepts tokens of more than one issuer, so that "sub" alone
 * does not identify a consumer: by gateway_jwt_issuer or, without it, by the
 * sources.
 */
ngx_uint_t ngx_http_gateway_jwt_many_issuers(
    const ngx_http_gateway_jwt_loc_conf_t *conf);

/*
 * The source "i" of a block: those of keys come first, then those of
 * introspection.  NULL: there are not as many.
 */
ngx_http_gateway_jwt_key_use_t *ngx_http_gateway_jwt_use_at(
    const ngx_http_gateway_jwt_loc_conf_t *conf, ngx_uint_t i);

/*
 * Whether sources are bound to an issuer, anywhere in the configuration, and
 * "name" (NULL: none) is not one of them.
 */
ngx_uint_t ngx_http_gateway_jwt_foreign(
    const ngx_http_gateway_jwt_main_conf_t *jmcf, const char *iss, size_t len,
    const ngx_str_t *name);

/*
 * Whether "consumer" has the form "iss#sub" with an issuer that is bound to
 * sources and is not the token's issuer, "iss" (NULL: it has none).
 */
ngx_uint_t ngx_http_gateway_jwt_borrows(
    const ngx_http_gateway_jwt_main_conf_t *jmcf, const ngx_str_t *consumer,
    const char *iss, size_t len);

/*
 * Whether the key that verified a token at this location proves its issuer.
 */
ngx_uint_t ngx_http_gateway_jwt_vouched(
    const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, const char *iss, size_t len);


/* ngx_http_gateway_jwt_find.c */

/* the places of a location where the token may be: source_t */
const ngx_array_t *ngx_http_gateway_jwt_sources(
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/*
 * Starts a verdict: forgets the last one in "ctx" and looks for the token.
 * GW_OK with ctx->text, or a reason, which is also in ctx->found unless it is
 * GW_TOO_LARGE.
 */
gw_reason_e ngx_http_gateway_jwt_find(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/*
 * gateway_jwt_hide: the first removes the token from arguments, in ACCESS, the
 * second from all other places, in PRECONTENT.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_jwt_hide_argument(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);
ngx_int_t ngx_http_gateway_jwt_hide(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);

/*
 * The same for a request whose token has not been looked for: an
 * ngx_http_gateway_hide_pt.
 */
ngx_int_t ngx_http_gateway_jwt_hide_early(ngx_http_request_t *r);


/* ngx_http_gateway_jwt_token.c */

/*
 * Parses ctx->text into ctx->token, or takes it from the table of verified
 * tokens, unless ctx->token is a token of the same bytes.
 * GW_OK, a reason with ctx->why and ctx->kid, or GW_FAILED: no memory.
 */
gw_reason_e ngx_http_gateway_jwt_take_apart(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);

/*
 * Makes ctx->token of the opaque token ctx->text, which an endpoint has called
 * active, unless that is a token with these claims.  It gets a reference to
 * "claims", which are complete, and a copy of "payload", the text that they are
 * parsed from.  It has no header.  GW_OK or GW_FAILED.
 */
gw_reason_e ngx_http_gateway_jwt_answered(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, json_t *claims,
    const ngx_str_t *payload);

/*
 * Parses of the claims "iss" alone, before the signature is verified, or all
 * that the configuration reads.  Both keep what has been parsed already.
 */
gw_reason_e ngx_http_gateway_jwt_parse_issuer(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);
gw_reason_e ngx_http_gateway_jwt_parse_claims(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);

/* copies to "ctx" what the log shows of a refused token; no memory: nothing */
void ngx_http_gateway_jwt_explain(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, const gw_jws_error_t *error);

/*
 * Whether the token's signature is valid at this location and its claims have
 * been parsed.
 */
ngx_uint_t ngx_http_gateway_jwt_verified(const ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/*
 * Ends a verdict, after the last read of ctx->token: keeps the token for
 * variables, or frees it.
 */
void ngx_http_gateway_jwt_finish(ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/*
 * The token whose claims variables may read; NULL: there is none, or no
 * memory.
 */
ngx_http_gateway_jwt_token_t *ngx_http_gateway_jwt_token(
    ngx_http_request_t *r, ngx_http_gateway_jwt_ctx_t *ctx);

/* also the claims that the configuration does not name; NULL: no memory */
const json_t *ngx_http_gateway_jwt_all_claims(
    ngx_http_gateway_jwt_token_t *token);


/* ngx_http_gateway_jwt_signature.c */

gw_reason_e ngx_http_gateway_jwt_check_algorithm(
    const ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/*
 * GW_OK also with "gateway_jwt_verify off"; may parse "iss" before.  Otherwise
 * a reason, for GW_KEYS_UNAVAILABLE with ctx->status, or GW_WAITING: the
 * request is parked until keys have been fetched.
 */
gw_reason_e ngx_http_gateway_jwt_check_signature(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

char *ngx_http_gateway_jwt_algorithms(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_gateway_jwt_authenticate.c */

/*
 * Judges the request's token by "jlcf" and leaves the verdict in "ctx" and the
 * identity in "gr".  Returns GW_OK, the reason to refuse the token, also in
 * mode "dry_run", or GW_FAILED; the caller then calls
 * ngx_http_gateway_jwt_finish().
 *
 * GW_WAITING: the request is parked, and the caller returns NGX_AGAIN.  There
 * is no verdict and no identity; the next call decides anew.
 */
gw_reason_e ngx_http_gateway_jwt_judge(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);


/* ngx_http_gateway_jwt_access.c: the handlers of ACCESS and PRECONTENT */

ngx_int_t ngx_http_gateway_jwt_access(ngx_http_request_t *r);
ngx_int_t ngx_http_gateway_jwt_precontent(ngx_http_request_t *r);


/* ngx_http_gateway_jwt_path.c */

/* parses a claim path of a directive, and has its claim parsed in requests */
char *ngx_http_gateway_jwt_parse_path(ngx_conf_t *cf, ngx_str_t *text,
    gw_claim_path_t *path);

/* setters: a gw_claim_path_t *, and an array of gw_claim_path_t */
char *ngx_http_gateway_jwt_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_jwt_paths(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_gateway_jwt_rule.c */

/*
 * gateway_jwt_require and gateway_jwt_require_claim.  Returns GW_OK, GW_CLAIM
 * with ctx->status and, for a rule on a claim, ctx->failed, or GW_FAILED.
 */
gw_reason_e ngx_http_gateway_jwt_check_rules(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/* whether ctx->failed is a rule on a claim of gateway_jwt_scope */
ngx_uint_t ngx_http_gateway_jwt_scope_failed(
    const ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/* the scopes that a rule requires, separated by spaces; "" if it names none */
ngx_int_t ngx_http_gateway_jwt_missing_scopes(ngx_http_request_t *r,
    const ngx_http_gateway_jwt_rule_t *rule, ngx_str_t *scopes);


/* ngx_http_gateway_jwt_rule_conf.c */

char *ngx_http_gateway_jwt_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_jwt_require_claim(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_gateway_jwt_consumer.c */

/*
 * The consumer's name by the claims, "" if there is none; its bytes are the
 * claim's or the pool's.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_jwt_consumer(ngx_http_request_t *r,
    ngx_str_t *consumer, const json_t *claims,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/*
 * Completes an identity from the consumers file if the token names a consumer
 * of it.  Returns GW_OK, GW_CONSUMER_CONFLICT, GW_DISABLED or GW_FAILED.
 */
gw_reason_e ngx_http_gateway_jwt_map(ngx_http_request_t *r,
    ngx_http_gateway_identity_t *identity, const json_t *claims,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);


/* ngx_http_gateway_jwt_identity.c */

/*
 * Fills the record's identity from the claims, and from the consumer of the
 * file that they name.  Returns GW_OK, GW_MALFORMED_PAYLOAD with ctx->why if
 * the consumer's name has control characters or blanks at its ends,
 * GW_DISABLED or GW_CONSUMER_CONFLICT with 403 in ctx->status, or GW_FAILED.
 */
gw_reason_e ngx_http_gateway_jwt_identify(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/* gateway_jwt_claim_header: sets the header lines for the upstream */
ngx_int_t ngx_http_gateway_jwt_set_headers(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

/* adds to a block's headers those of the outer block with other names */
char *ngx_http_gateway_jwt_merge_headers(ngx_conf_t *cf, ngx_array_t **conf,
    ngx_array_t *prev);

char *ngx_http_gateway_jwt_claim_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_gateway_jwt_refused.c */

/*
 * Empties the variables of a refused token, unless signatures are not verified
 * at the location.  "verified": copies first the claims that
 * $gateway_jwt_refused_claim_<name> reads.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_jwt_refused(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, ngx_uint_t verified);

/* $gateway_jwt_refused_claim_<name> */
ngx_int_t ngx_http_gateway_jwt_refused_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/* ngx_http_gateway_jwt_challenge.c */

/*
 * For a token that cannot be judged now: returns "reason", and has it answered
 * with status 503 and Retry-After, in seconds.
 */
gw_reason_e ngx_http_gateway_jwt_unavailable(ngx_http_gateway_jwt_ctx_t *ctx,
    gw_reason_e reason, ngx_uint_t retry_after);

/*
 * Returns the verdict in "ctx" as ngx_http_gateway_answer() does; a refusal
 * gets its challenge.
 */
ngx_int_t ngx_http_gateway_jwt_answer(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

char *ngx_http_gateway_jwt_set_challenge(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_gateway_jwt_advice.c: warnings of keys that no token can use */

/* in a merge, once the block is complete; NGX_CONF_ERROR: no memory */
char *ngx_http_gateway_jwt_advise(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf);

/* in postconfiguration */
void ngx_http_gateway_jwt_advise_issuers(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_main_conf_t *jmcf);


/* ngx_http_gateway_jwt_variable.c */

ngx_int_t ngx_http_gateway_jwt_add_variables(ngx_conf_t *cf);

/*
 * Configuration: adds a claim's name to "names", which is "claims" or "refused"
 * of the main configuration: something reads it.
 */
ngx_int_t ngx_http_gateway_jwt_read(ngx_conf_t *cf, ngx_array_t *names,
    const ngx_str_t *name);

/* in postconfiguration: adds the claims that variables in use read */
ngx_int_t ngx_http_gateway_jwt_used_variables(ngx_conf_t *cf);

char *ngx_http_gateway_jwt_claim_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_jwt_header_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


extern ngx_module_t  ngx_http_gateway_jwt_module;


#endif /* _NGX_HTTP_GATEWAY_JWT_H_INCLUDED_ */
