/* SPDX-License-Identifier: BSD-2-Clause */

/* Parameters and values of directives. */

#ifndef _NGX_HTTP_GATEWAY_PARAM_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_PARAM_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * ngx_http_gateway_param.c: parameters of directives, by table
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
 * Parses the arguments from "first" on.  Unknown, repeated and bad ones are
 * refused with what was found and what is allowed; two words with the same
 * offset exclude each other.  At most 32 rows.  Returns NGX_CONF_OK, or
 * NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_params(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *table, void *conf, ngx_uint_t first);

/* stores "post" as ngx_uint_t */
char *ngx_http_gateway_param_word(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_str_t, not empty */
char *ngx_http_gateway_param_str(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_array_t of ngx_str_t, all zero at first, none of them empty;
   NGX_HTTP_GATEWAY_PARAM_MANY */
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

/* ngx_http_gateway_zone_t, from "name:size"; "post": the least size in bytes */

typedef struct {
    ngx_str_t                       name;
    size_t                          size;
} ngx_http_gateway_zone_t;

char *ngx_http_gateway_param_zone(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/*
 * Whether the name of a zone consists of letters, digits, "_", "-" and ".": it
 * is in header fields, JSON and keys of Redis, without an escape.
 */
ngx_uint_t ngx_http_gateway_zone_name(const ngx_str_t *name);

/*
 * ngx_http_gateway_unknown.c: keeps the place of a value with variables, so
 * that postconfiguration can say where one is that nothing defines.  Called by
 * ngx_http_gateway_complex_value() and ngx_http_gateway_source_variable(); by
 * others that read variables.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_reads(ngx_conf_t *cf, const ngx_str_t *value);

/* core's postconfiguration; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_unknown_check(ngx_conf_t *cf);

/*
 * Sets "off" if an argument of the directive is "off".  NGX_CONF_ERROR after an
 * [emerg] if there are others beside it.
 */
char *ngx_http_gateway_param_off(ngx_conf_t *cf, ngx_uint_t *off);

/*
 * "directive off" and the directive with other arguments, in one block: logs
 * an [emerg], returns NGX_CONF_ERROR.
 */
char *ngx_http_gateway_param_off_conflicts(ngx_conf_t *cf);

/* a value that may hold variables; NULL after an [emerg] */
ngx_http_complex_value_t *ngx_http_gateway_complex_value(ngx_conf_t *cf,
    ngx_str_t *value);

/* a directive's setter: as ngx_conf_set_str_slot(), and refuses an empty one */
char *ngx_http_gateway_set_str_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* the same: as ngx_conf_set_sec_slot() and _size_slot() */
char *ngx_http_gateway_set_sec_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_set_size_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* a directive's setter: as ngx_conf_set_enum_slot(), and says what it takes */
char *ngx_http_gateway_set_enum_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * A directive's setter of an ngx_uint_t that is 0: the bits of its arguments,
 * as ngx_conf_set_bitmask_slot(), by an ngx_conf_enum_t[]; and says what it
 * takes.
 */
char *ngx_http_gateway_set_bits_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * In a setter: warns where a value looks as if it held a variable or a pattern
 * and is "meaning", such as "the name of a group".
 */
void ngx_http_gateway_warn_literal(ngx_conf_t *cf, ngx_str_t *value,
    const char *meaning);

/*
 * A directive's setter: appends its arguments to an array of ngx_str_t; an
 * empty one is refused.  Warns as above.
 */
char *ngx_http_gateway_set_str_list_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_GATEWAY_PARAM_H_INCLUDED_ */
