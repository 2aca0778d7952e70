/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Access rules by scope, group and consumer, and identity headers for the
 * upstream server.
 *
 * A level of the configuration that sets a directive replaces what it inherits
 * of that directive.  The four kinds of rules are inherited independently.
 */

#ifndef _NGX_HTTP_GATEWAY_ACCESS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_ACCESS_H_INCLUDED_


#include "ngx_http_gateway_setting.h"
#include "gw_names.h"


/* the kinds of rules, in the order in which they are checked */

typedef enum {
    NGX_HTTP_GATEWAY_ACCESS_SCOPE = 0,
    NGX_HTTP_GATEWAY_ACCESS_GROUP,
    NGX_HTTP_GATEWAY_ACCESS_DENY,
    NGX_HTTP_GATEWAY_ACCESS_CONSUMER,
    NGX_HTTP_GATEWAY_ACCESS_KINDS
} ngx_http_gateway_access_kind_e;


typedef struct {
    const char                     *directive;
    const char                     *noun;       /* "scope", for messages */
    const char                     *meaning;    /* "the name of a scope" */
    ngx_uint_t                    (*valid)(ngx_str_t *name);
    const char                     *form;       /* "it must ..." */
    size_t                          field;      /* identity's ngx_str_t */
    char                            separator;  /* between names there */
    gw_reason_e                     reason;     /* if the rule fails */
    ngx_http_gateway_name_e         names;      /* in the consumers file */
    ngx_uint_t                      others;     /* USE_: other sources */
    ngx_uint_t                      allows;     /* unsigned:1 */
} ngx_http_gateway_access_kind_t;

/* ngx_http_gateway_access_kind.c, indexed by ngx_http_gateway_access_kind_e */
extern const ngx_http_gateway_access_kind_t
    ngx_http_gateway_access_kinds[NGX_HTTP_GATEWAY_ACCESS_KINDS];


/* one directive */

typedef struct {
    ngx_array_t                     names;      /* gw_text_t */
    ngx_array_t                     methods;    /* gw_text_t; none: all */
    ngx_http_gateway_place_t        place;
} ngx_http_gateway_access_rule_t;


/* a header for the upstream server; its value is a field of the identity */

typedef struct {
    ngx_http_gateway_identity_header_t  line;
    size_t                              field;
} ngx_http_gateway_access_header_t;


/* a rule other than gateway_deny_group, and its place */

typedef struct {
    ngx_uint_t                      kind;
    ngx_array_t                     names;      /* gw_text_t */
    ngx_http_gateway_place_t        place;
    ngx_http_gateway_loc_conf_t    *block;
    ngx_http_core_loc_conf_t       *location;   /* of the block */
} ngx_http_gateway_access_written_t;


typedef struct {
    ngx_array_t                     written;    /* written_t */
    ngx_uint_t                      used;       /* unsigned:1 */
} ngx_http_gateway_access_main_conf_t;


typedef struct {
    ngx_uint_t                      active;     /* rules or headers are set */
    ngx_uint_t                      judges;     /* rules are set */

    /* rule_t; before merging NULL: not set at this level */
    ngx_array_t                    *rules[NGX_HTTP_GATEWAY_ACCESS_KINDS];
    ngx_uint_t                      off[NGX_HTTP_GATEWAY_ACCESS_KINDS];

    ngx_array_t                    *headers;    /* header_t; likewise */

    ngx_http_gateway_place_t        place;      /* of the block */
} ngx_http_gateway_access_loc_conf_t;


/*
 * ngx_http_gateway_access_rule.c: checking an identity
 */

/*
 * Returns GW_OK if the identity meets all rules of the location.  Otherwise
 * returns the reason of the first rule that fails and sets "kind".  Allocates
 * no memory.
 */
gw_reason_e ngx_http_gateway_access_check(ngx_http_request_t *r,
    const ngx_http_gateway_access_loc_conf_t *alcf,
    const ngx_http_gateway_identity_t *identity,
    ngx_http_gateway_access_kind_e *kind);

/*
 * Lists the required scopes that the identity lacks, each once, joined by
 * spaces, in the request's pool.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_gateway_access_missing(ngx_http_request_t *r,
    const ngx_http_gateway_access_loc_conf_t *alcf,
    const ngx_http_gateway_identity_t *identity, ngx_str_t *missing);


/* whether a rule applies to a method; "GET" must be passed for HEAD */
ngx_uint_t ngx_http_gateway_access_applies(
    const ngx_http_gateway_access_rule_t *rule, const gw_text_t *method);

/* whether an array of gw_text_t contains a name */
ngx_uint_t ngx_http_gateway_access_listed(const ngx_array_t *names,
    const gw_text_t *name);


/*
 * ngx_http_gateway_access_conf.c: reading rules
 */

/* the setter of all four directives; cmd->offset is the kind */
char *ngx_http_gateway_access_rule(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/*
 * Called in postconfiguration.  Warns of rules that list no name of the
 * consumers file, unless a token can have such names.  NGX_ERROR: out of
 * memory.
 */
ngx_int_t ngx_http_gateway_access_check_names(ngx_conf_t *cf);


/*
 * ngx_http_gateway_access_merge.c: inheriting rules
 */

/*
 * Sets conf->rules and conf->judges.  Warns if the block requires less than
 * the rules that it would inherit.
 */
void ngx_http_gateway_access_merge_rules(ngx_conf_t *cf,
    ngx_http_gateway_access_loc_conf_t *conf,
    const ngx_http_gateway_access_loc_conf_t *prev);


/*
 * ngx_http_gateway_access_header.c: gateway_identity_headers
 */

char *ngx_http_gateway_access_headers(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Adds the headers to a request.  The client's copies have been removed in
 * PREACCESS.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_gateway_access_set_headers(ngx_http_request_t *r,
    const ngx_array_t *headers, ngx_http_gateway_identity_t *identity);


extern ngx_module_t  ngx_http_gateway_access_module;


#endif /* _NGX_HTTP_GATEWAY_ACCESS_H_INCLUDED_ */
