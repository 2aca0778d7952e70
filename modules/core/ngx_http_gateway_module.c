/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The core of the gateway: the variables of the request's record, the removal
 * of identity headers that clients send, and the one handler in LOG.
 *
 * Nothing is registered that no directive asks for: an nginx that loads the
 * module and does not use it runs the code that it ran before.
 */

#include "ngx_http_gateway.h"
#include "ngx_http_gateway_counter.h"
#include "ngx_http_gateway_detached.h"
#include "ngx_http_gateway_observe.h"
#include "ngx_http_gateway_setting.h"
#include "gw_pairs.h"


static ngx_int_t ngx_http_gateway_preaccess(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_log(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_str_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_reason_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static ngx_int_t ngx_http_gateway_problem_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_metadata_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static ngx_int_t ngx_http_gateway_route_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static ngx_int_t ngx_http_gateway_preconfiguration(ngx_conf_t *cf);
static void *ngx_http_gateway_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_gateway_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_gateway_set_route(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_gateway_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_init_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_init(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_error_formats[] = {
    { ngx_string("problem"), 1 },
    { ngx_string("off"), 0 },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_gateway_commands[] = {

    { ngx_string("gateway_error_format"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
                        |NGX_HTTP_LMT_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_loc_conf_t, error_format),
      ngx_http_gateway_error_formats },

    { ngx_string("gateway_route"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_set_route,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_module_ctx = {
    ngx_http_gateway_preconfiguration,     /* preconfiguration */
    ngx_http_gateway_init,                 /* postconfiguration */

    ngx_http_gateway_create_main_conf,     /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_gateway_create_srv_conf,      /* create server configuration */
    ngx_http_gateway_merge_srv_conf,       /* merge server configuration */

    ngx_http_gateway_create_loc_conf,      /* create location configuration */
    ngx_http_gateway_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_module_ctx,          /* module context */
    ngx_http_gateway_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_gateway_init_module,          /* init module */
    ngx_http_gateway_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* the members of a problem document that are variables, too */

typedef enum {
    NGX_HTTP_GATEWAY_PROBLEM_TITLE = 0,
    NGX_HTTP_GATEWAY_PROBLEM_DETAIL,
    NGX_HTTP_GATEWAY_PROBLEM_REASON,
    NGX_HTTP_GATEWAY_PROBLEM_SCOPE
} ngx_http_gateway_problem_e;


static ngx_http_variable_t  ngx_http_gateway_vars[] = {

    { ngx_string("gateway_consumer"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.consumer),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_auth_method"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.method),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_auth_reason"), NULL,
      ngx_http_gateway_reason_variable, 0, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_problem_title"), NULL,
      ngx_http_gateway_problem_variable,
      NGX_HTTP_GATEWAY_PROBLEM_TITLE, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_problem_detail"), NULL,
      ngx_http_gateway_problem_variable,
      NGX_HTTP_GATEWAY_PROBLEM_DETAIL, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_problem_reason"), NULL,
      ngx_http_gateway_problem_variable,
      NGX_HTTP_GATEWAY_PROBLEM_REASON, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_problem_scope"), NULL,
      ngx_http_gateway_problem_variable,
      NGX_HTTP_GATEWAY_PROBLEM_SCOPE, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_scopes"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.scopes),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_groups"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.groups),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_credential"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.credential),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_plan"), NULL,
      ngx_http_gateway_str_variable,
      offsetof(ngx_http_gateway_request_t, identity.plan),
      NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_client"), NULL,
      ngx_http_gateway_client_variable, 0, NGX_HTTP_GATEWAY_VAR_IDENTITY, 0 },

    { ngx_string("gateway_consumer_"), NULL,
      ngx_http_gateway_metadata_variable, 0,
      NGX_HTTP_GATEWAY_VAR_IDENTITY|NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("gateway_route"), NULL,
      ngx_http_gateway_route_variable, 0, 0, 0 },

      ngx_http_null_variable
};


/*
 * Takes the client's copies of identity headers away: before ACCESS, so that
 * the subrequest of auth_request does not see them either, and in every
 * location of the server, so that none can be forgotten.
 */

static ngx_int_t
ngx_http_gateway_preaccess(ngx_http_request_t *r)
{
    size_t                           len;
    ngx_table_elt_t                 *h;
    ngx_http_gateway_srv_conf_t     *gscf;
    ngx_http_gateway_header_iter_t   it;

    gscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_module);

    if (gscf->identity_lengths == 0 || r != r->main) {
        return NGX_DECLINED;
    }

    /* no line has the length of one of the names: nothing to remove */

    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {

        len = ngx_min(h->key.len, 63);

        if (gscf->identity_lengths & ((uint64_t) 1 << len)) {
            break;
        }
    }

    if (h == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_gateway_header_remove(r, gscf->identity_headers.elts,
                                       gscf->identity_headers.nelts)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/*
 * The suite's one handler in LOG: nginx runs them in the order of modules,
 * after its own access_log, and here they are told in theirs.
 */

static ngx_int_t
ngx_http_gateway_log(ngx_http_request_t *r)
{
    ngx_uint_t                     i;
    ngx_http_gateway_log_t        *log;
    ngx_http_gateway_main_conf_t  *gmcf;

    /* subrequests come here under "log_subrequest on" */

    if (r != r->main) {
        return NGX_OK;
    }

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    log = gmcf->log.elts;

    for (i = 0; i < gmcf->log.nelts; i++) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway log: stage %d", log[i].stage);

        log[i].handler(r);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_str_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    s;
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    if (gr == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    s = *(ngx_str_t *) ((u_char *) gr + data);

    if (gr->transient && s.len) {
        s.data = ngx_pstrdup(r->pool, &s);
        if (s.data == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_http_gateway_variable_value(v, &s);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_reason_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    word;
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    if (gr == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    word.data = (u_char *) gw_reason_word(gr->reason ? gr->reason : gr->would);
    word.len = ngx_strlen(word.data);

    ngx_http_gateway_variable_value(v, &word);

    return NGX_OK;
}


/* what the client may know of the refusal, for an error page */

static ngx_int_t
ngx_http_gateway_problem_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                    s;
    const char                  *text;
    ngx_http_gateway_request_t  *gr;
    ngx_http_gateway_refusal_t  *refusal;

    gr = ngx_http_gateway_request(r);
    refusal = gr ? ngx_http_gateway_refused(gr) : NULL;

    if (refusal == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (data == NGX_HTTP_GATEWAY_PROBLEM_SCOPE) {
        ngx_http_gateway_variable_value(v, &refusal->scopes);
        return NGX_OK;
    }

    text = (data == NGX_HTTP_GATEWAY_PROBLEM_TITLE)
           ? ngx_http_gateway_problem_title(refusal)
           : (data == NGX_HTTP_GATEWAY_PROBLEM_DETAIL)
             ? gw_reason_sentence(refusal->shown)
             : gw_reason_word(refusal->shown);

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    ngx_http_gateway_variable_value(v, &s);

    return NGX_OK;
}


/*
 * "consumer:" and the consumer, else "address:" and the address; of IPv6 the
 * network of 64 bits, all of which one client may use (RFC 6177).  The text is
 * the same for as long as the record is.
 */

static ngx_int_t
ngx_http_gateway_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                      *p;
    ngx_str_t                   *consumer;
    ngx_http_gateway_request_t  *gr;
#if (NGX_HAVE_INET6)
    u_char                       address[16];
    struct sockaddr_in6         *sin6;
#endif

    gr = ngx_http_gateway_request(r);
    consumer = gr ? &gr->identity.consumer : NULL;

    p = ngx_pnalloc(r->pool, sizeof("consumer:/64")
                             + (consumer ? consumer->len : 0)
                             + NGX_SOCKADDR_STRLEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;

    if (consumer && consumer->len) {
        p = ngx_cpymem(p, "consumer:", sizeof("consumer:") - 1);
        p = ngx_cpymem(p, consumer->data, consumer->len);

    } else {
        p = ngx_cpymem(p, "address:", sizeof("address:") - 1);

#if (NGX_HAVE_INET6)
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;

        if (sin6->sin6_family == AF_INET6
            && IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr))
        {
            p += ngx_inet_ntop(AF_INET, &sin6->sin6_addr.s6_addr[12], p,
                               NGX_INET_ADDRSTRLEN);

        } else if (sin6->sin6_family == AF_INET6) {
            ngx_memcpy(address, sin6->sin6_addr.s6_addr, 8);
            ngx_memzero(address + 8, 8);

            p += ngx_inet_ntop(AF_INET6, address, p, NGX_INET6_ADDRSTRLEN);
            p = ngx_cpymem(p, "/64", sizeof("/64") - 1);
        } else
#endif
        {
            p = ngx_cpymem(p, r->connection->addr_text.data,
                           r->connection->addr_text.len);
        }
    }

    v->len = p - v->data;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


/* $gateway_consumer_<name>, of the consumer's metadata */

static ngx_int_t
ngx_http_gateway_metadata_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    gw_text_t                    metadata, value;
    ngx_str_t                    s;
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    ngx_str_null(&s);

    if (gr != NULL) {
        metadata.len = gr->identity.metadata.len;
        metadata.data = gr->identity.metadata.data;

        if (gw_pairs_find(&metadata,
                          name->data + sizeof("gateway_consumer_") - 1,
                          name->len - sizeof("gateway_consumer_") + 1,
                          &value))
        {
            s.len = value.len;
            s.data = (u_char *) value.data;
        }
    }

    ngx_http_gateway_variable_value(v, &s);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_route_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gateway_variable_value(v,
                   ngx_http_gateway_route(r, ngx_http_gateway_request(r)));

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_variables(cf, ngx_http_gateway_vars);
}


static void *
ngx_http_gateway_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_main_conf_t));
    if (gmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&gmcf->watches, cf->pool, 4,
                       sizeof(ngx_http_gateway_watch_t *))
        != NGX_OK
        || ngx_array_init(&gmcf->methods, cf->pool, 4,
                          sizeof(ngx_http_gateway_method_t))
           != NGX_OK
        || ngx_array_init(&gmcf->credentials, cf->pool, 4,
                          sizeof(ngx_http_gateway_source_t))
           != NGX_OK
        || ngx_array_init(&gmcf->log, cf->pool, 4,
                          sizeof(ngx_http_gateway_log_t))
           != NGX_OK
        || ngx_array_init(&gmcf->prefixes, cf->pool, 4,
                          sizeof(ngx_http_gateway_early_variable_t))
           != NGX_OK)
    {
        return NULL;
    }

    return gmcf;
}


static void *
ngx_http_gateway_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_srv_conf_t  *gscf;

    gscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_srv_conf_t));
    if (gscf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&gscf->identity_headers, cf->pool, 4,
                       sizeof(ngx_str_t))
        != NGX_OK
        || ngx_array_init(&gscf->credential_headers, cf->pool, 1,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NULL;
    }

    return gscf;
}


static char *
ngx_http_gateway_inherit(ngx_array_t *names, const ngx_array_t *inherited)
{
    ngx_str_t  *name;

    if (inherited->nelts == 0) {
        return NGX_CONF_OK;
    }

    name = ngx_array_push_n(names, inherited->nelts);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(name, inherited->elts, inherited->nelts * sizeof(ngx_str_t));

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_srv_conf_t *prev = parent;
    ngx_http_gateway_srv_conf_t *conf = child;

    ngx_str_t   *name;
    ngx_uint_t   i;

    if (ngx_http_gateway_inherit(&conf->identity_headers,
                                 &prev->identity_headers)
        != NGX_CONF_OK
        || ngx_http_gateway_inherit(&conf->credential_headers,
                                    &prev->credential_headers)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    name = conf->identity_headers.elts;

    for (i = 0; i < conf->identity_headers.nelts; i++) {
        conf->identity_lengths |= (uint64_t) 1 << ngx_min(name[i].len, 63);
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_loc_conf_t));
    if (glcf == NULL) {
        return NULL;
    }

    glcf->error_format = NGX_CONF_UNSET_UINT;

    if (ngx_array_init(&glcf->headers, cf->pool, 1,
                       sizeof(ngx_http_gateway_set_header_t))
        != NGX_OK)
    {
        return NULL;
    }

    ngx_http_gateway_place(cf, &glcf->place);

    if (ngx_http_gateway_route_written(cf, &glcf->written) != NGX_OK) {
        return NULL;
    }

    return glcf;
}


static char *
ngx_http_gateway_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_loc_conf_t *prev = parent;
    ngx_http_gateway_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    conf->outer = prev;

    if (clcf->noname) {
        conf->home = prev->home;

    } else {
        conf->home = conf;
        conf->number = gmcf->blocks++;
    }

    ngx_conf_merge_uint_value(conf->error_format, prev->error_format, 1);
    ngx_conf_merge_str_value(conf->route_name, prev->route_name, "");
    ngx_conf_merge_str_value(conf->written, prev->written, "");

    conf->route = conf->route_name.len ? &conf->route_name : &conf->written;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_set_route(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_loc_conf_t *glcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (glcf->route_name.data) {
        return "is duplicate";
    }

    if (value[1].len == 0) {
        return "has an empty name";
    }

    if (ngx_http_gateway_header_unsafe(&value[1])) {
        return "has a control character in its name";
    }

    if (ngx_strlchr(value[1].data, value[1].data + value[1].len, '$')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"%V\", variables are "
                           "not supported", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    glcf->route_name = value[1];

    return NGX_CONF_OK;
}


/*
 * Never fails: on a reload this would end the master.  Without http {} there
 * is no configuration.
 */

static ngx_int_t
ngx_http_gateway_init_module(ngx_cycle_t *cycle)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gateway_module);

    if (gmcf == NULL) {
        return NGX_OK;
    }

    ngx_http_gateway_header_variables(cycle, gmcf);
    ngx_http_gateway_early_phases(cycle, gmcf);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    gmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gateway_module);

    if (gmcf == NULL) {
        return NGX_OK;
    }

    ngx_http_gateway_counters_start(gmcf);
    ngx_http_gateway_watch_start(cycle, &gmcf->watches);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    gmcf->closed = 1;

    ngx_http_gateway_returns_check(cf);

    if (ngx_http_gateway_unknown_check(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_settings_check(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    gmcf->identities = offsetof(ngx_http_gateway_request_t, slots)
                       + gmcf->slots * sizeof(void *);
    gmcf->record = gmcf->identities
                   + gmcf->methods.nelts * sizeof(ngx_http_gateway_identity_t);

    if (gmcf->identity_headers) {
        h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_preaccess;
    }

    if (gmcf->log.nelts) {
        h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_log;
    }

    if (ngx_http_gateway_early_init(cf) != NGX_OK
        || ngx_http_gateway_observe_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (gmcf->detaches && ngx_http_gateway_detached_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return gmcf->refuses ? ngx_http_gateway_error_init(cf) : NGX_OK;
}
