/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Client certificates: a method of authentication that finds the consumer of a
 * TLS client in the consumers file.
 *
 * nginx verifies the certificate in the handshake.  This module checks that the
 * server that handles the request has verified it.  $ssl_client_verify does not
 * prove that: the handshake belongs to the server that SNI names, or to the
 * default server without SNI, and the request to the server that Host names.
 * SUCCESS may come from a server with other authorities, and a server that does
 * not verify at all returns it, too.
 *
 * A client cannot send another certificate on the same connection.  Therefore
 * each refusal is a 403 without a challenge.
 */

#include "ngx_http_gateway_certificate.h"
#include "ngx_http_gateway_setting.h"
#include "ngx_http_gateway_count.h"


typedef struct {
    ngx_flag_t                      enable;
    ngx_http_gateway_place_t        place;      /* of the block */
} ngx_http_gateway_certificate_loc_conf_t;


/* the entry of the consumers file that a certificate matches */

typedef struct {
    ngx_http_gateway_consumer_t     found;
    ngx_str_t                       credential; /* of the entry, or digest */
    ngx_uint_t                      matched;    /* unsigned:1 */
} ngx_http_gateway_certificate_match_t;


static ngx_int_t ngx_http_gateway_certificate_access(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_certificate_authorize(ngx_http_request_t *r);
static gw_reason_e ngx_http_gateway_certificate_judge(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_str_t *credential);
static gw_reason_e ngx_http_gateway_certificate_match(ngx_http_request_t *r,
    const ngx_http_gateway_certificate_t *certificate,
    ngx_http_gateway_certificate_match_t *match);
static gw_reason_e ngx_http_gateway_certificate_match_names(
    ngx_http_request_t *r, const ngx_http_gateway_certificate_t *certificate,
    ngx_http_gateway_certificate_match_t *match);
static gw_reason_e ngx_http_gateway_certificate_find(ngx_http_request_t *r,
    gw_consumer_kind_e kind, const u_char *name, size_t len,
    const ngx_str_t *credential, ngx_http_gateway_certificate_match_t *match);
static gw_reason_e ngx_http_gateway_certificate_identify(
    ngx_http_request_t *r, ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_certificate_match_t *match);

static ngx_int_t ngx_http_gateway_certificate_register(ngx_conf_t *cf);
static void *ngx_http_gateway_certificate_create_main_conf(ngx_conf_t *cf);
static void ngx_http_gateway_certificate_free(void *data);
static void *ngx_http_gateway_certificate_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_certificate_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_certificate_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_uint_t ngx_http_gateway_certificate_verifies(ngx_conf_t *cf);
static void ngx_http_gateway_certificate_warn(ngx_conf_t *cf,
    const ngx_http_gateway_certificate_loc_conf_t *conf);
static char *ngx_http_gateway_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_gateway_certificate_init(ngx_conf_t *cf);


static ngx_command_t  ngx_http_gateway_certificate_commands[] = {

    { ngx_string("gateway_client_certificate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
                        |NGX_HTTP_LMT_CONF|NGX_CONF_FLAG,
      ngx_http_gateway_certificate,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_certificate_loc_conf_t, enable),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_certificate_module_ctx = {
    ngx_http_gateway_certificate_register, /* preconfiguration */
    ngx_http_gateway_certificate_init,     /* postconfiguration */

    ngx_http_gateway_certificate_create_main_conf,
                                           /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_gateway_certificate_create_srv_conf,
                                           /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_certificate_create_loc_conf,
                                           /* create location configuration */
    ngx_http_gateway_certificate_merge_loc_conf
                                           /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_certificate_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_certificate_module_ctx, /* module context */
    ngx_http_gateway_certificate_commands, /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_uint_t  ngx_http_gateway_certificate_method;
static ngx_uint_t  ngx_http_gateway_certificate_slot;      /* of the refusal */


/* nginx runs ACCESS for main requests only, and again after redirects */

static ngx_int_t
ngx_http_gateway_certificate_access(ngx_http_request_t *r)
{
    ngx_http_gateway_certificate_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_certificate_module);

    return lcf->enable
           ? ngx_http_gateway_timed(r, NGX_HTTP_GATEWAY_PART_AUTH,
                                    ngx_http_gateway_certificate_authorize)
           : NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_certificate_authorize(ngx_http_request_t *r)
{
    ngx_str_t                    credential;
    ngx_http_gateway_refusal_t   verdict;
    ngx_http_gateway_request_t  *gr;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway client_certificate: authenticating");

    gr = ngx_http_gateway_request_get(r);
    if (gr == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->err_status == 0) {

        /* otherwise this is the error page, which must keep the reason */

        ngx_http_gateway_refusal_reset(gr,
                ngx_http_gateway_slot(gr, ngx_http_gateway_certificate_slot));
    }

    ngx_http_gateway_identity_begin(r, gr,
                                    ngx_http_gateway_certificate_method);

    ngx_str_null(&credential);

    ngx_memzero(&verdict, sizeof(ngx_http_gateway_refusal_t));

    verdict.method = ngx_http_gateway_certificate_method;
    verdict.status = NGX_HTTP_FORBIDDEN;
    verdict.reason = ngx_http_gateway_certificate_judge(r, gr, &credential);
    verdict.shown = verdict.reason;

    return ngx_http_gateway_answer(r, gr, ngx_http_gateway_certificate_slot,
                                   &verdict,
                                   NGX_HTTP_GATEWAY_REQUIRED,
                                   "gateway_client_certificate", "credential",
                                   &credential);
}


static gw_reason_e
ngx_http_gateway_certificate_judge(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_str_t *credential)
{
    gw_reason_e                            reason;
    ngx_http_gateway_certificate_match_t   match;
    const ngx_http_gateway_certificate_t  *certificate;

    reason = ngx_http_gateway_certificate_peer(r, &certificate);

    if (reason != GW_OK) {
        return reason;
    }

    ngx_memzero(&match, sizeof(ngx_http_gateway_certificate_match_t));

    reason = ngx_http_gateway_certificate_match(r, certificate, &match);

    if (reason == GW_OK) {
        reason = ngx_http_gateway_certificate_identify(r, gr, &match);
    }

    *credential = match.credential;

    return reason;
}


/*
 * Looks up the digest and all names of the certificate, for each request, since
 * the file may have changed.  All entries that match must belong to one
 * consumer.  If none matches, the log shows the digest.
 */

static gw_reason_e
ngx_http_gateway_certificate_match(ngx_http_request_t *r,
    const ngx_http_gateway_certificate_t *certificate,
    ngx_http_gateway_certificate_match_t *match)
{
    gw_reason_e  reason;

    reason = GW_OK;
    match->credential = certificate->hex;

    if (ngx_http_gateway_consumer_count(r, GW_CONSUMER_CERTIFICATE)) {
        reason = ngx_http_gateway_certificate_find(r, GW_CONSUMER_CERTIFICATE,
                                                   certificate->digest,
                                                   GW_CONSUMER_DIGEST,
                                                   &certificate->hex, match);
    }

    if (reason == GW_OK && ngx_http_gateway_consumer_count(r, GW_CONSUMER_SAN))
    {
        reason = ngx_http_gateway_certificate_match_names(r, certificate,
                                                          match);
    }

    if (reason != GW_OK) {
        return reason;
    }

    if (!match->matched) {
        return GW_UNKNOWN_CERTIFICATE;
    }

    return match->found.consumer.disabled ? GW_DISABLED : GW_OK;
}


static gw_reason_e
ngx_http_gateway_certificate_match_names(ngx_http_request_t *r,
    const ngx_http_gateway_certificate_t *certificate,
    ngx_http_gateway_certificate_match_t *match)
{
    ngx_uint_t        i;
    gw_reason_e       reason;
    const ngx_str_t  *name;

    reason = GW_OK;
    name = certificate->names;

    for (i = 0; reason == GW_OK && i < certificate->nnames; i++) {
        reason = ngx_http_gateway_certificate_find(r, GW_CONSUMER_SAN,
                                                   name[i].data, name[i].len,
                                                   &name[i], match);
    }

    return reason;
}


/* the first entry that matches is the credential of the certificate */

static gw_reason_e
ngx_http_gateway_certificate_find(ngx_http_request_t *r,
    gw_consumer_kind_e kind, const u_char *name, size_t len,
    const ngx_str_t *credential, ngx_http_gateway_certificate_match_t *match)
{
    ngx_http_gateway_consumer_t  found;

    switch (ngx_http_gateway_consumer_find(r, kind, name, len, &found)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return GW_OK;

    default: /* NGX_ERROR */
        return GW_FAILED;
    }

    if (match->matched) {
        return ngx_http_gateway_same(&found.consumer.id,
                                     &match->found.consumer.id)
               ? GW_OK : GW_CONSUMER_CONFLICT;
    }

    match->found = found;
    match->credential = *credential;
    match->matched = 1;

    return GW_OK;
}


static gw_reason_e
ngx_http_gateway_certificate_identify(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_certificate_match_t *match)
{
    ngx_http_gateway_identity_t  identity;

    ngx_memzero(&identity, sizeof(ngx_http_gateway_identity_t));

    identity.credential = match->credential;

    if (ngx_http_gateway_consumer_identity(r, &match->found, &identity)
        != NGX_OK)
    {
        return GW_FAILED;
    }

    return ngx_http_gateway_identity_set(r, gr,
                                         ngx_http_gateway_certificate_method,
                                         &identity);
}


static ngx_int_t
ngx_http_gateway_certificate_register(ngx_conf_t *cf)
{
    if (ngx_http_gateway_method_add(cf, "client_certificate", NULL,
                                    &ngx_http_gateway_certificate_method)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_slot_add(cf, &ngx_http_gateway_certificate_slot);
}


static void *
ngx_http_gateway_certificate_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t                        *cln;
    ngx_http_gateway_certificate_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool,
                      sizeof(ngx_http_gateway_certificate_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    mcf->sha256 = gw_md_fetch("SHA256");
    if (mcf->sha256 == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_gateway_certificate_free;
    cln->data = mcf;

    return mcf;
}


static void
ngx_http_gateway_certificate_free(void *data)
{
    ngx_http_gateway_certificate_main_conf_t *mcf = data;

    gw_md_free(mcf->sha256);
}


static void *
ngx_http_gateway_certificate_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool,
                       sizeof(ngx_http_gateway_certificate_srv_conf_t));
}


static void *
ngx_http_gateway_certificate_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_certificate_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool,
                      sizeof(ngx_http_gateway_certificate_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    lcf->enable = NGX_CONF_UNSET;

    ngx_http_gateway_place(cf, &lcf->place);

    return lcf;
}


static char *
ngx_http_gateway_certificate_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_gateway_certificate_loc_conf_t *prev = parent;
    ngx_http_gateway_certificate_loc_conf_t *conf = child;

    if (conf->enable == 1) {
        ngx_http_gateway_warn_return(cf, "gateway_client_certificate",
                                     &conf->place);

    } else if (conf->enable == NGX_CONF_UNSET && prev->enable == 1
               && ngx_http_gateway_return_inherited(cf,
                                              "gateway_client_certificate")
                  != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_value(conf->enable, prev->enable, 0);

    if (conf->enable) {
        ngx_http_gateway_identity_asked(cf, NGX_HTTP_GATEWAY_REQUIRED);
        ngx_http_gateway_use_on(cf, NGX_HTTP_GATEWAY_USE_METHOD);

        if (ngx_http_gateway_consumers_given(cf)) {
            ngx_http_gateway_use_on(cf, NGX_HTTP_GATEWAY_USE_GROUPS);
        }
    }

    if (conf->enable && ngx_http_gateway_in_force(cf)) {
        ngx_http_gateway_certificate_warn(cf, conf);
    }

    return NGX_CONF_OK;
}


/* nginx's SSL module has merged its servers before */

static ngx_uint_t
ngx_http_gateway_certificate_verifies(ngx_conf_t *cf)
{
#if (NGX_HTTP_SSL)
    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);

    return sscf->verify && sscf->ssl.ctx;
#else
    return 0;
#endif
}


/* warns once for a server, with the first block that requests can reach */

static void
ngx_http_gateway_certificate_warn(ngx_conf_t *cf,
    const ngx_http_gateway_certificate_loc_conf_t *conf)
{
    ngx_http_gateway_certificate_srv_conf_t  *scf;

    scf = ngx_http_conf_get_module_srv_conf(cf,
                                         ngx_http_gateway_certificate_module);

    if (scf->warned || ngx_http_gateway_certificate_verifies(cf)) {
        return;
    }

    scf->warned = 1;

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"gateway_client_certificate\" rejects every request: "
                  "\"ssl_verify_client\" is off in this server, or it has no "
                  "\"ssl_certificate\", for the block in %V:%ui",
                  ngx_http_gateway_place_args(&conf->place));
}


static char *
ngx_http_gateway_certificate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_certificate_loc_conf_t *lcf = conf;

    char                                      *rv;
    ngx_http_gateway_certificate_main_conf_t  *mcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (!lcf->enable) {
        ngx_http_gateway_use_off(cf, NGX_HTTP_GATEWAY_USE_METHOD);
        return NGX_CONF_OK;
    }

#if !(NGX_HTTP_SSL)
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"gateway_client_certificate on\" requires an nginx "
                       "built with \"--with-http_ssl_module\"");
    return NGX_CONF_ERROR;
#endif

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                         ngx_http_gateway_certificate_module);

    if (!mcf->used) {
        mcf->used = 1;
        ngx_http_gateway_place(cf, &mcf->place);
    }

    return (ngx_http_gateway_refuses(cf) == NGX_OK) ? NGX_CONF_OK
                                                    : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_gateway_certificate_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                       *h;
    ngx_http_core_main_conf_t                 *cmcf;
    ngx_http_gateway_certificate_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                         ngx_http_gateway_certificate_module);

    if (!mcf->used) {
        return NGX_OK;
    }

    if (!ngx_http_gateway_consumers_given(cf)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_client_certificate\" requires "
                      "\"gateway_consumers\" at the http level in %V:%ui",
                      ngx_http_gateway_place_args(&mcf->place));
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_certificate_access;

#if (NGX_HTTP_SSL)
    return ngx_http_gateway_certificate_sessions(cf);
#else
    return NGX_OK;
#endif
}
