/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_request_id, gateway_trace, gateway_trust: an id for each request and
 * W3C Trace Context, for the upstream server, the client and logs.
 *
 * In POST_READ the module replaces the client's header lines with its own, once
 * for a request: later phases, internal redirects and subrequests see the new
 * lines.
 */

#include "ngx_http_gateway_trace.h"


typedef struct {
    ngx_uint_t                      used;       /* unsigned:1; a server has
                                                   request ids or traces */
    ngx_uint_t                      trusted;    /* unsigned:1; one of these
                                                   servers inherits
                                                   "gateway_trust" of http */
} ngx_http_gateway_trace_main_conf_t;


static ngx_int_t ngx_http_gateway_trace_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_trace_header_filter(ngx_http_request_t *r);
static void ngx_http_gateway_trace_log(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_trace_str_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_trace_sampled_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);

static ngx_int_t ngx_http_gateway_trace_add_variables(ngx_conf_t *cf);
static void *ngx_http_gateway_trace_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_trace_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_trace_merge_srv_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_gateway_trace_names(ngx_conf_t *cf,
    ngx_http_gateway_trace_srv_conf_t *conf);
static char *ngx_http_gateway_trust(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_request_id(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_trace(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_gateway_trace_init_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_trace_init(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_trace_modes[] = {
    { ngx_string("off"), NGX_HTTP_GATEWAY_TRACE_OFF },
    { ngx_string("propagate"), NGX_HTTP_GATEWAY_TRACE_PROPAGATE },
    { ngx_string("restart"), NGX_HTTP_GATEWAY_TRACE_RESTART },
    { ngx_null_string, 0 }
};


static const ngx_http_gateway_param_t  ngx_http_gateway_trust_params[] = {
    ngx_http_gateway_from_param(ngx_http_gateway_trace_srv_conf_t, from),
    ngx_http_gateway_null_param
};


static const ngx_http_gateway_param_t  ngx_http_gateway_request_id_params[] = {

    { ngx_string("response"), ngx_http_gateway_param_word,
      offsetof(ngx_http_gateway_trace_srv_conf_t, id_response), 1 },

    ngx_http_gateway_null_param
};


static const ngx_http_gateway_param_t  ngx_http_gateway_trace_params[] = {

    { ngx_string("sample="), ngx_http_gateway_param_sample,
      offsetof(ngx_http_gateway_trace_srv_conf_t, sample), 0 },

    ngx_http_gateway_null_param
};


static ngx_command_t  ngx_http_gateway_trace_commands[] = {

    { ngx_string("gateway_trust"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_trust,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_request_id"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_request_id,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_trace"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_trace,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_gateway_trace_srv_conf_t, trace),
      ngx_http_gateway_trace_modes },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_trace_module_ctx = {
    ngx_http_gateway_trace_add_variables,  /* preconfiguration */
    ngx_http_gateway_trace_init,           /* postconfiguration */

    ngx_http_gateway_trace_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_gateway_trace_create_srv_conf, /* create server configuration */
    ngx_http_gateway_trace_merge_srv_conf, /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_trace_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_trace_module_ctx,    /* module context */
    ngx_http_gateway_trace_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_trace_init_process,   /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_http_gateway_trace_vars[] = {

    { ngx_string("gateway_request_id"), NULL,
      ngx_http_gateway_trace_str_variable,
      offsetof(ngx_http_gateway_ids_t, request_id), 0, 0 },

    { ngx_string("gateway_traceparent"), NULL,
      ngx_http_gateway_trace_str_variable,
      offsetof(ngx_http_gateway_ids_t, traceparent), 0, 0 },

    { ngx_string("gateway_trace_id"), NULL,
      ngx_http_gateway_trace_str_variable,
      offsetof(ngx_http_gateway_ids_t, traceid), 0, 0 },

    { ngx_string("gateway_span_id"), NULL,
      ngx_http_gateway_trace_str_variable,
      offsetof(ngx_http_gateway_ids_t, spanid), 0, 0 },

    { ngx_string("gateway_parent_id"), NULL,
      ngx_http_gateway_trace_str_variable,
      offsetof(ngx_http_gateway_ids_t, parentid), 0, 0 },

    { ngx_string("gateway_trace_sampled"), NULL,
      ngx_http_gateway_trace_sampled_variable, 0, 0, 0 },

      ngx_http_null_variable
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_inline ngx_uint_t
ngx_http_gateway_trace_has(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    return gr != NULL && gr->ids != NULL;
}


/*
 * Runs in POST_READ, before realip changes the address of the client, and in
 * REWRITE.  A request that nginx has rejected while reading it skips POST_READ,
 * but its error page can come from a location with an upstream server.
 */

static ngx_int_t
ngx_http_gateway_trace_handler(ngx_http_request_t *r)
{
    ngx_http_gateway_trace_srv_conf_t  *tscf;

    tscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_trace_module);

    if (!ngx_http_gateway_trace_enabled(tscf) || r != r->main
        || ngx_http_gateway_trace_has(r))
    {
        return NGX_DECLINED;
    }

    return (ngx_http_gateway_trace_set(r, tscf) == NGX_OK)
           ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_http_gateway_trace_header_filter(ngx_http_request_t *r)
{
    ngx_http_gateway_trace_srv_conf_t  *tscf;

    tscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_trace_module);

    if (!ngx_http_gateway_trace_enabled(tscf) || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    /* if no ids can be made, the response is sent without them */

    if (!ngx_http_gateway_trace_has(r)) {
        (void) ngx_http_gateway_trace_ended(r, tscf);
    }

    if (tscf->id_response && ngx_http_gateway_trace_has(r)
        && ngx_http_gateway_trace_respond(r, tscf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* makes the ids of a request that has skipped POST_READ and has no response */

static void
ngx_http_gateway_trace_log(ngx_http_request_t *r)
{
    ngx_http_gateway_trace_srv_conf_t  *tscf;

    tscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_trace_module);

    if (ngx_http_gateway_trace_enabled(tscf)
        && !ngx_http_gateway_trace_has(r))
    {
        (void) ngx_http_gateway_trace_ended(r, tscf);
    }
}


static ngx_int_t
ngx_http_gateway_trace_str_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    if (gr == NULL || gr->ids == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_gateway_variable_value(v, (ngx_str_t *) ((u_char *) gr->ids
                                                      + data));

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_trace_sampled_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    flag;
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    ngx_str_null(&flag);

    if (gr != NULL && gr->ids != NULL && gr->ids->traceparent.len) {
        flag.data = (u_char *) (gr->ids->sampled ? "1" : "0");
        flag.len = 1;
    }

    ngx_http_gateway_variable_value(v, &flag);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_trace_add_variables(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_variables(cf, ngx_http_gateway_trace_vars);
}


static void *
ngx_http_gateway_trace_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_trace_main_conf_t));
}


static void *
ngx_http_gateway_trace_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_trace_srv_conf_t  *tscf;

    tscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_trace_srv_conf_t));
    if (tscf == NULL) {
        return NULL;
    }

    tscf->id = NGX_CONF_UNSET_UINT;
    tscf->trace = NGX_CONF_UNSET_UINT;

    return tscf;
}


/* warns of "gateway_trust" where request ids and traces are off */

static void
ngx_http_gateway_trust_idle(ngx_conf_t *cf,
    const ngx_http_gateway_trace_srv_conf_t *tscf)
{
    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"gateway_trust\" has no effect without \"gateway_trace\" "
                  "or \"gateway_request_id\" in %V:%ui",
                  ngx_http_gateway_place_args(&tscf->from_place));
}


static char *
ngx_http_gateway_trace_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_gateway_trace_srv_conf_t *prev = parent;
    ngx_http_gateway_trace_srv_conf_t *conf = child;

    ngx_uint_t                           own;
    ngx_http_gateway_trace_main_conf_t  *tmcf;

    own = ngx_http_gateway_from_given(&conf->from);

    if (!own) {
        conf->from = prev->from;
    }

    if (conf->id == NGX_CONF_UNSET_UINT) {
        conf->id_name = prev->id_name;
        conf->id_normalized = prev->id_normalized;
        conf->id_response = prev->id_response;
        conf->id_place = prev->id_place;
    }

    ngx_conf_merge_uint_value(conf->id, prev->id, 0);

    if (conf->trace == NGX_CONF_UNSET_UINT) {
        conf->sample = prev->sample;
        conf->trace_place = prev->trace_place;
    }

    ngx_conf_merge_uint_value(conf->trace, prev->trace,
                              NGX_HTTP_GATEWAY_TRACE_OFF);

    if (ngx_http_gateway_trace_names(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_gateway_trace_enabled(conf)) {

        if (own) {
            ngx_http_gateway_trust_idle(cf, conf);
        }

        return NGX_CONF_OK;
    }

    tmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_trace_module);
    tmcf->used = 1;
    tmcf->trusted |= !own;

    /* in SETTLE: the ids are made before records are written */

    return (ngx_http_gateway_log_add(cf, NGX_HTTP_GATEWAY_LOG_SETTLE,
                                     ngx_http_gateway_trace_log)
            == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/*
 * Collects the names of the header lines to replace, and claims them.  Core has
 * already merged its configuration, so the identity headers of the server are
 * known.
 */

static char *
ngx_http_gateway_trace_names(ngx_conf_t *cf,
    ngx_http_gateway_trace_srv_conf_t *conf)
{
    ngx_uint_t                 i;
    const char                *directive;
    ngx_http_gateway_place_t  *place;

    if (conf->trace) {
        conf->names[conf->nnames++] = ngx_http_gateway_trace_parent;
        conf->names[conf->nnames++] = ngx_http_gateway_trace_state;
    }

    if (conf->id) {
        conf->names[conf->nnames++] = conf->id_normalized;
    }

    for (i = 0; i < conf->nnames; i++) {
        conf->lengths |= (uint64_t) 1 << ngx_min(conf->names[i].len, 63);
        conf->hashes[i] = ngx_hash_key(conf->names[i].data,
                                       conf->names[i].len);

        directive = "gateway_trace";
        place = &conf->trace_place;

        if (conf->id && i == conf->nnames - 1) {
            directive = "gateway_request_id";
            place = &conf->id_place;
        }

        if (ngx_http_gateway_header_claim(cf, &conf->names[i], directive,
                                          place)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_trust(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_trace_srv_conf_t *tscf = conf;

    if (ngx_http_gateway_from_given(&tscf->from)) {
        return "is duplicate";
    }

    ngx_http_gateway_place(cf, &tscf->from_place);

    return ngx_http_gateway_params(cf, ngx_http_gateway_trust_params, tscf, 1);
}


static char *
ngx_http_gateway_request_id(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_trace_srv_conf_t *tscf = conf;

    ngx_str_t   *value;
    ngx_uint_t   off;

    if (tscf->id != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (ngx_http_gateway_param_off(cf, &off) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (off) {
        tscf->id = 0;
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (ngx_http_gateway_trace_first(cf, &value[1]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    tscf->id = 1;
    tscf->id_name = value[1];
    ngx_http_gateway_place(cf, &tscf->id_place);

    if (ngx_http_gateway_header_check(cf, &tscf->id_name,
                                      &tscf->id_normalized)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_params(cf, ngx_http_gateway_request_id_params,
                                tscf, 2)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_trace_usable(cf, tscf);
}


static char *
ngx_http_gateway_trace(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                               *rv;
    ngx_uint_t                          off;
    ngx_http_gateway_trace_srv_conf_t  *tscf = conf;

    if (ngx_http_gateway_param_off(cf, &off) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_gateway_set_enum_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK || off) {
        return rv;
    }

    tscf->sample = GW_SAMPLE_ALL;
    ngx_http_gateway_place(cf, &tscf->trace_place);

    return ngx_http_gateway_params(cf, ngx_http_gateway_trace_params, tscf, 2);
}


static ngx_int_t
ngx_http_gateway_trace_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_trace_init_random();

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_trace_init(ngx_conf_t *cf)
{
    ngx_uint_t                           i;
    ngx_http_handler_pt                 *h;
    ngx_http_core_main_conf_t           *cmcf;
    ngx_http_gateway_trace_srv_conf_t   *tscf;
    ngx_http_gateway_trace_main_conf_t  *tmcf;

    static const ngx_uint_t  phases[] = {
        NGX_HTTP_POST_READ_PHASE, NGX_HTTP_REWRITE_PHASE
    };

    tmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_trace_module);

    tscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_gateway_trace_module);

    if (ngx_http_gateway_from_given(&tscf->from) && !tmcf->trusted) {
        ngx_http_gateway_trust_idle(cf, tscf);
    }

    if (!tmcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    for (i = 0; i < 2; i++) {
        h = ngx_array_push(&cmcf->phases[phases[i]].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_trace_handler;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_trace_header_filter;

    return NGX_OK;
}
