/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_probe_*: the module that t/core/detached.t, word.t and location.t add
 * to a copy of the project.  It makes detached requests with the parameters in
 * the arguments of a request, logs their results, makes requests wait for a
 * word in shared memory, and logs the locations of URIs and names of servers.
 */

#include "ngx_http_gateway.h"
#include "ngx_http_gateway_detached.h"
#include "ngx_http_gateway_location.h"
#include "ngx_http_gateway_server.h"
#include "ngx_http_gateway_upstream.h"
#include "ngx_http_gateway_word.h"


typedef struct {
    ngx_flag_t                        detach;
    ngx_flag_t                        wait;
    ngx_str_t                         mark;
    ngx_str_t                         name;
} ngx_http_gateway_probe_loc_conf_t;


typedef struct {
    ngx_http_core_srv_conf_t         *server;
    ngx_str_t                         uri;
} ngx_http_gateway_probe_find_t;


/* one detached request; in the worker's memory until its end */

typedef struct {
    ngx_http_gateway_detached_t      *handle;
    ngx_str_t                         id;
    ngx_str_t                         stop;
    ngx_uint_t                        store;
    ngx_uint_t                        status;
    off_t                             bytes;
    size_t                            len;
    u_char                            text[600];
    u_char                            buf[200];
    ngx_event_t                       later;
} ngx_http_gateway_probe_t;


typedef struct {
    ngx_http_gateway_word_t           word;
    ngx_msec_t                        began;
    ngx_int_t                         rc;
} ngx_http_gateway_probe_wait_t;


static char *ngx_http_gateway_probe_mark(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_probe_find(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_probe_detach(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_probe_content(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_probe_bound(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_probe_word(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_probe_named(ngx_conf_t *cf,
    ngx_http_gateway_probe_loc_conf_t *conf);
static void *ngx_http_gateway_probe_create(ngx_conf_t *cf);
static char *ngx_http_gateway_probe_merge(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_gateway_probe_precontent(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_probe_fetch(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_probe_waited(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_probe_set(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_probe_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_probe_before(ngx_conf_t *cf);


static ngx_array_t                      *ngx_http_gateway_probe_finds;
static ngx_http_gateway_detached_user_t  ngx_http_gateway_probe_user = {
    .name = "probe"
};
static ngx_atomic_t                     *ngx_http_gateway_probe_shared;


static ngx_command_t  ngx_http_gateway_probe_commands[] = {

    { ngx_string("gateway_probe_mark"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_gateway_probe_mark,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_probe_find"),
      NGX_HTTP_SRV_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_probe_find,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_probe_name"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_probe_loc_conf_t, name),
      NULL },

    { ngx_string("gateway_probe_detach"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_probe_detach,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_probe_wait"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_probe_detach,
      NGX_HTTP_LOC_CONF_OFFSET,
      1,
      ngx_http_gateway_probe_waited },

    { ngx_string("gateway_probe_fetch"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_probe_content,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_probe_fetch },

    { ngx_string("gateway_probe_set"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_probe_content,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_probe_set },

    { ngx_string("gateway_probe_bound"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_http_gateway_probe_bound,
      0,
      0,
      NULL },

    { ngx_string("gateway_probe_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_NOARGS,
      ngx_http_gateway_probe_word,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_probe_module_ctx = {
    ngx_http_gateway_probe_before,         /* preconfiguration */
    ngx_http_gateway_probe_init,           /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_probe_create,         /* create location configuration */
    ngx_http_gateway_probe_merge           /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_probe_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_probe_module_ctx,    /* module context */
    ngx_http_gateway_probe_commands,       /* module directives */
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


/* the value of an argument, or "" */

static ngx_str_t
ngx_http_gateway_probe_arg(ngx_http_request_t *r, const char *name)
{
    ngx_str_t  value;

    ngx_str_null(&value);

    (void) ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &value);

    return value;
}


static ngx_int_t
ngx_http_gateway_probe_number(ngx_http_request_t *r, const char *name,
    ngx_int_t otherwise)
{
    ngx_str_t  s;

    s = ngx_http_gateway_probe_arg(r, name);

    return s.len ? ngx_atoi(s.data, s.len) : otherwise;
}


static ngx_uint_t
ngx_http_gateway_probe_stops(ngx_http_gateway_probe_t *p, const char *when)
{
    return p->stop.len == ngx_strlen(when)
           && ngx_strncmp(p->stop.data, when, p->stop.len) == 0;
}


static void
ngx_http_gateway_probe_cancel(ngx_http_gateway_probe_t *p)
{
    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "probe %V: canceled|",
                  &p->id);

    ngx_http_gateway_detached_cancel(p->handle);

    ngx_free(p);
}


static void
ngx_http_gateway_probe_later(ngx_event_t *ev)
{
    ngx_http_gateway_probe_cancel(ev->data);
}


static ngx_int_t
ngx_http_gateway_probe_header(ngx_http_request_t *r, void *data)
{
    ngx_http_gateway_probe_t *p = data;

    p->status = r->headers_out.status;

    if (ngx_http_gateway_detached_data(r, &ngx_http_gateway_probe_user) != p) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0, "probe: not its data");
    }

    if (ngx_http_gateway_probe_stops(p, "header")) {
        ngx_http_gateway_probe_cancel(p);
        return NGX_OK;
    }

    return ngx_http_gateway_probe_stops(p, "header-error") ? NGX_ERROR
                                                            : NGX_OK;
}


static ngx_int_t
ngx_http_gateway_probe_body(ngx_http_request_t *r, void *data, u_char *text,
    size_t size)
{
    ngx_http_gateway_probe_t *p = data;

    size_t  n;

    n = ngx_min(size, sizeof(p->text) - p->len);
    ngx_memcpy(p->text + p->len, text, n);
    p->len += n;
    p->bytes += size;

    if (ngx_http_gateway_probe_stops(p, "body")) {
        ngx_http_gateway_probe_cancel(p);
        return NGX_OK;
    }

    return ngx_http_gateway_probe_stops(p, "body-error") ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_gateway_probe_end(void *data, ngx_int_t rc)
{
    ngx_http_gateway_probe_t *p = data;

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "probe %V: rc=%i status=%ui bytes=%O text=%*s%s%s|", &p->id,
                  rc, p->status, p->bytes, p->len, p->text,
                  p->store ? " why=" : "",
                  ngx_http_gateway_detached_why(p->handle));

    if (p->later.timer_set) {
        ngx_del_timer(&p->later);
    }

    ngx_free(p);
}


static void
ngx_http_gateway_probe_start(ngx_http_request_t *r, ngx_uint_t server)
{
    ngx_str_t                  field;
    ngx_keyval_t               fields[2];
    ngx_http_core_srv_conf_t  *cscf;
    ngx_http_gateway_probe_t  *p;
    ngx_http_gateway_detach_t  conf;

    p = ngx_calloc(sizeof(ngx_http_gateway_probe_t), ngx_cycle->log);

    p->id = ngx_http_gateway_probe_arg(r, "id");
    p->stop = ngx_http_gateway_probe_arg(r, "stop");
    p->store = ngx_http_gateway_probe_number(r, "store", 0);

    p->id.len = ngx_min(p->id.len, 100);
    ngx_memcpy(p->buf, p->id.data, p->id.len);
    p->id.data = p->buf;

    p->stop.len = ngx_min(p->stop.len, 100);
    ngx_memcpy(p->buf + 100, p->stop.data, p->stop.len);
    p->stop.data = p->buf + 100;

    ngx_memzero(&conf, sizeof(ngx_http_gateway_detach_t));

    conf.user = &ngx_http_gateway_probe_user;
    conf.store = p->store;
    conf.timeout = ngx_http_gateway_probe_number(r, "timeout", 10000);
    conf.method = ngx_http_gateway_probe_arg(r, "method");
    conf.uri = ngx_http_gateway_probe_arg(r, "uri");
    conf.args = ngx_http_gateway_probe_arg(r, "args");
    conf.content = ngx_http_gateway_probe_arg(r, "content");
    conf.header = ngx_http_gateway_probe_header;
    conf.end = ngx_http_gateway_probe_end;
    conf.data = p;

    if (ngx_http_gateway_probe_number(r, "nobody", 0) == 0) {
        conf.body = ngx_http_gateway_probe_body;
    }

    field = ngx_http_gateway_probe_arg(r, "field");
    ngx_str_set(&fields[0].key, "X-Field");
    fields[0].value = field;
    ngx_str_set(&fields[1].key, "X-Gone");
    ngx_str_null(&fields[1].value);
    conf.fields = fields;
    conf.nfields = field.len ? 2 : 0;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    p->handle = server ? ngx_http_gateway_detach_server(cscf, &conf)
                       : ngx_http_gateway_detach(r, &conf);

    if (p->handle == NULL) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "probe %V: refused|",
                      &p->id);
        ngx_free(p);
        return;
    }

    if (ngx_http_gateway_probe_stops(p, "now")) {
        ngx_http_gateway_probe_cancel(p);

    } else if (ngx_http_gateway_probe_stops(p, "later")) {
        p->later.handler = ngx_http_gateway_probe_later;
        p->later.data = p;
        p->later.log = ngx_cycle->log;
        ngx_add_timer(&p->later, 100);
    }
}


static ngx_int_t
ngx_http_gateway_probe_park(ngx_http_request_t *r)
{
    ngx_http_gateway_probe_wait_t  *w;

    w = ngx_http_get_module_ctx(r, ngx_http_gateway_probe_module);

    if (w) {
        return NGX_DECLINED;
    }

    w = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_probe_wait_t));
    if (w == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, w, ngx_http_gateway_probe_module);

    w->word.word = ngx_http_gateway_probe_shared
                   + ngx_http_gateway_probe_number(r, "word", 0);
    w->word.seen = *w->word.word
                   + ngx_http_gateway_probe_number(r, "other", 0);
    w->word.interval = ngx_http_gateway_probe_number(r, "interval", 5);
    w->word.timeout = ngx_http_gateway_probe_number(r, "timeout", 10000);

    w->rc = ngx_http_gateway_word_wait(r, &w->word);

    return (w->rc == NGX_AGAIN) ? NGX_AGAIN : NGX_DECLINED;
}


static ngx_int_t ngx_http_gateway_probe_say(ngx_http_request_t *r,
    const char *word);


static ngx_int_t
ngx_http_gateway_probe_precontent(ngx_http_request_t *r)
{
    ngx_uint_t                          i, n;
    ngx_http_gateway_probe_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_probe_module);

    if (r != r->main) {
        return NGX_DECLINED;
    }

    if (plcf->wait == 1) {
        return ngx_http_gateway_probe_park(r);
    }

    if (plcf->detach == 1) {
        n = ngx_http_gateway_probe_number(r, "n", 1);

        for (i = 0; i < n; i++) {
            ngx_http_gateway_probe_start(r, 0);
        }

        if (ngx_http_gateway_probe_number(r, "answer", 0)) {
            ngx_http_finalize_request(r,
                                  ngx_http_gateway_probe_say(r, "answered"));
            return NGX_DONE;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_probe_say(ngx_http_request_t *r, const char *word)
{
    ngx_str_t                 text, type = ngx_string("text/plain");
    ngx_http_complex_value_t  cv;

    text.data = ngx_pnalloc(r->pool, 64);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    text.len = ngx_sprintf(text.data, "%s %P", word, ngx_pid) - text.data;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = text;

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}


static ngx_int_t
ngx_http_gateway_probe_fetch(ngx_http_request_t *r)
{
    ngx_uint_t  i, n;

    n = ngx_http_gateway_probe_number(r, "n", 1);

    for (i = 0; i < n; i++) {
        ngx_http_gateway_probe_start(r, 1);
    }

    return ngx_http_gateway_probe_say(r, "started");
}


static ngx_int_t
ngx_http_gateway_probe_waited(ngx_http_request_t *r)
{
    ngx_http_gateway_probe_wait_t  *w;

    w = ngx_http_get_module_ctx(r, ngx_http_gateway_probe_module);

    return ngx_http_gateway_probe_say(r,
               w->rc == NGX_DECLINED ? "other"
                                     : w->word.timedout ? "timeout" : "changed");
}


static ngx_int_t
ngx_http_gateway_probe_set(ngx_http_request_t *r)
{
    ngx_atomic_t  *word;

    word = ngx_http_gateway_probe_shared
           + ngx_http_gateway_probe_number(r, "word", 0);

    (void) __atomic_add_fetch(word, ngx_http_gateway_probe_number(r, "add", 1),
                              __ATOMIC_SEQ_CST);

    if (ngx_http_gateway_probe_number(r, "wake", 0)) {
        ngx_http_gateway_word_wake(word);
    }

    return ngx_http_gateway_probe_say(r, "set");
}


static void *
ngx_http_gateway_probe_create(ngx_conf_t *cf)
{
    ngx_http_gateway_probe_loc_conf_t  *plcf;

    plcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_probe_loc_conf_t));
    if (plcf == NULL) {
        return NULL;
    }

    plcf->detach = NGX_CONF_UNSET;
    plcf->wait = NGX_CONF_UNSET;

    return plcf;
}


static char *
ngx_http_gateway_probe_merge(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_probe_loc_conf_t *prev = parent;
    ngx_http_gateway_probe_loc_conf_t *conf = child;

    ngx_conf_merge_value(conf->detach, prev->detach, 0);
    ngx_conf_merge_value(conf->wait, prev->wait, 0);
    ngx_conf_merge_str_value(conf->name, prev->name, "");

    return conf->name.len ? ngx_http_gateway_probe_named(cf, conf)
                          : NGX_CONF_OK;
}


static char *
ngx_http_gateway_probe_named(ngx_conf_t *cf,
    ngx_http_gateway_probe_loc_conf_t *conf)
{
    u_char  hex[2 * NGX_HTTP_GATEWAY_SERVER_NAME];
    u_char  digest[NGX_HTTP_GATEWAY_SERVER_NAME];

    if (ngx_http_gateway_server_name(cf, digest) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_hex_dump(hex, digest, sizeof(digest));

    ngx_log_error(NGX_LOG_NOTICE, cf->log, 0, "probe name %V: %*s|",
                  &conf->name, sizeof(hex), hex);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_probe_marked(ngx_http_request_t *r)
{
    ngx_str_t                           type = ngx_string("text/plain");
    ngx_http_complex_value_t            cv;
    ngx_http_gateway_probe_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_probe_module);

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = plcf->mark;

    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}


/* with a second argument, as proxy_pass does in a location with a slash */

static char *
ngx_http_gateway_probe_mark(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_probe_loc_conf_t *plcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;
    plcf->mark = value[1];

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_gateway_probe_marked;
    clcf->auto_redirect = (cf->args->nelts > 2);

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_probe_find(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *value;
    ngx_uint_t                      i;
    ngx_http_gateway_probe_find_t  *find;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        find = ngx_array_push(ngx_http_gateway_probe_finds);
        if (find == NULL) {
            return NGX_CONF_ERROR;
        }

        find->server = ngx_http_conf_get_module_srv_conf(cf,
                                                         ngx_http_core_module);
        find->uri = value[i];
    }

    return NGX_CONF_OK;
}


static void
ngx_http_gateway_probe_found(ngx_conf_t *cf,
    const ngx_http_gateway_probe_find_t *find)
{
    const char                         *cached;
    ngx_http_core_loc_conf_t           *clcf;
    ngx_http_gateway_probe_loc_conf_t  *plcf;

    clcf = ngx_http_gateway_location_find(find->server, &find->uri);

    if (clcf == NULL) {
        ngx_log_error(NGX_LOG_NOTICE, cf->log, 0, "probe find %V: none|",
                      &find->uri);
        return;
    }

    plcf = clcf->loc_conf[ngx_http_gateway_probe_module.ctx_index];
    cached = ngx_http_gateway_upstream_cached(cf, clcf->loc_conf);

    ngx_log_error(NGX_LOG_NOTICE, cf->log, 0, "probe find %V: %V%s%s|",
                  &find->uri, &plcf->mark, cached ? " " : "",
                  cached ? cached : "");
}


static char *
ngx_http_gateway_probe_detach(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_probe_loc_conf_t *plcf = conf;

    if (cmd->offset) {
        plcf->wait = 1;
        return ngx_http_gateway_probe_content(cf, cmd, conf);
    }

    plcf->detach = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_probe_content(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = (ngx_http_handler_pt) cmd->post;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_probe_bound(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    ngx_http_gateway_probe_user.max = ngx_atoi(value[1].data, value[1].len);
    ngx_http_gateway_probe_user.backlog = ngx_atoi(value[2].data,
                                                   value[2].len);
    ngx_http_gateway_probe_user.keep = (cf->args->nelts == 4);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_probe_init_zone(ngx_shm_zone_t *zone, void *data)
{
    if (data) {
        zone->data = data;

    } else {
        zone->data = ngx_slab_calloc((ngx_slab_pool_t *) zone->shm.addr, 4096);
    }

    ngx_http_gateway_probe_shared = zone->data;

    return zone->data ? NGX_OK : NGX_ERROR;
}


static char *
ngx_http_gateway_probe_word(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t        name = ngx_string("probe");
    ngx_shm_zone_t  *zone;

    zone = ngx_shared_memory_add(cf, &name, 65536,
                                 &ngx_http_gateway_probe_module);
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->init = ngx_http_gateway_probe_init_zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_probe_before(ngx_conf_t *cf)
{
    ngx_http_gateway_probe_finds = ngx_array_create(cf->pool, 16,
                                       sizeof(ngx_http_gateway_probe_find_t));
    if (ngx_http_gateway_probe_finds == NULL) {
        return NGX_ERROR;
    }

    ngx_http_gateway_probe_user.max = 32;
    ngx_http_gateway_probe_user.backlog = 4096;
    ngx_http_gateway_probe_user.keep = 0;

    return ngx_http_gateway_detaches(cf, "probe");
}


static ngx_int_t
ngx_http_gateway_probe_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_handler_pt            *h;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_gateway_probe_find_t  *find;

    find = ngx_http_gateway_probe_finds->elts;

    for (i = 0; i < ngx_http_gateway_probe_finds->nelts; i++) {
        ngx_http_gateway_probe_found(cf, &find[i]);
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_probe_precontent;

    return NGX_OK;
}
