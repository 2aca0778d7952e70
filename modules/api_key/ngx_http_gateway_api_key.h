/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The internals of the API key module.  Only modules/api_key includes this
 * header.
 */

#ifndef _NGX_HTTP_GATEWAY_API_KEY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_API_KEY_H_INCLUDED_


#include "ngx_http_gateway_consumers.h"
#include "gw_key.h"


typedef enum {
    NGX_HTTP_GATEWAY_API_KEY_ANY = 0,
    NGX_HTTP_GATEWAY_API_KEY_GW
} ngx_http_gateway_api_key_format_e;


typedef struct {
    gw_key_hash_t                       hash;
    ngx_uint_t                          used;       /* unsigned:1 */
} ngx_http_gateway_api_key_main_conf_t;


typedef struct {
    ngx_http_gateway_place_t            place;      /* of the block */

    ngx_flag_t                          enable;
    ngx_http_complex_value_t           *realm;
    ngx_array_t                        *sources;    /* source_t */
    ngx_uint_t                          bearer;     /* unsigned:1 */

    ngx_flag_t                          hide;
    ngx_uint_t                          format;
    ngx_uint_t                          mode;
} ngx_http_gateway_api_key_loc_conf_t;


/* the parameters of gateway_api_key */

typedef struct {
    ngx_str_t                           header;
    ngx_uint_t                          bearer;
    ngx_str_t                           query;
    ngx_str_t                           cookie;
} ngx_http_gateway_api_key_args_t;


/* the key of a request, and its source */

typedef struct {
    ngx_http_gateway_shown_t            found;
    gw_reason_e                         reason;
    const char                         *mistake;    /* if GW_MALFORMED_KEY */
    ngx_str_t                           key;        /* decoded */
    u_char                              digest[GW_KEY_DIGEST];
    ngx_uint_t                          digested;   /* unsigned:1 */
} ngx_http_gateway_api_key_shown_t;


/* the index of the method, registered in preconfiguration */
extern ngx_uint_t  ngx_http_gateway_api_key_method;

/*
 * Looks for a key in every source of the location and checks its format.  Sets
 * "shown", with a reason other than GW_OK if there is no valid key.
 */
void ngx_http_gateway_api_key_find(ngx_http_request_t *r,
    const ngx_http_gateway_api_key_loc_conf_t *alcf,
    ngx_http_gateway_api_key_shown_t *shown);

/* makes the digest of a key, and prefetches the memory of its lookup */
void ngx_http_gateway_api_key_digest(ngx_http_request_t *r,
    ngx_http_gateway_api_key_shown_t *shown);

/* gateway_api_key_hide: empties the sources; NGX_ERROR: out of memory */
ngx_int_t ngx_http_gateway_api_key_hide(ngx_http_request_t *r,
    const ngx_http_gateway_api_key_loc_conf_t *alcf,
    const ngx_http_gateway_api_key_shown_t *shown);

/* the same before or without ACCESS, as ngx_http_gateway_hide_pt */
ngx_int_t ngx_http_gateway_api_key_hide_early(ngx_http_request_t *r);

/*
 * Looks up a key and checks its entry.  Returns GW_OK with the identity set in
 * the request's record, the reason of a refusal, or GW_FAILED.  "id" is for the
 * log: the id of a key that is known or has the format, otherwise unchanged.
 */
gw_reason_e ngx_http_gateway_api_key_judge(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_api_key_loc_conf_t *alcf,
    const ngx_http_gateway_api_key_shown_t *shown, ngx_str_t *id);


/* ngx_http_gateway_api_key_conf.c */

/* reads the parameters that follow the realm */
char *ngx_http_gateway_api_key_params(ngx_conf_t *cf,
    ngx_http_gateway_api_key_args_t *args);

/* makes the list of sources, in the order in which a request is searched */
char *ngx_http_gateway_api_key_sources(ngx_conf_t *cf,
    ngx_http_gateway_api_key_loc_conf_t *alcf,
    const ngx_http_gateway_api_key_args_t *args);

/* the setter of gateway_api_key_pepper */
char *ngx_http_gateway_api_key_pepper(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


extern ngx_module_t  ngx_http_gateway_api_key_module;


#endif /* _NGX_HTTP_GATEWAY_API_KEY_H_INCLUDED_ */
