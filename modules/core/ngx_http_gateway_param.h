/* SPDX-License-Identifier: BSD-2-Clause */

/* The parameters and values of directives. */

#ifndef _NGX_HTTP_GATEWAY_PARAM_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_PARAM_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * ngx_http_gateway_param.c: tables of parameters, and setters
 */

typedef char *(*ngx_http_gateway_param_pt)(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

struct ngx_http_gateway_param_s {
    ngx_str_t                       name;    /* "watch=", or a word "jwks" */
    ngx_http_gateway_param_pt       set;
    size_t                          offset;  /* in the caller's structure */
    uintptr_t                       post;    /* the setter's own */
};

#define ngx_http_gateway_null_param  { ngx_null_string, NULL, 0, 0 }

/* a bit of "offset": the parameter may be repeated */
#define NGX_HTTP_GATEWAY_PARAM_MANY  ((size_t) 1 << (8 * sizeof(size_t) - 1))


/*
 * Parses the arguments of the directive from "first" on.  For an unknown,
 * repeated or invalid one it logs what was found and what is allowed.  Words
 * with the same offset are mutually exclusive.  A table has at most 32 rows.
 * Returns NGX_CONF_OK, or NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_params(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *table, void *conf, ngx_uint_t first);

/* stores "post" as ngx_uint_t */
char *ngx_http_gateway_param_word(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_str_t, not empty */
char *ngx_http_gateway_param_str(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_array_t of ngx_str_t, initially zeroed; none of them is empty;
   with NGX_HTTP_GATEWAY_PARAM_MANY */
char *ngx_http_gateway_param_str_list(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_msec_t */
char *ngx_http_gateway_param_msec(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* time_t, in seconds */
char *ngx_http_gateway_param_sec(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* size_t, in bytes, above 0 */
char *ngx_http_gateway_param_size(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* uint64_t, the threshold of a ratio: gw_sample.h */
char *ngx_http_gateway_param_sample(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_uint_t; "post" is an ngx_conf_enum_t[] */
char *ngx_http_gateway_param_enum(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_http_gateway_zone_t, from "name:size"; "post": the minimum, in bytes */

typedef struct {
    ngx_str_t                       name;
    size_t                          size;
} ngx_http_gateway_zone_t;

char *ngx_http_gateway_param_zone(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/*
 * Whether the name of a zone consists of letters, digits, "_", "-" and ".".  It
 * is written to header fields, JSON and keys in other servers without escaping.
 */
ngx_uint_t ngx_http_gateway_zone_name(const ngx_str_t *name);

/*
 * ngx_http_gateway_unknown.c: stores the place of a value with variables, so
 * that postconfiguration can report the place of an unknown variable.
 * ngx_http_gateway_complex_value() and the setter of sources call it; other
 * code that reads variables must call it.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_reads(ngx_conf_t *cf, const ngx_str_t *value);

/*
 * Sets "name" to the next variable or capture between "*p" and "last", without
 * "$" and braces, and "*p" to its end.  Returns 0 if there is none.  For values
 * that nginx has compiled.
 */
ngx_uint_t ngx_http_gateway_next_variable(u_char **p, u_char *last,
    ngx_str_t *name);

/* core's postconfiguration; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_unknown_check(ngx_conf_t *cf);

/*
 * Sets "off" if an argument of the directive is "off".  NGX_CONF_ERROR after an
 * [emerg] if there are other arguments.
 */
char *ngx_http_gateway_param_off(ngx_conf_t *cf, ngx_uint_t *off);

/*
 * Logs an [emerg] about "directive off" and the same directive with other
 * arguments in one block.  Returns NGX_CONF_ERROR.
 */
char *ngx_http_gateway_param_off_conflicts(ngx_conf_t *cf);

/* compiles a value with variables; NULL after an [emerg] */
ngx_http_complex_value_t *ngx_http_gateway_complex_value(ngx_conf_t *cf,
    ngx_str_t *value);

/* like ngx_conf_set_str_slot(); an empty value is an error */
char *ngx_http_gateway_set_str_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* like ngx_conf_set_sec_slot() and ngx_conf_set_size_slot(), the same */
char *ngx_http_gateway_set_sec_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_set_size_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* like ngx_conf_set_enum_slot(); the error lists the allowed values */
char *ngx_http_gateway_set_enum_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Like ngx_conf_set_bitmask_slot(), for an ngx_uint_t that is initially 0 and
 * an ngx_conf_enum_t[]; the error lists the allowed values.
 */
char *ngx_http_gateway_set_bits_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * In a setter: logs a warning if a value looks like a variable or a pattern,
 * although it is "meaning", such as "the name of a group".
 */
void ngx_http_gateway_warn_literal(ngx_conf_t *cf, ngx_str_t *value,
    const char *meaning);

/*
 * A directive's setter: appends its arguments to an array of ngx_str_t.  An
 * empty argument is an error.  Warns as above.
 */
char *ngx_http_gateway_set_str_list_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_GATEWAY_PARAM_H_INCLUDED_ */
