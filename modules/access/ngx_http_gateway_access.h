/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rules on who the client is, and lines that tell the upstream.
 *
 * A level of the configuration that writes a directive replaces what it
 * inherits of that directive; the four kinds of rules do so independently.
 */

#ifndef _NGX_HTTP_GATEWAY_ACCESS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_ACCESS_H_INCLUDED_


#include "ngx_http_gateway_setting.h"
#include "gw_names.h"


/* the kinds of rules, in the order in which a request meets them */

typedef enum {
    NGX_HTTP_GATEWAY_ACCESS_SCOPE = 0,
    NGX_HTTP_GATEWAY_ACCESS_GROUP,
    NGX_HTTP_GATEWAY_ACCESS_DENY,
    NGX_HTTP_GATEWAY_ACCESS_CONSUMER,
    NGX_HTTP_GATEWAY_ACCESS_KINDS
} ngx_http_gateway_access_kind_e;


typedef struct {
    const char                     *directive;
    const char                     *noun;       /* what a rule lists */
    const char                     *meaning;    /* of one of its values */
    ngx_uint_t                    (*valid)(ngx_str_t *name);
    const char                     *form;       /* of a valid name */
    size_t                          field;      /* of the identity, ngx_str_t */
    char                            separator;  /* of the field's names */
    gw_reason_e                     reason;     /* of a refusal */
    ngx_http_gateway_name_e         names;      /* of a file of consumers */
    ngx_uint_t                      others;     /* USE_: who else has them */
    ngx_uint_t                      allows;     /* unsigned:1 */
} ngx_http_gateway_access_kind_t;

/* ngx_http_gateway_access_kind.c, indexed by ngx_http_gateway_access_kind_e */
extern const ngx_http_gateway_access_kind_t
    ngx_http_gateway_access_kinds[NGX_HTTP_GATEWAY_ACCESS_KINDS];


/* one directive */

typedef struct {
    ngx_array_t                     names;      /* gw_text_t */
    ngx_array_t                     methods;    /* gw_text_t; none: of any */
    ngx_http_gateway_place_t        place;
} ngx_http_gateway_access_rule_t;


/* a line for the upstream, and where its value stands in the identity */

typedef struct {
    ngx_http_gateway_identity_header_t  line;
    size_t                              field;
} ngx_http_gateway_access_header_t;


/* a rule that allows, and where it is written */

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
    ngx_uint_t                      active;     /* anything of what follows */
    ngx_uint_t                      judges;     /* there are rules */

    /* rule_t; before merging NULL is "not written here" */
    ngx_array_t                    *rules[NGX_HTTP_GATEWAY_ACCESS_KINDS];
    ngx_uint_t                      off[NGX_HTTP_GATEWAY_ACCESS_KINDS];

    ngx_array_t                    *headers;    /* header_t; NULL likewise */

    ngx_http_gateway_place_t        place;      /* of the block */
} ngx_http_gateway_access_loc_conf_t;


/*
 * ngx_http_gateway_access_rule.c: what the rules of a location say
 */

/*
 * Whether an identity meets all rules: GW_OK, or the reason of the first kind
 * that it fails, in "kind".  Allocates nothing.
 */
gw_reason_e ngx_http_gateway_access_check(ngx_http_request_t *r,
    const ngx_http_gateway_access_loc_conf_t *alcf,
    const ngx_http_gateway_identity_t *identity,
    ngx_http_gateway_access_kind_e *kind);

/*
 * The required scopes that the identity lacks, each once, joined by spaces,
 * in the request's memory.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_access_missing(ngx_http_request_t *r,
    const ngx_http_gateway_access_loc_conf_t *alcf,
    const ngx_http_gateway_identity_t *identity, ngx_str_t *missing);


/* whether a rule concerns requests of a method, which is not "HEAD" */
ngx_uint_t ngx_http_gateway_access_applies(
    const ngx_http_gateway_access_rule_t *rule, const gw_text_t *method);

/* whether a name is one of the array's gw_text_t */
ngx_uint_t ngx_http_gateway_access_listed(const ngx_array_t *names,
    const gw_text_t *name);


/*
 * ngx_http_gateway_access_conf.c: how rules are written
 */

/* the setter of all four directives; cmd->offset is the kind */
char *ngx_http_gateway_access_rule(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/*
 * In postconfiguration: warns of rules that no consumer of the file can meet,
 * where nothing else names scopes, groups or consumers.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_access_check_names(ngx_conf_t *cf);


/*
 * ngx_http_gateway_access_merge.c: how rules are inherited
 */

/*
 * Fills conf->rules and conf->judges; warns where the block drops rules that
 * it inherits and does not repeat.
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
 * Adds the lines to a request whose own lines of these names PREACCESS has
 * removed.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_access_set_headers(ngx_http_request_t *r,
    const ngx_array_t *headers, ngx_http_gateway_identity_t *identity);


extern ngx_module_t  ngx_http_gateway_access_module;


#endif /* _NGX_HTTP_GATEWAY_ACCESS_H_INCLUDED_ */
