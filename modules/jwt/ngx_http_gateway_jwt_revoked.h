/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_jwt_revoked.c: gateway_jwt_revoked, lists of revoked tokens
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_REVOKED_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_REVOKED_H_INCLUDED_


#include "ngx_http_gateway_jwt.h"
#include "gw_revoked.h"


/* a list: one for all blocks that name the file with the same "watch=" */

typedef struct {
    ngx_http_gateway_watch_t             watch;
    uint64_t                             secret[2];  /* of its hashes */
    gw_revoked_t                        *list;       /* owned */
    gw_revoked_t                        *next;       /* owned; being read, or
                                                        NULL */
    const gw_json_names_t               *names;      /* that are parsed */
    ngx_uint_t                           unread;     /* unsigned:1; the list has
                                                        a claim that is not one
                                                        of "names" */
} ngx_http_gateway_jwt_revoked_t;


/* a list as a directive names it; shared by blocks that inherit it */

typedef struct {
    ngx_str_t                            path;
    ngx_msec_t                           watch;
    ngx_str_t                            issuer;     /* "": of any issuer */
    ngx_uint_t                           listed;     /* unsigned:1; in
                                                        jmcf->lists */
    ngx_uint_t                           accepted;   /* unsigned:1; a block
                                                        accepts its issuer */
    ngx_http_gateway_place_t             place;
    ngx_http_gateway_jwt_revoked_t      *revoked;
} ngx_http_gateway_jwt_revoked_use_t;


/*
 * Whether a list in force at the location names the token, whose claims have
 * been parsed.  GW_OK, GW_REVOKED, or GW_FAILED: no memory.
 */
gw_reason_e ngx_http_gateway_jwt_check_revoked(ngx_http_request_t *r,
    ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);

char *ngx_http_gateway_jwt_revoked(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_GATEWAY_JWT_REVOKED_H_INCLUDED_ */
