/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_log: a JSON record for each request.
 *
 * Records are written in core's log hook, after the charges of limits were
 * settled, and after nginx's access_log.
 */

#include "ngx_http_gateway_log_syslog.h"
#include "ngx_http_gateway_log_entry.h"


typedef struct {
    ngx_array_t                           *entries;     /* NULL: inherited */
    ngx_uint_t                             off;         /* unsigned:1 */
} ngx_http_gateway_log_loc_conf_t;


static void ngx_http_gateway_log_handler(ngx_http_request_t *r);

static void *ngx_http_gateway_log_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_log_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_log_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_gateway_log_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_gateway_log_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_log_init_module(ngx_cycle_t *cycle);
static void ngx_http_gateway_log_exit_process(ngx_cycle_t *cycle);
static void ngx_http_gateway_log_exit_master(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_gateway_log_commands[] = {

    { ngx_string("gateway_log_format"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_1MORE,
      ngx_http_gateway_log_format_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_log_syslog"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_gateway_log_syslog_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_log"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_log_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_log_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_gateway_log_init,             /* postconfiguration */

    ngx_http_gateway_log_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_log_create_loc_conf,  /* create location configuration */
    ngx_http_gateway_log_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_log_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_log_module_ctx,      /* module context */
    ngx_http_gateway_log_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_gateway_log_init_module,      /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_gateway_log_exit_process,     /* exit process */
    ngx_http_gateway_log_exit_master,      /* exit master */
    NGX_MODULE_V1_PADDING
};


static const ngx_http_gateway_family_t  ngx_http_gateway_log_misfits =
    { "log_fields_omitted_total",
      "Fields left out because they did not fit their type.", "counter",
      NGX_HTTP_GATEWAY_STRIPED };


/* --- a request */

static ngx_uint_t
ngx_http_gateway_log_code(ngx_http_request_t *r)
{
    return r->err_status ? r->err_status : r->headers_out.status;
}


static void
ngx_http_gateway_log_handler(ngx_http_request_t *r)
{
    size_t                             size;
    ngx_str_t                          record;
    ngx_uint_t                         i;
    ngx_http_gateway_log_entry_t      *entry;
    ngx_http_gateway_log_record_t      rec;
    ngx_http_gateway_log_select_t     *select;
    ngx_http_gateway_log_loc_conf_t   *llcf;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_log_module);

    if (llcf->entries == NULL) {
        return;
    }

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_log_module);

    rec.request = r;
    rec.gr = ngx_http_gateway_request(r);
    rec.status = ngx_http_gateway_log_code(r);
    rec.format = NULL;
    rec.lines = lmcf->lines;

    size = 0;
    entry = llcf->entries->elts;

    for (i = 0; i < llcf->entries->nelts; i++) {

        select = &entry[i].select;

        if ((select->filter || select->rate.len)
            && !ngx_http_gateway_log_selected(&rec, select))
        {
            continue;
        }

        /* sinks with the same format, rate and size receive the same record */

        if (rec.format != entry[i].format
            || !ngx_http_gateway_same(rec.rate, &select->rate)
            || size != entry[i].sink->record)
        {
            rec.format = entry[i].format;
            rec.rate = &select->rate;
            size = entry[i].sink->record;

            if (ngx_http_gateway_log_record(&rec, lmcf->record, size, &record)
                != NGX_OK)
            {
                record.len = 0;
            }

            ngx_http_gateway_count(lmcf->misfits, rec.misfits);
        }

        ngx_http_gateway_log_sink_write(entry[i].sink, &record);
    }
}


/* --- configuration */

static void *
ngx_http_gateway_log_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_log_main_conf_t));

    if (lmcf == NULL
        || ngx_array_init(&lmcf->formats, cf->pool, 4, sizeof(void *))
           != NGX_OK
        || ngx_array_init(&lmcf->sinks, cf->pool, 4, sizeof(void *)) != NGX_OK
        || ngx_array_init(&lmcf->syslogs, cf->pool, 2, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    return lmcf;
}


static void *
ngx_http_gateway_log_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_log_loc_conf_t));
}


static char *
ngx_http_gateway_log_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_log_loc_conf_t *prev = parent;
    ngx_http_gateway_log_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t          *clcf;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    if (conf->entries == NULL && !conf->off) {
        conf->entries = prev->entries;
        conf->off = prev->off;
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_log_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    return ngx_http_gateway_log_sink_check(cf, lmcf, clcf->error_log);
}


static char *
ngx_http_gateway_log_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_log_loc_conf_t *llcf = conf;

    ngx_uint_t                         off;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    static ngx_str_t  none = ngx_null_string;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_log_module);
    if (ngx_http_gateway_param_off(cf, &off) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (llcf->off || (off && llcf->entries)) {
        return ngx_http_gateway_param_off_conflicts(cf);
    }

    if (off) {
        llcf->off = 1;
        return NGX_CONF_OK;
    }

    if (lmcf->misfits == NULL) {
        lmcf->misfits = ngx_http_gateway_counter_add(cf,
                                            &ngx_http_gateway_log_misfits,
                                            &none);
        if (lmcf->misfits == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (llcf->entries == NULL) {
        llcf->entries = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_http_gateway_log_entry_t));
        if (llcf->entries == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_gateway_log_add(cf, NGX_HTTP_GATEWAY_LOG_WRITE,
                                 ngx_http_gateway_log_handler)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_log_entry(cf, llcf->entries);
}


/* warns of unused formats, and of files with the name of a syslog server */

static ngx_int_t
ngx_http_gateway_log_advise(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    ngx_str_t                             name;
    ngx_uint_t                            i, k;
    ngx_http_gateway_log_sink_t         **sink;
    ngx_http_gateway_log_format_t       **format;
    ngx_http_gateway_log_syslog_conf_t  **syslog;

    format = lmcf->formats.elts;
    sink = lmcf->sinks.elts;
    syslog = lmcf->syslogs.elts;

    for (i = 0; i < lmcf->formats.nelts; i++) {
        if (!format[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"gateway_log_format %V\" is not used by any "
                          "\"gateway_log\" in %V:%ui", &format[i]->name,
                          ngx_http_gateway_place_args(&format[i]->place));
        }
    }

    for (i = 0; i < lmcf->syslogs.nelts; i++) {
        name = syslog[i]->block.name;

        if (ngx_http_gateway_log_file_kind.name(cf, &name) != NGX_OK) {
            return NGX_ERROR;
        }

        for (k = 0; k < lmcf->sinks.nelts; k++) {
            if (ngx_http_gateway_same(&sink[k]->name, &name)) {
                ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                              "\"gateway_log %V\" writes to a file, did you "
                              "mean \"syslog:%V\" in %V:%ui",
                              &syslog[i]->block.name, &syslog[i]->block.name,
                              ngx_http_gateway_place_args(&sink[k]->place));
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_log_init(ngx_conf_t *cf)
{
    ngx_uint_t                          i, k;
    ngx_http_gateway_source_t          *source;
    ngx_http_gateway_main_conf_t       *gmcf;
    ngx_http_gateway_log_format_t     **format;
    ngx_http_gateway_log_main_conf_t   *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_log_module);
    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (ngx_http_gateway_log_advise(cf, lmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    format = lmcf->formats.elts;
    source = gmcf->credentials.elts;

    for (i = 0; i < lmcf->formats.nelts; i++) {

        for (k = 0; k < gmcf->credentials.nelts; k++) {
            if (ngx_http_gateway_log_format_credential(cf, format[i],
                                                       &source[k])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if (ngx_http_gateway_log_compile(cf, format[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (lmcf->sinks.nelts == 0) {
        return ngx_http_gateway_log_syslogs_check(cf, lmcf);
    }

    lmcf->record = ngx_pnalloc(cf->pool, NGX_HTTP_GATEWAY_LOG_RECORD
                                         + NGX_HTTP_GATEWAY_LOG_SLACK);
    lmcf->lines = ngx_pnalloc(cf->pool, NGX_HTTP_GATEWAY_LOG_RECORD);

    if (lmcf->record == NULL || lmcf->lines == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_log_select_init(cf, lmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return (ngx_http_gateway_log_sinks_init(cf, lmcf) == NGX_OK
            && ngx_http_gateway_log_count_init(cf, lmcf) == NGX_OK)
           ? ngx_http_gateway_log_syslogs_check(cf, lmcf) : NGX_ERROR;
}


static ngx_http_gateway_log_main_conf_t *
ngx_http_gateway_log_conf(ngx_cycle_t *cycle)
{
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_gateway_log_module);

    return (lmcf && lmcf->sinks.nelts) ? lmcf : NULL;
}


/*
 * After a reload, a process without a master still has requests of the old
 * configuration, but not its files and shared memory.
 */

static ngx_int_t
ngx_http_gateway_log_init_module(ngx_cycle_t *cycle)
{
    ngx_http_gateway_log_main_conf_t  *lmcf;

    if (ngx_process != NGX_PROCESS_SINGLE
        || ngx_is_init_cycle(cycle->old_cycle))
    {
        return NGX_OK;
    }

    lmcf = ngx_http_gateway_log_conf(cycle->old_cycle);

    if (lmcf != NULL) {
        ngx_http_gateway_log_sinks_stop(cycle->old_cycle, lmcf);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_log_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = ngx_http_gateway_log_conf(cycle);

    if (lmcf == NULL) {
        return;
    }

    ngx_http_gateway_log_sinks_stop(cycle, lmcf);

    if (ngx_process == NGX_PROCESS_SINGLE) {
        ngx_http_gateway_log_sinks_report(cycle, lmcf);
    }
}


/*
 * All workers have exited.  Starting the counters reclaims those of killed
 * workers; then all counters are final.
 */

static void
ngx_http_gateway_log_exit_master(ngx_cycle_t *cycle)
{
    ngx_http_gateway_main_conf_t      *gmcf;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = ngx_http_gateway_log_conf(cycle);
    gmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gateway_module);

    if (lmcf != NULL && ngx_process != NGX_PROCESS_SINGLE) {
        ngx_http_gateway_counters_start(gmcf);
        ngx_http_gateway_log_sinks_report(cycle, lmcf);
    }
}
