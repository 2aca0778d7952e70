/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Checks of the whole cycle, with or without http {}.  Only modules of the type
 * NGX_CORE_MODULE have these two functions.
 *
 * create_conf runs at "load_module", before the rest of the configuration is
 * read.  It reports a module file that was replaced: a reload does not load it,
 * since the old cycle still uses the old module, and the dynamic linker returns
 * what is already loaded under that name.
 *
 * init_conf runs after the whole configuration was read and "user" is known,
 * and before anything is changed: an error keeps the old cycle.
 */

#include "ngx_http_gateway.h"


static void *ngx_http_gateway_cycle_create_conf(ngx_cycle_t *cycle);
static char *ngx_http_gateway_cycle_init_conf(ngx_cycle_t *cycle, void *conf);
static void ngx_http_gateway_cycle_file(ngx_cycle_t *cycle,
    ngx_file_info_t *loaded);


static ngx_core_module_t  ngx_http_gateway_cycle_module_ctx = {
    ngx_string("gateway"),
    ngx_http_gateway_cycle_create_conf,
    ngx_http_gateway_cycle_init_conf
};


ngx_module_t  ngx_http_gateway_cycle_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_cycle_module_ctx,    /* module context */
    NULL,                                  /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* returns the file that was loaded, the same for all cycles of the process */

static void *
ngx_http_gateway_cycle_create_conf(ngx_cycle_t *cycle)
{
    static ngx_file_info_t  loaded;

    ngx_http_gateway_cycle_file(cycle, &loaded);

    return &loaded;
}


/*
 * Compares device, inode and size: packages and "make install" replace the file
 * by another one.  Times are not compared, so that "touch" has no effect.
 */

static void
ngx_http_gateway_cycle_file(ngx_cycle_t *cycle, ngx_file_info_t *loaded)
{
    Dl_info          dl;
    ngx_file_info_t  fi;

    if (dladdr(&ngx_http_gateway_cycle_module, &dl) == 0) {
        return;
    }

    if (ngx_file_info(dl.dli_fname, &fi) == NGX_FILE_ERROR) {
        ngx_memzero(&fi, sizeof(ngx_file_info_t));
    }

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "gateway module: file \"%s\", inode %uL, loaded %uL",
                   dl.dli_fname, (uint64_t) fi.st_ino,
                   (uint64_t) loaded->st_ino);

    if (loaded->st_ino == 0) {
        *loaded = fi;
        return;
    }

    if (fi.st_dev != loaded->st_dev || fi.st_ino != loaded->st_ino
        || fi.st_size != loaded->st_size)
    {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "\"%s\" is no longer the module that is running, a "
                      "reload does not load the new one, restart nginx or "
                      "upgrade its binary (USR2)", dl.dli_fname);
    }
}


static char *
ngx_http_gateway_cycle_init_conf(ngx_cycle_t *cycle, void *conf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gateway_module);

    if (gmcf == NULL) {
        return NGX_CONF_OK;
    }

    ngx_http_gateway_early_zones(cycle);

    return (ngx_http_gateway_watch_check(cycle, &gmcf->watches) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}
